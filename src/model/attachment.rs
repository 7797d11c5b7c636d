//! Files attached to something: the row, the name of a file and the name of its content.
//!
//! Owns what a file may be called. The content itself is in the blob store.

use std::fmt;

use atomicqms_actors::sql::Value;

use super::{AttachmentId, ReleaseId, RepoId, UserId, UtcMs};
use crate::error::{Error, Result};

/// Longest file name. Units: bytes.
const NAME_MAX_BYTES: usize = 255;

/// SHA-256 of a content, which is its name in the blob store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId([u8; 32]);

impl BlobId {
    /// Wraps a hash.
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// Reads raw bytes; none unless there are 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| match digit {
                b'0'..=b'9' => Some(digit - b'0'),
                b'a'..=b'f' => Some(digit - b'a' + 10),
                _ => None,
            };
            let [high, low] = pair else { return None };
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(hash))
    }

    /// The raw hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<BlobId> for Value {
    fn from(id: BlobId) -> Self {
        Self::Blob(id.0.to_vec())
    }
}

/// A random name that nobody can guess, for addresses: version 4 of RFC 9562.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uuid(String);

impl Uuid {
    /// Makes one.
    ///
    /// Errors: `Internal` when the system has no randomness.
    pub fn random() -> Result<Self> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        let number = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{number:032x}");
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        Ok(Self(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))))
    }

    /// Reads one from an address or a row; none unless it has the form.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        is_one.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name a file is offered under: one path segment, no control characters, nothing that turns text around.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileName(String);

impl FileName {
    /// Takes what an uploader sent: directories in front of the name are dropped, as browsers may send them, and so is what
    /// could garble a terminal, a header or a page.
    ///
    /// Errors: `Invalid` when nothing is left, or it is longer than 255 bytes.
    pub fn new(text: &str) -> Result<Self> {
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let name: String = last.chars().filter(|character| !is_harmful(*character)).collect();
        let name = name.trim();
        if name.is_empty() || name == "." || name == ".." {
            return Err(Error::invalid("name", "[Name]: Required"));
        }
        if name.len() > NAME_MAX_BYTES {
            return Err(Error::invalid("name", "[Name]: MaxSize"));
        }
        Ok(Self(name.to_owned()))
    }

    /// Trusts a row.
    pub fn from_row(text: String) -> Self {
        Self(text)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the last dot, in lower case; empty without one.
    pub fn ending(&self) -> String {
        self.0.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_lowercase())
    }
}

/// Control characters, and those of Unicode that are invisible or change the direction of what follows.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// One attached file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Row id.
    pub id: AttachmentId,
    /// Name in addresses.
    pub uuid: Uuid,
    /// The repository it belongs to.
    pub repo_id: RepoId,
    /// The release it belongs to.
    pub release_id: Option<ReleaseId>,
    /// Who brought it.
    pub uploader_id: UserId,
    /// Name of the file.
    pub name: FileName,
    /// Length. Units: bytes.
    pub size_bytes: u64,
    /// Its content.
    pub blob: BlobId,
    /// What its first bytes look like.
    pub content_type: String,
    /// How often it was fetched; may lag behind by some seconds.
    pub download_count: u64,
    /// When it was attached.
    pub created_ms: UtcMs,
}

/// What makes an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// Name in addresses.
    pub uuid: Uuid,
    /// Name of the file.
    pub name: FileName,
    /// Length. Units: bytes.
    pub size_bytes: u64,
    /// Its content, which is in the store already.
    pub blob: BlobId,
    /// What its first bytes look like.
    pub content_type: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_harmless_segment() {
        let table = [
            ("a.zip", Some("a.zip")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\temp\\x.exe", Some("x.exe")),
            ("a\r\nX-Evil: 1.txt", Some("aX-Evil: 1.txt")),
            ("invoice\u{202e}fdp.exe", Some("invoicefdp.exe")),
            (" Ünïcode.pdf ", Some("Ünïcode.pdf")),
            ("", None),
            ("..", None),
            ("x/", None),
            ("\0\0", None),
        ];
        for (text, expected) in table {
            assert_eq!(FileName::new(text).ok().as_ref().map(FileName::as_str), expected, "{text:?}");
        }
        assert!(FileName::new(&"x".repeat(255)).is_ok() && FileName::new(&"x".repeat(256)).is_err());
        assert_eq!(FileName::new("a.tar.GZ").unwrap().ending(), "gz");
    }

    #[test]
    fn uuids_are_random_and_of_version_four() {
        let (one, two) = (Uuid::random().unwrap(), Uuid::random().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.as_str().as_bytes()[14], b'4');
        assert!(b"89ab".contains(&one.as_str().as_bytes()[19]));
        assert_eq!(Uuid::parse(&one.as_str().to_uppercase()), Some(one));
        for bad in [
            "",
            "x",
            "00000000-0000-0000-0000-00000000000",
            "00000000-0000-0000-0000-00000000000g",
            "../../../../../../../../../../../../",
        ] {
            assert_eq!(Uuid::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn hashes_print_as_they_are_read() {
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(BlobId::from_hex(text).unwrap().to_string(), text);
        assert_eq!(BlobId::from_hex(&text.to_uppercase()), None);
        assert_eq!(BlobId::from_hex("ab"), None);
    }
}
