//! Repositories are tidied behind people's backs: nobody notices but the disk.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::dsl::chance::Chance;
use crate::dsl::forge::{Start, binary};
use crate::dsl::pack::{Pack, ZERO, push_body};
use crate::dsl::wait::{PATIENCE, pause_for, until};
use crate::dsl::{Forge, Git, Persona, evidence, sop};

/// A server that tidies at every occasion.
fn eager() -> Start {
    Forge::with()
        .setting("maintenance", "pack_threshold", 3)
        .setting("maintenance", "removal_delay_seconds", 0)
        .setting("maintenance", "quiet_seconds", 0)
        .setting("maintenance", "poll_seconds", 1)
        .setting("maintenance", "bundle_min_bytes", 0)
}

fn packs(repository: &Path) -> usize {
    let entries = std::fs::read_dir(repository.join("objects/pack")).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "pack")).count()
}

/// Pushes one commit by hand and answers it.
fn push(ada: &Persona, addr: SocketAddr, repository: &str, branch: &str, old: &str, text: &str) -> Option<String> {
    let mut pack = Pack::new();
    let parents: Vec<&str> = if old == ZERO { Vec::new() } else { vec![old] };
    let tip = pack.add_commit(&parents, "SOP.md", text.as_bytes());
    let body = push_body(&[(old, &tip, branch.as_bytes())], "report-status", &pack.bytes());
    let call = crate::dsl::http::Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
        .header("Authorization", &ada.basic())
        .body("application/x-git-receive-pack-request", body);
    let reply = call.send(addr).ok()?;
    crate::dsl::pack::Report::parse(&reply.body).ok().filter(|report| report.is_ok()).map(|_| tip)
}

fn doctor(forge: &Forge, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = binary(&["doctor", "repo", "--data-dir", forge.data_dir().to_str().unwrap()]);
    let output = command.args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn many_small_pushes_end_in_few_packs() {
    let mut forge = eager().start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let (directory, addr) = (forge.repository_dir(&repository), forge.addr());
    let mut tip = ZERO.to_owned();
    for number in 0..25 {
        let text = format!("{}\nrevision {number}\n", "a line of a procedure\n".repeat(50));
        tip = push(&ada, addr, &repository, "refs/heads/main", &tip, &text).expect("the push lands");
        // Each becomes a file of its own; those that wait together would become one.
        forge.repository_dir(&repository);
    }
    until("few packs", PATIENCE, || match packs(&directory) {
        few if few <= 3 => Ok(()),
        many => Err(format!("{many} packs")),
    });
    assert_eq!(forge.server_git(&repository).ok(&["rev-list", "--count", &tip]), "25");
    let copy = ada.clone_repository(&repository);
    assert_eq!(copy.ok(&["rev-parse", "HEAD"]), tip);
    let (code, text) = doctor(&forge, &["--all", "--full"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ada/sop: whole; 75 objects"), "{text}");
    let metrics = forge.get("/metrics").text();
    assert!(metrics.contains("atomicqms_jobs_total{kind=\"repository.consolidate\",outcome=\"done\"}"), "{metrics}");
    // Stock git cannot check what is removed under its eyes.
    forge.stop();
    forge.server_git(&repository).fsck();
    forge.restart();
    forge.finish();
}

#[test]
fn a_large_push_gets_bitmaps_that_stock_git_reads() {
    let forge = eager().start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let work = Git::new().init("work");
    sop::fill(&work, 900);
    work.ok(&["push", "--quiet", &ada.url(&repository), "main", "--tags"]);
    let packs = forge.repository_dir(&repository).join("objects/pack");
    let bitmaps = || {
        let names = std::fs::read_dir(&packs).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|ending| ending == "bitmap")).count()
    };
    until("bitmaps", PATIENCE, || if bitmaps() == 1 { Ok(()) } else { Err(format!("{} files", bitmaps())) });
    let server = forge.server_git(&repository);
    let count = |git: &Git, more: &[&str]| git.ok(&[&["rev-list", "--all", "--objects", "--count"], more].concat());
    let objects = count(&work, &[]);
    assert_eq!(count(&server, &["--use-bitmap-index"]), objects);
    let copy = ada.clone_repository(&repository);
    assert_eq!(count(&copy, &[]), objects);
    copy.fsck();
    // What comes later is not covered, and comes all the same.
    work.commit("late.md", "later");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    copy.ok(&["fetch", "--quiet"]);
    assert_eq!(count(&copy, &[]), count(&work, &[]));
    let partial = Git::new();
    partial.ok(&["clone", "--quiet", "--bare", "--filter=blob:none", &ada.url(&repository), "partial"]);
    let missing = partial.at("partial").ok(&["rev-list", "--all", "--objects", "--missing=print"]);
    let missing = missing.lines().filter(|line| line.starts_with('?')).count();
    let listed = work.ok(&["cat-file", "--batch-check=%(objecttype)", "--batch-all-objects"]);
    assert_eq!(missing, listed.lines().filter(|kind| *kind == "blob").count());
    server.fsck();
    forge.finish();
}

#[test]
fn clones_in_a_loop_do_not_notice() {
    let forge = eager().start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let (directory, addr) = (forge.repository_dir(&repository), forge.addr());
    let mut tip = push(&ada, addr, &repository, "refs/heads/main", ZERO, "first").unwrap();
    let (is_over, clones, most) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for reader in 0..3 {
            let (ada, repository, is_over, clones) = (&ada, &repository, &is_over, &clones);
            scope.spawn(move || {
                for number in 0.. {
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    let git = Git::new();
                    let name = format!("copy-{reader}-{number}.git");
                    git.ok(&["clone", "--quiet", "--mirror", &ada.url(repository), &name]);
                    git.at(&name).fsck();
                    clones.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for number in 0..60 {
            tip = push(&ada, addr, &repository, "refs/heads/main", &tip, &format!("{number}\n").repeat(200)).unwrap();
            most.fetch_max(packs(&directory), Ordering::SeqCst);
        }
        until("few packs", PATIENCE, || match packs(&directory) {
            few if few <= 3 => Ok(()),
            many => Err(format!("{many} packs")),
        });
        // Pushes and maintenance may be quicker than any clone.
        until("enough clones", PATIENCE, || match clones.load(Ordering::SeqCst) {
            6.. => Ok(()),
            few => Err(format!("{few} clones")),
        });
        is_over.store(true, Ordering::SeqCst);
    });
    eprintln!("{} clones, {} packs at most", clones.load(Ordering::SeqCst), most.load(Ordering::SeqCst));
    forge.finish();
}

#[test]
fn kill_9_during_maintenance_loses_nothing() {
    let rounds: u64 = std::env::var("ATOMICQMS_TEST_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let mut chance = Chance::from_environment("maintenance crash rounds");
    let mut forge = eager().start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let directory = forge.repository_dir(&repository);
    let (mut tip, mut side) = (ZERO.to_owned(), ZERO.to_owned());
    let mut answered = 0;
    for round in 0..rounds {
        let is_over = AtomicBool::new(false);
        let delay = Duration::from_micros(150_000 + chance.below(700_000));
        let (seed, addr) = (chance.below(1 << 30), forge.addr());
        std::thread::scope(|scope| {
            let pusher = scope.spawn(|| {
                let mut number = 0;
                while !is_over.load(Ordering::SeqCst) {
                    number += 1;
                    let text = format!("{seed} {number}\n").repeat(100);
                    let Some(next) = push(&ada, addr, &repository, "refs/heads/main", &tip, &text) else { return };
                    (tip, answered) = (next, answered + 1);
                    // A branch that is thrown away again and again leaves unreachable history.
                    let Some(next) = push(&ada, addr, &repository, "refs/heads/side", &side, &format!("side {text}"))
                    else {
                        return;
                    };
                    side = next;
                }
            });
            pause_for(delay);
            is_over.store(true, Ordering::SeqCst);
            forge.kill();
            pusher.join().unwrap();
        });
        forge.restart();
        let listed = Git::new().ok(&["ls-remote", &ada.url(&repository)]);
        let find = |name: &str| {
            let line = listed.lines().find(|line| line.ends_with(name));
            line.map_or(ZERO.to_owned(), |line| line[..40].to_owned())
        };
        let server = forge.server_git(&repository);
        let (main, other) = (find("refs/heads/main"), find("refs/heads/side"));
        if tip != ZERO {
            // What was answered is there; one more may have landed unanswered.
            server.ok(&["merge-base", "--is-ancestor", &tip, &main]);
        }
        (tip, side) = (main, other);
        assert!(evidence::quarantines(&directory).is_empty(), "round {round}");
        // Work may go on right after the start; what the dead server left is gone before it.
        let objects = || std::fs::read_dir(directory.join("objects")).unwrap().map(|entry| entry.unwrap().file_name());
        until("maintenance ends", PATIENCE, || {
            match objects().find(|name| name.to_string_lossy().starts_with("tidying-")) {
                None => Ok(()),
                Some(name) => Err(name.to_string_lossy().into_owned()),
            }
        });
        // Stock git cannot check what is removed under its eyes, at once with this delay: nobody else is at work then.
        forge.stop();
        server.fsck();
        forge.restart();
        if round % 4 == 3 {
            let (code, text) = doctor(&forge, &["ada/sop", "--full"]);
            assert_eq!(code, Some(0), "round {round}: {text}");
        }
    }
    eprintln!("{rounds} kills, {answered} pushes, {} packs at the end", packs(&directory));
    assert!(answered as u64 * 2 >= rounds, "too few pushes for the test to mean anything: {answered}");
    forge.finish();
}

#[test]
fn doctor_names_damage_and_maintain_keeps_out_of_a_running_server() {
    // A file for each push.
    let settings = Forge::with().setting("git", "max_inline_pack_bytes", 0);
    let mut forge = settings.setting("maintenance", "enabled", false).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let (directory, addr) = (forge.repository_dir(&repository), forge.addr());
    let mut tip = ZERO.to_owned();
    for number in 0..6 {
        tip = push(&ada, addr, &repository, "refs/heads/main", &tip, &format!("{number}\n").repeat(500)).unwrap();
    }
    assert_eq!(packs(&directory), 6, "it is switched off");
    let data_dir = forge.data_dir().to_str().unwrap().to_owned();
    let maintain = || binary(&["maintain", "ada/sop", "--data-dir", &data_dir]).output().unwrap();
    let refused = maintain();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("in use by another atomicqms server"), "{refused:?}");
    forge.stop();
    let done = maintain();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(packs(&directory), 1, "{done:?}");
    let (code, text) = doctor(&forge, &["ada/sop"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(doctor(&forge, &["ada/absent"]).0, Some(2));

    let pack = std::fs::read_dir(directory.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "pack")).unwrap();
    let good = std::fs::read(&pack).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, bad).unwrap();
    let (code, text) = doctor(&forge, &["--all"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the pack does not match its checksum"), "{text}");
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, good).unwrap();
    forge.restart();
    assert_eq!(ada.clone_repository(&repository).ok(&["rev-parse", "HEAD"]), tip);
    forge.finish();
}
