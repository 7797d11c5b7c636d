//! Accounts as everybody may see them: `GET /user`, `GET /users/{username}`, `GET /users/search`.

use axum::Json;
use axum::extract::State;

use super::json::{UserJson, UserSearchJson};
use super::query::Params;
use super::render::Viewer;
use super::rendered::Rendered;
use super::spec::Query;
use crate::access::{Caller, action};
use crate::error::{Error, Result};
use crate::forge::{interests, users};
use crate::http::App;
use crate::http::extract::{Paging, UserPath};
use crate::model::user::UserQuery;
use crate::model::{User, UserId};

/// Query of `userSearch`.
pub(super) const SEARCH: &[Query] =
    &[Query::text("q", "words to look for"), Query::number("uid", "id of the only account to look at")];

/// `userGetCurrent`.
pub async fn user_get_current(State(app): State<App>, caller: Caller) -> Result<Json<UserJson>> {
    app.forge.authorize(&caller, action::ReadSelf, &()).await?;
    let user = caller.user().ok_or_else(|| Error::broken("the gate let somebody without an account read it"))?;
    Ok(Json(render(&app, &caller, user).await?))
}

/// `userGet`.
pub async fn user_get(State(app): State<App>, caller: Caller, UserPath(name): UserPath) -> Result<Json<UserJson>> {
    let user = app.forge.authorize(&caller, action::ReadUser, &name).await?.into_subject();
    Ok(Json(render(&app, &caller, &user).await?))
}

/// An account that was asked for itself shows counts, too.
async fn render(app: &App, caller: &Caller, user: &User) -> Result<UserJson> {
    let starred = interests::count_starred(&app.forge, user.id).await?;
    let shown = Viewer::new(caller, &app.root_url).user(user);
    Ok(UserJson { starred_repos_count: i64::try_from(starred).unwrap_or(i64::MAX), ..shown })
}

/// `userSearch`.
pub async fn user_search(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    paging: Paging,
) -> Result<Rendered<UserSearchJson>> {
    let permit = app.forge.authorize(&caller, action::SearchUsers, &()).await?;
    let query =
        UserQuery { text: params.text("q").to_owned(), id: params.id("uid").map(UserId::new), ..UserQuery::default() };
    let found = users::search_users(&app.forge, permit, query, paging.page).await?;
    let viewer = Viewer::new(&caller, &app.root_url);
    let data = found.rows.iter().map(|user| viewer.user(user)).collect();
    Ok(paging.wrap(&app, found.total_count, Json(UserSearchJson { ok: true, data })))
}
