//! Running one scenario once: connections, warm-up, the measured window, and what was seen in it.
//!
//! Owns pacing (closed and open loop) and collecting. What an operation is belongs to `scenario`, printing to `report`.
//! Called by `main`, once per repetition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::histogram::Histogram;
use crate::interrupt;
use crate::options::Options;
use crate::process::{Memory, Watched};
use crate::progress::{self, Counters};
use crate::random::Random;
use crate::scenario::{Done, Prepared, Worker};
use crate::target::Target;

/// How many different error texts are kept.
const MAX_ERROR_TEXTS: usize = 20;

/// Between two looks at the server's memory; its CPU is read at both ends of the window alone.
const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// How many samples of memory are kept.
const MAX_SAMPLES: usize = 2000;

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
    /// What each class of operations saw, where a scenario mixes several.
    pub(crate) classes: BTreeMap<&'static str, Class>,
    /// What the server used in the window, when its process is known.
    pub(crate) server: Option<Server>,
}

/// The part of a run that one class of operations makes up.
#[derive(Debug, Default)]
pub(crate) struct Class {
    /// Those that ended well inside the window.
    pub(crate) operations: u64,
    /// Failures, warm-up included.
    pub(crate) errors: u64,
    /// As in `Run`.
    pub(crate) latency: Histogram,
}

/// What the server's processes used in the window.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Memory before the run, warm-up included.
    pub(crate) at_start: Memory,
    /// The most memory seen, from the start of the warm-up on.
    pub(crate) peak: Memory,
    /// Resident and anonymous bytes over time since the start of the warm-up.
    pub(crate) series: Vec<(Duration, u64, u64)>,
}

impl Server {
    fn sample(&mut self, at: Duration, memory: Memory) {
        self.peak = self.peak.max(memory);
        if self.series.len() >= MAX_SAMPLES {
            // Every second one goes, so that a long run keeps an even, coarser series.
            let mut keep = false;
            self.series.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.series.push((at, memory.resident_bytes, memory.anonymous_bytes));
    }
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
        if interrupt::is_wanted() {
            return None;
        }
        let due = match &self.turns {
            None => Instant::now(),
            Some((next, gap)) => {
                let turn = u32::try_from(next.fetch_add(1, Ordering::Relaxed)).ok()?;
                let due = self.start + gap.checked_mul(turn)?;
                if self.measure_until.is_some_and(|until| due >= until) {
                    return None;
                }
                tokio::select! {
                    () = tokio::time::sleep_until(due.into()) => due,
                    () = interrupt::wanted() => return None,
                }
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
        let pauses = (!options.think.is_zero()).then(Random::new).transpose()?.map(|random| (random, options.think));
        tasks.spawn(drive(worker, Arc::clone(&window), Arc::clone(&counters), options.timeout, pauses));
    }
    let (finished, at_end) = tokio::sync::oneshot::channel();
    let observer = tokio::spawn(observe(options.watched(), Arc::clone(&window), at_end));
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
    let now = Instant::now();
    let end = window.measure_until.map_or(now, |until| until.min(now));
    run.elapsed = end.saturating_duration_since(window.measure_from);
    drop(finished);
    run.server = observer.await.map_err(|e| format!("the observer died: {e}"))?;
    Ok(run)
}

/// Drives one connection until the run is over.
async fn drive(
    mut worker: Worker,
    window: Arc<Window>,
    counters: Arc<Counters>,
    timeout: Duration,
    mut pauses: Option<(Random, Duration)>,
) -> Run {
    let mut run = Run::default();
    loop {
        if let Some((random, mean)) = &mut pauses {
            let pause = Instant::now() + Duration::from_secs_f64(random.exponential(mean.as_secs_f64()));
            let until = window.measure_until.map_or(pause, |end| pause.min(end));
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                () = interrupt::wanted() => return run,
            }
        }
        let Some(due) = window.next_turn().await else { return run };
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
                    run.count(&done, done.timed.unwrap_or(end.saturating_duration_since(due)), worker.class());
                }
            }
            Err(text) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                run.fail(text, worker.class());
                worker.reset();
                // A refused connection fails in microseconds: do not turn that into a busy loop.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Watches the server's processes over the window: CPU used in it, and memory from before the warm-up on.
///
/// The window ends by its time, or when `at_end` closes because the asked number of operations is done.
async fn observe(
    watched: Watched,
    window: Arc<Window>,
    mut at_end: tokio::sync::oneshot::Receiver<()>,
) -> Option<Server> {
    if watched.pids.is_empty() {
        return None;
    }
    let watched = Arc::new(watched);
    // Reading /proc takes milliseconds, in which the connections' thread would stand still.
    let usage = || {
        let watched = Arc::clone(&watched);
        async move { tokio::task::spawn_blocking(move || watched.usage()).await.ok().flatten() }
    };
    let at_start = usage().await?.memory;
    let mut server = Server { at_start, ..Server::default() };
    let mut cpu_before = None;
    let mut tick = tokio::time::interval(SAMPLE_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let until = async {
        match window.measure_until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        }
    };
    let begin = tokio::time::sleep_until(window.measure_from.into());
    tokio::pin!(until, begin);
    loop {
        let (begins, over) = tokio::select! {
            () = &mut begin, if cpu_before.is_none() => (true, false),
            _ = tick.tick() => (false, false),
            () = &mut until => (false, true),
            _ = &mut at_end => (false, true),
        };
        let now = usage().await?;
        server.sample(window.start.elapsed(), now.memory);
        if begins {
            cpu_before = Some(now.cpu);
        }
        if over {
            server.cpu = now.cpu.saturating_sub(cpu_before?);
            return Some(server);
        }
    }
}

impl Run {
    fn count(&mut self, done: &Done, latency: Duration, class: Option<&'static str>) {
        self.operations += 1;
        self.bytes_in += done.bytes_in;
        self.bytes_out += done.bytes_out;
        self.items += done.items;
        self.latency.record(latency);
        self.first_byte.record(done.first_byte);
        if let Some(class) = class {
            let class = self.classes.entry(class).or_default();
            class.operations += 1;
            class.latency.record(latency);
        }
    }

    fn fail(&mut self, text: String, class: Option<&'static str>) {
        if let Some(class) = class {
            self.classes.entry(class).or_default().errors += 1;
        }
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
        for (name, theirs) in other.classes {
            let class = self.classes.entry(name).or_default();
            class.operations += theirs.operations;
            class.errors += theirs.errors;
            class.latency.merge(&theirs.latency);
        }
    }

    /// All failures.
    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}
