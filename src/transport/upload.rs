//! How an answer to a fetching client ends, and what is counted and logged about it, whatever carried it.
//!
//! Called by `http/git/upload.rs` and `ssh/fetch.rs`, on the blocking thread that made the answer.

use std::time::Duration;

use atomicqms_git::upload::{UploadOutcome, UploadStats};

use super::answer::AnswerWriter;

/// Ends the answer so that the client cannot take a broken one for whole.
pub fn end(writer: AnswerWriter, result: atomicqms_git::Result<UploadStats>) {
    match result {
        // A refusal has been told in the protocol's own words; the answer as such is complete.
        Ok(_) => drop(writer.finish()),
        Err(error) if error.is_peer_fault() && !matches!(error, atomicqms_git::Error::PeerGone(_)) => {
            drop(writer.finish());
        }
        Err(error) => writer.fail(std::io::Error::other(error)),
    }
}

/// Whether the answer ended because the client left or stopped reading, or took longer than an operation may.
fn is_abandoned(error: &atomicqms_git::Error) -> bool {
    matches!(error, atomicqms_git::Error::Interrupted | atomicqms_git::Error::PeerGone(_))
}

/// Counts and logs one answer.
pub fn note(result: &atomicqms_git::Result<UploadStats>, took: Duration, bytes: u64) {
    let (service, outcome) = match result {
        Ok(stats) => match stats.outcome {
            UploadOutcome::Refs => ("ls-refs", "ok"),
            UploadOutcome::Pack => ("upload-pack", "ok"),
            UploadOutcome::Negotiated | UploadOutcome::Nothing => ("negotiation", "ok"),
        },
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
