//! Mails handed over to a mail server of the tests: protected or not, taken, refused, or left hanging.

use std::time::Duration;

use super::testing::{Mood, Sink, Taken};
use super::{Fault, Letter, Settings, Smtp, is_mailbox};
use crate::config::{Secret, SmtpSecurity};
use crate::db::testing::NOON;
use crate::model::Email;

fn settings(sink: &Sink, security: SmtpSecurity) -> Settings {
    Settings {
        host: "localhost".to_owned(),
        port: sink.port,
        security,
        ca_file: Some(sink.ca_file()),
        credentials: None,
        from: "Qualit\u{e4}t <qms@example.org>".to_owned(),
        timeout: Duration::from_secs(20),
        hello: "qms.example.org".to_owned(),
    }
}

/// The text of a mail as it was written: the end of the data adds a line end, and lines end otherwise on the way.
fn text_of(mail: &Taken) -> String {
    mail.text().replace("\r\n", "\n").trim_end().to_owned()
}

fn letter() -> Letter {
    Letter {
        to: Email::new("ada@example.org").unwrap(),
        subject: "Gr\u{fc}\u{df}e".to_owned(),
        text: "Hello,\n\n.a line with a dot\n\u{4f60}\u{597d}\n".to_owned(),
        message_id: "mail-1-2@qms.example.org".to_owned(),
        date: NOON,
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written_on_every_kind_of_way() {
    for (name, security) in
        [("none", SmtpSecurity::None), ("starttls", SmtpSecurity::Starttls), ("tls", SmtpSecurity::Tls)]
    {
        let sink = Sink::start(0, name);
        let mut settings = settings(&sink, security);
        settings.credentials = Some(("robot@example.org".to_owned(), Secret::new("pass w\u{f6}rd".to_owned())));
        let smtp = Smtp::new(settings);
        smtp.check().await.unwrap();
        smtp.send(&letter()).await.unwrap();
        let taken = sink.taken();
        let [mail] = taken.as_slice() else { panic!("{name}: {taken:?}") };
        assert_eq!(mail.is_protected, name != "none", "{name}");
        assert_eq!(mail.signed_in, "robot@example.org:pass w\u{f6}rd", "{name}");
        assert!(mail.from.contains("<qms@example.org>") && mail.to.contains("<ada@example.org>"), "{mail:?}");
        assert_eq!(text_of(mail), letter().text.trim_end(), "{name}");
        assert_eq!(mail.header("message-id"), "<mail-1-2@qms.example.org>");
        assert_eq!(mail.header("date"), "Thu, 01 Jan 2026 12:00:00 +0000");
        assert_eq!(mail.header("auto-submitted"), "auto-generated");
        assert_eq!(mail.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(mail.header("to"), "ada@example.org");
        assert!(mail.header("from").ends_with("<qms@example.org>"), "{}", mail.header("from"));
        assert!(mail.header("subject").starts_with("=?utf-8?"), "{}", mail.header("subject"));
        assert!(mail.data.is_ascii(), "nothing asks for more than seven bits");
    }
}

#[tokio::test]
async fn a_way_that_cannot_be_protected_carries_nothing() {
    // The certificate is not of an authority that is known.
    for (name, security) in [("starttls", SmtpSecurity::Starttls), ("tls", SmtpSecurity::Tls)] {
        let sink = Sink::start(0, name);
        let smtp = Smtp::new(Settings { ca_file: None, ..settings(&sink, security) });
        let fault = smtp.send(&letter()).await.unwrap_err();
        assert!(matches!(fault, Fault::Later(_)), "{fault:?}");
        assert!(sink.taken().is_empty());
        // Nor of this name.
        let smtp = Smtp::new(Settings { host: "127.0.0.1".to_owned(), ..settings(&sink, security) });
        smtp.send(&letter()).await.unwrap_err();
        assert!(sink.taken().is_empty());
    }
    // A server that knows no TLS, or somebody on the way who says so.
    let sink = Sink::start(0, "none");
    let mut settings = settings(&sink, SmtpSecurity::Starttls);
    settings.credentials = Some(("u".to_owned(), Secret::new("p".to_owned())));
    let fault = Smtp::new(settings).send(&letter()).await.unwrap_err();
    assert!(matches!(fault, Fault::Later(_)), "{fault:?}");
    assert!(sink.taken().is_empty());
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let sink = Sink::start(0, "none");
    let smtp = Smtp::new(settings(&sink, SmtpSecurity::None));
    let cases = [
        (
            Mood::Say("RCPT", "450 4.2.1 <ada@example.org> busy"),
            Fault::Later("transient error (450): 4.2.1 (address) busy".into()),
        ),
        (
            Mood::Say("RCPT", "550 5.1.1 <ada@example.org> unknown"),
            Fault::Never("permanent error (550): 5.1.1 (address) unknown".into()),
        ),
        (Mood::Say(".", "552 too large"), Fault::Never("permanent error (552): too large".into())),
        (Mood::Say("DATA", "451 try later"), Fault::Later("transient error (451): try later".into())),
        (Mood::Say("CONNECT", "421 full"), Fault::Later("transient error (421): full".into())),
        (Mood::Say("MAIL", "530 sign in first"), Fault::Later("permanent error (530): sign in first".into())),
        // Of us, and not of the mail, though the number is the same.
        (Mood::Say("CONNECT", "554 go away"), Fault::Later("permanent error (554): go away".into())),
        (Mood::Say("EHLO", "550 bad name"), Fault::Later("permanent error (550): bad name".into())),
        (
            Mood::Say("MAIL", "553 5.7.1 <qms@example.org> is not yours"),
            Fault::Later("permanent error (553): 5.7.1 (address) is not yours".into()),
        ),
        (
            Mood::Say("RCPT", "554 5.7.1 Relay access denied"),
            Fault::Later("permanent error (554): 5.7.1 Relay access denied".into()),
        ),
        (
            Mood::Say(".", "550 5.7.26 not authenticated"),
            Fault::Later("permanent error (550): 5.7.26 not authenticated".into()),
        ),
    ];
    for (mood, expected) in cases {
        sink.feel(&[mood]);
        assert_eq!(smtp.send(&letter()).await, Err(expected), "{mood:?}");
    }
    sink.feel(&[Mood::Say("EHLO", "garbage without a number")]);
    assert!(matches!(smtp.send(&letter()).await, Err(Fault::Later(_))));
    assert!(sink.taken().is_empty());
    smtp.send(&letter()).await.unwrap();
    assert_eq!(sink.taken().len(), 1);
}

#[tokio::test]
async fn a_server_that_hangs_or_is_not_there_costs_a_bounded_time() {
    let sink = Sink::start(0, "none");
    let short = Settings { timeout: Duration::from_millis(300), ..settings(&sink, SmtpSecurity::None) };
    let smtp = Smtp::new(short.clone());
    for verb in ["CONNECT", "EHLO", "RCPT", "DATA"] {
        sink.feel(&[Mood::Hang(verb)]);
        let begun = std::time::Instant::now();
        let fault = smtp.send(&letter()).await.unwrap_err();
        assert!(matches!(&fault, Fault::Later(words) if words.contains("longer")), "{verb}: {fault:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{verb}");
    }
    assert!(sink.taken().is_empty());
    // What was taken, or refused, before the server hung is taken, or refused.
    let patient = Smtp::new(settings(&sink, SmtpSecurity::None));
    sink.feel(&[Mood::Hang("QUIT")]);
    patient.send(&letter()).await.unwrap();
    assert_eq!(sink.taken().len(), 1);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = Smtp::new(Settings { port: free, ..short });
    assert!(matches!(nobody.send(&letter()).await, Err(Fault::Later(_))));
    assert!(matches!(nobody.check().await, Err(Fault::Later(_))));
}

#[tokio::test]
async fn no_value_gets_out_of_its_header() {
    let sink = Sink::start(0, "none");
    let smtp = Smtp::new(settings(&sink, SmtpSecurity::None));
    for subject in [
        "one\r\nBcc: eve@example.org\r\n\r\nbody",
        "one\nX-Evil: 1",
        "one\rX-Evil: 1",
        "\u{2028}\u{85}X-Evil: 1\0",
        &"long ".repeat(2000),
        &"\u{1f511}".repeat(3000),
    ] {
        smtp.send(&Letter { subject: subject.to_owned(), ..letter() }).await.unwrap();
        let mail = sink.taken().pop().unwrap();
        assert_eq!((mail.header("bcc"), mail.header("x-evil")), (String::new(), String::new()), "{subject:?}");
        assert_eq!(text_of(&mail), letter().text.trim_end(), "{subject:?}");
        assert!(mail.data.lines().all(|line| line.len() <= 998), "{subject:?}");
        assert_eq!(mail.to, "RCPT TO:<ada@example.org>");
    }
    // Lines of the text that look like commands stay text.
    let text = ".\nQUIT\n..\n\r\n.\r\nMAIL FROM:<eve@example.org>\r\n".to_owned();
    smtp.send(&Letter { text: text.clone(), ..letter() }).await.unwrap();
    let mail = sink.taken().pop().unwrap();
    assert_eq!(text_of(&mail), text.replace("\r\n", "\n").trim_end());
    assert_eq!(sink.taken().len(), 7);
}

#[test]
fn an_address_to_send_from_may_have_a_name() {
    for good in
        ["qms@example.org", "AtomicQMS <qms@example.org>", "\"Q, M\" <q@localhost>", "Qualit\u{e4}t <q@example.org>"]
    {
        assert!(is_mailbox(good), "{good}");
    }
    for bad in ["", "qms", "a@b@c", "<>", "a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org"] {
        assert!(!is_mailbox(bad), "{bad:?}");
    }
}
