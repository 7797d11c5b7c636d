//! Finds and renders what `contents` shows of an entry: type, content, link target, submodule address, last commit, addresses.
//!
//! Owns the rules of Gitea's `ContentsResponse`. Blocks on disk; called by `api/contents.rs` and `api/contents_write.rs` on the blocking pool.

use std::sync::atomic::AtomicBool;

use atomicqms_git::View;
use atomicqms_git::revision::{Revision, RevisionKind};
use base64::Engine as _;

use super::contents::Found;
use super::directories::{Directories, Item, LastCommit, item_at};
use super::git_path::find_commit;
use super::json::{ContentsJson, FileLinksJson, Timestamp};
use super::lfs_pointer::{self, Pointer};
use super::submodules;
use super::urls::Urls;
use crate::error::{Error, Result};
use crate::model::Repository;

/// Larger files are shown without content, as in Gitea. Units: bytes.
pub(super) const MAX_CONTENT_BYTES: u64 = 10 << 20;
/// Longest link target that is shown. Units: bytes.
const MAX_TARGET_BYTES: usize = 1024;

/// What is shown besides the plain facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Includes {
    /// Content of a single file, and what an LFS pointer says.
    pub(super) content: bool,
    /// What LFS pointers say.
    pub(super) lfs: bool,
    /// Id and dates of the last commit.
    pub(super) commit: bool,
    /// Its message.
    pub(super) message: bool,
}

impl Includes {
    /// Reads the names of `contents-ext`, separated by commas; others are passed over.
    pub(super) fn parse(text: &str) -> Self {
        let has = |name: &str| text.split(',').any(|word| word.trim() == name);
        Self {
            content: has("file_content"),
            lfs: has("lfs_metadata"),
            commit: has("commit_metadata"),
            message: has("commit_message"),
        }
    }
}

/// What a request names.
pub(super) struct Asked {
    /// Cleaned path.
    pub(super) path: String,
    /// Revision as the client wrote it; empty for the default branch.
    pub(super) reference: String,
    /// What is shown of it.
    pub(super) includes: Includes,
}

/// Where entries are read.
pub(super) struct Place<'a> {
    pub(super) view: &'a View,
    pub(super) directories: &'a Directories,
    pub(super) repository: &'a Repository,
    pub(super) root_url: &'a str,
    pub(super) interrupt: &'a AtomicBool,
}

/// An entry on its way to be rendered.
struct Facts<'a> {
    path: String,
    item: Item,
    last: Option<&'a LastCommit>,
    is_single: bool,
}

impl Place<'_> {
    /// Reads what a request names.
    ///
    /// Errors: `NotFound`; `TooLarge` for a directory with too many entries.
    pub(super) fn read(&self, asked: &Asked) -> Result<Found> {
        // An empty repository has an empty root, and nothing else.
        if self.view.refs.is_empty() && asked.path.is_empty() && asked.reference.is_empty() {
            return Ok(Found::List(Vec::new()));
        }
        let revision = find_commit(self.view, &asked.reference, &self.repository.default_branch, self.interrupt)?;
        let path = asked.path.as_bytes();
        let item = item_at(self.view, revision.commit, path)?.ok_or_else(Error::not_found)?;
        if item.entry.is_tree() {
            return self.read_directory(asked, &revision).map(Found::List);
        }
        let wants_last = asked.includes.commit || asked.includes.message;
        let mut last = match wants_last {
            true => {
                self.directories.last_of_path(self.view, self.repository.id, revision.commit, path, self.interrupt)?
            }
            false => None,
        };
        // A list remembers no messages.
        if let Some(last) = last.as_mut().filter(|last| asked.includes.message && last.text.message.is_empty()) {
            last.text.message = self.message_of(last)?;
        }
        let facts = Facts { path: asked.path.clone(), item, last: last.as_ref(), is_single: true };
        self.render(asked, &revision, &facts).map(|entry| Found::One(Box::new(entry)))
    }

    /// Renders a file as the commit that has just changed it leaves it; none: it is gone. Its content is shown while it fits into `left` bytes.
    ///
    /// Errors: those of the object database.
    pub(super) fn written(
        &self,
        branch: &str,
        commit: &LastCommit,
        path: &str,
        left: &mut u64,
    ) -> Result<Option<ContentsJson>> {
        let Some(item) = item_at(self.view, commit.id, path.as_bytes())? else { return Ok(None) };
        let rest = left.checked_sub(item.size);
        *left = rest.unwrap_or(*left);
        let includes = Includes { content: rest.is_some(), lfs: false, commit: true, message: false };
        let asked = Asked { path: path.to_owned(), reference: branch.to_owned(), includes };
        let revision = Revision { kind: RevisionKind::Branch, name: branch.to_owned(), commit: commit.id };
        let facts = Facts { path: asked.path.clone(), item, last: Some(commit), is_single: true };
        self.render(&asked, &revision, &facts).map(Some)
    }

    fn read_directory(&self, asked: &Asked, revision: &Revision) -> Result<Vec<ContentsJson>> {
        let (path, commit) = (asked.path.as_bytes(), revision.commit);
        let directory = self.directories.at(self.view, self.repository.id, commit, path, self.interrupt)?;
        let directory = directory.ok_or_else(Error::not_found)?;
        let mut list = Vec::with_capacity(directory.rows.len());
        for row in &directory.rows {
            let name = String::from_utf8_lossy(&row.name);
            let path = if asked.path.is_empty() { name.into_owned() } else { format!("{}/{name}", asked.path) };
            let with_message;
            let mut last = directory.last_of(row);
            if let Some(known) = last.filter(|_| asked.includes.message) {
                let mut copy = known.clone();
                copy.text.message = self.message_of(known)?;
                with_message = copy;
                last = Some(&with_message);
            }
            let facts = Facts { path, item: row.item, last, is_single: false };
            list.push(self.render(asked, revision, &facts)?);
        }
        Ok(list)
    }

    fn message_of(&self, last: &LastCommit) -> Result<String> {
        let object = self.view.odb.read(&last.id)?;
        Ok(super::commit_text::read_commit(&object.data).message)
    }

    fn render(&self, asked: &Asked, revision: &Revision, facts: &Facts<'_>) -> Result<ContentsJson> {
        let (entry, full_name, urls) = (facts.item.entry, self.repository.full_name(), Urls::new(self.root_url));
        let (includes, id) = (asked.includes, entry.id.to_string());
        let reference = if asked.reference.is_empty() { &self.repository.default_branch } else { &asked.reference };
        let place = match revision.kind {
            RevisionKind::Branch => format!("branch/{}", revision.name),
            RevisionKind::Tag => format!("tag/{}", revision.name),
            RevisionKind::Commit => format!("commit/{}", revision.name),
        };
        let kind = kind_of(&facts.item);
        let this = urls.api_contents(&full_name, &facts.path, reference);
        let html = (kind != "submodule").then(|| urls.file(&full_name, "src", &place, &facts.path));
        let git = (kind != "submodule")
            .then(|| urls.api_object(&full_name, if entry.is_tree() { "tree" } else { "blob" }, &id));
        let (content, pointer) = self.content(facts, includes)?;
        let shown = facts.last.filter(|_| includes.commit);
        Ok(ContentsJson {
            name: facts.path.rsplit('/').next().unwrap_or_default().to_owned(),
            sha: id,
            last_commit_sha: shown.map(|last| last.id.to_string()),
            last_committer_date: shown.map(|last| Timestamp::of(&last.text.committer)),
            last_author_date: shown.map(|last| Timestamp::of(&last.text.author)),
            last_commit_message: facts.last.filter(|_| includes.message).map(|last| last.text.message.clone()),
            kind,
            size: facts.item.size,
            encoding: content.is_some().then_some("base64"),
            content,
            target: if kind == "symlink" { Some(self.target(&facts.item)?) } else { None },
            download_url: entry.is_blob().then(|| urls.file(&full_name, "raw", &place, &facts.path)),
            submodule_git_url: match kind {
                "submodule" => submodules::url_of(self.view, revision.commit, &facts.path)?,
                _ => None,
            },
            links: FileLinksJson { this: this.clone(), git: git.clone(), html: html.clone() },
            url: this,
            html_url: html,
            git_url: git,
            lfs_oid: pointer.as_ref().map(|pointer| pointer.oid.clone()),
            lfs_size: pointer.map(|pointer| pointer.size),
            path: facts.path.clone(),
        })
    }

    /// The content of a single file in base64, and what it says as an LFS pointer.
    fn content(&self, facts: &Facts<'_>, includes: Includes) -> Result<(Option<String>, Option<Pointer>)> {
        let (item, wants_content) = (&facts.item, includes.content && facts.is_single);
        let may_be_pointer = item.size <= lfs_pointer::MAX_BYTES && (wants_content || includes.lfs);
        let is_shown = wants_content && item.size <= MAX_CONTENT_BYTES;
        if !item.entry.is_file() || !(is_shown || may_be_pointer) {
            return Ok((None, None));
        }
        let data = self.view.odb.read(&item.entry.id)?.data;
        let pointer = if may_be_pointer { lfs_pointer::parse(&data) } else { None };
        Ok((is_shown.then(|| base64::engine::general_purpose::STANDARD.encode(&data)), pointer))
    }

    fn target(&self, item: &Item) -> Result<String> {
        if item.size > MAX_CONTENT_BYTES {
            return Ok(String::new());
        }
        let data = self.view.odb.read(&item.entry.id)?.data;
        Ok(String::from_utf8_lossy(data.get(..MAX_TARGET_BYTES).unwrap_or(&data)).into_owned())
    }
}

/// What an entry is called in `type`.
pub(super) fn kind_of(item: &Item) -> &'static str {
    match item.entry {
        entry if entry.is_tree() => "dir",
        entry if entry.is_file() => "file",
        entry if entry.is_blob() => "symlink",
        _ => "submodule",
    }
}
