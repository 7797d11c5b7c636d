//! The first answer of another server: what it speaks and, before v2, which refs it has.

use super::feed::Feed;
use super::listing::RemoteRefs;
use super::{Server, broke, said_no};
use crate::error::Result;
use crate::pktline::Packet;
use crate::protocol::Capabilities;

/// Words of v0 that we use where they are known. Source: gitprotocol-capabilities(5).
const WORDS: [&str; 4] = ["side-band-64k", "thin-pack", "ofs-delta", "no-progress"];
/// Most capabilities that are read; git has some twenty.
const MAX_CAPABILITIES: usize = 1000;

/// What the first answer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// It has to be asked for its refs.
    V2(Server),
    /// It listed them without being asked.
    V0(Server, RemoteRefs),
}

/// The answer to `GET info/refs?service=git-upload-pack`, as it arrives.
#[derive(Debug)]
pub struct Advertisement {
    feed: Feed,
    reader: Reader,
}

#[derive(Debug)]
struct Reader {
    limit: u64,
    state: State,
    capabilities: Vec<Vec<u8>>,
    refs: RemoteRefs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was said.
    Start,
    /// The name of the service was said; it ends with a flush packet.
    Service,
    /// The version, or the first ref, comes next.
    First,
    /// Capabilities of v2.
    V2,
    /// `version 1` was said: the first ref comes next.
    V1,
    /// Refs of v0 or v1.
    Refs,
    /// All was said, in v2.
    EndV2,
    /// All was said, in v0 or v1.
    EndV0,
}

impl Advertisement {
    /// Starts before the first byte. `limit` is the most lines that are read.
    pub fn new(limit: u64) -> Self {
        let reader = Reader { limit, state: State::Start, capabilities: Vec::new(), refs: RemoteRefs::default() };
        Self { feed: Feed::default(), reader }
    }

    /// Takes bytes.
    ///
    /// Errors: `Remote`, `TooLarge`; the answer is of no use then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let reader = &mut self.reader;
        self.feed.push(bytes, |packet| reader.take(packet))
    }

    /// Ends the answer.
    ///
    /// Errors: `Remote` when it is not complete, or of a server that we cannot fetch from.
    pub fn finish(self) -> Result<Opening> {
        let Reader { state, capabilities, mut refs, .. } = self.reader;
        let has = |word: &str| capabilities.iter().any(|one| one == word.as_bytes());
        let value =
            |name: &str| capabilities.iter().find_map(|one| one.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        let lists = |name: &str, word: &str| value(name).is_some_and(|words| Capabilities::parse(words).has(word));
        if value("object-format").is_some_and(|format| format != b"sha1") {
            return Err(broke("has objects of another format than SHA-1"));
        }
        let server = Server {
            is_v2: state == State::EndV2,
            has_unborn: lists("ls-refs", "unborn"),
            has_object_format: value("object-format").is_some(),
            words: WORDS.into_iter().filter(|word| has(word)).collect(),
        };
        match state {
            State::EndV2
                if (has("ls-refs") || value("ls-refs").is_some()) && (has("fetch") || value("fetch").is_some()) =>
            {
                Ok(Opening::V2(server))
            }
            State::EndV2 => Err(broke("does not offer to be fetched from")),
            State::EndV0 if refs.refs.is_empty() || has("side-band-64k") => {
                if let Some(target) = capabilities.iter().find_map(|one| one.strip_prefix(b"symref=HEAD:")) {
                    refs.note_head(target);
                }
                refs.guess_head();
                Ok(Opening::V0(server, refs))
            }
            State::EndV0 => Err(broke("speaks a form of git that is too old")),
            _ => Err(broke("broke off while it said what it is")),
        }
    }
}

impl Reader {
    fn take(&mut self, packet: Packet<'_>) -> Result<()> {
        let text = match packet {
            Packet::Data(_) => packet.text().unwrap_or_default(),
            Packet::Flush => return self.flush(),
            Packet::Delim | Packet::ResponseEnd => return Err(broke("answered in no form of git")),
        };
        if let Some(text) = text.strip_prefix(b"ERR ") {
            return Err(said_no(text));
        }
        self.state = match self.state {
            State::Start if text == b"# service=git-upload-pack" => State::Service,
            State::Start | State::First if text == b"version 2" => State::V2,
            State::Start | State::First if text == b"version 1" => State::V1,
            State::Start | State::First | State::V1 => {
                self.first_ref(text)?;
                State::Refs
            }
            State::Refs => {
                self.next_ref(text)?;
                State::Refs
            }
            State::V2 => {
                self.note(text)?;
                State::V2
            }
            State::Service | State::EndV2 | State::EndV0 => return Err(broke("said more than it was asked")),
        };
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.state = match self.state {
            State::Service => State::First,
            State::V2 => State::EndV2,
            // Before capabilities could be told without a ref, an empty repository said nothing at all.
            State::First | State::Start | State::V1 | State::Refs => State::EndV0,
            State::EndV2 | State::EndV0 => return Err(broke("said more than it was asked")),
        };
        Ok(())
    }

    fn note(&mut self, capability: &[u8]) -> Result<()> {
        if self.capabilities.len() >= MAX_CAPABILITIES {
            return Err(broke("has too many capabilities"));
        }
        self.capabilities.push(capability.to_vec());
        Ok(())
    }

    /// `ID NAME NUL capabilities`; of an empty repository `capabilities^{}` is the name. Source: gitprotocol-pack(5).
    fn first_ref(&mut self, text: &[u8]) -> Result<()> {
        let mut halves = text.splitn(2, |byte| *byte == 0);
        let (line, capabilities) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        for word in capabilities.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
            self.note(word)?;
        }
        if line.ends_with(b" capabilities^{}") { Ok(()) } else { self.next_ref(line) }
    }

    fn next_ref(&mut self, text: &[u8]) -> Result<()> {
        if text.starts_with(b"shallow ") {
            return Err(broke("has a shallow repository, which lacks a part of its history"));
        }
        let mut words = text.splitn(2, |byte| *byte == b' ');
        match (words.next(), words.next()) {
            (Some(id), Some(name)) => self.refs.take(id, name, self.limit),
            _ => Err(broke("listed what is no ref")),
        }
    }
}
