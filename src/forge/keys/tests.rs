use super::*;
use crate::access::action::{CloneRepository, PushRepository};
use crate::access::{Caller, Origin};
use crate::error::Kind;
use crate::forge::testing::{TestForge, path};
use crate::model::key::tests::ed25519_line;
use crate::model::{AccessLevel, UserName};

fn new(title: &str, byte: u8) -> NewKey {
    NewKey { title: title.into(), text: ed25519_line(byte), is_read_only: false }
}

async fn add(test: &TestForge, caller: &Caller, owner: &str, new: NewKey) -> Result<SshKey> {
    let permit = test.forge.authorize(caller, AddKey, &UserName::new(owner).unwrap()).await?;
    add_key(&test.forge, permit, new).await
}

async fn deploy(test: &TestForge, caller: &Caller, new: NewKey) -> Result<SshKey> {
    let permit = test.forge.authorize(caller, EditDeployKeys, &path("ada", "sop")).await?;
    add_deploy_key(&test.forge, permit, new).await
}

async fn by(test: &TestForge, key: &SshKey) -> Result<Caller> {
    test.forge.access.identify_key(&key.key.bytes, Origin::default()).await
}

#[tokio::test]
async fn a_key_opens_its_account_until_it_is_removed() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    let key = add(&test, &ada, "ada", new("laptop", 1)).await.unwrap();
    let caller = by(&test, &key).await.unwrap();
    assert_eq!(caller.user().unwrap().name.as_str(), "ada");
    let stamp = caller.stamp();
    assert_eq!((stamp.auth.method, stamp.auth.key.as_deref()), ("ssh", Some(key.key.fingerprint.as_str())));
    test.repository(&caller, "sop").await;

    let held = test.forge.authorize(&caller, PushRepository, &path("ada", "sop")).await.unwrap();
    let permit = test.forge.authorize(&ada, RemoveKey, &UserName::new("ada").unwrap()).await.unwrap();
    remove_key(&test.forge, permit, key.id).await.unwrap();
    assert_eq!(by(&test, &key).await.unwrap_err().kind(), Kind::Unauthenticated);
    let late = test.forge.write("late", move |tx| held.confirm(tx, crate::db::testing::NOON).map(drop)).await;
    assert_eq!(late.unwrap_err().kind(), Kind::Unauthenticated, "a push that was under way does not land");
    assert_eq!(test.actions().await, ["user.create", "key.create", "repository.create", "key.delete"]);
    test.finish().await;
}

#[tokio::test]
async fn a_key_of_a_disabled_account_opens_nothing() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    let key = add(&test, &ada, "ada", new("laptop", 1)).await.unwrap();
    let name = UserName::new("ada").unwrap();
    let permit = test.forge.authorize(&test.console(), crate::access::action::EditUser, &name).await.unwrap();
    let patch = crate::model::UserPatch { is_active: Some(false), ..crate::model::UserPatch::default() };
    crate::forge::users::edit_user(&test.forge, permit, patch).await.unwrap();
    assert_eq!(by(&test, &key).await.unwrap_err().kind(), Kind::Unauthenticated);
    assert!(test.forge.access.knows_key(&key.key.bytes).await.unwrap(), "an offer tells nothing about the account");
    test.finish().await;
}

#[tokio::test]
async fn one_key_opens_one_door() {
    let test = TestForge::start().await;
    test.user("ada").await;
    test.user("bob").await;
    let (ada, bob) = (test.sign_in("ada").await, test.sign_in("bob").await);
    test.repository(&ada, "sop").await;
    add(&test, &ada, "ada", new("laptop", 1)).await.unwrap();
    assert_eq!(add(&test, &ada, "ada", new("other", 1)).await.unwrap_err().field(), Some("key"));
    assert_eq!(add(&test, &bob, "bob", new("mine", 1)).await.unwrap_err().field(), Some("key"));
    assert_eq!(deploy(&test, &ada, new("ci", 1)).await.unwrap_err().field(), Some("key"));
    assert_eq!(add(&test, &ada, "ada", new("laptop", 2)).await.unwrap_err().field(), Some("title"));
    assert_eq!(add(&test, &ada, "ada", new(" ", 3)).await.unwrap_err().field(), Some("title"));
    assert_eq!(add(&test, &bob, "ada", new("evil", 4)).await.unwrap_err().kind(), Kind::Forbidden);
    let private = NewKey { text: "-----BEGIN OPENSSH PRIVATE KEY-----".into(), ..new("oops", 5) };
    let told = add(&test, &ada, "ada", private).await.unwrap_err();
    assert!(told.public().contains("private key"), "{told}");
    test.finish().await;
}

#[tokio::test]
async fn a_deploy_key_opens_one_repository_as_far_as_it_may() {
    let test = TestForge::start().await;
    test.user("ada").await;
    let ada = test.sign_in("ada").await;
    test.repository(&ada, "sop").await;
    test.repository(&ada, "public").await;
    let reads = deploy(&test, &ada, NewKey { is_read_only: true, ..new("mirror", 1) }).await.unwrap();
    let writes = deploy(&test, &ada, new("ci", 2)).await.unwrap();
    for (key, level) in [(&reads, AccessLevel::Read), (&writes, AccessLevel::Write)] {
        let caller = by(&test, key).await.unwrap();
        let permit = test.forge.authorize(&caller, CloneRepository, &path("ada", "sop")).await.unwrap();
        assert_eq!(permit.subject().rights.level, level);
        let other = test.forge.authorize(&caller, CloneRepository, &path("ada", "public")).await.unwrap_err();
        assert_eq!(other.kind(), Kind::NotFound);
        let push = test.forge.authorize(&caller, PushRepository, &path("ada", "sop")).await.map(drop);
        assert_eq!(push.map_err(|error| error.kind()).err(), (level == AccessLevel::Read).then_some(Kind::Forbidden));
        let edit = test.forge.authorize(&caller, EditDeployKeys, &path("ada", "sop")).await.unwrap_err();
        assert_eq!(edit.kind(), Kind::Forbidden);
    }
    let caller = by(&test, &writes).await.unwrap();
    let held = test.forge.authorize(&caller, PushRepository, &path("ada", "sop")).await.unwrap();
    let permit = test.forge.authorize(&ada, EditDeployKeys, &path("ada", "sop")).await.unwrap();
    remove_deploy_key(&test.forge, permit, writes.id).await.unwrap();
    let late = test.forge.write("late", move |tx| held.confirm(tx, crate::db::testing::NOON).map(drop)).await;
    assert_eq!(late.unwrap_err().kind(), Kind::Unauthenticated);
    // Keys go with their repository.
    let permit =
        test.forge.authorize(&ada, crate::access::action::DeleteRepository, &path("ada", "sop")).await.unwrap();
    crate::forge::repositories::delete_repository(&test.forge, permit).await.unwrap();
    assert_eq!(by(&test, &reads).await.unwrap_err().kind(), Kind::Unauthenticated);
    test.finish().await;
}
