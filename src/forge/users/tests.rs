use super::*;
use crate::error::Kind;
use crate::forge::testing::{PASSWORD, TestForge, basic};
use crate::model::{Email, UserName};

async fn edit_as(test: &TestForge, caller: &crate::access::Caller, name: &str, patch: UserPatch) -> Result<User> {
    let name = UserName::new(name).unwrap();
    let permit = test.forge.authorize(caller, EditUser, &name).await?;
    edit_user(&test.forge, permit, patch).await
}

async fn delete_as(test: &TestForge, caller: &crate::access::Caller, name: &str) -> Result<()> {
    let permit = test.forge.authorize(caller, DeleteUser, &UserName::new(name).unwrap()).await?;
    delete_user(&test.forge, permit).await
}

fn admin(is_admin: bool) -> UserPatch {
    UserPatch { is_admin: Some(is_admin), ..UserPatch::default() }
}

#[tokio::test]
async fn names_and_addresses_are_unique_without_regard_to_case() {
    let test = TestForge::start().await;
    test.user("ada").await;
    for (name, email, field) in [("ADA", "other@example.org", "username"), ("eve", "Ada@Example.org", "email")] {
        let new = NewUser::new(UserName::new(name).unwrap(), Email::new(email).unwrap(), PASSWORD);
        let permit = test.forge.authorize(&test.console(), CreateUser, &()).await.unwrap();
        let error = create_user(&test.forge, permit, new).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (Kind::Invalid, Some(field)));
    }
    test.finish().await;
}

#[tokio::test]
async fn a_deleted_name_is_never_given_to_somebody_else() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let caller = test.sign_in("ada").await;
    test.repository(&caller, "sop").await;
    let error = delete_as(&test, &test.console(), "ada").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid, "it owns a repository");
    test.user("bob").await;
    delete_as(&test, &test.console(), "bob").await.unwrap();
    assert!(test.show(&basic("bob", PASSWORD)).await.is_err());
    assert_eq!(delete_as(&test, &test.console(), "bob").await.unwrap_err().kind(), Kind::NotFound);
    let again = NewUser::new(UserName::new("Bob").unwrap(), Email::new("bob@example.org").unwrap(), PASSWORD);
    let permit = test.forge.authorize(&test.console(), CreateUser, &()).await.unwrap();
    assert_eq!(create_user(&test.forge, permit, again).await.unwrap_err().field(), Some("username"));
    let left = test.forge.read("row", |conn| {
        Ok(conn.first("SELECT full_name || email || password_hash FROM users WHERE login_key = 'bob'", &[], |row| {
            row.text(0)
        })?)
    });
    assert_eq!(left.await.unwrap(), Some(String::new()), "personal fields are gone");
    test.finish().await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let test = TestForge::start().await;
    test.user("root").await;
    edit_as(&test, &test.console(), "root", admin(true)).await.unwrap();
    for patch in [
        admin(false),
        UserPatch { is_active: Some(false), ..UserPatch::default() },
        UserPatch { is_login_prohibited: Some(true), ..UserPatch::default() },
    ] {
        assert_eq!(edit_as(&test, &test.console(), "root", patch).await.unwrap_err().kind(), Kind::Malformed);
    }
    assert_eq!(delete_as(&test, &test.console(), "root").await.unwrap_err().kind(), Kind::Invalid);
    let root = test.sign_in("root").await;
    test.user("second").await;
    edit_as(&test, &root, "second", admin(true)).await.unwrap();
    assert_eq!(delete_as(&test, &root, "root").await.unwrap_err().kind(), Kind::Invalid, "not oneself");
    edit_as(&test, &root, "root", admin(false)).await.unwrap();
    assert_eq!(
        edit_as(&test, &root, "second", admin(false)).await.unwrap_err().kind(),
        Kind::Forbidden,
        "no longer one"
    );
    test.finish().await;
}

#[tokio::test]
async fn a_profile_is_not_a_way_to_rights() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    let name = UserName::new("ada").unwrap();
    for patch in [
        admin(true),
        UserPatch { is_restricted: Some(false), ..UserPatch::default() },
        UserPatch { password: Some("another password".into()), ..UserPatch::default() },
    ] {
        let permit = test.forge.authorize(&ada, EditProfile, &name).await.unwrap();
        assert_eq!(edit_profile(&test.forge, permit, patch).await.unwrap_err().kind(), Kind::Forbidden);
    }
    let permit = test.forge.authorize(&ada, EditProfile, &name).await.unwrap();
    let patch = UserPatch {
        full_name: Some("Ada Lovelace".into()),
        website: Some("https://example.org".into()),
        ..UserPatch::default()
    };
    assert_eq!(edit_profile(&test.forge, permit, patch).await.unwrap().full_name, "Ada Lovelace");
    for patch in [
        UserPatch { website: Some("javascript:alert(1)".into()), ..UserPatch::default() },
        UserPatch { full_name: Some("Ada\u{1b}[2J".into()), ..UserPatch::default() },
        UserPatch { full_name: Some("x".repeat(101)), ..UserPatch::default() },
    ] {
        let permit = test.forge.authorize(&ada, EditProfile, &name).await.unwrap();
        assert_eq!(edit_profile(&test.forge, permit, patch).await.unwrap_err().kind(), Kind::Invalid);
    }
    test.finish().await;
}

#[tokio::test]
async fn a_password_that_must_change_opens_one_door() {
    let test = TestForge::start().await;
    let ada = test.user("ada").await;
    edit_as(&test, &test.console(), "ada", UserPatch { must_change_password: Some(true), ..UserPatch::default() })
        .await
        .unwrap();
    let caller = test.sign_in("ada").await;
    let refused = test.forge.authorize(&caller, EditProfile, &ada.name).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    let permit = test.forge.authorize(&caller, ChangePassword, &ada.name).await.unwrap();
    change_password(&test.forge, permit, "a brand new password".into()).await.unwrap();
    let caller = test.show(&basic("ada", "a brand new password")).await.unwrap();
    assert!(test.forge.authorize(&caller, EditProfile, &ada.name).await.is_ok());
    test.finish().await;
}

#[tokio::test]
async fn one_event_a_change_and_none_without() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let patch = UserPatch { full_name: Some("Ada".into()), ..UserPatch::default() };
    edit_as(&test, &test.console(), "ada", patch.clone()).await.unwrap();
    edit_as(&test, &test.console(), "ada", patch).await.unwrap();
    assert_eq!(test.actions().await, ["user.create", "user.edit"]);
    test.finish().await;
}

#[tokio::test]
async fn lists_show_only_whom_the_caller_may_see() {
    let test = TestForge::start().await;
    for (name, visibility) in [("ada", "public"), ("lim", "limited"), ("pri", "private")] {
        test.user(name).await;
        let visibility = crate::model::Visibility::parse(visibility);
        edit_as(&test, &test.console(), name, UserPatch { visibility, ..UserPatch::default() }).await.unwrap();
    }
    let mut seen = Vec::new();
    let anonymous = crate::access::Caller::anonymous(Default::default());
    for caller in [anonymous, test.sign_in("ada").await, test.sign_in("pri").await, test.console()] {
        let permit = test.forge.authorize(&caller, SearchUsers, &()).await.unwrap();
        let page = search_users(&test.forge, permit, UserQuery::default(), Page::default()).await.unwrap();
        assert_eq!(page.total_count, page.rows.len() as u64);
        seen.push(page.rows.iter().map(|user| user.name.as_str().to_owned()).collect::<Vec<_>>().join(" "));
    }
    assert_eq!(seen, ["ada", "ada lim", "ada lim pri", "ada lim pri"]);
    let ada = test.sign_in("ada").await;
    let permit = test.forge.authorize(&ada, SearchUsers, &()).await.unwrap();
    let query = UserQuery { text: "example.org".into(), ..UserQuery::default() };
    assert_eq!(
        search_users(&test.forge, permit, query, Page::default()).await.unwrap().total_count,
        0,
        "addresses are not searched"
    );
    test.finish().await;
}

#[tokio::test]
async fn what_an_administrator_did_in_a_name_keeps_that_name() {
    let test = TestForge::start().await;
    let root = test.user("root").await;
    for name in ["ada", "bob"] {
        test.user(name).await;
    }
    edit_as(&test, &test.console(), "root", admin(true)).await.unwrap();
    let acting = |name: &'static str| async {
        test.forge.sudo(test.sign_in("root").await, &UserName::new(name).unwrap()).await.unwrap()
    };
    // What concerns the account alone keeps nothing, as often as it is done: the search goes on from page to page.
    let bob = acting("bob").await;
    for round in 0..EVENTS_AT_ONCE + 10 {
        let permit = test.forge.authorize(&bob, EditProfile, &UserName::new("bob").unwrap()).await.unwrap();
        let patch = UserPatch { full_name: Some(format!("Bob {round}")), ..UserPatch::default() };
        edit_profile(&test.forge, permit, patch).await.unwrap();
    }
    delete_as(&test, &test.console(), "bob").await.unwrap();
    let ada = acting("ada").await;
    let repository = test.repository(&ada, "sop").await;
    assert_eq!(ada.stamp().actor.id, Some(root.id));
    let path = crate::forge::testing::path("ada", repository.name.as_str());
    let permit = test.forge.authorize(&ada, crate::access::action::DeleteRepository, &path).await.unwrap();
    crate::forge::repositories::delete_repository(&test.forge, permit).await.unwrap();
    let error = delete_as(&test, &test.console(), "ada").await.unwrap_err();
    assert!(error.public().contains("deactivate"), "{}", error.public());
    test.finish().await;
}
