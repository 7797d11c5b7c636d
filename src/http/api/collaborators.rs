//! Collaborators of a repository: list, check, add, remove, and what one user may do.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{AddCollaboratorOption, CollaboratorPermissionJson, UserJson};
use super::lookup::{self, Answer};
use super::render::Viewer;
use super::rendered::Listed;
use super::validate::one_of;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::forge::collaborators;
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam};
use crate::model::{AccessLevel, UserName};

/// `repoListCollaborators`.
pub async fn repo_list_collaborators(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<UserJson>> {
    let permit = lookup::repository(&app, &caller, action::ListCollaborators, &path, &uri).await?;
    let found = collaborators::list_collaborators(&app.forge, permit, paging.page).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok(paging.respond(&app, found.map(|row| viewer.user(&row.user))))
}

/// `repoCheckCollaborator`.
pub async fn repo_check_collaborator(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::ListCollaborators, &path, &uri).await?;
    let name = read_name(&name)?;
    let found =
        collaborators::find_collaborator(&app.forge, permit, &name).await.map_err(|error| match error.kind() {
            Kind::NotFound => no_such_user(name.as_str()),
            _ => error,
        })?;
    found.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| Error::not_found().into())
}

/// `repoAddCollaborator`.
pub async fn repo_add_collaborator(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
    body: Body<AddCollaboratorOption>,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditCollaborators, &path, &uri).await?;
    let option = body.read(&app, &permit).await?;
    let name = read_name(&name)?;
    let level = AccessLevel::parse_grant(option.permission.as_deref().unwrap_or_default())
        .ok_or_else(|| one_of("Permission", ["read", "write", "admin"]))?;
    collaborators::put_collaborator(&app.forge, permit, &name, level).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoDeleteCollaborator`.
pub async fn repo_delete_collaborator(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditCollaborators, &path, &uri).await?;
    collaborators::remove_collaborator(&app.forge, permit, &read_name(&name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoGetRepoPermissions`.
pub async fn repo_get_repo_permissions(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    names: axum::extract::RawPathParams,
    uri: Uri,
) -> Answer<Json<CollaboratorPermissionJson>> {
    let permit = lookup::repository(&app, &caller, action::ListCollaborators, &path, &uri).await?;
    let name = names.iter().find_map(|(key, value)| (key == "collaborator").then_some(value)).unwrap_or_default();
    let name = UserName::parse(name).map_err(|_| Error::not_found())?;
    let (user, level) = collaborators::permission_of(&app.forge, permit, &name).await?;
    Ok(Json(CollaboratorPermissionJson {
        permission: level.as_str(),
        role_name: level.as_str(),
        user: Viewer::new(&caller, &app.root_url).user(&user),
    }))
}

/// A name no account can have is answered like one no account has.
fn read_name(name: &str) -> Result<UserName> {
    UserName::parse(name).map_err(|_| no_such_user(name))
}

/// Gitea answers an unknown account with 422 where it is the object of the operation.
fn no_such_user(name: &str) -> Error {
    Error::invalid("collaborator", format!("user does not exist [name: {name}]"))
}
