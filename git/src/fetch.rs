//! The other side of a fetch: what we ask of another server for a mirror, and how its answers are read as they arrive.
//!
//! Owns the messages of protocol v2, and of v0 and v1 for servers that know no better. Refuses to know how bytes travel, which refs are wanted and what becomes
//! of the pack, which is for [`crate::Incoming`] to judge. Every answer is hostile: it is bounded, nothing of it is kept but names and ids, and texts are
//! for logs only. Called by `forge::mirrors`.

mod advertisement;
mod answer;
mod feed;
mod listing;
mod request;
#[cfg(test)]
mod tests;

pub use advertisement::{Advertisement, Opening};
pub use answer::PackAnswer;
pub use listing::{Listing, RemoteRefs};
pub use request::{fetch, ls_refs};

use crate::error::Error;

/// How we call ourselves.
const AGENT: &str = concat!("agent=atomicqms/", env!("CARGO_PKG_VERSION"));
/// Longest text that is kept of what a remote says. Units: characters.
const MAX_TEXT_CHARS: usize = 200;

/// What the other server speaks and knows, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// It speaks protocol v2.
    is_v2: bool,
    /// It tells what `HEAD` names though that does not exist.
    has_unborn: bool,
    /// It wants to hear the object format.
    has_object_format: bool,
    /// Words of v0 that it knows, of those that we use.
    words: Vec<&'static str>,
}

/// The error for something that a remote should not have said.
fn broke(what: impl Into<String>) -> Error {
    Error::Remote { what: what.into() }
}

/// The error for a refusal, with what the remote says of it.
fn said_no(text: &[u8]) -> Error {
    let clean = |character: char| if character.is_control() { ' ' } else { character };
    let text: String = String::from_utf8_lossy(text).chars().map(clean).take(MAX_TEXT_CHARS).collect();
    broke(format!("refused: {}", text.trim()))
}
