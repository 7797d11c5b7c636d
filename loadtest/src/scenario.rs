//! The scenarios by name: what is prepared once, and what one operation on one connection is.
//!
//! Owns choosing requests and checking answers. Pacing and counting are in `load`. Called by `main` and `load`.

mod first_clone;
mod known;
mod mixed;
mod name;
mod push;
mod read;

use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::options::Options;
use crate::scenario::first_clone::FirstClone;
use crate::scenario::known::Known;
use crate::scenario::mixed::Mixed;
pub(crate) use crate::scenario::name::ScenarioName;
use crate::scenario::push::PushState;
use crate::scenario::read::Start;
use crate::target::{Call, Target};

/// Content type of a v2 command, and of a push.
const UPLOAD_REQUEST: &str = "application/x-git-upload-pack-request";
const RECEIVE_REQUEST: &str = "application/x-git-receive-pack-request";

/// One operation that ended well.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    /// Body bytes received.
    pub(crate) bytes_in: u64,
    /// Body bytes sent.
    pub(crate) bytes_out: u64,
    /// Objects of the pack, refs of the list, objects pushed, or 1.
    pub(crate) items: u64,
    /// From the start of the (last) request to the first byte of its body.
    pub(crate) first_byte: Duration,
    /// When only a part of the operation is timed: that part.
    pub(crate) timed: Option<Duration>,
}

/// What every connection of a scenario shares, found out once.
#[derive(Debug)]
pub(crate) struct Prepared {
    name: ScenarioName,
    /// What is known of the repositories, by number, or one for all.
    starts: Vec<Start>,
    /// Answers that were read in full once.
    known: Arc<Known>,
    /// Marks the branches of this session, so that cleaning up finds them and nothing else.
    session: String,
}

impl Prepared {
    /// Asks the server what the scenario needs to know.
    ///
    /// Errors: the server cannot be reached, refuses, or has nothing to fetch.
    pub(crate) async fn new(name: ScenarioName, options: &Arc<Options>, target: &Arc<Target>) -> Result<Self, String> {
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(|e| format!("no randomness: {e}"))?;
        let session = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut starts = Vec::new();
        if name.reads_packs() {
            for n in 0..options.repository_count() {
                starts.push(read::prepare(name, options, target, n).await?);
            }
        }
        Ok(Self { name, starts, known: Arc::default(), session })
    }

    /// What connection `n` does.
    ///
    /// Errors: the options do not fit the scenario.
    pub(crate) fn worker(&self, n: usize, options: &Arc<Options>, target: &Arc<Target>) -> Result<Worker, String> {
        let n = n % options.repositories.unwrap_or(usize::MAX).max(1);
        let start = self.starts.get(n).or_else(|| self.starts.first());
        let start = || start.ok_or_else(|| "nothing was prepared".to_owned());
        let pushes = |parent| PushState::new(target, &options.repo, n, &self.session, options.file_size, parent);
        let upload = Some("git-upload-pack");
        let (service, job) = match self.name {
            ScenarioName::Api => (None, Job::Api(read::get_call(options, target, n, &options.path)?)),
            ScenarioName::Static => (None, Job::Static(read::get_call(options, target, n, &options.path)?)),
            ScenarioName::InfoRefs => {
                (None, Job::InfoRefs(read::info_refs_call(options, target, n, "git-upload-pack")?))
            }
            ScenarioName::LsRefs => (upload, Job::LsRefs(read::ls_refs_call(options, target, n)?)),
            ScenarioName::Clone | ScenarioName::CloneShallow | ScenarioName::CloneBlobless | ScenarioName::Fetch => {
                (upload, Job::Pack(read::upload_call(options, target, n, &start()?.request)?))
            }
            ScenarioName::FirstClone => {
                let start = start()?;
                let state = FirstClone::new(pushes(start.tip)?, &start.wants);
                (None, Job::FirstClone(Box::new(state)))
            }
            ScenarioName::Mixed => {
                let state = Mixed::new(options, target, n, start()?, pushes(None)?)?;
                (None, Job::Mixed(Box::new(state)))
            }
            ScenarioName::Push => (Some("git-receive-pack"), Job::Push(Box::new(pushes(None)?))),
        };
        let handshake = match service {
            Some(service) if options.handshake => Some((service, read::info_refs_call(options, target, n, service)?)),
            _ => None,
        };
        let client = Client::new(Arc::clone(target));
        Ok(Worker { client, handshake, job, verify: options.verify, known: Arc::clone(&self.known) })
    }

    /// Removes what the scenario left on the server; says so when it cannot.
    pub(crate) async fn clean_up(&self, options: &Arc<Options>, target: &Arc<Target>) {
        if self.name.pushes()
            && !options.keep
            && let Err(text) = push::delete_branches(options, target, &self.session).await
        {
            crate::progress::warn(&format!("branches refs/heads/load-{}-*: {text}", self.session));
        }
    }
}

/// One connection and the operation it repeats.
pub(crate) struct Worker {
    client: Client,
    handshake: Option<(&'static str, Call)>,
    job: Job,
    verify: bool,
    known: Arc<Known>,
}

enum Job {
    Api(Call),
    Static(Call),
    InfoRefs(Call),
    LsRefs(Call),
    Pack(Call),
    Push(Box<PushState>),
    FirstClone(Box<FirstClone>),
    Mixed(Box<Mixed>),
}

impl Worker {
    /// Does one operation.
    ///
    /// Errors: anything but the complete, correct answer.
    pub(crate) async fn step(&mut self) -> Result<Done, String> {
        let mut extra = 0;
        if let Some((service, call)) = &self.handshake {
            extra = read::info_refs(&mut self.client, call, service, &self.known).await?.bytes_in;
        }
        let (client, known) = (&mut self.client, &*self.known);
        let mut done = match &mut self.job {
            Job::Api(call) => read::api(client, call).await?,
            Job::Static(call) => read::plain(client, call).await?,
            Job::InfoRefs(call) => read::info_refs(client, call, "git-upload-pack", known).await?,
            Job::LsRefs(call) => read::ls_refs(client, call, known).await?,
            Job::Pack(call) => read::receive_pack(client, call, self.verify, &mut |_| {}).await?,
            Job::Push(state) => state.push(client).await?,
            Job::FirstClone(state) => state.step(client, self.verify).await?,
            Job::Mixed(state) => state.step(client, self.verify).await?,
        };
        done.bytes_in += extra;
        Ok(done)
    }

    /// The class of the operation done last, where a scenario mixes several.
    pub(crate) fn class(&self) -> Option<&'static str> {
        match &self.job {
            Job::Mixed(state) => Some(state.class()),
            _ => None,
        }
    }

    /// Starts afresh after a failure: a new connection, and for pushes a new branch.
    pub(crate) fn reset(&mut self) {
        self.client.close();
        match &mut self.job {
            Job::Push(state) => state.restart(),
            Job::FirstClone(state) => state.restart(),
            Job::Mixed(state) => state.restart(),
            _ => {}
        }
    }
}
