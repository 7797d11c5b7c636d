//! Other names for accounts and organizations.
//!
//! Owns the order of things: nobody has a repository of the account open while its name changes, and the directories follow afterwards,
//! each when it is next opened. The old name stays a way to the account, and nobody else ever gets it.

use std::sync::Arc;

use serde_json::json;

use super::Forge;
use crate::access::action::{RenameOrganization, RenameUser};
use crate::access::{Action, OrganizationAccess, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::{RepoId, User, UserId, UserName};

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
/// Errors: `Invalid` for a name that is or was anybody else's; `Conflict` when repositories of the account keep coming and going;
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
    let id = A::account(permit.subject()).id;
    let repositories = repositories_of(forge, id).await?;
    let mut retired = Vec::with_capacity(repositories.len());
    for repository in &repositories {
        retired.push(forge.directory.retire(repository.get()).await?);
    }
    let (permit, name, at) = (Arc::clone(permit), name.clone(), forge.clock.now());
    let outcome = forge
        .write("rename account", move |tx| {
            let subject = permit.confirm(tx, at)?;
            let account = A::account(&subject);
            if db::repositories::ids_of_owner(tx, account.id)? != repositories {
                return Ok(Outcome::Again);
            }
            if account.name.as_str() == name.as_str() {
                return Ok(Outcome::Renamed(Vec::new()));
            }
            if db::users::owner_of_name(tx, &name)?.is_some_and(|owner| owner != account.id) {
                return Err(Error::invalid("new_username", format!("user already exists [name: {name}]")));
            }
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

async fn repositories_of(forge: &Forge, owner: UserId) -> Result<Vec<RepoId>> {
    forge.read("repositories of an account", move |conn| Ok(db::repositories::ids_of_owner(conn, owner)?)).await
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
