//! `GET /git/refs`: refs by prefix, with the kind of object they point at.

use std::sync::Arc;

use atomicqms_git::View;
use axum::extract::State;
use axum::http::Uri;
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::Serialize;

use super::json::{GitObjectJson, ReferenceJson};
use super::lookup::{self, Answer};
use super::objects::{self, RefTip};
use super::rendered::{Listed, Rendered};
use super::urls::Urls;
use crate::access::{Caller, RepoPath, action};
use crate::error::Error;
use crate::http::App;
use crate::http::extract::PathParam;

/// `repoListAllGitRefs`.
pub async fn repo_list_all_git_refs(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    uri: Uri,
) -> Answer<Listed<ReferenceJson>> {
    // No ref is called so: it is always a list.
    let all = answer(&app, &caller, &path, &uri, "refs/".to_owned()).await?;
    Ok(Rendered::of_response(all.into_response()))
}

/// `repoListGitRefs`; one ref that is named exactly comes as an object, everything else as a list.
pub async fn repo_list_git_refs(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<Rendered<Found>> {
    answer(&app, &caller, &path, &uri, format!("refs/{name}")).await
}

/// What begins with a name, or the one ref that has it.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Found {
    /// All that begin with it.
    List(Vec<ReferenceJson>),
    /// The one that is named.
    One(ReferenceJson),
}

/// Lists the refs that begin with `prefix`, rendered off the async runtime: all refs of a large repository are tens of megabytes.
///
/// Errors: `NotFound` also when nothing matches, as in Gitea.
async fn answer(app: &App, caller: &Caller, path: &RepoPath, uri: &Uri, prefix: String) -> Answer<Rendered<Found>> {
    let permit = lookup::repository(app, caller, action::ReadCode, path, uri).await?;
    let repository = permit.into_subject().repository;
    let (full_name, root_url) = (repository.full_name(), Arc::clone(&app.root_url));
    let read = move |view: &View| {
        let found = objects::list_refs(view, &prefix)?;
        let rows = found.into_iter().map(|tip| render(Urls::new(&root_url), &full_name, tip));
        let mut rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let is_exact = matches!(rows.as_slice(), [one] if one.name == prefix);
        let found = if is_exact { Found::One(rows.swap_remove(0)) } else { Found::List(rows) };
        Ok(Some(serde_json::to_vec(&found)))
    };
    let (found, place) = lookup::listing(app, caller, &repository, read).await?;
    let json = found.ok_or_else(Error::not_found)?.map_err(Error::internal)?;
    Ok(place.hold(Rendered::of_json(json)))
}

fn render(urls: Urls<'_>, full_name: &str, tip: RefTip) -> ReferenceJson {
    let kind = atomicqms_git::id::kind_name(tip.kind);
    let sha = tip.id.to_string();
    ReferenceJson {
        url: urls.api_ref(full_name, &tip.name),
        object: GitObjectJson { kind, url: urls.api_object(full_name, kind, &sha), sha },
        name: tip.name,
    }
}
