//! Organizations: create, read, change, delete, lists, and their repositories.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::json::{
    CreateOrgOption, CreateRepoOption, EditOrgOption, OrganizationJson, OrganizationPermissionsJson, RepositoryJson,
};
use super::render::Viewer;
use super::rendered::Listed;
use super::{repositories as api_repositories, validate, validate_organization};
use crate::access::{Caller, action};
use crate::error::Result;
use crate::forge::{organizations, repositories};
use crate::http::App;
use crate::http::extract::{Body, OrgPath, Paging, UserPath};
use crate::model::{Organization, Paged};

/// `orgGetAll`.
pub async fn org_get_all(State(app): State<App>, caller: Caller, paging: Paging) -> Result<Listed<OrganizationJson>> {
    let permit = app.forge.authorize(&caller, action::ListOrganizations, &()).await?;
    let found = organizations::list_organizations(&app.forge, permit, paging.page).await?;
    Ok(respond(&app, &caller, &paging, found))
}

/// `adminGetAllOrgs`.
pub async fn admin_get_all_orgs(
    State(app): State<App>,
    caller: Caller,
    paging: Paging,
) -> Result<Listed<OrganizationJson>> {
    let permit = app.forge.authorize(&caller, action::ListAllOrganizations, &()).await?;
    let found = organizations::list_all_organizations(&app.forge, permit, paging.page).await?;
    Ok(respond(&app, &caller, &paging, found))
}

/// `orgListCurrentUserOrgs`.
pub async fn org_list_current_user_orgs(
    State(app): State<App>,
    caller: Caller,
    paging: Paging,
) -> Result<Listed<OrganizationJson>> {
    let permit = app.forge.authorize(&caller, action::ListOwnOrganizations, &()).await?;
    let found = organizations::list_own_organizations(&app.forge, permit, paging.page).await?;
    Ok(respond(&app, &caller, &paging, found))
}

/// `orgListUserOrgs`.
pub async fn org_list_user_orgs(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    paging: Paging,
) -> Result<Listed<OrganizationJson>> {
    let permit = app.forge.authorize(&caller, action::ListUserOrganizations, &name).await?;
    let found = organizations::list_user_organizations(&app.forge, permit, paging.page).await?;
    Ok(respond(&app, &caller, &paging, found))
}

/// `orgCreate`.
pub async fn org_create(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateOrgOption>,
) -> Result<(StatusCode, Json<OrganizationJson>)> {
    let permit = app.forge.authorize(&caller, action::CreateOrganization, &()).await?;
    let new = validate_organization::new_organization(body.read(&app, &permit).await?)?;
    let made = organizations::create_organization(&app.forge, permit, new).await?;
    Ok((StatusCode::CREATED, Json(Viewer::new(&caller, &app.root_url).organization(&made))))
}

/// `adminCreateOrg`.
pub async fn admin_create_org(
    State(app): State<App>,
    caller: Caller,
    UserPath(owner): UserPath,
    body: Body<CreateOrgOption>,
) -> Result<(StatusCode, Json<OrganizationJson>)> {
    let permit = app.forge.authorize(&caller, action::CreateOrganizationFor, &owner).await?;
    let new = validate_organization::new_organization(body.read(&app, &permit).await?)?;
    let made = organizations::create_organization(&app.forge, permit, new).await?;
    Ok((StatusCode::CREATED, Json(Viewer::new(&caller, &app.root_url).organization(&made))))
}

/// `orgGet`.
pub async fn org_get(State(app): State<App>, caller: Caller, OrgPath(name): OrgPath) -> Result<Json<OrganizationJson>> {
    let found = app.forge.authorize(&caller, action::ReadOrganization, &name).await?.into_subject();
    Ok(Json(Viewer::new(&caller, &app.root_url).organization(&found.organization)))
}

/// `orgEdit`.
pub async fn org_edit(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    body: Body<EditOrgOption>,
) -> Result<Json<OrganizationJson>> {
    let permit = app.forge.authorize(&caller, action::EditOrganization, &name).await?;
    let patch = validate_organization::organization_patch(body.read(&app, &permit).await?)?;
    let edited = organizations::edit_organization(&app.forge, permit, patch).await?;
    Ok(Json(Viewer::new(&caller, &app.root_url).organization(&edited)))
}

/// `orgDelete`.
pub async fn org_delete(State(app): State<App>, caller: Caller, OrgPath(name): OrgPath) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::DeleteOrganization, &name).await?;
    organizations::delete_organization(&app.forge, permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `orgListRepos`.
pub async fn org_list_repos(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    paging: Paging,
) -> Result<Listed<RepositoryJson>> {
    let permit = app.forge.authorize(&caller, action::ListOrganizationRepositories, &name).await?;
    let found = repositories::list_organization_repositories(&app.forge, permit, paging.page).await?;
    let rows = api_repositories::render_all(&app, &caller, found.rows).await?;
    Ok(paging.respond(&app, Paged { rows, total_count: found.total_count }))
}

/// `createOrgRepo`.
pub async fn create_org_repo(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    body: Body<CreateRepoOption>,
) -> Result<(StatusCode, Json<RepositoryJson>)> {
    let permit = app.forge.authorize(&caller, action::CreateOrganizationRepository, &name).await?;
    let new = validate::new_repository(body.read(&app, &permit).await?)?;
    let made = api_repositories::create(&app, permit, new).await?;
    Ok((StatusCode::CREATED, Json(api_repositories::render_fresh(&app, &caller, made).await?)))
}

/// `orgDeleteRepos`.
pub async fn org_delete_repos(State(app): State<App>, caller: Caller, OrgPath(name): OrgPath) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::DeleteOrganizationRepositories, &name).await?;
    let is_done = repositories::delete_organization_repositories(&app.forge, permit).await?;
    Ok(if is_done { StatusCode::NO_CONTENT } else { StatusCode::ACCEPTED })
}

/// `orgGetUserPermissions`.
pub async fn org_get_user_permissions(
    State(app): State<App>,
    caller: Caller,
    UserPath(user): UserPath,
    OrgPath(name): OrgPath,
) -> Result<Json<OrganizationPermissionsJson>> {
    let permit = app.forge.authorize(&caller, action::ReadOrganization, &name).await?;
    let standing = organizations::standing_of_account(&app.forge, permit, &user).await?;
    Ok(Json(OrganizationPermissionsJson {
        is_owner: standing.is_owner,
        is_admin: standing.is_admin,
        can_write: standing.can_write,
        can_read: true,
        can_create_repository: standing.can_create_repository,
    }))
}

fn respond(app: &App, caller: &Caller, paging: &Paging, found: Paged<Organization>) -> Listed<OrganizationJson> {
    let viewer = Viewer::new(caller, &app.root_url);
    paging.respond(app, found.map(|organization| viewer.organization(&organization)))
}
