//! The JSON API as clients of Gitea know it: shapes, errors, pages, dates.

use serde_json::{Value, json};

use crate::dsl::{Call, Forge, Git, Reply};

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or_else(|| panic!("no field {name} in {value}"))
}

fn assert_date(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("no date: {value}"));
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    assert!(parsed.is_ok() && !text.contains('.'), "not RFC 3339 with whole seconds: {text}");
}

fn assert_user(value: &Value) {
    for name in ["id", "login", "username", "full_name", "email", "avatar_url", "html_url", "is_admin", "created"] {
        field(value, name);
    }
    assert_eq!(value["login"], value["username"]);
    assert_date(&value["created"]);
}

fn assert_repository(value: &Value) {
    let names = [
        "id",
        "name",
        "full_name",
        "owner",
        "private",
        "fork",
        "empty",
        "archived",
        "description",
        "default_branch",
        "clone_url",
        "ssh_url",
        "html_url",
        "url",
        "created_at",
        "updated_at",
        "permissions",
        "size",
        "mirror",
    ];
    for name in names {
        field(value, name);
    }
    assert_user(&value["owner"]);
    for date in ["created_at", "updated_at"] {
        assert_date(&value[date]);
    }
    for level in ["admin", "push", "pull"] {
        assert!(value["permissions"][level].is_boolean(), "{value}");
    }
}

fn total(reply: &Reply) -> usize {
    reply.header("X-Total-Count").unwrap_or_else(|| panic!("no X-Total-Count: {:?}", reply.headers)).parse().unwrap()
}

#[test]
fn version_and_users_have_giteas_shape() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let version = forge.anonymous().get("/api/v1/version").expect(200).json();
    assert!(version["version"].is_string(), "{version}");
    let me = ada.get("/api/v1/user").expect(200).json();
    assert_user(&me);
    assert_eq!(me["login"], "ada");
    assert_eq!(me["email"], "ada@example.org");
    let shown = forge.anonymous().get("/api/v1/users/ada").expect(200).json();
    assert_user(&shown);
    assert_ne!(shown["email"], "ada@example.org", "addresses are not for strangers");
    assert_eq!(forge.anonymous().get("/api/v1/users/ADA").expect(200).json()["login"], "ada", "names ignore case");
    forge.anonymous().get("/api/v1/users/nobody").expect(404);
    let found = ada.get("/api/v1/users/search?q=ad").expect(200).json();
    assert_eq!(found["ok"], true);
    assert!(found["data"].as_array().unwrap().iter().any(|user| user["login"] == "ada"), "{found}");
    forge.anonymous().get("/api/v1/user").expect(401);
    forge.finish();
}

#[test]
fn administrators_manage_users() {
    let forge = Forge::start();
    let admin = forge.admin();
    let body = json!({ "username": "bea", "email": "bea@example.org", "password": "canary-Bea-1234567", "full_name": "Bea B." });
    let made = admin.post("/api/v1/admin/users", &body).expect(201).json();
    assert_user(&made);
    assert_eq!(made["full_name"], "Bea B.");
    for (change, what) in [
        (
            json!({ "username": "BEA", "email": "other@example.org", "password": "canary-Bea-1234567" }),
            "the same name in capitals",
        ),
        (
            json!({ "username": "bea2", "email": "bea@example.org", "password": "canary-Bea-1234567" }),
            "the same address",
        ),
        (json!({ "username": "bea3", "email": "no address", "password": "canary-Bea-1234567" }), "no address"),
        (json!({ "username": "bea4", "email": "bea4@example.org", "password": "short" }), "a short password"),
        (json!({ "email": "bea5@example.org", "password": "canary-Bea-1234567" }), "no name"),
    ] {
        let reply = admin.post("/api/v1/admin/users", &change);
        assert!(matches!(reply.status, 400 | 409 | 422), "{what}: {} {}", reply.status, reply.text());
    }
    let edited =
        json!({ "full_name": "Beatrice", "email": "beatrice@example.org", "login_name": "bea", "source_id": 0 });
    let shown = admin.patch("/api/v1/admin/users/bea", &edited).expect(200).json();
    assert_eq!(
        (shown["full_name"].as_str(), shown["email"].as_str()),
        (Some("Beatrice"), Some("beatrice@example.org"))
    );
    let listed = admin.get("/api/v1/admin/users?limit=1").expect(200);
    assert_eq!(listed.json().as_array().unwrap().len(), 1);
    assert_eq!(total(&listed), 2);
    admin.delete("/api/v1/admin/users/nobody").expect(404);
    admin.delete("/api/v1/admin/users/bea").expect(204);
    admin.get("/api/v1/users/bea").expect(404);
    // Who still owns repositories is not deleted by accident.
    let ada = forge.user("ada");
    ada.create_repository("kept");
    admin.delete("/api/v1/admin/users/ada").expect(422);
    ada.get("/api/v1/repos/ada/kept").expect(200);
    forge.finish();
}

#[test]
fn repositories_are_made_shown_edited_listed_and_removed() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let body = json!({ "name": "SOPs", "description": "Procedures", "private": true, "default_branch": "trunk" });
    let made = ada.post("/api/v1/user/repos", &body).expect(201).json();
    assert_repository(&made);
    assert_eq!(made["full_name"], "ada/SOPs");
    assert_eq!((made["private"].as_bool(), made["empty"].as_bool()), (Some(true), Some(true)));
    assert_eq!(made["permissions"], json!({ "admin": true, "push": true, "pull": true }));
    ada.post("/api/v1/user/repos", &json!({ "name": "sops" })).expect(409);
    ada.post("/api/v1/user/repos", &json!({})).expect(422);

    let shown = ada.get("/api/v1/repos/ADA/sops").expect(200).json();
    assert_eq!(shown, made, "names ignore case");
    let edited = json!({ "name": "procedures", "description": "", "private": false });
    let shown = ada.patch("/api/v1/repos/ada/SOPs", &edited).expect(200).json();
    assert_eq!(shown["full_name"], "ada/procedures");
    assert!(forge.repository_dir("ada/procedures").is_dir() && !forge.repository_dir("ada/SOPs").exists());
    // Old names lead to the new one, for the API and for git.
    let old = ada.get("/api/v1/repos/ada/SOPs");
    assert!(matches!(old.status, 200 | 301 | 302 | 307 | 308), "{}", old.status);
    let work = Git::new().init("work");
    work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &ada.url("ada/procedures"), "main:trunk"]);
    work.ok(&["ls-remote", &ada.url("ada/SOPs")]);
    let filled = ada.get("/api/v1/repos/ada/procedures").expect(200).json();
    assert_eq!(filled["empty"], false, "{filled}");

    for index in 0..34 {
        ada.create_repository(&format!("page-{index:02}"));
    }
    let first = ada.get("/api/v1/user/repos").expect(200);
    assert_eq!((first.json().as_array().unwrap().len(), total(&first)), (30, 35));
    let link = first.header("Link").expect("Link");
    assert!(link.contains("rel=\"next\"") && link.contains("rel=\"last\"") && link.contains("page=2"), "{link}");
    assert!(!link.contains(", <"), "joined without a space: {link}");
    let second = ada.get("/api/v1/user/repos?page=2").expect(200);
    assert_eq!(second.json().as_array().unwrap().len(), 5);
    assert!(second.header("Link").is_some_and(|link| link.contains("rel=\"prev\"") && link.contains("rel=\"first\"")));
    assert_eq!(ada.get("/api/v1/user/repos?page=3").expect(200).json(), json!([]));
    assert_eq!(ada.get("/api/v1/user/repos?limit=1000").expect(200).json().as_array().unwrap().len(), 35);
    let one = ada.get("/api/v1/users/ada/repos?limit=1&page=2").expect(200);
    assert_eq!(one.json().as_array().unwrap().len(), 1);
    for odd in ["page=0", "page=-1", "limit=-5", "page=99999999999999999999", "page=x"] {
        let reply = ada.get(&format!("/api/v1/user/repos?{odd}"));
        assert!(matches!(reply.status, 200 | 400 | 422), "{odd}: {}", reply.status);
    }
    let found = ada.get("/api/v1/repos/search?q=page-0&limit=50").expect(200);
    assert_eq!(found.json()["data"].as_array().unwrap().len(), 10);
    assert_eq!(found.json()["ok"], true);
    for hostile in ["q=%25", "q=%27%20OR%201%3D1", "q=_____________________", "sort=;drop", "order=x"] {
        let reply = ada.get(&format!("/api/v1/repos/search?{hostile}"));
        assert!(matches!(reply.status, 200 | 422), "{hostile}: {}", reply.status);
        if hostile.starts_with("q=") {
            assert_eq!(reply.json()["data"].as_array().unwrap().len(), 0, "{hostile} found something");
        }
    }
    ada.delete("/api/v1/repos/ada/procedures").expect(204);
    ada.get("/api/v1/repos/ada/procedures").expect(404);
    ada.delete("/api/v1/repos/ada/procedures").expect(404);
    // The name is free again, and nothing of the old one shines through.
    ada.create_repository("procedures");
    assert_eq!(Git::new().ok(&["ls-remote", &ada.url("ada/procedures")]), "");
    forge.finish();
}

#[test]
fn branches_tags_and_refs_show_what_was_pushed() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("shown");
    let work = Git::new().init("work");
    let one = work.commit("a.md", "one\n");
    let two = work.commit("a.md", "two\n");
    work.ok(&["branch", "feature/x", &one]);
    work.ok(&["tag", "light", &one]);
    work.ok(&["tag", "--annotate", "--message", "Release 1\n\nNotes.", "v1"]);
    let tag = work.ok(&["rev-parse", "v1"]);
    let api = format!("/api/v1/repos/{repository}");
    assert_eq!(ada.get(&format!("{api}/branches")).expect(200).json(), json!([]));
    work.ok(&["push", "--quiet", &ada.url(&repository), "refs/*:refs/*"]);

    let branches = ada.get(&format!("{api}/branches")).expect(200);
    assert_eq!(total(&branches), 2);
    let listed = branches.json();
    let main = listed.as_array().unwrap().iter().find(|branch| branch["name"] == "main").expect("main").clone();
    assert_eq!(main["commit"]["id"], two.as_str());
    assert!(main["commit"]["message"].as_str().unwrap().starts_with("Change a.md"), "{main}");
    assert_eq!(main["commit"]["author"]["email"], "ada@example.org");
    assert_date(&main["commit"]["timestamp"]);
    let branch = ada.get(&format!("{api}/branches/feature/x")).expect(200).json();
    assert_eq!(branch["commit"]["id"], one.as_str(), "a branch whose name has a slash");
    ada.get(&format!("{api}/branches/feature%2Fx")).expect(200);
    ada.get(&format!("{api}/branches/none")).expect(404);

    let tags = ada.get(&format!("{api}/tags")).expect(200).json();
    let v1 = tags.as_array().unwrap().iter().find(|row| row["name"] == "v1").expect("v1").clone();
    assert_eq!(v1["commit"]["sha"], two.as_str());
    assert_eq!(v1["id"], tag.as_str());
    assert!(v1["message"].as_str().unwrap().starts_with("Release 1"), "{v1}");
    let light = tags.as_array().unwrap().iter().find(|row| row["name"] == "light").expect("light");
    assert_eq!(light["commit"]["sha"], one.as_str());

    let refs = ada.get(&format!("{api}/git/refs")).expect(200).json();
    let of_api: Vec<_> = refs
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["object"]["sha"].as_str().unwrap(),
                row["object"]["type"].as_str().unwrap(),
                row["ref"].as_str().unwrap()
            )
        })
        .collect();
    let of_git = work.ok(&["for-each-ref", "--format=%(objectname) %(objecttype) %(refname)"]);
    assert_eq!(of_api.join("\n"), of_git);
    let heads = ada.get(&format!("{api}/git/refs/heads")).expect(200).json();
    assert_eq!(heads.as_array().unwrap().len(), 2, "{heads}");
    ada.get(&format!("{api}/git/refs/heads/main")).expect(200);
    ada.get(&format!("{api}/git/refs/heads/none")).expect(404);
    forge.finish();
}

#[test]
fn collaborators_come_change_and_go() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    forge.user("bob");
    let repository = ada.create_private_repository("team");
    let api = format!("/api/v1/repos/{repository}/collaborators");
    assert_eq!(ada.get(&api).expect(200).json(), json!([]));
    ada.get(&format!("{api}/bob")).expect(404);
    ada.invite(&repository, "bob", "read");
    ada.get(&format!("{api}/bob")).expect(204);
    let listed = ada.get(&api).expect(200).json();
    assert_eq!(listed[0]["login"], "bob", "{listed}");
    let permission = |login: &str| ada.get(&format!("{api}/{login}/permission")).expect(200).json();
    assert_eq!(permission("bob")["permission"], "read");
    assert_user(&permission("bob")["user"]);
    ada.invite(&repository, "bob", "write");
    assert_eq!(permission("bob")["permission"], "write");
    assert_eq!(permission("ada")["permission"], "owner");
    ada.put(&format!("{api}/nobody"), &json!({ "permission": "read" })).expect_one_of(&[404, 422]);
    ada.put(&format!("{api}/bob"), &json!({ "permission": "emperor" })).expect(422);
    ada.put(&format!("{api}/ada"), &json!({ "permission": "read" })).expect_one_of(&[403, 422]);
    ada.delete(&format!("{api}/bob")).expect(204);
    ada.get(&format!("{api}/bob")).expect(404);
    forge.finish();
}

#[test]
fn errors_and_odd_paths_answer_as_gitea_does() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let reply = ada.send(Call::new("GET", "/api/v1/no/such/route"));
    assert_eq!(reply.status, 404);
    let error = ada.get("/api/v1/repos/ada/none").expect(404).json();
    assert!(
        error["message"].is_string() && error["url"].as_str().is_some_and(|url| url.ends_with("api/swagger")),
        "{error}"
    );
    let invalid = ada.post("/api/v1/user/repos", &json!({ "description": "x" })).expect(422).json();
    assert!(invalid["message"].as_str().unwrap().contains("Name"), "the field is named: {invalid}");
    ada.get("/api/v1/version/").expect(200);
    ada.get("/api/v1//version").expect(200);
    let head = ada.send(Call::new("HEAD", "/api/v1/version"));
    assert_eq!((head.status, head.body.len()), (200, 0));
    let reply = ada.send(Call::new("DELETE", "/api/v1/version"));
    assert!(matches!(reply.status, 404 | 405), "{}", reply.status);
    // A query token works, as Gitea's still does.
    let crate::dsl::persona::Credential::Token(token) = &ada.credential else { panic!("ada calls with a token") };
    let reply = forge.anonymous().get(&format!("/api/v1/user?access_token={token}")).expect_one_of(&[200, 401]);
    if reply.status == 200 {
        assert!(reply.header("X-Gitea-Warning").is_some(), "{:?}", reply.headers);
    }
    forge.finish();
}
