//! Owns the zip format: local headers with sizes known in advance, a central directory with Unix modes, the commit id as comment. Refuses
//! to know trees. Called by the walk of [`super`].
//!
//! Times are UTC, in DOS form and as Unix seconds.

use std::{io::Write, sync::atomic::AtomicBool};

use flate2::{Compression, write::DeflateEncoder};

use super::{
    counted::Counted,
    entry::{Entry, EntryKind, EntryWriter},
};
use crate::{
    error::{Error, Result},
    id::ObjectId,
    walk::check_interrupt,
};

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Flag: the name is UTF-8.
const UTF8_NAME: u16 = 1 << 11;
/// "Version made by": 2.3 on Unix.
const MADE_BY: u16 = 0x0317;
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;

/// Writes a zip.
pub(super) struct ZipWriter<'a> {
    out: Counted<'a>,
    seconds: u64,
    commit: Option<ObjectId>,
    interrupt: &'a AtomicBool,
    directory: Vec<u8>,
    entries: u64,
}

impl<'a> ZipWriter<'a> {
    /// Starts an archive; all entries get the time `seconds`.
    pub(super) fn new(
        out: &'a mut dyn Write,
        seconds: u64,
        commit: Option<ObjectId>,
        interrupt: &'a AtomicBool,
    ) -> Self {
        ZipWriter { out: Counted::new(out, interrupt), seconds, commit, interrupt, directory: Vec::new(), entries: 0 }
    }

    fn deflate(&self, data: &[u8]) -> Result<Vec<u8>> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        for piece in data.chunks(1 << 20) {
            check_interrupt(self.interrupt)?;
            encoder.write_all(piece).map_err(Error::PeerGone)?;
        }
        encoder.finish().map_err(Error::PeerGone)
    }
}

impl EntryWriter for ZipWriter<'_> {
    fn write(&mut self, entry: &Entry<'_>) -> Result<()> {
        let too_large = |_| Error::TooLarge { what: "a file in a zip archive", limit: u64::from(u32::MAX) };
        let size = u32::try_from(entry.data.len()).map_err(too_large)?;
        let name_len = u16::try_from(entry.path.len())
            .map_err(|_| Error::TooLarge { what: "a path in a zip archive", limit: u64::from(u16::MAX) })?;
        let deflated =
            if matches!(entry.kind, EntryKind::Regular { .. }) { self.deflate(entry.data)? } else { Vec::new() };
        let is_deflated = !deflated.is_empty() && deflated.len() < entry.data.len();
        let (method, stored) = if is_deflated { (DEFLATED, &deflated[..]) } else { (STORED, entry.data) };
        let is_utf8 = !entry.path.is_ascii() && std::str::from_utf8(entry.path).is_ok();
        let (date, clock) = dos_time(self.seconds);
        let mut common = Vec::new();
        put16(&mut common, if is_utf8 { UTF8_NAME } else { 0 });
        put16(&mut common, method);
        put16(&mut common, clock);
        put16(&mut common, date);
        put32(&mut common, crc32fast::hash(entry.data));
        put32(&mut common, stored.len() as u32);
        put32(&mut common, size);
        put16(&mut common, name_len);
        let time = time_field(self.seconds);
        let offset = self.out.written;

        let mut local = Vec::new();
        put32(&mut local, 0x0403_4b50);
        put16(&mut local, VERSION);
        local.extend_from_slice(&common);
        put16(&mut local, time.len() as u16);
        self.out.put(&local)?;
        self.out.put(entry.path)?;
        self.out.put(&time)?;
        self.out.put(stored)?;

        let mut extra = time;
        if offset >= u64::from(u32::MAX) {
            put16(&mut extra, 1);
            put16(&mut extra, 8);
            put64(&mut extra, offset);
        }
        let mode: u32 = match entry.kind {
            // The low bits are for DOS.
            EntryKind::Directory => 0o040_755 << 16 | 0x10,
            EntryKind::Symlink => 0o120_777 << 16,
            EntryKind::Regular { is_executable: true } => 0o100_755 << 16,
            EntryKind::Regular { is_executable: false } => 0o100_644 << 16,
        };
        let directory = &mut self.directory;
        put32(directory, 0x0201_4b50);
        put16(directory, MADE_BY);
        put16(directory, if offset >= u64::from(u32::MAX) { VERSION_64 } else { VERSION });
        directory.extend_from_slice(&common);
        put16(directory, extra.len() as u16);
        // No comment, first disk, no internal attributes.
        directory.extend_from_slice(&[0; 6]);
        put32(directory, mode);
        put32(directory, offset.min(u64::from(u32::MAX)) as u32);
        directory.extend_from_slice(entry.path);
        directory.extend_from_slice(&extra);
        self.entries += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let (start, length) = (self.out.written, self.directory.len() as u64);
        let directory = std::mem::take(&mut self.directory);
        self.out.put(&directory)?;
        let mut end = Vec::new();
        let large = u64::from(u32::MAX);
        if self.entries >= u64::from(u16::MAX) || start >= large || length >= large {
            let at = self.out.written;
            put32(&mut end, 0x0606_4b50);
            put64(&mut end, 44);
            put16(&mut end, MADE_BY);
            put16(&mut end, VERSION_64);
            put32(&mut end, 0);
            put32(&mut end, 0);
            put64(&mut end, self.entries);
            put64(&mut end, self.entries);
            put64(&mut end, length);
            put64(&mut end, start);
            put32(&mut end, 0x0706_4b50);
            put32(&mut end, 0);
            put64(&mut end, at);
            put32(&mut end, 1);
        }
        let comment = self.commit.map(|id| id.to_string()).unwrap_or_default();
        put32(&mut end, 0x0605_4b50);
        put32(&mut end, 0);
        let entries = self.entries.min(u64::from(u16::MAX)) as u16;
        put16(&mut end, entries);
        put16(&mut end, entries);
        put32(&mut end, length.min(large) as u32);
        put32(&mut end, start.min(large) as u32);
        put16(&mut end, comment.len() as u16);
        end.extend_from_slice(comment.as_bytes());
        self.out.put(&end)?;
        self.out.flush()
    }
}

/// The extra field with the time in seconds.
fn time_field(seconds: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put16(&mut out, 0x5455);
    put16(&mut out, 5);
    // Only the time of modification.
    out.push(1);
    put32(&mut out, seconds.min(u64::from(u32::MAX)) as u32);
    out
}

/// Date and time of day in the form of DOS, which knows the years 1980 to 2107 and every other second.
fn dos_time(seconds: u64) -> (u16, u16) {
    const FIRST: u64 = 315_532_800;
    const LAST: u64 = 4_354_819_198;
    let seconds = seconds.clamp(FIRST, LAST);
    let day = crate::commit_text::date::Time { seconds: seconds as i64, zone: 0 }.day();
    let second = seconds % 86_400;
    let date = (day.0 - 1980) << 9 | i64::from(day.1) << 5 | i64::from(day.2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let clock = hour << 11 | minute << 5 | (second % 60 / 2);
    (date as u16, clock as u16)
}

fn put16(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}
