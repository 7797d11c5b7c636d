//! Pictures of accounts, organizations and repositories: made, set, taken away, found.
//!
//! Owns how many are made at once and the order of content and row, which is that of attached files (`forge/attachments.rs`). A picture is found by its hash only
//! where the caller may see somebody, or a repository, that has it: who knows a hash learns nothing of those that hide. Called by the API and by `http/avatars.rs`.

use std::sync::Arc;
use std::time::Duration;

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::gate::Gate;
use atomicqms_actors::sql::Connection;
use atomicqms_actors::{Share, Shares};
use bytes::Bytes;
use serde_json::json;

use super::attachments::{LOOK_AGAIN_MS, forget_blobs, forget_now, schedule_forgetting, storage_error};
use super::{Forge, repositories, users};
use crate::access::action::{
    EditAvatar, EditOrganizationAvatar, EditRepositoryAvatar, SearchRepositories, SearchUsers,
};
use crate::access::{Action, Client, OrganizationAccess, Permit, RepositoryAccess};
use crate::audit::{self, Event, Object, action};
use crate::blobs::Received;
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::{Avatar, AvatarHolder, BlobId, User};
use crate::pictures::{self, Fault};

/// Requests that may wait for each picture that may be made.
const WAITING_PER_PLACE: usize = 16;
/// How long one waits before it is answered that the server is busy.
const WAIT: Duration = Duration::from_secs(30);

/// What pictures may be.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Longest content. Units: bytes.
    pub max_bytes: usize,
    /// Most pixels.
    pub max_pixels: u64,
    /// Pictures that are made at once.
    pub at_once: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_bytes: 1 << 20, max_pixels: 1 << 24, at_once: 2 }
    }
}

/// Where pictures are made: so many at once, one for each client.
pub(super) struct Studio {
    gate: Gate,
    clients: Shares<Client>,
}

impl Studio {
    pub(super) fn new(settings: Settings) -> Self {
        let waiting = settings.at_once.saturating_mul(WAITING_PER_PLACE);
        Self { gate: Gate::new("picture", settings.at_once, waiting), clients: Shares::new("picture of one client", 1) }
    }
}

/// A picture that was made of what somebody sent.
pub struct Picture(Vec<u8>);

/// A client's turn to send a picture and have it made: one at a time, so that nobody's contents wait in memory in numbers.
pub struct Sitting(Share<Client>);

/// Waits for the caller's turn, which comes before the content is read.
///
/// Errors: `Overloaded`.
pub async fn take_turn<A: EditsAvatar>(forge: &Forge, permit: &Permit<A>) -> Result<Sitting> {
    Ok(Sitting(forge.studio.clients.enter(Client::of(permit.caller()), Deadline::after(WAIT)).await?))
}

/// Makes a picture of what somebody sent, on the blocking pool.
///
/// Errors: `TooLarge` for too many bytes, `Invalid` for what is no picture or has too many pixels, `Overloaded`.
pub async fn make_picture(forge: &Forge, Sitting(share): Sitting, content: Vec<u8>) -> Result<Picture> {
    let Settings { max_bytes, max_pixels, .. } = forge.settings.avatars;
    if content.len() > max_bytes {
        return Err(Error::new(Kind::TooLarge, format!("the image is larger than {max_bytes} bytes")));
    }
    let pass = forge.studio.gate.enter(Deadline::after(WAIT)).await?;
    // The place stays with the work, which goes on for a moment after a client has left.
    let work = move || {
        let made = pictures::square_png(&content, max_pixels);
        drop((share, pass));
        made
    };
    let made = match tokio::task::spawn_blocking(work).await {
        Ok(made) => made,
        Err(error) => {
            tracing::error!(%error, "a picture could not be read because the reader failed");
            Err(Fault::Broken)
        }
    };
    made.map(Picture).map_err(|fault| Error::invalid("image", fault.to_string()))
}

/// The actions that change a picture.
pub trait EditsAvatar: Action {
    /// Whose it is, and the one it has.
    fn holder(subject: &Self::Subject) -> (AvatarHolder, Option<Avatar>);
    /// What the event is about.
    fn event(permit: &Permit<Self>, subject: &Self::Subject, what: &'static str) -> Event;
}

impl EditsAvatar for EditAvatar {
    fn holder(subject: &User) -> (AvatarHolder, Option<Avatar>) {
        (AvatarHolder::Account(subject.id), subject.avatar)
    }

    fn event(permit: &Permit<Self>, subject: &User, what: &'static str) -> Event {
        Event::new(permit.caller().stamp(), what, Object::new("user", subject.id))
    }
}

impl EditsAvatar for EditOrganizationAvatar {
    fn holder(subject: &OrganizationAccess) -> (AvatarHolder, Option<Avatar>) {
        (AvatarHolder::Account(subject.organization.user.id), subject.organization.user.avatar)
    }

    fn event(permit: &Permit<Self>, subject: &OrganizationAccess, what: &'static str) -> Event {
        Event::new(permit.caller().stamp(), what, Object::new("organization", subject.organization.user.id))
    }
}

impl EditsAvatar for EditRepositoryAvatar {
    fn holder(subject: &RepositoryAccess) -> (AvatarHolder, Option<Avatar>) {
        (AvatarHolder::Repository(subject.repository.id), subject.repository.avatar)
    }

    fn event(permit: &Permit<Self>, subject: &RepositoryAccess, what: &'static str) -> Event {
        repositories::event_about(permit.caller(), what, &subject.repository)
    }
}

/// Sets a picture; the one before goes. The same picture again changes nothing.
///
/// Shape: must not be cancelled half way, so callers run it as a detached task.
/// Errors: `Unavailable` for a full disk.
pub async fn set_avatar<A: EditsAvatar>(forge: &Arc<Forge>, permit: Permit<A>, picture: Picture) -> Result<()> {
    let received = receive(forge, picture).await.map_err(storage_error)?;
    let avatar = Avatar { blob: received.id, size_bytes: received.size_bytes };
    let at = forge.clock.now();
    let look_again = move |tx: &dyn Connection| schedule_forgetting(tx, &[avatar.blob], at.plus_ms(LOOK_AGAIN_MS), at);
    forge.write("expect blob", look_again).await?;
    let kept = forge.blobs.publish(received).await.map_err(storage_error)?;
    let changed = forge.write("set avatar", move |tx| change(tx, &permit, Some(avatar), at)).await;
    drop(kept);
    match changed {
        Ok(former) => {
            forget_blobs(forge, Vec::from_iter(former)).await;
            Ok(())
        }
        Err(error) => {
            forget_now(forge, avatar.blob).await;
            Err(error)
        }
    }
}

/// Takes a picture away; where there was none nothing changes.
///
/// Errors: those of the gate.
pub async fn delete_avatar<A: EditsAvatar>(forge: &Forge, permit: Permit<A>) -> Result<()> {
    let at = forge.clock.now();
    let former = forge.write("delete avatar", move |tx| change(tx, &permit, None, at)).await?;
    forget_blobs(forge, Vec::from_iter(former)).await;
    Ok(())
}

/// The row and its event; answers the content that was needed before.
fn change<A: EditsAvatar>(
    tx: &dyn Connection,
    permit: &Permit<A>,
    avatar: Option<Avatar>,
    at: crate::model::UtcMs,
) -> Result<Option<BlobId>> {
    let subject = permit.confirm(tx, at)?;
    let (holder, before) = A::holder(&subject);
    if before == avatar {
        return Ok(None);
    }
    db::avatars::set(tx, holder, avatar, at)?;
    let what = if avatar.is_some() { action::AVATAR_SET } else { action::AVATAR_REMOVE };
    let mut event = A::event(permit, &subject, what);
    if let Some(before) = before {
        event = event.before(json!({ "sha256": before.blob.to_string() }));
    }
    if let Some(after) = avatar {
        event = event.after(json!({ "sha256": after.blob.to_string(), "size_bytes": after.size_bytes }));
    }
    audit::append(tx, at, &event)?;
    let former = before.map(|avatar| avatar.blob);
    schedule_forgetting(tx, former.as_slice(), at, at)?;
    Ok(former)
}

async fn receive(forge: &Forge, Picture(content): Picture) -> std::io::Result<Received> {
    let mut receiving = forge.blobs.receive().await?;
    receiving.write(Bytes::from(content)).await?;
    Ok(receiving.finish())
}

/// A picture that was found, and whether everybody may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The content.
    pub avatar: Avatar,
    /// True: the account or repository is there for everybody.
    pub is_public: bool,
}

/// Finds a picture of any account or organization that the caller may see.
///
/// Errors: `NotFound`.
pub async fn find_of_account(forge: &Forge, permit: Permit<SearchUsers>, blob: BlobId) -> Result<Found> {
    let viewer = users::viewer_of(permit.caller());
    let read = move |conn: &dyn Connection| Ok(db::avatars::find_of_account(conn, viewer, blob)?);
    found(forge.read("find avatar", read).await?)
}

/// Finds a picture of any repository that the caller may see.
///
/// Errors: `NotFound`.
pub async fn find_of_repository(forge: &Forge, permit: Permit<SearchRepositories>, blob: BlobId) -> Result<Found> {
    let viewer = repositories::viewer_of(permit.caller());
    let read = move |conn: &dyn Connection| Ok(db::avatars::find_of_repository(conn, &viewer, blob)?);
    found(forge.read("find avatar", read).await?)
}

fn found(row: Option<(Avatar, bool)>) -> Result<Found> {
    row.map(|(avatar, is_public)| Found { avatar, is_public }).ok_or_else(Error::not_found)
}

#[cfg(test)]
mod tests;
