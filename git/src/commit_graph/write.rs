//! Owns writing a new commit-graph file durably: temporary file, flush, rename. Refuses to choose the tips and to publish the result; the
//! caller refreshes the snapshot. Called by maintenance through [`crate::Repository`].

use std::{path::Path, sync::atomic::AtomicBool};

use super::{FILE, bloom::Settings, changed_paths, collect, encode};
use crate::{
    error::{Error, Result},
    files,
    id::ObjectId,
    odb::Snapshot,
    walk::{Graph, Node, check_interrupt},
};

/// What a new file shall hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// Whether to add changed-path filters, which make histories of paths fast and cost one tree comparison for each new commit.
    pub changed_paths: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions { changed_paths: true }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Commits described. Zero: there was nothing to describe, and no file was written.
    pub commits: usize,
    /// Commits left out because their time, or that of an ancestor, lies beyond the year 2514 and does not fit the format.
    pub left_out: usize,
    /// Changed-path filters made anew; the others were taken from the file before.
    pub filters_made: usize,
    /// Size of the file. Units: bytes.
    pub bytes: u64,
}

/// Writes `info/commit-graph` into an object directory: every commit that `tips` reach, as `snapshot` has them.
///
/// Shape: tips may be tags; other objects are passed over. Filters are kept from the file that `snapshot` has. The file replaces the old one
/// in one step and survives a power cut once this returns. Memory: about 200 bytes for each commit.
/// Errors: `Lost` when a commit or tree is missing, `Interrupted`, `Corrupt`, `TooLarge`, `Io`, `DiskFull`.
pub fn write_commit_graph(
    objects: &Path,
    snapshot: &Snapshot,
    tips: &[ObjectId],
    options: &WriteOptions,
    interrupt: &AtomicBool,
) -> Result<Written> {
    let mut graph = Graph::new(snapshot, interrupt);
    let found = collect::collect(&mut graph, tips)?;
    let mut nodes = found.nodes.clone();
    nodes.sort_unstable_by_key(|node| graph.id(*node));
    let mut positions: Vec<Option<u32>> = vec![None; graph.len()];
    for (position, node) in (0_u32..).zip(&nodes) {
        if let Some(slot) = positions.get_mut(*node as usize) {
            *slot = Some(position);
        }
    }

    let mut records = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let parents = (0..graph.parent_count(*node)).filter_map(|at| graph.parent_unloaded(*node, at));
        let parents: Option<Vec<u32>> =
            parents.map(|parent| positions.get(parent as usize).copied().flatten()).collect();
        let (Some(parents), Some(generation)) = (parents, found.generation(*node)) else { continue };
        let (id, tree, time) = (graph.id(*node), graph.tree(*node), graph.time(*node));
        records.push(encode::Record { id, tree, time, generation, parents });
    }
    let mut written = Written { commits: records.len(), left_out: found.left_out, filters_made: 0, bytes: 0 };
    if records.is_empty() {
        return Ok(written);
    }
    let filters = match options.changed_paths {
        true => Some(filters(&graph, &nodes, interrupt, &mut written.filters_made)?),
        false => None,
    };
    let file = encode::encode(&records, filters.as_deref())
        .map_err(|what| Error::TooLarge { what, limit: u64::from(u32::MAX) })?;
    written.bytes = file.len() as u64;
    check_interrupt(interrupt)?;
    files::create_dir_all(&objects.join("info"))?;
    files::replace_durably(&objects.join(FILE), &file, objects.parent().unwrap_or(objects))?;
    Ok(written)
}

/// One filter for each commit, from the file before where it has one of the kind written here.
fn filters(graph: &Graph<'_>, nodes: &[Node], interrupt: &AtomicBool, made: &mut usize) -> Result<Vec<Vec<u8>>> {
    let known = graph.odb().commit_graph().filter(|file| file.bloom == Some(Settings::DEFAULT));
    let mut filters = Vec::with_capacity(nodes.len());
    for node in nodes {
        check_interrupt(interrupt)?;
        let kept = known.and_then(|file| file.filter(graph.position(*node)?));
        filters.push(match kept {
            Some(filter) => filter.to_vec(),
            None => {
                *made = made.saturating_add(1);
                let parent = graph.parent_unloaded(*node, 0).map(|parent| graph.tree(parent));
                changed_paths::filter(graph.odb(), parent, graph.tree(*node), interrupt)?
            }
        });
    }
    Ok(filters)
}
