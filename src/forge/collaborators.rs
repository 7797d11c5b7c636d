//! Collaborators of a repository: their levels given, changed, taken and looked up.

use atomicqms_actors::sql::Connection;
use serde_json::json;

use super::Forge;
use super::blocks::check_apart;
use crate::access::action::{EditCollaborators, ListCollaborators};
use crate::access::rights::{may_see, rights_of_user};
use crate::access::{Caller, Permit, RepositoryAccess};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::{AccessLevel, Collaborator, Page, Paged, RepoId, User, UserName};

/// Lists collaborators by login name.
pub async fn list_collaborators(
    forge: &Forge,
    permit: Permit<ListCollaborators>,
    page: Page,
) -> Result<Paged<Collaborator>> {
    let repo = permit.subject().repository.id;
    let viewer = (!knows_people(permit.caller(), permit.subject())).then(|| super::users::viewer_of(permit.caller()));
    forge.read("list collaborators", move |conn| Ok(db::collaborators::list(conn, repo, viewer, page)?)).await
}

/// Whether accounts that hide are shown in lists of a repository's people: to its administrators, and to whoever shares a private repository
/// with them. What everybody may read tells everybody who takes part.
pub(super) fn knows_people(caller: &Caller, access: &RepositoryAccess) -> bool {
    !caller.is_public_only() && (access.rights.level >= AccessLevel::Admin || access.repository.is_private)
}

/// Finds an account that a change names: one that the caller may see, or that is a collaborator already. Whoever administers any repository must
/// not learn by naming accounts which ones hide.
fn find_named(
    conn: &dyn Connection,
    caller: &Caller,
    repo: RepoId,
    name: &UserName,
) -> Result<(User, Option<AccessLevel>)> {
    let missing = || Error::invalid("collaborator", format!("user does not exist [name: {name}]"));
    let user = db::users::find_by_name(conn, name)?.ok_or_else(missing)?;
    let level = db::collaborators::level(conn, repo, user.id)?;
    if level.is_none() && !may_see(caller, &user, false) {
        return Err(missing());
    }
    Ok((user, level))
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
            let is_known = level.is_some() && knows_people(permit.caller(), permit.subject());
            if !is_known && !may_see(permit.caller(), &user, false) {
                return Err(Error::not_found());
            }
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
    forge
        .read("read permission", move |conn| {
            let repository = &permit.subject().repository;
            let user = db::users::find_by_name(conn, &name)?.ok_or_else(Error::not_found)?;
            let is_known =
                !permit.caller().is_public_only() && db::collaborators::level(conn, repository.id, user.id)?.is_some();
            if !is_known && !may_see(permit.caller(), &user, false) {
                return Err(Error::not_found());
            }
            let level = rights_of_user(conn, &user, repository)?.level;
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
            let (user, before) = find_named(tx, permit.caller(), repository.id, &name)?;
            if !user.is_active || user.is_organization {
                return Err(Error::invalid("collaborator", format!("user does not exist [name: {name}]")));
            }
            if user.id == repository.owner_id {
                return Err(Error::invalid("collaborator", "the owner cannot be a collaborator"));
            }
            check_apart(tx, user.id, repository.owner_id)?;
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
            let (user, before) = find_named(tx, permit.caller(), repository.id, &name)?;
            let Some(before) = before else { return Ok(()) };
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
