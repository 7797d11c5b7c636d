//! Trees, blobs and tags by their ids, and what no ref reaches any more.

use base64::Engine as _;
use serde_json::json;
use tempfile::TempDir;

use super::Api;
use super::git::git;

async fn push(api: &Api) -> TempDir {
    api.repository("ada", "sops", false).await;
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["init", "--quiet"]).await;
    std::fs::create_dir_all(at.join("a/b")).unwrap();
    for name in ["a/b/one", "a/two", "three"] {
        std::fs::write(at.join(name), name).unwrap();
    }
    git(at, &["add", "."]).await;
    git(at, &["commit", "--quiet", "-m", "First"]).await;
    git(at, &["tag", "-a", "-m", "Release one", "v1"]).await;
    git(at, &["checkout", "--quiet", "-b", "secret/one"]).await;
    std::fs::write(at.join("key"), "secret").unwrap();
    git(at, &["add", "."]).await;
    git(at, &["commit", "--quiet", "-m", "Secret"]).await;
    git(at, &["tag", "-a", "-m", "s", "hidden"]).await;
    for what in ["--all", "--tags"] {
        git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), what]).await;
    }
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_are_found_by_every_name() {
    let api = Api::start().await;
    let dir = push(&api).await;
    let id = async |name: &str| git(dir.path(), &["rev-parse", name]).await;
    let (commit, tree, sub) = (id("main").await, id("main^{tree}").await, id("main:a").await);
    let short = &commit[..9];
    let table = [
        ("main", &commit),
        ("v1", &commit),
        (short, &commit),
        (&commit, &commit),
        (&tree, &tree),
        ("main:a", &sub),
        ("main%3Aa", &sub),
        ("main:", &tree),
        ("secret%2Fone:a", &sub),
        ("secret/one:a", &sub),
        (&sub, &sub),
    ];
    for (name, sha) in table {
        let found = api.get(&format!("/repos/ada/sops/git/trees/{name}"), "").await.expect(200).json;
        assert_eq!(found["sha"], **sha, "{name}");
    }
    let root = api.root_url();
    let all = api.get("/repos/ada/sops/git/trees/main?recursive=true", "").await.expect(200);
    let paths: Vec<&str> =
        all.json["tree"].as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap()).collect();
    assert_eq!((paths, all.header("x-total-count")), (vec!["a", "a/b", "a/b/one", "a/two", "three"], "5".to_owned()));
    let blob = id("main:three").await;
    assert_eq!(
        all.json["tree"][4],
        json!({ "path": "three", "mode": "100644", "type": "blob", "size": 5, "sha": blob,
            "url": format!("{root}api/v1/repos/ada/sops/git/blobs/{blob}") })
    );
    assert_eq!((&all.json["tree"][0]["mode"], &all.json["tree"][0]["type"]), (&json!("040000"), &json!("tree")));
    let page = api.get("/repos/ada/sops/git/trees/main?recursive=1&page=2&per_page=2", "").await.expect(200).json;
    assert_eq!((page["tree"][0]["path"].as_str(), page["truncated"].as_bool()), (Some("a/b/one"), Some(true)));
    assert_eq!((page["page"].as_i64(), page["total_count"].as_i64()), (Some(2), Some(5)));
    let past = api.get("/repos/ada/sops/git/trees/main?page=9", "").await.expect(200).json;
    assert_eq!((past["tree"].is_null(), past["truncated"].as_bool()), (true, Some(false)));
    for absent in ["absent", "main:absent", "main:three", "main:../a", "x:y:z", "%00", &"1".repeat(40)] {
        api.get(&format!("/repos/ada/sops/git/trees/{absent}"), "").await.expect(404);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_and_tags_are_found_by_id() {
    let api = Api::start().await;
    let dir = push(&api).await;
    let id = async |name: &str| git(dir.path(), &["rev-parse", name]).await;
    let blob = id("main:three").await;
    let found = api.get(&format!("/repos/ada/sops/git/blobs/{blob}"), "").await.expect(200).json;
    assert_eq!(
        found,
        json!({ "sha": blob, "size": 5, "encoding": "base64", "content": base64::engine::general_purpose::STANDARD.encode("three"),
            "url": format!("{}api/v1/repos/ada/sops/git/blobs/{blob}", api.root_url()) })
    );
    let (tag, commit) = (id("v1").await, id("main").await);
    let found = api.get(&format!("/repos/ada/sops/git/tags/{tag}"), "").await.expect(200).json;
    assert_eq!(
        (found["tag"].as_str(), found["message"].as_str(), found["sha"].as_str()),
        (Some("v1"), Some("Release one"), Some(&*tag))
    );
    assert_eq!(
        found["tagger"],
        json!({ "name": "Ada Lovelace", "email": "ada@example.org", "date": "2023-11-14T22:13:20Z" })
    );
    assert_eq!((&found["object"]["type"], &found["object"]["sha"]), (&json!("commit"), &json!(commit)));
    assert_eq!(found["verification"]["reason"], "gpg.error.not_signed_commit");
    for (path, status) in [
        (format!("blobs/{commit}"), 404),
        (format!("blobs/{}", &blob[..10]), 404),
        ("blobs/main".into(), 400),
        ("blobs/..".into(), 400),
        (format!("tags/{commit}"), 404),
        ("tags/v1".into(), 400),
        (format!("tags/{}", "0".repeat(40)), 404),
    ] {
        api.get(&format!("/repos/ada/sops/git/{path}"), "").await.expect(status);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_never_shown_again() {
    let api = Api::start().await;
    let dir = push(&api).await;
    let id = async |name: &str| git(dir.path(), &["rev-parse", name]).await;
    let (commit, blob, tree, tag) =
        (id("secret/one").await, id("secret/one:key").await, id("secret/one^{tree}").await, id("hidden").await);
    let paths = [
        format!("git/blobs/{blob}"),
        format!("git/trees/{tree}"),
        format!("git/trees/{commit}"),
        format!("git/tags/{tag}"),
        format!("git/commits/{commit}"),
        format!("git/commits/{commit}.diff"),
        format!("git/commits/{commit}.patch"),
        format!("git/commits/{}", &commit[..10]),
        format!("commits?sha={commit}"),
        format!("compare/main...{commit}"),
        format!("compare/main...{commit}?output=diff"),
        format!("archive/{commit}.zip"),
        format!("archive/{commit}.bundle"),
        format!("contents/key?ref={commit}"),
        format!("raw/{commit}/key"),
        format!("raw/key?ref={commit}"),
        format!("contents?ref={commit}"),
    ];
    for path in &paths {
        api.get(&format!("/repos/ada/sops/{path}"), "").await.expect(200);
    }
    git(dir.path(), &["push", "--quiet", &api.git_url("ada", "ada/sops"), ":secret/one", ":hidden"]).await;
    for path in &paths {
        api.get(&format!("/repos/ada/sops/{path}"), "").await.expect(404);
        api.get(&format!("/repos/ada/sops/{path}"), &api.ada()).await.expect(404);
    }
    api.finish().await;
}
