//! Merge, squash, cherry-pick, revert and rebase against git in a worktree: the same trees, the same conflicts.

use std::collections::BTreeMap;

use super::*;
use crate::{
    create::CreateLimits,
    id::id_from_hex,
    merge::tree::tests::{Files, change, commit, names, options, random_files},
    testgit::{Random, TestRepo},
};

static GO_ON: AtomicBool = AtomicBool::new(false);

fn committer() -> Ident {
    Ident::new("Ada", "ada@example.org", 1_700_000_000, 0).unwrap()
}

fn text() -> CommitText {
    CommitText { author: committer(), committer: committer(), message: b"x\n".to_vec() }
}

fn id(hex: &str) -> ObjectId {
    id_from_hex(hex.as_bytes()).unwrap()
}

/// Repositories with a worktree `wt`, and for each seed a base and two branches `us{seed}`, `them{seed}` of some commits.
struct Replays {
    repo: TestRepo,
    tips: BTreeMap<String, ObjectId>,
}

impl Replays {
    fn new(seeds: std::ops::Range<u64>) -> Replays {
        let repo = TestRepo::new();
        let (mut stream, mut mark) = (Vec::new(), 0);
        for seed in seeds {
            let mut random = Random::new(seed);
            let base = random_files(&mut random);
            mark += 1;
            let root = mark;
            stream.extend(commit(mark, &format!("base{seed}"), &[], &base));
            let mut states: Vec<Files> = Vec::new();
            for name in ["us", "them"] {
                let branch = format!("{name}{seed}");
                let (mut files, mut tip) = (base.clone(), root);
                let count = 1 + random.below(4);
                for at in 0..count {
                    change(&mut random, &mut files, false);
                    mark += 1;
                    if at > 0 && random.chance(15) {
                        // A side branch that comes back with a merge.
                        let mut side = files.clone();
                        change(&mut random, &mut side, false);
                        stream.extend(commit(mark, &format!("side{mark}"), &[tip], &side));
                        stream.extend(commit(mark + 1, &branch, &[tip, mark], &side));
                        files = side;
                        mark += 1;
                    } else {
                        if at == 0 && name == "them" && random.chance(20) {
                            files = states[0].clone();
                        }
                        stream.extend(commit(mark, &branch, &[tip], &files));
                    }
                    tip = mark;
                }
                states.push(files);
            }
        }
        repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], &stream);
        let refs = repo.git(&["for-each-ref", "--format=%(refname:short) %(objectname)"]);
        let tips: BTreeMap<String, ObjectId> =
            refs.lines().map(|line| line.split_once(' ').unwrap()).map(|(name, hex)| (name.into(), id(hex))).collect();
        let first = tips.values().next().unwrap().to_string();
        repo.git(&["worktree", "add", "-q", "-f", "--detach", "wt", &first]);
        Replays { repo, tips }
    }

    fn git(&self, args: &[&str]) -> String {
        self.repo.git(&[&["-C", "wt"], args].concat())
    }

    /// Runs a command on a clean worktree at `head`; answers the tree it made, or that it was empty, or that there was a conflict.
    fn attempt(&self, head: &ObjectId, args: &[&str], abort: &[&str]) -> String {
        self.git(&["reset", "-q", "--hard", &head.to_string()]);
        self.git(&["clean", "-q", "-ffdx"]);
        let before = self.git(&["rev-parse", "HEAD"]);
        let (is_done, out, errors) = self.repo.run(&[&["-C", "wt"], args].concat(), b"", &[]);
        if is_done {
            assert_ne!(self.git(&["rev-parse", "HEAD"]), before, "{args:?}");
            return self.git(&["rev-parse", "HEAD^{tree}"]);
        }
        let is_conflict = !self.git(&["ls-files", "-u"]).is_empty();
        assert!(
            is_conflict || errors.contains("empty") || String::from_utf8_lossy(&out).contains("nothing to commit"),
            "{errors}"
        );
        let _ = self.repo.run(&[&["-C", "wt"], abort].concat(), b"", &[]);
        if is_conflict { "conflict".into() } else { "empty".into() }
    }

    fn objects(&self) -> NewObjects {
        NewObjects::new(self.repo.odb(), CreateLimits::default())
    }
}

fn outcome(objects: &NewObjects, attempt: &Attempt) -> String {
    match attempt {
        Attempt::Made(id) => tree_of(objects, id).unwrap().to_string(),
        Attempt::Empty => "empty".into(),
        Attempt::Conflict(_) => "conflict".into(),
    }
}

#[test]
fn picks_and_reverts_are_those_of_git() {
    let seeds = 700..725;
    let replays = Replays::new(seeds.clone());
    let options = options();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in seeds {
        let (a, b) = (replays.tips[&format!("us{seed}")], replays.tips[&format!("them{seed}")]);
        for is_revert in [false, true] {
            // A pick from the other branch, and a revert of an older commit of the same.
            let picked = if is_revert { replays.git(&["rev-parse", &format!("{a}~1")]) } else { b.to_string() };
            let picked = if is_revert { id(&picked) } else { b };
            let parents = replays.git(&["rev-list", "--parents", "-1", &picked.to_string()]).split(' ').count() - 1;
            let mainline = (parents > 1).then_some(1);
            let mut args = vec![if is_revert { "revert" } else { "cherry-pick" }];
            args.extend(is_revert.then_some("--no-edit"));
            args.extend(mainline.map(|_| "-m1"));
            let hex = picked.to_string();
            args.push(&hex);
            let abort = [args[0], "--abort"];
            let git = replays.attempt(&a, &args, &abort);
            let mut objects = replays.objects();
            let text = RevertText { author: &committer(), committer: &committer(), message: None };
            let ours = if is_revert {
                revert(&mut objects, &a, &picked, mainline, &text, &options, &GO_ON).unwrap()
            } else {
                cherry_pick(&mut objects, &a, &picked, mainline, &committer(), &options, &GO_ON).unwrap()
            };
            let ours = outcome(&objects, &ours);
            assert_eq!(ours, git, "seed {seed}: {args:?} on {a}");
            *seen
                .entry(if ours.len() == 40 {
                    "made"
                } else if ours == "empty" {
                    "empty"
                } else {
                    "conflict"
                })
                .or_default() += 1;
        }
    }
    eprintln!("picks and reverts: {seen:?}");
    assert!(seen.get("made").is_some_and(|made| *made > 10) && seen.contains_key("conflict"), "{seen:?}");
}

#[test]
fn rebases_are_those_of_git() {
    let seeds = 800..830;
    let replays = Replays::new(seeds.clone());
    let options = options();
    let (mut done, mut stopped) = (0, 0);
    for seed in seeds {
        let (a, b) = (replays.tips[&format!("us{seed}")], replays.tips[&format!("them{seed}")]);
        let git_done = {
            replays.git(&["reset", "-q", "--hard", &a.to_string()]);
            replays.git(&["clean", "-q", "-ffdx"]);
            let (is_done, _, _) = replays.repo.run(&["-C", "wt", "rebase", "-q", &b.to_string()], b"", &[]);
            is_done
        };
        let mut objects = replays.objects();
        let range =
            Rebase { tip: a, upstream: b, onto: b, committer: committer(), max_commits: 100, max_compared: 100 };
        match rebase(&mut objects, &range, &options, &GO_ON).unwrap() {
            Rebased::Done { tip, steps } => {
                assert!(git_done, "seed {seed}: git stops at {}", replays.git(&["rev-parse", "REBASE_HEAD"]));
                let tree = tree_of(&objects, &tip).unwrap().to_string();
                assert_eq!(tree, replays.git(&["rev-parse", "HEAD^{tree}"]), "seed {seed}");
                let made = steps.iter().filter(|step| !matches!(step, Step::Dropped(_))).count();
                let count = replays.git(&["rev-list", "--count", &format!("{b}..HEAD")]);
                assert_eq!(made.to_string(), count, "seed {seed}: {steps:?}");
                // Author, dates and messages are the same, so the commits are.
                assert_eq!(tip.to_string(), replays.git(&["rev-parse", "HEAD"]), "seed {seed}");
                done += 1;
            }
            Rebased::Conflict(conflict) => {
                assert!(!git_done, "seed {seed}: git does not stop at {}", conflict.commit);
                assert_eq!(conflict.commit.to_string(), replays.git(&["rev-parse", "REBASE_HEAD"]), "seed {seed}");
                replays.git(&["rebase", "--abort"]);
                stopped += 1;
            }
        }
    }
    eprintln!("rebases: {done} done, {stopped} stopped");
    assert!(done > 5 && stopped > 3, "{done} {stopped}");
}

#[test]
fn merges_and_squashes_make_commits_that_git_accepts() {
    let seeds = 900..920;
    let replays = Replays::new(seeds.clone());
    let options = options();
    let mut made = 0;
    for seed in seeds {
        let (a, b) = (replays.tips[&format!("us{seed}")], replays.tips[&format!("them{seed}")]);
        let (branch_a, branch_b) = (format!("us{seed}"), format!("them{seed}"));
        let mut objects = replays.objects();
        let merged =
            merge_commit(&mut objects, &a, &b, &names(&branch_a, &branch_b), &text(), &options, &GO_ON).unwrap();
        let squashed = squash(&mut objects, &a, &b, &names(&branch_a, &branch_b), &text(), &options, &GO_ON).unwrap();
        let (is_clean, out, _) = replays.repo.run(&["merge-tree", "--write-tree", &branch_a, &branch_b], b"", &[]);
        let git = String::from_utf8_lossy(&out).lines().next().unwrap_or_default().to_owned();
        let Attempt::Made(merged) = merged else {
            assert!(!is_clean && matches!(squashed, Attempt::Conflict(_)), "seed {seed}");
            continue;
        };
        assert_eq!(tree_of(&objects, &merged).unwrap().to_string(), git, "seed {seed}");
        let mut tips = vec![merged];
        if let Attempt::Made(squashed) = squashed {
            assert_eq!(tree_of(&objects, &squashed).unwrap().to_string(), git, "seed {seed}");
            assert_eq!(read_commit(&objects, &squashed).unwrap().parents, [a]);
            tips.push(squashed);
        }
        assert_eq!(read_commit(&objects, &merged).unwrap().parents, [a, b]);
        let pack = objects.pack(&tips, &GO_ON).unwrap();
        replays.repo.git_with(&["index-pack", "--strict", "--stdin"], &pack);
        replays.repo.git(&["update-ref", &format!("refs/heads/merged{seed}"), &merged.to_string()]);
        made += 1;
    }
    assert!(made > 5, "{made}");
    replays.repo.git(&["fsck", "--strict", "--full"]);
}

#[test]
fn wrong_requests_are_refused() {
    let replays = Replays::new(700..701);
    let (a, b) = (replays.tips["us700"], replays.tips["them700"]);
    let mut objects = replays.objects();
    let options = options();
    let pick =
        |objects: &mut NewObjects, mainline| cherry_pick(objects, &a, &b, mainline, &committer(), &options, &GO_ON);
    assert!(matches!(pick(&mut objects, Some(1)), Err(Error::BadRequest { .. })));
    let blob = objects.write(Kind::Blob, b"no commit".to_vec()).unwrap();
    assert!(matches!(
        cherry_pick(&mut objects, &a, &blob, None, &committer(), &options, &GO_ON),
        Err(Error::WrongKind { .. })
    ));
    let stop = AtomicBool::new(true);
    let stopped = merge_commit(&mut objects, &a, &b, &names("a", "b"), &text(), &options, &stop);
    assert!(matches!(stopped, Err(Error::Interrupted)));
    let range = Rebase { tip: a, upstream: b, onto: b, committer: committer(), max_commits: 0, max_compared: 0 };
    assert!(matches!(rebase(&mut objects, &range, &options, &GO_ON), Err(Error::TooLarge { .. })));
}
