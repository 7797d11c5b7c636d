//! Owns the order of entries and which there are: trees in git's order, directories only where something is in them, `export-ignore` left
//! out. Refuses formats. Called by [`super::write_archive`].
//!
//! No recursion: the nesting of trees is a pusher's choice.

use std::{borrow::Cow, sync::atomic::AtomicBool};

use super::{
    ArchiveFormat, ArchiveOptions,
    attributes::{Attributes, MAX_FILE_BYTES, Rules},
    entry::{Entry, EntryKind, EntryWriter},
    eol,
    names::renamed,
    subst::substitute,
};
use crate::{
    commit_text::CommitText,
    diff::FileMode,
    error::{Error, Result},
    id::{Kind, ObjectId},
    odb::Snapshot,
    scope::{PathBudget, is_selected, leads_to_selected},
    walk::{TreeEntries, check_interrupt, read_as, unreadable},
};

/// What is still to be done, the next step last.
enum Step {
    Enter { path: Path, id: ObjectId },
    Leave,
    File { path: Path, mode: FileMode, id: ObjectId },
}

/// A path in the tree, and what it is called in the archive where that is something else.
struct Path {
    own: Vec<u8>,
    shown: Option<Vec<u8>>,
}

impl Path {
    fn shown(&self) -> &[u8] {
        self.shown.as_deref().unwrap_or(&self.own)
    }

    /// The path of an entry, `name` with another name where it has one. A directory ends in a slash.
    fn join(directory: &Path, name: &[u8], other: Option<&Vec<u8>>) -> Path {
        let shown = match (&directory.shown, other) {
            (None, None) => None,
            _ => Some([directory.shown(), other.map_or(name, |other| other)].concat()),
        };
        Path { own: [&directory.own[..], name].concat(), shown }
    }

    fn end_in_slash(&mut self) {
        self.own.push(b'/');
        if let Some(shown) = &mut self.shown {
            shown.push(b'/');
        }
    }
}

/// A directory on the way to the current entry.
struct Open {
    /// Ends in a slash.
    path: Path,
    id: ObjectId,
    /// Whether its own entry is out; it waits for the first file below.
    is_written: bool,
}

/// One walk.
pub(super) struct Walk<'a> {
    odb: &'a Snapshot,
    options: &'a ArchiveOptions,
    commit: Option<&'a CommitText>,
    interrupt: &'a AtomicBool,
    attributes: Attributes,
    open: Vec<Open>,
    budget: PathBudget,
    bytes: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        odb: &'a Snapshot,
        options: &'a ArchiveOptions,
        commit: Option<&'a CommitText>,
        interrupt: &'a AtomicBool,
    ) -> Self {
        let (attributes, open) = (Attributes::default(), Vec::new());
        let budget = PathBudget::new("the number of entries", options.max_files);
        Walk { odb, options, commit, interrupt, attributes, open, budget, bytes: 0 }
    }

    /// Writes all entries of a tree and the end of the archive.
    pub(super) fn run(&mut self, tree: ObjectId, out: &mut dyn EntryWriter) -> Result<()> {
        if self.options.prefix.ends_with(b"/") {
            let path = &self.options.prefix;
            out.write(&Entry { path, kind: EntryKind::Directory, id: tree, data: b"" })?;
        }
        let mut steps = Vec::new();
        self.expand(&Path { own: Vec::new(), shown: None }, tree, &mut steps)?;
        while let Some(step) = steps.pop() {
            check_interrupt(self.interrupt)?;
            match step {
                Step::Enter { path, id } => {
                    if self.attributes.of(&path.own, self.interrupt)?.is_set(b"export-ignore") {
                        continue;
                    }
                    steps.push(Step::Leave);
                    self.expand(&path, id, &mut steps)?;
                    self.open.push(Open { path, id, is_written: false });
                }
                Step::Leave => {
                    self.attributes.leave();
                    self.open.pop();
                }
                Step::File { path, mode, id } => self.file(&path, mode, id, out)?,
            }
        }
        out.finish()
    }

    /// Reads a directory, whose path is empty or ends in a slash, and puts what it holds on the stack.
    fn expand(&mut self, directory: &Path, id: ObjectId, steps: &mut Vec<Step>) -> Result<()> {
        let data = read(self.odb, id, Kind::Tree)?;
        let keeps_backslashes = self.options.format != ArchiveFormat::Zip;
        let others = renamed(TreeEntries::new(&data).map(|entry| entry.name), keeps_backslashes);
        let from = steps.len();
        let mut entries = TreeEntries::new(&data);
        let mut rules = None;
        for entry in entries.by_ref() {
            let mut path = Path::join(directory, entry.name, others.get(entry.name));
            let mode = FileMode::of_entry(entry.mode);
            if entry.name == b".gitattributes" && mode.is_some_and(FileMode::is_regular) {
                rules = Some(entry.id);
            }
            match mode {
                None if leads_to_selected(&self.options.paths, &path.own) => {
                    path.end_in_slash();
                    self.budget.take(&path.own)?;
                    steps.push(Step::Enter { path, id: entry.id });
                }
                Some(mode) if is_selected(&self.options.paths, &path.own) => {
                    self.budget.take(&path.own)?;
                    steps.push(Step::File { path, mode, id: entry.id });
                }
                _ => {}
            }
        }
        if entries.is_broken() {
            return Err(unreadable(&id, "the tree cannot be read"));
        }
        if let Some(new) = steps.get_mut(from..) {
            new.reverse();
        }
        let rules = match rules {
            Some(id) if self.size(id)? <= MAX_FILE_BYTES => {
                Rules::parse(&directory.own, &read(self.odb, id, Kind::Blob)?)
            }
            _ => Rules::default(),
        };
        self.attributes.enter(rules)
    }

    fn file(&mut self, path: &Path, mode: FileMode, id: ObjectId, out: &mut dyn EntryWriter) -> Result<()> {
        let found = self.attributes.of(&path.own, self.interrupt)?;
        if found.is_set(b"export-ignore") {
            return Ok(());
        }
        let prefix = &self.options.prefix;
        for directory in self.open.iter_mut().filter(|directory| !directory.is_written) {
            directory.is_written = true;
            let path = [&prefix[..], directory.path.shown()].concat();
            out.write(&Entry { path: &path, kind: EntryKind::Directory, id: directory.id, data: b"" })?;
        }
        let mut path = [&prefix[..], path.shown()].concat();
        if mode == FileMode::SUBMODULE {
            path.push(b'/');
            return out.write(&Entry { path: &path, kind: EntryKind::Directory, id, data: b"" });
        }
        let size = self.size(id)?;
        if size > self.options.max_file_bytes {
            return Err(Error::TooLarge { what: "a file in an archive", limit: self.options.max_file_bytes });
        }
        self.count(size)?;
        let stored = read(self.odb, id, Kind::Blob)?;
        let (kind, data) = if mode.is_symlink() {
            (EntryKind::Symlink, Cow::Borrowed(&stored[..]))
        } else {
            let mut data = eol::to_working_tree(&stored, &found);
            if let Some(commit) = self.commit.filter(|_| found.is_set(b"export-subst")) {
                data = Cow::Owned(substitute(&data, self.odb, commit, self.options.max_file_bytes, self.interrupt)?);
            }
            (EntryKind::Regular { is_executable: mode.bits() & 0o100 != 0 }, data)
        };
        // Placeholders and line ends may have made it longer.
        self.count((data.len() as u64).saturating_sub(size))?;
        out.write(&Entry { path: &path, kind, id, data: &data })
    }

    fn size(&self, id: ObjectId) -> Result<u64> {
        Ok(self.odb.header(&id)?.ok_or(Error::Lost { id })?.1)
    }

    /// Counts bytes against the limit of all files together.
    fn count(&mut self, bytes: u64) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.options.max_total_bytes {
            return Err(Error::TooLarge { what: "the archive", limit: self.options.max_total_bytes });
        }
        Ok(())
    }
}

/// Follows a path of directories down from a tree.
pub(super) fn find_subtree(odb: &Snapshot, root: ObjectId, path: &[u8]) -> Result<ObjectId> {
    let mut tree = root;
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        let data = read(odb, tree, Kind::Tree)?;
        let found = TreeEntries::new(&data).find(|entry| entry.name == name && entry.kind == Some(Kind::Tree));
        let missing = || Error::BadRequest { what: format!("{} is no directory", String::from_utf8_lossy(path)) };
        tree = found.ok_or_else(missing)?.id;
    }
    Ok(tree)
}

fn read(odb: &Snapshot, id: ObjectId, expected: Kind) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    read_as(odb, &id, expected, &mut data)?;
    Ok(data)
}
