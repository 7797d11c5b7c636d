//! `git-upload-pack` over SSH: a conversation in which every complete message is answered on a blocking thread.
//!
//! Owns the way of bytes between the channel and `atomicqms_git::upload::UploadSession`. No thread and no place among the pack
//! generators is held while the client is awaited. Called by `session`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use atomicqms_git::protocol::{ProtocolVersion, Service};
use atomicqms_git::upload::UploadSession;
use tokio::runtime::Handle;

use super::session::{Fault, Input, Pipe};
use crate::access::action::CloneRepository;
use crate::access::{Caller, Client, RepoPath};
use crate::error::{Error, Kind};
use crate::http::App;
use crate::transport::{Offer, Stream, advertisement, answer, upload};

/// Serves one conversation.
///
/// Errors: those of the gate; why the conversation did not reach its end.
pub(super) async fn run(
    app: &App,
    caller: &Caller,
    path: &RepoPath,
    version: ProtocolVersion,
    pipe: &mut Pipe,
) -> Result<(), Fault> {
    let repository = app.forge.authorize(caller, CloneRepository, path).await?.into_subject().repository;
    let view = app.forge.open(&repository).await?.view();
    // Bundles are served by HTTP, where this client's key is worth nothing.
    let offer = Offer {
        service: Service::UploadPack,
        version,
        stream: Stream::Open,
        push_cert_nonce: None,
        offers_refs_by_name: app.config.git.advertise_ref_in_want,
        has_bundles: false,
    };
    let offer = advertisement(&app.advertisements, Arc::clone(&view), offer).await?;
    metrics::counter!("atomicqms_git_bytes_total", "direction" => "out").increment(offer.len() as u64);
    pipe.send(offer).await?;
    let client = Client::of(caller);
    let mut session = UploadSession::new(view, version, app.intake.limits().clone());
    // What has arrived of the next message, counted with all bodies that are held in memory.
    let (mut held_bytes, mut lease) = (0, app.body_memory.lease(client));
    while !session.is_over() {
        if session.is_ready() {
            session = answer(app, client, session, pipe).await?;
            (held_bytes, lease) = (0, app.body_memory.lease(client));
            continue;
        }
        match pipe.read().await {
            Ok(Input::Data(data)) => {
                metrics::counter!("atomicqms_git_bytes_total", "direction" => "in").increment(data.len() as u64);
                held_bytes += data.len();
                lease.grow_to(held_bytes)?;
                session.push(&data);
            }
            Ok(Input::Eof) | Err(Fault::Gone) if session.may_end() => return Ok(()),
            Ok(Input::Eof) => return Err(Error::new(Kind::Malformed, "the client broke off").into()),
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Answers one message and gives the session back.
async fn answer(
    app: &App,
    client: Client,
    mut session: UploadSession,
    pipe: &mut Pipe,
) -> Result<UploadSession, Fault> {
    // Kept until the client has taken the answer.
    let open = app.intake.open_upload(client).await?;
    let slot = app.intake.upload(&open).await?;
    let interrupt = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let stall_timeout = Duration::from_secs(app.config.server.stall_timeout_seconds);
    let (writer, pending) =
        answer::channel(Handle::current(), stall_timeout, Arc::clone(&interrupt), Arc::clone(&sent));
    let deadline = app.intake.interrupt_after_timeout(&interrupt);
    let span = tracing::Span::current();
    let work = tokio::task::spawn_blocking(move || {
        let _entered = span.entered();
        let _kept = deadline;
        let started = Instant::now();
        let mut writer = writer.with_slot(slot);
        let result = session.answer(&mut writer, &interrupt);
        upload::note(&result, started.elapsed(), sent.load(Ordering::Relaxed));
        let is_refused = result.is_err();
        upload::end(writer, result);
        (session, is_refused)
    });
    pipe.crowd = Some(app.intake.upload_crowd(client));
    let told = forward(pending, pipe).await;
    pipe.crowd = None;
    drop(open);
    let (session, is_refused) = work.await.map_err(Error::internal)?;
    match told {
        Ok(()) if is_refused => Err(Fault::Told),
        Ok(()) => Ok(session),
        Err(fault) => Err(fault),
    }
}

/// Sends an answer as it is made. What breaks off before its end is no answer.
pub(super) async fn forward(pending: answer::Pending, pipe: &mut Pipe) -> Result<(), Fault> {
    let mut answer = pending.ready().await.map_err(|_| Fault::Told)?;
    while let Some(part) = answer.next().await {
        pipe.send(part.map_err(|_| Fault::Told)?).await?;
    }
    Ok(())
}
