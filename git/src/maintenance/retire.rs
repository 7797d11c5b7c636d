//! Owns the removal of files whose objects are elsewhere now, or are needed by nobody. Refuses to hurry: nothing is removed while a snapshot still reads
//! it by name, and all files of one replacement go together or not at all.
//!
//! Together, because an object that is left must never refer to one that is gone: the closed store is what pushes rely on. A list of the doomed is made
//! durable before the first file goes (`info/atomicqms-retired`), and a removal that a crash cut short is completed before the repository is used again.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use super::fault;
use crate::{
    error::{Error, Result},
    files,
    id::id_from_hex,
    multi_pack_index,
    odb::{LooseObjects, loose_path},
    pack::Pack,
    repository::Repository,
};

/// Below the object directory.
const LIST: &str = "info/atomicqms-retired";
/// What may lie beside a pack; the index goes first, since git finds packs by it, and the pack last.
const BESIDE: [&str; 5] = ["idx", "rev", "bitmap", "mtimes", "pack"];

/// What one replacement left behind.
#[derive(Debug)]
pub(crate) struct Retired {
    pub(super) packs: Vec<Arc<Pack>>,
    pub(super) loose: Option<Arc<LooseObjects>>,
}

/// What [`Repository::remove_retired`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removal {
    /// Packs removed.
    pub packs: u64,
    /// Loose objects removed.
    pub loose: u64,
    /// Bytes of the removed packs, without indices.
    pub bytes: u64,
    /// Replacements that somebody still reads; ask again later.
    pub pending: usize,
}

impl Repository {
    /// Removes the files that published replacements have made superfluous. Belongs into the repository's turn, some time after the
    /// publication.
    ///
    /// Errors: `Io`, `DiskFull`; what is left is removed the next time, or when the repository is opened.
    pub fn remove_retired(&self) -> Result<Removal> {
        let mut removal = Removal::default();
        self.exchange(|current| {
            let mut retired = self.retired().lock().unwrap_or_else(PoisonError::into_inner);
            // Of a pack that came again meanwhile, or was read in again, everything stays: the next maintenance finds it.
            retired.retain(|one| !one.packs.iter().any(|pack| current.holds(pack)));
            // In order: what an earlier replacement left out may refer to what a later one did.
            let ready = retired.iter().take_while(|one| !one.is_read()).count();
            let ready: Vec<Retired> = retired.drain(..ready).collect();
            removal.pending = retired.len();
            for one in ready {
                one.remove(&self.objects(), self.path(), &mut removal)?;
            }
            Ok(None)
        })?;
        Ok(removal)
    }
}

impl Retired {
    /// Whether a pack of this name is among what was replaced.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        self.packs.iter().any(|pack| pack.path() == path)
    }

    /// Packs stay readable after their removal; loose objects are opened by name each time.
    fn is_read(&self) -> bool {
        self.loose.as_ref().is_some_and(|loose| Arc::strong_count(loose) > 1)
    }

    fn remove(self, objects: &Path, temporary_in: &Path, removal: &mut Removal) -> Result<()> {
        let mut list = String::new();
        for pack in &self.packs {
            let name = pack.path().file_name().unwrap_or_default().to_string_lossy();
            list.push_str(&format!("pack {name}\n"));
        }
        for id in self.loose.iter().flat_map(|loose| loose.ids()) {
            list.push_str(&format!("loose {id}\n"));
        }
        files::replace_durably(&objects.join(LIST), list.as_bytes(), temporary_in)?;
        fault::reach("removal listed");
        removal.packs = removal.packs.saturating_add(self.packs.len() as u64);
        removal.loose = removal.loose.saturating_add(self.loose.as_ref().map_or(0, |loose| loose.len() as u64));
        let bytes: u64 = self.packs.iter().map(|pack| pack.bytes().len() as u64).sum();
        removal.bytes = removal.bytes.saturating_add(bytes);
        carry_out(objects, &list).map(drop)
    }
}

/// Completes a removal that a crash cut short, and answers how many files went. Before the repository is read.
pub(crate) fn finish_interrupted(objects: &Path, repository: &Path) -> Result<usize> {
    match files::read_text(&objects.join(LIST))? {
        Some(list) => {
            tracing::info!(file.path = %repository.display(), "completing a removal of replaced files that was cut short");
            carry_out(objects, &list)
        }
        None => Ok(0),
    }
}

fn carry_out(objects: &Path, list: &str) -> Result<usize> {
    let directory = objects.join("pack");
    let mut removed = 0;
    if names_doomed(objects, list)? {
        for name in multi_pack_files(&directory)? {
            removed += remove(&name)?;
            fault::reach("a file removed");
        }
    }
    for line in list.lines() {
        match line.split_once(' ') {
            // The list is ours, but a name that leads elsewhere must not be followed whoever wrote it.
            Some(("pack", name)) if is_pack_name(name) => {
                let pack = directory.join(name);
                for ending in BESIDE {
                    removed += remove(&pack.with_extension(ending))?;
                    fault::reach("a file removed");
                }
            }
            Some(("loose", hex)) => {
                if let Some(id) = id_from_hex(hex.as_bytes()) {
                    removed += remove(&loose_path(objects, &id))?;
                }
            }
            _ => return Err(Error::corrupt(objects.join(LIST), "an unknown line")),
        }
    }
    files::sync_dir(&directory)?;
    fault::reach("files removed");
    remove(&objects.join(LIST))?;
    Ok(removed)
}

/// Whether an index over several packs names one that goes, or might.
fn names_doomed(objects: &Path, list: &str) -> Result<bool> {
    let Some(named) = multi_pack_index::named_packs(objects)? else { return Ok(true) };
    let doomed = list.lines().filter_map(|line| line.strip_prefix("pack ")?.strip_suffix(".pack"));
    let doomed: HashSet<&str> = doomed.collect();
    Ok(named.iter().any(|name| name.strip_suffix(".idx").is_none_or(|stem| doomed.contains(stem))))
}

fn is_pack_name(name: &str) -> bool {
    let middle = name.strip_prefix("pack-").and_then(|rest| rest.strip_suffix(".pack"));
    middle.is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn multi_pack_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let is_ours = |path: &PathBuf| {
        let starts = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"multi-pack-index"));
        starts && path.is_file()
    };
    Ok(files::list(directory)?.into_iter().filter(is_ours).collect())
}

fn remove(path: &Path) -> Result<usize> {
    files::remove(path).map(usize::from)
}
