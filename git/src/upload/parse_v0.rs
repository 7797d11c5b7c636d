//! Requests of protocol versions 0 and 1: wants with capabilities, a flush, then haves up to a flush or `done`.
//!
//! Owns the grammar of one stateless request: git ends it at the first flush after the haves, and the client repeats everything
//! in its next request. Called by `upload::respond`.

use super::request::{Acks, Arguments, FetchRequest, bad_line};
use crate::{
    error::Result,
    limits::Limits,
    pktline::{BandMode, Packet, Packets},
    protocol::Capabilities,
};

/// Reads a whole request; `None` when the client wants nothing.
pub(super) fn parse(body: &[u8], limits: &Limits) -> Result<Option<FetchRequest>> {
    let mut packets = Packets::new(body);
    let mut arguments = Arguments::new(limits);
    let mut is_first_want = true;
    for packet in packets.by_ref() {
        let packet = packet?;
        let Some(line) = packet.text() else { break };
        if arguments.shared(line)? {
            continue;
        }
        let Some(rest) = line.strip_prefix(b"want ") else {
            return Err(bad_line("expected to get object ID, not", line));
        };
        let (hex, list) = match rest.iter().position(|byte| *byte == b' ') {
            Some(space) => rest.split_at(space),
            None => (rest, &[][..]),
        };
        arguments.want(hex)?;
        if std::mem::take(&mut is_first_want) {
            apply_capabilities(&mut arguments.request, list)?;
        }
    }
    if is_first_want {
        return Ok(None);
    }
    arguments.request.ends_with_wants = true;
    for packet in packets {
        arguments.request.ends_with_wants = false;
        match packet? {
            packet @ Packet::Data(_) => {
                let line = packet.text().unwrap_or_default();
                if line == b"done" {
                    arguments.request.done = true;
                    break;
                }
                match line.strip_prefix(b"have ") {
                    Some(hex) => arguments.have(hex)?,
                    None => return Err(bad_line("expected SHA1 list, got", line)),
                }
            }
            Packet::Flush | Packet::Delim | Packet::ResponseEnd => break,
        }
    }
    arguments.finish().map(Some)
}

fn apply_capabilities(request: &mut FetchRequest, list: &[u8]) -> Result<()> {
    let caps = Capabilities::parse(list);
    caps.check_object_format()?;
    request.acks = match (caps.has("multi_ack_detailed"), caps.has("multi_ack")) {
        (true, _) => Acks::Detailed,
        (false, true) => Acks::Multi,
        (false, false) => Acks::Single,
    };
    request.band = match (caps.has("side-band-64k"), caps.has("side-band")) {
        (true, _) => BandMode::Large,
        (false, true) => BandMode::Small,
        (false, false) => BandMode::None,
    };
    request.no_done = caps.has("no-done");
    request.thin_pack = caps.has("thin-pack");
    request.ofs_delta = caps.has("ofs-delta");
    request.no_progress = caps.has("no-progress");
    request.include_tag = caps.has("include-tag");
    request.deepen.relative = caps.has("deepen-relative");
    Ok(())
}
