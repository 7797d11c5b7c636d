//! Many people at once: what each was told is true afterwards, and nobody sees the inside of the server.

use std::sync::Barrier;

use crate::dsl::{Forge, Git};

/// One local repository with `count` branches, each a commit of its own.
fn branches(count: usize, commits_each: usize) -> Git {
    let work = Git::new().init("work");
    let mut stream = String::new();
    for branch in 0..count {
        for number in 0..commits_each {
            let text = format!("branch {branch} revision {number}\n");
            stream.push_str(&format!(
                "commit refs/heads/branch-{branch}\ncommitter Ada <ada@example.org> {} +0000\ndata 1\nx\n\
                 M 100644 inline SOP-{branch:03}.md\ndata {}\n{text}\n",
                1_700_000_000 + number,
                text.len()
            ));
        }
    }
    work.run_with_input(&["fast-import", "--quiet"], stream.as_bytes()).ok();
    work
}

fn assert_no_lock_error(output: &str) {
    let lower = output.to_ascii_lowercase();
    let line = lower.lines().find(|line| line.contains("lock") || line.contains("busy"));
    assert!(line.is_none(), "a lock error reached a client: {output}");
}

#[test]
fn sixty_four_clients_push_to_sixty_four_repositories() {
    const CLIENTS: usize = 64;
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repositories: Vec<_> = (0..CLIENTS).map(|index| ada.create_repository(&format!("r{index:02}"))).collect();
    let work = branches(CLIENTS, 3);
    let start = Barrier::new(CLIENTS);
    std::thread::scope(|scope| {
        for (index, repository) in repositories.iter().enumerate() {
            let (ada, work, start) = (&ada, &work, &start);
            scope.spawn(move || {
                let url = ada.url(repository);
                start.wait();
                for back in (0..3).rev() {
                    let pushed = work.run(&["push", &url, &format!("branch-{index}~{back}:refs/heads/main")]).ok();
                    assert_no_lock_error(&pushed.all());
                }
            });
        }
    });
    for (index, repository) in repositories.iter().enumerate() {
        let wanted = work.ok(&["rev-parse", &format!("branch-{index}")]);
        assert_eq!(forge.server_git(repository).ok(&["rev-parse", "refs/heads/main"]), wanted, "{repository}");
        assert_eq!(forge.evidence().journal(forge.evidence().repository_id(repository)).len(), 3);
    }
    forge.finish();
}

#[test]
fn sixteen_clients_push_different_branches_of_one_repository() {
    const CLIENTS: usize = 16;
    const COMMITS: usize = 6;
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("crowded");
    let work = branches(CLIENTS, COMMITS);
    let start = Barrier::new(CLIENTS);
    std::thread::scope(|scope| {
        for index in 0..CLIENTS {
            let (ada, work, start, repository) = (&ada, &work, &start, &repository);
            scope.spawn(move || {
                let url = ada.url(repository);
                start.wait();
                for back in (0..COMMITS).rev() {
                    let refspec = format!("branch-{index}~{back}:refs/heads/branch-{index}");
                    let pushed = work.run(&["push", &url, &refspec]).ok();
                    assert_no_lock_error(&pushed.all());
                }
            });
        }
    });
    assert_eq!(forge.server_git(&repository).refs(), work.refs());
    let evidence = forge.evidence();
    assert_eq!(evidence.journal(evidence.repository_id(&repository)).len(), CLIENTS * COMMITS);
    forge.finish();
}

#[test]
fn readers_see_whole_states_while_others_push() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("read-while-written");
    let work = branches(4, 12);
    let url = ada.url(&repository);
    work.ok(&["push", "--quiet", &url, "branch-0~11:refs/heads/branch-0"]);
    std::thread::scope(|scope| {
        for index in 0..4 {
            let (work, url) = (&work, &url);
            scope.spawn(move || {
                for back in (0..12).rev() {
                    // Two refs move together: a reader must never see one without the other.
                    let source = format!("branch-{index}~{back}");
                    let pair =
                        [format!("{source}:refs/heads/branch-{index}"), format!("{source}:refs/heads/twin-{index}")];
                    work.ok(&["push", "--quiet", "--atomic", url, &pair[0], &pair[1]]);
                }
            });
        }
        for version in [0, 1, 2] {
            let url = &url;
            scope.spawn(move || {
                for _ in 0..6 {
                    let git = Git::new().protocol(version);
                    git.ok(&["clone", "--quiet", "--mirror", url, "copy.git"]);
                    let copy = git.at("copy.git");
                    copy.ok(&["rev-list", "--objects", "--all"]);
                    for index in 0..4 {
                        let twin = copy.run(&["rev-parse", "--verify", &format!("refs/heads/twin-{index}")]);
                        let branch = copy.run(&["rev-parse", "--verify", &format!("refs/heads/branch-{index}")]);
                        if twin.success {
                            assert_eq!(twin.stdout, branch.stdout, "half of an atomic push was visible");
                        }
                    }
                }
            });
        }
    });
    forge.finish();
}
