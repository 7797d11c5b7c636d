//! Releases with their tags and files: who sees what, what lands in git, and what a browser is told.

use serde_json::{Value, json};

use super::Api;
use super::git::git;

/// `ada/sops` with one commit, public unless said otherwise.
async fn start(is_private: bool) -> Api {
    let api = Api::start().await;
    let body = json!({ "name": "sops", "private": is_private, "auto_init": true });
    api.post("/user/repos", &api.ada(), body).await.expect(201);
    api
}

async fn release(api: &Api, body: Value) -> Value {
    api.post("/repos/ada/sops/releases", &api.ada(), body).await.expect(201).json
}

fn text<'a>(json: &'a Value, field: &str) -> &'a str {
    json[field].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_makes_its_tag_lightweight_or_annotated() {
    let api = start(false).await;
    let light =
        release(&api, json!({ "tag_name": "v1/final", "name": "One", "body": "notes", "prerelease": true })).await;
    let root = api.root_url();
    assert_eq!(text(&light, "tag_name"), "v1/final");
    assert_eq!(text(&light, "target_commitish"), "main");
    assert_eq!(text(&light, "html_url"), format!("{root}ada/sops/releases/tag/v1/final"));
    assert_eq!(text(&light, "upload_url"), format!("{root}api/v1/repos/ada/sops/releases/{}/assets", light["id"]));
    assert_eq!((light["draft"].as_bool(), light["prerelease"].as_bool()), (Some(false), Some(true)));
    assert_eq!(light["author"]["login"], "ada");
    release(&api, json!({ "tag_name": "v2", "tag_message": "Two\n\nwith words", "target_commitish": "main" })).await;

    let dir = tempfile::TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["clone", "--quiet", &api.git_url("ada", "ada/sops"), "."]).await;
    assert_eq!(git(at, &["cat-file", "-t", "refs/tags/v1/final"]).await, "commit");
    assert_eq!(git(at, &["cat-file", "-t", "refs/tags/v2"]).await, "tag");
    assert_eq!(git(at, &["tag", "-l", "--format=%(contents)", "v2"]).await, "Two\n\nwith words");
    assert_eq!(git(at, &["rev-parse", "v2^{commit}"]).await, git(at, &["rev-parse", "main"]).await);
    git(at, &["fsck", "--strict"]).await;

    // A tag that was pushed is used as it is.
    git(at, &["tag", "pushed"]).await;
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), "pushed"]).await;
    release(&api, json!({ "tag_name": "pushed", "target_commitish": "nowhere" })).await;
    assert_eq!(api.get("/repos/ada/sops/releases/latest", "").await.expect(200).json["tag_name"], "pushed");
    assert_eq!(api.get("/repos/ada/sops", "").await.expect(200).json["release_counter"], 3);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_their_words() {
    let api = start(false).await;
    let all = "/repos/ada/sops/releases";
    let refused = api.post(all, &api.ada(), json!({})).await.expect(422);
    assert_eq!(refused.json["message"], "[TagName]: Required");
    api.post(all, &api.ada(), json!({ "tag_name": "a..b" })).await.expect(422);
    api.post(all, &api.ada(), json!({ "tag_name": "--output=/tmp/x" })).await.expect(201);
    api.post(all, &api.ada(), json!({ "tag_name": "-x" })).await.expect(422);
    let absent =
        api.post(all, &api.ada(), json!({ "tag_name": "v9", "target_commitish": "nowhere" })).await.expect(404);
    assert_eq!(absent.json["message"], "target \"nowhere\" not found");
    release(&api, json!({ "tag_name": "v1" })).await;
    let twice = api.post(all, &api.ada(), json!({ "tag_name": "v1" })).await.expect(409);
    assert_eq!(twice.json["message"], "release tag already exist [tag_name: v1]");
    api.post(all, "", json!({ "tag_name": "v2" })).await.expect(401);
    api.post(all, &api.bob(), json!({ "tag_name": "v2" })).await.expect(403);
    let reader = api.token("ada", &["read:repository"]).await;
    api.post(all, &reader, json!({ "tag_name": "v2" })).await.expect(403);
    api.repository("ada", "empty", false).await;
    let empty = api.post("/repos/ada/empty/releases", &api.ada(), json!({ "tag_name": "v1" })).await.expect(422);
    assert_eq!(empty.json["message"], "repo is empty");
    api.patch("/repos/ada/sops", &api.ada(), json!({ "archived": true })).await.expect(200);
    api.post(all, &api.ada(), json!({ "tag_name": "v3" })).await.expect(423);
    api.get(all, "").await.expect(200);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_for_writers_until_they_are_published() {
    let api = start(false).await;
    api.put("/repos/ada/sops/collaborators/bob", &api.ada(), json!({ "permission": "read" })).await.expect(204);
    release(&api, json!({ "tag_name": "v1" })).await;
    let draft = release(&api, json!({ "tag_name": "v2", "draft": true })).await;
    let id = &draft["id"];
    api.get("/repos/ada/sops/tags/v2", "").await.expect(404);
    let file = api
        .upload(
            &format!("/repos/ada/sops/releases/{id}/assets?name=a.txt"),
            &api.ada(),
            "application/octet-stream",
            "draft canary",
        )
        .await
        .expect(201)
        .json;
    let places = [
        format!("/releases/{id}"),
        "/releases/tags/v2".to_owned(),
        format!("/releases/{id}/assets"),
        format!("/releases/{id}/assets/{}", file["id"]),
    ];
    let downloads =
        ["/ada/sops/releases/download/v2/a.txt".to_owned(), format!("/attachments/{}", text(&file, "uuid"))];
    for who in ["", "bob"] {
        for place in &places {
            api.get(&format!("/repos/ada/sops{place}"), &api.header_of(who)).await.expect(404);
        }
        for download in &downloads {
            let refused = api.page("GET", download, &api.header_of(who), &[]).await;
            assert_eq!(refused.status(), 404, "{download}");
            assert!(!refused.text().contains("canary"));
        }
        for query in ["", "?draft=true", "?q=v2"] {
            let listed = api.get(&format!("/repos/ada/sops/releases{query}"), &api.header_of(who)).await.expect(200);
            assert!(!listed.text().contains("v2"), "{query}");
        }
    }
    for download in &downloads {
        assert_eq!(api.page("GET", download, &api.ada(), &[]).await.text(), "draft canary");
    }
    assert_eq!(tags(&api, "?draft=true", &api.ada()).await, ["v2"]);
    assert_eq!(tags(&api, "?draft=false", &api.ada()).await, ["v1"]);
    assert_eq!(api.get("/repos/ada/sops/releases/latest", &api.ada()).await.expect(200).json["tag_name"], "v1");

    let published = api
        .patch(&format!("/repos/ada/sops/releases/{id}"), &api.ada(), json!({ "draft": false, "name": "Two" }))
        .await;
    assert_eq!(published.expect(200).json["name"], "Two");
    api.get("/repos/ada/sops/tags/v2", "").await.expect(200);
    assert_eq!(api.page("GET", &downloads[0], "", &[]).await.text(), "draft canary");
    assert_eq!(tags(&api, "?q=TWO", "").await, ["v2"]);
    assert_eq!(tags(&api, "?limit=1&page=2", "").await, ["v1"]);
    let refused = api.patch(&format!("/repos/ada/sops/releases/{id}"), &api.ada(), json!({ "tag_name": "v1" })).await;
    refused.expect(409);

    api.delete(&format!("/repos/ada/sops/releases/{id}"), &api.bob()).await.expect(403);
    api.delete(&format!("/repos/ada/sops/releases/{id}"), &api.ada()).await.expect(204);
    api.get("/repos/ada/sops/tags/v2", "").await.expect(200);
    for download in &downloads {
        assert_eq!(api.page("GET", download, &api.ada(), &[]).await.status(), 404);
    }
    api.delete("/repos/ada/sops/releases/tags/v1", &api.ada()).await.expect(204);
    api.delete("/repos/ada/sops/releases/tags/v1", &api.ada()).await.expect(404);
    api.finish().await;
}

async fn tags(api: &Api, query: &str, auth: &str) -> Vec<String> {
    let listed = api.get(&format!("/repos/ada/sops/releases{query}"), auth).await.expect(200);
    let rows = listed.json.as_array().unwrap().clone();
    rows.iter().map(|row| text(row, "tag_name").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_as_a_form_or_as_the_body() {
    let api = start(false).await;
    let made = release(&api, json!({ "tag_name": "v1" })).await;
    let files = format!("/repos/ada/sops/releases/{}/assets", made["id"]);
    let form = "--B\r\nContent-Disposition: form-data; name=\"attachment\"; filename=\"../x/gr\u{f6}\u{df}e.txt\"\r\n\
         Content-Type: text/html\r\n\r\n<script>alert(1)</script>\r\n--B--\r\n";
    let multipart = "multipart/form-data; boundary=B";
    let first = api.upload(&files, &api.ada(), multipart, form).await.expect(201).json;
    assert_eq!(
        (text(&first, "name"), first["size"].as_i64(), first["download_count"].as_i64()),
        ("gr\u{f6}\u{df}e.txt", Some(25), Some(0))
    );
    assert_eq!(
        text(&first, "browser_download_url"),
        format!("{}ada/sops/releases/download/v1/gr%C3%B6%C3%9Fe.txt", api.root_url())
    );
    let named = api.upload(&format!("{files}?name=b.bin"), &api.ada(), multipart, form).await.expect(201).json;
    assert_eq!(text(&named, "name"), "b.bin");
    let body = api.upload(&format!("{files}?name=c.bin"), &api.ada(), "application/octet-stream", "content").await;
    let third = body.expect(201).json;
    for (kind, content) in [
        ("application/octet-stream", "no name"),
        ("multipart/form-data", "no boundary"),
        (multipart, "--B--"),
        (multipart, "--B\r\nContent-Disposition: form-data; name=\"attachment\"; filename=\"x\"\r\n\r\nbreaks off"),
    ] {
        api.upload(&files, &api.ada(), kind, content).await.expect(400);
    }
    api.upload(&format!("{files}?name=.."), &api.ada(), "text/plain", "x").await.expect(422);
    api.upload(&format!("{files}?name=x"), &api.bob(), "text/plain", "x").await.expect(403);
    api.upload("/repos/ada/sops/releases/99/assets?name=x", &api.ada(), "text/plain", "x").await.expect(404);
    assert_eq!(api.get(&files, "").await.expect(200).names(), ["gr\u{f6}\u{df}e.txt", "b.bin", "c.bin"]);

    let one = format!("{files}/{}", third["id"]);
    let renamed = api.patch(&one, &api.ada(), json!({ "name": "d.bin" })).await.expect(201).json;
    assert_eq!(text(&renamed, "name"), "d.bin");
    assert_eq!(api.get(&one, "").await.expect(200).json["name"], "d.bin");
    let other = release(&api, json!({ "tag_name": "v2" })).await;
    let elsewhere = format!("/repos/ada/sops/releases/{}/assets/{}", other["id"], third["id"]);
    api.get(&elsewhere, &api.ada()).await.expect(404);
    api.delete(&elsewhere, &api.ada()).await.expect(404);
    api.patch(&elsewhere, &api.ada(), json!({ "name": "e" })).await.expect(404);
    api.delete(&one, &api.bob()).await.expect(403);
    api.delete(&one, &api.ada()).await.expect(204);
    api.delete(&one, &api.ada()).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_cut_cached_and_never_run() {
    let api = start(false).await;
    let made = release(&api, json!({ "tag_name": "v1" })).await;
    let files = format!("/repos/ada/sops/releases/{}/assets", made["id"]);
    let content = "<svg onload=alert(1)>";
    let kind = "image/svg+xml";
    let file = api.upload(&format!("{files}?name=a%22%0d%0ab.svg"), &api.ada(), kind, content).await.expect(201).json;
    let by_tag = text(&file, "browser_download_url").replace(api.root_url().trim_end_matches('/'), "");
    let by_uuid = format!("/attachments/{}", text(&file, "uuid"));
    // A token without the scope does not learn which files there are.
    let narrow = api.token("bob", &["read:user"]).await;
    for path in [by_uuid.as_str(), "/attachments/00000000-0000-4000-8000-000000000000"] {
        assert_eq!(api.page("GET", path, &narrow, &[]).await.status(), 403, "{path}");
    }
    for place in [&by_tag, &by_uuid] {
        let whole = api.page("GET", place, "", &[]).await;
        assert_eq!((whole.status(), whole.text()), (200, content));
        assert_eq!(whole.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(whole.header("content-disposition"), "inline; filename=\"a_b.svg\"; filename*=UTF-8''a%22b.svg");
        assert_eq!(whole.header("x-content-type-options"), "nosniff");
        assert!(whole.header("content-security-policy").ends_with("sandbox"));
        let etag = whole.header("etag");
        assert_eq!(api.page("GET", place, "", &[("if-none-match", &etag)]).await.status(), 304);
        let part = api.page("GET", place, "", &[("range", "bytes=1-3")]).await;
        assert_eq!((part.status(), part.text(), part.header("content-range")), (206, "svg", "bytes 1-3/21".to_owned()));
        assert_eq!(part.header("content-length"), "3");
        let end = api.page("GET", place, "", &[("range", "bytes=-2"), ("if-range", &etag)]).await;
        assert_eq!((end.status(), end.text()), (206, ")>"));
        let changed = api.page("GET", place, "", &[("range", "bytes=-2"), ("if-range", "\"other\"")]).await;
        assert_eq!(changed.status(), 200);
        let beyond = api.page("GET", place, "", &[("range", "bytes=21-")]).await;
        assert_eq!((beyond.status(), beyond.header("content-range")), (416, "bytes */21".to_owned()));
        let head = api.page("HEAD", place, "", &[]).await;
        assert_eq!((head.status(), head.text(), head.header("content-length")), (200, "", "21".to_owned()));
    }
    let bytes =
        api.upload(&format!("{files}?name=x.html"), &api.ada(), "text/html", "\u{1}\u{2}").await.expect(201).json;
    let saved = api.page("GET", &format!("/attachments/{}", text(&bytes, "uuid")), "", &[]).await;
    assert_eq!(saved.header("content-type"), "application/octet-stream");
    assert!(saved.header("content-disposition").starts_with("attachment;"));
    for absent in [
        "/attachments/x",
        "/attachments/00000000-0000-4000-8000-000000000000",
        "/ada/sops/releases/download/v1",
        "/ada/sops/releases/download/v9/x",
    ] {
        assert_eq!(api.page("GET", absent, "", &[]).await.status(), 404, "{absent}");
    }
    // Hidden with its repository, also from those who know the address.
    api.patch("/repos/ada/sops", &api.ada(), json!({ "private": true })).await.expect(200);
    for place in [&by_tag, &by_uuid] {
        for who in ["", "bob"] {
            assert_eq!(api.page("GET", place, &api.header_of(who), &[]).await.status(), 404);
        }
        assert_eq!(api.page("GET", place, &api.ada(), &[]).await.status(), 200);
        let narrow = api.token("ada", &["read:misc"]).await;
        assert_eq!(api.page("GET", place, &narrow, &[]).await.status(), 403);
        api.delete("/users/ada/tokens/read:misc", &api.ada()).await.expect(204);
    }
    // With the unit switched off nothing of it is left, by whatever name.
    api.patch("/repos/ada/sops", &api.ada(), json!({ "has_releases": false })).await.expect(200);
    assert_eq!(api.get("/repos/ada/sops", &api.ada()).await.expect(200).json["has_releases"], false);
    for place in [&by_tag, &by_uuid] {
        assert_eq!(api.page("GET", place, &api.ada(), &[]).await.status(), 404, "{place}");
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_attached_is_a_setting() {
    let api = Api::start_tuned(|config| {
        config.attachments.max_bytes = 10;
        config.attachments.release_allowed_types = vec![".md".to_owned(), "image/*".to_owned()];
    })
    .await;
    let body = json!({ "name": "sops", "auto_init": true });
    api.post("/user/repos", &api.ada(), body).await.expect(201);
    let made = release(&api, json!({ "tag_name": "v1" })).await;
    let files = format!("/repos/ada/sops/releases/{}/assets", made["id"]);
    let put = async |name: &str, content: &str| {
        api.upload(&format!("{files}?name={name}"), &api.ada(), "application/octet-stream", content).await.status()
    };
    assert_eq!(put("a.md", "0123456789").await, 201);
    assert_eq!(put("b.md", "0123456789x").await, 413);
    assert_eq!(put("b.txt", "text").await, 400);
    assert_eq!(put("b.png", "GIF89a").await, 201);
    assert_eq!(put("b.png", "text").await, 400);
    let form = "--B\r\nContent-Disposition: form-data; name=attachment; filename=\"x.md\"\r\n\r\n0123456789x\r\n--B--";
    api.upload(&files, &api.ada(), "multipart/form-data; boundary=B", form).await.expect(413);
    let listed = api.get(&files, "").await.expect(200);
    assert_eq!(listed.names(), ["a.md", "b.png"]);
    let one = format!("{files}/{}", listed.json[0]["id"]);
    api.patch(&one, &api.ada(), json!({ "name": "a.exe" })).await.expect(400);
    api.finish().await;

    let off = Api::start_tuned(|config| config.attachments.enabled = false).await;
    off.post("/user/repos", &off.ada(), json!({ "name": "sops", "auto_init": true })).await.expect(201);
    let made = release(&off, json!({ "tag_name": "v1" })).await;
    let files = format!("/repos/ada/sops/releases/{}/assets?name=x", made["id"]);
    off.upload(&files, &off.ada(), "text/plain", "x").await.expect(404);
    off.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_left_behind_is_a_ghosts() {
    let api = start(false).await;
    api.put("/repos/ada/sops/collaborators/bob", &api.ada(), json!({ "permission": "write" })).await.expect(204);
    let body = json!({ "tag_name": "v1" });
    let made = api.post("/repos/ada/sops/releases", &api.bob(), body).await.expect(201).json;
    api.upload(&format!("/repos/ada/sops/releases/{}/assets?name=x", made["id"]), &api.bob(), "text/plain", "x")
        .await
        .expect(201);
    // Who has left evidence is not deleted; earlier versions did it.
    api.delete("/admin/users/bob", &api.admin()).await.expect(422);
    #[expect(clippy::disallowed_methods, reason = "what an earlier version left behind")]
    let rows = rusqlite::Connection::open(api.data_dir().join("atomicqms.db")).unwrap();
    rows.execute("UPDATE users SET deleted_ms = 1 WHERE login = 'bob'", []).unwrap();
    let seen = api.get("/repos/ada/sops/releases/latest", "").await.expect(200).json;
    assert_eq!((seen["author"]["login"].as_str(), seen["author"]["id"].as_i64()), (Some("Ghost"), Some(-1)));
    assert_eq!(seen["assets"][0]["name"], "x");
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_cannot_send_a_form_with_a_remembered_password() {
    let api = start(false).await;
    let made = release(&api, json!({ "tag_name": "v1" })).await;
    let files = format!("/repos/ada/sops/releases/{}/assets?name=x", made["id"]);
    let foreign = "text/plain\r\nsec-fetch-site: cross-site";
    api.upload(&files, &api.ada(), foreign, "x").await.expect(403);
    let token = api.token("ada", &["write:repository"]).await;
    api.upload(&files, &token, foreign, "x").await.expect(201);
    api.upload(&files, &api.ada(), "text/plain\r\nsec-fetch-site: same-origin", "x").await.expect(201);
    api.finish().await;
}

/// Files below a directory.
fn files_below(directory: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else { return usize::from(directory.is_file()) };
    entries.map(|entry| files_below(&entry.unwrap().path())).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_removes_what_nothing_needs() {
    let api = start(false).await;
    let contents = api.data_dir().join("attachments");
    let made = release(&api, json!({ "tag_name": "v1" })).await;
    let files = format!("/repos/ada/sops/releases/{}/assets", made["id"]);
    let mut ids = Vec::new();
    for (name, content) in [("a", "same"), ("b", "same"), ("c", "other")] {
        let file = api.upload(&format!("{files}?name={name}"), &api.ada(), "text/plain", content).await.expect(201);
        ids.push(file.json["id"].clone());
    }
    assert_eq!(files_below(&contents), 2);
    for (id, left) in ids.iter().zip([2, 1, 0]) {
        api.delete(&format!("{files}/{id}"), &api.ada()).await.expect(204);
        let begun = std::time::Instant::now();
        while files_below(&contents) > left {
            assert!(begun.elapsed().as_secs() < 10, "{} files are still there", files_below(&contents));
            api.get("/version", "").await.expect(200);
        }
        assert_eq!(files_below(&contents), left);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_release_a_tag_at_once_one_does() {
    let api = start(false).await;
    let all = "/repos/ada/sops/releases";
    let ask = async || api.post(all, &api.ada(), json!({ "tag_name": "v1", "tag_message": "x" })).await.status();
    let (a, b, c, d) = tokio::join!(ask(), ask(), ask(), ask());
    let mut statuses = [a, b, c, d];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
    assert_eq!(tags(&api, "", "").await, ["v1"]);
    api.finish().await;
}
