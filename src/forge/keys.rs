//! SSH public keys of accounts and of repositories: added, listed, removed.
//!
//! Owns who may add what: one key opens one door, so a key that is registered anywhere is refused everywhere else. Who signs in
//! with a key is `access`'s. Called by the API and by the command line.

use serde_json::{Value, json};

use super::{Forge, check_text};
use crate::access::action::{
    AddKey, AddKeyFor, EditDeployKeys, ListDeployKeys, ListKeys, ReadKey, RemoveKey, RemoveKeyFor,
};
use crate::access::{Action, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::db::keys::Filter;
use crate::error::{Error, Result};
use crate::model::key::read_key;
use crate::model::{KeyId, KeyOwner, KeyText, NewKey, Page, Paged, SshKey, User, UtcMs};

/// Longest title of a key. Units: characters.
const TITLE_MAX: usize = 50;

/// Actions that may add a key to an account.
pub trait MayAddKey: Action<Subject = User> {}
impl MayAddKey for AddKey {}
impl MayAddKey for AddKeyFor {}

/// Actions that may take a key from an account.
pub trait MayRemoveKey: Action<Subject = User> {}
impl MayRemoveKey for RemoveKey {}
impl MayRemoveKey for RemoveKeyFor {}

/// Adds a key to an account.
///
/// Errors: `Invalid` for a text that is no acceptable key, a key or title in use; `Forbidden` for a token that may only see what is
/// public, because the key would see more.
pub async fn add_key<A: MayAddKey>(forge: &Forge, permit: Permit<A>, new: NewKey) -> Result<SshKey> {
    if permit.caller().is_public_only() {
        return Err(Error::forbidden("a token that is limited to public things may not add a key, which is not"));
    }
    let new = Checked::new(forge, new)?;
    let at = forge.clock.now();
    forge
        .write("add key", move |tx| {
            let user = permit.confirm(tx, at)?;
            let key = insert(tx, KeyOwner::User(user.id), &new, false, at)?;
            let mut after = described(&key);
            after["user_id"] = json!(user.id);
            after["login"] = json!(user.name.as_str());
            let object = Object::new("key", key.id);
            audit::append(tx, at, &Event::new(permit.caller().stamp(), action::KEY_CREATE, object).after(after))?;
            Ok(key)
        })
        .await
}

/// Takes a key from an account; it stops working with the commit of this call.
///
/// Errors: `NotFound`.
pub async fn remove_key<A: MayRemoveKey>(forge: &Forge, permit: Permit<A>, id: KeyId) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("remove key", move |tx| {
            let user = permit.confirm(tx, at)?;
            let key = db::keys::find_of(tx, KeyOwner::User(user.id), id)?.ok_or_else(Error::not_found)?;
            db::keys::delete(tx, key.id)?;
            let mut before = described(&key);
            before["user_id"] = json!(user.id);
            before["login"] = json!(user.name.as_str());
            let object = Object::new("key", key.id);
            audit::append(tx, at, &Event::new(permit.caller().stamp(), action::KEY_DELETE, object).before(before))?;
            Ok(())
        })
        .await
}

/// Lists the keys of an account, oldest first.
pub async fn list_keys(forge: &Forge, permit: Permit<ListKeys>, filter: Filter, page: Page) -> Result<Paged<SshKey>> {
    let owner = KeyOwner::User(permit.into_subject().id);
    forge.read("list keys", move |conn| Ok(db::keys::list(conn, owner, filter, page)?)).await
}

/// Finds a key of one's own.
///
/// Errors: `NotFound`.
pub async fn find_key(forge: &Forge, permit: Permit<ReadKey>, id: KeyId) -> Result<SshKey> {
    find(forge, KeyOwner::User(permit.into_subject().id), id).await
}

/// Lets a key into one repository.
///
/// Errors: `Invalid` for a text that is no acceptable key, a key or title in use.
pub async fn add_deploy_key(forge: &Forge, permit: Permit<EditDeployKeys>, new: NewKey) -> Result<SshKey> {
    let is_read_only = new.is_read_only;
    let new = Checked::new(forge, new)?;
    let at = forge.clock.now();
    forge
        .write("add deploy key", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let key = insert(tx, KeyOwner::Repository(repository.id), &new, is_read_only, at)?;
            let object = Object::in_repository("deploy_key", repository.id, key.id);
            let event = Event::new(permit.caller().stamp(), action::DEPLOY_KEY_CREATE, object).after(described(&key));
            audit::append(tx, at, &event)?;
            Ok(key)
        })
        .await
}

/// Shuts a key out of its repository; it stops working with the commit of this call.
///
/// Errors: `NotFound`.
pub async fn remove_deploy_key(forge: &Forge, permit: Permit<EditDeployKeys>, id: KeyId) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("remove deploy key", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let owner = KeyOwner::Repository(repository.id);
            let key = db::keys::find_of(tx, owner, id)?.ok_or_else(Error::not_found)?;
            db::keys::delete(tx, key.id)?;
            let object = Object::in_repository("deploy_key", repository.id, key.id);
            let event = Event::new(permit.caller().stamp(), action::DEPLOY_KEY_DELETE, object).before(described(&key));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// Lists the deploy keys of a repository, oldest first.
pub async fn list_deploy_keys(
    forge: &Forge,
    permit: &Permit<ListDeployKeys>,
    filter: Filter,
    page: Page,
) -> Result<Paged<SshKey>> {
    let owner = KeyOwner::Repository(permit.subject().repository.id);
    forge.read("list deploy keys", move |conn| Ok(db::keys::list(conn, owner, filter, page)?)).await
}

/// Finds a deploy key of a repository.
///
/// Errors: `NotFound`.
pub async fn find_deploy_key(forge: &Forge, permit: &Permit<ListDeployKeys>, id: KeyId) -> Result<SshKey> {
    find(forge, KeyOwner::Repository(permit.subject().repository.id), id).await
}

async fn find(forge: &Forge, owner: KeyOwner, id: KeyId) -> Result<SshKey> {
    let found = forge.read("find key", move |conn| Ok(db::keys::find_of(conn, owner, id)?)).await?;
    found.ok_or_else(Error::not_found)
}

/// A new key that was read and found acceptable.
struct Checked {
    title: String,
    key: KeyText,
}

impl Checked {
    fn new(forge: &Forge, new: NewKey) -> Result<Self> {
        let title = new.title.trim().to_owned();
        if title.is_empty() {
            return Err(Error::invalid("title", "[Title]: Required"));
        }
        check_text("title", &title, TITLE_MAX)?;
        let key = read_key(&new.text, forge.settings.min_rsa_bits)
            .map_err(|fault| Error::invalid("key", format!("Invalid key content: {fault}")))?;
        Ok(Self { title, key })
    }
}

fn insert(
    tx: &dyn atomicqms_actors::sql::Connection,
    owner: KeyOwner,
    new: &Checked,
    is_read_only: bool,
    at: UtcMs,
) -> Result<SshKey> {
    if let Some(other) = db::keys::find_by_fingerprint(tx, &new.key.fingerprint)? {
        // Whose it is stays unsaid to others: a key is no secret, but who uses it may be.
        let text =
            if other.owner == owner { "Key content has been used already" } else { "Key content is in use elsewhere" };
        return Err(Error::invalid("key", text));
    }
    if db::keys::title_is_taken(tx, owner, &new.title)? {
        return Err(Error::invalid("title", "Key title has been used"));
    }
    Ok(db::keys::insert(tx, owner, &new.title, &new.key, is_read_only, at)?)
}

/// What an event says about a key.
fn described(key: &SshKey) -> Value {
    let mut state = json!({
        "title": key.title,
        "fingerprint": key.key.fingerprint,
        "key_type": key.key.key_type,
    });
    if matches!(key.owner, KeyOwner::Repository(_)) {
        state["read_only"] = json!(key.is_read_only);
    }
    state
}

#[cfg(test)]
mod tests;
