//! `atomicqms audit verify`: recomputes the ledger.
//!
//! Reads one snapshot and needs no lock, so it may run beside the server. Exit code 0: intact, 1: altered, 2: could not
//! be checked.

use std::process::ExitCode;

use atomicqms_actors::{Readers, ReadersOptions};
use clap::Subcommand;

use super::say;
use crate::audit::verify;
use crate::config::Config;
use crate::db;
use crate::error::Error;
use crate::server::Failure;
use crate::telemetry::logs;

/// Exit code when the ledger was altered.
const ALTERED: u8 = 1;
/// Exit code when nothing can be said.
const UNKNOWN: u8 = 2;

/// What to do about the ledger.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Recompute every event; exit code 0 intact, 1 altered (naming the first bad event), 2 could not check
    Verify,
}

/// Runs the command.
pub(super) async fn run(command: Command, config: Config) -> Result<ExitCode, Failure> {
    let Command::Verify = command;
    logs::install_for_command(&config.log);
    match check(&config).await {
        Ok(report) => match report.fault {
            None => {
                let (events, rows, refs) = (report.events, report.journal_rows, report.refs);
                let head = report.head.as_deref().unwrap_or("none");
                say(&format!("ledger intact: {events} events, {rows} journal rows, {refs} refs; last event {head}"));
                Ok(ExitCode::SUCCESS)
            }
            Some(fault) => {
                say(&format!("ledger ALTERED at {fault}"));
                Ok(ExitCode::from(ALTERED))
            }
        },
        Err(failure) => {
            super::complain(&format!("the ledger could not be checked: {}", failure.line()));
            Ok(ExitCode::from(UNKNOWN))
        }
    }
}

async fn check(config: &Config) -> Result<verify::Report, Failure> {
    let path = config.database_path();
    if let Err(source) = std::fs::metadata(&path) {
        return Err(Failure::Directory { path, source });
    }
    let readers = Readers::open(&path, ReadersOptions { connections: 1, ..ReadersOptions::default() })?;
    let report = readers
        .read("verify ledger", |conn| -> Result<verify::Report, Error> {
            db::migrate::check(db::dialect::schema_version(conn)?)?;
            verify::verify(conn)
        })
        .await;
    readers.close();
    Ok(report?)
}
