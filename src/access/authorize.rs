//! The one gate: caller, action and resource in, permit or refusal out.
//!
//! Owns the decision, as a plain function over plain facts; what the caller's rights are is read in [`super::rights`]. Any error on the way
//! is a refusal. Called by handlers, by `forge` and again by [`super::Permit::confirm`] inside commit transactions.

use atomicqms_actors::sql::Connection;

use super::action::{Need, OnMirror, Rule, Stand, Verb};
use super::rights::sees_team;
use super::{Action, Caller, Credential, Permit, Principal, RepositoryAccess, RepositoryRights};
use crate::error::{Error, Kind, Result};
use crate::model::{AccessLevel, Standing, UnitSet, Visibility};

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
        /// It is an organization.
        is_organization: bool,
    },
    /// An organization.
    Organization {
        /// What the caller is in it.
        standing: Standing,
        /// The caller may know that it exists.
        is_visible: bool,
        /// Everybody may know that it exists.
        is_public: bool,
    },
    /// A team.
    Team {
        /// What the caller is in its organization.
        standing: Standing,
        /// The caller is in it.
        is_in_team: bool,
        /// Who may see it.
        visibility: Visibility,
        /// The caller may know that its organization exists.
        is_organization_visible: bool,
        /// Everybody may know that.
        is_public: bool,
    },
    /// An offered repository.
    Transfer {
        /// It is offered to the caller.
        is_recipient: bool,
        /// The caller's rights in the repository.
        rights: RepositoryRights,
        /// Everybody may read it.
        is_public: bool,
    },
    /// A repository.
    Repository {
        /// The caller's rights.
        rights: RepositoryRights,
        /// Units that are switched off.
        disabled_units: UnitSet,
        /// Everybody may read it.
        is_public: bool,
        /// It is read-only.
        is_archived: bool,
        /// It follows a repository of another server.
        is_mirror: bool,
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
    if caller.only_repositories().is_some() && !rule.with_limited_token {
        return Err(Error::forbidden("token is limited to some repositories"));
    }
    if let Some(user) = caller.user() {
        // With sudo the administrator signed in, not the account acted for.
        if user.must_change_password && caller.sudo_doer().is_none() && !rule.before_password_change {
            return Err(Error::forbidden("You must change your password."));
        }
    }
    let needs_account = match rule.need {
        Need::Anyone | Need::SeeUser | Need::Repository { .. } | Need::Organization(Stand::Sees) => false,
        Need::Organization(_) | Need::Team(_) | Need::Recipient | Need::RecipientOrOwner => true,
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
    let is_public_only = caller.is_public_only();
    match (rule.need, facts) {
        (Need::Anyone, Facts::Instance) => Ok(()),
        (Need::SignedIn, Facts::Instance) => match caller.principal() {
            Principal::User(_) => Ok(()),
            Principal::Anonymous | Principal::DeployKey(_) | Principal::Console | Principal::System => {
                Err(token_required())
            }
        },
        (Need::SiteAdmin, Facts::Instance) => site_admin(caller),
        (need, Facts::User { is_self, is_visible, is_public, is_organization }) => {
            if !is_visible || (*is_organization && !rule.takes_organizations) {
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
                Need::Anyone
                | Need::SignedIn
                | Need::Repository { .. }
                | Need::Organization(_)
                | Need::Team(_)
                | Need::Recipient
                | Need::RecipientOrOwner => Err(mismatch(rule)),
            }
        }
        (Need::Organization(stand), Facts::Organization { standing, is_visible, is_public }) => {
            if !is_visible {
                return Err(hidden(caller));
            }
            if is_public_only && !is_public {
                return Err(Error::forbidden("token scope is limited to public orgs"));
            }
            decide_standing(stand, *standing)
        }
        (Need::Team(stand), Facts::Team { standing, is_in_team, visibility, is_organization_visible, is_public }) => {
            if !sees_team(*standing, *is_in_team, *visibility, *is_organization_visible) {
                return Err(if standing.is_member {
                    Error::forbidden("Must be a team member")
                } else {
                    hidden(caller)
                });
            }
            if is_public_only && !is_public {
                return Err(Error::forbidden("token scope is limited to public orgs"));
            }
            decide_standing(stand, *standing)
        }
        (need @ (Need::Recipient | Need::RecipientOrOwner), Facts::Transfer { is_recipient, rights, is_public }) => {
            if !is_recipient && rights.level < AccessLevel::Read {
                return Err(hidden(caller));
            }
            if is_public_only && !is_public {
                return Err(Error::forbidden("token scope is limited to public repos"));
            }
            if *is_recipient || (need == Need::RecipientOrOwner && rights.level == AccessLevel::Owner) {
                return Ok(());
            }
            Err(Error::forbidden("only the new owner may answer this transfer"))
        }
        (
            Need::Repository { unit, level: least, signed_in, is_frozen_by_archive },
            Facts::Repository { rights, disabled_units, is_public, is_archived, is_mirror },
        ) => {
            if rights.level < AccessLevel::Read || unit.is_some_and(|unit| disabled_units.contains(unit)) {
                return Err(hidden(caller));
            }
            // Who administers a repository does so as a whole; below that each unit counts for itself.
            let level = match unit {
                Some(unit) if least < AccessLevel::Admin => rights.units.of(unit),
                _ => rights.level,
            };
            if signed_in && caller.is_anonymous() {
                return Err(token_required());
            }
            if is_public_only && !is_public {
                return Err(Error::forbidden("token scope is limited to public repos"));
            }
            if level < least {
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
            match rule.mirror {
                OnMirror::Refused if *is_mirror => Err(Error::forbidden("mirror repository is read-only")),
                OnMirror::Only if !is_mirror => Err(Error::new(Kind::Malformed, "Repository is not a mirror")),
                OnMirror::Allowed | OnMirror::Refused | OnMirror::Only => Ok(()),
            }
        }
        (
            _,
            Facts::Instance
            | Facts::Repository { .. }
            | Facts::Organization { .. }
            | Facts::Team { .. }
            | Facts::Transfer { .. },
        ) => Err(mismatch(rule)),
    }
}

/// The decision about an organization that the caller may see.
fn decide_standing(stand: Stand, standing: Standing) -> Result<()> {
    match stand {
        Stand::Sees | Stand::Account => Ok(()),
        Stand::Member if standing.is_member => Ok(()),
        Stand::Member => Err(Error::forbidden("Must be an organization member")),
        Stand::Maker if standing.can_create_repository => Ok(()),
        Stand::Maker => Err(Error::forbidden("Given user is not allowed to create repository in organization.")),
        Stand::Owner if standing.is_owner => Ok(()),
        Stand::Owner => Err(Error::forbidden("Must be an organization owner")),
    }
}

fn site_admin(caller: &Caller) -> Result<()> {
    if caller.is_site_admin() { Ok(()) } else { Err(Error::forbidden("user should be the site admin")) }
}

fn hidden(caller: &Caller) -> Error {
    let error = Error::not_found();
    if caller.is_anonymous() { error.with_challenge() } else { error }
}

pub(super) fn token_required() -> Error {
    Error::unauthenticated("token is required")
}

fn mismatch(rule: &Rule) -> Error {
    Error::broken(format!("rule {} does not fit its resource", rule.name))
}

#[cfg(test)]
mod tests;
