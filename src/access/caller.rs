//! The caller of one request: who, by which credential, from where.
//!
//! Owns the type. Only this module's siblings can make a caller that is somebody: everybody else gets one from
//! [`super::Access::identify`], or the anonymous one, or the console one of the command line.

use std::net::IpAddr;
use std::sync::Arc;

use super::authorize::token_required;
use super::rights_cache;
use crate::audit::{self, Stamp};
use crate::error::Result;
use crate::model::{KeyId, RepoId, SshKey, TokenId, TokenScopes, User, UserId};

/// Who a caller is.
#[derive(Debug, Clone)]
pub enum Principal {
    /// Nobody known.
    Anonymous,
    /// An account, as its row was when the request came in.
    User(Arc<User>),
    /// A deploy key: nobody in particular, with a way into one repository.
    DeployKey(Arc<SshKey>),
    /// Somebody with a shell on the machine, through the command line.
    Console,
    /// The server itself: first start, housekeeping.
    System,
}

/// What the caller showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// The account's password.
    Password,
    /// An access token.
    Token {
        /// Its row.
        id: TokenId,
        /// What it opens.
        scopes: TokenScopes,
    },
    /// A signature by a public key.
    SshKey {
        /// Its row.
        id: KeyId,
    },
}

/// Where a request came from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Peer address, after trusted proxies.
    pub source_ip: Option<IpAddr>,
    /// The client's own name for itself, bounded by the caller of this type.
    pub user_agent: Option<String>,
    /// Id that every log line and the answer carry.
    pub request_id: String,
}

/// The caller of one request; cheap to clone.
#[derive(Debug, Clone)]
pub struct Caller {
    principal: Principal,
    credential: Credential,
    on_behalf: Option<Arc<User>>,
    /// Whose affairs the server looks after.
    served: Option<Arc<User>>,
    via_query: bool,
    fingerprint: Option<Arc<str>>,
    origin: Arc<Origin>,
    rights_version: i64,
    /// The repositories the token reaches; none: no token, or one without such a limit.
    only: Option<Arc<[RepoId]>>,
}

impl Caller {
    /// A caller who showed nothing.
    pub fn anonymous(origin: Origin) -> Self {
        Self::make(Principal::Anonymous, Credential::None, origin)
    }

    /// Somebody at the machine's console; may do everything, and the ledger says so.
    pub fn console(origin: Origin) -> Self {
        Self::make(Principal::Console, Credential::None, origin)
    }

    /// The server acting on its own.
    pub(crate) fn system() -> Self {
        Self::make(Principal::System, Credential::None, Origin::default())
    }

    /// The server acting on its own in what somebody asked it to look after; the ledger names both.
    pub(crate) fn system_for(user: Arc<User>) -> Self {
        Self { served: Some(user), ..Self::system() }
    }

    pub(super) fn user_by(user: Arc<User>, credential: Credential, origin: Origin) -> Self {
        Self::make(Principal::User(user), credential, origin)
    }

    /// The account that a key belongs to, after its signature was verified.
    pub(super) fn user_by_key(user: Arc<User>, key: &SshKey, origin: Origin) -> Self {
        let caller = Self::make(Principal::User(user), Credential::SshKey { id: key.id }, origin);
        Self { fingerprint: Some(key.key.fingerprint.as_str().into()), ..caller }
    }

    /// A deploy key, after its signature was verified.
    pub(super) fn deploy_key(key: Arc<SshKey>, origin: Origin) -> Self {
        let fingerprint = Some(key.key.fingerprint.as_str().into());
        let credential = Credential::SshKey { id: key.id };
        Self { fingerprint, ..Self::make(Principal::DeployKey(key), credential, origin) }
    }

    /// A signed-in caller made from thin air, for tests of other modules.
    #[cfg(test)]
    pub(crate) fn for_test(user: User, credential: Credential) -> Self {
        Self::make(Principal::User(Arc::new(user)), credential, Origin::default())
    }

    fn make(principal: Principal, credential: Credential, origin: Origin) -> Self {
        let (origin, rights_version) = (Arc::new(origin), rights_cache::UNKNOWN);
        Self {
            principal,
            credential,
            on_behalf: None,
            served: None,
            via_query: false,
            fingerprint: None,
            origin,
            rights_version,
            only: None,
        }
    }

    /// Says that the account was read after the number of the rights in force was `version`.
    pub(super) fn with_rights_version(mut self, version: i64) -> Self {
        self.rights_version = version;
        self
    }

    /// The number of the rights in force before the account was read; [`rights_cache::UNKNOWN`] if nobody looked.
    pub(super) fn rights_version(&self) -> i64 {
        self.rights_version
    }

    /// Limits the caller to the repositories of a token that has such a limit.
    pub(super) fn limited_to(mut self, repositories: Option<&[RepoId]>) -> Self {
        self.only = repositories.map(Arc::from);
        self
    }

    /// The repositories that the token is limited to; none: no such limit.
    pub fn only_repositories(&self) -> Option<&[RepoId]> {
        self.only.as_deref()
    }

    /// Whether the credential reaches a repository at all, whatever its account may do there.
    pub(super) fn reaches(&self, repository: RepoId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&repository))
    }

    pub(super) fn with_query_mark(mut self) -> Self {
        self.via_query = true;
        self
    }

    /// The same request acting as another account; the ledger names both.
    pub(super) fn acting_as(mut self, user: Arc<User>) -> Self {
        if let Principal::User(doer) = std::mem::replace(&mut self.principal, Principal::User(user)) {
            self.on_behalf = Some(doer);
        }
        self
    }

    pub(super) fn with_fresh_user(mut self, user: Arc<User>) -> Self {
        self.principal = Principal::User(user);
        self
    }

    pub(super) fn with_fresh_key(mut self, key: Arc<SshKey>) -> Self {
        self.principal = Principal::DeployKey(key);
        self
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What was shown.
    pub fn credential(&self) -> Credential {
        self.credential
    }

    /// The account, when there is one.
    pub fn user(&self) -> Option<&User> {
        match &self.principal {
            Principal::User(user) => Some(user),
            Principal::Anonymous | Principal::DeployKey(_) | Principal::Console | Principal::System => None,
        }
    }

    /// The account, for what only an account can do.
    ///
    /// Errors: `Unauthenticated`.
    pub fn account(&self) -> Result<&User> {
        self.user().ok_or_else(token_required)
    }

    /// The account's id, when there is one.
    pub fn user_id(&self) -> Option<UserId> {
        self.user().map(|user| user.id)
    }

    /// The account for which something is done: the caller's own, or the one whose affairs the server looks after.
    pub fn effective_user_id(&self) -> Option<UserId> {
        self.user_id().or_else(|| self.served.as_deref().map(|user| user.id))
    }

    /// Whether nobody is known.
    pub fn is_anonymous(&self) -> bool {
        matches!(self.principal, Principal::Anonymous)
    }

    /// Whether the caller administers the site.
    pub fn is_site_admin(&self) -> bool {
        match &self.principal {
            Principal::User(user) => user.is_admin,
            Principal::Console | Principal::System => true,
            Principal::Anonymous | Principal::DeployKey(_) => false,
        }
    }

    /// The administrator behind a `sudo` request, when there is one.
    pub fn sudo_doer(&self) -> Option<&User> {
        self.on_behalf.as_deref()
    }

    /// Scopes of the token, when one was shown.
    pub fn scopes(&self) -> Option<TokenScopes> {
        match self.credential {
            Credential::Token { scopes, .. } => Some(scopes),
            Credential::None | Credential::Password | Credential::SshKey { .. } => None,
        }
    }

    /// Whether the token may touch only what anonymous callers may see.
    pub fn is_public_only(&self) -> bool {
        self.scopes().is_some_and(|scopes| scopes.is_public_only())
    }

    /// Whether the token came in the query string, which deserves a warning header.
    pub fn used_query_token(&self) -> bool {
        self.via_query
    }

    /// Where the request came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Who, by what and from where, as a ledger event records it.
    pub fn stamp(&self) -> Stamp {
        let named = |user: &User| audit::Actor {
            id: Some(user.id),
            login: user.name.as_str().to_owned(),
            name: user.full_name.clone(),
        };
        let nobody = |login: &str| audit::Actor { id: None, login: login.to_owned(), name: String::new() };
        let effective = match &self.principal {
            Principal::Anonymous => nobody("-anonymous-"),
            Principal::User(user) => named(user),
            Principal::DeployKey(key) => {
                audit::Actor { id: None, login: "-deploy-key-".to_owned(), name: key.title.clone() }
            }
            Principal::Console => nobody("-console-"),
            Principal::System => nobody("-system-"),
        };
        // The hand that acted comes first; with sudo the account it acted for is on_behalf.
        let (actor, on_behalf) = match &self.on_behalf {
            Some(doer) => (named(doer), Some(effective)),
            None => (effective, self.served.as_deref().map(named)),
        };
        let (method, token_id) = match (self.credential, &self.principal) {
            (Credential::Token { id, .. }, _) => ("token", Some(id)),
            (Credential::Password, _) => ("password", None),
            (Credential::SshKey { .. }, _) => ("ssh", None),
            (Credential::None, Principal::Console) => ("console", None),
            (Credential::None, Principal::System) => ("system", None),
            (Credential::None, _) => ("none", None),
        };
        Stamp {
            actor,
            on_behalf,
            auth: audit::Auth { method, session: None, token_id, key: self.fingerprint.clone() },
            source_ip: self.origin.source_ip.map(|ip| ip.to_canonical().to_string()),
            user_agent: self.origin.user_agent.clone(),
        }
    }
}
