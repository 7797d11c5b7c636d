//! Whether every wanted commit leads to something the client has.
//!
//! Owns git's `ok_to_give_up`: when it holds, the server has seen enough and negotiation may end. Called by the negotiation of
//! both protocol generations, after each have in the older one, so answers are remembered.

use super::graph::{Flags, Graph, Node};
use crate::error::Result;

/// The client has this commit.
const HELD: u8 = 1;
/// A held commit is reachable from here.
const REACHES: u8 = 2;
/// No held commit is reachable from here, as of the last change.
const DEAD: u8 = 4;

/// An answer and whether it cost a walk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judgment {
    pub(crate) all_reached: bool,
    pub(crate) walked: bool,
}

/// What is known about the client's side of one negotiation.
#[derive(Debug)]
pub(crate) struct Reach {
    wants: Vec<Node>,
    flags: Flags,
    dead: Vec<Node>,
    oldest_held: Option<u64>,
    answer: Option<bool>,
}

impl Reach {
    /// Starts with loaded wanted commits; wanted objects of other kinds cannot be judged and do not count.
    pub(crate) fn new(graph: &Graph<'_>, mut wants: Vec<Node>) -> Self {
        // Oldest first, as git does: a want that is judged may settle younger ones above it.
        wants.sort_by_key(|node| graph.time(*node));
        Reach { wants, flags: Flags::default(), dead: Vec::new(), oldest_held: None, answer: None }
    }

    /// Notes that the client has a loaded commit, and so its parents. Returns false when that was known.
    pub(crate) fn hold(&mut self, graph: &Graph<'_>, node: Node) -> bool {
        let time = graph.time(node);
        let is_new = !self.flags.has(node, HELD);
        self.flags.set(node, HELD);
        for position in 0..graph.parent_count(node) {
            if let Some(parent) = graph.parent_unloaded(node, position) {
                self.flags.set(parent, HELD);
            }
        }
        let older = self.oldest_held.is_none_or(|oldest| time < oldest);
        if older {
            self.oldest_held = Some(time);
        }
        if (is_new || older) && self.answer == Some(false) {
            self.answer = None;
        }
        is_new
    }

    /// Whether all wants reach a held commit without leaving the time span the client's commits cover.
    pub(crate) fn judge(&mut self, graph: &mut Graph<'_>) -> Result<Judgment> {
        if let Some(all_reached) = self.answer {
            return Ok(Judgment { all_reached, walked: false });
        }
        let Some(oldest) = self.oldest_held else {
            // Only trees, blobs or tags of them are common: that says nothing about commits.
            return Ok(Judgment { all_reached: self.wants.is_empty(), walked: false });
        };
        for node in std::mem::take(&mut self.dead) {
            self.flags.clear(node, DEAD);
        }
        let mut answer = true;
        for at in 0..self.wants.len() {
            let Some(want) = self.wants.get(at).copied() else { break };
            if !self.reaches(graph, want, oldest)? {
                answer = false;
                break;
            }
        }
        self.answer = Some(answer);
        Ok(Judgment { all_reached: answer, walked: true })
    }

    fn reaches(&mut self, graph: &mut Graph<'_>, start: Node, oldest: u64) -> Result<bool> {
        // The path from the want to the commit looked at, with the next parent to try.
        let mut path = vec![(start, 0_u32)];
        while let Some((node, position)) = path.last_mut() {
            let node = *node;
            if self.flags.has(node, HELD | REACHES) {
                for (node, _) in path {
                    self.flags.set(node, REACHES);
                }
                return Ok(true);
            }
            // Like git, the want itself may be older than everything held.
            let is_too_old = node != start && graph.time(node) < oldest;
            let next = match self.flags.has(node, DEAD) || is_too_old {
                true => None,
                false => graph.parent(node, *position)?,
            };
            *position = position.saturating_add(1);
            match next {
                Some(parent) => path.push((parent, 0)),
                None => {
                    self.flags.set(node, DEAD);
                    self.dead.push(node);
                    path.pop();
                }
            }
        }
        Ok(false)
    }
}
