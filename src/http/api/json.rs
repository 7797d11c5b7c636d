//! The JSON shapes of the Gitea API: one type a definition of the published specification, same field names.
//!
//! Owns field names, nullability and defaults. Refuses to decide who may see a value: handlers hand in what the caller
//! may see. Called by every file of `http/api`; `json/tests.rs` holds the types against an extract of the specification.

mod commit;
mod git_ref;
mod key;
mod options;
mod repository;
#[cfg(test)]
mod tests;
mod time;
mod token;
mod topic;
mod user;

pub use commit::{BranchJson, CommitMetaJson, PayloadCommitJson, PayloadUserJson, TagJson, VerificationJson};
pub use git_ref::{GitObjectJson, ReferenceJson};
pub use key::{DeployKeyJson, PublicKeyJson};
pub use options::{
    AddCollaboratorOption, CreateAccessTokenOption, CreateKeyOption, CreateRepoOption, CreateUserOption,
    EditRepoOption, EditUserOption,
};
pub use repository::{InternalTrackerJson, PermissionJson, RepositoryJson, SearchResultsJson};
pub use time::{Timestamp, ZERO_TIME};
pub use token::AccessTokenJson;
pub use topic::{RepoTopicOptions, TopicJson, TopicListJson, TopicNamesJson};
pub use user::{CollaboratorPermissionJson, UserJson, UserSearchJson};

use serde::Serialize;

/// The answer of `getVersion`.
#[derive(Debug, Clone, Serialize)]
pub struct ServerVersionJson {
    /// The Gitea version whose API is spoken, followed by our own in semver build form.
    pub version: String,
}
