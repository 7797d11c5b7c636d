//! Commits: the log, single ones, their patches and notes.

use std::sync::atomic::AtomicBool;

use atomicqms_git::history::{LogRequest, entry_at, log_and_count};
use atomicqms_git::revision::find_revision;
use atomicqms_git::{Kind, ObjectId, View};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::Response;

use super::commit_facts::{self, CommitFacts, Wish};
use super::git_path::{clean_path, find_commit};
use super::json::{CommitJson, NoteJson};
use super::lookup::{self, Answer};
use super::patches::{self, Form};
use super::query::Params;
use super::rendered::{Listed, Rendered};
use super::spec::Query;
use crate::access::{Caller, Client, RepoPath, action};
use crate::error::{Error, Kind as Fault, Result};
use crate::http::App;
use crate::http::extract::{Paging, PathParam};
use crate::model::{Page, Repository};

/// Query of `repoGetAllCommits`, beside what is wished of each commit.
pub(super) const LOG: &[Query] = &[
    Query::text("sha", "branch, tag or commit to begin at; the default branch when not given"),
    Query::text("path", "only commits that change this file or directory"),
    Query::date("since", "only commits after this date"),
    Query::date("until", "only commits before this date"),
    Query::text("not", "leave out what this revision reaches"),
];

/// The ref that notes are kept under, as git has it.
const NOTES: &str = "refs/notes/commits";
/// Longest note that is shown. Units: bytes.
const MAX_NOTE_BYTES: u64 = 1 << 20;

/// `repoGetAllCommits`.
pub async fn repo_get_all_commits(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    params: Params,
    paging: Paging,
    uri: Uri,
) -> Answer<Listed<CommitJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let (asked, wish, page) = (LogAsked::of(&params)?, Wish::of(&params), paging.page);
    let default_branch = repository.default_branch.clone();
    let work = move |view: &View, interrupt: &AtomicBool| list(view, &asked, &default_branch, wish, page, interrupt);
    let ((facts, total), place) = lookup::reading(&app, &caller, &repository, work).await?;
    let commits = commit_facts::render(&app, &caller, &repository, wish, facts).await?;
    Ok(place.hold(Json(commits)).with(|response| write_headers(&app, &paging, total, response)))
}

/// `repoGetSingleCommit`; with `.diff` or `.patch` at the end `repoDownloadCommitDiffOrPatch`.
pub async fn repo_get_single_commit(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    params: Params,
    uri: Uri,
) -> Answer<Rendered<CommitJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    if let Some((revision, form)) = Form::of_name(&name) {
        let find = move |view: &View, interrupt: &AtomicBool| Ok(find_commit(view, &revision, "", interrupt)?.commit);
        check_revision(&name)?;
        let (commit, place) = lookup::reading(&app, &caller, &repository, find).await?;
        drop(place);
        let patch = patches::of_commit(&app, Client::of(&caller), &repository, commit, form).await?;
        return Ok(Rendered::of_response(patch));
    }
    check_revision(&name)?;
    let wish = Wish::of(&params);
    let work = move |view: &View, interrupt: &AtomicBool| {
        let found = find_commit(view, &name, "", interrupt)?;
        Ok(commit_facts::read(view, &found.commit, wish, interrupt)?)
    };
    let (facts, place) = lookup::reading(&app, &caller, &repository, work).await?;
    Ok(place.hold(Json(render_one(&app, &caller, &repository, wish, facts).await?)))
}

/// `repoGetNote`.
pub async fn repo_get_note(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(name): PathParam,
    params: Params,
    uri: Uri,
) -> Answer<Rendered<NoteJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    check_revision(&name)?;
    let wish = Wish::of(&params);
    let work = move |view: &View, interrupt: &AtomicBool| {
        let found = find_commit(view, &name, "", interrupt)?;
        let (message, commit) = find_note(view, &found.commit, interrupt)?.ok_or_else(Error::not_found)?;
        Ok((message, commit_facts::read(view, &commit, wish, interrupt)?))
    };
    let ((message, facts), place) = lookup::reading(&app, &caller, &repository, work).await?;
    let commit = render_one(&app, &caller, &repository, wish, facts).await?;
    Ok(place.hold(Json(NoteJson { message, commit })))
}

async fn render_one(
    app: &App,
    caller: &Caller,
    repository: &Repository,
    wish: Wish,
    facts: CommitFacts,
) -> Result<CommitJson> {
    let commit = commit_facts::render(app, caller, repository, wish, vec![facts]).await?.pop();
    commit.ok_or_else(|| Error::broken("one commit rendered to none"))
}

/// A name that no revision can have is refused in Gitea's words.
fn check_revision(name: &str) -> Result<()> {
    let is_odd = name.is_empty()
        || name.starts_with('-')
        || name.contains("..")
        || name.chars().any(|one| one.is_control() || matches!(one, ' ' | '?' | '*' | '[' | '\\' | ':'));
    match is_odd {
        true => Err(Error::new(Fault::Invalid, format!("no valid ref or sha: {name}"))),
        false => Ok(()),
    }
}

/// Which commits are listed.
struct LogAsked {
    revision: String,
    not: String,
    path: Option<String>,
    since: Option<u64>,
    until: Option<u64>,
}

impl LogAsked {
    fn of(params: &Params) -> Result<Self> {
        let path = match params.text("path") {
            "" => None,
            text => Some(clean_path(text)?).filter(|path| !path.is_empty()),
        };
        Ok(Self {
            revision: params.text("sha").to_owned(),
            not: params.text("not").to_owned(),
            path,
            since: moment(params.text("since"))?,
            until: moment(params.text("until"))?,
        })
    }
}

/// An ISO 8601 date or moment. Units: seconds since the epoch; what was before it counts as it.
fn moment(text: &str) -> Result<Option<u64>> {
    if text.is_empty() {
        return Ok(None);
    }
    let of_date = |date: jiff::civil::Date| date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp());
    let parsed = text.parse::<jiff::Timestamp>().or_else(|_| text.parse::<jiff::civil::Date>().and_then(of_date));
    let at = parsed.map_err(|_| Error::new(Fault::Invalid, format!("not a date: {text}")))?;
    Ok(Some(u64::try_from(at.as_second()).unwrap_or(0)))
}

fn list(
    view: &View,
    asked: &LogAsked,
    default_branch: &str,
    wish: Wish,
    page: Page,
    interrupt: &AtomicBool,
) -> Result<(Vec<CommitFacts>, u64)> {
    if view.refs.is_empty() {
        return Err(Error::conflict("Git Repository is empty."));
    }
    let tip = find_commit(view, &asked.revision, default_branch, interrupt)?.commit;
    let hidden = match asked.not.as_str() {
        "" => Vec::new(),
        not => vec![find_commit(view, not, default_branch, interrupt)?.commit],
    };
    let request = LogRequest {
        tips: vec![tip],
        hidden,
        paths: asked.path.iter().map(|path| path.as_bytes().to_vec()).collect(),
        since: asked.since,
        until: asked.until,
        skip: u64::try_from(page.offset()).unwrap_or(u64::MAX),
        limit: usize::try_from(page.limit).unwrap_or(usize::MAX),
        ..LogRequest::default()
    };
    let (found, total) = log_and_count(&view.odb, &request, interrupt)?;
    // A path that never was, as in Gitea.
    if asked.path.is_some() && total == 0 {
        return Err(Error::not_found());
    }
    let facts = found.entries.iter().map(|entry| commit_facts::read(view, &entry.commit, wish, interrupt));
    Ok((facts.collect::<atomicqms_git::Result<_>>()?, total))
}

/// The headers of every list, and those that Gitea kept from older versions.
fn write_headers(app: &App, paging: &Paging, total: u64, response: &mut Response) {
    paging.write_headers(app, total, response);
    let (page, pages) = (paging.page, total.div_ceil(paging.page.limit.max(1)));
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, number) in
        [("x-page", page.number), ("x-perpage", page.limit), ("x-total", total), ("x-pagecount", pages)]
    {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    let has_more = HeaderValue::from_static(if page.number < pages { "true" } else { "false" });
    headers.insert(HeaderName::from_static("x-hasmore"), has_more);
    let exposed = "X-Total-Count, Link, X-Page, X-PerPage, X-Total, X-PageCount, X-HasMore";
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
}

/// The note of a commit, and the commit that wrote it last.
fn find_note(view: &View, commit: &ObjectId, interrupt: &AtomicBool) -> Result<Option<(String, ObjectId)>> {
    let Some(notes) = find_revision(view, NOTES, interrupt)? else { return Ok(None) };
    let Some(tree) = commit_facts::tree_of(view, &notes.commit)? else { return Ok(None) };
    let hex = commit.to_string();
    // Many notes are spread over directories, two digits a level.
    for levels in 0..=3 {
        let mut path = String::new();
        let (spread, rest) = hex.split_at(levels * 2);
        for at in (0..spread.len()).step_by(2) {
            path.push_str(spread.get(at..at + 2).unwrap_or_default());
            path.push('/');
        }
        path.push_str(rest);
        let entry = entry_at(&view.odb, &tree, path.as_bytes())?.filter(|entry| entry.is_file());
        let Some(entry) = entry else { continue };
        if !matches!(view.odb.header(&entry.id)?, Some((Kind::Blob, size)) if size <= MAX_NOTE_BYTES) {
            return Ok(None);
        }
        let message = String::from_utf8_lossy(&view.odb.read(&entry.id)?.data).into_owned();
        let paths = vec![path.into_bytes()];
        let request = LogRequest { tips: vec![notes.commit], paths, limit: 1, ..LogRequest::default() };
        let last = atomicqms_git::history::log(&view.odb, &request, interrupt)?.entries.first().map(|one| one.commit);
        return Ok(Some((message, last.unwrap_or(notes.commit))));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_iso_8601() {
        assert_eq!(moment("").unwrap(), None);
        assert_eq!(moment("2023-11-14T22:13:20Z").unwrap(), Some(1_700_000_000));
        assert_eq!(moment("2023-11-15T00:13:20+02:00").unwrap(), Some(1_700_000_000));
        assert_eq!(moment("1970-01-02").unwrap(), Some(86_400));
        assert_eq!(moment("1960-01-02").unwrap(), Some(0));
        for odd in ["yesterday", "1700000000", "2023-13-01"] {
            assert!(moment(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn names_that_no_revision_has_are_refused() {
        for good in ["main", "feature/x", "v1.0", "a^2~3", "0123abcd"] {
            assert!(check_revision(good).is_ok(), "{good}");
        }
        for odd in ["", "-x", "a..b", "a b", "a:b", "a\nb", "a\\b", "x*"] {
            assert!(check_revision(odd).is_err(), "{odd:?}");
        }
    }
}
