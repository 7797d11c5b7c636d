//! What stock git does every day, with each protocol version: the whole life of a repository.
//!
//! Every test ends in `finish`, which runs `git fsck --strict` on the server's copy and compares refs three ways.

use crate::dsl::{Forge, Git, PROTOCOLS, Persona, sop};

/// Asserts that a mirror of the server and the server's own directory list the same refs, byte for byte.
fn assert_same_refs(forge: &Forge, persona: &Persona, repository: &str, git: &Git) {
    let mirror = format!("mirror-{}.git", repository.replace('/', "-"));
    git.ok(&["clone", "--quiet", "--mirror", &persona.url(repository), &mirror]);
    let mirror = git.at(&mirror);
    mirror.fsck();
    assert_eq!(mirror.refs(), forge.server_git(repository).refs(), "for-each-ref of clone and server differ");
}

#[test]
fn push_clone_and_fetch_move_commits_between_people() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("sops-{version}"));
        let git = Git::new().protocol(version);
        let work = git.init("work");
        let first = work.commit("SOP-001.md", "# Cleaning\n");
        work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);

        git.ok(&["clone", "--quiet", &ada.url(&repository), "copy"]);
        let copy = git.at("copy");
        assert_eq!(copy.ok(&["rev-parse", "HEAD"]), first, "protocol {version}");
        assert_eq!(copy.ok(&["symbolic-ref", "HEAD"]), "refs/heads/main", "protocol {version}");
        assert_eq!(std::fs::read_to_string(copy.dir().join("SOP-001.md")).unwrap(), "# Cleaning\n");

        let second = copy.commit("SOP-001.md", "# Cleaning, revised\n");
        copy.ok(&["push", "--quiet", "origin", "main"]);
        work.ok(&["remote", "add", "origin", &ada.url(&repository)]);
        work.ok(&["fetch", "--quiet", "origin"]);
        assert_eq!(work.ok(&["rev-parse", "origin/main"]), second, "protocol {version}");
        work.ok(&["merge", "--quiet", "--ff-only", "origin/main"]);
        work.fsck();
        assert_same_refs(&forge, &ada, &repository, &git);
    }
    forge.finish();
}

#[test]
fn an_empty_repository_can_be_cloned_and_then_filled() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("empty-{version}"));
        let git = Git::new().protocol(version);
        let cloned = git.run(&["clone", &ada.url(&repository), "copy"]).ok();
        assert!(cloned.stderr.contains("empty repository"), "protocol {version}: {}", cloned.stderr);
        assert_eq!(git.ok(&["ls-remote", &ada.url(&repository)]), "", "protocol {version}");
        let copy = git.at("copy");
        let tip = copy.commit("README.md", "first\n");
        copy.ok(&["push", "--quiet", "origin", "main"]);
        let listed = git.ok(&["ls-remote", &ada.url(&repository)]);
        assert_eq!(listed, format!("{tip}\tHEAD\n{tip}\trefs/heads/main"), "protocol {version}");
    }
    forge.finish();
}

#[test]
fn an_empty_clone_learns_the_branch_that_will_be_the_default() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let body = serde_json::json!({ "name": "trunk-based", "default_branch": "trunk" });
    ada.post("/api/v1/user/repos", &body).expect(201);
    let git = Git::new();
    git.ok(&["clone", "--quiet", &ada.url("ada/trunk-based"), "copy"]);
    assert_eq!(git.at("copy").ok(&["symbolic-ref", "HEAD"]), "refs/heads/trunk");
    forge.finish();
}

#[test]
fn forced_push_and_delete_change_exactly_the_named_branch() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("forced-{version}"));
        let git = Git::new().protocol(version);
        let work = git.init("work");
        work.ok(&["remote", "add", "origin", &ada.url(&repository)]);
        let base = work.commit("a.md", "one\n");
        work.commit("a.md", "two\n");
        work.ok(&["branch", "other", &base]);
        work.ok(&["push", "--quiet", "origin", "main", "other"]);

        work.ok(&["reset", "--quiet", "--hard", &base]);
        let rewritten = work.commit("a.md", "two, otherwise\n");
        let refusal = work.fails(&["push", "origin", "main"]);
        assert!(refusal.contains("non-fast-forward"), "protocol {version}: {refusal}");
        work.ok(&["push", "--quiet", "--force", "origin", "main"]);
        let listed = work.ok(&["ls-remote", "origin", "refs/heads/*"]);
        assert_eq!(listed, format!("{rewritten}\trefs/heads/main\n{base}\trefs/heads/other"), "protocol {version}");

        work.ok(&["push", "--quiet", "origin", ":other"]);
        let listed = work.ok(&["ls-remote", "origin", "refs/heads/*"]);
        assert_eq!(listed, format!("{rewritten}\trefs/heads/main"), "protocol {version}");
        let refusal = work.fails(&["push", "origin", ":never-there"]);
        assert!(refusal.contains("never-there"), "protocol {version}: {refusal}");
        assert_same_refs(&forge, &ada, &repository, &git);
    }
    forge.finish();
}

#[test]
fn a_lease_refuses_a_forced_push_over_unseen_work() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("leased");
    let work = Git::new().init("work");
    work.ok(&["remote", "add", "origin", &ada.url(&repository)]);
    work.commit("a.md", "one\n");
    work.ok(&["push", "--quiet", "-u", "origin", "main"]);
    let other = ada.clone_repository(&repository);
    let theirs = other.commit("b.md", "unseen\n");
    other.ok(&["push", "--quiet"]);
    work.commit("a.md", "mine\n");
    let refusal = work.fails(&["push", "--force-with-lease", "origin", "main"]);
    assert!(refusal.contains("stale info"), "{refusal}");
    assert!(other.ok(&["ls-remote", "origin", "main"]).starts_with(&theirs));
    forge.finish();
}

#[test]
fn tags_of_every_sort_arrive_whole_and_peel() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("tagged-{version}"));
        let git = Git::new().protocol(version);
        let work = git.init("work");
        let tip = work.commit("a.md", "one\n");
        work.ok(&["tag", "light"]);
        work.ok(&["tag", "--annotate", "--message", "Release 1", "v1"]);
        work.ok(&["tag", "--annotate", "--message", "Tag of a tag", "outer", "v1"]);
        let blob = work.ok(&["rev-parse", "HEAD:a.md"]);
        work.ok(&["tag", "--annotate", "--message", "Tag of a file", "file", &blob]);
        work.ok(&["push", "--quiet", &ada.url(&repository), "main", "--tags"]);

        let listed = git.ok(&["ls-remote", &ada.url(&repository)]);
        for name in ["light", "v1^{}", "outer^{}"] {
            assert!(listed.contains(&format!("{tip}\trefs/tags/{name}")), "protocol {version}: {name} in {listed}");
        }
        assert!(listed.contains(&format!("{blob}\trefs/tags/file^{{}}")), "protocol {version}: {listed}");

        git.ok(&["clone", "--quiet", &ada.url(&repository), "copy"]);
        let copy = git.at("copy");
        assert_eq!(copy.ok(&["tag", "--list"]), work.ok(&["tag", "--list"]), "protocol {version}");
        copy.fsck();

        // A tag made later follows the branch it points into, without being asked for.
        work.commit("a.md", "two\n");
        work.ok(&["tag", "--annotate", "--message", "Release 2", "v2"]);
        work.ok(&["push", "--quiet", &ada.url(&repository), "main", "v2"]);
        copy.ok(&["fetch", "--quiet", "origin", "main"]);
        copy.ok(&["fetch", "--quiet"]);
        assert_eq!(copy.ok(&["rev-parse", "v2^{}"]), work.ok(&["rev-parse", "main"]), "protocol {version}");

        work.ok(&["push", "--quiet", &ada.url(&repository), ":refs/tags/light"]);
        assert_same_refs(&forge, &ada, &repository, &git);
    }
    forge.finish();
}

#[test]
fn two_thousand_refs_go_in_one_push_and_come_back() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    // Git itself takes seconds for thousands of refs, so two protocols make do with fewer.
    for (version, count) in [(0, 400), (1, 400), (2, 2_000)] {
        let repository = ada.create_repository(&format!("many-{version}"));
        let git = Git::new().protocol(version);
        let work = git.init("work");
        let tip = work.commit("a.md", "one\n");
        let names: Vec<_> = (0..count).map(|index| format!("refs/heads/topic/{:02}/{index:04}", index % 40)).collect();
        let create: String = names.iter().map(|name| format!("create {name} {tip}\n")).collect();
        work.run_with_input(&["update-ref", "--stdin"], create.as_bytes()).ok();
        work.ok(&["push", "--quiet", &ada.url(&repository), "refs/heads/*:refs/heads/*"]);
        assert_eq!(forge.server_git(&repository).refs(), work.refs(), "protocol {version}");
        assert_same_refs(&forge, &ada, &repository, &git);

        let delete: String = names.iter().step_by(2).map(|name| format!("delete {name}\n")).collect();
        work.run_with_input(&["update-ref", "--stdin"], delete.as_bytes()).ok();
        work.ok(&["push", "--quiet", "--mirror", &ada.url(&repository)]);
        let listed = git.ok(&["ls-remote", &ada.url(&repository), "refs/heads/topic/*"]);
        assert_eq!(listed.lines().count(), count / 2, "protocol {version}");
    }
    forge.finish();
}

#[test]
fn an_atomic_push_with_one_bad_ref_lands_nothing() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("atomic-{version}"));
        let git = Git::new().protocol(version);
        let work = git.init("work");
        work.ok(&["remote", "add", "origin", &ada.url(&repository)]);
        let tip = work.commit("a.md", "one\n");
        work.ok(&["push", "--quiet", "origin", "main"]);
        work.commit("a.md", "two\n");
        // `refs/heads/main/below` cannot exist beside `refs/heads/main`.
        let refusal =
            work.fails(&["push", "--atomic", "origin", "main", "main:refs/heads/good", "main:refs/heads/main/below"]);
        assert!(refusal.contains("main/below"), "protocol {version}: {refusal}");
        let listed = work.ok(&["ls-remote", "origin", "refs/heads/*"]);
        assert_eq!(listed, format!("{tip}\trefs/heads/main"), "protocol {version}: an atomic push landed in part");

        // Without --atomic the good ones land and the bad one is named.
        let refusal = work.fails(&["push", "origin", "main", "main:refs/heads/good", "main:refs/heads/main/below"]);
        let line = refusal.lines().find(|line| line.contains("main/below")).unwrap_or_default();
        assert!(line.contains("! [remote rejected]"), "protocol {version}: {refusal}");
        let listed = work.ok(&["ls-remote", "origin", "refs/heads/*"]);
        assert_eq!(listed.lines().count(), 2, "protocol {version}: {listed}");
        let all = ["push", "--quiet", "--atomic", "origin", "main:refs/heads/x", "main:refs/heads/y", ":good"];
        work.ok(&all);
        assert_same_refs(&forge, &ada, &repository, &git);
    }
    forge.finish();
}

#[test]
fn a_mirror_push_makes_the_server_a_mirror() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("mirrored-{version}"));
        let git = Git::new().protocol(version);
        let work = git.init("work");
        sop::fill(&work, 120);
        work.ok(&["update-ref", "refs/notes/reviews", "refs/heads/main"]);
        work.ok(&["update-ref", "refs/archive/2023/main", "refs/heads/main~5"]);
        work.ok(&["push", "--quiet", "--mirror", &ada.url(&repository)]);
        assert_eq!(forge.server_git(&repository).refs(), work.refs(), "protocol {version}");
        work.ok(&["update-ref", "-d", "refs/archive/2023/main"]);
        work.ok(&["branch", "added", "main~7"]);
        work.ok(&["push", "--quiet", "--mirror", &ada.url(&repository)]);
        assert_eq!(forge.server_git(&repository).refs(), work.refs(), "protocol {version}");
        assert_same_refs(&forge, &ada, &repository, &git);
    }
    forge.finish();
}

#[test]
fn head_follows_the_default_branch() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("headed");
    let work = Git::new().init("work");
    work.ok(&["remote", "add", "origin", &ada.url(&repository)]);
    work.commit("a.md", "one\n");
    work.ok(&["checkout", "--quiet", "-b", "effective"]);
    let effective = work.commit("a.md", "two\n");
    work.ok(&["push", "--quiet", "origin", "main", "effective"]);
    let body = serde_json::json!({ "default_branch": "effective" });
    let changed = ada.patch(&format!("/api/v1/repos/{repository}"), &body).expect(200).json();
    assert_eq!(changed["default_branch"], "effective");
    for version in PROTOCOLS {
        let git = Git::new().protocol(version);
        let listed = git.ok(&["ls-remote", "--symref", &ada.url(&repository), "HEAD"]);
        assert_eq!(listed, format!("ref: refs/heads/effective\tHEAD\n{effective}\tHEAD"), "protocol {version}");
        git.ok(&["clone", "--quiet", &ada.url(&repository), "copy"]);
        assert_eq!(git.at("copy").ok(&["symbolic-ref", "HEAD"]), "refs/heads/effective");
    }
    assert_eq!(forge.server_git(&repository).ok(&["symbolic-ref", "HEAD"]), "refs/heads/effective");
    let missing = serde_json::json!({ "default_branch": "no-such-branch" });
    let refused = ada.patch(&format!("/api/v1/repos/{repository}"), &missing);
    assert!((400..500).contains(&refused.status), "a default branch that does not exist: {}", refused.status);
    forge.finish();
}

#[test]
fn five_hundred_commits_of_procedures_arrive_byte_for_byte() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let source = sop::from_script(500);
    source.fsck();
    let names = |git: &Git| git.ok(&["rev-list", "--objects", "--all"]).lines().count();
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("sops-{version}"));
        let source = source.protocol(version);
        source.ok(&["push", "--quiet", &ada.url(&repository), "refs/*:refs/*"]);
        let server = forge.server_git(&repository);
        assert_eq!(server.refs(), source.refs(), "protocol {version}: for-each-ref differs");
        assert_eq!(names(&server), names(&source), "protocol {version}: reachable objects differ");
        let git = Git::new().protocol(version);
        git.ok(&["clone", "--quiet", &ada.url(&repository), "copy"]);
        let copy = git.at("copy");
        assert_eq!(copy.ok(&["rev-parse", "HEAD^{tree}"]), source.ok(&["rev-parse", "main^{tree}"]));
        assert_eq!(copy.ok(&["status", "--porcelain"]), "", "protocol {version}: the checkout differs");
        assert_eq!(copy.ok(&["rev-list", "--count", "HEAD"]), source.ok(&["rev-list", "--count", "main"]));
        assert_same_refs(&forge, &ada, &repository, &git);
    }
    forge.finish();
}

#[test]
fn a_clone_carries_exactly_what_is_reachable() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("exact");
    let work = Git::new().init("work");
    work.ok(&["remote", "add", "origin", &ada.url(&repository)]);
    let base = work.commit("a.md", "one\n");
    let secret = work.commit("secret.md", "pushed by mistake, then withdrawn\n");
    work.ok(&["push", "--quiet", "origin", "main"]);
    work.ok(&["reset", "--quiet", "--hard", &base]);
    let kept = work.commit("b.md", "kept\n");
    work.ok(&["push", "--quiet", "--force", "origin", "main"]);
    for version in PROTOCOLS {
        let git = Git::new().protocol(version);
        git.ok(&["clone", "--quiet", "--bare", &ada.url(&repository), "copy.git"]);
        let copy = git.at("copy.git");
        assert_eq!(copy.ok(&["rev-parse", "main"]), kept);
        let counted = copy.ok(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
        let reachable = copy.ok(&["rev-list", "--objects", "--all"]);
        assert_eq!(
            counted.lines().count(),
            reachable.lines().count(),
            "protocol {version}: more was sent than is reachable"
        );
        assert!(!counted.contains(&secret), "protocol {version}: a withdrawn commit was sent");
        // Nor may it be asked for by its id.
        let refusal = copy.fails(&["fetch", &ada.url(&repository), &secret]);
        assert!(refusal.contains("not our ref") || refusal.contains("unadvertised"), "protocol {version}: {refusal}");
    }
    forge.finish();
}

#[test]
fn partial_histories_can_be_taken_and_deepened() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("shallow");
    let work = Git::new().init("work");
    sop::fill(&work, 40);
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    for version in PROTOCOLS {
        let git = Git::new().protocol(version);
        let cloned = git.run(&["clone", "--quiet", "--depth", "3", &ada.url(&repository), "copy"]);
        assert!(cloned.success, "protocol {version}: {}", cloned.stderr);
        let copy = git.at("copy");
        assert_eq!(copy.ok(&["rev-list", "--count", "HEAD"]), "3", "protocol {version}");
        copy.ok(&["fetch", "--quiet", "--deepen", "4"]);
        assert_eq!(copy.ok(&["rev-list", "--count", "HEAD"]), "7", "protocol {version}");
        // A commit made on a shallow history can be pushed: its parents are on the server.
        let pushed = copy.commit(&format!("from-shallow-{version}.md"), "x\n");
        copy.ok(&["push", "--quiet", "origin", &format!("HEAD:refs/heads/shallow-{version}")]);
        assert!(copy.ok(&["ls-remote", "origin"]).contains(&pushed));
        copy.ok(&["fetch", "--quiet", "--unshallow"]);
        assert_eq!(copy.ok(&["rev-list", "--count", "HEAD"]), "41", "protocol {version}");
        copy.fsck();
    }
    forge.finish();
}

#[test]
fn histories_can_be_cut_by_date_and_by_ref() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("cut");
    let work = Git::new().init("work");
    sop::fill(&work, 40);
    work.ok(&["branch", "old", "main~10"]);
    work.ok(&["push", "--quiet", &ada.url(&repository), "main", "old"]);
    let since = work.ok(&["show", "--no-patch", "--format=%ct", "main~4"]);
    for version in PROTOCOLS {
        let git = Git::new().protocol(version);
        git.ok(&["clone", "--quiet", "--shallow-since", &since, "--branch", "main", &ada.url(&repository), "since"]);
        assert_eq!(git.at("since").ok(&["rev-list", "--count", "HEAD"]), "5", "protocol {version}");
        git.ok(&["clone", "--quiet", "--shallow-exclude", "old", "--branch", "main", &ada.url(&repository), "exclude"]);
        assert_eq!(git.at("exclude").ok(&["rev-list", "--count", "HEAD"]), "10", "protocol {version}");
        git.at("exclude").fsck();
    }
    forge.finish();
}

#[test]
fn partial_clones_fetch_what_they_lack_when_it_is_needed() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("partial");
    let work = Git::new().init("work");
    sop::fill(&work, 60);
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    for version in [0, 2] {
        for filter in ["blob:none", "blob:limit=1k", "tree:0"] {
            let git = Git::new().protocol(version);
            let directory = filter.replace([':', '='], "-");
            git.ok(&["clone", "--quiet", "--no-checkout", "--filter", filter, &ada.url(&repository), &directory]);
            let copy = git.at(&directory);
            let missing = copy.ok(&["rev-list", "--objects", "--all", "--missing=print"]);
            assert!(
                missing.lines().any(|line| line.starts_with('?')),
                "protocol {version} {filter}: nothing was left out"
            );
            copy.ok(&["checkout", "--quiet", "main"]);
            assert_eq!(copy.ok(&["status", "--porcelain"]), "", "protocol {version} {filter}");
            copy.ok(&["log", "--quiet", "--patch", "-5"]);
        }
    }
    forge.finish();
}

#[test]
fn submodules_may_point_at_commits_that_live_elsewhere() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("with-submodule");
    let work = Git::new().init("work");
    std::fs::write(
        work.dir().join(".gitmodules"),
        "[submodule \"lib\"]\n\tpath = lib\n\turl = https://example.org/lib.git\n",
    )
    .unwrap();
    work.ok(&["add", ".gitmodules"]);
    work.ok(&["update-index", "--add", "--cacheinfo", "160000,1234567890123456789012345678901234567890,lib"]);
    work.ok(&["commit", "--quiet", "--message", "Submodule"]);
    work.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let copy = ada.clone_repository(&repository);
    assert!(copy.ok(&["ls-tree", "HEAD", "lib"]).starts_with("160000 commit 1234567890"));
    forge.finish();
}

#[test]
fn a_repository_of_another_hash_is_refused_with_a_reason() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sha1");
    let git = Git::new();
    let first = git.init("sha1");
    first.commit("a.md", "one\n");
    first.ok(&["push", "--quiet", &ada.url(&repository), "main"]);
    let before = forge.server_git(&repository).refs();
    git.ok(&["init", "--quiet", "--object-format=sha256", "work"]);
    let work = git.at("work");
    work.commit("a.md", "one\n");
    let refusal = work.fails(&["push", &ada.url(&repository), "main"]);
    assert!(refusal.contains("algorithm"), "{refusal}");
    assert_eq!(forge.server_git(&repository).refs(), before);
    forge.finish();
}

#[test]
fn this_project_can_be_hosted_by_itself() {
    let root = env!("CARGO_MANIFEST_DIR");
    let project = Git::new().at(root);
    if !project.run(&["rev-parse", "--verify", "HEAD"]).success {
        assert!(std::env::var_os("CI").is_none(), "under CI the sources must be a git checkout with commits");
        eprintln!("SKIPPED: {root} is no git checkout with commits, so it cannot be pushed");
        return;
    }
    let forge = Forge::start();
    let ada = forge.user("ada");
    for version in PROTOCOLS {
        let repository = ada.create_repository(&format!("atomicqms-{version}"));
        // A bare copy first: only objects reachable from its refs, whatever lies around in the checkout.
        let git = Git::new().protocol(version);
        git.ok(&["clone", "--quiet", "--bare", "--no-local", root, "project.git"]);
        let copy = git.at("project.git");
        copy.ok(&["push", "--quiet", &ada.url(&repository), "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
        assert_eq!(forge.server_git(&repository).refs(), copy.refs(), "protocol {version}");
        assert_same_refs(&forge, &ada, &repository, &git);
    }
    forge.finish();
}
