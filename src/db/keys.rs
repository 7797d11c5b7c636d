//! Rows of SSH public keys, of accounts and of repositories.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use super::filter::Filter as Where;
use crate::model::{KeyId, KeyOwner, KeyText, Page, Paged, RepoId, SshKey, UserId, UtcMs};

const COLUMNS: &str = "id, user_id, repo_id, title, fingerprint, key_type, key, read_only, created_ms, last_used_ms";

fn read(row: &dyn Row) -> Result<SshKey, Error> {
    let owner = match (row.opt_int(1)?, row.opt_int(2)?) {
        (Some(user), None) => KeyOwner::User(UserId::new(user)),
        (None, Some(repo)) => KeyOwner::Repository(RepoId::new(repo)),
        _ => return Err(Error::Column { index: 1, expected: "one owner" }),
    };
    Ok(SshKey {
        id: KeyId::new(row.int(0)?),
        owner,
        title: row.text(3)?,
        key: KeyText { fingerprint: row.text(4)?, key_type: row.text(5)?, bytes: row.blob(6)? },
        is_read_only: row.flag(7)?,
        created_ms: UtcMs::new(row.int(8)?),
        last_used_ms: row.opt_int(9)?.map(UtcMs::new),
    })
}

/// Narrows a list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only the key with this fingerprint.
    pub fingerprint: Option<String>,
    /// Only the key with this id.
    pub id: Option<KeyId>,
}

/// Finds a key by id.
pub fn find(conn: &dyn Connection, id: KeyId) -> Result<Option<SshKey>, Error> {
    conn.first(&format!("SELECT {COLUMNS} FROM public_key WHERE id = $1"), &params![id], read)
}

/// Finds a key by fingerprint, whoever owns it.
pub fn find_by_fingerprint(conn: &dyn Connection, fingerprint: &str) -> Result<Option<SshKey>, Error> {
    conn.first(&format!("SELECT {COLUMNS} FROM public_key WHERE fingerprint = $1"), &params![fingerprint], read)
}

/// Finds a key of one owner by id.
pub fn find_of(conn: &dyn Connection, owner: KeyOwner, id: KeyId) -> Result<Option<SshKey>, Error> {
    Ok(find(conn, id)?.filter(|key| key.owner == owner))
}

/// Lists the keys of an owner, oldest first.
pub fn list(conn: &dyn Connection, owner: KeyOwner, filter: Filter, page: Page) -> Result<Paged<SshKey>, Error> {
    let mut wanted = of(owner);
    wanted.equals("fingerprint", filter.fingerprint);
    wanted.equals("id", filter.id);
    let clause = wanted.clause();
    let total = conn.first(&format!("SELECT COUNT(*) FROM public_key{clause}"), wanted.params(), |row| row.int(0))?;
    let (limit, offset) = (wanted.bind(page.limit_i64()), wanted.bind(page.offset()));
    let rows = conn.all(
        &format!("SELECT {COLUMNS} FROM public_key{clause} ORDER BY id LIMIT {limit} OFFSET {offset}"),
        wanted.params(),
        read,
    )?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Whether an owner has a key of this title.
pub fn title_is_taken(conn: &dyn Connection, owner: KeyOwner, title: &str) -> Result<bool, Error> {
    let mut wanted = of(owner);
    wanted.equals("title", Some(title));
    let sql = format!("SELECT 1 FROM public_key{} LIMIT 1", wanted.clause());
    Ok(conn.first(&sql, wanted.params(), |_| Ok(()))?.is_some())
}

fn of(owner: KeyOwner) -> Where {
    let mut wanted = Where::default();
    match owner {
        KeyOwner::User(user) => wanted.equals("user_id", Some(user)),
        KeyOwner::Repository(repo) => wanted.equals("repo_id", Some(repo)),
    }
    wanted
}

/// Makes a key.
pub fn insert(
    tx: &dyn Connection,
    owner: KeyOwner,
    title: &str,
    key: &KeyText,
    is_read_only: bool,
    at: UtcMs,
) -> Result<SshKey, Error> {
    let (user, repo) = match owner {
        KeyOwner::User(user) => (Some(user), None),
        KeyOwner::Repository(repo) => (None, Some(repo)),
    };
    tx.first(
        &format!(
            "INSERT INTO public_key (user_id, repo_id, title, fingerprint, key_type, key, read_only, created_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}"
        ),
        &params![
            user,
            repo,
            title,
            key.fingerprint.as_str(),
            key.key_type.as_str(),
            key.bytes.as_slice(),
            is_read_only,
            at
        ],
        read,
    )?
    .ok_or(Error::Column { index: 0, expected: "a row" })
}

/// Removes a key; false: there was none.
pub fn delete(tx: &dyn Connection, id: KeyId) -> Result<bool, Error> {
    Ok(tx.execute("DELETE FROM public_key WHERE id = $1", &params![id])? == 1)
}

/// Removes every key of a user; answers how many.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    tx.execute("DELETE FROM public_key WHERE user_id = $1", &params![user])
}

/// Marks a use; only ever forward.
pub fn mark_used(tx: &dyn Connection, id: KeyId, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE public_key SET last_used_ms = $1 WHERE id = $2 AND (last_used_ms IS NULL OR last_used_ms < $3)",
        &params![at, id, at],
    )?;
    Ok(())
}
