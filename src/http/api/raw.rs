//! Files as they are: `raw` and `media`, in the API and at the addresses that its answers name (`http/files.rs`).
//!
//! Owns how a ref is found at the begin of a path, and the headers. A file is read whole: all that are being sent together are bounded by
//! [`crate::forge::intake::Intake::file_memory`]. LFS is not there yet, so `media` serves a pointer as the file it is.

use std::sync::atomic::AtomicBool;

use atomicqms_git::revision::{Revision, RevisionKind, find_revision};
use atomicqms_git::{ObjectId, Reservation, View};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::content_facts::kind_of;
use super::content_type::shown;
use super::directories::item_at;
use super::git_path::{clean_path, find_commit};
use super::lookup::{self, Answer};
use super::query::Params;
use super::rendered::File;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Result};
use crate::http::App;
use crate::http::disposition::disposition;
use crate::http::extract::PathParam;
use crate::http::held::HeldBody;
use crate::http::ranges::{self, Asked as Part};

/// Digits of a whole id.
const WHOLE: usize = 40;
/// Least digits of an id where nothing else can stand in its place, as in Gitea.
const ABBREVIATED: usize = 7;

/// `repoGetRawFile`.
pub async fn repo_get_raw_file(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(file): PathParam,
    params: Params,
    uri: Uri,
    headers: HeaderMap,
) -> Answer<File> {
    let at = At::Named(params.text("ref").to_owned());
    Ok(File(serve(&app, &caller, &path, &uri, Asked { file, at, headers }).await?))
}

/// `repoGetRawFileOrLFS`.
pub async fn repo_get_raw_file_or_lfs(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(file): PathParam,
    params: Params,
    uri: Uri,
    headers: HeaderMap,
) -> Answer<File> {
    let at = At::Named(params.text("ref").to_owned());
    Ok(File(serve(&app, &caller, &path, &uri, Asked { file, at, headers }).await?))
}

/// Where a file is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum At {
    /// At what the client names beside the path. Where that is empty, the path may begin with a branch, a tag or a whole commit id, in this order, as
    /// in Gitea; else it is one of the default branch.
    Named(String),
    /// The path begins with a branch, or a tag, or a commit id, as is said here; `HEAD` is one, too.
    Begin(RevisionKind),
}

/// A request for a file.
#[derive(Debug)]
pub(in crate::http) struct Asked {
    /// The path, perhaps with a ref before it.
    pub(in crate::http) file: String,
    /// How the ref is named.
    pub(in crate::http) at: At,
    /// What the client says of conditions and ranges.
    pub(in crate::http) headers: HeaderMap,
}

/// A file, or the knowledge that the client has it.
struct Found {
    name: String,
    id: ObjectId,
    kind: &'static str,
    content: Option<(Bytes, Reservation)>,
}

/// Answers a file.
///
/// Errors: those of the gate; `NotFound`; `Moved` for whoever may read it and used a former name of the repository.
pub(in crate::http) async fn serve(
    app: &App,
    caller: &Caller,
    path: &RepoPath,
    uri: &Uri,
    asked: Asked,
) -> Answer<Response> {
    let repository = lookup::repository(app, caller, action::ReadCode, path, uri).await?.into_subject().repository;
    let (memory, default_branch) = (app.intake.file_memory().clone(), repository.default_branch.clone());
    let headers = asked.headers.clone();
    let work = move |view: &View, interrupt: &AtomicBool| {
        let (revision, path) = find_file(view, &asked.file, &asked.at, &default_branch, interrupt)?;
        let item = item_at(view, revision.commit, path.as_bytes())?.filter(|item| item.entry.is_blob());
        let item = item.ok_or_else(Error::not_found)?;
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let (id, kind) = (item.entry.id, kind_of(&item));
        let content = match ranges::is_known(&asked.headers, &etag(&id)) {
            true => None,
            false => {
                let reserved = memory.reserve(item.size, interrupt)?;
                Some((Bytes::from(view.odb.read(&id)?.data), reserved))
            }
        };
        Ok(Found { name, id, kind, content })
    };
    let (file, place) = lookup::reading(app, caller, &repository, work).await?;
    Ok(place.hold_bytes(render(file, &headers)?))
}

fn render(file: Found, asked: &HeaderMap) -> Result<Response> {
    let etag = etag(&file.id);
    let mut headers = HeaderMap::new();
    // Rights may change at any time: a copy is asked about before it is used.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(HeaderName::from_static("x-gitea-object-type"), HeaderValue::from_static(file.kind));
    headers.insert(header::ETAG, HeaderValue::try_from(&etag).map_err(Error::internal)?);
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Content-Disposition, X-Gitea-Object-Type"),
    );
    let Some((data, reserved)) = file.content else { return Ok((StatusCode::NOT_MODIFIED, headers).into_response()) };
    let shown = shown(&file.name, &data);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(shown.content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_DISPOSITION, disposition(&file.name, shown.is_inline));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(shown.policy));
    let length = data.len();
    let of_length = |part: String| HeaderValue::try_from(format!("bytes {part}/{length}")).map_err(Error::internal);
    let (status, part) = match ranges::asked(asked, &etag, length as u64) {
        Part::Whole => (StatusCode::OK, data),
        Part::Part(range) => {
            let text = format!("{}-{}", range.start, range.end.saturating_sub(1));
            headers.insert(header::CONTENT_RANGE, of_length(text)?);
            // Both ends are at most the length.
            (StatusCode::PARTIAL_CONTENT, data.slice(range.start as usize..range.end as usize))
        }
        Part::Nothing => {
            headers.insert(header::CONTENT_RANGE, of_length("*".to_owned())?);
            (StatusCode::RANGE_NOT_SATISFIABLE, Bytes::new())
        }
    };
    let body = Body::new(HeldBody { inner: Body::from(part), _place: reserved });
    Ok((status, headers, body).into_response())
}

fn etag(id: &ObjectId) -> String {
    format!("\"{id}\"")
}

/// Finds the ref and the path within it.
fn find_file(
    view: &View,
    file: &str,
    at: &At,
    default_branch: &str,
    interrupt: &AtomicBool,
) -> Result<(Revision, String)> {
    let file = clean_path(file)?;
    match at {
        At::Begin(kind) => split_ref(view, &file, *kind, true, interrupt)?.ok_or_else(Error::not_found),
        At::Named(name) if !name.is_empty() => Ok((find_commit(view, name, default_branch, interrupt)?, file)),
        At::Named(_) => {
            for kind in [RevisionKind::Branch, RevisionKind::Tag, RevisionKind::Commit] {
                if let Some(found) = split_ref(view, &file, kind, false, interrupt)? {
                    return Ok(found);
                }
            }
            Ok((find_commit(view, "", default_branch, interrupt)?, file))
        }
    }
}

/// Takes a ref of one kind off the begin of a path; `is_said`: nothing else can stand there. No branch is a directory of another one, nor a tag, so
/// there is one way at most.
fn split_ref(
    view: &View,
    file: &str,
    kind: RevisionKind,
    is_said: bool,
    interrupt: &AtomicBool,
) -> Result<Option<(Revision, String)>> {
    let prefix = match kind {
        RevisionKind::Branch => "refs/heads/",
        RevisionKind::Tag => "refs/tags/",
        RevisionKind::Commit => {
            let Some((name, rest)) = file.split_once('/') else { return Ok(None) };
            let least = if is_said { ABBREVIATED } else { WHOLE };
            let is_id = (least..=WHOLE).contains(&name.len()) && name.bytes().all(|digit| digit.is_ascii_hexdigit());
            let is_head = is_said && name == "HEAD";
            if !is_id && !is_head {
                return Ok(None);
            }
            let found = find_revision(view, name, interrupt)?;
            // What looks like an id may be the name of a branch.
            let found = found.filter(|found| !is_id || found.kind == RevisionKind::Commit);
            return Ok(found.map(|found| (found, rest.to_owned())));
        }
    };
    for (at, _) in file.match_indices('/') {
        let (name, rest) = file.split_at(at);
        let full = format!("{prefix}{name}");
        if view.refs.get(&full).is_some()
            && let Some(found) = find_revision(view, &full, interrupt)?
        {
            return Ok(Some((found, rest.trim_start_matches('/').to_owned())));
        }
    }
    Ok(None)
}
