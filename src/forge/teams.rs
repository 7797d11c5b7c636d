//! Teams: made, changed, deleted, listed; their members and their repositories.
//!
//! Owns what follows from each: members of a team belong to its organization, the team of owners keeps its rights and is never empty, and who
//! may change a team's access to a repository. Called by the API.

use atomicqms_actors::sql::Connection;
use serde_json::{Value, json};

use super::blocks::check_may_act;
use super::organizations::{LAST_OWNER, join, leave_if_in_no_team, not_there};
use super::{Forge, check_text, invitations};
use crate::access::action::{
    CreateTeam, DeleteTeam, EditRepositoryTeams, EditTeam, EditTeamMembers, ListOwnTeams, ListRepositoryTeams,
    ListTeams, ReadTeam, UseTeam,
};
use crate::access::rights::{may_see, sees_team, standing_of};
use crate::access::{Caller, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::db::teams::{TeamQuery, TeamViewer};
use crate::error::{Error, Result};
use crate::model::organization::OWNERS;
use crate::model::{
    AccessLevel, Organization, Page, Paged, Repository, Standing, Team, TeamId, TeamPatch, TeamSettings, User, UserId,
    UserName,
};

/// Longest name of a team. Units: characters.
const NAME_MAX: usize = 255;

/// Makes a team.
///
/// Errors: `Invalid` for a name that is taken or a field that breaks a rule.
pub async fn create_team(forge: &Forge, permit: Permit<CreateTeam>, new: TeamSettings) -> Result<(Organization, Team)> {
    check(&new)?;
    if new.level == AccessLevel::Owner {
        return Err(Error::invalid("permission", "there is one team of owners, and it is there"));
    }
    let at = forge.clock.now();
    forge
        .write("create team", move |tx| {
            let organization = permit.confirm(tx, at)?.organization;
            let org = organization.user.id;
            check_name_is_free(tx, org, &new.name, None)?;
            let id = db::teams::insert(tx, org, &new, at)?;
            let event =
                Event::new(permit.caller().stamp(), action::TEAM_CREATE, object(id)).after(state(&organization, &new));
            audit::append(tx, at, &event)?;
            Ok((organization, db::teams::find(tx, id)?.ok_or_else(Error::not_found)?))
        })
        .await
}

/// Changes a team's settings; nothing to change writes nothing. The team of owners keeps its name and rights.
///
/// Errors: `Invalid` for a name that is taken or a field that breaks a rule.
pub async fn edit_team(forge: &Forge, permit: Permit<EditTeam>, patch: TeamPatch) -> Result<(Organization, Team)> {
    let at = forge.clock.now();
    forge
        .write("edit team", move |tx| {
            let access = permit.confirm(tx, at)?;
            let (organization, team) = (access.organization, access.team);
            let before = TeamSettings::of(&team);
            let after = apply(&team, &patch)?;
            if after == before {
                return Ok((organization, team));
            }
            check(&after)?;
            check_name_is_free(tx, team.org_id, &after.name, Some(team.id))?;
            db::teams::update(tx, team.id, &after, at)?;
            let event = Event::new(permit.caller().stamp(), action::TEAM_EDIT, object(team.id))
                .before(state(&organization, &before))
                .after(state(&organization, &after));
            audit::append(tx, at, &event)?;
            Ok((organization, db::teams::find(tx, team.id)?.ok_or_else(Error::not_found)?))
        })
        .await
}

fn apply(team: &Team, patch: &TeamPatch) -> Result<TeamSettings> {
    let mut after = TeamSettings::of(team);
    if let Some(description) = &patch.description {
        after.description.clone_from(description);
    }
    after.visibility = patch.visibility.unwrap_or(after.visibility);
    if team.is_owners() {
        // As in Gitea: what is asked of the owners' rights is ignored, another name is not.
        return match &patch.name {
            Some(name) if !name.eq_ignore_ascii_case(&team.name) => {
                Err(Error::invalid("name", "the team of owners keeps its name"))
            }
            _ => Ok(after),
        };
    }
    if let Some(name) = &patch.name {
        after.name.clone_from(name);
    }
    after.includes_all_repositories = patch.includes_all_repositories.unwrap_or(after.includes_all_repositories);
    after.can_create_repository = patch.can_create_repository.unwrap_or(after.can_create_repository);
    after.level = patch.level.unwrap_or(after.level);
    after.units = patch.units.unwrap_or(after.units);
    if after.level == AccessLevel::Owner {
        return Err(Error::invalid("permission", "there is one team of owners, and it is there"));
    }
    Ok(after)
}

/// Deletes a team; whoever was in no other leaves the organization.
///
/// Errors: `Forbidden` for the team of owners.
pub async fn delete_team(forge: &Forge, permit: Permit<DeleteTeam>) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("delete team", move |tx| {
            let access = permit.confirm(tx, at)?;
            let team = access.team;
            if team.is_owners() {
                return Err(Error::forbidden("the team of owners stays"));
            }
            let members = every_member(tx, team.id)?;
            db::teams::delete(tx, team.id)?;
            for member in &members {
                leave_if_in_no_team(tx, team.org_id, member.id)?;
            }
            let mut before = state(&access.organization, &TeamSettings::of(&team));
            before["members"] = members.iter().map(|member| member.name.as_str()).collect();
            let event = Event::new(permit.caller().stamp(), action::TEAM_DELETE, object(team.id)).before(before);
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

fn every_member(conn: &dyn Connection, team: TeamId) -> Result<Vec<User>> {
    let mut members = Vec::new();
    let mut page = Page { number: 1, limit: Page::MAX_LIMIT };
    loop {
        let Paged { rows, total_count } = db::teams::list_members(conn, team, None, page)?;
        members.extend(rows);
        if members.len() as u64 >= total_count {
            return Ok(members);
        }
        page.number += 1;
    }
}

/// Lists the teams of an organization that the caller may see.
pub async fn list_teams(
    forge: &Forge,
    permit: Permit<ListTeams>,
    text: String,
    in_description: bool,
    page: Page,
) -> Result<Paged<Team>> {
    let access = permit.subject();
    let viewer = (!access.standing.is_owner)
        .then(|| TeamViewer { id: permit.caller().user_id(), is_member: access.standing.is_member });
    let org = Some(access.organization.user.id);
    let query = TeamQuery { org, viewer, text, in_description, ..TeamQuery::default() };
    forge.read("list teams", move |conn| Ok(db::teams::list(conn, &query, page)?)).await
}

/// Lists the teams the caller is in, each with its organization.
pub async fn list_own_teams(
    forge: &Forge,
    permit: Permit<ListOwnTeams>,
    page: Page,
) -> Result<Paged<(Organization, Team)>> {
    let caller = permit.caller();
    let query = TeamQuery { member: caller.user_id(), in_public_only: caller.is_public_only(), ..TeamQuery::default() };
    forge
        .read("list own teams", move |conn| {
            let Paged { rows, total_count } = db::teams::list(conn, &query, page)?;
            let with_organization = |team: Team| -> Result<_> {
                let organization = db::organizations::find(conn, team.org_id)?.ok_or_else(Error::not_found)?;
                Ok((organization, team))
            };
            Ok(Paged { rows: rows.into_iter().map(with_organization).collect::<Result<_>>()?, total_count })
        })
        .await
}

/// Lists the members of a team by login name.
pub async fn list_team_members(forge: &Forge, permit: Permit<ReadTeam>, page: Page) -> Result<Paged<User>> {
    let team = permit.subject().team.id;
    // Members know each other; to others an account that hides stays hidden.
    let viewer = (!knows_members(&permit)).then(|| super::users::viewer_of(permit.caller()));
    forge.read("list team members", move |conn| Ok(db::teams::list_members(conn, team, viewer, page)?)).await
}

/// Whether members whose accounts hide are shown to the caller.
fn knows_members(permit: &Permit<ReadTeam>) -> bool {
    !permit.caller().is_public_only() && permit.subject().standing.is_member
}

/// Finds a member of a team; none: there is no such account, or it is not in the team.
pub async fn find_team_member(forge: &Forge, permit: Permit<ReadTeam>, name: &UserName) -> Result<Option<User>> {
    let (team, name) = (permit.subject().team.id, name.clone());
    forge
        .read("find team member", move |conn| {
            let found = db::users::find_by_name(conn, &name)?;
            let is_shown = |user: &User| knows_members(&permit) || may_see(permit.caller(), user, false);
            let Some(user) = found.filter(is_shown) else {
                return Ok(None);
            };
            Ok(db::teams::is_member(conn, team, user.id)?.then_some(user))
        })
        .await
}

/// Puts somebody into a team, and so into the organization.
///
/// Errors: `NotFound` when there is no such active account; `Forbidden` for one that the organization has blocked.
pub async fn put_team_member(forge: &Forge, permit: Permit<EditTeamMembers>, name: &UserName) -> Result<()> {
    let name = name.clone();
    let at = forge.clock.now();
    forge
        .write("put team member", move |tx| {
            let access = permit.confirm(tx, at)?;
            let user = db::users::find_by_name(tx, &name)?
                .filter(|user| user.is_active && !user.is_organization && may_see(permit.caller(), user, false))
                .ok_or_else(Error::not_found)?;
            check_may_act(tx, user.id, access.team.org_id)?;
            if !db::teams::put_member(tx, access.team.id, user.id, at)? {
                return Ok(());
            }
            join(tx, access.team.org_id, user.id, at)?;
            let event = Event::new(permit.caller().stamp(), action::TEAM_MEMBER_ADD, object(access.team.id))
                .after(member(&access.organization, &access.team, &user));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// Takes somebody out of a team; one who was not in it is no fault.
///
/// Errors: `NotFound` when there is no such account; `Forbidden` for the last owner.
pub async fn remove_team_member(forge: &Forge, permit: Permit<EditTeamMembers>, name: &UserName) -> Result<()> {
    let name = name.clone();
    let at = forge.clock.now();
    forge
        .write("remove team member", move |tx| {
            let access = permit.confirm(tx, at)?;
            let team = &access.team;
            let user = db::users::find_by_name(tx, &name)?.ok_or_else(Error::not_found)?;
            if !db::teams::is_member(tx, team.id, user.id)? {
                return not_there(permit.caller(), &user);
            }
            if team.is_owners() && db::teams::count_members(tx, team.id)? == 1 {
                return Err(Error::forbidden(LAST_OWNER));
            }
            db::teams::delete_member(tx, team.id, user.id)?;
            invitations::withdraw_all_to(tx, permit.caller(), team.org_id, user.id, at)?;
            leave_if_in_no_team(tx, team.org_id, user.id)?;
            let event = Event::new(permit.caller().stamp(), action::TEAM_MEMBER_REMOVE, object(team.id))
                .before(member(&access.organization, team, &user));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// Whether a team has access to a repository.
pub async fn has_repository(forge: &Forge, permit: Permit<ReadTeam>, repository: &Repository) -> Result<bool> {
    let (team, repository) = (permit.into_subject().team, repository.clone());
    forge
        .read("find team repository", move |conn| {
            Ok(team.org_id == repository.owner_id && db::teams::has_repository(conn, &team, repository.id)?)
        })
        .await
}

/// Lists the teams with access to a repository that the caller may see, by name.
///
/// Errors: `NotAllowed` where no organization owns it.
pub async fn list_repository_teams(
    forge: &Forge,
    permit: Permit<ListRepositoryTeams>,
) -> Result<(Organization, Vec<Team>)> {
    let (caller, access) = (permit.caller().clone(), permit.into_subject());
    forge
        .read("list repository teams", move |conn| {
            let organization = organization_of(conn, &access.repository)?;
            let standing = standing_of(conn, &caller, &organization)?;
            let administers = access.rights.level >= AccessLevel::Admin;
            let mut seen = Vec::new();
            for team in db::teams::list_of_repository(conn, &access.repository)? {
                if administers || is_shown(conn, &caller, standing, &organization.user, &team)? {
                    seen.push(team);
                }
            }
            Ok((organization, seen))
        })
        .await
}

fn is_shown(conn: &dyn Connection, caller: &Caller, standing: Standing, org: &User, team: &Team) -> Result<bool> {
    let is_in_team = match caller.user_id() {
        Some(user) => db::teams::is_member(conn, team.id, user)?,
        None => false,
    };
    Ok(sees_team(standing, is_in_team, team.visibility, may_see(caller, org, standing.is_member)))
}

/// Whose access is changed: a team that the caller may see, or one named in the organization of the repository.
pub enum Named {
    /// By id.
    Team(Box<Permit<UseTeam>>),
    /// By name.
    Name(String),
}

/// Gives a team access to a repository of its organization, or takes it.
///
/// Errors: `NotAllowed` where no organization owns the repository; `Forbidden` where the organization keeps this to its owners, or for the team
/// of owners; `NotFound` for a team of another organization; `Invalid` for an unknown name, and when there is nothing to change and
/// `is_strict`.
pub async fn set_team_access(
    forge: &Forge,
    permit: Permit<EditRepositoryTeams>,
    named: Named,
    has_access: bool,
    is_strict: bool,
) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("set team access", move |tx| {
            let access = permit.confirm(tx, at)?;
            let repository = access.repository;
            let organization = organization_of(tx, &repository)?;
            let standing = standing_of(tx, permit.caller(), &organization)?;
            if !standing.is_owner && !organization.repo_admin_changes_team_access {
                return Err(Error::forbidden("user is nor repo admin nor owner"));
            }
            let team = match &named {
                Named::Team(permit) => permit.confirm(tx, at)?.team,
                Named::Name(name) => db::teams::find_by_name(tx, repository.owner_id, name)?
                    .ok_or_else(|| Error::invalid("team", format!("team does not exist [name: {name}]")))?,
            };
            if team.org_id != repository.owner_id {
                return Err(Error::not_found());
            }
            let had_access = db::teams::has_repository(tx, &team, repository.id)?;
            if had_access == has_access {
                return match (is_strict, has_access) {
                    (false, _) => Ok(()),
                    (true, true) => Err(Error::invalid("team", format!("team '{}' is already added to repo", team.name))),
                    (true, false) => Err(Error::invalid("team", format!("team '{}' was not added to repo", team.name))),
                };
            }
            if team.includes_all_repositories {
                return Err(Error::invalid("team", format!("team '{}' has access to all repositories", team.name)));
            }
            if has_access {
                db::teams::put_repository(tx, team.id, repository.id, at)?;
            } else {
                db::teams::delete_repository(tx, team.id, repository.id)?;
            }
            let what = if has_access { action::REPOSITORY_TEAM_ADD } else { action::REPOSITORY_TEAM_REMOVE };
            let object = Object::in_repository("team", repository.id, team.id);
            let state = json!({ "organization": organization.user.name.as_str(), "team": team.name, "repository": repository.full_name() });
            let event = Event::new(permit.caller().stamp(), what, object);
            let event = if has_access { event.after(state) } else { event.before(state) };
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

fn organization_of(conn: &dyn Connection, repository: &Repository) -> Result<Organization> {
    db::organizations::find(conn, repository.owner_id)?
        .ok_or_else(|| Error::not_allowed("repo is not owned by an organization"))
}

fn check(settings: &TeamSettings) -> Result<()> {
    let name = settings.name.trim();
    if name.is_empty() || name != settings.name || name.chars().any(char::is_control) || name.contains('/') {
        return Err(Error::invalid(
            "name",
            "[Name]: a team's name has no blanks around it, no slash and no control characters",
        ));
    }
    check_text("name", name, NAME_MAX)?;
    check_text("description", &settings.description, 255)?;
    if name.eq_ignore_ascii_case(OWNERS) && settings.level != AccessLevel::Owner {
        return Err(Error::invalid("name", format!("name is reserved [name: {name}]")));
    }
    Ok(())
}

fn check_name_is_free(conn: &dyn Connection, org: UserId, name: &str, own: Option<TeamId>) -> Result<()> {
    match db::teams::find_by_name(conn, org, name)? {
        Some(other) if Some(other.id) != own => {
            Err(Error::invalid("name", format!("team already exists [org_id: {org}, name: {name}]")))
        }
        _ => Ok(()),
    }
}

fn state(organization: &Organization, settings: &TeamSettings) -> Value {
    let given = settings.units.iter().filter(|(_, level)| *level > AccessLevel::None);
    let units: serde_json::Map<String, Value> =
        given.map(|(unit, level)| (unit.as_str().to_owned(), level.as_str().into())).collect();
    json!({
        "organization": organization.user.name.as_str(),
        "name": settings.name,
        "description": settings.description,
        "level": settings.level.as_str(),
        "visibility": settings.visibility.as_str(),
        "includes_all_repositories": settings.includes_all_repositories,
        "can_create_repository": settings.can_create_repository,
        "units": units,
    })
}

fn member(organization: &Organization, team: &Team, user: &User) -> Value {
    json!({ "organization": organization.user.name.as_str(), "team": team.name, "login": user.name.as_str(), "user_id": user.id })
}

fn object(team: TeamId) -> Object {
    Object::new("team", team)
}

#[cfg(test)]
mod tests;
