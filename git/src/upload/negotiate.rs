//! Finding out what client and server have in common, in the words of either protocol generation.
//!
//! Owns acknowledgments. Refuses to choose objects. Called by `upload::respond`. For shallow clients the graph is the whole one in
//! version 2 and ends at their boundary in the older versions, as in git: there the boundary comes before the haves, here after them.
//! Source: git's upload-pack.c, `get_common_commits` and `process_haves_and_send_acks`.

use super::request::{Acks, FetchRequest};
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
    let mut talk = Talk::new(graph, fetch.wants.iter().chain(extra_wants))?;
    let mut last = None;
    let mut got_other = false;
    let mut sent_ready = false;
    for id in &fetch.haves {
        if talk.hear(graph, id)? {
            last = Some(*id);
            match fetch.acks {
                Acks::Detailed => pktline::put_text(head, &format!("ACK {id} common")),
                Acks::Multi => pktline::put_text(head, &format!("ACK {id} continue")),
                Acks::Single if talk.common.len() == 1 => pktline::put_text(head, &format!("ACK {id}")),
                Acks::Single => {}
            }
            continue;
        }
        got_other = true;
        if fetch.acks != Acks::Single && talk.is_enough(graph)? {
            sent_ready |= fetch.acks == Acks::Detailed;
            let word = if fetch.acks == Acks::Detailed { "ready" } else { "continue" };
            pktline::put_text(head, &format!("ACK {id} {word}"));
        }
    }
    if fetch.done {
        match last {
            Some(last) if fetch.acks != Acks::Single => pktline::put_text(head, &format!("ACK {last}")),
            Some(_) => {}
            None => pktline::put_text(head, "NAK"),
        }
        return Ok(Verdict::SendPack { common: talk.common });
    }
    if let Some(last) = last
        && fetch.acks == Acks::Detailed
        && !got_other
        && talk.is_enough(graph)?
    {
        sent_ready = true;
        pktline::put_text(head, &format!("ACK {last} ready"));
    }
    if talk.common.is_empty() || fetch.acks != Acks::Single {
        pktline::put_text(head, "NAK");
    }
    match last {
        Some(last) if fetch.no_done && sent_ready => {
            pktline::put_text(head, &format!("ACK {last}"));
            Ok(Verdict::SendPack { common: talk.common })
        }
        _ => Ok(Verdict::Answer),
    }
}

/// What has been heard so far.
struct Talk {
    reach: Reach,
    common: Vec<ObjectId>,
    judgments: u32,
    enough: bool,
}

impl Talk {
    fn new<'i>(graph: &mut Graph<'_>, ids: impl IntoIterator<Item = &'i ObjectId>) -> Result<Self> {
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
    fn hear(&mut self, graph: &mut Graph<'_>, id: &ObjectId) -> Result<bool> {
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
    fn is_enough(&mut self, graph: &mut Graph<'_>) -> Result<bool> {
        if self.enough || self.common.is_empty() || self.judgments >= MAX_JUDGMENTS {
            return Ok(self.enough);
        }
        let judged = self.reach.judge(graph)?;
        self.judgments = self.judgments.saturating_add(u32::from(judged.walked));
        self.enough = judged.all_reached;
        Ok(self.enough)
    }
}
