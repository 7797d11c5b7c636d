//! The actions of the forge: one type each, with what it needs.
//!
//! Owns the table of rules (scope, credential, level) in one place. A permit for one action cannot be used for another,
//! because the action is part of its type. The decision itself is in [`super::authorize()`].

use atomicqms_actors::sql::{self, Connection};

mod families;

pub use self::families::{
    OnInstance, OnOrganization, OnRepository, OnRepositoryId, OnTeam, OnTransfer, OnUser, TransferAccess,
};
use super::Caller;
use super::authorize::Facts;
use super::rights::RepositoryRights;
use crate::model::{AccessLevel, Category, Organization, RepoName, Repository, Standing, Team, Unit, UserName};

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
    /// A standing in the organization.
    Organization(Stand),
    /// Whoever sees the team, and a standing in its organization.
    Team(Stand),
    /// To be the one to whom a repository is offered, or able to make repositories for it.
    Recipient,
    /// The same, or to own the repository.
    RecipientOrOwner,
    /// A level in the repository.
    Repository {
        /// The unit in which the level is asked for; none: the repository itself.
        unit: Option<Unit>,
        /// Least level.
        level: AccessLevel,
        /// Anonymous callers are refused even where the level would do.
        signed_in: bool,
        /// Refused while the repository is archived.
        is_frozen_by_archive: bool,
    },
}

/// What standing in an organization an action asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Whoever may see it.
    Sees,
    /// Whoever may see it and has an account.
    Account,
    /// A member.
    Member,
    /// Somebody who may make repositories in it.
    Maker,
    /// An owner.
    Owner,
}

/// What an action has to do with mirrors, which follow another server and nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMirror {
    /// A mirror is like any repository.
    Allowed,
    /// It is refused there.
    Refused,
    /// There is no such thing elsewhere.
    Only,
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
    /// For actions on accounts: an organization is one, too.
    pub takes_organizations: bool,
    /// Open to a token that is limited to some repositories, though it is about none: it shows no more than those.
    pub with_limited_token: bool,
    /// For actions on repositories: what becomes of it in a mirror.
    pub mirror: OnMirror,
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
    pub rights: RepositoryRights,
    /// The caller used a former name.
    pub is_redirected: bool,
}

/// An organization and what the caller is in it.
#[derive(Debug, Clone)]
pub struct OrganizationAccess {
    /// The row.
    pub organization: Organization,
    /// What the caller is in it.
    pub standing: Standing,
}

/// A team, its organization and what the caller is there.
#[derive(Debug, Clone)]
pub struct TeamAccess {
    /// The row.
    pub team: Team,
    /// Its organization.
    pub organization: Organization,
    /// What the caller is in the organization.
    pub standing: Standing,
    /// The caller is in the team.
    pub is_in_team: bool,
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
        Self {
            name,
            scopes,
            need,
            password_only: false,
            before_password_change: false,
            takes_organizations: false,
            with_limited_token: matches!(need, Need::Repository { .. }),
            mirror: OnMirror::Allowed,
        }
    }

    const fn password_only(self) -> Self {
        Self { password_only: true, ..self }
    }

    const fn before_password_change(self) -> Self {
        Self { before_password_change: true, ..self }
    }

    const fn takes_organizations(self) -> Self {
        Self { takes_organizations: true, ..self }
    }

    const fn with_limited_token(self) -> Self {
        Self { with_limited_token: true, ..self }
    }

    const fn refused_in_mirrors(self) -> Self {
        Self { mirror: OnMirror::Refused, ..self }
    }

    const fn only_in_mirrors(self) -> Self {
        Self { mirror: OnMirror::Only, ..self }
    }
}

const fn repository(level: AccessLevel, signed_in: bool, is_frozen_by_archive: bool) -> Need {
    Need::Repository { unit: None, level, signed_in, is_frozen_by_archive }
}

/// Reads in one unit.
const fn reading(unit: Unit) -> Need {
    Need::Repository { unit: Some(unit), level: AccessLevel::Read, signed_in: false, is_frozen_by_archive: false }
}

/// Writes in one unit, which an archive freezes.
const fn writing(unit: Unit) -> Need {
    Need::Repository { unit: Some(unit), level: AccessLevel::Write, signed_in: true, is_frozen_by_archive: true }
}

actions! { OnInstance {
    /// Version, capabilities and limits; Gitea asks no scope of a token here, and its clients rely on it.
    ReadServer("server.read", [], Need::Anyone, with_limited_token);
    /// The caller's own account.
    ReadSelf("self.read", [User Read], Need::SignedIn, with_limited_token);
    /// Search among accounts the caller may see.
    SearchUsers("user.search", [User Read], Need::Anyone);
    /// Every account, with the fields only administrators see.
    ListUsers("user.list", [Admin Read], Need::SiteAdmin);
    /// Makes an account.
    CreateUser("user.create", [Admin Write], Need::SiteAdmin);
    /// Search among repositories the caller may see.
    SearchRepositories("repository.search", [Repository Read], Need::Anyone, with_limited_token);
    /// Repositories the caller owns or collaborates in.
    ListOwnRepositories("repository.list_own", [User Read, Repository Read], Need::SignedIn, with_limited_token);
    /// Organizations the caller may see.
    ListOrganizations("organization.list", [Organization Read], Need::Anyone);
    /// Every organization.
    ListAllOrganizations("organization.list_all", [Admin Read], Need::SiteAdmin);
    /// Organizations the caller belongs to.
    ListOwnOrganizations("organization.list_own", [User Read, Organization Read], Need::SignedIn);
    /// Teams the caller is in.
    ListOwnTeams("team.list_own", [User Read, Organization Read], Need::SignedIn);
    /// Makes an organization.
    CreateOrganization("organization.create", [Organization Write], Need::SignedIn);
    /// Renders a text. Gitea asks for an account and for no scope.
    RenderMarkup("markup.render", [], Need::SignedIn);
    /// Looks at the token that is used, or revokes it: no scope, because a token may always give itself up.
    ManageCurrentToken("token.current", [], Need::SignedIn, with_limited_token);
    /// Asks for an account of one's own, where the settings let strangers do so.
    Register("user.register", [], Need::Anyone);
    /// Makes the account that somebody asked for. The proof is a code that was sent to the address; it is looked at where the change is made.
    ActivateAccount("user.activate", [], Need::Anyone);
    /// Confirms an address, with the same kind of proof.
    ConfirmEmail("email.confirm", [], Need::Anyone);
    /// Invitations to the caller's confirmed addresses.
    ListOwnInvitations("invitation.list_own", [User Read, Organization Read], Need::SignedIn);
    /// Accepts or declines one. That it went to an address of the caller is looked at where the change is made.
    AnswerInvitation("invitation.answer", [User Write, Organization Write], Need::SignedIn);
    /// Looks at an invitation, declines it, or makes the account that accepts it. The proof is the code that was sent to the address; it is looked at
    /// where the change is made.
    FollowInvitation("invitation.follow", [], Need::Anyone);
    /// Removes what was not confirmed in time.
    ForgetRegistrations("registration.forget", [], Need::SiteAdmin);
    /// Search among topics of repositories the caller may see.
    SearchTopics("topic.search", [Repository Read], Need::Anyone, with_limited_token);
    /// Takes over a repository of another server; for whom is a question of its own.
    MigrateRepository("repository.migrate", [Repository Write], Need::SignedIn);
    /// Search in the code of repositories the caller may read it of.
    SearchCode("code.search", [Repository Read], Need::Anyone, with_limited_token);
    /// Reads and verifies the ledger.
    ReadLedger("ledger.read", [Admin Read], Need::SiteAdmin);
} }

actions! { OnUser {
    /// Sees an account.
    ReadUser("user.read", [User Read], Need::SeeUser, takes_organizations);
    /// Learns that an account exists, to link its name in a text; needs no scope, as rendering needs none.
    SeeName("user.see_name", [], Need::SeeUser, takes_organizations);
    /// Sees which repositories an account owns, as far as the caller may see them.
    ListUserRepositories("repository.list_user", [User Read, Repository Read], Need::SeeUser, takes_organizations, with_limited_token);
    /// Sees what an account has starred and watches, as far as the caller may see it.
    ListInteresting("interest.list_user", [User Read, Repository Read], Need::SeeUser, with_limited_token);
    /// Sees which organizations an account belongs to, as far as the caller may see that.
    ListUserOrganizations("organization.list_user", [User Read, Organization Read], Need::SeeUser);
    /// Makes an organization for somebody else.
    CreateOrganizationFor("organization.create_for", [Admin Write], Need::SiteAdmin);
    /// Changes an account as an administrator.
    EditUser("user.edit", [Admin Write], Need::SiteAdmin);
    /// Gives an account another login name.
    RenameUser("user.rename", [Admin Write], Need::SiteAdmin);
    /// Deletes an account.
    DeleteUser("user.delete", [Admin Write], Need::SiteAdmin);
    /// Changes one's own profile.
    EditProfile("profile.edit", [User Write], Need::Own);
    /// Looks at one's own settings.
    ReadSettings("settings.read", [User Read], Need::Own);
    /// Lists one's own addresses.
    ListEmails("email.list", [User Read], Need::Own);
    /// Adds addresses to one's own account, or takes them away.
    EditEmails("email.edit", [User Write], Need::Own);
    /// Sees whom an account follows and who follows it, as far as the caller may see them.
    ListFollows("follow.list", [User Read], Need::SeeUser);
    /// Follows somebody, or ceases to.
    EditFollows("follow.edit", [User Write], Need::Own);
    /// Lists whom one has blocked.
    ListBlocks("block.list", [User Read], Need::Own);
    /// Blocks somebody, or ends that.
    EditBlocks("block.edit", [User Write], Need::Own);
    /// Sets one's own picture, or takes it away.
    EditAvatar("avatar.edit", [User Write], Need::Own);
    /// Changes one's own password.
    ChangePassword("password.change", [User Write], Need::Own, password_only, before_password_change);
    /// Lists, makes and deletes access tokens.
    ManageTokens("token.manage", [], Need::OwnOrSiteAdmin, password_only);
    /// Lists an account's public keys; they are public.
    ListKeys("key.list", [User Read], Need::SeeUser, takes_organizations);
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
    /// Lists an account's OpenPGP keys; they are public.
    ListGpgKeys("gpg_key.list", [User Read], Need::SeeUser, takes_organizations);
    /// Looks at one of one's own OpenPGP keys.
    ReadGpgKey("gpg_key.read", [User Read], Need::Own);
    /// Asks for the text that the holder of an OpenPGP key is to sign.
    ReadGpgChallenge("gpg_key.challenge", [User Read], Need::Own);
    /// Adds an OpenPGP key of one's own. It opens nothing, but what it has signed counts as one's own.
    AddGpgKey("gpg_key.add", [User Write], Need::Own);
    /// Proves to hold an OpenPGP key of one's own.
    VerifyGpgKey("gpg_key.verify", [User Write], Need::Own);
    /// Removes an OpenPGP key of one's own.
    RemoveGpgKey("gpg_key.remove", [User Write], Need::Own);
    /// Makes a repository of one's own.
    CreateRepository("repository.create", [User Write, Repository Write], Need::Own);
    /// Makes a repository for somebody else.
    CreateRepositoryFor("repository.create_for", [Admin Write], Need::SiteAdmin, takes_organizations);
} }

actions! { OnRepository {
    /// Reads what a repository is: its names, settings and counts.
    ReadRepository("repository.read", [Repository Read], repository(AccessLevel::Read, false, false));
    /// Reads refs and objects over the API.
    ReadCode("code.read", [Repository Read], reading(Unit::Code));
    /// Clones and fetches.
    CloneRepository("repository.clone", [Repository Read], reading(Unit::Code));
    /// Moves refs, by push or API.
    PushRepository("repository.push", [Repository Write], writing(Unit::Code), refused_in_mirrors);
    /// Lets a mirror follow its remote, which is the only way in which its refs move.
    SyncMirror("mirror.sync", [Repository Write], writing(Unit::Code), only_in_mirrors);
    /// Looks at how a mirror is kept, and how it stands with its remote.
    ReadMirror("mirror.read", [Repository Read], repository(AccessLevel::Admin, true, false), only_in_mirrors);
    /// Looks at labels.
    ReadLabels("label.read", [Issue Read], reading(Unit::Issues));
    /// Makes, changes and removes labels.
    EditLabels("label.edit", [Issue Write], writing(Unit::Issues));
    /// Tells what a check found of a commit.
    EditCommitStatus("commit_status.edit", [Repository Write], writing(Unit::Code));
    /// Reads releases and their files; drafts are for those who may write.
    ReadReleases("release.read", [Repository Read], reading(Unit::Releases));
    /// Makes, changes and deletes releases and their files.
    EditReleases("release.edit", [Repository Write], writing(Unit::Releases), refused_in_mirrors);
    /// Changes settings, the name included.
    EditRepository("repository.edit", [Repository Write], repository(AccessLevel::Admin, true, false));
    /// Deletes the repository.
    DeleteRepository("repository.delete", [Repository Write], repository(AccessLevel::Owner, true, false));
    /// Gives the repository to another owner, or offers it.
    TransferRepository("repository.transfer", [Repository Write], repository(AccessLevel::Owner, true, false));
    /// Looks at deploy keys.
    ListDeployKeys("deploy_key.list", [Repository Read], repository(AccessLevel::Admin, true, false));
    /// Adds and removes deploy keys.
    EditDeployKeys("deploy_key.edit", [Repository Write], repository(AccessLevel::Admin, true, false));
    /// Looks at the rules that protect branches and tags; unit: code.
    ReadProtection("protection.read", [Repository Read], repository(AccessLevel::Admin, true, false));
    /// Makes, changes and removes them; unit: code.
    EditProtection("protection.edit", [Repository Write], repository(AccessLevel::Admin, true, true));
    /// Lists collaborators.
    ListCollaborators("collaborator.list", [Repository Read], repository(AccessLevel::Read, true, false));
    /// Lists who can be assigned or asked to review.
    ListAssignable("assignable.list", [Repository Read], repository(AccessLevel::Read, true, false));
    /// Lists forks, as far as the caller may see them.
    ListForks("fork.list", [Repository Read], repository(AccessLevel::Read, false, false));
    /// Lists who has starred or watches it, as far as the caller may see them.
    ListInterested("interest.list", [Repository Read], repository(AccessLevel::Read, false, false));
    /// Looks at one's own star.
    ReadStar("star.read", [User Read, Repository Read], repository(AccessLevel::Read, true, false));
    /// Stars it, or takes the star back.
    EditStar("star.edit", [User Write, Repository Write], repository(AccessLevel::Read, true, false));
    /// Looks at one's own watch.
    ReadWatch("watch.read", [Repository Read], repository(AccessLevel::Read, true, false));
    /// Watches it, or ceases to.
    EditWatch("watch.edit", [Repository Write], repository(AccessLevel::Read, true, false));
    /// Sets its picture, or takes it away.
    EditRepositoryAvatar("avatar.edit_repository", [Repository Write], repository(AccessLevel::Admin, true, false));
    /// Adds, changes and removes collaborators.
    EditCollaborators("collaborator.edit", [Repository Write], repository(AccessLevel::Admin, true, false));
    /// Sets, adds and removes topics; of no unit, they are the repository's own.
    EditTopics("topic.edit", [Repository Write], repository(AccessLevel::Admin, true, true));
    /// Lists the teams with access.
    ListRepositoryTeams("repository_team.list", [Repository Read], repository(AccessLevel::Read, true, false));
    /// Gives a team access, or takes it; the organization may keep that to its owners.
    EditRepositoryTeams("repository_team.edit", [Repository Write], repository(AccessLevel::Admin, true, false));
} }

actions! { OnTransfer {
    /// Takes over a repository that was offered.
    AcceptTransfer("transfer.accept", [Repository Write], Need::Recipient);
    /// Rejects an offer, or takes it back.
    RejectTransfer("transfer.reject", [Repository Write], Need::RecipientOrOwner);
} }

actions! { OnOrganization {
    /// Sees an organization.
    ReadOrganization("organization.read", [Organization Read], Need::Organization(Stand::Sees));
    /// Sees what an account is in it.
    ReadStanding("organization.read_standing", [User Read, Organization Read], Need::Organization(Stand::Account));
    /// Sees its repositories, as far as the caller may see them.
    ListOrganizationRepositories("repository.list_organization", [Organization Read], Need::Organization(Stand::Sees));
    /// Lists teams that the caller may see.
    ListTeams("team.list", [Organization Read], Need::Organization(Stand::Member));
    /// Shows or hides one's own membership.
    ShowMembership("organization.show_membership", [Organization Write], Need::Organization(Stand::Member));
    /// Makes a repository in it.
    CreateOrganizationRepository("repository.create_in", [Organization Write, Repository Write], Need::Organization(Stand::Maker));
    /// Changes it.
    EditOrganization("organization.edit", [Organization Write], Need::Organization(Stand::Owner));
    /// Gives it another name.
    RenameOrganization("organization.rename", [Organization Write], Need::Organization(Stand::Owner));
    /// Looks at the labels of its repositories.
    ReadOrganizationLabels("label.read_organization", [Organization Read], Need::Organization(Stand::Sees));
    /// Makes, changes and removes them.
    EditOrganizationLabels("label.edit_organization", [Organization Write], Need::Organization(Stand::Owner));
    /// Lists whom it has blocked.
    ListOrganizationBlocks("block.list_organization", [Organization Read], Need::Organization(Stand::Owner));
    /// Blocks somebody for it, or ends that.
    EditOrganizationBlocks("block.edit_organization", [Organization Write], Need::Organization(Stand::Owner));
    /// Sets its picture, or takes it away.
    EditOrganizationAvatar("avatar.edit_organization", [Organization Write], Need::Organization(Stand::Owner));
    /// Deletes it.
    DeleteOrganization("organization.delete", [Organization Write], Need::Organization(Stand::Owner));
    /// Deletes all its repositories.
    DeleteOrganizationRepositories("repository.delete_all", [Organization Write, Repository Write], Need::Organization(Stand::Owner));
    /// Takes somebody out of it and all its teams.
    RemoveMember("organization.remove_member", [Organization Write], Need::Organization(Stand::Owner));
    /// Makes a team.
    CreateTeam("team.create", [Organization Write], Need::Organization(Stand::Owner));
} }

actions! { OnTeam {
    /// Sees a team, its members and its repositories as far as the caller may see them.
    ReadTeam("team.read", [Organization Read], Need::Team(Stand::Sees));
    /// Changes a team.
    EditTeam("team.edit", [Organization Write], Need::Team(Stand::Owner));
    /// Deletes a team.
    DeleteTeam("team.delete", [Organization Write], Need::Team(Stand::Owner));
    /// Puts somebody in or out.
    EditTeamMembers("team.edit_members", [Organization Write], Need::Team(Stand::Owner));
    /// Sees who was invited.
    ListInvitations("invitation.list", [Organization Read], Need::Team(Stand::Owner));
    /// Invites somebody, or takes that back.
    EditInvitations("invitation.edit", [Organization Write], Need::Team(Stand::Owner));
    /// Names a team whose access to a repository is to be changed; whether it may be is asked of the repository.
    UseTeam("team.use", [Organization Write], Need::Team(Stand::Member));
} }

actions! { OnRepositoryId {
    /// Reads metadata of a repository named by its id.
    ReadRepositoryById("repository.read_by_id", [Repository Read], repository(AccessLevel::Read, true, false));
    /// Fetches a file of a release, of a repository named by its id.
    ReadAttachment("attachment.read", [Repository Read], reading(Unit::Releases));
} }
