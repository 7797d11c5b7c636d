//! What a client asks to run, taken apart without a shell.
//!
//! Owns the list of commands, the quoting rules and the form of a repository path. Refuses everything else, options included. Called by
//! `session`.

use atomicqms_git::protocol::ProtocolVersion;

use crate::access::RepoPath;
use crate::model::{RepoName, UserName};

/// Longest command line. Units: bytes.
const LONGEST: usize = 4096;

/// A command this server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// Clone, fetch, list.
    UploadPack(RepoPath),
    /// Push.
    ReceivePack(RepoPath),
    /// `git archive --remote`.
    UploadArchive(RepoPath),
    /// Large file storage.
    LfsAuthenticate,
}

impl Command {
    /// Stable name for logs and metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Command::UploadPack(_) => "upload-pack",
            Command::ReceivePack(_) => "receive-pack",
            Command::UploadArchive(_) => "upload-archive",
            Command::LfsAuthenticate => "lfs-authenticate",
        }
    }
}

/// Reads the one environment variable that is taken, in the three values that git sends; none: refused.
pub(super) fn protocol_version(name: &str, value: &str) -> Option<ProtocolVersion> {
    match (name, value) {
        ("GIT_PROTOCOL", "version=0") => Some(ProtocolVersion::V0),
        ("GIT_PROTOCOL", "version=1") => Some(ProtocolVersion::V1),
        ("GIT_PROTOCOL", "version=2") => Some(ProtocolVersion::V2),
        _ => None,
    }
}

/// Why a command line is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// Not one of ours.
    #[error("only git's own commands run here: git-upload-pack, git-receive-pack, git-upload-archive")]
    Unknown,
    /// Quoting that does not end, bytes that are no text, or too long.
    #[error("the command line cannot be read")]
    Unreadable,
    /// More or fewer words than the command takes, or an option.
    #[error("give exactly one repository and no options")]
    Arguments,
    /// Not a path of ours.
    #[error("a repository is named OWNER/NAME.git")]
    Path,
}

/// Reads a command line as a client sends it.
///
/// Shape: a command, or `git` and a command, then one repository, quoted as git quotes for a POSIX shell.
pub(super) fn parse(line: &[u8]) -> Result<Command, Refusal> {
    if line.len() > LONGEST {
        return Err(Refusal::Unreadable);
    }
    let text = std::str::from_utf8(line).map_err(|_| Refusal::Unreadable)?;
    let words = split(text)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (name, arguments) = match words.as_slice() {
        ["git", name, arguments @ ..] => (*name, arguments),
        [name, arguments @ ..] => (name.strip_prefix("git-").ok_or(Refusal::Unknown)?, arguments),
        [] => return Err(Refusal::Unknown),
    };
    let command: fn(RepoPath) -> Command = match name {
        "upload-pack" => Command::UploadPack,
        "receive-pack" => Command::ReceivePack,
        "upload-archive" => Command::UploadArchive,
        "lfs-authenticate" => return Ok(Command::LfsAuthenticate),
        _ => return Err(Refusal::Unknown),
    };
    match arguments {
        [path] if !path.starts_with('-') => read_path(path).map(command).ok_or(Refusal::Path),
        _ => Err(Refusal::Arguments),
    }
}

/// Reads `/owner/name.git`, with or without the slash and the ending.
fn read_path(path: &str) -> Option<RepoPath> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let (owner, name) = path.split_once('/')?;
    let name = name.strip_suffix(".git").unwrap_or(name);
    Some(RepoPath::new(UserName::parse(owner).ok()?, RepoName::parse(name).ok()?))
}

/// Splits into words by the rules that git's own quoting needs: single quotes, backslashes outside them, and double quotes around
/// what is plain. Nothing is ever expanded; what a shell would expand or run is refused.
fn split(text: &str) -> Result<Vec<String>, Refusal> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or(Refusal::Unreadable)? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or(Refusal::Unreadable)? {
                        '"' => break,
                        '\\' | '$' | '`' => return Err(Refusal::Unreadable),
                        inside => word.push(inside),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(characters.next().ok_or(Refusal::Unreadable)?),
            '$' | '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '{' | '}' | '*' | '?' | '[' | ']' | '!' | '#' => {
                return Err(Refusal::Unreadable);
            }
            control if control.is_control() => return Err(Refusal::Unreadable),
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests;
