//! The account row and what may be put into it.
//!
//! Owns plain data. Hashes of passwords are never part of it: see `access::password`.

use super::{Avatar, Email, UserId, UserName, UtcMs};

/// Who may see that an account exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Visibility {
    /// Everybody.
    #[default]
    Public,
    /// Signed-in callers.
    Limited,
    /// The account itself and site administrators.
    Private,
}

impl Visibility {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Public, Self::Limited, Self::Private];

    /// The name Gitea gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Limited => "limited",
            Self::Private => "private",
        }
    }

    /// Reads a name given by [`Self::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|visibility| visibility.as_str() == name)
    }
}

/// How differences are shown to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DiffViewStyle {
    /// Never chosen.
    #[default]
    Unset,
    /// One column.
    Unified,
    /// Old and new side by side.
    Split,
}

impl DiffViewStyle {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Unset, Self::Unified, Self::Split];

    /// The name Gitea gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::Unified => "unified",
            Self::Split => "split",
        }
    }

    /// Reads a name given by [`Self::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.as_str() == name)
    }
}

/// What people set for themselves beside their profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserSettings {
    /// Language of pages, such as `de-DE`; empty: the browser's.
    pub language: String,
    /// Theme of pages; empty: the server's.
    pub theme: String,
    /// How differences are shown.
    pub diff_view_style: DiffViewStyle,
    /// True: a placeholder stands for the address wherever others see it, also in commits made over the API.
    pub hides_email: bool,
    /// True: others are not shown what the account does.
    pub hides_activity: bool,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Row id.
    pub id: UserId,
    /// Login name; never reused by another account, also not after a deletion.
    pub name: UserName,
    /// Printed name; may be empty.
    pub full_name: String,
    /// Address; for the account itself and administrators only.
    pub email: Email,
    /// Profile text.
    pub description: String,
    /// Profile link.
    pub website: String,
    /// Profile place.
    pub location: String,
    /// Who may see the account.
    pub visibility: Visibility,
    /// Site administrator.
    pub is_admin: bool,
    /// False: the account may not sign in by any means.
    pub is_active: bool,
    /// True: the account may not sign in by any means (Gitea's second switch).
    pub is_login_prohibited: bool,
    /// True: sees only repositories it owns or collaborates in.
    pub is_restricted: bool,
    /// True: everything but changing the password is refused.
    pub must_change_password: bool,
    /// True: an organization, which nobody signs in to.
    pub is_organization: bool,
    /// Grows when the password changes; cached verifications compare it.
    pub password_version: i64,
    /// What the account set for itself.
    pub settings: UserSettings,
    /// Its picture; none: one is made of its id.
    pub avatar: Option<Avatar>,
    /// When the row was made.
    pub created_ms: UtcMs,
    /// When the row last changed.
    pub updated_ms: UtcMs,
    /// When the account last proved its password; none: never.
    pub last_login_ms: Option<UtcMs>,
}

impl User {
    /// The printed name, or the login name where there is none.
    pub fn name_to_show(&self) -> &str {
        let full_name = self.full_name.trim();
        if full_name.is_empty() { self.name.as_str() } else { full_name }
    }

    /// Whether credentials of this account are accepted at all.
    pub const fn may_sign_in(&self) -> bool {
        self.is_active && !self.is_login_prohibited && !self.is_organization
    }
}

/// What makes a new account.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Login name, already checked by [`UserName::new`].
    pub name: UserName,
    /// Address.
    pub email: Email,
    /// Clear text password; hashed before it goes anywhere.
    pub password: String,
    /// Printed name.
    pub full_name: String,
    /// Site administrator.
    pub is_admin: bool,
    /// Refuse everything until the password was changed.
    pub must_change_password: bool,
    /// See [`User::is_restricted`].
    pub is_restricted: bool,
    /// Who may see the account.
    pub visibility: Visibility,
    /// Tell the person by mail, where mail is on.
    pub is_told_by_mail: bool,
}

impl NewUser {
    /// An ordinary account with defaults.
    pub fn new(name: UserName, email: Email, password: impl Into<String>) -> Self {
        Self {
            name,
            email,
            password: password.into(),
            full_name: String::new(),
            is_admin: false,
            must_change_password: false,
            is_restricted: false,
            visibility: Visibility::Public,
            is_told_by_mail: false,
        }
    }
}

/// Changes to an account; `None` keeps a field.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// New printed name.
    pub full_name: Option<String>,
    /// New address.
    pub email: Option<Email>,
    /// New clear text password.
    pub password: Option<String>,
    /// New profile text.
    pub description: Option<String>,
    /// New profile link.
    pub website: Option<String>,
    /// New profile place.
    pub location: Option<String>,
    /// New visibility.
    pub visibility: Option<Visibility>,
    /// New language of pages.
    pub language: Option<String>,
    /// New theme of pages.
    pub theme: Option<String>,
    /// New way to show differences.
    pub diff_view_style: Option<DiffViewStyle>,
    /// Hide the address or show it.
    pub hides_email: Option<bool>,
    /// Hide what the account does, or show it.
    pub hides_activity: Option<bool>,
    /// Grant or take site administration.
    pub is_admin: Option<bool>,
    /// Activate or deactivate.
    pub is_active: Option<bool>,
    /// Prohibit or allow sign-in.
    pub is_login_prohibited: Option<bool>,
    /// Restrict or release.
    pub is_restricted: Option<bool>,
    /// Demand a password change.
    pub must_change_password: Option<bool>,
    /// Most repositories that it may own; inner none: any number.
    pub max_repositories: Option<Option<i64>>,
    /// Let it make organizations, or not.
    pub may_create_organizations: Option<bool>,
}

/// Which accounts a list shows and in what order.
#[derive(Debug, Clone, Default)]
pub struct UserQuery {
    /// Words looked for in login, printed name and, for administrators, address; empty: all.
    pub text: String,
    /// Only this account.
    pub id: Option<UserId>,
    /// Only active or inactive ones.
    pub is_active: Option<bool>,
    /// Only administrators or others.
    pub is_admin: Option<bool>,
    /// Only restricted ones or others.
    pub is_restricted: Option<bool>,
    /// Only those prohibited to sign in, or others.
    pub is_login_prohibited: Option<bool>,
    /// Only this visibility.
    pub visibility: Option<Visibility>,
    /// Order.
    pub sort: UserSort,
    /// Descending.
    pub is_descending: bool,
}

/// Order of a list of accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserSort {
    /// By login name.
    #[default]
    Name,
    /// By creation.
    Created,
    /// By last change.
    Updated,
    /// By row id.
    Id,
}
