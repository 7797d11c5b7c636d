//! OpenPGP keys and signatures as plain data: what a pasted key says of itself, and whether it made a signature.
//!
//! Owns every use of the library and the policy on top of it: which digests, algorithms, bindings and times count. Knows no account, no row and
//! no address book. What it reads is hostile: armor and packets are taken apart and counted here before the library sees one packet at a time,
//! and a panic of the library is a damaged input. Takes processor time: call it on a blocking thread. Called by `forge/gpg_keys.rs`,
//! `forge/signatures.rs` and `forge/pushes`.

mod armor;
mod certificate;
mod packets;
mod policy;
mod signature;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::certificate::{Certificate, read_key};
pub use self::signature::{Detached, Refusal};

/// Longest armored key. Units: bytes.
pub const MAX_KEY_BYTES: usize = 256 * 1024;
/// Longest armored signature. Units: bytes.
pub const MAX_SIGNATURE_BYTES: usize = 32 * 1024;
/// Most user ids of a key that are looked at.
pub const MAX_USER_IDS: usize = 50;
/// Most subkeys.
pub const MAX_SUBKEYS: usize = 50;
/// Most signatures of a key by itself: each costs an operation with it.
pub const MAX_SELF_SIGNATURES: usize = 200;
/// Most packets of a key, signatures by others among them.
const MAX_PACKETS: usize = 2000;
/// How far clocks may be apart. Units: seconds.
const SLOP_SECONDS: i64 = 300;

/// A primary key or subkey, with what the self-signatures of its key say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpgPart {
    /// Upper-case hex, 40 or 64 digits.
    pub fingerprint: String,
    /// Upper-case hex, 16 digits.
    pub key_id: String,
    /// The key packet with its header.
    pub packet: Vec<u8>,
    /// When it was made. Units: seconds since the epoch.
    pub created_s: i64,
    /// When it, or its primary key, ceases to be good; none: never. Units: as above.
    pub expires_s: Option<i64>,
    /// Signatures from then on prove nothing, because it or its primary key was revoked; 0: none does. Units: as above.
    pub revoked_s: Option<i64>,
    /// It may sign data, and has shown that it wants to.
    pub can_sign: bool,
    /// It may certify other keys.
    pub can_certify: bool,
    /// It may be used to encrypt messages.
    pub can_encrypt_comms: bool,
    /// It may be used to encrypt what is stored.
    pub can_encrypt_storage: bool,
}

/// Why a pasted text is not taken as a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GpgKeyFault {
    /// No armor of a public key.
    #[error("give one public key in ASCII armor, as `gpg --armor --export` prints it")]
    Format,
    /// The other half of the pair.
    #[error("this is a private key: never give it to anybody, and make a new one")]
    Private,
    /// More than one key.
    #[error("give one key at a time")]
    Several,
    /// Longer, or with more in it, than is looked at.
    #[error(
        "the key has more than {0}; `gpg --export-options export-minimal --armor --export` leaves out what others added"
    )]
    TooLarge(&'static str),
    /// What is no part of a key.
    #[error("the key holds something that does not belong to a key")]
    Foreign,
    /// A version or algorithm that nobody should use, or that is not known here.
    #[error("keys of this kind are not accepted: use RSA, ECDSA or EdDSA keys of version 4 or 6")]
    Algorithm,
    /// An RSA key that is too small.
    #[error("RSA keys must have at least {least} bits, this one has {bits}")]
    RsaSize {
        /// What it has.
        bits: u32,
        /// Least allowed.
        least: u32,
    },
    /// No good signature of the key over itself.
    #[error("the key is not signed by itself in a way that counts: SHA-1 and MD5 do not")]
    Unsigned,
    /// Packets that cannot be read.
    #[error("the key is damaged")]
    Damaged,
}

/// Runs the library over hostile bytes; none: it panicked.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The address in a user id, `Name (comment) <address>` or the address alone, in lower case; none: there is no plain one.
fn address_of(user_id: &str) -> Option<String> {
    let text = user_id.trim();
    let address = match (text.rfind('<'), text.strip_suffix('>')) {
        (Some(at), Some(_)) => text.get(at.saturating_add(1)..text.len().saturating_sub(1))?,
        _ => text,
    };
    super::Email::new(address).ok().map(|email| email.key())
}

#[cfg(test)]
pub(crate) mod tests;
