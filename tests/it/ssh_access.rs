//! Who may do what over SSH: by whose key, in which repository, and what the ledger says about it.

use crate::dsl::{Forge, Identity, ssh};

#[test]
fn keys_open_what_their_owners_may_and_the_ledger_names_them() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let (ada, bob, cleo) = (forge.user("ada"), forge.user("bob"), forge.user("cleo"));
    let (of_ada, of_bob, of_cleo) = (Identity::new(), Identity::of_type(&["-t", "rsa", "-b", "2048"]), Identity::new());
    let of_ecdsa = Identity::of_type(&["-t", "ecdsa", "-b", "384"]);
    of_ada.register(&ada, "laptop");
    of_ecdsa.register(&ada, "old laptop");
    of_bob.register(&bob, "laptop");
    of_cleo.register(&cleo, "laptop");
    let repository = ada.create_private_repository("secret");
    ada.invite(&repository, "cleo", "read");
    let addr = forge.ssh_addr();

    let ssh = of_ada.at(addr);
    let work = ssh.git().init("work");
    work.commit("SOP-001.md", "# Cleaning\n");
    let before = forge.evidence().last_event();
    work.ok(&["push", "--quiet", &ssh.url(&repository), "main"]);
    let events = forge.evidence().events_after(before);
    let push = events.iter().find(|event| event["action"] == "git.ref_update").expect("a push is an event");
    let keys = ada.get("/api/v1/user/keys").expect(200).json();
    assert_eq!((push["actor"]["login"].as_str(), push["auth"]["method"].as_str()), (Some("ada"), Some("ssh")));
    assert_eq!(push["auth"]["key"], keys[0]["fingerprint"]);
    of_ecdsa.at(addr).git().ok(&["ls-remote", &ssh.url(&repository)]);

    // A stranger learns nothing, not even that the repository exists.
    let stranger = of_bob.at(addr);
    let hidden = stranger.git().run(&["clone", &stranger.url(&repository), "copy"]);
    let absent = stranger.git().run(&["clone", &stranger.url("ada/absent"), "copy"]);
    assert!(!hidden.success && hidden.stderr.contains("repository not found"), "{}", hidden.stderr);
    assert_eq!(hidden.stderr, absent.stderr);

    // A reader reads and does not write.
    let reader = of_cleo.at(addr);
    let copy = reader.git();
    copy.ok(&["clone", "--quiet", &reader.url(&repository), "copy"]);
    let copy = copy.at("copy");
    copy.commit("SOP-002.md", "x\n");
    let refused = copy.run(&["push", "origin", "main"]);
    assert!(!refused.success && refused.stderr.contains("permission to write"), "{}", refused.stderr);

    // A key nobody registered, a removed one, and one of a disabled account.
    let unknown = Identity::new().at(addr).run(&[]);
    assert!(ssh::said(&unknown).contains("Permission denied"), "{}", ssh::said(&unknown));
    bob.delete(&format!("/api/v1/user/keys/{}", bob.get("/api/v1/user/keys").expect(200).json()[0]["id"])).expect(204);
    assert!(ssh::said(&stranger.run(&[])).contains("Permission denied"));
    forge.admin().patch("/api/v1/admin/users/cleo", &serde_json::json!({ "active": false })).expect(200);
    let disabled = reader.run(&[]);
    assert!(ssh::said(&disabled).contains("Permission denied"), "{}", ssh::said(&disabled));
    forge.finish();
}

#[test]
fn a_deploy_key_opens_one_repository_and_a_read_only_one_does_not_push() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let (reads, writes) = (Identity::new(), Identity::new());
    let repository = ada.create_private_repository("sops");
    let other = ada.create_repository("public");
    reads.deploy(&ada, &repository, "mirror", true);
    let id = writes.deploy(&ada, &repository, "build", false);
    let (reader, writer) = (reads.at(forge.ssh_addr()), writes.at(forge.ssh_addr()));
    let work = writer.git().init("work");
    work.commit("SOP-001.md", "# Cleaning\n");
    let before = forge.evidence().last_event();
    work.ok(&["push", "--quiet", &writer.url(&repository), "main"]);
    let events = forge.evidence().events_after(before);
    let push = events.iter().find(|event| event["action"] == "git.ref_update").expect("a push is an event");
    assert_eq!(
        (push["actor"]["login"].as_str(), push["actor"]["name"].as_str()),
        (Some("-deploy-key-"), Some("build"))
    );
    assert!(push["auth"]["key"].as_str().unwrap().starts_with("SHA256:"));

    let copy = reader.git();
    copy.ok(&["clone", "--quiet", &reader.url(&repository), "copy"]);
    let copy = copy.at("copy");
    copy.commit("SOP-002.md", "x\n");
    let refused = copy.run(&["push", "origin", "main"]);
    assert!(!refused.success && refused.stderr.contains("permission to write"), "{}", refused.stderr);
    for ssh in [&reader, &writer] {
        let outside = ssh.git().run(&["ls-remote", &ssh.url(&other)]);
        assert!(!outside.success && outside.stderr.contains("repository not found"), "{}", outside.stderr);
    }
    ada.delete(&format!("/api/v1/repos/{repository}/keys/{id}")).expect(204);
    assert!(ssh::said(&writer.run(&[])).contains("Permission denied"));
    forge.finish();
}

#[test]
fn keys_are_marked_as_used_and_added_on_the_command_line() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    let data_dir = forge.data_dir().to_string_lossy().into_owned();
    let file = identity.private_path().with_extension("pub").to_string_lossy().into_owned();
    let args = ["admin", "key", "add", "--data-dir", &data_dir, "--username", "ada", "--file", &file];
    let added = crate::dsl::forge::binary(&args).output().unwrap();
    assert!(added.status.success(), "{}", ssh::said(&added));
    let key = ada.get("/api/v1/user/keys").expect(200).json()[0].clone();
    assert_eq!(String::from_utf8_lossy(&added.stdout).trim(), key["fingerprint"].as_str().unwrap());
    assert_eq!((key["title"].as_str(), key["last_used_at"].as_str()), (Some("test"), Some("1970-01-01T00:00:00Z")));
    identity.at(forge.ssh_addr()).run(&[]);
    crate::dsl::until("the key to be marked as used", crate::dsl::PATIENCE, || {
        let key = ada.get("/api/v1/user/keys").expect(200).json()[0].clone();
        if key["last_used_at"] == "1970-01-01T00:00:00Z" { Err(key.to_string()) } else { Ok(()) }
    });
    // The private half, given by mistake.
    let private = identity.private_path().to_string_lossy().into_owned();
    let args = ["admin", "key", "add", "--data-dir", &data_dir, "--username", "ada", "--file", &private];
    let refused = crate::dsl::forge::binary(&args).output().unwrap();
    assert!(!refused.status.success() && ssh::said(&refused).contains("private key"), "{}", ssh::said(&refused));
    forge.finish();
}

#[test]
fn rules_bind_deploy_keys_and_accounts_over_ssh() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let (key, own) = (Identity::new(), Identity::new());
    let repository = ada.create_private_repository("sops");
    key.deploy(&ada, &repository, "build", false);
    own.register(&ada, "laptop");
    let (robot, person) = (key.at(forge.ssh_addr()), own.at(forge.ssh_addr()));
    let work = robot.git().init("work");
    work.commit("SOP-001.md", "# Cleaning\n");
    work.ok(&["push", "--quiet", &robot.url(&repository), "main"]);
    let rules = format!("/api/v1/repos/{repository}/branch_protections");
    let rule = serde_json::json!({ "rule_name": "main", "enable_push": true, "enable_push_whitelist": true });
    ada.post(&rules, &rule).expect(201);
    work.commit("SOP-001.md", "# Cleaning, again\n");
    let refused = work.run(&["push", &robot.url(&repository), "main"]);
    assert!(
        !refused.success && refused.stderr.contains("Not allowed to push to protected branch main"),
        "{}",
        refused.stderr
    );
    let events = forge.evidence().events_after(0);
    let refusal = events.iter().find(|event| event["action"] == "git.ref_refused").expect("a refusal is an event");
    assert_eq!(
        (refusal["actor"]["name"].as_str(), refusal["after"]["rule"].as_str()),
        (Some("build"), Some("branch:main"))
    );
    let rule = format!("{rules}/main");
    ada.patch(&rule, &serde_json::json!({ "push_whitelist_deploy_keys": true })).expect(200);
    work.ok(&["push", "--quiet", &robot.url(&repository), "main"]);
    // The owner is not on the list.
    let own_work = person.git();
    own_work.ok(&["clone", "--quiet", &person.url(&repository), "copy"]);
    let own_work = own_work.at("copy");
    own_work.commit("SOP-002.md", "x\n");
    let refused = own_work.run(&["push", "origin", "main"]);
    assert!(
        !refused.success && refused.stderr.contains("Not allowed to push to protected branch main"),
        "{}",
        refused.stderr
    );
    ada.patch(&rule, &serde_json::json!({ "push_whitelist_usernames": ["ada"] })).expect(200);
    own_work.ok(&["push", "--quiet", "origin", "main"]);
    forge.finish();
}
