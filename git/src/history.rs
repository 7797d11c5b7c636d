//! History services.
pub(crate) mod tree;
