-- A number that grows with every change that may alter who may do what: what is remembered of such rows is good as long as it stays.
-- Columns that only tell when something was used, or how large it is, change no right.
CREATE TABLE rights_version (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO rights_version (id, version) VALUES (1, 1);

CREATE TRIGGER rights_of_users_insert AFTER INSERT ON users
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_users_update AFTER UPDATE OF
    id, login, login_key, full_name, email, email_key, description, website, location, visibility, password_hash, password_version, is_admin,
    is_active, is_login_prohibited, is_restricted, must_change_password, created_ms, updated_ms, deleted_ms
ON users
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_users_delete AFTER DELETE ON users
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_tokens_insert AFTER INSERT ON access_token
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_tokens_update AFTER UPDATE OF id, user_id, name, hash, last_eight, scopes, created_ms, expires_ms ON access_token
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_tokens_delete AFTER DELETE ON access_token
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_keys_insert AFTER INSERT ON public_key
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_keys_update AFTER UPDATE OF id, user_id, repo_id, title, fingerprint, key_type, key, read_only, created_ms ON public_key
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_keys_delete AFTER DELETE ON public_key
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_repositories_insert AFTER INSERT ON repository
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_repositories_update AFTER UPDATE OF
    id, owner_id, name, name_key, description, website, default_branch, is_private, is_archived, is_template, created_ms, archived_ms
ON repository
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_repositories_delete AFTER DELETE ON repository
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_redirects_insert AFTER INSERT ON repository_redirect
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_redirects_update AFTER UPDATE ON repository_redirect
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_redirects_delete AFTER DELETE ON repository_redirect
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_collaborators_insert AFTER INSERT ON collaboration
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_collaborators_update AFTER UPDATE ON collaboration
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_collaborators_delete AFTER DELETE ON collaboration
BEGIN UPDATE rights_version SET version = version + 1; END;
