//! Branches and tags made, moved, renamed and deleted.
//!
//! Every change runs detached: a client that goes away must not stop a commit half way.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{BranchJson, CreateBranchOption, CreateTagOption, RenameBranchOption, TagJson, UpdateBranchOption};
use super::lookup::{self, Answer};
use super::{branches as shown, tags as shown_tags};
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::branches::{self, BranchMove};
use crate::forge::tags;
use crate::http::App;
use crate::http::extract::{Body, PathParam};

/// `repoCreateBranch`.
pub async fn repo_create_branch(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<CreateBranchOption>,
) -> Answer<(StatusCode, Json<BranchJson>)> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let subject = permit.subject().clone();
    let option = body.read(&app, &permit).await?;
    let name = required("NewBranchName", option.new_branch_name)?;
    let from = given(option.old_ref_name).or_else(|| given(option.old_branch_name));
    let (forge, intake, new) = (Arc::clone(&app.forge), app.intake.clone(), name.clone());
    let made = app.work.spawn(async move { branches::create_branch(&forge, &intake, permit, &new, from).await });
    made.await.map_err(Error::internal)??;
    Ok((StatusCode::CREATED, Json(shown::show(&app, &caller, &subject, name).await?)))
}

/// `repoUpdateBranch`.
pub async fn repo_update_branch(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
    body: Body<UpdateBranchOption>,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let option = body.read(&app, &permit).await?;
    let change = BranchMove {
        new: required("NewCommitID", option.new_commit_id)?,
        expected: option.old_commit_id,
        is_forced: option.force.unwrap_or(false),
    };
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let moved = app.work.spawn(async move { branches::update_branch(&forge, &intake, permit, &name, change).await });
    moved.await.map_err(Error::internal)??;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoRenameBranch`.
pub async fn repo_rename_branch(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(from): PathParam,
    uri: Uri,
    body: Body<RenameBranchOption>,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let to = required("Name", body.read(&app, &permit).await?.name)?;
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let renamed = app.work.spawn(async move { branches::rename_branch(&forge, &intake, permit, &from, &to).await });
    renamed.await.map_err(Error::internal)??;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoDeleteBranch`.
pub async fn repo_delete_branch(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let gone = app.work.spawn(async move { branches::delete_branch(&forge, &intake, permit, &name).await });
    gone.await.map_err(Error::internal)??;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoCreateTag`; 201 as Gitea answers, whatever the specification says.
pub async fn repo_create_tag(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<CreateTagOption>,
) -> Answer<(StatusCode, Json<TagJson>)> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let repository = permit.subject().repository.clone();
    let option = body.read(&app, &permit).await?;
    let name = required("TagName", option.tag_name)?;
    let (target, message) = (given(option.target), option.message.unwrap_or_default());
    let (forge, intake, new) = (Arc::clone(&app.forge), app.intake.clone(), name.clone());
    let made = app.work.spawn(async move { tags::create_tag(&forge, &intake, permit, &new, target, message).await });
    made.await.map_err(Error::internal)??;
    Ok((StatusCode::CREATED, Json(shown_tags::show(&app, &repository, name).await?)))
}

/// `repoDeleteTag`.
pub async fn repo_delete_tag(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::PushRepository, &path, &uri).await?;
    let (forge, intake) = (Arc::clone(&app.forge), app.intake.clone());
    let gone = app.work.spawn(async move { tags::delete_tag(&forge, &intake, permit, &name).await });
    gone.await.map_err(Error::internal)??;
    Ok(StatusCode::NO_CONTENT)
}

fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn required(field: &'static str, text: Option<String>) -> Result<String> {
    text.filter(|text| !text.is_empty()).ok_or_else(|| Error::invalid(field, format!("[{field}]: Required")))
}
