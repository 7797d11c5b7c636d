//! Trees, blobs and annotated tags by their ids. Only what a ref reaches is shown: what was deleted or force-pushed away is `NotFound`.

use std::sync::atomic::AtomicBool;

use atomicqms_git::history::{ListedEntry, ListingOptions, list_tree};
use atomicqms_git::id::id_from_hex;
use atomicqms_git::revision::{find_object, find_revision};
use atomicqms_git::{Kind, ObjectId, View};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use base64::Engine as _;

use super::commit_text;
use super::content_facts::MAX_CONTENT_BYTES;
use super::directories::tree_at;
use super::git_path::clean_path;
use super::json::{
    AnnotatedTagJson, AnnotatedTagObjectJson, CommitUserJson, GitBlobJson, GitEntryJson, GitTreeJson, Timestamp,
    ZERO_TIME,
};
use super::lookup::{self, Answer};
use super::query::Params;
use super::rendered::Rendered;
use super::spec::Query;
use super::urls::Urls;
use super::{lfs_pointer, verification};
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Kind as Fault, Result};
use crate::forge::signatures::Signed;
use crate::http::App;
use crate::http::extract::PathParam;

/// Query of `GetTree`.
pub(super) const TREE: &[Query] = &[
    Query::switch("recursive", "go into directories"),
    Query::number("page", "page number of results to return (1-based)"),
    Query::number("per_page", "entries on a page"),
];

/// Most entries on a page of a tree, and how many when the client does not say, as in Gitea.
pub(super) const TREE_PAGE: u64 = 1000;
/// Most entries that are counted in a tree with all that is below it.
const MAX_TREE_ENTRIES: u64 = 1_000_000;
/// Most bytes of paths on one page.
const MAX_PATHS_BYTES: usize = 16 << 20;

/// `GetTree`.
pub async fn get_tree(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    params: Params,
    uri: Uri,
) -> Answer<Rendered<GitTreeJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let positive = |name: &str| params.id(name).and_then(|number| u64::try_from(number).ok());
    let page = positive("page").unwrap_or(1);
    let limit = positive("per_page").unwrap_or(TREE_PAGE).min(TREE_PAGE);
    let is_recursive = params.switch("recursive").unwrap_or(false);
    let (full_name, root_url) = (repository.full_name(), app.root_url.clone());
    let work = move |view: &View, interrupt: &AtomicBool| {
        let (id, tree) = find_tree(view, &name, interrupt)?.ok_or_else(Error::not_found)?;
        let skip = page.saturating_sub(1).saturating_mul(limit);
        let options = ListingOptions {
            is_recursive,
            skip,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            max_entries: MAX_TREE_ENTRIES,
            max_path_bytes: MAX_PATHS_BYTES,
        };
        let listing = list_tree(&view.odb, &tree, &options, interrupt)?;
        let urls = Urls::new(&root_url);
        let shown = listing.entries.len() as u64;
        let rows = listing.entries.iter().map(|entry| render_entry(view, urls, &full_name, entry));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let tree = GitTreeJson {
            url: urls.api_object(&full_name, "tree", &id.to_string()),
            sha: id.to_string(),
            truncated: shown > 0 && skip.saturating_add(shown) < listing.total,
            tree: (shown > 0).then_some(rows),
            page,
            total_count: listing.total,
        };
        Ok((listing.total, serde_json::to_vec(&tree).map_err(Error::internal)?))
    };
    let ((total, json), place) = lookup::reading(&app, &caller, &repository, work).await?;
    let total = [
        (HeaderName::from_static("x-total-count"), HeaderValue::from(total)),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Total-Count")),
    ];
    Ok(place.hold(Rendered::of_json(json)).with(|response| response.headers_mut().extend(total)))
}

/// `GetBlob`.
pub async fn get_blob(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(sha): PathParam,
    uri: Uri,
) -> Answer<Rendered<GitBlobJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let id = parse_id(&sha)?;
    let (full_name, root_url) = (repository.full_name(), app.root_url.clone());
    let work = move |view: &View, interrupt: &AtomicBool| {
        let size = match find_object(view, &id, interrupt)? {
            Some((Kind::Blob, size)) => size,
            Some(_) | None => return Err(Error::not_found()),
        };
        let data = if size <= MAX_CONTENT_BYTES { Some(view.odb.read(&id)?.data) } else { None };
        let pointer = data.as_deref().and_then(lfs_pointer::parse);
        let blob = GitBlobJson {
            encoding: data.is_some().then_some("base64"),
            content: data.map(|data| base64::engine::general_purpose::STANDARD.encode(data)),
            url: Urls::new(&root_url).api_object(&full_name, "blob", &id.to_string()),
            sha: id.to_string(),
            size,
            lfs_oid: pointer.as_ref().map(|pointer| pointer.oid.clone()),
            lfs_size: pointer.map(|pointer| pointer.size),
        };
        serde_json::to_vec(&blob).map_err(Error::internal)
    };
    let (json, place) = lookup::reading(&app, &caller, &repository, work).await?;
    Ok(place.hold(Rendered::of_json(json)))
}

/// `GetAnnotatedTag`.
pub async fn get_annotated_tag(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(sha): PathParam,
    uri: Uri,
) -> Answer<Rendered<AnnotatedTagJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let id = parse_id(&sha)?;
    let (full_name, root_url) = (repository.full_name(), app.root_url.clone());
    let work = move |view: &View, interrupt: &AtomicBool| {
        if !matches!(find_object(view, &id, interrupt)?, Some((Kind::Tag, _))) {
            return Err(Error::not_found());
        }
        render_tag(view, Urls::new(&root_url), &full_name, &id)
    };
    let ((mut tag, signed), place) = lookup::reading(&app, &caller, &repository, work).await?;
    if tag.verification.is_some() {
        tag.verification = verification::judge(&app, &caller, [signed]).await?.pop();
    }
    Ok(place.hold(axum::Json(tag)))
}

fn parse_id(sha: &str) -> Result<ObjectId> {
    let is_hex = !sha.is_empty() && sha.len() <= 40 && sha.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex {
        return Err(Error::new(Fault::Malformed, "sha is not a valid object id"));
    }
    id_from_hex(sha.to_ascii_lowercase().as_bytes()).ok_or_else(Error::not_found)
}

/// The tree that a name means, and the id to show for it: a commit, `commit:path`, or a tree by its id.
fn find_tree(view: &View, name: &str, interrupt: &AtomicBool) -> Result<Option<(ObjectId, ObjectId)>> {
    let (commit, path) = match name.split_once(':') {
        Some((commit, path)) => (commit, Some(clean_path(path)?)),
        None => (name, None),
    };
    if let Some(found) = find_revision(view, commit, interrupt)? {
        let tree = tree_at(view, found.commit, path.as_deref().unwrap_or_default().as_bytes())?;
        return Ok(tree.map(|tree| (if path.is_some() { tree } else { found.commit }, tree)));
    }
    let Some(id) = id_from_hex(commit.to_ascii_lowercase().as_bytes()) else { return Ok(None) };
    if !matches!(find_object(view, &id, interrupt)?, Some((Kind::Tree, _))) {
        return Ok(None);
    }
    let entry = atomicqms_git::history::entry_at(&view.odb, &id, path.as_deref().unwrap_or_default().as_bytes())?;
    Ok(entry.filter(|entry| entry.is_tree()).map(|entry| (entry.id, entry.id)))
}

fn render_entry(view: &View, urls: Urls<'_>, full_name: &str, listed: &ListedEntry) -> Result<GitEntryJson> {
    let (entry, sha) = (listed.entry, listed.entry.id.to_string());
    let kind = match entry {
        entry if entry.is_tree() => "tree",
        entry if entry.is_blob() => "blob",
        _ => "commit",
    };
    let size = match kind {
        "blob" => view.odb.header(&entry.id)?.ok_or(atomicqms_git::Error::Lost { id: entry.id })?.1,
        _ => 0,
    };
    Ok(GitEntryJson {
        path: String::from_utf8_lossy(&listed.path).into_owned(),
        mode: format!("{:06o}", entry.mode),
        kind,
        size,
        url: if kind == "commit" { String::new() } else { urls.api_object(full_name, kind, &sha) },
        sha,
    })
}

/// A tag, and the signature to be judged: its own, or that of the tagged commit, as in Gitea, where it has none.
fn render_tag(
    view: &View,
    urls: Urls<'_>,
    full_name: &str,
    id: &ObjectId,
) -> Result<(AnnotatedTagJson, Option<Signed>)> {
    let mut tag = commit_text::read_tag(&view.odb.read(id)?.data);
    let own = verification::of_tag(&mut tag);
    let target = id_from_hex(tag.object.as_bytes());
    let mut commit = match target {
        Some(target) if tag.kind == "commit" => Some(commit_text::read_commit(&view.odb.read(&target)?.data)),
        _ => None,
    };
    let (is_shown, of_commit) = (own.is_some() || commit.is_some(), commit.as_mut().and_then(verification::of_commit));
    let tagger = tag.tagger.unwrap_or_default();
    let date = if tagger == commit_text::Signature::default() { ZERO_TIME } else { Timestamp::of(&tagger).in_utc() };
    let shown = AnnotatedTagJson {
        tag: tag.name,
        sha: id.to_string(),
        url: urls.api_object(full_name, "tag", &id.to_string()),
        message: tag.message,
        tagger: CommitUserJson { name: tagger.name, email: tagger.email, date },
        object: AnnotatedTagObjectJson {
            url: urls.api_object(full_name, &tag.kind, &tag.object),
            kind: tag.kind,
            sha: tag.object,
        },
        verification: is_shown.then(verification::unsigned),
    };
    Ok((shown, own.or(of_commit)))
}
