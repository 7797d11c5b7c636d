//! The number that grows with every change that may alter who may do what.
//!
//! Owns the statement that reads it; triggers of the schema write it, so that no change can forget to, whoever makes it. The writer reads it after
//! each commit and publishes it to [`crate::access::rights_cache`].

/// Reads the number.
pub const VERSION_QUERY: &str = "SELECT version FROM rights_version WHERE id = 1";

#[cfg(test)]
mod tests;
