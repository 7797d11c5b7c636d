//! Repositories deleted: rows and event in one transaction, directories afterwards, also after a crash.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atomicqms_actors::sql::Connection;
use serde_json::json;

use super::event_about;
use crate::access::action::{DeleteOrganizationRepositories, DeleteRepository};
use crate::access::{Caller, Permit};
use crate::audit::{self, action};
use crate::db;
use crate::error::{Error, Result};
use crate::forge::{Forge, attachments, code_search};
use crate::model::{BlobId, RepoId, Repository, UserId, UtcMs};

/// Deletes a repository: its rows go with one event, then its directory; journal and ledger stay.
///
/// Errors: `NotFound` when somebody was faster, `Overloaded`, `Unavailable`.
pub async fn delete_repository(forge: &Arc<Forge>, permit: Permit<DeleteRepository>) -> Result<()> {
    let forge = Arc::clone(forge);
    // Detached: a client that goes away must not leave the directory behind.
    tokio::spawn(async move {
        let at = forge.clock.now();
        let id = permit.subject().repository.id;
        let retired = forge.directory.retire(id.get()).await?;
        let blobs = forge
            .write("delete repository", move |tx| {
                let repository = permit.confirm(tx, at)?.repository;
                remove_rows(tx, permit.caller(), &repository, None, at)
            })
            .await?;
        drop(retired);
        attachments::forget_blobs(&forge, blobs).await;
        finish_removals(&forge).await.map(drop)
    })
    .await
    .map_err(Error::internal)?
}

/// How long a request waits for all repositories of an organization to be gone before it is told that the rest follows.
const PATIENCE: Duration = Duration::from_secs(20);

/// Deletes every repository that an organization owns now, one after another; false: that goes on after the answer.
///
/// Errors: as [`delete_repository`]; those before stay deleted.
pub async fn delete_organization_repositories(
    forge: &Arc<Forge>,
    permit: Permit<DeleteOrganizationRepositories>,
) -> Result<bool> {
    let forge = Arc::clone(forge);
    let org = permit.subject().organization.user.id;
    let deletion = tokio::spawn(async move {
        let done = delete_all_of(&forge, org, Arc::new(permit)).await;
        // Whoever asked may not wait for it any more.
        if let Err(error) = &done {
            tracing::warn!(org.id = org.get(), error = %error.log_line(), "not every repository of an organization was deleted");
        }
        done
    });
    match tokio::time::timeout(PATIENCE, deletion).await {
        Ok(ended) => ended.map_err(Error::internal)?.map(|()| true),
        Err(_) => Ok(false),
    }
}

async fn delete_all_of(
    forge: &Arc<Forge>,
    org: UserId,
    permit: Arc<Permit<DeleteOrganizationRepositories>>,
) -> Result<()> {
    let all = forge.read("list repositories", move |conn| Ok(db::repositories::list_ids_of_owner(conn, org)?)).await?;
    for id in all {
        let (again, at) = (Arc::clone(&permit), forge.clock.now());
        let retired = forge.directory.retire(id.get()).await?;
        let blobs = forge
            .write("delete repository", move |tx| {
                let org = again.confirm(tx, at)?.organization.user.id;
                // Transferred or deleted meanwhile: no longer the organization's.
                match db::repositories::find(tx, id)?.filter(|repository| repository.owner_id == org) {
                    Some(repository) => remove_rows(tx, again.caller(), &repository, None, at),
                    None => Ok(Vec::new()),
                }
            })
            .await?;
        drop(retired);
        attachments::forget_blobs(forge, blobs).await;
    }
    finish_removals(forge).await.map(drop)
}

/// Removes a repository that could not be completed, with an event that says why.
pub(in crate::forge) async fn remove_unfinished(
    forge: &Forge,
    caller: Caller,
    repository: Repository,
    reason: &'static str,
) -> Result<()> {
    let at = forge.clock.now();
    let blobs = forge
        .write("take back repository", move |tx| match db::repositories::find(tx, repository.id)? {
            Some(repository) => remove_rows(tx, &caller, &repository, Some(reason), at),
            None => Ok(Vec::new()),
        })
        .await?;
    attachments::forget_blobs(forge, blobs).await;
    finish_removals(forge).await.map(drop)
}

/// Removes the rows with their event; answers contents that nothing may refer to any more.
fn remove_rows(
    tx: &dyn Connection,
    caller: &Caller,
    repository: &Repository,
    reason: Option<&str>,
    at: UtcMs,
) -> Result<Vec<BlobId>> {
    let blobs = attachments::forget_repository(tx, repository.id, at)?;
    db::repositories::delete(tx, repository.id)?;
    code_search::ask(tx, repository.id, at)?;
    let mut event = event_about(caller, action::REPOSITORY_DELETE, repository).before(json!({
        "owner": repository.owner.as_str(),
        "name": repository.name.as_str(),
        "is_private": repository.is_private,
    }));
    if let Some(reason) = reason {
        event = event.reason(reason);
    }
    audit::append(tx, at, &event)?;
    Ok(blobs)
}

/// Removes the directories of deleted repositories that are still there; answers of how many repositories.
///
/// Shape: after every deletion, and at start for those that a crash kept from happening. A directory that resists is
/// logged and tried again next time.
/// Errors: the rows cannot be read.
pub async fn finish_removals(forge: &Forge) -> Result<usize> {
    let mut left = forge.read("list removals", |conn| Ok(db::repositories::list_removals(conn)?)).await?;
    let mut removed = 0;
    while let Some((id, path)) = left.pop() {
        let mut paths = vec![path];
        while let Some((_, path)) = left.pop_if(|(next, _)| *next == id) {
            paths.push(path);
        }
        match remove_directories(forge, id, &paths).await {
            Ok(()) => removed += 1,
            Err(error) => {
                let error = error.log_line();
                tracing::error!(repo.id = id.get(), error, "the directory of a deleted repository was not removed");
            }
        }
    }
    Ok(removed)
}

async fn remove_directories(forge: &Forge, id: RepoId, paths: &[PathBuf]) -> Result<()> {
    let retired = forge.directory.retire(id.get()).await?;
    for path in paths {
        forge.directory.remove_files(&retired, path).await?;
    }
    forge.write("forget removal", move |tx| Ok(db::repositories::forget_removal(tx, id)?)).await
}
