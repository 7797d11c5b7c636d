//! Rows of the languages of repositories.

use std::collections::HashMap;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};

use super::filter::Filter;
use crate::model::RepoId;

/// Lists the languages of a repository, that of most bytes first.
pub fn list(conn: &dyn Connection, repo: RepoId) -> Result<Vec<(String, i64)>, Error> {
    conn.all(
        "SELECT language, size_bytes FROM repository_language WHERE repo_id = $1 ORDER BY size_bytes DESC, language",
        &params![repo],
        |row| Ok((row.text(0)?, row.int(1)?)),
    )
}

/// Reads the main languages of a page of repositories; those without any are absent.
pub fn main_of_repositories(conn: &dyn Connection, repos: &[RepoId]) -> Result<HashMap<RepoId, String>, Error> {
    let mut main = HashMap::new();
    if repos.is_empty() {
        return Ok(main);
    }
    let mut wanted = Filter::default();
    let places: Vec<String> = repos.iter().map(|repo| wanted.bind(*repo)).collect();
    let sql = format!(
        "SELECT repo_id, language FROM repository_language WHERE repo_id IN ({}) ORDER BY repo_id, size_bytes, language DESC",
        places.join(", ")
    );
    // The last one of each is the one that stays.
    for (repo, language) in conn.all(&sql, wanted.params(), |row| Ok((RepoId::new(row.int(0)?), row.text(1)?)))? {
        main.insert(repo, language);
    }
    Ok(main)
}

/// Replaces the languages of a repository, if it still exists.
pub fn replace(tx: &dyn Connection, repo: RepoId, languages: &[(String, i64)]) -> Result<(), Error> {
    tx.execute("DELETE FROM repository_language WHERE repo_id = $1", &params![repo])?;
    for (language, size_bytes) in languages {
        tx.execute(
            "INSERT INTO repository_language (repo_id, language, size_bytes) SELECT id, $1, $2 FROM repository WHERE id = $3",
            &params![language.as_str(), *size_bytes, repo],
        )?;
    }
    Ok(())
}
