//! Which bundles of a repository may be given away now. Owns the question asked before each use: a bundle is older than the refs.
//!
//! Called on a blocking thread by `http/git`. Deny on any error.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_git::bundle::StoredBundle;
use atomicqms_git::upload::BundleOffer;
use atomicqms_git::{Repository, View};

/// Where bundles are served, below the address of a repository.
pub const DIRECTORY: &str = "bundles";

/// Answers those whose whole content the refs of `view` reach.
pub fn current(git: &Repository, view: &Arc<View>, interrupt: &AtomicBool) -> Vec<Arc<StoredBundle>> {
    let is_current = |bundle: &Arc<StoredBundle>| {
        bundle.is_current(view, interrupt).unwrap_or_else(|error| {
            tracing::warn!(file.path = %bundle.path().display(), %error, "a bundle is not offered");
            false
        })
    };
    git.bundles().iter().filter(|bundle| is_current(bundle)).cloned().collect()
}

/// What clients are told of them. The paths are relative to the address of the repository.
pub fn offers(git: &Repository, view: &Arc<View>, interrupt: &AtomicBool) -> Vec<BundleOffer> {
    let offer = |bundle: Arc<StoredBundle>| BundleOffer {
        id: format!("all-{}", bundle.creation_token()),
        uri: format!("{DIRECTORY}/{}", bundle.file_name()),
        creation_token: bundle.creation_token(),
    };
    current(git, view, interrupt).into_iter().map(offer).collect()
}
