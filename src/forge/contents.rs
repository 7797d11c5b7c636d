//! Files changed over the API: one commit of one or many changes, landed as a push.
//!
//! Owns branch and parent of the commit, its people, dates and message, and that it is made again where the branch has moved meanwhile. What each
//! change does to the tree is `contents/apply.rs`'s, how paths may look `contents/path.rs`'s, who goes next `contents/turns.rs`'s. Called by the API.

mod apply;
mod message;
mod path;
mod turns;

use std::sync::Arc;

use atomicqms_git::create::commit::{CommitDraft, Ident};
use atomicqms_git::{ObjectId, View};

pub use self::apply::{Change, Operation};
pub(super) use self::turns::Turns;
use super::Forge;
use super::intake::Intake;
use super::pushes::Purpose;
use super::users::recorded_email;
use super::writing::{self, RefWrite, doer, ref_name};
use crate::access::action::PushRepository;
use crate::access::{Caller, Permit, RepoPath};
use crate::error::{Error, Kind, Result};

/// Most changes in one commit.
const MAX_CHANGES: usize = 1000;
/// How often a commit is made while others move its branch.
const MAX_TRIES: u32 = 16;
/// Longest message. Units: bytes.
const MESSAGE_MAX: usize = 64 * 1024;

/// A name and an address.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// Printed name.
    pub name: String,
    /// Address.
    pub email: String,
}

/// A moment with the offset that its author's clock showed.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub offset_minutes: i32,
}

/// One commit to be made.
#[derive(Debug, Clone, Default)]
pub struct FileCommit {
    /// What changes, in order.
    pub changes: Vec<Change>,
    /// The branch to start from; the default branch when none.
    pub branch: Option<String>,
    /// The branch to land on, when that is another.
    pub new_branch: Option<String>,
    /// That other branch may exist, and is moved whatever it holds.
    pub is_forced: bool,
    /// The message; Gitea's words when empty.
    pub message: String,
    /// Who wrote the change; the caller, or the committer, when none.
    pub author: Option<Person>,
    /// Who commits it; the caller, or the author, when none.
    pub committer: Option<Person>,
    /// When it was written.
    pub author_date: Option<Moment>,
    /// When it is committed.
    pub committer_date: Option<Moment>,
    /// Ends the message with the committer's name.
    pub signs_off: bool,
}

/// What landed.
#[derive(Debug, Clone)]
pub struct Landed {
    /// The commit.
    pub commit: ObjectId,
    /// The branch it is on.
    pub branch: String,
    /// The refs and objects after it.
    pub view: Arc<View>,
    /// Paths of the changes, in order.
    pub paths: Vec<String>,
}

/// Makes a commit. Where the branch has moved meanwhile and all that is asked of the files holds there, too, it is made once more on what the branch is then.
///
/// Errors: `NotFound` for a branch or file that does not exist; `Invalid` for paths, names and people that cannot be, a file that exists already, an
/// id that is not the file's, a new branch that exists; `Conflict` where somebody who was faster changed what this asks for; those of [`writing::land`].
pub async fn commit_files(
    forge: &Forge,
    intake: &Intake,
    mut permit: Permit<PushRepository>,
    mut new: FileCommit,
) -> Result<Landed> {
    if new.changes.is_empty() || new.changes.len() > MAX_CHANGES {
        return Err(Error::invalid("files", format!("[Files]: one to {MAX_CHANGES} changes")));
    }
    for change in &new.changes {
        path::check(&change.path)?;
        change.from_path.as_deref().map_or(Ok(()), path::check)?;
    }
    let repository = permit.subject().repository.clone();
    let handle = forge.open(&repository).await?;
    let target = place(&handle.view(), &repository.default_branch, &new)?.target;
    let message = message::of(&new)?;
    let (author, committer) = people(forge, &permit, &new)?;
    let message = if new.signs_off { message::signed_off(message, &committer) } else { message };
    let paths: Vec<String> = new.changes.iter().map(|change| change.path.clone()).collect();
    let changes = std::mem::take(&mut new.changes);
    let draft = Arc::new(Draft { changes, author, committer, message });

    let deadline = intake.deadline();
    let mut turn = forge.file_turns.wait_behind(repository.id, &target, deadline).await;
    let mut tries_left = MAX_TRIES;
    let mut faster: Option<Error> = None;
    loop {
        let view = handle.view();
        let made = match place(&view, &repository.default_branch, &new) {
            Ok(place) => make(intake, permit.caller(), &view, place, &draft).await,
            Err(error) => Err(error),
        };
        let Made { place, commit, pack } = match (made, faster.take()) {
            (Ok(made), _) => made,
            // What was asked for was there to be done a moment ago.
            (Err(error), Some(faster)) if matches!(error.kind(), Kind::Invalid | Kind::NotFound) => return Err(faster),
            (Err(error), _) => return Err(error),
        };
        let name = ref_name("refs/heads/", &place.target)?;
        let write = RefWrite { name: name.clone(), old: place.old, new: Some(commit) };
        let caller = permit.caller().clone();
        let landing = writing::land(forge, intake, permit, handle.clone(), vec![write], Some(pack), Purpose::Move);
        let error = match landing.await {
            Ok(()) => return Ok(Landed { commit, branch: place.target, view: handle.view(), paths }),
            Err(error) => error,
        };
        tries_left -= 1;
        let has_moved = handle.view().refs.get(name.as_str()).map(|found| found.target) != place.old;
        if error.kind() != Kind::Conflict || !has_moved || tries_left == 0 {
            return Err(error);
        }
        if turn.is_none() {
            turn = forge.file_turns.wait(repository.id, &target, deadline).await;
        }
        if turn.is_none() || deadline.has_passed() {
            return Err(error);
        }
        let path = RepoPath::new(repository.owner.clone(), repository.name.clone());
        permit = forge.authorize(&caller, PushRepository, &path).await?;
        // Its name may be another one's by now.
        if permit.subject().repository.id != repository.id {
            return Err(error);
        }
        faster = Some(error);
    }
}

/// What a commit says, wherever it starts.
struct Draft {
    changes: Vec<Change>,
    author: Signing,
    committer: Signing,
    message: String,
}

/// A commit that can land.
struct Made {
    place: Place,
    commit: ObjectId,
    pack: Vec<u8>,
}

/// Makes the commit on what the branch is in a view.
async fn make(intake: &Intake, caller: &Caller, view: &Arc<View>, place: Place, draft: &Arc<Draft>) -> Result<Made> {
    let mut objects = writing::new_objects(view, intake);
    let (view, draft) = (Arc::clone(view), Arc::clone(draft));
    writing::on_objects(intake, caller, move |interrupt| {
        let root = match place.parent {
            Some(id) => Some(CommitDraft::parse(&id, &view.odb.read(&id)?.data)?.tree),
            None => None,
        };
        let commit = CommitDraft {
            tree: apply::apply(&mut objects, root, &draft.changes, interrupt)?,
            parents: place.parent.into_iter().collect(),
            author: draft.author.ident()?,
            committer: draft.committer.ident()?,
            extra_headers: Vec::new(),
            signature: None,
            message: draft.message.clone().into_bytes(),
        };
        let commit = commit.write(&mut objects)?;
        let pack = objects.pack(&[commit], interrupt)?;
        Ok(Made { place, commit, pack })
    })
    .await
}

/// Where a commit starts and lands.
struct Place {
    parent: Option<ObjectId>,
    target: String,
    /// What the target is before.
    old: Option<ObjectId>,
}

fn place(view: &View, default_branch: &str, new: &FileCommit) -> Result<Place> {
    let given =
        |name: &Option<String>| name.as_deref().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let base = given(&new.branch).unwrap_or_else(|| default_branch.to_owned());
    let target = given(&new.new_branch).unwrap_or_else(|| base.clone());
    let tip = |branch: &str| {
        Ok::<_, Error>(view.refs.get(ref_name("refs/heads/", branch)?.as_str()).map(|found| found.target))
    };
    let parent = tip(&base)?;
    let is_empty = view.refs.iter_prefix("refs/heads/").next().is_none();
    if parent.is_none() && !is_empty {
        return Err(Error::new(Kind::NotFound, format!("branch does not exist [name: {base}]")));
    }
    let old = tip(&target)?;
    if target != base && old.is_some() && !new.is_forced {
        return Err(Error::invalid("new_branch", format!("branch already exists [name: {target}]")));
    }
    Ok(Place { parent, target, old })
}

/// A person and the moment beside the name.
struct Signing {
    person: Person,
    at: Moment,
}

impl Signing {
    fn ident(&self) -> atomicqms_git::Result<Ident> {
        Ident::new(&self.person.name, &self.person.email, self.at.seconds, self.at.offset_minutes)
    }
}

/// Author and committer: one that is not given is the other, and the caller where none is.
fn people(forge: &Forge, permit: &Permit<PushRepository>, new: &FileCommit) -> Result<(Signing, Signing)> {
    let user = doer(permit.caller())?;
    let own = Person { name: user.name_to_show().to_owned(), email: recorded_email(forge, user) };
    let full = |person: &Option<Person>| -> Result<Option<Person>> {
        let Some(person) = person else { return Ok(None) };
        if person.name.trim().is_empty() && person.email.trim().is_empty() {
            return Ok(None);
        }
        if person.name.len() > 255 || person.email.len() > 254 {
            return Err(Error::invalid("author", "[Identity]: MaxSize"));
        }
        let name = if person.name.trim().is_empty() { own.name.clone() } else { person.name.clone() };
        let email = if person.email.trim().is_empty() { own.email.clone() } else { person.email.clone() };
        Ok(Some(Person { name, email }))
    };
    let (author, committer) = (full(&new.author)?, full(&new.committer)?);
    let now = Moment { seconds: forge.clock.now().get().div_euclid(1000), offset_minutes: 0 };
    let signing = |person: Option<Person>, at: Option<Moment>| -> Result<Signing> {
        let signing = Signing { person: person.unwrap_or_else(|| own.clone()), at: at.unwrap_or(now) };
        // Told apart here from a fault of ours: a name of nothing but punctuation, a date before 1970.
        signing.ident().map_err(|error| Error::new(Kind::Invalid, error.to_string()))?;
        Ok(signing)
    };
    let either = author.clone().or_else(|| committer.clone());
    Ok((signing(either.clone(), new.author_date)?, signing(committer.or(either), new.committer_date)?))
}
