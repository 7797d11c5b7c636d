//! The repository row and what may be put into it.
//!
//! Owns plain data; objects and refs are the git crate's.

use std::path::PathBuf;

use super::label::NewLabel;
use super::mirror::{Credentials, NewMirror};
use super::topic::TopicName;
use super::{Avatar, RepoId, RepoName, TeamId, Unit, UnitSet, UserId, UserName, UtcMs, Visibility};
use crate::bundled::licenses::License;

/// One repository as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Row id; also written into the directory's git configuration.
    pub id: RepoId,
    /// Who owns it.
    pub owner_id: UserId,
    /// The owner's login name.
    pub owner: UserName,
    /// Who may see the owner.
    pub owner_visibility: Visibility,
    /// The owner is an organization.
    pub is_owner_organization: bool,
    /// Name under the owner.
    pub name: RepoName,
    /// Free text.
    pub description: String,
    /// Link.
    pub website: String,
    /// Branch that `HEAD` names, without `refs/heads/`; may not exist yet.
    pub default_branch: String,
    /// Hidden from everybody who has no right in it.
    pub is_private: bool,
    /// Read-only.
    pub is_archived: bool,
    /// Offered as a template.
    pub is_template: bool,
    /// Units that are switched off, for everybody.
    pub disabled_units: UnitSet,
    /// What it was forked from, while that is there.
    pub fork_id: Option<RepoId>,
    /// Has no branch yet.
    pub is_empty: bool,
    /// Bytes on disk when last measured. Units: bytes.
    pub size_bytes: i64,
    /// When the row was made.
    pub created_ms: UtcMs,
    /// When the row or a ref last changed.
    pub updated_ms: UtcMs,
    /// When a ref last changed; none: never.
    pub pushed_ms: Option<UtcMs>,
    /// When it was archived.
    pub archived_ms: Option<UtcMs>,
    /// Its picture.
    pub avatar: Option<Avatar>,
    /// Follows a repository of another server, and takes changes from nowhere else.
    pub is_mirror: bool,
    /// What it was taken over from; empty: it was made here.
    pub original_url: String,
}

impl Repository {
    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Whether anonymous callers may read it.
    pub fn is_public(&self) -> bool {
        !self.is_private && self.owner_visibility == Visibility::Public
    }

    /// Where its directory belongs, below the directory of repositories.
    pub fn relative_path(&self) -> PathBuf {
        relative_path(&self.owner, &self.name)
    }
}

/// Where a repository's directory belongs, below the directory of repositories.
pub fn relative_path(owner: &UserName, name: &RepoName) -> PathBuf {
    PathBuf::from(owner.as_str()).join(format!("{name}.git"))
}

/// What makes a new repository.
#[derive(Debug, Clone)]
pub struct NewRepository {
    /// Name, already checked by [`RepoName::new`].
    pub name: RepoName,
    /// Free text.
    pub description: String,
    /// Link.
    pub website: String,
    /// Hidden.
    pub is_private: bool,
    /// Template.
    pub is_template: bool,
    /// Default branch; none: the server's default.
    pub default_branch: Option<String>,
    /// Wants a first commit with a README.
    pub auto_init: bool,
    /// What it is a fork of.
    pub forked_from: Option<RepoId>,
    /// Full name of the template it is made from, for the ledger.
    pub generated_from: Option<String>,
    /// Topics it begins with.
    pub topics: Vec<TopicName>,
    /// Labels it begins with.
    pub labels: Vec<NewLabel>,
    /// What the first commit holds beside the README.
    pub starter: Starter,
    /// What it is taken over from.
    pub mirror: Option<NewMirror>,
}

/// What the first commit of a repository holds beside the README.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Starter {
    /// Text of `.gitignore`; empty: no such file.
    pub gitignore: String,
    /// Licence, for the file `LICENSE`.
    pub license: Option<&'static License>,
}

impl NewRepository {
    /// A public, empty repository.
    pub fn new(name: RepoName) -> Self {
        Self {
            name,
            description: String::new(),
            website: String::new(),
            is_private: false,
            is_template: false,
            default_branch: None,
            auto_init: false,
            forked_from: None,
            generated_from: None,
            topics: Vec::new(),
            labels: Vec::new(),
            starter: Starter::default(),
            mirror: None,
        }
    }
}

/// Changes to a repository; `None` keeps a field.
#[derive(Debug, Clone, Default)]
pub struct RepositoryPatch {
    /// New name.
    pub name: Option<RepoName>,
    /// New text.
    pub description: Option<String>,
    /// New link.
    pub website: Option<String>,
    /// Hide or show.
    pub is_private: Option<bool>,
    /// Template or not.
    pub is_template: Option<bool>,
    /// Archive or reopen.
    pub is_archived: Option<bool>,
    /// New default branch, which must exist unless the repository is empty.
    pub default_branch: Option<String>,
    /// Units switched on or off.
    pub units: Vec<(Unit, bool)>,
    /// Time between two looks at the remote of a mirror. Units: milliseconds.
    pub mirror_interval_ms: Option<i64>,
    /// Whether a mirror loses what its remote loses.
    pub mirror_prunes: Option<bool>,
    /// New credentials at the remote of a mirror.
    pub mirror_credentials: Option<Credentials>,
}

/// Which repositories a search shows and in what order.
#[derive(Debug, Clone, Default)]
pub struct RepositoryQuery {
    /// Words looked for in the name; empty: all.
    pub text: String,
    /// The words are names of topics, joined by commas.
    pub is_topic_only: bool,
    /// Look into descriptions too.
    pub in_description: bool,
    /// Only repositories this user owns or collaborates in.
    pub uid: Option<UserId>,
    /// With `uid`: only those the user owns.
    pub is_exclusive: bool,
    /// Only those a team has access to.
    pub team: Option<TeamId>,
    /// Only private or only public ones.
    pub is_private: Option<bool>,
    /// Leave private ones out although the caller may see them.
    pub without_private: bool,
    /// Only archived or only others.
    pub is_archived: Option<bool>,
    /// Only templates or only others.
    pub is_template: Option<bool>,
    /// Only those an account has starred, if the caller may see the account.
    pub starred_by: Option<UserId>,
    /// Only those an account watches, if the caller may see the account.
    pub watched_by: Option<UserId>,
    /// Only forks of this one.
    pub fork_of: Option<RepoId>,
    /// Kind.
    pub mode: RepositoryMode,
    /// Order.
    pub sort: RepositorySort,
    /// Descending.
    pub is_descending: bool,
}

/// Kinds of repository a search can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RepositoryMode {
    /// All.
    #[default]
    Any,
    /// Neither fork nor mirror.
    Source,
    /// Forks.
    Fork,
    /// Mirrors.
    Mirror,
    /// With `uid`: those the user collaborates in without owning them.
    Collaborative,
}

/// Order of a list of repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RepositorySort {
    /// By owner, then name.
    #[default]
    Alpha,
    /// By creation.
    Created,
    /// By last change.
    Updated,
    /// By bytes on disk.
    Size,
    /// By stars.
    Stars,
    /// By forks.
    Forks,
    /// By row id.
    Id,
}
