//! Watches of repositories, which Gitea calls subscriptions, from both sides.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::interests;
use super::json::{RepositoryJson, Timestamp, UserJson, WatchInfoJson};
use super::lookup::{self, Answer};
use super::rendered::Listed;
use super::urls::Urls;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::interests::{interest_since, set_interest};
use crate::http::App;
use crate::http::extract::{Paging, UserPath};
use crate::model::interest::Interest;
use crate::model::{Repository, UtcMs};

/// `repoListSubscribers`.
pub async fn repo_list_subscribers(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<UserJson>> {
    interests::of_repository(&app, &caller, &path, &paging, &uri, Interest::Watch).await
}

/// `userCurrentListSubscriptions`.
pub async fn user_current_list_subscriptions(
    State(app): State<App>,
    caller: Caller,
    paging: Paging,
) -> Result<Listed<RepositoryJson>> {
    interests::of_caller(&app, &caller, &paging, Interest::Watch).await
}

/// `userListSubscriptions`.
pub async fn user_list_subscriptions(
    State(app): State<App>,
    caller: Caller,
    UserPath(name): UserPath,
    paging: Paging,
) -> Result<Listed<RepositoryJson>> {
    interests::of_user(&app, &caller, &name, &paging, Interest::Watch).await
}

/// `userCurrentCheckSubscription`.
pub async fn user_current_check_subscription(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<WatchInfoJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadWatch, &path, &uri).await?;
    let repository = permit.subject().repository.clone();
    let since = interest_since(&app.forge, permit).await?;
    Ok(Json(render(&app, &repository, since)?))
}

/// `userCurrentPutSubscription`.
pub async fn user_current_put_subscription(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<WatchInfoJson>> {
    let permit = lookup::repository(&app, &caller, action::EditWatch, &path, &uri).await?;
    let repository = permit.subject().repository.clone();
    let since = set_interest(&app.forge, permit, true).await?;
    Ok(Json(render(&app, &repository, since)?))
}

/// `userCurrentDeleteSubscription`.
pub async fn user_current_delete_subscription(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditWatch, &path, &uri).await?;
    set_interest(&app.forge, permit, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn render(app: &App, repository: &Repository, since: Option<UtcMs>) -> Result<WatchInfoJson> {
    let since = since.ok_or_else(Error::not_found)?;
    let address = Urls::new(&app.root_url).api_repository(&repository.full_name());
    Ok(WatchInfoJson {
        subscribed: true,
        ignored: false,
        reason: None,
        created_at: Timestamp::from_ms(since.get()),
        url: format!("{address}/subscription"),
        repository_url: address,
    })
}
