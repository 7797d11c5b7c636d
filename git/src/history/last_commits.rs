//! Owns the last commit of every entry of a directory, found in one walk: what `git log -1 -- entry` answers for each. Refuses to store the
//! result; the caller may, and later pass it to [`update_last_commits`]. Called by directory pages.
//!
//! History simplification gives each entry one line of commits to follow: from a commit to its first parent, in order, that has the same
//! entry, until there is none. Entries that stand at the same commit share the work.

use std::{
    collections::{
        BinaryHeap, HashMap,
        hash_map::Entry::{Occupied, Vacant},
    },
    sync::atomic::AtomicBool,
};

use super::{
    directory::Directory,
    path::{PathFinder, clean, is_denied},
    tree::{self, Entry, entry_at},
};
use crate::{
    commit_graph::PathKey,
    error::Result,
    id::{Kind, ObjectId},
    odb::Snapshot,
    walk::{Graph, Node, TreeEntries, read_as},
};

/// Up to so many entries the filters of the commit-graph file are asked about each. Of more some will have changed when the directory has, and to ask takes longer than
/// to look.
const FEW: usize = 64;

/// One entry of a directory and the commit that last changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryCommit {
    /// The name within the directory.
    pub name: Vec<u8>,
    /// What it is.
    pub entry: Entry,
    /// The commit.
    pub commit: ObjectId,
}

/// The last commits of a directory as one commit has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCommits {
    /// The commit looked from.
    pub tip: ObjectId,
    /// Path of the directory, empty for the root.
    pub directory: Vec<u8>,
    /// Every entry, in the order of the tree.
    pub entries: Vec<EntryCommit>,
}

/// Finds the last commit of every entry of a directory; `None` when there is no such directory.
///
/// Errors: `Lost`, `WrongKind`, `Corrupt`, `Interrupted`.
pub fn last_commits(
    odb: &Snapshot,
    tip: &ObjectId,
    directory: &[u8],
    interrupt: &AtomicBool,
) -> Result<Option<LastCommits>> {
    find(odb, tip, directory, None, interrupt)
}

/// The same for the directory of an earlier result, and another commit, usually a newer one of the same branch: what leads to the earlier
/// commit is taken from there. The answer is right for any commit, only faster for a descendant.
///
/// Errors: `Lost`, `WrongKind`, `Corrupt`, `Interrupted`.
pub fn update_last_commits(
    odb: &Snapshot,
    earlier: &LastCommits,
    tip: &ObjectId,
    interrupt: &AtomicBool,
) -> Result<Option<LastCommits>> {
    find(odb, tip, &earlier.directory, Some(earlier), interrupt)
}

fn find(
    odb: &Snapshot,
    tip: &ObjectId,
    directory: &[u8],
    earlier: Option<&LastCommits>,
    interrupt: &AtomicBool,
) -> Result<Option<LastCommits>> {
    let directory = clean(directory);
    let mut graph = Graph::new(odb, interrupt);
    let start = graph.load_named(tip)?;
    let Some(top) = entry_at(odb, &graph.tree(start), &directory)?.filter(Entry::is_tree) else { return Ok(None) };
    let mut data = Vec::new();
    read_as(odb, &top.id, Kind::Tree, &mut data)?;
    let rows: Vec<Row> =
        TreeEntries::new(&data).map(|entry| Row::new(&directory, entry.name, (&entry).into())).collect();
    let mut search = Search::new(&directory, rows, earlier);
    search.hand_over(&graph, start, (0..search.rows.len()).collect());
    while let Some((_, node)) = search.heap.pop() {
        if let Some(rows) = search.waiting.remove(&node) {
            search.visit(&mut graph, node, rows)?;
        }
    }
    let entries = search
        .rows
        .into_iter()
        .filter_map(|row| Some(EntryCommit { name: row.name, entry: row.at_tip, commit: row.commit? }));
    Ok(Some(LastCommits { tip: graph.id(start), directory, entries: entries.collect() }))
}

/// One entry and where its search stands.
struct Row {
    name: Vec<u8>,
    key: PathKey,
    at_tip: Entry,
    /// What the entry is at the commit it stands at.
    now: Entry,
    commit: Option<ObjectId>,
}

impl Row {
    fn new(directory: &[u8], name: &[u8], entry: Entry) -> Row {
        let path = if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() };
        Row { name: name.to_vec(), key: PathKey::new(&path), at_tip: entry, now: entry, commit: None }
    }
}

struct Search<'e> {
    rows: Vec<Row>,
    by_name: HashMap<Vec<u8>, usize>,
    earlier: Option<(ObjectId, HashMap<&'e [u8], &'e EntryCommit>)>,
    finder: PathFinder,
    directory_key: Option<PathKey>,
    heap: BinaryHeap<((u64, u64), Node)>,
    /// The rows that stand at each commit.
    waiting: HashMap<Node, Vec<usize>>,
    /// The directory looked at last, and what it has by row.
    directory: Directory,
    found: Vec<Option<Entry>>,
    /// Rows that may have become others with the last look, and the same by row.
    changed: Vec<usize>,
    is_changed: Vec<bool>,
}

impl<'e> Search<'e> {
    fn new(directory: &[u8], rows: Vec<Row>, earlier: Option<&'e LastCommits>) -> Self {
        let by_name = rows.iter().enumerate().map(|(at, row)| (row.name.clone(), at)).collect();
        let earlier = earlier.map(|earlier| {
            let entries = earlier.entries.iter().map(|entry| (entry.name.as_slice(), entry)).collect();
            (earlier.tip, entries)
        });
        Search {
            by_name,
            earlier,
            finder: PathFinder::new(directory),
            directory_key: (!directory.is_empty()).then(|| PathKey::new(directory)),
            heap: BinaryHeap::new(),
            waiting: HashMap::new(),
            directory: Directory::default(),
            found: vec![None; rows.len()],
            changed: Vec::new(),
            is_changed: vec![false; rows.len()],
            rows,
        }
    }

    fn hand_over(&mut self, graph: &Graph<'_>, node: Node, rows: Vec<usize>) {
        if rows.is_empty() {
            return;
        }
        self.heap.push((graph.rank(node), node));
        match self.waiting.entry(node) {
            Vacant(place) => drop(place.insert(rows)),
            Occupied(mut known) => known.get_mut().extend(rows),
        }
    }

    fn visit(&mut self, graph: &mut Graph<'_>, node: Node, rows: Vec<usize>) -> Result<()> {
        let id = graph.id(node);
        let mut rows = self.take_from_earlier(&id, rows);
        for nth in 0..graph.parent_count(node) {
            if rows.is_empty() {
                return Ok(());
            }
            let Some(parent) = graph.parent(node, nth)? else { continue };
            let (same, different) = self.compare(graph, node, parent, nth, rows)?;
            self.hand_over(graph, parent, same);
            rows = different;
        }
        for at in rows {
            if let Some(row) = self.rows.get_mut(at) {
                row.commit = Some(id);
            }
        }
        Ok(())
    }

    /// Answers the rows that stand at the commit of the earlier result, and returns the others.
    fn take_from_earlier(&mut self, id: &ObjectId, rows: Vec<usize>) -> Vec<usize> {
        let Some((tip, known)) = self.earlier.as_ref().filter(|(tip, _)| tip == id) else { return rows };
        let mut left = Vec::new();
        for at in rows {
            let Some(row) = self.rows.get_mut(at) else { continue };
            match known.get(row.name.as_slice()).filter(|known| known.entry == row.now && tip == id) {
                Some(known) => row.commit = Some(known.commit),
                None => left.push(at),
            }
        }
        left
    }

    /// Splits rows into those that a parent has just so and those it has not.
    fn compare(
        &mut self,
        graph: &Graph<'_>,
        node: Node,
        parent: Node,
        nth: u32,
        rows: Vec<usize>,
    ) -> Result<(Vec<usize>, Vec<usize>)> {
        if graph.tree(node) == graph.tree(parent) {
            return Ok((rows, Vec::new()));
        }
        let (mut same, mut rest) = (Vec::new(), rows);
        if nth == 0 {
            if self.directory_key.as_ref().is_some_and(|key| is_denied(graph, node, key)) {
                return Ok((rest, Vec::new()));
            }
            if rest.len() <= FEW {
                let is_denied = |at: &usize| self.rows.get(*at).is_some_and(|row| is_denied(graph, node, &row.key));
                (same, rest) = rest.into_iter().partition(is_denied);
            }
        }
        if rest.is_empty() {
            return Ok((same, rest));
        }
        let (theirs, ours) = (self.finder.entry(graph, parent)?, self.finder.entry(graph, node)?);
        if theirs == ours {
            same.extend(rest);
            return Ok((same, Vec::new()));
        }
        let tree = |entry: Option<Entry>| entry.filter(Entry::is_tree).map(|entry| entry.id);
        if rest.len() > FEW {
            self.look(graph.odb(), tree(ours))?;
        }
        // Rows stand at this commit with what it has: those that do not change from here to there are the same.
        let is_from_here = tree(ours).is_some() && self.directory.id() == tree(ours);
        self.look(graph.odb(), tree(theirs))?;
        let Search { rows, found, is_changed, .. } = self;
        let (mut different, mut fault) = (Vec::new(), None);
        rest.retain(|at| {
            if is_from_here && is_changed.get(*at) == Some(&false) {
                return true;
            }
            let (Some(row), Some(Some(found))) = (rows.get_mut(*at), found.get(*at)) else {
                different.push(*at);
                return false;
            };
            match tree::is_same(graph.odb(), Some(*found), Some(row.now), graph.interrupt()) {
                Ok(true) => {
                    row.now = *found;
                    true
                }
                Ok(false) => {
                    different.push(*at);
                    false
                }
                Err(error) => {
                    fault.get_or_insert(error);
                    true
                }
            }
        });
        if let Some(error) = fault {
            return Err(error);
        }
        if same.is_empty() {
            return Ok((rest, different));
        }
        same.extend(rest);
        Ok((same, different))
    }

    /// Looks at a directory; notes which rows may have become others.
    fn look(&mut self, odb: &Snapshot, directory: Option<ObjectId>) -> Result<()> {
        let Search { by_name, found, changed, is_changed, .. } = self;
        for at in changed.drain(..) {
            if let Some(mark) = is_changed.get_mut(at) {
                *mark = false;
            }
        }
        self.directory.show(odb, directory, |name, entry| {
            let Some(at) = by_name.get(name).copied() else { return };
            if let Some(slot) = found.get_mut(at) {
                *slot = entry;
            }
            if let Some(mark) = is_changed.get_mut(at) {
                *mark = true;
            }
            changed.push(at);
        })
    }
}
