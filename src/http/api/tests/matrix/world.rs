//! The accounts and things that questions are about, the question each rule asks, and how what it did is undone.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::super::fixture::{Answer, Api};
use super::super::git::git;
use super::oracle::{Person, Shown, World};
use super::rules::Rule;

/// A key; another byte makes another key.
fn public_key(seed: u8) -> String {
    use base64::Engine as _;
    let mut bytes = vec![0, 0, 0, 11];
    bytes.extend_from_slice(b"ssh-ed25519");
    bytes.extend_from_slice(&[0, 0, 0, 32]);
    bytes.extend_from_slice(&[seed; 32]);
    format!("ssh-ed25519 {} k", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// One owner with an organization, their things, and what is known of them.
pub(super) struct Place {
    pub(super) world: World,
    owner: &'static str,
    org: &'static str,
    /// The repository that most questions are about.
    repo: String,
    ids: HashMap<&'static str, String>,
    key_seed: u8,
    tokens: HashMap<(&'static str, Shown), String>,
}

/// What is sent.
pub(super) struct Question {
    pub(super) method: String,
    pub(super) path: String,
    body: Option<(&'static str, Vec<u8>)>,
}

impl Question {
    pub(super) async fn ask(&self, api: &Api, headers: &[(&str, &str)]) -> Answer {
        let body = self.body.as_ref().map(|(kind, bytes)| (*kind, bytes.as_slice()));
        api.send(&self.method, &self.path, headers, body).await
    }
}

fn text(json: &Value, field: &str) -> String {
    match &json[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Place {
    /// The login of a person.
    pub(super) fn login(&self, person: Person) -> &'static str {
        match person {
            Person::Anonymous => "",
            Person::Stranger => "stan",
            Person::Reader => "rita",
            Person::Writer => "wim",
            Person::Warden => "wanda",
            Person::Owner => self.owner,
            Person::Site => "admin",
        }
    }

    /// Makes accounts that every place shares.
    pub(super) async fn accounts(api: &Api) {
        for name in ["stan", "rita", "wim", "wanda", "gus", "olga", "hans", "dora"] {
            api.account(name).await;
        }
        for name in ["stan", "rita", "wim", "wanda", "olga", "hans", "admin"] {
            // What a token is limited to that may not reach anything else.
            api.repository(name, "own", false).await;
        }
        api.patch("/admin/users/hans", &api.admin(), json!({ "visibility": "private" })).await.expect(200);
    }

    pub(super) async fn make(api: &Api, world: World) -> Self {
        let (owner, org, seed) = match world {
            World::Open => ("olga", "plaza", 1),
            World::Closed => ("hans", "guild", 2),
            World::OfOrganization => ("hans", "lodge", 3),
        };
        let auth = api.header_of(owner);
        let is_private = world != World::Open;
        let visibility = if is_private { "private" } else { "public" };
        let (mut ids, tokens) = (HashMap::new(), HashMap::new());
        for name in [org.to_owned(), format!("{org}-husk")] {
            let body = json!({ "username": name, "visibility": visibility });
            api.post("/orgs", &auth, body).await.expect(201);
            for (team, level, member) in
                [("readers", "read", "rita"), ("writers", "write", "wim"), ("wardens", "admin", "wanda")]
            {
                let body = json!({ "name": team, "permission": level, "units": ["repo.code", "repo.issues", "repo.releases"],
                    "visibility": "limited" });
                let made = api.post(&format!("/orgs/{name}/teams"), &auth, body).await.expect(201).json;
                let id = text(&made, "id");
                api.put(&format!("/teams/{id}/members/{member}"), &auth, json!({})).await.expect(204);
                if name == org {
                    ids.insert(team, id);
                }
            }
        }
        api.put(&format!("/orgs/{org}/public_members/{owner}"), &auth, json!({})).await.expect(204);
        let body = json!({ "name": "shelf", "private": is_private, "auto_init": true });
        api.post(&format!("/orgs/{org}/repos"), &auth, body.clone()).await.expect(201);
        for team in ["readers", "writers", "wardens"] {
            api.put(&format!("/teams/{}/repos/{org}/shelf", ids[team]), &auth, json!({})).await.expect(204);
        }
        let repo = match world {
            World::OfOrganization => format!("{org}/shelf"),
            _ => format!("{owner}/doc"),
        };
        if world != World::OfOrganization {
            let body = json!({ "name": "doc", "private": is_private, "auto_init": true });
            api.post("/user/repos", &auth, body).await.expect(201);
            for (login, level) in [("rita", "read"), ("wim", "write"), ("wanda", "admin")] {
                let body = json!({ "permission": level });
                api.put(&format!("/repos/{repo}/collaborators/{login}"), &auth, body).await.expect(204);
            }
        }
        let mut place = Self { world, owner, org, repo, ids, key_seed: seed * 64, tokens };
        place.contents(api).await;
        for name in [
            "userDeleteAccessToken",
            "userCurrentDeleteKey",
            "repoDeleteKey",
            "orgDeleteMember",
            "orgDeleteTeam",
            "repoDeleteTeam",
            "repoDelete",
            "repoDeleteCollaborator",
            "repoDeleteBranchProtection",
            "repoDeleteTagProtection",
            "repoDeleteBranch",
            "repoDeleteTag",
            "repoDeleteReleaseByTag",
            "repoDeleteRelease",
            "acceptRepoTransfer",
            "repoUpdateTopics",
            "issueDeleteLabel",
            "orgDeleteLabel",
        ] {
            place.restore(api, name, Person::Owner).await;
        }
        for person in Person::ALL {
            place.restore(api, "userCurrentDeleteStar", person).await;
            place.restore(api, "userCurrentDeleteSubscription", person).await;
        }
        place
    }

    /// What stays as it is: a commit with a note, an annotated tag, ids.
    async fn contents(&mut self, api: &Api) {
        let dir = tempfile::TempDir::new().unwrap();
        let at = dir.path();
        let url = api.git_url(self.owner, &self.repo);
        git(at, &["clone", "--quiet", &url, "."]).await;
        git(at, &["tag", "-a", "-m", "Annotated", "ann"]).await;
        git(at, &["notes", "add", "-m", "A note", "HEAD"]).await;
        git(at, &["push", "--quiet", &url, "ann", "refs/notes/commits"]).await;
        for (name, revision) in [("commit", "HEAD"), ("blob", "HEAD:README.md"), ("annotated", "ann")] {
            self.ids.insert(name, git(at, &["rev-parse", revision]).await);
        }
        let known = api.get(&format!("/repos/{}", self.repo), &self.auth(api)).await.expect(200).json;
        self.ids.insert("repo", text(&known, "id"));
    }

    fn auth(&self, api: &Api) -> String {
        api.header_of(self.owner)
    }

    fn at(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repo)
    }

    /// Puts back what an allowed question took away.
    pub(super) async fn restore(&mut self, api: &Api, operation: &str, person: Person) {
        let (auth, admin, owner, org) = (self.auth(api), api.admin(), self.owner, self.org);
        let by = api.header_of(self.login(person));
        match operation {
            "userDeleteAccessToken" => {
                let body = json!({ "name": format!("doomed-{org}"), "scopes": ["all"] });
                api.post(&format!("/users/{owner}/tokens"), &auth, body).await.expect(201);
            }
            "userCurrentDeleteKey" | "adminDeleteUserPublicKey" => {
                let body = json!({ "title": format!("key {}", self.key_seed), "key": public_key(self.key_seed) });
                let made = api.post("/user/keys", &auth, body).await.expect(201).json;
                self.ids.insert("key", text(&made, "id"));
            }
            "repoDeleteKey" => {
                let body = json!({ "title": "deploy", "key": public_key(self.key_seed + 1), "read_only": true });
                let made = api.post(&self.at("/keys"), &auth, body).await.expect(201).json;
                self.ids.insert("deploy key", text(&made, "id"));
            }
            "orgDeleteMember" | "orgRemoveTeamMember" => {
                let path = format!("/teams/{}/members/gus", self.ids["readers"]);
                api.put(&path, &auth, json!({})).await.expect(204);
            }
            "orgDeleteTeam" => {
                let body =
                    json!({ "name": "spare", "permission": "read", "units": ["repo.code"], "visibility": "limited" });
                let made = api.post(&format!("/orgs/{org}/teams"), &auth, body).await.expect(201).json;
                self.ids.insert("spare", text(&made, "id"));
            }
            "repoDeleteTeam" if self.world == World::OfOrganization => {
                api.put(&self.at("/teams/spare"), &auth, json!({})).await.expect(204);
            }
            "orgRemoveTeamRepository" => {
                let path = format!("/teams/{}/repos/{org}/shelf", self.ids["readers"]);
                api.put(&path, &auth, json!({})).await.expect(204);
            }
            "repoDelete" => {
                let (at, owner) = self.doomed();
                let path = if owner == org { format!("/orgs/{org}/repos") } else { "/user/repos".to_owned() };
                let body = json!({ "name": "doomed", "private": self.world != World::Open });
                api.post(&path, &auth, body).await.expect(201);
                for (team, login, level) in
                    [("readers", "rita", "read"), ("writers", "wim", "write"), ("wardens", "wanda", "admin")]
                {
                    if owner == org {
                        api.put(&format!("/teams/{}/repos/{at}", self.ids[team]), &auth, json!({})).await.expect(204);
                    } else {
                        let body = json!({ "permission": level });
                        api.put(&format!("/repos/{at}/collaborators/{login}"), &auth, body).await.expect(204);
                    }
                }
            }
            "repoDeleteCollaborator" => {
                let body = json!({ "permission": "read" });
                api.put(&self.at("/collaborators/gus"), &auth, body).await.expect(204);
            }
            "repoDeleteBranchProtection" => {
                api.post(&self.at("/branch_protections"), &auth, json!({ "rule_name": "kept" })).await.expect(201);
            }
            "repoDeleteTagProtection" => {
                let body = json!({ "name_pattern": "kept*" });
                let made = api.post(&self.at("/tag_protections"), &auth, body).await.expect(201).json;
                self.ids.insert("tag rule", text(&made, "id"));
            }
            "repoDeleteBranch" => {
                api.post(&self.at("/branches"), &auth, json!({ "new_branch_name": "spare" })).await.expect(201);
            }
            "repoDeleteTag" => {
                api.post(&self.at("/tags"), &auth, json!({ "tag_name": "spare-tag" })).await.expect(201);
            }
            "repoDeleteReleaseByTag" => {
                api.post(&self.at("/releases"), &auth, json!({ "tag_name": "r1" })).await.expect(201);
            }
            "repoDeleteRelease" => {
                let made = api.post(&self.at("/releases"), &auth, json!({ "tag_name": "v1" })).await.expect(201).json;
                self.ids.insert("release", text(&made, "id"));
                self.attach(api).await;
            }
            "repoDeleteReleaseAttachment" => self.attach(api).await,
            "acceptRepoTransfer" | "rejectRepoTransfer" if self.world != World::OfOrganization => {
                // Whoever took it over gives it up.
                let _ = api.delete("/repos/wim/offered", &admin).await;
                let _ = api.delete(&format!("/repos/{owner}/offered"), &admin).await;
                let body = json!({ "name": "offered", "private": self.world != World::Open });
                api.post("/user/repos", &auth, body).await.expect(201);
                let body = json!({ "new_owner": "wim" });
                api.post(&format!("/repos/{owner}/offered/transfer"), &auth, body).await.expect(202);
            }
            "userCurrentDeleteStar" if person != Person::Anonymous => {
                let _ = api.put(&format!("/user/starred/{}", self.repo), &by, json!({})).await;
            }
            "userCurrentDeleteSubscription" if person != Person::Anonymous => {
                let _ = api.put(&self.at("/subscription"), &by, json!({})).await;
            }
            "userBlockUser" => {
                api.delete("/user/blocks/dora", &by).await.expect(204);
            }
            "organizationBlockUser" => {
                api.delete(&format!("/orgs/{org}/blocks/dora"), &auth).await.expect(204);
            }
            "repoUpdateTopics" | "repoDeleteTopic" => {
                api.put(&self.at("/topics"), &auth, json!({ "topics": ["sop"] })).await.expect(204);
            }
            "issueDeleteLabel" => {
                let body = json!({ "name": "gxp", "color": "#00aabb" });
                let made = api.post(&self.at("/labels"), &auth, body).await.expect(201).json;
                self.ids.insert("label", text(&made, "id"));
            }
            "orgDeleteLabel" => {
                let body = json!({ "name": "gxp", "color": "#00aabb" });
                let made = api.post(&format!("/orgs/{org}/labels"), &auth, body).await.expect(201).json;
                self.ids.insert("label of organization", text(&made, "id"));
            }
            "orgConcealMember" => {
                api.put(&format!("/orgs/{org}/public_members/{owner}"), &auth, json!({})).await.expect(204);
            }
            "deleteCurrentToken" => {
                let login = self.login(person);
                self.tokens.retain(|(name, _), _| *name != login && *name != "admin");
            }
            _ => {}
        }
    }

    async fn attach(&mut self, api: &Api) {
        let path = self.at(&format!("/releases/{}/assets?name=a.txt", self.ids["release"]));
        let made = api.upload(&path, &self.auth(api), "application/octet-stream", "attached").await.expect(201).json;
        self.ids.insert("attachment", text(&made, "id"));
        self.ids.insert("uuid", text(&made, "uuid"));
    }

    /// The repository that is deleted, and its owner.
    fn doomed(&self) -> (String, &'static str) {
        let owner = if self.world == World::OfOrganization { self.org } else { self.owner };
        (format!("{owner}/doomed"), owner)
    }

    /// The question of a rule.
    pub(super) fn question(&self, rule: &Rule, method: &str, pattern: &str) -> Question {
        let (id, operation) = (|name: &str| self.ids[name].as_str(), rule.operation());
        let of_repo = if operation == "repoDelete" { self.doomed().0 } else { self.repo.clone() };
        let offered = format!("{}/offered", self.owner);
        let org = if operation == "orgDeleteRepos" { format!("{}-husk", self.org) } else { self.org.to_owned() };
        let shelf = format!("{}/shelf", self.org);
        let repository = if operation.ends_with("RepoTransfer") { &offered } else { &of_repo };
        let whose = match operation {
            "orgDeleteMember" | "orgRemoveTeamMember" => "gus",
            "orgAddTeamMember" | "orgListTeamMember" => "rita",
            "orgGetUserPermissions" => "wim",
            name if name.to_ascii_lowercase().contains("block") || name.starts_with("userCurrent") => "dora",
            _ => self.owner,
        };
        let person = if operation.ends_with("Collaborator") { "gus" } else { "wim" };
        let tag = match operation {
            "repoDeleteTag" => "spare-tag",
            "repoDeleteReleaseByTag" => "r1",
            _ => "v1",
        };
        let team = if operation == "orgDeleteTeam" { id("spare") } else { id("readers") };
        let branch = if operation == "repoDeleteBranch" { "spare" } else { "main" };
        let of_id = match operation {
            "repoGetByID" => id("repo"),
            "userCurrentGetKey" | "userCurrentDeleteKey" | "adminDeleteUserPublicKey" => id("key"),
            "repoGetKey" | "repoDeleteKey" => id("deploy key"),
            name if name.ends_with("TagProtection") => id("tag rule"),
            name if name.starts_with("issue") => id("label"),
            name if name.starts_with("org") => id("label of organization"),
            _ => id("release"),
        };
        let bundled = match operation {
            "getGitignoreTemplateInfo" => "Rust",
            "getLicenseTemplateInfo" => "MIT",
            _ => "Default",
        };
        let place = match rule.name {
            "rawDownload#tag" => "tag/ann/README.md".to_owned(),
            "rawDownload#commit" => format!("commit/{}/README.md", id("commit")),
            "rawDownload#older" => "README.md".to_owned(),
            _ => "branch/main/README.md".to_owned(),
        };
        let path = pattern
            .replace("{*place}", &place)
            .replace("{owner}/{repo}", repository)
            .replace("/teams/{id}", &format!("/teams/{team}"))
            .replace("/default/{id}", "/default/1")
            .replace("{org}/{repo}", &shelf)
            .replace("{org}", &org)
            .replace("{team}", "spare")
            .replace("{username}", whose)
            .replace("{collaborator}", person)
            .replace("{assignee}", "wanda")
            .replace("{id}", of_id)
            .replace("{*name}", "kept")
            .replace("{name}", bundled)
            .replace("{*filepath}", "README.md")
            .replace("{attachment_id}", id("attachment"))
            .replace("{*branch}", branch)
            .replace("git/blobs/{sha}", &format!("git/blobs/{}", id("blob")))
            .replace("git/tags/{sha}", &format!("git/tags/{}", id("annotated")))
            .replace("git/notes/{sha}", &format!("git/notes/{}", id("commit")))
            .replace("{sha}", "main")
            .replace("{*sha}", "main")
            .replace("{*basehead}", "main...main")
            .replace("{*archive}", "main.zip")
            .replace("{*ref}", "heads/main")
            .replace("{ref}", "main")
            .replace("{*tag}", tag)
            .replace("{topic}", "sop")
            .replace("{token}", &format!("doomed-{}", self.org))
            .replace("{target}", "dora")
            .replace("{invitation}", "1")
            .replace("{hash}", "absent")
            .replace("{uuid}", id("uuid"))
            .replace("download/{*path}", "download/v1/a.txt")
            .replace("{file}", "absent.bundle")
            .replace("{*path}", "info/packs");
        let query = match rule.name {
            "gitInfoRefs#fetch" => "?service=git-upload-pack",
            "gitInfoRefs#push" => "?service=git-receive-pack",
            "searchCode" => "?q=manual",
            "repoGetFileContents" => "?body=%7B%22files%22%3A%5B%5D%7D",
            _ => "",
        };
        let body = match operation {
            "gitUploadPack" => {
                let body = b"0014command=ls-refs\n0000".to_vec();
                Some(("application/x-git-upload-pack-request", body))
            }
            "gitReceivePack" => Some(("application/x-git-receive-pack-request", b"0000".to_vec())),
            "repoCreateReleaseAttachment" => Some(("application/octet-stream", b"nameless".to_vec())),
            "createFork" => Some(json_body(json!({ "name": ".." }))),
            "repoUpdateTopics" => Some(json_body(json!({ "topics": ["sop"] }))),
            "repoAddTeam" => Some(json_body(json!({}))),
            _ if matches!(method, "GET" | "DELETE") => None,
            _ => Some(json_body(json!({}))),
        };
        Question { method: method.to_owned(), path: format!("{path}{query}"), body }
    }

    /// Header lines by which a person shows a credential. `turn` chooses among the ways of showing a token.
    pub(super) async fn headers(
        &mut self,
        api: &Api,
        person: Person,
        shown: &Shown,
        turn: usize,
    ) -> Vec<(&'static str, String)> {
        let login = self.login(person);
        match shown {
            Shown::Nothing => Vec::new(),
            Shown::Password => vec![("authorization", api.header_of(login))],
            Shown::Sudo => vec![("authorization", api.admin()), ("sudo", login.to_owned())],
            Shown::SudoByToken => {
                let token = self.token(api, "admin", &Shown::Token(vec!["all"])).await;
                vec![("authorization", format!("token {token}")), ("sudo", login.to_owned())]
            }
            Shown::SudoByNobody => vec![("authorization", api.header_of(login)), ("sudo", "admin".to_owned())],
            Shown::Token(_) | Shown::Limited => {
                let token = self.token(api, login, shown).await;
                let value = match turn % 4 {
                    0 => format!("token {token}"),
                    1 => format!("Bearer {token}"),
                    2 => super::super::basic(login, &token),
                    _ => super::super::basic(&token, "x-oauth-basic"),
                };
                vec![("authorization", value)]
            }
        }
    }

    async fn token(&mut self, api: &Api, login: &'static str, shown: &Shown) -> String {
        if let Some(token) = self.tokens.get(&(login, shown.clone())) {
            return token.clone();
        }
        let name = format!("{} {}", self.org, self.tokens.len());
        let body = match shown {
            Shown::Token(scopes) => json!({ "name": name, "scopes": scopes }),
            _ => {
                json!({ "name": name, "scopes": ["all"], "repositories": [format!("{login}/own")] })
            }
        };
        // A name may be in use by one that was thrown away.
        let _ = api.delete(&format!("/users/{login}/tokens/{}", name.replace(' ', "%20")), &api.header_of(login)).await;
        let made = api.post(&format!("/users/{login}/tokens"), &api.header_of(login), body).await.expect(201).json;
        let token = text(&made, "sha1");
        self.tokens.insert((login, shown.clone()), token.clone());
        token
    }
}

fn json_body(body: Value) -> (&'static str, Vec<u8>) {
    ("application/json", body.to_string().into_bytes())
}
