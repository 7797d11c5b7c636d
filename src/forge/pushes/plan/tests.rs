//! Tables for the rules of push commands.

use atomicqms_git::{ObjectId, Ref, RefTable, Repository};

use super::*;

fn id(byte: u8) -> ObjectId {
    ObjectId::try_from(&[byte; 20][..]).unwrap()
}

fn view() -> (tempfile::TempDir, View) {
    let dir = tempfile::tempdir().unwrap();
    let head = RefName::new("refs/heads/main").unwrap();
    let repository = Repository::init(&dir.path().join("r.git"), 1, &head).unwrap();
    let one = |name: &str, byte| Ref { name: RefName::new(name).unwrap(), target: id(byte), peeled: None };
    let refs = RefTable::from_refs(vec![one("refs/heads/main", 1), one("refs/heads/side", 2)]);
    let view = View { refs, head, odb: repository.odb(), version: 1 };
    (dir, view)
}

fn command(name: &str, old: Option<u8>, new: Option<u8>) -> Command {
    Command { name: name.as_bytes().to_vec(), old: old.map(id), new: new.map(id) }
}

#[test]
fn every_rule_has_its_row() {
    let (_dir, view) = view();
    let edit = "edit";
    let rows = [
        (command("refs/heads/new", None, Some(3)), edit),
        (command("refs/heads/main", Some(1), Some(3)), edit),
        (command("refs/heads/side", Some(2), None), edit),
        (command("refs/tags/v1", None, Some(3)), edit),
        (command("refs/notes/commits", None, Some(3)), edit),
        (command("refs/heads/main", Some(1), Some(1)), "unchanged"),
        (command("refs/heads/main", Some(1), None), "deletion of the current branch prohibited"),
        (command("refs/heads/none", None, None), "unchanged"),
        (command("refs/heads/side", None, None), "the ref exists; fetch first"),
        (command("refs/heads/../x", None, Some(3)), "funny refname"),
        (command("refs/heads/a.lock", None, Some(3)), "funny refname"),
        (command("refs/heads/a b", None, Some(3)), "funny refname"),
        (command("refs/heads/-x", None, Some(3)), "a name must not begin with a dash"),
        (command("refs/tags/--output=/tmp/x", None, Some(3)), "a name must not begin with a dash"),
        (command("refs/-x/y", None, Some(3)), "a name must not begin with a dash"),
        (command("refs/heads/HEAD", None, Some(3)), "this name stands for the current branch"),
        (command("refs/tags/@", None, Some(3)), "this name stands for the current branch"),
        (
            command(&format!("refs/heads/{}", "Aa".repeat(20)), None, Some(3)),
            "a name must not look like the id of an object",
        ),
        (
            command(&format!("refs/tags/{}", "0f".repeat(32)), None, Some(3)),
            "a name must not look like the id of an object",
        ),
        (command(&format!("refs/notes/{}", "0f".repeat(20)), None, Some(3)), edit),
        (command(&format!("refs/heads/{}", "0f".repeat(19)), None, Some(3)), edit),
        (command("HEAD", None, Some(3)), "funny refname"),
        (command("main", None, Some(3)), "funny refname"),
        (command("refs/heads", None, Some(3)), "funny refname"),
        (command("refs/stash", None, Some(3)), "funny refname"),
        (command("../../etc/passwd", None, Some(3)), "funny refname"),
        (command("refs/pull/1/head", None, Some(3)), "deny updating a hidden ref"),
        (command("refs/qms/checkpoints", None, Some(3)), "deny updating a hidden ref"),
    ];
    for (command, expected) in rows {
        let planned = plan(std::slice::from_ref(&command), &view, &Purpose::Move);
        let found = match planned.as_slice() {
            [Planned::Edit(_)] => edit,
            [Planned::Unchanged] => "unchanged",
            [Planned::Refused(reason)] => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{command:?}");
    }
}

#[test]
fn names_that_are_not_utf8_are_refused() {
    let (_dir, view) = view();
    let bad = Command { name: b"refs/heads/\xff".to_vec(), old: None, new: Some(id(3)) };
    assert!(
        matches!(plan(&[bad], &view, &Purpose::Move).as_slice(), [Planned::Refused(reason)] if reason.contains("UTF-8"))
    );
}

#[test]
fn the_second_command_for_one_ref_is_refused() {
    let (_dir, view) = view();
    let twice = [command("refs/heads/new", None, Some(3)), command("refs/heads/new", None, Some(4))];
    assert!(matches!(plan(&twice, &view, &Purpose::Move).as_slice(), [Planned::Edit(_), Planned::Refused(_)]));
}

#[test]
fn a_tip_that_does_not_exist_is_refused() {
    let (_dir, view) = view();
    let edit = RefEdit { name: RefName::new("refs/heads/new").unwrap(), old: None, new: Some(id(9)), peeled: None };
    let checked = check_tip(edit, &view.odb).unwrap();
    assert_eq!(checked, Planned::Refused("missing necessary objects".to_owned()));
}
