//! Every route of the API, asked by a nobody, a stranger, a reader and the owner of a private repository.
//!
//! A route that is missing from the table fails the test.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Api;
use crate::http::api::query::reads;
use crate::http::api::routes;

/// Answers to: nobody, a stranger, a reader, the owner. The order matters where one operation undoes another.
const TABLE: &[(&str, [u16; 4])] = &[
    ("getVersion", [200, 200, 200, 200]),
    ("userGetCurrent", [401, 200, 200, 200]),
    ("userListEmails", [401, 200, 200, 200]),
    ("userAddEmail", [401, 422, 422, 422]),
    ("userDeleteEmail", [401, 204, 204, 204]),
    ("getUserSettings", [401, 200, 200, 200]),
    ("updateUserSettings", [401, 200, 200, 200]),
    ("userSearch", [200, 200, 200, 200]),
    ("userGet", [200, 200, 200, 200]),
    ("userListRepos", [200, 200, 200, 200]),
    ("userGetTokens", [401, 403, 403, 200]),
    ("userCreateToken", [401, 403, 403, 422]),
    ("userDeleteAccessToken", [401, 403, 403, 404]),
    ("userCurrentListKeys", [401, 200, 200, 200]),
    ("userCurrentPostKey", [401, 422, 422, 422]),
    ("userCurrentGetKey", [401, 404, 404, 404]),
    ("userCurrentDeleteKey", [401, 404, 404, 404]),
    ("userListKeys", [200, 200, 200, 200]),
    ("userCurrentListGPGKeys", [401, 200, 200, 200]),
    ("userCurrentPostGPGKey", [401, 422, 422, 422]),
    ("userCurrentGetGPGKey", [401, 404, 404, 404]),
    ("userCurrentDeleteGPGKey", [401, 404, 404, 404]),
    ("getVerificationToken", [401, 200, 200, 200]),
    ("userVerifyGPGKey", [401, 422, 422, 422]),
    ("userListGPGKeys", [200, 200, 200, 200]),
    ("adminCreatePublicKey", [401, 403, 403, 403]),
    ("adminDeleteUserPublicKey", [401, 403, 403, 403]),
    ("repoListKeys", [404, 404, 403, 200]),
    ("repoCreateKey", [404, 404, 403, 422]),
    ("repoGetKey", [404, 404, 403, 404]),
    ("repoDeleteKey", [404, 404, 403, 404]),
    ("adminSearchUsers", [401, 403, 403, 403]),
    ("adminCreateUser", [401, 403, 403, 403]),
    ("adminEditUser", [401, 403, 403, 403]),
    ("adminRenameUser", [401, 403, 403, 403]),
    ("adminDeleteUser", [401, 403, 403, 403]),
    ("adminCreateRepo", [401, 403, 403, 403]),
    ("userCurrentListRepos", [401, 200, 200, 200]),
    ("createCurrentUserRepo", [401, 422, 422, 422]),
    ("repoSearch", [200, 200, 200, 200]),
    ("searchCode", [422, 422, 422, 422]),
    ("repoGetLanguages", [404, 404, 200, 200]),
    ("repoGetByID", [404, 404, 200, 200]),
    ("repoGet", [404, 404, 200, 200]),
    ("repoEdit", [404, 404, 403, 200]),
    ("repoListBranches", [404, 404, 200, 200]),
    ("repoGetBranch", [404, 404, 200, 200]),
    ("repoListTags", [404, 404, 200, 200]),
    ("repoGetTag", [404, 404, 404, 404]),
    ("repoListAllGitRefs", [404, 404, 200, 200]),
    ("repoListGitRefs", [404, 404, 200, 200]),
    ("repoGetContentsList", [404, 404, 200, 200]),
    ("repoGetContents", [404, 404, 200, 200]),
    ("repoGetContentsExt", [404, 404, 200, 200]),
    ("repoGetContentsExtList", [404, 404, 200, 200]),
    ("repoGetFileContents", [404, 404, 400, 400]),
    ("repoGetFileContentsPost", [404, 404, 200, 200]),
    ("repoGetRawFile", [404, 404, 200, 200]),
    ("repoGetRawFileOrLFS", [404, 404, 200, 200]),
    ("GetTree", [404, 404, 200, 200]),
    ("GetBlob", [404, 404, 400, 400]),
    ("GetAnnotatedTag", [404, 404, 400, 400]),
    ("repoGetAllCommits", [404, 404, 200, 200]),
    ("repoGetSingleCommit", [404, 404, 200, 200]),
    ("repoGetNote", [404, 404, 404, 404]),
    ("repoCompareDiff", [404, 404, 200, 200]),
    ("repoGetBlame", [404, 404, 200, 200]),
    ("repoGetContributors", [404, 404, 200, 200]),
    ("repoGetCommitActivity", [404, 404, 200, 200]),
    ("repoGetArchive", [404, 404, 200, 200]),
    ("repoListCollaborators", [404, 404, 200, 200]),
    ("repoCheckCollaborator", [404, 404, 204, 204]),
    ("repoAddCollaborator", [404, 404, 403, 204]),
    ("repoGetRepoPermissions", [404, 404, 200, 200]),
    ("repoGetAssignees", [404, 404, 200, 200]),
    ("repoCheckAssignee", [404, 404, 404, 204]),
    ("repoGetReviewers", [404, 404, 200, 200]),
    ("repoDeleteCollaborator", [404, 404, 403, 204]),
    // No organization owns the repository.
    ("repoListTeams", [404, 404, 405, 405]),
    ("repoCheckTeam", [404, 404, 405, 405]),
    ("repoAddTeam", [404, 404, 403, 405]),
    ("repoDeleteTeam", [404, 404, 403, 405]),
    ("listForks", [404, 404, 200, 200]),
    ("createFork", [404, 404, 202, 409]),
    ("repoMergeUpstream", [404, 404, 403, 400]),
    ("generateRepo", [404, 404, 422, 422]),
    ("repoMigrate", [401, 422, 422, 422]),
    ("repoMirrorSync", [404, 404, 403, 400]),
    ("repoGetMirror", [404, 404, 403, 400]),
    ("repoTransfer", [404, 404, 403, 422]),
    ("acceptRepoTransfer", [401, 404, 404, 404]),
    ("rejectRepoTransfer", [401, 404, 404, 404]),
    ("repoListBranchProtection", [404, 404, 403, 200]),
    ("repoCreateBranchProtection", [404, 404, 403, 400]),
    ("repoUpdateBranchProtectionPriories", [404, 404, 403, 204]),
    ("repoGetBranchProtection", [404, 404, 403, 404]),
    ("repoEditBranchProtection", [404, 404, 403, 404]),
    ("repoDeleteBranchProtection", [404, 404, 403, 404]),
    ("repoListTagProtection", [404, 404, 403, 200]),
    ("repoCreateTagProtection", [404, 404, 403, 422]),
    ("repoGetTagProtection", [404, 404, 403, 404]),
    ("repoEditTagProtection", [404, 404, 403, 404]),
    ("repoDeleteTagProtection", [404, 404, 403, 404]),
    ("repoChangeFiles", [404, 404, 403, 422]),
    ("repoCreateFile", [404, 404, 403, 201]),
    ("repoUpdateFile", [404, 404, 403, 422]),
    ("repoDeleteFile", [404, 404, 403, 422]),
    ("repoCreateBranch", [404, 404, 403, 422]),
    ("repoUpdateBranch", [404, 404, 403, 422]),
    ("repoRenameBranch", [404, 404, 403, 422]),
    ("repoDeleteBranch", [404, 404, 403, 403]),
    ("repoCreateTag", [404, 404, 403, 422]),
    ("repoDeleteTag", [404, 404, 403, 404]),
    ("repoListReleases", [404, 404, 200, 200]),
    ("repoCreateRelease", [404, 404, 403, 422]),
    ("repoGetLatestRelease", [404, 404, 404, 404]),
    ("repoGetReleaseByTag", [404, 404, 404, 404]),
    ("repoDeleteReleaseByTag", [404, 404, 403, 404]),
    ("repoGetRelease", [404, 404, 404, 404]),
    ("repoEditRelease", [404, 404, 403, 404]),
    ("repoDeleteRelease", [404, 404, 403, 404]),
    ("repoListReleaseAttachments", [404, 404, 404, 404]),
    ("repoCreateReleaseAttachment", [404, 404, 403, 404]),
    ("repoGetReleaseAttachment", [404, 404, 404, 404]),
    ("repoEditReleaseAttachment", [404, 404, 403, 404]),
    ("repoDeleteReleaseAttachment", [404, 404, 403, 404]),
    ("renderMarkdown", [401, 200, 200, 200]),
    ("renderMarkdownRaw", [401, 200, 200, 200]),
    ("renderMarkup", [401, 200, 200, 200]),
    ("getGeneralAPISettings", [200, 200, 200, 200]),
    ("getGeneralAttachmentSettings", [200, 200, 200, 200]),
    ("getGeneralRepositorySettings", [200, 200, 200, 200]),
    ("getGeneralUISettings", [200, 200, 200, 200]),
    ("getCurrentToken", [401, 404, 404, 404]),
    ("deleteCurrentToken", [401, 404, 404, 404]),
    ("listGitignoresTemplates", [200, 200, 200, 200]),
    ("getGitignoreTemplateInfo", [404, 404, 404, 404]),
    ("listLicenseTemplates", [200, 200, 200, 200]),
    ("getLicenseTemplateInfo", [404, 404, 404, 404]),
    ("listLabelTemplates", [200, 200, 200, 200]),
    ("getLabelTemplateInfo", [404, 404, 404, 404]),
    ("repoGetIssueTemplates", [404, 404, 200, 200]),
    ("repoGetIssueConfig", [404, 404, 200, 200]),
    ("repoValidateIssueConfig", [404, 404, 200, 200]),
    ("issueListLabels", [404, 404, 200, 200]),
    ("issueCreateLabel", [404, 404, 403, 422]),
    ("issueGetLabel", [404, 404, 404, 404]),
    ("issueEditLabel", [404, 404, 403, 404]),
    ("issueDeleteLabel", [404, 404, 403, 404]),
    ("repoListStatuses", [404, 404, 200, 200]),
    ("repoCreateStatus", [404, 404, 403, 400]),
    ("repoListStatusesByRef", [404, 404, 200, 200]),
    ("repoGetCombinedStatusByRef", [404, 404, 200, 200]),
    ("repoListStargazers", [404, 404, 200, 200]),
    ("userCurrentListStarred", [401, 200, 200, 200]),
    ("userListStarred", [200, 200, 200, 200]),
    ("userCurrentPutStar", [404, 404, 204, 204]),
    ("userCurrentCheckStarring", [404, 404, 204, 204]),
    ("userCurrentDeleteStar", [404, 404, 204, 204]),
    ("repoListSubscribers", [404, 404, 200, 200]),
    ("userCurrentListSubscriptions", [401, 200, 200, 200]),
    ("userListSubscriptions", [200, 200, 200, 200]),
    ("userCurrentPutSubscription", [404, 404, 200, 200]),
    ("userCurrentCheckSubscription", [404, 404, 200, 200]),
    ("userCurrentDeleteSubscription", [404, 404, 204, 204]),
    ("userCurrentPutFollow", [401, 204, 204, 422]),
    ("userCurrentCheckFollowing", [401, 204, 204, 404]),
    ("userCurrentListFollowers", [401, 200, 200, 200]),
    ("userCurrentListFollowing", [401, 200, 200, 200]),
    ("userListFollowers", [200, 200, 200, 200]),
    ("userListFollowing", [200, 200, 200, 200]),
    ("userCheckFollowing", [404, 404, 404, 404]),
    ("userCurrentDeleteFollow", [401, 204, 204, 204]),
    // Of one who has nothing to do with any of them.
    ("userBlockUser", [401, 204, 204, 204]),
    ("userCheckUserBlock", [401, 204, 204, 204]),
    ("userListBlocks", [401, 200, 200, 200]),
    ("userUnblockUser", [401, 204, 204, 204]),
    ("userUpdateAvatar", [401, 422, 422, 422]),
    ("userDeleteAvatar", [401, 204, 204, 204]),
    ("repoUpdateAvatar", [404, 404, 403, 422]),
    ("repoDeleteAvatar", [404, 404, 403, 204]),
    ("repoListTopics", [404, 404, 200, 200]),
    ("repoUpdateTopics", [404, 404, 403, 204]),
    ("repoAddTopic", [404, 404, 403, 204]),
    ("repoDeleteTopic", [404, 404, 403, 204]),
    ("topicSearch", [200, 200, 200, 200]),
    ("repoDelete", [404, 404, 403, 204]),
    // The organization is private; the reader is in none of its teams, the owner owns it.
    ("orgGetAll", [200, 200, 200, 200]),
    ("orgCreate", [401, 422, 422, 422]),
    ("adminGetAllOrgs", [401, 403, 403, 403]),
    ("adminCreateOrg", [401, 403, 403, 403]),
    ("orgListCurrentUserOrgs", [401, 200, 200, 200]),
    ("orgListUserOrgs", [200, 200, 200, 200]),
    ("orgGetUserPermissions", [401, 404, 404, 200]),
    ("orgGet", [404, 404, 404, 200]),
    ("orgEdit", [401, 404, 404, 200]),
    ("orgListLabels", [404, 404, 404, 200]),
    ("orgCreateLabel", [401, 404, 404, 422]),
    ("orgGetLabel", [404, 404, 404, 404]),
    ("orgEditLabel", [401, 404, 404, 404]),
    ("orgDeleteLabel", [401, 404, 404, 404]),
    ("organizationBlockUser", [401, 404, 404, 204]),
    ("organizationCheckUserBlock", [401, 404, 404, 204]),
    ("organizationListBlocks", [401, 404, 404, 200]),
    ("organizationUnblockUser", [401, 404, 404, 204]),
    ("orgUpdateAvatar", [401, 404, 404, 422]),
    ("orgDeleteAvatar", [401, 404, 404, 204]),
    ("renameOrg", [401, 404, 404, 422]),
    ("orgListRepos", [404, 404, 404, 200]),
    ("createOrgRepo", [401, 404, 404, 422]),
    ("orgListMembers", [404, 404, 404, 200]),
    ("orgIsMember", [404, 404, 404, 204]),
    ("orgListPublicMembers", [404, 404, 404, 200]),
    ("orgPublicizeMember", [401, 404, 404, 204]),
    ("orgIsPublicMember", [404, 404, 404, 204]),
    ("orgConcealMember", [401, 404, 404, 204]),
    ("orgDeleteMember", [401, 404, 404, 403]),
    ("userListTeams", [401, 200, 200, 200]),
    ("orgListTeams", [401, 404, 404, 200]),
    ("orgCreateTeam", [401, 404, 404, 422]),
    ("teamSearch", [401, 404, 404, 200]),
    ("orgGetTeam", [401, 404, 404, 200]),
    ("orgEditTeam", [401, 404, 404, 200]),
    ("orgListTeamMembers", [401, 404, 404, 200]),
    ("orgListTeamMember", [401, 404, 404, 200]),
    ("orgAddTeamMember", [401, 404, 404, 204]),
    ("orgRemoveTeamMember", [401, 404, 404, 403]),
    ("orgListTeamRepos", [401, 404, 404, 200]),
    ("orgListTeamRepo", [401, 404, 404, 404]),
    ("orgAddTeamRepository", [401, 404, 404, 404]),
    ("orgRemoveTeamRepository", [401, 404, 404, 404]),
    ("orgListTeamInvitations", [401, 404, 404, 200]),
    ("orgCreateTeamInvitation", [401, 404, 404, 422]),
    ("orgDeleteTeamInvitation", [401, 404, 404, 404]),
    ("userListInvitations", [401, 200, 200, 200]),
    ("userAcceptInvitation", [401, 404, 404, 404]),
    ("userDeclineInvitation", [401, 404, 404, 404]),
    ("orgDeleteTeam", [401, 404, 404, 403]),
    ("orgDeleteRepos", [401, 404, 404, 204]),
    ("orgDelete", [401, 404, 404, 204]),
];

fn fill(method: &str, pattern: &str, id: &Value, team: &Value) -> String {
    let path = pattern.strip_prefix("/api/v1").expect("routes of the API begin with its prefix");
    path.replace("{owner}/{repo}", "ada/secret")
        .replace("/teams/{id}", &format!("/teams/{team}"))
        .replace("{org}/{repo}", "acme/secret")
        .replace("{org}", "acme")
        .replace("{team}", "owners")
        .replace("/blocks/{username}", "/blocks/dora")
        .replace("{username}", "ada")
        .replace("{target}", "cleo")
        .replace("{collaborator}", "cleo")
        .replace("{assignee}", "cleo")
        .replace("{id}", &id.to_string())
        .replace("{*name}", "absent")
        .replace("{*filepath}", if method == "GET" { "README.md" } else { "docs/new.md" })
        .replace("{attachment_id}", "1")
        .replace("{*branch}", "main")
        .replace("git/blobs/{sha}", "git/blobs/main")
        .replace("git/tags/{sha}", "git/tags/main")
        .replace("{sha}", "main")
        .replace("{*sha}", "main")
        .replace("{*basehead}", "main...main")
        .replace("{*archive}", "main.bundle")
        .replace("{*ref}", "heads/main")
        .replace("{ref}", "main")
        .replace("{*tag}", "absent")
        .replace("{topic}", "sop")
        .replace("{name}", "absent")
        .replace("{token}", "absent")
        .replace("{invitation}", "1")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_each_caller_as_the_table_says() {
    let routes = routes();
    let known: HashSet<&str> = TABLE.iter().map(|row| row.0).collect();
    for route in &routes {
        assert!(known.contains(route.info.operation), "{} is missing from the table", route.info.operation);
    }
    assert_eq!(TABLE.len(), routes.len());

    let api = Api::start().await;
    api.account("cleo").await;
    api.account("dora").await;
    let body = json!({ "name": "secret", "private": true, "auto_init": true });
    let id = api.post("/user/repos", &api.ada(), body).await.expect(201).json["id"].clone();
    api.put("/repos/ada/secret/collaborators/cleo", &api.ada(), json!({ "permission": "read" })).await.expect(204);
    api.post("/orgs", &api.ada(), json!({ "username": "acme", "visibility": "private" })).await.expect(201);
    let team = api.get("/orgs/acme/teams", &api.ada()).await.expect(200).json[0]["id"].clone();
    for (column, who) in ["", "bob", "cleo", "ada"].into_iter().enumerate() {
        for (operation, expected) in TABLE {
            let route = routes.iter().find(|route| route.info.operation == *operation).unwrap();
            let method = route.method.as_str();
            let body = (!matches!(method, "GET" | "DELETE")).then(|| json!({}));
            let answer = api.ask(method, &fill(method, route.info.path, &id, &team), &api.header_of(who), body).await;
            answer.named(&format!("{operation} by {who:?}")).expect(expected[column]);
        }
    }
    // What succeeded has read all that it declares, or it is not so.
    for route in &routes {
        let expected = TABLE.iter().find(|(operation, _)| *operation == route.info.operation).unwrap().1;
        let unread = route
            .info
            .queries
            .iter()
            .copied()
            .flatten()
            .filter(|query| !reads::contains(route.info.operation, query.name));
        let names: Vec<_> = unread.map(|query| query.name).collect();
        assert!(
            names.is_empty() || !expected.iter().any(|status| *status < 300),
            "{} never reads {names:?}",
            route.info.operation
        );
    }
    api.finish().await;
}
