//! Transfers through their permits: at once, offered, accepted, rejected, and what is left of the old owner.

use super::*;
use crate::access::action::{AcceptTransfer, ReadRepository, RejectTransfer};
use crate::error::Kind;
use crate::forge::testing::{TestForge, path};

async fn transfer(test: &TestForge, caller: &Caller, from: &str, to: &str) -> Result<Repository> {
    let permit = test.forge.authorize(caller, TransferRepository, &path(from, "sop")).await?;
    transfer_repository(&test.forge, permit, UserName::new(to).unwrap(), Vec::new()).await
}

/// `ada` owns `sop`, `bob` nothing.
async fn world() -> (TestForge, Caller, Caller) {
    let test = TestForge::start().await;
    test.user("ada").await;
    test.user("bob").await;
    let (ada, bob) = (test.sign_in("ada").await, test.sign_in("bob").await);
    test.repository(&ada, "sop").await;
    (test, ada, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_changes_nothing_until_it_is_accepted() {
    let (test, ada, bob) = world().await;
    assert_eq!(transfer(&test, &ada, "ada", "bob").await.unwrap().owner.as_str(), "ada");
    assert_eq!(transfer(&test, &ada, "ada", "bob").await.unwrap_err().kind(), Kind::Conflict, "one at a time");
    let refused = test.forge.authorize(&ada, AcceptTransfer, &path("ada", "sop")).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden, "nobody accepts what they offered");
    let permit = test.forge.authorize(&bob, AcceptTransfer, &path("ada", "sop")).await.unwrap();
    let moved = accept_transfer(&test.forge, permit).await.unwrap();
    assert_eq!(moved.owner.as_str(), "bob");
    assert!(test.directory.path().join("git/repositories/bob/sop.git/HEAD").exists());
    assert!(!test.directory.path().join("git/repositories/ada/sop.git").exists());
    let old = test.forge.authorize(&bob, ReadRepository, &path("ada", "sop")).await.unwrap().into_subject();
    assert!(old.is_redirected && old.rights.level == crate::model::AccessLevel::Owner);
    let again = test.forge.authorize(&bob, AcceptTransfer, &path("bob", "sop")).await.unwrap_err();
    assert_eq!(again.kind(), Kind::NotFound, "an offer is good once");
    let actions = test.actions().await;
    assert!(actions.ends_with(&["transfer.offer".to_owned(), "repository.transfer".to_owned()]), "{actions:?}");
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_are_rejected_by_the_other_and_taken_back_by_the_owner() {
    let (test, ada, bob) = world().await;
    for who in [&bob, &ada] {
        transfer(&test, &ada, "ada", "bob").await.unwrap();
        let permit = test.forge.authorize(who, RejectTransfer, &path("ada", "sop")).await.unwrap();
        assert_eq!(reject_transfer(&test.forge, permit).await.unwrap().owner.as_str(), "ada");
        let gone = test.forge.authorize(&bob, AcceptTransfer, &path("ada", "sop")).await.unwrap_err();
        assert_eq!(gone.kind(), Kind::NotFound);
    }
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_for_one_offer_is_not_good_for_the_next() {
    let (test, ada, bob) = world().await;
    transfer(&test, &ada, "ada", "bob").await.unwrap();
    let stale = test.forge.authorize(&bob, AcceptTransfer, &path("ada", "sop")).await.unwrap();
    let permit = test.forge.authorize(&ada, RejectTransfer, &path("ada", "sop")).await.unwrap();
    reject_transfer(&test.forge, permit).await.unwrap();
    assert_eq!(accept_transfer(&test.forge, stale).await.unwrap_err().kind(), Kind::NotFound);
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_given_is_refused_and_nothing_changes() {
    let (test, ada, bob) = world().await;
    test.repository(&bob, "sop").await;
    let before = test.actions().await.len();
    assert_eq!(
        transfer(&test, &ada, "ada", "bob").await.unwrap_err().kind(),
        Kind::Invalid,
        "bob has one of that name"
    );
    assert_eq!(transfer(&test, &ada, "ada", "ada").await.unwrap_err().kind(), Kind::Invalid);
    assert_eq!(transfer(&test, &ada, "ada", "nobody").await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(transfer(&test, &bob, "ada", "bob").await.unwrap_err().kind(), Kind::Forbidden);
    let permit = test.forge.authorize(&ada, TransferRepository, &path("ada", "sop")).await.unwrap();
    let strange = transfer_repository(&test.forge, permit, UserName::new("bob").unwrap(), vec![TeamId::new(1)]).await;
    assert_eq!(strange.unwrap_err().kind(), Kind::Invalid, "people have no teams");
    assert_eq!(test.actions().await.len(), before);
    test.finish().await;
}
