//! Owns the immutable picture of one repository that readers work on. Refuses to change anything: the repository actor publishes a new
//! [`View`] after each commit. Read by advertisements, fetches and pages.

use std::sync::Arc;

use crate::{
    odb,
    refs::{RefName, RefTable},
};

/// One consistent state of a repository: refs, HEAD and the objects they reach.
///
/// Shape: every ref target and its closure exist in `odb`, because objects are published before the refs that need them.
#[derive(Debug, Clone)]
pub struct View {
    /// All refs, without HEAD.
    pub refs: RefTable,
    /// The branch HEAD points at; it may not exist yet.
    pub head: RefName,
    /// The objects.
    pub odb: Arc<odb::Snapshot>,
    /// Grows by one with each published change; keys derived data.
    pub version: u64,
}

impl View {
    /// The same refs over the objects of two repositories ([`odb::Snapshot::joined`]).
    pub fn joined(&self, other: &View) -> View {
        View { odb: Arc::new(self.odb.joined(&other.odb)), ..self.clone() }
    }

    /// The same repository for somebody who must not see some refs: they are not listed, and what only they reach cannot be fetched.
    ///
    /// Shape: costs one pass over the refs; keep the result as long as `version` does not change.
    pub fn without(&self, is_hidden: impl Fn(&RefName) -> bool) -> View {
        let kept = self.refs.iter().filter(|item| !is_hidden(&item.name)).cloned();
        View { refs: RefTable::from_refs(kept.collect()), ..self.clone() }
    }
}
