//! Organizations and teams: plain data, and what a team's settings give.
//!
//! Owns what a team gives in a repository. Who is in which team is the database's; what a caller may do is decided in `access`.

use super::{AccessLevel, Email, TeamId, Unit, UnitLevels, User, UserId, UserName, UtcMs, Visibility};

/// Name of the team that every organization has and whose members own it.
pub const OWNERS: &str = "Owners";

/// One organization: an account that nobody signs in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The account; `user.is_organization` holds.
    pub user: User,
    /// Administrators of a repository may give teams access to it.
    pub repo_admin_changes_team_access: bool,
}

/// What makes a new organization.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// Name, already checked by [`UserName::new`].
    pub name: UserName,
    /// Printed name.
    pub full_name: String,
    /// Address; none: it has none.
    pub email: Option<Email>,
    /// Text.
    pub description: String,
    /// Link.
    pub website: String,
    /// Place.
    pub location: String,
    /// Who may see it; a private one is seen by its members.
    pub visibility: Visibility,
    /// See [`Organization::repo_admin_changes_team_access`].
    pub repo_admin_changes_team_access: bool,
}

/// Changes to an organization; `None` keeps a field.
#[derive(Debug, Clone, Default)]
pub struct OrganizationPatch {
    /// New printed name.
    pub full_name: Option<String>,
    /// New address; the inner none takes it away.
    pub email: Option<Option<Email>>,
    /// New text.
    pub description: Option<String>,
    /// New link.
    pub website: Option<String>,
    /// New place.
    pub location: Option<String>,
    /// New visibility.
    pub visibility: Option<Visibility>,
    /// See [`Organization::repo_admin_changes_team_access`].
    pub repo_admin_changes_team_access: Option<bool>,
}

/// What an account is in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Is in one of its teams.
    pub is_member: bool,
    /// Is in the team of owners.
    pub is_owner: bool,
    /// Is in a team whose level is administrator, or owner.
    pub is_admin: bool,
    /// Is in a team that may make repositories, or owner.
    pub can_create_repository: bool,
    /// Is in a team that may write somewhere, or owner.
    pub can_write: bool,
}

impl Standing {
    /// Everything: for site administrators.
    pub const EVERYTHING: Self =
        Self { is_member: true, is_owner: true, is_admin: true, can_create_repository: true, can_write: true };

    /// What several teams make of their member.
    pub fn of_teams<'a>(teams: impl IntoIterator<Item = &'a Team>) -> Self {
        teams.into_iter().fold(Self::default(), |standing, team| Self {
            is_member: true,
            is_owner: standing.is_owner || team.is_owners(),
            is_admin: standing.is_admin || team.level >= AccessLevel::Admin,
            can_create_repository: standing.can_create_repository || team.is_owners() || team.can_create_repository,
            can_write: standing.can_write || team.levels().highest() >= AccessLevel::Write,
        })
    }
}

/// One team of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Row id.
    pub id: TeamId,
    /// Its organization.
    pub org_id: UserId,
    /// Name, unique in the organization without regard to case.
    pub name: String,
    /// Text.
    pub description: String,
    /// `Owner` for the team of owners; `Admin` holds for every unit; less than that is given unit by unit.
    pub level: AccessLevel,
    /// Who may see it: members of the organization, or only its own and the owners.
    pub visibility: Visibility,
    /// Holds for every repository of the organization.
    pub includes_all_repositories: bool,
    /// Its members may make repositories in the organization.
    pub can_create_repository: bool,
    /// What was given unit by unit; see [`Self::levels`] for what follows.
    pub units: UnitLevels,
    /// When it was made.
    pub created_ms: UtcMs,
}

impl Team {
    /// Whether it is the team of owners.
    pub fn is_owners(&self) -> bool {
        self.level == AccessLevel::Owner
    }

    /// What it gives in its repositories.
    pub fn levels(&self) -> UnitLevels {
        let mut levels = self.units;
        if self.level >= AccessLevel::Admin {
            for unit in Unit::ALL {
                levels.raise(unit, self.level.min(unit.most()));
            }
        }
        levels
    }
}

/// What makes a new team, or replaces the settings of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamSettings {
    /// Name.
    pub name: String,
    /// Text.
    pub description: String,
    /// See [`Team::level`].
    pub level: AccessLevel,
    /// See [`Team::visibility`].
    pub visibility: Visibility,
    /// See [`Team::includes_all_repositories`].
    pub includes_all_repositories: bool,
    /// See [`Team::can_create_repository`].
    pub can_create_repository: bool,
    /// See [`Team::units`].
    pub units: UnitLevels,
}

impl TeamSettings {
    /// The team of owners.
    pub fn owners() -> Self {
        Self {
            name: OWNERS.to_owned(),
            description: String::new(),
            level: AccessLevel::Owner,
            visibility: Visibility::Private,
            includes_all_repositories: true,
            can_create_repository: true,
            units: UnitLevels::default(),
        }
    }

    /// The settings a team has.
    pub fn of(team: &Team) -> Self {
        Self {
            name: team.name.clone(),
            description: team.description.clone(),
            level: team.level,
            visibility: team.visibility,
            includes_all_repositories: team.includes_all_repositories,
            can_create_repository: team.can_create_repository,
            units: team.units,
        }
    }
}

/// Changes to a team; `None` keeps a field.
#[derive(Debug, Clone, Default)]
pub struct TeamPatch {
    /// New name.
    pub name: Option<String>,
    /// New text.
    pub description: Option<String>,
    /// New level.
    pub level: Option<AccessLevel>,
    /// New visibility.
    pub visibility: Option<Visibility>,
    /// New reach.
    pub includes_all_repositories: Option<bool>,
    /// May make repositories or not.
    pub can_create_repository: Option<bool>,
    /// New levels of all units.
    pub units: Option<UnitLevels>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(level: AccessLevel, units: UnitLevels) -> Team {
        Team {
            id: TeamId::new(1),
            org_id: UserId::new(2),
            name: "t".to_owned(),
            description: String::new(),
            level,
            visibility: Visibility::Private,
            includes_all_repositories: false,
            can_create_repository: false,
            units,
            created_ms: UtcMs::new(0),
        }
    }

    #[test]
    fn administrators_hold_every_unit_and_others_what_was_given() {
        let mut given = UnitLevels::default();
        given.set(Unit::Issues, AccessLevel::Write);
        let writers = team(AccessLevel::Write, given).levels();
        assert_eq!((writers.of(Unit::Issues), writers.of(Unit::Code)), (AccessLevel::Write, AccessLevel::None));
        let admins = team(AccessLevel::Admin, given).levels();
        assert_eq!((admins.of(Unit::Code), admins.of(Unit::ExternalWiki)), (AccessLevel::Admin, AccessLevel::Read));
    }

    #[test]
    fn standing_is_the_sum_of_the_teams() {
        let mut given = UnitLevels::default();
        given.set(Unit::Code, AccessLevel::Read);
        let readers = team(AccessLevel::Read, given);
        let makers = Team { can_create_repository: true, ..readers.clone() };
        assert_eq!(Standing::of_teams([]), Standing::default());
        let both = Standing::of_teams([&readers, &makers]);
        assert_eq!(both, Standing { is_member: true, can_create_repository: true, ..Standing::default() });
        assert_eq!(Standing::of_teams([&team(AccessLevel::Owner, given)]), Standing::EVERYTHING);
        assert!(!Standing::of_teams([&team(AccessLevel::Admin, given)]).is_owner);
    }
}
