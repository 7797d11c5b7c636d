//! Desired state (the database) against actual state (the files): finds differences, raises the alarm about those
//! nobody can explain, and closes the gap.
//!
//! A difference is explained if the journal shows that the projection was cut short: the file holds a value the ref
//! had, or came to have, after the last flushed projection. Everything else was changed behind the server; it is
//! reported and reset, never adopted.

use std::sync::Arc;

use atomicqms_git as git;
use git::refs::disk::{self, DiskRef};
use git::{ObjectId, Ref, RefEdit, RefName, RefTable};

use super::actor::{Tools, blocking};
use super::store::Unexplained;
use crate::{Error, gauges, sql};

/// One ref whose file differs from its row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Difference {
    name: RefName,
    /// Value of the file, if it exists and holds an object id.
    found: Option<ObjectId>,
    /// The file exists.
    is_on_disk: bool,
    expected: Option<Ref>,
}

/// Brings the files of a repository in line with its rows and answers what it changed; the caller flushes.
///
/// Errors: `Git` (files), `Database`, `Overloaded` and the like (journal, report).
pub(super) async fn reconcile(
    tools: &Tools,
    repo: i64,
    git: &git::Repository,
    refs: &RefTable,
    head: &RefName,
    since: i64,
) -> Result<Vec<RefEdit>, Error> {
    let (git_copy, refs_copy, head) = (git.clone(), refs.clone(), head.clone());
    let differences = blocking("compare refs", move || {
        if git_copy.head()?.as_ref() != Some(&head) {
            git_copy.write_head(&head)?;
        }
        Ok::<_, git::Error>(compare(repo, &read(repo, &git_copy)?, &refs_copy))
    })
    .await?;
    if differences.is_empty() {
        return Ok(Vec::new());
    }
    let store = Arc::clone(&tools.store);
    let (differences, unexplained) = tools
        .readers
        .read("explain refs", move |c| {
            let unexplained =
                find_unexplained(&differences, |name, value| store.was_journaled(c, repo, name, value, since))?;
            Ok::<_, Error>((differences, unexplained))
        })
        .await?;
    if !unexplained.is_empty() {
        report(tools, repo, unexplained).await?;
    }
    let edits: Vec<_> = differences.into_iter().map(Difference::into_edit).collect();
    let (path, refs) = (git.path().to_owned(), refs.clone());
    blocking("project refs", move || {
        disk::project(&path, &edits, &refs)?;
        Ok::<_, git::Error>(edits)
    })
    .await
}

/// Reads the refs on disk; a damaged `packed-refs` is set aside, so that a good one can be written.
fn read(repo: i64, git: &git::Repository) -> Result<Vec<DiskRef>, git::Error> {
    match disk::read(git.path()) {
        Err(git::Error::Corrupt { path, what }) => {
            let aside = path.with_extension("damaged");
            tracing::error!(repo.id = repo, path = %path.display(), what, "set aside a damaged file of refs");
            std::fs::rename(&path, aside).map_err(|error| git::Error::io("rename", path, error))?;
            disk::read(git.path())
        }
        read => read,
    }
}

/// Lists the refs that differ; both sides are sorted by name.
fn compare(repo: i64, on_disk: &[DiskRef], refs: &RefTable) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut rows = refs.iter().peekable();
    for file in on_disk {
        while let Some(row) = rows.next_if(|row| row.name.as_str() < file.name.as_str()) {
            differences.push(absent(row));
        }
        let expected = rows.next_if(|row| row.name.as_str() == file.name);
        let found = file.target();
        if found.is_some() && found == expected.map(|row| row.target) {
            continue;
        }
        match RefName::new(&file.name) {
            Ok(name) => differences.push(Difference { name, found, is_on_disk: true, expected: expected.cloned() }),
            // No client can see it, and no edit can name it.
            Err(fault) => tracing::warn!(repo.id = repo, ref.name = file.name, %fault, "ignored a file among the refs"),
        }
    }
    differences.extend(rows.map(absent));
    differences
}

fn absent(row: &Ref) -> Difference {
    Difference { name: row.name.clone(), found: None, is_on_disk: false, expected: Some(row.clone()) }
}

fn find_unexplained(
    differences: &[Difference],
    mut was_journaled: impl FnMut(&RefName, Option<ObjectId>) -> Result<bool, sql::Error>,
) -> Result<Vec<Unexplained>, Error> {
    let mut unexplained = Vec::new();
    for difference in differences {
        let expected = difference.expected.as_ref().map(|row| row.target);
        let holds_journaled_value = (difference.found.is_some() || !difference.is_on_disk)
            && was_journaled(&difference.name, difference.found)?;
        // An absent or unreadable file is what a power cut makes of a write that was not flushed.
        let is_cut_short = difference.found.is_none() && was_journaled(&difference.name, expected)?;
        if !holds_journaled_value && !is_cut_short {
            unexplained.push(Unexplained {
                name: difference.name.as_str().to_owned(),
                found: difference.found,
                expected,
            });
        }
    }
    Ok(unexplained)
}

async fn report(tools: &Tools, repo: i64, unexplained: Vec<Unexplained>) -> Result<(), Error> {
    gauges::refs_unexplained(unexplained.len());
    for found in &unexplained {
        tracing::error!(
            repo.id = repo,
            ref.name = found.name,
            found = ?found.found,
            expected = ?found.expected,
            "a ref was changed behind the server; it is reset"
        );
    }
    let store = Arc::clone(&tools.store);
    tools.writer.write("report refs", move |tx| Ok::<_, Error>(store.report_unexplained(tx, repo, &unexplained)?)).await
}

impl Difference {
    fn into_edit(self) -> RefEdit {
        RefEdit {
            name: self.name,
            old: self.found,
            new: self.expected.as_ref().map(|row| row.target),
            peeled: self.expected.and_then(|row| row.peeled),
        }
    }
}

#[cfg(test)]
mod tests;
