//! Owns the comparisons of one repository's history with stock git. What is compared is chosen at random; a failure names the command.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicBool},
};

use crate::{
    ObjectId,
    archive::{ArchiveFormat, ArchiveOptions, tests::unzip, write_archive},
    commit_graph::WriteOptions,
    create::{CreateLimits, NewObjects},
    diff::{
        Renames, TreeOptions, diff_trees,
        mail::{MailOptions, write_mail},
        patch::{PatchOptions, write_patch},
    },
    history::{
        AheadBehind, BlameOptions, LogRequest, Order, ahead_behind, ahead_behind_many, blame, blame_of_porcelain,
        last_commits, log, tips_containing, update_last_commits,
    },
    id::id_from_hex,
    merge::tree::{MergeOptions, Names, merge_trees},
    odb::Snapshot,
    testgit::{Random, TestRepo, git_version},
    walk::{is_ancestor, merge_bases, merge_bases_of_all},
};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// A commit and the path of a file in it.
type Named = (ObjectId, Vec<u8>);

/// A repository and what there is to ask about in it.
pub(super) struct World {
    repo: TestRepo,
    random: Random,
    /// Every reachable commit, newest first, and its tree.
    commits: Vec<(ObjectId, ObjectId)>,
    /// Without a commit-graph file, and with one that holds an older part of history.
    odbs: [Arc<Snapshot>; 2],
}

fn id(hex: &str) -> ObjectId {
    id_from_hex(hex.as_bytes()).unwrap_or_else(|| panic!("no id: {hex:?}"))
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Fails with the surroundings of the first difference.
fn same(ours: &[u8], theirs: &[u8], what: &str) {
    if ours == theirs {
        return;
    }
    let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let near = |bytes: &[u8]| show(&bytes[at.saturating_sub(200).min(bytes.len())..(at + 200).min(bytes.len())]);
    panic!("{what}: at byte {at}, ours:\n{}\ngit's:\n{}", near(ours), near(theirs));
}

impl World {
    pub(super) fn new(repo: TestRepo, random: Random) -> World {
        let list = repo.git(&["log", "--all", "--format=%H %T"]);
        let commits: Vec<(ObjectId, ObjectId)> =
            list.lines().map(|line| line.split_once(' ').unwrap()).map(|(a, b)| (id(a), id(b))).collect();
        let bare = repo.odb();
        let repository = crate::Repository::open(repo.path()).unwrap();
        let old = commits[commits.len() / 4].0;
        repository.write_commit_graph(&[old], &WriteOptions::default(), &GO_ON).unwrap();
        let with_graph = repository.odb();
        World { repo, random, commits, odbs: [bare, with_graph] }
    }

    /// Runs git without the commit-graph file, with paths taken literally, and answers its output.
    fn git(&self, args: &[&[u8]]) -> Vec<u8> {
        let (ok, out, err) = self.try_git(args);
        assert!(ok, "git {:?}: {err}", args.iter().map(|arg| show(arg)).collect::<Vec<_>>());
        out
    }

    fn try_git(&self, args: &[&[u8]]) -> (bool, Vec<u8>, String) {
        let all: Vec<&[u8]> = [&[&b"-c"[..], b"core.commitGraph=false", b"--literal-pathspecs"], args].concat();
        self.repo.run_bytes(&all, b"", &[("TZ", "UTC")])
    }

    fn ids(&self, args: &[&[u8]]) -> Vec<ObjectId> {
        show(&self.git(args)).lines().map(id).collect()
    }

    /// A commit, recent ones more often.
    fn commit(&mut self) -> ObjectId {
        let most = self.commits.len();
        let most = if self.random.chance(60) { most.div_ceil(4) } else { most };
        self.commits[self.random.below(most)].0
    }

    fn tree(&mut self) -> ObjectId {
        let at = self.random.below(self.commits.len());
        self.commits[at].1
    }

    /// Some paths of files of a commit, with their modes.
    fn files(&mut self, commit: &ObjectId, count: usize) -> Vec<(String, Vec<u8>)> {
        let list = self.git(&[b"ls-tree", b"-r", b"-z", commit.to_string().as_bytes()]);
        let mut all: Vec<(String, Vec<u8>)> = list
            .split(|byte| *byte == 0)
            .filter(|entry| !entry.is_empty())
            .map(|entry| {
                let tab = entry.iter().position(|byte| *byte == b'\t').unwrap();
                (show(&entry[..6]), entry[tab + 1..].to_vec())
            })
            .collect();
        // The files of the large directory are all alike: most questions are about others.
        if self.random.chance(90) {
            all.retain(|(_, path)| !path.starts_with(b"many/"));
        }
        if all.is_empty() {
            return Vec::new();
        }
        (0..count).map(|_| all[self.random.below(all.len())].clone()).collect()
    }

    /// Answers how many lines were blamed.
    pub(super) fn blames(&mut self, count: usize) -> usize {
        let mut lines = 0;
        for _ in 0..count.div_ceil(5) {
            let commit = self.commit();
            for (mode, path) in self.files(&commit, 5) {
                let hex = commit.to_string();
                let what = format!("git blame --porcelain {hex} -- {:?}", show(&path));
                let ours = self
                    .odbs
                    .each_ref()
                    .map(|odb| blame(odb, &commit, &path, &BlameOptions::default(), &GO_ON).unwrap());
                assert!(ours[0] == ours[1], "{what}: another answer with a commit-graph");
                if mode == "160000" {
                    assert!(ours[0].is_none(), "{what}: a submodule");
                    continue;
                }
                let ours = ours[0].clone().unwrap().ranges;
                let theirs = blame_of_porcelain(&self.git(&[b"blame", b"--porcelain", hex.as_bytes(), b"--", &path]));
                lines += theirs.iter().map(|range| range.len as usize).sum::<usize>();
                let differing = ours.iter().zip(&theirs).find(|(a, b)| a != b);
                assert!(
                    differing.is_none() && ours.len() == theirs.len(),
                    "{what} ({mode}): ours and git's: {differing:?}, {} and {} ranges; {:?}",
                    ours.len(),
                    theirs.len(),
                    show(&self.git(&[b"cat-file", b"blob", &[hex.as_bytes(), b":", &path].concat()]))
                );
            }
        }
        lines
    }

    pub(super) fn logs(&mut self, count: usize) {
        for _ in 0..count {
            let tip = self.commit();
            let mut request = LogRequest { tips: vec![tip], limit: usize::MAX, ..LogRequest::default() };
            let hex = tip.to_string();
            let mut args: Vec<Vec<u8>> = vec![b"log".to_vec(), b"--format=%H".to_vec(), hex.into_bytes()];
            if self.random.chance(30) {
                request.order = Order::Topo;
                args.push(b"--topo-order".to_vec());
            }
            if self.random.chance(20) {
                request.first_parent = true;
                args.push(b"--first-parent".to_vec());
            }
            args.push(b"--".to_vec());
            for (_, path) in self.files(&tip, 1) {
                // The file, or a directory it is in.
                let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
                let path = parts[..1 + self.random.below(parts.len())].join(&b'/');
                args.push(path.clone());
                request.paths.push(path);
            }
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            let theirs = self.ids(&args);
            for odb in &self.odbs {
                let page = log(odb, &request, &GO_ON).unwrap();
                let ours: Vec<ObjectId> = page.entries.iter().map(|entry| entry.commit).collect();
                assert!(
                    ours == theirs,
                    "git {:?}: {ours:?} {theirs:?}",
                    args.iter().map(|a| show(a)).collect::<Vec<_>>()
                );
            }
        }
    }

    pub(super) fn follows(&mut self, count: usize) {
        for _ in 0..count {
            let tip = self.commit();
            for (_, path) in self.files(&tip, 1) {
                let hex = tip.to_string();
                let args: [&[u8]; 8] =
                    [b"log", b"--follow", b"-z", b"--name-only", b"--format=%H", hex.as_bytes(), b"--", &path];
                let out = self.git(&args);
                // A commit, an empty line, the path and a zero byte. More paths follow where the file was a directory at that time.
                let mut theirs = Vec::new();
                for record in out.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
                    if record.len() >= 40 && record[..40].iter().all(u8::is_ascii_hexdigit) {
                        let path = record.get(42..).unwrap_or_default();
                        theirs.push((id(&show(&record[..40])), path.to_vec()));
                    } else if let Some((_, path)) = theirs.last_mut().filter(|(_, path)| path.is_empty()) {
                        *path = record.strip_prefix(b"\n").unwrap_or(record).to_vec();
                    }
                }
                let request = LogRequest {
                    tips: vec![tip],
                    paths: vec![path.clone()],
                    follow: true,
                    limit: usize::MAX,
                    ..LogRequest::default()
                };
                for odb in &self.odbs {
                    let page = log(odb, &request, &GO_ON).unwrap();
                    let ours: Vec<(ObjectId, Vec<u8>)> =
                        page.entries.into_iter().map(|entry| (entry.commit, entry.path.unwrap())).collect();
                    // Where the name was a directory before, git shows what was in it.
                    let is_same = |(a, b): (&Named, &Named)| {
                        a == b || (a.0 == b.0 && b.1.starts_with(&[&a.1[..], b"/"].concat()))
                    };
                    assert!(
                        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(is_same),
                        "git log --follow {tip} -- {:?}: ours {:?} git's {:?}",
                        show(&path),
                        ours.iter().map(|(id, path)| format!("{id} {}", show(path))).collect::<Vec<_>>(),
                        theirs.iter().map(|(id, path)| format!("{id} {}", show(path))).collect::<Vec<_>>(),
                    );
                }
            }
        }
    }

    pub(super) fn last_commits(&mut self, count: usize) {
        for _ in 0..count {
            let (tip, other) = (self.commit(), self.commit());
            let Some((_, path)) = self.files(&tip, 1).pop() else { continue };
            let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
            let directory = parts[..self.random.below(parts.len())].join(&b'/');
            let found = last_commits(&self.odbs[0], &tip, &directory, &GO_ON).unwrap().unwrap();
            let again = last_commits(&self.odbs[1], &tip, &directory, &GO_ON).unwrap().unwrap();
            assert!(found == again, "{tip} {:?}: another answer with a commit-graph", show(&directory));
            if let Some(earlier) = last_commits(&self.odbs[0], &other, &directory, &GO_ON).unwrap() {
                let updated = update_last_commits(&self.odbs[1], &earlier, &tip, &GO_ON).unwrap().unwrap();
                assert!(updated == found, "{other} {tip} {:?}: another answer when updated", show(&directory));
            }
            // A directory of thousands is asked about in part.
            let step = found.entries.len().div_ceil(12);
            for entry in found.entries.iter().step_by(step.max(1)) {
                let path = if directory.is_empty() {
                    entry.name.clone()
                } else {
                    [&directory[..], b"/", &entry.name].concat()
                };
                let hex = tip.to_string();
                let theirs = self.ids(&[b"log", b"-1", b"--format=%H", hex.as_bytes(), b"--", &path]);
                assert!(theirs == [entry.commit], "{tip} {:?}: {} {theirs:?}", show(&path), entry.commit);
            }
        }
    }

    pub(super) fn ancestry(&mut self, count: usize) {
        let mut reached: BTreeMap<ObjectId, BTreeSet<ObjectId>> = BTreeMap::new();
        for _ in 0..count {
            let (a, b, c) = (self.commit(), self.commit(), self.commit());
            let [hex_a, hex_b, hex_c] = [a, b, c].map(|id| id.to_string());
            for commit in [a, b] {
                reached
                    .entry(commit)
                    .or_insert_with(|| self.ids(&[b"rev-list", commit.to_string().as_bytes()]).into_iter().collect());
            }
            let (of_a, of_b) = (&reached[&a], &reached[&b]);
            let bases = |args: &[&[u8]]| -> BTreeSet<ObjectId> {
                let (ok, out, _) = self.try_git(&[&[&b"merge-base"[..], b"--all"], args].concat());
                if ok { show(&out).lines().map(id).collect() } else { BTreeSet::new() }
            };
            let theirs = bases(&[hex_a.as_bytes(), hex_b.as_bytes()]);
            let of_three = bases(&[b"--octopus", hex_a.as_bytes(), hex_b.as_bytes(), hex_c.as_bytes()]);
            for odb in &self.odbs {
                let ours: BTreeSet<ObjectId> = merge_bases(odb, &a, &b, &GO_ON).unwrap().into_iter().collect();
                assert_eq!(ours, theirs, "git merge-base --all {a} {b}");
                let octopus = merge_bases_of_all(odb, &[a, b, c], &GO_ON).unwrap();
                assert_eq!(
                    octopus.into_iter().collect::<BTreeSet<_>>(),
                    of_three,
                    "git merge-base --octopus {a} {b} {c}"
                );
                assert_eq!(is_ancestor(odb, &a, &b, &GO_ON).unwrap(), of_b.contains(&a), "{a} {b}");
                let ahead = of_b.difference(of_a).count() as u64;
                let behind = of_a.difference(of_b).count() as u64;
                let count = AheadBehind { ahead, behind };
                assert_eq!(ahead_behind(odb, &a, &b, &GO_ON).unwrap(), count, "{a}...{b}");
                assert_eq!(ahead_behind_many(odb, &a, &[a, b], &GO_ON).unwrap()[1], count, "{a}...{b}");
                assert_eq!(tips_containing(odb, &a, &[a, b], &GO_ON).unwrap(), [true, of_b.contains(&a)], "{a} {b}");
            }
        }
    }

    /// A tag of a tag is taken for the commit it leads to.
    pub(super) fn tags_stand_for_commits(&mut self, name: &str) {
        let named = |name: &str| id(&self.repo.git(&["rev-parse", name]));
        let (tag, commit) = (named(name), named(&format!("{name}^{{commit}}")));
        let other = self.commits[self.commits.len() / 2].0;
        let odb = &self.odbs[0];
        let page = |tip: ObjectId| {
            let request = LogRequest { tips: vec![tip], hidden: vec![other], limit: 9, ..LogRequest::default() };
            log(odb, &request, &GO_ON).unwrap()
        };
        assert!(tag != commit && page(tag) == page(commit));
        let both = |tip: &ObjectId| {
            (
                last_commits(odb, tip, b"", &GO_ON).unwrap(),
                ahead_behind(odb, tip, &other, &GO_ON).unwrap(),
                ahead_behind(odb, &other, tip, &GO_ON).unwrap(),
                merge_bases(odb, tip, &other, &GO_ON).unwrap(),
                merge_bases(odb, &other, tip, &GO_ON).unwrap(),
                tips_containing(odb, tip, &[commit, tag, other], &GO_ON).unwrap(),
                blame(odb, tip, b"plain.txt", &BlameOptions::default(), &GO_ON).unwrap(),
            )
        };
        assert!(both(&tag) == both(&commit));
    }

    /// Pairs of different trees, of neighbours and of strangers.
    fn pairs(&mut self, count: usize) -> Vec<(ObjectId, ObjectId)> {
        let list = show(&self.git(&[b"log", b"--all", b"--format=%H %P"]));
        let trees: BTreeMap<ObjectId, ObjectId> = self.commits.iter().copied().collect();
        let lines: Vec<&str> = list.lines().collect();
        let mut pairs = Vec::new();
        for _ in 0..count {
            let line: Vec<&str> = lines[self.random.below(lines.len())].split(' ').filter(|w| !w.is_empty()).collect();
            let after = trees[&id(line[0])];
            let stranger = self.tree();
            let before = match line.len() {
                1 => stranger,
                _ if self.random.chance(30) => stranger,
                len => trees[&id(line[1 + self.random.below(len - 1)])],
            };
            pairs.push((before, after));
        }
        pairs.retain(|(before, after)| before != after);
        pairs
    }

    /// Every form of a diff.
    pub(super) fn diffs(&mut self, count: usize) {
        let pairs: Vec<(String, String)> =
            self.pairs(count).into_iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
        crate::diff::tests::compare_all(&self.repo, &pairs, "odd");
    }

    /// Our patches, applied by git, give the tree.
    pub(super) fn patches(&mut self, count: usize) {
        let index = self.repo.path().join("services.index");
        let index = index.to_str().unwrap();
        for (before, after) in self.pairs(count) {
            let odb = &self.odbs[0];
            for (renames, flag) in [
                (Renames::Off, "--no-renames"),
                (Renames::Renames, "-M"),
                (Renames::CopiesOfAny, "--find-copies-harder"),
            ] {
                let options = TreeOptions { renames, ..TreeOptions::default() };
                let changes = diff_trees(odb, Some(&before), Some(&after), &options, &GO_ON).unwrap();
                let mut text = Vec::new();
                let patch = PatchOptions { binary: true, ..PatchOptions::default() };
                write_patch(odb, &changes, &patch, &mut text, &GO_ON).unwrap();
                let env = [("GIT_INDEX_FILE", index)];
                let run = |args: &[&str], input: &[u8]| {
                    let (ok, out, err) = self.repo.run(args, input, &env);
                    assert!(ok, "{before} {after} {renames:?} git {args:?}: {err}");
                    out
                };
                let apply = ["apply", "--cached", "--whitespace=nowarn", "--allow-empty"];
                run(&["read-tree", &before.to_string()], b"");
                let (ok, _, err) = self.repo.run(&apply, &text, &env);
                if !ok {
                    // Git does not apply everything it writes, such as what moves a link to below its own name.
                    let trees = [before.to_string(), after.to_string()];
                    let theirs = run(&["diff-tree", "-p", "--binary", flag, &trees[0], &trees[1]], b"");
                    let (ok, ..) = self.repo.run(&apply, &theirs, &env);
                    assert!(!ok, "{before} {after} {renames:?}: {err}");
                    continue;
                }
                let tree = show(&run(&["write-tree"], b""));
                assert_eq!(tree.trim_end(), after.to_string(), "{before} {after} {renames:?}");
            }
        }
    }

    pub(super) fn archives(&mut self, count: usize) {
        for at in 0..count {
            // The newest has the oddest date.
            let commit = if at == 0 { self.commits[0].0 } else { self.commit() };
            let hex = commit.to_string();
            let ours = |format| {
                let options = ArchiveOptions { format, prefix: b"p-1/".to_vec(), ..ArchiveOptions::default() };
                let mut out = Vec::new();
                write_archive(&self.odbs[0], &commit, &options, &mut out, &GO_ON).unwrap();
                out
            };
            let theirs = |format: &[u8]| self.git(&[b"archive", format, b"--prefix=p-1/", hex.as_bytes()]);
            same(&ours(ArchiveFormat::Tar), &theirs(b"--format=tar"), &format!("git archive --format=tar {hex}"));
            let (ours, theirs) = (ours(ArchiveFormat::Zip), theirs(b"--format=zip"));
            let (ours, theirs) = (unzip::entries(&ours), unzip::entries(&theirs));
            // Git leaves backslashes in names, which some read as slashes.
            let plain = |name: Vec<u8>| name.iter().map(|byte| if *byte == b'\\' { b'_' } else { *byte }).collect();
            let theirs: BTreeMap<Vec<u8>, _> = theirs.into_iter().map(|(name, entry)| (plain(name), entry)).collect();
            assert!(ours == theirs, "git archive --format=zip {hex}");
        }
    }

    pub(super) fn mails(&mut self, count: usize) {
        let options = MailOptions {
            tree: TreeOptions { counts_last_piece: git_version() >= (2, 44), ..TreeOptions::default() },
            signature: "signed".to_owned(),
            ..MailOptions::default()
        };
        for at in 0..count {
            let commit = if at == 0 { self.commits[0].0 } else { self.commit() };
            let hex = commit.to_string();
            // With a merge alone git would go on to what it merged.
            let only = format!("{hex}^!");
            let theirs =
                self.git(&[b"format-patch", b"--stdout", b"--root", b"-N", b"--signature=signed", only.as_bytes()]);
            if theirs.is_empty() {
                // A merge: git makes no mail of it.
                continue;
            }
            let mut ours = Vec::new();
            write_mail(&self.odbs[0], &commit, &options, &mut ours, &GO_ON).unwrap();
            if theirs.windows(17).any(|window| window == b"\nGIT binary patch") {
                // Compressed by another deflate.
                let head = |text: &[u8]| {
                    let at = text.windows(17).position(|window| window == b"\nGIT binary patch").unwrap();
                    text[..at].to_vec()
                };
                same(&head(&ours), &head(&theirs), &format!("git format-patch -1 {hex}"));
                continue;
            }
            same(&ours, &theirs, &format!("git format-patch --stdout -N -1 --signature=signed {hex}"));
        }
    }

    /// Three-way merges of any three trees, as a cherry-pick or a revert makes them.
    pub(super) fn merges(&mut self, count: usize) {
        let options = MergeOptions { counts_last_piece: git_version() >= (2, 44), ..MergeOptions::default() };
        let mut clean = 0;
        for _ in 0..count {
            let at = self.random.below(self.commits.len());
            let near = |random: &mut Random| (at + random.below(12)).saturating_sub(6).min(self.commits.len() - 1);
            let (a, b) = (near(&mut self.random), near(&mut self.random));
            let [base, ours, theirs] = [at, a, b].map(|at| self.commits[at].1);
            let commit = |tree: &ObjectId, parent: Option<&str>| {
                let tree = tree.to_string();
                let mut args = vec!["commit-tree", "-m", "x", &tree];
                args.extend(parent.iter().flat_map(|parent| ["-p", parent]));
                self.repo.git(&args)
            };
            let root = commit(&base, None);
            let (left, right) = (commit(&ours, Some(&root)), commit(&theirs, Some(&root)));
            if left == right {
                continue;
            }
            let args = ["merge-tree", "--write-tree", "-z", "--no-messages", &left, &right];
            let (is_clean, out, errors) = self.repo.run(&args, b"", &[]);
            if errors.contains("Assertion") {
                continue;
            }
            let mut fields = out.split(|byte| *byte == 0);
            let tree = id(&show(fields.next().unwrap()));
            let theirs_conflicted: BTreeSet<Vec<u8>> = fields
                .take_while(|field| !field.is_empty())
                .map(|field| field[1 + field.iter().position(|byte| *byte == b'\t').unwrap()..].to_vec())
                .collect();
            let mut objects = NewObjects::new(self.repo.odb(), CreateLimits::default());
            let names = Names { base: root[..7].to_owned(), ours: left, theirs: right };
            let merged = merge_trees(&mut objects, &base, &ours, &theirs, &names, &options, &GO_ON).unwrap();
            let conflicted: BTreeSet<Vec<u8>> = merged.conflicts.iter().map(|one| one.path.clone()).collect();
            let what = format!("merge of trees {base} {ours} {theirs}");
            assert_eq!(merged.is_clean, is_clean, "{what}");
            assert_eq!(conflicted, theirs_conflicted, "{what}");
            if merged.tree != Some(tree) {
                let mine = crate::create::entries::parse_tree(
                    &tree,
                    &objects.read_as(&merged.tree.unwrap(), crate::Kind::Tree).unwrap(),
                );
                panic!("{what}: git has {tree}, ours is {:?} {mine:?}", merged.tree);
            }
            clean += usize::from(is_clean);
        }
        println!("{count} merges, {clean} clean");
    }
}
