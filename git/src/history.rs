//! Owns what a forge asks of history: log by path, last commit of every entry of a directory, counts of commits ahead and behind, which tips
//! hold a commit, and blame. Refuses refs and names (callers pass ids of commits or of tags of them), and refuses to guess: answers are those of stock git with its
//! default options. Called by pages and the API, from a blocking pool.
//!
//! Everything here can be interrupted and nothing recurses. All of it runs faster with a commit-graph file (see [`crate::commit_graph`]) and
//! answers the same without one.

mod blame;
mod contains;
mod counts;
mod directory;
mod last_commits;
mod line_diff;
mod listing;
mod log;
mod path;
#[cfg(test)]
mod testhistory;
pub(crate) mod tree;

pub use blame::{Blame, BlameOptions, BlamedRange, blame};
pub use contains::tips_containing;
pub use counts::{AheadBehind, ahead_behind, ahead_behind_many};
pub use last_commits::{EntryCommit, LastCommits, last_commits, update_last_commits};
pub use listing::{ListedEntry, Listing, ListingOptions, list_tree};
pub use log::{Cursor, LogEntry, LogPage, LogRequest, Order, log, log_and_count};
pub use tree::{Entry, entry_at};

#[cfg(test)]
pub(crate) use blame::tests::blame_of_porcelain;

#[cfg(test)]
mod tests;
