//! Packs made to cost much: each is refused with a reason, for little of the server's time and memory.
//!
//! Time is the server's own processor time, so that a busy machine does not matter; memory is what is not backed by a file, sampled while
//! the push runs (the pack itself is mapped from its quarantine).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::dsl::Forge;
use crate::dsl::pack::{Kind, Pack, commit, copy, deflate, delta, entry_header, insert, object_id};
use crate::hostile_packs::Target;

const MIB: u64 = 1 << 20;

/// Anonymous memory of a process.
fn anonymous_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    line.and_then(|line| line.split_whitespace().nth(1)).map_or(0, |kib| kib.parse::<u64>().unwrap() * 1024)
}

/// Processor time of a process. Linux counts in hundredths of a second for everybody.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks = |at: usize| after_name.split_whitespace().nth(at).unwrap().parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// What one refused push cost.
struct Cost {
    time: Duration,
    memory: u64,
    reason: String,
}

fn cost(target: &Target, what: &str, tip: &str, pack: &[u8]) -> Cost {
    let pid = target.forge.pid();
    let (before, began) = (anonymous_bytes(pid), processor_time(pid));
    let (done, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let reason = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(anonymous_bytes(pid), Ordering::Relaxed);
                std::thread::yield_now();
            }
        });
        let reply = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target.refuses_pack(what, tip, pack)));
        done.store(true, Ordering::Relaxed);
        reply.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).reason()
    });
    let memory = peak.load(Ordering::Relaxed).saturating_sub(before);
    let cost = Cost { time: processor_time(pid) - began, memory, reason };
    eprintln!("{what}: {:?}, {} KiB: {}", cost.time, cost.memory / 1024, cost.reason.trim());
    cost
}

#[test]
fn floods_are_refused_cheaply() {
    let target = Target::new(Forge::start());
    let base = vec![b'a'; 400];
    let base_id = object_id(Kind::Blob, &base);
    let tip_of = |pack: &mut Pack| pack.add_commit(&[&target.tip], "b.md", b"x\n");

    // A million deltas against objects that nobody has.
    let mut pack = Pack::new();
    let stream = deflate(&delta(4, 5, &[copy(0, 4), insert(b"x")].concat()));
    let size = delta(4, 5, &[copy(0, 4), insert(b"x")].concat()).len() as u64;
    let header = entry_header(7, size);
    for index in 0..1_000_000_u32 {
        let mut head = header.clone();
        head.extend_from_slice(&index.wrapping_mul(0x9e37_79b9).to_be_bytes());
        head.extend_from_slice(&[7; 16]);
        pack.add_raw(&head, &stream);
    }
    let tip = tip_of(&mut pack);
    let million = cost(&target, "a million deltas of nothing", &tip, &pack.bytes());
    assert!(million.reason.contains("unresolved deltas"), "{}", million.reason);
    assert!(million.memory < 128 * MIB, "{}", million.memory);

    // A thin pack whose bases are not there.
    let mut pack = Pack::new();
    for index in 0..10_000_u32 {
        pack.add_ref_delta(&format!("{index:040x}"), &delta(400, 400, &copy(0, 400)));
    }
    let tip = tip_of(&mut pack);
    let thin = cost(&target, "a thin pack without its bases", &tip, &pack.bytes());
    assert!(thin.reason.contains("unresolved deltas"), "{}", thin.reason);

    // Four gigabytes, said and not sent.
    let mut pack = Pack::new();
    pack.add_raw(&entry_header(Kind::Blob as u8, 4 << 30), &deflate(&vec![0; 8 << 20]));
    let tip = tip_of(&mut pack);
    let huge = cost(&target, "a file of four gigabytes", &tip, &pack.bytes());
    assert!(huge.reason.contains("size of an object exceeds"), "{}", huge.reason);
    let mut pack = Pack::new();
    pack.add_ref_delta(&base_id, &delta(400, 4 << 30, &copy(0, 400).repeat(1000)));
    let tip = tip_of(&mut pack);
    let huge_delta = cost(&target, "a delta to four gigabytes", &tip, &pack.bytes());
    assert!(huge_delta.reason.contains("size of an object exceeds"), "{}", huge_delta.reason);

    // A chain of ten thousand.
    let mut pack = Pack::new();
    let mut last = pack.offset();
    pack.add(Kind::Blob, &base);
    for index in 0..10_000_u32 {
        let here = pack.offset();
        let from = if index == 0 { 400 } else { 408 };
        let text = format!("{index:08}");
        pack.add_ofs_delta(here - last, &delta(from, 408, &[copy(0, 400), insert(text.as_bytes())].concat()));
        last = here;
    }
    let tip = tip_of(&mut pack);
    let chain = cost(&target, "a chain of ten thousand deltas", &tip, &pack.bytes());
    assert!(chain.reason.contains("length of a chain"), "{}", chain.reason);

    // Two objects, each a delta of the other; one of them is here, so that the circle can be entered.
    let mut longer = base.clone();
    longer.push(b'!');
    let mut pack = Pack::new();
    pack.add_ref_delta(&base_id, &delta(400, 401, &[copy(0, 400), insert(b"!")].concat()));
    pack.add_ref_delta(&object_id(Kind::Blob, &longer), &delta(401, 400, &copy(0, 400)));
    let tip = tip_of(&mut pack);
    let circle = cost(&target, "deltas in a circle", &tip, &pack.bytes());
    assert!(circle.reason.contains("circle"), "{}", circle.reason);

    // One object a hundred thousand times.
    let mut pack = Pack::new();
    let blob = deflate(b"again\n");
    for _ in 0..100_000 {
        pack.add_raw(&entry_header(Kind::Blob as u8, 6), &blob);
    }
    let tip = pack.add(Kind::Commit, &commit(&object_id(Kind::Tree, b""), &[&target.tip], "x"));
    let again = cost(&target, "one object a hundred thousand times", &tip, &pack.bytes());
    assert!(again.reason.contains("appears twice"), "{}", again.reason);

    for (cost, what) in [
        (&thin, "thin"),
        (&huge, "huge"),
        (&huge_delta, "huge delta"),
        (&chain, "chain"),
        (&circle, "circle"),
        (&again, "again"),
    ] {
        assert!(cost.memory < 64 * MIB, "{what}: {} bytes", cost.memory);
    }
    for cost in [million, thin, huge, huge_delta, chain, circle, again] {
        assert!(cost.time < Duration::from_secs(4), "{}: {:?}", cost.reason, cost.time);
    }
    target.forge.finish();
}
