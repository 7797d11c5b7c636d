//! Every way to write git, against every rule and against names that must not be.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Api;
use super::git::{git, try_git};
use super::writing::base64;

const REPO: &str = "/repos/ada/sops";

/// Paths that no writer may store.
pub(super) const PATHS: &[&str] = &[
    ".git",
    ".git/x",
    ".GIT/x",
    ".Git/config",
    "a/.git/x",
    "a/.gIt",
    "git~1",
    "GIT~1/x",
    "a/git~1/x",
    ".git./x",
    ".git /x",
    ".git. . /x",
    ".git::$INDEX_ALLOCATION/x",
    ".g\u{200c}it/x",
    ".gi\u{200d}t/x",
    "\u{feff}.git/x",
    ".\u{206a}git/x",
    ".GI\u{202e}T/x",
    "..",
    "../x",
    "a/../x",
    "a/../../x",
    ".",
    "./x",
    "a/./x",
    "a\\b",
    "..\\x",
    ".git\\x",
    "a\u{0}b",
    "a\nb",
    "a\u{7f}",
    "a/.git",
    ".git/hooks/post-index-change",
    ".gitmodules/../.git/config",
    ".git\u{200d}/x",
    "GIT~1",
    ".git:stream",
    ".git::$DATA",
    "a\tb",
    "a\u{1b}[31mb",
    "a.",
    "a./b",
    "a ",
    "...",
    "..\\..\\x",
    "C:\\x",
];

/// Names that no branch and no tag may have.
pub(super) const NAMES: &[&str] = &[
    "--output=/tmp/x",
    "-x",
    "0123456789abcdef0123456789ABCDEF01234567",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "refs/heads/..",
    "..",
    "a..b",
    "HEAD",
    "@",
    "a.lock",
    "a/b.lock",
    "a@{b",
    ".a",
    "a/.b",
    "a.",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a?",
    "a*",
    "a[b",
    "a\\b",
    "a//b",
    "/a",
    "a/",
    "a\u{7f}",
    "a\nb",
    "a\u{0}",
];

fn escaped(path: &str) -> String {
    path.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"))
}

async fn start() -> (Api, Value) {
    let api = Api::start().await;
    api.repository("ada", "sops", true).await;
    let made = api.post(&format!("{REPO}/contents/file"), &api.ada(), json!({ "content": base64("x") })).await;
    let made = made.expect(201).json;
    (api, made)
}

async fn refs(api: &Api) -> Value {
    api.get(&format!("{REPO}/git/refs"), &api.ada()).await.expect(200).json
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_paths_are_refused_by_every_writer() {
    let (api, made) = start().await;
    let ada = api.ada();
    let sha = made["content"]["sha"].clone();
    let before = refs(&api).await;
    let long = "d/".repeat(2048) + "x";
    let name = "n".repeat(4096);
    for path in PATHS.iter().copied().chain([long.as_str(), name.as_str(), "file/below", "file/below/it"]) {
        let url = format!("{REPO}/contents/{}", escaped(path));
        let refused = [400, 404, 414, 422, 431];
        let content = base64("y");
        for (method, body) in [
            ("POST", json!({ "content": content })),
            ("PUT", json!({ "content": content })),
            ("PUT", json!({ "content": content, "sha": sha, "from_path": "file" })),
            ("DELETE", json!({ "sha": sha })),
        ] {
            // A request line may be too long for the connection itself, which then answers in its own form.
            if path.len() < 2000 {
                api.ask(method, &url, &ada, Some(body)).await.named(&format!("{path:?}")).expect_any(&refused);
            }
        }
        for file in [
            json!({ "operation": "create", "path": path, "content": content }),
            json!({ "operation": "upload", "path": path, "content": content }),
            json!({ "operation": "update", "path": path, "content": content, "sha": sha }),
            json!({ "operation": "update", "path": path, "from_path": "file", "content": content, "sha": sha }),
            json!({ "operation": "rename", "path": path, "from_path": "file" }),
            json!({ "operation": "rename", "path": "new", "from_path": path }),
            json!({ "operation": "delete", "path": path, "sha": sha }),
        ] {
            let body = json!({ "files": [file] });
            let answer = api.post(&format!("{REPO}/contents"), &ada, body).await;
            answer.named(&format!("{path:?} {}", file["operation"])).expect_any(&[404, 422]);
        }
    }
    assert_eq!(refs(&api).await, before, "nothing was written");
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_refused_by_every_writer() {
    let (api, made) = start().await;
    let ada = api.ada();
    let sha = made["content"]["sha"].clone();
    api.post(&format!("{REPO}/branches"), &ada, json!({ "new_branch_name": "side" })).await.expect(201);
    let before = refs(&api).await;
    let long = "n".repeat(4096);
    for name in NAMES.iter().copied().chain([long.as_str()]) {
        let what = format!("{name:?}");
        let post = |path: &'static str, body: Value| {
            let (api, ada, what) = (&api, &ada, &what);
            async move { api.post(&format!("{REPO}/{path}"), ada, body).await.named(what).expect(422) }
        };
        post("branches", json!({ "new_branch_name": name })).await;
        post("tags", json!({ "tag_name": name })).await;
        post("contents/new", json!({ "content": "", "new_branch": name })).await;
        post("contents", json!({ "branch": name, "files": [{ "operation": "upload", "path": "new", "content": "" }] }))
            .await;
        api.patch(&format!("{REPO}/branches/side"), &ada, json!({ "name": name })).await.named(&what).expect(422);
        let body = json!({ "sha": sha, "new_branch": name });
        api.ask("DELETE", &format!("{REPO}/contents/file"), &ada, Some(body)).await.named(&what).expect(422);
    }
    assert_eq!(refs(&api).await, before, "nothing was written");
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_trees_are_refused_when_they_are_pushed() {
    let (api, _) = start().await;
    let before = refs(&api).await;
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    git(at, &["init", "--quiet"]).await;
    std::fs::write(at.join("blob"), "x").unwrap();
    let blob = git(at, &["hash-object", "-w", "blob"]).await;
    let long = "n".repeat(4097);
    let raw: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).unwrap()).collect();
    for (mode, name) in [
        ("100644", ".git"),
        ("100644", ".GIT"),
        ("100644", "git~1"),
        ("100644", ".git."),
        ("100644", ".g\u{200c}it"),
        ("100644", ".."),
        ("100644", "."),
        ("100644", "a/b"),
        ("120000", ".gitmodules"),
        ("100644", "a\\b"),
        ("100644", "..\\..\\x"),
        ("100644", "a."),
        ("100644", "a "),
        ("100644", "a\nb"),
        ("100644", "a\u{1b}[31m"),
        ("100644", &long),
    ] {
        let tree = [format!("{mode} {name}\0").as_bytes(), &raw].concat();
        std::fs::write(at.join("tree"), tree).unwrap();
        let tree = git(at, &["hash-object", "-t", "tree", "-w", "--literally", "tree"]).await;
        let commit = git(at, &["commit-tree", "-m", "x", &tree]).await;
        let url = api.git_url("ada", "ada/sops");
        let outcome = try_git(at, &["push", "--quiet", &url, &format!("{commit}:refs/heads/bad")]).await;
        assert!(outcome.is_err(), "{name:?}");
    }
    assert_eq!(refs(&api).await, before, "nothing was written");
    api.finish().await;
}

/// One rule, and the reason it gives.
struct Case {
    rule: Value,
    reason: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_writer_is_judged_by_every_rule() {
    let (api, made) = start().await;
    let ada = api.ada();
    let sha = made["content"]["sha"].as_str().unwrap().to_owned();
    api.post(&format!("{REPO}/branches"), &ada, json!({ "new_branch_name": "held" })).await.expect(201);
    api.post(&format!("{REPO}/branches"), &ada, json!({ "new_branch_name": "free" })).await.expect(201);
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["clone", "--quiet", &api.git_url("ada", "ada/sops"), "."]).await;
    std::fs::write(dir.path().join("file"), "pushed").unwrap();
    git(dir.path(), &["commit", "--quiet", "-am", "Pushed"]).await;
    let push = "Not allowed to push to protected branch";
    let cases = [
        Case { rule: json!({}), reason: push },
        Case {
            rule: json!({ "enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["bob"] }),
            reason: push,
        },
        Case { rule: json!({ "enable_push": true, "require_signed_commits": true }), reason: "unverified commit" },
        Case {
            rule: json!({ "enable_push": true, "protected_file_patterns": "file;new" }),
            reason: "protected from changing file",
        },
    ];
    for case in cases {
        let mut rule = json!({ "rule_name": "h*" });
        rule.as_object_mut().unwrap().extend(case.rule.as_object().unwrap().clone());
        api.post(&format!("{REPO}/branch_protections"), &ada, rule).await.expect(201);
        let before = refs(&api).await;
        let content = base64("y");
        let writers: Vec<(&str, &str, String, Value)> = vec![
            ("create", "POST", "contents/new".to_owned(), json!({ "branch": "held", "content": content })),
            ("update", "PUT", "contents/file".to_owned(), json!({ "branch": "held", "content": content, "sha": sha })),
            ("delete", "DELETE", "contents/file".to_owned(), json!({ "branch": "held", "sha": sha })),
            (
                "batch",
                "POST",
                "contents".to_owned(),
                json!({ "branch": "held", "files": [{ "operation": "upload", "path": "new", "content": content }] }),
            ),
            (
                "new branch",
                "POST",
                "contents/new".to_owned(),
                json!({ "branch": "free", "new_branch": "hew", "content": content }),
            ),
        ];
        let refused = |answer: super::fixture::Answer, what: String, count: usize, reason: &'static str| {
            let api = &api;
            let before = &before;
            async move {
                let answer = answer.named(&what).expect(403);
                let message = answer.json["message"].as_str().unwrap();
                assert!(message.contains(reason), "{what}: {message}");
                assert_eq!(refs(api).await, *before, "{what}");
                let events = api.events("git.ref_refused").await;
                assert_eq!(events.len(), count + 1, "{what}");
                assert_eq!(events.last().unwrap()["reason"], *message, "{what}");
            }
        };
        for (what, method, path, body) in writers {
            let count = api.events("git.ref_refused").await.len();
            let answer = api.ask(method, &format!("{REPO}/{path}"), &ada, Some(body)).await;
            refused(answer, format!("{what} {}", case.rule), count, case.reason).await;
        }
        // What moves refs without making a commit: the rule's other words.
        let count = api.events("git.ref_refused").await.len();
        let answer = api.delete(&format!("{REPO}/branches/held"), &ada).await;
        refused(answer, "delete".to_owned(), count, "protected from deletion").await;
        let answer = api.patch(&format!("{REPO}/branches/held"), &ada, json!({ "name": "other" })).await;
        refused(answer, "rename".to_owned(), count + 1, "protected from being renamed").await;
        if case.reason == push {
            let answer = api.post(&format!("{REPO}/branches"), &ada, json!({ "new_branch_name": "hello" })).await;
            refused(answer, "create branch".to_owned(), count + 2, push).await;
            let answer = api.patch(&format!("{REPO}/branches/free"), &ada, json!({ "name": "hi" })).await;
            refused(answer, "rename into".to_owned(), count + 3, push).await;
        }
        let count = api.events("git.ref_refused").await.len();
        let said = try_git(dir.path(), &["push", "--quiet", &api.git_url("ada", "ada/sops"), "HEAD:held"]).await;
        let said = said.expect_err("a push to a protected branch");
        assert!(said.contains(case.reason), "push: {said}");
        assert_eq!((refs(&api).await, api.events("git.ref_refused").await.len()), (before, count + 1));
        api.delete(&format!("{REPO}/branch_protections/h*"), &ada).await.expect(204);
    }
    // Forced moves.
    let rule = json!({ "rule_name": "held", "enable_push": true });
    api.post(&format!("{REPO}/branch_protections"), &ada, rule).await.expect(201);
    let other =
        api.post(&format!("{REPO}/contents/other"), &ada, json!({ "branch": "free", "content": "" })).await.expect(201);
    api.put(&format!("{REPO}/branches/held"), &ada, json!({ "new_commit_id": other.json["commit"]["sha"] }))
        .await
        .expect(204);
    let back = json!({ "new_commit_id": "main", "force": true });
    let answer = api.put(&format!("{REPO}/branches/held"), &ada, back).await.expect(403);
    assert!(answer.json["message"].as_str().unwrap().contains("protected from force push"));
    let forced = json!({ "branch": "main", "new_branch": "held", "force_push": true, "content": "" });
    api.post(&format!("{REPO}/contents/forced"), &ada, forced).await.expect(403);
    // Tags.
    api.post(&format!("{REPO}/tags"), &ada, json!({ "tag_name": "v1" })).await.expect(201);
    let rule = json!({ "name_pattern": "v*", "whitelist_usernames": ["bob"] });
    api.post(&format!("{REPO}/tag_protections"), &ada, rule).await.expect(201);
    let before = refs(&api).await;
    let count = api.events("git.ref_refused").await.len();
    for body in [json!({ "tag_name": "v2" }), json!({ "tag_name": "v2", "message": "Annotated" })] {
        let answer = api.post(&format!("{REPO}/tags"), &ada, body).await.expect(405);
        assert_eq!(answer.json["message"], "Tag v2 is protected");
    }
    api.delete(&format!("{REPO}/tags/v1"), &ada).await.expect(405);
    assert_eq!((refs(&api).await, api.events("git.ref_refused").await.len()), (before, count + 3));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_repository_takes_no_writer() {
    let (api, made) = start().await;
    let ada = api.ada();
    let sha = made["content"]["sha"].clone();
    api.patch(REPO, &ada, json!({ "archived": true })).await.expect(200);
    let before = refs(&api).await;
    for (method, path, body) in [
        ("POST", "contents/new", json!({ "content": "" })),
        ("PUT", "contents/file", json!({ "content": "", "sha": sha })),
        ("DELETE", "contents/file", json!({ "sha": sha })),
        ("POST", "contents", json!({ "files": [{ "operation": "upload", "path": "new", "content": "" }] })),
        ("POST", "branches", json!({ "new_branch_name": "x" })),
        ("PUT", "branches/main", json!({ "new_commit_id": "main" })),
        ("PATCH", "branches/main", json!({ "name": "x" })),
        ("DELETE", "branches/main", json!({})),
        ("POST", "tags", json!({ "tag_name": "x" })),
        ("DELETE", "tags/x", json!({})),
        ("POST", "branch_protections", json!({ "rule_name": "x" })),
        ("POST", "branch_protections/priority", json!({ "ids": [] })),
        ("PATCH", "branch_protections/x", json!({})),
        ("DELETE", "branch_protections/x", json!({})),
        ("POST", "tag_protections", json!({ "name_pattern": "x" })),
        ("PATCH", "tag_protections/1", json!({})),
        ("DELETE", "tag_protections/1", json!({})),
    ] {
        api.ask(method, &format!("{REPO}/{path}"), &ada, Some(body)).await.expect(423);
    }
    assert_eq!(refs(&api).await, before);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_bounded() {
    let (api, _) = start().await;
    let ada = api.ada();
    // Larger than any other JSON body may be, and still content.
    let large = json!({ "content": base64(&"x".repeat(3 << 20)) });
    let made = api.post(&format!("{REPO}/contents/large"), &ada, large).await.expect(201).json;
    assert_eq!(made["content"]["size"], 3 << 20);
    let half = base64(&"x".repeat(17 << 20));
    let file = |path: &str| json!({ "operation": "create", "path": path, "content": half });
    let body = json!({ "files": [file("a"), file("b")] });
    api.post(&format!("{REPO}/contents"), &ada, body).await.expect(413);
    api.finish().await;
}
