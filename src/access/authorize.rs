//! The one gate: caller, action and resource in, permit or refusal out.
//!
//! Owns the decision, as a plain function over plain facts, and the caller's level in a repository. Any error on the way
//! is a refusal. Called by handlers, by `forge` and again by [`super::Permit::confirm`] inside commit transactions.

use atomicqms_actors::sql::{self, Connection};

use super::action::{Need, Rule, Verb};
use super::{Action, Caller, Credential, Permit, Principal, RepositoryAccess};
use crate::db;
use crate::error::{Error, Kind, Result};
use crate::model::{AccessLevel, KeyOwner, Repository, User, Visibility};

/// Lets a caller do one thing, or says why not.
///
/// Errors: `Unauthenticated` where an account is needed; `Forbidden` for a missing scope, a password that has to be
/// changed first, or a level that is visibly too low; `NotFound` for everything absent or hidden (with
/// [`Error::may_challenge`] for anonymous callers); `Locked` for writes to an archived repository.
pub fn authorize<A: Action>(
    conn: &dyn Connection,
    caller: &Caller,
    _action: A,
    resource: &A::Resource,
) -> Result<Permit<A>> {
    check_caller(&A::RULE, caller)?;
    let subject = A::find(conn, caller, resource)?.ok_or_else(|| hidden(caller))?;
    decide(&A::RULE, caller, &A::facts(caller, &subject))?;
    Ok(Permit::new(caller.clone(), subject))
}

/// The same decision about a repository that was looked up before, for this very caller and name, under the rights in force.
///
/// Errors: as [`authorize`].
pub fn authorize_known<A: Action<Subject = RepositoryAccess>>(
    caller: &Caller,
    _action: A,
    access: &RepositoryAccess,
) -> Result<Permit<A>> {
    check_caller(&A::RULE, caller)?;
    decide(&A::RULE, caller, &A::facts(caller, access))?;
    Ok(Permit::new(caller.clone(), access.clone()))
}

/// What the decision knows about the thing acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facts {
    /// The installation.
    Instance,
    /// An account.
    User {
        /// It is the caller's own.
        is_self: bool,
        /// The caller may know that it exists.
        is_visible: bool,
        /// Everybody may know that it exists.
        is_public: bool,
    },
    /// A repository.
    Repository {
        /// The caller's level.
        level: AccessLevel,
        /// Everybody may read it.
        is_public: bool,
        /// It is read-only.
        is_archived: bool,
    },
}

/// The part of the decision that needs no thing: credential, scopes, password change.
pub(super) fn check_caller(rule: &Rule, caller: &Caller) -> Result<()> {
    if let Credential::Token { scopes, .. } = caller.credential() {
        if rule.password_only {
            return Err(Error::unauthenticated("auth required"));
        }
        let lacks = rule.scopes.iter().any(|(category, verb)| match verb {
            Verb::Read => !scopes.may_read(*category),
            Verb::Write => !scopes.may_write(*category),
        });
        if lacks {
            let required: Vec<String> = rule
                .scopes
                .iter()
                .map(|(category, verb)| {
                    let verb = if *verb == Verb::Read { "read" } else { "write" };
                    format!("{verb}:{}", category.as_str())
                })
                .collect();
            return Err(Error::forbidden(format!(
                "token does not have at least one of required scope(s), required=[{}], token scope={scopes}",
                required.join(" ")
            )));
        }
    }
    if let Some(user) = caller.user() {
        // With sudo the administrator signed in, not the account acted for.
        if user.must_change_password && caller.sudo_doer().is_none() && !rule.before_password_change {
            return Err(Error::forbidden("You must change your password."));
        }
    }
    let needs_account = match rule.need {
        Need::Anyone | Need::SeeUser | Need::Repository { .. } => false,
        Need::SignedIn | Need::SiteAdmin | Need::Own | Need::OwnOrSiteAdmin => true,
    };
    if needs_account && caller.is_anonymous() {
        return Err(token_required());
    }
    // Before anything is looked up, so that nobody else learns from the answer which accounts exist.
    if rule.need == Need::SiteAdmin { site_admin(caller) } else { Ok(()) }
}

/// The decision about one thing, on plain facts.
pub(super) fn decide(rule: &Rule, caller: &Caller, facts: &Facts) -> Result<()> {
    let scopes = caller.scopes();
    let is_public_only = scopes.is_some_and(|scopes| scopes.is_public_only());
    match (rule.need, facts) {
        (Need::Anyone, Facts::Instance) => Ok(()),
        (Need::SignedIn, Facts::Instance) => match caller.principal() {
            Principal::User(_) => Ok(()),
            Principal::Anonymous | Principal::DeployKey(_) | Principal::Console | Principal::System => {
                Err(token_required())
            }
        },
        (Need::SiteAdmin, Facts::Instance) => site_admin(caller),
        (need, Facts::User { is_self, is_visible, is_public }) => {
            if !is_visible {
                return Err(hidden(caller));
            }
            if is_public_only && !is_public {
                return Err(Error::forbidden("token scope is limited to public users"));
            }
            let is_console = matches!(caller.principal(), Principal::Console | Principal::System);
            match need {
                Need::SeeUser => Ok(()),
                Need::Own if *is_self || is_console => Ok(()),
                Need::OwnOrSiteAdmin if *is_self || caller.is_site_admin() => Ok(()),
                Need::Own => Err(Error::forbidden("only the account itself may do this")),
                Need::OwnOrSiteAdmin => {
                    Err(Error::forbidden("doer should be the site admin or be same as the contextUser"))
                }
                Need::SiteAdmin => site_admin(caller),
                Need::Anyone | Need::SignedIn | Need::Repository { .. } => Err(mismatch(rule)),
            }
        }
        (
            Need::Repository { level: least, signed_in, is_frozen_by_archive },
            Facts::Repository { level, is_public, is_archived },
        ) => {
            if *level < AccessLevel::Read {
                return Err(hidden(caller));
            }
            if signed_in && caller.is_anonymous() {
                return Err(token_required());
            }
            if is_public_only && !is_public {
                return Err(Error::forbidden("token scope is limited to public repos"));
            }
            if *level < least {
                return Err(Error::forbidden(match least {
                    AccessLevel::Owner => "user should be the owner of the repo",
                    AccessLevel::Admin => "user should be an owner or a collaborator with admin write of a repository",
                    AccessLevel::Write => "user should have a permission to write to a repo",
                    AccessLevel::Read | AccessLevel::None => "user should have a permission to read the repo",
                }));
            }
            if is_frozen_by_archive && *is_archived {
                return Err(Error::new(Kind::Locked, "repository is archived"));
            }
            Ok(())
        }
        (_, Facts::Instance | Facts::Repository { .. }) => Err(mismatch(rule)),
    }
}

/// The caller's level in a repository, from current rows.
pub fn level_of(
    conn: &dyn Connection,
    caller: &Caller,
    repository: &Repository,
) -> std::result::Result<AccessLevel, sql::Error> {
    let granted = match caller.user_id() {
        Some(user) if user != repository.owner_id && !caller.is_site_admin() => {
            db::collaborators::level(conn, repository.id, user)?
        }
        _ => None,
    };
    Ok(level_from(caller, repository, granted))
}

/// The ladder on plain data: ownership, site administration, grant, then what the public may see.
pub fn level_from(caller: &Caller, repository: &Repository, granted: Option<AccessLevel>) -> AccessLevel {
    match caller.principal() {
        Principal::Console | Principal::System => AccessLevel::Owner,
        Principal::User(user) => climb(Some(user), repository, granted),
        Principal::Anonymous => climb(None, repository, granted),
        // Not even what the public may read: a key that leaks opens one door.
        Principal::DeployKey(key) if key.owner != KeyOwner::Repository(repository.id) => AccessLevel::None,
        Principal::DeployKey(key) if key.is_read_only => AccessLevel::Read,
        Principal::DeployKey(_) => AccessLevel::Write,
    }
}

/// The level of any account, whoever asks.
pub fn level_of_user(
    conn: &dyn Connection,
    user: &User,
    repository: &Repository,
) -> std::result::Result<AccessLevel, sql::Error> {
    Ok(climb(Some(user), repository, db::collaborators::level(conn, repository.id, user.id)?))
}

fn climb(user: Option<&User>, repository: &Repository, granted: Option<AccessLevel>) -> AccessLevel {
    if user.is_some_and(|user| user.is_admin || user.id == repository.owner_id) {
        return AccessLevel::Owner;
    }
    let sees_public = !repository.is_private
        && !user.is_some_and(|user| user.is_restricted)
        && match repository.owner_visibility {
            Visibility::Public => true,
            Visibility::Limited => user.is_some(),
            Visibility::Private => false,
        };
    let public = if sees_public { AccessLevel::Read } else { AccessLevel::None };
    granted.unwrap_or(AccessLevel::None).max(public)
}

fn site_admin(caller: &Caller) -> Result<()> {
    if caller.is_site_admin() { Ok(()) } else { Err(Error::forbidden("user should be the site admin")) }
}

fn hidden(caller: &Caller) -> Error {
    let error = Error::not_found();
    if caller.is_anonymous() { error.with_challenge() } else { error }
}

fn token_required() -> Error {
    Error::unauthenticated("token is required")
}

fn mismatch(rule: &Rule) -> Error {
    Error::broken(format!("rule {} does not fit its resource", rule.name))
}

#[cfg(test)]
mod tests;
