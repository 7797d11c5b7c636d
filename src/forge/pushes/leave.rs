//! By what leave refs are moved: a push, perhaps of what another repository has, or a mirror that follows its remote.

use atomicqms_actors::sql::Connection;

use crate::access::action::{PushRepository, ReadCode, SyncMirror};
use crate::access::{Caller, Permit, RepositoryAccess};
use crate::error::{Error, Kind, Result};
use crate::model::UtcMs;

/// A permit of one of the kinds that let refs be moved. Which it is says the gate: neither is given where the other is.
#[derive(Debug)]
pub enum Leave {
    /// To push.
    Push(Permit<PushRepository>),
    /// To push what comes from another repository, as long as that may be read.
    PushFrom {
        /// To push.
        push: Permit<PushRepository>,
        /// To read where it comes from.
        source: Box<Permit<ReadCode>>,
    },
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
            Self::Push(permit) | Self::PushFrom { push: permit, .. } => permit.caller(),
            Self::Sync(permit) => permit.caller(),
        }
    }

    /// The repository, as it was when the gate looked.
    pub fn subject(&self) -> &RepositoryAccess {
        match self {
            Self::Push(permit) | Self::PushFrom { push: permit, .. } => permit.subject(),
            Self::Sync(permit) => permit.subject(),
        }
    }

    /// Looks again with the rows of an open transaction.
    ///
    /// Errors: as [`Permit::confirm`]; `NotFound` when the source may not be read any more: what became of it is not told.
    pub(super) fn confirm(&self, tx: &dyn Connection, now: UtcMs) -> Result<RepositoryAccess> {
        match self {
            Self::Push(permit) => permit.confirm(tx, now),
            Self::PushFrom { push, source } => {
                confirm_source(source, tx, now)?;
                push.confirm(tx, now)
            }
            Self::Sync(permit) => permit.confirm(tx, now),
        }
    }
}

/// Looks again, with the rows of an open transaction, whether what is copied may still be read.
///
/// Errors: `NotFound`.
pub(in crate::forge) fn confirm_source(source: &Permit<ReadCode>, tx: &dyn Connection, now: UtcMs) -> Result<()> {
    match source.confirm(tx, now) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == Kind::Internal => Err(error),
        Err(_) => Err(Error::not_found()),
    }
}
