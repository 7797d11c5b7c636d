//! Owns the walk over three trees as far as they differ: every path with its versions, and what each side added and deleted. Refuses to match
//! renames; it only notes for which files and directories a rename would matter.

use std::collections::{BTreeMap, HashMap};

use super::{
    Merge,
    entry::{self, BASE, OURS, Path, PathEntry, THEIRS, bit, other},
    tableorder::in_table_order,
};
use crate::{
    create::entries::{Item, Mode, parse_tree},
    error::{Error, Result},
    id::{Kind, ObjectId},
    walk::check_interrupt,
};

/// Deepest directory followed.
const MAX_DEPTH: usize = 512;
/// All three versions.
const ALL: u8 = 7;

/// Why it matters where a deleted file went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relevance {
    /// The other side changed it.
    Content,
    /// It tells where its directory went.
    Location,
}

/// Whether it matters where a deleted directory went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DirRelevance {
    /// It does not.
    None,
    /// For a directory above it.
    Ancestor,
    /// The other side added something to it.
    Itself,
}

/// A file that one side added or deleted.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: Path,
    pub(super) item: Item,
}

/// What one side did.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// In the order of the trees.
    pub(super) added: Vec<File>,
    pub(super) deleted: Vec<File>,
    /// Deleted files whose new place matters.
    pub(super) relevant: HashMap<Path, Relevance>,
    /// Directories that are gone.
    pub(super) dirs_removed: HashMap<Path, DirRelevance>,
}

impl Side {
    /// Whether looking for renames can change the result: whatever is relevant was deleted.
    pub(super) fn may_have_renames(&self) -> bool {
        !self.relevant.is_empty()
    }
}

/// Fills `merge.paths` and answers what our and their side added and deleted.
pub(super) fn collect(merge: &mut Merge<'_>, trees: [ObjectId; 3]) -> Result<[Side; 2]> {
    let mut walk = Walk { merge, sides: Default::default(), put_off: Default::default(), may_put_off: [true; 2] };
    walk.directory(&Path::from([]), trees.map(Some), 0, 0)?;
    walk.rest(OURS)?;
    walk.rest(THEIRS)?;
    Ok(walk.sides)
}

struct Walk<'m, 'a> {
    merge: &'m mut Merge<'a>,
    sides: [Side; 2],
    /// Directories that one side alone changed; they need no walk unless renames of that side matter.
    put_off: [Vec<PutOff>; 2],
    may_put_off: [bool; 2],
}

/// A directory to be looked at later.
struct PutOff {
    path: Path,
    stages: [Option<Item>; 3],
    moved: u8,
    depth: usize,
}

impl Walk<'_, '_> {
    /// Walks one directory. `moved` tells for which side's additions it matters where this directory went: 0 for none, [`ALL`] once an
    /// addition was found.
    fn directory(&mut self, path: &Path, trees: [Option<ObjectId>; 3], mut moved: u8, depth: usize) -> Result<()> {
        check_interrupt(self.merge.interrupt)?;
        if depth > MAX_DEPTH {
            return Err(Error::TooLarge { what: "depth of directories", limit: MAX_DEPTH as u64 });
        }
        let children = self.children(trees)?;
        if moved == bit(OURS) || moved == bit(THEIRS) {
            let is_added = |stages: &[Option<Item>; 3]| PathEntry::new(path, *stages).files == moved;
            if children.values().any(is_added) {
                moved = ALL;
            }
        }
        for (mut name, stages) in children {
            if name.last() == Some(&b'/') {
                name.pop();
            }
            let separator: &[u8] = if path.is_empty() { b"" } else { b"/" };
            let child = Path::from([path, separator, &name].concat());
            self.child(path, child, stages, moved, depth)?;
        }
        Ok(())
    }

    /// The names in a directory of any version, in the order of trees; a directory's name ends with a slash.
    fn children(&self, trees: [Option<ObjectId>; 3]) -> Result<BTreeMap<Vec<u8>, [Option<Item>; 3]>> {
        let mut names: BTreeMap<Vec<u8>, [Option<Item>; 3]> = BTreeMap::new();
        for (version, tree) in trees.iter().enumerate() {
            let Some(tree) = tree else { continue };
            for entry in parse_tree(tree, &self.merge.objects.read_as(tree, Kind::Tree)?)? {
                if let Some(slot) = names.entry(entry.name).or_default().get_mut(version) {
                    *slot = Some(entry.item);
                }
            }
        }
        let is_dir = |stages: &[Option<Item>; 3]| stages.iter().flatten().any(|item| item.mode == Mode::Tree);
        let in_order = names.into_iter().map(|(mut name, stages)| {
            if is_dir(&stages) {
                name.push(b'/');
            }
            (name, stages)
        });
        Ok(in_order.collect())
    }

    fn child(&mut self, dir: &Path, path: Path, stages: [Option<Item>; 3], moved: u8, depth: usize) -> Result<()> {
        let mut entry = PathEntry::new(&path, stages);
        let early = match entry.matches {
            ALL => Some(BASE),
            6 if entry.files == ALL => Some(OURS),
            3 if entry.files == ALL => Some(THEIRS),
            5 if entry.files == ALL => Some(OURS),
            _ => None,
        };
        if let Some(version) = early {
            entry.result = entry.stage(version);
            entry.is_clean = true;
            return self.merge.insert(path, entry);
        }
        let moved = self.note(dir, &path, &entry, moved);
        if entry.dirs == 0 {
            return self.merge.insert(path, entry);
        }
        let side =
            changed_by(&entry).filter(|side| moved != ALL && self.may_put_off.get(side_index(*side)) == Some(&true));
        entry.matches &= entry.files;
        self.merge.insert(path.clone(), entry)?;
        match side.and_then(|side| self.put_off.get_mut(side_index(side))) {
            Some(list) => {
                list.push(PutOff { path, stages, moved, depth });
                Ok(())
            }
            None => self.directory(&path, trees_of(&stages), moved, depth + 1),
        }
    }

    /// Goes through what was put off for one side, in git's order; without renames that matter, the side's version is taken whole.
    fn rest(&mut self, side: usize) -> Result<()> {
        let is_whole = self.side(side).relevant.is_empty();
        let list = self.put_off.get_mut(side_index(side)).map(std::mem::take).unwrap_or_default();
        if let Some(may) = self.may_put_off.get_mut(side_index(side)) {
            *may = false;
        }
        for PutOff { path, stages, moved, depth } in in_table_order(list, |put_off| &put_off.path) {
            match self.merge.paths.get_mut(&path) {
                Some(entry) if is_whole => {
                    entry.is_clean = true;
                    entry.result = entry.stage(side);
                }
                _ => self.directory(&path, trees_of(&stages), moved, depth + 1)?,
            }
        }
        Ok(())
    }

    /// Notes what renames could explain; answers `moved` for what lies below.
    fn note(&mut self, dir: &Path, path: &Path, entry: &PathEntry, mut moved: u8) -> u8 {
        if moved != ALL && matches!(entry.dirs, 3 | 5) {
            moved = entry.dirs & !bit(BASE);
        }
        if matches!(entry.dirs, 1 | 3 | 5) {
            let relevance = if moved == ALL { DirRelevance::Ancestor } else { DirRelevance::None };
            for side in [OURS, THEIRS] {
                if entry.dirs & bit(side) == 0 {
                    self.side(side).dirs_removed.insert(path.clone(), relevance);
                }
            }
        }
        if moved == ALL {
            for side in [OURS, THEIRS] {
                if entry.files == bit(side) {
                    self.side(other(side)).dirs_removed.insert(dir.clone(), DirRelevance::Itself);
                }
            }
        }
        if entry.files != 0 && entry.files != ALL {
            for side in [OURS, THEIRS] {
                self.note_file(side, path, entry, moved);
            }
        }
        moved
    }

    fn note_file(&mut self, side: usize, path: &Path, entry: &PathEntry, moved: u8) {
        let (had, has) = (entry.files & bit(BASE) != 0, entry.files & bit(side) != 0);
        let file = |version: usize| entry.stage(version).map(|item| File { path: path.clone(), item });
        let (added, deleted) = match (had, has) {
            (false, true) => (file(side), None),
            (true, false) => (None, file(BASE)),
            _ => return,
        };
        let relevance = match (entry.matches & entry.files == 0, moved == ALL) {
            (true, _) => Some(Relevance::Content),
            (false, true) => Some(Relevance::Location),
            (false, false) => None,
        };
        let side = self.side(side);
        side.added.extend(added);
        if let (Some(_), Some(relevance)) = (&deleted, relevance) {
            side.relevant.insert(path.clone(), relevance);
        }
        side.deleted.extend(deleted);
    }

    fn side(&mut self, side: usize) -> &mut Side {
        let [ours, theirs] = &mut self.sides;
        if side == entry::OURS { ours } else { theirs }
    }
}

fn side_index(side: usize) -> usize {
    usize::from(side != OURS)
}

/// The side that alone changed a path, or that alone has a directory there.
fn changed_by(entry: &PathEntry) -> Option<usize> {
    match (entry.matches, entry.files, entry.dirs) {
        (3, _, _) | (_, 0, 4) => Some(THEIRS),
        (5, _, _) | (_, 0, 2) => Some(OURS),
        _ => None,
    }
}

fn trees_of(stages: &[Option<Item>; 3]) -> [Option<ObjectId>; 3] {
    stages.map(|item| item.filter(|item| item.mode == Mode::Tree).map(|item| item.id))
}
