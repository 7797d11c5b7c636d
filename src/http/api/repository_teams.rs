//! Teams with access to a repository: list, check, give, take.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::TeamJson;
use super::lookup::{self, Answer};
use super::render::Viewer;
use crate::access::{Caller, RepoPath, action};
use crate::error::Error;
use crate::forge::teams::{self, Named};
use crate::http::App;
use crate::http::extract::PathParam;

/// `repoListTeams`.
pub async fn repo_list_teams(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<Vec<TeamJson>>> {
    let permit = lookup::repository(&app, &caller, action::ListRepositoryTeams, &path, &uri).await?;
    let (organization, found) = teams::list_repository_teams(&app.forge, permit).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok(Json(found.iter().map(|team| viewer.team(team, &organization)).collect()))
}

/// `repoCheckTeam`.
pub async fn repo_check_team(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<Json<TeamJson>> {
    let permit = lookup::repository(&app, &caller, action::ListRepositoryTeams, &path, &uri).await?;
    let (organization, found) = teams::list_repository_teams(&app.forge, permit).await?;
    let team = found.iter().find(|team| team.name.eq_ignore_ascii_case(&name)).ok_or_else(Error::not_found)?;
    Ok(Json(Viewer::new(&caller, &app.root_url).team(team, &organization)))
}

/// `repoAddTeam`.
pub async fn repo_add_team(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditRepositoryTeams, &path, &uri).await?;
    teams::set_team_access(&app.forge, permit, Named::Name(name), true, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoDeleteTeam`.
pub async fn repo_delete_team(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditRepositoryTeams, &path, &uri).await?;
    teams::set_team_access(&app.forge, permit, Named::Name(name), false, true).await?;
    Ok(StatusCode::NO_CONTENT)
}
