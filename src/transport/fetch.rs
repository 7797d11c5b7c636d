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

use super::answers::{Facts, FlightWriter, Follower, FollowerBody, Found, Kept, KeptBody, Key};
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

impl Fetch {
    /// Answers it; `open` is kept until the client has taken everything.
    ///
    /// Errors: `Overloaded`, `Internal`; all else is told in the protocol's own words.
    pub async fn answer(self, open: OpenUpload) -> Result<Body> {
        let Some(question) = question(self.version, &self.request, self.app.intake.limits()) else {
            return self.alone(None, open).await;
        };
        let key = Key::new(self.repository, &self.view, &question);
        let expected_bytes = self.view.odb.packs().iter().map(|pack| pack.bytes().len() as u64).sum();
        loop {
            match self.app.answers.find(key, expected_bytes) {
                Found::Kept(kept) if !is_well(&kept).await? => self.app.answers.forget(&key, &kept),
                Found::Kept(kept) => {
                    upload::note_kept(&kept);
                    return Ok(Body::new(KeptBody::new(kept, open)));
                }
                Found::Following(follower) => return follow("shared", follower, open).await,
                Found::Shared(writer, follower) => return self.shared(writer, follower, open).await,
                Found::Alone => return self.alone(Some(key), open).await,
            }
        }
    }

    /// Has the answer made for all who ask meanwhile, at the speed of the disk.
    async fn shared(self, mut writer: FlightWriter, follower: Follower, open: OpenUpload) -> Result<Body> {
        let slot = self.app.intake.upload(&open).await?;
        self.work(writer.interrupt(), move |fetch, interrupt| {
            let _slot = slot;
            let started = Instant::now();
            let result = fetch.respond(&mut writer, interrupt);
            upload::note(&result, started.elapsed(), writer.bytes());
            upload::end_shared(writer, result);
        });
        follow("made", follower, open).await
    }

    /// Has the answer made for one, at the speed of the client.
    async fn alone(self, key: Option<Key>, open: OpenUpload) -> Result<Body> {
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
    fn work(self, interrupt: Arc<AtomicBool>, work: impl FnOnce(&Fetch, &AtomicBool) + Send + 'static) {
        let deadline = self.app.intake.interrupt_after_timeout(&interrupt);
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            let _kept = deadline;
            work(&self, &interrupt);
        });
    }

    fn respond(&self, out: &mut dyn Write, interrupt: &AtomicBool) -> atomicqms_git::Result<UploadStats> {
        let git = self.handle.git();
        let list_bundles = || bundles::offers(&git, &self.view, interrupt);
        let options = UploadOptions { bundles: Some(&list_bundles) };
        respond_with(&self.view, self.version, &self.request, self.app.intake.limits(), options, out, interrupt)
    }
}

/// Sends what is being made.
async fn follow(from: &'static str, follower: Follower, open: OpenUpload) -> Result<Body> {
    count(from);
    let follower = follower.ready().await.map_err(Error::internal)?;
    Ok(Body::new(FollowerBody::new(follower, open)))
}

fn count(from: &'static str) {
    metrics::counter!("atomicqms_answers_total", "from" => from).increment(1);
}

/// Looks at a kept answer before it is sent, unless somebody did lately.
async fn is_well(kept: &Arc<Kept>) -> Result<bool> {
    if kept.is_damaged() {
        return Ok(false);
    }
    if !kept.is_check_due() {
        return Ok(true);
    }
    let kept = Arc::clone(kept);
    tokio::task::spawn_blocking(move || kept.check()).await.map_err(Error::internal)
}
