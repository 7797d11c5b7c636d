//! Access tokens of an account, which only its password opens, never a token; and what a token may ask and do about itself.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::json::{AccessTokenJson, CreateAccessTokenOption, CurrentAccessTokenJson};
use super::rendered::Listed;
use super::{render, validate};
use crate::access::{Caller, action};
use crate::error::{Error, Result};
use crate::forge::tokens;
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam, UserPath};

/// `userGetTokens`.
pub async fn user_get_tokens(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    paging: Paging,
) -> Result<Listed<AccessTokenJson>> {
    let permit = app.forge.authorize(&caller, action::ManageTokens, &name).await?;
    let found = tokens::list_tokens(&app.forge, permit, paging.page).await?;
    let names = tokens::names_of_repositories(&app.forge, &found.rows).await?;
    let mut names = names.into_iter();
    let rows = found.map(|token| render::token(&token, names.next().flatten(), String::new()));
    Ok(paging.respond(&app, rows))
}

/// `userCreateToken`; the only answer that holds the token itself.
pub async fn user_create_token(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    body: Body<CreateAccessTokenOption>,
) -> Result<(StatusCode, Json<AccessTokenJson>)> {
    let permit = app.forge.authorize(&caller, action::ManageTokens, &name).await?;
    let new = validate::new_token(&body.read(&app, &permit).await?)?;
    let (token, secret) = tokens::create_token(&app.forge, permit, new).await?;
    let names = tokens::names_of_repositories(&app.forge, std::slice::from_ref(&token)).await?.pop().flatten();
    Ok((StatusCode::CREATED, Json(render::token(&token, names, secret))))
}

/// `userDeleteAccessToken`; the token is named by id or, failing that, by name.
pub async fn user_delete_access_token(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    PathParam(token): PathParam,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::ManageTokens, &name).await?;
    tokens::delete_token(&app.forge, permit, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `getCurrentToken`.
pub async fn get_current_token(State(app): State<App>, caller: Caller) -> Result<Json<CurrentAccessTokenJson>> {
    let permit = app.forge.authorize(&caller, action::ManageCurrentToken, &()).await?;
    let token = tokens::current_token(&app.forge, &permit).await?;
    // With sudo the token is the administrator's.
    let holder = caller.sudo_doer().or_else(|| caller.user()).ok_or_else(Error::not_found)?;
    Ok(Json(render::current_token(&token, holder)))
}

/// `deleteCurrentToken`.
pub async fn delete_current_token(State(app): State<App>, caller: Caller) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::ManageCurrentToken, &()).await?;
    tokens::delete_current_token(&app.forge, permit).await?;
    Ok(StatusCode::NO_CONTENT)
}
