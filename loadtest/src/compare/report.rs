//! What a comparison shows: lines as it goes, the table of targets, JSON and a page.
//!
//! Owns the choice and the form of figures. Measures and judges nothing. Called by `compare`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use crate::compare::cases::{CASES, Case};
use crate::compare::goals::{GOALS, Outcome, Results, Verdict, median};
use crate::compare::options::CompareOptions;
use crate::html::{self, Bar, Page};
use crate::report::RunReport;

/// Figures shown of every side, with label and digits.
const SHOWN: [(&str, &str, usize); 9] = [
    ("operations_per_second", "op/s", 1),
    ("received_mb_per_second", "MB/s", 1),
    ("server_cpu_ms_per_operation", "CPU ms/op", 3),
    ("latency_p50_ms", "p50 ms", 2),
    ("latency_p99_ms", "p99 ms", 2),
    ("first_byte_p99_ms", "first byte p99 ms", 2),
    ("server_peak_mb", "peak MB", 1),
    ("server_peak_anonymous_mb", "anon MB", 1),
    ("errors", "errors", 0),
];

/// Prints to standard output.
///
/// Errors: it is closed.
pub(crate) fn print(text: &str) -> Result<(), String> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|e| format!("cannot print: {e}"))
}

/// A figure of a side: the median over the rounds.
fn middle(runs: &[RunReport], figure: &str) -> Option<f64> {
    let values: Vec<f64> = runs.iter().filter_map(|run| run.figure(figure)).collect();
    median(&values)
}

/// What was just measured, a line for each side.
pub(crate) fn case_lines(case: &Case, results: &Results) -> String {
    let mut out = format!("\n{} ({}, {} connections)\n", case.key, case.scenario, case.connections);
    for side in case.sides {
        let key = (case.key, *side);
        if let Some(text) = results.failures.get(&key) {
            let _ = writeln!(out, "  {:<13} not measured: {text}", side.word());
        }
        let Some(runs) = results.runs.get(&key) else { continue };
        let _ = write!(out, "  {:<13}", side.word());
        for (figure, label, digits) in SHOWN {
            if let Some(value) = middle(runs, figure) {
                let _ = write!(out, " {value:.digits$} {label} ");
            }
        }
        out.push('\n');
        for run in runs {
            for (class, figures) in &run.classes {
                let figure = |key: &str| figures.get(key).copied().unwrap_or_default();
                let _ = writeln!(
                    out,
                    "    {class:<10} {:.0} done, {:.0} failed, p50 {:.2} p90 {:.2} p99 {:.2} max {:.2} ms",
                    figure("operations"),
                    figure("errors"),
                    figure("latency_p50_ms"),
                    figure("latency_p90_ms"),
                    figure("latency_p99_ms"),
                    figure("latency_max_ms")
                );
            }
            for (text, count) in &run.errors {
                let _ = writeln!(out, "    {count} x {text}");
            }
        }
    }
    out
}

/// The targets, what was measured, and whether they are met.
pub(crate) fn goal_table(results: &Results) -> String {
    let mut out = format!(
        "\n{:<58}{:>10}{:>16}{:>18}{:>12}{:>12}  \n",
        "target", "measured", "wanted", "min .. max", "ours", "other"
    );
    for outcome in GOALS.iter().map(|goal| goal.outcome(results)) {
        let [measured, wanted, range, ours, other] = cells(&outcome);
        let verdict = word(outcome.verdict);
        let _ =
            writeln!(out, "{:<58}{measured:>10}{wanted:>16}{range:>18}{ours:>12}{other:>12}  {verdict}", outcome.work);
    }
    out
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Missed => "MISSED",
        Verdict::Failed => "FAILED",
        Verdict::NotMeasured => "not measured",
    }
}

/// Measured, wanted, range, ours, other.
fn cells(outcome: &Outcome) -> [String; 5] {
    // A share of the peer reads better as one over something, as the targets are written.
    let inverse = outcome.bound == "at most" && outcome.target < 1.0 && outcome.other.is_some();
    let ratio = |value: f64| match inverse {
        true if value > 0.0 => format!("1/{}", short(1.0 / value)),
        _ => short(value),
    };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    [
        or_dash(outcome.measured.map(ratio)),
        format!("{} {}", outcome.bound, ratio(outcome.target)),
        or_dash(outcome.range.map(|[least, greatest]| format!("{} .. {}", ratio(least), ratio(greatest)))),
        or_dash(outcome.ours.map(short)),
        or_dash(outcome.other.map(short)),
    ]
}

/// Three digits or so.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Writes everything that was measured.
///
/// Errors: the file cannot be written.
pub(crate) fn write_json(path: &Path, options: &CompareOptions, results: &Results) -> Result<(), String> {
    let cases: Vec<serde_json::Value> = CASES
        .iter()
        .filter(|case| options.wants(case))
        .map(|case| {
            let side = |side: &crate::compare::cases::Side| {
                let key = (case.key, *side);
                let value = serde_json::json!({ "runs": results.runs.get(&key), "failure": results.failures.get(&key) });
                (side.word().to_owned(), value)
            };
            let sides: serde_json::Map<String, serde_json::Value> = case.sides.iter().map(side).collect();
            serde_json::json!({
                "case": case.key, "scenario": case.scenario.to_string(), "connections": case.connections, "sides": sides,
            })
        })
        .collect();
    let outcomes: Vec<Outcome> = GOALS.iter().map(|goal| goal.outcome(results)).collect();
    crate::report::write_document(
        path,
        &serde_json::json!({
            "tool": "loadtest compare",
            "version": env!("CARGO_PKG_VERSION"),
            "notes": options.notes,
            "rounds": options.rounds,
            "duration_seconds": options.duration.as_secs_f64(),
            "warmup_seconds": options.warmup.as_secs_f64(),
            "facts": results.facts,
            "targets": outcomes,
            "cases": cases,
        }),
    )
}

/// Writes the page.
///
/// Errors: the file cannot be written.
pub(crate) fn write_html(path: &Path, options: &CompareOptions, results: &Results) -> Result<(), String> {
    let mut page = Page::new("Comparison");
    for note in &options.notes {
        page.text(note);
    }
    let head = ["Target", "Measured", "Wanted", "Min .. max", "Ours", "Other", ""];
    let rows: Vec<Vec<String>> = GOALS
        .iter()
        .map(|goal| {
            let outcome = goal.outcome(results);
            let mut row = vec![outcome.work.to_owned()];
            row.extend(cells(&outcome));
            row.push(word(outcome.verdict).to_owned());
            row
        })
        .collect();
    page.table(&head, &rows);
    for case in CASES.iter().filter(|case| options.wants(case)) {
        page.heading(&format!("{}: {}, {} connections", case.key, case.scenario, case.connections));
        for (figure, label, _) in &SHOWN[..5] {
            let bars: Vec<Bar> = case
                .sides
                .iter()
                .filter_map(|side| {
                    let value = middle(results.runs.get(&(case.key, *side))?, figure)?;
                    Some(Bar { label: side.word().to_owned(), value, shown: short(value) })
                })
                .collect();
            page.bars(label, &bars);
        }
        for side in case.sides {
            if let Some(text) = results.failures.get(&(case.key, *side)) {
                page.text(&format!("{}: not measured: {text}", side.word()));
            }
            for run in results.runs.get(&(case.key, *side)).into_iter().flatten().take(1) {
                html::memory(&mut page, side.word(), run);
            }
        }
    }
    page.write(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::cases::Side;

    #[test]
    fn shares_of_the_peer_read_as_fractions_and_gaps_as_dashes() {
        let mut results = Results::default();
        let run = |cpu| RunReport {
            operations: 1,
            figures: [("server_cpu_ms_per_operation", cpu)].into_iter().collect(),
            ..RunReport::default()
        };
        results.add("clone-small", Side::Ours, run(1.0));
        results.add("clone-small", Side::Peer, run(20.0));
        let table = goal_table(&results);
        let line = table.lines().find(|line| line.starts_with("clone of 2.6 MB, CPU")).unwrap();
        let words: Vec<&str> = line.split_whitespace().skip(5).collect();
        assert_eq!(words, ["1/20.0", "at", "most", "1/12.0", "1/20.0", "..", "1/20.0", "1.00", "20.0", "met"]);
        let line = table.lines().find(|line| line.starts_with("idle memory")).unwrap();
        assert!(line.ends_with("not measured") && line.contains(" - "), "{line}");
    }

    #[test]
    fn numbers_keep_about_three_digits() {
        assert_eq!([0.0, 0.0625, 5.0, 48.25, 1200.4].map(short), ["0", "0.062", "5.00", "48.2", "1200"]);
    }
}
