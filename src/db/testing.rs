//! A migrated database in memory, for tests of statements.

use atomicqms_actors::sql::Connection;
use atomicqms_git::{ObjectId, RefEdit, RefName};

use super::{migrate, organizations, repositories, users};
use crate::access::Caller;
use crate::audit::{self, Event, GitChange, Object, action};
use crate::model::{
    Email, NewOrganization, NewRepository, NewUser, RepoId, RepoName, UserId, UserName, UtcMs, Visibility,
};

/// An instant every test may use.
pub(crate) const NOON: UtcMs = UtcMs::new(1_767_268_800_000);

/// Opens an empty, migrated database.
pub(crate) fn open() -> rusqlite::Connection {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    migrate::migrate(&connection).unwrap();
    connection
}

/// Makes an account whose password nobody knows.
pub(crate) fn user(conn: &dyn Connection, name: &str) -> UserId {
    let new = NewUser::new(UserName::new(name).unwrap(), Email::new(&format!("{name}@example.org")).unwrap(), "");
    users::insert(conn, &new, "x", NOON).unwrap()
}

/// Makes an empty public repository.
pub(crate) fn repository(conn: &dyn Connection, owner: UserId, name: &str) -> RepoId {
    repositories::insert(conn, owner, &NewRepository::new(RepoName::new(name).unwrap()), "main", NOON).unwrap()
}

/// An object id made of one byte.
pub(crate) fn oid(byte: u8) -> ObjectId {
    ObjectId::try_from([byte; 20].as_slice()).unwrap()
}

/// One change of a ref.
pub(crate) fn edit(name: &str, old: Option<u8>, new: Option<u8>) -> RefEdit {
    RefEdit { name: RefName::new(name).unwrap(), old: old.map(oid), new: new.map(oid), peeled: None }
}

/// Moves a ref the way a push does: event, ref, journal.
pub(crate) fn push(conn: &dyn Connection, repo: RepoId, edit: &RefEdit) -> i64 {
    let event = Event::new(
        Caller::system().stamp(),
        action::GIT_REF_UPDATE,
        Object::in_repository("ref", repo, edit.name.as_str()),
    )
    .git(GitChange {
        reference: Some(edit.name.as_str().to_owned()),
        old: edit.old.map(|id| id.to_string()),
        new: edit.new.map(|id| id.to_string()),
        ..GitChange::default()
    });
    let seq = audit::append(conn, NOON, &event).unwrap();
    assert!(super::refs::record_edit(conn, repo, edit, None, seq, NOON).unwrap(), "old value did not match");
    seq
}

/// Makes a public organization without teams.
pub(crate) fn organization(conn: &dyn Connection, name: &str) -> UserId {
    let new = NewOrganization {
        name: UserName::new(name).unwrap(),
        full_name: String::new(),
        email: None,
        description: String::new(),
        website: String::new(),
        location: String::new(),
        visibility: Visibility::Public,
        repo_admin_changes_team_access: false,
    };
    organizations::insert(conn, &new, NOON).unwrap()
}
