//! Owns the directory `objects/incoming-*` of one push, and `objects/tidying-*` of one pack that maintenance writes: made empty, for a push only
//! once it is needed, removed on drop, swept after a crash. Refuses to know what is in it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::{
    error::{Error, Result},
    files,
};

/// What a quarantine is for, as its name begins.
const PUSH: &str = "incoming-";
const MAINTENANCE: &str = "tidying-";

/// What this process's quarantines have in their names: those belong to work that still runs, even when its repository is opened anew.
fn own_mark() -> &'static str {
    static OWN: OnceLock<String> = OnceLock::new();
    OWN.get_or_init(|| format!("{}-", files::unique()))
}

/// A private directory on the file system of the object directory, removed with its content on drop.
#[derive(Debug)]
pub(crate) struct Quarantine {
    directory: PathBuf,
    is_made: Mutex<bool>,
}

impl Quarantine {
    /// Names a new one for a push, below an object directory. [`Quarantine::make`] makes it.
    pub(crate) fn for_push(objects: &Path) -> Quarantine {
        Quarantine::with_prefix(objects, PUSH)
    }

    /// Makes a new one for a pack of maintenance, below an object directory.
    pub(crate) fn for_maintenance(objects: &Path) -> Result<Quarantine> {
        let quarantine = Quarantine::with_prefix(objects, MAINTENANCE);
        quarantine.make()?;
        Ok(quarantine)
    }

    fn with_prefix(objects: &Path, prefix: &str) -> Quarantine {
        let directory = objects.join(format!("{prefix}{}{}", own_mark(), files::unique()));
        Quarantine { directory, is_made: Mutex::new(false) }
    }

    /// Makes the directory, if that has not been done.
    ///
    /// Errors: `Io`, `DiskFull`.
    pub(crate) fn make(&self) -> Result<()> {
        // A panic cannot leave a flag half set.
        let mut is_made = self.is_made.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_made {
            files::create_new_dir(&self.directory)?;
            *is_made = true;
        }
        Ok(())
    }

    pub(crate) fn pack_path(&self) -> PathBuf {
        self.directory.join("received.pack")
    }

    pub(crate) fn idx_path(&self) -> PathBuf {
        self.directory.join("received.idx")
    }

    /// The bitmaps of a pack.
    pub(crate) fn bitmap_path(&self) -> PathBuf {
        self.directory.join("received.bitmap")
    }

    /// The times of unreachable objects, when the pack holds such.
    pub(crate) fn mtimes_path(&self) -> PathBuf {
        self.directory.join("received.mtimes")
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        if *self.is_made.get_mut().unwrap_or_else(PoisonError::into_inner)
            && let Err(error) = fs::remove_dir_all(&self.directory)
            // Gone with its whole repository.
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file.path = %self.directory.display(), %error, "a quarantine directory could not be removed");
        }
    }
}

/// Removes the quarantines that processes which are gone left below an object directory, and answers how many there were.
pub(crate) fn remove_stale(objects: &Path) -> Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(objects).map_err(|e| Error::io("list", objects, e))? {
        let entry = entry.map_err(|e| Error::io("list", objects, e))?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let mark = [PUSH, MAINTENANCE].iter().find_map(|prefix| name.strip_prefix(prefix.as_bytes()));
        if mark.is_some_and(|mark| !mark.starts_with(own_mark().as_bytes())) {
            fs::remove_dir_all(entry.path()).map_err(|e| Error::io("remove", entry.path(), e))?;
            removed += 1;
        }
    }
    Ok(removed)
}
