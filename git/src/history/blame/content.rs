//! Owns the few versions of a file that are kept in memory while lines are passed around. Called by [`super`].

use std::{collections::VecDeque, sync::Arc};

use crate::{
    error::{Error, Result},
    id::ObjectId,
    odb::Snapshot,
};

/// A version is usually compared once with its parent and once with its child.
const MAX_KEPT: usize = 8;

pub(super) struct Contents {
    max_bytes: u64,
    /// Used last at the end.
    kept: VecDeque<(ObjectId, Arc<[u8]>)>,
}

impl Contents {
    pub(super) fn new(max_bytes: u64) -> Contents {
        Contents { max_bytes, kept: VecDeque::new() }
    }

    /// Errors: `TooLarge` before anything is read, `Lost`, `Corrupt`.
    pub(super) fn read(&mut self, odb: &Snapshot, id: &ObjectId) -> Result<Arc<[u8]>> {
        let known = self.kept.iter().position(|(known, _)| known == id).and_then(|at| self.kept.remove(at));
        let data = match known {
            Some((_, data)) => data,
            None => {
                let (_, size) = odb.header(id)?.ok_or(Error::Lost { id: *id })?;
                if size > self.max_bytes {
                    return Err(Error::TooLarge { what: "file to blame", limit: self.max_bytes });
                }
                odb.read(id)?.data.into()
            }
        };
        if self.kept.len() >= MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((*id, Arc::clone(&data)));
        Ok(data)
    }
}
