//! Rules of tags.

use atomicqms_actors::sql::Connection;
use serde_json::{Value, json};

use super::rules::tag_pattern;
use super::{MAX_RULES, find_teams, find_users};
use crate::access::Permit;
use crate::access::action::{EditProtection, ReadProtection};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::forge::{Forge, check_text};
use crate::model::{RepoId, RuleId, TagRule, TeamId, UserId};

/// Longest pattern. Units: characters.
const PATTERN_MAX: usize = 255;

/// What a request says about a rule; what it does not name stays.
#[derive(Debug, Clone, Default)]
pub struct TagRulePatch {
    /// A glob, or a regular expression between slashes.
    pub pattern: Option<String>,
    /// Login names.
    pub users: Option<Vec<String>>,
    /// Names of teams.
    pub teams: Option<Vec<String>>,
}

/// Lists rules, oldest first.
pub async fn list_rules(forge: &Forge, permit: &Permit<ReadProtection>) -> Result<Vec<TagRule>> {
    let repo = permit.subject().repository.id;
    forge.read("list tag rules", move |conn| Ok(db::protection::list_tag_rules(conn, repo)?)).await
}

/// Finds a rule by its id.
///
/// Errors: `NotFound`.
pub async fn find_rule(forge: &Forge, permit: &Permit<ReadProtection>, id: RuleId) -> Result<TagRule> {
    let repo = permit.subject().repository.id;
    forge.read("find tag rule", move |conn| find(conn, repo, id)).await
}

/// Makes a rule.
///
/// Errors: `Invalid` for a pattern that cannot be one or an unknown user; `Forbidden` (as Gitea has it) when there is one of this pattern.
pub async fn create_rule(forge: &Forge, permit: Permit<EditProtection>, patch: TagRulePatch) -> Result<TagRule> {
    let pattern = patch.pattern.clone().unwrap_or_default().trim().to_owned();
    check_pattern(&pattern)?;
    let at = forge.clock.now();
    forge
        .write("create tag rule", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let rules = db::protection::list_tag_rules(tx, repository.id)?;
            if rules.iter().any(|rule| rule.pattern == pattern) {
                return Err(Error::forbidden("Tag protection already exist"));
            }
            if rules.len() >= MAX_RULES {
                return Err(Error::invalid("name_pattern", format!("a repository may have {MAX_RULES} tag rules")));
            }
            let users = find_users(tx, permit.caller(), patch.users.as_deref().unwrap_or_default())?;
            let teams = find_teams(tx, permit.caller(), &repository, patch.teams.as_deref().unwrap_or_default())?;
            let id = db::protection::insert_tag_rule(tx, repository.id, &pattern, &users, &teams, at)?;
            let rule = find(tx, repository.id, id)?;
            let event = event(&permit, action::TAG_PROTECTION_CREATE, id).after(described(&rule));
            audit::append(tx, at, &event)?;
            Ok(rule)
        })
        .await
}

/// Changes a rule.
///
/// Errors: `NotFound`; as [`create_rule`].
pub async fn edit_rule(
    forge: &Forge,
    permit: Permit<EditProtection>,
    id: RuleId,
    patch: TagRulePatch,
) -> Result<TagRule> {
    let at = forge.clock.now();
    forge
        .write("edit tag rule", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let before = find(tx, repository.id, id)?;
            let pattern = patch.pattern.as_deref().map_or(before.pattern.as_str(), str::trim).to_owned();
            check_pattern(&pattern)?;
            let rules = db::protection::list_tag_rules(tx, repository.id)?;
            if rules.iter().any(|rule| rule.pattern == pattern && rule.id != id) {
                return Err(Error::forbidden("Tag protection already exist"));
            }
            let users: Vec<UserId> = match &patch.users {
                Some(logins) => find_users(tx, permit.caller(), logins)?,
                None => before.users.iter().map(|(user, _)| *user).collect(),
            };
            let teams: Vec<TeamId> = match &patch.teams {
                Some(names) => find_teams(tx, permit.caller(), &repository, names)?,
                None => before.teams.iter().map(|(team, _)| *team).collect(),
            };
            db::protection::update_tag_rule(tx, id, &pattern, &users, &teams, at)?;
            let after = find(tx, repository.id, id)?;
            let event = event(&permit, action::TAG_PROTECTION_EDIT, id);
            audit::append(tx, at, &event.before(described(&before)).after(described(&after)))?;
            Ok(after)
        })
        .await
}

/// Removes a rule.
///
/// Errors: `NotFound`.
pub async fn delete_rule(forge: &Forge, permit: Permit<EditProtection>, id: RuleId) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("delete tag rule", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let before = find(tx, repository.id, id)?;
            db::protection::delete_tag_rule(tx, id)?;
            let event = event(&permit, action::TAG_PROTECTION_DELETE, id).before(described(&before));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

fn check_pattern(pattern: &str) -> Result<()> {
    if pattern.is_empty() {
        return Err(Error::invalid("name_pattern", "name_pattern are empty"));
    }
    check_text("name_pattern", pattern, PATTERN_MAX)?;
    tag_pattern(pattern).map(drop)
}

fn find(conn: &dyn Connection, repo: RepoId, id: RuleId) -> Result<TagRule> {
    let rules = db::protection::list_tag_rules(conn, repo)?;
    rules.into_iter().find(|rule| rule.id == id).ok_or_else(Error::not_found)
}

fn event(permit: &Permit<EditProtection>, what: &'static str, id: RuleId) -> Event {
    let repo = permit.subject().repository.id;
    Event::new(permit.caller().stamp(), what, Object::in_repository("tag_protection", repo, id))
}

fn described(rule: &TagRule) -> Value {
    let users: Vec<UserId> = rule.users.iter().map(|(user, _)| *user).collect();
    let teams: Vec<TeamId> = rule.teams.iter().map(|(team, _)| *team).collect();
    json!({ "name_pattern": rule.pattern, "user_ids": users, "team_ids": teams })
}
