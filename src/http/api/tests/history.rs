//! The log, single commits with their patches and notes, comparisons and archives, against real git.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Api;
use super::git::{git, git_at};

async fn commit(at: &Path, name: &str, text: &str, second: u32) {
    std::fs::write(at.join(name), text).unwrap();
    git(at, &["add", "."]).await;
    git_at(
        at,
        &format!("{} +0200", 1_700_000_000 + second),
        &["commit", "--quiet", "-m", &format!("Change {name} {second}")],
    )
    .await;
}

/// Pushes five commits on `main` and two on `feature/x` to `ada/sops`; answers the work tree.
async fn push(api: &Api) -> TempDir {
    api.repository("ada", "sops", false).await;
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["init", "--quiet"]).await;
    for (second, name) in ["a", "b", "a"].into_iter().enumerate() {
        commit(at, name, &"line\n".repeat(second + 1), second as u32).await;
    }
    git(at, &["checkout", "--quiet", "-b", "feature/x"]).await;
    commit(at, "c", "one\ntwo\n", 10).await;
    commit(at, "c", "one\n2\n", 11).await;
    git(at, &["checkout", "--quiet", "main"]).await;
    git(at, &["mv", "b", "moved"]).await;
    commit(at, "d", "d\n", 20).await;
    commit(at, "a", "", 21).await;
    git(at, &["notes", "add", "-m", "Looked at", "main~1"]).await;
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), "--all"]).await;
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), "refs/notes/commits"]).await;
    dir
}

fn shas(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|row| row["sha"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_gits() {
    let api = Api::start().await;
    let dir = push(&api).await;
    let log = async |args: &[&str]| -> Vec<String> {
        git(dir.path(), &[&["rev-list"], args].concat()).await.lines().map(str::to_owned).collect()
    };
    let table: [(&str, Vec<&str>); 7] = [
        ("", vec!["main"]),
        ("sha=feature/x", vec!["feature/x"]),
        ("sha=feature%2Fx&not=main", vec!["feature/x", "^main"]),
        ("path=a", vec!["main", "--", "a"]),
        ("path=a&sha=feature/x", vec!["feature/x", "--", "a"]),
        ("since=2023-11-14T22:13:40Z", vec!["main", "--since=2023-11-14T22:13:40Z"]),
        ("until=2023-11-14T22:13:22Z", vec!["main", "--until=2023-11-14T22:13:22Z"]),
    ];
    for (query, args) in table {
        let list = api.get(&format!("/repos/ada/sops/commits?{query}"), "").await.expect(200);
        let expected = log(&args).await;
        assert_eq!(shas(&list.json), expected, "{query}");
        assert_eq!(list.header("x-total"), expected.len().to_string(), "{query}");
    }
    let page = api
        .get("/repos/ada/sops/commits?limit=2&page=2&stat=false&files=false&verification=false", "")
        .await
        .expect(200);
    assert_eq!(shas(&page.json), log(&["main"]).await[2..4]);
    let headers =
        ["x-page", "x-perpage", "x-total", "x-pagecount", "x-hasmore", "x-total-count"].map(|name| page.header(name));
    assert_eq!(headers, ["2", "2", "5", "3", "true", "5"].map(str::to_owned));
    assert_eq!(page.link_rels(), ["next", "last", "first", "prev"]);
    let first = &page.json[0];
    assert!(first["stats"].is_null() && first["files"].is_null() && first["commit"]["verification"].is_null());
    for (query, status) in
        [("sha=absent", 404), ("path=absent", 404), ("path=../a", 404), ("since=yesterday", 422), ("not=absent", 404)]
    {
        api.get(&format!("/repos/ada/sops/commits?{query}"), "").await.expect(status);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_shown_whole() {
    let api = Api::start().await;
    let dir = push(&api).await;
    let id = async |name: &str| git(dir.path(), &["rev-parse", name]).await;
    let sha = id("main~1").await;
    let found = api.get("/repos/ada/sops/git/commits/main~1", "").await.expect(200).json;
    let root = api.root_url();
    let url = format!("{root}api/v1/repos/ada/sops/git/commits/{sha}");
    let (tree, parent) = (id("main~1^{tree}").await, id("main~2").await);
    let who = json!({ "name": "Ada Lovelace", "email": "ada@example.org", "date": "2023-11-15T00:13:40+02:00" });
    assert_eq!((found["author"]["login"].as_str(), found["committer"]["login"].as_str()), (Some("ada"), Some("ada")));
    assert_eq!(
        (&found["url"], &found["sha"], &found["created"]),
        (&json!(url), &json!(sha), &json!("2023-11-15T00:13:40+02:00"))
    );
    assert_eq!(found["html_url"], format!("{root}ada/sops/commit/{sha}"));
    assert_eq!(
        found["commit"],
        json!({ "url": url, "author": who, "committer": who, "message": "Change d 20\n",
            "tree": { "url": format!("{root}api/v1/repos/ada/sops/git/trees/{tree}"), "sha": tree, "created": "2023-11-15T00:13:40+02:00" },
            "verification": { "verified": false, "reason": "gpg.error.not_signed_commit", "signature": "", "signer": null, "payload": "" } })
    );
    assert_eq!(found["parents"][0]["sha"], parent);
    assert_eq!(found["stats"], json!({ "total": 1, "additions": 1, "deletions": 0 }));
    let files = json!([{ "filename": "b", "status": "removed" }, { "filename": "d", "status": "added" }, { "filename": "moved", "status": "added" }]);
    assert_eq!(found["files"], files);
    assert_eq!(
        shas(&json!([found.clone(), api.get(&format!("/repos/ada/sops/git/commits/{}", &sha[..7]), "").await.json])),
        [&*sha, &*sha]
    );
    for form in ["diff", "patch"] {
        let text = api.get(&format!("/repos/ada/sops/git/commits/{sha}.{form}"), "").await.expect(200);
        assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
        let body = text.text();
        assert!(body.contains("rename from b\nrename to moved\n") && body.contains("+d\n"), "{body}");
        assert_eq!(body.starts_with("From "), form == "patch");
    }
    std::fs::write(
        dir.path().join("x.patch"),
        api.get(&format!("/repos/ada/sops/git/commits/{sha}.patch"), "").await.text(),
    )
    .unwrap();
    git(dir.path(), &["checkout", "--quiet", "main~2"]).await;
    git(dir.path(), &["am", "--quiet", "x.patch"]).await;
    assert_eq!(id("HEAD^{tree}").await, tree);
    for (name, status) in
        [("absent", 404), ("absent.diff", 404), ("a..b", 422), ("a%20b", 422), ("main~99", 404), ("%00", 422)]
    {
        api.get(&format!("/repos/ada/sops/git/commits/{name}"), "").await.expect(status);
    }
    let note = api.get("/repos/ada/sops/git/notes/main~1", "").await.expect(200).json;
    assert_eq!(
        (note["message"].as_str(), &note["commit"]["sha"]),
        (Some("Looked at\n"), &json!(id("refs/notes/commits").await))
    );
    api.get("/repos/ada/sops/git/notes/main", "").await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn comparisons_are_gits() {
    let api = Api::start().await;
    let dir = push(&api).await;
    let expected = git(dir.path(), &["rev-list", "main..feature/x"]).await;
    let expected: Vec<&str> = expected.lines().collect();
    for names in [
        "main...feature/x",
        "main..feature/x",
        "main...feature%2Fx",
        "ada:main...ada:feature/x",
        "feature/x",
        "main~1...feature/x^0",
    ] {
        let found = api.get(&format!("/repos/ada/sops/compare/{names}"), "").await.expect(200).json;
        assert_eq!(
            (found["total_commits"].as_u64(), shas(&found["commits"])),
            (Some(2), expected.iter().map(|id| (*id).to_owned()).collect())
        );
    }
    let diff = async |names: &str| git(dir.path(), &["diff", "--binary", names]).await;
    for names in ["main...feature/x", "main..feature/x"] {
        let text = api.get(&format!("/repos/ada/sops/compare/{names}?output=diff"), "").await.expect(200);
        assert_eq!(text.text().trim_end(), diff(names).await, "{names}");
    }
    let patch = api.get("/repos/ada/sops/compare/main...feature/x?output=patch", "").await.expect(200);
    let subjects: Vec<&str> = patch.text().lines().filter(|line| line.starts_with("Subject: ")).collect();
    assert_eq!(subjects, ["Subject: [PATCH] Change c 10", "Subject: [PATCH] Change c 11"]);
    for (names, status) in [
        ("main...absent", 404),
        ("bob:main...main", 404),
        ("main...", 400),
        ("...main", 400),
        ("main...main?output=x", 400),
    ] {
        api.get(&format!("/repos/ada/sops/compare/{names}"), "").await.expect(status);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_are_whole_and_always_the_same() {
    let api = Api::start().await;
    let dir = push(&api).await;
    let id = git(dir.path(), &["rev-parse", "feature/x"]).await;
    for ending in ["zip", "tar.gz", "bundle"] {
        let by_name = api.get(&format!("/repos/ada/sops/archive/feature/x.{ending}"), "").await.expect(200);
        let by_id = api.get(&format!("/repos/ada/sops/archive/{id}.{ending}"), "").await.expect(200);
        assert!(!by_name.text().is_empty() && by_name.text() == by_id.text(), "{ending}");
        assert_eq!(by_name.header("content-disposition"), format!("attachment; filename=\"sops-feature-x.{ending}\""));
        let link =
            format!("<{}api/v1/repos/ada/sops/archive/{id}.{ending}?rev={id}>; rel=\"immutable\"", api.root_url());
        assert_eq!(by_name.header("link"), link);
        let etag = by_name.header("etag");
        api.get_with(&format!("/repos/ada/sops/archive/{id}.{ending}"), "", &[("if-none-match", &etag)])
            .await
            .expect(304);
    }
    let part = api.get("/repos/ada/sops/archive/main.zip?path=a&path=moved", "").await.expect(200);
    assert!(part.text().contains("sops/moved") && !part.text().contains("sops/d"));
    for (name, status) in
        [("absent.zip", 404), ("main.rar", 400), ("main", 400), (".zip", 400), ("main.zip?path=../x", 404)]
    {
        api.get(&format!("/repos/ada/sops/archive/{name}"), "").await.expect(status);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_patches_are_streamed_to_their_end() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["init", "--quiet"]).await;
    for at in 0..500 {
        std::fs::write(dir.path().join(format!("f{at:03}")), format!("line of {at}\n").repeat(100)).unwrap();
    }
    git(dir.path(), &["add", "."]).await;
    git(dir.path(), &["commit", "--quiet", "-m", "Many"]).await;
    git(dir.path(), &["push", "--quiet", &api.git_url("ada", "ada/sops"), "--all"]).await;
    let diff = api.get("/repos/ada/sops/git/commits/main.diff", "").await.expect(200);
    assert_eq!(
        (diff.header("transfer-encoding"), diff.header("content-length")),
        ("chunked".to_owned(), String::new())
    );
    assert!(diff.text().ends_with("0\r\n\r\n"), "the last chunk is there");
    // A header may be cut in two by a chunk, so some fewer are found whole.
    assert!(diff.text().matches("\nnew file mode 100644\n").count() > 480);
    api.get("/repos/ada/sops/git/commits/main~1.diff", "").await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_hides_is_not_shown_behind_its_address() {
    let api = Api::start().await;
    api.post("/user/repos", &api.ada(), json!({ "name": "sop", "auto_init": true })).await.expect(201);
    let body = json!({ "content": "eA==", "author": { "name": "B", "email": "bob@example.org" } });
    api.post("/repos/ada/sop/contents/x", &api.ada(), body).await.expect(201);
    let commit = "/repos/ada/sop/git/commits/main";
    let branch = "/repos/ada/sop/branches/main";
    assert_eq!(api.get(commit, "").await.expect(200).json["author"]["login"], "bob");
    assert_eq!(api.get(branch, "").await.expect(200).json["commit"]["author"]["username"], "bob");
    let hidden = json!({ "visibility": "private", "source_id": 0, "login_name": "" });
    api.patch("/admin/users/bob", &api.admin(), hidden).await.expect(200);
    for who in ["".to_owned(), api.ada()] {
        assert!(api.get(commit, &who).await.expect(200).json["author"].is_null());
        assert_eq!(api.get(branch, &who).await.expect(200).json["commit"]["author"]["username"], "");
    }
    assert_eq!(api.get(commit, &api.admin()).await.expect(200).json["author"]["login"], "bob");
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blame_is_gits() {
    let api = Api::start().await;
    let dir = push(&api).await;
    let at = dir.path();
    for (second, text) in [(30, "1\n2\n3\n4\n5\n"), (31, "1\n2\nthree\n4\n5\n6\n"), (32, "0\n1\n2\nthree\n4\n6\n")] {
        commit(at, "text", text, second).await;
    }
    git(at, &["mv", "text", "docs.md"]).await;
    std::fs::write(at.join("binary"), b"a\0b").unwrap();
    commit(at, "last", "", 33).await;
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), "main"]).await;
    // Each line as git says: commit, line there, line here.
    let said = git(at, &["blame", "--porcelain", "docs.md"]).await;
    let is_id = |word: &str| word.len() == 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let expected: Vec<String> = said
        .lines()
        .filter(|line| line.split(' ').next().is_some_and(is_id))
        .map(|line| line.split(' ').take(3).collect::<Vec<_>>().join(" "))
        .collect();
    let lines_of = |blame: &Value| -> Vec<String> {
        let number = |range: &Value, field: &str| range[field].as_u64().unwrap();
        let ranges = blame["ranges"].as_array().unwrap();
        let lines = ranges.iter().flat_map(|range| {
            (0..number(range, "lines")).map(move |at| {
                format!(
                    "{} {} {}",
                    range["sha"].as_str().unwrap(),
                    number(range, "original_line") + at,
                    number(range, "line") + at
                )
            })
        });
        lines.collect()
    };
    let whole = api.get("/repos/ada/sops/blame/docs.md", "").await.expect(200).json;
    assert_eq!((lines_of(&whole), whole["total_lines"].as_u64()), (expected.clone(), Some(6)));
    assert_eq!(whole["sha"], git(at, &["rev-parse", "HEAD"]).await);
    assert_eq!(whole["blob"], git(at, &["rev-parse", "HEAD:docs.md"]).await);
    let (mut named, mut told) = (shas(&whole["ranges"]), shas(&whole["commits"]));
    named.sort();
    named.dedup();
    told.sort();
    assert_eq!(named, told);
    assert_eq!(whole["ranges"][0]["path"], "text", "where the line came from");
    for (line, lines) in [(1, 2), (3, 1), (4, 100), (7, 5)] {
        let part = api.get(&format!("/repos/ada/sops/blame/docs.md?line={line}&lines={lines}"), "").await.expect(200);
        let wanted: Vec<String> = expected.iter().skip(line - 1).take(lines).cloned().collect();
        assert_eq!(lines_of(&part.json), wanted, "{line} {lines}");
    }
    assert_eq!(api.get("/repos/ada/sops/blame/text?ref=main~2", "").await.expect(200).json["total_lines"], 6);
    assert_eq!(api.get("/repos/ada/sops/blame/a", "").await.expect(200).json["ranges"], json!([]), "an empty file");
    api.get("/repos/ada/sops/blame/binary", "").await.expect(422);

    // Long messages: the answer ends early, and one that begins there goes on.
    std::fs::write(at.join("message"), "m".repeat(60_000)).unwrap();
    for line in 1..=80 {
        std::fs::write(at.join("long"), (0..line).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        git(at, &["add", "long"]).await;
        git(at, &["commit", "--quiet", "-F", "message"]).await;
    }
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), "main"]).await;
    let (mut seen, mut answers) = (0, 0);
    while seen < 80 {
        let part = api.get(&format!("/repos/ada/sops/blame/long?line={}", seen + 1), "").await.expect(200);
        assert!(part.text().len() < 5 << 20, "{}", part.text().len());
        let ranges = part.json["ranges"].as_array().unwrap();
        assert_eq!((ranges[0]["line"].as_u64(), part.json["total_lines"].as_u64()), (Some(seen + 1), Some(80)));
        seen += ranges.iter().map(|range| range["lines"].as_u64().unwrap()).sum::<u64>();
        answers += 1;
    }
    assert_eq!(answers, 2);
    for path in ["none", "text", "..%2Fx", ".git/config", "docs.md/x", "docs.md?ref=none"] {
        api.get(&format!("/repos/ada/sops/blame/{path}"), "").await.named(path).expect(404);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_those_of_the_log() {
    let api = Api::start().await;
    let dir = push(&api).await;
    api.account("cleo").await;
    let at = dir.path();
    for (number, who) in
        ["Cleo <cleo@example.org>", "Cleo K <CLEO@example.org>", "Eve <eve@example.com>"].iter().enumerate()
    {
        std::fs::write(at.join("by"), who).unwrap();
        git(at, &["add", "by"]).await;
        git_at(at, &format!("{} +0000", 1_710_000_000 + number), &["commit", "--quiet", "--author", who, "-m", who])
            .await;
    }
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/sops"), "main"]).await;
    let all = api.get("/repos/ada/sops/stats/contributors", "").await.expect(200);
    let rows = all.json.as_array().unwrap();
    let by = |email: &str| rows.iter().find(|row| row["email"].as_str().unwrap().eq_ignore_ascii_case(email)).unwrap();
    let cleo = by("cleo@example.org");
    assert_eq!(
        (cleo["author"]["login"].as_str(), cleo["name"].as_str()),
        (Some("cleo"), Some("Cleo K")),
        "the newest name"
    );
    assert_eq!((cleo["total"].as_u64(), by("eve@example.com")["author"].is_null()), (Some(2), true));
    let counted = git(at, &["rev-list", "--count", "main"]).await;
    assert_eq!(rows.iter().map(|row| row["total"].as_u64().unwrap()).sum::<u64>().to_string(), counted);
    for row in rows {
        let weeks = row["weeks"].as_array().unwrap();
        assert_eq!(weeks.iter().map(|week| week["c"].as_u64().unwrap()).sum::<u64>(), row["total"].as_u64().unwrap());
    }
    assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(row["total"].as_u64())));
    let page = api.get("/repos/ada/sops/stats/contributors?limit=1&page=2", "").await.expect(200);
    assert_eq!((page.header("x-total-count"), &page.json[0]["email"]), ("3".into(), &rows[1]["email"]));
    let year = api.get("/repos/ada/sops/stats/commit_activity", "").await.expect(200).json;
    assert_eq!(year.as_array().unwrap().len(), 52);
    api.repository("ada", "empty", false).await;
    assert_eq!(api.get("/repos/ada/empty/stats/contributors", "").await.expect(200).json, json!([]));
    api.get("/repos/ada/empty/stats/commit_activity", "").await.expect(200);
    api.finish().await;
}
