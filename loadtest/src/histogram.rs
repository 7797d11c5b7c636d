//! Latencies in constant memory: a log-linear histogram with 1.6 % resolution.
//!
//! Owns counting and quantiles. Knows nothing of what is measured. Called by `load` (one per connection, merged) and
//! `report`.

use std::time::Duration;

/// Bits of each power of two that are kept: 64 steps, so a step is 1/64 of its value at most.
const STEP_BITS: u32 = 6;
const STEPS: usize = 1 << STEP_BITS;

/// Counts durations.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    sum_nanoseconds: u128,
    max: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; STEPS * 60], total: 0, sum_nanoseconds: 0, max: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one duration.
    pub(crate) fn record(&mut self, value: Duration) {
        let nanoseconds = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(nanoseconds)) {
            *count += 1;
        }
        self.total += 1;
        self.sum_nanoseconds += value.as_nanos();
        self.max = self.max.max(value);
    }

    /// Adds another connection's counts.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.sum_nanoseconds += other.sum_nanoseconds;
        self.max = self.max.max(other.max);
    }

    /// The duration that a share `q` (0 to 1) of the recorded ones does not exceed; zero when nothing was recorded.
    pub(crate) fn quantile(&self, q: f64) -> Duration {
        let rank = (q * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(upper_bound(index)).min(self.max);
            }
        }
        self.max
    }

    /// The longest recorded duration, exact.
    pub(crate) fn max(&self) -> Duration {
        self.max
    }

    /// The mean, exact; zero when nothing was recorded.
    pub(crate) fn mean(&self) -> Duration {
        match u128::from(self.total) {
            0 => Duration::ZERO,
            total => Duration::from_nanos(u64::try_from(self.sum_nanoseconds / total).unwrap_or(u64::MAX)),
        }
    }
}

fn bucket(nanoseconds: u64) -> usize {
    let bits = 64 - nanoseconds.leading_zeros();
    let shift = bits.saturating_sub(STEP_BITS + 1);
    // Below 128 ns the value is its own bucket; above, `shift` selects the power of two and the top bits the step.
    (shift as usize) * STEPS + (nanoseconds >> shift) as usize
}

fn upper_bound(index: usize) -> u64 {
    if index < 2 * STEPS {
        return index as u64;
    }
    let shift = index / STEPS - 1;
    let step = (index % STEPS + STEPS) as u64;
    (step + 1).checked_shl(shift as u32).map_or(u64::MAX, |v| v.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_below_its_upper_bound_and_within_two_percent() {
        for exponent in 0..62 {
            for offset in [0u64, 1, 7] {
                let value = (1u64 << exponent) + (offset << exponent) / 8;
                let bound = upper_bound(bucket(value));
                assert!(bound >= value, "{value} above its bound {bound}");
                assert!(bound - value <= value / 60, "{value} lost in a bucket up to {bound}");
            }
        }
    }

    #[test]
    fn quantiles_of_a_uniform_series() {
        let mut first = Histogram::default();
        let mut second = Histogram::default();
        for microsecond in 1..=1000u64 {
            let half = if microsecond % 2 == 0 { &mut first } else { &mut second };
            half.record(Duration::from_micros(microsecond));
        }
        first.merge(&second);
        for (q, want) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let got = first.quantile(q).as_secs_f64() * 1e6;
            assert!((got - want).abs() / want < 0.02, "q{q}: {got} is not {want}");
        }
        assert_eq!(first.max(), Duration::from_micros(1000));
        assert_eq!(first.mean(), Duration::from_nanos(500_500));
        assert_eq!(Histogram::default().quantile(0.99), Duration::ZERO);
    }
}
