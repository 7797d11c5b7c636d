//! The two ends of a push that are protocol: the commands a client sends and the report it gets back.
//!
//! Owns parsing commands out of a stream that may be cut anywhere, and the bytes of the answer. Refuses policy (who may
//! move which ref), name validation and the pack itself: names stay raw bytes, and the pack is the rest of the stream.
//! Called by the transports.

mod certificate;
mod pack_end;
mod parser;
mod report;

pub use certificate::{PushCertificate, SignatureFormat};
pub use pack_end::PackEnd;
pub use parser::{CommandParser, Parsed};
pub use report::{CommandOutcome, CommandReport, Rewritten, fatal, keep_alive, progress, report};

use crate::{id::ObjectId, pktline::BandMode};

/// One ref change that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The full ref name as sent, not validated; each bad name is refused on its own line of the report.
    pub name: Vec<u8>,
    /// The value the client saw, `None` when it saw no such ref.
    pub old: Option<ObjectId>,
    /// The value it wants, `None` to delete.
    pub new: Option<ObjectId>,
}

/// The capabilities of a push that change what the server does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushCapabilities {
    /// The client reads a report.
    pub report_status: bool,
    /// The client reads `option` lines in the report; implies a report.
    pub report_status_v2: bool,
    /// How messages besides the report travel.
    pub band: BandMode,
    /// All commands succeed or none does.
    pub atomic: bool,
    /// The client wants no progress.
    pub quiet: bool,
    /// A section of push options follows the commands.
    pub push_options: bool,
    /// The client's name and version, cut to 200 bytes, undecodable bytes replaced.
    pub agent: Option<String>,
}

/// Everything a client says before its pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiveRequest {
    /// The ref changes in the order sent; empty for the probe request of smart HTTP. Two may name the same ref.
    pub commands: Vec<Command>,
    /// What the client can do and wants.
    pub capabilities: PushCapabilities,
    /// Values of `git push -o`, as sent.
    pub push_options: Vec<Vec<u8>>,
    /// Commits whose parents the pushing repository does not have.
    pub shallow: Vec<ObjectId>,
    /// The certificate of a signed push; `commands` are then those it orders, and its push options are those sent.
    pub certificate: Option<Box<PushCertificate>>,
}

impl ReceiveRequest {
    /// Whether a pack follows the commands: git sends one, maybe empty, unless it only deletes.
    pub fn expects_pack(&self) -> bool {
        self.commands.iter().any(|command| command.new.is_some())
    }
}

#[cfg(test)]
mod tests;
