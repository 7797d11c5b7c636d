//! Teams: create, read, change, delete, lists, their members and their repositories.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{RepositoryJson, TeamJson, TeamOption, TeamSearchJson, UserJson};
use super::lookup::{self, Answer};
use super::query::Params;
use super::render::Viewer;
use super::rendered::{Listed, Rendered};
use super::spec::Query;
use super::{repositories as api_repositories, validate_organization};
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::{repositories, teams};
use crate::http::App;
use crate::http::extract::{Body, OrgPath, Paging, TeamPath, UserPath};
use crate::model::Paged;

/// Query of `teamSearch`.
pub(super) const SEARCH: &[Query] = &[
    Query::text("q", "words to look for"),
    Query::switch("include_desc", "look at descriptions, too; true when not given"),
];

/// `orgListTeams`.
pub async fn org_list_teams(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    paging: Paging,
) -> Result<Listed<TeamJson>> {
    let permit = app.forge.authorize(&caller, action::ListTeams, &name).await?;
    let organization = permit.subject().organization.clone();
    let found = teams::list_teams(&app.forge, permit, String::new(), false, paging.page).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok(paging.respond(&app, found.map(|team| viewer.team(&team, &organization))))
}

/// `teamSearch`.
pub async fn team_search(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    params: Params,
    paging: Paging,
) -> Result<Rendered<TeamSearchJson>> {
    let permit = app.forge.authorize(&caller, action::ListTeams, &name).await?;
    let organization = permit.subject().organization.clone();
    let in_description = params.switch("include_desc").unwrap_or(true);
    let text = params.text("q").to_owned();
    let found = teams::list_teams(&app.forge, permit, text, in_description, paging.page).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    let data = found.rows.iter().map(|team| viewer.team(team, &organization)).collect();
    Ok(paging.wrap(&app, found.total_count, Json(TeamSearchJson { ok: true, data })))
}

/// `userListTeams`.
pub async fn user_list_teams(State(app): State<App>, caller: Caller, paging: Paging) -> Result<Listed<TeamJson>> {
    let permit = app.forge.authorize(&caller, action::ListOwnTeams, &()).await?;
    let found = teams::list_own_teams(&app.forge, permit, paging.page).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok(paging.respond(&app, found.map(|(organization, team)| viewer.team(&team, &organization))))
}

/// `orgCreateTeam`.
pub async fn org_create_team(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    body: Body<TeamOption>,
) -> Result<(StatusCode, Json<TeamJson>)> {
    let permit = app.forge.authorize(&caller, action::CreateTeam, &name).await?;
    let new = validate_organization::new_team(body.read(&app, &permit).await?)?;
    let (organization, team) = teams::create_team(&app.forge, permit, new).await?;
    Ok((StatusCode::CREATED, Json(Viewer::new(&caller, &app.root_url).team(&team, &organization))))
}

/// `orgGetTeam`.
pub async fn org_get_team(State(app): State<App>, caller: Caller, TeamPath(id): TeamPath) -> Result<Json<TeamJson>> {
    let found = app.forge.authorize(&caller, action::ReadTeam, &id).await?.into_subject();
    Ok(Json(Viewer::new(&caller, &app.root_url).team(&found.team, &found.organization)))
}

/// `orgEditTeam`.
pub async fn org_edit_team(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    body: Body<TeamOption>,
) -> Result<Json<TeamJson>> {
    let permit = app.forge.authorize(&caller, action::EditTeam, &id).await?;
    let patch = validate_organization::team_patch(body.read(&app, &permit).await?)?;
    let (organization, team) = teams::edit_team(&app.forge, permit, patch).await?;
    Ok(Json(Viewer::new(&caller, &app.root_url).team(&team, &organization)))
}

/// `orgDeleteTeam`.
pub async fn org_delete_team(State(app): State<App>, caller: Caller, TeamPath(id): TeamPath) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::DeleteTeam, &id).await?;
    teams::delete_team(&app.forge, permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `orgListTeamMembers`.
pub async fn org_list_team_members(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    paging: Paging,
) -> Result<Listed<UserJson>> {
    let permit = app.forge.authorize(&caller, action::ReadTeam, &id).await?;
    let found = teams::list_team_members(&app.forge, permit, paging.page).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok(paging.respond(&app, found.map(|user| viewer.user(&user))))
}

/// `orgListTeamMember`.
pub async fn org_list_team_member(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    UserPath(name): UserPath,
) -> Result<Json<UserJson>> {
    let permit = app.forge.authorize(&caller, action::ReadTeam, &id).await?;
    let found = teams::find_team_member(&app.forge, permit, &name).await?.ok_or_else(Error::not_found)?;
    Ok(Json(Viewer::new(&caller, &app.root_url).user(&found)))
}

/// `orgAddTeamMember`.
pub async fn org_add_team_member(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    UserPath(name): UserPath,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::EditTeamMembers, &id).await?;
    teams::put_team_member(&app.forge, permit, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `orgRemoveTeamMember`.
pub async fn org_remove_team_member(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    UserPath(name): UserPath,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::EditTeamMembers, &id).await?;
    teams::remove_team_member(&app.forge, permit, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `orgListTeamRepos`.
pub async fn org_list_team_repos(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    paging: Paging,
) -> Result<Listed<RepositoryJson>> {
    let permit = app.forge.authorize(&caller, action::ReadTeam, &id).await?;
    let found = repositories::list_team_repositories(&app.forge, permit, paging.page).await?;
    let rows = api_repositories::render_all(&app, &caller, found.rows).await?;
    Ok(paging.respond(&app, Paged { rows, total_count: found.total_count }))
}

/// `orgListTeamRepo`.
pub async fn org_list_team_repo(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<RepositoryJson>> {
    let team = app.forge.authorize(&caller, action::ReadTeam, &id).await?;
    let found = lookup::repository(&app, &caller, action::ReadRepository, &path, &uri).await?.into_subject();
    if !teams::has_repository(&app.forge, team, &found.repository).await? {
        return Err(Error::not_found().into());
    }
    let mut rendered = api_repositories::render_all(&app, &caller, vec![(found.repository, found.rights)]).await?;
    Ok(Json(rendered.pop().ok_or_else(|| Error::broken("one repository rendered to none"))?))
}

/// `orgAddTeamRepository`.
pub async fn org_add_team_repository(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    path: RepoPath,
    uri: Uri,
) -> Answer<StatusCode> {
    set_access(&app, &caller, id, &path, &uri, true).await
}

/// `orgRemoveTeamRepository`.
pub async fn org_remove_team_repository(
    State(app): State<App>,
    caller: Caller,
    TeamPath(id): TeamPath,
    path: RepoPath,
    uri: Uri,
) -> Answer<StatusCode> {
    set_access(&app, &caller, id, &path, &uri, false).await
}

async fn set_access(
    app: &App,
    caller: &Caller,
    id: crate::model::TeamId,
    path: &RepoPath,
    uri: &Uri,
    has_access: bool,
) -> Answer<StatusCode> {
    let team = app.forge.authorize(caller, action::UseTeam, &id).await?;
    let permit = lookup::repository(app, caller, action::EditRepositoryTeams, path, uri).await?;
    teams::set_team_access(&app.forge, permit, teams::Named::Team(Box::new(team)), has_access, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
