//! Forks of a repository: make one, list them, bring one up to date.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{CreateForkOption, MergeUpstreamJson, MergeUpstreamOption, RepositoryJson};
use super::lookup::{self, Answer};
use super::rendered::Listed;
use super::{repositories, validate};
use crate::access::{Caller, Permit, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::forks::{fork_repository, list_forks};
use crate::forge::repositories::MayCreateRepository;
use crate::forge::upstream::{Caught, merge_upstream};
use crate::http::App;
use crate::http::extract::{Body, Paging};
use crate::model::{Paged, RepoName, Repository, UserName};

/// `createFork`.
pub async fn create_fork(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<CreateForkOption>,
) -> Answer<(StatusCode, Json<RepositoryJson>)> {
    let source = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?;
    let own = caller.account()?.name.clone();
    let option = body.read(&app, &source).await?;
    let name =
        option.name.filter(|name| !name.is_empty()).map(|name| validate::repo_name("Name", &name)).transpose()?;
    let made = match option.organization.filter(|name| !name.is_empty()) {
        None => {
            let permit = app.forge.authorize(&caller, action::CreateRepository, &own).await?;
            fork(&app, source, permit, name).await?
        }
        Some(organization) => {
            let unknown = || Error::invalid("organization", format!("organization does not exist: {organization}"));
            let organization = UserName::parse(&organization).map_err(|_| unknown())?;
            let permit = app.forge.authorize(&caller, action::CreateOrganizationRepository, &organization).await?;
            fork(&app, source, permit, name).await?
        }
    };
    Ok((StatusCode::ACCEPTED, Json(repositories::render_fresh(&app, &caller, made).await?)))
}

/// Detached: a client that goes away must not leave half a fork.
async fn fork<A: MayCreateRepository>(
    app: &App,
    source: Permit<action::ReadCode>,
    permit: Permit<A>,
    name: Option<RepoName>,
) -> Result<Repository> {
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let made = app.work.spawn(async move { fork_repository(&forge, &intake, source, permit, name).await });
    made.await.map_err(Error::internal)?
}

/// `repoMergeUpstream`.
pub async fn repo_merge_upstream(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<MergeUpstreamOption>,
) -> Answer<Json<MergeUpstreamJson>> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let MergeUpstreamOption { branch, ff_only } = body.read(&app, &permit).await?;
    let branch = branch.filter(|branch| !branch.is_empty());
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    // Detached: a client that goes away must not stop a commit half way.
    let work = app.work.spawn(async move { merge_upstream(&forge, &intake, permit, branch, ff_only).await });
    let merge_type = match work.await.map_err(Error::internal)?? {
        Caught::UpToDate => "up-to-date",
        Caught::FastForward => "fast-forward",
        Caught::Merge => "merge",
    };
    Ok(Json(MergeUpstreamJson { merge_type }))
}

/// `listForks`.
pub async fn list_forks_of(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<RepositoryJson>> {
    let permit = lookup::repository(&app, &caller, action::ListForks, &path, &uri).await?;
    let found = list_forks(&app.forge, permit, paging.page).await?;
    let rows = repositories::render_all(&app, &caller, found.rows).await?;
    Ok(paging.respond(&app, Paged { rows, total_count: found.total_count }))
}
