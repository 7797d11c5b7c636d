//! Who brought each line of a file: an operation of our own, because Gitea shows it on a page only.
//!
//! Owns the memory of it and its shape. What a commit says never changes, so nothing here goes stale; who may see the commit is asked before, each time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use atomicqms_git::history::{Blame, BlameOptions, BlamedRange, blame};
use atomicqms_git::{ObjectId, View};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use moka::sync::Cache;
use schemars::JsonSchema;
use serde::Serialize;

use super::commit_facts::{self, Wish};
use super::directories::item_at;
use super::git_path::{clean_path, find_commit};
use super::json::CommitJson;
use super::lookup::{self, Answer};
use super::query::Params;
use super::rendered::Rendered;
use super::spec::Query;
use crate::access::{Caller, RepoPath, action};
use crate::error::{Error, Kind, Result};
use crate::http::App;
use crate::http::extract::PathParam;
use crate::model::RepoId;

/// Query of `repoGetBlame`.
pub(super) const BLAME: &[Query] = &[
    Query::text("ref", "branch, tag or commit; the default branch when not given"),
    Query::number("line", "first line of the answer, counted from 1"),
    Query::number(
        "lines",
        "most lines of the answer: 1000 when not given, at most 5000; fewer where what is said of them would be too long",
    ),
];

/// All that is remembered, together. Units: bytes, roughly.
const CACHE_BYTES: u64 = 16 << 20;
/// After this time without a request a file is forgotten.
const CACHE_IDLE: Duration = Duration::from_secs(3600);
/// Lines of an answer unless the client says otherwise, and most of all.
const LINES: (u32, u32) = (1000, 5000);
/// What a range takes in an answer, besides its paths. Units: bytes, roughly.
const RANGE_BYTES: usize = 300;
/// An answer ends before the range that makes it longer; the first range is always in it. Units: bytes, roughly.
const ANSWER_BYTES: usize = 4 << 20;

/// A part of a file, line by line.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Blame")]
pub struct BlameJson {
    /// The commit that was looked at.
    pub sha: String,
    /// Path of the file.
    pub path: String,
    /// Id of its content.
    pub blob: String,
    /// Lines of the whole file.
    pub total_lines: u32,
    /// The part of it that was asked for, in order, without gaps.
    pub ranges: Vec<BlameRangeJson>,
    /// The commits that the ranges name, each once.
    pub commits: Vec<CommitJson>,
}

/// Lines that one commit brought together.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "BlameRange")]
pub struct BlameRangeJson {
    /// First line, counted from 1.
    pub line: u32,
    /// How many.
    pub lines: u32,
    /// The commit.
    pub sha: String,
    /// Path of the file in that commit.
    pub path: String,
    /// First line in that commit's version.
    pub original_line: u32,
    /// Where to look for what was there before; absent where no parent had the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<BlamePreviousJson>,
}

/// A version of a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "BlamePrevious")]
pub struct BlamePreviousJson {
    /// The commit.
    pub sha: String,
    /// Path of the file in it.
    pub path: String,
}

/// The files that were looked at lately; cheap to clone.
#[derive(Debug, Clone)]
pub struct Blames(Cache<(RepoId, ObjectId, String), Arc<Blame>>);

impl Default for Blames {
    fn default() -> Self {
        let weigh = |(_, _, path): &(RepoId, ObjectId, String), blame: &Arc<Blame>| {
            u32::try_from(blame.memory().saturating_add(path.len() + 300)).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(CACHE_BYTES).weigher(weigh).time_to_idle(CACHE_IDLE).build())
    }
}

impl Blames {
    /// Errors: `NotFound` where there is no file of this path, `Interrupted`, `TooLarge`, those of the object store.
    fn at(&self, view: &View, key: (RepoId, ObjectId, String), interrupt: &AtomicBool) -> Result<Arc<Blame>> {
        if let Some(found) = self.0.get(&key) {
            return Ok(found);
        }
        let (_, commit, path) = &key;
        let item = item_at(view, *commit, path.as_bytes())?.filter(|item| item.entry.is_blob());
        let item = item.ok_or_else(Error::not_found)?;
        let options = BlameOptions::default();
        if item.size <= options.max_bytes && atomicqms_git::diff::is_binary(&view.odb.read(&item.entry.id)?.data) {
            return Err(Error::new(Kind::Invalid, "a binary file has no lines"));
        }
        let made = blame(&view.odb, commit, path.as_bytes(), &options, interrupt)?.ok_or_else(Error::not_found)?;
        let made = Arc::new(made);
        self.0.insert(key, Arc::clone(&made));
        Ok(made)
    }
}

/// `repoGetBlame`.
pub async fn repo_get_blame(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    PathParam(file): PathParam,
    params: Params,
    uri: Uri,
) -> Answer<Rendered<BlameJson>> {
    let repository = lookup::repository(&app, &caller, action::ReadCode, &path, &uri).await?.into_subject().repository;
    let file = clean_path(&file)?;
    let (reference, default_branch) = (params.text("ref").to_owned(), repository.default_branch.clone());
    let number = |name| params.id(name).map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let first = number("line").unwrap_or(1);
    let end = first.saturating_add(number("lines").unwrap_or(LINES.0).min(LINES.1));
    let (blames, id) = (app.blames.clone(), repository.id);
    let wish = Wish::nothing();
    let work = move |view: &View, interrupt: &AtomicBool| {
        let commit = find_commit(view, &reference, &default_branch, interrupt)?.commit;
        let blame = blames.at(view, (id, commit, file.clone()), interrupt)?;
        let mut ranges: Vec<BlamedRange> = Vec::new();
        let (mut facts, mut size) = (HashMap::new(), 0_usize);
        for range in blame.ranges.iter().filter_map(|range| cut(range, first, end)) {
            size = size.saturating_add(RANGE_BYTES + 2 * range.path.len());
            if let Entry::Vacant(place) = facts.entry(range.commit) {
                let read = commit_facts::read(view, &range.commit, wish, interrupt)?;
                size = size.saturating_add(read.size());
                place.insert(read);
            }
            if size > ANSWER_BYTES && !ranges.is_empty() {
                break;
            }
            ranges.push(range);
        }
        let total_lines = blame.ranges.last().map_or(0, |last| last.line - 1 + last.len);
        let shown = BlameJson {
            sha: commit.to_string(),
            path: file,
            blob: blame.blob.to_string(),
            total_lines,
            ranges: ranges.iter().map(show).collect(),
            commits: Vec::new(),
        };
        // In the order in which the lines name them.
        let commits: Vec<_> = ranges.iter().filter_map(|range| facts.remove(&range.commit)).collect();
        Ok((shown, commits))
    };
    let ((mut shown, commits), place) = lookup::reading(&app, &caller, &repository, work).await?;
    shown.commits = commit_facts::render(&app, &caller, &repository, wish, commits).await?;
    Ok(place.hold(Json(shown)))
}

/// The part of a range from line `first` to before line `end`.
fn cut(range: &BlamedRange, first: u32, end: u32) -> Option<BlamedRange> {
    let (from, to) = (range.line.max(first), range.line.saturating_add(range.len).min(end));
    let len = to.checked_sub(from).filter(|len| *len > 0)?;
    let original_line = range.original_line + (from - range.line);
    Some(BlamedRange { line: from, len, original_line, ..range.clone() })
}

fn show(range: &BlamedRange) -> BlameRangeJson {
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let previous = range.previous.as_ref();
    BlameRangeJson {
        line: range.line,
        lines: range.len,
        sha: range.commit.to_string(),
        path: text(&range.path),
        original_line: range.original_line,
        previous: previous.map(|(commit, path)| BlamePreviousJson { sha: commit.to_string(), path: text(path) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_lines_that_were_asked_for() {
        let range = BlamedRange {
            line: 10,
            len: 5,
            commit: ObjectId::from([1; 20]),
            path: b"a"[..].into(),
            original_line: 3,
            previous: None,
            is_boundary: false,
        };
        let table = [
            ((1, 10), None),
            ((1, 11), Some((10, 1, 3))),
            ((12, 14), Some((12, 2, 5))),
            ((14, u32::MAX), Some((14, 1, 7))),
            ((15, 20), None),
            ((1, 100), Some((10, 5, 3))),
        ];
        for ((first, end), expected) in table {
            let found = cut(&range, first, end).map(|range| (range.line, range.len, range.original_line));
            assert_eq!(found, expected, "{first}..{end}");
        }
    }
}
