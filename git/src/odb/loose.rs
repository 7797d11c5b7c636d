//! Owns loose objects: files `objects/xx/yyyy...`, written by stock git and never by this server. Refuses to list again: the set is read once.
//!
//! Source: gitformat-loose(5).

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId, id_from_hex},
    map::FileBytes,
    pack::inflate::Inflater,
};

/// Longest header: `commit`, a space, twenty digits, a zero byte.
const HEADER_BYTES: usize = 32;

/// The loose objects of one object directory, as listed at one moment.
#[derive(Debug)]
pub(crate) struct LooseObjects {
    directory: PathBuf,
    /// Sorted.
    ids: Vec<ObjectId>,
}

impl LooseObjects {
    /// Lists an object directory.
    pub(crate) fn scan(directory: &Path) -> Result<LooseObjects> {
        let mut ids = Vec::new();
        for fan in read_dir(directory)?.into_iter().filter(|name| name.len() == 2) {
            for rest in read_dir(&directory.join(&fan))? {
                ids.extend(id_from_hex(format!("{fan}{rest}").as_bytes()));
            }
        }
        ids.sort_unstable();
        Ok(LooseObjects { directory: directory.into(), ids })
    }

    /// The object directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of an object.
    pub(crate) fn path_of(&self, id: &ObjectId) -> PathBuf {
        path_of(&self.directory, id)
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.ids.iter().copied()
    }

    pub(crate) fn contains(&self, id: &ObjectId) -> bool {
        self.ids.binary_search(id).is_ok()
    }

    /// The ids before and after one, which is left out itself.
    pub(super) fn neighbours(&self, id: &ObjectId) -> [Option<ObjectId>; 2] {
        let at = self.ids.partition_point(|other| other < id);
        let above = if self.ids.get(at) == Some(id) { at + 1 } else { at };
        [at.checked_sub(1).and_then(|below| self.ids.get(below)).copied(), self.ids.get(above).copied()]
    }

    pub(crate) fn header(&self, id: &ObjectId) -> Result<Option<(Kind, u64)>> {
        let Some((path, file)) = self.open(id)? else { return Ok(None) };
        let mut head = Vec::new();
        let parsed = Inflater::new().prefix(&file, HEADER_BYTES, &mut head).and_then(|()| parse_header(&head));
        parsed.map(|(kind, size, _)| Some((kind, size))).map_err(|what| Error::corrupt(path, what))
    }

    pub(crate) fn find(&self, id: &ObjectId, out: &mut Vec<u8>) -> Result<Option<Kind>> {
        let Some((path, file)) = self.open(id)? else { return Ok(None) };
        read(&file, out).map(Some).map_err(|what| Error::corrupt(path, what))
    }

    /// Opens the file of an object; one that was packed and pruned since the scan is absent.
    fn open(&self, id: &ObjectId) -> Result<Option<(PathBuf, FileBytes)>> {
        let path = self.path_of(id);
        match FileBytes::open(&path) {
            Ok(file) => Ok(Some((path, file))),
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The file that a loose object has below an object directory.
pub(crate) fn path_of(objects: &Path, id: &ObjectId) -> PathBuf {
    let hex = id.to_string();
    let (fan, rest) = hex.split_at(2);
    objects.join(fan).join(rest)
}

/// Reads the content of a file into `out`.
pub(crate) fn read(file: &[u8], out: &mut Vec<u8>) -> Result<Kind, &'static str> {
    let mut inflater = Inflater::new();
    inflater.prefix(file, HEADER_BYTES, out)?;
    let (kind, size, header_len) = parse_header(out)?;
    let total = size.checked_add(header_len as u64).ok_or("object size overflows")?;
    let used = inflater.exact(file, total, out)?;
    if used != file.len() {
        return Err("bytes after the end of a loose object");
    }
    out.drain(..header_len);
    Ok(kind)
}

/// Parses `kind size\0` and answers the length of it, too.
fn parse_header(head: &[u8]) -> Result<(Kind, u64, usize), &'static str> {
    const BAD: &str = "bad header of a loose object";
    let end = head.iter().position(|b| *b == 0).ok_or(BAD)?;
    let text = head.get(..end).and_then(|text| std::str::from_utf8(text).ok()).ok_or(BAD)?;
    let (kind, size) = text.split_once(' ').ok_or(BAD)?;
    let kind = Kind::from_bytes(kind.as_bytes()).map_err(|_| BAD)?;
    Ok((kind, size.parse().map_err(|_| BAD)?, end + 1))
}

/// The names in a directory that are UTF-8; an absent directory is empty.
fn read_dir(path: &Path) -> Result<Vec<String>> {
    let failed = |e| Error::io("list", path, e);
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    Ok(names)
}
