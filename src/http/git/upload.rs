//! `POST git-upload-pack`: one bounded request in, one streamed answer out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use atomicqms_git::upload::{UploadOutcome, UploadStats};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::runtime::Handle;

use super::answer::{self, AnswerWriter};
use super::body::BodyReader;
use super::{NO_CACHE, body_failure, header_text, protocol_version, require_content_type};
use crate::access::action::CloneRepository;
use crate::access::{Caller, Client, RepoPath};
use crate::error::{Error, Kind, Result};
use crate::http::App;

/// Answers a clone, fetch or ls-refs request.
pub(super) async fn upload_pack(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let repository = app.forge.authorize(&caller, CloneRepository, &path).await?.into_subject().repository;
    require_content_type(&headers, "application/x-git-upload-pack-request")?;
    let limits = app.intake.limits().clone();
    let encoding = header_text(&headers, header::CONTENT_ENCODING);
    let client = Client::of(&caller);
    // Before the body is read: what open uploads hold in memory is bounded by their number.
    let open = app.intake.open_upload(client).await?;
    let reader = BodyReader::new(body, encoding, limits.max_request_bytes).map_err(body_failure)?;
    let mut lease = app.body_memory.lease(client);
    let body_timeout = Duration::from_secs(app.config.server.body_timeout_seconds);
    let request = tokio::time::timeout(body_timeout, reader.collect(&mut lease))
        .await
        .map_err(|_| Error::new(Kind::Malformed, "the request came too slowly"))?
        .map_err(body_failure)?;
    metrics::counter!("atomicqms_git_bytes_total", "direction" => "in").increment(request.len() as u64);

    let view = app.forge.open(&repository).await?.view();
    let slot = app.intake.upload(&open).await?;
    let version = protocol_version(&headers);
    let interrupt = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let stall_timeout = Duration::from_secs(app.config.server.stall_timeout_seconds);
    let (writer, pending) =
        answer::channel(Handle::current(), stall_timeout, Arc::clone(&interrupt), Arc::clone(&sent));
    let deadline = app.intake.interrupt_after_timeout(&interrupt);
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || {
        let _entered = span.entered();
        let _kept = (deadline, lease);
        let started = Instant::now();
        let mut writer = writer.with_slot(slot);
        let result = atomicqms_git::upload::respond(&view, version, &request, &limits, &mut writer, &interrupt);
        note(&result, started.elapsed(), sent.load(std::sync::atomic::Ordering::Relaxed));
        end(writer, result);
    });
    let answer = pending.ready().await.map_err(Error::internal)?.holding(open);
    let content_type = HeaderValue::from_static("application/x-git-upload-pack-result");
    Ok((NO_CACHE, [(header::CONTENT_TYPE, content_type)], Body::new(answer)).into_response())
}

/// Ends the answer so that the client cannot take a broken one for whole.
fn end(writer: AnswerWriter, result: atomicqms_git::Result<UploadStats>) {
    match result {
        // A refusal has been told in the protocol's own words; the answer as such is complete.
        Ok(_) => drop(writer.finish()),
        Err(error) if error.is_peer_fault() && !matches!(error, atomicqms_git::Error::PeerGone(_)) => {
            drop(writer.finish());
        }
        Err(error) => writer.fail(std::io::Error::other(error)),
    }
}

/// Whether the answer ended because the client left or stopped reading, or took longer than an operation may.
fn is_abandoned(error: &atomicqms_git::Error) -> bool {
    matches!(error, atomicqms_git::Error::Interrupted | atomicqms_git::Error::PeerGone(_))
}

fn note(result: &atomicqms_git::Result<UploadStats>, took: Duration, bytes: u64) {
    let (service, outcome) = match result {
        Ok(stats) => match stats.outcome {
            UploadOutcome::Refs => ("ls-refs", "ok"),
            UploadOutcome::Pack => ("upload-pack", "ok"),
            UploadOutcome::Negotiated | UploadOutcome::Nothing => ("negotiation", "ok"),
        },
        Err(error) if is_abandoned(error) => ("upload-pack", "abandoned"),
        Err(error) if error.is_peer_fault() => ("upload-pack", "refused"),
        Err(_) => ("upload-pack", "failed"),
    };
    metrics::counter!("atomicqms_git_operations_total", "service" => service, "outcome" => outcome).increment(1);
    metrics::histogram!("atomicqms_git_operation_duration_seconds", "service" => service).record(took);
    metrics::counter!("atomicqms_git_bytes_total", "direction" => "out").increment(bytes);
    match result {
        Ok(stats) => {
            metrics::counter!("atomicqms_git_pack_objects_total", "direction" => "out").increment(stats.objects);
            tracing::debug!(
                git.objects = stats.objects,
                git.reused = stats.reused,
                git.bytes = bytes,
                duration_ms = took.as_millis() as u64,
                "upload-pack answered {service}"
            );
        }
        Err(error) if is_abandoned(error) => tracing::info!(%error, git.bytes = bytes, "upload-pack abandoned"),
        Err(error) if error.is_peer_fault() => tracing::info!(%error, "upload-pack refused"),
        Err(error) => tracing::error!(error = error as &dyn std::error::Error, "upload-pack failed"),
    }
}
