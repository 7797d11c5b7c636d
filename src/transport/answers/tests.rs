//! Keeping answers: what is kept when, what is shared, what ends work, and damage on disk.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use atomicqms_git::protocol::ProtocolVersion;
use atomicqms_git::upload::question;
use atomicqms_git::{Limits, Ref, RefName, RefTable, View};
use http_body_util::BodyExt;

use super::kept::{PIECE_BYTES, Sums};
use super::*;
use crate::model::RepoId;

const FACTS: Facts = Facts { service: "upload-pack", objects: 7 };

fn answers(directory: &std::path::Path, memory_bytes: u64, disk_bytes: u64) -> Answers {
    Answers::new(Settings { memory_bytes, disk_bytes, directory: directory.join("cache") })
}

fn view(refs: &[(&str, &str)], head: &str) -> View {
    let refs = refs.iter().map(|(name, hex)| Ref {
        name: RefName::new(name).unwrap(),
        target: atomicqms_git::ObjectId::from_hex(hex.as_bytes()).unwrap(),
        peeled: None,
    });
    let head = RefName::new(head).unwrap();
    View { refs: RefTable::from_refs(refs.collect()), head, odb: Arc::default(), version: 1 }
}

fn key_of(repository: i64, view: &View, request: &[u8]) -> Key {
    let question = question(ProtocolVersion::V2, request, &Limits::default()).unwrap();
    Key::new(RepoId::new(repository), view, &question)
}

const LS_REFS: &[u8] = b"0014command=ls-refs\n0000";
const LS_REFS_PEELED: &[u8] = b"0014command=ls-refs\n00010009peel\n0000";
const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn some_key() -> Key {
    key_of(1, &view(&[], "refs/heads/main"), LS_REFS)
}

/// Bytes that are nowhere alike.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..len).map(next).collect()
}

fn shared(found: Found) -> (FlightWriter, Follower) {
    match found {
        Found::Shared(writer, follower) => (writer, follower),
        _ => panic!("it is to be made for all"),
    }
}

fn kept(found: Found) -> Arc<Kept> {
    match found {
        Found::Kept(kept) => kept,
        _ => panic!("it is kept"),
    }
}

fn following(found: Found) -> Follower {
    match found {
        Found::Following(follower) => follower,
        _ => panic!("it is being made"),
    }
}

/// Asks for the first time.
fn ask_first(answers: &Answers, key: Key) {
    assert!(matches!(answers.find(key, 1 << 20), Found::Alone));
}

async fn read(follower: Follower) -> Result<Bytes, std::io::Error> {
    Ok(FollowerBody::new(follower, ()).collect().await?.to_bytes())
}

#[test]
fn the_key_follows_refs_head_repository_and_question() {
    let main = view(&[("refs/heads/main", ONE)], "refs/heads/main");
    let key = key_of(1, &main, LS_REFS);
    assert_eq!(key_of(1, &main.clone(), LS_REFS), key);
    let maintained = View { version: 9, ..main.clone() };
    assert_eq!(key_of(1, &maintained, LS_REFS), key, "other packs, the same refs");
    let edit = atomicqms_git::RefEdit {
        name: RefName::new("refs/heads/main").unwrap(),
        old: Some(atomicqms_git::ObjectId::from_hex(ONE.as_bytes()).unwrap()),
        new: Some(atomicqms_git::ObjectId::from_hex(TWO.as_bytes()).unwrap()),
        peeled: None,
    };
    let moved = View { refs: main.refs.apply(std::slice::from_ref(&edit)).unwrap(), ..main.clone() };
    let renamed = View { head: RefName::new("refs/heads/next").unwrap(), ..main.clone() };
    let mut seen = vec![key];
    for other in [
        key_of(2, &main, LS_REFS),
        key_of(1, &main, LS_REFS_PEELED),
        key_of(1, &moved, LS_REFS),
        key_of(1, &renamed, LS_REFS),
        key_of(1, &main.without(|_| true), LS_REFS),
    ] {
        assert!(!seen.contains(&other));
        seen.push(other);
    }
}

#[tokio::test]
async fn a_small_answer_is_kept_from_the_first_time_on() {
    let dir = tempfile::tempdir().unwrap();
    let answers = answers(dir.path(), 1 << 20, 0);
    let key = some_key();
    ask_first(&answers, key);
    answers.keep(key, b"0000", FACTS);
    let kept = kept(answers.find(key, 4));
    assert_eq!((kept.place(), kept.len(), kept.facts().objects), ("memory", 4, 7));
    assert!(!kept.takes_check());
    assert_eq!(KeptBody::new(kept, ()).collect().await.unwrap().to_bytes(), &b"0000"[..]);
    answers.keep(key_of(2, &view(&[], "refs/heads/main"), LS_REFS), &vec![0; 1 << 19], FACTS);
    assert!(
        matches!(answers.find(key_of(2, &view(&[], "refs/heads/main"), LS_REFS), 4), Found::Alone),
        "half of all memory is too much for one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_is_shared_while_it_is_made_and_kept_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let answers = answers(dir.path(), 0, 64 << 20);
    let key = some_key();
    let bytes = noise(3 * PIECE_BYTES + 1234);
    ask_first(&answers, key);
    let (mut writer, first) = shared(answers.find(key, 1 << 20));
    let second = following(answers.find(key, 1 << 20));
    let half = bytes.len() / 2;
    writer.write_all(&bytes[..half]).unwrap();
    writer.flush().unwrap();
    let early = tokio::spawn(read(first.ready().await.unwrap()));
    let third = following(answers.find(key, 1 << 20));
    writer.write_all(&bytes[half..]).unwrap();
    assert_eq!(writer.bytes(), bytes.len() as u64);
    writer.keep(FACTS).unwrap();
    for answer in [early.await.unwrap(), read(second).await, read(third.ready().await.unwrap()).await] {
        assert!(answer.unwrap() == bytes);
    }
    let kept = kept(answers.find(key, 1 << 20));
    assert_eq!((kept.place(), kept.len()), ("disk", bytes.len() as u64));
    assert!(kept.check());
    let body = KeptBody::new(kept, ());
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(bytes.len() as u64));
    assert!(body.collect().await.unwrap().to_bytes() == bytes);
    assert_eq!(std::fs::read_dir(dir.path().join("cache")).unwrap().count(), 0, "no file has a name");
    assert_eq!(answers.inner.in_flight_bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_until_the_last_reader_has_left() {
    let dir = tempfile::tempdir().unwrap();
    let answers = answers(dir.path(), 0, 64 << 20);
    let key = some_key();
    ask_first(&answers, key);
    let (mut writer, first) = shared(answers.find(key, 1 << 20));
    let interrupt = writer.interrupt();
    let second = following(answers.find(key, 1 << 20));
    writer.write_all(b"begun").unwrap();
    drop(first);
    assert!(!interrupt.load(Ordering::Relaxed), "somebody still reads");
    drop(second);
    assert!(interrupt.load(Ordering::Relaxed));
    // Who comes now does not get what was given up.
    let (mut again, reader) = shared(answers.find(key, 1 << 20));
    drop(writer);
    again.write_all(b"whole").unwrap();
    again.keep(FACTS).unwrap();
    assert_eq!(read(reader).await.unwrap(), &b"whole"[..]);
    assert_eq!(kept(answers.find(key, 1 << 20)).len(), 5);
    assert_eq!(answers.inner.in_flight_bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_looks_broken_and_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let answers = answers(dir.path(), 0, 64 << 20);
    let key = some_key();
    ask_first(&answers, key);
    let (writer, reader) = shared(answers.find(key, 1 << 20));
    drop(writer);
    assert!(reader.ready().await.is_err(), "before the first byte it is an error");
    let (mut writer, reader) = shared(answers.find(key, 1 << 20));
    writer.write_all(&noise(PIECE_BYTES)).unwrap();
    drop(writer);
    assert!(read(reader.ready().await.unwrap()).await.is_err());
    let (mut writer, reader) = shared(answers.find(key, 1 << 20));
    writer.write_all(b"a refusal").unwrap();
    writer.finish().unwrap();
    assert_eq!(read(reader.ready().await.unwrap()).await.unwrap(), &b"a refusal"[..]);
    assert!(matches!(answers.find(key, 1 << 20), Found::Shared(..)), "a refusal is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn room_on_disk_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let answers = answers(dir.path(), 0, 64 << 20);
    let key = some_key();
    ask_first(&answers, key);
    assert!(matches!(answers.find(key, 17 << 20), Found::Alone), "more than a quarter of all");
    let (mut writer, reader) = shared(answers.find(key, 8 << 20));
    let reading = tokio::spawn(read(reader));
    // Three times as much as was expected fits once more, and then no more.
    let piece = noise(1 << 20);
    let written = (0..64).take_while(|_| writer.write_all(&piece).is_ok()).count();
    assert!((24..=25).contains(&written), "{written} MiB were written");
    drop(writer);
    assert!(reading.await.unwrap().is_err());
    assert_eq!(answers.inner.in_flight_bytes.load(Ordering::Relaxed), 0);
    assert!(matches!(answers.find(key, 8 << 20), Found::Alone), "next time it goes straight to the one who asks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_refuses_stands_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("cache"), b"no directory").unwrap();
    let answers = answers(dir.path(), 0, 64 << 20);
    let key = some_key();
    ask_first(&answers, key);
    let (mut writer, reader) = shared(answers.find(key, 1 << 20));
    assert!(writer.write_all(&noise(PIECE_BYTES)).is_err());
    drop(writer);
    assert!(reader.ready().await.is_err(), "before anything was sent, so that it can be made in another way");
    assert!(matches!(answers.find(key, 1 << 20), Found::Alone));
}

#[tokio::test]
async fn a_flipped_byte_on_disk_is_seen_before_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("answer");
    let bytes = noise(2 * PIECE_BYTES + 99);
    for at in [0, PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES, bytes.len() - 1] {
        std::fs::write(&path, &bytes).unwrap();
        let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        let mut sums = Sums::default();
        // In odd pieces, as they come.
        bytes.chunks(77_777).for_each(|chunk| sums.update(chunk));
        let kept = Kept::on_disk(file.try_clone().unwrap(), bytes.len() as u64, sums.finish(), FACTS);
        let kept = Arc::new(kept);
        assert!(kept.check());
        file.write_all_at(&[bytes[at] ^ 4], at as u64).unwrap();
        let mut body = KeptBody::new(Arc::clone(&kept), ());
        let mut sent = 0;
        let broken = loop {
            match body.frame().await {
                Some(Ok(frame)) => sent += frame.into_data().unwrap().len(),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broken && sent <= at, "byte {at}: {sent} bytes were sent");
        assert!(kept.is_damaged() && !kept.check());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_answer_is_forgotten_and_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let answers = answers(dir.path(), 0, 64 << 20);
    let key = some_key();
    ask_first(&answers, key);
    let (mut writer, _reader) = shared(answers.find(key, 1 << 20));
    writer.write_all(&noise(PIECE_BYTES)).unwrap();
    writer.keep(FACTS).unwrap();
    let damaged = kept(answers.find(key, 1 << 20));
    answers.forget(&key, &damaged);
    assert!(matches!(answers.find(key, 1 << 20), Found::Shared(..)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_again_is_read_into_memory_if_it_is_not_large() {
    let dir = tempfile::tempdir().unwrap();
    let answers = answers(dir.path(), 16 << 20, 64 << 20);
    for (repository, size, is_lifted) in [(1, 2 * PIECE_BYTES + 7, true), (2, 5 * PIECE_BYTES, false)] {
        let key = key_of(repository, &view(&[("refs/heads/main", ONE)], "refs/heads/main"), LS_REFS);
        ask_first(&answers, key);
        let (mut writer, _reader) = shared(answers.find(key, 8 << 20));
        let bytes = noise(size);
        writer.write_all(&bytes).unwrap();
        writer.keep(FACTS).unwrap();
        let first = kept(answers.find(key, 8 << 20));
        assert_eq!(first.place(), "disk");
        let sent = answers.lift(key, Arc::clone(&first)).await;
        assert_eq!(sent.place() == "memory", is_lifted, "{size}");
        assert_eq!(kept(answers.find(key, 8 << 20)).place() == "memory", is_lifted, "{size}");
        let again = answers.lift(key, first).await;
        assert_eq!(again.place(), "disk", "one of those who ask reads it");
        let whole = KeptBody::new(sent, ()).collect().await.unwrap().to_bytes();
        assert_eq!(whole.as_ref(), &bytes[..], "{size}");
    }
}
