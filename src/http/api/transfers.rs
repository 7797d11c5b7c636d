//! A repository given to another owner: transfer, accept, reject.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{RepositoryJson, TransferRepoOption};
use super::lookup::{self, Answer};
use super::{repositories, validate};
use crate::access::{Caller, RepoPath, action};
use crate::error::Error;
use crate::forge::transfers;
use crate::http::App;
use crate::http::extract::Body;
use crate::model::{TeamId, UserName};

/// `repoTransfer`.
pub async fn repo_transfer(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<TransferRepoOption>,
) -> Answer<(StatusCode, Json<RepositoryJson>)> {
    let permit = lookup::repository(&app, &caller, action::TransferRepository, &path, &uri).await?;
    let option = body.read(&app, &permit).await?;
    validate::required("NewOwner", &option.new_owner)?;
    let unknown = || Error::new(crate::error::Kind::NotFound, "The new owner does not exist or cannot be found");
    let new_owner = UserName::parse(option.new_owner.trim()).map_err(|_| unknown())?;
    let teams = option.team_ids.into_iter().map(TeamId::new).collect();
    let changed = transfers::transfer_repository(&app.forge, permit, new_owner, teams).await?;
    Ok((StatusCode::ACCEPTED, Json(repositories::render_fresh(&app, &caller, changed).await?)))
}

/// `acceptRepoTransfer`.
pub async fn accept_repo_transfer(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
) -> Answer<(StatusCode, Json<RepositoryJson>)> {
    let permit = app.forge.authorize(&caller, action::AcceptTransfer, &path).await?;
    let changed = transfers::accept_transfer(&app.forge, permit).await?;
    Ok((StatusCode::ACCEPTED, Json(repositories::render_fresh(&app, &caller, changed).await?)))
}

/// `rejectRepoTransfer`.
pub async fn reject_repo_transfer(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
) -> Answer<Json<RepositoryJson>> {
    let permit = app.forge.authorize(&caller, action::RejectTransfer, &path).await?;
    let kept = transfers::reject_transfer(&app.forge, permit).await?;
    Ok(Json(repositories::render_fresh(&app, &caller, kept).await?))
}
