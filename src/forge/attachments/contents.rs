//! Contents of files that are gone: removed when no row needs them any more, however that came about.
//!
//! Owns the job. It asks, while nothing can be published, whether a row needs the content, so it may come at any time and as often as it likes.

use atomicqms_actors::sql::Connection;
use atomicqms_actors::{Job, JobOutcome, Readers};

use crate::blobs::Blobs;
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::forge::Forge;
use crate::model::{BlobId, RepoId, UtcMs};

/// Kind of the job that removes a content no row needs; its key is the hash.
pub const FORGET_BLOB: &str = "blob.forget";
/// An upload whose server died between content and row is looked at after this time. Units: milliseconds.
pub(in crate::forge) const LOOK_AGAIN_MS: i64 = 60 * 60 * 1000;

/// What becomes of the contents of a repository that is deleted in this transaction.
///
/// Errors: those of the rows.
pub fn forget_repository(tx: &dyn Connection, repo: RepoId, at: UtcMs) -> Result<Vec<BlobId>> {
    let blobs = db::attachments::blobs_of_repository(tx, repo)?;
    schedule_forgetting(tx, &blobs, at, at)?;
    Ok(blobs)
}

/// Asks, in the transaction that makes it necessary, for a look at contents.
pub(in crate::forge) fn schedule_forgetting(
    tx: &dyn Connection,
    blobs: &[BlobId],
    run_after: UtcMs,
    now: UtcMs,
) -> Result<()> {
    for blob in blobs {
        db::jobs::schedule(tx, FORGET_BLOB, &blob.to_string(), run_after, now)?;
    }
    Ok(())
}

/// Does now what jobs were asked for; without a runner of jobs nobody else would.
pub(in crate::forge) async fn forget_blobs(forge: &Forge, blobs: Vec<BlobId>) {
    if forge.has_jobs() {
        forge.wake_jobs();
        return;
    }
    for blob in blobs {
        forget_now(forge, blob).await;
    }
}

pub(in crate::forge) async fn forget_now(forge: &Forge, blob: BlobId) {
    if let Err(error) = forget(&forge.blobs, &forge.readers, blob).await {
        tracing::warn!(blob = %blob, error = %error.log_line(), "a content that no file needs was not removed yet");
    }
}

async fn forget(blobs: &Blobs, readers: &Readers, blob: BlobId) -> Result<()> {
    let alone = blobs.alone().await;
    let is_needed = readers.read("is blob needed", move |conn| Ok::<_, Error>(db::attachments::is_needed(conn, blob)?));
    if is_needed.await? {
        return Ok(());
    }
    alone.remove(blob).await.map_err(storage_error)
}

/// Runs a job of the kind [`FORGET_BLOB`].
///
/// Errors: the rows cannot be read, the file cannot be removed: try again later.
pub async fn run_job(blobs: &Blobs, readers: &Readers, job: &Job) -> Result<JobOutcome> {
    let blob = BlobId::from_hex(&job.key).ok_or_else(|| Error::broken(format!("{:?} names no content", job.key)))?;
    forget(blobs, readers, blob).await?;
    Ok(JobOutcome::Done)
}

/// What a failing store means to a caller.
pub fn storage_error(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Error::new(Kind::Unavailable, "the server's storage is full").with_source(error)
        }
        _ => Error::internal(error),
    }
}
