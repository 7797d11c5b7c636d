//! Addresses, settings and other names of people and organizations.

use serde_json::{Value, json};

use super::git::git;
use super::{Api, basic};

fn addresses(list: &Value) -> Vec<(String, bool, bool)> {
    let rows = list.as_array().unwrap();
    let read = |row: &Value| {
        (
            row["email"].as_str().unwrap().to_owned(),
            row["verified"].as_bool().unwrap(),
            row["primary"].as_bool().unwrap(),
        )
    };
    rows.iter().map(read).collect()
}

#[tokio::test]
async fn an_address_says_nothing_until_it_is_confirmed() {
    let api = Api::start().await;
    let own = api.get("/user/emails", &api.ada()).await.expect(200).json;
    assert_eq!(addresses(&own), [("ada@example.org".to_owned(), true, true)]);
    assert_eq!((own[0]["username"].as_str(), own[0]["user_id"].is_i64()), (Some("ada"), true));

    let added = api.post("/user/emails", &api.ada(), json!({ "emails": ["Lab@Example.org"] })).await.expect(201).json;
    assert_eq!(addresses(&added), [("Lab@Example.org".to_owned(), false, false)]);
    // Somebody else may say the same; only who confirms it has it.
    api.post("/user/emails", &api.bob(), json!({ "emails": ["lab@example.org"] })).await.expect(201);
    for (name, body) in [
        ("one's own", json!({ "emails": ["lab@EXAMPLE.org"] })),
        ("own and new", json!({ "emails": ["fine@example.org", "ada@example.org"] })),
        ("nothing", json!({ "emails": [] })),
        ("no address", json!({ "emails": ["Ada <ada@example.org>"] })),
        ("twice", json!({ "emails": ["twice@example.org", "TWICE@example.org"] })),
        ("too many", json!({ "emails": (0..50).map(|n| format!("a{n}@example.org")).collect::<Vec<_>>() })),
    ] {
        api.post("/user/emails", &api.ada(), body).await.named(name).expect(422);
    }
    let now = api.get("/user/emails", &api.ada()).await.expect(200).json;
    assert_eq!(addresses(&now).len(), 2, "a list with one bad address adds none: {now}");

    // Whose an address is nobody learns by saying that it is theirs.
    let claimed = api.post("/user/emails", &api.ada(), json!({ "emails": ["bob@example.org"] })).await.expect(201).json;
    assert_eq!(addresses(&claimed), [("bob@example.org".to_owned(), false, false)]);
    api.ask("DELETE", "/user/emails", &api.ada(), Some(json!({ "emails": ["bob@example.org"] }))).await.expect(204);

    // What an administrator sets is confirmed, and what others said of it is forgotten.
    api.patch("/admin/users/bob", &api.admin(), json!({ "email": "lab@example.org" })).await.expect(200);
    let bobs = api.get("/user/emails", &api.bob()).await.expect(200).json;
    assert_eq!(
        addresses(&bobs),
        [("lab@example.org".to_owned(), true, true), ("bob@example.org".to_owned(), true, false)]
    );
    assert_eq!(addresses(&api.get("/user/emails", &api.ada()).await.expect(200).json).len(), 1);
    let taken = json!({ "username": "eve", "email": "bob@example.org", "password": "correct horse" });
    api.post("/admin/users", &api.admin(), taken).await.expect(422);

    let delete = |list: Value| api.ask("DELETE", "/user/emails", "", Some(list));
    delete(json!({ "emails": ["bob@example.org"] })).await.expect(401);
    let bob = api.bob();
    let delete = |list: Value| api.ask("DELETE", "/user/emails", &bob, Some(list));
    delete(json!({ "emails": ["bob@example.org", "ada@example.org"] })).await.expect(404);
    delete(json!({ "emails": ["bob@example.org", "lab@example.org"] })).await.expect(422);
    assert_eq!(addresses(&api.get("/user/emails", &bob).await.expect(200).json).len(), 2, "all or none");
    delete(json!({ "emails": ["BOB@example.org"] })).await.expect(204);
    assert_eq!(api.events("email.delete").await.len(), 2);
    assert_eq!(api.events("email.add").await.len(), 3);
    let ledger = format!("{:?}", api.events("email.add").await);
    assert!(!ledger.contains("example.org"), "the ledger names no address");

    let reads = api.token("ada", &["read:user"]).await;
    api.get("/user/emails", &reads).await.expect(200);
    api.post("/user/emails", &reads, json!({ "emails": ["x@example.org"] })).await.expect(403);
    api.finish().await;
}

#[tokio::test]
async fn only_confirmed_addresses_name_the_author_of_a_commit() {
    let api = Api::start().await;
    api.repository("ada", "sop", false).await;
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "."]).await;
    git(
        dir.path(),
        &["-c", "user.email=x", "commit", "-q", "--allow-empty", "-m", "one", "--author=B <lab@example.org>"],
    )
    .await;
    git(dir.path(), &["push", "-q", &api.git_url("ada", "ada/sop"), "HEAD:main"]).await;
    let author = async || {
        let commit = api.get("/repos/ada/sop/git/commits/main", &api.ada()).await.expect(200).json;
        commit["author"]["login"].as_str().map(str::to_owned)
    };
    assert_eq!(author().await, None);
    api.post("/user/emails", &api.bob(), json!({ "emails": ["lab@example.org"] })).await.expect(201);
    assert_eq!(author().await, None, "said and not confirmed");
    api.patch("/admin/users/bob", &api.admin(), json!({ "email": "lab@example.org" })).await.expect(200);
    api.patch("/admin/users/bob", &api.admin(), json!({ "email": "bob@example.org" })).await.expect(200);
    assert_eq!(author().await.as_deref(), Some("bob"), "a second address counts, too");
    api.patch("/admin/users/bob", &api.admin(), json!({ "active": false })).await.expect(200);
    assert_eq!(author().await, None);
    api.finish().await;
}

#[tokio::test]
async fn settings_are_kept_and_a_hidden_address_stays_hidden() {
    let api = Api::start().await;
    let fresh = api.get("/user/settings", &api.ada()).await.expect(200).json;
    assert_eq!(
        fresh,
        json!({ "full_name": "", "website": "", "description": "", "location": "", "language": "", "theme": "",
            "diff_view_style": "", "hide_email": false, "hide_activity": false })
    );
    let wanted = json!({ "full_name": "Ada L.", "website": "https://example.org", "description": "d", "location": "l",
        "language": "de-DE", "theme": "gitea-dark", "diff_view_style": "split", "hide_email": true, "hide_activity": true });
    assert_eq!(api.patch("/user/settings", &api.ada(), wanted.clone()).await.expect(200).json, wanted);
    assert_eq!(api.get("/user/settings", &api.ada()).await.expect(200).json, wanted);
    api.patch("/user/settings", &api.ada(), json!({ "theme": null, "location": "m" })).await.expect(200);
    for (name, body) in [
        ("style", json!({ "diff_view_style": "sideways" })),
        ("language", json!({ "language": "de<script>" })),
        ("theme", json!({ "theme": "x".repeat(65) })),
        ("website", json!({ "website": "javascript:alert(1)" })),
        ("name", json!({ "full_name": "x".repeat(300) })),
    ] {
        api.patch("/user/settings", &api.ada(), body).await.named(name).expect(422);
    }
    let kept = api.get("/user/settings", &api.ada()).await.expect(200).json;
    assert_eq!((kept["location"].as_str(), kept["theme"].as_str()), (Some("m"), Some("gitea-dark")));

    let placeholder = format!("ada@noreply.{}", api.host());
    assert_eq!(api.get("/users/ada", &api.bob()).await.expect(200).json["email"], placeholder);
    assert_eq!(api.get("/users/ada", &api.ada()).await.expect(200).json["email"], "ada@example.org");
    assert_eq!(api.get("/users/ada", &api.admin()).await.expect(200).json["email"], "ada@example.org");
    assert_eq!(api.get("/user", &api.ada()).await.expect(200).json["language"], "de-DE");

    // What is written for the account carries the placeholder, which leads back to it.
    api.post("/user/repos", &api.ada(), json!({ "name": "sop", "auto_init": true })).await.expect(201);
    let file = json!({ "content": "aGk=", "message": "m" });
    let made = api.post("/repos/ada/sop/contents/a.md", &api.ada(), file).await.expect(201).json;
    assert_eq!(made["commit"]["author"]["email"], placeholder);
    let tag = json!({ "tag_name": "v1", "message": "one" });
    api.post("/repos/ada/sop/tags", &api.ada(), tag).await.expect(201);
    for commit in api.get("/repos/ada/sop/commits", &api.bob()).await.expect(200).json.as_array().unwrap() {
        assert_eq!(commit["commit"]["author"]["email"], placeholder);
        assert_eq!(commit["author"]["login"], "ada");
    }
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["clone", "-q", "--mirror", &api.git_url("bob", "ada/sop"), "."]).await;
    let all = git(dir.path(), &["for-each-ref", "--format=%(taggeremail)%(authoremail)"]).await;
    assert!(!all.contains("ada@example.org") && all.contains(&placeholder), "{all}");
    api.finish().await;
}

#[tokio::test]
async fn a_renamed_account_keeps_everything_and_its_old_name() {
    let api = Api::start().await;
    api.repository("ada", "sop", false).await;
    let token = api.token("ada", &["all"]).await;
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "."]).await;
    git(dir.path(), &["commit", "-q", "--allow-empty", "-m", "one"]).await;
    git(dir.path(), &["push", "-q", &api.git_url("ada", "ada/sop"), "HEAD:main"]).await;

    let rename = |name: &'static str| json!({ "new_username": name });
    api.post("/admin/users/ada/rename", "", rename("lovelace")).await.expect(401);
    api.post("/admin/users/ada/rename", &api.ada(), rename("lovelace")).await.expect(403);
    for bad in ["", "bob", "BOB", "api", "a b", "../x", "-x", "x.git"] {
        api.post("/admin/users/ada/rename", &api.admin(), rename(bad)).await.named(bad).expect(422);
    }
    api.post("/admin/users/nobody/rename", &api.admin(), rename("x")).await.expect(404);
    api.post("/admin/users/ada/rename", &api.admin(), rename("lovelace")).await.expect(204);

    assert_eq!(api.get("/user", &token).await.expect(200).json["login"], "lovelace");
    let ada = basic("lovelace", "correct horse staple");
    api.get("/user", &ada).await.expect(200);
    api.get("/user", &api.ada()).await.expect(401);
    let moved = api.get("/users/ADA/repos?limit=1", &ada).await.expect(307);
    assert_eq!(moved.header("location"), format!("{}api/v1/users/lovelace/repos?limit=1", api.root_url()));
    let moved = api.get("/repos/ada/sop/branches", "").await.expect(307);
    assert_eq!(moved.header("location"), format!("{}api/v1/repos/lovelace/sop/branches", api.root_url()));
    let branches = api.get("/repos/lovelace/sop/branches", "").await.expect(200);
    assert_eq!(branches.names(), ["main"]);
    // git follows the old name, for reading and for writing.
    git(dir.path(), &["commit", "-q", "--allow-empty", "-m", "two"]).await;
    let old = api.git_url("lovelace", "ada/sop");
    git(dir.path(), &["push", "-q", &old, "HEAD:main"]).await;
    let tip = git(dir.path(), &["rev-parse", "HEAD"]).await;
    assert!(git(dir.path(), &["ls-remote", &old, "main"]).await.starts_with(&tip));
    let at = api.data_dir().join("git/repositories/lovelace/sop.git/HEAD");
    assert!(at.exists(), "{}", at.display());

    // Nobody else gets the old name.
    let eve = |name: &str| json!({ "username": name, "email": "eve@example.org", "password": "correct horse" });
    api.post("/admin/users", &api.admin(), eve("Ada")).await.expect(422);
    api.post("/orgs", &api.bob(), json!({ "username": "ada" })).await.expect(422);
    api.post("/admin/users/bob/rename", &api.admin(), rename("ada")).await.expect(422);
    api.post("/admin/users/lovelace/rename", &api.admin(), rename("ADA")).await.expect(204);
    api.get("/users/lovelace", &api.bob()).await.expect(307);
    assert_eq!(api.get("/users/ada", &api.bob()).await.expect(200).json["login"], "ADA");
    api.get("/repos/lovelace/sop", "").await.expect(307);
    assert_eq!(api.get("/repos/ada/sop", "").await.expect(200).json["full_name"], "ADA/sop");
    api.post("/admin/users/ada/rename", &api.admin(), rename("ada")).await.expect(204);
    assert!(git(dir.path(), &["ls-remote", &api.git_url("ada", "lovelace/sop"), "main"]).await.starts_with(&tip));

    let events = api.events("user.rename").await;
    assert_eq!(events.len(), 3);
    assert_eq!(
        (events[0]["before"]["login"].as_str(), events[0]["after"]["login"].as_str()),
        (Some("ada"), Some("lovelace"))
    );
    assert_eq!(events[0]["after"]["repositories"], 1);
    // What is no more leads nowhere. Ada has left evidence and stays; somebody who has not can go.
    api.delete("/repos/ada/sop", &api.ada()).await.expect(204);
    let kept = api.delete("/admin/users/ada", &api.admin()).await.expect(422);
    assert!(kept.json["message"].as_str().unwrap().contains("deactivate"), "{}", kept.text());
    api.post("/admin/users/bob/rename", &api.admin(), rename("robert")).await.expect(204);
    let robert = basic("robert", "correct horse staple");
    api.patch("/user/settings", &robert, json!({ "language": "de-DE" })).await.expect(200);
    api.delete("/admin/users/robert", &api.admin()).await.expect(204);
    api.get("/users/bob", &api.admin()).await.expect(404);
    api.post("/admin/users/ada/rename", &api.admin(), rename("bob")).await.expect(422);
    api.finish().await;
}

#[tokio::test]
async fn a_renamed_organization_leads_only_those_who_may_see_it() {
    let api = Api::start().await;
    let acme = json!({ "username": "acme", "visibility": "private" });
    api.post("/orgs", &api.ada(), acme).await.expect(201);
    api.post("/orgs/acme/repos", &api.ada(), json!({ "name": "sop", "private": true })).await.expect(201);
    let rename = |name: &str| json!({ "new_name": name });
    api.post("/orgs/acme/rename", &api.bob(), rename("umbrella")).await.expect(404);
    api.post("/orgs/acme/rename", &api.ada(), rename("bob")).await.expect(422);
    api.post("/orgs/acme/rename", &api.ada(), rename("umbrella")).await.expect(204);
    api.get("/orgs/umbrella", &api.ada()).await.expect(200);
    let moved = api.get("/orgs/acme/teams", &api.ada()).await.expect(307);
    assert_eq!(moved.header("location"), format!("{}api/v1/orgs/umbrella/teams", api.root_url()));
    for stranger in ["", &api.bob()] {
        let hidden = api.get("/orgs/acme", stranger).await.expect(404);
        assert_eq!(hidden.header("location"), "");
        api.get("/repos/acme/sop", stranger).await.expect(404);
        api.get("/repos/umbrella/sop", stranger).await.expect(404);
    }
    api.get("/repos/acme/sop", &api.ada()).await.expect(307);
    api.get("/repos/umbrella/sop", &api.ada()).await.expect(200);
    // Not with a token that may not see what is private, or only some repository.
    let public = api.token("ada", &["all", "public-only"]).await;
    api.get("/orgs/acme", &public).await.expect_any(&[403, 404]);
    assert_eq!(api.events("organization.rename").await.len(), 1);
    api.finish().await;
}
