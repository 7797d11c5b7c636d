//! How much git work runs at once, and what one peer may ask for.
//!
//! Owns the two gates (packs going out, packs coming in) and the engine's limits, made once from the settings. Shared by every
//! transport.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::gate::{Gate, Pass};
use atomicqms_git::fsck::{Policy, Rule};
use atomicqms_git::{Limits, MemoryBudget};
use tokio::task::AbortHandle;

use crate::config;
use crate::error::Result;
use crate::forge::pushes::Nonces;

/// Requests that may wait at a gate for each one that may work.
const WAITING_PER_WORKER: usize = 64;

/// Bounded intake of git work.
#[derive(Clone)]
pub struct Intake {
    uploads: Gate,
    open_uploads: Gate,
    receives: Gate,
    limits: Arc<Limits>,
    nonces: Nonces,
    queue_timeout: Duration,
    operation_timeout: Duration,
}

/// A place to generate a pack, given up while the client is slow to take what is ready: otherwise a few slow readers would hold
/// every place there is.
pub struct UploadSlot {
    gate: Gate,
    pass: Option<Pass>,
    resume_by: Deadline,
    _open: Pass,
}

impl UploadSlot {
    /// Gives the place to others until [`UploadSlot::resume`].
    pub fn pause(&mut self) {
        self.pass = None;
    }

    /// Waits for a place again.
    ///
    /// Errors: `Overloaded`.
    pub async fn resume(&mut self) -> Result<()> {
        if self.pass.is_none() {
            self.pass = Some(self.gate.enter(self.resume_by).await?);
        }
        Ok(())
    }
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
            // All open uploads may wait for a place at once.
            uploads: Gate::new("git upload", git.max_concurrent_uploads, git.max_open_uploads),
            open_uploads: Gate::new("git upload open", git.max_open_uploads, 0),
            receives: gate("git receive", git.max_concurrent_receives),
            limits: Arc::new(Limits {
                max_pack_bytes: git.max_push_bytes,
                max_object_bytes: git.max_object_bytes,
                max_blob_bytes: git.max_blob_bytes,
                fsck: fsck_policy(&git.fsck_ignore),
                max_objects: git.max_objects,
                max_unpacked_bytes: git.max_unpacked_bytes,
                memory: MemoryBudget::new(git.max_indexing_memory_bytes),
                max_commands: git.max_refs_per_push as u64,
                max_request_bytes: git.max_request_bytes as u64,
                ..Limits::default()
            }),
            nonces: Nonces::new(&root_secret()),
            queue_timeout: Duration::from_secs(git.queue_timeout_seconds),
            operation_timeout: Duration::from_secs(git.operation_timeout_seconds),
        }
    }

    /// Lets the nonces of signed pushes outlive this process, and be good at every process with the same secret.
    #[must_use]
    pub fn with_root_secret(self, root_secret: &[u8]) -> Self {
        Self { nonces: Nonces::new(root_secret), ..self }
    }

    /// The nonces of signed pushes.
    pub fn nonces(&self) -> &Nonces {
        &self.nonces
    }

    /// What one peer may ask of the engine.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Waits for a place to generate a pack.
    ///
    /// Errors: `Overloaded`: too many uploads are open, or no place came free in time.
    pub async fn upload(&self) -> Result<UploadSlot> {
        let open = self.open_uploads.enter_now()?;
        let pass = self.uploads.enter(Deadline::after(self.queue_timeout)).await?;
        Ok(UploadSlot { gate: self.uploads.clone(), pass: Some(pass), resume_by: self.deadline(), _open: open })
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

/// The rules in force, less those that the settings name; the settings were checked when they were read.
fn fsck_policy(ignore: &[String]) -> Policy {
    let rules = ignore.iter().filter_map(|name| Rule::from_msg_id(name));
    Policy { tolerated: rules.filter(|rule| rule.may_be_ignored()).collect() }
}

/// A secret for this process alone.
fn root_secret() -> [u8; 32] {
    let mut secret = [0; 32];
    // Without randomness no password or token works either; nonces made from zeros would be refused after the next start.
    if let Err(error) = getrandom::fill(&mut secret) {
        tracing::error!(%error, "no randomness for the nonces of signed pushes");
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::error::Kind;

    #[tokio::test]
    async fn a_slow_reader_holds_no_place_and_open_uploads_are_bounded() {
        let mut config = Config::for_tests(std::path::Path::new("unused"));
        config.git.max_concurrent_uploads = 1;
        config.git.max_open_uploads = 2;
        let intake = Intake::new(&config.git);
        let mut slow = intake.upload().await.unwrap();
        slow.pause();
        let other = intake.upload().await.unwrap();
        assert_eq!(intake.upload().await.err().map(|error| error.kind()), Some(Kind::Overloaded));
        let resumed = tokio::spawn(async move {
            slow.resume().await.unwrap();
            slow
        });
        drop(other);
        let slow = resumed.await.unwrap();
        assert!(slow.pass.is_some());
    }
}
