//! Repositories given to another owner: offered, accepted, rejected.
//!
//! Owns when an offer is needed: whoever could make a repository for the new owner moves it at once, everybody else asks. The old name redirects,
//! what the old organization's teams had is gone, and the directory follows the row. Called by the API.

use std::sync::Arc;

use atomicqms_actors::sql::Connection;
use serde_json::json;

use super::blocks::{check_apart, check_may_act};
use super::repositories::{event_about, limit_reached};
use super::{Forge, fork_visibility};
use crate::access::action::{AcceptTransfer, RejectTransfer, TransferRepository};
use crate::access::rights::{may_see, standing_of_user};
use crate::access::{Action, Caller, Permit};
use crate::audit::{self, action};
use crate::db;
use crate::db::repositories::ForksOf;
use crate::error::{Error, Result};
use crate::model::interest::Interest;
use crate::model::{RepoId, Repository, TeamId, User, UserName, UtcMs};

/// Gives a repository to another owner, or offers it.
///
/// Errors: `NotFound` for a new owner that is absent or hidden; `Forbidden` for one who blocks, or is blocked; `Invalid` for the present owner, a name that the new owner already uses, and teams
/// that are not the new owner's; `Conflict` while another offer is open.
pub async fn transfer_repository(
    forge: &Arc<Forge>,
    permit: Permit<TransferRepository>,
    new_owner: UserName,
    teams: Vec<TeamId>,
) -> Result<Repository> {
    let caller = permit.caller().clone();
    let id = permit.subject().repository.id;
    let name = new_owner.clone();
    let at_once = forge
        .read("look at the new owner", move |conn| {
            let recipient = find_recipient(conn, &caller, &name)?;
            may_receive_for(conn, &caller, &recipient)
        })
        .await?;
    let offer = Offer { permit, new_owner, teams };
    // Detached: a client that goes away must not leave a transfer half way.
    let again = Arc::clone(forge);
    let done = tokio::spawn(async move {
        let at = again.clock.now();
        if at_once {
            return relocate(&again, id, move |tx| offer.carry_out(tx, at)).await;
        }
        again.write("offer repository", move |tx| offer.make(tx, at)).await
    });
    done.await.map_err(Error::internal)?
}

/// What was asked for.
struct Offer {
    permit: Permit<TransferRepository>,
    new_owner: UserName,
    teams: Vec<TeamId>,
}

impl Offer {
    /// Looks at everything again with current rows.
    fn check(&self, tx: &dyn Connection, at: UtcMs) -> Result<(Repository, User)> {
        let repository = self.permit.confirm(tx, at)?.repository;
        let recipient = find_recipient(tx, self.permit.caller(), &self.new_owner)?;
        if recipient.id == repository.owner_id {
            return Err(Error::invalid("new_owner", "the repository is this owner's already"));
        }
        if db::transfers::find(tx, repository.id)?.is_some() {
            return Err(Error::conflict("repository transfer is already in progress"));
        }
        check_teams(tx, &recipient, &self.teams)?;
        check_name_is_free(tx, &repository, &recipient)?;
        Ok((repository, recipient))
    }

    fn carry_out(&self, tx: &dyn Connection, at: UtcMs) -> Result<Repository> {
        let (repository, recipient) = self.check(tx, at)?;
        if !may_receive_for(tx, self.permit.caller(), &recipient)? {
            return Err(Error::conflict("the rights changed meanwhile; try again"));
        }
        if let Some(doer) = self.permit.caller().user_id() {
            check_may_act(tx, doer, recipient.id)?;
        }
        give(tx, &self.permit, &repository, &recipient, &self.teams, at)
    }

    fn make(&self, tx: &dyn Connection, at: UtcMs) -> Result<Repository> {
        let (repository, recipient) = self.check(tx, at)?;
        let doer = self.permit.caller().user_id().ok_or_else(|| Error::broken("an offer needs an account"))?;
        check_apart(tx, doer, recipient.id)?;
        check_apart(tx, repository.owner_id, recipient.id)?;
        db::transfers::insert(tx, repository.id, doer, recipient.id, &self.teams, at)?;
        let event = event_about(self.permit.caller(), action::TRANSFER_OFFER, &repository)
            .before(json!({ "owner": repository.owner.as_str() }))
            .after(json!({ "recipient": recipient.name.as_str(), "teams": self.teams }));
        audit::append(tx, at, &event)?;
        Ok(repository)
    }
}

/// Accepts an offer: the repository changes its owner.
///
/// Errors: `Invalid` for a name that the new owner uses by now; those of opening a repository.
pub async fn accept_transfer(forge: &Arc<Forge>, permit: Permit<AcceptTransfer>) -> Result<Repository> {
    let id = permit.subject().repository.id;
    let forge = Arc::clone(forge);
    let done = tokio::spawn(async move {
        let at = forge.clock.now();
        relocate(&forge, id, move |tx| {
            let subject = permit.confirm(tx, at)?;
            let (repository, transfer) = (subject.repository, subject.transfer);
            check_name_is_free(tx, &repository, &transfer.recipient)?;
            give(tx, &permit, &repository, &transfer.recipient, &transfer.teams, at)
        })
        .await
    });
    done.await.map_err(Error::internal)?
}

/// Rejects an offer: nothing changes but that it is gone. Whoever made it may take it back this way, too.
pub async fn reject_transfer(forge: &Forge, permit: Permit<RejectTransfer>) -> Result<Repository> {
    let at = forge.clock.now();
    forge
        .write("reject transfer", move |tx| {
            let subject = permit.confirm(tx, at)?;
            db::transfers::delete(tx, subject.repository.id)?;
            let event = event_about(permit.caller(), action::TRANSFER_REJECT, &subject.repository)
                .before(json!({ "recipient": subject.transfer.recipient.name.as_str() }));
            audit::append(tx, at, &event)?;
            Ok(subject.repository)
        })
        .await
}

/// Runs a change of a repository's owner while nobody has it open, then opens it, which moves the directory.
async fn relocate(
    forge: &Arc<Forge>,
    id: RepoId,
    change: impl FnOnce(&dyn Connection) -> Result<Repository> + Send + 'static,
) -> Result<Repository> {
    let retired = forge.directory.retire(id.get()).await?;
    let changed = forge.write("transfer repository", change).await;
    drop(retired);
    let changed = changed?;
    if let Err(error) = forge.open(&changed).await {
        tracing::warn!(repo.id = id.get(), error = %error.log_line(), "a transferred repository's directory was not moved yet");
    }
    Ok(changed)
}

fn give<A: Action>(
    tx: &dyn Connection,
    permit: &Permit<A>,
    repository: &Repository,
    recipient: &User,
    teams: &[TeamId],
    at: UtcMs,
) -> Result<Repository> {
    if !permit.caller().is_site_admin()
        && let Some(refusal) = limit_reached(tx, recipient.id)?
    {
        return Err(Error::forbidden(refusal));
    }
    db::transfers::delete(tx, repository.id)?;
    let teams_before = db::teams::forget_repository(tx, repository.id)?;
    let rule_lists = db::protection::forget_teams(tx, repository.id)?;
    db::collaborators::delete(tx, repository.id, recipient.id)?;
    // Whom the new owner has blocked, or who has blocked them, would be in their repository otherwise.
    let ended = db::blocks::end_collaborations_in(tx, repository.id, recipient.id)?;
    let stars = db::blocks::end_interest_in(tx, Interest::Star, repository.id, recipient.id)?;
    let watches = db::blocks::end_interest_in(tx, Interest::Watch, repository.id, recipient.id)?;
    let ended: Vec<_> = ended.iter().map(|(user, level)| json!({ "user": user, "level": level.as_str() })).collect();
    db::repositories::change_owner(tx, repository, recipient.id, at)?;
    for team in teams {
        db::teams::put_repository(tx, *team, repository.id, at)?;
    }
    let event = event_about(permit.caller(), action::REPOSITORY_TRANSFER, repository)
        .before(json!({ "owner": repository.owner.as_str(), "teams": teams_before, "team_rule_lists": rule_lists,
            "levels_of_blocked": ended, "stars_of_blocked": stars, "watches_of_blocked": watches }))
        .after(json!({ "owner": recipient.name.as_str(), "teams": teams }));
    audit::append(tx, at, &event)?;
    fork_visibility::close_forks(tx, permit.caller(), ForksOf::Repository(repository.id), at)?;
    db::repositories::find(tx, repository.id)?.ok_or_else(Error::not_found)
}

fn find_recipient(conn: &dyn Connection, caller: &Caller, name: &UserName) -> Result<User> {
    let found = db::users::find_by_name(conn, name)?.filter(|user| user.is_active);
    let Some(user) = found else { return Err(no_recipient()) };
    let is_member = match caller.user_id() {
        Some(id) if user.is_organization => db::organizations::membership(conn, user.id, id)?.is_some(),
        _ => false,
    };
    if may_see(caller, &user, is_member) { Ok(user) } else { Err(no_recipient()) }
}

fn no_recipient() -> Error {
    Error::new(crate::error::Kind::NotFound, "The new owner does not exist or cannot be found")
}

/// Whether the caller could make a repository for the recipient.
fn may_receive_for(conn: &dyn Connection, caller: &Caller, recipient: &User) -> Result<bool> {
    if caller.is_site_admin() || caller.user_id() == Some(recipient.id) {
        return Ok(true);
    }
    match caller.user_id() {
        Some(user) if recipient.is_organization => {
            Ok(standing_of_user(conn, user, recipient.id)?.can_create_repository)
        }
        _ => Ok(false),
    }
}

fn check_teams(conn: &dyn Connection, recipient: &User, teams: &[TeamId]) -> Result<()> {
    if !teams.is_empty() && !recipient.is_organization {
        return Err(Error::invalid("team_ids", "Teams can only be added to organization-owned repositories"));
    }
    for id in teams {
        let is_theirs = db::teams::find(conn, *id)?.is_some_and(|team| team.org_id == recipient.id);
        if !is_theirs {
            return Err(Error::invalid("team_ids", format!("team {id} does not belong to {}", recipient.name)));
        }
    }
    Ok(())
}

fn check_name_is_free(conn: &dyn Connection, repository: &Repository, recipient: &User) -> Result<()> {
    match db::repositories::find_of_owner(conn, recipient.id, &repository.name)? {
        Some(_) => Err(Error::invalid(
            "new_owner",
            format!("repository already exists [uname: {}, name: {}]", recipient.name, repository.name),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
