//! What an account may do in a repository or in an organization, from rows and as plain data.
//!
//! Owns the sum of ownership, grants, teams and what the public may see. Refuses to decide about an action: that is [`super::authorize()`].

use atomicqms_actors::sql::{Connection, Error};

use super::{Caller, Principal};
use crate::db;
use crate::model::{
    AccessLevel, KeyOwner, Organization, Repository, Standing, Unit, UnitLevels, User, UserId, Visibility,
};

/// What somebody may do in one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepositoryRights {
    /// `Owner` and `Admin` hold for the repository as a whole; below that the highest level in any unit.
    pub level: AccessLevel,
    /// Unit by unit; units that are switched off give nothing to anybody.
    pub units: UnitLevels,
}

impl RepositoryRights {
    /// Nothing.
    pub fn none() -> Self {
        Self { level: AccessLevel::None, units: UnitLevels::default() }
    }

    /// The same level in the repository and each of its units.
    fn everywhere(level: AccessLevel) -> Self {
        let mut units = UnitLevels::default();
        for unit in Unit::ALL {
            units.raise(unit, level.min(unit.most()));
        }
        Self { level, units }
    }

    /// Adds what is given elsewhere.
    fn and(mut self, other: &Self) -> Self {
        for (unit, level) in other.units.iter() {
            self.units.raise(unit, level);
        }
        self.level = self.level.max(other.level);
        self
    }

    /// Takes away what is switched off.
    fn without_disabled(mut self, repository: &Repository) -> Self {
        for unit in repository.disabled_units.iter() {
            self.units.set(unit, AccessLevel::None);
        }
        self
    }
}

/// What rows say of one account and one repository.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grants {
    /// Given to the account as a collaborator.
    pub collaborator: Option<AccessLevel>,
    /// Given through teams that hold everywhere.
    pub team_level: Option<AccessLevel>,
    /// Given through teams unit by unit.
    pub team_units: UnitLevels,
    /// The account belongs to the organization that owns the repository.
    pub is_member: bool,
}

impl Grants {
    fn read(conn: &dyn Connection, user: UserId, repository: &Repository) -> Result<Self, Error> {
        let collaborator = db::collaborators::level(conn, repository.id, user)?;
        if !repository.is_owner_organization {
            return Ok(Self { collaborator, ..Self::default() });
        }
        let is_member = db::organizations::membership(conn, repository.owner_id, user)?.is_some();
        let (team_level, team_units) = match is_member {
            true => db::teams::levels_in(conn, user, repository)?,
            false => (AccessLevel::None, UnitLevels::default()),
        };
        Ok(Self { collaborator, team_level: Some(team_level), team_units, is_member })
    }
}

/// The caller's rights in a repository, from current rows.
pub fn rights_in(conn: &dyn Connection, caller: &Caller, repository: &Repository) -> Result<RepositoryRights, Error> {
    let grants = match caller.user_id() {
        Some(user) if user != repository.owner_id && !caller.is_site_admin() => Grants::read(conn, user, repository)?,
        _ => Grants::default(),
    };
    Ok(rights_from(caller, repository, &grants))
}

/// The rights of any account, whoever asks.
pub fn rights_of_user(conn: &dyn Connection, user: &User, repository: &Repository) -> Result<RepositoryRights, Error> {
    Ok(sum(Some(user), repository, &Grants::read(conn, user.id, repository)?).without_disabled(repository))
}

/// The same on plain data: ownership, site administration, grants, then what the public may see.
pub fn rights_from(caller: &Caller, repository: &Repository, grants: &Grants) -> RepositoryRights {
    if !caller.reaches(repository.id) {
        return RepositoryRights::none();
    }
    let rights = match caller.principal() {
        Principal::Console | Principal::System => RepositoryRights::everywhere(AccessLevel::Owner),
        Principal::User(user) => sum(Some(user), repository, grants),
        Principal::Anonymous => sum(None, repository, grants),
        // Not even what the public may read: a key that leaks opens one door.
        Principal::DeployKey(key) if key.owner != KeyOwner::Repository(repository.id) => RepositoryRights::none(),
        Principal::DeployKey(key) => {
            let level = if key.is_read_only { AccessLevel::Read } else { AccessLevel::Write };
            let mut units = UnitLevels::default();
            units.set(Unit::Code, level);
            RepositoryRights { level, units }
        }
    };
    rights.without_disabled(repository)
}

fn sum(user: Option<&User>, repository: &Repository, grants: &Grants) -> RepositoryRights {
    if user.is_some_and(|user| user.is_admin || user.id == repository.owner_id) {
        return RepositoryRights::everywhere(AccessLevel::Owner);
    }
    let sees_public = !repository.is_private
        && !user.is_some_and(|user| user.is_restricted)
        && match repository.owner_visibility {
            Visibility::Public => true,
            Visibility::Limited => user.is_some(),
            Visibility::Private => grants.is_member,
        };
    let public = if sees_public { AccessLevel::Read } else { AccessLevel::None };
    let level = [grants.collaborator, grants.team_level].into_iter().flatten().fold(public, AccessLevel::max);
    let by_unit =
        RepositoryRights { level: grants.team_units.highest().min(AccessLevel::Write), units: grants.team_units };
    RepositoryRights::everywhere(level).and(&by_unit)
}

/// What the caller is in an organization, from current rows.
pub fn standing_of(conn: &dyn Connection, caller: &Caller, organization: &Organization) -> Result<Standing, Error> {
    if caller.is_site_admin() {
        return Ok(Standing::EVERYTHING);
    }
    match caller.user_id() {
        Some(user) => standing_of_user(conn, user, organization.user.id),
        None => Ok(Standing::default()),
    }
}

/// What any account is in an organization by its teams, whoever asks.
pub fn standing_of_user(conn: &dyn Connection, user: UserId, org: UserId) -> Result<Standing, Error> {
    Ok(Standing::of_teams(&db::teams::list_of_member(conn, org, user)?))
}

/// Whether the caller may know that an account or organization exists.
pub fn may_see(caller: &Caller, user: &User, is_member: bool) -> bool {
    caller.user_id() == Some(user.id)
        || caller.is_site_admin()
        || match user.visibility {
            Visibility::Public => true,
            Visibility::Limited => !caller.is_anonymous(),
            Visibility::Private => is_member,
        }
}

/// Whether somebody sees a team of an organization.
pub fn sees_team(standing: Standing, is_in_team: bool, visibility: Visibility, is_organization_visible: bool) -> bool {
    is_in_team
        || standing.is_owner
        || match visibility {
            Visibility::Public => is_organization_visible,
            Visibility::Limited => standing.is_member,
            Visibility::Private => false,
        }
}

#[cfg(test)]
mod tests;
