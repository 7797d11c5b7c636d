//! What callers hold of a repository: a view to read, a turn to change its refs.
//!
//! Owns the handle and the types that cross it. Reads go to an immutable [`git::View`] and never enter a mailbox;
//! changes are serialized by the repository's `actor`. Refuses policy: gates, journal and audit event come in as
//! [`CommitRefs`] and run inside the commit transaction. Called by the server's `forge` and git transports.

pub(crate) mod actor;
mod commit;
mod edits;
mod placement;
mod projection;
mod reconcile;
pub(crate) mod settle;
pub mod store;
mod turn;
mod updates;
pub(crate) mod waiting;

pub(crate) use placement::{remove as remove_directory, remove_leftovers};
use store::Stored;
pub use waiting::WaitingLimits;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use atomicqms_git as git;
use ractor::{ActorRef, MessagingErr};

use crate::ask::{self, ask};
use crate::error::BoxError;
use crate::{Deadline, Directory, Error, Gate, Pass, sql};
use actor::Msg;

/// What became of one edit of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditOutcome {
    /// The ref moved and is durable.
    Applied,
    /// The ref did not move.
    Refused {
        /// Why, in words for the person who pushed.
        reason: String,
    },
}

impl EditOutcome {
    /// Tells whether the ref moved.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        matches!(self, Self::Applied)
    }
}

/// The part of a ref update that runs inside the commit transaction.
///
/// Implementations evaluate gates on current rows, compare and set the refs' rows, append to the journal and write
/// the audit event. They must not block on anything but the transaction: every other write waits for them.
pub trait CommitRefs: Send + 'static {
    /// Commits the edits that still fit; answers one outcome per edit, in order.
    ///
    /// Errors: any error rolls everything back and reaches the caller as [`Error::Rejected`].
    fn commit(
        self: Box<Self>,
        tx: &dyn sql::Connection,
        repo: i64,
        edits: &[git::RefEdit],
    ) -> Result<Vec<EditOutcome>, BoxError>;
}

/// One request to move refs.
pub struct UpdateRefs {
    /// What to move; each names the old value the caller saw.
    pub edits: Vec<git::RefEdit>,
    /// All edits or none.
    pub atomic: bool,
    /// The verified pack that brings the new objects: durable with the refs if it is in memory, a file before the commit otherwise.
    pub ingested: Option<git::Ingested>,
    /// Policy and rows.
    pub commit: Box<dyn CommitRefs>,
    /// The request is dropped if it has not begun by then; one that has begun is finished.
    pub deadline: Deadline,
}

/// A closure that runs inside the transaction which changes HEAD.
pub(crate) type CommitHead = Box<dyn FnOnce(&dyn sql::Connection) -> Result<(), BoxError> + Send>;

/// Requests that one repository holds at once; one more is refused with `Overloaded`.
const IN_FLIGHT: usize = 512;
/// A turn that has begun is waited for this much longer than its deadline: its outcome is worth knowing.
const TURN_GRACE: Duration = Duration::from_secs(60);
/// How often a request follows a repository that stops and starts under it.
const MAX_REOPENS: usize = 4;

/// A running repository actor, as the directory and the handles share it.
pub(crate) struct Live {
    pub(crate) id: i64,
    pub(crate) gate: Gate,
    pub(crate) view: ArcSwap<git::View>,
    pub(crate) git: git::Repository,
    pub(crate) actor: ActorRef<Msg>,
    began: Instant,
    last_used_ms: AtomicU64,
}

impl Live {
    pub(crate) fn new(id: i64, view: git::View, git: git::Repository, actor: ActorRef<Msg>) -> Self {
        Self {
            id,
            gate: Gate::new(crate::gauges::REPOSITORY_GATE, IN_FLIGHT, 0),
            view: ArcSwap::from_pointee(view),
            git,
            actor,
            began: Instant::now(),
            last_used_ms: AtomicU64::new(0),
        }
    }

    pub(crate) fn touch(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_used_ms.store(now, Ordering::Relaxed);
    }

    /// When somebody last took a handle.
    pub(crate) fn last_used(&self) -> Instant {
        self.began + Duration::from_millis(self.last_used_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn is_dead(&self) -> bool {
        !ractor::ACTIVE_STATES.contains(&self.actor.get_status())
    }
}

/// A handle of one repository; cheap to clone. Hold it for a request, not longer: it keeps the repository open.
#[derive(Clone)]
pub struct RepositoryHandle {
    directory: Directory,
    live: Arc<ArcSwap<Live>>,
}

impl RepositoryHandle {
    pub(crate) fn new(directory: Directory, live: Arc<Live>) -> Self {
        Self { directory, live: Arc::new(ArcSwap::new(live)) }
    }

    /// Id of the repository.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.live.load().id
    }

    /// Answers the current refs and objects, without waiting for anything.
    #[must_use]
    pub fn view(&self) -> Arc<git::View> {
        let live = self.live.load();
        if live.is_dead()
            && let Some(successor) = self.directory.find_open(live.id)
        {
            let view = successor.view.load_full();
            self.live.store(successor);
            return view;
        }
        live.view.load_full()
    }

    /// The directory on disk, for quarantines.
    #[must_use]
    pub fn git(&self) -> git::Repository {
        self.live.load().git.clone()
    }

    /// Moves refs in one turn: check, commit together with the pack, publish the view. The files follow.
    ///
    /// Shape: answers one outcome per edit, in order. If `atomic`, all are `Applied` or none is.
    /// Errors: `Overloaded`, `Expired` (nothing happened), `Rejected` (the commit's own error, nothing happened),
    /// `Git` (pack could not be installed), `Transaction`, `NotFound` (the repository was deleted meanwhile),
    /// `Lost` and `TimedOut` (outcome unknown). Dropping the future does not cancel the turn.
    pub async fn update_refs(&self, update: UpdateRefs) -> Result<Vec<EditOutcome>, Error> {
        let deadline = update.deadline;
        self.take_turn(Request::UpdateRefs(Box::new(update)), deadline).await
    }

    /// Points HEAD at another branch in one turn: commit, publish the view, write the file.
    ///
    /// Shape: `commit` runs in the transaction and changes the row that [`RefStore::load`](crate::RefStore::load) reads.
    /// Errors: as [`RepositoryHandle::update_refs`].
    pub async fn set_head(
        &self,
        head: git::RefName,
        commit: impl FnOnce(&dyn sql::Connection) -> Result<(), BoxError> + Send + 'static,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let set_head = SetHead { head, commit: Box::new(commit), deadline };
        self.take_turn(Request::SetHead(Box::new(set_head)), deadline).await.map(drop)
    }

    /// Runs file work on the repository while nothing else changes it, and publishes the objects that it leaves.
    ///
    /// Shape: for short steps of maintenance: every push waits meanwhile. What is committed is in files before. `work` gets the current view, runs on the blocking pool, and does not
    /// run at all once the deadline has passed.
    /// Errors: `Git` (from `work`), otherwise as [`RepositoryHandle::update_refs`].
    pub async fn in_turn<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&git::Repository, &git::View) -> Result<T, git::Error> + Send + 'static,
        deadline: Deadline,
    ) -> Result<T, Error> {
        let (send, mut receive) = tokio::sync::oneshot::channel();
        let run = move |repository: &git::Repository, view: &git::View| {
            // A caller that has gone needs no answer; the work is done all the same.
            drop(send.send(work(repository, view)?));
            Ok(())
        };
        let request = Request::Work(Box::new(Work { what, run: Box::new(run), deadline }));
        self.take_turn(request, deadline).await?;
        receive.try_recv().map_err(|_| Error::Lost { what })
    }

    /// Answers the actor's counters.
    ///
    /// Errors: `Stopped`, `Lost`, `TimedOut`.
    pub async fn inspect(&self, deadline: Deadline) -> Result<RepositoryStatus, Error> {
        let actor = self.live.load().actor.clone();
        ask(&actor, "inspect", deadline, |_, reply| Msg::Inspect { reply }).await
    }

    /// Delivers a request to the actor that runs now, following it through stops and restarts until it is accepted.
    async fn take_turn(&self, mut request: Request, deadline: Deadline) -> Result<Vec<EditOutcome>, Error> {
        let what = request.what();
        for _ in 0..MAX_REOPENS {
            let live = self.live.load_full();
            match live.gate.enter_now() {
                Ok(pass) => match send(&live.actor, request, pass) {
                    Ok(receiver) => return ask::wait(receiver, what, deadline.extended(TURN_GRACE)).await?,
                    Err(returned) => request = returned,
                },
                Err(Error::Stopped { .. }) => {}
                Err(refused) => return Err(refused),
            }
            // The actor stopped before it accepted the request, so handing it to the next one is safe.
            drop(live);
            self.live.store(self.directory.open_live(self.id(), deadline).await?);
        }
        Err(Error::Stopped { what: "repository" })
    }
}

type Outcome = Result<Vec<EditOutcome>, Error>;

fn send(
    actor: &ActorRef<Msg>,
    request: Request,
    pass: Pass,
) -> Result<tokio::sync::oneshot::Receiver<Outcome>, Request> {
    let (reply, receiver) = tokio::sync::oneshot::channel();
    match actor.send_message(Msg::TakeTurn { request, pass, reply: reply.into() }) {
        Ok(()) => Ok(receiver),
        Err(MessagingErr::SendErr(Msg::TakeTurn { request, .. })) => Err(request),
        // Only a message of another kind could end here; the receiver then answers `Lost`.
        Err(_) => Ok(receiver),
    }
}

/// What a turn is asked to do.
pub(crate) enum Request {
    UpdateRefs(Box<UpdateRefs>),
    SetHead(Box<SetHead>),
    Work(Box<Work>),
}

/// What [`RepositoryHandle::in_turn`] runs.
type RunWork = Box<dyn FnOnce(&git::Repository, &git::View) -> Result<(), git::Error> + Send>;

/// One request to work on files.
pub(crate) struct Work {
    what: &'static str,
    pub(crate) run: RunWork,
    deadline: Deadline,
}

/// One request to move HEAD.
pub(crate) struct SetHead {
    pub(crate) head: git::RefName,
    pub(crate) commit: CommitHead,
    pub(crate) deadline: Deadline,
}

impl Request {
    fn what(&self) -> &'static str {
        match self {
            Self::UpdateRefs(_) => "update refs",
            Self::SetHead(_) => "set head",
            Self::Work(work) => work.what,
        }
    }
}

/// Counters of one repository actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryStatus {
    /// Number of refs.
    pub refs: usize,
    /// Version of the published view.
    pub view_version: u64,
    /// Last journal row this actor knows.
    pub journal_seq: i64,
    /// Last journal row known to be flushed to disk and marked.
    pub projected_seq: i64,
    /// A projection failed and waits for its retry.
    pub is_disk_behind: bool,
    /// Packs that are committed and not files yet.
    pub waiting_packs: usize,
}

#[cfg(test)]
mod tests;
