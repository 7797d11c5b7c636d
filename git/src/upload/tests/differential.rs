//! Generated fetch requests, answered by stock git and by us: the same acknowledgments, the same boundary, the same objects.
//!
//! What is compared for each request: every line before the pack (boundary lines as a set, because their order means nothing); whether
//! there is a pack or an error; and what the two packs bring. Git's documents let a server send objects that the client has already
//! (gitprotocol-pack(5): the pack holds "at least" what is missing), and both servers do, at different places. So both sets are compared
//! after taking away what a client with these haves holds; what remains must be equal. Beyond that, a thin pack of ours may build only on
//! what the client holds, and all our packs together may repeat at most as much as all of git's.
//!
//! Git's server sends `wanted-refs` before `shallow-info`, its documents and its client have them the other way round: so do we.
//!
//! What is not generated, because git 2.39 answers against its own documents and we do not: `deepen-since` and `deepen-not` where a
//! commit is older than its parent (git then takes excluded commits for included ones), and a tree or blob wanted by id together with
//! commits and a filter (git forgets that it was named when it meets it again, and leaves it out). Nor, in versions 0 and 1, a boundary of
//! history where there is a commit-graph: git then judges `ready` past the boundary, and without a commit-graph it does not.

use std::collections::BTreeSet;

use super::{
    client::{Answer, ask, body, read_answer, try_git},
    model::Model,
};
use crate::{
    Limits, Repository, View,
    maintenance::{AfterPublish, BitmapFile, BitmapOptions, CommitGraphFile, ConsolidateOptions, consolidate},
    pack::{
        Pack,
        index::{Indexed, index_pack},
    },
    protocol::ProtocolVersion,
    testgit::{Random, TestRepo, random_history},
};

/// One generated request.
struct Case {
    version: ProtocolVersion,
    lines: Vec<String>,
    /// Wanted ids with the tags they lead over.
    wants: BTreeSet<String>,
    /// Commits the client has, with what they reach down to `cut`.
    haves: Vec<String>,
    cut: BTreeSet<String>,
    banded: bool,
    sideband_all: bool,
}

/// One repository and everything known about it.
struct Server {
    repo: TestRepo,
    view: View,
    model: Model,
    /// All commits, some of them behind no ref.
    commits: Vec<String>,
    /// Those that may be wanted, and other objects that may.
    reachable: Vec<String>,
    others: Vec<String>,
    tips: Vec<String>,
    names: Vec<String>,
    /// A commit is older than one of its parents.
    is_skewed: bool,
    /// Has the server's objects as alternates, so that `index-pack` finds every base and every link.
    indexer: TestRepo,
}

impl Server {
    fn new(random: &mut Random, is_maintained: bool) -> Self {
        let repo = TestRepo::new();
        let count = 1 + random.below(45);
        random_history(&repo, random, count);
        // Bitmaps may cover everything, or not what came later.
        let is_early = is_maintained && random.chance(60);
        if is_early {
            maintain(&repo, random);
        }
        add_curiosities(&repo, random);
        if is_maintained && !is_early {
            maintain(&repo, random);
        }
        let view = repo.view();
        let model = Model::read(&repo);
        let commits = model.commits();
        let reachable = model.closure(&tips(&view), &BTreeSet::new());
        let (reachable, others) = reachable.into_iter().partition(|id| model.nodes[id].kind == "commit");
        let indexer = TestRepo::new();
        let objects = repo.path().join("objects");
        std::fs::write(indexer.path().join("objects/info/alternates"), format!("{}\n", objects.display())).unwrap();
        let names = view.refs.iter().map(|item| item.name.as_str().to_owned()).collect();
        let is_skewed = model.is_skewed();
        Server { tips: tips(&view), is_skewed, names, repo, view, model, commits, reachable, others, indexer }
    }
}

/// Joins all packs and derives what a server derives, with few bitmaps or many.
fn maintain(repo: &TestRepo, random: &mut Random) {
    let go_on = std::sync::atomic::AtomicBool::new(false);
    let (repository, view) = (Repository::open(repo.path()).unwrap(), repo.view());
    let options = ConsolidateOptions { all: true, ..ConsolidateOptions::default() };
    if let Some(prepared) = consolidate(&repository, &options, &go_on).unwrap() {
        prepared.publish(&repository, &view, &go_on).unwrap();
        repository.remove_retired().unwrap();
    }
    if random.chance(50) {
        CommitGraphFile::default().derive(&repository, &view, &go_on).unwrap();
    }
    let options = BitmapOptions { min_objects: 1, max_commits: 1 + random.below(40), ..BitmapOptions::default() };
    BitmapFile { options }.derive(&repository, &view, &go_on).unwrap();
    assert!(repository.odb().bitmap().is_some());
}

fn tips(view: &View) -> Vec<String> {
    view.refs.iter().map(|item| item.target.to_string()).collect()
}

/// Adds what random histories rarely have: an octopus, a commit without files, a branch without a common ancestor, tags of tags.
fn add_curiosities(repo: &TestRepo, random: &mut Random) {
    let mut stream = String::new();
    let mut commit = |branch: &str, mark: usize, parents: &[String], files: &str| {
        stream.push_str(&format!("reset refs/heads/{branch}\n\ncommit refs/heads/{branch}\nmark :{mark}\n"));
        stream.push_str(&format!("committer C <c@example.org> {} +0000\ndata 2\nx\n", 1_600_001_000 + mark * 90));
        for (at, parent) in parents.iter().enumerate() {
            stream.push_str(&format!("{} {parent}\n", if at == 0 { "from" } else { "merge" }));
        }
        stream.push_str(files);
        stream.push('\n');
    };
    commit("orphan", 1, &[], "M 100644 inline alone\ndata 6\nalone\n\n");
    commit("empty", 2, &["refs/heads/main^0".into()], "deleteall\n");
    let arms = 3 + random.below(5);
    for arm in 0..arms {
        let file = format!("M 100644 inline arm{arm}\ndata 2\n{arm}\n\n");
        commit(&format!("arm{arm}"), 3 + arm, &["refs/heads/main^0".into()], &file);
    }
    let parents: Vec<String> = (0..arms).map(|arm| format!(":{}", 3 + arm)).collect();
    commit("octopus", 20, &parents, "");
    commit("root-empty", 21, &[], "");
    for (at, target) in [":20", ":31", ":32"].iter().enumerate() {
        stream.push_str(&format!("tag chain{at}\nmark :{}\nfrom {target}\n", 31 + at));
        stream.push_str("tagger C <c@example.org> 1600000000 +0000\ndata 2\nx\n\n");
    }
    for arm in 0..arms.saturating_sub(1) {
        stream.push_str(&format!("reset refs/heads/arm{arm}\nfrom {}\n\n", "0".repeat(40)));
    }
    repo.git_with(&["fast-import", "--quiet", "--force"], stream.as_bytes());
}

fn pick(random: &mut Random, from: &[String]) -> String {
    from[random.below(from.len())].clone()
}

fn random_case(server: &Server, random: &mut Random) -> Case {
    let version = match random.below(10) {
        0..=4 => ProtocolVersion::V2,
        5..=8 => ProtocolVersion::V0,
        _ => ProtocolVersion::V1,
    };
    let is_v2 = version == ProtocolVersion::V2;
    let mut wants: Vec<String> = (0..1 + random.below(3)).map(|_| pick(random, &server.tips)).collect();
    if random.chance(20) {
        wants.push(pick(random, &server.reachable));
    }
    // Git follows the boundary of commits only; a request for other things together with one is nothing a client sends.
    let limits_history = random.chance(35);
    let mut wants_others = false;
    let mut may_filter = true;
    if !limits_history && random.chance(15) {
        wants_others = random.chance(50);
        may_filter = wants_others;
        if wants_others {
            // As a partial clone asks for what it lacks.
            wants.clear();
        }
        wants.push(pick(random, &server.others));
    }
    wants.sort();
    wants.dedup();
    // A ref may name a tree, too: see above.
    let names_tree = wants.iter().any(|id| server.model.nodes[&server.model.peeled(id)].kind != "commit");

    let haves: Vec<String> = (0..random.below(4)).map(|_| pick(random, &server.commits)).collect();
    let mut cut = BTreeSet::new();
    if !haves.is_empty() && random.chance(35) {
        let mut below: Vec<String> = server.model.closure(&haves, &BTreeSet::new()).into_iter().collect();
        below.retain(|id| server.model.nodes[id].kind == "commit");
        for _ in 0..1 + random.below(3) {
            let end = pick(random, &below);
            let held = server.model.closure(&haves, &cut);
            if held.contains(&end) {
                cut.insert(end);
            }
        }
        let held = server.model.closure(&haves, &cut);
        cut.retain(|id| held.contains(id));
    }
    let mut told: Vec<String> = server.model.closure(&haves, &cut).into_iter().collect();
    told.retain(|id| server.model.nodes[id].kind == "commit");
    told.truncate(random.below(30));
    told.extend(haves.iter().cloned());
    if random.chance(30) {
        told.insert(random.below(told.len() + 1), format!("{:040x}", 0xdead_u64 + random.next() % 5));
    }
    let done = told.is_empty() || random.chance(65);

    let mut arguments: Vec<String> = cut.iter().map(|id| format!("shallow {id}")).collect();
    let mut relative = false;
    if limits_history {
        match random.below(6) {
            0 | 1 if server.is_skewed => arguments.push(format!("deepen {}", 2 + random.below(3))),
            0 => arguments.push(format!("deepen-since {}", 1_600_000_000 + 60 * random.below(60))),
            1 => arguments.push(format!("deepen-not {}", pick(random, &server.names))),
            2 => arguments.push("deepen 2147483647".into()),
            3 => {
                relative = !cut.is_empty();
                arguments.push(format!("deepen {}", 1 + random.below(3)));
            }
            _ => arguments.push(format!("deepen {}", 1 + random.below(6))),
        }
    }
    if !is_v2 && server.view.odb.commit_graph().is_some() {
        arguments.retain(|argument| !argument.starts_with("deepen") && !argument.starts_with("shallow"));
        relative = false;
        cut.clear();
    }
    if wants_others {
        arguments.extend(random.chance(70).then(|| "filter blob:none".to_owned()));
    } else if may_filter && random.chance(30) {
        let filters = [
            "blob:none",
            "blob:limit=30",
            "blob:limit=1k",
            "tree:0",
            "tree:1",
            "tree:2",
            "tree:3",
            "object:type=commit",
            "object:type=tree",
            "object:type=blob",
            "object:type=tag",
            "combine:tree:2+blob:none",
            "combine:object%3Atype%3Dblob+blob%3Alimit%3D60",
            "combine:tree:3+combine%3Ablob%253Alimit%253D200%2Btree%3A2",
        ];
        let filter = filters[random.below(filters.len())];
        if !names_tree || !filter.contains("tree:") {
            arguments.push(format!("filter {filter}"));
        }
    }
    let mut words = Vec::new();
    for word in ["thin-pack", "ofs-delta", "include-tag", "no-progress"] {
        if random.chance(55) {
            words.push(word);
        }
    }
    let mut case =
        Case { version, lines: Vec::new(), wants: BTreeSet::new(), haves, cut, banded: true, sideband_all: false };
    case.wants = server.model.tags_of(&wants);
    let lines = &mut case.lines;
    if is_v2 {
        case.sideband_all = random.chance(25);
        if relative {
            words.push("deepen-relative");
        }
        if case.sideband_all {
            words.push("sideband-all");
        }
        if !done && random.chance(15) {
            words.push("wait-for-done");
        }
        lines.extend(["command=fetch", "agent=git/2.39.5", "object-format=sha1"].map(str::to_owned));
        if random.chance(20) {
            lines.push("server-option=hello=world".into());
        }
        lines.push("0001".into());
        lines.extend(words.into_iter().map(str::to_owned));
        if may_filter && !wants_others && random.chance(15) {
            let at = random.below(server.names.len());
            lines.push(format!("want-ref {}", server.names[at]));
            case.wants.extend(server.model.tags_of(&server.tips[at..=at]));
        }
        lines.extend(wants.iter().map(|id| format!("want {id}")));
        lines.extend(arguments);
        lines.extend(told.iter().map(|id| format!("have {id}")));
        lines.extend(done.then(|| "done".to_owned()));
        lines.push("0000".into());
    } else {
        let acks = [None, Some("multi_ack"), Some("multi_ack_detailed"), Some("multi_ack_detailed no-done")];
        let band = [None, Some("side-band"), Some("side-band-64k")][random.below(3)];
        case.banded = band.is_some();
        words.extend(acks[random.below(4)].into_iter().chain(band));
        words.extend(relative.then_some("deepen-relative"));
        words.push("filter");
        for (at, id) in wants.iter().enumerate() {
            lines.push(if at == 0 { format!("want {id} {}", words.join(" ")) } else { format!("want {id}") });
        }
        lines.extend(arguments);
        lines.push("0000".into());
        lines.extend(told.iter().map(|id| format!("have {id}")));
        lines.push(if done { "done" } else { "0000" }.into());
    }
    case
}

/// The lines of an answer, runs of boundary lines sorted; git repeats some of them.
fn comparable(answer: &Answer) -> Vec<String> {
    let mut lines = answer.lines.clone();
    let is_boundary = |line: &String| line.starts_with("shallow ") || line.starts_with("unshallow ");
    for run in lines.chunk_by_mut(|a, b| is_boundary(a) && is_boundary(b)) {
        run.sort();
    }
    lines.dedup_by(|a, b| a == b && is_boundary(a));
    let find = |from: usize, word: &str| lines.iter().skip(from).position(|line| line == word).map(|at| from + at);
    if let (Some(wanted), Some(packfile)) = (find(0, "wanted-refs"), find(0, "packfile")) {
        let end = find(wanted, "0001").unwrap();
        lines[wanted..packfile].rotate_left(end + 1 - wanted);
    }
    lines
}

/// Takes the band off the lines before the pack, as a client does that asked for `sideband-all`.
fn read(bytes: &[u8], case: &Case) -> Answer {
    if !case.sideband_all {
        return read_answer(bytes, case.version, case.banded);
    }
    let mut answer = Answer::default();
    let mut in_pack = false;
    for packet in crate::pktline::Packets::new(bytes) {
        use crate::pktline::Packet;
        match packet.unwrap() {
            Packet::Flush => answer.lines.push("0000".into()),
            Packet::Delim => answer.lines.push("0001".into()),
            Packet::ResponseEnd => panic!("response end"),
            Packet::Data([1, data @ ..]) if in_pack => answer.pack.extend_from_slice(data),
            Packet::Data([1, data @ ..]) => {
                let line = String::from_utf8(data.to_vec()).unwrap().trim_end().to_owned();
                in_pack = line == "packfile";
                answer.lines.push(line);
            }
            Packet::Data([2, ..]) => {}
            Packet::Data([3, data @ ..]) => answer.error = Some(String::from_utf8_lossy(data).into_owned()),
            Packet::Data(line) => panic!("a line without band: {line:?}"),
        }
    }
    answer
}

fn index(server: &Server, pack: &[u8]) -> Indexed {
    let go_on = std::sync::atomic::AtomicBool::new(false);
    index_pack(pack, &server.view.odb, &Limits::default(), &mut |_| {}, &go_on).unwrap()
}

/// Lets stock git index a pack of ours strictly, and answers the ids that were in it.
fn index_by_git(server: &Server, pack: &[u8]) -> BTreeSet<String> {
    let args = ["index-pack", "--stdin", "--fix-thin", "--strict"];
    let (ok, out, error) = server.indexer.run(&args, pack, &[]);
    assert!(ok, "{error}");
    let name = String::from_utf8(out).unwrap().trim().trim_start_matches("pack\t").to_owned();
    let path = server.indexer.path().join(format!("objects/pack/pack-{name}.pack"));
    let stored = Pack::open(&path).unwrap();
    // Bases that complete a thin pack come after what was sent.
    let end = pack.len() as u64 - 20;
    let mut ids = BTreeSet::new();
    for (id, at) in stored.idx().ids().zip(0_u32..) {
        if stored.idx().offset_at(at).unwrap() < end {
            ids.insert(id.to_string());
        }
    }
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(path.with_extension("idx")).unwrap();
    ids
}

#[derive(Default)]
struct Totals {
    requests: usize,
    packs: usize,
    refused: usize,
    by_bitmaps: usize,
    ours_again: usize,
    git_again: usize,
}

fn compare(server: &Server, case: &Case, totals: &mut Totals) {
    let request = body(&case.lines);
    let (result, bytes) = ask(&server.view, case.version, &request);
    let ours = read(&bytes, case);
    let (git_is_well, git) = try_git(&server.repo, case.version, &request);
    let git = read(&git, case);
    totals.requests += 1;
    if !git_is_well {
        // Git dies without a word on some requests.
        assert!(ours.error.is_some(), "git: {git:?} ours: {:?}", ours.lines);
        totals.refused += 1;
        return;
    }
    let stats = result.unwrap_or_else(|error| panic!("{error}; git: {:?}", git.lines));
    assert_eq!(comparable(&ours), comparable(&git));
    assert_eq!(ours.pack.is_empty(), git.pack.is_empty());
    if ours.pack.is_empty() {
        return;
    }
    totals.packs += 1;
    totals.by_bitmaps += usize::from(stats.by_bitmaps);
    let sent = index_by_git(server, &ours.pack);
    assert_eq!(stats.objects, sent.len() as u64, "an object was sent twice");
    let by_git: BTreeSet<String> =
        index(server, &git.pack).objects.iter().map(|object| object.id().to_string()).collect();
    let held = server.model.closure(&case.haves, &case.cut);
    // A tag goes with its target where `include-tag` asks for it. A target that is sent again, by whichever server, brings its tag; so a
    // tag of something held says no more than the thing itself.
    let include_tag = case.lines.iter().any(|line| line.contains("include-tag"));
    let is_known = |id: &String| {
        let is_tag_of_held = || server.model.nodes[id].kind == "tag" && held.contains(&server.model.peeled(id));
        held.contains(id) || (include_tag && !case.wants.contains(id) && is_tag_of_held())
    };
    let new = |ids: &BTreeSet<String>| -> BTreeSet<String> { ids.iter().filter(|id| !is_known(id)).cloned().collect() };
    let (ours_new, git_new) = (new(&sent), new(&by_git));
    let describe = |ids: BTreeSet<&String>| -> Vec<String> {
        ids.into_iter().map(|id| format!("{} {id}", server.model.nodes[id].kind)).collect()
    };
    let missing = describe(git_new.difference(&ours_new).collect());
    let extra = describe(ours_new.difference(&git_new).collect());
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?} extra {extra:#?}");
    for base in index(server, &ours.pack).external_bases {
        assert!(held.contains(&base.to_string()), "a thin pack builds on {base}, which the client does not have");
    }
    totals.ours_again += sent.intersection(&held).count();
    totals.git_again += by_git.intersection(&held).count();
}

const REQUESTS_PER_SERVER: usize = 13;

fn run(seeds: std::ops::Range<u64>, is_maintained: bool) {
    // Other seeds than usual, to look further than a test run has time for.
    let shift: u64 = std::env::var("ATOMICQMS_TEST_SEED").map_or(0, |seed| seed.parse().unwrap());
    let mut totals = Totals::default();
    for seed in seeds.map(|seed| seed.wrapping_add(shift.wrapping_mul(10_000))) {
        let mut random = Random::new(seed);
        let server = Server::new(&mut random, is_maintained);
        for round in 0..REQUESTS_PER_SERVER {
            let case = random_case(&server, &mut random);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                compare(&server, &case, &mut totals);
            }));
            if let Err(panic) = outcome {
                let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                let graph = server.repo.git(&["log", "--graph", "--all", "--format=%h %ct %D"]);
                let (version, lines, haves) = (case.version, &case.lines, &case.haves);
                panic!("seed {seed} round {round} {version:?}\n{text}\nhaves {haves:?}\n{lines:#?}\n{graph}");
            }
        }
    }
    assert!(totals.requests >= 10 * REQUESTS_PER_SERVER && totals.packs * 2 > totals.requests, "hardly any packs");
    assert!(totals.refused * 5 < totals.requests, "{} of {} refused", totals.refused, totals.requests);
    assert!(!is_maintained || totals.by_bitmaps * 8 > totals.packs, "{} of {}", totals.by_bitmaps, totals.packs);
    assert!(
        totals.ours_again <= totals.git_again + totals.packs,
        "objects sent again: ours {}, git {}",
        totals.ours_again,
        totals.git_again
    );
}

#[test]
fn generated_requests_a() {
    run(1000..1010, false);
}

#[test]
fn generated_requests_b() {
    run(2000..2010, false);
}

#[test]
fn generated_requests_c() {
    run(3000..3010, false);
}

#[test]
fn generated_requests_d() {
    run(4000..4010, false);
}

#[test]
fn generated_requests_with_bitmaps_a() {
    run(5000..5010, true);
}

#[test]
fn generated_requests_with_bitmaps_b() {
    run(6000..6010, true);
}
