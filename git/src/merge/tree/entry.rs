//! Owns what is known about one path while trees are merged. Refuses to decide anything.

use std::sync::Arc;

use crate::create::entries::{Item, Mode};

/// A path from the root, names separated by slashes; empty for the root.
pub(super) type Path = Arc<[u8]>;

/// Position of the common ancestor among versions.
pub(super) const BASE: usize = 0;
/// Position of our side.
pub(super) const OURS: usize = 1;
/// Position of their side.
pub(super) const THEIRS: usize = 2;

/// The bit of a version in the masks.
pub(super) fn bit(version: usize) -> u8 {
    1 << version
}

/// The other side.
pub(super) fn other(side: usize) -> usize {
    if side == OURS { THEIRS } else { OURS }
}

/// The versions of one path and what became of them.
#[derive(Debug, Clone)]
pub(super) struct PathEntry {
    /// Base, ours, theirs.
    pub(super) stages: [Option<Item>; 3],
    /// Where each version comes from: renames bring versions of several paths together.
    pub(super) origins: [Path; 3],
    /// Versions that are files, symbolic links or submodules.
    pub(super) files: u8,
    /// Versions that are directories.
    pub(super) dirs: u8,
    /// Versions that are equal: none or at least two.
    pub(super) matches: u8,
    /// Whether a file of one version is a directory in another.
    pub(super) is_file_and_dir: bool,
    /// Whether the path itself is in question, not only its content.
    pub(super) is_path_conflict: bool,
    /// Whether it is decided without conflict.
    pub(super) is_clean: bool,
    /// What it becomes; `None` for nothing.
    pub(super) result: Option<Item>,
}

impl PathEntry {
    /// An entry with given versions, not decided.
    pub(super) fn new(path: &Path, stages: [Option<Item>; 3]) -> PathEntry {
        let mask = |wanted: fn(&Item) -> bool| {
            stages.iter().enumerate().filter(|(_, s)| s.as_ref().is_some_and(wanted)).fold(0, |m, (at, _)| m | bit(at))
        };
        let files = mask(|item| item.mode != Mode::Tree);
        let dirs = mask(|item| item.mode == Mode::Tree);
        PathEntry {
            stages,
            origins: [path.clone(), path.clone(), path.clone()],
            files,
            dirs,
            matches: matches(&stages),
            is_file_and_dir: files != 0 && dirs != 0,
            is_path_conflict: false,
            is_clean: false,
            result: None,
        }
    }

    pub(super) fn stage(&self, version: usize) -> Option<Item> {
        self.stages.get(version).copied().flatten()
    }

    pub(super) fn set_stage(&mut self, version: usize, item: Option<Item>) {
        if let Some(slot) = self.stages.get_mut(version) {
            *slot = item;
        }
    }

    pub(super) fn set_origin(&mut self, version: usize, path: &Path) {
        if let Some(slot) = self.origins.get_mut(version) {
            *slot = path.clone();
        }
    }

    /// Decides that nothing is left here.
    pub(super) fn remove(&mut self) {
        self.is_clean = true;
        self.result = None;
    }

    /// Forgets versions that are directories.
    pub(super) fn drop_dirs(&mut self) {
        self.matches &= !self.dirs;
        self.dirs = 0;
        for version in [BASE, OURS, THEIRS] {
            if self.files & bit(version) == 0 {
                self.set_stage(version, None);
            }
        }
    }
}

/// Which versions are equal; a missing one equals nothing.
pub(super) fn matches(stages: &[Option<Item>; 3]) -> u8 {
    let [base, ours, theirs] = stages;
    let is_equal = |a: &Option<Item>, b: &Option<Item>| a.is_some() && a == b;
    match (is_equal(ours, base), is_equal(theirs, base)) {
        (true, true) => 7,
        (true, false) => 3,
        (false, true) => 5,
        (false, false) if is_equal(ours, theirs) => 6,
        (false, false) => 0,
    }
}
