//! Owns the files of refs: reading them as stock git does, and writing the projection of the table. Refuses to be the truth: that is the
//! database. Called by the repository actor, one call at a time per repository.
//!
//! Every write is idempotent: it brings the named refs to what the table says, whatever is there, so that a replay after a crash is harmless.
//! Readers see old or new values of each ref, never half of one.

mod loose;
pub mod packed;

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use loose::parse as parse_loose;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    path::Path,
};

use super::{RefEdit, RefTable};
use crate::{
    error::{Error, Result},
    files,
    id::ObjectId,
};

/// More changes at once than this go to `packed-refs` in one file instead of one file each.
const MAX_LOOSE_WRITES: usize = 64;

/// One ref as found on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskRef {
    /// Full name; it may break the rules for names, since anybody can make files.
    pub name: String,
    /// What it says.
    pub value: DiskValue,
}

/// The value of a ref on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskValue {
    /// An object.
    Object {
        /// The object's id.
        target: ObjectId,
        /// The final object of an annotated tag, where `packed-refs` notes it.
        peeled: Option<ObjectId>,
    },
    /// Another ref.
    Symbolic(String),
    /// Something else, like an empty file after a power cut.
    Broken(String),
}

impl DiskRef {
    /// The object it points at, if it does so directly.
    pub fn target(&self) -> Option<ObjectId> {
        match self.value {
            DiskValue::Object { target, .. } => Some(target),
            DiskValue::Symbolic(_) | DiskValue::Broken(_) => None,
        }
    }
}

/// Reads all refs below `refs/`, sorted by name; a loose file wins over a packed line.
///
/// Errors: `Io`, `Corrupt` (unreadable `packed-refs`).
pub fn read(path: &Path) -> Result<Vec<DiskRef>> {
    // Loose first: git packs by writing packed-refs and then removing the loose file, so no ref can slip through between the two.
    let loose = loose::read_all(path)?;
    let mut all: BTreeMap<String, DiskValue> = BTreeMap::new();
    for line in packed::read(path)? {
        all.insert(line.name, DiskValue::Object { target: line.target, peeled: line.peeled });
    }
    all.extend(loose);
    Ok(all.into_iter().map(|(name, value)| DiskRef { name, value }).collect())
}

/// Brings the refs named by `edits` to what `full` says.
///
/// Shape: only the names in `edits` matter; several edits of one ref, or edits that are already on disk, are fine.
/// Errors: `Io`, `DiskFull`; then some of the refs may be written, and the call can be repeated.
pub fn project(path: &Path, edits: &[RefEdit], full: &RefTable) -> Result<()> {
    let names: BTreeSet<&str> = edits.iter().map(|edit| edit.name.as_str()).collect();
    let (kept, deleted): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| full.get(name).is_some());
    let repack = kept.len() > MAX_LOOSE_WRITES || (!deleted.is_empty() && packed::contains_any(path, &deleted)?);
    if repack {
        // First the packed file, then the loose ones: a deleted ref must not reappear with its packed value in between.
        packed::write(path, full)?;
    }
    for name in deleted {
        loose::remove(path, name)?;
    }
    for name in kept {
        match full.get(name) {
            Some(_) if repack => loose::remove(path, name)?,
            Some(r) => loose::write(path, r)?,
            None => {}
        }
    }
    Ok(())
}

/// Makes what [`project`] wrote for `edits` survive a power cut.
///
/// Errors: `Io`, `DiskFull`.
pub fn sync(path: &Path, edits: &[RefEdit]) -> Result<()> {
    let mut directories = BTreeSet::new();
    // Each once: many pushes to one branch share a flush.
    let names: BTreeSet<&str> = edits.iter().map(|edit| edit.name.as_str()).collect();
    for name in names {
        let file = path.join(name);
        sync_file(&file)?;
        directories.extend(file.ancestors().skip(1).take_while(|dir| dir.starts_with(path)).map(Path::to_owned));
    }
    sync_file(&path.join("packed-refs"))?;
    // Deepest first, so that no directory is durable before what it leads to.
    for directory in directories.iter().rev().filter(|directory| directory.is_dir()) {
        files::sync_dir(directory)?;
    }
    Ok(())
}

fn sync_file(path: &Path) -> Result<()> {
    match fs::File::open(path).and_then(|file| files::sync(&file)) {
        Ok(()) => Ok(()),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        Err(e) => Err(Error::io("flush", path, e)),
    }
}

#[cfg(test)]
mod tests;
