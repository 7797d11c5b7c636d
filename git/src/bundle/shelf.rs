//! Owns the bundles that lie beside a repository, in `bundles/` of its directory: making a new one, knowing those that are there, and telling whether one
//! may still be given away. Refuses to decide when to make one and who may have it. Called by maintenance and by the transports.
//!
//! A bundle outlives the refs it was made of. History that was taken out of the repository since, because it never should have been there, must not go on
//! leaving through a file: [`StoredBundle::is_current`] is asked before each use.

use std::{
    fs,
    io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use sha1::{Digest, Sha1};

use super::{BundleSpec, write};
use crate::{
    error::{Error, Result},
    files,
    id::{ID_LEN, Kind, ObjectId, id_from_hex},
    limits::Limits,
    refs::RefName,
    repository::Repository,
    view::View,
    walk::{Graph, check_interrupt, peel, reaches_all},
};

/// Below the directory of the repository.
const DIRECTORY: &str = "bundles";
const ENDING: &str = "bundle";
/// Refs above this many are not listed again: such a file was not made here.
const MAX_HEADER_BYTES: u64 = 64 << 20;
/// Pieces in which a bundle goes to disk. Units: bytes.
const BUFFER_BYTES: usize = 256 << 10;
/// Longer than a line with the longest name of a ref.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// A bundle on disk.
#[derive(Debug)]
pub struct StoredBundle {
    path: PathBuf,
    creation_token: u64,
    bytes: u64,
    tips: Vec<ObjectId>,
    /// What was found out about the view that was asked about last.
    verdict: Mutex<Option<(Weak<View>, bool)>>,
}

impl StoredBundle {
    /// The file; it is never changed, only removed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, unique in the repository.
    pub fn file_name(&self) -> String {
        format!("{}.{ENDING}", self.creation_token)
    }

    /// Grows with each newer bundle of the repository: the second it was made in, or later.
    pub fn creation_token(&self) -> u64 {
        self.creation_token
    }

    /// Length of the file. Units: bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Says whether the refs of `view` still reach all that the bundle holds.
    ///
    /// Shape: walks commits down to those the bundle was made of; asked again about the same view it remembers.
    /// Errors: `Corrupt`, `Io`, `Interrupted`.
    pub fn is_current(&self, view: &Arc<View>, interrupt: &AtomicBool) -> Result<bool> {
        let known = self.verdict.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, verdict)) = known.as_ref()
            && std::ptr::eq(asked.as_ptr(), Arc::as_ptr(view))
        {
            return Ok(*verdict);
        }
        drop(known);
        let verdict = is_reached(view, &self.tips, interrupt)?;
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::downgrade(view), verdict));
        Ok(verdict)
    }
}

impl StoredBundle {
    /// Reads the file and says whether its pack is the one that was written, by the checksum at its end.
    ///
    /// Errors: `Io`, `Interrupted`.
    pub(crate) fn is_sound(&self, interrupt: &AtomicBool) -> Result<bool> {
        let failed = |error| Error::io("read", &self.path, error);
        let mut file = BufReader::with_capacity(BUFFER_BYTES, fs::File::open(&self.path).map_err(failed)?);
        let mut line = Vec::new();
        while line != b"\n" {
            line.clear();
            if file.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(failed)? == 0 {
                return Ok(false);
            }
        }
        // The last bytes read are held back: the file may end with them, and then they are the checksum.
        let (mut hash, mut held) = (Sha1::new(), Vec::new());
        loop {
            check_interrupt(interrupt)?;
            let part = file.fill_buf().map_err(failed)?;
            let read = part.len();
            if read == 0 {
                return Ok(hash.finalize().as_slice() == held);
            }
            held.extend_from_slice(part);
            let known = held.len().saturating_sub(ID_LEN);
            hash.update(held.get(..known).unwrap_or_default());
            held.drain(..known);
            file.consume(read);
        }
    }
}

/// Whether every tip is a ref's target still, or a commit that one reaches.
fn is_reached(view: &View, tips: &[ObjectId], interrupt: &AtomicBool) -> Result<bool> {
    let mut targets: Vec<ObjectId> = view.refs.iter().map(|item| item.target).collect();
    targets.sort_unstable();
    let mut commits = Vec::new();
    for tip in tips {
        if targets.binary_search(tip).is_ok() {
            continue;
        }
        // A tag object that no ref names is gone, like a commit that was removed from disk.
        if view.odb.header(tip)?.map(|(kind, _)| kind) != Some(Kind::Commit) {
            return Ok(false);
        }
        commits.push(*tip);
    }
    let mut from = Vec::with_capacity(targets.len());
    if !commits.is_empty() {
        for item in view.refs.iter() {
            let peeled = peel(&view.odb, &item.peeled.unwrap_or(item.target))?;
            if peeled.kind == Kind::Commit {
                from.push(peeled.target);
            }
        }
    }
    reaches_all(&mut Graph::new(&view.odb, interrupt), &from, &commits)
}

impl Repository {
    /// The bundles that lie here, newest first.
    pub fn bundles(&self) -> Arc<[Arc<StoredBundle>]> {
        self.shelf().lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a bundle of all branches and tags, lists it, and removes the earlier ones. Outside of the turn: it takes as long as a clone.
    ///
    /// Shape: `now_s` is the time in seconds since 1970. A reader that has opened an earlier one goes on reading it.
    /// Errors: `BadRequest` when there is no branch or tag, `Interrupted`, `Io`, `DiskFull`, `Corrupt`; then the earlier ones stay.
    pub fn write_bundle(
        &self,
        view: &View,
        limits: &Limits,
        now_s: u64,
        interrupt: &AtomicBool,
    ) -> Result<Arc<StoredBundle>> {
        let refs: Vec<RefName> =
            view.refs.iter().map(|item| &item.name).filter(|name| is_offered(name)).cloned().collect();
        if refs.is_empty() {
            return Err(Error::BadRequest { what: "an empty bundle is of no use".into() });
        }
        let directory = self.path().join(DIRECTORY);
        files::create_dir_all(&directory)?;
        // Never that of an earlier one, though it is gone: clients remember what they have fetched by it.
        let last = self.bundle_token().load(Ordering::Relaxed);
        let earlier = self.bundles().iter().map(|old| old.creation_token).chain([last]).max().unwrap_or(0);
        let creation_token = now_s.max(earlier.saturating_add(1));
        self.bundle_token().fetch_max(creation_token, Ordering::Relaxed);
        let temporary = files::Temporary::new(self.path());
        let file = files::create_new(temporary.path())?;
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        let spec = BundleSpec { refs: &refs, ..BundleSpec::default() };
        let at_disk = |error: io::Error| Error::io("write", temporary.path(), error);
        let stats = write(view, &spec, limits, &mut out, interrupt).map_err(|error| match error {
            Error::PeerGone(error) => at_disk(error),
            error => error,
        })?;
        let file = out.into_inner().map_err(|error| at_disk(error.into_error()))?;
        files::sync(&file).map_err(at_disk)?;
        let path = directory.join(format!("{creation_token}.{ENDING}"));
        fs::rename(temporary.path(), &path).map_err(|e| Error::io("rename to", &path, e))?;
        files::sync_dir(&directory)?;
        let tips =
            tips_of(refs.iter().filter_map(|name| view.refs.get(name.as_str())).map(|item| item.target).collect());
        let made = Arc::new(StoredBundle { path, creation_token, bytes: stats.bytes, tips, verdict: Mutex::default() });
        self.remove_bundles(|_| false, Some(Arc::clone(&made)))?;
        Ok(made)
    }

    /// Removes the bundles that are not to stay.
    ///
    /// Errors: `Io`; what could not be removed is not listed any more, and removed with the next.
    pub fn retain_bundles(&self, stays: impl Fn(&StoredBundle) -> bool) -> Result<()> {
        self.remove_bundles(stays, None)
    }

    fn remove_bundles(&self, stays: impl Fn(&StoredBundle) -> bool, made: Option<Arc<StoredBundle>>) -> Result<()> {
        let listed: Arc<[Arc<StoredBundle>]> = {
            let mut shelf = self.shelf().lock().unwrap_or_else(PoisonError::into_inner);
            *shelf = made.into_iter().chain(shelf.iter().filter(|bundle| stays(bundle)).cloned()).collect();
            shelf.clone()
        };
        // Also those that could not be read when the repository was opened. Outside of the lock: advertisements look at the list.
        for path in bundle_files(&self.path().join(DIRECTORY))? {
            if !listed.iter().any(|bundle| bundle.path == path) {
                files::remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Only these are taken out of a bundle by clients; others may not be meant for everybody.
fn is_offered(name: &RefName) -> bool {
    name.as_str().starts_with("refs/heads/") || name.as_str().starts_with("refs/tags/")
}

fn tips_of(mut tips: Vec<ObjectId>) -> Vec<ObjectId> {
    tips.sort_unstable();
    tips.dedup();
    tips
}

/// Reads which bundles lie in a repository's directory, newest first. One that cannot be read is left out: it only saves work.
///
/// Errors: `Io` if the directory cannot be listed.
pub(crate) fn scan(repository: &Path) -> Result<Arc<[Arc<StoredBundle>]>> {
    let mut found = Vec::new();
    for path in bundle_files(&repository.join(DIRECTORY))? {
        match read(&path) {
            Ok(Some(bundle)) => found.push(Arc::new(bundle)),
            Ok(None) => {}
            Err(error) => tracing::warn!(file.path = %path.display(), %error, "a bundle cannot be read"),
        }
    }
    found.sort_by_key(|bundle| std::cmp::Reverse(bundle.creation_token));
    Ok(found.into())
}

/// The files in a directory that are named as ours.
fn bundle_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let is_ours = |path: &PathBuf| token_of(path).is_some() && path.is_file();
    Ok(files::list(directory)?.into_iter().filter(is_ours).collect())
}

/// The creation token in a name of ours.
fn token_of(path: &Path) -> Option<u64> {
    let is_ours = path.extension().is_some_and(|ending| ending == ENDING);
    path.file_stem().filter(|_| is_ours)?.to_str()?.parse().ok()
}

/// Reads the head of a file; `None` if it is not one of ours.
fn read(path: &Path) -> io::Result<Option<StoredBundle>> {
    let Some(creation_token) = token_of(path) else { return Ok(None) };
    let file = fs::File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut lines = BufReader::new(file.take(MAX_HEADER_BYTES));
    let mut line = Vec::new();
    let mut tips = Vec::new();
    let mut is_first = true;
    loop {
        line.clear();
        lines.read_until(b'\n', &mut line)?;
        let Some(text) = line.strip_suffix(b"\n") else { return Err(ErrorKind::UnexpectedEof.into()) };
        match (is_first, text) {
            (true, b"# v2 git bundle") => is_first = false,
            (false, b"") => break,
            (false, text) => {
                let id = text.split(|byte| *byte == b' ').next().and_then(id_from_hex);
                tips.push(id.ok_or(ErrorKind::InvalidData)?);
            }
            (true, _) => return Err(ErrorKind::InvalidData.into()),
        }
    }
    Ok(Some(StoredBundle { path: path.into(), creation_token, bytes, tips: tips_of(tips), verdict: Mutex::default() }))
}

#[cfg(test)]
mod tests;
