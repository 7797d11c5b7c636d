//! Blocks through their permits: what they refuse, what they end, and the one event that says it.

use super::*;
use crate::access::action::{CreateOrganization, CreateRepository};
use crate::access::action::{
    EditCollaborators, EditFollows, EditStar, EditTeamMembers, EditWatch, ReadCode, TransferRepository,
};
use crate::error::Kind;
use crate::forge::collaborators::put_collaborator;
use crate::forge::follows::set_following;
use crate::forge::interests::set_interest;
use crate::forge::repositories::create_repository;
use crate::forge::testing::{TestForge, path};
use crate::forge::transfers::transfer_repository;
use crate::forge::{organizations, teams};
use crate::model::user::UserPatch;
use crate::model::{NewOrganization, NewRepository, RepoName, Visibility};

fn name(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

async fn set(test: &TestForge, who: &Caller, whom: &str, is_on: bool) -> Result<()> {
    let own = who.user().unwrap().name.clone();
    let permit = test.forge.authorize(who, EditBlocks, &own).await?;
    match is_on {
        true => block(&test.forge, permit, &name(whom), "loud".into()).await,
        false => unblock(&test.forge, permit, &name(whom)).await,
    }
}

async fn follow(test: &TestForge, who: &Caller, whom: &str) -> Result<()> {
    let permit = test.forge.authorize(who, EditFollows, &who.user().unwrap().name.clone()).await?;
    set_following(&test.forge, permit, &name(whom), true).await
}

async fn interest(test: &TestForge, who: &Caller, owner: &str, is_on: bool) -> [Result<()>; 2] {
    let star = test.forge.authorize(who, EditStar, &path(owner, "sop")).await.unwrap();
    let watch = test.forge.authorize(who, EditWatch, &path(owner, "sop")).await.unwrap();
    [set_interest(&test.forge, star, is_on).await.map(drop), set_interest(&test.forge, watch, is_on).await.map(drop)]
}

async fn collaborate(test: &TestForge, owner: &Caller, whom: &str) -> Result<()> {
    let own = owner.user().unwrap().name.to_string();
    let permit = test.forge.authorize(owner, EditCollaborators, &path(&own, "sop")).await?;
    put_collaborator(&test.forge, permit, &name(whom), AccessLevel::Write).await
}

/// Offers `given-OWNER`.
async fn offer(test: &TestForge, owner: &Caller, whom: &str) -> Result<()> {
    let own = owner.user().unwrap().name.to_string();
    let permit = test.forge.authorize(owner, TransferRepository, &path(&own, &format!("given-{own}"))).await?;
    transfer_repository(&test.forge, permit, name(whom), Vec::new()).await.map(drop)
}

async fn fork(test: &TestForge, who: &Caller, owner: &str) -> Result<()> {
    let source = test.forge.authorize(who, ReadCode, &path(owner, "sop")).await?.into_subject().repository.id;
    let permit = test.forge.authorize(who, CreateRepository, &who.user().unwrap().name.clone()).await?;
    let new = NewRepository { forked_from: Some(source), ..NewRepository::new(RepoName::new("forked").unwrap()) };
    create_repository(&test.forge, permit, new).await.map(drop)
}

/// `ada` and `bob` own `sop` and `given-ada` or `given-bob`.
async fn world() -> (TestForge, Caller, Caller) {
    let test = TestForge::start().await;
    test.user("ada").await;
    test.user("bob").await;
    let (ada, bob) = (test.sign_in("ada").await, test.sign_in("bob").await);
    for who in [&ada, &bob] {
        test.repository(who, "sop").await;
        test.repository(who, &format!("given-{}", who.user().unwrap().name)).await;
    }
    (test, ada, bob)
}

fn is_forbidden(result: Result<()>) -> bool {
    result.is_err_and(|error| error.kind() == Kind::Forbidden && !error.public().contains("block"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_what_two_had_and_refuses_it_from_then_on() {
    let (test, ada, bob) = world().await;
    for (who, other, whom) in [(&ada, &bob, "bob"), (&bob, &ada, "ada")] {
        follow(&test, who, whom).await.unwrap();
        assert!(interest(&test, who, whom, true).await.iter().all(Result::is_ok));
        collaborate(&test, other, who.user().unwrap().name.as_str()).await.unwrap();
        offer(&test, who, whom).await.unwrap();
    }
    let before = test.actions().await.len();
    set(&test, &ada, "bob", true).await.unwrap();
    let (said, left) = test
        .forge
        .read("look", |conn| {
            let event = db::audit::list_after(conn, 0, 1000)?.pop().ok_or_else(Error::not_found)?;
            let mut left = 0;
            for (table, by) in [
                ("follow", "1 = 1"),
                ("star", "1 = 1"),
                ("watch", "user_id <> (SELECT owner_id FROM repository r WHERE r.id = repo_id)"),
                ("collaboration", "1 = 1"),
                ("repository_transfer", "1 = 1"),
            ] {
                let sql = format!("SELECT COUNT(*) FROM {table} WHERE {by}");
                left += conn.first(&sql, &[], |row| row.int(0))?.unwrap_or(0);
            }
            Ok((String::from_utf8_lossy(&event.event).into_owned(), left))
        })
        .await
        .unwrap();
    assert_eq!((left, test.actions().await.len()), (0, before + 1), "one event for all of it");
    for part in ["block.add", "\"stars\":2", "\"watches\":2", "followed_by_blocked\":true", "\"level\":\"write\""] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains("loud"), "the note is not for the ledger: {said}");

    // The blocked one may do nothing to things of the other.
    assert!(is_forbidden(follow(&test, &bob, "ada").await));
    for refused in interest(&test, &bob, "ada", true).await {
        assert!(is_forbidden(refused));
    }
    assert!(is_forbidden(fork(&test, &bob, "ada").await));
    assert!(is_forbidden(offer(&test, &bob, "ada").await));
    // Nor does the other begin anything with the blocked one.
    assert!(is_forbidden(follow(&test, &ada, "bob").await));
    assert!(is_forbidden(collaborate(&test, &ada, "bob").await));
    assert!(is_forbidden(collaborate(&test, &bob, "ada").await));
    assert!(is_forbidden(offer(&test, &ada, "bob").await));
    // What is public is read as before, and taking back is never refused.
    test.forge.authorize(&bob, ReadCode, &path("ada", "sop")).await.unwrap();
    assert!(interest(&test, &bob, "ada", false).await.iter().all(Result::is_ok));
    // The one who blocks may still star what the blocked one owns: that is not acting against the block.
    assert!(interest(&test, &ada, "bob", true).await.iter().all(Result::is_ok));
    assert_eq!(test.actions().await.len(), before + 3, "what was refused wrote nothing");

    set(&test, &ada, "bob", false).await.unwrap();
    follow(&test, &bob, "ada").await.unwrap();
    assert!(interest(&test, &bob, "ada", true).await.iter().all(Result::is_ok));
    fork(&test, &bob, "ada").await.unwrap();
    collaborate(&test, &ada, "bob").await.unwrap();
    offer(&test, &bob, "ada").await.unwrap();
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_blocked_like_anybody_and_not_held_back() {
    let (test, ada, bob) = world().await;
    let error = set(&test, &ada, "ada", true).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid, "oneself");
    assert_eq!(set(&test, &ada, "nobody", true).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(set(&test, &ada, "bob", false).await.unwrap_err().kind(), Kind::Invalid, "not blocked");
    set(&test, &ada, "bob", true).await.unwrap();
    assert_eq!(set(&test, &ada, "bob", true).await.unwrap_err().kind(), Kind::Invalid, "blocked already");
    let promote = UserPatch { is_admin: Some(true), ..UserPatch::default() };
    let permit = test.forge.authorize(&test.console(), crate::access::action::EditUser, &name("bob")).await.unwrap();
    crate::forge::users::edit_user(&test.forge, permit, promote).await.unwrap();
    follow(&test, &bob, "ada").await.unwrap();
    set(&test, &ada, "bob", false).await.unwrap();
    set(&test, &ada, "bob", true).await.unwrap();
    follow(&test, &bob, "ada").await.unwrap();
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn organizations_block_who_is_no_member() {
    let (test, ada, bob) = world().await;
    let new = NewOrganization {
        name: name("acme"),
        full_name: String::new(),
        email: None,
        description: String::new(),
        website: String::new(),
        location: String::new(),
        visibility: Visibility::Public,
        repo_admin_changes_team_access: false,
    };
    let permit = test.forge.authorize(&ada, CreateOrganization, &()).await.unwrap();
    organizations::create_organization(&test.forge, permit, new).await.unwrap();
    let blocks = async |whom: &str| {
        let permit = test.forge.authorize(&ada, EditOrganizationBlocks, &name("acme")).await.unwrap();
        block(&test.forge, permit, &name(whom), String::new()).await
    };
    assert_eq!(blocks("ada").await.unwrap_err().kind(), Kind::Invalid, "a member");
    assert_eq!(blocks("acme").await.unwrap_err().kind(), Kind::Invalid, "an organization");
    blocks("bob").await.unwrap();
    assert!(is_forbidden(offer(&test, &bob, "acme").await));
    let owners = test
        .forge
        .read("owners", |conn| {
            let org = db::organizations::find_by_name(conn, &name("acme"))?.ok_or_else(Error::not_found)?;
            Ok(db::teams::list_ids(conn, org.user.id)?[0])
        })
        .await
        .unwrap();
    let permit = test.forge.authorize(&ada, EditTeamMembers, &owners).await.unwrap();
    assert!(is_forbidden(teams::put_team_member(&test.forge, permit, &name("bob")).await));
    let refused = test.forge.authorize(&bob, EditOrganizationBlocks, &name("acme")).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden);
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_leaves_behind_whom_its_new_owner_has_blocked() {
    let (test, ada, bob) = world().await;
    for name in ["eve", "fay"] {
        test.user(name).await;
    }
    let (eve, fay) = (test.sign_in("eve").await, test.sign_in("fay").await);
    for (who, name) in [(&eve, "eve"), (&fay, "fay")] {
        collaborate(&test, &ada, name).await.unwrap();
        assert!(interest(&test, who, "ada", true).await.iter().all(Result::is_ok));
    }
    set(&test, &bob, "eve", true).await.unwrap();
    let permit =
        test.forge.authorize(&bob, crate::access::action::DeleteRepository, &path("bob", "sop")).await.unwrap();
    crate::forge::repositories::delete_repository(&test.forge, permit).await.unwrap();
    let permit = test.forge.authorize(&ada, TransferRepository, &path("ada", "sop")).await.unwrap();
    transfer_repository(&test.forge, permit, name("bob"), Vec::new()).await.unwrap();
    let permit = test.forge.authorize(&bob, crate::access::action::AcceptTransfer, &path("ada", "sop")).await.unwrap();
    let moved = crate::forge::transfers::accept_transfer(&test.forge, permit).await.unwrap();
    let ids = [&eve, &fay].map(|who| who.user_id().unwrap());
    let (levels, event) = test
        .forge
        .read("look", move |conn| {
            let mut levels = Vec::new();
            for id in ids {
                levels.push(db::collaborators::level(conn, moved.id, id)?);
            }
            Ok((levels, db::audit::list_after(conn, 0, 1000)?.pop().ok_or_else(Error::not_found)?))
        })
        .await
        .unwrap();
    assert_eq!(levels, [None, Some(AccessLevel::Write)]);
    let event: Value = serde_json::from_slice(&event.event).unwrap();
    assert_eq!(event["before"]["levels_of_blocked"], json!([{ "user": ids[0], "level": "write" }]));
    assert_eq!((&event["before"]["stars_of_blocked"], &event["before"]["watches_of_blocked"]), (&json!(1), &json!(1)));
    test.finish().await;
}
