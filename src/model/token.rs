//! Access tokens: the row and what makes one. The secret itself exists only in the answer that creates it.

use super::{RepoId, RepoName, TokenId, TokenScopes, UserId, UserName, UtcMs};

/// One access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Row id.
    pub id: TokenId,
    /// Whose it is.
    pub user_id: UserId,
    /// Name, unique for its user.
    pub name: String,
    /// Last eight characters of the secret, to tell tokens apart.
    pub last_eight: String,
    /// What it opens.
    pub scopes: TokenScopes,
    /// The repositories it reaches; none: all that its owner does.
    pub repositories: Option<Vec<RepoId>>,
    /// When it was made.
    pub created_ms: UtcMs,
    /// When it stops working; none: never.
    pub expires_ms: Option<UtcMs>,
    /// About when it was last used (to within some minutes); none: never.
    pub last_used_ms: Option<UtcMs>,
}

impl Token {
    /// Whether it has stopped working.
    pub fn is_expired(&self, now: UtcMs) -> bool {
        self.expires_ms.is_some_and(|end| end <= now)
    }
}

/// What makes a token.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Name, unique for its user.
    pub name: String,
    /// What it opens; must not be empty.
    pub scopes: TokenScopes,
    /// When it stops working; none: never, unless a setting caps the lifetime.
    pub expires_ms: Option<UtcMs>,
    /// The repositories it reaches, by their names; none: all that its owner does.
    pub repositories: Option<Vec<(UserName, RepoName)>>,
}
