//! OpenPGP keys of accounts: added, proved, listed, removed.
//!
//! Owns who may add what: a key that names a verified address of the account, or whose holder signed a challenge; a key id belongs to one account.
//! What keys sign is judged in `forge/signatures.rs`. Called by the API.

mod challenge;

use serde_json::{Value, json};

pub use self::challenge::Challenges;
use super::Forge;
use crate::access::Permit;
use crate::access::action::{AddGpgKey, ListGpgKeys, ReadGpgChallenge, ReadGpgKey, RemoveGpgKey, VerifyGpgKey};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::openpgp::{Certificate, Detached, GpgPart, read_key};
use crate::model::{GpgKey, GpgKeyId, NewGpgKey, Page, Paged, User, UtcMs};

/// Most keys of one account.
const MAX_KEYS: u64 = 50;

/// A key with the addresses that its account has verified.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The key.
    pub key: GpgKey,
    /// In lower case.
    pub verified: Vec<String>,
    /// The account shows its addresses to nobody else.
    pub hides_addresses: bool,
}

/// The text that the holder of a key is to sign.
pub fn challenge(forge: &Forge, challenges: &Challenges, permit: &Permit<ReadGpgChallenge>) -> String {
    challenges.make(permit.subject().id, forge.clock.now())
}

/// Adds a key to an account.
///
/// Errors: `Invalid` for a text that is no acceptable key, a key that is in use, a signature that is not over the challenge by the key, or too many
/// keys; `NotFound`, as in Gitea, when neither addresses nor a signature connect it to the account.
pub async fn add_key(
    forge: &Forge,
    challenges: &Challenges,
    permit: Permit<AddGpgKey>,
    new: NewGpgKey,
) -> Result<Shown> {
    let at = forge.clock.now();
    let tokens = challenges.good(permit.subject().id, at);
    let hint = tokens.first().cloned().unwrap_or_default();
    let (now_s, least_rsa_bits) = (seconds(at), forge.settings.min_rsa_bits);
    let is_challenged = new.armored_signature.is_some();
    let work = move || {
        let certificate = read_key(&new.armored_key, now_s, least_rsa_bits)
            .map_err(|fault| Error::invalid("armored_public_key", format!("Invalid key content: {fault}")))?;
        if let Some(signature) = &new.armored_signature
            && !is_signed(&certificate.parts, signature, &tokens, now_s)
        {
            return Err(wrong_signature(tokens.first()));
        }
        Ok(certificate)
    };
    let certificate: Certificate = tokio::task::spawn_blocking(work).await.map_err(Error::internal)??;
    forge
        .write("add OpenPGP key", move |tx| {
            let user = permit.confirm(tx, at)?;
            if db::gpg_keys::count_of_user(tx, user.id)? >= MAX_KEYS {
                let text = format!("an account may have at most {MAX_KEYS} OpenPGP keys");
                return Err(Error::invalid("armored_public_key", text));
            }
            let primary = certificate.parts.first().ok_or_else(|| Error::broken("a key without a primary key"))?;
            if db::gpg_keys::is_taken(tx, &primary.key_id)? {
                return Err(Error::invalid("armored_public_key", "A key with the same id already exists"));
            }
            let verified = db::email_addresses::list_verified(tx, user.id)?;
            if !is_challenged && !certificate.addresses.iter().any(|address| verified.contains(address)) {
                let text = format!(
                    "None of the emails attached to the GPG key could be found. It may still be added if you provide a valid signature \
                     for the token: {hint}"
                );
                return Err(Error::new(Kind::NotFound, text));
            }
            let id = db::gpg_keys::insert(tx, user.id, &certificate, is_challenged, at)?;
            let key = db::gpg_keys::find_of(tx, user.id, id)?.ok_or_else(|| Error::broken("a key just made is not there"))?;
            let event = Event::new(permit.caller().stamp(), action::GPG_KEY_CREATE, Object::new("gpg_key", id));
            audit::append(tx, at, &event.after(described(&key, &user)))?;
            Ok(Shown { key, verified, hides_addresses: user.settings.hides_email })
        })
        .await
}

/// Marks that the holder of one's own key has signed the challenge with it.
///
/// Errors: `NotFound`; `Invalid` for a signature that is not over the challenge by the key.
pub async fn verify_key(
    forge: &Forge,
    challenges: &Challenges,
    permit: Permit<VerifyGpgKey>,
    key_id: String,
    signature: String,
) -> Result<Shown> {
    let at = forge.clock.now();
    let user = permit.subject().id;
    let tokens = challenges.good(user, at);
    let find = {
        let key_id = key_id.clone();
        move |conn: &dyn atomicqms_actors::sql::Connection| Ok(db::gpg_keys::find_by_key_id(conn, user, &key_id)?)
    };
    let key = forge.read("find OpenPGP key", find).await?.ok_or_else(Error::not_found)?;
    let work = move || {
        let parts: Vec<GpgPart> = key.parts().cloned().collect();
        match is_signed(&parts, &signature, &tokens, seconds(at)) {
            true => Ok(key.primary.part.fingerprint),
            false => Err(wrong_signature(tokens.first())),
        }
    };
    let fingerprint = tokio::task::spawn_blocking(work).await.map_err(Error::internal)??;
    forge
        .write("verify OpenPGP key", move |tx| {
            let user = permit.confirm(tx, at)?;
            // The key that was proved, not one that has come in its place.
            let found = db::gpg_keys::find_by_key_id(tx, user.id, &key_id)?;
            let before =
                found.filter(|key| key.primary.part.fingerprint == fingerprint).ok_or_else(Error::not_found)?;
            let key = GpgKey { is_challenged: true, ..before.clone() };
            if !before.is_challenged {
                let id = key.primary.id;
                db::gpg_keys::mark_challenged(tx, id)?;
                let event = Event::new(permit.caller().stamp(), action::GPG_KEY_VERIFY, Object::new("gpg_key", id))
                    .before(described(&before, &user))
                    .after(described(&key, &user));
                audit::append(tx, at, &event)?;
            }
            let verified = db::email_addresses::list_verified(tx, user.id)?;
            Ok(Shown { key, verified, hides_addresses: user.settings.hides_email })
        })
        .await
}

/// Takes a key from an account; what it signed is no longer verified from the commit of this call on.
///
/// Errors: `NotFound`.
pub async fn remove_key(forge: &Forge, permit: Permit<RemoveGpgKey>, id: GpgKeyId) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("remove OpenPGP key", move |tx| {
            let user = permit.confirm(tx, at)?;
            let key = db::gpg_keys::find_of(tx, user.id, id)?.ok_or_else(Error::not_found)?;
            db::gpg_keys::delete(tx, id)?;
            let event = Event::new(permit.caller().stamp(), action::GPG_KEY_DELETE, Object::new("gpg_key", id));
            audit::append(tx, at, &event.before(described(&key, &user)))?;
            Ok(())
        })
        .await
}

/// Lists the keys of an account, oldest first.
pub async fn list_keys(forge: &Forge, permit: Permit<ListGpgKeys>, page: Page) -> Result<Paged<Shown>> {
    let user = permit.into_subject();
    forge
        .read("list OpenPGP keys", move |conn| {
            let verified = db::email_addresses::list_verified(conn, user.id)?;
            let keys = db::gpg_keys::list(conn, user.id, page)?;
            let hides_addresses = user.settings.hides_email;
            Ok(keys.map(|key| Shown { key, verified: verified.clone(), hides_addresses }))
        })
        .await
}

/// Finds a key of one's own.
///
/// Errors: `NotFound`.
pub async fn find_key(forge: &Forge, permit: Permit<ReadGpgKey>, id: GpgKeyId) -> Result<Shown> {
    let user = permit.into_subject();
    let find = move |conn: &dyn atomicqms_actors::sql::Connection| {
        let key = db::gpg_keys::find_of(conn, user.id, id)?.ok_or_else(Error::not_found)?;
        let verified = db::email_addresses::list_verified(conn, user.id)?;
        Ok(Shown { key, verified, hides_addresses: user.settings.hides_email })
    };
    forge.read("find OpenPGP key", find).await
}

/// Whether one of these parts signed one of these texts, with the end of a line that an editor or `echo` adds.
fn is_signed(parts: &[GpgPart], armor: &str, tokens: &[String], now_s: i64) -> bool {
    let Ok(signature) = Detached::read(armor) else { return false };
    let mut texts = tokens.iter().flat_map(|token| ["", "\n", "\r\n"].map(|end| format!("{token}{end}")));
    texts.any(|text| signature.maker(parts, text.as_bytes(), now_s).is_ok())
}

fn wrong_signature(token: Option<&String>) -> Error {
    let token = token.map(String::as_str).unwrap_or_default();
    let text = format!(
        "The provided GPG key, signature and token do not match or token is out of date. Provide a valid signature for the token: {token}"
    );
    Error::invalid("armored_signature", text)
}

fn seconds(at: UtcMs) -> i64 {
    at.get().div_euclid(1000)
}

/// What an event says about a key. Addresses stay out of it: the ledger forgets nothing.
fn described(key: &GpgKey, user: &User) -> Value {
    json!({
        "fingerprint": key.primary.part.fingerprint,
        "key_id": key.primary.part.key_id,
        "subkeys": key.subkeys.iter().map(|row| row.part.fingerprint.as_str()).collect::<Vec<_>>(),
        "is_challenged": key.is_challenged,
        "user_id": user.id,
        "login": user.name.as_str(),
    })
}
