//! Owns the two generation numbers of a commit: its level and its corrected date. Source: gitformat-commit-graph(5). Called by the writer.

/// Level and corrected commit date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) level: u32,
    pub(super) corrected: u64,
}

/// Largest level that the format can hold.
pub(super) const MAX_LEVEL: u32 = 0x3fff_ffff;

impl Generation {
    /// One more than the largest of the parents; the date itself when that is later, and never zero.
    pub(super) fn above(parents: impl Iterator<Item = Generation>, time: u64) -> Generation {
        let start = Generation { level: 0, corrected: 0 };
        let below = parents.fold(start, |most, parent| Generation {
            level: most.level.max(parent.level),
            corrected: most.corrected.max(parent.corrected),
        });
        Generation {
            level: below.level.saturating_add(1).min(MAX_LEVEL),
            corrected: below.corrected.saturating_add(1).max(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_whatever_the_clocks_say() {
        let root = Generation::above([].into_iter(), 0);
        assert_eq!(root, Generation { level: 1, corrected: 1 });
        let late = Generation::above([root].into_iter(), 1000);
        let early = Generation::above([root, late].into_iter(), 10);
        assert_eq!(late, Generation { level: 2, corrected: 1000 });
        assert_eq!(early, Generation { level: 3, corrected: 1001 });
    }
}
