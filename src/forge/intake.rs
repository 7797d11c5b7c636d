//! How much git work runs at once, and what one peer may ask for.
//!
//! Owns the two gates (packs going out, packs coming in) and the engine's limits, made once from the settings. Shared by every
//! transport.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::gate::{Gate, Pass};
use atomicqms_git::{Limits, MemoryBudget};
use tokio::task::AbortHandle;

use crate::config;
use crate::error::Result;

/// Requests that may wait at a gate for each one that may work.
const WAITING_PER_WORKER: usize = 64;

/// Bounded intake of git work.
#[derive(Clone)]
pub struct Intake {
    uploads: Gate,
    receives: Gate,
    limits: Arc<Limits>,
    queue_timeout: Duration,
    operation_timeout: Duration,
}

/// Raises an interrupt flag when its time has passed; dropped before, it does nothing.
pub struct Alarm(AbortHandle);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Intake {
    /// Makes the gates that the settings ask for.
    pub fn new(git: &config::Git) -> Self {
        let gate = |name, at_once: usize| Gate::new(name, at_once, at_once.saturating_mul(WAITING_PER_WORKER));
        Self {
            uploads: gate("git upload", git.max_concurrent_uploads),
            receives: gate("git receive", git.max_concurrent_receives),
            limits: Arc::new(Limits {
                max_pack_bytes: git.max_push_bytes,
                max_object_bytes: git.max_object_bytes,
                max_objects: git.max_objects,
                max_unpacked_bytes: git.max_unpacked_bytes,
                memory: MemoryBudget::new(git.max_indexing_memory_bytes),
                max_commands: git.max_refs_per_push as u64,
                max_request_bytes: git.max_request_bytes as u64,
                ..Limits::default()
            }),
            queue_timeout: Duration::from_secs(git.queue_timeout_seconds),
            operation_timeout: Duration::from_secs(git.operation_timeout_seconds),
        }
    }

    /// What one peer may ask of the engine.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Waits for a place to generate a pack.
    ///
    /// Errors: `Overloaded`.
    pub async fn upload(&self) -> Result<Pass> {
        Ok(self.uploads.enter(Deadline::after(self.queue_timeout)).await?)
    }

    /// Waits for a place to index a pack.
    ///
    /// Errors: `Overloaded`.
    pub async fn receive(&self) -> Result<Pass> {
        Ok(self.receives.enter(Deadline::after(self.queue_timeout)).await?)
    }

    /// The latest moment at which an operation that begins now may commit.
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.operation_timeout)
    }

    /// Interrupts an operation that begins now when it takes too long.
    pub fn interrupt_after_timeout(&self, interrupt: &Arc<AtomicBool>) -> Alarm {
        let interrupt = Arc::clone(interrupt);
        let timeout = self.operation_timeout;
        let task = tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            interrupt.store(true, Ordering::Relaxed);
        });
        Alarm(task.abort_handle())
    }
}
