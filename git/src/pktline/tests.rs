//! Framing against known byte strings, arbitrary garbage and every possible split.

use super::*;
use proptest::prelude::*;

#[test]
fn special_packets_decode() {
    assert_eq!(decode(b"0000rest").unwrap(), Decoded::Complete(Packet::Flush, 4));
    assert_eq!(decode(b"0001").unwrap(), Decoded::Complete(Packet::Delim, 4));
    assert_eq!(decode(b"0002").unwrap(), Decoded::Complete(Packet::ResponseEnd, 4));
    assert_eq!(decode(b"0004").unwrap(), Decoded::Complete(Packet::Data(b""), 4));
    assert_eq!(decode(b"0006a\nx").unwrap(), Decoded::Complete(Packet::Data(b"a\n"), 6));
    assert_eq!(decode(b"00").unwrap(), Decoded::Incomplete(2));
    assert_eq!(decode(b"0009done").unwrap(), Decoded::Incomplete(1));
}

#[test]
fn impossible_lengths_are_refused() {
    for bad in [&b"0003"[..], b"fff1", b"ffff", b"-001", b"+001", b"zzzz", b"    "] {
        assert!(decode(bad).is_err(), "{bad:?}");
    }
    assert_eq!(decode(b"fff0").unwrap(), Decoded::Incomplete(65516));
}

#[test]
fn an_error_line_never_spans_packets() {
    let mut out = Vec::new();
    put_error(&mut out, &"x\n".repeat(70_000));
    let packets: Vec<_> = Packets::new(&out).collect::<Result<_>>().unwrap();
    assert_eq!(packets.len(), 1);
    assert!(packets[0].text().unwrap().starts_with(b"ERR x x "));
}

#[test]
fn bands_are_cut_at_their_capacity() {
    for (mode, capacity) in [(BandMode::Small, 995), (BandMode::Large, 65515)] {
        let mut out = Vec::new();
        let mut writer = BandWriter::new(&mut out, mode);
        writer.data(&vec![7; capacity * 2 + 3]).unwrap();
        writer.progress("hello\n").unwrap();
        let written = writer.finish().unwrap();
        assert_eq!(written as usize, out.len());
        let packets: Vec<_> = Packets::new(&out).collect::<Result<_>>().unwrap();
        let lens: Vec<_> = packets.iter().map(|p| p.text().map(<[u8]>::len)).collect();
        assert_eq!(lens, [Some(capacity + 1), Some(capacity + 1), Some(4), Some(6), None]);
        assert_eq!(packets[3], Packet::Data(b"\x02hello\n"));
    }
}

#[test]
fn without_bands_only_data_is_written() {
    let mut out = Vec::new();
    let mut writer = BandWriter::new(&mut out, BandMode::None);
    writer.progress("lost").unwrap();
    writer.data(b"PACK").unwrap();
    writer.error("lost").unwrap();
    writer.keep_alive().unwrap();
    writer.finish().unwrap();
    assert_eq!(out, b"PACK");
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Packets::new(&bytes).count();
    }

    #[test]
    fn what_is_put_comes_out(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..10), cut in 0_usize..400) {
        let mut out = Vec::new();
        for line in &lines {
            put_data(&mut out, line);
        }
        put_flush(&mut out);
        let packets: Vec<_> = Packets::new(&out).collect::<Result<_>>().unwrap();
        prop_assert_eq!(packets.len(), lines.len() + 1);
        for (packet, line) in packets.iter().zip(&lines) {
            prop_assert_eq!(*packet, Packet::Data(line));
        }
        if cut < out.len() {
            // A cut stream yields a prefix of the packets, then nothing but an error or the end.
            let part: Vec<_> = Packets::new(&out[..cut]).collect();
            let good = part.iter().take_while(|p| p.is_ok()).count();
            for (packet, whole) in part.iter().take(good).zip(&packets) {
                prop_assert_eq!(packet.as_ref().unwrap(), whole);
            }
            prop_assert!(part.len() - good <= 1);
        }
    }
}
