-- The whole schema: what replaying every migration gives. Made for reading; a test keeps it equal.

CREATE TABLE instance (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id                   INTEGER NOT NULL PRIMARY KEY,
    login                TEXT    NOT NULL,
    login_key            TEXT    NOT NULL UNIQUE,
    full_name            TEXT    NOT NULL DEFAULT '',
    email                TEXT    NOT NULL,
    email_key            TEXT    UNIQUE,
    description          TEXT    NOT NULL DEFAULT '',
    website              TEXT    NOT NULL DEFAULT '',
    location             TEXT    NOT NULL DEFAULT '',
    visibility           TEXT    NOT NULL DEFAULT 'public' CHECK (visibility IN ('public', 'limited', 'private')),
    password_hash        TEXT    NOT NULL,
    password_version     INTEGER NOT NULL DEFAULT 1,
    is_admin             INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)),
    is_active            INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    is_login_prohibited  INTEGER NOT NULL DEFAULT 0 CHECK (is_login_prohibited IN (0, 1)),
    is_restricted        INTEGER NOT NULL DEFAULT 0 CHECK (is_restricted IN (0, 1)),
    must_change_password INTEGER NOT NULL DEFAULT 0 CHECK (must_change_password IN (0, 1)),
    created_ms           INTEGER NOT NULL,
    updated_ms           INTEGER NOT NULL,
    last_login_ms        INTEGER,
    deleted_ms           INTEGER
, is_organization INTEGER NOT NULL DEFAULT 0 CHECK (is_organization IN (0, 1)), repo_admin_changes_team_access INTEGER NOT NULL DEFAULT 0 CHECK (repo_admin_changes_team_access IN (0, 1)), language        TEXT    NOT NULL DEFAULT '', theme           TEXT    NOT NULL DEFAULT '', diff_view_style TEXT    NOT NULL DEFAULT '' CHECK (diff_view_style IN ('', 'unified', 'split')), hides_email     INTEGER NOT NULL DEFAULT 0 CHECK (hides_email IN (0, 1)), hides_activity  INTEGER NOT NULL DEFAULT 0 CHECK (hides_activity IN (0, 1)), avatar_sha256 BLOB CHECK (length(avatar_sha256) = 32), avatar_bytes INTEGER NOT NULL DEFAULT 0 CHECK (avatar_bytes >= 0), max_repositories INTEGER CHECK (max_repositories >= 0), may_create_organizations INTEGER NOT NULL DEFAULT 1 CHECK (may_create_organizations IN (0, 1))) STRICT;

CREATE TABLE access_token (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id      INTEGER NOT NULL REFERENCES users (id),
    name         TEXT    NOT NULL,
    hash         BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    last_eight   TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    created_ms   INTEGER NOT NULL,
    expires_ms   INTEGER,
    last_used_ms INTEGER, is_limited INTEGER NOT NULL DEFAULT 0 CHECK (is_limited IN (0, 1)),
    UNIQUE (user_id, name)
) STRICT;

CREATE TABLE repository (
    id             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    owner_id       INTEGER NOT NULL REFERENCES users (id),
    name           TEXT    NOT NULL,
    name_key       TEXT    NOT NULL,
    description    TEXT    NOT NULL DEFAULT '',
    website        TEXT    NOT NULL DEFAULT '',
    default_branch TEXT    NOT NULL,
    is_private     INTEGER NOT NULL DEFAULT 0 CHECK (is_private IN (0, 1)),
    is_archived    INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0, 1)),
    is_template    INTEGER NOT NULL DEFAULT 0 CHECK (is_template IN (0, 1)),
    size_bytes     INTEGER NOT NULL DEFAULT 0,
    -- Directory below the repositories directory that still has to be moved to OWNER/NAME.git; null: it is there.
    moved_from     TEXT,
    created_ms     INTEGER NOT NULL,
    updated_ms     INTEGER NOT NULL,
    pushed_ms      INTEGER,
    archived_ms    INTEGER, disabled_units INTEGER NOT NULL DEFAULT 0, fork_id INTEGER REFERENCES repository (id) ON DELETE SET NULL, avatar_sha256 BLOB CHECK (length(avatar_sha256) = 32), avatar_bytes INTEGER NOT NULL DEFAULT 0 CHECK (avatar_bytes >= 0), is_mirror INTEGER NOT NULL DEFAULT 0 CHECK (is_mirror IN (0, 1)), original_url TEXT NOT NULL DEFAULT '', star_count INTEGER NOT NULL DEFAULT 0, fork_count INTEGER NOT NULL DEFAULT 0, origin_id INTEGER,
    UNIQUE (owner_id, name_key)
) STRICT;

CREATE INDEX repository_by_name ON repository (name_key, id);

CREATE INDEX repository_by_created ON repository (created_ms, id);

CREATE INDEX repository_by_updated ON repository (updated_ms, id);

CREATE INDEX repository_moving ON repository (id) WHERE moved_from IS NOT NULL;

CREATE TABLE repository_redirect (
    owner_id INTEGER NOT NULL REFERENCES users (id),
    name_key TEXT    NOT NULL,
    repo_id  INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    PRIMARY KEY (owner_id, name_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX repository_redirect_by_repo ON repository_redirect (repo_id);

CREATE TABLE repository_removal (
    repo_id       INTEGER NOT NULL,
    relative_path TEXT    NOT NULL,
    PRIMARY KEY (repo_id, relative_path)
) STRICT, WITHOUT ROWID;

CREATE TABLE collaboration (
    repo_id    INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    level      TEXT    NOT NULL CHECK (level IN ('read', 'write', 'admin')),
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (repo_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX collaboration_by_user ON collaboration (user_id, repo_id);

CREATE TABLE refs (
    repo_id INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    name    TEXT    NOT NULL,
    target  BLOB    NOT NULL CHECK (length(target) IN (20, 32)),
    -- The object an annotated tag finally points at; null for everything else.
    peeled  BLOB    CHECK (peeled IS NULL OR length(peeled) = length(target)),
    PRIMARY KEY (repo_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE ref_journal (
    seq       INTEGER NOT NULL PRIMARY KEY,
    repo_id   INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    old       BLOB,
    new       BLOB,
    user_id   INTEGER,
    audit_seq INTEGER NOT NULL UNIQUE,
    at_ms     INTEGER NOT NULL,
    CHECK (old IS NOT new)
) STRICT;

CREATE INDEX ref_journal_by_repo ON ref_journal (repo_id, seq);

CREATE INDEX ref_journal_by_ref ON ref_journal (repo_id, name, seq);

CREATE TRIGGER ref_journal_only_append BEFORE INSERT ON ref_journal
WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM ref_journal)
    OR EXISTS (SELECT 1 FROM ref_journal WHERE audit_seq = NEW.audit_seq)
BEGIN SELECT RAISE(ABORT, 'ref_journal is append-only'); END;

CREATE TRIGGER ref_journal_no_update BEFORE UPDATE ON ref_journal
BEGIN SELECT RAISE(ABORT, 'ref_journal is append-only'); END;

CREATE TRIGGER ref_journal_no_delete BEFORE DELETE ON ref_journal
BEGIN SELECT RAISE(ABORT, 'ref_journal is append-only'); END;

CREATE TABLE ref_projection (
    repo_id INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    seq     INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_event (
    seq      INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    event    BLOB    NOT NULL,
    leaf     BLOB    NOT NULL CHECK (length(leaf) = 32),
    at_ms    INTEGER NOT NULL,
    action   TEXT    NOT NULL,
    actor_id INTEGER,
    repo_id  INTEGER
, on_behalf_id INTEGER GENERATED ALWAYS AS (
    CASE WHEN json_valid(CAST(event AS TEXT)) THEN json_extract(CAST(event AS TEXT), '$.on_behalf.id') END
) VIRTUAL) STRICT;

CREATE INDEX audit_event_by_behalf ON audit_event (on_behalf_id, seq) WHERE on_behalf_id IS NOT NULL;

CREATE INDEX audit_event_by_repo ON audit_event (repo_id, seq) WHERE repo_id IS NOT NULL;

CREATE INDEX audit_event_by_actor ON audit_event (actor_id, seq) WHERE actor_id IS NOT NULL;

CREATE TRIGGER audit_event_only_append BEFORE INSERT ON audit_event
WHEN NEW.seq IS NOT (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_event)
BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END;

CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END;

CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
BEGIN SELECT RAISE(ABORT, 'audit_event is append-only'); END;

CREATE TABLE audit_personal (
    seq   INTEGER NOT NULL REFERENCES audit_event (seq),
    field TEXT    NOT NULL CHECK (field IN ('ip', 'ua')),
    salt  BLOB,
    value TEXT,
    PRIMARY KEY (seq, field),
    CHECK ((salt IS NULL) = (value IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_personal_only_append BEFORE INSERT ON audit_personal
WHEN NEW.seq IS NOT (SELECT MAX(seq) FROM audit_event)
    OR EXISTS (SELECT 1 FROM audit_personal WHERE seq = NEW.seq AND field = NEW.field)
BEGIN SELECT RAISE(ABORT, 'audit_personal is append-only'); END;

CREATE TRIGGER audit_personal_only_erasure BEFORE UPDATE ON audit_personal
WHEN NEW.seq IS NOT OLD.seq OR NEW.field IS NOT OLD.field OR NEW.salt IS NOT NULL OR NEW.value IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'audit_personal may only be erased'); END;

CREATE TRIGGER audit_personal_no_delete BEFORE DELETE ON audit_personal
BEGIN SELECT RAISE(ABORT, 'audit_personal is append-only'); END;

CREATE TABLE public_key (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id      INTEGER REFERENCES users (id),
    repo_id      INTEGER REFERENCES repository (id) ON DELETE CASCADE,
    title        TEXT    NOT NULL,
    -- `SHA256:` and the unpadded base64 of the hash over key, as OpenSSH prints it.
    fingerprint  TEXT    NOT NULL UNIQUE,
    key_type     TEXT    NOT NULL,
    -- The key in SSH wire format.
    key          BLOB    NOT NULL,
    read_only    INTEGER NOT NULL DEFAULT 0 CHECK (read_only IN (0, 1)),
    created_ms   INTEGER NOT NULL,
    last_used_ms INTEGER,
    CHECK ((user_id IS NULL) <> (repo_id IS NULL)),
    CHECK (read_only = 0 OR repo_id IS NOT NULL)
) STRICT;

CREATE INDEX public_key_by_user ON public_key (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX public_key_by_repo ON public_key (repo_id, id) WHERE repo_id IS NOT NULL;

CREATE TABLE job (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind         TEXT    NOT NULL,
    -- What the job is about; of one key no two jobs run at once.
    key          TEXT    NOT NULL,
    payload      TEXT    NOT NULL DEFAULT '{}',
    run_after_ms INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    last_error   TEXT,
    claimed_ms   INTEGER,
    failed_ms    INTEGER,
    created_ms   INTEGER NOT NULL,
    CHECK (claimed_ms IS NULL OR failed_ms IS NULL)
) STRICT;

CREATE UNIQUE INDEX job_waiting ON job (kind, key) WHERE claimed_ms IS NULL AND failed_ms IS NULL;

CREATE INDEX job_due ON job (run_after_ms, id) WHERE claimed_ms IS NULL AND failed_ms IS NULL;

CREATE INDEX job_claimed ON job (key) WHERE claimed_ms IS NOT NULL;

CREATE INDEX job_failed ON job (kind, key) WHERE failed_ms IS NOT NULL;

CREATE TABLE push_certificate (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repo_id      INTEGER NOT NULL,
    user_id      INTEGER,
    at_ms        INTEGER NOT NULL,
    sha256       BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
    certificate  BLOB    NOT NULL,
    pusher       TEXT    NOT NULL,
    nonce_status TEXT    NOT NULL CHECK (nonce_status IN ('OK', 'SLOP', 'BAD', 'MISSING')),
    format       TEXT    NOT NULL CHECK (format IN ('ssh', 'openpgp', 'x509')),
    -- verified: by a key of signer_id; unknown_key: by a key that no account has; unverified: kept for whoever can.
    verification TEXT    NOT NULL CHECK (verification IN ('verified', 'unknown_key', 'unverified')),
    fingerprint  TEXT,
    signer_id    INTEGER,
    CHECK ((verification = 'verified') = (signer_id IS NOT NULL))
) STRICT;

CREATE INDEX push_certificate_by_repo ON push_certificate (repo_id, id);

CREATE TRIGGER push_certificate_only_append BEFORE INSERT ON push_certificate
WHEN EXISTS (SELECT 1 FROM push_certificate WHERE id = NEW.id OR sha256 = NEW.sha256)
BEGIN SELECT RAISE(ABORT, 'push_certificate is append-only'); END;

CREATE TRIGGER push_certificate_no_update BEFORE UPDATE ON push_certificate
BEGIN SELECT RAISE(ABORT, 'push_certificate is append-only'); END;

CREATE TRIGGER push_certificate_no_delete BEFORE DELETE ON push_certificate
BEGIN SELECT RAISE(ABORT, 'push_certificate is append-only'); END;

CREATE TABLE rights_version (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;

CREATE TRIGGER rights_of_users_insert AFTER INSERT ON users
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_users_update AFTER UPDATE OF
    id, login, login_key, full_name, email, email_key, description, website, location, visibility, password_hash, password_version, is_admin,
    is_active, is_login_prohibited, is_restricted, must_change_password, created_ms, updated_ms, deleted_ms, is_organization,
    repo_admin_changes_team_access, language, theme, diff_view_style, hides_email, hides_activity
ON users
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_users_delete AFTER DELETE ON users
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE TRIGGER rights_of_tokens_insert AFTER INSERT ON access_token
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_tokens_update AFTER UPDATE OF id, user_id, name, hash, last_eight, scopes, created_ms, expires_ms, is_limited ON access_token
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
    id, owner_id, name, name_key, description, website, default_branch, is_private, is_archived, is_template, created_ms, archived_ms,
    disabled_units, fork_id
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

CREATE TABLE waiting_pack (
    id      INTEGER NOT NULL PRIMARY KEY,
    repo_id INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    pack    BLOB    NOT NULL,
    -- Lines of its index by id: 20 bytes of id, then offset and CRC-32, four bytes each, big-endian.
    lines   BLOB    NOT NULL
) STRICT;

CREATE INDEX waiting_pack_by_repo ON waiting_pack (repo_id, id);

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

CREATE TABLE repository_transfer (
    repo_id      INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    doer_id      INTEGER NOT NULL REFERENCES users (id),
    recipient_id INTEGER NOT NULL REFERENCES users (id),
    created_ms   INTEGER NOT NULL
) STRICT;

CREATE INDEX repository_transfer_by_recipient ON repository_transfer (recipient_id, repo_id);

CREATE INDEX repository_transfer_by_doer ON repository_transfer (doer_id);

CREATE TABLE repository_transfer_team (
    repo_id INTEGER NOT NULL REFERENCES repository_transfer (repo_id) ON DELETE CASCADE,
    team_id INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    PRIMARY KEY (repo_id, team_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX repository_transfer_team_by_team ON repository_transfer_team (team_id, repo_id);

CREATE TABLE access_token_repository (
    token_id INTEGER NOT NULL REFERENCES access_token (id) ON DELETE CASCADE,
    repo_id  INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    PRIMARY KEY (token_id, repo_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX access_token_repository_by_repo ON access_token_repository (repo_id, token_id);

CREATE TRIGGER rights_of_token_repositories_insert AFTER INSERT ON access_token_repository
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_token_repositories_update AFTER UPDATE ON access_token_repository
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_token_repositories_delete AFTER DELETE ON access_token_repository
BEGIN UPDATE rights_version SET version = version + 1; END;

CREATE INDEX repository_by_fork ON repository (fork_id, owner_id) WHERE fork_id IS NOT NULL;
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
CREATE TABLE release (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repo_id       INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    -- Without refs/tags/; of a draft it may not exist yet.
    tag           TEXT    NOT NULL,
    -- What the tag was, or will be, made at: a branch, tag or commit as the caller wrote it.
    target        TEXT    NOT NULL,
    title         TEXT    NOT NULL DEFAULT '',
    body          TEXT    NOT NULL DEFAULT '',
    is_draft      INTEGER NOT NULL DEFAULT 0 CHECK (is_draft IN (0, 1)),
    is_prerelease INTEGER NOT NULL DEFAULT 0 CHECK (is_prerelease IN (0, 1)),
    author_id     INTEGER NOT NULL REFERENCES users (id),
    created_ms    INTEGER NOT NULL,
    -- When it was first shown to everybody; of a draft the time it was made.
    published_ms  INTEGER NOT NULL,
    UNIQUE (repo_id, tag)
) STRICT;

CREATE INDEX release_by_time ON release (repo_id, published_ms, id);
CREATE INDEX release_by_author ON release (author_id);

CREATE TABLE attachment (
    id             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    uuid           TEXT    NOT NULL UNIQUE,
    repo_id        INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    release_id     INTEGER REFERENCES release (id) ON DELETE CASCADE,
    uploader_id    INTEGER NOT NULL REFERENCES users (id),
    name           TEXT    NOT NULL,
    size_bytes     INTEGER NOT NULL CHECK (size_bytes >= 0),
    sha256         BLOB    NOT NULL CHECK (length(sha256) = 32),
    -- What the first bytes look like, never what the uploader said.
    content_type   TEXT    NOT NULL,
    download_count INTEGER NOT NULL DEFAULT 0,
    created_ms     INTEGER NOT NULL
) STRICT;

CREATE INDEX attachment_by_release ON attachment (release_id, id) WHERE release_id IS NOT NULL;
CREATE INDEX attachment_by_repo ON attachment (repo_id, id);
CREATE INDEX attachment_by_sha256 ON attachment (sha256);
CREATE INDEX attachment_by_uploader ON attachment (uploader_id);
CREATE TABLE topic (
    id         INTEGER NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    -- When a repository last took it.
    updated_ms INTEGER NOT NULL
, repo_count INTEGER NOT NULL DEFAULT 0, open_count INTEGER NOT NULL DEFAULT 0, public_count INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE repository_topic (
    repo_id  INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    topic_id INTEGER NOT NULL REFERENCES topic (id), audience INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (repo_id, topic_id)
) STRICT;

CREATE INDEX repository_topic_by_topic ON repository_topic (topic_id, repo_id);

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

CREATE TABLE label (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    repo_id      INTEGER REFERENCES repository (id) ON DELETE CASCADE,
    org_id       INTEGER REFERENCES users (id),
    name         TEXT    NOT NULL,
    name_key     TEXT    NOT NULL,
    color        TEXT    NOT NULL CHECK (length(color) = 6),
    description  TEXT    NOT NULL DEFAULT '',
    is_exclusive INTEGER NOT NULL DEFAULT 0 CHECK (is_exclusive IN (0, 1)),
    is_archived  INTEGER NOT NULL DEFAULT 0 CHECK (is_archived IN (0, 1)),
    created_ms   INTEGER NOT NULL,
    updated_ms   INTEGER NOT NULL,
    CHECK ((repo_id IS NULL) <> (org_id IS NULL)),
    UNIQUE (repo_id, name_key),
    UNIQUE (org_id, name_key)
) STRICT;

CREATE TABLE gpg_key (
    id                  INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id             INTEGER NOT NULL REFERENCES users (id),
    -- Null for a primary key.
    primary_id          INTEGER REFERENCES gpg_key (id) ON DELETE CASCADE,
    -- Upper-case hex.
    key_id              TEXT    NOT NULL CHECK (length(key_id) = 16),
    fingerprint         TEXT    NOT NULL CHECK (length(fingerprint) IN (40, 64)),
    -- The key packet.
    packet              BLOB    NOT NULL,
    -- Seconds since the epoch. Signatures from revoked_s on prove nothing.
    created_s           INTEGER NOT NULL,
    expires_s           INTEGER,
    revoked_s           INTEGER,
    can_sign            INTEGER NOT NULL CHECK (can_sign IN (0, 1)),
    can_certify         INTEGER NOT NULL CHECK (can_certify IN (0, 1)),
    can_encrypt_comms   INTEGER NOT NULL CHECK (can_encrypt_comms IN (0, 1)),
    can_encrypt_storage INTEGER NOT NULL CHECK (can_encrypt_storage IN (0, 1)),
    -- Of primary keys: lower-case addresses of the user ids, one a line; the holder signed a challenge; all packets that were kept.
    addresses           TEXT    NOT NULL,
    is_challenged       INTEGER NOT NULL CHECK (is_challenged IN (0, 1)),
    certificate         BLOB,
    added_ms            INTEGER NOT NULL,
    CHECK ((primary_id IS NULL) = (certificate IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX gpg_key_primary ON gpg_key (key_id) WHERE primary_id IS NULL;
CREATE INDEX gpg_key_by_key_id ON gpg_key (key_id, user_id);
CREATE INDEX gpg_key_by_fingerprint ON gpg_key (fingerprint);
CREATE INDEX gpg_key_by_user ON gpg_key (user_id, id) WHERE primary_id IS NULL;
CREATE INDEX gpg_key_by_primary ON gpg_key (primary_id, id) WHERE primary_id IS NOT NULL;

CREATE TABLE repository_language (
    repo_id    INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    language   TEXT    NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes > 0),
    PRIMARY KEY (repo_id, language)
) STRICT;

CREATE TABLE follow (
    user_id     INTEGER NOT NULL REFERENCES users (id),
    followed_id INTEGER NOT NULL REFERENCES users (id),
    created_ms  INTEGER NOT NULL,
    PRIMARY KEY (user_id, followed_id),
    CHECK (user_id <> followed_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX follow_by_followed ON follow (followed_id, user_id);

CREATE TABLE block (
    blocker_id INTEGER NOT NULL REFERENCES users (id),
    blocked_id INTEGER NOT NULL REFERENCES users (id),
    note       TEXT    NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX block_by_blocked ON block (blocked_id, blocker_id);

CREATE INDEX users_by_avatar ON users (avatar_sha256) WHERE avatar_sha256 IS NOT NULL;
CREATE INDEX repository_by_avatar ON repository (avatar_sha256) WHERE avatar_sha256 IS NOT NULL;

CREATE TRIGGER rights_of_user_avatars_update AFTER UPDATE OF avatar_sha256, avatar_bytes ON users
BEGIN UPDATE rights_version SET version = version + 1; END;
CREATE TRIGGER rights_of_repository_avatars_update AFTER UPDATE OF avatar_sha256, avatar_bytes ON repository
BEGIN UPDATE rights_version SET version = version + 1; END;
-- Mails that wait to be sent, written in the transaction of what causes them. A row waits (claimed_ms and failed_ms null), is being sent (claimed_ms set) or
-- was given up (failed_ms set, without its text); one that was sent is removed. No row holds a code: codes are made when a mail is sent.
CREATE TABLE outgoing_mail (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    recipient    TEXT    NOT NULL,
    purpose      TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    -- The row that the link in it is about, by purpose.
    about        INTEGER,
    created_ms   INTEGER NOT NULL,
    expires_ms   INTEGER NOT NULL,
    run_after_ms INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    claimed_ms   INTEGER,
    failed_ms    INTEGER,
    last_error   TEXT
, recipient_key TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX outgoing_mail_due ON outgoing_mail (run_after_ms, id) WHERE claimed_ms IS NULL AND failed_ms IS NULL;
CREATE INDEX outgoing_mail_claimed ON outgoing_mail (claimed_ms) WHERE claimed_ms IS NOT NULL;
CREATE INDEX outgoing_mail_failed ON outgoing_mail (failed_ms) WHERE failed_ms IS NOT NULL;
CREATE INDEX outgoing_mail_by_recipient ON outgoing_mail (recipient_key);

-- Accounts that strangers asked for and have not confirmed. They reserve neither name nor address: who confirms first has it.
CREATE TABLE registration (
    id            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    login         TEXT    NOT NULL,
    login_key     TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    email_key     TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    created_ms    INTEGER NOT NULL,
    expires_ms    INTEGER NOT NULL
, neighbourhood TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX registration_by_expiry ON registration (expires_ms);
CREATE INDEX registration_by_login ON registration (login_key);
CREATE INDEX registration_by_email ON registration (email_key);
CREATE INDEX registration_by_neighbourhood ON registration (neighbourhood, id);

CREATE INDEX repository_by_mirror ON repository (id) WHERE is_mirror = 1;

-- How each mirror is kept. A row waits until run_after_ms (null: nobody asks), or is being synchronized (claimed_ms set).
CREATE TABLE mirror (
    repo_id          INTEGER NOT NULL PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    remote_url       TEXT    NOT NULL,
    -- User name and password at the remote, sealed with a key that is no part of the database; null: none.
    credentials      BLOB,
    -- Taken over once: the row goes when that is done.
    is_once          INTEGER NOT NULL CHECK (is_once IN (0, 1)),
    -- 0: only when somebody asks.
    interval_ms      INTEGER NOT NULL CHECK (interval_ms >= 0),
    -- What the remote no longer has goes here, too.
    prunes           INTEGER NOT NULL DEFAULT 1 CHECK (prunes IN (0, 1)),
    run_after_ms     INTEGER,
    claimed_ms       INTEGER,
    synced_ms        INTEGER,
    -- Failures since the last success.
    failures         INTEGER NOT NULL DEFAULT 0,
    failing_since_ms INTEGER,
    last_error       TEXT,
    -- Changes that were refused the last time, a line for each, so that the ledger is told once.
    refused          TEXT    NOT NULL DEFAULT '',
    created_ms       INTEGER NOT NULL
, began_ms INTEGER) STRICT;

CREATE INDEX mirror_due ON mirror (run_after_ms, repo_id) WHERE claimed_ms IS NULL AND run_after_ms IS NOT NULL;
CREATE INDEX mirror_claimed ON mirror (repo_id) WHERE claimed_ms IS NOT NULL;

-- Remembered repositories say whether they are mirrors: those take no pushes.
CREATE TRIGGER rights_of_repository_mirrors_update AFTER UPDATE OF is_mirror, original_url ON repository
BEGIN UPDATE rights_version SET version = version + 1; END;
-- People who were invited to a team by an address. The code in the mail's link stands nowhere: token_hash is its SHA-256, and seed makes it again only together
-- with the secret of the installation. A row goes when it is answered, withdrawn or over.
CREATE TABLE team_invitation (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    team_id    INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    inviter_id INTEGER NOT NULL REFERENCES users (id),
    email      TEXT    NOT NULL,
    email_key  TEXT    NOT NULL,
    seed       TEXT    NOT NULL,
    token_hash TEXT    NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    UNIQUE (team_id, email_key)
) STRICT;
CREATE INDEX team_invitation_by_email ON team_invitation (email_key);
CREATE INDEX team_invitation_by_inviter ON team_invitation (inviter_id);
CREATE INDEX team_invitation_by_expiry ON team_invitation (expires_ms);


-- What lists of repositories are ordered by and counted from; stars, forks and topics are counted by triggers.
CREATE INDEX repository_by_owner ON repository (owner_id, is_private);
CREATE INDEX repository_by_size ON repository (size_bytes, id);
CREATE INDEX repository_by_stars ON repository (star_count, id);
CREATE INDEX repository_by_forks ON repository (fork_count, id);

CREATE TRIGGER star_count_insert AFTER INSERT ON star
BEGIN UPDATE repository SET star_count = star_count + 1 WHERE id = NEW.repo_id; END;
CREATE TRIGGER star_count_delete AFTER DELETE ON star
BEGIN UPDATE repository SET star_count = star_count - 1 WHERE id = OLD.repo_id; END;
CREATE TRIGGER star_count_update AFTER UPDATE OF repo_id ON star
BEGIN
    UPDATE repository SET star_count = star_count - 1 WHERE id = OLD.repo_id;
    UPDATE repository SET star_count = star_count + 1 WHERE id = NEW.repo_id;
END;

CREATE TRIGGER fork_count_insert AFTER INSERT ON repository WHEN NEW.fork_id IS NOT NULL
BEGIN UPDATE repository SET fork_count = fork_count + 1 WHERE id = NEW.fork_id; END;
CREATE TRIGGER fork_count_delete AFTER DELETE ON repository WHEN OLD.fork_id IS NOT NULL
BEGIN UPDATE repository SET fork_count = fork_count - 1 WHERE id = OLD.fork_id; END;
CREATE TRIGGER fork_count_update AFTER UPDATE OF fork_id ON repository
BEGIN
    UPDATE repository SET fork_count = fork_count - 1 WHERE id = OLD.fork_id;
    UPDATE repository SET fork_count = fork_count + 1 WHERE id = NEW.fork_id;
END;

-- Who may see a repository without being named: 0 nobody, 1 every account, 2 everybody.
CREATE VIEW repository_audience AS
    SELECT r.id AS repo_id,
        CASE WHEN r.is_private = 1 THEN 0 WHEN u.visibility = 'public' THEN 2 WHEN u.visibility = 'limited' THEN 1 ELSE 0 END AS audience
    FROM repository r JOIN users u ON u.id = r.owner_id;

CREATE TRIGGER topic_count_insert AFTER INSERT ON repository_topic
BEGIN
    UPDATE topic SET repo_count = repo_count + 1, open_count = open_count + (NEW.audience >= 1),
        public_count = public_count + (NEW.audience >= 2) WHERE id = NEW.topic_id;
    UPDATE repository_topic SET audience =
        (SELECT a.audience FROM repository_audience a WHERE a.repo_id = NEW.repo_id)
    WHERE repo_id = NEW.repo_id AND topic_id = NEW.topic_id;
END;
CREATE TRIGGER topic_count_delete AFTER DELETE ON repository_topic
BEGIN
    UPDATE topic SET repo_count = repo_count - 1, open_count = open_count - (OLD.audience >= 1),
        public_count = public_count - (OLD.audience >= 2) WHERE id = OLD.topic_id;
END;
CREATE TRIGGER topic_count_update AFTER UPDATE OF audience ON repository_topic
BEGIN
    UPDATE topic SET open_count = open_count + (NEW.audience >= 1) - (OLD.audience >= 1),
        public_count = public_count + (NEW.audience >= 2) - (OLD.audience >= 2) WHERE id = NEW.topic_id;
END;
CREATE TRIGGER topic_audience_of_repository AFTER UPDATE OF is_private, owner_id ON repository
WHEN OLD.is_private <> NEW.is_private OR OLD.owner_id <> NEW.owner_id
BEGIN
    UPDATE repository_topic SET audience =
        (SELECT a.audience FROM repository_audience a WHERE a.repo_id = NEW.id)
    WHERE repo_id = NEW.id;
END;
CREATE TRIGGER topic_audience_of_owner AFTER UPDATE OF visibility ON users
WHEN OLD.visibility <> NEW.visibility
BEGIN
    UPDATE repository_topic SET audience =
        (SELECT a.audience FROM repository_audience a WHERE a.repo_id = repository_topic.repo_id)
    WHERE repo_id IN (SELECT r.id FROM repository r WHERE r.owner_id = NEW.id);
END;

CREATE INDEX repository_by_origin ON repository (origin_id, owner_id) WHERE origin_id IS NOT NULL;

CREATE TABLE mirror_turn (
    owner_id INTEGER NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    began_ms INTEGER NOT NULL
) STRICT;
