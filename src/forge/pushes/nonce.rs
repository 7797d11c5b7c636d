//! The nonces of signed pushes: proof that a certificate was made for this repository and lately.
//!
//! Owns their form and their check, which needs no memory of what was handed out: over HTTP a client fetches the nonce in one request
//! and uses it in another. A certificate used twice is refused by its row, which is unique. Called by the advertisement and by
//! `forge/pushes.rs`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::audit::event::hex;
use crate::model::{RepoId, UtcMs};

/// How long a nonce may be used: signing may ask for a passphrase, and the pack comes after the certificate.
const WINDOW_SECONDS: i64 = 3600;
/// Bytes of the authentication code that go into a nonce.
const CODE_BYTES: usize = 20;

/// What a certificate's nonce says; the words are git's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceStatus {
    /// Ours, for this repository, and recent.
    Ok,
    /// Ours, for this repository, and too old or from the future.
    Slop {
        /// Seconds since it was made; negative for the future.
        seconds: i64,
    },
    /// Not ours, or for another repository.
    Bad,
    /// There is none.
    Missing,
}

/// Makes and checks nonces.
#[derive(Clone)]
pub struct Nonces {
    key: [u8; 32],
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces(***)")
    }
}

impl Nonces {
    /// Derives the key from the root secret of the installation.
    pub fn new(root_secret: &[u8]) -> Self {
        let mut mac = keyed(root_secret);
        mac.update(b"atomicqms push certificate nonce v1");
        Self { key: mac.finalize().into_bytes().into() }
    }

    /// A nonce for a repository: seconds since the epoch, a dash, a code over both.
    pub fn make(&self, repository: RepoId, now: UtcMs) -> String {
        let seconds = now.get().div_euclid(1000);
        format!("{seconds}-{}", hex(&self.code(repository, seconds)))
    }

    /// Judges the nonce of a certificate.
    pub fn check(&self, repository: RepoId, nonce: Option<&str>, now: UtcMs) -> NonceStatus {
        let Some(nonce) = nonce else { return NonceStatus::Missing };
        let Some((made, code)) = nonce.split_once('-') else { return NonceStatus::Bad };
        let Ok(made) = made.parse::<i64>() else { return NonceStatus::Bad };
        let expected = hex(&self.code(repository, made));
        if !bool::from(subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), code.as_bytes())) {
            return NonceStatus::Bad;
        }
        let seconds = now.get().div_euclid(1000).saturating_sub(made);
        if (-60..=WINDOW_SECONDS).contains(&seconds) { NonceStatus::Ok } else { NonceStatus::Slop { seconds } }
    }

    fn code(&self, repository: RepoId, seconds: i64) -> [u8; CODE_BYTES] {
        let mut mac = keyed(&self.key);
        mac.update(&repository.get().to_be_bytes());
        mac.update(&seconds.to_be_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut code = [0; CODE_BYTES];
        code.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        code
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl NonceStatus {
    /// Git's name of it, as hooks see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Slop { .. } => "SLOP",
            Self::Bad => "BAD",
            Self::Missing => "MISSING",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_repository_and_its_hour() {
        let (nonces, repository) = (Nonces::new(b"root"), RepoId::new(7));
        let now = UtcMs::new(1_700_000_000_500);
        let nonce = nonces.make(repository, now);
        let check = |seconds: i64| nonces.check(repository, Some(&nonce), now.plus_ms(seconds * 1000));
        assert_eq!(check(0), NonceStatus::Ok);
        assert_eq!(check(3600), NonceStatus::Ok);
        assert_eq!(check(-60), NonceStatus::Ok);
        assert_eq!(check(3601), NonceStatus::Slop { seconds: 3601 });
        assert_eq!(check(-61), NonceStatus::Slop { seconds: -61 });
        assert_eq!(nonces.check(RepoId::new(8), Some(&nonce), now), NonceStatus::Bad);
        assert_eq!(Nonces::new(b"other").check(repository, Some(&nonce), now), NonceStatus::Bad);
        assert_eq!(nonces.check(repository, None, now), NonceStatus::Missing);
        let later = nonce.replacen("1700000000", "1700000001", 1);
        for forged in ["", "-", "1700000000", "1700000000-", "x-y", &nonce[..nonce.len() - 1], &later] {
            assert_eq!(nonces.check(repository, Some(forged), now), NonceStatus::Bad, "{forged}");
        }
    }
}
