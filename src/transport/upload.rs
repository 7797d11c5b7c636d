//! How an answer to a fetching client ends, and what is counted and logged about it, whatever carried it.
//!
//! Called by `http/git/upload.rs` and `ssh/fetch.rs`, on the blocking thread that made the answer.

use std::time::Duration;

use atomicqms_git::upload::{UploadOutcome, UploadStats};

use super::answer::AnswerWriter;
use super::answers::{Facts, FlightWriter, Kept};
use crate::telemetry::kept::KeptCounter;

/// Ends the answer so that the client cannot take a broken one for whole.
pub fn end(writer: AnswerWriter, result: atomicqms_git::Result<UploadStats>) {
    match result {
        Err(error) if !is_told(&error) => writer.fail(std::io::Error::other(error)),
        // A client that has left needs no end.
        Ok(_) | Err(_) => drop(writer.finish()),
    }
}

/// The same for an answer that many may read; one that holds what was asked for is kept.
pub fn end_shared(writer: FlightWriter, result: atomicqms_git::Result<UploadStats>) {
    let ended = match result {
        Ok(stats) => writer.keep(Facts::of(&stats)),
        Err(error) if is_told(&error) => writer.finish(),
        // Dropped without an end it breaks off, also for those who read it.
        Err(_) => return,
    };
    // Logged where it happened; those who read it see that it broke off.
    drop(ended);
}

/// Whether a failure is a refusal that was told in the protocol's own words, so that the answer as such is complete.
fn is_told(error: &atomicqms_git::Error) -> bool {
    error.is_peer_fault() && !matches!(error, atomicqms_git::Error::PeerGone(_))
}

impl Facts {
    /// Those of an answer that was made.
    pub fn of(stats: &UploadStats) -> Self {
        Self { service: service(stats.outcome), objects: stats.objects }
    }
}

/// The kind of an answer, as metrics name it.
fn service(outcome: UploadOutcome) -> &'static str {
    match outcome {
        UploadOutcome::Refs => "ls-refs",
        UploadOutcome::Pack => "upload-pack",
        UploadOutcome::Negotiated | UploadOutcome::Nothing => "negotiation",
    }
}

/// Counts an answer that is sent once more.
pub fn note_kept(kept: &Kept) {
    let Facts { service, objects } = kept.facts();
    static BYTES: KeptCounter =
        KeptCounter::new(|| metrics::counter!("atomicqms_git_bytes_total", "direction" => "out"));
    static OBJECTS: KeptCounter =
        KeptCounter::new(|| metrics::counter!("atomicqms_git_pack_objects_total", "direction" => "out"));
    static MEMORY: KeptCounter = KeptCounter::new(|| metrics::counter!("atomicqms_answers_total", "from" => "memory"));
    static DISK: KeptCounter = KeptCounter::new(|| metrics::counter!("atomicqms_answers_total", "from" => "disk"));
    static REFS: KeptCounter = KeptCounter::new(|| operations("ls-refs"));
    static PACKS: KeptCounter = KeptCounter::new(|| operations("upload-pack"));
    let from = if kept.place() == "memory" { &MEMORY } else { &DISK };
    from.increment(1);
    match service {
        "ls-refs" => REFS.increment(1),
        "upload-pack" => PACKS.increment(1),
        other => operations(other).increment(1),
    }
    BYTES.increment(kept.len());
    OBJECTS.increment(objects);
}

fn operations(service: &'static str) -> metrics::Counter {
    metrics::counter!("atomicqms_git_operations_total", "service" => service, "outcome" => "ok")
}

/// Whether the answer ended because the client left or stopped reading, or took longer than an operation may.
fn is_abandoned(error: &atomicqms_git::Error) -> bool {
    matches!(error, atomicqms_git::Error::Interrupted | atomicqms_git::Error::PeerGone(_))
}

/// Counts and logs one answer.
pub fn note(result: &atomicqms_git::Result<UploadStats>, took: Duration, bytes: u64) {
    let (service, outcome) = match result {
        Ok(stats) => (service(stats.outcome), "ok"),
        Err(error) if is_abandoned(error) => ("upload-pack", "abandoned"),
        Err(error) if error.is_peer_fault() => ("upload-pack", "refused"),
        Err(_) => ("upload-pack", "failed"),
    };
    metrics::counter!("atomicqms_git_operations_total", "service" => service, "outcome" => outcome).increment(1);
    metrics::histogram!("atomicqms_git_operation_duration_seconds", "service" => service).record(took);
    metrics::counter!("atomicqms_git_bytes_total", "direction" => "out").increment(bytes);
    match result {
        Ok(stats) => {
            metrics::counter!("atomicqms_git_pack_objects_total", "direction" => "out").increment(stats.objects);
            tracing::debug!(
                git.objects = stats.objects,
                git.reused = stats.reused,
                git.bytes = bytes,
                duration_ms = took.as_millis() as u64,
                "upload-pack answered {service}"
            );
        }
        Err(error) if is_abandoned(error) => tracing::info!(%error, git.bytes = bytes, "upload-pack abandoned"),
        Err(error) if error.is_peer_fault() => tracing::info!(%error, "upload-pack refused"),
        Err(error) => tracing::error!(error = error as &dyn std::error::Error, "upload-pack failed"),
    }
}
