//! The pack that another server sends, taken out of its answer as it arrives.
//!
//! Owns sections and side-bands. What is in the pack is not looked at here.

use super::feed::Feed;
use super::{Server, broke, said_no};
use crate::error::Result;
use crate::pktline::Packet;

/// The answer to [`super::fetch`].
#[derive(Debug)]
pub struct PackAnswer {
    feed: Feed,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// v2: the name of a section comes next.
    Section,
    /// v2: lines of a section that says nothing we need.
    Lines,
    /// v0: acknowledgements, then the pack.
    Acknowledgements,
    /// Bands.
    Pack,
    /// Nothing may follow.
    End,
}

impl PackAnswer {
    /// Starts before the first byte.
    pub fn new(server: &Server) -> Self {
        let state = if server.is_v2 { State::Section } else { State::Acknowledgements };
        Self { feed: Feed::default(), state }
    }

    /// Takes bytes and adds those of the pack to `pack`.
    ///
    /// Errors: `Remote`; the answer is of no use then.
    pub fn push(&mut self, bytes: &[u8], pack: &mut Vec<u8>) -> Result<()> {
        let Self { feed, state } = self;
        feed.push(bytes, |packet| {
            *state = step(*state, packet, pack)?;
            Ok(())
        })
    }

    /// Ends the answer.
    ///
    /// Errors: `Remote` when it is not complete.
    pub fn finish(self) -> Result<()> {
        if self.state == State::End && self.feed.is_empty() {
            return Ok(());
        }
        Err(broke("broke off while it sent objects"))
    }
}

fn step(state: State, packet: Packet<'_>, pack: &mut Vec<u8>) -> Result<State> {
    let unexpected = || Err(broke("answered in no form of git"));
    if let Some(text) = packet.text().and_then(|text| text.strip_prefix(b"ERR ")) {
        // A band begins with a byte below these letters.
        return Err(said_no(text));
    }
    match (state, packet) {
        (State::End, _) => Err(broke("said more than it was asked")),
        (State::Section, Packet::Data(_)) => match packet.text().unwrap_or_default() {
            b"packfile" => Ok(State::Pack),
            b"acknowledgments" => Ok(State::Lines),
            b"shallow-info" => Err(broke("has a shallow repository, which lacks a part of its history")),
            _ => unexpected(),
        },
        (State::Lines, Packet::Data(_)) => Ok(State::Lines),
        (State::Lines, Packet::Delim) => Ok(State::Section),
        (State::Acknowledgements, Packet::Data(line)) if line.starts_with(b"ACK ") || line.starts_with(b"NAK") => {
            Ok(State::Acknowledgements)
        }
        (State::Acknowledgements | State::Pack, Packet::Data(line)) => match line.split_first() {
            Some((1, data)) => {
                pack.extend_from_slice(data);
                Ok(State::Pack)
            }
            Some((2, _)) => Ok(State::Pack),
            Some((3, text)) => Err(said_no(text)),
            _ => unexpected(),
        },
        (State::Pack, Packet::Flush) => Ok(State::End),
        _ => unexpected(),
    }
}
