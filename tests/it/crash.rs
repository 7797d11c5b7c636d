//! `kill -9` at random moments: an answered push is there after the restart, an unanswered one is whole or absent.
//!
//! The seed is printed; `ATOMICQMS_TEST_SEED` repeats a run, `ATOMICQMS_TEST_CRASH_ROUNDS` lengthens it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use crate::dsl::chance::Chance;
use crate::dsl::git::Git;
use crate::dsl::http::Call;
use crate::dsl::pack::{Pack, Report, ZERO, push_body};
use crate::dsl::tamper::{self, Tamper};
use crate::dsl::wait::pause_for;
use crate::dsl::{Forge, Persona, evidence};

/// What one pusher knows: values in the order tried, and how many of them were answered as landed.
#[derive(Debug, Default)]
struct Tried {
    branch: String,
    values: Vec<String>,
    answered: usize,
}

impl Tried {
    fn assert_explains(&self, found: Option<&String>, round: u64) {
        let position = found.map_or(0, |value| {
            let position = self.values.iter().position(|tried| tried == value);
            position.map(|index| index + 1).unwrap_or_else(|| panic!("round {round}: {} holds {value}", self.branch))
        });
        assert!(
            position == self.answered || position == self.answered + 1,
            "round {round}: {} stands at push {position}, but {} were answered as landed",
            self.branch,
            self.answered
        );
    }
}

/// Pushes commit after commit by hand, as fast as the server answers, until it is gone.
fn push_by_hand(ada: &Persona, addr: std::net::SocketAddr, repository: &str, branch: &str, size: usize) -> Tried {
    let mut tried = Tried { branch: format!("refs/heads/{branch}"), ..Tried::default() };
    loop {
        let old = tried.values.last().cloned().unwrap_or_else(|| ZERO.to_owned());
        let mut pack = Pack::new();
        let parents: Vec<&str> = if old == ZERO { Vec::new() } else { vec![&old] };
        let content = format!("{branch} {} {}\n", tried.values.len(), "x".repeat(size));
        let tip = pack.add_commit(&parents, &format!("{branch}.md"), content.as_bytes());
        let body = push_body(&[(&old, &tip, tried.branch.as_bytes())], "report-status", &pack.bytes());
        tried.values.push(tip);
        let call = Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
            .header("Authorization", &ada.basic())
            .body("application/x-git-receive-pack-request", body);
        match call.send(addr).map(|reply| Report::parse(&reply.body)) {
            Ok(Ok(report)) if report.is_ok() => tried.answered += 1,
            Ok(Ok(report)) if !report.unpack.is_empty() => panic!("refused: {report:?}"),
            Ok(_) | Err(_) => return tried,
        }
    }
}

/// Pushes the commits of a prepared history with real git until the server is gone.
fn push_by_git(work: &Git, history: &[String], url: &str, branch: &str, gone: &AtomicBool) -> Tried {
    let mut tried = Tried { branch: format!("refs/heads/{branch}"), ..Tried::default() };
    for commit in history {
        tried.values.push(commit.clone());
        let pushed = work.run(&["push", "--quiet", url, &format!("{commit}:refs/heads/{branch}")]);
        if !pushed.success {
            assert!(gone.load(Ordering::SeqCst), "a push failed before the kill: {}", pushed.stderr);
            return tried;
        }
        tried.answered += 1;
    }
    tried
}

#[test]
fn every_answered_push_survives_kill_9_and_no_other_is_half_there() {
    let rounds: u64 = std::env::var("ATOMICQMS_TEST_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(32);
    let mut chance = Chance::from_environment("crash rounds");
    let mut forge = Forge::start();
    let ada = forge.user("ada");
    let work = Git::new().init("work");
    crate::dsl::sop::fill(&work, 60);
    let history: Vec<String> = work.ok(&["rev-list", "--reverse", "main"]).lines().map(str::to_owned).collect();
    let (mut answered, mut unanswered_landed) = (0, 0);
    for round in 0..rounds {
        let repository = ada.create_repository(&format!("round-{round}"));
        let delay = Duration::from_micros(2_000 + chance.below(350_000));
        let addr = forge.addr();
        let gone = Arc::new(AtomicBool::new(false));
        let start = Barrier::new(5);
        let outcomes: Vec<Tried> = std::thread::scope(|scope| {
            let mut pushers = Vec::new();
            for (branch, size) in [("small", 10), ("middle", 3_000), ("large", 150_000)] {
                let (ada, repository, start) = (&ada, &repository, &start);
                pushers.push(scope.spawn(move || {
                    start.wait();
                    push_by_hand(ada, addr, repository, branch, size)
                }));
            }
            let (work, history, url, gone, start) = (&work, &history, ada.url(&repository), &gone, &start);
            pushers.push(scope.spawn(move || {
                start.wait();
                push_by_git(work, history, &url, "git", gone)
            }));
            start.wait();
            pause_for(delay);
            gone.store(true, Ordering::SeqCst);
            forge.kill();
            pushers.into_iter().map(|pusher| pusher.join().unwrap()).collect()
        });

        forge.restart();
        // The first request makes the repository's actor start and repair what the crash left.
        let listed = Git::new().ok(&["ls-remote", &ada.url(&repository)]);
        let server = forge.server_git(&repository);
        let on_disk = evidence::refs_on_disk(&server);
        let rows = forge.evidence().refs(forge.evidence().repository_id(&repository));
        assert_eq!(on_disk, rows, "round {round}: refs on disk and in the database differ");
        for tried in &outcomes {
            let found = rows.get(&tried.branch);
            tried.assert_explains(found, round);
            if let Some(value) = found {
                assert!(listed.contains(&format!("{value}\t{}", tried.branch)), "round {round}: {listed}");
            }
            answered += tried.answered;
            unanswered_landed +=
                usize::from(found.is_some_and(|value| tried.values.get(tried.answered) == Some(value)));
        }
        server.fsck();
        let directory = forge.repository_dir(&repository);
        assert!(evidence::quarantines(&directory).is_empty(), "round {round}: quarantine left behind");
        if round % 8 == 0 {
            let (code, text) = forge.audit_verify();
            assert_eq!(code, Some(0), "round {round}: {text}");
            Git::new().ok(&["clone", "--quiet", "--mirror", &ada.url(&repository), "copy.git"]);
        }
    }
    eprintln!(
        "crash rounds: {rounds} kills, {answered} answered pushes kept, {unanswered_landed} unanswered landed whole"
    );
    assert!(answered as u64 >= rounds, "too few pushes were answered for the test to mean anything: {answered}");
    forge.finish();
}

#[test]
fn the_server_can_die_inside_any_flush_or_rename_of_a_push() {
    if !tamper::is_available() {
        return;
    }
    let mut forge = Forge::start();
    let ada = forge.user("ada");
    let mut deaths = 0;
    // Counted for each thread: the quarantine's files, the renames into place, the log of the database, the refs.
    let places =
        [("fsync", 4), ("rename", 3), ("pwrite64", 4), ("unlink", 1), ("unlinkat", 2), ("mkdir", 2), ("openat", 5)];
    let places = places.iter().flat_map(|(call, times)| (1..=*times).map(move |nth| (*call, nth)));
    for (round, (call, nth)) in places.enumerate() {
        let repository = ada.create_repository(&format!("{call}-{nth}"));
        let addr = forge.addr();
        let status_file = format!("/proc/{}/status", forge.pid());
        let tamper = Tamper::with(&forge, call, "signal=SIGKILL", nth);
        let stop_after = push_some(&ada, addr, &repository, "main", 12);
        let died = crate::dsl::within(Duration::from_millis(300), || {
            let status = std::fs::read_to_string(&status_file).unwrap_or_default();
            let dead = status.is_empty() || status.contains("State:\tZ");
            if dead { Ok(()) } else { Err("alive".to_owned()) }
        });
        drop(tamper);
        if died.is_ok() {
            deaths += 1;
            forge.wait();
        } else {
            forge.kill();
        }
        forge.restart();
        let listed = Git::new().ok(&["ls-remote", &ada.url(&repository)]);
        let server = forge.server_git(&repository);
        let rows = forge.evidence().refs(forge.evidence().repository_id(&repository));
        assert_eq!(evidence::refs_on_disk(&server), rows, "{call} {nth}: refs on disk and in the database differ");
        stop_after.assert_explains(rows.get("refs/heads/main"), round as u64);
        assert_eq!(listed.is_empty(), rows.is_empty(), "{call} {nth}: {listed}");
        server.fsck();
    }
    eprintln!("the server died inside {deaths} of its own system calls");
    assert!(deaths >= 12, "the server died inside only {deaths} calls: the places meant were not hit");
    forge.finish();
}

#[test]
fn what_is_only_in_the_database_becomes_files_whenever_the_server_dies() {
    let mut forge = Forge::with().setting("git", "settle_ms", 600_000).start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("waiting");
    let main = push_some(&ada, forge.addr(), &repository, "main", 3);
    let other = push_some(&ada, forge.addr(), &repository, "other", 2);
    assert_eq!((main.answered, other.answered), (3, 2));
    let id = forge.evidence().repository_id(&repository);
    let directory = forge.directory_as_it_is(&repository);
    assert_eq!(forge.evidence().waiting_packs(id), 5);
    assert_eq!(pack_files(&directory), 0, "nothing is a file before its time");
    assert!(evidence::refs_on_disk(&Git::new().at(&directory)).is_empty(), "refs wait for their packs");
    Git::new().ok(&["clone", "--quiet", "--mirror", &ada.url(&repository), "before.git"]);

    // Between the commit and the files.
    forge.kill();
    forge.start_options().replace("git", "settle_ms", 1_500);
    forge.restart();
    assert_whole(&forge, &repository, &[&main, &other]);
    assert_eq!(pack_files(&directory), 1, "they became one file");

    // While the files are written, and between them and the end of the rows.
    if !tamper::is_available() {
        forge.finish();
        return;
    }
    let mut deaths = 0;
    let places = [("mkdir", 1), ("fsync", 4), ("rename", 4), ("pwrite64", 3)];
    for (call, nth) in places.into_iter().flat_map(|(call, times)| (1..=times).map(move |nth| (call, nth))) {
        let repository = ada.create_repository(&format!("waiting-{call}-{nth}"));
        let pushed = push_some(&ada, forge.addr(), &repository, "main", 3);
        assert_eq!(pushed.answered, 3, "{call} {nth}");
        let status_file = format!("/proc/{}/status", forge.pid());
        let tamper = Tamper::with(&forge, call, "signal=SIGKILL", nth);
        let id = forge.evidence().repository_id(&repository);
        let died = crate::dsl::until("the server to die, or the files to follow", crate::dsl::PATIENCE, || {
            let status = std::fs::read_to_string(&status_file).unwrap_or_default();
            match (status.is_empty() || status.contains("State:\tZ"), forge.evidence().lag(id)) {
                (true, _) => Ok(true),
                (false, None) => Ok(false),
                (false, Some(lag)) => Err(lag),
            }
        });
        drop(tamper);
        if died {
            deaths += 1;
            forge.wait();
        } else {
            forge.kill();
        }
        forge.restart();
        assert_whole(&forge, &repository, &[&pushed]);
    }
    eprintln!("the server died in {deaths} of 12 places between commit and the end of the rows");
    assert!(deaths >= 8, "the server died in only {deaths} places");
    forge.finish();
}

fn pack_files(directory: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(directory.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "pack")).count()
}

/// Every answered push is there, for stock git in the directory and for a client, and no row is left.
fn assert_whole(forge: &Forge, repository: &str, pushed: &[&Tried]) {
    let server = forge.server_git(repository);
    server.fsck();
    let on_disk = evidence::refs_on_disk(&server);
    let id = forge.evidence().repository_id(repository);
    assert_eq!(on_disk, forge.evidence().refs(id), "{repository}");
    for tried in pushed {
        assert_eq!(on_disk.get(&tried.branch), tried.values.last(), "{repository}: {}", tried.branch);
    }
    assert_eq!(forge.evidence().waiting_packs(id), 0);
    let leftovers = evidence::quarantines(&forge.directory_as_it_is(repository));
    assert!(leftovers.is_empty(), "{repository}: {leftovers:?}");
}

/// Pushes at most `limit` commits by hand.
fn push_some(ada: &Persona, addr: std::net::SocketAddr, repository: &str, branch: &str, limit: usize) -> Tried {
    let mut tried = Tried { branch: format!("refs/heads/{branch}"), ..Tried::default() };
    for number in 0..limit {
        let old = tried.values.last().cloned().unwrap_or_else(|| ZERO.to_owned());
        let mut pack = Pack::new();
        let parents: Vec<&str> = if old == ZERO { Vec::new() } else { vec![&old] };
        let content = format!("{branch} {number} {}\n", "y".repeat(number * 20_000));
        let tip = pack.add_commit(&parents, "a.md", content.as_bytes());
        let body = push_body(&[(&old, &tip, tried.branch.as_bytes())], "report-status", &pack.bytes());
        tried.values.push(tip);
        let call = Call::new("POST", &format!("/{repository}.git/git-receive-pack"))
            .header("Authorization", &ada.basic())
            .body("application/x-git-receive-pack-request", body);
        match call.send(addr).map(|reply| Report::parse(&reply.body)) {
            Ok(Ok(report)) if report.is_ok() => tried.answered += 1,
            _ => break,
        }
    }
    tried
}
