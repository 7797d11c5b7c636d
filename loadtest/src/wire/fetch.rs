//! The v2 `fetch` command: the request, and its answer read as it streams in.
//!
//! Owns the sections before the pack, the side-band, and handing pack bytes to a sink without copying them. Called by
//! the `clone` and `fetch` scenarios.
//! Source: gitprotocol-v2(5), "fetch".

use bytes::{Bytes, BytesMut};

use crate::pack::ObjectId;
use crate::wire::AGENT;
use crate::wire::packet;

/// How much of the history is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Full,
    /// The wanted commits alone, with their files.
    Shallow,
    /// All commits and directories, no files.
    Blobless,
}

/// Builds a request that ends its negotiation at once (`done`), as a client that knows what it has may.
pub(crate) fn request(wants: &[ObjectId], haves: &[ObjectId], extent: Extent) -> Bytes {
    let mut out = BytesMut::with_capacity(200 + 50 * (wants.len() + haves.len()));
    for line in ["command=fetch", AGENT, "object-format=sha1"] {
        packet::text(&mut out, line);
    }
    packet::delimiter(&mut out);
    for line in ["thin-pack", "no-progress", "include-tag", "ofs-delta"] {
        packet::text(&mut out, line);
    }
    for want in wants {
        packet::text(&mut out, &format!("want {want}"));
    }
    for have in haves {
        packet::text(&mut out, &format!("have {have}"));
    }
    match extent {
        Extent::Full => {}
        Extent::Shallow => packet::text(&mut out, "deepen 1"),
        Extent::Blobless => packet::text(&mut out, "filter blob:none"),
    }
    packet::text(&mut out, "done");
    packet::flush(&mut out);
    out.freeze()
}

/// Where the reader stands in the answer.
#[derive(Debug)]
enum State {
    /// Collecting the four digits of a length.
    Length { digits: [u8; 4], have: usize },
    /// Collecting a packet before `packfile`.
    Line { left: usize, line: Vec<u8> },
    /// The next byte is the band.
    Band { left: usize },
    /// Inside a side-band packet.
    Payload { band: u8, left: usize },
    /// The closing flush was seen.
    Done,
}

/// Reads an answer piece by piece and gives the bytes of band 1 to `sink`.
#[derive(Debug)]
pub(crate) struct Reader {
    state: State,
    in_pack: bool,
    error_text: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Self {
        Self { state: State::Length { digits: [0; 4], have: 0 }, in_pack: false, error_text: Vec::new() }
    }
}

impl Reader {
    /// Takes the next bytes of the body.
    ///
    /// Errors: framing, an `ERR` packet, what the sink refuses.
    pub(crate) fn feed(
        &mut self,
        mut bytes: &[u8],
        sink: &mut impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Length { digits, have } => {
                    let take = (4 - *have).min(bytes.len());
                    let (now, rest) = bytes.split_at(take);
                    digits[*have..*have + take].copy_from_slice(now);
                    *have += take;
                    bytes = rest;
                    if *have == 4 {
                        let length = packet::length(*digits)?;
                        self.enter(length)?;
                    }
                }
                State::Line { left, line } => {
                    let (now, rest) = bytes.split_at((*left).min(bytes.len()));
                    line.extend_from_slice(now);
                    *left -= now.len();
                    bytes = rest;
                    if *left == 0 {
                        let line = std::mem::take(line);
                        self.line(&line)?;
                        self.next_packet();
                    }
                }
                State::Band { left } => {
                    self.state = State::Payload { band: bytes[0], left: *left - 1 };
                    bytes = &bytes[1..];
                    self.leave_empty_payload();
                }
                State::Payload { band, left } => {
                    let (now, rest) = bytes.split_at((*left).min(bytes.len()));
                    match *band {
                        1 => sink(now)?,
                        2 => {}
                        3 => self.error_text.extend_from_slice(now),
                        other => return Err(format!("there is no side-band {other}")),
                    }
                    *left -= now.len();
                    bytes = rest;
                    self.leave_empty_payload();
                }
                State::Done => return Err("bytes after the end of the answer".into()),
            }
        }
        Ok(())
    }

    /// Checks that the answer came to its end.
    ///
    /// Errors: it did not, or band 3 said why.
    pub(crate) fn finish(self) -> Result<(), String> {
        if !self.error_text.is_empty() {
            return Err(format!("the server says: {}", String::from_utf8_lossy(&self.error_text).trim_end()));
        }
        match self.state {
            State::Done => Ok(()),
            _ if !self.in_pack => Err("the answer has no packfile section".into()),
            _ => Err("the answer ends before its flush packet".into()),
        }
    }

    fn enter(&mut self, length: usize) -> Result<(), String> {
        self.state = match (length, self.in_pack) {
            (0, true) => State::Done,
            (0, false) => return Err("the answer has no packfile section".into()),
            (1 | 2, true) => return Err("a special packet inside the pack".into()),
            (4, _) => return Err("an empty packet".into()),
            (1 | 2, false) => State::Length { digits: [0; 4], have: 0 },
            (length, true) => State::Band { left: length - 4 },
            (length, false) => State::Line { left: length - 4, line: Vec::with_capacity(length - 4) },
        };
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let line = packet::line(line);
        if let Some(message) = line.strip_prefix(b"ERR ") {
            return Err(format!("the server says: {}", String::from_utf8_lossy(message)));
        }
        self.in_pack = line == b"packfile";
        Ok(())
    }

    fn leave_empty_payload(&mut self) {
        if matches!(self.state, State::Payload { left: 0, .. }) {
            self.next_packet();
        }
    }

    fn next_packet(&mut self) {
        self.state = State::Length { digits: [0; 4], have: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"0014acknowledgments\n0008NAK\n0001000dpackfile\n0009\x01PACK000c\x02working0006\x01!0000";

    fn read(answer: &[u8], step: usize) -> Result<Vec<u8>, String> {
        let mut reader = Reader::default();
        let mut pack = Vec::new();
        for piece in answer.chunks(step) {
            reader.feed(piece, &mut |bytes| {
                pack.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        reader.finish().map(|()| pack)
    }

    #[test]
    fn gives_the_same_pack_however_the_bytes_arrive() {
        for step in 1..=ANSWER.len() {
            assert_eq!(read(ANSWER, step).as_deref(), Ok(&b"PACK!"[..]), "in steps of {step}");
        }
    }

    #[test]
    fn an_answer_cut_anywhere_is_an_error() {
        for end in 0..ANSWER.len() {
            assert!(read(&ANSWER[..end], 7).is_err(), "cut at {end} was accepted");
        }
    }

    #[test]
    fn errors_reach_the_report() {
        assert_eq!(read(b"0013ERR not our ref", 3).unwrap_err(), "the server says: not our ref");
        let late = b"000dpackfile\n0009\x03full0000";
        assert_eq!(read(late, 64).unwrap_err(), "the server says: full");
    }

    #[test]
    fn the_request_is_what_git_sends() {
        let id = ObjectId::from_hex("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3").unwrap();
        let text = String::from_utf8(request(&[id], &[id], Extent::Full).to_vec()).unwrap();
        assert!(text.starts_with("0012command=fetch\n"), "{text}");
        assert!(text.contains(&format!("0032want {id}\n0032have {id}\n0009done\n0000")), "{text}");
        for (extent, line) in [(Extent::Shallow, "deepen 1\n"), (Extent::Blobless, "filter blob:none\n")] {
            let text = String::from_utf8(request(&[id], &[], extent).to_vec()).unwrap();
            assert!(text.contains(line), "{text}");
        }
    }
}
