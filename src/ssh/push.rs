//! `git-receive-pack` over SSH: commands, the pack, the report, on one stream.
//!
//! Owns finding the end of the pack, which nothing announces: the client may keep its side open while it waits for the report. What came
//! lands as over HTTP, in a detached task. Called by `session`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use atomicqms_actors::repository::RepositoryHandle;
use atomicqms_git::protocol::{ProtocolVersion, Service};
use atomicqms_git::receive::{CommandParser, PackEnd, Parsed, ReceiveRequest};
use bytes::Bytes;
use tokio::runtime::Handle;

use super::fetch::forward;
use super::session::{Fault, Input, Pipe};
use crate::access::{Caller, Client, RepoPath};
use crate::error::{Error, Kind};
use crate::http::App;
use crate::http::body_memory::Lease;
use crate::transport::pace::Pace;
use crate::transport::spool::{Received, Spool};
use crate::transport::{Offer, Stream, advertisement, answer, receive};

/// Serves one push.
///
/// Errors: those of the gate; why the push did not get to its report.
pub(super) async fn run(
    app: &App,
    caller: &Caller,
    path: &RepoPath,
    version: ProtocolVersion,
    pipe: &mut Pipe,
) -> Result<(), Fault> {
    let permit = receive::authorize(app, caller, path, || Ok(())).await?;
    let repository = &permit.subject().repository;
    let handle = app.forge.open(repository).await?;
    let nonce = app.intake.nonces().make(repository.id, app.forge.clock.now());
    let offer = Offer {
        service: Service::ReceivePack,
        version,
        stream: Stream::Open,
        push_cert_nonce: Some(nonce),
        offers_refs_by_name: app.config.git.advertise_ref_in_want,
        has_bundles: false,
    };
    let offer = advertisement(&app.advertisements, handle.view(), offer).await?;
    metrics::counter!("atomicqms_git_bytes_total", "direction" => "out").increment(offer.len() as u64);
    pipe.send(offer).await?;
    let client = Client::of(caller);
    let mut lease = app.body_memory.lease(client);
    let Some((request, rest)) = read_commands(app, pipe, &mut lease).await? else { return Ok(()) };
    let open = app.intake.open_receive(client).await?;
    let pack_lease = app.body_memory.lease(client);
    let received = read_pack((app, client), pipe, &handle, &request, rest, pack_lease).await?;

    let (sent, never) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let stall_timeout = Duration::from_secs(app.config.server.stall_timeout_seconds);
    let (writer, pending) = answer::channel(Handle::current(), stall_timeout, never, Arc::clone(&sent));
    let landing = app.clone();
    // Detached: a client that leaves cannot stop a commit half way.
    app.work.spawn(async move {
        let _kept = (open, lease);
        receive::conclude(&landing, permit, handle, request, received, writer, sent).await;
    });
    forward(pending, pipe).await
}

/// Reads the commands; answers them with the first bytes of the pack, or `None` for a client that has nothing to push.
async fn read_commands(
    app: &App,
    pipe: &mut Pipe,
    lease: &mut Lease,
) -> Result<Option<(ReceiveRequest, Bytes)>, Fault> {
    let mut bytes = 0;
    let mut parser = CommandParser::new(app.intake.limits());
    let mut has_begun = false;
    loop {
        match pipe.read().await {
            Ok(Input::Data(data)) => {
                has_begun = true;
                bytes += data.len();
                lease.grow_to(bytes)?;
                match parser.push(&data).map_err(Error::from)? {
                    Parsed::NeedMore => {}
                    Parsed::Done { request, pack_starts_at } => {
                        let rest = data.slice(pack_starts_at..);
                        return Ok((!request.commands.is_empty()).then_some((request, rest)));
                    }
                }
            }
            Ok(Input::Eof) | Err(Fault::Gone) if !has_begun => return Ok(None),
            Ok(Input::Eof) => return Err(broke_off()),
            Err(fault) => return Err(fault),
        }
    }
}

/// Reads the pack to its end, into memory or into the quarantine.
async fn read_pack(
    (app, client): (&App, Client),
    pipe: &mut Pipe,
    handle: &RepositoryHandle,
    request: &ReceiveRequest,
    rest: Bytes,
    lease: Lease,
) -> Result<Received, Fault> {
    if !request.expects_pack() {
        return Ok(Received::Pack(None, None));
    }
    let patience = Duration::from_secs(app.config.server.crowded_stall_timeout_seconds);
    let mut pace = Pace::new(app.intake.receive_crowd(client), patience);
    let limits = app.intake.limits();
    let most_bytes = limits.max_pack_bytes;
    let incoming = handle.git().incoming(limits);
    let mut kept = Ok((Spool::new(&incoming, most_bytes, lease), incoming));
    let (mut end, mut bytes) = (PackEnd::new(), 0_u64);
    let mut next = rest;
    loop {
        bytes = bytes.saturating_add(next.len() as u64);
        pace.note(next.len());
        let is_whole = !next.is_empty() && end.push(&next);
        if let Ok((spool, _)) = &mut kept
            && let Err(refusal) = spool.push(next).await
        {
            // Nothing of the refused pack stays while its rest is read, so that the client gets to the report.
            kept = Err(refusal);
        }
        if is_whole {
            break;
        }
        if bytes > most_bytes.saturating_mul(2) {
            // It would go on for ever: the report is sent anyway, whether or not it is read.
            break;
        }
        next = match pace.wait(pipe.read()).await?? {
            Input::Data(data) => data,
            // A client that closes its side sends no more; whether the pack is whole, indexing tells.
            Input::Eof => break,
        };
    }
    metrics::counter!("atomicqms_git_bytes_total", "direction" => "in").increment(bytes);
    match kept {
        Ok((spool, incoming)) => Ok(match spool.finish().await {
            Ok((source, lease)) => Received::Pack(Some((incoming, source)), lease),
            Err(refusal) => Received::Refused(refusal),
        }),
        Err(refusal) => Ok(Received::Refused(refusal)),
    }
}

fn broke_off() -> Fault {
    Error::new(Kind::Malformed, "the client broke off before its commands were complete").into()
}
