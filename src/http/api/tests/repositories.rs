//! Repositories: made, read, changed, renamed, deleted, listed.

use serde_json::json;

use super::Api;

#[tokio::test]
async fn a_new_repository_has_every_address_and_right() {
    let api = Api::start().await;
    let body = json!({ "name": "SOPs", "description": "procedures", "private": true, "default_branch": "trunk" });
    api.post("/user/repos", "", body.clone()).await.expect(401);
    let made = api.post("/user/repos", &api.ada(), body.clone()).await.expect(201).json;
    let root = api.root_url();
    assert_eq!(made["full_name"], "ada/SOPs");
    assert_eq!(made["clone_url"], format!("{root}ada/SOPs.git"));
    assert_eq!(made["html_url"], format!("{root}ada/SOPs"));
    assert_eq!(made["url"], format!("{root}api/v1/repos/ada/SOPs"));
    assert_eq!((made["empty"].as_bool(), made["private"].as_bool()), (Some(true), Some(true)));
    assert_eq!(made["default_branch"], "trunk");
    assert_eq!(made["permissions"], json!({ "admin": true, "push": true, "pull": true }));
    assert_eq!((made["owner"]["login"].as_str(), made["owner"]["username"].as_str()), (Some("ada"), Some("ada")));
    assert_eq!(made["branch_count"], 0);

    let taken = json!({ "name": "sops" });
    let refused = api.post("/user/repos", &api.ada(), taken).await.expect(409);
    assert_eq!(refused.json["message"], "The repository with the same name already exists.");
    assert_eq!(api.post("/user/repos", &api.ada(), json!({})).await.expect(422).json["message"], "[Name]: Required");
    api.post("/user/repos", &api.ada(), json!({ "name": "a/b" })).await.expect(422);
    api.post("/user/repos", &api.ada(), json!({ "name": "x.git" })).await.expect(422);
    api.post("/user/repos", &api.ada(), json!({ "name": "x", "default_branch": "a..b" })).await.expect(422);
    api.post("/user/repos", &api.ada(), json!({ "name": 3 })).await.expect(422);
    api.finish().await;
}

#[tokio::test]
async fn private_repositories_are_hidden_and_public_ones_are_not() {
    let api = Api::start().await;
    api.repository("ada", "secret", true).await;
    let open = api.repository("ada", "open", false).await;
    for (path, who, expected) in [
        ("/repos/ada/secret", "", 404),
        ("/repos/ada/secret", "bob", 404),
        ("/repos/ada/secret", "ada", 200),
        ("/repos/ada/secret", "admin", 200),
        ("/repos/ada/open", "", 200),
        ("/repos/ADA/OPEN", "bob", 200),
        ("/repos/ada/absent", "ada", 404),
        ("/repos/nobody/open", "ada", 404),
    ] {
        api.get(path, &api.header_of(who)).await.expect(expected);
    }
    let stranger = api.get("/repos/ada/open", &api.bob()).await.expect(200).json;
    assert_eq!(stranger["permissions"], json!({ "admin": false, "push": false, "pull": true }));
    let by_id = format!("/repositories/{}", open["id"]);
    assert_eq!(api.get(&by_id, &api.bob()).await.expect(200).json["full_name"], "ada/open");
    api.get(&by_id, "").await.expect(401);
    api.get("/repositories/999999", &api.bob()).await.expect(404);
    api.get("/repositories/x", &api.bob()).await.expect(404);
    api.finish().await;
}

#[tokio::test]
async fn settings_change_and_nonsense_does_not() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    let patch = json!({ "description": "new", "website": "https://example.org", "private": true, "template": true });
    api.patch("/repos/ada/sops", "", patch.clone()).await.expect(401);
    api.patch("/repos/ada/sops", &api.bob(), patch.clone()).await.expect(403);
    let edited = api.patch("/repos/ada/sops", &api.ada(), patch).await.expect(200).json;
    assert_eq!(
        (edited["description"].as_str(), edited["website"].as_str()),
        (Some("new"), Some("https://example.org"))
    );
    assert_eq!((edited["private"].as_bool(), edited["template"].as_bool()), (Some(true), Some(true)));
    api.patch("/repos/ada/sops", &api.bob(), json!({ "private": false })).await.expect(404);
    api.patch("/repos/ada/sops", &api.ada(), json!({ "name": "a b" })).await.expect(422);
    let archived = api.patch("/repos/ada/sops", &api.ada(), json!({ "archived": true })).await.expect(200).json;
    assert_eq!(archived["archived"], true);
    assert_ne!(archived["archived_at"], "1970-01-01T00:00:00Z");
    let reopened = api.patch("/repos/ada/sops", &api.ada(), json!({ "archived": false })).await.expect(200).json;
    assert_eq!(reopened["archived_at"], "1970-01-01T00:00:00Z");
    api.finish().await;
}

#[tokio::test]
async fn a_renamed_repository_redirects_those_who_may_see_it() {
    let api = Api::start().await;
    api.repository("ada", "old", true).await;
    api.repository("ada", "taken", false).await;
    api.patch("/repos/ada/old", &api.ada(), json!({ "name": "Taken" })).await.expect(409);
    let renamed = api.patch("/repos/ada/old", &api.ada(), json!({ "name": "new" })).await.expect(200).json;
    assert_eq!(renamed["full_name"], "ada/new");
    let moved = api.get("/repos/ada/old/branches?limit=3", &api.ada()).await.expect(307);
    assert_eq!(moved.header("location"), format!("{}api/v1/repos/ada/new/branches?limit=3", api.root_url()));
    let moved = api.patch("/repos/ada/old", &api.ada(), json!({ "description": "x" })).await.expect(307);
    assert_eq!(moved.header("location"), format!("{}api/v1/repos/ada/new", api.root_url()));
    api.get("/repos/ada/old", &api.bob()).await.expect(404);
    api.get("/repos/ada/new", &api.ada()).await.expect(200);
    api.finish().await;
}

#[tokio::test]
async fn only_the_owner_deletes() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    api.put("/repos/ada/sops/collaborators/bob", &api.ada(), json!({ "permission": "admin" })).await.expect(204);
    api.delete("/repos/ada/sops", "").await.expect(401);
    api.delete("/repos/ada/sops", &api.bob()).await.expect(403);
    api.delete("/repos/ada/sops", &api.ada()).await.expect(204);
    api.get("/repos/ada/sops", &api.ada()).await.expect(404);
    api.delete("/repos/ada/sops", &api.ada()).await.expect(404);
    api.repository("ada", "sops", false).await;
    api.finish().await;
}

#[tokio::test]
async fn lists_hold_what_the_caller_may_see() {
    let api = Api::start().await;
    for name in ["one", "two", "three"] {
        api.repository("ada", name, false).await;
    }
    api.repository("ada", "secret", true).await;
    api.repository("bob", "bobs", true).await;
    api.put("/repos/bob/bobs/collaborators/ada", &api.bob(), json!({})).await.expect(204);
    let own = api.get("/user/repos", &api.ada()).await.expect(200);
    assert_eq!(own.names(), ["one", "two", "three", "secret", "bobs"]);
    assert_eq!(own.json[4]["permissions"], json!({ "admin": false, "push": true, "pull": true }));
    api.get("/user/repos", "").await.expect(401);
    let page = api.get("/user/repos?limit=2&page=2", &api.ada()).await.expect(200);
    assert_eq!(
        (page.names(), page.header("x-total-count")),
        (vec!["three".to_owned(), "secret".to_owned()], "5".to_owned())
    );
    assert_eq!(page.link_rels(), ["next", "last", "first", "prev"]);
    assert_eq!(api.get("/users/ada/repos", "").await.expect(200).names(), ["one", "two", "three"]);
    assert_eq!(api.get("/users/ada/repos", &api.ada()).await.expect(200).names(), ["one", "two", "three", "secret"]);
    assert_eq!(api.get("/users/ada/repos?page=9", "").await.expect(200).json, json!([]));
    api.get("/users/nobody/repos", "").await.expect(404);
    api.finish().await;
}

#[tokio::test]
async fn administrators_make_repositories_for_others() {
    let api = Api::start().await;
    let body = json!({ "name": "given" });
    api.post("/admin/users/ada/repos", "", body.clone()).await.expect(401);
    api.post("/admin/users/ada/repos", &api.bob(), body.clone()).await.expect(403);
    let made = api.post("/admin/users/ada/repos", &api.admin(), body.clone()).await.expect(201).json;
    assert_eq!(made["full_name"], "ada/given");
    api.post("/admin/users/ada/repos", &api.admin(), body.clone()).await.expect(409);
    api.post("/admin/users/nobody/repos", &api.admin(), body).await.expect(404);
    api.finish().await;
}
