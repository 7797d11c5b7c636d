//! From what a request shows to who is calling.
//!
//! Owns parsing of credentials and the order in which they are tried. Bad credentials are refused even where none are
//! needed, so that a typing error never silently turns into an anonymous request. Called by the HTTP layer once a
//! request.

use std::sync::Arc;

use atomicqms_actors::{Readers, Writer};
use base64::Engine;
use moka::sync::Cache;

use super::password::{Known, Passwords};
use super::rights_cache::Holder;
use super::throttle::Throttle;
use super::{Caller, Credential, Origin, RightsCache, RightsVersion, Settings, token};
use crate::db;
use crate::error::{Error, Result};
use crate::model::key::fingerprint;
use crate::model::{Clock, KeyId, KeyOwner, TokenId, User, UserName, UtcMs};
use crate::telemetry::kept::KeptCounter;

/// How stale a "last used" mark may get before it is written again. Units: milliseconds.
const MARK_EVERY_MS: i64 = 5 * 60 * 1000;
const BAD_CREDENTIALS: &str = "invalid username, password or token";

/// What a request shows.
#[derive(Debug, Clone, Default)]
pub struct Presented<'a> {
    /// The raw `Authorization` header.
    pub authorization: Option<&'a str>,
    /// `token` or `access_token` of the query string; wins over the header, as in Gitea.
    pub query_token: Option<&'a str>,
    /// Where the request came from.
    pub origin: Origin,
}

/// Credentials of a request, taken apart.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    Token(String),
    Basic { login: String, password: String },
    Unreadable,
}

/// Everything that turns credentials into callers.
pub struct Access {
    readers: Readers,
    writer: Writer,
    clock: Arc<dyn Clock>,
    settings: Settings,
    passwords: Passwords,
    throttle: Throttle,
    marked: Cache<Mark, UtcMs>,
    rights: RightsCache,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mark {
    Token(TokenId),
    Login(crate::model::UserId),
    Key(KeyId),
}

impl Access {
    /// Prepares identification.
    ///
    /// Errors: `Invalid` for unusable argon2 parameters.
    pub fn new(
        readers: Readers,
        writer: Writer,
        clock: Arc<dyn Clock>,
        settings: Settings,
        rights: RightsVersion,
    ) -> Result<Self> {
        let passwords = Passwords::new(&settings)?;
        let throttle = Throttle::new(&settings);
        let marked = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(std::time::Duration::from_millis(MARK_EVERY_MS.unsigned_abs()))
            .build();
        let rights = RightsCache::new(rights, settings.rights_cache_entries);
        Ok(Self { readers, writer, clock, settings, passwords, throttle, marked, rights })
    }

    /// Passwords, for making and changing accounts.
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// What was learned lately of tokens and levels.
    pub fn rights(&self) -> &RightsCache {
        &self.rights
    }

    /// The settings in force.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Finds out who is calling.
    ///
    /// Errors: `Unauthenticated` for credentials that are wrong, expired, revoked or of a disabled account;
    /// `RateLimited` after too many wrong passwords; `Overloaded` when too many passwords are being checked.
    pub async fn identify(&self, presented: Presented<'_>) -> Result<Caller> {
        let (shown, is_query) = match presented.query_token {
            Some(secret) if self.settings.allow_query_tokens && !secret.is_empty() => {
                (Shown::Token(secret.to_owned()), true)
            }
            _ => (parse(presented.authorization), false),
        };
        let (method, result) = match shown {
            Shown::Nothing => return Ok(Caller::anonymous(presented.origin)),
            Shown::Unreadable => ("unreadable", Err(Error::unauthenticated(BAD_CREDENTIALS))),
            Shown::Token(secret) => ("token", self.by_token(&secret, presented.origin).await),
            Shown::Basic { login, password } => ("password", self.by_basic(&login, &password, presented.origin).await),
        };
        let outcome = match &result {
            Ok(_) => "ok",
            Err(error) => error.kind().name(),
        };
        static TOKEN_OK: KeptCounter =
            KeptCounter::new(|| metrics::counter!("atomicqms_auth_total", "method" => "token", "outcome" => "ok"));
        if method == "token" && result.is_ok() {
            TOKEN_OK.increment(1);
        } else {
            metrics::counter!("atomicqms_auth_total", "method" => method, "outcome" => outcome).increment(1);
        }
        result.map(|caller| if is_query { caller.with_query_mark() } else { caller })
    }

    /// Lets an administrator's request act as another account.
    ///
    /// Errors: `Forbidden` for everybody else, `NotFound` when there is no such account.
    pub async fn sudo(&self, caller: Caller, name: &UserName) -> Result<Caller> {
        if !caller.user().is_some_and(|user| user.is_admin) {
            return Err(Error::forbidden("Only administrators allowed to sudo."));
        }
        let wanted = name.clone();
        let user = self
            .readers
            .read("sudo", move |conn| Ok::<_, Error>(db::users::find_by_name(conn, &wanted)?))
            .await?
            .filter(|user| !user.is_organization)
            .ok_or_else(Error::not_found)?;
        Ok(caller.acting_as(Arc::new(user)))
    }

    /// Whether anybody registered this key: for answering an offer, which proves nothing and opens nothing.
    ///
    /// Errors: those of the database.
    pub async fn knows_key(&self, key: &[u8]) -> Result<bool> {
        let wanted = fingerprint(key);
        self.readers
            .read("look for key", move |conn| Ok::<_, Error>(db::keys::find_by_fingerprint(conn, &wanted)?.is_some()))
            .await
    }

    /// Finds out who is calling with a key. Only for a key whose signature over this very session was verified.
    ///
    /// Errors: `Unauthenticated` for a key that nobody registered or whose account may not sign in.
    pub async fn identify_key(&self, key: &[u8], origin: Origin) -> Result<Caller> {
        let result = self.by_key(fingerprint(key), origin).await;
        let outcome = match &result {
            Ok(_) => "ok",
            Err(error) => error.kind().name(),
        };
        metrics::counter!("atomicqms_auth_total", "method" => "ssh", "outcome" => outcome).increment(1);
        result
    }

    /// Whether somebody knows the password that was chosen for an account that is not made yet. All who try for one registration are counted together,
    /// wherever they come from.
    ///
    /// Errors: `RateLimited` after too many wrong ones, `Overloaded` when too many passwords are being checked.
    pub async fn verify_registration(&self, registration: i64, hash: String, password: &str) -> Result<bool> {
        // No login name holds a slash, so no account's counter is this one.
        let attempt = self.throttle.begin(&format!("registration/{registration}"), None, &*self.clock).await?;
        let is_right = self.passwords.verify_hash(hash, password).await?;
        if !is_right {
            attempt.failed(self.clock.now());
        }
        Ok(is_right)
    }

    async fn by_key(&self, wanted: String, origin: Origin) -> Result<Caller> {
        let found = self
            .readers
            .read("identify by key", move |conn| {
                let Some(key) = db::keys::find_by_fingerprint(conn, &wanted)? else { return Ok(None) };
                let user = match key.owner {
                    KeyOwner::User(id) => db::users::find(conn, id)?,
                    KeyOwner::Repository(_) => None,
                };
                Ok::<_, Error>(Some((key, user)))
            })
            .await?;
        let unknown = || Error::unauthenticated("this key is not known here, or its account may not sign in");
        let (key, user) = found.ok_or_else(unknown)?;
        let (now, mark, last) = (self.clock.now(), Mark::Key(key.id), key.last_used_ms);
        let caller = match (key.owner, user) {
            (KeyOwner::Repository(_), _) => Caller::deploy_key(Arc::new(key), origin),
            (KeyOwner::User(_), Some(user)) if user.may_sign_in() => Caller::user_by_key(Arc::new(user), &key, origin),
            (KeyOwner::User(_), _) => return Err(unknown()),
        };
        self.mark(mark, last, now);
        Ok(caller)
    }

    async fn by_token(&self, secret: &str, origin: Origin) -> Result<Caller> {
        match self.find_token(secret).await? {
            Some((holder, version)) => self.token_caller(&holder, version, origin),
            None => Err(Error::unauthenticated(BAD_CREDENTIALS)),
        }
    }

    async fn by_basic(&self, login: &str, password: &str, origin: Origin) -> Result<Caller> {
        // A token may stand in either place; with one as password the login does not matter.
        let secret = if password.is_empty() || password == "x-oauth-basic" { login } else { password };
        if let Some((holder, version)) = self.find_token(secret).await? {
            return self.token_caller(&holder, version, origin);
        }
        let attempt = self.throttle.begin(login, origin.source_ip, &*self.clock).await?;
        let version = self.rights.version();
        let known = self.find_account(login).await?;
        let check = known.as_ref().map(|(user, hash)| Known {
            id: user.id,
            version: user.password_version,
            hash: hash.clone(),
        });
        let is_right = self.passwords.verify(check, password).await?;
        let now = self.clock.now();
        if !is_right {
            attempt.failed(now);
            return Err(Error::unauthenticated(BAD_CREDENTIALS));
        }
        match known {
            Some((user, _)) if user.may_sign_in() => {
                attempt.succeeded();
                self.mark(Mark::Login(user.id), user.last_login_ms, now);
                Ok(Caller::user_by(Arc::new(user), Credential::Password, origin).with_rights_version(version))
            }
            _ => Err(Error::unauthenticated(BAD_CREDENTIALS)),
        }
    }

    /// Finds a token and its account, with the number of the rights under which they were read.
    async fn find_token(&self, secret: &str) -> Result<Option<(Arc<Holder>, i64)>> {
        if !token::looks_like_secret(secret) {
            return Ok(None);
        }
        let hash = token::hash(secret);
        // Before anything is read: what is learned must not be taken for newer than it is.
        let version = self.rights.version();
        if let Some(holder) = self.rights.token(&hash) {
            return Ok(Some((holder, version)));
        }
        let found = self
            .readers
            .read("identify by token", move |conn| {
                let Some(token) = db::tokens::find_by_hash(conn, &hash)? else { return Ok(None) };
                let user = db::users::find(conn, token.user_id)?;
                Ok::<_, Error>(user.map(|user| Arc::new(Holder { token, user: Arc::new(user) })))
            })
            .await?;
        let Some(holder) = found else { return Ok(None) };
        self.rights.learn_token(hash, version, Arc::clone(&holder));
        Ok(Some((holder, version)))
    }

    async fn find_account(&self, login: &str) -> Result<Option<(User, String)>> {
        let Ok(name) = UserName::parse(login) else { return Ok(None) };
        self.readers
            .read("identify by password", move |conn| {
                // An organization has no password: it is answered like a name that nobody has.
                let found = db::users::find_by_name(conn, &name)?.filter(|user| !user.is_organization);
                let Some(user) = found else { return Ok(None) };
                Ok::<_, Error>(db::users::password_hash(conn, user.id)?.map(|hash| (user, hash)))
            })
            .await
    }

    fn token_caller(&self, holder: &Holder, version: i64, origin: Origin) -> Result<Caller> {
        let Holder { token, user } = holder;
        let now = self.clock.now();
        if !user.may_sign_in() || token.is_expired(now) {
            return Err(Error::unauthenticated(BAD_CREDENTIALS));
        }
        self.mark(Mark::Token(token.id), token.last_used_ms, now);
        let credential = Credential::Token { id: token.id, scopes: token.scopes };
        let caller = Caller::user_by(Arc::clone(user), credential, origin).with_rights_version(version);
        Ok(caller.limited_to(token.repositories.as_deref()))
    }

    /// Writes a "last used" time in the background, at most every few minutes for one token or account.
    fn mark(&self, mark: Mark, last: Option<UtcMs>, now: UtcMs) {
        let is_fresh = last.is_some_and(|last| now.get() - last.get() < MARK_EVERY_MS);
        if is_fresh || !self.marked.entry(mark).or_insert(now).is_fresh() {
            return;
        }
        let writer = self.writer.clone();
        // A lost mark is harmless: the next use writes it.
        tokio::spawn(async move {
            let written = writer
                .write("mark use", move |tx| match mark {
                    Mark::Token(id) => Ok::<_, Error>(db::tokens::mark_used(tx, id, now)?),
                    Mark::Login(id) => Ok(db::users::mark_login(tx, id, now)?),
                    Mark::Key(id) => Ok(db::keys::mark_used(tx, id, now)?),
                })
                .await;
            if let Err(error) = written {
                tracing::debug!(error = %error.log_line(), "a last-used time was not written");
            }
        });
    }
}

/// Takes an `Authorization` header apart.
fn parse(header: Option<&str>) -> Shown {
    let Some(header) = header.map(str::trim).filter(|header| !header.is_empty()) else { return Shown::Nothing };
    let mut fields = header.split_ascii_whitespace();
    let (Some(scheme), Some(value), None) = (fields.next(), fields.next(), fields.next()) else {
        return Shown::Unreadable;
    };
    if scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer") {
        return Shown::Token(value.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Shown::Unreadable;
    }
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(value)
        .or_else(|_| base64::engine::general_purpose::STANDARD_NO_PAD.decode(value));
    match decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => match text.split_once(':') {
            Some((login, password)) => Shown::Basic { login: login.to_owned(), password: password.to_owned() },
            None => Shown::Unreadable,
        },
        None => Shown::Unreadable,
    }
}

#[cfg(test)]
mod tests;
