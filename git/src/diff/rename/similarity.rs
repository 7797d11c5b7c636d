//! Owns how similar two files are: the share of the larger one that both have. Refuses to pair files. Called by [`super`], and by the
//! search for renames of a merge.

use std::{collections::HashMap, rc::Rc};

use super::{
    MAX_SCORE, TreeOptions,
    pieces::{Pieces, is_too_different},
};
use crate::{
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
};

/// Tables of pieces are kept up to so many entries together (8 bytes each); more are made again.
const MAX_KEPT_ENTRIES: usize = 4 << 20;

/// Where contents are.
pub(crate) trait Contents {
    /// The size of an object. Units: bytes.
    ///
    /// Errors: `Lost`, `Corrupt`, `Io`.
    fn size(&self, id: &ObjectId) -> Result<u64>;

    /// Reads an object into `data`.
    ///
    /// Errors: as [`Contents::size`].
    fn read(&self, id: &ObjectId, data: &mut Vec<u8>) -> Result<()>;
}

impl Contents for Snapshot {
    fn size(&self, id: &ObjectId) -> Result<u64> {
        Ok(self.header(id)?.ok_or(Error::Lost { id: *id })?.1)
    }

    fn read(&self, id: &ObjectId, data: &mut Vec<u8>) -> Result<()> {
        self.find(id, data)?.ok_or(Error::Lost { id: *id }).map(drop)
    }
}

/// How much is compared.
///
/// Units: bytes where the name says so, otherwise counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Larger files are similar to no other.
    pub(crate) max_file_bytes: u64,
    /// Bytes of files that are read, again after they were forgotten; beyond that no two are similar.
    pub(crate) max_read_bytes: u64,
    /// Pieces that are looked at; beyond that no two files are similar.
    pub(crate) max_pieces: u64,
    /// As in [`TreeOptions`].
    pub(crate) counts_last_piece: bool,
}

impl Bounds {
    /// Those of a diff, whose caller ends it by the interrupt flag.
    pub(super) fn of_diff(options: &TreeOptions) -> Bounds {
        Bounds {
            max_file_bytes: options.max_blob_bytes,
            max_read_bytes: u64::MAX,
            max_pieces: u64::MAX,
            counts_last_piece: options.counts_last_piece,
        }
    }
}

/// Compares regular files, and remembers what it read.
pub(crate) struct Estimator<'a> {
    contents: &'a dyn Contents,
    bounds: Bounds,
    sizes: HashMap<ObjectId, u64>,
    kept: HashMap<ObjectId, Rc<Pieces>>,
    kept_entries: usize,
    /// What was compared last with others: a new file is compared with many old ones in a row.
    latest: Option<(ObjectId, Rc<Pieces>)>,
    data: Vec<u8>,
    read_bytes: u64,
    compared_pieces: u64,
    is_cut: bool,
}

impl<'a> Estimator<'a> {
    pub(crate) fn new(contents: &'a dyn Contents, bounds: Bounds) -> Self {
        Estimator {
            contents,
            bounds,
            sizes: HashMap::new(),
            kept: HashMap::new(),
            kept_entries: 0,
            latest: None,
            data: Vec::new(),
            read_bytes: 0,
            compared_pieces: 0,
            is_cut: false,
        }
    }

    /// Whether files were taken for different because of a bound on the whole work.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// How much of the larger file both have in common.
    ///
    /// Units: parts of [`MAX_SCORE`]; zero when the sizes alone keep it below `min_score`, or a bound forbids to look.
    /// Errors: `Lost`, `Corrupt`, `Io`.
    pub(crate) fn score(&mut self, before: &ObjectId, after: &ObjectId, min_score: u32) -> Result<u32> {
        let (a, b) = (self.size(before)?, self.size(after)?);
        let large = a.max(b);
        if is_too_different(a, b, min_score) || large > self.bounds.max_file_bytes {
            return Ok(0);
        }
        let known = self.latest.take().filter(|(id, _)| id == after);
        let to = match known {
            Some((_, pieces)) => Some(pieces),
            None => self.pieces(after, b)?,
        };
        let Some(to) = to else { return Ok(0) };
        self.latest = Some((*after, Rc::clone(&to)));
        let Some(from) = self.pieces(before, a)? else { return Ok(0) };
        let compared = self.compared_pieces.saturating_add(from.len() as u64).saturating_add(to.len() as u64);
        if compared > self.bounds.max_pieces {
            self.is_cut = true;
            return Ok(0);
        }
        self.compared_pieces = compared;
        let score = u128::from(from.common(&to)) * u128::from(MAX_SCORE);
        Ok(score.checked_div(u128::from(large)).unwrap_or(0) as u32)
    }

    fn size(&mut self, id: &ObjectId) -> Result<u64> {
        if let Some(size) = self.sizes.get(id) {
            return Ok(*size);
        }
        let size = self.contents.size(id)?;
        self.sizes.insert(*id, size);
        Ok(size)
    }

    /// The pieces of a file; nothing once enough was read.
    fn pieces(&mut self, id: &ObjectId, size: u64) -> Result<Option<Rc<Pieces>>> {
        if let Some(pieces) = self.kept.get(id) {
            return Ok(Some(Rc::clone(pieces)));
        }
        let read = self.read_bytes.saturating_add(size);
        if read > self.bounds.max_read_bytes {
            self.is_cut = true;
            return Ok(None);
        }
        self.read_bytes = read;
        self.contents.read(id, &mut self.data)?;
        let pieces = Rc::new(Pieces::cut(&self.data, self.bounds.counts_last_piece));
        let entries = self.kept_entries.saturating_add(pieces.len());
        if entries <= MAX_KEPT_ENTRIES {
            self.kept_entries = entries;
            self.kept.insert(*id, Rc::clone(&pieces));
        }
        Ok(Some(pieces))
    }
}
