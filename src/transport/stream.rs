//! Streams what the engine writes, an archive or a patch, as the body of an HTTP answer.
//!
//! Owns the places it takes, among the open uploads of the client and among the generators, and the end of the work when the client leaves or the
//! time for an operation has passed. Knows nothing of what is written. Called by handlers of the API.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use atomicqms_git as git;
use axum::body::Body;
use tokio::runtime::Handle;

use super::answer::{self, AnswerWriter};
use crate::access::Client;
use crate::error::{Error, Result};
use crate::http::App;

/// What is written is sent on at least this often.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

/// Runs `make` on the blocking pool and answers with what it writes; it is told to end by the flag.
///
/// Errors: `Overloaded`; the error of `make` if it fails before its first bytes are sent. Later the body breaks off.
pub async fn stream<F>(app: &App, client: Client, service: &'static str, make: F) -> Result<Body>
where
    F: FnOnce(&mut dyn Write, &AtomicBool) -> git::Result<()> + Send + 'static,
{
    let open = app.intake.open_upload(client).await?;
    let slot = app.intake.upload(&open).await?;
    let (interrupt, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let stall_timeout = Duration::from_secs(app.config.server.stall_timeout_seconds);
    let (writer, pending) =
        answer::channel(Handle::current(), stall_timeout, Arc::clone(&interrupt), Arc::clone(&sent));
    let deadline = app.intake.interrupt_after_timeout(&interrupt);
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || {
        let _entered = span.entered();
        let _kept = deadline;
        let started = Instant::now();
        let mut out = Steady { writer: writer.with_slot(slot), flushed: Instant::now() };
        let made = make(&mut out, &interrupt);
        note(service, &made, started.elapsed(), sent.load(Ordering::Relaxed));
        match made {
            // A client that has left needs no end.
            Ok(()) => drop(out.writer.finish()),
            Err(error) => out.writer.fail(io::Error::other(error)),
        }
    });
    match pending.ready().await {
        Ok(answer) => Ok(Body::new(answer.holding(open))),
        Err(error) => Err(match error.downcast::<git::Error>() {
            Ok(error) => error.into(),
            Err(error) => Error::internal(error),
        }),
    }
}

fn note(service: &'static str, made: &git::Result<()>, took: Duration, bytes: u64) {
    let outcome = match made {
        Ok(()) => "ok",
        Err(git::Error::Interrupted | git::Error::PeerGone(_)) => "abandoned",
        Err(_) => "failed",
    };
    metrics::counter!("atomicqms_git_operations_total", "service" => service, "outcome" => outcome).increment(1);
    metrics::histogram!("atomicqms_git_operation_duration_seconds", "service" => service).record(took);
    metrics::counter!("atomicqms_git_bytes_total", "direction" => "out").increment(bytes);
    if let Err(error) = made {
        tracing::info!(%error, git.bytes = bytes, "{service} was not written to its end");
    }
}

/// Sends on what was written when some time has passed, so that a slow making shows its first results soon.
struct Steady {
    writer: AnswerWriter,
    flushed: Instant,
}

impl Write for Steady {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        if self.flushed.elapsed() >= FLUSH_EVERY {
            self.flush()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flushed = Instant::now();
        self.writer.flush()
    }
}
