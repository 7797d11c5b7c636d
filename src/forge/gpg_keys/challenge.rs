//! Texts that the holder of an OpenPGP key signs to prove it.
//!
//! Owns their form and which of them are good, without memory of what was handed out: a text is made of a secret, the account and the time, and
//! whoever checks makes the same one again. Called by `forge/gpg_keys.rs`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::audit::event::hex;
use crate::model::{UserId, UtcMs};

/// For how long the same text is handed out; it is good until the end of the next such span. Units: milliseconds.
const SPAN_MS: i64 = 10 * 60 * 1000;

/// Makes and remakes challenges.
#[derive(Clone)]
pub struct Challenges {
    key: [u8; 32],
}

impl std::fmt::Debug for Challenges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Challenges(***)")
    }
}

impl Challenges {
    /// Derives the key from the root secret of the installation.
    pub fn new(root_secret: &[u8]) -> Self {
        let mut mac = keyed(root_secret);
        mac.update(b"atomicqms OpenPGP key challenge v1");
        Self { key: mac.finalize().into_bytes().into() }
    }

    /// The text for an account to sign now: 64 hex digits, good for ten to twenty minutes.
    pub fn make(&self, user: UserId, now: UtcMs) -> String {
        self.of_span(user, now.get().div_euclid(SPAN_MS))
    }

    /// The texts that are good now, the newest first.
    pub fn good(&self, user: UserId, now: UtcMs) -> Vec<String> {
        let span = now.get().div_euclid(SPAN_MS);
        vec![self.of_span(user, span), self.of_span(user, span.saturating_sub(1))]
    }

    fn of_span(&self, user: UserId, span: i64) -> String {
        let mut mac = keyed(&self.key);
        mac.update(&user.get().to_be_bytes());
        mac.update(&span.to_be_bytes());
        hex(&mac.finalize().into_bytes())
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_good_for_its_account_and_a_while() {
        let (challenges, ada) = (Challenges::new(b"root"), UserId::new(7));
        let now = UtcMs::new(1_700_000_400_000);
        let text = challenges.make(ada, now);
        assert_eq!((text.len(), now.get() % SPAN_MS), (64, 0));
        let is_good = |user: i64, ms: i64| challenges.good(UserId::new(user), now.plus_ms(ms)).contains(&text);
        for (user, ms, expected) in
            [(7, 0, true), (7, 2 * SPAN_MS - 1, true), (7, 2 * SPAN_MS, false), (7, -1, false), (8, 0, false)]
        {
            assert_eq!(is_good(user, ms), expected, "{user} {ms}");
        }
        assert!(!Challenges::new(b"other").good(ada, now).contains(&text));
        assert_eq!(format!("{challenges:?}"), "Challenges(***)");
    }
}
