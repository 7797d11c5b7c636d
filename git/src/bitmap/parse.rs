//! Owns taking a bitmap file apart and everything that is verified before a bit of it is believed: checksum, the pack it belongs to, sizes, kinds that
//! share no object. Refuses to read objects. Called by [`super::Bitmap::open`].

use std::sync::Arc;

use sha1::{Digest, Sha1};

use super::{Bitmap, Entry, ewah};
use crate::{id::ID_LEN, id::Kind, map::FileBytes, pack::Pack};

pub(super) const SIGNATURE: &[u8; 4] = b"BITM";
pub(super) const VERSION: u16 = 1;
/// Everything that the commits reach is in the pack. Files without it are not used, as in git.
pub(super) const FULL_DAG: u16 = 1;
/// What may follow the commits and is passed over: a cache of name hashes (4), a table of commits (16), bitmaps of many commits together (32).
const KNOWN_FLAGS: u16 = FULL_DAG | 4 | 16 | 32;
/// Signature, version, flags, number of entries, checksum of the pack.
pub(super) const HEADER_LEN: usize = 12 + ID_LEN;
/// Position in the index, distance to the entry compared with, flags.
pub(super) const ENTRY_HEAD_LEN: usize = 6;
/// How far back an entry may be compared, as in git.
pub(super) const MAX_XOR: u8 = 160;

const CUT: &str = "the file is cut short";

impl Bitmap {
    /// Reads and verifies a whole file.
    pub(super) fn parse(bytes: FileBytes, pack: &Arc<Pack>) -> Result<Bitmap, &'static str> {
        let body = bytes.len().checked_sub(ID_LEN).and_then(|end| bytes.split_at_checked(end));
        let (body, checksum) = body.ok_or(CUT)?;
        // Offsets are kept as 32 bits. Git's own bitmaps of large repositories take some ten megabytes.
        if u32::try_from(bytes.len()).is_err() {
            return Err("the file is too large");
        }
        if Sha1::digest(body).as_slice() != checksum {
            return Err("the checksum is wrong");
        }
        let head = [SIGNATURE.as_slice(), &VERSION.to_be_bytes()].concat();
        if !body.starts_with(&head) {
            return Err("no bitmap file of this version");
        }
        let flags = body.get(6..).and_then(|rest| rest.first_chunk()).map(|raw| u16::from_be_bytes(*raw));
        let flags = flags.ok_or(CUT)?;
        if flags & FULL_DAG == 0 || flags & !KNOWN_FLAGS != 0 {
            return Err("the bitmaps may be incomplete, or of a later kind");
        }
        let count = ewah::number(body, 8).ok_or(CUT)?;
        if body.get(12..HEADER_LEN) != Some(pack.idx().pack_checksum()) {
            return Err("the file belongs to another pack");
        }
        let objects = pack.object_count();
        let words = (objects as usize).div_ceil(64);
        let mut at = HEADER_LEN;
        let mut kinds = [const { 0..0 }; 4];
        for kind in &mut kinds {
            (*kind, at) = ewah::check(body, at, words)?;
        }
        // Each entry takes some bytes, so that a made-up number cannot take more memory than the file is long.
        if count > objects || count as usize > body.len() / ENTRY_HEAD_LEN {
            return Err("more commits than the pack has objects");
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(count as usize);
        let mut by_index = Vec::with_capacity(count as usize);
        for number in 0..count {
            let index = ewah::number(body, at).ok_or(CUT)?;
            let distance = *body.get(at.saturating_add(4)).ok_or(CUT)?;
            let xor = match distance {
                0 => None,
                distance if distance > MAX_XOR => return Err("a commit is compared with one too far away"),
                distance => Some(number.checked_sub(u32::from(distance)).ok_or("a commit is compared with none")?),
            };
            let (range, end) = ewah::check(body, at.saturating_add(ENTRY_HEAD_LEN), words)?;
            let offset = |at: usize| u32::try_from(at).map_err(|_| "the file is too large");
            entries.push(Entry { words: offset(range.start)?..offset(range.end)?, xor });
            by_index.push((index, number));
            at = end;
        }
        by_index.sort_unstable();
        if by_index.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
            return Err("a commit has two bitmaps");
        }
        let bitmap = Bitmap { pack: Arc::clone(pack), bytes, kinds, entries, by_index };
        bitmap.check_kinds()?;
        Ok(bitmap)
    }

    /// Every object has one kind, and what has a bitmap is a commit.
    fn check_kinds(&self) -> Result<(), &'static str> {
        let mut all = self.none();
        let mut counted = 0u64;
        for kind in [Kind::Commit, Kind::Tree, Kind::Blob, Kind::Tag] {
            let bits = self.of_kind(kind);
            counted = counted.saturating_add(bits.count());
            all.unite(&bits);
            let is_commit =
                |(index, _): &(u32, u32)| self.pack.rank_of_index(*index).is_some_and(|at| bits.contains(at));
            if kind == Kind::Commit && !self.by_index.iter().all(is_commit) {
                return Err("something that is no commit has a bitmap");
            }
        }
        let objects = u64::from(self.pack.object_count());
        if counted != objects || all.count() != objects { Err("the kinds of objects do not add up") } else { Ok(()) }
    }
}
