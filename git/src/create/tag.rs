//! Owns the text of annotated tags. Refuses to create the ref. Called by the server.

use super::{
    NewObjects,
    commit::{Ident, header},
};
use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId, kind_name},
};

/// A tag to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagDraft {
    /// What it names.
    pub target: ObjectId,
    /// The short name, without `refs/tags/`.
    pub name: String,
    /// Who made it.
    pub tagger: Ident,
    /// The message; a signature of git's kind is its last part.
    pub message: Vec<u8>,
}

impl TagDraft {
    /// The content of the object, when the target is of `kind`.
    pub fn to_bytes(&self, kind: Kind) -> Vec<u8> {
        let mut out = format!("object {}\ntype {}\n", self.target, kind_name(kind)).into_bytes();
        header(&mut out, b"tag", self.name.as_bytes());
        header(&mut out, b"tagger", self.tagger.as_bytes());
        out.push(b'\n');
        out.extend_from_slice(&self.message);
        out
    }

    /// Adds the tag to the new objects, checked.
    ///
    /// Errors: `MissingObject`, `BadRefName`, `Fsck`, `TooLarge`, `Collision`.
    pub fn write(&self, objects: &mut NewObjects) -> Result<ObjectId> {
        let missing = || Error::MissingObject { id: self.target, kind: "object", referenced_by: None };
        let (kind, _) = objects.header(&self.target)?.ok_or_else(missing)?;
        crate::RefName::new(&format!("refs/tags/{}", self.name))?;
        objects.write_checked(Kind::Tag, self.to_bytes(kind))
    }
}
