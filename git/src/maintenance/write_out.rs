//! Owns the packs of small pushes between their commit and their file: their form in a row of the database, their place among the objects, and the
//! step that makes ordinary files of them. Refuses to make them durable before that: the caller does, in the transaction that moves the refs. Called by
//! the repository actor in its turn.
//!
//! Every step may be repeated: the same packs give a file of the same name and content, and a pack that is written twice under two names only takes space
//! until the next consolidation.

use std::sync::{Arc, atomic::AtomicBool};

use bytes::Bytes;
use sha1::{Digest, Sha1};

use super::{
    bits::Bits,
    census::Census,
    fault,
    prepared::place,
    rewrite::{NewPack, Rewrite, write_flushed},
};
use crate::{
    error::{Error, Result},
    files,
    id::{ID_LEN, id_from_bytes},
    incoming::quarantine::Quarantine,
    limits::Limits,
    odb::Snapshot,
    pack::{
        IdxEntry, Pack,
        index::{self, IndexedObject},
    },
    repository::Repository,
};

/// One line of an index in a row: id, offset, CRC-32.
const LINE_BYTES: usize = ID_LEN + 4 + 4;

/// A pack up to this size that became a file alone is read from memory until the next consolidation.
const KEPT_IN_MEMORY_BYTES: usize = 8 << 10;

/// A pack as it is kept in a row of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackRow {
    /// The whole pack.
    pub pack: Vec<u8>,
    /// The lines of its index, sorted by id: 20 bytes of id, then offset and CRC-32, four bytes each, big-endian.
    pub lines: Vec<u8>,
}

impl PackRow {
    /// Makes the row of a pack.
    ///
    /// Errors: `TooLarge` for a pack of 4 GiB.
    pub fn of(pack: &Pack) -> Result<PackRow> {
        let mut lines = Vec::with_capacity(pack.object_count() as usize * LINE_BYTES);
        for line in pack.lines() {
            let limit = u64::from(u32::MAX);
            let offset = u32::try_from(line.offset).map_err(|_| Error::TooLarge { what: "size of a pack", limit })?;
            lines.extend_from_slice(line.id.as_slice());
            lines.extend_from_slice(&offset.to_be_bytes());
            lines.extend_from_slice(&line.crc32.to_be_bytes());
        }
        Ok(PackRow { pack: pack.bytes().to_vec(), lines })
    }

    /// Makes the pack of a row, for a repository. Lines that do not fit the pack are made anew: the pack's own checksum stands for what matters.
    ///
    /// Errors: `Corrupt` for a pack that is damaged, and for lines that can neither be used nor made.
    pub fn open(self, repository: &Repository) -> Result<Arc<Pack>> {
        let directory = repository.objects().join("pack");
        let corrupt = |what| Error::corrupt(directory.join("a pack in the database"), what);
        let (body, sum) = self.pack.split_last_chunk::<ID_LEN>().ok_or_else(|| corrupt("shorter than a pack"))?;
        if Sha1::digest(body).as_slice() != sum {
            return Err(corrupt("checksum mismatch"));
        }
        let (lines, rest) = self.lines.as_chunks::<LINE_BYTES>();
        let lines: Option<Vec<IdxEntry>> = lines.iter().map(|line| read_line(line)).collect();
        let stored = lines.filter(|_| rest.is_empty());
        let pack = Bytes::from(self.pack);
        let never = AtomicBool::new(false);
        let lines = match index::index_pack(&pack, &repository.odb(), &Limits::default(), &mut |_| {}, &never) {
            Ok(indexed) => {
                let made: Vec<IdxEntry> = indexed.objects.iter().map(IndexedObject::line).collect();
                if stored.as_ref() != Some(&made) {
                    let path = directory.display();
                    tracing::warn!(file.path = %path, "index lines of a pack in the database are damaged and made anew");
                }
                made
            }
            // A base that came along from an older time may break a rule of today.
            Err(error) if error.is_peer_fault() => {
                stored.ok_or_else(|| corrupt("the lines of its index are damaged"))?
            }
            Err(error) => return Err(error),
        };
        Pack::in_memory(&directory, pack, &lines).map(Arc::new)
    }
}

fn read_line(line: &[u8]) -> Option<IdxEntry> {
    let (id, rest) = line.split_at_checked(ID_LEN)?;
    let (offset, crc32) = rest.split_first_chunk::<4>()?;
    let crc32 = u32::from_be_bytes(*crc32.first_chunk::<4>()?);
    Some(IdxEntry { id: id_from_bytes(id)?, offset: u64::from(u32::from_be_bytes(*offset)), crc32 })
}

impl Repository {
    /// Publishes packs that are no files yet and that the caller has made durable; those that are here already are left out.
    pub fn adopt(&self, packs: &[Arc<Pack>]) -> Result<Arc<Snapshot>> {
        self.exchange(|current| {
            let mut next = None;
            for pack in packs {
                let before = next.as_ref().unwrap_or(current);
                if !before.holds(pack) {
                    next = Some(before.with_pack(Arc::clone(pack)));
                }
            }
            Ok(next)
        })
    }

    /// Makes one ordinary pack file of packs that are none yet, durably, and publishes it in their place. One call at a time, and none while
    /// maintenance publishes or removes; pushes may go on.
    ///
    /// Shape: `packs` are in the published set of objects. One alone becomes a file as it is; several are joined, every object once, and each is read back
    /// and hashed.
    /// Errors: `Io`, `DiskFull`, `Corrupt`, `Interrupted`; then nothing is published, and the call may be repeated.
    pub fn write_out(&self, packs: &[Arc<Pack>], interrupt: &AtomicBool) -> Result<Arc<Snapshot>> {
        let odb = self.odb();
        let new = match packs {
            [] => return Ok(odb),
            [pack] => {
                let quarantine = Quarantine::for_maintenance(&self.objects())?;
                write_files(pack, &quarantine)?;
                NewPack { quarantine, pack: Arc::clone(pack), is_cruft: false }
            }
            packs => match join(self, &odb, packs, interrupt)? {
                Some(new) => new,
                None => return Ok(odb),
            },
        };
        fault::reach("waiting packs flushed");
        // Outside of the exchange, which pushes wait for: nothing looks for this file before, and who finds it finds objects that are here.
        place(&new)?;
        files::sync_dir(&self.objects().join("pack"))?;
        fault::reach("waiting packs in place");
        new.pack.note_written();
        let published = match packs {
            // A map would take more than what it maps.
            [pack] if pack.bytes().len() <= KEPT_IN_MEMORY_BYTES => return Ok(self.odb()),
            // Memory is for packs that wait: this one is a file now.
            [_] => Arc::new(Pack::open(new.pack.path())?),
            _ => Arc::clone(&new.pack),
        };
        self.exchange(|current| Ok(Some(current.replaced(packs, std::slice::from_ref(&published), None, false))))
    }
}

fn join(
    repository: &Repository,
    odb: &Snapshot,
    packs: &[Arc<Pack>],
    interrupt: &AtomicBool,
) -> Result<Option<NewPack>> {
    let census = Census::take(packs.to_vec(), None, interrupt)?;
    let mut chosen = Bits::new(census.len() as usize);
    for at in 0..census.len() {
        chosen.insert(at);
    }
    Rewrite { repository, odb, census: &census, chosen: &chosen, fresh: Default::default(), interrupt }.write()
}

/// Writes pack and index of a pack that is in memory into a quarantine, flushed.
pub(crate) fn write_files(pack: &Pack, quarantine: &Quarantine) -> Result<()> {
    write_flushed(&quarantine.pack_path(), pack.bytes())?;
    write_flushed(&quarantine.idx_path(), pack.idx().bytes())
}
