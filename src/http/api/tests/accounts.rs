//! `/user`, `/users`, `/admin/users` and sudo.

use serde_json::{Value, json};

use super::{Api, basic};

#[tokio::test]
async fn version_needs_nobody_and_checks_credentials_all_the_same() {
    let api = Api::start().await;
    let shown = api.get("/version", "").await.expect(200);
    assert!(shown.json["version"].as_str().unwrap().starts_with("1.27.0+atomicqms-"));
    let refused = api.get("/version", "token 0123456789012345678901234567890123456789").await.expect(401);
    assert_eq!(refused.json["message"], "invalid username, password or token");
    assert_eq!(refused.json["url"], format!("{}api/swagger", api.root_url()));
    api.get("/version", &basic("ada", "wrong")).await.expect(401);
    api.finish().await;
}

#[tokio::test]
async fn own_account_shows_private_fields_and_strangers_do_not_see_them() {
    let api = Api::start().await;
    let own = api.get("/user", &api.ada()).await.expect(200).json;
    assert_eq!((own["login"].as_str(), own["username"].as_str()), (Some("ada"), Some("ada")));
    assert_eq!((own["email"].as_str(), own["active"].as_bool()), (Some("ada@example.org"), Some(true)));
    assert_eq!(own["html_url"], format!("{}ada", api.root_url()));
    api.get("/user", "").await.expect(401);

    let anonymous = api.get("/users/ada", "").await.expect(200).json;
    assert_eq!(anonymous["email"], format!("ada@noreply.{}", api.host()));
    assert_eq!(anonymous["active"], false);
    let signed_in = api.get("/users/ADA", &api.bob()).await.expect(200).json;
    assert_eq!((signed_in["login"].as_str(), signed_in["email"].as_str()), (Some("ada"), Some("ada@example.org")));
    assert_eq!(api.get("/users/admin", &api.bob()).await.expect(200).json["is_admin"], false);
    assert_eq!(api.get("/users/admin", &api.admin()).await.expect(200).json["is_admin"], true);
    api.get("/users/nobody", &api.admin()).await.expect(404);
    api.get("/users/no..body", &api.admin()).await.expect(404);
    api.finish().await;
}

#[tokio::test]
async fn user_search_pages_and_hides() {
    let api = Api::start().await;
    let hidden =
        json!({ "username": "ghosty", "email": "g@example.org", "password": "correct horse", "visibility": "private" });
    api.post("/admin/users", &api.admin(), hidden).await.expect(201);
    let all = api.get("/users/search", "").await.expect(200);
    assert_eq!(all.json["ok"], true);
    assert_eq!(all.logins_in("data"), ["ada", "admin", "bob"]);
    assert_eq!(all.header("x-total-count"), "3");
    assert_eq!(api.get("/users/search?q=ADA", "").await.expect(200).logins_in("data"), ["ada"]);
    assert_eq!(api.get("/users/search", &api.admin()).await.expect(200).header("x-total-count"), "4");
    let second = api.get("/users/search?limit=2&page=2", "").await.expect(200);
    assert_eq!(second.logins_in("data"), ["bob"]);
    assert!(second.header("link").contains("rel=\"prev\""), "{}", second.header("link"));
    let past = api.get("/users/search?page=99", "").await.expect(200);
    assert_eq!(past.json["data"], json!([]));
    api.get("/users/ghosty", &api.ada()).await.expect(404);
    api.finish().await;
}

#[tokio::test]
async fn administrators_make_change_and_delete_accounts() {
    let api = Api::start().await;
    let body = json!({ "username": "eve", "email": "eve@example.org", "password": "correct horse", "full_name": "Eve",
        "must_change_password": false });
    api.post("/admin/users", "", body.clone()).await.expect(401);
    api.post("/admin/users", &api.ada(), body.clone()).await.expect(403);
    let made = api.post("/admin/users", &api.admin(), body.clone()).await.expect(201).json;
    assert_eq!((made["login"].as_str(), made["full_name"].as_str()), (Some("eve"), Some("Eve")));
    api.get("/user", &basic("eve", "correct horse")).await.expect(200);

    api.post("/admin/users", &api.admin(), body).await.expect(422);
    let same_mail = json!({ "username": "eve2", "email": "EVE@example.org", "password": "correct horse" });
    api.post("/admin/users", &api.admin(), same_mail).await.expect(422);
    let short = json!({ "username": "eve3", "email": "e3@example.org", "password": "short" });
    api.post("/admin/users", &api.admin(), short).await.expect(400);
    let reserved = json!({ "username": "api", "email": "e4@example.org", "password": "correct horse" });
    api.post("/admin/users", &api.admin(), reserved).await.expect(422);
    let unnamed = api.post("/admin/users", &api.admin(), json!({ "email": "e5@example.org" })).await.expect(422);
    assert_eq!(unnamed.json["message"], "[Username]: Required");

    let patch = json!({ "source_id": 0, "login_name": "eve", "full_name": "Eve E.", "email": "e@example.org", "active": false });
    api.patch("/admin/users/eve", &api.ada(), patch.clone()).await.expect(403);
    let edited = api.patch("/admin/users/eve", &api.admin(), patch).await.expect(200).json;
    assert_eq!((edited["full_name"].as_str(), edited["active"].as_bool()), (Some("Eve E."), Some(false)));
    api.get("/user", &basic("eve", "correct horse")).await.expect(401);
    api.patch("/admin/users/eve", &api.admin(), json!({ "email": "bob@example.org" })).await.expect(400);
    api.patch("/admin/users/nobody", &api.admin(), json!({})).await.expect(404);

    api.delete("/admin/users/eve", &api.ada()).await.expect(403);
    api.delete("/admin/users/eve?purge=true", &api.admin()).await.expect(422);
    api.delete("/admin/users/eve", &api.admin()).await.expect(204);
    api.get("/users/eve", &api.admin()).await.expect(404);
    api.delete("/admin/users/eve", &api.admin()).await.expect(404);
    api.delete("/admin/users/admin", &api.admin()).await.expect_any(&[403, 422]);
    api.finish().await;
}

#[tokio::test]
async fn the_list_of_accounts_filters_sorts_and_pages() {
    let api = Api::start().await;
    api.get("/admin/users", "").await.expect(401);
    api.get("/admin/users", &api.ada()).await.expect(403);
    let list = api.get("/admin/users", &api.admin()).await.expect(200);
    assert_eq!(list.logins(), ["ada", "admin", "bob"]);
    let newest = api.get("/admin/users?sort=id&order=desc", &api.admin()).await.expect(200);
    assert_eq!(newest.logins().first().map(String::as_str), Some("bob"));
    assert_eq!(api.get("/admin/users?is_admin=true", &api.admin()).await.expect(200).logins(), ["admin"]);
    let page = api.get("/admin/users?limit=1&page=2", &api.admin()).await.expect(200);
    assert_eq!((page.logins(), page.header("x-total-count")), (vec!["admin".to_owned()], "3".to_owned()));
    let rels = page.link_rels();
    assert_eq!(rels, ["next", "last", "first", "prev"]);
    api.get("/admin/users?sort=height", &api.admin()).await.expect(422);
    assert_eq!(api.get("/admin/users?page=7", &api.admin()).await.expect(200).json, json!([]));
    api.finish().await;
}

#[tokio::test]
async fn sudo_is_for_administrators() {
    let api = Api::start().await;
    let seen = api.get("/user?sudo=ada", &api.admin()).await.expect(200).json;
    assert_eq!(seen["login"], "ada");
    let refused = api.get("/user?sudo=admin", &api.ada()).await.expect(403);
    assert_eq!(refused.json["message"], "Only administrators allowed to sudo.");
    api.get("/user?sudo=nobody", &api.admin()).await.expect(404);
    let by_header = api.get_with("/user", &api.admin(), &[("Sudo", "bob")]).await.expect(200).json;
    assert_eq!(by_header["login"], "bob");
    let made = api.post("/user/repos?sudo=ada", &api.admin(), json!({ "name": "made-for-ada" })).await.expect(201).json;
    assert_eq!(made["full_name"], "ada/made-for-ada");
    api.finish().await;
}

#[tokio::test]
async fn an_account_may_own_so_many_repositories_and_make_organizations_or_not() {
    let api = Api::start().await;
    let (admin, bob) = (api.admin(), api.bob());
    let allow = async |body: Value, status| {
        api.patch("/admin/users/bob", &admin, body).await.expect(status);
    };
    let make = async |name: &str, status| {
        api.post("/user/repos", &bob, json!({ "name": name })).await.named(name).expect(status);
    };
    make("one", 201).await;
    allow(json!({ "max_repo_creation": -2 }), 422).await;
    allow(json!({ "max_repo_creation": 1 }), 200).await;
    make("two", 422).await;
    // Nor in another way.
    api.repository("ada", "sop", false).await;
    api.post("/repos/ada/sop/forks", &bob, json!({})).await.expect(422);
    api.post("/repos/ada/sop/transfer", &api.ada(), json!({ "new_owner": "bob" })).await.expect(202);
    api.post("/repos/ada/sop/transfer/accept", &bob, json!({})).await.expect(403);
    // An administrator may make one all the same; what is not said stays as it is.
    api.post("/admin/users/bob/repos", &admin, json!({ "name": "given" })).await.expect(201);
    allow(json!({ "full_name": "Bob" }), 200).await;
    make("two", 422).await;
    api.delete("/repos/bob/given", &bob).await.expect(204);
    allow(json!({ "max_repo_creation": 2 }), 200).await;
    make("two", 201).await;
    make("three", 422).await;
    allow(json!({ "max_repo_creation": -1 }), 200).await;
    make("three", 201).await;
    allow(json!({ "max_repo_creation": 0 }), 200).await;
    make("four", 422).await;

    let organize = async |name: &str, status| {
        api.post("/orgs", &bob, json!({ "username": name })).await.named(name).expect(status);
    };
    organize("acme", 201).await;
    allow(json!({ "allow_create_organization": false }), 200).await;
    organize("labs", 403).await;
    api.post("/admin/users/bob/orgs", &admin, json!({ "username": "labs" })).await.expect(201);
    allow(json!({ "allow_create_organization": true }), 200).await;
    organize("plant", 201).await;
    let said = api.events("user.edit").await;
    let numbers: Vec<&Value> = said.iter().map(|event| &event["after"]["max_repositories"]).collect();
    assert_eq!(
        numbers,
        [&json!(1), &Value::Null, &json!(2), &Value::Null, &json!(0), &json!(0), &json!(0)],
        "{said:?}"
    );
    api.finish().await;
}
