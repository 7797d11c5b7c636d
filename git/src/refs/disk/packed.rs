//! Owns the file `packed-refs`: parsing, searching, writing it whole. Refuses to change single lines.
//!
//! Source: git-pack-refs(1); the header's traits are those of git 2.x.

use std::{collections::HashSet, fmt::Write, fs, io::ErrorKind, path::Path};

use crate::{
    error::{Error, Result},
    files,
    id::{ObjectId, id_from_hex},
    refs::{RefName, RefTable},
};

const FILE: &str = "packed-refs";
/// Every annotated tag carries its peeled line and the lines are sorted.
const HEADER: &str = "# pack-refs with: peeled fully-peeled sorted \n";

/// One ref of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedRef {
    /// Full name.
    pub name: String,
    /// The object it points at.
    pub target: ObjectId,
    /// The final object of an annotated tag.
    pub peeled: Option<ObjectId>,
}

/// Reads the file of the repository at `path`; an absent one is empty.
///
/// Errors: `Io`, `Corrupt`.
pub fn read(path: &Path) -> Result<Vec<PackedRef>> {
    let path = path.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", path, e)),
    };
    parse(&String::from_utf8_lossy(&bytes)).map_err(|what| Error::corrupt(path, what))
}

/// Parses the content of the file.
pub(crate) fn parse(text: &str) -> Result<Vec<PackedRef>, &'static str> {
    let mut refs: Vec<PackedRef> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(hex) = line.strip_prefix('^') {
            let last = refs.last_mut().ok_or("a peeled line without a ref")?;
            last.peeled = Some(id_from_hex(hex.trim_end().as_bytes()).ok_or("a peeled line without an id")?);
        } else {
            let (hex, name) = line.split_once(' ').ok_or("a line without a name")?;
            let target = id_from_hex(hex.as_bytes()).ok_or("a line without an id")?;
            refs.push(PackedRef { name: name.to_owned(), target, peeled: None });
        }
    }
    Ok(refs)
}

/// Says whether the file names one of `names`.
pub(super) fn contains_any(path: &Path, names: &[&str]) -> Result<bool> {
    let wanted: HashSet<&str> = names.iter().copied().collect();
    Ok(read(path)?.iter().any(|line| wanted.contains(line.name.as_str())))
}

/// Replaces the file by all refs of `table`.
pub(super) fn write(path: &Path, table: &RefTable) -> Result<()> {
    files::replace(&path.join(FILE), render(table).as_bytes(), path)
}

pub(crate) fn render(table: &RefTable) -> String {
    let mut text = String::with_capacity(HEADER.len() + table.len() * 80);
    text.push_str(HEADER);
    let mut line = |name: &RefName, target: &ObjectId, peeled: Option<&ObjectId>| -> std::fmt::Result {
        writeln!(text, "{target} {name}")?;
        peeled.map_or(Ok(()), |peeled| writeln!(text, "^{peeled}"))
    };
    for r in table.iter() {
        line(&r.name, &r.target, r.peeled.as_ref()).expect("writing into a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_named() {
        assert_eq!(parse("^1234"), Err("a peeled line without a ref"));
        assert_eq!(parse("1234"), Err("a line without a name"));
        assert_eq!(parse("1234 refs/heads/x"), Err("a line without an id"));
        let id = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
        assert_eq!(parse(&format!("{id} refs/heads/x\n^12\n")), Err("a peeled line without an id"));
        assert_eq!(parse("# comment\n\n"), Ok(Vec::new()));
        assert_eq!(parse(&format!("{id} refs/heads/x\n^{id}\n")).unwrap().len(), 1);
    }
}
