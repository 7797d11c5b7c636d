//! The message of a commit made over the API.

use super::{FileCommit, MESSAGE_MAX, Operation, Signing};
use crate::error::{Error, Result};

/// The message given, or Gitea's words for what changes.
///
/// Errors: `Invalid` for one that is too long or holds a NUL.
pub(super) fn of(new: &FileCommit) -> Result<String> {
    let given = new.message.trim();
    if given.len() > MESSAGE_MAX || given.contains('\0') {
        return Err(Error::invalid("message", "[Message]: MaxSize, or a character that cannot be"));
    }
    if !given.is_empty() {
        return Ok(format!("{given}\n"));
    }
    let paths = |wanted: &[Operation]| {
        let named = new.changes.iter().filter(|change| wanted.contains(&change.operation));
        named.map(|change| change.path.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut lines = Vec::new();
    for (word, operations) in [
        ("Add", &[Operation::Create][..]),
        ("Update", &[Operation::Update, Operation::Upload, Operation::Rename]),
        ("Delete", &[Operation::Delete]),
    ] {
        let paths = paths(operations);
        if !paths.is_empty() {
            lines.push(format!("{word} {paths}\n"));
        }
    }
    let mut text = lines.concat();
    let end = (0..=text.len().min(MESSAGE_MAX)).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    Ok(text)
}

/// Adds the committer's line.
pub(super) fn signed_off(message: String, committer: &Signing) -> String {
    let person = &committer.person;
    format!("{}\n\nSigned-off-by: {} <{}>\n", message.trim_end(), person.name.trim(), person.email.trim())
}
