//! Addresses of people: listed, added, confirmed, taken away.
//!
//! Owns what an address counts for. One that somebody adds says nothing until it is confirmed, by the link in a mail to it, and takes it from nobody else. The
//! ledger names no address, because it cannot be erased; it names the rows.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use atomicqms_actors::sql::Connection;
use serde_json::json;

use super::Forge;
use super::mails::codes::Shown;
use super::mails::{self, Mails};
use crate::access::Permit;
use crate::access::action::{ConfirmEmail, EditEmails, ListEmails};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::email_address::MAX_OF_ACCOUNT;
use crate::model::{Email, EmailAddress, User, UtcMs};

/// Lists the caller's addresses, the primary one first.
pub async fn list_emails(forge: &Forge, permit: Permit<ListEmails>) -> Result<Vec<EmailAddress>> {
    let id = permit.into_subject().id;
    forge.read("list addresses", move |conn| Ok(db::email_addresses::list(conn, id)?)).await
}

/// Adds addresses, not confirmed yet; all of them or none. Where mail is on, each gets a link that confirms it.
///
/// Shape: one that somebody else has confirmed is added like any other, so that nobody learns whose it is; no link is sent there, and none would confirm it.
/// Errors: `Invalid` for one that is the account's already, and for too many; `RateLimited` when too many mails were asked for
/// lately, `Overloaded` when too many wait.
pub async fn add_emails(forge: &Forge, permit: Permit<EditEmails>, emails: Vec<Email>) -> Result<Vec<EmailAddress>> {
    let mails = Arc::clone(&forge.mails);
    let at = forge.clock.now();
    let added = forge
        .write("add addresses", move |tx| {
            let user = permit.confirm(tx, at)?;
            let mut added = Vec::new();
            for email in &emails {
                if db::email_addresses::find_of(tx, user.id, email)?.is_some() {
                    return Err(Error::invalid("emails", format!("Email address has been used: {email}")));
                }
                db::email_addresses::insert(tx, user.id, email, at)?;
                let row = db::email_addresses::find_of(tx, user.id, email)?;
                added.push(row.ok_or_else(|| Error::broken("an address just added is not there"))?);
            }
            if db::email_addresses::list(tx, user.id)?.len() > MAX_OF_ACCOUNT {
                let text = format!("an account may have at most {MAX_OF_ACCOUNT} addresses");
                return Err(Error::invalid("emails", text));
            }
            for row in &added {
                if mails.is_on() {
                    // Counted is what becomes a mail: what is refused uses up nothing of what somebody may be sent. The mail to somebody else's address counts, too, or
                    // the counting would tell.
                    mails.count_by(user.id)?;
                    mails.count_for(&row.email)?;
                }
                if db::email_addresses::holder(tx, &row.email)?.is_none() {
                    mails.post(tx, &mails::confirm_address(mails.settings(), &user.name, row, at), at)?;
                }
                let event = Event::new(permit.caller().stamp(), action::EMAIL_ADD, Object::new("email", row.id))
                    .after(json!({ "user_id": user.id, "login": user.name.as_str(), "is_verified": false }));
                audit::append(tx, at, &event)?;
            }
            Ok(added)
        })
        .await?;
    forge.wake_mails();
    Ok(added)
}

/// Finds whose address a code confirms, for showing it. Changes nothing.
///
/// Errors: `NotFound` for a code that is wrong, over or used.
pub async fn find_claim(forge: &Forge, _permit: &Permit<ConfirmEmail>, code: &str) -> Result<(User, EmailAddress)> {
    let shown = Shown::parse(code).ok_or_else(bad_link)?;
    let (mails, at) = (Arc::clone(&forge.mails), forge.clock.now());
    forge.read("find address by code", move |conn| claimed_by(conn, &mails, &shown, at)).await
}

fn claimed_by(conn: &dyn Connection, mails: &Mails, shown: &Shown, at: UtcMs) -> Result<(User, EmailAddress)> {
    let found = db::email_addresses::find(conn, shown.about())?;
    let address = found
        .filter(|found| !found.is_verified && mails.codes().confirms_address(shown, found, at))
        .ok_or_else(bad_link)?;
    let user = db::users::find(conn, address.user_id)?.filter(User::may_sign_in).ok_or_else(bad_link)?;
    Ok((user, address))
}

/// Makes an address a confirmed one of its account; what others said of it without showing it is forgotten.
///
/// Errors: as [`find_claim`]; `Conflict` when somebody else has confirmed it.
pub async fn confirm_email(forge: &Forge, permit: Permit<ConfirmEmail>, code: &str) -> Result<(User, EmailAddress)> {
    let shown = Shown::parse(code).ok_or_else(bad_link)?;
    let (mails, at) = (Arc::clone(&forge.mails), forge.clock.now());
    forge
        .write("confirm address", move |tx| {
            permit.confirm(tx, at)?;
            let (user, address) = claimed_by(tx, &mails, &shown, at)?;
            if db::email_addresses::holder(tx, &address.email)?.is_some_and(|holder| holder != user.id) {
                return Err(Error::conflict("Another account has confirmed this address."));
            }
            db::email_addresses::put_verified(tx, user.id, &address.email, at)?;
            let state = |is_verified: bool| {
                json!({ "user_id": user.id, "login": user.name.as_str(), "is_verified": is_verified })
            };
            let event = Event::new(permit.caller().stamp(), action::EMAIL_CONFIRM, Object::new("email", address.id))
                .before(state(false))
                .after(state(true));
            audit::append(tx, at, &event)?;
            Ok((user, address))
        })
        .await
}

/// One answer for every code that is of no use, so that it tells nothing.
pub(super) fn bad_link() -> Error {
    Error::new(Kind::NotFound, "This link is not valid, not valid any more, or was used already.")
}

/// Takes addresses away; all of them or none.
///
/// Errors: `NotFound` for one that is not the account's, `Invalid` for the primary one.
pub async fn delete_emails(forge: &Forge, permit: Permit<EditEmails>, emails: Vec<Email>) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("delete addresses", move |tx| {
            let user = permit.confirm(tx, at)?;
            for email in &emails {
                let Some(row) = db::email_addresses::find_of(tx, user.id, email)? else {
                    return Err(Error::new(Kind::NotFound, format!("Email address does not exist: {email}")));
                };
                if row.is_primary {
                    return Err(Error::invalid("emails", "the primary address cannot be taken away"));
                }
                db::email_addresses::delete(tx, user.id, email)?;
                let before = json!({ "user_id": user.id, "login": user.name.as_str(), "is_verified": row.is_verified });
                let event = Event::new(permit.caller().stamp(), action::EMAIL_DELETE, Object::new("email", row.id));
                audit::append(tx, at, &event.before(before))?;
            }
            Ok(())
        })
        .await
}
