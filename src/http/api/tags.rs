//! Tags: list and single, annotated and lightweight.

use atomicqms_git::View;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;

use super::json::{CommitMetaJson, TagJson, Timestamp, ZERO_TIME};
use super::lookup::{self, Answer};
use super::objects::{self, TagTip};
use super::rendered::{Listed, Rendered};
use super::urls::Urls;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::extract::{Paging, PathParam};
use crate::model::Repository;

/// `repoListTags`.
pub async fn repo_list_tags(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<TagJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?;
    let repository = permit.into_subject().repository;
    let page = paging.page;
    let read = move |view: &View| objects::list_tags(view, page);
    let (found, place) = lookup::listing(&app, &caller, &repository, read).await?;
    let (urls, full_name) = (Urls::new(&app.root_url), repository.full_name());
    Ok(place.hold(paging.respond(&app, found.map(|tip| render(urls, &full_name, tip)))))
}

/// `repoGetTag`.
pub async fn repo_get_tag(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<Rendered<TagJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?;
    let repository = permit.into_subject().repository;
    let read = move |view: &View| objects::find_tag(view, &name);
    let (found, place) = lookup::listing(&app, &caller, &repository, read).await?;
    let tip = found.ok_or_else(Error::not_found)?;
    Ok(place.hold(Json(render(Urls::new(&app.root_url), &repository.full_name(), tip))))
}

/// One tag that was just written.
///
/// Errors: `NotFound` when it is gone again.
pub(super) async fn show(app: &App, repository: &Repository, name: String) -> Result<TagJson> {
    let view = app.forge.open(repository).await?.view();
    let found = objects::on_view(view, move |view| objects::find_tag(view, &name)).await?;
    let tip = found.ok_or_else(Error::not_found)?;
    Ok(render(Urls::new(&app.root_url), &repository.full_name(), tip))
}

fn render(urls: Urls<'_>, full_name: &str, tip: TagTip) -> TagJson {
    let sha = tip.object.to_string();
    let created = tip.tagger.map_or(ZERO_TIME, |tagger| Timestamp::from_git(tagger.seconds, tagger.offset_seconds));
    TagJson {
        message: tip.message,
        id: tip.id.to_string(),
        commit: CommitMetaJson { url: urls.api_object(full_name, "commit", &sha), sha, created },
        zipball_url: urls.archive(full_name, &tip.name, "zip"),
        tarball_url: urls.archive(full_name, &tip.name, "tar.gz"),
        name: tip.name,
    }
}
