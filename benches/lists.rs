//! How long does the server take to list what a large installation has?
//!
//! Questions, data, and what to read off: for each list the median, the 95th percentile and the longest of the times from the client's write to the last
//! byte of the answer. The 95th percentile is to stay under 20 ms.
//!
//! Data: 10,000 repositories (four of ten private) of 2,000 accounts and 150 organizations with 300 teams; some 200,000 refs, 20,000 of them branches of one
//! repository, which has 5,000 tags, too; 300 topics, three for each repository; 30,000 stars and watches. Rows are written into the database of a server
//! that is stopped; the one repository with many refs is pushed. The server is the real binary with its default settings, the client one HTTP/1.1
//! connection; the client's part and the kernel's are in the times. Machine of the figures in `docs/benchmarks.md`: named there.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up its data has nothing to measure")]
#![expect(
    clippy::disallowed_methods,
    reason = "the server is a process of its own, and its rows are made while it is stopped"
)]
#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]
#![allow(dead_code, reason = "not every bench uses all of what they share")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use atomicqms_git::pack::compose::compose;
use support::{run_git, scratch};

const PASSWORD: &str = "correct horse battery staple";
/// `admin:` and the password.
const BASIC: &str = "Basic YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ==";
const USERS: usize = 2_000;
const ORGANIZATIONS: usize = 150;
const REPOSITORIES: usize = 10_000;
const BRANCHES: usize = 20_000;
const TAGS: usize = 5_000;
/// Branches in one push: a request may name a limited number.
const PUSHED: usize = 4_000;
/// Times each list is asked for.
const ROUNDS: usize = 200;

/// Lists by name; `{}` is the address.
const LISTS: &[(&str, &str)] = &[
    ("repositories", "/repos/search?limit=30"),
    ("repositories, page 100", "/repos/search?limit=30&page=100"),
    ("repositories, q", "/repos/search?limit=30&q=audit"),
    ("repositories, q in descriptions", "/repos/search?limit=30&q=audit&includeDesc=true"),
    ("repositories, topic", "/repos/search?limit=30&q=audit&topic=true"),
    ("repositories, created", "/repos/search?limit=30&sort=created&order=desc"),
    ("repositories, updated", "/repos/search?limit=30&sort=updated&order=desc"),
    ("repositories, size", "/repos/search?limit=30&sort=size&order=desc"),
    ("repositories, stars", "/repos/search?limit=30&sort=stars&order=desc"),
    ("repositories, forks", "/repos/search?limit=30&sort=forks&order=desc"),
    ("repositories, id", "/repos/search?limit=30&sort=id"),
    ("repositories of an account", "/users/user7/repos?limit=30"),
    ("repositories of an organization", "/orgs/org9/repos?limit=30"),
    ("repositories, starred", "/users/user7/starred?limit=30"),
    ("organizations", "/orgs?limit=30"),
    ("accounts, q", "/users/search?q=1&limit=30"),
    ("topics, q", "/topics/search?q=a&limit=30"),
    ("branches of 20,000", "/repos/admin/large/branches?limit=30"),
    ("branches of 20,000, q", "/repos/admin/large/branches?limit=30&q=77"),
    ("branches of 20,000, page 300", "/repos/admin/large/branches?limit=30&page=300"),
    ("tags of 5,000", "/repos/admin/large/tags?limit=30"),
];
/// Lists that only an account has.
const OWN: &[(&str, &str)] =
    &[("own repositories", "/user/repos?limit=30"), ("own organizations", "/user/orgs?limit=30")];

/// The server, stopped when dropped.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(directory: &Path) -> Self {
        let data = directory.join("data");
        let told = data.join("run/http.addr");
        drop(std::fs::remove_file(&told));
        let log = std::fs::File::create(directory.join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_atomicqms"));
        command.args(["serve", "--http", "127.0.0.1:0", "--ssh", "off", "--data-dir"]).arg(&data);
        command.env_clear().env("ATOMICQMS_ADMIN_PASSWORD", PASSWORD).stdout(Stdio::null()).stderr(log);
        let mut process = command.spawn().unwrap();
        let asked = Instant::now();
        loop {
            let address = std::fs::read_to_string(&told).unwrap_or_default();
            if !address.is_empty() && TcpStream::connect(address.trim()).is_ok() {
                break Self { process, address: address.trim().to_owned() };
            }
            assert!(process.try_wait().unwrap().is_none() && asked.elapsed() < Duration::from_secs(60), "no start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn connect(&self) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        BufReader::with_capacity(256 * 1024, stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Sends a request to the API and answers the body.
fn ask(connection: &mut BufReader<TcpStream>, method: &str, path: &str, auth: &str, body: &str) -> String {
    let auth = if auth.is_empty() { String::new() } else { format!("Authorization: {auth}\r\n") };
    let head = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: bench\r\n{auth}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
    let (mut length, mut status, mut line) = (0, String::new(), String::new());
    loop {
        line.clear();
        connection.read_line(&mut line).unwrap();
        if status.is_empty() {
            status.clone_from(&line);
        }
        let header = line.trim_end().to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if header.is_empty() {
            break;
        }
    }
    let mut answer = vec![0; length];
    connection.read_exact(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(status.starts_with("HTTP/1.1 2"), "{path}: {status}{answer}");
    answer
}

/// The `sha1` of a new token of an account.
fn token(connection: &mut BufReader<TcpStream>, login: &str) -> String {
    let body = r#"{"name": "bench", "scopes": ["all"]}"#;
    let made = ask(connection, "POST", &format!("/users/{login}/tokens"), BASIC, body);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    format!("token {}", made["sha1"].as_str().unwrap())
}

/// `admin/large`, pushed: each branch at a commit of its own, one history.
fn push_large(server: &Server, scratch: &Path) {
    let path = scratch.join("large.git");
    std::fs::create_dir(&path).unwrap();
    run_git(&path, &["init", "--quiet", "--bare", "."], "");
    let mut stream = String::from("blob\nmark :1\ndata 2\nx\n");
    for at in 0..BRANCHES {
        let (mark, time) = (at + 2, 1_600_000_000 + (at * 7919) % 90_000_000);
        stream.push_str(&format!(
            "commit refs/heads/main\nmark :{mark}\ncommitter Ada <ada@example.org> {time} +0000\ndata 2\nc\nM 100644 :1 f{}\n",
            at % 50
        ));
    }
    // One pack, however few objects there are.
    run_git(&path, &["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--export-marks=marks"], &stream);
    let marks = std::fs::read_to_string(path.join("marks")).unwrap();
    let mut commits = vec![""; BRANCHES];
    for line in marks.lines() {
        let (mark, id) = line.split_once(' ').unwrap();
        if let Some(at) = mark[1..].parse::<usize>().unwrap().checked_sub(2) {
            commits[at] = id;
        }
    }
    let branches = commits.iter().enumerate().map(|(at, id)| format!("refs/heads/review/{}/{at} {id}", at / PUSHED));
    let tags = commits.iter().take(TAGS).enumerate().map(|(at, id)| format!("refs/tags/v{at} {id}"));
    let refs: Vec<String> = branches.chain(tags).collect();
    // Written by hand: git's own client takes more than a minute for each of these pushes.
    let packs = path.join("objects/pack");
    let pack = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "pack")).unwrap();
    push(server, &[format!("refs/heads/main {}", commits[BRANCHES - 1])], &std::fs::read(pack).unwrap());
    let nothing = compose(&[]).unwrap();
    for part in refs.chunks(PUSHED) {
        push(server, part, &nothing);
    }
}

/// Makes refs, given as name and value, with the objects of a pack.
fn push(server: &Server, refs: &[String], pack: &[u8]) {
    let mut body = Vec::new();
    for (at, line) in refs.iter().enumerate() {
        let (name, id) = line.split_once(' ').unwrap();
        let capabilities = if at == 0 { "\0report-status" } else { "" };
        let command = format!("{} {id} {name}{capabilities}", "0".repeat(40));
        body.extend_from_slice(format!("{:04x}{command}", command.len() + 4).as_bytes());
    }
    body.extend_from_slice(b"0000");
    body.extend_from_slice(pack);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let head = format!(
        "POST /admin/large.git/git-receive-pack HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nAuthorization: {BASIC}\r\n\
         Content-Type: application/x-git-receive-pack-request\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let landed = answer.matches("ok refs/").count();
    assert!(answer.contains("unpack ok") && landed == refs.len(), "{landed} of {}: {answer}", refs.len());
}

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

const WORDS: [&str; 15] = [
    "cleaning",
    "training",
    "audit",
    "supplier",
    "capa",
    "batch",
    "label",
    "risk",
    "validation",
    "change",
    "deviation",
    "release",
    "storage",
    "transport",
    "calibration",
];

/// Writes the rows of everything but the large repository.
fn fill(database: &Path) {
    let conn = rusqlite::Connection::open(database).unwrap();
    let mut chance = Chance(7);
    let at = 1_700_000_000_000_i64;
    conn.execute_batch("PRAGMA synchronous = OFF; BEGIN").unwrap();
    let first: i64 = conn.query_row("SELECT MAX(id) + 1 FROM users", [], |row| row.get(0)).unwrap();
    let id = |place: usize| first + i64::try_from(place).unwrap();
    let visibility = |part: usize| match part {
        0..=89 => "public",
        90..=96 => "limited",
        _ => "private",
    };
    for place in 0..USERS + ORGANIZATIONS {
        let is_organization = place >= USERS;
        let login = if is_organization { format!("org{}", place - USERS) } else { format!("user{place}") };
        let email = (!is_organization).then(|| format!("{login}@example.org"));
        conn.prepare_cached(
            "INSERT INTO users (id, login, login_key, full_name, email, email_key, visibility, password_hash, is_organization, \
             created_ms, updated_ms) VALUES (?1, ?2, ?2, ?3, COALESCE(?4, ''), ?4, ?5, '', ?6, ?7, ?7)",
        )
        .unwrap()
        .execute(rusqlite::params![
            id(place),
            login,
            format!("Person {place}"),
            email,
            // Those who are asked about are seen by everybody.
            if matches!(place, 7) || place == USERS + 9 { "public" } else { visibility(chance.below(100)) },
            is_organization,
            at
        ])
        .unwrap();
    }
    let before: i64 = conn.query_row("SELECT MAX(id) FROM repository", [], |row| row.get(0)).unwrap();
    let mut of_owner: Vec<Vec<i64>> = vec![Vec::new(); USERS + ORGANIZATIONS];
    for number in 1..=REPOSITORIES {
        let repo = before + i64::try_from(number).unwrap();
        let owner = if chance.below(10) < 6 { chance.below(USERS) } else { USERS + chance.below(ORGANIZATIONS) };
        of_owner[owner].push(repo);
        let (word, other) = (WORDS[chance.below(15)], WORDS[chance.below(15)]);
        let moment = at + i64::try_from(chance.below(1_000_000_000)).unwrap();
        conn.prepare_cached(
            "INSERT INTO repository (id, owner_id, name, name_key, description, default_branch, is_private, size_bytes, created_ms, \
             updated_ms, pushed_ms) VALUES (?1, ?2, ?3, ?3, ?4, 'main', ?5, ?6, ?7, ?8, ?8)",
        )
        .unwrap()
        .execute(rusqlite::params![
            repo,
            id(owner),
            format!("{word}-{number}"),
            format!("Procedures about {word} and {other}"),
            chance.below(10) < 4,
            i64::try_from(chance.below(100_000_000)).unwrap(),
            at + repo,
            moment
        ])
        .unwrap();
        for branch in 0..17 {
            let name = match branch {
                0 => "refs/heads/main".to_owned(),
                1..=12 => format!("refs/heads/review/{branch}"),
                _ => format!("refs/tags/v{branch}"),
            };
            conn.prepare_cached("INSERT INTO refs (repo_id, name, target) VALUES (?1, ?2, ?3)")
                .unwrap()
                .execute(rusqlite::params![repo, name, [7_u8; 20]])
                .unwrap();
        }
    }
    for organization in 0..ORGANIZATIONS {
        let place = USERS + organization;
        for (name, level, all, size) in [("owners", "owner", true, 5), ("writers", "write", false, 20)] {
            conn.execute(
                "INSERT INTO team (org_id, name, name_key, level, includes_all_repositories, created_ms, updated_ms) \
                 VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?5)",
                rusqlite::params![id(place), name, level, all, at],
            )
            .unwrap();
            let team = conn.last_insert_rowid();
            if !all {
                conn.execute("INSERT INTO team_unit VALUES (?1, 'repo.code', 'write')", [team]).unwrap();
                for repo in of_owner[place].iter().take(15) {
                    conn.execute("INSERT INTO team_repository VALUES (?1, ?2, ?3)", [team, *repo, at]).unwrap();
                }
            }
            for _ in 0..size {
                let user = id(chance.below(USERS));
                conn.execute("INSERT OR IGNORE INTO team_member VALUES (?1, ?2, ?3)", [team, user, at]).unwrap();
                let sql = "INSERT OR IGNORE INTO organization_member VALUES (?1, ?2, 0, ?3)";
                conn.execute(sql, [id(place), user, at]).unwrap();
            }
        }
    }
    let some_repo = |chance: &mut Chance| before + 1 + i64::try_from(chance.below(REPOSITORIES)).unwrap();
    for _ in 0..8_000 {
        let (repo, user) = (some_repo(&mut chance), id(chance.below(USERS)));
        let sql = "INSERT OR IGNORE INTO collaboration VALUES (?1, ?2, 'write', ?3, ?3)";
        conn.execute(sql, [repo, user, at]).unwrap();
    }
    for number in 0..300 {
        let word = WORDS[number % 15];
        let name = if number < 15 { word.to_owned() } else { format!("{word}-{number}") };
        conn.execute(
            "INSERT INTO topic (name, created_ms, updated_ms) VALUES (?1, ?2, ?2)",
            rusqlite::params![name, at],
        )
        .unwrap();
    }
    for number in 1..=REPOSITORIES {
        for topic in [chance.below(300), chance.below(300), chance.below(15)] {
            let (repo, topic) = (before + i64::try_from(number).unwrap(), i64::try_from(topic + 1).unwrap());
            conn.prepare_cached("INSERT OR IGNORE INTO repository_topic (repo_id, topic_id) VALUES (?1, ?2)")
                .unwrap()
                .execute([repo, topic])
                .unwrap();
        }
    }
    for table in ["star", "watch"] {
        for _ in 0..30_000 {
            let (user, repo) = (id(chance.below(USERS)), some_repo(&mut chance));
            let sql = format!("INSERT OR IGNORE INTO {table} VALUES (?1, ?2, ?3)");
            conn.prepare_cached(&sql).unwrap().execute([user, repo, at]).unwrap();
        }
    }
    conn.execute_batch("COMMIT").unwrap();
}

/// Asks for one list again and again.
fn measure(connection: &mut BufReader<TcpStream>, who: &str, name: &str, path: &str, auth: &str) -> bool {
    let first = Instant::now();
    ask(connection, "GET", path, auth, "");
    let first = first.elapsed();
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let asked = Instant::now();
            ask(connection, "GET", path, auth, "");
            asked.elapsed()
        })
        .collect();
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let (median, p95, longest) = (times[ROUNDS / 2], times[ROUNDS * 95 / 100], times[ROUNDS - 1]);
    let mark = if ms(p95) < 20.0 { "" } else { "  over 20 ms" };
    println!(
        "{who:10} {name:34} first {:8.2}  median {:7.2}  p95 {:7.2}  longest {:7.2} ms{mark}",
        ms(first),
        ms(median),
        ms(p95),
        ms(longest)
    );
    mark.is_empty()
}

fn main() {
    // `cargo test --benches` only wants to see it run.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let directory = scratch();
    let server = Server::start(directory.path());
    ask(&mut server.connect(), "POST", "/user/repos", BASIC, r#"{"name": "large"}"#);
    push_large(&server, directory.path());
    // Long enough for what was pushed to reach its files.
    std::thread::sleep(Duration::from_secs(12));
    drop(server);
    fill(&directory.path().join("data/atomicqms.db"));
    let server = Server::start(directory.path());
    let mut connection = server.connect();
    let (ordinary, admin) = (token(&mut connection, "user42"), token(&mut connection, "admin"));
    let mut is_met = true;
    for (who, auth) in [("anonymous", ""), ("account", ordinary.as_str()), ("admin", admin.as_str())] {
        for (name, path) in LISTS {
            is_met &= measure(&mut connection, who, name, path, auth);
        }
        if !auth.is_empty() {
            for (name, path) in OWN {
                is_met &= measure(&mut connection, who, name, path, auth);
            }
        }
    }
    println!("{}", if is_met { "every list stays under 20 ms" } else { "not every list stays under 20 ms" });
}
