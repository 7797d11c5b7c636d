//! Stars and watches: set, removed, looked at and listed from both sides.

use serde_json::json;

use super::Forge;
use super::blocks::check_may_act;
use super::repositories::{Seen, event_about, list_interesting};
use super::users::viewer_of;
use crate::access::action::{EditStar, EditWatch, ListInterested, ListInteresting, ReadStar, ReadWatch};
use crate::access::{Action, Permit, RepositoryAccess};
use crate::audit::{self, action};
use crate::db;
use crate::error::Result;
use crate::model::interest::Interest;
use crate::model::{Page, Paged, User, UserId, UtcMs};

/// Actions that look at the caller's own star or watch.
pub trait ReadsInterest: Action<Subject = RepositoryAccess> {
    /// Which of them.
    const INTEREST: Interest;
}

impl ReadsInterest for ReadStar {
    const INTEREST: Interest = Interest::Star;
}

impl ReadsInterest for ReadWatch {
    const INTEREST: Interest = Interest::Watch;
}

/// Actions that change it.
pub trait EditsInterest: Action<Subject = RepositoryAccess> {
    /// Which of them.
    const INTEREST: Interest;
}

impl EditsInterest for EditStar {
    const INTEREST: Interest = Interest::Star;
}

impl EditsInterest for EditWatch {
    const INTEREST: Interest = Interest::Watch;
}

/// Since when the caller has the repository starred, or watches it; none: not at all.
pub async fn interest_since<A: ReadsInterest>(forge: &Forge, permit: Permit<A>) -> Result<Option<UtcMs>> {
    let (user, repo) = (permit.caller().account()?.id, permit.subject().repository.id);
    forge.read("read interest", move |conn| Ok(db::interests::since(conn, A::INTEREST, user, repo)?)).await
}

/// Sets or removes the caller's star or watch, with one event; none when it is so already. Answers since when it is set.
///
/// Errors: `Forbidden` to set it where the owner has blocked the caller.
pub async fn set_interest<A: EditsInterest>(forge: &Forge, permit: Permit<A>, is_on: bool) -> Result<Option<UtcMs>> {
    let at = forge.clock.now();
    forge
        .write("set interest", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let user = permit.caller().account()?.id;
            let is_changed = match is_on {
                true => {
                    check_may_act(tx, user, repository.owner_id)?;
                    db::interests::put(tx, A::INTEREST, user, repository.id, at)?
                }
                false => db::interests::delete(tx, A::INTEREST, user, repository.id)?,
            };
            if is_changed {
                let what = match (A::INTEREST, is_on) {
                    (Interest::Star, true) => action::STAR_ADD,
                    (Interest::Star, false) => action::STAR_REMOVE,
                    (Interest::Watch, true) => action::WATCH_ADD,
                    (Interest::Watch, false) => action::WATCH_REMOVE,
                };
                let event = event_about(permit.caller(), what, &repository);
                audit::append(tx, at, &event.after(json!({ "login": permit.caller().account()?.name.as_str() })))?;
            }
            Ok(db::interests::since(tx, A::INTEREST, user, repository.id)?)
        })
        .await
}

/// Lists who has starred or watches a repository, as far as the caller may see them.
pub async fn list_interested(
    forge: &Forge,
    permit: Permit<ListInterested>,
    interest: Interest,
    page: Page,
) -> Result<Paged<User>> {
    let (viewer, repo) = (viewer_of(permit.caller()), permit.subject().repository.id);
    let read = move |conn: &dyn atomicqms_actors::sql::Connection| {
        Ok(db::interests::list_users(conn, interest, viewer, repo, page)?)
    };
    forge.read("list interested", read).await
}

/// Lists what an account has starred or watches, as far as the caller may see it, what changed last first.
pub async fn list_of_user(
    forge: &Forge,
    permit: Permit<ListInteresting>,
    interest: Interest,
    page: Page,
) -> Result<Paged<Seen>> {
    list_interesting(forge, permit.caller(), interest, permit.subject().id, page).await
}

/// How many repositories an account has starred.
pub async fn count_starred(forge: &Forge, user: UserId) -> Result<u64> {
    let read = move |conn: &dyn atomicqms_actors::sql::Connection| {
        Ok(db::interests::count_of_user(conn, Interest::Star, user)?)
    };
    forge.read("count starred", read).await
}
