//! Ids, names, times, levels and the plain rows of the forge: types and their rules, no I/O.
//!
//! Owns what a valid user name, repository name, e-mail address or token scope is. Refuses SQL, HTTP and clocks other
//! than the [`Clock`] trait. Called by every layer of the server.

pub mod account_limits;
pub mod attachment;
pub mod avatar;
pub mod code_search;
pub mod collaborator;
pub mod commit_status;
pub mod email;
pub mod email_address;
pub mod follow;
pub mod glob;
pub mod gpg_key;
pub mod id;
pub mod interest;
pub mod invitation;
pub mod issue_template;
pub mod key;
pub mod label;
pub mod language;
pub mod level;
pub mod mail;
pub mod mirror;
pub mod names;
pub mod openpgp;
pub mod organization;
pub mod page;
pub mod protection;
pub mod registration;
pub mod release;
pub mod repository;
pub mod scopes;
pub mod signed_object;
pub mod special_addresses;
pub mod time;
pub mod token;
pub mod topic;
pub mod transfer;
pub mod unit;
pub mod user;

pub use attachment::{Attachment, BlobId, FileName, NewAttachment, Uuid};
pub use avatar::{Avatar, AvatarHolder};
pub use collaborator::Collaborator;
pub use email::Email;
pub use email_address::EmailAddress;
pub use glob::Glob;
pub use gpg_key::{GpgKey, NewGpgKey};
pub use id::{AttachmentId, GpgKeyId, KeyId, ReleaseId, RepoId, RuleId, TeamId, TokenId, UserId};
pub use invitation::{Invitation, NewInvitation};
pub use key::{KeyOwner, KeyText, NewKey, SshKey};
pub use level::AccessLevel;
pub use mail::{NewMail, Purpose, WaitingMail};
pub use names::{RepoName, UserName};
pub use organization::{NewOrganization, Organization, OrganizationPatch, Standing, Team, TeamPatch, TeamSettings};
pub use page::{Page, Paged};
pub use protection::{BranchRule, Flags, RuleSettings, TagRule, WhiteList};
pub use registration::{NewRegistration, Registration};
pub use release::{NewRelease, Release, ReleaseFilter, ReleasePatch};
pub use repository::{NewRepository, Repository, RepositoryPatch, Starter};
pub use scopes::{Category, TokenScopes};
pub use time::{Clock, SystemClock, UtcMs};
pub use token::{NewToken, Token};
pub use transfer::Transfer;
pub use unit::{Unit, UnitLevels, UnitSet};
pub use user::{NewUser, User, UserPatch, Visibility};
