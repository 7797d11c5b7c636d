//! Other names for accounts and organizations.
//!
//! Owns the order of things: nobody has a repository of the account open while its name changes, and the directories follow afterwards,
//! each when it is next opened. The old name stays a way to the account, and nobody else ever gets it.

use std::sync::Arc;
use std::time::Duration;

use atomicqms_actors::Retired;
use atomicqms_actors::sql::Connection;
use serde_json::json;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinSet;

use super::Forge;
use crate::access::action::{RenameOrganization, RenameUser};
use crate::access::{Action, OrganizationAccess, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::{RepoId, User, UserName};

/// Former names that an account may leave behind before only an administrator may add another.
const MAX_FORMER_NAMES: u64 = 10;
/// How long a renaming waits for another to end.
const TURN: Duration = Duration::from_secs(60);
/// How often the renaming begins anew because the account got another repository meanwhile.
const ATTEMPTS: usize = 5;

/// The actions that give an account another name.
pub trait MayRename: Action {
    /// Name of the event.
    const EVENT: &'static str;
    /// Kind of the object that the event is about.
    const OBJECT: &'static str;
    /// Which account.
    fn account(subject: &Self::Subject) -> &User;
}

impl MayRename for RenameUser {
    const EVENT: &'static str = action::USER_RENAME;
    const OBJECT: &'static str = "user";

    fn account(subject: &User) -> &User {
        subject
    }
}

impl MayRename for RenameOrganization {
    const EVENT: &'static str = action::ORGANIZATION_RENAME;
    const OBJECT: &'static str = "organization";

    fn account(subject: &OrganizationAccess) -> &User {
        &subject.organization.user
    }
}

enum Outcome {
    Renamed(Vec<RepoId>),
    /// Repositories came or went since they were counted.
    Again,
}

/// Gives an account another name.
///
/// Errors: `Invalid` for a name that is or was anybody else's, and for one name too many; `Overloaded` while another account is renamed; `Conflict` when repositories of the account keep coming and going;
/// those of closing a repository.
pub async fn rename_account<A: MayRename>(forge: &Arc<Forge>, permit: Permit<A>, name: UserName) -> Result<()> {
    let forge = Arc::clone(forge);
    let permit = Arc::new(permit);
    // Detached: a client that goes away must not leave repositories shut.
    let renaming = tokio::spawn(async move {
        for _ in 0..ATTEMPTS {
            if let Outcome::Renamed(repositories) = attempt(&forge, &permit, &name).await? {
                tokio::spawn(move_directories(forge, repositories));
                return Ok(());
            }
        }
        Err(Error::conflict("repositories of the account are being made or removed; try again"))
    });
    renaming.await.map_err(Error::internal)?
}

async fn attempt<A: MayRename>(forge: &Arc<Forge>, permit: &Arc<Permit<A>>, name: &UserName) -> Result<Outcome> {
    let (account, wanted) = (A::account(permit.subject()).clone(), name.clone());
    let is_administrators = permit.caller().is_site_admin();
    // What cannot be done is refused before anything is shut for it; the transaction asks again.
    let repositories = forge
        .read("repositories of an account", move |conn| {
            check_name(conn, &account, &wanted, is_administrators)?;
            Ok(db::repositories::list_ids_of_owner(conn, account.id)?)
        })
        .await?;
    let retired = retire_all(forge, &repositories).await?;
    let (permit, name, at) = (Arc::clone(permit), name.clone(), forge.clock.now());
    let outcome = forge
        .write("rename account", move |tx| {
            let subject = permit.confirm(tx, at)?;
            let account = A::account(&subject);
            if db::repositories::list_ids_of_owner(tx, account.id)? != repositories {
                return Ok(Outcome::Again);
            }
            if account.name.as_str() == name.as_str() {
                return Ok(Outcome::Renamed(Vec::new()));
            }
            check_name(tx, account, &name, is_administrators)?;
            db::users::rename(tx, account, &name, at)?;
            let event = Event::new(permit.caller().stamp(), A::EVENT, Object::new(A::OBJECT, account.id))
                .before(json!({ "login": account.name.as_str() }))
                .after(json!({ "login": name.as_str(), "repositories": repositories.len() }));
            audit::append(tx, at, &event)?;
            Ok(Outcome::Renamed(repositories))
        })
        .await;
    drop(retired);
    outcome
}

fn check_name(conn: &dyn Connection, account: &User, name: &UserName, is_administrators: bool) -> Result<()> {
    let owner = db::users::owner_of_name(conn, name)?;
    if owner.is_some_and(|owner| owner != account.id) {
        return Err(Error::invalid("new_username", format!("user already exists [name: {name}]")));
    }
    // A new name, not one of the account's own: nobody shall hoard names that nobody else can have then.
    if owner.is_none() && !is_administrators && db::account_redirects::count(conn, account.id)? >= MAX_FORMER_NAMES {
        let text = format!("there are {MAX_FORMER_NAMES} former names already; an administrator can rename further");
        return Err(Error::invalid("new_username", text));
    }
    Ok(())
}

/// Shuts all of them, side by side, so that none is shut for longer than the slowest takes.
///
/// Shape: one account at a time: two that hold some and wait for others could wait for each other. All else that shuts repositories holds one.
async fn retire_all(forge: &Arc<Forge>, repositories: &[RepoId]) -> Result<(Vec<Retired>, OwnedMutexGuard<()>)> {
    let turn = tokio::time::timeout(TURN, Arc::clone(&forge.renaming).lock_owned()).await;
    let turn = turn.map_err(|_| Error::new(Kind::Overloaded, "another account is being renamed; try again"))?;
    let mut shutting = JoinSet::new();
    for repository in repositories {
        let (forge, id) = (Arc::clone(forge), repository.get());
        shutting.spawn(async move { forge.directory.retire(id).await });
    }
    let mut retired = Vec::with_capacity(repositories.len());
    while let Some(done) = shutting.join_next().await {
        retired.push(done.map_err(Error::internal)??);
    }
    Ok((retired, turn))
}

/// Opens each, which moves its directory. What is left is moved by whoever opens it next, or at the next start.
async fn move_directories(forge: Arc<Forge>, repositories: Vec<RepoId>) {
    for id in repositories {
        if let Err(error) = forge.directory.open(id.get()).await {
            tracing::info!(repo.id = id.get(), %error, "the directory of a repository whose owner was renamed is moved later");
        }
    }
}

#[cfg(test)]
mod tests;
