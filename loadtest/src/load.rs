//! Running one scenario once: connections, warm-up, the measured window, and what was seen in it.
//!
//! Owns pacing (closed and open loop) and collecting. What an operation is belongs to `scenario`, printing to `report`.
//! Called by `main`, once per repetition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::histogram::Histogram;
use crate::options::Options;
use crate::process::{self, Usage};
use crate::progress::{self, Counters};
use crate::scenario::{Done, Prepared, Worker};
use crate::target::Target;

/// How many different error texts are kept.
const MAX_ERROR_TEXTS: usize = 20;

/// What was seen in the measured window of one run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Length of the window.
    pub(crate) elapsed: Duration,
    /// Operations that ended well inside it.
    pub(crate) operations: u64,
    /// Failures by text, warm-up included: a failure is never "not counted".
    pub(crate) errors: BTreeMap<String, u64>,
    /// Body bytes received and sent.
    pub(crate) bytes_in: u64,
    /// See `bytes_in`.
    pub(crate) bytes_out: u64,
    /// Objects or items that the answers held.
    pub(crate) items: u64,
    /// From sending (open loop: from when it was due) to the last byte.
    pub(crate) latency: Histogram,
    /// From sending to the first byte of the (last) body.
    pub(crate) first_byte: Histogram,
    /// What the server used in the window, when its process is known.
    pub(crate) server_cpu: Option<Duration>,
    /// The most memory the server was seen with.
    pub(crate) server_peak_bytes: Option<u64>,
}

/// When things are counted and when they end; shared by the connections of a run.
struct Window {
    measure_from: Instant,
    measure_until: Option<Instant>,
    /// Operations still to be counted, when a number was asked for.
    budget: Option<AtomicU64>,
    /// Next turn of the open loop, and the time between turns.
    turns: Option<(AtomicU64, Duration)>,
    start: Instant,
}

impl Window {
    fn new(options: &Options) -> Self {
        let start = Instant::now();
        let measure_from = start + options.warmup;
        Self {
            measure_from,
            measure_until: options.requests.is_none().then(|| measure_from + options.duration),
            budget: options.requests.map(AtomicU64::new),
            turns: options
                .rate
                .filter(|rate| *rate > 0.0)
                .map(|rate| (AtomicU64::new(0), Duration::from_secs_f64(1.0 / rate))),
            start,
        }
    }

    /// Waits for the next operation's turn and says when it was due; `None` when the run is over.
    async fn next_turn(&self) -> Option<Instant> {
        let due = match &self.turns {
            None => Instant::now(),
            Some((next, gap)) => {
                let turn = u32::try_from(next.fetch_add(1, Ordering::Relaxed)).ok()?;
                let due = self.start + gap.checked_mul(turn)?;
                if self.measure_until.is_some_and(|until| due >= until) {
                    return None;
                }
                tokio::time::sleep_until(due.into()).await;
                due
            }
        };
        let over = self.measure_until.is_some_and(|until| Instant::now() >= until);
        (!over && self.take_budget(due)).then_some(due)
    }

    /// Takes one operation from the budget; those of the warm-up are free.
    fn take_budget(&self, due: Instant) -> bool {
        match &self.budget {
            Some(left) if due >= self.measure_from => {
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
            }
            _ => true,
        }
    }

    /// With a time, what ends inside the window counts; with a number, what was due after the warm-up does.
    fn counts(&self, due: Instant, end: Instant) -> bool {
        match self.measure_until {
            Some(until) => end >= self.measure_from && end <= until,
            None => due >= self.measure_from,
        }
    }
}

/// Runs the scenario over all connections.
///
/// Errors: the connections could not be set up. Failing operations are counted, not errors of the run.
pub(crate) async fn run_once(
    label: &str,
    options: &Arc<Options>,
    target: &Arc<Target>,
    prepared: &Arc<Prepared>,
) -> Result<Run, String> {
    let window = Arc::new(Window::new(options));
    let counters = Arc::new(Counters::default());
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..options.connections.max(1) {
        let worker = prepared.worker(n, options, target)?;
        tasks.spawn(drive(worker, Arc::clone(&window), Arc::clone(&counters), options.timeout));
    }
    let (finished, at_end) = tokio::sync::oneshot::channel();
    let observer = tokio::spawn(observe(options.pid.clone(), Arc::clone(&window), at_end));
    let total = options.warmup + options.duration;
    let mut run = Run::default();
    let collect = async {
        while let Some(part) = tasks.join_next().await {
            run.merge(part.map_err(|e| format!("a connection's task died: {e}"))?);
        }
        Ok::<(), String>(())
    };
    tokio::select! {
        collected = collect => collected?,
        () = progress::show(label, &counters, total) => {}
    }
    progress::clear();
    let end = window.measure_until.unwrap_or_else(Instant::now);
    run.elapsed = end.saturating_duration_since(window.measure_from);
    drop(finished);
    let usage = observer.await.map_err(|e| format!("the observer died: {e}"))?;
    if let Some((cpu, peak)) = usage {
        run.server_cpu = Some(cpu);
        run.server_peak_bytes = Some(peak);
    }
    Ok(run)
}

/// Drives one connection until the run is over.
async fn drive(mut worker: Worker, window: Arc<Window>, counters: Arc<Counters>, timeout: Duration) -> Run {
    let mut run = Run::default();
    while let Some(due) = window.next_turn().await {
        let outcome = match tokio::time::timeout(timeout, worker.step()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no complete answer within {timeout:?}")),
        };
        let end = Instant::now();
        match outcome {
            Ok(done) => {
                counters.done.fetch_add(1, Ordering::Relaxed);
                counters.bytes.fetch_add(done.bytes_in, Ordering::Relaxed);
                if window.counts(due, end) {
                    run.count(&done, end.saturating_duration_since(due));
                }
            }
            Err(text) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                run.fail(text);
                worker.reset();
                // A refused connection fails in microseconds: do not turn that into a busy loop.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    run
}

/// Watches the server's processes over the window: CPU used in it, and the most memory seen.
///
/// The window ends by its time, or when `at_end` closes because the asked number of operations is done.
async fn observe(
    pids: Vec<u32>,
    window: Arc<Window>,
    mut at_end: tokio::sync::oneshot::Receiver<()>,
) -> Option<(Duration, u64)> {
    if pids.is_empty() {
        return None;
    }
    tokio::time::sleep_until(window.measure_from.into()).await;
    let first = process::usage(&pids)?;
    let mut peak = first.resident_bytes;
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    let until = async {
        match window.measure_until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(until);
    let last: Usage = loop {
        let over = tokio::select! {
            _ = tick.tick() => false,
            () = &mut until => true,
            _ = &mut at_end => true,
        };
        let now = process::usage(&pids)?;
        peak = peak.max(now.resident_bytes);
        if over {
            break now;
        }
    };
    Some((last.cpu.saturating_sub(first.cpu), peak))
}

impl Run {
    fn count(&mut self, done: &Done, latency: Duration) {
        self.operations += 1;
        self.bytes_in += done.bytes_in;
        self.bytes_out += done.bytes_out;
        self.items += done.items;
        self.latency.record(latency);
        self.first_byte.record(done.first_byte);
    }

    fn fail(&mut self, text: String) {
        let known = self.errors.len() < MAX_ERROR_TEXTS || self.errors.contains_key(&text);
        *self.errors.entry(if known { text } else { "(more kinds)".into() }).or_default() += 1;
    }

    fn merge(&mut self, other: Self) {
        self.operations += other.operations;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.items += other.items;
        self.latency.merge(&other.latency);
        self.first_byte.merge(&other.first_byte);
        for (text, count) in other.errors {
            *self.errors.entry(text).or_default() += count;
        }
    }

    /// All failures.
    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}
