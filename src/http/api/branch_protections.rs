//! Rules of branches, for administrators of a repository.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::json::{BranchProtectionJson, BranchProtectionOption, BranchProtectionPrioritiesOption};
use super::lookup::{self, Answer};
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Kind};
use crate::forge::protection::branches::{self, BranchRulePatch};
use crate::http::App;
use crate::http::extract::{Body, PathParam};
use crate::model::{RuleId, WhiteList};

/// `repoListBranchProtection`; all at once, as in Gitea: their number is bounded.
pub async fn repo_list_branch_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Json<Vec<BranchProtectionJson>>> {
    let permit = lookup::repository(&app, &caller, action::ReadProtection, &path, &uri).await?;
    let rules = branches::list_rules(&app.forge, &permit).await?;
    Ok(Json(rules.iter().map(BranchProtectionJson::from).collect()))
}

/// `repoGetBranchProtection`.
pub async fn repo_get_branch_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<Json<BranchProtectionJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadProtection, &path, &uri).await?;
    Ok(Json((&branches::find_rule(&app.forge, &permit, &name).await?).into()))
}

/// `repoCreateBranchProtection`.
pub async fn repo_create_branch_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<BranchProtectionOption>,
) -> Answer<(StatusCode, Json<BranchProtectionJson>)> {
    let permit = lookup::repository(&app, &caller, action::EditProtection, &path, &uri).await?;
    let mut option = body.read(&app, &permit).await?;
    let given = [option.rule_name.take(), option.branch_name.take()].into_iter().flatten();
    let Some(name) = given.map(|name| name.trim().to_owned()).find(|name| !name.is_empty()) else {
        return Err(Error::new(Kind::Malformed, "both rule_name and branch_name are empty").into());
    };
    let rule = branches::create_rule(&app.forge, permit, name, patch(option)).await?;
    Ok((StatusCode::CREATED, Json((&rule).into())))
}

/// `repoEditBranchProtection`.
pub async fn repo_edit_branch_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
    body: Body<BranchProtectionOption>,
) -> Answer<Json<BranchProtectionJson>> {
    let permit = lookup::repository(&app, &caller, action::EditProtection, &path, &uri).await?;
    let option = body.read(&app, &permit).await?;
    let rule = branches::edit_rule(&app.forge, permit, name, patch(option)).await?;
    Ok(Json((&rule).into()))
}

/// `repoDeleteBranchProtection`.
pub async fn repo_delete_branch_protection(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditProtection, &path, &uri).await?;
    branches::delete_rule(&app.forge, permit, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `repoUpdateBranchProtectionPriories`.
pub async fn repo_update_branch_protection_priories(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
    body: Body<BranchProtectionPrioritiesOption>,
) -> Answer<StatusCode> {
    let permit = lookup::repository(&app, &caller, action::EditProtection, &path, &uri).await?;
    let ids = body.read(&app, &permit).await?.ids.unwrap_or_default();
    branches::order_rules(&app.forge, permit, ids.into_iter().map(RuleId::new).collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn patch(option: BranchProtectionOption) -> BranchRulePatch {
    let lists = [
        (WhiteList::Push, option.push_whitelist_usernames),
        (WhiteList::ForcePush, option.force_push_allowlist_usernames),
        (WhiteList::Merge, option.merge_whitelist_usernames),
        (WhiteList::Approvals, option.approvals_whitelist_username),
        (WhiteList::Bypass, option.bypass_allowlist_usernames),
    ];
    let teams = [
        (WhiteList::Push, option.push_whitelist_teams),
        (WhiteList::ForcePush, option.force_push_allowlist_teams),
        (WhiteList::Merge, option.merge_whitelist_teams),
        (WhiteList::Approvals, option.approvals_whitelist_teams),
        (WhiteList::Bypass, option.bypass_allowlist_teams),
    ];
    BranchRulePatch {
        priority: option.priority,
        flags: option.flags,
        required_approvals: option.required_approvals,
        status_check_contexts: option.status_check_contexts,
        protected_file_patterns: option.protected_file_patterns,
        unprotected_file_patterns: option.unprotected_file_patterns,
        users: lists.into_iter().filter_map(|(list, logins)| Some((list, logins?))).collect(),
        teams: teams.into_iter().filter_map(|(list, names)| Some((list, names?))).collect(),
    }
}
