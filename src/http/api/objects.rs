//! Reads branches, tags and refs of one repository view, with the objects they point at.
//!
//! Owns selection, order and paging of refs as Gitea shows them. Works on an immutable view and blocks on disk, so
//! handlers run it on the blocking pool through [`on_view`]. Refuses SQL and rights. Called by `api/branches.rs`,
//! `api/tags.rs` and `api/refs.rs`.

use std::sync::Arc;

use atomicqms_git::{self as git, Kind, ObjectId, View};

use super::commit_text::{self, CommitText, Signature};
use super::tip_orders::TipOrders;
use crate::error::{Error, Result};
use crate::model::{Page, Paged, RepoId};

/// A branch and the commit at its tip.
#[derive(Debug, Clone)]
pub struct BranchTip {
    /// Name without `refs/heads/`.
    pub name: String,
    /// Commit id.
    pub id: ObjectId,
    /// The commit.
    pub commit: CommitText,
}

/// A tag and what it points at.
#[derive(Debug, Clone)]
pub struct TagTip {
    /// Name without `refs/tags/`.
    pub name: String,
    /// The ref's own target: the tag object, or the commit of a lightweight tag.
    pub id: ObjectId,
    /// The first object that is not a tag.
    pub object: ObjectId,
    /// Who tagged or, for a lightweight tag, who committed; a tag may name nobody.
    pub tagger: Option<Signature>,
    /// Message of the tag object or of the commit.
    pub message: String,
}

/// A ref and the kind of object it points at.
#[derive(Debug, Clone)]
pub struct RefTip {
    /// Full name.
    pub name: String,
    /// Target, tags not peeled.
    pub id: ObjectId,
    /// What the target is.
    pub kind: Kind,
}

/// Runs a read of a view on the blocking pool.
///
/// Errors: `Internal` when the repository is damaged or the read panicked.
pub async fn on_view<T, F>(view: Arc<View>, read: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&View) -> git::Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(move || read(&view)).await {
        Ok(answer) => answer.map_err(Error::internal),
        Err(fault) => Err(Error::internal(fault)),
    }
}

/// One page of branches, the most recently committed first, then by name.
///
/// Shape: `keyword` selects names that contain it, in any letter case; empty selects all.
pub fn list_branches(
    view: &View,
    orders: &TipOrders,
    repository: RepoId,
    keyword: &str,
    page: Page,
) -> git::Result<Paged<BranchTip>> {
    let keyword = keyword.to_lowercase();
    let date = |entry: &git::Ref| Ok(branch_tip(view, "", entry.target)?.commit.committer.seconds);
    let mut found: Vec<(&str, ObjectId)> = Vec::new();
    for entry in orders.list(view, repository, BRANCHES, date)? {
        let name = entry.name.as_str().strip_prefix(BRANCHES).unwrap_or_default();
        if keyword.is_empty() || name.to_lowercase().contains(&keyword) {
            found.push((name, entry.target));
        }
    }
    let page = cut(found, page);
    let rows = page.rows.into_iter().map(|(name, id)| branch_tip(view, name, id)).collect::<git::Result<_>>()?;
    Ok(Paged { rows, total_count: page.total_count })
}

/// One branch by its name without `refs/heads/`.
pub fn find_branch(view: &View, name: &str) -> git::Result<Option<BranchTip>> {
    match view.refs.get(&format!("{BRANCHES}{name}")) {
        Some(entry) => branch_tip(view, name, entry.target).map(Some),
        None => Ok(None),
    }
}

/// One page of tags, the newest first, then by name.
pub fn list_tags(view: &View, orders: &TipOrders, repository: RepoId, page: Page) -> git::Result<Paged<TagTip>> {
    let date = |entry: &git::Ref| Ok(tag_tip(view, entry)?.tagger.map_or(i64::MIN, |tagger| tagger.seconds));
    let page = cut(orders.list(view, repository, TAGS, date)?, page);
    let rows = page.rows.into_iter().map(|entry| tag_tip(view, entry)).collect::<git::Result<_>>()?;
    Ok(Paged { rows, total_count: page.total_count })
}

/// One tag by its name without `refs/tags/`.
pub fn find_tag(view: &View, name: &str) -> git::Result<Option<TagTip>> {
    view.refs.get(&format!("{TAGS}{name}")).map(|entry| tag_tip(view, entry)).transpose()
}

/// Refs whose full name is `prefix` or begins with it, by name.
pub fn list_refs(view: &View, prefix: &str) -> git::Result<Vec<RefTip>> {
    let mut tips = Vec::new();
    for entry in view.refs.iter_prefix(prefix) {
        let kind = kind_of(view, &entry.target)?;
        tips.push(RefTip { name: entry.name.as_str().to_owned(), id: entry.target, kind });
    }
    Ok(tips)
}

const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";

fn branch_tip(view: &View, name: &str, id: ObjectId) -> git::Result<BranchTip> {
    let object = view.odb.read(&id)?;
    Ok(BranchTip { name: name.to_owned(), id, commit: commit_text::read_commit(&object.data) })
}

fn tag_tip(view: &View, entry: &git::Ref) -> git::Result<TagTip> {
    let name = entry.name.as_str().strip_prefix(TAGS).unwrap_or_default().to_owned();
    let id = entry.target;
    let object = view.odb.read(&id)?;
    let (object_id, tagger, message) = match object.kind {
        Kind::Tag => {
            let tag = commit_text::read_tag(&object.data);
            (entry.peeled.unwrap_or(id), tag.tagger, tag.message)
        }
        Kind::Commit => {
            let commit = commit_text::read_commit(&object.data);
            (id, Some(commit.committer), commit.message.trim().to_owned())
        }
        Kind::Tree | Kind::Blob => (id, None, String::new()),
    };
    Ok(TagTip { name, id, object: object_id, tagger, message })
}

fn kind_of(view: &View, id: &ObjectId) -> git::Result<Kind> {
    match view.odb.header(id)? {
        Some((kind, _)) => Ok(kind),
        None => Err(git::Error::Lost { id: *id }),
    }
}

fn cut<T>(rows: Vec<T>, page: Page) -> Paged<T> {
    let total_count = rows.len() as u64;
    let skip = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let take = usize::try_from(page.limit).unwrap_or(usize::MAX);
    Paged { rows: rows.into_iter().skip(skip).take(take).collect(), total_count }
}
