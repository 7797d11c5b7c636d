//! What an administrator allows one account.

/// Limits of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountLimits {
    /// Most repositories that it may own; none: any number.
    pub max_repositories: Option<i64>,
    /// It may make organizations, where not only administrators may.
    pub may_create_organizations: bool,
}

impl Default for AccountLimits {
    fn default() -> Self {
        Self { max_repositories: None, may_create_organizations: true }
    }
}

impl AccountLimits {
    /// Why one that owns so many may not own another one; none: it may.
    pub fn refusal(&self, owned: i64) -> Option<String> {
        let most = self.max_repositories.filter(|most| owned >= *most)?;
        Some(format!("this account may own no more repositories than it has: the limit is {most}"))
    }
}
