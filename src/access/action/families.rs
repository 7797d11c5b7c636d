//! What actions are on: how the thing is loaded by its name, loaded again inside a transaction, and seen by the gate.

use atomicqms_actors::sql::{self, Connection};

use super::sealed::Family;
use super::{OrganizationAccess, RepoPath, RepositoryAccess, TeamAccess};
use crate::access::Caller;
use crate::access::authorize::Facts;
use crate::access::rights::{RepositoryRights, may_see, rights_in, standing_of, standing_of_user};
use crate::db;
use crate::model::{Organization, RepoId, Repository, TeamId, Transfer, User, UserId, UserName, Visibility};

/// Actions on the whole installation.
#[derive(Debug, Clone, Copy)]
pub struct OnInstance;

impl Family for OnInstance {
    type Resource = ();
    type Subject = ();

    fn find(_: &dyn Connection, _: &Caller, (): &()) -> Result<Option<()>, sql::Error> {
        Ok(Some(()))
    }

    fn reload(_: &dyn Connection, _: &Caller, (): &()) -> Result<Option<()>, sql::Error> {
        Ok(Some(()))
    }

    fn facts(_: &Caller, (): &()) -> Facts {
        Facts::Instance
    }
}

/// Actions on one account.
#[derive(Debug, Clone, Copy)]
pub struct OnUser;

impl Family for OnUser {
    type Resource = UserName;
    type Subject = User;

    fn find(conn: &dyn Connection, caller: &Caller, name: &UserName) -> Result<Option<User>, sql::Error> {
        only_if_seen(conn, caller, db::users::find_by_name(conn, name)?)
    }

    fn reload(conn: &dyn Connection, caller: &Caller, subject: &User) -> Result<Option<User>, sql::Error> {
        only_if_seen(conn, caller, db::users::find(conn, subject.id)?)
    }

    fn facts(caller: &Caller, user: &User) -> Facts {
        Facts::User {
            is_self: caller.user_id() == Some(user.id),
            // Members of a private organization see it, which only rows tell: what they do not was left out when it was loaded.
            is_visible: may_see(caller, user, user.is_organization),
            is_public: user.visibility == Visibility::Public,
            is_organization: user.is_organization,
        }
    }
}

/// Leaves out private organizations for whoever is no member.
fn only_if_seen(conn: &dyn Connection, caller: &Caller, user: Option<User>) -> Result<Option<User>, sql::Error> {
    let Some(user) = user else { return Ok(None) };
    let is_hidden = user.is_organization && !may_see(caller, &user, is_member(conn, caller, user.id)?);
    Ok((!is_hidden).then_some(user))
}

fn is_member(conn: &dyn Connection, caller: &Caller, org: UserId) -> Result<bool, sql::Error> {
    match caller.user_id() {
        Some(id) => Ok(db::organizations::membership(conn, org, id)?.is_some()),
        None => Ok(false),
    }
}

/// Actions on one organization.
#[derive(Debug, Clone, Copy)]
pub struct OnOrganization;

impl OnOrganization {
    fn access(
        conn: &dyn Connection,
        caller: &Caller,
        found: Option<Organization>,
    ) -> Result<Option<OrganizationAccess>, sql::Error> {
        let Some(organization) = found else { return Ok(None) };
        let standing = standing_of(conn, caller, &organization)?;
        Ok(Some(OrganizationAccess { organization, standing }))
    }
}

impl Family for OnOrganization {
    type Resource = UserName;
    type Subject = OrganizationAccess;

    fn find(conn: &dyn Connection, caller: &Caller, name: &UserName) -> Result<Option<OrganizationAccess>, sql::Error> {
        Self::access(conn, caller, db::organizations::find_by_name(conn, name)?)
    }

    fn reload(
        conn: &dyn Connection,
        caller: &Caller,
        subject: &OrganizationAccess,
    ) -> Result<Option<OrganizationAccess>, sql::Error> {
        Self::access(conn, caller, db::organizations::find(conn, subject.organization.user.id)?)
    }

    fn facts(caller: &Caller, subject: &OrganizationAccess) -> Facts {
        let user = &subject.organization.user;
        Facts::Organization {
            standing: subject.standing,
            is_visible: may_see(caller, user, subject.standing.is_member),
            is_public: user.visibility == Visibility::Public,
        }
    }
}

/// Actions on one team.
#[derive(Debug, Clone, Copy)]
pub struct OnTeam;

impl Family for OnTeam {
    type Resource = TeamId;
    type Subject = TeamAccess;

    fn find(conn: &dyn Connection, caller: &Caller, id: &TeamId) -> Result<Option<TeamAccess>, sql::Error> {
        let Some(team) = db::teams::find(conn, *id)? else { return Ok(None) };
        let Some(organization) = db::organizations::find(conn, team.org_id)? else { return Ok(None) };
        let standing = standing_of(conn, caller, &organization)?;
        let is_in_team = match caller.user_id() {
            Some(user) => db::teams::is_member(conn, team.id, user)?,
            None => false,
        };
        Ok(Some(TeamAccess { team, organization, standing, is_in_team }))
    }

    fn reload(conn: &dyn Connection, caller: &Caller, subject: &TeamAccess) -> Result<Option<TeamAccess>, sql::Error> {
        Self::find(conn, caller, &subject.team.id)
    }

    fn facts(caller: &Caller, subject: &TeamAccess) -> Facts {
        let org = &subject.organization.user;
        Facts::Team {
            standing: subject.standing,
            is_in_team: subject.is_in_team,
            visibility: subject.team.visibility,
            // A team is never better known than its organization.
            is_organization_visible: may_see(caller, org, subject.standing.is_member),
            is_public: org.visibility == Visibility::Public,
        }
    }
}

/// Actions on one repository.
#[derive(Debug, Clone, Copy)]
pub struct OnRepository;

impl Family for OnRepository {
    type Resource = RepoPath;
    type Subject = RepositoryAccess;

    fn find(conn: &dyn Connection, caller: &Caller, path: &RepoPath) -> Result<Option<RepositoryAccess>, sql::Error> {
        let Some((repository, is_redirected)) = db::repositories::find_by_path(conn, &path.owner, &path.name)? else {
            return Ok(None);
        };
        let rights = rights_in(conn, caller, &repository)?;
        Ok(Some(RepositoryAccess { repository, rights, is_redirected }))
    }

    fn reload(
        conn: &dyn Connection,
        caller: &Caller,
        subject: &RepositoryAccess,
    ) -> Result<Option<RepositoryAccess>, sql::Error> {
        let Some(repository) = db::repositories::find(conn, subject.repository.id)? else { return Ok(None) };
        let rights = rights_in(conn, caller, &repository)?;
        Ok(Some(RepositoryAccess { repository, rights, is_redirected: subject.is_redirected }))
    }

    fn facts(_: &Caller, subject: &RepositoryAccess) -> Facts {
        Facts::Repository {
            rights: subject.rights,
            disabled_units: subject.repository.disabled_units,
            is_public: subject.repository.is_public(),
            is_archived: subject.repository.is_archived,
            is_mirror: subject.repository.is_mirror,
        }
    }
}

/// An offered repository and what the caller is to the offer.
#[derive(Debug, Clone)]
pub struct TransferAccess {
    /// The repository.
    pub repository: Repository,
    /// The offer.
    pub transfer: Transfer,
    /// What the caller may do in the repository as it is now.
    pub rights: RepositoryRights,
    /// The repository is offered to the caller, or to an organization the caller may make repositories in.
    pub is_recipient: bool,
}

/// Actions on the open offer of a repository.
#[derive(Debug, Clone, Copy)]
pub struct OnTransfer;

impl OnTransfer {
    fn access(
        conn: &dyn Connection,
        caller: &Caller,
        repository: Repository,
    ) -> Result<Option<TransferAccess>, sql::Error> {
        let Some(transfer) = db::transfers::find(conn, repository.id)? else { return Ok(None) };
        let rights = rights_in(conn, caller, &repository)?;
        let recipient = &transfer.recipient;
        let is_recipient = caller.is_site_admin()
            || match caller.user_id() {
                Some(user) if recipient.is_organization => {
                    standing_of_user(conn, user, recipient.id)?.can_create_repository
                }
                id => id == Some(recipient.id),
            };
        Ok(Some(TransferAccess { repository, transfer, rights, is_recipient }))
    }
}

impl Family for OnTransfer {
    type Resource = RepoPath;
    type Subject = TransferAccess;

    fn find(conn: &dyn Connection, caller: &Caller, path: &RepoPath) -> Result<Option<TransferAccess>, sql::Error> {
        match db::repositories::find_by_path(conn, &path.owner, &path.name)? {
            Some((repository, _)) => Self::access(conn, caller, repository),
            None => Ok(None),
        }
    }

    fn reload(
        conn: &dyn Connection,
        caller: &Caller,
        subject: &TransferAccess,
    ) -> Result<Option<TransferAccess>, sql::Error> {
        // Another offer of the same repository is not the one that was looked at.
        let again = match db::repositories::find(conn, subject.repository.id)? {
            Some(repository) => Self::access(conn, caller, repository)?,
            None => None,
        };
        Ok(again.filter(|again| again.transfer == subject.transfer))
    }

    fn facts(_: &Caller, subject: &TransferAccess) -> Facts {
        Facts::Transfer {
            is_recipient: subject.is_recipient,
            rights: subject.rights,
            is_public: subject.repository.is_public(),
        }
    }
}

/// Actions on one repository named by its id.
#[derive(Debug, Clone, Copy)]
pub struct OnRepositoryId;

impl Family for OnRepositoryId {
    type Resource = RepoId;
    type Subject = RepositoryAccess;

    fn find(conn: &dyn Connection, caller: &Caller, id: &RepoId) -> Result<Option<RepositoryAccess>, sql::Error> {
        let Some(repository) = db::repositories::find(conn, *id)? else { return Ok(None) };
        let rights = rights_in(conn, caller, &repository)?;
        Ok(Some(RepositoryAccess { repository, rights, is_redirected: false }))
    }

    fn reload(
        conn: &dyn Connection,
        caller: &Caller,
        subject: &RepositoryAccess,
    ) -> Result<Option<RepositoryAccess>, sql::Error> {
        OnRepository::reload(conn, caller, subject)
    }

    fn facts(caller: &Caller, subject: &RepositoryAccess) -> Facts {
        OnRepository::facts(caller, subject)
    }
}
