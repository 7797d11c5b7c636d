//! `git archive --remote`: the arguments a client sends, and what they name.
//!
//! Owns their grammar, the formats and the rule that only what a ref names is archived. Refuses transports. Called by SSH.
//! Source: git-upload-archive(1), git-archive(1); as there with `uploadArchive.allowUnreachable=false`.

use super::{ArchiveFormat, ArchiveOptions};
use crate::{
    error::{Error, Result},
    id::ObjectId,
    pktline::{Decoded, Packet, decode},
    view::View,
};

/// Most bytes of all arguments.
const MAX_BYTES: usize = 1 << 20;
/// Longest list of formats and their names, as `--list` shows it.
const FORMATS: &str = "tar\ntgz\ntar.gz\nzip\n";

/// Arguments as they arrive.
#[derive(Debug, Default)]
pub struct ArchiveArguments {
    buffer: Vec<u8>,
    words: Vec<Vec<u8>>,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveRequest {
    /// The names of the formats.
    List,
    /// An archive.
    Make {
        /// The object to be archived, one that a ref names.
        id: ObjectId,
        /// In which form, and what of it.
        options: Box<ArchiveOptions>,
    },
}

impl ArchiveArguments {
    /// Takes bytes of any length; true when the arguments are complete.
    ///
    /// Errors: `BadRequest`, `TooLarge`.
    pub fn push(&mut self, bytes: &[u8]) -> Result<bool> {
        if self.buffer.len().saturating_add(bytes.len()) > MAX_BYTES {
            return Err(Error::TooLarge { what: "size of the arguments", limit: MAX_BYTES as u64 });
        }
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        let mut is_over = false;
        while !is_over && let Decoded::Complete(packet, length) = decode(self.buffer.get(at..).unwrap_or_default())? {
            match packet {
                Packet::Flush => is_over = true,
                packet => {
                    let word = packet.text().and_then(|line| line.strip_prefix(b"argument "));
                    self.words.push(word.ok_or_else(|| bad("'argument' token or flush expected"))?.to_vec());
                }
            }
            at = at.saturating_add(length);
        }
        self.buffer.drain(..at.min(self.buffer.len()));
        Ok(is_over)
    }

    /// Reads what is asked for.
    ///
    /// Errors: `BadRequest` in words for the client.
    pub fn request(self, view: &View) -> Result<ArchiveRequest> {
        let mut options = ArchiveOptions { format: ArchiveFormat::Tar, ..ArchiveOptions::default() };
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut are_options = true;
        for word in self.words {
            if !are_options || !word.starts_with(b"-") {
                names.push(word);
                continue;
            }
            let text = String::from_utf8_lossy(&word).into_owned();
            match text.split_once('=').unwrap_or((&text, "")) {
                ("--", "") => are_options = false,
                ("--list" | "-l", "") => return Ok(ArchiveRequest::List),
                ("--format", name) => options.format = format(name)?,
                ("--prefix", _) => options.prefix = word.get("--prefix=".len()..).unwrap_or_default().to_vec(),
                ("--verbose" | "-v" | "--worktree-attributes", "") => {}
                // The strength of compression is ours to choose.
                (level, "") if level.len() == 2 && level.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {}
                _ => return Err(bad(format!("option '{}' is not supported here", text.escape_debug()))),
            }
        }
        let mut names = names.into_iter();
        let name = names.next().ok_or_else(|| bad("must specify tree-ish"))?;
        options.paths = names.map(|path| path.strip_suffix(b"/").map(<[u8]>::to_vec).unwrap_or(path)).collect();
        let colon = name.iter().position(|byte| *byte == b':');
        let (name, directory) = name.split_at(colon.unwrap_or(name.len()));
        options.directory = directory.get(1..).unwrap_or_default().to_vec();
        let id = std::str::from_utf8(name).ok().and_then(|name| find(view, name));
        let id = id.ok_or_else(|| bad(format!("no such ref: {}", name.escape_ascii())))?;
        Ok(ArchiveRequest::Make { id, options: Box::new(options) })
    }
}

impl ArchiveRequest {
    /// What `--list` is answered.
    pub fn formats() -> &'static [u8] {
        FORMATS.as_bytes()
    }
}

fn format(name: &str) -> Result<ArchiveFormat> {
    Ok(match name {
        "tar" => ArchiveFormat::Tar,
        "tar.gz" | "tgz" => ArchiveFormat::TarGz,
        "zip" => ArchiveFormat::Zip,
        _ => return Err(bad(format!("unknown archive format '{}'", name.escape_debug()))),
    })
}

/// What a name stands for, in git's order of preference.
fn find(view: &View, name: &str) -> Option<ObjectId> {
    if name == "HEAD" {
        return view.refs.get(view.head.as_str()).map(|item| item.target);
    }
    let places = ["", "refs/", "refs/tags/", "refs/heads/"];
    places.iter().find_map(|place| view.refs.get(&format!("{place}{name}"))).map(|item| item.target)
}

fn bad(what: impl Into<String>) -> Error {
    Error::BadRequest { what: what.into() }
}
