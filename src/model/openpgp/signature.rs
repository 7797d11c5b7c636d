//! A detached signature, and whether a key made it.

use pgp::packet::{Packet, PacketParser, Signature, SignatureType};
use pgp::types::Fingerprint;

use super::packets::split;
use super::{GpgPart, MAX_SIGNATURE_BYTES, SLOP_SECONDS, armor, guarded, policy};

/// Most keys that one signature may name as its maker.
const MAX_ISSUERS: usize = 4;

/// A signature that was read. Whose it is, it only claims.
#[derive(Debug)]
pub struct Detached {
    signature: Signature,
    issuers: Vec<String>,
}

/// Why a signature proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No armor of one signature.
    #[error("its signature cannot be read")]
    Unreadable,
    /// A weak digest, a time to come or gone by, something critical that is not known here.
    #[error("its signature is of a kind that does not count, or has expired")]
    Weak,
    /// It names no key that is known.
    #[error("it is signed by a key that no account has")]
    NoKey,
    /// The key does not sign, or did not at that time.
    #[error("it is signed by a key that may not sign, had expired or was revoked")]
    Key,
    /// Another text, or another key.
    #[error("its signature is not valid")]
    Wrong,
}

impl Detached {
    /// Reads an armored signature.
    ///
    /// Errors: `Unreadable`.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_SIGNATURE_BYTES {
            return Err(Refusal::Unreadable);
        }
        let bytes = armor::open(text, "SIGNATURE").ok_or(Refusal::Unreadable)?;
        let mut packets = split(&bytes);
        let whole = match (packets.next(), packets.next()) {
            (Some(Some(packet)), None) if packet.tag == 2 => packet.whole,
            // Of two signatures one proves less than nothing.
            _ => return Err(Refusal::Unreadable),
        };
        let signature = guarded(|| parse(whole)).flatten().ok_or(Refusal::Unreadable)?;
        let mut issuers: Vec<String> = signature.issuer_fingerprint().into_iter().filter_map(key_id).collect();
        issuers.extend(signature.issuer_key_id().into_iter().map(|id| hex(id.as_ref())));
        issuers.sort_unstable();
        issuers.dedup();
        if issuers.len() > MAX_ISSUERS {
            return Err(Refusal::Unreadable);
        }
        Ok(Self { signature, issuers })
    }

    /// Ids of the keys that may have made it, upper-case hex; empty: it does not say.
    pub fn issuers(&self) -> &[String] {
        &self.issuers
    }

    /// The part among these that made it over this text, and might.
    ///
    /// Units: `now_s` in seconds since the epoch.
    /// Errors: `Weak`, `NoKey` when it names none of them, `Key`, `Wrong`.
    pub fn maker<'a>(
        &self,
        parts: impl IntoIterator<Item = &'a GpgPart>,
        payload: &[u8],
        now_s: i64,
    ) -> Result<&'a GpgPart, Refusal> {
        if self.signature.typ() != Some(SignatureType::Binary) || !policy::counts(&self.signature, now_s) {
            return Err(Refusal::Weak);
        }
        let made_s = policy::created(&self.signature).ok_or(Refusal::Weak)?;
        let mut refusal = Refusal::NoKey;
        // A subkey may be bound to many keys: what is asked of it is the same, and costs once.
        let mut tried: Option<&str> = None;
        for part in parts.into_iter().filter(|part| self.issuers.contains(&part.key_id)) {
            if !may_sign(part, made_s) {
                refusal = if refusal == Refusal::NoKey { Refusal::Key } else { refusal };
            } else if tried != Some(part.fingerprint.as_str()) {
                if self.is_by(part, payload) {
                    return Ok(part);
                }
                (tried, refusal) = (Some(part.fingerprint.as_str()), Refusal::Wrong);
            }
        }
        Err(refusal)
    }

    fn is_by(&self, part: &GpgPart, payload: &[u8]) -> bool {
        let verify = || match PacketParser::new(part.packet.as_slice()).next() {
            Some(Ok(Packet::PublicKey(key))) => self.signature.verify(&key, payload).is_ok(),
            Some(Ok(Packet::PublicSubkey(key))) => self.signature.verify(&key, payload).is_ok(),
            _ => false,
        };
        guarded(verify) == Some(true)
    }
}

/// Whether a part could sign at a time. Units: seconds since the epoch.
fn may_sign(part: &GpgPart, at_s: i64) -> bool {
    part.can_sign
        && part.created_s <= at_s.saturating_add(SLOP_SECONDS)
        && part.expires_s.is_none_or(|end| at_s < end)
        && part.revoked_s.is_none_or(|end| at_s < end)
}

/// Reads a signature packet.
pub(super) fn parse(whole: &[u8]) -> Option<Signature> {
    match PacketParser::new(whole).next() {
        Some(Ok(Packet::Signature(signature))) => Some(signature),
        _ => None,
    }
}

/// The id that a fingerprint gives: its end in version 4, its beginning in version 6.
pub(super) fn key_id(fingerprint: &Fingerprint) -> Option<String> {
    let bytes = fingerprint.as_bytes();
    match fingerprint {
        Fingerprint::V4(_) => bytes.last_chunk::<8>().map(|id| hex(id)),
        Fingerprint::V6(_) => bytes.first_chunk::<8>().map(|id| hex(id)),
        _ => None,
    }
}

/// Upper-case hex, as OpenPGP writes ids.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
