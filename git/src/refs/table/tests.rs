//! The table against a naive model: a sorted map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::id::ObjectId;

fn name(text: &str) -> RefName {
    RefName::new(text).unwrap()
}

fn id(n: u8) -> ObjectId {
    ObjectId::from([n; 20])
}

fn edit(text: &str, old: Option<u8>, new: Option<u8>) -> RefEdit {
    RefEdit { name: name(text), old: old.map(id), new: new.map(id), peeled: None }
}

fn table(names: &[(&str, u8)]) -> RefTable {
    names.iter().map(|(text, n)| Ref { name: name(text), target: id(*n), peeled: None }).collect()
}

fn invariants(table: &RefTable) {
    let names: Vec<&RefName> = table.iter().map(|r| &r.name).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "sorted, each once");
    assert_eq!(names.len(), table.len());
    assert!(table.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= MAX_CHUNK));
}

#[test]
fn values_are_compared() {
    let refs = table(&[("refs/heads/a", 1)]);
    assert_eq!(refs.check(&edit("refs/heads/a", Some(1), Some(2))), Ok(()));
    assert_eq!(refs.check(&edit("refs/heads/a", Some(1), None)), Ok(()));
    assert_eq!(refs.check(&edit("refs/heads/b", None, Some(2))), Ok(()));
    for stale in [
        edit("refs/heads/a", Some(9), Some(2)),
        edit("refs/heads/a", None, Some(2)),
        edit("refs/heads/b", Some(1), None),
    ] {
        assert!(matches!(refs.check(&stale), Err(RefConflict::Stale { .. })), "{stale:?}");
        assert!(refs.apply(&[stale]).is_err());
    }
}

#[test]
fn a_name_is_no_directory_for_another() {
    let refs = table(&[("refs/heads/a", 1), ("refs/heads/b/c", 1), ("refs/heads/b-d", 1), ("refs/heads/b.e", 1)]);
    for bad in ["refs/heads/a/x", "refs/heads/a/x/y", "refs/heads/b", "refs/heads/b/c/d"] {
        let refused = refs.check(&edit(bad, None, Some(2)));
        assert!(matches!(refused, Err(RefConflict::DirectoryFile { .. })), "{bad}: {refused:?}");
    }
    for good in ["refs/heads/a-x", "refs/heads/aa", "refs/heads/b/d", "refs/heads/b-", "refs/heads/b0/c"] {
        assert_eq!(refs.check(&edit(good, None, Some(2))), Ok(()), "{good}");
    }
}

#[test]
fn a_batch_replaces_a_file_by_a_directory_and_back() {
    let refs = table(&[("refs/heads/a", 1)]);
    let turned = refs.apply(&[edit("refs/heads/a/b", None, Some(2)), edit("refs/heads/a", Some(1), None)]).unwrap();
    assert_eq!(turned, table(&[("refs/heads/a/b", 2)]));
    let back = turned.apply(&[edit("refs/heads/a", None, Some(3)), edit("refs/heads/a/b", Some(2), None)]).unwrap();
    assert_eq!(back, table(&[("refs/heads/a", 3)]));
}

#[test]
fn two_names_of_one_batch_conflict() {
    let refs = table(&[]);
    let both = [edit("refs/heads/a", None, Some(1)), edit("refs/heads/a/b", None, Some(1))];
    assert!(matches!(refs.apply(&both), Err(RefConflict::DirectoryFile { .. })));
    let twice = [edit("refs/heads/a", None, Some(1)), edit("refs/heads/a", None, Some(1))];
    assert!(matches!(refs.apply(&twice), Err(RefConflict::Duplicate { .. })));
    let (some, outcomes) = refs.apply_each(&[&both[..], &twice[..]].concat());
    assert_eq!(some, table(&[("refs/heads/a", 1)]));
    assert!(outcomes[0].is_ok());
    assert!(matches!(outcomes[1], Err(RefConflict::DirectoryFile { .. })));
    assert!(matches!(outcomes[2], Err(RefConflict::Duplicate { .. })));
    assert!(matches!(outcomes[3], Err(RefConflict::Duplicate { .. })));
}

#[test]
fn an_edit_copies_one_chunk() {
    let refs: RefTable =
        (0..5000).map(|i| Ref { name: name(&format!("refs/heads/{i:05}")), target: id(1), peeled: None }).collect();
    let next = refs.apply(&[edit("refs/heads/02500", Some(1), Some(2))]).unwrap();
    let shared = next.chunks.iter().filter(|c| refs.chunks.iter().any(|old| Arc::ptr_eq(c, old))).count();
    assert_eq!(shared, refs.chunks.len() - 1);
    invariants(&next);
}

#[test]
fn prefixes() {
    let refs =
        table(&[("refs/heads/a", 1), ("refs/heads/b", 2), ("refs/tags/a", 3), ("refs/tags/b", 4), ("refs/x/y", 5)]);
    let of = |prefix: &str| refs.iter_prefix(prefix).map(|r| r.name.short().to_owned()).collect::<Vec<_>>();
    assert_eq!(of("refs/tags/"), ["a", "b"]);
    assert_eq!(of("refs/heads/b"), ["b"]);
    assert_eq!(of(""), ["a", "b", "a", "b", "x/y"]);
    assert_eq!(of("refs/zzz"), Vec::<String>::new());
    assert_eq!(of("a"), Vec::<String>::new());
    assert_eq!(RefTable::default().iter_prefix("refs/").count(), 0);
}

/// Few names with many conflicts among them, and enough to fill and split chunks.
fn names() -> impl Strategy<Value = String> {
    prop_oneof!["refs/heads/[ab](/[ab]){0,2}".prop_map(|s| s), (0u32..3000).prop_map(|n| format!("refs/tags/{n:04}")),]
}

fn model_conflict(model: &BTreeMap<String, u8>, name: &str) -> bool {
    model.keys().any(|other| {
        other != name && (other.starts_with(&format!("{name}/")) || name.starts_with(&format!("{other}/")))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn behaves_like_a_sorted_map(
        start in proptest::collection::btree_map(0u32..3000, 0u8..4, 0..1500),
        steps in proptest::collection::vec(proptest::collection::vec((names(), 0u8..4, proptest::bool::ANY), 1..40), 1..12),
    ) {
        let mut model: BTreeMap<String, u8> = start.into_iter().map(|(n, v)| (format!("refs/tags/{n:04}"), v)).collect();
        let mut refs: RefTable =
            model.iter().map(|(text, n)| Ref { name: name(text), target: id(*n), peeled: None }).collect();
        for step in steps {
            let mut next = model.clone();
            let mut edits = Vec::new();
            let mut duplicate = false;
            for (text, value, delete) in step {
                duplicate |= edits.iter().any(|e: &RefEdit| e.name.as_str() == text);
                let new = if delete { None } else { Some(value) };
                edits.push(edit(&text, model.get(&text).copied(), new));
                match new {
                    Some(value) => _ = next.insert(text, value),
                    None => _ = next.remove(&text),
                }
            }
            let conflict = next.keys().any(|text| model_conflict(&next, text));
            match refs.apply(&edits) {
                Ok(applied) => {
                    prop_assert!(!duplicate && !conflict);
                    refs = applied;
                    model = next;
                }
                Err(_) => prop_assert!(duplicate || conflict),
            }
            invariants(&refs);
            let found: Vec<(String, ObjectId)> = refs.iter().map(|r| (r.name.to_string(), r.target)).collect();
            let expected: Vec<(String, ObjectId)> = model.iter().map(|(text, n)| (text.clone(), id(*n))).collect();
            prop_assert_eq!(found, expected);
            for text in model.keys().take(20) {
                prop_assert_eq!(refs.get(text).map(|r| r.target), model.get(text).map(|n| id(*n)));
            }
        }
    }
}
