//! Owns git's commit-graph file: reading it without trust, writing it, and its changed-path Bloom filters. Refuses split chains, and refuses
//! to say whether a commit exists: that is the object store's word. Called by [`crate::odb::Snapshot`], by walks and by maintenance.
//!
//! The file describes commits, which never change, so an old one is incomplete and never wrong. A file whose checksum or structure is wrong
//! is not used at all. Source: gitformat-commit-graph(5).

mod bloom;
mod changed_paths;
mod check;
mod chunks;
mod collect;
mod encode;
mod generation;
mod write;

use std::{path::Path, time::SystemTime};

pub(crate) use bloom::{PathKey, PathVerdict};
pub use write::{WriteOptions, Written, write_commit_graph};

use crate::{
    error::{Error, Result},
    id::{ID_LEN, ObjectId, id_from_bytes},
    map::FileBytes,
};
use bloom::Settings;
use chunks::Chunks;

/// Where the file lies in an object directory.
pub(crate) const FILE: &str = "info/commit-graph";

/// Bytes of one row of the commit data: tree, two parents, generation and time.
const ROW_LEN: usize = ID_LEN + 16;
/// A parent that is not there.
const NO_PARENT: u32 = 0x7000_0000;
/// Marks a second parent as an index into the list of further parents, an entry of that list as its last, and a date offset as an index.
const HIGH_BIT: u32 = 0x8000_0000;

/// What makes a file on disk the same as one read before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    len: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

/// One commit-graph file, verified when it was opened.
#[derive(Debug)]
pub struct CommitGraph {
    bytes: FileBytes,
    count: u32,
    chunks: Chunks,
    bloom: Option<Settings>,
    identity: Option<Identity>,
}

/// What the graph says of one commit, beside its parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) tree: ObjectId,
    /// Committer time. Units: seconds.
    pub(crate) time: u64,
    /// Longest way to a root, counted in commits.
    pub(crate) level: u32,
    /// Greater than that of every parent: the corrected commit date where the file has it, otherwise the level.
    pub(crate) generation: u64,
}

impl CommitGraph {
    /// Whether a part of the file could not be read when somebody looked there.
    pub(crate) fn has_lost_pages(&self) -> bool {
        self.bytes.has_lost_pages()
    }

    /// Opens the file of an object directory; an absent one is `None`. `previous` is answered again when the file is the same.
    ///
    /// Errors: `Corrupt` when the checksum or anything else in it is wrong, `Io`.
    pub(crate) fn open(
        objects: &Path,
        previous: Option<&std::sync::Arc<CommitGraph>>,
    ) -> Result<Option<std::sync::Arc<CommitGraph>>> {
        let path = objects.join(FILE);
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("stat", path, e)),
        };
        let identity = Identity {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            inode: std::os::unix::fs::MetadataExt::ino(&metadata),
        };
        // Looked at before opening: a file renamed into place in between is read again next time, never taken for the old one.
        if let Some(previous) = previous.filter(|previous| previous.identity.as_ref() == Some(&identity)) {
            return Ok(Some(previous.clone()));
        }
        let mut graph = CommitGraph::parse(FileBytes::open(&path)?).map_err(|what| Error::corrupt(path, what))?;
        graph.identity = Some(identity);
        Ok(Some(std::sync::Arc::new(graph)))
    }

    /// Reads and verifies a whole file.
    pub(crate) fn parse(bytes: FileBytes) -> Result<CommitGraph, &'static str> {
        check::checksum(&bytes)?;
        let (chunks, count) = chunks::parse(&bytes)?;
        let mut graph = CommitGraph { bytes, count, chunks, bloom: None, identity: None };
        check::fanout_and_ids(&graph)?;
        check::history(&graph)?;
        // Filters only save work: ones that we do not understand are passed over.
        graph.bloom = bloom::read_settings(&graph);
        Ok(graph)
    }

    /// How many commits the file describes.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether it describes none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether it has changed-path filters that can be used.
    pub fn has_changed_paths(&self) -> bool {
        self.bloom.is_some()
    }

    /// The position of a commit.
    pub(crate) fn lookup(&self, id: &ObjectId) -> Option<u32> {
        let first = usize::from(*id.as_bytes().first()?);
        let mut low = if first == 0 { 0 } else { self.fanout(first.checked_sub(1)?)? };
        let mut high = self.fanout(first)?;
        while low < high {
            let middle = low.checked_add(high.checked_sub(low)? / 2)?;
            match self.raw_id(middle)?.cmp(id.as_bytes()) {
                std::cmp::Ordering::Less => low = middle.checked_add(1)?,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    /// The commit at a position.
    pub(crate) fn id(&self, position: u32) -> Option<ObjectId> {
        self.raw_id(position).and_then(id_from_bytes)
    }

    /// What is known of the commit at a position.
    pub(crate) fn row(&self, position: u32) -> Option<Row> {
        let row = self.raw_row(position)?;
        let tree = id_from_bytes(row.get(..ID_LEN)?)?;
        let (word, low) = (number(row, ID_LEN + 8)?, number(row, ID_LEN + 12)?);
        let level = word >> 2;
        let time = u64::from(word & 3) << 32 | u64::from(low);
        let generation = match self.date_offset(position) {
            Some(offset) => time.checked_add(offset?)?,
            None => u64::from(level),
        };
        Some(Row { tree, time, level, generation })
    }

    /// Appends the positions of a commit's parents; `None` when the file contradicts itself.
    pub(crate) fn parents(&self, position: u32, out: &mut Vec<u32>) -> Option<()> {
        let row = self.raw_row(position)?;
        let (first, second) = (number(row, ID_LEN)?, number(row, ID_LEN + 4)?);
        if first == NO_PARENT {
            return (second == NO_PARENT).then_some(());
        }
        out.push(first);
        if second == NO_PARENT {
            return Some(());
        }
        if second & HIGH_BIT == 0 {
            out.push(second);
            return Some(());
        }
        let edges = self.bytes.get(self.chunks.edges.clone()?)?;
        let mut at = usize::try_from(second & !HIGH_BIT).ok()?.checked_mul(4)?;
        loop {
            let edge = number(edges, at)?;
            out.push(edge & !HIGH_BIT);
            if edge & HIGH_BIT != 0 {
                return Some(());
            }
            at = at.checked_add(4)?;
        }
    }

    /// What the changed-path filter of a commit says of a path, compared with the first parent.
    pub(crate) fn verdict(&self, position: u32, key: &PathKey) -> PathVerdict {
        match (&self.bloom, self.filter(position)) {
            (Some(settings), Some(filter)) => key.ask(settings, filter),
            _ => PathVerdict::Maybe,
        }
    }

    /// The raw filter of a commit; `None` when there is none for it.
    fn filter(&self, position: u32) -> Option<&[u8]> {
        self.bloom.as_ref()?;
        let ends = self.bytes.get(self.chunks.bloom_index.clone()?)?;
        let data = self.bytes.get(self.chunks.bloom_data.clone()?)?.get(bloom::HEADER_LEN..)?;
        let at = (position as usize).checked_mul(4)?;
        let start = if position == 0 { 0 } else { number(ends, at.checked_sub(4)?)? };
        let filter = data.get(start as usize..number(ends, at)? as usize)?;
        (!filter.is_empty()).then_some(filter)
    }

    fn fanout(&self, byte: usize) -> Option<u32> {
        number(self.bytes.get(self.chunks.fanout.clone())?, byte.checked_mul(4)?)
    }

    fn raw_id(&self, position: u32) -> Option<&[u8]> {
        let start = (position as usize).checked_mul(ID_LEN)?;
        self.bytes.get(self.chunks.ids.clone())?.get(start..start.checked_add(ID_LEN)?)
    }

    fn raw_row(&self, position: u32) -> Option<&[u8]> {
        let start = (position as usize).checked_mul(ROW_LEN)?;
        self.bytes.get(self.chunks.rows.clone())?.get(start..start.checked_add(ROW_LEN)?)
    }

    /// Corrected date minus date; the outer `None` when the file has no corrected dates, the inner when it contradicts itself.
    fn date_offset(&self, position: u32) -> Option<Option<u64>> {
        let offsets = self.chunks.dates.clone()?;
        Some(self.read_date_offset(offsets, position))
    }

    fn read_date_offset(&self, offsets: std::ops::Range<usize>, position: u32) -> Option<u64> {
        let offset = number(self.bytes.get(offsets)?, (position as usize).checked_mul(4)?)?;
        if offset & HIGH_BIT == 0 {
            return Some(u64::from(offset));
        }
        let wide = self.bytes.get(self.chunks.wide_dates.clone()?)?;
        let start = usize::try_from(offset & !HIGH_BIT).ok()?.checked_mul(8)?;
        let bytes = wide.get(start..start.checked_add(8)?)?;
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }
}

/// The big-endian number at an offset.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let raw = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(raw.try_into().ok()?))
}

#[cfg(test)]
mod tests;
