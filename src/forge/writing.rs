//! Moves refs for callers that are no git clients, by the very path of a push.
//!
//! Owns the words and kinds of failures. Checks, rules, commit and ledger are those of [`pushes::land`], so that one gate judges all writers.
//! Called by `forge/{contents,branches,tags}.rs`.

use std::sync::atomic::AtomicBool;

use atomicqms_actors::RepositoryHandle;
use atomicqms_git::create::{CreateLimits, NewObjects};
use atomicqms_git::receive::{Command, CommandOutcome, PushCapabilities, ReceiveRequest};
use atomicqms_git::revision::find_revision;
use atomicqms_git::{Incoming, ObjectId, PackSource, RefName, View};

use super::Forge;
use super::intake::Intake;
use super::pushes::{self, Leave, Purpose, Push};
use crate::access::action::PushRepository;
use crate::access::{Caller, Permit};
use crate::error::{Error, Kind, Result};
use crate::model::User;

/// One change of a ref, with the value that the writer saw.
#[derive(Debug, Clone)]
pub(super) struct RefWrite {
    /// Which.
    pub(super) name: RefName,
    /// Before; none: it must not exist.
    pub(super) old: Option<ObjectId>,
    /// After; none: it goes.
    pub(super) new: Option<ObjectId>,
}

/// Lands changes of refs, all or none, with the pack that brings their objects.
///
/// Errors: `Forbidden`, for a tag `NotAllowed`, with the reason of a rule; `Conflict` when a ref is not what the writer saw; those of a push as a whole.
pub(super) async fn land(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<PushRepository>,
    handle: RepositoryHandle,
    writes: Vec<RefWrite>,
    pack: Option<Vec<u8>>,
    purpose: Purpose,
) -> Result<()> {
    let pack = pack.map(|pack| (handle.git().incoming(intake.limits()), PackSource::Memory(pack.into())));
    land_pack(forge, intake, permit.into(), handle, writes, pack, purpose).await
}

/// The same with a pack that may lie in a file of its quarantine.
///
/// Errors: as for [`land`].
pub(super) async fn land_pack(
    forge: &Forge,
    intake: &Intake,
    permit: Leave,
    handle: RepositoryHandle,
    writes: Vec<RefWrite>,
    pack: Option<(Incoming, PackSource)>,
    purpose: Purpose,
) -> Result<()> {
    let is_tag = writes.iter().any(|write| write.name.tag().is_some());
    let commands = writes
        .into_iter()
        .map(|write| Command { name: write.name.as_bytes().to_vec(), old: write.old, new: write.new })
        .collect();
    let capabilities = PushCapabilities { atomic: true, ..PushCapabilities::default() };
    let request = ReceiveRequest { commands, capabilities, ..ReceiveRequest::default() };
    let push = Push { permit, handle, request, pack, purpose };
    let report = pushes::land(forge, intake, push, Box::new(|_| {})).await;
    let refusals = report.commands.iter().filter_map(|command| match &command.outcome {
        CommandOutcome::Refused { reason } => Some(reason.clone()),
        _ => None,
    });
    let mut refusals: Vec<String> = refusals.collect();
    if let Some(kind) = report.fault {
        let reason = report.unpack.err().or_else(|| refusals.pop()).unwrap_or_default();
        return Err(Error::new(kind, reason));
    }
    // The reason itself, not what is said of those that went down with it.
    refusals.sort_by_key(|reason| reason.starts_with("atomic push fail"));
    // As Gitea answers: a protected tag takes no change.
    let kind = if is_tag { Kind::NotAllowed } else { Kind::Forbidden };
    match refusals.into_iter().next() {
        None => Ok(()),
        Some(reason) if report.is_denied => Err(Error::new(kind, reason)),
        Some(reason) => Err(Error::conflict(reason)),
    }
}

/// Starts to make objects over those of a repository.
pub(super) fn new_objects(view: &View, intake: &Intake) -> NewObjects {
    let limits = CreateLimits { fsck: intake.limits().fsck.clone(), ..CreateLimits::default() };
    NewObjects::new(view.odb.clone(), limits)
}

/// Whether options of commands look like the name of a branch or tag, or git has another meaning for it.
pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with('-') || name == "HEAD" || name == "@" || name.starts_with("refs/")
}

/// The full name of a branch or tag that somebody typed.
///
/// Errors: `Invalid` naming the rule; also for names that options of commands look like, and for git's own.
pub(crate) fn ref_name(namespace: &str, name: &str) -> Result<RefName> {
    if is_reserved(name) || name.chars().count() > 100 {
        return Err(Error::new(Kind::Invalid, format!("[Name]: GitRefName: not allowed [name: {name}]")));
    }
    let full = RefName::new(&format!("{namespace}{name}"))
        .map_err(|error| Error::new(Kind::Invalid, format!("[Name]: GitRefName: {error}")).with_source(error))?;
    match full.misleads() {
        Some(why) => Err(Error::new(Kind::Invalid, format!("[Name]: GitRefName: {why} [name: {name}]"))),
        None => Ok(full),
    }
}

/// The commit that a name stands for; an id only where a ref reaches it, so that nothing comes back that was taken out. Reads objects.
///
/// Errors: `Interrupted`, those of the object database.
pub(super) fn find_commit(view: &View, name: &str, interrupt: &AtomicBool) -> atomicqms_git::Result<Option<ObjectId>> {
    Ok(find_revision(view, name, interrupt)?.map(|found| found.commit))
}

/// The account that a commit or tag names.
///
/// Errors: `Forbidden` for callers without one.
pub(super) fn doer(caller: &Caller) -> Result<&User> {
    caller.user().ok_or_else(|| Error::forbidden("only an account can be the author of a commit"))
}

/// Runs work on objects on the blocking pool, in a place of the client's for it, and stops it when its time has passed.
///
/// Errors: `Overloaded`, those of the work.
pub(super) async fn on_objects<T, F>(intake: &Intake, caller: &Caller, work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&AtomicBool) -> Result<T> + Send + 'static,
{
    let place = intake.receive(crate::access::Client::of(caller)).await?;
    let interrupt = std::sync::Arc::new(AtomicBool::new(false));
    let alarm = intake.interrupt_after_timeout(&interrupt);
    let work = tokio::task::spawn_blocking(move || {
        let _kept = (place, alarm);
        work(&interrupt)
    });
    work.await.map_err(Error::internal)?
}
