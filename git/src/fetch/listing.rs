//! Which refs the other server has.
//!
//! Owns which of them are looked at: branches and tags, nothing else, whatever is listed. Names that are not acceptable here are counted and left out.

use std::collections::BTreeMap;

use super::broke;
use super::feed::Feed;
use crate::error::{Error, Result};
use crate::id::{ObjectId, id_from_hex};
use crate::pktline::Packet;
use crate::refs::RefName;

/// The branches and tags of another server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteRefs {
    /// Each with the object it points at, which nobody has looked at.
    pub refs: BTreeMap<RefName, ObjectId>,
    /// The branch that `HEAD` names; it may not exist.
    pub head: Option<RefName>,
    /// Branches and tags whose names are not acceptable here.
    pub skipped: u64,
    /// Where `HEAD` points, while nobody has said which branch it names.
    head_id: Option<ObjectId>,
    listed: u64,
}

impl RemoteRefs {
    /// Takes one line of a list.
    ///
    /// Errors: `TooLarge` for more than `limit` lines, `Remote` for a ref that is named twice or an id that is none.
    pub(super) fn take(&mut self, id: &[u8], name: &[u8], limit: u64) -> Result<()> {
        self.listed = self.listed.saturating_add(1);
        if self.listed > limit {
            return Err(Error::TooLarge { what: "number of refs of the remote", limit });
        }
        let id = id_from_hex(id).filter(|id| !id.is_null()).ok_or_else(|| broke("listed what is no ref"))?;
        if name == b"HEAD" {
            self.head_id = Some(id);
            return Ok(());
        }
        let is_wanted = name.starts_with(b"refs/heads/") || name.starts_with(b"refs/tags/");
        // `refs/tags/x^{}` says what a tag points at, which is found out here anyway.
        if !is_wanted || name.ends_with(b"^{}") {
            return Ok(());
        }
        let Some(name) = RefName::from_bytes(name).ok().filter(is_plain) else {
            self.skipped = self.skipped.saturating_add(1);
            return Ok(());
        };
        match self.refs.insert(name, id) {
            None => Ok(()),
            Some(_) => Err(broke("listed a ref twice")),
        }
    }

    /// Notes which branch `HEAD` names.
    pub(super) fn note_head(&mut self, name: &[u8]) {
        self.head = RefName::from_bytes(name).ok().filter(is_plain).filter(|name| name.branch().is_some());
    }

    /// A server that does not say which branch `HEAD` names: the one that people would expect, of those at the same commit.
    pub(super) fn guess_head(&mut self) {
        if self.head.is_some() {
            return;
        }
        let Some(id) = self.head_id else { return };
        let is_there = |name: &&RefName| self.refs.get(name.as_str()) == Some(&id) && name.branch().is_some();
        let usual = ["refs/heads/main", "refs/heads/master"].into_iter().filter_map(|name| RefName::new(name).ok());
        let found = usual.collect::<Vec<_>>().iter().find(is_there).cloned();
        self.head = found.or_else(|| self.refs.keys().find(is_there).cloned());
    }
}

/// Names that git gives another meaning, or that look like options of commands, come in by no other way either.
fn is_plain(name: &RefName) -> bool {
    let short = name.short();
    !short.starts_with('-') && short != "HEAD" && short != "@" && !short.starts_with("refs/")
}

/// The answer to `ls-refs`, as it arrives.
#[derive(Debug)]
pub struct Listing {
    feed: Feed,
    limit: u64,
    refs: RemoteRefs,
    is_complete: bool,
}

impl Listing {
    /// Starts before the first byte. `limit` is the most lines that are read.
    pub fn new(limit: u64) -> Self {
        Self { feed: Feed::default(), limit, refs: RemoteRefs::default(), is_complete: false }
    }

    /// Takes bytes.
    ///
    /// Errors: `Remote`, `TooLarge`; the answer is of no use then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let Self { feed, limit, refs, is_complete } = self;
        feed.push(bytes, |packet| {
            if *is_complete {
                return Err(broke("said more than it was asked"));
            }
            match packet {
                Packet::Flush => *is_complete = true,
                Packet::Delim | Packet::ResponseEnd => return Err(broke("answered in no form of git")),
                Packet::Data(_) => line(refs, packet.text().unwrap_or_default(), *limit)?,
            }
            Ok(())
        })
    }

    /// Ends the answer.
    ///
    /// Errors: `Remote` when it is not complete.
    pub fn finish(self) -> Result<RemoteRefs> {
        if !self.is_complete || !self.feed.is_empty() {
            return Err(broke("broke off while it listed its refs"));
        }
        let mut refs = self.refs;
        refs.guess_head();
        Ok(refs)
    }
}

/// `ID NAME [symref-target:NAME] ...`, or `unborn HEAD symref-target:NAME`. Source: gitprotocol-v2(5), "ls-refs".
fn line(refs: &mut RemoteRefs, line: &[u8], limit: u64) -> Result<()> {
    if let Some(text) = line.strip_prefix(b"ERR ") {
        return Err(super::said_no(text));
    }
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(id), Some(name)) = (words.next(), words.next()) else { return Err(broke("listed what is no ref")) };
    if name == b"HEAD"
        && let Some(target) = words.find_map(|word| word.strip_prefix(b"symref-target:"))
    {
        refs.note_head(target);
    }
    if id == b"unborn" { Ok(()) } else { refs.take(id, name, limit) }
}
