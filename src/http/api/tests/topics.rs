//! Topics of repositories and the search by them.

use serde_json::{Value, json};

use super::Api;

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_set_added_removed_and_shown() {
    let api = Api::start().await;
    api.repository("ada", "sop", false).await;
    let at = "/repos/ada/sop/topics";
    assert_eq!(api.get(at, "").await.expect(200).json, json!({ "topics": [] }));
    api.put(at, &api.ada(), json!({ "topics": [" GxP", "sop", "", "gxp"] })).await.expect(204);
    let list = api.get(&format!("{at}?limit=1"), "").await.expect(200);
    assert_eq!((list.json.clone(), list.header("x-total-count")), (json!({ "topics": ["gxp"] }), "2".to_owned()));
    api.put(&format!("{at}/Audit"), &api.ada(), json!({})).await.expect(204);
    api.put(&format!("{at}/audit"), &api.ada(), json!({})).await.expect(204);
    api.delete(&format!("{at}/gxp"), &api.ada()).await.expect(204);
    api.delete(&format!("{at}/gxp"), &api.ada()).await.expect(404);
    assert_eq!(api.get("/repos/ada/sop", "").await.expect(200).json["topics"], json!(["audit", "sop"]));
    api.put(at, &api.bob(), json!({ "topics": [] })).await.expect(403);
    api.put(at, "", json!({ "topics": [] })).await.expect(401);

    let refused = api.put(at, &api.ada(), json!({ "topics": ["ok", "not ok", "-x"] })).await.expect(422).json;
    assert_eq!(refused["invalidTopics"], json!(["not ok", "-x"]));
    assert_eq!(refused["message"], "Topic names are invalid");
    let refused = api.put(&format!("{at}/a_b"), &api.ada(), json!({})).await.expect(422).json;
    assert_eq!((&refused["invalidTopics"], &refused["message"]), (&json!("a_b"), &json!("Topic name is invalid")));
    let many: Vec<String> = (0..26).map(|number| format!("t{number}")).collect();
    let refused = api.put(at, &api.ada(), json!({ "topics": many })).await.expect(422).json;
    assert_eq!(refused["invalidTopics"], Value::Null);
    assert_eq!(api.get("/repos/ada/sop", "").await.expect(200).json["topics"], json!(["audit", "sop"]));
    api.put(at, &api.ada(), json!({ "topics": many[..25] })).await.expect(204);
    api.put(&format!("{at}/t3"), &api.ada(), json!({})).await.expect(204);
    api.put(&format!("{at}/t25"), &api.ada(), json!({})).await.expect(422);

    api.patch("/repos/ada/sop", &api.ada(), json!({ "archived": true })).await.expect(200);
    api.put(at, &api.ada(), json!({ "topics": [] })).await.expect(423);
    api.delete("/repos/ada/sop", &api.ada()).await.expect(204);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_of_hidden_repositories_are_not_found() {
    let api = Api::start().await;
    api.repository("ada", "open", false).await;
    api.repository("ada", "secret", true).await;
    api.put("/repos/ada/open/topics", &api.ada(), json!({ "topics": ["sop"] })).await.expect(204);
    api.put("/repos/ada/secret/topics", &api.ada(), json!({ "topics": ["sop", "sop-merger"] })).await.expect(204);
    for (who, expected) in [
        (String::new(), json!([["sop", 1]])),
        (api.bob(), json!([["sop", 1]])),
        (api.ada(), json!([["sop", 2], ["sop-merger", 1]])),
    ] {
        let found = api.get("/topics/search?q=SOP", &who).await.expect(200);
        let topics = found.json["topics"].as_array().unwrap();
        let shown: Vec<Value> = topics.iter().map(|topic| json!([topic["topic_name"], topic["repo_count"]])).collect();
        assert_eq!(json!(shown), expected);
        assert_eq!(found.header("x-total-count"), shown.len().to_string());
        let beyond = api.get("/topics/search?q=SOP&limit=1&page=9", &who).await.expect(200);
        assert_eq!((&beyond.json["topics"], beyond.header("x-total-count")), (&json!([]), shown.len().to_string()));
    }
    for (who, words, expected) in [
        (api.bob(), "sop", json!(["open"])),
        (api.ada(), "SOP", json!(["open", "secret"])),
        (api.ada(), "sop-merger,none", json!(["secret"])),
        (api.bob(), "sop-merger", json!([])),
        (api.ada(), "so", json!([])),
        (api.ada(), "%25", json!([])),
        (api.ada(), ",", json!([])),
    ] {
        let found = api.get(&format!("/repos/search?topic=true&q={words}"), &who).await.expect(200).json;
        let names: Vec<&Value> = found["data"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(json!(names), expected, "{words}");
    }
    api.finish().await;
}
