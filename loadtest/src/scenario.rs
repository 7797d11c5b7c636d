//! The scenarios by name: what is prepared once, and what one operation on one connection is.
//!
//! Owns choosing requests and checking answers. Pacing and counting are in `load`. Called by `main` and `load`.

mod push;
mod read;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::ValueEnum;

use crate::client::{Call, Client};
use crate::options::Options;
use crate::scenario::push::PushState;
use crate::target::Target;

/// Content type of a v2 command, and of a push.
const UPLOAD_REQUEST: &str = "application/x-git-upload-pack-request";
const RECEIVE_REQUEST: &str = "application/x-git-receive-pack-request";

/// A scenario's name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScenarioName {
    /// GET info/refs for upload-pack, protocol v2.
    InfoRefs,
    /// The v2 `ls-refs` command: branches, tags and HEAD.
    LsRefs,
    /// v2 fetch of all branches and tags with nothing at hand; the pack is checked.
    Clone,
    /// v2 fetch of the default branch, `--behind` commits behind.
    Fetch,
    /// One commit a push, each connection to a branch of its own.
    Push,
    /// GET of a JSON list (`--path`).
    Api,
}

impl std::fmt::Display for ScenarioName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InfoRefs => "info-refs",
            Self::LsRefs => "ls-refs",
            Self::Clone => "clone",
            Self::Fetch => "fetch",
            Self::Push => "push",
            Self::Api => "api",
        })
    }
}

/// One operation that ended well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    /// Body bytes received.
    pub(crate) bytes_in: u64,
    /// Body bytes sent.
    pub(crate) bytes_out: u64,
    /// Objects of the pack, refs of the list, objects pushed, or 1.
    pub(crate) items: u64,
    /// From the start of the (last) request to the first byte of its body.
    pub(crate) first_byte: Duration,
}

/// What every connection of a scenario shares, found out once.
#[derive(Debug)]
pub(crate) struct Prepared {
    name: ScenarioName,
    /// Request bodies by connection, or one for all.
    bodies: Vec<Bytes>,
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
        let repositories = if options.repo.contains("{n}") { options.connections.max(1) } else { 1 };
        let mut bodies = Vec::new();
        if matches!(name, ScenarioName::Clone | ScenarioName::Fetch) {
            for n in 0..repositories {
                bodies.push(read::prepare(name, options, target, n).await?);
            }
        }
        Ok(Self { name, bodies, session })
    }

    /// What connection `n` does.
    ///
    /// Errors: the options do not fit the scenario.
    pub(crate) fn worker(&self, n: usize, options: &Arc<Options>, target: &Arc<Target>) -> Result<Worker, String> {
        let body = self.bodies.get(n).or_else(|| self.bodies.first()).cloned();
        let (service, job) = match (self.name, body) {
            (ScenarioName::Api, _) => {
                let path = format!("{}{}", target.prefix, options.path);
                (None, Job::Api(Call { body: None, path, media: "application/json", protocol_v2: false }))
            }
            (ScenarioName::InfoRefs, _) => {
                (None, Job::InfoRefs(read::info_refs_call(options, target, n, "git-upload-pack")?))
            }
            (ScenarioName::LsRefs, _) => {
                (Some("git-upload-pack"), Job::LsRefs(read::ls_refs_call(options, target, n)?))
            }
            (ScenarioName::Clone | ScenarioName::Fetch, Some(body)) => {
                (Some("git-upload-pack"), Job::Pack(read::upload_call(options, target, n, body)?))
            }
            (ScenarioName::Push, _) => {
                let path = target.repository_path(&options.repo, n)?;
                (Some("git-receive-pack"), Job::Push(Box::new(PushState::new(path, &self.session, options.file_size)?)))
            }
            (ScenarioName::Clone | ScenarioName::Fetch, None) => return Err("nothing was prepared".into()),
        };
        let handshake = match service {
            Some(service) if options.handshake => Some((service, read::info_refs_call(options, target, n, service)?)),
            _ => None,
        };
        Ok(Worker { client: Client::new(Arc::clone(target)), handshake, job, verify: options.verify })
    }

    /// Removes what the scenario left on the server; says so when it cannot.
    pub(crate) async fn clean_up(&self, options: &Arc<Options>, target: &Arc<Target>) {
        if self.name == ScenarioName::Push
            && !options.keep
            && let Err(text) = push::delete_branches(options, target, &self.session).await
        {
            crate::progress::clear();
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("loadtest: branches refs/heads/load-{}-*: {text}\n", self.session).as_bytes(),
            );
        }
    }
}

/// One connection and the operation it repeats.
pub(crate) struct Worker {
    client: Client,
    handshake: Option<(&'static str, Call)>,
    job: Job,
    verify: bool,
}

enum Job {
    Api(Call),
    InfoRefs(Call),
    LsRefs(Call),
    Pack(Call),
    Push(Box<PushState>),
}

impl Worker {
    /// Does one operation.
    ///
    /// Errors: anything but the complete, correct answer.
    pub(crate) async fn step(&mut self) -> Result<Done, String> {
        let mut extra = 0;
        if let Some((service, call)) = &self.handshake {
            extra = read::info_refs(&mut self.client, call, service).await?.bytes_in;
        }
        let mut done = match &mut self.job {
            Job::Api(call) => api(&mut self.client, call).await?,
            Job::InfoRefs(call) => read::info_refs(&mut self.client, call, "git-upload-pack").await?,
            Job::LsRefs(call) => read::ls_refs(&mut self.client, call).await?,
            Job::Pack(call) => read::receive_pack(&mut self.client, call, self.verify, &mut |_| {}).await?,
            Job::Push(state) => state.push(&mut self.client).await?,
        };
        done.bytes_in += extra;
        Ok(done)
    }

    /// Starts afresh after a failure: a new connection, and for pushes a new branch.
    pub(crate) fn reset(&mut self) {
        self.client.close();
        if let Job::Push(state) = &mut self.job {
            state.restart();
        }
    }
}

async fn api(client: &mut Client, call: &Call) -> Result<Done, String> {
    let start = Instant::now();
    let (body, first_byte_at) = client.send(call).await?.collect().await?;
    let items = match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(serde_json::Value::Array(list)) => list.len() as u64,
        Ok(_) => 1,
        Err(e) => return Err(format!("the answer is no JSON: {e}")),
    };
    Ok(Done { bytes_in: body.len() as u64, bytes_out: 0, items, first_byte: first_byte_at - start })
}
