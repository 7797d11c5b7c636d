//! Owns a set of small numbers, one bit each. Refuses to grow: its size is known when it is made. Used by every step of maintenance that chooses
//! objects, and by reachability bitmaps.

/// A set of numbers below a bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// An empty set of numbers below `len`.
    pub(crate) fn new(len: usize) -> Bits {
        Bits { words: vec![0; len.div_ceil(64)] }
    }

    /// Adds a number; answers whether it was missing. One that is out of bounds is never in the set.
    pub(crate) fn insert(&mut self, number: u32) -> bool {
        let Some(word) = self.words.get_mut(number as usize / 64) else { return false };
        let bit = 1u64 << (number % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Takes a number out.
    pub(crate) fn remove(&mut self, number: u32) {
        if let Some(word) = self.words.get_mut(number as usize / 64) {
            *word &= !(1u64 << (number % 64));
        }
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// How many numbers are in the set.
    pub(crate) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Adds what is in another set of the same bound.
    pub(crate) fn unite(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Takes out what is in another set of the same bound.
    pub(crate) fn subtract(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    /// Adds what is in exactly one of both, and takes out the rest.
    pub(crate) fn xor(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word ^= other);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Leaves only what is in another set of the same bound, too.
    pub(crate) fn intersect(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// The numbers in the set, smallest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).step_by(64).zip(&self.words).flat_map(|(first, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left.wrapping_sub(1);
                Some(first | bit)
            })
        })
    }

    /// The bits, 64 to a word, the lowest first.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The same, to be changed.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u32]) -> Bits {
        let mut bits = Bits::new(200);
        for number in numbers {
            bits.insert(*number);
        }
        bits
    }

    #[test]
    fn numbers_are_added_once_and_bounds_hold() {
        let mut bits = Bits::new(65);
        assert!(bits.insert(0) && bits.insert(64) && !bits.insert(64));
        assert!(!bits.insert(128) && !bits.contains(128));
        assert!(bits.contains(0) && !bits.contains(1) && bits.contains(64));
        assert_eq!(bits.count(), 2);
    }

    #[test]
    fn sets_are_joined_and_compared() {
        let (a, b) = (set(&[0, 5, 63, 64, 199]), set(&[5, 64, 100]));
        let with = |change: fn(&mut Bits, &Bits)| {
            let mut changed = a.clone();
            change(&mut changed, &b);
            changed.iter().collect::<Vec<_>>()
        };
        assert_eq!(with(Bits::unite), [0, 5, 63, 64, 100, 199]);
        assert_eq!(with(Bits::subtract), [0, 63, 199]);
        assert_eq!(with(Bits::xor), [0, 63, 100, 199]);
        assert_eq!(with(Bits::intersect), [5, 64]);
        let mut one = set(&[7]);
        one.remove(70_000);
        assert!(!one.is_empty());
        one.remove(7);
        assert!(one.is_empty());
        assert_eq!(Bits::default().iter().count(), 0);
    }
}
