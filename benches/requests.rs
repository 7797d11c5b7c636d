//! What does a whole request cost, from the client's write to the last byte of the answer?
//!
//! Questions, data, and what to read off:
//! - `request/info-refs`: the first request of every git client, with permission check, access log and metrics.
//! - `request/ls-refs`: the list of 5,000 refs, from what is kept.
//! - `request/clone-kept`: a full clone of the SOP repository of 500 commits, from what is kept; bytes are those of the answer.
//! - `request/fetch-new`: one commit behind, asked for by a client that says something else each time, so that nothing kept answers it.
//! - `request/push`: one commit to a branch, durable; making the pack is not measured.
//! - `push-under/*`: the same to repositories with rules: what a rule costs is the ratio to `no-rule`, which is measured before and after the others, so that the
//!   difference of these two shows what the machine's noise comes to. `--bench requests -- push-under` runs these alone.
//!
//! The server is the real binary with its default settings on a scratch directory, the client one HTTP/1.1 connection; times hold the client's part and
//! the kernel's, and one request waits for the one before. Machine of the figures in `docs/benchmarks.md`: named there.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up its data has nothing to measure")]
#![expect(clippy::disallowed_methods, reason = "the data is made by real git, and the server is a process of its own")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use atomicqms_git::ObjectId;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use ssh_key::private::{Ed25519Keypair, PrivateKey};
use ssh_key::{HashAlg, LineEnding};
use support::{make_sop_repository, run_git, scratch, small_commit, small_commit_by};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";
/// `admin:` and the password.
const BASIC: &str = "YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==";
const LS_REFS: &[u8] = b"0014command=ls-refs\n00010009peel\n000csymrefs\n0000";

/// The server, stopped when dropped.
struct Server {
    process: Child,
    address: String,
    _directory: TempDir,
}

impl Server {
    fn start() -> Self {
        // On the disk of the build, not on a tmpfs: flushes are part of what is measured.
        let directory = scratch();
        let data = directory.path().join("data");
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_atomicqms"));
        command.args(["serve", "--http", "127.0.0.1:0", "--ssh", "off", "--data-dir"]).arg(&data);
        command.env_clear().env("ATOMICQMS_ADMIN_PASSWORD", PASSWORD).stdout(Stdio::null()).stderr(log);
        let mut process = command.spawn().unwrap();
        let asked = Instant::now();
        loop {
            let address = std::fs::read_to_string(data.join("run/http.addr")).unwrap_or_default();
            if !address.is_empty() && TcpStream::connect(address.trim()).is_ok() {
                break Self { process, address: address.trim().to_owned(), _directory: directory };
            }
            assert!(process.try_wait().unwrap().is_none() && asked.elapsed() < Duration::from_secs(30), "no start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn connect(&self) -> Connection {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { reader: BufReader::with_capacity(256 * 1024, stream), body: Vec::new() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A client that keeps its connection.
struct Connection {
    reader: BufReader<TcpStream>,
    body: Vec<u8>,
}

impl Connection {
    /// Sends a request and reads the whole answer; answers the bytes of its body, which stay in `body`.
    fn ask(&mut self, request: &[u8]) -> usize {
        self.reader.get_mut().write_all(request).unwrap();
        let (mut length, mut status, mut line) = (None, String::new(), String::new());
        loop {
            line.clear();
            self.reader.read_line(&mut line).unwrap();
            if status.is_empty() {
                status.clone_from(&line);
            }
            let header = line.trim_end().to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = Some(value.trim().parse::<usize>().unwrap());
            }
            if header.is_empty() {
                break;
            }
        }
        assert!(status.starts_with("HTTP/1.1 2"), "{status}");
        self.body.clear();
        match length {
            Some(length) => drop(self.reader.by_ref().take(length as u64).read_to_end(&mut self.body).unwrap()),
            None => self.read_chunks(),
        }
        self.body.len()
    }

    fn read_chunks(&mut self) {
        let mut line = String::new();
        loop {
            line.clear();
            self.reader.read_line(&mut line).unwrap();
            let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
            self.reader.by_ref().take(size as u64).read_to_end(&mut self.body).unwrap();
            line.clear();
            self.reader.read_line(&mut line).unwrap();
            if size == 0 {
                return;
            }
        }
    }
}

fn post(path: &str, kind: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn upload(repository: &str, body: &[u8]) -> Vec<u8> {
    let path = format!("/admin/{repository}.git/git-upload-pack");
    post(&path, "application/x-git-upload-pack-request", "Git-Protocol: version=2\r\n", body)
}

/// Makes a token; answers the header that shows it.
fn sign_in(connection: &mut Connection) -> String {
    let more = format!("Authorization: Basic {BASIC}\r\n");
    let wanted = br#"{"name": "bench", "scopes": ["all"]}"#;
    connection.ask(&post("/api/v1/users/admin/tokens", "application/json", &more, wanted));
    let answer: serde_json::Value = serde_json::from_slice(&connection.body).unwrap();
    format!("Authorization: token {}", answer["sha1"].as_str().unwrap())
}

/// Makes the SOP repository, and pushes it as `sop`, and as `refs` with 5,000 branches more; answers the commits of main, newest first.
fn fill(server: &Server, scratch: &Path, authorization: &str) -> Vec<String> {
    let sop = make_sop_repository(scratch);
    let mut api = server.connect();
    for name in ["sop", "refs"] {
        let body = format!(r#"{{"name": "{name}"}}"#);
        api.ask(&post("/api/v1/user/repos", "application/json", &format!("{authorization}\r\n"), body.as_bytes()));
    }
    let commits = String::from_utf8(run_git(&sop, &["rev-list", "--first-parent", "main"], "")).unwrap();
    let commits: Vec<String> = commits.lines().map(str::to_owned).collect();
    let header = format!("http.extraHeader={authorization}");
    let push = |name: &str, specs: &str| {
        let url = format!("http://{}/admin/{name}.git", server.address);
        run_git(&sop, &["-c", &header, "push", "--quiet", &url, specs], "");
    };
    push("sop", "refs/heads/*:refs/heads/*");
    let created = (0..5000).map(|n| format!("create refs/heads/review/{n} {}\n", commits[n % commits.len()]));
    run_git(&sop, &["update-ref", "--stdin"], &created.collect::<String>());
    push("refs", "refs/heads/*:refs/heads/*");
    commits
}

/// The request that pushes a commit to a branch of its own.
fn push_request(
    repository: &str,
    parent: Option<ObjectId>,
    (id, pack): (ObjectId, Vec<u8>),
    authorization: &str,
) -> (ObjectId, Vec<u8>) {
    let old = parent.map_or_else(|| "0".repeat(40), |id| id.to_string());
    let line = format!("{old} {id} refs/heads/bench\0 report-status side-band-64k object-format=sha1");
    let mut body = format!("{:04x}{line}0000", line.len() + 4).into_bytes();
    body.extend_from_slice(&pack);
    let more = format!("{authorization}\r\n");
    let path = format!("/admin/{repository}.git/git-receive-pack");
    (id, post(&path, "application/x-git-receive-pack-request", &more, &body))
}

/// The server took what was pushed and moved the branch.
fn assert_landed(connection: &Connection) {
    let has = |text: &[u8]| connection.body.windows(text.len()).any(|found| found == text);
    assert!(has(b"unpack ok") && has(b"ok refs/heads/bench"), "{}", String::from_utf8_lossy(&connection.body));
}

/// Repositories by what is asked of a push, with the rules that they have; those that are `true` get signed commits.
const RULES: &[(&str, &[&str], bool)] = &[
    ("no-rule", &[], false),
    ("rule-of-another-branch", &[r#"{"rule_name": "release/*", "enable_push": true}"#], false),
    ("rule-that-looks-at-nothing", &[r#"{"rule_name": "bench", "enable_push": true}"#], false),
    ("unsigned-files", &[FILES_RULE], false),
    ("no-rule-signed", &[], true),
    ("signed", &[r#"{"rule_name": "bench", "enable_push": true, "require_signed_commits": true}"#], true),
    ("signed-files", &[SIGNED_FILES_RULE], true),
];
const FILES_RULE: &str = r#"{"rule_name": "bench", "enable_push": true, "protected_file_patterns": "*.lock;secret/**",
    "unprotected_file_patterns": "docs/**"}"#;
const SIGNED_FILES_RULE: &str = r#"{"rule_name": "bench", "enable_push": true, "require_signed_commits": true,
    "protected_file_patterns": "*.lock;secret/**", "unprotected_file_patterns": "docs/**"}"#;

/// Pushes to repositories with rules, each on a branch that grows.
fn push_under_rules(group: &mut BenchmarkGroup<'_, WallTime>, connection: &mut Connection, authorization: &str) {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
    let more = format!("{authorization}\r\n");
    let public = key.public_key().to_openssh().unwrap();
    let body = format!(r#"{{"title": "bench", "key": "{public}"}}"#);
    connection.ask(&post("/api/v1/user/keys", "application/json", &more, body.as_bytes()));
    let sign = |payload: &[u8]| {
        let signature = key.sign("git", HashAlg::Sha512, payload).unwrap();
        Some(signature.to_pem(LineEnding::LF).unwrap())
    };
    let again = ("no-rule-again", &[][..], false);
    for (name, rules, is_signed) in RULES.iter().copied().chain([again]) {
        let body = format!(r#"{{"name": "{name}"}}"#);
        connection.ask(&post("/api/v1/user/repos", "application/json", &more, body.as_bytes()));
        for rule in rules {
            let path = format!("/api/v1/repos/admin/{name}/branch_protections");
            connection.ask(&post(&path, "application/json", &more, rule.as_bytes()));
        }
        let (mut tip, mut number) = (None, 0);
        let mut push = || {
            number += 1;
            let commit = if is_signed { small_commit_by(tip, number, &sign) } else { small_commit(tip, number) };
            let (id, request) = push_request(name, tip, commit, authorization);
            tip = Some(id);
            request
        };
        group.bench_function(name, |bench| {
            let land = |request: Vec<u8>| connection.ask(&request);
            bench.iter_batched(&mut push, land, BatchSize::PerIteration);
        });
        // Whichever were not asked for by name have pushed nothing.
        if number > 0 {
            assert_landed(connection);
        }
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let server = Server::start();
    let scratch = scratch();
    let mut connection = server.connect();
    let authorization = sign_in(&mut connection);
    let commits = fill(&server, scratch.path(), &authorization);
    let mut group = criterion.benchmark_group("request");

    let info_refs =
        b"GET /admin/sop.git/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: bench\r\nGit-Protocol: version=2\r\n\r\n";
    group.bench_function("info-refs", |bench| bench.iter(|| connection.ask(info_refs)));

    let refs = upload("refs", LS_REFS);
    group.throughput(Throughput::Bytes(connection.ask(&refs) as u64));
    group.bench_function("ls-refs", |bench| bench.iter(|| connection.ask(&refs)));

    let want = &commits[0];
    let clone =
        upload("sop", format!("0011command=fetch0001000eofs-delta\n0032want {want}\n0009done\n0000").as_bytes());
    // Kept from the second time on.
    for _ in 0..3 {
        connection.ask(&clone);
    }
    group.throughput(Throughput::Bytes(connection.ask(&clone) as u64));
    group.bench_function("clone-kept", |bench| bench.iter(|| connection.ask(&clone)));

    group.throughput(Throughput::Elements(1));
    let mut unknown = 0_u64;
    let mut fetch = || {
        unknown += 1;
        let have = &commits[1];
        let body = format!(
            "0011command=fetch0001000eofs-delta\n000ethin-pack\n0032want {want}\n0032have {have}\n0032have {unknown:040x}\n0009done\n0000"
        );
        upload("sop", body.as_bytes())
    };
    group.bench_function("fetch-new", |bench| {
        bench.iter_batched(&mut fetch, |request| connection.ask(&request), BatchSize::SmallInput);
    });

    let (mut tip, mut number) = (None, 0);
    let mut push = || {
        number += 1;
        let (id, request) = push_request("sop", tip, small_commit(tip, number), &authorization);
        tip = Some(id);
        request
    };
    group.bench_function("push", |bench| {
        let land = |request: Vec<u8>| {
            connection.ask(&request);
            assert_landed(&connection);
        };
        bench.iter_batched(&mut push, land, BatchSize::PerIteration);
    });
    group.finish();

    let mut group = criterion.benchmark_group("push-under");
    push_under_rules(&mut group, &mut connection, &authorization);
    group.finish();
    criterion.final_summary();
}
