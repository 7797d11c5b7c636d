//! The writing scenario: one commit a push, on a branch that belongs to one connection of one session.
//!
//! Owns the branch's history and removing it afterwards. Called by `scenario`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::client::Client;
use crate::options::Options;
use crate::pack::{ObjectId, build};
use crate::scenario::{Done, RECEIVE_REQUEST, UPLOAD_REQUEST, read};
use crate::target::{Call, Target};
use crate::wire::push;

/// Commits carry this time plus their number: a generator needs no wall clock.
const FIRST_COMMIT_TIME: u64 = 1_767_225_600;

/// Distinguishes the branches of a session, over connections, repetitions and restarts.
static NEXT_BRANCH: AtomicU64 = AtomicU64::new(0);

/// The branch that one connection pushes to.
#[derive(Debug)]
pub(crate) struct PushState {
    target: Arc<Target>,
    repository_path: String,
    session: String,
    branch: String,
    tip: Option<ObjectId>,
    /// What the branch's first commit follows.
    parent: Option<ObjectId>,
    commits: u64,
    /// Content of the file, of which each commit changes the beginning; random, so that it does not compress away.
    content: Vec<u8>,
    packer: build::Packer,
}

impl PushState {
    /// Starts a branch of repository `n` that does not exist yet, on `parent` or without history.
    ///
    /// Errors: no repository was given, no randomness to be had.
    pub(crate) fn new(
        target: &Arc<Target>,
        repo: &str,
        n: usize,
        session: &str,
        file_size: usize,
        parent: Option<ObjectId>,
    ) -> Result<Self, String> {
        let repository_path = target.repository_path(repo, n)?;
        let mut content = vec![0; file_size.max(64)];
        getrandom::fill(&mut content).map_err(|e| format!("no randomness: {e}"))?;
        for byte in &mut content {
            *byte = b"0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ\n"[usize::from(*byte % 64)];
        }
        let mut state = Self {
            target: Arc::clone(target),
            repository_path,
            session: session.to_owned(),
            branch: String::new(),
            tip: None,
            parent,
            commits: 0,
            content,
            packer: build::Packer::new(),
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
        let (id, objects) =
            build::commit_of_file("load.md", self.content.clone(), self.tip.or(self.parent), time, &message);
        let pack = self.packer.pack(&objects);
        let body = push::request(self.tip.unwrap_or(ObjectId::ZERO), id, &self.branch, &pack);
        let call = receive_call(&self.target, &self.repository_path, &body)?;
        let start = Instant::now();
        let answer = client.fetch(&call).await?;
        push::check_report(answer.body, &self.branch)?;
        self.tip = Some(id);
        let first_byte = answer.first_byte_at - start;
        let items = objects.len() as u64;
        Ok(Done { bytes_in: answer.bytes, bytes_out: call.body_bytes, items, first_byte, timed: None })
    }

    /// Where the branch points, once something was pushed.
    pub(crate) fn tip(&self) -> Option<ObjectId> {
        self.tip
    }

    /// POST of a v2 command to the same repository.
    pub(crate) fn upload_call(&self, body: &[u8]) -> Result<Call, String> {
        self.target.post(&format!("{}/git-upload-pack", self.repository_path), UPLOAD_REQUEST, true, body)
    }
}

fn receive_call(target: &Target, repository_path: &str, body: &[u8]) -> Result<Call, String> {
    target.post(&format!("{repository_path}/git-receive-pack"), RECEIVE_REQUEST, false, body)
}

/// Deletes the branches of a session from every repository it pushed to.
///
/// A server may keep some: the first branch of an empty repository is often made its default, which none deletes.
/// Errors: how many stayed and why the first one did, or that the branches cannot be listed.
pub(crate) async fn delete_branches(options: &Arc<Options>, target: &Arc<Target>, session: &str) -> Result<(), String> {
    let mut client = Client::new(Arc::clone(target));
    let prefix = format!("refs/heads/load-{session}-");
    let mut refusals = Vec::new();
    for n in 0..options.repository_count() {
        let refs = read::list_refs(&mut client, options, target, n).await?;
        let path = target.repository_path(&options.repo, n)?;
        for found in refs.iter().filter(|r| r.name.starts_with(&prefix)) {
            let body = push::request(found.id, ObjectId::ZERO, &found.name, &[]);
            let report = client.fetch(&receive_call(target, &path, &body)?).await?.body;
            refusals.extend(push::check_report(report, &found.name).err());
        }
    }
    match refusals.first() {
        None => Ok(()),
        Some(first) => Err(format!("{} not deleted: {first}", refusals.len())),
    }
}
