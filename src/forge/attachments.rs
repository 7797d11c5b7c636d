//! Files attached to releases: brought, renamed, removed, found.
//!
//! Owns the order of content and row: a note to look again is committed, the content gets its place, then row and event commit together. What becomes of
//! contents that no file needs is `attachments/contents.rs`'s. Belongs to the releases unit. Called by the API and by the downloads.

mod contents;
pub mod downloads;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::json;

pub use self::contents::{FORGET_BLOB, forget_repository, run_job, storage_error};
pub(super) use self::contents::{LOOK_AGAIN_MS, forget_blobs, forget_now, schedule_forgetting};
use super::Forge;
use super::releases::sees_drafts;
use crate::access::action::{EditReleases, ReadAttachment, ReadReleases};
use crate::access::{Caller, Permit};
use crate::audit::{self, Event, Object, action};
use crate::blobs::Received;
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::{Attachment, AttachmentId, FileName, NewAttachment, ReleaseId, RepoId, Uuid};

/// Most files of one release.
pub const MAX_FILES: u64 = 500;

/// Lists the files of a release.
///
/// Errors: `NotFound`.
pub async fn list_attachments(
    forge: &Forge,
    permit: &Permit<ReadReleases>,
    release: ReleaseId,
) -> Result<(String, Vec<Attachment>)> {
    let access = permit.subject().clone();
    forge
        .read("list attachments", move |conn| {
            let found = db::releases::find(conn, access.repository.id, release)?;
            let release =
                found.filter(|release| !release.is_draft || sees_drafts(&access)).ok_or_else(Error::not_found)?;
            let files = db::attachments::list_of_release(conn, release.id)?;
            Ok((release.tag, files))
        })
        .await
}

/// Finds one file of a release, with the tag of the release.
///
/// Errors: `NotFound`.
pub async fn find_attachment(
    forge: &Forge,
    permit: &Permit<ReadReleases>,
    release: ReleaseId,
    id: AttachmentId,
) -> Result<(String, Attachment)> {
    let (tag, files) = list_attachments(forge, permit, release).await?;
    let found = files.into_iter().find(|file| file.id == id);
    found.map(|file| (tag, file)).ok_or_else(Error::not_found)
}

/// Finds a file by the tag of its release and its name, for a download.
///
/// Errors: `NotFound`.
pub async fn find_by_name(forge: &Forge, permit: &Permit<ReadReleases>, tag: &str, name: &str) -> Result<Attachment> {
    let (access, tag, name) = (permit.subject().clone(), tag.to_owned(), name.to_owned());
    forge
        .read("find attachment by name", move |conn| {
            let found = db::releases::find_by_tag(conn, access.repository.id, &tag)?;
            let release =
                found.filter(|release| !release.is_draft || sees_drafts(&access)).ok_or_else(Error::not_found)?;
            db::attachments::find_by_name(conn, release.id, &name)?.ok_or_else(Error::not_found)
        })
        .await
}

/// Finds which repository a file belongs to; whether the caller may see it is asked next, with [`find_by_uuid`].
///
/// Errors: `NotFound`.
pub async fn repository_of(forge: &Forge, uuid: &Uuid) -> Result<RepoId> {
    let uuid = uuid.clone();
    let found = forge.read("find attachment", move |conn| Ok(db::attachments::find_by_uuid(conn, &uuid)?)).await?;
    found.map(|file| file.repo_id).ok_or_else(Error::not_found)
}

/// Finds a file by its address.
///
/// Errors: `NotFound`, also for a file of a draft of somebody who may not write.
pub async fn find_by_uuid(forge: &Forge, permit: &Permit<ReadAttachment>, uuid: &Uuid) -> Result<Attachment> {
    let (access, uuid) = (permit.subject().clone(), uuid.clone());
    forge
        .read("find attachment", move |conn| {
            let file = db::attachments::find_by_uuid(conn, &uuid)?;
            let file = file.filter(|file| file.repo_id == access.repository.id).ok_or_else(Error::not_found)?;
            let release = match file.release_id {
                Some(id) => db::releases::find(conn, file.repo_id, id)?,
                None => None,
            };
            let is_shown = release.is_some_and(|release| !release.is_draft || sees_drafts(&access));
            if is_shown { Ok(file) } else { Err(Error::not_found()) }
        })
        .await
}

/// Whether there is such a release to attach to, asked before its file is received; answers its tag.
///
/// Errors: `NotFound`.
pub async fn check_release(forge: &Forge, permit: &Permit<EditReleases>, release: ReleaseId) -> Result<String> {
    let repo = permit.subject().repository.id;
    let found = forge.read("find release", move |conn| Ok(db::releases::find(conn, repo, release)?)).await?;
    found.map(|release| release.tag).ok_or_else(Error::not_found)
}

/// Refuses what the list does not name, by the ending of its name or by what its first bytes look like; an empty list names everything.
///
/// Errors: `Malformed`, as Gitea answers.
pub fn check_type(allowed: &[String], name: &FileName, content_type: &str) -> Result<()> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let kind = essence.split('/').next().unwrap_or_default();
    let ending = name.ending();
    let names = |one: &String| match (one.strip_prefix('.'), one.strip_suffix("/*")) {
        (Some(wanted), _) => wanted == ending || name.as_str().to_lowercase().ends_with(one.as_str()),
        (None, Some(wanted)) => wanted == "*" || wanted == kind,
        (None, None) => one == essence,
    };
    if allowed.is_empty() || allowed.iter().any(names) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Malformed,
        "This file cannot be uploaded or modified due to a forbidden file extension or type.",
    ))
}

/// Attaches a content that came in whole to a release.
///
/// Shape: must not be cancelled half way, so callers run it as a detached task.
/// Errors: `NotFound` when there is no such release, `Invalid` when it has its most files; `Unavailable` for a full disk.
pub async fn attach(
    forge: &Arc<Forge>,
    permit: Permit<EditReleases>,
    release: ReleaseId,
    name: FileName,
    received: Received,
) -> Result<Attachment> {
    let uploader = permit.caller().account()?.id;
    let blob = received.id;
    let new = NewAttachment {
        uuid: Uuid::random()?,
        name,
        size_bytes: received.size_bytes,
        blob,
        content_type: received.content_type,
    };
    let at = forge.clock.now();
    let look_again = move |tx: &dyn atomicqms_actors::sql::Connection| {
        schedule_forgetting(tx, &[blob], at.plus_ms(LOOK_AGAIN_MS), at)
    };
    forge.write("expect blob", look_again).await?;
    let kept = forge.blobs.publish(received).await.map_err(storage_error)?;
    let attached = forge
        .write("attach file", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let release = db::releases::find(tx, repository.id, release)?.ok_or_else(Error::not_found)?;
            if db::attachments::count_of_release(tx, release.id)? >= MAX_FILES {
                return Err(Error::invalid("attachment", format!("a release may have at most {MAX_FILES} files")));
            }
            let file = db::attachments::insert(tx, repository.id, release.id, uploader, &new, at)?;
            let event = event_about(permit.caller(), action::ATTACHMENT_CREATE, &file).after(json!({
                "release_id": release.id,
                "name": file.name.as_str(),
                "size_bytes": file.size_bytes,
                "sha256": file.blob.to_string(),
            }));
            audit::append(tx, at, &event)?;
            Ok(file)
        })
        .await;
    drop(kept);
    if attached.is_err() {
        forget_now(forge, blob).await;
    }
    attached
}

/// Gives a file another name, of a kind that may be attached.
///
/// Errors: `NotFound`; `Malformed` for a kind that may not be attached.
pub async fn rename_attachment(
    forge: &Forge,
    permit: Permit<EditReleases>,
    (release, id): (ReleaseId, AttachmentId),
    name: Option<FileName>,
    allowed: Vec<String>,
) -> Result<(String, Attachment)> {
    let at = forge.clock.now();
    forge
        .write("rename attachment", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let release = db::releases::find(tx, repository.id, release)?.ok_or_else(Error::not_found)?;
            let file = db::attachments::find_of_release(tx, release.id, id)?.ok_or_else(Error::not_found)?;
            let Some(name) = name.filter(|name| *name != file.name) else { return Ok((release.tag, file)) };
            check_type(&allowed, &name, &file.content_type)?;
            db::attachments::rename(tx, file.id, &name)?;
            let event = event_about(permit.caller(), action::ATTACHMENT_EDIT, &file)
                .before(json!({ "name": file.name.as_str() }))
                .after(json!({ "name": name.as_str() }));
            audit::append(tx, at, &event)?;
            Ok((release.tag, Attachment { name, ..file }))
        })
        .await
}

/// Removes a file; its content goes when nothing else needs it.
///
/// Errors: `NotFound`.
pub async fn delete_attachment(
    forge: &Arc<Forge>,
    permit: Permit<EditReleases>,
    (release, id): (ReleaseId, AttachmentId),
) -> Result<()> {
    let at = forge.clock.now();
    let blob = forge
        .write("delete attachment", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let release = db::releases::find(tx, repository.id, release)?.ok_or_else(Error::not_found)?;
            let file = db::attachments::find_of_release(tx, release.id, id)?.ok_or_else(Error::not_found)?;
            db::attachments::delete(tx, file.id)?;
            let event = event_about(permit.caller(), action::ATTACHMENT_DELETE, &file).before(json!({
                "release_id": release.id,
                "name": file.name.as_str(),
                "size_bytes": file.size_bytes,
                "sha256": file.blob.to_string(),
            }));
            audit::append(tx, at, &event)?;
            schedule_forgetting(tx, &[file.blob], at, at)?;
            Ok(file.blob)
        })
        .await?;
    forget_blobs(forge, vec![blob]).await;
    Ok(())
}

fn event_about(caller: &Caller, what: &'static str, file: &Attachment) -> Event {
    Event::new(caller.stamp(), what, Object::in_repository("attachment", file.repo_id, file.id))
}
