//! The ref journal against the events that tell of it, and the refs against the journal.

use std::collections::BTreeMap;

use atomicqms_actors::sql::Connection;

use super::Fault;
use crate::audit::event::{Actor, Written, action, hex};
use crate::db::audit::{JournalRow, list_refs_after};
use crate::error::Result;
use crate::model::UtcMs;

/// Refs read at once.
const CHUNK: i64 = 2048;

/// The account in whose name it was done.
fn effective(written: &Written) -> &Actor {
    written.on_behalf.as_ref().unwrap_or(&written.actor)
}

/// What the journal says so far about every ref.
#[derive(Default)]
pub(super) struct Journal {
    last_seq: i64,
    /// By repository and name: the last value, and the event that set it. Deleted refs are left out.
    refs: BTreeMap<(i64, String), (Vec<u8>, i64)>,
    last_event: i64,
}

impl Journal {
    /// Notes events that end a repository.
    pub(super) fn note(&mut self, seq: i64, written: &Written) {
        self.last_event = seq;
        if written.action == action::REPOSITORY_DELETE
            && let Some(repo) = written.object.repo
        {
            let repo = repo.get();
            let gone: Vec<_> = self
                .refs
                .range((repo, String::new())..(repo.saturating_add(1), String::new()))
                .map(|(key, _)| key.clone())
                .collect();
            for key in gone {
                self.refs.remove(&key);
            }
        }
    }

    /// Checks one event of a ref against its journal row; either may be missing.
    pub(super) fn check(
        &mut self,
        seq: i64,
        written: &Written,
        row: Option<&JournalRow>,
    ) -> std::result::Result<(), Fault> {
        let Some(row) = row else {
            return Err(Fault::new(seq, "journal", "no journal row belongs to this change of a ref"));
        };
        if row.audit_seq != seq {
            let detail = format!("journal row {} names event {}", row.seq, row.audit_seq);
            return Err(Fault::new(row.audit_seq, "missing-event", detail));
        }
        if written.action != action::GIT_REF_UPDATE {
            let detail = format!("journal row {} names an event that changes no ref", row.seq);
            return Err(Fault::new(seq, "journal", detail));
        }
        let git = written.git.clone().unwrap_or_default();
        let same = written.object.repo.map(|repo| repo.get()) == Some(row.repo_id)
            && git.reference.as_deref() == Some(row.name.as_str())
            && git.old == row.old.as_deref().map(hex)
            && git.new == row.new.as_deref().map(hex)
            && effective(written).id.map(|id| id.get()) == row.user_id
            && UtcMs::parse_rfc3339(&written.ts) == Some(row.at_ms);
        if !same {
            return Err(Fault::new(seq, "journal", format!("journal row {} says something else", row.seq)));
        }
        if row.seq <= self.last_seq {
            return Err(Fault::new(seq, "journal", format!("journal row {} is out of order", row.seq)));
        }
        if row.seq != self.last_seq + 1 {
            return Err(Fault::new(seq, "journal", format!("a journal row before row {} is missing", row.seq)));
        }
        self.last_seq = row.seq;
        let key = (row.repo_id, row.name.clone());
        let before = self.refs.get(&key).map(|(value, _)| value);
        if before != row.old.as_ref() {
            let detail = format!("{} did not have the old value that the journal names", row.name);
            return Err(Fault::new(seq, "journal", detail));
        }
        match &row.new {
            Some(new) => self.refs.insert(key, (new.clone(), seq)),
            None => self.refs.remove(&key),
        };
        Ok(())
    }

    /// Compares every stored ref with what the journal says; answers the first difference.
    pub(super) fn check_refs(mut self, conn: &dyn Connection, compared: &mut u64) -> Result<Option<Fault>> {
        let mut from = (i64::MIN, String::new());
        loop {
            let found = list_refs_after(conn, from.0, &from.1, CHUNK)?;
            let Some((repo, name, _)) = found.last() else { break };
            from = (*repo, name.clone());
            for (repo, name, target) in found {
                *compared += 1;
                match self.refs.remove(&(repo, name.clone())) {
                    Some((value, _)) if value == target => {}
                    Some((_, seq)) => {
                        let detail = format!("{name} of repository {repo} is not where its last event left it");
                        return Ok(Some(Fault::new(seq, "refs", detail)));
                    }
                    None => {
                        let detail = format!("{name} of repository {repo} exists, but no event made it");
                        return Ok(Some(Fault::new(self.last_event, "refs", detail)));
                    }
                }
            }
        }
        Ok(self.refs.iter().next().map(|((repo, name), (_, seq))| {
            Fault::new(*seq, "refs", format!("{name} of repository {repo} should exist after its last event"))
        }))
    }
}
