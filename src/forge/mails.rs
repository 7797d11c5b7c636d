//! Mails: written down in the transaction of what causes them, sent later.
//!
//! Owns what a mail says (`letters`), the codes in links (`codes`), how many there may be, and the run that sends one (`send`). Refuses to know SMTP: that is
//! [`crate::mail`]. Called by other files of the forge, inside their transactions.

pub mod codes;
mod letters;
mod send;
#[cfg(test)]
pub(in crate::forge) mod tests;

use std::time::Duration;

use atomicqms_actors::sql::Connection;

pub use self::codes::LinkCodes;
pub(super) use self::letters::{account_made, address_in_use, confirm_address, confirm_registration, invite};
pub use self::send::{Sender, SenderParts};
use crate::access::Quota;
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::{Email, NewMail, UserId, UtcMs};

/// How long the counts of mails last.
const HOUR: Duration = Duration::from_secs(3600);

/// What an administrator may tune about mails.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether mails are sent at all.
    pub is_on: bool,
    /// The URL that users see, for texts; ends with `/`.
    pub root_url: String,
    /// How long links are good. Units: milliseconds.
    pub confirmation_ms: i64,
    /// Mails that may wait.
    pub max_waiting: u64,
    /// Largest text. Units: bytes.
    pub max_text_bytes: usize,
    /// Mails to one address in an hour that people cause.
    pub max_per_recipient: u32,
    /// Mails that one account causes in an hour.
    pub max_per_account: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_on: false,
            root_url: "http://localhost/".to_owned(),
            confirmation_ms: 86_400_000,
            max_waiting: 10_000,
            max_text_bytes: 262_144,
            max_per_recipient: 5,
            max_per_account: 20,
        }
    }
}

/// What all of the forge shares about mails.
pub struct Mails {
    settings: Settings,
    codes: LinkCodes,
    by_recipient: Quota<String>,
    by_account: Quota<UserId>,
}

impl Mails {
    /// Prepares; nobody has been written to lately.
    pub fn new(settings: Settings, codes: LinkCodes) -> Self {
        let by_recipient = Quota::new(settings.max_per_recipient, HOUR);
        let by_account = Quota::new(settings.max_per_account, HOUR);
        Self { settings, codes, by_recipient, by_account }
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether mails are sent at all.
    pub fn is_on(&self) -> bool {
        self.settings.is_on
    }

    /// The codes in links.
    pub(super) fn codes(&self) -> &LinkCodes {
        &self.codes
    }

    /// Counts a mail that somebody causes to an address; what stands behind a `+` leads to the same mailbox.
    ///
    /// Errors: `RateLimited`.
    pub(super) fn count_for(&self, email: &Email) -> Result<()> {
        self.by_recipient.take(email.mailbox_key(), "too many mails were sent to this address lately; try again later")
    }

    /// Counts a mail that an account causes.
    ///
    /// Errors: `RateLimited`.
    pub(super) fn count_by(&self, user: UserId) -> Result<()> {
        self.by_account.take(user, "too many mails were asked for by this account lately; try again later")
    }

    /// Lets a mail wait, in the transaction of what causes it; without mail nothing happens.
    ///
    /// Errors: `Overloaded` when too many wait, `TooLarge` for a text that is too long.
    pub(super) fn post(&self, tx: &dyn Connection, mail: &NewMail, at: UtcMs) -> Result<()> {
        if !self.is_on() {
            return Ok(());
        }
        if mail.text.len() > self.settings.max_text_bytes {
            return Err(Error::new(Kind::TooLarge, "the text of a mail would be too long"));
        }
        if db::outgoing_mails::count_waiting(tx)? >= self.settings.max_waiting {
            return Err(Error::new(Kind::Overloaded, "too many mails wait to be sent, try again later"));
        }
        Ok(db::outgoing_mails::insert(tx, mail, at)?)
    }
}
