//! Owns `git log`: which commits, in which order, a page at a time. Refuses to read messages or make patches. Called by history pages.
//!
//! A page is found by walking from the tips again: commits never change, so the same request gives the same list, and a cursor is a place
//! in it.

mod filter;
mod follow;
mod topo;
mod walk;

use std::{fmt, str::FromStr, sync::atomic::AtomicBool};

use crate::{
    error::{Error, Result},
    id::{ObjectId, id_from_hex},
    odb::Snapshot,
    walk::{Graph, Node, check_interrupt},
};
use filter::Filter;
use walk::{Visited, Walk};

/// The order of commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Newest first, as dates go: git's default.
    #[default]
    Date,
    /// No parent before all of its children, lines of history not mixed: `--topo-order`.
    Topo,
}

/// What to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogRequest {
    /// Commits to start from.
    pub tips: Vec<ObjectId>,
    /// Commits that are not listed, nor any of their ancestors.
    pub hidden: Vec<ObjectId>,
    /// Files and directories to look at, literally; empty for all. History is simplified as `git log -- path` does by default.
    pub paths: Vec<Vec<u8>>,
    /// Whether to follow the one path, a file, across renames: `--follow`.
    pub follow: bool,
    /// The order.
    pub order: Order,
    /// Whether to follow only the first parent of merges.
    pub first_parent: bool,
    /// Neither commits older than this nor what lies behind them. Units: seconds.
    pub since: Option<u64>,
    /// No commits younger than this.
    pub until: Option<u64>,
    /// Text that name or mail address of the author contain, with regard to case: `--author` with `--fixed-strings`.
    pub author: Option<Vec<u8>>,
    /// The same for the committer.
    pub committer: Option<Vec<u8>>,
    /// Commits to pass over at the start; not used with `after`.
    pub skip: u64,
    /// Most commits in the answer.
    pub limit: usize,
    /// Where the page before ended; everything else of the request must be as it was then.
    pub after: Option<Cursor>,
}

/// One commit of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The commit.
    pub commit: ObjectId,
    /// With `follow`: the path that the file has in this commit.
    pub path: Option<Vec<u8>>,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The commits.
    pub entries: Vec<LogEntry>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// A place in a log. Shape as text: decimal count, a dash, the last commit shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    shown: u64,
    last: ObjectId,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shown, self.last)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Cursor> {
        let parsed = text
            .split_once('-')
            .and_then(|(shown, last)| Some(Cursor { shown: shown.parse().ok()?, last: id_from_hex(last.as_bytes())? }));
        parsed.ok_or_else(|| Error::BadRequest { what: "malformed cursor of a log".to_owned() })
    }
}

/// Lists commits.
///
/// Errors: `BadRequest` when a cursor belongs to another request, or `follow` does not come with one path; `Lost`, `WrongKind` when a tip is
/// no commit; `Corrupt`, `Interrupted`.
pub fn log(odb: &Snapshot, request: &LogRequest, interrupt: &AtomicBool) -> Result<LogPage> {
    Ok(run(odb, request, Page::new(request), interrupt)?.finish())
}

/// The same, with the number of commits on all pages: one walk, to the end.
///
/// Errors: as [`log()`].
pub fn log_and_count(odb: &Snapshot, request: &LogRequest, interrupt: &AtomicBool) -> Result<(LogPage, u64)> {
    let page = run(odb, request, Page { counts_all: true, ..Page::new(request) }, interrupt)?;
    let count = page.seen.saturating_add(page.beyond);
    Ok((page.finish(), count))
}

fn run(odb: &Snapshot, request: &LogRequest, mut page: Page, interrupt: &AtomicBool) -> Result<Page> {
    let mut graph = Graph::new(odb, interrupt);
    let filter = Filter::new(request);
    if request.follow {
        follow::run(&mut graph, request, &filter, &mut page)?;
        return Ok(page);
    }
    let mut walk = Walk::new(&mut graph, request, &request.paths)?;
    if request.hidden.is_empty() && request.order == Order::Date {
        while let Some(visited) = walk.next(&mut graph)? {
            if show(&graph, &visited, &filter, &mut page)? {
                break;
            }
        }
        return Ok(page);
    }
    let mut visited = collect(&mut walk, &mut graph, request.until)?;
    if request.order == Order::Topo {
        visited = topo::sort(visited);
    }
    for commit in &visited {
        if show(&graph, commit, &filter, &mut page)? {
            break;
        }
    }
    Ok(page)
}

/// Walks to the end, and leaves out what turned out to be hidden after it was visited. As in git, commits younger than `until` are gone
/// before lines of history are put together.
fn collect(walk: &mut Walk, graph: &mut Graph<'_>, until: Option<u64>) -> Result<Vec<Visited>> {
    let mut all = Vec::new();
    while let Some(visited) = walk.next(graph)? {
        all.push(visited);
    }
    let is_young = |node| until.is_some_and(|until| graph.time(node) > until);
    all.retain(|visited| !walk.is_hidden(visited.node) && !is_young(visited.node));
    Ok(all)
}

/// Adds a commit to the page unless something speaks against it; answers whether the page is complete.
fn show(graph: &Graph<'_>, visited: &Visited, filter: &Filter<'_>, page: &mut Page) -> Result<bool> {
    check_interrupt(graph.interrupt())?;
    if !visited.is_shown || !filter.passes(graph, visited.node)? {
        return Ok(false);
    }
    page.add(graph, visited.node, None)
}

/// The page that is being filled.
struct Page {
    to_skip: u64,
    after: Option<Cursor>,
    limit: usize,
    seen: u64,
    entries: Vec<LogEntry>,
    has_more: bool,
    /// Whether to go on to the end once the page is full.
    counts_all: bool,
    /// Commits after the page.
    beyond: u64,
}

impl Page {
    fn new(request: &LogRequest) -> Page {
        let to_skip = request.after.map_or(request.skip, |cursor| cursor.shown);
        Page {
            to_skip,
            after: request.after,
            limit: request.limit,
            seen: 0,
            entries: Vec::new(),
            has_more: false,
            counts_all: false,
            beyond: 0,
        }
    }

    /// Takes the next commit of the list; answers whether no more are needed.
    fn add(&mut self, graph: &Graph<'_>, node: Node, path: Option<&[u8]>) -> Result<bool> {
        let commit = graph.id(node);
        if self.seen < self.to_skip {
            self.seen = self.seen.saturating_add(1);
            let is_last = self.seen == self.to_skip;
            if self.after.is_some_and(|cursor| is_last && cursor.last != commit) {
                return Err(Error::BadRequest { what: "the cursor belongs to another log".to_owned() });
            }
            return Ok(false);
        }
        if self.entries.len() >= self.limit {
            self.has_more = true;
            self.beyond = self.beyond.saturating_add(1);
            return Ok(!self.counts_all);
        }
        self.seen = self.seen.saturating_add(1);
        self.entries.push(LogEntry { commit, path: path.map(<[u8]>::to_vec) });
        Ok(false)
    }

    fn finish(self) -> LogPage {
        let last = self.entries.last().map(|entry| entry.commit);
        let next = last.filter(|_| self.has_more).map(|last| Cursor { shown: self.seen, last });
        LogPage { entries: self.entries, next }
    }
}

#[cfg(test)]
mod tests;
