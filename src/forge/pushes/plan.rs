//! Decides what each command of a push asks for, from plain data: names, the refs that exist, the kinds of the new tips.
//!
//! Owns the rules that hold for every push whoever sends it. Refuses to own rights and protection rules, which are evaluated
//! in the commit transaction, and the compare-and-set, which is the repository actor's. Called by `forge/pushes.rs`.

use std::collections::HashSet;

use atomicqms_git::odb::Snapshot;
use atomicqms_git::receive::Command;
use atomicqms_git::{RefEdit, RefName, View};

use super::policy::{Intent, NO_PROPOSALS, Purpose};

/// Namespaces that only the server writes; they are not shown to pushing clients either.
pub const HIDDEN_FROM_PUSH: &[&str] = &["refs/pull/", "refs/qms/"];

/// What one command comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Planned {
    /// A change to try.
    Edit(RefEdit),
    /// The ref is there already, exactly so.
    Unchanged,
    /// Refused for this reason, as the client will read it.
    Refused(String),
}

impl Planned {
    /// The change, when it is one.
    pub(super) fn edit(&self) -> Option<&RefEdit> {
        match self {
            Self::Edit(edit) => Some(edit),
            Self::Unchanged | Self::Refused(_) => None,
        }
    }
}

/// Plans every command in order, without looking at objects.
pub(super) fn plan(commands: &[Command], view: &View, purpose: &Purpose) -> Vec<Planned> {
    let mut seen = HashSet::new();
    commands
        .iter()
        .map(|command| {
            if !seen.insert(command.name.as_slice()) {
                return Planned::Refused("multiple updates for one ref are not allowed".to_owned());
            }
            plan_one(command, view, purpose)
        })
        .collect()
}

fn plan_one(command: &Command, view: &View, purpose: &Purpose) -> Planned {
    let refused = |reason: &str| Planned::Refused(reason.to_owned());
    let Ok(text) = std::str::from_utf8(&command.name) else {
        return refused("funny refname: not UTF-8");
    };
    let name = match RefName::new(text) {
        // As git has it: below `refs/` there is a namespace, so that nothing can take the place of `refs/heads` itself.
        Ok(name) if text.strip_prefix("refs/").is_some_and(|rest| rest.contains('/')) => name,
        _ => return refused("funny refname"),
    };
    if HIDDEN_FROM_PUSH.iter().any(|prefix| text.starts_with(prefix)) {
        return refused("deny updating a hidden ref");
    }
    if Intent::of(text) == Intent::Propose {
        return refused(NO_PROPOSALS);
    }
    if command.new.is_none() {
        match view.refs.get(text) {
            // As with git, what is not there is deleted already.
            None if command.old.is_none() => return Planned::Unchanged,
            Some(_) if command.old.is_none() => return refused("the ref exists; fetch first"),
            None | Some(_) => {}
        }
        if name == view.head && !matches!(purpose, Purpose::Rename { .. }) {
            return refused("deletion of the current branch prohibited");
        }
    }
    if command.new.is_some()
        && view.refs.get(text).is_none()
        && let Some(why) = name.misleads()
    {
        return refused(why);
    }
    if command.old == command.new && view.refs.get(text).map(|found| found.target) == command.old {
        return Planned::Unchanged;
    }
    Planned::Edit(RefEdit { name, old: command.old, new: command.new, peeled: None })
}

/// Checks the object a ref is to point at, and records what it peels to. Reads objects: call it on a blocking thread.
///
/// Errors: those of the object database; what the client got wrong becomes [`Planned::Refused`].
pub(super) fn check_tip(edit: RefEdit, objects: &Snapshot) -> atomicqms_git::Result<Planned> {
    let Some(new) = edit.new else { return Ok(Planned::Edit(edit)) };
    match objects.check_tip(&edit.name, &new) {
        Ok(tip) => Ok(Planned::Edit(RefEdit { peeled: tip.peeled, ..edit })),
        Err(atomicqms_git::Error::MissingObject { .. }) => Ok(Planned::Refused("missing necessary objects".to_owned())),
        Err(error) if error.is_peer_fault() => Ok(Planned::Refused(error.to_string())),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
