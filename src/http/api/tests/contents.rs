//! Files and directories over the API: what `contents`, `file-contents`, `raw` and `media` show of a repository that real git pushed.

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Api;
use super::git::{git, git_at};

const OID: &str = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

/// Pushes files, a link, a submodule, two branches and a tag to the private `ada/sops`; answers the work tree.
async fn push_files(api: &Api) -> TempDir {
    api.repository("ada", "sops", true).await;
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["init", "--quiet"]).await;
    std::fs::create_dir_all(at.join("docs/a b")).unwrap();
    std::fs::write(at.join("docs/a b/sop #1.md"), "# One\n").unwrap();
    std::fs::write(at.join("page.html"), "<script>alert(1)</script>\n").unwrap();
    std::fs::write(at.join("drawing.svg"), "<svg><script/></svg>\n").unwrap();
    std::fs::write(at.join("scan.pdf"), b"%PDF-1.7\n\0\0").unwrap();
    std::os::unix::fs::symlink("docs", at.join("link")).unwrap();
    git(at, &["add", "."]).await;
    git(at, &["commit", "--quiet", "-m", "First"]).await;
    let modules = "[submodule \"lib\"]\n\tpath = lib\n\turl = https://example.org/lib.git\n";
    std::fs::write(at.join(".gitmodules"), modules).unwrap();
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n");
    std::fs::write(at.join("video.mp4"), pointer).unwrap();
    git(at, &["add", "."]).await;
    git(at, &["update-index", "--add", "--cacheinfo", "160000,1111111111111111111111111111111111111111,lib"]).await;
    git_at(at, "1700001000 -0530", &["commit", "--quiet", "-m", "Second\n\nWhy."]).await;
    git(at, &["tag", "-a", "-m", "t", "v1"]).await;
    git(at, &["branch", "feature/x"]).await;
    for what in ["--all", "--tags"] {
        git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), what]).await;
    }
    dir
}

fn entry<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_shows_each_entry_with_its_last_commit() {
    let api = Api::start().await;
    let dir = push_files(&api).await;
    let list = api.get("/repos/ada/sops/contents", &api.ada()).await.expect(200).json;
    let names = git(dir.path(), &["ls-tree", "--name-only", "main"]).await;
    let shown: Vec<&str> = list.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(shown, names.lines().collect::<Vec<_>>());
    for name in &shown {
        let last = git(dir.path(), &["log", "-1", "--format=%H", "main", "--", name]).await;
        assert_eq!(entry(&list, name)["last_commit_sha"], last, "{name}");
    }
    let root = api.root_url();
    let page = entry(&list, "page.html");
    let id = git(dir.path(), &["rev-parse", "main:page.html"]).await;
    let (this, html) = (
        format!("{root}api/v1/repos/ada/sops/contents/page.html?ref=main"),
        format!("{root}ada/sops/src/branch/main/page.html"),
    );
    let object = format!("{root}api/v1/repos/ada/sops/git/blobs/{id}");
    assert_eq!(
        page,
        &json!({ "name": "page.html", "path": "page.html", "sha": id, "type": "file", "size": 26, "encoding": null, "content": null,
            "last_commit_sha": git(dir.path(), &["rev-parse", "main~1"]).await,
            "last_committer_date": "2023-11-15T00:13:20+02:00", "last_author_date": "2023-11-15T00:13:20+02:00", "target": null,
            "url": this, "html_url": html, "git_url": object, "download_url": format!("{root}ada/sops/raw/branch/main/page.html"),
            "submodule_git_url": null, "_links": { "self": this, "git": object, "html": html } })
    );
    let (link, module, docs) = (entry(&list, "link"), entry(&list, "lib"), entry(&list, "docs"));
    assert_eq!((link["type"].as_str(), link["target"].as_str()), (Some("symlink"), Some("docs")));
    assert_eq!(
        (module["type"].as_str(), &module["html_url"], &module["git_url"]),
        (Some("submodule"), &Value::Null, &Value::Null)
    );
    assert_eq!(module["submodule_git_url"], "https://example.org/lib.git");
    assert_eq!(
        (docs["type"].as_str(), docs["size"].as_i64(), &docs["download_url"]),
        (Some("dir"), Some(0), &Value::Null)
    );
    assert_eq!(entry(&list, "video.mp4")["last_committer_date"], "2023-11-14T17:00:00-05:30");
    // Asked again, it comes from memory and is the same.
    assert_eq!(api.get("/repos/ada/sops/contents", &api.ada()).await.expect(200).json, list);
    assert_eq!(api.get("/repos/ada/sops/contents/?ref=feature%2Fx", &api.ada()).await.expect(200).names(), shown);
    api.get("/repos/ada/sops/contents", &api.bob()).await.expect(404);
    api.get("/repos/ada/sops/contents", "").await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_with_its_content() {
    let api = Api::start().await;
    let dir = push_files(&api).await;
    let encoded = base64::engine::general_purpose::STANDARD.encode("# One\n");
    for path in ["docs/a%20b/sop%20%231.md", "docs%2Fa%20b%2Fsop%20%231.md", "docs//a%20b/sop%20%231.md/"] {
        for reference in ["", "?ref=v1", "?ref=HEAD", "?ref=feature/x", "?ref=refs/heads/main"] {
            let file =
                api.get(&format!("/repos/ada/sops/contents/{path}{reference}"), &api.ada()).await.expect(200).json;
            assert_eq!((file["content"].as_str(), file["encoding"].as_str()), (Some(&*encoded), Some("base64")));
            assert_eq!((file["path"].as_str(), file["name"].as_str()), (Some("docs/a b/sop #1.md"), Some("sop #1.md")));
        }
    }
    let id = git(dir.path(), &["rev-parse", "main"]).await;
    let file =
        api.get(&format!("/repos/ada/sops/contents/page.html?ref={}", &id[..8]), &api.ada()).await.expect(200).json;
    assert_eq!(file["html_url"], format!("{}ada/sops/src/commit/{id}/page.html", api.root_url()));
    let file = api.get("/repos/ada/sops/contents/video.mp4", &api.ada()).await.expect(200).json;
    assert_eq!((file["lfs_oid"].as_str(), file["lfs_size"].as_i64()), (Some(OID), Some(12345)));
    for absent in [
        "absent",
        "docs/absent",
        "page.html/x",
        "page.html?ref=absent",
        "docs/../page.html",
        "%2e%2e/x",
        ".git/config",
        "a%5Cb",
        "a%00b",
    ] {
        api.get(&format!("/repos/ada/sops/contents/{absent}"), &api.ada()).await.expect(404);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_or_less_is_shown_as_asked() {
    let api = Api::start().await;
    let dir = push_files(&api).await;
    let ext =
        async |path: &str| api.get(&format!("/repos/ada/sops/contents-ext/{path}"), &api.ada()).await.expect(200).json;
    let plain = ext("page.html").await;
    assert_eq!((&plain["file_contents"]["content"], plain.get("dir_contents")), (&Value::Null, None));
    assert!(plain["file_contents"].get("last_commit_sha").is_none());
    let full = ext("video.mp4?includes=file_content,lfs_metadata,commit_metadata,commit_message").await;
    let file = &full["file_contents"];
    assert_eq!((file["last_commit_message"].as_str(), file["lfs_oid"].as_str()), (Some("Second\n\nWhy.\n"), Some(OID)));
    assert_eq!(file["last_commit_sha"], git(dir.path(), &["rev-parse", "main"]).await);
    let root = ext(".?includes=commit_message,lfs_metadata").await;
    // Usual clients shorten `/.` before they ask.
    for spelling in ["", "/", "//"] {
        let asked = format!("/repos/ada/sops/contents-ext{spelling}?includes=commit_message,lfs_metadata");
        assert_eq!(api.get(&asked, &api.ada()).await.expect(200).json, root, "{spelling:?}");
        api.get(&asked, &api.bob()).await.expect(404);
    }
    assert_eq!(entry(&root["dir_contents"], "docs")["last_commit_message"], "First\n");
    assert_eq!(entry(&root["dir_contents"], "video.mp4")["lfs_size"], 12345);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_come_in_their_order() {
    let api = Api::start().await;
    let _dir = push_files(&api).await;
    let files = json!({ "files": ["page.html", "absent", "../x", "docs", "docs/a b/sop #1.md"] });
    let posted = api.post("/repos/ada/sops/file-contents", &api.ada(), files.clone()).await.expect(200).json;
    let paths: Vec<&Value> = posted.as_array().unwrap().iter().map(|row| &row["path"]).collect();
    assert_eq!(paths, [&json!("page.html"), &Value::Null, &Value::Null, &Value::Null, &json!("docs/a b/sop #1.md")]);
    let query = crate::http::api::urls::escape_query(&files.to_string());
    let got = api.get(&format!("/repos/ada/sops/file-contents?body={query}"), &api.ada()).await.expect(200).json;
    assert_eq!(got, posted);
    let many = json!({ "files": vec!["page.html"; 50] });
    let many = api.post("/repos/ada/sops/file-contents", &api.ada(), many).await.expect(200).json;
    assert_eq!(many.as_array().unwrap().len(), 30);
    api.get("/repos/ada/sops/file-contents?body=nonsense", &api.ada()).await.expect(400);
    api.post("/repos/ada/sops/file-contents?ref=absent", &api.ada(), json!({})).await.expect(404);
    api.post("/repos/ada/sops/file-contents", &api.bob(), json!({})).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn raw_files_do_no_harm() {
    let api = Api::start().await;
    let dir = push_files(&api).await;
    let text = "text/plain; charset=utf-8";
    let table = [
        ("page.html", text, "inline; filename=\"page.html\""),
        ("drawing.svg", "image/svg+xml", "inline; filename=\"drawing.svg\""),
        ("scan.pdf", "application/octet-stream", "attachment; filename=\"scan.pdf\""),
        ("docs/a%20b/sop%20%231.md", text, "inline; filename=\"sop #1.md\""),
        ("link", text, "inline; filename=\"link\""),
    ];
    for (path, content_type, disposition) in table {
        for place in ["raw", "media"] {
            let file = api.get(&format!("/repos/ada/sops/{place}/{path}"), &api.ada()).await.expect(200);
            assert_eq!(
                (file.header("content-type"), file.header("content-disposition")),
                (content_type.into(), disposition.into())
            );
            assert_eq!(file.header("x-content-type-options"), "nosniff");
            assert!(file.header("content-security-policy").contains("sandbox"), "{path}");
        }
    }
    let svg = api.get("/repos/ada/sops/raw/drawing.svg", &api.ada()).await.expect(200);
    assert_eq!(svg.header("content-security-policy"), "default-src 'none'; style-src 'unsafe-inline'; sandbox");
    for path in
        ["main/page.html", "feature/x/page.html", "v1/page.html", "page.html?ref=v1", "page.html?ref=feature%2Fx"]
    {
        let file = api.get(&format!("/repos/ada/sops/raw/{path}"), &api.ada()).await.expect(200);
        assert_eq!(file.text(), "<script>alert(1)</script>\n", "{path}");
    }
    let id = git(dir.path(), &["rev-parse", "main~1"]).await;
    api.get(&format!("/repos/ada/sops/raw/{id}/page.html"), &api.ada()).await.expect(200);
    for absent in ["docs", "lib", "absent", "main/absent", "main/../page.html", "page.html?ref=absent", ".git/HEAD"] {
        api.get(&format!("/repos/ada/sops/raw/{absent}"), &api.ada()).await.expect(404);
    }
    let file = api.get("/repos/ada/sops/raw/page.html", &api.ada()).await.expect(200);
    let etag = file.header("etag");
    assert_eq!(etag, format!("\"{}\"", git(dir.path(), &["rev-parse", "main:page.html"]).await));
    let known =
        api.get_with("/repos/ada/sops/raw/page.html", &api.ada(), &[("if-none-match", &etag)]).await.expect(304);
    assert_eq!((known.text(), known.header("etag")), ("", etag.clone()));
    let part = api.get_with("/repos/ada/sops/raw/page.html", &api.ada(), &[("range", "bytes=1-6")]).await.expect(206);
    assert_eq!((part.text(), part.header("content-range")), ("script", "bytes 1-6/26".into()));
    let beyond = api.get_with("/repos/ada/sops/raw/page.html", &api.ada(), &[("range", "bytes=26-")]).await;
    assert_eq!((beyond.status(), beyond.text(), beyond.header("content-range")), (416, "", "bytes */26".into()));
    api.get_with("/repos/ada/sops/raw/page.html", &api.bob(), &[("if-none-match", &etag)]).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_has_an_empty_root_and_no_history() {
    let api = Api::start().await;
    api.repository("ada", "sops", true).await;
    assert_eq!(api.get("/repos/ada/sops/contents", &api.ada()).await.expect(200).json, json!([]));
    let table = [
        ("contents/x", 404),
        ("contents?ref=main", 404),
        ("raw/x", 404),
        ("media/x", 404),
        ("git/trees/main", 404),
        ("commits", 409),
        ("git/commits/main", 404),
        ("compare/main...main", 404),
        ("archive/main.zip", 404),
        ("git/notes/main", 404),
        ("git/blobs/1111111111111111111111111111111111111111", 404),
        ("git/tags/1111111111111111111111111111111111111111", 404),
    ];
    for (path, status) in table {
        api.get(&format!("/repos/ada/sops/{path}"), &api.ada()).await.expect(status);
        api.get(&format!("/repos/ada/sops/{path}"), &api.bob()).await.expect(404);
    }
    api.finish().await;
}
