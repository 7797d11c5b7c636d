//! Accounts that follow accounts: begun, ended, looked at and listed from both sides.

use atomicqms_actors::sql::Connection;
use serde_json::json;

use super::Forge;
use super::blocks::{check_apart, find_seen};
use super::users::viewer_of;
use crate::access::action::{EditFollows, ListFollows};
use crate::access::{Caller, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::follow::Side;
use crate::model::{Page, Paged, User, UserId, UserName};

/// Lists those who follow an account, or whom it follows, as far as the caller may see them.
pub async fn list_follows(forge: &Forge, permit: Permit<ListFollows>, side: Side, page: Page) -> Result<Paged<User>> {
    let (viewer, user) = (viewer_of(permit.caller()), permit.subject().id);
    forge.read("list follows", move |conn| Ok(db::follows::list(conn, viewer, user, side, page)?)).await
}

/// Whether an account follows another.
///
/// Errors: `NotFound` when there is no such account, or the caller may not see it.
pub async fn is_following(forge: &Forge, permit: Permit<ListFollows>, name: &UserName) -> Result<bool> {
    let name = name.clone();
    let read = move |conn: &dyn Connection| {
        let followed = find_person(conn, permit.caller(), &name)?;
        Ok(db::follows::is_following(conn, permit.subject().id, followed.id)?)
    };
    forge.read("find follow", read).await
}

/// How many follow an account and how many it follows, of those that the caller may see.
pub async fn count_follows(forge: &Forge, caller: &Caller, user: UserId) -> Result<(u64, u64)> {
    let viewer = viewer_of(caller);
    let read = move |conn: &dyn Connection| {
        let count = |side| db::follows::count(conn, viewer, user, side);
        Ok((count(Side::Followers)?, count(Side::Following)?))
    };
    forge.read("count follows", read).await
}

/// Follows an account, or ceases to, with one event; none when it is so already.
///
/// Errors: `NotFound` when there is no such account, it is an organization, or the caller may not see it; `Invalid` for oneself; `Forbidden`
/// where one of the two has blocked the other.
pub async fn set_following(forge: &Forge, permit: Permit<EditFollows>, name: &UserName, is_on: bool) -> Result<()> {
    let (name, at) = (name.clone(), forge.clock.now());
    forge
        .write("set following", move |tx| {
            let user = permit.confirm(tx, at)?;
            let followed = find_person(tx, permit.caller(), &name)?;
            let is_changed = if is_on {
                if followed.id == user.id {
                    return Err(Error::invalid("username", "nobody can follow oneself"));
                }
                check_apart(tx, user.id, followed.id)?;
                db::follows::put(tx, user.id, followed.id, at)?
            } else {
                db::follows::delete(tx, user.id, followed.id)?
            };
            if !is_changed {
                return Ok(());
            }
            let what = if is_on { action::FOLLOW_ADD } else { action::FOLLOW_REMOVE };
            let object = Object::new("follow", format!("{}/{}", user.id, followed.id));
            let (event, state) =
                (Event::new(permit.caller().stamp(), what, object), json!({ "login": followed.name.as_str() }));
            audit::append(tx, at, &if is_on { event.after(state) } else { event.before(state) })?;
            Ok(())
        })
        .await
}

/// Organizations are not followed.
fn find_person(conn: &dyn Connection, caller: &Caller, name: &UserName) -> Result<User> {
    let found = find_seen(conn, caller, name)?;
    if found.is_organization { Err(Error::not_found()) } else { Ok(found) }
}

#[cfg(test)]
mod tests;
