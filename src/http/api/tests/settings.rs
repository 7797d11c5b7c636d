//! What the server says of itself, and a token of itself.

use serde_json::json;

use super::Api;

#[tokio::test]
async fn settings_are_public_and_say_what_holds() {
    let api = Api::start().await;
    let limits = api.get("/settings/api", "").await.expect(200).json;
    assert_eq!((limits["max_response_items"].as_i64(), limits["default_paging_num"].as_i64()), (Some(50), Some(30)));
    let files = api.get("/settings/attachment", "").await.expect(200).json;
    assert_eq!(
        (files["enabled"].as_bool(), files["max_size"].as_i64(), files["max_files"].as_i64()),
        (Some(true), Some(2048), Some(5))
    );
    assert!(files["allowed_types"].as_str().unwrap().contains(".pdf"));
    assert_eq!(api.get("/settings/repository", "").await.expect(200).json["http_git_disabled"], false);
    assert_eq!(api.get("/settings/ui", "").await.expect(200).json["custom_emojis"], json!([]));
    api.get("/settings/nothing", "").await;
    api.finish().await;
}

#[tokio::test]
async fn a_token_may_look_at_itself_and_give_itself_up() {
    let api = Api::start().await;
    let token = api.token("ada", &["read:misc"]).await;
    let seen = api.get("/token", &token).await.expect(200).json;
    assert_eq!((seen["name"].as_str(), &seen["scopes"]), (Some("read:misc"), &json!(["read:misc"])));
    assert_eq!(seen["user"]["login"], "ada");
    assert!(seen.get("sha1").is_none());
    api.get("/token", "").await.expect(401);
    api.get("/token", &api.ada()).await.expect(404);
    api.delete("/token", &api.ada()).await.expect(404);
    let other = api.token("ada", &["all"]).await;
    api.delete("/token", &token).await.expect(204);
    api.get("/token", &token).await.expect(401);
    api.get("/token", &other).await.expect(200);
    assert_eq!(api.get("/users/ada/tokens", &api.ada()).await.expect(200).names(), ["all"]);
    api.finish().await;
}
