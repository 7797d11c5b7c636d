//! Repositories deleted: rows and event in one transaction, directories afterwards, also after a crash.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::event_about;
use crate::access::Permit;
use crate::access::action::DeleteRepository;
use crate::audit::{self, action};
use crate::db;
use crate::error::{Error, Result};
use crate::forge::{Forge, attachments};
use crate::model::RepoId;

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
                let blobs = attachments::forget_repository(tx, repository.id, at)?;
                db::repositories::delete(tx, repository.id)?;
                let event = event_about(permit.caller(), action::REPOSITORY_DELETE, &repository).before(json!({
                    "owner": repository.owner.as_str(),
                    "name": repository.name.as_str(),
                    "is_private": repository.is_private,
                }));
                audit::append(tx, at, &event)?;
                Ok(blobs)
            })
            .await?;
        drop(retired);
        attachments::forget_blobs(&forge, blobs).await;
        finish_removals(&forge).await.map(drop)
    })
    .await
    .map_err(Error::internal)?
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
