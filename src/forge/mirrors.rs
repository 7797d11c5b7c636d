//! Repositories that follow one of another server, and those that are taken over from one.
//!
//! Owns who may make them, what is remembered of the remote, and what is said when one falls behind (`sync`). The remote is asked by `remote`, through the one client for
//! everything that leaves the server; what it answers lands by the path of every push, as the server's own act for the owner of the repository. Nobody else
//! moves refs of a mirror: the gate refuses it. Called by the API and by the runner of mirrors.

mod plan;
mod remote;
mod seal;
mod sync;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use atomicqms_actors::{Deadline, Gate, Jobs, Shares};
use url::Url;

pub use self::seal::Sealer;
use self::sync::Occasion;
pub use self::sync::Runner;
use super::Forge;
use super::intake::Intake;
use super::repositories::{MayCreateRepository, create_repository, event_about, remove_unfinished};
use crate::access::action::{ReadMirror, SyncMirror};
use crate::access::{Client, Permit};
use crate::audit::{self, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::mirror::{Credentials, Mirror, MirrorStatus, NewMirror, format_interval};
use crate::model::{NewRepository, Repository, RepositoryPatch, UtcMs};
use crate::outbound::{self, Outbound};

/// Imports that may wait for each that may run.
const WAITING_PER_PLACE: usize = 8;
/// How long one waits before it is answered that the server is busy.
const WAIT: Duration = Duration::from_secs(30);

/// What an administrator may tune about mirrors.
#[derive(Debug, Clone)]
pub struct Settings {
    /// There are mirrors and imports.
    pub is_enabled: bool,
    /// Only administrators make them.
    pub is_for_admins: bool,
    /// Shortest interval. Units: milliseconds.
    pub min_interval_ms: i64,
    /// Interval of a mirror whose maker names none. Units: milliseconds.
    pub default_interval_ms: i64,
    /// Wait before the first new try after a failure. Units: milliseconds.
    pub retry_ms: i64,
    /// Longest time to fetch from a remote.
    pub timeout: Duration,
    /// Most refs that a remote may list.
    pub max_refs: u64,
    /// Imports that run at once.
    pub at_once: usize,
    /// Shortest time between two looks of one mirror that somebody asks for. Units: milliseconds.
    pub min_asked_ms: i64,
}

impl Settings {
    /// Of so many places, those that one owner's mirrors, or one client's imports, may have at once: never all, unless there is but one.
    pub const fn share(at_once: usize) -> usize {
        if at_once > 1 { at_once - 1 } else { 1 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            is_enabled: true,
            is_for_admins: false,
            min_interval_ms: 600_000,
            default_interval_ms: 28_800_000,
            retry_ms: 300_000,
            timeout: Duration::from_secs(3600),
            max_refs: 100_000,
            at_once: 2,
            min_asked_ms: 60_000,
        }
    }
}

/// What all of the forge shares about mirrors.
pub struct Mirrors {
    settings: Settings,
    outbound: Outbound,
    sealer: Sealer,
    gate: Gate,
    clients: Shares<Client>,
    /// The runner, once it runs.
    jobs: OnceLock<Jobs>,
}

impl Mirrors {
    /// Prepares; nothing is fetched yet.
    pub fn new(settings: Settings, outbound: Outbound, sealer: Sealer) -> Self {
        let gate = Gate::new("imports", settings.at_once, settings.at_once.saturating_mul(WAITING_PER_PLACE));
        let clients = Shares::new("imports of one client", Settings::share(settings.at_once));
        Self { settings, outbound, sealer, gate, clients, jobs: OnceLock::new() }
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Says who synchronizes mirrors from now on.
    pub fn run_by(&self, jobs: Jobs) {
        // Told once, at start.
        drop(self.jobs.set(jobs));
    }

    /// Says that a mirror is due, or will be after a time.
    fn wake_after(&self, after: Duration) {
        match self.jobs.get() {
            Some(jobs) if after.is_zero() => jobs.wake(),
            Some(jobs) => jobs.wake_after(after),
            None => {}
        }
    }

    /// Checks an interval that somebody asked for. Units: milliseconds.
    ///
    /// Errors: `Invalid`.
    fn check_interval(&self, interval_ms: i64) -> Result<i64> {
        let least = self.settings.min_interval_ms;
        if interval_ms != 0 && interval_ms < least {
            let (asked, least) = (format_interval(interval_ms), format_interval(least));
            let text = format!("interval: {asked} is less than minimum interval: {least}");
            return Err(Error::invalid("mirror_interval", text));
        }
        Ok(interval_ms)
    }
}

/// What somebody wants to take over.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where it is.
    pub url: String,
    /// How to get it there.
    pub credentials: Option<Credentials>,
    /// It goes on following the remote.
    pub is_mirror: bool,
    /// Time between two looks; none: the server's own. Units: milliseconds.
    pub interval_ms: Option<i64>,
}

/// Reads the address of a remote.
///
/// Errors: `Invalid` naming the field as clients know it.
fn check_url(mirrors: &Mirrors, text: &str) -> Result<Url> {
    let refuse = |why: &'static str| Error::invalid("clone_addr", why);
    let mut url = outbound::parse_url(text.trim()).map_err(refuse)?;
    mirrors.outbound.check_scheme(&url).map_err(refuse)?;
    if url.query().is_some() {
        return Err(refuse("the address of a repository has no query"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Takes over a repository, once or for good, and answers it when it is here.
///
/// Shape: must not be cancelled half way, so callers run it as a detached task. The repository is a mirror from the moment of its making, so that nobody
/// pushes into what is not complete; an import ceases to be one when all is here. After a crash the runner goes on with either.
/// Errors: `Forbidden` where settings forbid it; `Invalid` for a remote that cannot be taken over, and then nothing stays; those of [`create_repository`].
pub async fn migrate<A: MayCreateRepository>(
    forge: &Arc<Forge>,
    intake: &Intake,
    permit: Permit<A>,
    new: NewRepository,
    wanted: Wanted,
) -> Result<Repository> {
    let mirrors = &forge.mirrors;
    let settings = mirrors.settings();
    if !settings.is_enabled {
        return Err(Error::forbidden("the site administrator has disabled migrations"));
    }
    if settings.is_for_admins && !permit.caller().is_site_admin() {
        return Err(Error::forbidden("only site administrators may migrate repositories"));
    }
    let url = check_url(mirrors, &wanted.url)?;
    let interval_ms = match wanted.is_mirror {
        true => mirrors.check_interval(wanted.interval_ms.unwrap_or(settings.default_interval_ms))?,
        false => 0,
    };
    let credentials = match &wanted.credentials {
        Some(credentials) => Some(mirrors.sealer.seal(credentials, url.as_str())?),
        None => None,
    };
    let by = Deadline::after(WAIT);
    let place = (mirrors.clients.enter(Client::of(permit.caller()), by).await?, mirrors.gate.enter(by).await?);
    let caller = permit.caller().clone();
    let mirror = NewMirror { remote_url: url.to_string(), credentials, is_once: !wanted.is_mirror, interval_ms };
    let made = create_repository(forge, permit, NewRepository { mirror: Some(mirror), ..new }).await?;
    let outcome = sync::run(forge, intake, made.id, Occasion::First, &AtomicBool::new(false)).await;
    if let Err(error) = outcome.flatten() {
        let removed = remove_unfinished(forge, caller, made.clone(), "the remote could not be taken over").await;
        if let Err(kept) = removed {
            tracing::warn!(repo.id = made.id.get(), error = %kept.log_line(), "an incomplete import stays");
        }
        return Err(error);
    }
    drop(place);
    let id = made.id;
    forge.read("read repository", move |conn| db::repositories::find(conn, id)?.ok_or_else(Error::not_found)).await
}

/// Asks for a mirror to be synchronized soon: now, or when enough time has passed since its last run began.
///
/// Errors: `Malformed` where mirrors are switched off; `NotFound`.
pub async fn ask_for_sync(forge: &Forge, permit: Permit<SyncMirror>) -> Result<()> {
    if !forge.mirrors.settings().is_enabled {
        return Err(Error::new(Kind::Malformed, "Mirror feature is disabled"));
    }
    let (at, wait_ms) = (forge.clock.now(), forge.mirrors.settings().min_asked_ms);
    let due = forge
        .write("ask for a mirror", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let due = db::mirrors::ask(tx, repository.id, wait_ms, at)?;
            let event = event_about(permit.caller(), action::MIRROR_SYNC, &repository);
            audit::append(tx, at, &event)?;
            Ok(due)
        })
        .await?;
    let wait_ms = due.get().saturating_sub(at.get());
    forge.mirrors.wake_after(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)));
    Ok(())
}

/// Says how it stands with a mirror.
///
/// Errors: `NotFound` when it ceased to be one.
pub async fn status(forge: &Forge, permit: Permit<ReadMirror>) -> Result<MirrorStatus> {
    let id = permit.into_subject().repository.id;
    forge.read("state of a mirror", move |conn| db::mirrors::find_status(conn, id)?.ok_or_else(Error::not_found)).await
}

/// Changes how a mirror is kept, in the transaction that edits its repository; answers it before and after, unless nothing was asked.
///
/// Errors: `Invalid` for a repository that is none, or an interval that is too short.
pub(super) fn edit(
    forge: &Mirrors,
    tx: &dyn atomicqms_actors::sql::Connection,
    repository: &Repository,
    patch: &RepositoryPatch,
    at: UtcMs,
) -> Result<Option<(Mirror, Mirror)>> {
    if patch.mirror_interval_ms.is_none() && patch.mirror_prunes.is_none() && patch.mirror_credentials.is_none() {
        return Ok(None);
    }
    let no_mirror = || Error::new(Kind::Invalid, "repo is not a mirror, can not change mirror interval");
    let before = db::mirrors::find(tx, repository.id)?.filter(|found| !found.is_once).ok_or_else(no_mirror)?;
    let mut after = before.clone();
    if let Some(interval_ms) = patch.mirror_interval_ms {
        after.interval_ms = forge.check_interval(interval_ms)?;
    }
    after.prunes = patch.mirror_prunes.unwrap_or(before.prunes);
    if let Some(credentials) = &patch.mirror_credentials {
        after.credentials = Some(forge.sealer.seal(credentials, &before.remote_url)?);
    }
    if after != before {
        let due = match (before.interval_ms == after.interval_ms, before.synced_ms) {
            (false, Some(synced)) if after.interval_ms > 0 => Some(synced.plus_ms(after.interval_ms).max(at)),
            _ => after.next(at),
        };
        db::mirrors::update(tx, &after, due, at)?;
    }
    Ok(Some((before, after)))
}
