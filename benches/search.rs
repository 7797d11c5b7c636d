//! How fast is code searched and indexed, what does the index take, and what does a push cost more for it?
//!
//! Questions, data, and what to read off:
//! - `index`: files and bytes a second until the last of all repositories can be searched, and bytes of index for each byte of text.
//! - `search/*`: p50 and p95 of whole requests, each on a connection of its own. To stay under 50 ms.
//! - `push/*`: p50 of one small push after another, to the default branch (which is indexed) and to another one (which is not).
//! - `ask`: what the row of the job costs inside of the transaction of a push.
//!
//! Data: 200 repositories with 500 files each, made of lines of this project's own sources, chosen at random with a fixed seed, pushed by real git to the real binary
//! with its default settings. `ATOMICQMS_BENCH_REPOSITORIES` makes it smaller. No criterion here: the requests differ from each other, and it is percentiles that are wanted.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up its data has nothing to measure")]
#![expect(clippy::disallowed_methods, reason = "the data is made by real git, and the server is a process of its own")]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![allow(dead_code, reason = "not every bench uses all of what they share")]

mod support;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use atomicqms::model::UtcMs;
use atomicqms_git::ObjectId;
use support::{run_git, scratch, small_commit};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";
/// `admin:` and the password.
const BASIC: &str = "YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==";
const FILES: usize = 500;
const LINES: usize = 70;
const ROUNDS: usize = 60;
const PUSHES: usize = 200;

struct Server {
    process: Child,
    address: String,
    directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = scratch();
        let data = directory.path().join("data");
        let mut command = Command::new(env!("CARGO_BIN_EXE_atomicqms"));
        command.args(["serve", "--http", "127.0.0.1:0", "--ssh", "off", "--data-dir"]).arg(&data);
        command.env_clear().env("ATOMICQMS_ADMIN_PASSWORD", PASSWORD).stdout(Stdio::null()).stderr(Stdio::null());
        // Its drop waits for the process, however this ends.
        let mut server = Self { process: command.spawn().unwrap(), address: String::new(), directory };
        let asked = Instant::now();
        loop {
            let address = std::fs::read_to_string(data.join("run/http.addr")).unwrap_or_default();
            if !address.is_empty() && TcpStream::connect(address.trim()).is_ok() {
                address.trim().clone_into(&mut server.address);
                break server;
            }
            assert!(asked.elapsed() < Duration::from_secs(30), "no start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Basic {BASIC}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
        answer
    }

    fn search(&self, query: &str) -> String {
        self.ask("GET", &format!("/api/v1/search/code?{query}"), "x", b"")
    }

    fn create(&self, name: &str) {
        self.ask("POST", "/api/v1/user/repos", "application/json", format!("{{\"name\":\"{name}\"}}").as_bytes());
    }

    fn index_bytes(&self) -> u64 {
        let size = |name: &str| {
            std::fs::metadata(self.directory.path().join("data/search").join(name)).map_or(0, |found| found.len())
        };
        size("code.db") + size("code.db-wal")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }
}

/// Every line of this project's sources.
fn lines(directory: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            lines(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.extend(std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned));
        }
    }
}

/// Makes and pushes one repository; answers the bytes of its texts.
fn push_repository(server: &Server, number: usize, lines: &[String], random: &mut Random) -> usize {
    let directory = scratch();
    let mut stream = "commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n".to_owned();
    let mut bytes = 0;
    for file in 0..FILES {
        let mut text = format!("// file_{number}_{file}\n");
        for _ in 0..LINES / 2 + random.below(LINES) {
            text += &lines[random.below(lines.len())];
            text.push('\n');
        }
        bytes += text.len();
        write!(stream, "M 100644 inline src/part{}/file{file}.rs\ndata {}\n{text}\n", file % 20, text.len()).unwrap();
    }
    run_git(directory.path(), &["init", "--quiet", "--bare", "."], "");
    run_git(directory.path(), &["fast-import", "--quiet"], &stream);
    let url = format!("http://admin:{}@{}/admin/r{number}.git", PASSWORD.replace(' ', "%20"), server.address);
    server.create(&format!("r{number}"));
    run_git(directory.path(), &["push", "--quiet", &url, "main"], "");
    bytes
}

/// p50 and p95 in milliseconds.
fn percentiles(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    (at(50), at(95))
}

/// Small pushes, one after another, to a branch of a new repository.
fn pushes(server: &Server, name: &str, branch: &str) -> (f64, f64) {
    server.create(name);
    let zero = "0".repeat(40);
    let path = format!("/admin/{name}.git/git-receive-pack");
    let push = |branch: &str, old: Option<ObjectId>, id: ObjectId, pack: &[u8]| {
        let old = old.map_or(zero.clone(), |id| id.to_string());
        let command = format!("{old} {id} refs/heads/{branch}\0report-status\n");
        let body = [format!("{:04x}{command}0000", command.len() + 4).as_bytes(), pack].concat();
        let began = Instant::now();
        let answer = server.ask("POST", &path, "application/x-git-receive-pack-request", &body);
        assert!(answer.contains(&format!("ok refs/heads/{branch}")), "{answer}");
        began.elapsed()
    };
    // The first branch becomes the default one.
    let (first, pack) = small_commit(None, 0);
    push("main", None, first, &pack);
    let mut old = (branch == "main").then_some(first);
    let mut parent = first;
    let mut times = Vec::new();
    for number in 1..=PUSHES as u64 {
        let (id, pack) = small_commit(Some(parent), number);
        times.push(push(branch, old, id, &pack));
        (old, parent) = (Some(id), id);
    }
    percentiles(times)
}

/// The statement that asks for the job, alone: the first time and when one waits already. Microseconds.
fn asking() -> (f64, f64) {
    let conn = rusqlite::Connection::open_in_memory().unwrap();
    conn.set_prepared_statement_cache_capacity(64);
    atomicqms::db::migrate::migrate(&conn).unwrap();
    let ask = |key: &str| {
        atomicqms::db::jobs::schedule(&conn, "repository.index", key, UtcMs::new(1), UtcMs::new(0)).unwrap()
    };
    let count = 20_000;
    conn.execute_batch("BEGIN").unwrap();
    let began = Instant::now();
    (0..count).for_each(|number| ask(&number.to_string()));
    let first = began.elapsed();
    let began = Instant::now();
    (0..count).for_each(|number| ask(&number.to_string()));
    let again = began.elapsed();
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
    (micros(first), micros(again))
}

fn main() {
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let repositories =
        std::env::var("ATOMICQMS_BENCH_REPOSITORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let mut sources = Vec::new();
    lines(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    let server = Server::start();
    let mut random = Random(7);
    let began = Instant::now();
    let bytes: usize = (0..repositories).map(|number| push_repository(&server, number, &sources, &mut random)).sum();
    let pushed = began.elapsed();
    let total = (repositories * FILES) as f64;
    // Jobs run in the order in which they were asked for.
    let last = format!("q=file_{}_{}", repositories - 1, FILES - 1);
    while !server.search(&last).contains("\"line\":1") {
        assert!(began.elapsed() < Duration::from_secs(3600), "never indexed");
        std::thread::sleep(Duration::from_millis(50));
    }
    let indexed = began.elapsed();
    println!("data: {total} files, {:.0} MB of text; pushed in {pushed:.1?}", bytes as f64 / 1e6);
    println!(
        "index: searchable after {indexed:.1?}: {:.0} files/s, {:.1} MB/s (pushes included); {:.2} bytes for each byte of text",
        total / indexed.as_secs_f64(),
        bytes as f64 / 1e6 / indexed.as_secs_f64(),
        server.index_bytes() as f64 / bytes as f64
    );
    // As after a restart of the job: the same work without pushes beside it.
    let queries: [(&str, Vec<String>); 7] = [
        (
            "search/one-file",
            (0..ROUNDS).map(|at| format!("q=file_{}_{}", at * 7 % repositories, at * 13 % FILES)).collect(),
        ),
        (
            "search/rare-phrase",
            ["collision", "hexadecimal", "interrupt_after", "backpressure"].map(|word| format!("q={word}")).to_vec(),
        ),
        (
            "search/common-phrase",
            ["pub%20fn", "return", "Result", "let%20mut", "self."].map(|word| format!("q={word}")).to_vec(),
        ),
        ("search/page-5", ["pub%20fn", "unwrap", "impl"].map(|word| format!("q={word}&page=5")).to_vec()),
        (
            "search/one-repository",
            (0..ROUNDS).map(|at| format!("q=Connection&repo=admin/r{}", at * 11 % repositories)).collect(),
        ),
        (
            "search/regexp",
            ["fn%20%5Cw%2B_of%5C(", "Vec%3C(u8%7Cu32)%3E", "impl.*for%20Kind"]
                .map(|word| format!("mode=regexp&q={word}"))
                .to_vec(),
        ),
        (
            "search/absent",
            ["zzqxj", "no_such_name_anywhere", "the%20and%20ing%20ion%20ent"].map(|word| format!("q={word}")).to_vec(),
        ),
    ];
    for (name, queries) in &queries {
        let mut times = Vec::new();
        let mut incomplete = 0;
        for query in queries.iter().cycle().take(ROUNDS) {
            let began = Instant::now();
            let answer = server.search(query);
            times.push(began.elapsed());
            incomplete += usize::from(answer.contains("\"incomplete\":true"));
        }
        let (p50, p95) = percentiles(times);
        println!("{name}: p50 {p50:.1} ms, p95 {p95:.1} ms, {incomplete} of {ROUNDS} incomplete");
    }
    let (off, on) = (pushes(&server, "side", "side"), pushes(&server, "main", "main"));
    let (off2, on2) = (pushes(&server, "side2", "zide"), pushes(&server, "main2", "main"));
    println!(
        "push/not-indexed: p50 {:.2} and {:.2} ms; push/indexed: p50 {:.2} and {:.2} ms",
        off.0, off2.0, on.0, on2.0
    );
    let (first, again) = asking();
    println!("ask: {first:.1} us the first time, {again:.1} us when a job waits already");
}
