//! Finds, starts, passivates and retires repository actors; one per server.
//!
//! Owns which repositories are open. The common case, an open repository, is one look into a shared map; everything
//! else goes through the `actor`, so that concurrent opens share one start. Refuses to know what a repository
//! holds. Critical child of the supervisor, never restarted: handles share its map.

mod actor;
mod slot;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ractor::{Actor, ActorRef};

use crate::ask::ask;
use crate::repository::actor::{Tools, blocking};
use crate::repository::settle::STEPS_AT_ONCE;
use crate::repository::waiting::Room;
use crate::repository::{Live, RepositoryHandle, WaitingLimits, remove_directory, remove_leftovers};
use crate::supervisor::{Child, EXIT_DIRECTORY, Policy, StartChild, error_chain};
use crate::writer::unwrap_start;
use crate::{Deadline, Error, Readers, RefStore, Supervisor, Writer};
use actor::{Args, DirectoryActor, Msg};

/// What a directory works with.
pub struct DirectoryArgs {
    /// Where commits go.
    pub writer: Writer,
    /// Where rows are read.
    pub readers: Readers,
    /// The rows of refs.
    pub store: Arc<dyn RefStore>,
    /// Directory that holds all repositories; created if missing.
    pub root: PathBuf,
    /// Bounds.
    pub options: DirectoryOptions,
}

/// Bounds of a directory.
#[derive(Debug, Clone)]
pub struct DirectoryOptions {
    /// Repositories open at once; beyond that the least recently used idle one is closed. Repositories in use are
    /// never closed, so the number may be exceeded while all of them are.
    pub max_open: usize,
    /// An idle repository is closed after this time.
    pub idle_close: Duration,
    /// Wait before what a push brought is written to files, flushed and marked, so that many pushes share one flush.
    pub settle_after: Duration,
    /// Bounds of what waits so long in memory.
    pub waiting: WaitingLimits,
    /// How long an open waits for a start, and a shutdown for turns that run.
    pub open_timeout: Duration,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self {
            max_open: 1024,
            idle_close: Duration::from_secs(300),
            settle_after: Duration::from_secs(5),
            waiting: WaitingLimits::default(),
            open_timeout: Duration::from_secs(60),
        }
    }
}

/// The open repositories, as the directory's actor and all handles share them.
#[derive(Default)]
struct Shared {
    open: RwLock<HashMap<i64, Arc<Live>>>,
}

impl Shared {
    fn find(&self, id: i64) -> Option<Arc<Live>> {
        // A panic cannot leave a map of `Arc`s half changed, so a poisoned lock is still good.
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(&id).filter(|live| !live.is_dead() && !live.gate.is_closed()).cloned()
    }

    fn insert(&self, live: Arc<Live>) -> usize {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(live.id, live);
        open.len()
    }

    /// Removes a repository; nobody can take a new handle of it afterwards.
    fn remove(&self, id: i64) -> usize {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.remove(&id);
        open.len()
    }

    /// Removes a repository and closes its gate if nobody but the directory and its own actor holds it.
    fn remove_if_unused(&self, live: &Arc<Live>) -> bool {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        // This map, the slot, the actor; new handles come out of the map only, and it is locked.
        let is_unused = Arc::strong_count(live) <= 3 && live.gate.close_if_idle();
        if is_unused {
            open.remove(&live.id);
        }
        is_unused
    }

    fn len(&self) -> usize {
        self.open.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Handle of the directory; cheap to clone.
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
    actor: ActorRef<Msg>,
    tools: Tools,
    root: Arc<Path>,
    open_timeout: Duration,
}

/// Keeps a repository closed as long as it lives.
#[must_use = "the repository may be opened again as soon as this is dropped"]
pub struct Retired {
    id: i64,
    actor: ActorRef<Msg>,
}

impl Retired {
    /// Id of the repository.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        // A directory that has stopped opens nothing any more.
        drop(self.actor.send_message(Msg::Unretire { id: self.id }));
    }
}

/// Counters of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryStatus {
    /// Open repositories.
    pub open: usize,
    /// Repositories that start, stop or are retired.
    pub changing: usize,
    /// Repository actors that died of an error since start.
    pub deaths: u64,
}

impl Directory {
    /// Starts the directory under the supervisor.
    ///
    /// Errors: `Spawn`, `Io` (the root cannot be created).
    pub async fn start(args: DirectoryArgs, supervisor: &Supervisor) -> Result<Self, Error> {
        let DirectoryArgs { writer, readers, store, root, options } = args;
        let room = Arc::new(Room::new(options.waiting));
        let steps = Arc::new(tokio::sync::Semaphore::new(STEPS_AT_ONCE));
        let tools = Tools { writer, readers, store, room, steps };
        let root = blocking("prepare repositories", move || {
            std::fs::create_dir_all(&root).map_err(|source| Error::Io {
                what: "create",
                path: root.clone(),
                source,
            })?;
            remove_leftovers(&root)?;
            Ok::<_, Error>(root)
        })
        .await?;
        let shared = Arc::new(Shared::default());
        let (send_actor, receive_actor) = tokio::sync::oneshot::channel();
        let open_timeout = options.open_timeout;
        let args = Args { shared: Arc::clone(&shared), tools: tools.clone(), root: root.clone(), options };
        let mut once = Some((args, send_actor));
        let start: StartChild = Box::new(move |parent| {
            let once = once.take();
            Box::pin(async move {
                let (args, send_actor) = once.ok_or("the directory is never restarted")?;
                let (actor, _join) =
                    Actor::spawn_linked(None, DirectoryActor, args, parent).await.map_err(unwrap_start)?;
                let cell = actor.get_cell();
                drop(send_actor.send(actor));
                Ok(cell)
            })
        });
        supervisor.adopt(Child { name: "directory", exit_code: EXIT_DIRECTORY, policy: Policy::NEVER, start }).await?;
        let actor = receive_actor.await.map_err(|_| Error::Lost { what: "directory" })?;
        Ok(Self { shared, actor, tools, root: root.into(), open_timeout })
    }

    /// Opens a repository, or finds it open.
    ///
    /// Errors: `NotFound`, `Start` (with the shared cause), `TimedOut`, `Stopped`.
    pub async fn open(&self, id: i64) -> Result<RepositoryHandle, Error> {
        let live = match self.find_open(id) {
            Some(live) => live,
            None => self.open_live(id, Deadline::after(self.open_timeout)).await?,
        };
        live.touch();
        Ok(RepositoryHandle::new(self.clone(), live))
    }

    /// Closes a repository after its running turns and keeps it closed until the guard is dropped.
    ///
    /// Shape: hold the guard over the transaction that renames or deletes the repository.
    /// Errors: `TimedOut` (turns still run), `Stopped`.
    pub async fn retire(&self, id: i64) -> Result<Retired, Error> {
        ask(&self.actor, "retire repository", Deadline::after(self.open_timeout), |deadline, reply| Msg::Retire {
            id,
            deadline,
            reply,
        })
        .await?
    }

    /// Removes the files of a retired repository whose rows are gone.
    ///
    /// Shape: `relative_path` is where [`RefStore::load`] said it was; files of another repository are left alone.
    /// Errors: `Io`, `Git`, `Contract`.
    pub async fn remove_files(&self, retired: &Retired, relative_path: &Path) -> Result<(), Error> {
        let (id, root, relative_path) = (retired.id, Arc::clone(&self.root), relative_path.to_owned());
        blocking("remove repository", move || remove_directory(&root, id, &relative_path)).await
    }

    /// Opens every repository whose files may lag behind its rows, which brings them in line.
    ///
    /// Shape: for the start of the server; answers how many were opened. One that cannot be opened is logged and
    /// left for its next use.
    /// Errors: `Database`, `Overloaded`.
    pub async fn reconcile_unprojected(&self) -> Result<usize, Error> {
        let store = Arc::clone(&self.tools.store);
        let behind = self.tools.readers.read("unprojected", move |c| Ok::<_, Error>(store.unprojected(c)?)).await?;
        let mut opened = 0;
        for id in behind {
            match self.open(id).await {
                Ok(_) => opened += 1,
                Err(error) => {
                    tracing::error!(
                        repo.id = id,
                        error = error_chain(&error),
                        "cannot bring a repository in line at start"
                    );
                }
            }
        }
        Ok(opened)
    }

    /// Answers counters.
    ///
    /// Errors: `Stopped`, `Lost`, `TimedOut`.
    pub async fn inspect(&self, deadline: Deadline) -> Result<DirectoryStatus, Error> {
        ask(&self.actor, "inspect", deadline, |_, reply| Msg::Inspect { reply }).await
    }

    /// Finishes running turns, flushes every open repository, and stops.
    ///
    /// Shape: a turn that outlasts the open time-out is left to its own end; its commit is decided by the writer.
    pub async fn shutdown(&self) {
        if self.actor.send_message(Msg::Shutdown).is_ok() {
            // Without a time-out: each close is bounded by itself.
            drop(self.actor.get_cell().wait(None).await);
        }
    }

    /// Kills the directory and with it every repository actor, for tests of what a crash leaves behind.
    #[cfg(test)]
    pub(crate) async fn kill_everything(&self) {
        let actors: Vec<_> = self.actor.get_cell().get_children();
        self.actor.get_cell().kill();
        for cell in actors.into_iter().chain([self.actor.get_cell()]) {
            cell.kill();
            drop(cell.wait(None).await);
        }
    }

    /// Answers the refs and objects of a repository that is open already; opens none, and does not keep it open.
    #[must_use]
    pub fn view_if_open(&self, id: i64) -> Option<Arc<atomicqms_git::View>> {
        let live = self.find_open(id).filter(|live| !live.is_dead())?;
        Some(live.view.load_full())
    }

    /// Finds an open repository without waiting.
    pub(crate) fn find_open(&self, id: i64) -> Option<Arc<Live>> {
        self.shared.find(id)
    }

    /// Opens a repository through the actor, which knows of starts, stops and deaths under way.
    pub(crate) async fn open_live(&self, id: i64, deadline: Deadline) -> Result<Arc<Live>, Error> {
        let bounded = deadline.min(Deadline::after(self.open_timeout));
        ask(&self.actor, "open repository", bounded, |deadline, reply| Msg::Open { id, deadline, reply }).await?
    }
}

#[cfg(test)]
mod tests;
