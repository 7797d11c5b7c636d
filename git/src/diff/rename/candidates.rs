//! Owns the list of possible pairs, of which each new file keeps the best few. Refuses to compare files. Called by [`super::matrix`] and by
//! the search for renames of a merge.

use std::cmp::Ordering;

/// How many sources are remembered for each new file.
const KEPT: usize = 4;

/// A possible pair.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// In parts of [`super::MAX_SCORE`].
    pub(crate) score: u32,
    /// Whether only the directory changed.
    pub(crate) has_same_name: bool,
    /// Index of the old file.
    pub(crate) source: usize,
    /// Index of the new file.
    pub(crate) destination: usize,
}

impl Candidate {
    /// The better one first.
    pub(crate) fn compare(&self, other: &Candidate) -> Ordering {
        (other.score, other.has_same_name).cmp(&(self.score, self.has_same_name))
    }
}

/// Keeps the best candidates of one new file, which start at `from`; of equals the earlier stays.
pub(crate) fn keep_if_better(candidates: &mut Vec<Candidate>, from: usize, found: Candidate) {
    let own = candidates.get_mut(from..).unwrap_or_default();
    if own.len() < KEPT {
        candidates.push(found);
        return;
    }
    let mut worst: Option<&mut Candidate> = None;
    for candidate in own {
        if worst.as_ref().is_none_or(|worst| candidate.compare(worst).is_gt()) {
            worst = Some(candidate);
        }
    }
    if let Some(worst) = worst.filter(|worst| worst.compare(&found).is_gt()) {
        *worst = found;
    }
}
