//! What was read a moment ago is not readable any more once the right to it is gone: at once, by address, in lists, from what the server keeps, and
//! by asking whether it has changed.

use serde_json::{Value, json};

use super::fixture::{Answer, Api};
use super::git::{git, git_over_ssh, make_key, ssh_is_missing};

/// Something that is read, and how it is asked for.
struct Reading {
    method: &'static str,
    path: String,
    body: Option<(&'static str, Vec<u8>)>,
    /// It lists; what is looked for is in the answer, and not the status.
    lists: bool,
}

impl Reading {
    fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), body: None, lists: false }
    }

    fn list(path: &str) -> Self {
        Self { lists: true, ..Self::get(path) }
    }

    async fn ask(&self, api: &Api, auth: &str, conditions: &[(&str, &str)]) -> Answer {
        let mut headers: Vec<(&str, &str)> = conditions.to_vec();
        if !auth.is_empty() {
            headers.push(("authorization", auth));
        }
        if self.path.ends_with("git-upload-pack") {
            headers.push(("git-protocol", "version=2"));
        }
        let body = self.body.as_ref().map(|(kind, bytes)| (*kind, bytes.as_slice()));
        api.send(self.method, &self.path, &headers, body).await
    }
}

/// Everything of one repository that is read in this test, with what is in it.
struct Thing {
    name: String,
    id: String,
    readings: Vec<Reading>,
}

impl Thing {
    /// Makes a repository with contents; `owner` is an account or an organization that `ada` may make repositories in.
    async fn make(api: &Api, owner: &str, name: &str, is_private: bool) -> Self {
        let ada = api.ada();
        let path = if owner == "ada" { "/user/repos".to_owned() } else { format!("/orgs/{owner}/repos") };
        let body = json!({ "name": name, "private": is_private, "auto_init": true });
        let id = api.post(&path, &ada, body).await.expect(201).json["id"].clone();
        let full = format!("{owner}/{name}");
        let repo = format!("/repos/{full}");
        let made =
            api.post(&format!("{repo}/contents/sop.md"), &ada, json!({ "content": "c29w" })).await.expect(201).json;
        let (commit, blob) = (word(&made["commit"]["sha"]), word(&made["content"]["sha"]));
        let release = api.post(&format!("{repo}/releases"), &ada, json!({ "tag_name": "v1" })).await.expect(201).json;
        let release = release["id"].clone();
        let path = format!("{repo}/releases/{release}/assets?name=a.txt");
        let file = api.upload(&path, &ada, "application/octet-stream", "attached").await.expect(201).json;
        api.put(&format!("{repo}/topics"), &ada, json!({ "topics": [format!("of-{name}")] })).await.expect(204);
        api.post(&format!("{repo}/statuses/main"), &ada, json!({ "state": "success" })).await.expect(201);
        let wants = format!("0011command=fetch0001000eofs-delta\n0032want {commit}\n0009done\n0000");
        let posted = |body: &str| Reading {
            method: "POST",
            path: format!("/{full}.git/git-upload-pack"),
            body: Some(("application/x-git-upload-pack-request", body.as_bytes().to_vec())),
            lists: false,
        };
        let mut readings = vec![
            Reading::get(format!("/{full}.git/info/refs?service=git-upload-pack")),
            posted("0014command=ls-refs\n0000"),
            posted(&wants),
            Reading::get(format!("/{full}/releases/download/v1/a.txt")),
            Reading::get(format!("/attachments/{}", word(&file["uuid"]))),
            Reading::get(format!("/{full}/raw/branch/main/sop.md")),
            Reading::get(format!("/{full}/raw/commit/{commit}/sop.md")),
            Reading::get(format!("/{full}/raw/sop.md")),
            Reading::get(format!("/{full}/media/branch/main/sop.md")),
            Reading::get(format!("/{full}/archive/v1.zip")),
            Reading::list("/api/v1/repos/search?limit=50"),
            Reading::list("/api/v1/repos/search?limit=50&sort=updated"),
            Reading::list("/api/v1/topics/search?q=of-"),
        ];
        for below in [
            "",
            "/branches",
            "/branches/main",
            "/tags",
            "/git/refs",
            "/git/refs/heads/main",
            "/contents",
            "/contents/sop.md",
            "/raw/sop.md",
            "/media/sop.md",
            "/commits",
            "/git/trees/main",
            "/releases",
            "/releases/latest",
            "/topics",
            "/statuses/main",
            "/commits/main/status",
            "/compare/main...main",
            "/blame/sop.md",
            "/stats/contributors",
            "/stats/commit_activity",
            "/archive/main.zip",
            "/archive/main.tar.gz",
            "/archive/main.bundle",
            "/forks",
            "/stargazers",
            "/subscribers",
        ] {
            readings.push(Reading::get(format!("/api/v1{repo}{below}")));
        }
        readings.push(Reading::get(format!("/api/v1{repo}/git/blobs/{blob}")));
        readings.push(Reading::get(format!("/api/v1{repo}/git/commits/{commit}")));
        readings.push(Reading::get(format!("/api/v1{repo}/git/commits/{commit}.patch")));
        readings.push(Reading::get(format!("/api/v1{repo}/archive/{commit}.zip")));
        readings.push(Reading::get(format!("/api/v1{repo}/releases/{release}/assets")));
        Self { name: full, id: id.to_string(), readings }
    }

    /// The same with lists that only somebody has: who has starred and watches it, and may see it among the own.
    fn seen_by_account(mut self, login: &str) -> Self {
        self.readings.push(Reading::get(format!("/api/v1/repositories/{}", self.id)));
        for path in ["/user/repos", "/user/starred", "/user/subscriptions"] {
            self.readings.push(Reading::list(&format!("/api/v1{path}?limit=50")));
        }
        for path in ["starred", "subscriptions"] {
            self.readings.push(Reading::list(&format!("/api/v1/users/{login}/{path}?limit=50")));
        }
        self
    }

    /// Reads everything, more than once, so that the server keeps what it keeps; answers the validators it gave.
    async fn read(&self, api: &Api, auth: &str) -> Vec<String> {
        let mut tags = Vec::new();
        for reading in &self.readings {
            for _ in 0..3 {
                let answer = reading.ask(api, auth, &[]).await;
                assert_eq!(answer.status(), 200, "before: {} {}", reading.path, answer.text());
                if reading.lists {
                    let name = self.name.rsplit('/').next().unwrap();
                    assert!(answer.text().contains(name), "before: {} {}", reading.path, answer.text());
                }
                let tag = answer.header("etag");
                if !tag.is_empty() && !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
        }
        assert!(tags.len() >= 3, "files, archives and attachments have validators: {tags:?}");
        tags
    }

    /// Nothing is read any more; `statuses` are how that is said.
    async fn is_closed(&self, api: &Api, auth: &str, tags: &[String], statuses: &[u16], why: &str) {
        let known = tags.join(", ");
        let name = self.name.rsplit('/').next().unwrap();
        for reading in &self.readings {
            for conditions in [vec![], vec![("if-none-match", known.as_str())], vec![("if-none-match", "*")]] {
                let answer = reading.ask(api, auth, &conditions).await;
                let what =
                    format!("{why}: {} with {conditions:?}: {} {}", reading.path, answer.status(), answer.text());
                if reading.lists && answer.status() == 200 {
                    assert!(!answer.whole().contains(name), "{what}");
                } else {
                    assert!(statuses.contains(&answer.status()), "{what}");
                    assert!(!answer.text().contains("attached") && !answer.whole().contains("c29w"), "{what}");
                }
            }
        }
    }
}

fn word(json: &Value) -> String {
    json.as_str().unwrap().to_owned()
}

/// What an account may do before something is taken from it: it stars and watches, too.
async fn follow(api: &Api, auth: &str, full: &str) {
    api.put(&format!("/user/starred/{full}"), auth, json!({})).await.expect(204);
    api.put(&format!("/repos/{full}/subscription"), auth, json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collaborator_who_is_removed_reads_nothing() {
    let api = Api::start().await;
    let thing = Thing::make(&api, "ada", "shared", true).await.seen_by_account("bob");
    let place = "/repos/ada/shared/collaborators/bob";
    api.put(place, &api.ada(), json!({ "permission": "read" })).await.expect(204);
    follow(&api, &api.bob(), "ada/shared").await;
    let token = api.token("bob", &["all"]).await;
    let body = json!({ "name": "limited", "scopes": ["all"], "repositories": ["ada/shared"] });
    let limited = api.post("/users/bob/tokens", &api.bob(), body).await.expect(201).json;
    let limited = format!("token {}", word(&limited["sha1"]));
    let tags = thing.read(&api, &api.bob()).await;
    thing.read(&api, &token).await;
    api.get("/repos/ada/shared/raw/sop.md", &limited).await.expect(200);
    api.delete(place, &api.ada()).await.expect(204);
    for auth in [api.bob(), token] {
        thing.is_closed(&api, &auth, &tags, &[404], "removed").await;
    }
    api.get("/repos/ada/shared/raw/sop.md", &limited).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_taken_out_of_a_team_or_an_organization_reads_nothing() {
    let api = Api::start().await;
    let ada = api.ada();
    api.post("/orgs", &ada, json!({ "username": "guild", "visibility": "private" })).await.expect(201);
    let thing = Thing::make(&api, "guild", "shelf", true).await.seen_by_account("bob");
    let units = json!(["repo.code", "repo.releases"]);
    let make = async |name: &str| -> String {
        let body = json!({ "name": name, "permission": "read", "units": units });
        let id = api.post("/orgs/guild/teams", &ada, body).await.expect(201).json["id"].to_string();
        api.put(&format!("/teams/{id}/members/bob"), &ada, json!({})).await.expect(204);
        api.put(&format!("/teams/{id}/repos/guild/shelf"), &ada, json!({})).await.expect(204);
        id
    };
    let takes: [(&str, &str); 4] = [
        ("out of the team", "/teams/ID/members/bob"),
        ("the repository from the team", "/teams/ID/repos/guild/shelf"),
        ("the team", "/teams/ID"),
        ("out of the organization", "/orgs/guild/members/bob"),
    ];
    for (number, (what, take)) in takes.into_iter().enumerate() {
        let id = make(&format!("team-{number}")).await;
        follow(&api, &api.bob(), "guild/shelf").await;
        let tags = thing.read(&api, &api.bob()).await;
        api.delete(&take.replace("ID", &id), &ada).await.expect(204);
        thing.is_closed(&api, &api.bob(), &tags, &[404], what).await;
        let _ = api.delete(&format!("/teams/{id}"), &ada).await;
        api.get("/orgs/guild", &api.bob()).await.expect(404);
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_private_is_read_by_nobody_else() {
    let api = Api::start().await;
    let ada = api.ada();
    api.post("/orgs", &ada, json!({ "username": "plaza" })).await.expect(201);
    let cases = [
        ("ada", "agora", "/repos/ada/agora", json!({ "private": true })),
        ("plaza", "market", "/orgs/plaza", json!({ "visibility": "private" })),
        ("ada", "evening", "/admin/users/ada", json!({ "visibility": "private" })),
    ];
    for (owner, name, path, body) in cases {
        let thing = Thing::make(&api, owner, name, false).await;
        follow(&api, &api.bob(), &thing.name).await;
        let tags = thing.read(&api, "").await;
        thing.read(&api, &api.bob()).await;
        api.patch(path, &api.admin(), body).await.expect(200);
        thing.is_closed(&api, "", &tags, &[401, 404], path).await;
        let thing = thing.seen_by_account("bob");
        thing.is_closed(&api, &api.bob(), &tags, &[404], path).await;
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_a_token_or_a_key_that_is_gone_opens_nothing() {
    if ssh_is_missing() {
        return;
    }
    let api = Api::start_tuned(|config| config.server.ssh_addr.0 = "127.0.0.1:0".parse().ok()).await;
    let (ada, admin) = (api.ada(), api.admin());
    let thing = Thing::make(&api, "ada", "shared", true).await.seen_by_account("bob");
    api.put("/repos/ada/shared/collaborators/bob", &ada, json!({ "permission": "write" })).await.expect(204);
    follow(&api, &api.bob(), "ada/shared").await;
    let key = tempfile::TempDir::new().unwrap();
    make_key(key.path()).await;
    let text = std::fs::read_to_string(key.path().join("id.pub")).unwrap();
    api.post("/user/keys", &api.bob(), json!({ "title": "laptop", "key": text.trim() })).await.expect(201);
    let url = api.ssh_url("ada/shared");
    let reads_over_ssh = async |key: &std::path::Path| git_over_ssh(key, key, &["ls-remote", &url]).await.is_ok();

    let token = api.token("bob", &["all"]).await;
    let tags = thing.read(&api, &token).await;
    api.delete("/users/bob/tokens/all", &api.bob()).await.expect(204);
    thing.is_closed(&api, &token, &tags, &[401], "the token is deleted").await;

    for (off, on) in [
        (json!({ "active": false }), json!({ "active": true })),
        (json!({ "prohibit_login": true }), json!({ "prohibit_login": false })),
    ] {
        let token = api.token("bob", &["all", "public-only"]).await;
        assert!(reads_over_ssh(key.path()).await, "before");
        thing.read(&api, &api.bob()).await;
        api.patch("/admin/users/bob", &admin, off.clone()).await.expect(200);
        for auth in [api.bob(), token] {
            thing.is_closed(&api, &auth, &tags, &[401], &off.to_string()).await;
        }
        assert!(!reads_over_ssh(key.path()).await, "{off}");
        api.patch("/admin/users/bob", &admin, on).await.expect(200);
        api.delete("/users/bob/tokens/public-only%20all", &api.bob()).await;
        api.delete("/users/bob/tokens/all%20public-only", &api.bob()).await;
    }
    thing.read(&api, &api.bob()).await;

    let deploy = tempfile::TempDir::new().unwrap();
    make_key(deploy.path()).await;
    let text = std::fs::read_to_string(deploy.path().join("id.pub")).unwrap();
    let body = json!({ "title": "build", "key": text.trim(), "read_only": true });
    let id = api.post("/repos/ada/shared/keys", &ada, body).await.expect(201).json["id"].clone();
    assert!(reads_over_ssh(deploy.path()).await);
    let work = tempfile::TempDir::new().unwrap();
    git(work.path(), &["init", "--quiet"]).await;
    git(work.path(), &["commit", "--quiet", "--allow-empty", "-m", "One"]).await;
    let pushed = git_over_ssh(work.path(), deploy.path(), &["push", "--quiet", &url, "HEAD:refs/heads/by-key"]).await;
    assert!(pushed.is_err(), "a key that only reads");
    api.delete(&format!("/repos/ada/shared/keys/{id}"), &ada).await.expect(204);
    assert!(!reads_over_ssh(deploy.path()).await, "a deploy key that is removed");
    api.get("/repos/ada/shared/branches/by-key", &ada).await.expect(404);
    api.delete("/admin/users/bob", &admin).await.expect(204);
    thing.is_closed(&api, &api.bob(), &tags, &[401, 429], "the account is deleted").await;
    assert!(!reads_over_ssh(key.path()).await);
    api.finish().await;
}
