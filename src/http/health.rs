//! Probes: is the process alive, may it get traffic, and Gitea's health document.
//!
//! Owns what "ready" means: the server is neither starting nor stopping, the writer commits, a reader reads, the
//! actors answer. The result is shared for a moment, so that probes cannot become load.

use std::time::{Duration, Instant};

use atomicqms_actors::sql::Connection;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::Mutex;

use super::App;
use crate::db;
use crate::error::Result;
use crate::server::status::Phase;

/// How long one look at the parts serves every probe.
const FRESH: Duration = Duration::from_millis(500);
/// Longest wait for the parts to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The last look at the parts.
#[derive(Debug, Default)]
pub struct Probe(Mutex<Option<(Instant, Parts)>>);

/// Which parts answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    writer: bool,
    reader: bool,
    directory: bool,
}

impl Parts {
    fn all(self) -> bool {
        self.writer && self.reader && self.directory
    }
}

/// Answers as long as the process can answer at all.
pub async fn livez() -> Response {
    text(StatusCode::OK, "ok\n")
}

/// Answers 200 when requests are welcome, 503 with the reason otherwise.
pub async fn readyz(State(app): State<App>) -> Response {
    match app.status.phase() {
        Phase::Starting => return text(StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::Stopping => return text(StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
        Phase::Ready => {}
    }
    let parts = look(&app).await;
    if parts.all() {
        return text(StatusCode::OK, "ready\n");
    }
    let state = |answers| if answers { "ok" } else { "failing" };
    let Parts { writer, reader, directory } = parts;
    let body = format!(
        "not ready: database writer {}, database reader {}, repositories {}\n",
        state(writer),
        state(reader),
        state(directory)
    );
    text(StatusCode::SERVICE_UNAVAILABLE, body)
}

/// Answers Gitea's health document, for monitors that were made for it.
pub async fn healthz(State(app): State<App>) -> Response {
    let parts = look(&app).await;
    let time = app.forge.clock.now().rfc3339();
    let word = |passes| if passes { "pass" } else { "fail" };
    let check = |passes| json!([{ "status": word(passes), "time": time }]);
    let is_ready = parts.all() && app.status.phase() == Phase::Ready;
    let status = if parts.all() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let document = json!({
        "status": word(parts.all()),
        "description": "AtomicQMS",
        "checks": {
            "database:ping": check(parts.writer && parts.reader),
            "cache:ping": check(parts.directory),
            "server:ready": check(is_ready),
        },
    });
    (status, Json(document)).into_response()
}

fn text(status: StatusCode, body: impl Into<String>) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body.into()).into_response()
}

/// Reads one row that every installation has.
fn look_up(conn: &dyn Connection) -> Result<()> {
    db::instance::find(conn, db::instance::ID)?;
    Ok(())
}

async fn look(app: &App) -> Parts {
    let mut last = app.probe.0.lock().await;
    if let Some((when, parts)) = *last
        && when.elapsed() < FRESH
    {
        return parts;
    }
    let writer = tokio::time::timeout(PATIENCE, app.forge.write("probe", look_up));
    let reader = tokio::time::timeout(PATIENCE, app.forge.read("probe", look_up));
    let directory = app.forge.directory.inspect(atomicqms_actors::Deadline::after(PATIENCE));
    let (writer, reader, directory) = tokio::join!(writer, reader, directory);
    let parts = Parts {
        writer: matches!(writer, Ok(Ok(()))),
        reader: matches!(reader, Ok(Ok(()))),
        directory: directory.is_ok(),
    };
    if !parts.all() {
        tracing::warn!(?parts, "a part of the server does not answer its probe");
    }
    *last = Some((Instant::now(), parts));
    parts
}
