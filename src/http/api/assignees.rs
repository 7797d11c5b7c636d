//! Who can be assigned in a repository, and who can be asked to review.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::UserJson;
use super::lookup::{self, Answer};
use super::render::Viewer;
use crate::access::{Caller, RepoPath, action};
use crate::error::Error;
use crate::forge::assignable::{self, Work};
use crate::http::App;
use crate::http::extract::PathParam;
use crate::model::UserName;

/// `repoGetAssignees`.
pub async fn repo_get_assignees(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<Vec<UserJson>>> {
    list(&app, &caller, &path, &uri, Work::Assigned).await
}

/// `repoGetReviewers`.
pub async fn repo_get_reviewers(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<Vec<UserJson>>> {
    list(&app, &caller, &path, &uri, Work::Review).await
}

async fn list(app: &App, caller: &Caller, path: &RepoPath, uri: &Uri, work: Work) -> Answer<Json<Vec<UserJson>>> {
    let permit = lookup::repository(app, caller, action::ListAssignable, path, uri).await?;
    let found = assignable::list_assignable(&app.forge, permit, work).await?;
    let viewer = Viewer::new(caller, &app.root_url);
    Ok(Json(found.iter().map(|user| viewer.user(user)).collect()))
}

/// `repoCheckAssignee`.
pub async fn repo_check_assignee(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::ListAssignable, &path, &uri).await?;
    let name = UserName::parse(&name).map_err(|_| Error::not_found())?;
    if assignable::is_assignable(&app.forge, permit, &name).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Error::not_found().into())
}
