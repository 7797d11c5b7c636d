//! Adds one event to the ledger, inside the transaction of the change it tells of.
//!
//! Owns sequence numbers, the hash chain and the salted commitments. Called by `forge` and `db::refs`.

use atomicqms_actors::sql::{self, Connection};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use super::event::{Event, FORMAT, Written, WrittenAuth, WrittenSource, hex};
use crate::db;
use crate::model::UtcMs;

/// Appends one event; answers its sequence number.
///
/// Shape: `tx` is the open write transaction of the change itself; when this fails the change must not happen either.
/// Errors: those of the database, which the caller must pass on.
pub fn append(tx: &dyn Connection, at: UtcMs, event: &Event) -> Result<i64, sql::Error> {
    let last = db::audit::last(tx)?;
    let seq = last.as_ref().map_or(0, |last| last.seq) + 1;
    let ip = event.stamp.source_ip.as_deref().map(Commitment::new).transpose()?;
    let ua = event.stamp.user_agent.as_deref().map(Commitment::new).transpose()?;
    let written = Written {
        v: FORMAT,
        seq,
        id: new_ulid(at)?,
        ts: at.rfc3339_ms(),
        actor: event.stamp.actor.clone(),
        on_behalf: event.stamp.on_behalf.clone(),
        auth: WrittenAuth {
            method: event.stamp.auth.method.to_owned(),
            session: event.stamp.auth.session.clone(),
            token_id: event.stamp.auth.token_id,
            key: event.stamp.auth.key.as_deref().map(str::to_owned),
        },
        src: WrittenSource { ip_commit: ip.as_ref().map(Commitment::hex), ua: ua.as_ref().map(Commitment::hex) },
        action: event.action.to_owned(),
        object: event.object.clone(),
        before: event.before.clone(),
        after: event.after.clone(),
        reason: event.reason.clone(),
        git: event.git.clone(),
        sig_id: event.sig_id,
        prev: last.map(|last| hex(&last.leaf)),
    };
    let bytes = written.to_bytes().map_err(|error| sql::Error::Database(Box::new(error)))?;
    db::audit::insert(
        tx,
        &db::audit::NewRow {
            seq,
            leaf: &leaf(&bytes),
            event: &bytes,
            at_ms: at,
            action: event.action,
            actor_id: written.actor.id,
            repo_id: written.object.repo,
        },
    )?;
    for (field, commitment) in [("ip", ip), ("ua", ua)] {
        if let Some(commitment) = commitment {
            db::audit::insert_personal(tx, seq, field, &commitment.salt, &commitment.value)?;
        }
    }
    metrics::counter!("atomicqms_ledger_events_total").increment(1);
    Ok(seq)
}

/// The hash that chains events: SHA-256(0x00 || bytes), the leaf hash of RFC 6962.
pub fn leaf(bytes: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix([0]).chain_update(bytes).finalize().into()
}

/// SHA-256(salt || value), which stands for a personal value in an event.
pub(super) fn commitment(salt: &[u8], value: &str) -> [u8; 32] {
    Sha256::new_with_prefix(salt).chain_update(value.as_bytes()).finalize().into()
}

struct Commitment {
    salt: [u8; 32],
    value: String,
}

impl Commitment {
    fn new(value: &str) -> Result<Self, sql::Error> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|error| sql::Error::Database(Box::new(error)))?;
        Ok(Self { salt, value: value.to_owned() })
    }

    fn hex(&self) -> String {
        hex(&commitment(&self.salt, &self.value))
    }
}

fn new_ulid(at: UtcMs) -> Result<String, sql::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| sql::Error::Database(Box::new(error)))?;
    let ms = u64::try_from(at.get()).unwrap_or(0);
    Ok(Ulid::from_parts(ms, u128::from_le_bytes(random)).to_string())
}
