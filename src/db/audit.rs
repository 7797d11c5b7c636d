//! Rows of the ledger and of the personal values it commits to. There is no statement here that changes an event.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use super::filter::Filter;
use crate::model::{RepoId, UserId, UtcMs};

/// The end of the chain.
#[derive(Debug, Clone)]
pub struct Last {
    /// Sequence number of the last event.
    pub seq: i64,
    /// Its leaf hash.
    pub leaf: Vec<u8>,
}

/// An event to be written.
#[derive(Debug)]
pub struct NewRow<'a> {
    /// Sequence number.
    pub seq: i64,
    /// Canonical bytes.
    pub event: &'a [u8],
    /// Leaf hash.
    pub leaf: &'a [u8; 32],
    /// Time, as in the event.
    pub at_ms: UtcMs,
    /// Action, as in the event.
    pub action: &'a str,
    /// Account, as in the event.
    pub actor_id: Option<UserId>,
    /// Repository, as in the event.
    pub repo_id: Option<RepoId>,
}

/// An event as stored.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Sequence number.
    pub seq: i64,
    /// Canonical bytes.
    pub event: Vec<u8>,
    /// Leaf hash.
    pub leaf: Vec<u8>,
    /// Time.
    pub at_ms: UtcMs,
    /// Action.
    pub action: String,
    /// Account.
    pub actor_id: Option<i64>,
    /// Repository.
    pub repo_id: Option<i64>,
}

/// A personal value as stored; erased ones have neither salt nor value.
#[derive(Debug, Clone)]
pub struct Personal {
    /// The event that commits to it.
    pub seq: i64,
    /// `ip` or `ua`.
    pub field: String,
    /// Salt and value.
    pub secret: Option<(Vec<u8>, String)>,
}

/// Reads the end of the chain.
pub fn last(conn: &dyn Connection) -> Result<Option<Last>, Error> {
    conn.first("SELECT seq, leaf FROM audit_event WHERE seq = (SELECT MAX(seq) FROM audit_event)", &[], |row| {
        Ok(Last { seq: row.int(0)?, leaf: row.blob(1)? })
    })
}

/// Writes one event.
pub fn insert(tx: &dyn Connection, row: &NewRow<'_>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO audit_event (seq, event, leaf, at_ms, action, actor_id, repo_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &params![row.seq, row.event, row.leaf.as_slice(), row.at_ms, row.action, row.actor_id, row.repo_id],
    )?;
    Ok(())
}

/// Writes a personal value beside the event that commits to it.
pub fn insert_personal(tx: &dyn Connection, seq: i64, field: &str, salt: &[u8], value: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO audit_personal (seq, field, salt, value) VALUES ($1, $2, $3, $4)",
        &params![seq, field, salt, value],
    )?;
    Ok(())
}

/// Erases the personal values of one event; the event itself stays as it is.
pub fn erase_personal(tx: &dyn Connection, seq: i64) -> Result<u64, Error> {
    tx.execute("UPDATE audit_personal SET salt = NULL, value = NULL WHERE seq = $1", &params![seq])
}

/// Whether an account has done anything but these actions, or anything else was done in its name.
pub fn has_other_than(conn: &dyn Connection, account: UserId, actions: &[&str]) -> Result<bool, Error> {
    let mut filter = about(account);
    let known: Vec<String> = actions.iter().map(|action| filter.bind(*action)).collect();
    filter.add(format!("action NOT IN ({})", known.join(", ")));
    let sql = format!("SELECT 1 FROM audit_event{} LIMIT 1", filter.clause());
    Ok(conn.first(&sql, filter.params(), |_| Ok(()))?.is_some())
}

/// Reads a run of the events of some actions by an account or in its name, after a sequence number, in order.
pub fn list_of(
    conn: &dyn Connection,
    account: UserId,
    actions: &[&str],
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    let mut filter = about(account);
    let wanted: Vec<String> = actions.iter().map(|action| filter.bind(*action)).collect();
    filter.add(format!("action IN ({})", wanted.join(", ")));
    let after = filter.bind(after);
    filter.add(format!("seq > {after}"));
    let limit = filter.bind(limit);
    let sql = format!("SELECT seq, event FROM audit_event{} ORDER BY seq LIMIT {limit}", filter.clause());
    conn.all(&sql, filter.params(), |row| Ok((row.int(0)?, row.blob(1)?)))
}

/// Events by an account, and those in its name.
fn about(account: UserId) -> Filter {
    let mut filter = Filter::default();
    let id = filter.bind(account);
    filter.add(format!("(actor_id = {id} OR on_behalf_id = {id})"));
    filter
}

/// Reads a run of events after a sequence number, in order.
pub fn list_after(conn: &dyn Connection, after: i64, limit: i64) -> Result<Vec<StoredEvent>, Error> {
    conn.all(
        "SELECT seq, event, leaf, at_ms, action, actor_id, repo_id FROM audit_event WHERE seq > $1 ORDER BY seq LIMIT $2",
        &params![after, limit],
        read_event,
    )
}

fn read_event(row: &dyn Row) -> Result<StoredEvent, Error> {
    Ok(StoredEvent {
        seq: row.int(0)?,
        event: row.blob(1)?,
        leaf: row.blob(2)?,
        at_ms: UtcMs::new(row.int(3)?),
        action: row.text(4)?,
        actor_id: row.opt_int(5)?,
        repo_id: row.opt_int(6)?,
    })
}

/// Reads the personal values of a run of events, in order.
pub fn list_personal(conn: &dyn Connection, after: i64, up_to: i64) -> Result<Vec<Personal>, Error> {
    conn.all(
        "SELECT seq, field, salt, value FROM audit_personal WHERE seq > $1 AND seq <= $2 ORDER BY seq, field",
        &params![after, up_to],
        |row| {
            let secret = row.opt_blob(2)?.zip(row.opt_text(3)?);
            Ok(Personal { seq: row.int(0)?, field: row.text(1)?, secret })
        },
    )
}

/// A journal row as verification needs it.
#[derive(Debug, Clone)]
pub struct JournalRow {
    /// Sequence number in the journal.
    pub seq: i64,
    /// Repository.
    pub repo_id: i64,
    /// Full ref name.
    pub name: String,
    /// Value before.
    pub old: Option<Vec<u8>>,
    /// Value after.
    pub new: Option<Vec<u8>>,
    /// Account.
    pub user_id: Option<i64>,
    /// The event that tells of it.
    pub audit_seq: i64,
    /// Time.
    pub at_ms: UtcMs,
}

/// Reads the journal rows that name one of a run of events, in the order of the events.
pub fn list_journal(conn: &dyn Connection, after: i64, up_to: i64) -> Result<Vec<JournalRow>, Error> {
    conn.all(
        "SELECT seq, repo_id, name, old, new, user_id, audit_seq, at_ms FROM ref_journal \
         WHERE audit_seq > $1 AND audit_seq <= $2 ORDER BY audit_seq",
        &params![after, up_to],
        |row| {
            Ok(JournalRow {
                seq: row.int(0)?,
                repo_id: row.int(1)?,
                name: row.text(2)?,
                old: row.opt_blob(3)?,
                new: row.opt_blob(4)?,
                user_id: row.opt_int(5)?,
                audit_seq: row.int(6)?,
                at_ms: UtcMs::new(row.int(7)?),
            })
        },
    )
}

/// Reads a run of refs in order of repository and name, starting after the given pair.
pub fn list_refs_after(
    conn: &dyn Connection,
    repo_id: i64,
    name: &str,
    limit: i64,
) -> Result<Vec<(i64, String, Vec<u8>)>, Error> {
    conn.all(
        "SELECT repo_id, name, target FROM refs WHERE (repo_id, name) > ($1, $2) ORDER BY repo_id, name LIMIT $3",
        &params![repo_id, name, limit],
        |row| Ok((row.int(0)?, row.text(1)?, row.blob(2)?)),
    )
}
