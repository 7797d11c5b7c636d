//! `GET /search/code` and the languages of repositories: real pushes, then found; who finds what; and queries that mean harm.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Api;
use super::fixture::Answer;
use super::git::git;

/// How long the index may take.
const PATIENCE: Duration = Duration::from_secs(30);

async fn search(api: &Api, query: &str, who: &str) -> Answer {
    api.get(&format!("/search/code?{query}"), who).await.expect(200)
}

/// `owner/name:path` of everything found.
async fn found(api: &Api, query: &str, who: &str) -> Vec<String> {
    let answer = search(api, query, who).await.json;
    let name = |one: &Value| format!("{}:{}", text(&one["repository"]["full_name"]), text(&one["path"]));
    answer["data"].as_array().unwrap().iter().map(name).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Asks again and again until that is the answer.
async fn eventually(api: &Api, query: &str, who: &str, expected: &[&str]) {
    let began = std::time::Instant::now();
    loop {
        let now = found(api, query, who).await;
        if now == expected {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{query}: {now:?}, expected {expected:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A work tree that pushes to a repository.
struct Work {
    dir: TempDir,
    url: String,
}

impl Work {
    async fn new(api: &Api, who: &str, repository: &str) -> Self {
        let work = Self { dir: TempDir::new().unwrap(), url: api.git_url(who, repository) };
        git(work.at(), &["init", "--quiet"]).await;
        work
    }

    /// The server has another address after it was started again.
    fn follow(&mut self, api: &Api, who: &str, repository: &str) {
        self.url = api.git_url(who, repository);
    }

    fn at(&self) -> &Path {
        self.dir.path()
    }

    /// Writes files (none: removes them), commits and pushes.
    async fn push(&self, files: &[(&str, Option<&str>)]) {
        for (path, content) in files {
            let path = self.at().join(path);
            match content {
                Some(content) => {
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, content).unwrap();
                }
                None => std::fs::remove_file(path).unwrap(),
            }
        }
        git(self.at(), &["add", "-A"]).await;
        git(self.at(), &["commit", "--quiet", "--allow-empty", "-m", "x"]).await;
        git(self.at(), &["push", "--quiet", "--force", &self.url, "HEAD"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_is_found_as_long_as_the_default_branch_has_it() {
    let api = Api::start().await;
    api.repository("ada", "sop", false).await;
    let work = Work::new(&api, "ada", "ada/sop").await;
    let rust = "// Straße\nfn canary() {}\n\n    canary(); CANARY();\n";
    work.push(&[("src/a.rs", Some(rust)), ("b.md", Some("a canary")), ("c.bin", Some("canary\0"))]).await;
    eventually(&api, "q=canary", "", &["ada/sop:b.md", "ada/sop:src/a.rs"]).await;
    let answer = search(&api, "q=canary&path=src/**", "").await;
    let commit = git(work.at(), &["rev-parse", "HEAD"]).await;
    let root = api.root_url();
    let id = api.get("/repos/ada/sop", "").await.expect(200).json["id"].clone();
    let expected = json!({ "ok": true, "incomplete": false, "data": [{
        "repository": { "id": id, "name": "sop", "full_name": "ada/sop", "html_url": format!("{root}ada/sop") },
        "path": "src/a.rs", "sha": git(work.at(), &["rev-parse", "HEAD:src/a.rs"]).await, "commit": commit, "language": "Rust",
        "html_url": format!("{root}ada/sop/src/commit/{commit}/src/a.rs"),
        "url": format!("{root}api/v1/repos/ada/sop/contents/src/a.rs?ref={commit}"),
        "matches": [
            { "line": 2, "text": "fn canary() {}", "ranges": [[3, 9]] },
            { "line": 4, "text": "    canary(); CANARY();", "ranges": [[4, 10], [14, 20]] },
        ],
    }] });
    assert_eq!(answer.json, expected);
    assert_eq!(answer.header("x-total-count"), "1");
    assert_eq!(
        api.get("/repos/ada/sop/languages", "").await.expect(200).text(),
        format!("{{\"Rust\":{}}}", rust.len())
    );
    assert_eq!(api.get("/repos/ada/sop", "").await.expect(200).json["language"], "Rust");
    assert_eq!(api.get("/repos/search", "").await.expect(200).json["data"][0]["language"], "Rust");
    // The address leads to the file.
    let url = text(&answer.json["data"][0]["url"]).strip_prefix(&format!("{root}api/v1")).unwrap().to_owned();
    assert_eq!(api.get(&url, "").await.expect(200).json["sha"], answer.json["data"][0]["sha"]);

    // Changed, renamed, removed.
    work.push(&[
        ("src/a.rs", None),
        ("src/new.rs", Some(rust)),
        ("b.md", Some("nothing")),
        ("d.py", Some("canary = 1")),
    ])
    .await;
    eventually(&api, "q=canary", "", &["ada/sop:d.py", "ada/sop:src/new.rs"]).await;
    // Written over the API.
    let body = json!({ "content": base64("canary over the API"), "message": "x" });
    api.post("/repos/ada/sop/contents/api.txt", &api.ada(), body).await.expect(201);
    eventually(&api, "q=canary+over", "", &["ada/sop:api.txt"]).await;
    // Another branch is not searched, until it is the default one.
    git(work.at(), &["switch", "--quiet", "-c", "other"]).await;
    work.push(&[("d.py", Some("swallow = 1"))]).await;
    api.patch("/repos/ada/sop", &api.ada(), json!({ "default_branch": "other" })).await.expect(200);
    eventually(&api, "q=swallow", "", &["ada/sop:d.py"]).await;
    assert_eq!(found(&api, "q=canary+over", "").await, Vec::<String>::new());
    // Forced to a history without anything of it.
    git(work.at(), &["checkout", "--quiet", "--orphan", "fresh"]).await;
    git(work.at(), &["rm", "--quiet", "-rf", "."]).await;
    std::fs::write(work.at().join("only.c"), "int robin;\n").unwrap();
    git(work.at(), &["add", "-A"]).await;
    git(work.at(), &["commit", "--quiet", "-m", "x"]).await;
    git(work.at(), &["push", "--quiet", "--force", &work.url, "fresh:other"]).await;
    // At once nothing of the old is shown, whatever the index says.
    assert_eq!(found(&api, "q=swallow", "").await, Vec::<String>::new());
    eventually(&api, "q=robin", "", &["ada/sop:only.c"]).await;
    // They are counted after the index was written.
    let by = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while api.get("/repos/ada/sop/languages", "").await.expect(200).json != json!({ "C": 11 }) {
        assert!(std::time::Instant::now() < by, "the languages are not counted anew");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // Renamed and forked, and the source deleted.
    api.patch("/repos/ada/sop", &api.ada(), json!({ "name": "manual" })).await.expect(200);
    assert_eq!(found(&api, "q=robin", "").await, ["ada/manual:only.c"]);
    api.post("/repos/ada/manual/forks", &api.bob(), json!({ "name": "copy" })).await.expect(202);
    eventually(&api, "q=robin", "", &["ada/manual:only.c", "bob/copy:only.c"]).await;
    assert_eq!(found(&api, "q=robin&owner=BOB", "").await, ["bob/copy:only.c"]);
    assert_eq!(found(&api, "q=robin&repo=ada/manual", "").await, ["ada/manual:only.c"]);
    api.delete("/repos/ada/manual", &api.ada()).await.expect(204);
    assert_eq!(found(&api, "q=robin", "").await, ["bob/copy:only.c"]);
    api.finish().await;
}

fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_what_they_may_not_read_now() {
    let api = Api::start().await;
    api.account("cleo").await;
    for (name, is_private) in [("open", false), ("secret", true)] {
        let id = api.repository("ada", name, is_private).await["id"].clone();
        assert!(id.is_i64());
        Work::new(&api, "ada", &format!("ada/{name}")).await.push(&[("f.txt", Some("a canary"))]).await;
    }
    let (open, secret) = ("ada/open:f.txt", "ada/secret:f.txt");
    eventually(&api, "q=canary", &api.ada(), &[open, secret]).await;
    let sees = async |who: &str, expected: &[&str]| {
        for query in ["q=canary", "q=ca", "q=c.n.ry&mode=regexp", "q=canary&path=*.txt&language=text"] {
            assert_eq!(found(&api, query, who).await, expected, "{query}");
        }
        let only: Vec<&str> = expected.iter().copied().filter(|one| *one == secret).collect();
        assert_eq!(found(&api, "q=canary&repo=ada/secret", who).await, only);
        assert_eq!(found(&api, "q=canary&owner=ada", who).await, expected);
        let counted = search(&api, "q=canary&limit=1", who).await;
        let total = counted.header("x-total-count");
        assert!(expected.len() > 1 && total.is_empty() || total == expected.len().to_string(), "{total}");
    };
    sees("", &[open]).await;
    sees(&api.bob(), &[open]).await;
    sees(&api.admin(), &[open, secret]).await;
    // A collaborator, and one no more.
    api.put("/repos/ada/secret/collaborators/bob", &api.ada(), json!({ "permission": "read" })).await.expect(204);
    sees(&api.bob(), &[open, secret]).await;
    // Tokens: of one repository, of what is public, without the scope, revoked.
    let scopes = ["read:repository"];
    let one = json!({ "name": "one", "scopes": scopes, "repositories": ["ada/secret"] });
    let one = api.post("/users/ada/tokens", &api.ada(), one).await.expect(201).json;
    sees(&format!("token {}", text(&one["sha1"])), &[secret]).await;
    sees(&api.token("ada", &["read:repository", "public-only"]).await, &[open]).await;
    api.get("/search/code?q=canary", &api.token("ada", &["read:user"]).await).await.expect(403);
    api.delete("/users/ada/tokens/one", &api.ada()).await.expect(204);
    api.get("/search/code?q=canary", &format!("token {}", text(&one["sha1"]))).await.expect(401);
    api.delete("/repos/ada/secret/collaborators/bob", &api.ada()).await.expect(204);
    sees(&api.bob(), &[open]).await;
    // A team without the unit of the code, and with it.
    api.post("/orgs", &api.ada(), json!({ "username": "acme" })).await.expect(201);
    let body = json!({ "name": "lab", "private": true });
    api.post("/orgs/acme/repos", &api.ada(), body).await.expect(201);
    Work::new(&api, "ada", "acme/lab").await.push(&[("f.txt", Some("a canary"))]).await;
    let team = json!({ "name": "t", "permission": "read", "units_map": { "repo.issues": "read" } });
    let team = api.post("/orgs/acme/teams", &api.ada(), team).await.expect(201).json["id"].clone();
    api.put(&format!("/teams/{team}/members/cleo"), &api.ada(), json!({})).await.expect(204);
    api.put(&format!("/teams/{team}/repos/acme/lab"), &api.ada(), json!({})).await.expect(204);
    let cleo = api.header_of("cleo");
    let lab = "acme/lab:f.txt";
    eventually(&api, "q=canary", &api.ada(), &[open, secret, lab]).await;
    assert_eq!(found(&api, "q=canary", &cleo).await, [open]);
    let units = json!({ "units_map": { "repo.issues": "read", "repo.code": "read" } });
    api.patch(&format!("/teams/{team}"), &api.ada(), units).await.expect(200);
    assert_eq!(found(&api, "q=canary", &cleo).await, [open, lab]);
    // Code switched off, made private, deleted: not found any more, at once.
    api.patch("/repos/acme/lab", &api.ada(), json!({ "has_code": false })).await.expect(200);
    assert_eq!(found(&api, "q=canary", &cleo).await, [open]);
    assert_eq!(found(&api, "q=canary", &api.ada()).await, [open, secret]);
    api.patch("/repos/ada/open", &api.ada(), json!({ "private": true })).await.expect(200);
    sees(&api.bob(), &[]).await;
    sees("", &[]).await;
    api.delete("/repos/ada/secret", &api.ada()).await.expect(204);
    assert_eq!(found(&api, "q=canary", &api.ada()).await, [open]);
    api.get("/repos/ada/open/languages", &api.bob()).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_text_or_bounded_expressions_and_pages_go_on() {
    let api = Api::start().await;
    api.repository("ada", "sop", false).await;
    let work = Work::new(&api, "ada", "ada/sop").await;
    let odd =
        "say \"quoted\" AND NOT (this) OR NEAR(that) * ^ words:abc -- '; DROP TABLE document;\nГрüße 日本語 ΣΊΣΥΦΟΣ\n";
    let letters = "a".repeat(5000);
    let mut files = vec![("odd.txt", Some(odd)), ("letters.txt", Some(letters.as_str()))];
    let names: Vec<String> = (0..70).map(|number| format!("many/{number:02}.txt")).collect();
    files.extend(names.iter().map(|name| (name.as_str(), Some("one of many\n"))));
    work.push(&files).await;
    eventually(&api, "q=quoted", "", &["ada/sop:odd.txt"]).await;
    let here: &[&str] = &["ada/sop:odd.txt"];
    for phrase in [
        "%22quoted%22",
        "%22quoted%22%20AND",
        "NOT%20(this)",
        "NEAR(that)",
        "*%20%5E",
        "words:abc",
        "';%20DROP%20TABLE",
        "--",
        "Гр",
        "%E6%97%A5",
        "%E6%9C%AC%E8%AA%9E",
        "\u{433}\u{440}\u{fc}\u{df}e",
        "σίσυφος",
        "SAY",
        "%20AND%20",
    ] {
        let query: String =
            phrase.chars().map(|one| if one.is_ascii() { one.to_string() } else { escape(one) }).collect();
        assert_eq!(found(&api, &format!("q={query}"), "").await, here, "{phrase}");
    }
    for phrase in ["\"quoted\"x", "say%20quoted", "OR%20OR", "%25", "quoted*"] {
        let phrase = phrase.replace('"', "%22");
        assert_eq!(found(&api, &format!("q={phrase}"), "").await, Vec::<String>::new(), "{phrase}");
    }
    assert_eq!(found(&api, "q=Say&case=true", "").await, Vec::<String>::new());
    assert_eq!(found(&api, "q=say&case=true", "").await, here);
    for expression in ["quo.ed", "%5Esay", "wor(d%7Ck)s", "(?i)SAY.*that", "日本.", "%5Cbtable%5Cb", "s(a%7Cb)y%20.q"]
    {
        let query: String =
            expression.chars().map(|one| if one.is_ascii() { one.to_string() } else { escape(one) }).collect();
        assert_eq!(found(&api, &format!("q={query}&mode=regexp"), "").await, here, "{expression}");
    }
    let deep = "(".repeat(100) + &")".repeat(100);
    for refused in ["(x%7B1000%7D)%7B1000%7D", "(", "%5B", "a%0Ab", deep.as_str()] {
        api.get(&format!("/search/code?mode=regexp&q={refused}"), "").await.expect(422);
    }
    for refused in ["q=", "q=a&mode=x", "q=a&repo=x", "q=a&repo=../x", "q=a&owner=%2F", "q=a&path=%5B", "q=a%00"] {
        api.get(&format!("/search/code?{refused}"), "").await.expect(422);
    }
    api.get(&format!("/search/code?q={}", "x".repeat(1025)), "").await.expect(422);
    let began = std::time::Instant::now();
    let alternatives = (0..90).map(|number| format!("word{number}")).collect::<Vec<_>>().join("%7C");
    for hostile in ["(a*)*b", "(a%7Ca)*c", "(.*)(.*)(.*)(.*)(.*)x%24", "(%5Ba-z%5D%2B)*%5Cd", alternatives.as_str()] {
        search(&api, &format!("mode=regexp&q={hostile}"), "").await;
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());

    // Pages: how many there are is known once all were looked at.
    let first = search(&api, "q=one+of+many&limit=50", "").await;
    assert_eq!((first.header("x-total-count"), first.link_rels()), (String::new(), vec!["next".to_owned()]));
    let second = search(&api, "q=one+of+many&limit=50&page=2", "").await;
    assert_eq!(
        (second.header("x-total-count"), second.link_rels()),
        ("70".to_owned(), vec!["first".to_owned(), "prev".to_owned()])
    );
    let paths: Vec<String> = [&first, &second]
        .into_iter()
        .flat_map(|answer| answer.json["data"].as_array().unwrap().iter().map(|one| text(&one["path"]).to_owned()))
        .collect();
    assert_eq!(paths, names);
    assert_eq!(found(&api, "q=one+of+many&page=9", "").await, Vec::<String>::new());
    api.finish().await;
}

fn escape(one: char) -> String {
    one.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told_and_a_lost_index_is_made_anew() {
    let few = |config: &mut crate::config::Config| config.search.max_candidates = 10;
    let api = Api::start_tuned(few).await;
    api.repository("ada", "sop", false).await;
    let names: Vec<String> = (10..35).map(|number| format!("f{number}.txt")).collect();
    let files: Vec<(&str, Option<&str>)> = names.iter().map(|name| (name.as_str(), Some("a canary"))).collect();
    let mut work = Work::new(&api, "ada", "ada/sop").await;
    work.push(&files).await;
    let first: Vec<String> = names.iter().take(10).map(|name| format!("ada/sop:{name}")).collect();
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    eventually(&api, "q=canary", "", &first).await;
    let answer = search(&api, "q=c.n.r&mode=regexp", "").await;
    assert_eq!((answer.json["incomplete"].as_bool(), answer.header("x-total-count")), (Some(true), String::new()));

    // The index is deleted while no server runs; then it is spoiled.
    let api = api.restart(|_| {}, |data| std::fs::remove_dir_all(data.join("search")).unwrap()).await;
    let all: Vec<String> = names.iter().map(|name| format!("ada/sop:{name}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    eventually(&api, "q=canary", "", &all).await;
    let spoil = |data: &Path| {
        for ending in ["-wal", "-shm"] {
            drop(std::fs::remove_file(data.join(format!("search/code.db{ending}"))));
        }
        std::fs::write(data.join("search/code.db"), "no database at all ".repeat(500)).unwrap();
    };
    let api = api.restart(|_| {}, spoil).await;
    eventually(&api, "q=canary", "", &all).await;
    // Switched off there is nothing to find, and languages are counted all the same.
    let api = api.restart(|config| config.search.enabled = false, |_| {}).await;
    api.get("/search/code?q=canary", "").await.expect(404);
    work.follow(&api, "ada", "ada/sop");
    work.push(&[("x.rs", Some("fn main() {}"))]).await;
    let began = std::time::Instant::now();
    while api.get("/repos/ada/sop/languages", "").await.expect(200).json != json!({ "Rust": 12 }) {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Switched on again everything is searched, also without maintenance.
    let api = api.restart(|config| config.maintenance.enabled = false, |_| {}).await;
    eventually(&api, "q=main()", "", &["ada/sop:x.rs"]).await;
    eventually(&api, "q=canary", "", &all).await;
    api.finish().await;
}
