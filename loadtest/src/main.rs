//! `loadtest`: protocol-level load for any git smart-HTTP server and REST API, given by URL.
//!
//! Owns the command line and the order of things: prepare each scenario, run it, print, write JSON. It links nothing
//! of the server, so that what it measures is what any client sees. It starts no server and no git process.
//! Called by people, by CI and by scripts that compare servers.

mod client;
mod compare;
mod histogram;
mod html;
mod http;
mod interrupt;
mod load;
mod options;
mod pack;
mod process;
mod progress;
mod random;
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

use crate::compare::CompareOptions;
use crate::options::Options;
use crate::report::ScenarioReport;
use crate::scenario::Prepared;

fn main() -> ExitCode {
    // Scenarios are positional, so the other command is told apart before the options are read.
    let outcome = match std::env::args_os().nth(1) {
        Some(first) if first == "compare" => {
            let options = CompareOptions::parse_from(std::env::args_os().skip(1));
            run(options.threads, compare::run(options))
        }
        _ => {
            let options = Options::parse();
            run(options.threads, run_all(options))
        }
    };
    match outcome {
        Ok(_) if interrupt::is_wanted() => ExitCode::from(interrupt::EXIT),
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "loadtest: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(threads: usize, work: impl Future<Output = Result<bool, String>>) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start the runtime: {e}"))?;
    runtime.block_on(async {
        interrupt::listen();
        work.await
    })
}

/// Runs every scenario; `true` means that each did something and nothing failed.
async fn run_all(options: Options) -> Result<bool, String> {
    options.check()?;
    let target = Arc::new(options.target()?);
    let options = Arc::new(options);
    let mut reports = Vec::new();
    for name in &options.scenarios {
        if interrupt::is_wanted() {
            break;
        }
        progress::note(&format!("{name}: preparing"));
        let prepared = Prepared::new(*name, &options, &target).await.map_err(|e| format!("{name}: {e}"))?;
        let prepared = Arc::new(prepared);
        let mut runs = Vec::new();
        for round in 1..=options.repeat {
            let label = format!("{name} {round}/{}", options.repeat);
            runs.push(load::run_once(&label, &options, &target, &prepared).await?);
            if interrupt::is_wanted() {
                break;
            }
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
    if let Some(path) = &options.html {
        report::write_html(path, &reports)?;
    }
    Ok(reports.iter().all(ScenarioReport::is_clean))
}
