//! Owns the proof that a repository stays closed under references: everything that a new object refers to exists, in the pack or before it.
//! Refuses to walk history: what was here before is closed already, by induction over all pushes.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{
    error::{Error, Result},
    fsck::blobs,
    limits::Limits,
    odb::Snapshot,
    pack::index::{Indexed, IndexedObject},
};

/// Proves that every reference of every object in the pack leads to an object of the right kind.
///
/// Errors: `MissingObject`, `WrongKind`, `Interrupted`, `Corrupt`, `Io`.
pub(crate) fn prove(indexed: &Indexed, base: &Snapshot, interrupt: &AtomicBool) -> Result<()> {
    let in_pack = |id: &_| indexed.find(id).map(IndexedObject::kind);
    indexed.references.prove(in_pack, base, || check_interrupt(interrupt))
}

/// Checks the content of blobs that trees of the pack name `.gitmodules` or `.gitattributes`, wherever they are stored.
///
/// Errors: `Fsck`, `Interrupted`, `Corrupt`, `Io`.
pub(crate) fn check_special_blobs(
    indexed: &Indexed,
    all: &Snapshot,
    limits: &Limits,
    interrupt: &AtomicBool,
) -> Result<()> {
    for (role, id) in &indexed.special_blobs {
        check_interrupt(interrupt)?;
        blobs::check(*role, id, all.header(id)?, &limits.fsck, || Ok(all.read(id)?.data))?;
    }
    Ok(())
}

fn check_interrupt(interrupt: &AtomicBool) -> Result<()> {
    if interrupt.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}
