//! The part of a push that runs inside the commit transaction, and the change of HEAD that a first push brings.
//!
//! Owns the order there: confirm the permit with current rows, compare, one event and one journal row a ref. Called by the
//! repository actor through [`CommitRefs`].

use std::sync::Arc;

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::repository::{CommitRefs, EditOutcome, RepositoryHandle};
use atomicqms_actors::sql::Connection;
use atomicqms_git::{ObjectId, RefEdit, RefName};
use serde_json::{Map, Value, json};

use crate::access::action::PushRepository;
use crate::access::{Caller, Permit};
use crate::audit::event::GitChange;
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::forge::Forge;
use crate::forge::maintenance::Asked;
use crate::model::{Clock, RepoId, Repository, UserId, UtcMs};

use super::certificate::{Evidence, FindSigner};
use super::policy::{self, Motion, Rules};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the repository actor commits for one push.
pub(super) struct CommitPush {
    pub(super) permit: Permit<PushRepository>,
    pub(super) clock: Arc<dyn Clock>,
    /// None: the push brings no objects.
    pub(super) growth: Option<Growth>,
    /// The maintenance this push makes due.
    pub(super) asked: Asked,
    /// For the ledger and for policies; never for visibility.
    pub(super) push_options: Vec<String>,
    pub(super) evidence: Option<Evidence>,
    pub(super) find_signer: FindSigner,
}

/// What the objects of a push do to the size of a repository.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    /// What all objects take on disk with this push.
    pub(super) total_bytes: u64,
    /// What this push brings.
    pub(super) added_bytes: u64,
    /// What all may take; 0: anything.
    pub(super) limit_bytes: u64,
}

impl Growth {
    /// Refuses to grow beyond the limit, from a size in a row.
    pub(super) fn check(&self, current: i64) -> std::result::Result<(), String> {
        policy::check_quota(u64::try_from(current).unwrap_or(0), self.added_bytes, self.limit_bytes)
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
        if let Some(Err(reason)) = self.growth.map(|growth| growth.check(repository.size_bytes)) {
            return Err(Error::new(Kind::TooLarge, reason).into());
        }
        let rules = Rules::of(&repository);
        let judged: Vec<_> = edits.iter().map(|edit| rules.judge(edit.name.as_str(), Motion::of(edit))).collect();
        let signature = match &self.evidence {
            Some(evidence) if judged.iter().any(std::result::Result::is_ok) => {
                let user = self.permit.caller().user_id();
                let push = db::push_certificates::Push { repository: repository.id, user, at: now };
                Some((evidence, evidence.keep(tx, &push, self.find_signer)?))
            }
            _ => None,
        };
        let said = self.said(signature);
        let commit = |(edit, verdict): (&RefEdit, _)| match verdict {
            Ok(()) => commit_edit(tx, self.permit.caller(), &repository, edit, said.as_ref(), now),
            Err(reason) => Ok(EditOutcome::Refused { reason: str::to_owned(reason) }),
        };
        let outcomes = edits.iter().zip(judged).map(commit).collect::<Result<Vec<_>>>()?;
        db::repositories::mark_pushed(tx, repository.id, now)?;
        if let Some(growth) = self.growth {
            let total = i64::try_from(growth.total_bytes).unwrap_or(i64::MAX);
            db::repositories::mark_size(tx, repository.id, total)?;
        }
        self.asked.schedule(tx, repository.id, now)?;
        Ok(outcomes)
    }
}

impl CommitPush {
    /// What the events of this push say besides the refs: its options, and the certificate that orders it.
    fn said(&self, signature: Option<(&Evidence, &'static str)>) -> Option<Value> {
        let mut said = Map::new();
        if !self.push_options.is_empty() {
            said.insert("push_options".to_owned(), json!(self.push_options));
        }
        if let Some((evidence, verification)) = signature {
            let sha256 = audit::event::hex(evidence.sha256());
            said.insert("push_certificate".to_owned(), json!({ "sha256": sha256, "signature": verification }));
        }
        (!said.is_empty()).then_some(Value::Object(said))
    }
}

fn commit_edit(
    tx: &dyn Connection,
    caller: &Caller,
    repository: &Repository,
    edit: &RefEdit,
    said: Option<&Value>,
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
    let mut event = Event::new(caller.stamp(), action::GIT_REF_UPDATE, object).git(change);
    event.after = said.cloned();
    let seq = audit::append(tx, now, &event)?;
    if db::refs::record_edit(tx, repository.id, edit, user, seq, now)? {
        return Ok(EditOutcome::Applied);
    }
    Err(Error::broken(format!("ref {} changed inside its own transaction", edit.name)))
}

fn hex(id: ObjectId) -> String {
    id.to_string()
}

/// Writes one ref with its event and its journal row, for who makes refs without a push.
pub(in crate::forge) fn record_ref(
    tx: &dyn Connection,
    caller: &Caller,
    repository: &Repository,
    edit: &RefEdit,
    now: UtcMs,
) -> Result<EditOutcome> {
    commit_edit(tx, caller, repository, edit, None, now)
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
