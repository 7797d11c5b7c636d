//! The tag of a release, made when it is published and not there yet.
//!
//! Owns where a target leads and the text of an annotated tag. The tag lands as a push does, through the same checks, gates and ledger event.

use std::sync::Arc;

use atomicqms_git::create::commit::Ident;
use atomicqms_git::create::tag::TagDraft;
use atomicqms_git::id::id_from_hex;
use atomicqms_git::receive::{Command, CommandOutcome, ReceiveRequest};
use atomicqms_git::{self as git, Kind as ObjectKind, ObjectId, PackSource, RefName, View};

use crate::access::action::PushRepository;
use crate::access::{Caller, RepoPath};
use crate::error::{Error, Kind, Result};
use crate::forge::Forge;
use crate::forge::intake::Intake;
use crate::forge::pushes::{self, Purpose, Push};
use crate::model::{Repository, User, UtcMs};

const TAGS: &str = "refs/tags/";
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
    if tag.starts_with('-') || tag.len() > NAME_MAX {
        return Err(invalid());
    }
    RefName::new(&format!("{TAGS}{tag}")).map_err(|error| invalid().with_source(error))
}

/// Makes a tag at `target` unless there is one of that name; with a message an annotated one.
///
/// Shape: must not be cancelled half way.
/// Errors: `NotFound` for a target that is no commit here; `Invalid` when a rule refuses the tag; those of the gate.
pub(super) async fn ensure(
    forge: &Forge,
    intake: &Intake,
    caller: &Caller,
    repository: &Repository,
    (tag, target, message): (&str, &str, &str),
) -> Result<()> {
    let name = check_tag_name(tag)?;
    let handle = forge.open(repository).await?;
    let view = handle.view();
    if view.refs.get(name.as_str()).is_some() {
        return Ok(());
    }
    let wanted = target.to_owned();
    let found = tokio::task::spawn_blocking(move || find_commit(&view, &wanted)).await.map_err(Error::internal)?;
    let commit = found
        .map_err(Error::internal)?
        .ok_or_else(|| Error::new(Kind::NotFound, format!("target \"{target}\" not found")))?;
    let path = RepoPath::new(repository.owner.clone(), repository.name.clone());
    let permit = forge.authorize(caller, PushRepository, &path).await?;
    let (new, pack) = match message.is_empty() {
        true => (commit, None),
        false => {
            let tagger = caller.user().ok_or_else(|| Error::broken("a tag needs an account as its tagger"))?;
            let (id, pack) = annotated(tag, commit, message, tagger, forge.clock.now())?;
            (id, Some((handle.git().incoming(intake.limits()), PackSource::Memory(pack.into()))))
        }
    };
    let commands = vec![Command { name: name.as_str().as_bytes().to_vec(), old: None, new: Some(new) }];
    let request = ReceiveRequest { commands, ..ReceiveRequest::default() };
    let again = handle.clone();
    let report =
        pushes::land(forge, intake, Push { permit, handle, request, pack, purpose: Purpose::Move }, Box::new(|_| {}))
            .await;
    let refused = |reason: &str| Error::invalid("tag_name", format!("the tag was refused: {reason}"));
    match (report.unpack, report.commands.first().map(|command| &command.outcome)) {
        (Ok(()), Some(CommandOutcome::Applied)) => Ok(()),
        // Somebody else was faster.
        (Ok(()), Some(CommandOutcome::Refused { .. })) if again.view().refs.get(name.as_str()).is_some() => Ok(()),
        (Ok(()), Some(CommandOutcome::Refused { reason })) => Err(refused(reason)),
        (Err(reason), _) => Err(refused(&reason)),
        (unpack, outcome) => Err(Error::broken(format!("a tag was not answered: {unpack:?} {outcome:?}"))),
    }
}

/// The commit that a branch, a tag, a full ref name or a whole commit id leads to.
fn find_commit(view: &Arc<View>, target: &str) -> git::Result<Option<ObjectId>> {
    let by_name = ["refs/heads/", TAGS].iter().find_map(|prefix| view.refs.get(&format!("{prefix}{target}")));
    let by_full_name = || target.starts_with("refs/").then(|| view.refs.get(target)).flatten();
    let id = match by_name.or_else(by_full_name) {
        Some(found) => Some(found.target),
        None => id_from_hex(target.to_ascii_lowercase().as_bytes()),
    };
    let Some(id) = id else { return Ok(None) };
    if !view.odb.contains(&id)? {
        return Ok(None);
    }
    let (id, kind) = view.odb.peel(&id)?;
    Ok((kind == ObjectKind::Commit).then_some(id))
}

/// The id of a tag object, and the pack that brings it.
fn annotated(tag: &str, commit: ObjectId, message: &str, tagger: &User, at: UtcMs) -> Result<(ObjectId, Vec<u8>)> {
    let full_name = tagger.full_name.trim();
    let name = if full_name.is_empty() { tagger.name.as_str() } else { full_name };
    let seconds = at.get().div_euclid(1000);
    let ident = Ident::new(name, tagger.email.as_str(), seconds, 0)
        .or_else(|_| Ident::new(tagger.name.as_str(), tagger.email.as_str(), seconds, 0))
        .map_err(Error::internal)?;
    let message = format!("{}\n", message.trim_end()).into_bytes();
    let draft = TagDraft { target: commit, name: tag.to_owned(), tagger: ident, message };
    let content = draft.to_bytes(ObjectKind::Commit);
    let id = git::id::hash_object(ObjectKind::Tag, &content).map_err(Error::internal)?;
    let pack = git::pack::compose::compose(&[(ObjectKind::Tag, content.as_slice())]).map_err(Error::internal)?;
    Ok((id, pack))
}
