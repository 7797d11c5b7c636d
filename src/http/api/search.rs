//! `GET /repos/search`: repositories the caller may see, by words and switches.

use axum::Json;
use axum::extract::State;

use super::json::SearchResultsJson;
use super::query::Params;
use super::rendered::Rendered;
use super::repositories::render_all;
use super::spec::Query;
use crate::access::{Caller, action};
use crate::error::{Error, Result};
use crate::forge::repositories;
use crate::http::App;
use crate::http::extract::Paging;
use crate::model::repository::{RepositoryMode, RepositoryQuery, RepositorySort};
use crate::model::{Paged, UserId};

/// Query of `repoSearch`.
pub(super) const SEARCH: &[Query] = &[
    Query::text("q", "words to look for"),
    Query::switch("topic", "look at topics only"),
    Query::switch("includeDesc", "look at descriptions, too"),
    Query::number("uid", "only what this account owns or has a part in"),
    Query::switch("exclusive", "only what the account of uid owns"),
    Query::number("team_id", "finds nothing: what a team has is in its own list"),
    Query::number("starredBy", "only what this account has starred"),
    Query::switch("private", "false leaves out what is private"),
    Query::switch("is_private", "only what is private, or only what is not"),
    Query::switch("template", "only templates, or only others"),
    Query::switch("archived", "only what is archived, or only what is not"),
    Query::text("mode", "source, fork, mirror or collaborative"),
    Query::text("sort", "alpha, stars, forks, created, updated, size, git_size, lfs_size or id; alpha when not given"),
    Query::text("order", "asc or desc; asc when not given, ignored without sort"),
];

/// `repoSearch`.
pub async fn repo_search(
    State(app): State<App>,
    caller: Caller,
    params: Params,
    paging: Paging,
) -> Result<Rendered<SearchResultsJson>> {
    let permit = app.forge.authorize(&caller, action::SearchRepositories, &()).await?;
    let query = read_query(&params)?;
    let found = if asks_for_a_team(&params) {
        Paged { rows: Vec::new(), total_count: 0 }
    } else {
        repositories::search_repositories(&app.forge, permit, query, paging.page).await?
    };
    let total_count = found.total_count;
    let data = render_all(&app, &caller, found.rows).await?;
    Ok(paging.wrap(&app, total_count, Json(SearchResultsJson { ok: true, data })))
}

/// Which repositories a team has is shown by the team's own list alone, to those who may see the team.
fn asks_for_a_team(params: &Params) -> bool {
    params.id("team_id").is_some()
}

fn read_query(params: &Params) -> Result<RepositoryQuery> {
    let mode = match params.text("mode") {
        "" => RepositoryMode::Any,
        "source" => RepositoryMode::Source,
        "fork" => RepositoryMode::Fork,
        "mirror" => RepositoryMode::Mirror,
        "collaborative" => RepositoryMode::Collaborative,
        other => return Err(Error::invalid("mode", format!("Invalid search mode: \"{other}\""))),
    };
    let (sort, is_descending) = read_order(params)?;
    Ok(RepositoryQuery {
        text: params.text("q").to_owned(),
        is_topic_only: params.switch("topic") == Some(true),
        in_description: params.switch("includeDesc") == Some(true),
        uid: params.id("uid").map(UserId::new),
        is_exclusive: params.switch("exclusive") == Some(true),
        team: None,
        is_private: params.switch("is_private"),
        without_private: params.switch("private") == Some(false),
        is_archived: params.switch("archived"),
        is_template: params.switch("template"),
        starred_by: params.id("starredBy").map(UserId::new),
        watched_by: None,
        fork_of: None,
        mode,
        sort,
        is_descending,
    })
}

fn read_order(params: &Params) -> Result<(RepositorySort, bool)> {
    let (sort, order) = (params.text("sort"), params.text("order"));
    let sort = match sort {
        "" => return Ok((RepositorySort::Alpha, false)),
        // Nothing has LFS objects yet: every order by them is the same, so the names decide.
        "alpha" | "lfs_size" => RepositorySort::Alpha,
        "stars" => RepositorySort::Stars,
        "forks" => RepositorySort::Forks,
        "created" => RepositorySort::Created,
        "updated" => RepositorySort::Updated,
        "size" | "git_size" => RepositorySort::Size,
        "id" => RepositorySort::Id,
        other => return Err(Error::invalid("sort", format!("Invalid sort mode: \"{other}\""))),
    };
    match order {
        "" | "asc" => Ok((sort, false)),
        "desc" => Ok((sort, true)),
        other => Err(Error::invalid("order", format!("Invalid sort order: \"{other}\""))),
    }
}
