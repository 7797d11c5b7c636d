//! Addresses of people: listed, added, taken away.
//!
//! Owns what an address counts for. One that somebody adds says nothing until it is confirmed, and takes it from nobody else. The
//! ledger names no address, because it cannot be erased; it names the rows.

use serde_json::json;

use super::Forge;
use crate::access::Permit;
use crate::access::action::{EditEmails, ListEmails};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::email_address::MAX_OF_ACCOUNT;
use crate::model::{Email, EmailAddress};

/// Lists the caller's addresses, the primary one first.
pub async fn list_emails(forge: &Forge, permit: Permit<ListEmails>) -> Result<Vec<EmailAddress>> {
    let id = permit.into_subject().id;
    forge.read("list addresses", move |conn| Ok(db::email_addresses::list(conn, id)?)).await
}

/// Adds addresses, not confirmed yet; all of them or none.
///
/// Errors: `Invalid` for one that is the account's already or confirmed by somebody else, and for too many.
pub async fn add_emails(forge: &Forge, permit: Permit<EditEmails>, emails: Vec<Email>) -> Result<Vec<EmailAddress>> {
    let at = forge.clock.now();
    forge
        .write("add addresses", move |tx| {
            let user = permit.confirm(tx, at)?;
            let mut added = Vec::new();
            for email in &emails {
                let is_taken = db::email_addresses::find_of(tx, user.id, email)?.is_some()
                    || db::email_addresses::holder(tx, email)?.is_some();
                if is_taken {
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
                let event = Event::new(permit.caller().stamp(), action::EMAIL_ADD, Object::new("email", row.id))
                    .after(json!({ "user_id": user.id, "login": user.name.as_str(), "is_verified": false }));
                audit::append(tx, at, &event)?;
            }
            Ok(added)
        })
        .await
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
