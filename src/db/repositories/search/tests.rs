use super::*;
use crate::db::testing;

fn counts(conn: &dyn Connection, sql: &str) -> Vec<(i64, i64, i64)> {
    conn.all(sql, &[], |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?))).unwrap()
}

#[test]
fn stars_and_forks_that_are_kept_are_those_of_the_rows() {
    let conn = testing::open();
    let db: &dyn Connection = &conn;
    let people: Vec<i64> = ["ada", "bob", "eve", "joe"].iter().map(|name| testing::user(&conn, name).get()).collect();
    let mut state = 5_u64;
    let mut below = |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % most
    };
    let (mut made, mut highest) = (0, 0);
    for step in 0..400 {
        let repos: Vec<i64> = db.all("SELECT id FROM repository", &[], |row| row.int(0)).unwrap();
        let person = people[below(4)];
        if repos.len() < 6 {
            made += 1;
            testing::repository(&conn, UserId::new(person), &format!("r{made}"));
            continue;
        }
        let (repo, other) = (repos[below(repos.len())], repos[below(repos.len())]);
        let statement = match below(8) {
            0..=2 => format!("INSERT OR IGNORE INTO star (user_id, repo_id, created_ms) VALUES ({person}, {repo}, 1)"),
            3 => format!("DELETE FROM star WHERE user_id = {person} AND repo_id = {repo}"),
            4 => format!("UPDATE OR IGNORE star SET repo_id = {other} WHERE user_id = {person} AND repo_id = {repo}"),
            5 => format!("UPDATE repository SET fork_id = {other} WHERE id = {repo}"),
            6 => format!("UPDATE repository SET fork_id = NULL WHERE id = {repo}"),
            _ if below(3) == 0 => format!("DELETE FROM repository WHERE id = {repo}"),
            _ => {
                made += 1;
                format!(
                    "INSERT INTO repository (owner_id, name, name_key, default_branch, fork_id, created_ms, updated_ms) \
                     VALUES ({person}, 'f{made}', 'f{made}', 'main', {repo}, 1, 1)"
                )
            }
        };
        conn.execute(&statement, []).unwrap();
        let kept = counts(&conn, "SELECT id, star_count, fork_count FROM repository ORDER BY id");
        let rows = counts(
            &conn,
            "SELECT r.id, (SELECT COUNT(*) FROM star z WHERE z.repo_id = r.id), \
             (SELECT COUNT(*) FROM repository z WHERE z.fork_id = r.id) FROM repository r ORDER BY r.id",
        );
        assert_eq!(kept, rows, "{step}: {statement}");
        highest = highest.max(kept.iter().map(|one| one.1.min(one.2)).max().unwrap_or(0));
    }
    assert!(highest > 1, "there was something to count");
}
