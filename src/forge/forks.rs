//! Forks: a repository of one's own that begins with the branches and tags of another.
//!
//! Owns the order: the repository is made, then gets the objects, then the refs that need them; what cannot be completed is taken back. Objects are shared as
//! files with two names where a pack holds nothing but what the refs reach ([`atomicqms_git::maintenance::share`]), so that neither repository depends on the other. Called by the API.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_actors::Deadline;
use atomicqms_actors::repository::{CommitRefs, EditOutcome, RepositoryHandle, UpdateRefs};
use atomicqms_actors::sql::Connection;
use atomicqms_git::maintenance::share;
use atomicqms_git::{ObjectId, Ref, RefEdit, View};

use super::Forge;
use super::intake::Intake;
use super::pushes::{confirm_source, record_ref};
use super::repositories::{MayCreateRepository, create_repository, remove_unfinished};
use crate::access::action::{ListForks, ReadCode};
use crate::access::{Caller, Client, Permit, RepoPath, authorize};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::forge::repositories::{Seen, list_forks_of, viewer_of};
use crate::model::{Clock, NewRepository, Page, Paged, RepoId, RepoName, Repository, UserName};

/// Refs that one transaction makes, so that others do not wait for all of a large repository.
const REFS_AT_ONCE: usize = 500;
/// Repositories of one owner that the gate is asked about.
const MAX_RELATIVES: i64 = 20;
/// What comes over: branches and tags, not what the server keeps for itself.
const TAKEN_OVER: [&str; 2] = ["refs/heads/", "refs/tags/"];

/// Makes a fork.
///
/// Shape: must not be cancelled half way, so callers run it as a detached task. It is private where not everybody may read the source.
/// Errors: `Conflict` where the new owner has a fork of it already, or a repository of that name; `Invalid` for one's own repository; those of
/// [`create_repository`].
pub async fn fork_repository<A: MayCreateRepository>(
    forge: &Arc<Forge>,
    intake: &Intake,
    source: Permit<ReadCode>,
    permit: Permit<A>,
    name: Option<RepoName>,
) -> Result<Repository> {
    let caller = permit.caller().clone();
    let may_read = Arc::new(source);
    let source = may_read.subject().repository.clone();
    let owner = A::owner(permit.subject()).id;
    if owner == source.owner_id {
        return Err(Error::conflict("The repository with the same name already exists."));
    }
    let id = source.id;
    let known = forge.read("find fork", move |conn| Ok(db::repositories::find_fork(conn, owner, id)?)).await?;
    if known.is_some() {
        return Err(Error::conflict("repository is already forked by this owner"));
    }
    let new = NewRepository {
        description: source.description.clone(),
        is_private: !source.is_public(),
        default_branch: Some(source.default_branch.clone()),
        forked_from: Some(source.id),
        ..NewRepository::new(name.unwrap_or_else(|| source.name.clone()))
    };
    let made = create_repository(forge, permit, new).await?;
    if let Err(error) = fill(forge, intake, &caller, &may_read, &made).await {
        if let Err(kept) = remove_unfinished(forge, caller, made.clone(), "the fork could not be completed").await {
            tracing::warn!(repo.id = made.id.get(), error = %kept.log_line(), "an incomplete fork stays");
        }
        return Err(error);
    }
    let id = made.id;
    forge.read("read repository", move |conn| db::repositories::find(conn, id)?.ok_or_else(Error::not_found)).await
}

async fn fill(
    forge: &Forge,
    intake: &Intake,
    caller: &Caller,
    may_read: &Arc<Permit<ReadCode>>,
    made: &Repository,
) -> Result<()> {
    let source = &may_read.subject().repository;
    let place = intake.receive(Client::of(caller)).await?;
    let (from, to) = (forge.open(source).await?, forge.open(made).await?);
    let view = from.view();
    let refs: Vec<Ref> = TAKEN_OVER.iter().flat_map(|prefix| view.refs.iter_prefix(prefix)).cloned().collect();
    if refs.is_empty() {
        return Ok(());
    }
    let interrupt = Arc::new(AtomicBool::new(false));
    let alarm = intake.interrupt_after_timeout(&interrupt);
    let tips: Vec<ObjectId> = refs.iter().map(|entry| entry.target).collect();
    let (source_git, objects) = (from.git(), view.odb.clone());
    // In the turn of the new repository: nobody else knows it yet.
    let work = move |target: &atomicqms_git::Repository, _: &View| {
        let _kept = alarm;
        share(&source_git, &objects, &tips, target, &interrupt)
    };
    let stats = to.in_turn("share objects", work, intake.deadline()).await?;
    tracing::info!(
        repo.id = made.id.get(),
        packs.shared = stats.shared_packs,
        objects.copied = stats.copied_objects,
        "objects of a fork"
    );
    for part in refs.chunks(REFS_AT_ONCE) {
        let commit = CommitFork {
            caller: caller.clone(),
            may_read: Arc::clone(may_read),
            repository: made.clone(),
            clock: Arc::clone(&forge.clock),
        };
        land(&to, part, commit, intake.deadline()).await?;
    }
    forge.wake_indexing();
    drop(place);
    Ok(())
}

async fn land(to: &RepositoryHandle, refs: &[Ref], commit: CommitFork, deadline: Deadline) -> Result<()> {
    let edit =
        |entry: &Ref| RefEdit { name: entry.name.clone(), old: None, new: Some(entry.target), peeled: entry.peeled };
    let update = UpdateRefs {
        edits: refs.iter().map(edit).collect(),
        atomic: true,
        ingested: None,
        commit: Box::new(commit),
        deadline,
    };
    let outcomes = to.update_refs(update).await?;
    match outcomes.iter().find(|outcome| !outcome.is_applied()) {
        Some(EditOutcome::Refused { reason }) => {
            Err(Error::conflict(format!("the fork was changed meanwhile: {reason}")))
        }
        _ => Ok(()),
    }
}

/// Writes the refs of a fork, each with its event and its journal row, as a push does.
struct CommitFork {
    caller: Caller,
    /// Leave to read what is copied, which must hold to the end.
    may_read: Arc<Permit<ReadCode>>,
    repository: Repository,
    clock: Arc<dyn Clock>,
}

impl CommitRefs for CommitFork {
    fn commit(
        self: Box<Self>,
        tx: &dyn Connection,
        repo: i64,
        edits: &[RefEdit],
    ) -> std::result::Result<Vec<EditOutcome>, Box<dyn std::error::Error + Send + Sync>> {
        let now = self.clock.now();
        // Deleted or given away meanwhile: then it is not this caller's to fill any more.
        let current = db::repositories::find(tx, RepoId::new(repo))?;
        if current
            .is_none_or(|current| current.owner_id != self.repository.owner_id || current.id != self.repository.id)
        {
            return Err(Error::conflict("the fork was changed while it was made").into());
        }
        confirm_source(&self.may_read, tx, now)?;
        let outcomes = edits
            .iter()
            .map(|edit| record_ref(tx, &self.caller, &self.repository, edit, now))
            .collect::<Result<Vec<_>>>()?;
        db::repositories::mark_pushed(tx, self.repository.id, now)?;
        Ok(outcomes)
    }
}

/// Finds a repository whose code the caller may read and that comes from the same origin as another, by its owner and perhaps its name; the oldest of several.
///
/// Errors: `NotFound` when there is none.
pub async fn find_relative(
    forge: &Forge,
    caller: &Caller,
    repository: &Repository,
    owner: UserName,
    name: Option<RepoName>,
) -> Result<Permit<ReadCode>> {
    let (caller, id) = (caller.clone(), repository.id);
    forge
        .read("find relative", move |conn| {
            let owner = db::users::find_by_name(conn, &owner)?.ok_or_else(Error::not_found)?;
            let viewer = viewer_of(&caller);
            let found =
                db::repositories::search::list_relatives(conn, &viewer, id, owner.id, name.as_ref(), MAX_RELATIVES)?;
            for id in found {
                let Some(found) = db::repositories::find(conn, id)? else { continue };
                match authorize(conn, &caller, ReadCode, &RepoPath::new(found.owner, found.name)) {
                    Ok(permit) => return Ok(permit),
                    Err(error) if error.kind() == Kind::Internal => return Err(error),
                    // The statement knows less than the gate.
                    Err(_) => {}
                }
            }
            // Not even that there is one.
            Err(Error::not_found())
        })
        .await
}

/// Lists the forks of a repository that the caller may see.
pub async fn list_forks(forge: &Forge, permit: Permit<ListForks>, page: Page) -> Result<Paged<Seen>> {
    list_forks_of(forge, permit.caller(), permit.subject().repository.id, page).await
}
