//! Addresses confirmed by a link: what a code is worth, and whose claims go.

use super::*;
use crate::access::Caller;
use crate::access::action::EditUser;
use crate::forge::testing::TestForge;
use crate::forge::users;
use crate::model::{UserName, UserPatch};

async fn start() -> TestForge {
    TestForge::with(|settings| settings.mails.is_on = true).await
}

async fn add(test: &TestForge, login: &str, email: &str) -> EmailAddress {
    let caller = test.sign_in(login).await;
    let permit = test.forge.authorize(&caller, EditEmails, &UserName::new(login).unwrap()).await.unwrap();
    add_emails(&test.forge, permit, vec![Email::new(email).unwrap()]).await.unwrap().remove(0)
}

async fn remove(test: &TestForge, login: &str, email: &str) {
    let caller = test.sign_in(login).await;
    let permit = test.forge.authorize(&caller, EditEmails, &UserName::new(login).unwrap()).await.unwrap();
    delete_emails(&test.forge, permit, vec![Email::new(email).unwrap()]).await.unwrap();
}

fn code(test: &TestForge, address: &EmailAddress) -> String {
    let expires = test.forge.clock.now().plus_ms(test.forge.mails.settings().confirmation_ms);
    test.forge.mails.codes().for_address(address, expires)
}

async fn confirm(test: &TestForge, code: &str) -> Result<(User, EmailAddress)> {
    let permit = test.forge.authorize(&Caller::anonymous(Default::default()), ConfirmEmail, &()).await?;
    confirm_email(&test.forge, permit, code).await
}

async fn verified(test: &TestForge, login: &str) -> Vec<String> {
    let name = UserName::new(login).unwrap();
    let read = move |conn: &dyn Connection| {
        let user = db::users::find_by_name(conn, &name)?.ok_or_else(Error::not_found)?;
        let list = db::email_addresses::list(conn, user.id)?;
        let mark = |address: &EmailAddress| format!("{}{}", if address.is_verified { "+" } else { "-" }, address.email);
        Ok(list.iter().map(mark).collect())
    };
    test.forge.read("addresses", read).await.unwrap()
}

#[tokio::test]
async fn who_opens_the_link_has_the_address_and_claims_of_others_go() {
    let test = start().await;
    for name in ["ada", "bob"] {
        test.user(name).await;
    }
    let (ours, theirs) = (add(&test, "ada", "Lab@example.org").await, add(&test, "bob", "lab@example.org").await);
    let (ada, bob) = (code(&test, &ours), code(&test, &theirs));
    let permit = test.forge.authorize(&Caller::anonymous(Default::default()), ConfirmEmail, &()).await.unwrap();
    let (user, address) = find_claim(&test.forge, &permit, &ada).await.unwrap();
    assert_eq!((user.name.as_str(), address.email.as_str()), ("ada", "Lab@example.org"));
    assert_eq!(verified(&test, "ada").await, ["+ada@example.org", "-Lab@example.org"], "looking changes nothing");
    confirm(&test, &ada).await.unwrap();
    assert_eq!(verified(&test, "ada").await, ["+ada@example.org", "+Lab@example.org"]);
    assert_eq!(verified(&test, "bob").await, ["+bob@example.org"]);
    for used in [&ada, &bob] {
        assert_eq!(confirm(&test, used).await.unwrap_err().kind(), Kind::NotFound);
    }
    assert_eq!(test.actions().await.iter().filter(|action| *action == "email.confirm").count(), 1);
    test.finish().await;
}

#[tokio::test]
async fn codes_die_with_their_row_their_time_and_their_account() {
    let test = start().await;
    test.user("ada").await;
    let first = code(&test, &add(&test, "ada", "lab@example.org").await);
    remove(&test, "ada", "lab@example.org").await;
    let again = add(&test, "ada", "lab@example.org").await;
    assert_eq!(confirm(&test, &first).await.unwrap_err().kind(), Kind::NotFound, "of a row that is gone");
    let second = code(&test, &again);
    let other = EmailAddress { email: Email::new("eve@example.org").unwrap(), ..again.clone() };
    assert_eq!(confirm(&test, &code(&test, &other)).await.unwrap_err().kind(), Kind::NotFound, "of another address");
    let activate = async |is_active: bool| {
        let permit = test.forge.authorize(&test.console(), EditUser, &UserName::new("ada").unwrap()).await.unwrap();
        let patch = UserPatch { is_active: Some(is_active), ..UserPatch::default() };
        users::edit_user(&test.forge, permit, patch).await.unwrap();
    };
    activate(false).await;
    assert_eq!(confirm(&test, &second).await.unwrap_err().kind(), Kind::NotFound, "of an account that is shut");
    activate(true).await;
    test.clock.advance_ms(86_400_000 - 1);
    confirm(&test, &second).await.unwrap();
    remove(&test, "ada", "lab@example.org").await;
    let late = code(&test, &add(&test, "ada", "lab@example.org").await);
    test.clock.advance_ms(86_400_000);
    assert_eq!(confirm(&test, &late).await.unwrap_err().kind(), Kind::NotFound, "over");
    test.finish().await;
}
