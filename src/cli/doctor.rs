//! `atomicqms doctor repo`: examines repositories; `doctor mail` is below.
//!
//! Reads only and needs no lock, so it may run beside the server. Exit code 0: whole, 1: problems (the first ones named), 2: could not be checked.

mod mail;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use atomicqms_actors::sql::Connection;
use atomicqms_actors::{Readers, ReadersOptions, RefStore, Stored};
use atomicqms_git::maintenance::{self, CheckOptions, CheckProgress, CheckReport, Problem};
use atomicqms_git::{RefTable, Repository};
use clap::{Args, Subcommand};

use super::say;
use crate::config::Config;
use crate::db;
use crate::db::refs::Move;
use crate::error::{Error, Kind};
use crate::model::{RepoId, RepoName, SystemClock, UserName};
use crate::server::Failure;
use crate::telemetry::logs;

/// Exit code when something is wrong.
const PROBLEMS: u8 = 1;
/// Exit code when nothing can be said.
const UNKNOWN: u8 = 2;
/// Problems that are named for one repository.
const NAMED: usize = 20;
/// Looks at a repository that changes while it is looked at.
const LOOKS: usize = 3;
/// Repositories read at once.
const PAGE: i64 = 500;

/// What to examine.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Examine one repository or all; exit code 0 whole, 1 problems, 2 could not check
    Repo(Flags),
    /// Say how many mails wait and ask the mail server whether it would take one; exit code 0 it would, 1 problems, 2 could not check
    Mail(mail::Flags),
}

/// Flags of `doctor repo`.
#[derive(Debug, Args)]
pub struct Flags {
    /// The repository
    #[arg(value_name = "OWNER/NAME", required_unless_present = "all", conflicts_with = "all")]
    repository: Option<String>,
    /// Examine every repository
    #[arg(long)]
    all: bool,
    /// Read and hash every object, too
    #[arg(long)]
    full: bool,
}

/// Runs the command.
pub(super) async fn run(command: Command, config: Config) -> Result<ExitCode, Failure> {
    logs::install_for_command(&config.log);
    let outcome = match command {
        Command::Repo(flags) => examine(&flags, &config).await.map(|broken| broken == 0),
        Command::Mail(flags) => mail::examine(&flags, &config).await,
    };
    match outcome {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::from(PROBLEMS)),
        Err(failure) => {
            super::complain(&format!("could not check: {}", failure.line()));
            Ok(ExitCode::from(UNKNOWN))
        }
    }
}

/// Examines what was asked for and answers in how many repositories something is wrong.
async fn examine(flags: &Flags, config: &Config) -> Result<usize, Failure> {
    let readers = open(config)?;
    let outcome = match &flags.repository {
        Some(name) => {
            let id = find(&readers, name).await?;
            examine_one(&readers, config, id, flags.full).await.map(|is_whole| usize::from(!is_whole))
        }
        None => examine_all(&readers, config, flags.full).await,
    };
    readers.close();
    outcome
}

fn open(config: &Config) -> Result<Readers, Failure> {
    let path = config.database_path();
    if let Err(source) = std::fs::metadata(&path) {
        return Err(Failure::Directory { path, source });
    }
    Ok(Readers::open(&path, ReadersOptions { connections: 1, ..ReadersOptions::default() })?)
}

async fn examine_all(readers: &Readers, config: &Config, full: bool) -> Result<usize, Failure> {
    let (mut broken, mut last) = (0, RepoId::new(0));
    loop {
        let page = read(readers, move |conn| Ok(db::repositories::list_ids_after(conn, last, PAGE)?)).await?;
        let Some(end) = page.last() else { return Ok(broken) };
        last = *end;
        for id in page {
            broken += usize::from(!examine_one(readers, config, id, full).await?);
        }
    }
}

/// Finds the repository that a person named.
pub(super) async fn find(readers: &Readers, name: &str) -> Result<RepoId, Failure> {
    let unknown = || Error::new(Kind::NotFound, format!("there is no repository {name:?}"));
    let (owner, short) = name.split_once('/').ok_or_else(unknown)?;
    let owner = UserName::parse(owner).map_err(|_| unknown())?;
    let short = RepoName::parse(short).map_err(|_| unknown())?;
    let found = read(readers, move |conn| Ok(db::repositories::find_by_path(conn, &owner, &short)?)).await?;
    Ok(found.map(|(repository, _)| repository.id).ok_or_else(unknown)?)
}

async fn read<T: Send + 'static>(
    readers: &Readers,
    statement: impl FnOnce(&dyn Connection) -> Result<T, Error> + Send + 'static,
) -> Result<T, Failure> {
    let checked = |conn: &dyn Connection| {
        db::migrate::check(db::dialect::schema_version(conn)?)?;
        statement(conn)
    };
    Ok(readers.read("doctor", checked).await?)
}

/// Examines one repository, prints the result, and answers whether it is whole.
async fn examine_one(readers: &Readers, config: &Config, id: RepoId, full: bool) -> Result<bool, Failure> {
    let mut looks = 0;
    loop {
        looks += 1;
        let store = db::refs::Refs::new(std::sync::Arc::new(SystemClock));
        let load = move |conn: &dyn Connection| {
            let Some(stored) = store.load(conn, id.get())? else { return Ok(None) };
            let moves = db::refs::moves_after(conn, id, stored.projected_seq)?;
            Ok(Some((stored, moves)))
        };
        let Some((stored, moves)) = read(readers, load).await? else {
            // Deleted meanwhile.
            return Ok(true);
        };
        let name = stored.relative_path.with_extension("").display().to_string();
        let root = config.repositories_dir();
        let looked =
            tokio::task::spawn_blocking(move || look(&root, stored, &moves, full)).await.map_err(Error::internal)?;
        let (report, problems) = match looked {
            Ok(found) => found,
            // Files come and go while a server runs.
            Err(_) if looks < LOOKS => continue,
            Err(error) => return Err(Error::from(atomicqms_actors::Error::Git(error)).into()),
        };
        // What a push or maintenance changed between two glances is no damage: it is gone when one looks again.
        if !problems.is_empty() && looks < LOOKS {
            continue;
        }
        let CheckReport { packs, objects, reachable, .. } = report;
        if problems.is_empty() {
            say(&format!("{name}: whole; {objects} objects in {packs} packs, {reachable} reachable"));
            return Ok(true);
        }
        say(&format!("{name}: {} problems", problems.len()));
        for problem in problems.iter().take(NAMED) {
            say(&format!("  {problem}"));
        }
        return Ok(false);
    }
}

/// Looks at the files together with the packs that are no files yet. What refs were or are after the last flush may be on disk.
fn look(root: &Path, stored: Stored, moves: &[Move], full: bool) -> atomicqms_git::Result<(CheckReport, Vec<Problem>)> {
    let here = root.join(&stored.relative_path);
    let before = stored.moved_from.as_ref().map(|path| root.join(path));
    let place = before.filter(|path| !here.exists() && path.exists()).unwrap_or(here);
    let refs = RefTable::from_refs(stored.refs);
    let repository = match Repository::open(&place) {
        Ok(repository) => repository,
        Err(error @ atomicqms_git::Error::NotARepository { .. }) if !refs.is_empty() => {
            let problem = Problem { place: place.display().to_string(), what: error.to_string() };
            return Ok((CheckReport::default(), vec![problem]));
        }
        // A repository that nobody has used yet has no directory.
        Err(atomicqms_git::Error::NotARepository { .. }) => return Ok((CheckReport::default(), Vec::new())),
        Err(error) => return Err(error),
    };
    let is_awaited =
        |name: &str, value| moves.iter().any(|(moved, old, new)| moved == name && (*old == value || *new == value));
    let mut problems = maintenance::check_refs(&repository, &refs, is_awaited)?;
    for waiting in stored.waiting {
        match waiting.row.open(&repository) {
            Ok(pack) => drop(repository.adopt(&[pack])?),
            Err(atomicqms_git::Error::Corrupt { path, what }) => {
                problems
                    .push(Problem { place: format!("{} (row {})", path.display(), waiting.id), what: what.to_owned() });
            }
            Err(error) => return Err(error),
        }
    }
    let mut tell = |progress| match progress {
        CheckProgress::Found(problem) => problems.push(problem),
        CheckProgress::Packs { done, total } => tracing::debug!(done, total, "packs read"),
    };
    let never = AtomicBool::new(false);
    let report = maintenance::check_repository(&repository, &refs, CheckOptions { full }, &mut tell, &never)?;
    Ok((report, problems))
}
