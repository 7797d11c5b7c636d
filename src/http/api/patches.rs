//! Differences as text, streamed file by file.
//!
//! Owns the two forms, a diff and mails that `git am` applies, and their headers. Called by the handlers of commits and comparisons.

use std::io::Write;
use std::sync::atomic::AtomicBool;

use atomicqms_git::diff::mail::{MailOptions, write_mail};
use atomicqms_git::diff::patch::{PatchOptions, PatchWriter};
use atomicqms_git::diff::{TreeOptions, diff_trees};
use atomicqms_git::{self as git, ObjectId, View};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::commit_facts::tree_of;
use super::commit_text::read_commit;
use crate::access::Client;
use crate::error::Result;
use crate::http::App;
use crate::model::Repository;
use crate::transport::stream::stream;

/// The form of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// What `git diff` shows.
    Diff,
    /// A mail for each commit.
    Patch,
}

impl Form {
    /// Splits a name that ends in `.diff` or `.patch`.
    pub(super) fn of_name(name: &str) -> Option<(String, Self)> {
        let split = |ending: &str, form| name.strip_suffix(ending).map(|rest| (rest.to_owned(), form));
        split(".diff", Self::Diff).or_else(|| split(".patch", Self::Patch))
    }
}

/// Streams a commit's difference from its first parent.
///
/// Errors: `Overloaded`; `TooLarge` beyond the limits of the engine, as long as nothing was sent.
pub(super) async fn of_commit(
    app: &App,
    client: Client,
    repository: &Repository,
    commit: ObjectId,
    form: Form,
) -> Result<Response> {
    let view = app.forge.open(repository).await?.view();
    let make = move |out: &mut dyn Write, interrupt: &AtomicBool| match form {
        Form::Diff => {
            let text = read_commit(&view.odb.read(&commit)?.data);
            let parent = text.parents.first().and_then(|parent| git::id::id_from_hex(parent.as_bytes()));
            let before = parent.map(|parent| tree_of(&view, &parent)).transpose()?.flatten();
            write_diff(&view, before.as_ref(), tree_of(&view, &commit)?.as_ref(), out, interrupt)
        }
        Form::Patch => write_mail(&view.odb, &commit, &MailOptions::default(), out, interrupt),
    };
    text(app, client, make).await
}

/// Streams the difference of two commits, or a mail for each of `commits`, which come oldest first.
///
/// Errors: as [`of_commit`].
pub(super) async fn of_comparison(
    app: &App,
    client: Client,
    view: View,
    (before, after): (ObjectId, ObjectId),
    commits: Vec<ObjectId>,
    form: Form,
) -> Result<Response> {
    let make = move |out: &mut dyn Write, interrupt: &AtomicBool| match form {
        Form::Diff => {
            let (before, after) = (tree_of(&view, &before)?, tree_of(&view, &after)?);
            write_diff(&view, before.as_ref(), after.as_ref(), out, interrupt)
        }
        Form::Patch => {
            let options = MailOptions::default();
            // Merges have no patch of their own, as in `git format-patch`.
            for commit in &commits {
                if read_commit(&view.odb.read(commit)?.data).parents.len() < 2 {
                    write_mail(&view.odb, commit, &options, out, interrupt)?;
                }
            }
            Ok(())
        }
    };
    text(app, client, make).await
}

fn write_diff(
    view: &View,
    before: Option<&ObjectId>,
    after: Option<&ObjectId>,
    out: &mut dyn Write,
    interrupt: &AtomicBool,
) -> git::Result<()> {
    let changes = diff_trees(&view.odb, before, after, &TreeOptions::default(), interrupt)?;
    let options = PatchOptions { binary: true, ..PatchOptions::default() };
    let writer = PatchWriter::new(&view.odb, &options, interrupt);
    changes.iter().try_for_each(|change| writer.write(change, out))
}

async fn text<F>(app: &App, client: Client, make: F) -> Result<Response>
where
    F: FnOnce(&mut dyn Write, &AtomicBool) -> git::Result<()> + Send + 'static,
{
    let body = stream(app, client, "diff", make).await?;
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}
