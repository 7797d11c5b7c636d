//! Owns the walk that ends at bitmaps: what some commits reach, as bits where bitmaps say it and as a list of commits where none does. Refuses to
//! look into trees. Called by the writer with the bitmaps made so far, and by everything that counts.

use std::collections::BinaryHeap;

use super::Bitmap;
use crate::{
    bits::Bits,
    error::Result,
    walk::{Flags, Graph, Node, parents_first},
};

/// What some commits reach: `bits` and the commits of `open` with their trees, together.
#[derive(Debug, Default)]
pub(crate) struct Cover {
    /// Objects of the pack, by position.
    pub(crate) bits: Bits,
    /// Commits that no bitmap speaks of, each after those of its parents that are here, too.
    pub(crate) open: Vec<Node>,
}

const SEEN: u8 = 1;
const OPEN: u8 = 2;

impl Cover {
    /// Walks from loaded commits down to the bitmaps of a file, or to commits in `known`, below which it does not look; `None` once more than
    /// `most` commits are not covered.
    ///
    /// Errors: `Lost`, `WrongKind`, `Corrupt`, `Interrupted`.
    pub(crate) fn find(
        bitmap: &Bitmap,
        graph: &mut Graph<'_>,
        tips: &[Node],
        known: &Bits,
        most: usize,
    ) -> Result<Option<Cover>> {
        Cover::find_by(graph, tips, most, bitmap.none(), |graph, node, bits| {
            let id = graph.id(node);
            let Some(position) = bitmap.position(&id) else { return false };
            known.contains(position) || bits.contains(position) || bitmap.add_reachable(&id, bits)
        })
    }

    /// The same, by whatever says of a commit whether everything that it reaches is in the bits, or adds all that.
    pub(super) fn find_by(
        graph: &mut Graph<'_>,
        tips: &[Node],
        most: usize,
        mut bits: Bits,
        mut is_covered: impl FnMut(&Graph<'_>, Node, &mut Bits) -> bool,
    ) -> Result<Option<Cover>> {
        let mut flags = Flags::default();
        let mut heap = BinaryHeap::new();
        let mut open = Vec::new();
        let add = |graph: &Graph<'_>, flags: &mut Flags, heap: &mut BinaryHeap<_>, node| {
            if !flags.has(node, SEEN) {
                flags.set(node, SEEN);
                heap.push((graph.rank(node), node));
            }
        };
        for tip in tips {
            add(graph, &mut flags, &mut heap, *tip);
        }
        // Newest first: what bitmaps of newer commits cover is never walked.
        while let Some((_, node)) = heap.pop() {
            if is_covered(graph, node, &mut bits) {
                continue;
            }
            open.push(node);
            if open.len() > most {
                return Ok(None);
            }
            for position in 0..graph.parent_count(node) {
                if let Some(parent) = graph.parent(node, position)? {
                    add(graph, &mut flags, &mut heap, parent);
                }
            }
        }
        // With wrong clocks a commit may come before what covers it.
        open.retain(|node| !is_covered(graph, *node, &mut bits));
        open.iter().for_each(|node| flags.set(*node, OPEN));
        let open = parents_first(graph, open, |node| flags.has(node, OPEN));
        Ok(Some(Cover { bits, open }))
    }
}
