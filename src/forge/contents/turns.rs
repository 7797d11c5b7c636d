//! Who writes files of one branch next, once several want to at the same time.
//!
//! Owns the queues. Whoever is alone waits for nobody; where somebody's commit did not land because another one's did, all of them go one after the other, so
//! that each makes its commit once more and not once for everybody before it. A push goes by the queues. Called by `forge/contents.rs`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use atomicqms_actors::ask::Deadline;
use tokio::sync::OwnedMutexGuard;

use crate::model::RepoId;

/// Queues nobody stands in are thrown away when there are more than this.
const KEPT: usize = 256;

type Queue = tokio::sync::Mutex<()>;

/// The queues of all branches.
#[derive(Debug, Default)]
pub(in crate::forge) struct Turns {
    queues: Mutex<HashMap<(RepoId, String), Weak<Queue>>>,
}

/// One's turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    /// Stands in the queue of a branch; none when the time is over first.
    pub(super) async fn wait(&self, repo: RepoId, branch: &str, deadline: Deadline) -> Option<Turn> {
        Self::stand(self.queue(repo, branch), deadline).await
    }

    /// The same where others stand already; none at once where nobody does.
    pub(super) async fn wait_behind(&self, repo: RepoId, branch: &str, deadline: Deadline) -> Option<Turn> {
        let key = (repo, branch.to_owned());
        let queue = self.queues.lock().unwrap_or_else(PoisonError::into_inner).get(&key).and_then(Weak::upgrade)?;
        Self::stand(queue, deadline).await
    }

    async fn stand(queue: Arc<Queue>, deadline: Deadline) -> Option<Turn> {
        let guard = tokio::time::timeout(deadline.remaining(), queue.lock_owned()).await.ok()?;
        Some(Turn { _guard: guard })
    }

    fn queue(&self, repo: RepoId, branch: &str) -> Arc<Queue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if queues.len() >= KEPT {
            queues.retain(|_, queue| queue.strong_count() > 0);
        }
        let place = queues.entry((repo, branch.to_owned())).or_default();
        place.upgrade().unwrap_or_else(|| {
            let queue = Arc::new(Queue::default());
            *place = Arc::downgrade(&queue);
            queue
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_queue_is_there_while_somebody_stands_in_it() {
        let (turns, repo) = (Turns::default(), RepoId::new(1));
        let (now, later) = (Deadline::after(Duration::ZERO), Deadline::after(Duration::from_secs(60)));
        assert!(turns.wait_behind(repo, "main", later).await.is_none(), "nobody waits behind nobody");
        let first = turns.wait(repo, "main", later).await;
        assert!(first.is_some());
        assert!(turns.wait(repo, "main", now).await.is_none(), "not while it is another's turn");
        assert!(turns.wait_behind(repo, "main", now).await.is_none());
        assert!(turns.wait(repo, "dev", now).await.is_some(), "another branch has its own");
        assert!(turns.wait(RepoId::new(2), "main", now).await.is_some(), "and another repository");
        let (second, ()) = tokio::join!(turns.wait_behind(repo, "main", later), async { drop(first) });
        assert!(second.is_some());
        drop(second);
        assert!(turns.wait_behind(repo, "main", later).await.is_none());
        for number in 0..2 * KEPT {
            drop(turns.wait(repo, &number.to_string(), later).await);
        }
        assert!(turns.queues.lock().unwrap().len() <= KEPT);
    }
}
