//! Rules of tags, for administrators of a repository.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{TagProtectionJson, TagProtectionOption};
use super::lookup::{self, Answer};
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::protection::tags::{self, TagRulePatch};
use crate::http::App;
use crate::http::extract::{Body, PathParam};
use crate::model::RuleId;

/// `repoListTagProtection`; all at once, as in Gitea: their number is bounded.
pub async fn repo_list_tag_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<Vec<TagProtectionJson>>> {
    let permit = lookup::repository(&app, &caller, action::ReadProtection, &path, &uri).await?;
    let rules = tags::list_rules(&app.forge, &permit).await?;
    Ok(Json(rules.iter().map(TagProtectionJson::from).collect()))
}

/// `repoGetTagProtection`.
pub async fn repo_get_tag_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<Json<TagProtectionJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadProtection, &path, &uri).await?;
    Ok(Json((&tags::find_rule(&app.forge, &permit, rule_id(&id)?).await?).into()))
}

/// `repoCreateTagProtection`.
pub async fn repo_create_tag_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<TagProtectionOption>,
) -> Answer<(StatusCode, Json<TagProtectionJson>)> {
    let permit = lookup::repository(&app, &caller, action::EditProtection, &path, &uri).await?;
    let option = body.read(&app, &permit).await?;
    let rule = tags::create_rule(&app.forge, permit, patch(option)).await?;
    Ok((StatusCode::CREATED, Json((&rule).into())))
}

/// `repoEditTagProtection`.
pub async fn repo_edit_tag_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
    body: Body<TagProtectionOption>,
) -> Answer<Json<TagProtectionJson>> {
    let permit = lookup::repository(&app, &caller, action::EditProtection, &path, &uri).await?;
    let option = body.read(&app, &permit).await?;
    let rule = tags::edit_rule(&app.forge, permit, rule_id(&id)?, patch(option)).await?;
    Ok(Json((&rule).into()))
}

/// `repoDeleteTagProtection`.
pub async fn repo_delete_tag_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(id): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditProtection, &path, &uri).await?;
    tags::delete_rule(&app.forge, permit, rule_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn rule_id(text: &str) -> Result<RuleId> {
    text.parse().map(RuleId::new).map_err(|_| Error::not_found())
}

fn patch(option: TagProtectionOption) -> TagRulePatch {
    TagRulePatch { pattern: option.name_pattern, users: option.whitelist_usernames, teams: option.whitelist_teams }
}
