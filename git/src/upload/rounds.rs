//! The negotiation of versions 0 and 1, have by have: one stateless request is one round of it, a session has many.
//!
//! Owns which acknowledgment follows which have, flush or `done`. Refuses to read packets and to choose objects. Called by
//! `negotiate` for stateless requests and by `session`, which keeps it from round to round.
//! Source: gitprotocol-pack(5), "Packfile Negotiation"; the behaviour is that of git's upload-pack.

use super::{
    negotiate::Talk,
    request::{Acks, FetchRequest},
};
use crate::{error::Result, id::ObjectId, pktline, walk::Graph};

/// What was said and heard so far.
pub(super) struct Rounds {
    talk: Talk,
    acks: Acks,
    no_done: bool,
    /// The last have that exists here.
    last: Option<ObjectId>,
    got_common: bool,
    got_other: bool,
    sent_ready: bool,
}

impl Rounds {
    /// Starts before the first have. `extra_wants` are wanted because the boundary moves.
    pub(super) fn new(graph: &mut Graph<'_>, fetch: &FetchRequest, extra_wants: &[ObjectId]) -> Result<Self> {
        Ok(Rounds {
            talk: Talk::new(graph, fetch.wants.iter().chain(extra_wants))?,
            acks: fetch.acks,
            no_done: fetch.no_done,
            last: None,
            got_common: false,
            got_other: false,
            sent_ready: false,
        })
    }

    /// Answers one have.
    pub(super) fn hear(&mut self, graph: &mut Graph<'_>, id: &ObjectId, head: &mut Vec<u8>) -> Result<()> {
        if self.talk.hear(graph, id)? {
            self.got_common = true;
            self.last = Some(*id);
            match self.acks {
                Acks::Detailed => pktline::put_text(head, &format!("ACK {id} common")),
                Acks::Multi => pktline::put_text(head, &format!("ACK {id} continue")),
                Acks::Single if self.talk.common.len() == 1 => pktline::put_text(head, &format!("ACK {id}")),
                Acks::Single => {}
            }
            return Ok(());
        }
        self.got_other = true;
        if self.acks != Acks::Single && self.talk.is_enough(graph)? {
            self.sent_ready |= self.acks == Acks::Detailed;
            let word = if self.acks == Acks::Detailed { "ready" } else { "continue" };
            pktline::put_text(head, &format!("ACK {id} {word}"));
        }
        Ok(())
    }

    /// Answers the flush at the end of a round; true when the pack follows at once.
    pub(super) fn pause(&mut self, graph: &mut Graph<'_>, head: &mut Vec<u8>) -> Result<bool> {
        if let Some(last) = self.last
            && self.acks == Acks::Detailed
            && self.got_common
            && !self.got_other
            && self.talk.is_enough(graph)?
        {
            self.sent_ready = true;
            pktline::put_text(head, &format!("ACK {last} ready"));
        }
        if self.talk.common.is_empty() || self.acks != Acks::Single {
            pktline::put_text(head, "NAK");
        }
        self.got_common = false;
        self.got_other = false;
        match self.last {
            Some(last) if self.no_done && self.sent_ready => {
                pktline::put_text(head, &format!("ACK {last}"));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Answers `done`; the pack follows, always.
    pub(super) fn done(&self, head: &mut Vec<u8>) -> bool {
        match self.last {
            Some(last) if self.acks != Acks::Single => pktline::put_text(head, &format!("ACK {last}")),
            Some(_) => {}
            None => pktline::put_text(head, "NAK"),
        }
        true
    }

    /// Objects both sides have.
    pub(super) fn into_common(self) -> Vec<ObjectId> {
        self.talk.common
    }
}
