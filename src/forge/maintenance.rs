//! When repositories are tidied, and the jobs that do it.
//!
//! Owns what a push asks for ([`Asked`]), the settings, and the run of each job: long work on the blocking pool outside of the repository's turn,
//! publishing and removing inside of it. Refuses to know packs: that is `atomicqms_git::maintenance`. Called by the runner of durable jobs and by
//! `atomicqms maintain`.

mod bundle;
mod expiry;
mod run;

use std::time::Duration;

use atomicqms_actors::sql::{self, Connection};
use atomicqms_git::RefEdit;

use crate::db;
use crate::model::{RepoId, UtcMs};

pub use run::{Runner, RunnerParts, Tidied};

/// Join packs, fold loose objects in, remove replaced files.
pub const CONSOLIDATE: &str = "repository.consolidate";
/// Move unreachable objects aside, remove expired ones.
pub const COLLECT: &str = "repository.collect";
/// Search deltas for objects stored whole.
pub const COMPRESS: &str = "repository.compress";
/// After a time without pushes: let commit-graph and bundle follow.
pub const SETTLE: &str = "repository.settle";

const DAY_MS: i64 = 86_400_000;

/// What an administrator may tune about maintenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether pushes ask for it at all.
    pub is_enabled: bool,
    /// Packs of one repository that make a push ask for consolidation.
    pub pack_threshold: usize,
    /// Packs of one repository that are joined when pushes have come to rest.
    pub quiet_pack_threshold: usize,
    /// Each pack has at least so many times the objects of the next smaller one.
    pub geometric_factor: u64,
    /// Replaced files stay so long.
    pub removal_delay: Duration,
    /// Unreachable objects stay so long. Units: days.
    pub unreachable_days: u32,
    /// Whether deltas are searched.
    pub searches_deltas: bool,
    /// Deltas are searched, and derived files follow, when nothing was pushed for so long.
    pub quiet_period: Duration,
    /// Memory of one search. Units: bytes.
    pub delta_memory_bytes: u64,
    /// Whether bundles are made for clients to download.
    pub makes_bundles: bool,
    /// Repositories smaller than this get none. Units: bytes.
    pub bundle_min_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            pack_threshold: 32,
            quiet_pack_threshold: 8,
            geometric_factor: 2,
            removal_delay: Duration::from_secs(60),
            unreachable_days: 14,
            searches_deltas: true,
            quiet_period: Duration::from_secs(600),
            delta_memory_bytes: 128 << 20,
            makes_bundles: true,
            bundle_min_bytes: 16 << 20,
        }
    }
}

impl Settings {
    /// How long unreachable objects stay. Units: milliseconds.
    fn unreachable_ms(&self) -> i64 {
        i64::from(self.unreachable_days).saturating_mul(DAY_MS)
    }
}

/// What a push asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// There are too many packs.
    pub consolidate: bool,
    /// Something may be unreachable, because a ref left it or nothing ever reached it: look when it would have expired.
    pub collect_after_ms: Option<i64>,
    /// There is something new: let derived files follow when pushes have come to rest.
    pub settle_after_ms: Option<i64>,
}

impl Asked {
    /// Decides what a push asks for: plain data in and out.
    ///
    /// Shape: `packs` is the number of packs with that of the push.
    pub fn by_push(settings: &Settings, packs: usize, edits: &[RefEdit]) -> Self {
        if !settings.is_enabled {
            return Self::default();
        }
        // A day later than the last object expires, so that one look finds everything of a busy day.
        let collect_after_ms = (!edits.is_empty()).then(|| settings.unreachable_ms().saturating_add(DAY_MS));
        let has_news = edits.iter().any(|edit| edit.new.is_some());
        let quiet_ms = i64::try_from(settings.quiet_period.as_millis()).unwrap_or(i64::MAX);
        Self {
            consolidate: packs >= settings.pack_threshold,
            collect_after_ms,
            settle_after_ms: has_news.then_some(quiet_ms),
        }
    }

    /// Writes it down in the transaction of the push.
    ///
    /// Errors: those of the database.
    pub fn schedule(self, tx: &dyn Connection, repo: RepoId, now: UtcMs) -> Result<(), sql::Error> {
        let key = repo.get().to_string();
        if self.consolidate {
            db::jobs::schedule(tx, CONSOLIDATE, &key, now, now)?;
        }
        if let Some(after_ms) = self.collect_after_ms {
            db::jobs::schedule(tx, COLLECT, &key, now.plus_ms(after_ms), now)?;
        }
        if let Some(after_ms) = self.settle_after_ms {
            db::jobs::schedule(tx, SETTLE, &key, now.plus_ms(after_ms), now)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
