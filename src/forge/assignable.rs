//! Who can be given work in a repository: assigned to issues and pull requests, or asked to review.
//!
//! Owns which rights that takes. Candidates are those who were given anything there: the owner, collaborators, members of teams. Called by the API.

use super::Forge;
use super::collaborators::knows_people;
use crate::access::Permit;
use crate::access::action::ListAssignable;
use crate::access::rights::{may_see, rights_of_user};
use crate::db;
use crate::error::{Error, Result};
use crate::model::{AccessLevel, Repository, Unit, User, UserName};

/// What somebody is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// To take care of an issue or a pull request: takes writing in one of these units.
    Assigned,
    /// To review: takes reading the code.
    Review,
}

/// Lists who can be given some work, by login name.
pub async fn list_assignable(forge: &Forge, permit: Permit<ListAssignable>, work: Work) -> Result<Vec<User>> {
    forge
        .read("list assignable", move |conn| {
            let repository = &permit.subject().repository;
            let mut found = Vec::new();
            for user in db::repositories::list_people(conn, repository)? {
                if is_shown(&permit, &user) && can_be_given(conn, &user, repository, work)? {
                    found.push(user);
                }
            }
            Ok(found)
        })
        .await
}

/// Whether a user can be assigned.
///
/// Errors: `NotFound` when there is no such account.
pub async fn is_assignable(forge: &Forge, permit: Permit<ListAssignable>, name: &UserName) -> Result<bool> {
    let name = name.clone();
    forge
        .read("find assignable", move |conn| {
            let found = db::users::find_by_name(conn, &name)?.filter(|user| is_shown(&permit, user));
            can_be_given(conn, &found.ok_or_else(Error::not_found)?, &permit.subject().repository, Work::Assigned)
        })
        .await
}

/// Whether the caller is shown an account among the people of the repository.
fn is_shown(permit: &Permit<ListAssignable>, user: &User) -> bool {
    knows_people(permit.caller(), permit.subject()) || may_see(permit.caller(), user, false)
}

fn can_be_given(
    conn: &dyn atomicqms_actors::sql::Connection,
    user: &User,
    repository: &Repository,
    work: Work,
) -> Result<bool> {
    if !user.may_sign_in() {
        return Ok(false);
    }
    let units = rights_of_user(conn, user, repository)?.units;
    Ok(match work {
        Work::Assigned => units.of(Unit::Issues).max(units.of(Unit::PullRequests)) >= AccessLevel::Write,
        Work::Review => units.of(Unit::Code) >= AccessLevel::Read,
    })
}
