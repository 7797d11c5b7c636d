//! All objects of a repository as plain data, read from `git cat-file` by code of its own: what the differential test reasons with.

use std::collections::{BTreeMap, BTreeSet};

use crate::testgit::TestRepo;

/// What one object refers to.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) kind: String,
    /// Everything but the parents of a commit.
    links: Vec<String>,
    pub(super) parents: Vec<String>,
    time: u64,
}

/// Every object by its id.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) nodes: BTreeMap<String, Node>,
}

impl Model {
    pub(super) fn read(repo: &TestRepo) -> Self {
        let (ok, out, error) = repo.run(&["cat-file", "--batch-all-objects", "--batch"], &[], &[]);
        assert!(ok, "{error}");
        let mut rest = &out[..];
        let mut nodes = BTreeMap::new();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
            let head = String::from_utf8(rest[..end].to_vec()).unwrap();
            let words: Vec<&str> = head.split(' ').collect();
            let size: usize = words[2].parse().unwrap();
            let data = &rest[end + 1..end + 1 + size];
            rest = &rest[end + size + 2..];
            nodes.insert(words[0].to_owned(), read_node(words[1], data));
        }
        Model { nodes }
    }

    /// Whether some commit claims to be older than one of its parents.
    pub(super) fn is_skewed(&self) -> bool {
        let time = |id: &String| self.nodes.get(id).map_or(0, |node| node.time);
        self.nodes.values().any(|node| node.parents.iter().any(|parent| time(parent) > node.time))
    }

    /// The ids of all commits.
    pub(super) fn commits(&self) -> Vec<String> {
        self.nodes.iter().filter(|(_, node)| node.kind == "commit").map(|(id, _)| id.clone()).collect()
    }

    /// These objects, and the tags on the way to what they peel to.
    pub(super) fn tags_of(&self, ids: &[String]) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for id in ids {
            let mut id = id.clone();
            while let Some(node) = self.nodes.get(&id).filter(|node| node.kind == "tag") {
                all.insert(id);
                id = node.links[0].clone();
            }
            all.insert(id);
        }
        all
    }

    /// The object at the end of a chain of tags.
    pub(super) fn peeled(&self, id: &str) -> String {
        let mut id = id.to_owned();
        while let Some(node) = self.nodes.get(&id).filter(|node| node.kind == "tag") {
            id = node.links[0].clone();
        }
        id
    }

    /// Everything that can be reached, when the commits of `cut` have no parents.
    pub(super) fn closure<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i String>,
        cut: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<String> = ids.into_iter().cloned().collect();
        while let Some(id) = open.pop() {
            let Some(node) = self.nodes.get(&id) else { continue };
            if !seen.insert(id.clone()) {
                continue;
            }
            open.extend(node.links.iter().cloned());
            if !cut.contains(&id) {
                open.extend(node.parents.iter().cloned());
            }
        }
        seen
    }
}

fn read_node(kind: &str, data: &[u8]) -> Node {
    let mut node = Node { kind: kind.to_owned(), ..Node::default() };
    if kind == "tree" {
        let mut rest = data;
        while !rest.is_empty() {
            let nul = rest.iter().position(|byte| *byte == 0).unwrap();
            let id = &rest[nul + 1..nul + 21];
            if !rest.starts_with(b"160000 ") {
                node.links.push(id.iter().map(|byte| format!("{byte:02x}")).collect());
            }
            rest = &rest[nul + 21..];
        }
    } else if kind != "blob" {
        let text = String::from_utf8_lossy(data);
        for line in text.lines().take_while(|line| !line.is_empty()) {
            match line.split_once(' ') {
                Some(("committer", who)) => {
                    node.time = who.split(' ').rev().nth(1).and_then(|time| time.parse().ok()).unwrap_or(0);
                }
                Some(("parent", id)) => node.parents.push(id.to_owned()),
                Some(("tree" | "object", id)) => node.links.push(id.to_owned()),
                _ => {}
            }
        }
    }
    node
}
