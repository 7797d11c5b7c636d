-- Topics: words under which repositories are found. A topic that no repository has any more keeps its id.
CREATE TABLE topic (
    id         INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    -- When a repository last took it.
    updated_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE repository_topic (
    repo_id  INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    topic_id INTEGER NOT NULL REFERENCES topic (id),
    PRIMARY KEY (repo_id, topic_id)
) STRICT;

CREATE INDEX repository_topic_by_topic ON repository_topic (topic_id, repo_id);
