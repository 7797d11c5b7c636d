//! A server with three accounts, and a client that speaks HTTP to it.

use base64::Engine as _;
use serde_json::{Value, json};

use super::declared::{self, Exchange};
use crate::config::Config;
use crate::server::testing::{ADMIN_PASSWORD, TestServer};

/// Password of `ada` and `bob`.
pub(in crate::http::api) const PASSWORD: &str = "correct horse staple";

/// A running server and the accounts `admin`, `ada` and `bob`.
pub(in crate::http::api) struct Api {
    server: TestServer,
}

/// One answer, read whole.
pub(in crate::http::api) struct Answer {
    asked: String,
    status: u16,
    headers: Vec<(String, String)>,
    text: String,
    /// The body, or null when it is not JSON.
    pub(in crate::http::api) json: Value,
}

/// The value of an `Authorization` header for a name and a password.
pub(in crate::http::api) fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}")))
}

impl Api {
    /// Starts the server and makes the accounts.
    pub(in crate::http::api) async fn start() -> Self {
        Self::start_tuned(|_| {}).await
    }

    /// The same with other settings.
    pub(in crate::http::api) async fn start_tuned(tune: impl FnOnce(&mut Config)) -> Self {
        let api = Self { server: TestServer::start_tuned(tune).await };
        for name in ["ada", "bob"] {
            api.account(name).await;
        }
        api
    }

    /// Makes another account.
    pub(in crate::http::api) async fn account(&self, name: &str) {
        let body = json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD,
            "must_change_password": false });
        self.post("/admin/users", &self.admin(), body).await.expect(201);
    }

    /// Stops the server, which must end well.
    pub(in crate::http::api) async fn finish(self) {
        self.server.finish().await.unwrap();
    }

    /// Stops the server, does something to its data directory and starts it again, with other settings.
    pub(in crate::http::api) async fn restart(
        self,
        tune: impl FnOnce(&mut Config),
        between: impl FnOnce(&std::path::Path),
    ) -> Self {
        Self { server: self.server.restart(tune, between).await }
    }

    pub(in crate::http::api) fn admin(&self) -> String {
        basic("admin", ADMIN_PASSWORD)
    }

    pub(in crate::http::api) fn ada(&self) -> String {
        basic("ada", PASSWORD)
    }

    pub(in crate::http::api) fn bob(&self) -> String {
        basic("bob", PASSWORD)
    }

    /// Credentials by name; nobody's for the empty one.
    pub(in crate::http::api) fn header_of(&self, name: &str) -> String {
        match name {
            "" => String::new(),
            "admin" => self.admin(),
            name => basic(name, PASSWORD),
        }
    }

    /// Address git can push to as `name`.
    pub(in crate::http::api) fn git_url(&self, name: &str, repository: &str) -> String {
        let password = PASSWORD.replace(' ', "%20");
        format!("http://{name}:{password}@{}/{repository}.git", self.server.address)
    }

    /// The same over SSH, for whoever's key it is.
    pub(in crate::http::api) fn ssh_url(&self, repository: &str) -> String {
        let address = self.server.ssh_address().expect("a server with SSH");
        format!("ssh://git@{address}/{repository}.git")
    }

    /// Every row of the database as text, but for the ledger, what only says that somebody was here, and work that waits.
    pub(in crate::http::api) async fn rows(&self) -> Vec<String> {
        self.server.rows()
    }

    /// How many small packs wait to become files.
    pub(in crate::http::api) async fn count_waiting_packs(&self) -> i64 {
        self.server.count_waiting_packs()
    }

    /// Whether no mirror is being synchronized or is due.
    pub(in crate::http::api) async fn are_mirrors_idle(&self) -> bool {
        self.server.are_mirrors_idle()
    }

    /// How many mirrors will be looked at by themselves within a time, and are not due yet. Units: milliseconds.
    pub(in crate::http::api) async fn count_waiting_mirrors(&self, within_ms: i64) -> i64 {
        self.server.count_waiting_mirrors(within_ms)
    }

    /// How many events the ledger has beside those of one action.
    pub(in crate::http::api) async fn count_events_but(&self, action: &str) -> usize {
        self.server.count_events_but(action)
    }

    pub(in crate::http::api) fn root_url(&self) -> String {
        format!("http://{}/", self.server.address)
    }

    pub(in crate::http::api) fn data_dir(&self) -> &std::path::Path {
        self.server.data_dir()
    }

    pub(in crate::http::api) fn host(&self) -> String {
        self.server.address.ip().to_string()
    }

    /// Makes a token of `name` and answers its header value.
    pub(in crate::http::api) async fn token(&self, name: &str, scopes: &[&str]) -> String {
        let body = json!({ "name": scopes.join(" "), "scopes": scopes });
        let made = self.post(&format!("/users/{name}/tokens"), &self.header_of(name), body).await.expect(201);
        format!("token {}", made.json["sha1"].as_str().unwrap())
    }

    /// Makes an empty repository of `owner`.
    pub(in crate::http::api) async fn repository(&self, owner: &str, name: &str, is_private: bool) -> Value {
        let body = json!({ "name": name, "private": is_private });
        self.post("/user/repos", &self.header_of(owner), body).await.expect(201).json
    }

    pub(in crate::http::api) async fn get(&self, path: &str, auth: &str) -> Answer {
        self.call("GET", path, auth, &[], None).await
    }

    pub(in crate::http::api) async fn get_with(&self, path: &str, auth: &str, headers: &[(&str, &str)]) -> Answer {
        self.call("GET", path, auth, headers, None).await
    }

    pub(in crate::http::api) async fn delete(&self, path: &str, auth: &str) -> Answer {
        self.call("DELETE", path, auth, &[], None).await
    }

    pub(in crate::http::api) async fn post(&self, path: &str, auth: &str, body: Value) -> Answer {
        self.call("POST", path, auth, &[], Some(body)).await
    }

    pub(in crate::http::api) async fn put(&self, path: &str, auth: &str, body: Value) -> Answer {
        self.call("PUT", path, auth, &[], Some(body)).await
    }

    pub(in crate::http::api) async fn patch(&self, path: &str, auth: &str, body: Value) -> Answer {
        self.call("PATCH", path, auth, &[], Some(body)).await
    }

    /// Events of the ledger with one action.
    pub(in crate::http::api) async fn events(&self, action: &str) -> Vec<Value> {
        self.server.events(action)
    }

    /// Asks anything.
    pub(in crate::http::api) async fn ask(&self, method: &str, path: &str, auth: &str, body: Option<Value>) -> Answer {
        self.call(method, path, auth, &[], body).await
    }

    /// Posts bytes that are no JSON.
    pub(in crate::http::api) async fn upload(&self, path: &str, auth: &str, kind: &str, content: &str) -> Answer {
        let length = content.len();
        let head = format!(
            "POST /api/v1{path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: {auth}\r\n\
             content-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        let answer = Answer::read(format!("POST {path}"), &self.server.raw(&format!("{head}{content}")).await);
        answer.held_to_the_specification("POST", path, &[], None)
    }

    /// Asks for a page outside of the API.
    pub(in crate::http::api) async fn page(
        &self,
        method: &str,
        path: &str,
        auth: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
        let auth = (!auth.is_empty()).then_some(("authorization", auth));
        for (name, value) in headers.iter().copied().chain(auth) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        Answer::read(format!("{method} {path}"), &self.server.raw(&format!("{request}\r\n")).await)
    }

    /// Sends any request: a whole path, any headers, a body of any kind.
    pub(in crate::http::api) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, &[u8])>,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let (kind, body) = body.unwrap_or_default();
        if !kind.is_empty() {
            head.push_str(&format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len()));
        }
        let request = [head.as_bytes(), b"\r\n", body].concat();
        Answer::read(format!("{method} {path}"), &self.server.raw_bytes(&request).await)
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        auth: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let mut request = format!("{method} /api/v1{path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
        if !auth.is_empty() {
            request.push_str(&format!("authorization: {auth}\r\n"));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let text = body.as_ref().map(Value::to_string).unwrap_or_default();
        if !text.is_empty() {
            request.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", text.len()));
        }
        let raw = self.server.raw(&format!("{request}\r\n{text}")).await;
        Answer::read(format!("{method} {path}"), &raw).held_to_the_specification(method, path, headers, body.as_ref())
    }
}

impl Answer {
    fn read(asked: String, raw: &str) -> Self {
        let (head, text) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{asked}: no answer: {raw:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let json = serde_json::from_str(text).unwrap_or(Value::Null);
        Self { asked, status, headers, text: text.to_owned(), json }
    }

    /// Holds it against the specification of the API.
    fn held_to_the_specification(
        self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Self {
        let is_sudo = path.contains("sudo=") || headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("sudo"));
        let (status, content_type) = (self.status, self.header("content-type"));
        let exchange = Exchange { method, path, body, is_sudo, status, content_type: &content_type, text: &self.text };
        declared::check(&exchange);
        self
    }

    /// Gives the question another name in failures.
    pub(in crate::http::api) fn named(self, asked: &str) -> Self {
        Self { asked: format!("{asked}: {}", self.asked), ..self }
    }

    /// Checks the status and what every answer with it must have.
    pub(in crate::http::api) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        assert!(!self.header("x-request-id").is_empty(), "{} has no request id", self.asked);
        match status {
            204 => assert_eq!(self.text, "", "{}", self.asked),
            400.. => {
                assert!(self.json["message"].is_string(), "{}: {}", self.asked, self.text);
                assert!(self.json["url"].as_str().unwrap().ends_with("/api/swagger"), "{}", self.asked);
            }
            _ => {}
        }
        self
    }

    /// The status.
    pub(in crate::http::api) fn status(&self) -> u16 {
        self.status
    }

    /// The body.
    pub(in crate::http::api) fn text(&self) -> &str {
        &self.text
    }

    /// Checks that the status is one of several.
    pub(in crate::http::api) fn expect_any(self, statuses: &[u16]) -> Self {
        let status = self.status;
        assert!(statuses.contains(&status), "{}: {status} {}", self.asked, self.text);
        self.expect(status)
    }

    /// Everything that was said: status, headers and body.
    pub(in crate::http::api) fn whole(&self) -> String {
        let lines: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        format!("{}\n{}\n\n{}", self.status, lines.join("\n"), self.text)
    }

    /// A header's value, or an empty text.
    pub(in crate::http::api) fn header(&self, name: &str) -> String {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// The `rel`s of the `Link` header in their order.
    pub(in crate::http::api) fn link_rels(&self) -> Vec<String> {
        let link = self.header("link");
        link.split("rel=\"").skip(1).filter_map(|part| part.split('"').next()).map(str::to_owned).collect()
    }

    /// The `login`s of a list of users.
    pub(in crate::http::api) fn logins(&self) -> Vec<String> {
        texts(&self.json, "login")
    }

    /// The `login`s of an enveloped list of users.
    pub(in crate::http::api) fn logins_in(&self, envelope: &str) -> Vec<String> {
        texts(&self.json[envelope], "login")
    }

    /// The `name`s of a list.
    pub(in crate::http::api) fn names(&self) -> Vec<String> {
        texts(&self.json, "name")
    }

    /// The `name`s of an enveloped list.
    pub(in crate::http::api) fn names_in(&self, envelope: &str) -> Vec<String> {
        texts(&self.json[envelope], "name")
    }
}

fn texts(list: &Value, field: &str) -> Vec<String> {
    let rows = list.as_array().unwrap_or_else(|| panic!("not a list: {list}"));
    rows.iter().map(|row| row[field].as_str().unwrap_or_default().to_owned()).collect()
}
