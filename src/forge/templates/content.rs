//! Copies the files of a template into objects for the new repository.
//!
//! Owns the walk, which files are filled in (`.gitea/template`, globs line by line), and the bounds. Blocks, so it runs on the blocking pool. Links are copied as
//! they are: what they point at is never opened.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use atomicqms_git::create::commit::{CommitDraft, Ident};
use atomicqms_git::create::edit::{Edit, edit_tree};
use atomicqms_git::create::entries::{Item, Mode, parse_tree};
use atomicqms_git::create::{CreateLimits, NewObjects};
use atomicqms_git::{Error, Kind, ObjectId, Result, View};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::expand::Facts;

/// The file that says which others are filled in; it is not taken over.
const LIST: &[u8] = b".gitea/template";
/// Largest such file. Units: bytes.
const MAX_LIST_BYTES: usize = 64 << 10;
/// Most lines of it that count.
const MAX_GLOBS: usize = 1000;
/// Deepest directory.
const MAX_DEPTH: usize = 256;

/// A commit and the pack that brings it.
pub(super) struct Copied {
    pub(super) commit: ObjectId,
    pub(super) pack: Vec<u8>,
}

/// The objects of the new repository, and its tree.
pub(super) struct Files {
    objects: NewObjects,
    tree: ObjectId,
}

/// Copies what a commit of the template holds.
///
/// Errors: `TooLarge`, `BadPath` for two files that get one name, `Fsck` for names that git refuses, `Interrupted`, and those of reading.
pub(super) fn copy(
    template: &View,
    tip: &ObjectId,
    target: &View,
    facts: &Facts,
    max_bytes: u64,
    interrupt: &AtomicBool,
) -> Result<Files> {
    let source = NewObjects::new(template.odb.clone(), CreateLimits::default());
    let commit = CommitDraft::parse(tip, &source.read_as(tip, Kind::Commit)?)?;
    let mut found = BTreeMap::new();
    collect(&source, &commit.tree, &mut Vec::new(), 0, interrupt, &mut found)?;
    let globs = match found.remove(LIST) {
        Some(list) if list.mode.is_file() => read_globs(&source.read_as(&list.id, Kind::Blob)?)?,
        _ => GlobSet::empty(),
    };
    let limits = CreateLimits { max_bytes, ..CreateLimits::default() };
    let mut objects = NewObjects::new(target.odb.clone(), limits);
    let mut placed: BTreeMap<Vec<u8>, Item> = BTreeMap::new();
    for (path, item) in found {
        stop_if(interrupt)?;
        let is_filled_in = item.mode.is_file() && globs.is_match(String::from_utf8_lossy(&path).as_ref());
        let item = match item.mode {
            // A commit of another repository: nothing to copy.
            Mode::Submodule => item,
            mode => {
                let content = source.read_as(&item.id, Kind::Blob)?;
                let content = if is_filled_in { facts.fill_in(&content) } else { content };
                Item { mode, id: objects.write(Kind::Blob, content)? }
            }
        };
        let path = if is_filled_in { facts.fill_in_path(&path) } else { path };
        if placed.insert(path.clone(), item).is_some() {
            let path = String::from_utf8_lossy(&path).into_owned();
            return Err(Error::BadPath { path, what: "is the name of two files once it is filled in" });
        }
    }
    let edits: Vec<(&[u8], Edit)> = placed.iter().map(|(path, item)| (path.as_slice(), Edit::Put(*item))).collect();
    let tree = edit_tree(&mut objects, None, &edits, interrupt)?;
    Ok(Files { objects, tree })
}

impl Files {
    /// Makes the one commit of the new repository.
    pub(super) fn commit(mut self, author: &Ident, interrupt: &AtomicBool) -> Result<Copied> {
        let draft = CommitDraft {
            tree: self.tree,
            parents: Vec::new(),
            author: author.clone(),
            committer: author.clone(),
            extra_headers: Vec::new(),
            signature: None,
            message: b"Initial commit\n".to_vec(),
        };
        let commit = draft.write(&mut self.objects)?;
        Ok(Copied { commit, pack: self.objects.pack(&[commit], interrupt)? })
    }
}

/// Lists every file, link and submodule by its path. Recursion ends at [`MAX_DEPTH`].
fn collect(
    source: &NewObjects,
    tree: &ObjectId,
    path: &mut Vec<u8>,
    depth: usize,
    interrupt: &AtomicBool,
    found: &mut BTreeMap<Vec<u8>, Item>,
) -> Result<()> {
    stop_if(interrupt)?;
    if depth > MAX_DEPTH {
        return Err(Error::TooLarge { what: "depth of trees", limit: MAX_DEPTH as u64 });
    }
    let limit = CreateLimits::default().max_objects;
    for entry in parse_tree(tree, &source.read_as(tree, Kind::Tree)?)? {
        let length = path.len();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&entry.name);
        if entry.item.mode == Mode::Tree {
            collect(source, &entry.item.id, path, depth + 1, interrupt, found)?;
        } else if found.len() < limit {
            found.insert(path.clone(), entry.item);
        } else {
            return Err(Error::TooLarge { what: "number of files", limit: limit as u64 });
        }
        path.truncate(length);
    }
    Ok(())
}

/// Reads globs as Gitea means them: `*` stays in a directory, `**` does not; lines that are no globs are left out.
fn read_globs(list: &[u8]) -> Result<GlobSet> {
    if list.len() > MAX_LIST_BYTES {
        return Err(Error::TooLarge { what: "size of .gitea/template", limit: MAX_LIST_BYTES as u64 });
    }
    let mut globs = GlobSetBuilder::new();
    let text = String::from_utf8_lossy(list);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines.take(MAX_GLOBS) {
        if let Ok(glob) = GlobBuilder::new(line).literal_separator(true).backslash_escape(true).build() {
            globs.add(glob);
        }
    }
    let too_large = |_| Error::TooLarge { what: "globs of .gitea/template", limit: MAX_LIST_BYTES as u64 };
    globs.build().map_err(too_large)
}

fn stop_if(interrupt: &AtomicBool) -> Result<()> {
    if interrupt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}
