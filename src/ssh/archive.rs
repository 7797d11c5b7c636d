//! `git-upload-archive` over SSH: arguments in, an archive out, in git's own framing.
//!
//! Owns the way of bytes between the channel and `atomicqms_git::archive`. Called by `session`, after the gate.
//! Source: git-upload-archive(1).

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use atomicqms_git::archive::remote::{ArchiveArguments, ArchiveRequest};
use atomicqms_git::archive::write_archive;
use atomicqms_git::pktline::{self, BandMode, BandWriter};
use tokio::runtime::Handle;

use super::fetch::forward;
use super::session::{Fault, Input, Pipe};
use crate::access::{Caller, Client};
use crate::error::{Error, Kind};
use crate::http::App;
use crate::model::Repository;
use crate::transport::answer;

/// Serves one archive.
///
/// Errors: why there is none.
pub(super) async fn run(app: &App, caller: &Caller, repository: &Repository, pipe: &mut Pipe) -> Result<(), Fault> {
    let view = app.forge.open(repository).await?.view();
    let mut arguments = ArchiveArguments::default();
    let asked = loop {
        match pipe.read().await? {
            Input::Data(bytes) => match arguments.push(&bytes) {
                Ok(false) => {}
                Ok(true) => break arguments.request(&view),
                Err(error) => break Err(error),
            },
            Input::Eof => return Err(Error::new(Kind::Malformed, "the client broke off").into()),
        }
    };
    let mut head = Vec::new();
    let request = match asked {
        Ok(request) => request,
        Err(error) => {
            pktline::put_text(&mut head, &format!("NACK {error}"));
            pktline::put_flush(&mut head);
            pipe.send(head.into()).await?;
            return Err(Fault::Told);
        }
    };
    pktline::put_text(&mut head, "ACK");
    pktline::put_flush(&mut head);
    pipe.send(head.into()).await?;

    let open = app.intake.open_upload(Client::of(caller)).await?;
    let slot = app.intake.upload(&open).await?;
    let (interrupt, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let stall_timeout = Duration::from_secs(app.config.server.stall_timeout_seconds);
    let (writer, pending) = answer::channel(Handle::current(), stall_timeout, Arc::clone(&interrupt), sent);
    let deadline = app.intake.interrupt_after_timeout(&interrupt);
    let span = tracing::Span::current();
    let work = tokio::task::spawn_blocking(move || {
        let _entered = span.entered();
        let _kept = deadline;
        let started = Instant::now();
        let mut writer = writer.with_slot(slot);
        let mut bands = BandWriter::new(&mut writer, BandMode::Large);
        let made = match request {
            ArchiveRequest::List => bands.data(ArchiveRequest::formats()).map_err(atomicqms_git::Error::PeerGone),
            ArchiveRequest::Make { id, options } => {
                write_archive(&view.odb, &id, &options, &mut Banded(&mut bands), &interrupt)
            }
        };
        let ended = match &made {
            Ok(()) => bands.finish().map(drop),
            Err(error) => {
                let text = if error.is_peer_fault() { error.to_string() } else { "internal server error".to_owned() };
                bands.error(&format!("{text}\n")).and_then(|()| bands.finish().map(drop))
            }
        };
        let outcome = if made.is_ok() && ended.is_ok() { "ok" } else { "failed" };
        metrics::counter!("atomicqms_git_operations_total", "service" => "upload-archive", "outcome" => outcome)
            .increment(1);
        metrics::histogram!("atomicqms_git_operation_duration_seconds", "service" => "upload-archive")
            .record(started.elapsed());
        if let Err(error) = made {
            tracing::info!(%error, "an archive was not made");
        }
        // The client may have left; then there is nobody to tell.
        drop(writer.finish());
        outcome == "ok"
    });
    forward(pending, pipe).await?;
    match work.await.map_err(Error::internal)? {
        true => Ok(()),
        false => Err(Fault::Told),
    }
}

/// Bytes on their way into band 1.
struct Banded<'b, 'a>(&'b mut BandWriter<'a>);

impl Write for Banded<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.data(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush_data()
    }
}
