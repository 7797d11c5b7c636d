//! Owns following renamed directories: what one side adds to a directory that the other side renamed belongs into the new one. As in git's
//! default, that is never done silently: the path is in conflict. Refuses to look at contents.

use std::collections::BTreeMap;

use super::{
    ConflictKind, Merge,
    collect::{DirRelevance, File, Side},
    detect::{Found, as_path, directory},
    entry::{OURS, Path, PathEntry, THEIRS, bit},
    renames::Rename,
};
use crate::{error::Result, walk::check_interrupt};

/// Old directory to new directory.
type Renamed = BTreeMap<Vec<u8>, Vec<u8>>;

/// Turns what was found into a list of renames, sorted by old path, after files were moved along with renamed directories.
pub(super) fn apply(merge: &mut Merge<'_>, sides: &[Side; 2], found: [Found; 2]) -> Result<Vec<Rename>> {
    let ([our_found, their_found], [our_side, their_side]) = (&found, sides);
    let (mut by_us, mut by_them) = (Renamed::new(), Renamed::new());
    if merge.depth == 0 {
        by_us = provisional(merge, our_side, our_found);
        by_them = provisional(merge, their_side, their_found);
        // Renamed by both sides: nothing can be said about what belongs where.
        let both: Vec<Vec<u8>> = by_us.keys().filter(|dir| by_them.contains_key(*dir)).cloned().collect();
        for dir in both {
            by_us.remove(&dir);
            by_them.remove(&dir);
        }
    }
    let (ours_go, theirs_go) = (targets(our_side, &by_them), targets(their_side, &by_us));
    let ours = Follower { side: OURS, dirs: &by_them, excluded: &by_us, own: &ours_go, others: &theirs_go };
    let theirs = Follower { side: THEIRS, dirs: &by_us, excluded: &by_them, own: &theirs_go, others: &ours_go };
    let mut list = Vec::new();
    ours.collect(merge, our_side, our_found, &mut list)?;
    theirs.collect(merge, their_side, their_found, &mut list)?;
    list.sort_by(|a, b| a.from.cmp(&b.from));
    Ok(list)
}

/// The directory to which most files of each removed directory went.
fn provisional(merge: &mut Merge<'_>, side: &Side, found: &Found) -> Renamed {
    let mut renamed = Renamed::new();
    let is_relevant = |dir: &[u8]| side.dirs_removed.get(dir).is_some_and(|relevance| *relevance != DirRelevance::None);
    for (from, counts) in found.moves.iter().filter(|(from, _)| is_relevant(from)) {
        let most = counts.values().copied().max().unwrap_or(0);
        let mut best = counts.iter().filter(|(_, count)| **count == most).map(|(dir, _)| dir);
        match (best.next(), best.next()) {
            (Some(_), Some(_)) => {
                merge.clean = false;
                merge.note(ConflictKind::DirectoryRenameSplit, from, &[]);
            }
            (Some(to), None) => {
                renamed.insert(from.clone(), to.clone());
            }
            (None, _) => {}
        }
    }
    renamed
}

/// New paths that added or renamed files would get, each with the number of files.
fn targets(side: &Side, dirs: &Renamed) -> BTreeMap<Vec<u8>, usize> {
    let mut targets = BTreeMap::new();
    for file in &side.added {
        if let Some((_, target)) = moved(&file.path, dirs) {
            *targets.entry(target).or_default() += 1;
        }
    }
    targets
}

/// Where the innermost renamed directory of a path went, and where the path would go with it.
fn moved(path: &[u8], dirs: &Renamed) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut dir = directory(path);
    while !dir.is_empty() {
        if let Some(new) = dirs.get(dir) {
            let below = path.get(dir.len()..).unwrap_or_default();
            let below = if new.is_empty() { below.get(1..).unwrap_or_default() } else { below };
            return Some((new.clone(), [new, below].concat()));
        }
        dir = directory(dir);
    }
    None
}

/// One side's files on their way after directories that the other side renamed.
struct Follower<'d> {
    side: usize,
    /// Renamed by the other side.
    dirs: &'d Renamed,
    /// Renamed by this side.
    excluded: &'d Renamed,
    /// Where this side's files would go, and how many to each path.
    own: &'d BTreeMap<Vec<u8>, usize>,
    /// The same of the other side: such a path is not moved itself.
    others: &'d BTreeMap<Vec<u8>, usize>,
}

impl Follower<'_> {
    fn collect(&self, merge: &mut Merge<'_>, side: &Side, found: &Found, list: &mut Vec<Rename>) -> Result<()> {
        for (file, origin) in side.added.iter().zip(&found.origin) {
            check_interrupt(merge.interrupt)?;
            let origin = origin.and_then(|at| side.deleted.get(at));
            let target = self.target(merge, &file.path);
            if origin.is_none() && target.is_none() {
                continue;
            }
            let to = match target {
                Some(target) => self.follow(merge, file, origin, as_path(&target))?,
                None => file.path.clone(),
            };
            let from = origin.map_or_else(|| file.path.clone(), |origin| origin.path.clone());
            list.push(Rename { from, to, side: self.side });
        }
        Ok(())
    }

    /// The path to which a file is to be moved, if it is.
    fn target(&self, merge: &mut Merge<'_>, path: &[u8]) -> Option<Vec<u8>> {
        if self.others.contains_key(path) {
            return None;
        }
        let (new, target) = moved(path, self.dirs)?;
        if self.excluded.contains_key(&new) {
            return None;
        }
        let is_in_way = merge
            .paths
            .get(target.as_slice())
            .is_some_and(|entry| entry.is_clean || (entry.files | entry.dirs) & bit(self.side) != 0);
        if is_in_way || self.own.get(&target).is_some_and(|count| *count > 1) {
            merge.clean = false;
            merge.note(ConflictKind::ImplicitRename, &target, &[path]);
            return None;
        }
        Some(target)
    }

    /// Moves this side's version of a file to its new path.
    fn follow(&self, merge: &mut Merge<'_>, file: &File, origin: Option<&File>, target: Path) -> Result<Path> {
        self.make_directories(merge, &target)?;
        let Some(old) = merge.paths.get_mut(&file.path) else { return Ok(target) };
        let mine = bit(self.side);
        let item = old.stage(self.side);
        if old.dirs == 0 && old.files == mine {
            merge.paths.remove(&file.path);
        } else {
            old.files &= !mine;
            old.set_stage(self.side, None);
            old.matches = 0;
        }
        let empty = || PathEntry::new(&target, [None; 3]);
        let mut entry = merge.paths.get(&target).cloned().unwrap_or_else(empty);
        entry.files |= mine;
        entry.set_stage(self.side, item);
        entry.set_origin(self.side, &file.path);
        entry.is_file_and_dir = entry.dirs != 0;
        // Which versions were equal before stays as it was, as in git: this version is weighed by its content.
        entry.is_clean = false;
        entry.is_path_conflict = true;
        let old_path = origin.map_or(&file.path, |origin| &origin.path);
        merge.note(ConflictKind::FileLocation, &target, &[&file.path, old_path]);
        merge.insert(target.clone(), entry)?;
        Ok(target)
    }

    /// Makes the directories above a path known.
    fn make_directories(&self, merge: &mut Merge<'_>, path: &[u8]) -> Result<()> {
        let mut dir = directory(path);
        while !dir.is_empty() && !merge.paths.contains_key(dir) {
            let dir_path = as_path(dir);
            let mut entry = PathEntry::new(&dir_path, [None; 3]);
            entry.dirs = bit(self.side);
            merge.insert(dir_path, entry)?;
            dir = directory(dir);
        }
        Ok(())
    }
}
