//! SSH public keys: the row, what makes one, and which keys are taken.
//!
//! Owns reading one pasted line and the rule about types and sizes. Refuses signatures: those are checked by the SSH transport.
//! Called by `forge/keys.rs`, `access` and the command line.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use russh::keys::ssh_key::public::KeyData;
use russh::keys::ssh_key::{Algorithm, PublicKey};
use sha2::{Digest, Sha256};

use super::{KeyId, RepoId, UserId, UtcMs};

/// Longest line that can hold a key; RSA keys of 16384 bits take 2.8 KB. Units: bytes.
const LONGEST: usize = 16 * 1024;
/// Largest RSA key: larger ones only cost time. Units: bits.
const MOST_RSA_BITS: u32 = 16_384;

/// Whose a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwner {
    /// An account: the key stands for the person.
    User(UserId),
    /// A repository: the key stands for itself, and opens nothing else.
    Repository(RepoId),
}

/// One key somebody may sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    /// Row id.
    pub id: KeyId,
    /// Whose it is.
    pub owner: KeyOwner,
    /// Name, for people.
    pub title: String,
    /// The key itself.
    pub key: KeyText,
    /// A deploy key that may not push.
    pub is_read_only: bool,
    /// When it was added.
    pub created_ms: UtcMs,
    /// About when it was last used (to within some minutes); none: never.
    pub last_used_ms: Option<UtcMs>,
}

/// A key in the forms it is stored and shown in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyText {
    /// Type as on the wire, like `ssh-ed25519`.
    pub key_type: String,
    /// SSH wire format.
    pub bytes: Vec<u8>,
    /// `SHA256:...` as OpenSSH prints it.
    pub fingerprint: String,
}

impl KeyText {
    /// The line people paste, without comment.
    pub fn line(&self) -> String {
        format!("{} {}", self.key_type, STANDARD.encode(&self.bytes))
    }
}

/// What makes a key.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Name, for people.
    pub title: String,
    /// The line as pasted.
    pub text: String,
    /// For deploy keys: it may not push.
    pub is_read_only: bool,
}

/// Why a pasted text is not taken as a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Nothing, or too much.
    #[error("no SSH public key was given")]
    Missing,
    /// The other half of the pair.
    #[error("this is a private key: never give it to anybody, and make a new pair; the public half ends in .pub")]
    Private,
    /// Another format or several lines.
    #[error("give one line in OpenSSH's format, as in the .pub file: type, base64, comment")]
    Format,
    /// Signed by an authority, which this server knows none of.
    #[error("certificates are not accepted, only plain public keys")]
    Certificate,
    /// A type nobody should use, or that nobody knows.
    #[error(
        "key type {0} is not accepted: use ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa or a security key (sk-...)"
    )]
    Type(String),
    /// An RSA key of the wrong size.
    #[error("RSA keys must have {least} to {MOST_RSA_BITS} bits, this one has {bits}")]
    RsaSize {
        /// What it has.
        bits: u32,
        /// Least allowed.
        least: u32,
    },
    /// The base64 holds something else.
    #[error("the key is damaged")]
    Damaged,
}

/// Names a key as OpenSSH does.
pub fn fingerprint(bytes: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes)))
}

/// Reads one pasted line.
///
/// Units: `least_rsa_bits` in bits.
/// Errors: why it is not taken; the text of the fault may be shown.
pub fn read_key(text: &str, least_rsa_bits: u32) -> Result<KeyText, KeyFault> {
    let text = text.trim();
    if text.contains("PRIVATE KEY") || text.starts_with("PuTTY-User-Key-File") {
        return Err(KeyFault::Private);
    }
    if text.is_empty() || text.len() > LONGEST {
        return Err(KeyFault::Missing);
    }
    if text.contains(['\n', '\r', '\0']) {
        return Err(KeyFault::Format);
    }
    let mut words = text.split_ascii_whitespace();
    let (Some(key_type), Some(body)) = (words.next(), words.next()) else { return Err(KeyFault::Format) };
    if key_type.contains("-cert-v0") {
        return Err(KeyFault::Certificate);
    }
    let known = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| key_type.starts_with(start));
    if !known {
        // Options before the type, as in authorized_keys, mean nothing here.
        return Err(KeyFault::Format);
    }
    let blob = STANDARD.decode(body).or_else(|_| STANDARD_NO_PAD.decode(body)).map_err(|_| KeyFault::Damaged)?;
    let named = wire_type(&blob).ok_or(KeyFault::Damaged)?;
    if named != key_type {
        return Err(KeyFault::Damaged);
    }
    let accepted = matches!(
        Algorithm::new(key_type),
        Ok(Algorithm::Ed25519
            | Algorithm::Ecdsa { .. }
            | Algorithm::Rsa { hash: None }
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256)
    );
    if !accepted {
        return Err(KeyFault::Type(key_type.chars().take(60).filter(|c| c.is_ascii_graphic()).collect()));
    }
    let key = PublicKey::from_bytes(&blob).map_err(|_| KeyFault::Damaged)?;
    if let KeyData::Rsa(rsa) = key.key_data() {
        let modulus = rsa.n().as_positive_bytes().ok_or(KeyFault::Damaged)?;
        // The library counts whole bytes; a modulus that starts with zero bits is shorter than that.
        let bits = rsa.key_size().saturating_sub(modulus.first().map_or(8, |byte| byte.leading_zeros()));
        if !(least_rsa_bits..=MOST_RSA_BITS).contains(&bits) {
            return Err(KeyFault::RsaSize { bits, least: least_rsa_bits });
        }
    }
    // Encoded anew, so that one key has one fingerprint however it was written.
    let bytes = key.to_bytes().map_err(|_| KeyFault::Damaged)?;
    Ok(KeyText { key_type: key_type.to_owned(), fingerprint: fingerprint(&bytes), bytes })
}

/// The type that a key in wire format begins with.
fn wire_type(blob: &[u8]) -> Option<&str> {
    let (len, rest) = blob.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    std::str::from_utf8(rest.get(..len)?).ok()
}

#[cfg(test)]
pub(crate) mod tests;
