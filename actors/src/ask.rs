//! The only way to wait for an actor: a call with a deadline that travels in the message.
//!
//! A timed-out call still runs in ractor, so the actor looks at the deadline itself and drops what is stale before
//! it begins. Refuses to retry: only the caller knows whether its request may run twice.

use std::time::{Duration, Instant};

use ractor::{ActorRef, Message, RpcReplyPort};

use crate::Error;

/// A moment after which nobody wants the answer any more.
///
/// Units: monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// Makes a deadline that lies `after` from now.
    #[must_use]
    pub fn after(after: Duration) -> Self {
        // A duration beyond the clock's range means "practically never".
        let now = Instant::now();
        Self(now.checked_add(after).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365)))
    }

    /// Tells whether the moment has passed.
    #[must_use]
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// Time left, zero if it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The same deadline moved `later`.
    #[must_use]
    pub fn extended(self, later: Duration) -> Self {
        Self(self.0.checked_add(later).unwrap_or(self.0))
    }
}

/// Sends a message built around a reply port and waits for the reply until the deadline.
///
/// Errors: `Stopped` (target is gone, nothing was accepted), `Lost` (target died holding the message), `TimedOut`
/// (outcome unknown).
pub async fn ask<M: Message, R: Send + 'static>(
    target: &ActorRef<M>,
    what: &'static str,
    deadline: Deadline,
    build: impl FnOnce(Deadline, RpcReplyPort<R>) -> M,
) -> Result<R, Error> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    target.send_message(build(deadline, sender.into())).map_err(|_| Error::Stopped { what })?;
    wait(receiver, what, deadline).await
}

/// Waits for a reply that was asked for by other means.
pub(crate) async fn wait<R>(
    receiver: tokio::sync::oneshot::Receiver<R>,
    what: &'static str,
    deadline: Deadline,
) -> Result<R, Error> {
    match tokio::time::timeout(deadline.remaining(), receiver).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_)) => Err(Error::Lost { what }),
        Err(_) => Err(Error::TimedOut { what }),
    }
}

/// Answers a reply port; a caller that went away is nobody's problem.
pub(crate) fn reply<R>(port: RpcReplyPort<R>, value: R) {
    drop(port.send(value));
}
