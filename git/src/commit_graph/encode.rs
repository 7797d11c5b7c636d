//! Owns the bytes of a commit-graph file. Refuses to choose commits or to read objects. Called by [`super::write`].

use sha1::{Digest, Sha1};

use super::{
    HIGH_BIT, NO_PARENT,
    bloom::Settings,
    chunks::{ENTRY_LEN, HEADER_LEN, SIGNATURE},
    generation::Generation,
};
use crate::id::ObjectId;

/// Largest date offset that fits beside the marking bit.
const MAX_NARROW_OFFSET: u64 = 0x7fff_ffff;

/// One commit of the file.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: ObjectId,
    pub(super) tree: ObjectId,
    pub(super) time: u64,
    pub(super) generation: Generation,
    /// Positions in the file.
    pub(super) parents: Vec<u32>,
}

/// Makes a file of commits sorted by id, and of one filter for each if there are any.
///
/// Errors: a text when something outgrew the format.
pub(super) fn encode(records: &[Record], filters: Option<&[Vec<u8>]>) -> Result<Vec<u8>, &'static str> {
    let mut chunks: Vec<(&[u8; 4], Vec<u8>)> = vec![
        (b"OIDF", fanout(records)),
        (b"OIDL", records.iter().flat_map(|record| record.id.as_bytes()).copied().collect()),
    ];
    let (rows, edges) = rows(records)?;
    let (dates, wide) = dates(records)?;
    chunks.push((b"CDAT", rows));
    chunks.push((b"GDA2", dates));
    if !wide.is_empty() {
        chunks.push((b"GDO2", wide));
    }
    if !edges.is_empty() {
        chunks.push((b"EDGE", edges));
    }
    if let Some(filters) = filters {
        let (index, data) = bloom(filters)?;
        chunks.push((b"BIDX", index));
        chunks.push((b"BDAT", data));
    }

    let count = u8::try_from(chunks.len()).map_err(|_| "too many chunks")?;
    let mut file = [&SIGNATURE[..], &[1, 1, count, 0]].concat();
    let mut offset = (HEADER_LEN + ENTRY_LEN) as u64 + chunks.len() as u64 * ENTRY_LEN as u64;
    for (name, chunk) in &chunks {
        file.extend_from_slice(*name);
        file.extend_from_slice(&offset.to_be_bytes());
        offset = offset.saturating_add(chunk.len() as u64);
    }
    file.extend_from_slice(&[0; 4]);
    file.extend_from_slice(&offset.to_be_bytes());
    for (_, chunk) in chunks {
        file.extend_from_slice(&chunk);
    }
    let checksum = Sha1::digest(&file);
    file.extend_from_slice(&checksum);
    Ok(file)
}

fn fanout(records: &[Record]) -> Vec<u8> {
    let mut chunk = Vec::with_capacity(256 * 4);
    let mut end = 0_usize;
    for byte in 0..=255_u8 {
        let rest = records.get(end..).unwrap_or_default();
        end = end.saturating_add(rest.partition_point(|record| record.id.as_bytes().first() <= Some(&byte)));
        chunk.extend_from_slice(&u32::try_from(end).unwrap_or(u32::MAX).to_be_bytes());
    }
    chunk
}

/// The commit data and the list of further parents.
fn rows(records: &[Record]) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
    let (mut rows, mut edges) = (Vec::new(), Vec::new());
    for record in records {
        let (first, second) = match record.parents.as_slice() {
            [] => (NO_PARENT, NO_PARENT),
            [only] => (*only, NO_PARENT),
            [first, second] => (*first, *second),
            [first, further @ ..] => {
                let start = u32::try_from(edges.len() / 4).ok().filter(|start| start & HIGH_BIT == 0);
                for (at, parent) in further.iter().enumerate() {
                    let last = if at.saturating_add(1) == further.len() { HIGH_BIT } else { 0 };
                    edges.extend_from_slice(&(parent | last).to_be_bytes());
                }
                (*first, HIGH_BIT | start.ok_or("too many parents")?)
            }
        };
        rows.extend_from_slice(record.tree.as_bytes());
        let high = u32::try_from(record.time >> 32).map_err(|_| "a time is too late")?;
        let low = (record.time & u64::from(u32::MAX)) as u32;
        for word in [first, second, record.generation.level << 2 | high, low] {
            rows.extend_from_slice(&word.to_be_bytes());
        }
    }
    Ok((rows, edges))
}

/// Offsets of corrected dates, and those that do not fit.
fn dates(records: &[Record]) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
    let (mut narrow, mut wide) = (Vec::new(), Vec::new());
    for record in records {
        let offset = record.generation.corrected.checked_sub(record.time).ok_or("a corrected date is too early")?;
        let word = match u32::try_from(offset) {
            Ok(word) if offset <= MAX_NARROW_OFFSET => word,
            Ok(_) | Err(_) => {
                let index = u32::try_from(wide.len() / 8).ok().filter(|index| index & HIGH_BIT == 0);
                wide.extend_from_slice(&offset.to_be_bytes());
                HIGH_BIT | index.ok_or("too many dates far from their parents'")?
            }
        };
        narrow.extend_from_slice(&word.to_be_bytes());
    }
    Ok((narrow, wide))
}

fn bloom(filters: &[Vec<u8>]) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
    let Settings { version, hashes, bits_per_entry } = Settings::DEFAULT;
    let mut data: Vec<u8> = [version, hashes, bits_per_entry].iter().flat_map(|number| number.to_be_bytes()).collect();
    let mut index = Vec::new();
    let mut end = 0_u32;
    for filter in filters {
        data.extend_from_slice(filter);
        let len = u32::try_from(filter.len()).map_err(|_| "a filter is too large")?;
        end = end.checked_add(len).ok_or("the filters are too large")?;
        index.extend_from_slice(&end.to_be_bytes());
    }
    Ok((index, data))
}
