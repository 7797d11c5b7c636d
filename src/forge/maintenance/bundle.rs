//! Bundles: when one is made, and the making. Owns the decision; the file is the engine's (`atomicqms_git::bundle`).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_actors::RepositoryHandle;
use atomicqms_git as git;

use super::Settings;
use super::run::{Result, Runner};

/// A bundle is made anew when the repository has grown to so many percent of it: what clients fetch besides would be more than that.
const GROWN_PERCENT: u64 = 125;

/// Whether a bundle is worth making: plain data in and out.
///
/// Shape: sizes in bytes; `newest` is that of the bundle there is, if it may still be given away.
fn is_due(settings: &Settings, repository_bytes: u64, newest: Option<u64>) -> bool {
    if !settings.makes_bundles || repository_bytes < settings.bundle_min_bytes {
        return false;
    }
    newest.is_none_or(|bytes| u128::from(repository_bytes) * 100 >= u128::from(bytes) * u128::from(GROWN_PERCENT))
}

impl Runner {
    /// Removes bundles that may not be given away any more, and makes a new one when it is due or, if bundles are made at all, `at_once`.
    ///
    /// Shape: answers whether one was made.
    /// Errors: those of the engine.
    pub async fn bundle(&self, handle: &RepositoryHandle, stop: &Arc<AtomicBool>, at_once: bool) -> Result<bool> {
        let (runner, handle, stop) = (self.clone(), handle.clone(), Arc::clone(stop));
        tokio::task::spawn_blocking(move || runner.bundle_now(&handle, &stop, at_once)).await?
    }

    fn bundle_now(&self, handle: &RepositoryHandle, stop: &AtomicBool, at_once: bool) -> Result<bool> {
        let (settings, git, view) = (&self.0.settings, handle.git(), handle.view());
        let mut current = Vec::new();
        for bundle in git.bundles().iter() {
            if settings.makes_bundles && bundle.is_current(&view, stop)? {
                current.push(bundle.creation_token());
            }
        }
        git.retain_bundles(|bundle| current.contains(&bundle.creation_token()))?;
        let newest = git.bundles().first().map(|bundle| bundle.bytes());
        let is_due = is_due(settings, view.odb.size_bytes(), newest) || at_once && settings.makes_bundles;
        if !is_due || view.refs.is_empty() {
            return Ok(false);
        }
        let now_s = u64::try_from(self.0.clock.now().get() / 1000).unwrap_or(0);
        let limits = git::Limits::default();
        let made = match git.write_bundle(&view, &limits, now_s, stop) {
            Ok(made) => made,
            // Neither branches nor tags.
            Err(git::Error::BadRequest { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        metrics::counter!("atomicqms_maintenance_bundles_total").increment(1);
        tracing::info!(repo.id = handle.id(), bytes = made.bytes(), "a bundle was made");
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_due_when_it_saves_enough() {
        let settings = Settings { bundle_min_bytes: 100, ..Settings::default() };
        assert!(!is_due(&settings, 99, None));
        assert!(is_due(&settings, 100, None));
        assert!(!is_due(&settings, 124, Some(100)));
        assert!(is_due(&settings, 125, Some(100)));
        assert!(is_due(&settings, u64::MAX, Some(1)));
        let off = Settings { makes_bundles: false, ..settings };
        assert!(!is_due(&off, 1_000, None));
    }
}
