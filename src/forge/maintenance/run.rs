//! The run of each job. Owns the order of its steps; every one may be repeated, so a job may end anywhere.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use atomicqms_actors::error::BoxError;
use atomicqms_actors::jobs::Running;
use atomicqms_actors::{
    Deadline, Directory, Error as ActorError, Job, JobOutcome, Readers, RepositoryHandle, RunJob, Writer,
};
use atomicqms_git as git;
use git::maintenance::{
    self, AfterPublish, CollectOptions, CompressOptions, ConsolidateOptions, Prepared, PreparedStats, Published,
    Removal,
};

use super::{COLLECT, COMPRESS, CONSOLIDATE, SETTLE, Settings};
use crate::db;
use crate::model::{Clock, RepoId};

/// Longest wait for the repository's turn.
const TURN_TIME: Duration = Duration::from_secs(60);
/// Wait after the repository changed under the work.
const AGAIN_SOON: Duration = Duration::from_secs(5);

/// What a runner works with.
pub struct RunnerParts {
    /// Repository actors.
    pub directory: Directory,
    /// Read-only connections.
    pub readers: Readers,
    /// Where follow-up jobs and sizes go.
    pub writer: Writer,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub settings: Settings,
    /// What follows a new set of packs, such as a commit-graph.
    pub derived: Vec<Arc<dyn AfterPublish>>,
}

/// Runs the jobs of maintenance; cheap to clone.
#[derive(Clone)]
pub struct Runner(pub(super) Arc<RunnerParts>);

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tidied {
    /// The repository is in order, or gone.
    Nothing,
    /// New packs are in use.
    Published(PreparedStats),
    /// The repository changed under the work, or is in use; begin again later.
    Again(Duration),
}

pub(super) type Result<T> = std::result::Result<T, BoxError>;

impl RunJob for Runner {
    fn run(&self, job: Job, stop: Arc<AtomicBool>) -> Running {
        let runner = self.clone();
        Box::pin(async move { runner.run_job(&job, &stop).await })
    }
}

impl Runner {
    /// Puts a runner together.
    pub fn new(parts: RunnerParts) -> Self {
        Self(Arc::new(parts))
    }

    async fn run_job(&self, job: &Job, stop: &Arc<AtomicBool>) -> Result<JobOutcome> {
        let repo = RepoId::new(job.key.parse()?);
        let Some(handle) = self.open(repo).await? else { return Ok(JobOutcome::Done) };
        let tidied = match job.kind.as_str() {
            CONSOLIDATE => {
                let removal = self.remove_retired(&handle).await?;
                match self.consolidate(&handle, false, stop).await? {
                    Tidied::Nothing if removal.pending > 0 => Tidied::Again(self.0.settings.removal_delay),
                    tidied => tidied,
                }
            }
            COLLECT => self.collect(&handle, stop).await?,
            COMPRESS => match self.noise(repo).await? {
                Some(wait) => Tidied::Again(wait),
                None => self.compress(&handle, stop).await?,
            },
            SETTLE => match self.noise(repo).await? {
                Some(wait) => Tidied::Again(wait),
                None => self.settle(&handle, stop).await?,
            },
            other => return Err(format!("no job is called {other:?}").into()),
        };
        match tidied {
            Tidied::Nothing => Ok(JobOutcome::Done),
            Tidied::Again(after) => Ok(JobOutcome::Later(after)),
            Tidied::Published(_) => {
                self.follow_up(repo, &handle, job.kind == CONSOLIDATE).await?;
                Ok(JobOutcome::Done)
            }
        }
    }

    /// Joins what a time of pushes left, and lets everything that is derived from objects follow.
    async fn settle(&self, handle: &RepositoryHandle, stop: &Arc<AtomicBool>) -> Result<Tidied> {
        let tidied = match handle.view().odb.packs().len() >= self.0.settings.quiet_pack_threshold {
            true => self.consolidate(handle, false, stop).await?,
            false => Tidied::Nothing,
        };
        match tidied {
            Tidied::Nothing => self.derive(handle, stop).await,
            Tidied::Again(_) => return Ok(tidied),
            // What is derived has followed already.
            Tidied::Published(_) => self.follow_up(RepoId::new(handle.id()), handle, true).await?,
        }
        self.bundle(handle, stop, false).await?;
        Ok(Tidied::Nothing)
    }

    /// Opens a repository; `None` if it was deleted.
    ///
    /// Errors: those of the directory.
    pub async fn open(&self, repo: RepoId) -> Result<Option<RepositoryHandle>> {
        match self.0.directory.open(repo.get()).await {
            Ok(handle) => Ok(Some(handle)),
            Err(ActorError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Joins packs and folds loose objects in; with `all`, into one pack.
    ///
    /// Errors: those of the engine and of the actors.
    pub async fn consolidate(&self, handle: &RepositoryHandle, all: bool, stop: &Arc<AtomicBool>) -> Result<Tidied> {
        let options = ConsolidateOptions { factor: self.0.settings.geometric_factor, all };
        let work = move |git: &git::Repository, _: &git::View, stop: &AtomicBool| {
            maintenance::consolidate(git, &options, stop)
        };
        self.tidy(handle, "consolidate", stop, work).await
    }

    /// Moves unreachable objects aside and removes expired ones.
    ///
    /// Errors: those of the engine and of the actors.
    pub async fn collect(&self, handle: &RepositoryHandle, stop: &Arc<AtomicBool>) -> Result<Tidied> {
        // Loose objects that somebody made by hand are only seen now; replaced files must be gone before, or they would be seen, too.
        let look = |git: &git::Repository, _: &git::View| {
            let removal = git.remove_retired()?;
            if removal.pending == 0 {
                git.refresh()?;
            }
            Ok(removal)
        };
        let removal = handle.in_turn("look at the objects", look, Deadline::after(TURN_TIME)).await?;
        if removal.pending > 0 {
            return Ok(Tidied::Again(self.0.settings.removal_delay));
        }
        let (repo, since) = (RepoId::new(handle.id()), self.0.clock.now().plus_ms(-self.0.settings.unreachable_ms()));
        let read = move |conn: &dyn atomicqms_actors::sql::Connection| {
            Ok::<_, ActorError>(db::refs::recent_values(conn, repo, since)?)
        };
        let mut remembered = self.0.readers.read("recent values of refs", read).await?;
        remembered.sort_unstable();
        remembered.dedup();
        let expire_before_s = u64::try_from(since.get() / 1000).unwrap_or(0);
        let work = move |git: &git::Repository, view: &git::View, stop: &AtomicBool| {
            let tips = view.refs.iter().map(|reference| reference.target).collect();
            maintenance::collect(git, &CollectOptions { tips, remembered, expire_before_s }, stop)
        };
        self.tidy(handle, "collect", stop, work).await
    }

    /// Searches deltas for objects stored whole.
    ///
    /// Errors: those of the engine and of the actors.
    pub async fn compress(&self, handle: &RepositoryHandle, stop: &Arc<AtomicBool>) -> Result<Tidied> {
        let memory_bytes = self.0.settings.delta_memory_bytes;
        let work = move |git: &git::Repository, view: &git::View, stop: &AtomicBool| {
            let tips = view.refs.iter().map(|reference| reference.target).collect();
            maintenance::compress(git, &CompressOptions { tips, memory_bytes, ..CompressOptions::default() }, stop)
        };
        self.tidy(handle, "compress", stop, work).await
    }

    /// Removes the files of earlier replacements.
    ///
    /// Errors: those of the engine and of the actors.
    pub async fn remove_retired(&self, handle: &RepositoryHandle) -> Result<Removal> {
        let remove = |git: &git::Repository, _: &git::View| git.remove_retired();
        let removal = handle.in_turn("remove replaced files", remove, Deadline::after(TURN_TIME)).await?;
        if removal.packs > 0 || removal.loose > 0 {
            metrics::counter!("atomicqms_maintenance_removed_packs_total").increment(removal.packs);
            tracing::info!(
                repo.id = handle.id(),
                packs = removal.packs,
                loose = removal.loose,
                bytes = removal.bytes,
                "replaced files were removed"
            );
        }
        Ok(removal)
    }

    /// The long phase outside of the turn, then the short one inside.
    async fn tidy(
        &self,
        handle: &RepositoryHandle,
        what: &'static str,
        stop: &Arc<AtomicBool>,
        work: impl FnOnce(&git::Repository, &git::View, &AtomicBool) -> git::Result<Option<Prepared>> + Send + 'static,
    ) -> Result<Tidied> {
        let (seen, flag) = (handle.clone(), Arc::clone(stop));
        let prepared = tokio::task::spawn_blocking(move || {
            let Some(mut prepared) = work(&seen.git(), &seen.view(), &flag)? else { return Ok(None) };
            let is_current = prepared.catch_up(&seen.view(), &flag)?;
            Ok::<_, git::Error>(Some((prepared, is_current)))
        })
        .await??;
        let Some((prepared, is_current)) = prepared else { return Ok(Tidied::Nothing) };
        let (stats, removed) = (prepared.stats(), prepared.removed_ids().to_vec());
        if !is_current {
            return Ok(Tidied::Again(AGAIN_SOON));
        }
        let flag = Arc::clone(stop);
        let publish = move |git: &git::Repository, view: &git::View| prepared.publish(git, view, &flag);
        match handle.in_turn("publish packs", publish, Deadline::after(TURN_TIME)).await? {
            Published::Outdated(why) => {
                tracing::info!(repo.id = handle.id(), what, why, "maintenance begins again");
                Ok(Tidied::Again(AGAIN_SOON))
            }
            Published::Done(_) => {
                self.record_expiry(RepoId::new(handle.id()), removed).await?;
                metrics::counter!("atomicqms_maintenance_replaced_packs_total").increment(stats.replaced_packs);
                metrics::counter!("atomicqms_maintenance_removed_objects_total").increment(stats.removed);
                tracing::info!(
                    repo.id = handle.id(),
                    what,
                    replaced.packs = stats.replaced_packs,
                    replaced.bytes = stats.replaced_bytes,
                    replaced.loose = stats.replaced_loose,
                    new.packs = stats.new_packs,
                    new.bytes = stats.new_bytes,
                    new.deltas = stats.new_deltas,
                    unreachable = stats.unreachable,
                    removed = stats.removed,
                    "a repository was tidied"
                );
                self.derive(handle, stop).await;
                Ok(Tidied::Published(stats))
            }
        }
    }

    /// Lets derived data follow the objects, and readers use it. A failure is logged: it costs speed, nothing else.
    ///
    /// Shape: what is not far enough behind stays as it is.
    pub async fn derive(&self, handle: &RepositoryHandle, stop: &Arc<AtomicBool>) {
        for derived in &self.0.derived {
            let (derived, handle, stop) = (Arc::clone(derived), handle.clone(), Arc::clone(stop));
            let repo = handle.id();
            let outcome =
                tokio::task::spawn_blocking(move || derived.derive(&handle.git(), &handle.view(), &stop)).await;
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(repo.id = repo, %error, "derived data could not follow new packs"),
                Err(error) => tracing::warn!(repo.id = repo, %error, "derived data could not follow new packs"),
            }
        }
        // A turn publishes what it finds.
        let publish = |_: &git::Repository, _: &git::View| Ok(());
        if let Err(error) = handle.in_turn("use derived data", publish, Deadline::after(TURN_TIME)).await {
            tracing::warn!(repo.id = handle.id(), %error, "derived data is used after the next push");
        }
    }

    /// Notes the new size, and asks for the removal of what was replaced and for the search of deltas.
    async fn follow_up(&self, repo: RepoId, handle: &RepositoryHandle, is_consolidated: bool) -> Result<()> {
        let size_bytes = i64::try_from(handle.view().odb.size_bytes()).unwrap_or(i64::MAX);
        let settings = self.0.settings.clone();
        let now = self.0.clock.now();
        let follow = move |tx: &dyn atomicqms_actors::sql::Connection| {
            let key = repo.get().to_string();
            let after = |span: Duration| now.plus_ms(i64::try_from(span.as_millis()).unwrap_or(i64::MAX));
            db::repositories::mark_size(tx, repo, size_bytes)?;
            db::jobs::schedule(tx, CONSOLIDATE, &key, after(settings.removal_delay), now)?;
            if is_consolidated && settings.searches_deltas {
                db::jobs::schedule(tx, COMPRESS, &key, after(settings.quiet_period), now)?;
            }
            Ok::<_, ActorError>(())
        };
        Ok(self.0.writer.write("follow up maintenance", follow).await?)
    }

    /// How long to wait until the repository has been quiet for long enough; `None`: it has.
    async fn noise(&self, repo: RepoId) -> Result<Option<Duration>> {
        let read = move |conn: &dyn atomicqms_actors::sql::Connection| {
            Ok::<_, ActorError>(db::repositories::find(conn, repo)?.and_then(|found| found.pushed_ms))
        };
        let Some(pushed) = self.0.readers.read("last push", read).await? else { return Ok(None) };
        let since = self.0.clock.now().get().saturating_sub(pushed.get());
        let since = Duration::from_millis(u64::try_from(since).unwrap_or(0));
        Ok(self.0.settings.quiet_period.checked_sub(since).filter(|wait| !wait.is_zero()))
    }
}
