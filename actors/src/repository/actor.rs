//! The actor of one repository: serializes every change of its refs.
//!
//! Owns the order of turns, the published view, and what of the projection to disk is still to be flushed. Child of
//! the directory, which starts it again at the next use after it died. Awaiting the writer and the blocking pool
//! inside `handle` is meant: one turn at a time. Reads never come here.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atomicqms_git as git;
use git::RefTable;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::projection::Disk;
use super::store::WaitingRow;
use super::updates::{self, Update};
use super::waiting::{Room, WaitingPack};
use super::{Live, Outcome, RepositoryStatus, Request, placement, reconcile, turn};
use crate::ask::reply;
use crate::supervisor::{ORDERLY, error_chain};
use crate::{Error, Pass, Readers, RefStore, Writer, gauges};

/// Messages to one repository.
pub(crate) enum Msg {
    /// Change refs or HEAD. Replied once the change is durable and published, or refused.
    TakeTurn { request: Request, pass: Pass, reply: RpcReplyPort<Outcome> },
    /// Take the turns that have come. Sent by the actor to itself, so that those which wait in its mailbox are there by then. Not replied.
    Begin,
    /// A hint by timer: bring what is committed into the files. Not replied.
    Settle,
    /// A step of that, which runs beside the turns, has ended. Not replied.
    StepEnded,
    /// Flush what is to be flushed and stop. The gate is closed, so nothing comes after this.
    Close,
    /// Replied with the counters.
    Inspect { reply: RpcReplyPort<RepositoryStatus> },
    /// Die of a broken state, for tests of what follows.
    #[cfg(test)]
    Break,
}

/// The database, as a repository actor uses it.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
    pub(crate) store: Arc<dyn RefStore>,
    /// Memory for packs that are not files yet, of all repositories.
    pub(crate) room: Arc<Room>,
    /// Turns of steps that bring files up to date, of all repositories.
    pub(crate) steps: Arc<tokio::sync::Semaphore>,
}

/// Everything an actor starts from.
pub(crate) struct Args {
    pub(crate) id: i64,
    pub(crate) root: PathBuf,
    pub(crate) tools: Tools,
    /// Wait before a projection is flushed, so that many pushes share one flush.
    pub(crate) settle_after: Duration,
    /// The opened directory of an actor that died, still in use by handles.
    pub(crate) reuse: Option<git::Repository>,
    /// Where the directory gets what it shares with handles.
    pub(crate) started: tokio::sync::oneshot::Sender<Arc<Live>>,
}

pub(crate) struct State {
    pub(super) live: Arc<Live>,
    pub(super) tools: Tools,
    pub(super) disk: Disk,
    queue: VecDeque<(Request, Queued)>,
}

/// Who waits for a turn.
pub(super) struct Queued {
    pass: Pass,
    port: RpcReplyPort<Outcome>,
    since: Instant,
}

impl Queued {
    /// Ends the wait.
    pub(super) fn answer(self, outcome: Outcome) {
        gauges::repository_turn(self.since.elapsed());
        reply(self.port, outcome);
        drop(self.pass);
    }
}

pub(crate) struct RepositoryActor;

impl Actor for RepositoryActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        Ok(Box::pin(start(myself, args)).await?)
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::TakeTurn { request, pass, reply: port } => {
                if state.queue.is_empty() {
                    drop(myself.send_message(Msg::Begin));
                }
                state.queue.push_back((request, Queued { pass, port, since: Instant::now() }));
            }
            Msg::Begin => {
                if !Box::pin(state.take_turns(&myself)).await {
                    // The commit may or may not stand: only a fresh look at the database tells.
                    return Err("the outcome of a commit is unknown".into());
                }
                state.disk.schedule_settle(&myself);
            }
            Msg::Settle => {
                state.begin_settling(&myself);
                state.disk.schedule_settle(&myself);
            }
            Msg::StepEnded => {
                Box::pin(state.advance(&myself)).await;
                state.disk.schedule_settle(&myself);
            }
            Msg::Close => {
                Box::pin(state.settle_now(&myself)).await;
                myself.stop(Some(ORDERLY.to_owned()));
            }
            Msg::Inspect { reply: port } => reply(port, state.status()),
            #[cfg(test)]
            Msg::Break => return Err("broken as told".into()),
        }
        Ok(())
    }
}

impl State {
    /// Takes all turns that wait, in order; answers false when the outcome of one is unknown.
    async fn take_turns(&mut self, myself: &ActorRef<Msg>) -> bool {
        let mut updates = VecDeque::new();
        while let Some((request, queued)) = self.queue.pop_front() {
            let other = match request {
                Request::UpdateRefs(update) => {
                    updates.push_back(Update { update, queued });
                    let is_next_alike = matches!(self.queue.front(), Some((Request::UpdateRefs(_), _)));
                    if is_next_alike {
                        continue;
                    }
                    None
                }
                other => Some((other, queued)),
            };
            while !updates.is_empty() {
                if !updates::take(self, &mut updates).await {
                    return false;
                }
            }
            if other.is_some() {
                // Both touch files that a round may be writing.
                self.end_round(myself).await;
            }
            let (outcome, queued) = match other {
                Some((Request::SetHead(set_head), queued)) => (turn::set_head_branch(self, *set_head).await, queued),
                Some((Request::Work(work), queued)) => (turn::work_on_files(self, *work).await, queued),
                Some((Request::UpdateRefs(_), _)) | None => continue,
            };
            let is_known = !matches!(outcome, Err(Error::Lost { .. }));
            queued.answer(outcome);
            if !is_known {
                return false;
            }
        }
        true
    }

    fn status(&self) -> RepositoryStatus {
        let view = self.live.view.load();
        RepositoryStatus {
            refs: view.refs.len(),
            view_version: view.version,
            journal_seq: self.disk.journal_seq,
            projected_seq: self.disk.projected_seq,
            is_disk_behind: self.disk.is_behind,
            waiting_packs: self.disk.waiting.len(),
        }
    }
}

/// Loads the truth, opens the directory, brings the disk in line, and publishes the first view.
async fn start(myself: ActorRef<Msg>, args: Args) -> Result<State, Error> {
    let Args { id, root, tools, settle_after, reuse, started } = args;
    // A predecessor may have died with a commit still in the writer's queue; this waits until it is decided.
    tools.writer.write("repository barrier", |_| Ok::<_, Error>(())).await?;
    let store = Arc::clone(&tools.store);
    let stored = tools.readers.read("load repository", move |c| Ok::<_, Error>(store.load(c, id)?)).await?;
    let stored = stored.ok_or(Error::NotFound { repo: id })?;

    let (mut stored, git) = blocking("open repository", move || {
        let git = match reuse {
            Some(git) if git.path() == root.join(&stored.relative_path) => git,
            _ => {
                let git = placement::open(&root, id, &stored)?;
                let removed = git.remove_stale_incoming()?;
                if removed > 0 {
                    tracing::info!(repo.id = id, removed, "removed what interrupted pushes left behind");
                }
                git
            }
        };
        Ok::<_, Error>((stored, git))
    })
    .await?;
    if stored.moved_from.is_some() {
        let (store, path) = (Arc::clone(&tools.store), stored.relative_path.clone());
        tools.writer.write("mark moved", move |tx| Ok::<_, Error>(store.mark_moved(tx, id, &path)?)).await?;
    }

    let refs = RefTable::from_refs(stored.refs);
    let mut disk = Disk::new(settle_after, tools.room.limits().packs, stored.journal_seq, stored.projected_seq);
    for pack in open_waiting(&git, &tools, std::mem::take(&mut stored.waiting)).await? {
        disk.waiting.push(pack);
    }
    let (since, head) = (stored.projected_seq, stored.head);
    let view = git::View { refs, head, odb: git.odb(), version: 1 };
    let live = Arc::new(Live::new(id, view, git, myself.clone()));
    let mut state = State { live, tools, disk, queue: VecDeque::new() };
    // Refs on disk must not point at what is no file yet.
    let brought = match state.write_packs_now().await {
        Ok(()) => {
            let view = state.live.view.load_full();
            reconcile::reconcile(&state.tools, id, &state.live.git, &view.refs, &view.head, since).await
        }
        Err(error) => Err(error),
    };
    match brought {
        Ok(edits) => state.disk.note_start(edits, &state.live.view.load().refs),
        Err(error) => {
            // Readers and pushes can do without the files; the retry is scheduled like that of any failed projection.
            tracing::error!(repo.id = id, error = error_chain(&error), "cannot bring refs on disk in line at start");
            gauges::projection_failed();
            state.disk.note_failure();
        }
    }
    state.disk.schedule_settle(&myself);
    // A directory that is gone stops its children anyway.
    drop(started.send(Arc::clone(&state.live)));
    Ok(state)
}

/// Makes the packs that are committed and no files yet a part of the opened repository again.
async fn open_waiting(git: &git::Repository, tools: &Tools, rows: Vec<WaitingRow>) -> Result<Vec<WaitingPack>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let (git, room) = (git.clone(), Arc::clone(&tools.room));
    blocking("open waiting packs", move || {
        let mut waiting = Vec::with_capacity(rows.len());
        for WaitingRow { id, row } in rows {
            let pack = row.open(&git)?;
            waiting.push(WaitingPack { row: id, _place: room.take_anyway(&pack), pack });
        }
        let packs: Vec<_> = waiting.iter().map(|one| Arc::clone(&one.pack)).collect();
        git.adopt(&packs)?;
        Ok::<_, git::Error>(waiting)
    })
    .await
}

/// Runs file work on the blocking pool.
pub(crate) async fn blocking<T, E>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Error>
where
    T: Send + 'static,
    E: Into<Error> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => Err(Error::Panicked { what, message: error.to_string() }),
    }
}
