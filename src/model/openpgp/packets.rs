//! Where packets begin and end.
//!
//! Owns framing only: each packet is whole in one piece, of a known length. Bodies are the library's to read.

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawPacket<'a> {
    /// Its type.
    pub(super) tag: u8,
    /// Header and body.
    pub(super) whole: &'a [u8],
}

/// Splits bytes into packets; none: they do not end where they should, or a length is not known beforehand.
pub(super) fn split(bytes: &[u8]) -> impl Iterator<Item = Option<RawPacket<'_>>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let packet = first(rest);
        rest = packet.and_then(|packet| rest.get(packet.whole.len()..)).unwrap_or_default();
        Some(packet)
    })
}

fn first(bytes: &[u8]) -> Option<RawPacket<'_>> {
    let (head, rest) = bytes.split_first()?;
    if head & 0x80 == 0 {
        return None;
    }
    let (tag, header, body) = if head & 0x40 == 0 {
        // Old form; a length type of 3 is "up to the end", which no key has.
        let width = match head & 3 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return None,
        };
        ((head >> 2) & 0x0f, width, big_endian(rest.get(..width)?))
    } else {
        let (one, more) = rest.split_first()?;
        let (width, body) = match one {
            0..=191 => (1, usize::from(*one)),
            192..=223 => {
                let high = usize::from(one.saturating_sub(192)) << 8;
                (2, high.saturating_add(usize::from(*more.first()?)).saturating_add(192))
            }
            255 => (5, big_endian(more.get(..4)?)),
            // Part of a length, which only data may have.
            _ => return None,
        };
        (head & 0x3f, width, body)
    };
    let whole = bytes.get(..header.saturating_add(1).saturating_add(body))?;
    Some(RawPacket { tag, whole })
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |sum: usize, byte| (sum << 8) | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(bytes: &[u8]) -> Vec<Option<(u8, usize)>> {
        split(bytes).map(|packet| packet.map(|packet| (packet.tag, packet.whole.len()))).collect()
    }

    #[test]
    fn packets_of_both_forms_are_framed() {
        assert_eq!(tags(b""), []);
        // Old form, one and two bytes of length; new form, one byte.
        assert_eq!(tags(b"\x98\x02ab\x99\x00\x01c\xc6\x01d"), [Some((6, 4)), Some((6, 4)), Some((6, 3))]);
        let two = [&[0xcd, 192, 0][..], &[7; 192]].concat();
        assert_eq!(tags(&two), [Some((13, 195))]);
        let five = [&[0xce, 255, 0, 0, 0, 3][..], b"abc"].concat();
        assert_eq!(tags(&five), [Some((14, 9))]);
    }

    #[test]
    fn what_does_not_end_is_no_packet() {
        let table: [&[u8]; 8] = [
            b"\x18\x00",
            b"\x98",
            b"\x98\x05ab",
            b"\x9b\x00",
            b"\xc6\xe1ab",
            b"\xc6",
            b"\xc6\xff\xff\xff\xff\xff",
            b"\xc6\xc0",
        ];
        for bytes in table {
            assert_eq!(tags(bytes), [None], "{bytes:?}");
        }
        assert_eq!(tags(b"\x98\x00\x00"), [Some((6, 2)), None]);
    }
}
