//! The addresses of files and archives that answers and rendered texts name lead to them, for those who may read them and nobody else.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Api;
use super::git::git;

/// Pushes a page, two branches and a tag, names with slashes among them, to the private `ada/sops`; answers the work tree.
async fn push_files(api: &Api) -> TempDir {
    api.repository("ada", "sops", true).await;
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["init", "--quiet"]).await;
    std::fs::create_dir_all(at.join("docs/a b")).unwrap();
    std::fs::write(at.join("docs/a b/sop #1.md"), "# One\n").unwrap();
    std::fs::write(at.join("page.html"), "<script>alert(1)</script>\n").unwrap();
    std::fs::write(at.join("drawing.svg"), "<svg><script/></svg>\n").unwrap();
    git(at, &["add", "."]).await;
    git(at, &["commit", "--quiet", "-m", "First"]).await;
    git(at, &["tag", "v1/final"]).await;
    git(at, &["checkout", "--quiet", "-b", "feature/x"]).await;
    std::fs::write(at.join("docs/a b/sop #1.md"), "# Two\n").unwrap();
    git(at, &["commit", "--quiet", "-a", "-m", "Second"]).await;
    for what in ["--all", "--tags"] {
        git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), what]).await;
    }
    dir
}

/// The path of an address that stands on the root URL.
fn path<'a>(api: &Api, json: &'a Value) -> &'a str {
    let address = json.as_str().unwrap();
    address.strip_prefix(api.root_url().trim_end_matches('/')).unwrap_or_else(|| panic!("{address}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_in_answers_lead_to_files_and_archives() {
    let api = Api::start().await;
    let dir = push_files(&api).await;
    let (ada, bob) = (api.ada(), api.bob());
    let (token, scopeless) = (api.token("ada", &["read:repository"]).await, api.token("ada", &["read:user"]).await);
    let commit = git(dir.path(), &["rev-parse", "main"]).await;
    for (reference, expected) in
        [("", "# One\n"), ("feature/x", "# Two\n"), ("v1/final", "# One\n"), (&commit, "# One\n")]
    {
        let asked = format!("/repos/ada/sops/contents/docs/a%20b/sop%20%231.md?ref={reference}");
        let answer = api.get(&asked, &ada).await.expect(200).json;
        let address = path(&api, &answer["download_url"]);
        for auth in [&ada, &token] {
            let file = api.page("GET", address, auth, &[]).await;
            assert_eq!((file.status(), file.text()), (200, expected), "{address}");
        }
        for (auth, status) in [("", 404), (&bob, 404), (&scopeless, 403)] {
            assert_eq!(api.page("GET", address, auth, &[]).await.status(), status, "{address}");
        }
        let head = api.page("HEAD", address, &ada, &[]).await;
        assert_eq!((head.status(), head.text(), head.header("content-length").as_str()), (200, "", "6"));
        let known = api.page("GET", address, &ada, &[("if-none-match", &head.header("etag"))]).await;
        assert_eq!((known.status(), known.text()), (304, ""));
        let part = api.page("GET", address, &ada, &[("range", "bytes=2-4")]).await;
        assert_eq!((part.status(), part.text()), (206, &expected[2..5]));
    }

    let tag = api.get("/repos/ada/sops/tags/v1/final", &ada).await.expect(200).json;
    for field in ["zipball_url", "tarball_url"] {
        let address = path(&api, &tag[field]);
        let archive = api.page("HEAD", address, &ada, &[]).await;
        assert_eq!(archive.status(), 200, "{address}");
        assert!(archive.header("content-disposition").starts_with("attachment; filename=\"sops-v1-final."));
        assert_eq!(api.page("GET", address, &bob, &[]).await.status(), 404);
        // An archive of a part only, as in the API.
        let part = api.page("HEAD", &format!("{address}?path=docs"), &ada, &[]).await;
        assert_eq!((part.status(), part.header("etag").as_str()), (200, ""));
    }

    let body = json!({ "Text": "![a](a%20b/sop%20%231.md)", "Mode": "file", "FilePath": "docs/x.md",
        "Context": "ada/sops/src/branch/feature/x/docs" });
    let html = api.post("/markup", &ada, body).await.expect(200);
    let address = html.text().split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let address = path(&api, &json!(address)).to_owned();
    assert!(address.starts_with("/ada/sops/media/branch/feature/x/docs/"), "{address}");
    let image = api.page("GET", &address, &ada, &[]).await;
    assert_eq!((image.status(), image.text()), (200, "# Two\n"));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refs_are_named_with_their_kind_or_in_the_older_form() {
    let api = Api::start().await;
    let dir = push_files(&api).await;
    let (short, whole) = (
        git(dir.path(), &["rev-parse", "--short=7", "feature/x"]).await,
        git(dir.path(), &["rev-parse", "feature/x"]).await,
    );
    let file = "docs/a%20b/sop%20%231.md";
    let found: [(String, &str); 11] = [
        (format!("branch/main/{file}"), "# One\n"),
        (format!("branch/feature/x/{file}"), "# Two\n"),
        (format!("branch/feature%2Fx/{file}"), "# Two\n"),
        (format!("tag/v1/final/{file}"), "# One\n"),
        (format!("commit/{whole}/{file}"), "# Two\n"),
        (format!("commit/{short}/{file}"), "# Two\n"),
        (format!("commit/HEAD/{file}"), "# One\n"),
        (format!("feature/x/{file}"), "# Two\n"),
        (format!("v1/final/{file}"), "# One\n"),
        (format!("{whole}/{file}"), "# Two\n"),
        (file.to_owned(), "# One\n"),
    ];
    for (place, expected) in &found {
        for section in ["raw", "media"] {
            let answer = api.page("GET", &format!("/ada/sops/{section}/{place}"), &api.ada(), &[]).await;
            assert_eq!((answer.status(), answer.text()), (200, *expected), "{section} {place}");
        }
    }
    let absent = [
        format!("branch/v1/final/{file}"),
        format!("tag/main/{file}"),
        format!("commit/main/{file}"),
        format!("commit/{}/{file}", "1".repeat(40)),
        format!("branch/{file}"),
        "branch/main".to_owned(),
        "branch/main/docs".to_owned(),
        "branch/main/../../secret".to_owned(),
        "branch/main/docs/%2e%2e/page.html".to_owned(),
        "branch/main/.git/config".to_owned(),
        "branch/main/docs%5Ca%20b".to_owned(),
        "branch/%FF/x".to_owned(),
    ];
    for place in &absent {
        let answer = api.page("GET", &format!("/ada/sops/raw/{place}"), &api.ada(), &[]).await;
        assert_eq!(answer.status(), 404, "{place}: {}", answer.text());
    }
    for (archive, status) in [
        ("main.zip", 200),
        ("feature/x.tar.gz", 200),
        ("feature%2Fx.bundle", 200),
        ("HEAD.zip", 200),
        ("absent.zip", 404),
        ("main.rar", 400),
        ("main", 400),
    ] {
        let answer = api.page("HEAD", &format!("/ada/sops/archive/{archive}"), &api.ada(), &[]).await;
        assert_eq!(answer.status(), status, "{archive}");
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_pushed_runs_in_a_browser() {
    let api = Api::start().await;
    push_files(&api).await;
    for (name, kind) in [("page.html", "text/plain; charset=utf-8"), ("drawing.svg", "image/svg+xml")] {
        let answer = api.page("GET", &format!("/ada/sops/raw/branch/main/{name}"), &api.ada(), &[]).await;
        assert_eq!((answer.status(), answer.header("content-type").as_str()), (200, kind));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.ends_with("sandbox"), "{policy}");
        assert!(answer.header("cache-control").starts_with("private"));
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn former_names_lead_to_present_ones_for_those_who_may_know() {
    let api = Api::start().await;
    push_files(&api).await;
    api.patch("/repos/ada/sops", &api.ada(), json!({ "name": "manual" })).await.expect(200);
    let root = api.root_url();
    for below in ["raw/branch/feature/x/page.html?a=1", "media/page.html?a=1", "archive/main.zip?a=1"] {
        let asked = format!("/ada/sops.git/{below}");
        let answer = api.page("GET", &asked, &api.ada(), &[]).await;
        let present = format!("{root}ada/manual/{below}");
        assert_eq!((answer.status(), answer.header("location")), (307, present), "{asked}");
        for auth in [String::new(), api.bob()] {
            assert_eq!(api.page("GET", &asked, &auth, &[]).await.status(), 404, "{asked}");
        }
    }
    api.finish().await;
}
