//! Everything that reads bytes of a peer or of a disk, fed with damaged input: nothing may panic, hang, take memory beyond its bounds or
//! blame us for what a peer sent, and what was understood must mean the same when it is written and read again.
//!
//! Owns the targets. Two drivers call them: `git/fuzz`, a program of its own around libFuzzer, guided by coverage (`scripts/fuzz`), and the
//! tests below, which feed the whole corpus and some blind mutations of it to every target with nothing but stable cargo. The corpus lies in
//! `git/fuzz/corpus/TARGET/`; an input that once failed is added there. Compiled for tests and with the feature `fuzz` only.

#![expect(clippy::unwrap_used, reason = "a target fails by panicking; nothing that is delivered calls it")]

mod changes;
mod fetch;
mod files;
mod objects;
mod packs;
mod receive;
mod upload;
mod wire;
mod world;

#[cfg(test)]
mod tests;

use crate::{error::Error, limits::Limits};

/// One thing to be fed.
pub struct Target {
    /// Its name, and that of its directory of the corpus.
    pub name: &'static str,
    /// Takes one input and panics when something is wrong.
    pub run: fn(&[u8]),
    /// How many blind inputs the test gives it.
    pub blind_inputs: u64,
    /// Most memory that one input may take, beside what is kept for all. Units: bytes.
    pub most_bytes: usize,
}

const MIB: usize = 1 << 20;

const fn target(name: &'static str, run: fn(&[u8]), blind_inputs: u64, most_bytes: usize) -> Target {
    Target { name, run, blind_inputs, most_bytes }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("pktline", wire::pktline, 20_000, MIB),
    target("upload", upload::stateless, 2_000, 32 * MIB),
    target("session", upload::session, 2_000, 32 * MIB),
    target("receive", receive::receive, 10_000, 32 * MIB),
    target("pack", packs::pack, 2_000, 64 * MIB),
    target("recipe", packs::recipe, 2_000, 64 * MIB),
    target("delta", packs::delta, 20_000, 16 * MIB),
    target("idx", files::idx, 5_000, 16 * MIB),
    target("commit", objects::commit, 10_000, 16 * MIB),
    target("tree", objects::tree, 10_000, 16 * MIB),
    target("tag", objects::tag, 10_000, 16 * MIB),
    target("blobs", objects::special_blobs, 10_000, 16 * MIB),
    target("attributes", wire::attributes, 5_000, 16 * MIB),
    target("archive", wire::archive, 1_000, 16 * MIB),
    target("refs", files::refs, 10_000, 16 * MIB),
    target("loose", files::loose, 5_000, 16 * MIB),
    target("commit_graph", files::commit_graph, 5_000, 16 * MIB),
    target("changes", changes::changes, 2_000, 64 * MIB),
    target("fetch", fetch::fetch, 10_000, 16 * MIB),
];

/// Limits small enough that an input cannot make a run slow in an honest way.
fn limits() -> Limits {
    Limits { max_object_bytes: 1 << 20, max_unpacked_bytes: 4 << 20, max_pack_bytes: 1 << 20, ..Limits::default() }
}

/// Fails when an error caused by the input is reported as ours.
fn blames_the_peer<T>(outcome: Result<T, Error>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(error.is_peer_fault(), "{error:?}");
            None
        }
    }
}

/// Cuts the first byte off; 0 when there is none.
fn first(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (*first, rest))
}
