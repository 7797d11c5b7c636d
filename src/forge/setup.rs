//! The first start: schema, identity of the installation, first administrator.
//!
//! Owns what makes an empty data directory a server. Everything here may run again, in two processes at once.

use atomicqms_actors::Writer;
use serde_json::json;
use ulid::Ulid;

use super::{Forge, users};
use crate::access::Caller;
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::model::{Email, NewUser, UserName};

/// Login name of the first administrator.
pub const FIRST_ADMIN: &str = "admin";
/// Characters of a generated password: no two of them look alike.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const PASSWORD_CHARS: usize = 24;

/// What a start found or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// The data directory was empty until now.
    pub is_new: bool,
    /// An administrator was made.
    pub made_admin: bool,
    /// The password made up for the first administrator; to be shown once and never stored.
    pub generated_password: Option<String>,
}

/// Brings the schema up to date.
///
/// Errors: `Unavailable` naming both versions when the database was written by a newer release.
pub async fn migrate(writer: &Writer) -> Result<()> {
    let (found, now) = writer.write("migrate", db::migrate::migrate).await?;
    if found != now {
        tracing::info!(schema.from = found, schema.to = now, "database schema brought up to date");
    }
    Ok(())
}

/// Gives a new installation its identity and, when it has none yet, an administrator.
///
/// Shape: `admin_password` is used for the administrator if one is made; otherwise a random one is. An installation that
/// already has an administrator, whoever made it, gets none.
/// Errors: `Invalid` for a given password that breaks the rule.
pub async fn ensure_instance(forge: &Forge, admin_password: Option<String>) -> Result<Setup> {
    let is_ready = forge
        .read("look for an administrator", |conn| {
            Ok(db::instance::find(conn, db::instance::ID)?.is_some() && db::users::exists_admin(conn)?)
        })
        .await?;
    if is_ready {
        return Ok(Setup { is_new: false, made_admin: false, generated_password: None });
    }
    let is_given = admin_password.is_some();
    let password = match admin_password {
        Some(password) => password,
        None => new_password()?,
    };
    let new = NewUser {
        is_admin: true,
        full_name: "Administrator".to_owned(),
        ..NewUser::new(UserName::new(FIRST_ADMIN)?, Email::new("admin@localhost")?, password.clone())
    };
    let hash = forge.access.passwords().hash(&password).await?;
    let at = forge.clock.now();
    let (is_new, made_admin, has_admin) = forge
        .write("set up", move |tx| {
            let caller = Caller::system();
            let id = Ulid::from_parts(u64::try_from(at.get()).unwrap_or(0), random()?).to_string();
            let is_new = db::instance::insert(tx, db::instance::ID, &id)?;
            if is_new {
                db::instance::insert(tx, db::instance::CREATED_MS, &at.get().to_string())?;
                let event = Event::new(caller.stamp(), action::INSTANCE_CREATE, Object::new("instance", &id))
                    .after(json!({ "release": env!("CARGO_PKG_VERSION"), "schema": db::migrate::VERSION }));
                audit::append(tx, at, &event)?;
            }
            let exists = db::users::exists_admin(tx)?;
            if exists || db::users::name_is_taken(tx, &new.name)? {
                return Ok((is_new, false, exists));
            }
            let user = users::insert_user(tx, &new, &hash, at)?;
            let event = Event::new(caller.stamp(), action::USER_CREATE, Object::new("user", user.id))
                .after(json!({ "login": user.name.as_str(), "is_admin": true }))
                .reason("first administrator");
            audit::append(tx, at, &event)?;
            Ok((is_new, true, true))
        })
        .await?;
    if !has_admin {
        tracing::warn!(
            "no account administers this installation, and the name {FIRST_ADMIN} is taken: make an administrator with \
             `atomicqms admin user create --admin`"
        );
    }
    Ok(Setup { is_new, made_admin, generated_password: (made_admin && !is_given).then_some(password) })
}

fn random() -> Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    Ok(u128::from_le_bytes(bytes))
}

/// A random password of 24 characters, about 139 bits.
pub(crate) fn new_password() -> Result<String> {
    let mut password = String::with_capacity(PASSWORD_CHARS);
    let mut bytes = [0; 64];
    while password.len() < PASSWORD_CHARS {
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        // Bytes past the last whole multiple of the alphabet would favour its first letters.
        let fair = bytes.iter().filter_map(|byte| {
            let limit = 256 / ALPHABET.len() * ALPHABET.len();
            (usize::from(*byte) < limit).then(|| ALPHABET.get(usize::from(*byte) % ALPHABET.len())).flatten()
        });
        password.extend(fair.map(|byte| char::from(*byte)).take(PASSWORD_CHARS - password.len()));
    }
    Ok(password)
}

#[cfg(test)]
mod tests;
