//! Owns the checks of object content that `git fsck --strict` and `receive.fsckObjects` make, with git's names for the rules. Refuses to look
//! at more than one object at a time: that references exist is proved by [`crate::incoming`]. Called by the pack indexer.
//!
//! Source: git 2.39, fsck.c and fsck.h; severities as `index-pack --strict` applies them, which is what a server with
//! `receive.fsckObjects=true` runs: fatal rules, errors and warnings refuse, infos pass.

pub mod blobs;
mod commit;
mod config;
mod ident;
mod names;
mod rules;
mod tag;
mod tree;

pub use rules::{Policy, Rule, Severity};

use crate::{
    error::{Error, Result},
    id::{Kind, ObjectId},
};

/// Something that an object refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// An object that must exist and be of this kind.
    Object {
        /// The object.
        id: ObjectId,
        /// Its kind.
        kind: Kind,
    },
    /// A blob that is checked out as `.gitmodules`; it is also reported as [`Link::Object`].
    GitModules(ObjectId),
    /// A blob that is checked out as `.gitattributes`; it is also reported as [`Link::Object`].
    GitAttributes(ObjectId),
}

/// Checks the content of an object and reports everything it refers to, in one pass.
///
/// Shape: blobs have nothing to check here; `max_tree_entries` bounds trees.
/// Errors: `Fsck`, `TooLarge`.
pub fn check(
    kind: Kind,
    id: &ObjectId,
    data: &[u8],
    policy: &Policy,
    max_tree_entries: u64,
    link: &mut dyn FnMut(Link) -> Result<()>,
) -> Result<()> {
    let mut report = Report { id, policy };
    match kind {
        Kind::Blob => Ok(()),
        Kind::Tree => tree::check(data, max_tree_entries, &mut report, link),
        Kind::Commit => commit::check(data, &mut report, link),
        Kind::Tag => tag::check(data, &mut report, link),
    }
}

/// Turns broken rules into errors, as the policy has it.
struct Report<'a> {
    id: &'a ObjectId,
    policy: &'a Policy,
}

impl Report<'_> {
    /// A rule is broken; goes on if the policy lets it pass.
    fn broken(&self, rule: Rule, detail: &str) -> Result<()> {
        if self.policy.refuses(rule) { Err(self.fatal(rule, detail)) } else { Ok(()) }
    }

    /// A rule is broken so that the object cannot be read any further.
    fn fatal(&self, rule: Rule, detail: &str) -> Error {
        Error::Fsck { id: *self.id, msg_id: rule.msg_id(), detail: detail.to_owned() }
    }
}

#[cfg(test)]
mod tests;
