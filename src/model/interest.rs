//! What an account may have to do with a repository without any right in it.

/// A star or a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Likes it.
    Star,
    /// Wants to hear of it.
    Watch,
}
