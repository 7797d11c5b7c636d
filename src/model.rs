//! Ids, names, times, levels and the plain rows of the forge: types and their rules, no I/O.
//!
//! Owns what a valid user name, repository name, e-mail address or token scope is. Refuses SQL, HTTP and clocks other
//! than the [`Clock`] trait. Called by every layer of the server.

pub mod collaborator;
pub mod email;
pub mod id;
pub mod key;
pub mod level;
pub mod names;
pub mod page;
pub mod repository;
pub mod scopes;
pub mod time;
pub mod token;
pub mod topic;
pub mod user;

pub use collaborator::Collaborator;
pub use email::Email;
pub use id::{KeyId, RepoId, TokenId, UserId};
pub use key::{KeyOwner, KeyText, NewKey, SshKey};
pub use level::AccessLevel;
pub use names::{RepoName, UserName};
pub use page::{Page, Paged};
pub use repository::{NewRepository, Repository, RepositoryPatch};
pub use scopes::{Category, TokenScopes};
pub use time::{Clock, SystemClock, UtcMs};
pub use token::{NewToken, Token};
pub use user::{NewUser, User, UserPatch, Visibility};
