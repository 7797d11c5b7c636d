//! Rows of access tokens.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use crate::model::{NewToken, Page, Paged, RepoId, Token, TokenId, TokenScopes, UserId, UtcMs};

const COLUMNS: &str = "id, user_id, name, last_eight, scopes, created_ms, expires_ms, last_used_ms, is_limited";

fn read(row: &dyn Row) -> Result<Token, Error> {
    Ok(Token {
        id: TokenId::new(row.int(0)?),
        user_id: UserId::new(row.int(1)?),
        name: row.text(2)?,
        last_eight: row.text(3)?,
        scopes: TokenScopes::parse_list(&row.text(4)?).map_err(|_| Error::Column { index: 4, expected: "scopes" })?,
        created_ms: UtcMs::new(row.int(5)?),
        expires_ms: row.opt_int(6)?.map(UtcMs::new),
        last_used_ms: row.opt_int(7)?.map(UtcMs::new),
        repositories: row.flag(8)?.then(Vec::new),
    })
}

/// Adds the repositories of a token that is limited to some.
fn with_repositories(conn: &dyn Connection, mut token: Token) -> Result<Token, Error> {
    if let Some(repositories) = &mut token.repositories {
        *repositories = conn.all(
            "SELECT repo_id FROM access_token_repository WHERE token_id = $1 ORDER BY repo_id",
            &params![token.id],
            |row| Ok(RepoId::new(row.int(0)?)),
        )?;
    }
    Ok(token)
}

/// Finds a token by the SHA-256 of its secret.
pub fn find_by_hash(conn: &dyn Connection, hash: &[u8; 32]) -> Result<Option<Token>, Error> {
    let found =
        conn.first(&format!("SELECT {COLUMNS} FROM access_token WHERE hash = $1"), &params![hash.as_slice()], read)?;
    found.map(|token| with_repositories(conn, token)).transpose()
}

/// Finds a token by id.
pub fn find(conn: &dyn Connection, id: TokenId) -> Result<Option<Token>, Error> {
    let found = conn.first(&format!("SELECT {COLUMNS} FROM access_token WHERE id = $1"), &params![id], read)?;
    found.map(|token| with_repositories(conn, token)).transpose()
}

/// Finds a token of a user by id.
pub fn find_of_user(conn: &dyn Connection, user: UserId, id: TokenId) -> Result<Option<Token>, Error> {
    Ok(find(conn, id)?.filter(|token| token.user_id == user))
}

/// Finds a token of a user by name.
pub fn find_by_name(conn: &dyn Connection, user: UserId, name: &str) -> Result<Option<Token>, Error> {
    let found = conn.first(
        &format!("SELECT {COLUMNS} FROM access_token WHERE user_id = $1 AND name = $2"),
        &params![user, name],
        read,
    )?;
    found.map(|token| with_repositories(conn, token)).transpose()
}

/// Lists the tokens of a user, newest first.
pub fn list(conn: &dyn Connection, user: UserId, page: Page) -> Result<Paged<Token>, Error> {
    let total = conn.first("SELECT COUNT(*) FROM access_token WHERE user_id = $1", &params![user], |row| row.int(0))?;
    let rows = conn.all(
        &format!("SELECT {COLUMNS} FROM access_token WHERE user_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3"),
        &params![user, page.limit_i64(), page.offset()],
        read,
    )?;
    let rows = rows.into_iter().map(|token| with_repositories(conn, token)).collect::<Result<_, _>>()?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// What identifies a token beside its row: the SHA-256 of its secret, and the end of the secret for recognition.
#[derive(Debug, Clone, Copy)]
pub struct Secret<'a> {
    /// SHA-256 of the secret.
    pub hash: &'a [u8; 32],
    /// Its last eight characters.
    pub last_eight: &'a str,
}

/// Makes a token; `repositories` are the ids behind the names it is limited to.
pub fn insert(
    tx: &dyn Connection,
    user: UserId,
    new: &NewToken,
    repositories: &[RepoId],
    secret: Secret<'_>,
    at: UtcMs,
) -> Result<Token, Error> {
    let made = tx.first(
        &format!(
            "INSERT INTO access_token (user_id, name, hash, last_eight, scopes, created_ms, expires_ms, is_limited) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}"
        ),
        &params![
            user,
            new.name.as_str(),
            secret.hash.as_slice(),
            secret.last_eight,
            new.scopes.to_string(),
            at,
            new.expires_ms,
            new.repositories.is_some(),
        ],
        read,
    )?;
    let made = made.ok_or(Error::Column { index: 0, expected: "a row" })?;
    for repository in repositories {
        tx.execute(
            "INSERT INTO access_token_repository (token_id, repo_id) VALUES ($1, $2) ON CONFLICT (token_id, repo_id) DO NOTHING",
            &params![made.id, *repository],
        )?;
    }
    with_repositories(tx, made)
}

/// Removes a token; false: there was none.
pub fn delete(tx: &dyn Connection, id: TokenId) -> Result<bool, Error> {
    tx.execute("DELETE FROM access_token_repository WHERE token_id = $1", &params![id])?;
    Ok(tx.execute("DELETE FROM access_token WHERE id = $1", &params![id])? == 1)
}

/// Removes every token of a user; answers how many.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    tx.execute(
        "DELETE FROM access_token_repository WHERE token_id IN (SELECT t.id FROM access_token t WHERE t.user_id = $1)",
        &params![user],
    )?;
    tx.execute("DELETE FROM access_token WHERE user_id = $1", &params![user])
}

/// Marks a use; only ever forward.
pub fn mark_used(tx: &dyn Connection, id: TokenId, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE access_token SET last_used_ms = $1 WHERE id = $2 AND (last_used_ms IS NULL OR last_used_ms < $3)",
        &params![at, id, at],
    )?;
    Ok(())
}
