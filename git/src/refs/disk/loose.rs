//! Owns loose refs: one file each below `refs/`. Refuses to follow symbolic links. Writing clears what stands in the way, because by the
//! rules of the table nothing else may stand there.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::DiskValue;
use crate::{
    error::{Error, Result},
    files,
    id::id_from_hex,
    refs::Ref,
};

/// Directories that git expects even when they are empty.
const PERMANENT: [&str; 3] = ["refs", "refs/heads", "refs/tags"];
/// A ref file is 41 bytes or a short `ref:` line; no need to read more of a stray file.
const MAX_FILE_BYTES: usize = 4096;

/// Reads all loose refs, in no particular order.
pub(super) fn read_all(path: &Path) -> Result<Vec<(String, DiskValue)>> {
    let mut found = Vec::new();
    let mut pending: Vec<(PathBuf, String)> = vec![(path.join("refs"), "refs".to_owned())];
    while let Some((directory, prefix)) = pending.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io("list", directory, e)),
        };
        for entry in entries {
            let entry = entry.map_err(|e| Error::io("list", &directory, e))?;
            let file_name = entry.file_name().to_string_lossy().into_owned();
            // Like git: hidden files and lock files are not refs.
            if file_name.starts_with('.') || file_name.ends_with(".lock") {
                continue;
            }
            let name = format!("{prefix}/{file_name}");
            let kind = entry.file_type().map_err(|e| Error::io("stat", entry.path(), e))?;
            if kind.is_dir() {
                pending.push((entry.path(), name));
            } else if kind.is_symlink() {
                let target = fs::read_link(entry.path()).map_err(|e| Error::io("read", entry.path(), e))?;
                found.push((name, DiskValue::Symbolic(target.to_string_lossy().into_owned())));
            } else if let Some(content) = read_file(&entry.path())? {
                found.push((name, parse(&content)));
            }
        }
    }
    Ok(found)
}

/// Reads a ref file; one that vanished meanwhile is `None`.
fn read_file(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(mut content) => {
            content.truncate(MAX_FILE_BYTES);
            Ok(Some(content))
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

pub(crate) fn parse(content: &[u8]) -> DiskValue {
    if let Some(target) = content.strip_prefix(b"ref:") {
        return DiskValue::Symbolic(String::from_utf8_lossy(target.trim_ascii()).into_owned());
    }
    let id = content.split_at_checked(40).filter(|(_, rest)| rest.first().is_none_or(u8::is_ascii_whitespace));
    match id.and_then(|(hex, _)| id_from_hex(hex)) {
        Some(target) => DiskValue::Object { target, peeled: None },
        None => DiskValue::Broken(String::from_utf8_lossy(content).into_owned()),
    }
}

/// Writes one ref, removing files and directories of refs that no longer exist where they stand in the way.
pub(super) fn write(path: &Path, r: &Ref) -> Result<()> {
    let file = path.join(r.name.as_str());
    let content = format!("{}\n", r.target);
    if fs::read(&file).is_ok_and(|found| found == content.as_bytes()) {
        return Ok(());
    }
    let parent = file.parent().unwrap_or(path);
    if !parent.is_dir() {
        clear_parents(path, r.name.as_str())?;
        files::create_dir_all(parent)?;
    }
    if fs::symlink_metadata(&file).is_ok_and(|found| found.is_dir()) {
        fs::remove_dir_all(&file).map_err(|e| Error::io("remove", &file, e))?;
    }
    files::replace(&file, content.as_bytes(), path)
}

/// Removes files that sit where directories of `name` must be.
fn clear_parents(path: &Path, name: &str) -> Result<()> {
    for parent in name.match_indices('/').filter_map(|(at, _)| name.get(..at)) {
        let parent = path.join(parent);
        if fs::symlink_metadata(&parent).is_ok_and(|found| !found.is_dir()) {
            fs::remove_file(&parent).map_err(|e| Error::io("remove", &parent, e))?;
        }
    }
    Ok(())
}

/// Removes the file of a ref, if there is one, and the directories that it leaves empty.
pub(super) fn remove(path: &Path, name: &str) -> Result<()> {
    let file = path.join(name);
    match fs::remove_file(&file) {
        Ok(()) => {}
        Err(e) if is_absent(&e) => return Ok(()),
        Err(e) => return Err(Error::io("remove", file, e)),
    }
    for parent in name.match_indices('/').rev().filter_map(|(at, _)| name.get(..at)) {
        if PERMANENT.contains(&parent) || fs::remove_dir(path.join(parent)).is_err() {
            break;
        }
    }
    Ok(())
}

/// A directory under the name means that only other refs live there.
fn is_absent(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}
