//! Rows of rules that protect branches and tags, with the users and teams they name.

use std::collections::HashMap;
use std::sync::LazyLock;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row, Value};

use crate::model::protection::Named;
use crate::model::{
    BranchRule, Flags, RepoId, RuleId, RuleSettings, TagRule, TeamId, UserId, UserName, UtcMs, WhiteList,
};

/// Columns of a rule of branches besides its switches.
const SETTINGS: &str = "id, repo_id, rule_name, priority, required_approvals, status_check_contexts, \
                        protected_file_patterns, unprotected_file_patterns, created_ms, updated_ms";
const SETTINGS_COUNT: usize = 10;

/// The statement that every push runs, made once.
static LIST_BRANCH_RULES: LazyLock<String> = LazyLock::new(|| {
    let flags = Flags::NAMES.join(", ");
    format!("SELECT {SETTINGS}, {flags} FROM branch_protection WHERE repo_id = $1 ORDER BY priority, id")
});

fn read(row: &dyn Row) -> Result<BranchRule, Error> {
    let mut at = SETTINGS_COUNT;
    let flags = Flags::read(|| {
        at += 1;
        row.flag(at - 1)
    })?;
    let contexts = serde_json::from_str(&row.text(5)?).map_err(|error| Error::Database(Box::new(error)))?;
    Ok(BranchRule {
        id: RuleId::new(row.int(0)?),
        repo_id: RepoId::new(row.int(1)?),
        name: row.text(2)?,
        settings: RuleSettings {
            priority: row.int(3)?,
            flags,
            required_approvals: row.int(4)?,
            status_check_contexts: contexts,
            protected_file_patterns: row.text(6)?,
            unprotected_file_patterns: row.text(7)?,
        },
        users: Vec::new(),
        teams: Vec::new(),
        created_ms: UtcMs::new(row.int(8)?),
        updated_ms: UtcMs::new(row.int(9)?),
    })
}

fn read_name(row: &dyn Row, index: usize) -> Result<UserName, Error> {
    UserName::new(&row.text(index)?).map_err(|_| Error::Column { index, expected: "a login name" })
}

/// Lists the rules of a repository's branches in order of priority; their number is bounded where they are made.
pub fn list_branch_rules(conn: &dyn Connection, repo: RepoId) -> Result<Vec<BranchRule>, Error> {
    let mut rules = conn.all(&LIST_BRANCH_RULES, &params![repo], read)?;
    if rules.is_empty() {
        return Ok(rules);
    }
    let mut users: HashMap<i64, Vec<(WhiteList, UserId, UserName)>> = HashMap::new();
    let found = conn.all(
        "SELECT w.rule_id, w.list, u.id, u.login FROM branch_protection p \
         JOIN branch_protection_user w ON w.rule_id = p.id JOIN users u ON u.id = w.user_id \
         WHERE p.repo_id = $1 ORDER BY w.rule_id, w.list, u.login_key",
        &params![repo],
        |row| {
            let list = WhiteList::parse(&row.text(1)?).ok_or(Error::Column { index: 1, expected: "a list" })?;
            Ok((row.int(0)?, (list, UserId::new(row.int(2)?), read_name(row, 3)?)))
        },
    )?;
    for (rule, entry) in found {
        users.entry(rule).or_default().push(entry);
    }
    let mut teams: HashMap<i64, Vec<(WhiteList, TeamId, String)>> = HashMap::new();
    let found = conn.all(
        "SELECT w.rule_id, w.list, t.id, t.name FROM branch_protection p \
         JOIN branch_protection_team w ON w.rule_id = p.id JOIN team t ON t.id = w.team_id \
         WHERE p.repo_id = $1 ORDER BY w.rule_id, w.list, t.name_key",
        &params![repo],
        |row| {
            let list = WhiteList::parse(&row.text(1)?).ok_or(Error::Column { index: 1, expected: "a list" })?;
            Ok((row.int(0)?, (list, TeamId::new(row.int(2)?), row.text(3)?)))
        },
    )?;
    for (rule, entry) in found {
        teams.entry(rule).or_default().push(entry);
    }
    for rule in &mut rules {
        rule.users = users.remove(&rule.id.get()).unwrap_or_default();
        rule.teams = teams.remove(&rule.id.get()).unwrap_or_default();
    }
    Ok(rules)
}

/// Makes a rule, with whom it names.
pub fn insert_branch_rule(
    tx: &dyn Connection,
    repo: RepoId,
    name: &str,
    settings: &RuleSettings,
    named: &Named,
    at: UtcMs,
) -> Result<RuleId, Error> {
    let mut values = params![repo, name].to_vec();
    values.extend(settings_values(settings)?);
    values.extend(params![at, at].iter().cloned());
    let places: Vec<String> = (1..=values.len()).map(|number| format!("${number}")).collect();
    let sql = format!(
        "INSERT INTO branch_protection (repo_id, rule_name, {}, created_ms, updated_ms) VALUES ({}) RETURNING id",
        settings_columns().join(", "),
        places.join(", ")
    );
    let id = tx.first(&sql, &values, |row| row.int(0))?.map(RuleId::new);
    let id = id.ok_or(Error::Column { index: 0, expected: "a row" })?;
    insert_named(tx, id, named)?;
    Ok(id)
}

/// Writes a rule's settings and lists anew.
pub fn update_branch_rule(
    tx: &dyn Connection,
    id: RuleId,
    settings: &RuleSettings,
    named: &Named,
    at: UtcMs,
) -> Result<(), Error> {
    let mut values = settings_values(settings)?;
    values.extend(params![at, id].iter().cloned());
    let sets: Vec<String> =
        settings_columns().iter().enumerate().map(|(at, name)| format!("{name} = ${}", at + 1)).collect();
    let sql = format!(
        "UPDATE branch_protection SET {}, updated_ms = ${} WHERE id = ${}",
        sets.join(", "),
        values.len() - 1,
        values.len()
    );
    tx.execute(&sql, &values)?;
    tx.execute("DELETE FROM branch_protection_user WHERE rule_id = $1", &params![id])?;
    tx.execute("DELETE FROM branch_protection_team WHERE rule_id = $1", &params![id])?;
    insert_named(tx, id, named)
}

/// Gives a rule another place.
pub fn set_priority(tx: &dyn Connection, id: RuleId, priority: i64, at: UtcMs) -> Result<(), Error> {
    tx.execute(
        "UPDATE branch_protection SET priority = $1, updated_ms = $2 WHERE id = $3",
        &params![priority, at, id],
    )?;
    Ok(())
}

/// Removes a rule of branches.
pub fn delete_branch_rule(tx: &dyn Connection, id: RuleId) -> Result<(), Error> {
    tx.execute("DELETE FROM branch_protection WHERE id = $1", &params![id])?;
    Ok(())
}

fn settings_columns() -> Vec<&'static str> {
    let mut names = vec![
        "priority",
        "required_approvals",
        "status_check_contexts",
        "protected_file_patterns",
        "unprotected_file_patterns",
    ];
    names.extend(Flags::NAMES);
    names
}

fn settings_values(settings: &RuleSettings) -> Result<Vec<Value>, Error> {
    let contexts = serde_json::to_string(&settings.status_check_contexts);
    let mut values = vec![
        settings.priority.into(),
        settings.required_approvals.into(),
        contexts.map_err(|error| Error::Database(Box::new(error)))?.into(),
        settings.protected_file_patterns.as_str().into(),
        settings.unprotected_file_patterns.as_str().into(),
    ];
    values.extend(settings.flags.values().into_iter().map(Value::from));
    Ok(values)
}

fn insert_named(tx: &dyn Connection, rule: RuleId, named: &Named) -> Result<(), Error> {
    for (list, team) in &named.teams {
        tx.execute(
            "INSERT INTO branch_protection_team (rule_id, list, team_id) VALUES ($1, $2, $3) \
             ON CONFLICT (rule_id, list, team_id) DO NOTHING",
            &params![rule, list.as_str(), *team],
        )?;
    }
    for (list, user) in &named.users {
        tx.execute(
            "INSERT INTO branch_protection_user (rule_id, list, user_id) VALUES ($1, $2, $3) \
             ON CONFLICT (rule_id, list, user_id) DO NOTHING",
            &params![rule, list.as_str(), *user],
        )?;
    }
    Ok(())
}

/// Lists the rules of a repository's tags, oldest first; their number is bounded where they are made.
pub fn list_tag_rules(conn: &dyn Connection, repo: RepoId) -> Result<Vec<TagRule>, Error> {
    let mut rules = conn.all(
        "SELECT id, repo_id, name_pattern, created_ms, updated_ms FROM tag_protection WHERE repo_id = $1 ORDER BY id",
        &params![repo],
        |row| {
            Ok(TagRule {
                id: RuleId::new(row.int(0)?),
                repo_id: RepoId::new(row.int(1)?),
                pattern: row.text(2)?,
                users: Vec::new(),
                teams: Vec::new(),
                created_ms: UtcMs::new(row.int(3)?),
                updated_ms: UtcMs::new(row.int(4)?),
            })
        },
    )?;
    if rules.is_empty() {
        return Ok(rules);
    }
    let users = conn.all(
        "SELECT w.rule_id, u.id, u.login FROM tag_protection p \
         JOIN tag_protection_user w ON w.rule_id = p.id JOIN users u ON u.id = w.user_id \
         WHERE p.repo_id = $1 ORDER BY w.rule_id, u.login_key",
        &params![repo],
        |row| Ok((RuleId::new(row.int(0)?), (UserId::new(row.int(1)?), read_name(row, 2)?))),
    )?;
    let teams = conn.all(
        "SELECT w.rule_id, t.id, t.name FROM tag_protection p \
         JOIN tag_protection_team w ON w.rule_id = p.id JOIN team t ON t.id = w.team_id \
         WHERE p.repo_id = $1 ORDER BY w.rule_id, t.name_key",
        &params![repo],
        |row| Ok((RuleId::new(row.int(0)?), (TeamId::new(row.int(1)?), row.text(2)?))),
    )?;
    // All three are in the order of the rules.
    let (mut users, mut teams) = (users.into_iter().peekable(), teams.into_iter().peekable());
    for rule in &mut rules {
        rule.users.extend(std::iter::from_fn(|| users.next_if(|(id, _)| *id == rule.id)).map(|(_, user)| user));
        rule.teams.extend(std::iter::from_fn(|| teams.next_if(|(id, _)| *id == rule.id)).map(|(_, team)| team));
    }
    Ok(rules)
}

/// Makes a rule of tags.
pub fn insert_tag_rule(
    tx: &dyn Connection,
    repo: RepoId,
    pattern: &str,
    users: &[UserId],
    teams: &[TeamId],
    at: UtcMs,
) -> Result<RuleId, Error> {
    let id = tx.first(
        "INSERT INTO tag_protection (repo_id, name_pattern, created_ms, updated_ms) VALUES ($1, $2, $3, $4) RETURNING id",
        &params![repo, pattern, at, at],
        |row| row.int(0),
    )?;
    let id = id.map(RuleId::new).ok_or(Error::Column { index: 0, expected: "a row" })?;
    insert_tag_lists(tx, id, users, teams)?;
    Ok(id)
}

/// Writes a rule of tags anew.
pub fn update_tag_rule(
    tx: &dyn Connection,
    id: RuleId,
    pattern: &str,
    users: &[UserId],
    teams: &[TeamId],
    at: UtcMs,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE tag_protection SET name_pattern = $1, updated_ms = $2 WHERE id = $3",
        &params![pattern, at, id],
    )?;
    tx.execute("DELETE FROM tag_protection_user WHERE rule_id = $1", &params![id])?;
    tx.execute("DELETE FROM tag_protection_team WHERE rule_id = $1", &params![id])?;
    insert_tag_lists(tx, id, users, teams)
}

/// Removes a rule of tags.
pub fn delete_tag_rule(tx: &dyn Connection, id: RuleId) -> Result<(), Error> {
    tx.execute("DELETE FROM tag_protection WHERE id = $1", &params![id])?;
    Ok(())
}

fn insert_tag_lists(tx: &dyn Connection, rule: RuleId, users: &[UserId], teams: &[TeamId]) -> Result<(), Error> {
    for team in teams {
        tx.execute(
            "INSERT INTO tag_protection_team (rule_id, team_id) VALUES ($1, $2) ON CONFLICT (rule_id, team_id) DO NOTHING",
            &params![rule, *team],
        )?;
    }
    for user in users {
        tx.execute(
            "INSERT INTO tag_protection_user (rule_id, user_id) VALUES ($1, $2) ON CONFLICT (rule_id, user_id) DO NOTHING",
            &params![rule, *user],
        )?;
    }
    Ok(())
}

/// Takes all teams off the lists of a repository, which gets another owner; answers of how many.
pub fn forget_teams(tx: &dyn Connection, repo: RepoId) -> Result<u64, Error> {
    let branches = tx.execute(
        "DELETE FROM branch_protection_team WHERE rule_id IN (SELECT id FROM branch_protection WHERE repo_id = $1)",
        &params![repo],
    )?;
    let tags = tx.execute(
        "DELETE FROM tag_protection_team WHERE rule_id IN (SELECT id FROM tag_protection WHERE repo_id = $1)",
        &params![repo],
    )?;
    Ok(branches.saturating_add(tags))
}

/// Takes a user off every list; answers of how many.
pub fn delete_of_user(tx: &dyn Connection, user: UserId) -> Result<u64, Error> {
    let branches = tx.execute("DELETE FROM branch_protection_user WHERE user_id = $1", &params![user])?;
    let tags = tx.execute("DELETE FROM tag_protection_user WHERE user_id = $1", &params![user])?;
    Ok(branches + tags)
}

#[cfg(test)]
mod tests;
