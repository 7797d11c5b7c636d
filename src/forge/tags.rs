//! Tags made and deleted over the API.
//!
//! Owns what a tag says; the attempt itself is a push (`writing.rs`).

use atomicqms_git::RefName;
use atomicqms_git::create::commit::Ident;
use atomicqms_git::create::tag::TagDraft;

use super::Forge;
use super::intake::Intake;
use super::pushes::Purpose;
use super::users::recorded_email;
use super::writing::{self, RefWrite, doer, find_commit, ref_name};
use crate::access::Permit;
use crate::access::action::PushRepository;
use crate::error::{Error, Kind, Result};

const TAGS: &str = "refs/tags/";
/// Longest message. Units: bytes.
const MESSAGE_MAX: usize = 64 * 1024;

/// Makes a tag at what `target` names, the default branch when it is none; annotated if there is a message.
///
/// Errors: `Conflict` for a tag that exists; `NotFound` for a target that does not; `Invalid` for a name or message that cannot be; those of
/// [`writing::land`].
pub async fn create_tag(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<PushRepository>,
    name: &str,
    target: Option<String>,
    message: String,
) -> Result<()> {
    let full = ref_name(TAGS, name)?;
    if message.len() > MESSAGE_MAX {
        return Err(Error::invalid("message", "[Message]: MaxSize"));
    }
    let target = target.unwrap_or_else(|| permit.subject().repository.default_branch.clone());
    make(forge, intake, permit, full, target, message).await
}

/// Makes a tag of a name that was checked.
///
/// Errors: as [`create_tag`].
pub(super) async fn make(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<PushRepository>,
    full: RefName,
    target: String,
    message: String,
) -> Result<()> {
    let handle = forge.open(&permit.subject().repository).await?;
    let view = handle.view();
    if view.refs.get(full.as_str()).is_some() {
        return Err(Error::conflict("tag exist"));
    }
    let user = doer(permit.caller())?;
    let seconds = forge.clock.now().get().div_euclid(1000);
    let email = recorded_email(forge, user);
    let tagger = Ident::new(user.name_to_show(), &email, seconds, 0)
        .or_else(|_| Ident::new(user.name.as_str(), &email, seconds, 0))?;
    let mut objects = writing::new_objects(&view, intake);
    let name = full.tag().unwrap_or_default().to_owned();
    let made = writing::on_objects(intake, permit.caller(), move |interrupt| {
        let found = find_commit(&view, &target, interrupt)?;
        let target = found.ok_or_else(|| Error::new(Kind::NotFound, format!("target not found [name: {target}]")))?;
        if message.trim().is_empty() {
            return Ok((target, None));
        }
        let message = format!("{}\n", message.trim_end()).into_bytes();
        let tag = TagDraft { target, name, tagger, message }.write(&mut objects)?;
        Ok((tag, Some(objects.pack(&[tag], interrupt)?)))
    });
    let (tip, pack) = made.await?;
    let write = RefWrite { name: full, old: None, new: Some(tip) };
    writing::land(forge, intake, permit, handle, vec![write], pack, Purpose::Move).await
}

/// Deletes a tag.
///
/// Errors: `NotFound`; those of [`writing::land`].
pub async fn delete_tag(forge: &Forge, intake: &Intake, permit: Permit<PushRepository>, name: &str) -> Result<()> {
    let full = ref_name(TAGS, name).map_err(|_| Error::not_found())?;
    let handle = forge.open(&permit.subject().repository).await?;
    let old = handle.view().refs.get(full.as_str()).map(|found| found.target).ok_or_else(Error::not_found)?;
    let write = RefWrite { name: full, old: Some(old), new: None };
    writing::land(forge, intake, permit, handle, vec![write], None, Purpose::Move).await
}
