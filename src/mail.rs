//! Mails on their way to the mail server: how one is written and how it is handed over.
//!
//! Owns the form of messages and the SMTP connection. What a mail says, when one is due and what becomes of a failure is `forge::mails`'. Refuses to
//! tell anybody an address: what the mail server says is cleaned of them before it gets into a log.

mod fault;
mod message;
mod smtp;
#[cfg(test)]
#[path = "../tests/it/dsl/mail_sink.rs"]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use message::Letter;
pub use smtp::{Settings, Smtp};

/// Whether a text is an address, with or without a name before it.
pub fn is_mailbox(text: &str) -> bool {
    !text.contains(char::is_control) && text.parse::<lettre::message::Mailbox>().is_ok()
}
