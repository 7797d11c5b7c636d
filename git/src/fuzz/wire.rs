//! Framing, and words that peers send in it.

use std::sync::atomic::AtomicBool;

use super::{blames_the_peer, first, world};
use crate::{
    archive::{
        self, ArchiveFormat,
        fuzz::look_up,
        remote::{ArchiveArguments, ArchiveRequest},
    },
    pktline::{self, Decoded, Packet, Packets},
};

/// Packets are as many as fit, take what they say, and mean the same when they are written again.
pub(super) fn pktline(data: &[u8]) {
    let mut written = Vec::new();
    let mut found = Vec::new();
    let mut packets = Packets::new(data);
    while let Some(Ok(packet)) = packets.next() {
        match packet {
            Packet::Data(line) => pktline::put_data(&mut written, line),
            Packet::Flush => pktline::put_flush(&mut written),
            Packet::Delim => pktline::put_delim(&mut written),
            Packet::ResponseEnd => written.extend_from_slice(b"0002"),
        }
        found.push(packet);
    }
    let read: Result<Vec<Packet<'_>>, _> = Packets::new(&written).collect();
    assert!(read.is_ok_and(|read| read == found));
    // The same, one by one.
    let (mut at, mut count) = (0, 0);
    while let Ok(Decoded::Complete(packet, len)) = pktline::decode(data.get(at..).unwrap_or_default()) {
        assert!(len >= 4 && at + len <= data.len());
        assert_eq!(found.get(count), Some(&packet));
        at += len;
        count += 1;
    }
    assert_eq!(count, found.len());
    if let Ok(Decoded::Incomplete(needed)) = pktline::decode(data.get(at..).unwrap_or_default()) {
        assert!(needed > 0);
    }
}

/// A `.gitattributes` file, and a path that is looked up in it.
pub(super) fn attributes(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let path = parts.next().unwrap_or_default();
    let directory = parts.next().unwrap_or_default();
    blames_the_peer(look_up(directory, parts.next().unwrap_or_default(), path));
}

/// What `git archive --remote` says, and the archive it gets. Arguments mean the same however the stream is cut.
pub(super) fn archive(data: &[u8]) {
    let (step, data) = first(data);
    let world = world::world();
    let read = |step: usize| -> Result<Option<ArchiveRequest>, String> {
        let mut arguments = ArchiveArguments::default();
        for chunk in data.chunks(step) {
            if arguments.push(chunk).map_err(|error| error.to_string())? {
                return arguments.request(&world.view).map(Some).map_err(|error| error.to_string());
            }
        }
        Ok(None)
    };
    let request = read(usize::MAX);
    assert_eq!(request, read(1 + usize::from(step)), "cut otherwise");
    let Ok(Some(ArchiveRequest::Make { id, options })) = request else { return };
    let mut out = Vec::new();
    let go = AtomicBool::new(false);
    let made = archive::write_archive(&world.view.odb, &id, &options, &mut out, &go);
    if blames_the_peer(made).is_some() && options.format == ArchiveFormat::Tar {
        assert_eq!(out.len() % 512, 0);
    }
}
