//! Owns the first pass: every entry is parsed, held to the limits, inflated and summed; objects stored whole are done after it.

use flate2::Crc;
use sha1::{Digest, Sha1};

use super::{Context, Entry, NONE, Progress, Ticker, source::Source, visit::Visitor};
use crate::{
    error::{Error, Result},
    id::{ID_LEN, Kind, ObjectHasher, ObjectId},
    limits::Limits,
    pack::{self, EntryHeader, EntryKind, HEADER_LEN, delta::DeltaHeader},
};

/// The shortest entry: one byte of header, eight of deflated nothing.
const MIN_ENTRY_BYTES: u64 = 9;
/// Larger blobs and deltas pass through in pieces.
const STREAM_BYTES: u64 = 1 << 20;
/// Longest delta header.
const DELTA_HEADER_BYTES: usize = 20;
/// Between two looks at the interrupt flag while summing.
const SUM_BYTES: usize = 8 << 20;

/// What the first pass knows.
pub(super) struct Scanned<'a> {
    pub(super) source: Source<'a>,
    /// In order of their offsets.
    pub(super) entries: Vec<Entry>,
    /// (base, delta) for deltas by offset, sorted.
    pub(super) by_offset: Vec<(u32, u32)>,
    /// (base, delta) for deltas by id, sorted.
    pub(super) by_id: Vec<(ObjectId, u32)>,
    pub(super) visitor: Visitor,
    pub(super) unpacked_bytes: u64,
    /// Size of the largest object, as declared.
    pub(super) largest_bytes: u64,
    pub(super) checksum: [u8; ID_LEN],
}

pub(super) fn scan<'a>(
    data: &'a [u8],
    context: &Context<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Scanned<'a>> {
    let whole = |what| Error::BadPack { what, offset: None };
    let (body, checksum) = data.split_last_chunk::<ID_LEN>().ok_or_else(|| whole("shorter than a pack"))?;
    let count = pack::parse_header(body).map_err(whole)?;
    check_count(u64::from(count), body.len() as u64, context.limits)?;
    let mut scanned = Scanned {
        source: Source::new(body),
        entries: Vec::with_capacity(count as usize),
        by_offset: Vec::new(),
        by_id: Vec::new(),
        visitor: Visitor::new(count as usize),
        unpacked_bytes: 0,
        largest_bytes: 0,
        checksum: *checksum,
    };
    let mut ticker = Ticker::new(progress, u64::from(count), |done, total| Progress::Received { done, total });
    let mut buffer = Vec::new();
    let mut offset = HEADER_LEN;
    for _ in 0..count {
        context.check_interrupt()?;
        offset = scanned.entry(offset, context, &mut buffer)?;
        ticker.step();
    }
    if offset != body.len() as u64 {
        return Err(Error::bad_pack("bytes after the last object", offset));
    }
    if sum(body, context)? != *checksum {
        return Err(whole("checksum mismatch"));
    }
    scanned.by_offset.sort_unstable();
    scanned.by_id.sort_unstable();
    Ok(scanned)
}

fn check_count(count: u64, body_bytes: u64, limits: &Limits) -> Result<()> {
    if count > limits.max_objects {
        return Err(Error::TooLarge { what: "number of objects", limit: limits.max_objects });
    }
    if count * MIN_ENTRY_BYTES > body_bytes {
        return Err(Error::BadPack { what: "truncated, too short for its number of objects", offset: None });
    }
    Ok(())
}

/// The checksum of the pack. Nobody gains by a collision here, so the fast hash will do.
fn sum(body: &[u8], context: &Context<'_>) -> Result<[u8; ID_LEN]> {
    let mut hasher = Sha1::new();
    for piece in body.chunks(SUM_BYTES) {
        context.check_interrupt()?;
        hasher.update(piece);
    }
    Ok(hasher.finalize().into())
}

impl Scanned<'_> {
    /// Reads the entry at `offset` and answers where the next one starts.
    fn entry(&mut self, offset: u64, context: &Context<'_>, buffer: &mut Vec<u8>) -> Result<u64> {
        let bytes = self.source.from(offset);
        let bad = |what| Error::bad_pack(what, offset);
        let header = EntryHeader::parse(bytes, offset).map_err(bad)?;
        let deflated = bytes.get(header.len..).unwrap_or_default();
        self.charge(header.size, context.limits)?;
        let index = self.entries.len() as u32;
        let mut entry = Entry {
            offset,
            size: header.size,
            crc32: 0,
            header_len: header.len as u8,
            is_delta: !matches!(header.kind, EntryKind::Full(_)),
            resolved: None,
            base: NONE,
            depth: 0,
            kept_at: NONE,
        };
        let used = match header.kind {
            EntryKind::Full(Kind::Blob) if header.size > STREAM_BYTES => {
                let mut hasher = ObjectHasher::new(Kind::Blob, header.size);
                let used = self.source.inflater.stream(deflated, header.size, |piece| hasher.update(piece));
                let used = used.map_err(bad)?;
                let id = hasher.finish().map_err(|_| Error::Collision { offset: Some(offset) })?;
                entry.resolved = Some((id, Kind::Blob));
                used
            }
            EntryKind::Full(kind) => {
                let _memory = context.limits.memory.reserve(header.size, context.interrupt)?;
                let used = self.source.inflater.exact(deflated, header.size, buffer).map_err(bad)?;
                entry.resolved = Some((self.visitor.object(context, offset, kind, buffer)?, kind));
                used
            }
            EntryKind::OfsDelta { base_offset } => {
                let base = self.entries.binary_search_by_key(&base_offset, |e| e.offset);
                let base = base.map_err(|_| bad("delta base offset is not the start of an object"))?;
                self.by_offset.push((base as u32, index));
                self.delta(&mut entry, deflated, context, buffer)?
            }
            EntryKind::RefDelta { base } => {
                self.by_id.push((base, index));
                self.delta(&mut entry, deflated, context, buffer)?
            }
        };
        let len = header.len + used;
        let mut crc = Crc::new();
        crc.update(bytes.get(..len).unwrap_or_default());
        entry.crc32 = crc.sum();
        self.entries.push(entry);
        Ok(offset + len as u64)
    }

    /// Measures a delta and holds its result to the limits.
    fn delta(
        &mut self,
        entry: &mut Entry,
        deflated: &[u8],
        context: &Context<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<usize> {
        let bad = |what| Error::bad_pack(what, entry.offset);
        let used = if entry.size > STREAM_BYTES {
            buffer.clear();
            let head = |piece: &[u8]| {
                let wanted = DELTA_HEADER_BYTES.saturating_sub(buffer.len()).min(piece.len());
                buffer.extend_from_slice(piece.get(..wanted).unwrap_or_default());
            };
            self.source.inflater.stream(deflated, entry.size, head).map_err(bad)?
        } else {
            let used = self.source.inflater.exact(deflated, entry.size, buffer).map_err(bad)?;
            entry.kept_at = self.source.keep(buffer);
            used
        };
        let result_size = DeltaHeader::parse(buffer).map_err(bad)?.result_size;
        self.charge(result_size, context.limits)?;
        Ok(used)
    }

    /// Holds the size of a base outside of the pack to the limits: it will be added to the pack.
    pub(super) fn charge_base(&mut self, size: u64, limits: &Limits) -> Result<()> {
        // The object is already ours, however large; only the sum counts.
        self.charge(size.min(limits.max_object_bytes), limits)
    }

    /// Holds a declared size to the limits, before anything of that size is made.
    fn charge(&mut self, size: u64, limits: &Limits) -> Result<()> {
        if size > limits.max_object_bytes {
            return Err(Error::TooLarge { what: "size of an object", limit: limits.max_object_bytes });
        }
        self.largest_bytes = self.largest_bytes.max(size);
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(size);
        if self.unpacked_bytes > limits.max_unpacked_bytes {
            return Err(Error::TooLarge { what: "unpacked size of the pack", limit: limits.max_unpacked_bytes });
        }
        Ok(())
    }
}
