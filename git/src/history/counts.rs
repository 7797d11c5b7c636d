//! Owns counting how far branches are ahead of and behind one base, all in one walk. Called by branch lists and pull requests.

use std::{collections::BinaryHeap, sync::atomic::AtomicBool};

use crate::{
    error::Result,
    id::ObjectId,
    odb::Snapshot,
    walk::{Graph, Node, UNKNOWN_GENERATION},
};

/// Commits that one side has and the other lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AheadBehind {
    /// Commits of the tip that the base lacks.
    pub ahead: u64,
    /// Commits of the base that the tip lacks.
    pub behind: u64,
}

/// One bit for each tip and one for the base.
type Reached = u128;

const BASE: Reached = 1;
/// How many tips one walk carries.
const TIPS_PER_WALK: usize = 127;
/// How many commits common to all are visited beyond the need while a wrong clock might hide more; see `walk::difference`.
const SLOP: usize = 64;
/// The same once a parent newer than its child was seen.
const SLOP_AFTER_SKEW: usize = 4096;

/// Counts the commits of `tip` that `base` lacks, and the other way round, as `git rev-list --count --left-right base...tip`.
///
/// Errors: `Lost`, `WrongKind`, `Interrupted`.
pub fn ahead_behind(odb: &Snapshot, base: &ObjectId, tip: &ObjectId, interrupt: &AtomicBool) -> Result<AheadBehind> {
    Ok(ahead_behind_many(odb, base, &[*tip], interrupt)?.first().copied().unwrap_or_default())
}

/// Counts for many tips against one base: one walk for every 127 of them.
///
/// Shape: one answer for each tip, in their order; tags are followed.
/// Errors: `Lost`, `WrongKind`, `Interrupted`.
pub fn ahead_behind_many(
    odb: &Snapshot,
    base: &ObjectId,
    tips: &[ObjectId],
    interrupt: &AtomicBool,
) -> Result<Vec<AheadBehind>> {
    let mut graph = Graph::new(odb, interrupt);
    let base = graph.load_named(base)?;
    let mut counts = Vec::with_capacity(tips.len());
    for some in tips.chunks(TIPS_PER_WALK) {
        let mut walk = Walk { all: BASE, ..Walk::default() };
        let mut bits = Vec::with_capacity(some.len());
        for (at, tip) in some.iter().enumerate() {
            let bit: Reached = 2 << at;
            walk.all |= bit;
            bits.push((graph.load_named(tip)?, bit));
        }
        walk.add(&graph, base, BASE);
        for (node, bit) in &bits {
            walk.add(&graph, *node, *bit);
        }
        walk.run(&mut graph)?;
        counts.extend(bits.iter().map(|(_, bit)| walk.count(*bit)));
    }
    Ok(counts)
}

#[derive(Default)]
struct Walk {
    all: Reached,
    heap: BinaryHeap<((u64, u64), Node)>,
    reached: Vec<Reached>,
    queued: Vec<bool>,
    /// Queued commits that not everything reaches.
    partial: usize,
}

impl Walk {
    /// Notes that a commit is reached, and visits it, again if it was visited before with less.
    fn add(&mut self, graph: &Graph<'_>, node: Node, bits: Reached) {
        let at = node as usize;
        if self.reached.len() <= at {
            let len = graph.len().max(at.saturating_add(1));
            self.reached.resize(len, 0);
            self.queued.resize(len, false);
        }
        let (Some(reached), Some(queued)) = (self.reached.get_mut(at), self.queued.get_mut(at)) else { return };
        let before = *reached;
        *reached |= bits;
        if before == *reached {
            return;
        }
        let (was_partial, is_partial) = (*queued && before != self.all, *reached != self.all);
        match (was_partial, is_partial) {
            (false, true) => self.partial = self.partial.saturating_add(1),
            (true, false) => self.partial = self.partial.saturating_sub(1),
            (false, false) | (true, true) => {}
        }
        if !std::mem::replace(queued, true) {
            self.heap.push((graph.rank(node), node));
        }
    }

    fn run(&mut self, graph: &mut Graph<'_>) -> Result<()> {
        let (mut oldest_partial, mut skewed, mut slop) = (u64::MAX, false, 0_usize);
        while let Some(((generation, time), node)) = self.heap.pop() {
            let bits = self.reached.get(node as usize).copied().unwrap_or(0);
            if let Some(queued) = self.queued.get_mut(node as usize) {
                *queued = false;
            }
            if bits != self.all {
                self.partial = self.partial.saturating_sub(1);
                oldest_partial = oldest_partial.min(time);
            } else if self.partial == 0 {
                // Commits of known generation come in their order: nothing visited before can lie below one of them.
                if generation != UNKNOWN_GENERATION {
                    break;
                }
                if time < oldest_partial {
                    slop = slop.saturating_add(1);
                    if slop > if skewed { SLOP_AFTER_SKEW } else { SLOP } {
                        break;
                    }
                }
            }
            for position in 0..graph.parent_count(node) {
                if let Some(parent) = graph.parent(node, position)? {
                    skewed |= graph.time(parent) > time;
                    self.add(graph, parent, bits);
                }
            }
        }
        Ok(())
    }

    fn count(&self, bit: Reached) -> AheadBehind {
        let mut count = AheadBehind::default();
        for reached in &self.reached {
            match (reached & bit != 0, reached & BASE != 0) {
                (true, false) => count.ahead = count.ahead.saturating_add(1),
                (false, true) => count.behind = count.behind.saturating_add(1),
                (true, true) | (false, false) => {}
            }
        }
        count
    }
}
