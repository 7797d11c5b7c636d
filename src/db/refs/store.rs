//! What the repository actors need to know about a repository: the implementation of their trait.
//!
//! Owns the mapping of rows to the actors' types, and the event that tells of a ref nobody pushed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atomicqms_actors::params;
use atomicqms_actors::sql::{Connection, Error};
use atomicqms_actors::{RefStore, Stored, Unexplained, WaitingRow};
use atomicqms_git::maintenance::PackRow;
use atomicqms_git::{ObjectId, RefName};

use crate::access::Caller;
use crate::audit::{self, Event, GitChange, Object};
use crate::db::repositories;
use crate::model::{Clock, RepoId};

/// Refs as the actors read them.
pub struct Refs {
    clock: Arc<dyn Clock>,
}

impl Refs {
    /// Reads times for events from a clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl RefStore for Refs {
    fn load(&self, c: &dyn Connection, repo: i64) -> Result<Option<Stored>, Error> {
        let id = RepoId::new(repo);
        let Some(repository) = repositories::find(c, id)? else { return Ok(None) };
        let moved_from = c
            .first("SELECT moved_from FROM repository WHERE id = $1", &params![id], |row| row.opt_text(0))?
            .flatten()
            .map(PathBuf::from);
        let head = RefName::new(&format!("refs/heads/{}", repository.default_branch))
            .map_err(|_| Error::Column { index: 0, expected: "a branch name" })?;
        Ok(Some(Stored {
            relative_path: repository.relative_path(),
            moved_from,
            head,
            refs: super::list(c, id)?,
            journal_seq: super::journal_seq(c, id)?,
            projected_seq: super::projected_seq(c, id)?,
            // After the refs: a row that has gone meanwhile is a file.
            waiting: super::waiting::list(c, id)?.into_iter().map(|(id, row)| WaitingRow { id, row }).collect(),
        }))
    }

    fn journal_seq(&self, c: &dyn Connection, repo: i64) -> Result<i64, Error> {
        super::journal_seq(c, RepoId::new(repo))
    }

    fn was_journaled(
        &self,
        c: &dyn Connection,
        repo: i64,
        name: &RefName,
        value: Option<ObjectId>,
        since: i64,
    ) -> Result<bool, Error> {
        super::was_journaled(c, RepoId::new(repo), name.as_str(), value, since)
    }

    fn mark_projected(&self, tx: &dyn Connection, repo: i64, seq: i64) -> Result<(), Error> {
        super::mark_projected(tx, RepoId::new(repo), seq)
    }

    fn keep_pack(&self, tx: &dyn Connection, repo: i64, row: PackRow) -> Result<i64, Error> {
        super::waiting::insert(tx, RepoId::new(repo), row)
    }

    fn forget_packs(&self, tx: &dyn Connection, repo: i64, up_to: i64) -> Result<(), Error> {
        super::waiting::delete_up_to(tx, RepoId::new(repo), up_to)
    }

    fn mark_moved(&self, tx: &dyn Connection, repo: i64, now_at: &Path) -> Result<(), Error> {
        let id = RepoId::new(repo);
        // Renamed once more in the meantime: the directory still has a way to go, and starts it from where it is now.
        let left = match repositories::find(tx, id)? {
            Some(repository) if repository.relative_path() != now_at => Some(now_at.to_string_lossy().into_owned()),
            _ => None,
        };
        tx.execute("UPDATE repository SET moved_from = $1 WHERE id = $2", &params![left, id])?;
        Ok(())
    }

    fn unprojected(&self, c: &dyn Connection) -> Result<Vec<i64>, Error> {
        super::list_unprojected(c)
    }

    fn report_unexplained(&self, tx: &dyn Connection, repo: i64, found: &[Unexplained]) -> Result<(), Error> {
        let id = RepoId::new(repo);
        for one in found {
            let event = Event::new(
                Caller::system().stamp(),
                audit::action::GIT_REF_UNEXPLAINED,
                Object::in_repository("ref", id, &one.name),
            )
            .git(GitChange {
                reference: Some(one.name.clone()),
                old: one.expected.map(|id| id.to_string()),
                new: one.found.map(|id| id.to_string()),
                ..GitChange::default()
            })
            .reason("the value on disk is not explained by the journal");
            audit::append(tx, self.clock.now(), &event)?;
        }
        Ok(())
    }
}
