//! Owns a set of small numbers, one bit each. Refuses to grow: its size is known when it is made. Used by every step that chooses objects.

/// A set of numbers below a bound.
#[derive(Debug, Clone, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// An empty set of numbers below `len`.
    pub(super) fn new(len: usize) -> Bits {
        Bits { words: vec![0; len.div_ceil(64)] }
    }

    /// Adds a number; answers whether it was missing. One that is out of bounds is never in the set.
    pub(super) fn insert(&mut self, number: u32) -> bool {
        let Some(word) = self.words.get_mut(number as usize / 64) else { return false };
        let bit = 1u64 << (number % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// How many numbers are in the set.
    pub(super) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_added_once_and_bounds_hold() {
        let mut bits = Bits::new(65);
        assert!(bits.insert(0) && bits.insert(64) && !bits.insert(64));
        assert!(!bits.insert(128) && !bits.contains(128));
        assert!(bits.contains(0) && !bits.contains(1) && bits.contains(64));
        assert_eq!(bits.count(), 2);
    }
}
