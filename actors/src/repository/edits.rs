//! The decision which edits of a push may go to the commit: plain data in, plain data out.
//!
//! Owns compare-and-set and directory/file conflicts against the published refs, and the merging of outcomes. Knows
//! no policy and touches nothing.

use atomicqms_git as git;
use git::{RefConflict, RefEdit, RefTable};

use super::EditOutcome;

/// What git tells the neighbours of a refused edit in an atomic push.
const ATOMIC_FAILURE: &str = "atomic push failure";

/// Edits sorted into those that may be committed and those refused before that.
pub(super) struct Plan {
    /// One slot per edit asked for; `None` waits for the commit.
    outcomes: Vec<Option<EditOutcome>>,
    /// The edits to commit, in order.
    pub(super) edits: Vec<RefEdit>,
    /// The refs as they are if all of `edits` land.
    pub(super) refs: RefTable,
}

/// Sorts edits by whether they fit the refs as they are.
pub(super) fn plan(refs: &RefTable, edits: Vec<RefEdit>, is_atomic: bool) -> Plan {
    // Tried together first: an order that fails edit by edit (create `a/b`, delete `a`) may fit as a whole.
    if let Ok(next) = refs.apply(&edits) {
        return Plan { outcomes: edits.iter().map(|_| None).collect(), edits, refs: next };
    }
    let (next, results) = refs.apply_each(&edits);
    let outcomes: Vec<_> = results.into_iter().map(|result| result.err().map(|conflict| refused(&conflict))).collect();
    if is_atomic {
        return Plan { outcomes: spread_refusal(outcomes), edits: Vec::new(), refs: refs.clone() };
    }
    let edits = edits.into_iter().zip(&outcomes).filter(|(_, slot)| slot.is_none()).map(|(edit, _)| edit).collect();
    Plan { outcomes, edits, refs: next }
}

impl Plan {
    /// Fills the open slots with what the commit answered.
    pub(super) fn finish(self, committed: Vec<EditOutcome>) -> Vec<EditOutcome> {
        let mut committed = committed.into_iter();
        self.outcomes
            .into_iter()
            .map(|slot| slot.or_else(|| committed.next()).unwrap_or_else(|| refusal("not decided")))
            .collect()
    }
}

/// Outcomes of an atomic push of which at least one edit is refused: nobody lands.
pub(super) fn refuse_all(outcomes: Vec<EditOutcome>) -> Vec<EditOutcome> {
    outcomes.into_iter().map(|outcome| if outcome.is_applied() { refusal(ATOMIC_FAILURE) } else { outcome }).collect()
}

fn spread_refusal(outcomes: Vec<Option<EditOutcome>>) -> Vec<Option<EditOutcome>> {
    outcomes.into_iter().map(|slot| Some(slot.unwrap_or_else(|| refusal(ATOMIC_FAILURE)))).collect()
}

/// A refusal in the words that git uses for the same conflict.
pub(super) fn refused(conflict: &RefConflict) -> EditOutcome {
    refusal(conflict.to_string())
}

pub(super) fn refusal(reason: impl Into<String>) -> EditOutcome {
    EditOutcome::Refused { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use git::{ObjectId, Ref, RefName};

    fn name(name: &str) -> RefName {
        RefName::new(name).unwrap()
    }

    fn id(byte: u8) -> ObjectId {
        ObjectId::from([byte; 20])
    }

    fn edit(ref_name: &str, old: Option<u8>, new: Option<u8>) -> RefEdit {
        RefEdit { name: name(ref_name), old: old.map(id), new: new.map(id), peeled: None }
    }

    fn table() -> RefTable {
        RefTable::from_refs(vec![
            Ref { name: name("refs/heads/a"), target: id(1), peeled: None },
            Ref { name: name("refs/heads/b"), target: id(2), peeled: None },
        ])
    }

    fn is_refused(outcome: &EditOutcome, text: &str) -> bool {
        matches!(outcome, EditOutcome::Refused { reason } if reason.contains(text))
    }

    #[test]
    fn edits_that_fit_go_to_the_commit_and_the_rest_is_refused() {
        let edits = vec![
            edit("refs/heads/a", Some(1), Some(3)),
            edit("refs/heads/b", Some(9), Some(3)),
            edit("refs/heads/b/c", None, Some(3)),
            edit("refs/heads/d", None, Some(4)),
        ];
        let plan = plan(&table(), edits, false);
        assert_eq!(plan.edits.len(), 2);
        assert_eq!(plan.refs.len(), 3);
        let outcomes = plan.finish(vec![EditOutcome::Applied, refusal("protected")]);
        assert!(outcomes[0].is_applied());
        assert!(is_refused(&outcomes[1], "refs/heads/b"));
        assert!(is_refused(&outcomes[2], "refs/heads/b"));
        assert!(is_refused(&outcomes[3], "protected"));
    }

    #[test]
    fn an_atomic_push_with_one_misfit_commits_nothing() {
        let edits = vec![edit("refs/heads/a", Some(1), Some(3)), edit("refs/heads/b", Some(9), Some(3))];
        let plan = plan(&table(), edits, true);
        assert!(plan.edits.is_empty());
        assert_eq!(plan.refs, table());
        let outcomes = plan.finish(Vec::new());
        assert!(is_refused(&outcomes[0], ATOMIC_FAILURE));
        assert!(is_refused(&outcomes[1], "refs/heads/b"));
    }

    #[test]
    fn a_ref_may_be_replaced_by_a_directory_in_any_order() {
        let edits = vec![edit("refs/heads/a/x", None, Some(3)), edit("refs/heads/a", Some(1), None)];
        let plan = plan(&table(), edits, false);
        assert_eq!(plan.edits.len(), 2);
        assert!(plan.refs.get("refs/heads/a/x").is_some());
    }

    #[test]
    fn the_same_ref_twice_is_refused() {
        let edits = vec![edit("refs/heads/n", None, Some(3)), edit("refs/heads/n", None, Some(4))];
        let outcomes = plan(&table(), edits, false).finish(vec![EditOutcome::Applied]);
        assert!(outcomes[0].is_applied());
        assert!(!outcomes[1].is_applied());
    }

    #[test]
    fn refuse_all_keeps_the_reasons_that_exist() {
        let outcomes = refuse_all(vec![EditOutcome::Applied, refusal("protected")]);
        assert!(is_refused(&outcomes[0], ATOMIC_FAILURE));
        assert!(is_refused(&outcomes[1], "protected"));
    }
}
