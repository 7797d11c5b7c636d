//! `atomicqms maintain`: tidies one repository now, as far as it goes.
//!
//! Takes the server's lock, so it refuses while a server runs: two processes must not replace the packs of one repository. A running server does
//! the same by itself.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_actors::RepositoryHandle;
use atomicqms_git::maintenance::{SizeReport, size_report};
use clap::Args;

use super::say;
use crate::config::Config;
use crate::error::Error;
use crate::forge::maintenance::{Runner, Tidied};
use crate::server::parts::Parts;
use crate::server::{Failure, directory};
use crate::telemetry::logs;

/// Flags of `maintain`.
#[derive(Debug, Args)]
pub struct Flags {
    /// The repository
    #[arg(value_name = "OWNER/NAME")]
    repository: String,
}

/// Runs the command.
pub(super) async fn run(flags: Flags, config: Config) -> Result<ExitCode, Failure> {
    logs::install_for_command(&config.log);
    directory::prepare(&config)?;
    let lock = directory::lock(&config)?;
    let parts = Parts::start_alone(&config).await?;
    let outcome = tidy(&flags, &parts).await;
    parts.stop().await;
    drop(lock);
    outcome
}

async fn tidy(flags: &Flags, parts: &Parts) -> Result<ExitCode, Failure> {
    let id = super::doctor::find(&parts.forge.readers, &flags.repository).await?;
    let failed = |error| Failure::Forge(Error::internal(Boxed(error)));
    let Some(handle) = parts.maintenance.open(id).await.map_err(failed)? else { return Ok(ExitCode::FAILURE) };
    let before = measure(&handle)?;
    let done = all_steps(&parts.maintenance, &handle).await.map_err(failed)?;
    let after = measure(&handle)?;
    say(&format!(
        "{}: {} bytes in {} packs and {} loose objects before",
        flags.repository,
        before.total_bytes(),
        before.packs + before.cruft_packs,
        before.loose
    ));
    say(&format!(
        "{}: {} bytes in {} packs and {} loose objects after",
        flags.repository,
        after.total_bytes(),
        after.packs + after.cruft_packs,
        after.loose
    ));
    if !done {
        say("some replaced files could not be removed yet; the next maintenance removes them");
    }
    Ok(ExitCode::SUCCESS)
}

/// One step after the other; nobody else uses the repository, so replaced files may go at once.
async fn all_steps(runner: &Runner, handle: &RepositoryHandle) -> Result<bool, atomicqms_actors::error::BoxError> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut pending = 0;
    for step in 0..3 {
        let tidied = match step {
            0 => runner.collect(handle, &stop).await?,
            1 => runner.consolidate(handle, true, &stop).await?,
            _ => runner.compress(handle, &stop).await?,
        };
        if let Tidied::Published(_) = tidied {
            pending = runner.remove_retired(handle).await?.pending;
        }
    }
    runner.derive(handle, &stop).await;
    runner.bundle(handle, &stop, true).await?;
    Ok(pending == 0)
}

fn measure(handle: &RepositoryHandle) -> Result<SizeReport, Failure> {
    size_report(&handle.git()).map_err(|error| Error::from(atomicqms_actors::Error::Git(error)).into())
}

/// A boxed error as an error.
#[derive(Debug)]
struct Boxed(atomicqms_actors::error::BoxError);

impl std::fmt::Display for Boxed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Boxed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
