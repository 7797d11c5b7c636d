//! Archives of a tree: tar, compressed tar and zip, entry by entry as `git archive` writes them.
//!
//! Owns the walk, `export-ignore` and `export-subst`, and the formats. Refuses to choose names or to keep what it wrote. Called by the
//! download pages and the API on a blocking thread.
//!
//! A tar equals git's byte for byte, but for names that could lead elsewhere where it is unpacked (`names.rs`); compressed bytes are those of another deflate. The same commit gives the same bytes always. One file
//! is in memory at a time; files, sizes and their sum are bounded by [`ArchiveOptions`].
//!
//! Source: git-archive(1), pax(1), APPNOTE.TXT of PKWARE.

mod attributes;
mod counted;
mod entry;
mod eol;
mod names;
pub mod remote;
mod subst;
mod tar;
mod walk;
mod zip;

use std::{io::Write, sync::atomic::AtomicBool};

use flate2::{Compression, write::GzEncoder};

use crate::{
    commit_text::CommitText,
    error::{Error, Result},
    id::{Kind, ObjectId},
    odb::Snapshot,
    walk::{Peeled, peel},
};
use walk::{Walk, find_subtree};

/// The form of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// POSIX tar with pax headers.
    Tar,
    /// The same through gzip.
    TarGz,
    /// Zip, with 64-bit extensions where they are needed.
    Zip,
}

/// What goes into an archive, and how much of it.
///
/// Units: bytes where the name says so, seconds since 1970, otherwise counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// The form.
    pub format: ArchiveFormat,
    /// Put in front of each path; ends in a slash if it is a directory.
    pub prefix: Vec<u8>,
    /// The directory that becomes the root of the archive; empty for the whole tree.
    pub directory: Vec<u8>,
    /// Files and directories to be taken; empty for everything.
    pub paths: Vec<Vec<u8>>,
    /// The time of the entries when a tree is archived, which knows none. A commit brings its own.
    pub tree_seconds: u64,
    /// Most files and directories in the tree; each 256 bytes of a path count as one more.
    pub max_files: usize,
    /// Largest file.
    pub max_file_bytes: u64,
    /// Most bytes of all files together.
    pub max_total_bytes: u64,
}

impl Default for ArchiveOptions {
    fn default() -> Self {
        ArchiveOptions {
            format: ArchiveFormat::TarGz,
            prefix: Vec::new(),
            directory: Vec::new(),
            paths: Vec::new(),
            tree_seconds: 0,
            max_files: 1_000_000,
            max_file_bytes: 512 << 20,
            max_total_bytes: 32 << 30,
        }
    }
}

/// Writes the archive of a commit, of a tag of one, or of a tree.
///
/// Errors: `WrongKind` for a blob, `BadRequest` when `directory` is none, `TooLarge` beyond a limit, `PeerGone` when `out` fails,
/// `Interrupted`, `Lost`, `Corrupt`. After an error the bytes written so far are no archive.
pub fn write_archive(
    odb: &Snapshot,
    id: &ObjectId,
    options: &ArchiveOptions,
    out: &mut dyn Write,
    interrupt: &AtomicBool,
) -> Result<()> {
    let Peeled { target, kind, .. } = peel(odb, id)?;
    let commit = if kind == Kind::Commit { Some(CommitText::read(odb, &target)?) } else { None };
    let root = commit.as_ref().map_or(target, |commit| commit.tree);
    let tree = find_subtree(odb, root, &options.directory)?;
    let seconds = commit.as_ref().map_or(options.tree_seconds, |commit| commit.committer.time.seconds as u64);
    let commit_id = commit.as_ref().map(|commit| commit.id);
    let mut walk = Walk::new(odb, options, commit.as_ref(), interrupt);
    match options.format {
        ArchiveFormat::Tar => walk.run(tree, &mut tar::TarWriter::new(out, seconds, commit_id, interrupt)?),
        ArchiveFormat::TarGz => {
            let mut gzip = GzEncoder::new(out, Compression::default());
            walk.run(tree, &mut tar::TarWriter::new(&mut gzip, seconds, commit_id, interrupt)?)?;
            gzip.finish().map_err(Error::PeerGone).map(drop)
        }
        ArchiveFormat::Zip => walk.run(tree, &mut zip::ZipWriter::new(out, seconds, commit_id, interrupt)),
    }
}

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz {
    //! A way in for [`crate::fuzz`].

    use std::sync::atomic::AtomicBool;

    use super::attributes::{Attributes, Rules};
    use crate::error::Result;

    /// Looks a path up in a `.gitattributes` file of a directory.
    pub(crate) fn look_up(directory: &[u8], file: &[u8], path: &[u8]) -> Result<()> {
        let mut attributes = Attributes::default();
        attributes.enter(Rules::parse(directory, file))?;
        let _ = attributes.of(path, &AtomicBool::new(false))?.is_set(b"export-ignore");
        attributes.leave();
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
