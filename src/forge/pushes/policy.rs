//! What may be done to refs, as values instead of hook scripts.
//!
//! Owns the decision about one change and about the size of a repository, on plain data. It is asked inside the commit transaction with the
//! rows of that moment, so that no way in escapes it and no change of a rule is overtaken. What was not found out before the transaction and is
//! asked by a rule now refuses. Refuses to read rows or objects itself. Called by `forge/pushes/commit.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use atomicqms_git::{ObjectId, RefEdit};

use super::facts::Facts;
use crate::forge::protection::Rules;
use crate::forge::protection::rules::{Pusher, ReadyRule};
use crate::model::AccessLevel;

/// How a change moves a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motion {
    /// The ref is new.
    Create,
    /// The ref goes away.
    Delete,
    /// The new value descends from the old one.
    FastForward,
    /// It does not.
    Forced,
    /// Nobody looked, because no rule asked when the push came in.
    Unknown,
}

impl Motion {
    /// What the values alone tell.
    pub(super) fn of(edit: &RefEdit) -> Self {
        match (edit.old, edit.new) {
            (None, _) => Self::Create,
            (_, None) => Self::Delete,
            (Some(_), Some(_)) => Self::Unknown,
        }
    }
}

/// What a change of refs is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Purpose {
    /// To move the refs that it names, each for itself.
    #[default]
    Move,
    /// To give a branch another name: the one ref goes, the other comes with its value.
    Rename {
        /// The branch, without `refs/heads/`.
        from: String,
        /// Its new name.
        to: String,
    },
    /// To follow another server.
    Follow {
        /// What rules refused the last time, as [`refusal_line`] writes it: the ledger knows of it.
        refused: Arc<BTreeSet<String>>,
    },
}

impl Purpose {
    /// Whether exactly this was refused, and written down, before.
    pub(super) fn knows(&self, edit: &RefEdit, refusal: &Refusal) -> bool {
        let Self::Follow { refused } = self else { return false };
        // Of a longer list nobody knows any more what is new: it was told once, and is not told each time.
        refused.len() >= MAX_REMEMBERED
            || refused.contains(&refusal_line(edit.name.as_str(), edit.new, &refusal.reason))
    }
}

/// Refused changes of a mirror that are remembered.
pub const MAX_REMEMBERED: usize = 1000;

/// A refused change in a line: ref, new value, reason.
pub fn refusal_line(name: &str, new: Option<ObjectId>, reason: &str) -> String {
    let new = new.map_or_else(|| "-".to_owned(), |id| id.to_string());
    format!("{name} {new} {}", reason.replace(char::is_control, " "))
}

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The rule: `branch:NAME`, `tag:PATTERN` or `default_branch`.
    pub(super) rule: String,
    /// What the client reads.
    pub(super) reason: String,
}

/// Who changes which repository.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    /// The rules as their rows are now.
    pub(super) rules: &'a Rules,
    /// The branch that must stay, without `refs/heads/`.
    pub(super) default_branch: &'a str,
    /// Who moves the refs.
    pub(super) pusher: Pusher<'a>,
    /// The pusher's level.
    pub(super) level: AccessLevel,
}

/// What is told to whoever was overtaken by a change of rules; whoever tries again is judged by them.
const RULES_CHANGED: &str = "the rules changed meanwhile; try again";

impl Judge<'_> {
    /// Refuses one change, or lets it pass.
    pub(super) fn judge(&self, edit: &RefEdit, facts: &Facts, purpose: &Purpose) -> Result<(), Refusal> {
        if let Some(tag) = edit.name.tag() {
            return match self.rules.tags.against(tag, self.pusher) {
                Some(rule) => {
                    Err(Refusal { rule: format!("tag:{}", rule.pattern), reason: format!("Tag {tag} is protected") })
                }
                None => Ok(()),
            };
        }
        let Some(branch) = edit.name.branch() else { return Ok(()) };
        match purpose {
            Purpose::Rename { from, .. } if branch == from => self.judge_old_name(branch),
            Purpose::Rename { .. } => self.judge_new_name(branch),
            Purpose::Move | Purpose::Follow { .. } => self.judge_move(branch, facts),
        }
    }

    fn judge_move(&self, branch: &str, facts: &Facts) -> Result<(), Refusal> {
        if facts.motion == Motion::Delete && branch == self.default_branch {
            return Err(default_branch("deletion of the default branch is not allowed"));
        }
        let Some(ready) = self.rules.branches.effective(branch) else { return Ok(()) };
        let refuse = |reason: String| Err(refusal(ready, reason));
        let flags = &ready.rule.settings.flags;
        match facts.motion {
            Motion::Delete => return refuse(format!("branch {branch} is protected from deletion")),
            Motion::Unknown => return refuse(RULES_CHANGED.to_owned()),
            Motion::Forced if !flags.enable_force_push => {
                return refuse(format!("branch {branch} is protected from force push"));
            }
            Motion::Create | Motion::FastForward | Motion::Forced => {}
        }
        if flags.require_signed_commits {
            match &facts.signatures {
                None => return refuse(RULES_CHANGED.to_owned()),
                Some(found) => {
                    if let Some((commit, why)) = &found.broken {
                        return refuse(format!("branch {branch} is protected from unverified commit {commit}: {why}"));
                    }
                }
            }
        }
        let files = match &facts.files {
            None if ready.asks_for_files() => return refuse(RULES_CHANGED.to_owned()),
            files => files.as_ref(),
        };
        if let Some(file) = files.and_then(|files| ready.protected_file(files)) {
            return refuse(format!("branch {branch} is protected from changing file {file}"));
        }
        match facts.motion {
            Motion::Forced if ready.may_force(self.pusher) => Ok(()),
            Motion::Forced => refuse(format!("Not allowed to force-push to protected branch {branch}")),
            _ if ready.may_push(self.pusher) => Ok(()),
            Motion::FastForward if files.is_some_and(|files| ready.are_unprotected(files)) => Ok(()),
            _ => refuse(format!("Not allowed to push to protected branch {branch}")),
        }
    }

    /// A rule would lose its branch, and what is named like the default branch is for administrators.
    fn judge_old_name(&self, branch: &str) -> Result<(), Refusal> {
        if let Some(ready) = self.rules.branches.effective(branch) {
            return Err(refusal(ready, format!("branch {branch} is protected from being renamed")));
        }
        if branch == self.default_branch && self.level < AccessLevel::Admin {
            return Err(default_branch("User must be a repo or site admin to rename default or protected branches."));
        }
        Ok(())
    }

    /// What stands under the new name was never looked at by the rule of that name: only a rule that lets push and looks at nothing lets it in.
    fn judge_new_name(&self, branch: &str) -> Result<(), Refusal> {
        match self.rules.branches.effective(branch) {
            Some(ready)
                if !ready.may_push(self.pusher)
                    || ready.asks_for_files()
                    || ready.rule.settings.flags.require_signed_commits =>
            {
                Err(refusal(ready, format!("Not allowed to push to protected branch {branch}")))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Of a protected tag and a branch with the same name only one may be there: a name means the branch, so whoever may write branches would say what the tag means.
///
/// Shape: `exists` answers whether there is a ref of a full name, or will be after this push.
pub(super) fn judge_namesake<E>(
    rules: &Rules,
    edit: &RefEdit,
    exists: impl FnOnce(&str) -> Result<bool, E>,
) -> Result<Result<(), Refusal>, E> {
    let (name, other, reason) = match (edit.name.branch(), edit.name.tag()) {
        (Some(name), _) => (name, "refs/tags/", format!("branch {name} would have the name of a protected tag")),
        (_, Some(name)) if edit.old.is_none() => {
            (name, "refs/heads/", format!("Tag {name} is protected and there is a branch of that name"))
        }
        _ => return Ok(Ok(())),
    };
    match rules.tags.covering(name) {
        Some(rule) if edit.new.is_some() && exists(&format!("{other}{name}"))? => {
            Ok(Err(Refusal { rule: format!("tag:{}", rule.pattern), reason }))
        }
        _ => Ok(Ok(())),
    }
}

fn refusal(ready: &ReadyRule, reason: String) -> Refusal {
    Refusal { rule: format!("branch:{}", ready.rule.name), reason }
}

fn default_branch(reason: &str) -> Refusal {
    Refusal { rule: "default_branch".to_owned(), reason: reason.to_owned() }
}

/// Refuses a push that would make a repository larger than allowed. `limit` 0 means none.
pub(super) fn check_quota(current_bytes: u64, added_bytes: u64, limit: u64) -> Result<(), String> {
    if limit == 0 || added_bytes == 0 || current_bytes.saturating_add(added_bytes) <= limit {
        return Ok(());
    }
    Err(format!("the repository would take {} bytes, its limit is {limit}", current_bytes.saturating_add(added_bytes)))
}

/// What pushing to a name outside of branches, tags and the like asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// To move that ref.
    Move,
    /// To propose a change to a branch (AGit): no ref of that name ever exists.
    Propose,
}

impl Intent {
    /// Reads the intent from a ref name.
    pub(super) fn of(name: &str) -> Self {
        let is_proposal =
            ["refs/for/", "refs/draft/", "refs/for-review/"].iter().any(|prefix| name.starts_with(prefix));
        if is_proposal { Self::Propose } else { Self::Move }
    }
}

/// What is answered to a proposal until there are pull requests for it to become.
pub(super) const NO_PROPOSALS: &str = "changes cannot be proposed by push (refs/for/...) yet; push a branch instead";

#[cfg(test)]
mod tests;
