//! Files, branches and tags written over the API, and read back by git.

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Api;
use super::git::git;

const REPO: &str = "/repos/ada/sops";

pub(super) fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

async fn start() -> Api {
    let api = Api::start().await;
    api.repository("ada", "sops", true).await;
    api
}

async fn clone(api: &Api) -> TempDir {
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["clone", "--quiet", &api.git_url("ada", "ada/sops"), "."]).await;
    git(dir.path(), &["fsck", "--strict"]).await;
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_created_changed_moved_and_deleted() {
    let api = start().await;
    let ada = api.ada();
    // The first commit of an empty repository makes its branch.
    let body = json!({ "content": base64("one\n"), "message": "First", "signoff": true,
        "author": { "name": "Bob", "email": "bob@example.org" },
        "dates": { "author": "2024-05-06T07:08:09+02:00" } });
    let made = api.post(&format!("{REPO}/contents/docs/a.md"), &ada, body).await.expect(201).json;
    let content = &made["content"];
    assert_eq!(
        (&content["path"], &content["name"], &content["type"]),
        (&json!("docs/a.md"), &json!("a.md"), &json!("file"))
    );
    assert_eq!(
        (&content["content"], &content["encoding"], &content["size"]),
        (&json!(base64("one\n")), &json!("base64"), &json!(4))
    );
    assert_eq!(content["last_commit_sha"], made["commit"]["sha"]);
    assert_eq!(
        made["commit"]["author"],
        json!({ "name": "Bob", "email": "bob@example.org", "date": "2024-05-06T07:08:09+02:00" })
    );
    assert_eq!(made["commit"]["message"], "First\n\nSigned-off-by: Bob <bob@example.org>\n");
    assert_eq!(made["verification"]["verified"], false);
    let sha = content["sha"].as_str().unwrap().to_owned();
    let file = format!("{REPO}/contents/docs/a.md");
    // Again; with a wrong id; with none.
    api.post(&file, &ada, json!({ "content": base64("x") })).await.expect(422);
    api.put(&file, &ada, json!({ "content": base64("x"), "sha": "0".repeat(40) })).await.expect(422);
    api.put(&file, &ada, json!({ "content": base64("x") })).await.expect(422);
    api.put(&file, &ada, json!({ "content": "!", "sha": sha })).await.expect(422);
    api.put(&file, &ada, json!({ "content": base64("x"), "sha": sha, "branch": "absent" })).await.expect(404);
    let changed = api.put(&file, &ada, json!({ "content": base64("two\n"), "sha": sha })).await.expect(200).json;
    assert_eq!(changed["commit"]["message"], "Update docs/a.md\n");
    assert_eq!(changed["commit"]["parents"][0]["sha"], made["commit"]["sha"]);
    let sha = changed["content"]["sha"].as_str().unwrap();
    let body = json!({ "content": base64("two\n"), "sha": sha, "from_path": "docs/a.md", "new_branch": "moved" });
    api.put(&format!("{REPO}/contents/b.md"), &ada, body.clone()).await.expect(200);
    api.put(&format!("{REPO}/contents/b.md"), &ada, body).await.expect(422);
    let dir = clone(&api).await;
    assert_eq!(git(dir.path(), &["show", "origin/main:docs/a.md"]).await, "two");
    assert_eq!(git(dir.path(), &["ls-tree", "-r", "--name-only", "origin/moved"]).await, "b.md");
    let gone = api.ask("DELETE", &file, &ada, Some(json!({ "sha": sha }))).await.expect(200).json;
    assert_eq!((&gone["content"], &gone["commit"]["message"]), (&Value::Null, &json!("Delete docs/a.md\n")));
    api.ask("DELETE", &file, &ada, Some(json!({ "sha": sha }))).await.expect(404);
    api.ask("DELETE", &file, &ada, Some(json!({}))).await.expect(422);
    api.post(&file, &api.bob(), json!({ "content": base64("x") })).await.expect(404);
    assert_eq!(api.events("git.ref_update").await.len(), 4);
    api.finish().await;
}

/// Asks all at once and answers the statuses.
async fn all_at_once(api: &Api, asked: Vec<(&'static str, String, Value)>) -> Vec<u16> {
    let ada = api.ada();
    let all = asked.into_iter().map(|(method, path, body)| {
        let ada = ada.clone();
        async move { api.ask(method, &format!("{REPO}/contents/{path}"), &ada, Some(body)).await.status() }
    });
    futures_of(all.collect()).await
}

/// Waits for all of them, each polled whenever any may go on.
async fn futures_of<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |context| {
        for (future, done) in all.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(answer) = future.as_mut().poll(context) {
                *done = Some(answer);
            }
        }
        match all.iter().all(|(_, done)| done.is_some()) {
            true => std::task::Poll::Ready(all.iter_mut().filter_map(|(_, done)| done.take()).collect()),
            false => std::task::Poll::Pending,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn different_files_written_at_the_same_time_all_land() {
    const COUNT: usize = 24;
    let api = start().await;
    // The first of them makes the branch.
    let create = |at: usize| ("POST", format!("f{at}.txt"), json!({ "content": base64(&at.to_string()) }));
    assert_eq!(all_at_once(&api, (0..COUNT).map(create).collect()).await, [201; COUNT]);
    let list = api.get(&format!("{REPO}/contents"), &api.ada()).await.expect(200).json;
    let sha_of = |name: &str| list.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()["sha"].clone();
    // Each of a different kind, each with the id of its own file.
    let change = |at: usize| {
        let (path, sha) = (format!("f{at}.txt"), sha_of(&format!("f{at}.txt")));
        match at % 3 {
            0 => ("DELETE", path, json!({ "sha": sha })),
            1 => ("PUT", path, json!({ "sha": sha, "content": base64("new") })),
            _ => ("PUT", format!("moved/{at}"), json!({ "sha": sha, "content": "", "from_path": path })),
        }
    };
    assert_eq!(all_at_once(&api, (0..COUNT).map(change).collect()).await, [200; COUNT]);
    let dir = clone(&api).await;
    assert_eq!(git(dir.path(), &["rev-list", "--count", "--no-merges", "main"]).await, (2 * COUNT).to_string());
    assert_eq!(git(dir.path(), &["rev-list", "--count", "--merges", "main"]).await, "0");
    assert_eq!(git(dir.path(), &["ls-files"]).await.lines().count(), COUNT - COUNT.div_ceil(3));
    assert_eq!(git(dir.path(), &["show", "main:f1.txt"]).await, "new");
    // One event for each commit, none for tries that did not land.
    assert_eq!(api.events("git.ref_update").await.len(), 2 * COUNT);
    assert_eq!(api.events("git.ref_refused").await.len(), 0);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_slower_with_the_same_file_is_refused() {
    let api = start().await;
    let create = |at: usize| ("POST", "same.txt".to_owned(), json!({ "content": base64(&at.to_string()) }));
    let statuses = all_at_once(&api, (0..8).map(create).collect()).await;
    let count = |wanted: &[u16]| statuses.iter().filter(|status| wanted.contains(status)).count();
    // 422: asked when the file was there already.
    assert_eq!((count(&[201]), count(&[409, 422])), (1, 7), "{statuses:?}");
    let file = api.get(&format!("{REPO}/contents/same.txt"), &api.ada()).await.expect(200).json;
    let update = |at: usize| {
        ("PUT", "same.txt".to_owned(), json!({ "content": base64(&format!("new {at}")), "sha": file["sha"] }))
    };
    let statuses = all_at_once(&api, (0..8).map(update).collect()).await;
    let count = |wanted: &[u16]| statuses.iter().filter(|status| wanted.contains(status)).count();
    assert_eq!((count(&[200]), count(&[409, 422])), (1, 7), "{statuses:?}");
    assert_eq!(api.events("git.ref_update").await.len(), 2);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_change_in_one_commit() {
    let api = start().await;
    let ada = api.ada();
    let all = format!("{REPO}/contents");
    let body = json!({ "files": [
        { "operation": "create", "path": "a", "content": base64("a") },
        { "operation": "upload", "path": "d/b", "content": base64("b") },
        { "operation": "create", "path": "d/c", "content": base64("c") } ] });
    let made = api.post(&all, &ada, body).await.expect(201).json;
    assert_eq!(made["commit"]["message"], "Add a, d/c\nUpdate d/b\n");
    let sha = |at: usize| made["files"][at]["sha"].clone();
    let body = json!({ "message": "Second", "branch": "main", "files": [
        { "operation": "update", "path": "a", "content": base64("A"), "sha": sha(0) },
        { "operation": "rename", "path": "e/b", "from_path": "d/b" },
        { "operation": "delete", "path": "d/c", "sha": sha(2) } ] });
    let changed = api.post(&all, &ada, body).await.expect(201).json;
    assert_eq!((&changed["files"][1]["sha"], &changed["files"][2]), (&sha(1), &Value::Null));
    let dir = clone(&api).await;
    assert_eq!(git(dir.path(), &["ls-tree", "-r", "--name-only", "origin/main"]).await, "a\ne/b");
    assert_eq!(git(dir.path(), &["rev-list", "--count", "origin/main"]).await, "2");
    for (bad, status) in [
        (json!([]), 422),
        (json!([{ "operation": "create", "path": "a", "content": "" }]), 422),
        (json!([{ "operation": "create", "path": "a/b", "content": "" }]), 422),
        (json!([{ "operation": "update", "path": "a", "content": "" }]), 422),
        (json!([{ "operation": "update", "path": "none", "content": "", "sha": sha(0) }]), 404),
        (json!([{ "operation": "update", "path": "e", "content": "", "sha": sha(0) }]), 422),
        (json!([{ "operation": "rename", "path": "e/b", "from_path": "a" }]), 422),
        (json!([{ "operation": "chmod", "path": "a" }]), 422),
        (
            json!([{ "operation": "upload", "path": "n", "content": base64("n") }, { "operation": "delete", "path": "none", "sha": sha(0) }]),
            404,
        ),
    ] {
        api.post(&all, &ada, json!({ "files": bad.clone() })).await.named(&bad.to_string()).expect(status);
    }
    let tip = api.get(&format!("{REPO}/branches/main"), &ada).await.expect(200).json;
    assert_eq!(tip["commit"]["id"], changed["commit"]["sha"]);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_are_made_moved_renamed_and_deleted() {
    let api = start().await;
    let ada = api.ada();
    let branches = format!("{REPO}/branches");
    api.post(&branches, &ada, json!({ "new_branch_name": "x" })).await.expect(404);
    let first = api.post(&format!("{REPO}/contents/a"), &ada, json!({ "content": "" })).await.expect(201).json;
    let second = api.post(&format!("{REPO}/contents/b"), &ada, json!({ "content": "" })).await.expect(201).json;
    let (first, second) = (first["commit"]["sha"].clone(), second["commit"]["sha"].clone());
    let made =
        api.post(&branches, &ada, json!({ "new_branch_name": "dev/x", "old_ref_name": first })).await.expect(201).json;
    assert_eq!((&made["name"], &made["commit"]["id"]), (&json!("dev/x"), &first));
    api.post(&branches, &ada, json!({ "new_branch_name": "dev/x" })).await.expect(409);
    api.post(&branches, &ada, json!({ "new_branch_name": "dev" })).await.expect(409);
    api.post(&branches, &ada, json!({ "new_branch_name": "y", "old_branch_name": "none" })).await.expect(404);
    let one = format!("{branches}/dev/x");
    api.put(&one, &ada, json!({ "new_commit_id": second, "old_commit_id": second })).await.expect(409);
    api.put(&one, &ada, json!({ "new_commit_id": "main", "old_commit_id": first })).await.expect(204);
    api.put(&one, &ada, json!({ "new_commit_id": first })).await.expect(409);
    api.put(&one, &ada, json!({ "new_commit_id": first, "force": true })).await.expect(204);
    api.patch(&one, &ada, json!({ "name": "main" })).await.expect(422);
    api.patch(&one, &ada, json!({ "name": "dev/y" })).await.expect(204);
    api.get(&one, &ada).await.expect(404);
    api.patch(&one, &ada, json!({ "name": "z" })).await.expect(404);
    // The default branch takes HEAD along, for who administers.
    api.put(&format!("{REPO}/collaborators/bob"), &ada, json!({ "permission": "write" })).await.expect(204);
    api.patch(&format!("{branches}/main"), &api.bob(), json!({ "name": "trunk" })).await.expect(403);
    api.patch(&format!("{branches}/main"), &ada, json!({ "name": "trunk" })).await.expect(204);
    assert_eq!(api.get(REPO, &ada).await.expect(200).json["default_branch"], "trunk");
    let dir = clone(&api).await;
    assert_eq!(git(dir.path(), &["branch", "--show-current"]).await, "trunk");
    api.delete(&format!("{branches}/trunk"), &ada).await.expect(403);
    api.delete(&format!("{branches}/dev/y"), &ada).await.expect(204);
    api.delete(&format!("{branches}/dev/y"), &ada).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_out_is_not_brought_back_by_its_id() {
    let api = start().await;
    let ada = api.ada();
    let first = api.post(&format!("{REPO}/contents/a"), &ada, json!({ "content": "" })).await.expect(201).json;
    let second = api.post(&format!("{REPO}/contents/b"), &ada, json!({ "content": "" })).await.expect(201).json;
    let gone = second["commit"]["sha"].clone();
    let main = format!("{REPO}/branches/main");
    let back = json!({ "new_commit_id": first["commit"]["sha"], "force": true });
    api.put(&main, &ada, back).await.expect(204);
    let branch = json!({ "new_branch_name": "x", "old_ref_name": gone });
    api.post(&format!("{REPO}/branches"), &ada, branch).await.expect(404);
    api.put(&main, &ada, json!({ "new_commit_id": gone })).await.expect(404);
    api.post(&format!("{REPO}/tags"), &ada, json!({ "tag_name": "x", "target": gone })).await.expect(404);
    let release = json!({ "tag_name": "x", "target_commitish": gone });
    api.post(&format!("{REPO}/releases"), &ada, release).await.expect(404);
    api.post(&format!("{REPO}/statuses/{}", gone.as_str().unwrap()), &ada, json!({ "state": "success" }))
        .await
        .expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_made_and_deleted() {
    let api = start().await;
    let ada = api.ada();
    let made = api.post(&format!("{REPO}/contents/a"), &ada, json!({ "content": "" })).await.expect(201).json;
    let tags = format!("{REPO}/tags");
    let light = api.post(&tags, &ada, json!({ "tag_name": "light" })).await.expect(201).json;
    assert_eq!((&light["id"], &light["commit"]["sha"]), (&made["commit"]["sha"], &made["commit"]["sha"]));
    let body = json!({ "tag_name": "v1/final", "message": "Release", "target": "light" });
    let full = api.post(&tags, &ada, body.clone()).await.expect(201).json;
    assert_eq!((&full["message"], &full["commit"]["sha"]), (&json!("Release"), &made["commit"]["sha"]));
    assert_ne!(full["id"], full["commit"]["sha"]);
    api.post(&tags, &ada, body).await.expect(409);
    api.post(&tags, &ada, json!({ "tag_name": "x", "target": "none" })).await.expect(404);
    let dir = clone(&api).await;
    assert_eq!(git(dir.path(), &["cat-file", "-t", "v1/final"]).await, "tag");
    api.delete(&format!("{tags}/v1/final"), &ada).await.expect(204);
    api.delete(&format!("{tags}/v1/final"), &ada).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_write_at_once_one_is_told() {
    let api = start().await;
    let ada = api.ada();
    api.post(&format!("{REPO}/contents/a"), &ada, json!({ "content": "" })).await.expect(201);
    let write = |name: String| {
        let (api, ada) = (&api, &ada);
        async move {
            api.post(&format!("{REPO}/contents/{name}"), ada, json!({ "content": "" })).await.expect_any(&[201, 409])
        }
    };
    let made = futures(8, write).await;
    assert!(made >= 1);
    let dir = clone(&api).await;
    let count = git(dir.path(), &["rev-list", "--count", "origin/main"]).await;
    assert_eq!(count, (made + 1).to_string(), "one commit for each that was told it landed, and no other");
    api.finish().await;
}

/// Runs several writers at once; answers how many landed.
async fn futures<F>(count: usize, write: impl Fn(String) -> F) -> usize
where
    F: Future<Output = super::fixture::Answer>,
{
    let mut running: Vec<_> = (0..count).map(|number| Box::pin(write(format!("f{number}")))).collect();
    let mut landed = 0;
    std::future::poll_fn(|context| {
        running.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                landed += usize::from(answer.json["commit"].is_object());
                false
            }
            std::task::Poll::Pending => true,
        });
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    landed
}
