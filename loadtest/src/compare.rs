//! `loadtest compare`: the same work on our server, on a peer and at the machine's limit, in turns, and what the ratios are.
//!
//! Owns the order of runs. What is run and what is aimed at is data in `cases` and `goals`; it starts no server (the
//! script `scripts/compare` does). Called by `main`.

mod cases;
mod goals;
mod options;
mod report;
mod sides;

use std::sync::Arc;

use crate::compare::cases::{CASES, Case, Side};
use crate::compare::goals::Results;
pub(crate) use crate::compare::options::CompareOptions;
use crate::options::Options;
use crate::report::RunReport;
use crate::scenario::Prepared;
use crate::target::Target;
use crate::{interrupt, load, process, progress};

/// Runs everything and prints and writes the results; `true` means that nothing failed (targets may still be missed).
///
/// Errors: the results cannot be written.
pub(crate) async fn run(options: CompareOptions) -> Result<bool, String> {
    options.check()?;
    let mut results = Results::default();
    let idle = process::usage(&options.ours_pid).map(|usage| usage.memory.resident_bytes as f64 / 1e6);
    results.facts = options.facts.iter().cloned().collect();
    results.facts.extend(idle.map(|idle| ("idle_mb".to_owned(), idle)));
    for case in CASES.iter().filter(|case| options.wants(case)) {
        if interrupt::is_wanted() {
            break;
        }
        run_case(case, &options, &mut results).await;
        if let Some(idle) = idle {
            results.add_above_idle(case.key, idle);
        }
        progress::clear();
        report::print(&report::case_lines(case, &results))?;
    }
    report::print(&report::goal_table(&results))?;
    if let Some(path) = &options.json {
        report::write_json(path, &options, &results)?;
    }
    if let Some(path) = &options.html {
        report::write_html(path, &options, &results)?;
    }
    Ok(results.is_clean())
}

/// One side of a case, ready to run.
struct Ready {
    side: Side,
    options: Arc<Options>,
    target: Arc<Target>,
    prepared: Arc<Prepared>,
}

/// Runs a case: every side once a round, so that what disturbs the machine disturbs all of them.
async fn run_case(case: &Case, options: &CompareOptions, results: &mut Results) {
    let mut ready = Vec::new();
    for side in case.sides.iter().copied().filter(|side| options.has(*side)) {
        progress::note(&format!("{} {}: preparing", case.key, side.word()));
        match prepare(case, side, options).await {
            Ok(side) => ready.push(side),
            Err(text) => results.fail(case.key, side, text),
        }
    }
    for round in 1..=case.rounds(options.rounds) {
        for Ready { side, options, target, prepared } in &ready {
            let label = format!("{} {} {round}", case.key, side.word());
            let ran = load::run_once(&label, options, target, prepared).await;
            if interrupt::is_wanted() {
                break;
            }
            match ran {
                Ok(run) => results.add(case.key, *side, RunReport::new(run)),
                Err(text) => results.fail(case.key, *side, text),
            }
        }
    }
    for Ready { options, target, prepared, .. } in &ready {
        prepared.clean_up(options, target).await;
    }
}

/// Finds out what to ask for, and does the work a few times with every check on.
async fn prepare(case: &Case, side: Side, compare: &CompareOptions) -> Result<Ready, String> {
    let options = Arc::new(sides::options(case, side, compare)?);
    let target = Arc::new(options.target()?);
    let name = side.scenario(case);
    let prepared = Arc::new(Prepared::new(name, &options, &target).await?);
    if name.reads_packs() {
        // The measured runs do without the SHA-1 of every pack, because the generator shares the machine.
        let checked = Arc::new(Options { verify: true, ..(*options).clone() });
        let mut worker = prepared.worker(0, &checked, &target)?;
        for _ in 0..side.checked_operations() {
            worker.step().await.map_err(|text| format!("the checked operation failed: {text}"))?;
        }
    }
    Ok(Ready { side, options, target, prepared })
}
