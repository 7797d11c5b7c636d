//! Owns which paths a commit's filter holds: what differs from the first parent, with all directories above. Called by the writer.

use std::{collections::BTreeSet, ops::ControlFlow, sync::atomic::AtomicBool};

use super::bloom;
use crate::{
    error::{Error, Result},
    history::tree,
    id::ObjectId,
    odb::Snapshot,
};

/// Makes the filter of a commit from its tree and that of its first parent.
pub(super) fn filter(
    odb: &Snapshot,
    parent: Option<ObjectId>,
    tree: ObjectId,
    interrupt: &AtomicBool,
) -> Result<Vec<u8>> {
    let mut paths: BTreeSet<Vec<u8>> = BTreeSet::new();
    let walked = tree::changes(odb, parent, Some(tree), interrupt, &mut |path| {
        let mut end = path.len();
        while let Some(path) = path.get(..end).filter(|path| !path.is_empty()) {
            if !paths.insert(path.to_vec()) {
                break;
            }
            end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        }
        let is_full = paths.len() > bloom::MAX_CHANGED_PATHS;
        Ok(if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    match walked {
        Ok(()) if paths.len() <= bloom::MAX_CHANGED_PATHS => Ok(bloom::build(Some(paths.iter().map(Vec::as_slice)))),
        Ok(()) | Err(Error::TooLarge { .. }) => Ok(bloom::build(None::<std::iter::Empty<&[u8]>>)),
        Err(error) => Err(error),
    }
}
