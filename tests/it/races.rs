//! Two people moving the same ref: compare-and-set on the server decides, and the loser is told.

use std::sync::Barrier;

use crate::dsl::pack::{Pack, ZERO, push_body};
use crate::dsl::{Forge, Git};

#[test]
fn of_racing_pushes_to_one_branch_exactly_one_wins() {
    const RACERS: usize = 8;
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("raced");
    let mut old = ZERO.to_owned();
    for round in 0..6 {
        let start = Barrier::new(RACERS);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..RACERS)
                .map(|racer| {
                    let (ada, repository, old, start) = (&ada, &repository, &old, &start);
                    scope.spawn(move || {
                        let mut pack = Pack::new();
                        let parents: Vec<&str> = if old == ZERO { Vec::new() } else { vec![old] };
                        let content = format!("round {round} racer {racer}\n");
                        let tip = pack.add_commit(&parents, "a.md", content.as_bytes());
                        start.wait();
                        let reply = ada.push_one(repository, (old, &tip, b"refs/heads/main"), &pack.bytes());
                        (tip, reply)
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let (winners, losers): (Vec<_>, Vec<_>) = outcomes.iter().partition(|(_, reply)| reply.accepted());
        assert_eq!(winners.len(), 1, "round {round}: {outcomes:#?}");
        for (_, loser) in losers {
            let report = loser.report.as_ref().unwrap_or_else(|| panic!("no report: {loser:?}"));
            let (name, outcome) = &report.refs[0];
            let reason = outcome.as_ref().unwrap_err();
            assert_eq!(name, "refs/heads/main");
            assert!(reason.len() > 5 && !reason.to_lowercase().contains("internal"), "unclear refusal: {reason:?}");
        }
        old = winners[0].0.clone();
        let shown = forge.server_git(&repository).ok(&["rev-parse", "refs/heads/main"]);
        assert_eq!(shown, old, "round {round}: the winner is not on the branch");
    }
    let evidence = forge.evidence();
    assert_eq!(evidence.journal(evidence.repository_id(&repository)).len(), 6);
    forge.finish();
}

#[test]
fn of_racing_git_clients_exactly_one_wins_and_the_others_can_try_again() {
    const RACERS: usize = 4;
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("raced-by-git");
    let work = Git::new().init("work");
    work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let start = Barrier::new(RACERS);
    std::thread::scope(|scope| {
        for racer in 0..RACERS {
            let copy = ada.clone_repository(&repository);
            copy.commit(&format!("racer-{racer}.md"), "x\n");
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for attempt in 0.. {
                    let pushed = copy.run(&["push", "origin", "main"]);
                    if pushed.success {
                        break;
                    }
                    assert!(pushed.stderr.contains("rejected"), "{}", pushed.stderr);
                    assert!(!pushed.stderr.to_lowercase().contains("lock file"), "{}", pushed.stderr);
                    assert!(attempt < RACERS * 3, "racer {racer} never got through: {}", pushed.stderr);
                    copy.ok(&["pull", "--quiet", "--rebase", "origin", "main"]);
                }
            });
        }
    });
    let server = forge.server_git(&repository);
    assert_eq!(server.ok(&["rev-list", "--count", "main"]), (1 + RACERS).to_string(), "a commit was lost");
    forge.finish();
}

#[test]
fn a_stale_old_value_is_refused_for_every_kind_of_change() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("stale");
    let mut pack = Pack::new();
    let one = pack.add_commit(&[], "a.md", b"one\n");
    let two = pack.add_commit(&[&one], "a.md", b"two\n");
    let three = pack.add_commit(&[&two], "a.md", b"three\n");
    assert!(ada.push_one(&repository, (ZERO, &three, b"refs/heads/main"), &pack.bytes()).accepted());
    let directory = forge.repository_dir(&repository);
    let before = forge.evidence().fingerprint(&repository, &directory);
    let empty = Pack::new().bytes();
    let cases: [(&str, &str, &str); 5] = [
        ("update from a value the ref no longer has", &one, &two),
        ("update from a value it never had", "1111111111111111111111111111111111111111", &two),
        ("create of a ref that exists", ZERO, &two),
        ("delete with an old value", &two, ZERO),
        ("update of a ref to an object nobody has", &three, "2222222222222222222222222222222222222222"),
    ];
    for (what, old, new) in cases {
        let pack: &[u8] = if new == ZERO { b"" } else { &empty };
        let reply = ada.push_one(&repository, (old, new, b"refs/heads/main"), pack);
        assert!(!reply.accepted(), "{what}: accepted");
        assert!(reply.reason().trim().len() > 8, "{what}: unclear reason {:?}", reply.reason());
        assert_eq!(forge.evidence().fingerprint(&repository, &directory), before, "{what}: something changed");
    }
    // One good and one stale command: the good one lands, the stale one is named.
    let commands: [(&str, &str, &[u8]); 2] = [(&one, &two, b"refs/heads/main"), (ZERO, &two, b"refs/heads/new")];
    let reply = ada.push_raw(&repository, push_body(&commands, "report-status", &empty));
    let report = reply.report.clone().unwrap();
    assert_eq!(report.unpack, "ok", "{report:?}");
    assert!(report.refs.iter().any(|(name, outcome)| name == "refs/heads/main" && outcome.is_err()), "{report:?}");
    assert!(report.refs.contains(&("refs/heads/new".to_owned(), Ok(()))), "{report:?}");
    // The same two with `atomic`: neither.
    let commands: [(&str, &str, &[u8]); 2] = [(&one, &two, b"refs/heads/main"), (ZERO, &two, b"refs/heads/newer")];
    let reply = ada.push_raw(&repository, push_body(&commands, "report-status atomic", &empty));
    let report = reply.report.clone().unwrap();
    assert!(report.refs.iter().all(|(_, outcome)| outcome.is_err()), "{report:?}");
    assert_eq!(report.refs.len(), 2, "{report:?}");
    assert!(!forge.server_git(&repository).refs().contains("newer"));
    forge.finish();
}
