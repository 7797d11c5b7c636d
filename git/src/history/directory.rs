//! Owns the entries of one directory as commit after commit has them: what differs from one to the next is found by comparing bytes, and only that is read. A
//! directory of thousands of files changes by one of them, and to read all the others again is most of the work. Called by `last_commits.rs`.

use super::tree::Entry;
use crate::{
    error::Result,
    id::{Kind, ObjectId},
    odb::Snapshot,
    walk::{TreeEntries, read_as},
};

/// Bytes that are compared at once.
const PIECE: usize = 4096;

/// A directory as it is somewhere.
#[derive(Default)]
pub(super) struct Directory {
    id: Option<ObjectId>,
    data: Vec<u8>,
    /// Where each entry begins in `data`.
    starts: Vec<usize>,
    /// The bytes before the last step; kept for its memory.
    before: Vec<u8>,
}

impl Directory {
    /// The tree that is shown; none: there is no directory, or nothing was read yet.
    pub(super) fn id(&self) -> Option<ObjectId> {
        self.id
    }

    /// Shows another tree. `each` is told the names of entries that may differ: first those that were there, with nothing, then those that are there now.
    ///
    /// Errors: those of reading; nothing can be said of the entries then.
    pub(super) fn show(
        &mut self,
        odb: &Snapshot,
        id: Option<ObjectId>,
        mut each: impl FnMut(&[u8], Option<Entry>),
    ) -> Result<()> {
        if self.id == id {
            return Ok(());
        }
        std::mem::swap(&mut self.data, &mut self.before);
        match &id {
            Some(id) => read_as(odb, id, Kind::Tree, &mut self.data)?,
            None => self.data.clear(),
        }
        self.id = id;
        let (old, new) = (self.before.as_slice(), self.data.as_slice());
        // From the entry in which they begin to differ, to the first of those that are the same to the end.
        let same = common_head(old, new);
        let first = self.starts.partition_point(|start| *start <= same).saturating_sub(1);
        let begin = self.starts.get(first).copied().unwrap_or(0);
        let (old_rest, new_rest) = (old.get(begin..).unwrap_or_default(), new.get(begin..).unwrap_or_default());
        let same = common_tail(old_rest, new_rest);
        let mut last = self.starts.partition_point(|start| *start < old.len().saturating_sub(same));
        let old_end = self.starts.get(last).copied().unwrap_or(old.len());
        let end = new.len().saturating_sub(old.len().saturating_sub(old_end));
        let mut starts = Vec::new();
        let mut found = Vec::new();
        let mut entries = TreeEntries::new(new_rest);
        let mut at = begin;
        loop {
            if at == end {
                break;
            }
            if at > end {
                // What is the same to the end is cut into entries otherwise.
                last = self.starts.len();
            }
            let Some(entry) = entries.next() else {
                last = self.starts.len();
                break;
            };
            starts.push(at);
            at = new.len().saturating_sub(entries.left());
            found.push((entry.name, Entry::from(&entry)));
        }
        let gone = TreeEntries::new(old_rest).take(last.saturating_sub(first));
        gone.for_each(|entry| each(entry.name, None));
        found.into_iter().for_each(|(name, entry)| each(name, Some(entry)));
        let count = starts.len();
        if first <= last {
            self.starts.splice(first..last, starts);
        }
        if end != old_end {
            for start in self.starts.iter_mut().skip(first.saturating_add(count)) {
                *start = start.saturating_add(end).saturating_sub(old_end);
            }
        }
        Ok(())
    }
}

/// How many bytes are the same from the beginning on.
fn common_head(a: &[u8], b: &[u8]) -> usize {
    let pieces = a.chunks(PIECE).zip(b.chunks(PIECE));
    let same = pieces.take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum::<usize>();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    same.saturating_add(a.iter().zip(b).take(PIECE).take_while(|(a, b)| a == b).count())
}

/// How many bytes are the same to the end.
fn common_tail(a: &[u8], b: &[u8]) -> usize {
    let pieces = a.rchunks(PIECE).zip(b.rchunks(PIECE));
    let same = pieces.take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum::<usize>();
    let head = |bytes: &[u8]| bytes.len().saturating_sub(same);
    let (a, b) = (a.get(..head(a)).unwrap_or_default(), b.get(..head(b)).unwrap_or_default());
    same.saturating_add(a.iter().rev().zip(b.iter().rev()).take(PIECE).take_while(|(a, b)| a == b).count())
}

#[cfg(test)]
mod tests;
