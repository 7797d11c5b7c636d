//! `POST git-receive-pack`: a push over HTTP.
//!
//! Owns the way of the body into memory or quarantine without holding a thread, and the streamed report. When the body is complete a
//! detached task lands the push, so that a client that leaves cannot stop a commit half way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use atomicqms_actors::repository::RepositoryHandle;
use atomicqms_git::Limits;
use atomicqms_git::receive::{CommandParser, Parsed, ReceiveRequest};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::runtime::Handle;

use super::body::{BodyError, BodyReader};
use super::{NO_CACHE, body_failure, header_text, require_content_type};
use crate::access::{Caller, Client, RepoPath};
use crate::error::{Error, Kind, Result};
use crate::http::App;
use crate::http::body_memory::Lease;
use crate::telemetry::kept::KeptCounter;
use crate::transport::pace::Pace;
use crate::transport::spool::{Received, Refusal, Spool};
use crate::transport::{answer, receive};

/// Answers a push.
pub(super) async fn receive_pack(
    State(app): State<App>,
    caller: Caller,
    path: RepoPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let is_push = || require_content_type(&headers, "application/x-git-receive-pack-request");
    let permit = receive::authorize(&app, &caller, &path, is_push).await?;
    let client = Client::of(&caller);
    let open = app.intake.open_receive(client).await?;
    let handle = app.forge.open(&permit.subject().repository).await?;
    let limits = app.intake.limits();
    let encoding = header_text(&headers, header::CONTENT_ENCODING);
    let most_bytes = limits.max_command_bytes.saturating_add(limits.max_pack_bytes);
    let mut reader = BodyReader::new(body, encoding, most_bytes).map_err(body_failure)?;
    let mut lease = app.body_memory.lease(client);
    let patience = Duration::from_secs(app.config.server.crowded_stall_timeout_seconds);
    let mut pace = Pace::new(app.intake.receive_crowd(client), patience);
    let Some((request, rest)) = read_commands(&mut reader, limits, &mut lease, &mut pace).await? else {
        return Ok(answer_with(Body::empty()));
    };
    let pack_lease = app.body_memory.lease(client);
    let received = read_pack((reader, pace), &handle, limits, &request, rest, pack_lease).await?;

    let (sent, never) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let stall_timeout = Duration::from_secs(app.config.server.stall_timeout_seconds);
    let (writer, pending) = answer::channel(Handle::current(), stall_timeout, never, Arc::clone(&sent));
    let work = app.work.clone();
    let app_of_push = app.clone();
    work.spawn(async move {
        let _kept = (open, lease);
        receive::conclude(&app_of_push, permit, handle, request, received, writer, sent).await;
    });
    let answer = pending.ready().await.map_err(Error::internal)?;
    Ok(answer_with(Body::new(answer)))
}

fn answer_with(body: Body) -> Response {
    let content_type = HeaderValue::from_static("application/x-git-receive-pack-result");
    (NO_CACHE, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// Reads the commands; answers them with the first bytes of the pack, or `None` for the empty probe that git sends before a
/// large push.
///
/// Errors: `Malformed`, `TooLarge`.
async fn read_commands(
    reader: &mut BodyReader,
    limits: &Limits,
    lease: &mut Lease,
    pace: &mut Pace,
) -> Result<Option<(ReceiveRequest, Bytes)>> {
    let mut parser = CommandParser::new(limits);
    let mut bytes = 0;
    while let Some(chunk) = pace.wait(reader.next()).await?.map_err(body_failure)? {
        bytes += chunk.len();
        pace.note(chunk.len());
        lease.grow_to(bytes)?;
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

/// Reads the pack to its end, into memory or into the quarantine.
///
/// Errors: `Malformed` (the client broke off), `TooLarge` (it went on far beyond the limit).
async fn read_pack(
    (reader, mut pace): (BodyReader, Pace),
    handle: &RepositoryHandle,
    limits: &Limits,
    request: &ReceiveRequest,
    rest: Bytes,
    lease: Lease,
) -> Result<Received> {
    if !request.expects_pack() {
        // A push that only deletes sends no pack; what follows anyway is read and forgotten.
        reader.discard(limits.max_command_bytes, &mut pace).await.map_err(body_failure)?;
        return Ok(Received::Pack(None, None));
    }
    let most_bytes = limits.max_pack_bytes;
    let incoming = handle.git().incoming(limits);
    let mut spool = Spool::new(&incoming, most_bytes, lease);
    let mut reader = reader;
    let mut next = Some(rest);
    while let Some(chunk) = next {
        pace.note(chunk.len());
        if let Err(refusal) = spool.push(chunk).await {
            // Nothing of the refused pack stays while its rest is read.
            drop((spool, incoming));
            return refuse(reader, &mut pace, most_bytes, refusal).await;
        }
        next = match pace.wait(reader.next()).await? {
            Ok(chunk) => chunk,
            Err(BodyError::TooLarge { .. }) => {
                drop((spool, incoming));
                return refuse(reader, &mut pace, most_bytes, Refusal::TooLarge).await;
            }
            Err(error) => return Err(body_failure(error)),
        };
    }
    static BYTES: KeptCounter =
        KeptCounter::new(|| metrics::counter!("atomicqms_git_bytes_total", "direction" => "in"));
    BYTES.increment(spool.bytes());
    match spool.finish().await {
        Ok((source, lease)) => Ok(Received::Pack(Some((incoming, source)), lease)),
        Err(refusal) => Ok(Received::Refused(refusal)),
    }
}

/// Reads the rest of a pack that is not wanted, so that the client gets to the report.
async fn refuse(reader: BodyReader, pace: &mut Pace, most_bytes: u64, refusal: Refusal) -> Result<Received> {
    reader.discard(most_bytes, pace).await.map_err(body_failure)?;
    Ok(Received::Refused(refusal))
}
