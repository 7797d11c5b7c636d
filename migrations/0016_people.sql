-- Addresses of people. The one in `users.email` is here, too; it is the primary one. Somebody who has not shown that an address is
-- theirs takes it from nobody, so only confirmed ones are unique.
CREATE TABLE email_address (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id     INTEGER NOT NULL REFERENCES users (id),
    email       TEXT    NOT NULL,
    email_key   TEXT    NOT NULL,
    is_verified INTEGER NOT NULL DEFAULT 0 CHECK (is_verified IN (0, 1)),
    created_ms  INTEGER NOT NULL,
    UNIQUE (user_id, email_key)
) STRICT;
CREATE UNIQUE INDEX email_address_verified ON email_address (email_key) WHERE is_verified = 1;
CREATE INDEX email_address_by_key ON email_address (email_key);

INSERT INTO email_address (user_id, email, email_key, is_verified, created_ms)
SELECT id, email, email_key, 1, created_ms FROM users WHERE email_key IS NOT NULL ORDER BY id;

-- Former login names; each still leads to its account and to nobody else, ever.
CREATE TABLE account_redirect (
    login_key TEXT    NOT NULL PRIMARY KEY,
    user_id   INTEGER NOT NULL REFERENCES users (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_redirect_by_user ON account_redirect (user_id);

CREATE TRIGGER rights_of_account_redirects_insert AFTER INSERT ON account_redirect
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_account_redirects_update AFTER UPDATE ON account_redirect
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_account_redirects_delete AFTER DELETE ON account_redirect
BEGIN UPDATE rights_version SET version = version + 1; END;

-- What people set for themselves.
ALTER TABLE users ADD COLUMN language        TEXT    NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN theme           TEXT    NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN diff_view_style TEXT    NOT NULL DEFAULT '' CHECK (diff_view_style IN ('', 'unified', 'split'));
ALTER TABLE users ADD COLUMN hides_email     INTEGER NOT NULL DEFAULT 0 CHECK (hides_email IN (0, 1));
ALTER TABLE users ADD COLUMN hides_activity  INTEGER NOT NULL DEFAULT 0 CHECK (hides_activity IN (0, 1));

DROP TRIGGER rights_of_users_update;
CREATE TRIGGER rights_of_users_update AFTER UPDATE OF
    id, login, login_key, full_name, email, email_key, description, website, location, visibility, password_hash, password_version, is_admin,
    is_active, is_login_prohibited, is_restricted, must_change_password, created_ms, updated_ms, deleted_ms, is_organization,
    repo_admin_changes_team_access, language, theme, diff_view_style, hides_email, hides_activity
ON users
BEGIN UPDATE rights_version SET version = version + 1; END;
