//! What each route asks of its caller, written down by hand from the contract: nothing here is read from the code under test.
//!
//! A new route gets one line. `passes` are the statuses of an answer of which the gate was passed: with few exceptions none that a gate
//! gives, so that an open gate cannot look like a closed one. What an asking does is undone in `world.rs`, or is refused late for its body.

use super::oracle::Need::{self, *};
use super::oracle::{Level::*, Stand::*};

/// One line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// The route's name; what follows a `#` tells two questions to one route apart.
    pub(super) name: &'static str,
    /// Whom it is for.
    pub(super) need: Need,
    /// Scopes a token must have, all of them.
    pub(super) scopes: &'static str,
    /// Statuses behind the gate.
    pub(super) passes: &'static [u16],
    /// Open to tokens that are limited to some repositories.
    pub(super) takes_limited: bool,
    /// No token will do.
    pub(super) password_only: bool,
}

const fn rule(name: &'static str, need: Need, scopes: &'static str, passes: &'static [u16]) -> Rule {
    let takes_limited = matches!(need, Repository(..) | LevelOfWriter | TeamsOfRepository);
    Rule { name, need, scopes, passes, takes_limited, password_only: false }
}

impl Rule {
    const fn limited(self) -> Self {
        Self { takes_limited: true, ..self }
    }

    const fn password(self) -> Self {
        Self { password_only: true, ..self }
    }

    /// Whether the answer depends on whose repository it is.
    pub(super) fn is_about_repository(&self) -> bool {
        matches!(self.need, Repository(..) | LevelOfWriter | TeamsOfRepository)
    }

    /// The name of the route.
    pub(super) fn operation(&self) -> &'static str {
        self.name.split('#').next().unwrap_or(self.name)
    }
}

const RR: &str = "read:repository";
const WR: &str = "write:repository";
const RU: &str = "read:user";
const RO: &str = "read:organization";
const WO: &str = "write:organization";
const RURR: &str = "read:user,read:repository";
const RURO: &str = "read:user,read:organization";
/// For everybody who may read the repository, and for those of them who are signed in.
const READS: Need = Repository(Read, false);
const READS_SIGNED_IN: Need = Repository(Read, true);
const WRITES: Need = Repository(Write, true);
const ADMINISTERS: Need = Repository(Admin, true);
const OWNS: Need = Repository(Owner, true);

/// Every route of the server.
pub(super) const RULES: &[Rule] = &[
    rule("home", Everybody, "", &[200]).limited(),
    rule("specification", Everybody, "", &[200]).limited(),
    rule("specificationPage", Everybody, "", &[200]).limited(),
    // Registration is off here, and there is no code.
    rule("signUpForm", Everybody, "", &[403]).limited(),
    rule("signUp", Everybody, "", &[403]).limited(),
    rule("activateForm", Everybody, "", &[400, 403, 404]).limited(),
    rule("activate", Everybody, "", &[400, 403, 404]).limited(),
    rule("activateEmailForm", Everybody, "", &[400, 403, 404]).limited(),
    rule("activateEmail", Everybody, "", &[400, 403, 404]).limited(),
    rule("invitationForm", Everybody, "", &[404]).limited(),
    rule("acceptInvitation", Everybody, "", &[400, 404]).limited(),
    rule("registerInvited", Everybody, "", &[400, 404]).limited(),
    rule("declineInvitation", Everybody, "", &[400, 404]).limited(),
    // No picture has this hash; who sees which is asked by tests of their own.
    rule("avatar", Everybody, "", &[404]).limited(),
    rule("repoAvatar", Everybody, "", &[404]).limited(),
    rule("avatarDefault", Everybody, "", &[200]).limited(),
    rule("livez", Everybody, "", &[200]).limited(),
    rule("readyz", Everybody, "", &[200]).limited(),
    rule("healthz", Everybody, "", &[200]).limited(),
    rule("metrics", Everybody, "", &[200]).limited(),
    rule("getVersion", Everybody, "", &[200]).limited(),
    rule("getGeneralAPISettings", Everybody, "", &[200]).limited(),
    rule("getGeneralAttachmentSettings", Everybody, "", &[200]).limited(),
    rule("getGeneralRepositorySettings", Everybody, "", &[200]).limited(),
    rule("getGeneralUISettings", Everybody, "", &[200]).limited(),
    rule("listGitignoresTemplates", Everybody, "", &[200]).limited(),
    rule("getGitignoreTemplateInfo", Everybody, "", &[200]).limited(),
    rule("listLicenseTemplates", Everybody, "", &[200]).limited(),
    rule("getLicenseTemplateInfo", Everybody, "", &[200]).limited(),
    rule("listLabelTemplates", Everybody, "", &[200]).limited(),
    rule("getLabelTemplateInfo", Everybody, "", &[200]).limited(),
    rule("renderMarkdown", Account, "", &[200]),
    rule("renderMarkdownRaw", Account, "", &[200]),
    rule("renderMarkup", Account, "", &[200]),
    rule("getCurrentToken", Token, "", &[200]).limited(),
    rule("deleteCurrentToken", Token, "", &[204]).limited(),
    // Accounts.
    rule("userGetCurrent", Account, RU, &[200]).limited(),
    rule("userSearch", Everybody, RU, &[200]),
    rule("userGet", SeesAccount, RU, &[200]),
    rule("userListRepos", SeesAccount, RURR, &[200]).limited(),
    rule("userGetTokens", AccountOrSite, "", &[200]).password(),
    rule("userCreateToken", AccountOrSite, "", &[422]).password(),
    rule("userDeleteAccessToken", AccountOrSite, "", &[204]).password(),
    rule("userCurrentListKeys", SeesSelf, RU, &[200]),
    rule("userCurrentPostKey", SeesSelf, "write:user,write:repository", &[422]),
    rule("userCurrentGetKey", OwnKey, RU, &[200]),
    rule("userCurrentDeleteKey", OwnKey, "write:user", &[204]),
    rule("userListKeys", SeesAccount, RU, &[200]),
    rule("userListGPGKeys", SeesAccount, RU, &[200]),
    rule("userCurrentListGPGKeys", SeesSelf, RU, &[200]),
    rule("userCurrentPostGPGKey", SeesSelf, "write:user", &[422]),
    // There is no such key, which nobody but its owner could see.
    rule("userCurrentGetGPGKey", SeesSelf, RU, &[404]),
    rule("userCurrentDeleteGPGKey", SeesSelf, "write:user", &[404]),
    rule("getVerificationToken", SeesSelf, RU, &[200]),
    rule("userVerifyGPGKey", SeesSelf, "write:user", &[422]),
    rule("userListEmails", SeesSelf, RU, &[200]),
    rule("userAddEmail", SeesSelf, "write:user", &[422]),
    rule("userDeleteEmail", SeesSelf, "write:user", &[204]),
    rule("getUserSettings", SeesSelf, RU, &[200]),
    rule("updateUserSettings", SeesSelf, "write:user", &[200]),
    // About somebody who has nothing to do with anybody here.
    rule("userCurrentPutFollow", SeesSelf, "write:user", &[204]),
    rule("userCurrentCheckFollowing", SeesSelf, RU, &[204]),
    rule("userCurrentListFollowers", SeesSelf, RU, &[200]),
    rule("userCurrentListFollowing", SeesSelf, RU, &[200]),
    rule("userCurrentDeleteFollow", SeesSelf, "write:user", &[204]),
    rule("userListFollowers", SeesAccount, RU, &[200]),
    rule("userListFollowing", SeesAccount, RU, &[200]),
    rule("userCheckFollowing", SeesAccount, RU, &[404]),
    rule("userBlockUser", SeesSelf, "write:user", &[204]),
    rule("userCheckUserBlock", SeesSelf, RU, &[404]),
    rule("userListBlocks", SeesSelf, RU, &[200]),
    rule("userUnblockUser", SeesSelf, "write:user", &[422]),
    rule("userUpdateAvatar", SeesSelf, "write:user", &[422]),
    rule("userDeleteAvatar", SeesSelf, "write:user", &[204]),
    rule("adminRenameUser", SiteOnAccount, "write:admin", &[422]),
    rule("adminSearchUsers", Site, "read:admin", &[200]),
    rule("adminCreateUser", Site, "write:admin", &[422]),
    rule("adminEditUser", SiteOnAccount, "write:admin", &[200]),
    rule("adminDeleteUser", SiteOnAccount, "write:admin", &[422]),
    rule("adminCreateRepo", SiteOnAccount, "write:admin", &[422]),
    rule("adminCreatePublicKey", SiteOnAccount, "write:admin", &[422]),
    rule("adminDeleteUserPublicKey", SiteOnAccount, "write:admin", &[204]),
    // Organizations and teams.
    rule("orgGetAll", Everybody, RO, &[200]),
    rule("orgCreate", Account, WO, &[422]),
    rule("adminGetAllOrgs", Site, "read:admin", &[200]),
    rule("adminCreateOrg", SiteOnAccount, "write:admin", &[422]),
    rule("orgListCurrentUserOrgs", Account, RURO, &[200]),
    rule("orgListUserOrgs", SeesAccount, RURO, &[200]),
    rule("orgGetUserPermissions", Organization(Belongs), RURO, &[200]),
    rule("orgGet", Organization(Sees), RO, &[200]),
    rule("orgEdit", Organization(Leads), WO, &[200]),
    rule("orgDelete", Organization(Leads), WO, &[422]),
    rule("orgListRepos", Organization(Sees), RO, &[200]),
    rule("createOrgRepo", Organization(Leads), "write:organization,write:repository", &[422]),
    rule("orgDeleteRepos", Organization(Leads), "write:organization,write:repository", &[204]),
    rule("renameOrg", Organization(Leads), WO, &[422]),
    rule("organizationBlockUser", Organization(Leads), WO, &[204]),
    rule("organizationCheckUserBlock", Organization(Leads), RO, &[404]),
    rule("organizationListBlocks", Organization(Leads), RO, &[200]),
    rule("organizationUnblockUser", Organization(Leads), WO, &[422]),
    rule("orgUpdateAvatar", Organization(Leads), WO, &[422]),
    rule("orgDeleteAvatar", Organization(Leads), WO, &[204]),
    rule("orgListLabels", Organization(Sees), RO, &[200]),
    rule("orgCreateLabel", Organization(Leads), WO, &[422]),
    rule("orgGetLabel", Organization(Sees), RO, &[200]),
    rule("orgEditLabel", Organization(Leads), WO, &[200]),
    rule("orgDeleteLabel", Organization(Leads), WO, &[204]),
    rule("orgListMembers", Organization(Sees), RO, &[200]),
    // Who is no member is sent to the public members.
    rule("orgIsMember", Organization(Sees), RO, &[204, 303]),
    rule("orgDeleteMember", Organization(Leads), WO, &[204]),
    rule("orgListPublicMembers", Organization(Sees), RO, &[200]),
    rule("orgIsPublicMember", Organization(Sees), RO, &[204]),
    rule("orgPublicizeMember", Organization(Self_), WO, &[204]),
    rule("orgConcealMember", Organization(Self_), WO, &[204]),
    rule("userListTeams", Account, RURO, &[200]),
    rule("orgListTeams", Organization(Belongs), RO, &[200]),
    rule("orgCreateTeam", Organization(Leads), WO, &[422]),
    rule("teamSearch", Organization(Belongs), RO, &[200]),
    rule("orgGetTeam", Team(Sees), RO, &[200]),
    rule("orgEditTeam", Team(Leads), WO, &[200]),
    rule("orgDeleteTeam", Team(Leads), WO, &[204]),
    rule("orgListTeamMembers", Team(Sees), RO, &[200]),
    rule("orgListTeamMember", Team(Sees), RO, &[200]),
    rule("orgAddTeamMember", Team(Leads), WO, &[204]),
    rule("orgRemoveTeamMember", Team(Leads), WO, &[204]),
    rule("orgListTeamInvitations", Team(Leads), RO, &[200]),
    // No mail is sent here.
    rule("orgCreateTeamInvitation", Team(Leads), WO, &[422]),
    rule("orgDeleteTeamInvitation", Team(Leads), WO, &[404]),
    // Nobody was invited; whose invitation is whose is asked by tests of their own.
    rule("userListInvitations", Account, RURO, &[200]),
    rule("userAcceptInvitation", Account, "write:user,write:organization", &[404]),
    rule("userDeclineInvitation", Account, "write:user,write:organization", &[404]),
    rule("orgListTeamRepos", Team(Sees), RO, &[200]),
    rule("orgListTeamRepo", Team(Sees), "read:organization,read:repository", &[200]),
    rule("orgAddTeamRepository", Team(Leads), "write:organization,write:repository", &[204]),
    rule("orgRemoveTeamRepository", Team(Leads), "write:organization,write:repository", &[204]),
    // Teams of a repository; 405 where no organization owns it.
    rule("repoListTeams", READS_SIGNED_IN, RR, &[200, 405]),
    rule("repoCheckTeam", READS_SIGNED_IN, RR, &[200, 405]),
    rule("repoAddTeam", TeamsOfRepository, WR, &[422, 405]),
    rule("repoDeleteTeam", TeamsOfRepository, WR, &[204, 405]),
    // Repositories.
    rule("userCurrentListRepos", Account, RURR, &[200]).limited(),
    rule("createCurrentUserRepo", SeesSelf, "write:user,write:repository", &[422]),
    rule("repoSearch", Everybody, RR, &[200]).limited(),
    rule("searchCode", Everybody, RR, &[200]).limited(),
    rule("repoGetLanguages", READS, RR, &[200]),
    rule("repoGetByID", READS_SIGNED_IN, RR, &[200]),
    rule("repoGet", READS, RR, &[200]),
    rule("repoEdit", ADMINISTERS, WR, &[200]),
    rule("repoUpdateAvatar", ADMINISTERS, WR, &[422]),
    rule("repoDeleteAvatar", ADMINISTERS, WR, &[204]),
    rule("repoDelete", OWNS, WR, &[204]),
    rule("listForks", READS, RR, &[200]),
    rule("createFork", READS_SIGNED_IN, RR, &[422]),
    rule("repoMergeUpstream", WRITES, WR, &[400]),
    rule("generateRepo", READS_SIGNED_IN, RR, &[422]),
    rule("repoMigrate", Account, WR, &[422]),
    // It is no mirror; what is asked of those is in tests of their own.
    rule("repoMirrorSync", WRITES, WR, &[400]),
    rule("repoGetMirror", ADMINISTERS, RR, &[400]),
    rule("repoTransfer", OWNS, WR, &[422]),
    rule("acceptRepoTransfer", Recipient, WR, &[202]),
    rule("rejectRepoTransfer", RecipientOrOwner, WR, &[200]),
    rule("repoListBranches", READS, RR, &[200]),
    rule("repoGetBranch", READS, RR, &[200]),
    rule("repoListTags", READS, RR, &[200]),
    rule("repoGetTag", READS, RR, &[200]),
    rule("repoListAllGitRefs", READS, RR, &[200]),
    rule("repoListGitRefs", READS, RR, &[200]),
    rule("repoListCollaborators", READS_SIGNED_IN, RR, &[200]),
    rule("repoCheckCollaborator", READS_SIGNED_IN, RR, &[204]),
    rule("repoAddCollaborator", ADMINISTERS, WR, &[204]),
    rule("repoDeleteCollaborator", ADMINISTERS, WR, &[204]),
    rule("repoGetRepoPermissions", LevelOfWriter, RR, &[200]),
    rule("repoGetAssignees", READS_SIGNED_IN, RR, &[200]),
    rule("repoCheckAssignee", READS_SIGNED_IN, RR, &[204]),
    rule("repoGetReviewers", READS_SIGNED_IN, RR, &[200]),
    rule("repoListKeys", ADMINISTERS, RR, &[200]),
    rule("repoCreateKey", ADMINISTERS, WR, &[422]),
    rule("repoGetKey", ADMINISTERS, RR, &[200]),
    rule("repoDeleteKey", ADMINISTERS, WR, &[204]),
    rule("repoListBranchProtection", ADMINISTERS, RR, &[200]),
    rule("repoCreateBranchProtection", ADMINISTERS, WR, &[400]),
    rule("repoUpdateBranchProtectionPriories", ADMINISTERS, WR, &[204]),
    rule("repoGetBranchProtection", ADMINISTERS, RR, &[200]),
    rule("repoEditBranchProtection", ADMINISTERS, WR, &[200]),
    rule("repoDeleteBranchProtection", ADMINISTERS, WR, &[204]),
    rule("repoListTagProtection", ADMINISTERS, RR, &[200]),
    rule("repoCreateTagProtection", ADMINISTERS, WR, &[422]),
    rule("repoGetTagProtection", ADMINISTERS, RR, &[200]),
    rule("repoEditTagProtection", ADMINISTERS, WR, &[200]),
    rule("repoDeleteTagProtection", ADMINISTERS, WR, &[204]),
    // Files and history.
    rule("repoGetContentsList", READS, RR, &[200]),
    rule("repoGetContents", READS, RR, &[200]),
    rule("repoGetContentsExt", READS, RR, &[200]),
    rule("repoGetContentsExtList", READS, RR, &[200]),
    rule("repoGetFileContents", READS, RR, &[200]),
    rule("repoGetFileContentsPost", READS, RR, &[200]),
    rule("repoGetRawFile", READS, RR, &[200]),
    rule("repoGetRawFileOrLFS", READS, RR, &[200]),
    rule("GetTree", READS, RR, &[200]),
    rule("GetBlob", READS, RR, &[200]),
    rule("GetAnnotatedTag", READS, RR, &[200]),
    rule("repoGetAllCommits", READS, RR, &[200]),
    rule("repoGetSingleCommit", READS, RR, &[200]),
    rule("repoGetNote", READS, RR, &[200]),
    rule("repoCompareDiff", READS, RR, &[200]),
    rule("repoGetBlame", READS, RR, &[200]),
    rule("repoGetContributors", READS, RR, &[200]),
    rule("repoGetCommitActivity", READS, RR, &[200]),
    rule("repoGetArchive", READS, RR, &[200]),
    rule("repoChangeFiles", WRITES, WR, &[422]),
    rule("repoCreateFile", WRITES, WR, &[422]),
    rule("repoUpdateFile", WRITES, WR, &[422]),
    rule("repoDeleteFile", WRITES, WR, &[422]),
    rule("repoCreateBranch", WRITES, WR, &[422]),
    rule("repoUpdateBranch", WRITES, WR, &[422]),
    rule("repoRenameBranch", WRITES, WR, &[422]),
    rule("repoDeleteBranch", WRITES, WR, &[204]),
    rule("repoCreateTag", WRITES, WR, &[422]),
    rule("repoDeleteTag", WRITES, WR, &[204]),
    // Releases.
    rule("repoListReleases", READS, RR, &[200]),
    rule("repoCreateRelease", WRITES, WR, &[422]),
    rule("repoGetLatestRelease", READS, RR, &[200]),
    rule("repoGetReleaseByTag", READS, RR, &[200]),
    rule("repoDeleteReleaseByTag", WRITES, WR, &[204]),
    rule("repoGetRelease", READS, RR, &[200]),
    rule("repoEditRelease", WRITES, WR, &[200]),
    rule("repoDeleteRelease", WRITES, WR, &[204]),
    rule("repoListReleaseAttachments", READS, RR, &[200]),
    rule("repoCreateReleaseAttachment", WRITES, WR, &[400]),
    rule("repoGetReleaseAttachment", READS, RR, &[200]),
    rule("repoEditReleaseAttachment", WRITES, WR, &[201]),
    rule("repoDeleteReleaseAttachment", WRITES, WR, &[204]),
    rule("releaseDownload", READS, RR, &[200]),
    rule("attachmentDownload", READS, RR, &[200]),
    rule("rawDownload", READS, RR, &[200]),
    rule("rawDownload#tag", READS, RR, &[200]),
    rule("rawDownload#commit", READS, RR, &[200]),
    rule("rawDownload#older", READS, RR, &[200]),
    rule("mediaDownload", READS, RR, &[200]),
    rule("archiveDownload", READS, RR, &[200]),
    // Statuses, stars, watches, topics.
    rule("repoListStatuses", READS, RR, &[200]),
    rule("repoCreateStatus", WRITES, WR, &[400]),
    rule("repoListStatusesByRef", READS, RR, &[200]),
    rule("repoGetCombinedStatusByRef", READS, RR, &[200]),
    rule("repoListStargazers", READS, RR, &[200]),
    rule("userCurrentListStarred", SeesSelf, RURR, &[200]).limited(),
    rule("userListStarred", SeesAccount, RURR, &[200]).limited(),
    rule("userCurrentCheckStarring", READS_SIGNED_IN, RURR, &[204]),
    rule("userCurrentPutStar", READS_SIGNED_IN, "write:user,write:repository", &[204]),
    rule("userCurrentDeleteStar", READS_SIGNED_IN, "write:user,write:repository", &[204]),
    rule("repoListSubscribers", READS, RR, &[200]),
    rule("userCurrentListSubscriptions", SeesSelf, RURR, &[200]).limited(),
    rule("userListSubscriptions", SeesAccount, RURR, &[200]).limited(),
    rule("userCurrentCheckSubscription", READS_SIGNED_IN, RR, &[200]),
    rule("userCurrentPutSubscription", READS_SIGNED_IN, WR, &[200]),
    rule("userCurrentDeleteSubscription", READS_SIGNED_IN, WR, &[204]),
    rule("repoListTopics", READS, RR, &[200]),
    rule("repoUpdateTopics", ADMINISTERS, WR, &[204]),
    rule("repoAddTopic", ADMINISTERS, WR, &[204]),
    rule("repoDeleteTopic", ADMINISTERS, WR, &[204]),
    rule("topicSearch", Everybody, RR, &[200]).limited(),
    rule("repoGetIssueTemplates", READS, RR, &[200]),
    rule("repoGetIssueConfig", READS, RR, &[200]),
    rule("repoValidateIssueConfig", READS, RR, &[200]),
    // Labels.
    rule("issueListLabels", READS, "read:issue", &[200]),
    rule("issueCreateLabel", WRITES, "write:issue", &[422]),
    rule("issueGetLabel", READS, "read:issue", &[200]),
    rule("issueEditLabel", WRITES, "write:issue", &[200]),
    rule("issueDeleteLabel", WRITES, "write:issue", &[204]),
    // Git over HTTP.
    rule("gitInfoRefs#fetch", READS, RR, &[200]),
    rule("gitInfoRefs#push", WRITES, WR, &[200]),
    rule("gitUploadPack", READS, RR, &[200]),
    rule("gitReceivePack", WRITES, WR, &[200]),
    // There is no bundle, and the dumb protocol is refused to those who may know the repository.
    rule("gitBundle", READS, RR, &[404]),
    rule("gitDumbHead", READS, RR, &[403]),
    rule("gitDumbObject", READS, RR, &[403]),
];
