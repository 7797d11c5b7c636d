//! Looking into files at the present tip of a default branch. Owns what counts as found and which of it is on the page; blocks, so it runs on the blocking pool.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use atomicqms_git as git;
use git::create::commit::CommitDraft;
use git::history::{Entry, entry_at};
use git::{Kind, ObjectId, View};

use crate::db::code_index::Candidate;
use crate::model::code_search::CodeQuery;
use crate::model::code_search::lines::{LineMatch, find_lines};
use crate::model::{Page, RepoId};

/// Lines that are shown of one file.
const LINES: usize = 10;
/// Directories whose trees are remembered while one repository is looked into.
const DIRECTORIES: usize = 256;

/// What is looked for in one repository.
pub(super) struct Look {
    pub(super) view: Arc<View>,
    /// The default branch.
    pub(super) branch: String,
    pub(super) query: Arc<CodeQuery>,
    pub(super) max_file_bytes: u64,
    pub(super) until: Instant,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Looked {
    skip: u64,
    take: u64,
    /// Files that match.
    pub(super) count: u64,
    /// Those of the page.
    pub(super) files: Vec<Found>,
    /// Something could not be looked at.
    pub(super) is_incomplete: bool,
}

/// A file that matches.
pub(super) struct Found {
    pub(super) repo: RepoId,
    pub(super) commit: ObjectId,
    pub(super) path: Vec<u8>,
    pub(super) blob: ObjectId,
    pub(super) language: String,
    pub(super) matches: Vec<LineMatch>,
}

impl Looked {
    pub(super) fn new(page: Page) -> Self {
        let skip = u64::try_from(page.offset()).unwrap_or(u64::MAX);
        Self { skip, take: page.limit, ..Self::default() }
    }

    /// Something was found behind the page.
    pub(super) fn has_more(&self) -> bool {
        self.count > self.skip.saturating_add(self.take)
    }
}

impl Look {
    /// Looks into files of one repository until the page is full or the time is over.
    pub(super) fn into_files(self, mut looked: Looked, candidates: Vec<Candidate>) -> Looked {
        let tip = match self.tip() {
            Ok(Some(tip)) => tip,
            Ok(None) => return looked,
            Err(error) => {
                tracing::warn!(%error, "the tip of a default branch could not be read for a search");
                looked.is_incomplete = true;
                return looked;
            }
        };
        let mut directories = HashMap::new();
        let mut data = Vec::new();
        for candidate in candidates {
            if Instant::now() >= self.until {
                looked.is_incomplete = true;
                break;
            }
            let repo = candidate.repo.get();
            match self.look(&mut looked, tip, candidate, &mut directories, &mut data) {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(repo.id = repo, %error, "a file could not be read for a search");
                    looked.is_incomplete = true;
                }
            }
            if looked.has_more() {
                break;
            }
        }
        looked
    }

    /// The commit at the tip and its tree.
    fn tip(&self) -> git::Result<Option<(ObjectId, ObjectId)>> {
        let Some(tip) = self.view.refs.get(&format!("refs/heads/{}", self.branch)) else { return Ok(None) };
        let commit = CommitDraft::parse(&tip.target, &self.view.odb.read(&tip.target)?.data)?;
        Ok(Some((tip.target, commit.tree)))
    }

    fn look(
        &self,
        looked: &mut Looked,
        (commit, tree): (ObjectId, ObjectId),
        candidate: Candidate,
        directories: &mut HashMap<Vec<u8>, Option<ObjectId>>,
        data: &mut Vec<u8>,
    ) -> git::Result<()> {
        let Candidate { repo, path, language, .. } = candidate;
        let Some(entry) = self.entry(&tree, &path, directories)?.filter(Entry::is_file) else { return Ok(()) };
        let odb = &self.view.odb;
        let (kind, size) = odb.header(&entry.id)?.ok_or(git::Error::Lost { id: entry.id })?;
        if kind != Kind::Blob || size > self.max_file_bytes {
            return Ok(());
        }
        odb.find(&entry.id, data)?.ok_or(git::Error::Lost { id: entry.id })?;
        if git::diff::is_binary(data) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(data);
        // Of files that are not on the page nobody sees the lines.
        let is_shown = (looked.skip..looked.skip.saturating_add(looked.take)).contains(&looked.count);
        let most = if is_shown { LINES } else { 0 };
        match find_lines(&text, &self.query.pattern, most, &|| Instant::now() < self.until) {
            Err(_) => looked.is_incomplete = true,
            Ok((false, _)) => {}
            Ok((true, matches)) => {
                looked.count += 1;
                if is_shown {
                    looked.files.push(Found { repo, commit, path, blob: entry.id, language, matches });
                }
            }
        }
        Ok(())
    }

    /// What a path names at the tip; the tree of its directory is remembered.
    fn entry(
        &self,
        tree: &ObjectId,
        path: &[u8],
        directories: &mut HashMap<Vec<u8>, Option<ObjectId>>,
    ) -> git::Result<Option<Entry>> {
        let odb = &self.view.odb;
        let Some(slash) = path.iter().rposition(|byte| *byte == b'/') else { return entry_at(odb, tree, path) };
        let (directory, name) = path.split_at(slash);
        let known = match directories.get(directory) {
            Some(known) => *known,
            None => {
                let found = entry_at(odb, tree, directory)?.filter(Entry::is_tree).map(|entry| entry.id);
                if directories.len() < DIRECTORIES {
                    directories.insert(directory.to_vec(), found);
                }
                found
            }
        };
        known.map_or(Ok(None), |tree| entry_at(odb, &tree, name))
    }
}
