//! pkt-line framing: writing packets and splitting a complete buffer into them.
//!
//! Owns the four hex digits. Streaming answers are framed in `fetch`. Called by the other wire modules.
//! Source: gitprotocol-common(5), "pkt-line Format".

use bytes::{BufMut as _, BytesMut};

/// The longest payload that fits a packet.
pub(crate) const MAX_PAYLOAD: usize = 65516;

/// One packet of a complete buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// `0000`.
    Flush,
    /// `0001`.
    Delimiter,
    /// `0002`.
    ResponseEnd,
    /// Payload; `line` takes the line feed off that text packets end in.
    Data(&'a [u8]),
}

/// Appends a text packet; the line feed is added.
pub(crate) fn text(out: &mut BytesMut, line: &str) {
    debug_assert!(line.len() < MAX_PAYLOAD, "a line of {} bytes does not fit a packet", line.len());
    out.put_slice(format!("{:04x}", line.len() + 5).as_bytes());
    out.put_slice(line.as_bytes());
    out.put_u8(b'\n');
}

/// Appends `0000`.
pub(crate) fn flush(out: &mut BytesMut) {
    out.put_slice(b"0000");
}

/// Appends `0001`.
pub(crate) fn delimiter(out: &mut BytesMut) {
    out.put_slice(b"0001");
}

/// Reads the four digits of a packet's length.
pub(crate) fn length(digits: [u8; 4]) -> Result<usize, String> {
    let text = std::str::from_utf8(&digits).ok().filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()));
    text.and_then(|t| usize::from_str_radix(t, 16).ok())
        .filter(|length| *length != 3 && *length <= MAX_PAYLOAD + 4)
        .ok_or_else(|| format!("`{}` is no packet length", digits.escape_ascii()))
}

/// The payload of a text packet without its line feed, which is optional on the wire.
pub(crate) fn line(payload: &[u8]) -> &[u8] {
    payload.strip_suffix(b"\n").unwrap_or(payload)
}

/// Splits a complete buffer.
///
/// Errors: a bad length, or an end inside a packet.
pub(crate) fn split(mut buffer: &[u8]) -> Result<Vec<Packet<'_>>, String> {
    let mut packets = Vec::new();
    while let Some((digits, rest)) = buffer.split_first_chunk::<4>() {
        let length = length(*digits)?;
        buffer = rest;
        packets.push(match length {
            0 => Packet::Flush,
            1 => Packet::Delimiter,
            2 => Packet::ResponseEnd,
            _ => {
                let (payload, rest) = buffer.split_at_checked(length - 4).ok_or("the answer ends inside a packet")?;
                buffer = rest;
                Packet::Data(payload)
            }
        });
    }
    if buffer.is_empty() { Ok(packets) } else { Err("the answer ends inside a packet length".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_split_again() {
        let mut out = BytesMut::new();
        text(&mut out, "command=ls-refs");
        delimiter(&mut out);
        flush(&mut out);
        assert_eq!(&out[..], b"0014command=ls-refs\n00010000");
        assert_eq!(split(&out).unwrap(), [Packet::Data(b"command=ls-refs\n"), Packet::Delimiter, Packet::Flush]);
    }

    #[test]
    fn refuses_lengths_that_lie() {
        for bad in [&b"0003"[..], b"zzzz", b"00", b"0009abc", b"+012a", b"fff5"] {
            assert!(split(bad).is_err(), "{} was accepted", bad.escape_ascii());
        }
    }
}
