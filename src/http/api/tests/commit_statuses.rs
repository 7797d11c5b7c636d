//! Statuses of commits: told, listed, combined, refused.

use serde_json::json;

use super::Api;

const REPO: &str = "/repos/ada/sop";

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_each_context_counts() {
    let api = Api::start().await;
    api.post("/user/repos", &api.ada(), json!({ "name": "sop", "auto_init": true })).await.expect(201);
    let branch = api.get(&format!("{REPO}/branches/main"), &api.ada()).await.expect(200).json;
    let sha = branch["commit"]["id"].as_str().unwrap().to_owned();
    let combined = api.get(&format!("{REPO}/commits/main/status"), "").await.expect(200).json;
    assert_eq!(
        (&combined["state"], &combined["total_count"], &combined["sha"]),
        (&json!("pending"), &json!(0), &json!(sha))
    );

    for (state, context) in [("pending", "lint"), ("success", "lint"), ("success", ""), ("failure", "sign")] {
        let body =
            json!({ "state": state, "context": context, "target_url": "https://ci.example.org/1", "description": "d" });
        let made = api.post(&format!("{REPO}/statuses/{sha}"), &api.ada(), body).await.expect(201).json;
        assert_eq!((&made["status"], &made["creator"]["login"]), (&json!(state), &json!("ada")));
        assert!(made["url"].as_str().unwrap().ends_with(&format!("/api/v1{REPO}/statuses/{sha}")));
    }
    let combined = api.get(&format!("{REPO}/commits/main/status"), "").await.expect(200).json;
    assert_eq!((&combined["state"], &combined["total_count"]), (&json!("failure"), &json!(3)));
    let contexts: Vec<_> = combined["statuses"].as_array().unwrap().iter().map(|row| row["context"].clone()).collect();
    assert_eq!(contexts, ["sign", "default", "lint"]);
    assert_eq!(combined["repository"]["full_name"], "ada/sop");
    let good = json!({ "state": "success", "context": "sign" });
    api.post(&format!("{REPO}/statuses/main"), &api.ada(), good).await.expect(201);
    assert_eq!(api.get(&format!("{REPO}/commits/{sha}/status"), "").await.expect(200).json["state"], "success");

    let all = api.get(&format!("{REPO}/commits/main/statuses?sort=oldest&limit=2"), "").await.expect(200);
    assert_eq!((all.json[0]["status"].clone(), all.header("x-total-count")), (json!("pending"), "5".to_owned()));
    let good = api.get(&format!("{REPO}/statuses/{sha}?state=success"), "").await.expect(200);
    assert_eq!(good.json.as_array().unwrap().len(), 3);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_statuses_are_refused_and_leave_nothing() {
    let api = Api::start().await;
    api.post("/user/repos", &api.ada(), json!({ "name": "sop", "auto_init": true })).await.expect(201);
    let at = format!("{REPO}/statuses/main");
    let long = "x".repeat(256);
    for (body, status) in [
        (json!({}), 400),
        (json!({ "state": "fine" }), 400),
        (json!({ "state": "success", "target_url": "javascript:alert(1)" }), 422),
        (json!({ "state": "success", "context": long }), 422),
        (json!({ "state": "success", "description": "\u{0}" }), 422),
    ] {
        api.post(&at, &api.ada(), body).await.expect(status);
    }
    let good = || json!({ "state": "success" });
    api.post(&format!("{REPO}/statuses/absent"), &api.ada(), good()).await.expect(404);
    api.post(&format!("{REPO}/statuses/{}", "0".repeat(40)), &api.ada(), good()).await.expect(404);
    api.post(&at, &api.bob(), good()).await.expect(403);
    api.post(&at, "", good()).await.expect(401);
    api.get(&format!("{at}?sort=best"), "").await.expect(400);
    api.get(&format!("{at}?state=fine"), "").await.expect(400);
    assert_eq!(api.get(&at, "").await.expect(200).json, json!([]));
    api.patch(REPO, &api.ada(), json!({ "archived": true })).await.expect(200);
    api.post(&at, &api.ada(), good()).await.expect(423);
    api.finish().await;
}
