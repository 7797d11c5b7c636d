//! How fast are the hot paths of the git engine: advertising refs, taking a pushed pack, generating a clone?
//!
//! Questions, data, and what to read off:
//! - `advertise/*`: the whole answer to `info/refs` for 5,000 branches and tags, protocol 0 and 2; elements are refs.
//! - `ls-refs/5000`: the same list as protocol 2 asks for it.
//! - `index/*`: quarantine, hashing, fsck, closure check and fsync of a pushed pack: the whole SOP repository of 500
//!   commits as `scripts/make-sop-repository` makes it, and one revised procedure pushed on top as a thin pack; bytes
//!   are those on the wire.
//! - `index/small-in-memory`: the same for a pack of one commit that stays in memory until it is committed, without any file.
//! - `clone/sop-500`: the whole answer to a full clone of it; bytes are those of the answer.
//! - `fetch/*-behind`: the whole answer to a client that has all but the last one or 32 of its commits, made anew each time.
//!
//! Machine of the figures in `docs/benchmarks.md`: named there. One thread, files in the page cache, fsync on a real disk.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up its data has nothing to measure")]
#![expect(clippy::disallowed_methods, reason = "the data is made by real git, outside of what is measured")]

mod support;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use atomicqms_git as git;
use bytes::Bytes;
use criterion::{Criterion, Throughput};
use git::protocol::{AdvertiseOptions, ProtocolVersion, Service, advertise};
use git::{Limits, ObjectId, PackSource, Ref, RefName, RefTable, Repository, View};
use support::{make_sop_repository, run_git, scratch, small_commit};

const HTTP: AdvertiseOptions<'static> = AdvertiseOptions {
    stateless: true,
    agent: "atomicqms/bench",
    preamble: true,
    hidden_prefixes: &[],
    ref_in_want: false,
    bundle_uri: false,
    push_cert_nonce: None,
};

/// The view of a repository on disk, as the server would publish it.
fn view_of(repository: &Repository, head: &str) -> View {
    let odb = repository.odb();
    let refs = git::refs::disk::read(repository.path()).unwrap();
    let refs = refs.into_iter().filter_map(|found| {
        let target = found.target()?;
        let (peeled, _) = odb.peel(&target).unwrap();
        let peeled = (peeled != target).then_some(peeled);
        Some(Ref { name: RefName::new(&found.name).unwrap(), target, peeled })
    });
    View { refs: RefTable::from_refs(refs.collect()), head: RefName::new(head).unwrap(), odb, version: 1 }
}

fn answer(view: &View, request: &[u8], out: &mut Vec<u8>) -> u64 {
    out.clear();
    let interrupt = AtomicBool::new(false);
    git::upload::respond(view, ProtocolVersion::V2, request, &Limits::default(), out, &interrupt).unwrap().bytes
}

fn advertisements(criterion: &mut Criterion) {
    const REFS: u32 = 5_000;
    let directory = scratch();
    let head = RefName::new("refs/heads/main").unwrap();
    let repository = Repository::init(&directory.path().join("r.git"), 1, &head).unwrap();
    let id = |number: u32| ObjectId::from_hex(format!("{number:040x}").as_bytes()).unwrap();
    let refs = (0..REFS).map(|number| {
        let is_tag = number % 5 == 0;
        let name = if is_tag { format!("refs/tags/v{number}") } else { format!("refs/heads/change/CR-{number:05}") };
        Ref { name: RefName::new(&name).unwrap(), target: id(number + 1), peeled: is_tag.then(|| id(number + 100_000)) }
    });
    let view = View { refs: RefTable::from_refs(refs.collect()), head, odb: repository.odb(), version: 1 };
    let mut group = criterion.benchmark_group("advertise");
    group.throughput(Throughput::Elements(u64::from(REFS)));
    group.bench_function("upload-pack-v0/5000", |bench| {
        bench.iter(|| advertise(&view, Service::UploadPack, ProtocolVersion::V0, &HTTP));
    });
    group.bench_function("receive-pack/5000", |bench| {
        bench.iter(|| advertise(&view, Service::ReceivePack, ProtocolVersion::V0, &HTTP));
    });
    group.finish();
    let mut group = criterion.benchmark_group("ls-refs");
    group.throughput(Throughput::Elements(u64::from(REFS)));
    let request = b"0014command=ls-refs\n00010009peel\n000csymrefs\n0000";
    let mut out = Vec::new();
    group.bench_function("5000", |bench| bench.iter(|| answer(&view, request, &mut out)));
    group.finish();
}

fn index(criterion: &mut Criterion) {
    let directory = scratch();
    let sop = make_sop_repository(directory.path());
    let whole = Bytes::from(run_git(
        &sop,
        &["pack-objects", "--stdout", "--all", "--revs", "--quiet", "--delta-base-offset"],
        "",
    ));
    let head = RefName::new("refs/heads/main").unwrap();
    let empty = Repository::init(&directory.path().join("empty.git"), 1, &head).unwrap();
    let take = |repository: &Repository, pack: &Bytes| {
        let incoming = repository.incoming(&Limits::default());
        let interrupt = AtomicBool::new(false);
        incoming.ingest(PackSource::Memory(pack.clone()), &mut |_| {}, &interrupt).unwrap().stats()
    };
    let mut group = criterion.benchmark_group("index");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(whole.len() as u64));
    group.bench_function("sop-500", |bench| bench.iter(|| take(&empty, &whole)));

    // One procedure revised on top of main, sent as git sends it: a thin pack against what the server has.
    let tip = String::from_utf8(run_git(&sop, &["rev-parse", "main"], "")).unwrap().trim().to_owned();
    let path = String::from_utf8(run_git(&sop, &["ls-tree", "-r", "--name-only", "main"], "")).unwrap();
    let path = path.lines().next().unwrap().to_owned();
    let text = String::from_utf8(run_git(&sop, &["show", &format!("main:{path}")], "")).unwrap() + "\nRevised.\n";
    let stream = format!(
        "commit refs/heads/revised\ncommitter Ada <ada@example.org> 1800000000 +0000\ndata 8\nRevised\nfrom {tip}\n\
         M 100644 inline {path}\ndata {}\n{text}\n",
        text.len()
    );
    run_git(&sop, &["fast-import", "--quiet"], &stream);
    let revs = format!("revised\n^{tip}\n");
    let thin =
        run_git(&sop, &["pack-objects", "--stdout", "--revs", "--thin", "--quiet", "--delta-base-offset"], &revs);
    let thin = Bytes::from(thin);
    let filled = Repository::init(&directory.path().join("filled.git"), 1, &head).unwrap();
    let incoming = filled.incoming(&Limits::default());
    let interrupt = AtomicBool::new(false);
    incoming.ingest(PackSource::Memory(whole), &mut |_| {}, &interrupt).unwrap().install().unwrap();
    group.sample_size(50);
    group.throughput(Throughput::Bytes(thin.len() as u64));
    group.bench_function("one-revision-thin", |bench| bench.iter(|| take(&filled, &thin)));
    let small = Bytes::from(small_commit(None, 1).1);
    assert!(small.len() as u64 <= Limits::default().max_inline_pack_bytes, "it stays in memory");
    group.throughput(Throughput::Bytes(small.len() as u64));
    group.bench_function("small-in-memory", |bench| bench.iter(|| take(&filled, &small)));
    group.finish();
}

fn upload(criterion: &mut Criterion) {
    let directory = scratch();
    let sop = make_sop_repository(directory.path());
    let repository = Repository::open(&sop).unwrap();
    let view = view_of(&repository, "refs/heads/main");
    clone(criterion, &view);
    fetch(criterion, &view, &sop);
}

fn clone(criterion: &mut Criterion, view: &View) {
    let mut request = b"0011command=fetch0001000eofs-delta\n".to_vec();
    for found in view.refs.iter() {
        request.extend_from_slice(format!("0032want {}\n", found.target).as_bytes());
    }
    request.extend_from_slice(b"0009done\n0000");
    let mut out = Vec::new();
    let bytes = answer(view, &request, &mut out);
    let mut group = criterion.benchmark_group("clone");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("sop-500", |bench| bench.iter(|| answer(view, &request, &mut out)));
    group.finish();
}

fn fetch(criterion: &mut Criterion, view: &View, sop: &Path) {
    let commits = String::from_utf8(run_git(sop, &["rev-list", "--first-parent", "main"], "")).unwrap();
    let commits: Vec<&str> = commits.lines().collect();
    let mut group = criterion.benchmark_group("fetch");
    group.throughput(Throughput::Elements(1));
    for behind in [1, 32] {
        let (want, have) = (commits[0], commits[behind]);
        let mut request = b"0011command=fetch0001000eofs-delta\n000ethin-pack\n0010include-tag\n".to_vec();
        request.extend_from_slice(format!("0032want {want}\n0032have {have}\n0009done\n0000").as_bytes());
        let mut out = Vec::new();
        group.bench_function(format!("{behind}-behind"), |bench| bench.iter(|| answer(view, &request, &mut out)));
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    advertisements(&mut criterion);
    index(&mut criterion);
    upload(&mut criterion);
    criterion.final_summary();
}
