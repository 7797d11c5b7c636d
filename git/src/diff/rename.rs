//! Owns pairing files that vanished with files that appeared, as git does: equal content first, then a unique file name, then
//! similarity. Refuses to compare lines: similarity is a count of equal pieces. Called by [`super::diff_trees`].
//!
//! Source: gitdiffcore(7), "diffcore-rename"; behaviour of git 2.39 to 2.52.

pub(crate) mod candidates;
mod exact;
mod matrix;
mod pieces;
pub(crate) mod similarity;
mod single;

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::AtomicBool,
};

use super::{
    TreeOptions,
    change::{Change, File, MAX_SCORE, Status},
};
use crate::{error::Result, odb::Snapshot, walk::check_interrupt};
use similarity::{Bounds, Estimator};

pub(crate) use single::origin_of;

/// How far the search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Renames {
    /// Every file keeps its path.
    Off,
    /// `-M`: vanished files are looked for among the new ones.
    #[default]
    Renames,
    /// `-C`: new files may also be copies of changed ones.
    Copies,
    /// `--find-copies-harder`: of any file.
    CopiesOfAny,
}

/// A file that others may come from.
struct Source {
    /// Its place in the list of changes.
    at: usize,
    file: File,
    /// How many new files use it, and one if it stays.
    used: u32,
    /// Whether it is neither gone nor changed.
    is_unmodified: bool,
}

/// A new file.
struct Destination {
    at: usize,
    file: File,
    /// Where it comes from, as an index of sources, and how similar it is.
    origin: Option<(usize, u32)>,
}

/// The search as far as it is.
struct Pairing {
    sources: Vec<Source>,
    destinations: Vec<Destination>,
    with_copies: bool,
}

impl Pairing {
    fn record(&mut self, destination: usize, source: usize, score: u32) {
        if let Some((to, from)) = self.destinations.get_mut(destination).zip(self.sources.get_mut(source)) {
            from.used = from.used.saturating_add(1);
            to.origin = Some((source, score));
        }
    }
}

/// Replaces additions, and the deletions they explain, by renames and copies.
///
/// Errors: `Interrupted`, `Lost`, `Corrupt`.
pub(super) fn find(
    odb: &Snapshot,
    changes: Vec<Change>,
    options: &TreeOptions,
    interrupt: &AtomicBool,
) -> Result<Vec<Change>> {
    let mut pairing = collect(&changes, options.renames >= Renames::Copies);
    if !pairing.sources.is_empty() && !pairing.destinations.is_empty() {
        exact::pair(&mut pairing, interrupt)?;
        if options.min_score < MAX_SCORE {
            let mut estimator = Estimator::new(odb, Bounds::of_diff(options));
            if !pairing.with_copies {
                by_name(&mut pairing, &mut estimator, options.min_score, interrupt)?;
            }
            matrix::pair(&mut pairing, &mut estimator, options, interrupt)?;
        }
    }
    Ok(settle(changes, pairing))
}

fn collect(changes: &[Change], with_copies: bool) -> Pairing {
    let mut pairing = Pairing { sources: Vec::new(), destinations: Vec::new(), with_copies };
    for (at, change) in changes.iter().enumerate() {
        match (&change.before, &change.after) {
            (None, Some(file)) => pairing.destinations.push(Destination { at, file: file.clone(), origin: None }),
            (Some(file), None) => {
                pairing.sources.push(Source { at, file: file.clone(), used: 0, is_unmodified: false });
            }
            (Some(file), Some(_)) if with_copies => {
                let is_unmodified = change.is_unmodified();
                pairing.sources.push(Source { at, file: file.clone(), used: 1, is_unmodified });
            }
            _ => {}
        }
    }
    pairing
}

/// Pairs files whose names are unique on both sides, when they are more similar than others would have to be.
fn by_name(pairing: &mut Pairing, estimator: &mut Estimator<'_>, min_score: u32, interrupt: &AtomicBool) -> Result<()> {
    let min_score = min_score + (MAX_SCORE - min_score) / 2;
    // Where a name occurs among sources and destinations; the inner `None` says: in several places.
    let mut places: HashMap<Vec<u8>, [Option<Option<usize>>; 2]> = HashMap::new();
    let mut note = |path: &[u8], side: usize, at: usize| {
        if let Some(slot) = places.entry(name(path).to_vec()).or_default().get_mut(side) {
            *slot = Some(if slot.is_none() { Some(at) } else { None });
        }
    };
    for (at, source) in pairing.sources.iter().enumerate().filter(|(_, source)| source.used == 0) {
        note(&source.file.path, 0, at);
    }
    for (at, destination) in pairing.destinations.iter().enumerate().filter(|(_, file)| file.origin.is_none()) {
        note(&destination.file.path, 1, at);
    }
    for at in 0..pairing.sources.len() {
        check_interrupt(interrupt)?;
        let Some(source) = pairing.sources.get(at) else { break };
        let Some([Some(Some(only)), Some(Some(to))]) = places.get(name(&source.file.path)).copied() else { continue };
        let Some(destination) = pairing.destinations.get(to).filter(|_| only == at) else { continue };
        let score = score(estimator, &source.file, &destination.file, min_score)?;
        if score >= min_score {
            pairing.record(to, at, score);
        }
    }
    Ok(())
}

/// How similar two files are; only regular ones can be.
fn score(estimator: &mut Estimator<'_>, before: &File, after: &File, min_score: u32) -> Result<u32> {
    if !before.mode.is_regular() || !after.mode.is_regular() {
        return Ok(0);
    }
    estimator.score(&before.id, &after.id, min_score)
}

/// The last part of a path.
pub(crate) fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Puts the list together again: renamed files stand where the new file stood.
fn settle(changes: Vec<Change>, mut pairing: Pairing) -> Vec<Change> {
    let origins: HashMap<usize, (usize, u32)> =
        pairing.destinations.iter().filter_map(|to| Some((to.at, to.origin?))).collect();
    let moved: HashSet<usize> =
        pairing.sources.iter().filter(|source| source.used > 0).map(|source| source.at).collect();
    let mut out = Vec::with_capacity(changes.len());
    for (at, change) in changes.into_iter().enumerate() {
        match (&change.before, origins.get(&at)) {
            (None, Some((source, score))) => {
                let Some(source) = pairing.sources.get_mut(*source) else { continue };
                // The last file that uses a source is its new place, unless the source stays.
                source.used = source.used.saturating_sub(1);
                let status = if source.used > 0 { Status::Copied(*score) } else { Status::Renamed(*score) };
                out.push(Change { status, before: Some(source.file.clone()), after: change.after });
            }
            (None, None) => out.push(change),
            (Some(_), _) if change.after.is_none() && moved.contains(&at) => {}
            _ if change.is_unmodified() => {}
            _ => out.push(change),
        }
    }
    out
}
