//! Accounts that strangers asked for and have not confirmed yet.
//!
//! Owns plain data. A registration is no account: it takes no name and no address from anybody until it is confirmed.

use super::{Email, UserName, UtcMs};

/// Kind of the job that removes what was not confirmed or answered in time, and mails that were given up long ago.
pub const FORGET: &str = "registration.forget";
/// Its key: it is about all of them.
pub const ALL: &str = "all";

/// What a stranger asks for.
#[derive(Debug, Clone)]
pub struct NewRegistration {
    /// Wanted login name, already checked by [`UserName::new`].
    pub name: UserName,
    /// Address that has to be confirmed.
    pub email: Email,
    /// Clear text password; hashed before it goes anywhere.
    pub password: String,
}

/// A registration that waits for its confirmation.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Row id; never used twice.
    pub id: i64,
    /// Wanted login name.
    pub name: UserName,
    /// Address that has to be confirmed.
    pub email: Email,
    /// Hash of the password (PHC string).
    pub password_hash: String,
    /// When it lapses.
    pub expires_ms: UtcMs,
}
