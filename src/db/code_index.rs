//! Statements of the index of code, which is a database file of its own (`atomicqms_actors::Derived`) and SQLite's alone: FTS5 keeps which documents have which word.
//!
//! Owns the shape of that file and the numbers of documents: those of one repository lie together, so that a search in one repository looks at a range. The words are
//! made by `model::code_search::trigram`; no text is kept. Called by `forge::code_search`.

use atomicqms_actors::sql::{Connection, Error, Row, Value};
use atomicqms_actors::{Shape, params};
use atomicqms_git::ObjectId;

use crate::model::RepoId;

/// The file. The number moves with anything that makes an index wrong: statements, folding, the table of languages.
pub const SHAPE: Shape = Shape { schema: SCHEMA, version: 2 };

const SCHEMA: &str = "
-- How far the index of a repository is.
CREATE TABLE indexed (
    repo_id     INTEGER NOT NULL PRIMARY KEY,
    -- The documents are the files of this tree and commit; none: there are none.
    tree        BLOB,
    commit_id   BLOB,
    -- Being turned into these, up to this path.
    next_tree   BLOB,
    next_commit BLOB,
    done_path   BLOB    NOT NULL,
    -- Files and directories that were visited on the way.
    visited     INTEGER NOT NULL,
    next_number INTEGER NOT NULL,
    files       INTEGER NOT NULL,
    -- Of all files.
    words       INTEGER NOT NULL,
    -- There is more than may be indexed.
    is_cut      INTEGER NOT NULL,
    -- Words are kept, too.
    has_words   INTEGER NOT NULL,
    -- What was allowed when it was begun: bytes of a file, files, words.
    most_bytes  INTEGER NOT NULL,
    most_files  INTEGER NOT NULL,
    most_words  INTEGER NOT NULL
) STRICT;

CREATE TABLE document (
    id         INTEGER NOT NULL PRIMARY KEY,
    repo_id    INTEGER NOT NULL,
    path       BLOB    NOT NULL,
    language   TEXT    NOT NULL,
    -- Counted for the statistics of its language.
    size_bytes INTEGER NOT NULL,
    -- How many; none: it cannot be searched.
    words      INTEGER
) STRICT;

CREATE UNIQUE INDEX document_by_path ON document (repo_id, path);

CREATE TABLE language (
    repo_id    INTEGER NOT NULL,
    language   TEXT    NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (repo_id, language)
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE words USING fts5 (gathered, content='', contentless_delete=1, detail=none, tokenize='ascii');
-- Words of a batch are sorted in memory before they are written. Units: bytes.
INSERT INTO words (words, rank) VALUES ('hashsize', 16777216);
";

/// Documents of one repository have numbers below two to the power of this.
const NUMBER_BITS: u32 = 20;
/// Most documents of one repository.
pub const MAX_FILES: i64 = (1 << NUMBER_BITS) - 1;
/// Repositories with greater ids cannot be indexed.
const MAX_REPO: i64 = 1 << (62 - NUMBER_BITS);

/// How far the index of a repository is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Indexed {
    /// What the documents are the files of; none: nothing is indexed.
    pub at: Option<Place>,
    /// What they are being turned into.
    pub next: Option<Place>,
    /// Up to this path, in the order of bytes.
    pub done_path: Vec<u8>,
    /// Files and directories that were visited on the way.
    pub visited: i64,
    /// Number that the next new document gets.
    pub next_number: i64,
    /// Documents.
    pub files: i64,
    /// Words of all documents.
    pub words: i64,
    /// There is more than may be indexed.
    pub is_cut: bool,
    /// What it was begun with.
    pub allowed: Allowed,
}

/// What of a repository may be indexed. An index that was begun with another is begun anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Words are kept, too.
    pub has_words: bool,
    /// Largest file whose words are kept. Units: bytes.
    pub file_bytes: i64,
    /// Most files.
    pub files: i64,
    /// Most words of all files together.
    pub words: i64,
}

impl Allowed {
    /// Reads the columns that begin with `has_words`.
    fn read(row: &dyn Row, first: usize) -> Result<Self, Error> {
        Ok(Self {
            has_words: row.flag(first)?,
            file_bytes: row.int(first + 1)?,
            files: row.int(first + 2)?,
            words: row.int(first + 3)?,
        })
    }
}

/// A commit and its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The commit.
    pub commit: ObjectId,
    /// Its tree.
    pub tree: ObjectId,
}

/// A file to be indexed.
#[derive(Debug)]
pub struct NewDocument<'a> {
    /// Its path.
    pub path: &'a [u8],
    /// Its language; empty: unknown.
    pub language: &'static str,
    /// Counted for its language; 0: not counted. Units: bytes.
    pub size_bytes: i64,
    /// Its words and how many these are, if it can be searched.
    pub words: Option<(String, i64)>,
}

/// A file that may match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub id: i64,
    /// Its repository.
    pub repo: RepoId,
    /// Its path.
    pub path: Vec<u8>,
    /// Its language; empty: unknown.
    pub language: String,
}

/// The repository of a document.
pub fn repository_of(document: i64) -> RepoId {
    RepoId::new(document >> NUMBER_BITS)
}

/// The number before the first document of a repository; every document of it has one up to that of the next repository.
pub fn before(repo: RepoId) -> i64 {
    repo.get().clamp(0, MAX_REPO) << NUMBER_BITS
}

fn id(bytes: Option<Vec<u8>>, index: usize) -> Result<Option<ObjectId>, Error> {
    let read = |bytes: Vec<u8>| {
        ObjectId::try_from(bytes.as_slice()).map_err(|_| Error::Column { index, expected: "an object id" })
    };
    bytes.map(read).transpose()
}

fn place(row: &dyn Row, tree: usize) -> Result<Option<Place>, Error> {
    let (tree, commit) = (id(row.opt_blob(tree)?, tree)?, id(row.opt_blob(tree + 1)?, tree + 1)?);
    Ok(tree.zip(commit).map(|(tree, commit)| Place { commit, tree }))
}

/// Reads how far the index of a repository is.
pub fn find(conn: &dyn Connection, repo: RepoId) -> Result<Option<Indexed>, Error> {
    conn.first(
        "SELECT tree, commit_id, next_tree, next_commit, done_path, visited, next_number, files, words, is_cut, has_words, \
         most_bytes, most_files, most_words FROM indexed WHERE repo_id = $1",
        &params![repo],
        |row| {
            Ok(Indexed {
                at: place(row, 0)?,
                next: place(row, 2)?,
                done_path: row.blob(4)?,
                visited: row.int(5)?,
                next_number: row.int(6)?,
                files: row.int(7)?,
                words: row.int(8)?,
                is_cut: row.flag(9)?,
                allowed: Allowed::read(row, 10)?,
            })
        },
    )
}

/// Writes how far the index of a repository is.
pub fn put(tx: &dyn Connection, repo: RepoId, indexed: &Indexed) -> Result<(), Error> {
    if repo.get() >= MAX_REPO {
        return Err(Error::Constraint { detail: format!("repository {repo} has too great an id to be indexed") });
    }
    let bytes = |id: Option<ObjectId>| Value::from(id.as_ref().map(|id| id.as_bytes()));
    tx.execute(
        "INSERT INTO indexed (repo_id, tree, commit_id, next_tree, next_commit, done_path, visited, next_number, files, words, is_cut, \
         has_words, most_bytes, most_files, most_words) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (repo_id) DO UPDATE SET \
         tree = excluded.tree, commit_id = excluded.commit_id, next_tree = excluded.next_tree, next_commit = excluded.next_commit, \
         done_path = excluded.done_path, visited = excluded.visited, next_number = excluded.next_number, files = excluded.files, \
         words = excluded.words, is_cut = excluded.is_cut, has_words = excluded.has_words, most_bytes = excluded.most_bytes, \
         most_files = excluded.most_files, most_words = excluded.most_words",
        &params![
            repo,
            bytes(indexed.at.map(|at| at.tree)),
            bytes(indexed.at.map(|at| at.commit)),
            bytes(indexed.next.map(|next| next.tree)),
            bytes(indexed.next.map(|next| next.commit)),
            indexed.done_path.as_slice(),
            indexed.visited,
            indexed.next_number,
            indexed.files,
            indexed.words,
            indexed.is_cut,
            indexed.allowed.has_words,
            indexed.allowed.file_bytes,
            indexed.allowed.files,
            indexed.allowed.words,
        ],
    )?;
    Ok(())
}

/// Lists which commit each repository of a range is indexed at, in order; those with work begun have none.
pub fn list_commits(
    conn: &dyn Connection,
    after: RepoId,
    up_to: RepoId,
) -> Result<Vec<(RepoId, Option<ObjectId>, Allowed)>, Error> {
    conn.all(
        "SELECT repo_id, CASE WHEN next_tree IS NULL THEN commit_id END, has_words, most_bytes, most_files, most_words FROM indexed \
         WHERE repo_id > $1 AND repo_id <= $2 ORDER BY repo_id",
        &params![after, up_to],
        |row| Ok((RepoId::new(row.int(0)?), id(row.opt_blob(1)?, 1)?, Allowed::read(row, 2)?)),
    )
}

/// Lists the repositories of which more is there than may be indexed.
pub fn list_cut(conn: &dyn Connection) -> Result<Vec<RepoId>, Error> {
    conn.all("SELECT repo_id FROM indexed WHERE is_cut = 1", &[], |row| Ok(RepoId::new(row.int(0)?)))
}

/// Puts a file in, in place of what was at its path; false: there is no room for it, and what was there is gone.
pub fn put_document(
    tx: &dyn Connection,
    repo: RepoId,
    indexed: &mut Indexed,
    new: NewDocument<'_>,
) -> Result<bool, Error> {
    let free = delete_document(tx, repo, indexed, new.path)?;
    let count = new.words.as_ref().map(|(_, count)| *count);
    let words = indexed.words.saturating_add(count.unwrap_or(0));
    if indexed.files >= indexed.allowed.files.min(MAX_FILES) || words > indexed.allowed.words {
        return Ok(false);
    }
    let id = match free {
        Some(id) => id,
        None if indexed.next_number >= MAX_FILES => return Ok(false),
        None => {
            indexed.next_number += 1;
            before(repo) + indexed.next_number
        }
    };
    indexed.files += 1;
    indexed.words = words;
    tx.execute(
        "INSERT INTO document (id, repo_id, path, language, size_bytes, words) VALUES ($1, $2, $3, $4, $5, $6)",
        &params![id, repo, new.path, new.language, new.size_bytes, count],
    )?;
    if let Some((words, _)) = new.words {
        tx.execute("INSERT INTO words (rowid, gathered) VALUES ($1, $2)", &params![id, words])?;
    }
    if new.size_bytes > 0 {
        tx.execute(
            "INSERT INTO language (repo_id, language, size_bytes) VALUES ($1, $2, $3) \
             ON CONFLICT (repo_id, language) DO UPDATE SET size_bytes = language.size_bytes + excluded.size_bytes",
            &params![repo, new.language, new.size_bytes],
        )?;
    }
    Ok(true)
}

/// Whether the file at a path is in.
pub fn has_document(conn: &dyn Connection, repo: RepoId, path: &[u8]) -> Result<bool, Error> {
    let found =
        conn.first("SELECT 1 FROM document WHERE repo_id = $1 AND path = $2", &params![repo, path], |row| row.int(0));
    Ok(found?.is_some())
}

/// Takes the file at a path out, if it is in; answers its number, which is free now.
pub fn delete_document(
    tx: &dyn Connection,
    repo: RepoId,
    indexed: &mut Indexed,
    path: &[u8],
) -> Result<Option<i64>, Error> {
    let gone = tx.first(
        "DELETE FROM document WHERE repo_id = $1 AND path = $2 RETURNING id, language, size_bytes, words",
        &params![repo, path],
        |row| Ok((row.int(0)?, row.text(1)?, row.int(2)?, row.opt_int(3)?)),
    )?;
    let Some((id, language, size_bytes, words)) = gone else { return Ok(None) };
    indexed.files -= 1;
    if let Some(words) = words {
        indexed.words -= words;
        tx.execute("DELETE FROM words WHERE rowid = $1", &params![id])?;
    }
    if size_bytes > 0 {
        tx.execute(
            "UPDATE language SET size_bytes = size_bytes - $1 WHERE repo_id = $2 AND language = $3",
            &params![size_bytes, repo, language],
        )?;
    }
    Ok(Some(id))
}

/// Removes so many documents of a repository, and with the last of them everything that is known of it; true: nothing is left.
pub fn forget(tx: &dyn Connection, repo: RepoId, most: i64) -> Result<bool, Error> {
    let ids = tx.all(
        "SELECT id, words FROM document WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3",
        &params![before(repo), before(RepoId::new(repo.get() + 1)), most],
        |row| Ok((row.int(0)?, row.opt_int(1)?)),
    )?;
    for (id, words) in &ids {
        if words.is_some() {
            tx.execute("DELETE FROM words WHERE rowid = $1", &params![*id])?;
        }
        tx.execute("DELETE FROM document WHERE id = $1", &params![*id])?;
    }
    if i64::try_from(ids.len()).is_ok_and(|count| count == most) {
        return Ok(false);
    }
    tx.execute("DELETE FROM language WHERE repo_id = $1", &params![repo])?;
    tx.execute("DELETE FROM indexed WHERE repo_id = $1", &params![repo])?;
    Ok(true)
}

/// The bytes of each language of a repository, by name.
pub fn list_languages(conn: &dyn Connection, repo: RepoId) -> Result<Vec<(String, i64)>, Error> {
    conn.all(
        "SELECT language, size_bytes FROM language WHERE repo_id = $1 AND size_bytes > 0 ORDER BY language",
        &params![repo],
        |row| Ok((row.text(0)?, row.int(1)?)),
    )
}

/// Lists numbers of documents behind one number that have the words of an expression, or of all that can be searched, in order.
///
/// Shape: `expression` is made of words, `AND`, `OR` and parentheses, and nothing anybody typed.
pub fn list_numbers(
    conn: &dyn Connection,
    expression: Option<&str>,
    after: i64,
    up_to: i64,
    limit: i64,
) -> Result<Vec<i64>, Error> {
    let number = |row: &dyn Row| row.int(0);
    match expression {
        Some(expression) => conn.all(
            "SELECT rowid FROM words WHERE words MATCH $1 AND rowid > $2 AND rowid <= $3 ORDER BY rowid LIMIT $4",
            &params![expression, after, up_to, limit],
            number,
        ),
        None => conn.all(
            "SELECT id FROM document WHERE id > $1 AND id <= $2 AND words IS NOT NULL ORDER BY id LIMIT $3",
            &params![after, up_to, limit],
            number,
        ),
    }
}

/// Reads a document by its number.
pub fn find_document(conn: &dyn Connection, id: i64) -> Result<Option<Candidate>, Error> {
    conn.first("SELECT path, language FROM document WHERE id = $1", &params![id], |row| {
        Ok(Candidate { id, repo: repository_of(id), path: row.blob(0)?, language: row.text(1)? })
    })
}

#[cfg(test)]
mod tests;
