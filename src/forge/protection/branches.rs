//! Rules of branches.

use std::collections::BTreeMap;

use atomicqms_actors::sql::Connection;
use serde_json::{Value, json};

use super::rules::ReadyRule;
use super::{MAX_RULES, find_teams, find_users};
use crate::access::action::{EditProtection, ReadProtection};
use crate::access::{Caller, Permit};
use crate::audit::{self, Event, Object, action};
use crate::db;
use crate::error::{Error, Result};
use crate::forge::{Forge, check_text};
use crate::model::protection::{FlagsPatch, Named};
use crate::model::{BranchRule, Glob, RepoId, Repository, RuleId, RuleSettings, TeamId, UserId, WhiteList};

/// Longest name of a rule, and of a status check. Units: characters.
const NAME_MAX: usize = 255;
/// Longest text of file patterns. Units: characters.
const PATTERNS_MAX: usize = 4096;
/// Most status checks of a rule.
const MAX_CONTEXTS: usize = 100;

/// What a request says about a rule; what it does not name stays.
#[derive(Debug, Clone, Default)]
pub struct BranchRulePatch {
    /// Place among the rules.
    pub priority: Option<i64>,
    /// Switches.
    pub flags: FlagsPatch,
    /// Approvals a merge needs.
    pub required_approvals: Option<i64>,
    /// Status checks that must pass.
    pub status_check_contexts: Option<Vec<String>>,
    /// Globs with semicolons.
    pub protected_file_patterns: Option<String>,
    /// Globs with semicolons.
    pub unprotected_file_patterns: Option<String>,
    /// Login names, a list each.
    pub users: BTreeMap<WhiteList, Vec<String>>,
    /// Names of teams, a list each.
    pub teams: BTreeMap<WhiteList, Vec<String>>,
}

/// Lists rules in order of priority.
pub async fn list_rules(forge: &Forge, permit: &Permit<ReadProtection>) -> Result<Vec<BranchRule>> {
    let repo = permit.subject().repository.id;
    forge.read("list branch rules", move |conn| Ok(db::protection::list_branch_rules(conn, repo)?)).await
}

/// Finds a rule by its name.
///
/// Errors: `NotFound`.
pub async fn find_rule(forge: &Forge, permit: &Permit<ReadProtection>, name: &str) -> Result<BranchRule> {
    let (repo, name) = (permit.subject().repository.id, name.to_owned());
    forge.read("find branch rule", move |conn| find(conn, repo, &name)).await
}

/// Makes a rule.
///
/// Errors: `Invalid` for a field that breaks a rule, `Forbidden` (as Gitea has it) when there is one of this name.
pub async fn create_rule(
    forge: &Forge,
    permit: Permit<EditProtection>,
    name: String,
    patch: BranchRulePatch,
) -> Result<BranchRule> {
    check_text("rule_name", &name, NAME_MAX)?;
    if Glob::is_plain(&name) {
        atomicqms_git::RefName::new(&format!("refs/heads/{name}"))
            .map_err(|error| Error::invalid("rule_name", format!("[RuleName]: {error}")))?;
    }
    let at = forge.clock.now();
    forge
        .write("create branch rule", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let rules = db::protection::list_branch_rules(tx, repository.id)?;
            // Names match in any letter case: of two that differ in nothing else one would never hold.
            if rules.iter().any(|rule| rule.name.to_lowercase() == name.to_lowercase()) {
                return Err(Error::forbidden("Branch protection already exist"));
            }
            if rules.len() >= MAX_RULES {
                return Err(Error::invalid("rule_name", format!("a repository may have {MAX_RULES} branch rules")));
            }
            let last = rules.iter().map(|rule| rule.settings.priority).max().unwrap_or(0);
            let mut settings = RuleSettings::default();
            apply(&mut settings, &patch);
            if settings.priority == 0 {
                settings.priority = last.saturating_add(1);
            }
            let named = named_by(tx, permit.caller(), &repository, &patch, None)?;
            let id = db::protection::insert_branch_rule(tx, repository.id, &name, &settings, &named, at)?;
            let rule = check(find(tx, repository.id, &name)?)?;
            let event = event(&permit, action::BRANCH_PROTECTION_CREATE, id).after(described(&rule));
            audit::append(tx, at, &event)?;
            Ok(rule)
        })
        .await
}

/// Changes a rule.
///
/// Errors: `NotFound`; `Invalid` for a field that breaks a rule.
pub async fn edit_rule(
    forge: &Forge,
    permit: Permit<EditProtection>,
    name: String,
    patch: BranchRulePatch,
) -> Result<BranchRule> {
    let at = forge.clock.now();
    forge
        .write("edit branch rule", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let before = find(tx, repository.id, &name)?;
            let mut settings = before.settings.clone();
            apply(&mut settings, &patch);
            let named = named_by(tx, permit.caller(), &repository, &patch, Some(&before))?;
            db::protection::update_branch_rule(tx, before.id, &settings, &named, at)?;
            let after = check(find(tx, repository.id, &name)?)?;
            let event = event(&permit, action::BRANCH_PROTECTION_EDIT, before.id);
            audit::append(tx, at, &event.before(described(&before)).after(described(&after)))?;
            Ok(after)
        })
        .await
}

/// Removes a rule.
///
/// Errors: `NotFound`.
pub async fn delete_rule(forge: &Forge, permit: Permit<EditProtection>, name: String) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("delete branch rule", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let before = find(tx, repository.id, &name)?;
            db::protection::delete_branch_rule(tx, before.id)?;
            let event = event(&permit, action::BRANCH_PROTECTION_DELETE, before.id).before(described(&before));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

/// Gives rules the order in which their ids are named; rules that are not named keep their places.
///
/// Errors: `NotFound` for an id of no rule of this repository.
pub async fn order_rules(forge: &Forge, permit: Permit<EditProtection>, ids: Vec<RuleId>) -> Result<()> {
    let at = forge.clock.now();
    forge
        .write("order branch rules", move |tx| {
            let repository = permit.confirm(tx, at)?.repository;
            let rules = db::protection::list_branch_rules(tx, repository.id)?;
            if ids.len() > rules.len() || ids.iter().any(|id| rules.iter().all(|rule| rule.id != *id)) {
                return Err(Error::not_found());
            }
            for (place, id) in (1..).zip(&ids) {
                db::protection::set_priority(tx, *id, place, at)?;
            }
            let object = Object::in_repository("branch_protection", repository.id, repository.id);
            let before: Vec<_> = rules.iter().map(|rule| json!([rule.id, rule.settings.priority])).collect();
            let event = Event::new(permit.caller().stamp(), action::BRANCH_PROTECTION_EDIT, object)
                .before(json!({ "priorities": before }))
                .after(json!({ "order": ids }));
            audit::append(tx, at, &event)?;
            Ok(())
        })
        .await
}

fn find(conn: &dyn Connection, repo: RepoId, name: &str) -> Result<BranchRule> {
    let rules = db::protection::list_branch_rules(conn, repo)?;
    rules.into_iter().find(|rule| rule.name == name).ok_or_else(Error::not_found)
}

/// Refuses what could not be enforced: patterns that cannot be read, texts that are too long.
fn check(rule: BranchRule) -> Result<BranchRule> {
    let settings = &rule.settings;
    check_text("protected_file_patterns", &settings.protected_file_patterns, PATTERNS_MAX)?;
    check_text("unprotected_file_patterns", &settings.unprotected_file_patterns, PATTERNS_MAX)?;
    if settings.status_check_contexts.len() > MAX_CONTEXTS {
        return Err(Error::invalid("status_check_contexts", format!("a rule may name {MAX_CONTEXTS} checks")));
    }
    for context in &settings.status_check_contexts {
        check_text("status_check_contexts", context, NAME_MAX)?;
    }
    ReadyRule::new(rule).map(|ready| ready.rule)
}

/// Sets what a patch names; a switch that means nothing without another one goes off with it, as in Gitea.
fn apply(settings: &mut RuleSettings, patch: &BranchRulePatch) {
    settings.flags.apply(&patch.flags);
    let flags = &mut settings.flags;
    flags.enable_push_whitelist &= flags.enable_push;
    flags.push_whitelist_deploy_keys &= flags.enable_push_whitelist;
    flags.enable_force_push &= flags.enable_push;
    flags.enable_force_push_allowlist &= flags.enable_force_push;
    flags.force_push_allowlist_deploy_keys &= flags.enable_force_push_allowlist;
    settings.priority = patch.priority.unwrap_or(settings.priority);
    settings.required_approvals = patch.required_approvals.unwrap_or(settings.required_approvals).max(0);
    if let Some(contexts) = &patch.status_check_contexts {
        settings.status_check_contexts.clone_from(contexts);
    }
    if let Some(patterns) = &patch.protected_file_patterns {
        settings.protected_file_patterns.clone_from(patterns);
    }
    if let Some(patterns) = &patch.unprotected_file_patterns {
        settings.unprotected_file_patterns.clone_from(patterns);
    }
}

/// Everybody on the lists afterwards.
fn named_by(
    tx: &dyn Connection,
    caller: &Caller,
    repository: &Repository,
    patch: &BranchRulePatch,
    before: Option<&BranchRule>,
) -> Result<Named> {
    let mut named = Named::default();
    for list in WhiteList::ALL {
        match (patch.users.get(&list), before) {
            (Some(logins), _) => {
                named.users.extend(find_users(tx, caller, logins)?.into_iter().map(|user| (list, user)));
            }
            (None, Some(before)) => {
                let kept = before.users.iter().filter(|(on, _, _)| *on == list);
                named.users.extend(kept.map(|(_, user, _)| (list, *user)));
            }
            (None, None) => {}
        }
        match (patch.teams.get(&list), before) {
            (Some(names), _) => {
                named.teams.extend(find_teams(tx, caller, repository, names)?.into_iter().map(|team| (list, team)));
            }
            (None, Some(before)) => {
                let kept = before.teams.iter().filter(|(on, _, _)| *on == list);
                named.teams.extend(kept.map(|(_, team, _)| (list, *team)));
            }
            (None, None) => {}
        }
    }
    Ok(named)
}

fn event(permit: &Permit<EditProtection>, what: &'static str, id: RuleId) -> Event {
    let repo = permit.subject().repository.id;
    Event::new(permit.caller().stamp(), what, Object::in_repository("branch_protection", repo, id))
}

/// What an event says about a rule: everything.
fn described(rule: &BranchRule) -> Value {
    let mut users = BTreeMap::<&str, Vec<UserId>>::new();
    let mut teams = BTreeMap::<&str, Vec<TeamId>>::new();
    for list in WhiteList::ALL {
        let on = rule.users.iter().filter(|(on, _, _)| *on == list).map(|(_, id, _)| *id);
        users.insert(list.as_str(), on.collect());
        let on = rule.teams.iter().filter(|(on, _, _)| *on == list).map(|(_, id, _)| *id);
        teams.insert(list.as_str(), on.collect());
    }
    json!({ "rule_name": rule.name, "settings": rule.settings, "user_ids": users, "team_ids": teams })
}
