-- Repositories that follow one of another server, and those that are being taken over from one.
ALTER TABLE repository ADD COLUMN is_mirror INTEGER NOT NULL DEFAULT 0 CHECK (is_mirror IN (0, 1));
ALTER TABLE repository ADD COLUMN original_url TEXT NOT NULL DEFAULT '';

CREATE INDEX repository_by_mirror ON repository (id) WHERE is_mirror = 1;

-- How each mirror is kept. A row waits until run_after_ms (null: nobody asks), or is being synchronized (claimed_ms set).
CREATE TABLE mirror (
    repo_id          INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    remote_url       TEXT    NOT NULL,
    -- User name and password at the remote, sealed with a key that is no part of the database; null: none.
    credentials      BLOB,
    -- Taken over once: the row goes when that is done.
    is_once          INTEGER NOT NULL CHECK (is_once IN (0, 1)),
    -- 0: only when somebody asks.
    interval_ms      INTEGER NOT NULL CHECK (interval_ms >= 0),
    -- What the remote no longer has goes here, too.
    prunes           INTEGER NOT NULL DEFAULT 1 CHECK (prunes IN (0, 1)),
    run_after_ms     INTEGER,
    claimed_ms       INTEGER,
    synced_ms        INTEGER,
    -- Failures since the last success.
    failures         INTEGER NOT NULL DEFAULT 0,
    failing_since_ms INTEGER,
    last_error       TEXT,
    -- Changes that were refused the last time, a line for each, so that the ledger is told once.
    refused          TEXT    NOT NULL DEFAULT '',
    created_ms       INTEGER NOT NULL
) STRICT;

CREATE INDEX mirror_due ON mirror (run_after_ms, repo_id) WHERE claimed_ms IS NULL AND run_after_ms IS NOT NULL;
CREATE INDEX mirror_claimed ON mirror (repo_id) WHERE claimed_ms IS NOT NULL;

-- Remembered repositories say whether they are mirrors: those take no pushes.
CREATE TRIGGER rights_of_repository_mirrors_update AFTER UPDATE OF is_mirror, original_url ON repository
BEGIN UPDATE rights_version SET version = version + 1; END;
