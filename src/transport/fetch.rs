//! A request for refs or a pack that has been read whole, and the body that answers it: from what is kept, from what is just being made for
//! somebody else, or newly made.
//!
//! Owns the choice and the work on the blocking pool. Rights were asked before; what an answer holds is `atomicqms_git::upload`'s. Called by
//! `http/git/upload.rs`.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use atomicqms_actors::repository::RepositoryHandle;
use atomicqms_git::View;
use atomicqms_git::protocol::ProtocolVersion;
use atomicqms_git::upload::{UploadOptions, UploadStats, question, respond_with};
use axum::body::Body;
use bytes::Bytes;
use tokio::runtime::Handle;

use super::answers::{Facts, FlightWriter, FollowerBody, Found, Kept, KeptBody, Key};
use super::{answer, bundles, upload};
use crate::error::{Error, Result};
use crate::forge::intake::OpenUpload;
use crate::http::App;
use crate::http::body_memory::Lease;
use crate::model::RepoId;

/// A request that has been read.
pub struct Fetch {
    /// The server.
    pub app: App,
    /// The repository that is asked.
    pub repository: RepoId,
    /// It, opened.
    pub handle: RepositoryHandle,
    /// What it holds, for whoever asks.
    pub view: Arc<View>,
    /// What the client speaks.
    pub version: ProtocolVersion,
    /// The whole body, decompressed.
    pub request: Bytes,
    /// What the body takes of the memory for bodies.
    pub lease: Lease,
}

/// A longer request is read off the async runtime.
const INLINE_REQUEST_BYTES: usize = 64 * 1024;
/// How often an answer that breaks off before its first byte is asked for anew, before it is made for the one who asks.
const MAX_TRIES: usize = 3;

impl Fetch {
    /// Answers it; `open` is kept until the client has taken everything.
    ///
    /// Errors: `Overloaded`, `Internal`; all else is told in the protocol's own words.
    pub async fn answer(self, open: OpenUpload) -> Result<Body> {
        let fetch = Arc::new(self);
        let Some(key) = fetch.key().await? else { return fetch.alone(None, open).await };
        let expected_bytes = fetch.view.odb.packs().iter().map(|pack| pack.bytes().len() as u64).sum();
        for _ in 0..MAX_TRIES {
            let follower = match fetch.app.answers.find(key, expected_bytes) {
                Found::Alone => break,
                Found::Kept(kept) if is_well(&kept).await? => {
                    upload::note_kept(&kept);
                    let kept = fetch.app.answers.lift(key, kept).await;
                    return Ok(Body::new(KeptBody::new(kept, open)));
                }
                Found::Kept(kept) => {
                    fetch.app.answers.forget(&key, &kept);
                    continue;
                }
                Found::Following(follower) => {
                    count("shared");
                    follower
                }
                Found::Shared(writer, follower) => {
                    count("made");
                    fetch.share(writer, &open).await?;
                    follower
                }
            };
            // Who was to make it may have left while it waited for its turn, or the disk may have refused.
            if let Ok(follower) = follower.ready().await {
                return Ok(Body::new(FollowerBody::new(follower, open)));
            }
        }
        fetch.alone(Some(key), open).await
    }

    /// Names the answer; `None` for what has none that could be kept.
    async fn key(self: &Arc<Self>) -> Result<Option<Key>> {
        let fetch = Arc::clone(self);
        let read = move || {
            let question = question(fetch.version, &fetch.request, fetch.app.intake.limits())?;
            Some(Key::new(fetch.repository, &fetch.view, &question))
        };
        match self.request.len() <= INLINE_REQUEST_BYTES {
            true => Ok(read()),
            false => tokio::task::spawn_blocking(read).await.map_err(Error::internal),
        }
    }

    /// Has the answer made for all who ask meanwhile, at the speed of the disk.
    async fn share(self: &Arc<Self>, mut writer: FlightWriter, open: &OpenUpload) -> Result<()> {
        let slot = self.app.intake.upload(open).await?;
        self.work(writer.interrupt(), move |fetch, interrupt| {
            let _slot = slot;
            let started = Instant::now();
            let result = fetch.respond(&mut writer, interrupt);
            upload::note(&result, started.elapsed(), writer.bytes());
            upload::end_shared(writer, result);
        });
        Ok(())
    }

    /// Has the answer made for one, at the speed of the client.
    async fn alone(self: &Arc<Self>, key: Option<Key>, open: OpenUpload) -> Result<Body> {
        let slot = self.app.intake.upload(&open).await?;
        let interrupt = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU64::new(0));
        let stall_timeout = Duration::from_secs(self.app.config.server.stall_timeout_seconds);
        let (writer, pending) =
            answer::channel(Handle::current(), stall_timeout, Arc::clone(&interrupt), Arc::clone(&sent));
        self.work(interrupt, move |fetch, interrupt| {
            let started = Instant::now();
            let mut writer = writer.with_slot(slot);
            let result = fetch.respond(&mut writer, interrupt);
            upload::note(&result, started.elapsed(), sent.load(Ordering::Relaxed));
            // Before it is sent: whoever asks next finds it.
            if let (Some(key), Ok(stats), Some(whole)) = (key, &result, writer.unsent()) {
                fetch.app.answers.keep(key, whole, Facts::of(stats));
            }
            upload::end(writer, result);
        });
        count("made");
        let answer = pending.ready().await.map_err(Error::internal)?;
        Ok(Body::new(answer.holding(open)))
    }

    /// Runs the work on the blocking pool, interrupted when it takes too long.
    fn work(self: &Arc<Self>, interrupt: Arc<AtomicBool>, work: impl FnOnce(&Fetch, &AtomicBool) + Send + 'static) {
        let fetch = Arc::clone(self);
        let deadline = self.app.intake.interrupt_after_timeout(&interrupt);
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            let _kept = deadline;
            work(&fetch, &interrupt);
        });
    }

    fn respond(&self, out: &mut dyn Write, interrupt: &AtomicBool) -> atomicqms_git::Result<UploadStats> {
        let git = self.handle.git();
        let list_bundles = || bundles::offers(&git, &self.view, interrupt);
        let options = UploadOptions { bundles: Some(&list_bundles) };
        respond_with(&self.view, self.version, &self.request, self.app.intake.limits(), options, out, interrupt)
    }
}

fn count(from: &'static str) {
    metrics::counter!("atomicqms_answers_total", "from" => from).increment(1);
}

/// Looks at a kept answer before it is sent, unless somebody did lately.
async fn is_well(kept: &Arc<Kept>) -> Result<bool> {
    if kept.is_damaged() {
        return Ok(false);
    }
    if !kept.takes_check() {
        return Ok(true);
    }
    let kept = Arc::clone(kept);
    tokio::task::spawn_blocking(move || kept.check()).await.map_err(Error::internal)
}
