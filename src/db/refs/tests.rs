use std::path::Path;
use std::sync::Arc;

use atomicqms_actors::{RefStore, Unexplained};

use super::*;
use crate::db::repositories;
use crate::db::testing::{self, NOON, edit, oid, push};
use crate::model::RepoName;
use crate::model::time::ManualClock;

const MAIN: &str = "refs/heads/main";

fn world() -> (rusqlite::Connection, RepoId, Refs) {
    let conn = testing::open();
    let ada = testing::user(&conn, "Ada");
    let repo = testing::repository(&conn, ada, "sop");
    (conn, repo, Refs::new(Arc::new(ManualClock::new(NOON))))
}

#[test]
fn a_ref_moves_only_from_the_value_that_was_seen() {
    let (conn, repo, _) = world();
    let try_edit = |old, new| record_edit(&conn, repo, &edit(MAIN, old, new), None, 1000, NOON).unwrap();
    for (old, new) in [(Some(1), Some(2)), (Some(1), None), (None, None)] {
        assert!(!try_edit(old, new), "absent: {old:?} -> {new:?}");
    }
    push(&conn, repo, &edit(MAIN, None, Some(1)));
    for (old, new) in [(None, Some(2)), (Some(2), Some(3)), (Some(2), None)] {
        assert!(!try_edit(old, new), "at 1: {old:?} -> {new:?}");
    }
    assert_eq!(find(&conn, repo, MAIN).unwrap().unwrap().target, oid(1));
    assert_eq!(journal_seq(&conn, repo).unwrap(), 1, "refused edits leave no journal row");
    push(&conn, repo, &edit(MAIN, Some(1), Some(2)));
    push(&conn, repo, &edit(MAIN, Some(2), None));
    assert_eq!(find(&conn, repo, MAIN).unwrap(), None);
    assert_eq!(journal_seq(&conn, repo).unwrap(), 3);
}

#[test]
fn peeled_values_come_back() {
    let (conn, repo, _) = world();
    let mut tag = edit("refs/tags/v1", None, Some(1));
    tag.peeled = Some(oid(9));
    push(&conn, repo, &tag);
    push(&conn, repo, &edit(MAIN, None, Some(2)));
    let listed: Vec<_> =
        list(&conn, repo).unwrap().into_iter().map(|one| (one.name.as_str().to_owned(), one.peeled)).collect();
    assert_eq!(listed, [(MAIN.to_owned(), None), ("refs/tags/v1".to_owned(), Some(oid(9)))]);
}

#[test]
fn the_journal_explains_values_since_a_projection() {
    let (conn, repo, store) = world();
    let name = RefName::new(MAIN).unwrap();
    push(&conn, repo, &edit(MAIN, None, Some(1)));
    push(&conn, repo, &edit(MAIN, Some(1), Some(2)));
    let explains =
        |value: Option<u8>, since| store.was_journaled(&conn, repo.get(), &name, value.map(oid), since).unwrap();
    assert!(explains(None, 0) && explains(Some(1), 0) && explains(Some(2), 0));
    assert!(!explains(None, 1) && explains(Some(1), 1) && !explains(Some(1), 2));
    assert!(!explains(Some(3), 0));
    assert_eq!(store.unprojected(&conn).unwrap(), [repo.get()]);
    store.mark_projected(&conn, repo.get(), 2).unwrap();
    store.mark_projected(&conn, repo.get(), 1).unwrap();
    assert_eq!(store.load(&conn, repo.get()).unwrap().unwrap().projected_seq, 2, "never backwards");
    assert_eq!(store.unprojected(&conn).unwrap(), Vec::<i64>::new());
    store.mark_projected(&conn, 77, 5).unwrap();
    assert!(store.load(&conn, 77).unwrap().is_none(), "a repository that is gone stays gone");
}

#[test]
fn directories_follow_renames_also_several_in_a_row() {
    let (conn, repo, store) = world();
    let rename = |to: &str| {
        let row = repositories::find(&conn, repo).unwrap().unwrap();
        repositories::rename(&conn, &row, &RepoName::new(to).unwrap(), NOON).unwrap();
    };
    let moving = || {
        let stored = store.load(&conn, repo.get()).unwrap().unwrap();
        (stored.relative_path.display().to_string(), stored.moved_from.map(|path| path.display().to_string()))
    };
    assert_eq!(moving(), ("Ada/sop.git".into(), None));
    rename("one");
    rename("two");
    assert_eq!(moving(), ("Ada/two.git".into(), Some("Ada/sop.git".into())), "it never was at the name between");
    assert_eq!(store.unprojected(&conn).unwrap(), [repo.get()]);
    store.mark_moved(&conn, repo.get(), Path::new("Ada/two.git")).unwrap();
    assert_eq!(moving(), ("Ada/two.git".into(), None));
    rename("three");
    store.mark_moved(&conn, repo.get(), Path::new("Ada/two.git")).unwrap();
    assert_eq!(
        moving(),
        ("Ada/three.git".into(), Some("Ada/two.git".into())),
        "a late mark does not lose the next move"
    );
}

#[test]
fn unexplained_refs_become_events_that_verify() {
    let (conn, repo, store) = world();
    let found = Unexplained { name: "refs/heads/evil".into(), found: Some(oid(6)), expected: None };
    store.report_unexplained(&conn, repo.get(), &[found]).unwrap();
    let event = crate::db::audit::list_after(&conn, 0, 1).unwrap().remove(0);
    assert_eq!((event.action.as_str(), event.repo_id), ("git.ref_unexplained", Some(repo.get())));
    assert_eq!(crate::audit::verify(&conn).unwrap().fault, None);
}
