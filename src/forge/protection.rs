//! Rules that protect branches and tags: made, changed, removed, looked up.
//!
//! Owns who may be named and how many rules there may be. What they forbid is judged in `forge/pushes`, inside the transaction of every
//! change of a ref. Called by the API.

pub mod branches;
pub mod rules;
pub mod tags;

use std::sync::Arc;

use atomicqms_actors::sql::Connection;
use moka::sync::Cache;

use self::rules::{BranchRules, TagRules};
use super::Forge;
use crate::access::Caller;
use crate::access::rights::{may_see, sees_team, standing_of};
use crate::access::rights_cache::UNKNOWN;
use crate::db;
use crate::error::{Error, Result};
use crate::model::{RepoId, Repository, TeamId, UserId, UserName};

/// Most rules of branches, and of tags, in one repository: every push may ask all of them.
pub const MAX_RULES: usize = 100;
/// Most users on one list.
const MAX_USERS: usize = 500;

/// The rules of a repository as they were at some moment.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Of its branches.
    pub branches: Arc<BranchRules>,
    /// Of its tags.
    pub tags: Arc<TagRules>,
}

/// Rules that were read lately, good as long as no right anywhere has changed.
pub(super) struct Remembered(Cache<RepoId, (i64, Rules)>);

impl Remembered {
    /// Nothing is known yet. `entries`: most repositories.
    pub(super) fn new(entries: u64) -> Self {
        Self(Cache::new(entries))
    }
}

/// The rules of a repository: before a push they say what to find out, inside its transaction they are read again.
///
/// Errors: those of the reader pool; `Internal` for a stored pattern that cannot be read.
pub async fn rules_of(forge: &Forge, repo: RepoId) -> Result<Rules> {
    // Before the rows are read: what is learned must not be taken for newer than it is.
    let version = forge.access.rights().version();
    if let Some((known, rules)) = forge.remembered_rules.0.get(&repo)
        && known == version
        && version != UNKNOWN
    {
        return Ok(rules);
    }
    let rules = forge.read("protection rules", move |conn| read(conn, repo)).await?;
    forge.remembered_rules.0.insert(repo, (version, rules.clone()));
    Ok(rules)
}

/// The same with the caller's teams, as far as the rules name any.
///
/// Errors: as [`rules_of`].
pub async fn rules_for(forge: &Forge, repo: RepoId, caller: &Caller) -> Result<(Rules, Vec<TeamId>)> {
    let (rules, user) = (rules_of(forge, repo).await?, caller.user_id());
    if !rules.branches.name_teams() && !rules.tags.name_teams() {
        return Ok((rules, Vec::new()));
    }
    let asked = rules.clone();
    let teams = forge.read("teams of rules", move |conn| teams_of(conn, &asked, user)).await?;
    Ok((rules, teams))
}

fn read(conn: &dyn Connection, repo: RepoId) -> Result<Rules> {
    let branches = BranchRules::new(db::protection::list_branch_rules(conn, repo)?).map_err(unreadable)?;
    let tags = TagRules::new(db::protection::list_tag_rules(conn, repo)?).map_err(unreadable)?;
    Ok(Rules { branches: Arc::new(branches), tags: Arc::new(tags) })
}

/// A stored rule that cannot be read is our fault, and nothing passes it.
pub(super) fn unreadable(error: Error) -> Error {
    Error::broken(format!("a stored protection rule cannot be read: {error}"))
}

/// Finds the accounts of a list.
///
/// Errors: `Invalid` for one that does not exist or that the caller may not see, for an organization, and for a list that is too long.
fn find_users(tx: &dyn Connection, caller: &Caller, logins: &[String]) -> Result<Vec<UserId>> {
    if logins.len() > MAX_USERS {
        return Err(Error::invalid("usernames", format!("a list may name {MAX_USERS} users")));
    }
    logins
        .iter()
        .map(|login| {
            let missing = || Error::invalid("usernames", format!("user does not exist [name: {login}]"));
            let name = UserName::parse(login).map_err(|_| missing())?;
            let found = db::users::find_by_name(tx, &name)?.filter(|user| !user.is_organization);
            Ok(found.filter(|user| may_see(caller, user, false)).ok_or_else(missing)?.id)
        })
        .collect()
}

/// The teams of an account, read only where rules name teams at all.
///
/// Errors: those of the connection.
pub fn teams_of(conn: &dyn Connection, rules: &Rules, user: Option<UserId>) -> Result<Vec<TeamId>> {
    match user {
        Some(user) if rules.branches.name_teams() || rules.tags.name_teams() => {
            Ok(db::teams::ids_of_member(conn, user)?)
        }
        _ => Ok(Vec::new()),
    }
}

/// Finds the teams of a list, all of the organization that owns the repository.
///
/// Errors: `Invalid` for one that does not exist or that the caller may not see, where no organization owns the repository, and for a list
/// that is too long.
fn find_teams(tx: &dyn Connection, caller: &Caller, repository: &Repository, names: &[String]) -> Result<Vec<TeamId>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if names.len() > MAX_USERS {
        return Err(Error::invalid("teams", format!("a list may name {MAX_USERS} teams")));
    }
    let owner = db::organizations::find(tx, repository.owner_id)?;
    let Some(organization) = owner else {
        return Err(Error::invalid("teams", "only repositories of organizations have teams"));
    };
    let standing = standing_of(tx, caller, &organization)?;
    let is_visible = may_see(caller, &organization.user, standing.is_member);
    let own = match caller.user_id() {
        Some(user) => db::teams::ids_of_member(tx, user)?,
        None => Vec::new(),
    };
    names
        .iter()
        .map(|name| {
            let missing = || Error::invalid("teams", format!("team does not exist [name: {name}]"));
            let team = db::teams::find_by_name(tx, organization.user.id, name.trim())?.ok_or_else(missing)?;
            if sees_team(standing, own.contains(&team.id), team.visibility, is_visible) {
                Ok(team.id)
            } else {
                Err(missing())
            }
        })
        .collect()
}
