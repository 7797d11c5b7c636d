//! Repositories of other servers: taken over, asked to follow, and how it stands with those that do.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{MigrateRepoOption, MirrorJson, RepositoryJson, Timestamp};
use super::lookup::{self, Answer};
use super::{repositories, validate};
use crate::access::{Caller, Permit, RepoPath, action};
use crate::db;
use crate::error::{Error, Result};
use crate::forge::mirrors::{Wanted, ask_for_sync, migrate, status};
use crate::forge::repositories::MayCreateRepository;
use crate::http::App;
use crate::http::extract::Body;
use crate::model::mirror::{MirrorStatus, format_interval};
use crate::model::{NewRepository, Repository, UserId, UserName, UtcMs};

/// `repoMigrate`.
pub async fn repo_migrate(
    State(app): State<App>,
    caller: Caller,
    body: Body<MigrateRepoOption>,
) -> Result<(StatusCode, Json<RepositoryJson>)> {
    let permit = app.forge.authorize(&caller, action::MigrateRepository, &()).await?;
    let own = caller.account()?.name.clone();
    let option = body.read(&app, &permit).await?;
    let owner = owner(&app, &own, &option).await?;
    let (new, wanted) = validate::migration(option)?;
    let made = if owner == own {
        let permit = app.forge.authorize(&caller, action::CreateRepository, &own).await?;
        take_over(&app, permit, new, wanted).await?
    } else if let Ok(permit) = app.forge.authorize(&caller, action::CreateOrganizationRepository, &owner).await {
        take_over(&app, permit, new, wanted).await?
    } else if caller.is_site_admin() {
        let permit = app.forge.authorize(&caller, action::CreateRepositoryFor, &owner).await?;
        take_over(&app, permit, new, wanted).await?
    } else {
        // The refusal says what is missing for an organization, and as much for a name that nobody has.
        app.forge.authorize(&caller, action::CreateOrganizationRepository, &owner).await?;
        return Err(Error::not_found());
    };
    Ok((StatusCode::CREATED, Json(repositories::render_fresh(&app, &caller, made).await?)))
}

/// `repoGetMirror`.
pub async fn repo_get_mirror(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<MirrorJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadMirror, &path, &uri).await?;
    let MirrorStatus { mirror, is_running, failing_since, next } = status(&app.forge, permit).await?;
    let time = |at: UtcMs| Timestamp::from_ms(at.get());
    Ok(Json(MirrorJson {
        remote_url: mirror.remote_url,
        has_credentials: mirror.credentials.is_some(),
        is_import: mirror.is_once,
        mirror_interval: format_interval(mirror.interval_ms),
        enable_prune: mirror.prunes,
        is_running,
        last_success_at: mirror.synced_ms.map(time),
        failures: mirror.failures,
        failing_since: failing_since.map(time),
        last_error: mirror.last_error.unwrap_or_default(),
        refused: mirror.refused.lines().map(str::to_owned).collect(),
        next_at: next.map(time),
    }))
}

/// `repoMirrorSync`.
pub async fn repo_mirror_sync(State(app): State<App>, caller: Caller, path: RepoPath, uri: Uri) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::SyncMirror, &path, &uri).await?;
    ask_for_sync(&app.forge, permit).await?;
    Ok(StatusCode::OK)
}

/// Who is to own it, by name, else by id, else the caller. Whether that is allowed is asked later.
async fn owner(app: &App, own: &UserName, option: &MigrateRepoOption) -> Result<UserName> {
    let name = option.repo_owner.trim();
    if !name.is_empty() {
        return UserName::parse(name).map_err(|_| Error::not_found());
    }
    if option.uid == 0 {
        return Ok(own.clone());
    }
    let id = UserId::new(option.uid);
    let found = app.forge.read("owner by id", move |conn| Ok(db::users::find(conn, id)?)).await?;
    found.map(|user| user.name).ok_or_else(Error::not_found)
}

/// Detached: a client that goes away must not leave half a repository.
async fn take_over<A: MayCreateRepository>(
    app: &App,
    permit: Permit<A>,
    new: NewRepository,
    wanted: Wanted,
) -> Result<Repository> {
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let made = app.work.spawn(async move { migrate(&forge, &intake, permit, new, wanted).await });
    made.await.map_err(Error::internal)?
}
