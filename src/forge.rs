//! What may be done and what follows from it: every change of the forge, one file a subject.
//!
//! Owns [`Forge`], the state that all of it shares. Every function that writes takes a permit by value, looks again with
//! current rows inside its transaction, and writes one ledger event there. Refuses to know HTTP. Called by handlers, by
//! the command line and by the git transports.

use std::sync::Arc;
use std::time::Duration;

use atomicqms_actors::sql::Connection;
use atomicqms_actors::{Directory, Jobs, Readers, RepositoryHandle, Writer};

use crate::access::{
    self, Access, Action, Caller, Client, Permit, Presented, Quota, RepoPath, RepositoryAccess, RightsVersion,
};
use crate::blobs::Blobs;
use crate::error::{Error, Result};
use crate::forge::attachments::downloads::Downloads;
use crate::forge::code_search::CodeSearch;
use crate::model::{Clock, Repository, UserId, UserName};

pub mod assignable;
pub mod attachments;
pub mod avatars;
pub mod blocks;
pub mod branches;
pub mod code_search;
pub mod collaborators;
pub mod commit_statuses;
pub mod contents;
pub mod email_addresses;
pub mod first_commit;
pub mod follows;
mod fork_visibility;
pub mod forks;
pub mod gpg_keys;
pub mod intake;
pub mod interests;
pub mod invitations;
pub mod keys;
pub mod labels;
pub mod mails;
pub mod maintenance;
pub mod mirrors;
pub mod organizations;
pub mod protection;
pub mod pushes;
pub mod registrations;
pub mod releases;
pub mod renames;
pub mod repositories;
pub mod setup;
pub mod signatures;
pub mod tags;
pub mod teams;
pub mod templates;
#[cfg(test)]
pub(crate) mod testing;
pub mod tokens;
pub mod topics;
pub mod transfers;
pub mod upstream;
pub mod users;
pub(crate) mod writing;

/// Repositories of which protection rules are remembered.
const REMEMBERED_REPOSITORIES: u64 = 10_000;

/// What an administrator may tune about the forge.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Passwords, tokens, sign-in limits.
    pub security: access::Settings,
    /// Branch that `HEAD` of a new repository names.
    pub default_branch: String,
    /// When repositories are tidied.
    pub maintenance: maintenance::Settings,
    /// A push to a repository that does not exist makes it.
    pub push_to_create: bool,
    /// Largest repository on disk; 0: no limit. Units: bytes.
    pub max_repository_bytes: u64,
    /// Smallest RSA key that is taken. Units: bits.
    pub min_rsa_bits: u32,
    /// Every account may make organizations; else only administrators.
    pub everybody_creates_organizations: bool,
    /// `NAME@` and this stands for the address of an account that hides it.
    pub placeholder_domain: String,
    /// What pictures may be.
    pub avatars: avatars::Settings,
    /// Outgoing mail.
    pub mails: mails::Settings,
    /// Accounts that strangers make.
    pub registration: registrations::Settings,
    /// Invitations to teams.
    pub invitations: invitations::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            security: access::Settings::default(),
            default_branch: "main".to_owned(),
            maintenance: maintenance::Settings::default(),
            min_rsa_bits: 2048,
            push_to_create: false,
            max_repository_bytes: 0,
            everybody_creates_organizations: true,
            placeholder_domain: "noreply.localhost".to_owned(),
            avatars: avatars::Settings::default(),
            mails: mails::Settings::default(),
            registration: registrations::Settings::default(),
            invitations: invitations::Settings::default(),
        }
    }
}

/// What a [`Forge`] is made of.
pub struct ForgeParts {
    /// The only writer.
    pub writer: Writer,
    /// Read-only connections.
    pub readers: Readers,
    /// Repository actors.
    pub directory: Directory,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub settings: Settings,
    /// The number of the rights in force, which the writer publishes.
    pub rights: RightsVersion,
    /// The runner of durable jobs, where there is one; elsewhere jobs wait for it.
    pub jobs: Option<Jobs>,
    /// Contents of attached files.
    pub blobs: Blobs,
    /// Searching code, where there is an index.
    pub code_search: Option<CodeSearch>,
    /// The runner that sends mails, where there is one; elsewhere they wait for it.
    pub mail_jobs: Option<Jobs>,
    /// The codes in links of mails.
    pub link_codes: mails::LinkCodes,
    /// Repositories of other servers.
    pub mirrors: mirrors::Mirrors,
}

/// The state all functions of the forge share.
pub struct Forge {
    /// The only writer.
    pub writer: Writer,
    /// Read-only connections.
    pub readers: Readers,
    /// Repository actors.
    pub directory: Directory,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub settings: Settings,
    /// Identification and passwords.
    pub access: Access,
    remembered_rules: protection::Remembered,
    /// Contents of attached files.
    pub blobs: Blobs,
    /// Downloads that are not written yet.
    pub downloads: Downloads,
    /// Searching code, where there is an index.
    pub code_search: Option<CodeSearch>,
    studio: avatars::Studio,
    /// Who writes files of a branch next.
    file_turns: contents::Turns,
    /// Held by whoever renames an account.
    renaming: Arc<tokio::sync::Mutex<()>>,
    jobs: Option<Jobs>,
    mails: Arc<mails::Mails>,
    mail_jobs: Option<Jobs>,
    /// Repositories of other servers.
    pub mirrors: mirrors::Mirrors,
    /// Accounts that strangers asked for lately, by network.
    registrations: Quota<Client>,
    /// Invitations made lately, by account.
    invitations: Quota<UserId>,
}

impl Forge {
    /// Puts the parts together.
    ///
    /// Errors: `Invalid` for settings that cannot work.
    pub fn new(parts: ForgeParts) -> Result<Arc<Self>> {
        let ForgeParts {
            writer,
            readers,
            directory,
            clock,
            settings,
            rights,
            jobs,
            blobs,
            code_search,
            mail_jobs,
            link_codes,
            mirrors,
        } = parts;
        repositories::check_branch_name(&settings.default_branch)?;
        let access = Access::new(readers.clone(), writer.clone(), clock.clone(), settings.security.clone(), rights)?;
        let remembered_rules = protection::Remembered::new(REMEMBERED_REPOSITORIES);
        let downloads = Downloads::default();
        let studio = avatars::Studio::new(settings.avatars);
        let mails = Arc::new(mails::Mails::new(settings.mails.clone(), link_codes));
        let registrations = Quota::new(settings.registration.max_per_network, Duration::from_secs(3600));
        let invitations = Quota::new(settings.invitations.max_per_account, Duration::from_secs(86_400));
        Ok(Arc::new(Self {
            writer,
            readers,
            directory,
            clock,
            settings,
            access,
            remembered_rules,
            blobs,
            downloads,
            code_search,
            studio,
            file_turns: contents::Turns::default(),
            renaming: Arc::default(),
            jobs,
            mails,
            mail_jobs,
            mirrors,
            registrations,
            invitations,
        }))
    }

    /// Whether this process runs jobs.
    pub fn has_jobs(&self) -> bool {
        self.jobs.is_some()
    }

    /// Says that a job was scheduled that is due now.
    pub fn wake_jobs(&self) {
        if let Some(jobs) = &self.jobs {
            jobs.wake();
        }
    }

    /// Says that an index was asked for.
    pub(crate) fn wake_indexing(&self) {
        if let Some(jobs) = &self.jobs {
            jobs.wake_after(code_search::due_after());
        }
    }

    /// Says that a mail was written.
    fn wake_mails(&self) {
        if let Some(jobs) = &self.mail_jobs {
            jobs.wake();
        }
    }

    /// Finds out who is calling.
    ///
    /// Errors: see [`Access::identify`].
    pub async fn identify(&self, presented: Presented<'_>) -> Result<Caller> {
        self.access.identify(presented).await
    }

    /// Lets an administrator's request act as another account.
    ///
    /// Errors: see [`Access::sudo`].
    pub async fn sudo(&self, caller: Caller, name: &UserName) -> Result<Caller> {
        self.access.sudo(caller, name).await
    }

    /// Asks the one gate, with rows as they are now.
    ///
    /// Errors: see [`access::authorize()`].
    pub async fn authorize<A: Action>(&self, caller: &Caller, action: A, resource: &A::Resource) -> Result<Permit<A>> {
        let (caller, resource) = (caller.clone(), resource.clone());
        self.readers.read(A::RULE.name, move |conn| access::authorize(conn, &caller, action, &resource)).await
    }

    /// Asks the one gate about a repository, with what is known of it under the rights in force or with its rows.
    ///
    /// Shape: the permit's repository may be of a moment ago in what changes no right: its size and its times.
    /// Errors: see [`access::authorize()`].
    pub async fn authorize_fast<A>(&self, caller: &Caller, action: A, path: &RepoPath) -> Result<Permit<A>>
    where
        A: Action<Resource = RepoPath, Subject = RepositoryAccess>,
    {
        let rights = self.access.rights();
        // Before the rows are read: what is learned must not be taken for newer than it is.
        let version = rights.version();
        if let Some(access) = rights.level(caller, path) {
            return access::authorize_known(caller, action, &access);
        }
        let permit = self.authorize(caller, action, path).await?;
        rights.learn_level(caller, path.clone(), version, permit.subject());
        Ok(permit)
    }

    /// Reads rows in one snapshot.
    ///
    /// Errors: those of the closure and of the reader pool.
    pub async fn read<T: Send + 'static>(
        &self,
        label: &'static str,
        read: impl FnOnce(&dyn Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.read(label, read).await
    }

    /// Changes rows in the writer's next transaction.
    ///
    /// Errors: those of the closure (its changes are undone) and of the writer.
    pub async fn write<T: Send + 'static>(
        &self,
        label: &'static str,
        write: impl FnOnce(&dyn Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.write(label, write).await
    }

    /// Opens the actor of a repository; its view answers reads without waiting for it.
    ///
    /// Errors: `NotFound` when it was deleted meanwhile, `Overloaded`, `Unavailable`, `Internal`.
    pub async fn open(&self, repository: &Repository) -> Result<RepositoryHandle> {
        self.directory.open(repository.id.get()).await.map_err(Error::from)
    }
}

/// Text that a person typed, checked for length and for characters that could garble a terminal or a log.
///
/// Errors: `Invalid` naming the field.
fn check_text(field: &'static str, text: &str, max_chars: usize) -> Result<()> {
    if text.chars().count() > max_chars {
        return Err(Error::invalid(field, format!("{field} may have at most {max_chars} characters")));
    }
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\r' | '\t')) {
        return Err(Error::invalid(field, format!("{field} may not hold control characters")));
    }
    Ok(())
}

/// A link that a person typed: empty, or http(s).
///
/// Errors: `Invalid` naming the field.
fn check_link(field: &'static str, link: &str) -> Result<()> {
    check_text(field, link, 1024)?;
    let is_web = ["http://", "https://"].iter().any(|scheme| link.get(..scheme.len()) == Some(scheme));
    if !link.is_empty() && (!is_web || link.contains(char::is_whitespace)) {
        return Err(Error::invalid(field, format!("{field} must be a http or https address")));
    }
    Ok(())
}
