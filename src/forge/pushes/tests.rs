//! The pure steps of a push.

use atomicqms_git::receive::Command;
use atomicqms_git::{ObjectId, Ref, RefTable, Repository};

use super::*;

fn id() -> ObjectId {
    ObjectId::try_from(&[7; 20][..]).unwrap()
}

fn pushed(names: &[&str]) -> (ReceiveRequest, Vec<CommandOutcome>) {
    let commands: Vec<Command> =
        names.iter().map(|name| Command { name: name.as_bytes().to_vec(), old: None, new: Some(id()) }).collect();
    let outcomes = vec![CommandOutcome::Applied; commands.len()];
    (ReceiveRequest { commands, ..ReceiveRequest::default() }, outcomes)
}

fn view(branches: &[&str]) -> (tempfile::TempDir, View) {
    let dir = tempfile::tempdir().unwrap();
    let head = RefName::new("refs/heads/main").unwrap();
    let repository = Repository::init(&dir.path().join("r.git"), 1, &head).unwrap();
    let refs = branches.iter().map(|name| Ref { name: RefName::new(name).unwrap(), target: id(), peeled: None });
    let refs = RefTable::from_refs(refs.collect());
    (dir, View { refs, head, odb: repository.odb(), version: 1 })
}

#[test]
fn head_follows_the_first_branch_of_an_empty_repository_only() {
    let rows: [(&[&str], &[&str], Option<&str>); 6] = [
        (&[], &["refs/heads/trunk"], Some("refs/heads/trunk")),
        (&[], &["refs/heads/a", "refs/heads/master"], Some("refs/heads/master")),
        (&[], &["refs/heads/a", "refs/heads/main"], None),
        (&[], &["refs/tags/v1"], None),
        (&["refs/heads/old"], &["refs/heads/trunk"], None),
        (&[], &[], None),
    ];
    for (before, names, expected) in rows {
        let (_dir, view) = view(before);
        let (request, outcomes) = pushed(names);
        let found = first_branch(&view, &request, &outcomes);
        assert_eq!(found.as_ref().map(RefName::as_str), expected, "{before:?} {names:?}");
    }
}

#[test]
fn a_refused_branch_does_not_become_head() {
    let (_dir, view) = view(&[]);
    let (request, _) = pushed(&["refs/heads/trunk"]);
    let outcomes = [CommandOutcome::Refused { reason: "no".to_owned() }];
    assert_eq!(first_branch(&view, &request, &outcomes), None);
}

#[test]
fn one_refusal_refuses_an_atomic_push_and_only_that() {
    let planned = || vec![Planned::Unchanged, Planned::Refused("own reason".to_owned())];
    let mut atomic = planned();
    refuse_together(&mut atomic, true);
    let expected = [Planned::Refused(ATOMIC_FAILURE.to_owned()), Planned::Refused("own reason".to_owned())];
    assert_eq!(atomic, expected);
    let mut separate = planned();
    refuse_together(&mut separate, false);
    assert_eq!(separate, planned());
}
