//! Rows of releases.

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error, Row};

use super::filter::Filter;
use crate::model::{NewRelease, Page, Paged, Release, ReleaseFilter, ReleaseId, RepoId, UserId, UtcMs};

const COLUMNS: &str =
    "id, repo_id, tag, target, title, body, is_draft, is_prerelease, author_id, created_ms, published_ms";

fn read(row: &dyn Row) -> Result<Release, Error> {
    Ok(Release {
        id: ReleaseId::new(row.int(0)?),
        repo_id: RepoId::new(row.int(1)?),
        tag: row.text(2)?,
        target: row.text(3)?,
        title: row.text(4)?,
        body: row.text(5)?,
        is_draft: row.flag(6)?,
        is_prerelease: row.flag(7)?,
        author_id: UserId::new(row.int(8)?),
        created_ms: UtcMs::new(row.int(9)?),
        published_ms: UtcMs::new(row.int(10)?),
    })
}

/// Finds a release of a repository by id.
pub fn find(conn: &dyn Connection, repo: RepoId, id: ReleaseId) -> Result<Option<Release>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM release WHERE id = $1 AND repo_id = $2");
    conn.first(&sql, &params![id, repo], read)
}

/// Finds the release of a tag.
pub fn find_by_tag(conn: &dyn Connection, repo: RepoId, tag: &str) -> Result<Option<Release>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM release WHERE repo_id = $1 AND tag = $2");
    conn.first(&sql, &params![repo, tag], read)
}

/// Finds the newest release that is neither draft nor pre-release.
pub fn find_latest(conn: &dyn Connection, repo: RepoId) -> Result<Option<Release>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM release WHERE repo_id = $1 AND is_draft = 0 AND is_prerelease = 0 \
         ORDER BY published_ms DESC, id DESC LIMIT 1"
    );
    conn.first(&sql, &params![repo], read)
}

/// Lists releases, the newest first.
pub fn list(conn: &dyn Connection, repo: RepoId, wanted: &ReleaseFilter, page: Page) -> Result<Paged<Release>, Error> {
    let mut filter = Filter::default();
    filter.equals("repo_id", Some(repo));
    if !wanted.sees_drafts {
        filter.add("is_draft = 0");
    }
    filter.equals("is_draft", wanted.is_draft);
    filter.equals("is_prerelease", wanted.is_prerelease);
    filter.contains(&["tag", "title"], &wanted.keyword);
    let clause = filter.clause();
    let total = conn.first(&format!("SELECT COUNT(*) FROM release{clause}"), filter.params(), |row| row.int(0))?;
    let (limit, offset) = (filter.bind(page.limit_i64()), filter.bind(page.offset()));
    let sql = format!(
        "SELECT {COLUMNS} FROM release{clause} ORDER BY published_ms DESC, id DESC LIMIT {limit} OFFSET {offset}"
    );
    let rows = conn.all(&sql, filter.params(), read)?;
    Ok(Paged { rows, total_count: u64::try_from(total.unwrap_or(0)).unwrap_or(0) })
}

/// Counts the releases everybody who may read sees.
pub fn count_published(conn: &dyn Connection, repo: RepoId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM release WHERE repo_id = $1 AND is_draft = 0";
    let count = conn.first(sql, &params![repo], |row| row.int(0))?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Makes a release.
pub fn insert(
    tx: &dyn Connection,
    repo: RepoId,
    author: UserId,
    new: &NewRelease,
    at: UtcMs,
) -> Result<Release, Error> {
    tx.first(
        &format!(
            "INSERT INTO release (repo_id, tag, target, title, body, is_draft, is_prerelease, author_id, created_ms, published_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING {COLUMNS}"
        ),
        &params![
            repo,
            new.tag.as_str(),
            new.target.as_str(),
            new.title.as_str(),
            new.body.as_str(),
            new.is_draft,
            new.is_prerelease,
            author,
            at,
            at,
        ],
        read,
    )?
    .ok_or(Error::Column { index: 0, expected: "a row" })
}

/// Writes every field but repository, author and the time it was made.
pub fn update(tx: &dyn Connection, release: &Release) -> Result<(), Error> {
    tx.execute(
        "UPDATE release SET tag = $1, target = $2, title = $3, body = $4, is_draft = $5, is_prerelease = $6, published_ms = $7 \
         WHERE id = $8",
        &params![
            release.tag.as_str(),
            release.target.as_str(),
            release.title.as_str(),
            release.body.as_str(),
            release.is_draft,
            release.is_prerelease,
            release.published_ms,
            release.id,
        ],
    )?;
    Ok(())
}

/// Removes a release with the rows of its files; false: there was none.
pub fn delete(tx: &dyn Connection, id: ReleaseId) -> Result<bool, Error> {
    tx.execute("DELETE FROM attachment WHERE release_id = $1", &params![id])?;
    Ok(tx.execute("DELETE FROM release WHERE id = $1", &params![id])? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::{self, NOON};

    fn new(tag: &str) -> NewRelease {
        NewRelease { tag: tag.into(), target: "main".into(), title: format!("Version {tag}"), ..NewRelease::default() }
    }

    fn tags(conn: &dyn Connection, repo: RepoId, filter: &ReleaseFilter) -> Vec<String> {
        list(conn, repo, filter, Page::default()).unwrap().rows.into_iter().map(|release| release.tag).collect()
    }

    #[test]
    fn releases_are_listed_by_time_and_filtered() {
        let conn = testing::open();
        let ada = testing::user(&conn, "ada");
        let (repo, other) = (testing::repository(&conn, ada, "sop"), testing::repository(&conn, ada, "other"));
        insert(&conn, other, ada, &new("v1"), NOON).unwrap();
        insert(&conn, repo, ada, &new("v1"), NOON).unwrap();
        insert(&conn, repo, ada, &new("v2"), NOON.plus_ms(2)).unwrap();
        insert(&conn, repo, ada, &NewRelease { is_prerelease: true, ..new("v3-rc") }, NOON.plus_ms(3)).unwrap();
        let draft = insert(&conn, repo, ada, &NewRelease { is_draft: true, ..new("v4") }, NOON.plus_ms(4)).unwrap();
        let all = ReleaseFilter { sees_drafts: true, ..ReleaseFilter::default() };
        assert_eq!(tags(&conn, repo, &ReleaseFilter::default()), ["v3-rc", "v2", "v1"]);
        assert_eq!(tags(&conn, repo, &all), ["v4", "v3-rc", "v2", "v1"]);
        assert_eq!(tags(&conn, repo, &ReleaseFilter { is_draft: Some(true), ..all.clone() }), ["v4"]);
        let hidden = ReleaseFilter { is_draft: Some(true), ..ReleaseFilter::default() };
        assert_eq!(tags(&conn, repo, &hidden), Vec::<String>::new());
        assert_eq!(tags(&conn, repo, &ReleaseFilter { is_prerelease: Some(false), ..all.clone() }), ["v4", "v2", "v1"]);
        assert_eq!(tags(&conn, repo, &ReleaseFilter { keyword: "VERSION v2".into(), ..all.clone() }), ["v2"]);
        assert_eq!(tags(&conn, repo, &ReleaseFilter { keyword: "%".into(), ..all }), Vec::<String>::new());
        assert_eq!(find_latest(&conn, repo).unwrap().unwrap().tag, "v2");
        assert_eq!((count_published(&conn, repo).unwrap(), count_published(&conn, other).unwrap()), (3, 1));
        assert_eq!(find(&conn, other, draft.id).unwrap(), None, "an id of another repository is none");
        let published = Release { is_draft: false, published_ms: NOON.plus_ms(9), ..draft };
        update(&conn, &published).unwrap();
        assert_eq!(find_latest(&conn, repo).unwrap(), Some(published.clone()));
        assert!(delete(&conn, published.id).unwrap() && !delete(&conn, published.id).unwrap());
    }

    #[test]
    fn a_tag_has_one_release_in_a_repository() {
        let conn = testing::open();
        let ada = testing::user(&conn, "ada");
        let repo = testing::repository(&conn, ada, "sop");
        insert(&conn, repo, ada, &new("v1"), NOON).unwrap();
        assert!(matches!(insert(&conn, repo, ada, &new("v1"), NOON), Err(Error::Constraint { .. })));
    }
}
