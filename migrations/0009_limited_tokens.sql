-- Tokens that reach some repositories only. The mark stays when the last of them is deleted: such a token reaches nothing.
ALTER TABLE access_token ADD COLUMN is_limited INTEGER NOT NULL DEFAULT 0 CHECK (is_limited IN (0, 1));

CREATE TABLE access_token_repository (
    token_id INTEGER NOT NULL REFERENCES access_token (id) ON DELETE CASCADE,
    repo_id  INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    PRIMARY KEY (token_id, repo_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_token_repository_by_repo ON access_token_repository (repo_id, token_id);

DROP TRIGGER rights_of_tokens_update;
CREATE TRIGGER rights_of_tokens_update AFTER UPDATE OF id, user_id, name, hash, last_eight, scopes, created_ms, expires_ms, is_limited ON access_token
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_token_repositories_insert AFTER INSERT ON access_token_repository
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_token_repositories_update AFTER UPDATE ON access_token_repository
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_token_repositories_delete AFTER DELETE ON access_token_repository
BEGIN UPDATE rights_version SET version = version + 1; END;
