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

impl From<lettre::transport::smtp::Error> for Fault {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        let code = error.status().map(|code| code.to_string());
        let words = without_addresses(&chain(&error));
        if code.is_some_and(|code| is_about_the_mail(&code)) { Self::Never(words) } else { Self::Later(words) }
    }
}

/// Whether a refusal is about this mail, so that it will be refused again. Others (535: the password is wrong) are about how the server is set up, which
/// somebody may mend.
/// Source: RFC 5321, section 4.2.3; RFC 7504 for 556.
fn is_about_the_mail(code: &str) -> bool {
    matches!(code, "501" | "550" | "551" | "552" | "553" | "554" | "555" | "556")
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
    fn refusals_of_the_mail_are_final_and_those_of_the_server_are_not() {
        for final_one in ["501", "550", "552", "554"] {
            assert!(is_about_the_mail(final_one), "{final_one}");
        }
        for other in ["421", "450", "451", "452", "500", "503", "530", "535", "538", "454"] {
            assert!(!is_about_the_mail(other), "{other}");
        }
    }
}
