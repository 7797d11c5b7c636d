//! Memory that request bodies may take while they arrive.
//!
//! Owns one sum over all requests and one for each client. The first bytes of a body are free, so that ordinary requests never
//! meet it; what grows beyond them is counted, and refused when the sum is spent. Called by whatever collects a body.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::Client;
use crate::error::{Error, Kind, Result};

/// Bytes of each body that are not counted: all but a few requests are smaller.
const FREE_BYTES: usize = 64 * 1024;
/// The same for bodies whose number only the limits on connections bound.
const STRICT_FREE_BYTES: usize = 4 * 1024;
/// A client may take the total divided by this.
const SHARE: usize = 4;

/// The sums; cheap to clone.
#[derive(Debug, Clone)]
pub struct BodyMemory {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    most_bytes: usize,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    total_bytes: usize,
    by_client: HashMap<Client, usize>,
}

impl Inner {
    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one body has taken; dropping it gives it back.
#[derive(Debug)]
pub struct Lease {
    inner: Arc<Inner>,
    client: Client,
    free_bytes: usize,
    counted_bytes: usize,
}

impl BodyMemory {
    /// Nothing is taken yet.
    pub fn new(most_bytes: usize) -> Self {
        Self { inner: Arc::new(Inner { most_bytes, used: Mutex::default() }) }
    }

    /// Begins a body of `client`.
    pub fn lease(&self, client: Client) -> Lease {
        Lease { inner: Arc::clone(&self.inner), client, free_bytes: FREE_BYTES, counted_bytes: 0 }
    }

    /// Begins a body of `client` that is read before any place is taken: all but the smallest is counted.
    pub fn strict_lease(&self, client: Client) -> Lease {
        let mut lease = self.lease(client);
        lease.free_bytes = STRICT_FREE_BYTES;
        lease
    }
}

impl Lease {
    /// Asks for room for a body of this length in all.
    ///
    /// Errors: `Overloaded` when the client or everybody together hold too much already; what was granted stays.
    pub fn grow_to(&mut self, body_bytes: usize) -> Result<()> {
        let more = body_bytes.saturating_sub(self.free_bytes).saturating_sub(self.counted_bytes);
        if more == 0 {
            return Ok(());
        }
        let mut used = self.inner.used();
        let total = used.total_bytes.saturating_add(more);
        let own = used.by_client.get(&self.client).copied().unwrap_or(0).saturating_add(more);
        if total > self.inner.most_bytes || own > self.inner.most_bytes / SHARE {
            return Err(Error::new(Kind::Overloaded, "too many large requests at once, try again"));
        }
        used.total_bytes = total;
        used.by_client.insert(self.client, own);
        self.counted_bytes += more;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.counted_bytes == 0 {
            return;
        }
        let mut used = self.inner.used();
        used.total_bytes = used.total_bytes.saturating_sub(self.counted_bytes);
        if let Some(own) = used.by_client.get_mut(&self.client) {
            *own = own.saturating_sub(self.counted_bytes);
            if *own == 0 {
                used.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        Client::Network(std::net::IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn small_bodies_are_free_and_large_ones_are_bounded_for_each_client_and_together() {
        const MIB: usize = 1 << 20;
        let memory = BodyMemory::new(8 * MIB);
        let small: Vec<Lease> = (0..1000)
            .map(|_| {
                let mut lease = memory.lease(client(1));
                lease.grow_to(FREE_BYTES).unwrap();
                lease
            })
            .collect();
        let large = |last| {
            let mut lease = memory.lease(client(last));
            lease.grow_to(FREE_BYTES + MIB).map(|()| lease)
        };
        let mut held: Vec<Lease> = (0..2).map(|_| large(1).unwrap()).collect();
        assert_eq!(large(1).unwrap_err().kind(), Kind::Overloaded, "its quarter is taken");
        for last in 2..5 {
            held.extend((0..2).map(|_| large(last).unwrap()));
        }
        assert_eq!(large(9).unwrap_err().kind(), Kind::Overloaded, "everything is taken");
        held.truncate(7);
        assert!(large(9).is_ok());
        drop((small, held));
        let used = memory.inner.used();
        assert_eq!((used.total_bytes, used.by_client.len()), (0, 0));
    }
}
