//! Which pictures accounts and repositories have, and who may see one of them.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use super::filter::Filter;
use super::repositories::{self, search};
use super::users;
use crate::model::{Avatar, AvatarHolder, BlobId, UtcMs};

/// Reads the columns `avatar_sha256, avatar_bytes`, of which the first is at `index`.
pub(super) fn read(row: &dyn Row, index: usize) -> Result<Option<Avatar>, Error> {
    let Some(hash) = row.opt_blob(index)? else { return Ok(None) };
    let blob = BlobId::from_bytes(&hash).ok_or(Error::Column { index, expected: "a hash" })?;
    let size_bytes =
        u64::try_from(row.int(index + 1)?).map_err(|_| Error::Column { index: index + 1, expected: "a count" })?;
    Ok(Some(Avatar { blob, size_bytes }))
}

/// Sets a picture, or takes it away.
pub fn set(tx: &dyn Connection, holder: AvatarHolder, avatar: Option<Avatar>, at: UtcMs) -> Result<(), Error> {
    let (table, id) = match holder {
        AvatarHolder::Account(id) => ("users", id.get()),
        AvatarHolder::Repository(id) => ("repository", id.get()),
    };
    let size_bytes = avatar.map_or(0, |avatar| i64::try_from(avatar.size_bytes).unwrap_or(i64::MAX));
    tx.execute(
        &format!("UPDATE {table} SET avatar_sha256 = $1, avatar_bytes = $2, updated_ms = $3 WHERE id = $4"),
        &params![avatar.map(|avatar| avatar.blob), size_bytes, at, id],
    )?;
    Ok(())
}

/// Finds a picture of an account or an organization that the viewer may see; with it whether everybody may.
pub fn find_of_account(
    conn: &dyn Connection,
    viewer: users::Viewer,
    blob: BlobId,
) -> Result<Option<(Avatar, bool)>, Error> {
    let mut filter = Filter::default();
    filter.equals("u.avatar_sha256", Some(blob));
    let seen = users::seen_by(&mut filter, viewer, "u");
    match viewer.id.filter(|_| !viewer.is_public_only) {
        // Members of a private organization see it.
        Some(id) => {
            let member = filter.bind(id);
            filter.add(format!(
                "({seen} OR (u.deleted_ms IS NULL AND u.is_organization = 1 AND u.id IN \
                 (SELECT m.org_id FROM organization_member m WHERE m.user_id = {member})))"
            ));
        }
        None => filter.add(seen),
    }
    let sql = format!(
        "SELECT u.avatar_sha256, u.avatar_bytes, u.visibility = 'public' FROM users u{} \
         ORDER BY u.visibility = 'public' DESC LIMIT 1",
        filter.clause()
    );
    found(conn, &sql, &filter)
}

/// Finds a picture of a repository that the viewer may see; with it whether everybody may.
pub fn find_of_repository(
    conn: &dyn Connection,
    viewer: &search::Viewer,
    blob: BlobId,
) -> Result<Option<(Avatar, bool)>, Error> {
    let mut filter = Filter::default();
    filter.equals("r.avatar_sha256", Some(blob));
    search::may_see(&mut filter, viewer);
    let sql = format!(
        "SELECT r.avatar_sha256, r.avatar_bytes, (r.is_private = 0 AND u.visibility = 'public') AS is_public \
         FROM {}{} ORDER BY is_public DESC LIMIT 1",
        repositories::TABLES,
        filter.clause()
    );
    found(conn, &sql, &filter)
}

fn found(conn: &dyn Connection, sql: &str, filter: &Filter) -> Result<Option<(Avatar, bool)>, Error> {
    let found = conn.first(sql, filter.params(), |row| Ok((read(row, 0)?, row.flag(2)?)))?;
    Ok(found.and_then(|(avatar, is_public)| avatar.map(|avatar| (avatar, is_public))))
}
