//! The concurrent heart of the server: one SQLite writer, a pool of readers, one actor per active repository.
//!
//! Owns exclusive state and lifecycles. Knows git and SQL connections, not users, HTTP or policy: those come in as
//! closures ([`CommitRefs`], write jobs) and as the [`RefStore`] trait. Called by the server's `forge` and `http`.

pub mod ask;
pub mod derived;
pub mod directory;
pub mod error;
pub mod gate;
pub mod gauges;
pub mod jobs;
pub mod readers;
pub mod repository;
pub mod shares;
pub mod sql;
pub mod supervisor;
pub mod testkit;
pub mod writer;

pub use ask::Deadline;
pub use derived::{Derived, DerivedOptions, Shape};
pub use directory::{Directory, DirectoryArgs, DirectoryOptions, Retired};
pub use error::Error;
pub use gate::{Gate, Pass};
pub use jobs::{Hopeless, Job, JobEnd, JobOutcome, JobStore, Jobs, JobsArgs, JobsOptions, RunJob};
pub use readers::{Readers, ReadersOptions};
pub use repository::store::{RefStore, Stored, Unexplained, WaitingRow};
pub use repository::{CommitRefs, EditOutcome, RepositoryHandle, UpdateRefs, WaitingLimits};
pub use shares::{Share, Shares};
pub use supervisor::{Escalation, Supervisor};
pub use writer::{Watched, Writer, WriterOptions};
