//! What a push is and what follows from it, for every transport.
//!
//! Owns the order of a push: plan the commands, index the pack, check the tips, let the repository actor commit, report. Owns no
//! wire format and no rights of its own: the permit was given by the gate and is confirmed inside the commit transaction.
//! Called by `transport/receive.rs`.

mod ahead;
mod certificate;
mod commit;
mod create;
mod facts;
mod leave;
mod nonce;
mod openpgp;
mod plan;
mod policy;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::repository::{EditOutcome, RepositoryHandle, UpdateRefs};
use atomicqms_git::odb::Snapshot;
use atomicqms_git::receive::{CommandOutcome, CommandReport, ReceiveRequest};
use atomicqms_git::{Incoming, Ingested, PackSource, Progress, RefEdit, RefName, View};

pub use self::ahead::take_in;
use self::certificate::Evidence;
pub use self::certificate::FindSigner;
pub(super) use self::commit::record_ref;
use self::commit::{CommitPush, Growth};
pub use self::create::{create, may_create};
use self::facts::Facts;
pub use self::leave::Leave;
pub(super) use self::leave::confirm_source;
pub use self::nonce::{NonceStatus, Nonces};
use self::openpgp::Held;
pub use self::plan::HIDDEN_FROM_PUSH;
use self::plan::Planned;
pub use self::policy::{MAX_REMEMBERED, Purpose, refusal_line};
use crate::access::Client;
use crate::error::{Error, Kind, Result};
use crate::forge::intake::Intake;
use crate::forge::maintenance::Asked;
use crate::forge::protection::{self, Rules};
use crate::forge::{Forge, signatures};
use crate::memory;
use crate::model::Repository;

/// What clients are told when a command failed only because another one did.
const ATOMIC_FAILURE: &str = "atomic push failed";

/// One push, completely received.
pub struct Push {
    /// Leave to push.
    pub permit: Leave,
    /// The repository.
    pub handle: RepositoryHandle,
    /// Commands and capabilities.
    pub request: ReceiveRequest,
    /// The pack, when one was sent.
    pub pack: Option<(Incoming, PackSource)>,
    /// What the refs are moved for.
    pub purpose: Purpose,
}

/// What the client is told.
#[derive(Debug)]
pub struct PushReport {
    /// Whether the pack was accepted; the text goes to the client.
    pub unpack: std::result::Result<(), String>,
    /// One line a command, in the order of the request.
    pub commands: Vec<CommandReport>,
    /// Objects in the pack.
    pub objects: u64,
    /// A rule refused a change.
    pub is_denied: bool,
    /// What sort of failure refused the push as a whole, when one did.
    pub fault: Option<Kind>,
}

/// Called with the progress of indexing, on a blocking thread.
pub type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// Why a push could not be taken in, before it is put into words.
enum Fault {
    /// The engine's own error.
    Engine(atomicqms_git::Error),
    /// Anything else.
    Server(Error),
}

/// A failure that all commands share.
struct Failure {
    unpack: Option<String>,
    reason: String,
    kind: Kind,
}

/// Lands a push, or refuses it with nothing changed.
///
/// Shape: never fails as a whole: every way it can end is a report. Must not be cancelled half way, so callers run it as a
/// detached task.
pub async fn land(forge: &Forge, intake: &Intake, push: Push, on_progress: OnProgress) -> PushReport {
    let deadline = intake.deadline();
    let Push { permit, handle, mut request, pack, purpose } = push;
    let repository = permit.subject().repository.clone();
    let evidence = match request.certificate.take() {
        None => None,
        Some(certificate) => {
            let nonce = intake.nonces().check(repository.id, certificate.nonce.as_deref(), forge.clock.now());
            match Evidence::examine(forge, *certificate, nonce).await {
                Ok(evidence) => Some(evidence),
                Err(reason) => {
                    tracing::info!("push refused: {reason}");
                    return failed(&request, &Failure { unpack: None, reason, kind: Kind::Invalid });
                }
            }
        }
    };
    // What cannot be asked about is refused.
    let known = match protection::rules_of(forge, repository.id).await {
        Ok(rules) => rules,
        Err(error) => {
            let kind = error.kind();
            return failed(&request, &Failure { unpack: None, reason: told(&error), kind });
        }
    };
    let view = handle.view();
    let mut planned = plan::plan(&request.commands, &view, &purpose);
    refuse_together(&mut planned, request.capabilities.atomic);

    let checked = if planned.iter().any(|command| matches!(command, Planned::Edit(_))) {
        check(intake, Client::of(permit.caller()), &view, planned, pack, &known, on_progress).await
    } else {
        Ok(Checked { planned, ingested: None, facts: HashMap::new(), held: None })
    };
    let checked = match checked {
        Ok(checked) => openpgp::verify(forge, &view, checked).await,
        Err(fault) => Err(fault),
    };
    let Checked { mut planned, ingested, facts, .. } = match checked {
        Ok(checked) => checked,
        Err(fault) => {
            let kind = fault.kind();
            let reason = unpack_failure(forge, &repository, fault).await;
            return failed(&request, &Failure::unpack(reason, kind));
        }
    };
    refuse_together(&mut planned, request.capabilities.atomic);
    let objects = ingested.as_ref().map_or(0, |ingested| ingested.stats().objects);

    let edits: Vec<RefEdit> = planned.iter().filter_map(Planned::edit).cloned().collect();
    let growth = ingested.as_ref().map(|ingested| Growth {
        total_bytes: ingested.snapshot().size_bytes(),
        added_bytes: ingested.stats().pack_bytes,
        limit_bytes: forge.settings.max_repository_bytes,
    });
    // Asked again in the commit; here, before the pack is moved in.
    if let Some(Err(reason)) = growth.map(|growth| growth.check(repository.size_bytes)) {
        tracing::info!("push refused: {reason}");
        return failed(&request, &Failure::unpack(reason, Kind::TooLarge));
    }
    let packs = ingested.as_ref().map_or(0, |ingested| count_files(ingested.snapshot()));
    let asked = Asked::by_push(&forge.settings.maintenance, packs, &edits);
    let denied = Arc::new(OnceLock::new());
    let commit = CommitPush {
        permit,
        clock: Arc::clone(&forge.clock),
        growth,
        asked,
        push_options: request.push_options.iter().map(|option| String::from_utf8_lossy(option).into_owned()).collect(),
        evidence,
        find_signer: signatures::account_of_key,
        purpose: purpose.clone(),
        is_atomic: request.capabilities.atomic,
        known,
        facts,
        denied: Arc::clone(&denied),
    };
    let mut outcomes =
        match update(&handle, edits.clone(), request.capabilities.atomic, ingested, commit, deadline).await {
            Ok(outcomes) => {
                let has_landed = outcomes.iter().any(EditOutcome::is_applied);
                commit::note_again(forge, &denied, has_landed, false).await;
                if asked.consolidate {
                    forge.wake_jobs();
                }
                outcomes.into_iter()
            }
            Err(fault) => {
                commit::note_again(forge, &denied, false, true).await;
                let kind = fault.kind();
                let reason = unpack_failure(forge, &repository, fault).await;
                return failed(&request, &Failure { unpack: None, reason, kind });
            }
        };
    let outcomes: Vec<CommandOutcome> = planned
        .into_iter()
        .map(|command| match command {
            Planned::Edit(_) => match outcomes.next() {
                Some(EditOutcome::Applied) => CommandOutcome::Applied,
                Some(EditOutcome::Refused { reason }) => CommandOutcome::Refused { reason },
                None => CommandOutcome::Refused { reason: "the server gave no answer for this ref".to_owned() },
            },
            Planned::Unchanged => CommandOutcome::Applied,
            Planned::Refused(reason) => CommandOutcome::Refused { reason },
        })
        .collect();
    if let Some(branch) = first_branch(&view, &request, &outcomes) {
        commit::adopt_default_branch(forge, &handle, &repository, branch, deadline).await;
    }
    if let Purpose::Rename { from, to } = &purpose
        && view.head.branch() == Some(from)
        && outcomes.iter().all(|outcome| *outcome == CommandOutcome::Applied)
        && let Ok(head) = RefName::new(&format!("refs/heads/{to}"))
    {
        commit::follow_default_branch(&handle, head, deadline).await;
    }
    forge.wake_indexing();
    let is_denied = denied.get().is_some();
    PushReport { unpack: Ok(()), commands: reports(&request, outcomes), objects, is_denied, fault: None }
}

/// How many packs of a repository are files; the others are joined when they become some.
fn count_files(objects: &Snapshot) -> usize {
    objects.packs().iter().filter(|pack| !pack.is_waiting()).count()
}

/// Commands whose tips are known to be fit, and the pack that brings their objects.
struct Checked {
    planned: Vec<Planned>,
    ingested: Option<Ingested>,
    facts: HashMap<RefName, Facts>,
    /// None: nothing was looked at, or nothing is left to be.
    held: Option<Held>,
}

/// Indexes the pack and checks every new tip, on the blocking pool.
async fn check(
    intake: &Intake,
    client: Client,
    view: &Arc<View>,
    planned: Vec<Planned>,
    pack: Option<(Incoming, PackSource)>,
    known: &Rules,
    mut on_progress: OnProgress,
) -> std::result::Result<Checked, Fault> {
    let place = intake.receive(client).await.map_err(Fault::Server)?;
    let interrupt = Arc::new(AtomicBool::new(false));
    let alarm = intake.interrupt_after_timeout(&interrupt);
    let view = Arc::clone(view);
    let rules = Arc::clone(&known.branches);
    let span = tracing::Span::current();
    let work = tokio::task::spawn_blocking(move || {
        let _entered = span.entered();
        let held = Held { _place: place, _alarm: alarm, interrupt: Arc::clone(&interrupt) };
        let ingested = match pack {
            Some((incoming, source)) => {
                // Too large for memory: so are the tables of its objects.
                let is_large = matches!(source, PackSource::Spooled);
                let outcome = incoming.ingest(source, &mut *on_progress, &interrupt);
                if is_large {
                    memory::give_back();
                }
                Some(outcome?)
            }
            None => None,
        };
        let objects = ingested.as_ref().map_or(&view.odb, Ingested::snapshot);
        let planned = planned
            .into_iter()
            .map(|command| match command {
                Planned::Edit(edit) => plan::check_tip(edit, objects),
                decided => Ok(decided),
            })
            .collect::<atomicqms_git::Result<Vec<_>>>()?;
        let mut facts = HashMap::new();
        if !rules.is_empty() {
            for edit in planned.iter().filter_map(Planned::edit) {
                facts.insert(edit.name.clone(), facts::find_out(edit, &rules, &view, objects, &interrupt)?);
            }
        }
        Ok(Checked { planned, ingested, facts, held: Some(held) })
    });
    finished(work.await)
}

/// What work on the blocking pool came to.
fn finished<T>(
    work: std::result::Result<atomicqms_git::Result<T>, tokio::task::JoinError>,
) -> std::result::Result<T, Fault> {
    match work {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Fault::Engine(error)),
        Err(panic) => Err(Fault::Server(Error::internal(panic))),
    }
}

/// Lets the repository actor commit; with nothing to change, nothing is asked of it.
async fn update(
    handle: &RepositoryHandle,
    edits: Vec<RefEdit>,
    atomic: bool,
    ingested: Option<Ingested>,
    commit: CommitPush,
    deadline: Deadline,
) -> std::result::Result<Vec<EditOutcome>, Fault> {
    if edits.is_empty() {
        return Ok(Vec::new());
    }
    let update = UpdateRefs { edits, atomic, ingested, commit: Box::new(commit), deadline };
    handle.update_refs(update).await.map_err(|error| match error {
        atomicqms_actors::Error::Git(error) => Fault::Engine(error),
        error => Fault::Server(error.into()),
    })
}

/// In an atomic push one refused command refuses all others.
fn refuse_together(planned: &mut [Planned], atomic: bool) {
    if !atomic || !planned.iter().any(|command| matches!(command, Planned::Refused(_))) {
        return;
    }
    for command in planned {
        if !matches!(command, Planned::Refused(_)) {
            *command = Planned::Refused(ATOMIC_FAILURE.to_owned());
        }
    }
}

/// Names the branch that HEAD should follow: a first push into an empty repository decides it, as Gitea does.
fn first_branch(before: &View, request: &ReceiveRequest, outcomes: &[CommandOutcome]) -> Option<RefName> {
    if before.refs.iter_prefix("refs/heads/").next().is_some() {
        return None;
    }
    let mut created: Vec<&str> = request
        .commands
        .iter()
        .zip(outcomes)
        .filter(|(command, outcome)| command.new.is_some() && **outcome == CommandOutcome::Applied)
        .filter_map(|(command, _)| std::str::from_utf8(&command.name).ok())
        .filter(|name| name.starts_with("refs/heads/"))
        .collect();
    if created.contains(&before.head.as_str()) {
        return None;
    }
    created.sort_unstable();
    let usual = ["refs/heads/main", "refs/heads/master"].into_iter().find(|name| created.contains(name));
    usual.or(created.first().copied()).and_then(|name| RefName::new(name).ok())
}

impl Failure {
    fn unpack(reason: String, kind: Kind) -> Self {
        Self { unpack: Some(reason), reason: "unpacker error".to_owned(), kind }
    }
}

impl Fault {
    /// What sort of failure it is, as the one table has it.
    fn kind(&self) -> Kind {
        match self {
            Self::Server(error) => error.kind(),
            Self::Engine(atomicqms_git::Error::TooLarge { .. }) => Kind::TooLarge,
            Self::Engine(atomicqms_git::Error::Interrupted) => Kind::Overloaded,
            Self::Engine(atomicqms_git::Error::DiskFull { .. }) => Kind::Unavailable,
            Self::Engine(error) if error.is_peer_fault() => Kind::Invalid,
            Self::Engine(_) => Kind::Internal,
        }
    }
}

/// The text a client may read about a push that was not accepted; the cause of our own faults goes to the log.
async fn unpack_failure(forge: &Forge, repository: &Repository, fault: Fault) -> String {
    let is_file_gone = matches!(&fault, Fault::Engine(atomicqms_git::Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound);
    let error = match fault {
        Fault::Server(error) if error.kind() != Kind::Internal => return told(&error),
        Fault::Server(error) => error,
        Fault::Engine(error) if error.is_peer_fault() => {
            tracing::info!(%error, "push refused");
            return error.to_string();
        }
        Fault::Engine(atomicqms_git::Error::Interrupted) => return "the push took too long".to_owned(),
        Fault::Engine(error @ atomicqms_git::Error::DiskFull { .. }) => {
            tracing::error!(%error, "push refused: storage is full");
            return "the server's storage is full".to_owned();
        }
        Fault::Engine(error) => Error::internal(error),
    };
    // Files that vanish under a push are no fault when their repository was moved or removed meanwhile.
    match changed_meanwhile(forge, repository, is_file_gone).await {
        Ok(Some(reason)) => {
            tracing::info!(error.chain = %error.log_line(), "push refused: {reason}");
            reason.to_owned()
        }
        Ok(None) | Err(_) => told(&error),
    }
}

/// Says what became of a repository since a push to it began, if it is no longer what and where it was.
///
/// Shape: with `is_file_gone`, any change of its row counts: it may have been renamed away and back.
async fn changed_meanwhile(forge: &Forge, before: &Repository, is_file_gone: bool) -> Result<Option<&'static str>> {
    let id = before.id;
    let now = forge.read("look again after a push", move |conn| Ok(crate::db::repositories::find(conn, id)?)).await?;
    Ok(match now {
        None => Some("the repository was deleted while the push was running"),
        Some(now) if now.name != before.name || now.owner_id != before.owner_id => {
            Some("the repository was renamed while the push was running; try again")
        }
        Some(now) if is_file_gone && now.updated_ms != before.updated_ms => {
            Some("the repository was changed while the push was running; try again")
        }
        Some(_) => None,
    })
}

/// The text a client may read about an error, which is logged here: in a push report it does not pass the middleware.
fn told(error: &Error) -> String {
    if error.kind() == Kind::Internal {
        tracing::error!(error.chain = %error.log_line(), "push failed");
    } else {
        tracing::info!(error.chain = %error.log_line(), "push refused");
    }
    error.public().to_owned()
}

fn failed(request: &ReceiveRequest, failure: &Failure) -> PushReport {
    let refused = CommandOutcome::Refused { reason: failure.reason.clone() };
    PushReport {
        unpack: failure.unpack.clone().map_or(Ok(()), Err),
        commands: reports(request, vec![refused; request.commands.len()]),
        objects: 0,
        is_denied: false,
        fault: Some(failure.kind),
    }
}

/// The report for a push whose pack was refused while it came in, for a reason the client may read.
pub fn not_received(request: &ReceiveRequest, reason: String) -> PushReport {
    failed(request, &Failure::unpack(reason, Kind::TooLarge))
}

/// The report for a push whose pack could not be stored as it came in.
pub async fn not_stored(
    forge: &Forge,
    repository: &Repository,
    request: &ReceiveRequest,
    error: atomicqms_git::Error,
) -> PushReport {
    let fault = Fault::Engine(error);
    let kind = fault.kind();
    failed(request, &Failure::unpack(unpack_failure(forge, repository, fault).await, kind))
}

fn reports(request: &ReceiveRequest, outcomes: Vec<CommandOutcome>) -> Vec<CommandReport> {
    let names = request.commands.iter().map(|command| command.name.clone());
    names.zip(outcomes).map(|(name, outcome)| CommandReport { name, outcome }).collect()
}

#[cfg(test)]
mod tests;
