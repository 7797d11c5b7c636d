//! What a mirror has to change to be like its remote.
//!
//! Owns the comparison, on plain data: which refs are made, moved and removed, which objects are asked for, and when a remote is not believed.

use std::collections::BTreeSet;

use atomicqms_git::fetch::RemoteRefs;
use atomicqms_git::receive::Command;
use atomicqms_git::{ObjectId, Ref, RefName, RefTable};

/// What comes over: branches and tags, never what a server keeps for itself.
pub(super) const FOLLOWED: [&str; 2] = ["refs/heads/", "refs/tags/"];
/// Most ids that the remote is told of as being here.
pub(super) const MAX_HAVES: usize = 2000;

/// Changes that make a mirror like its remote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Refs to make, move and remove; what is removed comes first, so that another may take its place as a directory.
    pub(super) commands: Vec<Command>,
    /// The default branch, which is gone there: to be removed once another one has taken its place.
    pub(super) former_default: Option<Command>,
    /// The branch that becomes the default branch.
    pub(super) new_default: Option<RefName>,
}

/// Why a remote is not believed.
pub(super) const LOST_ALL: &str = "the remote lists no branch any more; nothing was removed here";

impl Plan {
    /// Compares. `default` is the default branch of the mirror as a full name.
    ///
    /// Errors: the words of the reason when the remote has suddenly lost everything.
    pub(super) fn make(
        own: &RefTable,
        remote: &RemoteRefs,
        default: &RefName,
        prunes: bool,
    ) -> Result<Self, &'static str> {
        let branches = |name: &RefName| name.branch().is_some();
        let had_branches = own.iter_prefix(FOLLOWED[0]).next().is_some();
        if had_branches && !remote.refs.keys().any(branches) {
            return Err(LOST_ALL);
        }
        let mut plan = Self::default();
        let head = remote.head.as_ref();
        let default_goes = prunes && own.get(default.as_str()).is_some() && !remote.refs.contains_key(default.as_str());
        if !had_branches {
            // Also a branch that does not exist there either, in an empty repository.
            let exists = |name: &&RefName| remote.refs.contains_key(name.as_str()) || remote.refs.is_empty();
            plan.new_default = head.filter(exists).filter(|name| *name != default).cloned();
        } else if default_goes {
            let is_there = |name: &&RefName| remote.refs.contains_key(name.as_str());
            plan.new_default = head.filter(is_there).cloned();
        }
        if prunes {
            for gone in followed(own).filter(|entry| !remote.refs.contains_key(entry.name.as_str())) {
                let command = command(&gone.name, Some(gone.target), None);
                if gone.name != *default {
                    plan.commands.push(command);
                } else if plan.new_default.is_some() {
                    plan.former_default = Some(command);
                }
            }
        }
        for (name, target) in &remote.refs {
            let old = own.get(name.as_str()).map(|entry| entry.target);
            if old != Some(*target) {
                plan.commands.push(self::command(name, old, Some(*target)));
            }
        }
        Ok(plan)
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.former_default.is_none() && self.new_default.is_none()
    }

    /// Ids that refs are to have.
    pub(super) fn targets(&self) -> BTreeSet<ObjectId> {
        self.commands.iter().filter_map(|command| command.new).collect()
    }

    /// Ids that are here and that the remote probably knows: first what moves, then the default branch, then the others.
    pub(super) fn haves(&self, own: &RefTable, default: &RefName) -> Vec<ObjectId> {
        let moved = self.commands.iter().filter(|command| command.new.is_some()).filter_map(|command| command.old);
        let of_default = own.get(default.as_str()).map(|entry| entry.target);
        let mut seen = BTreeSet::new();
        let all = moved.chain(of_default).chain(followed(own).map(|entry| entry.target));
        all.filter(|id| seen.insert(*id)).take(MAX_HAVES).collect()
    }
}

fn followed(own: &RefTable) -> impl Iterator<Item = &Ref> {
    FOLLOWED.iter().flat_map(|prefix| own.iter_prefix(prefix))
}

fn command(name: &RefName, old: Option<ObjectId>, new: Option<ObjectId>) -> Command {
    Command { name: name.as_bytes().to_vec(), old, new }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::oid;

    fn name(text: &str) -> RefName {
        RefName::new(text).unwrap()
    }

    fn own(refs: &[(&str, u8)]) -> RefTable {
        RefTable::from_refs(
            refs.iter().map(|(text, id)| Ref { name: name(text), target: oid(*id), peeled: None }).collect(),
        )
    }

    fn remote(refs: &[(&str, u8)], head: &str) -> RemoteRefs {
        let mut remote = RemoteRefs::default();
        remote.refs = refs.iter().map(|(text, id)| (name(text), oid(*id))).collect();
        remote.head = (!head.is_empty()).then(|| name(head));
        remote
    }

    /// The plan in words: `+name`, `~name`, `-name`, `later -name`, `default name`.
    fn told(own: &RefTable, remote: &RemoteRefs, prunes: bool) -> Result<Vec<String>, &'static str> {
        let plan = Plan::make(own, remote, &name("refs/heads/main"), prunes)?;
        let word = |command: &Command| {
            let sign = match (command.old, command.new) {
                (None, _) => '+',
                (_, None) => '-',
                _ => '~',
            };
            format!("{sign}{}", String::from_utf8_lossy(&command.name))
        };
        let mut words: Vec<String> = plan.commands.iter().map(word).collect();
        words.extend(plan.former_default.iter().map(|command| format!("later {}", word(command))));
        words.extend(plan.new_default.iter().map(|name| format!("default {name}")));
        assert_eq!(words.is_empty(), plan.is_empty());
        Ok(words)
    }

    /// Refs here, refs and `HEAD` there, whether it prunes, and the plan in words.
    type Row<'a> = (&'a [(&'a str, u8)], &'a [(&'a str, u8)], &'a str, bool, &'a [&'a str]);

    #[test]
    fn a_mirror_becomes_like_its_remote_and_keeps_what_is_its_own() {
        let main = ("refs/heads/main", 1);
        let kept = [main, ("refs/heads/old", 2), ("refs/pull/1/head", 3), ("refs/qms/x", 4), ("refs/tags/v1", 5)];
        let table: &[Row] = &[
            (&[], &[], "", true, &[]),
            (&[], &[], "refs/heads/trunk", true, &["default refs/heads/trunk"]),
            (&[], &[main], "refs/heads/main", true, &["+refs/heads/main"]),
            (
                &[],
                &[("refs/heads/trunk", 1)],
                "refs/heads/trunk",
                true,
                &["+refs/heads/trunk", "default refs/heads/trunk"],
            ),
            (&[], &[main], "refs/heads/absent", true, &["+refs/heads/main"]),
            (&kept, &[main, ("refs/heads/old", 9)], "", true, &["-refs/tags/v1", "~refs/heads/old"]),
            (&kept, &[main], "refs/heads/main", true, &["-refs/heads/old", "-refs/tags/v1"]),
            (&kept, &[main], "refs/heads/main", false, &[]),
            (
                &kept,
                &[("refs/heads/main", 7), ("refs/heads/a", 8)],
                "refs/heads/a",
                false,
                &["+refs/heads/a", "~refs/heads/main"],
            ),
            // The default branch got another name there.
            (
                &[main],
                &[("refs/heads/trunk", 1)],
                "refs/heads/trunk",
                true,
                &["+refs/heads/trunk", "later -refs/heads/main", "default refs/heads/trunk"],
            ),
            (&[main], &[("refs/heads/trunk", 1)], "", true, &["+refs/heads/trunk"]),
            (&[main], &[("refs/heads/trunk", 1)], "refs/heads/trunk", false, &["+refs/heads/trunk"]),
            // A name becomes a directory.
            (
                &[main, ("refs/heads/a", 1)],
                &[main, ("refs/heads/a/b", 1)],
                "",
                true,
                &["-refs/heads/a", "+refs/heads/a/b"],
            ),
        ];
        for (mine, theirs, head, prunes, expected) in table {
            let found = told(&own(mine), &remote(theirs, head), *prunes).unwrap();
            assert_eq!(found, *expected, "{mine:?} {theirs:?} {head} {prunes}");
        }
        for theirs in [&[][..], &[("refs/tags/v1", 5)]] {
            for prunes in [true, false] {
                assert_eq!(told(&own(&kept), &remote(theirs, ""), prunes), Err(LOST_ALL));
            }
        }
    }

    #[test]
    fn what_moves_is_named_first_and_nothing_twice() {
        let mine = own(&[
            ("refs/heads/a", 1),
            ("refs/heads/main", 2),
            ("refs/heads/z", 3),
            ("refs/pull/1/head", 9),
            ("refs/tags/t", 1),
        ]);
        let theirs =
            remote(&[("refs/heads/a", 1), ("refs/heads/main", 2), ("refs/heads/z", 7), ("refs/tags/t", 1)], "");
        let plan = Plan::make(&mine, &theirs, &name("refs/heads/main"), true).unwrap();
        assert_eq!(plan.haves(&mine, &name("refs/heads/main")), [oid(3), oid(2), oid(1)]);
        assert_eq!(plan.targets().into_iter().collect::<Vec<_>>(), [oid(7)]);
    }
}
