//! Forks of a repository that real git pushed.

use serde_json::json;
use tempfile::TempDir;

use super::Api;
use super::git::{fails, git};

/// Pushes two branches and a tag to `ada/sop`, after a secret that was taken out again; answers its id.
async fn push_source(api: &Api, is_private: bool) -> String {
    api.repository("ada", "sop", is_private).await;
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    let url = api.git_url("ada", "ada/sop");
    git(at, &["init", "--quiet"]).await;
    std::fs::write(at.join("secret.txt"), "a password\n").unwrap();
    git(at, &["add", "."]).await;
    git(at, &["commit", "--quiet", "-m", "Oops"]).await;
    git(at, &["push", "--quiet", &url, "main"]).await;
    let secret = git(at, &["rev-parse", "HEAD"]).await;
    std::fs::remove_file(at.join("secret.txt")).unwrap();
    std::fs::write(at.join("sop.md"), "# SOP\n").unwrap();
    git(at, &["add", "--all"]).await;
    git(at, &["commit", "--quiet", "--amend", "-m", "One"]).await;
    git(at, &["tag", "-a", "-m", "First", "v1"]).await;
    git(at, &["push", "--quiet", "--force", &url, "main", "main:topic/a", "v1"]).await;
    secret
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_has_the_branches_and_tags_and_nothing_that_was_taken_out() {
    let api = Api::start().await;
    let secret = push_source(&api, false).await;
    let made = api.post("/repos/ada/sop/forks", &api.bob(), json!({})).await.expect(202).json;
    assert_eq!((made["full_name"].as_str(), made["fork"].as_bool()), (Some("bob/sop"), Some(true)));
    assert_eq!((made["parent"]["full_name"].as_str(), made["empty"].as_bool()), (Some("ada/sop"), Some(false)));
    let source = api.get("/repos/ada/sop", "").await.expect(200).json;
    assert_eq!((&source["forks_count"], &source["watchers_count"]), (&json!(1), &json!(1)));
    for field in ["branch_count", "forks_count", "watchers_count", "owner"] {
        assert_eq!(api.get("/repos/bob/sop", "").await.expect(200).json["parent"][field], source[field], "{field}");
    }
    assert_eq!(api.get("/repos/ada/sop/forks", "").await.expect(200).names(), ["sop"]);
    assert_eq!(api.get("/repos/search?mode=fork", "").await.expect(200).names_in("data"), ["sop"]);
    assert_eq!(api.get("/repos/bob/sop/branches", "").await.expect(200).names(), ["main", "topic/a"]);
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["clone", "--quiet", "--mirror", &api.git_url("bob", "bob/sop"), "copy"]).await;
    git(&at.join("copy"), &["fsck", "--strict"]).await;
    // Whoever knows the id and may push to the fork cannot name what never came over.
    git(at, &["init", "--quiet", "mine"]).await;
    assert!(fails(&at.join("mine"), &["fetch", "--quiet", &api.git_url("bob", "bob/sop"), &secret]).await);
    let objects = git(&at.join("copy"), &["cat-file", "--batch-all-objects", "--batch-check"]).await;
    assert!(!objects.contains(&secret));
    // Both go on by themselves, and outlive each other.
    git(&at.join("copy"), &["push", "--quiet", &api.git_url("bob", "bob/sop"), "main:refs/heads/mine"]).await;
    assert_eq!(api.get("/repos/ada/sop/branches", "").await.expect(200).names(), ["main", "topic/a"]);
    api.delete("/repos/ada/sop", &api.ada()).await.expect(204);
    git(at, &["clone", "--quiet", &api.git_url("bob", "bob/sop"), "again"]).await;
    let left = api.get("/repos/bob/sop", "").await.expect(200).json;
    assert_eq!((left["fork"].as_bool(), left.get("parent")), (Some(false), None));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_are_seen_by_no_more_people_than_their_source() {
    let api = Api::start().await;
    push_source(&api, true).await;
    let (ada, bob) = (api.ada(), api.bob());
    let edit = |repository: &'static str, who: &str, body: serde_json::Value| {
        let (api, who) = (&api, who.to_owned());
        async move { api.patch(&format!("/repos/{repository}"), &who, body).await }
    };
    let (private, public) = (json!({ "private": true }), json!({ "private": false }));
    let is_private = async |repository: &str| {
        api.get(&format!("/repos/{repository}"), &api.admin()).await.expect(200).json["private"].as_bool().unwrap()
    };
    // Who may only read cannot show it to everybody.
    api.put("/repos/ada/sop/collaborators/bob", &ada, json!({ "permission": "read" })).await.expect(204);
    api.post("/repos/ada/sop/forks", &bob, json!({})).await.expect(202);
    edit("bob/sop", &bob, public.clone()).await.expect(403);
    edit("bob/sop", &api.admin(), public.clone()).await.expect(403);
    api.delete("/repos/ada/sop/collaborators/bob", &ada).await.expect(204);
    edit("bob/sop", &bob, public.clone()).await.expect(403);
    assert!(is_private("bob/sop").await);
    // Open as the source is, by its own owner; forks of forks close with it.
    edit("ada/sop", &ada, public.clone()).await.expect(200);
    edit("bob/sop", &bob, public.clone()).await.expect(200);
    api.post("/orgs", &ada, json!({ "username": "acme" })).await.expect(201);
    api.post("/repos/bob/sop/forks", &ada, json!({ "organization": "acme" })).await.expect(202);
    assert!(!is_private("acme/sop").await);
    let before = api.events("repository.edit").await.len();
    edit("ada/sop", &ada, private).await.expect(200);
    for fork in ["bob/sop", "acme/sop"] {
        assert!(is_private(fork).await, "{fork}");
        api.get(&format!("/repos/{fork}"), "").await.expect(404);
    }
    let events = api.events("repository.edit").await;
    assert_eq!(events.len(), before + 3, "{events:?}");
    assert!(events[before + 1..].iter().all(|event| event["reason"].as_str().unwrap().contains("made of")));
    // The same when the owner hides, and when it goes to one who is hidden.
    let open = async || {
        for (repository, who) in [("ada/sop", &ada), ("bob/sop", &bob), ("acme/sop", &ada)] {
            api.patch(&format!("/repos/{repository}"), who, json!({ "private": false })).await.expect(200);
        }
    };
    open().await;
    api.patch("/admin/users/ada", &api.admin(), json!({ "visibility": "limited" })).await.expect(200);
    assert!(is_private("bob/sop").await && is_private("acme/sop").await && !is_private("ada/sop").await);
    edit("bob/sop", &bob, public.clone()).await.expect(403);
    api.patch("/admin/users/ada", &api.admin(), json!({ "visibility": "public" })).await.expect(200);
    open().await;
    api.post("/orgs", &ada, json!({ "username": "cellar", "visibility": "private" })).await.expect(201);
    api.post("/repos/ada/sop/transfer", &ada, json!({ "new_owner": "cellar" })).await.expect_any(&[201, 202]);
    assert!(is_private("bob/sop").await && is_private("acme/sop").await);
    // Nothing is left to hide behind.
    api.delete("/repos/cellar/sop", &ada).await.expect(204);
    edit("bob/sop", &bob, public).await.expect(200);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_go_where_the_caller_may_make_repositories_and_once() {
    let api = Api::start().await;
    push_source(&api, false).await;
    api.post("/repos/ada/sop/forks", "", json!({})).await.expect(401);
    api.post("/repos/ada/sop/forks", &api.ada(), json!({})).await.expect(409);
    api.post("/repos/ada/sop/forks", &api.ada(), json!({ "name": "again" })).await.expect(409);
    api.post("/repos/ada/none/forks", &api.bob(), json!({})).await.expect(404);
    api.post("/repos/ada/sop/forks", &api.bob(), json!({ "name": "a b" })).await.expect(422);
    api.post("/repos/ada/sop/forks", &api.bob(), json!({ "organization": "acme" })).await.expect(404);
    api.post("/orgs", &api.ada(), json!({ "username": "acme" })).await.expect(201);
    api.post("/repos/ada/sop/forks", &api.bob(), json!({ "organization": "acme" })).await.expect(403);
    let made = api.post("/repos/ada/sop/forks", &api.ada(), json!({ "organization": "acme", "name": "lab" })).await;
    assert_eq!(made.expect(202).json["full_name"], "acme/lab");
    api.post("/repos/ada/sop/forks", &api.bob(), json!({})).await.expect(202);
    api.post("/repos/ada/sop/forks", &api.bob(), json!({ "name": "second" })).await.expect(409);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_of_what_is_private_is_private_and_shows_no_parent_to_strangers() {
    let api = Api::start().await;
    push_source(&api, true).await;
    api.post("/repos/ada/sop/forks", &api.bob(), json!({})).await.expect(404);
    let at = "/repos/ada/sop/collaborators/bob";
    api.put(at, &api.ada(), json!({ "permission": "read" })).await.expect(204);
    let made = api.post("/repos/ada/sop/forks", &api.bob(), json!({})).await.expect(202).json;
    assert_eq!((made["private"].as_bool(), made["parent"]["name"].as_str()), (Some(true), Some("sop")));
    api.get("/repos/bob/sop", "").await.expect(404);
    api.get("/repos/ada/sop/forks", "").await.expect(404);
    assert_eq!(api.get("/repos/ada/sop/forks", &api.ada()).await.expect(200).names(), Vec::<String>::new());
    api.delete(at, &api.ada()).await.expect(204);
    let after = api.get("/repos/bob/sop", &api.bob()).await.expect(200).json;
    assert_eq!((after["fork"].as_bool(), after.get("parent")), (Some(true), None), "what is hidden again is not named");
    api.finish().await;
}

/// Commits a file on the branch that is checked out.
async fn commit(at: &std::path::Path, file: &str, text: &str) {
    std::fs::write(at.join(file), text).unwrap();
    git(at, &["add", "."]).await;
    git(at, &["commit", "--quiet", "-m", &format!("Write {file}")]).await;
}

/// `ada/sop`, its fork `bob/sop`, and a clone that has both as `origin` and `fork`.
async fn pair(api: &Api, is_private: bool) -> TempDir {
    push_source(api, is_private).await;
    if is_private {
        let body = json!({ "permission": "read" });
        api.put("/repos/ada/sop/collaborators/bob", &api.ada(), body).await.expect(204);
    }
    api.post("/repos/ada/sop/forks", &api.bob(), json!({})).await.expect(202);
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["clone", "--quiet", &api.git_url("ada", "ada/sop"), "."]).await;
    git(dir.path(), &["remote", "add", "fork", &api.git_url("bob", "bob/sop")]).await;
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_compared_with_its_source_and_with_other_forks() {
    let api = Api::start().await;
    let dir = pair(&api, false).await;
    let at = dir.path();
    commit(at, "ada.md", "from ada\n").await;
    git(at, &["push", "--quiet", "origin", "main"]).await;
    git(at, &["checkout", "--quiet", "-b", "bobs", "HEAD~1"]).await;
    for name in ["bob.md", "sop.md"] {
        commit(at, name, "from bob\n").await;
    }
    git(at, &["push", "--quiet", "fork", "bobs:refs/heads/topic/b"]).await;
    let tip = git(at, &["rev-parse", "bobs"]).await;
    api.account("cleo").await;
    api.post("/repos/bob/sop/forks", &api.header_of("cleo"), json!({ "name": "copy" })).await.expect(202);
    let expected = git(at, &["rev-list", "main..bobs"]).await;
    let expected: Vec<&str> = expected.lines().collect();
    for (repo, names) in [
        ("ada/sop", "main...bob:topic/b"),
        ("ada/sop", "main..bob/sop:topic/b"),
        ("ada/sop", "BOB:topic%2Fb"),
        ("bob/sop", "ada:main...topic/b"),
        ("cleo/copy", "ada/sop:main...bob:topic/b"),
        ("ada/sop", "main...cleo/copy:topic/b"),
    ] {
        let found = api.get(&format!("/repos/{repo}/compare/{names}"), "").await.named(names).expect(200).json;
        let shas: Vec<&str> =
            found["commits"].as_array().unwrap().iter().map(|row| row["sha"].as_str().unwrap()).collect();
        assert_eq!((found["total_commits"].as_u64(), shas), (Some(2), expected.clone()), "{repo} {names}");
        let home = if names.contains("cleo/copy") { "cleo/copy" } else { "bob/sop" };
        assert!(found["commits"][0]["url"].as_str().unwrap().contains(home), "{names}: {found}");
    }
    for (names, range) in [("main...bob:topic/b", "main...bobs"), ("main..bob:topic/b", "main..bobs")] {
        let ours = api.get(&format!("/repos/ada/sop/compare/{names}?output=diff"), "").await.expect(200);
        assert_eq!(ours.text().trim_end(), git(at, &["diff", "--binary", range]).await);
    }
    let mails = api.get("/repos/ada/sop/compare/main...bob:topic/b?output=patch", "").await.expect(200);
    assert_eq!(mails.text().lines().filter(|line| line.starts_with("Subject: ")).count(), 2);
    // Each revision is looked for in its own repository, and only there.
    api.get(&format!("/repos/ada/sop/compare/main...{tip}"), "").await.expect(404);
    api.get(&format!("/repos/ada/sop/compare/main...bob:{tip}"), "").await.expect(200);
    api.repository("cleo", "other", false).await;
    for names in
        ["main...cleo/other:main", "main...nobody:main", "main...a%20b:main", "main...bob/none:main", "main...bob:none"]
    {
        api.get(&format!("/repos/ada/sop/compare/{names}"), "").await.named(names).expect(404);
    }
    // Hidden, and gone.
    api.patch("/repos/bob/sop", &api.bob(), json!({ "private": true })).await.expect(200);
    for who in ["", &api.ada()] {
        api.get("/repos/ada/sop/compare/main...bob:topic/b", who).await.expect(404);
        api.get("/repos/ada/sop/compare/main...bob:topic/b?output=diff", who).await.expect(404);
    }
    api.get("/repos/ada/sop/compare/main...bob:topic/b", &api.bob()).await.expect(200);
    api.delete("/repos/bob/sop", &api.bob()).await.expect(204);
    api.get("/repos/ada/sop/compare/main...bob:topic/b", &api.bob()).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_follows_its_source() {
    let api = Api::start().await;
    let dir = pair(&api, true).await;
    let at = dir.path();
    let follow = async |body: serde_json::Value| api.post("/repos/bob/sop/merge-upstream", &api.bob(), body).await;
    assert_eq!(follow(json!({})).await.expect(200).json["merge_type"], "up-to-date");
    let events = api.events("git.ref_update").await.len();
    commit(at, "one.md", "one\n").await;
    git(at, &["push", "--quiet", "origin", "main"]).await;
    assert_eq!(
        follow(json!({ "branch": "main", "ff_only": true })).await.expect(200).json["merge_type"],
        "fast-forward"
    );
    assert_eq!(follow(json!({})).await.expect(200).json["merge_type"], "up-to-date");
    git(at, &["fetch", "--quiet", "fork"]).await;
    assert_eq!(git(at, &["rev-parse", "fork/main"]).await, git(at, &["rev-parse", "main"]).await);
    // Both went on, and the source has more than fits into memory at once.
    git(at, &["checkout", "--quiet", "-b", "bobs"]).await;
    commit(at, "bob.md", "bob\n").await;
    git(at, &["push", "--quiet", "fork", "bobs:main"]).await;
    git(at, &["checkout", "--quiet", "main"]).await;
    let mut state = 1_u64;
    let noise = (0..300_000).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state)
    });
    commit(at, "large.txt", &noise.collect::<String>()).await;
    git(at, &["push", "--quiet", "origin", "main"]).await;
    follow(json!({ "ff_only": true })).await.expect(400);
    assert_eq!(follow(json!({})).await.expect(200).json["merge_type"], "merge");
    git(at, &["fetch", "--quiet", "fork"]).await;
    assert_eq!(
        git(at, &["log", "-1", "--format=%an|%ae|%s|%P", "fork/main"]).await,
        format!(
            "bob|bob@example.org|Merge branch 'main' of ada/sop into main|{} {}",
            git(at, &["rev-parse", "bobs"]).await,
            git(at, &["rev-parse", "main"]).await
        )
    );
    git(at, &["checkout", "--quiet", "-B", "check", "bobs"]).await;
    git(at, &["merge", "--quiet", "--no-edit", "main"]).await;
    assert_eq!(git(at, &["rev-parse", "check^{tree}"]).await, git(at, &["rev-parse", "fork/main^{tree}"]).await);
    git(at, &["clone", "--quiet", "--mirror", &api.git_url("bob", "bob/sop"), "copy"]).await;
    git(&at.join("copy"), &["fsck", "--strict"]).await;
    let told = api.events("git.ref_update").await;
    // Two pushes of ada's, one of bob's, and each of the two that followed.
    assert_eq!(told.len(), events + 5, "{told:?}");
    assert_eq!(told.last().unwrap()["actor"]["login"], "bob");

    // A conflict changes nothing; what is not there cannot be followed.
    for (remote, start) in [("fork", "fork/main"), ("origin", "main")] {
        git(at, &["checkout", "--quiet", "-B", "conflict", start]).await;
        commit(at, "sop.md", remote).await;
        git(at, &["push", "--quiet", remote, "conflict:main"]).await;
    }
    let before = api.events("git.ref_update").await.len();
    follow(json!({})).await.expect(409);
    for body in [json!({ "branch": "none" }), json!({ "branch": "--x" }), json!({ "branch": "../x" })] {
        follow(body).await.expect(404);
    }
    git(at, &["push", "--quiet", "fork", "main:refs/heads/only-here"]).await;
    follow(json!({ "branch": "only-here" })).await.expect(404);
    assert_eq!(api.events("git.ref_update").await.len(), before + 1);
    api.post("/repos/ada/sop/merge-upstream", &api.ada(), json!({})).await.expect(400);
    for who in ["", &api.ada()] {
        api.post("/repos/bob/sop/merge-upstream", who, json!({})).await.expect_any(&[401, 404]);
    }
    // Whoever may not read the source any more gets nothing of it, and does not learn what became of it.
    api.delete("/repos/ada/sop/collaborators/bob", &api.ada()).await.expect(204);
    let hidden = follow(json!({})).await.expect(404).json["message"].clone();
    api.delete("/repos/ada/sop", &api.ada()).await.expect(204);
    assert!(follow(json!({})).await.status() >= 400);
    assert!(!hidden.as_str().unwrap().contains("ada"));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forks_of_forks_stay_relatives_whatever_becomes_of_those_between() {
    let api = Api::start().await;
    push_source(&api, false).await;
    api.account("cleo").await;
    api.post("/repos/ada/sop/forks", &api.header_of("cleo"), json!({})).await.expect(202);
    api.post("/repos/ada/sop/forks", &api.bob(), json!({ "name": "first" })).await.expect(202);
    // A long line: two accounts take turns, each fork is made of the one before.
    let mut line = vec!["cleo/sop".to_owned()];
    for number in 0..67 {
        let (owner, auth) = if number % 2 == 0 { ("bob", api.bob()) } else { ("ada", api.ada()) };
        let name = format!("f{number}");
        let path = format!("/repos/{}/forks", line[line.len() - 1]);
        api.post(&path, &auth, json!({ "name": name })).await.expect(202);
        line.push(format!("{owner}/{name}"));
    }
    let last = line.last().unwrap().clone();
    let compare = async |repo: &str, with: &str, auth: &str| {
        api.get(&format!("/repos/{repo}/compare/main...{with}:main"), auth).await.status()
    };
    assert_eq!(compare("ada/sop", &last, "").await, 200);
    assert_eq!(compare(&last, "ada/sop", "").await, 200);
    // Of the many of one owner it is the first that the caller may read.
    api.patch("/repos/bob/first", &api.bob(), json!({ "private": true })).await.expect(200);
    for fork in ["bob/first", "bob/f0"] {
        let path = format!("/repos/{fork}/contents/own");
        let body = json!({ "content": "eA==", "branch": "main", "new_branch": "own" });
        api.post(&path, &api.bob(), body).await.expect(201);
    }
    let home = async |auth: &str| {
        let found = api.get("/repos/cleo/sop/compare/v1...bob:own", auth).await.expect(200).json;
        let url = found["commits"][0]["url"].as_str().unwrap().to_owned();
        url.split("/repos/").nth(1).unwrap().split("/git").next().unwrap().to_owned()
    };
    assert_eq!(home("").await, "bob/f0");
    assert_eq!(home(&api.bob()).await, "bob/first");
    assert_eq!(compare("ada/sop", "bob/first", "").await, 404);
    // Without the origin, and without one between, they still have one history; whoever comes later belongs to them.
    for gone in ["ada/sop", "ada/f5"] {
        api.delete(&format!("/repos/{gone}"), &api.ada()).await.expect(204);
    }
    assert_eq!(api.get("/repos/bob/f6", "").await.json["fork"], false);
    for (one, other) in [("cleo/sop", "bob/f4"), ("bob/f4", "bob/f6"), (last.as_str(), "cleo/sop")] {
        assert_eq!(compare(one, other, "").await, 200, "{one} {other}");
    }
    api.post("/repos/bob/f6/forks", &api.header_of("cleo"), json!({ "name": "late" })).await.expect(202);
    assert_eq!(compare("bob/f4", "cleo/late", "").await, 200);
    api.repository("cleo", "stranger", false).await;
    assert_eq!(compare("bob/f4", "cleo/stranger", "").await, 404);
    api.finish().await;
}

/// A connection that has the database's one lock for writing.
fn lock_for_writing(api: &Api) -> rusqlite::Connection {
    #[expect(clippy::disallowed_methods, reason = "a test stands between a request and its commit")]
    let rows = rusqlite::Connection::open(api.data_dir().join("atomicqms.db")).unwrap();
    rows.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    rows.execute_batch("BEGIN IMMEDIATE").unwrap();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_any_more_does_not_land() {
    let api = Api::start().await;
    let dir = pair(&api, true).await;
    let at = dir.path();
    // More than stays in memory, so that there is a file once the source was read.
    let noise: String = (0_u64..200_000).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    commit(at, "large.txt", &noise).await;
    git(at, &["push", "--quiet", "origin", "main"]).await;
    let before = api.get("/repos/bob/sop/branches/main", &api.bob()).await.expect(200).json["commit"]["id"].clone();
    let rows = lock_for_writing(&api);
    let objects = api.data_dir().join("git/repositories/bob/sop.git/objects");
    let revoke = async move {
        let is_written = || {
            let mut names = std::fs::read_dir(&objects).unwrap().map(|entry| entry.unwrap().file_name());
            names.any(|name| name.to_string_lossy().starts_with("incoming-"))
        };
        while !is_written() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        rows.execute_batch(
            "DELETE FROM collaboration WHERE repo_id IN (SELECT id FROM repository WHERE owner_id = (SELECT id FROM users WHERE login = 'ada')); COMMIT",
        )
        .unwrap();
    };
    let bob = api.bob();
    let follow = api.post("/repos/bob/sop/merge-upstream", &bob, json!({}));
    let (answer, ()) = tokio::join!(follow, revoke);
    let answer = answer.expect(404);
    assert!(!answer.text().contains("ada"), "{}", answer.text());
    let after = api.get("/repos/bob/sop/branches/main", &api.bob()).await.expect(200).json["commit"]["id"].clone();
    assert_eq!(before, after);
    api.get("/repos/ada/sop", &api.bob()).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_branch_of_another_name_is_followed() {
    let api = Api::start().await;
    let dir = pair(&api, false).await;
    let at = dir.path();
    api.patch("/repos/bob/sop/branches/main", &api.bob(), json!({ "name": "trunk" })).await.expect(204);
    commit(at, "one.md", "one\n").await;
    git(at, &["push", "--quiet", "origin", "main"]).await;
    let done = api.post("/repos/bob/sop/merge-upstream", &api.bob(), json!({})).await.expect(200);
    assert_eq!(done.json["merge_type"], "fast-forward");
    git(at, &["fetch", "--quiet", "fork"]).await;
    assert_eq!(git(at, &["rev-parse", "fork/trunk"]).await, git(at, &["rev-parse", "main"]).await);
    api.finish().await;
}
