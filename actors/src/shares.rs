//! So many places for each client: nobody fills a gate alone.
//!
//! Stands before a [`crate::Gate`] that everybody shares. A client over its own share waits, or is refused, without holding
//! anything that others need. Knows clients only by a key that the caller chooses (an account, an address).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Deadline, Error, gauges};

/// Bounded places for each key; cheap to clone.
pub struct Shares<K: Eq + Hash + Clone> {
    inner: Arc<Inner<K>>,
}

impl<K: Eq + Hash + Clone> Clone for Shares<K> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<K> {
    name: &'static str,
    most: usize,
    clients: Mutex<HashMap<K, Client>>,
}

/// Places of one key; forgotten when nobody holds or awaits one.
struct Client {
    places: Arc<Semaphore>,
    /// Those inside and those in line.
    present: usize,
}

impl<K> Inner<K> {
    fn clients(&self) -> MutexGuard<'_, HashMap<K, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place of one client; dropping it frees the place.
pub struct Share<K: Eq + Hash + Clone> {
    permit: Option<OwnedSemaphorePermit>,
    key: K,
    inner: Arc<Inner<K>>,
}

impl<K: Eq + Hash + Clone> Drop for Share<K> {
    fn drop(&mut self) {
        // Freed first: whoever waits for it is counted as present.
        self.permit = None;
        let mut clients = self.inner.clients();
        if let Some(client) = clients.get_mut(&self.key) {
            client.present = client.present.saturating_sub(1);
            if client.present == 0 {
                clients.remove(&self.key);
            }
        }
    }
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// Gives every key `most` places, at least one.
    #[must_use]
    pub fn new(name: &'static str, most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self { inner: Arc::new(Inner { name, most, clients: Mutex::new(HashMap::new()) }) }
    }

    /// Takes a place of `key` at once.
    ///
    /// Errors: `Overloaded` when it has none left.
    pub fn enter_now(&self, key: K) -> Result<Share<K>, Error> {
        let (mut share, places) = self.join(key);
        share.permit = Some(places.try_acquire_owned().map_err(|_| self.overloaded())?);
        Ok(share)
    }

    /// Takes a place of `key`, waiting for one until the deadline.
    ///
    /// Errors: `Overloaded` when none came free.
    pub async fn enter(&self, key: K, deadline: Deadline) -> Result<Share<K>, Error> {
        let (mut share, places) = self.join(key);
        let waited = tokio::time::timeout(deadline.remaining(), places.acquire_owned()).await;
        // The semaphore is never closed.
        share.permit = Some(waited.map_err(|_| self.overloaded())?.map_err(|_| self.overloaded())?);
        Ok(share)
    }

    /// Tells whether somebody waits for a place of `key`.
    #[must_use]
    pub fn is_awaited(&self, key: &K) -> bool {
        self.inner.clients().get(key).is_some_and(|client| client.present > self.inner.most)
    }

    /// Number of keys that hold or await a place.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.inner.clients().len()
    }

    fn join(&self, key: K) -> (Share<K>, Arc<Semaphore>) {
        let mut clients = self.inner.clients();
        let client = clients
            .entry(key.clone())
            .or_insert_with(|| Client { places: Arc::new(Semaphore::new(self.inner.most)), present: 0 });
        client.present += 1;
        let places = Arc::clone(&client.places);
        drop(clients);
        (Share { permit: None, key, inner: Arc::clone(&self.inner) }, places)
    }

    fn overloaded(&self) -> Error {
        gauges::gate_refused(self.inner.name);
        Error::Overloaded { what: self.inner.name }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_client_fills_its_share_and_no_other() {
        let shares = Shares::new("test", 2);
        let held: Vec<_> = (0..2).map(|_| shares.enter_now("ada").unwrap()).collect();
        assert!(matches!(shares.enter_now("ada").map(drop), Err(Error::Overloaded { what: "test" })));
        let late = shares.enter("ada", Deadline::after(Duration::ZERO)).await;
        assert!(matches!(late.map(drop), Err(Error::Overloaded { .. })));
        assert!(shares.enter_now("bob").is_ok());
        drop(held);
        assert!(shares.enter_now("ada").is_ok());
    }

    #[tokio::test]
    async fn who_waits_is_served_and_nothing_is_kept_afterwards() {
        let shares = Shares::new("test", 1);
        let held = shares.enter_now(1).unwrap();
        let waiter = tokio::spawn({
            let shares = shares.clone();
            async move { shares.enter(1, Deadline::after(Duration::from_secs(10))).await.map(drop) }
        });
        crate::testkit::until("one waits", || shares.is_awaited(&1).then_some(())).await;
        drop(held);
        waiter.await.unwrap().unwrap();
        assert!(!shares.is_awaited(&1));
        assert_eq!(shares.clients(), 0);
    }
}
