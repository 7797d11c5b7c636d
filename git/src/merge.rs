//! Owns three-way merging in memory: of texts, of trees, of histories. Refuses to touch a worktree, refs or the disk: what it makes is kept in
//! [`crate::create::NewObjects`]. Called by the server for pull requests, cherry-picks, reverts and rebases, on a blocking pool.

mod history;
mod lines;
pub mod replay;
pub mod text;
pub mod tree;

pub use history::merge_histories;
pub use lines::LineDiff;
pub use text::{ConflictStyle, Joining, Labels, TextMerge, TextOptions, merge_text};
