-- OpenPGP keys of accounts: a row for each primary key and for each of its subkeys, with what its self-signatures said when it was added.
-- Ids are never reused, because ledger events name them.
CREATE TABLE gpg_key (
    id                  INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id             INTEGER NOT NULL REFERENCES users (id),
    -- Null for a primary key.
    primary_id          INTEGER REFERENCES gpg_key (id) ON DELETE CASCADE,
    -- Upper-case hex.
    key_id              TEXT    NOT NULL CHECK (length(key_id) = 16),
    fingerprint         TEXT    NOT NULL CHECK (length(fingerprint) IN (40, 64)),
    -- The key packet.
    packet              BLOB    NOT NULL,
    -- Seconds since the epoch. Signatures from revoked_s on prove nothing.
    created_s           INTEGER NOT NULL,
    expires_s           INTEGER,
    revoked_s           INTEGER,
    can_sign            INTEGER NOT NULL CHECK (can_sign IN (0, 1)),
    can_certify         INTEGER NOT NULL CHECK (can_certify IN (0, 1)),
    can_encrypt_comms   INTEGER NOT NULL CHECK (can_encrypt_comms IN (0, 1)),
    can_encrypt_storage INTEGER NOT NULL CHECK (can_encrypt_storage IN (0, 1)),
    -- Of primary keys: lower-case addresses of the user ids, one a line; the holder signed a challenge; all packets that were kept.
    addresses           TEXT    NOT NULL,
    is_challenged       INTEGER NOT NULL CHECK (is_challenged IN (0, 1)),
    certificate         BLOB,
    added_ms            INTEGER NOT NULL,
    CHECK ((primary_id IS NULL) = (certificate IS NOT NULL))
) STRICT;

-- A key id belongs to one primary key, whoever has it.
CREATE UNIQUE INDEX gpg_key_primary ON gpg_key (key_id) WHERE primary_id IS NULL;
CREATE INDEX gpg_key_by_key_id ON gpg_key (key_id, user_id);
CREATE INDEX gpg_key_by_fingerprint ON gpg_key (fingerprint);
CREATE INDEX gpg_key_by_user ON gpg_key (user_id, id) WHERE primary_id IS NULL;
CREATE INDEX gpg_key_by_primary ON gpg_key (primary_id, id) WHERE primary_id IS NOT NULL;
