//! The line that moves while a load runs, on a terminal only.
//!
//! Owns standard error. What it shows is a glance, not a result. Called by `main` and `load`.

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counters that the connections of a run share.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Operations that ended well, warm-up included.
    pub(crate) done: AtomicU64,
    /// Operations that failed.
    pub(crate) failed: AtomicU64,
    /// Body bytes received.
    pub(crate) bytes: AtomicU64,
}

/// Prints a one-off remark.
pub(crate) fn note(text: &str) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[2K{text} ...");
    }
}

/// Says what did not go as it should but does not end the run; on any standard error.
pub(crate) fn warn(text: &str) {
    clear();
    let _ = std::io::stderr().write_all(format!("loadtest: {text}\n").as_bytes());
}

/// Clears the line.
pub(crate) fn clear() {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[2K");
    }
}

/// Redraws the line four times a second until it is dropped.
pub(crate) async fn show(label: &str, counters: &Counters, total: Duration) {
    if !std::io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let start = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    let (mut last_done, mut last_bytes, mut last_at) = (0, 0, start);
    loop {
        tick.tick().await;
        let (done, bytes) = (counters.done.load(Ordering::Relaxed), counters.bytes.load(Ordering::Relaxed));
        let seconds = last_at.elapsed().as_secs_f64().max(0.001);
        let share = (start.elapsed().as_secs_f64() / total.as_secs_f64().max(0.001)).min(1.0);
        let filled = (share * 24.0) as usize;
        let line = format!(
            "{label} [{}{}] {:>5.1}s  {:.0}/s  {:.1} MB/s  {done} done  {} failed",
            "#".repeat(filled),
            ".".repeat(24 - filled),
            start.elapsed().as_secs_f64(),
            (done - last_done) as f64 / seconds,
            (bytes - last_bytes) as f64 / seconds / 1e6,
            counters.failed.load(Ordering::Relaxed),
        );
        let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
        (last_done, last_bytes, last_at) = (done, bytes, Instant::now());
    }
}
