//! Branches of forks brought up to date with what they were made of.
//!
//! Owns which branch follows which, and how: by moving it where that loses nothing, by a merge commit otherwise. What comes over is exactly what the source's branch
//! reaches and the fork lacks, as the pack of a push, so that every rule that holds for a push holds here. Called by the API.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_git::create::commit::Ident;
use atomicqms_git::create::{CreateLimits, NewObjects};
use atomicqms_git::incoming::Spool;
use atomicqms_git::merge::replay::{Attempt, CommitText, merge_commit};
use atomicqms_git::merge::tree::{MergeOptions, Names};
use atomicqms_git::upload::write_difference;
use atomicqms_git::walk::is_ancestor;
use atomicqms_git::{Incoming, ObjectId, PackSource, RefName, View};

use super::Forge;
use super::intake::Intake;
use super::pushes::{Leave, Purpose};
use super::users::recorded_email;
use super::writing::{self, RefWrite, doer, ref_name};
use crate::access::action::{PushRepository, ReadCode};
use crate::access::{Permit, RepoPath};
use crate::db;
use crate::error::{Error, Kind, Result};

const HEADS: &str = "refs/heads/";
/// A pack of up to so many bytes stays in memory.
const SPOOL_ABOVE_BYTES: usize = 1 << 20;
/// Branches of the fork whose history is left out of the pack besides the one that moves.
const MAX_HAVES: usize = 256;

/// What became of the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caught {
    /// It had everything.
    UpToDate,
    /// It points where the source's branch does.
    FastForward,
    /// A commit joins both.
    Merge,
}

/// Brings a branch of a fork, the default one when none is named, up to date with the branch of that name in the repository it was made of; the default branch
/// follows the source's where there is none of its name.
///
/// Shape: must not be cancelled half way, so callers run it as a detached task.
/// Errors: `Malformed` where there is nothing to follow, and when only a merge would do and `ff_only` forbids it; `NotFound` for a branch that either side lacks, and for
/// a source that the caller may not read (any more, also when the commits are to land); `Conflict` when both changed the same; those of [`writing::land`].
pub async fn merge_upstream(
    forge: &Forge,
    intake: &Intake,
    permit: Permit<PushRepository>,
    branch: Option<String>,
    ff_only: bool,
) -> Result<Caught> {
    let repository = permit.subject().repository.clone();
    let source = repository.fork_id.ok_or_else(|| Error::new(Kind::Malformed, "the repository is not a fork"))?;
    let source = forge.read("find source", move |conn| Ok(db::repositories::find(conn, source)?)).await?;
    let source = source.ok_or_else(Error::not_found)?;
    let path = RepoPath::new(source.owner.clone(), source.name.clone());
    let may_read = match forge.authorize(permit.caller(), ReadCode, &path).await {
        Ok(may_read) => may_read,
        Err(error) if error.kind() == Kind::Internal => return Err(error),
        // Whoever may push to the fork does not learn what became of its source.
        Err(_) => return Err(Error::not_found()),
    };
    // Renamed meanwhile, and another one has its name.
    if may_read.subject().repository.id != source.id {
        return Err(Error::not_found());
    }
    let source = may_read.subject().repository.clone();
    let branch = branch.unwrap_or_else(|| repository.default_branch.clone());
    let name = ref_name(HEADS, &branch).map_err(|_| Error::not_found())?;
    let handle = forge.open(&repository).await?;
    let (own, theirs) = (handle.view(), forge.open(&source).await?.view());
    let tip = |view: &View, name: &RefName| view.refs.get(name.as_str()).map(|found| found.target);
    let ours = tip(&own, &name).ok_or_else(|| missing(&branch))?;
    let followed = match tip(&theirs, &name) {
        Some(tip) => tip,
        None if branch == repository.default_branch => {
            tip(&theirs, &ref_name(HEADS, &source.default_branch)?).ok_or_else(|| missing(&source.default_branch))?
        }
        None => return Err(missing(&branch)),
    };
    let user = doer(permit.caller())?;
    let seconds = forge.clock.now().get().div_euclid(1000);
    let who = Ident::new(user.name_to_show(), &recorded_email(forge, user), seconds, 0);
    let who = who.map_err(|error| Error::new(Kind::Invalid, error.to_string()))?;
    let message = format!("Merge branch '{branch}' of {} into {branch}\n", source.full_name());
    let text = CommitText { author: who.clone(), committer: who, message: message.into_bytes() };
    let incoming = handle.git().incoming(intake.limits());
    let (spool, most) = (incoming.spool(), intake.limits().max_pack_bytes);
    let limits = CreateLimits { fsck: intake.limits().fsck.clone(), ..CreateLimits::default() };
    let names = Names { base: String::new(), ours: branch, theirs: source.full_name() };
    let work = move |interrupt: &AtomicBool| {
        let join = Join { own: &own, ours, both: own.joined(&theirs), theirs: followed, ff_only };
        let Some((both, new, how)) = join.find(&names, &text, limits, interrupt)? else { return Ok(None) };
        let mut out = PackOut { bytes: Vec::new(), file: None, spool, left: most };
        let written = write_difference(&both, vec![new], join.haves(), &mut out, interrupt);
        written.map_err(|error| match out.left {
            0 => Error::new(Kind::TooLarge, format!("what is new exceeds the limit of {most} bytes")),
            _ => Error::from(error),
        })?;
        Ok(Some((new, how, out.finish()?)))
    };
    let Some((new, how, pack)) = writing::on_objects(intake, permit.caller(), work).await? else {
        return Ok(Caught::UpToDate);
    };
    let write = RefWrite { name, old: Some(ours), new: Some(new) };
    let pack: Option<(Incoming, PackSource)> = Some((incoming, pack));
    let leave = Leave::PushFrom { push: permit, source: Box::new(may_read) };
    writing::land_pack(forge, intake, leave, handle, vec![write], pack, Purpose::Move).await?;
    Ok(how)
}

fn missing(branch: &str) -> Error {
    Error::new(Kind::NotFound, format!("branch does not exist [name: {branch}]"))
}

/// Two branches that are to be one.
struct Join<'a> {
    own: &'a View,
    ours: ObjectId,
    /// The fork's refs over the objects of both repositories.
    both: View,
    theirs: ObjectId,
    ff_only: bool,
}

impl Join<'_> {
    /// Where the branch is to point, and how that came about; `None`: it has everything. The view holds what was made, too.
    fn find(
        &self,
        names: &Names,
        text: &CommitText,
        limits: CreateLimits,
        interrupt: &AtomicBool,
    ) -> Result<Option<(View, ObjectId, Caught)>> {
        let odb = &self.both.odb;
        if is_ancestor(odb, &self.theirs, &self.ours, interrupt)? {
            return Ok(None);
        }
        if is_ancestor(odb, &self.ours, &self.theirs, interrupt)? {
            return Ok(Some((self.both.clone(), self.theirs, Caught::FastForward)));
        }
        if self.ff_only {
            return Err(Error::new(Kind::Malformed, "fast forward merge not possible"));
        }
        let mut objects = NewObjects::new(Arc::clone(odb), limits);
        let options = MergeOptions { stop_at_conflict: true, ..MergeOptions::default() };
        match merge_commit(&mut objects, &self.ours, &self.theirs, names, text, &options, interrupt)? {
            Attempt::Made(commit) => {
                let odb = Arc::new(objects.snapshot(&[commit], interrupt)?);
                Ok(Some((View { odb, ..self.both.clone() }, commit, Caught::Merge)))
            }
            Attempt::Empty => Ok(None),
            Attempt::Conflict(_) => Err(Error::conflict("both branches changed the same; merge them by hand")),
        }
    }

    /// What the fork has: the branch itself first.
    fn haves(&self) -> Vec<ObjectId> {
        let others = self.own.refs.iter_prefix(HEADS).map(|branch| branch.target).filter(|tip| *tip != self.ours);
        std::iter::once(self.ours).chain(others.take(MAX_HAVES)).collect()
    }
}

/// Where a pack is written: into memory while it is small, then into the file of the quarantine.
struct PackOut {
    bytes: Vec<u8>,
    file: Option<File>,
    spool: Spool,
    /// How much more may come; nothing once too much came.
    left: u64,
}

impl PackOut {
    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(self.spool.create().map_err(io::Error::other)?),
        };
        file.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<PackSource> {
        if self.file.is_none() {
            return Ok(PackSource::Memory(self.bytes.into()));
        }
        self.spill().map_err(|error| Error::from(atomicqms_git::Error::io("write", self.spool.path(), error)))?;
        Ok(PackSource::Spooled)
    }
}

impl Write for PackOut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        if self.left == 0 {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > SPOOL_ABOVE_BYTES {
            self.spill()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
