//! Owns the cache of resolved delta bases, one for the process and bounded in bytes. Refuses to hold large objects: they would push out what
//! walks need again and again. Used by [`super::decode`].

use std::sync::{Arc, LazyLock};

use moka::sync::Cache;

use crate::id::Kind;

/// All cached objects together.
const TOTAL_BYTES: u64 = 64 << 20;
/// Larger objects are not cached.
const OBJECT_BYTES: usize = 1 << 20;
/// What an entry costs beside its content: the cache's own accounts of it.
const OVERHEAD_BYTES: usize = 384;

/// Pack id and offset: packs never change and their ids are never used again, so nothing needs to be invalidated.
pub(super) type Key = (u64, u64);

/// A resolved object.
#[derive(Clone)]
pub(super) struct Resolved {
    pub(super) kind: Kind,
    pub(super) data: Arc<[u8]>,
}

static BASES: LazyLock<Cache<Key, Resolved>> = LazyLock::new(|| {
    Cache::builder()
        .max_capacity(TOTAL_BYTES)
        .eviction_policy(moka::policy::EvictionPolicy::lru())
        .weigher(|_, object: &Resolved| u32::try_from(object.data.len() + OVERHEAD_BYTES).unwrap_or(u32::MAX))
        .build()
});

pub(super) fn get(key: Key) -> Option<Resolved> {
    BASES.get(&key)
}

pub(super) fn put(key: Key, kind: Kind, data: &[u8]) {
    if data.len() <= OBJECT_BYTES {
        BASES.insert(key, Resolved { kind, data: data.into() });
    }
}
