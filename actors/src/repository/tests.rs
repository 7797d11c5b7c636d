//! Turns of a repository actor over a real database and real git: who lands, who does not, and what is seen when.

use std::sync::Arc;

use super::*;
use crate::testkit::until_async;
use crate::testkit::world::{
    Commit, Policy, World, commit, edit, ingest, land, name, pack_elsewhere, quarantines, quick, refs_in_view,
    refs_on_disk, run_git, soon, update,
};

fn reason(outcome: &EditOutcome) -> &str {
    match outcome {
        EditOutcome::Applied => "applied",
        EditOutcome::Refused { reason } => reason,
    }
}

#[tokio::test]
async fn a_new_repository_is_an_ordinary_bare_one_and_takes_a_push() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    assert_eq!(run_git(&path, &["rev-parse", "--is-bare-repository"]), "true");
    assert_eq!(run_git(&path, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    let before = repository.view();
    let first = commit(&path, "first");
    land(&repository, vec![edit("refs/heads/main", None, Some(first))]).await;
    assert!(before.refs.is_empty(), "a view that was taken does not change");
    assert_eq!(refs_in_view(&repository), format!("{first} refs/heads/main"));
    assert_eq!(refs_on_disk(&path), refs_in_view(&repository), "written when the push is answered");
    world.settled().await;
    run_git(&path, &["fsck", "--strict"]);
    world.stop().await;
}

#[tokio::test]
async fn concurrent_updates_of_different_refs_all_land() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let tip = commit(&path, "tip");
    let pushes: Vec<_> = (0..64)
        .map(|n| {
            let repository = repository.clone();
            tokio::spawn(
                async move { land(&repository, vec![edit(&format!("refs/heads/b{n}"), None, Some(tip))]).await },
            )
        })
        .collect();
    for push in pushes {
        push.await.unwrap();
    }
    assert_eq!(repository.view().refs.len(), 64);
    world.settled().await;
    assert_eq!(refs_on_disk(&path), refs_in_view(&repository));
    assert_eq!(world.rows("SELECT name FROM journal").await.len(), 64);
    world.stop().await;
}

#[tokio::test]
async fn of_many_updates_from_the_same_old_value_exactly_one_lands() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let base = commit(&path, "base");
    land(&repository, vec![edit("refs/heads/main", None, Some(base))]).await;
    let tips: Vec<_> = (0..8).map(|n| commit(&path, &format!("tip {n}"))).collect();
    let pushes: Vec<_> = tips
        .iter()
        .map(|tip| {
            let (repository, tip) = (repository.clone(), *tip);
            let edits = vec![edit("refs/heads/main", Some(base), Some(tip))];
            tokio::spawn(
                async move { (tip, repository.update_refs(update(edits, false, Policy::Allow)).await.unwrap()) },
            )
        })
        .collect();
    let mut landed = Vec::new();
    for push in pushes {
        let (tip, outcomes) = push.await.unwrap();
        match &outcomes[..] {
            [EditOutcome::Applied] => landed.push(tip),
            [EditOutcome::Refused { reason }] => assert!(reason.contains("refs/heads/main"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(landed.len(), 1);
    world.settled().await;
    assert_eq!(refs_on_disk(&path), format!("{} refs/heads/main", landed[0]));
    world.stop().await;
}

#[tokio::test]
async fn misfits_and_policy_refuse_their_edit_and_an_atomic_push_as_a_whole() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let tip = commit(&path, "tip");
    let edits = || {
        vec![
            edit("refs/heads/a", None, Some(tip)),
            edit("refs/heads/protected", None, Some(tip)),
            edit("refs/heads/gone", Some(tip), None),
            edit("refs/heads/a/b", None, Some(tip)),
        ]
    };
    let atomic = repository.update_refs(update(edits(), true, Policy::Protect)).await.unwrap();
    assert!(atomic.iter().all(|outcome| !outcome.is_applied()), "{atomic:?}");
    let only_policy = vec![edit("refs/heads/a", None, Some(tip)), edit("refs/heads/protected", None, Some(tip))];
    let atomic = repository.update_refs(update(only_policy, true, Policy::Protect)).await.unwrap();
    assert_eq!([reason(&atomic[0]), reason(&atomic[1])], ["atomic push failure", "protected"]);
    assert!(world.rows("SELECT name FROM journal").await.is_empty(), "nothing of an atomic push is left");

    let each = repository.update_refs(update(edits(), false, Policy::Protect)).await.unwrap();
    assert!(each[0].is_applied());
    assert_eq!(reason(&each[1]), "protected");
    assert!(!each[2].is_applied() && !each[3].is_applied(), "{each:?}");
    assert_eq!(world.rows("SELECT name FROM journal").await, ["refs/heads/a"]);
    assert_eq!(refs_on_disk(&path), format!("{tip} refs/heads/a"));
    world.stop().await;
}

#[tokio::test]
async fn a_ref_kept_by_policy_does_not_make_way() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let tip = commit(&world.path("ada/sop.git"), "tip");
    land(&repository, vec![edit("refs/heads/protected", None, Some(tip))]).await;
    let edits = vec![edit("refs/heads/protected", Some(tip), None), edit("refs/heads/protected-not", None, Some(tip))];
    let edits = edits.into_iter().chain([edit("refs/heads/protected/x", None, Some(tip))]).collect();
    // `Protect` would refuse all three by name; this one keeps only the deletion out.
    struct KeepDeleted;
    impl CommitRefs for KeepDeleted {
        fn commit(
            self: Box<Self>,
            _: &dyn sql::Connection,
            _: i64,
            edits: &[git::RefEdit],
        ) -> Result<Vec<EditOutcome>, BoxError> {
            let decide = |edit: &git::RefEdit| match edit.new {
                Some(_) => EditOutcome::Applied,
                None => EditOutcome::Refused { reason: "kept".to_owned() },
            };
            Ok(edits.iter().map(decide).collect())
        }
    }
    let update = UpdateRefs { edits, atomic: false, ingested: None, commit: Box::new(KeepDeleted), deadline: soon() };
    let outcomes = repository.update_refs(update).await.unwrap();
    assert!(outcomes.iter().all(|outcome| !outcome.is_applied()), "{outcomes:?}");
    assert_eq!(reason(&outcomes[0]), "kept");
    assert_eq!(refs_in_view(&repository), format!("{tip} refs/heads/protected"));
    world.stop().await;
}

#[tokio::test]
async fn a_commit_that_fails_changes_neither_view_nor_rows_nor_disk() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let tip = commit(&path, "tip");
    let version = repository.view().version;
    for policy in [Policy::Fail, Policy::Panic, Policy::Miscount] {
        let edits = vec![edit("refs/heads/main", None, Some(tip))];
        let failed = repository.update_refs(update(edits, false, policy)).await;
        match (policy, failed) {
            (Policy::Fail, Err(Error::Rejected(error))) => assert_eq!(error.to_string(), "as told"),
            (Policy::Panic, Err(Error::Panicked { .. })) | (Policy::Miscount, Err(Error::Contract { .. })) => {}
            (_, other) => panic!("{other:?}"),
        }
    }
    assert_eq!(repository.view().version, version);
    assert!(world.rows("SELECT name FROM refs").await.is_empty());
    assert_eq!(refs_on_disk(&path), "");
    assert_eq!(world.directory.inspect(soon()).await.unwrap().deaths, 0, "a failed request is no broken state");
    world.stop().await;
}

#[tokio::test]
async fn a_ref_to_an_object_that_is_not_here_is_refused() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let nowhere = git::ObjectId::from([7; 20]);
    let edits = vec![edit("refs/heads/main", None, Some(nowhere))];
    let failed = repository.update_refs(update(edits, false, Policy::Allow)).await;
    assert!(matches!(failed, Err(Error::Git(git::Error::MissingObject { .. }))), "{failed:?}");
    assert!(world.rows("SELECT name FROM journal").await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_request_past_its_deadline_is_dropped_unrun() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let tip = commit(&world.path("ada/sop.git"), "tip");
    let edits = vec![edit("refs/heads/main", None, Some(tip))];
    let stale = UpdateRefs { deadline: Deadline::after(Duration::ZERO), ..update(edits, false, Policy::Allow) };
    assert!(matches!(repository.update_refs(stale).await, Err(Error::Expired { what: "update refs" })));
    assert!(repository.view().refs.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_push_whose_caller_went_away_is_finished() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let tip = commit(&world.path("ada/sop.git"), "tip");
    let (is_running, running) = tokio::sync::oneshot::channel();
    let (release, held) = std::sync::mpsc::sync_channel::<()>(1);
    let writer = world.database.writer.clone();
    let hold = tokio::spawn(async move {
        let hold = move |_: &dyn sql::Connection| {
            is_running.send(()).unwrap();
            held.recv().unwrap();
            Ok::<_, Error>(())
        };
        writer.write("hold", hold).await
    });
    running.await.unwrap();
    let push = tokio::spawn({
        let repository = repository.clone();
        async move { land(&repository, vec![edit("refs/heads/main", None, Some(tip))]).await }
    });
    crate::testkit::until("the push is accepted", || (repository.live.load().gate.in_flight() == 1).then_some(()))
        .await;
    push.abort();
    release.send(()).unwrap();
    hold.await.unwrap().unwrap();
    crate::testkit::until("the push landed", || (repository.view().refs.len() == 1).then_some(())).await;
    world.stop().await;
}

#[tokio::test]
async fn head_moves_in_rows_view_and_file_together() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let set = |tx: &dyn sql::Connection| {
        tx.execute("UPDATE repository SET head = 'refs/heads/trunk' WHERE id = 1", &[])?;
        Ok(())
    };
    repository.set_head(name("refs/heads/trunk"), set, soon()).await.unwrap();
    assert_eq!(repository.view().head, name("refs/heads/trunk"));
    assert_eq!(run_git(&path, &["symbolic-ref", "HEAD"]), "refs/heads/trunk");
    let failed = repository.set_head(name("refs/heads/x"), |_| Err("no".into()), soon()).await;
    assert!(matches!(failed, Err(Error::Rejected(_))));
    assert_eq!(repository.view().head, name("refs/heads/trunk"));
    drop(repository);
    let home = world.stop().await;
    let world = World::at(home, quick()).await;
    assert_eq!(world.open(1).await.view().head, name("refs/heads/trunk"));
    world.stop().await;
}

/// Commits, and takes the directory of the repository away before its files can be written.
struct CommitAndHide {
    path: std::path::PathBuf,
}

impl CommitRefs for CommitAndHide {
    fn commit(
        self: Box<Self>,
        tx: &dyn sql::Connection,
        repo: i64,
        edits: &[git::RefEdit],
    ) -> Result<Vec<EditOutcome>, BoxError> {
        std::fs::rename(&self.path, self.path.with_extension("away"))?;
        std::fs::write(&self.path, "in the way")?;
        Box::new(Commit(Policy::Allow)).commit(tx, repo, edits)
    }
}

#[tokio::test]
async fn a_projection_that_fails_does_not_fail_the_push_and_is_made_up_for() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let tip = commit(&path, "tip");
    let edits = vec![edit("refs/heads/main", None, Some(tip))];
    let hide = Box::new(CommitAndHide { path: path.clone() });
    let update = UpdateRefs { edits, atomic: false, ingested: None, commit: hide, deadline: soon() };
    assert_eq!(repository.update_refs(update).await.unwrap(), [EditOutcome::Applied]);
    assert_eq!(refs_in_view(&repository), format!("{tip} refs/heads/main"));
    assert!(repository.inspect(soon()).await.unwrap().is_disk_behind);
    std::fs::remove_file(&path).unwrap();
    std::fs::rename(path.with_extension("away"), &path).unwrap();
    assert_eq!(refs_on_disk(&path), "", "the projection did fail");
    land(&repository, vec![edit("refs/heads/second", None, Some(tip))]).await;
    until_async("the files have followed", || async {
        let status = repository.inspect(soon()).await.unwrap();
        (!status.is_disk_behind && status.projected_seq == status.journal_seq).then_some(())
    })
    .await;
    assert_eq!(refs_on_disk(&path), refs_in_view(&repository));
    assert!(world.rows("SELECT name FROM unexplained").await.is_empty(), "the journal explains all of it");
    world.stop().await;
}

#[tokio::test]
async fn many_refs_in_one_push_and_their_deletion_reach_the_disk() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let tip = commit(&path, "tip");
    let names: Vec<_> = (0..300).map(|n| format!("refs/heads/topic/{n}")).collect();
    land(&repository, names.iter().map(|name| edit(name, None, Some(tip))).collect()).await;
    world.settled().await;
    assert_eq!(refs_on_disk(&path), refs_in_view(&repository));
    land(&repository, names.iter().skip(1).map(|name| edit(name, Some(tip), None)).collect()).await;
    land(&repository, vec![edit(&names[0], Some(tip), None), edit("refs/heads/topic", None, Some(tip))]).await;
    world.settled().await;
    assert_eq!(refs_on_disk(&path), format!("{tip} refs/heads/topic"));
    world.stop().await;
}

#[tokio::test]
async fn a_handle_survives_the_death_of_its_actor() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let tip = commit(&path, "tip");
    land(&repository, vec![edit("refs/heads/a", None, Some(tip))]).await;
    repository.live.load().actor.send_message(Msg::Break).unwrap();
    until_async("the death is counted", || async {
        (world.directory.inspect(soon()).await.unwrap().deaths == 1).then_some(())
    })
    .await;
    assert_eq!(refs_in_view(&repository), format!("{tip} refs/heads/a"), "readers do not notice");
    land(&repository, vec![edit("refs/heads/b", None, Some(tip))]).await;
    world.settled().await;
    assert_eq!(refs_on_disk(&path), refs_in_view(&repository));
    assert_eq!(refs_in_view(&world.open(1).await), refs_in_view(&repository));
    assert_eq!(world.database.escalation_count(), 0, "a repository is not critical");
    assert!(Arc::ptr_eq(&repository.view(), &world.open(1).await.view()));
    world.stop().await;
}

#[tokio::test]
async fn a_pack_is_installed_before_its_refs_move_and_a_refused_one_never() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let (tip, pack) = pack_elsewhere(world.home.path(), "first");
    let misfit = edit("refs/heads/main", Some(tip), Some(tip));
    let refused =
        UpdateRefs { ingested: Some(ingest(&repository, pack.clone())), ..update(vec![misfit], false, Policy::Allow) };
    assert!(!repository.update_refs(refused).await.unwrap()[0].is_applied());
    assert!(!repository.view().odb.contains(&tip).unwrap());
    assert_eq!(quarantines(&path), 0);

    let edits = vec![edit("refs/heads/main", None, Some(tip))];
    let pushed = UpdateRefs { ingested: Some(ingest(&repository, pack)), ..update(edits, false, Policy::Allow) };
    assert!(repository.update_refs(pushed).await.unwrap()[0].is_applied());
    assert!(repository.view().odb.contains(&tip).unwrap());
    world.settled().await;
    assert_eq!(quarantines(&path), 0);
    assert_eq!(run_git(&path, &["log", "--format=%s", "main"]), "first");
    run_git(&path, &["fsck", "--strict"]);
    world.stop().await;
}

#[tokio::test]
async fn a_pack_in_quarantine_survives_the_death_of_the_actor() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let (tip, pack) = pack_elsewhere(world.home.path(), "first");
    let ingested = ingest(&repository, pack);
    repository.live.load().actor.send_message(Msg::Break).unwrap();
    until_async("the death is counted", || async {
        (world.directory.inspect(soon()).await.unwrap().deaths == 1).then_some(())
    })
    .await;
    let edits = vec![edit("refs/heads/main", None, Some(tip))];
    let pushed = UpdateRefs { ingested: Some(ingested), ..update(edits, false, Policy::Allow) };
    assert!(repository.update_refs(pushed).await.unwrap()[0].is_applied());
    let fresh = world.open(1).await;
    assert!(fresh.view().odb.contains(&tip).unwrap(), "those who open later see the pack too");
    drop(fresh);
    world.stop().await;
}

/// A push of a small pack to one branch.
fn small_push(
    repository: &RepositoryHandle,
    home: &std::path::Path,
    name: &str,
    policy: Policy,
) -> (git::ObjectId, UpdateRefs) {
    let (tip, pack) = pack_elsewhere(home, name);
    let edits = vec![edit(&format!("refs/heads/{name}"), None, Some(tip))];
    (tip, UpdateRefs { ingested: Some(ingest(repository, pack)), ..update(edits, false, policy) })
}

/// Bounds under which nothing becomes a file by itself.
fn lazy() -> crate::DirectoryOptions {
    crate::DirectoryOptions { settle_after: Duration::from_secs(3600), ..quick() }
}

#[tokio::test]
async fn a_small_pack_is_durable_without_a_file_and_survives_a_crash() {
    let world = World::new(lazy()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let (tip, push) = small_push(&repository, world.home.path(), "main", Policy::Allow);
    assert!(repository.update_refs(push).await.unwrap()[0].is_applied());
    assert!(repository.view().odb.contains(&tip).unwrap());
    assert_eq!(repository.inspect(soon()).await.unwrap().waiting_packs, 1);
    assert_eq!(refs_on_disk(&path), "", "a ref does not go before its pack");
    assert_eq!(std::fs::read_dir(path.join("objects/pack")).unwrap().count(), 0);
    drop(repository);
    let home = world.crash().await;
    let world = World::at(home, quick()).await;
    assert_eq!(world.directory.reconcile_unprojected().await.unwrap(), 1);
    let repository = world.open(1).await;
    assert!(repository.view().odb.contains(&tip).unwrap());
    assert_eq!(refs_on_disk(&path), refs_in_view(&repository), "brought in line before anybody gets it");
    run_git(&path, &["fsck", "--strict"]);
    world.settled().await;
    world.stop().await;
}

#[tokio::test]
async fn closing_and_file_work_find_everything_in_files() {
    let world = World::new(lazy()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let (_, push) = small_push(&repository, world.home.path(), "one", Policy::Allow);
    repository.update_refs(push).await.unwrap();
    let count = |git: &git::Repository, view: &git::View| {
        assert!(view.odb.packs().iter().all(|pack| !pack.is_waiting()));
        Ok(std::fs::read_dir(git.path().join("objects/pack")).unwrap().count())
    };
    assert_eq!(repository.in_turn("look", count, soon()).await.unwrap(), 2);
    assert!(world.rows("SELECT CAST(id AS TEXT) FROM waiting").await.is_empty());
    let (_, push) = small_push(&repository, world.home.path(), "two", Policy::Allow);
    repository.update_refs(push).await.unwrap();
    let refs = refs_in_view(&repository);
    drop(repository);
    let home = world.stop().await;
    assert_eq!(refs_on_disk(&path), refs);
    drop(home);
}

#[tokio::test]
async fn a_push_that_is_not_committed_leaves_nothing_of_its_pack() {
    let world = World::new(lazy()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    for (name, policy) in [("failed", Policy::Fail), ("panicked", Policy::Panic), ("protected", Policy::Protect)] {
        let (tip, push) = small_push(&repository, world.home.path(), name, policy);
        let outcome = repository.update_refs(push).await;
        assert!(outcome.is_err() || !outcome.unwrap()[0].is_applied(), "{name}");
        assert!(!repository.view().odb.contains(&tip).unwrap(), "{name}");
    }
    let (tip, push) = small_push(&repository, world.home.path(), "late", Policy::Allow);
    let late = UpdateRefs { deadline: Deadline::after(Duration::ZERO), ..push };
    assert!(matches!(repository.update_refs(late).await, Err(Error::Expired { .. })));
    assert!(!repository.view().odb.contains(&tip).unwrap());
    assert!(world.rows("SELECT CAST(id AS TEXT) FROM waiting").await.is_empty());
    assert_eq!(repository.inspect(soon()).await.unwrap().waiting_packs, 0);
    assert_eq!(std::fs::read_dir(path.join("objects/pack")).unwrap().count(), 0);
    world.stop().await;
}

#[tokio::test]
async fn pushes_that_wait_together_share_a_commit_and_one_that_fails_takes_no_other_along() {
    let world = World::new(lazy()).await;
    let repository = world.open_first().await;
    let (running, release) = hold_the_writer(&world).await;
    let before = world.database.writer.inspect(soon()).await.unwrap().commits;
    let mut pushes = Vec::new();
    for n in 0..9 {
        let policy = if n % 3 == 1 { Policy::Fail } else { Policy::Allow };
        let (_, push) = small_push(&repository, world.home.path(), &format!("b{n}"), policy);
        let repository = repository.clone();
        pushes.push(tokio::spawn(async move { repository.update_refs(push).await }));
    }
    crate::testkit::until("all are accepted", || (repository.live.load().gate.in_flight() == 9).then_some(())).await;
    release.send(()).unwrap();
    running.await.unwrap();
    let mut landed = 0;
    for push in pushes {
        landed += usize::from(matches!(push.await.unwrap(), Ok(outcomes) if outcomes[0].is_applied()));
    }
    assert_eq!((landed, repository.view().refs.len()), (6, 6));
    let commits = world.database.writer.inspect(soon()).await.unwrap().commits - before;
    assert!(commits <= 4, "{commits} commits for 9 pushes that waited together");
    assert_eq!(world.rows("SELECT name FROM refs").await.len(), 6);
    assert_eq!(repository.inspect(soon()).await.unwrap().waiting_packs, 6);
    let refs = refs_in_view(&repository);
    drop(repository);
    let path = world.path("ada/sop.git");
    let home = world.stop().await;
    assert_eq!(refs_on_disk(&path), refs);
    run_git(&path, &["fsck", "--strict"]);
    drop(home);
}

/// Keeps the writer busy until told otherwise.
async fn hold_the_writer(world: &World) -> (tokio::task::JoinHandle<()>, std::sync::mpsc::SyncSender<()>) {
    let (release, held) = std::sync::mpsc::sync_channel::<()>(1);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let writer = world.database.writer.clone();
    let running = tokio::spawn(async move {
        let hold = move |_: &dyn sql::Connection| {
            begun.send(()).unwrap();
            held.recv().unwrap();
            Ok::<_, Error>(())
        };
        writer.write("hold", hold).await.unwrap();
    });
    has_begun.await.unwrap();
    (running, release)
}

#[tokio::test]
async fn packs_that_find_no_room_in_memory_are_files_at_once() {
    let waiting = WaitingLimits { packs: 512, total_bytes: 1 };
    let world = World::new(crate::DirectoryOptions { waiting, ..lazy() }).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let (_, push) = small_push(&repository, world.home.path(), "main", Policy::Allow);
    assert!(repository.update_refs(push).await.unwrap()[0].is_applied());
    assert_eq!(std::fs::read_dir(path.join("objects/pack")).unwrap().count(), 2);
    assert_eq!(refs_on_disk(&path), refs_in_view(&repository));
    assert!(world.rows("SELECT CAST(id AS TEXT) FROM waiting").await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn many_packs_that_wait_are_written_at_once_and_a_full_disk_is_made_up_for() {
    let waiting = WaitingLimits { packs: 3, ..WaitingLimits::default() };
    let world =
        World::new(crate::DirectoryOptions { waiting, settle_after: Duration::from_millis(400), ..quick() }).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    // No quarantine can be made here.
    let objects = path.join("objects");
    std::fs::rename(&objects, path.join("away")).unwrap();
    std::fs::write(&objects, "in the way").unwrap();
    let mut refs = 0;
    for n in 0..4 {
        let (tip, push) = small_push(&repository, world.home.path(), &format!("b{n}"), Policy::Allow);
        assert!(repository.update_refs(push).await.unwrap()[0].is_applied(), "memory and database are enough");
        assert!(repository.view().odb.contains(&tip).unwrap());
        refs += 1;
    }
    until_async("the failure is noticed", || async {
        repository.inspect(soon()).await.unwrap().is_disk_behind.then_some(())
    })
    .await;
    std::fs::remove_file(&objects).unwrap();
    std::fs::rename(path.join("away"), &objects).unwrap();
    world.settled().await;
    assert_eq!(refs_on_disk(&path).lines().count(), refs);
    assert_eq!(refs_on_disk(&path), refs_in_view(&repository));
    assert!(world.rows("SELECT name FROM unexplained").await.is_empty());
    run_git(&path, &["fsck", "--strict"]);
    world.stop().await;
}
