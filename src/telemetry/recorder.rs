//! The Prometheus recorder of this process and the text of `/metrics`.
//!
//! Owns installation, descriptions and buckets; the facts about each metric are in `catalogue.rs`. One recorder
//! serves the whole process, also when tests run several servers in it.

use std::fmt::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::catalogue::{METRICS, Shape};
use super::process;

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// Installs the recorder, once; describes every metric and shows the unlabelled ones from the start.
///
/// Errors: another recorder of the `metrics` crate was installed by somebody else.
pub fn install() -> Result<(), &'static str> {
    if HANDLE.get().is_some() {
        return Ok(());
    }
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let Shape::Histogram(buckets) = metric.shape {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), &buckets.bounds())
                .map_err(|_| "a histogram without buckets")?;
        }
    }
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    let mut won = false;
    let _ = HANDLE.get_or_init(|| {
        won = true;
        handle
    });
    if !won {
        return Ok(());
    }
    metrics::set_global_recorder(recorder).map_err(|_| "another metrics recorder is installed")?;
    IS_INSTALLED.store(true, Ordering::Release);
    describe();
    Ok(())
}

/// Whether what is counted from now on reaches [`render`], so that handles of metrics may be kept.
pub fn is_installed() -> bool {
    IS_INSTALLED.load(Ordering::Acquire)
}

fn describe() {
    for metric in METRICS {
        let unit = metric.unit.unwrap_or(metrics::Unit::Count);
        match metric.shape {
            Shape::Counter => metrics::describe_counter!(metric.name, unit, metric.help),
            Shape::Gauge => metrics::describe_gauge!(metric.name, unit, metric.help),
            Shape::Histogram(_) => metrics::describe_histogram!(metric.name, unit, metric.help),
        }
        if metric.labels.is_empty() {
            match metric.shape {
                Shape::Counter => metrics::counter!(metric.name).increment(0),
                Shape::Gauge => metrics::gauge!(metric.name).increment(0.0),
                Shape::Histogram(_) => drop(metrics::histogram!(metric.name)),
            }
        }
    }
    metrics::gauge!("atomicqms_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Renders the text of `/metrics`, with fresh process figures.
///
/// Shape: every metric of the catalogue is named; one that nobody has counted yet has its description and no sample.
pub fn render() -> String {
    process::publish();
    let mut text = HANDLE.get().map(PrometheusHandle::render).unwrap_or_default();
    for metric in METRICS {
        let (name, help) = (metric.name, metric.help);
        if !text.contains(&format!("# TYPE {name} ")) {
            let kind = match metric.shape {
                Shape::Counter => "counter",
                Shape::Gauge => "gauge",
                Shape::Histogram(_) => "histogram",
            };
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n\n");
        }
    }
    text
}

/// Folds recorded samples into buckets, so that memory stays bounded when nobody scrapes.
pub fn upkeep() {
    if let Some(handle) = HANDLE.get() {
        handle.run_upkeep();
    }
}
