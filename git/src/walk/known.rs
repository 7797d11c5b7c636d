//! What walks read of commits, kept in memory: to inflate and parse a commit costs ten times as much as to remember it, and the newest commits are
//! read again for every client that is just behind, until a commit-graph file holds them.
//!
//! Owns one cache for the process, bounded in bytes. Refuses to say whether a commit exists: it is asked by place in a pack of the caller's own store,
//! so nothing is known of a commit that the store does not hold, and damage in one repository misleads no other. Used by [`super::graph`].

use std::sync::LazyLock;

use moka::sync::Cache;

use crate::{id::ObjectId, pack::Pack};

/// All of them together: some 40,000 commits.
const TOTAL_BYTES: u64 = 16 << 20;
/// What an entry takes, most of it the cache's own accounts.
const ENTRY_BYTES: u32 = 448;
/// Commits with more parents are rare enough to be read each time.
const MAX_PARENTS: usize = 2;

/// What walks need of a commit.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub(super) tree: ObjectId,
    /// Committer time in seconds.
    pub(super) time: u64,
    parents: [ObjectId; MAX_PARENTS],
    parent_count: u8,
}

impl Fields {
    /// `None` for a commit with many parents.
    pub(super) fn new(tree: ObjectId, time: u64, parents: &[ObjectId]) -> Option<Self> {
        let mut kept = [ObjectId::null(crate::id::HASH_KIND); MAX_PARENTS];
        kept.get_mut(..parents.len())?.copy_from_slice(parents);
        Some(Self { tree, time, parents: kept, parent_count: u8::try_from(parents.len()).ok()? })
    }

    pub(super) fn parents(&self) -> &[ObjectId] {
        self.parents.get(..usize::from(self.parent_count)).unwrap_or_default()
    }
}

/// Pack id and offset: packs never change and their ids are never used again, so nothing needs to be invalidated.
static COMMITS: LazyLock<Cache<(u64, u64), Fields>> =
    LazyLock::new(|| Cache::builder().max_capacity(TOTAL_BYTES).weigher(|_, _| ENTRY_BYTES).build());

pub(super) fn get(pack: &Pack, offset: u64) -> Option<Fields> {
    COMMITS.get(&(pack.id(), offset))
}

pub(super) fn put(pack: &Pack, offset: u64, fields: Fields) {
    COMMITS.insert((pack.id(), offset), fields);
}
