//! Commits, trees and tags, and files with a meaning: what the checks of a push let pass, everything else here must be able to read.

use super::{blames_the_peer, first};
use crate::{
    Kind, ObjectId, commit_text,
    create::{
        commit::CommitDraft,
        entries::{parse_tree, write_tree},
    },
    fsck::{
        self, Link, Policy, Rule,
        blobs::{self, Role},
    },
    walk::{self, TreeEntries},
};

const MAX_ENTRIES: u64 = 10_000;

fn id() -> ObjectId {
    ObjectId::from([1; 20])
}

fn lenient() -> Policy {
    Policy { tolerated: Rule::ALL.iter().copied().collect() }
}

/// What an object refers to if the default policy accepts it. What is accepted is accepted by a policy that tolerates more.
fn links(kind: Kind, data: &[u8]) -> Option<Vec<(ObjectId, Kind)>> {
    let check = |policy: &Policy| {
        let mut links = Vec::new();
        let outcome = fsck::check(kind, &id(), data, policy, MAX_ENTRIES, &mut |link| {
            if let Link::Object { id, kind } = link {
                links.push((id, kind));
            }
            Ok(())
        });
        blames_the_peer(outcome).map(|()| links)
    };
    let (strict, tolerant) = (check(&Policy::default()), check(&lenient()));
    if strict.is_some() {
        assert_eq!(strict, tolerant);
    }
    strict
}

pub(super) fn commit(data: &[u8]) {
    let mut parents = Vec::new();
    let walked = walk::read_commit(data, &mut parents);
    let draft = CommitDraft::parse(&id(), data);
    if let Some(links) = links(Kind::Commit, data) {
        let (tree, _) = walked.unwrap();
        let mut expected = vec![(tree, Kind::Tree)];
        expected.extend(parents.iter().map(|parent| (*parent, Kind::Commit)));
        assert_eq!(links, expected);
        let draft = draft.as_ref().unwrap();
        assert_eq!((draft.tree, &draft.parents), (tree, &parents));
        let text = commit_text::parse(&id(), data).unwrap();
        assert_eq!((text.tree, &text.parents), (tree, &parents));
    }
    if let Ok(draft) = draft {
        let again = CommitDraft::parse(&id(), &draft.to_bytes()).unwrap();
        assert_eq!((again.tree, &again.parents, &again.message), (draft.tree, &draft.parents, &draft.message));
        assert!(draft.subject().len() <= draft.message.len());
    }
}

pub(super) fn tree(data: &[u8]) {
    let mut entries = TreeEntries::new(data);
    let found: Vec<_> = entries.by_ref().map(|entry| (entry.id, entry.kind)).collect();
    let parsed = parse_tree(&id(), data);
    if let Some(links) = links(Kind::Tree, data) {
        assert!(!entries.is_broken());
        let expected: Vec<_> = found.into_iter().filter_map(|(id, kind)| Some((id, kind?))).collect();
        assert_eq!(links, expected);
        parsed.as_ref().unwrap();
    }
    if let Ok(mut entries) = parsed {
        let written = write_tree(&mut entries);
        let mut again = parse_tree(&id(), &written).unwrap();
        assert!(write_tree(&mut again) == written);
    }
}

pub(super) fn tag(data: &[u8]) {
    let read = walk::read_tag(data);
    if let Some(links) = links(Kind::Tag, data) {
        assert_eq!(links, [read.unwrap()]);
    }
}

/// `.gitmodules` and `.gitattributes`.
pub(super) fn special_blobs(data: &[u8]) {
    let (role, content) = first(data);
    let role = if role & 1 == 0 { Role::GitModules } else { Role::GitAttributes };
    let header = Some((Kind::Blob, content.len() as u64));
    let check = |policy: &Policy| blames_the_peer(blobs::check(role, &id(), header, policy, || Ok(content.to_vec())));
    let (strict, tolerant) = (check(&Policy::default()), check(&lenient()));
    assert!(strict.is_none() || tolerant.is_some());
}
