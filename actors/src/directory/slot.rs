//! What the directory knows of one repository, and the next step it takes: plain data.
//!
//! Owns the life cycle vacant - starting - open - closing - vacant or retired. Decides, does nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use ractor::RpcReplyPort;

use super::Retired;
use crate::repository::Live;
use crate::{Deadline, Error};

/// Somebody who waits for a repository to be open.
pub(super) struct Opener {
    pub(super) deadline: Deadline,
    pub(super) reply: RpcReplyPort<Result<Arc<Live>, Error>>,
}

/// Somebody who waits for a repository to be closed and stay so.
pub(super) struct Retirer {
    pub(super) deadline: Deadline,
    pub(super) reply: RpcReplyPort<Result<Retired, Error>>,
}

/// Where in its life a repository is.
pub(super) enum Phase {
    Vacant,
    Starting,
    Open(Arc<Live>),
    /// On its way down: draining, flushing, or found dead before the news of it arrived.
    Closing,
    Retired,
}

/// One repository.
pub(super) struct Slot {
    pub(super) phase: Phase,
    pub(super) openers: Vec<Opener>,
    pub(super) retirers: VecDeque<Retirer>,
}

/// What to do next.
pub(super) enum Step {
    /// Wait for news.
    Wait,
    /// Nobody wants it and nothing runs.
    Forget,
    Start,
    Close(Arc<Live>),
    Answer(Arc<Live>, Vec<Opener>),
    Retire(Retirer),
}

impl Slot {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Vacant, openers: Vec::new(), retirers: VecDeque::new() }
    }

    /// Decides the next step and moves to the phase that the step leads to.
    pub(super) fn step(&mut self) -> Step {
        self.openers.retain(|opener| !opener.deadline.has_passed() && !opener.reply.is_closed());
        self.retirers.retain(|retirer| !retirer.deadline.has_passed() && !retirer.reply.is_closed());
        match &self.phase {
            Phase::Starting | Phase::Closing | Phase::Retired => Step::Wait,
            Phase::Vacant => {
                if let Some(retirer) = self.retirers.pop_front() {
                    self.phase = Phase::Retired;
                    Step::Retire(retirer)
                } else if self.openers.is_empty() {
                    Step::Forget
                } else {
                    self.phase = Phase::Starting;
                    Step::Start
                }
            }
            Phase::Open(live) if live.is_dead() => {
                self.phase = Phase::Closing;
                Step::Wait
            }
            Phase::Open(live) if !self.retirers.is_empty() => {
                let live = Arc::clone(live);
                self.phase = Phase::Closing;
                Step::Close(live)
            }
            Phase::Open(live) => {
                if self.openers.is_empty() {
                    return Step::Wait;
                }
                Step::Answer(Arc::clone(live), std::mem::take(&mut self.openers))
            }
        }
    }
}
