use super::*;
use crate::access::Caller;
use crate::forge::testing::{PASSWORD, TestForge, basic};
use crate::model::{Clock, TokenScopes, UserName};

async fn create(test: &TestForge, caller: &Caller, new: NewToken) -> Result<(Token, String)> {
    let permit = test.forge.authorize(caller, ManageTokens, &UserName::new("ada").unwrap()).await?;
    create_token(&test.forge, permit, new).await
}

async fn delete(test: &TestForge, caller: &Caller, which: &str) -> Result<()> {
    let permit = test.forge.authorize(caller, ManageTokens, &UserName::new("ada").unwrap()).await?;
    delete_token(&test.forge, permit, which).await
}

fn new(name: &str, scopes: &str) -> NewToken {
    NewToken {
        name: name.into(),
        scopes: TokenScopes::parse_list(scopes).unwrap(),
        expires_ms: None,
        repositories: None,
    }
}

#[tokio::test]
async fn a_token_lives_from_creation_to_revocation() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.show(&basic("ada", PASSWORD)).await.unwrap();
    let (row, secret) = create(&test, &ada, new("ci", "write:repository,read:user")).await.unwrap();
    assert!(secret.ends_with(&row.last_eight));
    assert_eq!(row.scopes.to_string(), "write:repository,read:user");
    let by_token = test.show(&format!("token {secret}")).await.unwrap();
    assert_eq!(
        create(&test, &by_token, new("more", "all")).await.unwrap_err().kind(),
        Kind::Unauthenticated,
        "no token makes tokens"
    );
    let permit = test.forge.authorize(&ada, ManageTokens, &UserName::new("ada").unwrap()).await.unwrap();
    let listed = list_tokens(&test.forge, permit, Page::default()).await.unwrap();
    assert_eq!((listed.total_count, listed.rows[0].name.as_str()), (1, "ci"));
    delete(&test, &ada, "ci").await.unwrap();
    assert_eq!(test.show(&format!("token {secret}")).await.unwrap_err().kind(), Kind::Unauthenticated);
    assert_eq!(delete(&test, &ada, "ci").await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(test.actions().await, ["user.create", "token.create", "token.delete"]);
    let stored = test.forge.read("ledger", |conn| Ok(crate::db::audit::list_after(conn, 0, 10)?)).await.unwrap();
    for event in stored {
        assert!(!String::from_utf8(event.event).unwrap().contains(&secret), "no secret in the ledger");
    }
    test.finish().await;
}

#[tokio::test]
async fn bad_requests_are_refused() {
    let test = TestForge::with(|settings| settings.security.max_token_lifetime_days = Some(30)).await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    let (row, _) = create(&test, &ada, new("ci", "all")).await.unwrap();
    assert_eq!(row.expires_ms, Some(test.clock.now().plus_ms(30 * DAY_MS)), "the longest life is the default");
    assert_eq!(create(&test, &ada, new("ci", "all")).await.unwrap_err().kind(), Kind::Malformed);
    assert_eq!(create(&test, &ada, new(" ", "all")).await.unwrap_err().field(), Some("name"));
    assert_eq!(create(&test, &ada, new("x", "public-only")).await.unwrap_err().field(), Some("scopes"));
    for end in [test.clock.now(), test.clock.now().plus_ms(31 * DAY_MS)] {
        let new = NewToken { expires_ms: Some(end), ..new("y", "all") };
        assert_eq!(create(&test, &ada, new).await.unwrap_err().field(), Some("expires_at"));
    }
    test.user("bob").await;
    let bob = test.sign_in("bob").await;
    assert_eq!(create(&test, &bob, new("z", "all")).await.unwrap_err().kind(), Kind::Forbidden);
    assert_eq!(delete(&test, &bob, &row.id.to_string()).await.unwrap_err().kind(), Kind::Forbidden);
    let permit = test.forge.authorize(&bob, ManageTokens, &UserName::new("bob").unwrap()).await.unwrap();
    let error = delete_token(&test.forge, permit, &row.id.to_string()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "an id of somebody else's token is nobody's");
    delete(&test, &ada, &row.id.to_string()).await.unwrap();
    test.finish().await;
}
