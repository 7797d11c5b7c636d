-- Releases of repositories, and the files attached to them. The content of a file lies in the blob store under its SHA-256, once however
-- many rows name it.
CREATE TABLE release (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repo_id       INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    -- Without refs/tags/; of a draft it may not exist yet.
    tag           TEXT    NOT NULL,
    -- What the tag was, or will be, made at: a branch, tag or commit as the caller wrote it.
    target        TEXT    NOT NULL,
    title         TEXT    NOT NULL DEFAULT '',
    body          TEXT    NOT NULL DEFAULT '',
    is_draft      INTEGER NOT NULL DEFAULT 0 CHECK (is_draft IN (0, 1)),
    is_prerelease INTEGER NOT NULL DEFAULT 0 CHECK (is_prerelease IN (0, 1)),
    author_id     INTEGER NOT NULL REFERENCES users (id),
    created_ms    INTEGER NOT NULL,
    -- When it was first shown to everybody; of a draft the time it was made.
    published_ms  INTEGER NOT NULL,
    UNIQUE (repo_id, tag)
) STRICT;

CREATE INDEX release_by_time ON release (repo_id, published_ms, id);
CREATE INDEX release_by_author ON release (author_id);

CREATE TABLE attachment (
    id             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    uuid           TEXT    NOT NULL UNIQUE,
    repo_id        INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    release_id     INTEGER REFERENCES release (id) ON DELETE CASCADE,
    uploader_id    INTEGER NOT NULL REFERENCES users (id),
    name           TEXT    NOT NULL,
    size_bytes     INTEGER NOT NULL CHECK (size_bytes >= 0),
    sha256         BLOB    NOT NULL CHECK (length(sha256) = 32),
    -- What the first bytes look like, never what the uploader said.
    content_type   TEXT    NOT NULL,
    download_count INTEGER NOT NULL DEFAULT 0,
    created_ms     INTEGER NOT NULL
) STRICT;

CREATE INDEX attachment_by_release ON attachment (release_id, id) WHERE release_id IS NOT NULL;
CREATE INDEX attachment_by_repo ON attachment (repo_id, id);
CREATE INDEX attachment_by_sha256 ON attachment (sha256);
CREATE INDEX attachment_by_uploader ON attachment (uploader_id);
