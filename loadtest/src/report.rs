//! What a person and a script get to see: the table and the JSON file.
//!
//! Owns the choice and the units of the figures. Measures nothing. Called by `main`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::html::{self, Bar, Page};
use crate::load::Run;
use crate::options::Options;
use crate::scenario::ScenarioName;

/// Everything about one scenario's runs.
#[derive(Debug, Serialize)]
pub(crate) struct ScenarioReport {
    scenario: String,
    url: String,
    repository: String,
    connections: usize,
    /// `null` in the closed loop.
    rate_per_second: Option<f64>,
    duration_seconds: f64,
    requests: Option<u64>,
    warmup_seconds: f64,
    handshake: bool,
    verify: bool,
    runs: Vec<RunReport>,
    /// Min, median and max over the runs, by figure.
    summary: BTreeMap<&'static str, Spread>,
}

/// One run's figures.
#[derive(Debug, Default, Serialize)]
pub(crate) struct RunReport {
    pub(crate) elapsed_seconds: f64,
    pub(crate) operations: u64,
    pub(crate) items: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) errors: BTreeMap<String, u64>,
    /// Figures by class of operations, where a scenario mixes several.
    pub(crate) classes: BTreeMap<&'static str, BTreeMap<&'static str, f64>>,
    /// Seconds since the start of the warm-up, resident MB, anonymous MB.
    pub(crate) memory: Vec<[f64; 3]>,
    pub(crate) figures: BTreeMap<&'static str, f64>,
}

/// A figure over all runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    min: f64,
    pub(crate) median: f64,
    max: f64,
}

/// Figures in the order of the table, with their label and digits after the point.
const FIGURES: [(&str, &str, usize); 21] = [
    ("operations_per_second", "operations/s", 1),
    ("errors", "errors", 0),
    ("latency_mean_ms", "latency mean, ms", 2),
    ("latency_p50_ms", "latency p50, ms", 2),
    ("latency_p90_ms", "latency p90, ms", 2),
    ("latency_p95_ms", "latency p95, ms", 2),
    ("latency_p99_ms", "latency p99, ms", 2),
    ("latency_p999_ms", "latency p99.9, ms", 2),
    ("latency_max_ms", "latency max, ms", 2),
    ("first_byte_p50_ms", "first byte p50, ms", 2),
    ("first_byte_p99_ms", "first byte p99, ms", 2),
    ("received_mb_per_second", "received, MB/s", 2),
    ("sent_mb_per_second", "sent, MB/s", 2),
    ("items_per_operation", "items/operation", 1),
    ("server_cpu_ms_per_operation", "server CPU, ms/operation", 3),
    ("server_start_mb", "server memory at start, MB", 1),
    ("server_peak_mb", "server memory peak, MB", 1),
    ("server_grown_mb", "server memory, peak - start", 1),
    ("server_start_anonymous_mb", "anonymous at start, MB", 1),
    ("server_peak_anonymous_mb", "anonymous peak, MB", 1),
    ("server_late_growth_mb", "anonymous, 2nd half, MB", 1),
];

impl ScenarioReport {
    /// Turns runs into figures.
    pub(crate) fn new(name: ScenarioName, options: &Options, runs: Vec<Run>) -> Self {
        let runs: Vec<RunReport> = runs.into_iter().map(RunReport::new).collect();
        let summary = FIGURES
            .iter()
            .filter_map(|(key, _, _)| {
                let values: Vec<f64> = runs.iter().filter_map(|run| run.figures.get(key).copied()).collect();
                Some((*key, Spread::of(values)?))
            })
            .collect();
        Self {
            scenario: name.to_string(),
            url: options.url.clone(),
            repository: options.repo.clone(),
            connections: options.connections,
            rate_per_second: options.rate,
            duration_seconds: options.duration.as_secs_f64(),
            requests: options.requests,
            warmup_seconds: options.warmup.as_secs_f64(),
            handshake: options.handshake,
            verify: options.verify,
            runs,
            summary,
        }
    }

    /// Whether every run did something and nothing failed.
    pub(crate) fn is_clean(&self) -> bool {
        !self.runs.is_empty() && self.runs.iter().all(RunReport::is_clean)
    }

    /// The table for the terminal.
    pub(crate) fn table(&self) -> String {
        let pacing = match self.rate_per_second {
            Some(rate) => format!("open loop at {rate}/s"),
            None => "closed loop".to_owned(),
        };
        let length = match self.requests {
            Some(requests) => format!("{requests} operations"),
            None => format!("{} s", self.duration_seconds),
        };
        let mut out = format!(
            "\n{} {} {}: {} connections, {pacing}, {} x {length} after {} s of warm-up\n",
            self.scenario,
            self.url,
            self.repository,
            self.connections,
            self.runs.len(),
            self.warmup_seconds
        );
        let _ = writeln!(out, "  {:<28}{:>14}{:>14}{:>14}", "", "min", "median", "max");
        for (key, label, digits) in FIGURES {
            if let Some(Spread { min, median, max }) = self.summary.get(key) {
                let _ = writeln!(out, "  {label:<28}{min:>14.digits$}{median:>14.digits$}{max:>14.digits$}");
            }
        }
        for (name, class) in self.runs.iter().flat_map(|run| &run.classes) {
            let figure = |key: &str| class.get(key).copied().unwrap_or_default();
            let _ = writeln!(
                out,
                "  {name:<8}{:>9.0} done {:>5.0} failed   p50 {:.2}  p90 {:.2}  p99 {:.2}  p99.9 {:.2}  max {:.2} ms",
                figure("operations"),
                figure("errors"),
                figure("latency_p50_ms"),
                figure("latency_p90_ms"),
                figure("latency_p99_ms"),
                figure("latency_p999_ms"),
                figure("latency_max_ms"),
            );
        }
        for (text, count) in self.runs.iter().flat_map(|run| &run.errors) {
            let _ = writeln!(out, "  {count} x {text}");
        }
        out
    }
}

impl RunReport {
    /// Whether it did something and nothing failed.
    pub(crate) fn is_clean(&self) -> bool {
        self.operations > 0 && self.errors.is_empty()
    }

    /// A figure by its key; `class.key` is that of a class.
    pub(crate) fn figure(&self, key: &str) -> Option<f64> {
        match key.split_once('.') {
            Some((class, key)) => self.classes.get(class)?.get(key).copied(),
            None => self.figures.get(key).copied(),
        }
    }

    /// Turns a run into figures.
    pub(crate) fn new(run: Run) -> Self {
        let seconds = run.elapsed.as_secs_f64().max(1e-9);
        let operations = run.operations as f64;
        let milliseconds = |d: std::time::Duration| d.as_secs_f64() * 1e3;
        let mut figures = BTreeMap::from([
            ("operations_per_second", operations / seconds),
            ("errors", run.error_count() as f64),
            ("latency_mean_ms", milliseconds(run.latency.mean())),
            ("latency_p50_ms", milliseconds(run.latency.quantile(0.50))),
            ("latency_p90_ms", milliseconds(run.latency.quantile(0.90))),
            ("latency_p95_ms", milliseconds(run.latency.quantile(0.95))),
            ("latency_p99_ms", milliseconds(run.latency.quantile(0.99))),
            ("latency_p999_ms", milliseconds(run.latency.quantile(0.999))),
            ("latency_max_ms", milliseconds(run.latency.max())),
            ("first_byte_p50_ms", milliseconds(run.first_byte.quantile(0.50))),
            ("first_byte_p99_ms", milliseconds(run.first_byte.quantile(0.99))),
            ("received_mb_per_second", run.bytes_in as f64 / seconds / 1e6),
            ("sent_mb_per_second", run.bytes_out as f64 / seconds / 1e6),
        ]);
        if run.operations > 0 {
            figures.insert("items_per_operation", run.items as f64 / operations);
            if let Some(server) = &run.server {
                figures.insert("server_cpu_ms_per_operation", milliseconds(server.cpu) / operations);
            }
        }
        let mut memory = Vec::new();
        if let Some(server) = &run.server {
            let (start, peak) = (server.at_start, server.peak);
            let megabytes = |bytes: u64| bytes as f64 / 1e6;
            figures.extend([
                ("server_start_mb", megabytes(start.resident_bytes)),
                ("server_peak_mb", megabytes(peak.resident_bytes)),
                ("server_grown_mb", megabytes(peak.resident_bytes) - megabytes(start.resident_bytes)),
                ("server_start_anonymous_mb", megabytes(start.anonymous_bytes)),
                ("server_peak_anonymous_mb", megabytes(peak.anonymous_bytes)),
            ]);
            let sample = |(at, resident, anonymous): &(std::time::Duration, u64, u64)| {
                [at.as_secs_f64(), megabytes(*resident), megabytes(*anonymous)]
            };
            memory = server.series.iter().map(sample).collect();
            figures.extend(late_growth(&memory).map(|growth| ("server_late_growth_mb", growth)));
        }
        let class = |(name, class): (&'static str, crate::load::Class)| {
            let figures = BTreeMap::from([
                ("operations", class.operations as f64),
                ("errors", class.errors as f64),
                ("latency_p50_ms", milliseconds(class.latency.quantile(0.50))),
                ("latency_p90_ms", milliseconds(class.latency.quantile(0.90))),
                ("latency_p99_ms", milliseconds(class.latency.quantile(0.99))),
                ("latency_p999_ms", milliseconds(class.latency.quantile(0.999))),
                ("latency_max_ms", milliseconds(class.latency.max())),
            ]);
            (name, figures)
        };
        Self {
            elapsed_seconds: seconds,
            operations: run.operations,
            items: run.items,
            bytes_in: run.bytes_in,
            bytes_out: run.bytes_out,
            errors: run.errors,
            classes: run.classes.into_iter().map(class).collect(),
            memory,
            figures,
        }
    }
}

/// How much more anonymous memory the end of a run has than its middle: what still grows when every cache had its time.
///
/// Shape: the median of the last tenth less that of the tenth at half time; `None` for less than 20 samples.
fn late_growth(memory: &[[f64; 3]]) -> Option<f64> {
    let tenth = memory.len() / 10;
    let middle = |from: usize| {
        let part = memory.get(from..from + tenth)?.iter().map(|sample| sample[2]).collect();
        Spread::of(part).map(|spread| spread.median)
    };
    if tenth < 2 { None } else { Some(middle(memory.len() - tenth)? - middle(memory.len() / 2)?) }
}

impl Spread {
    /// Min, median and max; `None` of nothing.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.as_slice() {
            [] => return None,
            all if all.len() % 2 == 1 => all[middle],
            all => (all[middle - 1] + all[middle]) / 2.0,
        };
        Some(Self { min: *values.first()?, median, max: *values.last()? })
    }
}

/// Writes the reports of one invocation.
///
/// Errors: the file cannot be written.
pub(crate) fn write_json(path: &Path, reports: &[ScenarioReport]) -> Result<(), String> {
    let document = serde_json::json!({
        "tool": "loadtest",
        "version": env!("CARGO_PKG_VERSION"),
        "scenarios": reports,
    });
    write_document(path, &document)
}

/// Writes a JSON document.
///
/// Errors: the file cannot be written.
pub(crate) fn write_document(path: &Path, document: &serde_json::Value) -> Result<(), String> {
    let text = serde_json::to_string_pretty(document).map_err(|e| format!("cannot write JSON: {e}"))?;
    std::fs::write(path, text + "\n").map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// Writes the page of one invocation.
///
/// Errors: the file cannot be written.
pub(crate) fn write_html(path: &Path, reports: &[ScenarioReport]) -> Result<(), String> {
    let mut page = Page::new("Load test");
    for report in reports {
        page.heading(&format!("{} {} {}", report.scenario, report.url, report.repository));
        page.text(&format!("{} connections, {} runs", report.connections, report.runs.len()));
        let figures = FIGURES.iter().filter_map(|(key, label, digits)| {
            let Spread { min, median, max } = report.summary.get(key)?;
            let number = |value: &f64| format!("{value:.digits$}");
            Some(vec![(*label).to_owned(), number(min), number(median), number(max)])
        });
        page.table(&["", "min", "median", "max"], &figures.collect::<Vec<_>>());
        let percentile = |(key, label, _): &(&str, &str, usize)| {
            let value = report.summary.get(key)?.median;
            key.starts_with("latency_").then(|| Bar { label: (*label).to_owned(), value, shown: format!("{value:.2}") })
        };
        page.bars("latency, ms", &FIGURES.iter().filter_map(percentile).collect::<Vec<_>>());
        for (n, run) in report.runs.iter().enumerate() {
            html::memory(&mut page, &format!("run {}", n + 1), run);
            for (text, count) in &run.errors {
                page.text(&format!("{count} x {text}"));
            }
        }
    }
    page.write(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert_eq!(Spread::of(vec![4.0, 1.0, 3.0, 2.0]), Some(Spread { min: 1.0, median: 2.5, max: 4.0 }));
        assert_eq!(Spread::of(vec![5.0]), Some(Spread { min: 5.0, median: 5.0, max: 5.0 }));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn memory_that_grows_to_the_end_is_told_from_memory_that_was_taken_early() {
        let series = |value: fn(usize) -> f64| (0..100).map(|n| [n as f64, 500.0, value(n)]).collect::<Vec<_>>();
        assert_eq!(late_growth(&series(|n| if n < 30 { n as f64 } else { 30.0 })), Some(0.0));
        assert_eq!(late_growth(&series(|n| n as f64)), Some(40.0));
        assert_eq!(late_growth(&series(|n| n as f64)[..19]), None);
    }

    #[test]
    fn a_run_with_an_error_or_without_operations_is_not_clean() {
        let options = <Options as clap::Parser>::parse_from(["loadtest", "clone", "--url", "http://h"]);
        let good = || Run { operations: 5, elapsed: std::time::Duration::from_secs(1), ..Run::default() };
        let report = |runs| ScenarioReport::new(ScenarioName::Clone, &options, runs);
        assert!(report(vec![good(), good()]).is_clean());
        assert!(!report(vec![good(), Run::default()]).is_clean());
        let bad = Run { errors: BTreeMap::from([("status 500: ".to_owned(), 2)]), ..good() };
        let report = report(vec![good(), bad]);
        assert!(!report.is_clean() && report.table().contains("2 x status 500"), "{}", report.table());
    }
}
