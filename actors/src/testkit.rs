//! What tests of this crate and of the server share: waiting for a condition, a writer over a temporary database.
//!
//! Only tests call it. It waits by polling with the runtime's timer and reports what it was waiting for; it never
//! sleeps for a guessed time.

#[cfg(test)]
pub(crate) mod world;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::{Error, Escalation, Readers, ReadersOptions, Supervisor, Writer, WriterOptions, sql};

/// Longest time [`until`] waits.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Polls until `probe` answers `Some`, and answers that.
///
/// Panics: after [`PATIENCE`], naming `what`.
pub async fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Polls until the future made by `probe` answers `Some`, and answers that.
///
/// Panics: after [`PATIENCE`], naming `what`.
pub async fn until_async<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A supervisor, a writer and readers over one database file.
pub struct Database {
    /// Parent of the writer.
    pub supervisor: Supervisor,
    /// The writer.
    pub writer: Writer,
    /// Readers of the same file.
    pub readers: Readers,
    /// Every escalation so far; an orderly test ends with none.
    pub escalations: Arc<Mutex<Vec<Escalation>>>,
}

impl Database {
    /// Opens `path` and runs `schema` in one transaction.
    ///
    /// Errors: whatever the supervisor, the writer, the schema or the pool answers.
    pub async fn start(path: &Path, schema: &'static str, options: WriterOptions) -> Result<Self, Error> {
        let escalations = Arc::new(Mutex::new(Vec::new()));
        let supervisor = Supervisor::start(Arc::new({
            let escalations = Arc::clone(&escalations);
            move |escalation| {
                escalations.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(escalation);
            }
        }))
        .await?;
        let writer = Writer::start(path, options, &supervisor).await?;
        writer.write("schema", move |tx: &dyn sql::Connection| Ok::<_, Error>(tx.execute_batch(schema)?)).await?;
        let readers = Readers::open(path, ReadersOptions { connections: 2, ..ReadersOptions::default() })?;
        Ok(Self { supervisor, writer, readers, escalations })
    }

    /// Number of escalations so far.
    #[must_use]
    pub fn escalation_count(&self) -> usize {
        self.escalations.lock().unwrap_or_else(std::sync::PoisonError::into_inner).len()
    }

    /// Stops the writer and the supervisor in order.
    ///
    /// Errors: what the shutdown of the writer answers.
    pub async fn finish(self) -> Result<(), Error> {
        self.readers.close();
        self.writer.shutdown().await?;
        self.supervisor.stop().await;
        Ok(())
    }
}
