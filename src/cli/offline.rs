//! What commands share that change things while the server may be running.
//!
//! Owns opening the data directory without the server's lock: the same writer actor, migrations and ledger, and no way
//! to touch a repository.

use crate::access::{Caller, Origin};
use crate::config::Config;
use crate::error::Result;
use crate::forge::Forge;
use crate::model::UserName;
use crate::server::parts::Parts;
use crate::server::{Failure, directory};
use crate::telemetry::logs;

/// Opens the data directory, runs `work` on the forge as the person at the console, and closes again.
///
/// Errors: of opening, and of `work`.
pub(super) async fn with_forge<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Forge, Caller) -> Result<T>,
) -> std::result::Result<T, Failure> {
    logs::install_for_command(&config.log);
    let is_new = !config.database_path().exists();
    directory::prepare(config)?;
    if is_new {
        // A mistyped or forgotten --data-dir must not look like an installation that has lost its accounts.
        let place = std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone());
        super::complain(&format!("made a new data directory at {}: there was no database", place.display()));
    }
    let parts = Parts::start_beside(config).await?;
    let origin = Origin { user_agent: Some("atomicqms command line".to_owned()), ..Origin::default() };
    let outcome = work(&parts.forge, Caller::console(origin)).await;
    parts.stop().await;
    Ok(outcome?)
}

/// Reads the name of an account that should exist.
///
/// Errors: `NotFound` naming it.
pub(super) fn existing_user(name: &str) -> Result<UserName> {
    UserName::parse(name).map_err(|_| unknown_user(name))
}

/// The refusal for an account that does not exist.
pub(super) fn unknown_user(name: &str) -> crate::error::Error {
    crate::error::Error::new(crate::error::Kind::NotFound, format!("there is no user {name:?}"))
}
