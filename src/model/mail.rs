//! Mails that wait to be sent.
//!
//! Owns plain data. A code that opens something is no part of it: it is made when the mail is sent.

use super::{Email, UtcMs};

/// The line of a text that the link takes the place of.
pub const LINK_LINE: &str = "{link}";

/// What a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To confirm an address that somebody added to an account; about the row of the address.
    ConfirmAddress,
    /// To confirm a new account; about the row of the registration.
    ConfirmRegistration,
    /// To tell that somebody wanted an account for an address that has one.
    AddressInUse,
    /// To tell that an administrator made an account.
    AccountMade,
    /// To invite to a team; about the row of the invitation.
    Invitation,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 5] =
        [Self::ConfirmAddress, Self::ConfirmRegistration, Self::AddressInUse, Self::AccountMade, Self::Invitation];

    /// Its name in rows and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmAddress => "confirm_address",
            Self::ConfirmRegistration => "confirm_registration",
            Self::AddressInUse => "address_in_use",
            Self::AccountMade => "account_made",
            Self::Invitation => "invitation",
        }
    }

    /// Reads a name given by [`Self::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// What makes a mail wait.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// To whom.
    pub recipient: Email,
    /// What for.
    pub purpose: Purpose,
    /// What it is about; one line.
    pub subject: String,
    /// The text; the line [`LINK_LINE`] is where the link will be.
    pub text: String,
    /// The row that the link is about.
    pub about: Option<i64>,
    /// After this nobody wants it any more; the link is good until then.
    pub expires_ms: UtcMs,
}

/// A mail that waits.
#[derive(Debug, Clone)]
pub struct WaitingMail {
    /// Row id.
    pub id: i64,
    /// What it is.
    pub mail: NewMail,
    /// When it was written.
    pub created_ms: UtcMs,
}

/// How it stands with mails, for people who look after the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailStatus {
    /// Mails that wait or are being sent.
    pub waiting: u64,
    /// The oldest of them.
    pub oldest_ms: Option<UtcMs>,
    /// What the mail server said last about one that waits.
    pub last_error: Option<String>,
    /// Mails that were given up and not forgotten yet.
    pub failed: u64,
    /// Why the last of them was.
    pub last_failure: Option<String>,
}
