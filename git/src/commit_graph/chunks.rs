//! Owns the header and table of contents of a commit-graph file. Refuses to look into the chunks beyond their sizes. Called by
//! [`super::CommitGraph::parse`].

use std::ops::Range;

use super::{ROW_LEN, bloom, number};
use crate::id::ID_LEN;

pub(super) const SIGNATURE: &[u8; 4] = b"CGPH";
pub(super) const HEADER_LEN: usize = 8;
pub(super) const ENTRY_LEN: usize = 12;
const FANOUT_LEN: usize = 256 * 4;

/// Where each chunk lies in the file.
#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) fanout: Range<usize>,
    pub(super) ids: Range<usize>,
    pub(super) rows: Range<usize>,
    pub(super) edges: Option<Range<usize>>,
    pub(super) dates: Option<Range<usize>>,
    pub(super) wide_dates: Option<Range<usize>>,
    pub(super) bloom_index: Option<Range<usize>>,
    pub(super) bloom_data: Option<Range<usize>>,
}

/// Reads header and table, and answers the chunks and the number of commits.
pub(super) fn parse(file: &[u8]) -> Result<(Chunks, u32), &'static str> {
    let [version, hash, chunk_count, bases] = match file.get(..HEADER_LEN).and_then(|h| h.strip_prefix(SIGNATURE)) {
        Some(rest) => <[u8; 4]>::try_from(rest).map_err(|_| "the header is cut short")?,
        None => return Err("no commit-graph signature"),
    };
    if (version, hash) != (1, 1) {
        return Err("the version of the format or of the hash is unknown");
    }
    if bases != 0 {
        return Err("a file of a split chain");
    }
    let table = read_table(file, usize::from(chunk_count)).ok_or("the table of chunks is wrong")?;
    let find = |name: &[u8; 4]| table.iter().find(|(found, _)| found == name).map(|(_, range)| range.clone());
    let fanout = find(b"OIDF").filter(|range| range.len() == FANOUT_LEN).ok_or("no chunk OIDF of the right size")?;
    let count = file.get(fanout.clone()).and_then(|chunk| number(chunk, FANOUT_LEN.checked_sub(4)?));
    let count = count.ok_or("no number of commits")?;
    let of_size =
        |name: &[u8; 4], row: usize| find(name).filter(|range| Some(range.len()) == (count as usize).checked_mul(row));
    let dates = find(b"GDA2");
    if dates.as_ref().is_some_and(|range| Some(range.len()) != (count as usize).checked_mul(4)) {
        return Err("no chunk GDA2 of the right size");
    }
    let bloom_data = find(b"BDAT").filter(|range| range.len() >= bloom::HEADER_LEN);
    let chunks = Chunks {
        fanout,
        ids: of_size(b"OIDL", ID_LEN).ok_or("no chunk OIDL of the right size")?,
        rows: of_size(b"CDAT", ROW_LEN).ok_or("no chunk CDAT of the right size")?,
        edges: find(b"EDGE"),
        dates,
        wide_dates: find(b"GDO2"),
        bloom_index: of_size(b"BIDX", 4),
        bloom_data,
    };
    Ok((chunks, count))
}

/// The chunks by name; each ends where the next one starts, the last before the checksum.
fn read_table(file: &[u8], count: usize) -> Option<Vec<([u8; 4], Range<usize>)>> {
    let end = file.len().checked_sub(ID_LEN)?;
    let table_len = count.checked_add(1)?.checked_mul(ENTRY_LEN)?;
    let table = file.get(HEADER_LEN..HEADER_LEN.checked_add(table_len)?)?;
    let mut starts = Vec::with_capacity(count.checked_add(1)?);
    for entry in table.chunks_exact(ENTRY_LEN) {
        let name = <[u8; 4]>::try_from(entry.get(..4)?).ok()?;
        let offset = u64::from_be_bytes(entry.get(4..)?.try_into().ok()?);
        starts.push((name, usize::try_from(offset).ok()?));
    }
    let mut chunks: Vec<([u8; 4], Range<usize>)> = Vec::with_capacity(count);
    for (this, next) in starts.iter().zip(starts.get(1..)?) {
        let is_new = chunks.iter().all(|(name, _)| *name != this.0);
        let is_inside = this.1 >= HEADER_LEN.checked_add(table_len)? && this.1 <= next.1 && next.1 <= end;
        if !is_new || !is_inside || this.0 == [0; 4] {
            return None;
        }
        chunks.push((this.0, this.1..next.1));
    }
    (starts.last()?.0 == [0; 4]).then_some(chunks)
}
