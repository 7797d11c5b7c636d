//! Searching the files of default branches.
//!
//! Owns who may search what and what is shown of it. The index only says where to look: which repositories a caller may read is asked of current rows when the
//! search begins, of the gate before a repository is opened, and of the gate again before the answer leaves; and every line that is shown was read from the present tip of
//! the repository. Keeping the index up to date is [`indexer`]'s. Called by the API.

pub mod indexer;
mod look;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atomicqms_actors::sql::{self, Connection};
use atomicqms_actors::{Deadline, Error as ActorError, Gate, Pass, Share, Shares};
use atomicqms_git::ObjectId;

use super::Forge;
use super::repositories::viewer_of;
use crate::access::action::{ReadCode, RepoPath, SearchCode};
use crate::access::{Caller, Client, Permit, authorize};
use crate::db;
use crate::db::code_index::{self, Candidate};
use crate::error::{Error, Kind, Result};
use crate::model::code_search::CodeQuery;
use crate::model::code_search::lines::LineMatch;
use crate::model::{Page, RepoId, Repository, UtcMs};
use indexer::Indexer;
use look::{Look, Looked};

/// Kind of the job that brings the index of a repository up to date; its key is the repository.
pub const INDEX: &str = "repository.index";
/// So long after a change it is due: several changes cost one run. Units: milliseconds.
const REST_MS: i64 = 500;
/// Files that are looked into before the index is asked for more.
const BATCH: usize = 48;
/// Numbers that the index is asked for at once.
const NUMBERS: i64 = 256;
/// Up to so many repositories the index is asked about each of them alone.
const FEW_REPOSITORIES: usize = 64;
/// Most repositories that are searched.
const MAX_REPOSITORIES: i64 = 200_000;
/// Searches that may wait for each that may run.
const WAITING_PER_PLACE: usize = 16;
/// How long one waits before it is answered that the server is busy.
const WAIT: Duration = Duration::from_secs(20);

/// What an administrator may tune about searching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Files can be searched.
    pub is_enabled: bool,
    /// Largest file that is searched. Units: bytes.
    pub max_file_bytes: u64,
    /// Most files of one repository.
    pub max_files: i64,
    /// Most trigrams of one repository's files, each counted once a file.
    pub max_words: i64,
    /// Longest time of one search.
    pub timeout: Duration,
    /// Most files that one search looks into.
    pub max_candidates: usize,
    /// Searches at once.
    pub max_concurrent: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            max_file_bytes: 1 << 20,
            max_files: 100_000,
            max_words: 250_000_000,
            timeout: Duration::from_secs(2),
            max_candidates: 5000,
            max_concurrent: 4,
        }
    }
}

/// Asks for the index of a repository to follow, in the transaction that makes it necessary; of several that wait one is enough.
///
/// Errors: those of the database.
pub(in crate::forge) fn ask(tx: &dyn Connection, repo: RepoId, now: UtcMs) -> std::result::Result<(), sql::Error> {
    db::jobs::schedule(tx, INDEX, &repo.get().to_string(), now.plus_ms(REST_MS), now)
}

/// When jobs that were asked for just now are due.
pub(in crate::forge) fn due_after() -> Duration {
    Duration::from_millis(u64::try_from(REST_MS).unwrap_or(0) + 5)
}

/// The index, and the places of those who search.
pub struct CodeSearch {
    indexer: Indexer,
    settings: Settings,
    gate: Gate,
    clients: Shares<Client>,
}

/// A place of somebody who searches. Work that goes on after they have left holds it, too.
#[derive(Clone)]
struct Place(#[expect(dead_code, reason = "held, never read")] Arc<(Share<Client>, Pass)>);

/// A file with lines that match.
#[derive(Debug, Clone)]
pub struct FoundFile {
    /// Where it is.
    pub repository: Repository,
    /// The tip of the default branch, in which it was read.
    pub commit: ObjectId,
    /// Its path; bytes that are no text are replaced.
    pub path: String,
    /// Its blob.
    pub blob: ObjectId,
    /// Its language; empty: unknown.
    pub language: String,
    /// The first lines that match.
    pub matches: Vec<LineMatch>,
}

/// What a search found.
#[derive(Debug, Clone, Default)]
pub struct FoundCode {
    /// One page.
    pub files: Vec<FoundFile>,
    /// How many files there are altogether; none: not all of them were looked for.
    pub total_count: Option<u64>,
    /// There is another page.
    pub has_more: bool,
    /// There may be more than was found: a limit was reached, or something could not be read.
    pub is_incomplete: bool,
}

impl CodeSearch {
    /// Searches with an index that is kept up to date elsewhere.
    pub fn new(indexer: Indexer, settings: Settings) -> Self {
        let places = settings.max_concurrent;
        Self {
            indexer,
            gate: Gate::new("code search", places, places.saturating_mul(WAITING_PER_PLACE)),
            clients: Shares::new("code searches of one client", places.div_ceil(2)),
            settings,
        }
    }

    /// Asks for the indices that lag behind, after a start, and forgets repositories that are no more.
    ///
    /// Errors: the rows cannot be read or written.
    pub async fn catch_up(&self) -> Result<usize> {
        self.indexer.catch_up().await.map_err(Error::from)
    }

    /// Closes the index.
    pub fn close(&self) {
        self.indexer.index().close();
    }

    async fn enter(&self, client: Client) -> Result<Place> {
        let by = Deadline::after(WAIT);
        let share = self.clients.enter(client, by).await?;
        Ok(Place(Arc::new((share, self.gate.enter(by).await?))))
    }

    /// Reads the index; one that is damaged is thrown away.
    async fn read_index<T: Send + 'static>(
        &self,
        label: &'static str,
        read: impl FnOnce(&dyn Connection) -> std::result::Result<T, ActorError> + Send + 'static,
    ) -> Result<T> {
        match self.indexer.index().read(label, read).await {
            Err(ActorError::Database(error)) if error.is_damage() => {
                self.indexer.begin_anew().await?;
                Err(Error::new(Kind::Unavailable, "the index of code was damaged and is being made anew")
                    .with_source(error))
            }
            outcome => outcome.map_err(Error::from),
        }
    }
}

/// Searches the code that the caller may read.
///
/// Errors: `NotFound` when searching is switched off; `Overloaded`, `Unavailable`.
pub async fn search_code(forge: &Forge, permit: Permit<SearchCode>, query: CodeQuery, page: Page) -> Result<FoundCode> {
    let Some(search) = forge.code_search.as_ref().filter(|search| search.settings.is_enabled) else {
        return Err(Error::new(Kind::NotFound, "code search is switched off"));
    };
    let caller = permit.caller().clone();
    let place = search.enter(Client::of(&caller)).await?;
    let began = Instant::now();
    let scope = scope_of(forge, &caller, &query).await?;
    let mut run = Run {
        forge,
        search,
        place,
        caller,
        query: Arc::new(query),
        until: began + search.settings.timeout,
        scope: Arc::new(scope),
        readable: HashMap::new(),
        looked: Looked::new(page),
    };
    let found = run.finish().await;
    metrics::histogram!("atomicqms_search_seconds").record(began.elapsed().as_secs_f64());
    let outcome = match &found {
        Ok(found) if found.is_incomplete => "incomplete",
        Ok(_) => "complete",
        Err(_) => "failed",
    };
    metrics::counter!("atomicqms_searches_total", "outcome" => outcome).increment(1);
    found
}

/// Lists the languages of a repository with their bytes on the default branch, that of most bytes first.
///
/// Errors: those of the database.
pub async fn list_languages(forge: &Forge, permit: &Permit<ReadCode>) -> Result<Vec<(String, i64)>> {
    let repo = permit.subject().repository.id;
    forge.read("list languages", move |conn| Ok(db::languages::list(conn, repo)?)).await
}

/// The repositories to be searched, in order of their ids.
async fn scope_of(forge: &Forge, caller: &Caller, query: &CodeQuery) -> Result<Vec<RepoId>> {
    let viewer = viewer_of(caller);
    let (owner, named) = (query.owner.clone(), query.repository.clone());
    forge
        .read("list searched repositories", move |conn| {
            let only = match &named {
                Some((owner, name)) => match db::repositories::find_by_path(conn, owner, name)? {
                    Some((repository, _)) => Some(repository.id),
                    None => return Ok(Vec::new()),
                },
                None => None,
            };
            Ok(db::repositories::search::list_readable(conn, &viewer, owner.as_ref(), only, MAX_REPOSITORIES)?)
        })
        .await
}

/// A search at work.
struct Run<'a> {
    forge: &'a Forge,
    search: &'a CodeSearch,
    place: Place,
    caller: Caller,
    query: Arc<CodeQuery>,
    until: Instant,
    scope: Arc<Vec<RepoId>>,
    /// What the gate said of the repositories so far.
    readable: HashMap<RepoId, Option<Permit<ReadCode>>>,
    looked: Looked,
}

impl Run<'_> {
    async fn finish(&mut self) -> Result<FoundCode> {
        let (expression, scope) = (self.query.pattern.expression(), Arc::clone(&self.scope));
        let cut =
            self.search.read_index("repositories with too many files", |conn| Ok(code_index::list_cut(conn)?)).await?;
        self.looked.is_incomplete |= scope.len() as i64 >= MAX_REPOSITORIES;
        self.looked.is_incomplete |= cut.iter().any(|repo| scope.binary_search(repo).is_ok());
        let mut at = Some(0);
        let mut left = self.search.settings.max_candidates;
        while let Some(after) = at {
            if Instant::now() >= self.until || left == 0 {
                self.looked.is_incomplete = true;
                break;
            }
            let (query, scope, until, expression) =
                (Arc::clone(&self.query), Arc::clone(&scope), self.until, expression.clone());
            let most = left.min(BATCH);
            let place = self.place.clone();
            let next = move |conn: &dyn Connection| {
                let _place = place;
                Ok(next_batch(conn, expression.as_deref(), &scope, &query, after, most, until)?)
            };
            let (candidates, next) = self.search.read_index("find candidates", next).await?;
            left -= candidates.len();
            at = next;
            self.look_into(candidates).await?;
            if self.looked.has_more() {
                break;
            }
        }
        self.answer().await
    }

    /// Looks into files, repository by repository.
    async fn look_into(&mut self, candidates: Vec<Candidate>) -> Result<()> {
        self.ask_gate(&candidates).await?;
        for group in candidates.chunk_by(|a, b| a.repo == b.repo) {
            let Some(repo) = group.first().map(|one| one.repo) else { continue };
            let Some(Some(permit)) = self.readable.get(&repo) else { continue };
            let repository = &permit.subject().repository;
            let view = match self.forge.directory.view_if_open(repo.get()) {
                Some(view) => view,
                None => match self.forge.open(repository).await {
                    Ok(handle) => handle.view(),
                    // Deleted just now, or there are too many open.
                    Err(error) => {
                        self.looked.is_incomplete |= error.kind() != Kind::NotFound;
                        continue;
                    }
                },
            };
            let look = Look {
                view,
                branch: repository.default_branch.clone(),
                query: Arc::clone(&self.query),
                max_file_bytes: self.search.settings.max_file_bytes,
                until: self.until,
            };
            let (looked, group) = (std::mem::take(&mut self.looked), group.to_vec());
            let place = self.place.clone();
            let work = tokio::task::spawn_blocking(move || {
                let _place = place;
                look.into_files(looked, group)
            });
            self.looked = work.await.map_err(Error::internal)?;
            if self.looked.has_more() || Instant::now() >= self.until {
                break;
            }
        }
        Ok(())
    }

    /// Asks the gate about repositories that it was not asked about yet.
    async fn ask_gate(&mut self, candidates: &[Candidate]) -> Result<()> {
        let mut unknown: Vec<RepoId> =
            candidates.iter().map(|one| one.repo).filter(|repo| !self.readable.contains_key(repo)).collect();
        unknown.dedup();
        if unknown.is_empty() {
            return Ok(());
        }
        let caller = self.caller.clone();
        let asked = self.forge.read("may the code be read", move |conn| {
            unknown.into_iter().map(|repo| Ok((repo, may_read(conn, &caller, repo)?))).collect::<Result<Vec<_>>>()
        });
        self.readable.extend(asked.await?);
        Ok(())
    }

    /// The page, of what the caller may still read.
    async fn answer(&mut self) -> Result<FoundCode> {
        let looked = std::mem::take(&mut self.looked);
        let permits: Vec<Permit<ReadCode>> = {
            let mut shown: Vec<RepoId> = looked.files.iter().map(|file| file.repo).collect();
            shown.dedup();
            shown.iter().filter_map(|repo| self.readable.remove(repo).flatten()).collect()
        };
        let now = self.forge.clock.now();
        let confirm = move |conn: &dyn Connection| {
            let mut known = HashMap::new();
            for permit in permits {
                match permit.confirm(conn, now) {
                    Ok(access) => drop(known.insert(access.repository.id, access.repository)),
                    Err(error) if is_refusal(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(known)
        };
        let known = match looked.files.is_empty() {
            true => HashMap::new(),
            false => self.forge.read("may the code still be read", confirm).await?,
        };
        let has_more = looked.has_more();
        let count = looked.files.len();
        let files: Vec<FoundFile> = looked
            .files
            .into_iter()
            .filter_map(|file| {
                let repository = known.get(&file.repo)?.clone();
                let look::Found { commit, path, blob, language, matches, .. } = file;
                let path = String::from_utf8_lossy(&path).into_owned();
                Some(FoundFile { repository, commit, path, blob, language, matches })
            })
            .collect();
        let is_known = !has_more && !looked.is_incomplete && files.len() == count;
        Ok(FoundCode {
            total_count: is_known.then_some(looked.count),
            has_more,
            is_incomplete: looked.is_incomplete,
            files,
        })
    }
}

/// Lets the caller read the code of a repository, or not.
fn may_read(conn: &dyn Connection, caller: &Caller, repo: RepoId) -> Result<Option<Permit<ReadCode>>> {
    let Some(repository) = db::repositories::find(conn, repo)? else { return Ok(None) };
    let path = RepoPath::new(repository.owner, repository.name);
    match authorize(conn, caller, ReadCode, &path) {
        Ok(permit) => Ok(Some(permit)),
        Err(error) if is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), Kind::NotFound | Kind::Forbidden | Kind::Unauthenticated | Kind::Locked)
}

/// The next files that may match, and where to go on; none: there are no more.
fn next_batch(
    conn: &dyn Connection,
    expression: Option<&str>,
    scope: &[RepoId],
    query: &CodeQuery,
    after: i64,
    most: usize,
    until: Instant,
) -> std::result::Result<(Vec<Candidate>, Option<i64>), sql::Error> {
    let behind = |repo: RepoId| code_index::before(RepoId::new(repo.get().saturating_add(1)));
    let (mut found, mut after) = (Vec::new(), after);
    let Some(end) = scope.last().map(|last| behind(*last)) else { return Ok((found, None)) };
    while found.len() < most && Instant::now() < until {
        let next = scope.partition_point(|repo| behind(*repo) <= after);
        let Some(repo) = scope.get(next) else { return Ok((found, None)) };
        after = after.max(code_index::before(*repo));
        let is_alone = scope.len() <= FEW_REPOSITORIES;
        let up_to = if is_alone { behind(*repo) } else { end };
        let numbers = code_index::list_numbers(conn, expression, after, up_to, NUMBERS)?;
        let is_last = numbers.len() < usize::try_from(NUMBERS).unwrap_or(usize::MAX);
        for number in numbers {
            if Instant::now() >= until {
                return Ok((found, Some(after)));
            }
            after = number;
            if scope.binary_search(&code_index::repository_of(number)).is_err() {
                continue;
            }
            let Some(candidate) = code_index::find_document(conn, number)? else { continue };
            if is_wanted(query, &candidate) {
                found.push(candidate);
                if found.len() >= most {
                    return Ok((found, Some(after)));
                }
            }
        }
        if is_last {
            after = up_to;
        }
    }
    Ok((found, Some(after)))
}

fn is_wanted(query: &CodeQuery, candidate: &Candidate) -> bool {
    query.language.as_ref().is_none_or(|language| candidate.language.eq_ignore_ascii_case(language))
        && query.path.as_ref().is_none_or(|glob| glob.matches(&String::from_utf8_lossy(&candidate.path)))
}
