//! Followers of accounts and whom they follow, from both sides.

use axum::extract::State;
use axum::http::StatusCode;

use super::json::UserJson;
use super::render::Viewer;
use super::rendered::Listed;
use crate::access::{Caller, action};
use crate::error::{Error, Result};
use crate::forge::follows::{is_following, list_follows, set_following};
use crate::http::App;
use crate::http::extract::{Paging, PathParam, UserPath};
use crate::model::UserName;
use crate::model::follow::Side;

/// `userCurrentListFollowers`.
pub async fn user_current_list_followers(
    State(app): State<App>,
    caller: Caller,
    paging: Paging,
) -> Result<Listed<UserJson>> {
    let own = caller.account()?.name.clone();
    list(&app, &caller, &own, &paging, Side::Followers).await
}

/// `userCurrentListFollowing`.
pub async fn user_current_list_following(
    State(app): State<App>,
    caller: Caller,
    paging: Paging,
) -> Result<Listed<UserJson>> {
    let own = caller.account()?.name.clone();
    list(&app, &caller, &own, &paging, Side::Following).await
}

/// `userListFollowers`.
pub async fn user_list_followers(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    paging: Paging,
) -> Result<Listed<UserJson>> {
    list(&app, &caller, &name, &paging, Side::Followers).await
}

/// `userListFollowing`.
pub async fn user_list_following(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    paging: Paging,
) -> Result<Listed<UserJson>> {
    list(&app, &caller, &name, &paging, Side::Following).await
}

/// `userCurrentCheckFollowing`.
pub async fn user_current_check_following(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
) -> Result<StatusCode> {
    let own = caller.account()?.name.clone();
    check(&app, &caller, &own, &name).await
}

/// `userCheckFollowing`.
pub async fn user_check_following(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    PathParam(target): PathParam,
) -> Result<StatusCode> {
    let target = UserName::parse(&target).map_err(|_| Error::not_found())?;
    check(&app, &caller, &name, &target).await
}

/// `userCurrentPutFollow`.
pub async fn user_current_put_follow(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
) -> Result<StatusCode> {
    set(&app, &caller, &name, true).await
}

/// `userCurrentDeleteFollow`.
pub async fn user_current_delete_follow(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
) -> Result<StatusCode> {
    set(&app, &caller, &name, false).await
}

async fn list(app: &App, caller: &Caller, name: &UserName, paging: &Paging, side: Side) -> Result<Listed<UserJson>> {
    let permit = app.forge.authorize(caller, action::ListFollows, name).await?;
    let found = list_follows(&app.forge, permit, side, paging.page).await?;
    let viewer = Viewer::new(caller, &app.root_url);
    Ok(paging.respond(app, found.map(|user| viewer.user(&user))))
}

async fn check(app: &App, caller: &Caller, name: &UserName, target: &UserName) -> Result<StatusCode> {
    let permit = app.forge.authorize(caller, action::ListFollows, name).await?;
    match is_following(&app.forge, permit, target).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Error::not_found()),
    }
}

async fn set(app: &App, caller: &Caller, name: &UserName, is_on: bool) -> Result<StatusCode> {
    let own = caller.account()?.name.clone();
    let permit = app.forge.authorize(caller, action::EditFollows, &own).await?;
    set_following(&app.forge, permit, name, is_on).await?;
    Ok(StatusCode::NO_CONTENT)
}
