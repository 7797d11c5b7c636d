//! The `ls-refs` command of protocol version 2.
//!
//! Owns its arguments and its answer. Called by `upload::respond`; the answer depends on the view and the query alone.

use std::io::Write;

use super::{parse_v2::Lines, request::bad_line};
use crate::{
    error::{Error, Result},
    id::ObjectId,
    pktline,
    view::View,
};

/// More prefixes than this are as good as none, and cheaper.
const MAX_PREFIXES: usize = 65536;

/// What a client asks about refs.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct RefQuery {
    /// Tell what annotated tags point at.
    peel: bool,
    /// Tell what HEAD points at.
    symrefs: bool,
    /// Tell what HEAD points at even if that does not exist yet.
    unborn: bool,
    /// Sorted, and none is the start of another; empty means everything.
    prefixes: Vec<String>,
}

impl RefQuery {
    pub(super) fn parse(lines: Lines<'_>) -> Result<Self> {
        let mut query = RefQuery::default();
        let mut prefixes = Vec::new();
        let mut asked = 0_usize;
        for line in lines {
            let line = line?;
            match line {
                b"peel" => query.peel = true,
                b"symrefs" => query.symrefs = true,
                b"unborn" => query.unborn = true,
                _ => match line.strip_prefix(b"ref-prefix ") {
                    Some(prefix) => {
                        asked = asked.saturating_add(1);
                        if asked <= MAX_PREFIXES {
                            // Our names are UTF-8: a prefix that is not matches none of them.
                            prefixes.push(std::str::from_utf8(prefix).unwrap_or("\u{fffd}").to_owned());
                        }
                    }
                    None => return Err(bad_line("unexpected line", line)),
                },
            }
        }
        if asked <= MAX_PREFIXES {
            prefixes.sort_unstable();
            prefixes.dedup_by(|next, kept| next.starts_with(kept.as_str()));
            query.prefixes = prefixes;
        }
        Ok(query)
    }

    fn covers(&self, name: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }
}

/// Bytes of the answer gathered before they are written.
const PIECE_BYTES: usize = 64 * 1024;

/// Writes the answer, in pieces: the refs of a large repository are megabytes, and a slow client must not make us hold them.
///
/// Errors: `PeerGone`.
/// Source: gitprotocol-v2(5), "ls-refs".
pub(super) fn write(view: &View, query: &RefQuery, to: &mut dyn Write) -> Result<()> {
    let mut out = Vec::new();
    if query.covers("HEAD") {
        put_head(&mut out, view, query);
    }
    let everything = [String::new()];
    let prefixes = if query.prefixes.is_empty() { &everything[..] } else { &query.prefixes };
    for prefix in prefixes {
        for item in view.refs.iter_prefix(prefix) {
            let peeled = item.peeled.filter(|_| query.peel);
            pktline::put_text(&mut out, &line(&item.target.to_string(), item.name.as_str(), None, peeled));
            if out.len() >= PIECE_BYTES {
                to.write_all(&out).map_err(Error::PeerGone)?;
                out.clear();
            }
        }
    }
    pktline::put_flush(&mut out);
    to.write_all(&out).map_err(Error::PeerGone)
}

fn put_head(out: &mut Vec<u8>, view: &View, query: &RefQuery) {
    let target = query.symrefs.then(|| view.head.as_str());
    match view.refs.get(view.head.as_str()) {
        Some(head) => {
            let peeled = head.peeled.filter(|_| query.peel);
            pktline::put_text(out, &line(&head.target.to_string(), "HEAD", target, peeled));
        }
        None if query.unborn && query.symrefs => pktline::put_text(out, &line("unborn", "HEAD", target, None)),
        None => {}
    }
}

fn line(id: &str, name: &str, symref: Option<&str>, peeled: Option<ObjectId>) -> String {
    let mut line = format!("{id} {name}");
    if let Some(target) = symref {
        line.push_str(" symref-target:");
        line.push_str(target);
    }
    if let Some(peeled) = peeled {
        line.push_str(&format!(" peeled:{peeled}"));
    }
    line
}
