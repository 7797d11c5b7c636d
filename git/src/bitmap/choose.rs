//! Owns which commits get a bitmap: what refs point at, and others at distances that grow with age. Refuses to look at anything but plain data.
//! Called by the writer.
//!
//! A walk from any commit down to the next one with a bitmap is then short compared with all that came after that commit, so a fetch by a client
//! however far behind costs a small share of what it would without. The number of chosen commits grows with the logarithm of that of all.

/// A commit that may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    /// A ref points at it, or at something newer that is not in the pack.
    pub(super) is_tip: bool,
    /// First parents lead to it from a tip: what later work builds on, other than a topic that was merged.
    pub(super) is_mainline: bool,
}

/// Commits between two chosen ones, as a part of those newer than both.
const STEPS: usize = 16;

/// Chooses at most `most` of `candidates`, which come newest first; answers their positions, in order.
pub(super) fn choose(candidates: &[Candidate], most: usize) -> Vec<usize> {
    let all_tips = candidates.iter().enumerate().filter(|(_, one)| one.is_tip).map(|(at, _)| at);
    let mut chosen: Vec<usize> = all_tips.take(most / 2).collect();
    let tips = chosen.len();
    // `n` windows of one, and after that about `n` for each time that the age grows by a factor of 2.7.
    let steps = (most.saturating_sub(tips) / STEPS).clamp(1, STEPS);
    let mut start = 0;
    while start < candidates.len() && chosen.len() < most {
        let end = start.saturating_add((start / steps).max(1)).min(candidates.len());
        let window = candidates.get(start..end).unwrap_or_default();
        let has_one = chosen.iter().take(tips).any(|at| (start..end).contains(at));
        if !has_one {
            let find = |wanted: fn(&Candidate) -> bool| window.iter().position(wanted);
            let best = find(|one| one.is_tip).or_else(|| find(|one| one.is_mainline)).unwrap_or(0);
            chosen.push(start.saturating_add(best));
        }
        start = end;
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Candidate = Candidate { is_tip: false, is_mainline: true };
    const SIDE: Candidate = Candidate { is_tip: false, is_mainline: false };
    const TIP: Candidate = Candidate { is_tip: true, is_mainline: true };

    #[test]
    fn gaps_grow_with_age_and_numbers_do_not() {
        let mut counts = Vec::new();
        for len in [1, 10, 1000, 100_000, 1_000_000] {
            let mut all = vec![PLAIN; len];
            all[0] = TIP;
            let chosen = choose(&all, 1000);
            assert_eq!(chosen.first(), Some(&0));
            for pair in chosen.windows(2) {
                assert!(pair[1] - pair[0] <= 2 + pair[0] / 8, "{pair:?}");
            }
            counts.push(chosen.len());
        }
        assert_eq!(counts[..2], [1, 10]);
        assert!(counts[4] < 250 && counts[4] - counts[3] < 60, "{counts:?}");
    }

    #[test]
    fn tips_come_first_and_limits_hold() {
        let mut all = vec![SIDE; 5000];
        for at in (0..5000).step_by(100) {
            all[at] = TIP;
        }
        all[4150] = PLAIN;
        let chosen = choose(&all, 1000);
        assert!((0..5000).step_by(100).all(|at| chosen.contains(&at)));
        for most in [0, 1, 2, 20, 60] {
            let chosen = choose(&all, most);
            assert!(chosen.len() <= most, "{most}");
            assert!(most == 0 || chosen.contains(&0));
        }
        // Old commits are not forgotten when there is room for few.
        let few = choose(&vec![PLAIN; 100_000], 40);
        assert!(few.len() <= 40 && few.last() > Some(&30_000), "{few:?}");
        // Of a window the main line.
        let mut all = vec![SIDE; 2000];
        for at in (0..2000).step_by(7) {
            all[at] = PLAIN;
        }
        let sides = choose(&all, 1000).into_iter().filter(|at| *at > 200 && !at.is_multiple_of(7)).count();
        assert_eq!(sides, 0);
    }
}
