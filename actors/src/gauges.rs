//! The names, units and meaning of every metric this crate emits, and the calls that emit them.
//!
//! Owns the names so that dashboards and tests have one place to look. Installs no recorder: the server does, before
//! it starts the first actor. Call [`describe`] once after that.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Jobs waiting for the writer.
pub const WRITER_QUEUE_DEPTH: &str = "atomicqms_writer_queue_depth";
/// Jobs per write transaction.
pub const WRITER_BATCH_JOBS: &str = "atomicqms_writer_batch_jobs";
/// Duration of COMMIT.
pub const WRITER_COMMIT_SECONDS: &str = "atomicqms_writer_commit_seconds";
/// Flushes of the disk; here those of the database.
pub const FLUSHES_TOTAL: &str = "atomicqms_flushes_total";
/// Time from queueing a write job to its start.
pub const WRITER_WAIT_SECONDS: &str = "atomicqms_writer_wait_seconds";
/// Write jobs by outcome.
pub const WRITER_JOBS_TOTAL: &str = "atomicqms_writer_jobs_total";
/// Time to get a read connection.
pub const READER_WAIT_SECONDS: &str = "atomicqms_reader_wait_seconds";
/// Repository actors alive.
pub const REPOSITORIES_OPEN: &str = "atomicqms_repositories_open";
/// Duration of one repository turn.
pub const REPOSITORY_TURN_SECONDS: &str = "atomicqms_repository_turn_seconds";
/// Requests accepted by repository actors and not yet answered.
pub const REPOSITORY_QUEUE_DEPTH: &str = "atomicqms_repository_queue_depth";
/// Repository actors that died of an error.
pub const REPOSITORY_DEATHS_TOTAL: &str = "atomicqms_repository_deaths_total";
/// Projections of committed refs to disk that failed and are retried.
pub const PROJECTION_FAILURES_TOTAL: &str = "atomicqms_projection_failures_total";
/// Packs of small pushes that are committed and not files yet.
pub const WAITING_PACKS: &str = "atomicqms_waiting_packs";
/// What they take in memory.
pub const WAITING_PACK_BYTES: &str = "atomicqms_waiting_pack_bytes";
/// Times that the waiting packs of a repository were made files, by outcome.
pub const WRITE_OUTS_TOTAL: &str = "atomicqms_write_outs_total";
/// Refs on disk that the journal does not explain.
pub const UNEXPLAINED_REFS_TOTAL: &str = "atomicqms_unexplained_refs_total";
/// Runs of durable jobs by kind and outcome.
pub const JOBS_TOTAL: &str = "atomicqms_jobs_total";
/// Duration of one run of a durable job.
pub const JOB_SECONDS: &str = "atomicqms_job_duration_seconds";
/// Durable jobs that run now.
pub const JOBS_RUNNING: &str = "atomicqms_jobs_running";
/// Requests inside a gate.
pub const GATE_IN_FLIGHT: &str = "atomicqms_gate_in_flight";
/// Time spent in line before a gate.
pub const GATE_WAIT_SECONDS: &str = "atomicqms_gate_wait_seconds";
/// Requests a full gate turned away.
pub const GATE_REFUSED_TOTAL: &str = "atomicqms_gate_refused_total";

/// Registers unit and help text of every metric with the installed recorder.
pub fn describe() {
    describe_gauge!(WRITER_QUEUE_DEPTH, Unit::Count, "Jobs waiting for the SQLite writer");
    describe_histogram!(WRITER_BATCH_JOBS, Unit::Count, "Jobs per write transaction");
    describe_histogram!(WRITER_COMMIT_SECONDS, Unit::Seconds, "Duration of COMMIT, the durable flush included");
    describe_counter!(FLUSHES_TOTAL, Unit::Count, "Flushes of the disk that were asked for");
    describe_histogram!(WRITER_WAIT_SECONDS, Unit::Seconds, "Time from queueing a write job to its start");
    describe_counter!(WRITER_JOBS_TOTAL, Unit::Count, "Write jobs by outcome");
    describe_histogram!(READER_WAIT_SECONDS, Unit::Seconds, "Time to get a read connection");
    describe_gauge!(REPOSITORIES_OPEN, Unit::Count, "Repository actors alive");
    describe_histogram!(REPOSITORY_TURN_SECONDS, Unit::Seconds, "Duration of one ref update turn");
    describe_gauge!(REPOSITORY_QUEUE_DEPTH, Unit::Count, "Requests repository actors hold unanswered");
    describe_counter!(REPOSITORY_DEATHS_TOTAL, Unit::Count, "Repository actors that died of an error");
    describe_counter!(PROJECTION_FAILURES_TOTAL, Unit::Count, "Failed projections of committed refs to disk");
    describe_gauge!(WAITING_PACKS, Unit::Count, "Packs of small pushes that are in the database and not files yet");
    describe_gauge!(WAITING_PACK_BYTES, Unit::Bytes, "Memory of packs that are not files yet");
    describe_counter!(WRITE_OUTS_TOTAL, Unit::Count, "Times that waiting packs of a repository were made files");
    describe_counter!(UNEXPLAINED_REFS_TOTAL, Unit::Count, "Refs on disk that the journal does not explain");
    describe_counter!(JOBS_TOTAL, Unit::Count, "Runs of durable jobs by kind and outcome");
    describe_histogram!(JOB_SECONDS, Unit::Seconds, "Duration of one run of a durable job");
    describe_gauge!(JOBS_RUNNING, Unit::Count, "Durable jobs that run now");
    describe_gauge!(GATE_IN_FLIGHT, Unit::Count, "Requests inside a gate");
    describe_histogram!(GATE_WAIT_SECONDS, Unit::Seconds, "Time spent in line before a gate");
    describe_counter!(GATE_REFUSED_TOTAL, Unit::Count, "Requests a full gate turned away");
}

/// What became of one write job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobOutcome {
    Committed,
    Failed,
    Panicked,
    Expired,
    Refused,
    Lost,
}

impl JobOutcome {
    fn label(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }
}

pub(crate) fn writer_job(outcome: JobOutcome) {
    counter!(WRITER_JOBS_TOTAL, "outcome" => outcome.label()).increment(1);
}

pub(crate) fn writer_queue(depth: usize) {
    gauge!(WRITER_QUEUE_DEPTH).set(depth as f64);
}

pub(crate) fn writer_waited(waited: Duration) {
    histogram!(WRITER_WAIT_SECONDS).record(waited.as_secs_f64());
}

pub(crate) fn database_flushed(times: u64) {
    counter!(FLUSHES_TOTAL, "what" => "database").increment(times);
}

pub(crate) fn writer_batch(jobs: usize, commit: Duration) {
    histogram!(WRITER_BATCH_JOBS).record(jobs as f64);
    histogram!(WRITER_COMMIT_SECONDS).record(commit.as_secs_f64());
}

pub(crate) fn reader_waited(waited: Duration) {
    histogram!(READER_WAIT_SECONDS).record(waited.as_secs_f64());
}

pub(crate) fn repositories_open(count: usize) {
    gauge!(REPOSITORIES_OPEN).set(count as f64);
}

pub(crate) fn repository_turn(took: Duration) {
    histogram!(REPOSITORY_TURN_SECONDS).record(took.as_secs_f64());
}

pub(crate) fn repository_died() {
    counter!(REPOSITORY_DEATHS_TOTAL).increment(1);
}

pub(crate) fn projection_failed() {
    counter!(PROJECTION_FAILURES_TOTAL).increment(1);
}

pub(crate) fn refs_unexplained(count: usize) {
    counter!(UNEXPLAINED_REFS_TOTAL).increment(count as u64);
}

/// Name of the gate before every repository actor; all of them share one gauge, or a thousand repositories would
/// make a thousand series.
pub(crate) const REPOSITORY_GATE: &str = "repository";

/// Shows a new gate at zero, so that a dashboard has its series before the first refusal.
pub(crate) fn gate_opened(name: &'static str) {
    counter!(GATE_REFUSED_TOTAL, "gate" => name).increment(0);
    if name != REPOSITORY_GATE {
        gauge!(GATE_IN_FLIGHT, "gate" => name).increment(0.0);
    }
}

pub(crate) fn gate_entered(name: &'static str) {
    if name == REPOSITORY_GATE {
        gauge!(REPOSITORY_QUEUE_DEPTH).increment(1.0);
    } else {
        gauge!(GATE_IN_FLIGHT, "gate" => name).increment(1.0);
    }
}

pub(crate) fn pack_waits(bytes: u64) {
    gauge!(WAITING_PACKS).increment(1.0);
    gauge!(WAITING_PACK_BYTES).increment(bytes as f64);
}

pub(crate) fn pack_is_written(bytes: u64) {
    gauge!(WAITING_PACKS).decrement(1.0);
    gauge!(WAITING_PACK_BYTES).decrement(bytes as f64);
}

pub(crate) fn packs_written_out(is_done: bool) {
    counter!(WRITE_OUTS_TOTAL, "outcome" => if is_done { "done" } else { "failed" }).increment(1);
}

pub(crate) fn gate_left(name: &'static str) {
    if name == REPOSITORY_GATE {
        gauge!(REPOSITORY_QUEUE_DEPTH).decrement(1.0);
    } else {
        gauge!(GATE_IN_FLIGHT, "gate" => name).decrement(1.0);
    }
}

pub(crate) fn gate_waited(name: &'static str, waited: Duration) {
    histogram!(GATE_WAIT_SECONDS, "gate" => name).record(waited.as_secs_f64());
}

pub(crate) fn gate_refused(name: &'static str) {
    counter!(GATE_REFUSED_TOTAL, "gate" => name).increment(1);
}

pub(crate) fn job_ended(kind: &str, outcome: &'static str, took: Duration) {
    counter!(JOBS_TOTAL, "kind" => kind.to_owned(), "outcome" => outcome).increment(1);
    histogram!(JOB_SECONDS, "kind" => kind.to_owned()).record(took.as_secs_f64());
}

pub(crate) fn jobs_running(runner: &'static str, count: usize) {
    gauge!(JOBS_RUNNING, "runner" => runner).set(count as f64);
}
