//! Access lines as JSON, written beside the requests.
//!
//! Owns the form of the line, which is that of every other (a test compares them), and the thread that writes what has
//! gathered in one go: formatted and written one by one in front of the next request, these lines took a quarter of the
//! processor time of short requests. What nobody takes from standard error is dropped beyond a limit, and counted: a
//! request never waits for who reads the log. Everything else that is logged goes its own way, at once.

use std::cell::RefCell;
use std::io::Write as _;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// Lines gather for so long.
const GATHER: Duration = Duration::from_millis(5);
/// With so many bytes they are written at once.
const BATCH_BYTES: usize = 64 << 10;
/// What is kept for a reader who does not read.
const MOST_WAITING_BYTES: usize = 4 << 20;

/// What is said about one answered request.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct AccessLine<'a> {
    /// As one of a few known names.
    pub method: &'static str,
    /// The pattern of the route.
    pub route: &'static str,
    /// Status of the answer.
    pub status: u16,
    /// From the end of the head to the end of the answer.
    pub duration_ms: u64,
    /// Bytes of the body that were sent.
    pub bytes: u64,
    /// Whether that was all of it.
    pub complete: bool,
    /// Who called; `-` for nobody.
    pub login: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: &'a str,
    level: &'static str,
    message: &'static str,
    #[serde(flatten)]
    line: AccessLine<'a>,
    target: &'static str,
    span: Span<'a>,
}

#[derive(Serialize)]
struct Span<'a> {
    #[serde(rename = "request.id")]
    request_id: &'a str,
    name: &'static str,
}

static SINK: OnceLock<Sink> = OnceLock::new();

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Starts the thread; from now on [`write()`] takes lines. A second call changes nothing.
pub(super) fn install() {
    let mut is_new = false;
    SINK.get_or_init(|| {
        is_new = true;
        Sink::default()
    });
    if !is_new {
        return;
    }
    let thread = std::thread::Builder::new().name("access-lines".to_owned());
    if let Err(error) = thread.spawn(|| SINK.get().map(Sink::serve)) {
        // Then they are written when enough have gathered, and at the end.
        tracing::warn!(%error, "no thread for access lines");
    }
}

/// Takes a line; answers false if nothing is [installed](install), and the line has to be logged like any other.
pub fn write(target: &'static str, request_id: &str, line: AccessLine<'_>) -> bool {
    let Some(sink) = SINK.get() else { return false };
    let written = BUFFER.try_with(|buffer| {
        let mut buffer = buffer.borrow_mut();
        buffer.clear();
        let is_whole = format(&mut buffer, target, request_id, line).is_ok();
        if is_whole {
            sink.take(&buffer);
        }
        is_whole
    });
    written.unwrap_or(false)
}

/// Writes what has gathered, on the calling thread: before the process ends.
pub fn flush() {
    if let Some(sink) = SINK.get() {
        sink.write_out();
    }
}

fn format(
    buffer: &mut Vec<u8>,
    target: &'static str,
    request_id: &str,
    line: AccessLine<'_>,
) -> serde_json::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a log line says when it was written, as those of tracing do")]
    let timestamp = format!("{:.6}", jiff::Timestamp::now());
    let span = Span { request_id, name: "request" };
    let line = Line { timestamp: &timestamp, level: "INFO", message: "request", line, target, span };
    serde_json::to_writer(&mut *buffer, &line)?;
    buffer.push(b'\n');
    Ok(())
}

#[derive(Default)]
struct Sink {
    waiting: Mutex<Vec<u8>>,
    wake: Condvar,
    /// Held from the moment lines are taken until they are written; keeps the buffer for the next time.
    writing: Mutex<Vec<u8>>,
}

impl Sink {
    /// The lines that wait; a panic cannot leave half a line.
    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, line: &[u8]) {
        let mut waiting = self.waiting();
        if waiting.len() + line.len() > MOST_WAITING_BYTES {
            drop(waiting);
            metrics::counter!("atomicqms_access_lines_dropped_total").increment(1);
            return;
        }
        let before = waiting.len();
        waiting.extend_from_slice(line);
        let is_due = before == 0 || (before < BATCH_BYTES && waiting.len() >= BATCH_BYTES);
        drop(waiting);
        if is_due {
            self.wake.notify_one();
        }
    }

    fn serve(&self) {
        loop {
            let waiting = self.waiting();
            let waiting =
                self.wake.wait_while(waiting, |lines| lines.is_empty()).unwrap_or_else(PoisonError::into_inner);
            let gathered = self.wake.wait_timeout_while(waiting, GATHER, |lines| lines.len() < BATCH_BYTES);
            drop(gathered.unwrap_or_else(PoisonError::into_inner));
            self.write_out();
        }
    }

    fn write_out(&self) {
        let mut lines = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *lines, &mut *self.waiting());
        // Whoever closed standard error wants no log.
        let _ = std::io::stderr().lock().write_all(&lines);
        lines.clear();
        // Only a burst takes more.
        lines.shrink_to(2 * BATCH_BYTES);
    }
}

#[cfg(test)]
mod tests;
