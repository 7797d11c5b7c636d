//! What checks outside, of continuous integration for one, say of commits.

use atomicqms_git::ObjectId;

use super::{UserId, UtcMs};

/// Most statuses that one commit may have, all contexts together.
pub const STATUSES_MAX: u64 = 1000;
/// The context of a status that names none.
pub const DEFAULT_CONTEXT: &str = "default";

/// What one check says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitState {
    /// Not done.
    Pending,
    /// Good.
    Success,
    /// The check itself went wrong.
    Error,
    /// Bad.
    Failure,
    /// Good, with something to look at.
    Warning,
    /// Not needed.
    Skipped,
}

impl CommitState {
    const ALL: [Self; 6] = [Self::Pending, Self::Success, Self::Error, Self::Failure, Self::Warning, Self::Skipped];

    /// The word on the wire and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Error => "error",
            Self::Failure => "failure",
            Self::Warning => "warning",
            Self::Skipped => "skipped",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// What several checks say together: one that failed decides, then one that is not done; none at all are pending.
    pub fn combine(states: &[Self]) -> Self {
        let is_bad = |state: &Self| matches!(state, Self::Error | Self::Failure);
        match states {
            states if states.iter().any(is_bad) => Self::Failure,
            [] => Self::Pending,
            states if states.contains(&Self::Pending) => Self::Pending,
            _ => Self::Success,
        }
    }
}

/// One status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    /// Row id.
    pub id: i64,
    /// The commit.
    pub commit: ObjectId,
    /// Which check it is.
    pub context: String,
    /// What it says.
    pub state: CommitState,
    /// Where to read more; empty: nowhere.
    pub target_url: String,
    /// What it says to people.
    pub description: String,
    /// Who told.
    pub creator_id: UserId,
    /// When.
    pub created_ms: UtcMs,
}

/// What makes a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommitStatus {
    /// Which check it is.
    pub context: String,
    /// What it says.
    pub state: CommitState,
    /// Where to read more; empty: nowhere.
    pub target_url: String,
    /// What it says to people.
    pub description: String,
}

/// Which statuses of a commit a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusQuery {
    /// Only those that say this.
    pub state: Option<CommitState>,
    /// Oldest first.
    pub is_ascending: bool,
    /// Only the newest of each context.
    pub is_latest_only: bool,
}

#[cfg(test)]
mod tests {
    use super::CommitState::{self, *};

    #[test]
    fn states_combine_as_in_gitea() {
        let table: [(&[CommitState], CommitState); 8] = [
            (&[], Pending),
            (&[Success], Success),
            (&[Skipped, Warning], Success),
            (&[Success, Pending], Pending),
            (&[Pending, Failure], Failure),
            (&[Success, Error], Failure),
            (&[Skipped], Success),
            (&[Pending], Pending),
        ];
        for (states, expected) in table {
            assert_eq!(CommitState::combine(states), expected, "{states:?}");
        }
        for state in CommitState::ALL {
            assert_eq!(CommitState::parse(state.as_str()), Some(state));
        }
        assert_eq!(CommitState::parse("Success"), None);
    }
}
