//! Owns how many digits of an id are printed. Refuses to parse abbreviations. Called by patch text and raw lists.

use crate::{id::ObjectId, odb::Snapshot};

/// How ids are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdLength {
    /// As git does by default: digits for the number of packed objects, at least seven, and more while ambiguous.
    #[default]
    Unique,
    /// All digits (`--full-index`).
    Full,
}

/// Prints ids of one repository.
#[derive(Clone)]
pub(crate) struct IdPrinter<'a> {
    odb: &'a Snapshot,
    /// Fewest digits; `None` for all.
    least: Option<usize>,
}

impl<'a> IdPrinter<'a> {
    pub(crate) fn new(odb: &'a Snapshot, length: IdLength) -> Self {
        let least = match length {
            IdLength::Full => None,
            IdLength::Unique => {
                let objects: u64 = odb.packs().iter().map(|pack| u64::from(pack.object_count())).sum();
                // So many digits that two of these objects rarely share them: half the bits of their number.
                let bits = objects.checked_ilog2().map_or(0, |log| log as usize + 1);
                Some(bits.div_ceil(2).max(7))
            }
        };
        IdPrinter { odb, least }
    }

    /// The same with full ids, for binary patches.
    pub(crate) fn full(&self) -> IdPrinter<'a> {
        IdPrinter { odb: self.odb, least: None }
    }

    pub(crate) fn print(&self, id: &ObjectId) -> String {
        let mut hex = id.to_string();
        if let Some(least) = self.least {
            hex.truncate(self.odb.unique_prefix_len(id).max(least));
        }
        hex
    }
}
