//! Deploy keys of a repository, for its administrators.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{CreateKeyOption, DeployKeyJson};
use super::keys::{fingerprint, read_id};
use super::lookup::{self, Answer};
use super::query::Params;
use super::render::Viewer;
use super::rendered::Listed;
use super::spec::Query;
use super::{repositories, validate};
use crate::access::{Caller, RepoPath, RepositoryAccess, action};
use crate::db::keys::Filter;
use crate::error::Result;
use crate::forge::keys;
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam};
use crate::model::{KeyId, SshKey};

/// Query of `repoListKeys`.
pub(super) const LIST: &[Query] =
    &[Query::number("key_id", "id of the only key to look at"), Query::text("fingerprint", "the only key to look at")];

/// `repoListKeys`.
pub async fn repo_list_keys(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    params: Params,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<DeployKeyJson>> {
    let permit = lookup::repository(&app, &caller, action::ListDeployKeys, &path, &uri).await?;
    let filter = Filter { fingerprint: fingerprint(&params), id: params.id("key_id").map(KeyId::new) };
    let found = keys::list_deploy_keys(&app.forge, &permit, filter, paging.page).await?;
    let full_name = permit.subject().repository.full_name();
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok(paging.respond(&app, found.map(|key| viewer.deploy_key(&key, &full_name))))
}

/// `repoGetKey`.
pub async fn repo_get_key(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<Json<DeployKeyJson>> {
    let permit = lookup::repository(&app, &caller, action::ListDeployKeys, &path, &uri).await?;
    let key = keys::find_deploy_key(&app.forge, &permit, read_id(&id)?).await?;
    Ok(Json(render(&app, &caller, permit.into_subject(), &key).await?))
}

/// `repoCreateKey`.
pub async fn repo_create_key(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<CreateKeyOption>,
) -> Answer<(StatusCode, Json<DeployKeyJson>)> {
    let permit = lookup::repository(&app, &caller, action::EditDeployKeys, &path, &uri).await?;
    let subject = permit.subject().clone();
    let new = validate::new_key(body.read(&app, &permit).await?)?;
    let key = keys::add_deploy_key(&app.forge, permit, new).await?;
    Ok((StatusCode::CREATED, Json(render(&app, &caller, subject, &key).await?)))
}

/// `repoDeleteKey`.
pub async fn repo_delete_key(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditDeployKeys, &path, &uri).await?;
    keys::remove_deploy_key(&app.forge, permit, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn render(app: &App, caller: &Caller, subject: RepositoryAccess, key: &SshKey) -> Result<DeployKeyJson> {
    let full_name = subject.repository.full_name();
    let shown = repositories::render_all(app, caller, vec![(subject.repository, subject.rights)]).await?;
    let viewer = Viewer::new(caller, &app.root_url);
    Ok(DeployKeyJson { repository: shown.into_iter().next().map(Box::new), ..viewer.deploy_key(key, &full_name) })
}
