//! SSH keys of accounts: one's own, somebody else's (they are public), and those an administrator manages.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::json::{CreateKeyOption, PublicKeyJson};
use super::query::Params;
use super::render::Viewer;
use super::rendered::Listed;
use super::spec::Query;
use super::validate;
use crate::access::{Caller, action};
use crate::db::keys::Filter;
use crate::error::{Error, Result};
use crate::forge::keys;
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam, UserPath};
use crate::model::{KeyId, User, UserName};

/// Query of the lists of keys.
pub(super) const LIST: &[Query] = &[Query::text("fingerprint", "the only key to look at")];

/// `userCurrentListKeys`.
pub async fn user_current_list_keys(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    paging: Paging,
) -> Result<Listed<PublicKeyJson>> {
    let name = own_name(&caller)?;
    list(&app, &caller, &name, &params, paging).await
}

/// `userListKeys`.
pub async fn user_list_keys(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    params: Params,
    paging: Paging,
) -> Result<Listed<PublicKeyJson>> {
    list(&app, &caller, &name, &params, paging).await
}

/// `userCurrentGetKey`.
pub async fn user_current_get_key(
    State(app): State<App>,
    caller: Caller,
    PathParam(id): PathParam,
) -> Result<Json<PublicKeyJson>> {
    let permit = app.forge.authorize(&caller, action::ReadKey, &own_name(&caller)?).await?;
    let owner = permit.subject().clone();
    let key = keys::find_key(&app.forge, permit, read_id(&id)?).await?;
    Ok(Json(Viewer::new(&caller, &app.root_url).key(&key, Some(&owner))))
}

/// `userCurrentPostKey`.
pub async fn user_current_post_key(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateKeyOption>,
) -> Result<(StatusCode, Json<PublicKeyJson>)> {
    let permit = app.forge.authorize(&caller, action::AddKey, &own_name(&caller)?).await?;
    let owner = permit.subject().clone();
    let new = validate::new_key(body.read(&app, &permit).await?)?;
    let key = keys::add_key(&app.forge, permit, new).await?;
    Ok((StatusCode::CREATED, Json(Viewer::new(&caller, &app.root_url).key(&key, Some(&owner)))))
}

/// `userCurrentDeleteKey`.
pub async fn user_current_delete_key(
    State(app): State<App>,
    caller: Caller,
    PathParam(id): PathParam,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::RemoveKey, &own_name(&caller)?).await?;
    keys::remove_key(&app.forge, permit, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `adminCreatePublicKey`.
pub async fn admin_create_public_key(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    body: Body<CreateKeyOption>,
) -> Result<(StatusCode, Json<PublicKeyJson>)> {
    let permit = app.forge.authorize(&caller, action::AddKeyFor, &name).await?;
    let owner = permit.subject().clone();
    let new = validate::new_key(body.read(&app, &permit).await?)?;
    let key = keys::add_key(&app.forge, permit, new).await?;
    Ok((StatusCode::CREATED, Json(Viewer::new(&caller, &app.root_url).key(&key, Some(&owner)))))
}

/// `adminDeleteUserPublicKey`.
pub async fn admin_delete_user_public_key(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    PathParam(id): PathParam,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::RemoveKeyFor, &name).await?;
    keys::remove_key(&app.forge, permit, read_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(
    app: &App,
    caller: &Caller,
    name: &UserName,
    params: &Params,
    paging: Paging,
) -> Result<Listed<PublicKeyJson>> {
    let permit = app.forge.authorize(caller, action::ListKeys, name).await?;
    let owner: User = permit.subject().clone();
    let filter = Filter { fingerprint: fingerprint(params), id: None };
    let found = keys::list_keys(&app.forge, permit, filter, paging.page).await?;
    let viewer = Viewer::new(caller, &app.root_url);
    // Gitea names the owner only to the owner and to administrators.
    let shown = (caller.is_site_admin() || caller.user_id() == Some(owner.id)).then_some(&owner);
    Ok(paging.respond(app, found.map(|key| viewer.key(&key, shown))))
}

/// The fingerprint a list is narrowed to.
pub(super) fn fingerprint(params: &Params) -> Option<String> {
    Some(params.text("fingerprint")).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Reads an id from the path; anything else names no key.
pub(super) fn read_id(text: &str) -> Result<KeyId> {
    text.parse().map(KeyId::new).map_err(|_| Error::not_found())
}

fn own_name(caller: &Caller) -> Result<UserName> {
    caller.account().map(|user| user.name.clone())
}
