//! Pictures of accounts, organizations and repositories: set, taken away. They are served by `http/avatars.rs`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use base64::Engine as _;

use super::json::UpdateAvatarOption;
use super::lookup::{self, Answer};
use crate::access::{Caller, Permit, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::forge::avatars::{EditsAvatar, delete_avatar, make_picture, set_avatar, take_turn};
use crate::http::App;
use crate::http::extract::{Body, OrgPath};

/// `userUpdateAvatar`.
pub async fn user_update_avatar(
    State(app): State<App>,
    caller: Caller,
    body: Body<UpdateAvatarOption>,
) -> Result<StatusCode> {
    let own = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::EditAvatar, &own).await?;
    update(&app, permit, body).await
}

/// `userDeleteAvatar`.
pub async fn user_delete_avatar(State(app): State<App>, caller: Caller) -> Result<StatusCode> {
    let own = caller.account()?.name.clone();
    let permit = app.forge.authorize(&caller, action::EditAvatar, &own).await?;
    delete_avatar(&app.forge, permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `orgUpdateAvatar`.
pub async fn org_update_avatar(
    State(app): State<App>,
    caller: Caller,
    OrgPath(name): OrgPath,
    body: Body<UpdateAvatarOption>,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::EditOrganizationAvatar, &name).await?;
    update(&app, permit, body).await
}

/// `orgDeleteAvatar`.
pub async fn org_delete_avatar(State(app): State<App>, caller: Caller, OrgPath(name): OrgPath) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::EditOrganizationAvatar, &name).await?;
    delete_avatar(&app.forge, permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoUpdateAvatar`.
pub async fn repo_update_avatar(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<UpdateAvatarOption>,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditRepositoryAvatar, &path, &uri).await?;
    Ok(update(&app, permit, body).await?)
}

/// `repoDeleteAvatar`.
pub async fn repo_delete_avatar(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditRepositoryAvatar, &path, &uri).await?;
    delete_avatar(&app.forge, permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn update<A: EditsAvatar>(app: &App, permit: Permit<A>, body: Body<UpdateAvatarOption>) -> Result<StatusCode> {
    let sitting = take_turn(&app.forge, &permit).await?;
    let option = body.read_image(app, &permit).await?;
    let content = base64::engine::general_purpose::STANDARD
        .decode(option.image)
        .map_err(|error| Error::new(Kind::Malformed, format!("image is not base64: {error}")))?;
    let picture = make_picture(&app.forge, sitting, content).await?;
    let forge = Arc::clone(&app.forge);
    // Detached: a client that goes away must not leave a content without its row.
    let setting = app.work.spawn(async move { set_avatar(&forge, permit, picture).await });
    setting.await.map_err(Error::internal)??;
    Ok(StatusCode::NO_CONTENT)
}
