//! Objects that are taken in ahead of the refs that need them.
//!
//! A push brings its objects with its refs, and where no ref lands they are dropped. Changes that land in parts cannot do that: any of the parts may be refused as a whole,
//! and the others need the pack. So it becomes a part of the repository first, and is removed like anything else that no ref reaches if nothing lands after all.
//! Called by mirrors.

use atomicqms_actors::repository::RepositoryHandle;
use atomicqms_actors::sql::Connection;
use atomicqms_git::{Incoming, PackSource, Repository, View};

use super::{Checked, Fault, Growth, check, unpack_failure};
use crate::access::action::SyncMirror;
use crate::access::{Client, Permit};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::forge::Forge;
use crate::forge::intake::Intake;
use crate::forge::protection::Rules;

/// Takes a pack in, checked as that of a push is, and makes it a part of the repository.
///
/// Shape: must not be cancelled half way. No refs move, so the ledger has nothing to say; the size of the repository is written.
/// Errors: as a push has them as a whole, with its words.
pub async fn take_in(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<SyncMirror>,
    handle: &RepositoryHandle,
    pack: (Incoming, PackSource),
) -> Result<()> {
    let repository = permit.subject().repository.clone();
    match install(forge, intake, permit, handle, pack).await {
        Ok(()) => Ok(()),
        Err(fault) => {
            let kind = fault.kind();
            Err(Error::new(kind, unpack_failure(forge, &repository, fault).await))
        }
    }
}

async fn install(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<SyncMirror>,
    handle: &RepositoryHandle,
    pack: (Incoming, PackSource),
) -> std::result::Result<(), Fault> {
    let (id, client, now) = (permit.subject().repository.id, Client::of(permit.caller()), forge.clock.now());
    let checked =
        check(intake, client, &handle.view(), Vec::new(), Some(pack), &Rules::default(), Box::new(|_| {})).await?;
    let Checked { ingested: Some(ingested), held, .. } = checked else { return Ok(()) };
    let growth = Growth {
        total_bytes: ingested.snapshot().size_bytes(),
        added_bytes: ingested.stats().pack_bytes,
        limit_bytes: forge.settings.max_repository_bytes,
    };
    let look_again = move |conn: &dyn Connection| Ok(permit.confirm(conn, now)?.repository.size_bytes);
    let current = forge.read("may the mirror grow", look_again).await.map_err(Fault::Server)?;
    growth.check(current).map_err(|reason| Fault::Server(Error::new(Kind::TooLarge, reason)))?;
    let work = move |target: &Repository, _: &View| {
        // The place stays with the work.
        let _held = held;
        ingested.install_into(target).map(drop)
    };
    let done = handle.in_turn("install objects of a mirror", work, intake.deadline()).await;
    done.map_err(|error| match error {
        atomicqms_actors::Error::Git(error) => Fault::Engine(error),
        error => Fault::Server(error.into()),
    })?;
    let total = i64::try_from(growth.total_bytes).unwrap_or(i64::MAX);
    let write = move |tx: &dyn Connection| Ok(db::repositories::mark_size(tx, id, total)?);
    forge.write("size of a mirror", write).await.map_err(Fault::Server)
}
