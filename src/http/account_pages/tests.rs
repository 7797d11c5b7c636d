//! Signing up and confirming, as a browser does it, over a server with a mail server beside it.

mod invitations;

use serde_json::Value;

use crate::config::{Config, Registration, SmtpSecurity};
use crate::mail::testing::{Mood, Sink, Taken};
use crate::server::testing::{ADMIN_PASSWORD, TestServer};

const PASSWORD: &str = "correct horse staple";

struct Pages {
    server: TestServer,
    sink: Sink,
}

/// One answer, read whole.
struct Page {
    status: u16,
    head: String,
    body: String,
}

impl Page {
    fn read(raw: &str) -> Self {
        let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {raw:?}"));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap();
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }
}

fn escape(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn fields(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

fn wanted(name: &str, email: &str) -> String {
    fields(&[("user_name", name), ("email", email), ("password", PASSWORD), ("retype", PASSWORD)])
}

/// The form that makes an account.
fn confirmed(code: &str) -> String {
    fields(&[("code", code), ("password", PASSWORD)])
}

fn with_mail(config: &mut Config, sink: &Sink) {
    config.mail.smtp_host = "127.0.0.1".to_owned();
    config.mail.smtp_port = sink.port;
    config.mail.smtp_security = SmtpSecurity::None;
    config.mail.from = "AtomicQMS <qms@example.org>".to_owned();
    config.mail.retry_seconds = 1;
    config.mail.max_per_recipient = 100;
}

impl Pages {
    async fn start(tune: impl FnOnce(&mut Config)) -> Self {
        let sink = Sink::start(0, "none");
        let server = TestServer::start_tuned(|config| {
            with_mail(config, &sink);
            config.security.registration = Registration::Open;
            tune(config);
        })
        .await;
        Self { server, sink }
    }

    async fn get(&self, path: &str) -> Page {
        Page::read(&self.server.get(path, "").await)
    }

    async fn post_with(&self, path: &str, headers: &str, body: &str) -> Page {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        Page::read(&self.server.raw(&request).await)
    }

    async fn post(&self, path: &str, body: &str) -> Page {
        self.post_with(path, "sec-fetch-site: same-origin\r\n", body).await
    }

    async fn mails(&self, count: usize) -> Vec<Taken> {
        let begun = std::time::Instant::now();
        loop {
            let taken = self.sink.taken();
            if taken.len() >= count {
                return taken;
            }
            assert!(begun.elapsed().as_secs() < 60, "{} mails of {count}: {taken:?}", taken.len());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    async fn api(&self, method: &str, path: &str, login: &str, password: &str, body: &str) -> (u16, Value) {
        let auth = crate::forge::testing::basic(login, password);
        let length = body.len();
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: {auth}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let page = Page::read(&self.server.raw(&request).await);
        (page.status, serde_json::from_str(&page.body).unwrap_or(Value::Null))
    }

    async fn finish(self) {
        self.server.finish().await.unwrap();
    }
}

/// The path and the code of a link.
fn link(mail: &Taken) -> (String, String) {
    let link = mail.link();
    let (path, code) = link.split_once("?code=").unwrap_or_else(|| panic!("{link}"));
    (path.to_owned(), code.to_owned())
}

#[tokio::test]
async fn a_stranger_signs_up_and_signs_in() {
    let pages = Pages::start(|_| {}).await;
    assert!(pages.get("/").await.expect(200).body.contains("/user/sign_up\">Make an account</a>"));
    let form = pages.get("/user/sign_up").await.expect(200);
    assert!(form.body.contains("<form method=\"post\" action=\"sign_up\">"), "{}", form.body);
    assert!(!form.body.contains("<script") && !form.body.contains("://"), "nothing from elsewhere, no scripts");
    for (header, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-frame-options", "deny"),
    ] {
        assert!(form.head.contains(&format!("{header}: {value}")), "{header}: {}", form.head);
    }
    assert!(form.head.contains("default-src 'none'; style-src 'sha256-") && form.head.contains("form-action 'self'"));
    let sent = pages.post("/user/sign_up", &wanted("ada", "ada@example.org")).await.expect(200);
    assert!(sent.body.contains("ada@example.org"), "{}", sent.body);
    let mail = pages.mails(1).await.remove(0);
    let (path, code) = link(&mail);
    assert_eq!(path, "/user/activate");
    let root = format!("http://{}/", pages.server.address);
    assert!(mail.text().contains(&format!("{root}user/activate?code={code}")), "{}", mail.text());
    let ask_self = async || pages.api("GET", "/user", "ada", PASSWORD, "").await.0;
    assert_eq!(ask_self().await, 401);
    // A program that follows links, as mail scanners do, confirms nothing.
    for _ in 0..2 {
        let page = pages.get(&format!("{path}?code={code}")).await.expect(200);
        assert!(page.body.contains("<strong>ada</strong>") && page.body.contains(&code), "{}", page.body);
    }
    assert_eq!(ask_self().await, 401);
    for wrong in ["", "<b>not the one"] {
        let page = pages.post(&path, &fields(&[("code", &code), ("password", wrong)])).await.expect(422);
        assert!(page.body.contains("role=\"alert\"") && page.body.contains(&code), "{}", page.body);
        assert!(!page.body.contains("<b>not"), "{}", page.body);
    }
    assert_eq!(ask_self().await, 401);
    let welcome = pages.post(&path, &confirmed(&code)).await.expect(200);
    assert!(welcome.body.contains("<strong>ada</strong>"), "{}", welcome.body);
    assert_eq!(ask_self().await, 200);
    pages.post(&path, &confirmed(&code)).await.expect(404);
    pages.get(&format!("{path}?code={code}")).await.expect(404);
    let (_, emails) = pages.api("GET", "/user/emails", "ada", PASSWORD, "").await;
    assert_eq!((emails[0]["email"].as_str(), emails[0]["verified"].as_bool()), (Some("ada@example.org"), Some(true)));
    assert_eq!(pages.server.events("user.activate").len(), 1);
    pages.finish().await;
}

#[tokio::test]
async fn the_form_says_what_is_wrong_and_keeps_what_was_typed_but_passwords() {
    let pages = Pages::start(|config| config.security.registration_domains = vec!["example.org".to_owned()]).await;
    let with = |name: &str, email: &str, password: &str, retype: &str| {
        fields(&[("user_name", name), ("email", email), ("password", password), ("retype", retype)])
    };
    let cases = [
        ("taken", wanted("admin", "a@example.org"), "is taken"),
        ("reserved", wanted("api", "a@example.org"), "reserved"),
        ("no name", wanted("", "a@example.org"), "user name"),
        ("no address", wanted("ada", "ada"), "e-mail address"),
        ("other domain", wanted("ada", "a@evil.example"), "domain"),
        ("short", with("ada", "a@example.org", "short", "short"), "at least 8"),
        ("not the same", with("ada", "a@example.org", PASSWORD, "other horse staple"), "not the same"),
        ("long password", with("ada", "a@example.org", &"x".repeat(2000), &"x".repeat(2000)), "at most"),
        ("line end", wanted("ada\r\nbcc: x", "a@example.org"), "user name"),
        ("line end in address", wanted("ada", "a@example.org\r\nBcc: eve@example.org"), "e-mail address"),
        ("unicode", wanted("\u{430}da", "a@example.org"), "user name"),
    ];
    for (name, body, words) in cases {
        let page = pages.post("/user/sign_up", &body).await.expect(422);
        assert!(page.body.contains("role=\"alert\"") && page.body.contains(words), "{name}: {}", page.body);
        assert!(!page.body.contains(PASSWORD), "{name}");
    }
    let page = pages.post("/user/sign_up", &wanted("<b>\"x", "\"><script>@example.org")).await.expect(422);
    assert!(page.body.contains("value=\"&lt;b&gt;&quot;x\"") && !page.body.contains("<script"), "{}", page.body);
    let long = format!("user_name={}", "x".repeat(20_000));
    pages.post("/user/sign_up", &long).await.expect(413);
    assert!(pages.sink.taken().is_empty() && pages.server.events("user.register").is_empty());
    pages.finish().await;
}

#[tokio::test]
async fn an_address_in_use_is_answered_alike() {
    let pages = Pages::start(|_| {}).await;
    let known = pages.api("GET", "/user/emails", "admin", ADMIN_PASSWORD, "").await.1;
    let known = known[0]["email"].as_str().unwrap().to_owned();
    let one = pages.post("/user/sign_up", &wanted("one", &known)).await.expect(200);
    let other = pages.post("/user/sign_up", &wanted("two", "new@example.org")).await.expect(200);
    assert_eq!(one.body.replace(&known, "X"), other.body.replace("new@example.org", "X"));
    let mails = pages.mails(2).await;
    let told = mails.iter().find(|mail| mail.to.contains(&known)).unwrap();
    assert!(told.text().contains("already: admin.") && !told.text().contains("code="), "{}", told.text());
    pages.finish().await;
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let pages = Pages::start(|_| {}).await;
    let body = wanted("ada", "ada@example.org");
    for headers in [
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
        "origin: https://evil.example\r\n",
        "origin: null\r\n",
    ] {
        for path in ["/user/sign_up", "/user/activate", "/user/activate_email"] {
            pages.post_with(path, headers, &body).await.expect(403);
        }
    }
    let request = |kind: &str| {
        format!(
            "POST /user/sign_up HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    Page::read(&pages.server.raw(&request("text/plain")).await).expect(400);
    assert!(pages.server.events("user.register").is_empty());
    // A browser that does not say what kind of request it is names where the page came from.
    pages.post_with("/user/sign_up", &format!("origin: http://{}\r\n", pages.server.address), &body).await.expect(200);
    pages.finish().await;
}

#[tokio::test]
async fn a_closed_door_is_closed_everywhere() {
    let pages = Pages::start(|config| config.security.registration = Registration::Off).await;
    assert!(!pages.get("/").await.expect(200).body.contains("sign_up"));
    for page in [
        pages.get("/user/sign_up").await,
        pages.post("/user/sign_up", &wanted("ada", "ada@example.org")).await,
        pages.get("/user/activate?code=x").await,
        pages.post("/user/activate", "code=x").await,
    ] {
        assert!(page.body.contains("Registration is closed"), "{}", page.body);
        page.expect(403);
    }
    pages.finish().await;
}

#[tokio::test]
async fn an_added_address_is_confirmed_by_its_link() {
    let pages = Pages::start(|config| config.security.registration = Registration::Off).await;
    let admin = async |method: &str, body: &str| pages.api(method, "/user/emails", "admin", ADMIN_PASSWORD, body).await;
    assert_eq!(admin("POST", "{\"emails\":[\"Lab@example.org\"]}").await.0, 201);
    let mail = pages.mails(1).await.remove(0);
    assert!(mail.to.contains("<Lab@example.org>"), "{mail:?}");
    let (path, code) = link(&mail);
    assert_eq!(path, "/user/activate_email");
    let page = pages.get(&format!("{path}?code={code}")).await.expect(200);
    assert!(page.body.contains("<strong>admin</strong>") && page.body.contains("<strong>Lab@example.org</strong>"));
    let verified = async || admin("GET", "").await.1[1]["verified"].as_bool();
    assert_eq!(verified().await, Some(false));
    for bad in ["", "x", &code[1..], &format!("{code}A"), "%00", "%ff"] {
        pages.get(&format!("{path}?code={bad}")).await.expect(404);
        pages.post(&path, &format!("code={bad}")).await.expect(404);
    }
    // The code of one thing opens no other.
    pages.post("/user/activate", &fields(&[("code", &code)])).await.expect(403);
    assert_eq!(verified().await, Some(false));
    pages.post(&path, &fields(&[("code", &code)])).await.expect(200);
    assert_eq!(verified().await, Some(true));
    pages.post(&path, &fields(&[("code", &code)])).await.expect(404);
    let events = pages.server.events("email.confirm");
    assert_eq!((events.len(), events[0]["actor"]["login"].as_str()), (1, Some("-anonymous-")));
    assert!(!events[0].to_string().contains("example.org"));
    pages.finish().await;
}

#[tokio::test]
async fn a_mail_server_that_was_away_gets_the_mail_later() {
    // A port where nobody listens yet.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let pages = Pages::start(|config| config.mail.smtp_port = port).await;
    pages.post("/user/sign_up", &wanted("ada", "ada@example.org")).await.expect(200);
    let metric = async |line: &str| {
        let begun = std::time::Instant::now();
        while !pages.get("/metrics").await.body.contains(line) {
            assert!(begun.elapsed().as_secs() < 60, "{line}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    metric("atomicqms_mails_total{purpose=\"confirm_registration\",outcome=\"later\"}").await;
    let pages = Pages { sink: Sink::start(port, "none"), ..pages };
    pages.sink.feel(&[Mood::Say(".", "451 not now")]);
    let mail = pages.mails(1).await.remove(0);
    let (path, code) = link(&mail);
    pages.post(&path, &confirmed(&code)).await.expect(200);
    pages.finish().await;
}

#[tokio::test]
async fn an_account_made_by_an_administrator_is_told_of() {
    let pages = Pages::start(|_| {}).await;
    let make = async |name: &str, notify: bool| {
        let body = format!(
            "{{\"username\":\"{name}\",\"email\":\"{name}@example.org\",\"password\":\"{PASSWORD}\",\"send_notify\":{notify}}}"
        );
        assert_eq!(pages.api("POST", "/admin/users", "admin", ADMIN_PASSWORD, &body).await.0, 201);
    };
    make("quiet", false).await;
    make("told", true).await;
    let mail = pages.mails(1).await.remove(0);
    assert!(mail.to.contains("<told@example.org>") && !mail.text().contains(PASSWORD), "{mail:?}");
    pages.finish().await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_mail_server_that_hangs() {
    let pages = Pages::start(|_| {}).await;
    pages.sink.feel(&[Mood::Hang("DATA")]);
    pages.post("/user/sign_up", &wanted("ada", "ada@example.org")).await.expect(200);
    let begun = std::time::Instant::now();
    while !pages.sink.is_calm() {
        assert!(begun.elapsed().as_secs() < 60, "no mail under way");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let begun = std::time::Instant::now();
    pages.finish().await;
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
}
