//! Owns the examination of a whole repository: are the files what their checksums say, is every object what its id says, is nothing missing, do the refs
//! on disk say what they should. Refuses to repair and to change anything, so it may run beside the server. Called by `doctor`.
//!
//! Memory: some 50 bytes an object, and one object at a time. Problems are told as they are found and the walk goes on.

use std::{path::Path, sync::Arc, sync::atomic::AtomicBool};

use sha1::{Digest, Sha1};

use super::{census::Census, local::Local, mark::Marker, mark::Missing};
use crate::{
    bitmap::Bitmap,
    error::{Error, Result},
    id::{ID_LEN, ObjectId, hash_object},
    odb::{Snapshot, list_packs},
    pack::Pack,
    refs::{RefTable, disk},
    repository::Repository,
    walk::check_interrupt,
};

/// Between two looks at the interrupt flag.
const PIECE_BYTES: usize = 8 << 20;

/// How thoroughly to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Read and hash every object, too.
    pub full: bool,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or object concerned.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What the check tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckProgress {
    /// Packs were read.
    Packs {
        /// So many.
        done: usize,
        /// Of so many.
        total: usize,
    },
    /// Something is wrong.
    Found(Problem),
}

/// The result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Packs looked at.
    pub packs: u64,
    /// Own objects of the repository, each counted once.
    pub objects: u64,
    /// Of these, how many refs reach.
    pub reachable: u64,
    /// Problems found.
    pub problems: u64,
}

/// Tells problems and counts them.
struct Teller<'a> {
    report: CheckReport,
    progress: &'a mut dyn FnMut(CheckProgress),
}

impl Teller<'_> {
    fn found(&mut self, place: impl ToString, what: impl ToString) {
        self.report.problems += 1;
        (self.progress)(CheckProgress::Found(Problem { place: place.to_string(), what: what.to_string() }));
    }
}

/// Examines the objects of a repository, and whether everything that `refs` reach exists.
///
/// Shape: every problem goes to `progress`.
/// Errors: `Io` and `Interrupted`; damage is a problem, not an error.
pub fn check_repository(
    repository: &Repository,
    refs: &RefTable,
    options: CheckOptions,
    progress: &mut dyn FnMut(CheckProgress),
    interrupt: &AtomicBool,
) -> Result<CheckReport> {
    let mut teller = Teller { report: CheckReport::default(), progress };
    let odb = repository.odb();
    let objects = repository.objects();
    check_unopened(&objects, &odb, &mut teller)?;
    let local = Local::of(&objects, &odb);
    let packs: Vec<Arc<Pack>> = [&local.regular, &local.kept, &local.cruft].into_iter().flatten().cloned().collect();
    let total = packs.len();
    for (done, pack) in (1..).zip(&packs) {
        let name = pack.path().display();
        check_files(pack, interrupt, &mut |what| teller.found(name.to_string(), what))?;
        match Bitmap::open(pack) {
            Err(Error::Corrupt { path, what }) => {
                teller.found(path.display(), format!("the bitmap file is damaged: {what}"))
            }
            opened => drop(opened?),
        }
        if options.full {
            verify_objects(&odb, pack, interrupt, &mut |id, what| match id {
                Some(id) => teller.found(format!("object {id} in {name}"), what),
                None => teller.found(name.to_string(), what),
            })?;
        }
        teller.report.packs += 1;
        (teller.progress)(CheckProgress::Packs { done, total });
    }
    for bundle in repository.bundles().iter() {
        if !bundle.is_sound(interrupt)? {
            teller.found(bundle.path().display(), "the bundle is damaged");
        }
    }
    if let Some(loose) = &local.loose {
        let mut data = Vec::new();
        for id in loose.ids() {
            check_interrupt(interrupt)?;
            let is_right = match loose.find(&id, &mut data) {
                Ok(Some(kind)) => hash_object(kind, &data).is_ok_and(|found| found == id),
                Ok(None) => false,
                Err(Error::Io { action, path, source }) => return Err(Error::Io { action, path, source }),
                Err(_) => false,
            };
            if !is_right {
                teller.found(loose.path_of(&id).display(), "is not the object that its name says");
            }
        }
    }
    let census = match Census::take(packs, local.loose.as_deref(), interrupt) {
        Ok(census) => census,
        Err(Error::Corrupt { path, what }) => {
            teller.found(path.display(), what);
            return Ok(teller.report);
        }
        Err(error) => return Err(error),
    };
    teller.report.objects = u64::from(census.len());
    teller.report.reachable = check_closure(&odb, &census, refs, &mut teller, interrupt)?;
    Ok(teller.report)
}

/// Compares the refs on disk with what they should be.
///
/// Shape: `is_awaited` says whether a ref may still have a value on disk (`None`: be absent), because its files follow the database after a while.
/// Errors: `Io`, `Corrupt`.
pub fn check_refs(
    repository: &Repository,
    refs: &RefTable,
    is_awaited: impl Fn(&str, Option<ObjectId>) -> bool,
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    let on_disk = disk::read(repository.path())?;
    for found in &on_disk {
        let expected = refs.get(&found.name).map(|known| known.target);
        let is_known =
            found.target().is_some() && (found.target() == expected || is_awaited(&found.name, found.target()));
        if !is_known {
            let expected = expected.map_or("not to exist".to_owned(), |id| format!("to be {id}"));
            let found_is = found.target().map_or_else(|| format!("{:?}", found.value), |id| id.to_string());
            problems
                .push(Problem { place: found.name.clone(), what: format!("is {found_is} on disk, ought {expected}") });
        }
    }
    let names: std::collections::HashSet<&str> = on_disk.iter().map(|found| found.name.as_str()).collect();
    let is_missing = |name: &str| !names.contains(name) && !is_awaited(name, None);
    for missing in refs.iter().filter(|known| is_missing(known.name.as_str())) {
        problems.push(Problem {
            place: missing.name.to_string(),
            what: format!("is absent on disk, ought to be {}", missing.target),
        });
    }
    Ok(problems)
}

/// Packs on disk that could not be opened are not in the snapshot.
fn check_unopened(objects: &Path, odb: &Snapshot, teller: &mut Teller<'_>) -> Result<()> {
    let opened: std::collections::HashSet<&Path> = odb.packs().iter().map(|pack| pack.path()).collect();
    for path in list_packs(&objects.join("pack"))? {
        if opened.contains(path.as_path()) {
            continue;
        }
        match Pack::open(&path) {
            Ok(_) => {}
            Err(Error::Corrupt { path, what }) => teller.found(path.display(), what),
            // Removed meanwhile by maintenance.
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sums up both files and compares with their last bytes; looks whether the index is in order.
fn check_files(pack: &Pack, interrupt: &AtomicBool, found: &mut dyn FnMut(&'static str)) -> Result<()> {
    if !is_sum_right(pack.bytes(), interrupt)? {
        found("the pack does not match its checksum");
    }
    let idx = crate::map::FileBytes::open(&pack.path().with_extension("idx"));
    match idx {
        Ok(bytes) if is_sum_right(&bytes, interrupt)? => {}
        Ok(_) => found("the index does not match its checksum"),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if !pack.idx().ids().is_sorted_by(|a, b| a < b) {
        found("the index is not sorted");
    }
    Ok(())
}

fn is_sum_right(bytes: &[u8], interrupt: &AtomicBool) -> Result<bool> {
    let Some((body, sum)) = bytes.len().checked_sub(ID_LEN).and_then(|at| bytes.split_at_checked(at)) else {
        return Ok(false);
    };
    let mut hasher = Sha1::new();
    for piece in body.chunks(PIECE_BYTES) {
        check_interrupt(interrupt)?;
        hasher.update(piece);
    }
    Ok(hasher.finalize().as_slice() == sum)
}

/// Reads and hashes every object of a pack, and compares entries with their checksums.
///
/// Errors: `Io`, `Interrupted`; what is wrong with an object goes to `found`.
pub(super) fn verify_objects(
    odb: &Snapshot,
    pack: &Pack,
    interrupt: &AtomicBool,
    found: &mut dyn FnMut(Option<ObjectId>, &'static str),
) -> Result<()> {
    let mut data = Vec::new();
    for index in pack.order() {
        check_interrupt(interrupt)?;
        let Some((id, offset)) = pack.idx().id_at(*index).zip(pack.idx().offset_at(*index)) else {
            found(None, "the index cannot be read");
            continue;
        };
        if let Some(what) = verify_object_with(odb, pack, *index, offset, &id, &mut data)? {
            found(Some(id), what);
        }
    }
    Ok(())
}

/// Reads and hashes one object of a pack; answers what is wrong with it, if anything is.
///
/// Errors: `Io`.
pub(super) fn verify_object(
    odb: &Snapshot,
    pack: &Pack,
    index: u32,
    offset: u64,
    id: &ObjectId,
) -> Result<Option<&'static str>> {
    verify_object_with(odb, pack, index, offset, id, &mut Vec::new())
}

fn verify_object_with(
    odb: &Snapshot,
    pack: &Pack,
    index: u32,
    offset: u64,
    id: &ObjectId,
    data: &mut Vec<u8>,
) -> Result<Option<&'static str>> {
    let Ok(entry) = pack.entry_bytes(index) else { return Ok(Some("its entry lies outside of the pack")) };
    if pack.idx().crc32_at(index) != Some(crc32fast::hash(entry)) {
        return Ok(Some("an entry does not match its checksum"));
    }
    match odb.find_at(pack, offset, data) {
        Ok(kind) if hash_object(kind, data).is_ok_and(|hash| hash == *id) => Ok(None),
        Ok(_) => Ok(Some("the content does not match the id")),
        Err(Error::Corrupt { what, .. }) => Ok(Some(what)),
        Err(error) => Err(error),
    }
}

/// Walks from all refs; answers how many own objects were reached.
fn check_closure(
    odb: &Snapshot,
    census: &Census,
    refs: &RefTable,
    teller: &mut Teller<'_>,
    interrupt: &AtomicBool,
) -> Result<u64> {
    let mut tell = |id: ObjectId, by: Option<ObjectId>, what: &'static str| {
        let by = by.map_or(String::new(), |by| format!(", referred to by {by}"));
        teller.found(format!("object {id}"), format!("{what}{by}"));
    };
    let mut marker = Marker::new(odb, census, interrupt);
    marker.on_fault = Some(&mut tell);
    for reference in refs.iter() {
        match marker.walk_from(&reference.target, Missing::Skip) {
            Err(Error::Corrupt { what, .. }) => {
                if let Some(on_fault) = &mut marker.on_fault {
                    on_fault(reference.target, None, what);
                }
            }
            other => other?,
        }
    }
    Ok(marker.marked.count())
}
