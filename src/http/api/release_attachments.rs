//! Files of a release: list, read, rename, remove. Bringing one is `api/uploads.rs`'s.

use axum::Json;
use axum::extract::{RawPathParams, State};
use axum::http::{StatusCode, Uri};

use super::json::{AttachmentJson, EditAttachmentOptions};
use super::lookup::{self, Answer};
use super::releases::release_of;
use super::render::Viewer;
use super::validate;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::attachments;
use crate::http::App;
use crate::http::extract::{Body, PathParam};
use crate::model::AttachmentId;

/// `repoListReleaseAttachments`; not paged, as in Gitea: a release has at most 500.
pub async fn repo_list_release_attachments(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    names: RawPathParams,
    uri: Uri,
) -> Answer<Json<Vec<AttachmentJson>>> {
    let permit = lookup::repository(&app, &caller, action::ReadReleases, &path, &uri).await?;
    let (tag, files) = attachments::list_attachments(&app.forge, &permit, release_of(&names)?).await?;
    let full_name = permit.subject().repository.full_name();
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok(Json(files.iter().map(|file| viewer.attachment(file, &full_name, &tag)).collect()))
}

/// `repoGetReleaseAttachment`.
pub async fn repo_get_release_attachment(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    names: RawPathParams,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<Json<AttachmentJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadReleases, &path, &uri).await?;
    let found = attachments::find_attachment(&app.forge, &permit, release_of(&names)?, read_id(&id)?).await?;
    let (tag, file) = found;
    let full_name = permit.subject().repository.full_name();
    Ok(Json(Viewer::new(&caller, &app.root_url).attachment(&file, &full_name, &tag)))
}

/// `repoEditReleaseAttachment`; Gitea answers 201 to this change.
pub async fn repo_edit_release_attachment(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    names: RawPathParams,
    PathParam(id): PathParam,
    uri: Uri,
    body: Body<EditAttachmentOptions>,
) -> Answer<(StatusCode, Json<AttachmentJson>)> {
    let permit = lookup::repository(&app, &caller, action::EditReleases, &path, &uri).await?;
    let which = (release_of(&names)?, read_id(&id)?);
    let name = validate::attachment_name(&body.read(&app, &permit).await?)?;
    let allowed = &app.config.attachments.release_allowed_types;
    let full_name = permit.subject().repository.full_name();
    let (tag, file) = attachments::rename_attachment(&app.forge, permit, which, name, allowed.clone()).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok((StatusCode::CREATED, Json(viewer.attachment(&file, &full_name, &tag))))
}

/// `repoDeleteReleaseAttachment`.
pub async fn repo_delete_release_attachment(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    names: RawPathParams,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditReleases, &path, &uri).await?;
    attachments::delete_attachment(&app.forge, permit, (release_of(&names)?, read_id(&id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn read_id(text: &str) -> Result<AttachmentId> {
    text.parse().map(AttachmentId::new).map_err(|_| Error::not_found())
}
