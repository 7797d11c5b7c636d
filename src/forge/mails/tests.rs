//! Mails that wait: bounded, sent with a link that is made then, dropped when nobody wants them any more.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use atomicqms_actors::{Hopeless, JobEnd, JobOutcome, JobStore, RunJob};

use super::send::{Sender, SenderParts};
use super::*;
use crate::access::action::{CreateUser, EditEmails};
use crate::config::SmtpSecurity;
use crate::forge::testing::{PASSWORD, TestForge};
use crate::forge::{email_addresses, registrations, users};
use crate::mail::testing::{Mood, Sink};
use crate::mail::{self, Smtp};
use crate::model::{NewUser, UserName, WaitingMail};

async fn start(tune: impl FnOnce(&mut crate::forge::Settings)) -> TestForge {
    TestForge::with(|settings| {
        settings.mails.is_on = true;
        tune(settings);
    })
    .await
}

pub(in crate::forge) async fn waiting(test: &TestForge) -> Vec<WaitingMail> {
    let read = |conn: &dyn Connection| {
        let ids = conn.all("SELECT id FROM outgoing_mail ORDER BY id", &[], |row| row.int(0))?;
        Ok(ids.into_iter().map(|id| db::outgoing_mails::find(conn, id).unwrap().unwrap()).collect())
    };
    test.forge.read("mails", read).await.unwrap()
}

async fn add(test: &TestForge, login: &str, emails: &[&str]) -> Result<()> {
    let caller = test.sign_in(login).await;
    let name = caller.user().unwrap().name.clone();
    let permit = test.forge.authorize(&caller, EditEmails, &name).await?;
    let emails = emails.iter().map(|email| Email::new(email).unwrap()).collect();
    email_addresses::add_emails(&test.forge, permit, emails).await.map(drop)
}

fn sender(test: &TestForge, sink: &Sink) -> Sender {
    let settings = mail::Settings {
        host: "127.0.0.1".to_owned(),
        port: sink.port,
        security: SmtpSecurity::None,
        ca_file: None,
        credentials: None,
        from: "qms@example.org".to_owned(),
        timeout: Duration::from_secs(20),
        hello: "127.0.0.1".to_owned(),
    };
    Sender::new(SenderParts {
        smtp: Smtp::new(settings),
        readers: test.forge.readers.clone(),
        codes: test.forge.mails.codes().clone(),
        root_url: "https://qms.example.org/git/".to_owned(),
        host: "127.0.0.1".to_owned(),
        clock: test.clock.clone(),
    })
}

/// Does what the runner does once; none: nothing was due.
async fn run_one(test: &TestForge, sender: &Sender) -> Option<std::result::Result<JobOutcome, String>> {
    let rows = Arc::new(db::outgoing_mails::Rows::new(test.clock.clone()));
    let claims = Arc::clone(&rows);
    let job = test.forge.write("claim", move |tx| Ok(claims.claim(tx)?)).await.unwrap()?;
    let outcome = sender.run(job.clone(), Arc::new(AtomicBool::new(false))).await;
    let (end, outcome) = match outcome {
        Ok(done) => (JobEnd::Done, Ok(done)),
        Err(error) if error.is::<Hopeless>() => (JobEnd::Failed { error: error.to_string() }, Err(error.to_string())),
        Err(error) => {
            let retry = JobEnd::Retry { after: Duration::from_secs(30), error: error.to_string() };
            (retry, Err(error.to_string()))
        }
    };
    test.forge.write("finish", move |tx| Ok(rows.finish(tx, &job, &end)?)).await.unwrap();
    Some(outcome)
}

#[tokio::test]
async fn without_mail_nothing_waits() {
    let test = TestForge::start().await;
    test.user("ada").await;
    add(&test, "ada", &["lab@example.org"]).await.unwrap();
    assert!(waiting(&test).await.is_empty());
    test.finish().await;
}

#[tokio::test]
async fn a_mail_is_written_with_what_causes_it_or_not_at_all() {
    let test = start(|settings| settings.mails.max_waiting = 2).await;
    test.user("ada").await;
    add(&test, "ada", &["lab@example.org"]).await.unwrap();
    // One address too many, and one that is no news: neither leaves a mail.
    assert_eq!(
        add(&test, "ada", &["two@example.org", "three@example.org"]).await.unwrap_err().kind(),
        Kind::Overloaded
    );
    assert_eq!(add(&test, "ada", &["new@example.org", "lab@example.org"]).await.unwrap_err().kind(), Kind::Invalid);
    let mails = waiting(&test).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].mail.recipient.as_str(), "lab@example.org");
    assert!(mails[0].mail.text.contains("ada") && !mails[0].mail.text.contains("code="), "{}", mails[0].mail.text);
    assert_eq!(test.actions().await.iter().filter(|action| *action == "email.add").count(), 1);
    test.finish().await;
}

#[tokio::test]
async fn what_is_left_of_a_mail_that_was_given_up_goes_after_a_month() {
    let test = start(|_| {}).await;
    test.user("ada").await;
    add(&test, "ada", &["lab@example.org"]).await.unwrap();
    let rows = db::outgoing_mails::Rows::new(test.clock.clone());
    test.forge
        .write("give up", move |tx| {
            let job = rows.claim(tx)?.unwrap();
            Ok(rows.finish(tx, &job, &JobEnd::Failed { error: "no".into() })?)
        })
        .await
        .unwrap();
    let job = atomicqms_actors::Job {
        id: 1,
        kind: registrations::FORGET.to_owned(),
        key: registrations::ALL.to_owned(),
        payload: "{}".to_owned(),
        attempts: 1,
    };
    let run = async || registrations::run_job(&test.forge.writer, &*test.clock, &job).await.unwrap();
    let month = Duration::from_secs(30 * 86_400);
    assert_eq!(run().await, JobOutcome::Later(month + Duration::from_millis(1)));
    assert_eq!(waiting(&test).await.len(), 1);
    test.clock.advance_ms(i64::try_from(month.as_millis()).unwrap());
    assert_eq!(run().await, JobOutcome::Done);
    assert_eq!(waiting(&test).await.len(), 0);
    test.finish().await;
}

#[tokio::test]
async fn mails_that_people_cause_are_counted_by_account_and_by_address() {
    let test = start(|settings| {
        settings.mails.max_per_account = 3;
        settings.mails.max_per_recipient = 2;
    })
    .await;
    for name in ["ada", "bob", "eve"] {
        test.user(name).await;
    }
    let lab = "lab@example.org";
    add(&test, "ada", &[lab]).await.unwrap();
    add(&test, "bob", &[lab]).await.unwrap();
    let refused = add(&test, "eve", &["LAB+3@example.org"]).await.unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after_seconds()), (Kind::RateLimited, Some(3600)));
    add(&test, "ada", &["a@example.org", "b@example.org"]).await.unwrap();
    assert_eq!(add(&test, "ada", &["c@example.org"]).await.unwrap_err().kind(), Kind::RateLimited);
    // What is refused for another reason is no mail, and not counted.
    for _ in 0..5 {
        assert_eq!(add(&test, "eve", &["eve@example.org"]).await.unwrap_err().kind(), Kind::Invalid);
    }
    add(&test, "eve", &["c@example.org"]).await.unwrap();
    assert_eq!(waiting(&test).await.len(), 5);
    test.finish().await;
}

#[tokio::test]
async fn the_link_is_made_when_the_mail_is_sent_and_a_refusal_is_tried_again_or_not() {
    let test = start(|_| {}).await;
    let sink = Sink::start(0, "none");
    let sender = sender(&test, &sink);
    test.user("ada").await;
    assert_eq!(run_one(&test, &sender).await, None);
    add(&test, "ada", &["lab@example.org"]).await.unwrap();
    sink.feel(&[Mood::Say("RCPT", "450 <lab@example.org> greylisted")]);
    let first = run_one(&test, &sender).await.unwrap().unwrap_err();
    assert_eq!(first, "transient error (450): (address) greylisted");
    assert_eq!(run_one(&test, &sender).await, None, "not due yet");
    test.clock.advance_ms(30_000);
    assert_eq!(run_one(&test, &sender).await, Some(Ok(JobOutcome::Done)));
    let taken = sink.taken();
    let code = taken[0].link();
    let code = code.strip_prefix("/git/user/activate_email?code=").unwrap();
    assert!(taken[0].text().contains("https://qms.example.org/git/user/"));
    assert!(codes::Shown::parse(code).is_some(), "{code}");
    assert_eq!(taken[0].header("message-id"), format!("<mail-1-{}@[127.0.0.1]>", db::testing::NOON.get()));
    assert!(waiting(&test).await.is_empty());

    add(&test, "ada", &["gone@example.org"]).await.unwrap();
    sink.feel(&[Mood::Say("RCPT", "550 no such user")]);
    assert!(run_one(&test, &sender).await.unwrap().is_err());
    test.clock.advance_ms(86_400_000);
    assert_eq!(run_one(&test, &sender).await, None, "given up at once");
    assert_eq!(waiting(&test).await[0].mail.text, "");
    test.finish().await;
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_not_sent() {
    let test = start(|_| {}).await;
    let sink = Sink::start(0, "none");
    let sender = sender(&test, &sink);
    test.user("ada").await;
    // Taken away before it was sent.
    add(&test, "ada", &["lab@example.org"]).await.unwrap();
    let caller = test.sign_in("ada").await;
    let permit = test.forge.authorize(&caller, EditEmails, &UserName::new("ada").unwrap()).await.unwrap();
    let emails = vec![Email::new("lab@example.org").unwrap()];
    email_addresses::delete_emails(&test.forge, permit, emails).await.unwrap();
    assert_eq!(run_one(&test, &sender).await, Some(Ok(JobOutcome::Done)));
    // Sent too late for its link.
    add(&test, "ada", &["late@example.org"]).await.unwrap();
    test.clock.advance_ms(86_400_000);
    assert_eq!(run_one(&test, &sender).await, Some(Ok(JobOutcome::Done)));
    assert!(sink.taken().is_empty() && waiting(&test).await.is_empty());
    test.finish().await;
}

#[tokio::test]
async fn who_gets_an_account_is_told_when_that_is_wanted() {
    let test = start(|_| {}).await;
    let make = async |name: &str, is_told_by_mail: bool| {
        let new = NewUser {
            is_told_by_mail,
            ..NewUser::new(UserName::new(name).unwrap(), Email::new(&format!("{name}@example.org")).unwrap(), PASSWORD)
        };
        let permit = test.forge.authorize(&test.console(), CreateUser, &()).await.unwrap();
        users::create_user(&test.forge, permit, new).await.unwrap();
    };
    make("quiet", false).await;
    make("told", true).await;
    let mails = waiting(&test).await;
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!(mail.mail.recipient.as_str(), "told@example.org");
    assert!(mail.mail.text.contains("told") && !mail.mail.text.contains(PASSWORD));
    test.finish().await;
}
