//! Owns the order in which git comes across names that it keeps in a hash table. Refuses to be a table: it only orders. Where several renames
//! are equally good, git takes the one it sees first, so a merge with its results has to see them in the same order.
//!
//! Source: the behaviour of git 2.39: FNV-1 hashes, 64 buckets at first, four times as many whenever four fifths are used.

const FIRST_BUCKETS: usize = 64;
const GROWTH: usize = 4;

fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash, byte| hash.wrapping_mul(0x0100_0193) ^ u32::from(*byte))
}

/// Orders what was put into a table in the order given.
pub(super) fn in_table_order<T>(items: Vec<T>, name: impl Fn(&T) -> &[u8]) -> Vec<T> {
    // Each bucket with the newest last.
    let mut buckets: Vec<Vec<T>> = Vec::new();
    buckets.resize_with(FIRST_BUCKETS, Vec::new);
    for (before, item) in items.into_iter().enumerate() {
        put(&mut buckets, item, &name);
        if before + 1 > buckets.len() * 4 / 5 {
            let mut grown = Vec::new();
            grown.resize_with(buckets.len() * GROWTH, Vec::new);
            for item in buckets.into_iter().flat_map(|bucket| bucket.into_iter().rev()) {
                put(&mut grown, item, &name);
            }
            buckets = grown;
        }
    }
    buckets.into_iter().flat_map(|bucket| bucket.into_iter().rev()).collect()
}

fn put<T>(buckets: &mut [Vec<T>], item: T, name: &impl Fn(&T) -> &[u8]) {
    let at = hash(name(&item)) as usize % buckets.len().max(1);
    if let Some(bucket) = buckets.get_mut(at) {
        bucket.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_the_newest_of_a_bucket_comes_first() {
        let names: Vec<String> = (0..1000).map(|at| format!("dir{at}")).collect();
        let mut ordered = in_table_order(names.clone(), |name| name.as_bytes());
        assert_ne!(ordered, names);
        ordered.sort_by_key(|name| name[3..].parse::<u32>().unwrap());
        assert_eq!(ordered, names);
        assert_eq!(in_table_order(vec![(1, "x"), (2, "x")], |pair| pair.1.as_bytes()), [(2, "x"), (1, "x")]);
        // The reference value of FNV-1.
        assert_eq!((hash(b""), hash(b"a")), (0x811c_9dc5, 0x050c_5d7e));
    }
}
