//! Which differences are found and which of them the journal explains: plain data.

use super::*;
use git::refs::disk::DiskValue;

fn name(name: &str) -> RefName {
    RefName::new(name).unwrap()
}

fn id(byte: u8) -> ObjectId {
    ObjectId::from([byte; 20])
}

fn row(ref_name: &str, target: u8) -> Ref {
    Ref { name: name(ref_name), target: id(target), peeled: None }
}

fn file(ref_name: &str, target: u8) -> DiskRef {
    DiskRef { name: ref_name.to_owned(), value: DiskValue::Object { target: id(target), peeled: None } }
}

fn broken(ref_name: &str) -> DiskRef {
    DiskRef { name: ref_name.to_owned(), value: DiskValue::Broken(String::new()) }
}

#[test]
fn equal_sides_do_not_differ() {
    let refs = RefTable::from_refs(vec![row("refs/heads/a", 1), row("refs/heads/b", 2)]);
    assert!(compare(1, &[file("refs/heads/a", 1), file("refs/heads/b", 2)], &refs).is_empty());
    assert!(compare(1, &[], &RefTable::default()).is_empty());
}

#[test]
fn every_way_to_differ_is_found_in_order() {
    let refs = RefTable::from_refs(vec![row("refs/heads/a", 1), row("refs/heads/c", 3), row("refs/heads/d", 4)]);
    let on_disk = [
        file("refs/heads/0", 9),
        file("refs/heads/a", 7),
        file("refs/heads/bad..name", 9),
        broken("refs/heads/d"),
        file("refs/heads/e", 5),
    ];
    let found: Vec<_> = compare(1, &on_disk, &refs)
        .into_iter()
        .map(|d| (d.name.as_str().to_owned(), d.found, d.is_on_disk, d.expected.map(|row| row.target)))
        .collect();
    let expected = [
        ("refs/heads/0", Some(id(9)), true, None),
        ("refs/heads/a", Some(id(7)), true, Some(id(1))),
        ("refs/heads/c", None, false, Some(id(3))),
        ("refs/heads/d", None, true, Some(id(4))),
        ("refs/heads/e", Some(id(5)), true, None),
    ];
    assert_eq!(found, expected.map(|(name, found, is, row)| (name.to_owned(), found, is, row)));
}

#[test]
fn only_the_journal_explains() {
    let difference = |found: Option<u8>, is_on_disk, expected: Option<u8>| Difference {
        name: name("refs/heads/a"),
        found: found.map(id),
        is_on_disk,
        expected: expected.map(|target| row("refs/heads/a", target)),
    };
    // The journal knows that the ref was created at 1 and then moved to 2.
    let journal = [None, Some(id(1)), Some(id(2))];
    let is_explained = |difference: Difference, journal: &[Option<ObjectId>]| {
        find_unexplained(&[difference], |_, value| Ok(journal.contains(&value))).unwrap().is_empty()
    };
    assert!(is_explained(difference(Some(1), true, Some(2)), &journal), "old value");
    assert!(is_explained(difference(None, false, Some(2)), &journal), "not created yet");
    assert!(is_explained(difference(None, true, Some(2)), &journal), "cut short by a power cut");
    assert!(!is_explained(difference(Some(9), true, Some(2)), &journal), "a value from elsewhere");
    assert!(!is_explained(difference(Some(9), true, None), &[]), "a ref from elsewhere");
    assert!(!is_explained(difference(None, false, Some(2)), &[]), "a flushed ref does not vanish by itself");
    assert!(!is_explained(difference(None, true, Some(2)), &[]), "nor does it break");
}
