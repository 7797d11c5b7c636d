//! Rows of commit statuses.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};
use atomicqms_git::ObjectId;

use super::filter::Filter;
use crate::model::commit_status::{CommitState, CommitStatus, NewCommitStatus, StatusQuery};
use crate::model::{Page, Paged, RepoId, UserId, UtcMs};

const COLUMNS: &str = "s.id, s.commit_id, s.context, s.state, s.target_url, s.description, s.creator_id, s.created_ms";

fn read(row: &dyn Row) -> Result<CommitStatus, Error> {
    Ok(CommitStatus {
        id: row.int(0)?,
        commit: ObjectId::try_from(row.blob(1)?.as_slice())
            .map_err(|_| Error::Column { index: 1, expected: "an object id" })?,
        context: row.text(2)?,
        state: CommitState::parse(&row.text(3)?).ok_or(Error::Column { index: 3, expected: "a state" })?,
        target_url: row.text(4)?,
        description: row.text(5)?,
        creator_id: UserId::new(row.int(6)?),
        created_ms: UtcMs::new(row.int(7)?),
    })
}

/// Adds a status.
pub fn insert(
    tx: &dyn Connection,
    repo: RepoId,
    commit: &ObjectId,
    new: &NewCommitStatus,
    creator: UserId,
    at: UtcMs,
) -> Result<CommitStatus, Error> {
    let id = tx
        .first(
            "INSERT INTO commit_status (repo_id, commit_id, context, state, target_url, description, creator_id, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
            &params![
                repo,
                commit.as_bytes(),
                new.context.as_str(),
                new.state.as_str(),
                new.target_url.as_str(),
                new.description.as_str(),
                creator,
                at
            ],
            |row| row.int(0),
        )?
        .ok_or(Error::Column { index: 0, expected: "a row" })?;
    let NewCommitStatus { context, state, target_url, description } = new.clone();
    Ok(CommitStatus {
        id,
        commit: *commit,
        context,
        state,
        target_url,
        description,
        creator_id: creator,
        created_ms: at,
    })
}

/// Counts the statuses of a commit.
pub fn count(conn: &dyn Connection, repo: RepoId, commit: &ObjectId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM commit_status WHERE repo_id = $1 AND commit_id = $2";
    let found = conn.first(sql, &params![repo, commit.as_bytes()], |row| row.int(0))?;
    Ok(u64::try_from(found.unwrap_or(0)).unwrap_or(0))
}

/// Lists statuses of a commit in the order they came, or against it.
pub fn list(
    conn: &dyn Connection,
    repo: RepoId,
    commit: &ObjectId,
    query: StatusQuery,
    page: Page,
) -> Result<Paged<CommitStatus>, Error> {
    let mut filter = Filter::default();
    filter.equals("s.repo_id", Some(repo));
    filter.equals("s.commit_id", Some(commit.as_bytes()));
    if query.is_latest_only {
        filter.add(
            "NOT EXISTS (SELECT 1 FROM commit_status n WHERE n.repo_id = s.repo_id AND n.commit_id = s.commit_id \
             AND n.context = s.context AND n.id > s.id)",
        );
    }
    filter.equals("s.state", query.state.map(CommitState::as_str));
    let clause = filter.clause();
    let total =
        conn.first(&format!("SELECT COUNT(*) FROM commit_status s{clause}"), filter.params(), |row| row.int(0))?;
    let direction = if query.is_ascending { "ASC" } else { "DESC" };
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let rows = conn.all(
        &format!(
            "SELECT {COLUMNS} FROM commit_status s{clause} ORDER BY s.id {direction} LIMIT {limit} OFFSET {offset}"
        ),
        filter.params(),
        read,
    )?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// What the newest status of each context says.
pub fn latest_states(conn: &dyn Connection, repo: RepoId, commit: &ObjectId) -> Result<Vec<CommitState>, Error> {
    conn.all(
        "SELECT s.state FROM commit_status s WHERE s.repo_id = $1 AND s.commit_id = $2 AND NOT EXISTS \
         (SELECT 1 FROM commit_status n WHERE n.repo_id = s.repo_id AND n.commit_id = s.commit_id \
          AND n.context = s.context AND n.id > s.id)",
        &params![repo, commit.as_bytes()],
        |row| CommitState::parse(&row.text(0)?).ok_or(Error::Column { index: 0, expected: "a state" }),
    )
}
