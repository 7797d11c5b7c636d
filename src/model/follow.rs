//! Accounts that follow each other.

/// From which side a list of them is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Those who follow the account.
    Followers,
    /// Those whom it follows.
    Following,
}
