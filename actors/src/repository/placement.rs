//! Where the directory of a repository is, and how it gets to where it should be.
//!
//! Owns initialization, renames that the database has committed, and directories of other repositories found in the
//! way. Deletes nothing: what is in the way is set aside under its own id. Every step may be repeated after a crash.
//! Called at the start of a repository actor, on the blocking pool.

use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use atomicqms_git as git;

use super::Stored;
use crate::Error;

/// Below the root of all repositories; no owner's name starts with a dot.
const SET_ASIDE: &str = ".set-aside";

/// One directory moves at a time: an old owner of a path and the next one must not both act on what they saw there.
/// Guards no data, so a panic while it was held spoils nothing.
static MOVES: Mutex<()> = Mutex::new(());

fn one_move_at_a_time() -> MutexGuard<'static, ()> {
    MOVES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands at a path.
enum Found {
    Nothing,
    /// The repository that is looked for, or one that carries no id yet.
    Ours(git::Repository),
    /// A repository without an id.
    Unmarked,
    /// A directory that is no repository: an initialization that was cut short, or damage.
    Unfinished,
    Other(i64),
}

/// Opens the directory of a repository at its path, moving or creating it first where that is needed.
///
/// Errors: `Contract` (path not below the root), `Git`, `Io`. A directory that is missing although refs are stored is
/// an error, not an empty repository.
pub(super) fn open(root: &Path, id: i64, stored: &Stored) -> Result<git::Repository, Error> {
    let target = below(root, &stored.relative_path)?;
    // Without the lock, what stands there may be another repository's directory that is just being moved away: a failure says nothing yet.
    if let Ok(Found::Ours(repository)) = look(&target, id) {
        return Ok(repository);
    }
    let _moving = one_move_at_a_time();
    match look(&target, id)? {
        Found::Ours(repository) => return Ok(repository),
        Found::Unmarked => return Ok(git::Repository::init(&target, id, &stored.head)?),
        // Refs came after the initialization had ended: where they are stored, something else happened.
        Found::Unfinished if stored.refs.is_empty() => {
            return Ok(git::Repository::init(&target, id, &stored.head)?);
        }
        Found::Unfinished => return Err(Error::Git(git::Error::NotARepository { path: target })),
        Found::Other(other) => set_aside(root, &target, other)?,
        Found::Nothing => {}
    }
    for candidate in candidates(root, id, stored)? {
        if let Found::Ours(_) = look(&candidate, id)? {
            move_directory(&candidate, &target)?;
            return Ok(git::Repository::open(&target)?);
        }
    }
    if !stored.refs.is_empty() {
        return Err(Error::Git(git::Error::NotARepository { path: target }));
    }
    create_parent(&target)?;
    Ok(git::Repository::init(&target, id, &stored.head)?)
}

/// Removes the directory of a deleted repository, if it is that repository's.
///
/// Errors: `Contract`, `Git`, `Io`.
pub(crate) fn remove(root: &Path, id: i64, relative_path: &Path) -> Result<(), Error> {
    let target = below(root, relative_path)?;
    let doomed = aside(root, &format!("deleted-{id}"));
    for place in [target, aside(root, &id.to_string())] {
        // Removed first when an earlier removal was cut short, so that the move below finds its place free.
        remove_tree(&doomed)?;
        let moving = one_move_at_a_time();
        if let Found::Ours(_) = look(&place, id)? {
            // Renamed first, so that a removal cut short leaves no half repository under a name that may be used again.
            move_directory(&place, &doomed)?;
            drop(moving);
            remove_tree(&doomed)?;
        }
    }
    Ok(())
}

/// Removes what removals left behind that a crash cut short.
///
/// Errors: `Io`.
pub(crate) fn remove_leftovers(root: &Path) -> Result<(), Error> {
    let directory = root.join(SET_ASIDE);
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::Io { what: "list", path: directory, source }),
    };
    for entry in entries {
        let entry = entry.map_err(|source| Error::Io { what: "list", path: directory.clone(), source })?;
        if entry.file_name().as_encoded_bytes().starts_with(b"deleted-") {
            remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

fn candidates(root: &Path, id: i64, stored: &Stored) -> Result<Vec<PathBuf>, Error> {
    let mut candidates = Vec::new();
    if let Some(moved_from) = &stored.moved_from {
        candidates.push(below(root, moved_from)?);
    }
    candidates.push(aside(root, &id.to_string()));
    Ok(candidates)
}

/// Joins a stored path to the root, refusing anything that could leave it.
fn below(root: &Path, relative: &Path) -> Result<PathBuf, Error> {
    let is_plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || relative.as_os_str().is_empty() {
        return Err(Error::Contract { what: "a stored repository path leaves the directory of repositories" });
    }
    Ok(root.join(relative))
}

fn aside(root: &Path, name: &str) -> PathBuf {
    root.join(SET_ASIDE).join(format!("{name}.git"))
}

fn look(path: &Path, id: i64) -> Result<Found, Error> {
    // The owner's directory first, then the repository's.
    for part in path.parent().into_iter().chain([path]) {
        match std::fs::symlink_metadata(part) {
            Ok(found) if found.is_dir() => {}
            // A link would lead reads and writes out of the data directory; anything else is not ours either.
            Ok(_) => return Err(Error::Git(git::Error::NotARepository { path: part.to_owned() })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(source) => return Err(Error::Io { what: "look at", path: part.to_owned(), source }),
        }
    }
    match git::Repository::open(path) {
        Ok(repository) => Ok(match repository.repository_id() {
            Some(found) if found == id => Found::Ours(repository),
            Some(other) => Found::Other(other),
            None => Found::Unmarked,
        }),
        Err(git::Error::NotARepository { .. }) => Ok(Found::Unfinished),
        Err(error) => Err(error.into()),
    }
}

/// A renamed repository's directory may still stand where a new one of that name begins; its own actor fetches it.
fn set_aside(root: &Path, target: &Path, other: i64) -> Result<(), Error> {
    let place = aside(root, &other.to_string());
    if place.exists() {
        return Err(Error::Io {
            what: "set aside",
            path: target.to_owned(),
            source: std::io::Error::from(std::io::ErrorKind::AlreadyExists),
        });
    }
    tracing::warn!(repo.id = other, from = %target.display(), to = %place.display(), "set aside the directory of another repository");
    move_directory(target, &place)
}

fn move_directory(from: &Path, to: &Path) -> Result<(), Error> {
    create_parent(to)?;
    std::fs::rename(from, to).map_err(|source| Error::Io { what: "move", path: from.to_owned(), source })?;
    sync_parent(to)?;
    sync_parent(from)
}

fn create_parent(path: &Path) -> Result<(), Error> {
    let Some(parent) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(parent).map_err(|source| Error::Io { what: "create", path: parent.to_owned(), source })?;
    sync_parent(parent)
}

fn sync_parent(path: &Path) -> Result<(), Error> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let sync = || File::open(parent)?.sync_all();
    sync().map_err(|source| Error::Io { what: "sync", path: parent.to_owned(), source })
}

fn remove_tree(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Io { what: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
