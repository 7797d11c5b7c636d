//! Owns the index file of a pack, version 2: reading with every access checked, and writing. Refuses to know the pack's content. Called by
//! [`super::Pack`] and by the quarantine.
//!
//! Source: gitformat-pack(5), "Version 2 pack-*.idx files".

use std::io::Write;

use sha1::{Digest, Sha1};

use crate::{
    id::{ID_LEN, ObjectId, id_from_bytes},
    map::FileBytes,
};

const SIGNATURE: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
const FAN_OUT_LEN: usize = 256 * 4;
const IDS_AT: usize = SIGNATURE.len() + FAN_OUT_LEN;
/// Set in a 32-bit offset that is a position in the table of 64-bit offsets.
const LARGE: u32 = 1 << 31;

/// A parsed index. Positions run from 0 in order of object ids.
#[derive(Debug, Clone)]
pub struct Idx {
    data: FileBytes,
    count: u32,
}

impl Idx {
    /// Whether a part of the file could not be read.
    pub(crate) fn has_lost_pages(&self) -> bool {
        self.data.has_lost_pages()
    }

    /// Checks the frame of an index: signature, fan-out, length. The tables are not read.
    pub fn parse(data: FileBytes) -> Result<Idx, &'static str> {
        if data.get(..SIGNATURE.len()) != Some(&SIGNATURE[..]) {
            return Err("not a version 2 pack index");
        }
        let fan_out = data.get(SIGNATURE.len()..IDS_AT).ok_or("truncated pack index")?;
        let mut count = 0u32;
        for raw in fan_out.as_chunks::<4>().0 {
            let next = u32::from_be_bytes(*raw);
            if next < count {
                return Err("fan-out of the pack index is not sorted");
            }
            count = next;
        }
        let fixed = IDS_AT as u64 + u64::from(count) * (ID_LEN as u64 + 8) + 2 * ID_LEN as u64;
        let large = (data.len() as u64).checked_sub(fixed).ok_or("truncated pack index")?;
        if large % 8 != 0 || large / 8 > u64::from(count) {
            return Err("pack index has a wrong length");
        }
        Ok(Idx { data, count })
    }

    /// The number of objects.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Says whether the pack holds nothing.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The checksum of the pack that this index describes.
    pub fn pack_checksum(&self) -> &[u8] {
        let end = self.data.len().saturating_sub(ID_LEN);
        self.data.get(end.saturating_sub(ID_LEN)..end).unwrap_or_default()
    }

    /// Finds the position of an object.
    pub fn lookup(&self, id: &ObjectId) -> Option<u32> {
        self.search(id)?.ok()
    }

    /// The ids before and after one, which is left out itself and need not be there.
    pub(crate) fn neighbours(&self, id: &ObjectId) -> [Option<ObjectId>; 2] {
        let (below, above) = match self.search(id) {
            Some(Ok(at)) => (at.checked_sub(1), at.checked_add(1)),
            Some(Err(at)) => (at.checked_sub(1), Some(at)),
            None => (None, None),
        };
        [below.and_then(|at| self.id_at(at)), above.and_then(|at| self.id_at(at))]
    }

    /// The position of an object, or the one where it would stand.
    fn search(&self, id: &ObjectId) -> Option<Result<u32, u32>> {
        let wanted = id.as_slice();
        let first = usize::from(*wanted.first()?);
        let mut low = if first == 0 { 0 } else { self.u32_at(SIGNATURE.len() + (first - 1) * 4)? };
        let mut high = self.u32_at(SIGNATURE.len() + first * 4)?;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.raw_id_at(middle)?.cmp(wanted) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(Ok(middle)),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Some(Err(low))
    }

    /// The id at a position.
    pub fn id_at(&self, index: u32) -> Option<ObjectId> {
        self.raw_id_at(index).and_then(id_from_bytes)
    }

    /// The offset in the pack of the entry at a position.
    pub fn offset_at(&self, index: u32) -> Option<u64> {
        let count = self.count as usize;
        let offsets = IDS_AT + count * (ID_LEN + 4);
        let offset = self.u32_at(offsets + self.checked(index)? * 4)?;
        if offset & LARGE == 0 {
            return Some(u64::from(offset));
        }
        let at = offsets + count * 4 + (offset & !LARGE) as usize * 8;
        let end = self.data.len().checked_sub(2 * ID_LEN)?;
        self.data.get(at..end)?.first_chunk().map(|raw| u64::from_be_bytes(*raw))
    }

    /// The CRC-32 of the entry at a position, header included.
    pub fn crc32_at(&self, index: u32) -> Option<u32> {
        self.u32_at(IDS_AT + self.count as usize * ID_LEN + self.checked(index)? * 4)
    }

    /// The line at a position.
    pub(crate) fn line_at(&self, index: u32) -> Option<IdxEntry> {
        let (id, offset) = self.id_at(index).zip(self.offset_at(index))?;
        Some(IdxEntry { id, offset, crc32: self.crc32_at(index)? })
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> &FileBytes {
        &self.data
    }

    /// All ids in order.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> + '_ {
        (0..self.count).filter_map(|i| self.id_at(i))
    }

    fn checked(&self, index: u32) -> Option<usize> {
        (index < self.count).then_some(index as usize)
    }

    fn raw_id_at(&self, index: u32) -> Option<&[u8]> {
        let at = IDS_AT + self.checked(index)? * ID_LEN;
        self.data.get(at..at + ID_LEN)
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        self.data.get(at..)?.first_chunk().map(|raw| u32::from_be_bytes(*raw))
    }
}

/// One line of an index to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdxEntry {
    /// The object.
    pub id: ObjectId,
    /// Where its entry starts in the pack.
    pub offset: u64,
    /// CRC-32 of the entry as stored, header included.
    pub crc32: u32,
}

/// Makes an index as [`write_to`] does, in memory.
pub fn write(entries: &[IdxEntry], pack_checksum: &[u8; ID_LEN]) -> Vec<u8> {
    let mut out = Vec::with_capacity(IDS_AT + entries.len() * (ID_LEN + 8) + 2 * ID_LEN);
    let written = write_to(&mut out, entries.iter().copied(), pack_checksum);
    debug_assert!(written.is_ok(), "memory takes everything");
    out
}

/// Writes an index, byte for byte as `git index-pack` does.
///
/// Shape: `entries` are sorted by id and passed several times; `pack_checksum` is the trailer of the pack. Writes in small pieces: give it
/// something buffered.
/// Errors: those of `out`.
pub fn write_to(
    out: &mut dyn Write,
    entries: impl Iterator<Item = IdxEntry> + Clone,
    pack_checksum: &[u8; ID_LEN],
) -> std::io::Result<()> {
    let mut out = Summed { out, sha1: Sha1::new() };
    out.put(&SIGNATURE)?;
    let mut fan_out = [0u32; 256];
    for entry in entries.clone() {
        if let Some(slot) = entry.id.as_slice().first().and_then(|byte| fan_out.get_mut(usize::from(*byte))) {
            *slot += 1;
        }
    }
    let mut sum = 0u32;
    for count in fan_out {
        sum += count;
        out.put(&sum.to_be_bytes())?;
    }
    for entry in entries.clone() {
        out.put(entry.id.as_slice())?;
    }
    for entry in entries.clone() {
        out.put(&entry.crc32.to_be_bytes())?;
    }
    let is_small = |offset: u64| offset < u64::from(LARGE);
    let mut large = 0u32;
    for entry in entries.clone() {
        let offset = if is_small(entry.offset) {
            entry.offset as u32
        } else {
            large += 1;
            LARGE | (large - 1)
        };
        out.put(&offset.to_be_bytes())?;
    }
    for entry in entries.filter(|entry| !is_small(entry.offset)) {
        out.put(&entry.offset.to_be_bytes())?;
    }
    out.put(pack_checksum)?;
    let Summed { out, sha1 } = out;
    out.write_all(&sha1.finalize())
}

/// A writer and the checksum of what went into it.
struct Summed<'a> {
    out: &'a mut dyn Write,
    sha1: Sha1,
}

impl Summed<'_> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.sha1.update(bytes);
        self.out.write_all(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(offsets: &[u64]) -> (Vec<IdxEntry>, Idx) {
        let mut entries: Vec<IdxEntry> = offsets
            .iter()
            .enumerate()
            .map(|(i, offset)| IdxEntry {
                id: Sha1::digest([i as u8]).as_slice().try_into().unwrap(),
                offset: *offset,
                crc32: i as u32,
            })
            .collect();
        entries.sort_by_key(|e| e.id);
        let idx = Idx::parse(bytes::Bytes::from(write(&entries, &[9; 20])).into()).unwrap();
        (entries, idx)
    }

    #[test]
    fn what_is_written_is_found() {
        let (entries, idx) = sample(&[12, 0x7fff_ffff, 0x8000_0000, 1 << 40, 99]);
        assert_eq!(idx.len(), 5);
        assert_eq!(idx.pack_checksum(), [9; 20]);
        for (i, entry) in entries.iter().enumerate() {
            let at = idx.lookup(&entry.id).unwrap();
            assert_eq!(at, i as u32);
            assert_eq!(idx.id_at(at), Some(entry.id));
            assert_eq!(idx.offset_at(at), Some(entry.offset));
            assert_eq!(idx.crc32_at(at), Some(entry.crc32));
        }
        assert_eq!(idx.lookup(&ObjectId::from([0xee; 20])), None);
        assert_eq!((idx.id_at(5), idx.offset_at(5), idx.crc32_at(5)), (None, None, None));
        assert!(Idx::parse(bytes::Bytes::from(write(&[], &[9; 20])).into()).unwrap().is_empty());
    }

    #[test]
    fn damage_is_refused_or_harmless() {
        let (entries, _) = sample(&[12, 1 << 40, 99]);
        let good = write(&entries, &[9; 20]);
        for len in 0..good.len() {
            let cut = bytes::Bytes::copy_from_slice(&good[..len]);
            // A cut by one 64-bit offset keeps the frame; then the checksum of the pack is not where it is looked for.
            let refused = Idx::parse(cut.into()).map_or(true, |idx| idx.pack_checksum() != [9; 20]);
            assert!(refused, "cut at {len}");
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            if let Ok(idx) = Idx::parse(bytes::Bytes::from(bad).into()) {
                for entry in &entries {
                    let _ = idx.lookup(&entry.id).map(|i| (idx.offset_at(i), idx.crc32_at(i)));
                }
            }
        }
    }
}
