-- How many bytes of which language the default branch of a repository holds: counted by the job that indexes it.
CREATE TABLE repository_language (
    repo_id    INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    language   TEXT    NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
    PRIMARY KEY (repo_id, language)
) STRICT;
