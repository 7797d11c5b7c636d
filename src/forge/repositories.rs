//! Repositories: made, changed, renamed, deleted, listed.
//!
//! Owns the order of row, event and directory: the row and its event commit together, the directory follows and can
//! always be brought to what the rows say. Called by the API.

use std::sync::Arc;

use atomicqms_actors::Deadline;
use atomicqms_actors::sql::Connection;
use atomicqms_git::RefName;
use serde_json::{Map, Value, json};

mod listing;
mod removal;

pub use listing::{
    Details, Seen, details, list_organization_repositories, list_own_repositories, list_team_repositories,
    list_user_repositories, search_repositories,
};
pub(super) use listing::{list_forks_of, list_interesting, viewer_of};
pub(super) use removal::remove_unfinished;
pub use removal::{delete_organization_repositories, delete_repository, finish_removals};

use super::blocks::check_may_act;
use super::mirrors::Mirrors;
use super::{Forge, check_link, check_text, code_search, fork_visibility, mirrors};
use crate::access::action::{CreateOrganizationRepository, CreateRepository, CreateRepositoryFor, EditRepository};
use crate::access::rights::rights_of_user;
use crate::access::{Action, Caller, OrganizationAccess, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::db::repositories::ForksOf;
use crate::error::{Error, Kind, Result};
use crate::model::interest::Interest;
use crate::model::label::LabelOwner;
use crate::model::mirror::format_interval;
use crate::model::topic::TopicName;
use crate::model::{AccessLevel, NewRepository, Repository, RepositoryPatch, Unit, User, UserId, UtcMs};

/// How long a change of `HEAD` may wait for its turn.
const TURN: std::time::Duration = std::time::Duration::from_secs(30);

/// The actions that allow making a repository: for oneself, in an organization, or by an administrator for somebody else.
pub trait MayCreateRepository: Action {
    /// Who will own it.
    fn owner(subject: &Self::Subject) -> &User;
}

impl MayCreateRepository for CreateRepository {
    fn owner(subject: &User) -> &User {
        subject
    }
}

impl MayCreateRepository for CreateRepositoryFor {
    fn owner(subject: &User) -> &User {
        subject
    }
}

impl MayCreateRepository for CreateOrganizationRepository {
    fn owner(subject: &OrganizationAccess) -> &User {
        &subject.organization.user
    }
}

/// Why an account may not own another repository; none: it may.
pub(super) fn limit_reached(conn: &dyn Connection, owner: UserId) -> Result<Option<String>> {
    let limits = db::account_limits::find(conn, owner)?;
    if limits.max_repositories.is_none() {
        return Ok(None);
    }
    Ok(limits.refusal(db::account_limits::count_repositories(conn, owner)?))
}

/// Makes a repository: row and event first, then its directory.
///
/// Errors: `Conflict` for a name in use; `Invalid` for a field that breaks a rule or a first commit that this version
/// cannot make; `Forbidden` for a fork of something whose owner has blocked the caller.
pub async fn create_repository<A: MayCreateRepository>(
    forge: &Forge,
    permit: Permit<A>,
    mut new: NewRepository,
) -> Result<Repository> {
    check_text("description", &new.description, 2048)?;
    check_link("website", &new.website)?;
    if new.auto_init {
        return Err(Error::invalid("auto_init", "this version cannot make a first commit; push one instead"));
    }
    if new.is_private && permit.caller().is_public_only() {
        return Err(Error::forbidden("token scope is limited to public repos"));
    }
    let branch = new.default_branch.clone().unwrap_or_else(|| forge.settings.default_branch.clone());
    check_branch_name(&branch)?;
    let at = forge.clock.now();
    let caller = permit.caller().clone();
    let repository = forge
        .write("create repository", move |tx| {
            let subject = permit.confirm(tx, at)?;
            let owner = A::owner(&subject);
            if let (Some(source), Some(maker)) = (new.forked_from, permit.caller().user_id()) {
                let source = db::repositories::find(tx, source)?.ok_or_else(Error::not_found)?;
                check_may_act(tx, maker, source.owner_id)?;
                // It may have been closed since somebody looked.
                new.is_private |= !source.is_public();
            }
            if db::repositories::find_of_owner(tx, owner.id, &new.name)?.is_some() {
                return Err(Error::conflict("The repository with the same name already exists."));
            }
            if !permit.caller().is_site_admin()
                && let Some(refusal) = limit_reached(tx, owner.id)?
            {
                return Err(Error::invalid("name", refusal));
            }
            let id = db::repositories::insert(tx, owner.id, &new, &branch, at)?;
            for topic in &new.topics {
                db::topics::add(tx, id, topic, at)?;
            }
            for label in &new.labels {
                db::labels::insert(tx, LabelOwner::Repository(id), label, at)?;
            }
            if let Some(mirror) = &new.mirror {
                db::mirrors::insert(tx, id, mirror, at)?;
            }
            let maker = permit.caller().user();
            if let Some(maker) = maker {
                db::interests::put(tx, Interest::Watch, maker.id, id, at)?;
            }
            let repository = db::repositories::find(tx, id)?.ok_or_else(Error::not_found)?;
            let followed = new.mirror.as_ref().filter(|mirror| !mirror.is_once);
            let event = event_about(permit.caller(), action::REPOSITORY_CREATE, &repository).after(json!({
                "owner": repository.owner.as_str(),
                "name": repository.name.as_str(),
                "is_private": repository.is_private,
                "is_template": repository.is_template,
                "default_branch": repository.default_branch,
                "generated_from": new.generated_from,
                "forked_from": new.forked_from,
                "imported_from": new.mirror.as_ref().map(|mirror| mirror.remote_url.as_str()),
                "mirror_interval": followed.map(|mirror| format_interval(mirror.interval_ms)),
                "labels": new.labels.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(),
                "topics": new.topics.iter().map(TopicName::as_str).collect::<Vec<_>>(),
                "watched_by": maker.map(|maker| maker.name.as_str()),
            }));
            audit::append(tx, at, &event)?;
            give_to_its_maker(tx, permit.caller(), &repository, at)?;
            Ok(repository)
        })
        .await?;
    let Err(error) = forge.open(&repository).await.map(drop) else { return Ok(repository) };
    if error.kind() == Kind::Overloaded {
        // The row is durable; the directory is made when the repository is opened next.
        tracing::info!(repo.id = repository.id.get(), "the directory of a new repository is made later");
        return Ok(repository);
    }
    // Somebody was promised nothing yet: better no repository than one without a directory.
    tracing::warn!(repo.id = repository.id.get(), error = %error.log_line(), "the directory of a new repository could not be made; its row is taken back");
    match remove_unfinished(forge, caller, repository.clone(), "its directory could not be made").await {
        Ok(()) => Err(error),
        Err(kept) => {
            tracing::warn!(repo.id = repository.id.get(), error = %kept.log_line(), "the row of a new repository could not be taken back");
            Ok(repository)
        }
    }
}

/// Whoever makes a repository in an organization administers it, also where no team says so.
fn give_to_its_maker(tx: &dyn Connection, caller: &Caller, repository: &Repository, at: UtcMs) -> Result<()> {
    let Some(maker) = caller.user().filter(|_| repository.is_owner_organization) else { return Ok(()) };
    if rights_of_user(tx, maker, repository)?.level >= AccessLevel::Admin {
        return Ok(());
    }
    db::collaborators::put(tx, repository.id, maker.id, AccessLevel::Admin, at)?;
    let object = Object::in_repository("collaborator", repository.id, maker.id);
    let event = Event::new(caller.stamp(), action::COLLABORATOR_ADD, object)
        .after(json!({ "login": maker.name.as_str(), "level": AccessLevel::Admin.as_str() }))
        .reason("made the repository");
    audit::append(tx, at, &event)?;
    Ok(())
}

/// Changes settings, the name and the default branch included.
///
/// Shape: a rename and a change of the default branch are two changes with an event each; everything else is one.
/// Errors: `Conflict` for a name in use, `Invalid` for a field that breaks a rule or a default branch that does not
/// exist.
pub async fn edit_repository(
    forge: &Arc<Forge>,
    permit: Permit<EditRepository>,
    patch: RepositoryPatch,
) -> Result<Repository> {
    check_text("description", patch.description.as_deref().unwrap_or_default(), 2048)?;
    check_link("website", patch.website.as_deref().unwrap_or_default())?;
    let head = match &patch.default_branch {
        Some(branch) if *branch != permit.subject().repository.default_branch => Some(check_branch_name(branch)?),
        _ => None,
    };
    if let Some(head) = head.clone() {
        let repository = permit.subject().repository.clone();
        forge.read("check default branch", move |conn| check_branch_exists(conn, &repository, &head)).await?;
    }
    // Detached: a client that goes away must not leave a rename half way.
    let forge = Arc::clone(forge);
    let permit = Arc::new(permit);
    tokio::spawn(async move {
        let renames =
            patch.name.as_ref().is_some_and(|name| name.as_str() != permit.subject().repository.name.as_str());
        let mut rest = patch;
        if renames {
            let now = RepositoryPatch { default_branch: None, ..rest.clone() };
            rest = RepositoryPatch { default_branch: rest.default_branch, ..RepositoryPatch::default() };
            rename(&forge, &permit, now).await?;
        }
        match head {
            Some(head) => move_head(&forge, &permit, rest, head).await,
            None => {
                let (at, again) = (forge.clock.now(), Arc::clone(&forge));
                forge.write("edit repository", move |tx| apply(tx, &again.mirrors, &permit, &rest, at)).await
            }
        }
    })
    .await
    .map_err(Error::internal)?
}

async fn rename(forge: &Arc<Forge>, permit: &Arc<Permit<EditRepository>>, patch: RepositoryPatch) -> Result<()> {
    let id = permit.subject().repository.id;
    let at = forge.clock.now();
    // Nobody has the repository open while its rows change; the next one to open it moves the directory.
    let retired = forge.directory.retire(id.get()).await?;
    let (again, shared) = (Arc::clone(permit), Arc::clone(forge));
    let renamed = forge.write("rename repository", move |tx| apply(tx, &shared.mirrors, &again, &patch, at)).await;
    drop(retired);
    let renamed = renamed?;
    if let Err(error) = forge.open(&renamed).await {
        tracing::warn!(repo.id = id.get(), error = %error.log_line(), "a renamed repository's directory was not moved yet");
    }
    Ok(())
}

async fn move_head(
    forge: &Arc<Forge>,
    permit: &Arc<Permit<EditRepository>>,
    patch: RepositoryPatch,
    head: RefName,
) -> Result<Repository> {
    let repository = permit.subject().repository.clone();
    let handle = forge.open(&repository).await?;
    let at = forge.clock.now();
    let (again, shared) = (Arc::clone(permit), Arc::clone(forge));
    let commit = move |tx: &dyn Connection| {
        apply(tx, &shared.mirrors, &again, &patch, at)
            .map(drop)
            .map_err(|error| Box::new(error) as Box<dyn std::error::Error + Send + Sync>)
    };
    handle.set_head(head, commit, Deadline::after(TURN)).await?;
    forge.wake_indexing();
    forge
        .read("read repository", move |conn| db::repositories::find(conn, repository.id)?.ok_or_else(Error::not_found))
        .await
}

/// The row change and its event; nothing to change writes nothing.
fn apply(
    tx: &dyn Connection,
    mirrors: &Mirrors,
    permit: &Permit<EditRepository>,
    patch: &RepositoryPatch,
    at: UtcMs,
) -> Result<Repository> {
    let before = permit.confirm(tx, at)?.repository;
    let mut after = before.clone();
    if let Some(name) = &patch.name {
        after.name = name.clone();
    }
    if let Some(description) = &patch.description {
        after.description.clone_from(description);
    }
    if let Some(website) = &patch.website {
        after.website.clone_from(website);
    }
    if let Some(branch) = &patch.default_branch {
        check_branch_exists(tx, &before, &check_branch_name(branch)?)?;
        after.default_branch.clone_from(branch);
    }
    after.is_private = patch.is_private.unwrap_or(before.is_private);
    if before.is_private && !after.is_private {
        fork_visibility::check_opening(tx, &before)?;
    }
    after.is_template = patch.is_template.unwrap_or(before.is_template);
    after.is_archived = patch.is_archived.unwrap_or(before.is_archived);
    for (unit, is_on) in &patch.units {
        after.disabled_units.set(*unit, !is_on);
    }
    if after.is_archived != before.is_archived {
        after.archived_ms = after.is_archived.then_some(at);
    }
    let (mut old, mut new) = changes(&before, &after);
    if let Some((was, is)) = mirrors::edit(mirrors, tx, &before, patch, at)? {
        if was.interval_ms != is.interval_ms {
            old.insert("mirror_interval".to_owned(), format_interval(was.interval_ms).into());
            new.insert("mirror_interval".to_owned(), format_interval(is.interval_ms).into());
        }
        if was.credentials != is.credentials {
            old.insert("mirror_credentials".to_owned(), was.credentials.is_some().into());
            new.insert("mirror_credentials".to_owned(), "changed".into());
        }
        if was.prunes != is.prunes {
            old.insert("mirror_prunes".to_owned(), was.prunes.into());
            new.insert("mirror_prunes".to_owned(), is.prunes.into());
        }
    }
    if new.is_empty() {
        return Ok(before);
    }
    if after.name.as_str() != before.name.as_str() {
        let taken = db::repositories::find_of_owner(tx, before.owner_id, &after.name)?;
        if taken.is_some_and(|other| other.id != before.id) {
            return Err(Error::conflict("The repository with the same name already exists."));
        }
        db::repositories::rename(tx, &before, &after.name, at)?;
    }
    db::repositories::update(tx, &after, at)?;
    if after.default_branch != before.default_branch {
        code_search::ask(tx, before.id, at)?;
    }
    let event = event_about(permit.caller(), action::REPOSITORY_EDIT, &before)
        .before(Value::Object(old))
        .after(Value::Object(new));
    audit::append(tx, at, &event)?;
    if after.is_private && !before.is_private {
        fork_visibility::close_forks(tx, permit.caller(), ForksOf::Repository(before.id), at)?;
    }
    db::repositories::find(tx, before.id)?.ok_or_else(Error::not_found)
}

fn changes(before: &Repository, after: &Repository) -> (Map<String, Value>, Map<String, Value>) {
    let (mut old, mut new) = (Map::new(), Map::new());
    let mut note = |field: &str, was: Value, is: Value| {
        if was != is {
            old.insert(field.to_owned(), was);
            new.insert(field.to_owned(), is);
        }
    };
    note("name", before.name.as_str().into(), after.name.as_str().into());
    note("description", before.description.as_str().into(), after.description.as_str().into());
    note("website", before.website.as_str().into(), after.website.as_str().into());
    note("default_branch", before.default_branch.as_str().into(), after.default_branch.as_str().into());
    note("is_private", before.is_private.into(), after.is_private.into());
    note("is_template", before.is_template.into(), after.is_template.into());
    note("is_archived", before.is_archived.into(), after.is_archived.into());
    let names = |repository: &Repository| repository.disabled_units.iter().map(Unit::as_str).collect::<Vec<_>>().into();
    note("disabled_units", names(before), names(after));
    (old, new)
}

/// Checks a branch name and answers it as a full ref name.
///
/// Errors: `Invalid` naming the rule.
pub fn check_branch_name(branch: &str) -> Result<RefName> {
    let name = RefName::new(&format!("refs/heads/{branch}"))
        .map_err(|error| Error::invalid("default_branch", format!("{error}")).with_source(error))?;
    match name.misleads() {
        Some(why) => {
            Err(Error::invalid("default_branch", format!("branch name is not allowed [name: {branch}]: {why}")))
        }
        None => Ok(name),
    }
}

fn check_branch_exists(conn: &dyn Connection, repository: &Repository, head: &RefName) -> Result<()> {
    if repository.is_empty || db::refs::find(conn, repository.id, head.as_str())?.is_some() {
        return Ok(());
    }
    Err(Error::new(Kind::Invalid, format!("branch does not exist [name: {}]", head.short())))
}

pub(super) fn event_about(caller: &Caller, what: &'static str, repository: &Repository) -> Event {
    Event::new(caller.stamp(), what, Object::in_repository("repository", repository.id, repository.full_name()))
}

#[cfg(test)]
mod tests;
