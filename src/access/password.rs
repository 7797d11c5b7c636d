//! Passwords: argon2id on blocking threads, a bounded number at once, and a short memory of verified ones.
//!
//! Owns hashing parameters, the rule for new passwords and the cache. The cache never holds a password: its keys are
//! keyed hashes of account, password version and password, so a changed password misses at once. Called by `identify`
//! and by `forge::users`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::Settings;
use crate::error::{Error, Kind, Result};
use crate::model::UserId;

/// Longest password; hashing unbounded input would be a gift to attackers. Units: bytes.
const MAX_BYTES: usize = 1024;
/// Verified credentials remembered at most.
const CACHE_ENTRIES: u64 = 10_000;

/// Hashes and verifies passwords.
pub struct Passwords {
    argon2: Argon2<'static>,
    hashing: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
    min_chars: usize,
    cache_key: [u8; 32],
    verified: Option<Cache<[u8; 32], ()>>,
    /// Hash of a password nobody has, so that an unknown account costs as much as a known one.
    dummy: String,
}

impl Passwords {
    /// Prepares hashing with the parameters of the settings.
    ///
    /// Errors: `Invalid` for parameters argon2 refuses, `Internal` without randomness.
    pub fn new(settings: &Settings) -> Result<Self> {
        let params = Params::new(settings.argon2_memory_kib, settings.argon2_iterations, 1, None)
            .map_err(|error| Error::invalid("security.argon2", format!("argon2 parameters are not usable: {error}")))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let (mut cache_key, mut nobody) = ([0; 32], [0; 32]);
        getrandom::fill(&mut cache_key).map_err(Error::internal)?;
        getrandom::fill(&mut nobody).map_err(Error::internal)?;
        let dummy = hash_now(&argon2, &nobody)?;
        let verified = (settings.credential_cache_seconds > 0).then(|| {
            Cache::builder()
                .max_capacity(CACHE_ENTRIES)
                .time_to_live(Duration::from_secs(settings.credential_cache_seconds))
                .build()
        });
        Ok(Self {
            argon2,
            hashing: Arc::new(Semaphore::new(settings.password_hashes_at_once.max(1))),
            waiting: AtomicUsize::new(0),
            max_waiting: settings.password_hashes_waiting.max(1),
            min_chars: settings.min_password_chars,
            cache_key,
            verified,
            dummy,
        })
    }

    /// Checks a new password and hashes it to a PHC string.
    ///
    /// Errors: `Invalid` for a password that is too short or too long, `Overloaded` when too many wait.
    pub async fn hash(&self, password: &str) -> Result<String> {
        self.check_new(password)?;
        let argon2 = self.argon2.clone();
        let password = password.as_bytes().to_vec();
        self.on_blocking_thread(move || hash_now(&argon2, &password)).await?
    }

    /// Checks the rule for new passwords.
    ///
    /// Errors: `Invalid`.
    pub fn check_new(&self, password: &str) -> Result<()> {
        if password.chars().count() < self.min_chars {
            return Err(Error::invalid(
                "password",
                format!("password must have at least {} characters", self.min_chars),
            ));
        }
        if password.len() > MAX_BYTES {
            return Err(Error::invalid("password", format!("password must have at most {MAX_BYTES} bytes")));
        }
        Ok(())
    }

    /// Whether a password is the one of an account; `known` is none when there is no such account.
    ///
    /// The time taken does not depend on whether the account exists.
    /// Errors: `Overloaded` when too many wait, `Internal` for a stored hash that cannot be read.
    pub async fn verify(&self, known: Option<Known>, password: &str) -> Result<bool> {
        if password.len() > MAX_BYTES {
            return Ok(false);
        }
        let cached = known.as_ref().map(|known| self.key_of(known.id, known.version, password));
        if self.is_verified(cached.as_ref()) {
            return Ok(true);
        }
        let is_known = known.is_some();
        let stored = known.map_or_else(|| self.dummy.clone(), |known| known.hash);
        let argon2 = self.argon2.clone();
        let bytes = password.as_bytes().to_vec();
        let again = cached;
        let verified = self.verified.clone();
        let matches = self
            .on_blocking_thread(move || {
                // Many requests of one client arrive together; the first one to finish spares the others the work.
                if let (Some(cache), Some(key)) = (&verified, &again)
                    && cache.get(key).is_some()
                {
                    return Ok(true);
                }
                matches_now(&argon2, &stored, &bytes)
            })
            .await??;
        let is_right = matches && is_known;
        if let (true, Some(cache), Some(key)) = (is_right, &self.verified, cached) {
            cache.insert(key, ());
        }
        Ok(is_right)
    }

    /// Whether a password is the one of a PHC string that belongs to no account yet. Nothing is remembered.
    ///
    /// Errors: as [`Self::verify`].
    pub async fn verify_hash(&self, stored: String, password: &str) -> Result<bool> {
        if password.len() > MAX_BYTES {
            return Ok(false);
        }
        let (argon2, bytes) = (self.argon2.clone(), password.as_bytes().to_vec());
        self.on_blocking_thread(move || matches_now(&argon2, &stored, &bytes)).await?
    }

    fn is_verified(&self, key: Option<&[u8; 32]>) -> bool {
        matches!((&self.verified, key), (Some(cache), Some(key)) if cache.get(key).is_some())
    }

    /// HMAC-SHA-256 in its nested form, under a key that dies with the process.
    fn key_of(&self, id: UserId, version: i64, password: &str) -> [u8; 32] {
        let inner = Sha256::new_with_prefix([0x36; 32])
            .chain_update(self.cache_key)
            .chain_update(id.get().to_be_bytes())
            .chain_update(version.to_be_bytes())
            .chain_update(password.as_bytes())
            .finalize();
        Sha256::new_with_prefix([0x5c; 32]).chain_update(self.cache_key).chain_update(inner).finalize().into()
    }

    async fn on_blocking_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _waiting = Waiting::enter(&self.waiting, self.max_waiting)?;
        let slot = self.hashing.clone().acquire_owned().await.map_err(Error::internal)?;
        // The slot travels with the work: a caller that goes away must not let a further hash start beside this one.
        tokio::task::spawn_blocking(move || {
            let value = work();
            drop(slot);
            value
        })
        .await
        .map_err(Error::internal)
    }
}

/// The account a password is checked against.
#[derive(Debug, Clone)]
pub struct Known {
    /// Row id.
    pub id: UserId,
    /// Version of the password.
    pub version: i64,
    /// PHC string.
    pub hash: String,
}

/// A place in a bounded line of callers.
pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    /// Joins the line.
    ///
    /// Errors: `Overloaded` when `max` wait already.
    pub(super) fn enter(count: &'a AtomicUsize, max: usize) -> Result<Self> {
        if count.fetch_add(1, Ordering::AcqRel) >= max {
            count.fetch_sub(1, Ordering::AcqRel);
            return Err(Error::new(Kind::Overloaded, "too many sign-ins at once, try again"));
        }
        Ok(Self(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn hash_now(argon2: &Argon2<'_>, password: &[u8]) -> Result<String> {
    let hash = argon2.hash_password(password).map_err(|error| Error::broken(format!("argon2 failed: {error}")))?;
    Ok(hash.to_string())
}

fn matches_now(argon2: &Argon2<'_>, stored: &str, password: &[u8]) -> Result<bool> {
    let parsed = PasswordHash::new(stored)
        .map_err(|error| Error::broken(format!("stored password hash cannot be read: {error}")))?;
    Ok(argon2.verify_password(password, &parsed).is_ok())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Parameters that make tests fast; never for real accounts.
    pub(crate) fn quick() -> Settings {
        Settings { argon2_memory_kib: 64, argon2_iterations: 1, ..Settings::default() }
    }

    fn known(hash: &str, version: i64) -> Option<Known> {
        Some(Known { id: UserId::new(1), version, hash: hash.to_owned() })
    }

    #[tokio::test]
    async fn the_right_password_verifies_and_no_other() {
        let passwords = Passwords::new(&quick()).unwrap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("correct horse").await.unwrap(), "salted");
        assert!(passwords.verify(known(&hash, 1), "correct horse").await.unwrap());
        for wrong in ["", "correct horsf", "Correct horse", &"x".repeat(MAX_BYTES + 1)] {
            assert!(!passwords.verify(known(&hash, 1), wrong).await.unwrap(), "{wrong}");
        }
        assert!(!passwords.verify(None, "correct horse").await.unwrap());
        assert!(passwords.verify_hash(hash.clone(), "correct horse").await.unwrap());
        for wrong in ["", "correct horsf", &"x".repeat(MAX_BYTES + 1)] {
            assert!(!passwords.verify_hash(hash.clone(), wrong).await.unwrap(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_changed_password_misses_the_cache_at_once() {
        let passwords = Passwords::new(&quick()).unwrap();
        let old = passwords.hash("first password").await.unwrap();
        assert!(passwords.verify(known(&old, 1), "first password").await.unwrap());
        let new = passwords.hash("second password").await.unwrap();
        assert!(!passwords.verify(known(&new, 2), "first password").await.unwrap());
        // Same version: the cache answers, although the stored hash is unreadable.
        assert!(passwords.verify(known("unreadable", 1), "first password").await.unwrap());
        assert!(passwords.verify(known("unreadable", 3), "first password").await.is_err());
    }

    #[tokio::test]
    async fn new_passwords_have_a_least_length() {
        let passwords = Passwords::new(&quick()).unwrap();
        assert_eq!(passwords.hash("1234567").await.unwrap_err().kind(), Kind::Invalid);
        assert!(passwords.hash("12345678").await.is_ok());
        assert_eq!(passwords.hash(&"x".repeat(MAX_BYTES + 1)).await.unwrap_err().kind(), Kind::Invalid);
    }

    #[test]
    fn the_queue_of_hashes_is_bounded() {
        let count = AtomicUsize::new(0);
        let one = Waiting::enter(&count, 1).unwrap();
        assert_eq!(Waiting::enter(&count, 1).err().unwrap().kind(), Kind::Overloaded);
        drop(one);
        assert!(Waiting::enter(&count, 1).is_ok());
    }
}
