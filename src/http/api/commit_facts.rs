//! What is shown of a commit besides its own text: the files and lines that differ from its first parent.
//!
//! Owns how that is counted, and its bounds. Blocks on disk; [`read`] runs on the blocking pool, [`render`] looks up accounts afterwards.

use std::sync::atomic::AtomicBool;

use atomicqms_git::diff::patch::PatchOptions;
use atomicqms_git::diff::stat::{Totals, file_stats};
use atomicqms_git::diff::{Renames, Status, TreeOptions, diff_trees};
use atomicqms_git::id::id_from_hex;
use atomicqms_git::{ObjectId, View};

use super::commit_text::{self, CommitText, Signature};
use super::json::{
    AffectedFileJson, CommitJson, CommitMetaJson, CommitStatsJson, CommitUserJson, RepoCommitJson, Timestamp,
    VerificationJson, ZERO_TIME,
};
use super::query::Params;
use super::render::Viewer;
use super::spec::Query;
use super::verification;
use crate::access::Caller;
use crate::error::Result;
use crate::forge::users;
use crate::http::App;
use crate::model::Repository;

/// What is wished of commits, in the query of operations that show some.
pub(super) const WISH: &[Query] = &[
    Query::switch("stat", "count changed lines; true when not given"),
    Query::switch("verification", "say what is known of the signature; true when not given"),
    Query::switch("files", "name changed files; true when not given"),
];

/// What a commit takes in an answer at least, and each of its parents. Units: bytes, roughly.
const SHOWN_BYTES: usize = 1000;
const SHOWN_PARENT_BYTES: usize = 300;
/// Most files that are named of one commit.
const MAX_FILES: usize = 3000;

/// What is shown besides the commit itself; all of it unless the client declines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    stat: bool,
    files: bool,
    verification: bool,
}

impl Wish {
    pub(super) fn of(params: &Params) -> Self {
        let is_on = |name: &str| params.switch(name).unwrap_or(true);
        Self { stat: is_on("stat"), files: is_on("files"), verification: is_on("verification") }
    }

    /// The commit alone.
    pub(super) const fn nothing() -> Self {
        Self { stat: false, files: false, verification: false }
    }
}

/// A commit with what was asked about it.
pub(super) struct CommitFacts {
    id: ObjectId,
    text: CommitText,
    files: Option<Vec<AffectedFileJson>>,
    stats: Option<CommitStatsJson>,
}

impl CommitFacts {
    /// What it takes in an answer besides files. Units: bytes, roughly.
    pub(super) fn size(&self) -> usize {
        let text = &self.text;
        let people = [&text.author, &text.committer].map(|person| person.name.len() + person.email.len());
        SHOWN_BYTES + text.message.len() + people[0] + people[1] + SHOWN_PARENT_BYTES * text.parents.len()
    }
}

/// Reads a commit.
///
/// Errors: `Interrupted`, `TooLarge` for a comparison beyond the limits, `Lost`, `Corrupt`.
pub(super) fn read(
    view: &View,
    id: &ObjectId,
    wish: Wish,
    interrupt: &AtomicBool,
) -> atomicqms_git::Result<CommitFacts> {
    let mut text = commit_text::read_commit(&view.odb.read(id)?.data);
    if !wish.verification {
        text.signed = None;
    }
    let (mut files, mut stats) = (None, None);
    if wish.files || wish.stat {
        let parent = text.parents.first().and_then(|parent| id_from_hex(parent.as_bytes()));
        let before = match parent {
            Some(parent) => tree_of(view, &parent)?,
            None => None,
        };
        let after = id_from_hex(text.tree.as_bytes());
        let options = TreeOptions { renames: Renames::Off, ..TreeOptions::default() };
        let changes = diff_trees(&view.odb, before.as_ref(), after.as_ref(), &options, interrupt)?;
        files = wish.files.then(|| changes.iter().take(MAX_FILES).map(affected).collect());
        if wish.stat {
            // Moved files count for the lines that changed in them; nothing moves unless something goes and something comes.
            let has = |status| changes.iter().any(|change| change.status == status);
            let changes = match has(Status::Added) && has(Status::Deleted) {
                true => diff_trees(&view.odb, before.as_ref(), after.as_ref(), &TreeOptions::default(), interrupt)?,
                false => changes,
            };
            let totals = Totals::of(&file_stats(&view.odb, &changes, &PatchOptions::default(), interrupt)?);
            stats = Some(CommitStatsJson {
                total: totals.added.saturating_add(totals.deleted),
                additions: totals.added,
                deletions: totals.deleted,
            });
        }
    }
    Ok(CommitFacts { id: *id, text, files, stats })
}

/// The tree of a commit.
pub(super) fn tree_of(view: &View, commit: &ObjectId) -> atomicqms_git::Result<Option<ObjectId>> {
    Ok(id_from_hex(commit_text::read_commit(&view.odb.read(commit)?.data).tree.as_bytes()))
}

fn affected(change: &atomicqms_git::diff::Change) -> AffectedFileJson {
    let status = match change.status {
        Status::Added | Status::Copied(_) => "added",
        Status::Deleted => "removed",
        Status::Modified | Status::TypeChanged | Status::Renamed(_) => "modified",
    };
    AffectedFileJson { filename: String::from_utf8_lossy(change.path()).into_owned(), status }
}

/// Renders commits, with the accounts behind the recorded addresses looked up once for all.
///
/// Errors: those of the reader pool.
pub(super) async fn render(
    app: &App,
    caller: &Caller,
    repository: &Repository,
    wish: Wish,
    mut commits: Vec<CommitFacts>,
) -> Result<Vec<CommitJson>> {
    let addresses = commits.iter().flat_map(|facts| [&facts.text.author.email, &facts.text.committer.email]);
    let accounts = users::users_by_email(&app.forge, caller, addresses.cloned().collect()).await?;
    let verifications = match wish.verification {
        true => {
            let signed = commits.iter_mut().map(|facts| verification::of_commit(&mut facts.text));
            let judged = verification::judge(app, caller, signed.collect::<Vec<_>>()).await?;
            judged.into_iter().map(Some).collect()
        }
        false => vec![None; commits.len()],
    };
    let (viewer, full_name) = (Viewer::new(caller, &app.root_url), repository.full_name());
    let account = |who: &Signature| accounts.get(&who.email.to_ascii_lowercase()).map(|user| viewer.user(user));
    let render = |(facts, verification): (CommitFacts, Option<VerificationJson>)| {
        let CommitFacts { id, text, files, stats } = facts;
        let (sha, created) = (id.to_string(), Timestamp::of(&text.committer));
        let url = viewer.urls.api_object(&full_name, "commit", &sha);
        let meta = |kind: &str, sha: &str, created| CommitMetaJson {
            url: viewer.urls.api_object(&full_name, kind, sha),
            sha: sha.to_owned(),
            created,
        };
        CommitJson {
            html_url: viewer.urls.commit(&full_name, &sha),
            author: account(&text.author),
            committer: account(&text.committer),
            parents: text.parents.iter().map(|parent| meta("commit", parent, ZERO_TIME)).collect(),
            commit: RepoCommitJson {
                url: url.clone(),
                author: CommitUserJson::of(&text.author),
                committer: CommitUserJson::of(&text.committer),
                tree: meta("tree", &text.tree, created),
                verification,
                message: text.message,
            },
            url,
            sha,
            created,
            files,
            stats,
        }
    };
    Ok(commits.into_iter().zip(verifications).map(render).collect())
}
