//! What rules want to know about a change of a branch: how it moves, which files it changes, who signed its commits.
//!
//! Owns finding that out, before the transaction, and only for branches under a rule: other pushes cost nothing here. Refuses to decide. Reads
//! objects: call it on a blocking thread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use atomicqms_git::create::commit::CommitDraft;
use atomicqms_git::diff::{Renames, TreeOptions, diff_trees};
use atomicqms_git::history::{LogRequest, log};
use atomicqms_git::odb::Snapshot;
use atomicqms_git::walk::{is_ancestor, merge_bases};
use atomicqms_git::{Error, Kind, ObjectId, RefEdit, Result, View};

use super::policy::Motion;
use crate::forge::protection::rules::{BranchRules, ReadyRule};
use crate::model::gpg_key::SigningPart;
use crate::model::openpgp::{Detached, Refusal};
use crate::model::signed_object::{SignatureKind, SignedObject, SshSignature};

/// Most new commits whose signatures are verified in one push.
const MAX_COMMITS: usize = 10_000;
/// Most keys that may have signed them: each is looked up inside the transaction.
const MAX_KEYS: usize = 100;

/// What was found out about one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// How the ref moves.
    pub(super) motion: Motion,
    /// Changed files; none: nobody looked.
    pub(super) files: Option<BTreeSet<String>>,
    /// Signatures of the new commits; none: nobody looked.
    pub(super) signatures: Option<Signatures>,
}

/// What is known of the signatures of new commits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Signatures {
    /// A commit without a good one, and why.
    pub(super) broken: Option<(String, String)>,
    /// Keys that signed, by fingerprint, each with one of its commits.
    pub(super) keys: BTreeMap<String, String>,
    /// Commits with OpenPGP signatures, which wait for the keys.
    pub(super) openpgp: Vec<ObjectId>,
    /// Ids of the keys that they name.
    pub(super) issuers: BTreeSet<String>,
}

impl Facts {
    /// What the values alone tell.
    pub(super) fn of(edit: &RefEdit) -> Self {
        Self { motion: Motion::of(edit), files: None, signatures: None }
    }
}

/// Finds out what the rules in force want to know about a change.
///
/// Errors: those of the object database, which refuse the push.
pub(super) fn find_out(
    edit: &RefEdit,
    rules: &BranchRules,
    view: &View,
    objects: &Snapshot,
    interrupt: &AtomicBool,
) -> Result<Facts> {
    let mut facts = Facts::of(edit);
    let (Some(branch), Some(new)) = (edit.name.branch(), edit.new) else { return Ok(facts) };
    let Some(rule) = rules.effective(branch) else { return Ok(facts) };
    let actual = view.refs.get(edit.name.as_str()).map(|found| found.target);
    if actual != edit.old {
        // It will not fit; what it would have done is nobody's business.
        return Ok(facts);
    }
    if let Some(old) = edit.old {
        let forward = is_ancestor(objects, &old, &new, interrupt)?;
        facts.motion = if forward { Motion::FastForward } else { Motion::Forced };
    }
    let base = match edit.old {
        Some(old) => Some(old),
        None => start_of(view, objects, &new, interrupt)?,
    };
    if rule.asks_for_files() {
        facts.files = Some(changed_files(objects, base.as_ref(), &new, interrupt)?);
    }
    if rule.rule.settings.flags.require_signed_commits {
        let known = match edit.old {
            Some(old) => vec![old],
            None => vouched(rules, rule, view),
        };
        facts.signatures = Some(signatures(objects, new, known, interrupt)?);
    }
    Ok(facts)
}

/// Where a new branch leaves the default branch.
fn start_of(view: &View, objects: &Snapshot, new: &ObjectId, interrupt: &AtomicBool) -> Result<Option<ObjectId>> {
    let Some(head) = view.refs.get(view.head.as_str()) else { return Ok(None) };
    Ok(merge_bases(objects, &head.target, new, interrupt)?.into_iter().next())
}

/// Tips of what a new branch may start from without its commits being looked at: the default branch, and branches under the same demand.
///
/// Other branches vouch for nothing: else a commit without signature would come in by one of them.
fn vouched(rules: &BranchRules, rule: &ReadyRule, view: &View) -> Vec<ObjectId> {
    let demands = |branch: &str| {
        rules
            .effective(branch)
            .is_some_and(|other| other.rule.id == rule.rule.id || other.rule.settings.flags.require_signed_commits)
    };
    let branches = view.refs.iter_prefix("refs/heads/");
    branches
        .filter(|entry| entry.name == view.head || entry.name.branch().is_some_and(demands))
        .map(|entry| entry.target)
        .collect()
}

fn changed_files(
    objects: &Snapshot,
    base: Option<&ObjectId>,
    new: &ObjectId,
    interrupt: &AtomicBool,
) -> Result<BTreeSet<String>> {
    let base = base.map(|id| tree_of(objects, id)).transpose()?;
    let options = TreeOptions { renames: Renames::Off, ..TreeOptions::default() };
    let changes = diff_trees(objects, base.as_ref(), Some(&tree_of(objects, new)?), &options, interrupt)?;
    Ok(changes.iter().map(|change| String::from_utf8_lossy(change.path()).into_owned()).collect())
}

fn tree_of(objects: &Snapshot, commit: &ObjectId) -> Result<ObjectId> {
    let object = objects.read(commit)?;
    if object.kind != Kind::Commit {
        return Err(Error::WrongKind { id: *commit, expected: Kind::Commit, actual: object.kind, referenced_by: None });
    }
    CommitDraft::parse(commit, &object.data).map(|draft| draft.tree)
}

fn signatures(objects: &Snapshot, new: ObjectId, known: Vec<ObjectId>, interrupt: &AtomicBool) -> Result<Signatures> {
    let request =
        LogRequest { tips: vec![new], hidden: known, limit: MAX_COMMITS.saturating_add(1), ..LogRequest::default() };
    let page = log(objects, &request, interrupt)?;
    let mut found = Signatures::default();
    if page.entries.len() > MAX_COMMITS {
        found.broken = Some((new.to_string(), "there are too many new commits to verify at once".to_owned()));
        return Ok(found);
    }
    for entry in page.entries {
        let raw = objects.read(&entry.commit)?.data;
        if let Err(why) = found.take(&entry.commit, &raw) {
            found.broken = Some((entry.commit.to_string(), why));
            break;
        }
        if found.keys.len().saturating_add(found.issuers.len()) > MAX_KEYS {
            found.broken = Some((entry.commit.to_string(), "too many keys signed at once".to_owned()));
            break;
        }
    }
    Ok(found)
}

impl Signatures {
    /// Verifies the signature of a commit, as far as that goes without looking up a key.
    fn take(&mut self, id: &ObjectId, raw: &[u8]) -> std::result::Result<(), String> {
        let signed = SignedObject::of_commit(raw).ok_or("it is not signed")?;
        match signed.kind() {
            SignatureKind::Ssh => {
                let signature = SshSignature::read(&signed.armor).filter(|one| one.is_right(&signed.payload));
                let fingerprint = signature.ok_or("its signature is not valid")?.fingerprint();
                self.keys.entry(fingerprint).or_insert_with(|| id.to_string());
            }
            SignatureKind::OpenPgp => {
                let signature = read_openpgp(&signed)?;
                self.issuers.extend(signature.issuers().iter().cloned());
                self.openpgp.push(*id);
            }
            SignatureKind::Other => return Err("its signature is of a kind that is not verified here".to_owned()),
        }
        Ok(())
    }

    /// Verifies what was left for want of keys, with those that accounts have.
    ///
    /// Units: `now_s` in seconds since the epoch.
    /// Errors: those of the object database.
    pub(super) fn verify_openpgp(
        &mut self,
        objects: &Snapshot,
        keys: &[SigningPart],
        now_s: i64,
        interrupt: &AtomicBool,
    ) -> Result<()> {
        for id in std::mem::take(&mut self.openpgp) {
            if self.broken.is_some() {
                return Ok(());
            }
            if interrupt.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let raw = objects.read(&id)?.data;
            match openpgp_key(&raw, keys, now_s) {
                Ok(fingerprint) => {
                    self.keys.entry(fingerprint).or_insert_with(|| id.to_string());
                }
                Err(why) => self.broken = Some((id.to_string(), why)),
            }
        }
        Ok(())
    }
}

/// The fingerprint of the key that made the OpenPGP signature of a commit, or why it proves nothing.
fn openpgp_key(raw: &[u8], keys: &[SigningPart], now_s: i64) -> std::result::Result<String, String> {
    let signed = SignedObject::of_commit(raw).ok_or("it is not signed")?;
    let signature = read_openpgp(&signed)?;
    let parts = keys.iter().map(|key| &key.part);
    let part = signature.maker(parts, &signed.payload, now_s).map_err(|refusal| refusal.to_string())?;
    Ok(part.fingerprint.clone())
}

fn read_openpgp(signed: &SignedObject) -> std::result::Result<Detached, String> {
    let text = std::str::from_utf8(&signed.armor).map_err(|_| Refusal::Unreadable.to_string())?;
    Detached::read(text).map_err(|refusal| refusal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proves_nothing_is_told_apart() {
        let why =
            |raw: &[u8]| Signatures::default().take(&ObjectId::try_from([7; 20].as_slice()).unwrap(), raw).unwrap_err();
        assert!(why(b"tree 1\n\nHi\n").contains("not signed"));
        assert!(why(b"gpgsig -----BEGIN SIGNED MESSAGE-----\n\nHi\n").contains("not verified"));
        assert!(why(b"gpgsig -----BEGIN PGP SIGNATURE-----\n\nHi\n").contains("cannot be read"));
        let bad = b"gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n\nHi\n";
        assert!(why(bad).contains("not valid"));
    }
}
