//! Blocks: who may be blocked by whom, and what the blocked one still may do, operation by operation.

use serde_json::json;

use super::Api;

#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_organizations_block_list_and_unblock() {
    let api = Api::start().await;
    api.account("cleo").await;
    api.post("/orgs", &api.ada(), json!({ "username": "acme" })).await.expect(201);
    for (list, who) in [("/user/blocks", api.ada()), ("/orgs/acme/blocks", api.ada())] {
        let one = |name: &str| format!("{list}/{name}");
        api.get(&one("bob"), &who).await.expect(404);
        for name in ["cleo", "bob"] {
            api.put(&format!("{}?note=too+loud", one(name)), &who, json!({})).await.expect(204);
        }
        let page = api.get(&format!("{list}?limit=1"), &who).await.expect(200);
        assert_eq!((page.logins(), page.header("x-total-count")), (vec!["bob".into()], "2".into()));
        api.get(&one("bob"), &who).await.expect(204);
        api.delete(&one("bob"), &who).await.expect(204);
        api.get(&one("bob"), &who).await.expect(404);
        for name in ["ada", "acme", "cleo"] {
            api.put(&one(name), &who, json!({})).await.named(&format!("{list} {name}")).expect(422);
        }
        for name in ["bob", "admin", "acme"] {
            api.delete(&one(name), &who).await.named(&format!("{list} {name}")).expect(422);
        }
        let long = "x".repeat(256);
        api.put(&format!("{}?note={long}", one("bob")), &who, json!({})).await.expect(422);
        for method in ["GET", "PUT", "DELETE"] {
            api.ask(method, &one("nobody"), &who, None).await.expect(404);
            api.ask(method, &one("bob"), "", None).await.expect(401);
        }
        api.delete(&one("cleo"), &who).await.expect(204);
    }
    for path in ["/orgs/acme/blocks", "/orgs/acme/blocks/cleo"] {
        api.get(path, &api.bob()).await.named(path).expect(403);
    }
    api.put("/orgs/acme/blocks/cleo", &api.bob(), json!({})).await.expect(403);
    let reader = api.token("ada", &["read:user"]).await;
    api.get("/user/blocks", &reader).await.expect(200);
    api.put("/user/blocks/bob", &reader, json!({})).await.expect(403);
    assert_eq!((api.events("block.add").await.len(), api.events("block.remove").await.len()), (4, 4));
    assert!(api.events("block.add").await.iter().all(|event| !event.to_string().contains("loud")));
    api.finish().await;
}

/// Everything that a blocked account tries, by the owner's block and by the organization's.
#[tokio::test(flavor = "multi_thread")]
async fn the_blocked_one_reads_and_does_nothing_else() {
    let api = Api::start().await;
    api.post("/orgs", &api.ada(), json!({ "username": "acme" })).await.expect(201);
    api.post("/orgs/acme/repos", &api.ada(), json!({ "name": "sop", "auto_init": true })).await.expect(201);
    let sop = json!({ "name": "sop", "auto_init": true });
    api.post("/user/repos", &api.ada(), sop).await.expect(201);
    api.repository("bob", "given", false).await;
    let team = api.get("/orgs/acme/teams", &api.ada()).await.expect(200).json[0]["id"].clone();
    let fork = json!({ "name": "forked" });
    let attempts = |owner: &str| {
        let tries = vec![
            ("PUT", format!("/user/starred/{owner}/sop"), json!({}), api.bob()),
            ("PUT", format!("/repos/{owner}/sop/subscription"), json!({}), api.bob()),
            ("POST", format!("/repos/{owner}/sop/forks"), fork.clone(), api.bob()),
            ("POST", "/repos/bob/given/transfer".to_owned(), json!({ "new_owner": owner }), api.bob()),
            ("PUT", format!("/repos/{owner}/sop/collaborators/bob"), json!({}), api.ada()),
        ];
        match owner {
            "ada" => [tries, vec![("PUT", "/user/following/ada".to_owned(), json!({}), api.bob())]].concat(),
            _ => [tries, vec![("PUT", format!("/teams/{team}/members/bob"), json!({}), api.ada())]].concat(),
        }
    };
    for (owner, place) in [("ada", "/user/blocks/bob"), ("acme", "/orgs/acme/blocks/bob")] {
        api.put(place, &api.ada(), json!({})).await.expect(204);
        for (method, path, body, who) in attempts(owner) {
            let refused = api.ask(method, &path, &who, Some(body)).await.named(owner).expect(403);
            assert!(!refused.text().contains("block"), "it is not told: {}", refused.text());
        }
        for path in [format!("/repos/{owner}/sop"), format!("/repos/{owner}/sop/contents"), format!("/users/{owner}")] {
            api.get(&path, &api.bob()).await.named(&path).expect(200);
        }
        api.delete(place, &api.ada()).await.expect(204);
        for (method, path, body, who) in attempts(owner) {
            let done = api.ask(method, &path, &who, Some(body)).await.named(owner);
            let status = done.status();
            assert!((200..300).contains(&status), "{method} {path}: {status} {}", done.text());
        }
        // Blocking again ends all of it but the fork, which is bob's own; a member of the organization is not blocked.
        if owner == "ada" {
            api.put(place, &api.ada(), json!({})).await.expect(204);
            assert_eq!(api.get("/user/starred", &api.bob()).await.expect(200).json, json!([]));
            assert_eq!(api.get("/repos/ada/sop/collaborators", &api.ada()).await.expect(200).logins(), [""; 0]);
            api.post("/repos/bob/given/transfer/accept", &api.ada(), json!({})).await.expect(404);
            assert_eq!(api.get("/users/ada/followers", "").await.expect(200).logins(), [""; 0]);
            api.delete(place, &api.ada()).await.expect(204);
            api.delete("/repos/bob/forked", &api.bob()).await.expect(204);
        } else {
            api.put(place, &api.ada(), json!({})).await.expect(422);
        }
    }
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_end_with_the_account() {
    let api = Api::start().await;
    api.account("cleo").await;
    api.put("/user/blocks/cleo", &api.ada(), json!({})).await.expect(204);
    api.delete("/admin/users/cleo", &api.admin()).await.expect(204);
    assert_eq!(api.get("/user/blocks", &api.ada()).await.expect(200).json, json!([]));
    let event = &api.events("user.delete").await[0];
    assert!(event.to_string().contains("\"blocks\":1"), "{event}");
    api.finish().await;
}
