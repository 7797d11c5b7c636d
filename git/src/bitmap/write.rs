//! Owns making the bitmap file of one pack: which of its commits, their bits, the bytes. Refuses to choose the pack and to put the file into place:
//! that is [`crate::maintenance`], which knows when a pack is in use.

use std::{ffi::OsStr, path::Path, sync::atomic::AtomicBool};

use super::{
    ENDING,
    build::{Builder, Made},
    choose::{Candidate, choose},
    encode, kinds,
};
use crate::{
    error::Result,
    files,
    id::{Kind, ObjectId},
    odb::Snapshot,
    pack::Pack,
    walk::{Flags, Graph, Node, peel, reached_parents_first},
};

/// How much a bitmap file may hold, and what is worth one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitmapOptions {
    /// Packs with fewer objects get none: walking them is quick.
    pub min_objects: u32,
    /// Most commits with a bitmap.
    pub max_commits: usize,
    /// Memory for bitmaps in the making, if none of them could be compressed. Units: bytes.
    pub memory_bytes: u64,
}

impl Default for BitmapOptions {
    fn default() -> Self {
        BitmapOptions { min_objects: 2_000, max_commits: 1_000, memory_bytes: 256 << 20 }
    }
}

/// Makes the file of a pack for everything that `tips` reach in it; `None` when no commit of the pack would have a bitmap.
///
/// Shape: tips may be tags or lie in other packs. Memory: some 100 bytes for each commit of the history, besides the bitmaps.
/// Errors: `Lost`, `Corrupt`, `Io`, `Interrupted`.
pub(crate) fn make(
    odb: &Snapshot,
    pack: &Pack,
    tips: &[ObjectId],
    options: &BitmapOptions,
    interrupt: &AtomicBool,
) -> Result<Option<Vec<u8>>> {
    let objects = pack.object_count();
    if objects < options.min_objects.max(1) {
        return Ok(None);
    }
    let mut graph = Graph::new(odb, interrupt);
    let found = Candidates::find(&mut graph, pack, tips)?;
    let each = u64::from(objects).div_ceil(8).max(1);
    let affordable = usize::try_from(options.memory_bytes / each).unwrap_or(usize::MAX);
    let facts: Vec<Candidate> = found.newest_first.iter().map(|(_, fact)| *fact).collect();
    let mut chosen: Vec<Node> = choose(&facts, options.max_commits.min(affordable))
        .into_iter()
        .filter_map(|at| found.newest_first.get(at).map(|(node, _)| *node))
        .collect();
    chosen.sort_unstable_by_key(|node| found.place(*node));
    let mut builder = Builder::new(odb, pack, interrupt);
    for node in chosen {
        builder.add(&mut graph, node)?;
    }
    let made: Vec<Made> = builder.finish();
    if made.is_empty() {
        return Ok(None);
    }
    let kinds = kinds::of_pack(odb, pack, interrupt)?;
    Ok(Some(encode::file(pack, &kinds, &made)))
}

/// Removes the bitmap files of other packs in a directory: git reads one and complains about the rest.
///
/// Errors: `Io`.
pub(crate) fn remove_others(directory: &Path, keep: &Path) -> Result<usize> {
    let mut removed = 0;
    for path in files::list(directory)? {
        let is_bitmap = path.extension() == Some(OsStr::new(ENDING));
        let is_of_a_pack = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"pack-"));
        if is_bitmap && is_of_a_pack && path != keep {
            removed += usize::from(files::remove(&path)?);
        }
    }
    Ok(removed)
}

/// The commits of a pack that some tips reach.
#[derive(Default)]
struct Candidates {
    newest_first: Vec<(Node, Candidate)>,
    /// By node: how many commits come before it when parents come first.
    places: Vec<u32>,
}

const TIP: u8 = 1;
const MAINLINE: u8 = 2;

impl Candidates {
    fn find(graph: &mut Graph<'_>, pack: &Pack, tips: &[ObjectId]) -> Result<Candidates> {
        let mut flags = Flags::default();
        let mut starts = Vec::new();
        for tip in tips {
            let peeled = peel(graph.odb(), tip)?;
            if peeled.kind == Kind::Commit {
                starts.push(graph.load(&peeled.target)?);
            }
        }
        let ordered = reached_parents_first(graph, &starts)?;
        let mut found = Candidates { newest_first: Vec::new(), places: vec![0; graph.len()] };
        for (place, node) in (0u32..).zip(&ordered) {
            if let Some(slot) = found.places.get_mut(*node as usize) {
                *slot = place;
            }
        }
        starts.iter().for_each(|node| flags.set(*node, TIP | MAINLINE));
        for node in ordered.iter().rev() {
            let is_here = pack.idx().lookup(&graph.id(*node)).is_some();
            for position in 0..graph.parent_count(*node) {
                let Some(parent) = graph.parent_unloaded(*node, position) else { continue };
                if position == 0 && flags.has(*node, MAINLINE) {
                    flags.set(parent, MAINLINE);
                }
                // Where newer packs build on this one, the next walk comes in.
                if !is_here {
                    flags.set(parent, TIP);
                }
            }
            if is_here {
                let is_mainline = flags.has(*node, MAINLINE);
                found.newest_first.push((*node, Candidate { is_tip: flags.has(*node, TIP), is_mainline }));
            }
        }
        // Stable: where dates are equal children stay before parents.
        found.newest_first.sort_by_key(|(node, _)| std::cmp::Reverse(graph.time(*node)));
        Ok(found)
    }

    fn place(&self, node: Node) -> u32 {
        self.places.get(node as usize).copied().unwrap_or(u32::MAX)
    }
}
