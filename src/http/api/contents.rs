//! Files and directories as JSON: `contents`, `contents-ext` and `file-contents`.
//!
//! Owns which facts are asked for. What they are is found in `directories.rs`; the answer is made whole on the blocking pool, because a large
//! directory is megabytes.

use atomicqms_git::View;
use axum::extract::State;
use axum::http::Uri;
use axum::response::IntoResponse;
use schemars::JsonSchema;
use serde::Serialize;

use super::content_facts::{Asked, Includes, Place};
use super::git_path::{clean_path, find_commit};
use super::json::{ContentsExtJson, ContentsJson, GetFilesOptions};
use super::lookup::{self, Answer};
use super::query::Params;
use super::rendered::{Listed, Rendered};
use super::spec::Query;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::http::App;
use crate::http::extract::{Body, PathParam};
use crate::model::Repository;

/// Query of everything that reads files.
pub(super) const REF: &[Query] = &[Query::text("ref", "branch, tag or commit; the default branch when not given")];

/// Query of `repoGetContentsExt`.
pub(super) const INCLUDES: &[Query] =
    &[Query::text("includes", "what to add, with commas: file_content, lfs_metadata, commit_metadata, commit_message")];

/// Query of `repoGetFileContents`.
pub(super) const FILES: &[Query] =
    &[Query::text("body", "the paths as JSON, as in the body of the POST form: {files: [...]}").required()];

/// Most files that one request for several is answered with, as in Gitea.
const MAX_FILES: usize = 30;
/// Content of several files together; what comes after is left out. Units: bytes, in base64.
pub(super) const MAX_FILES_BYTES: usize = 32 << 20;

/// `repoGetContentsList`.
pub async fn repo_get_contents_list(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    params: Params,
    uri: Uri,
) -> Answer<Listed<ContentsJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    // The root is always a list.
    let root = contents(&app, &caller, repository, params.text("ref"), "").await?;
    Ok(Rendered::of_response(root.into_response()))
}

/// `repoGetContents`.
pub async fn repo_get_contents(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(file): PathParam,
    params: Params,
    uri: Uri,
) -> Answer<Rendered<Found>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    contents(&app, &caller, repository, params.text("ref"), &file).await
}

/// `repoGetContentsExt`.
pub async fn repo_get_contents_ext(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(file): PathParam,
    params: Params,
    uri: Uri,
) -> Answer<Rendered<ContentsExtJson>> {
    contents_ext(&app, &caller, &path, &file, &params, &uri).await
}

/// `repoGetContentsExtList`: the root, whose address usual clients write without the `.` that Gitea wants.
pub async fn repo_get_contents_ext_list(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    params: Params,
    uri: Uri,
) -> Answer<Rendered<ContentsExtJson>> {
    contents_ext(&app, &caller, &path, "", &params, &uri).await
}

async fn contents_ext(
    app: &App,
    caller: &Caller,
    path: &RepoPath,
    file: &str,
    params: &Params,
    uri: &Uri,
) -> Answer<Rendered<ContentsExtJson>> {
    let repository = lookup::repository(app, caller, action::ReadCode, path, uri).await?.into_subject().repository;
    let includes = Includes::parse(params.text("includes"));
    let asked = Asked { path: clean_path(file)?, reference: params.text("ref").to_owned(), includes };
    answer(app, caller, repository, move |place| {
        Ok(match place.read(&asked)? {
            Found::One(entry) => ContentsExtJson { file_contents: Some(*entry), dir_contents: None },
            Found::List(list) => ContentsExtJson { file_contents: None, dir_contents: Some(list) },
        })
    })
    .await
}

/// `repoGetFileContents`; the list of files is JSON in the query.
pub async fn repo_get_file_contents(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    params: Params,
    uri: Uri,
) -> Answer<Listed<Option<ContentsJson>>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let options: GetFilesOptions = serde_json::from_str(params.text("body"))
        .map_err(|error| Error::new(Kind::Malformed, format!("invalid body parameter: {error}")))?;
    files(&app, &caller, repository, params.text("ref"), options).await
}

/// `repoGetFileContentsPost`.
pub async fn repo_get_file_contents_post(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    params: Params,
    uri: Uri,
    body: Body<GetFilesOptions>,
) -> Answer<Listed<Option<ContentsJson>>> {
    let permit = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?;
    let options = body.read(&app, &permit).await?;
    files(&app, &caller, permit.into_subject().repository, params.text("ref"), options).await
}

/// An entry, or what is in a directory: an object or a list, as clients of `contents` expect.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Found {
    /// A file, link or submodule.
    One(Box<ContentsJson>),
    /// The entries of a directory.
    List(Vec<ContentsJson>),
}

async fn contents(
    app: &App,
    caller: &Caller,
    repository: Repository,
    reference: &str,
    path: &str,
) -> Answer<Rendered<Found>> {
    let includes = Includes { content: true, lfs: false, commit: true, message: false };
    let asked = Asked { path: clean_path(path)?, reference: reference.to_owned(), includes };
    answer(app, caller, repository, move |place| place.read(&asked)).await
}

/// Several files in their order; null for what is no file or does not exist.
async fn files(
    app: &App,
    caller: &Caller,
    repository: Repository,
    reference: &str,
    options: GetFilesOptions,
) -> Answer<Listed<Option<ContentsJson>>> {
    let reference = reference.to_owned();
    let includes = Includes { content: true, lfs: false, commit: true, message: false };
    answer(app, caller, repository, move |place| {
        // The ref is looked up even when no file is asked for.
        find_commit(place.view, &reference, &place.repository.default_branch, place.interrupt)?;
        let (mut rows, mut bytes) = (Vec::new(), 0_usize);
        for path in options.files.unwrap_or_default().iter().take(MAX_FILES) {
            let asked = clean_path(path).map(|path| Asked { path, reference: reference.clone(), includes });
            let row = match asked.and_then(|asked| place.read(&asked)) {
                Ok(Found::One(entry)) => Some(*entry),
                Ok(Found::List(_)) => None,
                Err(error) if error.kind() == Kind::NotFound => None,
                Err(error) => return Err(error),
            };
            bytes += row.as_ref().and_then(|row| row.content.as_ref()).map_or(0, String::len);
            if bytes > MAX_FILES_BYTES {
                break;
            }
            rows.push(row);
        }
        Ok(rows)
    })
    .await
}

/// Reads and renders on the blocking pool.
async fn answer<T: Serialize>(
    app: &App,
    caller: &Caller,
    repository: Repository,
    read: impl FnOnce(&Place<'_>) -> Result<T> + Send + 'static,
) -> Answer<Rendered<T>> {
    let (directories, root_url) = (app.directories.clone(), app.root_url.clone());
    let subject = repository.clone();
    let work = move |view: &View, interrupt: &std::sync::atomic::AtomicBool| {
        let place = Place { view, directories: &directories, repository: &subject, root_url: &root_url, interrupt };
        serde_json::to_vec(&read(&place)?).map_err(Error::internal)
    };
    let (json, place) = lookup::reading(app, caller, &repository, work).await?;
    Ok(place.hold(Rendered::of_json(json)))
}
