//! Owns the account of what a repository's objects take on disk. Refuses to open them. Called after maintenance and by `doctor`.

use std::{fs, io::ErrorKind, path::Path};

use crate::{
    error::{Error, Result},
    repository::Repository,
};

/// What the object directory of one repository takes. Units: bytes where the name says so, otherwise counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SizeReport {
    /// Packs of reachable objects, as far as is known.
    pub packs: u64,
    /// Their bytes.
    pub pack_bytes: u64,
    /// Packs of unreachable objects.
    pub cruft_packs: u64,
    /// Their bytes.
    pub cruft_bytes: u64,
    /// Indices of all packs.
    pub idx_bytes: u64,
    /// Loose objects.
    pub loose: u64,
    /// Their bytes.
    pub loose_bytes: u64,
    /// Everything else: lists of times, commit-graphs, quarantines of pushes.
    pub other_bytes: u64,
}

impl SizeReport {
    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        [self.pack_bytes, self.cruft_bytes, self.idx_bytes, self.loose_bytes, self.other_bytes]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// Measures the object directory of a repository, without those it borrows from.
///
/// Errors: `Io`. What vanishes meanwhile counts nothing.
pub fn size_report(repository: &Repository) -> Result<SizeReport> {
    let mut report = SizeReport::default();
    measure(&repository.objects(), 0, &mut report)?;
    Ok(report)
}

fn measure(directory: &Path, depth: u32, report: &mut SizeReport) -> Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("list", directory, e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("list", directory, e))?;
        let Ok(found) = entry.metadata() else { continue };
        let path = entry.path();
        // A quarantine is two levels deep; a link is not followed.
        if found.is_dir() && depth < 3 {
            measure(&path, depth + 1, report)?;
        } else if found.is_file() {
            add(&path, found.len(), report);
        }
    }
    Ok(())
}

fn add(path: &Path, bytes: u64, report: &mut SizeReport) {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().as_encoded_bytes();
    let ending = path.extension().unwrap_or_default().as_encoded_bytes();
    let (count, sum) = match (folder, ending) {
        (b"pack", b"pack") if path.with_extension("mtimes").exists() => {
            (Some(&mut report.cruft_packs), &mut report.cruft_bytes)
        }
        (b"pack", b"pack") => (Some(&mut report.packs), &mut report.pack_bytes),
        (b"pack", b"idx") => (None, &mut report.idx_bytes),
        (fan, b"") if fan.len() == 2 => (Some(&mut report.loose), &mut report.loose_bytes),
        _ => (None, &mut report.other_bytes),
    };
    *sum = sum.saturating_add(bytes);
    if let Some(count) = count {
        *count += 1;
    }
}
