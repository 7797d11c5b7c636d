//! The actions of the forge: one type each, with what it needs.
//!
//! Owns the table of rules (scope, credential, level) in one place. A permit for one action cannot be used for another,
//! because the action is part of its type. The decision itself is in [`super::authorize()`].

use atomicqms_actors::sql::{self, Connection};

use super::Caller;
use super::authorize::Facts;
use crate::db;
use crate::model::{AccessLevel, Category, RepoId, RepoName, Repository, User, UserName, Visibility};

/// Reading or writing, as token scopes distinguish them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `read:x`.
    Read,
    /// `write:x`.
    Write,
}

/// What standing an action asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Everybody.
    Anyone,
    /// Any account.
    SignedIn,
    /// A site administrator.
    SiteAdmin,
    /// Whoever may see the account.
    SeeUser,
    /// The account itself.
    Own,
    /// The account itself or a site administrator.
    OwnOrSiteAdmin,
    /// A level in the repository.
    Repository {
        /// Least level.
        level: AccessLevel,
        /// Anonymous callers are refused even where the level would do.
        signed_in: bool,
        /// Refused while the repository is archived.
        is_frozen_by_archive: bool,
    },
}

/// Everything the gate asks about one action.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Stable name, for logs and tables.
    pub name: &'static str,
    /// Scopes a token must have; all of them.
    pub scopes: &'static [(Category, Verb)],
    /// Standing.
    pub need: Need,
    /// Only a password will do; no token may widen itself.
    pub password_only: bool,
    /// Allowed to an account that has to change its password first.
    pub before_password_change: bool,
}

/// One thing a caller may want to do.
pub trait Action: Copy + Send + Sync + 'static + sealed::Sealed {
    /// How the thing acted on is named.
    type Resource: Clone + Send + Sync + 'static;
    /// The thing acted on, as loaded.
    type Subject: Clone + Send + Sync + 'static;
    /// What the gate asks.
    const RULE: Rule;

    /// Loads the thing by name; none: absent.
    #[doc(hidden)]
    fn find(
        conn: &dyn Connection,
        caller: &Caller,
        resource: &Self::Resource,
    ) -> Result<Option<Self::Subject>, sql::Error>;

    /// Loads the same thing again, inside the transaction that is about to change it; none: gone.
    #[doc(hidden)]
    fn reload(
        conn: &dyn Connection,
        caller: &Caller,
        subject: &Self::Subject,
    ) -> Result<Option<Self::Subject>, sql::Error>;

    /// What the decision needs to know about the thing.
    #[doc(hidden)]
    fn facts(caller: &Caller, subject: &Self::Subject) -> Facts;
}

mod sealed {
    use super::{Caller, Connection, Facts, sql};

    /// Keeps the set of actions in this file.
    pub trait Sealed {}

    /// How the subjects of a group of actions are loaded and seen.
    pub trait Family {
        type Resource;
        type Subject;
        fn find(
            conn: &dyn Connection,
            caller: &Caller,
            resource: &Self::Resource,
        ) -> Result<Option<Self::Subject>, sql::Error>;
        fn reload(
            conn: &dyn Connection,
            caller: &Caller,
            subject: &Self::Subject,
        ) -> Result<Option<Self::Subject>, sql::Error>;
        fn facts(caller: &Caller, subject: &Self::Subject) -> Facts;
    }
}

use sealed::Family;

/// `owner/name` as a caller wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RepoPath {
    /// Owner.
    pub owner: UserName,
    /// Repository, without `.git`.
    pub name: RepoName,
}

impl RepoPath {
    /// Names a repository.
    pub fn new(owner: UserName, name: RepoName) -> Self {
        Self { owner, name }
    }
}

/// A repository and the caller's level in it.
#[derive(Debug, Clone)]
pub struct RepositoryAccess {
    /// The row.
    pub repository: Repository,
    /// What the caller may do with it.
    pub level: AccessLevel,
    /// The caller used a former name.
    pub is_redirected: bool,
}

macro_rules! actions {
    ($family:ident { $( $(#[$doc:meta])* $name:ident($label:literal, [$($category:ident $verb:ident),*], $need:expr $(, $flag:ident)*); )+ }) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl sealed::Sealed for $name {}

            impl Action for $name {
                type Resource = <$family as Family>::Resource;
                type Subject = <$family as Family>::Subject;
                const RULE: Rule =
                    Rule::new($label, &[$((Category::$category, Verb::$verb)),*], $need)$(.$flag())*;

                fn find(conn: &dyn Connection, caller: &Caller, resource: &Self::Resource) -> Result<Option<Self::Subject>, sql::Error> {
                    $family::find(conn, caller, resource)
                }

                fn reload(conn: &dyn Connection, caller: &Caller, subject: &Self::Subject) -> Result<Option<Self::Subject>, sql::Error> {
                    $family::reload(conn, caller, subject)
                }

                fn facts(caller: &Caller, subject: &Self::Subject) -> Facts {
                    $family::facts(caller, subject)
                }
            }
        )+

        impl $family {
            /// The rules of this family, for the sweep in tests and for documentation.
            pub const RULES: &'static [Rule] = &[$(<$name as Action>::RULE),+];
        }
    };
}

impl Rule {
    const fn new(name: &'static str, scopes: &'static [(Category, Verb)], need: Need) -> Self {
        Self { name, scopes, need, password_only: false, before_password_change: false }
    }

    const fn password_only(self) -> Self {
        Self { password_only: true, ..self }
    }

    const fn before_password_change(self) -> Self {
        Self { before_password_change: true, ..self }
    }
}

/// Actions on the whole installation.
#[derive(Debug, Clone, Copy)]
pub struct OnInstance;

impl Family for OnInstance {
    type Resource = ();
    type Subject = ();

    fn find(_: &dyn Connection, _: &Caller, (): &()) -> Result<Option<()>, sql::Error> {
        Ok(Some(()))
    }

    fn reload(_: &dyn Connection, _: &Caller, (): &()) -> Result<Option<()>, sql::Error> {
        Ok(Some(()))
    }

    fn facts(_: &Caller, (): &()) -> Facts {
        Facts::Instance
    }
}

/// Actions on one account.
#[derive(Debug, Clone, Copy)]
pub struct OnUser;

impl Family for OnUser {
    type Resource = UserName;
    type Subject = User;

    fn find(conn: &dyn Connection, _: &Caller, name: &UserName) -> Result<Option<User>, sql::Error> {
        db::users::find_by_name(conn, name)
    }

    fn reload(conn: &dyn Connection, _: &Caller, subject: &User) -> Result<Option<User>, sql::Error> {
        db::users::find(conn, subject.id)
    }

    fn facts(caller: &Caller, user: &User) -> Facts {
        let is_self = caller.user_id() == Some(user.id);
        let is_visible = is_self
            || caller.is_site_admin()
            || match user.visibility {
                Visibility::Public => true,
                Visibility::Limited => !caller.is_anonymous(),
                Visibility::Private => false,
            };
        Facts::User { is_self, is_visible, is_public: user.visibility == Visibility::Public }
    }
}

/// Actions on one repository.
#[derive(Debug, Clone, Copy)]
pub struct OnRepository;

impl Family for OnRepository {
    type Resource = RepoPath;
    type Subject = RepositoryAccess;

    fn find(conn: &dyn Connection, caller: &Caller, path: &RepoPath) -> Result<Option<RepositoryAccess>, sql::Error> {
        let Some((repository, is_redirected)) = db::repositories::find_by_path(conn, &path.owner, &path.name)? else {
            return Ok(None);
        };
        let level = super::level_of(conn, caller, &repository)?;
        Ok(Some(RepositoryAccess { repository, level, is_redirected }))
    }

    fn reload(
        conn: &dyn Connection,
        caller: &Caller,
        subject: &RepositoryAccess,
    ) -> Result<Option<RepositoryAccess>, sql::Error> {
        let Some(repository) = db::repositories::find(conn, subject.repository.id)? else { return Ok(None) };
        let level = super::level_of(conn, caller, &repository)?;
        Ok(Some(RepositoryAccess { repository, level, is_redirected: subject.is_redirected }))
    }

    fn facts(_: &Caller, subject: &RepositoryAccess) -> Facts {
        Facts::Repository {
            level: subject.level,
            is_public: subject.repository.is_public(),
            is_archived: subject.repository.is_archived,
        }
    }
}

/// Actions on one repository named by its id.
#[derive(Debug, Clone, Copy)]
pub struct OnRepositoryId;

impl Family for OnRepositoryId {
    type Resource = RepoId;
    type Subject = RepositoryAccess;

    fn find(conn: &dyn Connection, caller: &Caller, id: &RepoId) -> Result<Option<RepositoryAccess>, sql::Error> {
        let Some(repository) = db::repositories::find(conn, *id)? else { return Ok(None) };
        let level = super::level_of(conn, caller, &repository)?;
        Ok(Some(RepositoryAccess { repository, level, is_redirected: false }))
    }

    fn reload(
        conn: &dyn Connection,
        caller: &Caller,
        subject: &RepositoryAccess,
    ) -> Result<Option<RepositoryAccess>, sql::Error> {
        OnRepository::reload(conn, caller, subject)
    }

    fn facts(caller: &Caller, subject: &RepositoryAccess) -> Facts {
        OnRepository::facts(caller, subject)
    }
}

const fn repository(level: AccessLevel, signed_in: bool, is_frozen_by_archive: bool) -> Need {
    Need::Repository { level, signed_in, is_frozen_by_archive }
}

actions! { OnInstance {
    /// Version, capabilities and limits; Gitea asks no scope of a token here, and its clients rely on it.
    ReadServer("server.read", [], Need::Anyone);
    /// The caller's own account.
    ReadSelf("self.read", [User Read], Need::SignedIn);
    /// Search among accounts the caller may see.
    SearchUsers("user.search", [User Read], Need::Anyone);
    /// Every account, with the fields only administrators see.
    ListUsers("user.list", [Admin Read], Need::SiteAdmin);
    /// Makes an account.
    CreateUser("user.create", [Admin Write], Need::SiteAdmin);
    /// Search among repositories the caller may see.
    SearchRepositories("repository.search", [Repository Read], Need::Anyone);
    /// Repositories the caller owns or collaborates in.
    ListOwnRepositories("repository.list_own", [User Read, Repository Read], Need::SignedIn);
    /// Search among topics of repositories the caller may see.
    SearchTopics("topic.search", [Repository Read], Need::Anyone);
    /// Reads and verifies the ledger.
    ReadLedger("ledger.read", [Admin Read], Need::SiteAdmin);
} }

actions! { OnUser {
    /// Sees an account.
    ReadUser("user.read", [User Read], Need::SeeUser);
    /// Sees which repositories an account owns, as far as the caller may see them.
    ListUserRepositories("repository.list_user", [User Read, Repository Read], Need::SeeUser);
    /// Changes an account as an administrator.
    EditUser("user.edit", [Admin Write], Need::SiteAdmin);
    /// Deletes an account.
    DeleteUser("user.delete", [Admin Write], Need::SiteAdmin);
    /// Changes one's own profile.
    EditProfile("profile.edit", [User Write], Need::Own);
    /// Changes one's own password.
    ChangePassword("password.change", [User Write], Need::Own, password_only, before_password_change);
    /// Lists, makes and deletes access tokens.
    ManageTokens("token.manage", [], Need::OwnOrSiteAdmin, password_only);
    /// Lists an account's public keys; they are public.
    ListKeys("key.list", [User Read], Need::SeeUser);
    /// Looks at one of one's own keys.
    ReadKey("key.read", [User Read], Need::Own);
    /// Adds a key of one's own. A key reads and writes repositories, so a token must be able to as well.
    AddKey("key.add", [User Write, Repository Write], Need::Own);
    /// Removes a key of one's own.
    RemoveKey("key.remove", [User Write], Need::Own);
    /// Adds a key for somebody else.
    AddKeyFor("key.add_for", [Admin Write], Need::SiteAdmin);
    /// Removes somebody else's key.
    RemoveKeyFor("key.remove_for", [Admin Write], Need::SiteAdmin);
    /// Makes a repository of one's own.
    CreateRepository("repository.create", [User Write, Repository Write], Need::Own);
    /// Makes a repository for somebody else.
    CreateRepositoryFor("repository.create_for", [Admin Write], Need::SiteAdmin);
} }

actions! { OnRepository {
    /// Reads metadata, refs and objects over the API.
    ReadRepository("repository.read", [Repository Read], repository(AccessLevel::Read, false, false));
    /// Clones and fetches.
    CloneRepository("repository.clone", [Repository Read], repository(AccessLevel::Read, false, false));
    /// Moves refs, by push or API.
    PushRepository("repository.push", [Repository Write], repository(AccessLevel::Write, true, true));
    /// Changes settings, the name included.
    EditRepository("repository.edit", [Repository Write], repository(AccessLevel::Admin, true, false));
    /// Deletes the repository.
    DeleteRepository("repository.delete", [Repository Write], repository(AccessLevel::Owner, true, false));
    /// Looks at deploy keys.
    ListDeployKeys("deploy_key.list", [Repository Read], repository(AccessLevel::Admin, true, false));
    /// Adds and removes deploy keys.
    EditDeployKeys("deploy_key.edit", [Repository Write], repository(AccessLevel::Admin, true, false));
    /// Lists collaborators.
    ListCollaborators("collaborator.list", [Repository Read], repository(AccessLevel::Read, true, false));
    /// Adds, changes and removes collaborators.
    EditCollaborators("collaborator.edit", [Repository Write], repository(AccessLevel::Admin, true, false));
    /// Sets, adds and removes topics; of no unit, they are the repository's own.
    EditTopics("topic.edit", [Repository Write], repository(AccessLevel::Admin, true, true));
} }

actions! { OnRepositoryId {
    /// Reads metadata of a repository named by its id.
    ReadRepositoryById("repository.read_by_id", [Repository Read], repository(AccessLevel::Read, true, false));
} }
