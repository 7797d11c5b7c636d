//! Templates and forms for new issues.

use base64::Engine as _;
use serde_json::{Value, json};

use super::Api;

async fn write(api: &Api, path: &str, text: &str) {
    let content = base64::engine::general_purpose::STANDARD.encode(text);
    let body = json!({ "content": content, "message": "m" });
    api.post(&format!("/repos/ada/sop/contents/{path}"), &api.ada(), body).await.named(path).expect(201);
}

#[tokio::test]
async fn templates_are_those_of_the_default_branch() {
    let api = Api::start().await;
    api.repository("ada", "sop", true).await;
    let templates = "/repos/ada/sop/issue_templates";
    assert_eq!(api.get(templates, &api.ada()).await.expect(200).json, json!([]), "an empty repository");
    let directory = ".gitea/ISSUE_TEMPLATE";
    write(&api, &format!("{directory}/b.md"), "---\nname: B\nabout: b\n---\ntext").await;
    let form = "name: A\nabout: a\nbody:\n- {type: input, id: lot, attributes: {label: Lot}}\n";
    write(&api, &format!("{directory}/a.yaml"), form).await;
    write(&api, &format!("{directory}/broken.yml"), "name: [").await;
    write(&api, &format!("{directory}/large.md"), &"x".repeat(70_000)).await;
    write(&api, &format!("{directory}/notes.txt"), "no template").await;
    // Directories of other forges are listed after it, the same names again.
    write(&api, ".github/ISSUE_TEMPLATE/a.yaml", &form.replace("id: lot, ", "")).await;
    write(&api, ".github/ISSUE_TEMPLATE/c.md", "---\nname: C\nabout: c\nref: main\n---\n").await;
    write(&api, ".github/ISSUE_TEMPLATE/d.md", "## What happened\n").await;
    let found = api.get(templates, &api.ada()).await.expect(200);
    assert_eq!(found.names(), ["A", "B", "A", "C", "d.md"]);
    assert_eq!(found.header("x-gitea-warning"), "error occurs when parsing issue template: count=2");
    assert_eq!(found.json[0]["file_name"], ".gitea/ISSUE_TEMPLATE/a.yaml");
    assert_eq!(found.json[0]["body"][0]["attributes"]["label"], "Lot");
    assert_eq!((&found.json[1]["content"], &found.json[1]["body"]), (&json!("text"), &json!([])));
    assert_eq!(found.json[2]["file_name"], ".github/ISSUE_TEMPLATE/a.yaml");
    assert_eq!((&found.json[0]["body"][0]["id"], &found.json[2]["body"][0]["id"]), (&json!("lot"), &json!("0")));
    assert_eq!((&found.json[1]["ref"], &found.json[3]["ref"]), (&json!("refs/heads/"), &json!("refs/heads/main")));
    assert_eq!(
        (&found.json[4]["about"], &found.json[4]["content"]),
        (&json!("## What happened\n"), &json!("## What happened\n"))
    );
    api.get(templates, "").await.expect(404);
    api.get(templates, &api.bob()).await.expect(404);

    let validate = async || api.get("/repos/ada/sop/issue_config/validate", &api.ada()).await.expect(200).json;
    let config = async || api.get("/repos/ada/sop/issue_config", &api.ada()).await.expect(200).json;
    assert_eq!(config().await, json!({ "blank_issues_enabled": true, "contact_links": [] }));
    assert_eq!(validate().await, json!({ "valid": true, "message": "" }));
    write(&api, &format!("{directory}/config.yml"), "blank_issues_enabled: false\ncontact_links: [{name: x}]\n").await;
    let said: Value = validate().await;
    assert!(said["valid"] == false && said["message"].as_str().unwrap().contains("url"), "{said}");
    assert_eq!(config().await["blank_issues_enabled"], true, "one that is wrong does not count");
    assert_eq!(api.get(templates, &api.ada()).await.expect(200).names(), ["A", "B", "A", "C", "d.md"]);
    api.finish().await;
}
