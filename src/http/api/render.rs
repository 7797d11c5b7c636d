//! Turns domain rows into wire types for one caller.
//!
//! Owns which fields of a user a caller may read (the address, the account switches) and how rights become
//! `permissions`. Whether a row may be shown at all was decided before, in `access`. Called by the handlers.

use crate::access::{Caller, RepositoryRights};
use crate::forge::repositories::Details;
use crate::model::{AccessLevel, EmailAddress, Organization, Repository, SshKey, Team, Unit, User, UserId, UserName};

use super::json::{
    AccessTokenJson, AttachmentJson, CurrentAccessTokenJson, DeployKeyJson, EmailJson, OrganizationJson,
    PermissionJson, PublicKeyJson, ReleaseJson, RepositoryJson, TeamJson, Timestamp, UserJson, UserMetaJson,
    UserSettingsJson, ZERO_TIME,
};
use super::urls::Urls;
use crate::forge::releases::Shown;
use crate::model::mirror::format_interval;
use crate::model::{Attachment, Token, Visibility};

/// Name of accounts that were deleted; nobody can have it.
const GHOST: &str = "Ghost";

/// Who looks at an answer, and on which root URL.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    user_id: Option<UserId>,
    is_admin: bool,
    /// A token that shows what everybody may see, and nothing else.
    is_public_only: bool,
    /// Where the answer's addresses stand.
    pub urls: Urls<'a>,
    ssh_root: Option<&'a str>,
}

impl<'a> Viewer<'a> {
    /// The viewer behind a caller.
    pub fn new(caller: &Caller, root_url: &'a str) -> Self {
        Self {
            user_id: caller.user_id(),
            is_admin: caller.is_site_admin(),
            is_public_only: caller.is_public_only(),
            urls: Urls::new(root_url),
            ssh_root: None,
        }
    }

    /// Adds what clone addresses over SSH begin with, when there is an SSH server.
    #[must_use]
    pub fn with_ssh(self, ssh_root: Option<&'a str>) -> Self {
        Self { ssh_root, ..self }
    }

    /// A user as this viewer may see it.
    pub fn user(&self, user: &User) -> UserJson {
        let is_private_view = self.is_admin || self.user_id == Some(user.id);
        self.render_user(user, self.user_id.is_some(), is_private_view)
    }

    /// Whoever did something and is no more, as Gitea shows them.
    pub fn ghost(&self) -> UserJson {
        UserJson {
            id: -1,
            login: GHOST.to_owned(),
            login_name: String::new(),
            source_id: 0,
            full_name: String::new(),
            email: self.urls.placeholder_email(GHOST),
            avatar_url: self.urls.avatar(0, None),
            html_url: self.urls.user(GHOST),
            language: String::new(),
            is_admin: false,
            last_login: Timestamp::from_ms(0),
            created: Timestamp::from_ms(0),
            restricted: false,
            active: false,
            prohibit_login: false,
            location: String::new(),
            website: String::new(),
            description: String::new(),
            visibility: Visibility::Public.as_str().to_owned(),
            followers_count: 0,
            following_count: 0,
            starred_repos_count: 0,
            username: GHOST.to_owned(),
        }
    }

    /// Whoever did something, for those who may see the account; nobody's name for others, or when the account is no more.
    pub fn actor(&self, user: Option<&User>) -> UserJson {
        let is_seen = |user: &&User| match user.visibility {
            _ if self.user_id == Some(user.id) => true,
            Visibility::Public => true,
            _ if self.is_public_only => false,
            Visibility::Limited => self.user_id.is_some(),
            Visibility::Private => self.is_admin,
        };
        user.filter(is_seen).map_or_else(|| self.ghost(), |user| self.user(user))
    }

    /// An organization as everybody who may see it sees it.
    pub fn organization(&self, organization: &Organization) -> OrganizationJson {
        let user = &organization.user;
        OrganizationJson {
            id: user.id.get(),
            name: user.name.to_string(),
            full_name: user.full_name.clone(),
            email: user.email.as_str().to_owned(),
            avatar_url: self.avatar(user),
            description: user.description.clone(),
            website: user.website.clone(),
            location: user.location.clone(),
            visibility: user.visibility.as_str(),
            repo_admin_change_team_access: organization.repo_admin_changes_team_access,
            username: user.name.to_string(),
        }
    }

    /// A team of an organization.
    pub fn team(&self, team: &Team, organization: &Organization) -> TeamJson {
        let levels = team.levels();
        let given: Vec<_> = levels.iter().filter(|(_, level)| *level > AccessLevel::None).collect();
        TeamJson {
            id: team.id.get(),
            name: team.name.clone(),
            description: team.description.clone(),
            organization: Some(self.organization(organization)),
            includes_all_repositories: team.includes_all_repositories,
            permission: team.level.as_str(),
            units: given.iter().map(|(unit, _)| unit.as_str()).collect(),
            units_map: given.iter().map(|(unit, level)| (unit.as_str(), level.as_str())).collect(),
            can_create_org_repo: team.can_create_repository,
            visibility: team.visibility.as_str(),
        }
    }

    /// A repository as this viewer may see it; `rights` are what the viewer may do in it.
    pub fn repository(&self, repository: &Repository, rights: RepositoryRights, details: &Details) -> RepositoryJson {
        let full_name = repository.full_name();
        // Gitea shows a repository's owner without the private fields, even to the owner.
        let owner = self.render_user(&details.owner, rights.level > AccessLevel::None && self.user_id.is_some(), false);
        RepositoryJson {
            id: repository.id.get(),
            name: repository.name.to_string(),
            description: repository.description.clone(),
            empty: repository.is_empty,
            private: repository.is_private,
            template: repository.is_template,
            size: repository.size_bytes / 1024,
            language: details.language.clone(),
            languages_url: format!("{}/languages", self.urls.api_repository(&full_name)),
            html_url: self.urls.repository(&full_name),
            url: self.urls.api_repository(&full_name),
            ssh_url: self.ssh_root.map_or_else(String::new, |root| format!("{root}{full_name}.git")),
            clone_url: self.urls.clone_http(&full_name),
            website: repository.website.clone(),
            original_url: repository.original_url.clone(),
            mirror: repository.is_mirror,
            mirror_interval: details.mirror.as_ref().map_or_else(String::new, |kept| format_interval(kept.interval_ms)),
            mirror_updated: details
                .mirror
                .as_ref()
                .and_then(|kept| kept.synced_ms)
                .map_or(ZERO_TIME, |at| Timestamp::from_ms(at.get())),
            mirror_last_sync_at: details
                .mirror
                .as_ref()
                .and_then(|kept| kept.synced_ms)
                .map(|at| Timestamp::from_ms(at.get())),
            branch_count: i64::try_from(details.branch_count).unwrap_or(i64::MAX),
            fork: repository.fork_id.is_some(),
            forks_count: i64::try_from(details.fork_count).unwrap_or(i64::MAX),
            parent: details.parent.as_ref().map(|parent| {
                let (parent, rights, more) = &**parent;
                Box::new(self.repository(parent, *rights, more))
            }),
            release_counter: i64::try_from(details.release_count).unwrap_or(i64::MAX),
            topics: details.topics.clone(),
            stars_count: i64::try_from(details.star_count).unwrap_or(i64::MAX),
            watchers_count: i64::try_from(details.watcher_count).unwrap_or(i64::MAX),
            default_branch: repository.default_branch.clone(),
            default_target_branch: repository.default_branch.clone(),
            archived: repository.is_archived,
            created_at: Timestamp::from_ms(repository.created_ms.get()),
            updated_at: Timestamp::from_ms(repository.updated_ms.get()),
            archived_at: Timestamp::from_ms(repository.archived_ms.map_or(0, |at| at.get())),
            permissions: Some(permissions(rights)),
            has_code: !repository.disabled_units.contains(Unit::Code),
            has_releases: !repository.disabled_units.contains(Unit::Releases),
            internal: !repository.is_private && !repository.is_public(),
            full_name,
            avatar_url: repository.avatar.map_or_else(String::new, |avatar| self.urls.repository_avatar(avatar.blob)),
            ..RepositoryJson::blank(owner)
        }
    }

    /// A release with its files.
    pub fn release(&self, shown: &Shown, full_name: &str) -> ReleaseJson {
        let release = &shown.release;
        let url = self.urls.api_release(full_name, release.id.get());
        ReleaseJson {
            id: release.id.get(),
            tag_name: release.tag.clone(),
            target_commitish: release.target.clone(),
            name: release.title.clone(),
            body: release.body.clone(),
            html_url: self.urls.release(full_name, &release.tag),
            tarball_url: self.urls.archive(full_name, &release.tag, "tar.gz"),
            zipball_url: self.urls.archive(full_name, &release.tag, "zip"),
            upload_url: format!("{url}/assets"),
            url,
            draft: release.is_draft,
            prerelease: release.is_prerelease,
            created_at: Timestamp::from_ms(release.created_ms.get()),
            published_at: Timestamp::from_ms(release.published_ms.get()),
            author: self.actor(shown.author.as_ref()),
            assets: shown.attachments.iter().map(|file| self.attachment(file, full_name, &release.tag)).collect(),
        }
    }

    /// A file of the release of a tag.
    pub fn attachment(&self, file: &Attachment, full_name: &str, tag: &str) -> AttachmentJson {
        AttachmentJson {
            id: file.id.get(),
            name: file.name.as_str().to_owned(),
            size: file.size_bytes,
            download_count: file.download_count,
            created_at: Timestamp::from_ms(file.created_ms.get()),
            uuid: file.uuid.as_str().to_owned(),
            browser_download_url: self.urls.release_download(full_name, tag, file.name.as_str()),
        }
    }

    /// A key of an account; `owner` is given to those who may know.
    pub fn key(&self, key: &SshKey, owner: Option<&User>) -> PublicKeyJson {
        PublicKeyJson {
            id: key.id.get(),
            key: key.key.line(),
            url: self.urls.api_key(key.id.get()),
            title: key.title.clone(),
            fingerprint: key.key.fingerprint.clone(),
            created_at: Timestamp::from_ms(key.created_ms.get()),
            last_used_at: Timestamp::from_ms(key.last_used_ms.map_or(0, |at| at.get())),
            user: owner.map(|owner| self.user(owner)),
            read_only: false,
            key_type: "user",
        }
    }

    /// A deploy key, without its repository.
    pub fn deploy_key(&self, key: &SshKey, full_name: &str) -> DeployKeyJson {
        DeployKeyJson {
            id: key.id.get(),
            key_id: key.id.get(),
            key: key.key.line(),
            url: self.urls.api_deploy_key(full_name, key.id.get()),
            title: key.title.clone(),
            fingerprint: key.key.fingerprint.clone(),
            created_at: Timestamp::from_ms(key.created_ms.get()),
            read_only: key.is_read_only,
            repository: None,
        }
    }

    fn avatar(&self, user: &User) -> String {
        self.urls.avatar(user.id.get(), user.avatar.map(|avatar| avatar.blob))
    }

    fn render_user(&self, user: &User, sees_email: bool, is_private_view: bool) -> UserJson {
        let login = user.name.as_str();
        let is_shown = sees_email && (!user.settings.hides_email || self.is_admin || self.user_id == Some(user.id));
        let email = if is_shown { user.email.as_str().to_owned() } else { self.urls.placeholder_email(login) };
        let last_login_ms = user.last_login_ms.filter(|_| is_private_view).map_or(0, |at| at.get());
        UserJson {
            id: user.id.get(),
            login: login.to_owned(),
            login_name: String::new(),
            source_id: 0,
            full_name: user.full_name.clone(),
            email,
            avatar_url: self.avatar(user),
            html_url: self.urls.user(login),
            language: if is_private_view { user.settings.language.clone() } else { String::new() },
            is_admin: is_private_view && user.is_admin,
            last_login: Timestamp::from_ms(last_login_ms),
            created: Timestamp::from_ms(user.created_ms.get()),
            restricted: user.is_restricted,
            active: is_private_view && user.is_active,
            prohibit_login: is_private_view && user.is_login_prohibited,
            location: user.location.clone(),
            website: user.website.clone(),
            description: user.description.clone(),
            visibility: user.visibility.as_str().to_owned(),
            followers_count: 0,
            following_count: 0,
            starred_repos_count: 0,
            username: login.to_owned(),
        }
    }
}

/// An address of the account with this name.
pub fn email(address: &EmailAddress, name: &UserName) -> EmailJson {
    EmailJson {
        email: address.email.as_str().to_owned(),
        verified: address.is_verified,
        primary: address.is_primary,
        user_id: address.user_id.get(),
        username: name.to_string(),
    }
}

/// What an account has set for itself.
pub fn user_settings(user: &User) -> UserSettingsJson {
    let settings = &user.settings;
    UserSettingsJson {
        full_name: user.full_name.clone(),
        website: user.website.clone(),
        description: user.description.clone(),
        location: user.location.clone(),
        language: settings.language.clone(),
        theme: settings.theme.clone(),
        diff_view_style: settings.diff_view_style.as_str(),
        hide_email: settings.hides_email,
        hide_activity: settings.hides_activity,
    }
}

/// What rights mean to a client: pushing and pulling are about the code.
pub fn permissions(rights: RepositoryRights) -> PermissionJson {
    let code = rights.units.of(Unit::Code);
    PermissionJson {
        admin: rights.level >= AccessLevel::Admin,
        push: code >= AccessLevel::Write,
        pull: code >= AccessLevel::Read,
    }
}

/// A token; `secret` is its value in the answer that created it and empty otherwise.
pub fn token(token: &Token, repositories: Option<Vec<String>>, secret: String) -> AccessTokenJson {
    AccessTokenJson {
        id: token.id.get(),
        name: token.name.clone(),
        sha1: secret,
        token_last_eight: token.last_eight.clone(),
        scopes: token.scopes.names(),
        created_at: Timestamp::from_ms(token.created_ms.get()),
        last_used_at: Timestamp::from_ms(token.last_used_ms.map_or(0, |at| at.get())),
        expires_at: token.expires_ms.map(|at| Timestamp::from_ms(at.get())),
        repositories,
    }
}

/// The token that its own bearer asks about.
pub fn current_token(token: &Token, user: &User) -> CurrentAccessTokenJson {
    CurrentAccessTokenJson {
        id: token.id.get(),
        name: token.name.clone(),
        scopes: token.scopes.names(),
        created_at: Timestamp::from_ms(token.created_ms.get()),
        last_used_at: Timestamp::from_ms(token.last_used_ms.map_or(0, |at| at.get())),
        user: UserMetaJson { id: user.id.get(), login: user.name.to_string() },
    }
}
