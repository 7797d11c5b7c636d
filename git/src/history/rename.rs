//! Owns finding where a file that appeared came from: the same content under another path, or similar enough. One file at a time, with git's
//! default threshold of half. Refuses whole diffs with renames. Called by `log --follow` and blame; one function, so that a better detection
//! can take its place.

mod similarity;

use std::{collections::HashMap, ops::ControlFlow, sync::atomic::AtomicBool};

use super::tree::{self, Entry};
use crate::{error::Result, id::ObjectId, odb::Snapshot, walk::check_interrupt};
use similarity::{Fingerprint, MAX_SCORE};

/// Least similarity of a rename.
const MIN_SCORE: u64 = MAX_SCORE / 2;
/// Least similarity of a file moved to another directory under its name, for which no other candidate is looked at.
const MIN_SCORE_SAME_NAME: u64 = MAX_SCORE / 4 * 3;
/// With more candidates only exact copies are found, as git does by default (`diff.renameLimit` of 1000, squared).
const MAX_CANDIDATES: usize = 1_000_000;
/// Larger files are only found when they are exact copies.
const MAX_SIMILAR_BYTES: u64 = 32 << 20;

/// Which files may be the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sources {
    /// Those that disappeared: a rename.
    Removed,
    /// All that were there, preferring those that disappeared: a copy, `--find-copies-harder`.
    All,
}

/// A file that another one may have come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: Vec<u8>,
    pub(super) entry: Entry,
    is_removed: bool,
}

/// Finds what the file at `path`, which `new` has and `old` has not, was in `old`.
///
/// Errors: `Lost`, `WrongKind`, `Corrupt`, `TooLarge`, `Interrupted`.
pub(super) fn source_of(
    odb: &Snapshot,
    old: &ObjectId,
    new: &ObjectId,
    path: &[u8],
    entry: Entry,
    sources: Sources,
    interrupt: &AtomicBool,
) -> Result<Option<Source>> {
    let mut candidates = candidates(odb, old, new, sources, interrupt)?;
    candidates.sort_by(|a, b| a.path.cmp(&b.path));
    let exact = best(candidates.iter().filter(|source| is_exact(source, entry)), |source| {
        (u64::from(source.is_removed), is_same_name(&source.path, path))
    });
    if let Some(exact) = exact {
        return Ok(Some(exact.clone()));
    }
    candidates.retain(|source| source.entry.is_file());
    if !entry.is_file() || candidates.is_empty() || candidates.len() > MAX_CANDIDATES {
        return Ok(None);
    }
    let mut judge = Judge { odb, target: Target::read(odb, entry)?, known: HashMap::new(), data: Vec::new() };
    let mut named = candidates.iter().filter(|source| is_same_name(&source.path, path));
    if sources == Sources::Removed
        && let (Some(only), None) = (named.next(), named.next())
        && judge.score(only.entry, MIN_SCORE_SAME_NAME)? >= MIN_SCORE_SAME_NAME
    {
        return Ok(Some(only.clone()));
    }
    let mut scored = Vec::new();
    for source in &candidates {
        check_interrupt(interrupt)?;
        let score = judge.score(source.entry, MIN_SCORE)?;
        if score >= MIN_SCORE {
            scored.push((score, source));
        }
    }
    let found = best(scored.iter(), |(score, source)| {
        (u64::from(source.is_removed), (*score, is_same_name(&source.path, path)))
    });
    Ok(found.map(|(_, source)| (*source).clone()))
}

/// The first of the largest.
fn best<T, K: Ord>(items: impl Iterator<Item = T>, key: impl Fn(&T) -> K) -> Option<T> {
    let mut best: Option<(K, T)> = None;
    for item in items {
        let key = key(&item);
        if best.as_ref().is_none_or(|(most, _)| key > *most) {
            best = Some((key, item));
        }
    }
    best.map(|(_, item)| item)
}

fn is_exact(source: &Source, entry: Entry) -> bool {
    let are_files = source.entry.is_file() && entry.is_file();
    source.entry.id == entry.id && (are_files || source.entry.mode == entry.mode)
}

fn is_same_name(a: &[u8], b: &[u8]) -> bool {
    let name = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
    name(a) == name(b)
}

fn candidates(
    odb: &Snapshot,
    old: &ObjectId,
    new: &ObjectId,
    sources: Sources,
    interrupt: &AtomicBool,
) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut removed = HashMap::new();
    tree::changes(odb, Some(*old), Some(*new), interrupt, &mut |change| {
        if let (Some(entry), None) = (change.old, change.new) {
            removed.insert(change.path.to_vec(), entry);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if sources == Sources::All {
        tree::changes(odb, None, Some(*old), interrupt, &mut |change| {
            if let Some(entry) = change.new.filter(|_| !removed.contains_key(change.path)) {
                found.push(Source { path: change.path.to_vec(), entry, is_removed: false });
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    found.extend(removed.into_iter().map(|(path, entry)| Source { path, entry, is_removed: true }));
    Ok(found)
}

/// The file that appeared.
struct Target {
    size: u64,
    fingerprint: Option<Fingerprint>,
}

impl Target {
    fn read(odb: &Snapshot, entry: Entry) -> Result<Target> {
        let size = odb.header(&entry.id)?.map_or(0, |(_, size)| size);
        let fingerprint =
            if size > MAX_SIMILAR_BYTES { None } else { Some(Fingerprint::new(&odb.read(&entry.id)?.data)) };
        Ok(Target { size, fingerprint })
    }
}

struct Judge<'o> {
    odb: &'o Snapshot,
    target: Target,
    known: HashMap<ObjectId, u64>,
    data: Vec<u8>,
}

impl Judge<'_> {
    /// How similar a source is; zero as soon as it cannot reach `least`.
    fn score(&mut self, source: Entry, least: u64) -> Result<u64> {
        if let Some(known) = self.known.get(&source.id) {
            return Ok(*known);
        }
        let Some(target) = &self.target.fingerprint else { return Ok(0) };
        let size = self.odb.header(&source.id)?.map_or(0, |(_, size)| size);
        let (most, difference) = (size.max(self.target.size), size.abs_diff(self.target.size));
        // Sizes alone show that they differ too much.
        if size > MAX_SIMILAR_BYTES
            || most == 0
            || most.saturating_mul(MAX_SCORE.saturating_sub(least)) < difference.saturating_mul(MAX_SCORE)
            || self.odb.find(&source.id, &mut self.data)?.is_none()
        {
            return Ok(0);
        }
        let copied = Fingerprint::new(&self.data).common(target);
        let score = copied.saturating_mul(MAX_SCORE).checked_div(most).unwrap_or(0);
        self.known.insert(source.id, score);
        Ok(score)
    }
}
