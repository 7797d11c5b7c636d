//! The tag of a release, made when it is published and not there yet.
//!
//! Owns which names it may have. It is made as any tag is (`forge/tags.rs`), through the same checks, gates and ledger event.

use atomicqms_git::RefName;

use crate::access::action::PushRepository;
use crate::access::{Caller, RepoPath};
use crate::error::{Error, Kind, Result};
use crate::forge::intake::Intake;
use crate::forge::writing::is_reserved;
use crate::forge::{Forge, tags};
use crate::model::Repository;

/// Longest name. Units: bytes.
const NAME_MAX: usize = 255;

/// Checks the name of a tag and answers it as a full ref name.
///
/// Errors: `Invalid`.
pub fn check_tag_name(tag: &str) -> Result<RefName> {
    let invalid = || Error::invalid("tag_name", format!("invalid tag name [tag_name: {tag}]"));
    if tag.is_empty() {
        return Err(Error::invalid("tag_name", "[TagName]: Required"));
    }
    if is_reserved(tag) || tag.len() > NAME_MAX {
        return Err(invalid());
    }
    let name = RefName::new(&format!("refs/tags/{tag}")).map_err(|error| invalid().with_source(error))?;
    if name.misleads().is_some() { Err(invalid()) } else { Ok(name) }
}

/// Makes a tag at `target` unless there is one of that name; with a message an annotated one.
///
/// Shape: must not be cancelled half way.
/// Errors: `NotFound` for a target that is no commit here; `Invalid` when a rule refuses the tag; those of the gate and of a push.
pub(super) async fn ensure(
    forge: &Forge,
    intake: &Intake,
    caller: &Caller,
    repository: &Repository,
    (tag, target, message): (&str, &str, &str),
) -> Result<()> {
    let name = check_tag_name(tag)?;
    let handle = forge.open(repository).await?;
    if handle.view().refs.get(name.as_str()).is_some() {
        return Ok(());
    }
    let path = RepoPath::new(repository.owner.clone(), repository.name.clone());
    let permit = forge.authorize(caller, PushRepository, &path).await?;
    match tags::make(forge, intake, permit, name.clone(), target.to_owned(), message.to_owned()).await {
        // Somebody else was faster.
        Err(error) if error.kind() == Kind::Conflict && handle.view().refs.get(name.as_str()).is_some() => Ok(()),
        Err(error) if matches!(error.kind(), Kind::Conflict | Kind::NotAllowed) => {
            Err(Error::invalid("tag_name", format!("the tag was refused: {}", error.public())))
        }
        Err(error) if error.kind() == Kind::NotFound => {
            Err(Error::new(Kind::NotFound, format!("target \"{target}\" not found")))
        }
        made => made,
    }
}
