use super::*;
use crate::access::Caller;
use crate::access::action::PushRepository;
use crate::error::Kind;
use crate::forge::testing::{TestForge, path};

async fn put(test: &TestForge, caller: &Caller, name: &str, level: AccessLevel) -> Result<()> {
    let permit = test.forge.authorize(caller, EditCollaborators, &path("ada", "sop")).await?;
    put_collaborator(&test.forge, permit, &UserName::new(name).unwrap(), level).await
}

async fn remove(test: &TestForge, caller: &Caller, name: &str) -> Result<()> {
    let permit = test.forge.authorize(caller, EditCollaborators, &path("ada", "sop")).await?;
    remove_collaborator(&test.forge, permit, &UserName::new(name).unwrap()).await
}

async fn permission(test: &TestForge, caller: &Caller, name: &str) -> Result<AccessLevel> {
    let permit = test.forge.authorize(caller, ListCollaborators, &path("ada", "sop")).await?;
    Ok(permission_of(&test.forge, permit, &UserName::new(name).unwrap()).await?.1)
}

#[tokio::test]
async fn levels_are_given_changed_and_taken() {
    let test = TestForge::start().await;
    for name in ["ada", "bob", "eve"] {
        test.user(name).await;
    }
    let (ada, bob, eve) = (test.sign_in("ada").await, test.sign_in("bob").await, test.sign_in("eve").await);
    test.repository(&ada, "sop").await;
    let may_push =
        async |caller: &Caller| test.forge.authorize(caller, PushRepository, &path("ada", "sop")).await.is_ok();
    assert!(!may_push(&bob).await);
    put(&test, &ada, "bob", AccessLevel::Write).await.unwrap();
    put(&test, &ada, "bob", AccessLevel::Write).await.unwrap();
    assert!(may_push(&bob).await);
    assert_eq!(
        put(&test, &bob, "eve", AccessLevel::Read).await.unwrap_err().kind(),
        Kind::Forbidden,
        "a writer gives nothing"
    );
    put(&test, &ada, "bob", AccessLevel::Admin).await.unwrap();
    put(&test, &bob, "eve", AccessLevel::Admin).await.unwrap();
    assert_eq!(
        put(&test, &ada, "ada", AccessLevel::Read).await.unwrap_err().kind(),
        Kind::Invalid,
        "the owner is none"
    );
    assert_eq!(put(&test, &ada, "nobody", AccessLevel::Read).await.unwrap_err().kind(), Kind::Invalid);
    for level in [AccessLevel::None, AccessLevel::Owner] {
        assert_eq!(put(&test, &ada, "eve", level).await.unwrap_err().kind(), Kind::Invalid);
    }
    let permit = test.forge.authorize(&eve, ListCollaborators, &path("ada", "sop")).await.unwrap();
    let listed = list_collaborators(&test.forge, permit, Page::default()).await.unwrap();
    let names: Vec<&str> = listed.rows.iter().map(|one| one.user.name.as_str()).collect();
    assert_eq!((names, listed.total_count), (vec!["bob", "eve"], 2));
    remove(&test, &ada, "bob").await.unwrap();
    remove(&test, &ada, "bob").await.unwrap();
    assert!(!may_push(&bob).await);
    let permit = test.forge.authorize(&eve, ListCollaborators, &path("ada", "sop")).await.unwrap();
    assert_eq!(find_collaborator(&test.forge, permit, &UserName::new("bob").unwrap()).await.unwrap(), None);
    let wanted = ["collaborator.add", "collaborator.add", "collaborator.add", "collaborator.remove"];
    assert_eq!(test.actions().await[4..], wanted);
    test.finish().await;
}

#[tokio::test]
async fn only_those_concerned_learn_levels() {
    let test = TestForge::start().await;
    for name in ["ada", "bob", "eve"] {
        test.user(name).await;
    }
    let (ada, bob) = (test.sign_in("ada").await, test.sign_in("bob").await);
    test.repository(&ada, "sop").await;
    assert_eq!(permission(&test, &bob, "bob").await.unwrap(), AccessLevel::Read, "public: everybody reads");
    assert_eq!(permission(&test, &bob, "eve").await.unwrap_err().kind(), Kind::Forbidden);
    put(&test, &ada, "bob", AccessLevel::Admin).await.unwrap();
    assert_eq!(permission(&test, &bob, "ada").await.unwrap(), AccessLevel::Owner);
    assert_eq!(permission(&test, &ada, "bob").await.unwrap(), AccessLevel::Admin);
    assert_eq!(permission(&test, &ada, "nobody").await.unwrap_err().kind(), Kind::NotFound);
    let anonymous = Caller::anonymous(Default::default());
    assert_eq!(permission(&test, &anonymous, "ada").await.unwrap_err().kind(), Kind::Unauthenticated);
    test.finish().await;
}
