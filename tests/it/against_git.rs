//! Every feature of fetching and pushing that the command line of git can ask for, done twice: against this server and against stock git's own
//! upload-pack and receive-pack, behind HTTP as well. Afterwards both clients, or both servers, must hold the same refs, the same objects and the same shallow commits.

use std::path::Path;

use crate::answers::forge_keeping;
use crate::dsl::backend::Backend;
use crate::dsl::{Forge, Git, Identity, PROTOCOLS, ssh};

/// A history with everything that histories have: merges, an octopus, tags of tags and of blobs, a submodule, links, modes, an orphan branch,
/// directories some levels deep, dates a day apart.
pub(crate) fn fill(work: &Git) {
    let mut stream = String::new();
    let mut day = 1_700_000_000_u64;
    let mut commit =
        |stream: &mut String, branch: &str, mark: u32, from: &str, merges: &[u32], files: &[(&str, &str, String)]| {
            day += 86_400;
            stream.push_str(&format!(
                "commit refs/heads/{branch}\nmark :{mark}\ncommitter Ada <ada@example.org> {day} +0000\ndata 2\n{}\n",
                mark % 10
            ));
            stream.push_str(from);
            for merged in merges {
                stream.push_str(&format!("merge :{merged}\n"));
            }
            for (mode, path, content) in files {
                stream.push_str(&format!("M {mode} inline {path}\ndata {}\n{content}\n", content.len()));
            }
            stream.push('\n');
        };
    let text = |number: u32, lines: usize| format!("procedure {number}\n{}", "a line of it\n".repeat(lines));
    for mark in 1..=20 {
        let file = format!("sops/area-{}/SOP-{:03}.md", mark % 3, mark % 7);
        let files = [
            ("100644", file.as_str(), text(mark, 5 * mark as usize)),
            ("100755", "tools/run.sh", format!("#!/bin/sh\n# {mark}\n")),
        ];
        commit(&mut stream, "main", mark, "", &[], &files);
    }
    for (offset, branch) in ["review-a", "review-b", "review-c"].iter().enumerate() {
        let mark = 100 + offset as u32 * 10;
        commit(&mut stream, branch, mark, "from :12\n", &[], &[("100644", &format!("{branch}.md"), text(mark, 8))]);
        commit(&mut stream, branch, mark + 1, "", &[], &[("100644", &format!("{branch}.md"), text(mark, 9))]);
    }
    commit(&mut stream, "main", 21, "from :20\n", &[101], &[("120000", "latest", "sops/area-0".to_owned())]);
    commit(
        &mut stream,
        "main",
        22,
        "from :21\n",
        &[111, 121],
        &[("100644", "deep/er/and/deeper/a.txt", "x\n".to_owned())],
    );
    stream.push_str("commit refs/heads/main\nmark :23\ncommitter Ada <ada@example.org> 1703000000 +0000\ndata 2\nm\n");
    stream.push_str("M 160000 1111111111111111111111111111111111111111 vendor\n\n");
    stream.push_str("reset refs/heads/orphan\n\n");
    commit(&mut stream, "orphan", 200, "", &[], &[("100644", "alone.md", "alone\n".to_owned())]);
    commit(&mut stream, "main", 24, "from :23\n", &[], &[("100644", "big.txt", "0123456789abcdef\n".repeat(4_000))]);
    work.run_with_input(&["fast-import", "--quiet", "--force"], stream.as_bytes()).ok();
    work.ok(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    work.ok(&["tag", "light", "main~3"]);
    work.ok(&["tag", "-a", "-m", "one", "v1", "main~5"]);
    work.ok(&["tag", "-a", "-m", "of a tag", "v1-signed-off", "v1"]);
    work.ok(&["tag", "-a", "-m", "of a blob", "notes", "main:big.txt"]);
    work.ok(&["tag", "a-tree", "main:sops"]);
    work.ok(&["update-ref", "refs/reviews/1", "review-a~1"]);
}

/// What somebody does: commands one after the other, the first in an empty directory, the others in `copy`.
struct Row {
    name: &'static str,
    /// Versions of the protocol that know it.
    versions: &'static [u8],
    steps: &'static [&'static [&'static str]],
}

const ALL: &[u8] = &PROTOCOLS;

const fn row(name: &'static str, versions: &'static [u8], steps: &'static [&'static [&'static str]]) -> Row {
    Row { name, versions, steps }
}

const OLD: &[&str] = &["clone", "-q", "--single-branch", "--no-tags", "--branch", "review-a", "URL", "copy"];

const FETCHES: &[Row] = &[
    row("a clone", ALL, &[&["clone", "-q", "URL", "copy"]]),
    row("a mirror", ALL, &[&["clone", "-q", "--mirror", "URL", "copy"]]),
    row("one branch without tags", ALL, &[OLD]),
    row("one branch with its tags", ALL, &[&["clone", "-q", "--single-branch", "URL", "copy"]]),
    row("a clone at a tag", ALL, &[&["clone", "-q", "--branch", "v1", "URL", "copy"]]),
    row("a clone without progress", ALL, &[&["clone", "--no-progress", "URL", "copy"]]),
    row("a clone that refuses shallow sources", ALL, &[&["clone", "-q", "--reject-shallow", "URL", "copy"]]),
    row("a clone that checks objects", ALL, &[&["-c", "fetch.fsckObjects=true", "clone", "-q", "URL", "copy"]]),
    row(
        "a client without offset deltas",
        ALL,
        &[&["-c", "repack.useDeltaBaseOffset=false", "clone", "-q", "URL", "copy"]],
    ),
    row("an update", ALL, &[OLD, &["fetch", "-q", "URL", "+refs/heads/*:refs/remotes/origin/*"]]),
    row("an update with all tags", ALL, &[OLD, &["fetch", "-q", "--tags", "URL", "main"]]),
    row("an update of one branch follows tags", ALL, &[OLD, &["fetch", "-q", "URL", "main:refs/remotes/origin/main"]]),
    row("an update all or nothing", ALL, &[OLD, &["fetch", "-q", "--atomic", "URL", "+refs/*:refs/all/*"]]),
    row("an update that takes everything again", ALL, &[OLD, &["fetch", "-q", "--refetch", "URL", "main"]]),
    row("an update with nothing new", ALL, &[OLD, &["fetch", "-q", "URL", "review-a"]]),
    row("few haves at a time", ALL, &[OLD, &["-c", "fetch.negotiationAlgorithm=noop", "fetch", "-q", "URL", "main"]]),
    row("haves by skipping", ALL, &[OLD, &["-c", "fetch.negotiationAlgorithm=skipping", "fetch", "-q", "URL", "main"]]),
    row("haves of one tip only", ALL, &[OLD, &["fetch", "-q", "--negotiation-tip=HEAD~1", "URL", "main"]]),
    row(
        "what is common, without a pack",
        &[2],
        &[OLD, &["fetch", "--negotiate-only", "--negotiation-tip=HEAD", "URL"]],
    ),
    row("options for the server", &[2], &[&["clone", "-q", "--server-option=a=b", "URL", "copy"]]),
    row("a commit by id", ALL, &[OLD, &["fetch", "-q", "URL", "<main~4>"]]),
    row("a tree by id", ALL, &[OLD, &["fetch", "-q", "URL", "<main~4^{tree}>"]]),
    row("a blob by id", ALL, &[OLD, &["fetch", "-q", "URL", "<main:big.txt>"]]),
    row("an id that is not there", ALL, &[OLD, &["fetch", "-q", "URL", "2222222222222222222222222222222222222222"]]),
    row("a ref that is not there", ALL, &[OLD, &["fetch", "-q", "URL", "refs/heads/absent"]]),
    row("a ref outside branches and tags", ALL, &[OLD, &["fetch", "-q", "URL", "refs/reviews/1:refs/reviews/1"]]),
    row("depth 1", ALL, &[&["clone", "-q", "--depth=1", "URL", "copy"]]),
    row("depth 3 of all branches", ALL, &[&["clone", "-q", "--depth=3", "--no-single-branch", "URL", "copy"]]),
    row("deepened", ALL, &[&["clone", "-q", "--depth=2", "URL", "copy"], &["fetch", "-q", "--deepen=3"]]),
    row("deepened to a depth", ALL, &[&["clone", "-q", "--depth=2", "URL", "copy"], &["fetch", "-q", "--depth=6"]]),
    row("cut again", ALL, &[&["clone", "-q", "URL", "copy"], &["fetch", "-q", "--depth=2"]]),
    row("made whole", ALL, &[&["clone", "-q", "--depth=2", "URL", "copy"], &["fetch", "-q", "--unshallow"]]),
    row(
        "another branch of a shallow clone",
        ALL,
        &[
            &["clone", "-q", "--depth=2", "URL", "copy"],
            &["fetch", "-q", "--depth=1", "origin", "review-b:refs/remotes/origin/review-b"],
            &["fetch", "-q", "origin", "review-a:refs/remotes/origin/review-a"],
        ],
    ),
    row("since a day", ALL, &[&["clone", "-q", "--shallow-since=1701000000", "URL", "copy"]]),
    row(
        "since a day, then an earlier one",
        ALL,
        &[
            &["clone", "-q", "--shallow-since=1701200000", "URL", "copy"],
            &["fetch", "-q", "--shallow-since=1700700000"],
        ],
    ),
    row("since tomorrow", ALL, &[&["clone", "-q", "--shallow-since=1900000000", "URL", "copy"]]),
    row("without what a tag reaches", ALL, &[&["clone", "-q", "--shallow-exclude=v1", "URL", "copy"]]),
    row(
        "without two branches",
        ALL,
        &[&["clone", "-q", "--shallow-exclude=review-a", "--shallow-exclude=light", "URL", "copy"]],
    ),
    row("excluding what is not there", ALL, &[&["clone", "-q", "--shallow-exclude=absent", "URL", "copy"]]),
    row("no blobs", ALL, &[&["clone", "-q", "--bare", "--filter=blob:none", "URL", "copy"]]),
    row("small blobs", ALL, &[&["clone", "-q", "--bare", "--filter=blob:limit=200", "URL", "copy"]]),
    row("blobs below a kilobyte", ALL, &[&["clone", "-q", "--bare", "--filter=blob:limit=1k", "URL", "copy"]]),
    row("no trees", ALL, &[&["clone", "-q", "--bare", "--filter=tree:0", "URL", "copy"]]),
    row("two levels of trees", ALL, &[&["clone", "-q", "--bare", "--filter=tree:2", "URL", "copy"]]),
    row("commits only", ALL, &[&["clone", "-q", "--bare", "--filter=object:type=commit", "URL", "copy"]]),
    row("two filters", ALL, &[&["clone", "-q", "--bare", "--filter=combine:blob:limit=300+tree:3", "URL", "copy"]]),
    row("a filter that is none", ALL, &[&["clone", "-q", "--bare", "--filter=what:ever", "URL", "copy"]]),
    row("a filter and a depth", ALL, &[&["clone", "-q", "--bare", "--filter=blob:none", "--depth=2", "URL", "copy"]]),
    row(
        "a partial clone that fills up",
        ALL,
        &[&["clone", "-q", "--filter=blob:none", "URL", "copy"], &["log", "-p", "-3", "--format=%H"]],
    ),
    row(
        "a partial clone made whole",
        ALL,
        &[
            &["clone", "-q", "--bare", "--filter=tree:0", "URL", "copy"],
            &["fetch", "-q", "--refetch", "--no-filter", "origin", "+refs/*:refs/*"],
        ],
    ),
    row("submodules are not followed", ALL, &[&["clone", "-q", "--no-recurse-submodules", "URL", "copy"]]),
    row(
        "pruning",
        ALL,
        &[
            &["clone", "-q", "URL", "copy"],
            &["update-ref", "refs/remotes/origin/gone", "HEAD"],
            &["fetch", "-q", "--prune"],
        ],
    ),
    row("a list of refs", ALL, &[&["ls-remote", "URL"]]),
    row("a list of branches and tags", ALL, &[&["ls-remote", "--heads", "--tags", "URL"]]),
    row("a list with where HEAD points", ALL, &[&["ls-remote", "--symref", "URL", "HEAD"]]),
    row("a list by pattern", ALL, &[&["ls-remote", "URL", "refs/heads/review-*"]]),
    row("a list without peeled tags", ALL, &[&["ls-remote", "--refs", "--sort=-refname", "URL"]]),
    row("a list that must not be empty", ALL, &[&["ls-remote", "--exit-code", "URL", "absent"]]),
];

/// What a client looks like afterwards.
#[derive(Debug, Default)]
struct Outcome {
    worked: Vec<bool>,
    said: Vec<String>,
    errors: Vec<String>,
    refs: String,
    head: String,
    shallow: String,
    objects: String,
}

struct Source<'a> {
    url: String,
    tips: &'a Git,
    /// A client in a home of its own.
    client: &'a dyn Fn() -> Git,
}

impl Source<'_> {
    /// Puts the address, and ids instead of names in angle brackets, into a word of a command.
    fn fill_in(&self, word: &str) -> String {
        let word = word.replace("URL", &self.url);
        match word.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?))) {
            Some((before, (name, after))) => format!("{before}{}{after}", self.tips.ok(&["rev-parse", name])),
            None => word,
        }
    }
}

fn play(row: &Row, version: u8, source: &Source<'_>) -> Outcome {
    let mut git = (source.client)().protocol(version);
    let mut outcome = Outcome::default();
    for step in row.steps {
        let words: Vec<String> = step.iter().map(|word| source.fill_in(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = git.run(&words);
        outcome.worked.push(ran.success);
        outcome.said.push(ran.stdout.replace(&source.url, "URL"));
        outcome.errors.push(ran.stderr);
        if git.dir().join("copy").is_dir() {
            git = git.at("copy");
        }
    }
    if git.dir().ends_with("copy") {
        let directory = git.dir().join(git.ok(&["rev-parse", "--git-dir"]));
        outcome.refs = git.refs();
        outcome.head = std::fs::read_to_string(directory.join("HEAD")).unwrap();
        outcome.shallow = sorted(&std::fs::read_to_string(directory.join("shallow")).unwrap_or_default());
        outcome.objects = sorted(&git.ok(&["cat-file", "--batch-all-objects", "--batch-check"]));
        git.fsck();
    }
    outcome
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// In what the outcomes differ, in words.
fn differences(ours: &Outcome, stock: &Outcome) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, mine: &dyn std::fmt::Debug, git: &dyn std::fmt::Debug, is_same: bool| {
        if !is_same {
            found.push(format!("{what}: ours {mine:#?}\nstock git {git:#?}"));
        }
    };
    compare("what worked", &(&ours.worked, &ours.errors), &(&stock.worked, &stock.errors), ours.worked == stock.worked);
    compare("output", &ours.said, &stock.said, ours.said == stock.said);
    compare("refs", &ours.refs, &stock.refs, ours.refs == stock.refs);
    compare("HEAD", &ours.head, &stock.head, ours.head == stock.head);
    compare("shallow commits", &ours.shallow, &stock.shallow, ours.shallow == stock.shallow);
    let (mine, git): (Vec<&str>, Vec<&str>) = (ours.objects.lines().collect(), stock.objects.lines().collect());
    let extra: Vec<_> = mine.iter().filter(|line| git.binary_search(line).is_err()).collect();
    let lacking: Vec<_> = git.iter().filter(|line| mine.binary_search(line).is_err()).collect();
    compare("objects", &extra, &lacking, extra.is_empty() && lacking.is_empty());
    found
}

/// A bare repository that stock git serves from disk, allowing what this server allows.
fn stock_copy(from: &Path, at: &Path) {
    let git = Git::new();
    let (from, path) = (from.to_str().unwrap(), at.to_str().unwrap());
    git.ok(&["clone", "-q", "--mirror", &format!("file://{from}"), path]);
    let bare = git.at(at);
    // Not refs by name: of a shallow clone git 2.39 then sends the sections in an order that its own client does not take.
    for key in ["uploadpack.allowFilter", "uploadpack.allowReachableSHA1InWant"] {
        bare.ok(&["config", key, "true"]);
    }
}

/// Plays some of the rows `times` on our side and once on the other, and says where the ends differ.
fn compare(times: usize, rows: impl Iterator<Item = (&'static Row, u8)>, ours: &Source<'_>, stock: &Source<'_>) {
    let mut differ = Vec::new();
    for (row, version) in rows {
        let expected = play(row, version, stock);
        for time in 1..=times {
            let found = differences(&play(row, version, ours), &expected);
            let told = |found| format!("{} by protocol {version}, time {time}: {found}", row.name);
            differ.extend(found.into_iter().map(told));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// The first answer to a request is made; later ones may have been kept.
fn fetch_rows(place: &str, times: usize) {
    let forge = forge_keeping(place);
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let work = Git::new().init("work");
    fill(&work);
    work.ok(&["push", "-q", "--mirror", &ada.url(&repository)]);
    let root = forge.scratch().join("stock");
    stock_copy(&forge.repository_dir(&repository), &root.join("sop.git"));
    let ours = Source { url: ada.url(&repository), tips: &work, client: &Git::new };
    let stock = Source { url: Backend::start(&root).url("sop.git"), tips: &work, client: &Git::new };
    // What is kept does not depend on the protocol, so there the versions come in turn.
    let versions = |(number, row): (usize, &'static Row)| {
        let chosen = match times {
            1 => row.versions.to_vec(),
            _ => vec![row.versions[number % row.versions.len()]],
        };
        chosen.into_iter().map(move |version| (row, version))
    };
    compare(times, FETCHES.iter().enumerate().flat_map(versions), &ours, &stock);
    forge.finish();
}

/// One conversation instead of requests that stand alone: stock git's is that with a local process.
#[test]
fn fetches_over_ssh_end_as_with_stock_git() {
    if ssh::is_missing() {
        return;
    }
    let forge = Forge::with().ssh().start();
    let ada = forge.user("ada");
    let identity = Identity::new();
    identity.register(&ada, "laptop");
    let ssh = identity.at(forge.ssh_addr());
    let repository = ada.create_private_repository("sop");
    let work = Git::new().init("work");
    fill(&work);
    work.ok(&["push", "-q", "--mirror", &ada.url(&repository)]);
    let stock = forge.scratch().join("stock.git");
    stock_copy(&forge.repository_dir(&repository), &stock);
    let client = || ssh.git();
    let ours = Source { url: ssh.url(&repository), tips: &work, client: &client };
    let stock = Source { url: format!("file://{}", stock.display()), tips: &work, client: &Git::new };
    // The versions in turn: what they share was compared over HTTP.
    let rows = FETCHES.iter().enumerate().map(|(number, row)| (row, row.versions[number % row.versions.len()]));
    compare(1, rows, &ours, &stock);
    forge.finish();
}

/// Which paths a sparse file names is read from a blob that the client chooses: stock git answers that, we refuse it.
#[test]
fn a_filter_by_a_sparse_file_is_refused_in_words() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let repository = ada.create_repository("sop");
    let work = Git::new().init("work");
    fill(&work);
    work.ok(&["push", "-q", &ada.url(&repository), "main"]);
    let filter = format!("--filter=sparse:oid={}", work.ok(&["rev-parse", "main:big.txt"]));
    for version in PROTOCOLS {
        let said =
            Git::new().protocol(version).fails(&["clone", "-q", "--bare", &filter, &ada.url(&repository), "copy"]);
        assert!(said.contains("sparse filters are not supported"), "protocol {version}: {said}");
    }
    forge.finish();
}

#[test]
fn fetches_end_as_with_stock_git_with_answers_kept_in_memory() {
    fetch_rows("memory", 2);
}

#[test]
fn fetches_end_as_with_stock_git_with_answers_kept_on_disk() {
    fetch_rows("disk", 3);
}

#[test]
fn fetches_end_as_with_stock_git_with_no_answer_kept() {
    fetch_rows("nowhere", 1);
}

/// What somebody pushes from a full repository, one command after the other, into an empty one.
const PUSHES: &[(&str, &[&[&str]])] = &[
    ("a branch", &[&["push", "--porcelain", "URL", "main"]]),
    ("a branch under another name", &[&["push", "--porcelain", "URL", "main:refs/heads/other"]]),
    ("a commit by id", &[&["push", "--porcelain", "URL", "<main~3>:refs/heads/old"]]),
    ("all branches", &[&["push", "--porcelain", "--all", "URL"]]),
    ("all tags", &[&["push", "--porcelain", "--tags", "URL"]]),
    ("a branch and its tags", &[&["push", "--porcelain", "--follow-tags", "URL", "main"]]),
    ("everything", &[&["push", "--porcelain", "--mirror", "URL"]]),
    ("twice the same", &[&["push", "--porcelain", "URL", "main"], &["push", "--porcelain", "URL", "main"]]),
    ("without words", &[&["push", "-q", "URL", "main"]]),
    ("nothing but the plan", &[&["push", "--porcelain", "--dry-run", "URL", "main"]]),
    (
        "an advance",
        &[&["push", "--porcelain", "URL", "main~4:refs/heads/main"], &["push", "--porcelain", "URL", "main"]],
    ),
    (
        "an advance without thin pack",
        &[
            &["push", "--porcelain", "URL", "main~4:refs/heads/main"],
            &["push", "--porcelain", "--no-thin", "URL", "main"],
        ],
    ),
    (
        "a step back is refused",
        &[&["push", "--porcelain", "URL", "main"], &["push", "--porcelain", "URL", "main~2:main"]],
    ),
    ("a forced step back", &[&["push", "--porcelain", "URL", "main"], &["push", "--porcelain", "URL", "+main~2:main"]]),
    (
        "a lease that holds",
        &[
            &["push", "--porcelain", "URL", "main"],
            &["push", "--porcelain", "--force-with-lease=main:<main>", "URL", "main~1:main"],
        ],
    ),
    (
        "a lease that is broken",
        &[
            &["push", "--porcelain", "URL", "main"],
            &["push", "--porcelain", "--force-with-lease=main:<main~5>", "URL", "main~1:main"],
        ],
    ),
    (
        "a deletion",
        &[&["push", "--porcelain", "--all", "URL"], &["push", "--porcelain", "--delete", "URL", "review-a", "orphan"]],
    ),
    (
        "a deletion of nothing",
        &[&["push", "--porcelain", "URL", "main"], &["push", "--porcelain", "URL", ":refs/heads/absent"]],
    ),
    (
        "changes of all kinds at once",
        &[
            &["push", "--porcelain", "URL", "main~4:refs/heads/main", "review-a", "review-b"],
            &["push", "--porcelain", "URL", "main", "+review-a~1:review-a", ":review-b", "v1", "orphan"],
        ],
    ),
    ("all or nothing, all", &[&["push", "--porcelain", "--atomic", "URL", "main", "review-a", "v1"]]),
    (
        "all or nothing, nothing",
        &[
            &["push", "--porcelain", "URL", "main"],
            &["push", "--porcelain", "--atomic", "URL", "review-a", "main~2:main"],
        ],
    ),
    (
        "a name in the way of another",
        &[&["push", "--porcelain", "URL", "main:refs/heads/a"], &["push", "--porcelain", "URL", "main:refs/heads/a/b"]],
    ),
    (
        "a tag is not moved",
        &[&["push", "--porcelain", "URL", "v1"], &["push", "--porcelain", "URL", "main:refs/tags/v1"]],
    ),
    (
        "a forced tag",
        &[&["push", "--porcelain", "URL", "v1"], &["push", "--porcelain", "-f", "URL", "main:refs/tags/v1"]],
    ),
    ("a tag of a blob and one of a tree", &[&["push", "--porcelain", "URL", "notes", "a-tree"]]),
    ("a blob as a branch", &[&["push", "--porcelain", "URL", "<main:big.txt>:refs/heads/blob"]]),
    ("a ref of one's own", &[&["push", "--porcelain", "URL", "main:refs/reviews/7"]]),
    (
        "pruning",
        &[
            &["push", "--porcelain", "URL", "main", "main:refs/heads/stale"],
            &["push", "--porcelain", "--prune", "URL", "refs/heads/*"],
        ],
    ),
    ("checked before it leaves", &[&["-c", "transfer.fsckObjects=true", "push", "--porcelain", "URL", "main"]]),
    ("by bitmaps", &[&["-c", "pack.useBitmaps=true", "push", "--porcelain", "URL", "--all"]]),
    (
        "from a shallow clone",
        &[
            &["push", "--porcelain", "URL", "main"],
            &["-C", "SHALLOW", "push", "--porcelain", "URL", "HEAD:refs/heads/shallow"],
        ],
    ),
];

#[test]
fn pushes_end_as_with_stock_git() {
    let forge = Forge::start();
    let ada = forge.user("ada");
    let work = Git::new().init("work");
    fill(&work);
    let shallow = Git::new();
    shallow.ok(&["clone", "-q", "--depth=2", &format!("file://{}", work.dir().display()), "copy"]);
    let shallow = shallow.at("copy");
    shallow.commit("from-shallow.md", "x\n");
    let root = forge.scratch().join("stock");
    std::fs::create_dir(&root).unwrap();
    let backend = Backend::start(&root);
    let shallow_path = shallow.dir().to_str().unwrap();
    let mut differ = Vec::new();
    for (number, (name, steps)) in PUSHES.iter().enumerate() {
        let repository = ada.create_repository(&format!("push-{number}"));
        let path = format!("push-{number}.git");
        let bare = Git::new().at(&root);
        bare.ok(&["init", "-q", "--bare", &path]);
        let bare = bare.at(&path);
        bare.ok(&["config", "http.receivepack", "true"]);
        let ours = Source { url: ada.url(&repository), tips: &work, client: &Git::new };
        let stock = Source { url: backend.url(&path), tips: &work, client: &Git::new };
        for step in *steps {
            let run = |source: &Source<'_>| {
                let words: Vec<String> =
                    step.iter().map(|word| source.fill_in(word).replace("SHALLOW", shallow_path)).collect();
                let ran = work.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
                (ran.success, ran.stdout.replace(&source.url, "URL"), ran.stderr)
            };
            let ((worked, said, errors), (stock_worked, stock_said, stock_errors)) = (run(&ours), run(&stock));
            // The words of a refusal are each server's own.
            let short = |line: &str| line.split(" (").next().unwrap().to_owned();
            let told = |text: &str| text.lines().filter(|line| !line.starts_with("To ")).map(short).collect::<Vec<_>>();
            if worked != stock_worked || told(&said) != told(&stock_said) {
                differ.push(format!("{name}: {step:?}\nours: {said}{errors}\nstock git: {stock_said}{stock_errors}"));
            }
        }
        let server = forge.server_git(&repository);
        if server.refs() != bare.refs() {
            differ.push(format!("{name}: refs\nours: {}\nstock git: {}", server.refs(), bare.refs()));
        }
        let objects = |git: &Git| sorted(&git.ok(&["rev-list", "--objects", "--no-object-names", "--all"]));
        if objects(&server) != objects(&bare) {
            differ.push(format!("{name}: objects"));
        }
        server.fsck();
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    forge.finish();
}
