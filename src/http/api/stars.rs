//! Stars of repositories, from both sides.

use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::interests;
use super::json::{RepositoryJson, UserJson};
use super::lookup::{self, Answer};
use super::rendered::Listed;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::interests::{interest_since, set_interest};
use crate::http::App;
use crate::http::extract::{Paging, UserPath};
use crate::model::interest::Interest;

/// `repoListStargazers`.
pub async fn repo_list_stargazers(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<UserJson>> {
    interests::of_repository(&app, &caller, &path, &paging, &uri, Interest::Star).await
}

/// `userCurrentListStarred`.
pub async fn user_current_list_starred(
    State(app): State<App>,
    caller: Caller,
    paging: Paging,
) -> Result<Listed<RepositoryJson>> {
    interests::of_caller(&app, &caller, &paging, Interest::Star).await
}

/// `userListStarred`.
pub async fn user_list_starred(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    paging: Paging,
) -> Result<Listed<RepositoryJson>> {
    interests::of_user(&app, &caller, &name, &paging, Interest::Star).await
}

/// `userCurrentCheckStarring`.
pub async fn user_current_check_starring(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::ReadStar, &path, &uri).await?;
    match interest_since(&app.forge, permit).await? {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(Error::not_found().into()),
    }
}

/// `userCurrentPutStar`.
pub async fn user_current_put_star(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditStar, &path, &uri).await?;
    set_interest(&app.forge, permit, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `userCurrentDeleteStar`.
pub async fn user_current_delete_star(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditStar, &path, &uri).await?;
    set_interest(&app.forge, permit, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
