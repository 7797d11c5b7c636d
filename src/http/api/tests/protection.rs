//! Rules of branches and tags: made, shown, changed, removed, and what they refuse to a push.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Api;
use super::git::{git, try_git};

const RULES: &str = "/repos/ada/sops/branch_protections";
const TAG_RULES: &str = "/repos/ada/sops/tag_protections";

/// Starts a server with `ada/sops`, of which `bob` may write, and a clone of it with one commit on `main`.
async fn start() -> (Api, TempDir) {
    let api = Api::start().await;
    api.repository("ada", "sops", true).await;
    api.put("/repos/ada/sops/collaborators/bob", &api.ada(), json!({ "permission": "write" })).await.expect(204);
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["init", "--quiet"]).await;
    commit(&dir, "README.md", "one").await;
    git(dir.path(), &["push", "--quiet", &api.git_url("ada", "ada/sops"), "main"]).await;
    (api, dir)
}

async fn commit(dir: &TempDir, path: &str, text: &str) {
    let file = dir.path().join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    git(dir.path(), &["add", "."]).await;
    git(dir.path(), &["commit", "--quiet", "-m", "Change"]).await;
}

/// Pushes as somebody; answers what git said when it was refused.
async fn push(api: &Api, dir: &TempDir, who: &str, args: &[&str]) -> Result<(), String> {
    let url = api.git_url(who, "ada/sops");
    let all: Vec<&str> = ["push", "--quiet"].into_iter().chain([url.as_str()]).chain(args.iter().copied()).collect();
    try_git(dir.path(), &all).await
}

fn assert_refused(outcome: Result<(), String>, text: &str) {
    let said = outcome.expect_err(text);
    assert!(said.contains(text), "{text}: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_branches_are_kept_as_given() {
    let (api, _dir) = start().await;
    let ada = api.ada();
    let body = json!({ "rule_name": "release/**", "enable_push": true, "enable_push_whitelist": true,
        "push_whitelist_usernames": ["bob"], "required_approvals": 2, "status_check_contexts": ["ci"],
        "enable_status_check": true, "protected_file_patterns": "sop/**", "enable_force_push_allowlist": true });
    let made = api.post(RULES, &ada, body.clone()).await.expect(201).json;
    let expected: [(&str, Value); 9] = [
        ("rule_name", json!("release/**")),
        ("branch_name", json!("")),
        ("priority", json!(1)),
        ("enable_push_whitelist", json!(true)),
        ("push_whitelist_usernames", json!(["bob"])),
        ("required_approvals", json!(2)),
        ("status_check_contexts", json!(["ci"])),
        // Means nothing while forcing is off.
        ("enable_force_push_allowlist", json!(false)),
        ("push_whitelist_teams", json!([])),
    ];
    for (field, value) in expected {
        assert_eq!(made[field], value, "{field}");
    }
    api.post(RULES, &ada, body).await.expect(403);
    api.post(RULES, &ada, json!({ "branch_name": "main" })).await.expect(201);
    api.post(RULES, &ada, json!({ "rule_name": "MAIN" })).await.expect(403);
    let get = format!("{RULES}/release%2F**");
    assert_eq!(api.get(&get, &ada).await.expect(200).json, made);
    let changed = api.patch(&get, &ada, json!({ "enable_push": false, "priority": 9 })).await.expect(200).json;
    assert_eq!((&changed["enable_push_whitelist"], &changed["priority"]), (&json!(false), &json!(9)));
    assert_eq!(changed["push_whitelist_usernames"], json!(["bob"]));
    let list = api.get(RULES, &ada).await.expect(200).json;
    let names = |list: &Value| {
        list.as_array().unwrap().iter().map(|rule| rule["rule_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&list), ["main", "release/**"]);
    for bad in [
        json!({}),
        json!({ "rule_name": "x", "push_whitelist_usernames": ["nobody"] }),
        json!({ "rule_name": "x", "merge_whitelist_teams": ["qa"] }),
        json!({ "rule_name": "a..b" }),
        json!({ "rule_name": "[" }),
        json!({ "rule_name": "x", "protected_file_patterns": "[" }),
        json!({ "rule_name": "x", "status_check_contexts": ["c".repeat(256)] }),
    ] {
        api.post(RULES, &ada, bad).await.expect_any(&[400, 422]);
    }
    assert_eq!(api.get(RULES, &ada).await.expect(200).json, list);
    api.get(RULES, &api.bob()).await.expect(403);
    api.delete(&get, &ada).await.expect(204);
    api.get(&get, &ada).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_tags_are_kept_as_given() {
    let (api, _dir) = start().await;
    let ada = api.ada();
    let made = api.post(TAG_RULES, &ada, json!({ "name_pattern": "v*", "whitelist_usernames": ["bob"] })).await;
    let made = made.expect(201).json;
    assert_eq!((&made["name_pattern"], &made["whitelist_usernames"]), (&json!("v*"), &json!(["bob"])));
    api.post(TAG_RULES, &ada, json!({ "name_pattern": "v*" })).await.expect(403);
    for bad in [json!({ "name_pattern": "/(/" }), json!({ "name_pattern": "x", "whitelist_teams": ["t"] }), json!({})] {
        api.post(TAG_RULES, &ada, bad).await.expect(422);
    }
    let one = format!("{TAG_RULES}/{}", made["id"]);
    let changed = api.patch(&one, &ada, json!({ "name_pattern": "/^v/" })).await.expect(200).json;
    assert_eq!((&changed["name_pattern"], &changed["whitelist_usernames"]), (&json!("/^v/"), &json!(["bob"])));
    assert_eq!(api.get(TAG_RULES, &ada).await.expect(200).json.as_array().unwrap().len(), 1);
    api.delete(&one, &ada).await.expect(204);
    api.get(&one, &ada).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_are_judged_by_the_rules() {
    let (api, dir) = start().await;
    let ada = api.ada();
    let rule = |body: Value| {
        let api = &api;
        async move {
            let auth = api.ada();
            let _ = api.delete(&format!("{RULES}/main"), &auth).await;
            let mut all = json!({ "rule_name": "main" });
            all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            api.post(RULES, &auth, all).await.expect(201);
        }
    };
    commit(&dir, "a.txt", "two").await;
    rule(json!({})).await;
    assert_refused(push(&api, &dir, "ada", &["main"]).await, "Not allowed to push to protected branch main");
    let branch = api.get("/repos/ada/sops/branches/main", &ada).await.expect(200).json;
    assert_eq!(
        (&branch["protected"], &branch["user_can_push"], &branch["effective_branch_protection_name"]),
        (&json!(true), &json!(false), &json!("main"))
    );
    rule(json!({ "enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["ada"] })).await;
    assert_refused(push(&api, &dir, "bob", &["main"]).await, "Not allowed to push to protected branch main");
    push(&api, &dir, "ada", &["main"]).await.unwrap();
    // Forced, deleted.
    git(dir.path(), &["reset", "--quiet", "--hard", "HEAD~1"]).await;
    commit(&dir, "b.txt", "three").await;
    assert_refused(push(&api, &dir, "ada", &["--force", "main"]).await, "protected from force push");
    rule(json!({ "enable_push": true, "enable_force_push": true })).await;
    push(&api, &dir, "ada", &["--force", "main"]).await.unwrap();
    api.post(RULES, &ada, json!({ "rule_name": "keep/*", "enable_push": true })).await.expect(201);
    push(&api, &dir, "ada", &["main:keep/x"]).await.unwrap();
    assert_refused(push(&api, &dir, "ada", &[":keep/x"]).await, "protected from deletion");
    // Files and signatures.
    rule(json!({ "enable_push": true, "protected_file_patterns": "sop/**" })).await;
    commit(&dir, "SOP/one.md", "x").await;
    assert_refused(push(&api, &dir, "ada", &["main"]).await, "protected from changing file SOP/one.md");
    rule(json!({ "unprotected_file_patterns": "sop/**" })).await;
    push(&api, &dir, "bob", &["main"]).await.unwrap();
    rule(json!({ "enable_push": true, "require_signed_commits": true })).await;
    commit(&dir, "c.txt", "x").await;
    assert_refused(push(&api, &dir, "ada", &["main"]).await, "protected from unverified commit");
    // Atomic: nothing of it lands, and the rest of one that is not does.
    assert_refused(push(&api, &dir, "ada", &["--atomic", "main", "main:other"]).await, "unverified commit");
    api.get("/repos/ada/sops/branches/other", &ada).await.expect(404);
    assert_refused(push(&api, &dir, "ada", &["main", "main:other"]).await, "unverified commit");
    api.get("/repos/ada/sops/branches/other", &ada).await.expect(200);
    // Tags.
    api.post(TAG_RULES, &ada, json!({ "name_pattern": "v*", "whitelist_usernames": ["bob"] })).await.expect(201);
    assert_refused(push(&api, &dir, "ada", &["HEAD:refs/tags/v1"]).await, "Tag v1 is protected");
    push(&api, &dir, "bob", &["HEAD:refs/tags/v1"]).await.unwrap();
    assert_refused(push(&api, &dir, "ada", &[":refs/tags/v1"]).await, "Tag v1 is protected");
    // Nobody says by a branch what a protected tag means.
    assert_refused(push(&api, &dir, "bob", &["HEAD:refs/heads/v1"]).await, "would have the name of a protected tag");
    push(&api, &dir, "ada", &["HEAD:refs/heads/v2"]).await.unwrap();
    assert_refused(push(&api, &dir, "bob", &["HEAD:refs/tags/v2"]).await, "there is a branch of that name");
    // What is refused takes along what was to stand in its place, and is in the ledger all the same.
    assert_refused(push(&api, &dir, "ada", &[":keep/x", "main:keep/x/y"]).await, "protected from deletion");
    api.get("/repos/ada/sops/branches/keep/x", &ada).await.expect(200);
    let refused = api.events("git.ref_refused").await;
    assert_eq!(refused.len(), 13, "{refused:?}");
    assert!(refused.iter().all(|event| event["reason"].is_string() && event["after"]["rule"].is_string()));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_commits_pass_when_an_account_has_the_key() {
    let (api, dir) = start().await;
    let key = ssh_key::private::Ed25519Keypair::from_seed(&[7; 32]);
    let key = ssh_key::PrivateKey::from(key);
    let file = dir.path().join(".git/key");
    key.write_openssh_file(&file, ssh_key::LineEnding::LF).unwrap();
    std::fs::write(dir.path().join(".git/key.pub"), key.public_key().to_openssh().unwrap()).unwrap();
    let rule = json!({ "rule_name": "main", "enable_push": true, "require_signed_commits": true });
    api.post(RULES, &api.ada(), rule).await.expect(201);
    let signing = format!("user.signingKey={}", file.display());
    let sign = ["-c", "gpg.format=ssh", "-c", &signing, "commit", "--quiet", "--allow-empty", "-S", "-m", "Signed"];
    git(dir.path(), &sign).await;
    let refused = push(&api, &dir, "ada", &["main"]).await;
    assert_refused(refused, "it is signed by a key that no account has");
    let body = json!({ "title": "k", "key": key.public_key().to_openssh().unwrap() });
    api.post("/user/keys", &api.bob(), body).await.expect(201);
    let activate = async |is_active: bool| {
        let body = json!({ "active": is_active, "source_id": 0, "login_name": "" });
        api.patch("/admin/users/bob", &api.admin(), body).await.expect(200);
    };
    activate(false).await;
    assert_refused(push(&api, &dir, "ada", &["main"]).await, "it is signed by a key that no account has");
    activate(true).await;
    push(&api, &dir, "ada", &["main"]).await.unwrap();
    // One without a signature below a signed one; and a signature over other text.
    git(dir.path(), &["commit", "--quiet", "--allow-empty", "-m", "Not signed"]).await;
    git(dir.path(), &sign).await;
    assert_refused(push(&api, &dir, "ada", &["main"]).await, "it is not signed");
    git(dir.path(), &["reset", "--quiet", "--hard", "HEAD~2"]).await;
    git(dir.path(), &sign).await;
    let raw = git(dir.path(), &["cat-file", "commit", "HEAD"]).await.replace("Signed", "Forged") + "\n";
    std::fs::write(dir.path().join("forged"), raw).unwrap();
    let forged = git(dir.path(), &["hash-object", "-t", "commit", "-w", "forged"]).await;
    let refused = push(&api, &dir, "ada", &[&format!("{forged}:refs/heads/main")]).await;
    assert_refused(refused, "its signature is not valid");
    // By way of an unprotected branch nothing unsigned comes in either.
    git(dir.path(), &["commit", "--quiet", "--allow-empty", "-m", "Not signed"]).await;
    push(&api, &dir, "ada", &["HEAD:side"]).await.unwrap();
    assert_refused(push(&api, &dir, "ada", &["HEAD:main"]).await, "it is not signed");
    let moved = api.put("/repos/ada/sops/branches/main", &api.ada(), json!({ "new_commit_id": "side" })).await;
    assert!(moved.expect(403).json["message"].as_str().unwrap().contains("unverified commit"));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_on_lists_let_their_members_through_as_long_as_they_are_that() {
    let api = Api::start().await;
    api.account("cleo").await;
    let ada = api.ada();
    api.post("/orgs", &ada, json!({ "username": "acme" })).await.expect(201);
    api.post("/orgs/acme/repos", &ada, json!({ "name": "sops", "auto_init": true })).await.expect(201);
    let team = async |name: &str| {
        let body =
            json!({ "name": name, "permission": "write", "units": ["repo.code"], "includes_all_repositories": true });
        api.post("/orgs/acme/teams", &ada, body).await.expect(201).json["id"].as_i64().unwrap()
    };
    let (quality, writers) = (team("Quality").await, team("writers").await);
    api.put(&format!("/teams/{quality}/members/bob"), &ada, json!({})).await.expect(204);
    for name in ["bob", "cleo"] {
        api.put(&format!("/teams/{writers}/members/{name}"), &ada, json!({})).await.expect(204);
    }
    let rules = "/repos/acme/sops/branch_protections";
    let body = json!({ "rule_name": "main", "enable_push": true, "enable_push_whitelist": true,
        "push_whitelist_teams": ["quality"], "enable_merge_whitelist": true, "merge_whitelist_teams": ["Quality", "writers"] });
    let made = api.post(rules, &ada, body).await.expect(201).json;
    assert_eq!(made["push_whitelist_teams"], json!(["Quality"]));
    assert_eq!(made["merge_whitelist_teams"], json!(["Quality", "writers"]));
    api.patch(&format!("{rules}/main"), &ada, json!({ "push_whitelist_teams": ["none"] })).await.expect(422);
    let tags = "/repos/acme/sops/tag_protections";
    let tag = json!({ "name_pattern": "v*", "whitelist_teams": ["Quality"] });
    let tag_rule = api.post(tags, &ada, tag).await.expect(201).json;
    assert_eq!(tag_rule["whitelist_teams"], json!(["Quality"]));

    let write = async |who: &str, name: &str, status: u16| {
        let body = json!({ "content": "aGk=", "message": name });
        let path = format!("/repos/acme/sops/contents/{name}.md");
        api.post(&path, &api.header_of(who), body).await.named(name).expect(status);
    };
    write("bob", "one", 201).await;
    write("cleo", "two", 403).await;
    // Owners are bound as everybody is.
    write("ada", "three", 403).await;
    let sees = async |who: &str| {
        let branch = api.get("/repos/acme/sops/branches/main", &api.header_of(who)).await.expect(200).json;
        (branch["user_can_push"] == true, branch["user_can_merge"] == true)
    };
    assert_eq!(
        (sees("bob").await, sees("cleo").await, sees("ada").await),
        ((true, true), (false, true), (false, false))
    );
    let make = async |who: &str, name: &str, status: u16| {
        let body = json!({ "tag_name": name });
        api.post("/repos/acme/sops/tags", &api.header_of(who), body).await.named(name).expect(status);
    };
    make("cleo", "v1", 405).await;
    make("bob", "v1", 201).await;

    // Out of the team, off the list, at once; into it, on it.
    api.delete(&format!("/teams/{quality}/members/bob"), &ada).await.expect(204);
    write("bob", "four", 403).await;
    api.put(&format!("/teams/{quality}/members/cleo"), &ada, json!({})).await.expect(204);
    write("cleo", "five", 201).await;
    make("cleo", "v2", 201).await;
    // A list that nobody is on any more lets nobody through.
    api.delete(&format!("/teams/{quality}"), &ada).await.expect(204);
    let rule = api.get(&format!("{rules}/main"), &ada).await.expect(200).json;
    assert_eq!((&rule["push_whitelist_teams"], &rule["merge_whitelist_teams"]), (&json!([]), &json!(["writers"])));
    write("cleo", "six", 403).await;
    // With another owner, the teams are nobody's.
    api.post("/repos/acme/sops/transfer", &ada, json!({ "new_owner": "ada" })).await.expect_any(&[201, 202]);
    let rule = api.get("/repos/ada/sops/branch_protections/main", &ada).await.expect(200).json;
    assert_eq!(rule["merge_whitelist_teams"], json!([]));
    let body = json!({ "rule_name": "x", "push_whitelist_teams": ["writers"] });
    api.post("/repos/ada/sops/branch_protections", &ada, body).await.expect(422);
    api.finish().await;
}

#[tokio::test]
async fn only_teams_that_one_sees_can_be_named() {
    let api = Api::start().await;
    let ada = api.ada();
    api.post("/orgs", &ada, json!({ "username": "acme" })).await.expect(201);
    api.post("/orgs/acme/repos", &ada, json!({ "name": "sops", "auto_init": true })).await.expect(201);
    let body = json!({ "name": "secret", "permission": "write", "units": ["repo.code"], "visibility": "private" });
    api.post("/orgs/acme/teams", &ada, body).await.expect(201);
    api.put("/repos/acme/sops/collaborators/bob", &ada, json!({ "permission": "admin" })).await.expect(204);
    let rules = "/repos/acme/sops/branch_protections";
    let name = |team: &str| json!({ "rule_name": team, "push_whitelist_teams": [team] });
    let hidden = api.post(rules, &api.bob(), name("secret")).await.expect(422);
    let absent = api.post(rules, &api.bob(), name("absent")).await.expect(422);
    assert_eq!(hidden.text().replace("secret", "absent"), absent.text());
    api.post(rules, &ada, name("secret")).await.expect(201);
    api.finish().await;
}
