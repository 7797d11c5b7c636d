//! What the server leaves behind: rows of its database and files of its repositories, read without its help.
//!
//! Owns the SQL that tests know. Opens the database read-only; nothing here changes anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::git::Git;

/// Refs by full name with the id they point at.
pub(crate) type Refs = BTreeMap<String, String>;

/// One repository row.
#[derive(Debug, Clone)]
pub(crate) struct RepositoryRow {
    pub(crate) id: i64,
    pub(crate) full_name: String,
}

/// One row of the ref journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JournalRow {
    pub(crate) seq: i64,
    pub(crate) name: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
    pub(crate) event_seq: i64,
}

/// One certificate of a signed push.
#[derive(Debug, Clone)]
pub(crate) struct CertificateRow {
    pub(crate) sha256: String,
    pub(crate) certificate: String,
    pub(crate) format: String,
    pub(crate) verification: String,
    pub(crate) fingerprint: Option<String>,
}

/// Everything a refused request must leave as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    refs_on_disk: Refs,
    refs_in_database: Refs,
    journal_rows: usize,
    last_event: i64,
    object_files: Vec<PathBuf>,
}

/// A read-only view of a data directory's database.
pub(crate) struct Evidence {
    connection: Connection,
}

impl Evidence {
    pub(crate) fn open(data_dir: &Path) -> Self {
        let path = data_dir.join("atomicqms.db");
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        Self { connection }
    }

    pub(crate) fn repositories(&self) -> Vec<RepositoryRow> {
        let sql =
            "SELECT r.id, u.login || '/' || r.name FROM repository r JOIN users u ON u.id = r.owner_id ORDER BY r.id";
        let mut statement = self.connection.prepare(sql).unwrap();
        let rows =
            statement.query_map([], |row| Ok(RepositoryRow { id: row.get(0)?, full_name: row.get(1)? })).unwrap();
        rows.map(Result::unwrap).collect()
    }

    pub(crate) fn repository_id(&self, full_name: &str) -> i64 {
        let rows = self.repositories();
        rows.iter().find(|row| row.full_name == full_name).unwrap_or_else(|| panic!("no row for {full_name}")).id
    }

    pub(crate) fn refs(&self, repository: i64) -> Refs {
        let sql = "SELECT name, target FROM refs WHERE repo_id = ?1";
        let mut statement = self.connection.prepare(sql).unwrap();
        let rows = statement.query_map([repository], |row| Ok((row.get(0)?, id_text(row, 1)?.unwrap()))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// How it stands with the mirror that a repository is: whether nothing is done or due, failures in a row, what was said of the last. None: it is none.
    pub(crate) fn mirror(&self, repository: i64) -> Option<(bool, i64, String)> {
        let sql = "SELECT claimed_ms IS NULL AND COALESCE(run_after_ms > unixepoch('subsec') * 1000, 1), failures, COALESCE(last_error, '') \
             FROM mirror WHERE repo_id = ?1";
        self.connection.query_row(sql, [repository], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).ok()
    }

    pub(crate) fn journal(&self, repository: i64) -> Vec<JournalRow> {
        let sql = "SELECT seq, name, old, new, audit_seq FROM ref_journal WHERE repo_id = ?1 ORDER BY seq";
        let mut statement = self.connection.prepare(sql).unwrap();
        let rows = statement
            .query_map([repository], |row| {
                Ok(JournalRow {
                    seq: row.get(0)?,
                    name: row.get(1)?,
                    old: id_text(row, 2)?,
                    new: id_text(row, 3)?,
                    event_seq: row.get(4)?,
                })
            })
            .unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// The refs that follow from the journal alone; fails the test where a row does not follow from the one before.
    pub(crate) fn replayed_journal(&self, repository: i64) -> Refs {
        let mut refs = Refs::new();
        for row in self.journal(repository) {
            assert_eq!(
                refs.get(&row.name),
                row.old.as_ref(),
                "journal row {row:?} does not follow from the rows before"
            );
            match row.new {
                Some(new) => refs.insert(row.name, new),
                None => refs.remove(&row.name),
            };
        }
        refs
    }

    /// How many packs of a repository are in the database and not forgotten.
    pub(crate) fn waiting_packs(&self, repository: i64) -> i64 {
        let sql = "SELECT COUNT(*) FROM waiting_pack WHERE repo_id = ?1";
        self.connection.query_row(sql, [repository], |row| row.get(0)).unwrap()
    }

    /// Says what of a repository is committed and not noted to be in its directory.
    pub(crate) fn lag(&self, repository: i64) -> Option<String> {
        let sql = "SELECT COALESCE((SELECT MAX(seq) FROM ref_journal WHERE repo_id = ?1), 0), \
                   COALESCE((SELECT seq FROM ref_projection WHERE repo_id = ?1), 0)";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (journal, projected): (i64, i64) = self.connection.query_row(sql, [repository], read).unwrap();
        let packs = self.waiting_packs(repository);
        let is_behind = journal > projected || packs > 0;
        is_behind.then(|| format!("journal {journal}, projected {projected}, {packs} packs wait"))
    }

    pub(crate) fn last_event(&self) -> i64 {
        self.connection.query_row("SELECT COALESCE(MAX(seq), 0) FROM audit_event", [], |row| row.get(0)).unwrap()
    }

    /// All events after `seq`, as the JSON they were hashed as.
    pub(crate) fn events_after(&self, seq: i64) -> Vec<Value> {
        let sql = "SELECT event FROM audit_event WHERE seq > ?1 ORDER BY seq";
        let mut statement = self.connection.prepare(sql).unwrap();
        let rows = statement.query_map([seq], |row| bytes(row, 0)).unwrap();
        rows.map(|row| serde_json::from_slice(&row.unwrap()).expect("an event is JSON")).collect()
    }

    /// The certificates of signed pushes, oldest first.
    pub(crate) fn push_certificates(&self) -> Vec<CertificateRow> {
        let sql = "SELECT sha256, certificate, format, verification, fingerprint FROM push_certificate ORDER BY id";
        let mut statement = self.connection.prepare(sql).unwrap();
        let rows = statement
            .query_map([], |row| {
                Ok(CertificateRow {
                    sha256: super::pack::hex(&bytes(row, 0)?),
                    certificate: String::from_utf8(bytes(row, 1)?).unwrap(),
                    format: row.get(2)?,
                    verification: row.get(3)?,
                    fingerprint: row.get(4)?,
                })
            })
            .unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Every journal row names an event, and that event says the same.
    pub(crate) fn assert_every_ref_change_has_its_event(&self) {
        let events: BTreeMap<i64, Value> =
            self.events_after(0).into_iter().map(|event| (event["seq"].as_i64().expect("seq"), event)).collect();
        let mut explained = 0;
        for repository in self.repositories() {
            for row in self.journal(repository.id) {
                let seq = row.event_seq;
                let event = events.get(&seq).unwrap_or_else(|| panic!("journal row {row:?}: no event {seq}"));
                assert_eq!(event["action"], "git.ref_update", "{row:?}: {event}");
                assert_eq!(event["git"]["ref"], row.name.as_str(), "{row:?}: {event}");
                assert_eq!(event["git"]["old"].as_str(), row.old.as_deref(), "{row:?}: {event}");
                assert_eq!(event["git"]["new"].as_str(), row.new.as_deref(), "{row:?}: {event}");
                explained += 1;
            }
        }
        let updates = events.values().filter(|event| event["action"] == "git.ref_update").count();
        assert!(updates >= explained, "{explained} journal rows but {updates} events");
    }

    /// What a refused request to this repository must not change.
    pub(crate) fn fingerprint(&self, full_name: &str, directory: &Path) -> Fingerprint {
        let id = self.repository_id(full_name);
        Fingerprint {
            refs_on_disk: refs_on_disk(&Git::new().at(directory)),
            refs_in_database: self.refs(id),
            journal_rows: self.journal(id).len(),
            last_event: self.last_event(),
            object_files: files_below(&directory.join("objects")),
        }
    }
}

fn bytes(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Vec<u8>> {
    Ok(match row.get_ref(index)? {
        rusqlite::types::ValueRef::Text(text) => text.to_vec(),
        rusqlite::types::ValueRef::Blob(blob) => blob.to_vec(),
        other => panic!("column {index} holds {other:?}"),
    })
}

/// An object id stored as text or as raw bytes.
fn id_text(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(index)? {
        rusqlite::types::ValueRef::Null => None,
        rusqlite::types::ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        rusqlite::types::ValueRef::Blob(blob) => Some(super::pack::hex(blob)),
        other => panic!("column {index} holds {other:?}"),
    })
}

pub(crate) fn refs_on_disk(git: &Git) -> Refs {
    let listing = git.ok(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    let split = |line: &str| line.split_once(' ').map(|(name, id)| (name.to_owned(), id.to_owned()));
    listing.lines().filter_map(split).collect()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files
}

/// Quarantine directories of pushes.
pub(crate) fn quarantines(repository: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(repository.join("objects")) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("incoming-") || name.starts_with("tmp_")).collect()
}

/// Full names of all repositories found in the data directory.
pub(crate) fn repositories_on_disk(data_dir: &Path) -> Vec<String> {
    let root = data_dir.join("git/repositories");
    let mut found = Vec::new();
    for owner in std::fs::read_dir(&root).into_iter().flatten().map(Result::unwrap) {
        for repository in std::fs::read_dir(owner.path()).into_iter().flatten().map(Result::unwrap) {
            let name = repository.file_name().to_string_lossy().into_owned();
            if let Some(name) = name.strip_suffix(".git") {
                found.push(format!("{}/{name}", owner.file_name().to_string_lossy()));
            }
        }
    }
    found
}
