//! Repositories generated from a template that real git pushed.

use serde_json::json;
use tempfile::TempDir;

use super::Api;
use super::git::git;

/// Pushes a template to `ada/qms`, with what is filled in, what is not, and what must not be followed.
async fn push_template(api: &Api) {
    let made = json!({ "name": "qms", "template": true, "description": "Quality in a box" });
    api.post("/user/repos", &api.ada(), made).await.expect(201);
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["init", "--quiet"]).await;
    let write = |path: &str, text: &[u8]| {
        let path = at.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(".gitea/template", b"# what is filled in\n*.md\ndocs/**\nbin/run\n");
    write("README.md", b"# $REPO_NAME\n\nMade from ${TEMPLATE_OWNER}/$TEMPLATE_NAME; $HOME stays.\n");
    write("plain.txt", b"$REPO_NAME\n");
    write("docs/deep/$REPO_NAME_UPPER.txt", b"$REPO_OWNER\n");
    write("sub/other.md", b"$REPO_NAME\n");
    write("bin/run", b"#!/bin/sh\necho $REPO_NAME\n");
    write("data.bin", b"\x00\xff$REPO_NAME");
    std::os::unix::fs::symlink("/etc/passwd", at.join("docs/link")).unwrap();
    git(at, &["add", "--all"]).await;
    git(at, &["update-index", "--chmod=+x", "bin/run"]).await;
    git(at, &["commit", "--quiet", "-m", "One"]).await;
    git(at, &["commit", "--quiet", "--allow-empty", "-m", "Two"]).await;
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/qms"), "main"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_over_filled_in_without_their_history() {
    let api = Api::start().await;
    push_template(&api).await;
    api.put("/repos/ada/qms/topics", &api.ada(), json!({ "topics": ["gxp", "qms"] })).await.expect(204);
    let rules = json!({ "owner": "bob", "name": "lab-sops", "git_content": true, "protected_branch": true });
    api.post("/repos/ada/qms/generate", &api.bob(), rules).await.expect(422);
    let ask = json!({ "owner": "bob", "name": "lab-sops", "git_content": true, "topics": true, "private": true });
    let made = api.post("/repos/ada/qms/generate", &api.bob(), ask).await.expect(201).json;
    assert_eq!((made["full_name"].as_str(), made["private"].as_bool()), (Some("bob/lab-sops"), Some(true)));
    assert_eq!((made["empty"].as_bool(), made["default_branch"].as_str()), (Some(false), Some("main")));
    assert_eq!(made["topics"], json!(["gxp", "qms"]));
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["clone", "--quiet", &api.git_url("bob", "bob/lab-sops"), "copy"]).await;
    let copy = dir.path().join("copy");
    let files = git(&copy, &["ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD"]).await;
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        [
            "100644 README.md",
            "100755 bin/run",
            "100644 data.bin",
            "100644 docs/deep/LAB-SOPS.txt",
            "120000 docs/link",
            "100644 plain.txt",
            "100644 sub/other.md",
        ]
    );
    let read = async |path: &str| git(&copy, &["show", &format!("HEAD:{path}")]).await;
    assert_eq!(read("README.md").await, "# lab-sops\n\nMade from ada/qms; $HOME stays.");
    assert_eq!(read("docs/deep/LAB-SOPS.txt").await, "bob");
    assert_eq!(read("bin/run").await, "#!/bin/sh\necho lab-sops");
    assert_eq!(read("plain.txt").await, "$REPO_NAME", "no glob names it");
    assert_eq!(read("sub/other.md").await, "$REPO_NAME", "a star stays in its directory");
    assert_eq!(read("docs/link").await, "/etc/passwd", "a link is copied, not followed");
    assert_eq!(git(&copy, &["log", "--format=%s|%an|%P"]).await, "Initial commit|bob|");
    git(&copy, &["fsck", "--strict"]).await;
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_generated_is_refused_and_leaves_nothing() {
    let api = Api::start().await;
    push_template(&api).await;
    api.repository("ada", "empty", false).await;
    let body = |owner: &str, name: &str| json!({ "owner": owner, "name": name, "git_content": true });
    let ask = async |template: &str, who: &str, body: serde_json::Value| {
        api.post(&format!("/repos/ada/{template}/generate"), &api.header_of(who), body).await
    };
    ask("empty", "bob", body("bob", "x")).await.expect(422);
    api.patch("/repos/ada/empty", &api.ada(), json!({ "template": true })).await.expect(200);
    ask("empty", "bob", body("bob", "x")).await.expect(422);
    ask("qms", "bob", json!({ "owner": "bob", "name": "x" })).await.expect(422);
    ask("qms", "bob", body("bob", "a b")).await.expect(422);
    ask("qms", "bob", body("", "x")).await.expect(422);
    ask("qms", "bob", body("nobody", "x")).await.expect(404);
    ask("qms", "bob", body("ada", "x")).await.expect(404);
    ask("qms", "", body("ada", "x")).await.expect(401);
    ask("absent", "bob", body("bob", "x")).await.expect(404);
    api.post("/orgs", &api.ada(), json!({ "username": "acme" })).await.expect(201);
    ask("qms", "bob", body("acme", "x")).await.expect(403);
    ask("qms", "ada", body("acme", "x")).await.expect(201);
    ask("qms", "ada", body("acme", "x")).await.expect(409);
    ask("qms", "admin", body("bob", "for-bob")).await.expect(201);
    assert_eq!(api.get("/users/bob/repos", &api.bob()).await.expect(200).names(), ["for-bob"]);
    let token = api.token("bob", &["read:repository", "write:user"]).await;
    api.post("/repos/ada/qms/generate", &token, body("bob", "y")).await.expect(403);
    api.patch("/repos/ada/qms", &api.ada(), json!({ "private": true })).await.expect(200);
    ask("qms", "bob", body("bob", "z")).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_of_one_name_take_the_repository_back() {
    let api = Api::start().await;
    api.post("/user/repos", &api.ada(), json!({ "name": "twice", "template": true })).await.expect(201);
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["init", "--quiet"]).await;
    std::fs::create_dir_all(at.join(".gitea")).unwrap();
    for (name, text) in [(".gitea/template", "*.md\n"), ("$REPO_NAME.md", "one"), ("$TEMPLATE_NAME.md", "two")] {
        std::fs::write(at.join(name), text).unwrap();
    }
    git(at, &["add", "--all"]).await;
    git(at, &["commit", "--quiet", "-m", "One"]).await;
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/twice"), "main"]).await;
    let body = json!({ "owner": "bob", "name": "twice", "git_content": true });
    api.post("/repos/ada/twice/generate", &api.bob(), body).await.expect(422);
    api.get("/repos/bob/twice", &api.bob()).await.expect(404);
    let body = json!({ "owner": "bob", "name": "once", "git_content": true });
    api.post("/repos/ada/twice/generate", &api.bob(), body).await.expect(201);
    api.finish().await;
}
