//! Files and archives of repositories at the addresses that answers of the API and rendered texts name, outside of the API, as in Gitea.
//!
//! Owns how these addresses are put together. Gate, answers and headers are those of the API's own operations (`api/raw.rs`, `api/archives.rs`).
//! Entered through the router's table.

use atomicqms_git::revision::RevisionKind;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;

use super::App;
use super::api::archives;
use super::api::lookup::Answer;
use super::api::query::Params;
use super::api::raw::{self, At};
use super::extract::PathParam;
use super::router::{Group, Route};
use crate::access::{Caller, RepoPath};

/// Rows of the router's table.
pub fn routes() -> Vec<Route> {
    let page = |path, name| Route::new(Group::Page, Method::GET, path, name, file);
    vec![
        page("/{owner}/{repo}/raw/{*place}", "rawDownload"),
        // Gitea sends what an LFS pointer names here; there is no LFS yet.
        page("/{owner}/{repo}/media/{*place}", "mediaDownload"),
        Route::new(Group::Page, Method::GET, "/{owner}/{repo}/archive/{*archive}", "archiveDownload", archive)
            .query(&[archives::PATHS]),
    ]
}

/// `rawDownload` and `mediaDownload`.
async fn file(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(place): PathParam,
    uri: Uri,
    headers: HeaderMap,
) -> Answer<Response> {
    let (at, file) = split(&place);
    raw::serve(&app, &caller, &path, &uri, raw::Asked { file: file.to_owned(), at, headers }).await
}

/// `archiveDownload`.
async fn archive(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    params: Params,
    uri: Uri,
    headers: HeaderMap,
) -> Answer<Response> {
    archives::serve(&app, &caller, &path, &uri, archives::Asked { name, params, headers }).await
}

/// Takes the word off that says what the ref is. Without one it is the older form of these addresses, in which anything may stand.
fn split(place: &str) -> (At, &str) {
    let kind = |word| match word {
        "branch" => Some(RevisionKind::Branch),
        "tag" => Some(RevisionKind::Tag),
        "commit" => Some(RevisionKind::Commit),
        _ => None,
    };
    match place.split_once('/').and_then(|(word, rest)| Some((kind(word)?, rest))) {
        Some((kind, rest)) => (At::Begin(kind), rest),
        None => (At::Named(String::new()), place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_by_table() {
        let older = At::Named(String::new());
        let table = [
            ("branch/main/a", At::Begin(RevisionKind::Branch), "main/a"),
            ("branch/a/b/c d", At::Begin(RevisionKind::Branch), "a/b/c d"),
            ("tag/v1/a", At::Begin(RevisionKind::Tag), "v1/a"),
            ("commit/0123456/a", At::Begin(RevisionKind::Commit), "0123456/a"),
            ("main/a", older.clone(), "main/a"),
            ("branches/a", older.clone(), "branches/a"),
            ("branch", older, "branch"),
        ];
        for (place, at, file) in table {
            assert_eq!(split(place), (at, file), "{place}");
        }
    }
}
