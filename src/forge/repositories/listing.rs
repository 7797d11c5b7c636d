//! Which repositories a caller sees, and what a page of them shows.
//!
//! Owns nothing but reads: visibility is decided in the statement, levels by `access`.

use std::collections::HashMap;

use atomicqms_actors::sql::Connection;

use crate::access::action::{
    ListOrganizationRepositories, ListOwnRepositories, ListUserRepositories, ReadTeam, SearchRepositories,
};
use crate::access::rights::rights_in;
use crate::access::{Caller, Permit, RepositoryRights};
use crate::db;
use crate::db::repositories::search::Viewer;
use crate::error::{Error, Result};
use crate::forge::Forge;
use crate::model::interest::Interest;
use crate::model::mirror::Mirror;
use crate::model::repository::{RepositoryQuery, RepositorySort};
use crate::model::{AccessLevel, Page, Paged, RepoId, Repository, TeamId, User, UserId};

/// A repository in a list, with the caller's rights in it.
pub type Seen = (Repository, RepositoryRights);

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

/// Lists what an organization owns, as far as the caller may see it.
pub async fn list_organization_repositories(
    forge: &Forge,
    permit: Permit<ListOrganizationRepositories>,
    page: Page,
) -> Result<Paged<Seen>> {
    let query = RepositoryQuery {
        uid: Some(permit.subject().organization.user.id),
        is_exclusive: true,
        sort: RepositorySort::Id,
        ..RepositoryQuery::default()
    };
    list(forge, permit.caller(), query, page).await
}

/// Lists what a team has access to, as far as the caller may see it.
pub async fn list_team_repositories(forge: &Forge, permit: Permit<ReadTeam>, page: Page) -> Result<Paged<Seen>> {
    let team: TeamId = permit.subject().team.id;
    let query = RepositoryQuery { team: Some(team), sort: RepositorySort::Id, ..RepositoryQuery::default() };
    list(forge, permit.caller(), query, page).await
}

/// Lists the forks of a repository, as far as the caller may see them.
pub(in crate::forge) async fn list_forks_of(
    forge: &Forge,
    caller: &Caller,
    source: RepoId,
    page: Page,
) -> Result<Paged<Seen>> {
    let query = RepositoryQuery { fork_of: Some(source), sort: RepositorySort::Id, ..RepositoryQuery::default() };
    list(forge, caller, query, page).await
}

/// Lists what an account has starred or watches, as far as the caller may see it, what changed last first.
pub(in crate::forge) async fn list_interesting(
    forge: &Forge,
    caller: &Caller,
    interest: Interest,
    account: UserId,
    page: Page,
) -> Result<Paged<Seen>> {
    let (starred_by, watched_by) = match interest {
        Interest::Star => (Some(account), None),
        Interest::Watch => (None, Some(account)),
    };
    let query = RepositoryQuery {
        starred_by,
        watched_by,
        sort: RepositorySort::Updated,
        is_descending: true,
        ..RepositoryQuery::default()
    };
    list(forge, caller, query, page).await
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
            let Paged { rows, total_count } = db::repositories::search::list(conn, &viewer, &query, page)?;
            let rows = rows
                .into_iter()
                .map(|repository| rights_in(conn, &caller, &repository).map(|rights| (repository, rights)))
                .collect::<std::result::Result<_, _>>()?;
            Ok(Paged { rows, total_count })
        })
        .await
}

/// The caller as a statement about visibility sees it.
pub(in crate::forge) fn viewer_of(caller: &Caller) -> Viewer {
    Viewer {
        id: caller.user_id(),
        is_admin: caller.is_site_admin(),
        is_restricted: caller.user().is_some_and(|user| user.is_restricted),
        is_public_only: caller.is_public_only(),
        only: caller.only_repositories().map(<[_]>::to_vec),
    }
}

/// What a page of repositories shows beside their rows.
#[derive(Debug, Clone)]
pub struct Details {
    /// The owner's account.
    pub owner: User,
    /// Branches.
    pub branch_count: u64,
    /// Forks.
    pub fork_count: u64,
    /// What it was forked from, with the caller's rights there, if the caller may see it.
    pub parent: Option<Box<(Repository, RepositoryRights, Details)>>,
    /// Releases that are no drafts.
    pub release_count: u64,
    /// Topics by name.
    pub topics: Vec<String>,
    /// Its main language; empty: none was counted.
    pub language: String,
    /// Stars.
    pub star_count: u64,
    /// Watches.
    pub watcher_count: u64,
    /// How it is kept, if it is a mirror.
    pub mirror: Option<Mirror>,
}

/// Reads what is shown of repositories the caller was already shown, in their order. The branches of a repository that is open are counted in
/// memory, the others in the database.
///
/// Errors: `NotFound` when one of them was deleted meanwhile.
pub async fn details(forge: &Forge, caller: &Caller, repositories: &[Repository]) -> Result<Vec<Details>> {
    let look = |repository: &Repository| (repository.clone(), forge.directory.view_if_open(repository.id.get()));
    let wanted: Vec<_> = repositories.iter().map(look).collect();
    let caller = caller.clone();
    forge
        .read("read repository details", move |conn| {
            let mut parents = HashMap::new();
            for id in wanted.iter().filter_map(|(repository, _)| repository.fork_id) {
                if let Some(found) = find_parent(conn, &caller, id)? {
                    parents.insert(id, found);
                }
            }
            let ids: Vec<RepoId> =
                wanted.iter().map(|(repository, _)| repository.id).chain(parents.keys().copied()).collect();
            let mut reading = Reading::begin(conn, &ids)?;
            let mut details = Vec::with_capacity(wanted.len());
            for (repository, view) in wanted {
                let branch_count = match view {
                    Some(view) => view.refs.iter_prefix("refs/heads/").count() as u64,
                    None => db::repositories::count_branches(conn, repository.id)?,
                };
                let mut shown = reading.of(&repository, branch_count)?;
                if let Some((parent, rights)) = repository.fork_id.and_then(|id| parents.get(&id)) {
                    let branch_count = db::repositories::count_branches(conn, parent.id)?;
                    let of_parent = reading.of(parent, branch_count)?;
                    shown.parent = Some(Box::new((parent.clone(), *rights, of_parent)));
                }
                details.push(shown);
            }
            Ok(details)
        })
        .await
}

/// What is read once for a whole page.
struct Reading<'a> {
    conn: &'a dyn Connection,
    /// A page mostly belongs to few.
    owners: HashMap<UserId, User>,
    topics: HashMap<RepoId, Vec<String>>,
    languages: HashMap<RepoId, String>,
    stars: HashMap<RepoId, u64>,
    watches: HashMap<RepoId, u64>,
}

impl<'a> Reading<'a> {
    fn begin(conn: &'a dyn Connection, ids: &[RepoId]) -> Result<Self> {
        Ok(Self {
            conn,
            owners: HashMap::new(),
            topics: db::topics::of_repositories(conn, ids)?,
            languages: db::languages::main_of_repositories(conn, ids)?,
            stars: db::interests::count_of_repositories(conn, Interest::Star, ids)?,
            watches: db::interests::count_of_repositories(conn, Interest::Watch, ids)?,
        })
    }

    /// All but the parent.
    fn of(&mut self, repository: &Repository, branch_count: u64) -> Result<Details> {
        let owner = match self.owners.get(&repository.owner_id) {
            Some(known) => known.clone(),
            None => {
                let found = db::users::find(self.conn, repository.owner_id)?.ok_or_else(Error::not_found)?;
                self.owners.insert(repository.owner_id, found.clone());
                found
            }
        };
        Ok(Details {
            owner,
            branch_count,
            fork_count: db::repositories::count_forks(self.conn, repository.id)?,
            parent: None,
            release_count: db::releases::count_published(self.conn, repository.id)?,
            topics: self.topics.get(&repository.id).cloned().unwrap_or_default(),
            language: self.languages.get(&repository.id).cloned().unwrap_or_default(),
            star_count: self.stars.get(&repository.id).copied().unwrap_or(0),
            watcher_count: self.watches.get(&repository.id).copied().unwrap_or(0),
            mirror: match repository.is_mirror {
                true => db::mirrors::find(self.conn, repository.id)?,
                false => None,
            },
        })
    }
}

/// What a repository was forked from, for a caller who may see it.
fn find_parent(conn: &dyn Connection, caller: &Caller, id: RepoId) -> Result<Option<(Repository, RepositoryRights)>> {
    let Some(parent) = db::repositories::find(conn, id)? else { return Ok(None) };
    let rights = rights_in(conn, caller, &parent)?;
    Ok((rights.level >= AccessLevel::Read).then_some((parent, rights)))
}
