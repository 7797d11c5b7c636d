//! What may be done to refs, as values instead of hook scripts.
//!
//! Owns the decision about one change and about the size of a repository, on plain data. It is asked inside the commit transaction with the
//! rows of that moment, so that no way in escapes it and no change of a rule is overtaken. What was not found out before the transaction and is
//! asked by a rule now refuses. Refuses to read rows or objects itself. Called by `forge/pushes/commit.rs`.

use atomicqms_git::RefEdit;

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
    pub(super) pusher: Pusher,
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
            Purpose::Move => self.judge_move(branch, facts),
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
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use atomicqms_git::{ObjectId, RefName};

    use super::super::facts::Signatures;
    use super::*;
    use crate::forge::protection::rules::{BranchRules, TagRules};
    use crate::model::{BranchRule, RepoId, RuleId, RuleSettings, TagRule, UserId, UserName, UtcMs};

    fn judge_with(
        rules: &Rules,
        pusher: Pusher,
        level: AccessLevel,
        edit: &RefEdit,
        facts: &Facts,
        purpose: &Purpose,
    ) -> Result<(), Refusal> {
        Judge { rules, default_branch: "main", pusher, level }.judge(edit, facts, purpose)
    }

    fn edit(name: &str, old: Option<u8>, new: Option<u8>) -> RefEdit {
        let id = |byte: u8| ObjectId::try_from([byte; 20].as_slice()).unwrap();
        RefEdit { name: RefName::new(name).unwrap(), old: old.map(id), new: new.map(id), peeled: None }
    }

    fn rule(name: &str, change: impl FnOnce(&mut RuleSettings)) -> Rules {
        let mut settings = RuleSettings::default();
        change(&mut settings);
        let (id, repo_id, at) = (RuleId::new(1), RepoId::new(1), UtcMs::new(1));
        let row = BranchRule {
            id,
            repo_id,
            name: name.to_owned(),
            settings,
            users: Vec::new(),
            created_ms: at,
            updated_ms: at,
        };
        Rules { branches: Arc::new(BranchRules::new(vec![row]).unwrap()), tags: Arc::default() }
    }

    fn facts(motion: Motion) -> Facts {
        Facts { motion, files: None, signatures: None }
    }

    const ADA: Pusher = Pusher::User(UserId::new(1));

    #[test]
    fn rules_of_branches_by_table() {
        let open = |rule: &mut RuleSettings| rule.flags.enable_push = true;
        let forced = |rule: &mut RuleSettings| {
            rule.flags.enable_push = true;
            rule.flags.enable_force_push = true;
        };
        let files = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
        let signed = |rule: &mut RuleSettings| {
            rule.flags.enable_push = true;
            rule.flags.require_signed_commits = true;
        };
        let patterns = |rule: &mut RuleSettings| {
            rule.flags.enable_push = true;
            rule.protected_file_patterns = "sop/**".to_owned();
        };
        let unprotected = |rule: &mut RuleSettings| rule.unprotected_file_patterns = "docs/**".to_owned();
        let with = |motion, files, signatures| Facts { motion, files, signatures };
        let broken = Signatures { broken: Some(("c".to_owned(), "it is not signed")), ..Signatures::default() };
        use Motion::{Create, Delete, FastForward, Forced, Unknown};
        let rows: Vec<(&str, Rules, &str, Facts, Option<&str>)> = vec![
            ("none", Rules::default(), "x", facts(Unknown), None),
            ("none", Rules::default(), "x", facts(Delete), None),
            ("none", Rules::default(), "main", facts(Unknown), None),
            ("none", Rules::default(), "main", facts(Delete), Some("default branch")),
            ("closed", rule("x", |_| {}), "y", facts(FastForward), None),
            ("closed", rule("x", |_| {}), "x", facts(FastForward), Some("Not allowed to push")),
            ("closed", rule("x", |_| {}), "x", facts(Create), Some("Not allowed to push")),
            ("closed", rule("*", |_| {}), "x", facts(Create), Some("Not allowed to push")),
            ("open", rule("x", open), "x", facts(FastForward), None),
            ("open", rule("x", open), "x", facts(Create), None),
            ("open", rule("x", open), "x", facts(Forced), Some("protected from force push")),
            ("open", rule("x", open), "x", facts(Delete), Some("protected from deletion")),
            ("open", rule("x", open), "x", facts(Unknown), Some("changed meanwhile")),
            ("forced", rule("x", forced), "x", facts(Forced), None),
            ("signed", rule("x", signed), "x", facts(FastForward), Some("changed meanwhile")),
            ("signed", rule("x", signed), "x", with(FastForward, None, Some(Signatures::default())), None),
            ("signed", rule("x", signed), "x", with(FastForward, None, Some(broken)), Some("unverified commit c")),
            ("files", rule("x", patterns), "x", facts(FastForward), Some("changed meanwhile")),
            ("files", rule("x", patterns), "x", with(FastForward, files(&["a"]), None), None),
            (
                "files",
                rule("x", patterns),
                "x",
                with(FastForward, files(&["SOP/a"]), None),
                Some("changing file SOP/a"),
            ),
            ("docs", rule("x", unprotected), "x", with(FastForward, files(&["docs/a"]), None), None),
            ("docs", rule("x", unprotected), "x", with(Create, files(&["docs/a"]), None), Some("Not allowed to push")),
            ("docs", rule("x", unprotected), "x", with(FastForward, files(&["a"]), None), Some("Not allowed to push")),
            ("docs", rule("x", unprotected), "x", with(FastForward, files(&[]), None), Some("Not allowed to push")),
        ];
        for (what, rules, branch, facts, expected) in rows {
            let edit = edit(&format!("refs/heads/{branch}"), Some(1), Some(2));
            let found = judge_with(&rules, ADA, AccessLevel::Owner, &edit, &facts, &Purpose::Move);
            match expected {
                None => assert_eq!(found, Ok(()), "{what} {branch} {facts:?}"),
                Some(text) => {
                    let reason = found.unwrap_err().reason;
                    assert!(reason.contains(text), "{what} {branch} {facts:?}: {reason}");
                }
            }
        }
    }

    #[test]
    fn renames_by_table() {
        let open = |rule: &mut RuleSettings| rule.flags.enable_push = true;
        let signed = |rule: &mut RuleSettings| {
            rule.flags.enable_push = true;
            rule.flags.require_signed_commits = true;
        };
        let rows = [
            (Rules::default(), "a", "b", AccessLevel::Write, true),
            (Rules::default(), "main", "b", AccessLevel::Write, false),
            (Rules::default(), "main", "b", AccessLevel::Admin, true),
            (rule("a", open), "a", "b", AccessLevel::Owner, false),
            (rule("b", open), "a", "b", AccessLevel::Write, true),
            (rule("b", signed), "a", "b", AccessLevel::Owner, false),
            (rule("*", |_| {}), "a", "b", AccessLevel::Owner, false),
        ];
        for (rules, from, to, level, passes) in rows {
            let purpose = Purpose::Rename { from: from.to_owned(), to: to.to_owned() };
            let edits =
                [edit(&format!("refs/heads/{from}"), Some(1), None), edit(&format!("refs/heads/{to}"), None, Some(1))];
            let judged = edits.iter().map(|edit| judge_with(&rules, ADA, level, edit, &Facts::of(edit), &purpose));
            assert_eq!(judged.into_iter().all(|one| one.is_ok()), passes, "{from} {to} {level:?}");
        }
    }

    #[test]
    fn tags_and_other_refs() {
        let at = UtcMs::new(1);
        let users = vec![(UserId::new(1), UserName::new("ada").unwrap())];
        let row = TagRule {
            id: RuleId::new(1),
            repo_id: RepoId::new(1),
            pattern: "v*".to_owned(),
            users,
            created_ms: at,
            updated_ms: at,
        };
        let rules = Rules { branches: Arc::default(), tags: Arc::new(TagRules::new(vec![row]).unwrap()) };
        for (name, pusher, passes) in [
            ("refs/tags/v1", ADA, true),
            ("refs/tags/v1", Pusher::DeployKey, false),
            ("refs/tags/v1", Pusher::User(UserId::new(2)), false),
            ("refs/tags/w", Pusher::User(UserId::new(2)), true),
            ("refs/notes/v1", Pusher::DeployKey, true),
        ] {
            for edit in [edit(name, None, Some(1)), edit(name, Some(1), None), edit(name, Some(1), Some(2))] {
                let found = judge_with(&rules, pusher, AccessLevel::Owner, &edit, &Facts::of(&edit), &Purpose::Move);
                assert_eq!(found.is_ok(), passes, "{name} {pusher:?}");
            }
        }
    }

    #[test]
    fn quotas_by_table() {
        for (current, added, limit, passes) in [
            (0, 10, 0, true),
            (90, 10, 100, true),
            (90, 11, 100, false),
            (500, 0, 100, true),
            (u64::MAX, 1, 100, false),
        ] {
            assert_eq!(check_quota(current, added, limit).is_ok(), passes, "{current} {added} {limit}");
        }
    }

    #[test]
    fn proposals_are_known_by_their_names() {
        for name in ["refs/for/main", "refs/for/main/topic", "refs/draft/x", "refs/for-review/x"] {
            assert_eq!(Intent::of(name), Intent::Propose, "{name}");
        }
        for name in ["refs/heads/for/x", "refs/tags/for", "refs/fork/x"] {
            assert_eq!(Intent::of(name), Intent::Move, "{name}");
        }
    }
}
