//! What stars and watches share: the lists.

use axum::http::Uri;

use super::json::{RepositoryJson, UserJson};
use super::lookup::{self, Answer};
use super::render::Viewer;
use super::rendered::Listed;
use super::repositories::render_all;
use crate::access::{Caller, RepoPath, action};
use crate::error::Result;
use crate::forge::interests::{list_interested, list_of_user};
use crate::http::App;
use crate::http::extract::Paging;
use crate::model::interest::Interest;
use crate::model::{Paged, UserName};

/// The accounts of a repository.
pub(super) async fn of_repository(
    app: &App,
    caller: &Caller,
    path: &RepoPath,
    paging: &Paging,
    uri: &Uri,
    interest: Interest,
) -> Answer<Listed<UserJson>> {
    let permit = lookup::repository(app, caller, action::ListInterested, path, uri).await?;
    let found = list_interested(&app.forge, permit, interest, paging.page).await?;
    let viewer = Viewer::new(caller, &app.root_url);
    let rows: Vec<_> = found.rows.iter().map(|user| viewer.user(user)).collect();
    Ok(paging.respond(app, Paged { rows, total_count: found.total_count }))
}

/// The repositories of whoever asks.
pub(super) async fn of_caller(
    app: &App,
    caller: &Caller,
    paging: &Paging,
    interest: Interest,
) -> Result<Listed<RepositoryJson>> {
    let own = caller.account()?.name.clone();
    of_user(app, caller, &own, paging, interest).await
}

/// The repositories of an account.
pub(super) async fn of_user(
    app: &App,
    caller: &Caller,
    name: &UserName,
    paging: &Paging,
    interest: Interest,
) -> Result<Listed<RepositoryJson>> {
    let permit = app.forge.authorize(caller, action::ListInteresting, name).await?;
    let found = list_of_user(&app.forge, permit, interest, paging.page).await?;
    let rows = render_all(app, caller, found.rows).await?;
    Ok(paging.respond(app, Paged { rows, total_count: found.total_count }))
}
