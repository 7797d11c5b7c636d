//! People who use the forge: each with a credential, the JSON API, git URLs and hand-made pushes.
//!
//! Owns the checks that hold of every reply: a request id, the right content type, the shape of errors.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::forge::Shared;
use super::git::Git;
use super::http::{Call, Reply};
use super::pack::{Report, push_body};

/// How somebody proves who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    None,
    Password(String),
    Token(String),
}

/// Somebody calling the server.
#[derive(Clone)]
pub(crate) struct Persona {
    shared: Arc<Shared>,
    pub(crate) login: String,
    pub(crate) credential: Credential,
    password: Option<String>,
}

/// What came back from a push made by hand.
#[derive(Debug, Clone)]
pub(crate) struct PushReply {
    pub(crate) reply: Reply,
    /// The report, where the reply is one.
    pub(crate) report: Option<Report>,
}

impl PushReply {
    pub(crate) fn accepted(&self) -> bool {
        self.report.as_ref().is_some_and(Report::is_ok)
    }

    /// All text the server gave as the reason of a refusal.
    pub(crate) fn reason(&self) -> String {
        match &self.report {
            Some(report) => {
                let refs: Vec<_> = report.refs.iter().filter_map(|(_, outcome)| outcome.clone().err()).collect();
                format!("{} {} {}", report.unpack, refs.join(" "), report.chatter)
            }
            None => self.reply.text(),
        }
    }
}

impl Persona {
    pub(crate) fn new(shared: Arc<Shared>, login: &str, credential: Credential) -> Self {
        Self { shared, login: login.to_owned(), credential, password: None }
    }

    pub(crate) fn with_password(shared: Arc<Shared>, login: &str, password: &str) -> Self {
        let credential = Credential::Password(password.to_owned());
        Self { shared, login: login.to_owned(), credential, password: Some(password.to_owned()) }
    }

    /// The same person with the password again.
    pub(crate) fn by_password(&self) -> Self {
        let password = self.password.clone().expect("this persona has a password");
        Self { credential: Credential::Password(password), ..self.clone() }
    }

    /// The same person with another credential.
    pub(crate) fn by(&self, credential: Credential) -> Self {
        Self { credential, ..self.clone() }
    }

    /// The same person calling with a new token.
    pub(crate) fn with_token(&self, name: &str, scopes: &[&str]) -> Self {
        let token = self.create_token(name, scopes);
        self.by(Credential::Token(token))
    }

    /// Makes a token and gives its value.
    pub(crate) fn create_token(&self, name: &str, scopes: &[&str]) -> String {
        let body = serde_json::json!({ "name": name, "scopes": scopes });
        let reply = self.by_password().post(&format!("/api/v1/users/{}/tokens", self.login), &body).expect(201);
        let token = reply.json()["sha1"].as_str().expect("the token's value is in sha1").to_owned();
        self.shared.guard_secret(&token);
        token
    }

    fn authorize(&self, call: Call) -> Call {
        match &self.credential {
            Credential::None => call,
            Credential::Token(token) => call.header("Authorization", &format!("token {token}")),
            Credential::Password(_) => call.header("Authorization", &self.basic()),
        }
    }

    /// The value of a basic `Authorization` header for this person.
    pub(crate) fn basic(&self) -> String {
        let secret = match &self.credential {
            Credential::None => "",
            Credential::Password(secret) | Credential::Token(secret) => secret,
        };
        format!("Basic {}", STANDARD.encode(format!("{}:{secret}", self.login)))
    }

    /// Sends any call with this person's credential, unchecked.
    pub(crate) fn send(&self, call: Call) -> Reply {
        let call = self.authorize(call);
        let asked = format!("{} {} as {}", call.method, call.target, self.login);
        let mut reply = call.send(self.shared.addr()).unwrap_or_else(|error| panic!("{asked}: {error}"));
        assert!(reply.header("X-Request-Id").is_some_and(|id| !id.is_empty()), "{asked}: no X-Request-Id");
        reply.asked = asked;
        reply
    }

    fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let call = Call::new(method, path).header("Accept", "application/json");
        let call = match body {
            Some(body) => call.body("application/json", body.to_string()),
            None => call,
        };
        let reply = self.send(call);
        assert!(reply.status != 500, "{}: 500 {}", reply.asked, reply.text());
        if !reply.body.is_empty() && path.starts_with("/api/v1") && method != "HEAD" {
            let kind = reply.header("Content-Type").unwrap_or("");
            assert!(kind.starts_with("application/json"), "{}: {kind} {}", reply.asked, reply.text());
            if reply.status >= 400 {
                let error = reply.json();
                assert!(error["message"].is_string(), "{}: error without message: {error}", reply.asked);
                assert!(error["url"].is_string(), "{}: error without url: {error}", reply.asked);
            }
        }
        reply
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.api("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.api("POST", path, Some(body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        self.api("PUT", path, Some(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Reply {
        self.api("PATCH", path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.api("DELETE", path, None)
    }

    /// Creates a public repository and gives its full name.
    pub(crate) fn create_repository(&self, name: &str) -> String {
        self.create_repository_with(&serde_json::json!({ "name": name, "default_branch": "main" }))
    }

    pub(crate) fn create_private_repository(&self, name: &str) -> String {
        self.create_repository_with(&serde_json::json!({ "name": name, "private": true, "default_branch": "main" }))
    }

    fn create_repository_with(&self, body: &Value) -> String {
        let reply = self.post("/api/v1/user/repos", body).expect(201);
        reply.json()["full_name"].as_str().expect("full_name").to_owned()
    }

    /// Gives somebody a level (`read`, `write`, `admin`) in a repository.
    pub(crate) fn invite(&self, repository: &str, login: &str, permission: &str) {
        let body = serde_json::json!({ "permission": permission });
        self.put(&format!("/api/v1/repos/{repository}/collaborators/{login}"), &body).expect(204);
    }

    /// The URL of a repository with this person's credential in it.
    pub(crate) fn url(&self, repository: &str) -> String {
        let addr = self.shared.addr();
        match &self.credential {
            Credential::None => format!("http://{addr}/{repository}.git"),
            Credential::Password(secret) | Credential::Token(secret) => {
                format!("http://{}:{secret}@{addr}/{repository}.git", self.login)
            }
        }
    }

    /// Fresh git, with this person's credential sent as a header to every host.
    pub(crate) fn git_with_header(&self) -> Git {
        Git::new().config("http.extraHeader", &format!("Authorization: {}", self.basic()))
    }

    /// Clones a repository into a fresh home.
    pub(crate) fn clone_repository(&self, repository: &str) -> Git {
        let git = Git::new();
        git.ok(&["clone", "--quiet", &self.url(repository), "copy"]);
        git.at("copy")
    }

    /// Fetches an advertisement.
    pub(crate) fn info_refs(&self, repository: &str, service: &str) -> Reply {
        self.send(Call::new("GET", &format!("/{repository}.git/info/refs?service={service}")))
    }

    /// Sends a receive-pack request made by hand.
    pub(crate) fn push_raw(&self, repository: &str, body: Vec<u8>) -> PushReply {
        let call = Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
            .header("Accept", "application/x-git-receive-pack-result")
            .body("application/x-git-receive-pack-request", body);
        let reply = self.send(call);
        let report = if reply.status == 200 {
            let parsed = Report::parse(&reply.body);
            Some(parsed.unwrap_or_else(|error| panic!("{}: {error}: {:?}", reply.asked, reply.text())))
        } else {
            None
        };
        PushReply { reply, report }
    }

    /// Pushes one command with a pack, asking for a plain report.
    pub(crate) fn push_one(&self, repository: &str, command: (&str, &str, &[u8]), pack: &[u8]) -> PushReply {
        self.push_raw(repository, push_body(&[command], "report-status", pack))
    }
}
