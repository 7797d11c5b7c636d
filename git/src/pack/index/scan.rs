//! Owns the first pass: every entry is parsed, held to the limits, inflated and summed; objects stored whole are done after it.

use sha1::{Digest, Sha1};

use super::{
    Context, IndexedObject, Progress, Ticker,
    object::Form,
    source::Source,
    visit::{self, Visitor},
    waiting::Waiting,
};
use crate::{
    error::{Error, Result},
    id::{HASH_KIND, ID_LEN, Kind, ObjectHasher, ObjectId},
    limits::Limits,
    pack::{self, EntryHeader, EntryKind, HEADER_LEN, delta::DeltaHeader},
};

/// The shortest entry: one byte of header, eight of deflated nothing.
const MIN_ENTRY_BYTES: u64 = 9;
/// Larger blobs and deltas pass through in pieces.
const STREAM_BYTES: u64 = 1 << 20;
/// Longest delta header.
const DELTA_HEADER_BYTES: usize = 20;
/// What is summed in one go, while it is still in memory.
const SUM_BYTES: usize = 1 << 20;

/// What the first pass knows.
pub(super) struct Scanned<'a> {
    pub(super) source: Source<'a>,
    /// In order of their offsets.
    pub(super) entries: Vec<IndexedObject>,
    pub(super) waiting: Waiting,
    pub(super) deltas: u64,
    pub(super) visitor: Visitor,
    pub(super) unpacked_bytes: u64,
    /// Size of the largest object, as declared.
    pub(super) largest_bytes: u64,
    pub(super) checksum: [u8; ID_LEN],
}

pub(super) fn scan<'a>(
    source: Source<'a>,
    context: &Context<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Scanned<'a>> {
    let whole = |what| Error::BadPack { what, offset: None };
    let (body, checksum) = source.data.split_last_chunk::<ID_LEN>().ok_or_else(|| whole("shorter than a pack"))?;
    let count = pack::parse_header(body).map_err(whole)?;
    check_count(u64::from(count), body.len() as u64, context.limits)?;
    let mut scanned = Scanned {
        source,
        entries: Vec::with_capacity(count as usize),
        waiting: Waiting::new(count as usize),
        deltas: 0,
        visitor: Visitor::new(count as usize),
        unpacked_bytes: 0,
        largest_bytes: 0,
        checksum: *checksum,
    };
    let mut ticker = Ticker::new(progress, u64::from(count), |done, total| Progress::Received { done, total });
    let mut sum = Sum { hasher: Sha1::new(), summed: 0 };
    let mut buffer = Vec::new();
    let mut offset = HEADER_LEN;
    for _ in 0..count {
        context.check_interrupt()?;
        offset = scanned.entry(offset, context, &mut buffer)?;
        scanned.source.touched(sum.add(body, offset as usize, context)?);
        ticker.step();
    }
    if offset != body.len() as u64 {
        return Err(Error::bad_pack("bytes after the last object", offset));
    }
    if sum.finish(body, context)? != *checksum {
        return Err(whole("checksum mismatch"));
    }
    Ok(scanned)
}

/// The checksum of the pack, taken along with the entries. Nobody gains by a collision here, so the fast hash will do.
struct Sum {
    hasher: Sha1,
    summed: usize,
}

impl Sum {
    /// Sums what was read up to `end`, once it is worth it, and answers how much that was.
    fn add(&mut self, body: &[u8], end: usize, context: &Context<'_>) -> Result<usize> {
        let due = end.saturating_sub(self.summed);
        if due < SUM_BYTES {
            return Ok(0);
        }
        for piece in body.get(self.summed..end).unwrap_or_default().chunks(SUM_BYTES) {
            context.check_interrupt()?;
            self.hasher.update(piece);
        }
        self.summed = end;
        Ok(due)
    }

    fn finish(mut self, body: &[u8], context: &Context<'_>) -> Result<[u8; ID_LEN]> {
        self.add(body, body.len(), context)?;
        self.hasher.update(body.get(self.summed..).unwrap_or_default());
        Ok(self.hasher.finalize().into())
    }
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

impl Scanned<'_> {
    /// Reads the entry at `offset` and answers where the next one starts.
    fn entry(&mut self, offset: u64, context: &Context<'_>, buffer: &mut Vec<u8>) -> Result<u64> {
        let bytes = self.source.from(offset);
        let bad = |what| Error::bad_pack(what, offset);
        let header = EntryHeader::parse(bytes, offset).map_err(bad)?;
        let deflated = bytes.get(header.len..).unwrap_or_default();
        self.charge(header.size, context.limits)?;
        let index = self.entries.len() as u32;
        let (entry, used) = match header.kind {
            EntryKind::Full(kind) => {
                visit::check_size(kind, header.size, context.limits)?;
                let (id, used) = self.whole(offset, kind, header.size, deflated, context, buffer)?;
                self.waiting.push_whole();
                (IndexedObject::whole(offset, id, kind), used)
            }
            EntryKind::OfsDelta { base_offset } => {
                let base = self.entries.binary_search_by_key(&base_offset, IndexedObject::offset);
                let base = base.map_err(|_| bad("delta base offset is not the start of an object"))?;
                self.waiting.push_by_offset(base as u32);
                let used = self.delta(index, offset, header.size, deflated, context, buffer)?;
                (IndexedObject::delta(offset, Form::OfsDelta, ObjectId::null(HASH_KIND)), used)
            }
            EntryKind::RefDelta { base } => {
                self.waiting.push_by_id(&base, &self.entries);
                let used = self.delta(index, offset, header.size, deflated, context, buffer)?;
                (IndexedObject::delta(offset, Form::RefDelta, base), used)
            }
        };
        let len = header.len + used;
        let crc32 = crc32fast::hash(bytes.get(..len).unwrap_or_default());
        self.entries.push(entry.with_crc32(crc32));
        Ok(offset + len as u64)
    }

    /// Hashes and checks an object stored whole.
    fn whole(
        &mut self,
        offset: u64,
        kind: Kind,
        size: u64,
        deflated: &[u8],
        context: &Context<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<(ObjectId, usize)> {
        let bad = |what| Error::bad_pack(what, offset);
        if kind == Kind::Blob && size > STREAM_BYTES {
            let mut hasher = ObjectHasher::new(Kind::Blob, size);
            let used = self.source.inflater.stream(deflated, size, |piece| hasher.update(piece)).map_err(bad)?;
            let id = hasher.finish().map_err(|_| Error::Collision { offset: Some(offset) })?;
            return Ok((id, used));
        }
        let _memory = context.limits.memory.reserve(size, context.interrupt)?;
        let used = self.source.inflater.exact(deflated, size, buffer).map_err(bad)?;
        Ok((self.visitor.object(context, offset, kind, buffer)?, used))
    }

    /// Measures a delta and holds its result to the limits.
    fn delta(
        &mut self,
        index: u32,
        offset: u64,
        size: u64,
        deflated: &[u8],
        context: &Context<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<usize> {
        let bad = |what| Error::bad_pack(what, offset);
        let used = if size > STREAM_BYTES {
            buffer.clear();
            let head = |piece: &[u8]| {
                let wanted = DELTA_HEADER_BYTES.saturating_sub(buffer.len()).min(piece.len());
                buffer.extend_from_slice(piece.get(..wanted).unwrap_or_default());
            };
            self.source.inflater.stream(deflated, size, head).map_err(bad)?
        } else {
            let used = self.source.inflater.exact(deflated, size, buffer).map_err(bad)?;
            self.source.keep(index, buffer);
            used
        };
        let result_size = DeltaHeader::parse(buffer).map_err(bad)?.result_size;
        self.charge(result_size, context.limits)?;
        self.deltas += 1;
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
