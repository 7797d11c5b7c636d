//! The git engine of AtomicQMS: objects, packs, refs and the wire protocol of bare repositories, on top of gix formats.
//!
//! Owns what is git: reading and verifying objects, indexing what is pushed, the files of a repository, protocol messages. Refuses to know
//! users, permissions, SQL or an async runtime: every function here is synchronous and is called from a blocking pool. Called by the
//! repository actors and by the server. Peer bytes are hostile: no function here panics on them.

pub mod archive;
mod bitmap;
mod bits;
mod budget;
pub mod bundle;
pub mod commit_graph;
mod commit_text;
pub mod create;
pub mod diff;
pub mod error;
pub mod fetch;
mod files;
pub mod fsck;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod history;
pub mod id;
pub mod incoming;
pub mod limits;
pub mod maintenance;
mod map;
pub mod merge;
mod multi_pack_index;
pub mod odb;
pub mod pack;
pub mod pktline;
pub mod protocol;
pub mod receive;
pub mod refs;
pub mod repository;
pub mod revision;
mod scope;
#[cfg(test)]
mod services;
#[cfg(test)]
mod testcost;
#[cfg(test)]
mod testgit;
#[cfg(any(test, feature = "fuzz"))]
mod testpack;
pub mod upload;
pub mod view;
pub mod walk;

pub use budget::{MemoryBudget, Reservation};
pub use error::{Error, Result};
pub use files::flushes;
pub use id::{Kind, ObjectId};
pub use incoming::{Incoming, Ingested, PackSource, Progress};
pub use limits::Limits;
pub use map::FileBytes;
pub use refs::{Ref, RefConflict, RefEdit, RefName, RefNameFault, RefTable};
pub use repository::Repository;
pub use view::View;
