//! One mail as bytes: plain text in UTF-8, with the headers that every mail must have.
//!
//! Owns the header list. Values go through the types of `lettre`, which encode whatever could end a header.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};

use super::Fault;
use crate::model::{Email, UtcMs};

/// What is sent to one address.
#[derive(Debug, Clone)]
pub struct Letter {
    /// To whom.
    pub to: Email,
    /// What it is about; one line.
    pub subject: String,
    /// The text; lines end with `\n`.
    pub text: String,
    /// Names the mail, the same each time it is sent, so that a second copy can be known as one; `local@domain`.
    pub message_id: String,
    /// When it was written.
    pub date: UtcMs,
}

/// `Auto-Submitted: auto-generated`: no person wrote this, so no out-of-office note is wanted.
/// Source: RFC 3834, section 5.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Letter {
    /// Writes the message.
    ///
    /// Errors: `Never` for an address that the mail system does not know how to write.
    pub(super) fn message(&self, from: &Mailbox) -> Result<Message, Fault> {
        let address =
            self.to.as_str().parse().map_err(|_| Fault::Never("the address cannot be written to".to_owned()))?;
        let since_epoch = Duration::from_millis(u64::try_from(self.date.get()).unwrap_or(0));
        // Whatever lettre does with line ends in a header, none gets there.
        let subject: String = self.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, address))
            .subject(subject)
            .date(SystemTime::UNIX_EPOCH + since_epoch)
            .message_id(Some(format!("<{}>", self.message_id)))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(self.text.clone())
            .map_err(|error| Fault::Never(format!("the mail cannot be written: {error}")))
    }
}
