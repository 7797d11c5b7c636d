//! Rows of topics and of which repository has which.

use std::collections::HashMap;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

use super::filter::Filter;
use super::repositories::TABLES;
use super::repositories::search::{Viewer, may_see};
use super::teams;
use crate::model::topic::{Topic, TopicName};
use crate::model::{Page, Paged, RepoId, UtcMs};

/// Reads the topics of a repository by name.
pub fn of_repository(conn: &dyn Connection, repo: RepoId) -> Result<Vec<String>, Error> {
    conn.all(
        "SELECT t.name FROM repository_topic x JOIN topic t ON t.id = x.topic_id WHERE x.repo_id = $1 ORDER BY t.name",
        &params![repo],
        |row| row.text(0),
    )
}

/// Reads the topics of a page of repositories in one statement; those without any are absent.
pub fn of_repositories(conn: &dyn Connection, repos: &[RepoId]) -> Result<HashMap<RepoId, Vec<String>>, Error> {
    let mut topics: HashMap<RepoId, Vec<String>> = HashMap::new();
    if repos.is_empty() {
        return Ok(topics);
    }
    let mut wanted = Filter::default();
    let places: Vec<String> = repos.iter().map(|repo| wanted.bind(*repo)).collect();
    let sql = format!(
        "SELECT x.repo_id, t.name FROM repository_topic x JOIN topic t ON t.id = x.topic_id \
         WHERE x.repo_id IN ({}) ORDER BY x.repo_id, t.name",
        places.join(", ")
    );
    for (repo, name) in conn.all(&sql, wanted.params(), |row| Ok((RepoId::new(row.int(0)?), row.text(1)?)))? {
        topics.entry(repo).or_default().push(name);
    }
    Ok(topics)
}

/// Gives a repository a topic, which is made when it is new.
pub fn add(tx: &dyn Connection, repo: RepoId, name: &TopicName, at: UtcMs) -> Result<(), Error> {
    let id = tx
        .first(
            "INSERT INTO topic (name, created_ms, updated_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET updated_ms = excluded.updated_ms RETURNING id",
            &params![name.as_str(), at, at],
            |row| row.int(0),
        )?
        .ok_or(Error::Column { index: 0, expected: "a row" })?;
    tx.execute(
        "INSERT INTO repository_topic (repo_id, topic_id) VALUES ($1, $2) ON CONFLICT (repo_id, topic_id) DO NOTHING",
        &params![repo, id],
    )?;
    Ok(())
}

/// Takes a topic from a repository; false: it had it not.
pub fn remove(tx: &dyn Connection, repo: RepoId, name: &str) -> Result<bool, Error> {
    let changed = tx.execute(
        "DELETE FROM repository_topic WHERE repo_id = $1 AND topic_id = (SELECT id FROM topic WHERE name = $2)",
        &params![repo, name],
    )?;
    Ok(changed == 1)
}

/// Lists topics that contain a text, the most used first. Only repositories the viewer may see count, so a topic that only hidden ones
/// have is not there.
pub fn search(conn: &dyn Connection, viewer: &Viewer, text: &str, page: Page) -> Result<Paged<Topic>, Error> {
    let mut filter = Filter::default();
    let used = used_by(&mut filter, viewer);
    filter.begin_again();
    filter.contains(&["t.name"], text);
    let named = filter.and_clause();
    // How many there are is counted along with the page: to find the repositories, and theirs, is nearly all of the work.
    let topics = format!(
        "FROM (SELECT t.id, t.name, t.created_ms, t.updated_ms, {} AS repos FROM {} WHERE {}{named}{}) n WHERE n.repos > 0",
        used.count, used.tables, used.condition, used.group
    );
    let known = filter.params().len();
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let rows = conn.all(
        &format!(
            "SELECT n.id, n.name, n.created_ms, n.updated_ms, n.repos, COUNT(*) OVER () {topics} \
             ORDER BY n.repos DESC, n.name LIMIT {limit} OFFSET {offset}"
        ),
        filter.params(),
        |row| {
            let topic = Topic {
                id: row.int(0)?,
                name: row.text(1)?,
                created_ms: UtcMs::new(row.int(2)?),
                updated_ms: UtcMs::new(row.int(3)?),
                repo_count: row.int(4)?,
            };
            Ok((topic, row.int(5)?))
        },
    )?;
    let total = match rows.first() {
        Some((_, total)) => Some(*total),
        None if page.offset() == 0 => Some(0),
        // A page behind the last one.
        None => {
            conn.first(&format!("SELECT COUNT(*) {topics}"), filter.params().get(..known).unwrap_or_default(), |row| {
                row.int(0)
            })?
        }
    };
    let rows = rows.into_iter().map(|(topic, _)| topic).collect();
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// How the repositories of a topic `t` that somebody may see are counted.
struct Used {
    count: &'static str,
    tables: String,
    condition: String,
    group: &'static str,
}

/// Triggers keep how many repositories there are for everybody, for every account, and altogether; only what an account may see besides is looked for.
fn used_by(filter: &mut Filter, viewer: &Viewer) -> Used {
    let kept = |count| Used { count, tables: "topic t".to_owned(), condition: "1 = 1".to_owned(), group: "" };
    match *viewer {
        // Few repositories: they are found, and theirs are counted.
        Viewer { only: Some(_), .. } | Viewer { is_restricted: true, is_admin: false, id: Some(_), .. } => {
            found(filter, viewer)
        }
        Viewer { is_public_only: true, .. } => kept("t.public_count"),
        Viewer { is_admin: true, .. } => kept("t.repo_count"),
        Viewer { id: None, .. } => kept("t.public_count"),
        Viewer { id: Some(id), .. } => {
            let (own, member) = (filter.bind(id), filter.bind(id));
            let granted = teams::granted(|| filter.bind(id));
            let tables = format!(
                "topic t LEFT JOIN (SELECT x.topic_id, COUNT(*) AS repos FROM repository_topic x \
                 WHERE x.audience = 0 AND x.repo_id IN (SELECT o.id FROM repository o WHERE o.owner_id = {own} UNION {granted} \
                 UNION SELECT o.id FROM organization_member v JOIN repository o ON o.owner_id = v.org_id \
                 WHERE v.user_id = {member} AND o.is_private = 0) GROUP BY x.topic_id) e ON e.topic_id = t.id"
            );
            Used { tables, ..kept("t.open_count + COALESCE(e.repos, 0)") }
        }
    }
}

/// The repositories are found once, as a set.
fn found(filter: &mut Filter, viewer: &Viewer) -> Used {
    may_see(filter, viewer);
    Used {
        count: "COUNT(*)",
        tables: "topic t CROSS JOIN repository_topic x".to_owned(),
        // The plus keeps the set from becoming the way into the index, one look-up for each of them and each topic.
        condition: format!("x.topic_id = t.id AND +x.repo_id IN (SELECT r.id FROM {TABLES}{})", filter.clause()),
        group: " GROUP BY t.id, t.name, t.created_ms, t.updated_ms",
    }
}

#[cfg(test)]
mod tests;
