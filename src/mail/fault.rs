//! Why a mail was not handed over, and whether trying again helps.

use std::fmt;

/// Longest text kept of what a mail server says.
const MAX_CHARS: usize = 300;

/// Why a mail was not handed over. The words hold no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It may go better later.
    Later(String),
    /// It will not.
    Never(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Later(words) | Self::Never(words)) = self;
        f.write_str(words)
    }
}

/// What of a mail the mail server refused. Everything before (its greeting, our name, signing in, from whom the mail is) is about how we are set up, which
/// somebody may mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// To whom it is.
    Recipient,
    /// Its text.
    Data,
}

impl From<lettre::transport::smtp::Error> for Fault {
    /// What went wrong before there was a mail: nothing of it is final.
    fn from(error: lettre::transport::smtp::Error) -> Self {
        Self::Later(without_addresses(&chain(&error)))
    }
}

impl Fault {
    /// What the refusal of a recipient or of a text means.
    pub(super) fn refused(error: &lettre::transport::smtp::Error, what: Refused) -> Self {
        let code = error.status().map(|code| code.to_string());
        let said = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let words = without_addresses(&chain(error));
        if code.is_some_and(|code| is_final(&code, &said, what)) { Self::Never(words) } else { Self::Later(words) }
    }
}

/// Whether a refusal is about this mail, so that it will be refused again. Many servers wait for the recipient before they say that they want nothing from
/// us at all; that shows in the enhanced code, where there is one, or in 554, which names nothing of the recipient.
/// Source: RFC 5321, section 4.2.3; RFC 7504 for 556; RFC 3463 for enhanced codes (7: policy, 5: protocol, 3: the mail system, 1.7 and 1.8: the sender).
fn is_final(code: &str, said: &str, what: Refused) -> bool {
    let is_ours = |subject: &str, detail: &str| match (subject, detail) {
        ("7", _) | ("1", "7" | "8") => true,
        ("3" | "5", _) => what == Refused::Recipient,
        _ => false,
    };
    let is_about_us = match enhanced(said) {
        Some((subject, detail)) => is_ours(subject, detail),
        None => code == "554" && what == Refused::Recipient,
    };
    let is_refusal = match what {
        Refused::Recipient => matches!(code, "501" | "550" | "551" | "552" | "553" | "554" | "556"),
        Refused::Data => matches!(code, "550" | "551" | "552" | "553" | "554" | "556"),
    };
    is_refusal && !is_about_us
}

/// Subject and detail of an enhanced code `5.subject.detail`.
fn enhanced(said: &str) -> Option<(&str, &str)> {
    let (subject, detail) = said.split_whitespace().next()?.strip_prefix("5.")?.split_once('.')?;
    let is_number = |text: &str| matches!(text.len(), 1..=3) && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(subject) && is_number(detail)).then_some((subject, detail))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        next = cause.source();
    }
    words
}

/// What a mail server says, on one line, bounded, with nothing in it that looks like an address: it goes into logs.
fn without_addresses(words: &str) -> String {
    let words: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if word.contains('@') { "(address)" } else { word })
        .collect();
    words.join(" ").chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mail_server_says_loses_addresses_and_line_ends() {
        let said =
            "permanent error (550): 5.1.1 <ada@example.org>: Recipient\r\naddress rejected:\u{1b}[2J  see mailto:x@y";
        assert_eq!(
            without_addresses(said),
            "permanent error (550): 5.1.1 (address) Recipient address rejected: [2J see (address)"
        );
        assert_eq!(without_addresses(&"x".repeat(5000)).len(), MAX_CHARS);
    }

    #[test]
    fn refusals_of_the_mail_are_final_and_those_of_us_are_not() {
        let table = [
            (Refused::Recipient, "501", "5.1.3 bad address", true),
            (Refused::Recipient, "550", "no such user", true),
            (Refused::Recipient, "550", "5.1.1 no such user", true),
            (Refused::Recipient, "552", "5.2.2 mailbox full", true),
            (Refused::Recipient, "556", "5.1.10 takes no mail", true),
            (Refused::Recipient, "554", "5.1.1 no such user", true),
            (Refused::Recipient, "554", "Client host blocked", false),
            (Refused::Recipient, "554", "5.7.1 Relay access denied", false),
            (Refused::Recipient, "550", "5.7.1 Client host blocked", false),
            (Refused::Recipient, "550", "5.7.26 not authenticated", false),
            (Refused::Recipient, "553", "5.1.8 sender's domain not found", false),
            (Refused::Recipient, "501", "5.5.4 syntax", false),
            (Refused::Recipient, "550", "5.7 is no enhanced code", true),
            (Refused::Data, "552", "5.3.4 too large", true),
            (Refused::Data, "554", "no", true),
            (Refused::Data, "554", "5.6.0 content", true),
            (Refused::Data, "550", "5.7.26 not authenticated", false),
        ];
        for (what, code, said, expected) in table {
            assert_eq!(is_final(code, said, what), expected, "{what:?} {code} {said}");
        }
        for code in ["421", "450", "451", "452", "454", "500", "503", "521", "530", "535", "538", "555"] {
            assert!(!is_final(code, "x", Refused::Recipient) && !is_final(code, "x", Refused::Data), "{code}");
        }
    }
}
