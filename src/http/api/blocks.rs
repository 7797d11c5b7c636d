//! Whom accounts and organizations have blocked: list, check, block, unblock.

use axum::extract::State;
use axum::http::StatusCode;

use super::json::UserJson;
use super::query::Params;
use super::render::Viewer;
use super::rendered::Listed;
use super::spec::Query;
use crate::access::{Caller, Permit, action};
use crate::error::{Error, Result};
use crate::forge::blocks::{ReadsBlocks, block, is_blocked, list_blocks, unblock};
use crate::http::App;
use crate::http::extract::{OrgPath, Paging, UserPath};
use crate::model::UserName;

/// Query of `userBlockUser` and `organizationBlockUser`.
pub(super) const BLOCK: &[Query] = &[Query::text("note", "why, for whoever blocks")];

/// `userListBlocks`.
pub async fn user_list_blocks(State(app): State<App>, caller: Caller, paging: Paging) -> Result<Listed<UserJson>> {
    let own = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::ListBlocks, &own).await?;
    list(&app, &caller, permit, &paging).await
}

/// `userCheckUserBlock`.
pub async fn user_check_user_block(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
) -> Result<StatusCode> {
    let own = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::ListBlocks, &own).await?;
    check(&app, permit, &name).await
}

/// `userBlockUser`.
pub async fn user_block_user(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    params: Params,
) -> Result<StatusCode> {
    let own = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::EditBlocks, &own).await?;
    block(&app.forge, permit, &name, params.text("note").to_owned()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `userUnblockUser`.
pub async fn user_unblock_user(State(app): State<App>, caller: Caller, UserPath(name): UserPath) -> Result<StatusCode> {
    let own = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::EditBlocks, &own).await?;
    unblock(&app.forge, permit, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `organizationListBlocks`.
pub async fn organization_list_blocks(
    State(app): State<App>,
    caller: Caller,
    OrgPath(org): OrgPath,
    paging: Paging,
) -> Result<Listed<UserJson>> {
    let permit = app.forge.authorize(&caller, action::ListOrganizationBlocks, &org).await?;
    list(&app, &caller, permit, &paging).await
}

/// `organizationCheckUserBlock`.
pub async fn organization_check_user_block(
    State(app): State<App>,
    caller: Caller,
    OrgPath(org): OrgPath,
    UserPath(name): UserPath,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::ListOrganizationBlocks, &org).await?;
    check(&app, permit, &name).await
}

/// `organizationBlockUser`.
pub async fn organization_block_user(
    State(app): State<App>,
    caller: Caller,
    OrgPath(org): OrgPath,
    UserPath(name): UserPath,
    params: Params,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::EditOrganizationBlocks, &org).await?;
    block(&app.forge, permit, &name, params.text("note").to_owned()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `organizationUnblockUser`.
pub async fn organization_unblock_user(
    State(app): State<App>,
    caller: Caller,
    OrgPath(org): OrgPath,
    UserPath(name): UserPath,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::EditOrganizationBlocks, &org).await?;
    unblock(&app.forge, permit, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list<A: ReadsBlocks>(
    app: &App,
    caller: &Caller,
    permit: Permit<A>,
    paging: &Paging,
) -> Result<Listed<UserJson>> {
    let found = list_blocks(&app.forge, permit, paging.page).await?;
    let viewer = Viewer::new(caller, &app.root_url);
    Ok(paging.respond(app, found.map(|user| viewer.user(&user))))
}

async fn check<A: ReadsBlocks>(app: &App, permit: Permit<A>, name: &UserName) -> Result<StatusCode> {
    match is_blocked(&app.forge, permit, name).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Error::not_found()),
    }
}
