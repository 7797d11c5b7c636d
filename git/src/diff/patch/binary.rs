//! Owns `GIT binary patch`: either content as a literal or as a delta of the other, whichever is shorter, in both directions. Refuses files
//! that are not in memory. Called by [`super::PatchWriter`].
//!
//! What git reads out of it is the same as what git wrote; the bytes differ, because another implementation deflates.

use std::{io::Write, sync::atomic::AtomicBool};

use flate2::{Compression, write::ZlibEncoder};

use super::{base85, delta, emit};
use crate::{
    error::{Error, Result},
    walk::check_interrupt,
};

pub(super) fn write(before: &[u8], after: &[u8], interrupt: &AtomicBool, out: &mut dyn Write) -> Result<()> {
    emit(out, b"GIT binary patch\n")?;
    write_one(before, after, interrupt, out)?;
    write_one(after, before, interrupt, out)
}

fn write_one(from: &[u8], to: &[u8], interrupt: &AtomicBool, out: &mut dyn Write) -> Result<()> {
    let literal = deflate(to, interrupt)?;
    let delta = delta::create(from, to, literal.len(), interrupt)?;
    let delta = delta.map(|delta| Ok::<_, Error>((delta.len(), deflate(&delta, interrupt)?))).transpose()?;
    let (word, size, data) = match delta {
        Some((size, deflated)) if deflated.len() < literal.len() => ("delta", size, deflated),
        _ => ("literal", to.len(), literal),
    };
    emit(out, format!("{word} {size}\n").as_bytes())?;
    for lines in data.chunks(52 << 10) {
        check_interrupt(interrupt)?;
        emit(out, &base85::encode(lines))?;
    }
    emit(out, b"\n")
}

fn deflate(data: &[u8], interrupt: &AtomicBool) -> Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    for piece in data.chunks(1 << 20) {
        check_interrupt(interrupt)?;
        encoder.write_all(piece).map_err(Error::PeerGone)?;
    }
    encoder.finish().map_err(Error::PeerGone)
}
