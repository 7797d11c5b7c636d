-- A repository that was offered to another owner and not accepted or rejected yet.
CREATE TABLE repository_transfer (
    repo_id      INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    doer_id      INTEGER NOT NULL REFERENCES users (id),
    recipient_id INTEGER NOT NULL REFERENCES users (id),
    created_ms   INTEGER NOT NULL
) STRICT;

CREATE INDEX repository_transfer_by_recipient ON repository_transfer (recipient_id, repo_id);

CREATE INDEX repository_transfer_by_doer ON repository_transfer (doer_id);

-- Teams of the recipient that get access when it is accepted.
CREATE TABLE repository_transfer_team (
    repo_id INTEGER NOT NULL REFERENCES repository_transfer (repo_id) ON DELETE CASCADE,
    team_id INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    PRIMARY KEY (repo_id, team_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX repository_transfer_team_by_team ON repository_transfer_team (team_id, repo_id);
