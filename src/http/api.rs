//! The REST API under `/api/v1`, shaped as Gitea's.
//!
//! Owns its part of the route table, one file a resource, and the wire types. Handlers parse, authorise, ask and
//! render, in that order; they hold no SQL and no policy. Called by `http/router.rs`.

pub mod admin;
pub mod branches;
pub mod collaborators;
mod commit_text;
pub mod deploy_keys;
pub mod git_refs;
pub mod json;
pub mod keys;
pub mod lookup;
pub mod objects;
pub mod query;
pub mod render;
pub mod repositories;
pub mod search;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod tokens;
pub mod topics;
pub mod urls;
pub mod users;
pub mod validate;
pub mod version;

use axum::http::Method;

use super::router::Route;

/// Lists the routes of the API; operation ids are those of the published specification.
pub fn routes() -> Vec<Route> {
    [account_routes(), key_routes(), repository_routes(), topic_routes()].into_iter().flatten().collect()
}

fn account_routes() -> Vec<Route> {
    let user_tokens = "/api/v1/users/{username}/tokens";
    let user_token = "/api/v1/users/{username}/tokens/{token}";
    vec![
        Route::api(Method::GET, "/api/v1/version", "getVersion", version::get_version),
        Route::api(Method::GET, "/api/v1/user", "userGetCurrent", users::user_get_current),
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
