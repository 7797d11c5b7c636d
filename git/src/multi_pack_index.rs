//! Owns git's multi-pack index, `objects/pack/multi-pack-index`: writing one over the packs of a repository, and telling which packs a file names. Refuses to
//! look objects up in it: our own lookups go through the indices that are open anyway. It is for stock git, which otherwise opens every index.
//! Called by maintenance.
//!
//! Source: gitformat-pack(5), "multi-pack-index (MIDX) files have the following format".

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs,
    io::{self, BufWriter, Write},
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use sha1::{Digest, Sha1};

use crate::{
    error::{Error, Result},
    files,
    id::{ID_LEN, ObjectId},
    map::FileBytes,
    pack::Pack,
    walk::check_interrupt,
};

/// Below the object directory.
pub(crate) const FILE: &str = "pack/multi-pack-index";

const SIGNATURE: &[u8; 4] = b"MIDX";
/// Versions of the format and of the hash (1: SHA-1).
const VERSIONS: [u8; 2] = [1, 1];
const HEADER_LEN: u64 = 12;
const ENTRY_LEN: usize = 12;
const FAN_OUT_LEN: u64 = 256 * 4;
/// Set in an offset that is a position in the chunk of large ones.
const LARGE: u32 = 1 << 31;
/// Objects between two looks at the interrupt flag.
const STEP: usize = 1 << 14;

/// Where an object lies: number of the pack by name, position in its index.
type Place = (u32, u32);

/// Writes the file over these packs, which lie in `objects`, durably and in one step.
///
/// Shape: of an object that several packs hold, the first pack by name counts. Takes 8 bytes for each object.
/// Errors: `Io`, `DiskFull`, `Corrupt` for an index that cannot be read, `TooLarge`, `Interrupted`.
pub(crate) fn write(objects: &Path, packs: &[Arc<Pack>], interrupt: &AtomicBool) -> Result<()> {
    let mut packs: Vec<(String, &Pack)> = packs.iter().map(|pack| (index_name(pack), &**pack)).collect();
    packs.sort_by(|a, b| a.0.cmp(&b.0));
    let places = merge(&packs, interrupt)?;
    let path = objects.join(FILE);
    let temporary = files::Temporary::new(objects.parent().unwrap_or(objects));
    let file = files::create_new(temporary.path())?;
    let mut out = Hashing { out: BufWriter::new(&file), hash: Sha1::new() };
    encode(&packs, &places, &mut out).map_err(|error| match error {
        Failed::Write(error) => Error::io("write", temporary.path(), error),
        Failed::Other(error) => error,
    })?;
    let Hashing { mut out, hash } = out;
    let ended = out.write_all(&hash.finalize()).and_then(|()| out.flush());
    drop(out);
    ended.and_then(|()| files::sync(&file)).map_err(|e| Error::io("write", temporary.path(), e))?;
    fs::rename(temporary.path(), &path).map_err(|e| Error::io("rename to", &path, e))?;
    files::sync_dir(&objects.join("pack"))
}

/// The packs that the file names, as `pack-*.idx`, sorted; `None` if there is no file or it is none that we understand.
///
/// Errors: `Io`.
pub(crate) fn named_packs(objects: &Path) -> Result<Option<Vec<String>>> {
    let path = objects.join(FILE);
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = FileBytes::open(&path)?;
    Ok(read_names(&bytes))
}

/// The name by which the file of these packs would name this one.
pub(crate) fn index_name(pack: &Pack) -> String {
    pack.path().with_extension("idx").file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read_names(file: &[u8]) -> Option<Vec<String>> {
    let [version, hash, chunks, bases, a, b, c, d] = *file.strip_prefix(SIGNATURE)?.first_chunk::<8>()?;
    if [version, hash] != VERSIONS || bases != 0 {
        return None;
    }
    let table = file.get(HEADER_LEN as usize..)?.get(..usize::from(chunks).checked_add(1)?.checked_mul(ENTRY_LEN)?)?;
    let entries: Vec<&[u8; ENTRY_LEN]> = table.as_chunks::<ENTRY_LEN>().0.iter().collect();
    let start = |entry: &[u8; ENTRY_LEN]| {
        let offset = entry.last_chunk::<8>().map(|raw| u64::from_be_bytes(*raw))?;
        usize::try_from(offset).ok()
    };
    let at = entries.iter().position(|entry| entry.starts_with(b"PNAM"))?;
    let chunk = file.get(start(entries.get(at)?)?..start(entries.get(at.checked_add(1)?)?)?)?;
    let count = u32::from_be_bytes([a, b, c, d]);
    let names = chunk.split(|byte| *byte == 0).take(count as usize);
    let names: Option<Vec<String>> = names.map(|name| String::from_utf8(name.to_vec()).ok()).collect();
    names.filter(|names| names.len() == count as usize && names.iter().all(|name| !name.is_empty()))
}

/// All objects once, in order of their ids.
fn merge(packs: &[(String, &Pack)], interrupt: &AtomicBool) -> Result<Vec<Place>> {
    let total: usize = packs.iter().map(|(_, pack)| pack.object_count() as usize).sum();
    let mut places: Vec<Place> = Vec::with_capacity(total);
    let mut next = BinaryHeap::with_capacity(packs.len());
    let push = |next: &mut BinaryHeap<Reverse<(ObjectId, u32, u32)>>, number: u32, position: u32| {
        let id = packs.get(number as usize).and_then(|(_, pack)| pack.idx().id_at(position));
        next.extend(id.map(|id| Reverse((id, number, position))));
    };
    for number in (0_u32..).take(packs.len()) {
        push(&mut next, number, 0);
    }
    let mut last = None;
    while let Some(Reverse((id, number, position))) = next.pop() {
        if last != Some(id) {
            if places.len().is_multiple_of(STEP) {
                check_interrupt(interrupt)?;
            }
            places.push((number, position));
            last = Some(id);
        }
        if let Some(position) = position.checked_add(1) {
            push(&mut next, number, position);
        }
    }
    Ok(places)
}

/// Why the file could not be made.
enum Failed {
    Write(io::Error),
    Other(Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Failed::Write(error)
    }
}

fn encode(packs: &[(String, &Pack)], places: &[Place], out: &mut impl Write) -> Result<(), Failed> {
    let count = u32::try_from(places.len());
    let count = count.map_err(|_| {
        Failed::Other(Error::TooLarge { what: "objects of a multi-pack index", limit: u64::from(u32::MAX) })
    })?;
    let mut names: Vec<u8> = packs.iter().flat_map(|(name, _)| name.bytes().chain([0])).collect();
    names.resize(names.len().next_multiple_of(4), 0);
    let offsets = || places.iter().map(|place| locate(packs, *place));
    // Only a file that needs them has the chunk, and then all from 2 GiB on are in it.
    let has_large =
        places.iter().any(|place| locate(packs, *place).is_ok_and(|(_, offset)| offset > u64::from(u32::MAX)));
    let is_large = |offset: u64| has_large && offset >= u64::from(LARGE);
    let mut large = Vec::new();

    let mut chunks: Vec<(&[u8; 4], u64)> = vec![
        (b"PNAM", names.len() as u64),
        (b"OIDF", FAN_OUT_LEN),
        (b"OIDL", u64::from(count) * ID_LEN as u64),
        (b"OOFF", u64::from(count) * 8),
    ];
    if has_large {
        for offset in offsets() {
            let (_, offset) = offset?;
            large.extend(is_large(offset).then_some(offset));
        }
        chunks.push((b"LOFF", large.len() as u64 * 8));
    }
    out.write_all(SIGNATURE)?;
    let chunk_count = u8::try_from(chunks.len()).unwrap_or(u8::MAX);
    out.write_all(&[VERSIONS[0], VERSIONS[1], chunk_count, 0])?;
    out.write_all(&u32::try_from(packs.len()).unwrap_or(u32::MAX).to_be_bytes())?;
    let mut at = HEADER_LEN + (chunks.len() as u64 + 1) * ENTRY_LEN as u64;
    for (name, len) in &chunks {
        out.write_all(&name[..])?;
        out.write_all(&at.to_be_bytes())?;
        at += len;
    }
    out.write_all(&[0; 4])?;
    out.write_all(&at.to_be_bytes())?;

    out.write_all(&names)?;
    let id_of = |(number, position): Place| packs.get(number as usize).and_then(|(_, pack)| pack.idx().id_at(position));
    let mut fan_out = [0_u32; 256];
    for place in places {
        if let Some(slot) = id_of(*place).and_then(|id| fan_out.get_mut(usize::from(*id.as_bytes().first()?))) {
            *slot += 1;
        }
    }
    let mut sum = 0_u32;
    for objects in fan_out {
        sum += objects;
        out.write_all(&sum.to_be_bytes())?;
    }
    for place in places {
        out.write_all(id_of(*place).ok_or_else(|| Failed::Other(unreadable(packs, *place)))?.as_bytes())?;
    }
    let mut large_at = 0_u32;
    for offset in offsets() {
        let (number, offset) = offset?;
        let field = match is_large(offset) {
            true => {
                large_at += 1;
                LARGE | (large_at - 1)
            }
            false => u32::try_from(offset).unwrap_or(u32::MAX),
        };
        out.write_all(&number.to_be_bytes())?;
        out.write_all(&field.to_be_bytes())?;
    }
    for offset in large {
        out.write_all(&offset.to_be_bytes())?;
    }
    Ok(())
}

/// The number of an object's pack and its offset there.
fn locate(packs: &[(String, &Pack)], (number, position): Place) -> Result<(u32, u64), Failed> {
    let offset = packs.get(number as usize).and_then(|(_, pack)| pack.idx().offset_at(position));
    offset.map(|offset| (number, offset)).ok_or_else(|| Failed::Other(unreadable(packs, (number, position))))
}

fn unreadable(packs: &[(String, &Pack)], (number, _): Place) -> Error {
    let path = packs.get(number as usize).map_or(Path::new(""), |(_, pack)| pack.path());
    Error::corrupt(path, "the index cannot be read")
}

/// Hashes what goes through.
struct Hashing<W> {
    out: W,
    hash: Sha1,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.out.write(data)?;
        self.hash.update(data.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
