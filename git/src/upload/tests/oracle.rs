//! Random histories with random wants and haves: the same words as git's upload-pack, and the right objects.

use std::collections::BTreeSet;

use super::client::{ask, ask_git, body, client_with, index, index_loosely, read_answer, rev_list};
use crate::{
    View,
    protocol::ProtocolVersion,
    testgit::{Random, TestRepo, random_history},
};

/// One request and how to read its answer.
struct Case {
    version: ProtocolVersion,
    request: Vec<u8>,
    wants: Vec<String>,
    /// Ids the client really has, all with everything they reach.
    haves: Vec<String>,
    banded: bool,
    include_tag: bool,
    thin: bool,
}

fn random_case(repo: &TestRepo, random: &mut Random, commits: &[String], tips: &[String]) -> Case {
    let mut wants: Vec<String> = (0..1 + random.below(3)).map(|_| tips[random.below(tips.len())].clone()).collect();
    if random.chance(15) {
        wants.push(commits[random.below(commits.len())].clone());
    }
    wants.sort();
    wants.dedup();
    let haves: Vec<String> = (0..random.below(4)).map(|_| commits[random.below(commits.len())].clone()).collect();
    // Clients tell everything they have, newest first, among it what the server does not know.
    let told = rev_list(repo, &["--date-order"], &(haves.join("\n") + "\n"));
    let mut told: Vec<String> = if haves.is_empty() { Vec::new() } else { told.into_iter().collect() };
    told.truncate(1 + random.below(40));
    told.extend(haves.iter().cloned());
    if random.chance(30) {
        told.insert(random.below(told.len() + 1), format!("{:040x}", 0xdead_u64 + random.next() % 5));
    }
    let done = random.chance(70) || told.is_empty();
    let is_v2 = random.chance(50);
    let thin = random.chance(60);
    let ofs_delta = random.chance(60);
    let include_tag = random.chance(50);
    let no_progress = random.chance(50);
    let word = |on: bool, word: &'static str| on.then_some(word);
    let options = [
        word(thin, "thin-pack"),
        word(ofs_delta, "ofs-delta"),
        word(include_tag, "include-tag"),
        word(no_progress, "no-progress"),
    ];
    let mut lines: Vec<String> = Vec::new();
    let mut banded = true;
    let version;
    if is_v2 {
        version = ProtocolVersion::V2;
        lines.extend(["command=fetch", "agent=git/2.39.5", "object-format=sha1", "0001"].map(str::to_owned));
        lines.extend(options.into_iter().flatten().map(str::to_owned));
        lines.extend(wants.iter().map(|id| format!("want {id}")));
        lines.extend(told.iter().map(|id| format!("have {id}")));
        if done {
            lines.push("done".into());
        }
        lines.push("0000".into());
    } else {
        version = if random.chance(50) { ProtocolVersion::V0 } else { ProtocolVersion::V1 };
        let acks = [None, Some("multi_ack"), Some("multi_ack_detailed"), Some("multi_ack_detailed no-done")];
        let band = [None, Some("side-band"), Some("side-band-64k")][random.below(3)];
        banded = band.is_some();
        let caps: Vec<&str> = options.into_iter().flatten().chain(acks[random.below(4)]).chain(band).collect();
        for (at, id) in wants.iter().enumerate() {
            lines.push(if at == 0 { format!("want {id} {}", caps.join(" ")) } else { format!("want {id}") });
        }
        lines.push("0000".into());
        lines.extend(told.iter().map(|id| format!("have {id}")));
        lines.push(if done { "done" } else { "0000" }.into());
    }
    Case { version, request: body(&lines), wants, haves, banded, include_tag, thin }
}

/// Objects sent although the client has them: by us and by git.
#[derive(Default)]
struct Waste {
    ours: usize,
    git: usize,
    packs: usize,
}

fn check(repo: &TestRepo, view: &View, case: &Case, commits: &[String], waste: &mut Waste, label: &str) {
    let (result, bytes) = ask(view, case.version, &case.request);
    let stats = result.unwrap_or_else(|error| panic!("{label}: {error}"));
    let ours = read_answer(&bytes, case.version, case.banded);
    let git = read_answer(&ask_git(repo, case.version, &case.request), case.version, case.banded);
    assert_eq!(ours.lines, git.lines, "{label}: {}", String::from_utf8_lossy(&case.request));
    assert_eq!(ours.error, None, "{label}");
    assert_eq!(ours.pack.is_empty(), git.pack.is_empty(), "{label}");
    if ours.pack.is_empty() {
        return;
    }
    assert_eq!(stats.pack_bytes, ours.pack.len() as u64, "{label}");

    let client = client_with(repo, &case.haves);
    let sent = index(&client, &ours.pack).unwrap_or_else(|error| panic!("{label}: {error}"));
    assert_eq!(stats.objects, sent.len() as u64, "{label}");
    let wants = case.wants.join("\n") + "\n";
    let haves = case.haves.join("\n") + "\n";
    let wanted = rev_list(repo, &["--objects"], &wants);
    let held = if case.haves.is_empty() { BTreeSet::new() } else { rev_list(repo, &["--objects"], &haves) };
    // Everything wanted has arrived ...
    let missing: Vec<_> = wanted.iter().filter(|id| !sent.contains(*id) && !held.contains(*id)).collect();
    assert!(missing.is_empty(), "{label}: {missing:?}");
    // ... and nothing else, except tags where those were asked for.
    let mut allowed = wanted;
    if case.include_tag {
        allowed.extend(repo.git(&["for-each-ref", "--format=%(objectname)", "refs/tags"]).lines().map(str::to_owned));
        allowed.extend(rev_list(repo, &["--objects", "--no-walk", "--tags"], "\n").iter().cloned());
    }
    let foreign: Vec<_> = sent.iter().filter(|id| !allowed.contains(*id)).collect();
    assert!(foreign.is_empty(), "{label}: {foreign:?}");
    // A commit the client has is never sent again.
    let again: Vec<_> = sent.iter().filter(|id| held.contains(*id) && commits.contains(id)).collect();
    assert!(again.is_empty(), "{label}: {again:?}");
    if !case.thin {
        let alone = TestRepo::new();
        let (ok, _, error) = alone.run(&["index-pack", "--stdin"], &ours.pack, &[]);
        assert!(ok, "{label}: a pack that should stand alone: {error}");
    }

    let by_git = index_loosely(&client, &git.pack);
    if case.haves.is_empty() {
        assert_eq!(sent, by_git, "{label}");
    }
    waste.ours += sent.intersection(&held).count();
    waste.git += by_git.intersection(&held).count();
    waste.packs += 1;
}

fn run_seeds(seeds: std::ops::Range<u64>) {
    let mut waste = Waste::default();
    for seed in seeds {
        let mut random = Random::new(seed);
        let repo = TestRepo::new();
        let count = 1 + random.below(40);
        random_history(&repo, &mut random, count);
        let view = repo.view();
        let commits: Vec<String> = rev_list(&repo, &["--all"], "\n").into_iter().collect();
        let tips: Vec<String> = view.refs.iter().map(|item| item.target.to_string()).collect();
        for round in 0..6 {
            let case = random_case(&repo, &mut random, &commits, &tips);
            check(&repo, &view, &case, &commits, &mut waste, &format!("seed {seed} round {round}"));
        }
    }
    assert!(waste.packs > 20, "hardly any case had a pack");
    assert!(waste.ours <= waste.git + waste.packs, "ours {} git {}", waste.ours, waste.git);
}

#[test]
fn random_requests_are_answered_like_git_a() {
    run_seeds(0..9);
}

#[test]
fn random_requests_are_answered_like_git_b() {
    run_seeds(117..126);
}
