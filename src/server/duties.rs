//! Who does a durable job: tidying repositories, removing contents that no file needs, or forgetting who did not confirm an account.
//!
//! Owns nothing but the choice by kind.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_actors::jobs::Running;
use atomicqms_actors::{Job, Readers, RunJob, Writer};

use crate::blobs::Blobs;
use crate::forge::maintenance::Runner;
use crate::forge::{attachments, registrations};
use crate::model::Clock;

/// Runs every kind of job this server has.
#[derive(Clone)]
pub(super) struct Duties {
    pub(super) maintenance: Runner,
    pub(super) blobs: Blobs,
    pub(super) readers: Readers,
    pub(super) writer: Writer,
    pub(super) clock: Arc<dyn Clock>,
}

impl RunJob for Duties {
    fn run(&self, job: Job, stop: Arc<AtomicBool>) -> Running {
        let duties = self.clone();
        match job.kind.as_str() {
            attachments::FORGET_BLOB => {
                Box::pin(async move { Ok(attachments::run_job(&duties.blobs, &duties.readers, &job).await?) })
            }
            registrations::FORGET => {
                Box::pin(async move { Ok(registrations::run_job(&duties.writer, &*duties.clock, &job).await?) })
            }
            _ => self.maintenance.run(job, stop),
        }
    }
}
