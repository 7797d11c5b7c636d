//! What a pasted key says of itself.
//!
//! Owns taking a key apart into its components with the signatures that it made over them, and what the newest good ones say. Signatures by others
//! are left out unseen: who trusts whom is nothing to us.

use pgp::packet::{Packet, PacketParser, PublicKey, PublicSubkey, Signature, SignatureType, SubpacketData, UserId};
use pgp::types::{KeyDetails, Tag};

use super::packets::{RawPacket, split};
use super::signature::{hex, key_id, parse};
use super::{
    GpgKeyFault, GpgPart, MAX_KEY_BYTES, MAX_PACKETS, MAX_SELF_SIGNATURES, MAX_SUBKEYS, MAX_USER_IDS, address_of,
    armor, guarded, policy,
};

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The primary key, then its subkeys.
    pub parts: Vec<GpgPart>,
    /// Addresses in the user ids that the key stands by, in lower case.
    pub addresses: Vec<String>,
    /// The packets, without those of others.
    pub packets: Vec<u8>,
}

/// Reads a pasted key.
///
/// Units: `now_s` in seconds since the epoch, `least_rsa_bits` in bits.
/// Errors: why it is not taken; the text of the fault may be shown.
pub fn read_key(text: &str, now_s: i64, least_rsa_bits: u32) -> Result<Certificate, GpgKeyFault> {
    if text.len() > MAX_KEY_BYTES {
        return Err(GpgKeyFault::TooLarge("256 KiB"));
    }
    if text.contains("PRIVATE KEY") {
        return Err(GpgKeyFault::Private);
    }
    let bytes = armor::open(text, "PUBLIC KEY BLOCK").ok_or(GpgKeyFault::Format)?;
    guarded(|| read_packets(&bytes, now_s, least_rsa_bits)).unwrap_or(Err(GpgKeyFault::Damaged))
}

/// Reads a key out of its armor.
pub(super) fn read_packets(bytes: &[u8], now_s: i64, least_rsa_bits: u32) -> Result<Certificate, GpgKeyFault> {
    Pieces::collect(bytes)?.judge(now_s, least_rsa_bits)
}

/// A component with its packet and the signatures by the primary key.
struct Signed<'a, T> {
    value: T,
    whole: &'a [u8],
    signatures: Vec<(Signature, &'a [u8])>,
}

impl<'a, T> Signed<'a, T> {
    fn new(value: T, whole: &'a [u8]) -> Self {
        Self { value, whole, signatures: Vec::new() }
    }

    fn of_type(&self, types: &[SignatureType]) -> impl Iterator<Item = &Signature> {
        let has_type = move |one: &&Signature| one.typ().is_some_and(|found| types.contains(&found));
        self.signatures.iter().map(|(signature, _)| signature).filter(has_type)
    }
}

/// What came, in its order.
struct Pieces<'a> {
    primary: Signed<'a, PublicKey>,
    users: Vec<Signed<'a, UserId>>,
    subkeys: Vec<Signed<'a, PublicSubkey>>,
    /// Somebody else says that the key is revoked.
    is_revoked_by_others: bool,
}

/// What signatures belong to that come next.
enum Last {
    Primary,
    User,
    Subkey,
    /// Pictures, and subkeys of kinds that are not known here.
    Ignored,
}

impl<'a> Pieces<'a> {
    fn collect(bytes: &'a [u8]) -> Result<Self, GpgKeyFault> {
        let mut packets = split(bytes).take(MAX_PACKETS.saturating_add(1)).enumerate();
        let first = loop {
            match packets.next() {
                Some((_, Some(RawPacket { tag: 10, .. }))) => {}
                Some((_, Some(packet))) => break packet,
                Some((_, None)) | None => return Err(GpgKeyFault::Damaged),
            }
        };
        let primary = match (first.tag, PacketParser::new(first.whole).next()) {
            (6, Some(Ok(Packet::PublicKey(key)))) => key,
            (6, _) => return Err(GpgKeyFault::Algorithm),
            (5 | 7, _) => return Err(GpgKeyFault::Private),
            _ => return Err(GpgKeyFault::Foreign),
        };
        let mut found = Self {
            primary: Signed::new(primary, first.whole),
            users: Vec::new(),
            subkeys: Vec::new(),
            is_revoked_by_others: false,
        };
        let (mut last, mut signatures) = (Last::Primary, 0_usize);
        for (count, packet) in packets {
            if count >= MAX_PACKETS {
                return Err(GpgKeyFault::TooLarge("2000 packets"));
            }
            let packet = packet.ok_or(GpgKeyFault::Damaged)?;
            match packet.tag {
                2 => {
                    signatures = signatures.saturating_add(usize::from(found.take(packet.whole, &last)));
                    if signatures > MAX_SELF_SIGNATURES {
                        return Err(GpgKeyFault::TooLarge("200 signatures of its own"));
                    }
                }
                13 => {
                    let Some(Ok(Packet::UserId(user))) = PacketParser::new(packet.whole).next() else {
                        return Err(GpgKeyFault::Damaged);
                    };
                    if found.users.len() >= MAX_USER_IDS {
                        return Err(GpgKeyFault::TooLarge("50 user ids"));
                    }
                    found.users.push(Signed::new(user, packet.whole));
                    last = Last::User;
                }
                14 => {
                    if found.subkeys.len() >= MAX_SUBKEYS {
                        return Err(GpgKeyFault::TooLarge("50 subkeys"));
                    }
                    last = match PacketParser::new(packet.whole).next() {
                        Some(Ok(Packet::PublicSubkey(key))) => {
                            found.subkeys.push(Signed::new(key, packet.whole));
                            Last::Subkey
                        }
                        _ => Last::Ignored,
                    };
                }
                17 => last = Last::Ignored,
                // Markers, trust and padding mean nothing here.
                10 | 12 | 21 => {}
                6 => return Err(GpgKeyFault::Several),
                5 | 7 => return Err(GpgKeyFault::Private),
                _ => return Err(GpgKeyFault::Foreign),
            }
        }
        Ok(found)
    }

    /// Keeps a signature that claims to be by the primary key; says whether it did.
    fn take(&mut self, whole: &'a [u8], last: &Last) -> bool {
        let Some(signature) = parse(whole) else { return false };
        let (id, fingerprint) = (self.primary.value.legacy_key_id(), self.primary.value.fingerprint());
        let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
        let is_own =
            (ids.is_empty() && fingerprints.is_empty()) || ids.contains(&&id) || fingerprints.contains(&&fingerprint);
        if !is_own {
            self.is_revoked_by_others |=
                matches!(last, Last::Primary) && signature.typ() == Some(SignatureType::KeyRevocation);
            return false;
        }
        let place = match last {
            Last::Primary => Some(&mut self.primary.signatures),
            Last::User => self.users.last_mut().map(|user| &mut user.signatures),
            Last::Subkey => self.subkeys.last_mut().map(|subkey| &mut subkey.signatures),
            Last::Ignored => None,
        };
        place.is_some_and(|place| {
            place.push((signature, whole));
            true
        })
    }

    fn judge(&self, now_s: i64, least_rsa_bits: u32) -> Result<Certificate, GpgKeyFault> {
        let primary = &self.primary.value;
        policy::check_signing(primary, least_rsa_bits)?;
        let own = &self.primary;
        let is_right = |one: &&Signature| policy::counts(one, now_s) && one.verify_key(primary).is_ok();
        let directs: Vec<&Signature> = own.of_type(&[SignatureType::Key]).filter(is_right).collect();
        let direct = newest(directs.iter().copied());
        // A revocation is believed whatever its digest.
        let mut revoked_s = own
            .of_type(&[SignatureType::KeyRevocation])
            .filter(|one| one.verify_key(primary).is_ok())
            .map(policy::revoked_from)
            .min();
        if self.is_revoked_by_others && directs.iter().any(|one| names_a_revoker(one)) {
            // The revoker's key is not here to ask, and a key in doubt proves nothing.
            revoked_s = Some(0);
        }
        let users: Vec<(&Signed<'_, UserId>, &Signature)> =
            self.users.iter().filter_map(|user| Some((user, self.certification(user, now_s)?))).collect();
        let certification = newest(users.iter().map(|(_, signature)| *signature));
        // Version 6 speaks of the key in direct signatures, version 4 with the user ids; an end that either names counts.
        let statements = match primary.version() {
            pgp::types::KeyVersion::V6 => [direct, certification],
            _ => [certification, direct],
        };
        if statements.iter().all(Option::is_none) {
            return Err(GpgKeyFault::Unsigned);
        }
        let created_s = policy::seconds(primary.created_at());
        let said = statements.iter().flatten();
        let expires_s = said.clone().filter_map(|one| end_of_key(created_s, one)).min();
        let flags = said.clone().find_map(|one| policy::flags(one));
        let allows = |flag: fn(&pgp::packet::KeyFlags) -> bool, by_kind| flags.as_ref().map_or(by_kind, flag);
        let encrypts = primary.algorithm().can_encrypt();
        let mut parts = vec![GpgPart {
            fingerprint: hex(primary.fingerprint().as_bytes()),
            key_id: key_id(&primary.fingerprint()).ok_or(GpgKeyFault::Algorithm)?,
            packet: own.whole.to_vec(),
            created_s,
            expires_s,
            revoked_s,
            can_sign: allows(pgp::packet::KeyFlags::sign, true),
            can_certify: allows(pgp::packet::KeyFlags::certify, true),
            can_encrypt_comms: encrypts && allows(pgp::packet::KeyFlags::encrypt_comms, true),
            can_encrypt_storage: encrypts && allows(pgp::packet::KeyFlags::encrypt_storage, true),
        }];
        let mut kept: Vec<&[u8]> = pieces_of(own).collect();
        let mut addresses: Vec<String> = Vec::new();
        for (user, _) in &users {
            kept.extend(pieces_of(user));
            let address = user.value.as_str().and_then(address_of);
            addresses.extend(address.filter(|address| !addresses.contains(address)));
        }
        for subkey in &self.subkeys {
            let first = parts.first().cloned().ok_or(GpgKeyFault::Damaged)?;
            if let Some(part) = self.subkey(subkey, &first, now_s, least_rsa_bits) {
                kept.extend(pieces_of(subkey));
                parts.push(part);
            }
        }
        Ok(Certificate { parts, addresses, packets: kept.concat() })
    }

    /// The newest good signature over a user id that is not taken back.
    fn certification<'b>(&'b self, user: &'b Signed<'_, UserId>, now_s: i64) -> Option<&'b Signature> {
        let primary = &self.primary.value;
        let is_right = |one: &&Signature| one.verify_certification(primary, Tag::UserId, &user.value).is_ok();
        let types = [
            SignatureType::CertGeneric,
            SignatureType::CertPersona,
            SignatureType::CertCasual,
            SignatureType::CertPositive,
        ];
        let found = newest(user.of_type(&types).filter(|one| policy::counts(one, now_s)).filter(is_right))?;
        let mut revocations = user.of_type(&[SignatureType::CertRevocation]).filter(is_right);
        let is_revoked = revocations.any(|one| policy::created(one) >= policy::created(found));
        (!is_revoked).then_some(found)
    }

    /// A subkey that the primary key stands by.
    fn subkey(
        &self,
        subkey: &Signed<'_, PublicSubkey>,
        first: &GpgPart,
        now_s: i64,
        least_rsa_bits: u32,
    ) -> Option<GpgPart> {
        let (primary, key) = (&self.primary.value, &subkey.value);
        let is_right = |one: &&Signature| one.verify_subkey_binding(primary, key).is_ok();
        let bindings = subkey.of_type(&[SignatureType::SubkeyBinding]);
        let binding = newest(bindings.filter(|one| policy::counts(one, now_s)).filter(is_right))?;
        let revocations = subkey.of_type(&[SignatureType::SubkeyRevocation]).filter(is_right);
        let revoked_s = revocations.map(policy::revoked_from).chain(first.revoked_s).min();
        let created_s = policy::seconds(key.created_at());
        let flags = policy::flags(binding);
        let has = |flag: fn(&pgp::packet::KeyFlags) -> bool| flags.as_ref().is_some_and(flag);
        // A key that signs has to say itself whose it is: else anybody could call the key of somebody else a part of their own.
        let says_so = binding
            .embedded_signature()
            .is_some_and(|back| policy::counts(back, now_s) && back.verify_primary_key_binding(key, primary).is_ok());
        let encrypts = key.algorithm().can_encrypt();
        Some(GpgPart {
            fingerprint: hex(key.fingerprint().as_bytes()),
            key_id: key_id(&key.fingerprint())?,
            packet: subkey.whole.to_vec(),
            created_s,
            expires_s: end_of_key(created_s, binding).into_iter().chain(first.expires_s).min(),
            revoked_s,
            can_sign: has(pgp::packet::KeyFlags::sign) && says_so && policy::check_signing(key, least_rsa_bits).is_ok(),
            can_certify: false,
            can_encrypt_comms: encrypts && has(pgp::packet::KeyFlags::encrypt_comms),
            can_encrypt_storage: encrypts && has(pgp::packet::KeyFlags::encrypt_storage),
        })
    }
}

/// The signature made last.
fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|one| policy::created(one))
}

/// When a key ends by what one signature says of it, or with that signature.
fn end_of_key(created_s: i64, signature: &Signature) -> Option<i64> {
    let of_key = policy::ends(created_s, signature.key_expiration_time().map(|span| span.as_secs()));
    of_key.into_iter().chain(policy::end(signature)).min()
}

fn names_a_revoker(signature: &Signature) -> bool {
    let mut subpackets = signature.config().into_iter().flat_map(|config| config.hashed_subpackets());
    subpackets.any(|one| matches!(one.data, SubpacketData::RevocationKey(_)))
}

fn pieces_of<'a, T>(signed: &'a Signed<'_, T>) -> impl Iterator<Item = &'a [u8]> {
    std::iter::once(signed.whole).chain(signed.signatures.iter().map(|(_, whole)| *whole))
}
