//! Texts rendered over the API: who may, in which modes, and what is looked up for whom.

use serde_json::json;

use super::Api;

#[tokio::test(flavor = "multi_thread")]
async fn modes_contexts_and_refusals() {
    let api = Api::start().await;
    let root = api.root_url();
    api.post("/markdown", "", json!({ "Text": "x" })).await.expect(401);
    let rendered = api.post("/markdown", &api.bob(), json!({ "Text": "*x* #1" })).await.expect(200);
    assert_eq!(rendered.text(), "<p><em>x</em> #1</p>\n");
    assert!(rendered.header("content-type").starts_with("text/html"));
    // Go takes names in any case.
    assert_eq!(api.post("/markdown", &api.bob(), json!({ "text": "y" })).await.expect(200).text(), "<p>y</p>\n");
    let raw = api.upload("/markdown/raw", &api.bob(), "text/plain", "# T").await.expect(200);
    assert_eq!(raw.text(), "<h1 id=\"user-content-t\">T</h1>\n");
    let refused = api.post("/markup", &api.bob(), json!({ "Text": "x", "Mode": "html" })).await.expect(422);
    assert_eq!(refused.json["message"], "Unknown mode: html");
    let body = json!({ "Text": "x", "Mode": "file", "FilePath": "a.svg" });
    api.post("/markup", &api.bob(), body).await.expect(422);
    let body = json!({ "Text": "[a](b.md)", "Mode": "file", "FilePath": "doc/x.md", "Context": "/ada/sops/src/branch/main/doc" });
    let file = api.post("/markup", &api.bob(), body).await.expect(200);
    assert!(file.text().contains(&format!("href=\"{root}ada/sops/src/branch/main/doc/b.md\"")), "{}", file.text());
    let large = "x".repeat((1 << 20) + 1);
    api.upload("/markdown/raw", &api.bob(), "text/plain", &large).await.expect(413);
    api.post("/markdown", &api.bob(), json!({ "Text": large })).await.expect(413);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_caller_may_see_is_linked() {
    let api = Api::start().await;
    let body = json!({ "name": "secret", "private": true, "auto_init": true });
    api.post("/user/repos", &api.ada(), body).await.expect(201);
    let commit = api.get("/repos/ada/secret/branches/main", &api.ada()).await.expect(200).json["commit"]["id"].clone();
    let commit = commit.as_str().unwrap();
    api.patch("/admin/users/ada", &api.admin(), json!({ "visibility": "private", "source_id": 0, "login_name": "" }))
        .await
        .expect(200);
    let absent = "f".repeat(40);
    let text = format!("@ada @bob @nobody {commit} {} {absent} #1", &commit[..8]);
    let body = json!({ "Text": text, "Mode": "comment", "Context": "/ada/secret" });
    let own = api.post("/markdown", &api.ada(), body.clone()).await.expect(200);
    assert_eq!(own.text().matches("class=\"mention\"").count(), 2, "{}", own.text());
    assert_eq!(own.text().matches("class=\"commit\"").count(), 2, "{}", own.text());
    assert!(
        own.text().contains("/ada/secret/issues/1\"") && own.text().contains(&format!("{absent} ")),
        "{}",
        own.text()
    );
    let stranger = api.post("/markdown", &api.bob(), body).await.expect(200);
    assert_eq!(stranger.text().matches("<a ").count(), 1, "bob alone is linked: {}", stranger.text());
    api.finish().await;
}
