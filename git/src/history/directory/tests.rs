//! What a directory is told to have become, against the whole of it.

use std::collections::{BTreeMap, HashMap};

use super::*;
use crate::{
    id::id_from_hex,
    testgit::{Random, TestRepo},
};

#[test]
fn what_is_told_adds_up_to_what_is_there() {
    let repo = TestRepo::new();
    let blobs = ["a", "b"].map(|text| repo.git_with(&["hash-object", "-w", "--stdin"], text.as_bytes()));
    let empty = repo.git_with(&["mktree"], b"");
    let mut random = Random::new(7);
    let mut entries: BTreeMap<String, String> = BTreeMap::new();
    let mut trees = vec![None];
    for step in 0..120 {
        let count = if step % 10 == 0 { 200 } else { random.below(4) };
        for _ in 0..count {
            let name = format!("{}{}", ["f", "g.", "long name "][random.below(3)], random.below(300));
            let blob = &blobs[random.below(2)];
            match random.below(5) {
                0 => drop(entries.remove(&name)),
                1 => drop(entries.insert(name, format!("040000 tree {empty}"))),
                2 => drop(entries.insert(name, format!("100755 blob {blob}"))),
                _ => drop(entries.insert(name, format!("100644 blob {blob}"))),
            }
        }
        if step == 60 {
            entries.clear();
        }
        let lines: String = entries.iter().map(|(name, entry)| format!("{entry}\t{name}\n")).collect();
        trees.push(Some(id_from_hex(repo.git_with(&["mktree"], lines.as_bytes()).as_bytes()).unwrap()));
    }
    let odb = repo.odb();
    let mut directory = Directory::default();
    let mut known: HashMap<Vec<u8>, Entry> = HashMap::new();
    let mut before = 0;
    for at in (0..trees.len()).chain((0..300).map(|_| random.below(121))) {
        let mut told = 0;
        directory
            .show(&odb, trees[at], |name, entry| {
                told += 1;
                match entry {
                    Some(entry) => drop(known.insert(name.to_vec(), entry)),
                    None => drop(known.remove(name)),
                }
            })
            .unwrap();
        assert_eq!(directory.id(), trees[at]);
        let data = trees[at].map(|id| odb.read(&id).unwrap().data).unwrap_or_default();
        let expected: HashMap<Vec<u8>, Entry> =
            TreeEntries::new(&data).map(|entry| (entry.name.to_vec(), Entry::from(&entry))).collect();
        // Two or three changes reach over some part of it, seldom over all; the same again tells nothing.
        assert!(at != before || told == 0 || at == 0, "{told} of {}", expected.len());
        before = at;
        assert_eq!(known, expected, "tree {at}");
        let mut starts = Vec::new();
        let mut entries = TreeEntries::new(&data);
        while let Some(at) = Some(data.len() - entries.left()).filter(|_| entries.left() > 0) {
            starts.push(at);
            entries.next();
        }
        assert_eq!(directory.starts, starts, "tree {at}");
    }
    // One file of many.
    let line = |number: usize, id: &str| format!("100644 blob {id}\tf{number:04}\n");
    let tree = |changed: usize| {
        let lines: String = (0..1000).map(|at| line(at, &blobs[usize::from(at == changed)])).collect();
        id_from_hex(repo.git_with(&["mktree"], lines.as_bytes()).as_bytes()).unwrap()
    };
    let trees = [tree(2000), tree(0), tree(500), tree(999)];
    let odb = repo.odb();
    for tree in &trees[1..] {
        directory.show(&odb, Some(trees[0]), |_, _| {}).unwrap();
        let mut told = 0;
        directory.show(&odb, Some(*tree), |_, _| told += 1).unwrap();
        assert!((2..=4).contains(&told), "{told}");
    }
}

#[test]
fn bytes_are_compared_from_both_ends() {
    let a: Vec<u8> = (0..20_000_u32).map(|at| at as u8).collect();
    for at in [0, 1, 4095, 4096, 4097, 12_345, 19_999] {
        let mut b = a.clone();
        b[at] ^= 1;
        assert_eq!((common_head(&a, &b), common_tail(&a, &b)), (at, a.len() - at - 1));
    }
    assert_eq!((common_head(&a, &a), common_tail(&a, &a)), (a.len(), a.len()));
    assert_eq!((common_head(&a, &a[..5000]), common_tail(&a, &a[15_000..])), (5000, 5000));
    assert_eq!((common_head(&[], &a), common_tail(&a, &[])), (0, 0));
}
