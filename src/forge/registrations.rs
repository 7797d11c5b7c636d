//! Accounts that strangers make for themselves, where the settings let them: asked for, confirmed by a link in a mail, made.
//!
//! Owns what an outsider may learn: that a login name is taken, which cannot be hidden, and nothing about addresses. A registration is no account; it reserves
//! neither name nor address, so that nobody can keep a name from others without an address to show, and a name that was only asked for is free again by
//! itself. The ledger names neither before the confirmation, because it cannot be erased.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use atomicqms_actors::sql::Connection;
use atomicqms_actors::{Job, JobOutcome, Writer};
use serde_json::{Value, json};

use super::mails::{self, codes::Shown};
use super::users::insert_user;
use super::{Forge, email_addresses};
use crate::access::action::{ActivateAccount, ForgetRegistrations, Register};
use crate::access::{self, Caller, Client, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::{Clock, Email, NewRegistration, NewUser, Registration, User, UtcMs};

pub use crate::model::registration::{ALL, FORGET};

/// Most that make room for one newcomer.
const MAX_DISPLACED: usize = 2;

/// Whose invitations to teams bring in somebody who has no account yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inviters {
    /// Nobody's.
    Nobody,
    /// Those of site administrators.
    Administrators,
    /// Those of everybody who may invite: owners of organizations, too.
    Owners,
}

/// What an administrator may tune about registrations.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Strangers may ask for accounts.
    pub is_open: bool,
    /// So may who was invited to a team by these, by the link of the invitation.
    pub inviters: Inviters,
    /// Domains of addresses that may; `*.` before one for what is below it; empty: all.
    pub domains: Vec<String>,
    /// Registrations that may wait; beyond it a newcomer takes the place of one that waits.
    pub max_pending: u64,
    /// Registrations from one network in an hour.
    pub max_per_network: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { is_open: false, inviters: Inviters::Nobody, domains: Vec::new(), max_pending: 1000, max_per_network: 10 }
    }
}

impl Settings {
    /// Whether an address is of a domain that may register.
    pub(super) fn takes(&self, email: &Email) -> bool {
        let key = email.key();
        let domain = key.rsplit_once('@').map_or("", |(_, domain)| domain);
        let fits = |allowed: &String| match allowed.strip_prefix("*.") {
            Some(parent) => domain.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => domain == allowed,
        };
        self.domains.is_empty() || self.domains.iter().any(fits)
    }
}

/// Whether strangers may ask for accounts now.
pub fn is_open(forge: &Forge) -> bool {
    forge.settings.registration.is_open && forge.mails.is_on()
}

fn check_open(forge: &Forge) -> Result<()> {
    if is_open(forge) {
        Ok(())
    } else {
        Err(Error::forbidden("Registration is closed: ask an administrator for an account."))
    }
}

/// Notes that a stranger wants an account and sends the link that makes it; to an address that has an account goes a mail that says so instead.
///
/// Errors: `Forbidden` when registration is closed, `Invalid` for a name that is taken, a domain that may not and a password that breaks the rule,
/// `RateLimited`, `Overloaded` when too many mails wait. Nothing tells whether the address is known.
pub async fn register(forge: &Forge, permit: Permit<Register>, new: NewRegistration) -> Result<()> {
    check_open(forge)?;
    let settings = forge.settings.registration.clone();
    if !settings.takes(&new.email) {
        return Err(Error::invalid("email", "Addresses of this domain cannot be used to register here."));
    }
    let refusal = "too many accounts were asked for from this address lately; try again later";
    forge.registrations.take(Client::of(permit.caller()), refusal)?;
    let hash = forge.access.passwords().hash(&new.password).await?;
    let (mails, at) = (Arc::clone(&forge.mails), forge.clock.now());
    let neighbourhood = mails.codes().mark(&Client::neighbourhood(permit.caller()));
    forge
        .write("register", move |tx| {
            permit.confirm(tx, at)?;
            if db::users::name_is_taken(tx, &new.name)? {
                return Err(Error::invalid("user_name", format!("The name {} is taken.", new.name)));
            }
            forget_lapsed(tx, at)?;
            // Over the limit it looks as if the mail had been sent: how many there were says something about the address. What was refused above is not counted.
            if mails.count_for(&new.email).is_err() {
                return Ok(());
            }
            let stamp = permit.caller().stamp();
            let event = match db::email_addresses::holder(tx, &new.email)? {
                Some(id) => {
                    let holder = db::users::find(tx, id)?.ok_or_else(|| Error::broken("an address of nobody"))?;
                    let address = db::email_addresses::find_of(tx, id, &new.email)?;
                    let to = address.map_or(new.email, |address| address.email);
                    mails.post(tx, &mails::address_in_use(mails.settings(), &to, &holder.name, at), at)?;
                    Event::new(stamp, action::USER_REGISTER, Object::new("user", id))
                        .reason("the address has an account")
                }
                None => {
                    let displaced = make_room(tx, settings.max_pending)?;
                    let expires = at.plus_ms(mails.settings().confirmation_ms);
                    let id = db::registrations::insert(tx, &new, &hash, &neighbourhood, expires, at)?;
                    let (name, email) = (new.name, new.email);
                    let registration = Registration { id, name, email, password_hash: hash, expires_ms: expires };
                    mails.post(tx, &mails::confirm_registration(mails.settings(), &registration), at)?;
                    db::jobs::schedule(tx, FORGET, ALL, expires, at)?;
                    let event = Event::new(stamp, action::USER_REGISTER, Object::new("registration", id));
                    match displaced.as_slice() {
                        [] => event,
                        displaced => event.before(json!({ "displaced": displaced })),
                    }
                }
            };
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await?;
    forge.wake_mails();
    Ok(())
}

/// Lets one more registration wait, if need be in the place of others: where too many wait, most of them are somebody's who wants nobody else to come in, and whose
/// own are the first to go. Answers the ids of those that went; their links are worth nothing from then on.
fn make_room(tx: &dyn Connection, most: u64) -> Result<Vec<i64>> {
    let mut displaced = Vec::new();
    // More than one only where the setting was lowered; the rest goes with the next newcomers.
    while db::registrations::count(tx)? >= most && displaced.len() < MAX_DISPLACED {
        match db::registrations::delete_most_crowded(tx)? {
            Some(id) => displaced.push(id),
            None => break,
        }
    }
    Ok(displaced)
}

/// Finds what a code confirms, for showing it. Changes nothing.
///
/// Errors: `NotFound` for a code that is wrong, over or used; `Forbidden` when registration is closed.
pub async fn find_registration(forge: &Forge, _permit: &Permit<ActivateAccount>, code: &str) -> Result<Registration> {
    check_open(forge)?;
    let shown = Shown::parse(code).ok_or_else(email_addresses::bad_link)?;
    let (mails, at) = (Arc::clone(&forge.mails), forge.clock.now());
    forge.read("find registration", move |conn| confirmed_by(conn, &mails, &shown, at)).await
}

fn confirmed_by(conn: &dyn Connection, mails: &mails::Mails, shown: &Shown, at: UtcMs) -> Result<Registration> {
    let found = db::registrations::find(conn, shown.about())?;
    found
        .filter(|found| mails.codes().confirms_registration(shown, found, at) && at < found.expires_ms)
        .ok_or_else(email_addresses::bad_link)
}

/// Makes the account that a code confirms, with its address confirmed, for who knows its password: the link shows whose the address is, and not that its
/// holder asked for the account. Otherwise somebody could have a stranger confirm an account whose password is not the stranger's.
///
/// Errors: as [`find_registration`]; `Invalid` for another password, `RateLimited` after too many; `Conflict` when name or address were given to somebody else
/// meanwhile.
pub async fn activate(forge: &Forge, permit: Permit<ActivateAccount>, code: &str, password: &str) -> Result<User> {
    let known = find_registration(forge, &permit, code).await?;
    if !forge.access.verify_registration(known.id, known.password_hash.clone(), password).await? {
        return Err(Error::invalid("password", "This is not the password that was chosen for the account."));
    }
    let shown = Shown::parse(code).ok_or_else(email_addresses::bad_link)?;
    let (mails, at) = (Arc::clone(&forge.mails), forge.clock.now());
    let settings = forge.settings.registration.clone();
    forge
        .write("activate account", move |tx| {
            permit.confirm(tx, at)?;
            let found = confirmed_by(tx, &mails, &shown, at)?;
            if found.password_hash != known.password_hash {
                return Err(email_addresses::bad_link());
            }
            if !settings.takes(&found.email) {
                return Err(Error::forbidden("Addresses of this domain cannot be used to register here."));
            }
            // Its password is hashed already.
            let new = NewUser::new(found.name.clone(), found.email.clone(), "");
            let user = insert_user(tx, &new, &found.password_hash, at).map_err(|error| match error.kind() {
                Kind::Invalid => Error::conflict(
                    "The name or the address was given to another account in the meantime. Please register again.",
                ),
                _ => error,
            })?;
            db::registrations::delete_of(tx, &found.name, &found.email)?;
            let event = Event::new(permit.caller().stamp(), action::USER_ACTIVATE, Object::new("user", user.id))
                .before(json!({ "registration": found.id }))
                .after(made(&user));
            audit::append(tx, at, &event)?;
            Ok(user)
        })
        .await
}

/// What the ledger says of an account that somebody made for themselves.
pub(super) fn made(user: &User) -> Value {
    json!({
        "login": user.name.as_str(),
        "is_admin": user.is_admin,
        "is_restricted": user.is_restricted,
        "must_change_password": user.must_change_password,
        "visibility": user.visibility.as_str(),
    })
}

/// Removes what was not confirmed or answered in time, and what is left of mails that were given up long ago.
pub(super) fn forget_lapsed(tx: &dyn Connection, at: UtcMs) -> Result<()> {
    let permit = access::authorize(tx, &Caller::system(), ForgetRegistrations, &())?;
    let gone = db::registrations::delete_expired(tx, at)?;
    if gone > 0 {
        let object = Object::new("registration", "expired");
        let event = Event::new(permit.caller().stamp(), action::REGISTRATION_EXPIRE, object);
        audit::append(tx, at, &event.before(json!({ "registrations": gone })))?;
    }
    db::outgoing_mails::delete_forgotten(tx, at)?;
    let gone = db::invitations::delete_expired(tx, at)?;
    if gone > 0 {
        let object = Object::new("invitation", "expired");
        let event = Event::new(permit.caller().stamp(), action::INVITATION_EXPIRE, object);
        audit::append(tx, at, &event.before(json!({ "invitations": gone })))?;
    }
    Ok(())
}

/// Runs a job of the kind [`FORGET`].
///
/// Errors: those of the rows: try again later.
pub async fn run_job(writer: &Writer, clock: &dyn Clock, _job: &Job) -> Result<JobOutcome> {
    let at = clock.now();
    let next = writer
        .write("forget registrations", move |tx| {
            forget_lapsed(tx, at)?;
            let next = [
                db::registrations::next_expiry(tx)?,
                db::invitations::next_expiry(tx)?,
                db::outgoing_mails::next_forgotten(tx)?,
            ];
            Ok::<_, Error>(next.into_iter().flatten().min())
        })
        .await?;
    Ok(next.map_or(JobOutcome::Done, |next| {
        let wait = u64::try_from(next.get().saturating_sub(at.get())).unwrap_or(0);
        JobOutcome::Later(std::time::Duration::from_millis(wait.saturating_add(1)))
    }))
}
