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
