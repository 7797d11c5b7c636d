//! E-mail addresses as the server accepts them.
//!
//! Owns the rule: plain ASCII `local@domain` as Gitea takes it; display names, quoting and comments are refused.

use std::fmt;

use crate::error::Error;

/// Longest address. Units: bytes.
const MAX_BYTES: usize = 254;

/// A checked address; unique without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Checks an address.
    ///
    /// Errors: `Invalid` for anything but plain `local@domain`.
    pub fn new(address: &str) -> Result<Self, Error> {
        let refuse = || Error::invalid("email", "e-mail address is not valid");
        let (local, domain) = address.rsplit_once('@').ok_or_else(refuse)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('-')
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte));
        let label_ok = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if address.len() <= MAX_BYTES && local_ok && domain.split('.').all(label_ok) {
            Ok(Self(address.to_owned()))
        } else {
            Err(refuse())
        }
    }

    /// The address as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The lower-case form under which the address is unique.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The key of the mailbox that it most likely leads to: without what stands behind a `+`. Good for counting only.
    pub fn mailbox_key(&self) -> String {
        let key = self.key();
        match key.rsplit_once('@').and_then(|(local, domain)| Some((local.split_once('+')?.0, domain))) {
            Some((local, domain)) if !local.is_empty() => format!("{local}@{domain}"),
            _ => key,
        }
    }

    /// Takes an address back from a row.
    pub(crate) fn from_row(address: String) -> Self {
        Self(address)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_plus_is_the_same_mailbox() {
        for (address, expected) in [
            ("Lab@example.org", "lab@example.org"),
            ("Lab+x@Example.org", "lab@example.org"),
            ("lab+x+y@example.org", "lab@example.org"),
            ("lab+@example.org", "lab@example.org"),
            ("+x@example.org", "+x@example.org"),
        ] {
            assert_eq!(Email::new(address).unwrap().mailbox_key(), expected);
        }
    }

    #[test]
    fn plain_addresses_pass_and_everything_else_does_not() {
        for good in ["ada@example.org", "a.b+c@x-y.example", "admin@localhost", "O'Brien@example.ie"] {
            assert!(Email::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ada",
            "@x",
            "ada@",
            "a b@x.y",
            "Ada <ada@x.y>",
            "-a@x.y",
            "a@-x.y",
            "a@x..y",
            "a..b@x.y",
            "a@x.y\r\nBcc: b@x.y",
            "\"a\"@x.y",
            "ä@x.y",
            "a@b@c d",
        ] {
            assert!(Email::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Email::new("Ada@Example.org").unwrap().key(), "ada@example.org");
    }
}
