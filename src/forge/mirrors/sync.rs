//! One look at a remote, and what follows from it.
//!
//! Owns the order: refs, objects, landing, default branch, record. Refs land by the path of a push, in parts, each of its own: what a rule refuses stays as it
//! is and is written into the ledger once, the others land. A failure is written into the ledger when it is the first, and when it is over.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use atomicqms_actors::error::BoxError;
use atomicqms_actors::jobs::Running;
use atomicqms_actors::repository::RepositoryHandle;
use atomicqms_actors::sql::Connection;
use atomicqms_actors::{Job, JobOutcome, RunJob};
use atomicqms_git::fetch::RemoteRefs;
use atomicqms_git::history::{LogRequest, log};
use atomicqms_git::receive::{Command, CommandOutcome, ReceiveRequest};
use atomicqms_git::{Incoming, ObjectId, PackSource, RefName, View};
use serde_json::json;

use super::Forge;
use super::plan::Plan;
use super::remote::Remote;
use crate::access::action::SyncMirror;
use crate::access::{Caller, Permit, RepoPath};
use crate::audit::{self, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::forge::code_search;
use crate::forge::intake::Intake;
use crate::forge::pushes::{self, Leave, MAX_REMEMBERED, Purpose, Push, refusal_line};
use crate::forge::repositories::{event_about, remove_unfinished};
use crate::model::mirror::Mirror;
use crate::model::{RepoId, Repository, User};

/// Refs that one transaction changes, so that others do not wait for all of a large repository.
const REFS_AT_ONCE: usize = 1000;
/// Newest commits of the branches that the remote is told of, beside their tips: it may have lost those.
const RECENT_COMMITS: usize = 256;
/// Branches whose newest commits those are.
const RECENT_BRANCHES: usize = 100;
/// How often a conversation under way looks whether it has to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A mirror that is archived, whose code is switched off, or whose owner is shut out, is looked at again after this.
const ASLEEP_MS: i64 = 86_400_000;
/// Tries of an import that a crash cut short, before it is given up, whoever is to blame.
const MAX_IMPORT_FAILURES: u32 = 8;

/// Synchronizes mirrors that are due; cheap to clone.
#[derive(Clone)]
pub struct Runner {
    // The forge knows the runner: it must not keep itself alive by it.
    forge: Weak<Forge>,
    intake: Intake,
}

impl Runner {
    /// Puts a runner together.
    pub fn new(forge: &Arc<Forge>, intake: Intake) -> Self {
        Self { forge: Arc::downgrade(forge), intake }
    }
}

impl RunJob for Runner {
    fn run(&self, job: Job, stop: Arc<AtomicBool>) -> Running {
        let Runner { forge, intake } = self.clone();
        Box::pin(async move {
            let forge = forge.upgrade().ok_or("the server stops")?;
            let id = RepoId::new(job.id);
            match run(&forge, &intake, id, Occasion::Due, &stop).await {
                // Cut short: it is due again at the next start.
                Ok(Err(_)) | Err(_) if stop.load(Ordering::Relaxed) => Err("the server stops".into()),
                // Recorded.
                Ok(_) => Ok(JobOutcome::Done),
                // Not even that could be written down: it counts where the run ends.
                Err(error) => Err(Box::new(error) as BoxError),
            }
        })
    }
}

/// Whether a look at a remote failed for reasons of our own, which say nothing of it: a server that is busy, a disk that is full, a rename under way.
fn is_our_trouble(error: &Error) -> bool {
    !matches!(error.kind(), Kind::Invalid | Kind::Locked | Kind::NotFound)
}

/// Why a remote is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Somebody waits for the repository to be made, and takes it back when that fails.
    First,
    /// It is due.
    Due,
}

/// A mirror with what it takes to keep it.
struct Subject {
    mirror: Mirror,
    repository: Repository,
    owner: User,
}

/// Synchronizes one mirror, which the caller has claimed, and records what came of it. Ends soon after `stop` is raised, with nothing recorded.
///
/// Shape: must not be cancelled half way.
/// Errors: what came of it could not be recorded; inside, recorded but on the first occasion, why it is not in step: `Invalid` when the remote is to blame.
pub(super) async fn run(
    forge: &Arc<Forge>,
    intake: &Intake,
    id: RepoId,
    occasion: Occasion,
    stop: &AtomicBool,
) -> Result<Result<()>> {
    let find = move |conn: &dyn Connection| {
        let (Some(mirror), Some(repository)) = (db::mirrors::find(conn, id)?, db::repositories::find(conn, id)?) else {
            return Ok(None);
        };
        let owner = db::users::find(conn, repository.owner_id)?.ok_or_else(Error::not_found)?;
        Ok(Some(Subject { mirror, repository, owner }))
    };
    // Deleted meanwhile.
    let Some(subject) = forge.read("mirror", find).await? else { return Ok(Ok(())) };
    let caller = Caller::system_for(Arc::new(subject.owner.clone()));
    // It failed too often without ever getting to where that is recorded.
    if subject.mirror.is_once && subject.mirror.failures >= MAX_IMPORT_FAILURES {
        give_up(forge, caller, subject.repository).await?;
        return Ok(Ok(()));
    }
    let outcome = Follower { forge, intake, caller: &caller, subject: &subject }.follow(stop).await;
    if stop.load(Ordering::Relaxed) {
        return Ok(outcome.map(drop));
    }
    let label = match &outcome {
        Ok(refused) if refused.is_empty() => "ok",
        Ok(_) => "refused",
        Err(_) => "failed",
    };
    metrics::counter!("atomicqms_mirror_syncs_total", "outcome" => label).increment(1);
    record(forge, caller, subject, occasion, outcome).await
}

/// What there is to do.
struct Compared {
    plan: Plan,
    /// Objects that are missing.
    wants: Vec<ObjectId>,
    /// Objects that the remote is told of as being here.
    haves: Vec<ObjectId>,
}

struct Follower<'a> {
    forge: &'a Arc<Forge>,
    intake: &'a Intake,
    caller: &'a Caller,
    subject: &'a Subject,
}

impl Follower<'_> {
    /// Brings the mirror in step; answers what was refused.
    async fn follow(&self, stop: &AtomicBool) -> Result<Vec<String>> {
        // Before anything is asked of the remote.
        self.permit().await?;
        let handle = self.forge.open(&self.subject.repository).await?;
        let view = handle.view();
        let timeout = self.forge.mirrors.settings().timeout;
        let received = tokio::select! {
            received = tokio::time::timeout(timeout, Box::pin(self.receive(&handle, &view))) => {
                received.map_err(|_| Error::new(Kind::Invalid, "the remote took too long"))??
            }
            () = until_stopped(stop) => return Err(Error::new(Kind::Unavailable, "the server stops")),
        };
        let Some((plan, pack)) = received else { return Ok(Vec::new()) };
        // From here on it goes to its end: each step is bounded in time and nothing waits for the remote.
        self.land(&handle, plan, pack).await
    }

    /// Asks the gate, on behalf of an owner who still stands.
    ///
    /// Errors: those of the gate; `Locked` for an owner who is shut out.
    async fn permit(&self) -> Result<Permit<SyncMirror>> {
        let Repository { owner, name, .. } = &self.subject.repository;
        let path = RepoPath::new(owner.clone(), name.clone());
        let permit = self.forge.authorize(self.caller, SyncMirror, &path).await?;
        let now = &permit.subject().repository;
        // Renamed meanwhile, and another one has its name.
        if now.id != self.subject.repository.id {
            return Err(Error::conflict("the mirror was renamed meanwhile"));
        }
        let owner = now.owner_id;
        let owner = self.forge.read("owner of a mirror", move |conn| Ok(db::users::find(conn, owner)?)).await?;
        // Nothing is done for somebody who could not do it. Organizations sign in nowhere, and are not shut out.
        if owner.is_none_or(|owner| !owner.is_organization && !owner.may_sign_in()) {
            return Err(Error::new(Kind::Locked, "the account of the mirror's owner is disabled"));
        }
        Ok(permit)
    }

    /// Asks the remote for what is missing; none: the mirror is in step.
    async fn receive(
        &self,
        handle: &RepositoryHandle,
        view: &Arc<View>,
    ) -> Result<Option<(Plan, Option<(Incoming, PackSource)>)>> {
        let (forge, mirror) = (self.forge, &self.subject.mirror);
        let mirrors = &forge.mirrors;
        let url = super::check_url(mirrors, &mirror.remote_url)?;
        let opened = match &mirror.credentials {
            Some(sealed) => {
                let opened = mirrors.sealer.open(sealed, &mirror.remote_url);
                Some(opened.ok_or_else(|| {
                    Error::new(
                        Kind::Invalid,
                        "the credentials of the remote can no longer be read: the key of this server was changed",
                    )
                })?)
            }
            None => None,
        };
        let mut remote = Remote::new(&mirrors.outbound, url, opened.as_ref(), mirrors.settings().max_refs)?;
        let (server, refs) = remote.look().await?;
        if refs.skipped > 0 {
            tracing::info!(
                repo.id = mirror.repository.get(),
                count = refs.skipped,
                "refs of a remote have names that are not allowed here"
            );
        }
        let Some(Compared { plan, wants, haves }) = self.compare(view, refs).await? else { return Ok(None) };
        if wants.is_empty() {
            return Ok(Some((plan, None)));
        }
        let incoming = handle.git().incoming(self.intake.limits());
        let source = remote.fetch(&server, &wants, &haves, &incoming).await?;
        Ok(Some((plan, Some((incoming, source)))))
    }

    /// Compares refs and objects, of which there may be many, on the blocking pool; none: the mirror is in step.
    async fn compare(&self, view: &Arc<View>, remote: RemoteRefs) -> Result<Option<Compared>> {
        let (default, prunes) = (default_branch(&self.subject.repository)?, self.subject.mirror.prunes);
        let view = Arc::clone(view);
        let work = tokio::task::spawn_blocking(move || {
            let plan = Plan::make(&view.refs, &remote, &default, prunes);
            let plan = plan.map_err(|why| Error::new(Kind::Invalid, why))?;
            if plan.is_empty() {
                return Ok(None);
            }
            let (targets, mut haves) = (plan.targets(), plan.haves(&view.refs, &default));
            let mut wants = Vec::new();
            for id in targets {
                if !view.odb.contains(&id)? {
                    wants.push(id);
                }
            }
            if !wants.is_empty() && !haves.is_empty() {
                let tips = view.refs.iter_prefix("refs/heads/").take(RECENT_BRANCHES).map(|entry| entry.target);
                let request = LogRequest { tips: tips.collect(), limit: RECENT_COMMITS, ..LogRequest::default() };
                let known: BTreeSet<ObjectId> = haves.iter().copied().collect();
                let recent = log(&view.odb, &request, &AtomicBool::new(false))?.entries;
                haves.extend(recent.into_iter().map(|entry| entry.commit).filter(|id| !known.contains(id)));
            }
            Ok(Some(Compared { plan, wants, haves }))
        });
        work.await.map_err(Error::internal)?
    }

    /// Lands all changes; answers what was refused.
    async fn land(
        &self,
        handle: &RepositoryHandle,
        plan: Plan,
        mut pack: Option<(Incoming, PackSource)>,
    ) -> Result<Vec<String>> {
        let mut refused = Vec::new();
        let Plan { commands, former_default, new_default } = plan;
        let was_empty = handle.view().refs.iter_prefix("refs/heads/").next().is_none();
        if let Some(head) = new_default.clone().filter(|_| was_empty) {
            self.move_head(handle, head).await?;
        }
        // Rules may refuse all of one part, and its pack with it, which the others need.
        if commands.len() > REFS_AT_ONCE
            && let Some(pack) = pack.take()
        {
            let taken_in = pushes::take_in(self.forge, self.intake, self.permit().await?, handle, pack).await;
            taken_in.map_err(|error| blame(error.kind(), error.public().to_owned()))?;
        }
        for part in commands.chunks(REFS_AT_ONCE) {
            self.land_part(handle, part.to_vec(), pack.take(), &mut refused).await?;
        }
        // The new default branch may be one of those that a rule refused.
        if let Some(head) = new_default.filter(|head| !was_empty && handle.view().refs.get(head.as_str()).is_some()) {
            self.move_head(handle, head).await?;
            if let Some(command) = former_default {
                self.land_part(handle, vec![command], None, &mut refused).await?;
            }
        }
        Ok(refused)
    }

    async fn land_part(
        &self,
        handle: &RepositoryHandle,
        commands: Vec<Command>,
        pack: Option<(Incoming, PackSource)>,
        refused: &mut Vec<String>,
    ) -> Result<()> {
        let known = self.subject.mirror.refused.lines().map(str::to_owned).collect();
        let values: Vec<Option<ObjectId>> = commands.iter().map(|command| command.new).collect();
        let push = Push {
            permit: Leave::Sync(self.permit().await?),
            handle: handle.clone(),
            request: ReceiveRequest { commands, ..ReceiveRequest::default() },
            pack,
            purpose: Purpose::Follow { refused: Arc::new(known) },
        };
        let report = pushes::land(self.forge, self.intake, push, Box::new(|_| {})).await;
        if let Some(kind) = report.fault {
            let words = report.unpack.err().unwrap_or_else(|| "the changes could not be written".to_owned());
            return Err(blame(kind, words));
        }
        for (command, new) in report.commands.iter().zip(values) {
            if let CommandOutcome::Refused { reason } = &command.outcome {
                refused.push(refusal_line(&String::from_utf8_lossy(&command.name), new, reason));
            }
        }
        Ok(())
    }

    /// Lets another branch be the default branch, as it is at the remote.
    async fn move_head(&self, handle: &RepositoryHandle, head: RefName) -> Result<()> {
        let Some(branch) = head.branch().map(str::to_owned) else { return Ok(()) };
        let permit = self.permit().await?;
        let now = self.forge.clock.now();
        let commit = move |tx: &dyn Connection| {
            let change = || {
                let repository = permit.confirm(tx, now)?.repository;
                db::repositories::set_default_branch(tx, repository.id, &branch, now)?;
                code_search::ask(tx, repository.id, now)?;
                let event = event_about(permit.caller(), action::REPOSITORY_EDIT, &repository)
                    .before(json!({ "default_branch": repository.default_branch }))
                    .after(json!({ "default_branch": branch }))
                    .reason("the default branch of the remote");
                audit::append(tx, now, &event)?;
                Ok::<_, Error>(())
            };
            change().map_err(|error| Box::new(error) as Box<dyn std::error::Error + Send + Sync>)
        };
        Ok(handle.set_head(head, commit, self.intake.deadline()).await?)
    }
}

/// The failure of a push, as that of a mirror: the remote sent what no push may bring, or it is ours.
fn blame(kind: Kind, words: String) -> Error {
    let is_remotes = matches!(kind, Kind::Malformed | Kind::TooLarge | Kind::Conflict);
    Error::new(if is_remotes { Kind::Invalid } else { kind }, words)
}

fn default_branch(repository: &Repository) -> Result<RefName> {
    RefName::new(&format!("refs/heads/{}", repository.default_branch)).map_err(Error::internal)
}

async fn until_stopped(stop: &AtomicBool) {
    let mut period = tokio::time::interval(LOOK_EVERY);
    while !stop.load(Ordering::Relaxed) {
        period.tick().await;
    }
}

async fn give_up(forge: &Arc<Forge>, caller: Caller, repository: Repository) -> Result<()> {
    remove_unfinished(forge, caller, repository, "the remote could not be taken over").await
}

/// Writes down what came of a look at the remote.
///
/// Errors: as [`run`]; an import that brings not everything is none.
async fn record(
    forge: &Arc<Forge>,
    caller: Caller,
    subject: Subject,
    occasion: Occasion,
    outcome: Result<Vec<String>>,
) -> Result<Result<()>> {
    let Subject { mirror, repository, .. } = &subject;
    let outcome = outcome.and_then(|refused| match refused.first() {
        // Nobody has made rules yet: it is the remote's list that does not hold together.
        Some(first) if mirror.synced_ms.is_none() => {
            Err(Error::new(Kind::Invalid, format!("the remote cannot be taken over as it is: {first}")))
        }
        _ => Ok(refused),
    });
    let error = match outcome {
        Ok(refused) => return record_success(forge, caller, subject, occasion, refused).await.map(Ok),
        Err(error) if occasion == Occasion::First => {
            tracing::info!(repo.id = repository.id.get(), error.chain = %error.log_line(), "a remote could not be taken over");
            return Ok(Err(error));
        }
        Err(error) => error,
    };
    let id = repository.id;
    let now = forge.clock.now();
    // Archived, switched off, or of somebody who was shut out: nobody waits for it.
    if matches!(error.kind(), Kind::Locked | Kind::NotFound) {
        let sleep = move |tx: &dyn Connection| Ok(db::mirrors::wait_until(tx, id, Some(now.plus_ms(ASLEEP_MS)))?);
        forge.write("mirror asleep", sleep).await?;
        return Ok(Err(error));
    }
    if mirror.is_once && mirror.failures.saturating_add(1) >= MAX_IMPORT_FAILURES {
        tracing::warn!(repo.id = id.get(), error.chain = %error.log_line(), "an import is given up");
        give_up(forge, caller, subject.repository).await?;
        return Ok(Err(error));
    }
    let is_news = mirror.last_error.is_none();
    if is_news {
        tracing::warn!(repo.id = id.get(), error.chain = %error.log_line(), "a mirror cannot follow its remote");
    } else {
        tracing::debug!(repo.id = id.get(), error.chain = %error.log_line(), "a mirror still cannot follow its remote");
    }
    let next = match is_our_trouble(&error) {
        true => Some(mirror.next_after_trouble(now)),
        false => mirror.next_after_failure(forge.mirrors.settings().retry_ms, now),
    };
    let words = match error.kind() {
        Kind::Internal => "this server failed; its log says more".to_owned(),
        _ => error.public().to_owned(),
    };
    let repository = repository.clone();
    let write = move |tx: &dyn Connection| {
        db::mirrors::record_failure(tx, id, next, &words, now)?;
        // Deleted meanwhile: then there is nothing to tell.
        if is_news && db::repositories::find(tx, id)?.is_some() {
            let event = event_about(&caller, action::MIRROR_FAIL, &repository).reason(words.as_str());
            audit::append(tx, now, &event)?;
        }
        Ok(())
    };
    forge.write("mirror failed", write).await?;
    Ok(Err(error))
}

async fn record_success(
    forge: &Forge,
    caller: Caller,
    subject: Subject,
    occasion: Occasion,
    refused: Vec<String>,
) -> Result<()> {
    let now = forge.clock.now();
    let lines = refused.iter().take(MAX_REMEMBERED).map(String::as_str).collect::<Vec<_>>().join("\n");
    if !refused.is_empty() && lines != subject.mirror.refused {
        tracing::warn!(
            repo.id = subject.repository.id.get(),
            count = refused.len(),
            "changes of a remote are refused here"
        );
    }
    let write = move |tx: &dyn Connection| {
        let id = subject.repository.id;
        let Some(mirror) = db::mirrors::find(tx, id)? else { return Ok(()) };
        let about = |what: &'static str| event_about(&caller, what, &subject.repository);
        if mirror.is_once {
            db::mirrors::forget(tx, id)?;
            let event = about(action::REPOSITORY_IMPORT).after(json!({ "remote": mirror.remote_url }));
            audit::append(tx, now, &event)?;
            return Ok(());
        }
        db::mirrors::record_success(tx, id, mirror.next(now), &lines, now)?;
        // Otherwise the claim is the runner's to end, once nothing runs any more.
        if occasion == Occasion::First {
            db::mirrors::release(tx, id)?;
        }
        // As often as a failure was told.
        if mirror.last_error.is_some() {
            audit::append(tx, now, &about(action::MIRROR_RECOVER))?;
        }
        Ok(())
    };
    forge.write("mirror in step", write).await
}
