//! The form of the line, and what becomes of lines nobody takes.

use std::sync::{Arc, Mutex};

use super::*;

const LINE: AccessLine<'static> = AccessLine {
    method: "GET",
    route: "/{owner}/{repo}/info/refs",
    status: 200,
    duration_ms: 3,
    bytes: 120,
    complete: true,
    login: "ada \"quoted\"",
};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_looks_like_one_of_the_subscriber() {
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = crate::telemetry::logs::json(move || writer.clone());
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::error_span!("request", request.id = %"01M8");
        let _entered = span.enter();
        let AccessLine { method, route, status, duration_ms, bytes, complete, login } = LINE;
        tracing::info!(target: "here", method, route, status, duration_ms, bytes, complete, login, "request");
    });
    let usual = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    let mut own = Vec::new();
    format(&mut own, "here", "01M8", LINE).unwrap();
    let own = String::from_utf8(own).unwrap();
    // `{"timestamp":"2026-11-26T15:56:39.894335Z`
    let (own_time, own_rest) = own.split_at(41);
    let (usual_time, usual_rest) = usual.split_at(41);
    assert_eq!(own_rest, usual_rest);
    assert_eq!((&own_time[..16], &own_time[40..]), (&usual_time[..16], "Z"), "{own_time} {usual_time}");
}

#[test]
fn lines_that_nobody_takes_are_dropped_beyond_a_limit() {
    let sink = Sink::default();
    let line = vec![b'x'; 1 << 20];
    for _ in 0..10 {
        sink.take(&line);
    }
    assert_eq!(sink.waiting().len(), MOST_WAITING_BYTES);
}
