//! The JSON shapes of the Gitea API: one type a definition of the published specification, same field names.
//!
//! Owns field names, nullability and defaults. Refuses to decide who may see a value: handlers hand in what the caller
//! may see. Called by every file of `http/api`; `json/tests.rs` holds the types against an extract of the specification.

mod bundled;
mod code_search;
mod commit;
mod commit_status;
mod contents;
mod email;
mod error;
mod git_ref;
mod gpg_key;
mod history;
mod invitation;
mod issue_template;
mod key;
mod label;
mod markup;
mod mirror;
mod options;
mod organization;
mod protection;
mod release;
mod repository;
mod settings;
#[cfg(test)]
mod tests;
mod time;
mod token;
mod topic;
mod user;
mod user_settings;
mod watch;
mod write_options;

pub use bundled::{GitignoreTemplateJson, LicenseTemplateEntryJson, LicenseTemplateJson};
pub use code_search::{CodeFileJson, CodeLineJson, CodeRepositoryJson, CodeSearchJson};
pub use commit::{BranchJson, CommitMetaJson, PayloadCommitJson, PayloadUserJson, TagJson, VerificationJson};
pub use commit_status::{CombinedStatusJson, CommitStatusJson, CreateStatusOption};
pub use contents::{
    ContentsExtJson, ContentsJson, FileCommitJson, FileJson, FileLinksJson, FilesJson, GetFilesOptions, GitBlobJson,
    GitEntryJson, GitTreeJson,
};
pub use email::{EmailJson, EmailsOption};
pub use error::ErrorJson;
pub use git_ref::{GitObjectJson, ReferenceJson};
pub use gpg_key::{CreateGpgKeyOption, GpgKeyEmailJson, GpgKeyJson, VerifyGpgKeyOption};
pub use history::{
    AffectedFileJson, AnnotatedTagJson, AnnotatedTagObjectJson, CommitJson, CommitStatsJson, CommitUserJson,
    CompareJson, NoteJson, RepoCommitJson,
};
pub use invitation::{InvitationJson, InvitationOption};
pub use issue_template::IssueConfigValidationJson;
pub use key::{DeployKeyJson, PublicKeyJson};
pub use label::{CreateLabelOption, EditLabelOption, LabelJson, LabelTemplateJson};
pub use markup::{MarkdownOption, MarkupOption};
pub use mirror::MirrorJson;
pub use options::{
    AddCollaboratorOption, CreateAccessTokenOption, CreateForkOption, CreateKeyOption, CreateRepoOption,
    CreateUserOption, EditRepoOption, EditUserOption, GenerateRepoOption, MergeUpstreamOption, MigrateRepoOption,
    RenameOrgOption, RenameUserOption, TransferRepoOption, UpdateAvatarOption,
};
pub use organization::{
    CreateOrgOption, EditOrgOption, OrganizationJson, OrganizationPermissionsJson, TeamJson, TeamOption, TeamSearchJson,
};
pub use protection::{
    BranchProtectionJson, BranchProtectionOption, BranchProtectionPrioritiesOption, TagProtectionJson,
    TagProtectionOption,
};
pub use release::{AttachmentJson, CreateReleaseOption, EditAttachmentOptions, EditReleaseOption, ReleaseJson};
pub use repository::{InternalTrackerJson, MergeUpstreamJson, PermissionJson, RepositoryJson, SearchResultsJson};
pub use settings::{ApiSettingsJson, AttachmentSettingsJson, RepoSettingsJson, UiSettingsJson};
pub use time::{Timestamp, ZERO_TIME};
pub use token::{AccessTokenJson, CurrentAccessTokenJson, UserMetaJson};
pub use topic::{RepoTopicOptions, TopicJson, TopicListJson, TopicNamesJson};
pub use user::{CollaboratorPermissionJson, UserJson, UserSearchJson};
pub use user_settings::{UserSettingsJson, UserSettingsOption};
pub use watch::WatchInfoJson;
pub use write_options::{
    CommitDateOption, CreateBranchOption, CreateTagOption, FileOperationOption, FileOption, IdentityOption,
    RenameBranchOption, UpdateBranchOption,
};

use schemars::JsonSchema;
use serde::Serialize;

/// The answer of `getVersion`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ServerVersion")]
pub struct ServerVersionJson {
    /// The Gitea version whose API is spoken, followed by our own in semver build form.
    pub version: String,
}
