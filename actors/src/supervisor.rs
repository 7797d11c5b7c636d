//! The root of the actor tree: starts critical children, restarts those that may be, escalates the rest.
//!
//! Owns the restart policy as data and the decision as a plain function. Refuses to end the process itself: the
//! server hands in a callback that does so with the child's exit code. Child of nobody; its own unexpected death
//! escalates too. Orderly stops carry the reason [`ORDERLY`], every other end of a child is a death.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};

use crate::ask::{Deadline, ask, reply};
use crate::{Error, error::BoxError};

/// Stop reason that marks an end as intended.
pub const ORDERLY: &str = "orderly shutdown";

/// Exit code when the SQLite writer died.
pub const EXIT_WRITER: u8 = 81;
/// Exit code when the directory of repositories died.
pub const EXIT_DIRECTORY: u8 = 82;
/// Exit code when the runner of durable jobs died again and again.
pub const EXIT_JOBS: u8 = 84;
/// Exit code when the supervisor itself died.
pub const EXIT_SUPERVISOR: u8 = 83;

/// A critical child is dead and stays dead; the process must end.
#[derive(Debug, Clone)]
pub struct Escalation {
    /// Name of the child.
    pub child: &'static str,
    /// Exit code the process should end with; distinct per child.
    pub exit_code: u8,
    /// Why it died, for the log.
    pub reason: String,
}

/// What the server does about an escalation; must not block.
pub type OnEscalate = Arc<dyn Fn(Escalation) + Send + Sync>;

/// How often a child may die before its death ends the process.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Restarts allowed within `within`; 0 means that the first death escalates.
    pub restarts: usize,
    /// Window in which restarts are counted.
    pub within: Duration,
    /// Wait before the first restart; doubles with every death in the window.
    pub backoff: Duration,
}

impl Policy {
    /// The first death escalates: for children whose state cannot be rebuilt beside its holders.
    pub const NEVER: Self = Self { restarts: 0, within: Duration::ZERO, backoff: Duration::ZERO };

    /// Decides about a death at `now`, given the times of earlier ones (oldest first, pruned here).
    fn decide(&self, deaths: &mut VecDeque<Instant>, now: Instant) -> Verdict {
        while deaths.front().is_some_and(|death| now.saturating_duration_since(*death) > self.within) {
            deaths.pop_front();
        }
        if deaths.len() >= self.restarts {
            return Verdict::Escalate;
        }
        let doublings = u32::try_from(deaths.len()).unwrap_or(u32::MAX).min(16);
        deaths.push_back(now);
        Verdict::RestartAfter(self.backoff.saturating_mul(1 << doublings))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    RestartAfter(Duration),
    Escalate,
}

/// Starts a child linked to the given supervisor and answers its cell.
pub type StartChild =
    Box<dyn FnMut(ActorCell) -> Pin<Box<dyn Future<Output = Result<ActorCell, BoxError>> + Send>> + Send>;

/// One critical child.
pub struct Child {
    /// Its name in logs and escalations.
    pub name: &'static str,
    /// Exit code of the process when it is beyond rescue.
    pub exit_code: u8,
    /// When it is beyond rescue.
    pub policy: Policy,
    /// Starts it, the first time and after each death.
    pub start: StartChild,
}

/// Handle of the supervisor; cheap to clone.
#[derive(Clone)]
pub struct Supervisor {
    actor: ActorRef<Msg>,
}

impl Supervisor {
    /// Starts the root of an actor tree.
    ///
    /// Errors: `Spawn`.
    pub async fn start(on_escalate: OnEscalate) -> Result<Self, Error> {
        let (actor, _join) = Actor::spawn(None, SupervisorActor, on_escalate)
            .await
            .map_err(|error| Error::Spawn { what: "supervisor", source: Box::new(error) })?;
        Ok(Self { actor })
    }

    /// Starts a critical child under this supervisor.
    ///
    /// Errors: `Spawn` (the child refused to start), `Stopped`, `Lost`.
    pub async fn adopt(&self, child: Child) -> Result<(), Error> {
        let name = child.name;
        // Starting may migrate or recover; the child bounds its own start.
        ask(&self.actor, "adopt", Deadline::after(Duration::from_secs(600)), |_, reply| Msg::Adopt {
            child: Box::new(child),
            reply,
        })
        .await?
        .map_err(|source| Error::Spawn { what: name, source })
    }

    /// Names of the children that live.
    ///
    /// Errors: `Stopped`, `Lost`, `TimedOut`.
    pub async fn inspect(&self, deadline: Deadline) -> Result<Vec<&'static str>, Error> {
        ask(&self.actor, "inspect", deadline, |_, reply| Msg::Inspect { reply }).await
    }

    /// Stops the supervisor in order; stop the children first.
    pub async fn stop(&self) {
        // An error says that it has stopped already.
        drop(self.actor.stop_and_wait(Some(ORDERLY.to_owned()), None).await);
    }
}

enum Msg {
    /// Start this child; replied with the outcome of its start.
    Adopt { child: Box<Child>, reply: RpcReplyPort<Result<(), BoxError>> },
    /// A backoff is over: start this child again.
    Restart { child: Box<(Child, VecDeque<Instant>)> },
    /// Replied with the names of living children.
    Inspect { reply: RpcReplyPort<Vec<&'static str>> },
}

struct SupervisorActor;

struct State {
    on_escalate: OnEscalate,
    children: HashMap<ActorId, (Child, VecDeque<Instant>)>,
    is_orderly: bool,
}

impl Drop for State {
    fn drop(&mut self) {
        // `post_stop` does not run when an actor dies, Drop does.
        if !self.is_orderly {
            (self.on_escalate)(Escalation {
                child: "supervisor",
                exit_code: EXIT_SUPERVISOR,
                reason: "the supervisor ended without being asked to".to_owned(),
            });
        }
    }
}

impl Actor for SupervisorActor {
    type Msg = Msg;
    type State = State;
    type Arguments = OnEscalate;

    async fn pre_start(&self, _: ActorRef<Msg>, on_escalate: OnEscalate) -> Result<State, ActorProcessingErr> {
        Ok(State { on_escalate, children: HashMap::new(), is_orderly: false })
    }

    async fn post_stop(&self, _: ActorRef<Msg>, state: &mut State) -> Result<(), ActorProcessingErr> {
        state.is_orderly = true;
        Ok(())
    }

    async fn handle(&self, myself: ActorRef<Msg>, message: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Adopt { mut child, reply: port } => {
                let started = (child.start)(myself.get_cell()).await;
                reply(port, started.map(|cell| drop(state.children.insert(cell.get_id(), (*child, VecDeque::new())))));
            }
            Msg::Restart { child } => state.restart(&myself, *child).await,
            Msg::Inspect { reply: port } => {
                reply(port, state.children.values().map(|(child, _)| child.name).collect());
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Msg>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let (cell, reason) = match event {
            SupervisionEvent::ActorTerminated(cell, _, reason) => match reason {
                Some(reason) if reason == ORDERLY => {
                    state.children.remove(&cell.get_id());
                    return Ok(());
                }
                reason => (cell, reason.unwrap_or_else(|| "stopped without being asked to".to_owned())),
            },
            SupervisionEvent::ActorFailed(cell, error) => (cell, error_chain(error.as_ref())),
            _ => return Ok(()),
        };
        if let Some(child) = state.children.remove(&cell.get_id()) {
            state.bury(&myself, child, reason);
        }
        Ok(())
    }
}

impl State {
    fn bury(&self, myself: &ActorRef<Msg>, (child, mut deaths): (Child, VecDeque<Instant>), reason: String) {
        match child.policy.decide(&mut deaths, Instant::now()) {
            Verdict::RestartAfter(backoff) => {
                tracing::error!(actor.name = child.name, reason, ?backoff, "critical actor died and will be restarted");
                let mut again = Some(Box::new((child, deaths)));
                drop(myself.send_after(backoff, move || Msg::Restart {
                    child: again.take().expect("send_after calls its closure once"),
                }));
            }
            Verdict::Escalate => {
                tracing::error!(actor.name = child.name, reason, "critical actor died; the process must end");
                (self.on_escalate)(Escalation { child: child.name, exit_code: child.exit_code, reason });
            }
        }
    }

    async fn restart(&mut self, myself: &ActorRef<Msg>, (mut child, deaths): (Child, VecDeque<Instant>)) {
        match (child.start)(myself.get_cell()).await {
            Ok(cell) => drop(self.children.insert(cell.get_id(), (child, deaths))),
            Err(error) => self.bury(myself, (child, deaths), error_chain(error.as_ref())),
        }
    }
}

/// An error and its causes on one line.
pub(crate) fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
