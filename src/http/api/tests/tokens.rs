//! Access tokens: made, used within their scopes, listed, revoked.

use serde_json::json;

use super::{Api, basic};

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_deleted() {
    let api = Api::start().await;
    let body = json!({ "name": "ci", "scopes": ["write:repository", "read:user"] });
    let made = api.post("/users/ada/tokens", &api.ada(), body.clone()).await.expect(201).json;
    let secret = made["sha1"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 40);
    assert_eq!(made["token_last_eight"], secret[32..]);
    assert_eq!(made["scopes"], json!(["write:repository", "read:user"]));
    assert_eq!(made["last_used_at"], "1970-01-01T00:00:00Z");
    let again = api.post("/users/ada/tokens", &api.ada(), body).await.expect(400);
    assert_eq!(again.json["message"], "access token name has been used already");

    for header in [
        format!("token {secret}"),
        format!("Bearer {secret}"),
        format!("BEARER {secret}"),
        basic("ada", &secret),
        basic(&secret, ""),
    ] {
        assert_eq!(api.get("/user", &header).await.expect(200).json["login"], "ada", "{header}");
    }
    let by_query = api.get(&format!("/user?token={secret}"), "").await.expect(200);
    assert!(!by_query.header("x-gitea-warning").is_empty());

    let listed = api.get("/users/ada/tokens", &api.ada()).await.expect(200);
    assert_eq!((listed.json[0]["name"].as_str(), listed.json[0]["sha1"].as_str()), (Some("ci"), Some("")));
    assert_eq!(listed.header("x-total-count"), "1");
    api.delete("/users/ada/tokens/ci", &api.ada()).await.expect(204);
    api.get("/user", &format!("token {secret}")).await.expect(401);
    api.delete("/users/ada/tokens/ci", &api.ada()).await.expect(404);
    api.finish().await;
}

#[tokio::test]
async fn tokens_cannot_make_tokens_and_belong_to_their_account() {
    let api = Api::start().await;
    let secret = api.token("ada", &["all"]).await;
    let refused = api.get("/users/ada/tokens", &secret).await.expect(401);
    assert_eq!(refused.json["message"], "auth required");
    let body = json!({ "name": "x", "scopes": ["all"] });
    api.post("/users/ada/tokens", &secret, body.clone()).await.expect(401);
    api.post("/users/ada/tokens", "", body.clone()).await.expect(401);
    api.post("/users/ada/tokens", &api.bob(), body.clone()).await.expect(403);
    api.post("/users/ada/tokens", &api.admin(), body).await.expect(201);
    api.finish().await;
}

#[tokio::test]
async fn scopes_are_mandatory_known_and_enforced() {
    let api = Api::start().await;
    for scopes in [json!([]), json!(["public-only"]), json!(["repo"]), json!(["write:nothing"])] {
        let body = json!({ "name": "bad", "scopes": scopes });
        api.post("/users/ada/tokens", &api.ada(), body).await.expect(400);
    }
    let unnamed = api.post("/users/ada/tokens", &api.ada(), json!({ "scopes": ["all"] })).await.expect(422);
    assert_eq!(unnamed.json["message"], "[Name]: Required");

    let reader = api.token("ada", &["read:repository"]).await;
    api.get("/repos/search", &reader).await.expect(200);
    let refused = api.get("/user", &reader).await.expect(403).json;
    assert!(
        refused["message"].as_str().unwrap().starts_with("token does not have at least one of required scope(s)"),
        "{refused}"
    );
    api.post("/user/repos", &reader, json!({ "name": "x" })).await.expect(403);
    api.finish().await;
}

#[tokio::test]
async fn a_token_named_by_id_goes_first_and_pages_are_kept() {
    let api = Api::start().await;
    let id = |json: &serde_json::Value| json["id"].as_i64().unwrap();
    let first =
        api.post("/users/ada/tokens", &api.ada(), json!({ "name": "one", "scopes": ["all"] })).await.expect(201);
    let second =
        api.post("/users/ada/tokens", &api.ada(), json!({ "name": "two", "scopes": ["all"] })).await.expect(201);
    let page = api.get("/users/ada/tokens?limit=1&page=2", &api.ada()).await.expect(200);
    assert_eq!((page.json.as_array().unwrap().len(), page.header("x-total-count")), (1, "2".to_owned()));
    api.delete(&format!("/users/ada/tokens/{}", id(&first.json)), &api.ada()).await.expect(204);
    // Somebody else's token is not there for bob.
    api.delete(&format!("/users/bob/tokens/{}", id(&second.json)), &api.bob()).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_repository_reaches_no_other_and_nothing_beside() {
    let api = Api::start().await;
    for (name, is_private) in [("sop", true), ("other", false), ("hidden", true)] {
        let body = json!({ "name": name, "private": is_private, "auto_init": true });
        api.post("/user/repos", &api.ada(), body).await.expect(201);
    }
    let make = async |repositories: serde_json::Value| {
        let body = json!({ "name": repositories.to_string(), "scopes": ["all"], "repositories": repositories });
        api.post("/users/ada/tokens", &api.ada(), body).await
    };
    for bad in [json!([]), json!(["sop"]), json!(["ada/none"]), json!(["ada/sop", "bob/x"]), json!(["a b/c"])] {
        make(bad).await.expect(422);
    }
    let made = make(json!(["ADA/Sop"])).await.expect(201).json;
    assert_eq!(made["repositories"], json!(["ada/sop"]));
    let token = format!("token {}", made["sha1"].as_str().unwrap());
    api.get("/repos/ada/sop", &token).await.expect(200);
    api.get("/repos/ada/sop/branches", &token).await.expect(200);
    api.patch("/repos/ada/sop", &token, json!({ "description": "x" })).await.expect(200);
    for hidden in ["/repos/ada/hidden", "/repos/ada/other", "/repos/ada/other/branches"] {
        api.get(hidden, &token).await.expect(404);
    }
    assert_eq!(api.get("/user/repos", &token).await.expect(200).names(), ["sop"]);
    assert_eq!(api.get("/users/ada/repos", &token).await.expect(200).names(), ["sop"]);
    let found = api.get("/repos/search", &token).await.expect(200);
    assert_eq!((found.names_in("data"), found.header("x-total-count")), (vec!["sop".to_owned()], "1".to_owned()));
    api.get("/user", &token).await.expect(200);
    for elsewhere in ["/users/search", "/user/keys", "/orgs", "/users/ada", "/admin/users"] {
        api.get(elsewhere, &token).await.expect(403);
    }
    for (made, body) in [
        ("/user/repos", json!({ "name": "new" })),
        ("/orgs", json!({ "username": "acme" })),
        ("/user/keys", json!({ "title": "t", "key": "k" })),
    ] {
        api.post(made, &token, body).await.expect(403);
    }
    let secret = made["sha1"].as_str().unwrap();
    let url = |name: &str| api.git_url("ada", name).replace("correct%20horse%20staple", secret);
    let dir = tempfile::TempDir::new().unwrap();
    super::git::git(dir.path(), &["clone", "--quiet", &url("ada/sop")]).await;
    let at = dir.path().join("sop");
    super::git::git(&at, &["commit", "--quiet", "--allow-empty", "-m", "Two"]).await;
    super::git::git(&at, &["push", "--quiet", "origin", "HEAD"]).await;
    assert!(
        super::git::fails(dir.path(), &["ls-remote", &url("ada/hidden")]).await,
        "the account's, and not the token's"
    );
    let listed = api.get("/users/ada/tokens", &api.ada()).await.expect(200).json;
    assert_eq!(listed[0]["repositories"], json!(["ada/sop"]));
    api.delete("/repos/ada/sop", &api.ada()).await.expect(204);
    api.get("/repos/ada/other", &token).await.expect(404);
    assert_eq!(
        api.get("/repos/search", &token).await.expect(200).json["data"],
        json!([]),
        "a limit outlives what it named"
    );
    api.finish().await;
}
