//! Stars and watches: set, removed, counted, listed from both sides and searched by.

use serde_json::json;

use super::Api;

#[tokio::test(flavor = "multi_thread")]
async fn stars_are_set_counted_listed_and_searched_by() {
    let api = Api::start().await;
    for name in ["few", "many", "none"] {
        api.repository("ada", name, false).await;
    }
    let names = |answer: &serde_json::Value| -> Vec<String> {
        let rows = answer.as_array().unwrap_or_else(|| answer["data"].as_array().unwrap());
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    api.get("/user/starred/ada/few", &api.bob()).await.expect(404);
    for (who, repo) in [(api.bob(), "few"), (api.bob(), "many"), (api.ada(), "many"), (api.ada(), "many")] {
        api.put(&format!("/user/starred/ada/{repo}"), &who, json!({})).await.expect(204);
    }
    api.get("/user/starred/ada/few", &api.bob()).await.expect(204);
    assert_eq!(api.get("/repos/ada/many", "").await.expect(200).json["stars_count"], 2);
    let gazers = api.get("/repos/ada/many/stargazers?limit=1", "").await.expect(200);
    assert_eq!((gazers.json[0]["login"].clone(), gazers.header("x-total-count")), (json!("ada"), "2".to_owned()));
    let own = api.get("/user", &api.bob()).await.expect(200).json;
    assert_eq!(own["starred_repos_count"], 2);
    let mut starred = names(&api.get("/users/bob/starred", "").await.expect(200).json);
    starred.sort();
    assert_eq!(starred, ["few", "many"]);
    let sorted = api.get("/repos/search?sort=stars&order=desc", "").await.expect(200).json;
    assert_eq!(names(&sorted), ["many", "few", "none"]);
    let found = api.get(&format!("/repos/search?starredBy={}", own["id"]), "").await.expect(200).json;
    assert_eq!(names(&found), ["few", "many"]);

    api.delete("/user/starred/ada/few", &api.bob()).await.expect(204);
    api.delete("/user/starred/ada/few", &api.bob()).await.expect(204);
    assert_eq!(names(&api.get("/user/starred", &api.bob()).await.expect(200).json), ["many"]);
    api.put("/user/starred/ada/few", "", json!({})).await.expect(401);
    api.put("/user/starred/ada/absent", &api.bob(), json!({})).await.expect(404);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_begin_with_the_maker_and_can_end() {
    let api = Api::start().await;
    api.repository("ada", "sop", false).await;
    let watch = api.get("/repos/ada/sop/subscription", &api.ada()).await.expect(200).json;
    assert_eq!(
        (&watch["subscribed"], &watch["ignored"], &watch["reason"]),
        (&json!(true), &json!(false), &json!(null))
    );
    assert!(watch["url"].as_str().unwrap().ends_with("/api/v1/repos/ada/sop/subscription"));
    api.get("/repos/ada/sop/subscription", &api.bob()).await.expect(404);
    api.put("/repos/ada/sop/subscription", &api.bob(), json!({})).await.expect(200);
    assert_eq!(api.get("/repos/ada/sop", "").await.expect(200).json["watchers_count"], 2);
    assert_eq!(api.get("/repos/ada/sop/subscribers", "").await.expect(200).json[1]["login"], "bob");
    assert_eq!(api.get("/users/bob/subscriptions", "").await.expect(200).json[0]["name"], "sop");
    api.delete("/repos/ada/sop/subscription", &api.bob()).await.expect(204);
    assert_eq!(api.get("/user/subscriptions", &api.bob()).await.expect(200).json, json!([]));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_may_no_longer_see_is_in_no_list() {
    let api = Api::start().await;
    api.repository("ada", "secret", true).await;
    let level = json!({ "permission": "read" });
    api.put("/repos/ada/secret/collaborators/bob", &api.ada(), level).await.expect(204);
    api.put("/user/starred/ada/secret", &api.bob(), json!({})).await.expect(204);
    api.put("/repos/ada/secret/subscription", &api.bob(), json!({})).await.expect(200);
    assert_eq!(api.get("/users/bob/starred", "").await.expect(200).json, json!([]), "nobody else sees it");
    api.delete("/repos/ada/secret/collaborators/bob", &api.ada()).await.expect(204);
    for list in ["/user/starred", "/user/subscriptions"] {
        let answer = api.get(list, &api.bob()).await.expect(200);
        assert_eq!((answer.json.clone(), answer.header("x-total-count")), (json!([]), "0".to_owned()), "{list}");
    }
    api.get("/user/starred/ada/secret", &api.bob()).await.expect(404);
    api.put("/repos/ada/secret/subscription", &api.bob(), json!({})).await.expect(404);

    // An account that hides is found neither by what it starred nor among those who did.
    api.repository("ada", "open", false).await;
    api.put("/user/starred/ada/open", &api.bob(), json!({})).await.expect(204);
    let id = api.get("/user", &api.bob()).await.expect(200).json["id"].clone();
    let hidden = json!({ "visibility": "private", "source_id": 0, "login_name": "" });
    api.patch("/admin/users/bob", &api.admin(), hidden).await.expect(200);
    for who in ["".to_owned(), api.ada()] {
        assert_eq!(api.get("/repos/ada/open/stargazers", &who).await.expect(200).json, json!([]));
        let found = api.get(&format!("/repos/search?starredBy={id}"), &who).await.expect(200).json;
        assert_eq!(found["data"], json!([]));
        api.get("/users/bob/starred", &who).await.expect(404);
    }
    api.finish().await;
}
