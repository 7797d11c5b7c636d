//! Accounts for site administrators: list, create, change and delete.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::json::{CreateUserOption, EditUserOption, UserJson};
use super::query::Params;
use super::render::Viewer;
use super::rendered::Listed;
use super::spec::Query;
use super::validate;
use crate::access::{Caller, action};
use crate::error::{Error, Kind, Result};
use crate::forge::users;
use crate::http::App;
use crate::http::extract::{Body, Paging, UserPath};
use crate::model::Visibility;
use crate::model::user::{UserQuery, UserSort};

/// Query of `adminSearchUsers`.
pub(super) const SEARCH: &[Query] = &[
    Query::text("q", "words to look for"),
    Query::text("sort", "name, created, updated or id; name when not given"),
    Query::text("order", "asc or desc; asc when not given, ignored without sort"),
    Query::text("visibility", "public, limited or private"),
    Query::switch("is_active", "accounts that are in use, or that are not"),
    Query::switch("is_admin", "site administrators, or others"),
    Query::switch("is_restricted", "accounts that see explicit grants only, or others"),
    Query::switch("is_prohibit_login", "accounts that may not sign in, or others"),
];

/// Query of `adminDeleteUser`.
pub(super) const DELETE: &[Query] = &[Query::switch("purge", "refused when true: records stay")];

/// `adminSearchUsers`.
pub async fn admin_search_users(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    paging: Paging,
) -> Result<Listed<UserJson>> {
    let permit = app.forge.authorize(&caller, action::ListUsers, &()).await?;
    let query = read_query(&params)?;
    let found = users::list_users(&app.forge, permit, query, paging.page).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    Ok(paging.respond(&app, found.map(|user| viewer.user(&user))))
}

/// `adminCreateUser`.
pub async fn admin_create_user(
    State(app): State<App>,
    caller: Caller,
    body: Body<CreateUserOption>,
) -> Result<(StatusCode, Json<UserJson>)> {
    let permit = app.forge.authorize(&caller, action::CreateUser, &()).await?;
    let new = validate::new_user(body.read(&app, &permit).await?, app.config.security.min_password_length)?;
    let user = users::create_user(&app.forge, permit, new).await?;
    Ok((StatusCode::CREATED, Json(Viewer::new(&caller, &app.root_url).user(&user))))
}

/// `adminEditUser`.
pub async fn admin_edit_user(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    body: Body<EditUserOption>,
) -> Result<Json<UserJson>> {
    let permit = app.forge.authorize(&caller, action::EditUser, &name).await?;
    let patch = validate::user_patch(body.read(&app, &permit).await?, app.config.security.min_password_length)?;
    let user = users::edit_user(&app.forge, permit, patch).await.map_err(bad_address_is_malformed)?;
    Ok(Json(Viewer::new(&caller, &app.root_url).user(&user)))
}

/// `adminDeleteUser`. Deleting an account together with what it owns (`purge`) is refused: records stay.
pub async fn admin_delete_user(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    params: Params,
) -> Result<StatusCode> {
    let permit = app.forge.authorize(&caller, action::DeleteUser, &name).await?;
    if params.switch("purge") == Some(true) {
        return Err(Error::invalid("purge", "purge is not supported: delete or transfer what the account owns first"));
    }
    users::delete_user(&app.forge, permit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gitea answers an address that is in use with 400 here, and with 422 when it creates a user.
fn bad_address_is_malformed(error: Error) -> Error {
    match (error.kind(), error.field()) {
        (Kind::Invalid, Some("email")) => Error::new(Kind::Malformed, error.public().to_owned()).with_source(error),
        _ => error,
    }
}

fn read_query(params: &Params) -> Result<UserQuery> {
    let sort = match params.text("sort") {
        "" | "name" => UserSort::Name,
        "created" => UserSort::Created,
        "updated" => UserSort::Updated,
        "id" => UserSort::Id,
        other => return Err(Error::invalid("sort", format!("Invalid sort mode: \"{other}\""))),
    };
    let is_descending = match params.text("order") {
        "" | "asc" => false,
        "desc" => true,
        other => return Err(Error::invalid("order", format!("Invalid sort order: \"{other}\""))),
    };
    let visibility = match params.text("visibility") {
        "" => None,
        name => {
            let unknown = || Error::invalid("visibility", format!("Invalid visibility: \"{name}\""));
            Some(Visibility::parse(name).ok_or_else(unknown)?)
        }
    };
    Ok(UserQuery {
        text: params.text("q").to_owned(),
        id: None,
        is_active: params.switch("is_active"),
        is_admin: params.switch("is_admin"),
        is_restricted: params.switch("is_restricted"),
        is_login_prohibited: params.switch("is_prohibit_login"),
        visibility,
        sort,
        // Gitea ignores the order when no sort is given.
        is_descending: is_descending && !params.text("sort").is_empty(),
    })
}
