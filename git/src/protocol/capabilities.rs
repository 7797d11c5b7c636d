//! Capability lists as clients send them: `name` and `name=value`, separated by spaces.
//!
//! Owns splitting and lookup. Refuses to judge: unknown capabilities are kept and ignored, as git does. Used by the
//! request parsers of both services.

use crate::{
    error::{Error, Result},
    id::HASH_KIND,
};

/// The capabilities of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    words: Vec<Vec<u8>>,
}

impl Capabilities {
    /// Splits a list; empty words are dropped.
    pub(crate) fn parse(list: &[u8]) -> Self {
        let words = list.split(|byte| matches!(byte, b' ' | b'\n')).filter(|word| !word.is_empty());
        Capabilities { words: words.map(<[u8]>::to_vec).collect() }
    }

    /// Whether the bare word was sent.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.words.iter().any(|word| word == name.as_bytes())
    }

    /// The value of `name=value`.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        self.words.iter().find_map(|word| word.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }

    /// Refuses a client that works with another hash than ours.
    ///
    /// Errors: `BadRequest` when `object-format` is given and differs.
    pub(crate) fn check_object_format(&self) -> Result<()> {
        check_object_format(self.value("object-format"))
    }
}

/// Refuses any object format but the repository's; absence means SHA-1.
pub(crate) fn check_object_format(format: Option<&[u8]>) -> Result<()> {
    match format {
        Some(format) if format != HASH_KIND.to_string().as_bytes() => Err(Error::BadRequest {
            what: format!("mismatched object format: server {HASH_KIND}; client {}", format.escape_ascii()),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_values() {
        let caps = Capabilities::parse(b" multi_ack  side-band-64k agent=git/2.39.5 object-format=sha1\n");
        assert!(caps.has("multi_ack") && caps.has("side-band-64k") && !caps.has("side-band"));
        assert_eq!(caps.value("agent"), Some(&b"git/2.39.5"[..]));
        assert_eq!(caps.value("age"), None);
        caps.check_object_format().unwrap();
        assert!(Capabilities::parse(b"object-format=sha256").check_object_format().is_err());
        Capabilities::parse(b"").check_object_format().unwrap();
    }
}
