//! OpenPGP keys of accounts: the rows, and when a key speaks for its account.

use super::openpgp::GpgPart;
use super::{GpgKeyId, UserId, UtcMs};

/// A primary key or subkey with its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpgPartRow {
    /// Row id.
    pub id: GpgKeyId,
    /// What it says.
    pub part: GpgPart,
}

/// A key of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpgKey {
    /// The primary key; its row id is the key's.
    pub primary: GpgPartRow,
    /// Its subkeys.
    pub subkeys: Vec<GpgPartRow>,
    /// Whose it is.
    pub user_id: UserId,
    /// Addresses in the user ids that it stood by when it was added, in lower case.
    pub addresses: Vec<String>,
    /// Its holder signed a challenge with it.
    pub is_challenged: bool,
    /// When it was added.
    pub added_ms: UtcMs,
}

impl GpgKey {
    /// All parts, the primary key first.
    pub fn parts(&self) -> impl Iterator<Item = &GpgPart> {
        std::iter::once(&self.primary).chain(&self.subkeys).map(|row| &row.part)
    }

    /// Whether it speaks for its account; `verified` are the account's verified addresses.
    pub fn is_verified(&self, verified: &[String]) -> bool {
        speaks(self.is_challenged, &self.addresses, verified)
    }
}

/// A part that may have made a signature, with what is to be known of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningPart {
    /// The part.
    pub part: GpgPart,
    /// Whose it is.
    pub user_id: UserId,
    /// See [`GpgKey::addresses`].
    pub addresses: Vec<String>,
    /// See [`GpgKey::is_challenged`].
    pub is_challenged: bool,
}

impl SigningPart {
    /// See [`GpgKey::is_verified`].
    pub fn is_verified(&self, verified: &[String]) -> bool {
        speaks(self.is_challenged, &self.addresses, verified)
    }
}

/// A key speaks for an account that it has signed a challenge for, or of which it names a verified address.
pub fn speaks(is_challenged: bool, addresses: &[String], verified: &[String]) -> bool {
    is_challenged || addresses.iter().any(|address| verified.contains(address))
}

/// What makes a key.
#[derive(Debug, Clone)]
pub struct NewGpgKey {
    /// The key in ASCII armor.
    pub armored_key: String,
    /// A signature over the challenge, in ASCII armor.
    pub armored_signature: Option<String>,
}

/// A key id as somebody wrote it: hex in either case, leading zeros left out, a fingerprint of version 4 whole; none: it names no key.
pub fn read_key_id(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("0x").unwrap_or(text);
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let id = match text.len() {
        1..=16 => text,
        40 => text.get(24..)?,
        64 => text.get(..16)?,
        _ => return None,
    };
    Some(format!("{:0>16}", id.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_people_write_them() {
        let fingerprint = "0123456789abcdef01234567000123456789abcd";
        for text in ["000123456789ABCD", "123456789abcd", "0x000123456789abcd", " 123456789ABCD\n", fingerprint] {
            assert_eq!(read_key_id(text).as_deref(), Some("000123456789ABCD"), "{text}");
        }
        assert_eq!(read_key_id(&"ab".repeat(32)).as_deref(), Some("ABABABABABABABAB"));
        for text in ["", "0x", "xyz", "12345678901234567", "é"] {
            assert_eq!(read_key_id(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_speaks_by_challenge_or_by_address() {
        let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let table = [
            (false, "", "a@x", false),
            (true, "", "", true),
            (false, "b@x a@x", "c@x a@x", true),
            (false, "a@x", "", false),
        ];
        for (is_challenged, addresses, verified, expected) in table {
            assert_eq!(speaks(is_challenged, &lines(addresses), &lines(verified)), expected);
        }
    }
}
