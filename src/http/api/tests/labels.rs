//! Labels of repositories and organizations, and sets of labels for new repositories.

use serde_json::{Value, json};

use super::Api;

fn label(name: &str) -> Value {
    json!({ "name": name, "color": "#0ab", "description": "d", "exclusive": true })
}

#[tokio::test]
async fn labels_of_a_repository_are_kept_by_those_who_write_in_issues() {
    let api = Api::start().await;
    api.repository("ada", "sop", false).await;
    let labels = "/repos/ada/sop/labels";
    api.post(labels, "", label("kind/bug")).await.expect(401);
    api.post(labels, &api.bob(), label("kind/bug")).await.expect(403);
    let made = api.post(labels, &api.ada(), label("kind/bug")).await.expect(201).json;
    let id = made["id"].as_i64().unwrap();
    assert_eq!(
        made,
        json!({ "id": id, "name": "kind/bug", "exclusive": true, "is_archived": false, "color": "00aabb", "description": "d",
            "url": format!("{}api/v1/repos/ada/sop/labels/{id}", api.root_url()) })
    );
    for (name, body) in [
        ("taken", label("KIND/bug")),
        ("no name", json!({ "color": "00aabb" })),
        ("blank name", json!({ "name": "  ", "color": "00aabb" })),
        ("no color", json!({ "name": "x" })),
        ("bad color", json!({ "name": "x", "color": "red" })),
        ("control", json!({ "name": "x\u{7}", "color": "fff" })),
        ("long", json!({ "name": "x".repeat(256), "color": "fff" })),
    ] {
        api.post(labels, &api.ada(), body).await.named(name).expect(422);
    }
    let one = format!("{labels}/{id}");
    assert_eq!(api.get(&one, "").await.expect(200).json["name"], "kind/bug");
    let patched =
        api.patch(&one, &api.ada(), json!({ "name": "Kind/Bug", "is_archived": true })).await.expect(200).json;
    assert_eq!((patched["name"].as_str(), patched["is_archived"].as_bool()), (Some("Kind/Bug"), Some(true)));
    assert_eq!(patched["color"], "00aabb");
    api.patch(&one, &api.ada(), json!({ "color": "#12" })).await.expect(422);
    api.patch(&one, &api.bob(), json!({ "color": "#123" })).await.expect(403);
    api.post(labels, &api.ada(), json!({ "name": "alpha", "color": "fff" })).await.expect(201);
    let list = api.get(&format!("{labels}?limit=1"), "").await.expect(200);
    assert_eq!((list.names(), list.header("x-total-count")), (vec!["alpha".to_owned()], "2".to_owned()));
    // Of another repository, or of none.
    api.repository("ada", "other", false).await;
    api.get(&format!("/repos/ada/other/labels/{id}"), &api.ada()).await.expect(404);
    api.delete(&format!("/repos/ada/other/labels/{id}"), &api.ada()).await.expect(404);
    api.get(&format!("{labels}/x"), &api.ada()).await.expect(404);
    api.delete(&one, &api.bob()).await.expect(403);
    api.delete(&one, &api.ada()).await.expect(204);
    api.get(&one, &api.ada()).await.expect(404);
    let issues = api.token("ada", &["read:issue"]).await;
    api.get(labels, &issues).await.expect(200);
    api.post(labels, &issues, label("x")).await.expect(403);
    api.patch("/repos/ada/sop", &api.ada(), json!({ "archived": true })).await.expect(200);
    api.post(labels, &api.ada(), label("x")).await.expect(423);
    let events: Vec<usize> = vec![
        api.events("label.create").await.len(),
        api.events("label.edit").await.len(),
        api.events("label.delete").await.len(),
    ];
    assert_eq!(events, [2, 1, 1]);
    api.finish().await;
}

#[tokio::test]
async fn labels_of_an_organization_are_its_owners_to_keep() {
    let api = Api::start().await;
    api.post("/orgs", &api.ada(), json!({ "username": "acme", "visibility": "private" })).await.expect(201);
    let labels = "/orgs/acme/labels";
    api.post(labels, &api.bob(), label("x")).await.expect(404);
    api.get(labels, "").await.expect(404);
    let id = api.post(labels, &api.ada(), label("x")).await.expect(201).json["id"].as_i64().unwrap();
    api.post(labels, &api.ada(), label("X")).await.expect(422);
    assert_eq!(api.get(labels, &api.ada()).await.expect(200).names(), ["x"]);
    let one = format!("{labels}/{id}");
    let shown = api.get(&one, &api.ada()).await.expect(200).json;
    assert_eq!(shown["url"], format!("{}api/v1{one}", api.root_url()));
    api.get(&one, &api.bob()).await.expect(404);
    assert_eq!(api.patch(&one, &api.ada(), json!({ "name": "y" })).await.expect(200).json["name"], "y");
    api.patch("/orgs/acme", &api.ada(), json!({ "visibility": "public" })).await.expect(200);
    assert_eq!(api.get(labels, "").await.expect(200).names(), ["y"]);
    api.delete(&one, &api.bob()).await.expect(403);
    api.delete(&one, &api.ada()).await.expect(204);
    api.post(labels, &api.ada(), label("z")).await.expect(201);
    api.delete("/orgs/acme", &api.ada()).await.expect(204);
    api.finish().await;
}

#[tokio::test]
async fn new_repositories_begin_with_what_was_asked_for() {
    let api = Api::start().await;
    assert_eq!(api.get("/label/templates", "").await.expect(200).json, json!(["Advanced", "Default", "Quality"]));
    let set = api.get("/label/templates/Quality", "").await.expect(200).json;
    assert!(set.as_array().unwrap().iter().any(|label| label["name"] == "type/CAPA" && label["exclusive"] == true));
    api.get("/label/templates/none", "").await.expect(404);
    let names = api.get("/gitignore/templates", "").await.expect(200).json;
    assert!(names.as_array().unwrap().contains(&json!("Rust")));
    assert!(
        api.get("/gitignore/templates/Rust", "").await.expect(200).json["source"].as_str().unwrap().contains("target")
    );
    api.get("/gitignore/templates/Cobol", "").await.expect(404);
    let licenses = api.get("/licenses", "").await.expect(200).json;
    assert!(licenses.as_array().unwrap().iter().any(|license| license["key"] == "MIT"));
    let mit = api.get("/licenses/MIT", "").await.expect(200).json;
    assert_eq!(mit["url"], format!("{}api/v1/licenses/MIT", api.root_url()));
    api.get("/licenses/none", "").await.expect(404);

    let whole = json!({ "name": "whole", "auto_init": true, "gitignores": "Rust,Python", "license": "MIT",
        "issue_labels": "Quality", "readme": "Default" });
    api.post("/user/repos", &api.ada(), whole).await.expect(201);
    let root = api.get("/repos/ada/whole/contents", "").await.expect(200);
    assert_eq!(root.names(), [".gitignore", "LICENSE", "README.md"]);
    let ignored = api.get("/repos/ada/whole/raw/.gitignore", "").await.expect(200);
    assert!(ignored.text().contains("# ---> Rust") && ignored.text().contains("__pycache__"), "{}", ignored.text());
    let license = api.get("/repos/ada/whole/raw/LICENSE", "").await.expect(200);
    assert!(license.text().contains(" ada\n") && !license.text().contains('{'), "{}", license.text());
    assert_eq!(api.get("/repos/ada/whole/labels?limit=50", "").await.expect(200).names().len(), 10);

    for (name, body) in [
        ("gitignore", json!({ "name": "x", "auto_init": true, "gitignores": "Rust,Cobol" })),
        ("license", json!({ "name": "x", "auto_init": true, "license": "Proprietary" })),
        ("labels", json!({ "name": "x", "issue_labels": "None" })),
    ] {
        api.post("/user/repos", &api.ada(), body).await.named(name).expect(422);
    }
    // A template hands its labels on to those who may see them.
    api.patch("/repos/ada/whole", &api.ada(), json!({ "template": true })).await.expect(200);
    let wanted = json!({ "owner": "bob", "name": "copy", "labels": true, "git_content": true });
    api.post("/repos/ada/whole/generate", &api.bob(), wanted).await.expect(201);
    assert_eq!(api.get("/repos/bob/copy/labels", "").await.expect(200).header("x-total-count"), "10");
    api.patch("/repos/ada/whole", &api.ada(), json!({ "has_issues": false })).await.expect(200);
    let wanted = json!({ "owner": "bob", "name": "bare", "labels": true, "git_content": true });
    api.post("/repos/ada/whole/generate", &api.bob(), wanted).await.expect(201);
    assert_eq!(api.get("/repos/bob/bare/labels", "").await.expect(200).header("x-total-count"), "0");
    api.get("/repos/ada/whole/labels", &api.ada()).await.expect_any(&[403, 404]);
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_field_and_what_is_allowed() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    api.post("/orgs", &api.ada(), json!({ "username": "acme" })).await.expect(201);
    let refused = async |method: &str, path: &str, body: Value| {
        api.ask(method, path, &api.ada(), Some(body)).await.expect(422).json["message"].as_str().unwrap().to_owned()
    };
    let labels = "/repos/ada/sops/labels";
    let text = refused("POST", labels, json!({ "name": "x", "color": 5 })).await;
    assert!(text.starts_with("[Color]: invalid type: integer `5`, expected a string"), "{text}");
    let files = json!({ "files": [{ "operation": "create", "path": "a", "content": [] }] });
    let text = refused("POST", "/repos/ada/sops/contents", files).await;
    assert!(text.starts_with("[Files[0].Content]: invalid type: sequence"), "{text}");
    let text = refused("PATCH", "/orgs/acme", json!({ "visibility": "bogus" })).await;
    assert_eq!(text, "[Visibility]: In: public, limited, private");
    let body = json!({ "name": "t", "scopes": ["all"], "expires_at": "9999-12-31T23:59:59Z" });
    let text = refused("POST", "/users/ada/tokens", body).await;
    assert_eq!(text, "[ExpiresAt]: must be an RFC 3339 time, until 9999-12-30T22:00:00Z");
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_fields_count_in_any_case() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    let labels = "/repos/ada/sops/labels";
    // As text, because it is not what the specification has.
    let send = async |path: &str, body: &str| api.upload(path, &api.ada(), "application/json", body).await;
    let made = send(labels, r##"{"Name": "x", "COLOR": "#00aabb"}"##).await.expect(201).json;
    assert_eq!((&made["name"], &made["color"]), (&json!("x"), &json!("00aabb")));
    let text = send(labels, r##"{"Name": "y", "name": "z", "color": "#00aabb"}"##).await.expect(422).json;
    assert!(text["message"].as_str().unwrap().starts_with("[]: duplicate field `name`"), "{text}");
    let files = r#"{"Files": [{"Operation": "create", "PATH": "a", "Content": "YQ=="}]}"#;
    assert_eq!(send("/repos/ada/sops/contents", files).await.expect(201).json["files"][0]["path"], "a");
    // Its names are in two types.
    let rule = r#"{"Rule_Name": "main", "ENABLE_PUSH": true}"#;
    let rule = send("/repos/ada/sops/branch_protections", rule).await.expect(201).json;
    assert_eq!((&rule["rule_name"], &rule["enable_push"]), (&json!("main"), &json!(true)));
    api.finish().await;
}
