//! Releases: a tag with a title, notes and files. The row, what makes one, and what selects them.

use super::{ReleaseId, RepoId, UserId, UtcMs};

/// One release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Row id.
    pub id: ReleaseId,
    /// The repository.
    pub repo_id: RepoId,
    /// Name of its tag, without `refs/tags/`; unique in the repository.
    pub tag: String,
    /// Where the tag was, or will be, made: a branch, a tag or a commit id.
    pub target: String,
    /// Title.
    pub title: String,
    /// Notes, Markdown.
    pub body: String,
    /// Seen only by those who may write; its tag may not exist.
    pub is_draft: bool,
    /// Not the latest one, whatever its date.
    pub is_prerelease: bool,
    /// Who made it.
    pub author_id: UserId,
    /// When the row was made.
    pub created_ms: UtcMs,
    /// When it was first shown to everybody; of a draft as [`Release::created_ms`].
    pub published_ms: UtcMs,
}

/// What makes a release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewRelease {
    /// Name of the tag.
    pub tag: String,
    /// Where to make the tag if it does not exist; empty: the default branch.
    pub target: String,
    /// Title.
    pub title: String,
    /// Notes.
    pub body: String,
    /// Keep it hidden and make no tag yet.
    pub is_draft: bool,
    /// Not for everybody's use.
    pub is_prerelease: bool,
    /// Message of an annotated tag; empty: a lightweight one.
    pub tag_message: String,
}

/// Changes to a release; `None` keeps a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReleasePatch {
    /// Another tag.
    pub tag: Option<String>,
    /// Another target.
    pub target: Option<String>,
    /// Another title.
    pub title: Option<String>,
    /// Other notes.
    pub body: Option<String>,
    /// Publish (false) or hide (true).
    pub is_draft: Option<bool>,
    /// Pre-release or not.
    pub is_prerelease: Option<bool>,
}

/// Which releases a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReleaseFilter {
    /// The viewer may see drafts at all.
    pub sees_drafts: bool,
    /// Only drafts, or none.
    pub is_draft: Option<bool>,
    /// Only pre-releases, or none.
    pub is_prerelease: Option<bool>,
    /// Text looked for in tag and title; empty: all.
    pub keyword: String,
}
