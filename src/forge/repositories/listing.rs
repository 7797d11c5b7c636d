//! Which repositories a caller sees, and what a page of them shows.
//!
//! Owns nothing but reads: visibility is decided in the statement, levels by `access`.

use std::collections::HashMap;

use crate::access::action::{ListOwnRepositories, ListUserRepositories, SearchRepositories};
use crate::access::authorize::level_from;
use crate::access::{Caller, Permit};
use crate::db;
use crate::db::repositories::search::Viewer;
use crate::error::{Error, Result};
use crate::forge::Forge;
use crate::model::repository::{RepositoryQuery, RepositorySort};
use crate::model::{AccessLevel, Page, Paged, Repository, User, UserId};

/// A repository in a list, with the caller's level in it.
pub type Seen = (Repository, AccessLevel);

/// Searches among repositories the caller may see.
pub async fn search_repositories(
    forge: &Forge,
    permit: Permit<SearchRepositories>,
    query: RepositoryQuery,
    page: Page,
) -> Result<Paged<Seen>> {
    list(forge, permit.caller(), query, page).await
}

/// Lists what the caller owns or collaborates in.
pub async fn list_own_repositories(
    forge: &Forge,
    permit: Permit<ListOwnRepositories>,
    page: Page,
) -> Result<Paged<Seen>> {
    let query =
        RepositoryQuery { uid: permit.caller().user_id(), sort: RepositorySort::Id, ..RepositoryQuery::default() };
    list(forge, permit.caller(), query, page).await
}

/// Lists what an account owns, as far as the caller may see it.
pub async fn list_user_repositories(
    forge: &Forge,
    permit: Permit<ListUserRepositories>,
    page: Page,
) -> Result<Paged<Seen>> {
    let query = RepositoryQuery {
        uid: Some(permit.subject().id),
        is_exclusive: true,
        sort: RepositorySort::Id,
        ..RepositoryQuery::default()
    };
    list(forge, permit.caller(), query, page).await
}

async fn list(forge: &Forge, caller: &Caller, query: RepositoryQuery, page: Page) -> Result<Paged<Seen>> {
    let viewer = viewer_of(caller);
    let caller = caller.clone();
    forge
        .read("list repositories", move |conn| {
            let listed = db::repositories::search::list(conn, viewer, &query, page)?;
            Ok(listed.map(|(repository, granted)| {
                let level = level_from(&caller, &repository, granted);
                (repository, level)
            }))
        })
        .await
}

/// The caller as a statement about visibility sees it.
pub(in crate::forge) fn viewer_of(caller: &Caller) -> Viewer {
    Viewer {
        id: caller.user_id(),
        is_admin: caller.is_site_admin(),
        is_restricted: caller.user().is_some_and(|user| user.is_restricted),
        is_public_only: caller.scopes().is_some_and(|scopes| scopes.is_public_only()),
    }
}

/// What a page of repositories shows beside their rows.
#[derive(Debug, Clone)]
pub struct Details {
    /// The owner's account.
    pub owner: User,
    /// Branches.
    pub branch_count: u64,
    /// Topics by name.
    pub topics: Vec<String>,
}

/// Reads owners, branch counts and topics of repositories the caller was already shown, in their order. The branches of a repository that is open are
/// counted in memory, the others in the database.
///
/// Errors: `NotFound` when one of them was deleted meanwhile.
pub async fn details(forge: &Forge, repositories: &[Repository]) -> Result<Vec<Details>> {
    let look = |repository: &Repository| {
        (repository.id, repository.owner_id, forge.directory.view_if_open(repository.id.get()))
    };
    let wanted: Vec<_> = repositories.iter().map(look).collect();
    forge
        .read("read repository details", move |conn| {
            // A page mostly belongs to few.
            let mut owners: HashMap<UserId, User> = HashMap::new();
            let ids: Vec<_> = wanted.iter().map(|(repo, ..)| *repo).collect();
            let mut topics = db::topics::of_repositories(conn, &ids)?;
            let mut details = Vec::with_capacity(wanted.len());
            for (repo, owner, view) in wanted {
                let owner = match owners.get(&owner) {
                    Some(known) => known.clone(),
                    None => {
                        let found = db::users::find(conn, owner)?.ok_or_else(Error::not_found)?;
                        owners.insert(owner, found.clone());
                        found
                    }
                };
                let branch_count = match view {
                    Some(view) => view.refs.iter_prefix("refs/heads/").count() as u64,
                    None => db::repositories::count_branches(conn, repo)?,
                };
                details.push(Details { owner, branch_count, topics: topics.remove(&repo).unwrap_or_default() });
            }
            Ok(details)
        })
        .await
}
