//! What is aimed at, and whether it was reached.
//!
//! Owns the table of targets and the arithmetic of ratios. The targets are those of the throughput issue; a change of
//! one belongs here and nowhere else. Called by `compare` and its report.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::compare::cases::Side;
use crate::report::RunReport;

/// The case of targets whose figure was measured elsewhere (`--fact`, or the server's memory before everything).
const FACTS: &str = "facts";

/// One target.
#[derive(Debug)]
pub(crate) struct Goal {
    /// The work and what of it.
    pub(crate) work: &'static str,
    case: &'static str,
    side: Side,
    /// The figure's key in a run's report.
    figure: &'static str,
    /// Divided by the same figure of this side, in the same round.
    against: Option<Side>,
    bound: Bound,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}
use Bound::{AtLeast, AtMost};

const RATE: &str = "operations_per_second";
const CPU: &str = "server_cpu_ms_per_operation";
const BYTES: &str = "received_mb_per_second";

/// Every target, in the order of the issue.
pub(crate) const GOALS: &[Goal] = &[
    peer("info/refs, public, rate", "info-refs", RATE, AtLeast(60.0)),
    peer_of(Side::OursPrivate, "info/refs, private with token, rate", "info-refs", RATE, AtLeast(60.0)),
    limit("info/refs, public, rate of a static 1 KB file", "info-refs", RATE, AtLeast(0.35)),
    Goal {
        side: Side::OursPrivate,
        ..limit("info/refs, private with token, rate of a static 1 KB file", "info-refs", RATE, AtLeast(0.35))
    },
    peer("ls-refs of 5,016 refs, rate", "ls-refs", RATE, AtLeast(40.0)),
    peer("clone of 2.6 MB, CPU", "clone-small", CPU, AtMost(1.0 / 12.0)),
    limit("clone of 2.6 MB, bytes/s of the pack as a file", "clone-small", BYTES, AtLeast(0.7)),
    peer("clone of 99 MB, CPU", "clone-large", CPU, AtMost(1.0 / 15.0)),
    limit("clone of 99 MB, bytes/s of the pack as a file", "clone-large", BYTES, AtLeast(0.8)),
    peer("first clone after a push, 99 MB, CPU (push and clone)", "first-clone", CPU, AtMost(1.0 / 3.0)),
    own("first clone after a push, 99 MB, first byte p99, ms", "first-clone", "first_byte_p99_ms", AtMost(50.0)),
    peer("depth-1 clone, CPU", "clone-shallow", CPU, AtMost(1.0 / 20.0)),
    peer("blob:none clone, CPU", "clone-blobless", CPU, AtMost(1.0 / 20.0)),
    peer("fetch one commit behind, rate", "fetch", RATE, AtLeast(25.0)),
    peer("push, 32 repositories, rate", "push", RATE, AtLeast(25.0)),
    peer("push, 32 repositories, CPU", "push", CPU, AtMost(1.0 / 20.0)),
    own("push, 32 repositories, p99, ms", "push", "latency_p99_ms", AtMost(100.0)),
    own("push, 32 repositories, flushes per push", FACTS, "flushes_per_push", AtMost(0.1)),
    peer("push, 16 writers to one repository, rate", "push-one", RATE, AtLeast(10.0)),
    own("32 clones of 99 MB, memory above idle, MB", "clones-32", "above_idle_mb", AtMost(150.0)),
    own("idle memory, MB", FACTS, "idle_mb", AtMost(40.0)),
    own("ready with 10,000 repositories, s", FACTS, "ready_seconds", AtMost(0.5)),
    own("100 mixed users with pauses, errors", "mixed", "errors", AtMost(0.0)),
    own("100 mixed users with pauses, p99 of reads, ms", "mixed", "read.latency_p99_ms", AtMost(50.0)),
    own(
        "100 mixed users with pauses, memory gained in the second half, MB",
        "mixed",
        "server_late_growth_mb",
        AtMost(10.0),
    ),
];

const fn own(work: &'static str, case: &'static str, figure: &'static str, bound: Bound) -> Goal {
    Goal { work, case, side: Side::Ours, figure, against: None, bound }
}

const fn peer_of(side: Side, work: &'static str, case: &'static str, figure: &'static str, bound: Bound) -> Goal {
    Goal { work, case, side, figure, against: Some(Side::Peer), bound }
}

const fn peer(work: &'static str, case: &'static str, figure: &'static str, bound: Bound) -> Goal {
    peer_of(Side::Ours, work, case, figure, bound)
}

const fn limit(work: &'static str, case: &'static str, figure: &'static str, bound: Bound) -> Goal {
    Goal { against: Some(Side::Limit), ..own(work, case, figure, bound) }
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// Runs by case and side, one a round.
    pub(crate) runs: BTreeMap<(&'static str, Side), Vec<RunReport>>,
    /// What could not be run, and why.
    pub(crate) failures: BTreeMap<(&'static str, Side), String>,
    /// Figures measured elsewhere.
    pub(crate) facts: BTreeMap<String, f64>,
}

impl Results {
    /// Takes a run.
    pub(crate) fn add(&mut self, case: &'static str, side: Side, run: RunReport) {
        self.runs.entry((case, side)).or_default().push(run);
    }

    /// Notes that a side could not do a case.
    pub(crate) fn fail(&mut self, case: &'static str, side: Side, text: String) {
        self.failures.insert((case, side), text);
    }

    /// Adds to our runs of a case how far their memory went above `idle` MB.
    pub(crate) fn add_above_idle(&mut self, case: &'static str, idle: f64) {
        for run in self.runs.get_mut(&(case, Side::Ours)).into_iter().flatten() {
            if let Some(peak) = run.figure("server_peak_mb") {
                run.figures.insert("above_idle_mb", peak - idle);
            }
        }
    }

    /// Whether every run did something and nothing failed.
    pub(crate) fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.runs.values().flatten().all(RunReport::is_clean)
    }

    /// A figure in every round.
    fn figures(&self, case: &'static str, side: Side, figure: &str) -> Vec<f64> {
        if case == FACTS {
            return self.facts.get(figure).copied().into_iter().collect();
        }
        self.runs.get(&(case, side)).into_iter().flatten().filter_map(|run| run.figure(figure)).collect()
    }

    fn failed(&self, case: &'static str, side: Side) -> bool {
        let runs = self.runs.get(&(case, side)).into_iter().flatten();
        self.failures.contains_key(&(case, side)) || runs.into_iter().any(|run| !run.is_clean())
    }
}

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Reached.
    Met,
    /// Not reached.
    Missed,
    /// Operations failed, so the figure says nothing.
    Failed,
    /// Not run.
    NotMeasured,
}

/// A target and what was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    /// The work and what of it.
    pub(crate) work: &'static str,
    case: &'static str,
    figure: &'static str,
    /// `at least` or `at most`.
    pub(crate) bound: &'static str,
    /// What is aimed at.
    pub(crate) target: f64,
    /// The median over the rounds: of ratios, where it is one.
    pub(crate) measured: Option<f64>,
    /// The least and the greatest of them.
    pub(crate) range: Option<[f64; 2]>,
    /// The median of our figure.
    pub(crate) ours: Option<f64>,
    /// The median of what it is compared with, and whose it is.
    pub(crate) other: Option<f64>,
    against: Option<&'static str>,
    /// How it stands.
    pub(crate) verdict: Verdict,
}

impl Goal {
    /// Compares what was measured with the target.
    pub(crate) fn outcome(&self, results: &Results) -> Outcome {
        let ours = results.figures(self.case, self.side, self.figure);
        let other = self.against.map(|side| results.figures(self.case, side, self.figure));
        let values = match &other {
            None => ours.clone(),
            Some(other) => ratios(&ours, other),
        };
        let measured = median(&values);
        let (bound, target) = match self.bound {
            AtLeast(target) => ("at least", target),
            AtMost(target) => ("at most", target),
        };
        let failed =
            results.failed(self.case, self.side) || self.against.is_some_and(|side| results.failed(self.case, side));
        let counts_errors = self.figure == "errors" && !results.failures.contains_key(&(self.case, self.side));
        let verdict = match (measured, self.bound) {
            _ if failed && !counts_errors => Verdict::Failed,
            (None, _) => Verdict::NotMeasured,
            (Some(value), AtLeast(target)) if value >= target => Verdict::Met,
            (Some(value), AtMost(target)) if value <= target => Verdict::Met,
            (Some(_), _) => Verdict::Missed,
        };
        let least = values.iter().copied().min_by(f64::total_cmp);
        let greatest = values.iter().copied().max_by(f64::total_cmp);
        Outcome {
            work: self.work,
            case: self.case,
            figure: self.figure,
            bound,
            target,
            measured,
            range: least.zip(greatest).map(|(least, greatest)| [least, greatest]),
            ours: median(&ours),
            other: other.as_deref().and_then(median),
            against: self.against.map(Side::word),
            verdict,
        }
    }
}

/// Ratios round by round; a round that lacks one side gives none.
fn ratios(ours: &[f64], other: &[f64]) -> Vec<f64> {
    ours.iter().zip(other).filter(|(_, other)| **other > 0.0).map(|(ours, other)| ours / other).collect()
}

/// The middle value, or the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    crate::report::Spread::of(values.to_vec()).map(|spread| spread.median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::cases::CASES;

    fn run(figures: &[(&'static str, f64)], errors: u64) -> RunReport {
        let errors = (errors > 0).then(|| ("status 500: ".to_owned(), errors)).into_iter().collect();
        RunReport { operations: 1, errors, figures: figures.iter().copied().collect(), ..RunReport::default() }
    }

    fn goal(bound: Bound) -> Goal {
        peer("w", "ls-refs", RATE, bound)
    }

    #[test]
    fn every_target_is_about_a_case_and_a_side_that_are_run() {
        for goal in GOALS.iter().filter(|goal| goal.case != FACTS) {
            let case = CASES.iter().find(|case| case.key == goal.case).unwrap_or_else(|| panic!("{}", goal.work));
            for side in std::iter::once(goal.side).chain(goal.against) {
                assert!(case.sides.contains(&side), "{}", goal.work);
            }
        }
    }

    #[test]
    fn the_ratio_is_that_of_each_round() {
        let mut results = Results::default();
        for (ours, theirs) in [(100.0, 2.0), (300.0, 10.0), (90.0, 1.0)] {
            results.add("ls-refs", Side::Ours, run(&[(RATE, ours)], 0));
            results.add("ls-refs", Side::Peer, run(&[(RATE, theirs)], 0));
        }
        let outcome = goal(AtLeast(50.0)).outcome(&results);
        assert_eq!((outcome.measured, outcome.range), (Some(50.0), Some([30.0, 90.0])));
        assert_eq!((outcome.ours, outcome.other), (Some(100.0), Some(2.0)));
        assert_eq!(outcome.verdict, Verdict::Met);
        assert_eq!(goal(AtLeast(50.1)).outcome(&results).verdict, Verdict::Missed);
        assert_eq!(goal(AtMost(50.0)).outcome(&results).verdict, Verdict::Met);
        assert_eq!(goal(AtMost(49.9)).outcome(&results).verdict, Verdict::Missed);
    }

    #[test]
    fn what_failed_or_was_not_run_is_neither_met_nor_missed() {
        let mut results = Results::default();
        assert_eq!(goal(AtMost(1.0)).outcome(&results).verdict, Verdict::NotMeasured);
        results.add("ls-refs", Side::Ours, run(&[(RATE, 100.0)], 0));
        results.add("ls-refs", Side::Peer, run(&[(RATE, 1.0)], 3));
        assert_eq!(goal(AtLeast(1.0)).outcome(&results).verdict, Verdict::Failed);
        assert!(!results.is_clean());
        let mut results = Results::default();
        results.add("mixed", Side::Ours, run(&[("errors", 2.0)], 2));
        let errors = own("w", "mixed", "errors", AtMost(0.0));
        assert_eq!(errors.outcome(&results).verdict, Verdict::Missed, "errors that are counted are a figure");
    }

    #[test]
    fn facts_and_memory_above_idle_are_figures() {
        let mut results = Results::default();
        results.facts.insert("idle_mb".into(), 30.0);
        results.add("clones-32", Side::Ours, run(&[("server_peak_mb", 150.0)], 0));
        results.add_above_idle("clones-32", 30.0);
        let above = own("w", "clones-32", "above_idle_mb", AtMost(150.0)).outcome(&results);
        assert_eq!((above.measured, above.verdict), (Some(120.0), Verdict::Met));
        assert_eq!(own("w", FACTS, "idle_mb", AtMost(40.0)).outcome(&results).verdict, Verdict::Met);
    }
}
