//! Owns how many digits tell an object from all others. Refuses to look into objects. Called by outputs that print abbreviated ids.

use super::Snapshot;
use crate::id::ObjectId;

impl Snapshot {
    /// The fewest hexadecimal digits that name this object and no other; the object itself need not exist.
    pub fn unique_prefix_len(&self, id: &ObjectId) -> usize {
        let packs = self.packs.iter().flat_map(|pack| pack.idx().neighbours(id));
        let loose = self.loose.iter().flat_map(|loose| loose.neighbours(id));
        packs.chain(loose).flatten().map(|other| common_digits(id, &other) + 1).max().unwrap_or(1)
    }
}

fn common_digits(a: &ObjectId, b: &ObjectId) -> usize {
    let pairs = a.as_slice().iter().zip(b.as_slice());
    let equal = pairs.clone().take_while(|(a, b)| a == b).count();
    let half = pairs.clone().nth(equal).is_some_and(|(a, b)| a >> 4 == b >> 4);
    equal * 2 + usize::from(half)
}
