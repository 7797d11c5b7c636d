//! Rows of accounts.
//!
//! Owns the `users` table. Deleted accounts are invisible to every function here except [`owner_of_name`] and [`name_is_taken`].

use std::collections::HashMap;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use super::filter::Filter;
use super::{account_redirects, avatars, email_addresses};
use crate::model::user::{DiffViewStyle, UserQuery, UserSettings, UserSort};
use crate::model::{Email, NewUser, Page, Paged, User, UserId, UserName, UtcMs, Visibility};

pub(super) const COLUMNS: &str = "u.id, u.login, u.full_name, u.email, u.description, u.website, u.location, \
     u.visibility, u.is_admin, u.is_active, u.is_login_prohibited, u.is_restricted, u.must_change_password, \
     u.password_version, u.created_ms, u.updated_ms, u.last_login_ms, u.is_organization, u.language, u.theme, \
     u.diff_view_style, u.hides_email, u.hides_activity, u.avatar_sha256, u.avatar_bytes";
pub(super) const COLUMN_COUNT: usize = 25;

pub(super) fn read(row: &dyn Row) -> Result<User, Error> {
    Ok(User {
        id: UserId::new(row.int(0)?),
        name: UserName::from_row(&row.text(1)?),
        full_name: row.text(2)?,
        email: Email::from_row(row.text(3)?),
        description: row.text(4)?,
        website: row.text(5)?,
        location: row.text(6)?,
        visibility: visibility(row, 7)?,
        is_admin: row.flag(8)?,
        is_active: row.flag(9)?,
        is_login_prohibited: row.flag(10)?,
        is_restricted: row.flag(11)?,
        must_change_password: row.flag(12)?,
        password_version: row.int(13)?,
        created_ms: UtcMs::new(row.int(14)?),
        updated_ms: UtcMs::new(row.int(15)?),
        last_login_ms: row.opt_int(16)?.map(UtcMs::new),
        is_organization: row.flag(17)?,
        settings: UserSettings {
            language: row.text(18)?,
            theme: row.text(19)?,
            diff_view_style: DiffViewStyle::parse(&row.text(20)?)
                .ok_or(Error::Column { index: 20, expected: "a way to show differences" })?,
            hides_email: row.flag(21)?,
            hides_activity: row.flag(22)?,
        },
        avatar: avatars::read(row, 23)?,
    })
}

pub(super) fn visibility(row: &dyn Row, index: usize) -> Result<Visibility, Error> {
    Visibility::parse(&row.text(index)?).ok_or(Error::Column { index, expected: "a visibility" })
}

/// Finds an account by id.
pub fn find(conn: &dyn Connection, id: UserId) -> Result<Option<User>, Error> {
    conn.first(&format!("SELECT {COLUMNS} FROM users u WHERE u.id = $1 AND u.deleted_ms IS NULL"), &params![id], read)
}

/// Finds an account by login name, without regard to case.
pub fn find_by_name(conn: &dyn Connection, name: &UserName) -> Result<Option<User>, Error> {
    conn.first(
        &format!("SELECT {COLUMNS} FROM users u WHERE u.login_key = $1 AND u.deleted_ms IS NULL"),
        &params![name.key()],
        read,
    )
}

/// Finds active accounts by addresses that are confirmed to be theirs, or by the placeholder that stands for an address that is not shown;
/// keys of the answer are lower-case addresses.
pub fn find_all_by_email(
    conn: &dyn Connection,
    emails: &[String],
    placeholder_domain: &str,
) -> Result<HashMap<String, User>, Error> {
    let mut found = HashMap::new();
    for email in emails {
        let key = email.to_ascii_lowercase();
        let placeholder = key.rsplit_once('@').filter(|(_, domain)| domain.eq_ignore_ascii_case(placeholder_domain));
        let user = match placeholder.and_then(|(name, _)| UserName::parse(name).ok()) {
            Some(name) => find_by_present_or_former_name(conn, &name)?,
            None => conn.first(
                &format!(
                    "SELECT {COLUMNS} FROM email_address e JOIN users u ON u.id = e.user_id \
                     WHERE e.email_key = $1 AND e.is_verified = 1 AND u.deleted_ms IS NULL"
                ),
                &params![key.as_str()],
                read,
            )?,
        };
        let user = user.filter(|user| user.is_active && !user.is_organization);
        if let Some(user) = user {
            found.insert(key, user);
        }
    }
    Ok(found)
}

/// Reads the password hash (PHC string) of an account.
pub fn password_hash(conn: &dyn Connection, id: UserId) -> Result<Option<String>, Error> {
    conn.first("SELECT password_hash FROM users WHERE id = $1 AND deleted_ms IS NULL", &params![id], |row| row.text(0))
}

/// Finds an account by its login name or a former one, without regard to case.
pub fn find_by_present_or_former_name(conn: &dyn Connection, name: &UserName) -> Result<Option<User>, Error> {
    match find_by_name(conn, name)? {
        Some(user) => Ok(Some(user)),
        None => match account_redirects::find(conn, name)? {
            Some(id) => find(conn, id),
            None => Ok(None),
        },
    }
}

/// Whose login name this is or ever was, deleted accounts included; a name never changes hands.
pub fn owner_of_name(conn: &dyn Connection, name: &UserName) -> Result<Option<UserId>, Error> {
    let present = conn
        .first("SELECT id FROM users WHERE login_key = $1", &params![name.key()], |row| Ok(UserId::new(row.int(0)?)));
    match present? {
        Some(id) => Ok(Some(id)),
        None => account_redirects::find(conn, name),
    }
}

/// Whether a login name is in use or was used by anybody.
pub fn name_is_taken(conn: &dyn Connection, name: &UserName) -> Result<bool, Error> {
    Ok(owner_of_name(conn, name)?.is_some())
}

/// Gives an account another login name, leaves the old one as a redirect, and notes where the directories of its repositories still are.
pub fn rename(tx: &dyn Connection, user: &User, name: &UserName, at: UtcMs) -> Result<(), Error> {
    if name.key() != user.name.key() {
        account_redirects::forget(tx, name, user.id)?;
        account_redirects::leave(tx, &user.name, user.id)?;
    }
    // As `model::repository::relative_path` writes it.
    tx.execute(
        "UPDATE repository SET moved_from = COALESCE(moved_from, $1 || '/' || name || '.git') WHERE owner_id = $2",
        &params![user.name.as_str(), user.id],
    )?;
    tx.execute(
        "UPDATE users SET login = $1, login_key = $2, updated_ms = $3 WHERE id = $4",
        &params![name.as_str(), name.key(), at, user.id],
    )?;
    Ok(())
}

/// Whether any account administers the site.
pub fn exists_admin(conn: &dyn Connection) -> Result<bool, Error> {
    let found = conn.first("SELECT 1 FROM users WHERE is_admin = 1 AND deleted_ms IS NULL LIMIT 1", &[], |_| Ok(()))?;
    Ok(found.is_some())
}

/// Counts administrators who may sign in, leaving one account out.
pub fn count_other_admins(conn: &dyn Connection, except: UserId) -> Result<i64, Error> {
    let count = conn.first(
        "SELECT COUNT(*) FROM users WHERE is_admin = 1 AND is_active = 1 AND is_login_prohibited = 0 \
         AND deleted_ms IS NULL AND id <> $1",
        &params![except],
        |row| row.int(0),
    )?;
    Ok(count.unwrap_or(0))
}

/// Makes an account, whose address counts as confirmed.
pub fn insert(tx: &dyn Connection, new: &NewUser, password_hash: &str, at: UtcMs) -> Result<UserId, Error> {
    let id = tx.first(
        "INSERT INTO users (login, login_key, full_name, email, email_key, visibility, password_hash, is_admin, \
         is_restricted, must_change_password, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id",
        &params![
            new.name.as_str(),
            new.name.key(),
            new.full_name.as_str(),
            new.email.as_str(),
            new.email.key(),
            new.visibility.as_str(),
            password_hash,
            new.is_admin,
            new.is_restricted,
            new.must_change_password,
            at,
            at,
        ],
        |row| row.int(0),
    )?;
    let id = id.map(UserId::new).ok_or(Error::Column { index: 0, expected: "an id" })?;
    email_addresses::put_verified(tx, id, &new.email, at)?;
    Ok(id)
}

/// Writes every field that may change, except the password.
pub fn update(tx: &dyn Connection, user: &User, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE users SET full_name = $1, email = $2, email_key = $3, description = $4, website = $5, location = $6, \
         visibility = $7, is_admin = $8, is_active = $9, is_login_prohibited = $10, is_restricted = $11, \
         must_change_password = $12, updated_ms = $13, language = $14, theme = $15, diff_view_style = $16, \
         hides_email = $17, hides_activity = $18 WHERE id = $19",
        &params![
            user.full_name.as_str(),
            user.email.as_str(),
            user.email.key(),
            user.description.as_str(),
            user.website.as_str(),
            user.location.as_str(),
            user.visibility.as_str(),
            user.is_admin,
            user.is_active,
            user.is_login_prohibited,
            user.is_restricted,
            user.must_change_password,
            at,
            user.settings.language.as_str(),
            user.settings.theme.as_str(),
            user.settings.diff_view_style.as_str(),
            user.settings.hides_email,
            user.settings.hides_activity,
            user.id,
        ],
    )?;
    Ok(())
}

/// Writes a new password hash and makes every earlier verification stale.
pub fn update_password(tx: &dyn Connection, id: UserId, password_hash: &str, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE users SET password_hash = $1, password_version = password_version + 1, updated_ms = $2 WHERE id = $3",
        &params![password_hash, at, id],
    )?;
    Ok(())
}

/// Marks the last time the account proved its password.
pub fn mark_login(tx: &dyn Connection, id: UserId, at: UtcMs) -> Result<(), Error> {
    tx.execute("UPDATE users SET last_login_ms = $1 WHERE id = $2 AND deleted_ms IS NULL", &params![at, id])?;
    Ok(())
}

/// Empties the personal fields of an account and hides it; the login name stays taken.
pub fn bury(tx: &dyn Connection, id: UserId, at: UtcMs) -> Result<(), Error> {
    email_addresses::delete_of_user(tx, id)?;
    tx.execute(
        "UPDATE users SET full_name = '', email = '', email_key = NULL, description = '', website = '', location = '', \
         password_hash = '', password_version = password_version + 1, is_admin = 0, is_active = 0, avatar_sha256 = NULL, avatar_bytes = 0, \
         updated_ms = $1, deleted_ms = $2 WHERE id = $3",
        &params![at, at, id],
    )?;
    Ok(())
}

/// Who is looking at a list of accounts.
#[derive(Debug, Clone, Copy)]
pub struct Viewer {
    /// The caller's account.
    pub id: Option<UserId>,
    /// Sees everybody, and may search addresses.
    pub is_admin: bool,
    /// Sees only what anonymous callers see.
    pub is_public_only: bool,
}

/// Lists accounts of people that a caller may see.
pub fn list(conn: &dyn Connection, viewer: Viewer, query: &UserQuery, page: Page) -> Result<Paged<User>, Error> {
    let mut filter = Filter::default();
    filter.add("u.is_organization = 0");
    let seen = seen_by(&mut filter, viewer, "u");
    filter.add(seen);
    let text: &[&str] =
        if viewer.is_admin { &["u.login", "u.full_name", "u.email"] } else { &["u.login", "u.full_name"] };
    filter.contains(text, &query.text);
    filter.equals("u.id", query.id);
    filter.equals("u.is_active", query.is_active);
    filter.equals("u.is_admin", query.is_admin);
    filter.equals("u.is_restricted", query.is_restricted);
    filter.equals("u.is_login_prohibited", query.is_login_prohibited);
    filter.equals("u.visibility", query.visibility.map(Visibility::as_str));
    let clause = filter.clause();
    let total = conn.first(&format!("SELECT COUNT(*) FROM users u{clause}"), filter.params(), |row| row.int(0))?;
    let order = match query.sort {
        UserSort::Name => "u.login_key",
        UserSort::Created => "u.created_ms",
        UserSort::Updated => "u.updated_ms",
        UserSort::Id => "u.id",
    };
    let direction = if query.is_descending { "DESC" } else { "ASC" };
    let limit = filter.bind(page.limit_i64());
    let offset = filter.bind(page.offset());
    let rows = conn.all(
        &format!(
            "SELECT {COLUMNS} FROM users u{clause} ORDER BY {order} {direction}, u.id {direction} LIMIT {limit} OFFSET {offset}"
        ),
        filter.params(),
        read,
    )?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Adds "the viewer may see the account" to a list of people who are found otherwise; none: the viewer is one of those who know them.
pub(super) fn only_seen(filter: &mut Filter, viewer: Option<Viewer>, alias: &'static str) {
    if let Some(viewer) = viewer {
        let seen = seen_by(filter, viewer, alias);
        filter.add(seen);
    }
}

/// What makes an account visible to a viewer, as a condition; the statement names it `alias`.
pub(super) fn seen_by(filter: &mut Filter, viewer: Viewer, alias: &'static str) -> String {
    match viewer {
        Viewer { is_public_only: true, .. } | Viewer { id: None, is_admin: false, .. } => {
            format!("({alias}.deleted_ms IS NULL AND {alias}.visibility = 'public')")
        }
        Viewer { is_admin: true, .. } => format!("{alias}.deleted_ms IS NULL"),
        Viewer { id: Some(id), .. } => {
            let own = filter.bind(id);
            format!(
                "({alias}.deleted_ms IS NULL AND ({alias}.visibility IN ('public', 'limited') OR {alias}.id = {own}))"
            )
        }
    }
}
