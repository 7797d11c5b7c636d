//! A disk that fails: single system calls of a push answered with an error. What was refused has not landed, what was
//! accepted has, and the next push works.

use crate::dsl::pack::{Pack, Report, ZERO, push_body};
use crate::dsl::tamper::{self, Tamper};
use crate::dsl::{Call, Forge, PATIENCE, evidence, until};

#[test]
fn a_failing_disk_never_makes_the_answer_untrue() {
    if !tamper::is_available() {
        return;
    }
    let mut forge = Forge::with().expecting_errors().start();
    let ada = forge.user("ada");
    let places = [
        ("fsync", "error=EIO", 4),
        ("fsync", "error=ENOSPC", 2),
        ("rename", "error=EIO", 3),
        ("rename", "error=ENOSPC", 2),
        ("pwrite64", "error=EIO", 3),
        ("pwrite64", "error=ENOSPC", 3),
        ("mkdir", "error=ENOSPC", 1),
        ("unlinkat", "error=EIO", 1),
        ("unlink", "error=EIO", 1),
        ("openat", "error=EMFILE", 6),
    ];
    let (mut accepted, mut refused) = (0, 0);
    for (call, effect, times) in places {
        for nth in 1..=times {
            let case = format!("{call} {effect} {nth}");
            let repository = ada.create_repository(&case.replace([' ', '='], "-"));
            let mut pack = Pack::new();
            let one = pack.add_commit(&[], "a.md", b"one\n");
            assert!(ada.push_one(&repository, (ZERO, &one, b"refs/heads/main"), &pack.bytes()).accepted(), "{case}");

            let mut pack = Pack::new();
            let two = pack.add_commit(&[&one], "a.md", &[b'x'; 9_000]);
            let body = push_body(&[(&one, &two, b"refs/heads/main")], "report-status", &pack.bytes());
            let push = Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
                .header("Authorization", &ada.basic())
                .body("application/x-git-receive-pack-request", body);
            let tamper = Tamper::with(&forge, call, effect, nth);
            let reply = push.send(forge.addr());
            let seen = Tamper::seen(&forge);
            tamper.detach();

            let landed =
                reply.as_ref().ok().and_then(|reply| Report::parse(&reply.body).ok()).is_some_and(|r| r.is_ok());
            let answer =
                reply.as_ref().map_or_else(ToString::to_string, |reply| format!("{} {}", reply.status, reply.text()));
            assert!(!answer.contains(&*forge.data_dir().to_string_lossy()), "{case}: names a path: {answer}");
            if !forge.is_running() {
                // A writer whose database fails may end the process; the next start must find everything in order.
                forge.wait();
                forge.restart();
            }
            let id = forge.evidence().repository_id(&repository);
            let rows = forge.evidence().refs(id);
            let expected = if landed { &two } else { &one };
            if reply.is_ok() {
                assert_eq!(rows.get("refs/heads/main"), Some(expected), "{case}: answered {answer:?}, calls:\n{seen}");
            }
            accepted += usize::from(landed);
            refused += usize::from(!landed);

            // The next push works and brings disk and database together again.
            let now = rows["refs/heads/main"].clone();
            let three = until(&format!("{case}: a push after the fault"), PATIENCE, || {
                let mut pack = Pack::new();
                let three = pack.add_commit(&[&now], "a.md", b"three\n");
                let reply = ada.push_one(&repository, (&now, &three, b"refs/heads/main"), &pack.bytes());
                if reply.accepted() { Ok(three) } else { Err(format!("{reply:?}")) }
            });
            let server = forge.server_git(&repository);
            assert_eq!(server.ok(&["rev-parse", "main"]), three, "{case}");
            assert_eq!(evidence::refs_on_disk(&server), forge.evidence().refs(id), "{case}");
        }
    }
    eprintln!("failing disk: {accepted} pushes accepted, {refused} refused");
    assert!(refused >= 5, "only {refused} pushes met a fault that mattered");
    forge.reopen_everything();
    forge.finish();
}

#[test]
fn a_repository_directory_that_became_a_link_is_not_followed() {
    let mut forge = Forge::with().expecting_errors().start();
    let ada = forge.user("ada");
    for (name, by_owner) in [("linked", false), ("other", true)] {
        let repository = ada.create_repository(name);
        let mut pack = Pack::new();
        let tip = pack.add_commit(&[], "a.md", b"here\n");
        assert!(ada.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes()).accepted());
        forge.stop();
        let directory = forge.repository_dir(&repository);
        let place = if by_owner { directory.parent().unwrap().to_owned() } else { directory };
        let (kept, elsewhere) =
            (forge.scratch().join(format!("kept-{name}")), forge.scratch().join(format!("else-{name}")));
        std::fs::rename(&place, &kept).unwrap();
        std::fs::create_dir_all(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &place).unwrap();
        forge.restart();
        let answer = ada.info_refs(&repository, "git-upload-pack");
        assert!(answer.status >= 500, "{}: {}", answer.status, answer.text());
        forge.stop();
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0, "something was written behind the link");
        std::fs::remove_file(&place).unwrap();
        std::fs::rename(&kept, &place).unwrap();
        forge.restart();
        ada.info_refs(&repository, "git-upload-pack").expect(200);
    }
    forge.finish();
}

#[test]
fn a_pack_that_is_cut_off_under_the_server_harms_its_own_repository_alone() {
    let mut forge = Forge::with().expecting_errors().start();
    let ada = forge.user("ada");
    let random = |seed: u32| -> Vec<u8> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..2 << 20).map(next).collect()
    };
    for (name, seed) in [("cut", 1), ("whole", 2)] {
        let repository = ada.create_repository(name);
        let mut pack = Pack::new();
        let tip = pack.add_commit(&[], "a.bin", &random(seed));
        assert!(ada.push_one(&repository, (ZERO, &tip, b"refs/heads/main"), &pack.bytes()).accepted());
    }
    let git = crate::dsl::Git::new();
    let packs = forge.repository_dir("ada/cut").join("objects/pack");
    // Opened and mapped by this, and not kept as an answer.
    git.ok(&["clone", "--quiet", "--depth", "1", &ada.url("ada/cut"), "before"]);
    let pack = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "pack")).unwrap();
    let mut permissions = std::fs::metadata(&pack).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    std::fs::set_permissions(&pack, permissions).unwrap();
    let whole = std::fs::read(&pack).unwrap();
    std::fs::OpenOptions::new().write(true).open(&pack).unwrap().set_len(1 << 20).unwrap();
    for round in 0..2 {
        let copy = format!("broken-{round}");
        git.fails(&["clone", "--quiet", "--mirror", &ada.url("ada/cut"), &copy]);
        forge.assert_alive("a pack was cut off");
        git.ok(&["clone", "--quiet", "--mirror", &ada.url("ada/whole"), &format!("whole-{round}")]);
    }
    let name = pack.file_name().unwrap().to_string_lossy().into_owned();
    let log = forge.log();
    assert!(log.lines().any(|line| line.contains("ERROR") && line.contains(&name)), "the log names it");
    // From a copy: all is well again.
    std::fs::write(&pack, whole).unwrap();
    forge.reopen_everything();
    git.ok(&["clone", "--quiet", "--mirror", &ada.url("ada/cut"), "restored"]);
    forge.finish();
}
