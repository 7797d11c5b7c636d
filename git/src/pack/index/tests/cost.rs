//! What hostile packs cost: processor time of the thread that indexes and memory of the process, read from the kernel in a process of its
//! own, so that no other test is counted and nothing else can hide what is used. The bounds are those of the product: 2 s, 64 MiB.
//!
//! The time is that of the `dev` profile, which is slower than the server that is delivered, on whatever machine this runs.

use std::{fmt::Write as _, path::Path, process::Command};

use super::*;
use crate::{
    id::{Kind, hash_object},
    pack::entry,
    testcost::{cpu_ms, peak_bytes, start_of_peak},
    testpack::{PackBuilder, append_delta, deflate, insert_delta},
};

const MIB: u64 = 1 << 20;
const MOST_BYTES: u64 = 64 * MIB;
const MOST_CPU_MS: u64 = 2000;
/// Names the pack to the process that measures.
const PACK: &str = "ATOMICQMS_TEST_COSTLY_PACK";

/// What indexing one pack took, and how it ended.
#[derive(Debug)]
struct Cost {
    cpu_ms: u64,
    peak_bytes: u64,
    outcome: String,
}

/// Runs as a process of its own, and does nothing as a test among others.
#[test]
fn measure() {
    let Ok(path) = std::env::var(PACK) else { return };
    let (before, start) = (start_of_peak(), cpu_ms());
    let file = FileBytes::open(Path::new(&path)).unwrap();
    let never = AtomicBool::new(false);
    let outcome = index_file(&file, &Snapshot::default(), &Limits::default(), &mut |_| (), &never);
    let text = match &outcome {
        Ok(indexed) => format!("{} objects", indexed.objects.len()),
        Err(error) => error.to_string(),
    };
    println!("\nCOST {} {} {text}", cpu_ms() - start, peak_bytes().saturating_sub(before));
}

fn cost(pack: &[u8]) -> Cost {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile.pack");
    std::fs::write(&path, pack).unwrap();
    #[expect(clippy::disallowed_methods, reason = "this test program itself, to be measured alone")]
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name = std::thread::current().name().unwrap().rsplit_once("::").unwrap().0.to_owned();
    command.args(["--exact", &format!("{name}::measure"), "--nocapture", "--test-threads=1"]).env(PACK, &path);
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let line = stdout.lines().find_map(|line| line.strip_prefix("COST "));
    let mut parts = line.unwrap_or_else(|| panic!("{stdout}")).splitn(3, ' ');
    let mut next = || parts.next().unwrap();
    Cost { cpu_ms: next().parse().unwrap(), peak_bytes: next().parse().unwrap(), outcome: next().to_owned() }
}

/// Every case is measured before any is judged.
fn assert_all_cheap(cases: &[(&str, Vec<u8>, &str)]) {
    let mut faults = String::new();
    for (what, pack, expected) in cases {
        let cost = cost(pack);
        eprintln!(
            "{what}: {} ms, {} KiB, {} bytes of pack, {}",
            cost.cpu_ms,
            cost.peak_bytes >> 10,
            pack.len(),
            cost.outcome
        );
        if !cost.outcome.contains(expected) || cost.peak_bytes > MOST_BYTES || cost.cpu_ms > MOST_CPU_MS {
            writeln!(faults, "{what}: {cost:?} instead of {expected:?}").unwrap();
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

fn nth_id(n: u32) -> ObjectId {
    let mut raw = [0u8; 20];
    raw[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
    raw[16..].copy_from_slice(&n.to_be_bytes());
    ObjectId::from(raw)
}

fn ref_deltas(count: u32, base: impl Fn(u32) -> ObjectId) -> Vec<u8> {
    let mut builder = PackBuilder::new();
    let delta = append_delta(4, b"x");
    let deflated = deflate(&delta);
    for i in 0..count {
        let mut header = Vec::with_capacity(21);
        entry::write_ref_delta_header(&mut header, &base(i), delta.len() as u64);
        builder.raw(&header, &deflated);
    }
    builder.finish()
}

/// Deltas of one base, each at most eight bytes long, which the base precedes.
fn ofs_deltas(count: u32, kind: Kind, base: &[u8], tail: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut builder = PackBuilder::without_deflating();
    let at = builder.full(kind, base);
    for i in 0..count {
        builder.ofs_delta(at, &append_delta(base.len(), &tail(i)));
    }
    builder.finish()
}

#[test]
fn a_million_deltas_without_their_bases() {
    assert_all_cheap(&[
        ("each names another base", ref_deltas(1_000_000, nth_id), "1000000"),
        ("all name the same base", ref_deltas(1_000_000, |_| nth_id(1)), "1000000"),
        // The ids of a chosen hash table's worst case: they differ in the last bytes only.
        (
            "bases alike in their first bytes",
            ref_deltas(1_000_000, |n| {
                let mut raw = [7; 20];
                raw[16..].copy_from_slice(&n.to_be_bytes());
                ObjectId::from(raw)
            }),
            "1000000",
        ),
    ]);
}

#[test]
fn a_million_deltas_in_circles() {
    let text = |n: u32| n.to_be_bytes();
    let id = |n: u32| hash_object(Kind::Blob, &text(n)).unwrap();
    let mut builder = PackBuilder::without_deflating();
    for pair in 0..500_000 {
        let (a, b) = (2 * pair, 2 * pair + 1);
        builder.ref_delta(&id(b), &insert_delta(4, &text(a)));
        builder.ref_delta(&id(a), &insert_delta(4, &text(b)));
    }
    let mut waiting_on_circle = PackBuilder::without_deflating();
    let mut last = waiting_on_circle.ref_delta(&id(0), &append_delta(4, b"x"));
    for _ in 0..1_000_000 {
        last = waiting_on_circle.ofs_delta(last, &append_delta(4, b"x"));
    }
    assert_all_cheap(&[
        ("pairs", builder.finish(), "1000000"),
        ("a chain by offset over a base that is missing", waiting_on_circle.finish(), "1000001"),
    ]);
}

#[test]
fn a_million_deltas_of_one_base() {
    let other = |n: u32| n.to_be_bytes().to_vec();
    assert_all_cheap(&[
        ("a million different blobs are welcome", ofs_deltas(1_000_000, Kind::Blob, b"base", other), "1000001 objects"),
        ("all the same blob", ofs_deltas(1_000_000, Kind::Blob, b"base", |_| b"x".to_vec()), "twice"),
    ]);
}

#[test]
fn one_object_a_million_times() {
    let mut builder = PackBuilder::new();
    let mut header = Vec::new();
    entry::write_full_header(&mut header, Kind::Blob, 4);
    let deflated = deflate(b"same");
    for _ in 0..1_000_000 {
        builder.raw(&header, &deflated);
    }
    assert_all_cheap(&[("whole", builder.finish(), "twice")]);
}

#[test]
fn long_chains() {
    let mut one = PackBuilder::without_deflating();
    let mut at = one.full(Kind::Blob, b"b");
    for len in 1..=10_000 {
        at = one.ofs_delta(at, &append_delta(len, &[len as u8]));
    }
    let mut many = PackBuilder::without_deflating();
    for n in 0..240_u32 {
        let mut at = many.full(Kind::Blob, &n.to_be_bytes());
        let mut base_len = 4;
        for depth in 0..4095_u32 {
            let text = [n.to_be_bytes(), depth.to_be_bytes()].concat();
            at = many.ofs_delta(at, &insert_delta(base_len, &text));
            base_len = text.len();
        }
    }
    assert_all_cheap(&[
        ("10,000 deltas", one.finish(), "chain"),
        ("240 chains of the greatest length are welcome", many.finish(), "983040 objects"),
    ]);
}

#[test]
fn sizes_of_four_gigabytes() {
    let size = (4u64 << 30) + 5;
    let mut cases = Vec::new();
    for (what, kind) in [("blob", Kind::Blob), ("tree", Kind::Tree), ("commit", Kind::Commit), ("tag", Kind::Tag)] {
        let below = match kind {
            Kind::Commit | Kind::Tag => "size of a commit",
            Kind::Tree => "size of a tree",
            Kind::Blob => "smaller",
        };
        for (declared, expected) in [(size, "size of an object"), (500 * MIB, below)] {
            let mut builder = PackBuilder::new();
            let mut header = Vec::new();
            entry::write_full_header(&mut header, kind, declared);
            builder.raw(&header, &deflate(b"little"));
            cases.push((what, builder.finish(), expected));
        }
    }
    for (what, result, expected) in
        [("result of a delta", size, "size of an object"), ("result below the limit", 500 * MIB, "writes less")]
    {
        let mut builder = PackBuilder::new();
        let at = builder.full(Kind::Blob, b"base");
        let mut delta = vec![4];
        let mut rest = result;
        while rest >= 0x80 {
            delta.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        delta.extend([rest as u8, 0x90, 4]);
        builder.ofs_delta(at, &delta);
        cases.push((what, builder.finish(), expected));
    }
    let mut builder = PackBuilder::new();
    let at = builder.full(Kind::Blob, b"base");
    let mut header = Vec::new();
    entry::write_ofs_delta_header(&mut header, (builder.len() - at) as u64, size);
    builder.raw(&header, &deflate(b"little"));
    cases.push(("delta itself", builder.finish(), "size of an object"));
    assert_all_cheap(&cases);
}
