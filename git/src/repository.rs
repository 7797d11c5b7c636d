//! Owns one bare repository directory and its current set of objects: creating and opening it, HEAD, publishing new packs, cleaning up after a
//! crash. Refuses to hold refs: those are the database's, projected to disk by [`crate::refs::disk`]. Called by the repository actor.
//!
//! The directory stays an ordinary bare repository: stock git reads it at any time.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64},
    },
};

use arc_swap::ArcSwap;

use crate::{
    bundle::{self, StoredBundle},
    commit_graph::{WriteOptions, Written, write_commit_graph},
    error::{Error, Result},
    files,
    id::ObjectId,
    incoming::{Incoming, quarantine},
    limits::Limits,
    maintenance::retire::{self, Retired},
    odb::Snapshot,
    pack::Pack,
    refs::RefName,
};

/// An opened bare repository. Clones share everything.
#[derive(Debug, Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    repository_id: Option<i64>,
    odb: ArcSwap<Snapshot>,
    /// Held while files move into `objects/pack` and the next snapshot is built, so that none is lost.
    publishing: Mutex<()>,
    retired: Mutex<Vec<Retired>>,
    shelf: Mutex<Arc<[Arc<StoredBundle>]>>,
    /// Creation token of the bundle made last, also when it has been removed.
    bundle_token: AtomicU64,
}

impl Repository {
    /// Creates a bare repository, or completes one whose creation was cut short, and opens it.
    ///
    /// Shape: HEAD of an existing repository is left alone.
    /// Errors: `Corrupt` if the directory belongs to another repository id, `Io`, `DiskFull`.
    pub fn init(path: &Path, repository_id: i64, head: &RefName) -> Result<Repository> {
        for directory in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"] {
            files::create_dir_all(&path.join(directory))?;
        }
        let config_path = path.join("config");
        match files::read_text(&config_path)?.as_deref().map(parse_repository_id) {
            Some(Some(found)) if found == repository_id => {}
            Some(Some(_)) => return Err(Error::corrupt(config_path, "belongs to another repository")),
            Some(None) | None => files::replace_durably(&config_path, config(repository_id).as_bytes(), path)?,
        }
        if !path.join("description").exists() {
            files::replace(&path.join("description"), b"AtomicQMS repository\n", path)?;
        }
        // Last: without HEAD git does not take the directory for a repository.
        if !path.join("HEAD").exists() {
            write_head(path, head)?;
        }
        for directory in ["refs", "objects", "."] {
            files::sync_dir(&path.join(directory))?;
        }
        if let Some(parent) = path.parent() {
            files::sync_dir(parent)?;
        }
        Repository::open(path)
    }

    /// Opens a bare repository and reads which objects it has.
    ///
    /// Errors: `NotARepository`, `Io`.
    pub fn open(path: &Path) -> Result<Repository> {
        if !path.join("HEAD").is_file() || !path.join("objects").is_dir() || !path.join("refs").is_dir() {
            return Err(Error::NotARepository { path: path.into() });
        }
        let repository_id = files::read_text(&path.join("config"))?.as_deref().and_then(parse_repository_id);
        let odb = ArcSwap::from_pointee(Snapshot::scan(&path.join("objects"), None)?);
        let inner = Inner {
            path: path.into(),
            repository_id,
            odb,
            publishing: Mutex::new(()),
            retired: Mutex::new(Vec::new()),
            shelf: Mutex::new(bundle::scan(path)?),
            bundle_token: AtomicU64::new(0),
        };
        Ok(Repository { inner: Arc::new(inner) })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The id written into the configuration when the repository was created.
    pub fn repository_id(&self) -> Option<i64> {
        self.inner.repository_id
    }

    /// The objects as of now.
    pub fn odb(&self) -> Arc<Snapshot> {
        self.inner.odb.load_full()
    }

    /// Reads the object directory again, after somebody else changed it. Packs that are already open stay so, as do those that are no files yet;
    /// those that were replaced and wait for their removal do not come back.
    ///
    /// Errors: `Io`.
    pub fn refresh(&self) -> Result<Arc<Snapshot>> {
        self.exchange(|current| {
            let next = Snapshot::scan(&self.objects(), Some(current))?;
            let retired = self.retired().lock().unwrap_or_else(PoisonError::into_inner);
            let is_replaced = |pack: &Pack| retired.iter().any(|one| one.holds(pack.path())) && !current.holds(pack);
            Ok(Some(next.without_packs(is_replaced).with_waiting_of(current)))
        })
    }

    /// Reads the branch that HEAD points at; `None` when it is detached or unreadable.
    ///
    /// Errors: `Io`.
    pub fn head(&self) -> Result<Option<RefName>> {
        let text = files::read_text(&self.path().join("HEAD"))?;
        Ok(text.as_deref().and_then(|t| t.strip_prefix("ref:")).and_then(|name| RefName::new(name.trim()).ok()))
    }

    /// Points HEAD at a branch, durably.
    ///
    /// Errors: `Io`, `DiskFull`.
    pub fn write_head(&self, head: &RefName) -> Result<()> {
        write_head(self.path(), head)
    }

    /// Opens a quarantine for one push. Touches no file.
    pub fn incoming(&self, limits: &Limits) -> Incoming {
        Incoming::new(self.clone(), limits.clone())
    }

    /// Writes the commit-graph file for everything that `tips` reach, and makes the next snapshot use it.
    ///
    /// Shape: see [`write_commit_graph`].
    /// Errors: those of [`write_commit_graph`].
    pub fn write_commit_graph(
        &self,
        tips: &[ObjectId],
        options: &WriteOptions,
        interrupt: &AtomicBool,
    ) -> Result<Written> {
        let written = write_commit_graph(&self.objects(), &self.odb(), tips, options, interrupt)?;
        // Only the file is read again: packs that wait for their removal must not be taken for new ones.
        self.exchange(|current| current.with_commit_graph_of(&self.objects()).map(Some))?;
        Ok(written)
    }

    /// Removes what pushes, writes and maintenance left behind that a crash cut short; pushes of this process are left alone. For the one
    /// process that writes to the repository, before anything else reads it.
    ///
    /// Errors: `Io`.
    pub fn remove_stale_incoming(&self) -> Result<usize> {
        let mut removed = retire::finish_interrupted(&self.objects(), self.path())?;
        if removed > 0 {
            self.refresh()?;
        }
        removed += quarantine::remove_stale(&self.objects())?;
        let entries = fs::read_dir(self.path()).map_err(|e| Error::io("list", self.path(), e))?;
        for entry in entries {
            let entry = entry.map_err(|e| Error::io("list", self.path(), e))?;
            if entry.file_name().as_encoded_bytes().starts_with(files::TEMPORARY_PREFIX.as_bytes()) {
                fs::remove_file(entry.path()).map_err(|e| Error::io("remove", entry.path(), e))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// The object directory.
    pub(crate) fn objects(&self) -> PathBuf {
        self.inner.path.join("objects")
    }

    /// Moves a pack into place by `place` and publishes it, one at a time; a pack that is already there is not published twice.
    ///
    /// Shape: `check` sees the objects that the pack is added to; its error leaves everything as it was.
    pub(crate) fn publish(
        &self,
        pack: Arc<Pack>,
        check: impl FnOnce(&Snapshot) -> Result<()>,
        place: impl FnOnce() -> Result<()>,
    ) -> Result<Arc<Snapshot>> {
        self.exchange(|current| {
            if current.packs().iter().any(|known| known.path() == pack.path()) {
                return Ok(None);
            }
            check(current)?;
            place()?;
            Ok(Some(current.with_pack(pack)))
        })
    }

    /// Publishes another set of objects, one change at a time, and answers what is published now.
    pub(crate) fn exchange(&self, change: impl FnOnce(&Snapshot) -> Result<Option<Snapshot>>) -> Result<Arc<Snapshot>> {
        let _publishing = self.inner.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.odb();
        let Some(next) = change(&current)? else { return Ok(current) };
        let next = Arc::new(next);
        self.inner.odb.store(next.clone());
        Ok(next)
    }

    /// Whether both are the same opening of a directory.
    pub(crate) fn is_same(&self, other: &Repository) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Creation token of the bundle made last; 0 before the first.
    pub(crate) fn bundle_token(&self) -> &AtomicU64 {
        &self.inner.bundle_token
    }

    /// The bundles that lie here.
    pub(crate) fn shelf(&self) -> &Mutex<Arc<[Arc<StoredBundle>]>> {
        &self.inner.shelf
    }

    /// Files that are replaced and wait to be removed.
    pub(crate) fn retired(&self) -> &Mutex<Vec<Retired>> {
        &self.inner.retired
    }
}

fn write_head(path: &Path, head: &RefName) -> Result<()> {
    files::replace_durably(&path.join("HEAD"), format!("ref: {head}\n").as_bytes(), path)
}

/// The configuration of a new repository. Stock git must not collect garbage behind the server's back.
fn config(repository_id: i64) -> String {
    format!(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n\
         [gc]\n\tauto = 0\n\
         [maintenance]\n\tauto = false\n\
         [atomicqms]\n\trepositoryid = {repository_id}\n"
    )
}

/// Finds `repositoryid` in the section `atomicqms`.
fn parse_repository_id(config: &str) -> Option<i64> {
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.eq_ignore_ascii_case("[atomicqms]");
        } else if inside
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("repositoryid")
        {
            return value.trim().parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests;
