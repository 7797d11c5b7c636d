//! Tasks that outlive the request that began them, such as the landing of a push whose client has left.
//!
//! Owns the count, so that shutdown can wait for them. Decides nothing about what they do.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Starts and counts detached tasks; cheap to clone.
#[derive(Debug, Clone)]
pub struct Work {
    running: Arc<watch::Sender<usize>>,
}

/// Keeps something counted as running.
#[derive(Debug)]
pub struct Running(Arc<watch::Sender<usize>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Default for Work {
    fn default() -> Self {
        Self { running: Arc::new(watch::Sender::new(0)) }
    }
}

impl Work {
    /// Counts something as running until the guard is dropped.
    pub fn begin(&self) -> Running {
        self.running.send_modify(|count| *count += 1);
        Running(Arc::clone(&self.running))
    }

    /// Runs a future to its end, whatever becomes of the caller. Its log lines keep the caller's request id.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let running = self.begin();
        tokio::spawn(
            async move {
                let _running = running;
                future.await
            }
            .instrument(tracing::Span::current()),
        )
    }

    /// Counts what is running now.
    pub fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Waits until nothing is running.
    pub async fn finished(&self) {
        let mut count = self.running.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn finished_waits_for_tasks_also_after_a_panic() {
        let work = Work::default();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let kept = work.spawn(async move { wait.await.is_ok() });
        let failing = work.spawn(async { assert!(std::hint::black_box(false), "on purpose") });
        assert!(failing.await.is_err());
        assert_eq!(work.running(), 1);
        let waiter = work.clone();
        let mut finished = std::pin::pin!(waiter.finished());
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), finished.as_mut()).await.is_err());
        go.send(()).unwrap();
        finished.await;
        assert!(kept.await.unwrap());
        assert_eq!(work.running(), 0);
    }
}
