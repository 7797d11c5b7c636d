-- Stars and watches: who likes a repository, and who wants to hear of it. Both end with the repository; an account that is deleted takes its own along.
CREATE TABLE star (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    repo_id    INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, repo_id)
) STRICT;

CREATE INDEX star_by_repo ON star (repo_id, user_id);

CREATE TABLE watch (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    repo_id    INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, repo_id)
) STRICT;

CREATE INDEX watch_by_repo ON watch (repo_id, user_id);
