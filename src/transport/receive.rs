//! The end of a push, whatever carried it: landing what was received, progress on the way, the report.
//!
//! Owns what the client is told meanwhile. What a push changes is `forge::pushes`'s. Called as a detached task, so that a client that
//! leaves cannot stop a commit half way.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use atomicqms_actors::repository::RepositoryHandle;
use atomicqms_git::Progress;
use atomicqms_git::receive::{self, CommandOutcome, PushCapabilities, ReceiveRequest};

use super::answer::AnswerWriter;
use super::spool::{Received, Refusal};
use crate::access::action::PushRepository;
use crate::access::{Caller, Permit, RepoPath};
use crate::error::{Kind, Result};
use crate::forge::pushes::{self, Push, PushReport};
use crate::http::App;

/// Time between two progress messages.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// Asks the gate; a repository that does not exist is made first where that is allowed. `is_push` looks at the request once the caller
/// may know the repository, and before one is made.
///
/// Errors: those of the gate, of `is_push` and of creation.
pub async fn authorize(
    app: &App,
    caller: &Caller,
    path: &RepoPath,
    is_push: impl Fn() -> Result<()>,
) -> Result<Permit<PushRepository>> {
    let error = match app.forge.authorize_fast(caller, PushRepository, path).await {
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

/// Lands a push that was received, or says why it was not; counts, logs and reports.
///
/// Units: `sent` counts the bytes of the answer.
pub async fn conclude(
    app: &App,
    permit: Permit<PushRepository>,
    handle: RepositoryHandle,
    request: ReceiveRequest,
    received: Received,
    writer: AnswerWriter,
    sent: Arc<AtomicU64>,
) {
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
        Received::Pack(pack, _lease) => {
            let push = Push { permit: permit.into(), handle, request, pack, purpose: pushes::Purpose::Move };
            let on_progress = tell_progress(Arc::clone(&shared), capabilities.clone());
            pushes::land(&app.forge, &app.intake, push, on_progress).await
        }
    };
    note(&report, started.elapsed());
    finish(shared, &capabilities, &report).await;
    metrics::counter!("atomicqms_git_bytes_total", "direction" => "out").increment(sent.load(Ordering::Relaxed));
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
        // What is done at once is told together with the report, in one write.
        let is_awaited = last.elapsed() >= PROGRESS_EVERY;
        last = Instant::now();
        let percent = done.saturating_mul(100) / total;
        let end = if is_end { ", done.\n" } else { "\r" };
        let message = receive::progress(&capabilities, &format!("{what}: {percent:3}% ({done}/{total}){end}"));
        let mut slot = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let told = slot
            .as_mut()
            .map(|writer| writer.write_all(&message).and_then(|()| if is_awaited { writer.flush() } else { Ok(()) }));
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
    let fits = shared
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()
        .is_none_or(|writer| writer.takes_at_once(bytes.len()));
    let send = move || {
        let writer = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut writer) = writer
            && writer.write_all(&bytes).is_ok()
        {
            // The client may have left: the push has landed all the same.
            let _ = writer.finish();
        }
    };
    if fits {
        return send();
    }
    let sending = tokio::task::spawn_blocking(send);
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
