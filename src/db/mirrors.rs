//! Rows of mirrors, and what the runner that synchronizes them needs of them: the implementation of its trait.

use std::sync::Arc;
use std::time::Duration;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};
use atomicqms_actors::{Job, JobEnd, JobStore};

use crate::model::mirror::{Mirror, MirrorStatus, NewMirror};
use crate::model::{Clock, RepoId, UtcMs};

/// Kind of the jobs.
pub const SYNC: &str = "mirror.sync";
/// Longest text kept of an error. Units: characters.
const MAX_ERROR_CHARS: usize = 500;

const COLUMNS: &str =
    "repo_id, remote_url, credentials, is_once, interval_ms, prunes, synced_ms, failures, refused, last_error";

fn read(row: &dyn Row) -> Result<Mirror, Error> {
    Ok(Mirror {
        repository: RepoId::new(row.int(0)?),
        remote_url: row.text(1)?,
        credentials: row.opt_blob(2)?,
        is_once: row.flag(3)?,
        interval_ms: row.int(4)?,
        prunes: row.flag(5)?,
        synced_ms: row.opt_int(6)?.map(UtcMs::new),
        failures: u32::try_from(row.int(7)?).map_err(|_| Error::Column { index: 7, expected: "a count" })?,
        refused: row.text(8)?,
        last_error: row.opt_text(9)?,
    })
}

/// Makes a repository a mirror that is being synchronized for the first time by whoever makes it.
pub fn insert(tx: &dyn Connection, id: RepoId, new: &NewMirror, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO mirror (repo_id, remote_url, credentials, is_once, interval_ms, claimed_ms, began_ms, created_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &params![id, new.remote_url.as_str(), new.credentials.as_deref(), new.is_once, new.interval_ms, at, at, at],
    )?;
    tx.execute(
        "UPDATE repository SET is_mirror = 1, original_url = $1 WHERE id = $2",
        &params![new.remote_url.as_str(), id],
    )?;
    Ok(())
}

/// Finds the mirror that a repository is.
pub fn find(conn: &dyn Connection, id: RepoId) -> Result<Option<Mirror>, Error> {
    conn.first(&format!("SELECT {COLUMNS} FROM mirror WHERE repo_id = $1"), &params![id], read)
}

/// Finds the mirror that a repository is, and how it stands with it.
pub fn find_status(conn: &dyn Connection, id: RepoId) -> Result<Option<MirrorStatus>, Error> {
    let sql = format!("SELECT {COLUMNS}, claimed_ms, failing_since_ms, run_after_ms FROM mirror WHERE repo_id = $1");
    conn.first(&sql, &params![id], |row| {
        Ok(MirrorStatus {
            mirror: read(row)?,
            is_running: row.opt_int(10)?.is_some(),
            failing_since: row.opt_int(11)?.map(UtcMs::new),
            next: row.opt_int(12)?.map(UtcMs::new),
        })
    })
}

/// Asks for a mirror to be synchronized now, or once more if that is under way, but not before `wait_ms` have passed since its last run began; answers when
/// it is due. Units: milliseconds.
pub fn ask(tx: &dyn Connection, id: RepoId, wait_ms: i64, now: UtcMs) -> Result<UtcMs, Error> {
    let known = tx.first("SELECT began_ms, run_after_ms FROM mirror WHERE repo_id = $1", &params![id], |row| {
        Ok((row.opt_int(0)?, row.opt_int(1)?))
    })?;
    let (began, run_after) = known.unwrap_or_default();
    let earliest = began.map_or(now, |began| UtcMs::new(began).plus_ms(wait_ms).max(now));
    // What is due sooner by itself stays so.
    let due = run_after.map_or(earliest, |run_after| UtcMs::new(run_after).min(earliest));
    tx.execute("UPDATE mirror SET run_after_ms = $1 WHERE repo_id = $2", &params![due, id])?;
    Ok(due)
}

/// Writes how a mirror is kept and when it is due; one that is due now stays so.
pub fn update(tx: &dyn Connection, mirror: &Mirror, run_after: Option<UtcMs>, now: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE mirror SET interval_ms = $1, prunes = $2, credentials = $3, \
         run_after_ms = CASE WHEN run_after_ms <= $4 THEN run_after_ms ELSE $5 END WHERE repo_id = $6",
        &params![mirror.interval_ms, mirror.prunes, mirror.credentials.as_deref(), now, run_after, mirror.repository],
    )?;
    Ok(())
}

/// Notes that a mirror is in step, but for changes that rules refused.
pub fn record_success(
    tx: &dyn Connection,
    id: RepoId,
    next: Option<UtcMs>,
    refused: &str,
    now: UtcMs,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE mirror SET synced_ms = $1, failures = 0, failing_since_ms = NULL, last_error = NULL, refused = $2 WHERE repo_id = $3",
        &params![now, refused, id],
    )?;
    wait_until(tx, id, next)
}

/// Notes that a mirror could not be synchronized.
pub fn record_failure(
    tx: &dyn Connection,
    id: RepoId,
    next: Option<UtcMs>,
    error: &str,
    now: UtcMs,
) -> Result<(), Error> {
    tx.execute("UPDATE mirror SET last_error = $1 WHERE repo_id = $2", &params![short(error), id])?;
    count_failure(tx, id, next, now)
}

/// Counts a failure of which there is nothing to say.
fn count_failure(tx: &dyn Connection, id: RepoId, next: Option<UtcMs>, now: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE mirror SET failures = failures + 1, failing_since_ms = COALESCE(failing_since_ms, $1) WHERE repo_id = $2",
        &params![now, id],
    )?;
    wait_until(tx, id, next)
}

/// Lets a mirror wait, unless somebody asked for it to be synchronized sooner.
pub fn wait_until(tx: &dyn Connection, id: RepoId, next: Option<UtcMs>) -> Result<(), Error> {
    tx.execute(
        "UPDATE mirror SET run_after_ms = $1 WHERE repo_id = $2 AND (run_after_ms IS NULL OR run_after_ms > $3)",
        &params![next, id, next],
    )?;
    Ok(())
}

/// Ends a claim.
pub fn release(tx: &dyn Connection, id: RepoId) -> Result<(), Error> {
    tx.execute("UPDATE mirror SET claimed_ms = NULL WHERE repo_id = $1", &params![id])?;
    Ok(())
}

/// Makes a repository that was taken over one like any other; where it came from stays.
pub fn forget(tx: &dyn Connection, id: RepoId) -> Result<(), Error> {
    tx.execute("DELETE FROM mirror WHERE repo_id = $1", &params![id])?;
    tx.execute("UPDATE repository SET is_mirror = 0 WHERE id = $1", &params![id])?;
    Ok(())
}

fn short(error: &str) -> String {
    error.chars().take(MAX_ERROR_CHARS).collect()
}

/// Mirrors as the runner sees them.
pub struct Rows {
    clock: Arc<dyn Clock>,
    most_of_one_owner: i64,
}

impl Rows {
    /// Reads due times by a clock, and lets so many of one owner run at once.
    pub fn new(clock: Arc<dyn Clock>, most_of_one_owner: usize) -> Self {
        Self { clock, most_of_one_owner: i64::try_from(most_of_one_owner).unwrap_or(i64::MAX) }
    }
}

/// How many mirrors of the owner `r.owner_id` are being synchronized, those included that are just being made.
const RUNNING: &str = "(SELECT COUNT(*) FROM mirror c JOIN repository s ON s.id = c.repo_id \
     WHERE c.claimed_ms IS NOT NULL AND s.owner_id = r.owner_id)";

impl JobStore for Rows {
    fn release_all(&self, tx: &dyn Connection) -> Result<u64, Error> {
        // What was cut short is due: nobody else would ask for it. An import counts it: it may be what ended the process.
        let now = self.clock.now();
        tx.execute(
            "UPDATE mirror SET claimed_ms = NULL, run_after_ms = $1, failures = failures + is_once WHERE claimed_ms IS NOT NULL",
            &params![now],
        )
    }

    fn claim(&self, tx: &dyn Connection) -> Result<Option<Job>, Error> {
        let now = self.clock.now();
        // Owners of whom fewer run come first, then those whose last turn was longest ago; of one owner what has been due for longest.
        let next = format!(
            "SELECT m.repo_id, m.failures, r.owner_id FROM mirror m JOIN repository r ON r.id = m.repo_id \
             LEFT JOIN mirror_turn t ON t.owner_id = r.owner_id \
             WHERE m.claimed_ms IS NULL AND m.run_after_ms IS NOT NULL AND m.run_after_ms <= $1 AND {RUNNING} < $2 \
             ORDER BY {RUNNING}, COALESCE(t.began_ms, 0), m.run_after_ms, m.repo_id LIMIT 1"
        );
        let due =
            tx.first(&next, &params![now, self.most_of_one_owner], |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)))?;
        let Some((id, failures, owner)) = due else { return Ok(None) };
        tx.execute(
            "INSERT INTO mirror_turn (owner_id, began_ms) VALUES ($1, $2) \
             ON CONFLICT (owner_id) DO UPDATE SET began_ms = excluded.began_ms",
            &params![owner, now],
        )?;
        tx.execute(
            "UPDATE mirror SET claimed_ms = $1, began_ms = $2, run_after_ms = NULL WHERE repo_id = $3",
            &params![now, now, id],
        )?;
        let attempts = u32::try_from(failures).unwrap_or(u32::MAX).saturating_add(1);
        Ok(Some(Job { id, kind: SYNC.to_owned(), key: id.to_string(), payload: String::new(), attempts }))
    }

    fn finish(&self, tx: &dyn Connection, job: &Job, end: &JobEnd) -> Result<(), Error> {
        let id = RepoId::new(job.id);
        let now = self.clock.now();
        let after = |wait: &Duration| Some(now.plus_ms(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
        // What a run came to it writes down itself; here ends what it could not.
        match end {
            JobEnd::Done => {}
            JobEnd::Later(wait) => wait_until(tx, id, after(wait))?,
            JobEnd::Retry { after: wait, .. } => count_failure(tx, id, after(wait), now)?,
            JobEnd::Failed { .. } => count_failure(tx, id, after(&Duration::from_secs(3600)), now)?,
        }
        release(tx, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{self, NOON};
    use crate::model::time::ManualClock;

    fn rows(conn: &dyn Connection) -> Vec<String> {
        let text = "SELECT repo_id || CASE WHEN claimed_ms IS NOT NULL THEN ' runs' ELSE '' END || \
             COALESCE(' at ' || (run_after_ms - 1767268800000), '') || ' ' || failures FROM mirror ORDER BY repo_id";
        conn.all(text, &[], |row| row.text(0)).unwrap()
    }

    fn world() -> rusqlite::Connection {
        let conn = testing::open();
        conn.execute_batch(
            "INSERT INTO users (id, login, login_key, email, password_hash, created_ms, updated_ms) VALUES (7, 'eve', 'eve', 'e', 'x', 1, 1);
             INSERT INTO repository (id, owner_id, name, name_key, default_branch, created_ms, updated_ms) VALUES
             (1, 7, 'a', 'a', 'main', 1, 1), (2, 7, 'b', 'b', 'main', 1, 1)",
        )
        .unwrap();
        for id in [1, 2] {
            let remote_url = "https://example.org/a".to_owned();
            let new = NewMirror { remote_url, credentials: None, is_once: id == 2, interval_ms: 1000 };
            insert(&conn, RepoId::new(id), &new, NOON).unwrap();
        }
        conn
    }

    #[test]
    fn what_is_being_made_is_left_alone_until_its_process_is_gone() {
        let conn = world();
        let store = Rows::new(Arc::new(ManualClock::new(NOON)), 2);
        assert_eq!(rows(&conn), ["1 runs 0", "2 runs 0"]);
        assert_eq!(store.claim(&conn).unwrap(), None);
        assert_eq!(store.release_all(&conn).unwrap(), 2);
        // An import counts what cut it short.
        assert_eq!(rows(&conn), ["1 at 0 0", "2 at 0 1"]);
        let job = store.claim(&conn).unwrap().unwrap();
        assert_eq!((job.id, job.key.as_str(), job.attempts), (1, "1", 1));
        assert_eq!(rows(&conn), ["1 runs 0", "2 at 0 1"]);
        assert_eq!(store.claim(&conn).unwrap().unwrap().id, 2);
        assert_eq!(store.claim(&conn).unwrap(), None);
    }

    #[test]
    fn what_a_run_cannot_write_down_counts_where_it_ends() {
        let conn = world();
        let clock = Arc::new(ManualClock::new(NOON));
        let store = Rows::new(Arc::<ManualClock>::clone(&clock), 2);
        store.release_all(&conn).unwrap();
        for attempts in 1..4 {
            let job = store.claim(&conn).unwrap().unwrap();
            assert_eq!((job.id, job.attempts), (1, attempts), "the runner waits longer each time");
            let wait = Duration::from_secs(u64::from(attempts));
            store.finish(&conn, &job, &JobEnd::Retry { after: wait, error: "panic".to_owned() }).unwrap();
            assert_eq!(find(&conn, RepoId::new(1)).unwrap().unwrap().failures, attempts);
            // The other one waits until these are over.
            conn.execute_batch("UPDATE mirror SET run_after_ms = 9000000000000 WHERE repo_id = 2").unwrap();
            assert_eq!(store.claim(&conn).unwrap(), None, "not before its time");
            clock.advance_ms(i64::from(attempts) * 1000);
        }
        let found = find(&conn, RepoId::new(1)).unwrap().unwrap();
        assert_eq!(found.last_error, None);
        // Told to stop: no failure.
        let job = store.claim(&conn).unwrap().unwrap();
        store.finish(&conn, &job, &JobEnd::Later(Duration::ZERO)).unwrap();
        assert_eq!(find(&conn, RepoId::new(1)).unwrap().unwrap().failures, 3);
    }

    #[test]
    fn owners_take_turns_and_none_has_all_places() {
        let conn = world();
        conn.execute_batch(
            "INSERT INTO users (id, login, login_key, email, password_hash, created_ms, updated_ms) VALUES
             (8, 'bob', 'bob', 'b', 'x', 1, 1), (9, 'cleo', 'cleo', 'c', 'x', 1, 1);
             INSERT INTO repository (id, owner_id, name, name_key, default_branch, created_ms, updated_ms) VALUES
             (3, 7, 'c', 'c', 'main', 1, 1), (4, 8, 'a', 'a', 'main', 1, 1), (5, 9, 'a', 'a', 'main', 1, 1)",
        )
        .unwrap();
        for id in 3..=5 {
            let remote_url = "https://example.org/a".to_owned();
            let new = NewMirror { remote_url, credentials: None, is_once: false, interval_ms: 1000 };
            insert(&conn, RepoId::new(id), &new, NOON).unwrap();
        }
        let clock = Arc::new(ManualClock::new(NOON));
        let store = Rows::new(Arc::<ManualClock>::clone(&clock), 1);
        store.release_all(&conn).unwrap();
        // Those of the first owner have been due for longest.
        conn.execute_batch("UPDATE mirror SET run_after_ms = run_after_ms - 1000 WHERE repo_id <= 3").unwrap();
        let claim = || {
            clock.advance_ms(1);
            store.claim(&conn).unwrap()
        };
        let [first, second, third] = [claim(), claim(), claim()].map(Option::unwrap);
        assert_eq!([first.id, second.id, third.id], [1, 4, 5]);
        assert_eq!(claim(), None, "whoever has a place waits for another");
        store.finish(&conn, &first, &JobEnd::Done).unwrap();
        ask(&conn, RepoId::new(4), 0, NOON).unwrap();
        let next = claim().unwrap();
        assert_eq!(next.id, 2);
        for job in [&second, &next] {
            store.finish(&conn, job, &JobEnd::Done).unwrap();
        }
        // The last of the first owner has been due for longest, and it is not that owner's turn.
        assert_eq!(claim().unwrap().id, 4);
        assert_eq!(claim().unwrap().id, 3);
    }

    #[test]
    fn who_asks_often_waits() {
        let conn = world();
        let store = Rows::new(Arc::new(ManualClock::new(NOON)), 2);
        store.release_all(&conn).unwrap();
        let job = store.claim(&conn).unwrap().unwrap();
        let at = |ms| NOON.plus_ms(ms);
        let asked = |wait_ms, now| ask(&conn, RepoId::new(1), wait_ms, at(now)).unwrap();
        assert_eq!(asked(60_000, 5), at(60_000), "one has just begun");
        assert_eq!(asked(60_000, 70_000), at(60_000), "it is due");
        record_success(&conn, RepoId::new(1), Some(at(90_000)), "", at(6)).unwrap();
        store.finish(&conn, &job, &JobEnd::Done).unwrap();
        assert_eq!(rows(&conn)[0], "1 at 60000 0");
        conn.execute_batch("UPDATE mirror SET run_after_ms = NULL").unwrap();
        assert_eq!(asked(60_000, 60_001), at(60_001));
        assert_eq!(asked(120_000, 60_002), at(60_001), "what is due sooner stays so");
        assert_eq!(asked(0, 5), at(5));
    }

    #[test]
    fn who_asks_meanwhile_is_not_forgotten() {
        let conn = world();
        let store = Rows::new(Arc::new(ManualClock::new(NOON)), 2);
        store.release_all(&conn).unwrap();
        let job = store.claim(&conn).unwrap().unwrap();
        ask(&conn, RepoId::new(1), 0, NOON.plus_ms(5)).unwrap();
        record_success(&conn, RepoId::new(1), Some(NOON.plus_ms(1000)), "", NOON).unwrap();
        store.finish(&conn, &job, &JobEnd::Done).unwrap();
        assert_eq!(rows(&conn)[0], "1 at 5 0");
        conn.execute_batch("UPDATE mirror SET run_after_ms = NULL WHERE repo_id = 1").unwrap();
        record_failure(&conn, RepoId::new(1), Some(NOON.plus_ms(30)), "no", NOON).unwrap();
        record_failure(&conn, RepoId::new(1), Some(NOON.plus_ms(20)), "no", NOON).unwrap();
        assert_eq!(rows(&conn)[0], "1 at 20 2");
        assert_eq!(find(&conn, RepoId::new(1)).unwrap().unwrap().failures, 2);
        record_success(&conn, RepoId::new(1), None, "a line", NOON).unwrap();
        assert_eq!(rows(&conn)[0], "1 at 20 0");
        assert_eq!(find(&conn, RepoId::new(1)).unwrap().unwrap().refused, "a line");
        store.finish(&conn, &job, &JobEnd::Later(Duration::from_millis(3))).unwrap();
        assert_eq!(rows(&conn)[0], "1 at 3 0");
    }

    #[test]
    fn what_was_taken_over_is_a_repository_like_any_other() {
        let conn = world();
        forget(&conn, RepoId::new(2)).unwrap();
        assert_eq!(find(&conn, RepoId::new(2)).unwrap(), None);
        let shown = crate::db::repositories::find(&conn, RepoId::new(2)).unwrap().unwrap();
        assert!(!shown.is_mirror && shown.original_url == "https://example.org/a");
        crate::db::repositories::delete(&conn, RepoId::new(1)).unwrap();
        assert_eq!(rows(&conn), Vec::<String>::new());
    }
}
