//! Owns the question which packs and loose objects of a snapshot maintenance may replace. Refuses packs that are no files yet, because they are about to be
//! joined anyway, and packs that somebody marked: `.keep` says "hands off", `.promisor` that the repository is a partial clone, whose missing objects are no damage; and whatever belongs to another repository.

use std::{path::Path, sync::Arc};

use crate::{
    odb::{LooseObjects, Snapshot},
    pack::Pack,
};

/// The own objects of a repository, by what may be done with them.
pub(super) struct Local {
    /// Packs that may be replaced, newest first.
    pub(super) regular: Vec<Arc<Pack>>,
    /// Packs of unreachable objects.
    pub(super) cruft: Vec<Arc<Pack>>,
    /// Packs that must stay as they are.
    pub(super) kept: Vec<Arc<Pack>>,
    pub(super) loose: Option<Arc<LooseObjects>>,
}

impl Local {
    pub(super) fn of(objects: &Path, snapshot: &Snapshot) -> Local {
        let directory = objects.join("pack");
        let loose = snapshot.loose_in(objects).cloned();
        let mut local = Local { regular: Vec::new(), cruft: Vec::new(), kept: Vec::new(), loose };
        for pack in snapshot.packs().iter().filter(|pack| pack.path().parent() == Some(&directory)) {
            let has = |ending: &str| pack.path().with_extension(ending).exists();
            let list = if pack.is_waiting() || has("keep") || has("promisor") {
                &mut local.kept
            } else if has("mtimes") {
                &mut local.cruft
            } else {
                &mut local.regular
            };
            list.push(Arc::clone(pack));
        }
        local
    }

    pub(super) fn loose_len(&self) -> u64 {
        self.loose.as_ref().map_or(0, |loose| loose.len() as u64)
    }
}
