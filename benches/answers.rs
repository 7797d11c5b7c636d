//! What does it cost to send a kept answer, and to find it?
//!
//! Questions, data, and what to read off:
//! - `kept/disk`: the pieces of a 64 MiB answer on disk, mapped and looked at as they are sent; bytes are those of the answer. What the kernel
//!   does to send them comes on top.
//! - `kept/find`: reading a fetch request of one want, naming its answer and finding it in memory.
//!
//! Machine of the figures in `docs/benchmarks.md`: named there. One thread, the file in the page cache.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up its data has nothing to measure")]

use std::io::Write;
use std::sync::Arc;

use atomicqms::model::RepoId;
use atomicqms::transport::answers::{Answers, Facts, Found, Kept, KeptBody, Key, Settings};
use atomicqms_git::protocol::ProtocolVersion;
use atomicqms_git::upload::question;
use atomicqms_git::{Limits, RefName, RefTable, View};
use criterion::{Criterion, Throughput};
use http_body_util::BodyExt;

const REQUEST: &[u8] =
    b"0011command=fetch0001000eofs-delta\n0032want 1111111111111111111111111111111111111111\n0009done\n0000";
const FACTS: Facts = Facts { service: "upload-pack", objects: 1 };
const LARGE: usize = 64 << 20;

fn view() -> View {
    let head = RefName::new("refs/heads/main").unwrap();
    View { refs: RefTable::default(), head, odb: Arc::default(), version: 1 }
}

fn key(view: &View) -> Key {
    let question = question(ProtocolVersion::V2, REQUEST, &Limits::default()).unwrap();
    Key::new(RepoId::new(1), view, &question)
}

fn answers(directory: &std::path::Path) -> Answers {
    Answers::new(Settings { memory_bytes: 1 << 20, disk_bytes: 1 << 30, directory: directory.to_owned() })
}

/// A large answer, kept on disk.
fn on_disk(answers: &Answers, key: Key) -> Arc<Kept> {
    assert!(matches!(answers.find(key, 1 << 20), Found::Alone), "nobody asked before");
    let Found::Shared(mut writer, _reader) = answers.find(key, LARGE as u64) else { panic!("the second time") };
    writer.write_all(&vec![0x5a; LARGE]).unwrap();
    writer.keep(FACTS).unwrap();
    let Found::Kept(kept) = answers.find(key, 1) else { panic!("it is kept") };
    kept
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let directory = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let view = view();

    let mut group = criterion.benchmark_group("kept");
    let kept = on_disk(&answers(directory.path()), key(&view));
    group.throughput(Throughput::Bytes(LARGE as u64)).sample_size(20);
    let send = |kept: &Arc<Kept>| {
        let mut body = KeptBody::new(Arc::clone(kept), ());
        runtime.block_on(async {
            let mut sent = 0;
            while let Some(frame) = body.frame().await {
                sent += frame.unwrap().into_data().unwrap().len();
            }
            sent
        })
    };
    group.bench_function("disk", |bench| bench.iter(|| assert_eq!(send(&kept), LARGE)));

    let answers = answers(directory.path());
    answers.keep(key(&view), b"0000", FACTS);
    group.throughput(Throughput::Elements(1)).sample_size(100);
    group.bench_function("find", |bench| {
        bench.iter(|| assert!(matches!(answers.find(key(&view), 1), Found::Kept(_))));
    });
    group.finish();
    criterion.final_summary();
}
