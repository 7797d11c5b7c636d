//! Rows of accounts that follow accounts.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

use super::filter::Filter;
use super::users;
use crate::model::follow::Side;
use crate::model::{Page, Paged, User, UserId, UtcMs};

/// Adds one; false: it was there.
pub fn put(tx: &dyn Connection, user: UserId, followed: UserId, at: UtcMs) -> Result<bool, Error> {
    let sql = "INSERT INTO follow (user_id, followed_id, created_ms) VALUES ($1, $2, $3) \
               ON CONFLICT (user_id, followed_id) DO NOTHING";
    Ok(tx.execute(sql, &params![user, followed, at])? == 1)
}

/// Removes one; false: there was none.
pub fn delete(tx: &dyn Connection, user: UserId, followed: UserId) -> Result<bool, Error> {
    let sql = "DELETE FROM follow WHERE user_id = $1 AND followed_id = $2";
    Ok(tx.execute(sql, &params![user, followed])? == 1)
}

/// Removes all of an account, from both sides; answers how many.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    let following = tx.execute("DELETE FROM follow WHERE user_id = $1", &params![user])?;
    let followers = tx.execute("DELETE FROM follow WHERE followed_id = $1", &params![user])?;
    Ok(following.saturating_add(followers))
}

/// Whether one account follows another.
pub fn is_following(conn: &dyn Connection, user: UserId, followed: UserId) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM follow WHERE user_id = $1 AND followed_id = $2";
    Ok(conn.first(sql, &params![user, followed], |_| Ok(()))?.is_some())
}

/// Counts those on one side of an account that the viewer may see.
pub fn count(conn: &dyn Connection, viewer: users::Viewer, user: UserId, side: Side) -> Result<u64, Error> {
    let (tables, filter) = of(viewer, user, side);
    let sql = format!("SELECT COUNT(*) FROM {tables}{}", filter.clause());
    let count = conn.first(&sql, filter.params(), |row| row.int(0))?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Lists those on one side of an account that the viewer may see, by login name.
pub fn list(
    conn: &dyn Connection,
    viewer: users::Viewer,
    user: UserId,
    side: Side,
    page: Page,
) -> Result<Paged<User>, Error> {
    let total_count = count(conn, viewer, user, side)?;
    let (tables, mut filter) = of(viewer, user, side);
    let clause = filter.clause();
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let rows = conn.all(
        &format!("SELECT {} FROM {tables}{clause} ORDER BY u.login_key LIMIT {limit} OFFSET {offset}", users::COLUMNS),
        filter.params(),
        users::read,
    )?;
    Ok(Paged { rows, total_count })
}

/// The tables and conditions of a side.
fn of(viewer: users::Viewer, user: UserId, side: Side) -> (&'static str, Filter) {
    let (tables, known) = match side {
        Side::Followers => ("follow x JOIN users u ON u.id = x.user_id", "x.followed_id"),
        Side::Following => ("follow x JOIN users u ON u.id = x.followed_id", "x.user_id"),
    };
    let mut filter = Filter::default();
    filter.equals(known, Some(user));
    let seen = users::seen_by(&mut filter, viewer, "u");
    filter.add(seen);
    (tables, filter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{self, NOON};

    #[test]
    fn both_sides_are_listed_and_go_with_the_account() {
        let conn = testing::open();
        let [ada, bob, cleo] = ["ada", "bob", "cleo"].map(|name| testing::user(&conn, name));
        assert!(put(&conn, ada, bob, NOON).unwrap() && put(&conn, cleo, bob, NOON).unwrap());
        assert!(!put(&conn, ada, bob, NOON).unwrap(), "it was there");
        assert!(put(&conn, bob, ada, NOON).unwrap());
        assert!(put(&conn, ada, ada, NOON).is_err(), "nobody follows oneself");
        let anybody = users::Viewer { id: None, is_admin: false, is_public_only: false };
        let names = |user, side| -> Vec<String> {
            let found = list(&conn, anybody, user, side, Page::default()).unwrap();
            assert_eq!(found.total_count, found.rows.len() as u64);
            found.rows.into_iter().map(|user| user.name.to_string()).collect()
        };
        assert_eq!(names(bob, Side::Followers), ["ada", "cleo"]);
        assert_eq!(names(bob, Side::Following), ["ada"]);
        assert!(is_following(&conn, cleo, bob).unwrap() && !is_following(&conn, bob, cleo).unwrap());
        assert_eq!(delete_of_user(&conn, ada).unwrap(), 2);
        assert!(delete(&conn, cleo, bob).unwrap() && !delete(&conn, cleo, bob).unwrap());
        assert_eq!(count(&conn, anybody, bob, Side::Followers).unwrap(), 0);
    }
}
