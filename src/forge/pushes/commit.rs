//! The part of a push that runs inside the commit transaction, and the change of HEAD that a first push brings.
//!
//! Owns the order there: confirm the permit with current rows, compare, one event and one journal row a ref. Called by the
//! repository actor through [`CommitRefs`].

use std::sync::Arc;

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::repository::{CommitRefs, EditOutcome, RepositoryHandle};
use atomicqms_actors::sql::Connection;
use atomicqms_git::{ObjectId, RefEdit, RefName};
use serde_json::json;

use crate::access::action::PushRepository;
use crate::access::{Caller, Permit};
use crate::audit::event::GitChange;
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::forge::Forge;
use crate::forge::maintenance::Asked;
use crate::model::{Clock, RepoId, Repository, UserId, UtcMs};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the repository actor commits for one push.
pub(super) struct CommitPush {
    permit: Permit<PushRepository>,
    clock: Arc<dyn Clock>,
    size_bytes: Option<u64>,
    asked: Asked,
}

impl CommitPush {
    /// `size_bytes` is what the repository's objects take on disk with this push; none: as before.
    pub(super) fn new(
        permit: Permit<PushRepository>,
        clock: Arc<dyn Clock>,
        size_bytes: Option<u64>,
        asked: Asked,
    ) -> Self {
        Self { permit, clock, size_bytes, asked }
    }
}

impl CommitRefs for CommitPush {
    fn commit(
        self: Box<Self>,
        tx: &dyn Connection,
        repo: i64,
        edits: &[RefEdit],
    ) -> std::result::Result<Vec<EditOutcome>, BoxError> {
        let now = self.clock.now();
        let repository = self.permit.confirm(tx, now)?.repository;
        if repository.id != RepoId::new(repo) {
            return Err(Error::broken(format!("permit for repository {}, turn of {repo}", repository.id)).into());
        }
        let outcomes = edits
            .iter()
            .map(|edit| commit_edit(tx, self.permit.caller(), &repository, edit, now))
            .collect::<Result<Vec<_>>>()?;
        db::repositories::mark_pushed(tx, repository.id, now)?;
        if let Some(size_bytes) = self.size_bytes {
            db::repositories::mark_size(tx, repository.id, i64::try_from(size_bytes).unwrap_or(i64::MAX))?;
        }
        self.asked.schedule(tx, repository.id, now)?;
        Ok(outcomes)
    }
}

fn commit_edit(
    tx: &dyn Connection,
    caller: &Caller,
    repository: &Repository,
    edit: &RefEdit,
    now: UtcMs,
) -> Result<EditOutcome> {
    let actual = db::refs::find(tx, repository.id, edit.name.as_str())?.map(|found| found.target);
    if actual != edit.old {
        // The actor compared with its view before it asked: rows that differ from the view mean somebody wrote them behind it.
        tracing::error!(repo.id = repository.id.get(), git.r#ref = %edit.name, "ref rows differ from the repository's view");
        return Err(Error::conflict("the ref changed meanwhile; fetch and try again"));
    }
    let user: Option<UserId> = caller.user_id();
    let object = Object::in_repository("ref", repository.id, edit.name.as_str());
    let change = GitChange {
        reference: Some(edit.name.as_str().to_owned()),
        old: edit.old.map(hex),
        new: edit.new.map(hex),
        ..GitChange::default()
    };
    let event = Event::new(caller.stamp(), action::GIT_REF_UPDATE, object).git(change);
    let seq = audit::append(tx, now, &event)?;
    if db::refs::record_edit(tx, repository.id, edit, user, seq, now)? {
        return Ok(EditOutcome::Applied);
    }
    Err(Error::broken(format!("ref {} changed inside its own transaction", edit.name)))
}

fn hex(id: ObjectId) -> String {
    id.to_string()
}

/// Lets HEAD follow the first branch of a repository that was empty. A failure is logged and harms nothing: HEAD stays unborn.
pub(super) async fn adopt_default_branch(
    forge: &Forge,
    handle: &RepositoryHandle,
    repository: &Repository,
    head: RefName,
    deadline: Deadline,
) {
    let Some(branch) = head.as_str().strip_prefix("refs/heads/").map(str::to_owned) else { return };
    let (id, before, now) = (repository.id, repository.default_branch.clone(), forge.clock.now());
    let commit = move |tx: &dyn Connection| {
        let event =
            Event::new(Caller::system().stamp(), action::REPOSITORY_EDIT, Object::in_repository("repository", id, id))
                .before(json!({ "default_branch": before }))
                .after(json!({ "default_branch": branch }))
                .reason("first push into an empty repository");
        db::repositories::set_default_branch(tx, id, &branch, now)?;
        audit::append(tx, now, &event)?;
        Ok(())
    };
    if let Err(error) = handle.set_head(head, commit, deadline).await {
        tracing::warn!(repo.id = repository.id.get(), %error, "the default branch could not follow the first push");
    }
}
