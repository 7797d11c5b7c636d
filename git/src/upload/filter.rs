//! Object filters of partial clones.
//!
//! Owns the grammar and the decision for one object. What was asked for by id is sent whatever the filter says; that rule
//! belongs to `enumerate`, the only caller.
//! Source: git-rev-list(1), `--filter`; git's list-objects-filter.c.

use crate::{
    error::{Error, Result},
    id::Kind,
};

/// Most filters in one `combine:`.
const MAX_COMBINED: usize = 32;

/// Which objects to leave out; an object must pass every part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Filter {
    /// Blobs of this size and larger are left out; 0 means all blobs.
    blob_limit: Option<u64>,
    /// Trees and blobs this deep and deeper are left out; a root tree has depth 0.
    tree_depth: Option<u32>,
    /// Only objects of this kind are sent.
    kind: Option<Kind>,
    /// Two parts ask for different kinds, so nothing passes.
    nothing: bool,
}

impl Filter {
    /// Reads a filter specification.
    ///
    /// Errors: `BadRequest` for anything but `blob:none`, `blob:limit=`, `tree:`, `object:type=` and `combine:` of these.
    pub(super) fn parse(spec: &str) -> Result<Self> {
        let mut filter = Filter::default();
        // Combinations may be nested, each level encoded once more; undone by a list of what is left to read, not by calls.
        let mut open = vec![spec.to_owned()];
        let mut parts = 0_usize;
        while let Some(part) = open.pop() {
            let Some(inner) = part.strip_prefix("combine:") else {
                filter.add(&part)?;
                continue;
            };
            for encoded in inner.split('+') {
                parts = parts.saturating_add(1);
                if parts > MAX_COMBINED {
                    return Err(Error::TooLarge { what: "number of combined filters", limit: MAX_COMBINED as u64 });
                }
                open.push(decode_url(encoded).ok_or_else(|| invalid(spec))?);
            }
        }
        Ok(filter)
    }

    fn add(&mut self, spec: &str) -> Result<()> {
        if spec.starts_with("sparse:") {
            // Reading a sparse specification makes the server match patterns of the client's choice against every path.
            return Err(Error::BadRequest { what: "sparse filters are not supported".into() });
        }
        if spec == "blob:none" {
            self.blob_limit = Some(0);
        } else if let Some(limit) = spec.strip_prefix("blob:limit=") {
            let limit = parse_size(limit).ok_or_else(|| invalid(spec))?;
            self.blob_limit = Some(self.blob_limit.map_or(limit, |other| other.min(limit)));
        } else if let Some(depth) = spec.strip_prefix("tree:") {
            let depth = u32::try_from(parse_size(depth).ok_or_else(|| invalid(spec))?).unwrap_or(u32::MAX);
            self.tree_depth = Some(self.tree_depth.map_or(depth, |other| other.min(depth)));
        } else if let Some(kind) = spec.strip_prefix("object:type=") {
            let kind = Kind::from_bytes(kind.as_bytes()).map_err(|_| invalid(spec))?;
            self.nothing |= self.kind.is_some_and(|other| other != kind);
            self.kind = Some(kind);
        } else {
            return Err(invalid(spec));
        }
        Ok(())
    }

    /// Whether commits and tags pass; the depth of trees and the size of blobs do not concern them.
    pub(super) fn passes_kind(&self, kind: Kind) -> bool {
        !self.nothing && self.kind.is_none_or(|wanted| wanted == kind)
    }

    /// Whether anything at this depth below a root tree passes.
    pub(super) fn passes_depth(&self, depth: u32) -> bool {
        self.tree_depth.is_none_or(|limit| depth < limit)
    }

    /// Whether the depth of an object decides about it, so that one seen deep must be looked at again when seen less deep.
    pub(super) fn depends_on_depth(&self) -> bool {
        self.tree_depth.is_some()
    }

    /// Whether no object is judged by its depth, but for trees and blobs all alike.
    pub(super) fn is_free_of_depth(&self) -> bool {
        self.tree_depth.is_none_or(|limit| limit == 0)
    }

    /// The size from which on blobs are left out.
    pub(super) fn blob_limit(&self) -> Option<u64> {
        self.blob_limit
    }

    /// Whether there is any point in looking into trees.
    pub(super) fn needs_trees(&self) -> bool {
        let kinds = self.passes_kind(Kind::Tree) || (self.passes_kind(Kind::Blob) && self.blob_limit != Some(0));
        kinds && self.tree_depth != Some(0)
    }
}

fn invalid(spec: &str) -> Error {
    let shown: String = spec.chars().take(100).collect();
    Error::BadRequest { what: format!("invalid filter-spec '{}'", shown.escape_default()) }
}

/// Reads a number with an optional k, m or g behind it.
fn parse_size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'k' => (text.get(..text.len().checked_sub(1)?)?, 1 << 10),
        b'm' => (text.get(..text.len().checked_sub(1)?)?, 1 << 20),
        b'g' => (text.get(..text.len().checked_sub(1)?)?, 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// What has to be encoded in a part of a combination.
const RESERVED: &[u8] = b"~`!@#$^&*()[]{}\\;'\",<>?";

/// Undoes percent encoding.
fn decode_url(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            // Git's clients encode all of these; a bare one is a mistake and refused.
            if byte <= b' ' || RESERVED.contains(&byte) {
                return None;
            }
            out.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
        out.push(u8::try_from(high << 4 | low).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn specifications_are_read() {
        let filter = Filter::parse("blob:none").unwrap();
        assert_eq!(filter.blob_limit(), Some(0));
        assert!(filter.needs_trees() && filter.passes_kind(Kind::Commit));
        assert_eq!(Filter::parse("blob:limit=2k").unwrap().blob_limit(), Some(2048));
        assert!(!Filter::parse("tree:0").unwrap().needs_trees());
        let filter = Filter::parse("combine:tree:2+blob%3Alimit%3D10").unwrap();
        assert!(filter.passes_depth(1) && !filter.passes_depth(2));
        assert_eq!(filter.blob_limit(), Some(10));
        let nested = Filter::parse("combine:combine%3Atree%3A3%2Bblob%253Alimit%253D1k+tree:2").unwrap();
        assert!(nested.passes_depth(1) && !nested.passes_depth(2));
        assert_eq!(nested.blob_limit(), Some(1024));
        let filter = Filter::parse("object:type=commit").unwrap();
        assert!(filter.passes_kind(Kind::Commit) && !filter.passes_kind(Kind::Tag) && !filter.needs_trees());
        let filter = Filter::parse("combine:object:type=commit+object:type=tag").unwrap();
        assert!(!filter.passes_kind(Kind::Commit) && !filter.passes_kind(Kind::Tag));
    }

    #[test]
    fn other_specifications_are_refused() {
        for spec in [
            "",
            "blob:",
            "blob:limit=",
            "blob:limit=-1",
            "blob:limit=99999999999999999999",
            "tree:x",
            "sparse:oid=main:x",
            "object:type=x",
            "combine:",
            "combine:%",
            "combine:%zz",
            "combine:tree:1+blob:no ne",
            "combine:blob:none+",
            "combine:sparse%3Aoid%3Dmain%3Ax",
        ] {
            assert!(Filter::parse(spec).is_err(), "{spec}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(spec in ".{0,40}") {
            let _ = Filter::parse(&spec);
            let _ = Filter::parse(&format!("combine:{spec}"));
        }
    }
}
