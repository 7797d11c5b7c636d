//! What changes while a push is on its way: the right to push, the repository's name, the repository itself.
//!
//! Gates are judged where the refs move, from the rows of that moment, not from those of the moment the push began.

use crate::dsl::chance::Chance;
use crate::dsl::pack::{Pack, Report, ZERO, push_body};
use crate::dsl::{Call, Forge, Git, PATIENCE, Persona, Reply, Wire, until};

/// A pack of about this size stays in memory until its files follow the commit.
const SMALL: usize = 20_000;
/// A pack of about this size goes to quarantine as it arrives.
const LARGE: usize = 2 << 20;

/// A push that has begun and waits for its last bytes.
struct Halted {
    wire: Wire,
    rest: Vec<u8>,
    tip: String,
}

impl Halted {
    fn begin(forge: &Forge, who: &Persona, repository: &str, branch: &str) -> Self {
        Self::begin_with(forge, who, repository, branch, SMALL)
    }

    fn begin_with(forge: &Forge, who: &Persona, repository: &str, branch: &str, size: usize) -> Self {
        let mut pack = Pack::new();
        let seed = branch.bytes().map(u64::from).sum();
        let tip = pack.add_commit(&[], "a.bin", &Chance::seeded(seed).noise(size));
        let name = format!("refs/heads/{branch}");
        let body = push_body(&[(ZERO, &tip, name.as_bytes())], "report-status", &pack.bytes());
        let mut wire = Wire::connect(forge.addr()).unwrap();
        let call = Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
            .header("Authorization", &who.basic())
            .header("Content-Type", "application/x-git-receive-pack-request")
            .header("Transfer-Encoding", "chunked");
        wire.write(&call.head(forge.addr())).unwrap();
        let cut = body.len() - 30;
        wire.write_chunk(&body[..cut]).unwrap();
        forge.await_push_under_way();
        Self { wire, rest: body[cut..].to_vec(), tip }
    }

    /// Sends the rest; the server may have answered and closed before.
    fn end(mut self) -> (Option<Reply>, String) {
        let _ = self.wire.write_chunk(&self.rest).and_then(|()| self.wire.finish_chunks());
        (self.wire.reply_to("POST").ok(), self.tip)
    }

    fn expect_refused(self, what: &str) {
        let (reply, _) = self.end();
        let Some(reply) = reply else { return };
        let report = Report::parse(&reply.body).unwrap_or_default();
        assert!(!report.is_ok(), "{what}: accepted");
        assert!(reply.status < 500, "{what}: {} {}", reply.status, reply.text());
        assert!(reply.text().len() > 10, "{what}: no reason: {} {:?}", reply.status, reply.text());
    }
}

#[test]
fn a_right_lost_while_pushing_is_lost() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let bob = forge.user("bob");
    let admin = forge.admin();
    let api = |repository: &str| format!("/api/v1/repos/{repository}");
    type Loss<'a> = (&'a str, Box<dyn Fn(&str) + 'a>);
    let losses: Vec<Loss> = vec![
        ("collaborator removed", Box::new(|r| drop(ada.delete(&format!("{}/collaborators/bob", api(r))).expect(204)))),
        ("collaborator made reader", Box::new(|r| ada.invite(r, "bob", "read"))),
        (
            "repository archived",
            Box::new(|r| drop(ada.patch(&api(r), &serde_json::json!({ "archived": true })).expect(200))),
        ),
        (
            "account disabled",
            Box::new(|_| {
                let change = serde_json::json!({ "prohibit_login": true, "login_name": "bob", "source_id": 0 });
                drop(admin.patch("/api/v1/admin/users/bob", &change).expect(200));
            }),
        ),
    ];
    for (index, (what, lose)) in losses.iter().enumerate() {
        let repository = ada.create_repository(&format!("lost-{index}"));
        ada.invite(&repository, "bob", "write");
        let kept = Halted::begin(&forge, &bob, &repository, "kept");
        let (reply, tip) = kept.end();
        assert!(Report::parse(&reply.unwrap().body).unwrap().is_ok(), "{what}: a right that was kept");

        let halted = Halted::begin(&forge, &bob, &repository, "late");
        lose(&repository);
        halted.expect_refused(what);
        assert_eq!(forge.server_git(&repository).ok(&["for-each-ref", "--format=%(objectname)"]), tip, "{what}");
    }
    forge.finish();
}

#[test]
fn a_token_revoked_while_pushing_counts_no_more() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("revoked");
    let brief = ada.with_token("brief", &["write:repository"]);
    let halted = Halted::begin(&forge, &brief, &repository, "late");
    ada.by_password().delete("/api/v1/users/ada/tokens/brief").expect(204);
    halted.expect_refused("a token revoked midway");
    assert_eq!(forge.server_git(&repository).refs(), "");
    forge.finish();
}

#[test]
fn a_repository_deleted_while_pushing_stays_deleted() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("doomed");
    let halted = Halted::begin(&forge, &ada, &repository, "late");
    ada.delete(&format!("/api/v1/repos/{repository}")).expect(204);
    halted.expect_refused("a repository deleted midway");
    until("the directory to be gone", PATIENCE, || {
        let there = forge.repository_dir(&repository).exists();
        if there { Err("it is there".to_owned()) } else { Ok(()) }
    });
    // The name is free, and nothing of the old repository or of the late push comes back with it.
    ada.create_repository("doomed");
    assert_eq!(Git::new().ok(&["ls-remote", &ada.url(&repository)]), "");
    assert_eq!(forge.server_git(&repository).refs(), "");
    let (reply, tip) = Halted::begin(&forge, &ada, &repository, "fresh").end();
    assert!(Report::parse(&reply.unwrap().body).unwrap().is_ok());
    assert!(forge.server_git(&repository).refs().contains(&tip));
    forge.finish();
}

#[test]
fn a_repository_deleted_and_made_anew_takes_no_push_meant_for_the_old_one() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("again");
    let halted = Halted::begin(&forge, &ada, &repository, "late");
    ada.delete(&format!("/api/v1/repos/{repository}")).expect(204);
    ada.create_repository("again");
    halted.expect_refused("a push to the repository that had the name before");
    assert_eq!(forge.server_git(&repository).refs(), "");
    forge.finish();
}

#[test]
fn a_repository_renamed_while_pushing_takes_the_push_or_refuses_it_whole() {
    for size in [SMALL, LARGE] {
        let mut forge = Forge::start();
        let ada = forge.user("ada");
        let repository = ada.create_repository("before");
        let halted = Halted::begin_with(&forge, &ada, &repository, "late", size);
        let renamed = serde_json::json!({ "name": "after" });
        ada.patch(&format!("/api/v1/repos/{repository}"), &renamed).expect(200);
        let (reply, tip) = halted.end();
        let landed = reply.is_some_and(|reply| Report::parse(&reply.body).is_ok_and(|report| report.is_ok()));
        assert_eq!(forge.server_git("ada/after").refs().contains(&tip), landed, "{size}");
        assert!(!forge.repository_dir("ada/before").exists(), "the old directory came back");
        // Whatever came of it, pushing goes on under the new name.
        let (reply, tip) = Halted::begin_with(&forge, &ada, "ada/after", "next", size).end();
        assert!(Report::parse(&reply.unwrap().body).unwrap().is_ok(), "{size}");
        assert!(forge.server_git("ada/after").refs().contains(&tip), "{size}");
        forge.reopen_everything();
        forge.finish();
    }
}

#[test]
fn a_repository_closed_and_opened_again_while_pushing_takes_the_push() {
    let forge =
        Forge::with().setting("git", "max_open_repositories", 1).setting("git", "idle_close_seconds", 1).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("slow");
    let others: Vec<_> = (0..3).map(|index| ada.create_repository(&format!("other-{index}"))).collect();
    let halted = Halted::begin(&forge, &ada, &repository, "late");
    for _ in 0..3 {
        // Others need the one place, then somebody looks at the first again.
        for other in others.iter().chain([&repository]) {
            assert_eq!(ada.info_refs(other, "git-upload-pack").status, 200);
        }
        crate::dsl::wait::pause_for(std::time::Duration::from_millis(1_200));
    }
    let (reply, tip) = halted.end();
    let reply = reply.expect("an answer");
    assert!(Report::parse(&reply.body).unwrap().is_ok(), "{}", reply.text());
    assert!(forge.server_git(&repository).refs().contains(&tip));
    let copy = ada.clone_repository(&repository);
    assert!(copy.ok(&["ls-remote", "origin"]).contains(&tip));
    forge.finish();
}

#[test]
fn a_repository_deleted_while_it_is_cloned_breaks_only_that_clone() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("leaving");
    let mut pack = Pack::new();
    let noise = crate::dsl::chance::Chance::seeded(3).noise(12 << 20);
    let tip = pack.add_commit(&[], "scan.bin", &noise);
    assert!(ada.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes()).accepted());
    let mut request = crate::dsl::pack::pkt(format!("want {tip} side-band-64k ofs-delta\n").as_bytes());
    request.extend_from_slice(b"0000");
    request.extend(crate::dsl::pack::pkt(b"done\n"));
    let call = Call::new("POST", &format!("/{repository}.git/git-upload-pack"))
        .header("Authorization", &ada.basic())
        .body("application/x-git-upload-pack-request", request);
    let mut wire = Wire::connect(forge.addr()).unwrap();
    wire.write(&call.head(forge.addr())).unwrap();
    wire.write(&call.body).unwrap();
    assert_eq!(wire.head().unwrap().0, 200);
    ada.delete(&format!("/api/v1/repos/{repository}")).expect(204);
    let _ = wire.read_to_close();
    forge.assert_alive("a repository deleted while it was cloned");
    ada.create_repository("leaving");
    assert_eq!(Git::new().ok(&["ls-remote", &ada.url(&repository)]), "");
    forge.finish();
}
