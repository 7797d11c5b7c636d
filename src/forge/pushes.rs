//! What a push is and what follows from it, for every transport.
//!
//! Owns the order of a push: plan the commands, index the pack, check the tips, let the repository actor commit, report. Owns no
//! wire format and no rights of its own: the permit was given by the gate and is confirmed inside the commit transaction.
//! Called by `http/git/receive.rs`.

mod commit;
mod plan;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::repository::{EditOutcome, RepositoryHandle, UpdateRefs};
use atomicqms_git::receive::{CommandOutcome, CommandReport, ReceiveRequest};
use atomicqms_git::{Incoming, Ingested, PackSource, Progress, RefEdit, RefName, View};

use self::commit::CommitPush;
pub use self::plan::HIDDEN_FROM_PUSH;
use self::plan::Planned;
use crate::access::Permit;
use crate::access::action::PushRepository;
use crate::error::{Error, Kind, Result};
use crate::forge::Forge;
use crate::forge::intake::Intake;

/// What clients are told when a command failed only because another one did.
const ATOMIC_FAILURE: &str = "atomic push failed";

/// One push, completely received.
pub struct Push {
    /// Leave to push.
    pub permit: Permit<PushRepository>,
    /// The repository.
    pub handle: RepositoryHandle,
    /// Commands and capabilities.
    pub request: ReceiveRequest,
    /// The pack, when one was sent.
    pub pack: Option<(Incoming, PackSource)>,
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
}

/// Called with the progress of indexing, on a blocking thread.
pub type OnProgress = Box<dyn FnMut(Progress) + Send>;

/// A failure that all commands share.
struct Failure {
    unpack: Option<String>,
    reason: String,
}

/// Lands a push, or refuses it with nothing changed.
///
/// Shape: never fails as a whole: every way it can end is a report. Must not be cancelled half way, so callers run it as a
/// detached task.
pub async fn land(forge: &Forge, intake: &Intake, push: Push, on_progress: OnProgress) -> PushReport {
    let deadline = intake.deadline();
    let Push { permit, handle, request, pack } = push;
    let view = handle.view();
    let mut planned = plan::plan(&request.commands, &view);
    refuse_together(&mut planned, request.capabilities.atomic);

    let checked = if planned.iter().any(|command| matches!(command, Planned::Edit(_))) {
        check(intake, &view, planned, pack, on_progress).await
    } else {
        Ok(Checked { planned, ingested: None })
    };
    let Checked { mut planned, ingested } = match checked {
        Ok(checked) => checked,
        Err(failure) => return failed(&request, &failure),
    };
    refuse_together(&mut planned, request.capabilities.atomic);
    let objects = ingested.as_ref().map_or(0, |ingested| ingested.stats().objects);

    let edits: Vec<RefEdit> = planned.iter().filter_map(Planned::edit).cloned().collect();
    let repository = permit.subject().repository.clone();
    let commit = CommitPush::new(permit, Arc::clone(&forge.clock));
    let mut outcomes =
        match update(&handle, edits.clone(), request.capabilities.atomic, ingested, commit, deadline).await {
            Ok(outcomes) => outcomes.into_iter(),
            Err(error) => return failed(&request, &Failure { unpack: None, reason: told(&error) }),
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
    PushReport { unpack: Ok(()), commands: reports(&request, outcomes), objects }
}

/// Commands whose tips are known to be fit, and the pack that brings their objects.
struct Checked {
    planned: Vec<Planned>,
    ingested: Option<Ingested>,
}

/// Indexes the pack and checks every new tip, on the blocking pool.
async fn check(
    intake: &Intake,
    view: &Arc<View>,
    planned: Vec<Planned>,
    pack: Option<(Incoming, PackSource)>,
    mut on_progress: OnProgress,
) -> std::result::Result<Checked, Failure> {
    let pass = intake.receive().await.map_err(|error| Failure::unpack(told(&error)))?;
    let interrupt = Arc::new(AtomicBool::new(false));
    let alarm = intake.interrupt_after_timeout(&interrupt);
    let view = Arc::clone(view);
    let span = tracing::Span::current();
    let work = tokio::task::spawn_blocking(move || {
        let _entered = span.entered();
        let _kept = (pass, alarm);
        let ingested = match pack {
            Some((incoming, source)) => Some(incoming.ingest(source, &mut *on_progress, &interrupt)?),
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
        Ok(Checked { planned, ingested })
    });
    match work.await {
        Ok(Ok(checked)) => Ok(checked),
        Ok(Err(error)) => Err(Failure::unpack(unpack_failure(error))),
        Err(panic) => Err(Failure::unpack(told(&Error::internal(panic)))),
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
) -> Result<Vec<EditOutcome>> {
    if edits.is_empty() {
        return Ok(Vec::new());
    }
    let update = UpdateRefs { edits, atomic, ingested, commit: Box::new(commit), deadline };
    Ok(handle.update_refs(update).await?)
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
    fn unpack(reason: String) -> Self {
        Self { unpack: Some(reason), reason: "unpacker error".to_owned() }
    }
}

/// The text a client may read about a pack that was not accepted; the cause of our own faults goes to the log.
fn unpack_failure(error: atomicqms_git::Error) -> String {
    match &error {
        fault if fault.is_peer_fault() => {
            tracing::info!(%error, "push refused");
            fault.to_string()
        }
        atomicqms_git::Error::DiskFull { .. } => {
            tracing::error!(%error, "push refused: storage is full");
            "the server's storage is full".to_owned()
        }
        atomicqms_git::Error::Interrupted => "the push took too long".to_owned(),
        _ => told(&Error::internal(error)),
    }
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
    }
}

/// The report for a push whose pack could not be taken in at all.
pub fn not_received(request: &ReceiveRequest, reason: String) -> PushReport {
    failed(request, &Failure::unpack(reason))
}

fn reports(request: &ReceiveRequest, outcomes: Vec<CommandOutcome>) -> Vec<CommandReport> {
    let names = request.commands.iter().map(|command| command.name.clone());
    names.zip(outcomes).map(|(name, outcome)| CommandReport { name, outcome }).collect()
}

#[cfg(test)]
mod tests;
