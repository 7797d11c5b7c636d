//! An upload-pack conversation over one stream that both sides keep open, as SSH has it.
//!
//! Owns the cutting of the stream into messages, and what has to be remembered between them: in versions 0 and 1 the wants and
//! the negotiation, in version 2 nothing, as each command stands alone. Refuses input and output of its own: the transport gives
//! bytes as they come and calls [`UploadSession::answer`] on a blocking thread when a message is complete, so that no thread
//! waits for a silent client. One view serves the whole session: what was listed can be fetched.
//! Source: gitprotocol-pack(5), gitprotocol-v2(5).

mod inbox;

use std::{
    io::Write,
    sync::{Arc, atomic::AtomicBool},
};

use self::inbox::Inbox;
use super::{
    Context, Counted, Job, Prepared, UploadOptions, UploadOutcome, UploadStats, parse_v0, refuse,
    request::FetchRequest, request::bad_line, respond, rounds::Rounds, shallow, shallow::ShallowPlan, wants,
};
use crate::{
    error::{Error, Result},
    id::id_from_hex,
    limits::Limits,
    pktline::Packets,
    protocol::ProtocolVersion,
    view::View,
    walk::{Graph, Memory},
};

/// Acknowledgments gathered before they are written.
const ACKS_AT_ONCE: usize = 32 * 1024;

/// One conversation.
pub struct UploadSession {
    view: Arc<View>,
    version: ProtocolVersion,
    limits: Limits,
    inbox: Inbox,
    state: State,
}

enum State {
    /// Version 2: between commands. Before: the wants are awaited.
    Start,
    /// Versions 0 and 1: haves are awaited.
    Haves(Box<Negotiation>),
    Over,
}

/// What versions 0 and 1 remember from round to round.
struct Negotiation {
    fetch: FetchRequest,
    shallow: ShallowPlan,
    memory: Memory,
    rounds: Rounds,
    heard: u64,
}

/// Where one round of haves led to.
enum Round {
    GoesOn,
    SendPack,
}

impl UploadSession {
    /// Starts a conversation about one view, after the advertisement.
    pub fn new(view: Arc<View>, version: ProtocolVersion, limits: Limits) -> Self {
        let inbox = Inbox::new(limits.max_request_bytes);
        UploadSession { view, version, limits, inbox, state: State::Start }
    }

    /// Takes the next bytes of the client, of any length. What breaks the framing or a limit is told by the next answer.
    pub fn push(&mut self, bytes: &[u8]) {
        let ends_with_done = matches!(self.state, State::Haves(_));
        self.inbox.push(bytes, ends_with_done);
    }

    /// Whether a whole message waits for [`UploadSession::answer`]; otherwise the session wants more bytes or is over.
    pub fn is_ready(&self) -> bool {
        !self.is_over() && self.inbox.is_ready()
    }

    /// Whether nothing more is to be read or answered.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether the client may leave here without having broken off in the middle of something.
    pub fn may_end(&self) -> bool {
        self.is_over() || (matches!(self.state, State::Start) && self.inbox.is_empty())
    }

    /// Answers one message; without a complete one it does nothing.
    ///
    /// Errors: as [`respond`]: told to the client already, and the session is over.
    pub fn answer(&mut self, out: &mut dyn Write, interrupt: &AtomicBool) -> Result<UploadStats> {
        let mut counted = Counted { out, bytes: 0 };
        let state = std::mem::replace(&mut self.state, State::Over);
        let message = match self.inbox.take() {
            Ok(Some(message)) => message,
            Ok(None) => {
                self.state = state;
                return Ok(UploadStats::default());
            }
            Err(error) => return Err(refuse(&mut counted, error)),
        };
        let view = Arc::clone(&self.view);
        let limits = self.limits.clone();
        let context = Context { view: &view, limits: &limits, interrupt, options: UploadOptions::default() };
        let (result, next) = match state {
            State::Over => (Ok(UploadStats::default()), State::Over),
            State::Start if message == crate::pktline::FLUSH => (Ok(UploadStats::default()), State::Over),
            State::Start if self.version == ProtocolVersion::V2 => {
                let result = respond(&view, self.version, &message, &limits, &mut counted, interrupt);
                let next = if result.is_ok() { State::Start } else { State::Over };
                (result, next)
            }
            State::Start => told(context.open(&message, &mut counted), &mut counted),
            State::Haves(negotiation) => context.go_on(*negotiation, &message, &mut counted),
        };
        let ends_with_done = matches!(next, State::Haves(_));
        self.state = next;
        self.inbox.look_again(ends_with_done);
        result.map(|stats| UploadStats { bytes: counted.bytes, ..stats })
    }
}

/// Tells the client about a refusal for which nothing was sent yet.
fn told(result: Result<(UploadStats, State)>, out: &mut Counted<'_>) -> (Result<UploadStats>, State) {
    match result {
        Ok((stats, state)) => (Ok(stats), state),
        Err(error @ Error::PeerGone(_)) => (Err(error), State::Over),
        Err(error) => (Err(refuse(out, error)), State::Over),
    }
}

impl Context<'_> {
    /// Reads the wants, and tells the new boundary where one is asked for.
    fn open(&self, message: &[u8], out: &mut Counted<'_>) -> Result<(UploadStats, State)> {
        let Some(fetch) = parse_v0::parse(message, self.limits)? else {
            return Ok((UploadStats::default(), State::Over));
        };
        wants::check(self, &fetch.wants)?;
        let shallow = shallow::plan(self, &fetch)?;
        // The boundary is told before the haves, so they are heard with it in mind, and the pack ends there.
        let mut graph = Graph::with_cut(&self.view.odb, self.interrupt, shallow.cut.clone());
        let rounds = Rounds::new(&mut graph, &fetch, &shallow.extra_wants)?;
        let mut head = Vec::new();
        shallow.put_lines(&mut head, &fetch, false);
        let outcome = if head.is_empty() { UploadOutcome::Nothing } else { UploadOutcome::Negotiated };
        send(out, &mut head)?;
        let negotiation = Negotiation { fetch, shallow, memory: graph.suspend(), rounds, heard: 0 };
        Ok((UploadStats { outcome, ..UploadStats::default() }, State::Haves(Box::new(negotiation))))
    }

    /// Answers one round of haves, and sends the pack when it was the last.
    fn go_on(&self, talk: Negotiation, message: &[u8], out: &mut Counted<'_>) -> (Result<UploadStats>, State) {
        let Negotiation { fetch, shallow, memory, mut rounds, mut heard } = talk;
        let mut graph = Graph::resume(&self.view.odb, self.interrupt, memory);
        let mut head = Vec::new();
        let round = match self.round(message, &mut rounds, &mut heard, &mut graph, &mut head, out) {
            Ok(round) => round,
            Err(error) => return told(Err(error), out),
        };
        match round {
            Round::GoesOn => {
                let sent = send(out, &mut head);
                let talk = Negotiation { fetch, shallow, memory: graph.suspend(), rounds, heard };
                let stats = UploadStats { outcome: UploadOutcome::Negotiated, ..UploadStats::default() };
                told(sent.map(|()| (stats, State::Haves(Box::new(talk)))), out)
            }
            Round::SendPack => {
                let job = Job { common: rounds.into_common(), shallow };
                let prepared = Prepared { head, pack: Some((graph, job)) };
                (self.deliver(&fetch, prepared, out), State::Over)
            }
        }
    }

    fn round(
        &self,
        message: &[u8],
        rounds: &mut Rounds,
        heard: &mut u64,
        graph: &mut Graph<'_>,
        head: &mut Vec<u8>,
        out: &mut Counted<'_>,
    ) -> Result<Round> {
        for packet in Packets::new(message) {
            let packet = packet?;
            let Some(line) = packet.text() else { break };
            if line == b"done" {
                rounds.done(head);
                return Ok(Round::SendPack);
            }
            let id = line.strip_prefix(b"have ").and_then(id_from_hex);
            let id = id.ok_or_else(|| bad_line("expected SHA1 list, got", line))?;
            *heard = heard.saturating_add(1);
            if *heard > self.limits.max_haves {
                return Err(Error::TooLarge { what: "number of haves", limit: self.limits.max_haves });
            }
            rounds.hear(graph, &id, head)?;
            if head.len() > ACKS_AT_ONCE {
                send(out, head)?;
            }
        }
        Ok(if rounds.pause(graph, head)? { Round::SendPack } else { Round::GoesOn })
    }
}

fn send(out: &mut Counted<'_>, head: &mut Vec<u8>) -> Result<()> {
    out.write_all(head).and_then(|()| out.flush()).map_err(Error::PeerGone)?;
    head.clear();
    Ok(())
}

#[cfg(test)]
mod tests;
