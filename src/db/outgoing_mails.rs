//! Rows of mails that wait, and what the runner that sends them needs of them: the implementation of its trait.
//!
//! Owns the `outgoing_mail` table.

use std::sync::Arc;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};
use atomicqms_actors::{Job, JobEnd, JobStore};

use crate::db::jobs;
use crate::model::mail::MailStatus;
use crate::model::registration::{ALL, FORGET};
use crate::model::{Clock, Email, NewMail, Purpose, UserId, UtcMs, WaitingMail};

/// Longest text kept of an error.
const MAX_ERROR_CHARS: usize = 500;
/// How long a mail that was given up is kept as a witness. Units: milliseconds.
const FAILED_KEPT_MS: i64 = 30 * 86_400_000;

fn read(row: &dyn Row) -> Result<WaitingMail, Error> {
    let purpose = Purpose::parse(&row.text(2)?).ok_or(Error::Column { index: 2, expected: "a purpose of mails" })?;
    Ok(WaitingMail {
        id: row.int(0)?,
        mail: NewMail {
            recipient: Email::from_row(row.text(1)?),
            purpose,
            subject: row.text(3)?,
            text: row.text(4)?,
            about: row.opt_int(5)?,
            expires_ms: UtcMs::new(row.int(6)?),
        },
        created_ms: UtcMs::new(row.int(7)?),
    })
}

/// Lets a mail wait; it is due at once.
pub fn insert(tx: &dyn Connection, new: &NewMail, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO outgoing_mail (recipient, recipient_key, purpose, subject, text, about, created_ms, expires_ms, run_after_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &params![
            new.recipient.as_str(),
            new.recipient.key(),
            new.purpose.as_str(),
            new.subject.as_str(),
            new.text.as_str(),
            new.about,
            at,
            new.expires_ms,
            at
        ],
    )?;
    Ok(())
}

/// Finds one.
pub fn find(conn: &dyn Connection, id: i64) -> Result<Option<WaitingMail>, Error> {
    conn.first(
        "SELECT id, recipient, purpose, subject, text, about, expires_ms, created_ms FROM outgoing_mail WHERE id = $1",
        &params![id],
        read,
    )
}

/// Counts those that are not sent yet and not given up.
pub fn count_waiting(conn: &dyn Connection) -> Result<u64, Error> {
    let waiting =
        conn.first("SELECT COUNT(*) FROM outgoing_mail WHERE claimed_ms IS NULL AND failed_ms IS NULL", &[], |row| {
            row.int(0)
        })?;
    let sending =
        conn.first("SELECT COUNT(*) FROM outgoing_mail WHERE claimed_ms IS NOT NULL", &[], |row| row.int(0))?;
    Ok(u64::try_from(waiting.unwrap_or(0) + sending.unwrap_or(0)).unwrap_or(0))
}

/// Says how it stands.
pub fn status(conn: &dyn Connection) -> Result<MailStatus, Error> {
    let oldest = conn.first(
        "SELECT MIN(created_ms) FROM outgoing_mail WHERE claimed_ms IS NULL AND failed_ms IS NULL",
        &[],
        |row| row.opt_int(0),
    )?;
    let last_error = conn.first(
        "SELECT last_error FROM outgoing_mail WHERE claimed_ms IS NULL AND failed_ms IS NULL AND last_error IS NOT NULL \
         ORDER BY run_after_ms DESC LIMIT 1",
        &[],
        |row| row.opt_text(0),
    )?;
    let failed = conn.first("SELECT COUNT(*) FROM outgoing_mail WHERE failed_ms IS NOT NULL", &[], |row| row.int(0))?;
    let last_failure = conn.first(
        "SELECT last_error FROM outgoing_mail WHERE failed_ms IS NOT NULL ORDER BY failed_ms DESC LIMIT 1",
        &[],
        |row| row.opt_text(0),
    )?;
    Ok(MailStatus {
        waiting: count_waiting(conn)?,
        oldest_ms: oldest.flatten().map(UtcMs::new),
        last_error: last_error.flatten(),
        failed: u64::try_from(failed.unwrap_or(0)).unwrap_or(0),
        last_failure: last_failure.flatten(),
    })
}

/// Removes what is left of those that were given up long ago; answers how many.
pub fn delete_forgotten(tx: &dyn Connection, at: UtcMs) -> Result<u64, Error> {
    tx.execute("DELETE FROM outgoing_mail WHERE failed_ms <= $1", &params![at.plus_ms(FAILED_KEPT_MS.saturating_neg())])
}

/// When the next one is to be removed so.
pub fn next_forgotten(conn: &dyn Connection) -> Result<Option<UtcMs>, Error> {
    conn.first(
        "SELECT failed_ms FROM outgoing_mail WHERE failed_ms IS NOT NULL ORDER BY failed_ms LIMIT 1",
        &[],
        |row| Ok(UtcMs::new(row.int(0)?).plus_ms(FAILED_KEPT_MS)),
    )
}

/// Removes those of an account; answers how many. Of mails to an address that it only says to have, those that ask about that; invitations that wait stand for
/// the address and not for the account.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    let own = tx.execute(
        "DELETE FROM outgoing_mail WHERE (failed_ms IS NOT NULL OR purpose <> 'invitation') \
         AND recipient_key IN (SELECT e.email_key FROM email_address e WHERE e.user_id = $1 AND e.is_verified = 1)",
        &params![user],
    )?;
    let claimed = tx.execute(
        "DELETE FROM outgoing_mail WHERE purpose = 'confirm_address' \
         AND recipient_key IN (SELECT e.email_key FROM email_address e WHERE e.user_id = $1 AND e.is_verified = 0) \
         AND about IN (SELECT e.id FROM email_address e WHERE e.user_id = $1 AND e.is_verified = 0)",
        &params![user],
    )?;
    Ok(own.saturating_add(claimed))
}

/// Mails as the runner sees them: jobs that are called `mail.` and the purpose, each with a key of its own.
pub struct Rows {
    clock: Arc<dyn Clock>,
}

impl Rows {
    /// Reads due times by a clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    fn wait_again(&self, tx: &dyn Connection, job: &Job, after_ms: i64, error: Option<String>) -> Result<(), Error> {
        // What says nothing new keeps the last error, and was no attempt.
        let taken_back = i64::from(error.is_none());
        tx.execute(
            "UPDATE outgoing_mail SET claimed_ms = NULL, run_after_ms = $1, attempts = attempts - $2, \
             last_error = COALESCE($3, last_error) WHERE id = $4",
            &params![self.clock.now().plus_ms(after_ms), taken_back, error, job.id],
        )?;
        Ok(())
    }
}

impl JobStore for Rows {
    fn release_all(&self, tx: &dyn Connection) -> Result<u64, Error> {
        tx.execute("UPDATE outgoing_mail SET claimed_ms = NULL WHERE claimed_ms IS NOT NULL", &[])
    }

    fn claim(&self, tx: &dyn Connection) -> Result<Option<Job>, Error> {
        let now = self.clock.now();
        let due = tx.first(
            "SELECT id, purpose, attempts FROM outgoing_mail WHERE claimed_ms IS NULL AND failed_ms IS NULL \
             AND run_after_ms <= $1 ORDER BY run_after_ms, id LIMIT 1",
            &params![now],
            |row| {
                let attempts =
                    u32::try_from(row.int(2)?).map_err(|_| Error::Column { index: 2, expected: "a count" })?;
                let id = row.int(0)?;
                Ok(Job {
                    id,
                    kind: format!("mail.{}", row.text(1)?),
                    key: id.to_string(),
                    payload: "{}".to_owned(),
                    attempts: attempts.saturating_add(1),
                })
            },
        )?;
        if let Some(job) = &due {
            tx.execute(
                "UPDATE outgoing_mail SET claimed_ms = $1, attempts = $2 WHERE id = $3",
                &params![now, i64::from(job.attempts), job.id],
            )?;
        }
        Ok(due)
    }

    fn finish(&self, tx: &dyn Connection, job: &Job, end: &JobEnd) -> Result<(), Error> {
        let short = |error: &str| error.chars().take(MAX_ERROR_CHARS).collect::<String>();
        let millis = |span: &std::time::Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        match end {
            JobEnd::Done => {
                tx.execute("DELETE FROM outgoing_mail WHERE id = $1", &params![job.id])?;
            }
            JobEnd::Later(after) => self.wait_again(tx, job, millis(after), None)?,
            JobEnd::Retry { after, error } => self.wait_again(tx, job, millis(after), Some(short(error)))?,
            JobEnd::Failed { error } => {
                let now = self.clock.now();
                tx.execute(
                    "UPDATE outgoing_mail SET claimed_ms = NULL, failed_ms = $1, last_error = $2, text = '' WHERE id = $3",
                    &params![now, short(error), job.id],
                )?;
                jobs::schedule(tx, FORGET, ALL, now.plus_ms(FAILED_KEPT_MS), now)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::db::testing::{self, NOON};
    use crate::model::time::ManualClock;

    fn mail(to: &str) -> NewMail {
        NewMail {
            recipient: Email::new(to).unwrap(),
            purpose: Purpose::AccountMade,
            subject: "s".into(),
            text: "t".into(),
            about: None,
            expires_ms: NOON.plus_ms(1000),
        }
    }

    #[test]
    fn mails_are_claimed_in_order_and_go_when_they_are_sent() {
        let conn = testing::open();
        let clock = Arc::new(ManualClock::new(NOON));
        let rows = Rows::new(clock.clone());
        for to in ["a@x.org", "b@x.org"] {
            insert(&conn, &mail(to), NOON).unwrap();
        }
        let first = rows.claim(&conn).unwrap().unwrap();
        assert_eq!((first.kind.as_str(), first.key.as_str(), first.attempts), ("mail.account_made", "1", 1));
        let second = rows.claim(&conn).unwrap().unwrap();
        assert_eq!((second.id, rows.claim(&conn).unwrap(), count_waiting(&conn).unwrap()), (2, None, 2));
        rows.finish(&conn, &first, &JobEnd::Done).unwrap();
        assert!(find(&conn, 1).unwrap().is_none());
        let retry = JobEnd::Retry { after: Duration::from_secs(30), error: "full".into() };
        rows.finish(&conn, &second, &retry).unwrap();
        assert_eq!(rows.claim(&conn).unwrap(), None, "not due yet");
        assert_eq!(
            status(&conn).unwrap(),
            MailStatus {
                waiting: 1,
                oldest_ms: Some(NOON),
                last_error: Some("full".into()),
                failed: 0,
                last_failure: None
            }
        );
        clock.advance_ms(30_000);
        let again = rows.claim(&conn).unwrap().unwrap();
        assert_eq!(again.attempts, 2);
        rows.finish(&conn, &again, &JobEnd::Later(Duration::ZERO)).unwrap();
        assert_eq!(rows.claim(&conn).unwrap().unwrap().attempts, 2, "told to stop is no attempt");
        // As after a crash.
        assert_eq!(rows.release_all(&conn).unwrap(), 1);
        let last = rows.claim(&conn).unwrap().unwrap();
        rows.finish(&conn, &last, &JobEnd::Failed { error: "no".into() }).unwrap();
        let now = status(&conn).unwrap();
        assert_eq!((now.waiting, now.failed, now.last_failure.as_deref()), (0, 1, Some("no")));
        assert_eq!(find(&conn, 2).unwrap().unwrap().mail.text, "", "what was given up keeps no text");
        // Forgotten after a month, by a job that is asked for now.
        let end = clock.now().plus_ms(FAILED_KEPT_MS);
        let asked = (&conn as &dyn Connection)
            .first("SELECT kind, run_after_ms FROM job", &[], |row| Ok((row.text(0)?, row.int(1)?)));
        assert_eq!(asked.unwrap(), Some((FORGET.to_owned(), end.get())));
        assert_eq!(next_forgotten(&conn).unwrap(), Some(end));
        assert_eq!(delete_forgotten(&conn, end.plus_ms(-1)).unwrap(), 0);
        assert_eq!((delete_forgotten(&conn, end).unwrap(), next_forgotten(&conn).unwrap()), (1, None));
    }

    #[test]
    fn the_mails_of_an_account_go_with_it_and_those_of_others_stay() {
        let conn = testing::open();
        let (ada, eve) = (testing::user(&conn, "ada"), testing::user(&conn, "eve"));
        let victim = Email::new("Ada@example.org").unwrap();
        crate::db::email_addresses::insert(&conn, eve, &victim, NOON).unwrap();
        let claimed = crate::db::email_addresses::find_of(&conn, eve, &victim).unwrap().unwrap();
        let send = |to: &str, purpose, about| {
            insert(&conn, &NewMail { purpose, about, ..mail(to) }, NOON).unwrap();
        };
        send("ada@example.org", Purpose::AccountMade, None);
        send("ADA@example.org", Purpose::Invitation, Some(7));
        send("Ada@example.org", Purpose::ConfirmAddress, Some(claimed.id));
        send("Ada@example.org", Purpose::ConfirmAddress, Some(claimed.id + 1));
        let left = || {
            let sql = "SELECT id FROM outgoing_mail ORDER BY id";
            (&conn as &dyn Connection).all(sql, &[], |row| row.int(0)).unwrap()
        };
        assert_eq!((delete_of_user(&conn, eve).unwrap(), left()), (1, vec![1, 2, 4]), "what asked about her claim");
        assert_eq!((delete_of_user(&conn, ada).unwrap(), left()), (2, vec![2]), "an invitation stands for the address");
        Connection::execute(&conn, "UPDATE outgoing_mail SET failed_ms = 1", &[]).unwrap();
        assert_eq!((delete_of_user(&conn, ada).unwrap(), left()), (1, vec![]), "of one that failed nothing stays");
    }
}
