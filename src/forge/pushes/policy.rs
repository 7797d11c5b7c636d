//! What may be done to refs, as values instead of hook scripts.
//!
//! Owns the decision about one change and about the size of a repository, on plain data. It is asked inside the commit transaction with the
//! rows of that moment, so that no way in escapes it and no change of a rule is overtaken. Refuses to read rows or objects itself. Called by
//! `forge/pushes/commit.rs`, and before that where a refusal saves work.

use atomicqms_git::RefEdit;

use crate::model::Repository;

/// How a change moves a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Motion {
    /// The ref is new.
    Create,
    /// The ref goes away.
    Delete,
    /// The new value descends from the old one.
    #[cfg_attr(not(test), expect(dead_code, reason = "no row asks for it before there is branch protection"))]
    FastForward,
    /// It does not.
    #[cfg_attr(not(test), expect(dead_code, reason = "no row asks for it before there is branch protection"))]
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

/// The rules of one repository for pushes by anybody who may push.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rules {
    /// The branch that must stay, `refs/heads/...`.
    default_branch: String,
    /// Git's `receive.denyNonFastForwards`.
    deny_non_fast_forwards: bool,
    /// Git's `receive.denyDeletes`.
    deny_deletes: bool,
}

impl Rules {
    /// The rules as a repository's row has them. Rules per branch come with branch protection; until then no row sets the last two.
    pub(super) fn of(repository: &Repository) -> Self {
        Self { default_branch: format!("refs/heads/{}", repository.default_branch), ..Self::default() }
    }

    /// Refuses a change with the reason that the client will read, or lets it pass.
    pub(super) fn judge(&self, name: &str, motion: Motion) -> Result<(), &'static str> {
        match motion {
            Motion::Delete if name == self.default_branch => Err("deletion of the default branch is not allowed"),
            Motion::Delete if self.deny_deletes => Err("deletion is not allowed here"),
            Motion::Forced if self.deny_non_fast_forwards => Err("only fast-forwards are allowed here"),
            // A rule made while this push was on its way: whoever pushes again is judged by it.
            Motion::Unknown if self.deny_non_fast_forwards => Err("the rules changed meanwhile; push again"),
            Motion::Create | Motion::Delete | Motion::FastForward | Motion::Forced | Motion::Unknown => Ok(()),
        }
    }
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
    use super::*;

    #[test]
    fn rules_by_table() {
        let rules = |deny_non_fast_forwards, deny_deletes| Rules {
            default_branch: "refs/heads/main".to_owned(),
            deny_non_fast_forwards,
            deny_deletes,
        };
        let rows = [
            (rules(false, false), "refs/heads/main", Motion::Delete, false),
            (rules(false, false), "refs/heads/other", Motion::Delete, true),
            (rules(false, false), "refs/heads/main", Motion::Forced, true),
            (rules(false, false), "refs/heads/main", Motion::Unknown, true),
            (rules(true, false), "refs/heads/x", Motion::Forced, false),
            (rules(true, false), "refs/heads/x", Motion::Unknown, false),
            (rules(true, false), "refs/heads/x", Motion::FastForward, true),
            (rules(true, false), "refs/heads/x", Motion::Create, true),
            (rules(true, false), "refs/heads/x", Motion::Delete, true),
            (rules(false, true), "refs/heads/x", Motion::Delete, false),
            (rules(false, true), "refs/heads/x", Motion::Create, true),
        ];
        for (rules, name, motion, passes) in rows {
            assert_eq!(rules.judge(name, motion).is_ok(), passes, "{rules:?} {name} {motion:?}");
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
