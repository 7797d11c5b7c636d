//! Rows of repositories and of their former names.

use std::path::PathBuf;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};
use atomicqms_git::ObjectId;

use super::{avatars, users};
use crate::model::{NewRepository, Page, RepoId, RepoName, Repository, UnitSet, User, UserId, UserName, UtcMs};

pub mod search;

const COLUMNS: &str = "r.id, r.owner_id, u.login, u.visibility, r.name, r.description, r.website, r.default_branch, \
     r.is_private, r.is_archived, r.is_template, \
     NOT EXISTS (SELECT 1 FROM refs f WHERE f.repo_id = r.id AND f.name >= 'refs/heads/' AND f.name < 'refs/heads0'), \
     r.size_bytes, r.created_ms, r.updated_ms, r.pushed_ms, r.archived_ms, u.is_organization, r.disabled_units, r.fork_id, \
     r.avatar_sha256, r.avatar_bytes, r.is_mirror, r.original_url";
pub(in crate::db) const TABLES: &str = "repository r JOIN users u ON u.id = r.owner_id";

fn read(row: &dyn Row) -> Result<Repository, Error> {
    Ok(Repository {
        id: RepoId::new(row.int(0)?),
        owner_id: UserId::new(row.int(1)?),
        owner: UserName::from_row(&row.text(2)?),
        owner_visibility: users::visibility(row, 3)?,
        name: RepoName::from_row(&row.text(4)?),
        description: row.text(5)?,
        website: row.text(6)?,
        default_branch: row.text(7)?,
        is_private: row.flag(8)?,
        is_archived: row.flag(9)?,
        is_template: row.flag(10)?,
        is_empty: row.flag(11)?,
        size_bytes: row.int(12)?,
        created_ms: UtcMs::new(row.int(13)?),
        updated_ms: UtcMs::new(row.int(14)?),
        pushed_ms: row.opt_int(15)?.map(UtcMs::new),
        archived_ms: row.opt_int(16)?.map(UtcMs::new),
        is_owner_organization: row.flag(17)?,
        disabled_units: UnitSet::from_bits(row.int(18)?),
        fork_id: row.opt_int(19)?.map(RepoId::new),
        avatar: avatars::read(row, 20)?,
        is_mirror: row.flag(22)?,
        original_url: row.text(23)?,
    })
}

/// Finds a repository by id.
pub fn find(conn: &dyn Connection, id: RepoId) -> Result<Option<Repository>, Error> {
    conn.first(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.id = $1"), &params![id], read)
}

/// Lists ids of repositories after one, in order.
pub fn list_ids_after(conn: &dyn Connection, after: RepoId, limit: i64) -> Result<Vec<RepoId>, Error> {
    conn.all("SELECT id FROM repository WHERE id > $1 ORDER BY id LIMIT $2", &params![after, limit], |row| {
        Ok(RepoId::new(row.int(0)?))
    })
}

/// Lists the commits that the default branches of repositories are at, after one repository and in order; none: it is empty.
pub fn list_tips_after(
    conn: &dyn Connection,
    after: RepoId,
    limit: i64,
) -> Result<Vec<(RepoId, Option<ObjectId>)>, Error> {
    conn.all(
        "SELECT r.id, f.target FROM repository r LEFT JOIN refs f ON f.repo_id = r.id AND f.name = 'refs/heads/' || r.default_branch \
         WHERE r.id > $1 ORDER BY r.id LIMIT $2",
        &params![after, limit],
        |row| {
            let read = |bytes: Vec<u8>| ObjectId::try_from(bytes.as_slice()).map_err(|_| Error::Column { index: 1, expected: "an object id" });
            Ok((RepoId::new(row.int(0)?), row.opt_blob(1)?.map(read).transpose()?))
        },
    )
}

/// Finds a repository by its present name, or by a former one (then the flag is true).
pub fn find_by_path(
    conn: &dyn Connection,
    owner: &UserName,
    name: &RepoName,
) -> Result<Option<(Repository, bool)>, Error> {
    let present = conn.first(
        &format!("SELECT {COLUMNS} FROM {TABLES} WHERE u.login_key = $1 AND r.name_key = $2"),
        &params![owner.key(), name.key()],
        read,
    )?;
    if let Some(repository) = present {
        return Ok(Some((repository, false)));
    }
    // A former name of the repository under the present name of its owner, either name under a former one of the owner.
    let former = conn.first(
        "SELECT d.repo_id, 1 AS preference FROM repository_redirect d JOIN users u ON u.id = d.owner_id \
         WHERE u.login_key = $1 AND d.name_key = $2 \
         UNION ALL SELECT r.id, 2 FROM account_redirect a JOIN repository r ON r.owner_id = a.user_id \
         WHERE a.login_key = $1 AND r.name_key = $2 \
         UNION ALL SELECT d.repo_id, 3 FROM account_redirect a JOIN repository_redirect d ON d.owner_id = a.user_id \
         WHERE a.login_key = $1 AND d.name_key = $2 ORDER BY preference LIMIT 1",
        &params![owner.key(), name.key()],
        |row| Ok(RepoId::new(row.int(0)?)),
    )?;
    let Some(id) = former else { return Ok(None) };
    Ok(find(conn, id)?.map(|repository| (repository, true)))
}

/// Finds a repository of an owner by its present name.
pub fn find_of_owner(conn: &dyn Connection, owner: UserId, name: &RepoName) -> Result<Option<Repository>, Error> {
    conn.first(
        &format!("SELECT {COLUMNS} FROM {TABLES} WHERE r.owner_id = $1 AND r.name_key = $2"),
        &params![owner, name.key()],
        read,
    )
}

/// Finds the fork of a repository that an owner has.
pub fn find_fork(conn: &dyn Connection, owner: UserId, source: RepoId) -> Result<Option<RepoId>, Error> {
    conn.first(
        "SELECT id FROM repository WHERE fork_id = $1 AND owner_id = $2 LIMIT 1",
        &params![source, owner],
        |row| Ok(RepoId::new(row.int(0)?)),
    )
}

/// Whose forks.
#[derive(Debug, Clone, Copy)]
pub enum ForksOf {
    /// Of one repository.
    Repository(RepoId),
    /// Of all repositories of an account.
    Owner(UserId),
}

/// Lists forks that are not private although not everybody may read what they were made of.
pub fn list_exposed_forks(conn: &dyn Connection, of: ForksOf) -> Result<Vec<Repository>, Error> {
    let (column, id) = match of {
        ForksOf::Repository(id) => ("s.id", id.get()),
        ForksOf::Owner(id) => ("s.owner_id", id.get()),
    };
    conn.all(
        &format!(
            "SELECT {COLUMNS} FROM repository s JOIN users o ON o.id = s.owner_id JOIN repository r ON r.fork_id = s.id \
             JOIN users u ON u.id = r.owner_id WHERE {column} = $1 AND r.is_private = 0 \
             AND (s.is_private = 1 OR o.visibility <> 'public') ORDER BY r.id"
        ),
        &params![id],
        read,
    )
}

/// How many forks a repository has, seen or not, as they are kept count of.
pub fn count_forks(conn: &dyn Connection, source: RepoId) -> Result<u64, Error> {
    let count = conn.first("SELECT fork_count FROM repository WHERE id = $1", &params![source], |row| row.int(0))?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Counts the branches of a repository.
pub fn count_branches(conn: &dyn Connection, id: RepoId) -> Result<u64, Error> {
    let count = conn.first(
        "SELECT COUNT(*) FROM refs WHERE repo_id = $1 AND name >= 'refs/heads/' AND name < 'refs/heads0'",
        &params![id],
        |row| row.int(0),
    )?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Whether an account owns any repository.
pub fn owner_has_any(conn: &dyn Connection, owner: UserId) -> Result<bool, Error> {
    let found = conn.first("SELECT 1 FROM repository WHERE owner_id = $1 LIMIT 1", &params![owner], |_| Ok(()))?;
    Ok(found.is_some())
}

/// Makes a repository; a former name that is reused stops redirecting.
pub fn insert(
    tx: &dyn Connection,
    owner: UserId,
    new: &NewRepository,
    default_branch: &str,
    at: UtcMs,
) -> Result<RepoId, Error> {
    forget_redirect(tx, owner, &new.name)?;
    let id = tx.first(
        "INSERT INTO repository (owner_id, name, name_key, description, website, default_branch, is_private, \
         is_template, fork_id, origin_id, created_ms, updated_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, \
         (SELECT COALESCE(o.origin_id, o.id) FROM repository o WHERE o.id = $9), $10, $11) RETURNING id",
        &params![
            owner,
            new.name.as_str(),
            new.name.key(),
            new.description.as_str(),
            new.website.as_str(),
            default_branch,
            new.is_private,
            new.is_template,
            new.forked_from,
            at,
            at,
        ],
        |row| row.int(0),
    )?;
    id.map(RepoId::new).ok_or(Error::Column { index: 0, expected: "an id" })
}

/// Writes every setting but the name.
pub fn update(tx: &dyn Connection, repository: &Repository, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE repository SET description = $1, website = $2, default_branch = $3, is_private = $4, is_archived = $5, \
         is_template = $6, archived_ms = $7, disabled_units = $8, updated_ms = $9 WHERE id = $10",
        &params![
            repository.description.as_str(),
            repository.website.as_str(),
            repository.default_branch.as_str(),
            repository.is_private,
            repository.is_archived,
            repository.is_template,
            repository.archived_ms,
            repository.disabled_units.bits(),
            at,
            repository.id,
        ],
    )?;
    Ok(())
}

/// Writes the default branch.
pub fn set_default_branch(tx: &dyn Connection, id: RepoId, branch: &str, at: UtcMs) -> Result<(), Error> {
    tx.execute("UPDATE repository SET default_branch = $1, updated_ms = $2 WHERE id = $3", &params![branch, at, id])?;
    Ok(())
}

/// Gives a repository another name, leaves a redirect at the old one and notes where its directory still is.
pub fn rename(tx: &dyn Connection, repository: &Repository, name: &RepoName, at: UtcMs) -> Result<(), Error> {
    forget_redirect(tx, repository.owner_id, name)?;
    if name.key() != repository.name.key() {
        tx.execute(
            "INSERT INTO repository_redirect (owner_id, name_key, repo_id) VALUES ($1, $2, $3) \
             ON CONFLICT (owner_id, name_key) DO UPDATE SET repo_id = excluded.repo_id",
            &params![repository.owner_id, repository.name.key(), repository.id],
        )?;
    }
    let directory = repository.relative_path();
    tx.execute(
        "UPDATE repository SET name = $1, name_key = $2, moved_from = COALESCE(moved_from, $3), updated_ms = $4 \
         WHERE id = $5",
        &params![name.as_str(), name.key(), directory.to_string_lossy().as_ref(), at, repository.id],
    )?;
    Ok(())
}

/// Gives a repository another owner, leaves a redirect at the old name and notes where its directory still is.
pub fn change_owner(tx: &dyn Connection, repository: &Repository, owner: UserId, at: UtcMs) -> Result<(), Error> {
    forget_redirect(tx, owner, &repository.name)?;
    tx.execute(
        "INSERT INTO repository_redirect (owner_id, name_key, repo_id) VALUES ($1, $2, $3) \
         ON CONFLICT (owner_id, name_key) DO UPDATE SET repo_id = excluded.repo_id",
        &params![repository.owner_id, repository.name.key(), repository.id],
    )?;
    let directory = repository.relative_path();
    tx.execute(
        "UPDATE repository SET owner_id = $1, moved_from = COALESCE(moved_from, $2), updated_ms = $3 WHERE id = $4",
        &params![owner, directory.to_string_lossy().as_ref(), at, repository.id],
    )?;
    Ok(())
}

fn forget_redirect(tx: &dyn Connection, owner: UserId, name: &RepoName) -> Result<(), Error> {
    tx.execute("DELETE FROM repository_redirect WHERE owner_id = $1 AND name_key = $2", &params![owner, name.key()])?;
    Ok(())
}

/// Removes a repository with its refs, collaborators and redirects, and notes the directories to be removed.
///
/// Its journal and events stay. Answers false when there is none.
pub fn delete(tx: &dyn Connection, id: RepoId) -> Result<bool, Error> {
    let Some(repository) = find(tx, id)? else { return Ok(false) };
    let path = repository.relative_path();
    tx.execute(
        "INSERT INTO repository_removal (repo_id, relative_path) VALUES ($1, $2)",
        &params![id, path.to_string_lossy().as_ref()],
    )?;
    // A rename may not have reached the disk yet.
    tx.execute(
        "INSERT INTO repository_removal (repo_id, relative_path) \
         SELECT id, moved_from FROM repository WHERE id = $1 AND moved_from IS NOT NULL \
         ON CONFLICT (repo_id, relative_path) DO NOTHING",
        &params![id],
    )?;
    for statement in [
        // What they come from in the end stays as it is: they go on having a common history.
        "UPDATE repository SET fork_id = NULL WHERE fork_id = $1",
        "DELETE FROM refs WHERE repo_id = $1",
        "DELETE FROM ref_projection WHERE repo_id = $1",
        "DELETE FROM waiting_pack WHERE repo_id = $1",
        "DELETE FROM collaboration WHERE repo_id = $1",
        "DELETE FROM team_repository WHERE repo_id = $1",
        "DELETE FROM access_token_repository WHERE repo_id = $1",
        "DELETE FROM repository_transfer_team WHERE repo_id = $1",
        "DELETE FROM repository_transfer WHERE repo_id = $1",
        "DELETE FROM repository_topic WHERE repo_id = $1",
        "DELETE FROM repository_language WHERE repo_id = $1",
        "DELETE FROM label WHERE repo_id = $1",
        "DELETE FROM mirror WHERE repo_id = $1",
        "DELETE FROM repository_redirect WHERE repo_id = $1",
        "DELETE FROM repository WHERE id = $1",
    ] {
        tx.execute(statement, &params![id])?;
    }
    Ok(true)
}

/// Lists directories of deleted repositories that are still to be removed.
pub fn list_removals(conn: &dyn Connection) -> Result<Vec<(RepoId, PathBuf)>, Error> {
    conn.all("SELECT repo_id, relative_path FROM repository_removal ORDER BY repo_id, relative_path", &[], |row| {
        Ok((RepoId::new(row.int(0)?), PathBuf::from(row.text(1)?)))
    })
}

/// Notes that the directories of a deleted repository are gone.
pub fn forget_removal(tx: &dyn Connection, id: RepoId) -> Result<(), Error> {
    tx.execute("DELETE FROM repository_removal WHERE repo_id = $1", &params![id])?;
    Ok(())
}

/// Notes that refs changed.
pub fn mark_pushed(tx: &dyn Connection, id: RepoId, at: UtcMs) -> Result<(), Error> {
    tx.execute("UPDATE repository SET pushed_ms = $1, updated_ms = $2 WHERE id = $3", &params![at, at, id])?;
    Ok(())
}

/// Notes a measured size. Units: bytes.
pub fn mark_size(tx: &dyn Connection, id: RepoId, size_bytes: i64) -> Result<(), Error> {
    tx.execute("UPDATE repository SET size_bytes = $1 WHERE id = $2", &params![size_bytes, id])?;
    Ok(())
}

/// The page of a query, as LIMIT and OFFSET.
fn page_values(page: Page) -> (i64, i64) {
    (page.limit_i64(), page.offset())
}

/// Lists the ids of an owner's repositories, in order.
pub fn list_ids_of_owner(conn: &dyn Connection, owner: UserId) -> Result<Vec<RepoId>, Error> {
    conn.all("SELECT id FROM repository WHERE owner_id = $1 ORDER BY id", &params![owner], |row| {
        Ok(RepoId::new(row.int(0)?))
    })
}

/// Most people that [`list_people`] answers.
const MAX_PEOPLE: i64 = 5000;

/// Lists the accounts of people that were given anything in a repository, the owner included, by login name.
pub fn list_people(conn: &dyn Connection, repository: &Repository) -> Result<Vec<User>, Error> {
    conn.all(
        &format!(
            "SELECT {} FROM users u WHERE u.is_organization = 0 AND u.deleted_ms IS NULL AND u.id IN (SELECT $1 \
             UNION SELECT c.user_id FROM collaboration c WHERE c.repo_id = $2 \
             UNION SELECT m.user_id FROM team t JOIN team_member m ON m.team_id = t.id WHERE t.org_id = $3 \
             AND (t.includes_all_repositories = 1 OR EXISTS (SELECT 1 FROM team_repository e WHERE e.team_id = t.id AND e.repo_id = $4))) \
             ORDER BY u.login_key LIMIT $5",
            users::COLUMNS
        ),
        &params![repository.owner_id, repository.id, repository.owner_id, repository.id, MAX_PEOPLE],
        users::read,
    )
}
