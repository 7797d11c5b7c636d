//! Fetches, executed: a request is answered out of a real repository, and a pack that is answered must be one.

use std::sync::{Arc, atomic::AtomicBool};

use super::{blames_the_peer, first, limits, world};
use crate::{
    odb::Snapshot,
    pack::index::index_pack,
    pktline::{Packet, Packets},
    protocol::ProtocolVersion,
    upload::{self, UploadOutcome, UploadSession, UploadStats},
};

fn version(byte: u8) -> ProtocolVersion {
    match byte {
        b'2' => ProtocolVersion::V2,
        _ => ProtocolVersion::V0,
    }
}

/// One body of a request over HTTP.
pub(super) fn stateless(data: &[u8]) {
    let world = world::world();
    let (kind, body) = first(data);
    let body = world.with_ids(body);
    let mut out = Vec::new();
    let never = AtomicBool::new(false);
    let answered = upload::respond(&world.view, version(kind), &body, &limits(), &mut out, &never);
    is_bounded(body.len(), &out);
    if let Some(stats) = blames_the_peer(answered) {
        assert_eq!(stats.bytes, out.len() as u64);
        is_a_pack_if_it_says_so(&stats, &out);
    }
}

/// A conversation over one stream, cut into pieces of one length.
pub(super) fn session(data: &[u8]) {
    let world = world::world();
    let (kind, data) = first(data);
    let (step, data) = first(data);
    let data = world.with_ids(data);
    let mut session = UploadSession::new(Arc::new(world.view.clone()), version(kind), limits());
    let never = AtomicBool::new(false);
    let mut all = 0;
    for chunk in data.chunks(if step == 0 { usize::MAX } else { step.into() }) {
        session.push(chunk);
        while session.is_ready() {
            let mut out = Vec::new();
            let Some(stats) = blames_the_peer(session.answer(&mut out, &never)) else {
                assert!(session.is_over());
                return;
            };
            all += out.len();
            // Each command of version 2 may ask for everything anew.
            is_bounded(data.len(), &out);
            is_a_pack_if_it_says_so(&stats, &out);
        }
    }
    assert!(all <= (data.len() + 1) * (1 << 16));
}

/// An answer is as large as the repository and as what is asked, and not larger.
fn is_bounded(asked: usize, out: &[u8]) {
    assert!(out.len() <= 8 * asked + (1 << 18), "{} bytes asked, {} answered", asked, out.len());
}

/// Takes the pack out of its bands and indexes it.
fn is_a_pack_if_it_says_so(stats: &UploadStats, out: &[u8]) {
    if stats.outcome != UploadOutcome::Pack {
        assert!(Packets::new(out).all(|packet| packet.is_ok()), "{}", out.escape_ascii());
        return;
    }
    const START: &[u8] = b"PACK\0\0\0\x02";
    let mut banded = Vec::new();
    for packet in Packets::new(out).map_while(Result::ok) {
        if let Packet::Data([1, data @ ..]) = packet {
            banded.extend_from_slice(data);
        }
    }
    let bytes = if find(&banded, START).is_some() { &banded } else { out };
    let start = find(bytes, START).unwrap_or_else(|| panic!("no pack in {}", out.escape_ascii()));
    let pack = bytes.get(start..).unwrap_or_default();
    let odb: &Snapshot = &world::world().view.odb;
    let indexed = index_pack(pack, odb, &crate::Limits::default(), &mut |_| {}, &AtomicBool::new(false));
    assert_eq!(indexed.unwrap().objects.len() as u64, stats.objects);
    assert_eq!(pack.len() as u64, stats.pack_bytes);
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
