//! The commit a new repository starts with when its maker asks for one.
//!
//! Owns its content: a README with name and description. It lands as a push does, through the same checks, gates and
//! ledger event. Called by the API when a repository is created with `auto_init`.

use atomicqms_git::id::hash_object;
use atomicqms_git::pack::compose::compose;
use atomicqms_git::{Kind as ObjectKind, ObjectId, RefName};

use super::Forge;
use super::intake::Intake;
use super::pushes::Purpose;
use super::repositories::{MayCreateRepository, create_repository};
use super::users::recorded_email;
use super::writing::{self, RefWrite};
use crate::access::action::PushRepository;
use crate::access::{Caller, Permit, RepoPath};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::{Category, NewRepository, Repository, Starter, User, UtcMs};

/// Makes a repository and, if it wants one, its first commit.
///
/// Shape: must not be cancelled half way, so callers run it as a detached task.
/// Errors: those of [`create_repository`]; `Forbidden` for a token that may not write to repositories.
pub async fn create_with_first_commit<A: MayCreateRepository>(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<A>,
    mut new: NewRepository,
) -> Result<Repository> {
    let caller = permit.caller().clone();
    let wants_commit = new.auto_init;
    if wants_commit && caller.scopes().is_some_and(|scopes| !scopes.may_write(Category::Repository)) {
        // Said before the repository exists: its first commit would be refused.
        return Err(Error::forbidden("auto_init needs a token with the scope write:repository"));
    }
    let starter = std::mem::take(&mut new.starter);
    let holder = A::owner(permit.subject()).name_to_show().to_owned();
    let repository = create_repository(forge, permit, NewRepository { auto_init: false, ..new }).await?;
    if !wants_commit {
        return Ok(repository);
    }
    let author = caller.user().ok_or_else(|| Error::broken("a first commit needs an account as its author"))?;
    let at = forge.clock.now();
    let who = signature(author, &recorded_email(forge, author), at);
    let made = repository.clone();
    let pack = move || first_pack(&made, &starter, &holder, &who, at);
    let first = tokio::task::spawn_blocking(pack).await.map_err(Error::internal)?.map_err(Error::internal)?;
    land(forge, intake, &caller, &repository, first).await?;
    let id = repository.id;
    forge.read("read repository", move |conn| db::repositories::find(conn, id)?.ok_or_else(Error::not_found)).await
}

/// A commit without parents, and the pack that brings it with all it needs.
pub(super) struct FirstCommit {
    pub(super) commit: ObjectId,
    pub(super) pack: Vec<u8>,
}

/// Lets a first commit become the default branch of a repository that was just made, as a push would.
pub(super) async fn land(
    forge: &Forge,
    intake: &Intake,
    caller: &Caller,
    repository: &Repository,
    first: FirstCommit,
) -> Result<()> {
    let path = RepoPath::new(repository.owner.clone(), repository.name.clone());
    let permit = forge.authorize(caller, PushRepository, &path).await?;
    let handle = forge.open(repository).await?;
    let name = RefName::new(&format!("refs/heads/{}", repository.default_branch)).map_err(Error::internal)?;
    let write = RefWrite { name, old: None, new: Some(first.commit) };
    let landed = writing::land(forge, intake, permit, handle, vec![write], Some(first.pack), Purpose::Move).await;
    // Nothing of ours can be refused but by somebody who deleted, renamed or archived the repository at the same moment.
    landed.map_err(|error| match error.kind() {
        Kind::Internal | Kind::Unavailable | Kind::Overloaded => error,
        _ => {
            let text = format!("the repository was made, and its first commit was refused: {}", error.public());
            Error::conflict(text).with_source(error)
        }
    })
}

/// The commit, and the pack that brings it with its tree and files; `holder` is whom the licence names.
fn first_pack(
    repository: &Repository,
    starter: &Starter,
    holder: &str,
    who: &str,
    at: UtcMs,
) -> atomicqms_git::Result<FirstCommit> {
    let mut readme = format!("# {}\n", repository.name);
    if !repository.description.is_empty() {
        readme.push_str(&format!("\n{}\n", repository.description));
    }
    let license = starter.license.map(|license| license.text(at.year(), holder));
    // In the order in which git sorts the entries of a tree.
    let files: Vec<(&str, &[u8])> = [
        (".gitignore", starter.gitignore.as_bytes()),
        ("LICENSE", license.as_deref().unwrap_or_default().as_bytes()),
        ("README.md", readme.as_bytes()),
    ]
    .into_iter()
    .filter(|(_, content)| !content.is_empty())
    .collect();
    let mut tree = Vec::new();
    for (name, content) in &files {
        tree.extend_from_slice(format!("100644 {name}\0").as_bytes());
        tree.extend_from_slice(hash_object(ObjectKind::Blob, content)?.as_slice());
    }
    let tree_id = hash_object(ObjectKind::Tree, &tree)?;
    let commit = format!("tree {tree_id}\nauthor {who}\ncommitter {who}\n\nInitial commit\n");
    let id = hash_object(ObjectKind::Commit, commit.as_bytes())?;
    let mut objects: Vec<(ObjectKind, &[u8])> =
        vec![(ObjectKind::Commit, commit.as_bytes()), (ObjectKind::Tree, &tree)];
    objects.extend(files.iter().map(|(_, content)| (ObjectKind::Blob, *content)));
    Ok(FirstCommit { commit: id, pack: compose(&objects)? })
}

/// `Name <mail> seconds +0000`, without the characters that would end a field early.
fn signature(author: &User, email: &str, at: UtcMs) -> String {
    let clean = |text: &str| -> String {
        text.chars().filter(|character| !matches!(character, '<' | '>') && !character.is_control()).collect()
    };
    let shown = clean(author.name_to_show());
    let name = if shown.trim().is_empty() { author.name.as_str() } else { shown.trim() };
    format!("{name} <{}> {} +0000", clean(email), at.get().div_euclid(1000))
}
