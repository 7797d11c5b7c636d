//! Accounts that others have blocked: what a block refuses, and what it ends.
//!
//! Owns the one question, asked by every writer inside its transaction: may somebody act on things of somebody else ([`check_may_act`], [`check_apart`])?
//! Whatever is public goes on being read. The blocked one is not told: the refusal gives no reason. Whoever may do the same elsewhere can guess it.

use atomicqms_actors::sql::Connection;
use serde_json::{Value, json};

use super::users::viewer_of;
use super::{Forge, check_text};
use crate::access::action::{EditBlocks, EditOrganizationBlocks, ListBlocks, ListOrganizationBlocks, SeeName};
use crate::access::{Action, Caller, OrganizationAccess, Permit, authorize};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::interest::Interest;
use crate::model::{AccessLevel, Page, Paged, RepoId, User, UserId, UserName};

/// Longest note. Units: characters.
const NOTE_MAX: usize = 255;

/// Refuses what somebody does to things of another who has blocked them. Administrators of the site are not held back.
///
/// Errors: `Forbidden`.
pub(super) fn check_may_act(conn: &dyn Connection, doer: UserId, owner: UserId) -> Result<()> {
    match doer != owner && db::blocks::holds_back(conn, owner, doer)? {
        true => Err(Error::forbidden("this account may not do this here")),
        false => Ok(()),
    }
}

/// The same, whichever of the two has blocked the other.
///
/// Errors: `Forbidden`.
pub(super) fn check_apart(conn: &dyn Connection, one: UserId, other: UserId) -> Result<()> {
    check_may_act(conn, one, other)?;
    check_may_act(conn, other, one)
}

/// Finds the account that a request names beside the thing it is about, if the caller may see it.
///
/// Errors: `NotFound`, and others of the gate.
pub(super) fn find_seen(conn: &dyn Connection, caller: &Caller, name: &UserName) -> Result<User> {
    authorize(conn, caller, SeeName, name).map(Permit::into_subject)
}

/// The actions that concern the blocks of an account or of an organization.
pub trait OfBlocker: Action {
    /// Who blocks.
    fn blocker(subject: &Self::Subject) -> &User;
}

/// Those that look at them.
pub trait ReadsBlocks: OfBlocker {}

/// Those that change them.
pub trait EditsBlocks: OfBlocker {}

impl OfBlocker for ListBlocks {
    fn blocker(subject: &User) -> &User {
        subject
    }
}

impl OfBlocker for EditBlocks {
    fn blocker(subject: &User) -> &User {
        subject
    }
}

impl OfBlocker for ListOrganizationBlocks {
    fn blocker(subject: &OrganizationAccess) -> &User {
        &subject.organization.user
    }
}

impl OfBlocker for EditOrganizationBlocks {
    fn blocker(subject: &OrganizationAccess) -> &User {
        &subject.organization.user
    }
}

impl ReadsBlocks for ListBlocks {}
impl ReadsBlocks for ListOrganizationBlocks {}
impl EditsBlocks for EditBlocks {}
impl EditsBlocks for EditOrganizationBlocks {}

/// Lists whom an account has blocked, as far as the caller may see them.
pub async fn list_blocks<A: ReadsBlocks>(forge: &Forge, permit: Permit<A>, page: Page) -> Result<Paged<User>> {
    let (viewer, blocker) = (viewer_of(permit.caller()), A::blocker(permit.subject()).id);
    forge.read("list blocks", move |conn| Ok(db::blocks::list(conn, viewer, blocker, page)?)).await
}

/// Whether an account has blocked another.
///
/// Errors: `NotFound` when there is no such account, or the caller may not see it.
pub async fn is_blocked<A: ReadsBlocks>(forge: &Forge, permit: Permit<A>, name: &UserName) -> Result<bool> {
    let name = name.clone();
    forge
        .read("find block", move |conn| {
            let blocked = find_seen(conn, permit.caller(), &name)?;
            Ok(db::blocks::is_blocked(conn, A::blocker(permit.subject()).id, blocked.id)?)
        })
        .await
}

/// Blocks an account, and ends what the two have with each other.
///
/// Errors: `NotFound` when there is no such account, or the caller may not see it; `Invalid` for oneself, an organization, a member of the
/// organization that blocks, an account that is blocked already, and a note that is too long. An administrator of the site can be blocked like anybody else, so that
/// nobody learns who is one; the block does not hold them back.
pub async fn block<A: EditsBlocks>(forge: &Forge, permit: Permit<A>, name: &UserName, note: String) -> Result<()> {
    check_text("note", &note, NOTE_MAX)?;
    let (name, at) = (name.clone(), forge.clock.now());
    forge
        .write("block account", move |tx| {
            let subject = permit.confirm(tx, at)?;
            let blocker = A::blocker(&subject);
            let blocked = find_seen(tx, permit.caller(), &name)?;
            if !may_be_blocked(tx, blocker, &blocked)?
                || permit.caller().user_id() == Some(blocked.id)
                || !db::blocks::put(tx, blocker.id, blocked.id, &note, at)?
            {
                return Err(Error::invalid("username", "cannot block the user"));
            }
            let ended = Ended::by(tx, blocker.id, blocked.id)?;
            // What is said of somebody stays out of the ledger, which cannot be erased.
            let event = event_about(permit.caller(), action::BLOCK_ADD, blocker, &blocked)
                .before(ended.state())
                .after(json!({ "blocker": blocker.name.as_str(), "login": blocked.name.as_str(), "has_note": !note.is_empty() }));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// Ends a block. What it ended does not come back.
///
/// Errors: `NotFound` when there is no such account, or the caller may not see it; `Invalid` when it is not blocked.
pub async fn unblock<A: EditsBlocks>(forge: &Forge, permit: Permit<A>, name: &UserName) -> Result<()> {
    let (name, at) = (name.clone(), forge.clock.now());
    forge
        .write("unblock account", move |tx| {
            let subject = permit.confirm(tx, at)?;
            let blocker = A::blocker(&subject);
            let blocked = find_seen(tx, permit.caller(), &name)?;
            if !db::blocks::delete(tx, blocker.id, blocked.id)? {
                return Err(Error::invalid("username", "cannot unblock the user"));
            }
            let event = event_about(permit.caller(), action::BLOCK_REMOVE, blocker, &blocked)
                .before(json!({ "blocker": blocker.name.as_str(), "login": blocked.name.as_str() }));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

fn may_be_blocked(conn: &dyn Connection, blocker: &User, blocked: &User) -> Result<bool> {
    if blocked.id == blocker.id || blocked.is_organization {
        return Ok(false);
    }
    Ok(!blocker.is_organization || db::organizations::membership(conn, blocker.id, blocked.id)?.is_none())
}

/// What a block ended.
struct Ended {
    /// The blocked one followed the other; the other way round.
    follows: (bool, bool),
    stars: u64,
    watches: u64,
    levels_of_blocked: Vec<(RepoId, AccessLevel)>,
    levels_of_blocker: Vec<(RepoId, AccessLevel)>,
    /// Repositories that one of the two had offered to the other.
    offers: Vec<RepoId>,
}

impl Ended {
    /// Ends everything, from both sides.
    fn by(tx: &dyn Connection, blocker: UserId, blocked: UserId) -> Result<Self> {
        let both_ways = |interest| -> Result<u64> {
            let theirs = db::blocks::end_interest(tx, interest, blocked, blocker)?;
            Ok(theirs.saturating_add(db::blocks::end_interest(tx, interest, blocker, blocked)?))
        };
        let mut offers = db::blocks::end_offers(tx, blocker, blocked)?;
        offers.extend(db::blocks::end_offers(tx, blocked, blocker)?);
        Ok(Self {
            follows: (db::follows::delete(tx, blocked, blocker)?, db::follows::delete(tx, blocker, blocked)?),
            stars: both_ways(Interest::Star)?,
            watches: both_ways(Interest::Watch)?,
            levels_of_blocked: db::blocks::end_collaborations(tx, blocked, blocker)?,
            levels_of_blocker: db::blocks::end_collaborations(tx, blocker, blocked)?,
            offers,
        })
    }

    fn state(&self) -> Value {
        let levels = |levels: &[(RepoId, AccessLevel)]| -> Vec<Value> {
            levels.iter().map(|(repo, level)| json!({ "repo": repo, "level": level.as_str() })).collect()
        };
        json!({
            "followed_by_blocked": self.follows.0,
            "followed_by_blocker": self.follows.1,
            "stars": self.stars,
            "watches": self.watches,
            "levels_of_blocked": levels(&self.levels_of_blocked),
            "levels_of_blocker": levels(&self.levels_of_blocker),
            "offers": self.offers,
        })
    }
}

fn event_about(caller: &Caller, what: &'static str, blocker: &User, blocked: &User) -> Event {
    Event::new(caller.stamp(), what, Object::new("block", format!("{}/{}", blocker.id, blocked.id)))
}

#[cfg(test)]
mod tests;
