//! Keys and signatures that stock programs do not make, made with the library; those of stock gpg are in the tests of the API.

mod hostile;
pub(crate) mod maker;

use maker::{Maker, NOW, SubkeyOf, block, expire, flags};
use pgp::composed::KeyType;
use pgp::crypto::ecc_curve::ECCCurve;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{RevocationCode, SignatureType, Subpacket, SubpacketData};
use pgp::types::{Duration, KeyVersion};

use super::*;

const DAY: i64 = 86_400;

fn read(packets: &[u8]) -> Result<Certificate, GpgKeyFault> {
    read_key(&block("PUBLIC KEY BLOCK", packets), NOW, 2048)
}

fn detached(armor: &str) -> Detached {
    Detached::read(armor).unwrap()
}

#[test]
fn keys_of_every_kind_are_read_and_their_signatures_verified() {
    let kinds = [
        (KeyVersion::V4, KeyType::Ed25519Legacy),
        (KeyVersion::V4, KeyType::Rsa(2048)),
        (KeyVersion::V4, KeyType::ECDSA(ECCCurve::P256)),
        (KeyVersion::V4, KeyType::ECDSA(ECCCurve::P384)),
        (KeyVersion::V4, KeyType::ECDSA(ECCCurve::P521)),
        (KeyVersion::V4, KeyType::Ed25519),
        (KeyVersion::V6, KeyType::Ed25519),
        (KeyVersion::V6, KeyType::Ed448),
    ];
    let stranger = Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy);
    for (version, kind) in kinds {
        let name = format!("{version:?} {kind:?}");
        let maker = Maker::new(version, kind);
        let certificate = read(&maker.usual()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let [part] = &certificate.parts[..] else { panic!("{name}") };
        assert_eq!((part.key_id.len(), part.fingerprint.len()), (16, if version == KeyVersion::V6 { 64 } else { 40 }));
        assert_eq!(certificate.addresses, ["ada@example.org"]);
        assert_eq!((part.created_s, part.expires_s, part.revoked_s), (maker.created_s, None, None), "{name}");
        assert!(part.can_sign && part.can_certify);
        let signature = detached(&maker.sign(b"text", HashAlgorithm::Sha512, NOW, vec![]));
        assert_eq!(signature.issuers(), [part.key_id.as_str()], "{name}");
        assert_eq!(signature.maker([part], b"text", NOW).map(|_| ()), Ok(()), "{name}");
        assert_eq!(signature.maker([part], b"Text", NOW).map(|_| ()), Err(Refusal::Wrong), "{name}");
        let other = read(&stranger.usual()).unwrap().parts.remove(0);
        assert_eq!(signature.maker([&other], b"text", NOW).map(|_| ()), Err(Refusal::NoKey), "{name}");
        // Whoever calls a key by another's id has still not made its signatures.
        let posing = GpgPart { key_id: part.key_id.clone(), ..other };
        assert_eq!(signature.maker([&posing], b"text", NOW).map(|_| ()), Err(Refusal::Wrong), "{name}");
        // What is kept is read again as the same.
        assert_eq!(read(&certificate.packets).unwrap(), certificate, "{name}");
    }
}

#[test]
fn small_and_old_kinds_are_refused() {
    let small = Maker::new(KeyVersion::V4, KeyType::Rsa(2048)).usual();
    let refused = read_key(&block("PUBLIC KEY BLOCK", &small), NOW, 3072);
    assert_eq!(refused, Err(GpgKeyFault::RsaSize { bits: 2048, least: 3072 }));
    let dsa = Maker::new(KeyVersion::V4, KeyType::Dsa(pgp::composed::DsaKeySize::B1024));
    assert_eq!(read(&dsa.usual()), Err(GpgKeyFault::Algorithm));
}

#[test]
fn a_key_ends_as_its_newest_signature_says() {
    let maker = Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy);
    let end =
        |at_s: i64, days: i64| maker.certify("Ada <ada@example.org>", at_s, vec![flags(true, true), expire(days)]);
    let part = |signatures: &[Vec<u8>]| {
        read(&[maker.primary(), maker.user("Ada <ada@example.org>"), signatures.concat()].concat())
            .unwrap()
            .parts
            .remove(0)
    };
    let ended = part(&[end(NOW - 9 * DAY, 5)]);
    assert_eq!(ended.expires_s, Some(maker.created_s + 5 * DAY));
    let signature = |at_s| detached(&maker.sign(b"text", HashAlgorithm::Sha256, at_s, vec![]));
    let before = signature(maker.created_s + 5 * DAY - 1);
    assert_eq!(before.maker([&ended], b"text", NOW).map(|_| ()), Ok(()));
    assert_eq!(signature(maker.created_s + 5 * DAY).maker([&ended], b"text", NOW).map(|_| ()), Err(Refusal::Key));
    assert_eq!(
        signature(maker.created_s - DAY).maker([&ended], b"text", NOW).map(|_| ()),
        Err(Refusal::Key),
        "before it was made"
    );
    // In any order the newest counts.
    for signatures in [[end(NOW - 9 * DAY, 5), end(NOW - DAY, 50)], [end(NOW - DAY, 50), end(NOW - 9 * DAY, 5)]] {
        assert_eq!(part(&signatures).expires_s, Some(maker.created_s + 50 * DAY));
    }
    // A signature over the key alone that names no end does not lift one.
    let direct = maker.direct(SignatureType::Key, NOW, vec![flags(true, true)]);
    let user = [maker.user("Ada <ada@example.org>"), end(NOW - 9 * DAY, 5)].concat();
    let both = read(&[maker.primary(), direct, user].concat()).unwrap();
    assert_eq!(both.parts[0].expires_s, Some(maker.created_s + 5 * DAY));
}

#[test]
fn revocations_end_a_key_from_its_day_or_from_the_beginning() {
    let maker = Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy);
    let with = |reason: Option<RevocationCode>| {
        let reason = reason.map(|code| Subpacket::regular(SubpacketData::RevocationReason(code, "".into())).unwrap());
        let revocation = maker.direct(SignatureType::KeyRevocation, NOW - DAY, reason.into_iter().collect());
        read(&[maker.primary(), revocation, maker.user_part("Ada <ada@example.org>")].concat()).unwrap().parts.remove(0)
    };
    let signature = |at_s| detached(&maker.sign(b"text", HashAlgorithm::Sha256, at_s, vec![]));
    for reason in [RevocationCode::KeySuperseded, RevocationCode::KeyRetired] {
        let part = with(Some(reason));
        assert_eq!(part.revoked_s, Some(NOW - DAY));
        assert_eq!(signature(NOW - DAY - 1).maker([&part], b"text", NOW).map(|_| ()), Ok(()));
        assert_eq!(signature(NOW - DAY).maker([&part], b"text", NOW).map(|_| ()), Err(Refusal::Key));
    }
    for reason in
        [None, Some(RevocationCode::NoReason), Some(RevocationCode::KeyCompromised), Some(RevocationCode::Other(77))]
    {
        let part = with(reason);
        assert_eq!(part.revoked_s, Some(0), "{reason:?}");
        assert_eq!(signature(NOW - 8 * DAY).maker([&part], b"text", NOW).map(|_| ()), Err(Refusal::Key));
    }
    // One by somebody else means nothing, unless the key has named a revoker, who is not here to ask.
    let other = Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy);
    let foreign = other.direct_over(&maker, SignatureType::KeyRevocation, NOW - DAY, vec![]);
    let user = maker.user_part("Ada <ada@example.org>");
    let whole = |direct: Vec<u8>| read(&[maker.primary(), direct, foreign.clone(), user.clone()].concat()).unwrap();
    assert_eq!(whole(vec![]).parts[0].revoked_s, None);
    let named = maker.direct(SignatureType::Key, NOW - 8 * DAY, vec![other.as_revoker()]);
    assert_eq!(whole(named).parts[0].revoked_s, Some(0));
}

#[test]
fn user_ids_count_while_the_key_stands_by_them() {
    let maker = Maker::new(KeyVersion::V4, KeyType::Rsa(2048));
    let other = Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy);
    let certify = |user: &str, at_s| maker.certify(user, at_s, vec![flags(true, true)]);
    let revoke =
        |user: &str, at_s| maker.over_user(SignatureType::CertRevocation, user, at_s, HashAlgorithm::Sha256, vec![]);
    let sha1 = |user: &str| maker.over_user(SignatureType::CertPositive, user, NOW, HashAlgorithm::Sha1, vec![]);
    let packets = [
        maker.primary(),
        [maker.user("A <Good@Example.org>"), certify("A <Good@Example.org>", NOW - DAY)].concat(),
        [maker.user("bare@example.org"), certify("bare@example.org", NOW - DAY)].concat(),
        [
            maker.user("Gone <gone@example.org>"),
            certify("Gone <gone@example.org>", NOW - DAY),
            revoke("Gone <gone@example.org>", NOW - 1),
        ]
        .concat(),
        [
            maker.user("Back <back@example.org>"),
            revoke("Back <back@example.org>", NOW - DAY),
            certify("Back <back@example.org>", NOW - 1),
        ]
        .concat(),
        [maker.user("Weak <weak@example.org>"), sha1("Weak <weak@example.org>")].concat(),
        [maker.user("Unsigned <unsigned@example.org>")].concat(),
        [maker.user("Moved <moved@example.org>"), certify("Elsewhere <elsewhere@example.org>", NOW - DAY)].concat(),
        [maker.user("Foreign <foreign@example.org>"), other.over_user_of(&maker, "Foreign <foreign@example.org>")]
            .concat(),
        [maker.user("No address"), certify("No address", NOW - DAY)].concat(),
    ];
    let certificate = read(&packets.concat()).unwrap();
    assert_eq!(certificate.addresses, ["good@example.org", "bare@example.org", "back@example.org"]);
    // With none of them, and no signature over the key alone, there is no key.
    assert_eq!(read(&[maker.primary(), packets[5].clone()].concat()), Err(GpgKeyFault::Unsigned));
    assert_eq!(read(&maker.primary()), Err(GpgKeyFault::Unsigned));
}

#[test]
fn a_signing_subkey_says_itself_whose_it_is() {
    for (version, kind) in [(KeyVersion::V4, KeyType::Ed25519Legacy), (KeyVersion::V6, KeyType::Ed25519)] {
        let (maker, thief) = (Maker::new(version, kind.clone()), Maker::new(version, kind.clone()));
        let parts = |packets: Vec<u8>| read(&packets).unwrap().parts;
        let head = |maker: &Maker| {
            let certify = maker.certify("Ada <ada@example.org>", NOW - DAY, vec![flags(false, true)]);
            let direct = maker.direct(SignatureType::Key, NOW - DAY, vec![flags(false, true)]);
            [maker.primary(), direct, maker.user("Ada <ada@example.org>"), certify].concat()
        };
        let good = parts([head(&maker), maker.subkey(SubkeyOf::Both, NOW - DAY)].concat());
        assert_eq!(good.len(), 2);
        assert!(!good[0].can_sign && good[1].can_sign);
        let signature = detached(&maker.sign_by_subkey(b"text", NOW));
        assert_eq!(signature.issuers(), [good[1].key_id.as_str()]);
        assert_eq!(signature.maker([&good[1]], b"text", NOW).map(|_| ()), Ok(()));
        let by_primary = detached(&maker.sign(b"text", HashAlgorithm::Sha512, NOW, vec![]));
        assert_eq!(
            by_primary.maker([&good[0]], b"text", NOW).map(|_| ()),
            Err(Refusal::Key),
            "the primary key only certifies"
        );
        // Without its word, or with another's, it signs nothing; of a subkey that nobody binds nothing is kept.
        let without = parts([head(&maker), maker.subkey(SubkeyOf::PrimaryAlone, NOW - DAY)].concat());
        assert!(!without[1].can_sign);
        assert_eq!(signature.maker([&without[1]], b"text", NOW).map(|_| ()), Err(Refusal::Key));
        let stolen = parts([head(&thief), thief.steal(&maker, NOW - DAY)].concat());
        assert_eq!(
            (stolen.len(), stolen[1].can_sign),
            (2, false),
            "another's subkey, with the word it gave to another"
        );
        assert_eq!(parts([head(&thief), maker.subkey(SubkeyOf::Both, NOW - DAY)].concat()).len(), 1);
        // It ends with its own revocation, and with its primary key.
        let revoked =
            parts([head(&maker), maker.subkey(SubkeyOf::Both, NOW - DAY), maker.revoke_subkey(NOW - 1)].concat());
        assert_eq!(revoked[1].revoked_s, Some(0));
        let revocation = maker.direct(SignatureType::KeyRevocation, NOW - 1, vec![]);
        let packets = [
            maker.primary(),
            revocation,
            head(&maker)[maker.primary().len()..].to_vec(),
            maker.subkey(SubkeyOf::Both, NOW - DAY),
        ];
        assert_eq!(parts(packets.concat())[1].revoked_s, Some(0));
    }
}

#[test]
fn signatures_that_do_not_count_prove_nothing() {
    let maker = Maker::new(KeyVersion::V4, KeyType::Rsa(2048));
    let part = read(&maker.usual()).unwrap().parts.remove(0);
    let verify = |armor: &str| detached(armor).maker([&part], b"text", NOW).map(|_| ());
    let lives = |seconds| {
        vec![Subpacket::regular(SubpacketData::SignatureExpirationTime(Duration::from_secs(seconds))).unwrap()]
    };
    let sign = |hash, at_s, extra| maker.sign(b"text", hash, at_s, extra);
    let sha256 = HashAlgorithm::Sha256;
    let odd = |is_critical, data: SubpacketData| vec![Subpacket { is_critical, ..Subpacket::regular(data).unwrap() }];
    // The library neither makes nor hashes one that is critical and unknown.
    let unknown = || SubpacketData::Other(90, "x".into());
    let notation =
        || SubpacketData::Notation(pgp::packet::Notation { readable: true, name: "n@x".into(), value: "v".into() });
    let table = [
        ("plain", sign(sha256, NOW, vec![]), Ok(())),
        ("clocks differ", sign(sha256, NOW + SLOP_SECONDS, vec![]), Ok(())),
        ("from the future", sign(sha256, NOW + SLOP_SECONDS + 1, vec![]), Err(Refusal::Weak)),
        ("lives", sign(sha256, NOW - 10, lives(11)), Ok(())),
        ("has ended", sign(sha256, NOW - 10, lives(10)), Err(Refusal::Weak)),
        ("for ever", sign(sha256, NOW - 10, lives(0)), Ok(())),
        ("SHA-1", sign(HashAlgorithm::Sha1, NOW, vec![]), Err(Refusal::Weak)),
        ("MD5", sign(HashAlgorithm::Md5, NOW, vec![]), Err(Refusal::Weak)),
        ("RIPEMD", sign(HashAlgorithm::Ripemd160, NOW, vec![]), Err(Refusal::Weak)),
        ("unknown", sign(sha256, NOW, odd(false, unknown())), Ok(())),
        ("notation", sign(sha256, NOW, odd(false, notation())), Ok(())),
        ("notation, critical", sign(sha256, NOW, odd(true, notation())), Err(Refusal::Weak)),
        ("of a text", maker.sign_as(SignatureType::Text, b"text", NOW), Err(Refusal::Weak)),
    ];
    for (name, armor, expected) in table {
        assert_eq!(verify(&armor), expected, "{name}");
    }
}

#[test]
fn addresses_are_read_out_of_user_ids() {
    let table = [
        ("Ada <ada@example.org>", Some("ada@example.org")),
        ("Ada (work) <ADA@Example.org> ", Some("ada@example.org")),
        ("ada@example.org", Some("ada@example.org")),
        ("<ada@example.org>", Some("ada@example.org")),
        ("Eve <ada@example.org> <eve@example.org>", Some("eve@example.org")),
        ("Ada <ada@example.org", None),
        ("Ada ada@example.org", None),
        ("Ada <ada@example.org>x", None),
        ("<>", None),
        (">", None),
        ("", None),
    ];
    for (user_id, expected) in table {
        assert_eq!(address_of(user_id).as_deref(), expected, "{user_id:?}");
    }
}
