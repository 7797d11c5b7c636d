//! The driver without coverage: the whole corpus, then mutations of it from a fixed seed, or for as long as `ATOMICQMS_FUZZ_SECONDS` says.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{TARGETS, Target};
use crate::{testcost::cpu_ms, testgit::Random};

/// One input may take this much of the processor.
const MOST_CPU_MS: u64 = 5_000;

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

fn feed(target: &Target) {
    let name = target.name;
    let setting = |key: &str| std::env::var(key).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = setting("ATOMICQMS_TEST_SEED").unwrap_or(1);
    let until = setting("ATOMICQMS_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let corpus = corpus(name);
    for data in &corpus {
        (target.run)(data);
    }
    let mut random = Random::new(seed);
    let mut count = 0;
    while until.map_or(count < target.blind_inputs, |until| Instant::now() < until) {
        let data = mutate(&mut random, &corpus);
        let start = Instant::now();
        let outcome = std::panic::catch_unwind(|| (target.run)(&data));
        // On a busy machine only the time on the processor says something; it is asked for when there is a reason.
        let is_slow = outcome.is_ok() && start.elapsed().as_millis() > u128::from(MOST_CPU_MS) && {
            let before = cpu_ms();
            (target.run)(&data);
            cpu_ms() - before > MOST_CPU_MS
        };
        if outcome.is_err() || is_slow {
            let file = std::env::temp_dir().join(format!("atomicqms-fuzz-{name}-{seed}-{count}"));
            std::fs::write(&file, &data).unwrap();
            panic!("{name}: seed {seed} input {count} failed after {:?}: {}", start.elapsed(), file.display());
        }
        count += 1;
    }
    eprintln!("{name}: seed {seed}, {} of the corpus, {count} mutations", corpus.len());
}

macro_rules! every_target {
    ($($test:ident),*) => {
        $(
            #[test]
            fn $test() {
                let name = stringify!($test).strip_prefix("fuzz_").unwrap();
                feed(TARGETS.iter().find(|target| target.name == name).unwrap());
            }
        )*

        #[test]
        fn every_target_has_a_test() {
            let tests = [$(stringify!($test)),*];
            let names: Vec<String> = TARGETS.iter().map(|target| format!("fuzz_{}", target.name)).collect();
            assert_eq!(names, tests);
        }
    };
}

every_target!(
    fuzz_pktline,
    fuzz_upload,
    fuzz_session,
    fuzz_receive,
    fuzz_pack,
    fuzz_recipe,
    fuzz_delta,
    fuzz_idx,
    fuzz_commit,
    fuzz_tree,
    fuzz_tag,
    fuzz_blobs,
    fuzz_attributes,
    fuzz_archive,
    fuzz_refs,
    fuzz_loose,
    fuzz_commit_graph,
    fuzz_changes,
    fuzz_fetch
);
