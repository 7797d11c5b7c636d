//! Owns the tar format as git writes it: ustar headers, pax headers for what does not fit, the commit id as global comment. Refuses to
//! know trees. Called by the walk of [`super`].

use std::{io::Write, sync::atomic::AtomicBool};

use super::{
    counted::Counted,
    entry::{Entry, EntryKind, EntryWriter},
};
use crate::{error::Result, id::ObjectId};

const RECORD: u64 = 512;
/// Archives end at a multiple of this.
const BLOCK: u64 = 20 * RECORD;
/// Largest number in the eleven octal digits of a header.
const MAX_OCTAL: u64 = 0o77_777_777_777;
const MAX_NAME: usize = 100;
const MAX_PREFIX: usize = 155;

/// Writes a tar.
pub(super) struct TarWriter<'a> {
    out: Counted<'a>,
    seconds: u64,
}

/// The fields of a header that differ between entries.
struct Header<'a> {
    prefix: &'a [u8],
    name: &'a [u8],
    link: &'a [u8],
    mode: u32,
    size: u64,
    flag: u8,
}

impl<'a> TarWriter<'a> {
    /// Starts an archive; all entries get the time `seconds`.
    pub(super) fn new(
        out: &'a mut dyn Write,
        seconds: u64,
        commit: Option<ObjectId>,
        interrupt: &'a AtomicBool,
    ) -> Result<Self> {
        let mut writer = TarWriter { out: Counted::new(out, interrupt), seconds: seconds.min(MAX_OCTAL) };
        let mut global = Vec::new();
        if let Some(commit) = commit {
            pax_record(&mut global, "comment", commit.to_string().as_bytes());
        }
        if seconds > MAX_OCTAL {
            pax_record(&mut global, "mtime", seconds.to_string().as_bytes());
        }
        if !global.is_empty() {
            writer.pax(b'g', b"pax_global_header", &global)?;
        }
        Ok(writer)
    }

    fn pax(&mut self, flag: u8, name: &[u8], records: &[u8]) -> Result<()> {
        let size = records.len() as u64;
        self.header(&Header { prefix: b"", name, link: b"", mode: 0o666, size, flag })?;
        self.padded(records)
    }

    fn header(&mut self, header: &Header<'_>) -> Result<()> {
        let mut block = Vec::with_capacity(RECORD as usize);
        let mut field = |bytes: &[u8], length: usize| {
            let end = block.len() + length;
            block.extend(bytes.iter().take(length));
            block.resize(end, 0);
        };
        field(header.name, MAX_NAME);
        field(format!("{:07o}", header.mode & 0o7777).as_bytes(), 8);
        field(b"0000000", 8);
        field(b"0000000", 8);
        field(format!("{:011o}", header.size).as_bytes(), 12);
        field(format!("{:011o}", self.seconds).as_bytes(), 12);
        // The checksum counts its own field as spaces.
        field(b"        ", 8);
        field(&[header.flag], 1);
        field(header.link, MAX_NAME);
        field(b"ustar\x0000", 8);
        field(b"root", 32);
        field(b"root", 32);
        field(b"0000000", 8);
        field(b"0000000", 8);
        field(header.prefix, MAX_PREFIX);
        field(b"", 12);
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        if let Some(checksum) = block.get_mut(148..156) {
            checksum.copy_from_slice(format!("{sum:07o}\0").as_bytes());
        }
        self.out.put(&block)
    }

    fn padded(&mut self, data: &[u8]) -> Result<()> {
        self.out.put(data)?;
        self.pad(RECORD)
    }

    fn pad(&mut self, unit: u64) -> Result<()> {
        let missing = self.out.written.next_multiple_of(unit) - self.out.written;
        self.out.put(&vec![0; missing as usize])
    }
}

impl EntryWriter for TarWriter<'_> {
    fn write(&mut self, entry: &Entry<'_>) -> Result<()> {
        let (flag, mode) = match entry.kind {
            EntryKind::Directory => (b'5', 0o775),
            EntryKind::Symlink => (b'2', 0o777),
            EntryKind::Regular { is_executable: true } => (b'0', 0o775),
            EntryKind::Regular { is_executable: false } => (b'0', 0o664),
        };
        let is_file = flag == b'0';
        let size = if is_file { entry.data.len() as u64 } else { 0 };
        let mut records = Vec::new();
        let substitute = format!("{}.data", entry.id);
        let (prefix, name) = divide(entry.path).unwrap_or_else(|| {
            pax_record(&mut records, "path", entry.path);
            (b"", substitute.as_bytes())
        });
        let substitute = format!("see {}.paxheader", entry.id);
        let mut link = if flag == b'2' { entry.data } else { b"" };
        if link.len() > MAX_NAME {
            pax_record(&mut records, "linkpath", link);
            link = substitute.as_bytes();
        }
        let mut stored_size = size;
        if size > MAX_OCTAL {
            pax_record(&mut records, "size", size.to_string().as_bytes());
            stored_size = 0;
        }
        if !records.is_empty() {
            self.pax(b'x', format!("{}.paxheader", entry.id).as_bytes(), &records)?;
        }
        self.header(&Header { prefix, name, link, mode, size: stored_size, flag })?;
        if is_file { self.padded(entry.data) } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        // At least two empty records end an archive.
        self.out.put(&[0; 2 * RECORD as usize])?;
        self.pad(BLOCK)?;
        self.out.flush()
    }
}

/// Divides a path into prefix and name at a slash, if they fit.
fn divide(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= MAX_NAME {
        return Some((b"", path));
    }
    let searched = path.len() - usize::from(path.last() == Some(&b'/'));
    let at = path.get(..searched.min(MAX_PREFIX))?.iter().rposition(|byte| *byte == b'/').filter(|at| *at > 0)?;
    let (prefix, rest) = path.split_at_checked(at)?;
    let name = rest.get(1..)?;
    (name.len() <= MAX_NAME).then_some((prefix, name))
}

/// Appends `length keyword=value\n`, where the length counts itself.
fn pax_record(out: &mut Vec<u8>, keyword: &str, value: &[u8]) {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} {keyword}=").as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        for (length, expected) in [(2, "11 path=ab\n".to_owned()), (90, format!("99 path={}\n", "a".repeat(90)))] {
            let mut out = Vec::new();
            pax_record(&mut out, "path", if length == 2 { "ab".into() } else { "a".repeat(90) }.as_bytes());
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
        let mut out = Vec::new();
        pax_record(&mut out, "path", "a".repeat(91).as_bytes());
        assert!(out.starts_with(b"101 path=") && out.len() == 101, "99 and 100 do not fit themselves");
    }

    #[test]
    fn long_paths_are_divided_where_they_fit() {
        let long = |head: usize, tail: usize| ["a".repeat(head), "b".repeat(tail)].join("/").into_bytes();
        assert_eq!(divide(&long(50, 49)).map(|(a, b)| (a.len(), b.len())), Some((0, 100)));
        assert_eq!(divide(&long(50, 50)).map(|(a, b)| (a.len(), b.len())), Some((50, 50)));
        assert_eq!(divide(&long(154, 100)).map(|(a, b)| (a.len(), b.len())), Some((154, 100)));
        assert_eq!(divide(&long(155, 100)), None);
        assert_eq!(divide(&long(20, 101)), None);
        assert_eq!(divide(&[b'a'; 101]), None);
    }
}
