//! Owns the layout of a bitmap file. Refuses to compute anything that is in it. Called by the writer.

use sha1::{Digest, Sha1};

use super::{
    build::Made,
    ewah,
    parse::{FULL_DAG, SIGNATURE, VERSION},
};
use crate::{bits::Bits, pack::Pack};

/// Puts a file together.
///
/// Shape: `kinds` are commits, trees, blobs and tags by position in the pack; at most as many commits as the pack has objects.
pub(super) fn file(pack: &Pack, kinds: &[Bits; 4], made: &[Made]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&FULL_DAG.to_be_bytes());
    out.extend_from_slice(&(made.len() as u32).to_be_bytes());
    out.extend_from_slice(pack.idx().pack_checksum());
    for bits in kinds {
        ewah::write(bits.words(), pack.object_count(), &mut out);
    }
    for made in made {
        out.extend_from_slice(&made.index.to_be_bytes());
        out.extend_from_slice(&[u8::from(made.is_xor), 0]);
        out.extend_from_slice(&made.bytes);
    }
    let checksum = Sha1::digest(&out);
    out.extend_from_slice(&checksum);
    out
}
