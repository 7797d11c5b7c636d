//! Owns what is verified of a commit-graph file before anything in it is believed: checksum, order of ids, parents within the file, and
//! generations that grow from parent to child, which also rules out cycles. Refuses to read objects. Called by [`super::CommitGraph::parse`].

use sha1::{Digest, Sha1};

use super::CommitGraph;
use crate::id::ID_LEN;

/// Compares the last bytes of the file with the hash of all before.
pub(super) fn checksum(file: &[u8]) -> Result<(), &'static str> {
    let body = file.len().checked_sub(ID_LEN).ok_or("the file is cut short")?;
    match file.split_at_checked(body) {
        Some((body, found)) if Sha1::digest(body).as_slice() == found => Ok(()),
        _ => Err("the checksum is wrong"),
    }
}

/// Checks that ids grow and that the fan-out counts them.
pub(super) fn fanout_and_ids(graph: &CommitGraph) -> Result<(), &'static str> {
    let mut before: Option<&[u8]> = None;
    let mut position = 0_u32;
    for byte in 0..=255_u8 {
        let end = graph.fanout(usize::from(byte)).ok_or("the fan-out is cut short")?;
        if end < position || end > graph.count {
            return Err("the fan-out is out of order");
        }
        while position < end {
            let id = graph.raw_id(position).ok_or("the ids are cut short")?;
            if id.first() != Some(&byte) || before.is_some_and(|before| before >= id) {
                return Err("the ids are out of order");
            }
            before = Some(id);
            position = position.saturating_add(1);
        }
    }
    Ok(())
}

/// Checks parents and generations of every commit.
pub(super) fn history(graph: &CommitGraph) -> Result<(), &'static str> {
    let mut parents = Vec::new();
    // Every list of further parents is read once per commit that names it; together they are no longer than the file unless it lies.
    let mut edges_left = graph.bytes.len();
    for position in 0..graph.count {
        let row = graph.row(position).ok_or("a commit cannot be read")?;
        parents.clear();
        graph.parents(position, &mut parents).ok_or("the parents of a commit cannot be read")?;
        edges_left = edges_left.checked_sub(parents.len()).ok_or("lists of parents overlap")?;
        if row.level == 0 {
            return Err("no generation numbers");
        }
        for parent in &parents {
            let parent = graph.row(*parent).filter(|_| *parent < graph.count).ok_or("a parent is not in the file")?;
            if parent.level >= row.level || parent.generation >= row.generation {
                return Err("a generation is not above that of a parent");
            }
        }
    }
    Ok(())
}
