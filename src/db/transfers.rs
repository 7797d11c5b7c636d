//! Rows of repositories offered to another owner.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

use super::users;
use crate::model::{RepoId, TeamId, Transfer, UserId, UtcMs};

/// Finds the open offer of a repository.
pub fn find(conn: &dyn Connection, repo: RepoId) -> Result<Option<Transfer>, Error> {
    let found = conn.first(
        &format!(
            "SELECT {}, f.doer_id, f.created_ms FROM repository_transfer f JOIN users u ON u.id = f.recipient_id WHERE f.repo_id = $1",
            users::COLUMNS
        ),
        &params![repo],
        |row| {
            Ok(Transfer {
                repo_id: repo,
                recipient: users::read(row)?,
                doer_id: UserId::new(row.int(users::COLUMN_COUNT)?),
                created_ms: UtcMs::new(row.int(users::COLUMN_COUNT + 1)?),
                teams: Vec::new(),
            })
        },
    )?;
    let Some(mut transfer) = found else { return Ok(None) };
    transfer.teams = conn.all(
        "SELECT team_id FROM repository_transfer_team WHERE repo_id = $1 ORDER BY team_id",
        &params![repo],
        |row| Ok(TeamId::new(row.int(0)?)),
    )?;
    Ok(Some(transfer))
}

/// Records an offer; there must be none yet.
pub fn insert(
    tx: &dyn Connection,
    repo: RepoId,
    doer: UserId,
    recipient: UserId,
    teams: &[TeamId],
    at: UtcMs,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO repository_transfer (repo_id, doer_id, recipient_id, created_ms) VALUES ($1, $2, $3, $4)",
        &params![repo, doer, recipient, at],
    )?;
    for team in teams {
        tx.execute("INSERT INTO repository_transfer_team (repo_id, team_id) VALUES ($1, $2)", &params![repo, *team])?;
    }
    Ok(())
}

/// Ends an offer.
pub fn delete(tx: &dyn Connection, repo: RepoId) -> Result<(), Error> {
    tx.execute("DELETE FROM repository_transfer_team WHERE repo_id = $1", &params![repo])?;
    tx.execute("DELETE FROM repository_transfer WHERE repo_id = $1", &params![repo])?;
    Ok(())
}

/// Ends the offers made to an account that is about to go.
pub fn delete_of_recipient(tx: &dyn Connection, recipient: UserId) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM repository_transfer_team WHERE repo_id IN (SELECT f.repo_id FROM repository_transfer f WHERE f.recipient_id = $1)",
        &params![recipient],
    )?;
    tx.execute("DELETE FROM repository_transfer WHERE recipient_id = $1", &params![recipient])?;
    Ok(())
}
