//! Every metric this server has: name, type, unit, labels, meaning.
//!
//! Owns the list; the code that counts lives where things happen. Tests compare the list with `/metrics` and with
//! the dashboards, so a panel cannot name a metric that does not exist.

use metrics::Unit;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values in buckets; Prometheus sees `_bucket`, `_sum` and `_count`.
    Histogram(&'static Buckets),
}

/// Upper bounds of a histogram's buckets.
#[derive(Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Name for debugging.
    pub name: &'static str,
    /// Bounds in millionths of the unit, so that they can be compared exactly.
    pub micro: &'static [u64],
}

impl Buckets {
    /// Lists the bounds in the metric's unit.
    pub fn bounds(&self) -> Vec<f64> {
        self.micro.iter().map(|micro| *micro as f64 / 1e6).collect()
    }
}

/// Requests: 1 ms to 60 s.
static REQUEST_SECONDS: Buckets = Buckets {
    name: "request",
    micro: &[
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000, 30_000_000, 60_000_000,
    ],
};
/// Git operations: 5 ms to 30 min.
static OPERATION_SECONDS: Buckets = Buckets {
    name: "operation",
    micro: &[
        5_000,
        10_000,
        25_000,
        50_000,
        100_000,
        250_000,
        500_000,
        1_000_000,
        2_500_000,
        5_000_000,
        10_000_000,
        30_000_000,
        60_000_000,
        300_000_000,
        1_800_000_000,
    ],
};
/// Waits and commits inside the process: 50 us to 5 s.
static INTERNAL_SECONDS: Buckets = Buckets {
    name: "internal",
    micro: &[
        50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
    ],
};
/// Jobs in one commit: 1 to 128.
static BATCH_JOBS: Buckets = Buckets {
    name: "batch",
    micro: &[1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 32_000_000, 64_000_000, 128_000_000],
};

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Prometheus name.
    pub name: &'static str,
    /// How it behaves.
    pub shape: Shape,
    /// Unit, if it has one.
    pub unit: Option<Unit>,
    /// Labels it carries; unlabelled metrics appear on `/metrics` from the start.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

const fn metric(
    name: &'static str,
    shape: Shape,
    unit: Option<Unit>,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, shape, unit, labels, help }
}

use Shape::{Counter, Gauge, Histogram};

/// Every metric, grouped by subject.
pub const METRICS: &[Metric] = &[
    metric(
        "atomicqms_http_requests_total",
        Counter,
        None,
        &["method", "route", "status"],
        "Answered HTTP requests by method, route pattern and status code",
    ),
    metric(
        "atomicqms_http_request_duration_seconds",
        Histogram(&REQUEST_SECONDS),
        Some(Unit::Seconds),
        &["route"],
        "Time from the request head to the end of the answer, by route pattern",
    ),
    metric(
        "atomicqms_access_lines_dropped_total",
        Counter,
        None,
        &[],
        "Access lines that were dropped because nobody took the log from standard error",
    ),
    metric("atomicqms_http_connections", Gauge, None, &[], "Open HTTP connections"),
    metric(
        "atomicqms_http_connections_refused_total",
        Counter,
        None,
        &[],
        "HTTP connections answered 503 because server.max_connections or its share for one address was reached",
    ),
    metric(
        "atomicqms_ssh_connections",
        Gauge,
        None,
        &[],
        "Open SSH connections, those that have not signed in included",
    ),
    metric(
        "atomicqms_ssh_connections_total",
        Counter,
        None,
        &["end"],
        "SSH connections by how they ended: closed, refused, refused_address, evicted, handshake_timeout, idle, stopping",
    ),
    metric("atomicqms_ssh_sessions", Gauge, None, &[], "Open SSH sessions (commands)"),
    metric(
        "atomicqms_ssh_sessions_total",
        Counter,
        None,
        &["command", "outcome"],
        "SSH sessions by command and outcome",
    ),
    metric(
        "atomicqms_ssh_bytes_total",
        Counter,
        Some(Unit::Bytes),
        &["direction"],
        "Bytes on SSH connections, encrypted, in and out",
    ),
    metric(
        "atomicqms_git_operations_total",
        Counter,
        None,
        &["service", "outcome"],
        "Finished git operations by service (upload-pack, receive-pack, archive, diff) and outcome",
    ),
    metric(
        "atomicqms_git_operation_duration_seconds",
        Histogram(&OPERATION_SECONDS),
        Some(Unit::Seconds),
        &["service"],
        "Run time of git operations by service",
    ),
    metric("atomicqms_git_bytes_total", Counter, Some(Unit::Bytes), &["direction"], "Git bytes moved, in and out"),
    metric("atomicqms_git_pack_objects_total", Counter, None, &["direction"], "Objects in packs moved, in and out"),
    metric(
        "atomicqms_answers_total",
        Counter,
        None,
        &["from"],
        "Answers to clones, fetches and ls-refs: made, shared while made for somebody else, or kept in memory or on disk",
    ),
    metric(
        "atomicqms_answer_cache_bytes",
        Gauge,
        Some(Unit::Bytes),
        &["place"],
        "Answers kept in memory and on disk, those in the making included",
    ),
    metric(
        "atomicqms_answer_cache_damaged_total",
        Counter,
        None,
        &[],
        "Kept answers that did not match their checksums and were made anew: a disk or somebody damages files",
    ),
    metric("atomicqms_writer_queue_depth", Gauge, None, &[], "Database write jobs that wait"),
    metric("atomicqms_writer_batch_jobs", Histogram(&BATCH_JOBS), None, &[], "Write jobs that shared one commit"),
    metric(
        "atomicqms_writer_commit_seconds",
        Histogram(&INTERNAL_SECONDS),
        Some(Unit::Seconds),
        &[],
        "Time of one durable commit",
    ),
    metric(
        "atomicqms_writer_wait_seconds",
        Histogram(&INTERNAL_SECONDS),
        Some(Unit::Seconds),
        &[],
        "Time a write job waited before it ran",
    ),
    metric("atomicqms_writer_jobs_total", Counter, None, &["outcome"], "Write jobs by outcome"),
    metric(
        "atomicqms_reader_wait_seconds",
        Histogram(&INTERNAL_SECONDS),
        Some(Unit::Seconds),
        &[],
        "Time a read waited for a database connection",
    ),
    metric("atomicqms_repositories_open", Gauge, None, &[], "Repositories held open by their actors"),
    metric(
        "atomicqms_repository_turn_seconds",
        Histogram(&INTERNAL_SECONDS),
        Some(Unit::Seconds),
        &[],
        "Time of one turn of a repository actor (ref update)",
    ),
    metric("atomicqms_repository_queue_depth", Gauge, None, &[], "Ref updates admitted and not yet answered"),
    metric(
        "atomicqms_repository_deaths_total",
        Counter,
        None,
        &[],
        "Repository actors that died and will be opened anew",
    ),
    metric(
        "atomicqms_projection_failures_total",
        Counter,
        None,
        &[],
        "Writes of refs to disk that failed and will be repeated",
    ),
    metric(
        "atomicqms_waiting_packs",
        Gauge,
        None,
        &[],
        "Packs of small pushes that are in the database and not files yet",
    ),
    metric(
        "atomicqms_waiting_pack_bytes",
        Gauge,
        Some(Unit::Bytes),
        &[],
        "Memory of packs that are not files yet; git.max_waiting_bytes bounds it",
    ),
    metric(
        "atomicqms_write_outs_total",
        Counter,
        None,
        &["outcome"],
        "Times that the waiting packs of a repository were made a file, by outcome (done, failed)",
    ),
    metric(
        "atomicqms_flushes_total",
        Counter,
        None,
        &["what"],
        "Flushes of the disk that were asked for: files of repositories, database (one a commit, two a checkpoint)",
    ),
    metric(
        "atomicqms_unexplained_refs_total",
        Counter,
        None,
        &[],
        "Refs found on disk that the journal does not explain: somebody edited a repository behind the server",
    ),
    metric(
        "atomicqms_jobs_total",
        Counter,
        None,
        &["kind", "outcome"],
        "Runs of durable jobs by kind and outcome (done, later, retry, failed)",
    ),
    metric(
        "atomicqms_job_duration_seconds",
        Histogram(&OPERATION_SECONDS),
        Some(Unit::Seconds),
        &["kind"],
        "Duration of one run of a durable job",
    ),
    metric(
        "atomicqms_jobs_running",
        Gauge,
        None,
        &["runner"],
        "Durable jobs that run now, by runner (jobs, mails, mirrors)",
    ),
    metric(
        "atomicqms_mails_total",
        Counter,
        None,
        &["purpose", "outcome"],
        "Mails by purpose and outcome (sent, later: tried again, refused: given up, outdated: not wanted any more)",
    ),
    metric(
        "atomicqms_mirror_syncs_total",
        Counter,
        None,
        &["outcome"],
        "Looks at the remotes of mirrors and imports by outcome (ok, refused: rules of ours kept some changes out, failed)",
    ),
    metric(
        "atomicqms_search_seconds",
        Histogram(&REQUEST_SECONDS),
        Some(Unit::Seconds),
        &[],
        "Time of one search in code, waiting for a place not counted",
    ),
    metric(
        "atomicqms_searches_total",
        Counter,
        None,
        &["outcome"],
        "Searches in code by outcome: complete, incomplete (a limit was reached), failed",
    ),
    metric("atomicqms_search_index_bytes", Gauge, Some(Unit::Bytes), &[], "Size of the index of code on disk"),
    metric(
        "atomicqms_search_indexed_files_total",
        Counter,
        None,
        &[],
        "Files that were put into the index of code or taken out",
    ),
    metric(
        "atomicqms_search_waiting_repositories",
        Gauge,
        None,
        &[],
        "Repositories whose index is not up to date yet, as counted after the last run of an indexing job",
    ),
    metric(
        "atomicqms_maintenance_replaced_packs_total",
        Counter,
        None,
        &[],
        "Packs that maintenance replaced by better ones",
    ),
    metric("atomicqms_maintenance_bundles_total", Counter, None, &[], "Bundles made for clients to download"),
    metric("atomicqms_maintenance_removed_packs_total", Counter, None, &[], "Replaced packs whose files were removed"),
    metric(
        "atomicqms_maintenance_removed_objects_total",
        Counter,
        None,
        &[],
        "Unreachable objects that expired and were removed",
    ),
    metric("atomicqms_gate_in_flight", Gauge, None, &["gate"], "Requests let through a bounded gate and still running"),
    metric(
        "atomicqms_gate_wait_seconds",
        Histogram(&INTERNAL_SECONDS),
        Some(Unit::Seconds),
        &["gate"],
        "Time a request waited at a bounded gate",
    ),
    metric("atomicqms_gate_refused_total", Counter, None, &["gate"], "Requests a full gate refused"),
    metric("atomicqms_ledger_events_total", Counter, None, &[], "Audit events written"),
    metric(
        "atomicqms_auth_total",
        Counter,
        None,
        &["method", "outcome"],
        "Authentication attempts by method and outcome",
    ),
    metric(
        "atomicqms_rights_lookups_total",
        Counter,
        None,
        &["what", "outcome"],
        "Lookups of tokens and levels: hit (remembered and still good) or miss (read from the database)",
    ),
    metric("atomicqms_build_info", Gauge, None, &["version"], "Always 1; the label names the running version"),
    metric("process_resident_memory_bytes", Gauge, Some(Unit::Bytes), &[], "Resident memory"),
    metric("process_cpu_seconds_total", Gauge, Some(Unit::Seconds), &[], "Processor time used since start"),
    metric("process_open_fds", Gauge, None, &[], "Open file descriptors"),
    metric("process_max_fds", Gauge, None, &[], "Most file descriptors this process may open"),
    metric("process_threads", Gauge, None, &[], "Threads of this process"),
    metric("process_start_time_seconds", Gauge, Some(Unit::Seconds), &[], "Start time since the Unix epoch"),
];
