//! Which signatures and keys count.
//!
//! Owns the rules on digests, algorithms, versions, critical subpackets and times, on what the library has parsed. Refuses the mathematics: the
//! library's.

use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, RevocationCode, Signature, SignatureVersion, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{EcdsaPublicParams, EddsaLegacyPublicParams, KeyDetails, KeyVersion, PublicParams, Timestamp};

use super::{GpgKeyFault, SLOP_SECONDS};

/// Whether a signature says nothing that keeps it from counting; that it is right is another question.
pub(super) fn counts(signature: &Signature, now_s: i64) -> bool {
    let Some(config) = signature.config() else { return false };
    let Some(created_s) = created(signature) else { return false };
    matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V6)
        && is_strong(config.hash_alg)
        && created_s <= now_s.saturating_add(SLOP_SECONDS)
        && end(signature).is_none_or(|end| now_s < end)
        && config.hashed_subpackets().all(|one| !one.is_critical || is_understood(&one.data))
}

/// Digests for which nobody finds two texts.
fn is_strong(hash: HashAlgorithm) -> bool {
    matches!(
        hash,
        HashAlgorithm::Sha224
            | HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512
    )
}

/// Whoever marks a subpacket critical wants the signature refused by those who do not know it.
fn is_understood(data: &SubpacketData) -> bool {
    !matches!(data, SubpacketData::Experimental(..) | SubpacketData::Other(..) | SubpacketData::Notation(_))
}

/// When a signature was made. Units: seconds since the epoch.
pub(super) fn created(signature: &Signature) -> Option<i64> {
    signature.created().map(seconds)
}

/// Units: seconds since the epoch.
pub(super) fn seconds(at: Timestamp) -> i64 {
    i64::from(at.as_secs())
}

/// When a signature ceases to count by its own word; none: never. Units: seconds since the epoch.
pub(super) fn end(signature: &Signature) -> Option<i64> {
    ends(created(signature)?, signature.signature_expiration_time().map(|span| span.as_secs()))
}

/// The end of a span that begins at a time; none or 0 never ends.
pub(super) fn ends(from_s: i64, span_s: Option<u32>) -> Option<i64> {
    span_s.filter(|span| *span > 0).map(|span| from_s.saturating_add(i64::from(span)))
}

/// Up to when the signatures of a revoked key still count: those before the day for one that was put aside, none for one that was lost.
pub(super) fn revoked_from(revocation: &Signature) -> i64 {
    match revocation.revocation_reason_code() {
        Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired) => created(revocation).unwrap_or(0),
        _ => 0,
    }
}

/// What a self-signature lets a key do; none: it does not say.
pub(super) fn flags(signature: &Signature) -> Option<KeyFlags> {
    signature.config()?.hashed_subpackets().find_map(|one| match &one.data {
        SubpacketData::KeyFlags(flags) => Some(flags.clone()),
        _ => None,
    })
}

/// Whether a key may make signatures that count, by its kind.
///
/// Units: `least_rsa_bits` in bits.
pub(super) fn check_signing(key: &impl KeyDetails, least_rsa_bits: u32) -> Result<(), GpgKeyFault> {
    if !matches!(key.version(), KeyVersion::V4 | KeyVersion::V6) {
        return Err(GpgKeyFault::Algorithm);
    }
    match key.public_params() {
        PublicParams::RSA(params) if key.algorithm().can_sign() => {
            // The modulus comes first, and before it its size.
            let bytes = params.to_bytes().map_err(|_| GpgKeyFault::Damaged)?;
            let bits = bytes.first_chunk().map_or(0, |size: &[u8; 2]| u32::from(u16::from_be_bytes(*size)));
            if bits < least_rsa_bits {
                return Err(GpgKeyFault::RsaSize { bits, least: least_rsa_bits });
            }
            Ok(())
        }
        PublicParams::ECDSA(EcdsaPublicParams::Unsupported { .. })
        | PublicParams::EdDSALegacy(EddsaLegacyPublicParams::Unsupported { .. }) => Err(GpgKeyFault::Algorithm),
        PublicParams::ECDSA(_) | PublicParams::EdDSALegacy(_) | PublicParams::Ed25519(_) | PublicParams::Ed448(_) => {
            Ok(())
        }
        _ => Err(GpgKeyFault::Algorithm),
    }
}
