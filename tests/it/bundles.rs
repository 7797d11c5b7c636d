//! Bundles made by maintenance: offered to clients, downloaded like a clone by those who may clone, and gone with the history they hold.

use crate::dsl::forge::binary;
use crate::dsl::pack::{Pack, ZERO, pkt, push_body};
use crate::dsl::{Call, Forge, Git, PATIENCE, Persona, sop, until};

fn eager() -> Forge {
    Forge::with()
        .setting("maintenance", "quiet_seconds", 0)
        .setting("maintenance", "poll_seconds", 1)
        .setting("maintenance", "bundle_min_bytes", 0)
        .start()
}

/// What `bundle-uri` answers: path and status.
fn listed(who: &Persona, repository: &str) -> (u16, Option<String>) {
    let body = [pkt(b"command=bundle-uri\n"), b"0001".to_vec(), b"0000".to_vec()].concat();
    let call = Call::new("POST", &format!("/{repository}.git/git-upload-pack"))
        .header("Git-Protocol", "version=2")
        .body("application/x-git-upload-pack-request", body);
    let reply = who.send(call);
    let text = reply.text();
    let uri = text.split_once(".uri=").map(|(_, rest)| rest.split(".bundle").next().unwrap().to_owned() + ".bundle");
    (reply.status, uri)
}

fn download(who: &Persona, repository: &str, uri: &str) -> crate::dsl::Reply {
    who.send(Call::new("GET", &format!("/{repository}.git/{uri}")))
}

fn wait_for_bundle(who: &Persona, repository: &str) -> String {
    until("a bundle", PATIENCE, || listed(who, repository).1.ok_or_else(|| "none is listed".to_owned()))
}

#[test]
fn a_clone_takes_a_bundle_that_maintenance_made() {
    let forge = eager();
    let ada = forge.user("ada");
    let repository = ada.create_private_repository("sop");
    let work = Git::new().init("work");
    sop::fill(&work, 40);
    work.ok(&["tag", "-a", "-m", "one", "v1"]);
    work.ok(&["push", "--quiet", "--follow-tags", &ada.url(&repository), "main"]);
    let uri = wait_for_bundle(&ada, &repository);
    let refs = Call::new("GET", &format!("/{repository}.git/info/refs?service=git-upload-pack"));
    let offered = ada.send(refs.header("Git-Protocol", "version=2")).expect(200).text();
    assert!(offered.contains("bundle-uri\n"), "{offered}");

    let whole = download(&ada, &repository, &uri).expect(200);
    assert!(whole.body.starts_with(b"# v2 git bundle\n"));
    assert_eq!(whole.header("Accept-Ranges"), Some("bytes"));
    assert!(whole.header("Cache-Control").unwrap().contains("no-cache"), "{:?}", whole.headers);
    let range = Call::new("GET", &format!("/{repository}.git/{uri}")).header("Range", "bytes=100-");
    let rest = ada.send(range).expect(206);
    assert!(rest.body == whole.body[100..], "another rest");

    // By the address that the protocol tells, as clients resolve it.
    let url = ada.url(&repository);
    let git = Git::new();
    let clone = git.run(&["clone", "--quiet", &format!("--bundle-uri={url}/{uri}"), &url, "copy"]).ok();
    assert_eq!(clone.stderr.trim(), "", "the bundle was taken without a word");
    let copy = git.at("copy");
    assert_eq!(copy.ok(&["rev-parse", "refs/bundles/main"]), work.ok(&["rev-parse", "main"]));
    assert_eq!(copy.refs().lines().filter(|line| line.contains("refs/tags/v1")).count(), 1);
    copy.fsck();
    forge.finish();
}

#[test]
fn a_bundle_is_for_those_who_may_clone() {
    let forge = eager();
    let (ada, bob) = (forge.user("ada"), forge.user("bob"));
    let repository = ada.create_private_repository("sop");
    let work = Git::new().init("work");
    work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let uri = wait_for_bundle(&ada, &repository);
    for (who, status) in [(forge.anonymous(), 401), (bob.clone(), 404)] {
        assert_eq!(listed(&who, &repository), (status, None));
        download(&who, &repository, &uri).expect(status);
    }
    download(&ada.with_token("other", &["read:user"]), &repository, &uri).expect(403);
    ada.invite(&repository, "bob", "read");
    download(&bob, &repository, &uri).expect(200);
    ada.delete(&format!("/api/v1/repos/{repository}/collaborators/bob")).expect(204);
    download(&bob, &repository, &uri).expect(404);
    for name in ["bundles/..%2fHEAD", "bundles/%2e%2e%2fconfig", "bundles/1.bundle", "bundles/", "bundles/x/y"] {
        download(&ada, &repository, name).expect(404);
    }
    // The repository moves and the bundle with it; a deleted one has none.
    ada.patch(&format!("/api/v1/repos/{repository}"), &serde_json::json!({ "name": "procedures" })).expect(200);
    download(&ada, "ada/procedures", &uri).expect(200);
    ada.delete("/api/v1/repos/ada/procedures").expect(204);
    download(&ada, "ada/procedures", &uri).expect(404);
    forge.finish();
}

#[test]
fn history_taken_out_of_a_repository_is_in_no_bundle() {
    let forge = eager();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let mut pack = Pack::new();
    let tip = pack.add_commit(&[], "a.md", b"one\n");
    let secret = pack.add_commit(&[&tip], "key", b"a secret\n");
    let name = b"refs/heads/main".as_slice();
    assert!(ada.push_one(&repository, (ZERO, &secret, name), &pack.bytes()).accepted());
    let uri = wait_for_bundle(&forge.anonymous(), &repository);
    download(&forge.anonymous(), &repository, &uri).expect(200);
    let back = push_body(&[(&secret, &tip, name)], "report-status", &Pack::new().bytes());
    assert!(ada.push_raw(&repository, back).accepted());
    // Not the file, from the moment the push is answered; a new one follows in time.
    download(&forge.anonymous(), &repository, &uri).expect(404);
    let next = wait_for_bundle(&forge.anonymous(), &repository);
    assert_ne!(next, uri);
    let bundle = download(&forge.anonymous(), &repository, &next).expect(200);
    assert!(!String::from_utf8_lossy(&bundle.body).contains(&secret));
    until("the old file is removed", PATIENCE, || {
        let left = std::fs::read_dir(forge.repository_dir(&repository).join("bundles")).unwrap().count();
        (left == 1).then_some(()).ok_or(format!("{left} files"))
    });
    forge.finish();
}

#[test]
fn maintain_makes_a_bundle_that_the_server_finds() {
    let mut forge = Forge::with().setting("maintenance", "enabled", false).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let work = Git::new().init("work");
    work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    assert_eq!(listed(&ada, &repository), (200, None));
    forge.stop();
    let done = binary(&["maintain", &repository, "--data-dir", forge.data_dir().to_str().unwrap()]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    forge.restart();
    let uri = listed(&ada, &repository).1.expect("a bundle is listed");
    assert!(download(&ada, &repository, &uri).expect(200).body.starts_with(b"# v2 git bundle\n"));
    forge.finish();
}
