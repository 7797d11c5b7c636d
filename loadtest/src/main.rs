//! `loadtest`: protocol-level load for any git smart-HTTP server and REST API, given by URL.
//!
//! Owns the command line and the order of things: prepare each scenario, run it, print, write JSON. It links nothing
//! of the server, so that what it measures is what any client sees. It starts no server and no git process.
//! Called by people, by CI and by scripts that compare servers.

mod client;
mod histogram;
mod http;
mod load;
mod options;
mod pack;
mod process;
mod progress;
mod report;
mod scenario;
#[cfg(test)]
mod sealed_git;
mod target;
mod wire;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use crate::options::Options;
use crate::report::ScenarioReport;
use crate::scenario::Prepared;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "loadtest: {message}");
            ExitCode::from(2)
        }
    }
}

/// Runs every scenario; `true` means that each did something and nothing failed.
fn run(options: Options) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads.max(1))
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start the runtime: {e}"))?;
    runtime.block_on(run_all(options))
}

async fn run_all(options: Options) -> Result<bool, String> {
    let target = Arc::new(options.target()?);
    let options = Arc::new(options);
    let mut reports = Vec::new();
    for name in &options.scenarios {
        progress::note(&format!("{name}: preparing"));
        let prepared = Prepared::new(*name, &options, &target).await.map_err(|e| format!("{name}: {e}"))?;
        let prepared = Arc::new(prepared);
        let mut runs = Vec::new();
        for round in 1..=options.repeat {
            let label = format!("{name} {round}/{}", options.repeat);
            runs.push(load::run_once(&label, &options, &target, &prepared).await?);
        }
        prepared.clean_up(&options, &target).await;
        let report = ScenarioReport::new(*name, &options, runs);
        let table = report.table();
        std::io::stdout().write_all(table.as_bytes()).map_err(|e| format!("cannot print the table: {e}"))?;
        reports.push(report);
    }
    if let Some(path) = &options.json {
        report::write_json(path, &reports)?;
    }
    Ok(reports.iter().all(ScenarioReport::is_clean))
}
