//! Checks of the bodies about organizations and teams, in Gitea's words; see [`super::validate`].

use super::json::{CreateOrgOption, EditOrgOption, TeamOption};
use super::validate::{at_most, broken, one_of, required, visibility};
use crate::error::{Error, Result};
use crate::model::{
    AccessLevel, Email, NewOrganization, OrganizationPatch, TeamPatch, TeamSettings, Unit, UnitLevels, UserName,
    Visibility,
};

/// Longest printed name. Units: characters.
const FULL_NAME_MAX: usize = 100;
/// Longest free text and link. Units: characters.
const TEXT_MAX: usize = 255;
/// Longest place. Units: characters.
const LOCATION_MAX: usize = 50;
/// Longest name of a team. Units: characters.
const TEAM_NAME_MAX: usize = 255;

/// Reads `CreateOrgOption`.
pub fn new_organization(option: CreateOrgOption) -> Result<NewOrganization> {
    required("UserName", &option.username)?;
    texts(&option.full_name, &option.description, &option.website, &option.location)?;
    let email = option.email.trim();
    Ok(NewOrganization {
        name: UserName::new(option.username.trim())?,
        email: if email.is_empty() { None } else { Some(Email::new(email)?) },
        visibility: match option.visibility.as_str() {
            "" => Visibility::Public,
            given => visibility("Visibility", given)?,
        },
        full_name: option.full_name,
        description: option.description,
        website: option.website,
        location: option.location,
        repo_admin_changes_team_access: option.repo_admin_change_team_access,
    })
}

/// Reads `EditOrgOption`.
pub fn organization_patch(option: EditOrgOption) -> Result<OrganizationPatch> {
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    texts(&text(&option.full_name), &text(&option.description), &text(&option.website), &text(&option.location))?;
    let email = match option.email.as_deref().map(str::trim) {
        None => None,
        Some("") => Some(None),
        Some(email) => Some(Some(Email::new(email)?)),
    };
    let shown = option.visibility.as_deref().filter(|name| !name.is_empty());
    Ok(OrganizationPatch {
        email,
        visibility: shown.map(|name| visibility("Visibility", name)).transpose()?,
        full_name: option.full_name,
        description: option.description,
        website: option.website,
        location: option.location,
        repo_admin_changes_team_access: option.repo_admin_change_team_access,
    })
}

fn texts(full_name: &str, description: &str, website: &str, location: &str) -> Result<()> {
    at_most("FullName", full_name, FULL_NAME_MAX)?;
    at_most("Description", description, TEXT_MAX)?;
    at_most("Website", website, TEXT_MAX)?;
    at_most("Location", location, LOCATION_MAX)
}

/// Reads `CreateTeamOption`: a team below administrators must say what it gives.
pub fn new_team(option: TeamOption) -> Result<TeamSettings> {
    let patch = team_patch(option)?;
    let level = patch.level.unwrap_or(AccessLevel::None);
    if level < AccessLevel::Admin && patch.units.is_none() {
        return Err(Error::invalid("units", "units permission should not be empty"));
    }
    Ok(TeamSettings {
        name: patch.name.ok_or_else(|| broken("Name", "Required"))?,
        description: patch.description.unwrap_or_default(),
        level,
        visibility: patch.visibility.unwrap_or(Visibility::Private),
        includes_all_repositories: patch.includes_all_repositories.unwrap_or(false),
        can_create_repository: patch.can_create_repository.unwrap_or(false),
        units: patch.units.unwrap_or_default(),
    })
}

/// Reads `EditTeamOption`.
pub fn team_patch(option: TeamOption) -> Result<TeamPatch> {
    at_most("Name", &option.name, TEAM_NAME_MAX)?;
    at_most("Description", option.description.as_deref().unwrap_or_default(), TEXT_MAX)?;
    let level = match option.permission.as_str() {
        "" => None,
        given => Some(level("Permission", given)?),
    };
    let shown = option.visibility.as_deref().filter(|name| !name.is_empty());
    Ok(TeamPatch {
        name: Some(option.name).filter(|name| !name.is_empty()),
        description: option.description,
        level,
        visibility: shown.map(|name| visibility("Visibility", name)).transpose()?,
        includes_all_repositories: option.includes_all_repositories,
        can_create_repository: option.can_create_org_repo,
        units: units(level, option.units.as_deref(), option.units_map.as_ref())?,
    })
}

fn level(field: &'static str, name: &str) -> Result<AccessLevel> {
    match AccessLevel::parse(name) {
        Some(level) if level < AccessLevel::Owner => Ok(level),
        _ => Err(one_of(field, AccessLevel::ALL.map(AccessLevel::as_str).into_iter().filter(|name| *name != "owner"))),
    }
}

/// A level for each unit: as the map says, or the team's own in the units of the list.
fn units(
    own: Option<AccessLevel>,
    list: Option<&[String]>,
    map: Option<&std::collections::BTreeMap<String, String>>,
) -> Result<Option<UnitLevels>> {
    let unit = |name: &str| {
        Unit::parse(name).ok_or_else(|| Error::invalid("units", format!("[Units]: there is no unit {name}")))
    };
    let mut levels = UnitLevels::default();
    if let Some(map) = map.filter(|map| !map.is_empty()) {
        for (name, given) in map {
            let unit = unit(name)?;
            levels.set(unit, level("UnitsMap", given)?.min(unit.most()));
        }
        return Ok(Some(levels));
    }
    let Some(list) = list.filter(|list| !list.is_empty()) else { return Ok(None) };
    for name in list {
        let unit = unit(name)?;
        levels.set(unit, own.unwrap_or(AccessLevel::Read).min(unit.most()));
    }
    Ok(Some(levels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(permission: &str, units: &[&str], map: &[(&str, &str)]) -> TeamOption {
        TeamOption {
            name: "readers".to_owned(),
            permission: permission.to_owned(),
            units: Some(units.iter().map(|unit| (*unit).to_owned()).collect()),
            units_map: Some(map.iter().map(|(unit, level)| ((*unit).to_owned(), (*level).to_owned())).collect()),
            ..TeamOption::default()
        }
    }

    #[test]
    fn a_map_wins_over_a_list_and_what_is_elsewhere_is_only_read() {
        let given =
            new_team(team("write", &["repo.code"], &[("repo.issues", "admin"), ("repo.ext_wiki", "write")])).unwrap();
        assert_eq!(given.units.of(Unit::Issues), AccessLevel::Admin);
        assert_eq!(given.units.of(Unit::ExternalWiki), AccessLevel::Read);
        assert_eq!(given.units.of(Unit::Code), AccessLevel::None);
        let listed = new_team(team("write", &["repo.code"], &[])).unwrap();
        assert_eq!((listed.level, listed.units.of(Unit::Code)), (AccessLevel::Write, AccessLevel::Write));
    }

    #[test]
    fn what_gives_nothing_or_nonsense_is_refused() {
        let table = [
            (team("read", &[], &[]), "units permission should not be empty"),
            (team("owner", &["repo.code"], &[]), "[Permission]: In: none, read, write, admin"),
            (team("root", &["repo.code"], &[]), "[Permission]: In: none, read, write, admin"),
            (team("read", &["repo.cod"], &[]), "[Units]: there is no unit repo.cod"),
            (team("read", &[], &[("repo.code", "owner")]), "[UnitsMap]: In: none, read, write, admin"),
            (TeamOption { name: String::new(), ..team("read", &["repo.code"], &[]) }, "[Name]: Required"),
        ];
        for (option, expected) in table {
            assert_eq!(new_team(option).unwrap_err().public(), expected);
        }
        assert!(new_team(team("admin", &[], &[])).is_ok());
    }

    #[test]
    fn an_address_can_be_taken_away_and_kept() {
        let patch = |email: Option<&str>| {
            organization_patch(EditOrgOption { email: email.map(str::to_owned), ..EditOrgOption::default() })
                .unwrap()
                .email
        };
        assert_eq!(patch(None), None);
        assert_eq!(patch(Some("")), Some(None));
        assert!(matches!(patch(Some("qa@example.org")), Some(Some(_))));
    }
}
