//! The rules of one repository, ready to be asked: which one holds for a branch, whom it lets push, which tags are protected.
//!
//! Owns matching and the lists, on plain data. The decision about a push is `forge/pushes/policy.rs`'s.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::model::{BranchRule, Glob, TagRule, TeamId, UserId, WhiteList};

/// Files: a step of a pattern ends at a slash and at a dot, as in Gitea.
const FILE_SEPARATORS: &str = "./";

/// Who moves a ref, as rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pusher<'a> {
    /// An account, and the teams it is in.
    User(UserId, &'a [TeamId]),
    /// A key of the repository.
    DeployKey,
    /// The console or the server: on no list.
    Other,
}

/// A rule of branches with its patterns.
#[derive(Debug)]
pub struct ReadyRule {
    /// The row.
    pub rule: BranchRule,
    name: NamePattern,
    protected: Vec<Glob>,
    unprotected: Vec<Glob>,
}

#[derive(Debug)]
enum NamePattern {
    /// One branch, in any letter case.
    Plain(String),
    Glob(Glob),
}

impl ReadyRule {
    /// Reads the patterns of a rule.
    ///
    /// Errors: `Invalid` naming the field.
    pub fn new(rule: BranchRule) -> Result<Self> {
        let invalid = |field: &'static str, why: String| Error::invalid(field, format!("[{field}]: {why}"));
        let name = if Glob::is_plain(&rule.name) {
            NamePattern::Plain(rule.name.to_lowercase())
        } else {
            NamePattern::Glob(Glob::new(&rule.name, "/").map_err(|why| invalid("RuleName", why))?)
        };
        let settings = &rule.settings;
        let protected =
            files(&settings.protected_file_patterns).map_err(|why| invalid("ProtectedFilePatterns", why))?;
        let unprotected =
            files(&settings.unprotected_file_patterns).map_err(|why| invalid("UnprotectedFilePatterns", why))?;
        Ok(Self { rule, name, protected, unprotected })
    }

    /// Whether the rule names one branch.
    pub fn is_plain(&self) -> bool {
        matches!(self.name, NamePattern::Plain(_))
    }

    /// Whether the rule covers a branch.
    pub fn covers(&self, branch: &str) -> bool {
        match &self.name {
            NamePattern::Plain(name) => branch.to_lowercase() == *name,
            NamePattern::Glob(glob) => glob.matches(branch),
        }
    }

    /// Whether somebody who may write to the repository may push here.
    pub fn may_push(&self, pusher: Pusher<'_>) -> bool {
        let flags = &self.rule.settings.flags;
        flags.enable_push
            && (!flags.enable_push_whitelist || self.is_on(WhiteList::Push, pusher, flags.push_whitelist_deploy_keys))
    }

    /// Whether somebody who may write to the repository may push here what is no fast-forward.
    pub fn may_force(&self, pusher: Pusher<'_>) -> bool {
        let flags = &self.rule.settings.flags;
        flags.enable_force_push
            && self.may_push(pusher)
            && (!flags.enable_force_push_allowlist
                || self.is_on(WhiteList::ForcePush, pusher, flags.force_push_allowlist_deploy_keys))
    }

    /// Whether somebody who may write to the repository may merge into it.
    pub fn may_merge(&self, pusher: Pusher<'_>) -> bool {
        !self.rule.settings.flags.enable_merge_whitelist || self.is_on(WhiteList::Merge, pusher, false)
    }

    fn is_on(&self, list: WhiteList, pusher: Pusher<'_>, deploy_keys: bool) -> bool {
        match pusher {
            Pusher::User(user, teams) => self.rule.names(list, user, teams),
            Pusher::DeployKey => deploy_keys,
            Pusher::Other => false,
        }
    }

    /// Whether the decision needs the list of changed files.
    pub fn asks_for_files(&self) -> bool {
        !self.protected.is_empty() || !self.unprotected.is_empty()
    }

    /// The first changed file that is protected.
    pub fn protected_file<'a>(&self, files: &'a BTreeSet<String>) -> Option<&'a str> {
        let hits = |file: &&String| self.protected.iter().any(|glob| glob.matches(&file.to_lowercase()));
        files.iter().find(hits).map(String::as_str)
    }

    /// Whether every changed file, and there is one, is expressly unprotected.
    pub fn are_unprotected(&self, files: &BTreeSet<String>) -> bool {
        let hits = |file: &String| self.unprotected.iter().any(|glob| glob.matches(&file.to_lowercase()));
        !files.is_empty() && files.iter().all(hits)
    }
}

fn files(patterns: &str) -> std::result::Result<Vec<Glob>, String> {
    let each = patterns.split(';').map(str::trim).filter(|pattern| !pattern.is_empty());
    each.map(|pattern| Glob::new(&pattern.to_lowercase(), FILE_SEPARATORS)).collect()
}

/// The rules of a repository's branches.
#[derive(Debug, Default)]
pub struct BranchRules(Vec<ReadyRule>);

impl BranchRules {
    /// Takes rows in order of priority.
    ///
    /// Errors: a pattern that cannot be read, which refuses whatever the rules would have been asked about.
    pub fn new(rows: Vec<BranchRule>) -> Result<Self> {
        rows.into_iter().map(ReadyRule::new).collect::<Result<_>>().map(Self)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any list names a team.
    pub fn name_teams(&self) -> bool {
        self.0.iter().any(|ready| !ready.rule.teams.is_empty())
    }

    /// Whether these are the rules that some rows have.
    pub fn are(&self, rows: &[BranchRule]) -> bool {
        self.0.iter().map(|ready| &ready.rule).eq(rows)
    }

    /// The rule in force for a branch: one that names it, else the first by priority.
    pub fn effective(&self, branch: &str) -> Option<&ReadyRule> {
        let covering = || self.0.iter().filter(|ready| ready.covers(branch));
        covering().find(|ready| ready.is_plain()).or_else(|| covering().next())
    }
}

/// The rules of a repository's tags.
#[derive(Debug, Default)]
pub struct TagRules(Vec<(TagRule, Glob)>);

impl TagRules {
    /// Takes rows.
    ///
    /// Errors: a pattern that cannot be read.
    pub fn new(rows: Vec<TagRule>) -> Result<Self> {
        let ready = rows.into_iter().map(|rule| tag_pattern(&rule.pattern).map(|glob| (rule, glob)));
        ready.collect::<Result<_>>().map(Self)
    }

    /// Whether any list names a team.
    pub fn name_teams(&self) -> bool {
        self.0.iter().any(|(rule, _)| !rule.teams.is_empty())
    }

    /// Whether these are the rules that some rows have.
    pub fn are(&self, rows: &[TagRule]) -> bool {
        self.0.iter().map(|(rule, _)| rule).eq(rows)
    }

    /// A rule about a tag, whomever it allows what.
    pub fn covering(&self, tag: &str) -> Option<&TagRule> {
        self.0.iter().find(|(_, glob)| glob.matches(tag)).map(|(rule, _)| rule)
    }

    /// A rule that keeps somebody from making, moving or deleting a tag; with several, one that allows it is enough, as in Gitea.
    pub fn against(&self, tag: &str, pusher: Pusher<'_>) -> Option<&TagRule> {
        let covering = || self.0.iter().filter(|(_, glob)| glob.matches(tag)).map(|(rule, _)| rule);
        let allows = |rule: &TagRule| match pusher {
            Pusher::User(user, teams) => {
                rule.users.iter().any(|(id, _)| *id == user) || rule.teams.iter().any(|(id, _)| teams.contains(id))
            }
            Pusher::DeployKey | Pusher::Other => false,
        };
        if covering().any(allows) { None } else { covering().next() }
    }
}

/// Reads the pattern of a rule of tags: a regular expression between slashes, otherwise a glob that crosses them.
///
/// Errors: `Invalid`.
pub fn tag_pattern(pattern: &str) -> Result<Glob> {
    let regular = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|inner| !inner.is_empty());
    let read = match regular {
        Some(expression) => Glob::regular(expression),
        None => Glob::new(pattern, ""),
    };
    read.map_err(|why| Error::invalid("name_pattern", format!("[NamePattern]: {why}")))
}

#[cfg(test)]
mod tests;
