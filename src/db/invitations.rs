//! Rows of invitations to teams.
//!
//! Owns the `team_invitation` table.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use crate::model::{Email, Invitation, NewInvitation, Page, Paged, TeamId, UserId, UtcMs};

const COLUMNS: &str = "i.id, i.team_id, t.name, t.org_id, o.login, i.inviter_id, u.login, i.email, i.seed, i.created_ms, \
     i.expires_ms, u.is_admin";
const FROM: &str = "FROM team_invitation i JOIN team t ON t.id = i.team_id JOIN users o ON o.id = t.org_id \
     JOIN users u ON u.id = i.inviter_id";
/// What makes an invitation stand, as far as rows can say it in a list: whoever made it still leads the organization.
const STANDS: &str = "u.is_active = 1 AND u.is_login_prohibited = 0 AND u.deleted_ms IS NULL \
     AND (u.is_admin = 1 OR EXISTS (SELECT 1 FROM team_member m JOIN team w ON w.id = m.team_id \
     WHERE m.user_id = i.inviter_id AND w.org_id = t.org_id AND w.level = 'owner'))";

fn read(row: &dyn Row) -> Result<Invitation, Error> {
    Ok(Invitation {
        id: row.int(0)?,
        team_id: TeamId::new(row.int(1)?),
        team: row.text(2)?,
        org_id: UserId::new(row.int(3)?),
        organization: row.text(4)?,
        inviter_id: UserId::new(row.int(5)?),
        inviter: row.text(6)?,
        email: Email::from_row(row.text(7)?),
        seed: row.text(8)?,
        created_ms: UtcMs::new(row.int(9)?),
        expires_ms: UtcMs::new(row.int(10)?),
        is_by_administrator: row.flag(11)?,
    })
}

fn total(count: Option<i64>) -> u64 {
    u64::try_from(count.unwrap_or(0)).unwrap_or(0)
}

/// Adds one; answers its id.
pub fn insert(tx: &dyn Connection, new: &NewInvitation, at: UtcMs) -> Result<i64, Error> {
    let id = tx.first(
        "INSERT INTO team_invitation (team_id, inviter_id, email, email_key, seed, token_hash, created_ms, expires_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        &params![
            new.team,
            new.inviter,
            new.email.as_str(),
            new.email.key(),
            new.seed.as_str(),
            new.token_hash.as_str(),
            at,
            new.expires_ms
        ],
        |row| row.int(0),
    )?;
    id.ok_or(Error::Column { index: 0, expected: "an id" })
}

/// Finds one by its row.
pub fn find(conn: &dyn Connection, id: i64) -> Result<Option<Invitation>, Error> {
    conn.first(&format!("SELECT {COLUMNS} {FROM} WHERE i.id = $1"), &params![id], read)
}

/// Finds one by the hash of its code.
pub fn find_by_hash(conn: &dyn Connection, token_hash: &str) -> Result<Option<Invitation>, Error> {
    conn.first(&format!("SELECT {COLUMNS} {FROM} WHERE i.token_hash = $1"), &params![token_hash], read)
}

/// Whether an address has been invited to a team.
pub fn is_invited(conn: &dyn Connection, team: TeamId, email: &Email) -> Result<bool, Error> {
    let found = conn.first(
        "SELECT 1 FROM team_invitation WHERE team_id = $1 AND email_key = $2",
        &params![team, email.key()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Counts those of a team.
pub fn count_of_team(conn: &dyn Connection, team: TeamId) -> Result<u64, Error> {
    let count =
        conn.first("SELECT COUNT(*) FROM team_invitation WHERE team_id = $1", &params![team], |row| row.int(0))?;
    Ok(total(count))
}

/// Lists those of a team that have not lapsed, the oldest first.
pub fn list_of_team(conn: &dyn Connection, team: TeamId, at: UtcMs, page: Page) -> Result<Paged<Invitation>, Error> {
    let count = conn.first(
        "SELECT COUNT(*) FROM team_invitation WHERE team_id = $1 AND expires_ms > $2",
        &params![team, at],
        |row| row.int(0),
    )?;
    let rows = conn.all(
        &format!("SELECT {COLUMNS} {FROM} WHERE i.team_id = $1 AND i.expires_ms > $2 ORDER BY i.id LIMIT $3 OFFSET $4"),
        &params![team, at, page.limit_i64(), page.offset()],
        read,
    )?;
    Ok(Paged { rows, total_count: total(count) })
}

/// Lists those that stand for the confirmed addresses of an account, the oldest first; perhaps only of organizations that everybody sees.
pub fn list_for(
    conn: &dyn Connection,
    user: UserId,
    in_public_only: bool,
    at: UtcMs,
    page: Page,
) -> Result<Paged<Invitation>, Error> {
    let seen = if in_public_only { " AND o.visibility = 'public'" } else { "" };
    let rest = format!(
        "{FROM} WHERE i.email_key IN (SELECT e.email_key FROM email_address e WHERE e.user_id = $1 AND e.is_verified = 1) \
         AND i.expires_ms > $2 AND {STANDS}{seen}"
    );
    let count = conn.first(&format!("SELECT COUNT(*) {rest}"), &params![user, at], |row| row.int(0))?;
    let rows = conn.all(
        &format!("SELECT {COLUMNS} {rest} ORDER BY i.id LIMIT $3 OFFSET $4"),
        &params![user, at, page.limit_i64(), page.offset()],
        read,
    )?;
    Ok(Paged { rows, total_count: total(count) })
}

/// Removes one; false: it was not there.
pub fn delete(tx: &dyn Connection, id: i64) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM team_invitation WHERE id = $1", &params![id])? == 1)
}

/// Lists those to an organization's teams that went to confirmed addresses of an account, whoever made them, the oldest first.
pub fn list_to(conn: &dyn Connection, org: UserId, user: UserId) -> Result<Vec<Invitation>, Error> {
    conn.all(
        &format!(
            "SELECT {COLUMNS} {FROM} WHERE t.org_id = $1 AND i.email_key IN \
             (SELECT e.email_key FROM email_address e WHERE e.user_id = $2 AND e.is_verified = 1) ORDER BY i.id"
        ),
        &params![org, user],
        read,
    )
}

/// Removes those that have lapsed; answers how many.
pub fn delete_expired(tx: &dyn Connection, at: UtcMs) -> Result<u64, Error> {
    tx.execute("DELETE FROM team_invitation WHERE expires_ms <= $1", &params![at])
}

/// When the next one lapses.
pub fn next_expiry(conn: &dyn Connection) -> Result<Option<UtcMs>, Error> {
    conn.first("SELECT expires_ms FROM team_invitation ORDER BY expires_ms LIMIT 1", &[], |row| {
        Ok(UtcMs::new(row.int(0)?))
    })
}
