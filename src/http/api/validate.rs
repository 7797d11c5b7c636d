//! Checks of request bodies that Gitea makes before it looks anything up, in its words: `[Field]: Rule`.
//!
//! Owns presence and size. What a valid name or address is belongs to `model`. Called by handlers.

mod releases;

pub use releases::{attachment_name, new_release, release_patch};

use super::json::{
    CreateAccessTokenOption, CreateGpgKeyOption, CreateKeyOption, CreateLabelOption, CreateRepoOption,
    CreateUserOption, EditLabelOption, EditRepoOption, EditUserOption, EmailsOption, GenerateRepoOption,
    MigrateRepoOption, UserSettingsOption,
};
use crate::bundled::licenses::License;
use crate::bundled::{gitignores, label_sets};
use crate::error::{Error, Kind, Result};
use crate::forge::mirrors::Wanted;
use crate::model::email_address::MAX_OF_ACCOUNT;
use crate::model::label::{LabelColor, LabelPatch, NewLabel};
use crate::model::mirror::{Credentials, parse_interval};
use crate::model::user::DiffViewStyle;
use crate::model::{Email, NewGpgKey, NewKey, NewToken, TokenScopes};
use crate::model::{
    NewRepository, NewUser, RepoName, RepositoryPatch, Starter, Unit, UserName, UserPatch, UtcMs, Visibility,
};

/// The last second that times can have, in words for refusals.
pub(super) const LAST_TIME: &str = "9999-12-30T22:00:00Z";
/// Longest free text of a repository. Units: characters.
const DESCRIPTION_MAX: usize = 2048;
/// Longest home page address. Units: characters.
const WEBSITE_MAX: usize = 1024;
/// Longest branch name in a request. Units: characters.
const BRANCH_MAX: usize = 100;
/// Longest e-mail address. Units: characters.
const EMAIL_MAX: usize = 254;
/// Longest credentials at another server. Units: characters.
const SECRET_MAX: usize = 2048;
/// What another server may be.
const SERVICES: [&str; 9] =
    ["git", "github", "gitea", "gitlab", "gogs", "onedev", "gitbucket", "codebase", "codecommit"];
/// Longest free text of a profile. Units: characters.
const PROFILE_MAX: usize = 255;

/// What makes a key.
///
/// Errors: `Invalid` naming the field.
pub fn new_key(option: CreateKeyOption) -> Result<NewKey> {
    required("Title", &option.title)?;
    required("Key", &option.key)?;
    Ok(NewKey { title: option.title, text: option.key, is_read_only: option.read_only })
}

/// What makes an OpenPGP key.
///
/// Errors: `Invalid` naming the field.
pub fn new_gpg_key(option: CreateGpgKeyOption) -> Result<NewGpgKey> {
    required("ArmoredKey", &option.armored_public_key)?;
    let signature = Some(option.armored_signature).filter(|text| !text.trim().is_empty());
    Ok(NewGpgKey { armored_key: option.armored_public_key, armored_signature: signature })
}

pub(super) fn broken(field: &'static str, rule: &str) -> Error {
    Error::invalid(field, format!("[{field}]: {rule}"))
}

/// Refuses what is none of some texts, and names them.
pub(super) fn one_of<'a>(field: &'static str, allowed: impl IntoIterator<Item = &'a str>) -> Error {
    let allowed: Vec<&str> = allowed.into_iter().filter(|text| !text.is_empty()).collect();
    broken(field, &format!("In: {}", allowed.join(", ")))
}

pub(super) fn required(field: &'static str, text: &str) -> Result<()> {
    if text.trim().is_empty() { Err(broken(field, "Required")) } else { Ok(()) }
}

pub(super) fn at_most(field: &'static str, text: &str, max: usize) -> Result<()> {
    if text.chars().count() > max { Err(broken(field, "MaxSize")) } else { Ok(()) }
}

pub(super) fn repo_name(field: &'static str, name: &str) -> Result<RepoName> {
    if name.bytes().any(|byte| !byte.is_ascii_alphanumeric() && !b"-_.".contains(&byte)) {
        return Err(broken(field, "AlphaDashDot"));
    }
    at_most(field, name, crate::model::names::REPO_NAME_MAX_BYTES)?;
    RepoName::new(name)
}

fn branch_name(field: &'static str, name: &str) -> Result<()> {
    at_most(field, name, BRANCH_MAX)?;
    match crate::forge::writing::ref_name("refs/heads/", name) {
        Ok(_) => Ok(()),
        Err(_) => Err(broken(field, "GitRefName")),
    }
}

pub(super) fn visibility(field: &'static str, name: &str) -> Result<Visibility> {
    Visibility::parse(name).ok_or_else(|| one_of(field, Visibility::ALL.map(Visibility::as_str)))
}

/// Gitea answers passwords that are too short with 400, unlike every other field.
fn password(text: &str, min_chars: usize) -> Result<()> {
    if text.chars().count() < min_chars {
        return Err(Error::new(Kind::Malformed, format!("PasswordIsRequired: at least {min_chars} characters")));
    }
    Ok(())
}

/// Only local accounts exist; another login source is refused as Gitea refuses one that is not configured.
fn source(source_id: i64) -> Result<()> {
    if source_id != 0 {
        return Err(Error::invalid("source_id", format!("login source does not exist [id: {source_id}]")));
    }
    Ok(())
}

/// Reads `CreateUserOption`. Units: `min_password` in characters.
pub fn new_user(option: CreateUserOption, min_password: usize) -> Result<NewUser> {
    required("Username", &option.username)?;
    required("Email", &option.email)?;
    at_most("Email", &option.email, EMAIL_MAX)?;
    at_most("FullName", &option.full_name, PROFILE_MAX)?;
    source(option.source_id)?;
    if option.created_at.is_some() {
        return Err(Error::invalid("created_at", "created_at cannot be given: the audit ledger dates accounts"));
    }
    let name = UserName::new(option.username.trim())?;
    let email = Email::new(option.email.trim())?;
    password(&option.password, min_password)?;
    let shown = match option.visibility.as_str() {
        "" => Visibility::Public,
        given => visibility("Visibility", given)?,
    };
    Ok(NewUser {
        full_name: option.full_name,
        must_change_password: option.must_change_password.unwrap_or(true),
        is_restricted: option.restricted.unwrap_or(false),
        visibility: shown,
        is_told_by_mail: option.send_notify,
        ..NewUser::new(name, email, option.password)
    })
}

/// Reads a login name.
///
/// Errors: `Invalid` naming the field.
pub fn account_name(field: &'static str, name: &str) -> Result<UserName> {
    required(field, name)?;
    UserName::new(name.trim())
}

/// Reads addresses that are to be added.
///
/// Errors: `Invalid` for an empty list or one that is none.
pub fn new_emails(option: EmailsOption) -> Result<Vec<Email>> {
    if option.emails.is_empty() {
        return Err(Error::invalid("emails", "Email list empty"));
    }
    known_emails(option)
}

/// Reads addresses that are there.
///
/// Errors: `Invalid` for one that is none, and for more than an account can have.
pub fn known_emails(option: EmailsOption) -> Result<Vec<Email>> {
    if option.emails.len() > MAX_OF_ACCOUNT {
        return Err(broken("Emails", "MaxSize"));
    }
    let read = |text: &String| {
        Email::new(text.trim()).map_err(|error| {
            Error::invalid("emails", format!("Email address {:?} invalid", text.trim())).with_source(error)
        })
    };
    option.emails.iter().map(read).collect()
}

/// Reads `UserSettingsOption`.
///
/// Errors: `Invalid` naming the field.
pub fn settings_patch(option: UserSettingsOption) -> Result<UserPatch> {
    for (field, text) in [
        ("FullName", &option.full_name),
        ("Website", &option.website),
        ("Location", &option.location),
        ("Description", &option.description),
    ] {
        at_most(field, text.as_deref().unwrap_or_default(), PROFILE_MAX)?;
    }
    let styles = || one_of("DiffViewStyle", DiffViewStyle::ALL.map(DiffViewStyle::as_str));
    let style = |name: String| DiffViewStyle::parse(&name).ok_or_else(styles);
    Ok(UserPatch {
        full_name: option.full_name,
        website: option.website,
        description: option.description,
        location: option.location,
        language: option.language,
        theme: option.theme,
        diff_view_style: option.diff_view_style.map(style).transpose()?,
        hides_email: option.hide_email,
        hides_activity: option.hide_activity,
        ..UserPatch::default()
    })
}

/// Reads `CreateLabelOption`.
///
/// Errors: `Invalid` naming the field.
pub fn new_label(option: CreateLabelOption) -> Result<NewLabel> {
    required("Name", &option.name)?;
    required("Color", &option.color)?;
    Ok(NewLabel {
        name: option.name.trim().to_owned(),
        color: label_color(&option.color)?,
        description: option.description,
        is_exclusive: option.exclusive,
        is_archived: option.is_archived,
    })
}

/// Reads `EditLabelOption`.
///
/// Errors: `Invalid` naming the field.
pub fn label_patch(option: EditLabelOption) -> Result<LabelPatch> {
    Ok(LabelPatch {
        name: option.name.map(|name| name.trim().to_owned()),
        color: option.color.map(|color| label_color(&color)).transpose()?,
        description: option.description,
        is_exclusive: option.exclusive,
        is_archived: option.is_archived,
    })
}

fn label_color(text: &str) -> Result<LabelColor> {
    LabelColor::parse(text).ok_or_else(|| Error::invalid("color", format!("invalid color code: {text}")))
}

/// Reads `EditUserOption`; an empty password keeps the old one, as in Gitea.
pub fn user_patch(option: EditUserOption, min_password: usize) -> Result<UserPatch> {
    source(option.source_id.unwrap_or(0))?;
    for (field, text) in [
        ("FullName", &option.full_name),
        ("Website", &option.website),
        ("Location", &option.location),
        ("Description", &option.description),
    ] {
        at_most(field, text.as_deref().unwrap_or_default(), PROFILE_MAX)?;
    }
    let secret = option.password.filter(|text| !text.is_empty());
    if let Some(text) = &secret {
        password(text, min_password)?;
    }
    let email = option.email.as_deref().map(|text| Email::new(text.trim())).transpose();
    let max_repositories = match option.max_repo_creation {
        Some(most) if most < -1 => {
            return Err(Error::invalid("max_repo_creation", "[MaxRepoCreation]: -1 or a number"));
        }
        most => most.map(|most| Some(most).filter(|most| *most >= 0)),
    };
    Ok(UserPatch {
        max_repositories,
        may_create_organizations: option.allow_create_organization,
        full_name: option.full_name,
        // Gitea answers a bad address with 400 here and 422 when it creates a user.
        email: email.map_err(|error| Error::new(Kind::Malformed, error.public().to_owned()))?,
        password: secret,
        description: option.description,
        website: option.website,
        location: option.location,
        visibility: option
            .visibility
            .filter(|name| !name.is_empty())
            .map(|name| visibility("Visibility", &name))
            .transpose()?,
        is_admin: option.admin,
        is_active: option.active,
        is_login_prohibited: option.prohibit_login,
        is_restricted: option.restricted,
        must_change_password: option.must_change_password,
        ..UserPatch::default()
    })
}

/// Reads `CreateAccessTokenOption`; Gitea answers bad scopes with 400.
pub fn new_token(option: &CreateAccessTokenOption) -> Result<NewToken> {
    required("Name", &option.name)?;
    at_most("Name", &option.name, PROFILE_MAX)?;
    let scopes = TokenScopes::parse(&option.scopes).map_err(|error| {
        Error::new(Kind::Malformed, format!("invalid access token scope provided: {}", error.public()))
    })?;
    if scopes.is_empty() {
        return Err(Error::new(Kind::Malformed, "access token must have a scope"));
    }
    let expires_ms = option.expires_at.as_deref().filter(|text| !text.is_empty()).map(expiry).transpose()?;
    let repositories = option.repositories.as_ref().map(|names| names.iter().map(|name| full_name(name)).collect());
    Ok(NewToken { name: option.name.clone(), scopes, expires_ms, repositories: repositories.transpose()? })
}

/// Reads `owner/name`.
fn full_name(text: &str) -> Result<(UserName, RepoName)> {
    let unknown = || Error::invalid("repositories", format!("repository does not exist [name: {text}]"));
    let (owner, name) = text.split_once('/').ok_or_else(unknown)?;
    Ok((UserName::parse(owner).map_err(|_| unknown())?, RepoName::parse(name).map_err(|_| unknown())?))
}

/// Reads the end of a token's life; what cannot be read must not become a token that lives for ever.
fn expiry(text: &str) -> Result<UtcMs> {
    UtcMs::parse_rfc3339(text)
        .ok_or_else(|| broken("ExpiresAt", &format!("must be an RFC 3339 time, until {LAST_TIME}")))
}

/// Reads `CreateRepoOption`.
pub fn new_repository(option: CreateRepoOption) -> Result<NewRepository> {
    required("Name", &option.name)?;
    let name = repo_name("Name", &option.name)?;
    at_most("Description", &option.description, DESCRIPTION_MAX)?;
    if !option.default_branch.is_empty() {
        branch_name("DefaultBranch", &option.default_branch)?;
    }
    if !matches!(option.object_format_name.as_str(), "" | "sha1") {
        let text = format!("object format is not supported: {}", option.object_format_name);
        return Err(Error::invalid("object_format_name", text));
    }
    let labels = match option.issue_labels.trim() {
        "" => Vec::new(),
        set => label_sets::find(set)
            .ok_or_else(|| Error::invalid("issue_labels", format!("label set does not exist: {set}")))?,
    };
    let starter = if option.auto_init { starter(&option)? } else { Starter::default() };
    Ok(NewRepository {
        labels,
        starter,
        description: option.description,
        is_private: option.private,
        is_template: option.template,
        default_branch: Some(option.default_branch).filter(|branch| !branch.is_empty()),
        auto_init: option.auto_init,
        ..NewRepository::new(name)
    })
}

/// Reads `GenerateRepoOption`: something has to be taken over.
pub fn generated_repository(option: GenerateRepoOption) -> Result<NewRepository> {
    required("Name", &option.name)?;
    let name = repo_name("Name", &option.name)?;
    at_most("Description", &option.description, DESCRIPTION_MAX)?;
    if !option.default_branch.is_empty() {
        branch_name("DefaultBranch", &option.default_branch)?;
    }
    if option.git_hooks {
        return Err(Error::invalid("git_hooks", "this server has no git hooks"));
    }
    if option.protected_branch {
        // Whoever counts on rules must not be left without them in silence.
        return Err(Error::invalid("protected_branch", "protection rules are not taken over yet"));
    }
    let items =
        [option.git_content, option.topics, option.webhooks, option.avatar, option.labels, option.protected_branch];
    if !items.contains(&true) {
        return Err(Error::invalid("git_content", "must select at least one template item"));
    }
    Ok(NewRepository {
        description: option.description,
        is_private: option.private,
        default_branch: Some(option.default_branch).filter(|branch| !branch.is_empty()),
        ..NewRepository::new(name)
    })
}

/// What a first commit holds beside the README; a template that does not exist is refused by name, never dropped in silence.
fn starter(option: &CreateRepoOption) -> Result<Starter> {
    if !matches!(option.readme.as_str(), "" | "Default") {
        return Err(Error::new(Kind::Malformed, "readme template does not exist, available templates: [Default]"));
    }
    let gitignore = gitignores::join(&option.gitignores)
        .map_err(|name| Error::invalid("gitignores", format!("gitignore template does not exist: {name}")))?;
    let license = match option.license.trim() {
        "" => None,
        key => Some(
            License::find(key)
                .ok_or_else(|| Error::invalid("license", format!("license template does not exist: {key}")))?,
        ),
    };
    Ok(Starter { gitignore, license })
}

/// Reads `EditRepoOption`; an empty name or default branch keeps the old one, as in Gitea.
pub fn repository_patch(option: EditRepoOption) -> Result<RepositoryPatch> {
    let name = option.name.filter(|name| !name.is_empty()).map(|name| repo_name("Name", &name)).transpose()?;
    at_most("Description", option.description.as_deref().unwrap_or_default(), DESCRIPTION_MAX)?;
    at_most("Website", option.website.as_deref().unwrap_or_default(), WEBSITE_MAX)?;
    let default_branch = option.default_branch.filter(|branch| !branch.is_empty());
    if let Some(branch) = &default_branch {
        branch_name("DefaultBranch", branch)?;
    }
    let units = [
        (Unit::Code, option.has_code),
        (Unit::Issues, option.has_issues),
        (Unit::PullRequests, option.has_pull_requests),
        (Unit::Releases, option.has_releases),
        (Unit::Wiki, option.has_wiki),
        (Unit::Projects, option.has_projects),
        (Unit::Packages, option.has_packages),
        (Unit::Actions, option.has_actions),
    ];
    Ok(RepositoryPatch {
        units: units.into_iter().filter_map(|(unit, is_on)| Some((unit, is_on?))).collect(),
        name,
        description: option.description,
        website: option.website,
        is_private: option.private,
        is_template: option.template,
        is_archived: option.archived,
        default_branch,
        mirror_interval_ms: option.mirror_interval.map(|text| mirror_interval(&text)).transpose()?,
        mirror_prunes: option.enable_prune,
        mirror_credentials: credentials(
            option.mirror_username.unwrap_or_default(),
            option.mirror_password.unwrap_or_default(),
            option.mirror_token.unwrap_or_default(),
        )?,
    })
}

/// Reads a span of time as Gitea writes it. Units: milliseconds.
fn mirror_interval(text: &str) -> Result<i64> {
    let bad = || Error::invalid("mirror_interval", format!("time: invalid duration {text:?}"));
    parse_interval(text).ok_or_else(bad)
}

/// Reads how to be let in at another server; none: nothing was said.
fn credentials(user: String, password: String, token: String) -> Result<Option<Credentials>> {
    for (field, text) in [("AuthUsername", &user), ("AuthPassword", &password), ("AuthToken", &token)] {
        at_most(field, text, SECRET_MAX)?;
        if text.chars().any(char::is_control) {
            return Err(broken(field, "ControlCharacters"));
        }
    }
    // A colon would end it early, so that others would read another name.
    if user.contains(':') {
        return Err(broken("AuthUsername", "Colon"));
    }
    Ok(match (user.is_empty(), token.is_empty()) {
        (true, true) if password.is_empty() => None,
        (_, true) => Some(Credentials { user, password }),
        // What servers of git take for a token's owner where they do not look at it.
        (true, false) => Some(Credentials { user: "oauth2".to_owned(), password: token }),
        (false, false) => Some(Credentials { user, password: token }),
    })
}

/// Reads `MigrateRepoOptions`.
///
/// Errors: `Invalid` naming the field; also for what this server does not bring over, so that nobody takes it for brought.
pub fn migration(option: MigrateRepoOption) -> Result<(NewRepository, Wanted)> {
    required("CloneAddr", &option.clone_addr)?;
    required("RepoName", &option.repo_name)?;
    at_most("Description", &option.description, DESCRIPTION_MAX)?;
    let credentials = credentials(option.auth_username, option.auth_password, option.auth_token)?;
    if !option.service.is_empty() && !SERVICES.contains(&option.service.as_str()) {
        return Err(one_of("Service", SERVICES));
    }
    let is_plain = matches!(option.service.as_str(), "" | "git");
    if option.lfs {
        return Err(Error::invalid("lfs", "this server does not bring large files over"));
    }
    if option.wiki {
        return Err(Error::invalid("wiki", "this server does not bring wikis over"));
    }
    if !option.aws_access_key_id.is_empty() || !option.aws_secret_access_key.is_empty() {
        return Err(Error::invalid("aws_access_key_id", "this server does not use credentials of a cloud"));
    }
    let asks_for_more = option.issues || option.labels || option.milestones || option.pull_requests || option.releases;
    // Gitea leaves them out of mirrors and of plain git without a word.
    if asks_for_more && !is_plain && !option.mirror {
        return Err(Error::invalid("service", "this server brings over branches and tags only"));
    }
    let interval = option.mirror_interval.trim();
    let interval_ms = if interval.is_empty() || !option.mirror { None } else { Some(mirror_interval(interval)?) };
    let new = NewRepository {
        description: option.description,
        is_private: option.private,
        ..NewRepository::new(repo_name("RepoName", &option.repo_name)?)
    };
    Ok((new, Wanted { url: option.clone_addr, credentials, is_mirror: option.mirror, interval_ms }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> CreateUserOption {
        CreateUserOption {
            username: "ada".into(),
            email: "ada@example.org".into(),
            password: "correct horse".into(),
            ..CreateUserOption::default()
        }
    }

    #[test]
    fn missing_fields_are_named_as_gitea_names_them() {
        let without_name = CreateUserOption { username: String::new(), ..user() };
        assert_eq!(new_user(without_name, 8).unwrap_err().public(), "[Username]: Required");
        let without_email = CreateUserOption { email: " ".into(), ..user() };
        assert_eq!(new_user(without_email, 8).unwrap_err().public(), "[Email]: Required");
        let repository = new_repository(CreateRepoOption::default()).unwrap_err();
        assert_eq!((repository.public(), repository.kind()), ("[Name]: Required", Kind::Invalid));
        assert_eq!(new_token(&CreateAccessTokenOption::default()).unwrap_err().public(), "[Name]: Required");
    }

    #[test]
    fn new_users_must_change_their_password_unless_said_otherwise() {
        assert!(new_user(user(), 8).unwrap().must_change_password);
        let told = CreateUserOption { must_change_password: Some(false), ..user() };
        assert!(!new_user(told, 8).unwrap().must_change_password);
    }

    #[test]
    fn short_passwords_and_bad_scopes_are_malformed() {
        let short = CreateUserOption { password: "short".into(), ..user() };
        assert_eq!(new_user(short, 8).unwrap_err().kind(), Kind::Malformed);
        let token = |scopes: &[&str]| {
            let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            new_token(&CreateAccessTokenOption { name: "ci".into(), scopes, expires_at: None, repositories: None })
        };
        assert_eq!(token(&[]).unwrap_err().kind(), Kind::Malformed);
        assert_eq!(token(&["public-only"]).unwrap_err().kind(), Kind::Malformed);
        assert_eq!(token(&["repo"]).unwrap_err().kind(), Kind::Malformed);
        assert_eq!(token(&["write:repository", "read:user"]).unwrap().scopes.to_string(), "write:repository,read:user");
    }

    #[test]
    fn repository_fields_are_checked() {
        let base = || CreateRepoOption { name: "sops".into(), ..CreateRepoOption::default() };
        assert!(new_repository(base()).is_ok());
        let cases: [(CreateRepoOption, &str); 5] = [
            (CreateRepoOption { name: "a b".into(), ..base() }, "[Name]: AlphaDashDot"),
            (CreateRepoOption { name: "x".repeat(101), ..base() }, "[Name]: MaxSize"),
            (CreateRepoOption { description: "x".repeat(2049), ..base() }, "[Description]: MaxSize"),
            (CreateRepoOption { default_branch: "a..b".into(), ..base() }, "[DefaultBranch]: GitRefName"),
            (
                CreateRepoOption { object_format_name: "sha256".into(), ..base() },
                "object format is not supported: sha256",
            ),
        ];
        for (option, expected) in cases {
            assert_eq!(new_repository(option).unwrap_err().public(), expected);
        }
    }

    #[test]
    fn unknown_templates_are_refused_by_name() {
        let base = || CreateRepoOption { name: "sops".into(), auto_init: true, ..CreateRepoOption::default() };
        assert!(new_repository(CreateRepoOption { readme: "Default".into(), ..base() }).is_ok());
        assert_eq!(
            new_repository(CreateRepoOption { readme: "Fancy".into(), ..base() }).unwrap_err().kind(),
            Kind::Malformed
        );
        assert_eq!(
            new_repository(CreateRepoOption { license: "Proprietary".into(), ..base() }).unwrap_err().kind(),
            Kind::Invalid
        );
        assert_eq!(
            new_repository(CreateRepoOption { gitignores: "Cobol".into(), ..base() }).unwrap_err().kind(),
            Kind::Invalid
        );
    }

    #[test]
    fn a_token_whose_end_cannot_be_read_is_refused() {
        let new = |end: &str| {
            new_token(&CreateAccessTokenOption {
                name: "ci".into(),
                scopes: vec!["all".into()],
                expires_at: Some(end.into()),
                repositories: None,
            })
        };
        assert_eq!(new("2030-01-02T03:04:05Z").unwrap().expires_ms, UtcMs::parse_rfc3339("2030-01-02T03:04:05Z"));
        assert_eq!(new("").unwrap().expires_ms, None);
        for bad in ["tomorrow", "2030-01-02", "1893553445"] {
            assert_eq!(new(bad).unwrap_err().kind(), Kind::Invalid, "{bad}");
        }
    }

    #[test]
    fn empty_texts_of_a_patch_keep_what_is_there() {
        let patch = repository_patch(EditRepoOption {
            name: Some(String::new()),
            default_branch: Some(String::new()),
            description: Some(String::new()),
            ..EditRepoOption::default()
        })
        .unwrap();
        assert!(patch.name.is_none() && patch.default_branch.is_none());
        assert_eq!(patch.description.as_deref(), Some(""));
        let edited =
            user_patch(EditUserOption { password: Some(String::new()), ..EditUserOption::default() }, 8).unwrap();
        assert!(edited.password.is_none());
    }
}
