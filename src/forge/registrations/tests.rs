//! Strangers who ask for accounts: what they may learn, what codes are worth, and what is left of those who never confirm.

use std::net::IpAddr;

use super::*;
use crate::access::Origin;
use crate::access::action::CreateUser;
use crate::forge::mails::tests::waiting;
use crate::forge::testing::{PASSWORD, TestForge, basic};
use crate::forge::{Settings as ForgeSettings, users};
use crate::model::{Purpose, UserName};

async fn start(tune: impl FnOnce(&mut ForgeSettings)) -> TestForge {
    TestForge::with(|settings| {
        settings.mails.is_on = true;
        settings.mails.max_per_recipient = 100;
        settings.registration.is_open = true;
        settings.registration.max_per_network = 100;
        tune(settings);
    })
    .await
}

fn stranger(last: u8) -> Caller {
    Caller::anonymous(Origin { source_ip: Some(IpAddr::from([192, 0, 2, last])), ..Origin::default() })
}

fn wanted(name: &str, email: &str) -> NewRegistration {
    NewRegistration {
        name: UserName::new(name).unwrap(),
        email: Email::new(email).unwrap(),
        password: PASSWORD.to_owned(),
    }
}

async fn ask_from(test: &TestForge, last: u8, name: &str, email: &str) -> Result<()> {
    let permit = test.forge.authorize(&stranger(last), Register, &()).await?;
    register(&test.forge, permit, wanted(name, email)).await
}

async fn ask(test: &TestForge, name: &str, email: &str) -> Result<()> {
    ask_from(test, 1, name, email).await
}

/// The code that the mail about a registration would carry.
async fn code(test: &TestForge, id: i64) -> String {
    let codes = test.forge.mails.codes().clone();
    let read = move |conn: &dyn Connection| {
        Ok(codes.for_registration(&db::registrations::find(conn, id)?.ok_or_else(Error::not_found)?))
    };
    test.forge.read("code", read).await.unwrap()
}

async fn open(test: &TestForge, code: &str) -> Result<User> {
    open_with(test, code, PASSWORD).await
}

async fn open_with(test: &TestForge, code: &str, password: &str) -> Result<User> {
    let permit = test.forge.authorize(&stranger(2), ActivateAccount, &()).await?;
    activate(&test.forge, permit, code, password).await
}

async fn pending(test: &TestForge) -> u64 {
    test.forge.read("count", |conn| Ok(db::registrations::count(conn)?)).await.unwrap()
}

async fn count(test: &TestForge, action: &str) -> usize {
    test.actions().await.iter().filter(|found| *found == action).count()
}

#[tokio::test]
async fn an_account_is_there_when_its_address_was_shown_and_not_before() {
    let test = start(|_| {}).await;
    ask(&test, "Ada", "Ada@example.org").await.unwrap();
    assert!(test.show(&basic("ada", PASSWORD)).await.is_err(), "no account yet");
    let mails = waiting(&test).await;
    assert_eq!((mails.len(), mails[0].mail.purpose), (1, Purpose::ConfirmRegistration));
    assert_eq!(mails[0].mail.recipient.as_str(), "Ada@example.org");
    let code = code(&test, 1).await;
    // Looking changes nothing, however often.
    for _ in 0..2 {
        let permit = test.forge.authorize(&stranger(9), ActivateAccount, &()).await.unwrap();
        assert_eq!(find_registration(&test.forge, &permit, &code).await.unwrap().name.as_str(), "Ada");
    }
    assert!(test.show(&basic("ada", PASSWORD)).await.is_err());
    let user = open(&test, &code).await.unwrap();
    assert_eq!((user.name.as_str(), user.is_active, user.is_admin), ("Ada", true, false));
    test.sign_in("ada").await;
    let addresses =
        test.forge.read("addresses", move |conn| Ok(db::email_addresses::list(conn, user.id)?)).await.unwrap();
    assert!(addresses.len() == 1 && addresses[0].is_verified && addresses[0].is_primary);
    assert_eq!(open(&test, &code).await.unwrap_err().kind(), Kind::NotFound, "a code works once");
    assert_eq!((pending(&test).await, count(&test, "user.activate").await), (0, 1));
    let ledger = test
        .forge
        .read("ledger", |conn| {
            let rows = conn.all("SELECT event FROM audit_event", &[], |row| row.blob(0))?;
            Ok(rows.into_iter().map(|event| String::from_utf8_lossy(&event).into_owned()).collect::<String>())
        })
        .await
        .unwrap();
    assert!(!ledger.contains("example.org") && !ledger.contains(&code), "{ledger}");
    test.finish().await;
}

#[tokio::test]
async fn only_the_right_code_in_time_makes_an_account() {
    let test = start(|_| {}).await;
    ask(&test, "ada", "ada@example.org").await.unwrap();
    ask(&test, "bob", "bob@example.org").await.unwrap();
    let (ada, bob) = (code(&test, 1).await, code(&test, 2).await);
    let mixed = format!("{}{}", &ada[..21], &bob[21..]);
    for bad in ["", "x", &mixed, &ada.to_ascii_lowercase(), &format!("{ada}A"), &format!(" {ada}")] {
        assert_eq!(open(&test, bad).await.unwrap_err().kind(), Kind::NotFound, "{bad:?}");
    }
    test.clock.advance_ms(86_400_000);
    assert_eq!(open(&test, &ada).await.unwrap_err().kind(), Kind::NotFound, "over");
    assert_eq!(count(&test, "user.activate").await, 0);
    test.finish().await;
}

#[tokio::test]
async fn only_who_knows_the_password_makes_the_account_and_guesses_are_few() {
    let test = start(|settings| settings.security.max_failed_sign_ins = 3).await;
    // Mallory gave the address of Alice, who opens the link.
    ask(&test, "alice-smith", "alice@example.org").await.unwrap();
    let code = code(&test, 1).await;
    for wrong in ["", "what alice would choose", &format!("{PASSWORD} ")] {
        let refused = open_with(&test, &code, wrong).await.unwrap_err();
        assert_eq!((refused.kind(), refused.field()), (Kind::Invalid, Some("password")), "{wrong:?}");
    }
    let refused = open_with(&test, &code, "one more").await.unwrap_err();
    assert_eq!((refused.kind(), refused.retry_after_seconds()), (Kind::RateLimited, Some(1)));
    assert_eq!(open(&test, &code).await.unwrap_err().kind(), Kind::RateLimited, "not even the right one");
    assert_eq!((pending(&test).await, count(&test, "user.activate").await), (1, 0));
    test.clock.advance_ms(1000);
    open(&test, &code).await.unwrap();
    test.finish().await;
}

#[tokio::test]
async fn an_address_that_has_an_account_gets_a_mail_and_the_stranger_learns_nothing() {
    let test = start(|_| {}).await;
    test.user("ada").await;
    ask(&test, "lovelace", "ADA@example.org").await.unwrap();
    let mails = waiting(&test).await;
    assert_eq!((mails.len(), mails[0].mail.purpose), (1, Purpose::AddressInUse));
    assert_eq!(mails[0].mail.recipient.as_str(), "ada@example.org");
    assert!(mails[0].mail.text.contains("already: ada.") && !mails[0].mail.text.contains("lovelace"));
    assert_eq!((pending(&test).await, count(&test, "user.register").await), (0, 1));
    // A login name that is taken is told: it cannot be hidden.
    let taken = ask(&test, "ADA", "other@example.org").await.unwrap_err();
    assert_eq!((taken.kind(), taken.field()), (Kind::Invalid, Some("user_name")));
    test.finish().await;
}

#[tokio::test]
async fn more_mails_than_one_address_may_get_look_like_success() {
    let test = start(|settings| settings.mails.max_per_recipient = 2).await;
    test.user("taken").await;
    for _ in 0..3 {
        assert_eq!(ask(&test, "taken", "victim@example.org").await.unwrap_err().field(), Some("user_name"));
    }
    for name in ["a1", "a2", "a3", "a4"] {
        ask(&test, name, "victim@example.org").await.unwrap();
    }
    assert_eq!((waiting(&test).await.len(), pending(&test).await), (2, 2));
    assert_eq!(count(&test, "user.register").await, 2, "no change, no event");
    test.finish().await;
}

#[tokio::test]
async fn who_confirms_first_has_the_name() {
    let test = start(|_| {}).await;
    ask(&test, "ada", "squatter@example.org").await.unwrap();
    ask(&test, "ADA", "ada@example.org").await.unwrap();
    ask(&test, "other", "ada@example.org").await.unwrap();
    let (first, third) = (code(&test, 1).await, code(&test, 3).await);
    let user = open(&test, &code(&test, 2).await).await.unwrap();
    assert_eq!(user.email.as_str(), "ada@example.org");
    for late in [first, third] {
        assert_eq!(open(&test, &late).await.unwrap_err().kind(), Kind::NotFound);
    }
    // An administrator who makes an account with the name or the address comes before those who only asked.
    ask(&test, "bob", "bob@example.org").await.unwrap();
    ask(&test, "robert", "carl@example.org").await.unwrap();
    for (name, email) in [("bob", "b@example.org"), ("carl", "carl@example.org")] {
        let permit = test.forge.authorize(&test.console(), CreateUser, &()).await.unwrap();
        let new = NewUser::new(UserName::new(name).unwrap(), Email::new(email).unwrap(), PASSWORD);
        users::create_user(&test.forge, permit, new).await.unwrap();
    }
    for id in [4, 5] {
        let code = code(&test, id).await;
        assert_eq!(open(&test, &code).await.unwrap_err().kind(), Kind::Conflict);
    }
    test.finish().await;
}

#[tokio::test]
async fn what_is_never_confirmed_is_forgotten_and_its_name_is_free() {
    let test = start(|_| {}).await;
    ask(&test, "ada", "a@example.org").await.unwrap();
    test.clock.advance_ms(3_600_000);
    ask(&test, "bob", "b@example.org").await.unwrap();
    let job = Job { id: 1, kind: FORGET.to_owned(), key: ALL.to_owned(), payload: "{}".to_owned(), attempts: 1 };
    let run = async || run_job(&test.forge.writer, &*test.clock, &job).await.unwrap();
    test.clock.advance_ms(86_400_000 - 3_600_000 - 1);
    assert_eq!(run().await, JobOutcome::Later(std::time::Duration::from_millis(2)));
    assert_eq!(pending(&test).await, 2);
    test.clock.advance_ms(1);
    assert_eq!(run().await, JobOutcome::Later(std::time::Duration::from_millis(3_600_001)));
    assert_eq!(pending(&test).await, 1);
    test.clock.advance_ms(3_600_000);
    // Without the job the next stranger has the same done.
    ask(&test, "ada", "c@example.org").await.unwrap();
    assert_eq!((pending(&test).await, count(&test, "registration.expire").await), (1, 2));
    open(&test, &code(&test, 3).await).await.unwrap();
    test.clock.advance_ms(86_400_000);
    assert_eq!(run().await, JobOutcome::Done);
    assert_eq!(count(&test, "registration.expire").await, 2, "nothing to forget, nothing to tell");
    let scheduled =
        test.forge.read("jobs", |conn| Ok(conn.all("SELECT kind FROM job", &[], |row| row.text(0))?)).await.unwrap();
    assert_eq!(scheduled, [FORGET]);
    test.finish().await;
}

#[tokio::test]
async fn nobody_shuts_the_door_for_others_by_asking_for_many() {
    let test = start(|settings| settings.registration.max_pending = 4).await;
    let from = async |ip: [u8; 4], name: &str| {
        let caller = Caller::anonymous(Origin { source_ip: Some(IpAddr::from(ip)), ..Origin::default() });
        let permit = test.forge.authorize(&caller, Register, &()).await?;
        register(&test.forge, permit, wanted(name, &format!("{name}@example.org"))).await
    };
    let left = async || {
        let read = |conn: &dyn Connection| {
            Ok(conn.all("SELECT login, neighbourhood FROM registration ORDER BY id", &[], |row| {
                assert!(!row.text(1)?.contains('.') && row.text(1)?.len() == 22, "no address");
                row.text(0)
            })?)
        };
        test.forge.read("left", read).await.unwrap()
    };
    from([198, 51, 100, 7], "ada").await.unwrap();
    // One neighbourhood, several addresses.
    for (last, name) in [(1, "m1"), (2, "m2"), (3, "m3")] {
        from([192, 0, 2, last], name).await.unwrap();
    }
    from([203, 0, 113, 9], "bob").await.unwrap();
    assert_eq!(left().await, ["ada", "m2", "m3", "bob"], "the oldest of the many went");
    for name in ["m4", "m5"] {
        from([192, 0, 2, 4], name).await.unwrap();
    }
    assert_eq!(left().await, ["ada", "bob", "m4", "m5"], "who asks for more displaces their own");
    from([203, 0, 114, 9], "cleo").await.unwrap();
    from([203, 0, 115, 9], "dora").await.unwrap();
    assert_eq!(left().await, ["bob", "m5", "cleo", "dora"], "each has one: the oldest went");
    let told = test
        .forge
        .read("ledger", |conn| {
            let sql = "SELECT event FROM audit_event WHERE action = 'user.register' ORDER BY seq";
            Ok(conn.all(sql, &[], |row| row.blob(0))?)
        })
        .await
        .unwrap();
    let displaced: Vec<Value> = told
        .iter()
        .map(|event| serde_json::from_slice::<Value>(event).unwrap()["before"]["displaced"].clone())
        .filter(|ids| !ids.is_null())
        .collect();
    assert_eq!(displaced, [json!([2]), json!([3]), json!([4]), json!([6]), json!([1])]);
    // Those who were asked for an address that has an account displace nobody.
    test.user("eve").await;
    from([192, 0, 2, 5], "other").await.unwrap();
    let permit = test.forge.authorize(&stranger(9), Register, &()).await.unwrap();
    register(&test.forge, permit, wanted("another", "eve@example.org")).await.unwrap();
    assert_eq!(left().await.len(), 4);
    test.finish().await;
}

#[tokio::test]
async fn limits_rules_and_a_closed_door() {
    let test = start(|settings| {
        settings.registration.max_pending = 3;
        settings.registration.max_per_network = 4;
        settings.registration.domains = vec!["example.org".to_owned(), "*.lab.example".to_owned()];
    })
    .await;
    for (email, is_taken) in [
        ("a@example.org", true),
        ("a@EXAMPLE.org", true),
        ("a@x.lab.example", true),
        ("a@lab.example", false),
        ("a@evillab.example", false),
        ("a@sub.example.org", false),
        ("a@example.org.evil.example", false),
    ] {
        assert_eq!(test.forge.settings.registration.takes(&Email::new(email).unwrap()), is_taken, "{email}");
    }
    let short = NewRegistration { password: "short".to_owned(), ..wanted("a0", "a0@example.org") };
    let permit = test.forge.authorize(&stranger(1), Register, &()).await.unwrap();
    assert_eq!(register(&test.forge, permit, short).await.unwrap_err().field(), Some("password"));
    for name in ["a1", "a2", "a3"] {
        ask(&test, name, &format!("{name}@example.org")).await.unwrap();
    }
    let refused = ask(&test, "a4", "a4@example.org").await.unwrap_err();
    assert_eq!(refused.kind(), Kind::RateLimited, "one network asked too often");
    assert_eq!(ask_from(&test, 2, "a4", "a4@evil.example").await.unwrap_err().field(), Some("email"));
    assert_eq!((pending(&test).await, waiting(&test).await.len()), (3, 3));
    test.finish().await;

    for (is_open, has_mail) in [(false, true), (true, false)] {
        let test = start(|settings| {
            settings.registration.is_open = is_open;
            settings.mails.is_on = has_mail;
        })
        .await;
        assert_eq!(ask(&test, "ada", "ada@example.org").await.unwrap_err().kind(), Kind::Forbidden);
        assert_eq!(open(&test, "x").await.unwrap_err().kind(), Kind::Forbidden);
        test.finish().await;
    }
}
