//! Releases: made, changed, published, deleted, read.
//!
//! Owns who sees drafts (those who may write), when a release makes its tag (when it is published and the tag is not there) and the one ledger event of
//! each change. How a tag lands is `forge/releases/tag.rs`'s. Belongs to the releases unit. Called by the API.

mod tag;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

pub use self::tag::check_tag_name;
use super::attachments::forget_blobs;
use super::intake::Intake;
use super::{Forge, check_text};
use crate::access::action::{EditReleases, ReadReleases};
use crate::access::{Caller, Permit, RepositoryAccess};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::{
    AccessLevel, Attachment, NewRelease, Page, Paged, Release, ReleaseFilter, ReleaseId, ReleasePatch, Repository,
    Unit, User, UserId, UtcMs,
};

/// Longest title. Units: characters.
const TITLE_MAX: usize = 255;
/// Longest notes and longest message of a tag. Units: characters.
const BODY_MAX: usize = 1 << 20;
/// Longest notes that the ledger holds as they are. Units: bytes.
const TOLD_MAX_BYTES: usize = 16 * 1024;

/// A release with what an answer shows of it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The row.
    pub release: Release,
    /// Who made it; none: the account was deleted.
    pub author: Option<User>,
    /// Its files.
    pub attachments: Vec<Attachment>,
}

/// Whether somebody with this access sees drafts and their files.
pub fn sees_drafts(access: &RepositoryAccess) -> bool {
    access.rights.units.of(Unit::Releases) >= AccessLevel::Write
}

/// Lists releases, the newest first; drafts only for those who may write.
pub async fn list_releases(
    forge: &Forge,
    permit: &Permit<ReadReleases>,
    filter: ReleaseFilter,
    page: Page,
) -> Result<Paged<Shown>> {
    let filter = ReleaseFilter { sees_drafts: sees_drafts(permit.subject()), ..filter };
    let repo = permit.subject().repository.id;
    forge
        .read("list releases", move |conn| {
            let found = db::releases::list(conn, repo, &filter, page)?;
            let total_count = found.total_count;
            Ok(Paged { rows: show(conn, found.rows)?, total_count })
        })
        .await
}

/// What names one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Its id.
    Id(ReleaseId),
    /// Its tag.
    Tag(String),
    /// The newest that is neither draft nor pre-release.
    Latest,
}

/// Finds one release.
///
/// Errors: `NotFound`, also for a draft of somebody who may not write.
pub async fn find_release(forge: &Forge, permit: &Permit<ReadReleases>, which: Which) -> Result<Shown> {
    let access = permit.subject().clone();
    forge
        .read("find release", move |conn| {
            let repo = access.repository.id;
            let found = match which {
                Which::Id(id) => db::releases::find(conn, repo, id)?,
                Which::Tag(tag) => db::releases::find_by_tag(conn, repo, &tag)?,
                Which::Latest => db::releases::find_latest(conn, repo)?,
            };
            let found =
                found.filter(|release| !release.is_draft || sees_drafts(&access)).ok_or_else(Error::not_found)?;
            show(conn, vec![found])?.pop().ok_or_else(Error::not_found)
        })
        .await
}

fn show(conn: &dyn atomicqms_actors::sql::Connection, releases: Vec<Release>) -> Result<Vec<Shown>> {
    let mut authors: HashMap<UserId, Option<User>> = HashMap::new();
    let mut shown = Vec::with_capacity(releases.len());
    for release in releases {
        let author = match authors.get(&release.author_id) {
            Some(known) => known.clone(),
            None => {
                let found = db::users::find(conn, release.author_id)?;
                authors.insert(release.author_id, found.clone());
                found
            }
        };
        let attachments = db::attachments::list_of_release(conn, release.id)?;
        shown.push(Shown { release, author, attachments });
    }
    Ok(shown)
}

/// Makes a release and, unless it is a draft, its tag where that is not there yet.
///
/// Shape: must not be cancelled half way, so callers run it as a detached task. A tag that was made stays when the release then is refused.
/// Errors: `Invalid` for an empty repository, a bad name, a refused tag; `NotFound` for a target that is not there; `Conflict` for a tag that has a
/// release.
pub async fn create_release(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<EditReleases>,
    mut new: NewRelease,
) -> Result<Shown> {
    let repository = permit.subject().repository.clone();
    let author = permit.caller().account()?.id;
    check(&new.tag, &new.title, &new.body)?;
    check_text("tag_message", &new.tag_message, BODY_MAX)?;
    if repository.is_empty {
        return Err(Error::invalid("repo", "repo is empty"));
    }
    if new.target.is_empty() {
        new.target.clone_from(&repository.default_branch);
    }
    let (id, name) = (repository.id, new.tag.clone());
    if forge.read("look for release", move |conn| Ok(db::releases::find_by_tag(conn, id, &name)?)).await?.is_some() {
        return Err(exists(&new.tag));
    }
    if !new.is_draft {
        tag::ensure(forge, intake, permit.caller(), &repository, (&new.tag, &new.target, &new.tag_message)).await?;
    }
    let at = forge.clock.now();
    forge
        .write("create release", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            if db::releases::find_by_tag(tx, repository.id, &new.tag)?.is_some() {
                return Err(exists(&new.tag));
            }
            let release = db::releases::insert(tx, repository.id, author, &new, at)?;
            let event = event_about(permit.caller(), action::RELEASE_CREATE, &release).after(described(&release));
            audit::append(tx, at, &event)?;
            show(tx, vec![release])?.pop().ok_or_else(Error::not_found)
        })
        .await
}

/// Changes a release; one that stops being a draft is published, and gets its tag.
///
/// Shape, errors: as [`create_release`]; `NotFound` also when there is no such release.
pub async fn edit_release(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<EditReleases>,
    id: ReleaseId,
    patch: ReleasePatch,
) -> Result<Shown> {
    let repository = permit.subject().repository.clone();
    let before = find_row(forge, &repository, id).await?;
    let planned = apply(&before, &patch, forge.clock.now());
    check(&planned.tag, &planned.title, &planned.body)?;
    if !planned.is_draft {
        tag::ensure(forge, intake, permit.caller(), &repository, (&planned.tag, &planned.target, "")).await?;
    }
    let at = forge.clock.now();
    forge
        .write("edit release", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let before = db::releases::find(tx, repository.id, id)?.ok_or_else(Error::not_found)?;
            let after = apply(&before, &patch, at);
            if !after.is_draft && (planned.is_draft || planned.tag != after.tag) {
                // Its tag was not looked after.
                return Err(Error::conflict("the release was changed meanwhile, try again"));
            }
            if db::releases::find_by_tag(tx, repository.id, &after.tag)?.is_some_and(|other| other.id != id) {
                return Err(exists(&after.tag));
            }
            let (old, new) = changes(&before, &after);
            if !new.is_empty() {
                db::releases::update(tx, &after)?;
                let is_published = before.is_draft && !after.is_draft;
                let what = if is_published { action::RELEASE_PUBLISH } else { action::RELEASE_EDIT };
                let event = event_about(permit.caller(), what, &after);
                audit::append(tx, at, &event.before(Value::Object(old)).after(Value::Object(new)))?;
            }
            show(tx, vec![after])?.pop().ok_or_else(Error::not_found)
        })
        .await
}

/// Deletes a release with its files; the tag stays, as in Gitea.
///
/// Errors: `NotFound`.
pub async fn delete_release(forge: &Arc<Forge>, permit: Permit<EditReleases>, which: Which) -> Result<()> {
    let at = forge.clock.now();
    let blobs = forge
        .write("delete release", move |tx| {
            let repo = permit.confirm(tx, at)?.repository.id;
            let found = match &which {
                Which::Id(id) => db::releases::find(tx, repo, *id)?,
                Which::Tag(tag) => db::releases::find_by_tag(tx, repo, tag)?,
                Which::Latest => db::releases::find_latest(tx, repo)?,
            };
            let release = found.ok_or_else(Error::not_found)?;
            let files = db::attachments::list_of_release(tx, release.id)?;
            db::releases::delete(tx, release.id)?;
            let mut before = described(&release);
            let named = |file: &Attachment| json!({ "name": file.name.as_str(), "sha256": file.blob.to_string() });
            before["attachments"] = files.iter().map(named).collect();
            audit::append(tx, at, &event_about(permit.caller(), action::RELEASE_DELETE, &release).before(before))?;
            let blobs: Vec<_> = files.into_iter().map(|file| file.blob).collect();
            super::attachments::schedule_forgetting(tx, &blobs, at, at)?;
            Ok(blobs)
        })
        .await?;
    forget_blobs(forge, blobs).await;
    Ok(())
}

async fn find_row(forge: &Forge, repository: &Repository, id: ReleaseId) -> Result<Release> {
    let repo = repository.id;
    forge.read("find release", move |conn| db::releases::find(conn, repo, id)?.ok_or_else(Error::not_found)).await
}

fn exists(tag: &str) -> Error {
    Error::conflict(format!("release tag already exist [tag_name: {tag}]"))
}

fn check(tag: &str, title: &str, body: &str) -> Result<()> {
    check_tag_name(tag)?;
    check_text("name", title, TITLE_MAX)?;
    check_text("body", body, BODY_MAX)
}

fn apply(before: &Release, patch: &ReleasePatch, at: UtcMs) -> Release {
    let mut after = before.clone();
    for (field, value) in [
        (&mut after.tag, &patch.tag),
        (&mut after.target, &patch.target),
        (&mut after.title, &patch.title),
        (&mut after.body, &patch.body),
    ] {
        if let Some(value) = value {
            field.clone_from(value);
        }
    }
    after.is_draft = patch.is_draft.unwrap_or(before.is_draft);
    after.is_prerelease = patch.is_prerelease.unwrap_or(before.is_prerelease);
    if before.is_draft && !after.is_draft {
        after.published_ms = at;
    }
    after
}

fn described(release: &Release) -> Value {
    json!({
        "tag": release.tag,
        "target": release.target,
        "title": release.title,
        "body": told(&release.body),
        "is_draft": release.is_draft,
        "is_prerelease": release.is_prerelease,
    })
}

/// A text for the ledger, which keeps it for ever: a long one by its hash.
fn told(text: &str) -> Value {
    if text.len() <= TOLD_MAX_BYTES {
        return text.into();
    }
    json!({ "bytes": text.len(), "sha256": audit::event::hex(&Sha256::digest(text.as_bytes())) })
}

fn changes(before: &Release, after: &Release) -> (Map<String, Value>, Map<String, Value>) {
    let (Value::Object(mut old), Value::Object(mut new)) = (described(before), described(after)) else {
        return Default::default();
    };
    let same: Vec<String> =
        old.iter().filter(|(key, value)| new.get(*key) == Some(value)).map(|(key, _)| key.clone()).collect();
    for key in same {
        old.remove(&key);
        new.remove(&key);
    }
    (old, new)
}

fn event_about(caller: &Caller, what: &'static str, release: &Release) -> Event {
    Event::new(caller.stamp(), what, Object::in_repository("release", release.repo_id, release.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_holds_short_notes_and_hashes_of_long_ones() {
        assert_eq!(told("notes"), json!("notes"));
        let long = told(&"x".repeat(TOLD_MAX_BYTES + 1));
        assert_eq!(long["bytes"], TOLD_MAX_BYTES + 1);
        assert_eq!(long["sha256"].as_str().map(str::len), Some(64));
        assert_ne!(long, told(&"y".repeat(TOLD_MAX_BYTES + 1)), "another text is another value");
    }
}
