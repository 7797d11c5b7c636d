//! Accounts: made, changed, deleted, listed.
//!
//! Owns what follows from each: sessions of a changed password end, the last administrator stays, a login name is never
//! given to somebody else. Called by the API and by the command line.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Forge, attachments, check_link, check_text, fork_visibility, mails};
use crate::access::Action;
use crate::access::Permit;
use crate::access::action::{
    ChangePassword, CreateUser, DeleteUser, EditProfile, EditUser, ListUsers, SearchUsers, SeeName,
};
use crate::access::rights::may_see;
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::db::repositories::ForksOf;
use crate::db::users::Viewer;
use crate::error::{Error, Kind, Result};
use crate::model::account_limits::AccountLimits;
use crate::model::user::UserQuery;
use crate::model::{NewUser, Page, Paged, User, UserId, UserName, UserPatch};

/// Events of the ledger that are in memory at once.
const EVENTS_AT_ONCE: i64 = 256;

const LAST_ADMIN: &str = "this is the last administrator who can sign in";

/// Makes an account; its person is told by mail if so wanted and mail is on.
///
/// Errors: `Invalid` for a name, address or password that is taken or breaks a rule.
pub async fn create_user(forge: &Forge, permit: Permit<CreateUser>, new: NewUser) -> Result<User> {
    check_text("full_name", &new.full_name, 100)?;
    let hash = forge.access.passwords().hash(&new.password).await?;
    let (mails, at) = (Arc::clone(&forge.mails), forge.clock.now());
    let user = forge
        .write("create user", move |tx| {
            permit.confirm(tx, at)?;
            let user = insert_user(tx, &new, &hash, at)?;
            if new.is_told_by_mail {
                mails.post(tx, &mails::account_made(mails.settings(), &user.email, &user.name, at), at)?;
            }
            let event =
                Event::new(permit.caller().stamp(), action::USER_CREATE, Object::new("user", user.id)).after(json!({
                    "login": user.name.as_str(),
                    "is_admin": user.is_admin,
                    "is_restricted": user.is_restricted,
                    "must_change_password": user.must_change_password,
                    "visibility": user.visibility.as_str(),
                }));
            audit::append(tx, at, &event)?;
            Ok(user)
        })
        .await?;
    forge.wake_mails();
    Ok(user)
}

/// Writes the row of a new account after checking that name and address are free; the event is the caller's.
pub(super) fn insert_user(
    tx: &dyn atomicqms_actors::sql::Connection,
    new: &NewUser,
    hash: &str,
    at: crate::model::UtcMs,
) -> Result<User> {
    if db::users::name_is_taken(tx, &new.name)? {
        return Err(Error::invalid("username", format!("user already exists [name: {}]", new.name)));
    }
    if db::email_addresses::holder(tx, &new.email)?.is_some() {
        return Err(Error::invalid("email", format!("e-mail already in use [email: {}]", new.email.as_str())));
    }
    let id = db::users::insert(tx, new, hash, at)?;
    db::users::find(tx, id)?.ok_or_else(|| Error::broken("an account just made is not there"))
}

/// Changes an account as an administrator.
///
/// Errors: `Invalid` for an address or password that breaks a rule; `Malformed` (as in Gitea) when it would leave no
/// administrator.
pub async fn edit_user(forge: &Forge, permit: Permit<EditUser>, patch: UserPatch) -> Result<User> {
    edit(forge, permit, patch).await
}

/// Changes one's own profile.
///
/// Errors: `Forbidden` for fields only an administrator may change, or a password (see [`change_password`]); `Invalid` for one that breaks a rule.
pub async fn edit_profile(forge: &Forge, permit: Permit<EditProfile>, patch: UserPatch) -> Result<User> {
    let is_profile = patch.password.is_none()
        && patch.email.is_none()
        && patch.is_admin.is_none()
        && patch.is_active.is_none()
        && patch.is_login_prohibited.is_none()
        && patch.is_restricted.is_none()
        && patch.must_change_password.is_none();
    if !is_profile {
        return Err(Error::forbidden("only an administrator may change these fields"));
    }
    edit(forge, permit, patch).await
}

/// Changes one's own password.
///
/// Errors: `Invalid` for one that breaks a rule.
pub async fn change_password(forge: &Forge, permit: Permit<ChangePassword>, new: String) -> Result<()> {
    let patch = UserPatch { password: Some(new), must_change_password: Some(false), ..UserPatch::default() };
    edit(forge, permit, patch).await.map(drop)
}

async fn edit<A: Action<Subject = User>>(forge: &Forge, permit: Permit<A>, patch: UserPatch) -> Result<User> {
    for (field, text, max) in [
        ("full_name", &patch.full_name, 100),
        ("description", &patch.description, 255),
        ("location", &patch.location, 50),
    ] {
        check_text(field, text.as_deref().unwrap_or_default(), max)?;
    }
    check_link("website", patch.website.as_deref().unwrap_or_default())?;
    for (field, word) in [("language", &patch.language), ("theme", &patch.theme)] {
        check_word(field, word.as_deref().unwrap_or_default())?;
    }
    let hash = match &patch.password {
        Some(password) => Some(forge.access.passwords().hash(password).await?),
        None => None,
    };
    let at = forge.clock.now();
    forge
        .write("edit user", move |tx| {
            let before = permit.confirm(tx, at)?;
            let mut after = before.clone();
            apply(&mut after, &patch);
            let has_new_address = after.email.as_str() != before.email.as_str();
            if has_new_address && db::email_addresses::holder(tx, &after.email)?.is_some_and(|other| other != before.id)
            {
                let text = format!("e-mail already in use [email: {}]", after.email.as_str());
                return Err(Error::invalid("email", text));
            }
            if standing_admin(&before) && !standing_admin(&after) && db::users::count_other_admins(tx, before.id)? == 0
            {
                return Err(Error::new(Kind::Malformed, LAST_ADMIN));
            }
            let (mut old, mut new) = changes(&before, &after);
            let limits = db::account_limits::find(tx, before.id)?;
            let new_limits = AccountLimits {
                max_repositories: patch.max_repositories.unwrap_or(limits.max_repositories),
                may_create_organizations: patch.may_create_organizations.unwrap_or(limits.may_create_organizations),
            };
            if new_limits != limits {
                for (fields, limits) in [(&mut old, limits), (&mut new, new_limits)] {
                    fields.insert("max_repositories".into(), limits.max_repositories.into());
                    fields.insert("may_create_organizations".into(), limits.may_create_organizations.into());
                }
            }
            if hash.is_some() {
                old.insert("password_version".into(), before.password_version.into());
                new.insert("password_version".into(), (before.password_version + 1).into());
            }
            if new.is_empty() {
                return Ok(before);
            }
            if has_new_address {
                // What an administrator sets counts as confirmed; the former address stays one of the account's.
                db::email_addresses::put_verified(tx, before.id, &after.email, at)?;
            }
            db::users::update(tx, &after, at)?;
            if new_limits != limits {
                db::account_limits::set(tx, before.id, new_limits)?;
            }
            if let Some(hash) = &hash {
                db::users::update_password(tx, before.id, hash, at)?;
            }
            let event = Event::new(permit.caller().stamp(), action::USER_EDIT, Object::new("user", before.id))
                .before(Value::Object(old))
                .after(Value::Object(new));
            audit::append(tx, at, &event)?;
            if after.visibility != before.visibility {
                fork_visibility::close_forks(tx, permit.caller(), ForksOf::Owner(before.id), at)?;
            }
            db::users::find(tx, before.id)?.ok_or_else(Error::not_found)
        })
        .await
}

/// Deletes an account: its tokens, keys and levels go, its row stays so that nobody else gets the name.
///
/// Errors: `Invalid` while it owns repositories, for the last administrator, for oneself, and for whoever has left evidence.
pub async fn delete_user(forge: &Forge, permit: Permit<DeleteUser>) -> Result<()> {
    let at = forge.clock.now();
    let picture = forge
        .write("delete user", move |tx| {
            let user = permit.confirm(tx, at)?;
            if permit.caller().user_id() == Some(user.id) {
                return Err(Error::invalid("username", "an administrator cannot delete the own account"));
            }
            if db::repositories::owner_has_any(tx, user.id)? {
                return Err(Error::invalid(
                    "username",
                    "the account still owns repositories; delete or transfer them first",
                ));
            }
            if has_left_evidence(tx, user.id)? {
                let text = "the account has left evidence, which keeps its name: deactivate it instead";
                return Err(Error::invalid("username", text));
            }
            if db::organizations::user_has_any(tx, user.id)? {
                return Err(Error::invalid(
                    "username",
                    "the account still belongs to organizations; take it out of them first",
                ));
            }
            if standing_admin(&user) && db::users::count_other_admins(tx, user.id)? == 0 {
                return Err(Error::invalid("username", LAST_ADMIN));
            }
            let tokens = db::tokens::delete_of_user(tx, user.id)?;
            let keys = db::keys::delete_of_user(tx, user.id)?;
            let gpg_keys = db::gpg_keys::delete_of_user(tx, user.id)?;
            let levels = db::collaborators::delete_of_user(tx, user.id)?;
            db::transfers::delete_of_recipient(tx, user.id)?;
            let lists = db::protection::delete_of_user(tx, user.id)?;
            let interests = db::interests::delete_of_user(tx, user.id)?;
            let follows = db::follows::delete_of_user(tx, user.id)?;
            let blocks = db::blocks::delete_of_user(tx, user.id)?;
            let mails = db::outgoing_mails::delete_of_user(tx, user.id)?;
            let picture = user.avatar.map(|avatar| avatar.blob);
            attachments::schedule_forgetting(tx, picture.as_slice(), at, at)?;
            db::users::bury(tx, user.id, at)?;
            let event = Event::new(permit.caller().stamp(), action::USER_DELETE, Object::new("user", user.id)).before(
                json!({ "login": user.name.as_str(), "tokens": tokens, "keys": keys, "gpg_keys": gpg_keys, "collaborations": levels, "rule_lists": lists, "interests": interests,
                    "follows": follows, "blocks": blocks, "mails": mails, "avatar_sha256": picture.map(|blob| blob.to_string()) }),
            );
            audit::append(tx, at, &event)?;
            Ok(picture)
        })
        .await?;
    attachments::forget_blobs(forge, Vec::from_iter(picture)).await;
    Ok(())
}

/// Lists every account, for administrators.
pub async fn list_users(forge: &Forge, permit: Permit<ListUsers>, query: UserQuery, page: Page) -> Result<Paged<User>> {
    list(forge, permit.caller(), query, page).await
}

/// Searches among accounts the caller may see.
pub async fn search_users(
    forge: &Forge,
    permit: Permit<SearchUsers>,
    query: UserQuery,
    page: Page,
) -> Result<Paged<User>> {
    list(forge, permit.caller(), query, page).await
}

/// Of these names those of accounts that the caller may see, in lower case, each with the name as its account writes it.
pub async fn visible_names(
    forge: &Forge,
    caller: &crate::access::Caller,
    names: Vec<UserName>,
) -> Result<HashMap<String, String>> {
    let caller = caller.clone();
    forge
        .read("find names", move |conn| {
            let mut found = HashMap::new();
            for name in names {
                // The one gate decides; what it refuses is not there.
                match crate::access::authorize(conn, &caller, SeeName, &name) {
                    Ok(permit) => {
                        let user = permit.into_subject();
                        found.insert(user.name.key().to_owned(), user.name.to_string());
                    }
                    Err(error) if error.kind() == crate::error::Kind::Internal => return Err(error),
                    Err(_) => {}
                }
            }
            Ok(found)
        })
        .await
}

/// Finds the accounts behind recorded addresses that the caller may see; keys of the answer are lower-case addresses.
pub async fn users_by_email(
    forge: &Forge,
    caller: &crate::access::Caller,
    mut addresses: Vec<String>,
) -> Result<HashMap<String, User>> {
    addresses.sort_unstable();
    addresses.dedup();
    let domain = forge.settings.placeholder_domain.clone();
    let read = move |conn: &dyn atomicqms_actors::sql::Connection| {
        Ok(db::users::find_all_by_email(conn, &addresses, &domain)?)
    };
    let mut found = forge.read("users by address", read).await?;
    found.retain(|_, user| may_see(caller, user, false));
    Ok(found)
}

async fn list(forge: &Forge, caller: &crate::access::Caller, query: UserQuery, page: Page) -> Result<Paged<User>> {
    let viewer = viewer_of(caller);
    forge.read("list users", move |conn| Ok(db::users::list(conn, viewer, &query, page)?)).await
}

/// The caller as a list of accounts sees it.
pub(super) fn viewer_of(caller: &crate::access::Caller) -> Viewer {
    Viewer { id: caller.user_id(), is_admin: caller.is_site_admin(), is_public_only: caller.is_public_only() }
}

fn apply(user: &mut User, patch: &UserPatch) {
    fn set<T: Clone>(field: &mut T, value: &Option<T>) {
        if let Some(value) = value {
            *field = value.clone();
        }
    }
    set(&mut user.full_name, &patch.full_name);
    set(&mut user.email, &patch.email);
    set(&mut user.description, &patch.description);
    set(&mut user.website, &patch.website);
    set(&mut user.location, &patch.location);
    set(&mut user.visibility, &patch.visibility);
    set(&mut user.settings.language, &patch.language);
    set(&mut user.settings.theme, &patch.theme);
    set(&mut user.settings.diff_view_style, &patch.diff_view_style);
    set(&mut user.settings.hides_email, &patch.hides_email);
    set(&mut user.settings.hides_activity, &patch.hides_activity);
    set(&mut user.is_admin, &patch.is_admin);
    set(&mut user.is_active, &patch.is_active);
    set(&mut user.is_login_prohibited, &patch.is_login_prohibited);
    set(&mut user.is_restricted, &patch.is_restricted);
    set(&mut user.must_change_password, &patch.must_change_password);
}

/// What differs, as the event records it. Personal fields are only said to have changed: the ledger cannot be erased.
fn changes(before: &User, after: &User) -> (Map<String, Value>, Map<String, Value>) {
    let (mut old, mut new) = (Map::new(), Map::new());
    let mut note = |field: &str, was: Value, is: Value| {
        if was != is {
            old.insert(field.to_owned(), was);
            new.insert(field.to_owned(), is);
        }
    };
    note("is_admin", before.is_admin.into(), after.is_admin.into());
    note("is_active", before.is_active.into(), after.is_active.into());
    note("is_login_prohibited", before.is_login_prohibited.into(), after.is_login_prohibited.into());
    note("is_restricted", before.is_restricted.into(), after.is_restricted.into());
    note("must_change_password", before.must_change_password.into(), after.must_change_password.into());
    note("visibility", before.visibility.as_str().into(), after.visibility.as_str().into());
    note("hides_email", before.settings.hides_email.into(), after.settings.hides_email.into());
    note("hides_activity", before.settings.hides_activity.into(), after.settings.hides_activity.into());
    note("language", before.settings.language.as_str().into(), after.settings.language.as_str().into());
    note("theme", before.settings.theme.as_str().into(), after.settings.theme.as_str().into());
    let style = |user: &User| Value::from(user.settings.diff_view_style.as_str());
    note("diff_view_style", style(before), style(after));
    note("full_name", before.full_name.as_str().into(), after.full_name.as_str().into());
    let personal: Vec<&str> = [
        ("email", before.email != after.email),
        ("description", before.description != after.description),
        ("website", before.website != after.website),
        ("location", before.location != after.location),
    ]
    .into_iter()
    .filter_map(|(field, differs)| differs.then_some(field))
    .collect();
    if !personal.is_empty() {
        new.insert("changed".to_owned(), personal.into());
    }
    (old, new)
}

/// The address that commits made for an account carry.
pub(super) fn recorded_email(forge: &Forge, user: &User) -> String {
    if user.settings.hides_email {
        format!("{}@{}", user.name.key(), forge.settings.placeholder_domain)
    } else {
        user.email.as_str().to_owned()
    }
}

/// A word such as a language or a theme has for its name.
fn check_word(field: &'static str, word: &str) -> Result<()> {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if word.len() > 64 || !is_plain {
        return Err(Error::invalid(field, format!("{field} may have at most 64 letters, digits, - and _")));
    }
    Ok(())
}

/// Whether the ledger names an account as the one who did something that concerns others, too, or in whose name it was done.
fn has_left_evidence(conn: &dyn atomicqms_actors::sql::Connection, id: UserId) -> Result<bool> {
    let alone = [action::PERSONAL, action::PERHAPS_PERSONAL].concat();
    if db::audit::has_other_than(conn, id, &alone)? {
        return Ok(true);
    }
    let own = serde_json::to_value(Object::new("user", id)).map_err(Error::internal)?;
    let mut after = 0;
    loop {
        let events = db::audit::list_of(conn, id, action::PERHAPS_PERSONAL, after, EVENTS_AT_ONCE)?;
        let Some((last, _)) = events.last() else { return Ok(false) };
        after = *last;
        for (_, bytes) in &events {
            let event: Value = serde_json::from_slice(bytes).map_err(Error::internal)?;
            if event["object"] != own {
                return Ok(true);
            }
        }
    }
}

const fn standing_admin(user: &User) -> bool {
    user.is_admin && user.may_sign_in()
}

#[cfg(test)]
mod tests;
