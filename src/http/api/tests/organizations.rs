//! Organizations and teams over HTTP, as Gitea's clients use them.

use serde_json::json;

use super::Api;

impl Api {
    /// Makes an organization of `ada` and answers its team of owners.
    async fn organization(&self, name: &str, visibility: &str) -> i64 {
        let body = json!({ "username": name, "full_name": "Acme Labs", "visibility": visibility });
        self.post("/orgs", &self.ada(), body).await.expect(201);
        let teams = self.get(&format!("/orgs/{name}/teams"), &self.ada()).await.expect(200).json;
        teams[0]["id"].as_i64().unwrap()
    }

    async fn team(&self, org: &str, body: serde_json::Value) -> i64 {
        let made = self.post(&format!("/orgs/{org}/teams"), &self.ada(), body).await.expect(201).json;
        made["id"].as_i64().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_made_shown_changed_and_deleted() {
    let api = Api::start().await;
    let made = api.post("/orgs", &api.ada(), json!({ "username": "acme", "email": "" })).await.expect(201).json;
    assert_eq!((made["name"].as_str(), made["username"].as_str()), (Some("acme"), Some("acme")));
    assert_eq!((made["visibility"].as_str(), made["email"].as_str()), (Some("public"), Some("")));
    assert_eq!(api.get("/orgs", "").await.expect(200).names(), ["acme"]);
    assert_eq!(api.get("/user/orgs", &api.ada()).await.expect(200).names(), ["acme"]);
    assert_eq!(api.get("/users/ada/orgs", &api.bob()).await.expect(200).names(), Vec::<String>::new());
    assert_eq!(api.get("/users/acme", "").await.expect(200).json["login"], "acme");
    assert_eq!(api.get("/users/search?q=acme", &api.ada()).await.expect(200).logins_in("data"), Vec::<String>::new());
    let edited = api.patch("/orgs/acme", &api.ada(), json!({ "full_name": "Acme", "visibility": "limited" })).await;
    assert_eq!(edited.expect(200).json["full_name"], "Acme");
    api.get("/orgs/acme", "").await.expect(404);
    api.get("/orgs/acme", &api.bob()).await.expect(200);
    api.patch("/orgs/acme", &api.bob(), json!({})).await.expect(403);
    for body in [json!({}), json!({ "username": "a b" }), json!({ "username": "acme" }), json!({ "username": "bob" })] {
        api.post("/orgs", &api.ada(), body).await.expect(422);
    }
    api.post("/orgs/acme/repos", &api.ada(), json!({ "name": "sop" })).await.expect(201);
    api.delete("/orgs/acme", &api.ada()).await.expect(422);
    api.delete("/orgs/acme/repos", &api.bob()).await.expect(403);
    api.delete("/orgs/acme/repos", &api.ada()).await.expect(204);
    api.delete("/orgs/acme", &api.ada()).await.expect(204);
    api.get("/orgs/acme", &api.ada()).await.expect(404);
    api.post("/orgs", &api.bob(), json!({ "username": "acme" })).await.expect(422);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_in_as_an_organization_and_nobody_makes_it_a_person() {
    let api = Api::start().await;
    api.organization("acme", "public").await;
    api.get("/user", &super::fixture::basic("acme", "")).await.expect(401);
    api.get("/user?sudo=acme", &api.admin()).await.expect(404);
    api.post("/users/acme/tokens", &api.admin(), json!({ "name": "t", "scopes": ["all"] })).await.expect(404);
    api.patch("/admin/users/acme", &api.admin(), json!({ "admin": true })).await.expect(404);
    api.delete("/admin/users/acme", &api.admin()).await.expect(404);
    api.put("/repos/ada/x/collaborators/acme", &api.ada(), json!({})).await.expect(404);
    api.repository("ada", "x", false).await;
    api.put("/repos/ada/x/collaborators/acme", &api.ada(), json!({})).await.expect(422);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_known_to_members_and_show_themselves() {
    let api = Api::start().await;
    let owners = api.organization("acme", "public").await;
    api.put(&format!("/teams/{owners}/members/bob"), &api.ada(), json!({})).await.expect(204);
    api.account("cleo").await;
    let cleo = api.header_of("cleo");
    assert_eq!(api.get("/orgs/acme/members", &api.bob()).await.expect(200).logins(), ["ada", "bob"]);
    assert_eq!(api.get("/orgs/acme/members", &cleo).await.expect(200).logins(), Vec::<String>::new());
    assert_eq!(api.get("/orgs/acme/public_members", &api.admin()).await.expect(200).logins(), ["ada", "bob"]);
    api.put("/orgs/acme/public_members/ada", &api.bob(), json!({})).await.expect(403);
    api.put("/orgs/acme/public_members/bob", &api.bob(), json!({})).await.expect(204);
    assert_eq!(api.get("/orgs/acme/members", "").await.expect(200).logins(), ["bob"]);
    assert_eq!(api.get("/users/bob/orgs", &cleo).await.expect(200).names(), ["acme"]);
    api.get("/orgs/acme/members/bob", &api.ada()).await.expect(204);
    api.get("/orgs/acme/members/cleo", &api.ada()).await.expect(404);
    let sent = api.get("/orgs/acme/members/bob", &cleo).await.expect(303);
    assert!(sent.header("location").ends_with("/api/v1/orgs/acme/public_members/bob"), "{}", sent.header("location"));
    api.get("/orgs/acme/public_members/bob", &cleo).await.expect(204);
    api.get("/orgs/acme/public_members/ada", &cleo).await.expect(404);
    api.delete("/orgs/acme/public_members/bob", &api.bob()).await.expect(204);
    api.get("/orgs/acme/public_members/bob", &cleo).await.expect(404);
    api.delete("/orgs/acme/members/ada", &api.bob()).await.expect(204);
    api.delete("/orgs/acme/members/bob", &api.bob()).await.expect(403);
    assert_eq!(api.get("/user/orgs", &api.ada()).await.expect(200).names(), Vec::<String>::new());
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_opens_units_of_its_repositories_to_its_members() {
    let api = Api::start().await;
    api.organization("acme", "private").await;
    api.post("/orgs/acme/repos", &api.ada(), json!({ "name": "sop", "private": true, "auto_init": true }))
        .await
        .expect(201);
    let units = json!({ "name": "readers", "permission": "read", "units_map": { "repo.issues": "read" } });
    let team = api.team("acme", units).await;
    let at = |rest: &str| format!("/teams/{team}{rest}");
    api.get("/orgs/acme", &api.bob()).await.expect(404);
    api.get(&at(""), &api.bob()).await.expect(404);
    api.get("/repos/acme/sop", &api.bob()).await.expect(404);
    api.put(&at("/members/bob"), &api.bob(), json!({})).await.expect(404);
    api.put(&at("/members/bob"), &api.ada(), json!({})).await.expect(204);
    api.get("/orgs/acme", &api.bob()).await.expect(200);
    api.get("/repos/acme/sop", &api.bob()).await.expect(404);
    api.put(&at("/repos/acme/sop"), &api.bob(), json!({})).await.expect(404);
    api.put(&at("/repos/acme/sop"), &api.ada(), json!({})).await.expect(204);
    let seen = api.get("/repos/acme/sop", &api.bob()).await.expect(200).json;
    assert_eq!(seen["permissions"], json!({ "admin": false, "push": false, "pull": false }), "issues are no code");
    api.get("/repos/acme/sop/branches", &api.bob()).await.expect(403);
    let more = json!({ "name": "readers", "units_map": { "repo.code": "write" }, "permission": "write" });
    let edited = api.patch(&at(""), &api.ada(), more).await.expect(200).json;
    assert_eq!(
        (edited["units"].clone(), edited["units_map"].clone()),
        (json!(["repo.code"]), json!({ "repo.code": "write" }))
    );
    api.get("/repos/acme/sop/branches", &api.bob()).await.expect(200);
    assert_eq!(api.get("/repos/search", &api.bob()).await.expect(200).names_in("data"), ["sop"]);
    assert_eq!(api.get("/user/repos", &api.bob()).await.expect(200).names(), ["sop"]);
    assert_eq!(api.get("/user/teams", &api.bob()).await.expect(200).names(), ["readers"]);
    assert_eq!(api.get(&at("/repos"), &api.bob()).await.expect(200).names(), ["sop"]);
    assert_eq!(api.get(&at("/members"), &api.bob()).await.expect(200).logins(), ["bob"]);
    let permission = api.get("/users/bob/orgs/acme/permissions", &api.bob()).await.expect(200).json;
    assert_eq!((permission["is_owner"].clone(), permission["can_write"].clone()), (json!(false), json!(true)));
    api.delete(&at("/repos/acme/sop"), &api.ada()).await.expect(204);
    api.get("/repos/acme/sop", &api.bob()).await.expect(404);
    api.delete(&at("/members/bob"), &api.ada()).await.expect(204);
    api.get("/orgs/acme", &api.bob()).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_of_a_repository_are_changed_by_owners_or_as_the_organization_allows() {
    let api = Api::start().await;
    api.organization("acme", "public").await;
    api.repository("ada", "own", false).await;
    api.get("/repos/ada/own/teams", &api.ada()).await.expect(405);
    let makers = json!({ "name": "makers", "permission": "read", "units": ["repo.code"], "can_create_org_repo": true });
    let team = api.team("acme", makers).await;
    api.post("/orgs/acme/repos", &api.bob(), json!({ "name": "theirs" })).await.expect(403);
    api.put(&format!("/teams/{team}/members/bob"), &api.ada(), json!({})).await.expect(204);
    let made = api.post("/orgs/acme/repos", &api.bob(), json!({ "name": "theirs" })).await.expect(201).json;
    assert_eq!(made["permissions"]["admin"], true, "whoever makes it administers it");
    assert_eq!(made["owner"]["login"], "acme");
    api.put("/repos/acme/theirs/teams/makers", &api.bob(), json!({})).await.expect(403);
    api.patch("/orgs/acme", &api.ada(), json!({ "repo_admin_change_team_access": true })).await.expect(200);
    api.put("/repos/acme/theirs/teams/makers", &api.bob(), json!({})).await.expect(204);
    api.put("/repos/acme/theirs/teams/makers", &api.bob(), json!({})).await.expect(422);
    api.put("/repos/acme/theirs/teams/none", &api.bob(), json!({})).await.expect(422);
    api.put("/repos/acme/theirs/teams/Owners", &api.ada(), json!({})).await.expect(422);
    assert_eq!(api.get("/repos/acme/theirs/teams", &api.bob()).await.expect(200).names(), ["makers", "Owners"]);
    assert_eq!(api.get("/repos/acme/theirs/teams/makers", &api.bob()).await.expect(200).json["name"], "makers");
    api.get("/repos/acme/theirs/teams/nobody", &api.bob()).await.expect(404);
    api.delete("/repos/acme/theirs/teams/makers", &api.bob()).await.expect(204);
    api.delete("/repos/acme/theirs/teams/makers", &api.bob()).await.expect(422);
    api.post("/orgs", &api.bob(), json!({ "username": "other" })).await.expect(201);
    api.post("/orgs/other/repos", &api.bob(), json!({ "name": "far" })).await.expect(201);
    api.put(&format!("/teams/{team}/repos/other/far"), &api.bob(), json!({})).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_is_switched_off_is_gone_for_everybody() {
    let api = Api::start().await;
    let body = json!({ "name": "sop", "auto_init": true });
    api.post("/user/repos", &api.ada(), body).await.expect(201);
    api.get("/repos/ada/sop/branches", "").await.expect(200);
    let edited = api.patch("/repos/ada/sop", &api.ada(), json!({ "has_code": false })).await.expect(200).json;
    assert_eq!(edited["has_code"], false);
    api.get("/repos/ada/sop", "").await.expect(200);
    for who in ["", "bob", "ada", "admin"] {
        api.get("/repos/ada/sop/branches", &api.header_of(who)).await.expect(404);
    }
    api.patch("/repos/ada/sop", &api.ada(), json!({ "has_code": true })).await.expect(200);
    api.get("/repos/ada/sop/branches", "").await.expect(200);
    api.finish().await;
}
