//! Owns `export-subst`: `$Format:...$` in a file becomes facts of the commit. Refuses placeholders that need refs, notes or colours: they
//! stay as they are. Called by the walk.
//!
//! Source: gitattributes(5), "export-subst"; git-log(1), "Pretty formats".

use std::sync::atomic::AtomicBool;

use crate::{
    commit_text::{CommitText, Person, date::DateForm},
    diff::{IdLength, IdPrinter},
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
    walk::check_interrupt,
};

const OPEN: &[u8] = b"$Format:";

/// Replaces all `$Format:...$`.
///
/// Errors: `TooLarge` when the result passes `max_bytes`, `Interrupted`.
pub(super) fn substitute(
    data: &[u8],
    odb: &Snapshot,
    commit: &CommitText,
    max_bytes: u64,
    interrupt: &AtomicBool,
) -> Result<Vec<u8>> {
    let ids = IdPrinter::new(odb, IdLength::Unique);
    let mut out = Vec::with_capacity(data.len());
    let mut rest = data;
    while let Some(at) = rest.windows(OPEN.len()).position(|window| window == OPEN) {
        let (head, tail) = rest.split_at(at);
        let format = tail.get(OPEN.len()..).unwrap_or_default();
        let Some(end) = format.iter().position(|byte| *byte == b'$') else { break };
        out.extend_from_slice(head);
        let format_of_one = format.get(..end).unwrap_or_default();
        expand(format_of_one, commit, &ids, max_bytes, interrupt, &mut out)?;
        rest = format.get(end + 1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Ok(out)
}

fn expand(
    format: &[u8],
    commit: &CommitText,
    ids: &IdPrinter<'_>,
    max_bytes: u64,
    interrupt: &AtomicBool,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut rest = format;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let found = if *byte == b'%' { placeholder(tail, commit, ids) } else { None };
        match found {
            Some((text, length)) => {
                // Each may have looked through a long message, and found nothing in it.
                check_interrupt(interrupt)?;
                // A short file may ask for a long message many times.
                if (out.len() + text.len()) as u64 > max_bytes {
                    return Err(Error::TooLarge { what: "a file in an archive", limit: max_bytes });
                }
                out.extend_from_slice(&text);
                rest = tail.get(length..).unwrap_or_default();
            }
            None => out.push(*byte),
        }
    }
    Ok(())
}

/// The text of the placeholder that follows a percent sign, and how long it is.
fn placeholder(rest: &[u8], commit: &CommitText, ids: &IdPrinter<'_>) -> Option<(Vec<u8>, usize)> {
    let list = |print: &dyn Fn(&ObjectId) -> String| {
        commit.parents.iter().map(print).collect::<Vec<_>>().join(" ").into_bytes()
    };
    let one = |text: Vec<u8>| Some((text, 1));
    match rest {
        [b'%', ..] => one(b"%".to_vec()),
        [b'n', ..] => one(b"\n".to_vec()),
        [b'H', ..] => one(commit.id.to_string().into_bytes()),
        [b'h', ..] => one(ids.print(&commit.id).into_bytes()),
        [b'T', ..] => one(commit.tree.to_string().into_bytes()),
        [b't', ..] => one(ids.print(&commit.tree).into_bytes()),
        [b'P', ..] => one(list(&ObjectId::to_string)),
        [b'p', ..] => one(list(&|id| ids.print(id))),
        [b's', ..] => one(commit.subject()),
        [b'b', ..] => one(commit.raw_body().to_vec()),
        [b'B', ..] => one(commit.message.clone()),
        [b'x', high, low, ..] => {
            let digits = [*high, *low];
            let text = std::str::from_utf8(&digits).ok()?;
            Some((vec![u8::from_str_radix(text, 16).ok()?], 3))
        }
        [b'a', part, ..] => Some((of_person(&commit.author, *part)?, 2)),
        [b'c', part, ..] => Some((of_person(&commit.committer, *part)?, 2)),
        _ => None,
    }
}

fn of_person(person: &Person, part: u8) -> Option<Vec<u8>> {
    let form = match part {
        b'n' => return Some(person.name.clone()),
        b'e' => return Some(person.mail.clone()),
        b'l' => return person.mail.split(|byte| *byte == b'@').next().map(<[u8]>::to_vec),
        b'd' => DateForm::Default,
        b'D' => DateForm::Mail,
        b'i' => DateForm::Iso,
        b'I' => DateForm::IsoStrict,
        b's' => DateForm::Short,
        b't' => DateForm::Unix,
        _ => return None,
    };
    Some(person.time.print(form).into_bytes())
}
