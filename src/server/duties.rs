//! Who does a durable job: tidying repositories, indexing their files, removing contents that no file needs, or forgetting who did not confirm an account.
//!
//! Owns nothing but the choice by kind.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use atomicqms_actors::jobs::Running;
use atomicqms_actors::{Job, JobOutcome, Readers, RunJob, Writer};

use crate::blobs::Blobs;
use crate::forge::code_search::{INDEX, indexer::Indexer};
use crate::forge::maintenance::Runner;
use crate::forge::{attachments, registrations};
use crate::model::Clock;

/// Jobs of maintenance that were asked for before it was switched off wait so long each time.
const SWITCHED_OFF: Duration = Duration::from_secs(24 * 3600);

/// Runs every kind of job this server has.
#[derive(Clone)]
pub(super) struct Duties {
    /// None: maintenance is switched off.
    pub(super) maintenance: Option<Runner>,
    pub(super) indexer: Indexer,
    pub(super) blobs: Blobs,
    pub(super) readers: Readers,
    pub(super) writer: Writer,
    pub(super) clock: Arc<dyn Clock>,
}

impl RunJob for Duties {
    fn run(&self, job: Job, stop: Arc<AtomicBool>) -> Running {
        let duties = self.clone();
        match job.kind.as_str() {
            INDEX => Box::pin(async move { duties.indexer.run_job(&job, &stop).await }),
            attachments::FORGET_BLOB => {
                Box::pin(async move { Ok(attachments::run_job(&duties.blobs, &duties.readers, &job).await?) })
            }
            registrations::FORGET => {
                Box::pin(async move { Ok(registrations::run_job(&duties.writer, &*duties.clock, &job).await?) })
            }
            _ => match &self.maintenance {
                Some(maintenance) => maintenance.run(job, stop),
                None => Box::pin(async { Ok(JobOutcome::Later(SWITCHED_OFF)) }),
            },
        }
    }
}
