//! Branches made, moved, renamed and deleted over the API.
//!
//! Owns what is asked before the attempt, for Gitea's words; the attempt itself is a push (`writing.rs`).

use std::sync::atomic::AtomicBool;

use atomicqms_git::ObjectId;

use super::Forge;
use super::intake::Intake;
use super::pushes::Purpose;
use super::writing::{self, RefWrite, find_commit, ref_name};
use crate::access::Permit;
use crate::access::action::PushRepository;
use crate::error::{Error, Kind, Result};

const HEADS: &str = "refs/heads/";

/// Makes a branch at what `from` names, the default branch when it is none.
///
/// Errors: `NotFound` for an empty repository or a start that does not exist; `Conflict` for a name in use; those of [`writing::land`].
pub async fn create_branch(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<PushRepository>,
    name: &str,
    from: Option<String>,
) -> Result<()> {
    let full = ref_name(HEADS, name)?;
    let repository = &permit.subject().repository;
    let handle = forge.open(repository).await?;
    let view = handle.view();
    if view.refs.iter_prefix(HEADS).next().is_none() {
        return Err(Error::new(Kind::NotFound, "Git Repository is empty."));
    }
    if view.refs.get(full.as_str()).is_some() {
        return Err(Error::conflict("The branch already exists."));
    }
    if view.refs.get(&format!("refs/tags/{name}")).is_some() {
        return Err(Error::conflict("The branch with the same tag already exists."));
    }
    let from = from.unwrap_or_else(|| repository.default_branch.clone());
    let start = resolve(intake, &permit, &view, from).await?;
    let start = start.ok_or_else(|| Error::new(Kind::NotFound, "The old branch does not exist"))?;
    let write = RefWrite { name: full, old: None, new: Some(start) };
    writing::land(forge, intake, permit, handle, vec![write], None, Purpose::Move).await
}

/// What a request to move a branch says.
#[derive(Debug, Clone, Default)]
pub struct BranchMove {
    /// What the branch is to point at: an id or a ref.
    pub new: String,
    /// What it must point at now.
    pub expected: Option<String>,
    /// Also where that is no fast-forward.
    pub is_forced: bool,
}

/// Moves a branch.
///
/// Errors: `NotFound` for the branch or its new commit; `Conflict` when it points elsewhere than expected, or the move is no fast-forward and
/// was not to be forced; those of [`writing::land`].
pub async fn update_branch(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<PushRepository>,
    name: &str,
    change: BranchMove,
) -> Result<()> {
    let full = ref_name(HEADS, name).map_err(|_| Error::not_found())?;
    let handle = forge.open(&permit.subject().repository).await?;
    let view = handle.view();
    let old = view.refs.get(full.as_str()).map(|found| found.target).ok_or_else(Error::not_found)?;
    if let Some(expected) = change.expected.filter(|expected| !expected.is_empty()) {
        let expected = resolve(intake, &permit, &view, expected).await?;
        if expected != Some(old) {
            return Err(Error::conflict("the branch does not point at old_commit_id"));
        }
    }
    let new = resolve(intake, &permit, &view, change.new).await?;
    let new = new.ok_or_else(|| Error::new(Kind::NotFound, "the new commit does not exist"))?;
    if !change.is_forced {
        let odb = view.odb.clone();
        let is_ahead = writing::on_objects(intake, permit.caller(), move |interrupt: &AtomicBool| {
            Ok(atomicqms_git::walk::is_ancestor(&odb, &old, &new, interrupt)?)
        });
        if !is_ahead.await? {
            return Err(Error::conflict("The update is not a fast-forward."));
        }
    }
    let write = RefWrite { name: full, old: Some(old), new: Some(new) };
    writing::land(forge, intake, permit, handle, vec![write], None, Purpose::Move).await
}

/// Gives a branch another name. HEAD follows the default branch.
///
/// Errors: `NotFound`; `Invalid` for a name in use; `Forbidden` where a rule covers the branch, or the new name and forbids it; those of
/// [`writing::land`].
pub async fn rename_branch(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<PushRepository>,
    from: &str,
    to: &str,
) -> Result<()> {
    let new = ref_name(HEADS, to)?;
    let old = ref_name(HEADS, from).map_err(|_| Error::not_found())?;
    let handle = forge.open(&permit.subject().repository).await?;
    let view = handle.view();
    let tip = view.refs.get(old.as_str()).map(|found| found.target).ok_or_else(Error::not_found)?;
    if view.refs.get(new.as_str()).is_some() {
        let text = "Cannot rename a branch using the same name or rename to a branch that already exists.";
        return Err(Error::new(Kind::Invalid, text));
    }
    let writes =
        vec![RefWrite { name: new, old: None, new: Some(tip) }, RefWrite { name: old, old: Some(tip), new: None }];
    let purpose = Purpose::Rename { from: from.to_owned(), to: to.to_owned() };
    writing::land(forge, intake, permit, handle, writes, None, purpose).await
}

/// Deletes a branch.
///
/// Errors: `NotFound`; `Forbidden` for the default branch and where a rule covers it; those of [`writing::land`].
pub async fn delete_branch(forge: &Forge, intake: &Intake, permit: Permit<PushRepository>, name: &str) -> Result<()> {
    let full = ref_name(HEADS, name).map_err(|_| Error::not_found())?;
    let repository = &permit.subject().repository;
    let handle = forge.open(repository).await?;
    let view = handle.view();
    let old = view.refs.get(full.as_str()).map(|found| found.target).ok_or_else(Error::not_found)?;
    if name == repository.default_branch || full == view.head {
        return Err(Error::forbidden("can not delete default branch"));
    }
    let write = RefWrite { name: full, old: Some(old), new: None };
    writing::land(forge, intake, permit, handle, vec![write], None, Purpose::Move).await
}

async fn resolve(
    intake: &Intake,
    permit: &Permit<PushRepository>,
    view: &std::sync::Arc<atomicqms_git::View>,
    name: String,
) -> Result<Option<ObjectId>> {
    let view = std::sync::Arc::clone(view);
    writing::on_objects(intake, permit.caller(), move |interrupt| Ok(find_commit(&view, &name, interrupt)?)).await
}
