//! A push as bytes: the command list before the pack, and the report after it.
//!
//! Owns `report-status` with and without side-band. Builds no objects (see `pack`). Called by the `push` scenario.
//! Source: gitprotocol-pack(5), "Pushing Data To a Server".

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::pack::ObjectId;
use crate::wire::AGENT;
use crate::wire::packet::{self, Packet};

/// Builds the body of one push of one ref.
///
/// Shape: `old` or `new` zero creates or deletes; a deletion takes no pack.
pub(crate) fn request(old: ObjectId, new: ObjectId, name: &str, pack: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(256 + pack.len());
    packet::text(&mut out, &format!("{old} {new} {name}\0 report-status side-band-64k object-format=sha1 {AGENT}"));
    packet::flush(&mut out);
    out.put_slice(pack);
    out.freeze()
}

/// Checks that the pack was unpacked and the one ref of the push moved.
///
/// Errors: what the server refused, in its words.
pub(crate) fn check_report(body: &[u8], name: &str) -> Result<(), String> {
    let mut report = Vec::new();
    for packet in packet::split(body)? {
        match packet {
            Packet::Data([1, rest @ ..]) => report.extend_from_slice(rest),
            Packet::Data([3, rest @ ..]) => {
                return Err(format!("the server says: {}", String::from_utf8_lossy(packet::line(rest))));
            }
            Packet::Data([2, ..]) | Packet::Flush => {}
            other => return Err(format!("unexpected packet {other:?} in a side-band report")),
        }
    }
    let lines = packet::split(&report)?;
    let mut unpacked = false;
    for line in lines {
        let Packet::Data(line) = line else { continue };
        let line = String::from_utf8_lossy(packet::line(line));
        match line.split_once(' ') {
            Some(("unpack", "ok")) => unpacked = true,
            Some(("ok", moved)) if unpacked && moved == name => return Ok(()),
            _ => return Err(format!("refused: {line}")),
        }
    }
    Err("the report does not mention the pushed ref".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_gits_own_report() {
        let body = b"002e\x01000eunpack ok\n0017ok refs/heads/main\n00000000";
        assert_eq!(check_report(body, "refs/heads/main"), Ok(()));
        assert!(check_report(body, "refs/heads/other").is_err());
    }

    #[test]
    fn refusals_are_quoted() {
        let body = b"003a\x01000eunpack ok\n0023ng refs/heads/main fetch first\n00000000";
        assert_eq!(check_report(body, "refs/heads/main").unwrap_err(), "refused: ng refs/heads/main fetch first");
        assert_eq!(check_report(b"000c\x03no disk0000", "r").unwrap_err(), "the server says: no disk");
        assert!(check_report(b"0000", "r").is_err());
    }
}
