//! What people set for themselves: profile, language, looks, what others are shown.

use axum::Json;
use axum::extract::State;

use super::json::{UserSettingsJson, UserSettingsOption};
use super::{render, validate};
use crate::access::{Caller, action};
use crate::error::Result;
use crate::forge::users;
use crate::http::App;
use crate::http::extract::Body;

/// `getUserSettings`.
pub async fn get_user_settings(State(app): State<App>, caller: Caller) -> Result<Json<UserSettingsJson>> {
    let name = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::ReadSettings, &name).await?;
    Ok(Json(render::user_settings(permit.subject())))
}

/// `updateUserSettings`.
pub async fn update_user_settings(
    State(app): State<App>,
    caller: Caller,
    body: Body<UserSettingsOption>,
) -> Result<Json<UserSettingsJson>> {
    let name = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::EditProfile, &name).await?;
    let patch = validate::settings_patch(body.read(&app, &permit).await?)?;
    let user = users::edit_profile(&app.forge, permit, patch).await?;
    Ok(Json(render::user_settings(&user)))
}
