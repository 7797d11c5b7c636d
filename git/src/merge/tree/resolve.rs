//! Owns the decision for each path once renames are known, and the trees that come of it. Refuses to look at histories.
//!
//! Paths are taken in descending order, so that everything below a directory is decided before the directory itself.

use std::collections::{BTreeMap, HashMap};

use super::{
    Conflict, ConflictKind, Merge, TreeMerge, content,
    detect::{as_path, directory},
    entry::{BASE, OURS, Path, PathEntry, THEIRS, bit, other},
};
use crate::{
    create::entries::{Entry, Item, Mode, write_tree},
    diff::rename::name,
    error::Result,
    id::Kind,
    walk::check_interrupt,
};

/// Decides everything and writes the trees.
pub(super) fn resolve(merge: Merge<'_>) -> Result<TreeMerge> {
    let mut resolver = Resolver { merge, directories: HashMap::new(), conflicted: BTreeMap::new() };
    let paths: Vec<Path> = resolver.merge.paths.keys().rev().cloned().collect();
    let mut is_stopped = false;
    for path in paths {
        check_interrupt(resolver.merge.interrupt)?;
        resolver.path(&path)?;
        is_stopped = resolver.merge.options.stop_at_conflict && resolver.merge.depth == 0 && !resolver.is_clean();
        if is_stopped {
            break;
        }
    }
    let tree = if is_stopped {
        None
    } else {
        let mut root = resolver.directories.remove([].as_slice()).unwrap_or_default();
        Some(resolver.merge.objects.write(Kind::Tree, write_tree(&mut root))?)
    };
    let is_clean = resolver.is_clean();
    let conflicts = resolver.conflicted.iter().map(|(path, entry)| conflict(path, entry)).collect();
    let notices = resolver.merge.notices;
    Ok(TreeMerge { tree, is_clean, conflicts, notices, is_rename_search_cut: false })
}

fn conflict(path: &Path, entry: &PathEntry) -> Conflict {
    let stage = |version: usize| entry.stage(version).filter(|_| entry.files & bit(version) != 0);
    Conflict { path: path.to_vec(), base: stage(BASE), ours: stage(OURS), theirs: stage(THEIRS) }
}

struct Resolver<'a> {
    merge: Merge<'a>,
    /// What each directory holds so far.
    directories: HashMap<Vec<u8>, Vec<Entry>>,
    conflicted: BTreeMap<Path, PathEntry>,
}

impl Resolver<'_> {
    fn is_clean(&self) -> bool {
        self.merge.clean && self.conflicted.is_empty()
    }

    /// Puts what a path became into its directory.
    fn record(&mut self, path: &[u8], result: Option<Item>) {
        if let Some(item) = result {
            let entry = Entry { name: name(path).to_vec(), item };
            self.directories.entry(directory(path).to_vec()).or_default().push(entry);
        }
    }

    fn path(&mut self, path: &Path) -> Result<()> {
        let Some(mut entry) = self.merge.paths.get(path).cloned() else { return Ok(()) };
        if let Some(mut below) = self.directories.remove(&**path) {
            let id = self.merge.objects.write(Kind::Tree, write_tree(&mut below))?;
            entry.result = Some(Item { mode: Mode::Tree, id });
        }
        if entry.is_clean {
            self.record(path, entry.result);
            return Ok(());
        }
        if entry.dirs != 0 {
            self.record(path, entry.result);
            if entry.files == 0 {
                return Ok(());
            }
        }
        let mut file_side = None;
        let mut path = path.clone();
        if entry.is_file_and_dir {
            if entry.result.is_none() {
                // The directory is gone: the file may stay where it is.
                entry.is_file_and_dir = false;
                entry.drop_dirs();
            } else if entry.files == bit(BASE) {
                return Ok(());
            } else {
                let side = if entry.dirs & bit(OURS) != 0 { THEIRS } else { OURS };
                file_side = Some(side);
                entry.drop_dirs();
                entry.result = None;
                let moved = self.unique(&path, side);
                self.merge.note(ConflictKind::FileDirectory, &moved, &[&path]);
                path = moved;
                self.merge.insert(path.clone(), entry.clone())?;
            }
        }
        self.decide(path, entry, file_side)
    }

    fn decide(&mut self, mut path: Path, mut entry: PathEntry, file_side: Option<usize>) -> Result<()> {
        let is_undisputed = !entry.is_file_and_dir && !entry.is_path_conflict;
        let both = bit(OURS) | bit(THEIRS);
        let types =
            entry.stage(OURS).zip(entry.stage(THEIRS)).map(|(ours, theirs)| ours.mode.is_same_type(theirs.mode));
        if entry.matches == both {
            entry.is_clean = is_undisputed;
            entry.result = entry.stage(OURS);
        } else if entry.matches != 0 {
            let side = if entry.matches & bit(THEIRS) == 0 { THEIRS } else { OURS };
            entry.result = entry.stage(side);
            entry.is_clean = is_undisputed || entry.result.is_none();
        } else if entry.files & both == both && types == Some(false) {
            if self.merge.depth > 0 {
                entry.is_clean = false;
                entry.result = entry.stage(BASE);
            } else {
                path = self.separate(path, &mut entry)?;
            }
        } else if entry.files & both == both {
            self.contents(&path, &mut entry, is_undisputed, file_side)?;
        } else if entry.files == bit(BASE) | bit(OURS) || entry.files == bit(BASE) | bit(THEIRS) {
            let side = if entry.files & bit(OURS) != 0 { OURS } else { THEIRS };
            entry.result = entry.stage(if self.merge.depth > 0 { BASE } else { side });
            entry.is_clean = false;
            let is_unchanged = entry.stage(BASE).map(|i| i.id) == entry.stage(side).map(|i| i.id);
            if !(entry.is_path_conflict && is_unchanged) {
                self.merge.note(ConflictKind::ModifyDelete, &path, &[]);
            }
        } else if entry.files == bit(BASE) {
            entry.result = None;
            entry.is_clean = !entry.is_path_conflict;
        } else {
            let side = if entry.files & bit(OURS) != 0 { OURS } else { THEIRS };
            entry.result = entry.stage(side);
            entry.is_clean = is_undisputed;
        }
        self.record(&path, entry.result);
        if !entry.is_clean {
            self.conflicted.insert(path, entry);
        }
        Ok(())
    }

    /// Both sides have a version of the same type.
    fn contents(
        &mut self,
        path: &Path,
        entry: &mut PathEntry,
        is_undisputed: bool,
        file_side: Option<usize>,
    ) -> Result<()> {
        let longer = 2 * self.merge.depth;
        let origins = entry.origins.clone();
        let merged = content::merge(&mut self.merge, entry.stages, &origins, longer)?;
        entry.result = merged.item;
        entry.is_clean = merged.is_clean && is_undisputed;
        if let (true, true, Some(side)) = (merged.is_clean, entry.is_file_and_dir, file_side) {
            entry.files = bit(side);
            entry.set_stage(side, merged.item);
        }
        if let Some(kind) = merged.kind {
            self.merge.note(kind, path, &[]);
        }
        Ok(())
    }

    /// Versions of different types cannot share a path: files move away. Answers the path that ours has then.
    fn separate(&mut self, path: Path, entry: &mut PathEntry) -> Result<Path> {
        let is_file = |version: usize| entry.stage(version).is_some_and(|item| item.mode.is_file());
        let (moves_ours, moves_theirs) = (is_file(OURS) || !is_file(THEIRS), !is_file(OURS));
        let our_path = if moves_ours { self.unique(&path, OURS) } else { path.clone() };
        let their_path = if moves_theirs { self.unique(&path, THEIRS) } else { path.clone() };
        self.merge.note(ConflictKind::DistinctTypes, &path, &[&our_path, &their_path]);
        let mut theirs = entry.clone();
        for (part, side) in [(&mut *entry, OURS), (&mut theirs, THEIRS)] {
            part.is_clean = false;
            part.result = part.stage(side);
            part.set_stage(other(side), None);
            part.files = bit(BASE) | bit(side);
            let is_same_type = part.stage(BASE).zip(part.stage(side)).is_some_and(|(a, b)| a.mode.is_same_type(b.mode));
            if !is_same_type {
                part.set_stage(BASE, None);
                part.files = bit(side);
            }
        }
        self.record(&their_path, theirs.result);
        self.conflicted.insert(their_path.clone(), theirs.clone());
        self.merge.insert(our_path.clone(), entry.clone())?;
        self.merge.insert(their_path, theirs)?;
        Ok(our_path)
    }

    /// A path beside `path` that nothing uses, named after the side.
    fn unique(&self, path: &Path, side: usize) -> Path {
        let branch = self.merge.side_name(side).replace('/', "_");
        let wanted = [path, b"~".as_slice(), branch.as_bytes()].concat();
        let mut found = as_path(&wanted);
        let mut number = 0u64;
        while self.merge.paths.contains_key(&found) {
            found = as_path(&[wanted.as_slice(), format!("_{number}").as_bytes()].concat());
            number += 1;
        }
        found
    }
}
