//! What somebody sends who means harm: it costs little and is refused.

use std::time::Instant;

use pgp::composed::KeyType;
use pgp::crypto::hash::HashAlgorithm;
use pgp::types::KeyVersion;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::certificate::read_packets;
use super::super::signature::parse;
use super::maker::{Maker, NOW, SubkeyOf, block};
use super::{Detached, GpgKeyFault, MAX_KEY_BYTES, MAX_SIGNATURE_BYTES, Refusal, read, read_key};

/// A packet of the new form with a body of less than 192 bytes.
fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[0xc0 | tag, u8::try_from(body.len()).unwrap()][..], body].concat()
}

#[test]
fn hostile_armor_is_refused() {
    let maker = Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy);
    let (usual, key) = (maker.usual(), "PUBLIC KEY BLOCK");
    let nested = block(key, block(key, &usual).as_bytes());
    let many = |part: Vec<u8>, count| [maker.usual(), part.repeat(count)].concat();
    let user = || maker.user("x");
    let signature = || maker.certify("Ada <ada@example.org>", NOW, vec![]);
    let foreign = Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy).over_user_of(&maker, "Ada <ada@example.org>");
    let after = |more: &[u8]| block(key, &[&usual, more].concat());
    let table: Vec<(&str, String, GpgKeyFault)> = vec![
        ("nothing", String::new(), GpgKeyFault::Format),
        ("words", "hello".repeat(1000), GpgKeyFault::Format),
        ("another block", block("MESSAGE", &usual), GpgKeyFault::Format),
        ("an SSH key", "ssh-ed25519 AAAA x".to_owned(), GpgKeyFault::Format),
        ("two blocks", block(key, &usual).repeat(2), GpgKeyFault::Format),
        ("nested armor", nested, GpgKeyFault::Damaged),
        ("too long", block(key, &vec![0x98; MAX_KEY_BYTES]), GpgKeyFault::TooLarge("256 KiB")),
        ("no end of a header", format!("-----BEGIN PGP {key}-----\n{}", "A: b\n".repeat(9999)), GpgKeyFault::Format),
        ("a private key", block("PRIVATE KEY BLOCK", &usual), GpgKeyFault::Private),
        ("a private packet", after(&packet(7, b"\x04")), GpgKeyFault::Private),
        ("a private packet first", block(key, &packet(5, b"\x04")), GpgKeyFault::Private),
        ("two keys", after(&usual), GpgKeyFault::Several),
        ("no packet", block(key, b""), GpgKeyFault::Damaged),
        ("a signature first", block(key, &signature()), GpgKeyFault::Foreign),
        ("compressed", after(&packet(8, b"\x01\x78\x9c")), GpgKeyFault::Foreign),
        ("encrypted", after(&packet(18, b"\x01abc")), GpgKeyFault::Foreign),
        ("unknown", after(&packet(39, b"abc")), GpgKeyFault::Foreign),
        ("unknown, not critical", after(&packet(60, b"abc")), GpgKeyFault::Foreign),
        ("cut off", block(key, &usual[..usual.len() - 1]), GpgKeyFault::Damaged),
        ("no end", after(b"\x9b\x00\x00"), GpgKeyFault::Damaged),
        ("in parts", after(b"\xce\xe1ab"), GpgKeyFault::Damaged),
        ("a length of 4 GiB", after(b"\xce\xff\xff\xff\xff\xff"), GpgKeyFault::Damaged),
        ("version 3", block(key, &packet(6, b"\x03abcd\x00\x00\x01")), GpgKeyFault::Algorithm),
        ("no algorithm", block(key, &packet(6, b"\x04abcd\x63")), GpgKeyFault::Algorithm),
        ("many user ids", block(key, &many(user(), 50)), GpgKeyFault::TooLarge("50 user ids")),
        ("many subkeys", block(key, &many(packet(14, b"\x04abcd\x16"), 2001)), GpgKeyFault::TooLarge("2000 packets")),
        (
            "many real subkeys",
            block(key, &many(maker.subkey(SubkeyOf::PrimaryAlone, NOW), 51)),
            GpgKeyFault::TooLarge("50 subkeys"),
        ),
        (
            "many own signatures",
            block(key, &many(signature(), 201)),
            GpgKeyFault::TooLarge("200 signatures of its own"),
        ),
        ("many packets", block(key, &many(packet(12, b"x"), 2000)), GpgKeyFault::TooLarge("2000 packets")),
        ("many other signatures", block(key, &many(foreign.clone(), 2000)), GpgKeyFault::TooLarge("256 KiB")),
    ];
    for (name, text, expected) in table {
        let begun = Instant::now();
        assert_eq!(read_key(&text, NOW, 2048), Err(expected), "{name}");
        assert!(begun.elapsed().as_millis() < 2000, "{name}: {:?}", begun.elapsed());
    }
    // What others have signed costs nothing and is not kept.
    let signed = read(&many(foreign, 500)).unwrap();
    assert_eq!(signed, read(&usual).unwrap());
    // As many as are allowed, all of them to be verified.
    let begun = Instant::now();
    read(&many(signature(), 199)).unwrap();
    println!("200 signatures of its own: {:?}", begun.elapsed());
}

#[test]
fn hostile_signatures_are_unreadable() {
    let maker = Maker::new(KeyVersion::V4, KeyType::Ed25519Legacy);
    let armor = maker.sign(b"text", HashAlgorithm::Sha256, NOW, vec![]);
    let one = super::super::armor::open(&armor, "SIGNATURE").unwrap();
    let table = [
        ("nothing", String::new()),
        ("too long", block("SIGNATURE", &vec![0x88; MAX_SIGNATURE_BYTES])),
        ("no packet", block("SIGNATURE", b"")),
        ("two", block("SIGNATURE", &one.repeat(2))),
        ("two blocks", armor.repeat(2)),
        ("a key", block("SIGNATURE", &maker.primary())),
        ("compressed", block("SIGNATURE", &packet(8, &one))),
        ("cut off", block("SIGNATURE", &one[..one.len() - 1])),
        ("version 9", block("SIGNATURE", &packet(2, b"\x09abc"))),
        ("empty", block("SIGNATURE", &packet(2, b""))),
    ];
    for (name, text) in table {
        let read = Detached::read(&text);
        // Of a version that nobody knows it is seen only when it is verified.
        match read {
            Err(refusal) => assert_eq!(refusal, Refusal::Unreadable, "{name}"),
            Ok(signature) => assert!(name == "version 9" && signature.issuers().is_empty(), "{name}"),
        }
    }
}

/// Damaged keys and signatures make nothing panic, also without the guard; what still counts is what was there before.
#[test]
fn damage_is_harmless() {
    let mut random = StdRng::seed_from_u64(7);
    let kinds = [
        (KeyVersion::V4, KeyType::Ed25519Legacy),
        (KeyVersion::V6, KeyType::Ed25519),
        (KeyVersion::V4, KeyType::ECDSA(pgp::crypto::ecc_curve::ECCCurve::P256)),
    ];
    for (version, kind) in kinds {
        let maker = Maker::new(version, kind);
        let whole = [maker.usual(), maker.subkey(SubkeyOf::Both, NOW)].concat();
        let good = read(&whole).unwrap();
        let armor = maker.sign(b"text", HashAlgorithm::Sha256, NOW, vec![]);
        let signature = super::super::armor::open(&armor, "SIGNATURE").unwrap();
        let said = |packet: &[u8]| parse(packet).and_then(|one| Some(one.config()?.hashed_subpackets.clone()));
        for round in 0..1500 {
            let mut key = whole.clone();
            damage(&mut key, &mut random);
            if let Ok(read) = read_packets(&key, NOW, 2048) {
                let signs = read.parts.iter().filter(|part| part.can_sign);
                for part in signs {
                    let same = good.parts.iter().find(|one| one.fingerprint == part.fingerprint);
                    assert_eq!(same.map(|one| (one.can_sign, one.created_s)), Some((true, part.created_s)), "{round}");
                }
                assert!(read.addresses.iter().all(|address| good.addresses.contains(address)), "{round}");
            }
            let mut bytes = signature.clone();
            damage(&mut bytes, &mut random);
            let read = Detached::read(&block("SIGNATURE", &bytes));
            if read.is_ok_and(|read| read.maker([&good.parts[0]], b"text", NOW).is_ok()) {
                assert_eq!(said(&bytes), said(&signature), "{round}");
            }
            let _ = parse(&bytes);
        }
    }
}

fn damage(bytes: &mut Vec<u8>, random: &mut StdRng) {
    for _ in 0..random.gen_range(1..4) {
        let at = random.gen_range(0..bytes.len().max(1));
        match random.gen_range(0..4) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.gen_range(0..8),
            1 => bytes.truncate(at),
            2 => bytes.insert(at.min(bytes.len()), random.r#gen()),
            _ if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => {}
        }
    }
}
