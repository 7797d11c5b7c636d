//! What one ledger event says, and its canonical bytes.
//!
//! Owns the field list of an event. Every field is always present (null when it does not apply), so that two events of
//! one version never differ in shape; `auth.key` alone stands only where a key was used. Bytes are RFC 8785 canonical JSON; integers stay below 2^53.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{RepoId, TokenId, UserId};

/// Names of the actions, so that no two places spell one differently.
pub mod action {
    /// First start on an empty data directory.
    pub const INSTANCE_CREATE: &str = "instance.create";
    /// An account was made.
    pub const USER_CREATE: &str = "user.create";
    /// A stranger asked for an account.
    pub const USER_REGISTER: &str = "user.register";
    /// A stranger confirmed the address and got the account.
    pub const USER_ACTIVATE: &str = "user.activate";
    /// Accounts that were asked for and not confirmed in time were forgotten.
    pub const REGISTRATION_EXPIRE: &str = "registration.expire";
    /// An account was changed, its password included.
    pub const USER_EDIT: &str = "user.edit";
    /// An account was given another login name.
    pub const USER_RENAME: &str = "user.rename";
    /// An account was given an address.
    pub const EMAIL_ADD: &str = "email.add";
    /// Somebody showed that an address is theirs.
    pub const EMAIL_CONFIRM: &str = "email.confirm";
    /// An address was taken from an account.
    pub const EMAIL_DELETE: &str = "email.delete";
    /// An account was deleted.
    pub const USER_DELETE: &str = "user.delete";
    /// An access token was made.
    pub const TOKEN_CREATE: &str = "token.create";
    /// An access token was revoked.
    pub const TOKEN_DELETE: &str = "token.delete";
    /// A public key was added to an account.
    pub const KEY_CREATE: &str = "key.create";
    /// A public key was taken from an account.
    pub const KEY_DELETE: &str = "key.delete";
    /// An OpenPGP key was added to an account.
    pub const GPG_KEY_CREATE: &str = "gpg_key.create";
    /// The holder of an OpenPGP key has proved to hold it.
    pub const GPG_KEY_VERIFY: &str = "gpg_key.verify";
    /// An OpenPGP key was taken from an account.
    pub const GPG_KEY_DELETE: &str = "gpg_key.delete";
    /// A public key was given access to a repository.
    pub const DEPLOY_KEY_CREATE: &str = "deploy_key.create";
    /// A public key's access to a repository was taken away.
    pub const DEPLOY_KEY_DELETE: &str = "deploy_key.delete";
    /// A repository was made.
    pub const REPOSITORY_CREATE: &str = "repository.create";
    /// A repository's settings or name were changed.
    pub const REPOSITORY_EDIT: &str = "repository.edit";
    /// A repository of another server was taken over; where it came from stays known.
    pub const REPOSITORY_IMPORT: &str = "repository.import";
    /// Somebody asked for a mirror to look at its remote.
    pub const MIRROR_SYNC: &str = "repository.mirror_sync";
    /// A mirror cannot follow its remote; further failures are not written down.
    pub const MIRROR_FAIL: &str = "repository.mirror_fail";
    /// A mirror that could not follow its remote does so again.
    pub const MIRROR_RECOVER: &str = "repository.mirror_recover";
    /// A repository was given other topics.
    pub const REPOSITORY_TOPICS: &str = "repository.topics";
    /// A check told what it found of a commit.
    pub const COMMIT_STATUS_CREATE: &str = "commit_status.create";
    /// A label was made.
    pub const LABEL_CREATE: &str = "label.create";
    /// A label was changed.
    pub const LABEL_EDIT: &str = "label.edit";
    /// A label was removed.
    pub const LABEL_DELETE: &str = "label.delete";
    /// Somebody starred a repository.
    pub const STAR_ADD: &str = "star.add";
    /// Somebody took a star back.
    pub const STAR_REMOVE: &str = "star.remove";
    /// Somebody began to watch a repository.
    pub const WATCH_ADD: &str = "watch.add";
    /// Somebody ceased to watch a repository.
    pub const WATCH_REMOVE: &str = "watch.remove";
    /// Somebody began to follow an account.
    pub const FOLLOW_ADD: &str = "follow.add";
    /// Somebody ceased to follow an account.
    pub const FOLLOW_REMOVE: &str = "follow.remove";
    /// An account was blocked; says what went with that.
    pub const BLOCK_ADD: &str = "block.add";
    /// A block ended.
    pub const BLOCK_REMOVE: &str = "block.remove";
    /// An account, an organization or a repository was given a picture.
    pub const AVATAR_SET: &str = "avatar.set";
    /// A picture was taken away.
    pub const AVATAR_REMOVE: &str = "avatar.remove";
    /// A repository was deleted.
    pub const REPOSITORY_DELETE: &str = "repository.delete";
    /// Somebody was given a level in a repository, or another one.
    pub const COLLABORATOR_ADD: &str = "collaborator.add";
    /// Somebody's level was taken away.
    pub const COLLABORATOR_REMOVE: &str = "collaborator.remove";
    /// A repository was offered to another owner.
    pub const TRANSFER_OFFER: &str = "transfer.offer";
    /// An offer was rejected, or taken back.
    pub const TRANSFER_REJECT: &str = "transfer.reject";
    /// A repository changed its owner.
    pub const REPOSITORY_TRANSFER: &str = "repository.transfer";
    /// An organization was made.
    pub const ORGANIZATION_CREATE: &str = "organization.create";
    /// An organization's settings were changed.
    pub const ORGANIZATION_EDIT: &str = "organization.edit";
    /// An organization was given another name.
    pub const ORGANIZATION_RENAME: &str = "organization.rename";
    /// An organization was deleted.
    pub const ORGANIZATION_DELETE: &str = "organization.delete";
    /// Somebody was taken out of an organization and its teams.
    pub const MEMBER_REMOVE: &str = "member.remove";
    /// A membership was shown or hidden.
    pub const MEMBER_EDIT: &str = "member.edit";
    /// A team was made.
    pub const TEAM_CREATE: &str = "team.create";
    /// A team's settings were changed.
    pub const TEAM_EDIT: &str = "team.edit";
    /// A team was deleted.
    pub const TEAM_DELETE: &str = "team.delete";
    /// Somebody was put into a team.
    pub const TEAM_MEMBER_ADD: &str = "team_member.add";
    /// Somebody was taken out of a team.
    pub const TEAM_MEMBER_REMOVE: &str = "team_member.remove";
    /// Somebody was invited to a team by an address.
    pub const INVITATION_CREATE: &str = "invitation.create";
    /// An invitation was taken back.
    pub const INVITATION_WITHDRAW: &str = "invitation.withdraw";
    /// Somebody accepted an invitation, and is in the team.
    pub const INVITATION_ACCEPT: &str = "invitation.accept";
    /// Somebody declined an invitation.
    pub const INVITATION_DECLINE: &str = "invitation.decline";
    /// Invitations that were not answered in time were forgotten.
    pub const INVITATION_EXPIRE: &str = "invitation.expire";
    /// A team was given access to a repository.
    pub const REPOSITORY_TEAM_ADD: &str = "repository_team.add";
    /// A team's access to a repository was taken away.
    pub const REPOSITORY_TEAM_REMOVE: &str = "repository_team.remove";
    /// A release was made, published or as a draft.
    pub const RELEASE_CREATE: &str = "release.create";
    /// A release was changed.
    pub const RELEASE_EDIT: &str = "release.edit";
    /// A draft was published, perhaps with other changes.
    pub const RELEASE_PUBLISH: &str = "release.publish";
    /// A release was deleted with its files.
    pub const RELEASE_DELETE: &str = "release.delete";
    /// A file was attached.
    pub const ATTACHMENT_CREATE: &str = "attachment.create";
    /// An attached file was renamed.
    pub const ATTACHMENT_EDIT: &str = "attachment.edit";
    /// An attached file was removed.
    pub const ATTACHMENT_DELETE: &str = "attachment.delete";
    /// A ref was created, moved or deleted.
    pub const GIT_REF_UPDATE: &str = "git.ref_update";
    /// A change of a ref was refused by a rule; nothing else happened.
    pub const GIT_REF_REFUSED: &str = "git.ref_refused";
    /// A rule of branches was made.
    pub const BRANCH_PROTECTION_CREATE: &str = "branch_protection.create";
    /// A rule of branches was changed, or the order of all of them.
    pub const BRANCH_PROTECTION_EDIT: &str = "branch_protection.edit";
    /// A rule of branches was removed.
    pub const BRANCH_PROTECTION_DELETE: &str = "branch_protection.delete";
    /// A rule of tags was made.
    pub const TAG_PROTECTION_CREATE: &str = "tag_protection.create";
    /// A rule of tags was changed.
    pub const TAG_PROTECTION_EDIT: &str = "tag_protection.edit";
    /// A rule of tags was removed.
    pub const TAG_PROTECTION_DELETE: &str = "tag_protection.delete";
    /// What may be about one's own account or about something else: the object tells.
    pub const PERHAPS_PERSONAL: &[&str] = &[USER_EDIT, AVATAR_SET, AVATAR_REMOVE];
    /// What concerns nobody but whoever did it.
    pub const PERSONAL: &[&str] = &[
        TOKEN_CREATE,
        TOKEN_DELETE,
        KEY_CREATE,
        KEY_DELETE,
        GPG_KEY_CREATE,
        GPG_KEY_VERIFY,
        GPG_KEY_DELETE,
        EMAIL_ADD,
        EMAIL_CONFIRM,
        EMAIL_DELETE,
        STAR_ADD,
        STAR_REMOVE,
        WATCH_ADD,
        WATCH_REMOVE,
        FOLLOW_ADD,
        FOLLOW_REMOVE,
    ];

    /// Objects that no ref had reached for long were removed for good.
    pub const GIT_OBJECTS_EXPIRE: &str = "git.objects_expire";
    /// A ref on disk has a value that the journal does not explain.
    pub const GIT_REF_UNEXPLAINED: &str = "git.ref_unexplained";
}

/// Version of the event format.
pub const FORMAT: u32 = 1;

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The account; null for the console and the server itself.
    pub id: Option<UserId>,
    /// Login at that time.
    pub login: String,
    /// Printed name at that time.
    pub name: String,
}

/// By which credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// `password`, `token`, `ssh`, `console`, `system` or `none`.
    pub method: &'static str,
    /// Browser session, when there is one.
    pub session: Option<String>,
    /// Access token, when there is one.
    pub token_id: Option<TokenId>,
    /// Fingerprint of the public key, when there is one.
    pub key: Option<Arc<str>>,
}

/// Who, by what, from where; made by [`crate::access::Caller::stamp`].
#[derive(Debug, Clone)]
pub struct Stamp {
    /// Who acted.
    pub actor: Actor,
    /// For whom, when that is somebody else.
    pub on_behalf: Option<Actor>,
    /// By which credential.
    pub auth: Auth,
    /// Peer address; only a salted hash enters the event.
    pub source_ip: Option<String>,
    /// User agent; only a salted hash enters the event.
    pub user_agent: Option<String>,
}

/// What was acted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// `user`, `follow`, `block`, `token`, `key`, `deploy_key`, `gpg_key`, `repository`, `collaborator`, `label`, `organization`, `member`, `team`,
    /// `branch_protection`, `tag_protection`, `release`, `attachment`, `email`, `registration`, `invitation`, `ref` or `instance`.
    pub kind: String,
    /// The repository it belongs to.
    pub repo: Option<RepoId>,
    /// Its id, as text.
    pub id: Option<String>,
    /// Controlled document, when it is one.
    pub doc_id: Option<String>,
    /// Version of the document.
    pub version: Option<String>,
}

impl Object {
    /// Something outside repositories.
    pub fn new(kind: &str, id: impl ToString) -> Self {
        Self { kind: kind.to_owned(), repo: None, id: Some(id.to_string()), doc_id: None, version: None }
    }

    /// Something inside a repository.
    pub fn in_repository(kind: &str, repo: RepoId, id: impl ToString) -> Self {
        Self { repo: Some(repo), ..Self::new(kind, id) }
    }
}

/// The git side of an event; ids are lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitChange {
    /// Full ref name.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Value before; null: absent.
    pub old: Option<String>,
    /// Value after; null: deleted.
    pub new: Option<String>,
    /// Commit concerned.
    pub commit: Option<String>,
    /// Blob concerned.
    pub blob: Option<String>,
    /// SHA-256 of that blob's bytes.
    pub blob_sha256: Option<String>,
    /// Path concerned.
    pub path: Option<String>,
}

/// One event before it has a place in the ledger.
#[derive(Debug, Clone)]
pub struct Event {
    /// Who, by what, from where.
    pub stamp: Stamp,
    /// One of [`action`].
    pub action: &'static str,
    /// What was acted on.
    pub object: Object,
    /// State before, as far as it changed.
    pub before: Option<Value>,
    /// State after, as far as it changed.
    pub after: Option<Value>,
    /// Reason the actor gave.
    pub reason: Option<String>,
    /// Git side.
    pub git: Option<GitChange>,
    /// Signature this event belongs to.
    pub sig_id: Option<i64>,
}

impl Event {
    /// An event without states, reason and git side.
    pub fn new(stamp: Stamp, action: &'static str, object: Object) -> Self {
        Self { stamp, action, object, before: None, after: None, reason: None, git: None, sig_id: None }
    }

    /// Adds the state before.
    #[must_use]
    pub fn before(mut self, state: Value) -> Self {
        self.before = Some(state);
        self
    }

    /// Adds the state after.
    #[must_use]
    pub fn after(mut self, state: Value) -> Self {
        self.after = Some(state);
        self
    }

    /// Adds the git side.
    #[must_use]
    pub fn git(mut self, change: GitChange) -> Self {
        self.git = Some(change);
        self
    }

    /// Adds the reason the actor gave.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// An event as it is written: the wire form behind the canonical bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) v: u32,
    pub(super) seq: i64,
    pub(super) id: String,
    pub(super) ts: String,
    pub(super) actor: Actor,
    pub(super) on_behalf: Option<Actor>,
    pub(super) auth: WrittenAuth,
    pub(super) src: WrittenSource,
    pub(super) action: String,
    pub(super) object: Object,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    pub(super) reason: Option<String>,
    pub(super) git: Option<GitChange>,
    pub(super) sig_id: Option<i64>,
    pub(super) prev: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenAuth {
    pub(super) method: String,
    pub(super) session: Option<String>,
    pub(super) token_id: Option<TokenId>,
    /// Only with method `ssh`, so that events from before there was SSH keep their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSource {
    pub(super) ip_commit: Option<String>,
    pub(super) ua: Option<String>,
}

impl Written {
    /// The canonical bytes.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json_canonicalizer::to_vec(self)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
