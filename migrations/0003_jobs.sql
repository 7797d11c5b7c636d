-- Durable jobs: work that a transaction asked for and that is done after it.

-- A row waits (claimed_ms and failed_ms null), runs (claimed_ms set) or was given up (failed_ms set); one that is done is removed. Of one kind and key at
-- most one row waits, so that asking again changes nothing. Claims are freed when a server starts.
CREATE TABLE job (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind         TEXT    NOT NULL,
    -- What the job is about; of one key no two jobs run at once.
    key          TEXT    NOT NULL,
    payload      TEXT    NOT NULL DEFAULT '{}',
    run_after_ms INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    last_error   TEXT,
    claimed_ms   INTEGER,
    failed_ms    INTEGER,
    created_ms   INTEGER NOT NULL,
    CHECK (claimed_ms IS NULL OR failed_ms IS NULL)
) STRICT;
CREATE UNIQUE INDEX job_waiting ON job (kind, key) WHERE claimed_ms IS NULL AND failed_ms IS NULL;
CREATE INDEX job_due ON job (run_after_ms, id) WHERE claimed_ms IS NULL AND failed_ms IS NULL;
CREATE INDEX job_claimed ON job (key) WHERE claimed_ms IS NOT NULL;
CREATE INDEX job_failed ON job (kind, key) WHERE failed_ms IS NOT NULL;
