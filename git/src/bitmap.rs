//! Owns git's reachability bitmaps: which objects of one pack some chosen commits reach, so that counting need not walk what lies below them.
//! Reads a `.bitmap` file without trust, writes one, and joins bitmaps with a walk over what they do not cover ([`Cover`]). Refuses bitmaps over
//! several packs. Called by [`crate::odb::Snapshot`], by uploads and by maintenance.
//!
//! Objects never change and neither does a pack, so a bitmap is never stale: what came later is only not covered. It derives from the
//! pack and may go at any time. A file whose checksum or structure is wrong, or that belongs to another pack, is not used at all. Nothing is
//! ever removed on the word of a bitmap.
//!
//! Encoded by own code: gix-bitmap reads this encoding but does not write it, and the general crates for compressed sets have formats of their own.
//! Source: gitformat-pack(5), gitformat-bitmap (in git's documentation, `technical/bitmap-format`).

mod build;
mod choose;
mod cover;
mod encode;
mod ewah;
mod kinds;
mod parse;
mod write;

use std::{
    ops::Range,
    path::Path,
    sync::{Arc, OnceLock},
};

pub(crate) use cover::Cover;
pub use write::BitmapOptions;
pub(crate) use write::{make, remove_others};

use crate::{
    bits::Bits,
    error::{Error, Result},
    id::{Kind, ObjectId},
    map::FileBytes,
    pack::Pack,
};

/// What the name of the file ends with.
pub(crate) const ENDING: &str = "bitmap";

/// One bitmap file with its pack, verified when it was opened. Costs 24 bytes for each commit in it and four for each object of the pack,
/// besides the mapped file.
#[derive(Debug)]
pub(crate) struct Bitmap {
    pack: Arc<Pack>,
    bytes: FileBytes,
    /// Where the encoded bits of the objects of each kind lie: commits, trees, blobs, tags.
    kinds: [Range<usize>; 4],
    /// In order of the file.
    entries: Vec<Entry>,
    /// Positions in the pack's index with the entry of that commit, sorted.
    by_index: Vec<(u32, u32)>,
}

/// One commit of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Where its encoded words lie.
    words: Range<u32>,
    /// The entry before, whose bits these have to be compared with to get the right ones.
    xor: Option<u32>,
}

impl Bitmap {
    /// Opens the file that lies beside a pack; an absent one is `None`.
    ///
    /// Errors: `Corrupt` when anything in it is wrong, `Io`.
    pub(crate) fn open(pack: &Arc<Pack>) -> Result<Option<Arc<Bitmap>>> {
        match Bitmap::open_at(&file_of(pack.path()), pack) {
            Ok(bitmap) => Ok(Some(bitmap)),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the file that belongs to a pack and does not lie beside it yet.
    ///
    /// Errors: `Corrupt`, `Io`.
    pub(crate) fn open_at(path: &Path, pack: &Arc<Pack>) -> Result<Arc<Bitmap>> {
        let bitmap = Bitmap::parse(FileBytes::open(path)?, pack).map_err(|what| Error::corrupt(path, what))?;
        Ok(Arc::new(bitmap))
    }

    /// The pack.
    pub(crate) fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// How many commits have a bitmap.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// An empty set of objects of the pack, by their positions in it.
    pub(crate) fn none(&self) -> Bits {
        Bits::new(self.pack.object_count() as usize)
    }

    /// The position of an object in the pack: what bits are numbered by.
    pub(crate) fn position(&self, id: &ObjectId) -> Option<u32> {
        self.pack.rank_of_index(self.pack.idx().lookup(id)?)
    }

    /// The object at a position.
    pub(crate) fn id(&self, position: u32) -> Option<ObjectId> {
        self.pack.idx().id_at(*self.pack.order().get(position as usize)?)
    }

    /// Adds everything that a commit reaches; answers false when the file has nothing about the commit.
    pub(crate) fn add_reachable(&self, id: &ObjectId, bits: &mut Bits) -> bool {
        let Some(index) = self.pack.idx().lookup(id) else { return false };
        let Some(mut entry) = self.entry_of(index) else { return false };
        let mut reached = self.none();
        loop {
            ewah::xor_into(self.words(entry), reached.words_mut());
            match entry.xor.and_then(|before| self.entries.get(before as usize)) {
                Some(before) => entry = before,
                None => break,
            }
        }
        // A commit reaches itself; bits that deny it are worth nothing.
        if !self.pack.rank_of_index(index).is_some_and(|position| reached.contains(position)) {
            return false;
        }
        self.clip(&mut reached);
        bits.unite(&reached);
        true
    }

    /// The objects of a kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> Bits {
        let mut bits = self.none();
        let words = self.kinds.get(place_of(kind)).and_then(|range| self.bytes.get(range.clone()));
        ewah::xor_into(words.unwrap_or_default(), bits.words_mut());
        self.clip(&mut bits);
        bits
    }

    fn entry_of(&self, index: u32) -> Option<&Entry> {
        let at = self.by_index.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        let (_, entry) = self.by_index.get(at)?;
        self.entries.get(*entry as usize)
    }

    fn words(&self, entry: &Entry) -> &[u8] {
        self.bytes.get(entry.words.start as usize..entry.words.end as usize).unwrap_or_default()
    }

    /// Takes out numbers that are no positions in the pack.
    fn clip(&self, bits: &mut Bits) {
        let used = self.pack.object_count() % 64;
        if used != 0
            && let Some(last) = bits.words_mut().last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> std::path::PathBuf {
        file_of(self.pack.path())
    }
}

/// A bitmap file that is opened when it is first asked for: verifying it takes as long as sorting the objects of its pack.
#[derive(Debug)]
pub(crate) struct LazyBitmap {
    pack: Arc<Pack>,
    opened: OnceLock<Option<Arc<Bitmap>>>,
}

impl LazyBitmap {
    /// Finds the file of the largest of some packs that has one.
    pub(crate) fn find<'p>(packs: impl Iterator<Item = &'p Arc<Pack>>) -> Option<Arc<LazyBitmap>> {
        let with = packs.filter(|pack| file_of(pack.path()).exists());
        let pack = Arc::clone(with.max_by_key(|pack| pack.object_count())?);
        Some(Arc::new(LazyBitmap { pack, opened: OnceLock::new() }))
    }

    /// The pack.
    pub(crate) fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// Whether a part of the file could not be read when somebody looked there.
    pub(crate) fn has_lost_pages(&self) -> bool {
        self.opened.get().and_then(Option::as_ref).is_some_and(|bitmap| bitmap.bytes.has_lost_pages())
    }

    /// The file; one that is damaged or cannot be read is reported in the log, once, and is `None`.
    pub(crate) fn get(&self) -> Option<&Arc<Bitmap>> {
        let open = || match Bitmap::open(&self.pack) {
            Ok(bitmap) => bitmap,
            Err(error) => {
                let path = file_of(self.pack.path());
                tracing::warn!(file.path = %path.display(), %error, "a bitmap file is not used");
                None
            }
        };
        self.opened.get_or_init(open).as_ref()
    }
}

impl From<Arc<Bitmap>> for LazyBitmap {
    fn from(bitmap: Arc<Bitmap>) -> LazyBitmap {
        LazyBitmap { pack: Arc::clone(bitmap.pack()), opened: Some(bitmap).into() }
    }
}

/// The bitmap file that belongs to a `.pack` file.
pub(crate) fn file_of(pack: &Path) -> std::path::PathBuf {
    pack.with_extension(ENDING)
}

/// Where the bits of a kind come in the file.
fn place_of(kind: Kind) -> usize {
    match kind {
        Kind::Commit => 0,
        Kind::Tree => 1,
        Kind::Blob => 2,
        Kind::Tag => 3,
    }
}

#[cfg(test)]
mod tests;
