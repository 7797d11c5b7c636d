//! What is in a directory at a commit: every entry with its size and the commit that last changed it, found in one walk and remembered.
//!
//! Owns the memory of it. Facts of a commit never change, so nothing here goes stale; who may see the commit is asked before, each time. Called by
//! `api/contents.rs` on the blocking pool.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use atomicqms_git::history::{
    Entry, LastCommits, ListingOptions, LogRequest, Order, entry_at, last_commits, list_tree, log, update_last_commits,
};
use atomicqms_git::{self as git, ObjectId, View};
use moka::sync::Cache;

use super::commit_text::{self, CommitText};
use crate::model::RepoId;

/// All directories that are remembered, together. Units: bytes, roughly.
const CACHE_BYTES: u64 = 64 << 20;
/// After this time without a request a directory is forgotten.
const CACHE_IDLE: Duration = Duration::from_secs(3600);
/// Most entries of a directory that is listed.
pub const MAX_ENTRIES: u64 = 100_000;

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Mode and object.
    pub entry: Entry,
    /// Bytes of a file or link; 0 for others.
    pub size: u64,
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Name within the directory.
    pub name: Vec<u8>,
    /// What it is.
    pub item: Item,
    /// The commit that last changed it, as a place in [`Directory::commits`].
    pub last: Option<usize>,
}

/// A commit that last changed something, with what is shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCommit {
    /// Its id.
    pub id: ObjectId,
    /// Author and committer; the message is not kept in lists.
    pub text: CommitText,
}

/// A directory at a commit.
#[derive(Debug)]
pub struct Directory {
    /// Its entries, in git's order.
    pub rows: Vec<Row>,
    /// The commits that last changed any of them, each once.
    pub commits: Vec<LastCommit>,
    known: LastCommits,
}

impl Directory {
    /// The commit that last changed an entry.
    pub fn last_of(&self, row: &Row) -> Option<&LastCommit> {
        self.commits.get(row.last?)
    }

    fn weight(&self) -> u32 {
        let rows = self.rows.iter().map(|row| row.name.len() * 2 + 200).sum::<usize>();
        let commits = self.commits.iter().map(|commit| commit.text.message.len() + 400).sum::<usize>();
        u32::try_from(rows.saturating_add(commits)).unwrap_or(u32::MAX)
    }
}

/// The directories that were looked at lately; cheap to clone.
#[derive(Debug, Clone)]
pub struct Directories {
    at_commit: Cache<(RepoId, ObjectId, Vec<u8>), Arc<Directory>>,
    /// The last one of each path: the next commit's is found from there.
    latest: Cache<(RepoId, Vec<u8>), Arc<Directory>>,
}

impl Default for Directories {
    fn default() -> Self {
        fn weighed<K: std::hash::Hash + Eq + Send + Sync + 'static>() -> Cache<K, Arc<Directory>> {
            Cache::builder()
                .max_capacity(CACHE_BYTES / 2)
                .weigher(|_, directory: &Arc<Directory>| directory.weight())
                .time_to_idle(CACHE_IDLE)
                .build()
        }
        Self { at_commit: weighed(), latest: weighed() }
    }
}

impl Directories {
    /// What is in a directory of a commit; none when there is no such directory.
    ///
    /// Errors: `TooLarge` for a directory of more than [`MAX_ENTRIES`], `Interrupted`, `Lost`, `Corrupt`.
    pub fn at(
        &self,
        view: &View,
        repository: RepoId,
        commit: ObjectId,
        path: &[u8],
        interrupt: &AtomicBool,
    ) -> git::Result<Option<Arc<Directory>>> {
        let key = (repository, commit, path.to_vec());
        if let Some(found) = self.at_commit.get(&key) {
            return Ok(Some(found));
        }
        let latest = (repository, path.to_vec());
        let earlier = self.latest.get(&latest);
        let Some(made) = make(view, commit, path, earlier.as_deref(), interrupt)? else { return Ok(None) };
        let made = Arc::new(made);
        self.at_commit.insert(key, Arc::clone(&made));
        self.latest.insert(latest, Arc::clone(&made));
        Ok(Some(made))
    }

    /// The commit that last changed one path, from its directory if that is known.
    ///
    /// Errors: `Interrupted`, `Lost`, `Corrupt`.
    pub fn last_of_path(
        &self,
        view: &View,
        repository: RepoId,
        commit: ObjectId,
        path: &[u8],
        interrupt: &AtomicBool,
    ) -> git::Result<Option<LastCommit>> {
        let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (path.get(..at).unwrap_or_default(), path.get(at.saturating_add(1)..).unwrap_or_default()),
            None => (&[][..], path),
        };
        if let Some(directory) = self.at_commit.get(&(repository, commit, parent.to_vec())) {
            let row = directory.rows.iter().find(|row| row.name == name);
            return Ok(row.and_then(|row| directory.last_of(row)).cloned());
        }
        let paths = if path.is_empty() { Vec::new() } else { vec![path.to_vec()] };
        let request = LogRequest { tips: vec![commit], paths, order: Order::Date, limit: 1, ..LogRequest::default() };
        match log(&view.odb, &request, interrupt)?.entries.first() {
            Some(entry) => read_last(view, entry.commit).map(Some),
            None => Ok(None),
        }
    }
}

fn read_last(view: &View, id: ObjectId) -> git::Result<LastCommit> {
    let mut text = commit_text::read_commit(&view.odb.read(&id)?.data);
    text.signed = None;
    Ok(LastCommit { id, text })
}

fn make(
    view: &View,
    commit: ObjectId,
    path: &[u8],
    earlier: Option<&Directory>,
    interrupt: &AtomicBool,
) -> git::Result<Option<Directory>> {
    let Some(tree) = tree_at(view, commit, path)? else { return Ok(None) };
    let options = ListingOptions { max_entries: MAX_ENTRIES, ..ListingOptions::default() };
    let listing = list_tree(&view.odb, &tree, &options, interrupt)?;
    let known = match earlier {
        Some(earlier) => update_last_commits(&view.odb, &earlier.known, &commit, interrupt)?,
        None => last_commits(&view.odb, &commit, path, interrupt)?,
    };
    let Some(known) = known else { return Ok(None) };
    let by_name: HashMap<&[u8], ObjectId> =
        known.entries.iter().map(|entry| (entry.name.as_slice(), entry.commit)).collect();
    let (mut rows, mut commits, mut places) = (Vec::new(), Vec::new(), HashMap::new());
    for listed in listing.entries {
        let last = match by_name.get(listed.path.as_slice()) {
            None => None,
            Some(id) => Some(match places.get(id) {
                Some(place) => *place,
                None => {
                    places.insert(*id, commits.len());
                    let mut last = read_last(view, *id)?;
                    last.text.message.truncate(0);
                    commits.push(last);
                    commits.len().saturating_sub(1)
                }
            }),
        };
        rows.push(Row { item: item_of(view, listed.entry)?, name: listed.path, last });
    }
    Ok(Some(Directory { rows, commits, known }))
}

/// The tree of a directory of a commit.
pub fn tree_at(view: &View, commit: ObjectId, path: &[u8]) -> git::Result<Option<ObjectId>> {
    Ok(item_at(view, commit, path)?.filter(|item| item.entry.is_tree()).map(|item| item.entry.id))
}

/// What a path of a commit names.
pub fn item_at(view: &View, commit: ObjectId, path: &[u8]) -> git::Result<Option<Item>> {
    let text = commit_text::read_commit(&view.odb.read(&commit)?.data);
    let Some(root) = git::id::id_from_hex(text.tree.as_bytes()) else { return Err(git::Error::Lost { id: commit }) };
    match entry_at(&view.odb, &root, path)? {
        Some(entry) => item_of(view, entry).map(Some),
        None => Ok(None),
    }
}

fn item_of(view: &View, entry: Entry) -> git::Result<Item> {
    let size = match entry.is_blob() {
        true => view.odb.header(&entry.id)?.ok_or(git::Error::Lost { id: entry.id })?.1,
        false => 0,
    };
    Ok(Item { entry, size })
}
