//! Mirrors and imports of real remotes: stock git over its life, another server of ours, servers that lie or never end, and the end of a process in the midst of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::against_git;
use crate::dsl::backend::Backend;
use crate::dsl::forge::Start;
use crate::dsl::pack::{Kind, Pack, ZERO, commit, object_id, tree};
use crate::dsl::remote::{Remote, Valve, head, v2};
use crate::dsl::{Forge, Git, PATIENCE, Persona, Reply, until};

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";

/// A server that may ask others on this machine.
fn willing() -> Start {
    Forge::with()
        .setting("outbound", "allowed_networks", "127.0.0.0/8")
        .setting("outbound", "allow_http", true)
        .setting("mirrors", "min_asked_seconds", 0)
}

fn migrate(who: &Persona, url: &str, name: &str, more: &Value) -> Reply {
    let mut body = json!({ "clone_addr": url, "repo_name": name });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    who.post("/api/v1/repos/migrate", &body)
}

/// Asks for a mirror to follow and waits until it has looked; answers failures in a row and what was said of the last.
fn sync(forge: &Forge, who: &Persona, repository: &str) -> (i64, String) {
    who.post(&format!("/api/v1/repos/{repository}/mirror-sync"), &json!({})).expect(200);
    await_rest(forge, repository)
}

fn await_rest(forge: &Forge, repository: &str) -> (i64, String) {
    until("the mirror to have looked at its remote", PATIENCE, || {
        let evidence = forge.evidence();
        match evidence.mirror(evidence.repository_id(repository)) {
            Some((true, failures, error)) => Ok((failures, error)),
            other => Err(format!("{other:?}")),
        }
    })
}

fn refs_here(forge: &Forge, repository: &str) -> BTreeMap<String, String> {
    let evidence = forge.evidence();
    evidence.refs(evidence.repository_id(repository)).into_iter().collect()
}

/// Branches and tags of a repository on disk.
fn refs_there(git: &Git) -> BTreeMap<String, String> {
    let listed = git.ok(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"]);
    listed.lines().filter_map(|line| line.split_once(' ')).map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
}

#[test]
fn stock_git_is_followed_over_its_life_in_new_and_old_protocols() {
    let forge = willing().start();
    let ada = forge.user("ada");
    let work = Git::new().init("source");
    against_git::fill(&work);
    let backends = [("new", Backend::start(work.dir())), ("old", Backend::start_old(work.dir()))];
    for (name, backend) in &backends {
        let made = migrate(&ada, &backend.url(".git"), name, &json!({ "mirror": true })).expect(201).json();
        assert_eq!(
            (&made["mirror"], &made["empty"], &made["default_branch"]),
            (&json!(true), &json!(false), &json!("main"))
        );
        assert_eq!(refs_here(&forge, &format!("ada/{name}")), refs_there(&work), "{name}");
    }
    let follow = |what: &str| {
        for (name, _) in &backends {
            let repository = format!("ada/{name}");
            assert_eq!(sync(&forge, &ada, &repository), (0, String::new()), "{what}, {name}");
            assert_eq!(refs_here(&forge, &repository), refs_there(&work), "{what}, {name}");
            let clone = Git::new();
            clone.ok(&["clone", "-q", "--mirror", &ada.url(&repository), "copy"]);
            clone.at("copy").fsck();
        }
    };
    follow("nothing new");
    work.ok(&["checkout", "-q", "main"]);
    work.commit("new.md", "new\n");
    work.ok(&["tag", "-a", "-m", "two", "v2"]);
    follow("a commit and a tag");
    work.ok(&["reset", "-q", "--hard", "HEAD~4"]);
    work.commit("other.md", "another history\n");
    work.ok(&["tag", "-f", "v2"]);
    follow("a forced push and a moved tag");
    work.ok(&["branch", "-D", "-q", "review-a"]);
    work.ok(&["branch", "-q", "review-a/deeper", "review-b"]);
    work.ok(&["tag", "-d", "v1", "a-tree", "notes"]);
    follow("what was removed, and a name that became a directory");
    // More than stays in memory.
    let noise: String = (0_u64..400_000).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    work.commit("large.bin", &noise);
    follow("a large pack");
    work.ok(&["branch", "-m", "main", "trunk"]);
    work.ok(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    follow("another name of the default branch");
    assert_eq!(ada.get("/api/v1/repos/ada/new").json()["default_branch"], "trunk");
    // A remote that lists nothing has not lost everything.
    let before = refs_there(&work);
    work.ok(&["checkout", "-q", "--orphan", "nothing"]);
    for name in before.keys() {
        work.ok(&["update-ref", "-d", name]);
    }
    for (name, _) in &backends {
        let repository = format!("ada/{name}");
        let (failures, error) = sync(&forge, &ada, &repository);
        assert!(failures == 1 && error.contains("lists no branch any more"), "{error}");
        assert_eq!(refs_here(&forge, &repository), before);
    }
    forge.finish();
}

#[test]
fn another_server_is_followed_with_a_token_until_it_is_revoked() {
    let remote = Forge::start();
    let owner = remote.user("ada");
    let source = owner.create_private_repository("sops");
    let work = owner.clone_repository(&source);
    work.ok(&["checkout", "-q", "-B", "main"]);
    let first = work.commit("a.md", "a\n");
    work.ok(&["push", "-q", &owner.url(&source), "main"]);
    let token = owner.create_token("mirror", &["read:repository"]);

    let forge = willing().start();
    forge.shared().guard_secret(&token);
    let bob = forge.user("bob");
    let url = format!("http://{}/{source}", remote.addr());
    migrate(&bob, &url, "copy", &json!({ "mirror": true, "private": true })).expect(422);
    migrate(&bob, &url, "copy", &json!({ "mirror": true, "private": true, "auth_token": token })).expect(201);
    assert_eq!(refs_here(&forge, "bob/copy")["refs/heads/main"], first);
    let second = work.commit("b.md", "b\n");
    work.ok(&["push", "-q", &owner.url(&source), "main"]);
    assert_eq!(sync(&forge, &bob, "bob/copy"), (0, String::new()));
    assert_eq!(refs_here(&forge, "bob/copy")["refs/heads/main"], second);
    let refused = bob.clone_repository("bob/copy");
    refused.commit("c.md", "c\n");
    let said = refused.fails(&["push", "-q", &bob.url("bob/copy"), "main"]);
    assert!(said.contains("403") || said.contains("read-only"), "{said}");

    owner.by_password().delete("/api/v1/users/ada/tokens/mirror").expect(204);
    let (failures, error) = sync(&forge, &bob, "bob/copy");
    assert!(failures == 1 && error.contains("credentials"), "{error}");
    assert_eq!(refs_here(&forge, "bob/copy")["refs/heads/main"], second);
    remote.finish();
    forge.finish();
}

#[test]
fn what_lies_inside_is_reached_by_no_name_and_no_redirection() {
    let inside = Remote::start("127.0.0.1:0", |line, body, stream| stream.write_all(&v2(line, body, &[], b"")));
    let port = inside.addr.port();
    // Nothing of this machine is allowed.
    let forge = Forge::with().setting("outbound", "allow_http", true).start();
    let ada = forge.user("ada");
    for host in [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ] {
        let reply = migrate(&ada, &format!("http://{host}:{port}/repository.git"), "inside", &json!({})).expect(422);
        assert!(
            reply.text().contains("the address is not allowed, or its host cannot be found"),
            "{host}: {}",
            reply.text()
        );
    }
    assert_eq!(inside.asked(), 0, "somebody was let in");
    forge.finish();
    // One address is allowed, and what it says of another counts for nothing.
    let outside = Remote::start("127.0.0.2:0", move |line, _, stream| {
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        stream.write_all(
            format!("HTTP/1.1 302 Found\r\nlocation: http://localhost:{port}{path}\r\ncontent-length: 0\r\n\r\n")
                .as_bytes(),
        )
    });
    let forge = Forge::with()
        .setting("outbound", "allow_http", true)
        .setting("outbound", "allowed_networks", "127.0.0.2")
        .start();
    let ada = forge.user("ada");
    let reply = migrate(&ada, &outside.url(), "inside", &json!({ "mirror": true })).expect(422);
    assert!(reply.text().contains("not allowed"), "{}", reply.text());
    assert_eq!((outside.asked(), inside.asked()), (1, 0));
    forge.finish();
    // Where both are allowed the redirection is followed, and all goes on there.
    let forge = willing().start();
    let made = migrate(&forge.user("ada"), &outside.url(), "inside", &json!({})).expect(201);
    assert_eq!(made.json()["original_url"], outside.url());
    assert_eq!((outside.asked(), inside.asked()), (2, 2));
    forge.finish();
}

#[test]
fn remotes_that_lie_or_never_end_leave_nothing_behind() {
    let forge = willing()
        .setting("outbound", "idle_timeout_seconds", 1)
        .setting("mirrors", "timeout_seconds", 4)
        .setting("mirrors", "max_refs", 1000)
        .setting("git", "max_push_bytes", 4 << 20)
        .start();
    let ada = forge.user("ada");
    let mut good = Pack::new();
    let tip = good.add_commit(&[], "a.md", b"a\n");
    let mut open = Pack::new();
    let lost = open.add(Kind::Commit, &commit(&object_id(Kind::Tree, b""), &[], "without a tree"));
    let mut hostile = Pack::new();
    let blob = hostile.add(Kind::Blob, b"[core]\n");
    let bad_tree = hostile.add(Kind::Tree, &tree(&[("100644", b".git", &blob)]));
    let bad_tip = hostile.add(Kind::Commit, &commit(&bad_tree, &[], "a hostile tree"));
    let hostile = hostile.bytes();
    let mut damaged = good.bytes();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    let (good, open) = (good.bytes(), open.bytes());
    let empty = Pack::new().bytes();
    let other = "7777777777777777777777777777777777777777";
    let listing = |refs: Vec<(String, String)>, pack: Vec<u8>| {
        Remote::start("127.0.0.1:0", move |line, body, stream| {
            let refs: Vec<(&str, &str)> = refs.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
            stream.write_all(&v2(line, body, &refs, &pack))
        })
    };
    let one = |id: &str| vec![(id.to_owned(), "refs/heads/main".to_owned())];
    let endless = |head: Vec<u8>, part: Vec<u8>| {
        move |stream: &mut std::net::TcpStream| {
            stream.write_all(&head)?;
            loop {
                stream.write_all(&part)?;
            }
        }
    };
    let progress = endless(
        [head("200 OK", "application/x-git-upload-pack-result"), b"000dpackfile\n".to_vec()].concat(),
        [b"ffee\x02".to_vec(), vec![b'.'; 0xffe9]].concat(),
    );
    let lists = [(tip.clone(), "refs/heads/main".to_owned())];
    let never = endless(head("200 OK", ADVERTISEMENT), vec![b'0'; 65_536]);
    let lines =
        endless([head("200 OK", ADVERTISEMENT), b"000eversion 2\n".to_vec()].concat(), b"0009word\n".repeat(1000));
    let remotes: Vec<(&str, Remote, &str)> = vec![
        ("a pack without what was listed", listing(one(other), empty.clone()), "missing necessary objects"),
        ("a pack that is damaged", listing(one(&tip), damaged), ""),
        ("a pack that is cut", listing(one(&tip), good[..good.len() - 25].to_vec()), ""),
        ("a pack with a hole", listing(one(&lost), open), "missing"),
        ("a hostile tree", listing(one(&bad_tip), hostile), "hasDotgit"),
        ("no pack", listing(one(&tip), b"what".to_vec()), ""),
        ("a ref twice", listing([one(&tip), one(&tip)].concat(), good.clone()), "no proper answer"),
        ("no id", listing(one("xyz"), good.clone()), "no proper answer"),
        ("nobody's id", listing(one(ZERO), good.clone()), "no proper answer"),
        (
            "too many refs",
            listing((0..2000).map(|n| (tip.clone(), format!("refs/heads/{n}"))).collect(), good.clone()),
            "exceeds the limit",
        ),
        ("endless zeros", Remote::start("127.0.0.1:0", move |_, _, stream| never(stream)), ""),
        ("endless capabilities", Remote::start("127.0.0.1:0", move |_, _, stream| lines(stream)), ""),
        (
            "endless progress",
            Remote::start("127.0.0.1:0", move |line, body, stream| {
                if body.windows(13).any(|part| part == b"command=fetch") {
                    return progress(stream);
                }
                let refs: Vec<(&str, &str)> = lists.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
                stream.write_all(&v2(line, body, &refs, b""))
            }),
            "more than this server takes",
        ),
        ("a pack that is too large", listing(one(&tip), vec![b'x'; 5 << 20]), ""),
        (
            "silence",
            Remote::start("127.0.0.1:0", |_, _, stream| std::io::Read::read(stream, &mut [0]).map(drop)),
            "took too long",
        ),
        (
            "one byte at a time",
            Remote::start("127.0.0.1:0", |_, _, stream| {
                stream.write_all(&head("200 OK", ADVERTISEMENT))?;
                loop {
                    stream.write_all(b"f")?;
                    crate::dsl::wait::pause_for(Duration::from_millis(300));
                }
            }),
            "",
        ),
        (
            "a page",
            Remote::start("127.0.0.1:0", |_, _, stream| stream.write_all(&head("200 OK", "text/html"))),
            "no git repository",
        ),
        (
            "a refusal",
            Remote::start("127.0.0.1:0", |_, _, stream| stream.write_all(&head("500 Oh", "text/html"))),
            "refused",
        ),
        (
            "a circle",
            Remote::start("127.0.0.1:0", |_, _, stream| {
                stream.write_all(b"HTTP/1.1 302 Found\r\nlocation: /repository.git/info/refs?service=git-upload-pack\r\ncontent-length: 0\r\n\r\n")
            }),
            "redirects",
        ),
    ];
    for (what, remote, reason) in &remotes {
        for more in [json!({}), json!({ "mirror": true })] {
            let reply = migrate(&ada, &remote.url(), "bad", &more);
            assert_eq!(reply.status, 422, "{what}: {}", reply.text());
            assert!(reply.text().contains(reason), "{what}: {}", reply.text());
            ada.get("/api/v1/repos/ada/bad").expect(404);
        }
        assert!(remote.asked() > 0, "{what}");
        forge.assert_alive(what);
    }
    let (_, peak) = forge.memory_bytes();
    assert!(peak < 400 << 20, "{peak} bytes");
    // The same server takes what is as it should be; bad names are left out, and what is no branch and no tag.
    let mut refs = one(&tip);
    refs.extend(
        [
            "refs/heads/--output=/tmp/x",
            "refs/heads/a..b",
            "refs/pull/1/head",
            "refs/heads/x.lock",
            "HEAD",
            "refs/qms/x",
        ]
        .map(|name| (tip.clone(), name.to_owned())),
    );
    let remote = listing(refs, good);
    migrate(&ada, &remote.url(), "good", &json!({})).expect(201);
    assert_eq!(refs_here(&forge, "ada/good").into_keys().collect::<Vec<_>>(), ["refs/heads/main"]);
    forge.finish();
}

#[test]
fn a_process_that_dies_in_the_midst_goes_on_after_its_restart() {
    // Two places for one owner.
    let mut forge = willing().setting("mirrors", "max_concurrent", 3).start();
    let ada = forge.user("ada");
    let work = Git::new().init("source");
    against_git::fill(&work);
    let backend = Backend::start(work.dir());
    let valve = Valve::before(backend.addr());
    let url = format!("http://{}/.git", valve.addr);
    migrate(&ada, &url, "copy", &json!({ "mirror": true })).expect(201);
    work.ok(&["checkout", "-q", "main"]);
    work.commit("new.md", "new\n");
    valve.set_shut(true);
    // An import that somebody waits for, and a mirror that is due.
    let (token, import) = (ada.clone(), url.clone());
    let waiting = std::thread::spawn(move || {
        let body = json!({ "clone_addr": import, "repo_name": "import" });
        let call = crate::dsl::Call::new("POST", "/api/v1/repos/migrate").body("application/json", body.to_string());
        // The server is gone before it answers.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| token.send(call).status))
    });
    until("the import to wait for its pack", PATIENCE, || {
        if valve.held() == 1 { Ok(()) } else { Err("not yet".to_owned()) }
    });
    ada.post("/api/v1/repos/ada/copy/mirror-sync", &json!({})).expect(200);
    until("the mirror to wait for its pack", PATIENCE, || {
        if valve.held() == 2 { Ok(()) } else { Err("not yet".to_owned()) }
    });
    let before = refs_here(&forge, "ada/copy");
    forge.kill();
    drop(waiting.join());
    forge.restart();
    // Both go on by themselves, and die again.
    until("both to wait again", PATIENCE, || {
        if valve.held() >= 4 { Ok(()) } else { Err(format!("{} wait", valve.held())) }
    });
    assert_eq!(refs_here(&forge, "ada/copy"), before);
    let imported = ada.get("/api/v1/repos/ada/import").expect(200).json();
    assert_eq!((&imported["mirror"], &imported["empty"]), (&json!(true), &json!(true)), "nobody pushes into it yet");
    forge.kill();
    valve.set_shut(false);
    forge.restart();
    until("both to be in step", PATIENCE, || {
        let (copy, import) = (refs_here(&forge, "ada/copy"), refs_here(&forge, "ada/import"));
        let there = refs_there(&work);
        if copy == there && import == there { Ok(()) } else { Err(format!("{} and {} refs", copy.len(), import.len())) }
    });
    await_rest(&forge, "ada/copy");
    until("the import to be a repository like any other", PATIENCE, || {
        let shown = ada.get("/api/v1/repos/ada/import").json();
        if shown["mirror"] == json!(false) { Ok(()) } else { Err(shown.to_string()) }
    });
    assert_eq!(ada.get("/api/v1/repos/ada/import").json()["original_url"], url);
    let clone = ada.clone_repository("ada/import");
    clone.commit("own.md", "own\n");
    clone.ok(&["push", "-q", &ada.url("ada/import"), "HEAD:refs/heads/own"]);
    // Stopping in order does not wait for a remote either.
    work.commit("newer.md", "newer\n");
    valve.set_shut(true);
    let held = valve.held();
    ada.post("/api/v1/repos/ada/copy/mirror-sync", &json!({})).expect(200);
    until("the mirror to wait once more", PATIENCE, || {
        if valve.held() > held { Ok(()) } else { Err("not yet".to_owned()) }
    });
    forge.stop();
    valve.set_shut(false);
    forge.restart();
    until("the mirror to be in step", PATIENCE, || {
        if refs_here(&forge, "ada/copy") == refs_there(&work) { Ok(()) } else { Err("behind".to_owned()) }
    });
    await_rest(&forge, "ada/copy");
    forge.finish();
}
