//! What a push may carry besides refs: options, a signature, a proposal, a repository that does not exist yet, too many bytes.

use serde_json::Value;

use crate::dsl::chance::Chance;
use crate::dsl::pack::{Kind, Pack, ZERO, commit, tree};
use crate::dsl::{Forge, Git};

/// A working copy with one commit on `main`.
fn copy() -> Git {
    let git = Git::new().init("copy");
    git.commit(
        "SOP-001.md",
        "# SOP-001
",
    );
    git
}

/// Everything the ledger says about one kind of change.
fn events(forge: &Forge, action: &str) -> Vec<Value> {
    let mut events = forge.evidence().events_after(0);
    events.retain(|event| event["action"] == action);
    events
}

/// What the ledger says besides the refs, about the last change of any ref.
fn last_said(forge: &Forge) -> Value {
    events(forge, "git.ref_update").last().unwrap()["after"].clone()
}

#[test]
fn push_options_are_kept_in_the_ledger_and_change_nothing() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_private_repository("sop");
    let git = copy();
    let url = ada.url(&repository);
    git.ok(&["push", "-q", "-o", "repo.private=false", "-o", "reason=für Ada", &url, "main"]);
    assert_eq!(last_said(&forge)["push_options"], serde_json::json!(["repo.private=false", "reason=für Ada"]));
    forge.get(&format!("/api/v1/repos/{repository}")).expect(404);
    git.ok(&["commit", "-q", "--allow-empty", "-m", "again"]);
    git.ok(&["push", "-q", &url, "main"]);
    assert_eq!(last_said(&forge), Value::Null);
    forge.finish();
}

#[test]
fn a_signed_push_leaves_its_certificate() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let git = copy();
    let key = git.dir().join(".git/signing-key");
    let mut make = std::process::Command::new("ssh-keygen");
    let made = make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    if !made.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "ssh-keygen is needed");
        eprintln!("skipped: no ssh-keygen");
        return forge.finish();
    }
    let git = git.config("gpg.format", "ssh").config("user.signingKey", key.to_str().unwrap());
    let url = ada.url(&repository);
    let push = |more: &[&str]| git.ok(&[&["push", "-q", "--signed"], more].concat());
    push(&["-o", "why=because", &url, "main"]);

    let said = last_said(&forge);
    assert_eq!(said["push_certificate"]["signature"], "unknown_key");
    let rows = forge.evidence().push_certificates();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(row.verification, "unknown_key");
    assert_eq!(row.sha256, said["push_certificate"]["sha256"].as_str().unwrap());
    assert_eq!(row.format, "ssh");
    assert!(row.fingerprint.as_deref().unwrap().starts_with("SHA256:"));
    assert!(row.certificate.starts_with("certificate version 0.1\npusher ") && row.certificate.contains("\nnonce "));
    assert!(row.certificate.contains("push-option why=because\n") && row.certificate.contains(" refs/heads/main\n"));
    // Somebody with the certificate and the public key can verify it anew, with the tool that made it.
    let (signed, signature) = row.certificate.split_at(row.certificate.find("-----BEGIN SSH").unwrap());
    std::fs::write(git.dir().join("signature"), signature).unwrap();
    std::fs::write(git.dir().join("signed"), signed).unwrap();
    let mut check = std::process::Command::new("ssh-keygen");
    check.args(["-Y", "check-novalidate", "-n", "git", "-s"]).arg(git.dir().join("signature"));
    check.stdin(std::fs::File::open(git.dir().join("signed")).unwrap()).stdout(std::process::Stdio::null());
    assert!(check.status().unwrap().success());

    // Deleting is signed as well; what is signed twice is two certificates.
    git.ok(&["push", "-q", &url, "main:refs/heads/other"]);
    push(&[&url, ":refs/heads/other"]);
    assert_eq!(forge.evidence().push_certificates().len(), 2);

    // A key that an account registered names the signer; somebody else's push may carry it all the same.
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let body = serde_json::json!({ "title": "signing", "key": public.trim() });
    ada.post("/api/v1/user/keys", &body).expect(201);
    push(&[&url, "main:refs/heads/third"]);
    assert_eq!(last_said(&forge)["push_certificate"]["signature"], "verified");
    let rows = forge.evidence().push_certificates();
    assert_eq!(rows.last().map(|row| row.verification.as_str()), Some("verified"));
    forge.finish();
}

#[test]
fn forged_certificates_are_refused() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let git = copy();
    let tip = git.ok(&["rev-parse", "main"]);
    let body = |nonce: &str, signature: &str| {
        let mut bytes = Vec::new();
        let mut line = |text: &str| bytes.extend_from_slice(format!("{:04x}{text}", text.len() + 4).as_bytes());
        line("push-cert\0report-status agent=test\n");
        let nonce = format!("nonce {nonce}\n");
        let command = format!("{ZERO} {tip} refs/heads/main\n");
        for text in ["certificate version 0.1\n", "pusher A <a@b> 1 +0000\n", nonce.as_str(), "\n", command.as_str()] {
            line(text);
        }
        for text in signature.split_inclusive('\n') {
            line(text);
        }
        line("push-cert-end\n");
        bytes.extend_from_slice(b"0000");
        bytes.extend(Pack::new().bytes());
        bytes
    };
    let advertised = ada.info_refs(&repository, "git-receive-pack").text();
    let nonce = advertised.split("push-cert=").nth(1).unwrap().split([' ', '\n']).next().unwrap().to_owned();
    let other = nonce.replace(&nonce[nonce.len() - 4..], "0000");
    let ssh = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n";
    for (nonce, signature, reason) in [
        (other.as_str(), ssh, "nonce"),
        ("1-x", ssh, "nonce"),
        (nonce.as_str(), ssh, "not valid"),
        (nonce.as_str(), "", "not signed"),
    ] {
        let reply = ada.push_raw(&repository, body(nonce, signature));
        assert!(!reply.accepted() && reply.reason().contains(reason), "{nonce} {signature}: {reply:?}");
    }
    assert!(forge.evidence().push_certificates().is_empty());
    forge.finish();
}

#[test]
fn proposals_are_refused_ref_by_ref() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let git = copy();
    let url = ada.url(&repository);
    let output = git.fails(&["push", "--porcelain", &url, "main", "HEAD:refs/for/main"]);
    assert!(output.contains("push a branch instead"), "{output}");
    assert!(output.contains("refs/heads/main:refs/heads/main\t[new branch]"), "{output}");
    forge.finish();
}

#[test]
fn a_push_makes_a_private_repository_where_that_is_allowed() {
    let forge = Forge::with().setting("git", "push_to_create", true).start();
    let (ada, bob) = (forge.user("ada"), forge.user("bob"));
    let git = copy();
    git.ok(&["push", "-q", &ada.url("ada/made"), "main"]);
    forge.get("/api/v1/repos/ada/made").expect(404);
    ada.get("/api/v1/repos/ada/made").expect(200);
    assert_eq!(events(&forge, "repository.create").len(), 1);
    for (who, name) in [(&ada, "bob/made"), (&bob, "ada/other")] {
        git.fails(&["push", "-q", &who.url(name), "main"]);
    }
    // A look is not a push.
    assert_eq!(ada.info_refs("ada/look", "git-receive-pack").status, 200);
    assert_eq!(ada.info_refs("ada/look", "git-upload-pack").status, 404);
    ada.get("/api/v1/repos/ada/look").expect(404);
    forge.finish();

    let forge = Forge::start();
    let ada = forge.user("ada");
    let git = copy();
    git.fails(&["push", "-q", &ada.url("ada/made"), "main"]);
    ada.get("/api/v1/repos/ada/made").expect(404);
    forge.finish();
}

#[test]
fn repositories_and_files_have_limits() {
    let forge =
        Forge::with().setting("git", "max_repository_bytes", 60_000).setting("git", "max_blob_bytes", 50_000).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let git = copy();
    let url = ada.url(&repository);
    git.ok(&["push", "-q", &url, "main"]);
    let mut noise = Chance::seeded(3);
    let mut add = |name: &str, len: usize| {
        std::fs::write(git.dir().join(name), noise.noise(len)).unwrap();
        git.ok(&["add", "."]);
        git.ok(&["commit", "-q", "-m", name]);
        git.run(&["push", "-q", &url, "main"])
    };
    assert!(add("fits", 40_000).success);
    let ran = add("too much", 40_000);
    assert!(!ran.success && ran.all().contains("its limit is 60000"), "{}", ran.all());
    git.ok(&["reset", "-q", "--hard", "HEAD^"]);
    let ran = add("too large", 50_001);
    assert!(!ran.success && ran.all().contains("size of a file"), "{}", ran.all());
    forge.finish();
}

#[test]
fn old_histories_are_imported_where_their_faults_are_ignored() {
    let zero_padded = |forge: &Forge| {
        let ada = forge.user("ada");
        let repository = ada.create_repository("old");
        let mut pack = Pack::new();
        let blob = pack.add(Kind::Blob, b"x\n");
        let sub = pack.add(Kind::Tree, &tree(&[("100644", b"x", &blob)]));
        let root = pack.add(Kind::Tree, &tree(&[("040000", b"sub", &sub)]));
        let tip = pack.add(Kind::Commit, &commit(&root, &[], "old"));
        ada.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes())
    };
    let strict = Forge::start();
    let reply = zero_padded(&strict);
    assert!(!reply.accepted() && reply.reason().contains("zeroPaddedFilemode"), "{reply:?}");
    strict.finish();
    let lenient = Forge::with().setting("git", "fsck_ignore", "zeroPaddedFilemode,badTimezone").start();
    assert!(zero_padded(&lenient).accepted());
    // What was let in is what strict fsck complains of; nobody wants it at the end.
    lenient.user("ada").delete("/api/v1/repos/ada/old").expect(204);
    lenient.finish();
}

#[test]
fn a_shallow_clone_pushes_what_it_made() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let git = copy();
    for n in 0..4 {
        git.ok(&["commit", "-q", "--allow-empty", "-m", &n.to_string()]);
    }
    let url = ada.url(&repository);
    git.ok(&["push", "-q", &url, "main"]);
    let home = Git::new();
    home.ok(&["clone", "-q", "--depth=1", &url, "shallow"]);
    let shallow = home.at("shallow");
    shallow.ok(&["commit", "-q", "--allow-empty", "-m", "from a shallow clone"]);
    shallow.ok(&["push", "-q", "origin", "HEAD:main"]);
    // Where the history it lacks is not known, it cannot push.
    let empty = ada.create_repository("empty");
    let output = shallow.fails(&["push", &ada.url(&empty), "HEAD:refs/heads/main"]);
    assert!(output.contains("missing commit"), "{output}");
    forge.finish();
}
