//! Opening, single flight, passivation, retirement, renames, crashes, and what somebody did behind the server.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::testkit::world::{World, commit, edit, land, quick, refs_in_view, refs_on_disk, run_git, soon};
use crate::testkit::{until, until_async};
use crate::{EditOutcome, sql};

#[tokio::test]
async fn concurrent_opens_share_one_start() {
    let world = World::new(quick()).await;
    world.add(1, "ada/sop.git").await;
    let opens: Vec<_> = (0..32)
        .map(|_| {
            let directory = world.directory.clone();
            tokio::spawn(async move { directory.open(1).await.unwrap() })
        })
        .collect();
    let mut handles = Vec::new();
    for open in opens {
        handles.push(open.await.unwrap());
    }
    assert!(handles.iter().all(|handle| Arc::ptr_eq(&handle.view(), &handles[0].view())));
    assert_eq!(world.directory.inspect(soon()).await.unwrap(), DirectoryStatus { open: 1, changing: 0, deaths: 0 });
    world.stop().await;
}

#[tokio::test]
async fn what_does_not_exist_cannot_be_opened() {
    let world = World::new(quick()).await;
    assert!(matches!(world.directory.open(42).await, Err(Error::NotFound { repo: 42 })));
    assert_eq!(world.directory.inspect(soon()).await.unwrap().changing, 0, "nothing is kept of it");
    world.stop().await;
}

#[tokio::test]
async fn a_path_that_leaves_the_root_is_refused() {
    let world = World::new(quick()).await;
    for (id, path) in [(1, "../evil.git"), (2, "/tmp/evil.git"), (3, "")] {
        world.add(id, path).await;
        let Err(Error::Start { source, .. }) = world.directory.open(id).await else { panic!("opened {path:?}") };
        assert!(matches!(*source, Error::Contract { .. }), "{source:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn an_idle_repository_is_closed_flushed_and_opens_again() {
    let options = DirectoryOptions {
        idle_close: Duration::from_millis(20),
        // Far away: only the closing flushes.
        settle_after: Duration::from_secs(3600),
        ..quick()
    };
    let world = World::new(options).await;
    let repository = world.open_first().await;
    let tip = commit(&world.path("ada/sop.git"), "tip");
    land(&repository, vec![edit("refs/heads/main", None, Some(tip))]).await;
    assert_eq!(world.unprojected().await, [1]);
    drop(repository);
    until_async("closed", || async {
        let status = world.directory.inspect(soon()).await.unwrap();
        (status == DirectoryStatus { open: 0, changing: 0, deaths: 0 }).then_some(())
    })
    .await;
    assert!(world.unprojected().await.is_empty(), "closing flushes and marks");
    assert_eq!(refs_in_view(&world.open(1).await), format!("{tip} refs/heads/main"));
    world.stop().await;
}

#[tokio::test]
async fn a_repository_in_use_is_not_closed() {
    let world = World::new(DirectoryOptions { idle_close: Duration::ZERO, ..quick() }).await;
    let repository = world.open_first().await;
    world.add(2, "ada/other.git").await;
    drop(world.open(2).await);
    until_async("the other is closed", || async {
        (world.directory.inspect(soon()).await.unwrap().open == 1).then_some(())
    })
    .await;
    assert!(world.directory.find_open(1).is_some() && world.directory.find_open(2).is_none());
    drop(repository);
    until("this one too", || world.directory.find_open(1).is_none().then_some(())).await;
    world.stop().await;
}

#[tokio::test]
async fn the_least_recently_used_idle_repository_makes_room() {
    let world = World::new(DirectoryOptions { max_open: 2, ..quick() }).await;
    for (id, path) in [(1, "o/1.git"), (2, "o/2.git"), (3, "o/3.git"), (4, "o/4.git")] {
        world.add(id, path).await;
    }
    let held = world.open(1).await;
    drop(world.open(2).await);
    drop(world.open(3).await);
    assert!(world.directory.find_open(1).is_some(), "in use");
    assert!(world.directory.find_open(2).is_none(), "idle");
    let also_held = world.open(3).await;
    let beyond = world.open(4).await;
    assert_eq!(world.directory.inspect(soon()).await.unwrap().open, 3, "all of them are in use");
    drop((held, also_held, beyond));
    world.stop().await;
}

#[tokio::test]
async fn a_retired_repository_stays_closed_until_the_guard_is_dropped() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let tip = commit(&world.path("ada/sop.git"), "tip");
    let retired = world.directory.retire(1).await.unwrap();
    let opened = Arc::new(AtomicUsize::new(0));
    let waiting = tokio::spawn({
        let (directory, opened) = (world.directory.clone(), Arc::clone(&opened));
        async move {
            let handle = directory.open(1).await.unwrap();
            opened.fetch_add(1, Ordering::SeqCst);
            handle
        }
    });
    until_async("somebody waits", || async {
        (world.directory.inspect(soon()).await.unwrap().changing == 1).then_some(())
    })
    .await;
    // A handle from before waits as well, and its push lands afterwards.
    let pushing = tokio::spawn({
        let repository = repository.clone();
        async move { land(&repository, vec![edit("refs/heads/main", None, Some(tip))]).await }
    });
    world.execute("UPDATE repository SET moved_from = path, path = 'bob/new.git' WHERE id = 1").await;
    assert_eq!(opened.load(Ordering::SeqCst), 0);
    drop(retired);
    let fresh = waiting.await.unwrap();
    pushing.await.unwrap();
    assert_eq!(fresh.git().path(), world.path("bob/new.git"));
    assert!(!world.path("ada/sop.git").exists());
    assert_eq!(refs_on_disk(&world.path("bob/new.git")), format!("{tip} refs/heads/main"));
    assert_eq!(refs_in_view(&repository), refs_in_view(&fresh));
    assert!(world.rows("SELECT path FROM repository WHERE moved_from IS NOT NULL").await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn a_name_may_be_used_again_before_the_renamed_directory_has_moved() {
    let world = World::new(quick()).await;
    let first = world.open_first().await;
    let tip = commit(&world.path("ada/sop.git"), "tip");
    land(&first, vec![edit("refs/heads/main", None, Some(tip))]).await;
    drop(first);
    let retired = world.directory.retire(1).await.unwrap();
    world.execute("UPDATE repository SET moved_from = path, path = 'ada/old.git' WHERE id = 1").await;
    drop(retired);
    world.add(2, "ada/sop.git").await;
    let second = world.open(2).await;
    assert!(second.view().refs.is_empty());
    let first = world.open(1).await;
    assert_eq!(first.git().path(), world.path("ada/old.git"));
    assert_eq!(refs_on_disk(&world.path("ada/old.git")), format!("{tip} refs/heads/main"));
    assert_eq!(refs_on_disk(&world.path("ada/sop.git")), "");
    drop((first, second));
    world.stop().await;
}

#[tokio::test]
async fn files_of_a_deleted_repository_are_removed_and_nobody_elses() {
    let world = World::new(quick()).await;
    drop(world.open_first().await);
    world.add(2, "ada/other.git").await;
    drop(world.open(2).await);
    let retired = world.directory.retire(1).await.unwrap();
    world.execute("DELETE FROM repository WHERE id = 1").await;
    world.directory.remove_files(&retired, Path::new("ada/other.git")).await.unwrap();
    assert!(world.path("ada/other.git").exists(), "it belongs to another");
    world.directory.remove_files(&retired, Path::new("ada/sop.git")).await.unwrap();
    assert!(!world.path("ada/sop.git").exists());
    drop(retired);
    assert!(matches!(world.directory.open(1).await, Err(Error::NotFound { .. })));
    world.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_gone_is_an_error_not_an_empty_repository() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let tip = commit(&world.path("ada/sop.git"), "tip");
    land(&repository, vec![edit("refs/heads/main", None, Some(tip))]).await;
    drop(repository);
    let home = world.stop().await;
    std::fs::remove_dir_all(home.path().join("repositories/ada/sop.git")).unwrap();
    let world = World::at(home, quick()).await;
    assert!(matches!(world.directory.open(1).await, Err(Error::Start { repo: 1, .. })));
    assert!(!world.path("ada/sop.git").exists());
    world.stop().await;
}

#[tokio::test]
async fn after_a_crash_the_rows_are_projected_again_and_nobody_is_accused() {
    let world = World::new(DirectoryOptions { settle_after: Duration::from_secs(3600), ..quick() }).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let (old, new) = (commit(&path, "old"), commit(&path, "new"));
    land(&repository, vec![edit("refs/heads/a", None, Some(old)), edit("refs/heads/b", None, Some(old))]).await;
    land(&repository, vec![edit("refs/heads/a", Some(old), Some(new)), edit("refs/heads/c", None, Some(new))]).await;
    land(&repository, vec![edit("refs/heads/b", Some(old), None), edit("refs/heads/d", None, Some(new))]).await;
    let truth = refs_in_view(&repository);
    drop(repository);
    let home = world.crash().await;
    // What a power cut may leave: an old value, a deleted ref, a missing one, an empty file.
    std::fs::write(path.join("refs/heads/a"), format!("{old}\n")).unwrap();
    std::fs::write(path.join("refs/heads/b"), format!("{old}\n")).unwrap();
    std::fs::remove_file(path.join("refs/heads/c")).unwrap();
    std::fs::write(path.join("refs/heads/d"), "").unwrap();
    std::fs::create_dir(path.join("objects/incoming-left-behind")).unwrap();

    let world = World::at(home, quick()).await;
    assert_eq!(world.directory.reconcile_unprojected().await.unwrap(), 1);
    assert_eq!(refs_on_disk(&path), truth);
    world.settled().await;
    assert!(world.rows("SELECT name FROM unexplained").await.is_empty());
    assert_eq!(world.directory.reconcile_unprojected().await.unwrap(), 0);
    assert!(!path.join("objects/incoming-left-behind").exists());
    world.stop().await;
}

#[tokio::test]
async fn what_was_changed_behind_the_server_is_reported_and_reset() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let tip = commit(&path, "tip");
    land(&repository, ["a", "b"].map(|b| edit(&format!("refs/heads/{b}"), None, Some(tip))).to_vec()).await;
    world.settled().await;
    let truth = refs_in_view(&repository);
    drop(repository);
    let home = world.stop().await;

    let forged = commit(&path, "forged");
    run_git(&path, &["update-ref", "refs/heads/a", &forged.to_string()]);
    run_git(&path, &["update-ref", "-d", "refs/heads/b"]);
    run_git(&path, &["update-ref", "refs/heads/new", &forged.to_string()]);
    run_git(&path, &["symbolic-ref", "HEAD", "refs/heads/new"]);

    let world = World::at(home, quick()).await;
    let repository = world.open(1).await;
    assert_eq!(refs_in_view(&repository), truth, "never adopted");
    assert_eq!(refs_on_disk(&path), truth);
    assert_eq!(run_git(&path, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    let reported = world
        .rows("SELECT name || ' ' || COALESCE(found, '-') || ' ' || COALESCE(expected, '-') FROM unexplained ORDER BY name")
        .await;
    let expected =
        [format!("refs/heads/a {forged} {tip}"), format!("refs/heads/b - {tip}"), format!("refs/heads/new {forged} -")];
    assert_eq!(reported, expected);
    drop(repository);
    let home = world.stop().await;
    let world = World::at(home, quick()).await;
    drop(world.open(1).await);
    assert_eq!(world.rows("SELECT name FROM unexplained").await.len(), 3, "reported once");
    world.stop().await;
}

#[tokio::test]
async fn refs_that_stock_git_packed_are_still_the_same_refs() {
    let world = World::new(quick()).await;
    let repository = world.open_first().await;
    let path = world.path("ada/sop.git");
    let tip = commit(&path, "tip");
    land(&repository, vec![edit("refs/heads/a", None, Some(tip)), edit("refs/heads/b", None, Some(tip))]).await;
    world.settled().await;
    run_git(&path, &["pack-refs", "--all"]);
    land(&repository, vec![edit("refs/heads/a", Some(tip), None)]).await;
    world.settled().await;
    assert_eq!(refs_on_disk(&path), format!("{tip} refs/heads/b"));
    drop(repository);
    let home = world.stop().await;
    let world = World::at(home, quick()).await;
    drop(world.open(1).await);
    assert!(world.rows("SELECT name FROM unexplained").await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn shutdown_finishes_turns_flushes_and_refuses() {
    let world = World::new(DirectoryOptions { settle_after: Duration::from_secs(3600), ..quick() }).await;
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
    until_async("the push is in its turn", || async {
        (world.database.writer.inspect(soon()).await.unwrap().queued == 1).then_some(())
    })
    .await;
    let stopping = tokio::spawn({
        let directory = world.directory.clone();
        async move { directory.shutdown().await }
    });
    until("nothing new is admitted", || world.directory.find_open(1).is_none().then_some(())).await;
    assert!(!stopping.is_finished());
    release.send(()).unwrap();
    hold.await.unwrap().unwrap();
    push.await.unwrap();
    stopping.await.unwrap();
    assert!(world.unprojected().await.is_empty(), "flushed and marked");
    assert!(matches!(world.directory.open(1).await, Err(Error::Stopped { .. })));
    world.stop().await;
}

#[tokio::test]
async fn the_death_of_the_directory_escalates() {
    let world = World::new(quick()).await;
    world.directory.actor.get_cell().kill();
    let seen = until("escalation", || {
        world.database.escalations.lock().unwrap_or_else(PoisonError::into_inner).first().cloned()
    })
    .await;
    assert_eq!((seen.child, seen.exit_code), ("directory", EXIT_DIRECTORY));
}

#[tokio::test]
async fn updates_race_with_closing_and_none_is_lost() {
    let world = World::new(DirectoryOptions { idle_close: Duration::ZERO, ..quick() }).await;
    world.add(1, "ada/sop.git").await;
    drop(world.open(1).await);
    let tip = commit(&world.path("ada/sop.git"), "tip");
    for n in 0..40 {
        let repository = world.open(1).await;
        let edits = vec![edit(&format!("refs/heads/b{n}"), None, Some(tip))];
        let update = crate::testkit::world::update(edits, false, crate::testkit::world::Policy::Allow);
        assert_eq!(repository.update_refs(update).await.unwrap(), [EditOutcome::Applied]);
        drop(repository);
        if n % 4 == 0 {
            until("closed", || world.directory.find_open(1).is_none().then_some(())).await;
        }
    }
    assert_eq!(world.open(1).await.view().refs.len(), 40);
    world.stop().await;
}
