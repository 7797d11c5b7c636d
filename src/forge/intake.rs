//! How much git work runs at once, and what one peer may ask for.
//!
//! Owns the gates (packs going out, packs coming in), the share each client has in them and the engine's limits, made once from the
//! settings. Shared by every transport.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::gate::{Gate, Pass};
use atomicqms_actors::{Share, Shares};
use atomicqms_git::fsck::{Policy, Rule};
use atomicqms_git::{Limits, MemoryBudget};
use tokio::task::AbortHandle;

use crate::access::Client;
use crate::config;
use crate::error::Result;
use crate::forge::gpg_keys::Challenges;
use crate::forge::pushes::Nonces;

/// Requests that may wait at a gate for each one that may work.
const WAITING_PER_WORKER: usize = 64;
/// Files that are being sent over the API, together; a larger one is sent alone. Units: bytes.
const FILE_MEMORY_BYTES: u64 = 256 << 20;

/// Bounded intake of git work.
#[derive(Clone)]
pub struct Intake {
    uploads: Gate,
    open_uploads: Gate,
    client_uploads: Shares<Client>,
    client_generators: Shares<Client>,
    receives: Gate,
    client_receives: Shares<Client>,
    open_receives: Gate,
    client_open_receives: Shares<Client>,
    listings: Gate,
    client_listings: Shares<Client>,
    file_memory: MemoryBudget,
    limits: Arc<Limits>,
    nonces: Nonces,
    challenges: Challenges,
    queue_timeout: Duration,
    operation_timeout: Duration,
}

/// A place to generate a pack, given up while the client is slow to take what is ready: otherwise a few slow readers would hold
/// every place there is.
pub struct UploadSlot {
    gate: Gate,
    shares: Shares<Client>,
    client: Client,
    place: Option<Place>,
    resume_by: Deadline,
}

/// A place among all, and in the share of one client.
pub struct Place {
    _pass: Pass,
    _share: Share<Client>,
}

/// Takes a place of the client's share first: one over its share waits there, where it is in nobody's way.
async fn enter(gate: &Gate, shares: &Shares<Client>, client: Client, by: Deadline) -> Result<Place> {
    let share = shares.enter(client, by).await?;
    Ok(Place { _pass: gate.enter(by).await?, _share: share })
}

/// A place for one open upload, from when its request has been read until its answer is taken: what it holds in memory besides the request
/// is bounded by the number of these.
pub struct OpenUpload {
    client: Client,
    _place: Place,
}

/// Those who wait for a place of an open upload or push.
#[derive(Clone)]
pub struct Crowd {
    gate: Gate,
    shares: Shares<Client>,
    client: Client,
}

impl Crowd {
    /// Whether somebody waits for the place of this client: one of the same client, or anybody when all places are taken.
    pub fn is_waiting(&self) -> bool {
        self.shares.is_awaited(&self.client) || self.gate.waiting() > 0
    }
}

impl UploadSlot {
    /// Gives the place to others until [`UploadSlot::resume`].
    pub fn pause(&mut self) {
        self.place = None;
    }

    /// Waits for a place again.
    ///
    /// Errors: `Overloaded`.
    pub async fn resume(&mut self) -> Result<()> {
        if self.place.is_none() {
            self.place = Some(enter(&self.gate, &self.shares, self.client, self.resume_by).await?);
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
    ///
    /// Shape: nonces of signed pushes outlive this process, and are good at every process with the same `root_secret`.
    pub fn new(git: &config::Git, root_secret: &[u8]) -> Self {
        let gate = |name, at_once: usize| Gate::new(name, at_once, at_once.saturating_mul(WAITING_PER_WORKER));
        Self {
            // All open uploads may wait for a place at once.
            uploads: Gate::new("git upload", git.max_concurrent_uploads, git.max_open_uploads),
            open_uploads: gate("git upload open", git.max_open_uploads),
            client_uploads: Shares::new("git upload of one client", git.max_open_uploads_per_client),
            client_generators: Shares::new("git upload at work of one client", git.max_concurrent_uploads_per_client),
            receives: gate("git receive", git.max_concurrent_receives),
            client_receives: Shares::new("git receive of one client", git.max_concurrent_receives_per_client),
            open_receives: gate("git receive open", git.max_open_receives),
            client_open_receives: Shares::new("git receive open of one client", git.max_open_receives_per_client),
            listings: gate("listing", git.max_concurrent_listings),
            client_listings: Shares::new("listing of one client", git.max_concurrent_listings_per_client),
            file_memory: MemoryBudget::new(FILE_MEMORY_BYTES),
            limits: Arc::new(Limits {
                max_pack_bytes: git.max_push_bytes,
                max_object_bytes: git.max_object_bytes,
                max_blob_bytes: git.max_blob_bytes,
                max_commit_bytes: git.max_commit_bytes,
                max_tree_bytes: git.max_tree_bytes,
                max_expansion: git.max_expansion,
                fsck: fsck_policy(&git.fsck_ignore),
                max_objects: git.max_objects,
                max_unpacked_bytes: git.max_unpacked_bytes,
                memory: MemoryBudget::new(git.max_indexing_memory_bytes),
                max_inline_pack_bytes: git.max_inline_pack_bytes,
                max_commands: git.max_refs_per_push as u64,
                max_request_bytes: git.max_request_bytes as u64,
                ..Limits::default()
            }),
            nonces: Nonces::new(root_secret),
            challenges: Challenges::new(root_secret),
            queue_timeout: Duration::from_secs(git.queue_timeout_seconds),
            operation_timeout: Duration::from_secs(git.operation_timeout_seconds),
        }
    }

    /// The nonces of signed pushes.
    pub fn nonces(&self) -> &Nonces {
        &self.nonces
    }

    /// What holders of OpenPGP keys sign to prove them.
    pub fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// What whole files that are read to be sent may take of the memory, all together; small ones are not counted.
    pub fn file_memory(&self) -> &MemoryBudget {
        &self.file_memory
    }

    /// What one peer may ask of the engine.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Waits for leave to answer a request for a pack; take it once the request is there, keep it until the answer is sent.
    ///
    /// Errors: `Overloaded`: this client, or all clients together, have too many uploads open.
    pub async fn open_upload(&self, client: Client) -> Result<OpenUpload> {
        let place = enter(&self.open_uploads, &self.client_uploads, client, self.queue_deadline()).await?;
        Ok(OpenUpload { client, _place: place })
    }

    /// Those who wait for places of open uploads, this client's or all; a client that stalls need not be borne as long then.
    pub fn upload_crowd(&self, client: Client) -> Crowd {
        Crowd { gate: self.open_uploads.clone(), shares: self.client_uploads.clone(), client }
    }

    /// Waits for a place to generate a pack, once the request has been read.
    ///
    /// Errors: `Overloaded`: no place came free in time.
    pub async fn upload(&self, open: &OpenUpload) -> Result<UploadSlot> {
        let (gate, shares, client) = (self.uploads.clone(), self.client_generators.clone(), open.client);
        let place = Some(enter(&gate, &shares, client, self.queue_deadline()).await?);
        Ok(UploadSlot { gate, shares, client, place, resume_by: self.deadline() })
    }

    /// Waits for leave to read a push; take it before reading the body, keep it until the report is made.
    ///
    /// Errors: `Overloaded`.
    pub async fn open_receive(&self, client: Client) -> Result<Place> {
        enter(&self.open_receives, &self.client_open_receives, client, self.queue_deadline()).await
    }

    /// Those who wait for places of open pushes, this client's or all.
    pub fn receive_crowd(&self, client: Client) -> Crowd {
        Crowd { gate: self.open_receives.clone(), shares: self.client_open_receives.clone(), client }
    }

    /// Waits for a place to index a pack.
    ///
    /// Errors: `Overloaded`.
    pub async fn receive(&self, client: Client) -> Result<Place> {
        enter(&self.receives, &self.client_receives, client, self.queue_deadline()).await
    }

    /// Waits for a place to list refs or read objects for an answer that is made whole; keep it until that is sent.
    ///
    /// Errors: `Overloaded`.
    pub async fn listing(&self, client: Client) -> Result<Place> {
        enter(&self.listings, &self.client_listings, client, self.queue_deadline()).await
    }

    fn queue_deadline(&self) -> Deadline {
        Deadline::after(self.queue_timeout)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::error::Kind;

    fn intake(change: impl FnOnce(&mut config::Git)) -> Intake {
        let mut config = Config::for_tests(std::path::Path::new("unused"));
        config.git.queue_timeout_seconds = 0;
        change(&mut config.git);
        Intake::new(&config.git, b"secret")
    }

    fn client(last: u8) -> Client {
        Client::Network(std::net::IpAddr::from([192, 0, 2, last]))
    }

    #[tokio::test]
    async fn a_slow_reader_holds_no_place_among_the_generators() {
        let intake = intake(|git| {
            git.max_concurrent_uploads = 1;
            git.queue_timeout_seconds = 10;
        });
        let (one, two) = (intake.open_upload(client(1)).await.unwrap(), intake.open_upload(client(2)).await.unwrap());
        let mut slow = intake.upload(&one).await.unwrap();
        slow.pause();
        let other = intake.upload(&two).await.unwrap();
        let resumed = tokio::spawn(async move {
            slow.resume().await.unwrap();
            slow
        });
        drop(other);
        let slow = resumed.await.unwrap();
        assert!(slow.place.is_some());
    }

    #[tokio::test]
    async fn no_client_takes_every_generator_or_indexer() {
        let intake = intake(|git| {
            git.max_concurrent_uploads = 4;
            git.max_concurrent_uploads_per_client = 2;
            git.max_concurrent_receives = 4;
            git.max_concurrent_receives_per_client = 2;
        });
        let (one, two) = (intake.open_upload(client(1)).await.unwrap(), intake.open_upload(client(2)).await.unwrap());
        let _held = (intake.upload(&one).await.unwrap(), intake.upload(&one).await.unwrap());
        assert_eq!(intake.upload(&one).await.err().map(|error| error.kind()), Some(Kind::Overloaded));
        assert!(intake.upload(&two).await.is_ok());
        let _held = (intake.receive(client(1)).await.unwrap(), intake.receive(client(1)).await.unwrap());
        assert_eq!(intake.receive(client(1)).await.err().map(|error| error.kind()), Some(Kind::Overloaded));
        assert!(intake.receive(client(2)).await.is_ok());
    }

    #[tokio::test]
    async fn no_client_takes_every_place() {
        let intake = intake(|git| {
            git.max_open_uploads = 4;
            git.max_open_uploads_per_client = 2;
        });
        let refused = |opened: Result<OpenUpload>| opened.err().map(|error| error.kind());
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(intake.open_upload(client(1)).await.unwrap());
        }
        assert_eq!(refused(intake.open_upload(client(1)).await), Some(Kind::Overloaded));
        for _ in 0..2 {
            held.push(intake.open_upload(client(2)).await.unwrap());
        }
        assert_eq!(refused(intake.open_upload(client(3)).await), Some(Kind::Overloaded), "all places are taken");
        assert!(!intake.upload_crowd(client(1)).is_waiting(), "nobody is left in line");
        held.clear();
        assert!(intake.open_upload(client(1)).await.is_ok());
    }
}
