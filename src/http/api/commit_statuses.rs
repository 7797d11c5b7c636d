//! Statuses of commits: told, listed, combined.

use std::sync::atomic::AtomicBool;

use atomicqms_git::{ObjectId, View};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::git_path::find_commit;
use super::json::{CombinedStatusJson, CommitStatusJson, CreateStatusOption, Timestamp};
use super::lookup::{self, Answer};
use super::query::Params;
use super::render::Viewer;
use super::rendered::{Listed, Rendered};
use super::repositories::render_all;
use super::spec::Query;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::forge::commit_statuses::{Told, combine_statuses, create_status, list_statuses};
use crate::http::App;
use crate::http::extract::{Body, Paging, PathParam};
use crate::model::commit_status::{CommitState, DEFAULT_CONTEXT, NewCommitStatus, StatusQuery};
use crate::model::{Paged, Repository};

/// Query of `repoListStatuses` and `repoListStatusesByRef`.
pub(super) const LIST: &[Query] = &[
    Query::text("sort", "order of the statuses").one_of(&[
        "oldest",
        "recentupdate",
        "leastupdate",
        "leastindex",
        "highestindex",
    ]),
    Query::text("state", "only statuses that say this").one_of(&["pending", "success", "error", "failure", "warning"]),
];

/// `repoCreateStatus`.
pub async fn repo_create_status(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
    body: Body<CreateStatusOption>,
) -> Answer<(StatusCode, Json<CommitStatusJson>)> {
    let permit = lookup::repository(&app, &caller, action::EditCommitStatus, &path, &uri).await?;
    let option = body.read(&app, &permit).await?;
    let state = CommitState::parse(&option.state)
        .ok_or_else(|| Error::new(Kind::Malformed, format!("invalid state: {:?}", option.state)))?;
    let context = match option.context.trim() {
        "" => DEFAULT_CONTEXT.to_owned(),
        context => context.to_owned(),
    };
    let repository = permit.subject().repository.clone();
    let commit = commit_of(&app, &caller, &repository, name).await?;
    let new = NewCommitStatus { context, state, target_url: option.target_url, description: option.description };
    let told = create_status(&app.forge, permit, commit, new).await?;
    Ok((StatusCode::CREATED, Json(render(&app, &caller, &repository, told))))
}

/// `repoListStatuses` and `repoListStatusesByRef`.
pub async fn repo_list_statuses(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    params: Params,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<CommitStatusJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?;
    let query = read_query(&params)?;
    let repository = permit.subject().repository.clone();
    let commit = commit_of(&app, &caller, &repository, name).await?;
    let Paged { rows, total_count } = list_statuses(&app.forge, &permit, commit, query, paging.page).await?;
    let rows: Vec<_> = rows.into_iter().map(|told| render(&app, &caller, &repository, told)).collect();
    Ok(paging.respond(&app, Paged { rows, total_count }))
}

/// `repoGetCombinedStatusByRef`.
pub async fn repo_get_combined_status_by_ref(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    paging: Paging,
    uri: Uri,
) -> Answer<Rendered<CombinedStatusJson>> {
    let permit = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?;
    let (repository, rights) = (permit.subject().repository.clone(), permit.subject().rights);
    let commit = commit_of(&app, &caller, &repository, name).await?;
    let (state, found) = combine_statuses(&app.forge, &permit, commit, paging.page).await?;
    let urls = Viewer::new(&caller, &app.root_url).urls;
    let (full_name, sha) = (repository.full_name(), commit.to_string());
    let statuses = found.rows.into_iter().map(|told| render(&app, &caller, &repository, told)).collect();
    let shown = render_all(&app, &caller, vec![(repository, rights)]).await?.pop();
    let combined = CombinedStatusJson {
        state: state.as_str(),
        total_count: found.total_count,
        statuses,
        repository: shown.ok_or_else(|| Error::broken("one repository rendered to none"))?,
        commit_url: urls.api_object(&full_name, "commit", &sha),
        url: format!("{}/commits/{sha}/status", urls.api_repository(&full_name)),
        sha,
    };
    Ok(paging.wrap(&app, found.total_count, Json(combined)))
}

/// The commit that a branch, a tag or an id names; only what a ref reaches can be named.
async fn commit_of(app: &App, caller: &Caller, repository: &Repository, name: String) -> Result<ObjectId> {
    let find = move |view: &View, interrupt: &AtomicBool| Ok(find_commit(view, &name, "", interrupt)?.commit);
    let (commit, _place) = lookup::reading(app, caller, repository, find).await?;
    Ok(commit)
}

fn read_query(params: &Params) -> Result<StatusQuery> {
    let malformed = |what: &str, text: &str| Error::new(Kind::Malformed, format!("invalid {what}: {text:?}"));
    let state = match params.text("state") {
        "" => None,
        text => Some(CommitState::parse(text).ok_or_else(|| malformed("state", text))?),
    };
    // A status never changes and gets its number when it comes, so there are only two orders.
    let is_ascending = match params.text("sort") {
        "oldest" | "leastupdate" | "leastindex" => true,
        "" | "recentupdate" | "highestindex" => false,
        text => return Err(malformed("sort", text)),
    };
    Ok(StatusQuery { state, is_ascending, is_latest_only: false })
}

fn render(app: &App, caller: &Caller, repository: &Repository, (status, creator): Told) -> CommitStatusJson {
    let viewer = Viewer::new(caller, &app.root_url);
    let at = Timestamp::from_ms(status.created_ms.get());
    CommitStatusJson {
        id: status.id,
        status: status.state.as_str(),
        target_url: status.target_url,
        description: status.description,
        url: format!("{}/statuses/{}", viewer.urls.api_repository(&repository.full_name()), status.commit),
        context: status.context,
        creator: creator.map_or_else(|| viewer.ghost(), |user| viewer.user(&user)),
        created_at: at,
        updated_at: at,
    }
}
