//! Packs that lie: each is refused with a reason, and the repository, the ledger and the disk stay as they were.

use crate::dsl::chance::Chance;
use crate::dsl::evidence::Fingerprint;
use crate::dsl::pack::{
    Kind, Pack, ZERO, commit, copy, deflate, delta, entry_header, insert, object_id, push_body, sha1, tree,
};
use crate::dsl::{Forge, Persona, persona::PushReply};

/// A forge with a repository that already holds one commit, ready to be attacked.
pub(crate) struct Target {
    pub(crate) forge: Forge,
    pub(crate) mallory: Persona,
    pub(crate) repository: String,
    /// The tip of `main` and the file in it.
    pub(crate) tip: String,
    before: Fingerprint,
}

impl Target {
    pub(crate) fn new(forge: Forge) -> Self {
        let mallory = forge.user("mallory");
        let repository = mallory.create_repository("target");
        let mut pack = Pack::new();
        let tip = pack.add_commit(&[], "a.md", &[b'a'; 400]);
        let reply = mallory.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes());
        assert!(reply.accepted(), "an honest pack must be accepted, or the refusals below mean nothing: {reply:?}");
        let before = forge.evidence().fingerprint(&repository, &forge.repository_dir(&repository));
        Self { forge, mallory, repository, tip, before }
    }

    /// Takes what is there now as what must stay, after a test made a change of its own.
    pub(crate) fn remember(&mut self) {
        self.before = self.forge.evidence().fingerprint(&self.repository, &self.forge.repository_dir(&self.repository));
    }

    /// Fails the test unless nothing changed and the server is well.
    pub(crate) fn assert_untouched(&self, what: &str) {
        self.forge.assert_alive(what);
        let directory = self.forge.repository_dir(&self.repository);
        // A quarantine is removed when its request ends, which may be just after the client has its answer.
        crate::dsl::until(&format!("{what}: nothing changed"), crate::dsl::PATIENCE, || {
            let now = self.forge.evidence().fingerprint(&self.repository, &directory);
            if now == self.before { Ok(()) } else { Err(format!("{now:#?}\ninstead of {:#?}", self.before)) }
        });
    }

    /// Pushes and expects a refusal that says why, without telling secrets of the machine.
    pub(crate) fn refuses(&self, what: &str, body: Vec<u8>) -> PushReply {
        let reply = self.mallory.push_raw(&self.repository, body);
        assert!(!reply.accepted(), "{what}: accepted");
        assert!(reply.reply.status < 500, "{what}: blamed on the server: {reply:?}");
        let reason = reply.reason();
        assert!(reason.trim().len() > 6, "{what}: no reason given: {reply:?}");
        let data_dir = self.forge.data_dir().to_string_lossy().into_owned();
        assert!(!reason.contains(&data_dir), "{what}: the reason names a path of the server: {reason}");
        assert!(!reason.to_lowercase().contains("internal"), "{what}: no clear reason: {reason}");
        self.assert_untouched(what);
        reply
    }

    pub(crate) fn refuses_pack(&self, what: &str, new: &str, pack: &[u8]) -> PushReply {
        self.refuses(what, push_body(&[(ZERO, new, b"refs/heads/attack")], "report-status", pack))
    }
}

#[test]
fn damaged_packs_are_refused() {
    let target = Target::new(Forge::start());
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[&target.tip], "b.md", b"an honest change\n");
    let honest = pack.bytes();
    for cut in [0, 3, 4, 11, 12, 13, 20, honest.len() / 2, honest.len() - 21, honest.len() - 20, honest.len() - 1] {
        target.refuses_pack(&format!("pack cut to {cut} bytes"), &tip, &honest[..cut]);
    }
    let mut wrong = honest.clone();
    *wrong.last_mut().unwrap() ^= 1;
    target.refuses_pack("wrong trailer", &tip, &wrong);
    // Each byte of the pack matters: flip some of them and make the trailer right again.
    for at in (4..honest.len() - 20).step_by(7) {
        let mut bytes = honest[..honest.len() - 20].to_vec();
        bytes[at] ^= 0x10;
        let trailer = sha1(&bytes);
        bytes.extend_from_slice(&trailer);
        target.refuses_pack(&format!("byte {at} flipped"), &tip, &bytes);
    }
    let mut trailing = honest.clone();
    trailing.extend_from_slice(b"more after the trailer");
    target.refuses_pack("garbage after the trailer", &tip, &trailing);
    for (what, claimed, version) in [
        ("more objects claimed than there are", Some(4), None),
        ("fewer objects claimed than there are", Some(2), None),
        ("an absurd number of objects claimed", Some(u32::MAX), None),
        ("format version 9", None, Some(9)),
    ] {
        target.refuses_pack(what, &tip, &pack.lying(claimed, version).bytes());
    }
    let mut signature = honest.clone();
    signature[..4].copy_from_slice(b"PUCK");
    target.refuses_pack("wrong signature", &tip, &signature);
    let (_, peak) = target.forge.memory_bytes();
    assert!(peak < 400 << 20, "peak memory {peak}");
    let reply = target.mallory.push_one(&target.repository, (ZERO, &tip, b"refs/heads/honest"), &honest);
    assert!(reply.accepted(), "the honest pack is still welcome: {reply:?}");
    target.forge.finish();
}

#[test]
fn corrupt_deltas_are_refused() {
    let target = Target::new(Forge::start());
    let base = [b'a'; 400];
    let base_id = object_id(Kind::Blob, &base);
    let wanted: Vec<u8> = [&base[..], b"!"].concat();
    let good = delta(400, 401, &[copy(0, 400), insert(b"!")].concat());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("copy beyond the base", delta(400, 401, &[copy(1, 400), insert(b"!")].concat())),
        ("copy from far beyond the base", delta(400, 401, &[copy(u32::MAX, 400), insert(b"!")].concat())),
        ("result shorter than declared", delta(400, 402, &[copy(0, 400), insert(b"!")].concat())),
        ("result longer than declared", delta(400, 400, &[copy(0, 400), insert(b"!")].concat())),
        ("another base size", delta(399, 401, &[copy(0, 399), insert(b"!!")].concat())),
        ("reserved instruction", delta(400, 401, &[copy(0, 400), vec![0], insert(b"!")].concat())),
        ("insert cut short", delta(400, 401, &[copy(0, 400), vec![5, b'!']].concat())),
        ("copy cut short", delta(400, 401, &[vec![0xff, 0]].concat())),
        ("no instructions", delta(400, 401, b"")),
        ("no sizes", Vec::new()),
        ("sizes that never end", vec![0xff; 30]),
        ("a result of four exabytes", delta(400, u64::MAX / 4, &copy(0, 400))),
    ];
    let push = |delta: &[u8]| {
        let mut pack = Pack::new();
        pack.add_ref_delta(&base_id, delta);
        let blob = object_id(Kind::Blob, &wanted);
        let tree = pack.add(Kind::Tree, &tree(&[("100644", b"a.md", &blob)]));
        let tip = pack.add(Kind::Commit, &commit(&tree, &[&target.tip], "delta"));
        (tip, pack.bytes())
    };
    for (what, delta) in cases {
        let (tip, pack) = push(&delta);
        target.refuses_pack(what, &tip, &pack);
    }
    let honest_blob = |distance: u64| {
        let mut pack = Pack::new();
        pack.add(Kind::Blob, b"filler");
        pack.add_ofs_delta(distance, &good);
        let tip = pack.add_commit(&[&target.tip], "b.md", b"x\n");
        (tip, pack.bytes())
    };
    for distance in [0, 1, 3, 1_000, u64::from(u32::MAX), u64::MAX / 2] {
        let (tip, pack) = honest_blob(distance);
        target.refuses_pack(&format!("base {distance} bytes before the delta"), &tip, &pack);
    }
    let mut pack = Pack::new();
    let mut header = entry_header(6, good.len() as u64);
    header.extend_from_slice(&[0xff; 12]);
    header.push(0x7f);
    pack.add_raw(&header, &deflate(&good));
    let tip = pack.add_commit(&[&target.tip], "b.md", b"x\n");
    target.refuses_pack("a base distance that overflows", &tip, &pack.bytes());

    let (tip, pack) = push(&good);
    let reply = target.mallory.push_one(&target.repository, (ZERO, &tip, b"refs/heads/thin"), &pack);
    assert!(reply.accepted(), "an honest thin pack is welcome: {reply:?}");
    target.forge.finish();
}

#[test]
fn packs_with_missing_parts_are_refused() {
    let target = Target::new(Forge::start());
    let nobody = "1234567890123456789012345678901234567890";
    let mut pack = Pack::new();
    pack.add_ref_delta(nobody, &delta(4, 4, &copy(0, 4)));
    let tip = pack.add_commit(&[], "b.md", b"x\n");
    target.refuses_pack("a delta against an object nobody has", &tip, &pack.bytes());

    let mut pack = Pack::new();
    let tip = pack.add(Kind::Commit, &commit(nobody, &[&target.tip], "no tree"));
    target.refuses_pack("a commit without its tree", &tip, &pack.bytes());

    let mut pack = Pack::new();
    let root = pack.add(Kind::Tree, &tree(&[("100644", b"a.md", nobody)]));
    let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "no file"));
    target.refuses_pack("a tree without its file", &tip, &pack.bytes());

    let mut pack = Pack::new();
    let root = pack.add(Kind::Tree, &tree(&[("40000", b"sub", nobody)]));
    let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "no directory"));
    target.refuses_pack("a tree without its directory", &tip, &pack.bytes());

    let mut pack = Pack::new();
    let tip = pack.add_commit(&[nobody], "b.md", b"x\n");
    target.refuses_pack("a commit without its parent", &tip, &pack.bytes());

    let mut pack = Pack::new();
    let text = format!("object {nobody}\ntype commit\ntag v1\ntagger A <a@example.org> 1700000000 +0000\n\nx\n");
    let tag = pack.add(Kind::Tag, text.as_bytes());
    target.refuses("a tag of nothing", push_body(&[(ZERO, &tag, b"refs/tags/v1")], "report-status", &pack.bytes()));

    target.refuses_pack("a tip that is not in the pack", nobody, &Pack::new().bytes());
    let mut pack = Pack::new();
    pack.add_commit(&[&target.tip], "b.md", b"x\n");
    target.refuses_pack("another tip than the pack has", nobody, &pack.bytes());
    target.refuses_pack("no pack at all", nobody, b"");
    target.forge.finish();
}

#[test]
fn objects_of_the_wrong_kind_are_refused() {
    let target = Target::new(Forge::start());
    let mut pack = Pack::new();
    let blob = pack.add(Kind::Blob, b"x\n");
    let tip = pack.add(Kind::Commit, &commit(&blob, &[&target.tip], "a file as tree"));
    target.refuses_pack("a commit whose tree is a file", &tip, &pack.bytes());

    let mut pack = Pack::new();
    let blob = pack.add(Kind::Blob, b"x\n");
    let root = pack.add(Kind::Tree, &tree(&[("40000", b"sub", &blob)]));
    let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "a file as directory"));
    target.refuses_pack("a directory that is a file", &tip, &pack.bytes());

    let mut pack = Pack::new();
    let root = pack.add(Kind::Tree, &tree(&[("100644", b"a.md", &target.tip)]));
    let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "a commit as file"));
    target.refuses_pack("a file that is a commit of this repository", &tip, &pack.bytes());

    let mut pack = Pack::new();
    let blob = pack.add(Kind::Blob, b"x\n");
    let root = pack.add(Kind::Tree, &tree(&[("100644", b"a.md", &blob)]));
    let tip = pack.add(Kind::Commit, &commit(&root, &[&blob], "a file as parent"));
    target.refuses_pack("a parent that is a file", &tip, &pack.bytes());

    for (what, kind, data) in [
        ("a file", Kind::Blob, b"x\n".to_vec()),
        ("a tree", Kind::Tree, tree(&[])),
        ("nonsense", Kind::Commit, b"?".to_vec()),
    ] {
        let mut pack = Pack::new();
        let id = pack.add(kind, &data);
        target.refuses_pack(&format!("a branch that points at {what}"), &id, &pack.bytes());
    }
    for kind in [0_u8, 5] {
        let mut pack = Pack::new();
        pack.add_raw(&entry_header(kind, 2), &deflate(b"x\n"));
        let tip = pack.add_commit(&[&target.tip], "b.md", b"x\n");
        target.refuses_pack(&format!("entry kind {kind}"), &tip, &pack.bytes());
    }
    target.forge.finish();
}

#[test]
fn bombs_are_refused_without_being_unpacked() {
    let forge = Forge::with()
        .setting("git", "max_object_bytes", 1 << 20)
        .setting("git", "max_push_bytes", 2 << 20)
        .setting("git", "max_unpacked_bytes", 8 << 20)
        .setting("git", "max_objects", 50)
        .start();
    let target = Target::new(forge);
    let (_, peak_before) = target.forge.memory_bytes();

    let mut pack = Pack::new();
    pack.add_raw(&entry_header(Kind::Blob as u8, 20 << 30), &deflate(b"small"));
    let tip = pack.add_commit(&[&target.tip], "b.md", b"x\n");
    let reply = target.refuses_pack("an object that says it has 20 GiB", &tip, &pack.bytes());
    assert!(reply.reason().contains("large") || reply.reason().contains("limit"), "{}", reply.reason());

    let zeros = vec![0_u8; 64 << 20];
    let bomb = deflate(&zeros);
    for declared in [100, 1 << 20, zeros.len() as u64] {
        let mut pack = Pack::new();
        pack.add_raw(&entry_header(Kind::Blob as u8, declared), &bomb);
        let tip = pack.add_commit(&[&target.tip], "b.md", b"x\n");
        target.refuses_pack(&format!("64 MiB of zeros said to be {declared} bytes"), &tip, &pack.bytes());
    }

    let mut pack = Pack::new();
    let chunk = vec![7_u8; 1 << 20];
    let files: Vec<_> = (0..12_u8)
        .map(|index| {
            let mut file = chunk.clone();
            file[0] = index;
            (format!("f{index:02}"), pack.add(Kind::Blob, &file))
        })
        .collect();
    let entries: Vec<_> = files.iter().map(|(name, id)| ("100644", name.as_bytes(), id.as_str())).collect();
    let root = pack.add(Kind::Tree, &tree(&entries));
    let tip = pack.add(Kind::Commit, &commit(&root, &[&target.tip], "many"));
    target.refuses_pack("12 MiB in small objects", &tip, &pack.bytes());

    let mut pack = Pack::new();
    let base = vec![b'a'; 400];
    let copies = copy(0, 400).repeat(100_000);
    pack.add_ref_delta(&object_id(Kind::Blob, &base), &delta(400, 40_000_000, &copies));
    let tip = pack.add_commit(&[&target.tip], "b.md", b"x\n");
    target.refuses_pack("a delta that grows to 40 MB", &tip, &pack.bytes());

    let mut pack = Pack::new();
    for index in 0..60 {
        pack.add(Kind::Blob, format!("{index}").as_bytes());
    }
    let tip = pack.add_commit(&[&target.tip], "b.md", b"x\n");
    target.refuses_pack("more objects than allowed", &tip, &pack.bytes());

    let noise = Chance::seeded(1).noise(3 << 20);
    let mut pack = Pack::new();
    for part in noise.chunks(1 << 19) {
        pack.add(Kind::Blob, part);
    }
    let tip = pack.add_commit(&[&target.tip], "b.md", b"x\n");
    let reply = target.refuses_pack("a pack of 3 MiB where 2 are allowed", &tip, &pack.bytes());
    assert!(reply.reason().contains("large") || reply.reason().contains("limit"), "{}", reply.reason());

    let (_, peak) = target.forge.memory_bytes();
    assert!(peak < peak_before + (80 << 20), "memory went from {peak_before} to {peak}");
    target.forge.finish();
}

#[test]
fn deltas_built_to_take_for_ever_do_not() {
    let target = Target::new(Forge::start());
    let base = [b'a'; 400];
    let base_id = object_id(Kind::Blob, &base);
    let started = std::time::Instant::now();
    // Many deltas against a base outside the pack: quadratic in a naive indexer.
    let mut pack = Pack::new();
    for index in 0..40_000_u32 {
        let text = format!("{index:08}");
        pack.add_ref_delta(&base_id, &delta(400, 408, &[copy(0, 400), insert(text.as_bytes())].concat()));
    }
    let tip = pack.add_commit(&[&target.tip], "b.md", b"x\n");
    let wide = target.mallory.push_one(&target.repository, (ZERO, &tip, b"refs/heads/wide"), &pack.bytes());
    assert!(wide.accepted(), "{:?}", wide.reason());
    // A very long chain: deep recursion in a naive one. Refused or not, the server stays.
    let mut pack = Pack::new();
    let mut last = pack.offset();
    pack.add(Kind::Blob, &base);
    for index in 0..20_000_u32 {
        let text = format!("{index:08}");
        let here = pack.offset();
        let sizes = if index == 0 { (400, 408) } else { (408, 408) };
        let instructions = [copy(0, 400), insert(text.as_bytes())].concat();
        pack.add_ofs_delta(here - last, &delta(sizes.0, sizes.1, &instructions));
        last = here;
    }
    let tip = pack.add_commit(&[&target.tip], "c.md", b"x\n");
    let deep = target.mallory.push_one(&target.repository, (ZERO, &tip, b"refs/heads/deep"), &pack.bytes());
    assert!(deep.reply.status < 500, "{deep:?}");
    target.forge.assert_alive("a delta chain of 20,000 links");
    if deep.accepted() {
        target.mallory.clone_repository(&target.repository).fsck();
    }
    assert!(started.elapsed().as_secs() < 60, "took {:?}", started.elapsed());
    target.forge.finish();
}

/// What issue 3 bounds: 2 s and 64 MiB for packs of a million deltas, over the whole way of a push, spool and quarantine included.
#[test]
fn a_million_deltas_cost_little() {
    const COUNT: u32 = 1_000_000;
    let target = Target::new(Forge::start());
    let ref_deltas = |base: &dyn Fn(u32) -> [u8; 20]| {
        let delta = delta(400, 5, &[copy(0, 4), insert(b"!")].concat());
        let deflated = deflate(&delta);
        let mut pack = Pack::new();
        for index in 0..COUNT {
            let mut header = entry_header(7, delta.len() as u64);
            header.extend_from_slice(&base(index));
            pack.add_raw(&header, &deflated);
        }
        pack.bytes()
    };
    let another = |index: u32| {
        let mut id = [0; 20];
        id[..4].copy_from_slice(&index.wrapping_mul(0x9e37_79b9).to_be_bytes());
        id
    };
    let twice = || {
        let mut pack = Pack::new();
        let (header, deflated) = (entry_header(Kind::Blob as u8, 4), deflate(b"same"));
        for _ in 0..COUNT {
            pack.add_raw(&header, &deflated);
        }
        pack.bytes()
    };
    let there = crate::dsl::pack::unhex(&object_id(Kind::Blob, &[b'a'; 400]));
    let (before, _) = target.forge.memory_bytes();
    for (what, pack, reason) in [
        ("bases that nobody has", ref_deltas(&another), "base"),
        ("one base that nobody has", ref_deltas(&|_| [1; 20]), "base"),
        ("the same result from one base of the repository", ref_deltas(&|_| there), "twice"),
        ("one object", twice(), "twice"),
    ] {
        let cpu = target.forge.cpu_ms();
        let reply = target.refuses_pack(what, &target.tip, &pack);
        let (took, (_, peak)) = (target.forge.cpu_ms() - cpu, target.forge.memory_bytes());
        println!("{what}: {took} ms, peak {} KiB above idle", peak.saturating_sub(before) >> 10);
        assert!(reply.reason().contains(reason), "{what}: {}", reply.reason());
        assert!(took < 2_000, "{what}: {took} ms");
        assert!(peak < before + (64 << 20), "{what}: memory went from {before} to {peak}");
    }
    target.forge.finish();
}
