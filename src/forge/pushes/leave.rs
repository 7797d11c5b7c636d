//! By what leave refs are moved: a push, or a mirror that follows its remote.

use atomicqms_actors::sql::Connection;

use crate::access::action::{PushRepository, SyncMirror};
use crate::access::{Caller, Permit, RepositoryAccess};
use crate::error::Result;
use crate::model::UtcMs;

/// A permit of one of the two kinds that let refs be moved. Which it is says the gate: neither is given where the other is.
#[derive(Debug)]
pub enum Leave {
    /// To push.
    Push(Permit<PushRepository>),
    /// To synchronize a mirror.
    Sync(Permit<SyncMirror>),
}

impl From<Permit<PushRepository>> for Leave {
    fn from(permit: Permit<PushRepository>) -> Self {
        Self::Push(permit)
    }
}

impl Leave {
    /// Who was let through.
    pub fn caller(&self) -> &Caller {
        match self {
            Self::Push(permit) => permit.caller(),
            Self::Sync(permit) => permit.caller(),
        }
    }

    /// The repository, as it was when the gate looked.
    pub fn subject(&self) -> &RepositoryAccess {
        match self {
            Self::Push(permit) => permit.subject(),
            Self::Sync(permit) => permit.subject(),
        }
    }

    /// Looks again with the rows of an open transaction.
    ///
    /// Errors: as [`Permit::confirm`].
    pub(super) fn confirm(&self, tx: &dyn Connection, now: UtcMs) -> Result<RepositoryAccess> {
        match self {
            Self::Push(permit) => permit.confirm(tx, now),
            Self::Sync(permit) => permit.confirm(tx, now),
        }
    }
}
