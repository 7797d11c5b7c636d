//! Owns blame: which commit brought each line of a file, under which path and line number, as `git blame --porcelain` finds with default
//! options (whole-file renames are followed, moved and copied lines are not). Refuses to show text. Called by file pages.
//!
//! Lines are passed from a commit to its parents as long as a parent has them; those no parent has belong to the commit. What becomes of a
//! line does not depend on the order of the work, so commits are taken in the order that visits each once.

mod content;
mod origin;
mod pass;
mod ranges;

use std::{
    collections::{BinaryHeap, HashMap},
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use crate::{
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
    walk::{Graph, Node, check_interrupt},
};
use content::Contents;
use origin::Origins;
use ranges::{Lines, count_lines};

/// Bounds of a blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlameOptions {
    /// Largest file, in any of its versions. Units: bytes.
    pub max_bytes: u64,
    /// Most pieces the lines fall into, at any time.
    pub max_pieces: usize,
    /// When to give up with `Interrupted`.
    pub deadline: Option<Instant>,
}

impl Default for BlameOptions {
    fn default() -> Self {
        BlameOptions { max_bytes: 16 << 20, max_pieces: 200_000, deadline: None }
    }
}

/// Lines of the file that one commit brought together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlamedRange {
    /// First of the lines in the file asked for, counted from 1.
    pub line: u32,
    /// How many lines.
    pub len: u32,
    /// The commit.
    pub commit: ObjectId,
    /// Path of the file in that commit.
    pub path: Arc<[u8]>,
    /// First of the lines in the commit's version, counted from 1.
    pub original_line: u32,
    /// Parent and path to look for what was there before; `None` when no parent had the file.
    pub previous: Option<(ObjectId, Arc<[u8]>)>,
    /// Whether the commit has no parents: the lines may be older than history.
    pub is_boundary: bool,
}

/// The blame of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// The content blamed.
    pub blob: ObjectId,
    /// Every line once, in order.
    pub ranges: Vec<BlamedRange>,
}

impl Blame {
    /// What it takes in memory. Units: bytes, roughly.
    pub fn memory(&self) -> usize {
        let paths = self.ranges.iter().flat_map(|range| [Some(&range.path), range.previous.as_ref().map(|one| &one.1)]);
        // Ranges share their paths.
        let distinct: HashMap<*const u8, usize> = paths.flatten().map(|path| (path.as_ptr(), path.len())).collect();
        distinct.values().sum::<usize>().saturating_add(self.ranges.len().saturating_mul(size_of::<BlamedRange>()))
    }
}

/// Finds out who brought each line of the file or link at `path` in `commit`, or in the commit it tags; `None` when there is no such file.
///
/// Errors: `TooLarge`, `Interrupted` (also when the deadline passed), `Lost`, `WrongKind`, `Corrupt`.
pub fn blame(
    odb: &Snapshot,
    commit: &ObjectId,
    path: &[u8],
    options: &BlameOptions,
    interrupt: &AtomicBool,
) -> Result<Option<Blame>> {
    let mut graph = Graph::new(odb, interrupt);
    let start = graph.load_named(commit)?;
    let mut origins = Origins::default();
    let path = origins.intern(path);
    let Some(entry) = origins.entry(&graph, start, path)?.filter(super::Entry::is_blob) else { return Ok(None) };
    let mut board = Board {
        options,
        origins,
        contents: Contents::new(options.max_bytes),
        queue: BinaryHeap::new(),
        waiting: HashMap::new(),
        done: Vec::new(),
        pieces: 0,
    };
    let len = count_lines(&board.contents.read(odb, &entry.id)?);
    // An empty file has no lines.
    let lines = if len == 0 { Vec::new() } else { vec![Lines { line: 0, original: 0, len }] };
    board.hand_over(&graph, start, Suspect { path, blob: entry.id, mode: entry.mode, lines });
    while let Some((_, node)) = board.queue.pop() {
        board.check(interrupt)?;
        for suspect in board.waiting.remove(&node).unwrap_or_default() {
            board.pieces = board.pieces.saturating_sub(suspect.lines.len());
            board.visit(&mut graph, node, suspect)?;
        }
    }
    Ok(Some(Blame { blob: entry.id, ranges: board.finish(&graph) }))
}

/// A version of the file, and lines of it that are not settled.
#[derive(Debug, Clone)]
struct Suspect {
    /// See [`Origins::intern`].
    path: usize,
    blob: ObjectId,
    mode: u32,
    /// In order, not touching.
    lines: Vec<Lines>,
}

/// Lines that are settled.
#[derive(Debug)]
struct Settled {
    lines: Lines,
    node: Node,
    path: usize,
    previous: Option<(Node, usize)>,
}

struct Board<'o> {
    options: &'o BlameOptions,
    origins: Origins,
    contents: Contents,
    queue: BinaryHeap<((u64, u64), Node)>,
    waiting: HashMap<Node, Vec<Suspect>>,
    done: Vec<Settled>,
    /// Those that wait and those that are done.
    pieces: usize,
}

impl Board<'_> {
    fn check(&self, interrupt: &AtomicBool) -> Result<()> {
        let limit = self.options.max_pieces;
        if self.pieces > limit {
            return Err(Error::TooLarge { what: "the number of pieces of a file's history", limit: limit as u64 });
        }
        if self.options.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::Interrupted);
        }
        check_interrupt(interrupt)
    }

    /// Makes a commit answer for lines.
    fn hand_over(&mut self, graph: &Graph<'_>, node: Node, suspect: Suspect) {
        if suspect.lines.is_empty() {
            return;
        }
        self.queue.push((graph.rank(node), node));
        let waiting = self.waiting.entry(node).or_default();
        let Some(known) = waiting.iter_mut().find(|known| known.path == suspect.path) else {
            self.pieces = self.pieces.saturating_add(suspect.lines.len());
            waiting.push(suspect);
            return;
        };
        self.pieces = self.pieces.saturating_sub(known.lines.len());
        ranges::merge(&mut known.lines, suspect.lines);
        self.pieces = self.pieces.saturating_add(known.lines.len());
    }

    /// The settled lines in order, those together that belong together.
    fn finish(mut self, graph: &Graph<'_>) -> Vec<BlamedRange> {
        self.done.sort_by_key(|settled| settled.lines.line);
        let mut ranges: Vec<BlamedRange> = Vec::new();
        for settled in &self.done {
            let lines = settled.lines;
            let (commit, path) = (graph.id(settled.node), self.origins.shared(settled.path));
            if let Some(last) = ranges.last_mut()
                && (last.commit == commit && last.path == path)
                && last.original_line.checked_add(last.len) == lines.original.checked_add(1)
            {
                last.len = last.len.saturating_add(lines.len);
                continue;
            }
            ranges.push(BlamedRange {
                line: lines.line.saturating_add(1),
                len: lines.len,
                commit,
                path,
                original_line: lines.original.saturating_add(1),
                previous: settled.previous.map(|(node, path)| (graph.id(node), self.origins.shared(path))),
                is_boundary: graph.parent_count(settled.node) == 0,
            });
        }
        ranges
    }
}

#[cfg(test)]
pub(super) mod tests;
