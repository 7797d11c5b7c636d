//! Holds the wire types against an extract of the published specification: every property must be there, with a value
//! of the stated type, and nothing may be there that neither the specification nor a known client names.

use serde_json::{Map, Value, json};

use super::*;

fn definitions() -> Map<String, Value> {
    let text = include_str!("../../../../tests/spec/gitea-operations.json");
    let mut whole: Value = serde_json::from_str(text).expect("the extract is JSON");
    let definitions = whole["definitions"].as_object_mut().expect("the extract has definitions");
    for properties in definitions.values_mut().filter_map(|definition| definition["properties"].as_object_mut()) {
        properties.values_mut().for_each(|short| *short = schema(short.as_str().unwrap_or_default()));
    }
    std::mem::take(definitions)
}

/// A type as the extract writes it, `integer/int64` or `[#User]`, as a schema.
fn schema(short: &str) -> Value {
    let kind = short.split('=').next().unwrap_or_default();
    match kind.split_once('/').unwrap_or((kind, "")) {
        (list, _) if list.starts_with('[') => json!({ "type": "array" }),
        (other, _) if other.starts_with(['#', '{']) => json!({}),
        (kind, format) => json!({ "type": kind, "format": format }),
    }
}

/// Compares one value with one definition, following references into nested definitions.
fn check(name: &str, value: &Value, extra: &[&str], absent: &[&str]) {
    let all = definitions();
    let properties = all[name]["properties"].as_object().expect("a definition has properties");
    let fields = value.as_object().unwrap_or_else(|| panic!("{name} is not an object"));
    for (field, rule) in properties {
        if absent.contains(&field.as_str()) {
            continue;
        }
        let found = fields.get(field).unwrap_or_else(|| panic!("{name}.{field} is missing"));
        check_type(&format!("{name}.{field}"), rule, found);
    }
    for field in fields.keys() {
        assert!(properties.contains_key(field) || extra.contains(&field.as_str()), "{name}.{field} is not specified");
    }
}

fn check_type(at: &str, rule: &Value, found: &Value) {
    if found.is_null() {
        return;
    }
    match rule["type"].as_str() {
        Some("integer") => assert!(found.is_i64(), "{at} is not an integer"),
        Some("boolean") => assert!(found.is_boolean(), "{at} is not a boolean"),
        Some("array") => assert!(found.is_array(), "{at} is not an array"),
        Some("string") => {
            let text = found.as_str().unwrap_or_else(|| panic!("{at} is not a string"));
            if rule["format"] == "date-time" {
                text.parse::<jiff::Timestamp>().unwrap_or_else(|fault| panic!("{at} is not a date: {fault}"));
            }
        }
        _ => assert!(found.is_object(), "{at} is not an object"),
    }
}

fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("wire types serialize")
}

fn user() -> UserJson {
    UserJson {
        id: 7,
        login: "ada".into(),
        login_name: String::new(),
        source_id: 0,
        full_name: "Ada".into(),
        email: "ada@example.org".into(),
        avatar_url: String::new(),
        html_url: "http://localhost/ada".into(),
        language: String::new(),
        is_admin: false,
        last_login: Timestamp::from_ms(0),
        created: Timestamp::from_ms(1_700_000_000_000),
        restricted: false,
        active: true,
        prohibit_login: false,
        location: String::new(),
        website: String::new(),
        description: String::new(),
        visibility: "public".into(),
        followers_count: 0,
        following_count: 0,
        starred_repos_count: 0,
        username: "ada".into(),
    }
}

fn commit() -> PayloadCommitJson {
    let person = PayloadUserJson { name: "Ada".into(), email: "ada@example.org".into(), username: String::new() };
    PayloadCommitJson {
        id: "a".repeat(40),
        message: "first\n".into(),
        url: String::new(),
        author: person.clone(),
        committer: person.clone(),
        verification: VerificationJson {
            verified: false,
            reason: "gpg.error.not_signed_commit".to_owned(),
            signature: String::new(),
            signer: Some(person),
            payload: String::new(),
        },
        timestamp: Timestamp::from_git(1_700_000_000, 3600),
        added: None,
        removed: None,
        modified: None,
    }
}

pub(crate) fn repository() -> RepositoryJson {
    RepositoryJson {
        permissions: Some(PermissionJson { admin: true, push: true, pull: true }),
        internal_tracker: Some(InternalTrackerJson {
            enable_time_tracker: false,
            allow_only_contributors_to_track_time: false,
            enable_issue_dependencies: false,
        }),
        mirror_last_sync_at: Some(ZERO_TIME),
        ..RepositoryJson::blank(user())
    }
}

#[test]
fn user_has_every_property_and_the_username_clients_need() {
    check("User", &to_json(&user()), &["username"], &[]);
    assert_eq!(to_json(&user())["username"], "ada");
    assert_eq!(to_json(&user())["last_login"], "1970-01-01T00:00:00Z");
}

#[test]
fn repository_has_every_property() {
    // Gitea leaves these out unless the repository is a fork, uses outside services or is in transfer.
    let absent = ["parent", "external_tracker", "external_wiki", "repo_transfer"];
    check("Repository", &to_json(&repository()), &[], &absent);
    check("Permission", &to_json(&repository())["permissions"], &[], &[]);
    check("InternalTracker", &to_json(&repository())["internal_tracker"], &[], &[]);
    let whole = RepositoryJson {
        parent: Some(Box::new(repository())),
        external_tracker: Some(json!({})),
        external_wiki: Some(json!({})),
        repo_transfer: Some(json!({})),
        ..repository()
    };
    check("Repository", &to_json(&whole), &[], &[]);
}

#[test]
fn lists_are_never_null() {
    let shown = to_json(&repository());
    assert_eq!(shown["topics"], json!([]));
    assert_eq!(shown["licenses"], json!([]));
    assert_eq!(shown["mirror_updated"], "0001-01-01T00:00:00Z");
}

#[test]
fn branch_and_commit_have_every_property() {
    let branch = BranchJson {
        name: "feature/a".into(),
        commit: commit(),
        protected: false,
        required_approvals: 0,
        enable_status_check: false,
        status_check_contexts: Vec::new(),
        user_can_push: true,
        user_can_merge: true,
        effective_branch_protection_name: String::new(),
    };
    let shown = to_json(&branch);
    check("Branch", &shown, &[], &[]);
    check("PayloadCommit", &shown["commit"], &[], &[]);
    check("PayloadUser", &shown["commit"]["author"], &[], &[]);
    check("PayloadCommitVerification", &shown["commit"]["verification"], &[], &[]);
    assert_eq!(shown["commit"]["timestamp"], "2023-11-14T23:13:20+01:00");
    assert_eq!(shown["commit"]["added"], Value::Null);
    assert!(shown["commit"].get("parents").is_none());
}

#[test]
fn tag_reference_and_token_have_every_property() {
    let tag = TagJson {
        name: "v1".into(),
        message: String::new(),
        id: "a".repeat(40),
        commit: CommitMetaJson { url: String::new(), sha: "a".repeat(40), created: ZERO_TIME },
        zipball_url: String::new(),
        tarball_url: String::new(),
    };
    check("Tag", &to_json(&tag), &[], &[]);
    check("CommitMeta", &to_json(&tag)["commit"], &[], &[]);
    let reference = ReferenceJson {
        name: "refs/heads/main".into(),
        url: String::new(),
        object: GitObjectJson { kind: "commit", sha: "a".repeat(40), url: String::new() },
    };
    check("Reference", &to_json(&reference), &[], &[]);
    check("GitObject", &to_json(&reference)["object"], &[], &[]);
    let token = AccessTokenJson {
        id: 1,
        name: "ci".into(),
        sha1: String::new(),
        token_last_eight: "01234567".into(),
        scopes: vec!["all".into()],
        created_at: ZERO_TIME,
        last_used_at: Timestamp::from_ms(0),
        expires_at: Some(ZERO_TIME),
        repositories: Some(vec!["ada/sop".into()]),
    };
    check("AccessToken", &to_json(&token), &["expires_at", "repositories"], &[]);
}

#[test]
fn keys_have_every_property() {
    let key = PublicKeyJson {
        id: 1,
        key: "ssh-ed25519 AAAA".into(),
        url: String::new(),
        title: "laptop".into(),
        fingerprint: "SHA256:x".into(),
        created_at: ZERO_TIME,
        last_used_at: ZERO_TIME,
        user: Some(user()),
        read_only: false,
        key_type: "user",
    };
    check("PublicKey", &to_json(&key), &[], &[]);
    let key = DeployKeyJson {
        id: 1,
        key_id: 1,
        key: "ssh-ed25519 AAAA".into(),
        url: String::new(),
        title: "ci".into(),
        fingerprint: "SHA256:x".into(),
        created_at: ZERO_TIME,
        read_only: true,
        repository: Some(Box::new(repository())),
    };
    check("DeployKey", &to_json(&key), &[], &[]);
}

#[test]
fn envelopes_have_every_property() {
    check("SearchResults", &to_json(&SearchResultsJson { ok: true, data: vec![repository()] }), &[], &[]);
    let right = CollaboratorPermissionJson { permission: "write", role_name: "write", user: user() };
    check("RepoCollaboratorPermission", &to_json(&right), &[], &[]);
    check("ServerVersion", &to_json(&ServerVersionJson { version: "1.27.0".into() }), &[], &[]);
}

/// Gives every property of a request definition a value of its type and reads it back as `T`.
fn accepts_all<T: serde::de::DeserializeOwned>(name: &str) {
    let all = definitions();
    let mut body = Map::new();
    let mut nulls = Map::new();
    for (field, rule) in all[name]["properties"].as_object().expect("a definition has properties") {
        let value = match rule["type"].as_str() {
            Some("integer") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!(["x"]),
            Some("string") => json!("x"),
            _ => json!({}),
        };
        body.insert(field.clone(), value);
        nulls.insert(field.clone(), Value::Null);
    }
    serde_json::from_value::<T>(Value::Object(body)).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    serde_json::from_value::<T>(Value::Object(nulls)).unwrap_or_else(|fault| panic!("{name} of nulls: {fault}"));
    serde_json::from_value::<T>(json!({})).unwrap_or_else(|fault| panic!("empty {name}: {fault}"));
}

#[test]
fn request_bodies_accept_every_property_null_and_nothing() {
    accepts_all::<CreateUserOption>("CreateUserOption");
    accepts_all::<EditUserOption>("EditUserOption");
    accepts_all::<CreateRepoOption>("CreateRepoOption");
    accepts_all::<EditRepoOption>("EditRepoOption");
    accepts_all::<AddCollaboratorOption>("AddCollaboratorOption");
    accepts_all::<CreateKeyOption>("CreateKeyOption");
    accepts_all::<CreateAccessTokenOption>("CreateAccessTokenOption");
}

#[test]
fn releases_settings_and_tokens_have_the_published_fields() {
    let file = AttachmentJson {
        id: 1,
        name: "a.zip".into(),
        size: 7,
        download_count: 3,
        created_at: Timestamp::from_ms(0),
        uuid: "x".into(),
        browser_download_url: "http://localhost/a".into(),
    };
    check("Attachment", &to_json(&file), &[], &[]);
    let release = ReleaseJson {
        id: 1,
        tag_name: "v1".into(),
        target_commitish: "main".into(),
        name: "One".into(),
        body: String::new(),
        url: String::new(),
        html_url: String::new(),
        tarball_url: String::new(),
        zipball_url: String::new(),
        upload_url: String::new(),
        draft: false,
        prerelease: false,
        created_at: Timestamp::from_ms(0),
        published_at: Timestamp::from_ms(0),
        author: user(),
        assets: vec![file],
    };
    check("Release", &to_json(&release), &[], &[]);
    let api = ApiSettingsJson {
        max_response_items: 1,
        default_paging_num: 1,
        default_git_trees_per_page: 1,
        default_max_blob_size: 1,
        default_max_response_size: 1,
    };
    check("GeneralAPISettings", &to_json(&api), &[], &[]);
    let attachments = AttachmentSettingsJson { enabled: true, allowed_types: String::new(), max_size: 1, max_files: 1 };
    check("GeneralAttachmentSettings", &to_json(&attachments), &[], &[]);
    let repositories = RepoSettingsJson {
        mirrors_disabled: true,
        http_git_disabled: false,
        migrations_disabled: true,
        stars_disabled: true,
        time_tracking_disabled: true,
        lfs_disabled: true,
    };
    check("GeneralRepoSettings", &to_json(&repositories), &[], &[]);
    let ui = UiSettingsJson { default_theme: "x", allowed_reactions: &[], custom_emojis: &[] };
    check("GeneralUISettings", &to_json(&ui), &[], &[]);
    let token = CurrentAccessTokenJson {
        id: 1,
        name: "ci".into(),
        scopes: Vec::new(),
        created_at: Timestamp::from_ms(0),
        last_used_at: Timestamp::from_ms(0),
        user: UserMetaJson { id: 1, login: "ada".into() },
    };
    check("CurrentAccessToken", &to_json(&token), &[], &[]);
    check("UserMeta", &to_json(&token.user), &[], &[]);
}

#[test]
fn rules_have_every_property() {
    use crate::model::{BranchRule, RepoId, RuleId, RuleSettings, TagRule, UserId, UserName, UtcMs, WhiteList};
    let (id, repo_id, at) = (RuleId::new(1), RepoId::new(1), UtcMs::new(1_700_000_000_000));
    let ada = || UserName::new("ada").unwrap();
    let users = WhiteList::ALL.map(|list| (list, UserId::new(1), ada())).to_vec();
    let settings = RuleSettings::default();
    let rule = BranchRule {
        id,
        repo_id,
        name: "main".to_owned(),
        settings,
        users,
        teams: Vec::new(),
        created_ms: at,
        updated_ms: at,
    };
    let shown = to_json(&BranchProtectionJson::from(&rule));
    check("BranchProtection", &shown, &[], &[]);
    assert_eq!((&shown["branch_name"], &shown["bypass_allowlist_usernames"]), (&json!("main"), &json!(["ada"])));
    let users = vec![(UserId::new(1), ada())];
    let rule =
        TagRule { id, repo_id, pattern: "v*".to_owned(), users, teams: Vec::new(), created_ms: at, updated_ms: at };
    check("TagProtection", &to_json(&TagProtectionJson::from(&rule)), &[], &[]);
}

#[test]
fn what_writers_answer_has_every_property() {
    let person = || CommitUserJson { name: "Ada".into(), email: "ada@example.org".into(), date: ZERO_TIME };
    let meta = || CommitMetaJson { url: "u".into(), sha: "s".into(), created: ZERO_TIME };
    let commit = || FileCommitJson {
        url: "u".into(),
        sha: "s".into(),
        created: ZERO_TIME,
        html_url: "h".into(),
        author: person(),
        committer: person(),
        parents: vec![meta()],
        message: "m".into(),
        tree: meta(),
    };
    let verification = || VerificationJson {
        verified: false,
        reason: "gpg.error.not_signed_commit".to_owned(),
        signature: String::new(),
        signer: None,
        payload: String::new(),
    };
    let file = || ContentsJson {
        name: "a".into(),
        path: "a".into(),
        sha: "s".into(),
        last_commit_sha: Some("s".into()),
        last_committer_date: Some(ZERO_TIME),
        last_author_date: Some(ZERO_TIME),
        kind: "file",
        size: 1,
        encoding: Some("base64"),
        content: Some("YQ==".into()),
        target: None,
        url: "u".into(),
        html_url: Some("u".into()),
        git_url: Some("u".into()),
        download_url: Some("u".into()),
        submodule_git_url: None,
        last_commit_message: None,
        lfs_oid: None,
        lfs_size: None,
        links: FileLinksJson { this: "u".into(), git: Some("u".into()), html: Some("u".into()) },
    };
    // Of large file storage and of the message nothing is said: Gitea leaves them out, too, unless they are asked for.
    check("ContentsResponse", &to_json(&file()), &[], &["lfs_oid", "lfs_size", "last_commit_message"]);
    check("FileLinksResponse", &to_json(&file())["_links"], &[], &[]);
    check("FileCommitResponse", &to_json(&commit()), &[], &[]);
    check("CommitUser", &to_json(&person()), &[], &[]);
    let one = to_json(&FileJson { content: Some(file()), commit: commit(), verification: verification() });
    check("FileResponse", &one, &[], &[]);
    let many = FilesJson { files: vec![Some(file()), None], commit: commit(), verification: verification() };
    check("FilesResponse", &to_json(&many), &[], &[]);
}
