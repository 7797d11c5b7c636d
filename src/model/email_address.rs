//! The addresses of an account.

use super::{Email, UserId};

/// Most addresses of one account.
pub const MAX_OF_ACCOUNT: usize = 50;

/// One address of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress {
    /// Row id.
    pub id: i64,
    /// Whose it is said to be.
    pub user_id: UserId,
    /// The address.
    pub email: Email,
    /// It was confirmed, or an administrator set it. No address is confirmed for two accounts.
    pub is_verified: bool,
    /// It is the one in the account's row.
    pub is_primary: bool,
}
