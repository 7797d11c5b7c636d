//! Statuses of commits: told by checks outside, listed, combined.

use std::collections::HashMap;

use atomicqms_actors::sql::Connection;
use atomicqms_git::ObjectId;
use serde_json::json;

use super::repositories::event_about;
use super::{Forge, check_link, check_text};
use crate::access::Permit;
use crate::access::action::{EditCommitStatus, ReadCode};
use crate::audit::{self, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::commit_status::{CommitState, CommitStatus, NewCommitStatus, STATUSES_MAX, StatusQuery};
use crate::model::{Page, Paged, RepoId, User, UserId};

/// A status and who told it; none: the account is no more.
pub type Told = (CommitStatus, Option<User>);

/// Longest name of a check. Units: characters.
const MAX_CONTEXT: usize = 255;
/// Longest description. Units: characters.
const MAX_DESCRIPTION: usize = 1024;

/// Adds a status to a commit, which the caller of this has found in the repository.
///
/// Errors: `Invalid` for texts that are too long, an address that is none, and beyond [`STATUSES_MAX`].
pub async fn create_status(
    forge: &Forge,
    permit: Permit<EditCommitStatus>,
    commit: ObjectId,
    new: NewCommitStatus,
) -> Result<Told> {
    check_text("context", &new.context, MAX_CONTEXT)?;
    check_text("description", &new.description, MAX_DESCRIPTION)?;
    check_link("target_url", &new.target_url)?;
    let at = forge.clock.now();
    forge
        .write("create commit status", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let creator = permit.caller().account()?.id;
            if db::commit_statuses::count(tx, repository.id, &commit)? >= STATUSES_MAX {
                return Err(Error::invalid("sha", format!("a commit may have at most {STATUSES_MAX} statuses")));
            }
            let made = db::commit_statuses::insert(tx, repository.id, &commit, &new, creator, at)?;
            let event = event_about(permit.caller(), action::COMMIT_STATUS_CREATE, &repository).after(json!({
                "id": made.id,
                "commit": commit.to_string(),
                "context": made.context,
                "state": made.state.as_str(),
                "target_url": made.target_url,
                "description": made.description,
            }));
            audit::append(tx, at, &event)?;
            Ok((made, db::users::find(tx, creator)?))
        })
        .await
}

/// Lists statuses of a commit.
pub async fn list_statuses(
    forge: &Forge,
    permit: &Permit<ReadCode>,
    commit: ObjectId,
    query: StatusQuery,
    page: Page,
) -> Result<Paged<Told>> {
    let repo = permit.subject().repository.id;
    forge.read("list commit statuses", move |conn| told(conn, repo, &commit, query, page)).await
}

/// The newest status of each context, and what they say together.
pub async fn combine_statuses(
    forge: &Forge,
    permit: &Permit<ReadCode>,
    commit: ObjectId,
    page: Page,
) -> Result<(CommitState, Paged<Told>)> {
    let repo = permit.subject().repository.id;
    let query = StatusQuery { is_latest_only: true, ..StatusQuery::default() };
    forge
        .read("combine commit statuses", move |conn| {
            let states = db::commit_statuses::latest_states(conn, repo, &commit)?;
            Ok((CommitState::combine(&states), told(conn, repo, &commit, query, page)?))
        })
        .await
}

fn told(conn: &dyn Connection, repo: RepoId, commit: &ObjectId, query: StatusQuery, page: Page) -> Result<Paged<Told>> {
    let found = db::commit_statuses::list(conn, repo, commit, query, page)?;
    // Mostly one robot.
    let mut creators: HashMap<UserId, Option<User>> = HashMap::new();
    let mut rows = Vec::with_capacity(found.rows.len());
    for status in found.rows {
        let creator = match creators.get(&status.creator_id) {
            Some(known) => known.clone(),
            None => {
                let found = db::users::find(conn, status.creator_id)?;
                creators.insert(status.creator_id, found.clone());
                found
            }
        };
        rows.push((status, creator));
    }
    Ok(Paged { rows, total_count: found.total_count })
}
