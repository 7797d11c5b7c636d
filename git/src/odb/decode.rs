//! Owns resolving one pack entry into an object: follow the chain of deltas down, apply it upwards. Refuses to leave the pack: packs on disk
//! are self-contained. Called by [`super::Snapshot`].
//!
//! No recursion and no trust: chains are bounded, cycles end at the bound, sizes are checked before memory is taken.

use std::cell::RefCell;

use super::cache::{self, Resolved};
use crate::{
    error::Result,
    id::Kind,
    pack::{
        EntryHeader, EntryKind, Pack,
        delta::{self, DeltaHeader},
        inflate::Inflater,
    },
};

/// Longest chain followed; git writes at most 4095, and a cycle in a damaged pack must end.
const MAX_CHAIN: usize = 10_000;
/// Longest delta header: two sizes of ten bytes.
const DELTA_HEADER_BYTES: usize = 20;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// What a thread reuses from one object to the next.
struct Scratch {
    inflater: Inflater,
    delta: Vec<u8>,
    base: Vec<u8>,
}

impl Scratch {
    fn new() -> Scratch {
        Scratch { inflater: Inflater::new(), delta: Vec::new(), base: Vec::new() }
    }

    /// Gives back what one giant object made us take.
    fn trim(&mut self) {
        const KEPT_BYTES: usize = 4 << 20;
        for buffer in [&mut self.delta, &mut self.base] {
            if buffer.capacity() > KEPT_BYTES {
                *buffer = Vec::new();
            }
        }
    }
}

/// Reads the object at `offset` into `out`.
pub(super) fn object(pack: &Pack, offset: u64, out: &mut Vec<u8>) -> Result<Kind> {
    SCRATCH.with_borrow_mut(|scratch| {
        let kind = resolve(pack, offset, scratch, out);
        scratch.trim();
        kind
    })
}

fn resolve(pack: &Pack, offset: u64, scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<Kind> {
    let mut chain: Vec<(u64, EntryHeader)> = Vec::new();
    let mut at = offset;
    let kind = loop {
        if let Some(Resolved { kind, data }) = cache::get((pack.id(), at)) {
            out.clear();
            out.extend_from_slice(&data);
            break kind;
        }
        let header = pack.entry_header(at)?;
        match header.kind {
            EntryKind::Full(kind) => {
                inflate(pack, at, &header, &mut scratch.inflater, out)?;
                if !chain.is_empty() {
                    cache::put((pack.id(), at), kind, out);
                }
                break kind;
            }
            delta => {
                chain.push((at, header));
                at = next(pack, delta, chain.len())?;
            }
        }
    };
    while let Some((at, header)) = chain.pop() {
        std::mem::swap(out, &mut scratch.base);
        inflate(pack, at, &header, &mut scratch.inflater, &mut scratch.delta)?;
        delta::apply(&scratch.base, &scratch.delta, out).map_err(|what| pack.corrupt(what))?;
        if !chain.is_empty() {
            cache::put((pack.id(), at), kind, out);
        }
    }
    Ok(kind)
}

/// Answers kind and size of the object at `offset`.
pub(super) fn header(pack: &Pack, offset: u64) -> Result<(Kind, u64)> {
    let first = pack.entry_header(offset)?;
    let mut entry = first;
    let mut depth = 0;
    let kind = loop {
        match entry.kind {
            EntryKind::Full(kind) => break kind,
            delta => {
                depth += 1;
                entry = pack.entry_header(next(pack, delta, depth)?)?;
            }
        }
    };
    Ok((kind, entry_size(pack, offset, &first)?))
}

/// Answers the size of the object at `offset`, for which only its own entry is read.
///
/// Errors: `Corrupt`.
pub(crate) fn size(pack: &Pack, offset: u64) -> Result<u64> {
    entry_size(pack, offset, &pack.entry_header(offset)?)
}

fn entry_size(pack: &Pack, offset: u64, entry: &EntryHeader) -> Result<u64> {
    if matches!(entry.kind, EntryKind::Full(_)) {
        return Ok(entry.size);
    }
    let size = SCRATCH.with_borrow_mut(|scratch| {
        let deflated = deflated(pack, offset, entry)?;
        scratch
            .inflater
            .prefix(deflated, DELTA_HEADER_BYTES, &mut scratch.delta)
            .and_then(|()| DeltaHeader::parse(&scratch.delta))
            .map_err(|what| pack.corrupt(what))
    })?;
    Ok(size.result_size)
}

/// The offset of the base of a delta that is the `depth`-th of its chain.
fn next(pack: &Pack, delta: EntryKind, depth: usize) -> Result<u64> {
    if depth > MAX_CHAIN {
        return Err(pack.corrupt("a chain of deltas is too long or has no end"));
    }
    match delta {
        EntryKind::OfsDelta { base_offset } => Ok(base_offset),
        EntryKind::RefDelta { base } => {
            pack.lookup(&base).map(|(_, offset)| offset).ok_or_else(|| pack.corrupt("a delta has no base in its pack"))
        }
        EntryKind::Full(_) => Err(pack.corrupt("an entry is no delta")),
    }
}

fn deflated<'a>(pack: &'a Pack, offset: u64, header: &EntryHeader) -> Result<&'a [u8]> {
    let entry = pack.entries_from(offset).and_then(|entry| entry.get(header.len..));
    entry.ok_or_else(|| pack.corrupt("an entry lies outside of the pack"))
}

fn inflate(pack: &Pack, offset: u64, header: &EntryHeader, inflater: &mut Inflater, out: &mut Vec<u8>) -> Result<()> {
    inflater.exact(deflated(pack, offset, header)?, header.size, out).map_err(|what| pack.corrupt(what))?;
    Ok(())
}
