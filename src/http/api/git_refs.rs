//! `GET /git/refs`: refs by prefix, with the kind of object they point at.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::json::{GitObjectJson, ReferenceJson};
use super::lookup::{self, Answer};
use super::objects::{self, RefTip};
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
) -> Answer<Response> {
    let found = find(&app, &caller, &path, &uri, "refs/".to_owned()).await?;
    Ok(Json(found).into_response())
}

/// `repoListGitRefs`; one ref that is named exactly comes as an object, everything else as a list.
pub async fn repo_list_git_refs(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    uri: Uri,
) -> Answer<Response> {
    let prefix = format!("refs/{name}");
    let found = find(&app, &caller, &path, &uri, prefix.clone()).await?;
    match found.as_slice() {
        [one] if one.name == prefix => Ok(Json(one).into_response()),
        _ => Ok(Json(found).into_response()),
    }
}

/// Errors: `NotFound` also when nothing matches, as in Gitea.
async fn find(app: &App, caller: &Caller, path: &RepoPath, uri: &Uri, prefix: String) -> Answer<Vec<ReferenceJson>> {
    let permit = lookup::repository(app, caller, action::ReadRepository, path, uri).await?;
    let repository = permit.into_subject().repository;
    let view = app.forge.open(&repository).await?.view();
    let found = objects::on_view(view, move |view| objects::list_refs(view, &prefix)).await?;
    if found.is_empty() {
        return Err(Error::not_found().into());
    }
    let full_name = repository.full_name();
    Ok(found.into_iter().map(|tip| render(Urls::new(&app.root_url), &full_name, tip)).collect())
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
