//! Makes keys packet by packet, right ones and wrong ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pgp::composed::{KeyType, SecretKeyParamsBuilder, SignedSecretKey, SubkeyParamsBuilder};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    KeyFlags, PacketTrait, PublicKey, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData, UserId,
};
use pgp::types::{
    Duration, KeyDetails, KeyVersion, PacketHeaderVersion, Password, RevocationKey, RevocationKeyClass, SigningKey,
    Tag, Timestamp,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::atomic::{AtomicU64, Ordering};

/// The time in these tests. Units: seconds since the epoch.
pub(super) const NOW: i64 = 1_700_000_000;

/// Whose word a subkey comes with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SubkeyOf {
    Both,
    PrimaryAlone,
}

/// A key of which everything can be made.
pub(crate) struct Maker {
    secret: SignedSecretKey,
    pub(super) created_s: i64,
}

pub(crate) fn block(kind: &str, bytes: &[u8]) -> String {
    format!("-----BEGIN PGP {kind}-----\n\n{}\n-----END PGP {kind}-----\n", STANDARD.encode(bytes))
}

fn stamp(at_s: i64) -> Timestamp {
    Timestamp::from_secs(u32::try_from(at_s).unwrap())
}

fn rng() -> StdRng {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    StdRng::seed_from_u64(NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn flags(signs: bool, certifies: bool) -> Subpacket {
    let mut flags = KeyFlags::default();
    flags.set_sign(signs);
    flags.set_certify(certifies);
    Subpacket::regular(SubpacketData::KeyFlags(flags)).unwrap()
}

pub(super) fn expire(days: i64) -> Subpacket {
    let span = Duration::from_secs(u32::try_from(days * 86_400).unwrap());
    Subpacket::regular(SubpacketData::KeyExpirationTime(span)).unwrap()
}

fn config(
    key: &impl KeyDetails,
    typ: SignatureType,
    hash: HashAlgorithm,
    at_s: i64,
    extra: Vec<Subpacket>,
) -> SignatureConfig {
    let mut config = match key.version() {
        KeyVersion::V6 => SignatureConfig::v6(rng(), typ, key.algorithm(), hash).unwrap(),
        _ => SignatureConfig::v4(typ, key.algorithm(), hash),
    };
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(stamp(at_s))).unwrap(),
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint())).unwrap(),
    ];
    config.hashed_subpackets.extend(extra);
    config
}

fn packet(of: &impl PacketTrait) -> Vec<u8> {
    let mut bytes = Vec::new();
    of.to_writer_with_header(&mut bytes).unwrap();
    bytes
}

fn user_id(text: &str) -> UserId {
    UserId::from_str(PacketHeaderVersion::New, text).unwrap()
}

impl Maker {
    pub(crate) fn new(version: KeyVersion, kind: KeyType) -> Self {
        let created_s = NOW - 10 * 86_400;
        let subkey = match version {
            KeyVersion::V6 => KeyType::Ed25519,
            _ => KeyType::Ed25519Legacy,
        };
        let subkey = SubkeyParamsBuilder::default()
            .version(version)
            .key_type(subkey)
            .can_sign(true)
            .created_at(stamp(created_s))
            .build()
            .unwrap();
        let params = SecretKeyParamsBuilder::default()
            .version(version)
            .key_type(kind)
            .can_sign(true)
            .can_certify(true)
            .created_at(stamp(created_s))
            .primary_user_id("x".into())
            .subkey(subkey)
            .build()
            .unwrap();
        Self { secret: params.generate(rng()).unwrap(), created_s }
    }

    fn public(&self) -> &PublicKey {
        self.secret.primary_key.public_key()
    }

    fn done(signature: Signature) -> Vec<u8> {
        packet(&signature)
    }

    /// The key packet.
    pub(crate) fn primary(&self) -> Vec<u8> {
        packet(self.public())
    }

    /// A key with one user id, that signs and certifies.
    pub(crate) fn usual(&self) -> Vec<u8> {
        [self.primary(), self.user_part("Ada <ada@example.org>")].concat()
    }

    /// A user id with its signature.
    pub(super) fn user_part(&self, user: &str) -> Vec<u8> {
        [self.user(user), self.certify(user, NOW - 9 * 86_400, vec![flags(true, true)])].concat()
    }

    pub(super) fn user(&self, user: &str) -> Vec<u8> {
        packet(&user_id(user))
    }

    pub(super) fn certify(&self, user: &str, at_s: i64, extra: Vec<Subpacket>) -> Vec<u8> {
        self.over_user(SignatureType::CertPositive, user, at_s, HashAlgorithm::Sha512, extra)
    }

    pub(super) fn over_user(
        &self,
        typ: SignatureType,
        user: &str,
        at_s: i64,
        hash: HashAlgorithm,
        extra: Vec<Subpacket>,
    ) -> Vec<u8> {
        let key = &self.secret.primary_key;
        let config = config(key, typ, hash, at_s, extra);
        Self::done(
            config.sign_certification(key, self.public(), &Password::empty(), Tag::UserId, &user_id(user)).unwrap(),
        )
    }

    /// A signature of this key over a user id of another.
    pub(super) fn over_user_of(&self, other: &Self, user: &str) -> Vec<u8> {
        let key = &self.secret.primary_key;
        let config = config(key, SignatureType::CertPositive, HashAlgorithm::Sha512, NOW, vec![]);
        let made =
            config.sign_certification_third_party(key, &Password::empty(), other.public(), Tag::UserId, &user_id(user));
        Self::done(made.unwrap())
    }

    pub(super) fn direct(&self, typ: SignatureType, at_s: i64, extra: Vec<Subpacket>) -> Vec<u8> {
        self.direct_over(self, typ, at_s, extra)
    }

    pub(super) fn direct_over(&self, other: &Self, typ: SignatureType, at_s: i64, extra: Vec<Subpacket>) -> Vec<u8> {
        let key = &self.secret.primary_key;
        let config = config(key, typ, HashAlgorithm::Sha512, at_s, extra);
        Self::done(config.sign_key(key, &Password::empty(), other.public()).unwrap())
    }

    /// Names this key as one that may revoke another.
    pub(super) fn as_revoker(&self) -> Subpacket {
        let key = self.public();
        let revoker = RevocationKey::new(RevocationKeyClass::Default, key.algorithm(), key.fingerprint().as_bytes());
        Subpacket::regular(SubpacketData::RevocationKey(revoker)).unwrap()
    }

    /// A subkey that signs, with its signature.
    pub(super) fn subkey(&self, whose: SubkeyOf, at_s: i64) -> Vec<u8> {
        let subkey = &self.secret.secret_subkeys[0].key;
        let config_of_word = config(subkey, SignatureType::KeyBinding, HashAlgorithm::Sha512, at_s, vec![]);
        let word = config_of_word
            .sign_primary_key_binding(subkey, subkey.public_key(), &Password::empty(), self.public())
            .unwrap();
        let word = (whose == SubkeyOf::Both).then_some(word);
        [packet(subkey.public_key()), self.bind(self, word, at_s)].concat()
    }

    /// The subkey of another, bound to this key with the word that it gave to its own.
    pub(super) fn steal(&self, other: &Self, at_s: i64) -> Vec<u8> {
        let subkey = &other.secret.secret_subkeys[0].key;
        let config_of_word = config(subkey, SignatureType::KeyBinding, HashAlgorithm::Sha512, at_s, vec![]);
        let word = config_of_word
            .sign_primary_key_binding(subkey, subkey.public_key(), &Password::empty(), other.public())
            .unwrap();
        [packet(subkey.public_key()), self.bind(other, Some(word), at_s)].concat()
    }

    fn bind(&self, other: &Self, word: Option<Signature>, at_s: i64) -> Vec<u8> {
        let key = &self.secret.primary_key;
        let word = word.map(|word| Subpacket::regular(SubpacketData::EmbeddedSignature(Box::new(word))).unwrap());
        let extra = [flags(true, false)].into_iter().chain(word).collect();
        let config = config(key, SignatureType::SubkeyBinding, HashAlgorithm::Sha512, at_s, extra);
        let subkey = other.secret.secret_subkeys[0].key.public_key();
        Self::done(config.sign_subkey_binding(key, self.public(), &Password::empty(), subkey).unwrap())
    }

    pub(super) fn revoke_subkey(&self, at_s: i64) -> Vec<u8> {
        let key = &self.secret.primary_key;
        let config = config(key, SignatureType::SubkeyRevocation, HashAlgorithm::Sha512, at_s, vec![]);
        let subkey = self.secret.secret_subkeys[0].key.public_key();
        Self::done(config.sign_subkey_binding(key, self.public(), &Password::empty(), subkey).unwrap())
    }

    /// An armored signature over a text by the primary key.
    pub(super) fn sign(&self, text: &[u8], hash: HashAlgorithm, at_s: i64, extra: Vec<Subpacket>) -> String {
        Self::sign_with(&self.secret.primary_key, SignatureType::Binary, text, hash, at_s, extra)
    }

    pub(super) fn sign_as(&self, typ: SignatureType, text: &[u8], at_s: i64) -> String {
        Self::sign_with(&self.secret.primary_key, typ, text, HashAlgorithm::Sha512, at_s, vec![])
    }

    pub(super) fn sign_by_subkey(&self, text: &[u8], at_s: i64) -> String {
        let key = &self.secret.secret_subkeys[0].key;
        Self::sign_with(key, SignatureType::Binary, text, HashAlgorithm::Sha512, at_s, vec![])
    }

    fn sign_with(
        key: &impl SigningKey,
        typ: SignatureType,
        text: &[u8],
        hash: HashAlgorithm,
        at_s: i64,
        extra: Vec<Subpacket>,
    ) -> String {
        let made = config(key, typ, hash, at_s, extra).sign(key, &Password::empty(), text).unwrap();
        block("SIGNATURE", &packet(&made))
    }
}
