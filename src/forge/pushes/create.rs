//! Push-to-create: a push to a repository that does not exist makes it, where the administrator allows that.
//!
//! Owns who may (an account, in its own namespace) and what is made (a private, empty repository, through the gate and with the event of
//! every creation). Called by the transports when a repository to push to was not found.

use crate::access::action::CreateRepository;
use crate::access::{Caller, Permit, RepoPath};
use crate::error::{Error, Kind, Result};
use crate::forge::{Forge, repositories};
use crate::model::NewRepository;

/// Leave to create what `error` says was not found.
///
/// Errors: `error` itself whenever this caller may not create that repository by pushing, so that the answer tells nothing new.
pub async fn may_create(
    forge: &Forge,
    caller: &Caller,
    path: &RepoPath,
    error: Error,
) -> Result<Permit<CreateRepository>> {
    let is_own = caller.user().is_some_and(|user| user.name.key() == path.owner.key());
    if error.kind() != Kind::NotFound || !forge.settings.push_to_create || !is_own {
        return Err(error);
    }
    forge.authorize(caller, CreateRepository, &path.owner).await
}

/// Makes the repository.
///
/// Errors: `Conflict` when somebody else was faster; otherwise as [`repositories::create_repository`].
pub async fn create(forge: &Forge, permit: Permit<CreateRepository>, path: &RepoPath) -> Result<()> {
    let new = NewRepository { is_private: true, ..NewRepository::new(path.name.clone()) };
    repositories::create_repository(forge, permit, new).await.map(drop)
}
