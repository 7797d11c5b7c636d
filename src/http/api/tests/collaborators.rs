//! Collaborators and what their levels open.

use serde_json::json;

use super::Api;

#[tokio::test]
async fn collaborators_come_are_seen_and_go() {
    let api = Api::start().await;
    api.repository("ada", "sops", true).await;
    let at = "/repos/ada/sops/collaborators";
    api.get(&format!("{at}/bob"), &api.ada()).await.expect(404);
    api.get(&format!("{at}/nobody"), &api.ada()).await.expect(422);
    api.put(&format!("{at}/bob"), &api.bob(), json!({})).await.expect(404);
    api.put(&format!("{at}/bob"), &api.ada(), json!({ "permission": "read" })).await.expect(204);
    api.get(&format!("{at}/bob"), &api.ada()).await.expect(204);
    assert_eq!(api.get("/repos/ada/sops", &api.bob()).await.expect(200).json["permissions"]["push"], false);
    api.put(&format!("{at}/admin"), &api.bob(), json!({})).await.expect(403);
    api.put(&format!("{at}/bob"), &api.ada(), json!({})).await.expect(204);
    assert_eq!(api.get("/repos/ada/sops", &api.bob()).await.expect(200).json["permissions"]["push"], true);

    let list = api.get(at, &api.bob()).await.expect(200);
    assert_eq!((list.logins(), list.header("x-total-count")), (vec!["bob".to_owned()], "1".to_owned()));
    assert_eq!(api.get(&format!("{at}?page=2"), &api.ada()).await.expect(200).json, json!([]));
    api.get(at, "").await.expect_any(&[401, 404]);

    api.put(&format!("{at}/bob"), &api.ada(), json!({ "permission": "owner" })).await.expect(422);
    api.put(&format!("{at}/nobody"), &api.ada(), json!({})).await.expect(422);
    api.put(&format!("{at}/ada"), &api.ada(), json!({})).await.expect(422);
    api.delete(&format!("{at}/nobody"), &api.ada()).await.expect(422);
    api.delete(&format!("{at}/bob"), &api.bob()).await.expect(403);
    api.delete(&format!("{at}/bob"), &api.ada()).await.expect(204);
    api.get("/repos/ada/sops", &api.bob()).await.expect(404);
    api.finish().await;
}

#[tokio::test]
async fn permissions_are_told_to_those_they_concern() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    let of = |name: &str| format!("/repos/ada/sops/collaborators/{name}/permission");
    api.put("/repos/ada/sops/collaborators/bob", &api.ada(), json!({ "permission": "write" })).await.expect(204);
    let told = api.get(&of("bob"), &api.bob()).await.expect(200).json;
    assert_eq!((told["permission"].as_str(), told["role_name"].as_str()), (Some("write"), Some("write")));
    assert_eq!(told["user"]["login"], "bob");
    assert_eq!(api.get(&of("ada"), &api.ada()).await.expect(200).json["permission"], "owner");
    assert_eq!(api.get(&of("bob"), &api.admin()).await.expect(200).json["permission"], "write");
    api.get(&of("ada"), &api.bob()).await.expect(403);
    api.get(&of("nobody"), &api.ada()).await.expect(404);
    api.get(&of("bob"), "").await.expect(401);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_given_to_those_who_may_do_it() {
    let api = Api::start().await;
    api.account("cleo").await;
    api.repository("ada", "sop", true).await;
    for (name, level) in [("bob", "write"), ("cleo", "read")] {
        let at = format!("/repos/ada/sop/collaborators/{name}");
        api.put(&at, &api.ada(), json!({ "permission": level })).await.expect(204);
    }
    assert_eq!(api.get("/repos/ada/sop/assignees", &api.bob()).await.expect(200).logins(), ["ada", "bob"]);
    assert_eq!(api.get("/repos/ada/sop/reviewers", &api.bob()).await.expect(200).logins(), ["ada", "bob", "cleo"]);
    api.get("/repos/ada/sop/assignees/bob", &api.ada()).await.expect(204);
    api.get("/repos/ada/sop/assignees/cleo", &api.ada()).await.expect(404);
    api.get("/repos/ada/sop/assignees/nobody", &api.ada()).await.expect(404);
    api.post("/orgs", &api.ada(), json!({ "username": "acme" })).await.expect(201);
    api.post("/orgs/acme/repos", &api.ada(), json!({ "name": "sop", "private": true })).await.expect(201);
    let units =
        json!({ "name": "t", "permission": "write", "units": ["repo.issues"], "includes_all_repositories": true });
    let team = api.post("/orgs/acme/teams", &api.ada(), units).await.expect(201).json["id"].clone();
    api.put(&format!("/teams/{team}/members/cleo"), &api.ada(), json!({})).await.expect(204);
    assert_eq!(api.get("/repos/acme/sop/assignees", &api.ada()).await.expect(200).logins(), ["ada", "cleo"]);
    assert_eq!(api.get("/repos/acme/sop/reviewers", &api.ada()).await.expect(200).logins(), ["ada"]);
    api.patch("/admin/users/cleo", &api.admin(), json!({ "prohibit_login": true })).await.expect(200);
    assert_eq!(api.get("/repos/acme/sop/assignees", &api.ada()).await.expect(200).logins(), ["ada"]);
    api.finish().await;
}
