//! What commits and tags say of their signatures: by keys of stock gpg and ssh, of every kind, right and wrong.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Api;
use super::git::{git, try_git};
use super::gpg::Gpg;

const COMMITS: &str = "/repos/ada/sops/git/commits";

/// A work tree whose pushes go to `ada/sops`, and a key ring.
struct World {
    api: Api,
    gpg: Gpg,
    dir: TempDir,
}

impl World {
    async fn start() -> Option<Self> {
        let api = Api::start().await;
        let Some(gpg) = Gpg::new().await else {
            api.finish().await;
            return None;
        };
        api.repository("ada", "sops", false).await;
        let dir = TempDir::new().unwrap();
        git(dir.path(), &["init", "--quiet"]).await;
        Some(Self { api, gpg, dir })
    }

    fn at(&self) -> &Path {
        self.dir.path()
    }

    /// Runs git with a key of the ring.
    async fn git_with(&self, at: Option<&str>, key: &str, args: &[&str]) -> String {
        let program = format!("gpg.program={}", self.gpg.program(at).display());
        let key = format!("user.signingKey={key}!");
        git(self.at(), &[&["-c", &program, "-c", &key], args].concat()).await
    }

    /// Makes a signed commit and answers its id.
    async fn commit(&self, at: Option<&str>, key: &str, message: &str) -> String {
        self.git_with(at, key, &["commit", "--quiet", "--allow-empty", "-S", "-m", message]).await;
        git(self.at(), &["rev-parse", "HEAD"]).await
    }

    /// Makes a commit by somebody else than the builder's, with a signature over one message that stands with another; answers its id.
    async fn sign_by_hand(&self, key: &str, address: &str, signed: &str, message: &str) -> String {
        let tree = git(self.at(), &["mktree"]).await;
        let who = format!("Somebody <{address}> 1700000000 +0000");
        let header = format!("tree {tree}\nauthor {who}\ncommitter {who}");
        let armor = self.gpg.sign(key, &format!("{header}\n\n{signed}\n")).await;
        let raw = format!("{header}\ngpgsig {}\n\n{message}\n", armor.trim_end().replace('\n', "\n "));
        std::fs::write(self.at().join("raw"), raw).unwrap();
        let id = git(self.at(), &["hash-object", "-t", "commit", "-w", "raw"]).await;
        git(self.at(), &["branch", &format!("by-hand-{id}"), &id]).await;
        id
    }

    /// Makes a key and adds it to an account.
    async fn key(&self, who: &str, kind: &str) -> String {
        let fingerprint = self.gpg.make(None, &format!("{who} <{who}@example.org>"), kind, "sign", "never").await;
        self.add(who, &fingerprint).await;
        fingerprint
    }

    async fn add(&self, who: &str, fingerprint: &str) -> Value {
        let body = json!({ "armored_public_key": self.gpg.export(fingerprint).await });
        self.api.post("/user/gpg_keys", &self.api.header_of(who), body).await.expect(201).json
    }

    async fn push(&self) {
        git(self.at(), &["push", "--quiet", "--force", &self.api.git_url("ada", "ada/sops"), "--all"]).await;
        git(self.at(), &["push", "--quiet", "--force", &self.api.git_url("ada", "ada/sops"), "--tags"]).await;
    }

    /// What the API says of the signature of a commit, to somebody.
    async fn seen_by(&self, who: &str, commit: &str) -> Value {
        self.api.get(&format!("{COMMITS}/{commit}"), who).await.expect(200).json["commit"]["verification"].clone()
    }

    async fn word(&self, commit: &str) -> String {
        let found = self.seen_by("", commit).await;
        assert_eq!((&found["verified"], &found["signer"]), (&json!(false), &Value::Null), "{found}");
        found["reason"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_by_stock_keys_are_verified() {
    let Some(world) = World::start().await else { return };
    let (api, gpg) = (&world.api, &world.gpg);
    let mut keys = Vec::new();
    for kind in ["rsa2048", "rsa4096", "ed25519", "nistp256", "nistp521"] {
        keys.push(world.key("ada", kind).await);
    }
    // A primary key that only certifies, with a subkey that signs.
    let primary = gpg.make(None, "ada <ada@example.org>", "ed25519", "cert", "never").await;
    keys.push(gpg.add_signing_subkey(&primary).await);
    world.add("ada", &primary).await;
    let mut commits = Vec::new();
    for key in &keys {
        commits.push((world.commit(None, key, "Signed").await, &key[24..]));
    }
    world.git_with(None, &keys[0], &["tag", "-s", "-m", "Signed tag", "v1"]).await;
    git(world.at(), &["tag", "-a", "-m", "No signature", "v2"]).await;
    world.push().await;
    for (commit, key_id) in &commits {
        let found = world.seen_by("", commit).await;
        assert_eq!(
            (&found["verified"], &found["reason"]),
            (&json!(true), &json!(format!("ada / {key_id}"))),
            "{found}"
        );
        assert_eq!(found["signer"], json!({ "name": "ada", "email": "ada@example.org", "username": "ada" }));
        // What is shown can be verified by whoever has the key.
        let (payload, signature) = (world.at().join("payload"), world.at().join("signature"));
        std::fs::write(&payload, found["payload"].as_str().unwrap()).unwrap();
        std::fs::write(&signature, found["signature"].as_str().unwrap()).unwrap();
        gpg.run(None, &["--verify", &signature.to_string_lossy(), &payload.to_string_lossy()], None).await;
    }
    // In lists, of branches, in comparisons, and not where nobody wants to know.
    let list = api.get("/repos/ada/sops/commits", "").await.expect(200).json;
    assert!(list.as_array().unwrap().iter().all(|row| row["commit"]["verification"]["verified"] == true));
    let branch = api.get("/repos/ada/sops/branches/main", "").await.expect(200).json;
    assert_eq!(branch["commit"]["verification"]["verified"], true);
    let branches = api.get("/repos/ada/sops/branches", "").await.expect(200).json;
    assert_eq!(branches[0]["commit"]["verification"]["verified"], true);
    let compared = api.get(&format!("/repos/ada/sops/compare/{}...main", commits[0].0), "").await.expect(200).json;
    assert_eq!(compared["commits"][0]["commit"]["verification"]["verified"], true);
    let declined = api.get(&format!("{COMMITS}/main?verification=false"), "").await.expect(200).json;
    assert_eq!(declined["commit"]["verification"], Value::Null);
    // A tag is judged by its own signature, and by that of its commit where it has none, as in Gitea.
    for (tag, words) in [("v1", "Signed tag"), ("v2", "Signed\n")] {
        let id = git(world.at(), &["rev-parse", &format!("refs/tags/{tag}")]).await;
        let found = api.get(&format!("/repos/ada/sops/git/tags/{id}"), "").await.expect(200).json;
        let seen = &found["verification"];
        assert_eq!((&seen["verified"], &seen["signer"]["username"]), (&json!(true), &json!("ada")), "{tag}: {seen}");
        assert!(seen["payload"].as_str().unwrap().contains(words), "{tag}: {seen}");
        assert!(!found["message"].as_str().unwrap().contains("BEGIN PGP"));
    }
    world.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_committers_is_not_verified() {
    let Some(world) = World::start().await else { return };
    let key = world.key("ada", "ed25519").await;
    let good = world.commit(None, &key, "Signed by Ada").await;
    let stranger = world.gpg.make(None, "ada <ada@example.org>", "ed25519", "sign", "never").await;
    let foreign = world.commit(None, &stranger, "By a key that nobody has added").await;
    let bobs = world.key("bob", "ed25519").await;
    let of_bob = world.commit(None, &bobs, "By Bob, as Ada").await;
    // Another text under the same signature.
    let raw = git(world.at(), &["cat-file", "commit", &good]).await;
    let hash = async |name: &str, raw: &str| {
        std::fs::write(world.at().join(name), raw).unwrap();
        let id = git(world.at(), &["hash-object", "-t", "commit", "-w", name]).await;
        git(world.at(), &["branch", name, &id]).await;
        id
    };
    let forged = hash("forged", &format!("{}\n", raw.replace("Signed by Ada", "Signed by Eve"))).await;
    let as_bob = hash(
        "as-bob",
        &format!("{raw}\n")
            .replace("<ada@example.org> 1700000000 +0200\ngpgsig", "<bob@example.org> 1700000000 +0200\ngpgsig"),
    )
    .await;
    let as_nobody = hash(
        "as-nobody",
        &format!("{raw}\n")
            .replace("<ada@example.org> 1700000000 +0200\ngpgsig", "<nobody@example.org> 1700000000 +0200\ngpgsig"),
    )
    .await;
    let unreadable =
        hash("unreadable", &format!("{raw}\n").replace("BEGIN PGP SIGNATURE-----\n", "BEGIN PGP SIGNATURE-----\n A"))
            .await;
    let x509 = hash(
        "x509",
        &format!("{raw}\n")
            .replace("BEGIN PGP SIGNATURE", "BEGIN SIGNED MESSAGE")
            .replace("END PGP SIGNATURE", "END SIGNED MESSAGE"),
    )
    .await;
    git(world.at(), &["commit", "--quiet", "--allow-empty", "-m", "Plain"]).await;
    world.push().await;
    assert_eq!(world.seen_by("", &good).await["verified"], true);
    let table = [
        (&foreign, "gpg.error.no_gpg_keys_found"),
        (&of_bob, "gpg.error.no_gpg_keys_found"),
        (&forged, "gpg.error.probable_bad_signature"),
        (&as_bob, "gpg.error.no_gpg_keys_found"),
        (&as_nobody, "gpg.error.no_committer_account"),
        (&unreadable, "gpg.error.extract_sign"),
        (&x509, "gpg.error.extract_sign"),
        (&"main".to_owned(), "gpg.error.not_signed_commit"),
    ];
    for (commit, reason) in table {
        assert_eq!(world.word(commit).await, reason, "{commit}");
    }
    // With another address of the account the key says nothing any more, nor does one that is gone.
    let (api, admin) = (&world.api, world.api.admin());
    let edit = |field: &str, value: &str| json!({ field: value, "source_id": 0, "login_name": "" });
    api.patch("/admin/users/ada", &admin, edit("email", "countess@example.org")).await.expect(200);
    assert_eq!(world.seen_by("", &good).await["verified"], true, "it is still one of hers");
    let gone = json!({ "emails": ["ada@example.org"] });
    api.ask("DELETE", "/user/emails", &api.ada(), Some(gone)).await.expect(204);
    assert_eq!(world.word(&good).await, "gpg.error.no_committer_account");
    // Somebody who only says to have it does not get her commits.
    api.post("/user/emails", &api.bob(), json!({ "emails": ["ada@example.org"] })).await.expect(201);
    assert_eq!(world.word(&good).await, "gpg.error.no_committer_account");
    api.patch("/admin/users/ada", &admin, edit("email", "ada@example.org")).await.expect(200);
    assert_eq!(world.seen_by("", &good).await["verified"], true);
    // The placeholder of an account is its own as well.
    let placeholder = format!("ada@noreply.{}", api.host());
    let hidden = world.sign_by_hand(&key, &placeholder, "By her placeholder", "By her placeholder").await;
    world.push().await;
    let found = world.seen_by("", &hidden).await;
    assert_eq!((&found["verified"], &found["signer"]["email"]), (&json!(true), &json!(placeholder)), "{found}");
    let id = api.get("/user/gpg_keys", &api.ada()).await.expect(200).json[0]["id"].clone();
    api.delete(&format!("/user/gpg_keys/{id}"), &api.ada()).await.expect(204);
    assert_eq!(world.word(&good).await, "gpg.error.no_gpg_keys_found");
    world.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_hides_is_not_named_by_its_signature() {
    let Some(world) = World::start().await else { return };
    let (api, admin) = (&world.api, world.api.admin());
    let key = world.key("bob", "ed25519").await;
    let ids = [
        world.sign_by_hand(&key, "bob@example.org", "Signed by Bob", "Signed by Bob").await,
        world.sign_by_hand(&key, "bob@example.org", "Signed by Bob", "Signed by Rob").await,
    ];
    world.push().await;
    let key_id = &key[24..];
    assert_eq!(world.seen_by("", &ids[0]).await["reason"], format!("bob / {key_id}"));
    assert_eq!(world.word(&ids[1]).await, "gpg.error.probable_bad_signature");
    let hidden = json!({ "visibility": "private", "source_id": 0, "login_name": "" });
    api.patch("/admin/users/bob", &admin, hidden).await.expect(200);
    for who in [String::new(), api.ada()] {
        let found = world.seen_by(&who, &ids[0]).await;
        assert_eq!(
            (&found["verified"], &found["signer"], &found["reason"]),
            (&json!(true), &Value::Null, &json!(key_id))
        );
        assert_eq!(world.seen_by(&who, &ids[1]).await["reason"], "gpg.error.no_committer_account");
    }
    for who in [api.bob(), admin] {
        assert_eq!(world.seen_by(&who, &ids[0]).await["signer"]["username"], "bob");
        assert_eq!(world.seen_by(&who, &ids[1]).await["reason"], "gpg.error.probable_bad_signature");
    }
    world.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_count_for_the_time_they_were_good() {
    let Some(world) = World::start().await else { return };
    let gpg = &world.gpg;
    let (then, later) = (Some("20240101T000000"), Some("20240301T000000"));
    // Expired: good for what it signed before, and it signs nothing afterwards.
    let expired = gpg.make(then, "ada <ada@example.org>", "ed25519", "sign", "30d").await;
    world.add("ada", &expired).await;
    let in_time = world.commit(Some("20240110T000000"), &expired, "In time").await;
    let refused = {
        let program = format!("gpg.program={}", gpg.program(later).display());
        let key = format!("user.signingKey={expired}!");
        try_git(world.at(), &["-c", &program, "-c", &key, "commit", "--allow-empty", "-S", "-m", "Late"]).await
    };
    assert!(refused.is_err(), "gpg itself does not sign with a key that has ended");
    // Superseded: good for what it signed before its revocation; revoked without a reason: good for nothing.
    let superseded = gpg.make(then, "ada <ada@example.org>", "ed25519", "sign", "never").await;
    let lost = gpg.make(then, "ada <ada@example.org>", "ed25519", "sign", "never").await;
    let old = world.commit(later, &superseded, "By a key that was put aside later").await;
    let suspicious = world.commit(later, &lost, "By a key that was lost later").await;
    let too_late = world.commit(None, &superseded, "As if before it was revoked").await;
    gpg.revoke(&superseded, "2").await;
    gpg.revoke(&lost, "0").await;
    for key in [&superseded, &lost] {
        world.add("ada", key).await;
    }
    // Weak: SHA-1.
    let key = world.key("ada", "rsa2048").await;
    let strong = world.commit(None, &key, "SHA-256").await;
    let weak = {
        let program = world.at().join("gpg-sha1");
        let text = format!(
            "#!/bin/sh\nexec {} --digest-algo SHA1 --allow-weak-digest-algos \"$@\"\n",
            gpg.program(None).display()
        );
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let program = format!("gpg.program={}", program.display());
        let key = format!("user.signingKey={key}!");
        git(world.at(), &["-c", &program, "-c", &key, "commit", "--quiet", "--allow-empty", "-S", "-m", "SHA-1"]).await;
        git(world.at(), &["rev-parse", "HEAD"]).await
    };
    world.push().await;
    for good in [&in_time, &old, &strong] {
        let found = world.seen_by("", good).await;
        assert_eq!(found["verified"], true, "{found}");
    }
    for bad in [&suspicious, &weak] {
        assert_eq!(world.word(bad).await, "gpg.error.probable_bad_signature");
    }
    // Revoked in the very second in which it signed, or after: of no worth from then on.
    let last = world.seen_by("", &too_late).await;
    let revoked_at_once = last["verified"] == false;
    assert!(revoked_at_once || last["reason"] == format!("ada / {}", &superseded[24..]), "{last}");
    world.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_by_ssh_keys_are_verified_too() {
    let api = Api::start().await;
    api.repository("ada", "sops", false).await;
    let dir = TempDir::new().unwrap();
    git(dir.path(), &["init", "--quiet"]).await;
    let key = ssh_key::PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(&[9; 32]));
    let file = dir.path().join(".git/key");
    key.write_openssh_file(&file, ssh_key::LineEnding::LF).unwrap();
    let public = key.public_key().to_openssh().unwrap();
    std::fs::write(dir.path().join(".git/key.pub"), &public).unwrap();
    let signing = format!("user.signingKey={}", file.display());
    let with = ["-c", "gpg.format=ssh", "-c", &signing];
    git(dir.path(), &[&with[..], &["commit", "--quiet", "--allow-empty", "-S", "-m", "Signed"]].concat()).await;
    git(dir.path(), &[&with[..], &["tag", "-s", "-m", "Signed tag", "v1"]].concat()).await;
    let raw = git(dir.path(), &["cat-file", "commit", "HEAD"]).await.replace("Signed", "Forged") + "\n";
    std::fs::write(dir.path().join("forged"), raw).unwrap();
    let forged = git(dir.path(), &["hash-object", "-t", "commit", "-w", "forged"]).await;
    let url = api.git_url("ada", "ada/sops");
    git(dir.path(), &["push", "--quiet", &url, "main", "v1", &format!("{forged}:refs/heads/forged")]).await;
    let seen = async |name: &str| {
        api.get(&format!("{COMMITS}/{name}"), "").await.expect(200).json["commit"]["verification"].clone()
    };
    assert_eq!(seen("main").await["reason"], "gpg.error.no_gpg_keys_found");
    let body = json!({ "title": "k", "key": public });
    let keys = "/user/keys";
    // Somebody else's key says nothing of Ada's commits.
    let id = api.post(keys, &api.bob(), body.clone()).await.expect(201).json["id"].clone();
    assert_eq!(seen("main").await["reason"], "gpg.error.no_gpg_keys_found");
    api.delete(&format!("{keys}/{id}"), &api.bob()).await.expect(204);
    // Nor does a key that opens a repository.
    let deploy = api.post("/repos/ada/sops/keys", &api.ada(), body.clone()).await.expect(201).json["id"].clone();
    assert_eq!(seen("main").await["reason"], "gpg.error.no_gpg_keys_found");
    api.delete(&format!("/repos/ada/sops/keys/{deploy}"), &api.ada()).await.expect(204);
    let fingerprint =
        api.post(keys, &api.ada(), body).await.expect(201).json["fingerprint"].as_str().unwrap().to_owned();
    let good = seen("main").await;
    assert_eq!((&good["verified"], &good["reason"]), (&json!(true), &json!(format!("ada / {fingerprint}"))), "{good}");
    assert_eq!(good["signer"]["username"], "ada");
    assert_eq!(seen(&forged).await["reason"], "gpg.error.probable_bad_signature");
    let tag = git(dir.path(), &["rev-parse", "refs/tags/v1"]).await;
    let tag = api.get(&format!("/repos/ada/sops/git/tags/{tag}"), "").await.expect(200).json;
    assert_eq!((&tag["verification"]["verified"], tag["message"].as_str()), (&json!(true), Some("Signed tag")));
    api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_signed_commits_is_quick() {
    let Some(world) = World::start().await else { return };
    let (rsa, ed) = (world.key("ada", "rsa4096").await, world.key("ada", "ed25519").await);
    for round in 0..25 {
        for key in [&rsa, &ed] {
            world.commit(None, key, &format!("Signed {round}")).await;
        }
    }
    world.push().await;
    let path = "/repos/ada/sops/commits?limit=50&stat=false&files=false";
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..20 {
        for (which, more) in ["&verification=false", ""].into_iter().enumerate() {
            let begun = Instant::now();
            let page = world.api.get(&format!("{path}{more}"), "").await.expect(200).json;
            times[which].push(begun.elapsed());
            let verified =
                page.as_array().unwrap().iter().filter(|row| row["commit"]["verification"]["verified"] == true);
            assert_eq!(verified.count(), which * 50);
        }
    }
    let [without, with] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    println!("50 commits, half by RSA of 4096 bits: {without:?} without, {with:?} with their signatures");
    assert!(with.as_millis() < 1000, "{with:?}");
    world.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_that_ask_for_signatures_and_signed_pushes_take_openpgp() {
    let Some(world) = World::start().await else { return };
    let (api, gpg) = (&world.api, &world.gpg);
    let key = gpg.make(None, "ada <ada@example.org>", "rsa2048", "cert", "never").await;
    let signing = gpg.add_signing_subkey(&key).await;
    let rule = json!({ "rule_name": "main", "enable_push": true, "require_signed_commits": true });
    api.post("/repos/ada/sops/branch_protections", &api.ada(), rule).await.expect(201);
    let url = api.git_url("ada", "ada/sops");
    let push = async |what: &str| try_git(world.at(), &["push", "--quiet", &url, what]).await;
    let first = world.commit(None, &signing, "Signed").await;
    let refused = push("main").await.unwrap_err();
    assert!(refused.contains("it is signed by a key that no account has"), "{refused}");
    let added = world.add("ada", &key).await;
    push("main").await.unwrap();
    // Several at once, by several keys of several accounts; one of them over another text.
    let bobs = world.key("bob", "ed25519").await;
    world.commit(None, &bobs, "By Bob").await;
    let good = world.commit(None, &signing, "Signed again").await;
    push("main").await.unwrap();
    let raw = git(world.at(), &["cat-file", "commit", &good]).await.replace("Signed again", "Forged again") + "\n";
    std::fs::write(world.at().join("forged"), raw).unwrap();
    let forged = git(world.at(), &["hash-object", "-t", "commit", "-w", "forged"]).await;
    git(world.at(), &["reset", "--quiet", "--hard", "HEAD~1"]).await;
    let refused = push(&format!("+{forged}:refs/heads/main")).await.unwrap_err();
    assert!(refused.contains("its signature is not valid") || refused.contains("force push"), "{refused}");
    git(world.at(), &["reset", "--quiet", "--hard", &good]).await;
    let on_top = |parent: &str, raw: &str| {
        let old = raw.lines().find(|line| line.starts_with("parent ")).unwrap().to_owned();
        raw.replace(&old, &format!("parent {parent}"))
    };
    let raw = git(world.at(), &["cat-file", "commit", &good]).await + "\n";
    std::fs::write(world.at().join("moved"), on_top(&good, &raw)).unwrap();
    let moved = git(world.at(), &["hash-object", "-t", "commit", "-w", "moved"]).await;
    let refused = push(&format!("{moved}:refs/heads/main")).await.unwrap_err();
    assert!(refused.contains("its signature is not valid"), "{refused}");
    git(world.at(), &["commit", "--quiet", "--allow-empty", "-m", "Plain"]).await;
    assert!(push("main").await.unwrap_err().contains("it is not signed"));
    git(world.at(), &["reset", "--quiet", "--hard", &good]).await;

    // A signed push names the account whose key signed it; one by a key that nobody has added is kept as it is.
    let signed_push = async |key: &str, branch: &str| {
        let program = format!("gpg.program={}", gpg.program(None).display());
        let key = format!("user.signingKey={key}!");
        let to = format!("{first}:refs/heads/{branch}");
        try_git(world.at(), &["-c", &program, "-c", &key, "push", "--quiet", "--signed", &url, &to]).await
    };
    let stranger = gpg.make(None, "ada <ada@example.org>", "ed25519", "sign", "never").await;
    for (key, branch, expected) in [(&signing, "one", "verified"), (&stranger, "two", "unverified")] {
        signed_push(key, branch).await.unwrap();
        let events = api.events("git.ref_update").await;
        assert_eq!(events.last().unwrap()["after"]["push_certificate"]["signature"], expected);
    }
    // Without its key nothing new comes in.
    let path = format!("/user/gpg_keys/{}", added["id"]);
    api.delete(&path, &api.ada()).await.expect(204);
    world.commit(None, &signing, "Signed without a key").await;
    assert!(push("main").await.unwrap_err().contains("a key that no account has"));
    world.api.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_believe_the_keys_that_the_api_believes_and_no_others() {
    let Some(world) = World::start().await else { return };
    let (api, gpg, admin) = (&world.api, &world.gpg, world.api.admin());
    let key = world.key("bob", "ed25519").await;
    let rule = json!({ "rule_name": "main", "enable_push": true, "require_signed_commits": true });
    api.post("/repos/ada/sops/branch_protections", &api.ada(), rule).await.expect(201);
    let url = api.git_url("ada", "ada/sops");
    let next = std::cell::Cell::new(0);
    // Pushes one more commit of his, and then a certificate of his; answers whether the first was believed.
    let is_believed = async || {
        next.set(next.get() + 1);
        let commit = world.commit(None, &key, &format!("Signed {}", next.get())).await;
        let pushed = try_git(world.at(), &["push", "--quiet", &url, "main"]).await;
        let program = format!("gpg.program={}", gpg.program(None).display());
        let (signing, to) = (format!("user.signingKey={key}!"), format!("{commit}:refs/heads/side-{}", next.get()));
        git(world.at(), &["-c", &program, "-c", &signing, "push", "--quiet", "--signed", &url, &to]).await;
        let events = api.events("git.ref_update").await;
        let word = events.last().unwrap()["after"]["push_certificate"]["signature"].clone();
        assert_eq!(word, if pushed.is_ok() { "verified" } else { "unverified" });
        match pushed {
            Ok(_) => true,
            Err(said) => {
                assert!(said.contains("a key that no account has"), "{said}");
                false
            }
        }
    };
    assert!(is_believed().await);
    // The address that the key names is no longer his, then it is again.
    let edit = |field: &str, value: Value| json!({ field: value, "source_id": 0, "login_name": "" });
    let set = async |field: &str, value: Value| {
        api.patch("/admin/users/bob", &admin, edit(field, value)).await.expect(200);
    };
    set("email", json!("robert@example.org")).await;
    assert!(is_believed().await, "it is still one of his");
    api.ask("DELETE", "/user/emails", &api.bob(), Some(json!({ "emails": ["bob@example.org"] }))).await.expect(204);
    assert!(!is_believed().await);
    api.post("/user/emails", &api.bob(), json!({ "emails": ["bob@example.org"] })).await.expect(201);
    assert!(!is_believed().await, "he only says so");
    set("email", json!("bob@example.org")).await;
    assert!(is_believed().await);
    set("active", json!(false)).await;
    assert!(!is_believed().await);
    set("active", json!(true)).await;
    assert!(is_believed().await);
    world.api.finish().await;
}
