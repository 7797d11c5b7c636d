//! Owns what a ref may point at: existence, kind, and the object at the end of a chain of tags. Refuses to decide who may move a ref. Called
//! before refs are changed.

use super::Snapshot;
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId, id_from_hex},
    refs::RefName,
};

/// Longest chain of tags that point at tags.
const MAX_TAG_DEPTH: usize = 64;

/// What a ref points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Kind of the object itself.
    pub kind: Kind,
    /// For an annotated tag: the object at the end of the chain of tags.
    pub peeled: Option<ObjectId>,
}

impl Snapshot {
    /// Follows tags until something else, and answers that object and its kind.
    ///
    /// Errors: `Lost` if an object does not exist, `Corrupt`, `Io`.
    pub fn peel(&self, id: &ObjectId) -> Result<(ObjectId, Kind)> {
        let mut id = *id;
        let mut data = Vec::new();
        for _ in 0..MAX_TAG_DEPTH {
            match self.header(&id)?.ok_or(Error::Lost { id })? {
                (Kind::Tag, _) => {
                    self.find(&id, &mut data)?;
                    let target = data.strip_prefix(b"object ").and_then(|rest| rest.get(..40)).and_then(id_from_hex);
                    id = target.ok_or_else(|| Error::corrupt(id.to_string(), "a tag without target"))?;
                }
                (kind, _) => return Ok((id, kind)),
            }
        }
        Err(Error::TooLarge { what: "chain of tags", limit: MAX_TAG_DEPTH as u64 })
    }

    /// Checks that a ref may point at an object: it exists, and a branch points at a commit.
    ///
    /// Errors: `MissingObject`, `WrongKind`, `Corrupt`, `Io`.
    pub fn check_tip(&self, name: &RefName, id: &ObjectId) -> Result<Tip> {
        let missing = || Error::MissingObject { id: *id, kind: "object", referenced_by: None };
        let (kind, _) = self.header(id)?.ok_or_else(missing)?;
        if name.branch().is_some() && kind != Kind::Commit {
            return Err(Error::WrongKind { id: *id, expected: Kind::Commit, actual: kind, referenced_by: None });
        }
        let peeled = if kind == Kind::Tag { Some(self.peel(id)?.0) } else { None };
        Ok(Tip { kind, peeled })
    }
}
