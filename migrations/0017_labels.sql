-- Labels belong to a repository, or to an organization and are there in all its repositories.
CREATE TABLE label (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repo_id      INTEGER REFERENCES repository (id) ON DELETE CASCADE,
    org_id       INTEGER REFERENCES users (id),
    name         TEXT    NOT NULL,
    name_key     TEXT    NOT NULL,
    color        TEXT    NOT NULL CHECK (length(color) = 6),
    description  TEXT    NOT NULL DEFAULT '',
    is_exclusive INTEGER NOT NULL DEFAULT 0 CHECK (is_exclusive IN (0, 1)),
    is_archived  INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0, 1)),
    created_ms   INTEGER NOT NULL,
    updated_ms   INTEGER NOT NULL,
    CHECK ((repo_id IS NULL) <> (org_id IS NULL)),
    UNIQUE (repo_id, name_key),
    UNIQUE (org_id, name_key)
) STRICT;
