//! Access tokens of an account: made, listed, revoked.

use atomicqms_actors::sql::Connection;
use serde_json::json;

use super::{Forge, check_text};
use crate::access::action::{ManageCurrentToken, ManageTokens};
use crate::access::rights::rights_of_user;
use crate::access::token;
use crate::access::{Credential, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::{AccessLevel, NewToken, Page, Paged, RepoId, RepoName, Token, TokenId, User, UserName};

/// Most repositories that one token can be limited to.
const MAX_REPOSITORIES: usize = 100;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Makes a token; the secret in the answer exists nowhere else.
///
/// Errors: `Malformed` for a name in use (as Gitea answers), `Invalid` for an empty name, no scope, an end in the past
/// or beyond the longest lifetime, or a repository that its owner cannot read.
pub async fn create_token(forge: &Forge, permit: Permit<ManageTokens>, mut new: NewToken) -> Result<(Token, String)> {
    new.name = new.name.trim().to_owned();
    if new.name.is_empty() {
        return Err(Error::invalid("name", "token name must not be empty"));
    }
    check_text("name", &new.name, 255)?;
    if new.scopes.is_empty() {
        return Err(Error::invalid("scopes", "access token must have a scope"));
    }
    let at = forge.clock.now();
    let last_end =
        forge.settings.security.max_token_lifetime_days.map(|days| at.plus_ms(i64::from(days).saturating_mul(DAY_MS)));
    new.expires_ms = match (new.expires_ms, last_end) {
        (Some(end), _) if end <= at => return Err(Error::invalid("expires_at", "token would already be expired")),
        (Some(end), Some(last)) if end > last => {
            return Err(Error::invalid("expires_at", "token would live longer than this server allows"));
        }
        (None, last) => last,
        (end, _) => end,
    };
    let secret = token::new_secret()?;
    let (hash, last_eight) = (token::hash(&secret), token::last_eight(&secret).to_owned());
    let row = forge
        .write("create token", move |tx| {
            let user = permit.confirm(tx, at)?;
            if db::tokens::find_by_name(tx, user.id, &new.name)?.is_some() {
                return Err(Error::new(Kind::Malformed, "access token name has been used already"));
            }
            let repositories = find_repositories(tx, &user, new.repositories.as_deref())?;
            let secret = db::tokens::Secret { hash: &hash, last_eight: &last_eight };
            let row = db::tokens::insert(tx, user.id, &new, &repositories, secret, at)?;
            let event =
                Event::new(permit.caller().stamp(), action::TOKEN_CREATE, Object::new("token", row.id)).after(json!({
                    "user_id": user.id,
                    "login": user.name.as_str(),
                    "name": row.name,
                    "scopes": row.scopes.names(),
                    "expires_ms": row.expires_ms.map(|end| end.get()),
                    "repositories": row.repositories,
                }));
            audit::append(tx, at, &event)?;
            Ok(row)
        })
        .await?;
    Ok((row, secret))
}

/// The repositories that a token is to be limited to, all of which its owner must be able to read.
fn find_repositories(
    conn: &dyn Connection,
    owner: &User,
    names: Option<&[(UserName, RepoName)]>,
) -> Result<Vec<RepoId>> {
    let Some(names) = names else { return Ok(Vec::new()) };
    if names.is_empty() || names.len() > MAX_REPOSITORIES {
        return Err(Error::invalid("repositories", format!("name 1 to {MAX_REPOSITORIES} repositories")));
    }
    let find = |(of, name): &(UserName, RepoName)| {
        let unknown = || Error::invalid("repositories", format!("repository does not exist [name: {of}/{name}]"));
        let (found, _) = db::repositories::find_by_path(conn, of, name)?.ok_or_else(unknown)?;
        let level = rights_of_user(conn, owner, &found)?.level;
        if level >= AccessLevel::Read { Ok(found.id) } else { Err(unknown()) }
    };
    names.iter().map(find).collect()
}

/// Names the repositories that tokens are limited to, as they are called now, in the order of the tokens.
pub async fn names_of_repositories(forge: &Forge, tokens: &[Token]) -> Result<Vec<Option<Vec<String>>>> {
    let wanted: Vec<Option<Vec<RepoId>>> = tokens.iter().map(|token| token.repositories.clone()).collect();
    forge
        .read("name repositories of tokens", move |conn| {
            let name = |id: RepoId| Ok(db::repositories::find(conn, id)?.map(|repository| repository.full_name()));
            let name_all = |ids: Vec<RepoId>| {
                let names = ids.into_iter().map(name).collect::<Result<Vec<_>>>()?;
                Ok(names.into_iter().flatten().collect())
            };
            wanted.into_iter().map(|ids| ids.map(name_all).transpose()).collect()
        })
        .await
}

/// Lists the tokens of an account, newest first.
pub async fn list_tokens(forge: &Forge, permit: Permit<ManageTokens>, page: Page) -> Result<Paged<Token>> {
    let user = permit.into_subject();
    forge.read("list tokens", move |conn| Ok(db::tokens::list(conn, user.id, page)?)).await
}

/// Revokes a token by id or name; it stops working with the commit of this call.
///
/// Errors: `NotFound`.
pub async fn delete_token(forge: &Forge, permit: Permit<ManageTokens>, id_or_name: &str) -> Result<()> {
    let wanted = id_or_name.to_owned();
    let at = forge.clock.now();
    forge
        .write("delete token", move |tx| {
            let user = permit.confirm(tx, at)?;
            // A number is an id first, as in Gitea; a token may still be named like one.
            let by_id = match wanted.parse::<i64>() {
                Ok(id) => db::tokens::find_of_user(tx, user.id, TokenId::new(id))?,
                Err(_) => None,
            };
            let found = match by_id {
                Some(token) => Some(token),
                None => db::tokens::find_by_name(tx, user.id, &wanted)?,
            };
            let token = found.ok_or_else(Error::not_found)?;
            db::tokens::delete(tx, token.id)?;
            let event = Event::new(permit.caller().stamp(), action::TOKEN_DELETE, Object::new("token", token.id))
                .before(json!({ "user_id": user.id, "login": user.name.as_str(), "name": token.name }));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// The token that the caller used.
///
/// Errors: `NotFound` for a caller who used another credential.
pub async fn current_token(forge: &Forge, permit: &Permit<ManageCurrentToken>) -> Result<Token> {
    let id = used(permit)?;
    forge.read("find token", move |conn| db::tokens::find(conn, id)?.ok_or_else(Error::not_found)).await
}

/// Revokes the token that the caller used; this was its last request.
///
/// Errors: `NotFound` for a caller who used another credential.
pub async fn delete_current_token(forge: &Forge, permit: Permit<ManageCurrentToken>) -> Result<()> {
    let id = used(&permit)?;
    let at = forge.clock.now();
    forge
        .write("delete token", move |tx| {
            permit.confirm(tx, at)?;
            let token = db::tokens::find(tx, id)?.ok_or_else(Error::not_found)?;
            let login = db::users::find(tx, token.user_id)?.map(|user| user.name.to_string()).unwrap_or_default();
            db::tokens::delete(tx, token.id)?;
            let event = Event::new(permit.caller().stamp(), action::TOKEN_DELETE, Object::new("token", token.id))
                .before(json!({ "user_id": token.user_id, "login": login, "name": token.name }));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

fn used(permit: &Permit<ManageCurrentToken>) -> Result<TokenId> {
    match permit.caller().credential() {
        Credential::Token { id, .. } => Ok(id),
        Credential::None | Credential::Password | Credential::SshKey { .. } => Err(Error::not_found()),
    }
}

#[cfg(test)]
mod tests;
