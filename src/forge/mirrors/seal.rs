//! Credentials of remotes, as they lie in the database: sealed, so that a copy of it opens nothing.
//!
//! Owns their form: a version, a nonce, and the ciphertext of ChaCha20-Poly1305 bound to the address of the remote, so that a row that is made to name another one gives
//! nothing away. The key is derived from the root secret, which lies beside the database for its owner only.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;

use crate::error::{Error, Result};
use crate::model::mirror::Credentials;

/// The first byte of what is sealed.
const VERSION: u8 = 1;

/// Seals and opens credentials; cheap to clone.
#[derive(Clone)]
pub struct Sealer(Arc<LessSafeKey>);

impl Sealer {
    /// Derives the key from the root secret of the installation.
    pub fn new(root_secret: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(root_secret).expect("HMAC takes keys of any length");
        mac.update(b"atomicqms credentials of mirrors v1");
        let key: [u8; 32] = mac.finalize().into_bytes().into();
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("the key is as long as the algorithm wants");
        Self(Arc::new(LessSafeKey::new(key)))
    }

    /// Seals credentials for one remote.
    ///
    /// Errors: `Internal`: the system has no random numbers.
    pub(super) fn seal(&self, credentials: &Credentials, url: &str) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| Error::broken(format!("no random numbers: {error}")))?;
        let mut text = Vec::new();
        text.extend_from_slice(&u32::try_from(credentials.user.len()).unwrap_or(u32::MAX).to_be_bytes());
        text.extend_from_slice(credentials.user.as_bytes());
        text.extend_from_slice(credentials.password.as_bytes());
        let nonce_of_key = Nonce::assume_unique_for_key(nonce);
        let sealed = self.0.seal_in_place_append_tag(nonce_of_key, Aad::from(url.as_bytes()), &mut text);
        sealed.map_err(|_| Error::broken("credentials could not be sealed"))?;
        Ok([&[VERSION], nonce.as_slice(), &text].concat())
    }

    /// Opens credentials; none: they are not of this remote, or were sealed with another key.
    pub(super) fn open(&self, sealed: &[u8], url: &str) -> Option<Credentials> {
        let rest = sealed.strip_prefix(&[VERSION])?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.0.open_in_place(nonce, Aad::from(url.as_bytes()), &mut text).ok()?;
        let (length, rest) = plain.split_first_chunk::<4>()?;
        let (user, password) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let read = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(Credentials { user: read(user)?, password: read(password)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_remote_and_key_only() {
        let sealer = Sealer::new(b"root");
        let ours = Credentials { user: "ada".to_owned(), password: "w\u{f6}rd:with:colons".to_owned() };
        let sealed = sealer.seal(&ours, "https://a.example/x").unwrap();
        assert_eq!(sealer.open(&sealed, "https://a.example/x"), Some(ours.clone()));
        assert_ne!(sealer.seal(&ours, "https://a.example/x").unwrap(), sealed, "a nonce is used once");
        assert_eq!(sealer.open(&sealed, "https://b.example/x"), None);
        assert_eq!(Sealer::new(b"other").open(&sealed, "https://a.example/x"), None);
        assert!(!sealed.windows(3).any(|part| part == b"ada"));
        for position in 0..sealed.len() {
            let mut other = sealed.clone();
            other[position] ^= 1;
            assert_eq!(sealer.open(&other, "https://a.example/x"), None, "byte {position}");
            assert_eq!(sealer.open(&sealed[..position], "https://a.example/x"), None);
        }
        assert_eq!(format!("{ours:?}"), "Credentials(***)");
    }
}
