//! Every form of credential, good and bad, on a whole forge.

use super::*;
use crate::access::action::{EditUser, ManageTokens};
use crate::error::Kind;
use crate::forge::testing::{PASSWORD, TestForge, basic};
use crate::forge::{tokens, users};
use crate::model::{NewToken, TokenScopes, UserPatch};

#[test]
fn headers_are_taken_apart() {
    let token = |secret: &str| Shown::Token(secret.to_owned());
    let table = [
        (None, Shown::Nothing),
        (Some("  "), Shown::Nothing),
        (Some("token abc"), token("abc")),
        (Some("TOKEN abc"), token("abc")),
        (Some("bEaReR abc"), token("abc")),
        (Some("token abc def"), Shown::Unreadable),
        (Some("token"), Shown::Unreadable),
        (Some("Digest abc"), Shown::Unreadable),
        (Some("Basic !!!"), Shown::Unreadable),
        (Some("Basic YWJj"), Shown::Unreadable),
        (Some("Basic /w=="), Shown::Unreadable),
        (Some("basic YTpiOmM="), Shown::Basic { login: "a".into(), password: "b:c".into() }),
        (Some("Basic YTpiOmM"), Shown::Basic { login: "a".into(), password: "b:c".into() }),
    ];
    for (header, expected) in table {
        assert_eq!(parse(header), expected, "{header:?}");
    }
}

async fn token(test: &TestForge, name: &str, expires_ms: Option<UtcMs>) -> (TokenId, String) {
    let login = UserName::new(name).unwrap();
    let permit = test.forge.authorize(&test.console(), ManageTokens, &login).await.unwrap();
    let scopes = TokenScopes::parse_list("read:repository").unwrap();
    let label = format!("t{expires_ms:?}");
    let (row, secret) =
        tokens::create_token(&test.forge, permit, NewToken { name: label, scopes, expires_ms, repositories: None })
            .await
            .unwrap();
    (row.id, secret)
}

#[tokio::test]
async fn every_form_of_credential_leads_to_the_same_account() {
    let test = TestForge::start().await;
    let ada = test.user("ada").await;
    let (id, secret) = token(&test, "ada", None).await;
    let scopes = TokenScopes::parse_list("read:repository").unwrap();
    let by_token = Credential::Token { id, scopes };
    let table = [
        (basic("ada", PASSWORD), Credential::Password),
        (basic("ADA", PASSWORD), Credential::Password),
        (basic("ada", &secret), by_token),
        (basic("oauth2", &secret), by_token),
        (basic(&secret, ""), by_token),
        (basic(&secret, "x-oauth-basic"), by_token),
        (format!("token {secret}"), by_token),
        (format!("Bearer {secret}"), by_token),
        (format!("BEARER {secret}"), by_token),
    ];
    for (header, credential) in table {
        let caller = test.show(&header).await.unwrap();
        assert_eq!((caller.user_id(), caller.credential()), (Some(ada.id), credential), "{header}");
    }
    let presented =
        Presented { authorization: Some("token wrong"), query_token: Some(&secret), origin: Origin::default() };
    let caller = test.forge.identify(presented).await.unwrap();
    assert!(caller.used_query_token() && caller.user_id() == Some(ada.id), "the query wins over the header");
    let nobody = test.forge.identify(Presented::default()).await.unwrap();
    assert!(nobody.is_anonymous());
    test.finish().await;
}

#[tokio::test]
async fn bad_credentials_are_refused_alike() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let (_, secret) = token(&test, "ada", None).await;
    let mut other = secret.clone();
    other.replace_range(..1, if secret.starts_with('0') { "1" } else { "0" });
    let headers = [
        basic("ada", "wrong password"),
        basic("nobody", PASSWORD),
        basic("", ""),
        basic("no/such name", PASSWORD),
        basic("ada", &other),
        basic(&other, ""),
        format!("token {other}"),
        format!("token {}", secret.to_uppercase()),
        "Bearer x".to_owned(),
        "Negotiate x".to_owned(),
    ];
    for header in headers {
        let error = test.show(&header).await.unwrap_err();
        assert_eq!((error.kind(), error.public()), (Kind::Unauthenticated, BAD_CREDENTIALS), "{header}");
    }
    test.finish().await;
}

#[tokio::test]
async fn disabled_accounts_and_dead_tokens_are_refused_at_once() {
    let test = TestForge::start().await;
    let ada = test.user("ada").await;
    let (_, lasting) = token(&test, "ada", None).await;
    let (_, ending) = token(&test, "ada", Some(test.clock.now().plus_ms(1000))).await;
    assert!(test.show(&format!("token {ending}")).await.is_ok());
    test.clock.advance_ms(1000);
    assert!(test.show(&format!("token {ending}")).await.is_err(), "expired");
    assert!(test.show(&format!("token {lasting}")).await.is_ok());
    assert!(test.show(&basic("ada", PASSWORD)).await.is_ok(), "now in the cache of verified passwords");
    let patches = [
        (UserPatch { is_active: Some(false), ..Default::default() }, false),
        (UserPatch { is_active: Some(true), is_login_prohibited: Some(true), ..Default::default() }, false),
        (UserPatch { is_login_prohibited: Some(false), ..Default::default() }, true),
    ];
    for (patch, may) in patches {
        let permit = test.forge.authorize(&test.console(), EditUser, &ada.name).await.unwrap();
        users::edit_user(&test.forge, permit, patch).await.unwrap();
        for header in [basic("ada", PASSWORD), basic("x", &lasting), format!("token {lasting}")] {
            assert_eq!(test.show(&header).await.is_ok(), may, "{header}");
        }
    }
    let permit = test.forge.authorize(&test.console(), EditUser, &ada.name).await.unwrap();
    let patch = UserPatch { password: Some("another password".into()), ..Default::default() };
    users::edit_user(&test.forge, permit, patch).await.unwrap();
    assert!(test.show(&basic("ada", PASSWORD)).await.is_err(), "the old password is not remembered");
    assert!(test.show(&basic("ada", "another password")).await.is_ok());
    test.finish().await;
}

#[tokio::test]
async fn guessing_is_slowed_down_and_ends_with_the_delay() {
    let test = TestForge::with(|settings| settings.security.max_failed_sign_ins = 3).await;
    test.user("ada").await;
    for _ in 0..3 {
        assert_eq!(test.show(&basic("ada", "wrong password")).await.unwrap_err().kind(), Kind::Unauthenticated);
    }
    let error = test.show(&basic("ada", PASSWORD)).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after_seconds()), (Kind::RateLimited, Some(1)));
    let (_, secret) = token(&test, "ada", None).await;
    assert!(test.show(&basic("ada", &secret)).await.is_ok(), "tokens cannot be guessed, so they are not delayed");
    test.clock.advance_ms(1000);
    assert!(test.show(&basic("ada", PASSWORD)).await.is_ok());
    assert_eq!(test.show(&basic("ada", "wrong password")).await.unwrap_err().kind(), Kind::Unauthenticated);
    test.finish().await;
}

#[tokio::test]
async fn uses_are_marked_without_an_event() {
    let test = TestForge::start().await;
    let ada = test.user("ada").await;
    let (id, secret) = token(&test, "ada", None).await;
    let before = test.actions().await;
    test.show(&format!("token {secret}")).await.unwrap();
    let forge = test.forge.clone();
    atomicqms_actors::testkit::until_async("the use to be marked", || {
        let forge = forge.clone();
        async move {
            let row = forge.read("token", move |conn| Ok(db::tokens::find(conn, id)?)).await.unwrap();
            row.unwrap().last_used_ms
        }
    })
    .await;
    assert_eq!(test.actions().await, before);
    let _ = ada;
    test.finish().await;
}

#[tokio::test]
async fn only_administrators_act_for_others() {
    let test = TestForge::start().await;
    let ada = test.user("ada").await;
    let root = test.user("root").await;
    let caller = test.sign_in("ada").await;
    assert_eq!(test.forge.sudo(caller, &root.name).await.unwrap_err().kind(), Kind::Forbidden);
    let permit = test.forge.authorize(&test.console(), EditUser, &root.name).await.unwrap();
    users::edit_user(&test.forge, permit, UserPatch { is_admin: Some(true), ..Default::default() }).await.unwrap();
    let caller = test.sign_in("root").await;
    let missing = UserName::new("nobody").unwrap();
    assert_eq!(test.forge.sudo(caller.clone(), &missing).await.unwrap_err().kind(), Kind::NotFound);
    let acting = test.forge.sudo(caller, &ada.name).await.unwrap();
    assert_eq!(acting.user_id(), Some(ada.id));
    let stamp = acting.stamp();
    assert_eq!(stamp.actor.id, Some(root.id), "the ledger names the hand");
    assert_eq!(stamp.on_behalf.and_then(|account| account.id), Some(ada.id));
    test.finish().await;
}
