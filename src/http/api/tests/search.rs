//! `GET /repos/search`.

use serde_json::json;

use super::Api;

#[tokio::test]
async fn search_selects_orders_and_hides() {
    let api = Api::start().await;
    api.repository("ada", "alpha", false).await;
    api.repository("ada", "beta", true).await;
    api.repository("bob", "gamma", false).await;
    let names = async |query: &str, who: &str| {
        api.get(&format!("/repos/search?{query}"), &api.header_of(who)).await.expect(200).names_in("data")
    };
    assert_eq!(names("", "").await, ["alpha", "gamma"]);
    assert_eq!(names("", "ada").await, ["alpha", "beta", "gamma"]);
    assert_eq!(names("", "bob").await, ["alpha", "gamma"]);
    assert_eq!(names("private=false", "ada").await, ["alpha", "gamma"]);
    assert_eq!(names("is_private=true", "ada").await, ["beta"]);
    assert_eq!(names("q=ALPH", "").await, ["alpha"]);
    assert_eq!(names("q=%25", "").await, Vec::<String>::new());
    assert_eq!(names("sort=id&order=desc", "").await, ["gamma", "alpha"]);
    assert_eq!(names("order=desc", "").await, ["alpha", "gamma"]);
    assert_eq!(names("mode=fork", "").await, Vec::<String>::new());
    assert_eq!(names("starredBy=1", "").await, Vec::<String>::new());
    for bad in ["mode=x", "sort=x", "sort=id&order=x"] {
        api.get(&format!("/repos/search?{bad}"), "").await.expect(422);
    }
    let page = api.get("/repos/search?limit=1", "").await.expect(200);
    assert_eq!((page.json["ok"].as_bool(), page.header("x-total-count")), (Some(true), "2".to_owned()));
    assert_eq!(page.link_rels(), ["next", "last"]);
    assert_eq!(api.get("/repos/search?page=5", "").await.expect(200).json["data"], json!([]));
    api.finish().await;
}

#[tokio::test]
async fn search_by_user_finds_owned_and_shared() {
    let api = Api::start().await;
    let made = api.repository("ada", "alpha", false).await;
    api.repository("bob", "gamma", true).await;
    api.put("/repos/bob/gamma/collaborators/ada", &api.bob(), json!({ "permission": "read" })).await.expect(204);
    let ada = &made["owner"]["id"];
    let names = async |query: &str| {
        api.get(&format!("/repos/search?uid={ada}{query}"), &api.ada()).await.expect(200).names_in("data")
    };
    assert_eq!(names("").await, ["alpha", "gamma"]);
    assert_eq!(names("&exclusive=true").await, ["alpha"]);
    assert_eq!(names("&mode=collaborative").await, ["gamma"]);
    api.finish().await;
}
