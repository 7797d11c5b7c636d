//! Repositories: create, read, change, delete, and the lists of one account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{CreateRepoOption, EditRepoOption, RepositoryJson};
use super::lookup::{self, Answer};
use super::render::Viewer;
use super::validate;
use atomicqms_actors::sql::Connection;

use super::rendered::Listed;
use crate::access::rights::rights_in;
use crate::access::{Caller, Permit, RepoPath, RepositoryRights, action};
use crate::error::{Error, Result};
use crate::forge::first_commit::create_with_first_commit;
use crate::forge::repositories::{self, MayCreateRepository};
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam, UserPath};
use crate::model::{NewRepository, Paged, RepoId, Repository};

/// `createCurrentUserRepo`.
pub async fn create_current_user_repo(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateRepoOption>,
) -> Result<(StatusCode, Json<RepositoryJson>)> {
    let own = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::CreateRepository, &own).await?;
    let new = validate::new_repository(body.read(&app, &permit).await?)?;
    let made = create(&app, permit, new).await?;
    Ok((StatusCode::CREATED, Json(render_fresh(&app, &caller, made).await?)))
}

/// `adminCreateRepo`.
pub async fn admin_create_repo(
    State(app): State<App>,
    caller: Caller,
    UserPath(owner): UserPath,
    body: Body<CreateRepoOption>,
) -> Result<(StatusCode, Json<RepositoryJson>)> {
    let permit = app.forge.authorize(&caller, action::CreateRepositoryFor, &owner).await?;
    let new = validate::new_repository(body.read(&app, &permit).await?)?;
    let made = create(&app, permit, new).await?;
    Ok((StatusCode::CREATED, Json(render_fresh(&app, &caller, made).await?)))
}

/// `repoGet`.
pub async fn repo_get(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<RepositoryJson>> {
    let found = lookup::repository(&app, &caller, action::ReadRepository, &path, &uri).await?.into_subject();
    Ok(Json(render(&app, &caller, found.repository, found.rights).await?))
}

/// `repoGetByID`.
pub async fn repo_get_by_id(
    State(app): State<App>,
    caller: Caller,
    PathParam(id): PathParam,
) -> Result<Json<RepositoryJson>> {
    let id = id.parse().map(RepoId::new).map_err(|_| Error::not_found())?;
    let found = app.forge.authorize(&caller, action::ReadRepositoryById, &id).await?.into_subject();
    Ok(Json(render(&app, &caller, found.repository, found.rights).await?))
}

/// `repoEdit`.
pub async fn repo_edit(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<EditRepoOption>,
) -> Answer<Json<RepositoryJson>> {
    let permit = lookup::repository(&app, &caller, action::EditRepository, &path, &uri).await?;
    let rights = permit.subject().rights;
    let patch = validate::repository_patch(body.read(&app, &permit).await?)?;
    let edited = repositories::edit_repository(&app.forge, permit, patch).await?;
    Ok(Json(render(&app, &caller, edited, rights).await?))
}

/// `repoDelete`.
pub async fn repo_delete(State(app): State<App>, caller: Caller, path: RepoPath, uri: Uri) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::DeleteRepository, &path, &uri).await?;
    repositories::delete_repository(&app.forge, permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `userCurrentListRepos`.
pub async fn user_current_list_repos(
    State(app): State<App>,
    caller: Caller,
    paging: Paging,
) -> Result<Listed<RepositoryJson>> {
    let permit = app.forge.authorize(&caller, action::ListOwnRepositories, &()).await?;
    let found = repositories::list_own_repositories(&app.forge, permit, paging.page).await?;
    let rows = render_all(&app, &caller, found.rows).await?;
    Ok(paging.respond(&app, Paged { rows, total_count: found.total_count }))
}

/// `userListRepos`.
pub async fn user_list_repos(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    paging: Paging,
) -> Result<Listed<RepositoryJson>> {
    let permit = app.forge.authorize(&caller, action::ListUserRepositories, &name).await?;
    let found = repositories::list_user_repositories(&app.forge, permit, paging.page).await?;
    let rows = render_all(&app, &caller, found.rows).await?;
    Ok(paging.respond(&app, Paged { rows, total_count: found.total_count }))
}

/// Detached: a client that goes away must not leave a repository without its first commit.
pub async fn create<A: MayCreateRepository>(app: &App, permit: Permit<A>, new: NewRepository) -> Result<Repository> {
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let made = app.work.spawn(async move { create_with_first_commit(&forge, &intake, permit, new).await });
    made.await.map_err(Error::internal)?
}

/// Renders a repository that was just made, with what the caller may do in it now.
pub async fn render_fresh(app: &App, caller: &Caller, made: Repository) -> Result<RepositoryJson> {
    let (caller_again, repository) = (caller.clone(), made.clone());
    let look = move |conn: &dyn Connection| Ok(rights_in(conn, &caller_again, &repository)?);
    let rights = app.forge.read("rights in a new repository", look).await?;
    render(app, caller, made, rights).await
}

/// Renders repositories, each with the caller's rights in it, looking owners and branch counts up once for all.
pub async fn render_all(
    app: &App,
    caller: &Caller,
    rows: Vec<(Repository, RepositoryRights)>,
) -> Result<Vec<RepositoryJson>> {
    let viewer = Viewer::new(caller, &app.root_url).with_ssh(app.ssh_root.as_deref());
    let (repositories, rights): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let details = repositories::details(&app.forge, caller, &repositories).await?;
    let shown = repositories.iter().zip(rights).zip(details);
    Ok(shown.map(|((repository, rights), more)| viewer.repository(repository, rights, &more)).collect())
}

async fn render(
    app: &App,
    caller: &Caller,
    repository: Repository,
    rights: RepositoryRights,
) -> Result<RepositoryJson> {
    let mut rendered = render_all(app, caller, vec![(repository, rights)]).await?;
    rendered.pop().ok_or_else(|| Error::broken("one repository rendered to none"))
}
