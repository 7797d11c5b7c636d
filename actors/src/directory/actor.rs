//! The actor behind the directory: every change of which repositories are open.
//!
//! Owns the slots, single flight of starts, passivation and retirement. Parent of all repository actors; their death
//! is counted and logged here, and the next use starts them again. Nothing here waits: starts and drains run in
//! tasks that report back.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atomicqms_git as git;
use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};

use super::slot::{Opener, Phase, Retirer, Slot, Step};
use super::{DirectoryOptions, DirectoryStatus, Retired, Shared};
use crate::ask::reply;
use crate::error::BoxError;
use crate::repository::Live;
use crate::repository::actor::{Args as RepositoryArgs, Msg as RepositoryMsg, RepositoryActor, Tools};
use crate::supervisor::{ORDERLY, error_chain};
use crate::writer::unwrap_start;
use crate::{Deadline, Error, gauges};

/// Messages to the directory.
pub(super) enum Msg {
    /// Replied with the open repository, or why it cannot be opened.
    Open { id: i64, deadline: Deadline, reply: RpcReplyPort<Result<Arc<Live>, Error>> },
    /// A start has ended.
    Started { id: i64, outcome: Result<Arc<Live>, Error> },
    /// Replied with a guard once the repository is closed.
    Retire { id: i64, deadline: Deadline, reply: RpcReplyPort<Result<Retired, Error>> },
    /// A guard was dropped.
    Unretire { id: i64 },
    /// A hint by timer: close what has been idle for long. Not replied.
    Sweep,
    /// Close everything, then stop.
    Shutdown,
    /// Replied with the counters.
    Inspect { reply: RpcReplyPort<DirectoryStatus> },
}

/// Everything the directory starts from.
pub(super) struct Args {
    pub(super) shared: Arc<Shared>,
    pub(super) tools: Tools,
    pub(super) root: PathBuf,
    pub(super) options: DirectoryOptions,
}

pub(super) struct State {
    args: Args,
    slots: HashMap<i64, Slot>,
    /// Which repository an actor serves, for the news of its end.
    actors: HashMap<ActorId, i64>,
    /// Opened directories of actors that died; handles may still bring packs into them.
    orphans: HashMap<i64, git::Repository>,
    deaths: u64,
    is_stopping: bool,
}

pub(super) struct DirectoryActor;

impl Actor for DirectoryActor {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, myself: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let period = (args.options.idle_close / 4).clamp(Duration::from_millis(20), Duration::from_secs(30));
        drop(myself.send_interval(period, || Msg::Sweep));
        Ok(State {
            args,
            slots: HashMap::new(),
            actors: HashMap::new(),
            orphans: HashMap::new(),
            deaths: 0,
            is_stopping: false,
        })
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Open { reply: port, .. } if state.is_stopping => {
                reply(port, Err(Error::Stopped { what: "directory" }));
            }
            Msg::Retire { reply: port, .. } if state.is_stopping => {
                reply(port, Err(Error::Stopped { what: "directory" }));
            }
            Msg::Open { id, deadline, reply } => {
                state.slot(id).openers.push(Opener { deadline, reply });
                state.advance(&myself, id);
            }
            Msg::Retire { id, deadline, reply } => {
                state.slot(id).retirers.push_back(Retirer { deadline, reply });
                state.advance(&myself, id);
            }
            Msg::Started { id, outcome } => state.note_start(&myself, id, outcome),
            Msg::Unretire { id } => state.vacate(&myself, id),
            Msg::Sweep => state.sweep(&myself),
            Msg::Shutdown => state.shut_down(&myself),
            Msg::Inspect { reply: port } => reply(port, state.status()),
        }
        state.stop_if_done(&myself);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let (cell, death) = match event {
            SupervisionEvent::ActorTerminated(cell, _, reason) => {
                let is_orderly = reason.as_deref() == Some(ORDERLY);
                (cell, (!is_orderly).then(|| reason.unwrap_or_else(|| "stopped without being asked to".to_owned())))
            }
            SupervisionEvent::ActorFailed(cell, error) => (cell, Some(error_chain(error.as_ref()))),
            _ => return Ok(()),
        };
        // An actor that failed to start, or died before its start was noted, is handled with its `Started`.
        if let Some(id) = state.actors.remove(&cell.get_id()) {
            state.note_end(&myself, id, death);
        }
        state.stop_if_done(&myself);
        Ok(())
    }
}

impl State {
    fn slot(&mut self, id: i64) -> &mut Slot {
        self.slots.entry(id).or_insert_with(Slot::new)
    }

    /// Takes the steps that a repository is due.
    fn advance(&mut self, myself: &ActorRef<Msg>, id: i64) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        match slot.step() {
            Step::Wait => {}
            Step::Forget => {
                self.slots.remove(&id);
            }
            Step::Start => {
                self.make_room();
                self.begin_start(myself, id);
            }
            Step::Close(live) => self.begin_close(live),
            Step::Answer(live, openers) => {
                live.touch();
                for opener in openers {
                    reply(opener.reply, Ok(Arc::clone(&live)));
                }
            }
            Step::Retire(retirer) => {
                // If the caller has gone, dropping the guard reopens the way.
                reply(retirer.reply, Ok(Retired { id, actor: myself.clone() }));
            }
        }
    }

    fn begin_start(&mut self, myself: &ActorRef<Msg>, id: i64) {
        let (started, receive_live) = tokio::sync::oneshot::channel();
        let args = RepositoryArgs {
            id,
            root: self.args.root.clone(),
            tools: self.args.tools.clone(),
            settle_after: self.args.options.settle_after,
            reuse: self.orphans.remove(&id),
            started,
        };
        let myself = myself.clone();
        tokio::spawn(async move {
            let spawned = Actor::spawn_linked(None, RepositoryActor, args, myself.get_cell()).await;
            let outcome = match spawned {
                Ok(_) => receive_live.await.map_err(|_| Error::Lost { what: "open repository" }),
                Err(error) => Err(start_error(unwrap_start(error))),
            };
            drop(myself.send_message(Msg::Started { id, outcome }));
        });
    }

    fn note_start(&mut self, myself: &ActorRef<Msg>, id: i64, outcome: Result<Arc<Live>, Error>) {
        match outcome {
            Ok(live) if live.is_dead() => self.fail_openers(id, Error::Lost { what: "open repository" }),
            Ok(live) => {
                self.actors.insert(live.actor.get_id(), id);
                gauges::repositories_open(self.args.shared.insert(Arc::clone(&live)));
                self.slot(id).phase = Phase::Open(live);
            }
            Err(error) => {
                match &error {
                    Error::NotFound { .. } => {}
                    busy if busy.is_overload() => {
                        tracing::warn!(repo.id = id, error = error_chain(busy), "a repository could not be opened now");
                    }
                    broken => tracing::error!(repo.id = id, error = error_chain(broken), "cannot open a repository"),
                }
                self.fail_openers(id, error);
            }
        }
        self.advance(myself, id);
        if self.is_stopping {
            self.close_open(id);
        }
    }

    fn fail_openers(&mut self, id: i64, error: Error) {
        let slot = self.slot(id);
        slot.phase = Phase::Vacant;
        let openers = std::mem::take(&mut slot.openers);
        let source = Arc::new(error);
        for opener in openers {
            let error = match *source {
                Error::NotFound { repo } => Error::NotFound { repo },
                _ => Error::Start { repo: id, source: Arc::clone(&source) },
            };
            reply(opener.reply, Err(error));
        }
    }

    /// Closes the way in, waits in a task for the turns inside, then lets the actor flush and stop.
    fn begin_close(&self, live: Arc<Live>) {
        gauges::repositories_open(self.args.shared.remove(live.id));
        let patience = self.args.options.open_timeout;
        tokio::spawn(async move {
            if let Err(error) = live.gate.drain(Deadline::after(patience)).await {
                tracing::warn!(
                    repo.id = live.id,
                    error = error_chain(&error),
                    "closing a repository with turns in flight"
                );
            }
            drop(live.actor.send_message(RepositoryMsg::Close));
        });
    }

    fn note_end(&mut self, myself: &ActorRef<Msg>, id: i64, death: Option<String>) {
        gauges::repositories_open(self.args.shared.remove(id));
        if let Some(reason) = death {
            self.deaths += 1;
            gauges::repository_died();
            tracing::error!(repo.id = id, reason, "a repository actor died; the next use starts it again");
            if let Some(Slot { phase: Phase::Open(live), .. }) = self.slots.get(&id) {
                self.orphans.insert(id, live.git.clone());
            }
        }
        self.vacate(myself, id);
    }

    fn vacate(&mut self, myself: &ActorRef<Msg>, id: i64) {
        self.slot(id).phase = Phase::Vacant;
        self.advance(myself, id);
    }

    fn sweep(&mut self, myself: &ActorRef<Msg>) {
        let idle_close = self.args.options.idle_close;
        for id in self.open_since(|live| live.last_used().elapsed() >= idle_close).into_iter().map(|(id, _)| id) {
            self.passivate(id);
        }
        // Waiters whose deadline passed leave their slots.
        let waiting = self.slots.iter().filter(|(_, slot)| !matches!(slot.phase, Phase::Open(_)));
        for id in waiting.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.advance(myself, id);
        }
        self.orphans.clear();
    }

    /// Closes the least recently used idle repositories if the directory is full.
    fn make_room(&mut self) {
        if self.args.shared.len() < self.args.options.max_open {
            return;
        }
        let mut open = self.open_since(|_| true);
        open.sort_by_key(|(_, last_used)| *last_used);
        let excess = (open.len() + 1).saturating_sub(self.args.options.max_open);
        let mut closed = 0;
        for (id, _) in open {
            if closed == excess {
                break;
            }
            closed += usize::from(self.passivate(id));
        }
    }

    fn open_since(&self, is_wanted: impl Fn(&Live) -> bool) -> Vec<(i64, Instant)> {
        self.slots
            .iter()
            .filter_map(|(id, slot)| match &slot.phase {
                Phase::Open(live) if is_wanted(live) => Some((*id, live.last_used())),
                _ => None,
            })
            .collect()
    }

    /// Closes a repository nobody uses; answers whether it did.
    fn passivate(&mut self, id: i64) -> bool {
        let Some(slot) = self.slots.get_mut(&id) else { return false };
        let Phase::Open(live) = &slot.phase else { return false };
        if !self.args.shared.remove_if_unused(live) {
            return false;
        }
        drop(live.actor.send_message(RepositoryMsg::Close));
        slot.phase = Phase::Closing;
        gauges::repositories_open(self.args.shared.len());
        true
    }

    fn shut_down(&mut self, myself: &ActorRef<Msg>) {
        self.is_stopping = true;
        let ids: Vec<_> = self.slots.keys().copied().collect();
        for id in ids {
            let slot = self.slot(id);
            for opener in slot.openers.drain(..) {
                reply(opener.reply, Err(Error::Stopped { what: "directory" }));
            }
            for retirer in slot.retirers.drain(..) {
                reply(retirer.reply, Err(Error::Stopped { what: "directory" }));
            }
            if matches!(slot.phase, Phase::Retired) {
                slot.phase = Phase::Vacant;
            }
            self.close_open(id);
            self.advance(myself, id);
        }
    }

    fn close_open(&mut self, id: i64) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if let Phase::Open(live) = &slot.phase {
            let live = Arc::clone(live);
            slot.phase = Phase::Closing;
            self.begin_close(live);
        }
    }

    fn stop_if_done(&self, myself: &ActorRef<Msg>) {
        if self.is_stopping && self.slots.is_empty() {
            myself.stop(Some(ORDERLY.to_owned()));
        }
    }

    fn status(&self) -> DirectoryStatus {
        let open = self.slots.values().filter(|slot| matches!(slot.phase, Phase::Open(_))).count();
        DirectoryStatus { open, changing: self.slots.len() - open, deaths: self.deaths }
    }
}

/// The actor's own error inside ractor's box.
fn start_error(error: BoxError) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(source) => Error::Spawn { what: "repository", source },
    }
}
