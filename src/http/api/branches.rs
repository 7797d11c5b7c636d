//! Branches: list and single, each with the commit at its tip.

use std::collections::HashMap;

use atomicqms_git::View;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;

use super::commit_text::Signature;
use super::json::{BranchJson, PayloadCommitJson, PayloadUserJson, Timestamp, VerificationJson};
use super::lookup::{self, Answer};
use super::objects::{self, BranchTip};
use super::query::Params;
use super::rendered::{Listed, Rendered};
use super::spec::Query;
use super::urls::Urls;
use super::verification;
use crate::access::action::RepositoryAccess;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::forge::protection::rules::{Pusher, ReadyRule};
use crate::forge::{protection, users};
use crate::http::App;
use crate::http::extract::{Paging, PathParam};
use crate::model::{AccessLevel, Paged, Unit, User};

/// Query of `repoListBranches`.
pub(super) const LIST: &[Query] = &[Query::text("q", "a part of the name")];

/// `repoListBranches`.
pub async fn repo_list_branches(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    params: Params,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<BranchJson>> {
    let subject = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject();
    let (keyword, page) = (params.text("q").to_owned(), paging.page);
    let (orders, id) = (app.tip_orders.clone(), subject.repository.id);
    let read = move |view: &View| objects::list_branches(view, &orders, id, &keyword, page);
    let (found, place) = lookup::listing(&app, &caller, &subject.repository, read).await?;
    let rows = render_all(&app, &caller, &subject, found.rows).await?;
    Ok(place.hold(paging.respond(&app, Paged { rows, total_count: found.total_count })))
}

/// `repoGetBranch`.
pub async fn repo_get_branch(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<Rendered<BranchJson>> {
    let subject = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject();
    let read = move |view: &View| objects::find_branch(view, &name);
    let (tip, place) = lookup::listing(&app, &caller, &subject.repository, read).await?;
    let tip = tip.ok_or_else(Error::not_found)?;
    let branch = render_all(&app, &caller, &subject, vec![tip]).await?.pop();
    Ok(place.hold(Json(branch.ok_or_else(|| Error::broken("one branch rendered to none"))?)))
}

/// One branch that was just written.
///
/// Errors: `NotFound` when it is gone again.
pub(super) async fn show(app: &App, caller: &Caller, subject: &RepositoryAccess, name: String) -> Result<BranchJson> {
    let view = app.forge.open(&subject.repository).await?.view();
    let tip = objects::on_view(view, move |view| objects::find_branch(view, &name)).await?;
    let tip = tip.ok_or_else(Error::not_found)?;
    let branch = render_all(app, caller, subject, vec![tip]).await?.pop();
    branch.ok_or_else(|| Error::broken("one branch rendered to none"))
}

/// Renders branches, with the accounts behind the recorded addresses looked up once for all.
async fn render_all(
    app: &App,
    caller: &Caller,
    subject: &RepositoryAccess,
    mut tips: Vec<BranchTip>,
) -> Result<Vec<BranchJson>> {
    let addresses = tips.iter().flat_map(|tip| [&tip.commit.author.email, &tip.commit.committer.email]).cloned();
    let accounts = users::users_by_email(&app.forge, caller, addresses.collect()).await?;
    let signed: Vec<_> = tips.iter_mut().map(|tip| verification::of_commit(&mut tip.commit)).collect();
    let verifications = verification::judge(app, caller, signed).await?;
    let urls = Urls::new(&app.root_url);
    let full_name = subject.repository.full_name();
    let (rules, teams) = protection::rules_for(&app.forge, subject.repository.id, caller).await?;
    let rules = rules.branches;
    let pusher = caller.user_id().map(|user| Pusher::User(user, &teams));
    let render = |(tip, verification): (BranchTip, VerificationJson)| {
        let commit = render_commit(urls, &full_name, &tip, verification, &accounts);
        render_rule(pusher, subject, rules.effective(&tip.name), BranchJson::unprotected(tip.name, commit))
    };
    Ok(tips.into_iter().zip(verifications).map(render).collect())
}

/// Adds what the rule in force says, and to whom.
fn render_rule(
    pusher: Option<Pusher<'_>>,
    subject: &RepositoryAccess,
    rule: Option<&ReadyRule>,
    branch: BranchJson,
) -> BranchJson {
    let may_write = subject.rights.units.of(Unit::Code) >= AccessLevel::Write
        && !subject.repository.is_archived
        && !subject.repository.is_mirror;
    let Some(ready) = rule else { return BranchJson { user_can_push: may_write, user_can_merge: may_write, ..branch } };
    let settings = &ready.rule.settings;
    let is_admin = subject.rights.level >= AccessLevel::Admin;
    BranchJson {
        protected: true,
        required_approvals: settings.required_approvals,
        enable_status_check: settings.flags.enable_status_check,
        status_check_contexts: settings.status_check_contexts.clone(),
        user_can_push: may_write && pusher.is_some_and(|pusher| ready.may_push(pusher)),
        user_can_merge: may_write && pusher.is_some_and(|pusher| ready.may_merge(pusher)),
        effective_branch_protection_name: if is_admin { ready.rule.name.clone() } else { String::new() },
        ..branch
    }
}

fn render_commit(
    urls: Urls<'_>,
    full_name: &str,
    tip: &BranchTip,
    verification: VerificationJson,
    accounts: &HashMap<String, User>,
) -> PayloadCommitJson {
    let id = tip.id.to_string();
    let commit = &tip.commit;
    let person = |signature: &Signature| PayloadUserJson {
        name: signature.name.clone(),
        email: signature.email.clone(),
        username: accounts
            .get(&signature.email.to_ascii_lowercase())
            .map(|user| user.name.to_string())
            .unwrap_or_default(),
    };
    PayloadCommitJson {
        url: urls.commit(full_name, &id),
        id,
        message: commit.message.clone(),
        author: person(&commit.author),
        committer: person(&commit.committer),
        verification,
        timestamp: Timestamp::from_git(commit.author.seconds, commit.author.offset_seconds),
        added: None,
        removed: None,
        modified: None,
    }
}
