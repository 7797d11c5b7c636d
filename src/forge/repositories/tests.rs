use std::path::Path;

use super::*;
use crate::access::action::ReadRepository;
use crate::access::action::{DeleteRepository, ListOwnRepositories, ListUserRepositories, SearchRepositories};
use crate::db::testing::{edit, push};
use crate::forge::testing::{TestForge, path};
use crate::model::RepoName;
use crate::model::repository::RepositoryQuery;
use crate::model::{AccessLevel, Page};

async fn change(test: &TestForge, caller: &Caller, name: &str, patch: RepositoryPatch) -> Result<Repository> {
    let permit = test.forge.authorize(caller, EditRepository, &path("ada", name)).await?;
    edit_repository(&test.forge, permit, patch).await
}

async fn delete(test: &TestForge, caller: &Caller, name: &str) -> Result<()> {
    let permit = test.forge.authorize(caller, DeleteRepository, &path("ada", name)).await?;
    delete_repository(&test.forge, permit).await
}

fn rename(name: &str) -> RepositoryPatch {
    RepositoryPatch { name: Some(RepoName::new(name).unwrap()), ..RepositoryPatch::default() }
}

fn on_disk(test: &TestForge, name: &str) -> bool {
    test.directory.path().join("git/repositories").join(Path::new("ada")).join(format!("{name}.git/HEAD")).exists()
}

async fn ada(test: &TestForge) -> Caller {
    test.user("ada").await;
    test.sign_in("ada").await
}

#[tokio::test]
async fn a_repository_is_made_with_its_directory() {
    let test = TestForge::start().await;
    let ada = ada(&test).await;
    let made = test.repository(&ada, "Sop").await;
    assert_eq!((made.full_name().as_str(), made.default_branch.as_str(), made.is_empty), ("ada/Sop", "main", true));
    assert!(on_disk(&test, "Sop"));
    let permit = test.forge.authorize(&ada, CreateRepository, &ada.user().unwrap().name).await.unwrap();
    let again = NewRepository::new(RepoName::new("sOP").unwrap());
    assert_eq!(create_repository(&test.forge, permit, again).await.unwrap_err().kind(), Kind::Conflict);
    for (branch, auto_init) in [("a..b", false), ("-x", false), ("HEAD", false), ("main", true)] {
        let permit = test.forge.authorize(&ada, CreateRepository, &ada.user().unwrap().name).await.unwrap();
        let new = NewRepository {
            default_branch: Some(branch.into()),
            auto_init,
            ..NewRepository::new(RepoName::new("other").unwrap())
        };
        assert_eq!(create_repository(&test.forge, permit, new).await.unwrap_err().kind(), Kind::Invalid, "{branch}");
    }
    assert_eq!(test.actions().await, ["user.create", "repository.create"]);
    test.finish().await;
}

#[tokio::test]
async fn a_fork_is_private_where_its_source_was_closed_meanwhile() {
    let test = TestForge::start().await;
    let ada = ada(&test).await;
    let source = test.repository(&ada, "sop").await;
    for (name, is_private) in [("open", false), ("closed", true)] {
        let patch = RepositoryPatch { is_private: Some(is_private), ..RepositoryPatch::default() };
        change(&test, &ada, "sop", patch).await.unwrap();
        let permit = test.forge.authorize(&ada, CreateRepository, &ada.user().unwrap().name).await.unwrap();
        // As who saw it open has it made.
        let new = NewRepository { forked_from: Some(source.id), ..NewRepository::new(RepoName::new(name).unwrap()) };
        assert!(!new.is_private);
        assert_eq!(create_repository(&test.forge, permit, new).await.unwrap().is_private, is_private, "{name}");
    }
    test.finish().await;
}

#[tokio::test]
async fn settings_change_with_one_event() {
    let test = TestForge::start().await;
    let ada = ada(&test).await;
    test.repository(&ada, "sop").await;
    let patch = RepositoryPatch {
        description: Some("Procedures".into()),
        is_private: Some(true),
        is_archived: Some(true),
        ..RepositoryPatch::default()
    };
    let changed = change(&test, &ada, "sop", patch.clone()).await.unwrap();
    assert!(changed.is_private && changed.is_archived && changed.archived_ms.is_some());
    change(&test, &ada, "sop", patch).await.unwrap();
    let back = RepositoryPatch { is_archived: Some(false), ..RepositoryPatch::default() };
    assert_eq!(change(&test, &ada, "sop", back).await.unwrap().archived_ms, None);
    let bad = RepositoryPatch { website: Some("ftp://x".into()), ..RepositoryPatch::default() };
    assert_eq!(change(&test, &ada, "sop", bad).await.unwrap_err().kind(), Kind::Invalid);
    assert_eq!(
        test.actions().await,
        ["user.create", "repository.create", "repository.edit", "repository.edit"],
        "saying the same again is no change"
    );
    test.finish().await;
}

#[tokio::test]
async fn a_rename_moves_the_directory_and_leaves_a_redirect() {
    let test = TestForge::start().await;
    let ada = ada(&test).await;
    let made = test.repository(&ada, "sop").await;
    assert_eq!(change(&test, &ada, "sop", rename("manual")).await.unwrap().id, made.id);
    assert!(on_disk(&test, "manual") && !on_disk(&test, "sop"));
    let found = test.forge.authorize(&ada, ReadRepository, &path("ada", "sop")).await.unwrap().into_subject();
    assert!(found.is_redirected && found.repository.name.as_str() == "manual");
    let taken = test.repository(&ada, "sop").await;
    assert_ne!(taken.id, made.id);
    let found = test.forge.authorize(&ada, ReadRepository, &path("ada", "sop")).await.unwrap().into_subject();
    assert!(!found.is_redirected && found.repository.id == taken.id, "the new repository takes the name over");
    assert_eq!(change(&test, &ada, "sop", rename("MANUAL")).await.unwrap_err().kind(), Kind::Conflict);
    assert_eq!(
        change(&test, &ada, "manual", rename("Manual")).await.unwrap().name.as_str(),
        "Manual",
        "case alone may change"
    );
    assert!(on_disk(&test, "Manual"));
    test.finish().await;
}

#[tokio::test]
async fn names_can_be_exchanged() {
    let test = TestForge::start().await;
    let ada = ada(&test).await;
    let (one, two) = (test.repository(&ada, "one").await, test.repository(&ada, "two").await);
    change(&test, &ada, "one", rename("three")).await.unwrap();
    change(&test, &ada, "two", rename("one")).await.unwrap();
    change(&test, &ada, "three", rename("two")).await.unwrap();
    for (name, id) in [("two", one.id), ("one", two.id)] {
        let found = test.forge.authorize(&ada, ReadRepository, &path("ada", name)).await.unwrap().into_subject();
        assert_eq!((found.repository.id, found.is_redirected), (id, false));
        let handle = test.forge.open(&found.repository).await.unwrap();
        assert_eq!(handle.git().repository_id(), Some(id.get()));
    }
    test.finish().await;
}

#[tokio::test]
async fn the_default_branch_must_exist_and_reaches_head() {
    let test = TestForge::start().await;
    let ada = ada(&test).await;
    let made = test.repository(&ada, "sop").await;
    let branch = |name: &str| RepositoryPatch { default_branch: Some(name.into()), ..RepositoryPatch::default() };
    assert_eq!(change(&test, &ada, "sop", branch("trunk")).await.unwrap().default_branch, "trunk");
    let head = |test: &TestForge| {
        std::fs::read_to_string(test.directory.path().join("git/repositories/ada/sop.git/HEAD")).unwrap()
    };
    assert_eq!(head(&test), "ref: refs/heads/trunk\n");
    test.forge
        .write("refs without objects", move |tx| {
            push(tx, made.id, &edit("refs/heads/trunk", None, Some(1)));
            Ok(())
        })
        .await
        .unwrap();
    let error = change(&test, &ada, "sop", branch("missing")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(head(&test), "ref: refs/heads/trunk\n");
    let both = RepositoryPatch { name: Some(RepoName::new("manual").unwrap()), ..branch("missing") };
    assert_eq!(change(&test, &ada, "sop", both).await.unwrap_err().kind(), Kind::Invalid);
    assert!(test.forge.authorize(&ada, ReadRepository, &path("ada", "manual")).await.is_err(), "nothing half done");
    test.finish().await;
}

#[tokio::test]
async fn deletion_takes_rows_and_directory_and_keeps_the_journal() {
    let test = TestForge::start().await;
    let ada = ada(&test).await;
    let made = test.repository(&ada, "sop").await;
    test.forge
        .write("refs without objects", move |tx| {
            push(tx, made.id, &edit("refs/heads/main", None, Some(1)));
            Ok(())
        })
        .await
        .unwrap();
    delete(&test, &ada, "sop").await.unwrap();
    assert!(!on_disk(&test, "sop"));
    assert_eq!(delete(&test, &ada, "sop").await.unwrap_err().kind(), Kind::NotFound);
    let counts = test.forge.read("left", |conn| {
        let count = |statement: &str| conn.first(statement, &[], |row| row.int(0));
        Ok((count("SELECT COUNT(*) FROM refs")?, count("SELECT COUNT(*) FROM ref_journal")?))
    });
    assert_eq!(counts.await.unwrap(), (Some(0), Some(1)));
    let again = test.repository(&ada, "sop").await;
    assert!(again.id > made.id, "ids are never reused");
    assert!(again.is_empty);
    test.finish().await;
}

#[tokio::test]
async fn a_deletion_that_a_crash_cut_short_is_finished() {
    let test = TestForge::start().await;
    let ada = ada(&test).await;
    let made = test.repository(&ada, "sop").await;
    let kept = test.repository(&ada, "kept").await;
    let caller = ada.clone();
    test.forge
        .write("rows only", move |tx| {
            assert!(db::repositories::delete(tx, made.id)?);
            let gone = Object::in_repository("repository", made.id, "ada/sop");
            audit::append(tx, made.created_ms, &Event::new(caller.stamp(), action::REPOSITORY_DELETE, gone))?;
            Ok(())
        })
        .await
        .unwrap();
    assert!(on_disk(&test, "sop"));
    assert_eq!(finish_removals(&test.forge).await.unwrap(), 1);
    assert!(!on_disk(&test, "sop") && on_disk(&test, kept.name.as_str()));
    assert_eq!(finish_removals(&test.forge).await.unwrap(), 0);
    test.finish().await;
}

#[tokio::test]
async fn lists_show_only_what_the_caller_may_see() {
    let test = TestForge::start().await;
    let ada = ada(&test).await;
    test.user("bob").await;
    for name in ["open", "secret", "shared"] {
        test.repository(&ada, name).await;
    }
    for name in ["secret", "shared"] {
        change(&test, &ada, name, RepositoryPatch { is_private: Some(true), ..RepositoryPatch::default() })
            .await
            .unwrap();
    }
    let permit =
        test.forge.authorize(&ada, crate::access::action::EditCollaborators, &path("ada", "shared")).await.unwrap();
    let bob = test.sign_in("bob").await;
    crate::forge::collaborators::put_collaborator(&test.forge, permit, &bob.user().unwrap().name, AccessLevel::Write)
        .await
        .unwrap();
    let anonymous = Caller::anonymous(Default::default());
    let search = async |caller: &Caller, query: RepositoryQuery| {
        let permit = test.forge.authorize(caller, SearchRepositories, &()).await.unwrap();
        let page = search_repositories(&test.forge, permit, query, Page::default()).await.unwrap();
        assert_eq!(page.total_count, page.rows.len() as u64);
        page.rows.iter().map(|(row, rights)| format!("{}={}", row.name, rights.level)).collect::<Vec<_>>().join(" ")
    };
    let all = RepositoryQuery::default;
    assert_eq!(search(&anonymous, all()).await, "open=read");
    assert_eq!(search(&bob, all()).await, "open=read shared=write");
    assert_eq!(search(&ada, all()).await, "open=owner secret=owner shared=owner");
    assert_eq!(search(&test.console(), all()).await, "open=owner secret=owner shared=owner");
    let text = |text: &str| RepositoryQuery { text: text.into(), ..all() };
    assert_eq!(search(&ada, text("S")).await, "secret=owner shared=owner");
    assert_eq!(search(&ada, text("_")).await, "");
    assert_eq!(search(&bob, RepositoryQuery { uid: bob.user_id(), ..all() }).await, "shared=write");
    let exclusive = RepositoryQuery { uid: bob.user_id(), is_exclusive: true, ..all() };
    assert_eq!(search(&bob, exclusive).await, "");
    assert_eq!(search(&anonymous, RepositoryQuery { uid: ada.user_id(), ..all() }).await, "open=read");
    let other = crate::model::repository::RepositoryMode::Collaborative;
    assert_eq!(search(&ada, RepositoryQuery { uid: bob.user_id(), mode: other, ..all() }).await, "shared=owner");
    assert_eq!(
        search(&ada, RepositoryQuery { is_private: Some(true), is_descending: true, ..all() }).await,
        "shared=owner secret=owner"
    );
    assert_eq!(search(&ada, RepositoryQuery { without_private: true, ..all() }).await, "open=owner");
    let fork = RepositoryQuery { mode: crate::model::repository::RepositoryMode::Fork, ..all() };
    assert_eq!(search(&ada, fork).await, "");
    let permit = test.forge.authorize(&bob, ListOwnRepositories, &()).await.unwrap();
    assert_eq!(list_own_repositories(&test.forge, permit, Page::default()).await.unwrap().total_count, 1);
    let permit = test.forge.authorize(&bob, ListUserRepositories, &ada.user().unwrap().name).await.unwrap();
    let listed = list_user_repositories(&test.forge, permit, Page { number: 2, limit: 1 }).await.unwrap();
    assert_eq!((listed.total_count, listed.rows.len()), (2, 1));
    let details = details(&test.forge, &bob, &[listed.rows[0].0.clone()]).await.unwrap();
    assert_eq!((details[0].owner.name.as_str(), details[0].branch_count), ("ada", 0));
    test.finish().await;
}
