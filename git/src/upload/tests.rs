//! Answers of ours against answers of real git, for the same requests on the same repositories.

mod advertised;
mod bitmaps;
pub(super) mod client;
mod counting;
mod differential;
mod features;
mod limits;
mod model;
mod oracle;
mod packs;
mod shallow_filter;
