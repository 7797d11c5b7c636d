//! Owns listing a tree: one level or all of it, a page at a time. Refuses commits and contents. Called by the API and by pages.
//!
//! No recursion, and no more entries than allowed: a few hundred bytes of nested trees can stand for more files than there are atoms.

use std::{sync::atomic::AtomicBool, vec};

use super::tree::Entry;
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
    odb::Snapshot,
    walk::{TreeEntries, check_interrupt, read_as, unreadable},
};

/// Deepest nesting followed, as git has it (`core.maxTreeDepth`).
const MAX_DEPTH: usize = 2048;

/// Which part of a tree is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingOptions {
    /// Whether directories are listed too, each right before what is in it: `git ls-tree -r -t`.
    pub is_recursive: bool,
    /// Entries to pass over.
    pub skip: u64,
    /// Most entries in the answer.
    pub limit: usize,
    /// Most entries that are looked at; a larger tree is an error.
    pub max_entries: u64,
    /// Most bytes that the paths of the answer may have together.
    pub max_path_bytes: usize,
}

impl Default for ListingOptions {
    fn default() -> Self {
        ListingOptions {
            is_recursive: false,
            skip: 0,
            limit: usize::MAX,
            max_entries: 1_000_000,
            max_path_bytes: 64 << 20,
        }
    }
}

/// One entry, by its path from the tree that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    /// The path, any bytes but NUL.
    pub path: Vec<u8>,
    /// What it is.
    pub entry: Entry,
}

/// A part of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The entries, in git's order.
    pub entries: Vec<ListedEntry>,
    /// How many there are in all.
    pub total: u64,
}

/// A directory on the way, and what is left of it.
struct Level {
    prefix_len: usize,
    rest: vec::IntoIter<(Vec<u8>, Entry)>,
}

/// Lists a tree.
///
/// Errors: `TooLarge` beyond a limit, `WrongKind`, `Lost`, `Corrupt`, `Interrupted`.
pub fn list_tree(odb: &Snapshot, tree: &ObjectId, options: &ListingOptions, interrupt: &AtomicBool) -> Result<Listing> {
    let mut listing = Listing::default();
    let mut looked_at = 0_u64;
    let (mut path, mut path_bytes, mut data) = (Vec::new(), 0_usize, Vec::new());
    let mut levels = vec![Level { prefix_len: 0, rest: read_level(odb, tree, &mut data, &mut looked_at, options)? }];
    while let Some(level) = levels.last_mut() {
        path.truncate(level.prefix_len);
        let Some((name, entry)) = level.rest.next() else {
            levels.pop();
            continue;
        };
        path.extend_from_slice(&name);
        if listing.total >= options.skip && listing.entries.len() < options.limit {
            path_bytes = path_bytes.saturating_add(path.len());
            if path_bytes > options.max_path_bytes {
                return Err(Error::TooLarge { what: "the paths of a listing", limit: options.max_path_bytes as u64 });
            }
            listing.entries.push(ListedEntry { path: path.clone(), entry });
        }
        listing.total = listing.total.saturating_add(1);
        if options.is_recursive && entry.is_tree() {
            check_interrupt(interrupt)?;
            if levels.len() >= MAX_DEPTH {
                return Err(Error::TooLarge { what: "the depth of a tree", limit: MAX_DEPTH as u64 });
            }
            path.push(b'/');
            let rest = read_level(odb, &entry.id, &mut data, &mut looked_at, options)?;
            levels.push(Level { prefix_len: path.len(), rest });
        }
    }
    Ok(listing)
}

fn read_level(
    odb: &Snapshot,
    tree: &ObjectId,
    data: &mut Vec<u8>,
    looked_at: &mut u64,
    options: &ListingOptions,
) -> Result<vec::IntoIter<(Vec<u8>, Entry)>> {
    read_as(odb, tree, Kind::Tree, data)?;
    let mut entries = TreeEntries::new(data);
    let mut level = Vec::new();
    for entry in entries.by_ref() {
        *looked_at = looked_at.saturating_add(1);
        if *looked_at > options.max_entries {
            return Err(Error::TooLarge { what: "the number of entries of a tree", limit: options.max_entries });
        }
        level.push((entry.name.to_vec(), Entry::from(&entry)));
    }
    match entries.is_broken() {
        true => Err(unreadable(tree, "the tree cannot be read")),
        false => Ok(level.into_iter()),
    }
}
