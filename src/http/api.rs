//! The REST API under `/api/v1`, shaped as Gitea's.
//!
//! Owns its part of the route table, one file a resource, and the wire types. Handlers parse, authorise, ask and
//! render, in that order; they hold no SQL and no policy. Called by `http/router.rs`.

pub mod admin;
pub mod archives;
pub mod assignees;
pub mod avatars;
pub mod blocks;
pub mod branch_protections;
pub mod branches;
pub mod branches_write;
pub mod bundled;
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
mod interests;
pub mod json;
pub mod keys;
pub mod labels;
mod lfs_pointer;
pub mod lookup;
pub mod markup;
pub mod members;
pub mod objects;
pub mod organizations;
mod patches;
pub mod query;
pub mod raw;
pub mod release_attachments;
pub mod releases;
pub mod renames;
pub mod render;
pub mod repositories;
pub mod repository_teams;
pub mod search;
pub mod settings;
pub mod stars;
mod submodules;
pub mod tag_protections;
pub mod tags;
pub mod teams;
pub mod templates;
#[cfg(test)]
mod tests;
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

use super::router::Route;

/// Lists the routes of the API; operation ids are those of the published specification.
pub fn routes() -> Vec<Route> {
    [
        account_routes(),
        key_routes(),
        organization_routes(),
        team_routes(),
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
        Route::api(Method::GET, "/api/v1/version", "getVersion", version::get_version),
        Route::api(Method::GET, "/api/v1/user", "userGetCurrent", users::user_get_current),
        Route::api(Method::GET, "/api/v1/user/emails", "userListEmails", emails::user_list_emails),
        Route::api(Method::POST, "/api/v1/user/emails", "userAddEmail", emails::user_add_email),
        Route::api(Method::DELETE, "/api/v1/user/emails", "userDeleteEmail", emails::user_delete_email),
        Route::api(Method::GET, "/api/v1/user/settings", "getUserSettings", user_settings::get_user_settings),
        Route::api(Method::PATCH, "/api/v1/user/settings", "updateUserSettings", user_settings::update_user_settings),
        Route::api(
            Method::POST,
            "/api/v1/admin/users/{username}/rename",
            "adminRenameUser",
            renames::admin_rename_user,
        ),
        Route::api(Method::GET, "/api/v1/users/search", "userSearch", users::user_search),
        Route::api(Method::GET, "/api/v1/users/{username}", "userGet", users::user_get),
        Route::api(Method::GET, "/api/v1/users/{username}/repos", "userListRepos", repositories::user_list_repos),
        Route::api(Method::GET, user_tokens, "userGetTokens", tokens::user_get_tokens),
        Route::api(Method::POST, user_tokens, "userCreateToken", tokens::user_create_token),
        Route::api(Method::DELETE, user_token, "userDeleteAccessToken", tokens::user_delete_access_token),
        Route::api(Method::GET, "/api/v1/admin/users", "adminSearchUsers", admin::admin_search_users),
        Route::api(Method::POST, "/api/v1/admin/users", "adminCreateUser", admin::admin_create_user),
        Route::api(Method::PATCH, "/api/v1/admin/users/{username}", "adminEditUser", admin::admin_edit_user),
        Route::api(Method::DELETE, "/api/v1/admin/users/{username}", "adminDeleteUser", admin::admin_delete_user),
        Route::api(
            Method::POST,
            "/api/v1/admin/users/{username}/repos",
            "adminCreateRepo",
            repositories::admin_create_repo,
        ),
    ]
}

fn key_routes() -> Vec<Route> {
    let admin_keys = "/api/v1/admin/users/{username}/keys";
    let admin_key = "/api/v1/admin/users/{username}/keys/{id}";
    let repo_keys = "/api/v1/repos/{owner}/{repo}/keys";
    let repo_key = "/api/v1/repos/{owner}/{repo}/keys/{id}";
    vec![
        Route::api(Method::GET, "/api/v1/user/keys", "userCurrentListKeys", keys::user_current_list_keys),
        Route::api(Method::POST, "/api/v1/user/keys", "userCurrentPostKey", keys::user_current_post_key),
        Route::api(Method::GET, "/api/v1/user/keys/{id}", "userCurrentGetKey", keys::user_current_get_key),
        Route::api(Method::DELETE, "/api/v1/user/keys/{id}", "userCurrentDeleteKey", keys::user_current_delete_key),
        Route::api(Method::GET, "/api/v1/users/{username}/keys", "userListKeys", keys::user_list_keys),
        Route::api(Method::POST, admin_keys, "adminCreatePublicKey", keys::admin_create_public_key),
        Route::api(Method::DELETE, admin_key, "adminDeleteUserPublicKey", keys::admin_delete_user_public_key),
        Route::api(Method::GET, repo_keys, "repoListKeys", deploy_keys::repo_list_keys),
        Route::api(Method::POST, repo_keys, "repoCreateKey", deploy_keys::repo_create_key),
        Route::api(Method::GET, repo_key, "repoGetKey", deploy_keys::repo_get_key),
        Route::api(Method::DELETE, repo_key, "repoDeleteKey", deploy_keys::repo_delete_key),
    ]
}

fn organization_routes() -> Vec<Route> {
    let org = "/api/v1/orgs/{org}";
    let member = "/api/v1/orgs/{org}/members/{username}";
    let public_member = "/api/v1/orgs/{org}/public_members/{username}";
    let repos = "/api/v1/orgs/{org}/repos";
    vec![
        Route::api(Method::GET, "/api/v1/orgs", "orgGetAll", organizations::org_get_all),
        Route::api(Method::POST, "/api/v1/orgs", "orgCreate", organizations::org_create),
        Route::api(Method::GET, "/api/v1/admin/orgs", "adminGetAllOrgs", organizations::admin_get_all_orgs),
        Route::api(
            Method::POST,
            "/api/v1/admin/users/{username}/orgs",
            "adminCreateOrg",
            organizations::admin_create_org,
        ),
        Route::api(
            Method::GET,
            "/api/v1/user/orgs",
            "orgListCurrentUserOrgs",
            organizations::org_list_current_user_orgs,
        ),
        Route::api(Method::GET, "/api/v1/users/{username}/orgs", "orgListUserOrgs", organizations::org_list_user_orgs),
        Route::api(
            Method::GET,
            "/api/v1/users/{username}/orgs/{org}/permissions",
            "orgGetUserPermissions",
            organizations::org_get_user_permissions,
        ),
        Route::api(Method::GET, org, "orgGet", organizations::org_get),
        Route::api(Method::PATCH, org, "orgEdit", organizations::org_edit),
        Route::api(Method::DELETE, org, "orgDelete", organizations::org_delete),
        Route::api(Method::POST, "/api/v1/orgs/{org}/rename", "renameOrg", renames::rename_org),
        Route::api(Method::GET, repos, "orgListRepos", organizations::org_list_repos),
        Route::api(Method::POST, repos, "createOrgRepo", organizations::create_org_repo),
        Route::api(Method::DELETE, repos, "orgDeleteRepos", organizations::org_delete_repos),
        Route::api(Method::GET, "/api/v1/orgs/{org}/members", "orgListMembers", members::org_list_members),
        Route::api(Method::GET, member, "orgIsMember", members::org_is_member),
        Route::api(Method::DELETE, member, "orgDeleteMember", members::org_delete_member),
        Route::api(
            Method::GET,
            "/api/v1/orgs/{org}/public_members",
            "orgListPublicMembers",
            members::org_list_public_members,
        ),
        Route::api(Method::GET, public_member, "orgIsPublicMember", members::org_is_public_member),
        Route::api(Method::PUT, public_member, "orgPublicizeMember", members::org_publicize_member),
        Route::api(Method::DELETE, public_member, "orgConcealMember", members::org_conceal_member),
    ]
}

fn team_routes() -> Vec<Route> {
    let teams = "/api/v1/orgs/{org}/teams";
    let team = "/api/v1/teams/{id}";
    let member = "/api/v1/teams/{id}/members/{username}";
    let repo = "/api/v1/teams/{id}/repos/{org}/{repo}";
    let repo_team = "/api/v1/repos/{owner}/{repo}/teams/{team}";
    vec![
        Route::api(Method::GET, "/api/v1/user/teams", "userListTeams", teams::user_list_teams),
        Route::api(Method::GET, teams, "orgListTeams", teams::org_list_teams),
        Route::api(Method::POST, teams, "orgCreateTeam", teams::org_create_team),
        Route::api(Method::GET, "/api/v1/orgs/{org}/teams/search", "teamSearch", teams::team_search),
        Route::api(Method::GET, team, "orgGetTeam", teams::org_get_team),
        Route::api(Method::PATCH, team, "orgEditTeam", teams::org_edit_team),
        Route::api(Method::DELETE, team, "orgDeleteTeam", teams::org_delete_team),
        Route::api(Method::GET, "/api/v1/teams/{id}/members", "orgListTeamMembers", teams::org_list_team_members),
        Route::api(Method::GET, member, "orgListTeamMember", teams::org_list_team_member),
        Route::api(Method::PUT, member, "orgAddTeamMember", teams::org_add_team_member),
        Route::api(Method::DELETE, member, "orgRemoveTeamMember", teams::org_remove_team_member),
        Route::api(Method::GET, "/api/v1/teams/{id}/repos", "orgListTeamRepos", teams::org_list_team_repos),
        Route::api(Method::GET, repo, "orgListTeamRepo", teams::org_list_team_repo),
        Route::api(Method::PUT, repo, "orgAddTeamRepository", teams::org_add_team_repository),
        Route::api(Method::DELETE, repo, "orgRemoveTeamRepository", teams::org_remove_team_repository),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/teams",
            "repoListTeams",
            repository_teams::repo_list_teams,
        ),
        Route::api(Method::GET, repo_team, "repoCheckTeam", repository_teams::repo_check_team),
        Route::api(Method::PUT, repo_team, "repoAddTeam", repository_teams::repo_add_team),
        Route::api(Method::DELETE, repo_team, "repoDeleteTeam", repository_teams::repo_delete_team),
    ]
}

fn repository_routes() -> Vec<Route> {
    let repo = "/api/v1/repos/{owner}/{repo}";
    let collaborator = "/api/v1/repos/{owner}/{repo}/collaborators/{collaborator}";
    let permission = "/api/v1/repos/{owner}/{repo}/collaborators/{collaborator}/permission";
    vec![
        Route::api(Method::GET, "/api/v1/user/repos", "userCurrentListRepos", repositories::user_current_list_repos),
        Route::api(Method::POST, "/api/v1/user/repos", "createCurrentUserRepo", repositories::create_current_user_repo),
        Route::api(Method::GET, "/api/v1/repos/search", "repoSearch", search::repo_search),
        Route::api(Method::GET, "/api/v1/repositories/{id}", "repoGetByID", repositories::repo_get_by_id),
        Route::api(Method::GET, repo, "repoGet", repositories::repo_get),
        Route::api(Method::PATCH, repo, "repoEdit", repositories::repo_edit),
        Route::api(Method::DELETE, repo, "repoDelete", repositories::repo_delete),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/forks", "listForks", forks::list_forks_of),
        Route::api(Method::POST, "/api/v1/repos/{owner}/{repo}/forks", "createFork", forks::create_fork),
        Route::api(Method::POST, "/api/v1/repos/{owner}/{repo}/generate", "generateRepo", templates::generate_repo),
        Route::api(Method::POST, "/api/v1/repos/{owner}/{repo}/transfer", "repoTransfer", transfers::repo_transfer),
        Route::api(
            Method::POST,
            "/api/v1/repos/{owner}/{repo}/transfer/accept",
            "acceptRepoTransfer",
            transfers::accept_repo_transfer,
        ),
        Route::api(
            Method::POST,
            "/api/v1/repos/{owner}/{repo}/transfer/reject",
            "rejectRepoTransfer",
            transfers::reject_repo_transfer,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/branches",
            "repoListBranches",
            branches::repo_list_branches,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/branches/{*branch}",
            "repoGetBranch",
            branches::repo_get_branch,
        ),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/tags", "repoListTags", tags::repo_list_tags),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/tags/{*tag}", "repoGetTag", tags::repo_get_tag),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/git/refs",
            "repoListAllGitRefs",
            git_refs::repo_list_all_git_refs,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/git/refs/{*ref}",
            "repoListGitRefs",
            git_refs::repo_list_git_refs,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/collaborators",
            "repoListCollaborators",
            collaborators::repo_list_collaborators,
        ),
        Route::api(Method::GET, collaborator, "repoCheckCollaborator", collaborators::repo_check_collaborator),
        Route::api(Method::PUT, collaborator, "repoAddCollaborator", collaborators::repo_add_collaborator),
        Route::api(Method::DELETE, collaborator, "repoDeleteCollaborator", collaborators::repo_delete_collaborator),
        Route::api(Method::GET, permission, "repoGetRepoPermissions", collaborators::repo_get_repo_permissions),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/assignees",
            "repoGetAssignees",
            assignees::repo_get_assignees,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/assignees/{assignee}",
            "repoCheckAssignee",
            assignees::repo_check_assignee,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/reviewers",
            "repoGetReviewers",
            assignees::repo_get_reviewers,
        ),
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
        Route::api(Method::GET, rules, "repoListBranchProtection", of_branches::repo_list_branch_protection),
        Route::api(Method::POST, rules, "repoCreateBranchProtection", of_branches::repo_create_branch_protection),
        Route::api(
            Method::POST,
            order,
            "repoUpdateBranchProtectionPriories",
            of_branches::repo_update_branch_protection_priories,
        ),
        Route::api(Method::GET, rule, "repoGetBranchProtection", of_branches::repo_get_branch_protection),
        Route::api(Method::PATCH, rule, "repoEditBranchProtection", of_branches::repo_edit_branch_protection),
        Route::api(Method::DELETE, rule, "repoDeleteBranchProtection", of_branches::repo_delete_branch_protection),
        Route::api(Method::GET, tag_rules, "repoListTagProtection", of_tags::repo_list_tag_protection),
        Route::api(Method::POST, tag_rules, "repoCreateTagProtection", of_tags::repo_create_tag_protection),
        Route::api(Method::GET, tag_rule, "repoGetTagProtection", of_tags::repo_get_tag_protection),
        Route::api(Method::PATCH, tag_rule, "repoEditTagProtection", of_tags::repo_edit_tag_protection),
        Route::api(Method::DELETE, tag_rule, "repoDeleteTagProtection", of_tags::repo_delete_tag_protection),
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
        Route::api(Method::POST, files, "repoChangeFiles", contents_write::repo_change_files),
        Route::api(Method::POST, file, "repoCreateFile", contents_write::repo_create_file),
        Route::api(Method::PUT, file, "repoUpdateFile", contents_write::repo_update_file),
        Route::api(Method::DELETE, file, "repoDeleteFile", contents_write::repo_delete_file),
        Route::api(Method::POST, branches, "repoCreateBranch", branches_write::repo_create_branch),
        Route::api(Method::PUT, branch, "repoUpdateBranch", branches_write::repo_update_branch),
        Route::api(Method::PATCH, branch, "repoRenameBranch", branches_write::repo_rename_branch),
        Route::api(Method::DELETE, branch, "repoDeleteBranch", branches_write::repo_delete_branch),
        Route::api(Method::POST, tags, "repoCreateTag", branches_write::repo_create_tag),
        Route::api(Method::DELETE, tag, "repoDeleteTag", branches_write::repo_delete_tag),
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
        Route::api(Method::GET, all, "repoListReleases", releases::repo_list_releases),
        Route::api(Method::POST, all, "repoCreateRelease", releases::repo_create_release),
        Route::api(Method::GET, latest, "repoGetLatestRelease", releases::repo_get_latest_release),
        Route::api(Method::GET, by_tag, "repoGetReleaseByTag", releases::repo_get_release_by_tag),
        Route::api(Method::DELETE, by_tag, "repoDeleteReleaseByTag", releases::repo_delete_release_by_tag),
        Route::api(Method::GET, one, "repoGetRelease", releases::repo_get_release),
        Route::api(Method::PATCH, one, "repoEditRelease", releases::repo_edit_release),
        Route::api(Method::DELETE, one, "repoDeleteRelease", releases::repo_delete_release),
        Route::api(
            Method::GET,
            files,
            "repoListReleaseAttachments",
            release_attachments::repo_list_release_attachments,
        ),
        Route::api(Method::POST, files, "repoCreateReleaseAttachment", uploads::repo_create_release_attachment),
        Route::api(Method::GET, file, "repoGetReleaseAttachment", release_attachments::repo_get_release_attachment),
        Route::api(Method::PATCH, file, "repoEditReleaseAttachment", release_attachments::repo_edit_release_attachment),
        Route::api(
            Method::DELETE,
            file,
            "repoDeleteReleaseAttachment",
            release_attachments::repo_delete_release_attachment,
        ),
    ]
}

/// What is about no account and no repository.
fn server_routes() -> Vec<Route> {
    let attachment = "/api/v1/settings/attachment";
    let repository = "/api/v1/settings/repository";
    vec![
        Route::api(Method::POST, "/api/v1/markdown", "renderMarkdown", markup::render_markdown),
        Route::api(Method::POST, "/api/v1/markdown/raw", "renderMarkdownRaw", markup::render_markdown_raw),
        Route::api(Method::POST, "/api/v1/markup", "renderMarkup", markup::render_markup),
        Route::api(Method::GET, "/api/v1/settings/api", "getGeneralAPISettings", settings::get_general_api_settings),
        Route::api(Method::GET, attachment, "getGeneralAttachmentSettings", settings::get_general_attachment_settings),
        Route::api(Method::GET, repository, "getGeneralRepositorySettings", settings::get_general_repository_settings),
        Route::api(Method::GET, "/api/v1/settings/ui", "getGeneralUISettings", settings::get_general_ui_settings),
        Route::api(Method::GET, "/api/v1/token", "getCurrentToken", tokens::get_current_token),
        Route::api(Method::DELETE, "/api/v1/token", "deleteCurrentToken", tokens::delete_current_token),
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
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/contents/{*filepath}",
            "repoGetContents",
            contents::repo_get_contents,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/contents-ext/{*filepath}",
            "repoGetContentsExt",
            contents::repo_get_contents_ext,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/file-contents",
            "repoGetFileContents",
            contents::repo_get_file_contents,
        ),
        Route::api(
            Method::POST,
            "/api/v1/repos/{owner}/{repo}/file-contents",
            "repoGetFileContentsPost",
            contents::repo_get_file_contents_post,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/raw/{*filepath}",
            "repoGetRawFile",
            raw::repo_get_raw_file,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/media/{*filepath}",
            "repoGetRawFileOrLFS",
            raw::repo_get_raw_file_or_lfs,
        ),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/git/trees/{*sha}", "GetTree", git_objects::get_tree),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/git/blobs/{sha}", "GetBlob", git_objects::get_blob),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/git/tags/{sha}",
            "GetAnnotatedTag",
            git_objects::get_annotated_tag,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/commits",
            "repoGetAllCommits",
            commits::repo_get_all_commits,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/git/commits/{sha}",
            "repoGetSingleCommit",
            commits::repo_get_single_commit,
        ),
        Route::api(Method::GET, "/api/v1/repos/{owner}/{repo}/git/notes/{sha}", "repoGetNote", commits::repo_get_note),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/compare/{*basehead}",
            "repoCompareDiff",
            compare::repo_compare_diff,
        ),
        Route::api(
            Method::GET,
            "/api/v1/repos/{owner}/{repo}/archive/{*archive}",
            "repoGetArchive",
            archives::repo_get_archive,
        ),
    ]
}

fn commit_status_routes() -> Vec<Route> {
    let of_id = "/api/v1/repos/{owner}/{repo}/statuses/{sha}";
    let of_ref = "/api/v1/repos/{owner}/{repo}/commits/{ref}/statuses";
    let combined = "/api/v1/repos/{owner}/{repo}/commits/{ref}/status";
    vec![
        Route::api(Method::GET, of_id, "repoListStatuses", commit_statuses::repo_list_statuses),
        Route::api(Method::POST, of_id, "repoCreateStatus", commit_statuses::repo_create_status),
        Route::api(Method::GET, of_ref, "repoListStatusesByRef", commit_statuses::repo_list_statuses),
        Route::api(
            Method::GET,
            combined,
            "repoGetCombinedStatusByRef",
            commit_statuses::repo_get_combined_status_by_ref,
        ),
    ]
}

fn interest_routes() -> Vec<Route> {
    let star = "/api/v1/user/starred/{owner}/{repo}";
    let watch = "/api/v1/repos/{owner}/{repo}/subscription";
    let of_user = "/api/v1/users/{username}/subscriptions";
    let subscribers = "/api/v1/repos/{owner}/{repo}/subscribers";
    let stargazers = "/api/v1/repos/{owner}/{repo}/stargazers";
    vec![
        Route::api(Method::GET, stargazers, "repoListStargazers", stars::repo_list_stargazers),
        Route::api(Method::GET, "/api/v1/user/starred", "userCurrentListStarred", stars::user_current_list_starred),
        Route::api(Method::GET, "/api/v1/users/{username}/starred", "userListStarred", stars::user_list_starred),
        Route::api(Method::GET, star, "userCurrentCheckStarring", stars::user_current_check_starring),
        Route::api(Method::PUT, star, "userCurrentPutStar", stars::user_current_put_star),
        Route::api(Method::DELETE, star, "userCurrentDeleteStar", stars::user_current_delete_star),
        Route::api(Method::GET, subscribers, "repoListSubscribers", watches::repo_list_subscribers),
        Route::api(
            Method::GET,
            "/api/v1/user/subscriptions",
            "userCurrentListSubscriptions",
            watches::user_current_list_subscriptions,
        ),
        Route::api(Method::GET, of_user, "userListSubscriptions", watches::user_list_subscriptions),
        Route::api(Method::GET, watch, "userCurrentCheckSubscription", watches::user_current_check_subscription),
        Route::api(Method::PUT, watch, "userCurrentPutSubscription", watches::user_current_put_subscription),
        Route::api(Method::DELETE, watch, "userCurrentDeleteSubscription", watches::user_current_delete_subscription),
    ]
}

fn follow_routes() -> Vec<Route> {
    let one = "/api/v1/user/following/{username}";
    let followers = "/api/v1/users/{username}/followers";
    let following = "/api/v1/users/{username}/following";
    let check = "/api/v1/users/{username}/following/{target}";
    vec![
        Route::api(
            Method::GET,
            "/api/v1/user/followers",
            "userCurrentListFollowers",
            follows::user_current_list_followers,
        ),
        Route::api(
            Method::GET,
            "/api/v1/user/following",
            "userCurrentListFollowing",
            follows::user_current_list_following,
        ),
        Route::api(Method::GET, one, "userCurrentCheckFollowing", follows::user_current_check_following),
        Route::api(Method::PUT, one, "userCurrentPutFollow", follows::user_current_put_follow),
        Route::api(Method::DELETE, one, "userCurrentDeleteFollow", follows::user_current_delete_follow),
        Route::api(Method::GET, followers, "userListFollowers", follows::user_list_followers),
        Route::api(Method::GET, following, "userListFollowing", follows::user_list_following),
        Route::api(Method::GET, check, "userCheckFollowing", follows::user_check_following),
    ]
}

fn block_routes() -> Vec<Route> {
    let own = "/api/v1/user/blocks/{username}";
    let of_org = "/api/v1/orgs/{org}/blocks";
    let one_of_org = "/api/v1/orgs/{org}/blocks/{username}";
    vec![
        Route::api(Method::GET, "/api/v1/user/blocks", "userListBlocks", blocks::user_list_blocks),
        Route::api(Method::GET, own, "userCheckUserBlock", blocks::user_check_user_block),
        Route::api(Method::PUT, own, "userBlockUser", blocks::user_block_user),
        Route::api(Method::DELETE, own, "userUnblockUser", blocks::user_unblock_user),
        Route::api(Method::GET, of_org, "organizationListBlocks", blocks::organization_list_blocks),
        Route::api(Method::GET, one_of_org, "organizationCheckUserBlock", blocks::organization_check_user_block),
        Route::api(Method::PUT, one_of_org, "organizationBlockUser", blocks::organization_block_user),
        Route::api(Method::DELETE, one_of_org, "organizationUnblockUser", blocks::organization_unblock_user),
    ]
}

fn avatar_routes() -> Vec<Route> {
    let own = "/api/v1/user/avatar";
    let of_org = "/api/v1/orgs/{org}/avatar";
    let of_repo = "/api/v1/repos/{owner}/{repo}/avatar";
    vec![
        Route::api(Method::POST, own, "userUpdateAvatar", avatars::user_update_avatar),
        Route::api(Method::DELETE, own, "userDeleteAvatar", avatars::user_delete_avatar),
        Route::api(Method::POST, of_org, "orgUpdateAvatar", avatars::org_update_avatar),
        Route::api(Method::DELETE, of_org, "orgDeleteAvatar", avatars::org_delete_avatar),
        Route::api(Method::POST, of_repo, "repoUpdateAvatar", avatars::repo_update_avatar),
        Route::api(Method::DELETE, of_repo, "repoDeleteAvatar", avatars::repo_delete_avatar),
    ]
}

fn topic_routes() -> Vec<Route> {
    let all = "/api/v1/repos/{owner}/{repo}/topics";
    let one = "/api/v1/repos/{owner}/{repo}/topics/{topic}";
    vec![
        Route::api(Method::GET, "/api/v1/topics/search", "topicSearch", topics::topic_search),
        Route::api(Method::GET, all, "repoListTopics", topics::repo_list_topics),
        Route::api(Method::PUT, all, "repoUpdateTopics", topics::repo_update_topics),
        Route::api(Method::PUT, one, "repoAddTopic", topics::repo_add_topic),
        Route::api(Method::DELETE, one, "repoDeleteTopic", topics::repo_delete_topic),
    ]
}

fn label_routes() -> Vec<Route> {
    let of_repo = "/api/v1/repos/{owner}/{repo}/labels";
    let one_of_repo = "/api/v1/repos/{owner}/{repo}/labels/{id}";
    let of_org = "/api/v1/orgs/{org}/labels";
    let one_of_org = "/api/v1/orgs/{org}/labels/{id}";
    vec![
        Route::api(Method::GET, of_repo, "issueListLabels", labels::issue_list_labels),
        Route::api(Method::POST, of_repo, "issueCreateLabel", labels::issue_create_label),
        Route::api(Method::GET, one_of_repo, "issueGetLabel", labels::issue_get_label),
        Route::api(Method::PATCH, one_of_repo, "issueEditLabel", labels::issue_edit_label),
        Route::api(Method::DELETE, one_of_repo, "issueDeleteLabel", labels::issue_delete_label),
        Route::api(Method::GET, of_org, "orgListLabels", labels::org_list_labels),
        Route::api(Method::POST, of_org, "orgCreateLabel", labels::org_create_label),
        Route::api(Method::GET, one_of_org, "orgGetLabel", labels::org_get_label),
        Route::api(Method::PATCH, one_of_org, "orgEditLabel", labels::org_edit_label),
        Route::api(Method::DELETE, one_of_org, "orgDeleteLabel", labels::org_delete_label),
    ]
}

fn bundled_routes() -> Vec<Route> {
    let gitignores = "/api/v1/gitignore/templates";
    let gitignore = "/api/v1/gitignore/templates/{name}";
    let label_set = "/api/v1/label/templates/{name}";
    let license = "/api/v1/licenses/{name}";
    vec![
        Route::api(Method::GET, gitignores, "listGitignoresTemplates", bundled::list_gitignores_templates),
        Route::api(Method::GET, gitignore, "getGitignoreTemplateInfo", bundled::get_gitignore_template_info),
        Route::api(Method::GET, "/api/v1/label/templates", "listLabelTemplates", bundled::list_label_templates),
        Route::api(Method::GET, label_set, "getLabelTemplateInfo", bundled::get_label_template_info),
        Route::api(Method::GET, "/api/v1/licenses", "listLicenseTemplates", bundled::list_license_templates),
        Route::api(Method::GET, license, "getLicenseTemplateInfo", bundled::get_license_template_info),
    ]
}
