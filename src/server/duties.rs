//! Who does a durable job: tidying repositories, or removing contents that no file needs.
//!
//! Owns nothing but the choice by kind.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use atomicqms_actors::jobs::Running;
use atomicqms_actors::{Job, Readers, RunJob};

use crate::blobs::Blobs;
use crate::forge::attachments;
use crate::forge::maintenance::Runner;

/// Runs every kind of job this server has.
#[derive(Clone)]
pub(super) struct Duties {
    pub(super) maintenance: Runner,
    pub(super) blobs: Blobs,
    pub(super) readers: Readers,
}

impl RunJob for Duties {
    fn run(&self, job: Job, stop: Arc<AtomicBool>) -> Running {
        if job.kind != attachments::FORGET_BLOB {
            return self.maintenance.run(job, stop);
        }
        let duties = self.clone();
        Box::pin(async move { Ok(attachments::run_job(&duties.blobs, &duties.readers, &job).await?) })
    }
}
