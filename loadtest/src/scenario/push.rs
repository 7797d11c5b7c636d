//! The writing scenario: one commit a push, on a branch that belongs to one connection of one session.
//!
//! Owns the branch's history and removing it afterwards. Called by `scenario`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::client::{Call, Client};
use crate::options::Options;
use crate::pack::{ObjectId, build};
use crate::scenario::{Done, RECEIVE_REQUEST, read};
use crate::target::Target;
use crate::wire::push;

/// Commits carry this time plus their number: a generator needs no wall clock.
const FIRST_COMMIT_TIME: u64 = 1_767_225_600;

/// Distinguishes the branches of a session, over connections, repetitions and restarts.
static NEXT_BRANCH: AtomicU64 = AtomicU64::new(0);

/// The branch that one connection pushes to.
#[derive(Debug)]
pub(crate) struct PushState {
    repository_path: String,
    session: String,
    branch: String,
    tip: Option<ObjectId>,
    commits: u64,
    /// Content of the file, of which each commit changes the beginning; random, so that it does not compress away.
    content: Vec<u8>,
}

impl PushState {
    /// Starts a branch that does not exist yet.
    ///
    /// Errors: no randomness to be had.
    pub(crate) fn new(repository_path: String, session: &str, file_size: usize) -> Result<Self, String> {
        let mut content = vec![0; file_size.max(64)];
        getrandom::fill(&mut content).map_err(|e| format!("no randomness: {e}"))?;
        for byte in &mut content {
            *byte = b"0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"[usize::from(*byte % 64)];
        }
        let mut state = Self {
            repository_path,
            session: session.to_owned(),
            branch: String::new(),
            tip: None,
            commits: 0,
            content,
        };
        state.restart();
        Ok(state)
    }

    /// Takes a new branch: after a failure nobody knows where the old one points.
    pub(crate) fn restart(&mut self) {
        let number = NEXT_BRANCH.fetch_add(1, Ordering::Relaxed);
        self.branch = format!("refs/heads/load-{}-{number}", self.session);
        self.tip = None;
    }

    /// Pushes one commit and checks the report.
    pub(crate) async fn push(&mut self, client: &mut Client) -> Result<Done, String> {
        self.commits += 1;
        let mark = format!("{} {:020}\n", self.branch, self.commits);
        for (slot, byte) in self.content.iter_mut().zip(mark.bytes()) {
            *slot = byte;
        }
        let time = FIRST_COMMIT_TIME + self.commits;
        let message = format!("Load commit {}", self.commits);
        let (id, objects) = build::commit_of_file("load.md", self.content.clone(), self.tip, time, &message);
        let pack = build::pack(&objects);
        let body = push::request(self.tip.unwrap_or(ObjectId::ZERO), id, &self.branch, &pack);
        let bytes_out = body.len() as u64;
        let start = Instant::now();
        let answer = client.send(&receive_call(&self.repository_path, body)).await?;
        let (report, first_byte_at) = answer.collect().await?;
        push::check_report(&report, &self.branch)?;
        self.tip = Some(id);
        let first_byte = first_byte_at - start;
        Ok(Done { bytes_in: report.len() as u64, bytes_out, items: objects.len() as u64, first_byte })
    }
}

fn receive_call(repository_path: &str, body: bytes::Bytes) -> Call {
    let path = format!("{repository_path}/git-receive-pack");
    Call { body: Some(body), path, media: RECEIVE_REQUEST, protocol_v2: false }
}

/// Deletes the branches of a session from every repository it pushed to.
///
/// A server may keep some: the first branch of an empty repository is often made its default, which none deletes.
/// Errors: how many stayed and why the first one did, or that the branches cannot be listed.
pub(crate) async fn delete_branches(options: &Arc<Options>, target: &Arc<Target>, session: &str) -> Result<(), String> {
    let repositories = if options.repo.contains("{n}") { options.connections.max(1) } else { 1 };
    let mut client = Client::new(Arc::clone(target));
    let prefix = format!("refs/heads/load-{session}-");
    let mut refusals = Vec::new();
    for n in 0..repositories {
        let refs = read::list_refs(&mut client, options, target, n).await?;
        let path = target.repository_path(&options.repo, n)?;
        for found in refs.iter().filter(|r| r.name.starts_with(&prefix)) {
            let body = push::request(found.id, ObjectId::ZERO, &found.name, &[]);
            let (report, _) = client.send(&receive_call(&path, body)).await?.collect().await?;
            refusals.extend(push::check_report(&report, &found.name).err());
        }
    }
    match refusals.first() {
        None => Ok(()),
        Some(first) => Err(format!("{} not deleted: {first}", refusals.len())),
    }
}
