//! Collaborators of a repository: their levels given, changed, taken and looked up.

use serde_json::json;

use super::Forge;
use super::blocks::check_apart;
use crate::access::Permit;
use crate::access::action::{EditCollaborators, ListCollaborators};
use crate::access::rights::rights_of_user;
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::{AccessLevel, Collaborator, Page, Paged, User, UserName};

/// Lists collaborators by login name.
pub async fn list_collaborators(
    forge: &Forge,
    permit: Permit<ListCollaborators>,
    page: Page,
) -> Result<Paged<Collaborator>> {
    let repo = permit.subject().repository.id;
    forge.read("list collaborators", move |conn| Ok(db::collaborators::list(conn, repo, page)?)).await
}

/// Finds the granted level of one user; none: no collaborator.
///
/// Errors: `NotFound` when there is no such account.
pub async fn find_collaborator(
    forge: &Forge,
    permit: Permit<ListCollaborators>,
    name: &UserName,
) -> Result<Option<Collaborator>> {
    let (repo, name) = (permit.subject().repository.id, name.clone());
    forge
        .read("find collaborator", move |conn| {
            let user = db::users::find_by_name(conn, &name)?.ok_or_else(Error::not_found)?;
            let level = db::collaborators::level(conn, repo, user.id)?;
            Ok(level.map(|level| Collaborator { user, level }))
        })
        .await
}

/// Reads what a user may do in a repository, all rules applied.
///
/// Errors: `Forbidden` unless one asks about oneself, administers the repository or the site; `NotFound` when there is no
/// such account.
pub async fn permission_of(
    forge: &Forge,
    permit: Permit<ListCollaborators>,
    name: &UserName,
) -> Result<(User, AccessLevel)> {
    let name = name.clone();
    let asks_about_self = permit.caller().user().is_some_and(|user| user.name == name);
    if !asks_about_self && permit.subject().rights.level < AccessLevel::Admin {
        return Err(Error::forbidden(
            "Only admins can query all permissions, repo admins can query all repo permissions, \
             collaborators can query only their own",
        ));
    }
    let repository = permit.into_subject().repository;
    forge
        .read("read permission", move |conn| {
            let user = db::users::find_by_name(conn, &name)?.ok_or_else(Error::not_found)?;
            let level = rights_of_user(conn, &user, &repository)?.level;
            Ok((user, level))
        })
        .await
}

/// Gives a user a level in a repository, or another one than before.
///
/// Errors: `Invalid` for the owner, a missing or inactive account, or a level that cannot be granted; `Forbidden` for a
/// level above the caller's own, and where the account and the owner are kept apart by a block.
pub async fn put_collaborator(
    forge: &Forge,
    permit: Permit<EditCollaborators>,
    name: &UserName,
    level: AccessLevel,
) -> Result<()> {
    if !matches!(level, AccessLevel::Read | AccessLevel::Write | AccessLevel::Admin) {
        return Err(Error::invalid("permission", "permission must be read, write or admin"));
    }
    let name = name.clone();
    let at = forge.clock.now();
    forge
        .write("put collaborator", move |tx| {
            let subject = permit.confirm(tx, at)?;
            if level > subject.rights.level {
                return Err(Error::forbidden("nobody can give more than the own level"));
            }
            let repository = subject.repository;
            let user = db::users::find_by_name(tx, &name)?
                .filter(|user| user.is_active && !user.is_organization)
                .ok_or_else(|| Error::invalid("collaborator", format!("user does not exist [name: {name}]")))?;
            if user.id == repository.owner_id {
                return Err(Error::invalid("collaborator", "the owner cannot be a collaborator"));
            }
            check_apart(tx, user.id, repository.owner_id)?;
            let before = db::collaborators::level(tx, repository.id, user.id)?;
            if before == Some(level) {
                return Ok(());
            }
            db::collaborators::put(tx, repository.id, user.id, level, at)?;
            let object = Object::in_repository("collaborator", repository.id, user.id);
            let mut event = Event::new(permit.caller().stamp(), action::COLLABORATOR_ADD, object)
                .after(json!({ "login": user.name.as_str(), "level": level.as_str() }));
            if let Some(before) = before {
                event = event.before(json!({ "level": before.as_str() }));
            }
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// Takes a user's level away; one who had none is no fault.
///
/// Errors: `Invalid` when there is no such account.
pub async fn remove_collaborator(forge: &Forge, permit: Permit<EditCollaborators>, name: &UserName) -> Result<()> {
    let name = name.clone();
    let at = forge.clock.now();
    forge
        .write("remove collaborator", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let user = db::users::find_by_name(tx, &name)?
                .ok_or_else(|| Error::invalid("collaborator", format!("user does not exist [name: {name}]")))?;
            let Some(before) = db::collaborators::level(tx, repository.id, user.id)? else { return Ok(()) };
            db::collaborators::delete(tx, repository.id, user.id)?;
            let object = Object::in_repository("collaborator", repository.id, user.id);
            let event = Event::new(permit.caller().stamp(), action::COLLABORATOR_REMOVE, object)
                .before(json!({ "login": user.name.as_str(), "level": before.as_str() }));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

#[cfg(test)]
mod tests;
