//! A world for tests of repositories: a small schema, a store and a commit over it, and real git beside them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use atomicqms_git as git;
use git::maintenance::PackRow;
use git::{ObjectId, Ref, RefEdit, RefName};

use super::Database;
use crate::error::BoxError;
use crate::sql::{self, Connection};
use crate::{
    CommitRefs, Deadline, Directory, DirectoryArgs, DirectoryOptions, EditOutcome, Error, RefStore, RepositoryHandle,
    Stored, Unexplained, UpdateRefs, WaitingRow, WriterOptions, params,
};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS repository (
        id INTEGER PRIMARY KEY, path TEXT NOT NULL, moved_from TEXT, head TEXT NOT NULL, projected INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS refs (
        repo INTEGER NOT NULL, name TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (repo, name)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS journal (
        seq INTEGER PRIMARY KEY, repo INTEGER NOT NULL, name TEXT NOT NULL, old TEXT, new TEXT
    ) STRICT;
    CREATE TABLE IF NOT EXISTS waiting (
        id INTEGER PRIMARY KEY, repo INTEGER NOT NULL, pack BLOB NOT NULL, lines BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS unexplained (
        repo INTEGER NOT NULL, name TEXT NOT NULL, found TEXT, expected TEXT
    ) STRICT;";

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

pub(crate) fn name(name: &str) -> RefName {
    RefName::new(name).unwrap()
}

pub(crate) fn edit(ref_name: &str, old: Option<ObjectId>, new: Option<ObjectId>) -> RefEdit {
    RefEdit { name: name(ref_name), old, new, peeled: None }
}

fn hex(id: Option<ObjectId>) -> Option<String> {
    id.map(|id| id.to_string())
}

fn id(hex: &str) -> ObjectId {
    ObjectId::from_hex(hex.as_bytes()).unwrap()
}

/// The store over [`SCHEMA`].
struct Store;

impl RefStore for Store {
    fn load(&self, c: &dyn Connection, repo: i64) -> Result<Option<Stored>, sql::Error> {
        let refs = c.all("SELECT name, target FROM refs WHERE repo = $1", &params![repo], |row| {
            Ok(Ref { name: name(&row.text(0)?), target: id(&row.text(1)?), peeled: None })
        })?;
        let journal_seq = self.journal_seq(c, repo)?;
        let waiting =
            c.all("SELECT id, pack, lines FROM waiting WHERE repo = $1 ORDER BY id", &params![repo], |row| {
                Ok(WaitingRow { id: row.int(0)?, row: PackRow { pack: row.blob(1)?, lines: row.blob(2)? } })
            })?;
        c.first("SELECT path, moved_from, head, projected FROM repository WHERE id = $1", &params![repo], |row| {
            Ok(Stored {
                relative_path: row.text(0)?.into(),
                moved_from: row.opt_text(1)?.map(PathBuf::from),
                head: name(&row.text(2)?),
                refs: refs.clone(),
                journal_seq,
                projected_seq: row.int(3)?,
                waiting: waiting.clone(),
            })
        })
    }

    fn journal_seq(&self, c: &dyn Connection, repo: i64) -> Result<i64, sql::Error> {
        let seq = "SELECT COALESCE(MAX(seq), 0) FROM journal WHERE repo = $1";
        Ok(c.first(seq, &params![repo], |row| row.int(0))?.unwrap_or(0))
    }

    fn was_journaled(
        &self,
        c: &dyn Connection,
        repo: i64,
        name: &RefName,
        value: Option<ObjectId>,
        since: i64,
    ) -> Result<bool, sql::Error> {
        let found = "SELECT 1 FROM journal WHERE repo = $1 AND name = $2 AND seq > $3 AND (old IS $4 OR new IS $4)";
        Ok(c.first(found, &params![repo, name.as_str(), since, hex(value)], |row| row.int(0))?.is_some())
    }

    fn mark_projected(&self, tx: &dyn Connection, repo: i64, seq: i64) -> Result<(), sql::Error> {
        tx.execute("UPDATE repository SET projected = MAX(projected, $1) WHERE id = $2", &params![seq, repo]).map(drop)
    }

    fn keep_pack(&self, tx: &dyn Connection, repo: i64, row: PackRow) -> Result<i64, sql::Error> {
        let insert = "INSERT INTO waiting (repo, pack, lines) VALUES ($1, $2, $3) RETURNING id";
        Ok(tx.first(insert, &params![repo, row.pack, row.lines], |row| row.int(0))?.unwrap())
    }

    fn forget_packs(&self, tx: &dyn Connection, repo: i64, up_to: i64) -> Result<(), sql::Error> {
        tx.execute("DELETE FROM waiting WHERE repo = $1 AND id <= $2", &params![repo, up_to]).map(drop)
    }

    fn mark_moved(&self, tx: &dyn Connection, repo: i64, now_at: &Path) -> Result<(), sql::Error> {
        let mark = "UPDATE repository SET moved_from = NULL WHERE id = $1 AND path = $2";
        tx.execute(mark, &params![repo, now_at.to_str().unwrap()]).map(drop)
    }

    fn unprojected(&self, c: &dyn Connection) -> Result<Vec<i64>, sql::Error> {
        let behind = "SELECT id FROM repository WHERE moved_from IS NOT NULL
            OR EXISTS (SELECT 1 FROM waiting WHERE waiting.repo = repository.id)
            OR projected < (SELECT MAX(seq) FROM journal WHERE repo = repository.id)";
        c.all(behind, &[], |row| row.int(0))
    }

    fn report_unexplained(&self, tx: &dyn Connection, repo: i64, found: &[Unexplained]) -> Result<(), sql::Error> {
        for one in found {
            let values = params![repo, one.name.as_str(), hex(one.found), hex(one.expected)];
            tx.execute("INSERT INTO unexplained VALUES ($1, $2, $3, $4)", &values)?;
        }
        Ok(())
    }
}

/// What a commit does besides writing rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Allow,
    /// Refuses names that contain `protected`.
    Protect,
    /// Writes its rows, then fails.
    Fail,
    /// Writes its rows, then panics.
    Panic,
    /// Answers fewer outcomes than edits.
    Miscount,
}

/// The commit over [`SCHEMA`].
pub(crate) struct Commit(pub(crate) Policy);

impl CommitRefs for Commit {
    fn commit(
        self: Box<Self>,
        tx: &dyn Connection,
        repo: i64,
        edits: &[RefEdit],
    ) -> Result<Vec<EditOutcome>, BoxError> {
        let mut outcomes = Vec::new();
        for edit in edits {
            let name = edit.name.as_str();
            if self.0 == Policy::Protect && name.contains("protected") {
                outcomes.push(EditOutcome::Refused { reason: "protected".to_owned() });
                continue;
            }
            if edit.old.is_some() {
                let values = params![repo, name, hex(edit.old)];
                let deleted = tx.execute("DELETE FROM refs WHERE repo = $1 AND name = $2 AND target = $3", &values)?;
                assert_eq!(deleted, 1, "the view and the rows disagree about {name}");
            }
            if edit.new.is_some() {
                tx.execute("INSERT INTO refs VALUES ($1, $2, $3)", &params![repo, name, hex(edit.new)])?;
            }
            let values = params![repo, name, hex(edit.old), hex(edit.new)];
            tx.execute("INSERT INTO journal (repo, name, old, new) VALUES ($1, $2, $3, $4)", &values)?;
            outcomes.push(EditOutcome::Applied);
        }
        match self.0 {
            Policy::Fail => Err("as told".into()),
            Policy::Panic => panic!("as told"),
            Policy::Miscount => Ok(Vec::new()),
            Policy::Allow | Policy::Protect => Ok(outcomes),
        }
    }
}

/// A database, a directory of repositories, and git.
pub(crate) struct World {
    pub(crate) home: tempfile::TempDir,
    pub(crate) database: Database,
    pub(crate) directory: Directory,
}

/// Bounds that make a test see flushes at once and passivation never, unless it asks.
pub(crate) fn quick() -> DirectoryOptions {
    DirectoryOptions { settle_after: Duration::from_millis(1), ..DirectoryOptions::default() }
}

impl World {
    pub(crate) async fn new(options: DirectoryOptions) -> Self {
        Self::at(tempfile::tempdir().unwrap(), options).await
    }

    pub(crate) async fn at(home: tempfile::TempDir, options: DirectoryOptions) -> Self {
        let database = Database::start(&home.path().join("w.db"), SCHEMA, WriterOptions::default()).await.unwrap();
        let args = DirectoryArgs {
            writer: database.writer.clone(),
            readers: database.readers.clone(),
            store: Arc::new(Store),
            root: home.path().join("repositories"),
            options,
        };
        let directory = Directory::start(args, &database.supervisor).await.unwrap();
        Self { home, database, directory }
    }

    /// Stops everything in order; answers the files for a second life.
    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.directory.shutdown().await;
        assert_eq!(self.database.escalation_count(), 0);
        self.database.finish().await.unwrap();
        self.home
    }

    /// Ends without flushing or marking anything, as far as one process can.
    pub(crate) async fn crash(self) -> tempfile::TempDir {
        self.directory.kill_everything().await;
        self.database.readers.close();
        self.database.writer.shutdown().await.unwrap();
        self.home
    }

    pub(crate) async fn execute(&self, statement: &'static str) {
        self.database.writer.write("test", move |tx| Ok::<_, Error>(tx.execute_batch(statement)?)).await.unwrap();
    }

    /// Adds the row of an empty repository.
    pub(crate) async fn add(&self, id: i64, path: &str) {
        let path = path.to_owned();
        let insert = move |tx: &dyn Connection| {
            let values = params![id, path.as_str(), "refs/heads/main"];
            Ok::<_, Error>(tx.execute("INSERT INTO repository VALUES ($1, $2, NULL, $3, 0)", &values)?)
        };
        self.database.writer.write("add", insert).await.unwrap();
    }

    pub(crate) async fn open(&self, id: i64) -> RepositoryHandle {
        self.directory.open(id).await.unwrap()
    }

    /// Adds repository 1 at `ada/sop.git` and opens it.
    pub(crate) async fn open_first(&self) -> RepositoryHandle {
        self.add(1, "ada/sop.git").await;
        self.open(1).await
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.home.path().join("repositories").join(relative)
    }

    pub(crate) async fn rows(&self, statement: &'static str) -> Vec<String> {
        let read = move |c: &dyn Connection| Ok::<_, Error>(c.all(statement, &[], |row| row.text(0))?);
        self.database.readers.read("rows", read).await.unwrap()
    }

    pub(crate) async fn unprojected(&self) -> Vec<i64> {
        self.database.readers.read("unprojected", |c| Ok::<_, Error>(Store.unprojected(c)?)).await.unwrap()
    }

    /// Waits until every projection is flushed and marked.
    pub(crate) async fn settled(&self) {
        super::until_async("projections are marked", || async { self.unprojected().await.is_empty().then_some(()) })
            .await;
    }
}

/// An update with the usual fields.
pub(crate) fn update(edits: Vec<RefEdit>, atomic: bool, policy: Policy) -> UpdateRefs {
    UpdateRefs { edits, atomic, ingested: None, commit: Box::new(Commit(policy)), deadline: soon() }
}

/// Moves refs and expects all of them to land.
pub(crate) async fn land(repository: &RepositoryHandle, edits: Vec<RefEdit>) {
    let outcomes = repository.update_refs(update(edits, false, Policy::Allow)).await.unwrap();
    assert!(outcomes.iter().all(EditOutcome::is_applied), "{outcomes:?}");
}

/// Runs the real git in a sealed environment and answers what it prints.
pub(crate) fn run_git(directory: &Path, arguments: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "the one sealed git builder of this crate's tests")]
    let output = Command::new("git")
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", directory)
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@example.com"),
            ("GIT_AUTHOR_DATE", "1700000000 +0000"),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@example.com"),
            ("GIT_COMMITTER_DATE", "1700000000 +0000"),
        ])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Writes a commit with an empty tree into a bare repository and answers its id.
pub(crate) fn commit(repository: &Path, message: &str) -> ObjectId {
    let tree = run_git(repository, &["hash-object", "-t", "tree", "-w", "--stdin"]);
    id(&run_git(repository, &["commit-tree", &tree, "-m", message]))
}

/// The refs that git sees, as `id name` lines.
pub(crate) fn refs_on_disk(repository: &Path) -> String {
    run_git(repository, &["for-each-ref", "--format=%(objectname) %(refname)"])
}

/// The refs of a view in the same form.
pub(crate) fn refs_in_view(repository: &RepositoryHandle) -> String {
    let view = repository.view();
    view.refs.iter().map(|r| format!("{} {}", r.target, r.name)).collect::<Vec<_>>().join("\n")
}

/// Makes a repository elsewhere with one commit, and answers the commit with a pack of everything it reaches.
pub(crate) fn pack_elsewhere(home: &Path, message: &str) -> (ObjectId, Vec<u8>) {
    let elsewhere = home.join(format!("elsewhere-{message}"));
    std::fs::create_dir_all(&elsewhere).unwrap();
    run_git(&elsewhere, &["init", "--quiet", "--bare"]);
    let tip = commit(&elsewhere, message);
    run_git(&elsewhere, &["update-ref", "refs/heads/main", &tip.to_string()]);
    let name = run_git(&elsewhere, &["pack-objects", "--quiet", "--all", "made"]);
    (tip, std::fs::read(elsewhere.join(format!("made-{name}.pack"))).unwrap())
}

/// Brings a pack into the quarantine of a repository.
pub(crate) fn ingest(repository: &RepositoryHandle, pack: Vec<u8>) -> git::Ingested {
    let incoming = repository.git().incoming(&git::Limits::default());
    let never = std::sync::atomic::AtomicBool::new(false);
    incoming.ingest(git::PackSource::Memory(pack.into()), &mut |_| {}, &never).unwrap()
}

/// Entries of `objects` that only a push in progress leaves.
pub(crate) fn quarantines(repository: &Path) -> usize {
    let entries = std::fs::read_dir(repository.join("objects")).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("incoming-")).count()
}
