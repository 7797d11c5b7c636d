//! What repository actors need from the database, as a trait.
//!
//! Owns no statement; the server's `src/db/refs.rs` implements it. The refs in the database are the truth, the files
//! on disk a projection that the journal explains.

use std::path::{Path, PathBuf};

use atomicqms_git as git;
use git::maintenance::PackRow;

use crate::sql::{self, Connection};

/// What the database knows of one repository.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Directory below the root of all repositories, like `owner/name.git`.
    pub relative_path: PathBuf,
    /// Where the directory was before a rename that may not have reached the disk yet.
    pub moved_from: Option<PathBuf>,
    /// Branch that HEAD points at; it may not exist.
    pub head: git::RefName,
    /// Every ref.
    pub refs: Vec<git::Ref>,
    /// Last row of the ref journal; 0 if there is none.
    pub journal_seq: i64,
    /// Last journal row whose effect is known to be flushed to disk.
    pub projected_seq: i64,
    /// Packs that are committed and may not be files yet, oldest first.
    pub waiting: Vec<WaitingRow>,
}

/// A pack that is committed and may not be a file yet.
#[derive(Debug, Clone)]
pub struct WaitingRow {
    /// Number of the row; numbers of one repository grow as long as it has rows.
    pub id: i64,
    /// The pack.
    pub row: PackRow,
}

/// A ref on disk that no journal row since the last flushed projection explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexplained {
    /// Its name as found.
    pub name: String,
    /// Its value on disk; `None` if it is absent or unreadable there.
    pub found: Option<git::ObjectId>,
    /// Its value in the database, to which it was reset; `None` if it does not exist there.
    pub expected: Option<git::ObjectId>,
}

/// Rows behind repository actors.
pub trait RefStore: Send + Sync + 'static {
    /// Loads everything an actor starts from; `None` if there is no such repository.
    fn load(&self, connection: &dyn Connection, repo: i64) -> Result<Option<Stored>, sql::Error>;

    /// Answers the last journal row of a repository, 0 if there is none. Called in every commit: it must be indexed.
    fn journal_seq(&self, connection: &dyn Connection, repo: i64) -> Result<i64, sql::Error>;

    /// Tells whether a journal row of this ref after `since` has `value` as its old or new value (`None`: absent).
    fn was_journaled(
        &self,
        connection: &dyn Connection,
        repo: i64,
        name: &git::RefName,
        value: Option<git::ObjectId>,
        since: i64,
    ) -> Result<bool, sql::Error>;

    /// Records that every journal row up to `seq` is flushed to disk; never moves backwards.
    fn mark_projected(&self, tx: &dyn Connection, repo: i64, seq: i64) -> Result<(), sql::Error>;

    /// Keeps a pack in the transaction that moves the refs which need it; answers the number of its row.
    fn keep_pack(&self, tx: &dyn Connection, repo: i64, row: PackRow) -> Result<i64, sql::Error>;

    /// Forgets the packs of a repository up to a row: they are files, and flushed.
    fn forget_packs(&self, tx: &dyn Connection, repo: i64, up_to: i64) -> Result<(), sql::Error>;

    /// Records that the directory has reached `now_at`: forgets `moved_from` if that still is the repository's path.
    fn mark_moved(&self, tx: &dyn Connection, repo: i64, now_at: &Path) -> Result<(), sql::Error>;

    /// Lists repositories whose journal is ahead of the marked projection, whose packs are not all files, or whose directory is yet to be moved.
    fn unprojected(&self, connection: &dyn Connection) -> Result<Vec<i64>, sql::Error>;

    /// Raises the alarm about refs that somebody changed behind the server: audit event `git.ref_unexplained`.
    fn report_unexplained(&self, tx: &dyn Connection, repo: i64, found: &[Unexplained]) -> Result<(), sql::Error>;
}
