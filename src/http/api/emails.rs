//! The caller's own addresses.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::json::{EmailJson, EmailsOption};
use super::{render, validate};
use crate::access::{Caller, action};
use crate::error::Result;
use crate::forge::email_addresses;
use crate::http::App;
use crate::http::extract::Body;

/// `userListEmails`.
pub async fn user_list_emails(State(app): State<App>, caller: Caller) -> Result<Json<Vec<EmailJson>>> {
    let name = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::ListEmails, &name).await?;
    let found = email_addresses::list_emails(&app.forge, permit).await?;
    Ok(Json(found.iter().map(|address| render::email(address, &name)).collect()))
}

/// `userAddEmail`.
pub async fn user_add_email(
    State(app): State<App>,
    caller: Caller,
    body: Body<EmailsOption>,
) -> Result<(StatusCode, Json<Vec<EmailJson>>)> {
    let name = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::EditEmails, &name).await?;
    let emails = validate::new_emails(body.read(&app, &permit).await?)?;
    let added = email_addresses::add_emails(&app.forge, permit, emails).await?;
    Ok((StatusCode::CREATED, Json(added.iter().map(|address| render::email(address, &name)).collect())))
}

/// `userDeleteEmail`.
pub async fn user_delete_email(State(app): State<App>, caller: Caller, body: Body<EmailsOption>) -> Result<StatusCode> {
    let name = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::EditEmails, &name).await?;
    let emails = validate::known_emails(body.read(&app, &permit).await?)?;
    email_addresses::delete_emails(&app.forge, permit, emails).await?;
    Ok(StatusCode::NO_CONTENT)
}
