//! The request metrics: one counter and one histogram for each kind of request.
//!
//! Owns the handles. Looking one up by its labels hashes and allocates, several times a request; so each thread keeps those
//! it has used. Refuses labels that a client could invent: what is remembered is bounded by the route table, the named methods
//! and the statuses this server answers with. Called by the access line.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Histogram};

use crate::telemetry::recorder;

/// Method, route pattern and status.
type Kind = (&'static str, &'static str, StatusCode);

thread_local! {
    static KNOWN: RefCell<HashMap<Kind, Handles>> = RefCell::default();
}

struct Handles {
    requests: Counter,
    duration: Histogram,
}

impl Handles {
    fn find((method, route, status): Kind) -> Self {
        Self {
            requests: metrics::counter!(
                "atomicqms_http_requests_total",
                "method" => method, "route" => route, "status" => status.as_str().to_owned()
            ),
            duration: metrics::histogram!("atomicqms_http_request_duration_seconds", "route" => route),
        }
    }

    fn count(&self, took: Duration) {
        self.requests.increment(1);
        self.duration.record(took.as_secs_f64());
    }
}

/// Counts one answered request.
pub(super) fn count(method: &'static str, route: &'static str, status: StatusCode, took: Duration) {
    let kind = (method, route, status);
    // Without a recorder a handle leads nowhere, for ever: such a one must not be kept.
    if !recorder::is_installed() {
        return Handles::find(kind).count(took);
    }
    // A thread that is ending has no memory left, but what it did counts all the same.
    let counted = KNOWN.try_with(|known| {
        known.borrow_mut().entry(kind).or_insert_with(|| Handles::find(kind)).count(took);
    });
    if counted.is_err() {
        Handles::find(kind).count(took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_counted_under_its_own_labels_from_every_thread() {
        // Before a recorder is there nothing may be remembered that would swallow what comes later.
        count("GET", "/tally/test", StatusCode::OK, Duration::ZERO);
        recorder::install().unwrap();
        // Another test of this process may be half way through the same installation.
        while !recorder::is_installed() {
            std::thread::yield_now();
        }
        let before = [sample("GET", "200"), sample("GET", "404"), sample("PUT", "200")];
        let work = || {
            for _ in 0..3 {
                count("GET", "/tally/test", StatusCode::OK, Duration::from_millis(1));
            }
            count("GET", "/tally/test", StatusCode::NOT_FOUND, Duration::from_millis(1));
            count("PUT", "/tally/test", StatusCode::OK, Duration::from_millis(1));
        };
        work();
        std::thread::spawn(work).join().unwrap();
        let after = [sample("GET", "200"), sample("GET", "404"), sample("PUT", "200")];
        assert_eq!([after[0] - before[0], after[1] - before[1], after[2] - before[2]], [6, 2, 2]);
        let durations = line("atomicqms_http_request_duration_seconds_count{route=\"/tally/test\"}");
        assert!(durations >= 10, "{durations} durations");
    }

    fn sample(method: &str, status: &str) -> u64 {
        line(&format!("atomicqms_http_requests_total{{method=\"{method}\",route=\"/tally/test\",status=\"{status}\"}}"))
    }

    fn line(start: &str) -> u64 {
        let text = recorder::render();
        text.lines().find_map(|line| line.strip_prefix(start)).map_or(0, |value| value.trim().parse().unwrap())
    }
}
