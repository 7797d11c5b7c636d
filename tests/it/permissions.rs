//! Who may do what: the whole matrix of people, repositories and ways in, and credentials that no longer count.

use crate::dsl::pack::{Pack, ZERO};
use crate::dsl::persona::Credential;
use crate::dsl::{Call, Forge, Git, PATIENCE, Persona, until};

/// What one person is expected to get, for one repository.
struct Expected {
    who: &'static str,
    /// `git clone`: status of the upload-pack advertisement.
    clone: u16,
    /// `git push`: status of the receive-pack advertisement and of a push without it.
    push: u16,
    /// GET of the repository.
    read: u16,
    /// PATCH of the repository, which needs the level admin.
    edit: u16,
    /// PUT of a collaborator, which needs the level admin.
    share: u16,
}

const fn row(who: &'static str, clone: u16, push: u16, read: u16, edit: u16, share: u16) -> Expected {
    Expected { who, clone, push, read, edit, share }
}

const PUBLIC: [Expected; 7] = [
    row("anonymous", 200, 401, 200, 401, 401),
    row("stranger", 200, 403, 200, 403, 403),
    row("reader", 200, 403, 200, 403, 403),
    row("writer", 200, 200, 200, 403, 403),
    row("warden", 200, 200, 200, 200, 204),
    row("owner", 200, 200, 200, 200, 204),
    row("admin", 200, 200, 200, 200, 204),
];

const PRIVATE: [Expected; 7] = [
    row("anonymous", 401, 401, 404, 404, 404),
    row("stranger", 404, 404, 404, 404, 404),
    row("reader", 200, 403, 200, 403, 403),
    row("writer", 200, 200, 200, 403, 403),
    row("warden", 200, 200, 200, 200, 204),
    row("owner", 200, 200, 200, 200, 204),
    row("admin", 200, 200, 200, 200, 204),
];

fn person(forge: &Forge, who: &str) -> Persona {
    match who {
        "anonymous" => forge.anonymous(),
        "admin" => forge.admin(),
        other => forge.user(other),
    }
}

fn shared_repository(forge: &Forge, name: &str, private: bool) -> String {
    let owner = forge.user("owner");
    let repository = if private { owner.create_private_repository(name) } else { owner.create_repository(name) };
    for (login, level) in [("reader", "read"), ("writer", "write"), ("warden", "admin")] {
        forge.user(login);
        owner.invite(&repository, login, level);
    }
    let work = Git::new().init("work");
    work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &owner.url(&repository), "main"]);
    repository
}

#[test]
fn the_matrix_of_people_and_ways_in_is_as_written() {
    let forge = Forge::start();
    forge.user("guest");
    for (name, private, table) in [("open", false, &PUBLIC), ("closed", true, &PRIVATE)] {
        let repository = shared_repository(&forge, name, private);
        let api = format!("/api/v1/repos/{repository}");
        for (index, expected) in table.iter().enumerate() {
            let who = person(&forge, expected.who);
            let case = format!("{} on the {name} repository", expected.who);
            let told = |what: &str, got: u16, want: u16| {
                // An anonymous write may ask for a credential before it hides what is private: both tell nothing.
                let hidden = private && expected.who == "anonymous" && want == 404 && got == 401 && what != "read";
                assert!(got == want || hidden, "{case}, {what}: expected {want}, got {got}");
            };
            let advertised = who.info_refs(&repository, "git-upload-pack");
            told("clone", advertised.status, expected.clone);
            let pushing = who.info_refs(&repository, "git-receive-pack");
            told("push", pushing.status, expected.push);
            for reply in [&advertised, &pushing] {
                let challenge = reply.header("WWW-Authenticate").is_some_and(|value| value.starts_with("Basic realm="));
                assert_eq!(challenge, reply.status == 401, "{case}: challenge {:?}", reply.headers);
            }
            let mut body = b"0011command=fetch0001".to_vec();
            body.extend_from_slice(b"0009done\n0000");
            let fetch =
                Call::new("POST", &format!("/{repository}.git/git-upload-pack")).header("Git-Protocol", "version=2");
            let fetched = who.send(fetch.body("application/x-git-upload-pack-request", body));
            assert_eq!(fetched.status == 200, expected.clone == 200, "{case}, fetch by hand: {}", fetched.status);
            if fetched.status != 200 {
                assert_eq!(fetched.status, expected.clone, "{case}, fetch by hand");
            }
            // A push without asking first: the right is checked where the refs move.
            let before = forge.server_git(&repository).refs();
            let mut pack = Pack::new();
            let tip = pack.add_commit(&[], "b.md", format!("{case}\n").as_bytes());
            let branch = format!("refs/heads/by-{index}");
            let pushed = who.push_one(&repository, (ZERO, &tip, branch.as_bytes()), &pack.bytes());
            told("push by hand", pushed.reply.status, expected.push);
            assert_eq!(pushed.accepted(), expected.push == 200, "{case}: {pushed:?}");
            if expected.push != 200 {
                assert_eq!(forge.server_git(&repository).refs(), before, "{case}: a ref moved");
            }
            told("read", who.get(&api).status, expected.read);
            told("branches", who.get(&format!("{api}/branches")).status, expected.read);
            told("tags", who.get(&format!("{api}/tags")).status, expected.read);
            told("refs", who.get(&format!("{api}/git/refs")).status, expected.read);
            let edit = serde_json::json!({ "description": format!("edited by {}", expected.who) });
            told("edit", who.patch(&api, &edit).status, expected.edit);
            let share = serde_json::json!({ "permission": "read" });
            told("share", who.put(&format!("{api}/collaborators/guest"), &share).status, expected.share);
        }
    }
    forge.finish();
}

#[test]
fn only_owner_and_site_admin_delete_or_hand_out() {
    let forge = Forge::start();
    for (who, status) in
        [("anonymous", 401), ("stranger", 403), ("reader", 403), ("writer", 403), ("warden", 403), ("owner", 204)]
    {
        let repository = shared_repository(&forge, &format!("deleted-by-{who}"), false);
        let persona = person(&forge, who);
        persona.delete(&format!("/api/v1/repos/{repository}")).expect(status);
        let there = if status == 204 { 404 } else { 200 };
        forge.admin().get(&format!("/api/v1/repos/{repository}")).expect(there);
        assert_eq!(forge.repository_dir(&repository).exists(), there == 200, "{who}: the directory");
    }
    let repository = shared_repository(&forge, "deleted-by-admin", true);
    forge.user("stranger").delete(&format!("/api/v1/repos/{repository}")).expect(404);
    forge.admin().delete(&format!("/api/v1/repos/{repository}")).expect(204);
    let gone = forge.user("owner").info_refs(&repository, "git-upload-pack");
    assert_eq!(gone.status, 404);
    forge.finish();
}

#[test]
fn a_private_repository_looks_like_none() {
    let forge = Forge::start();
    let closed = shared_repository(&forge, "closed", true);
    let open = shared_repository(&forge, "open", false);
    let never = "owner/never-was".to_owned();
    for who in [forge.anonymous(), forge.user("stranger")] {
        for path in ["", "/branches", "/branches/main", "/tags", "/git/refs", "/git/refs/heads/main", "/collaborators"]
        {
            let hidden = who.get(&format!("/api/v1/repos/{closed}{path}"));
            let absent = who.get(&format!("/api/v1/repos/{never}{path}"));
            assert_eq!(hidden.status, absent.status, "{}: {path}", who.login);
            assert_eq!(hidden.json(), absent.json(), "{}: {path}", who.login);
        }
        for service in ["git-upload-pack", "git-receive-pack"] {
            let hidden = who.info_refs(&closed, service);
            let absent = who.info_refs(&never, service);
            assert_eq!(hidden.status, absent.status, "{}: {service}", who.login);
            let text = |text: String| text.replace("never-was", "closed");
            assert_eq!(text(hidden.text()), text(absent.text()), "{}: {service}", who.login);
        }
        let found = who.get("/api/v1/repos/search?limit=50").expect(200).json();
        let names: Vec<_> = found["data"].as_array().unwrap().iter().map(|row| row["full_name"].clone()).collect();
        assert!(
            names.contains(&open.clone().into()) && !names.contains(&closed.clone().into()),
            "{}: {names:?}",
            who.login
        );
        let listed = who.get("/api/v1/users/owner/repos").expect(200).text();
        assert!(!listed.contains("closed"), "{}: {listed}", who.login);
    }
    let found = forge.user("reader").get("/api/v1/repos/search?q=closed").expect(200).text();
    assert!(found.contains("owner/closed"), "who may read it finds it: {found}");
    let challenged = Git::new().fails(&["clone", &forge.anonymous().url(&closed), "copy"]);
    assert!(challenged.contains("could not read Username") || challenged.contains("Authentication"), "{challenged}");
    let refused = Git::new().fails(&["clone", &forge.user("stranger").url(&closed), "copy"]);
    assert!(refused.contains("not found"), "{refused}");
    forge.finish();
}

#[test]
fn token_scopes_bound_what_a_token_can_do() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let open = ada.create_repository("open");
    let closed = ada.create_private_repository("closed");
    let by = |name: &str, scopes: &[&str]| ada.with_token(name, scopes);
    let push = |who: &Persona, repository: &str, branch: &str| {
        let mut pack = Pack::new();
        let tip = pack.add_commit(&[], "a.md", branch.as_bytes());
        who.push_one(repository, (ZERO, &tip, format!("refs/heads/{branch}").as_bytes()), &pack.bytes())
    };
    let edit = serde_json::json!({ "description": "x" });

    let reading = by("reading", &["read:repository"]);
    assert_eq!(reading.info_refs(&closed, "git-upload-pack").status, 200);
    assert_eq!(reading.info_refs(&closed, "git-receive-pack").status, 403);
    assert_eq!(push(&reading, &closed, "by-reading").reply.status, 403);
    reading.get(&format!("/api/v1/repos/{closed}")).expect(200);
    let refusal = reading.patch(&format!("/api/v1/repos/{closed}"), &edit).expect(403).json();
    let message = refusal["message"].as_str().unwrap();
    assert!(message.contains("required=[write:repository]"), "{message}");
    reading.get("/api/v1/user").expect(403);

    let writing = by("writing", &["write:repository"]);
    assert!(push(&writing, &closed, "by-writing").accepted());
    writing.patch(&format!("/api/v1/repos/{closed}"), &edit).expect(200);
    writing.get("/api/v1/admin/users").expect(403);

    let elsewhere = by("elsewhere", &["read:user", "write:issue"]);
    elsewhere.get("/api/v1/user").expect(200);
    elsewhere.get(&format!("/api/v1/repos/{closed}")).expect_one_of(&[403, 404]);
    assert!(matches!(elsewhere.info_refs(&closed, "git-upload-pack").status, 403 | 404));
    assert!(matches!(push(&elsewhere, &closed, "by-elsewhere").reply.status, 403 | 404));

    let public_only = by("public-only", &["write:repository", "read:user", "public-only"]);
    public_only.get(&format!("/api/v1/repos/{open}")).expect(200);
    public_only.get(&format!("/api/v1/repos/{closed}")).expect_one_of(&[403, 404]);
    assert!(matches!(public_only.info_refs(&closed, "git-upload-pack").status, 403 | 404));
    assert!(matches!(push(&public_only, &closed, "by-public-only").reply.status, 403 | 404));
    assert!(push(&public_only, &open, "by-public-only").accepted());
    let listed = public_only.get("/api/v1/user/repos").expect_one_of(&[200, 403]).text();
    assert!(!listed.contains("closed"), "{listed}");

    // An administrator's token without the admin scope is no administrator's.
    let admin = forge.admin().by_password();
    let narrow = admin.with_token("narrow", &["read:repository", "read:user"]);
    narrow.get("/api/v1/admin/users").expect(403);
    for bad in [serde_json::json!([]), serde_json::json!(["everything"]), serde_json::json!(["read:nothing"])] {
        let body = serde_json::json!({ "name": "bad", "scopes": bad });
        ada.by_password().post("/api/v1/users/ada/tokens", &body).expect(400);
    }
    forge.finish();
}

#[test]
fn tokens_are_made_and_removed_only_with_the_password_and_by_their_owner() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let bob = forge.user("bob");
    let body = serde_json::json!({ "name": "more", "scopes": ["all"] });
    // A stolen token must not breed.
    ada.post("/api/v1/users/ada/tokens", &body).expect_one_of(&[401, 403]);
    bob.by_password().post("/api/v1/users/ada/tokens", &body).expect_one_of(&[403, 404]);
    bob.by_password().get("/api/v1/users/ada/tokens").expect_one_of(&[403, 404]);
    let listed = ada.by_password().get("/api/v1/users/ada/tokens").expect(200).json();
    let first = &listed[0];
    assert_eq!(first["name"], "tests");
    assert!(first["sha1"].as_str().is_none_or(str::is_empty), "the value is shown only once: {first}");
    assert_eq!(first["token_last_eight"].as_str().map(str::len), Some(8));
    let duplicate = serde_json::json!({ "name": "tests", "scopes": ["all"] });
    ada.by_password().post("/api/v1/users/ada/tokens", &duplicate).expect(400);
    bob.by_password().delete("/api/v1/users/ada/tokens/tests").expect_one_of(&[403, 404]);
    forge.finish();
}

#[test]
fn credentials_stop_counting_at_once() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_private_repository("closed");
    let works = |who: &Persona| {
        let ask = || [who.get("/api/v1/user").status, who.info_refs(&repository, "git-upload-pack").status];
        let mut statuses = ask();
        if statuses == [200, 401] {
            // It may have expired between the two.
            statuses = ask();
        }
        assert!(statuses == [200, 200] || statuses == [401, 401], "API and git disagree: {statuses:?}");
        statuses[0] == 200
    };

    let brief = ada.with_token("brief", &["all"]);
    assert!(works(&brief));
    ada.by_password().delete("/api/v1/users/ada/tokens/brief").expect(204);
    assert!(!works(&brief), "a deleted token still works");

    let expires = serde_json::json!({ "name": "expiring", "scopes": ["all"], "expires_at": in_two_seconds() });
    let reply = ada.by_password().post("/api/v1/users/ada/tokens", &expires).expect(201).json();
    let expiring = ada.by(Credential::Token(reply["sha1"].as_str().unwrap().to_owned()));
    assert!(works(&expiring), "a token works until it expires");
    until("the token to expire", PATIENCE, || if works(&expiring) { Err("it still works".to_owned()) } else { Ok(()) });
    let past = serde_json::json!({ "name": "past", "scopes": ["all"], "expires_at": "2001-01-01T00:00:00Z" });
    ada.by_password().post("/api/v1/users/ada/tokens", &past).expect_one_of(&[400, 422]);

    for wrong in ["wrong", "", "canary-password-of-ada-Zx81 "] {
        let wrong = ada.by(Credential::Password(wrong.to_owned()));
        wrong.get("/api/v1/version").expect(401);
        assert_eq!(wrong.info_refs(&repository, "git-upload-pack").status, 401);
    }
    ada.by(Credential::Token("0123456789012345678901234567890123456789".to_owned())).get("/api/v1/version").expect(401);

    let changed = serde_json::json!({ "password": "canary-new-password-77", "login_name": "ada", "source_id": 0 });
    assert!(works(&ada.by_password()));
    forge.admin().patch("/api/v1/admin/users/ada", &changed).expect(200);
    assert!(!works(&ada.by_password()), "the old password still works");
    let renewed = ada.by(Credential::Password("canary-new-password-77".to_owned()));
    assert!(works(&renewed));

    let token = renewed.by(ada.credential.clone());
    assert!(works(&token), "a new password leaves tokens alone");
    for field in ["prohibit_login", "active"] {
        let (off, on) = (field == "prohibit_login", field == "active");
        let disable = serde_json::json!({ field: off, "login_name": "ada", "source_id": 0 });
        forge.admin().patch("/api/v1/admin/users/ada", &disable).expect(200);
        for who in [&renewed, &token] {
            let status = who.get("/api/v1/user").status;
            assert!(matches!(status, 401 | 403), "{field}: a disabled user is answered {status}");
            let status = who.info_refs(&repository, "git-receive-pack").status;
            assert!(matches!(status, 401 | 403), "{field}: git answers a disabled user {status}");
        }
        let enable = serde_json::json!({ field: on, "login_name": "ada", "source_id": 0 });
        forge.admin().patch("/api/v1/admin/users/ada", &enable).expect(200);
        assert!(works(&token), "{field}: enabled again");
    }
    forge.shared().guard_secret("canary-new-password-77");
    forge.finish();
}

#[test]
fn revoked_collaborators_and_hidden_repositories_are_shut_at_once() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let bob = forge.user("bob");
    let repository = ada.create_private_repository("closed");
    ada.invite(&repository, "bob", "write");
    assert_eq!(bob.info_refs(&repository, "git-receive-pack").status, 200);
    ada.invite(&repository, "bob", "read");
    assert_eq!(bob.info_refs(&repository, "git-receive-pack").status, 403);
    assert_eq!(bob.info_refs(&repository, "git-upload-pack").status, 200);
    ada.delete(&format!("/api/v1/repos/{repository}/collaborators/bob")).expect(204);
    assert_eq!(bob.info_refs(&repository, "git-upload-pack").status, 404);
    bob.get(&format!("/api/v1/repos/{repository}")).expect(404);

    let open = ada.create_repository("open");
    assert_eq!(bob.info_refs(&open, "git-upload-pack").status, 200);
    ada.patch(&format!("/api/v1/repos/{open}"), &serde_json::json!({ "private": true })).expect(200);
    assert_eq!(bob.info_refs(&open, "git-upload-pack").status, 404);
    assert_eq!(forge.anonymous().info_refs(&open, "git-upload-pack").status, 401);
    forge.finish();
}

#[test]
fn an_archived_repository_is_read_only() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = shared_repository(&forge, "archived", false);
    let owner = forge.user("owner");
    owner.patch(&format!("/api/v1/repos/{repository}"), &serde_json::json!({ "archived": true })).expect(200);
    let copy = ada.clone_repository(&repository);
    copy.commit("b.md", "x\n");
    let refusal = copy.fails(&["push", &owner.url(&repository), "main"]);
    assert!(refusal.contains("archived") || refusal.contains("403") || refusal.contains("423"), "{refusal}");
    owner.patch(&format!("/api/v1/repos/{repository}"), &serde_json::json!({ "archived": false })).expect(200);
    copy.ok(&["push", "--quiet", &owner.url(&repository), "main"]);
    forge.finish();
}

#[test]
fn only_administrators_administer() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let user = serde_json::json!({ "username": "eve", "email": "eve@example.org", "password": "canary-Eve-123456" });
    for (who, status) in [(forge.anonymous(), 401), (ada.clone(), 403)] {
        who.get("/api/v1/admin/users").expect(status);
        who.post("/api/v1/admin/users", &user).expect(status);
        who.delete("/api/v1/admin/users/ada").expect(status);
        let promote = serde_json::json!({ "admin": true, "login_name": "ada", "source_id": 0 });
        who.patch("/api/v1/admin/users/ada", &promote).expect(status);
        who.get("/api/v1/user").expect(if status == 401 { 401 } else { 200 });
    }
    let me = ada.get("/api/v1/user").expect(200).json();
    assert_eq!(me["is_admin"], false, "{me}");
    forge
        .admin()
        .patch("/api/v1/admin/users/ada", &serde_json::json!({ "admin": true, "login_name": "ada", "source_id": 0 }))
        .expect(200);
    ada.get("/api/v1/admin/users").expect(200);
    forge.finish();
}

fn in_two_seconds() -> String {
    let then = std::time::SystemTime::now() + std::time::Duration::from_secs(3);
    let seconds = then.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().cast_signed();
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}
