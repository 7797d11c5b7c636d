//! Keeping a repository small and quick: few packs instead of many, deltas for what was pushed whole, and an end for what nothing
//! refers to any more; and the check that everything is whole.
//!
//! Owns the work on the objects of one repository. Refuses to decide when: that is the caller's, who also owns the rule that publishing and
//! removing happen in the repository's turn. Called by the repository actors' jobs and by `doctor`.
//!
//! Every change has two phases. The long one reads a snapshot and writes new packs in a quarantine: it disturbs nobody and may be given up at
//! any time ([`consolidate()`], [`collect()`], [`compress()`] make a [`Prepared`]). The short one runs in the turn: [`Prepared::publish`]
//! looks again at what changed meanwhile, moves the packs into place and publishes the new snapshot. Replaced files are removed in a later
//! turn by [`Repository::remove_retired`](crate::Repository::remove_retired), so that who reads them, here or through stock git, is not disturbed.

mod bitmap_file;
mod census;
mod check;
mod collect;
mod compress;
mod consolidate;
mod cruft;
mod delta;
pub(crate) mod fault;
mod geometric;
mod lag;
mod local;
mod mark;
mod prepared;
pub(crate) mod retire;
mod rewrite;
mod share;
mod size;
pub(crate) mod write_out;

pub use crate::bitmap::BitmapOptions;
use crate::bits;
pub use bitmap_file::BitmapFile;
pub use check::{CheckOptions, CheckProgress, CheckReport, Problem, check_refs, check_repository};
pub use collect::{CollectOptions, collect};
pub use compress::{CompressOptions, compress};
pub use consolidate::{ConsolidateOptions, consolidate};
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use delta::DeltaIndex;
pub use prepared::{AfterPublish, CommitGraphFile, MultiPackIndexFile, Prepared, PreparedStats, Published};
pub use retire::Removal;
pub use share::{ShareStats, share};
pub use size::{SizeReport, size_report};
pub use write_out::PackRow;

#[cfg(test)]
mod tests;
