//! Owns the immutable, sorted table of refs: lookup, iteration by prefix, and the check and application of changes. Refuses to touch disk
//! or database. Held by [`crate::View`]; built and replaced by the repository actor.
//!
//! The table is a list of chunks behind `Arc`, so that a push into a repository of 100,000 refs copies one chunk and the list of pointers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Ref, RefConflict, RefEdit, RefName};

/// A chunk that grows past this is split in two halves.
const MAX_CHUNK: usize = 512;
/// A chunk that an edit leaves smaller than this is joined with its neighbour.
const MIN_CHUNK: usize = 64;

/// All refs of one repository, sorted by name as git sorts them (bytewise). Cloning costs one reference count.
///
/// Shape: chunks are never empty, hold at most 512 refs, and are sorted within and among themselves.
#[derive(Clone, Default)]
pub struct RefTable {
    chunks: Arc<Vec<Chunk>>,
    len: usize,
    id: u64,
}

type Chunk = Arc<Vec<Ref>>;

impl RefTable {
    /// Builds a table; of refs with one name the last wins.
    pub fn from_refs(refs: Vec<Ref>) -> RefTable {
        let sorted: BTreeMap<RefName, Ref> = refs.into_iter().map(|r| (r.name.clone(), r)).collect();
        let mut chunks = Vec::with_capacity(sorted.len() / MAX_CHUNK + 1);
        let mut chunk = Vec::new();
        for r in sorted.into_values() {
            if chunk.len() == MAX_CHUNK {
                chunks.push(Arc::new(std::mem::take(&mut chunk)));
            }
            chunk.push(r);
        }
        if !chunk.is_empty() {
            chunks.push(Arc::new(chunk));
        }
        RefTable::made_of(chunks)
    }

    fn made_of(chunks: Vec<Chunk>) -> RefTable {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let len = chunks.iter().map(|chunk| chunk.len()).sum();
        RefTable { chunks: Arc::new(chunks), len, id: NEXT_ID.fetch_add(1, Ordering::Relaxed) }
    }

    /// A number that in this process only tables with these very refs have; it keys what is derived from them. An equal table may have another.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The number of refs.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Says whether there is no ref at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Finds a ref by its full name.
    pub fn get(&self, name: &str) -> Option<&Ref> {
        let chunk = self.chunks.get(self.chunk_for(name))?;
        chunk.binary_search_by(|r| r.name.as_str().cmp(name)).ok().and_then(|i| chunk.get(i))
    }

    /// All refs in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Ref> + '_ {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The refs whose names start with `prefix`, in order.
    pub fn iter_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Ref> + 'a {
        self.iter_from(prefix).take_while(move |r| r.name.as_str().starts_with(prefix))
    }

    /// The refs whose names are not below `name`, in order.
    fn iter_from<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Ref> + 'a {
        let first = self.chunk_for(name);
        let skip = self.chunks.get(first).map_or(0, |chunk| chunk.partition_point(|r| r.name.as_str() < name));
        self.chunks.iter().skip(first).flat_map(|chunk| chunk.iter()).skip(skip)
    }

    /// The chunk that holds `name`, or would.
    fn chunk_for(&self, name: &str) -> usize {
        let after = self.chunks.partition_point(|chunk| chunk.first().is_some_and(|r| r.name.as_str() <= name));
        after.saturating_sub(1)
    }

    /// Checks one change: the old value must be there, and a new name must not need another ref to be a directory, or be one itself.
    ///
    /// Errors: `Stale`, `DirectoryFile`.
    pub fn check(&self, edit: &RefEdit) -> Result<(), RefConflict> {
        self.check_value(edit)?;
        if edit.new.is_some() { self.check_place(&edit.name) } else { Ok(()) }
    }

    fn check_value(&self, edit: &RefEdit) -> Result<(), RefConflict> {
        let actual = self.get(edit.name.as_str()).map(|r| r.target);
        if actual == edit.old {
            return Ok(());
        }
        Err(RefConflict::Stale { name: edit.name.clone(), expected: edit.old, actual })
    }

    fn check_place(&self, name: &RefName) -> Result<(), RefConflict> {
        let full = name.as_str();
        let conflict = |other: &Ref| RefConflict::DirectoryFile { name: name.clone(), other: other.name.clone() };
        let parents = full.match_indices('/').filter_map(|(at, _)| full.get(..at));
        if let Some(parent) = parents.filter_map(|parent| self.get(parent)).next() {
            return Err(conflict(parent));
        }
        let below = format!("{full}/");
        match self.iter_prefix(&below).next() {
            Some(child) => Err(conflict(child)),
            None => Ok(()),
        }
    }

    /// Applies all changes or none: deletions first, so that one batch may replace `a` by `a/b`.
    ///
    /// Errors: `Stale`, `DirectoryFile`, `Duplicate`.
    pub fn apply(&self, edits: &[RefEdit]) -> Result<RefTable, RefConflict> {
        let mut by_name: BTreeMap<&RefName, &RefEdit> = BTreeMap::new();
        for edit in edits {
            self.check_value(edit)?;
            if by_name.insert(&edit.name, edit).is_some() {
                return Err(RefConflict::Duplicate { name: edit.name.clone() });
            }
        }
        let next = self.rebuild(&by_name);
        for edit in edits.iter().filter(|edit| edit.new.is_some()) {
            next.check_place(&edit.name)?;
        }
        Ok(next)
    }

    /// Applies the changes that fit and says for each whether it did, in the order given; a later one sees the effect of an earlier one.
    pub fn apply_each(&self, edits: &[RefEdit]) -> (RefTable, Vec<Result<(), RefConflict>>) {
        let mut table = self.clone();
        let mut touched = std::collections::HashSet::new();
        let outcomes = edits
            .iter()
            .map(|edit| {
                if !touched.insert(&edit.name) {
                    return Err(RefConflict::Duplicate { name: edit.name.clone() });
                }
                table = table.apply(std::slice::from_ref(edit))?;
                Ok(())
            })
            .collect();
        (table, outcomes)
    }

    /// Copies the chunks that `edits` touch and shares the rest.
    fn rebuild(&self, edits: &BTreeMap<&RefName, &RefEdit>) -> RefTable {
        let mut chunks: Vec<Chunk> = Vec::with_capacity(self.chunks.len() + 1);
        let mut pending = edits.iter().map(|(name, edit)| (*name, *edit)).peekable();
        let count = self.chunks.len().max(1);
        for index in 0..count {
            let next_start = self.chunks.get(index + 1).and_then(|chunk| chunk.first()).map(|r| &r.name);
            let mut here: Vec<&RefEdit> = Vec::new();
            while let Some((name, edit)) = pending.peek() {
                if next_start.is_some_and(|start| *name >= start) {
                    break;
                }
                here.push(edit);
                pending.next();
            }
            match self.chunks.get(index) {
                Some(chunk) if here.is_empty() => push_chunk(&mut chunks, chunk.clone()),
                chunk => {
                    let merged = merge(chunk.map_or(&[][..], |chunk| chunk.as_slice()), &here);
                    for part in merged.chunks(balanced(merged.len())) {
                        push_chunk(&mut chunks, Arc::new(part.to_vec()));
                    }
                }
            }
        }
        RefTable::made_of(chunks)
    }
}

/// The length of the parts into which `len` refs are cut.
fn balanced(len: usize) -> usize {
    let parts = len.div_ceil(MAX_CHUNK).max(1);
    len.div_ceil(parts).max(1)
}

/// Appends a chunk, joining it with the one before when one of them is small and both fit together.
fn push_chunk(chunks: &mut Vec<Chunk>, chunk: Chunk) {
    if chunk.is_empty() {
        return;
    }
    if let Some(last) = chunks.last_mut()
        && (last.len() < MIN_CHUNK || chunk.len() < MIN_CHUNK)
        && last.len() + chunk.len() <= MAX_CHUNK
    {
        *last = Arc::new(last.iter().chain(chunk.iter()).cloned().collect());
        return;
    }
    chunks.push(chunk);
}

/// Merges sorted refs with sorted changes.
fn merge(refs: &[Ref], edits: &[&RefEdit]) -> Vec<Ref> {
    let mut out = Vec::with_capacity(refs.len() + edits.len());
    let mut old = refs.iter().peekable();
    for edit in edits {
        while let Some(r) = old.next_if(|r| r.name < edit.name) {
            out.push(r.clone());
        }
        old.next_if(|r| r.name == edit.name);
        out.extend(edit.result());
    }
    out.extend(old.cloned());
    out
}

impl std::fmt::Debug for RefTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter().map(|r| (r.name.as_str(), r.target))).finish()
    }
}

impl PartialEq for RefTable {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl Eq for RefTable {}

impl FromIterator<Ref> for RefTable {
    fn from_iter<T: IntoIterator<Item = Ref>>(iter: T) -> Self {
        RefTable::from_refs(iter.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
