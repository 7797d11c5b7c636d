//! Secrets of access tokens: made from the system's random source, shown once, stored only as SHA-256.

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Length of a secret. Units: hexadecimal characters.
pub const SECRET_CHARS: usize = 40;

/// A new secret: 40 hexadecimal characters, 160 random bits.
///
/// Errors: `Internal` when the system has no randomness.
pub fn new_secret() -> Result<String> {
    let mut bytes = [0; SECRET_CHARS / 2];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(crate::audit::event::hex(&bytes))
}

/// What is stored of a secret.
///
/// A plain hash is enough: the secret has 160 random bits, so there is nothing to guess.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The last eight characters, by which people tell their tokens apart.
pub fn last_eight(secret: &str) -> &str {
    secret.get(secret.len().saturating_sub(8)..).unwrap_or(secret)
}

/// Whether a text has the form of a secret, so that looking it up makes sense.
pub fn looks_like_secret(text: &str) -> bool {
    text.len() == SECRET_CHARS && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_giteas_form_and_differ() {
        let (one, two) = (new_secret().unwrap(), new_secret().unwrap());
        assert!(looks_like_secret(&one) && looks_like_secret(&two));
        assert_ne!(one, two);
        assert!(one.ends_with(last_eight(&one)) && last_eight(&one).len() == 8);
        assert_ne!(hash(&one), hash(&two));
    }

    #[test]
    fn other_texts_are_not_looked_up() {
        for text in ["", "abc", &"g".repeat(40), &"A".repeat(40), &"a".repeat(41)] {
            assert!(!looks_like_secret(text), "{text}");
        }
    }
}
