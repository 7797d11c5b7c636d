//! Branches, tags and refs of a repository that real git pushed.

use serde_json::json;
use tempfile::TempDir;

use super::Api;
use super::git::{git, git_at};

/// Pushes two branches, an annotated and a lightweight tag to `ada/sops`; answers the work tree.
async fn push_history(api: &Api) -> TempDir {
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["init", "--quiet"]).await;
    git(at, &["commit", "--quiet", "--allow-empty", "-m", "First\n\nWith a body."]).await;
    git(at, &["tag", "light"]).await;
    git_at(at, "1700000500 +0100", &["tag", "-a", "-m", "Release one", "v1/final"]).await;
    git(at, &["checkout", "--quiet", "-b", "feature/cleaning"]).await;
    git_at(at, "1700001000 -0530", &["commit", "--quiet", "--allow-empty", "-m", "Second"]).await;
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), "--all"]).await;
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), "--tags"]).await;
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_show_the_commit_at_their_tip() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    let dir = push_history(&api).await;
    let list = api.get("/repos/ada/sops/branches", "").await.expect(200);
    assert_eq!(list.names(), ["feature/cleaning", "main"]);
    assert_eq!(list.header("x-total-count"), "2");
    let main = &list.json[1];
    assert_eq!(main["commit"]["id"], git(dir.path(), &["rev-parse", "main"]).await);
    assert_eq!(main["commit"]["message"], "First\n\nWith a body.\n");
    assert_eq!(main["commit"]["timestamp"], "2023-11-15T00:13:20+02:00");
    assert_eq!(
        main["commit"]["author"],
        json!({ "name": "Ada Lovelace", "email": "ada@example.org", "username": "ada" })
    );
    assert_eq!((main["user_can_push"].as_bool(), main["protected"].as_bool()), (Some(false), Some(false)));

    let one = api.get("/repos/ada/sops/branches/feature/cleaning", &api.ada()).await.expect(200).json;
    assert_eq!((one["name"].as_str(), one["user_can_push"].as_bool()), (Some("feature/cleaning"), Some(true)));
    assert_eq!(one["commit"]["timestamp"], "2023-11-14T17:00:00-05:30");
    api.get("/repos/ada/sops/branches/feature%2Fcleaning", "").await.expect(200);
    api.get("/repos/ada/sops/branches/absent", "").await.expect(404);
    api.get("/repos/ada/sops/branches/..%2Fx", "").await.expect(404);
    assert_eq!(api.get("/repos/ada/sops/branches?q=CLEAN", "").await.expect(200).names(), ["feature/cleaning"]);
    let page = api.get("/repos/ada/sops/branches?limit=1&page=2", "").await.expect(200);
    assert_eq!(
        (page.names(), page.link_rels()),
        (vec!["main".to_owned()], vec!["first".to_owned(), "prev".to_owned()])
    );
    assert_eq!(api.get("/repos/ada/sops/branches?page=3", "").await.expect(200).json, json!([]));
    let repository = api.get("/repos/ada/sops", "").await.expect(200).json;
    assert_eq!((repository["empty"].as_bool(), repository["branch_count"].as_i64()), (Some(false), Some(2)));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_size_of_a_repository_follows_its_pushes() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    let dir = push_history(&api).await;
    let mut state = 1u64;
    let noise = (0..200 * 1024).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    std::fs::write(dir.path().join("scan.bin"), noise.collect::<Vec<u8>>()).unwrap();
    git(dir.path(), &["add", "scan.bin"]).await;
    git(dir.path(), &["commit", "--quiet", "-m", "Scan"]).await;
    git(dir.path(), &["push", "--quiet", &api.git_url("ada", "ada/sops"), "--all"]).await;
    let size = api.get("/repos/ada/sops", "").await.expect(200).json["size"].as_i64().unwrap();
    assert!((200..210).contains(&size), "{size} KiB");
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_show_what_they_point_at() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    let dir = push_history(&api).await;
    let commit = git(dir.path(), &["rev-parse", "main"]).await;
    let list = api.get("/repos/ada/sops/tags", "").await.expect(200);
    assert_eq!(
        (list.names(), list.header("x-total-count")),
        (vec!["v1/final".to_owned(), "light".to_owned()], "2".to_owned())
    );
    let annotated = api.get("/repos/ada/sops/tags/v1/final", "").await.expect(200).json;
    assert_eq!(annotated["id"], git(dir.path(), &["rev-parse", "v1/final"]).await);
    assert_eq!(
        (annotated["commit"]["sha"].as_str(), annotated["message"].as_str()),
        (Some(&*commit), Some("Release one"))
    );
    assert_eq!(annotated["commit"]["created"], "2023-11-14T23:21:40+01:00");
    assert_eq!(annotated["zipball_url"], format!("{}ada/sops/archive/v1%2Ffinal.zip", api.root_url()));
    let light = api.get("/repos/ada/sops/tags/light", "").await.expect(200).json;
    assert_eq!((light["id"].as_str(), light["message"].as_str()), (Some(&*commit), Some("First\n\nWith a body.")));
    api.get("/repos/ada/sops/tags/absent", "").await.expect(404);
    assert_eq!(api.get("/repos/ada/sops/tags?limit=1&page=2", "").await.expect(200).names(), ["light"]);
    assert_eq!(api.get("/repos/ada/sops/tags?page=3", "").await.expect(200).json, json!([]));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refs_are_found_by_prefix() {
    let api = Api::start().await;
    api.repository("ada", "sops", true).await;
    let dir = push_history(&api).await;
    let refs = |json: &serde_json::Value| -> Vec<String> {
        json.as_array().unwrap().iter().map(|row| row["ref"].as_str().unwrap().to_owned()).collect()
    };
    let all = api.get("/repos/ada/sops/git/refs", &api.ada()).await.expect(200).json;
    let every = ["refs/heads/feature/cleaning", "refs/heads/main", "refs/tags/light", "refs/tags/v1/final"];
    assert_eq!(refs(&all), every);
    assert_eq!(all[3]["object"]["type"], "tag");
    let one = api.get("/repos/ada/sops/git/refs/heads/main", &api.ada()).await.expect(200).json;
    let id = git(dir.path(), &["rev-parse", "main"]).await;
    let root = api.root_url();
    assert_eq!(
        one,
        json!({ "ref": "refs/heads/main", "url": format!("{root}api/v1/repos/ada/sops/git/refs/heads/main"),
            "object": { "type": "commit", "sha": id, "url": format!("{root}api/v1/repos/ada/sops/git/commits/{id}") } })
    );
    assert_eq!(refs(&api.get("/repos/ada/sops/git/refs/heads", &api.ada()).await.expect(200).json), every[..2]);
    assert_eq!(refs(&api.get("/repos/ada/sops/git/refs/tags/v1", &api.ada()).await.expect(200).json), every[3..]);
    api.get("/repos/ada/sops/git/refs/notes", &api.ada()).await.expect(404);
    api.get("/repos/ada/sops/git/refs", &api.bob()).await.expect(404);
    api.finish().await;
}

#[tokio::test]
async fn an_empty_repository_has_no_refs() {
    let api = Api::start().await;
    api.repository("ada", "sops", true).await;
    for list in ["branches", "tags"] {
        let empty = api.get(&format!("/repos/ada/sops/{list}"), &api.ada()).await.expect(200);
        assert_eq!((&empty.json, empty.header("x-total-count")), (&json!([]), "0".to_owned()));
        assert_eq!(empty.header("link"), "");
        api.get(&format!("/repos/ada/sops/{list}"), &api.bob()).await.expect(404);
        api.get(&format!("/repos/ada/sops/{list}/x"), "").await.expect(404);
    }
    api.get("/repos/ada/sops/git/refs", &api.ada()).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_init_makes_a_first_commit() {
    let api = Api::start().await;
    let body = json!({ "name": "sops", "description": "Procedures", "auto_init": true, "default_branch": "trunk" });
    let made = api.post("/user/repos", &api.ada(), body).await.expect(201).json;
    assert_eq!((made["empty"].as_bool(), made["branch_count"].as_i64()), (Some(false), Some(1)));
    let branch = api.get("/repos/ada/sops/branches/trunk", &api.ada()).await.expect(200).json;
    assert_eq!(
        (branch["commit"]["message"].as_str(), branch["commit"]["author"]["username"].as_str()),
        (Some("Initial commit\n"), Some("ada"))
    );
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["clone", "--quiet", &api.git_url("ada", "ada/sops"), "copy"]).await;
    let copy = dir.path().join("copy");
    git(&copy, &["fsck", "--strict"]).await;
    assert_eq!(git(&copy, &["show", "trunk:README.md"]).await, "# sops\n\nProcedures");
    for (field, status) in [("license", 422), ("gitignores", 422), ("readme", 400)] {
        let body = json!({ "name": "x", "auto_init": true, field: "Fancy" });
        api.post("/user/repos", &api.ada(), body).await.expect(status);
    }
    let narrow = api.token("admin", &["write:admin"]).await;
    let body = json!({ "name": "given", "auto_init": true });
    api.post("/admin/users/ada/repos", &narrow, body.clone()).await.expect(403);
    api.get("/repos/ada/given", &api.ada()).await.expect(404);
    api.post("/admin/users/ada/repos", &api.admin(), body).await.expect(201);
    api.finish().await;
}
