//! Followers: followed, counted, listed from both sides; who hides is in nobody's list.

use serde_json::json;

use super::Api;

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_followed_counted_and_listed_from_both_sides() {
    let api = Api::start().await;
    for name in ["cleo", "dora"] {
        api.account(name).await;
    }
    for who in ["bob", "cleo", "dora"] {
        api.put("/user/following/ada", &api.header_of(who), json!({})).await.expect(204);
    }
    api.put("/user/following/ADA", &api.bob(), json!({})).await.expect(204);
    api.put("/user/following/bob", &api.ada(), json!({})).await.expect(204);
    let page = api.get("/users/ada/followers?limit=2", "").await.expect(200);
    assert_eq!((page.logins(), page.header("x-total-count")), (vec!["bob".into(), "cleo".into()], "3".into()));
    assert_eq!(page.link_rels(), ["next", "last"]);
    assert_eq!(api.get("/user/followers", &api.ada()).await.expect(200).logins(), ["bob", "cleo", "dora"]);
    assert_eq!(api.get("/user/following", &api.ada()).await.expect(200).logins(), ["bob"]);
    assert_eq!(api.get("/users/bob/following", "").await.expect(200).logins(), ["ada"]);
    for (path, who) in [("/user", api.ada()), ("/users/ada", String::new())] {
        let user = api.get(path, &who).await.expect(200).json;
        assert_eq!((&user["followers_count"], &user["following_count"]), (&json!(3), &json!(1)), "{path}");
    }
    api.get("/user/following/ada", &api.bob()).await.expect(204);
    api.get("/user/following/cleo", &api.bob()).await.expect(404);
    api.get("/users/bob/following/ada", "").await.expect(204);
    api.get("/users/ada/following/cleo", "").await.expect(404);
    api.get("/users/ada/following/nobody", "").await.expect(404);
    for _ in 0..2 {
        api.delete("/user/following/ada", &api.bob()).await.expect(204);
    }
    assert_eq!(api.get("/users/ada/followers", "").await.expect(200).logins(), ["cleo", "dora"]);
    assert_eq!(api.events("follow.add").await.len(), 4);
    assert_eq!(api.events("follow.remove").await.len(), 1);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_followed_is_refused() {
    let api = Api::start().await;
    api.post("/orgs", &api.ada(), json!({ "username": "acme" })).await.expect(201);
    for (path, who, status) in [
        ("/user/following/ada", api.ada(), 422),
        ("/user/following/acme", api.bob(), 404),
        ("/user/following/nobody", api.bob(), 404),
        ("/user/following/-bad-", api.bob(), 404),
        ("/user/following/ada", String::new(), 401),
        ("/user/following/ada", api.token("bob", &["read:user"]).await, 403),
    ] {
        api.put(path, &who, json!({})).await.named(&format!("{path} by {who}")).expect(status);
    }
    api.get("/users/acme/followers", "").await.expect(404);
    // A former name leads on, wherever it stands.
    api.put("/user/following/ada", &api.bob(), json!({})).await.expect(204);
    api.post("/admin/users/ada/rename", &api.admin(), json!({ "new_username": "ada-2" })).await.expect(204);
    for path in ["/user/following/ada", "/users/bob/following/ada"] {
        let moved = api.get(path, &api.bob()).await;
        assert_eq!(moved.status(), 307, "{path}");
        assert!(moved.header("location").ends_with("following/ada-2"), "{}", moved.header("location"));
    }
    api.finish().await;
}

/// Whoever hides is found by nobody but administrators and itself.
#[tokio::test(flavor = "multi_thread")]
async fn who_hides_is_in_no_list_of_others() {
    let api = Api::start().await;
    api.account("canary").await;
    let canary = api.header_of("canary");
    api.put("/user/following/ada", &canary, json!({})).await.expect(204);
    api.put("/user/following/canary", &api.ada(), json!({})).await.expect(204);
    let hidden = json!({ "visibility": "private", "source_id": 0, "login_name": "" });
    api.patch("/admin/users/canary", &api.admin(), hidden).await.expect(200);
    for who in [String::new(), api.ada(), api.bob()] {
        for list in ["/users/ada/followers", "/users/ada/following"] {
            let answer = api.get(list, &who).await.expect(200);
            assert!(!answer.text().contains("canary"), "{list}");
            assert_eq!(answer.header("x-total-count"), "0", "{list}");
        }
        let user = api.get("/users/ada", &who).await.expect(200).json;
        assert_eq!((&user["followers_count"], &user["following_count"]), (&json!(0), &json!(0)));
        for path in ["/users/canary/followers", "/users/canary/following", "/users/ada/following/canary"] {
            api.get(path, &who).await.named(path).expect(404);
        }
    }
    for (method, path) in
        [("GET", "/user/following/canary"), ("PUT", "/user/following/canary"), ("DELETE", "/user/following/canary")]
    {
        api.ask(method, path, &api.ada(), None).await.expect(404);
    }
    for method in ["GET", "PUT", "DELETE"] {
        api.ask(method, "/user/blocks/canary", &api.bob(), None).await.expect(404);
    }
    assert_eq!(api.get("/users/ada/followers", &api.admin()).await.expect(200).logins(), ["canary"]);
    assert_eq!(api.get("/user/following", &canary).await.expect(200).logins(), ["ada"]);
    api.finish().await;
}
