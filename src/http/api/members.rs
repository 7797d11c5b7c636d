//! Members of an organization: lists, checks, taking somebody out, showing and hiding one's own membership.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::json::UserJson;
use super::render::Viewer;
use super::rendered::Listed;
use crate::access::{Caller, action};
use crate::error::{Error, Result};
use crate::forge::organizations::{self, Shown};
use crate::http::App;
use crate::http::extract::{OrgPath, Paging, UserPath};

/// `orgListMembers`.
pub async fn org_list_members(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    paging: Paging,
) -> Result<Listed<UserJson>> {
    list(&app, &caller, &name, &paging, Shown::All).await
}

/// `orgListPublicMembers`.
pub async fn org_list_public_members(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    paging: Paging,
) -> Result<Listed<UserJson>> {
    // A site administrator sees all here, too: Gitea's clients rely on it.
    let shown = if caller.is_site_admin() { Shown::All } else { Shown::Public };
    list(&app, &caller, &name, &paging, shown).await
}

async fn list(
    app: &App,
    caller: &Caller,
    name: &crate::model::UserName,
    paging: &Paging,
    shown: Shown,
) -> Result<Listed<UserJson>> {
    let permit = app.forge.authorize(caller, action::ReadOrganization, name).await?;
    let found = organizations::list_members(&app.forge, permit, shown, paging.page).await?;
    let viewer = Viewer::new(caller, &app.root_url);
    Ok(paging.respond(app, found.map(|user| viewer.user(&user))))
}

/// `orgIsMember`: who is no member is sent to the public members.
pub async fn org_is_member(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    UserPath(user): UserPath,
) -> Result<Response> {
    let permit = app.forge.authorize(&caller, action::ReadOrganization, &name).await?;
    if organizations::shown_to(permit.subject()) == Shown::Public {
        let root = app.root_url.trim_end_matches('/');
        let org = &permit.subject().organization.user.name;
        let address = HeaderValue::try_from(format!("{root}/api/v1/orgs/{org}/public_members/{user}"));
        let address = address.map_err(Error::internal)?;
        return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response());
    }
    Ok(answer(organizations::is_shown_member(&app.forge, permit, &user, Shown::All).await?)?.into_response())
}

/// `orgIsPublicMember`.
pub async fn org_is_public_member(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    UserPath(user): UserPath,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::ReadOrganization, &name).await?;
    answer(organizations::is_shown_member(&app.forge, permit, &user, Shown::Public).await?)
}

/// `orgDeleteMember`.
pub async fn org_delete_member(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    UserPath(user): UserPath,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::RemoveMember, &name).await?;
    organizations::remove_member(&app.forge, permit, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `orgPublicizeMember`.
pub async fn org_publicize_member(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    UserPath(user): UserPath,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::ShowMembership, &name).await?;
    organizations::set_membership_shown(&app.forge, permit, &user, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `orgConcealMember`.
pub async fn org_conceal_member(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    UserPath(user): UserPath,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::ShowMembership, &name).await?;
    organizations::set_membership_shown(&app.forge, permit, &user, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(is_so: bool) -> Result<StatusCode> {
    if is_so { Ok(StatusCode::NO_CONTENT) } else { Err(Error::not_found()) }
}
