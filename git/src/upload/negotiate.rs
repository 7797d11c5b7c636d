//! Finding out what client and server have in common, in the words of either protocol generation.
//!
//! Owns acknowledgments. Refuses to choose objects. Called by `upload::respond`. For shallow clients the graph is the whole one in
//! version 2 and ends at their boundary in the older versions, as in git: there the boundary comes before the haves, here after them.
//! Source: git's upload-pack.c, `get_common_commits` and `process_haves_and_send_acks`.

use super::{request::FetchRequest, rounds::Rounds};
use crate::{
    error::Result,
    id::{Kind, ObjectId},
    pktline,
    walk::{Graph, Reach, peel},
};

/// How often one request may make us judge anew whether it is enough: each judgment walks history.
const MAX_JUDGMENTS: u32 = 64;

/// How negotiation goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The client is to ask again, or leave.
    Answer,
    /// Everything is known: the pack follows.
    SendPack {
        /// The client's objects that exist here.
        common: Vec<ObjectId>,
    },
}

/// Answers the haves of a version 2 fetch.
pub(super) fn v2(graph: &mut Graph<'_>, fetch: &FetchRequest, head: &mut Vec<u8>) -> Result<Verdict> {
    // Without wants there is no pack to send; only `wait-for-done` asks about haves alone.
    if fetch.wants.is_empty() && !fetch.wait_for_done {
        return Ok(Verdict::Answer);
    }
    let mut talk = Talk::new(graph, &fetch.wants)?;
    let mut acks = Vec::new();
    for id in &fetch.haves {
        if talk.hear(graph, id)? {
            acks.push(*id);
        }
    }
    if fetch.done || fetch.haves.is_empty() {
        return Ok(match fetch.wants.is_empty() {
            true => Verdict::Answer,
            false => Verdict::SendPack { common: talk.common },
        });
    }
    pktline::put_text(head, "acknowledgments");
    if acks.is_empty() {
        pktline::put_text(head, "NAK");
    }
    for id in &acks {
        pktline::put_text(head, &format!("ACK {id}"));
    }
    if !fetch.wait_for_done && talk.is_enough(graph)? {
        pktline::put_text(head, "ready");
        pktline::put_delim(head);
        return Ok(Verdict::SendPack { common: talk.common });
    }
    pktline::put_flush(head);
    Ok(Verdict::Answer)
}

/// Answers the haves of one stateless request of version 0 or 1. `extra_wants` are wanted because the boundary moves.
pub(super) fn v0(
    graph: &mut Graph<'_>,
    fetch: &FetchRequest,
    extra_wants: &[ObjectId],
    head: &mut Vec<u8>,
) -> Result<Verdict> {
    let mut rounds = Rounds::new(graph, fetch, extra_wants)?;
    for id in &fetch.haves {
        rounds.hear(graph, id, head)?;
    }
    let is_over = if fetch.done { rounds.done(head) } else { rounds.pause(graph, head)? };
    Ok(if is_over { Verdict::SendPack { common: rounds.into_common() } } else { Verdict::Answer })
}

/// What has been heard so far.
pub(super) struct Talk {
    reach: Reach,
    pub(super) common: Vec<ObjectId>,
    judgments: u32,
    enough: bool,
}

impl Talk {
    pub(super) fn new<'i>(graph: &mut Graph<'_>, ids: impl IntoIterator<Item = &'i ObjectId>) -> Result<Self> {
        let mut wants = Vec::new();
        for id in ids {
            let peeled = peel(graph.odb(), id)?;
            if peeled.kind == Kind::Commit {
                wants.push(graph.load(&peeled.target)?);
            }
        }
        Ok(Talk { reach: Reach::new(graph, wants), common: Vec::new(), judgments: 0, enough: false })
    }

    /// Notes one have; true when it exists here.
    pub(super) fn hear(&mut self, graph: &mut Graph<'_>, id: &ObjectId) -> Result<bool> {
        match graph.odb().header(id)? {
            None => return Ok(false),
            Some((Kind::Commit, _)) => {
                let node = graph.load(id)?;
                if self.reach.hold(graph, node) {
                    self.common.push(*id);
                }
            }
            Some(_) => self.common.push(*id),
        }
        Ok(true)
    }

    /// Whether every wanted commit leads to a common one, so that more haves could only shave off a little.
    pub(super) fn is_enough(&mut self, graph: &mut Graph<'_>) -> Result<bool> {
        if self.enough || self.common.is_empty() || self.judgments >= MAX_JUDGMENTS {
            return Ok(self.enough);
        }
        let judged = self.reach.judge(graph)?;
        self.judgments = self.judgments.saturating_add(u32::from(judged.walked));
        self.enough = judged.all_reached;
        Ok(self.enough)
    }
}
