//! The actor of one repository: serializes every change of its refs.
//!
//! Owns the order of turns, the published view, and what of the projection to disk is still to be flushed. Child of
//! the directory, which starts it again at the next use after it died. Awaiting the writer and the blocking pool
//! inside `handle` is meant: one turn at a time. Reads never come here.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atomicqms_git as git;
use git::RefTable;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use super::projection::Disk;
use super::{Live, Outcome, RepositoryStatus, Request, placement, reconcile, turn};
use crate::ask::reply;
use crate::supervisor::{ORDERLY, error_chain};
use crate::{Error, Pass, Readers, RefStore, Writer, gauges};

/// Messages to one repository.
pub(crate) enum Msg {
    /// Change refs or HEAD. Replied once the change is durable and published, or refused.
    TakeTurn { request: Request, pass: Pass, reply: RpcReplyPort<Outcome> },
    /// A hint by timer: flush the projection and mark it. Not replied.
    Settle,
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
                let began = Instant::now();
                let outcome = Box::pin(turn::take(state, request)).await;
                gauges::repository_turn(began.elapsed());
                let is_unknown = matches!(outcome, Err(Error::Lost { .. }));
                reply(port, outcome);
                drop(pass);
                if is_unknown {
                    // The commit may or may not stand: only a fresh look at the database tells.
                    return Err("the outcome of a commit is unknown".into());
                }
                state.disk.schedule_settle(&myself);
            }
            Msg::Settle => {
                state.settle().await;
                state.disk.schedule_settle(&myself);
            }
            Msg::Close => {
                state.settle().await;
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
    fn status(&self) -> RepositoryStatus {
        let view = self.live.view.load();
        RepositoryStatus {
            refs: view.refs.len(),
            view_version: view.version,
            journal_seq: self.disk.journal_seq,
            projected_seq: self.disk.projected_seq,
            is_disk_behind: self.disk.is_behind,
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

    let (stored, git) = blocking("open repository", move || {
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
    let mut disk = Disk::new(settle_after, stored.journal_seq, stored.projected_seq);
    match reconcile::reconcile(&tools, id, &git, &refs, &stored.head, stored.projected_seq).await {
        Ok(edits) => disk.note_start(edits, &refs),
        Err(error) => {
            // Readers and pushes can do without the files; the retry is scheduled like that of any failed projection.
            tracing::error!(repo.id = id, error = error_chain(&error), "cannot bring refs on disk in line at start");
            gauges::projection_failed();
            disk.note_failure();
        }
    }
    let view = git::View { refs, head: stored.head, odb: git.odb(), version: 1 };
    let live = Arc::new(Live::new(id, view, git, myself.clone()));
    disk.schedule_settle(&myself);
    // A directory that is gone stops its children anyway.
    drop(started.send(Arc::clone(&live)));
    Ok(State { live, tools, disk })
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
