//! Each way to write against each rule of protection: refused with the rule's reason, one event of the refusal, and nothing else moved.
//!
//! What has moved is read from the database itself: every row of every table but those that only say that somebody was here.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::fixture::{Answer, Api};
use super::git::{git, git_over_ssh, ssh_is_missing, try_git};
use super::mirrors;
use super::writing::base64;

const REPO: &str = "/repos/ada/sops";
const PUSH: &str = "Not allowed to push to protected branch";
const FORCE: &str = "protected from force push";
const DELETION: &str = "protected from deletion";
const RENAME: &str = "protected from being renamed";
const SIGNATURE: &str = "unverified commit";
const FILE: &str = "protected from changing file";
const TAG: &str = "is protected";

/// A way to write.
enum Way {
    /// A call of the API: method, path below the repository, body.
    Call(&'static str, String, Value),
    /// `git push` with these words, over HTTP and over SSH.
    Push(&'static str),
}
use Way::{Call, Push};

/// Ways with the reason for which they are refused.
type Refused = (Vec<Way>, &'static str);

/// A server with SSH, `ada/sops` and a clone of it.
///
/// Branches: `main`, the protected-to-be `held` and `free` one commit ahead of it; the clone has `ahead` (one more than `held`) and `aside` (beside it).
struct Setting {
    api: Api,
    dir: TempDir,
    key: TempDir,
    /// Of the file on `held`, and of the commit of `free`.
    file: String,
    free: String,
    draft: String,
}

impl Setting {
    async fn start() -> Self {
        let api = Api::start_tuned(|config| {
            mirrors::allow_itself(config);
            config.server.ssh_addr.0 = "127.0.0.1:0".parse().ok();
        })
        .await;
        let ada = api.ada();
        api.repository("ada", "sops", true).await;
        let made = api.post(&format!("{REPO}/contents/file"), &ada, json!({ "content": base64("x") })).await;
        let file = made.expect(201).json["content"]["sha"].as_str().unwrap().to_owned();
        for branch in ["held", "free"] {
            api.post(&format!("{REPO}/branches"), &ada, json!({ "new_branch_name": branch })).await.expect(201);
        }
        let body = json!({ "branch": "free", "content": base64("z") });
        let made = api.post(&format!("{REPO}/contents/new"), &ada, body).await.expect(201).json;
        let free = made["commit"]["sha"].as_str().unwrap().to_owned();
        api.post(&format!("{REPO}/tags"), &ada, json!({ "tag_name": "v1" })).await.expect(201);
        let body = json!({ "tag_name": "v3", "draft": true, "target_commitish": "main" });
        let draft = api.post(&format!("{REPO}/releases"), &ada, body).await.expect(201).json["id"].to_string();
        let dir = TempDir::new().unwrap();
        let at = dir.path();
        git(at, &["clone", "--quiet", &api.git_url("ada", "ada/sops"), "."]).await;
        for (branch, from) in [("ahead", "origin/held"), ("aside", "origin/held")] {
            git(at, &["checkout", "--quiet", "-B", branch, from]).await;
            std::fs::write(at.join("file"), branch).unwrap();
            git(at, &["commit", "--quiet", "-am", branch]).await;
        }
        git(at, &["checkout", "--quiet", "--orphan", "other"]).await;
        git(at, &["commit", "--quiet", "-m", "other"]).await;
        git(at, &["tag", "v2"]).await;
        git(at, &["tag", "-f", "v1", "other"]).await;
        let key = TempDir::new().unwrap();
        super::git::make_key(key.path()).await;
        let text = std::fs::read_to_string(key.path().join("id.pub")).unwrap();
        api.post("/user/keys", &ada, json!({ "title": "laptop", "key": text.trim() })).await.expect(201);
        Self { api, dir, key, file, free, draft }
    }

    /// Tries a way; answers what was said each time it was refused, with the status if it was a call. Nothing may go through.
    async fn attempts(&self, way: &Way) -> Vec<(String, Option<u16>)> {
        match way {
            Call(method, path, body) => {
                let answer: Answer =
                    self.api.ask(method, &format!("{REPO}/{path}"), &self.api.ada(), Some(body.clone())).await;
                assert!(answer.status() >= 400, "{method} {path} {body} went through: {}", answer.text());
                vec![(answer.json["message"].as_str().unwrap_or_default().to_owned(), Some(answer.status()))]
            }
            Push(words) => {
                let mut said = Vec::new();
                for url in [self.api.git_url("ada", "ada/sops"), self.api.ssh_url("ada/sops")] {
                    let mut args = vec!["push", "--quiet", url.as_str()];
                    args.extend(words.split(' '));
                    let outcome = if url.starts_with("ssh:") {
                        git_over_ssh(self.dir.path(), self.key.path(), &args).await
                    } else {
                        try_git(self.dir.path(), &args).await
                    };
                    said.push((outcome.expect_err(&format!("{args:?} went through")), None));
                }
                said
            }
        }
    }

    /// Every row that a way could have changed, and how many events there are beside refusals.
    async fn state(&self) -> (Vec<String>, usize) {
        (self.api.rows().await, self.api.count_events_but("git.ref_refused").await)
    }

    /// Holds a way against a rule in force.
    async fn is_refused(&self, what: &str, way: &Way, reason: &str, statuses: &[u16]) {
        let name = match way {
            Call(method, path, body) => format!("{what}: {method} {path} {body}"),
            Push(words) => format!("{what}: push {words}"),
        };
        let before = self.state().await;
        let refusals = self.api.events("git.ref_refused").await.len();
        let waiting = self.api.count_waiting_packs().await;
        let said = self.attempts(way).await;
        for (text, status) in &said {
            assert!(text.contains(reason), "{name}: {reason:?} is not said: {status:?} {text}");
            assert!(status.is_none_or(|status| statuses.contains(&status)), "{name}: {status:?} {text}");
        }
        let events = self.api.events("git.ref_refused").await;
        assert_eq!(events.len(), refusals + said.len(), "{name}: one event for each refusal");
        for event in &events[refusals..] {
            assert!(event["reason"].as_str().unwrap().contains(reason), "{name}: {event}");
            assert_eq!(event["actor"]["login"], "ada", "{name}: {event}");
        }
        assert!(self.api.count_waiting_packs().await <= waiting, "{name}: the objects were kept");
        let after = self.state().await;
        assert_eq!(after.1, before.1, "{name}: another event");
        let changed: Vec<&String> = after.0.iter().filter(|row| !before.0.contains(row)).collect();
        let gone: Vec<&String> = before.0.iter().filter(|row| !after.0.contains(row)).collect();
        assert!(changed.is_empty() && gone.is_empty(), "{name}: rows changed: {changed:?} {gone:?}");
    }

    /// Ways that put a new commit on a branch that the rule covers.
    fn commits(&self) -> Vec<Way> {
        let (content, sha) = (base64("y"), &self.file);
        let batch = |operation: Value| json!({ "branch": "held", "files": [operation] });
        vec![
            Call("POST", "contents/new".into(), json!({ "branch": "held", "content": content })),
            Call("PUT", "contents/file".into(), json!({ "branch": "held", "content": content, "sha": sha })),
            Call("DELETE", "contents/file".into(), json!({ "branch": "held", "sha": sha })),
            Call("POST", "contents".into(), batch(json!({ "operation": "create", "path": "new", "content": content }))),
            Call("POST", "contents".into(), batch(json!({ "operation": "upload", "path": "new", "content": content }))),
            Call(
                "POST",
                "contents".into(),
                batch(json!({ "operation": "update", "path": "file", "content": content, "sha": sha })),
            ),
            Call(
                "POST",
                "contents".into(),
                batch(json!({ "operation": "rename", "path": "new", "from_path": "file" })),
            ),
            Call("POST", "contents".into(), batch(json!({ "operation": "delete", "path": "file", "sha": sha }))),
            // A branch of the rule that comes into being with the commit.
            Call(
                "POST",
                "contents/newer".into(),
                json!({ "branch": "free", "new_branch": "heir", "content": content }),
            ),
            Push("ahead:held"),
            Push("ahead:refs/heads/heir"),
        ]
    }

    /// Ways that move or make a branch of the rule with a commit that is here already.
    fn moves(&self) -> Vec<Way> {
        vec![
            Call("PUT", "branches/held".into(), json!({ "new_commit_id": self.free })),
            Call("POST", "branches".into(), json!({ "new_branch_name": "hello", "old_branch_name": "free" })),
            Push("origin/free:held"),
            Push("origin/free:refs/heads/hello"),
        ]
    }

    fn deletions(&self) -> Vec<Way> {
        vec![Call("DELETE", "branches/held".into(), json!({})), Push(":held"), Push("--delete held")]
    }

    fn forced(&self) -> Vec<Way> {
        let forced = json!({ "branch": "free", "new_branch": "held", "force_push": true, "content": "" });
        vec![
            Push("--force other:held"),
            Push("+aside:held"),
            Call("POST", "contents/forced".into(), forced),
            Call("PUT", "branches/held".into(), json!({ "new_commit_id": self.free, "force": true })),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_is_refused_by_every_rule_of_branches() {
    if ssh_is_missing() {
        return;
    }
    let setting = Setting::start().await;
    let ada = setting.api.ada();
    let cases: [(&str, Value, Vec<Refused>); 7] = [
        (
            "nobody pushes",
            json!({}),
            vec![
                (setting.commits(), PUSH),
                (setting.moves(), PUSH),
                (setting.deletions(), DELETION),
                (vec![Call("PATCH", "branches/held".into(), json!({ "name": "other" }))], RENAME),
                (vec![Call("PATCH", "branches/free".into(), json!({ "name": "hi" }))], PUSH),
            ],
        ),
        (
            "somebody else pushes",
            json!({ "enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["bob"] }),
            vec![(setting.commits(), PUSH), (setting.moves(), PUSH), (setting.deletions(), DELETION)],
        ),
        (
            "signed commits",
            json!({ "enable_push": true, "require_signed_commits": true }),
            vec![(setting.commits(), SIGNATURE), (setting.deletions(), DELETION)],
        ),
        (
            "protected files",
            json!({ "enable_push": true, "protected_file_patterns": "file;new;newer" }),
            vec![(setting.commits(), FILE), (setting.deletions(), DELETION)],
        ),
        (
            "only unprotected files",
            json!({ "unprotected_file_patterns": "notes/**" }),
            vec![(setting.commits(), PUSH), (setting.moves(), PUSH)],
        ),
        ("no force", json!({ "enable_push": true }), vec![(setting.forced(), FORCE), (setting.deletions(), DELETION)]),
        (
            "somebody else forces",
            json!({ "enable_push": true, "enable_force_push": true, "enable_force_push_allowlist": true,
                "force_push_allowlist_usernames": ["bob"] }),
            vec![(setting.forced(), "Not allowed to force-push to protected branch")],
        ),
    ];
    for (what, rule, ways) in cases {
        if what == "no force" {
            // From here on nothing else descends from `held`.
            let body = json!({ "branch": "held", "content": base64("only here") });
            setting.api.post(&format!("{REPO}/contents/own"), &ada, body).await.expect(201);
        }
        let mut body = json!({ "rule_name": "h*" });
        body.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
        setting.api.post(&format!("{REPO}/branch_protections"), &ada, body).await.expect(201);
        for (ways, reason) in ways {
            for way in ways {
                setting.is_refused(what, &way, reason, &[403]).await;
            }
        }
        setting.api.delete(&format!("{REPO}/branch_protections/h*"), &ada).await.expect(204);
    }
    // And without a rule the same things are done: the refusals were the rules'.
    setting
        .api
        .post(&format!("{REPO}/contents/new"), &ada, json!({ "branch": "held", "content": "" }))
        .await
        .expect(201);
    setting.api.delete(&format!("{REPO}/branches/held"), &ada).await.expect(204);
    setting.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_is_refused_by_rules_of_tags() {
    if ssh_is_missing() {
        return;
    }
    let setting = Setting::start().await;
    let ada = setting.api.ada();
    let rule = json!({ "name_pattern": "v*", "whitelist_usernames": ["bob"] });
    setting.api.post(&format!("{REPO}/tag_protections"), &ada, rule).await.expect(201);
    let ways = vec![
        Call("POST", "tags".into(), json!({ "tag_name": "v2" })),
        Call("POST", "tags".into(), json!({ "tag_name": "v2", "message": "Annotated" })),
        Call("DELETE", "tags/v1".into(), json!({})),
        Call("POST", "releases".into(), json!({ "tag_name": "v2" })),
        Call("POST", "releases".into(), json!({ "tag_name": "v2", "tag_message": "Annotated" })),
        Call("PATCH", format!("releases/{}", setting.draft), json!({ "draft": false })),
        Push("v2"),
        Push("--force v1"),
        Push(":v1"),
    ];
    for way in ways {
        setting.is_refused("a tag", &way, TAG, &[405, 422]).await;
    }
    setting.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_into_an_archive() {
    if ssh_is_missing() {
        return;
    }
    let setting = Setting::start().await;
    let ada = setting.api.ada();
    let ways: Vec<Way> = [setting.commits(), setting.moves(), setting.deletions(), setting.forced()]
        .into_iter()
        .flatten()
        .chain([
            Call("PATCH", "branches/held".into(), json!({ "name": "other" })),
            Call("POST", "tags".into(), json!({ "tag_name": "v2" })),
            Call("DELETE", "tags/v1".into(), json!({})),
            Call("POST", "releases".into(), json!({ "tag_name": "v2" })),
            Call("PATCH", format!("releases/{}", setting.draft), json!({ "draft": false })),
            Call("DELETE", format!("releases/{}", setting.draft), json!({})),
            Call("POST", "statuses/main".into(), json!({ "state": "success" })),
            Call("PUT", "topics".into(), json!({ "topics": ["x"] })),
            Call("POST", "branch_protections".into(), json!({ "rule_name": "x" })),
            Call("POST", "tag_protections".into(), json!({ "name_pattern": "x" })),
            Push("v2"),
        ])
        .collect();
    setting.api.patch(REPO, &ada, json!({ "archived": true })).await.expect(200);
    for way in ways {
        let name = match &way {
            Call(method, path, _) => format!("{method} {path}"),
            Push(words) => (*words).to_owned(),
        };
        let before = setting.state().await;
        for (text, status) in setting.attempts(&way).await {
            assert!(status.is_none_or(|status| status == 423), "{name}: {status:?} {text}");
            assert!(text.contains("archived") || text.contains("423"), "{name}: {text}");
        }
        assert!(setting.state().await == before, "{name}: something moved");
    }
    setting.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_into_a_mirror() {
    if ssh_is_missing() {
        return;
    }
    let mut setting = Setting::start().await;
    let (api, ada) = (&setting.api, setting.api.ada());
    // What everything was about is now what the mirror of its name follows.
    let made = api.post(&format!("{REPO}/releases"), &ada, json!({ "tag_name": "v1" })).await.expect(201).json;
    api.patch(REPO, &ada, json!({ "name": "source" })).await.expect(200);
    mirrors::migrate(api, "ada/source", "sops", json!({ "mirror": true })).await.expect(201);
    setting.draft = made["id"].to_string();
    let ways: Vec<Way> = [setting.commits(), setting.moves(), setting.deletions(), setting.forced()]
        .into_iter()
        .flatten()
        .chain([
            Call("PATCH", "branches/held".into(), json!({ "name": "other" })),
            Call("POST", "tags".into(), json!({ "tag_name": "v2" })),
            Call("DELETE", "tags/v1".into(), json!({})),
            Call("POST", "releases".into(), json!({ "tag_name": "v1" })),
            Call("POST", "releases".into(), json!({ "tag_name": "v2" })),
            Call("PATCH", format!("releases/{}", setting.draft), json!({ "draft": false })),
            Call("DELETE", format!("releases/{}", setting.draft), json!({})),
            Push("v2"),
        ])
        .collect();
    for way in ways {
        let name = match &way {
            Call(method, path, _) => format!("{method} {path}"),
            Push(words) => (*words).to_owned(),
        };
        let before = setting.state().await;
        for (text, status) in setting.attempts(&way).await {
            assert!(status.is_none_or(|status| status == 403), "{name}: {status:?} {text}");
            assert!(text.contains("mirror repository is read-only") || text.contains("403"), "{name}: {text}");
        }
        assert!(setting.state().await == before, "{name}: something moved");
    }
    setting.api.finish().await;
}

/// The refs of a repository, by name.
async fn refs_of(api: &Api, repository: &str) -> Vec<(String, String)> {
    let found = api.get(&format!("/repos/{repository}/git/refs"), &api.ada()).await.expect(200).json;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    found.as_array().unwrap().iter().map(|one| (text(&one["ref"]), text(&one["object"]["sha"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_judged_by_every_rule_and_what_is_refused_is_told_once() {
    if ssh_is_missing() {
        return;
    }
    let setting = Setting::start().await;
    let (api, ada) = (&setting.api, setting.api.ada());
    let at = setting.dir.path();
    let url = api.git_url("ada", "ada/sops");
    let files = json!({ "enable_push": true, "protected_file_patterns": "file" });
    let nobody = json!({ "enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["bob"] });
    // The rule of `h*`, how `held` moves at the remote, and the words of the refusal; `free` moves as well, and nothing covers it.
    let cases = [
        ("nobody pushes", json!({}), "ahead:held", PUSH),
        ("somebody else pushes", nobody, "ahead:held", PUSH),
        ("signed commits", json!({ "enable_push": true, "require_signed_commits": true }), "ahead:held", SIGNATURE),
        ("protected files", files, "ahead:held", FILE),
        ("no force", json!({ "enable_push": true }), "+other:held", FORCE),
        ("deletion", json!({ "enable_push": true }), ":held", DELETION),
        ("a new branch", json!({}), "ahead:refs/heads/heir", PUSH),
    ];
    for (number, (what, rule, words, reason)) in cases.into_iter().enumerate() {
        git(at, &["push", "--quiet", "--force", &url, "origin/held:refs/heads/held", "origin/free:refs/heads/free"])
            .await;
        let name = format!("copy-{number}");
        mirrors::migrate(api, "ada/sops", &name, json!({ "mirror": true })).await.named(what).expect(201);
        let copy = format!("ada/{name}");
        let mut body = json!({ "rule_name": "h*" });
        body.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
        api.post(&format!("/repos/{copy}/branch_protections"), &ada, body).await.expect(201);
        let before = refs_of(api, &copy).await;
        git(at, &["push", "--quiet", "--force", &url, words, "other:free"]).await;
        let refusals = api.events("git.ref_refused").await.len();
        for _ in 0..2 {
            mirrors::sync(api, &copy).await;
            let events = api.events("git.ref_refused").await;
            assert_eq!(events.len(), refusals + 1, "{what}: told once, however often it is refused");
            let event = events.last().unwrap();
            assert!(event["reason"].as_str().unwrap().contains(reason), "{what}: {event}");
            assert_eq!((&event["actor"]["login"], &event["on_behalf"]["login"]), (&json!("-system-"), &json!("ada")));
            let after = refs_of(api, &copy).await;
            let moved: Vec<&String> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(a, _)| &a.0).collect();
            assert_eq!(moved, ["refs/heads/free"], "{what}: the rule's branch stays, the others follow");
            assert_eq!(before.len(), after.len(), "{what}");
        }
        // Without the rule it follows.
        api.delete(&format!("/repos/{copy}/branch_protections/h*"), &ada).await.expect(204);
        mirrors::sync(api, &copy).await;
        assert_eq!(refs_of(api, &copy).await, refs_of(api, "ada/sops").await, "{what}");
        git(at, &["push", "--quiet", &url, ":refs/heads/heir"]).await;
    }
    // Tags.
    mirrors::migrate(api, "ada/sops", "tags", json!({ "mirror": true })).await.expect(201);
    api.post("/repos/ada/tags/tag_protections", &ada, json!({ "name_pattern": "v*" })).await.expect(201);
    let before = refs_of(api, "ada/tags").await;
    git(at, &["push", "--quiet", "--force", &url, "v1", "v2"]).await;
    let refusals = api.events("git.ref_refused").await.len();
    mirrors::sync(api, "ada/tags").await;
    mirrors::sync(api, "ada/tags").await;
    assert_eq!(refs_of(api, "ada/tags").await, before);
    let events = api.events("git.ref_refused").await;
    assert_eq!(events.len(), refusals + 2, "one for each tag");
    assert!(events.last().unwrap()["reason"].as_str().unwrap().contains(TAG));
    // A rule is no failure of the remote.
    assert!(api.events("repository.mirror_fail").await.is_empty());
    setting.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_that_begin_with_contents_take_no_hostile_name() {
    let api = Api::start().await;
    let ada = api.ada();
    let dir = TempDir::new().unwrap();
    let at = dir.path();
    api.post("/user/repos", &ada, json!({ "name": "form", "template": true })).await.expect(201);
    git(at, &["init", "--quiet"]).await;
    std::fs::create_dir_all(at.join(".gitea")).unwrap();
    std::fs::create_dir_all(at.join("$REPO_DESCRIPTION")).unwrap();
    for (name, text) in [(".gitea/template", "**\n"), ("$REPO_DESCRIPTION/x", "one"), ("a$REPO_DESCRIPTION", "two")] {
        std::fs::write(at.join(name), text).unwrap();
    }
    git(at, &["add", "--all"]).await;
    git(at, &["commit", "--quiet", "-m", "One"]).await;
    git(at, &["push", "--quiet", &api.git_url("ada", "ada/form"), "main"]).await;
    let hostile = super::write_paths::PATHS.iter().chain(super::write_paths::NAMES).copied();
    for (number, text) in hostile.enumerate() {
        let name = format!("made-{number}");
        let body = json!({ "owner": "ada", "name": name, "description": text, "git_content": true });
        let answer = api.post("/repos/ada/form/generate", &ada, body).await.named(&format!("{text:?}"));
        if answer.status() == 201 {
            // What was made of the text is harmless: git takes it, and every part of every path is a plain name.
            let copy = TempDir::new().unwrap();
            git(copy.path(), &["clone", "--quiet", "--bare", &api.git_url("ada", &format!("ada/{name}")), "."]).await;
            git(copy.path(), &["fsck", "--strict"]).await;
            let paths =
                git(copy.path(), &["-c", "core.quotePath=false", "ls-tree", "-r", "-z", "--name-only", "HEAD"]).await;
            for path in paths.split('\0').filter(|path| !path.is_empty()) {
                assert!(!super::write_paths::PATHS.contains(&path), "{text:?} became {path:?}");
                let is_plain = |part: &str| {
                    let lower = part.to_lowercase();
                    !matches!(lower.trim_end_matches(['.', ' ']), "" | ".git" | "git~1")
                        && !part.contains(['\\', '\n', '\u{7f}', '\0'])
                };
                assert!(path.split('/').all(is_plain), "{text:?} became {path:?}");
            }
        } else {
            answer.expect(422);
            api.get(&format!("/repos/ada/{name}"), &ada).await.expect(404);
        }
        // The branch that a repository begins with.
        if super::write_paths::NAMES.contains(&text) {
            let (generated, made) = (format!("branch-{number}"), format!("first-{number}"));
            let body = json!({ "owner": "ada", "name": generated, "default_branch": text, "git_content": true });
            api.post("/repos/ada/form/generate", &ada, body).await.named(&format!("{text:?}")).expect(422);
            let body = json!({ "name": made, "default_branch": text, "auto_init": true });
            api.post("/user/repos", &ada, body).await.named(&format!("{text:?}")).expect(422);
            let body = json!({ "default_branch": text });
            api.patch("/repos/ada/form", &ada, body).await.named(&format!("{text:?}")).expect_any(&[404, 422]);
            for name in [generated, made] {
                api.get(&format!("/repos/ada/{name}"), &ada).await.expect(404);
            }
        }
    }
    assert_eq!(api.get("/repos/ada/form", &ada).await.expect(200).json["default_branch"], "main");
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_tags_files_and_topics_are_harmless_or_refused() {
    let api = Api::start().await;
    let ada = api.ada();
    api.post("/user/repos", &ada, json!({ "name": "sops", "auto_init": true })).await.expect(201);
    let release = api.post(&format!("{REPO}/releases"), &ada, json!({ "tag_name": "v1" })).await.expect(201).json;
    let assets = format!("{REPO}/releases/{}/assets", release["id"]);
    let rows = api.rows().await;
    let long = "n".repeat(4096);
    for name in super::write_paths::NAMES.iter().copied().chain([long.as_str()]) {
        let what = format!("{name:?}");
        let path = format!("{REPO}/releases/{}", release["id"]);
        // Dashes in front are taken away, as Gitea does.
        if name.starts_with('-') {
            let made = api.post(&format!("{REPO}/releases"), &ada, json!({ "tag_name": name })).await.named(&what);
            if made.status() == 201 {
                let tag = made.json["tag_name"].as_str().unwrap();
                assert!(!tag.starts_with('-') && name.ends_with(tag), "{what} became {tag:?}");
                api.delete(&format!("{REPO}/releases/{}", made.json["id"]), &ada).await.expect(204);
                api.delete(&format!("{REPO}/tags/{}", escaped(tag)), &ada).await.expect(204);
            }
            continue;
        }
        for body in [json!({ "tag_name": name }), json!({ "tag_name": name, "draft": true })] {
            api.post(&format!("{REPO}/releases"), &ada, body).await.named(&what).expect(422);
        }
        api.patch(&path, &ada, json!({ "tag_name": name })).await.named(&what).expect(422);
    }
    let journal = |rows: Vec<String>| -> Vec<String> {
        let moves = |row: &String| row.starts_with("ref_journal") || row.starts_with("repository:");
        rows.into_iter().filter(|row| !moves(row) && !row.starts_with("rights_version")).collect()
    };
    assert_eq!(journal(api.rows().await), journal(rows), "a release of a hostile name was made");
    for name in super::write_paths::PATHS.iter().chain(super::write_paths::NAMES).copied().chain([long.as_str()]) {
        let what = format!("{name:?}");
        // A topic is a short word of letters, digits, dots and dashes, or none; space around it is nothing.
        let is_word = |byte: u8| byte.is_ascii_alphanumeric();
        let topic = name.trim();
        let is_topic = topic.len() <= 35
            && topic.bytes().next().is_some_and(is_word)
            && topic.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
        let answer = api.put(&format!("{REPO}/topics"), &ada, json!({ "topics": [name] })).await.named(&what);
        answer.expect(if is_topic { 204 } else { 422 });
        if name.len() < 2000 {
            let answer = api.put(&format!("{REPO}/topics/{}", escaped(name)), &ada, json!({})).await.named(&what);
            answer.expect_any(if is_topic { &[204] } else { &[400, 404, 422] });
        }
        // A file is one harmless segment or none.
        let path = format!("{assets}?name={}", escaped(name));
        if name.len() < 2000 {
            let made = api.upload(&path, &ada, "application/octet-stream", "x").await.named(&what);
            match made.status() {
                201 => {
                    let kept = made.json["name"].as_str().unwrap();
                    let is_harmless = !kept.is_empty()
                        && kept != "."
                        && kept != ".."
                        && !kept.contains(['/', '\\'])
                        && !kept.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
                    assert!(is_harmless, "{what} is kept as {kept:?}");
                    let file = format!("{assets}/{}", made.json["id"]);
                    let renamed = api.patch(&file, &ada, json!({ "name": name })).await;
                    assert!(matches!(renamed.status(), 201 | 422), "{what}: {}", renamed.text());
                    api.delete(&file, &ada).await.expect(204);
                }
                _ => drop(made.expect_any(&[400, 422])),
            }
        }
    }
    api.finish().await;
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_follows_its_source_only_where_the_rules_let_it() {
    let api = Api::start().await;
    let (ada, bob) = (api.ada(), api.bob());
    api.repository("bob", "sops", false).await;
    let put = async |api: &Api, repo: &str, who: &str, path: &str, branch: &str| {
        let body = json!({ "branch": branch, "content": base64(path) });
        api.post(&format!("/repos/{repo}/contents/{path}"), who, body).await.expect(201);
    };
    put(&api, "bob/sops", &bob, "file", "main").await;
    api.post("/repos/bob/sops/branches", &bob, json!({ "new_branch_name": "held" })).await.expect(201);
    api.post("/repos/bob/sops/forks", &ada, json!({})).await.expect(202);
    put(&api, "bob/sops", &bob, "new", "held").await;
    let empty = || TempDir::new().unwrap();
    let none = String::new;
    let setting = Setting { api, dir: empty(), key: empty(), file: none(), free: none(), draft: none() };
    let follow = || Call("POST", "merge-upstream".into(), json!({ "branch": "held" }));
    for needs_merge in [false, true] {
        if needs_merge {
            put(&setting.api, "ada/sops", &ada, "own", "held").await;
        }
        for (what, rule, reason) in [
            ("nobody pushes", json!({}), PUSH),
            (
                "somebody else pushes",
                json!({ "enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["bob"] }),
                PUSH,
            ),
            ("signed commits", json!({ "enable_push": true, "require_signed_commits": true }), SIGNATURE),
            ("protected files", json!({ "enable_push": true, "protected_file_patterns": "new" }), FILE),
            ("only unprotected files", json!({ "unprotected_file_patterns": "notes/**" }), PUSH),
        ] {
            let mut body = json!({ "rule_name": "h*" });
            body.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
            setting.api.post(&format!("{REPO}/branch_protections"), &ada, body).await.expect(201);
            setting.is_refused(what, &follow(), reason, &[403]).await;
            setting.api.delete(&format!("{REPO}/branch_protections/h*"), &ada).await.expect(204);
        }
    }
    let archived = |is: bool| json!({ "archived": is });
    setting.api.patch(REPO, &ada, archived(true)).await.expect(200);
    assert_eq!(setting.attempts(&follow()).await[0].1, Some(423));
    setting.api.patch(REPO, &ada, archived(false)).await.expect(200);
    let done = setting.api.post(&format!("{REPO}/merge-upstream"), &ada, json!({ "branch": "held" })).await;
    assert_eq!(done.expect(200).json["merge_type"], "merge");
    setting.api.finish().await;
}
