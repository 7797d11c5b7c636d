//! Owns how many digits tell an object from all others, and which objects an abbreviation may mean. Refuses to look into objects. Called by outputs
//! that print abbreviated ids, and by [`crate::revision`].

use super::Snapshot;
use crate::id::{ID_LEN, ObjectId, id_from_hex};

impl Snapshot {
    /// The fewest hexadecimal digits that name this object and no other; the object itself need not exist.
    pub fn unique_prefix_len(&self, id: &ObjectId) -> usize {
        let packs = self.packs.iter().flat_map(|pack| pack.idx().neighbours(id));
        let loose = self.loose.iter().flat_map(|loose| loose.neighbours(id));
        packs.chain(loose).flatten().map(|other| common_digits(id, &other) + 1).max().unwrap_or(1)
    }

    /// Objects whose ids begin with these lower-case digits, in order; no more than `most`.
    ///
    /// Shape: nothing for text that is no beginning of an id.
    pub fn ids_with_prefix(&self, digits: &str, most: usize) -> Vec<ObjectId> {
        let mut hex = digits.as_bytes().to_vec();
        hex.resize(ID_LEN * 2, b'0');
        let Some(lowest) = id_from_hex(&hex).filter(|_| digits.len() <= ID_LEN * 2) else { return Vec::new() };
        let mut found = Vec::new();
        let mut next = match self.contains(&lowest) {
            Ok(true) => Some(lowest),
            Ok(false) | Err(_) => self.next_id(&lowest),
        };
        while let Some(id) = next.filter(|id| found.len() < most && common_digits(id, &lowest) >= digits.len()) {
            found.push(id);
            next = self.next_id(&id);
        }
        found
    }

    /// The lowest id above this one.
    fn next_id(&self, id: &ObjectId) -> Option<ObjectId> {
        let packs = self.packs.iter().map(|pack| pack.idx().neighbours(id));
        let loose = self.loose.iter().map(|loose| loose.neighbours(id));
        packs.chain(loose).filter_map(|[_, above]| above).min()
    }
}

fn common_digits(a: &ObjectId, b: &ObjectId) -> usize {
    let pairs = a.as_slice().iter().zip(b.as_slice());
    let equal = pairs.clone().take_while(|(a, b)| a == b).count();
    let half = pairs.clone().nth(equal).is_some_and(|(a, b)| a >> 4 == b >> 4);
    equal * 2 + usize::from(half)
}
