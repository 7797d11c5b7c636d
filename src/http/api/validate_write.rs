//! Checks of the bodies that write files, in Gitea's words.
//!
//! Owns base64, dates and the names of operations. What a path may be is `forge::contents`'s.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::{FileOperationOption, FileOption, IdentityOption};
use super::validate::{LAST_TIME, broken, one_of};
use crate::error::{Error, Result};
use crate::forge::contents::{Change, FileCommit, Moment, Operation, Person};

/// Reads what all operations share; the changes come from the caller. Units: `max_bytes` of decoded content in all.
///
/// Errors: `Invalid` naming the field.
pub fn file_commit(option: FileOption, changes: Vec<Change>, max_bytes: usize) -> Result<FileCommit> {
    let total: usize = changes.iter().filter_map(|change| change.content.as_ref()).map(Vec::len).sum();
    if total > max_bytes {
        return Err(Error::new(crate::error::Kind::TooLarge, format!("content is larger than {max_bytes} bytes")));
    }
    let dates = option.dates.unwrap_or_default();
    Ok(FileCommit {
        changes,
        branch: option.branch,
        new_branch: option.new_branch,
        is_forced: option.force_push.unwrap_or(false),
        message: option.message.unwrap_or_default(),
        author: option.author.map(person),
        committer: option.committer.map(person),
        author_date: moment("Author", dates.author)?,
        committer_date: moment("Committer", dates.committer)?,
        signs_off: option.signoff.unwrap_or(false),
    })
}

fn person(option: IdentityOption) -> Person {
    Person { name: option.name.unwrap_or_default(), email: option.email.unwrap_or_default() }
}

/// Content as the wire has it. Units: `max_bytes` of the decoded content.
///
/// Errors: `Invalid` for what is no base64, `TooLarge`.
pub fn content(text: Option<&str>, max_bytes: usize) -> Result<Vec<u8>> {
    let text = text.unwrap_or_default();
    if text.len() / 4 * 3 > max_bytes.saturating_add(3) {
        return Err(Error::new(crate::error::Kind::TooLarge, format!("content is larger than {max_bytes} bytes")));
    }
    let clean: String = text.chars().filter(|one| !matches!(one, '\r' | '\n')).collect();
    STANDARD.decode(clean).map_err(|_| Error::invalid("content", "[Content]: must be base64"))
}

/// Reads one change of many.
///
/// Errors: `Invalid` naming the field.
pub fn change(option: FileOperationOption, max_bytes: usize) -> Result<Change> {
    let operation = match option.operation.as_deref().unwrap_or_default() {
        "create" => Operation::Create,
        "update" => Operation::Update,
        "upload" => Operation::Upload,
        "rename" => Operation::Rename,
        "delete" => Operation::Delete,
        _ => return Err(one_of("Operation", ["create", "update", "upload", "rename", "delete"])),
    };
    if operation == Operation::Rename && option.from_path.as_deref().is_none_or(str::is_empty) {
        return Err(Error::invalid("from_path", "[FromPath]: Required"));
    }
    let has_content = option.content.as_deref().is_some_and(|text| !text.is_empty());
    let content = match operation {
        Operation::Delete => None,
        Operation::Rename if !has_content => None,
        _ => Some(content(option.content.as_deref(), max_bytes)?),
    };
    let from_path = option.from_path.filter(|path| !path.is_empty());
    Ok(Change { operation, path: option.path.unwrap_or_default(), from_path, sha: option.sha, content })
}

/// Reads a date, with the offset it was written with; Gitea's zero time counts as none.
fn moment(field: &'static str, text: Option<String>) -> Result<Option<Moment>> {
    let Some(text) = text.filter(|text| !text.is_empty() && !text.starts_with("0001-")) else { return Ok(None) };
    let invalid = || broken(field, &format!("must be an RFC 3339 time, from 1970-01-01T00:00:00Z to {LAST_TIME}"));
    let seconds = crate::model::UtcMs::parse_rfc3339(&text).ok_or_else(invalid)?.get().div_euclid(1000);
    // Git has no earlier ones.
    let seconds = Some(seconds).filter(|seconds| *seconds >= 0).ok_or_else(invalid)?;
    Ok(Some(Moment { seconds, offset_minutes: offset_of(&text).ok_or_else(invalid)? }))
}

/// Minutes east of UTC at the end of an RFC 3339 time.
fn offset_of(text: &str) -> Option<i32> {
    if text.ends_with(['Z', 'z']) {
        return Some(0);
    }
    let (_, end) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, rest) = end.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let total = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
    match sign {
        "+" => Some(total),
        "-" => Some(-total),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_base64_of_bounded_size() {
        assert_eq!(content(Some("aGVs\nbG8="), 5).unwrap(), b"hello");
        assert_eq!(content(None, 5).unwrap(), b"");
        assert!(content(Some("a!"), 5).is_err());
        let error = content(Some(&"AAAA".repeat(10)), 5).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::TooLarge);
    }

    #[test]
    fn dates_keep_their_offset() {
        let read = |text: &str| moment("Author", Some(text.to_owned())).unwrap();
        let found = read("2024-05-06T07:08:09-05:30").unwrap();
        assert_eq!((found.seconds, found.offset_minutes), (1_714_999_089, -330));
        assert_eq!(read("2024-05-06T07:08:09Z").unwrap().offset_minutes, 0);
        assert!(read("0001-01-01T00:00:00Z").is_none() && read("").is_none());
        assert!(read("1970-01-01T00:00:00Z").is_some() && read(LAST_TIME).is_some());
        for text in ["yesterday", "1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z"] {
            let refused = moment("Author", Some(text.to_owned())).unwrap_err();
            let expected = "[Author]: must be an RFC 3339 time, from 1970-01-01T00:00:00Z to 9999-12-30T22:00:00Z";
            assert_eq!(refused.public(), expected, "{text}");
        }
    }
}
