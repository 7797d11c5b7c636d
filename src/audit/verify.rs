//! Recomputes the ledger and holds it against the ref journal and the refs.
//!
//! Owns the checks and the name of the first event that fails one. Reads one snapshot in bounded chunks; only the last
//! value of every ref is kept in memory. Called by `atomicqms audit verify` and by tests. A tail that was cut off
//! together with its journal rows and refs cannot be seen here: that takes checkpoints kept elsewhere.

mod journal;

use atomicqms_actors::sql::Connection;

use self::journal::Journal;
use super::append::{commitment, leaf};
use super::event::{FORMAT, Written, action, hex};
use crate::db;
use crate::db::audit::{self as rows, Personal, StoredEvent};
use crate::error::Result;
use crate::model::UtcMs;

/// Events read at once.
const CHUNK: i64 = 512;

/// What was looked at, and what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Events recomputed.
    pub events: u64,
    /// Journal rows matched.
    pub journal_rows: u64,
    /// Refs compared with the journal.
    pub refs: u64,
    /// Hash of the last event, in hexadecimal: who keeps it elsewhere can tell a ledger that was rewritten as a whole.
    pub head: Option<String>,
    /// The first thing that is wrong; none: intact.
    pub fault: Option<Fault>,
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The event it is about; for something missing, the number it should have; for a ref, its last event.
    pub seq: i64,
    /// Which check failed, as a stable word.
    pub check: &'static str,
    /// What was found.
    pub detail: String,
}

impl Fault {
    fn new(seq: i64, check: &'static str, detail: impl Into<String>) -> Self {
        Self { seq, check, detail: detail.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "event {}: {}: {}", self.seq, self.check, self.detail)
    }
}

/// Verifies everything, up to the first thing that is wrong.
///
/// Shape: `conn` must show one snapshot throughout, as the reader pool's connections do.
/// Errors: only those of reading; a ledger that was altered is a [`Report`] with a fault.
pub fn verify(conn: &dyn Connection) -> Result<Report> {
    let mut report = Report::default();
    let mut journal = Journal::default();
    let mut chain = Chain::default();
    // Numbers below 1 are nobody's: the first chunk looks there too, so that a row hidden under one is found.
    let mut after = i64::MIN;
    loop {
        let events = rows::list_after(conn, after, CHUNK)?;
        // Past the last event, rows that name events which do not exist are still looked for.
        let up_to = events.last().map_or(i64::MAX, |last| last.seq);
        let mut personal = rows::list_personal(conn, after, up_to)?.into_iter().peekable();
        let mut journaled = rows::list_journal(conn, after, up_to)?.into_iter().peekable();
        for event in &events {
            let mut mine = Vec::new();
            while let Some(one) = personal.next_if(|one| one.seq <= event.seq) {
                mine.push(one);
            }
            let row = match journaled.peek() {
                // A row of an event that is missing: the gap is reported by the chain below.
                Some(row) if row.audit_seq <= event.seq => journaled.next(),
                _ => None,
            };
            let checked = chain.check(event).and_then(|written| {
                check_personal(event.seq, &written, &mine)?;
                journal.note(event.seq, &written);
                if written.action == action::GIT_REF_UPDATE || row.is_some() {
                    journal.check(event.seq, &written, row.as_ref())?;
                }
                Ok(())
            });
            if let Err(fault) = checked {
                return Ok(Report { fault: Some(fault), ..report });
            }
            report.events += 1;
            report.journal_rows += u64::from(row.is_some());
        }
        if let Some(row) = journaled.next() {
            let detail = format!("journal row {} names an event that does not exist", row.seq);
            return Ok(Report { fault: Some(Fault::new(row.audit_seq, "missing-event", detail)), ..report });
        }
        if let Some(one) = personal.next() {
            let detail = format!("a stored {} belongs to an event that does not exist", one.field);
            return Ok(Report { fault: Some(Fault::new(one.seq, "missing-event", detail)), ..report });
        }
        if events.is_empty() {
            break;
        }
        after = chain.seq;
    }
    report.head = chain.leaf.map(|leaf| hex(&leaf));
    report.fault = journal.check_refs(conn, &mut report.refs)?;
    if report.fault.is_none()
        && let Some(name) = db::migrate::missing_trigger(conn)?
    {
        let detail = format!("trigger {name}, which refuses to rewrite the ledger, is missing or was changed");
        report.fault = Some(Fault::new(chain.seq, "guard", detail));
    }
    Ok(report)
}

/// The chain so far.
#[derive(Default)]
struct Chain {
    seq: i64,
    leaf: Option<[u8; 32]>,
}

impl Chain {
    /// Checks one event against its own bytes, its columns and its predecessor.
    fn check(&mut self, event: &StoredEvent) -> std::result::Result<Written, Fault> {
        let expected = self.seq + 1;
        if event.seq != expected {
            let detail = format!("missing; the next event found is {}", event.seq);
            return Err(Fault::new(expected, "sequence", detail));
        }
        let seq = event.seq;
        let written: Written = serde_json::from_slice(&event.event)
            .map_err(|error| Fault::new(seq, "format", format!("event cannot be read: {error}")))?;
        if written.v != FORMAT {
            return Err(Fault::new(seq, "format", format!("event format {} is not known", written.v)));
        }
        let bytes = written
            .to_bytes()
            .map_err(|error| Fault::new(seq, "format", format!("event cannot be made canonical: {error}")))?;
        if bytes != event.event {
            return Err(Fault::new(seq, "canonical", "bytes are not in canonical form"));
        }
        let computed = leaf(&event.event);
        if computed.as_slice() != event.leaf {
            return Err(Fault::new(seq, "hash", "stored hash is not the hash of the event"));
        }
        if written.seq != seq {
            return Err(Fault::new(seq, "sequence", format!("event says it is number {}", written.seq)));
        }
        if written.prev != self.leaf.map(|leaf| hex(&leaf)) {
            return Err(Fault::new(seq, "chain", "event does not follow from the one before"));
        }
        check_columns(event, &written)?;
        self.seq = seq;
        self.leaf = Some(computed);
        Ok(written)
    }
}

fn check_columns(event: &StoredEvent, written: &Written) -> std::result::Result<(), Fault> {
    let same = written.action == event.action
        && written.actor.id.map(|id| id.get()) == event.actor_id
        && written.object.repo.map(|id| id.get()) == event.repo_id
        && UtcMs::parse_rfc3339(&written.ts) == Some(event.at_ms);
    if same { Ok(()) } else { Err(Fault::new(event.seq, "columns", "columns beside the event say something else")) }
}

/// Holds the stored personal values, as far as they were not erased, against the event's commitments.
fn check_personal(seq: i64, written: &Written, stored: &[Personal]) -> std::result::Result<(), Fault> {
    for (field, committed) in [("ip", &written.src.ip_commit), ("ua", &written.src.ua)] {
        let found = stored.iter().find(|one| one.field == field);
        match (committed, found) {
            (None, None) => {}
            (Some(committed), Some(Personal { secret: Some((salt, value)), .. })) => {
                if *committed != hex(&commitment(salt, value)) {
                    return Err(Fault::new(
                        seq,
                        "personal",
                        format!("stored {field} is not what the event commits to"),
                    ));
                }
            }
            (Some(_), Some(Personal { secret: None, .. })) => {}
            (Some(_), None) => return Err(Fault::new(seq, "personal", format!("row of {field} is missing"))),
            (None, Some(_)) => return Err(Fault::new(seq, "personal", format!("event commits to no {field}"))),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
