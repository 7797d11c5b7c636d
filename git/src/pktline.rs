//! The pkt-line framing under every git protocol message: decoding, encoding and side-bands.
//!
//! Owns lengths, special packets and the three side-band channels. Refuses to know what a line means: that is
//! `protocol`, `upload` and `receive`, which are also its only callers. Nothing here allocates by a length a peer names.

mod band;

pub use band::{Band, BandMode, BandWriter};

use crate::error::{Error, Result};

/// Longest pkt-line including its four length digits.
///
/// Source: gitprotocol-common(5).
pub const MAX_LEN: usize = 65520;

/// Longest payload of one pkt-line.
pub const MAX_DATA: usize = MAX_LEN - 4;

/// The flush packet.
pub const FLUSH: &[u8] = b"0000";

/// The delimiter packet of protocol v2.
pub const DELIM: &[u8] = b"0001";

/// One decoded packet, borrowing its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0000`: end of a message or a section.
    Flush,
    /// `0001`: separates sections in protocol v2.
    Delim,
    /// `0002`: end of a stateless response in protocol v2; servers never receive it.
    ResponseEnd,
    /// A payload, possibly empty (`0004`), with any trailing newline still on it.
    Data(&'a [u8]),
}

impl<'a> Packet<'a> {
    /// The payload without one trailing newline, or `None` for a special packet.
    pub fn text(&self) -> Option<&'a [u8]> {
        match *self {
            Packet::Data(data) => Some(data.strip_suffix(b"\n").unwrap_or(data)),
            Packet::Flush | Packet::Delim | Packet::ResponseEnd => None,
        }
    }
}

/// What the first bytes of a buffer hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole packet and the number of bytes it took from the buffer.
    Complete(Packet<'a>, usize),
    /// The packet goes on beyond the buffer; at least this many more bytes are needed to say more.
    Incomplete(usize),
}

/// Decodes the packet at the start of `buffer`.
///
/// Errors: `BadRequest` when the four digits are not hexadecimal, name the impossible length 3, or exceed [`MAX_LEN`].
pub fn decode(buffer: &[u8]) -> Result<Decoded<'_>> {
    let Some((digits, _)) = buffer.split_first_chunk::<4>() else {
        return Ok(Decoded::Incomplete(4_usize.saturating_sub(buffer.len())));
    };
    let len = decode_len(digits)?;
    let packet = match len {
        0 => Packet::Flush,
        1 => Packet::Delim,
        2 => Packet::ResponseEnd,
        _ => match buffer.get(4..len) {
            Some(data) => return Ok(Decoded::Complete(Packet::Data(data), len)),
            None => return Ok(Decoded::Incomplete(len.saturating_sub(buffer.len()))),
        },
    };
    Ok(Decoded::Complete(packet, 4))
}

fn decode_len(digits: &[u8; 4]) -> Result<usize> {
    let mut len = 0_usize;
    for digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit.wrapping_sub(b'0'),
            b'a'..=b'f' => digit.wrapping_sub(b'a').wrapping_add(10),
            b'A'..=b'F' => digit.wrapping_sub(b'A').wrapping_add(10),
            _ => return Err(bad_length(digits)),
        };
        len = (len << 4) | usize::from(value);
    }
    if len == 3 || len > MAX_LEN {
        return Err(bad_length(digits));
    }
    Ok(len)
}

fn bad_length(digits: &[u8; 4]) -> Error {
    Error::BadRequest { what: format!("bad packet length '{}'", digits.escape_ascii()) }
}

/// Iterates over the packets of a complete buffer.
///
/// Errors: as [`decode`]; a packet cut short by the end of the buffer is `BadRequest`. Iteration ends after an error.
#[derive(Debug, Clone)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Packets<'a> {
    /// Starts at the first byte of `buffer`.
    pub fn new(buffer: &'a [u8]) -> Self {
        Packets { rest: buffer }
    }

    /// The bytes not decoded yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match decode(self.rest) {
            Ok(Decoded::Complete(packet, consumed)) => {
                self.rest = self.rest.get(consumed..).unwrap_or_default();
                Some(Ok(packet))
            }
            Ok(Decoded::Incomplete(_)) => {
                self.rest = &[];
                Some(Err(Error::BadRequest { what: "the request ends inside a packet".into() }))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

/// Appends one data packet; a payload beyond [`MAX_DATA`] is cut into several packets.
pub fn put_data(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        out.extend_from_slice(b"0004");
    }
    for chunk in data.chunks(MAX_DATA) {
        out.extend_from_slice(&header(chunk.len()));
        out.extend_from_slice(chunk);
    }
}

/// Appends one text packet with a newline at its end.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut line = Vec::with_capacity(text.len().saturating_add(1));
    line.extend_from_slice(text.as_bytes());
    line.push(b'\n');
    put_data(out, &line);
}

/// Appends a flush packet.
pub fn put_flush(out: &mut Vec<u8>) {
    out.extend_from_slice(FLUSH);
}

/// Appends a delimiter packet.
pub fn put_delim(out: &mut Vec<u8>) {
    out.extend_from_slice(DELIM);
}

/// Appends an `ERR` packet, which every git client shows as `remote error: <message>`.
pub fn put_error(out: &mut Vec<u8>, message: &str) {
    let mut line = b"ERR ".to_vec();
    line.extend(message.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }).take(MAX_DATA - 5));
    line.push(b'\n');
    put_data(out, &line);
}

/// The four length digits of a packet with `data_len` payload bytes; `data_len` is at most [`MAX_DATA`].
fn header(data_len: usize) -> [u8; 4] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let len = data_len.saturating_add(4).min(MAX_LEN);
    let digit = |shift: u32| HEX.get((len >> shift) & 15).copied().unwrap_or(b'0');
    [digit(12), digit(8), digit(4), digit(0)]
}

#[cfg(test)]
mod tests;
