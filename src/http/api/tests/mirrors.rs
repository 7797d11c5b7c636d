//! Mirrors and imports, of repositories of the same server: what they show, who makes them, what becomes of failures.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::fixture::{Answer, Api, PASSWORD};
use super::git::{git, try_git};
use super::writing::base64;
use crate::config::Config;

/// Lets a server be its own remote.
pub(super) fn allow_itself(config: &mut Config) {
    config.outbound.allowed_networks = vec!["127.0.0.0/8".parse().unwrap()];
    config.outbound.allow_http = true;
    config.mirrors.min_interval_seconds = 60;
    config.mirrors.min_asked_seconds = 0;
}

/// Takes over a repository of the same server as `ada`, with her password.
pub(super) async fn migrate(api: &Api, source: &str, name: &str, more: Value) -> Answer {
    let mut body = json!({
        "clone_addr": format!("{}{source}.git", api.root_url()), "repo_name": name,
        "auth_username": "ada", "auth_password": PASSWORD,
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.post("/repos/migrate", &api.ada(), body).await
}

/// Asks for a mirror to be synchronized and waits until that was done, well or not.
pub(super) async fn sync(api: &Api, repository: &str) {
    api.post(&format!("/repos/{repository}/mirror-sync"), &api.ada(), json!({})).await.expect(200);
    for _ in 0..2000 {
        if api.are_mirrors_idle().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{repository} was not synchronized");
}

async fn tip(api: &Api, repository: &str, branch: &str) -> Value {
    api.get(&format!("/repos/{repository}/branches/{branch}"), &api.ada()).await.expect(200).json["commit"]["id"]
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_a_repository_like_any_other_and_a_mirror_follows() {
    let api = Api::start_tuned(allow_itself).await;
    let ada = api.ada();
    api.post(
        "/user/repos",
        &ada,
        json!({ "name": "source", "private": true, "auto_init": true, "default_branch": "trunk" }),
    )
    .await
    .expect(201);
    api.post("/repos/ada/source/tags", &ada, json!({ "tag_name": "v1", "message": "One" })).await.expect(201);
    let url = format!("{}ada/source.git", api.root_url());

    let made =
        migrate(&api, "ada/source", "once", json!({ "private": true, "description": "words" })).await.expect(201);
    let told = |made: &Value| {
        json!([made["mirror"], made["mirror_interval"], made["original_url"], made["default_branch"], made["empty"]])
    };
    let url_of_remote = url.trim_end_matches('/');
    assert_eq!(told(&made.json), json!([false, "", url_of_remote, "trunk", false]));
    assert_eq!((&made.json["private"], &made.json["description"]), (&json!(true), &json!("words")));
    assert_eq!(made.json["mirror_updated"], "0001-01-01T00:00:00Z");
    assert_eq!(tip(&api, "ada/once", "trunk").await, tip(&api, "ada/source", "trunk").await);
    api.get("/repos/ada/once/tags/v1", &ada).await.expect(200);
    // It takes changes, and does not follow.
    api.post("/repos/ada/once/contents/new", &ada, json!({ "content": base64("x") })).await.expect(201);
    api.post("/repos/ada/once/mirror-sync", &ada, json!({})).await.expect(400);
    let answer = api.patch("/repos/ada/once", &ada, json!({ "mirror_interval": "2h" })).await.expect(422);
    assert_eq!(answer.json["message"], "repo is not a mirror, can not change mirror interval");

    let made =
        migrate(&api, "ada/source", "copy", json!({ "mirror": true, "mirror_interval": "1h30m" })).await.expect(201);
    assert_eq!(told(&made.json), json!([true, "1h30m0s", url_of_remote, "trunk", false]));
    assert_ne!(made.json["mirror_updated"], "0001-01-01T00:00:00Z");
    assert_eq!(made.json["mirror_last_sync_at"], made.json["mirror_updated"]);
    let found = api.get("/repos/search?mode=mirror", &ada).await.expect(200);
    assert_eq!(found.names_in("data"), ["copy"]);
    let found = api.get("/repos/search?mode=source", &ada).await.expect(200);
    assert_eq!(found.names_in("data"), ["once", "source"]);

    // Branches and tags move, come and go; also the default branch. What is no branch and no tag stays.
    api.post("/repos/ada/source/contents/new", &ada, json!({ "content": base64("x") })).await.expect(201);
    api.post("/repos/ada/source/branches", &ada, json!({ "new_branch_name": "side" })).await.expect(201);
    api.delete("/repos/ada/source/tags/v1", &ada).await.expect(204);
    sync(&api, "ada/copy").await;
    assert_eq!(tip(&api, "ada/copy", "trunk").await, tip(&api, "ada/source", "trunk").await);
    tip(&api, "ada/copy", "side").await;
    api.get("/repos/ada/copy/tags/v1", &ada).await.expect(404);
    api.patch("/repos/ada/source/branches/trunk", &ada, json!({ "name": "main" })).await.expect(204);
    sync(&api, "ada/copy").await;
    assert_eq!(api.get("/repos/ada/copy", &ada).await.json["default_branch"], "main");
    assert_eq!(api.get("/repos/ada/copy/branches", &ada).await.names(), ["main", "side"]);
    let events = api.events("git.ref_update").await;
    let last = events.last().unwrap();
    assert_eq!((&last["actor"]["login"], &last["on_behalf"]["login"]), (&json!("-system-"), &json!("ada")), "{last}");

    // How it is kept.
    let edited = api.patch("/repos/ada/copy", &ada, json!({ "mirror_interval": "2h", "enable_prune": false })).await;
    assert_eq!(edited.expect(200).json["mirror_interval"], "2h0m0s");
    let event = api.events("repository.edit").await.pop().unwrap();
    assert_eq!(event["before"], json!({ "mirror_interval": "1h30m0s", "mirror_prunes": true }), "{event}");
    api.delete("/repos/ada/source/branches/side", &ada).await.expect(204);
    sync(&api, "ada/copy").await;
    tip(&api, "ada/copy", "side").await;
    for bad in ["59s", "soon", "-1h"] {
        api.patch("/repos/ada/copy", &ada, json!({ "mirror_interval": bad })).await.expect(422);
    }
    assert_eq!(
        api.patch("/repos/ada/copy", &ada, json!({ "mirror_interval": "0" })).await.expect(200).json["mirror_interval"],
        "0s"
    );

    // Who may write may ask; an archive rests.
    api.put("/repos/ada/copy/collaborators/bob", &ada, json!({ "permission": "read" })).await.expect(204);
    api.post("/repos/ada/copy/mirror-sync", &api.bob(), json!({})).await.expect(403);
    api.put("/repos/ada/copy/collaborators/bob", &ada, json!({ "permission": "write" })).await.expect(204);
    api.post("/repos/ada/copy/mirror-sync", &api.bob(), json!({})).await.expect(200);
    api.patch("/repos/ada/copy", &ada, json!({ "archived": true })).await.expect(200);
    api.post("/repos/ada/copy/mirror-sync", &ada, json!({})).await.expect(423);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_once_and_so_is_its_end() {
    let api = Api::start_tuned(allow_itself).await;
    let ada = api.ada();
    api.post("/user/repos", &ada, json!({ "name": "source", "private": true, "auto_init": true })).await.expect(201);
    migrate(&api, "ada/source", "copy", json!({ "mirror": true })).await.expect(201);
    let before = tip(&api, "ada/copy", "main").await;
    api.patch("/repos/ada/source", &ada, json!({ "name": "elsewhere" })).await.expect(200);
    // The former name leads on, as git follows it.
    sync(&api, "ada/copy").await;
    assert!(api.events("repository.mirror_fail").await.is_empty());
    api.post("/user/repos", &ada, json!({ "name": "source" })).await.expect(201);
    for _ in 0..3 {
        sync(&api, "ada/copy").await;
    }
    let failed = api.events("repository.mirror_fail").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["reason"], "the remote lists no branch any more; nothing was removed here");
    assert_eq!(tip(&api, "ada/copy", "main").await, before);
    let shown = api.get("/repos/ada/copy/mirror", &ada).await.expect(200).json;
    assert_eq!(shown["last_error"], failed[0]["reason"]);
    let told = ["failures", "has_credentials", "is_import", "is_running", "mirror_interval", "enable_prune", "refused"];
    assert_eq!(
        told.map(|field| shown[field].clone()),
        [json!(3), json!(true), json!(false), json!(false), json!("8h0m0s"), json!(true), json!([])]
    );
    assert!(shown["last_success_at"].as_str() <= shown["failing_since"].as_str(), "{shown}");
    assert!(shown["failing_since"].as_str() < shown["next_at"].as_str(), "{shown}");
    assert_eq!(shown["remote_url"].as_str().unwrap(), format!("{}ada/source.git", api.root_url()));
    // For who administers it: it says where the remote is, which others may not know.
    api.put("/repos/ada/copy/collaborators/bob", &ada, json!({ "permission": "write" })).await.expect(204);
    api.get("/repos/ada/copy/mirror", &api.bob()).await.expect(403);
    api.put("/repos/ada/copy/collaborators/bob", &ada, json!({ "permission": "admin" })).await.expect(204);
    api.get("/repos/ada/copy/mirror", &api.bob()).await.expect(200);
    api.get("/repos/ada/source/mirror", &ada).await.expect(400);
    api.delete("/repos/ada/source", &ada).await.expect(204);
    sync(&api, "ada/copy").await;
    api.patch("/repos/ada/elsewhere", &ada, json!({ "name": "source" })).await.expect(200);
    api.post("/repos/ada/source/contents/new", &ada, json!({ "content": base64("x") })).await.expect(201);
    sync(&api, "ada/copy").await;
    assert_eq!(tip(&api, "ada/copy", "main").await, tip(&api, "ada/source", "main").await);
    assert_eq!(
        (api.events("repository.mirror_fail").await.len(), api.events("repository.mirror_recover").await.len()),
        (1, 1)
    );
    let shown = api.get("/repos/ada/copy/mirror", &ada).await.expect(200).json;
    assert_eq!(
        [&shown["failures"], &shown["last_error"], &shown["failing_since"]],
        [&json!(0), &json!(""), &Value::Null]
    );
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_this_server_counts_too() {
    let api = Api::start_tuned(allow_itself).await;
    let ada = api.ada();
    api.post("/user/repos", &ada, json!({ "name": "source", "auto_init": true })).await.expect(201);
    migrate(&api, "ada/source", "copy", json!({ "mirror": true, "mirror_interval": "0" })).await.expect(201);
    // More than stays in memory, and no place to write it to.
    let dir = TempDir::new().unwrap();
    let (at, url) = (dir.path(), api.git_url("ada", "ada/source"));
    git(at, &["clone", "--quiet", &url, "."]).await;
    let noise: String = (0_u64..200_000).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    std::fs::write(at.join("large"), &noise).unwrap();
    git(at, &["add", "."]).await;
    git(at, &["commit", "--quiet", "-m", "Large"]).await;
    git(at, &["push", "--quiet", &url, "HEAD:main"]).await;
    let objects = api.data_dir().join("git/repositories/ada/copy.git/objects");
    let away = objects.with_extension("away");
    std::fs::rename(&objects, &away).unwrap();
    let state = async || {
        let row = api.rows().await.into_iter().find(|row| row.starts_with("mirror:")).unwrap();
        (row.contains("this server failed; its log says more"), api.events("repository.mirror_fail").await.len())
    };
    for _ in 0..2 {
        sync(&api, "ada/copy").await;
        assert_eq!(state().await, (true, 1));
    }
    let waits = api.count_waiting_mirrors(60_000).await;
    assert_eq!(waits, 1, "it is tried again by itself, the third time after a minute");
    std::fs::rename(&away, &objects).unwrap();
    sync(&api, "ada/copy").await;
    assert_eq!(state().await, (false, 1));
    assert_eq!(api.events("repository.mirror_recover").await.len(), 1);
    assert_eq!(tip(&api, "ada/copy", "main").await, tip(&api, "ada/source", "main").await);
    // An import is given up after so many tries, whoever is to blame, and also when none of them came to where that is noted.
    migrate(&api, "ada/source", "other", json!({ "mirror": true })).await.expect(201);
    let set = |name: &str, failures: i64| {
        #[expect(clippy::disallowed_methods, reason = "a test makes a past")]
        let rows = rusqlite::Connection::open(api.data_dir().join("atomicqms.db")).unwrap();
        rows.busy_timeout(Duration::from_secs(10)).unwrap();
        let sql =
            "UPDATE mirror SET is_once = 1, failures = ?1 WHERE repo_id = (SELECT id FROM repository WHERE name = ?2)";
        rows.execute(sql, rusqlite::params![failures, name]).unwrap();
    };
    std::fs::rename(&objects, &away).unwrap();
    set("copy", 7);
    set("other", 8);
    std::fs::write(at.join("large"), noise.replace('a', "b")).unwrap();
    git(at, &["commit", "--quiet", "--all", "-m", "Another"]).await;
    git(at, &["push", "--quiet", &url, "HEAD:main"]).await;
    for name in ["copy", "other"] {
        sync(&api, &format!("ada/{name}")).await;
        api.get(&format!("/repos/ada/{name}"), &ada).await.named(name).expect(404);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mirrors_of_accounts_that_are_shut_out_rest() {
    let api = Api::start_tuned(allow_itself).await;
    let (ada, bob, admin) = (api.ada(), api.bob(), api.admin());
    api.post("/user/repos", &ada, json!({ "name": "source", "auto_init": true })).await.expect(201);
    api.post("/orgs", &bob, json!({ "username": "acme" })).await.expect(201);
    let url = format!("{}ada/source.git", api.root_url());
    for owner in ["bob", "acme"] {
        let body = json!({ "clone_addr": url, "repo_name": "copy", "repo_owner": owner, "mirror": true });
        api.post("/repos/migrate", &bob, body).await.expect(201);
        api.put(&format!("/repos/{owner}/copy/collaborators/ada"), &bob, json!({ "permission": "write" }))
            .await
            .expect(204);
    }
    for (field, shut, open) in [("active", false, true), ("prohibit_login", true, false)] {
        let before = tip(&api, "bob/copy", "main").await;
        let edit = |value: bool| json!({ "source_id": 0, "login_name": "bob", field: value });
        api.patch("/admin/users/bob", &admin, edit(shut)).await.expect(200);
        let path = format!("/repos/ada/source/contents/{field}");
        api.post(&path, &ada, json!({ "content": base64(field) })).await.expect(201);
        for owner in ["bob", "acme"] {
            sync(&api, &format!("{owner}/copy")).await;
        }
        let now = tip(&api, "ada/source", "main").await;
        assert_eq!(tip(&api, "bob/copy", "main").await, before, "{field}");
        assert_eq!(tip(&api, "acme/copy", "main").await, now, "an organization signs in nowhere: {field}");
        api.patch("/admin/users/bob", &admin, edit(open)).await.expect(200);
        sync(&api, "bob/copy").await;
        assert_eq!(tip(&api, "bob/copy", "main").await, now, "{field}");
    }
    assert!(api.events("repository.mirror_fail").await.is_empty(), "nobody waits for it");
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rules_refuse_takes_nothing_down_with_it() {
    let api = Api::start_tuned(allow_itself).await;
    let ada = api.ada();
    api.post("/user/repos", &ada, json!({ "name": "source", "auto_init": true })).await.expect(201);
    migrate(&api, "ada/source", "copy", json!({ "mirror": true })).await.expect(201);
    let body = json!({ "rule_name": "a*", "enable_push": false });
    api.post("/repos/ada/copy/branch_protections", &ada, body).await.expect(201);
    // More branches than land at once, all of a commit that is new, and only the last one is not refused.
    let dir = TempDir::new().unwrap();
    let (at, url) = (dir.path(), api.git_url("ada", "ada/source"));
    git(at, &["clone", "--quiet", &url, "."]).await;
    std::fs::write(at.join("new"), "new").unwrap();
    git(at, &["add", "."]).await;
    git(at, &["commit", "--quiet", "-m", "New"]).await;
    let specs: Vec<String> = (0..1000).map(|number| format!("HEAD:refs/heads/a{number:04}")).collect();
    let mut push = vec!["push", "--quiet", &url, "HEAD:refs/heads/z"];
    push.extend(specs.iter().map(String::as_str));
    git(at, &push).await;
    sync(&api, "ada/copy").await;
    assert_eq!(tip(&api, "ada/copy", "z").await, tip(&api, "ada/source", "z").await);
    let refused = api.events("git.ref_refused").await;
    assert_eq!(refused.len(), 1000);
    let is_by_rule = |event: &Value| event["reason"].as_str().unwrap().starts_with("Not allowed to push to protected");
    assert!(refused.iter().all(is_by_rule), "{:?}", refused.last());
    let shown = api.get("/repos/ada/copy/mirror", &ada).await.expect(200).json;
    assert!(shown["refused"][0].as_str().unwrap().starts_with("refs/heads/a0000 "), "{}", shown["refused"][0]);
    assert!(api.events("repository.mirror_fail").await.is_empty());
    // Asked again, nothing is told again, and what was refused lands when the rule is gone.
    sync(&api, "ada/copy").await;
    assert_eq!(api.events("git.ref_refused").await.len(), 1000);
    api.delete("/repos/ada/copy/branch_protections/a*", &ada).await.expect(204);
    sync(&api, "ada/copy").await;
    assert_eq!(tip(&api, "ada/copy", "a0999").await, tip(&api, "ada/source", "z").await);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_open_a_remote_and_are_seen_nowhere() {
    let api = Api::start_tuned(allow_itself).await;
    let ada = api.ada();
    api.post("/user/repos", &ada, json!({ "name": "source", "private": true, "auto_init": true })).await.expect(201);
    let base = json!({ "clone_addr": format!("{}ada/source", api.root_url()), "mirror": true });
    let with = |name: &str, more: Value| {
        let mut body = base.clone();
        body["repo_name"] = json!(name);
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for wrong in [
        json!({}),
        json!({ "auth_username": "ada", "auth_password": "canary-wrong" }),
        json!({ "auth_token": "canary-token" }),
    ] {
        let answer = api.post("/repos/migrate", &ada, with("copy", wrong)).await.expect(422);
        assert!(answer.json["message"].as_str().unwrap().contains("credentials"), "{}", answer.text());
        assert!(!answer.whole().contains("canary"));
        api.get("/repos/ada/copy", &ada).await.expect(404);
    }
    let token = api.token("ada", &["read:repository"]).await.trim_start_matches("token ").to_owned();
    let made = api.post("/repos/migrate", &ada, with("copy", json!({ "auth_token": token }))).await.expect(201);
    assert!(!made.whole().contains(&token) && made.json["original_url"].as_str().is_some_and(|url| !url.contains('@')));
    let everything = |rows: Vec<String>, events: Vec<Value>| format!("{rows:?}{events:?}");
    let seen = everything(api.rows().await, api.events("repository.create").await);
    let hex: String = token.bytes().map(|byte| format!("{byte:02X}")).collect();
    assert!(!seen.contains(&token) && !seen.contains(&hex), "the token lies in the database");
    sync(&api, "ada/copy").await;
    assert!(api.events("repository.mirror_fail").await.is_empty());
    // Others in their place.
    for (password, fails) in [("canary-wrong", 1), (PASSWORD, 1)] {
        let body = json!({ "mirror_username": "ada", "mirror_password": password });
        assert!(!api.patch("/repos/ada/copy", &ada, body).await.expect(200).whole().contains(password));
        sync(&api, "ada/copy").await;
        assert_eq!(api.events("repository.mirror_fail").await.len(), fails);
    }
    assert_eq!(api.events("repository.mirror_recover").await.len(), 1);
    let told = format!("{:?}", api.events("repository.edit").await);
    assert!(told.contains("mirror_credentials") && !told.contains("canary") && !told.contains(PASSWORD));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_over_is_refused_and_nothing_stays() {
    let api = Api::start_tuned(allow_itself).await;
    let ada = api.ada();
    api.post("/user/repos", &ada, json!({ "name": "source", "auto_init": true })).await.expect(201);
    let url = format!("{}ada/source", api.root_url());
    let port = api.root_url().trim_end_matches('/').rsplit(':').next().unwrap().to_owned();
    let rows = api.rows().await.len();
    let cases = [
        json!({}),
        json!({ "repo_name": "x" }),
        json!({ "clone_addr": url }),
        json!({ "clone_addr": url, "repo_name": "../x" }),
        json!({ "clone_addr": url, "repo_name": "x", "service": "svn" }),
        json!({ "clone_addr": url, "repo_name": "x", "lfs": true }),
        json!({ "clone_addr": url, "repo_name": "x", "wiki": true }),
        json!({ "clone_addr": url, "repo_name": "x", "service": "gitea", "issues": true }),
        json!({ "clone_addr": url, "repo_name": "x", "service": "codecommit", "aws_access_key_id": "x" }),
        json!({ "clone_addr": url, "repo_name": "x", "mirror": true, "mirror_interval": "5s" }),
        json!({ "clone_addr": url, "repo_name": "x", "auth_username": "a:b" }),
        json!({ "clone_addr": url, "repo_name": "x", "auth_password": "a\nb" }),
        json!({ "clone_addr": format!("{url}?x=1"), "repo_name": "x" }),
        json!({ "clone_addr": "/etc", "repo_name": "x" }),
        json!({ "clone_addr": "file:///etc", "repo_name": "x" }),
        json!({ "clone_addr": "ssh://git@127.0.0.1/ada/source", "repo_name": "x" }),
        json!({ "clone_addr": "git@127.0.0.1:ada/source", "repo_name": "x" }),
        json!({ "clone_addr": "git://127.0.0.1/ada/source", "repo_name": "x" }),
        json!({ "clone_addr": "ext::sh -c id", "repo_name": "x" }),
        json!({ "clone_addr": "--upload-pack=id", "repo_name": "x" }),
        json!({ "clone_addr": "http://ada:word@127.0.0.1/ada/source", "repo_name": "x" }),
        // Inside, by any name but the one that is allowed here.
        json!({ "clone_addr": format!("http://[::1]:{port}/ada/source"), "repo_name": "x" }),
        json!({ "clone_addr": format!("http://0.0.0.0:{port}/ada/source"), "repo_name": "x" }),
        json!({ "clone_addr": "http://169.254.169.254/latest", "repo_name": "x" }),
        // No git.
        json!({ "clone_addr": format!("{}api/v1/version", api.root_url()), "repo_name": "x" }),
        json!({ "clone_addr": format!("{}ada/absent", api.root_url()), "repo_name": "x" }),
        json!({ "clone_addr": "http://no-such-host.invalid/x", "repo_name": "x" }),
    ];
    for body in cases {
        let answer = api.post("/repos/migrate", &ada, body.clone()).await.named(&body.to_string()).expect(422);
        assert!(!answer.text().contains("169.254") && !answer.text().contains("os error"), "{}", answer.text());
        api.get("/repos/ada/x", &ada).await.expect(404);
    }
    let left: Vec<String> = api.rows().await.into_iter().filter(|row| row.starts_with("mirror")).collect();
    assert!(left.is_empty() && api.rows().await.len() >= rows, "{left:?}");
    // For oneself, for an organization one leads, for anybody as an administrator.
    api.post("/orgs", &ada, json!({ "username": "acme" })).await.expect(201);
    let body = |owner: &str, name: &str| json!({ "clone_addr": url, "repo_name": name, "repo_owner": owner });
    assert_eq!(api.post("/repos/migrate", &ada, body("acme", "x")).await.expect(201).json["full_name"], "acme/x");
    api.post("/repos/migrate", &api.bob(), body("acme", "y")).await.expect(403);
    for owner in ["ada", "nobody", "../x"] {
        api.post("/repos/migrate", &api.bob(), body(owner, "y")).await.expect(404);
    }
    assert_eq!(api.post("/repos/migrate", &api.admin(), body("bob", "y")).await.expect(201).json["full_name"], "bob/y");
    let id = api.get("/users/bob", &ada).await.json["id"].clone();
    let by_id = json!({ "clone_addr": url, "repo_name": "z", "uid": id });
    assert_eq!(api.post("/repos/migrate", &api.bob(), by_id).await.expect(201).json["full_name"], "bob/z");
    api.post("/repos/migrate", &api.bob(), json!({ "clone_addr": url, "repo_name": "z", "uid": 99_999 }))
        .await
        .expect(404);
    api.post("/repos/migrate", &ada, body("acme", "x")).await.expect(409);
    // Gitea leaves these out of plain git without a word.
    api.post("/repos/migrate", &ada, json!({ "clone_addr": url, "repo_name": "g", "service": "git", "issues": true }))
        .await
        .expect(201);
    // An empty repository is one.
    api.repository("ada", "empty", false).await;
    let empty = json!({ "clone_addr": format!("{}ada/empty", api.root_url()), "repo_name": "void", "mirror": true });
    assert_eq!(api.post("/repos/migrate", &ada, empty).await.expect(201).json["empty"], true);
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["clone", "--quiet", &api.git_url("ada", "ada/source"), "."]).await;
    git(dir.path(), &["push", "--quiet", &api.git_url("ada", "ada/empty"), "HEAD:other"]).await;
    assert!(try_git(dir.path(), &["push", "--quiet", &api.git_url("ada", "ada/void"), "HEAD:main"]).await.is_err());
    sync(&api, "ada/void").await;
    let found = api.get("/repos/ada/void", &ada).await.expect(200).json;
    assert_eq!((&found["empty"], &found["default_branch"]), (&json!(false), &json!("other")));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_says_who_makes_mirrors_and_whether_there_are_any() {
    let api = Api::start_tuned(|config| {
        allow_itself(config);
        config.mirrors.admins_only = true;
    })
    .await;
    api.post("/user/repos", &api.ada(), json!({ "name": "source", "auto_init": true })).await.expect(201);
    migrate(&api, "ada/source", "copy", json!({})).await.expect(403);
    let body = json!({ "clone_addr": format!("{}ada/source", api.root_url()), "repo_name": "copy", "repo_owner": "ada", "mirror": true });
    api.post("/repos/migrate", &api.admin(), body).await.expect(201);
    let told = api.get("/settings/repository", "").await.expect(200).json;
    assert_eq!((&told["mirrors_disabled"], &told["migrations_disabled"]), (&json!(false), &json!(false)));
    let off = |config: &mut Config| {
        allow_itself(config);
        config.mirrors.enabled = false;
    };
    let api = api.restart(off, |_| {}).await;
    migrate(&api, "ada/source", "other", json!({})).await.expect(403);
    api.post("/repos/ada/copy/mirror-sync", &api.ada(), json!({})).await.expect(400);
    assert_eq!(api.get("/settings/repository", "").await.expect(200).json["mirrors_disabled"], true);
    // It is still a mirror: nobody else writes into it.
    api.post("/repos/ada/copy/contents/new", &api.ada(), json!({ "content": "" })).await.expect(403);
    api.finish().await;
}
