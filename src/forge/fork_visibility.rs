//! Forks are seen by no more people than what they were made of: else whoever may read something could show it to everybody.
//!
//! Owns that a fork is private where not everybody may read its source. It holds when a fork is made (`forge/forks.rs`), when somebody wants to open one, and when the source
//! is closed: by its own setting, by the visibility of its owner, or by going to another one. Called inside of the transactions that change these.

use atomicqms_actors::sql::Connection;
use serde_json::json;

use super::repositories::event_about;
use crate::access::Caller;
use crate::audit;
use crate::audit::action;
use crate::db;
use crate::db::repositories::ForksOf;
use crate::error::{Error, Result};
use crate::model::{Repository, UtcMs};

/// Refuses to open a fork of something that not everybody may read.
///
/// Errors: `Forbidden`; those of the database.
pub(super) fn check_opening(conn: &dyn Connection, fork: &Repository) -> Result<()> {
    let source = match fork.fork_id {
        Some(source) => db::repositories::find(conn, source)?,
        None => None,
    };
    match source {
        Some(source) if !source.is_public() => {
            Err(Error::forbidden("a fork of a repository that not everybody may read stays private"))
        }
        _ => Ok(()),
    }
}

/// Makes forks private whose source not everybody may read any more, and theirs; one event for each.
///
/// Errors: those of the database.
pub(super) fn close_forks(tx: &dyn Connection, caller: &Caller, of: ForksOf, at: UtcMs) -> Result<()> {
    let mut open = db::repositories::list_exposed_forks(tx, of)?;
    while let Some(fork) = open.pop() {
        let closed = Repository { is_private: true, ..fork.clone() };
        db::repositories::update(tx, &closed, at)?;
        let event = event_about(caller, action::REPOSITORY_EDIT, &fork)
            .before(json!({ "is_private": false }))
            .after(json!({ "is_private": true }))
            .reason("not everybody may read what it was made of any more");
        audit::append(tx, at, &event)?;
        open.extend(db::repositories::list_exposed_forks(tx, ForksOf::Repository(fork.id))?);
    }
    Ok(())
}
