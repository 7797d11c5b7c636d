//! Every route of the API, asked by a nobody, a stranger, a reader and the owner of a private repository.
//!
//! A route that is missing from the table fails the test.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Api;
use crate::http::api::routes;

/// Answers to: nobody, a stranger, a reader, the owner. The order matters where one operation undoes another.
const TABLE: &[(&str, [u16; 4])] = &[
    ("getVersion", [200, 200, 200, 200]),
    ("userGetCurrent", [401, 200, 200, 200]),
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
    ("adminCreatePublicKey", [401, 403, 403, 403]),
    ("adminDeleteUserPublicKey", [401, 403, 403, 403]),
    ("repoListKeys", [404, 404, 403, 200]),
    ("repoCreateKey", [404, 404, 403, 422]),
    ("repoGetKey", [404, 404, 403, 404]),
    ("repoDeleteKey", [404, 404, 403, 404]),
    ("adminSearchUsers", [401, 403, 403, 403]),
    ("adminCreateUser", [401, 403, 403, 403]),
    ("adminEditUser", [401, 403, 403, 403]),
    ("adminDeleteUser", [401, 403, 403, 403]),
    ("adminCreateRepo", [401, 403, 403, 403]),
    ("userCurrentListRepos", [401, 200, 200, 200]),
    ("createCurrentUserRepo", [401, 422, 422, 422]),
    ("repoSearch", [200, 200, 200, 200]),
    ("repoGetByID", [404, 404, 200, 200]),
    ("repoGet", [404, 404, 200, 200]),
    ("repoEdit", [404, 404, 403, 200]),
    ("repoListBranches", [404, 404, 200, 200]),
    ("repoGetBranch", [404, 404, 200, 200]),
    ("repoListTags", [404, 404, 200, 200]),
    ("repoGetTag", [404, 404, 404, 404]),
    ("repoListAllGitRefs", [404, 404, 200, 200]),
    ("repoListGitRefs", [404, 404, 200, 200]),
    ("repoListCollaborators", [404, 404, 200, 200]),
    ("repoCheckCollaborator", [404, 404, 204, 204]),
    ("repoAddCollaborator", [404, 404, 403, 204]),
    ("repoGetRepoPermissions", [404, 404, 200, 200]),
    ("repoDeleteCollaborator", [404, 404, 403, 204]),
    ("repoListTopics", [404, 404, 200, 200]),
    ("repoUpdateTopics", [404, 404, 403, 204]),
    ("repoAddTopic", [404, 404, 403, 204]),
    ("repoDeleteTopic", [404, 404, 403, 204]),
    ("topicSearch", [200, 200, 200, 200]),
    ("repoDelete", [404, 404, 403, 204]),
];

fn fill(pattern: &str, id: &Value) -> String {
    let path = pattern.strip_prefix("/api/v1").expect("routes of the API begin with its prefix");
    path.replace("{owner}/{repo}", "ada/secret")
        .replace("{username}", "ada")
        .replace("{collaborator}", "cleo")
        .replace("{id}", &id.to_string())
        .replace("{*branch}", "main")
        .replace("{*ref}", "heads/main")
        .replace("{*tag}", "absent")
        .replace("{topic}", "sop")
        .replace("{token}", "absent")
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
    let body = json!({ "name": "secret", "private": true, "auto_init": true });
    let id = api.post("/user/repos", &api.ada(), body).await.expect(201).json["id"].clone();
    api.put("/repos/ada/secret/collaborators/cleo", &api.ada(), json!({ "permission": "read" })).await.expect(204);
    for (column, who) in ["", "bob", "cleo", "ada"].into_iter().enumerate() {
        for (operation, expected) in TABLE {
            let route = routes.iter().find(|route| route.info.operation == *operation).unwrap();
            let method = route.method.as_str();
            let body = (!matches!(method, "GET" | "DELETE")).then(|| json!({}));
            let answer = api.ask(method, &fill(route.info.path, &id), &api.header_of(who), body).await;
            answer.named(&format!("{operation} by {who:?}")).expect(expected[column]);
        }
    }
    api.finish().await;
}
