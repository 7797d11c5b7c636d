//! Owns the one error type of this crate and the verdict "whose fault was it". Refuses to know HTTP, packet lines or users: the callers turn
//! facts into answers. Called by every module here and by the server's single error table.

use std::{io, path::PathBuf};

use crate::id::{Kind, ObjectId};
use crate::refs::{RefConflict, RefNameFault};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the git engine, as facts.
///
/// Shape: variants up to [`Error::Interrupted`] describe what a peer sent; the later ones are our own trouble.
/// [`Error::is_peer_fault`] draws that line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a well-formed pack.
    #[error("malformed pack: {what}{}", At(*offset))]
    BadPack {
        /// What is wrong with it.
        what: &'static str,
        /// Byte offset of the entry concerned, where one is known.
        offset: Option<u64>,
    },
    /// Deltas whose base is neither in the pack nor in the repository.
    #[error("pack has {count} unresolved deltas; the first needs base {base}")]
    MissingBase {
        /// The base object of the first of them.
        base: ObjectId,
        /// How many deltas could not be resolved.
        count: u64,
    },
    /// The input is larger than this server accepts.
    #[error("{what} exceeds the limit of {limit}")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// The limit that it passed.
        limit: u64,
    },
    /// An object is referenced but exists nowhere.
    #[error("missing {kind} {id}{}", ReferencedBy(*referenced_by))]
    MissingObject {
        /// The missing object.
        id: ObjectId,
        /// The kind it should have, as text: `blob`, `tree`, `commit`, `tag` or `object`.
        kind: &'static str,
        /// The object that refers to it, where one is known.
        referenced_by: Option<ObjectId>,
    },
    /// An object exists, but its kind is not the one its referrer says.
    #[error("object {id} is a {actual}, not a {expected}{}", ReferencedBy(*referenced_by))]
    WrongKind {
        /// The object in question.
        id: ObjectId,
        /// What the referrer says it is.
        expected: Kind,
        /// What it is.
        actual: Kind,
        /// The object that refers to it, where one is known.
        referenced_by: Option<ObjectId>,
    },
    /// An object breaks a rule of `git fsck` that is an error, not a warning.
    #[error("object {id}: {msg_id}: {detail}")]
    Fsck {
        /// The offending object.
        id: ObjectId,
        /// Git's name of the rule, like `hasDotgit`.
        msg_id: &'static str,
        /// Which part broke it.
        detail: String,
    },
    /// The SHA-1 of an object carries the traces of a collision attack.
    #[error("SHA-1 collision attack detected{}", At(*offset))]
    Collision {
        /// Byte offset of the pack entry, where one is known.
        offset: Option<u64>,
    },
    /// A name is not acceptable as a ref name.
    #[error("invalid ref name {name:?}: {fault}")]
    BadRefName {
        /// The name, with undecodable bytes replaced.
        name: String,
        /// The rule it breaks.
        fault: RefNameFault,
    },
    /// A change of refs does not fit the refs that exist.
    #[error(transparent)]
    RefConflict(#[from] RefConflict),
    /// A path cannot be changed as asked.
    #[error("path {path:?} {what}")]
    BadPath {
        /// The path, with undecodable bytes replaced.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A request that breaks the wire protocol.
    #[error("bad request: {what}")]
    BadRequest {
        /// What is wrong with it.
        what: String,
    },
    /// A fetch asks for an object that is not offered.
    #[error("not our ref {id}")]
    NotOurRef {
        /// The object asked for.
        id: ObjectId,
    },
    /// The server that we fetch from broke the protocol or said no; the text is for logs.
    #[error("the remote {what}")]
    Remote {
        /// What it did.
        what: String,
    },
    /// The interrupt flag was raised: deadline passed, client gone or server stopping.
    #[error("interrupted")]
    Interrupted,
    /// The file system has no room left, or the quota is used up.
    #[error("no space left while writing {}", path.display())]
    DiskFull {
        /// The file or directory that could not be written.
        path: PathBuf,
    },
    /// An operation on a file failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb: `open`, `write`, ...
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The reader of our answer went away or failed.
    #[error("cannot write to the peer")]
    PeerGone(#[source] io::Error),
    /// Data on our own disk is damaged.
    #[error("corrupt repository data in {}: {what}", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An object that must exist here, because the store is closed under references, does not.
    #[error("object {id} is missing from the repository")]
    Lost {
        /// The missing object.
        id: ObjectId,
    },
    /// The directory is not a bare repository.
    #[error("{} is not a bare git repository", path.display())]
    NotARepository {
        /// The directory.
        path: PathBuf,
    },
}

impl Error {
    /// Says whether the peer caused this by what it sent, so that it may be told the text and need not alarm anybody.
    pub fn is_peer_fault(&self) -> bool {
        match self {
            Error::BadPack { .. }
            | Error::MissingBase { .. }
            | Error::TooLarge { .. }
            | Error::MissingObject { .. }
            | Error::WrongKind { .. }
            | Error::Fsck { .. }
            | Error::Collision { .. }
            | Error::BadRefName { .. }
            | Error::RefConflict(_)
            | Error::BadPath { .. }
            | Error::BadRequest { .. }
            | Error::NotOurRef { .. }
            | Error::Remote { .. }
            | Error::PeerGone(_) => true,
            Error::Interrupted
            | Error::DiskFull { .. }
            | Error::Io { .. }
            | Error::Corrupt { .. }
            | Error::Lost { .. }
            | Error::NotARepository { .. } => false,
        }
    }

    /// Builds the error of a failed file operation; a full disk or quota becomes [`Error::DiskFull`].
    pub fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Error {
        let path = path.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path },
            _ => Error::Io { action, path, source },
        }
    }

    pub(crate) fn bad_pack(what: &'static str, offset: u64) -> Error {
        Error::BadPack { what, offset: Some(offset) }
    }

    pub(crate) fn corrupt(path: impl Into<PathBuf>, what: &'static str) -> Error {
        Error::Corrupt { path: path.into(), what }
    }
}

/// Writes ` (at offset n)` when there is one.
struct At(Option<u64>);

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |offset| write!(f, " (at offset {offset})"))
    }
}

/// Writes `, referenced by id` when it is known.
struct ReferencedBy(Option<ObjectId>);

impl std::fmt::Display for ReferencedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |id| write!(f, ", referenced by {id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_its_own_variant() {
        let full = Error::io("write", "x", io::Error::from_raw_os_error(28));
        assert!(matches!(full, Error::DiskFull { .. }), "{full:?}");
        let quota = Error::io("write", "x", io::Error::from_raw_os_error(122));
        assert!(matches!(quota, Error::DiskFull { .. }), "{quota:?}");
        let other = Error::io("write", "x", io::Error::from_raw_os_error(5));
        assert!(matches!(other, Error::Io { .. }), "{other:?}");
    }

    #[test]
    fn text_names_the_place() {
        assert_eq!(Error::bad_pack("truncated", 12).to_string(), "malformed pack: truncated (at offset 12)");
        assert_eq!(Error::BadPack { what: "truncated", offset: None }.to_string(), "malformed pack: truncated");
    }
}
