//! The git wire protocol as a client speaks it: packets, v2 requests, and reading the answers as they arrive.
//!
//! Owns bytes only; HTTP is in `client`, objects and packs are in `pack`. Called by the scenarios.

pub(crate) mod fetch;
pub(crate) mod packet;
pub(crate) mod push;
pub(crate) mod refs;

#[cfg(test)]
mod tests;

/// What we call ourselves in capability lists.
pub(crate) const AGENT: &str = concat!("agent=atomicqms-loadtest/", env!("CARGO_PKG_VERSION"));
