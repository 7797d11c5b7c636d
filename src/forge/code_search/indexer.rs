//! Keeping the index of code up to date: the job that follows a default branch, and the look at what lags behind after a start.
//!
//! Owns the order of its steps. The difference between the tree that is indexed and the one at the tip is walked in the order of paths; each batch of files is one
//! transaction of the index, together with how far it came, so the job may end anywhere and goes on there. It also counts the languages of a repository and
//! writes them into the database proper. Called by the runner of durable jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use atomicqms_actors::error::BoxError;
use atomicqms_actors::sql::{self, Connection};
use atomicqms_actors::{Derived, Directory, Error as ActorError, Job, JobOutcome, Readers, Writer};
use atomicqms_git as git;
use git::create::commit::CommitDraft;
use git::diff::{Change, Changes, File, Visit};
use git::{ObjectId, View};

use super::{INDEX, Settings};
use crate::db;
use crate::db::code_index::{self, Allowed, Indexed, NewDocument, Place};
use crate::model::code_search::trigram::Gatherer;
use crate::model::language::{Language, is_beside};
use crate::model::{Clock, RepoId};

/// Most files and directories, and bytes of text, in one transaction of the index.
const BATCH_VISITS: usize = 1000;
const BATCH_BYTES: usize = 8 << 20;
/// Files and directories that are visited on the way to one tip, for each file that may be indexed, and in any case. Directories that name each other make trees that
/// nobody can walk to their end.
const VISITS_PER_FILE: i64 = 4;
const VISITS: i64 = 10_000;
/// A repository of which something was left out is indexed anew when so many of the files that may be indexed would fit in again.
const ROOM: i64 = 10;
/// A run ends after this time and goes on when others had theirs.
const RUN_TIME: Duration = Duration::from_secs(3);
/// Documents that are removed in one transaction when a repository goes.
const FORGET_AT_ONCE: i64 = 2000;
/// Wait for a push to become visible to readers, and how often.
const VISIBLE_SOON: Duration = Duration::from_millis(20);
const LOOKS: u32 = 20;
/// Wait while too many repositories are open, or when a push does not become visible.
const CROWDED: Duration = Duration::from_secs(5);
/// Repositories that are compared at once after a start.
const PAGE: i64 = 1000;

type Result<T> = std::result::Result<T, BoxError>;

/// What an indexer works with.
pub struct IndexerParts {
    /// The index.
    pub index: Arc<Derived>,
    /// Repository actors.
    pub directory: Directory,
    /// Read-only connections.
    pub readers: Readers,
    /// Where languages and follow-up jobs go.
    pub writer: Writer,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub settings: Settings,
}

/// Runs the job; cheap to clone.
#[derive(Clone)]
pub struct Indexer(Arc<IndexerParts>);

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Done,
    More,
}

impl Indexer {
    /// Puts an indexer together.
    pub fn new(parts: IndexerParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The index.
    pub(super) fn index(&self) -> &Arc<Derived> {
        &self.0.index
    }

    /// Runs a job of the kind [`INDEX`].
    ///
    /// Errors: those of the engine, of the index and of the database: try again later.
    pub async fn run_job(&self, job: &Job, stop: &Arc<AtomicBool>) -> Result<JobOutcome> {
        let repo = RepoId::new(job.key.parse()?);
        let outcome = match self.follow(repo, stop).await {
            Err(error) if error.downcast_ref::<sql::Error>().is_some_and(sql::Error::is_damage) => {
                self.begin_anew().await?;
                Ok(JobOutcome::Done)
            }
            outcome => outcome,
        };
        self.measure().await?;
        outcome
    }

    /// Brings the index of one repository to the tip of its default branch.
    async fn follow(&self, repo: RepoId, stop: &Arc<AtomicBool>) -> Result<JobOutcome> {
        let look = move |conn: &dyn Connection| {
            let Some(repository) = db::repositories::find(conn, repo)? else { return Ok::<_, ActorError>(None) };
            let branch = format!("refs/heads/{}", repository.default_branch);
            Ok(db::refs::find(conn, repo, &branch)?.map(|tip| tip.target))
        };
        let tip = self.0.readers.read("tip of a default branch", look).await?;
        let step = match tip {
            None => {
                let (indexer, flag) = (self.clone(), Arc::clone(stop));
                tokio::task::spawn_blocking(move || indexer.forget(repo, &flag)).await??
            }
            Some(tip) => {
                let handle = match self.0.directory.open(repo.get()).await {
                    Ok(handle) => handle,
                    // Deleted just now: the next look at the rows says so.
                    Err(ActorError::NotFound { .. }) => return Ok(JobOutcome::Later(Duration::ZERO)),
                    Err(error) if error.is_overload() => return Ok(JobOutcome::Later(CROWDED)),
                    Err(error) => return Err(error.into()),
                };
                // A push becomes visible to readers right after its commit.
                let mut looks = 0;
                let view = loop {
                    let view = handle.view();
                    if view.odb.contains(&tip)? {
                        break view;
                    }
                    looks += 1;
                    if looks > LOOKS {
                        return Ok(JobOutcome::Later(CROWDED));
                    }
                    tokio::time::sleep(VISIBLE_SOON).await;
                };
                let (indexer, flag) = (self.clone(), Arc::clone(stop));
                tokio::task::spawn_blocking(move || indexer.advance(&view, repo, tip, &flag)).await??
            }
        };
        if step == Step::More {
            return Ok(JobOutcome::Later(Duration::ZERO));
        }
        self.write_languages(repo).await?;
        Ok(JobOutcome::Done)
    }

    fn forget(&self, repo: RepoId, stop: &AtomicBool) -> Result<Step> {
        let until = Instant::now() + RUN_TIME;
        while !self.0.index.write(|tx| code_index::forget(tx, repo, FORGET_AT_ONCE))? {
            if Instant::now() >= until || stop.load(Ordering::Relaxed) {
                return Ok(Step::More);
            }
        }
        Ok(Step::Done)
    }

    /// Batch after batch until the tip is reached or the time of one run is over.
    fn advance(&self, view: &View, repo: RepoId, tip: ObjectId, stop: &AtomicBool) -> Result<Step> {
        let tree = CommitDraft::parse(&tip, &view.odb.read(&tip)?.data)?.tree;
        let target = Place { commit: tip, tree };
        let until = Instant::now() + RUN_TIME;
        let mut gatherer = Gatherer::default();
        loop {
            let batch = self.0.index.write(|tx| self.batch(tx, view, repo, target, &mut gatherer, until, stop));
            match batch {
                Ok(Step::Done) => return Ok(Step::Done),
                Ok(Step::More) => {}
                // What was indexed before is not all there any more.
                Err(error) if is_lost(&error) && self.builds_on_other(repo, tip)? => {
                    if self.forget(repo, stop)? == Step::More {
                        return Ok(Step::More);
                    }
                }
                Err(error) => return Err(error),
            }
            if Instant::now() >= until || stop.load(Ordering::Relaxed) {
                return Ok(Step::More);
            }
        }
    }

    /// Whether the work on the index reads any tree but that of the tip; if not, starting over would not help.
    fn builds_on_other(&self, repo: RepoId, tip: ObjectId) -> Result<bool> {
        let found = self.0.index.write(|tx| code_index::find(tx, repo))?;
        Ok(found.is_some_and(|state| state.at.is_some() || state.next.is_some_and(|next| next.commit != tip)))
    }

    /// What may be indexed of each repository.
    fn allowed(&self) -> Allowed {
        let settings = &self.0.settings;
        Allowed {
            has_words: settings.is_enabled,
            file_bytes: i64::try_from(settings.max_file_bytes).unwrap_or(i64::MAX),
            files: settings.max_files,
            words: settings.max_words,
        }
    }

    /// One transaction: as many files as a batch may have.
    #[expect(clippy::too_many_arguments, reason = "what a run is about, and what a transaction of it needs")]
    fn batch(
        &self,
        tx: &dyn Connection,
        view: &View,
        repo: RepoId,
        target: Place,
        gatherer: &mut Gatherer,
        until: Instant,
        stop: &AtomicBool,
    ) -> Result<Step> {
        let allowed = self.allowed();
        let found = code_index::find(tx, repo)?;
        let mut state = found.unwrap_or_else(|| Indexed { allowed: allowed.clone(), ..Indexed::default() });
        let is_there = |place: Option<Place>| place.map_or(Ok(true), |place| view.odb.contains(&place.tree));
        if state.allowed != allowed || !is_there(state.at)? || !is_there(state.next)? {
            code_index::forget(tx, repo, FORGET_AT_ONCE)?;
            return Ok(Step::More);
        }
        let next = match state.next {
            Some(next) => next,
            None if state.at.is_some_and(|at| at.commit == target.commit) => return Ok(Step::Done),
            // What was left out is in no difference to come.
            None if state.is_cut && has_room(&state) => {
                code_index::forget(tx, repo, FORGET_AT_ONCE)?;
                return Ok(Step::More);
            }
            None => target,
        };
        state.next = Some(next);
        let from = state.at.map(|at| at.tree);
        let begun = state.done_path.clone();
        let mut changes = Changes::new(&view.odb, from.as_ref(), Some(&next.tree), begun.clone());
        let most = allowed.files.saturating_mul(VISITS_PER_FILE).saturating_add(VISITS);
        let (mut visits, mut files, mut bytes) = (0, 0_u64, 0);
        while visits < BATCH_VISITS && bytes < BATCH_BYTES && (visits == 0 || Instant::now() < until) {
            let visit = if state.visited < most { changes.next(stop)? } else { None };
            let Some(visit) = visit else {
                state.is_cut |= state.visited >= most;
                state = Indexed { at: Some(next), next: None, done_path: Vec::new(), visited: 0, ..state };
                break;
            };
            if let Visit::File(change) = &visit {
                bytes += self.apply(tx, view, repo, &mut state, change, gatherer)?;
                files += 1;
            }
            let passed = visit.passed();
            // The way to where the last batch ended is no news.
            if !begun.starts_with(&passed) {
                visits += 1;
                state.visited += 1;
                state.done_path = passed;
            }
        }
        metrics::counter!("atomicqms_search_indexed_files_total").increment(files);
        code_index::put(tx, repo, &state)?;
        Ok(Step::More)
    }

    /// Lets the index follow one file; answers the bytes that were looked at.
    fn apply(
        &self,
        tx: &dyn Connection,
        view: &View,
        repo: RepoId,
        state: &mut Indexed,
        change: &Change,
        gatherer: &mut Gatherer,
    ) -> Result<usize> {
        let file = change.after.as_ref().filter(|file| file.mode.is_regular());
        if let Some(file) = file
            && is_full(state)
            && !code_index::has_document(tx, repo, &file.path)?
        {
            state.is_cut = true;
            return Ok(0);
        }
        let (new, bytes) = match file {
            Some(file) => self.read(view, file, state.allowed.has_words, gatherer)?,
            None => (None, 0),
        };
        match new {
            Some(new) => state.is_cut |= !code_index::put_document(tx, repo, state, new)?,
            None => {
                let gone = change.after.as_ref().or(change.before.as_ref());
                if let Some(File { path, .. }) = gone {
                    code_index::delete_document(tx, repo, state, path)?;
                }
            }
        }
        Ok(bytes)
    }

    /// What the index has to know of a file; none: nothing.
    fn read<'f>(
        &self,
        view: &View,
        file: &'f File,
        has_words: bool,
        gatherer: &mut Gatherer,
    ) -> Result<(Option<NewDocument<'f>>, usize)> {
        let lost = || git::Error::Lost { id: file.id };
        let (_, size) = view.odb.header(&file.id)?.ok_or_else(lost)?;
        let mut data = Vec::new();
        let is_read = size <= self.0.settings.max_file_bytes;
        if is_read {
            view.odb.find(&file.id, &mut data)?.ok_or_else(lost)?;
            if git::diff::is_binary(&data) {
                return Ok((None, data.len()));
            }
        }
        let language = Language::of_file(&file.path, &data);
        let is_counted = language.is_some_and(Language::is_counted) && !is_beside(&file.path);
        let words = (has_words && is_read).then(|| gatherer.words(&String::from_utf8_lossy(&data)));
        if words.is_none() && !is_counted {
            return Ok((None, data.len()));
        }
        let new = NewDocument {
            path: &file.path,
            language: language.map_or("", |language| language.name),
            size_bytes: if is_counted { i64::try_from(size).unwrap_or(0) } else { 0 },
            words,
        };
        Ok((Some(new), data.len()))
    }

    /// Writes the languages of a repository where they are shown, if they changed.
    async fn write_languages(&self, repo: RepoId) -> Result<()> {
        let list = move |conn: &dyn Connection| Ok::<_, ActorError>(code_index::list_languages(conn, repo)?);
        let mut counted = self.0.index.read("languages of a repository", list).await?;
        counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let read = move |conn: &dyn Connection| Ok::<_, ActorError>(db::languages::list(conn, repo)?);
        if self.0.readers.read("languages of a repository", read).await? != counted {
            let replace = move |tx: &dyn Connection| Ok::<_, ActorError>(db::languages::replace(tx, repo, &counted)?);
            self.0.writer.write("languages of a repository", replace).await?;
        }
        Ok(())
    }

    /// Throws a damaged index away and asks for a new one.
    pub(super) async fn begin_anew(&self) -> std::result::Result<(), ActorError> {
        let index = Arc::clone(&self.0.index);
        let reset = tokio::task::spawn_blocking(move || index.reset()).await;
        reset.map_err(|_| ActorError::Lost { what: "index" })??;
        self.catch_up().await.map(drop)
    }

    /// Asks for the index of every repository that is not at the tip of its default branch; answers how many these are.
    ///
    /// Errors: the rows cannot be read or written.
    pub async fn catch_up(&self) -> std::result::Result<usize, ActorError> {
        let allowed = self.allowed();
        let (mut after, mut count) = (RepoId::new(0), 0);
        loop {
            let page =
                move |conn: &dyn Connection| Ok::<_, ActorError>(db::repositories::list_tips_after(conn, after, PAGE)?);
            let tips = self.0.readers.read("tips of default branches", page).await?;
            let is_last = i64::try_from(tips.len()).unwrap_or(PAGE) < PAGE;
            let up_to = if is_last { RepoId::new(i64::MAX) } else { tips.last().map_or(after, |last| last.0) };
            let known = move |conn: &dyn Connection| Ok::<_, ActorError>(code_index::list_commits(conn, after, up_to)?);
            let known = self.0.index.read("indexed commits", known).await?;
            let behind = behind(&tips, &known, &allowed);
            count += behind.len();
            if !behind.is_empty() {
                let now = self.0.clock.now();
                let schedule = move |tx: &dyn Connection| {
                    for repo in behind {
                        db::jobs::schedule(tx, INDEX, &repo.get().to_string(), now, now)?;
                    }
                    Ok::<_, ActorError>(())
                };
                self.0.writer.write("ask for indices", schedule).await?;
            }
            if is_last {
                return Ok(count);
            }
            after = up_to;
        }
    }

    async fn measure(&self) -> Result<()> {
        let count = |conn: &dyn Connection| Ok::<_, ActorError>(db::jobs::count_waiting(conn, INDEX)?);
        let waiting = self.0.readers.read("waiting indices", count).await?;
        metrics::gauge!("atomicqms_search_waiting_repositories").set(waiting as f64);
        metrics::gauge!("atomicqms_search_index_bytes").set(self.0.index.size_bytes() as f64);
        Ok(())
    }
}

/// Which repositories are not indexed as they are now, those that are no more included: plain data in and out.
///
/// Shape: both in order of ids and about the same range of them.
fn behind(
    tips: &[(RepoId, Option<ObjectId>)],
    known: &[(RepoId, Option<ObjectId>, Allowed)],
    allowed: &Allowed,
) -> Vec<RepoId> {
    let find = |repo: RepoId| known.binary_search_by_key(&repo, |one| one.0).ok().and_then(|at| known.get(at));
    let lags = tips.iter().filter(|(repo, tip)| match (tip, find(*repo)) {
        (None, None) => false,
        (Some(tip), Some((_, Some(commit), was_allowed))) => tip != commit || was_allowed != allowed,
        _ => true,
    });
    let gone = known.iter().filter(|(repo, ..)| tips.binary_search_by_key(repo, |one| one.0).is_err());
    lags.map(|one| one.0).chain(gone.map(|one| one.0)).collect()
}

/// No file fits in any more.
fn is_full(state: &Indexed) -> bool {
    state.files >= state.allowed.files || state.words >= state.allowed.words
}

/// Much of what was left out may fit in.
fn has_room(state: &Indexed) -> bool {
    let is_below = |count: i64, most: i64| count < most - most / ROOM;
    is_below(state.files, state.allowed.files) && is_below(state.words, state.allowed.words)
}

fn is_lost(error: &BoxError) -> bool {
    matches!(
        error.downcast_ref::<git::Error>(),
        Some(git::Error::Lost { .. } | git::Error::WrongKind { .. } | git::Error::Corrupt { .. })
    )
}

#[cfg(test)]
mod tests;
