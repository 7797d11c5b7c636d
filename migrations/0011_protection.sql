-- Rules of branches and tags: who may move which refs, and what pushes to them must be like.

CREATE TABLE branch_protection (
    id                                INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repo_id                           INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    -- A branch's name or a glob.
    rule_name                         TEXT    NOT NULL,
    priority                          INTEGER NOT NULL,
    enable_push                       INTEGER NOT NULL CHECK (enable_push IN (0, 1)),
    enable_push_whitelist             INTEGER NOT NULL CHECK (enable_push_whitelist IN (0, 1)),
    push_whitelist_deploy_keys        INTEGER NOT NULL CHECK (push_whitelist_deploy_keys IN (0, 1)),
    enable_force_push                 INTEGER NOT NULL CHECK (enable_force_push IN (0, 1)),
    enable_force_push_allowlist       INTEGER NOT NULL CHECK (enable_force_push_allowlist IN (0, 1)),
    force_push_allowlist_deploy_keys  INTEGER NOT NULL CHECK (force_push_allowlist_deploy_keys IN (0, 1)),
    enable_merge_whitelist            INTEGER NOT NULL CHECK (enable_merge_whitelist IN (0, 1)),
    enable_bypass_allowlist           INTEGER NOT NULL CHECK (enable_bypass_allowlist IN (0, 1)),
    enable_status_check               INTEGER NOT NULL CHECK (enable_status_check IN (0, 1)),
    enable_approvals_whitelist        INTEGER NOT NULL CHECK (enable_approvals_whitelist IN (0, 1)),
    block_on_rejected_reviews         INTEGER NOT NULL CHECK (block_on_rejected_reviews IN (0, 1)),
    block_on_official_review_requests INTEGER NOT NULL CHECK (block_on_official_review_requests IN (0, 1)),
    block_on_outdated_branch          INTEGER NOT NULL CHECK (block_on_outdated_branch IN (0, 1)),
    dismiss_stale_approvals           INTEGER NOT NULL CHECK (dismiss_stale_approvals IN (0, 1)),
    ignore_stale_approvals            INTEGER NOT NULL CHECK (ignore_stale_approvals IN (0, 1)),
    require_signed_commits            INTEGER NOT NULL CHECK (require_signed_commits IN (0, 1)),
    block_admin_merge_override        INTEGER NOT NULL CHECK (block_admin_merge_override IN (0, 1)),
    required_approvals                INTEGER NOT NULL CHECK (required_approvals >= 0),
    -- A JSON array of texts.
    status_check_contexts             TEXT    NOT NULL,
    -- Globs with semicolons between them.
    protected_file_patterns           TEXT    NOT NULL,
    unprotected_file_patterns         TEXT    NOT NULL,
    created_ms                        INTEGER NOT NULL,
    updated_ms                        INTEGER NOT NULL,
    UNIQUE (repo_id, rule_name)
) STRICT;

CREATE TABLE branch_protection_user (
    rule_id INTEGER NOT NULL REFERENCES branch_protection (id) ON DELETE CASCADE,
    list    TEXT    NOT NULL CHECK (list IN ('push', 'force_push', 'merge', 'approvals', 'bypass')),
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (rule_id, list, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX branch_protection_user_by_user ON branch_protection_user (user_id);

CREATE TABLE branch_protection_team (
    rule_id INTEGER NOT NULL REFERENCES branch_protection (id) ON DELETE CASCADE,
    list    TEXT    NOT NULL CHECK (list IN ('push', 'force_push', 'merge', 'approvals', 'bypass')),
    team_id INTEGER NOT NULL,
    PRIMARY KEY (rule_id, list, team_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag_protection (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repo_id      INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    -- A glob, or a regular expression between slashes.
    name_pattern TEXT    NOT NULL,
    created_ms   INTEGER NOT NULL,
    updated_ms   INTEGER NOT NULL,
    UNIQUE (repo_id, name_pattern)
) STRICT;

CREATE TABLE tag_protection_user (
    rule_id INTEGER NOT NULL REFERENCES tag_protection (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (rule_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_protection_user_by_user ON tag_protection_user (user_id);

CREATE TABLE tag_protection_team (
    rule_id INTEGER NOT NULL REFERENCES tag_protection (id) ON DELETE CASCADE,
    team_id INTEGER NOT NULL,
    PRIMARY KEY (rule_id, team_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER rights_of_branch_rules_insert AFTER INSERT ON branch_protection
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_branch_rules_update AFTER UPDATE ON branch_protection
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_branch_rules_delete AFTER DELETE ON branch_protection
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_branch_rule_users_insert AFTER INSERT ON branch_protection_user
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_branch_rule_users_update AFTER UPDATE ON branch_protection_user
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_branch_rule_users_delete AFTER DELETE ON branch_protection_user
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_branch_rule_teams_insert AFTER INSERT ON branch_protection_team
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_branch_rule_teams_update AFTER UPDATE ON branch_protection_team
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_branch_rule_teams_delete AFTER DELETE ON branch_protection_team
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_tag_rules_insert AFTER INSERT ON tag_protection
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_tag_rules_update AFTER UPDATE ON tag_protection
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_tag_rules_delete AFTER DELETE ON tag_protection
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_tag_rule_users_insert AFTER INSERT ON tag_protection_user
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_tag_rule_users_update AFTER UPDATE ON tag_protection_user
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_tag_rule_users_delete AFTER DELETE ON tag_protection_user
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_tag_rule_teams_insert AFTER INSERT ON tag_protection_team
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_tag_rule_teams_update AFTER UPDATE ON tag_protection_team
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_tag_rule_teams_delete AFTER DELETE ON tag_protection_team
BEGIN UPDATE rights_version SET version = version + 1; END;
