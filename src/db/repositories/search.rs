//! Lists of repositories a caller may see. Visibility is part of the statement, never filtered afterwards.

use atomicqms_actors::sql::{Connection, Error};

use super::super::filter::Filter;
use super::super::{interests, teams, users};
use super::{COLUMNS, TABLES, page_values, read};
use crate::model::interest::Interest;
use crate::model::repository::{RepositoryMode, RepositoryQuery, RepositorySort};
use crate::model::topic::{TOPICS_MAX, TopicName};
use crate::model::{Page, Paged, RepoId, RepoName, Repository, Unit, UserId, UserName};

/// Who is looking.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The caller's account.
    pub id: Option<UserId>,
    /// Sees everything.
    pub is_admin: bool,
    /// Sees only what it owns or was given.
    pub is_restricted: bool,
    /// Sees only what anonymous callers see.
    pub is_public_only: bool,
    /// Sees only these, if that; the rest must hold as well.
    pub only: Option<Vec<RepoId>>,
}

/// Lists repositories that match a query and that the viewer may see.
pub fn list(
    conn: &dyn Connection,
    viewer: &Viewer,
    query: &RepositoryQuery,
    page: Page,
) -> Result<Paged<Repository>, Error> {
    let (statement, count, filter) = build(viewer, query, page);
    let total = conn.first(&count.0, &filter.params()[..count.1], |row| row.int(0))?;
    let rows = conn.all(&statement, filter.params(), read)?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Assembles the statement, the counting statement with its number of parameters, and all parameters.
pub(in crate::db) fn build(viewer: &Viewer, query: &RepositoryQuery, page: Page) -> (String, (String, usize), Filter) {
    let mut filter = Filter::default();
    may_see(&mut filter, viewer);
    let expressions: &[&str] = if query.in_description { &["r.name", "r.description"] } else { &["r.name"] };
    if query.is_topic_only && !query.text.is_empty() {
        has_topic(&mut filter, &query.text);
    } else {
        filter.contains(expressions, &query.text);
    }
    if let Some(uid) = query.uid {
        match query.mode {
            RepositoryMode::Collaborative => {
                let granted = teams::granted(|| filter.bind(uid));
                let not = filter.bind(uid);
                filter.add(format!("r.id IN ({granted}) AND r.owner_id <> {not}"));
            }
            _ if query.is_exclusive => filter.equals("r.owner_id", Some(uid)),
            _ => {
                let owner = filter.bind(uid);
                let granted = teams::granted(|| filter.bind(uid));
                filter.add(format!("(r.owner_id = {owner} OR r.id IN ({granted}))"));
            }
        }
    } else if query.mode == RepositoryMode::Collaborative {
        filter.add("1 = 0");
    }
    if let Some(team) = query.team {
        let (own, all) = (filter.bind(team), filter.bind(team));
        filter.add(format!(
            "(r.id IN (SELECT e.repo_id FROM team_repository e WHERE e.team_id = {own}) \
             OR r.owner_id IN (SELECT t.org_id FROM team t WHERE t.id = {all} AND t.includes_all_repositories = 1))"
        ));
    }
    for (interest, account) in [(Interest::Star, query.starred_by), (Interest::Watch, query.watched_by)] {
        if let Some(account) = account {
            has_interest(&mut filter, viewer, interest, account);
        }
    }
    filter.equals("r.fork_id", query.fork_of);
    match query.mode {
        RepositoryMode::Fork => filter.add("r.fork_id IS NOT NULL"),
        RepositoryMode::Source => filter.add("r.fork_id IS NULL AND r.is_mirror = 0"),
        RepositoryMode::Mirror => filter.add("r.is_mirror = 1"),
        RepositoryMode::Any | RepositoryMode::Collaborative => {}
    }
    if query.without_private {
        filter.add("r.is_private = 0 AND u.visibility = 'public'");
    }
    filter.equals("r.is_private", query.is_private);
    filter.equals("r.is_archived", query.is_archived);
    filter.equals("r.is_template", query.is_template);
    let clause = filter.clause();
    let count = (format!("SELECT COUNT(*) FROM {TABLES}{clause}"), filter.params().len());
    let direction = if query.is_descending { "DESC" } else { "ASC" };
    let order = match query.sort {
        RepositorySort::Alpha => format!("u.login_key {direction}, r.name_key {direction}"),
        RepositorySort::Created => format!("r.created_ms {direction}, r.id {direction}"),
        RepositorySort::Updated => format!("r.updated_ms {direction}, r.id {direction}"),
        RepositorySort::Size => format!("r.size_bytes {direction}, r.id {direction}"),
        RepositorySort::Stars => format!("r.star_count {direction}, r.id {direction}"),
        RepositorySort::Forks => format!("r.fork_count {direction}, r.id {direction}"),
        RepositorySort::Id => format!("r.id {direction}"),
    };
    let (limit, offset) = page_values(page);
    let (limit, offset) = (filter.bind(limit), filter.bind(offset));
    // By name, accounts come first and their repositories with them: both are indexed in that order, and nothing has to be sorted. Whoever asks for
    // a few repositories only is better served by finding these.
    let ids = if query.sort == RepositorySort::Alpha && is_broad(viewer, query) {
        filter.add("r.owner_id = u.id");
        format!("users u CROSS JOIN repository r{}", filter.clause())
    } else {
        format!("{TABLES}{clause}")
    };
    // The rows of the page alone are read whole: what is only sorted, or skipped, need not be.
    let statement = format!(
        "SELECT {COLUMNS} FROM (SELECT r.id AS id FROM {ids} ORDER BY {order} LIMIT {limit} OFFSET {offset}) p \
         JOIN repository r ON r.id = p.id JOIN users u ON u.id = r.owner_id ORDER BY {order}"
    );
    (statement, count, filter)
}

/// Whether a query may find any of the repositories there are, and not only those of somebody or of something.
fn is_broad(viewer: &Viewer, query: &RepositoryQuery) -> bool {
    let ends = [query.uid, query.starred_by, query.watched_by];
    viewer.only.is_none()
        && !viewer.is_restricted
        && ends.iter().all(Option::is_none)
        && query.team.is_none()
        && query.fork_of.is_none()
        && !query.is_topic_only
}

/// Lists the ids of repositories whose code the viewer may read, as far as a statement can tell, in order: each has to pass the gate before anything of it is shown.
pub fn list_readable(
    conn: &dyn Connection,
    viewer: &Viewer,
    owner: Option<&UserName>,
    repository: Option<RepoId>,
    limit: i64,
) -> Result<Vec<RepoId>, Error> {
    let mut filter = Filter::default();
    readable(&mut filter, viewer);
    filter.equals("u.login_key", owner.map(UserName::key));
    filter.equals("r.id", repository);
    let clause = filter.clause();
    let limit = filter.bind(limit);
    let sql = format!("SELECT r.id FROM {TABLES}{clause} ORDER BY r.id LIMIT {limit}");
    conn.all(&sql, filter.params(), |row| Ok(RepoId::new(row.int(0)?)))
}

/// Lists the ids of repositories of an owner, perhaps of a certain name, that come from the same origin as another and whose code the viewer may read, as far as a
/// statement can tell, in order: each has to pass the gate before anything of it is shown.
pub fn list_relatives(
    conn: &dyn Connection,
    viewer: &Viewer,
    of: RepoId,
    owner: UserId,
    name: Option<&RepoName>,
    limit: i64,
) -> Result<Vec<RepoId>, Error> {
    let mut filter = Filter::default();
    let mut origin =
        || format!("(SELECT COALESCE(o.origin_id, o.id) FROM repository o WHERE o.id = {})", filter.bind(of));
    let (as_origin, below) = (origin(), origin());
    filter.add(format!("(r.id = {as_origin} OR r.origin_id = {below})"));
    filter.equals("r.owner_id", Some(owner));
    filter.equals("r.name_key", name.map(RepoName::key));
    readable(&mut filter, viewer);
    let clause = filter.clause();
    let limit = filter.bind(limit);
    let sql = format!("SELECT r.id FROM {TABLES}{clause} ORDER BY r.id LIMIT {limit}");
    conn.all(&sql, filter.params(), |row| Ok(RepoId::new(row.int(0)?)))
}

/// Adds what makes the code of a repository readable, as far as a statement can tell.
fn readable(filter: &mut Filter, viewer: &Viewer) {
    may_see(filter, viewer);
    // The lowest bit of the units that are switched off.
    const { assert!(Unit::Code as u8 == 0) };
    filter.add("r.disabled_units % 2 = 0");
}

/// Adds what makes a repository visible to a viewer; the statement names repository and owner `r` and `u`.
pub(in crate::db) fn may_see(filter: &mut Filter, viewer: &Viewer) {
    if let Some(only) = &viewer.only {
        let ids: Vec<String> = only.iter().map(|id| filter.bind(*id)).collect();
        filter.add(if ids.is_empty() { "1 = 0".to_owned() } else { format!("r.id IN ({})", ids.join(", ")) });
    }
    if viewer.is_public_only {
        filter.add("r.is_private = 0 AND u.visibility = 'public'");
    }
    match *viewer {
        Viewer { is_admin: true, .. } => {}
        Viewer { id: None, .. } => filter.add("r.is_private = 0 AND u.visibility = 'public'"),
        Viewer { id: Some(id), is_restricted, .. } => {
            // What is open to all is most of what there is, and needs no look into a set: it is asked about first.
            let public = if is_restricted {
                String::new()
            } else {
                let member = filter.bind(id);
                format!(
                    "(r.is_private = 0 AND (u.visibility IN ('public', 'limited') \
                     OR r.owner_id IN (SELECT v.org_id FROM organization_member v WHERE v.user_id = {member}))) OR "
                )
            };
            let own = filter.bind(id);
            let granted = teams::granted(|| filter.bind(id));
            filter.add(format!("({public}r.owner_id = {own} OR r.id IN ({granted}))"));
        }
    }
}

/// Adds "has one of these topics"; the text is names joined by commas, as many as a repository can have.
fn has_topic(filter: &mut Filter, text: &str) {
    let names: Vec<String> =
        text.split(',').filter_map(TopicName::parse).take(TOPICS_MAX).map(|name| filter.bind(name.as_str())).collect();
    if names.is_empty() {
        return filter.add("1 = 0");
    }
    filter.add(format!(
        "r.id IN (SELECT x.repo_id FROM topic t JOIN repository_topic x ON x.topic_id = t.id WHERE t.name IN ({}))",
        names.join(", ")
    ));
}

/// Adds "this account has starred it" or "watches it"; nothing is found for an account that the viewer may not see.
fn has_interest(filter: &mut Filter, viewer: &Viewer, interest: Interest, account: UserId) {
    let Viewer { id, is_admin, is_public_only, .. } = *viewer;
    let seen = users::seen_by(filter, users::Viewer { id, is_admin, is_public_only }, "w");
    let account = filter.bind(account);
    filter.add(format!(
        "r.id IN (SELECT z.repo_id FROM {} z JOIN users w ON w.id = z.user_id WHERE z.user_id = {account} AND {seen})",
        interests::table(interest)
    ));
}

#[cfg(test)]
mod tests;
