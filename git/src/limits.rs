//! Owns the bounds that every piece of peer input is held to. Refuses to read configuration: the server fills it in. Used by the incoming
//! side (packs, commands) and by the protocol.

use crate::budget::MemoryBudget;
use crate::fsck::Policy;

/// How much one peer may make us read, keep and compute.
///
/// Units: bytes where the name says so, otherwise counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest pack accepted in one push, as sent.
    pub max_pack_bytes: u64,
    /// Largest single object, inflated, deltas and their results alike.
    pub max_object_bytes: u64,
    /// Largest single blob, inflated.
    pub max_blob_bytes: u64,
    /// Largest commit or tag: they are read whole wherever history is shown.
    pub max_commit_bytes: u64,
    /// Largest tree.
    pub max_tree_bytes: u64,
    /// Most objects in one pack.
    pub max_objects: u64,
    /// A pack that is complete up to this size is not written to a file when it is ingested: it stays in memory until whoever installs it
    /// has made it durable. 0: every pack is a file.
    pub max_inline_pack_bytes: u64,
    /// Most bytes all objects of one pack may have together when inflated and resolved.
    pub max_unpacked_bytes: u64,
    /// Beyond [`Limits::FREE_EXPANSION_BYTES`] that sum may be so many times the pack as sent.
    pub max_expansion: u64,
    /// Longest chain of deltas in a pack.
    pub max_delta_depth: u32,
    /// Most entries in one tree.
    pub max_tree_entries: u64,
    /// Bytes of resolved delta bases kept in memory while indexing; more is dropped and computed again.
    pub delta_memory_bytes: u64,
    /// Which broken object rules refuse a push.
    pub fsck: Policy,
    /// Memory that all pushes together may use for large objects while indexing; the default bounds each set of limits by itself.
    pub memory: MemoryBudget,
    /// Most ref changes in one push.
    pub max_commands: u64,
    /// Most bytes of commands, shallow lines and push options before the pack.
    pub max_command_bytes: u64,
    /// Largest body of an upload-pack request, after decompression.
    pub max_request_bytes: u64,
    /// Most `want` lines in one request.
    pub max_wants: u64,
    /// Most `have` lines in one request.
    pub max_haves: u64,
}

impl Limits {
    /// What any pack may come to when inflated and resolved.
    pub const FREE_EXPANSION_BYTES: u64 = 2 << 30;

    /// The most that the objects of a pack of this size may have together. Units: bytes.
    pub(crate) fn unpacked_bytes_of(&self, pack_bytes: u64) -> u64 {
        let by_size = pack_bytes.saturating_mul(self.max_expansion).saturating_add(Self::FREE_EXPANSION_BYTES);
        self.max_unpacked_bytes.min(by_size)
    }
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Limits {
            max_pack_bytes: 2048 * MIB,
            max_object_bytes: 512 * MIB,
            max_blob_bytes: 512 * MIB,
            max_commit_bytes: MIB,
            max_tree_bytes: 16 * MIB,
            max_objects: 5_000_000,
            max_inline_pack_bytes: 64 << 10,
            max_unpacked_bytes: 32 * 1024 * MIB,
            max_expansion: 1000,
            // git-pack-objects(1) allows up to 4095.
            max_delta_depth: 4095,
            max_tree_entries: 1_000_000,
            delta_memory_bytes: 96 * MIB,
            fsck: Policy::default(),
            memory: MemoryBudget::new(1024 * MIB),
            max_commands: 10_000,
            max_command_bytes: 4 * MIB,
            max_request_bytes: 16 * MIB,
            max_wants: 100_000,
            max_haves: 100_000,
        }
    }
}
