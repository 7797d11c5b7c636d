//! Bounded intake: so many in flight, so many waiting, everybody else is told at once.
//!
//! ractor's mailboxes are unbounded, so every public way into an actor passes a gate first. A [`Pass`] travels with
//! the message and frees its place when it is dropped. A gate can be closed: idle ([`Gate::close_if_idle`]) or after
//! draining ([`Gate::drain`]); whoever finds it closed knows that nothing was accepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::{Deadline, Error, gauges};

/// Admits a bounded number of requests; cheap to clone.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    name: &'static str,
    permits: Arc<Semaphore>,
    capacity: u32,
    waiting: AtomicUsize,
    waiting_limit: usize,
    is_closing: AtomicBool,
}

/// A place in a gate; dropping it frees the place.
pub struct Pass {
    _permit: OwnedSemaphorePermit,
    name: &'static str,
}

impl Drop for Pass {
    fn drop(&mut self) {
        gauges::gate_left(self.name);
    }
}

impl Gate {
    /// Makes a gate for `in_flight` requests at once and `waiting` more in line.
    ///
    /// Shape: `in_flight` is at least 1 and is clamped to 2^20.
    #[must_use]
    pub fn new(name: &'static str, in_flight: usize, waiting: usize) -> Self {
        let capacity = u32::try_from(in_flight.clamp(1, 1 << 20)).unwrap_or(1 << 20);
        gauges::gate_opened(name);
        Self {
            inner: Arc::new(Inner {
                name,
                permits: Arc::new(Semaphore::new(capacity as usize)),
                capacity,
                waiting: AtomicUsize::new(0),
                waiting_limit: waiting,
                is_closing: AtomicBool::new(false),
            }),
        }
    }

    /// Takes a place at once.
    ///
    /// Errors: `Overloaded` (no place), `Stopped` (closed).
    pub fn enter_now(&self) -> Result<Pass, Error> {
        if self.is_closed() {
            return Err(self.stopped());
        }
        match Arc::clone(&self.inner.permits).try_acquire_owned() {
            Ok(permit) => Ok(self.admit(permit)),
            Err(TryAcquireError::Closed) => Err(self.stopped()),
            Err(TryAcquireError::NoPermits) => Err(self.overloaded()),
        }
    }

    /// Takes a place, waiting in line for it until the deadline if the line has room.
    ///
    /// Errors: `Overloaded` (line full, or deadline passed in line), `Stopped` (closed).
    pub async fn enter(&self, deadline: Deadline) -> Result<Pass, Error> {
        match self.enter_now() {
            Err(Error::Overloaded { .. }) if self.inner.waiting_limit > 0 && !self.is_closed() => {}
            decided => return decided,
        }
        let _in_line = InLine::join(&self.inner).ok_or_else(|| self.overloaded())?;
        let since = Instant::now();
        let permit = tokio::time::timeout(deadline.remaining(), Arc::clone(&self.inner.permits).acquire_owned())
            .await
            .map_err(|_| self.overloaded())?
            .map_err(|_| self.stopped())?;
        gauges::gate_waited(self.inner.name, since.elapsed());
        if self.is_closed() {
            return Err(self.stopped());
        }
        Ok(self.admit(permit))
    }

    /// Number of requests inside.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        (self.inner.capacity as usize).saturating_sub(self.inner.permits.available_permits())
    }

    /// Number of requests in line.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.waiting.load(Ordering::Relaxed)
    }

    /// Tells whether the gate admits nobody any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.is_closing.load(Ordering::Acquire)
    }

    /// Closes the gate if nobody is inside; answers whether it did.
    #[must_use]
    pub fn close_if_idle(&self) -> bool {
        let Ok(_all) = self.inner.permits.try_acquire_many(self.inner.capacity) else { return false };
        // All places are ours, so nobody is inside and nobody can come in before the flag is up.
        self.inner.is_closing.store(true, Ordering::Release);
        self.inner.permits.close();
        true
    }

    /// Closes the gate to newcomers and waits until everybody inside has left.
    ///
    /// Errors: `TimedOut`: some are still inside at the deadline; the gate stays closed.
    pub async fn drain(&self, deadline: Deadline) -> Result<(), Error> {
        self.inner.is_closing.store(true, Ordering::Release);
        let all = self.inner.permits.acquire_many(self.inner.capacity);
        let drained = tokio::time::timeout(deadline.remaining(), all).await;
        self.inner.permits.close();
        match drained {
            // A closed semaphore means that somebody else drained it.
            Ok(_) => Ok(()),
            Err(_) => Err(Error::TimedOut { what: self.inner.name }),
        }
    }

    fn admit(&self, permit: OwnedSemaphorePermit) -> Pass {
        gauges::gate_entered(self.inner.name);
        Pass { _permit: permit, name: self.inner.name }
    }

    fn overloaded(&self) -> Error {
        gauges::gate_refused(self.inner.name);
        Error::Overloaded { what: self.inner.name }
    }

    fn stopped(&self) -> Error {
        Error::Stopped { what: self.inner.name }
    }
}

/// A place in the line before a gate.
struct InLine<'a>(&'a Inner);

impl<'a> InLine<'a> {
    fn join(inner: &'a Inner) -> Option<Self> {
        inner
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                (waiting < inner.waiting_limit).then_some(waiting + 1)
            })
            .ok()?;
        Some(Self(inner))
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(10))
    }

    #[tokio::test]
    async fn a_full_gate_refuses_at_once_and_admits_after_a_pass_is_dropped() {
        let gate = Gate::new("test", 2, 0);
        let first = gate.enter_now().unwrap();
        let _second = gate.enter_now().unwrap();
        assert!(matches!(gate.enter(soon()).await, Err(Error::Overloaded { what: "test" })));
        assert_eq!(gate.in_flight(), 2);
        drop(first);
        assert!(gate.enter_now().is_ok());
    }

    #[tokio::test]
    async fn the_line_is_bounded_and_served() {
        let gate = Gate::new("test", 1, 1);
        let inside = gate.enter_now().unwrap();
        let waiter = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter(soon()).await.map(drop) }
        });
        crate::testkit::until("one waits", || (gate.waiting() == 1).then_some(())).await;
        assert!(matches!(gate.enter(soon()).await, Err(Error::Overloaded { .. })));
        drop(inside);
        waiter.await.unwrap().unwrap();
        assert_eq!(gate.waiting(), 0);
    }

    #[tokio::test]
    async fn a_passed_deadline_in_line_is_overload() {
        let gate = Gate::new("test", 1, 5);
        let _inside = gate.enter_now().unwrap();
        assert!(matches!(gate.enter(Deadline::after(Duration::ZERO)).await, Err(Error::Overloaded { .. })));
    }

    #[tokio::test]
    async fn close_if_idle_only_closes_an_empty_gate() {
        let gate = Gate::new("test", 4, 0);
        let inside = gate.enter_now().unwrap();
        assert!(!gate.close_if_idle());
        drop(inside);
        assert!(gate.close_if_idle());
        assert!(matches!(gate.enter_now(), Err(Error::Stopped { .. })));
    }

    #[tokio::test]
    async fn drain_waits_for_those_inside_and_admits_nobody_meanwhile() {
        let gate = Gate::new("test", 4, 4);
        let inside = gate.enter_now().unwrap();
        let drain = tokio::spawn({
            let gate = gate.clone();
            async move { gate.drain(soon()).await }
        });
        crate::testkit::until("closing", || gate.is_closed().then_some(())).await;
        assert!(matches!(gate.enter(soon()).await, Err(Error::Stopped { .. })));
        assert!(!drain.is_finished());
        drop(inside);
        drain.await.unwrap().unwrap();
        assert!(matches!(gate.drain(soon()).await, Ok(())), "draining twice is harmless");
    }
}
