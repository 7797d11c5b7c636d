//! Owns crash-safe writing of small files and private directories: temporary name, flush, rename, flush of the directory. Refuses to know what
//! is written. Called by the repository, refs and quarantine code.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{BuildHasher, Hasher, RandomState},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::error::{Error, Result};

/// Mode of files: only the server's account reads them.
const FILE_MODE: u32 = 0o600;
/// Mode of directories.
const DIR_MODE: u32 = 0o700;
/// How temporary files of this server start; the janitor removes what is left of them.
pub(crate) const TEMPORARY_PREFIX: &str = "atomicqms-tmp-";

/// Text that no other caller in this or another process gets: names of temporary files.
pub(crate) fn unique() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    // RandomState is seeded by the system: unguessable enough for a name in a private directory, without another dependency.
    let random = RandomState::new().build_hasher().finish();
    format!("{random:016x}{:x}", COUNTER.fetch_add(1, Ordering::Relaxed))
}

/// Creates a directory and its parents, each private; existing ones stay as they are.
pub(crate) fn create_dir_all(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(path).map_err(|e| Error::io("create", path, e))
}

/// Creates a directory that must not exist.
pub(crate) fn create_new_dir(path: &Path) -> Result<()> {
    DirBuilder::new().mode(DIR_MODE).create(path).map_err(|e| Error::io("create", path, e))
}

/// Creates a private file that must not exist, open for reading and writing.
pub(crate) fn create_new(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(FILE_MODE);
    options.open(path).map_err(|e| Error::io("create", path, e))
}

/// Flushes of files and directories since the process began.
static FLUSHES: AtomicU64 = AtomicU64::new(0);

/// How often files and directories of repositories were flushed since the process began.
pub fn flushes() -> u64 {
    FLUSHES.load(Ordering::Relaxed)
}

/// Flushes a file or directory; every flush of this crate goes through here, because they are what a push waits for.
pub(crate) fn sync(file: &File) -> std::io::Result<()> {
    FLUSHES.fetch_add(1, Ordering::Relaxed);
    file.sync_all()
}

/// Flushes a directory, so that names in it survive a power cut.
pub(crate) fn sync_dir(path: &Path) -> Result<()> {
    File::open(path).and_then(|dir| sync(&dir)).map_err(|e| Error::io("flush", path, e))
}

/// Replaces the content of a file in one step; readers see the old or the new. `temporary_in` is on the same file system. Not flushed.
pub(crate) fn replace(path: &Path, content: &[u8], temporary_in: &Path) -> Result<()> {
    write_and_rename(path, content, temporary_in, false)
}

/// Like [`replace`], and survives a power cut once it returns.
pub(crate) fn replace_durably(path: &Path, content: &[u8], temporary_in: &Path) -> Result<()> {
    write_and_rename(path, content, temporary_in, true)?;
    path.parent().map_or(Ok(()), sync_dir)
}

fn write_and_rename(path: &Path, content: &[u8], temporary_in: &Path, flush: bool) -> Result<()> {
    let temporary = Temporary::new(temporary_in);
    let mut file = create_new(&temporary.0)?;
    let written = file.write_all(content).and_then(|()| if flush { sync(&file) } else { Ok(()) });
    written.map_err(|e| Error::io("write", &temporary.0, e))?;
    fs::rename(&temporary.0, path).map_err(|e| Error::io("rename to", path, e))
}

/// Reads a small text file; an absent one is `None`.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| Error::corrupt(path, "not UTF-8")),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

/// What lies in a directory, in no order; an absent one is empty.
pub(crate) fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| Error::io("list", directory, e);
    match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect(),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(failed(e)),
    }
}

/// Removes a file and says whether there was one.
pub(crate) fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::io("remove", path, e)),
    }
}

/// Removes the file on drop, unless it was renamed away.
pub(crate) struct Temporary(PathBuf);

impl Temporary {
    /// A name in `directory` that nothing has; the file is the caller's to make.
    pub(crate) fn new(directory: &Path) -> Self {
        Self(directory.join(format!("{TEMPORARY_PREFIX}{}", unique())))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing under this name; otherwise the error that brought us here is already reported.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_no_temporary() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        replace(&path, b"one", dir.path()).unwrap();
        replace_durably(&path, b"two", dir.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(replace(&dir.path().join("absent/file"), b"x", dir.path()).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_differ() {
        assert_ne!(unique(), unique());
    }
}
