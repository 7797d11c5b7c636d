use rusqlite::params as values;

use super::*;
use crate::db::testing::{self, NOON};
use crate::model::UserId;

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % most
    }
}

/// What a viewer is to find, from the rows of every repository.
fn expected(conn: &dyn Connection, viewer: &Viewer) -> Vec<(String, i64)> {
    let mut filter = Filter::default();
    may_see(&mut filter, viewer);
    filter.add("x.repo_id = r.id");
    let sql = format!(
        "SELECT t.name, COUNT(*) FROM {TABLES} JOIN repository_topic x JOIN topic t ON t.id = x.topic_id{} \
         GROUP BY t.id ORDER BY COUNT(*) DESC, t.name",
        filter.clause()
    );
    conn.all(&sql, filter.params(), |row| Ok((row.text(0)?, row.int(1)?))).unwrap()
}

fn viewers(accounts: &[UserId], repo: RepoId) -> Vec<Viewer> {
    let mut viewers = Vec::new();
    for id in accounts.iter().copied().map(Some).chain([None]) {
        for bits in 0..16 {
            viewers.push(Viewer {
                id,
                is_admin: bits & 1 != 0,
                is_restricted: bits & 2 != 0,
                is_public_only: bits & 4 != 0,
                only: (bits & 8 != 0).then(|| vec![repo]),
            });
        }
    }
    viewers
}

#[test]
fn counts_that_are_kept_are_those_of_the_rows() {
    let conn = testing::open();
    let db: &dyn Connection = &conn;
    let people: Vec<UserId> = ["ada", "bob", "eve"].iter().map(|name| testing::user(&conn, name)).collect();
    let mut owners = people.clone();
    owners.extend(["lab", "plant"].iter().map(|name| testing::organization(&conn, name)));
    for (at, org) in owners.iter().skip(people.len()).enumerate() {
        let (team, all) = (i64::try_from(at + 1).unwrap(), i64::try_from(at).unwrap());
        conn.execute(
            "INSERT INTO team (id, org_id, name, name_key, level, includes_all_repositories, created_ms, updated_ms) \
             VALUES (?1, ?2, 't', 't', 'read', ?3, 1, 1)",
            values![team, org.get(), all],
        )
        .unwrap();
        conn.execute("INSERT INTO team_unit (team_id, unit, level) VALUES (?1, 'repo.code', 'read')", [team]).unwrap();
    }
    let mut chance = Chance(11);
    let mut names = 0;
    let mut most = 0;
    for step in 0..600 {
        let repos: Vec<i64> = db.all("SELECT id FROM repository ORDER BY id", &[], |row| row.int(0)).unwrap();
        let owner = owners[usize::try_from(chance.below(5)).unwrap()];
        let person = people[usize::try_from(chance.below(3)).unwrap()].get();
        if repos.len() < 8 {
            names += 1;
            testing::repository(&conn, owner, &format!("r{names}"));
            continue;
        }
        let repo = repos[usize::try_from(chance.below(8)).unwrap()];
        let topic =
            TopicName::parse(["gxp", "sop", "audit", "batch"][usize::try_from(chance.below(4)).unwrap()]).unwrap();
        match chance.below(12) {
            0..=3 => add(&conn, RepoId::new(repo), &topic, NOON).unwrap(),
            4 => drop(remove(&conn, RepoId::new(repo), topic.as_str()).unwrap()),
            5 => drop(
                conn.execute("UPDATE repository SET is_private = ?1 WHERE id = ?2", [chance.below(2), repo]).unwrap(),
            ),
            6 => {
                let visibility = ["public", "limited", "private"][usize::try_from(chance.below(3)).unwrap()];
                conn.execute("UPDATE users SET visibility = ?1 WHERE id = ?2", values![visibility, owner.get()]).unwrap();
            }
            7 => drop(conn.execute("UPDATE repository SET owner_id = ?1 WHERE id = ?2", [owner.get(), repo]).unwrap()),
            8 if chance.below(4) == 0 => drop(conn.execute("DELETE FROM repository WHERE id = ?1", [repo]).unwrap()),
            8 | 9 => drop(
                conn.execute(
                    "INSERT OR IGNORE INTO collaboration (repo_id, user_id, level, created_ms, updated_ms) VALUES (?1, ?2, 'read', 1, 1)",
                    [repo, person],
                )
                .unwrap(),
            ),
            10 => {
                let (team, org) = (chance.below(2) + 1, owners[people.len() + usize::try_from(chance.below(2)).unwrap()]);
                conn.execute("INSERT OR IGNORE INTO team_member (team_id, user_id, created_ms) VALUES (?1, ?2, 1)", [team, person])
                    .unwrap();
                conn.execute(
                    "INSERT OR IGNORE INTO organization_member (org_id, user_id, created_ms) VALUES (?1, ?2, 1)",
                    [org.get(), person],
                )
                .unwrap();
                conn.execute("INSERT OR IGNORE INTO team_repository (team_id, repo_id, created_ms) VALUES (?1, ?2, 1)", [team, repo])
                    .unwrap();
            }
            _ => {
                for table in ["collaboration", "team_member", "organization_member"] {
                    conn.execute(&format!("DELETE FROM {table} WHERE user_id = ?1"), [person]).unwrap();
                }
            }
        }
        if step % 5 != 0 {
            continue;
        }
        for viewer in viewers(&people, RepoId::new(repo)) {
            let wanted = expected(&conn, &viewer);
            let found = search(&conn, &viewer, "", Page::default()).unwrap();
            assert_eq!(found.total_count, wanted.len() as u64, "{step}: {viewer:?}");
            most = most.max(wanted.len());
            let found: Vec<(String, i64)> = found.rows.into_iter().map(|one| (one.name, one.repo_count)).collect();
            assert_eq!(found, wanted, "{step}: {viewer:?}");
        }
    }
    assert_eq!(most, 4, "there was something to count");
    conn.execute("DELETE FROM repository", []).unwrap();
    let left = "SELECT SUM(repo_count), SUM(open_count), SUM(public_count) FROM topic";
    let left: (i64, i64, i64) = conn.query_row(left, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(left, (0, 0, 0), "repositories take theirs along");
}

#[test]
fn a_page_behind_the_last_one_still_says_how_many_there_are() {
    let conn = testing::open();
    let ada = testing::user(&conn, "ada");
    let repo = testing::repository(&conn, ada, "sop");
    for name in ["gxp", "audit", "a-b"] {
        add(&conn, repo, &TopicName::parse(name).unwrap(), NOON).unwrap();
    }
    let viewer = Viewer { id: Some(ada), is_admin: false, is_restricted: false, is_public_only: false, only: None };
    for (text, number, rows, total) in
        [("", 1, 2, 3), ("", 2, 1, 3), ("", 3, 0, 3), ("A", 1, 2, 2), ("x", 5, 0, 1), ("q", 1, 0, 0)]
    {
        let found = search(&conn, &viewer, text, Page { number, limit: 2 }).unwrap();
        assert_eq!((found.rows.len(), found.total_count), (rows, total), "{text} {number}");
    }
}
