//! Which packs are joined: plain numbers in, a number out. Owns the geometric rule, so that a repository of n objects has about log n packs and
//! each object is copied about log n times in all its life. Called by [`super::consolidate()`].

/// Answers how many of the smallest packs are to be joined so that each pack that is left has at least `factor` times the objects of
/// the next smaller one.
///
/// Shape: `counts` is sorted upwards; `loose` objects count as one more, smallest pack that is always joined.
pub(super) fn roll_up(counts: &[u64], loose: u64, factor: u64) -> usize {
    let factor = factor.max(2);
    let is_out_of_order = |pair: &[u64]| matches!(pair, [small, large] if *large < small.saturating_mul(factor));
    // The largest pair out of order and everything below it.
    let mut joined = counts.windows(2).rposition(is_out_of_order).map_or(0, |at| at + 2);
    let mut total = counts.iter().take(joined).fold(loose, |sum, count| sum.saturating_add(*count));
    // What comes out must fit into the order, too.
    while let Some(next) = counts.get(joined)
        && *next < total.saturating_mul(factor)
    {
        total = total.saturating_add(*next);
        joined += 1;
    }
    // One pack alone would only be copied.
    if joined == 1 && loose == 0 { 0 } else { joined }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples() {
        let cases: [(&[u64], u64, usize); 10] = [
            (&[], 0, 0),
            (&[5], 0, 0),
            (&[5], 1, 0),
            (&[5], 3, 1),
            (&[1, 1], 0, 2),
            (&[1, 2, 4, 8], 0, 0),
            (&[1, 1, 4, 8], 0, 2),
            (&[1, 1, 3, 100], 0, 3),
            (&[4, 5, 6, 1000], 0, 3),
            (&[1, 2, 4, 7, 1000], 0, 4),
        ];
        for (counts, loose, expected) in cases {
            assert_eq!(roll_up(counts, loose, 2), expected, "{counts:?} and {loose} loose");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_is_geometric(mut counts in prop::collection::vec(1u64..10_000, 0..40), loose in 0u64..50, factor in 2u64..5) {
            counts.sort_unstable();
            let joined = roll_up(&counts, loose, factor);
            let mut after: Vec<u64> = counts[joined..].to_vec();
            if joined > 0 || loose > 0 {
                after.insert(0, counts[..joined].iter().sum::<u64>() + loose);
            }
            for pair in after.windows(2) {
                prop_assert!(pair[1] >= pair[0] * factor, "{counts:?} + {loose}: {after:?}");
            }
        }
    }
}
