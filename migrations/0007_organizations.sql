-- Organizations are accounts that nobody signs in to; teams give their members rights in the repositories of an organization, unit by unit.
ALTER TABLE users ADD COLUMN is_organization INTEGER NOT NULL DEFAULT 0 CHECK (is_organization IN (0, 1));
ALTER TABLE users ADD COLUMN repo_admin_changes_team_access INTEGER NOT NULL DEFAULT 0 CHECK (repo_admin_changes_team_access IN (0, 1));

-- Sums of 2 to the power of a unit's number; see model::unit.
ALTER TABLE repository ADD COLUMN disabled_units INTEGER NOT NULL DEFAULT 0;

CREATE TABLE organization_member (
    org_id     INTEGER NOT NULL REFERENCES users (id),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    is_public  INTEGER NOT NULL DEFAULT 0 CHECK (is_public IN (0, 1)),
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (org_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX organization_member_by_user ON organization_member (user_id, org_id);

CREATE TABLE team (
    id                        INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org_id                    INTEGER NOT NULL REFERENCES users (id),
    name                      TEXT    NOT NULL,
    name_key                  TEXT    NOT NULL,
    description               TEXT    NOT NULL DEFAULT '',
    -- owner and admin hold for every unit; read, write and none are what was asked for, the units say what is given.
    level                     TEXT    NOT NULL CHECK (level IN ('none', 'read', 'write', 'admin', 'owner')),
    visibility                TEXT    NOT NULL DEFAULT 'private' CHECK (visibility IN ('public', 'limited', 'private')),
    includes_all_repositories INTEGER NOT NULL DEFAULT 0 CHECK (includes_all_repositories IN (0, 1)),
    can_create_repository     INTEGER NOT NULL DEFAULT 0 CHECK (can_create_repository IN (0, 1)),
    created_ms                INTEGER NOT NULL,
    updated_ms                INTEGER NOT NULL,
    UNIQUE (org_id, name_key)
) STRICT;

CREATE TABLE team_unit (
    team_id INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    unit    TEXT    NOT NULL,
    level   TEXT    NOT NULL CHECK (level IN ('read', 'write', 'admin', 'owner')),
    PRIMARY KEY (team_id, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE team_member (
    team_id    INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (team_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX team_member_by_user ON team_member (user_id, team_id);

CREATE TABLE team_repository (
    team_id    INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    repo_id    INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (team_id, repo_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX team_repository_by_repo ON team_repository (repo_id, team_id);

DROP TRIGGER rights_of_users_update;
CREATE TRIGGER rights_of_users_update AFTER UPDATE OF
    id, login, login_key, full_name, email, email_key, description, website, location, visibility, password_hash, password_version, is_admin,
    is_active, is_login_prohibited, is_restricted, must_change_password, created_ms, updated_ms, deleted_ms, is_organization,
    repo_admin_changes_team_access
ON users
BEGIN UPDATE rights_version SET version = version + 1; END;

DROP TRIGGER rights_of_repositories_update;
CREATE TRIGGER rights_of_repositories_update AFTER UPDATE OF
    id, owner_id, name, name_key, description, website, default_branch, is_private, is_archived, is_template, created_ms, archived_ms,
    disabled_units
ON repository
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_members_insert AFTER INSERT ON organization_member
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_members_update AFTER UPDATE ON organization_member
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_members_delete AFTER DELETE ON organization_member
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_teams_insert AFTER INSERT ON team
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_teams_update AFTER UPDATE ON team
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_teams_delete AFTER DELETE ON team
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_team_units_insert AFTER INSERT ON team_unit
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_team_units_update AFTER UPDATE ON team_unit
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_team_units_delete AFTER DELETE ON team_unit
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_team_members_insert AFTER INSERT ON team_member
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_team_members_update AFTER UPDATE ON team_member
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_team_members_delete AFTER DELETE ON team_member
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_team_repositories_insert AFTER INSERT ON team_repository
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_team_repositories_update AFTER UPDATE ON team_repository
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_team_repositories_delete AFTER DELETE ON team_repository
BEGIN UPDATE rights_version SET version = version + 1; END;
