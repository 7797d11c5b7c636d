//! Mails of the built server: none is lost when it is killed, the way is protected, and no code is in a log or in the database.

use serde_json::json;

use crate::dsl::http::Call;
use crate::dsl::mail_sink::{Mood, Sink, Taken};
use crate::dsl::{Forge, PATIENCE};

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    crate::dsl::until(what, PATIENCE, || if is_so() { Ok(()) } else { Err("not yet".to_owned()) });
}

fn start(sink: &Sink) -> Forge {
    Forge::with()
        .setting("mail", "smtp_host", "localhost")
        .setting("mail", "smtp_port", sink.port)
        .setting("mail", "smtp_ca_file", sink.ca_file().display())
        .setting("mail", "smtp_user", "robot")
        .setting("mail", "smtp_password", "canary-mail-password")
        .setting("mail", "from", "AtomicQMS <qms@example.org>")
        .setting("mail", "retry_seconds", 1)
        .setting("mail", "mails_at_once", 1)
        .setting("mail", "max_per_recipient", 1000)
        .setting("security", "registration", "open")
        .setting("security", "max_registrations_per_address", 1000)
        .start()
}

fn send(forge: &Forge, path: &str, body: &str) -> crate::dsl::Reply {
    Call::new("POST", path)
        .header("Sec-Fetch-Site", "same-origin")
        .body("application/x-www-form-urlencoded", body)
        .send(forge.addr())
        .unwrap()
}

fn sign_up(forge: &Forge, name: &str) {
    let body =
        format!("user_name={name}&email={name}%40example.org&password=canary-sign-up-pw&retype=canary-sign-up-pw");
    send(forge, "/user/sign_up", &body).expect(200);
}

fn to<'a>(taken: &'a [Taken], name: &str) -> Vec<&'a Taken> {
    taken.iter().filter(|mail| mail.to.contains(&format!("<{name}@example.org>"))).collect()
}

#[test]
fn a_mail_survives_a_killed_server_and_comes_again_under_the_same_name_at_worst() {
    let sink = Sink::start(0, "starttls");
    let mut forge = start(&sink);
    forge.shared().guard_secret("canary-mail-password");
    forge.shared().guard_secret("canary-sign-up-pw");
    // The first hangs before it is taken, the others wait behind it; then the server is killed.
    sink.feel(&[Mood::Hang("RCPT")]);
    for name in ["one", "two", "three"] {
        sign_up(&forge, name);
    }
    until("a mail under way", || sink.is_calm());
    forge.kill();
    assert!(sink.taken().is_empty());
    forge.restart();
    until("all mails", || sink.taken().len() >= 3);
    for name in ["one", "two", "three"] {
        assert_eq!(to(&sink.taken(), name).len(), 1, "{name}");
    }
    // Taken, and killed before the answer: it comes once more, and can be known by its name.
    sink.feel(&[Mood::Hang(".")]);
    sign_up(&forge, "four");
    until("the first copy", || !to(&sink.taken(), "four").is_empty());
    forge.kill();
    forge.restart();
    until("the second copy", || to(&sink.taken(), "four").len() == 2);
    let taken = sink.taken();
    let copies = to(&taken, "four");
    assert_eq!(copies[0].header("message-id"), copies[1].header("message-id"));
    assert_eq!(copies[0].link(), copies[1].link());
    for mail in &taken {
        assert!(mail.is_protected && mail.signed_in == "robot:canary-mail-password", "{mail:?}");
        assert!(mail.from.contains("<qms@example.org>"), "{mail:?}");
        assert!(mail.text().contains("Hello"), "{mail:?}");
        // What stands in a mail alone opens anything: not in the log (looked at in the end), nor in the database.
        let code = mail.link().split_once("code=").unwrap().1.to_owned();
        forge.shared().guard_secret(&code);
        for file in ["atomicqms.db", "atomicqms.db-wal"] {
            let bytes = std::fs::read(forge.data_dir().join(file)).unwrap_or_default();
            assert!(!bytes.windows(code.len()).any(|window| window == code.as_bytes()), "{file} holds a code");
        }
    }
    for name in ["one", "two", "three", "four"] {
        let code = to(&taken, name)[0].link().split_once("code=").unwrap().1.to_owned();
        send(&forge, "/user/activate", &format!("code={code}&password=canary-sign-up-pw")).expect(200);
        send(&forge, "/user/activate", &format!("code={code}")).expect(404);
    }
    let log = forge.log();
    assert!(!log.contains("@example.org"), "an address is in the log");
    forge.finish();
}

#[test]
fn an_invitation_survives_a_killed_server_and_its_code_stands_nowhere() {
    let sink = Sink::start(0, "starttls");
    let mut forge = start(&sink);
    forge.shared().guard_secret("canary-mail-password");
    forge.shared().guard_secret("canary-sign-up-pw");
    let ada = forge.user("ada");
    ada.post("/api/v1/orgs", &json!({ "username": "acme" })).expect(201);
    let teams = ada.get("/api/v1/orgs/acme/teams").expect(200).json();
    let path = format!("/api/v1/teams/{}/invitations", teams[0]["id"]);
    sink.feel(&[Mood::Hang("RCPT")]);
    ada.post(&path, &json!({ "email": "eve@example.org" })).expect(201);
    until("a mail under way", || sink.is_calm());
    forge.kill();
    forge.restart();
    until("the mail", || !to(&sink.taken(), "eve").is_empty());
    let taken = sink.taken();
    let link = to(&taken, "eve")[0].link();
    assert!(link.contains("/org/invite?code="), "{link}");
    let code = link.split_once("code=").unwrap().1.to_owned();
    forge.shared().guard_secret(&code);
    let page = Call::new("GET", &format!("/org/invite?code={code}")).send(forge.addr()).unwrap().expect(200);
    assert!(page.text().contains("eve@example.org"), "{}", page.text());
    let form = format!("code={code}&user_name=eve&password=canary-sign-up-pw&retype=canary-sign-up-pw");
    // Both at once, as after a click too many.
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            (0..2).map(|_| scope.spawn(|| send(&forge, "/org/invite_register", &form).status)).collect();
        asked.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    let members = ada.get(&format!("/api/v1/teams/{}/members", teams[0]["id"])).expect(200).json();
    assert_eq!(members.as_array().unwrap().len(), 2, "{members}");
    for file in ["atomicqms.db", "atomicqms.db-wal"] {
        let bytes = std::fs::read(forge.data_dir().join(file)).unwrap_or_default();
        assert!(!bytes.windows(code.len()).any(|window| window == code.as_bytes()), "{file} holds a code");
    }
    assert!(!forge.log().contains("@example.org"), "an address is in the log");
    forge.finish();
}

#[test]
fn doctor_says_how_it_stands_with_mails() {
    let sink = Sink::start(0, "tls");
    let mut forge = Forge::with()
        .setting("mail", "smtp_host", "localhost")
        .setting("mail", "smtp_port", sink.port)
        .setting("mail", "smtp_security", "tls")
        .setting("mail", "smtp_ca_file", sink.ca_file().display())
        .setting("mail", "from", "qms@example.org")
        .setting("mail", "retry_seconds", 3600)
        .start();
    let doctor = |forge: &Forge, more: &[&str]| {
        let mut command = forge.command(&[&["doctor", "mail"], more].concat());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said)
    };
    let (code, said) = doctor(&forge, &[]);
    assert!(code == Some(0) && said.contains("0 mails wait") && said.contains("the mail server answers"), "{said}");
    let (code, said) = doctor(&forge, &["--to", "ada@example.org"]);
    assert!(code == Some(0) && said.contains("took a mail"), "{said}");
    assert!(to(&sink.taken(), "ada").len() == 1 && sink.taken()[0].is_protected);
    sink.feel(&[Mood::Say("RCPT", "450 <lab@example.org> later")]);
    let body = serde_json::json!({ "emails": ["lab@example.org"] });
    forge.admin().post("/api/v1/user/emails", &body).expect(201);
    until("the refusal is known", || {
        let (code, said) = doctor(&forge, &[]);
        assert!(!said.contains("lab@example.org"), "{said}");
        code == Some(1) && said.contains("1 mails wait") && said.contains("450")
    });
    forge.stop();
    forge.start_options().replace("mail", "smtp_port", 1);
    forge.restart();
    let (code, said) = doctor(&forge, &[]);
    assert!(code == Some(1) && said.contains("cannot be reached"), "{said}");
    forge.finish();
}
