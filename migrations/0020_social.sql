-- Who follows whom, and whom an account or an organization has blocked. Both end with either account.
CREATE TABLE follow (
    user_id     INTEGER NOT NULL REFERENCES users (id),
    followed_id INTEGER NOT NULL REFERENCES users (id),
    created_ms  INTEGER NOT NULL,
    PRIMARY KEY (user_id, followed_id),
    CHECK (user_id <> followed_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX follow_by_followed ON follow (followed_id, user_id);

CREATE TABLE block (
    blocker_id INTEGER NOT NULL REFERENCES users (id),
    blocked_id INTEGER NOT NULL REFERENCES users (id),
    note       TEXT    NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX block_by_blocked ON block (blocked_id, blocker_id);

-- Pictures of accounts, organizations and repositories: the content lies in the blob store under its SHA-256.
ALTER TABLE users ADD COLUMN avatar_sha256 BLOB CHECK (length(avatar_sha256) = 32);
ALTER TABLE users ADD COLUMN avatar_bytes INTEGER NOT NULL DEFAULT 0 CHECK (avatar_bytes >= 0);
ALTER TABLE repository ADD COLUMN avatar_sha256 BLOB CHECK (length(avatar_sha256) = 32);
ALTER TABLE repository ADD COLUMN avatar_bytes INTEGER NOT NULL DEFAULT 0 CHECK (avatar_bytes >= 0);

CREATE INDEX users_by_avatar ON users (avatar_sha256) WHERE avatar_sha256 IS NOT NULL;
CREATE INDEX repository_by_avatar ON repository (avatar_sha256) WHERE avatar_sha256 IS NOT NULL;

-- Remembered accounts and repositories show their pictures.
CREATE TRIGGER rights_of_user_avatars_update AFTER UPDATE OF avatar_sha256, avatar_bytes ON users
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_repository_avatars_update AFTER UPDATE OF avatar_sha256, avatar_bytes ON repository
BEGIN UPDATE rights_version SET version = version + 1; END;
