//! Owns matching the files that one side deleted with those it added: equal ones, then those with the same unique name, then all by similarity,
//! as git does for merges. Refuses to look for renames that cannot matter. Answers also how often files went from one directory to another.

use std::collections::{BTreeMap, HashMap};

use super::{
    Merge,
    collect::{DirRelevance, File, Side},
    entry::Path,
    tableorder::in_table_order,
};
use crate::{
    create::NewObjects,
    diff::{
        MAX_SCORE,
        rename::{
            candidates::{Candidate, keep_if_better},
            name,
            similarity::{Bounds, Contents, Estimator},
        },
    },
    error::{Error, Result},
    id::{Kind, ObjectId},
    walk::check_interrupt,
};

/// Larger files are similar to no other.
const MAX_SIMILAR_BYTES: u64 = 32 << 20;
/// Deleted files of equal content that are looked at for one added file.
const EQUAL_ALTERNATIVES: usize = 100;

/// Pieces of files that are compared for one side; a second or two of work.
const MAX_COMPARED_PIECES: u64 = 500_000_000;

/// For each directory that files left: where they went, and how many.
pub(super) type Moves = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, u32>>;

/// The renames of one side.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// For each added file the deleted one it was, by position.
    pub(super) origin: Vec<Option<usize>>,
    pub(super) moves: Moves,
    /// Whether a limit ended the search early.
    pub(super) is_cut: bool,
}

/// Looks for renames on both sides.
pub(super) fn both_sides(merge: &Merge<'_>, sides: &[Side; 2]) -> Result<[Found; 2]> {
    let [ours, theirs] = sides;
    Ok([one_side(merge, ours)?, one_side(merge, theirs)?])
}

fn one_side(merge: &Merge<'_>, side: &Side) -> Result<Found> {
    let found = Found { origin: vec![None; side.added.len()], ..Found::default() };
    if !side.may_have_renames() {
        return Ok(found);
    }
    let minimum = MAX_SCORE * u32::from(merge.options.similarity.min(100)) / 100;
    let used = vec![false; side.deleted.len()];
    let bounds = Bounds {
        max_file_bytes: MAX_SIMILAR_BYTES,
        max_read_bytes: merge.options.max_rename_bytes,
        max_pieces: MAX_COMPARED_PIECES,
        counts_last_piece: merge.options.counts_last_piece,
    };
    let estimator = Estimator::new(&*merge.objects, bounds);
    let mut search = Search { merge, side, found, used, minimum, estimator };
    search.equal()?;
    if search.minimum < MAX_SCORE {
        search.same_name()?;
        search.similar()?;
    }
    search.found.is_cut |= search.estimator.is_cut();
    Ok(search.found)
}

impl Contents for NewObjects {
    fn size(&self, id: &ObjectId) -> Result<u64> {
        Ok(self.header(id)?.ok_or(Error::Lost { id: *id })?.1)
    }

    fn read(&self, id: &ObjectId, data: &mut Vec<u8>) -> Result<()> {
        *data = self.read_as(id, Kind::Blob)?;
        Ok(())
    }
}

struct Search<'s, 'a> {
    merge: &'s Merge<'a>,
    side: &'s Side,
    found: Found,
    /// Deleted files that have a new place.
    used: Vec<bool>,
    minimum: u32,
    estimator: Estimator<'s>,
}

impl Search<'_, '_> {
    fn deleted(&self, at: usize) -> Option<&File> {
        self.side.deleted.get(at)
    }

    fn is_used(&self, at: usize) -> bool {
        self.used.get(at).copied().unwrap_or(true)
    }

    fn is_placed(&self, at: usize) -> bool {
        self.found.origin.get(at).copied().flatten().is_some()
    }

    fn pair(&mut self, added: usize, deleted: usize) {
        if let (Some(origin), Some(used)) = (self.found.origin.get_mut(added), self.used.get_mut(deleted)) {
            *origin = Some(deleted);
            *used = true;
        }
    }

    /// Pairs files of equal content. Empty files say nothing about renames.
    fn equal(&mut self) -> Result<()> {
        let empty = ObjectId::empty_blob(crate::id::HASH_KIND);
        let mut by_id: HashMap<ObjectId, Vec<usize>> = HashMap::new();
        for (at, file) in self.side.deleted.iter().enumerate() {
            if file.item.id == empty {
                if let Some(used) = self.used.get_mut(at) {
                    *used = true;
                }
            } else {
                by_id.entry(file.item.id).or_default().push(at);
            }
        }
        for (added, file) in self.side.added.iter().enumerate() {
            check_interrupt(self.merge.interrupt)?;
            let mut best: Option<(bool, usize)> = None;
            for at in by_id.get(&file.item.id).into_iter().flatten().take(EQUAL_ALTERNATIVES) {
                let Some(source) = self.deleted(*at) else { continue };
                let is_same_type =
                    file.item.mode == source.item.mode || (file.item.mode.is_file() && source.item.mode.is_file());
                if self.is_used(*at) || !is_same_type {
                    continue;
                }
                let has_same_name = name(&source.path) == name(&file.path);
                if best.is_none_or(|(had_same_name, _)| has_same_name && !had_same_name) {
                    best = Some((has_same_name, *at));
                }
                if has_same_name {
                    break;
                }
            }
            if let Some((_, at)) = best {
                self.pair(added, at);
            }
        }
        // Counted in order of the new paths once all are known.
        for added in 0..self.side.added.len() {
            self.count_move(added);
        }
        Ok(())
    }

    /// Pairs files whose name occurs once among what is left, or that went where their directory went.
    fn same_name(&mut self) -> Result<()> {
        let guesses: HashMap<Vec<u8>, Vec<u8>> = self.found.moves.iter().filter_map(guess).collect();
        let minimum = self.minimum + (MAX_SCORE - self.minimum) / 2;
        let side = self.side;
        let left: Vec<(usize, &File)> = side.deleted.iter().enumerate().filter(|(at, _)| !self.is_used(*at)).collect();
        let sources = unique_names(left.iter().copied());
        let free: Vec<(usize, &File)> = side.added.iter().enumerate().filter(|(at, _)| !self.is_placed(*at)).collect();
        let places: HashMap<&[u8], usize> = free.iter().map(|(at, file)| (&*file.path, *at)).collect();
        let destinations = unique_names(free.into_iter());
        for (source, file) in left {
            if !self.side.relevant.contains_key(&file.path) {
                continue;
            }
            let base = name(&file.path);
            let Some(unique) = destinations.get(base) else { continue };
            let destination = match (sources.get(base), unique) {
                (Some(Some(_)), Some(destination)) => Some(*destination),
                _ => guesses
                    .get(directory(&file.path))
                    .and_then(|dir| places.get([dir.as_slice(), b"/", base].concat().as_slice()).copied()),
            };
            let Some(destination) = destination.filter(|at| !self.is_placed(*at)) else { continue };
            if self.score(source, destination, minimum)? >= minimum {
                self.pair(destination, source);
                self.count_move(destination);
            }
        }
        Ok(())
    }

    /// Compares everything that is left with everything.
    fn similar(&mut self) -> Result<()> {
        let is_relevant = |at: &usize| self.deleted(*at).is_some_and(|f| self.side.relevant.contains_key(&f.path));
        let sources: Vec<usize> =
            (0..self.side.deleted.len()).filter(|at| !self.is_used(*at)).filter(is_relevant).collect();
        let destinations: Vec<usize> = (0..self.side.added.len()).filter(|at| !self.is_placed(*at)).collect();
        let limit = self.merge.options.rename_limit;
        if sources.is_empty() || destinations.is_empty() {
            return Ok(());
        }
        if sources.len().saturating_mul(destinations.len()) > limit.saturating_mul(limit) {
            self.found.is_cut = true;
            return Ok(());
        }
        let mut best: Vec<Candidate> = Vec::new();
        for destination in destinations {
            let from = best.len();
            for source in &sources {
                let score = self.score(*source, destination, self.minimum)?;
                let files = self.deleted(*source).zip(self.side.added.get(destination));
                let has_same_name = files.is_some_and(|(old, new)| name(&old.path) == name(&new.path));
                keep_if_better(&mut best, from, Candidate { score, has_same_name, source: *source, destination });
            }
        }
        best.sort_by(Candidate::compare);
        for candidate in best {
            if candidate.score < self.minimum {
                break;
            }
            if !self.is_placed(candidate.destination) && !self.is_used(candidate.source) {
                self.pair(candidate.destination, candidate.source);
                self.count_move(candidate.destination);
            }
        }
        Ok(())
    }

    /// How similar a deleted and an added file are; 0 if surely not similar enough, or if a limit forbids to look.
    fn score(&mut self, source: usize, destination: usize, minimum: u32) -> Result<u32> {
        check_interrupt(self.merge.interrupt)?;
        let (Some(from), Some(to)) = (self.deleted(source), self.side.added.get(destination)) else { return Ok(0) };
        let (from, to) = (from.item, to.item);
        if !from.mode.is_file() || !to.mode.is_file() {
            return Ok(0);
        }
        self.estimator.score(&from.id, &to.id, minimum)
    }

    /// Counts that a file left its directory, and with it the directories above as long as their names stay the same.
    fn count_move(&mut self, added: usize) {
        let origin = self.found.origin.get(added).copied().flatten().and_then(|at| self.deleted(at));
        let Some((from, to)) = origin.zip(self.side.added.get(added)) else { return };
        let (mut old, mut new) = (directory(&from.path).to_vec(), directory(&to.path).to_vec());
        let mut is_first = true;
        loop {
            let relevance = self.side.dirs_removed.get(old.as_slice());
            let Some(relevance) = relevance.copied() else { return };
            if relevance == DirRelevance::Itself || is_first {
                let count = self.found.moves.entry(old.clone()).or_default().entry(new.clone()).or_default();
                *count = count.saturating_add(1);
            }
            if relevance == DirRelevance::None || old.is_empty() || new.is_empty() {
                return;
            }
            if name(&old) != name(&new) {
                return;
            }
            old = directory(&old).to_vec();
            new = directory(&new).to_vec();
            is_first = false;
        }
    }
}

/// Names that occur once lead to their file, others to nothing.
fn unique_names<'f>(files: impl Iterator<Item = (usize, &'f File)>) -> HashMap<&'f [u8], Option<usize>> {
    let mut names = HashMap::new();
    for (at, file) in files {
        names.entry(name(&file.path)).and_modify(|found| *found = None).or_insert(Some(at));
    }
    names
}

/// The directory to which most files went.
fn guess((from, to): (&Vec<u8>, &BTreeMap<Vec<u8>, u32>)) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut best: Option<(&Vec<u8>, u32)> = None;
    for (dir, count) in in_table_order(to.iter().collect(), |(dir, _)| dir.as_slice()) {
        if best.is_none_or(|(_, most)| *count > most) {
            best = Some((dir, *count));
        }
    }
    best.map(|(dir, _)| (from.clone(), dir.clone()))
}

/// A path without its last part; empty at the root.
pub(super) fn directory(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at)).unwrap_or_default()
}

/// The path of a file or directory as it is kept.
pub(super) fn as_path(path: &[u8]) -> Path {
    Path::from(path)
}
