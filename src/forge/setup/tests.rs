use super::*;
use crate::access::action::{CreateUser, EditUser};
use crate::error::Kind;
use crate::forge::testing::{PASSWORD, TestForge, basic};
use crate::model::UserPatch;

#[test]
fn generated_passwords_are_long_and_differ() {
    let (one, two) = (new_password().unwrap(), new_password().unwrap());
    assert_eq!(one.len(), PASSWORD_CHARS);
    assert!(one.bytes().all(|byte| ALPHABET.contains(&byte)));
    assert_ne!(one, two);
}

#[tokio::test]
async fn a_first_start_makes_an_administrator_once() {
    let test = TestForge::start().await;
    let first = ensure_instance(&test.forge, None).await.unwrap();
    let password = first.generated_password.unwrap();
    assert!(first.is_new);
    let caller = test.show(&basic(FIRST_ADMIN, &password)).await.unwrap();
    assert!(caller.is_site_admin());
    let second = ensure_instance(&test.forge, Some("ignored password".into())).await.unwrap();
    assert_eq!(second, Setup { is_new: false, made_admin: false, generated_password: None });
    assert!(test.show(&basic(FIRST_ADMIN, "ignored password")).await.is_err());
    assert_eq!(test.actions().await, ["instance.create", "user.create"]);
    test.finish().await;
}

#[tokio::test]
async fn a_given_password_is_used_and_not_answered() {
    let test = TestForge::start().await;
    assert_eq!(ensure_instance(&test.forge, Some("short".into())).await.unwrap_err().kind(), Kind::Invalid);
    assert!(test.actions().await.is_empty(), "nothing half done");
    let setup = ensure_instance(&test.forge, Some(PASSWORD.into())).await.unwrap();
    assert_eq!(setup, Setup { is_new: true, made_admin: true, generated_password: None });
    assert!(test.sign_in(FIRST_ADMIN).await.is_site_admin());
    test.finish().await;
}

#[tokio::test]
async fn two_starts_at_once_make_one_administrator() {
    let test = TestForge::start().await;
    let (one, two) = tokio::join!(ensure_instance(&test.forge, None), ensure_instance(&test.forge, None));
    let shown = [one.unwrap(), two.unwrap()].into_iter().filter_map(|setup| setup.generated_password).count();
    assert_eq!(shown, 1, "exactly one password is shown, the one that works");
    assert_eq!(test.actions().await, ["instance.create", "user.create"]);
    test.finish().await;
}

#[tokio::test]
async fn an_installation_with_an_administrator_gets_no_second_one() {
    let test = TestForge::start().await;
    test.user("root").await;
    let name = UserName::new("root").unwrap();
    let permit = test.forge.authorize(&test.console(), EditUser, &name).await.unwrap();
    users::edit_user(&test.forge, permit, UserPatch { is_admin: Some(true), ..UserPatch::default() }).await.unwrap();
    let setup = ensure_instance(&test.forge, None).await.unwrap();
    assert_eq!(setup, Setup { is_new: true, made_admin: false, generated_password: None });
    assert!(test.forge.authorize(&test.sign_in("root").await, CreateUser, &()).await.is_ok());
    test.finish().await;
}

#[tokio::test]
async fn a_taken_name_is_not_passed_off_as_the_administrator() {
    let test = TestForge::start().await;
    test.user(FIRST_ADMIN).await;
    let setup = ensure_instance(&test.forge, Some(PASSWORD.into())).await.unwrap();
    assert!(!setup.made_admin && setup.generated_password.is_none());
    assert!(!test.sign_in(FIRST_ADMIN).await.is_site_admin());
    test.finish().await;
}
