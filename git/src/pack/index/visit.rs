//! Owns what happens to each object once its content is known: hash, object checks, references. Called by both passes.

use std::collections::BTreeSet;

use super::{Context, References};
use crate::{
    error::{Error, Result},
    fsck::{self, Link, blobs::Role},
    id::{Kind, ObjectId, hash_object},
    limits::Limits,
};

/// Holds the size of an object of known kind to its limit, best before it is inflated. Units: bytes.
pub(super) fn check_size(kind: Kind, size: u64, limits: &Limits) -> Result<()> {
    let (what, limit) = match kind {
        Kind::Blob => ("size of a file", limits.max_blob_bytes),
        Kind::Commit | Kind::Tag => ("size of a commit or tag", limits.max_commit_bytes),
        // Its entries are counted besides, once it is read.
        Kind::Tree => ("size of a tree", limits.max_tree_bytes),
    };
    if size > limit { Err(Error::TooLarge { what, limit }) } else { Ok(()) }
}

/// Collects what the objects of a pack refer to.
pub(super) struct Visitor {
    pub(super) references: References,
    pub(super) special_blobs: BTreeSet<(Role, ObjectId)>,
}

impl Visitor {
    pub(super) fn new(pack_objects: usize) -> Visitor {
        Visitor { references: References::new(pack_objects), special_blobs: BTreeSet::new() }
    }

    /// Hashes and checks an object whose entry starts at `offset`, and answers its id.
    pub(super) fn object(&mut self, context: &Context<'_>, offset: u64, kind: Kind, data: &[u8]) -> Result<ObjectId> {
        check_size(kind, data.len() as u64, context.limits)?;
        let id = hash_object(kind, data).map_err(|error| match error {
            Error::Collision { .. } => Error::Collision { offset: Some(offset) },
            other => other,
        })?;
        let Visitor { references, special_blobs } = self;
        let limits = context.limits;
        fsck::check(kind, &id, data, &limits.fsck, limits.max_tree_entries, &mut |link| {
            match link {
                Link::Object { id: target, kind } => references.insert(target, kind, id, context.base)?,
                Link::GitModules(blob) => _ = special_blobs.insert((Role::GitModules, blob)),
                Link::GitAttributes(blob) => _ = special_blobs.insert((Role::GitAttributes, blob)),
            }
            Ok(())
        })?;
        Ok(id)
    }
}
