//! Owns weighing every new file against every source and taking the best pairs first. Refuses to do so beyond the rename limit. Called by
//! [`super::find`].

use std::sync::atomic::AtomicBool;

use super::{
    Pairing, Renames, TreeOptions,
    candidates::{Candidate, keep_if_better},
    name, score,
    similarity::Estimator,
};
use crate::{error::Result, walk::check_interrupt};

pub(super) fn pair(
    pairing: &mut Pairing,
    estimator: &mut Estimator<'_>,
    options: &TreeOptions,
    interrupt: &AtomicBool,
) -> Result<()> {
    let with_copies = pairing.with_copies;
    let sources: Vec<usize> = (0..pairing.sources.len()).filter(|at| with_copies || is_unused(pairing, *at)).collect();
    let destinations: Vec<usize> = (0..pairing.destinations.len())
        .filter(|at| pairing.destinations.get(*at).is_some_and(|file| file.origin.is_none()))
        .collect();
    let Some(sources) = within_limit(pairing, sources, destinations.len(), options) else { return Ok(()) };
    let mut candidates = Vec::new();
    for to in destinations {
        let from = candidates.len();
        for source in &sources {
            check_interrupt(interrupt)?;
            let Some((a, b)) = pairing.sources.get(*source).zip(pairing.destinations.get(to)) else { continue };
            let score = score(estimator, &a.file, &b.file, options.min_score)?;
            let has_same_name = name(&a.file.path) == name(&b.file.path);
            let found = Candidate { score, has_same_name, source: *source, destination: to };
            keep_if_better(&mut candidates, from, found);
        }
    }
    candidates.sort_by(Candidate::compare);
    for copies in [false, true] {
        if copies && !with_copies {
            break;
        }
        for found in candidates.iter().take_while(|found| found.score >= options.min_score) {
            let is_open = pairing.destinations.get(found.destination).is_some_and(|file| file.origin.is_none());
            if is_open && (copies || is_unused(pairing, found.source)) {
                pairing.record(found.destination, found.source, found.score);
            }
        }
    }
    Ok(())
}

fn is_unused(pairing: &Pairing, at: usize) -> bool {
    pairing.sources.get(at).is_some_and(|source| source.used == 0)
}

/// The sources to weigh, when that is not too much work; a search among all files falls back to the changed ones.
fn within_limit(
    pairing: &Pairing,
    sources: Vec<usize>,
    destinations: usize,
    options: &TreeOptions,
) -> Option<Vec<usize>> {
    let limit = (options.rename_limit as u64).saturating_mul(options.rename_limit as u64);
    let fits = |count: usize| (destinations as u64).saturating_mul(count as u64) <= limit;
    if fits(sources.len()) {
        return Some(sources);
    }
    if options.renames < Renames::CopiesOfAny {
        return None;
    }
    let is_changed = |at: &usize| pairing.sources.get(*at).is_some_and(|source| !source.is_unmodified);
    let changed: Vec<usize> = sources.into_iter().filter(is_changed).collect();
    fits(changed.len()).then_some(changed)
}
