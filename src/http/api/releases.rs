//! Releases: list, read, make, change, delete.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawPathParams, State};
use axum::http::{StatusCode, Uri};

use super::json::{CreateReleaseOption, EditReleaseOption, ReleaseJson};
use super::lookup::{self, Answer};
use super::query::Params;
use super::render::Viewer;
use super::rendered::Listed;
use super::spec::Query;
use super::validate;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::releases::{self, Which};
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam};
use crate::model::{ReleaseFilter, ReleaseId};

/// Query of `repoListReleases`.
pub(super) const LIST: &[Query] = &[
    Query::switch("draft", "drafts, or published ones"),
    Query::switch("pre-release", "pre-releases, or others"),
    Query::text("q", "a part of the tag or the title; our addition"),
];

/// `repoListReleases`.
pub async fn repo_list_releases(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    params: Params,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<ReleaseJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadReleases, &path, &uri).await?;
    let filter = ReleaseFilter {
        is_draft: params.switch("draft"),
        is_prerelease: params.switch("pre-release"),
        keyword: params.text("q").to_owned(),
        ..ReleaseFilter::default()
    };
    let found = releases::list_releases(&app.forge, &permit, filter, paging.page).await?;
    let full_name = permit.subject().repository.full_name();
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok(paging.respond(&app, found.map(|shown| viewer.release(&shown, &full_name))))
}

/// `repoGetRelease`.
pub async fn repo_get_release(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<Json<ReleaseJson>> {
    get(&app, &caller, &path, &uri, Which::Id(read_id(&id)?)).await
}

/// `repoGetLatestRelease`.
pub async fn repo_get_latest_release(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<ReleaseJson>> {
    get(&app, &caller, &path, &uri, Which::Latest).await
}

/// `repoGetReleaseByTag`.
pub async fn repo_get_release_by_tag(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(tag): PathParam,
    uri: Uri,
) -> Answer<Json<ReleaseJson>> {
    get(&app, &caller, &path, &uri, Which::Tag(tag)).await
}

/// `repoCreateRelease`.
pub async fn repo_create_release(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<CreateReleaseOption>,
) -> Answer<(StatusCode, Json<ReleaseJson>)> {
    let permit = lookup::repository(&app, &caller, action::EditReleases, &path, &uri).await?;
    let new = validate::new_release(body.read(&app, &permit).await?)?;
    let full_name = permit.subject().repository.full_name();
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    // Detached: a client that goes away must not leave a tag without its release.
    let made = app.work.spawn(async move { releases::create_release(&forge, &intake, permit, new).await });
    let shown = made.await.map_err(Error::internal)??;
    Ok((StatusCode::CREATED, Json(Viewer::new(&caller, &app.root_url).release(&shown, &full_name))))
}

/// `repoEditRelease`.
pub async fn repo_edit_release(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
    body: Body<EditReleaseOption>,
) -> Answer<Json<ReleaseJson>> {
    let permit = lookup::repository(&app, &caller, action::EditReleases, &path, &uri).await?;
    let id = read_id(&id)?;
    let patch = validate::release_patch(body.read(&app, &permit).await?)?;
    let full_name = permit.subject().repository.full_name();
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let made = app.work.spawn(async move { releases::edit_release(&forge, &intake, permit, id, patch).await });
    let shown = made.await.map_err(Error::internal)??;
    Ok(Json(Viewer::new(&caller, &app.root_url).release(&shown, &full_name)))
}

/// `repoDeleteRelease`.
pub async fn repo_delete_release(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditReleases, &path, &uri).await?;
    releases::delete_release(&app.forge, permit, Which::Id(read_id(&id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoDeleteReleaseByTag`.
pub async fn repo_delete_release_by_tag(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(tag): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditReleases, &path, &uri).await?;
    releases::delete_release(&app.forge, permit, Which::Tag(tag)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn get(app: &App, caller: &Caller, path: &RepoPath, uri: &Uri, which: Which) -> Answer<Json<ReleaseJson>> {
    let permit = lookup::repository(app, caller, action::ReadReleases, path, uri).await?;
    let shown = releases::find_release(&app.forge, &permit, which).await?;
    let full_name = permit.subject().repository.full_name();
    Ok(Json(Viewer::new(caller, &app.root_url).release(&shown, &full_name)))
}

fn read_id(text: &str) -> Result<ReleaseId> {
    text.parse().map(ReleaseId::new).map_err(|_| Error::not_found())
}

/// The id of the release in the path of one of its files.
pub(super) fn release_of(names: &RawPathParams) -> Result<ReleaseId> {
    let id = names.iter().find_map(|(name, value)| (name == "id").then_some(value));
    read_id(id.unwrap_or_default())
}
