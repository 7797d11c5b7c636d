//! Invitations to teams: made, listed, taken back, accepted, declined.
//!
//! Owns what an invitation is worth. It is bound to its address: whoever accepts has an account that has confirmed it, or makes one by the link of the mail, which
//! shows the same. It stands as long as team and inviter's rights do, which is looked at when it is accepted, and works once. Whoever invites does not learn whether
//! the address has an account. The ledger names the row and the team, no address and no code, because it cannot be erased.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use atomicqms_actors::sql::Connection;
use serde_json::{Value, json};

use super::blocks::check_may_act;
use super::mails::codes::invitation_hash;
use super::organizations::join;
use super::registrations::Inviters;
use super::users::insert_user;
use super::{Forge, email_addresses, mails, registrations};
use crate::access::action::{AnswerInvitation, EditInvitations, FollowInvitation, ListInvitations, ListOwnInvitations};
use crate::access::rights::standing_of_user;
use crate::access::{Caller, Client, Permit};
use crate::audit::event::hex;
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::{
    Email, Invitation, NewInvitation, NewUser, Page, Paged, Team, User, UserId, UserName, UtcMs, Visibility,
};

/// A day. Units: milliseconds.
const DAY_MS: i64 = 86_400_000;

/// What an administrator may tune about invitations.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long one stands.
    pub days: u32,
    /// Open ones of one team.
    pub max_per_team: u64,
    /// New ones of one account in a day.
    pub max_per_account: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { days: 7, max_per_team: 100, max_per_account: 50 }
    }
}

/// Which invitation is answered, and how somebody knows of it.
#[derive(Debug, Clone)]
pub enum Which {
    /// Its row, from the list of one's own.
    Row(i64),
    /// The code of its link.
    Code(String),
}

/// The account that somebody who was invited wants.
pub struct Newcomer {
    /// Login name.
    pub name: UserName,
    /// Clear text password; hashed before it goes anywhere.
    pub password: String,
}

/// Lists the open invitations to a team.
pub async fn list_invitations(forge: &Forge, permit: Permit<ListInvitations>, page: Page) -> Result<Paged<Invitation>> {
    let (team, at) = (permit.into_subject().team.id, forge.clock.now());
    forge.read("list invitations", move |conn| Ok(db::invitations::list_of_team(conn, team, at, page)?)).await
}

/// Invites an address to a team, whoever has it.
///
/// Errors: `Forbidden` where no mail is sent; `Invalid` for the address of a member and for too many open ones; `Conflict` when it has been invited already;
/// `RateLimited`, `Overloaded` as for other mails.
pub async fn invite(forge: &Forge, permit: Permit<EditInvitations>, email: Email) -> Result<Invitation> {
    if !forge.mails.is_on() {
        return Err(Error::forbidden("This server sends no mail, so nobody can be invited by it."));
    }
    let inviter = permit.caller().user_id().ok_or_else(|| Error::broken("an invitation by nobody"))?;
    forge.invitations.take(inviter, "too many invitations were made by this account lately; try again later")?;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    let seed = hex(&bytes);
    let settings = forge.settings.invitations.clone();
    let (mails, at) = (Arc::clone(&forge.mails), forge.clock.now());
    let made = forge
        .write("invite", move |tx| {
            let access = permit.confirm(tx, at)?;
            let team = access.team;
            registrations::forget_lapsed(tx, at)?;
            if let Some(holder) = db::email_addresses::holder(tx, &email)?
                && db::teams::is_member(tx, team.id, holder)?
            {
                return Err(Error::invalid("email", "this address belongs to a member of the team"));
            }
            if db::invitations::is_invited(tx, team.id, &email)? {
                return Err(Error::conflict("this address has been invited to the team already"));
            }
            if db::invitations::count_of_team(tx, team.id)? >= settings.max_per_team {
                return Err(Error::invalid("email", "the team has too many open invitations"));
            }
            // Counted is what becomes a mail: refused invitations use up nothing of what somebody may be sent.
            mails.count_by(inviter)?;
            mails.count_for(&email)?;
            let code = mails.codes().for_invitation(team.id, &email, &seed);
            let token_hash = invitation_hash(&code).ok_or_else(|| Error::broken("a code of another form"))?;
            let expires_ms = at.plus_ms(i64::from(settings.days).saturating_mul(DAY_MS));
            let new = NewInvitation { team: team.id, inviter, email, seed, token_hash, expires_ms };
            let id = db::invitations::insert(tx, &new, at)?;
            let made =
                db::invitations::find(tx, id)?.ok_or_else(|| Error::broken("an invitation just made is gone"))?;
            mails.post(tx, &mails::invite(mails.settings(), &made, i64::from(settings.days)), at)?;
            db::jobs::schedule(tx, registrations::FORGET, registrations::ALL, expires_ms, at)?;
            let event =
                Event::new(permit.caller().stamp(), action::INVITATION_CREATE, object(&made)).after(state(&made));
            audit::append(tx, at, &event)?;
            Ok(made)
        })
        .await?;
    forge.wake_mails();
    Ok(made)
}

/// Takes an invitation back; its link is worth nothing from then on.
///
/// Errors: `NotFound` for one that is not there, or to another team.
pub async fn withdraw(forge: &Forge, permit: Permit<EditInvitations>, id: i64) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("withdraw invitation", move |tx| {
            let team = permit.confirm(tx, at)?.team;
            let found = db::invitations::find(tx, id)?
                .filter(|found| found.team_id == team.id && at < found.expires_ms)
                .ok_or_else(Error::not_found)?;
            db::invitations::delete(tx, id)?;
            let event =
                Event::new(permit.caller().stamp(), action::INVITATION_WITHDRAW, object(&found)).before(state(&found));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// Withdraws what was sent to confirmed addresses of somebody who is taken out of an organization or of a team of it, so that nobody comes back by an old one. An
/// address that somebody only says to have is not theirs: others' invitations stay.
pub(super) fn withdraw_all_to(
    tx: &dyn Connection,
    caller: &Caller,
    org: UserId,
    user: UserId,
    at: UtcMs,
) -> Result<()> {
    for found in db::invitations::list_to(tx, org, user)? {
        db::invitations::delete(tx, found.id)?;
        let event = Event::new(caller.stamp(), action::INVITATION_WITHDRAW, object(&found)).before(state(&found));
        audit::append(tx, at, &event.reason("whom it went to was taken out"))?;
    }
    Ok(())
}

/// Lists the invitations to the caller's confirmed addresses.
pub async fn list_own_invitations(
    forge: &Forge,
    permit: Permit<ListOwnInvitations>,
    page: Page,
) -> Result<Paged<Invitation>> {
    let user = permit.caller().user_id().ok_or_else(|| Error::broken("invitations of nobody"))?;
    let (in_public_only, at) = (permit.caller().is_public_only(), forge.clock.now());
    forge
        .read("list own invitations", move |conn| Ok(db::invitations::list_for(conn, user, in_public_only, at, page)?))
        .await
}

/// Finds the invitation of a code, for showing it. Changes nothing.
///
/// Errors: `NotFound` for a code that is wrong, over or used, and for an invitation that stands no more: always in the same words.
pub async fn find_invitation(forge: &Forge, _permit: &Permit<FollowInvitation>, code: &str) -> Result<Invitation> {
    let (which, at) = (Which::Code(code.to_owned()), forge.clock.now());
    forge.read("find invitation", move |conn| Ok(standing(conn, &which, at)?.0)).await
}

/// Finds an invitation that may be accepted now: not lapsed, its team there, and its inviter still somebody who may invite to it.
fn standing(conn: &dyn Connection, which: &Which, at: UtcMs) -> Result<(Invitation, Team)> {
    let found = match which {
        Which::Row(id) => db::invitations::find(conn, *id)?,
        Which::Code(code) => match invitation_hash(code) {
            Some(hash) => db::invitations::find_by_hash(conn, &hash)?,
            None => None,
        },
    };
    let found = found.filter(|found| at < found.expires_ms).ok_or_else(email_addresses::bad_link)?;
    let team = db::teams::find(conn, found.team_id)?.ok_or_else(email_addresses::bad_link)?;
    let inviter =
        db::users::find(conn, found.inviter_id)?.filter(User::may_sign_in).ok_or_else(email_addresses::bad_link)?;
    if !inviter.is_admin && !standing_of_user(conn, inviter.id, team.org_id)?.is_owner {
        return Err(email_addresses::bad_link());
    }
    Ok((found, team))
}

/// The account of a caller who answers, if the invitation went to an address of it.
fn recipient(
    tx: &dyn Connection,
    permit: &Permit<AnswerInvitation>,
    which: &Which,
    found: &Invitation,
) -> Result<User> {
    let id = permit.caller().user_id().ok_or_else(|| Error::broken("an answer of nobody"))?;
    let is_theirs = db::email_addresses::find_of(tx, id, &found.email)?.is_some_and(|address| address.is_verified);
    if is_theirs && permit.caller().is_public_only() {
        let org = db::users::find(tx, found.org_id)?.ok_or_else(email_addresses::bad_link)?;
        if org.visibility != Visibility::Public {
            return Err(Error::forbidden("token scope is limited to public orgs"));
        }
    }
    match (is_theirs, which) {
        (true, _) => db::users::find(tx, id)?.ok_or_else(email_addresses::bad_link),
        // Numbers can be guessed; whoever has the link knows the address.
        (false, Which::Row(_)) => Err(email_addresses::bad_link()),
        (false, Which::Code(_)) => Err(Error::forbidden(format!(
            "The invitation went to {}, which is no confirmed address of this account. Add it to the account and confirm it, then open the link again.",
            found.email
        ))),
    }
}

/// Accepts an invitation: the caller is in the team from then on.
///
/// Errors: `NotFound` as for [`find_invitation`], and for a row that is about somebody else; `Forbidden` by its link for an account that has not confirmed the address, and
/// for one that the organization has blocked.
pub async fn accept(forge: &Forge, permit: Permit<AnswerInvitation>, which: Which) -> Result<Invitation> {
    let at = forge.clock.now();
    forge
        .write("accept invitation", move |tx| {
            permit.confirm(tx, at)?;
            let (found, team) = standing(tx, &which, at)?;
            let user = recipient(tx, &permit, &which, &found)?;
            let event = Event::new(permit.caller().stamp(), action::INVITATION_ACCEPT, object(&found));
            enter(tx, &found, &team, &user, event, at)?;
            Ok(found)
        })
        .await
}

fn enter(tx: &dyn Connection, found: &Invitation, team: &Team, user: &User, event: Event, at: UtcMs) -> Result<()> {
    check_may_act(tx, user.id, team.org_id)?;
    if !db::invitations::delete(tx, found.id)? {
        return Err(email_addresses::bad_link());
    }
    db::teams::put_member(tx, team.id, user.id, at)?;
    join(tx, team.org_id, user.id, at)?;
    let mut after = state(found);
    after["login"] = user.name.as_str().into();
    after["user_id"] = json!(user.id);
    audit::append(tx, at, &event.after(after))?;
    Ok(())
}

/// Declines an invitation that went to an address of the caller.
///
/// Errors: `NotFound` as for [`accept`].
pub async fn decline(forge: &Forge, permit: Permit<AnswerInvitation>, which: Which) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("decline invitation", move |tx| {
            permit.confirm(tx, at)?;
            let (found, _) = standing(tx, &which, at)?;
            recipient(tx, &permit, &which, &found)?;
            end(tx, &found, Event::new(permit.caller().stamp(), action::INVITATION_DECLINE, object(&found)), at)
        })
        .await
}

/// Declines an invitation by its link alone, which shows whose address it is; no account is needed for that.
///
/// Errors: `NotFound` as for [`find_invitation`].
pub async fn decline_by_link(forge: &Forge, permit: Permit<FollowInvitation>, code: &str) -> Result<()> {
    let (which, at) = (Which::Code(code.to_owned()), forge.clock.now());
    forge
        .write("decline invitation by link", move |tx| {
            permit.confirm(tx, at)?;
            let (found, _) = standing(tx, &which, at)?;
            end(tx, &found, Event::new(permit.caller().stamp(), action::INVITATION_DECLINE, object(&found)), at)
        })
        .await
}

fn end(tx: &dyn Connection, found: &Invitation, event: Event, at: UtcMs) -> Result<()> {
    if !db::invitations::delete(tx, found.id)? {
        return Err(email_addresses::bad_link());
    }
    audit::append(tx, at, &event.before(state(found)))?;
    Ok(())
}

/// Whether somebody who was invited may make the account for it: whoever invited may bring in people, and the address is of a domain that may. Where everybody may
/// make organizations, owning one says nothing about that.
pub fn may_register(settings: &registrations::Settings, invitation: &Invitation) -> bool {
    let brings_in = match settings.inviters {
        Inviters::Nobody => false,
        Inviters::Administrators => invitation.is_by_administrator,
        Inviters::Owners => true,
    };
    brings_in && settings.takes(&invitation.email)
}

fn check_may_register(settings: &registrations::Settings, invitation: &Invitation) -> Result<()> {
    match may_register(settings, invitation) {
        true => Ok(()),
        false => Err(Error::forbidden(
            "Nobody makes an account by this invitation: ask an administrator for one with this address.",
        )),
    }
}

/// Makes an account with the address that was invited, which the link has shown, and accepts.
///
/// Errors: `NotFound` as for [`find_invitation`]; `Forbidden` where the invited may not register; `Invalid` for a name that is taken and a password that breaks the
/// rule; `Conflict` when an account has the address; `RateLimited`.
pub async fn register(
    forge: &Forge,
    permit: Permit<FollowInvitation>,
    code: &str,
    new: Newcomer,
) -> Result<(User, Invitation)> {
    // Before anything costs: a password is hashed only for somebody who has a link.
    let found = find_invitation(forge, &permit, code).await?;
    let settings = forge.settings.registration.clone();
    check_may_register(&settings, &found)?;
    let refusal = "too many accounts were asked for from this address lately; try again later";
    forge.registrations.take(Client::of(permit.caller()), refusal)?;
    let hash = forge.access.passwords().hash(&new.password).await?;
    let (which, at) = (Which::Code(code.to_owned()), forge.clock.now());
    forge
        .write("register by invitation", move |tx| {
            permit.confirm(tx, at)?;
            let (found, team) = standing(tx, &which, at)?;
            check_may_register(&settings, &found)?;
            if db::email_addresses::holder(tx, &found.email)?.is_some() {
                return Err(Error::conflict("An account has this address already: accept with that one."));
            }
            if db::users::name_is_taken(tx, &new.name)? {
                return Err(Error::invalid("user_name", format!("The name {} is taken.", new.name)));
            }
            // Its password is hashed already.
            let user = insert_user(tx, &NewUser::new(new.name.clone(), found.email.clone(), ""), &hash, at)?;
            db::registrations::delete_of(tx, &user.name, &found.email)?;
            let event = Event::new(permit.caller().stamp(), action::USER_ACTIVATE, Object::new("user", user.id))
                .before(json!({ "invitation": found.id }))
                .after(registrations::made(&user));
            audit::append(tx, at, &event)?;
            let event = Event::new(permit.caller().stamp(), action::INVITATION_ACCEPT, object(&found));
            enter(tx, &found, &team, &user, event, at)?;
            Ok((user, found))
        })
        .await
}

fn state(invitation: &Invitation) -> Value {
    json!({
        "organization": invitation.organization,
        "team": invitation.team,
        "team_id": invitation.team_id,
        "inviter_id": invitation.inviter_id,
        "expires_ms": invitation.expires_ms.get(),
    })
}

fn object(invitation: &Invitation) -> Object {
    Object::new("invitation", invitation.id)
}
