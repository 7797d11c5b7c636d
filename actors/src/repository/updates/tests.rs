//! Which pushes may share a turn.

use super::*;
use git::{ObjectId, Ref};

fn edit(name: &str, old: Option<u8>, new: Option<u8>) -> RefEdit {
    let id = |byte: u8| ObjectId::from([byte; 20]);
    RefEdit { name: RefName::new(name).unwrap(), old: old.map(id), new: new.map(id), peeled: None }
}

fn fitting() -> Fitting {
    let held =
        |name: &str, byte| Ref { name: RefName::new(name).unwrap(), target: ObjectId::from([byte; 20]), peeled: None };
    Fitting::new(&RefTable::from_refs(vec![held("refs/heads/a", 1), held("refs/heads/b", 2)]))
}

#[test]
fn pushes_to_different_refs_share_a_turn() {
    let mut group = fitting();
    assert!(group.admits(&[edit("refs/heads/a", Some(1), Some(3))]));
    assert!(group.admits(&[edit("refs/heads/b", Some(2), None), edit("refs/heads/c", None, Some(3))]));
    assert!(group.admits(&[edit("refs/tags/v1", None, Some(3))]));
}

#[test]
fn what_depends_on_another_push_waits_for_its_outcome() {
    let first = [edit("refs/heads/a", Some(1), Some(3))];
    for later in [
        edit("refs/heads/a", Some(3), Some(4)),
        edit("refs/heads/a", Some(1), Some(4)),
        edit("refs/heads/a/x", None, Some(4)),
        edit("refs/heads/n", Some(9), Some(4)),
    ] {
        let mut group = fitting();
        assert!(group.admits(&first));
        assert!(!group.admits(std::slice::from_ref(&later)), "{later:?}");
    }
    let mut group = fitting();
    assert!(group.admits(&[edit("refs/heads/a", Some(1), None)]));
    assert!(!group.admits(&[edit("refs/heads/a/x", None, Some(4))]), "room that another push makes is not sure");
    assert!(group.admits(&[edit("refs/heads/n/x", None, Some(4))]));
    assert!(!group.admits(&[edit("refs/heads/n", None, Some(4))]), "both would fit alone, and not together");
}
