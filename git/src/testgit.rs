//! The real git binary in a sealed environment, for this crate's tests: the oracle everything here is compared with.
//!
//! Owns running git and building histories with `git fast-import`. Compiled for tests only.

use std::{
    ffi::OsStr,
    io::Write,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use tempfile::TempDir;

use crate::{Ref, RefName, RefTable, Repository, View, id::id_from_hex, odb::Snapshot};

/// A bare repository in a directory that goes away with it.
pub(crate) struct TestRepo {
    dir: TempDir,
}

impl TestRepo {
    /// Makes an empty repository whose HEAD is `refs/heads/main`.
    pub(crate) fn new() -> Self {
        // What `git init --bare` does, without a process: tests make hundreds of these.
        let dir = TempDir::new().unwrap();
        for name in ["objects/info", "objects/pack", "refs/heads", "refs/tags"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        std::fs::write(dir.path().join("HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::write(dir.path().join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n").unwrap();
        TestRepo { dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs git, which must succeed, and returns its output without the last newline.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.git_with(args, &[])
    }

    /// The same with standard input.
    pub(crate) fn git_with(&self, args: &[&str], input: &[u8]) -> String {
        let (ok, out, err) = self.run(args, input, &[]);
        assert!(ok, "git {args:?}: {err}");
        String::from_utf8_lossy(&out).trim_end().to_owned()
    }

    /// Runs git and returns success, output and messages.
    pub(crate) fn run(&self, args: &[&str], input: &[u8], env: &[(&str, &str)]) -> (bool, Vec<u8>, String) {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        self.run_bytes(&args, input, env)
    }

    /// The same with arguments of any bytes.
    pub(crate) fn run_bytes(&self, args: &[&[u8]], input: &[u8], env: &[(&str, &str)]) -> (bool, Vec<u8>, String) {
        let args = args.iter().map(|arg| OsStr::from_bytes(arg));
        #[expect(clippy::disallowed_methods, reason = "the sealed git builder of this crate's tests")]
        let mut command = Command::new("git");
        command.args(args).current_dir(self.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path());
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Ada").env(format!("GIT_{who}_EMAIL"), "ada@example.org");
            command.env(format!("GIT_{who}_DATE"), "1700000000 +0000");
        }
        command.envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            // Git may answer, or give up, before it has read everything.
            scope.spawn(move || stdin.write_all(input));
            child.wait_with_output().unwrap()
        });
        (output.status.success(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// What our engine sees of the repository now.
    pub(crate) fn view(&self) -> View {
        let list = self.git(&["for-each-ref", "--format=%(refname) %(objectname) %(*objectname)"]);
        let id = |hex: &str| id_from_hex(hex.as_bytes()).unwrap();
        let refs = list.lines().map(|line| {
            let mut words = line.split(' ');
            let name = RefName::new(words.next().unwrap()).unwrap();
            let target = id(words.next().unwrap());
            // `%(*objectname)` peels one level only.
            let peeled = words.next().filter(|hex| !hex.is_empty());
            let peeled = peeled.map(|_| id(&self.git(&["rev-parse", &format!("{}^{{}}", name.as_str())])));
            Ref { name, target, peeled }
        });
        let refs = RefTable::from_refs(refs.collect());
        View { refs, head: RefName::new("refs/heads/main").unwrap(), odb: self.odb(), version: 1 }
    }

    pub(crate) fn odb(&self) -> Arc<Snapshot> {
        Repository::open(self.path()).unwrap().odb()
    }

    /// The path of the newest file in `objects/pack` with this ending.
    pub(crate) fn pack_files(&self, ending: &str) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.path().join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
    }
}

/// The history of this project, or of the repository that `ATOMICQMS_TEST_REPOSITORY` names, in a bare repository of its own.
///
/// `None`, and a line that says so, where the sources came without history. A shallow history is written anew, with its oldest commits as
/// roots, because a server's repositories are never shallow.
pub(crate) fn own_history() -> Option<TestRepo> {
    let given = std::env::var("ATOMICQMS_TEST_REPOSITORY").ok();
    let path = given.clone().unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/..").to_owned());
    let repo = TestRepo::new();
    let ask = |args: &[&str]| repo.run(&[&["-c", "safe.directory=*", "-C", &path], args].concat(), b"", &[]);
    // A directory without history of its own may lie in another repository.
    let (ok, out, _) = ask(&["rev-parse", "--show-prefix", "--is-shallow-repository", "HEAD"]);
    let out = String::from_utf8_lossy(&out).into_owned();
    let lines: Vec<&str> = out.lines().collect();
    let (prefix, is_shallow) = (lines.first().copied().unwrap_or_default(), lines.get(1) == Some(&"true"));
    if !ok || !prefix.is_empty() {
        println!("SKIPPED: no git history at {path}; nothing of this project was compared");
        return None;
    }
    if is_shallow {
        println!("the history at {path} is shallow: its oldest commits stand for roots");
        let (ok, stream, err) = ask(&["fast-export", "--signed-tags=strip", "HEAD"]);
        assert!(ok, "{err}");
        repo.git_with(&["-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"], &stream);
        let head = repo.git(&["for-each-ref", "--count=1", "--format=%(objectname)"]);
        repo.git(&["update-ref", "refs/heads/given", &head]);
        return Some(repo);
    }
    repo.git(&["-c", "safe.directory=*", "fetch", "-q", &path, "+HEAD:refs/heads/given"]);
    if given.is_some() {
        repo.git(&["-c", "safe.directory=*", "fetch", "-q", &path, "+refs/*:refs/*"]);
    }
    Some(repo)
}

/// Major and minor version of the git at hand: some of its answers changed.
pub(crate) fn git_version() -> (u32, u32) {
    let version = TestRepo::new().git(&["--version"]);
    let mut numbers = version.split([' ', '.']).filter_map(|word| word.parse().ok());
    numbers.next().zip(numbers.next()).unwrap()
}

/// A small deterministic generator, so that a failing case can be run again by its seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Makes a random history: merges, roots, moved and deleted files, submodules, tags of everything, clocks that go wrong.
///
/// Shape: `count` commits on branches `b0`, `b1`, ... and `main`; all objects in packs or loose, as the seed decides.
pub(crate) fn random_history(repo: &TestRepo, random: &mut Random, count: usize) {
    const PATHS: [&str; 12] = [
        "a",
        "b",
        "c.txt",
        "dir/a",
        "dir/b",
        "dir/sub/x",
        "dir/sub/y",
        "dir.x",
        "dir0",
        "other/a",
        "other/deep/er/z",
        "z",
    ];
    let mut stream = String::new();
    let skew = random.chance(40);
    let same_time = random.chance(15);
    let mut contents = vec![String::from("empty\n")];
    for commit in 1..=count {
        let mut time = 1_600_000_000 + commit as u64 * 60;
        if skew && random.chance(20) {
            time = time.wrapping_add(random.next() % 20_000).wrapping_sub(10_000);
        }
        if same_time {
            time = 1_600_000_000;
        }
        let branch = if commit == count { "main".to_owned() } else { format!("b{}", random.below(count.div_ceil(4))) };
        stream.push_str("reset refs/heads/scratch\n\n");
        stream.push_str(&format!("commit refs/heads/scratch\nmark :{commit}\n"));
        stream.push_str(&format!("committer C <c@example.org> {time} +0000\ndata {}\n{commit:05}\n", 6));
        let mut parents: Vec<usize> = Vec::new();
        if commit > 1 && !random.chance(7) {
            for _ in 0..[1, 1, 1, 2, 2, 3][random.below(6)] {
                let near =
                    if random.chance(70) { commit.saturating_sub(1 + random.below(4)) } else { random.below(commit) };
                if near > 0 && !parents.contains(&near) {
                    parents.push(near);
                }
            }
        }
        for (at, parent) in parents.iter().enumerate() {
            stream.push_str(&format!("{} :{parent}\n", if at == 0 { "from" } else { "merge" }));
        }
        if random.chance(5) {
            stream.push_str("deleteall\n");
        }
        for _ in 0..random.below(5) {
            let path = PATHS[random.below(PATHS.len())];
            match random.below(20) {
                0 | 1 => stream.push_str(&format!("D {path}\n")),
                2 if parents.is_empty() => {}
                3 => stream.push_str(&format!("M 160000 {:040x} {path}\n", 0xabc + random.below(3))),
                kind => {
                    // Old content comes back now and then, and new content is often a small change of an old one.
                    let known = random.below(contents.len());
                    let text = match random.below(4) {
                        0 => contents[known].clone(),
                        1 => format!("fresh {}\n", random.next()),
                        _ => {
                            let mut lines: Vec<String> = contents[known].lines().map(str::to_owned).collect();
                            lines.extend((0..random.below(30)).map(|_| format!("line {}", random.next() % 1000)));
                            lines.join("\n") + "\n"
                        }
                    };
                    let mode = ["100644", "100755", "120000"][usize::from(kind == 4) + 2 * usize::from(kind == 5)];
                    stream.push_str(&format!("M {mode} inline {path}\ndata {}\n{text}\n", text.len()));
                    contents.push(text);
                }
            }
        }
        stream.push_str(&format!("\nreset refs/heads/{branch}\nfrom :{commit}\n\n"));
    }
    let tags = random.below(6);
    for tag in 0..tags {
        let target = if tag > 0 && random.chance(40) { count + tag } else { 1 + random.below(count) };
        if random.chance(25) {
            stream.push_str(&format!("reset refs/tags/light{tag}\nfrom :{}\n\n", 1 + random.below(count)));
        }
        stream.push_str(&format!(
            "tag t{tag}\nmark :{}\nfrom :{target}\ntagger C <c@example.org> 1600000000 +0000\ndata 2\nx\n\n",
            count + tag + 1
        ));
    }
    stream.push_str("reset refs/heads/scratch\nfrom 0000000000000000000000000000000000000000\n\n");
    let unpack = if random.chance(25) { "fastimport.unpackLimit=10000" } else { "fastimport.unpackLimit=1" };
    repo.git_with(&["-c", unpack, "fast-import", "--quiet"], stream.as_bytes());
    match random.below(4) {
        0 => drop(repo.git(&["repack", "-q", "-a", "-d", "-f"])),
        1 => drop(repo.git(&["repack", "-q", "-d"])),
        _ => {}
    }
    if random.chance(20) && repo.git(&["rev-parse", "main^{tree}"]) != "4b825dc642cb6eb9a060e54bf8d69288fbee4904" {
        // A tag of a tree, and one that is no tag object at all.
        repo.git(&["update-ref", "refs/tags/tree", "main^{tree}"]);
        repo.git(&["tag", "-a", "-m", "x", "tree-annotated", "main^{tree}"]);
    }
}
