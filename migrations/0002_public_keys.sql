-- SSH public keys: of an account, or of one repository (deploy keys). A fingerprint opens one door only, whoever owns it.
-- Ids are never reused, because ledger events name them.
CREATE TABLE public_key (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id      INTEGER REFERENCES users (id),
    repo_id      INTEGER REFERENCES repository (id) ON DELETE CASCADE,
    title        TEXT    NOT NULL,
    -- `SHA256:` and the unpadded base64 of the hash over key, as OpenSSH prints it.
    fingerprint  TEXT    NOT NULL UNIQUE,
    key_type     TEXT    NOT NULL,
    -- The key in SSH wire format.
    key          BLOB    NOT NULL,
    read_only    INTEGER NOT NULL DEFAULT 0 CHECK (read_only IN (0, 1)),
    created_ms   INTEGER NOT NULL,
    last_used_ms INTEGER,
    CHECK ((user_id IS NULL) <> (repo_id IS NULL)),
    CHECK (read_only = 0 OR repo_id IS NOT NULL)
) STRICT;

CREATE INDEX public_key_by_user ON public_key (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX public_key_by_repo ON public_key (repo_id, id) WHERE repo_id IS NOT NULL;
