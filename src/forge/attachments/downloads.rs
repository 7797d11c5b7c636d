//! How often files were fetched: counted in memory, written some seconds later, so that a download costs no commit.
//!
//! A server that ends meanwhile forgets the last few seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::db;
use crate::forge::Forge;
use crate::model::AttachmentId;

/// Counts wait so long.
const LAG: Duration = Duration::from_secs(5);
/// Files whose counts may wait at once; downloads of more are not counted.
const MAX_FILES: usize = 10_000;

/// Counts that are not written yet.
#[derive(Debug, Default)]
pub struct Downloads(Mutex<HashMap<AttachmentId, u64>>);

impl Downloads {
    /// Adds one; true: nobody is about to write yet.
    fn add(&self, file: AttachmentId) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = counts.is_empty();
        if counts.len() < MAX_FILES || counts.contains_key(&file) {
            *counts.entry(file).or_default() += 1;
        }
        was_empty
    }

    fn take(&self) -> HashMap<AttachmentId, u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts one download.
pub fn note(forge: &Arc<Forge>, file: AttachmentId) {
    if !forge.downloads.add(file) {
        return;
    }
    let forge = Arc::downgrade(forge);
    tokio::spawn(async move {
        tokio::time::sleep(LAG).await;
        if let Some(forge) = forge.upgrade() {
            write(&forge).await;
        }
    });
}

/// Writes what was counted.
pub async fn write(forge: &Forge) {
    let counts = forge.downloads.take();
    if counts.is_empty() {
        return;
    }
    let add = move |tx: &dyn atomicqms_actors::sql::Connection| {
        for (file, count) in counts {
            db::attachments::add_downloads(tx, file, count)?;
        }
        Ok(())
    };
    if let Err(error) = forge.write("count downloads", add).await {
        tracing::info!(error = %error.log_line(), "downloads were not counted");
    }
}
