//! Random numbers for choices and pauses: any spread will do, no secret depends on it.

/// Marsaglia's xorshift.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by the system.
    ///
    /// Errors: it has no randomness.
    pub(crate) fn new() -> Result<Self, String> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|e| format!("no randomness: {e}"))?;
        Ok(Self(u64::from_le_bytes(seed) | 1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 32
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        ((self.next() * u64::from(limit)) >> 32) as u32
    }

    /// A number of an exponential distribution with this mean: the gaps between what happens independently.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        // Never the logarithm of zero.
        let unit = (self.next() + 1) as f64 / (1_u64 << 32) as f64;
        -unit.ln() * mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_as_they_should() {
        let mut random = Random(88_172_645_463_325_252);
        let mut counts = [0u32; 100];
        (0..100_000).for_each(|_| counts[random.below(100) as usize] += 1);
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        let gaps: Vec<f64> = (0..100_000).map(|_| random.exponential(2.0)).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let longer = gaps.iter().filter(|gap| **gap > 2.0).count();
        assert!((1.9..2.1).contains(&mean) && (35_000..39_000).contains(&longer), "{mean} {longer}");
        assert!(gaps.iter().all(|gap| gap.is_finite() && *gap >= 0.0));
    }
}
