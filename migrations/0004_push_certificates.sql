-- Certificates of signed pushes, kept as evidence: every byte that was signed, the signature, and what was verified when it came.
-- The ledger events of the push name sha256. Kept when the repository is deleted.
CREATE TABLE push_certificate (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repo_id      INTEGER NOT NULL,
    user_id      INTEGER,
    at_ms        INTEGER NOT NULL,
    sha256       BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
    certificate  BLOB    NOT NULL,
    pusher       TEXT    NOT NULL,
    nonce_status TEXT    NOT NULL CHECK (nonce_status IN ('OK', 'SLOP', 'BAD', 'MISSING')),
    format       TEXT    NOT NULL CHECK (format IN ('ssh', 'openpgp', 'x509')),
    -- verified: by a key of signer_id; unknown_key: by a key that no account has; unverified: kept for whoever can.
    verification TEXT    NOT NULL CHECK (verification IN ('verified', 'unknown_key', 'unverified')),
    fingerprint  TEXT,
    signer_id    INTEGER,
    CHECK ((verification = 'verified') = (signer_id IS NOT NULL))
) STRICT;

CREATE INDEX push_certificate_by_repo ON push_certificate (repo_id, id);

-- INSERT OR REPLACE removes a row without its DELETE trigger, hence the trigger on INSERT.
CREATE TRIGGER push_certificate_only_append BEFORE INSERT ON push_certificate
WHEN EXISTS (SELECT 1 FROM push_certificate WHERE id = NEW.id OR sha256 = NEW.sha256)
BEGIN SELECT RAISE(ABORT, 'push_certificate is append-only'); END;
CREATE TRIGGER push_certificate_no_update BEFORE UPDATE ON push_certificate
BEGIN SELECT RAISE(ABORT, 'push_certificate is append-only'); END;
CREATE TRIGGER push_certificate_no_delete BEFORE DELETE ON push_certificate
BEGIN SELECT RAISE(ABORT, 'push_certificate is append-only'); END;
