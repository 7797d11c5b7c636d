//! Owns what happens to each object once its content is known: hash, object checks, references. Called by both passes.

use std::collections::BTreeSet;

use super::{Context, References};
use crate::{
    error::{Error, Result},
    fsck::{self, Link, blobs::Role},
    id::{Kind, ObjectId, hash_object},
};

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
        if kind == Kind::Blob && data.len() as u64 > context.limits.max_blob_bytes {
            return Err(Error::TooLarge { what: "size of a file", limit: context.limits.max_blob_bytes });
        }
        if matches!(kind, Kind::Commit | Kind::Tag) && data.len() as u64 > context.limits.max_commit_bytes {
            return Err(Error::TooLarge { what: "size of a commit or tag", limit: context.limits.max_commit_bytes });
        }
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
