//! The REST API under `/api/v1`, shaped as Gitea's.
//!
//! Owns its part of the route table, one file a resource, and the wire types. Handlers parse, authorise, ask and
//! render, in that order; they hold no SQL and no policy. Called by `http/router.rs`.

pub mod admin;
pub mod archives;
pub mod assignees;
pub mod avatars;
pub mod blame;
pub mod blocks;
pub mod branch_protections;
pub mod branches;
pub mod branches_write;
pub mod bundled;
pub mod code_search;
pub mod collaborators;
mod commit_facts;
pub mod commit_statuses;
pub mod commit_text;
pub mod commits;
pub mod compare;
mod content_facts;
mod content_type;
pub mod contents;
pub mod contents_write;
pub mod deploy_keys;
pub mod directories;
pub mod emails;
pub mod follows;
pub mod forks;
pub mod git_objects;
mod git_path;
pub mod git_refs;
pub mod gpg_keys;
mod interests;
pub mod invitations;
pub mod issue_templates;
pub mod json;
pub mod keys;
pub mod labels;
pub mod languages;
mod lfs_pointer;
pub mod lookup;
pub mod markup;
pub mod members;
pub mod mirrors;
pub mod objects;
pub mod organizations;
mod patches;
pub mod query;
pub mod raw;
pub mod release_attachments;
pub mod releases;
pub mod renames;
pub mod render;
pub mod rendered;
pub mod repositories;
pub mod repository_teams;
pub mod search;
pub mod settings;
pub mod spec;
pub mod stars;
pub mod statistics;
mod submodules;
pub mod tag_protections;
pub mod tags;
pub mod teams;
pub mod templates;
#[cfg(test)]
mod tests;
pub mod tip_orders;
pub mod tokens;
pub mod topics;
pub mod transfers;
pub mod uploads;
pub mod urls;
pub mod user_settings;
pub mod users;
pub mod validate;
pub mod validate_organization;
pub mod validate_write;
mod verification;
pub mod version;
pub mod watches;

use axum::http::Method;

use self::commit_facts::WISH;
use super::router::Route;

/// Operations that Gitea does not have, so that its clients do not know them.
pub const OWN_OPERATIONS: &[&str] = &[
    "searchCode",
    "repoGetBlame",
    "repoGetContentsExtList",
    "repoGetContributors",
    "repoGetCommitActivity",
    "repoGetMirror",
    "orgListTeamInvitations",
    "orgCreateTeamInvitation",
    "orgDeleteTeamInvitation",
    "userListInvitations",
    "userAcceptInvitation",
    "userDeclineInvitation",
];

/// Lists the routes of the API; operation ids are those of the published specification.
pub fn routes() -> Vec<Route> {
    [
        account_routes(),
        key_routes(),
        gpg_key_routes(),
        organization_routes(),
        team_routes(),
        invitation_routes(),
        repository_routes(),
        protection_routes(),
        writing_routes(),
        release_routes(),
        server_routes(),
        reading_routes(),
        topic_routes(),
        interest_routes(),
        follow_routes(),
        block_routes(),
        avatar_routes(),
        commit_status_routes(),
        label_routes(),
        issue_template_routes(),
        bundled_routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn account_routes() -> Vec<Route> {
    let user_tokens = "/api/v1/users/{username}/tokens";
    let user_token = "/api/v1/users/{username}/tokens/{token}";
    vec![
        Route::api(Method::GET, "/api/v1/version", "getVersion", version::get_version)
            .about("Returns the version of this server, and of the dialect it speaks"),
        Route::api(Method::GET, "/api/v1/user", "userGetCurrent", users::user_get_current)
            .about("Get the authenticated user"),
        Route::api(Method::GET, "/api/v1/user/emails", "userListEmails", emails::user_list_emails)
            .about("List the authenticated user's email addresses"),
        Route::api(Method::POST, "/api/v1/user/emails", "userAddEmail", emails::user_add_email)
            .about("Add email addresses"),
        Route::api(Method::DELETE, "/api/v1/user/emails", "userDeleteEmail", emails::user_delete_email)
            .about("Delete email addresses")
            .body_as("DeleteEmailOption", &[], &[])
            .fails(&[404]),
        Route::api(Method::GET, "/api/v1/user/settings", "getUserSettings", user_settings::get_user_settings)
            .about("Get user settings"),
        Route::api(Method::PATCH, "/api/v1/user/settings", "updateUserSettings", user_settings::update_user_settings)
            .about("Update user settings"),
        Route::api(
            Method::POST,
            "/api/v1/admin/users/{username}/rename",
            "adminRenameUser",
            renames::admin_rename_user,
        )
        .about("Rename a user"),
        Route::api(Method::GET, "/api/v1/users/search", "userSearch", users::user_search)
            .about("Search for users")
            .query(&[users::SEARCH]),
        Route::api(Method::GET, "/api/v1/users/{username}", "userGet", users::user_get).about("Get a user"),
        Route::api(Method::GET, "/api/v1/users/{username}/repos", "userListRepos", repositories::user_list_repos)
            .about("List the repos owned by the given user"),
        Route::api(Method::GET, user_tokens, "userGetTokens", tokens::user_get_tokens)
            .about("List the authenticated user's access tokens"),
        Route::api(Method::POST, user_tokens, "userCreateToken", tokens::user_create_token)
            .about("Create an access token"),
        Route::api(Method::DELETE, user_token, "userDeleteAccessToken", tokens::user_delete_access_token)
            .about("Delete an access token")
            .fails(&[422]),
        Route::api(Method::GET, "/api/v1/admin/users", "adminSearchUsers", admin::admin_search_users)
            .about("Search users according to filter conditions")
            .query(&[admin::SEARCH])
            .fails(&[422]),
        Route::api(Method::POST, "/api/v1/admin/users", "adminCreateUser", admin::admin_create_user)
            .about("Create a user"),
        Route::api(Method::PATCH, "/api/v1/admin/users/{username}", "adminEditUser", admin::admin_edit_user)
            .about("Edit an existing user"),
        Route::api(Method::DELETE, "/api/v1/admin/users/{username}", "adminDeleteUser", admin::admin_delete_user)
            .about("Delete a user")
            .query(&[admin::DELETE])
            .fails(&[422]),
        Route::api(
            Method::POST,
            "/api/v1/admin/users/{username}/repos",
            "adminCreateRepo",
            repositories::admin_create_repo,
        )
        .about("Create a repository on behalf of a user")
        .body("repository")
        .fails(&[409]),
    ]
}

fn key_routes() -> Vec<Route> {
    let admin_keys = "/api/v1/admin/users/{username}/keys";
    let admin_key = "/api/v1/admin/users/{username}/keys/{id}";
    let repo_keys = "/api/v1/repos/{owner}/{repo}/keys";
    let repo_key = "/api/v1/repos/{owner}/{repo}/keys/{id}";
    vec![
        Route::api(Method::GET, "/api/v1/user/keys", "userCurrentListKeys", keys::user_current_list_keys)
            .about("List the authenticated user's public keys")
            .query(&[keys::LIST]),
        Route::api(Method::POST, "/api/v1/user/keys", "userCurrentPostKey", keys::user_current_post_key)
            .about("Create a public key"),
        Route::api(Method::GET, "/api/v1/user/keys/{id}", "userCurrentGetKey", keys::user_current_get_key)
            .about("Get a public key"),
        Route::api(Method::DELETE, "/api/v1/user/keys/{id}", "userCurrentDeleteKey", keys::user_current_delete_key)
            .about("Delete a public key"),
        Route::api(Method::GET, "/api/v1/users/{username}/keys", "userListKeys", keys::user_list_keys)
            .about("List the given user's public keys")
            .query(&[keys::LIST]),
        Route::api(Method::POST, admin_keys, "adminCreatePublicKey", keys::admin_create_public_key)
            .about("Add a public key on behalf of a user")
            .body("key"),
        Route::api(Method::DELETE, admin_key, "adminDeleteUserPublicKey", keys::admin_delete_user_public_key)
            .about("Delete a user's public key"),
        Route::api(Method::GET, repo_keys, "repoListKeys", deploy_keys::repo_list_keys)
            .about("List a repository's keys")
            .query(&[deploy_keys::LIST]),
        Route::api(Method::POST, repo_keys, "repoCreateKey", deploy_keys::repo_create_key)
            .about("Add a key to a repository"),
        Route::api(Method::GET, repo_key, "repoGetKey", deploy_keys::repo_get_key)
            .about("Get a repository's key by id"),
        Route::api(Method::DELETE, repo_key, "repoDeleteKey", deploy_keys::repo_delete_key)
            .about("Delete a key from a repository"),
    ]
}

fn gpg_key_routes() -> Vec<Route> {
    let keys = "/api/v1/user/gpg_keys";
    let key = "/api/v1/user/gpg_keys/{id}";
    let token = "/api/v1/user/gpg_key_token";
    let verify = "/api/v1/user/gpg_key_verify";
    vec![
        Route::api(Method::GET, keys, "userCurrentListGPGKeys", gpg_keys::user_current_list_gpg_keys)
            .about("List the authenticated user's GPG keys"),
        Route::api(Method::POST, keys, "userCurrentPostGPGKey", gpg_keys::user_current_post_gpg_key)
            .about("Create a GPG key")
            .body("Form")
            .fails(&[404]),
        Route::api(Method::GET, key, "userCurrentGetGPGKey", gpg_keys::user_current_get_gpg_key).about("Get a GPG key"),
        Route::api(Method::DELETE, key, "userCurrentDeleteGPGKey", gpg_keys::user_current_delete_gpg_key)
            .about("Remove a GPG key"),
        Route::api(Method::GET, token, "getVerificationToken", gpg_keys::get_verification_token)
            .about("Get a Token to verify")
            .fails(&[404]),
        Route::api(Method::POST, verify, "userVerifyGPGKey", gpg_keys::user_verify_gpg_key)
            .about("Verify a GPG key")
            .fails(&[404]),
        Route::api(Method::GET, "/api/v1/users/{username}/gpg_keys", "userListGPGKeys", gpg_keys::user_list_gpg_keys)
            .about("List the given user's GPG keys"),
    ]
}

fn organization_routes() -> Vec<Route> {
    let org = "/api/v1/orgs/{org}";
    let member = "/api/v1/orgs/{org}/members/{username}";
    let public_member = "/api/v1/orgs/{org}/public_members/{username}";
    let repos = "/api/v1/orgs/{org}/repos";
    vec![
        Route::api(Method::GET, "/api/v1/orgs", "orgGetAll", organizations::org_get_all)
            .about("Get list of organizations"),
        Route::api(Method::POST, "/api/v1/orgs", "orgCreate", organizations::org_create)
            .about("Create an organization")
            .body("organization"),
        Route::api(Method::GET, "/api/v1/admin/orgs", "adminGetAllOrgs", organizations::admin_get_all_orgs)
            .about("List all organizations"),
        Route::api(
            Method::POST,
            "/api/v1/admin/users/{username}/orgs",
            "adminCreateOrg",
            organizations::admin_create_org,
        )
        .about("Create an organization")
        .body("organization"),
        Route::api(
            Method::GET,
            "/api/v1/user/orgs",
            "orgListCurrentUserOrgs",
            organizations::org_list_current_user_orgs,
        )
        .about("List the current user's organizations")
        .tags(&["organization"]),
        Route::api(Method::GET, "/api/v1/users/{username}/orgs", "orgListUserOrgs", organizations::org_list_user_orgs)
            .about("List a user's organizations")
            .tags(&["organization"]),
        Route::api(
            Method::GET,
            "/api/v1/users/{username}/orgs/{org}/permissions",
            "orgGetUserPermissions",
            organizations::org_get_user_permissions,
        )
        .about("Get user permissions in organization")
        .tags(&["organization"]),
        Route::api(Method::GET, org, "orgGet", organizations::org_get).about("Get an organization"),
        Route::api(Method::PATCH, org, "orgEdit", organizations::org_edit).about("Edit an organization"),
        Route::api(Method::DELETE, org, "orgDelete", organizations::org_delete)
            .about("Delete an organization")
            .fails(&[422]),
        Route::api(Method::POST, "/api/v1/orgs/{org}/rename", "renameOrg", renames::rename_org)
            .about("Rename an organization"),
        Route::api(Method::GET, repos, "orgListRepos", organizations::org_list_repos)
            .about("List an organization's repos"),
        Route::api(Method::POST, repos, "createOrgRepo", organizations::create_org_repo)
            .about("Create a repository in an organization")
            .fails(&[409]),
        Route::api(Method::DELETE, repos, "orgDeleteRepos", organizations::org_delete_repos)
            .about("Delete all repositories in an organization"),
        Route::api(Method::GET, "/api/v1/orgs/{org}/members", "orgListMembers", members::org_list_members)
            .about("List an organization's members"),
        Route::api(Method::GET, member, "orgIsMember", members::org_is_member)
            .about("Check if a user is a member of an organization")
            .answers(&[204, 303]),
        Route::api(Method::DELETE, member, "orgDeleteMember", members::org_delete_member)
            .about("Remove a member from an organization"),
        Route::api(
            Method::GET,
            "/api/v1/orgs/{org}/public_members",
            "orgListPublicMembers",
            members::org_list_public_members,
        )
        .about("List an organization's public members"),
        Route::api(Method::GET, public_member, "orgIsPublicMember", members::org_is_public_member)
            .about("Check if a user is a public member of an organization"),
        Route::api(Method::PUT, public_member, "orgPublicizeMember", members::org_publicize_member)
            .about("Publicize a user's membership"),
        Route::api(Method::DELETE, public_member, "orgConcealMember", members::org_conceal_member)
            .about("Conceal a user's membership"),
    ]
}

fn team_routes() -> Vec<Route> {
    let teams = "/api/v1/orgs/{org}/teams";
    let team = "/api/v1/teams/{id}";
    let member = "/api/v1/teams/{id}/members/{username}";
    let repo = "/api/v1/teams/{id}/repos/{org}/{repo}";
    let repo_team = "/api/v1/repos/{owner}/{repo}/teams/{team}";
    vec![
        Route::api(Method::GET, "/api/v1/user/teams", "userListTeams", teams::user_list_teams)
            .about("List all the teams a user belongs to"),
        Route::api(Method::GET, teams, "orgListTeams", teams::org_list_teams).about("List an organization's teams"),
        Route::api(Method::POST, teams, "orgCreateTeam", teams::org_create_team).about("Create a team"),
        Route::api(Method::GET, "/api/v1/orgs/{org}/teams/search", "teamSearch", teams::team_search)
            .about("Search for teams within an organization")
            .query(&[teams::SEARCH]),
        Route::api(Method::GET, team, "orgGetTeam", teams::org_get_team).about("Get a team"),
        Route::api(Method::PATCH, team, "orgEditTeam", teams::org_edit_team).about("Edit a team").body_as(
            "EditTeamOption",
            &[],
            &[],
        ),
        Route::api(Method::DELETE, team, "orgDeleteTeam", teams::org_delete_team).about("Delete a team"),
        Route::api(Method::GET, "/api/v1/teams/{id}/members", "orgListTeamMembers", teams::org_list_team_members)
            .about("List a team's members"),
        Route::api(Method::GET, member, "orgListTeamMember", teams::org_list_team_member)
            .about("List a particular member of team"),
        Route::api(Method::PUT, member, "orgAddTeamMember", teams::org_add_team_member).about("Add a team member"),
        Route::api(Method::DELETE, member, "orgRemoveTeamMember", teams::org_remove_team_member)
            .about("Remove a team member"),
        Route::api(Method::GET, "/api/v1/teams/{id}/repos", "orgListTeamRepos", teams::org_list_team_repos)
            .about("List a team's repos"),
        Route::api(Method::GET, repo, "orgListTeamRepo", teams::org_list_team_repo)
            .about("List a particular repo of team"),
        Route::api(Method::PUT, repo, "orgAddTeamRepository", teams::org_add_team_repository)
            .about("Add a repository to a team"),
        Route::api(Method::DELETE, repo, "orgRemoveTeamRepository", teams::org_remove_team_repository)
            .about("Remove a repository from a team"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/teams",
            "repoListTeams",
            repository_teams::repo_list_teams,
        )
        .about("List a repository's teams")
        .fails(&[405]),
        Route::api(Method::GET, repo_team, "repoCheckTeam", repository_teams::repo_check_team)
            .about("Check if a team is assigned to a repository")
            .fails(&[405]),
        Route::api(Method::PUT, repo_team, "repoAddTeam", repository_teams::repo_add_team)
            .about("Add a team to a repository")
            .fails(&[405, 422]),
        Route::api(Method::DELETE, repo_team, "repoDeleteTeam", repository_teams::repo_delete_team)
            .about("Delete a team from a repository")
            .fails(&[405, 422]),
    ]
}

fn invitation_routes() -> Vec<Route> {
    let of_team = "/api/v1/teams/{id}/invitations";
    vec![
        Route::api(Method::GET, of_team, "orgListTeamInvitations", invitations::org_list_team_invitations)
            .about("List a team's open invitations"),
        Route::api(Method::POST, of_team, "orgCreateTeamInvitation", invitations::org_create_team_invitation)
            .about("Invite an email address to a team")
            .fails(&[409, 429]),
        Route::api(
            Method::DELETE,
            "/api/v1/teams/{id}/invitations/{invitation}",
            "orgDeleteTeamInvitation",
            invitations::org_delete_team_invitation,
        )
        .about("Withdraw an invitation to a team"),
        Route::api(Method::GET, "/api/v1/user/invitations", "userListInvitations", invitations::user_list_invitations)
            .about("List the invitations to the authenticated user's verified email addresses"),
        Route::api(
            Method::POST,
            "/api/v1/user/invitations/{invitation}/accept",
            "userAcceptInvitation",
            invitations::user_accept_invitation,
        )
        .about("Accept an invitation to a team"),
        Route::api(
            Method::POST,
            "/api/v1/user/invitations/{invitation}/decline",
            "userDeclineInvitation",
            invitations::user_decline_invitation,
        )
        .about("Decline an invitation to a team"),
    ]
}

fn repository_routes() -> Vec<Route> {
    let repo = "/api/v1/repos/{owner}/{repo}";
    let collaborator = "/api/v1/repos/{owner}/{repo}/collaborators/{collaborator}";
    let permission = "/api/v1/repos/{owner}/{repo}/collaborators/{collaborator}/permission";
    vec![
        Route::api(Method::GET, "/api/v1/user/repos", "userCurrentListRepos", repositories::user_current_list_repos)
            .about("List the repos that the authenticated user owns"),
        Route::api(Method::POST, "/api/v1/user/repos", "createCurrentUserRepo", repositories::create_current_user_repo)
            .about("Create a repository")
            .tags(&["repository", "user"])
            .fails(&[409]),
        Route::api(Method::GET, "/api/v1/repos/search", "repoSearch", search::repo_search)
            .about("Search for repositories")
            .query(&[search::SEARCH])
            .fails(&[422]),
        Route::api(Method::GET, "/api/v1/search/code", "searchCode", code_search::search_code)
            .about("Search for code")
            .query(&[code_search::SEARCH])
            .fails(&[404, 422]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/languages",
            "repoGetLanguages",
            languages::repo_get_languages,
        )
        .about("Get languages and number of bytes of code written"),
        Route::api(Method::GET, "/api/v1/repositories/{id}", "repoGetByID", repositories::repo_get_by_id)
            .about("Get a repository by id"),
        Route::api(Method::GET, repo, "repoGet", repositories::repo_get).about("Get a repository"),
        Route::api(Method::PATCH, repo, "repoEdit", repositories::repo_edit)
            .about("Edit a repository's properties; only fields that are set will be changed")
            .fails(&[409]),
        Route::api(Method::DELETE, repo, "repoDelete", repositories::repo_delete).about("Delete a repository"),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/forks", "listForks", forks::list_forks_of)
            .about("List a repository's forks"),
        Route::api(Method::POST, "/api/v1/repos/{owner}/{repo}/forks", "createFork", forks::create_fork)
            .about("Fork a repository")
            .answers(&[202])
            .fails(&[409]),
        Route::api(
            Method::POST,
            "/api/v1/repos/{owner}/{repo}/merge-upstream",
            "repoMergeUpstream",
            forks::repo_merge_upstream,
        )
        .about("Merge a branch from upstream")
        .fails(&[400, 409, 423]),
        Route::api(Method::POST, "/api/v1/repos/{owner}/{repo}/generate", "generateRepo", templates::generate_repo)
            .about("Create a repository using a template")
            .renamed(&[("owner", "template_owner"), ("repo", "template_repo")])
            .fails(&[409]),
        Route::api(Method::POST, "/api/v1/repos/migrate", "repoMigrate", mirrors::repo_migrate)
            .about("Migrate a remote git repository")
            .fails(&[403, 404, 409]),
        Route::api(
            Method::POST,
            "/api/v1/repos/{owner}/{repo}/mirror-sync",
            "repoMirrorSync",
            mirrors::repo_mirror_sync,
        )
        .about("Sync a mirrored repository")
        .answers(&[200])
        .fails(&[400, 423]),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/mirror", "repoGetMirror", mirrors::repo_get_mirror)
            .about("How a mirror is kept, and how it stands with its remote")
            .fails(&[400]),
        Route::api(Method::POST, "/api/v1/repos/{owner}/{repo}/transfer", "repoTransfer", transfers::repo_transfer)
            .about("Transfer a repo ownership")
            .answers(&[202])
            .fails(&[409]),
        Route::api(
            Method::POST,
            "/api/v1/repos/{owner}/{repo}/transfer/accept",
            "acceptRepoTransfer",
            transfers::accept_repo_transfer,
        )
        .about("Accept a repo transfer")
        .answers(&[202])
        .fails(&[409]),
        Route::api(
            Method::POST,
            "/api/v1/repos/{owner}/{repo}/transfer/reject",
            "rejectRepoTransfer",
            transfers::reject_repo_transfer,
        )
        .about("Reject a repo transfer"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/branches",
            "repoListBranches",
            branches::repo_list_branches,
        )
        .about("List a repository's branches")
        .query(&[branches::LIST]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/branches/{*branch}",
            "repoGetBranch",
            branches::repo_get_branch,
        )
        .about("Retrieve a specific branch from a repository, including its effective branch protection"),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/tags", "repoListTags", tags::repo_list_tags)
            .about("List a repository's tags"),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/tags/{*tag}", "repoGetTag", tags::repo_get_tag)
            .about("Get the tag of a repository by tag name"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/git/refs",
            "repoListAllGitRefs",
            git_refs::repo_list_all_git_refs,
        )
        .about("Get specified ref or filtered repository's refs"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/git/refs/{*ref}",
            "repoListGitRefs",
            git_refs::repo_list_git_refs,
        )
        .about("Get specified ref or filtered repository's refs"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/collaborators",
            "repoListCollaborators",
            collaborators::repo_list_collaborators,
        )
        .about("List a repository's collaborators"),
        Route::api(Method::GET, collaborator, "repoCheckCollaborator", collaborators::repo_check_collaborator)
            .about("Check if a user is a collaborator of a repository")
            .fails(&[422]),
        Route::api(Method::PUT, collaborator, "repoAddCollaborator", collaborators::repo_add_collaborator)
            .about("Add or update a collaborator of a repository"),
        Route::api(Method::DELETE, collaborator, "repoDeleteCollaborator", collaborators::repo_delete_collaborator)
            .about("Delete a collaborator from a repository")
            .fails(&[422]),
        Route::api(Method::GET, permission, "repoGetRepoPermissions", collaborators::repo_get_repo_permissions)
            .about("Get repository permissions for a user"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/assignees",
            "repoGetAssignees",
            assignees::repo_get_assignees,
        )
        .about("Return all users that have write access and can be assigned to issues"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/assignees/{assignee}",
            "repoCheckAssignee",
            assignees::repo_check_assignee,
        )
        .about("Check if a user can be assigned to issues in a repository"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/reviewers",
            "repoGetReviewers",
            assignees::repo_get_reviewers,
        )
        .about("Return all users that can be requested to review in this repo"),
    ]
}

fn protection_routes() -> Vec<Route> {
    use branch_protections as of_branches;
    use tag_protections as of_tags;
    let rules = "/api/v1/repos/{owner}/{repo}/branch_protections";
    let order = "/api/v1/repos/{owner}/{repo}/branch_protections/priority";
    let rule = "/api/v1/repos/{owner}/{repo}/branch_protections/{*name}";
    let tag_rules = "/api/v1/repos/{owner}/{repo}/tag_protections";
    let tag_rule = "/api/v1/repos/{owner}/{repo}/tag_protections/{id}";
    vec![
        Route::api(Method::GET, rules, "repoListBranchProtection", of_branches::repo_list_branch_protection)
            .about("List branch protections for a repository"),
        Route::api(Method::POST, rules, "repoCreateBranchProtection", of_branches::repo_create_branch_protection)
            .about("Create a branch protection for a repository")
            .fails(&[423]),
        Route::api(
            Method::POST,
            order,
            "repoUpdateBranchProtectionPriories",
            of_branches::repo_update_branch_protection_priories,
        )
        .about("Update the priorities of branch protections for a repository")
        .fails(&[423]),
        Route::api(Method::GET, rule, "repoGetBranchProtection", of_branches::repo_get_branch_protection)
            .about("Get a specific branch protection for the repository"),
        Route::api(Method::PATCH, rule, "repoEditBranchProtection", of_branches::repo_edit_branch_protection)
            .about("Edit a branch protection for a repository; only fields that are set will be changed")
            .body_as("EditBranchProtectionOption", &[], &["branch_name", "rule_name"])
            .fails(&[423]),
        Route::api(Method::DELETE, rule, "repoDeleteBranchProtection", of_branches::repo_delete_branch_protection)
            .about("Delete a specific branch protection for the repository")
            .fails(&[423]),
        Route::api(Method::GET, tag_rules, "repoListTagProtection", of_tags::repo_list_tag_protection)
            .about("List tag protections for a repository"),
        Route::api(Method::POST, tag_rules, "repoCreateTagProtection", of_tags::repo_create_tag_protection)
            .about("Create a tag protection for a repository")
            .fails(&[423]),
        Route::api(Method::GET, tag_rule, "repoGetTagProtection", of_tags::repo_get_tag_protection)
            .about("Get a specific tag protection for the repository"),
        Route::api(Method::PATCH, tag_rule, "repoEditTagProtection", of_tags::repo_edit_tag_protection)
            .about("Edit a tag protection for a repository; only fields that are set will be changed")
            .body_as("EditTagProtectionOption", &[], &[])
            .fails(&[423]),
        Route::api(Method::DELETE, tag_rule, "repoDeleteTagProtection", of_tags::repo_delete_tag_protection)
            .about("Delete a specific tag protection for the repository")
            .fails(&[423]),
    ]
}

fn writing_routes() -> Vec<Route> {
    let files = "/api/v1/repos/{owner}/{repo}/contents";
    let file = "/api/v1/repos/{owner}/{repo}/contents/{*filepath}";
    let branches = "/api/v1/repos/{owner}/{repo}/branches";
    let branch = "/api/v1/repos/{owner}/{repo}/branches/{*branch}";
    let tags = "/api/v1/repos/{owner}/{repo}/tags";
    let tag = "/api/v1/repos/{owner}/{repo}/tags/{*tag}";
    vec![
        Route::api(Method::POST, files, "repoChangeFiles", contents_write::repo_change_files)
            .about("Modify multiple files in a repository")
            .body_as("ChangeFilesOptions", &["files"], &["content", "sha", "from_path"])
            .fails(&[409, 423]),
        Route::api(Method::POST, file, "repoCreateFile", contents_write::repo_create_file)
            .about("Create a file in a repository")
            .body_as("CreateFileOptions", &[], &["sha", "from_path", "files"])
            .fails(&[409, 423]),
        Route::api(Method::PUT, file, "repoUpdateFile", contents_write::repo_update_file)
            .about("Update a file in a repository if SHA is set, or create the file if SHA is not set")
            .body_as("UpdateFileOptions", &[], &["files"])
            .answers(&[200, 201])
            .fails(&[409, 423]),
        Route::api(Method::DELETE, file, "repoDeleteFile", contents_write::repo_delete_file)
            .about("Delete a file in a repository")
            .body_as("DeleteFileOptions", &["sha"], &["content", "from_path", "files"])
            .fails(&[409, 423]),
        Route::api(Method::POST, branches, "repoCreateBranch", branches_write::repo_create_branch)
            .about("Create a branch")
            .fails(&[409, 423]),
        Route::api(Method::PUT, branch, "repoUpdateBranch", branches_write::repo_update_branch)
            .about("Update a branch reference to a new commit")
            .fails(&[409, 423]),
        Route::api(Method::PATCH, branch, "repoRenameBranch", branches_write::repo_rename_branch)
            .about("Rename a branch")
            .fails(&[409, 423]),
        Route::api(Method::DELETE, branch, "repoDeleteBranch", branches_write::repo_delete_branch)
            .about("Delete a specific branch from a repository")
            .fails(&[409, 423]),
        Route::api(Method::POST, tags, "repoCreateTag", branches_write::repo_create_tag)
            .about("Create a new git tag in a repository")
            .fails(&[405, 409, 423]),
        Route::api(Method::DELETE, tag, "repoDeleteTag", branches_write::repo_delete_tag)
            .about("Delete a repository's tag by name")
            .fails(&[405, 409, 422, 423]),
    ]
}

fn release_routes() -> Vec<Route> {
    let all = "/api/v1/repos/{owner}/{repo}/releases";
    let latest = "/api/v1/repos/{owner}/{repo}/releases/latest";
    let by_tag = "/api/v1/repos/{owner}/{repo}/releases/tags/{*tag}";
    let one = "/api/v1/repos/{owner}/{repo}/releases/{id}";
    let files = "/api/v1/repos/{owner}/{repo}/releases/{id}/assets";
    let file = "/api/v1/repos/{owner}/{repo}/releases/{id}/assets/{attachment_id}";
    vec![
        Route::api(Method::GET, all, "repoListReleases", releases::repo_list_releases)
            .about("List a repo's releases")
            .query(&[releases::LIST]),
        Route::api(Method::POST, all, "repoCreateRelease", releases::repo_create_release)
            .about("Create a release")
            .fails(&[409, 423]),
        Route::api(Method::GET, latest, "repoGetLatestRelease", releases::repo_get_latest_release)
            .about("Gets the most recent non-prerelease, non-draft release of a repository, sorted by created_at"),
        Route::api(Method::GET, by_tag, "repoGetReleaseByTag", releases::repo_get_release_by_tag)
            .about("Get a release by tag name"),
        Route::api(Method::DELETE, by_tag, "repoDeleteReleaseByTag", releases::repo_delete_release_by_tag)
            .about("Delete a release by tag name")
            .fails(&[422, 423]),
        Route::api(Method::GET, one, "repoGetRelease", releases::repo_get_release).about("Get a release"),
        Route::api(Method::PATCH, one, "repoEditRelease", releases::repo_edit_release)
            .about("Update a release")
            .fails(&[409, 423]),
        Route::api(Method::DELETE, one, "repoDeleteRelease", releases::repo_delete_release)
            .about("Delete a release")
            .fails(&[422, 423]),
        Route::api(
            Method::GET,
            files,
            "repoListReleaseAttachments",
            release_attachments::repo_list_release_attachments,
        )
        .about("List release's attachments"),
        Route::api(Method::POST, files, "repoCreateReleaseAttachment", uploads::repo_create_release_attachment)
            .about("Create a release attachment")
            .query(&[uploads::NAME])
            .fails(&[422, 423]),
        Route::api(Method::GET, file, "repoGetReleaseAttachment", release_attachments::repo_get_release_attachment)
            .about("Get a release attachment"),
        Route::api(Method::PATCH, file, "repoEditReleaseAttachment", release_attachments::repo_edit_release_attachment)
            .about("Edit a release attachment")
            .fails(&[423]),
        Route::api(
            Method::DELETE,
            file,
            "repoDeleteReleaseAttachment",
            release_attachments::repo_delete_release_attachment,
        )
        .about("Delete a release attachment")
        .fails(&[423]),
    ]
}

/// What is about no account and no repository.
fn server_routes() -> Vec<Route> {
    let attachment = "/api/v1/settings/attachment";
    let repository = "/api/v1/settings/repository";
    vec![
        Route::api(Method::POST, "/api/v1/markdown", "renderMarkdown", markup::render_markdown)
            .about("Render a markdown document as HTML"),
        Route::api(Method::POST, "/api/v1/markdown/raw", "renderMarkdownRaw", markup::render_markdown_raw)
            .about("Render raw markdown as HTML")
            .fails(&[422]),
        Route::api(Method::POST, "/api/v1/markup", "renderMarkup", markup::render_markup)
            .about("Render a markup document as HTML"),
        Route::api(Method::GET, "/api/v1/settings/api", "getGeneralAPISettings", settings::get_general_api_settings)
            .about("Get instance's global settings for api"),
        Route::api(Method::GET, attachment, "getGeneralAttachmentSettings", settings::get_general_attachment_settings)
            .about("Get instance's global settings for Attachment"),
        Route::api(Method::GET, repository, "getGeneralRepositorySettings", settings::get_general_repository_settings)
            .about("Get instance's global settings for repositories"),
        Route::api(Method::GET, "/api/v1/settings/ui", "getGeneralUISettings", settings::get_general_ui_settings)
            .about("Get instance's global settings for ui"),
        Route::api(Method::GET, "/api/v1/token", "getCurrentToken", tokens::get_current_token)
            .about("Get the currently authenticated token")
            .fails(&[404]),
        Route::api(Method::DELETE, "/api/v1/token", "deleteCurrentToken", tokens::delete_current_token)
            .about("Delete the currently authenticated token")
            .fails(&[404]),
    ]
}

/// Files, trees and history.
fn reading_routes() -> Vec<Route> {
    vec![
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/contents",
            "repoGetContentsList",
            contents::repo_get_contents_list,
        )
        .about("Gets the metadata of all the entries of the root dir")
        .query(&[contents::REF]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/contents/{*filepath}",
            "repoGetContents",
            contents::repo_get_contents,
        )
        .about("Gets the metadata and contents (if a file) of an entry in a repository, or a list of entries if a dir")
        .query(&[contents::REF]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/contents-ext",
            "repoGetContentsExtList",
            contents::repo_get_contents_ext_list,
        )
        .about("The extended \"contents\" API for the root dir")
        .query(&[contents::REF, contents::INCLUDES]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/contents-ext/{*filepath}",
            "repoGetContentsExt",
            contents::repo_get_contents_ext,
        )
        .about("The extended \"contents\" API, to get file metadata and/or content, or list a directory")
        .query(&[contents::REF, contents::INCLUDES]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/file-contents",
            "repoGetFileContents",
            contents::repo_get_file_contents,
        )
        .about("Get the metadata and contents of requested files")
        .query(&[contents::REF, contents::FILES])
        .fails(&[400]),
        Route::api(
            Method::POST,
            "/api/v1/repos/{owner}/{repo}/file-contents",
            "repoGetFileContentsPost",
            contents::repo_get_file_contents_post,
        )
        .about("Get the metadata and contents of requested files")
        .query(&[contents::REF]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/raw/{*filepath}",
            "repoGetRawFile",
            raw::repo_get_raw_file,
        )
        .about("Get a file from a repository")
        .query(&[contents::REF])
        .answers(&[200, 206, 304])
        .fails(&[413, 416]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/media/{*filepath}",
            "repoGetRawFileOrLFS",
            raw::repo_get_raw_file_or_lfs,
        )
        .about("Get a file or its LFS object from a repository")
        .query(&[contents::REF])
        .answers(&[200, 206, 304])
        .fails(&[413, 416]),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/git/trees/{*sha}", "GetTree", git_objects::get_tree)
            .about("Gets the tree of a repository")
            .query(&[git_objects::TREE])
            .fails(&[400, 413]),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/git/blobs/{sha}", "GetBlob", git_objects::get_blob)
            .about("Gets the blob of a repository")
            .fails(&[400]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/git/tags/{sha}",
            "GetAnnotatedTag",
            git_objects::get_annotated_tag,
        )
        .about("Gets the tag object of an annotated tag (not lightweight tags)")
        .fails(&[400]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/commits",
            "repoGetAllCommits",
            commits::repo_get_all_commits,
        )
        .about("Get a list of all commits from a repository")
        .query(&[commits::LOG, WISH])
        .fails(&[409, 422]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/git/commits/{sha}",
            "repoGetSingleCommit",
            commits::repo_get_single_commit,
        )
        .about("Get a single commit from a repository")
        .query(&[WISH])
        .also(&["text/plain"])
        .fails(&[422]),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/git/notes/{sha}", "repoGetNote", commits::repo_get_note)
            .about("Get a note corresponding to a single commit from a repository")
            .query(&[WISH])
            .fails(&[422]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/compare/{*basehead}",
            "repoCompareDiff",
            compare::repo_compare_diff,
        )
        .about("Get commit comparison information")
        .query(&[compare::OUTPUT, WISH])
        .also(&["text/plain"])
        .fails(&[400]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/blame/{*filepath}",
            "repoGetBlame",
            blame::repo_get_blame,
        )
        .about("Get who brought each line of a file")
        .query(&[blame::BLAME])
        .fails(&[413, 422]),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/stats/contributors",
            "repoGetContributors",
            statistics::repo_get_contributors,
        )
        .about("List who committed to the default branch"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/stats/commit_activity",
            "repoGetCommitActivity",
            statistics::repo_get_commit_activity,
        )
        .about("Get the number of commits of each day of the last year"),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/archive/{*archive}",
            "repoGetArchive",
            archives::repo_get_archive,
        )
        .about("Get an archive of a repository")
        .query(&[archives::PATHS])
        .answers(&[200, 304])
        .fails(&[400]),
    ]
}

fn commit_status_routes() -> Vec<Route> {
    let of_id = "/api/v1/repos/{owner}/{repo}/statuses/{sha}";
    let of_ref = "/api/v1/repos/{owner}/{repo}/commits/{ref}/statuses";
    let combined = "/api/v1/repos/{owner}/{repo}/commits/{ref}/status";
    vec![
        Route::api(Method::GET, of_id, "repoListStatuses", commit_statuses::repo_list_statuses)
            .about("Get a commit's statuses")
            .query(&[commit_statuses::LIST])
            .fails(&[400]),
        Route::api(Method::POST, of_id, "repoCreateStatus", commit_statuses::repo_create_status)
            .about("Create a commit status")
            .fails(&[423]),
        Route::api(Method::GET, of_ref, "repoListStatusesByRef", commit_statuses::repo_list_statuses)
            .about("Get a commit's statuses, by branch/tag/commit reference")
            .query(&[commit_statuses::LIST])
            .fails(&[400]),
        Route::api(
            Method::GET,
            combined,
            "repoGetCombinedStatusByRef",
            commit_statuses::repo_get_combined_status_by_ref,
        )
        .about("Get a commit's combined status, by branch/tag/commit reference"),
    ]
}

fn interest_routes() -> Vec<Route> {
    let star = "/api/v1/user/starred/{owner}/{repo}";
    let watch = "/api/v1/repos/{owner}/{repo}/subscription";
    let of_user = "/api/v1/users/{username}/subscriptions";
    let subscribers = "/api/v1/repos/{owner}/{repo}/subscribers";
    let stargazers = "/api/v1/repos/{owner}/{repo}/stargazers";
    vec![
        Route::api(Method::GET, stargazers, "repoListStargazers", stars::repo_list_stargazers)
            .about("List a repo's stargazers"),
        Route::api(Method::GET, "/api/v1/user/starred", "userCurrentListStarred", stars::user_current_list_starred)
            .about("The repos that the authenticated user has starred"),
        Route::api(Method::GET, "/api/v1/users/{username}/starred", "userListStarred", stars::user_list_starred)
            .about("The repos that the given user has starred"),
        Route::api(Method::GET, star, "userCurrentCheckStarring", stars::user_current_check_starring)
            .about("Whether the authenticated user is starring the repo"),
        Route::api(Method::PUT, star, "userCurrentPutStar", stars::user_current_put_star).about("Star the given repo"),
        Route::api(Method::DELETE, star, "userCurrentDeleteStar", stars::user_current_delete_star)
            .about("Unstar the given repo"),
        Route::api(Method::GET, subscribers, "repoListSubscribers", watches::repo_list_subscribers)
            .about("List a repo's watchers"),
        Route::api(
            Method::GET,
            "/api/v1/user/subscriptions",
            "userCurrentListSubscriptions",
            watches::user_current_list_subscriptions,
        )
        .about("List repositories watched by the authenticated user"),
        Route::api(Method::GET, of_user, "userListSubscriptions", watches::user_list_subscriptions)
            .about("List the repositories watched by a user"),
        Route::api(Method::GET, watch, "userCurrentCheckSubscription", watches::user_current_check_subscription)
            .about("Check if the current user is watching a repo"),
        Route::api(Method::PUT, watch, "userCurrentPutSubscription", watches::user_current_put_subscription)
            .about("Watch a repo"),
        Route::api(Method::DELETE, watch, "userCurrentDeleteSubscription", watches::user_current_delete_subscription)
            .about("Unwatch a repo"),
    ]
}

fn follow_routes() -> Vec<Route> {
    use follows as of;
    let own = "/api/v1/user/followers";
    let own_following = "/api/v1/user/following";
    let one = "/api/v1/user/following/{username}";
    let followers = "/api/v1/users/{username}/followers";
    let following = "/api/v1/users/{username}/following";
    let check = "/api/v1/users/{username}/following/{target}";
    vec![
        Route::api(Method::GET, own, "userCurrentListFollowers", of::user_current_list_followers)
            .about("List the authenticated user's followers"),
        Route::api(Method::GET, own_following, "userCurrentListFollowing", of::user_current_list_following)
            .about("List the users that the authenticated user is following"),
        Route::api(Method::GET, one, "userCurrentCheckFollowing", of::user_current_check_following)
            .about("Check whether a user is followed by the authenticated user"),
        Route::api(Method::PUT, one, "userCurrentPutFollow", of::user_current_put_follow)
            .about("Follow a user")
            .fails(&[422]),
        Route::api(Method::DELETE, one, "userCurrentDeleteFollow", of::user_current_delete_follow)
            .about("Unfollow a user"),
        Route::api(Method::GET, followers, "userListFollowers", of::user_list_followers)
            .about("List the given user's followers"),
        Route::api(Method::GET, following, "userListFollowing", of::user_list_following)
            .about("List the users that the given user is following"),
        Route::api(Method::GET, check, "userCheckFollowing", of::user_check_following)
            .about("Check if one user is following another user"),
    ]
}

fn block_routes() -> Vec<Route> {
    let all = "/api/v1/user/blocks";
    let own = "/api/v1/user/blocks/{username}";
    let of_org = "/api/v1/orgs/{org}/blocks";
    let one_of_org = "/api/v1/orgs/{org}/blocks/{username}";
    vec![
        Route::api(Method::GET, all, "userListBlocks", blocks::user_list_blocks)
            .about("List users blocked by the authenticated user"),
        Route::api(Method::GET, own, "userCheckUserBlock", blocks::user_check_user_block)
            .about("Check if a user is blocked by the authenticated user"),
        Route::api(Method::PUT, own, "userBlockUser", blocks::user_block_user)
            .about("Block a user")
            .query(&[blocks::BLOCK])
            .fails(&[422]),
        Route::api(Method::DELETE, own, "userUnblockUser", blocks::user_unblock_user)
            .about("Unblock a user")
            .fails(&[422]),
        Route::api(Method::GET, of_org, "organizationListBlocks", blocks::organization_list_blocks)
            .about("List users blocked by the organization"),
        Route::api(Method::GET, one_of_org, "organizationCheckUserBlock", blocks::organization_check_user_block)
            .about("Check if a user is blocked by the organization"),
        Route::api(Method::PUT, one_of_org, "organizationBlockUser", blocks::organization_block_user)
            .about("Block a user for the organization")
            .query(&[blocks::BLOCK])
            .fails(&[422]),
        Route::api(Method::DELETE, one_of_org, "organizationUnblockUser", blocks::organization_unblock_user)
            .about("Unblock a user for the organization")
            .fails(&[422]),
    ]
}

fn avatar_routes() -> Vec<Route> {
    let own = "/api/v1/user/avatar";
    let of_org = "/api/v1/orgs/{org}/avatar";
    let of_repo = "/api/v1/repos/{owner}/{repo}/avatar";
    vec![
        Route::api(Method::POST, own, "userUpdateAvatar", avatars::user_update_avatar)
            .about("Update the authenticated user's picture"),
        Route::api(Method::DELETE, own, "userDeleteAvatar", avatars::user_delete_avatar)
            .about("Delete the authenticated user's picture"),
        Route::api(Method::POST, of_org, "orgUpdateAvatar", avatars::org_update_avatar)
            .about("Update an organization's picture"),
        Route::api(Method::DELETE, of_org, "orgDeleteAvatar", avatars::org_delete_avatar)
            .about("Delete an organization's picture"),
        Route::api(Method::POST, of_repo, "repoUpdateAvatar", avatars::repo_update_avatar)
            .about("Update a repository's picture")
            .body_as("UpdateRepoAvatarOption", &[], &[]),
        Route::api(Method::DELETE, of_repo, "repoDeleteAvatar", avatars::repo_delete_avatar)
            .about("Delete a repository's picture"),
    ]
}

fn topic_routes() -> Vec<Route> {
    let all = "/api/v1/repos/{owner}/{repo}/topics";
    let one = "/api/v1/repos/{owner}/{repo}/topics/{topic}";
    vec![
        Route::api(Method::GET, "/api/v1/topics/search", "topicSearch", topics::topic_search)
            .about("Search topics via keyword")
            .query(&[topics::SEARCH]),
        Route::api(Method::GET, all, "repoListTopics", topics::repo_list_topics)
            .about("Get list of topics that a repository has"),
        Route::api(Method::PUT, all, "repoUpdateTopics", topics::repo_update_topics)
            .about("Replace list of topics for a repository")
            .fails(&[423]),
        Route::api(Method::PUT, one, "repoAddTopic", topics::repo_add_topic)
            .about("Add a topic to a repository")
            .fails(&[422, 423]),
        Route::api(Method::DELETE, one, "repoDeleteTopic", topics::repo_delete_topic)
            .about("Delete a topic from a repository")
            .fails(&[422, 423]),
    ]
}

fn issue_template_routes() -> Vec<Route> {
    let templates = "/api/v1/repos/{owner}/{repo}/issue_templates";
    let config = "/api/v1/repos/{owner}/{repo}/issue_config";
    let validate = "/api/v1/repos/{owner}/{repo}/issue_config/validate";
    vec![
        Route::api(Method::GET, templates, "repoGetIssueTemplates", issue_templates::repo_get_issue_templates)
            .about("Get available issue templates for a repository"),
        Route::api(Method::GET, config, "repoGetIssueConfig", issue_templates::repo_get_issue_config)
            .about("Returns the issue config for a repo"),
        Route::api(Method::GET, validate, "repoValidateIssueConfig", issue_templates::repo_validate_issue_config)
            .about("Returns the validation information for a issue config"),
    ]
}

fn label_routes() -> Vec<Route> {
    let of_repo = "/api/v1/repos/{owner}/{repo}/labels";
    let one_of_repo = "/api/v1/repos/{owner}/{repo}/labels/{id}";
    let of_org = "/api/v1/orgs/{org}/labels";
    let one_of_org = "/api/v1/orgs/{org}/labels/{id}";
    vec![
        Route::api(Method::GET, of_repo, "issueListLabels", labels::issue_list_labels)
            .about("Get all of a repository's labels")
            .tags(&["issue"]),
        Route::api(Method::POST, of_repo, "issueCreateLabel", labels::issue_create_label)
            .about("Create a label")
            .tags(&["issue"])
            .fails(&[423]),
        Route::api(Method::GET, one_of_repo, "issueGetLabel", labels::issue_get_label)
            .about("Get a single label")
            .tags(&["issue"]),
        Route::api(Method::PATCH, one_of_repo, "issueEditLabel", labels::issue_edit_label)
            .about("Update a label")
            .tags(&["issue"])
            .fails(&[423]),
        Route::api(Method::DELETE, one_of_repo, "issueDeleteLabel", labels::issue_delete_label)
            .about("Delete a label")
            .tags(&["issue"])
            .fails(&[423]),
        Route::api(Method::GET, of_org, "orgListLabels", labels::org_list_labels)
            .about("List an organization's labels"),
        Route::api(Method::POST, of_org, "orgCreateLabel", labels::org_create_label)
            .about("Create a label for an organization"),
        Route::api(Method::GET, one_of_org, "orgGetLabel", labels::org_get_label).about("Get a single label"),
        Route::api(Method::PATCH, one_of_org, "orgEditLabel", labels::org_edit_label).about("Update a label"),
        Route::api(Method::DELETE, one_of_org, "orgDeleteLabel", labels::org_delete_label).about("Delete a label"),
    ]
}

fn bundled_routes() -> Vec<Route> {
    let gitignores = "/api/v1/gitignore/templates";
    let gitignore = "/api/v1/gitignore/templates/{name}";
    let label_set = "/api/v1/label/templates/{name}";
    let license = "/api/v1/licenses/{name}";
    vec![
        Route::api(Method::GET, gitignores, "listGitignoresTemplates", bundled::list_gitignores_templates)
            .about("Returns a list of all gitignore templates"),
        Route::api(Method::GET, gitignore, "getGitignoreTemplateInfo", bundled::get_gitignore_template_info)
            .about("Returns information about a gitignore template"),
        Route::api(Method::GET, "/api/v1/label/templates", "listLabelTemplates", bundled::list_label_templates)
            .about("Returns a list of all label templates"),
        Route::api(Method::GET, label_set, "getLabelTemplateInfo", bundled::get_label_template_info)
            .about("Returns all labels in a template"),
        Route::api(Method::GET, "/api/v1/licenses", "listLicenseTemplates", bundled::list_license_templates)
            .about("Returns a list of all license templates"),
        Route::api(Method::GET, license, "getLicenseTemplateInfo", bundled::get_license_template_info)
            .about("Returns information about a license template"),
    ]
}
