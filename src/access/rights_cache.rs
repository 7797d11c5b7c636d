//! What the gate learned lately: tokens with their accounts, and repositories with a caller's level in them.
//!
//! Owns when such knowledge is good: only as long as the number that moves with every change of a right ([`crate::db::rights`]) is the one that was
//! read before the rows were. A revocation through this process moves it before it is answered, one by another process within half a second.
//! Refuses to decide: the gate does, on these facts as on fresh ones. What depends on the time of day is looked at each time. Nothing that was
//! not found is remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use moka::sync::Cache;

use super::{Caller, Principal, RepoPath, RepositoryAccess};
use crate::model::{KeyId, Token, User, UserId};
use crate::telemetry::kept::KeptCounter;

/// The number before it was read for the first time, or when it cannot be read: nothing is good then.
pub const UNKNOWN: i64 = -1;

/// The number of the rights in force; cheap to clone.
#[derive(Debug, Clone)]
pub struct RightsVersion(Arc<AtomicI64>);

impl Default for RightsVersion {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(UNKNOWN)))
    }
}

impl RightsVersion {
    /// Where the writer publishes it.
    pub fn shared(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.0)
    }

    /// The number now; take it before the rows are read that are to be remembered under it.
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A token and the account it belongs to.
#[derive(Debug)]
pub struct Holder {
    /// The token.
    pub token: Token,
    /// Its account.
    pub user: Arc<User>,
}

/// Who asks, as far as a level depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Anybody,
    User(UserId),
    DeployKey(KeyId),
}

/// Something, and the number it is good for.
#[derive(Debug)]
struct AsOf<T> {
    version: i64,
    fact: Arc<T>,
}

impl<T> Clone for AsOf<T> {
    fn clone(&self) -> Self {
        Self { version: self.version, fact: Arc::clone(&self.fact) }
    }
}

/// What is remembered.
pub struct RightsCache {
    version: RightsVersion,
    tokens: Cache<[u8; 32], AsOf<Holder>>,
    levels: Cache<(Who, RepoPath), AsOf<RepositoryAccess>>,
}

impl RightsCache {
    /// Nothing is known yet. `entries`: most tokens, and most levels, that are remembered.
    pub fn new(version: RightsVersion, entries: u64) -> Self {
        Self { version, tokens: Cache::new(entries), levels: Cache::new(entries) }
    }

    /// The number now.
    pub fn version(&self) -> i64 {
        self.version.now()
    }

    /// The token with a hash, if it is known.
    pub fn token(&self, hash: &[u8; 32]) -> Option<Arc<Holder>> {
        static TALLY: Tally = Tally {
            hits: KeptCounter::new(|| lookups("token", "hit")),
            misses: KeptCounter::new(|| lookups("token", "miss")),
        };
        self.good(&TALLY, self.tokens.get(hash))
    }

    /// Remembers a token that was read after the number was `version`.
    pub fn learn_token(&self, hash: [u8; 32], version: i64, holder: Arc<Holder>) {
        self.tokens.insert(hash, AsOf { version, fact: holder });
    }

    /// A repository and the caller's level in it, if they are known.
    pub fn level(&self, caller: &Caller, path: &RepoPath) -> Option<Arc<RepositoryAccess>> {
        let key = (who(caller)?, path.clone());
        static TALLY: Tally = Tally {
            hits: KeptCounter::new(|| lookups("level", "hit")),
            misses: KeptCounter::new(|| lookups("level", "miss")),
        };
        self.good(&TALLY, self.levels.get(&key))
    }

    /// Remembers a level that was read after the number was `version`, unless it was found for a caller who is of another time.
    pub fn learn_level(&self, caller: &Caller, path: RepoPath, version: i64, access: &RepositoryAccess) {
        let is_of_now = caller.is_anonymous() || caller.rights_version() == version;
        if let Some(who) = who(caller).filter(|_| is_of_now) {
            self.levels.insert((who, path), AsOf { version, fact: Arc::new(access.clone()) });
        }
    }

    fn good<T>(&self, tally: &Tally, found: Option<AsOf<T>>) -> Option<Arc<T>> {
        let version = self.version.now();
        let good = found.filter(|found| found.version == version && version != UNKNOWN);
        let counter = if good.is_some() { &tally.hits } else { &tally.misses };
        counter.increment(1);
        good.map(|found| found.fact)
    }
}

/// The counters of one kind of lookup.
struct Tally {
    hits: KeptCounter,
    misses: KeptCounter,
}

fn lookups(what: &'static str, outcome: &'static str) -> metrics::Counter {
    metrics::counter!("atomicqms_rights_lookups_total", "what" => what, "outcome" => outcome)
}

/// Nobody remembers what the console or the server itself may do: they ask rarely. Nor what a token of some repositories only may: that is not what its
/// account may.
fn who(caller: &Caller) -> Option<Who> {
    if caller.only_repositories().is_some() {
        return None;
    }
    match caller.principal() {
        Principal::Anonymous => Some(Who::Anybody),
        Principal::User(user) => Some(Who::User(user.id)),
        Principal::DeployKey(key) => Some(Who::DeployKey(key.id)),
        Principal::Console | Principal::System => None,
    }
}

#[cfg(test)]
mod tests;
