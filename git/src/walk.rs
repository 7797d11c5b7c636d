//! Walking history: a lazily loaded commit graph, ancestry, merge bases, and the commits one side has and the other lacks.
//!
//! Owns graph algorithms over commits and the peeling of tags. Refuses trees and blobs (that is `upload::enumerate`) and any
//! question of who may see what. Called by `upload`, by the push gates (fast-forward checks) and by pages.
//!
//! Nothing here trusts commit dates: they order the work, and a wrong clock costs time or a few objects too many, never a
//! wrong answer about ancestry.

mod ancestry;
mod bydate;
mod cover;
mod difference;
mod graph;
mod known;
mod object;
mod order;
mod reach;

pub(crate) use ancestry::merge_bases_of_any;
pub use ancestry::{is_ancestor, merge_bases, merge_bases_of_all};
pub use bydate::CommitsByDate;
pub(crate) use cover::reaches_all;
pub(crate) use difference::{Difference, difference};
pub use graph::Graph;
pub(crate) use graph::{Flags, Memory, Node, UNKNOWN_GENERATION, check_interrupt};
pub use object::{Peeled, peel};
pub(crate) use object::{TreeEntries, TreeEntry, read_as, read_commit, read_tag, unreadable};
pub(crate) use order::{parents_first, reached_parents_first};
pub(crate) use reach::Reach;

#[cfg(test)]
mod tests;
