//! Shallow clones and partial clones: the boundary, the words and the objects that git's server would send.

use std::collections::BTreeSet;

use super::client::{Answer, ask, ask_git, body, client_with, index_loosely, read_answer};
use crate::{
    protocol::ProtocolVersion::{self, V0, V2},
    testgit::{Random, TestRepo, random_history},
};

/// The boundary lines of an answer, sorted, and the other lines in order.
fn split_lines(answer: &Answer) -> (BTreeSet<String>, Vec<String>) {
    let is_boundary = |line: &&String| line.starts_with("shallow ") || line.starts_with("unshallow ");
    let boundary = answer.lines.iter().filter(is_boundary).cloned().collect();
    (boundary, answer.lines.iter().filter(|line| !is_boundary(line)).cloned().collect())
}

fn compare(repo: &TestRepo, version: ProtocolVersion, lines: &[String], label: &str) -> (Answer, Answer) {
    let request = body(lines);
    let (result, bytes) = ask(&repo.view(), version, &request);
    let git = ask_git(repo, version, &request);
    let (ours, git) = (read_answer(&bytes, version, true), read_answer(&git, version, true));
    if git.error.is_some() || git.lines.is_empty() {
        // Git dies without a word on some of these.
        assert!(ours.error.is_some(), "{label}: git: {git:?} ours: {:?}", ours.lines);
        return (ours, git);
    }
    result.unwrap_or_else(|error| panic!("{label}: {error}"));
    assert_eq!(split_lines(&ours), split_lines(&git), "{label}: {lines:#?}");
    assert_eq!(ours.pack.is_empty(), git.pack.is_empty(), "{label}");
    (ours, git)
}

fn request(version: ProtocolVersion, wants: &[String], arguments: &[String], haves: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    let relative = arguments.iter().any(|line| line == "deepen-relative");
    if version == V2 {
        lines.extend(["command=fetch", "0001", "no-progress"].map(str::to_owned));
        lines.extend(wants.iter().map(|id| format!("want {id}")));
        lines.extend(arguments.iter().cloned());
        lines.extend(haves.iter().map(|id| format!("have {id}")));
        lines.extend(["done", "0000"].map(str::to_owned));
        return lines;
    }
    for (at, id) in wants.iter().enumerate() {
        let caps = "side-band-64k no-progress multi_ack_detailed filter";
        let caps = if relative { format!("{caps} deepen-relative") } else { caps.to_owned() };
        lines.push(if at == 0 { format!("want {id} {caps}") } else { format!("want {id}") });
    }
    lines.extend(arguments.iter().filter(|line| *line != "deepen-relative").cloned());
    lines.push("0000".into());
    lines.extend(haves.iter().map(|id| format!("have {id}")));
    lines.push("done".into());
    lines
}

fn some_wants(repo: &TestRepo, random: &mut Random) -> Vec<String> {
    let tips: Vec<String> = repo.view().refs.iter().map(|item| item.target.to_string()).collect();
    let mut wants: Vec<String> = (0..1 + random.below(2)).map(|_| tips[random.below(tips.len())].clone()).collect();
    wants.push(repo.git(&["rev-parse", "main"]));
    wants.sort();
    wants.dedup();
    wants
}

/// A boundary as the client keeps it, after the lines of an answer.
fn apply_boundary(client: &TestRepo, answer: &Answer) -> Vec<String> {
    let file = client.path().join("shallow");
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    let mut ids: BTreeSet<String> = old.lines().map(str::to_owned).collect();
    for line in &answer.lines {
        if let Some(id) = line.strip_prefix("shallow ") {
            ids.insert(id.to_owned());
        }
        if let Some(id) = line.strip_prefix("unshallow ") {
            ids.remove(id);
        }
    }
    let ids: Vec<String> = ids.into_iter().collect();
    if ids.is_empty() {
        let _ = std::fs::remove_file(file);
    } else {
        std::fs::write(file, ids.join("\n") + "\n").unwrap();
    }
    ids
}

#[test]
fn shallow_histories_are_cut_like_git_does() {
    for seed in 100..112 {
        let mut random = Random::new(seed);
        let repo = TestRepo::new();
        let count = 3 + random.below(30);
        random_history(&repo, &mut random, count);
        let branch = repo.git(&["for-each-ref", "--count=1", "--format=%(refname)", "refs/heads/b*"]);
        for round in 0..3 {
            let label = format!("seed {seed} round {round}");
            let version = if random.chance(50) { V2 } else { V0 };
            let wants = some_wants(&repo, &mut random);
            let first = match random.below(4) {
                0 if !branch.is_empty() => vec![format!("deepen-not {branch}")],
                1 => vec![format!("deepen-since {}", 1_600_000_000 + 60 * random.below(count))],
                _ => vec![format!("deepen {}", 1 + random.below(5))],
            };
            let (ours, git) = compare(&repo, version, &request(version, &wants, &first, &[]), &label);
            if ours.pack.is_empty() {
                continue;
            }
            let client = TestRepo::new();
            let boundary = apply_boundary(&client, &ours);
            let sent = index_loosely(&client, &ours.pack);
            assert_eq!(sent, index_loosely(&TestRepo::new(), &git.pack), "{label}");
            let tips = wants.join("\n");
            client.git_with(&["rev-list", "--objects", "--quiet", "--stdin"], tips.as_bytes());

            // The same client comes back for more, or for all of it.
            let second = match random.below(4) {
                0 => vec!["deepen 2147483647".to_owned()],
                1 => vec![format!("deepen {}", 1 + random.below(3)), "deepen-relative".into()],
                2 => Vec::new(),
                _ => vec![format!("deepen {}", 1 + random.below(8))],
            };
            let mut arguments: Vec<String> = boundary.iter().map(|id| format!("shallow {id}")).collect();
            arguments.extend(second);
            let commits = |id: &String| repo.git(&["cat-file", "-t", id]) == "commit";
            let haves: Vec<String> = wants.iter().filter(|id| commits(id)).cloned().collect();
            let wants = some_wants(&repo, &mut random);
            let label = format!("{label}, second request");
            let (ours, _) = compare(&repo, version, &request(version, &wants, &arguments, &haves), &label);
            if ours.pack.is_empty() {
                continue;
            }
            apply_boundary(&client, &ours);
            index_loosely(&client, &ours.pack);
            let (ok, _, error) =
                client.run(&["rev-list", "--objects", "--quiet", "--stdin"], wants.join("\n").as_bytes(), &[]);
            assert!(
                ok,
                "{label}: {error}\nwants {wants:?} arguments {arguments:?} haves {haves:?} lines {:?}\n{}",
                ours.lines,
                repo.git(&["log", "--graph", "--all", "--format=%h %ct %D"])
            );
        }
    }
}

#[test]
fn filters_leave_out_what_git_leaves_out() {
    for seed in 200..210 {
        let mut random = Random::new(seed);
        let repo = TestRepo::new();
        let count = 2 + random.below(20);
        random_history(&repo, &mut random, count);
        for filter in [
            "blob:none",
            "blob:limit=40",
            "blob:limit=1k",
            "tree:0",
            "tree:1",
            "tree:2",
            "object:type=commit",
            "object:type=tree",
            "object:type=blob",
            "combine:object:type=blob+blob:limit=60",
        ] {
            let wants = some_wants(&repo, &mut random);
            let version = if random.chance(50) { V2 } else { V0 };
            let label = format!("seed {seed} {filter} {wants:?}");
            let arguments = [format!("filter {filter}")];
            let (ours, git) = compare(&repo, version, &request(version, &wants, &arguments, &[]), &label);
            let sent = index_loosely(&TestRepo::new(), &ours.pack);
            assert_eq!(sent, index_loosely(&TestRepo::new(), &git.pack), "{label}");
        }
    }
}

#[test]
fn a_partial_clone_fetches_what_it_lacks() {
    let repo = TestRepo::new();
    random_history(&repo, &mut Random::new(5), 15);
    let blobs = repo.git(&["rev-list", "--objects", "--all", "--filter-provided-objects", "--filter=object:type=blob"]);
    let wants: Vec<String> = blobs.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert!(wants.len() > 3);
    let lines = request(V2, &wants, &["filter blob:none".to_owned()], &[]);
    let (_, bytes) = ask(&repo.view(), V2, &body(&lines));
    let sent = index_loosely(&client_with(&repo, &[]), &read_answer(&bytes, V2, true).pack);
    assert_eq!(sent, wants.into_iter().collect());
}
