//! One turn that is not a push: HEAD, file work; and what all turns share.
//!
//! Owns the order that makes them safe: stale ones dropped, committed, view published, files written. Up to the commit nothing that anybody can see has
//! changed.

use std::sync::Arc;

use atomicqms_git as git;
use git::{RefTable, View};

use super::actor::{State, Tools, blocking};
use super::{Outcome, SetHead, Work};
use crate::error::BoxError;
use crate::{Deadline, Error};

/// Makes a pack a part of the repository, as files, and makes sure that no ref will point at nothing. Blocks.
pub(super) fn install(
    git: &git::Repository,
    ingested: Option<git::Ingested>,
    tips: &[git::ObjectId],
) -> Result<(), git::Error> {
    if let Some(ingested) = ingested {
        ingested.install_into(git)?;
    }
    let mut odb = git.odb();
    if lacks(&odb, tips)?.is_some() {
        // The quarantine may belong to an earlier opening of this directory, which published to itself.
        odb = git.refresh()?;
    }
    match lacks(&odb, tips)? {
        None => Ok(()),
        Some(id) => Err(git::Error::MissingObject { id, kind: "object", referenced_by: None }),
    }
}

fn lacks(odb: &git::odb::Snapshot, tips: &[git::ObjectId]) -> Result<Option<git::ObjectId>, git::Error> {
    for tip in tips {
        if !odb.contains(tip)? {
            return Ok(Some(*tip));
        }
    }
    Ok(None)
}

/// Publishes refs and HEAD with the objects as they are.
pub(super) fn publish(state: &State, before: &View, refs: RefTable, head: git::RefName) {
    let next = View { refs, head, odb: state.live.git.odb(), version: before.version + 1 };
    state.live.view.store(Arc::new(next));
}

/// Points HEAD at another branch.
pub(super) async fn set_head_branch(state: &mut State, set_head: SetHead) -> Outcome {
    let SetHead { head, commit, deadline } = set_head;
    if deadline.has_passed() {
        return Err(Error::Expired { what: "set head" });
    }
    commit_head(&state.tools, commit, deadline).await?;
    let view = state.live.view.load_full();
    publish(state, &view, view.refs.clone(), head.clone());
    let git = state.live.git.clone();
    if let Err(error) = blocking("write HEAD", move || git.write_head(&head)).await {
        state.projection_failed(&error);
    }
    Ok(Vec::new())
}

/// Works on files, once everything that is committed is a file.
pub(super) async fn work_on_files(state: &mut State, work: Work) -> Outcome {
    if work.deadline.has_passed() {
        return Err(Error::Expired { what: work.what });
    }
    state.write_packs_now().await?;
    let view = state.live.view.load_full();
    let (git, seen) = (state.live.git.clone(), Arc::clone(&view));
    let outcome = blocking("work on files", move || (work.run)(&git, &seen)).await;
    // Also after a failure: what was published before it is there.
    if !Arc::ptr_eq(&view.odb, &state.live.git.odb()) {
        publish(state, &view, view.refs.clone(), view.head.clone());
    }
    outcome.map(|()| Vec::new())
}

async fn commit_head(tools: &Tools, commit: super::CommitHead, deadline: Deadline) -> Result<(), Error> {
    let rejected = |error: BoxError| Error::Rejected(error);
    tools.writer.write_before("set head", deadline, move |tx| commit(tx).map_err(rejected)).await
}
