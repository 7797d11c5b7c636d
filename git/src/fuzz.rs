//! Everything that reads bytes of a peer or of a disk, fed with damaged input: nothing may panic, hang or blame us for what a peer sent.
//!
//! Owns the targets, the mutations and the loop. The corpus lies in `git/fuzz/corpus/TARGET/`; an input that once failed is added there.
//! Runs a fixed number of inputs from a fixed seed as a test, and for as long as `ATOMICQMS_FUZZ_SECONDS` says under `scripts/fuzz`. It is
//! blind: mutations are not guided by coverage, which stable Rust does not offer without a tool of its own. Compiled for tests only.

use std::{
    cell::RefCell,
    path::PathBuf,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use crate::{
    Kind, Limits, ObjectId, View,
    error::Error,
    fsck,
    map::FileBytes,
    odb::Snapshot,
    pack::{self, Idx},
    pktline::{self, Decoded, Packets},
    protocol::ProtocolVersion,
    receive::{CommandParser, Parsed},
    testgit::{Random, TestRepo, random_history},
    testpack::seal,
    upload,
};

/// One input may take this long, on a machine that does much else.
const MOST_TIME: Duration = Duration::from_secs(5);

/// Limits small enough that an input cannot make a test slow in an honest way.
fn limits() -> Limits {
    Limits { max_object_bytes: 1 << 20, max_unpacked_bytes: 4 << 20, max_pack_bytes: 1 << 20, ..Limits::default() }
}

/// Fails when an error caused by the input is reported as ours.
fn blames_the_peer<T>(outcome: Result<T, Error>) {
    if let Err(error) = outcome {
        assert!(error.is_peer_fault(), "{error:?}");
    }
}

fn pktline_target(data: &[u8]) {
    let mut taken = 0;
    for packet in Packets::new(data) {
        if packet.is_err() {
            break;
        }
        taken += 1;
    }
    assert!(taken <= data.len());
    if let Ok(Decoded::Complete(_, len)) = pktline::decode(data) {
        assert!(len <= data.len());
    }
}

thread_local! {
    static SERVER: RefCell<Option<(TestRepo, View)>> = const { RefCell::new(None) };
}

fn upload_target(data: &[u8]) {
    let Some((version, body)) = data.split_first() else { return };
    let version = if *version == b'2' { ProtocolVersion::V2 } else { ProtocolVersion::V0 };
    SERVER.with_borrow_mut(|server| {
        let (repo, view) = server.get_or_insert_with(|| {
            let repo = TestRepo::new();
            random_history(&repo, &mut Random::new(3), 12);
            let view = repo.view();
            (repo, view)
        });
        // The corpus speaks of ids of another repository: exchanged for some that exist here.
        let main = repo.path().to_string_lossy().len();
        let known: Vec<String> = view.refs.iter().map(|item| item.target.to_string()).collect();
        let body = exchange_ids(body, &known, main);
        let mut out = Vec::new();
        let never = AtomicBool::new(false);
        blames_the_peer(upload::respond(view, version, &body, &limits(), &mut out, &never));
    });
}

/// Puts known ids where something looks like an id, most of the time.
fn exchange_ids(body: &[u8], known: &[String], salt: usize) -> Vec<u8> {
    let mut out = body.to_vec();
    let mut at = 0;
    while at + 40 <= out.len() {
        if out[at..at + 40].iter().all(u8::is_ascii_hexdigit) {
            let pick = (usize::from(out[at]) + usize::from(out[at + 1]) + salt) % (known.len() + 1);
            if let Some(id) = known.get(pick) {
                out[at..at + 40].copy_from_slice(id.as_bytes());
            }
            at += 40;
        } else {
            at += 1;
        }
    }
    out
}

fn receive_target(data: &[u8]) {
    let mut parser = CommandParser::new(&limits());
    let step = 1 + data.first().map_or(0, |byte| usize::from(*byte) % 70);
    for chunk in data.chunks(step) {
        match parser.push(chunk) {
            Ok(Parsed::NeedMore) => {}
            Ok(Parsed::Done { request, pack_starts_at }) => {
                assert!(pack_starts_at <= chunk.len());
                if let Some(certificate) = &request.certificate {
                    assert_eq!([certificate.signed(), certificate.signature()].concat(), certificate.text);
                    assert!(!request.commands.is_empty());
                }
                return;
            }
            Err(error) => return assert!(error.is_peer_fault(), "{error:?}"),
        }
    }
}

fn pack_target(data: &[u8]) {
    // With a trailer that fits, for whoever makes such a pack can compute it.
    let body = data.len().checked_sub(20).and_then(|end| data.get(..end)).unwrap_or(data);
    let never = AtomicBool::new(false);
    for bytes in [data.to_vec(), seal(body.to_vec())] {
        blames_the_peer(pack::index::index_pack(&bytes, &Snapshot::default(), &limits(), &mut |_| {}, &never));
    }
}

fn delta_target(data: &[u8]) {
    let base: Vec<u8> = (0..1000_u32).map(|n| n as u8).collect();
    let Ok(header) = pack::delta::DeltaHeader::parse(data) else { return };
    if header.result_size > 1 << 20 {
        return;
    }
    let mut out = Vec::new();
    if pack::delta::apply(&base, data, &mut out).is_ok() {
        assert_eq!(out.len() as u64, header.result_size);
    }
}

fn idx_target(data: &[u8]) {
    // With and without the checksum that belongs to it.
    let body = data.len().checked_sub(20).and_then(|end| data.get(..end)).unwrap_or(data);
    for bytes in [data.to_vec(), seal(body.to_vec())] {
        let Ok(idx) = Idx::parse(FileBytes::from(bytes::Bytes::from(bytes))) else { continue };
        for (id, at) in idx.ids().zip(0_u32..).take(1000) {
            let _ = (idx.lookup(&id), idx.offset_at(at), idx.crc32_at(at), idx.id_at(at));
        }
        let _ = idx.lookup(&ObjectId::from([0xff; 20]));
        let _ = (idx.offset_at(idx.len()), idx.offset_at(u32::MAX), idx.id_at(u32::MAX));
    }
}

fn object_target(kind: Kind, data: &[u8]) {
    let id = ObjectId::from([1; 20]);
    let strict = fsck::Policy::default();
    let lenient = fsck::Policy { tolerated: fsck::Rule::ALL.iter().copied().collect() };
    for policy in [&strict, &lenient] {
        blames_the_peer(fsck::check(kind, &id, data, policy, 10_000, &mut |_| Ok(())));
    }
    if kind == Kind::Tree {
        crate::walk::TreeEntries::new(data).for_each(drop);
    }
}

/// Words that parsers look for.
const WORDS: &[&[u8]] = &[
    b"0000",
    b"0001",
    b"0002",
    b"0003",
    b"0004",
    b"fff0",
    b"ffff",
    b"\0",
    b"\n",
    b" ",
    b"want ",
    b"have ",
    b"done",
    b"deepen ",
    b"-1",
    b"18446744073709551615",
    b"filter combine:",
    b"%25",
    b"+",
    b"tree ",
    b"parent ",
    b"author ",
    b"tagger ",
    b"object ",
    b"type tag\n",
    b"40000 ",
    b"160000 .git\0",
    b"100644 .gitmodules\0",
    b"..",
    b".git",
    b"push-cert-end\n",
    b"-----BEGIN SSH SIGNATURE-----\n",
    b"PACK",
    b"\xff\xff\xff\xff",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
];

fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut data = corpus[random.below(corpus.len())].clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(data.len() + 1);
        let len = random.below(16).min(data.len() - at);
        match random.below(8) {
            0 | 1 if at < data.len() => data[at] ^= 1 << random.below(8),
            2 if at < data.len() => data[at] = [0, 1, 0x7f, 0x80, 0xff, b'0', b'\n', b' '][random.below(8)],
            3 => drop(data.drain(at..at + len)),
            4 => drop(data.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied())),
            5 => {
                let piece = data[at..at + len].to_vec();
                let to = random.below(data.len() + 1);
                data.splice(to..to, piece);
            }
            6 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                data.truncate(at);
                data.extend_from_slice(&other[from..]);
            }
            7 => data.truncate(at),
            _ => {}
        }
        data.truncate(1 << 16);
    }
    data
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn fuzz(name: &str, inputs: u64, target: impl Fn(&[u8]) + std::panic::RefUnwindSafe) {
    let setting = |key: &str| std::env::var(key).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = setting("ATOMICQMS_TEST_SEED").unwrap_or(1);
    let until = setting("ATOMICQMS_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let corpus = corpus(name);
    for data in &corpus {
        target(data);
    }
    let mut random = Random::new(seed);
    let mut count = 0;
    while until.map_or(count < inputs, |until| Instant::now() < until) {
        let data = mutate(&mut random, &corpus);
        let start = Instant::now();
        let outcome = std::panic::catch_unwind(|| target(&data));
        if outcome.is_err() || start.elapsed() > MOST_TIME {
            let file = std::env::temp_dir().join(format!("atomicqms-fuzz-{name}-{seed}-{count}"));
            std::fs::write(&file, &data).unwrap();
            panic!("{name}: seed {seed} input {count} failed after {:?}: {}", start.elapsed(), file.display());
        }
        count += 1;
    }
    eprintln!("{name}: {count} inputs");
}

#[test]
fn fuzz_pktline() {
    fuzz("pktline", 50_000, pktline_target);
}

#[test]
fn fuzz_upload() {
    fuzz("upload", 6_000, upload_target);
}

#[test]
fn fuzz_receive() {
    fuzz("receive", 30_000, receive_target);
}

#[test]
fn fuzz_pack() {
    fuzz("pack", 4_000, pack_target);
}

#[test]
fn fuzz_delta() {
    fuzz("delta", 50_000, delta_target);
}

#[test]
fn fuzz_idx() {
    fuzz("idx", 10_000, idx_target);
}

#[test]
fn fuzz_commit() {
    fuzz("commit", 30_000, |data| object_target(Kind::Commit, data));
}

#[test]
fn fuzz_tree() {
    fuzz("tree", 30_000, |data| object_target(Kind::Tree, data));
}

#[test]
fn fuzz_tag() {
    fuzz("tag", 30_000, |data| object_target(Kind::Tag, data));
}
