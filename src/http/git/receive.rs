//! `POST git-receive-pack`: a push over HTTP.
//!
//! Owns the way of the body into memory or quarantine without holding a thread, and the streamed report. When the body is complete a
//! detached task lands the push, so that a client that leaves cannot stop a commit half way.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use atomicqms_actors::repository::RepositoryHandle;
use atomicqms_git::receive::{self, CommandOutcome, CommandParser, Parsed, PushCapabilities, ReceiveRequest};
use atomicqms_git::{Incoming, Limits, PackSource, Progress};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

use super::answer::{self, AnswerWriter};
use super::body::{BodyError, BodyReader};
use super::{NO_CACHE, body_failure, header_text, require_content_type};
use crate::access::action::PushRepository;
use crate::access::{Caller, Permit, RepoPath};
use crate::error::{Error, Kind, Result};
use crate::forge::pushes::{self, Push, PushReport};
use crate::http::App;

/// Packs up to this size stay in memory; larger ones are written to the quarantine as they arrive.
const SPOOL_ABOVE_BYTES: usize = 1024 * 1024;
/// Bytes gathered before a write to the spool file.
const SPOOL_WRITE_BYTES: usize = 256 * 1024;
/// Time between two progress messages.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// Answers a push.
pub(super) async fn receive_pack(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let permit = authorize(&app, &caller, &path, &headers).await?;
    let handle = app.forge.open(&permit.subject().repository).await?;
    let limits = app.intake.limits();
    let encoding = header_text(&headers, header::CONTENT_ENCODING);
    let most_bytes = limits.max_command_bytes.saturating_add(limits.max_pack_bytes);
    let mut reader = BodyReader::new(body, encoding, most_bytes).map_err(body_failure)?;
    let Some((request, rest)) = read_commands(&mut reader, limits).await? else {
        return Ok(answer_with(Body::empty()));
    };
    let received = read_pack(reader, &handle, limits, &request, rest).await?;

    let (sent, never) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let stall_timeout = Duration::from_secs(app.config.server.stall_timeout_seconds);
    let (writer, pending) = answer::channel(Handle::current(), stall_timeout, never, Arc::clone(&sent));
    let work = app.work.clone();
    work.spawn(async move {
        let started = Instant::now();
        let capabilities = request.capabilities.clone();
        let shared = Arc::new(Mutex::new(Some(writer)));
        let report = match received {
            Received::Refused(Refusal::TooLarge) => {
                let reason = format!("the pack exceeds the limit of {} bytes", app.intake.limits().max_pack_bytes);
                pushes::not_received(&request, reason)
            }
            Received::Refused(Refusal::Storage(error)) => {
                pushes::not_stored(&app.forge, &permit.subject().repository, &request, error).await
            }
            Received::Pack(pack) => {
                let push = Push { permit, handle, request, pack };
                let on_progress = tell_progress(Arc::clone(&shared), capabilities.clone());
                pushes::land(&app.forge, &app.intake, push, on_progress).await
            }
        };
        note(&report, started.elapsed());
        finish(shared, &capabilities, &report).await;
        metrics::counter!("atomicqms_git_bytes_total", "direction" => "out")
            .increment(sent.load(std::sync::atomic::Ordering::Relaxed));
    });
    let answer = pending.ready().await.map_err(Error::internal)?;
    Ok(answer_with(Body::new(answer)))
}

/// Asks the gate; a repository that does not exist is made first where that is allowed.
async fn authorize(app: &App, caller: &Caller, path: &RepoPath, headers: &HeaderMap) -> Result<Permit<PushRepository>> {
    let is_push = || require_content_type(headers, "application/x-git-receive-pack-request");
    let error = match app.forge.authorize(caller, PushRepository, path).await {
        Ok(permit) => return is_push().map(|()| permit),
        Err(error) => error,
    };
    let leave = pushes::may_create(&app.forge, caller, path, error).await?;
    is_push()?;
    match pushes::create(&app.forge, leave, path).await {
        // Two pushes at once: the other one made it.
        Err(error) if error.kind() != Kind::Conflict => Err(error),
        Ok(()) | Err(_) => app.forge.authorize(caller, PushRepository, path).await,
    }
}

fn answer_with(body: Body) -> Response {
    let content_type = HeaderValue::from_static("application/x-git-receive-pack-result");
    (NO_CACHE, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// Reads the commands; answers them with the first bytes of the pack, or `None` for the empty probe that git sends before a
/// large push.
///
/// Errors: `Malformed`, `TooLarge`.
async fn read_commands(reader: &mut BodyReader, limits: &Limits) -> Result<Option<(ReceiveRequest, Bytes)>> {
    let mut parser = CommandParser::new(limits);
    while let Some(chunk) = reader.next().await.map_err(body_failure)? {
        match parser.push(&chunk).map_err(bad_commands)? {
            Parsed::NeedMore => {}
            Parsed::Done { request, pack_starts_at } => {
                let rest = chunk.slice(pack_starts_at..);
                return Ok((!request.commands.is_empty()).then_some((request, rest)));
            }
        }
    }
    Err(Error::new(Kind::Malformed, "the request ended before its commands did"))
}

fn bad_commands(error: atomicqms_git::Error) -> Error {
    let kind = match error {
        atomicqms_git::Error::TooLarge { .. } => Kind::TooLarge,
        _ => Kind::Malformed,
    };
    Error::new(kind, error.to_string())
}

/// What came after the commands.
enum Received {
    /// The complete pack, if the commands ask for one.
    Pack(Option<(Incoming, PackSource)>),
    /// It was not kept.
    Refused(Refusal),
}

/// Why a pack was not kept.
enum Refusal {
    /// It is larger than a pack may be.
    TooLarge,
    /// It could not be stored.
    Storage(atomicqms_git::Error),
}

/// Reads the pack to its end, into memory or into the quarantine.
///
/// Errors: `Malformed` (the client broke off), `TooLarge` (it went on far beyond the limit).
async fn read_pack(
    reader: BodyReader,
    handle: &RepositoryHandle,
    limits: &Limits,
    request: &ReceiveRequest,
    rest: Bytes,
) -> Result<Received> {
    if !request.expects_pack() {
        // A push that only deletes sends no pack; what follows anyway is read and forgotten.
        reader.discard(limits.max_command_bytes).await.map_err(body_failure)?;
        return Ok(Received::Pack(None));
    }
    let git = handle.git();
    let limits = limits.clone();
    let most_bytes = limits.max_pack_bytes;
    let made = tokio::task::spawn_blocking(move || git.incoming(&limits)).await.map_err(Error::internal)?;
    let incoming = match made {
        Ok(incoming) => incoming,
        Err(error) => return refuse(reader, most_bytes, Refusal::Storage(error)).await,
    };
    let mut spool = Spool::new(&incoming, most_bytes);
    let mut reader = reader;
    let mut next = Some(rest);
    while let Some(chunk) = next {
        if let Err(refusal) = spool.push(chunk).await {
            // Nothing of the refused pack stays while its rest is read.
            drop((spool, incoming));
            return refuse(reader, most_bytes, refusal).await;
        }
        next = match reader.next().await {
            Ok(chunk) => chunk,
            Err(BodyError::TooLarge { .. }) => {
                drop((spool, incoming));
                return refuse(reader, most_bytes, Refusal::TooLarge).await;
            }
            Err(error) => return Err(body_failure(error)),
        };
    }
    metrics::counter!("atomicqms_git_bytes_total", "direction" => "in").increment(spool.bytes);
    match spool.finish().await {
        Ok(source) => Ok(Received::Pack(Some((incoming, source)))),
        Err(refusal) => Ok(Received::Refused(refusal)),
    }
}

/// Reads the rest of a pack that is not wanted, so that the client gets to the report.
async fn refuse(reader: BodyReader, most_bytes: u64, refusal: Refusal) -> Result<Received> {
    reader.discard(most_bytes).await.map_err(body_failure)?;
    Ok(Received::Refused(refusal))
}

/// Bytes of a pack on their way into memory or a file.
struct Spool {
    path: std::path::PathBuf,
    waiting: BytesMut,
    file: Option<tokio::fs::File>,
    bytes: u64,
    limit: u64,
}

impl Spool {
    fn new(incoming: &Incoming, limit: u64) -> Self {
        Self { path: incoming.spool_path(), waiting: BytesMut::new(), file: None, bytes: 0, limit }
    }

    /// Takes one chunk.
    async fn push(&mut self, chunk: Bytes) -> std::result::Result<(), Refusal> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.limit {
            return Err(Refusal::TooLarge);
        }
        self.waiting.extend_from_slice(&chunk);
        let most = if self.file.is_some() { SPOOL_WRITE_BYTES } else { SPOOL_ABOVE_BYTES };
        if self.waiting.len() > most { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> std::result::Result<(), Refusal> {
        let failed = |error| Refusal::Storage(atomicqms_git::Error::io("write", &self.path, error));
        let file = match self.file.take() {
            Some(file) => self.file.insert(file),
            None => {
                let mut private = tokio::fs::OpenOptions::new();
                private.write(true).create_new(true).mode(0o600);
                self.file.insert(private.open(&self.path).await.map_err(failed)?)
            }
        };
        file.write_all(&self.waiting).await.map_err(failed)?;
        self.waiting.clear();
        Ok(())
    }

    /// Ends the pack.
    async fn finish(mut self) -> std::result::Result<PackSource, Refusal> {
        if self.file.is_none() {
            return Ok(PackSource::Memory(self.waiting.freeze()));
        }
        self.write().await?;
        if let Some(mut file) = self.file.take() {
            // Writes of tokio's files end in the background; flush waits for the last one and its error.
            file.flush()
                .await
                .map_err(|error| Refusal::Storage(atomicqms_git::Error::io("write", &self.path, error)))?;
        }
        Ok(PackSource::Spooled)
    }
}

/// The writer of the answer, shared by progress messages and the report; gone once the client is.
type SharedWriter = Arc<Mutex<Option<AnswerWriter>>>;

/// Tells the client how far the work on its pack is, now and then.
fn tell_progress(shared: SharedWriter, capabilities: PushCapabilities) -> pushes::OnProgress {
    let mut last = Instant::now();
    Box::new(move |progress| {
        let (what, done, total) = match progress {
            Progress::Received { done, total } => ("Checking objects", done, total),
            Progress::Resolved { done, total } => ("Resolving deltas", done, total),
        };
        let is_end = done == total;
        if capabilities.quiet || total == 0 || (!is_end && last.elapsed() < PROGRESS_EVERY) {
            return;
        }
        last = Instant::now();
        let percent = done.saturating_mul(100) / total;
        let end = if is_end { ", done.\n" } else { "\r" };
        let message = receive::progress(&capabilities, &format!("{what}: {percent:3}% ({done}/{total}){end}"));
        let mut slot = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let told = slot.as_mut().map(|writer| writer.write_all(&message).and_then(|()| writer.flush()));
        if let Some(Err(_)) = told {
            // The client left. The push goes on, untold.
            *slot = None;
        }
    })
}

/// Sends the report and ends the answer.
async fn finish(shared: SharedWriter, capabilities: &PushCapabilities, report: &PushReport) {
    let unpack = report.unpack.as_ref().copied().map_err(String::as_str);
    let bytes = receive::report(capabilities, unpack, &report.commands);
    let sending = tokio::task::spawn_blocking(move || {
        let writer = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut writer) = writer
            && writer.write_all(&bytes).is_ok()
        {
            // The client may have left: the push has landed all the same.
            let _ = writer.finish();
        }
    });
    if let Err(error) = sending.await {
        tracing::error!(%error, "the report of a push could not be sent");
    }
}

fn note(report: &PushReport, took: Duration) {
    let refused = report.commands.iter().filter(|one| matches!(one.outcome, CommandOutcome::Refused { .. })).count();
    let outcome = if report.unpack.is_err() || refused > 0 { "refused" } else { "ok" };
    metrics::counter!("atomicqms_git_operations_total", "service" => "receive-pack", "outcome" => outcome).increment(1);
    metrics::histogram!("atomicqms_git_operation_duration_seconds", "service" => "receive-pack").record(took);
    metrics::counter!("atomicqms_git_pack_objects_total", "direction" => "in").increment(report.objects);
    tracing::info!(
        git.refs = report.commands.len(),
        git.refused = refused,
        git.objects = report.objects,
        duration_ms = took.as_millis() as u64,
        "push {outcome}"
    );
}
