//! Rows of durable jobs, and what the runner of jobs needs of them: the implementation of its trait.

use std::sync::Arc;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};
use atomicqms_actors::{Job, JobEnd, JobStore};

use crate::model::{Clock, UtcMs};

/// Longest text kept of an error.
const MAX_ERROR_CHARS: usize = 2000;

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedJob {
    /// What was to be done.
    pub kind: String,
    /// What to.
    pub key: String,
    /// Runs that failed.
    pub attempts: u32,
    /// The last error.
    pub error: String,
}

/// Asks for a job, in the transaction that makes it necessary; of one that waits already the earlier time counts.
pub fn schedule(tx: &dyn Connection, kind: &str, key: &str, run_after: UtcMs, now: UtcMs) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO job (kind, key, run_after_ms, created_ms) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (kind, key) WHERE claimed_ms IS NULL AND failed_ms IS NULL \
         DO UPDATE SET run_after_ms = excluded.run_after_ms WHERE job.run_after_ms > excluded.run_after_ms",
        &params![kind, key, run_after, now],
    )?;
    Ok(())
}

/// Counts the jobs that were given up.
pub fn count_failed(conn: &dyn Connection) -> Result<u64, Error> {
    let count = conn.first("SELECT COUNT(*) FROM job WHERE failed_ms IS NOT NULL", &[], |row| row.int(0))?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Counts the jobs of a kind that wait.
pub fn count_waiting(conn: &dyn Connection, kind: &str) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM job WHERE kind = $1 AND claimed_ms IS NULL AND failed_ms IS NULL";
    let count = conn.first(sql, &params![kind], |row| row.int(0))?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Lists the jobs that were given up about something.
pub fn list_failed(conn: &dyn Connection, kind: &str, key: &str) -> Result<Vec<FailedJob>, Error> {
    conn.all(
        "SELECT kind, key, attempts, last_error FROM job WHERE kind = $1 AND key = $2 AND failed_ms IS NOT NULL",
        &params![kind, key],
        |row| {
            let attempts = read_attempts(row, 2)?;
            let error = row.opt_text(3)?.unwrap_or_default();
            Ok(FailedJob { kind: row.text(0)?, key: row.text(1)?, attempts, error })
        },
    )
}

fn read_attempts(row: &dyn Row, index: usize) -> Result<u32, Error> {
    u32::try_from(row.int(index)?).map_err(|_| Error::Column { index, expected: "a count" })
}

/// Jobs as the runner sees them.
pub struct Rows {
    clock: Arc<dyn Clock>,
}

impl Rows {
    /// Reads due times by a clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// Lets a claimed row wait again, or joins it with one that was scheduled while it ran.
    fn wait_again(
        &self,
        tx: &dyn Connection,
        job: &Job,
        after_ms: i64,
        attempts: u32,
        error: Option<&str>,
    ) -> Result<(), Error> {
        let due = self.clock.now().plus_ms(after_ms);
        let joined = tx.execute(
            "UPDATE job SET attempts = $1, last_error = $2 WHERE kind = $3 AND key = $4 AND claimed_ms IS NULL AND failed_ms IS NULL",
            &params![i64::from(attempts), error, job.kind.as_str(), job.key.as_str()],
        )?;
        if joined > 0 {
            tx.execute(
                "UPDATE job SET run_after_ms = $1 WHERE kind = $2 AND key = $3 AND claimed_ms IS NULL AND failed_ms IS NULL AND run_after_ms < $4",
                &params![due, job.kind.as_str(), job.key.as_str(), due],
            )?;
            return remove(tx, job.id);
        }
        tx.execute(
            "UPDATE job SET claimed_ms = NULL, run_after_ms = $1, attempts = $2, last_error = $3 WHERE id = $4",
            &params![due, i64::from(attempts), error, job.id],
        )?;
        Ok(())
    }
}

fn remove(tx: &dyn Connection, id: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM job WHERE id = $1", &params![id])?;
    Ok(())
}

impl JobStore for Rows {
    fn release_all(&self, tx: &dyn Connection) -> Result<u64, Error> {
        // Of one that was scheduled again while it ran, one row is enough.
        tx.execute(
            "DELETE FROM job WHERE claimed_ms IS NOT NULL AND EXISTS (SELECT 1 FROM job AS w \
             WHERE w.kind = job.kind AND w.key = job.key AND w.claimed_ms IS NULL AND w.failed_ms IS NULL)",
            &[],
        )?;
        tx.execute("UPDATE job SET claimed_ms = NULL WHERE claimed_ms IS NOT NULL", &[])
    }

    fn claim(&self, tx: &dyn Connection) -> Result<Option<Job>, Error> {
        let now = self.clock.now();
        let due = tx.first(
            "SELECT id, kind, key, payload, attempts FROM job WHERE claimed_ms IS NULL AND failed_ms IS NULL AND run_after_ms <= $1 \
             AND NOT EXISTS (SELECT 1 FROM job AS o WHERE o.key = job.key AND o.claimed_ms IS NOT NULL) \
             ORDER BY run_after_ms, id LIMIT 1",
            &params![now],
            |row| {
                let attempts = read_attempts(row, 4)?.saturating_add(1);
                Ok(Job { id: row.int(0)?, kind: row.text(1)?, key: row.text(2)?, payload: row.text(3)?, attempts })
            },
        )?;
        if let Some(job) = &due {
            tx.execute(
                "UPDATE job SET claimed_ms = $1, attempts = $2 WHERE id = $3",
                &params![now, i64::from(job.attempts), job.id],
            )?;
        }
        Ok(due)
    }

    fn finish(&self, tx: &dyn Connection, job: &Job, end: &JobEnd) -> Result<(), Error> {
        let short = |error: &str| error.chars().take(MAX_ERROR_CHARS).collect::<String>();
        match end {
            JobEnd::Done => {
                // What failed before has been done now.
                tx.execute(
                    "DELETE FROM job WHERE kind = $1 AND key = $2 AND failed_ms IS NOT NULL",
                    &params![job.kind.as_str(), job.key.as_str()],
                )?;
                remove(tx, job.id)
            }
            JobEnd::Later(after) => self.wait_again(tx, job, millis(*after), job.attempts.saturating_sub(1), None),
            JobEnd::Retry { after, error } => {
                self.wait_again(tx, job, millis(*after), job.attempts, Some(&short(error)))
            }
            JobEnd::Failed { error } => {
                tx.execute(
                    "DELETE FROM job WHERE kind = $1 AND key = $2 AND failed_ms IS NOT NULL",
                    &params![job.kind.as_str(), job.key.as_str()],
                )?;
                tx.execute(
                    "UPDATE job SET claimed_ms = NULL, failed_ms = $1, last_error = $2 WHERE id = $3",
                    &params![self.clock.now(), short(error), job.id],
                )?;
                Ok(())
            }
        }
    }
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::db::testing::{self, NOON};
    use crate::model::time::ManualClock;

    fn rows(conn: &dyn Connection) -> Vec<String> {
        let text = "SELECT kind || ' ' || key || ' ' || attempts || CASE WHEN claimed_ms IS NOT NULL THEN ' runs' WHEN failed_ms IS NOT NULL \
             THEN ' failed' ELSE ' at ' || (run_after_ms - 1767268800000) END FROM job ORDER BY id";
        conn.all(text, &[], |row| row.text(0)).unwrap()
    }

    #[test]
    fn asking_twice_is_asking_once_and_the_earlier_time_counts() {
        let conn = testing::open();
        for after in [500, 100, 900] {
            schedule(&conn, "tidy", "1", NOON.plus_ms(after), NOON).unwrap();
        }
        schedule(&conn, "tidy", "2", NOON, NOON).unwrap();
        assert_eq!(rows(&conn), ["tidy 1 0 at 100", "tidy 2 0 at 0"]);
    }

    #[test]
    fn due_jobs_are_claimed_in_order_and_one_at_a_time_for_a_key() {
        let conn = testing::open();
        let clock = Arc::new(ManualClock::new(NOON));
        let store = Rows::new(clock);
        schedule(&conn, "tidy", "1", NOON, NOON).unwrap();
        schedule(&conn, "collect", "1", NOON.plus_ms(-1), NOON).unwrap();
        schedule(&conn, "tidy", "2", NOON, NOON).unwrap();
        schedule(&conn, "tidy", "3", NOON.plus_ms(1), NOON).unwrap();
        let first = store.claim(&conn).unwrap().unwrap();
        assert_eq!((first.kind.as_str(), first.key.as_str(), first.attempts), ("collect", "1", 1));
        let second = store.claim(&conn).unwrap().unwrap();
        assert_eq!((second.kind.as_str(), second.key.as_str()), ("tidy", "2"));
        assert_eq!(store.claim(&conn).unwrap(), None, "1 is taken, 3 is not due");
        store.finish(&conn, &first, &JobEnd::Done).unwrap();
        assert_eq!(store.claim(&conn).unwrap().unwrap().key, "1");
    }

    #[test]
    fn ends_are_recorded_and_join_what_was_asked_for_meanwhile() {
        let conn = testing::open();
        let store = Rows::new(Arc::new(ManualClock::new(NOON)));
        let error = "no".to_owned();
        schedule(&conn, "tidy", "1", NOON, NOON).unwrap();
        let job = store.claim(&conn).unwrap().unwrap();
        store.finish(&conn, &job, &JobEnd::Later(Duration::from_millis(7))).unwrap();
        assert_eq!(rows(&conn), ["tidy 1 0 at 7"]);
        conn.execute_batch("UPDATE job SET run_after_ms = 0").unwrap();
        let job = store.claim(&conn).unwrap().unwrap();
        schedule(&conn, "tidy", "1", NOON, NOON).unwrap();
        assert_eq!(rows(&conn), ["tidy 1 1 runs", "tidy 1 0 at 0"]);
        let retry = JobEnd::Retry { after: Duration::from_millis(30), error: error.clone() };
        store.finish(&conn, &job, &retry).unwrap();
        assert_eq!(rows(&conn), ["tidy 1 1 at 30"]);
        conn.execute_batch("UPDATE job SET run_after_ms = 0").unwrap();
        let job = store.claim(&conn).unwrap().unwrap();
        assert_eq!(job.attempts, 2);
        store.finish(&conn, &job, &JobEnd::Failed { error }).unwrap();
        assert_eq!((rows(&conn), count_failed(&conn).unwrap()), (vec!["tidy 1 2 failed".to_owned()], 1));
        assert_eq!(list_failed(&conn, "tidy", "1").unwrap()[0].error, "no");
        // Asked for again it has another chance, and a success forgets the failure.
        schedule(&conn, "tidy", "1", NOON, NOON).unwrap();
        let job = store.claim(&conn).unwrap().unwrap();
        assert_eq!(job.attempts, 1);
        store.finish(&conn, &job, &JobEnd::Done).unwrap();
        assert_eq!(rows(&conn), Vec::<String>::new());
    }

    #[test]
    fn claims_of_a_dead_process_are_freed() {
        let conn = testing::open();
        let store = Rows::new(Arc::new(ManualClock::new(NOON)));
        for key in ["1", "2"] {
            schedule(&conn, "tidy", key, NOON, NOON).unwrap();
            store.claim(&conn).unwrap().unwrap();
        }
        schedule(&conn, "tidy", "2", NOON.plus_ms(5), NOON).unwrap();
        assert_eq!(store.release_all(&conn).unwrap(), 1);
        assert_eq!(rows(&conn), ["tidy 1 1 at 0", "tidy 2 0 at 5"]);
    }
}
