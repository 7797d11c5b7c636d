//! The part of a push that runs inside the commit transaction, and the change of HEAD that a first push brings.
//!
//! Owns the order there: confirm the permit with current rows, compare, one event and one journal row a ref. Called by the
//! repository actor through [`CommitRefs`].

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use atomicqms_actors::ask::Deadline;
use atomicqms_actors::repository::{CommitRefs, EditOutcome, RepositoryHandle};
use atomicqms_actors::sql::Connection;
use atomicqms_git::{ObjectId, RefEdit, RefName};
use serde_json::{Map, Value, json};

use crate::access::Caller;
use crate::audit::event::GitChange;
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::forge::Forge;
use crate::forge::code_search;
use crate::forge::maintenance::Asked;
use crate::model::openpgp::Refusal::NoKey;
use crate::model::{Clock, RepoId, Repository, TeamId, UserId, UtcMs};

use super::certificate::{Evidence, FindSigner};
use super::facts::Facts;
use super::leave::Leave;
use super::policy::{self, Judge, Purpose, Refusal};
use crate::access::{Principal, RepositoryAccess};
use crate::forge::protection::rules::{BranchRules, Pusher, TagRules};
use crate::forge::protection::{Rules, teams_of, unreadable};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the repository actor commits for one push.
pub(super) struct CommitPush {
    pub(super) permit: Leave,
    pub(super) clock: Arc<dyn Clock>,
    /// None: the push brings no objects.
    pub(super) growth: Option<Growth>,
    /// The maintenance this push makes due.
    pub(super) asked: Asked,
    /// For the ledger and for policies; never for visibility.
    pub(super) push_options: Vec<String>,
    pub(super) evidence: Option<Evidence>,
    /// What the refs are moved for.
    pub(super) purpose: Purpose,
    /// One refused change refuses all.
    pub(super) is_atomic: bool,
    /// The rules as they were when the push came in.
    pub(super) known: Rules,
    /// What was found out for them, by ref.
    pub(super) facts: HashMap<RefName, Facts>,
    /// Set when a rule refused something.
    pub(super) denied: Arc<OnceLock<Denial>>,
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
        let RepositoryAccess { repository, rights, .. } = self.permit.confirm(tx, now)?;
        if repository.id != RepoId::new(repo) {
            return Err(Error::broken(format!("permit for repository {}, turn of {repo}", repository.id)).into());
        }
        if let Some(Err(reason)) = self.growth.map(|growth| growth.check(repository.size_bytes)) {
            return Err(Error::new(Kind::TooLarge, reason).into());
        }
        let rules = current_rules(tx, repository.id, &self.known, edits)?;
        let teams = teams_of(tx, &rules, self.permit.caller().user_id())?;
        let judge = Judge {
            rules: &rules,
            default_branch: &repository.default_branch,
            pusher: pusher(self.permit.caller(), &teams),
            level: rights.level,
        };
        let mut verdicts = Vec::with_capacity(edits.len());
        for edit in edits {
            let exists = |name: &str| match edits.iter().find(|other| other.name.as_str() == name) {
                Some(other) => Ok(other.new.is_some()),
                None => db::refs::find(tx, repository.id, name).map(|found| found.is_some()),
            };
            let namesake = policy::judge_namesake(&rules, edit, exists)?;
            let facts = self.facts_of(tx, edit)?;
            verdicts.push(namesake.and_then(|()| judge.judge(edit, &facts, &self.purpose)));
        }
        let refused: Vec<(RefEdit, Refusal)> =
            edits.iter().zip(&verdicts).filter_map(|(edit, one)| Some((edit.clone(), one.clone().err()?))).collect();
        let is_stopped = self.is_atomic && !refused.is_empty();
        if !refused.is_empty() {
            let is_final = is_stopped || refused.len() == edits.len();
            let known = refused.iter().map(|(edit, refusal)| self.purpose.knows(edit, refusal)).collect();
            let denial = Denial { known, caller: self.permit.caller().clone(), repo: repository.id, refused, is_final };
            denial.note(tx, now)?;
            // It is asked once; a second value could only be the same.
            let _ = self.denied.set(denial);
        }
        let signature = match &self.evidence {
            Some(evidence) if !is_stopped && verdicts.iter().any(std::result::Result::is_ok) => {
                let user = self.permit.caller().user_id();
                let push = db::push_certificates::Push { repository: repository.id, user, at: now };
                Some((evidence, evidence.keep(tx, &push, self.find_signer)?))
            }
            _ => None,
        };
        let said = self.said(signature);
        let commit = |(edit, verdict): (&RefEdit, std::result::Result<(), Refusal>)| match verdict {
            Ok(()) if is_stopped => Ok(EditOutcome::Refused { reason: super::ATOMIC_FAILURE.to_owned() }),
            Ok(()) => commit_edit(tx, self.permit.caller(), &repository, edit, said.as_ref(), now),
            Err(refusal) => Ok(EditOutcome::Refused { reason: refusal.reason }),
        };
        let outcomes = edits.iter().zip(verdicts).map(commit).collect::<Result<Vec<_>>>()?;
        if !outcomes.iter().any(EditOutcome::is_applied) {
            return Ok(outcomes);
        }
        if let Purpose::Rename { from, to } = &self.purpose
            && *from == repository.default_branch
        {
            move_default_branch(tx, self.permit.caller(), &repository, to, now)?;
        }
        db::repositories::mark_pushed(tx, repository.id, now)?;
        if let Some(growth) = self.growth {
            let total = i64::try_from(growth.total_bytes).unwrap_or(i64::MAX);
            db::repositories::mark_size(tx, repository.id, total)?;
        }
        self.asked.schedule(tx, repository.id, now)?;
        Ok(outcomes)
    }
}

/// Who pushes, as rules see it.
fn pusher<'a>(caller: &Caller, teams: &'a [TeamId]) -> Pusher<'a> {
    match caller.principal() {
        Principal::User(user) => Pusher::User(user.id, teams),
        Principal::DeployKey(_) => Pusher::DeployKey,
        Principal::Anonymous | Principal::Console | Principal::System => Pusher::Other,
    }
}

/// The rules as their rows are now, as far as these edits concern them; those that are known and the same are not read anew.
fn current_rules(tx: &dyn Connection, repo: RepoId, known: &Rules, edits: &[RefEdit]) -> Result<Rules> {
    let mut rules = Rules::default();
    if edits.iter().any(|edit| edit.name.branch().is_some()) {
        let rows = db::protection::list_branch_rules(tx, repo)?;
        rules.branches = if known.branches.are(&rows) {
            Arc::clone(&known.branches)
        } else {
            Arc::new(BranchRules::new(rows).map_err(unreadable)?)
        };
    }
    if edits.iter().any(|edit| edit.name.branch().is_some() || edit.name.tag().is_some()) {
        let rows = db::protection::list_tag_rules(tx, repo)?;
        rules.tags = if known.tags.are(&rows) {
            Arc::clone(&known.tags)
        } else {
            Arc::new(TagRules::new(rows).map_err(unreadable)?)
        };
    }
    Ok(rules)
}

/// Changes that rules refused, for the ledger.
pub(super) struct Denial {
    caller: Caller,
    repo: RepoId,
    refused: Vec<(RefEdit, Refusal)>,
    /// Which of them the ledger knows.
    known: Vec<bool>,
    /// Nothing else was to be done in that transaction, so that nothing else can have undone it.
    is_final: bool,
}

impl Denial {
    /// One event for each; it is committed although nothing else is.
    fn note(&self, tx: &dyn Connection, now: UtcMs) -> Result<()> {
        let news = self.refused.iter().zip(&self.known).filter(|(_, is_known)| !**is_known);
        for ((edit, refusal), _) in news {
            let object = Object::in_repository("ref", self.repo, edit.name.as_str());
            let event = Event::new(self.caller.stamp(), action::GIT_REF_REFUSED, object)
                .git(change_of(edit))
                .after(json!({ "rule": refusal.rule }))
                .reason(refusal.reason.as_str());
            audit::append(tx, now, &event)?;
        }
        Ok(())
    }
}

/// Writes down what rules refused when the transaction that refused it was undone for another reason: a push must not be able to try in silence.
pub(super) async fn note_again(forge: &Forge, denied: &Arc<OnceLock<Denial>>, has_landed: bool, has_failed: bool) {
    let is_undone = denied.get().is_some_and(|denial| has_failed || (!has_landed && !denial.is_final));
    if !is_undone {
        return;
    }
    let (denied, now) = (Arc::clone(denied), forge.clock.now());
    let noted = forge.write("note refusals", move |tx| denied.get().map_or(Ok(()), |denial| denial.note(tx, now)));
    if let Err(error) = noted.await {
        tracing::error!(error.chain = %error.log_line(), "refusals by rules could not be written into the ledger");
    }
}

/// HEAD follows a default branch that gets another name.
fn move_default_branch(
    tx: &dyn Connection,
    caller: &Caller,
    repository: &Repository,
    to: &str,
    now: UtcMs,
) -> Result<()> {
    let object = Object::in_repository("repository", repository.id, repository.id);
    let event = Event::new(caller.stamp(), action::REPOSITORY_EDIT, object)
        .before(json!({ "default_branch": repository.default_branch }))
        .after(json!({ "default_branch": to }))
        .reason("the default branch was renamed");
    db::repositories::set_default_branch(tx, repository.id, to, now)?;
    code_search::ask(tx, repository.id, now)?;
    audit::append(tx, now, &event)?;
    Ok(())
}

impl CommitPush {
    /// What was found out about a change; a key that no account has signs for nobody.
    fn facts_of(&self, tx: &dyn Connection, edit: &RefEdit) -> Result<Facts> {
        let mut facts = self.facts.get(&edit.name).cloned().unwrap_or_else(|| Facts::of(edit));
        if let Some(signatures) = facts.signatures.as_mut().filter(|found| found.broken.is_none()) {
            for (fingerprint, commit) in &signatures.keys {
                if (self.find_signer)(tx, fingerprint)?.is_none() {
                    signatures.broken = Some((commit.clone(), NoKey.to_string()));
                    break;
                }
            }
        }
        Ok(facts)
    }

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
    // As the ledger has it, which is compared with the journal.
    let user: Option<UserId> = caller.effective_user_id();
    let object = Object::in_repository("ref", repository.id, edit.name.as_str());
    let mut event = Event::new(caller.stamp(), action::GIT_REF_UPDATE, object).git(change_of(edit));
    event.after = said.cloned();
    let seq = audit::append(tx, now, &event)?;
    if db::refs::record_edit(tx, repository.id, edit, user, seq, now)? {
        if edit.name.branch() == Some(&repository.default_branch) {
            code_search::ask(tx, repository.id, now)?;
        }
        return Ok(EditOutcome::Applied);
    }
    Err(Error::broken(format!("ref {} changed inside its own transaction", edit.name)))
}

fn change_of(edit: &RefEdit) -> GitChange {
    GitChange {
        reference: Some(edit.name.as_str().to_owned()),
        old: edit.old.map(hex),
        new: edit.new.map(hex),
        ..GitChange::default()
    }
}

/// The view follows a default branch that was renamed; the row is committed already, so a failure heals with the next start.
pub(super) async fn follow_default_branch(handle: &RepositoryHandle, head: RefName, deadline: Deadline) {
    if let Err(error) = handle.set_head(head, |_| Ok(()), deadline).await {
        tracing::warn!(repo.id = handle.id(), %error, "HEAD could not follow a renamed default branch yet");
    }
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
        code_search::ask(tx, id, now)?;
        audit::append(tx, now, &event)?;
        Ok(())
    };
    if let Err(error) = handle.set_head(head, commit, deadline).await {
        tracing::warn!(repo.id = repository.id.get(), %error, "the default branch could not follow the first push");
    }
}
