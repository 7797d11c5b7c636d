-- What checks outside say of commits. Rows are only added: the newest of each context counts.
CREATE TABLE commit_status (
    id          INTEGER NOT NULL PRIMARY KEY,
    repo_id     INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    commit_id   BLOB    NOT NULL CHECK (length(commit_id) IN (20, 32)),
    context     TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'success', 'error', 'failure', 'warning', 'skipped')),
    target_url  TEXT    NOT NULL,
    description TEXT    NOT NULL,
    creator_id  INTEGER NOT NULL REFERENCES users (id),
    created_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX commit_status_by_commit ON commit_status (repo_id, commit_id, context, id);
CREATE INDEX commit_status_by_creator ON commit_status (creator_id);
