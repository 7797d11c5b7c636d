//! Comparing two revisions, of one repository or of two that come from the same origin: the commits that the second has and the first lacks, as JSON or
//! as text.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_actors::sql::Connection;
use atomicqms_git::history::{LogRequest, log_and_count};
use atomicqms_git::walk::merge_bases;
use atomicqms_git::{ObjectId, View};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;

use super::commit_facts::{self, Wish};
use super::git_path::find_commit;
use super::json::CompareJson;
use super::lookup::{self, Answer};
use super::patches::{self, Form};
use super::query::Params;
use super::rendered::Rendered;
use super::spec::Query;
use crate::access::{Caller, Client, Permit, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::forge::forks;
use crate::http::App;
use crate::http::extract::PathParam;
use crate::model::{RepoName, Repository, UserName};

/// Query of `repoCompareDiff`, beside what is wished of each commit.
pub(super) const OUTPUT: &[Query] =
    &[Query::text("output", "answer the difference as text instead").one_of(&["diff", "patch"])];

/// Most commits that are shown; `total_commits` counts all.
const MAX_COMMITS: usize = 250;
/// Most commits that are written as mails.
const MAX_MAILS: usize = 10_000;

/// `repoCompareDiff`.
pub async fn repo_compare_diff(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(basehead): PathParam,
    params: Params,
    uri: Uri,
) -> Answer<Rendered<CompareJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let Sides { base, head, from_merge_base } = Sides::parse(&basehead, &repository)?;
    let form = match params.text("output") {
        "" => None,
        "diff" => Some(Form::Diff),
        "patch" => Some(Form::Patch),
        other => return Err(Error::new(Kind::Malformed, format!("unknown output: {other}")).into()),
    };
    // Before others are looked for: that costs the database more than most answers.
    let place = app.intake.listing(Client::of(&caller)).await?;
    let (base, _, leave_for_base) = find_side(&app, &caller, &repository, base).await?;
    let (head, place_of_head, leave_for_head) = find_side(&app, &caller, &repository, head).await?;
    let leaves: Vec<Permit<action::ReadCode>> = [leave_for_base, leave_for_head].into_iter().flatten().collect();
    let question = Question { base, head, from_merge_base };
    if let Some(form) = form {
        let find = move |view: &View, interrupt: &AtomicBool| {
            let (view, compared) = question.answer(view, interrupt)?;
            let mut commits = match form {
                Form::Diff => Vec::new(),
                Form::Patch => compared.commits(&view, MAX_MAILS, interrupt)?.0,
            };
            commits.reverse();
            Ok((view, (compared.from, compared.head), commits))
        };
        let ((view, sides, commits), place) = lookup::reading_in(&app, place, &repository, find).await?;
        drop(place);
        let patch = patches::of_comparison(&app, Client::of(&caller), view, sides, commits, form).await?;
        confirm(&app, leaves).await?;
        return Ok(Rendered::of_response(patch));
    }
    let wish = Wish::of(&params);
    let work = move |view: &View, interrupt: &AtomicBool| {
        let (view, compared) = question.answer(view, interrupt)?;
        let (commits, total) = compared.commits(&view, MAX_COMMITS, interrupt)?;
        let facts = commits.iter().map(|commit| commit_facts::read(&view, commit, wish, interrupt));
        Ok((facts.collect::<atomicqms_git::Result<Vec<_>>>()?, total))
    };
    let ((facts, total_commits), place) = lookup::reading_in(&app, place, &repository, work).await?;
    // The commits are the head's: that is where they can be looked at.
    let commits = commit_facts::render(&app, &caller, &place_of_head, wish, facts).await?;
    confirm(&app, leaves).await?;
    Ok(place.hold(Json(CompareJson { total_commits, commits })))
}

/// Looks again whether the caller may read the repositories of the sides, before anything of them is shown.
///
/// Errors: `NotFound`.
async fn confirm(app: &App, leaves: Vec<Permit<action::ReadCode>>) -> Result<()> {
    if leaves.is_empty() {
        return Ok(());
    }
    let now = app.forge.clock.now();
    let look = move |conn: &dyn Connection| {
        for permit in leaves {
            match permit.confirm(conn, now) {
                Ok(_) => {}
                Err(error) if error.kind() == Kind::Internal => return Err(error),
                Err(_) => return Err(Error::not_found()),
            }
        }
        Ok(())
    };
    app.forge.read("may the sides still be read", look).await
}

/// The two sides as the client wrote them.
#[derive(Debug, PartialEq, Eq)]
struct Sides {
    base: Side,
    head: Side,
    /// With three dots: what the head changed since both were one.
    from_merge_base: bool,
}

/// A revision, and whose repository it is in when that is another one.
#[derive(Debug, PartialEq, Eq)]
struct Side {
    elsewhere: Option<(UserName, Option<RepoName>)>,
    revision: String,
}

impl Sides {
    /// Reads `base...head`, `base..head`, or a head alone that is compared with the default branch. A side may name an owner, `owner:revision`, or a
    /// repository, `owner/name:revision`.
    ///
    /// Errors: `NotFound` for what is no name, `Malformed` for a side that is empty.
    fn parse(text: &str, repository: &Repository) -> Result<Self> {
        let (base, head, from_merge_base) = match (text.split_once("..."), text.split_once("..")) {
            (Some((base, head)), _) => (base, head, true),
            (None, Some((base, head))) => (base, head, false),
            (None, None) => (repository.default_branch.as_str(), text, true),
        };
        Ok(Self { base: Side::parse(base, repository)?, head: Side::parse(head, repository)?, from_merge_base })
    }
}

impl Side {
    fn parse(text: &str, repository: &Repository) -> Result<Self> {
        let (place, revision) = match text.split_once(':') {
            None => (None, text),
            Some((place, revision)) => (Some(place), revision),
        };
        if revision.is_empty() {
            return Err(Error::new(Kind::Malformed, "a comparison names a base and a head: base...head"));
        }
        let elsewhere = place.map(read_place).transpose()?;
        let is_here = |(owner, name): &(UserName, Option<RepoName>)| {
            owner.key() == repository.owner.key()
                && name.as_ref().is_none_or(|name| name.key() == repository.name.key())
        };
        Ok(Self { elsewhere: elsewhere.filter(|place| !is_here(place)), revision: revision.to_owned() })
    }
}

/// `owner` or `owner/name`.
fn read_place(text: &str) -> Result<(UserName, Option<RepoName>)> {
    let (owner, name) = match text.split_once('/') {
        Some((owner, name)) => (owner, Some(name)),
        None => (text, None),
    };
    let name = name.map(RepoName::parse).transpose().map_err(|_| Error::not_found())?;
    Ok((UserName::parse(owner).map_err(|_| Error::not_found())?, name))
}

/// Where a revision is to be found.
struct Found {
    revision: String,
    default_branch: String,
    /// The repository when it is another one than that of the request.
    elsewhere: Option<Arc<View>>,
}

/// Finds the repository of a side, which has to come from the same origin and to be open to the caller.
///
/// Errors: `NotFound`.
async fn find_side(
    app: &App,
    caller: &Caller,
    repository: &Repository,
    side: Side,
) -> Result<(Found, Repository, Option<Permit<action::ReadCode>>)> {
    let Side { elsewhere, revision } = side;
    let (place, elsewhere, leave) = match elsewhere {
        None => (repository.clone(), None, None),
        Some((owner, name)) => {
            let leave = forks::find_relative(&app.forge, caller, repository, owner, name).await?;
            let found = leave.subject().repository.clone();
            let view = app.forge.open(&found).await?.view();
            (found, Some(view), Some(leave))
        }
    };
    let default_branch = place.default_branch.clone();
    Ok((Found { revision, default_branch, elsewhere }, place, leave))
}

impl Found {
    /// Errors: `NotFound` for what no ref of its repository reaches.
    fn commit(&self, own: &View, interrupt: &AtomicBool) -> Result<ObjectId> {
        let view = self.elsewhere.as_deref().unwrap_or(own);
        Ok(find_commit(view, &self.revision, &self.default_branch, interrupt)?.commit)
    }
}

/// What is asked.
struct Question {
    base: Found,
    head: Found,
    from_merge_base: bool,
}

/// The two sides, found.
struct Compared {
    base: ObjectId,
    head: ObjectId,
    /// Where a difference begins.
    from: ObjectId,
}

impl Question {
    /// The two sides, and a view that holds the objects of both.
    fn answer(&self, own: &View, interrupt: &AtomicBool) -> Result<(View, Compared)> {
        let (base, head) = (self.base.commit(own, interrupt)?, self.head.commit(own, interrupt)?);
        let others = [&self.base, &self.head].into_iter().filter_map(|side| side.elsewhere.as_deref());
        let view = others.fold(own.clone(), |view, other| view.joined(other));
        let mut from = base;
        if self.from_merge_base {
            // Histories that have nothing in common are compared as they are.
            from = merge_bases(&view.odb, &base, &head, interrupt)?.first().copied().unwrap_or(base);
        }
        Ok((view, Compared { base, head, from }))
    }
}

impl Compared {
    /// Commits of the head that the base lacks, newest first, and how many there are.
    fn commits(&self, view: &View, limit: usize, interrupt: &AtomicBool) -> Result<(Vec<ObjectId>, u64)> {
        let request = LogRequest { tips: vec![self.head], hidden: vec![self.base], limit, ..LogRequest::default() };
        let (page, total) = log_and_count(&view.odb, &request, interrupt)?;
        Ok((page.entries.into_iter().map(|entry| entry.commit).collect(), total))
    }
}
