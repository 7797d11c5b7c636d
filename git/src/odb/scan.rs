//! Owns reading an object directory: which packs, which loose objects, which derived files, which alternates. Refuses to write. Called when a repository is opened
//! or refreshed.

use std::{
    collections::HashMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use super::{Snapshot, loose::LooseObjects, next_generation};
use crate::{
    bitmap::{self, LazyBitmap},
    commit_graph::CommitGraph,
    error::{Error, Result},
    files,
    pack::Pack,
};

/// How many object directories may be chained by alternates, as git has it.
const MAX_ALTERNATES: usize = 5;

impl Snapshot {
    /// Reads an object directory and its alternates; packs that `previous` holds are not opened again.
    ///
    /// Errors: `Io`. A damaged pack is left out and reported in the log: what it held answers as missing.
    pub fn scan(objects: &Path, previous: Option<&Snapshot>) -> Result<Snapshot> {
        let known: HashMap<&Path, &Arc<Pack>> =
            previous.into_iter().flat_map(|p| p.packs.iter()).map(|pack| (pack.path(), pack)).collect();
        // What somebody else did to the directory since is unknown, so nothing is promised about earlier snapshots.
        let mut snapshot = Snapshot { generation: next_generation(), ..Snapshot::default() };
        for directory in directories(objects)? {
            for path in list_packs(&directory.join("pack"))? {
                match known.get(path.as_path()) {
                    Some(pack) => snapshot.packs.push((*pack).clone()),
                    None => match Pack::open(&path) {
                        Ok(pack) => snapshot.packs.push(Arc::new(pack)),
                        Err(Error::Corrupt { path, what }) => {
                            tracing::error!(file.path = %path.display(), what, "a damaged pack is left out");
                        }
                        Err(error) => return Err(error),
                    },
                }
            }
            if snapshot.bitmap.is_none() {
                let own = snapshot.packs.iter().filter(|pack| pack.path().starts_with(&directory));
                let known = previous.and_then(|previous| previous.bitmap.as_ref());
                snapshot.bitmap = find_bitmap(own, known);
            }
            let loose = LooseObjects::scan(&directory)?;
            if loose.len() > 0 {
                snapshot.loose.push(Arc::new(loose));
            }
            if snapshot.commit_graph.is_none() {
                let known = previous.and_then(|previous| previous.commit_graph.as_ref());
                snapshot.commit_graph = open_commit_graph(&directory, known)?;
            }
        }
        Ok(snapshot)
    }
}

/// Finds a bitmap file of some packs; one that is open stays so as long as its file and its pack are there.
fn find_bitmap<'p>(
    packs: impl Iterator<Item = &'p Arc<Pack>> + Clone,
    known: Option<&Arc<LazyBitmap>>,
) -> Option<Arc<LazyBitmap>> {
    let is_here = |known: &&Arc<LazyBitmap>| packs.clone().any(|pack| Arc::ptr_eq(pack, known.pack()));
    match known.filter(is_here).filter(|known| bitmap::file_of(known.pack().path()).exists()) {
        Some(known) => Some(Arc::clone(known)),
        None => LazyBitmap::find(packs),
    }
}

/// Opens the commit-graph file of one object directory; one that cannot be read is reported in the log and not used.
pub(super) fn open_commit_graph(
    directory: &Path,
    known: Option<&Arc<CommitGraph>>,
) -> Result<Option<Arc<CommitGraph>>> {
    match CommitGraph::open(directory, known) {
        Err(Error::Corrupt { path, what }) => {
            tracing::warn!(file.path = %path.display(), what, "a commit-graph file is not used");
            Ok(None)
        }
        Err(error @ Error::Io { .. }) => {
            tracing::warn!(%error, "a commit-graph file is not used");
            Ok(None)
        }
        opened => opened,
    }
}

/// The object directory and those it borrows from, each once.
fn directories(objects: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![objects.to_owned()];
    let mut next = 0;
    while let Some(directory) = found.get(next).cloned() {
        next += 1;
        if next > MAX_ALTERNATES {
            break;
        }
        for alternate in read_alternates(&directory)? {
            if !found.contains(&alternate) {
                found.push(alternate);
            }
        }
    }
    Ok(found)
}

/// Reads `info/alternates`: one path a line, relative to the object directory, `#` starts a comment.
fn read_alternates(directory: &Path) -> Result<Vec<PathBuf>> {
    let path = directory.join("info").join("alternates");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", path, e)),
    };
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(|line| directory.join(line)).filter(|path| path.is_dir()).collect())
}

/// The `.pack` files that have an index, newest first.
pub(crate) fn list_packs(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut packs = Vec::new();
    for path in files::list(directory)? {
        let is_idx = path.extension().is_some_and(|ext| ext == "idx");
        let is_pack = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"pack-"));
        let pack = path.with_extension("pack");
        if is_idx && is_pack && pack.exists() {
            let modified = fs::metadata(&pack).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            packs.push((modified, pack));
        }
    }
    packs.sort_by(|a, b| b.cmp(a));
    Ok(packs.into_iter().map(|(_, path)| path).collect())
}
