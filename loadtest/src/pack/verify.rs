//! Checking a pack while it streams by: magic, version, object count, length, SHA-1 trailer.
//!
//! Owns no object: nothing is inflated. Called by the `clone` and `fetch` scenarios for every answer.

use sha1::{Digest as _, Sha1};

/// Watches the bytes of one pack.
#[derive(Debug)]
pub(crate) struct PackCheck {
    hasher: Option<Sha1>,
    header: [u8; 12],
    /// The last 20 bytes seen: the trailer, once the stream has ended.
    tail: [u8; 20],
    length: u64,
}

/// What a checked pack holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackFacts {
    /// Objects, as the header says.
    pub(crate) objects: u32,
    /// The whole pack, header and trailer included.
    pub(crate) bytes: u64,
}

impl PackCheck {
    /// `hash`: also compute the SHA-1, which costs about a second of CPU per gigabyte.
    pub(crate) fn new(hash: bool) -> Self {
        Self { hasher: hash.then(Sha1::new), header: [0; 12], tail: [0; 20], length: 0 }
    }

    /// Takes the next bytes.
    ///
    /// Errors: the stream does not begin as a pack of version 2.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        let before = usize::try_from(self.length).unwrap_or(usize::MAX);
        if before < 12 {
            for (slot, byte) in self.header.iter_mut().skip(before).zip(bytes) {
                *slot = *byte;
            }
        }
        self.length += bytes.len() as u64;
        if before < 12 && self.length >= 12 && self.header[..8] != *b"PACK\0\0\0\x02" {
            return Err(format!("`{}` is not the start of a pack", self.header[..8].escape_ascii()));
        }
        // All but the last 20 bytes are hashed; those wait in `tail` until more arrive.
        let waiting = before.min(20);
        let ready = (waiting + bytes.len()).saturating_sub(20);
        let from_tail = ready.min(waiting);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&self.tail[..from_tail]);
            hasher.update(&bytes[..ready - from_tail]);
        }
        self.tail.copy_within(from_tail..waiting, 0);
        let kept = waiting - from_tail;
        let rest = &bytes[ready - from_tail..];
        self.tail[kept..kept + rest.len()].copy_from_slice(rest);
        Ok(())
    }

    /// Closes the check.
    ///
    /// Errors: too short, or the trailer is not the SHA-1 of what came before it.
    pub(crate) fn finish(self) -> Result<PackFacts, String> {
        if self.length < 32 {
            return Err(format!("the pack ends after {} bytes", self.length));
        }
        if let Some(hasher) = self.hasher
            && hasher.finalize()[..] != self.tail
        {
            return Err("the pack's trailer is not its SHA-1".into());
        }
        let [.., a, b, c, d] = self.header;
        Ok(PackFacts { objects: u32::from_be_bytes([a, b, c, d]), bytes: self.length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::{Kind, build};

    #[test]
    fn a_pack_is_accepted_however_it_is_cut_and_refused_when_changed() {
        let (_, object) = build::object(Kind::Blob, vec![7; 300]);
        let pack = build::Packer::new().pack(&[object]);
        for step in 1..=pack.len() {
            let mut check = PackCheck::new(true);
            pack.chunks(step).for_each(|piece| check.feed(piece).unwrap());
            assert_eq!(check.finish(), Ok(PackFacts { objects: 1, bytes: pack.len() as u64 }), "in steps of {step}");
        }
        for at in 8..pack.len() {
            let mut changed = pack.clone();
            changed[at] ^= 1;
            let mut check = PackCheck::new(true);
            check.feed(&changed).unwrap();
            assert!(check.finish().is_err(), "a flipped bit at {at} went unseen");
        }
        assert!(PackCheck::new(true).feed(b"not a pack at all").is_err());
    }
}
