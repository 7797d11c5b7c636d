//! Owns the question whether a commit's change was already made by another commit, as `git patch-id` compares them: the same paths and the same
//! changed lines with what stands around them, wherever in the file, white space aside. Refuses to apply anything. Called by rebase.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
    sync::atomic::AtomicBool,
};

use sha1::{Digest, Sha1};

use super::{read_commit, tree_or_empty};
use crate::{
    create::{
        NewObjects,
        entries::{Item, Mode, parse_tree},
    },
    diff::is_binary,
    error::Result,
    id::{Kind, ObjectId},
    merge::{
        LineDiff,
        lines::{Lines, Numbering, changes},
    },
    walk::check_interrupt,
};

/// Lines around a change that count.
const CONTEXT: usize = 3;
/// Deepest directory followed.
const MAX_DEPTH: usize = 512;

type Sum = [u8; 20];

/// A path that a commit changed.
struct Changed {
    path: Vec<u8>,
    old: Option<Item>,
    new: Option<Item>,
}

/// Answers which of `commits` have an equivalent among `others`; merges among the others do not count.
pub(super) fn find(
    objects: &mut NewObjects,
    commits: &[ObjectId],
    others: &[ObjectId],
    max_file_bytes: u64,
    interrupt: &AtomicBool,
) -> Result<HashSet<ObjectId>> {
    // Most commits differ in the paths they touch: contents are compared only where those are the same.
    let mut by_paths: HashMap<Sum, Vec<ObjectId>> = HashMap::new();
    for commit in commits {
        let changed = changed(objects, commit, interrupt)?;
        by_paths.entry(sum_of_paths(&changed)).or_default().push(*commit);
    }
    let mut found = HashSet::new();
    let mut sums: HashMap<ObjectId, Sum> = HashMap::new();
    for other in others {
        let theirs = changed(objects, other, interrupt)?;
        let Some(candidates) = by_paths.get(&sum_of_paths(&theirs)) else { continue };
        let sum = sum_of_contents(objects, &theirs, max_file_bytes, interrupt)?;
        for candidate in candidates {
            let known = sums.get(candidate).copied();
            let ours = match known {
                Some(known) => known,
                None => {
                    let changed = changed(objects, candidate, interrupt)?;
                    let ours = sum_of_contents(objects, &changed, max_file_bytes, interrupt)?;
                    sums.insert(*candidate, ours);
                    ours
                }
            };
            if ours == sum {
                found.insert(*candidate);
            }
        }
    }
    Ok(found)
}

/// The paths that differ between a commit and its first parent.
fn changed(objects: &mut NewObjects, commit: &ObjectId, interrupt: &AtomicBool) -> Result<Vec<Changed>> {
    let draft = read_commit(objects, commit)?;
    let old = tree_or_empty(objects, draft.parents.first())?;
    let mut list = Vec::new();
    let mut pending = vec![(Vec::new(), Some(old), Some(draft.tree), 0usize)];
    while let Some((dir, old, new, depth)) = pending.pop() {
        check_interrupt(interrupt)?;
        let mut names: BTreeMap<Vec<u8>, [Option<Item>; 2]> = BTreeMap::new();
        for (at, tree) in [old, new].into_iter().enumerate() {
            let Some(tree) = tree else { continue };
            for entry in parse_tree(&tree, &objects.read_as(&tree, Kind::Tree)?)? {
                if let Some(slot) = names.entry(entry.name).or_default().get_mut(at) {
                    *slot = Some(entry.item);
                }
            }
        }
        for (name, [old, new]) in names.into_iter().filter(|(_, [old, new])| old != new) {
            let path = if dir.is_empty() { name } else { [dir.as_slice(), b"/", &name].concat() };
            let is_tree = |item: &Item| item.mode == Mode::Tree;
            let tree = |item: Option<Item>| item.filter(is_tree).map(|item| item.id);
            if (tree(old).is_some() || tree(new).is_some()) && depth < MAX_DEPTH {
                pending.push((path.clone(), tree(old), tree(new), depth + 1));
            }
            let (old, new) = (old.filter(|item| !is_tree(item)), new.filter(|item| !is_tree(item)));
            if old.is_some() || new.is_some() {
                list.push(Changed { path, old, new });
            }
        }
    }
    list.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(list)
}

fn sum_of_paths(changed: &[Changed]) -> Sum {
    let mut sum = Sha1::new();
    for change in changed {
        add(&mut sum, &change.path);
        // A mode counts for new and deleted files only.
        let mode = |item: Option<Item>, other: Option<Item>| match (item, other) {
            (Some(item), None) => item.mode.as_octal(),
            _ => "",
        };
        add(&mut sum, mode(change.new, change.old).as_bytes());
        add(&mut sum, mode(change.old, change.new).as_bytes());
    }
    sum.finalize().into()
}

/// Adds a part with its length, so that parts cannot run into each other.
fn add(sum: &mut Sha1, part: &[u8]) {
    sum.update((part.len() as u64).to_be_bytes());
    sum.update(part);
}

fn sum_of_contents(
    objects: &NewObjects,
    changed: &[Changed],
    max_file_bytes: u64,
    interrupt: &AtomicBool,
) -> Result<Sum> {
    let mut sum = Sha1::new();
    for change in changed {
        check_interrupt(interrupt)?;
        add(&mut sum, &change.path);
        let text = |item: Option<Item>| text_of(objects, item, max_file_bytes);
        match (text(change.old)?, text(change.new)?) {
            (Some(old), Some(new)) => add_lines(&mut sum, &old, &new, interrupt)?,
            _ => {
                for item in [change.old, change.new] {
                    add(&mut sum, item.as_ref().map_or(&[][..], |item| item.id.as_slice()));
                }
            }
        }
    }
    Ok(sum.finalize().into())
}

/// The text of a version; `None` if it can only be compared as a whole.
fn text_of(objects: &NewObjects, item: Option<Item>, max_file_bytes: u64) -> Result<Option<Vec<u8>>> {
    let Some(item) = item else { return Ok(Some(Vec::new())) };
    if item.mode == Mode::Submodule || objects.header(&item.id)?.is_none_or(|(_, size)| size > max_file_bytes) {
        return Ok(None);
    }
    Ok(Some(objects.read_as(&item.id, Kind::Blob)?).filter(|text| !is_binary(text)))
}

fn add_lines(sum: &mut Sha1, old: &[u8], new: &[u8], interrupt: &AtomicBool) -> Result<()> {
    let mut numbering = Numbering::default();
    let (old, new) = (numbering.cut(old, interrupt)?, numbering.cut(new, interrupt)?);
    let mut done = 0;
    for change in changes(&old.numbers, &new.numbers, LineDiff::Myers, interrupt)? {
        // What stands between two changes belongs to both, but counts once.
        add_range(sum, b' ', &old, change.before.start.saturating_sub(CONTEXT).max(done)..change.before.start);
        add_range(sum, b'-', &old, change.before.clone());
        add_range(sum, b'+', &new, change.after);
        done = change.before.end.saturating_add(CONTEXT).min(old.text.len());
        add_range(sum, b' ', &old, change.before.end..done);
    }
    Ok(())
}

fn add_range(sum: &mut Sha1, sign: u8, lines: &Lines<'_>, range: Range<usize>) {
    for line in lines.text.get(range).unwrap_or_default() {
        sum.update([sign]);
        let dense: Vec<u8> = line.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        add(sum, &dense);
    }
}
