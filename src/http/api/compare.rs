//! Comparing two revisions: the commits that the second has and the first lacks, as JSON or as text.

use std::sync::atomic::AtomicBool;

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
use crate::access::{Caller, Client, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::http::App;
use crate::http::extract::PathParam;
use crate::model::Repository;

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
    let sides = Sides::parse(&basehead, &repository)?;
    let default_branch = repository.default_branch.clone();
    let form = match params.text("output") {
        "" => None,
        "diff" => Some(Form::Diff),
        "patch" => Some(Form::Patch),
        other => return Err(Error::new(Kind::Malformed, format!("unknown output: {other}")).into()),
    };
    if let Some(form) = form {
        let find = move |view: &View, interrupt: &AtomicBool| {
            let compared = sides.find(view, &default_branch, interrupt)?;
            let mut commits = match form {
                Form::Diff => Vec::new(),
                Form::Patch => compared.commits(view, MAX_MAILS, interrupt)?.0,
            };
            commits.reverse();
            Ok((compared.from, compared.head, commits))
        };
        let ((from, head, commits), place) = lookup::reading(&app, &caller, &repository, find).await?;
        drop(place);
        let sides = (from, head);
        let patch = patches::of_comparison(&app, Client::of(&caller), &repository, sides, commits, form).await?;
        return Ok(Rendered::of_response(patch));
    }
    let wish = Wish::of(&params);
    let work = move |view: &View, interrupt: &AtomicBool| {
        let (commits, total) = sides.find(view, &default_branch, interrupt)?.commits(view, MAX_COMMITS, interrupt)?;
        let facts = commits.iter().map(|commit| commit_facts::read(view, commit, wish, interrupt));
        Ok((facts.collect::<atomicqms_git::Result<Vec<_>>>()?, total))
    };
    let ((facts, total_commits), place) = lookup::reading(&app, &caller, &repository, work).await?;
    let commits = commit_facts::render(&app, &caller, &repository, wish, facts).await?;
    Ok(place.hold(Json(CompareJson { total_commits, commits })))
}

/// The two sides as the client wrote them.
#[derive(Debug, PartialEq, Eq)]
struct Sides {
    base: String,
    head: String,
    /// With three dots: what the head changed since both were one.
    from_merge_base: bool,
}

/// The two sides, found.
struct Compared {
    base: ObjectId,
    head: ObjectId,
    /// Where a difference begins.
    from: ObjectId,
}

impl Sides {
    /// Reads `base...head`, `base..head`, or a head alone that is compared with the default branch. A side may name its owner, who has to be this
    /// repository's: what a fork has is not looked at.
    ///
    /// Errors: `NotFound` for another owner, `Malformed` for a side that is empty.
    fn parse(text: &str, repository: &Repository) -> Result<Self> {
        let (base, head, from_merge_base) = match (text.split_once("..."), text.split_once("..")) {
            (Some((base, head)), _) => (base, head, true),
            (None, Some((base, head))) => (base, head, false),
            (None, None) => (repository.default_branch.as_str(), text, true),
        };
        let own = |side: &str| match side.split_once(':') {
            None => Ok(side.to_owned()),
            Some((owner, name)) => {
                let owner = owner.split_once('/').map_or(owner, |(owner, _)| owner);
                let is_own =
                    repository.full_name().split('/').next().is_some_and(|own| own.eq_ignore_ascii_case(owner));
                is_own.then(|| name.to_owned()).ok_or_else(Error::not_found)
            }
        };
        let sides = Self { base: own(base)?, head: own(head)?, from_merge_base };
        match sides.base.is_empty() || sides.head.is_empty() {
            true => Err(Error::new(Kind::Malformed, "a comparison names a base and a head: base...head")),
            false => Ok(sides),
        }
    }

    fn find(&self, view: &View, default_branch: &str, interrupt: &AtomicBool) -> Result<Compared> {
        let base = find_commit(view, &self.base, default_branch, interrupt)?.commit;
        let head = find_commit(view, &self.head, default_branch, interrupt)?.commit;
        let mut from = base;
        if self.from_merge_base {
            // Histories that have nothing in common are compared as they are.
            from = merge_bases(&view.odb, &base, &head, interrupt)?.first().copied().unwrap_or(base);
        }
        Ok(Compared { base, head, from })
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
