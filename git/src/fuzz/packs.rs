//! Packs, as bytes and as recipes: a fuzzer does not find valid zlib streams by itself, so that a recipe is turned into a pack whose frame
//! fits, and everything behind the frame is reached. Deltas.

use std::sync::atomic::AtomicBool;

use super::{blames_the_peer, limits, world};
use crate::{
    Kind, Limits, ObjectId,
    error::{Error, Result},
    id::hash_object,
    incoming::closure,
    odb::Snapshot,
    pack::{
        delta::{self, DeltaHeader},
        entry,
        index::{Indexed, index_pack},
    },
    receive::PackEnd,
    testpack::{PackBuilder, commit, insert_delta, seal, stored, tree},
};

/// A pack as it comes, and with a trailer that fits, for whoever makes such a pack can compute it.
pub(super) fn pack(data: &[u8]) {
    check(data);
    let body = data.len().checked_sub(20).and_then(|end| data.get(..end)).unwrap_or(data);
    check(&seal(body.to_vec()));
}

/// Indexes a pack, with much memory and with little, which must come to the same; what is accepted must read as what it was said to be.
pub(super) fn check(pack: &[u8]) {
    let world = world::world();
    let index = |limits: &Limits| -> Result<Indexed> {
        let never = AtomicBool::new(false);
        index_pack(pack, &world.view.odb, limits, &mut |_| {}, &never)
    };
    let roomy = index(&limits());
    let frugal = index(&Limits { delta_memory_bytes: 0, ..limits() });
    match (&roomy, &frugal) {
        (Ok(roomy), Ok(frugal)) => {
            assert!(roomy.objects == frugal.objects);
            assert_eq!(roomy.external_bases, frugal.external_bases);
        }
        (Ok(_), Err(Error::TooLarge { what: "work to resolve deltas", .. })) | (Err(_), Err(_)) => {}
        (roomy, frugal) => panic!("{roomy:?} but with little memory {frugal:?}"),
    }
    let Some(indexed) = blames_the_peer(roomy) else { return };
    let mut end = PackEnd::new();
    let mut is_over = false;
    pack.chunks(61).for_each(|chunk| is_over = end.push(chunk));
    assert!(is_over, "an accepted pack has an end");
    blames_the_peer(closure::prove(&indexed, &world.view.odb, &AtomicBool::new(false)));
    if !indexed.external_bases.is_empty() {
        return;
    }
    let opened = world::open(pack, &indexed.objects, &indexed.checksum);
    let odb = Snapshot::default().with_pack(opened.into());
    let mut out = Vec::new();
    for object in &indexed.objects {
        assert_eq!(odb.find(&object.id(), &mut out).unwrap(), Some(object.kind()));
        assert_eq!(hash_object(object.kind(), &out).unwrap(), object.id());
        assert_eq!(odb.header(&object.id()).unwrap(), Some((object.kind(), out.len() as u64)));
    }
}

/// A delta, compared with a second and simpler reading of the format.
pub(super) fn delta(data: &[u8]) {
    let base: Vec<u8> = (0..1000_u32).map(|n| n as u8).collect();
    let Ok(header) = DeltaHeader::parse(data) else { return };
    if header.result_size > 1 << 20 {
        return;
    }
    let mut out = Vec::new();
    let applied = delta::apply(&base, data, &mut out);
    let expected = apply_slowly(&base, data, header);
    assert_eq!(applied.is_ok(), expected.is_some(), "{applied:?}");
    if let Some(expected) = expected {
        assert!(out == expected);
    }
}

fn apply_slowly(base: &[u8], delta: &[u8], header: DeltaHeader) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = delta.iter().skip(header.len).copied();
    while let Some(op) = bytes.next() {
        if op < 0x80 {
            let piece: Vec<u8> = bytes.by_ref().take(op.into()).collect();
            (op > 0 && piece.len() == usize::from(op)).then_some(())?;
            out.extend(piece);
        } else {
            let mut numbers = [0_usize; 7];
            for (bit, number) in numbers.iter_mut().enumerate().filter(|(bit, _)| op & (1 << bit) != 0) {
                *number = usize::from(bytes.next()?) << (8 * (bit % 4));
            }
            let [a, b, c, d, e, f, g] = numbers;
            let (at, len) = (a + b + c + d, if e + f + g == 0 { 0x10000 } else { e + f + g });
            out.extend_from_slice(base.get(at..at.checked_add(len)?)?);
        }
        (out.len() as u64 <= header.result_size).then_some(())?;
    }
    (header.base_size == base.len() as u64 && out.len() as u64 == header.result_size).then_some(out)
}

/// An input that is read piece by piece; behind its end everything is zero.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> usize {
        let (byte, rest) = super::first(self.0);
        self.0 = rest;
        byte.into()
    }

    fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

/// What a recipe made so far: where, what, and its content if it is known.
struct Made {
    offset: usize,
    id: ObjectId,
    content: Option<(Kind, Vec<u8>)>,
}

/// Steps of one byte that says what to add, and what that needs.
pub(super) fn recipe(data: &[u8]) {
    let mut input = Input(data);
    let mut builder = PackBuilder::without_deflating();
    let mut made: Vec<Made> = Vec::new();
    while !input.0.is_empty() && made.len() < 300 {
        let step = input.byte();
        let kind = [Kind::Blob, Kind::Tree, Kind::Commit, Kind::Tag][step >> 4 & 3];
        let next = match step & 7 {
            // An object whole.
            0 | 1 => {
                let len = input.byte() * if step & 8 == 0 { 1 } else { 16 };
                let content = input.bytes(len).to_vec();
                whole(&mut builder, kind, content)
            }
            // A tree of things that exist.
            2 => {
                let mut entries = Vec::new();
                for n in 0..input.byte() % 8 {
                    let mode = ["100644", "40000", "120000", "160000", "100755"][input.byte() % 5];
                    entries.push((mode, n.to_string().into_bytes(), pick(&mut input, &made)));
                }
                let entries: Vec<_> = entries.iter().map(|(mode, name, id)| (*mode, name.as_slice(), *id)).collect();
                whole(&mut builder, Kind::Tree, tree(&entries))
            }
            // A commit of things that exist.
            3 => {
                let root = pick(&mut input, &made);
                let parents: Vec<ObjectId> = (0..input.byte() % 4).map(|_| pick(&mut input, &made)).collect();
                whole(&mut builder, Kind::Commit, commit(&root, &parents, "x\n"))
            }
            // A delta of whatever bytes against something in the pack, or of something that exists.
            4 | 5 => {
                let base = input.byte();
                let len = input.byte();
                let delta = input.bytes(len);
                let content = made.get(base % made.len().max(1)).and_then(|base| base.content.clone());
                let content = content.and_then(|(kind, from)| {
                    let header = DeltaHeader::parse(delta).ok()?;
                    (header.result_size < 1 << 16).then_some(())?;
                    let mut out = Vec::new();
                    delta::apply(&from, delta, &mut out).ok().map(|()| (kind, out))
                });
                add_delta(&mut builder, &mut input, &made, base, step, delta, content)
            }
            // A delta that makes given bytes of something in the pack.
            6 => {
                let base = input.byte();
                let len = input.byte();
                let content = input.bytes(len);
                let from = made.get(base % made.len().max(1)).and_then(|base| base.content.as_ref());
                let (kind, from_len) = from.map_or((kind, len), |(kind, from)| (*kind, from.len()));
                let delta = insert_delta(from_len, content);
                add_delta(&mut builder, &mut input, &made, base, step, &delta, Some((kind, content.to_vec())))
            }
            // A whole object that lies about its size.
            _ => {
                let (declared, len) = (input.byte() << (step >> 4 & 7), input.byte());
                let content = input.bytes(len);
                let mut header = Vec::new();
                entry::write_full_header(&mut header, kind, declared as u64);
                let offset = builder.raw(&header, &stored(content));
                Made { offset, id: hash_object(kind, content).unwrap(), content: None }
            }
        };
        made.push(next);
    }
    check(&builder.finish());
}

fn whole(builder: &mut PackBuilder, kind: Kind, content: Vec<u8>) -> Made {
    let offset = builder.full(kind, &content);
    Made { offset, id: hash_object(kind, &content).unwrap(), content: Some((kind, content)) }
}

/// Adds a delta by offset or by id; its base may be one of the repository, too, or come later in the pack.
fn add_delta(
    builder: &mut PackBuilder,
    input: &mut Input<'_>,
    made: &[Made],
    base: usize,
    step: usize,
    delta: &[u8],
    content: Option<(Kind, Vec<u8>)>,
) -> Made {
    let id = match &content {
        Some((kind, content)) => hash_object(*kind, content).unwrap(),
        None => ObjectId::from([step as u8; 20]),
    };
    let base = made.get(base % made.len().max(1));
    let offset = match base {
        Some(base) if step & 8 == 0 => builder.ofs_delta(base.offset, delta),
        Some(base) if step & 0x40 == 0 => builder.ref_delta(&base.id, delta),
        // By the bytes it will have: a blob of the input, which a later step may add or not.
        _ if step & 0x80 != 0 => {
            let len = input.byte();
            let later = hash_object(Kind::Blob, input.0.get(..len).unwrap_or(input.0)).unwrap();
            builder.ref_delta(&later, delta)
        }
        _ => builder.ref_delta(&pick(input, made), delta),
    };
    Made { offset, id, content }
}

/// An object of the pack or of the repository.
fn pick(input: &mut Input<'_>, made: &[Made]) -> ObjectId {
    let n = input.byte();
    match made.get(n) {
        Some(made) => made.id,
        None => world::world().id(n),
    }
}
