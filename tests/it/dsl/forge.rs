//! A running server: the built binary on a data directory of its own.
//!
//! Owns start, readiness, stop, kill and restart, and the examination that every test ends with. `finish` proves what
//! must hold whatever the test did; dropping a forge without it fails the test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::evidence::Evidence;
use super::http::{Call, Reply};
use super::persona::{Credential, Persona};
use super::wait::{PATIENCE, until};
use super::{Git, evidence};

/// The server under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_atomicqms");

/// A password that must never appear in a log.
pub(crate) const ADMIN_PASSWORD: &str = "canary-admin-Rk7vQ2nLw9";

/// How to start a server that differs from the usual one.
pub(crate) struct Start {
    env: BTreeMap<String, String>,
    wrapper: Vec<String>,
    data_dir: Option<PathBuf>,
    expects_errors: bool,
    ssh: bool,
}

/// What personas share with the forge: where it listens now, and the secrets that must not leak.
pub(crate) struct Shared {
    addr: Mutex<SocketAddr>,
    secrets: Mutex<Vec<String>>,
}

impl Shared {
    pub(crate) fn addr(&self) -> SocketAddr {
        *self.addr.lock().unwrap()
    }

    pub(crate) fn guard_secret(&self, secret: &str) {
        self.secrets.lock().unwrap().push(secret.to_owned());
    }
}

/// A server process and its data directory.
pub(crate) struct Forge {
    start: Start,
    child: Option<Child>,
    data_dir: PathBuf,
    scratch: TempDir,
    shared: Arc<Shared>,
    personas: Mutex<BTreeMap<String, Persona>>,
    starts: u32,
    finished: bool,
}

impl Start {
    /// Sets `ATOMICQMS__section__key`.
    pub(crate) fn setting(mut self, section: &str, key: &str, value: impl ToString) -> Self {
        self.env.insert(format!("ATOMICQMS__{section}__{key}"), value.to_string());
        self
    }

    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.env.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Changes a setting of later starts.
    pub(crate) fn replace(&mut self, section: &str, key: &str, value: impl ToString) {
        self.env.insert(format!("ATOMICQMS__{section}__{key}"), value.to_string());
    }

    pub(crate) fn without_env(mut self, key: &str) -> Self {
        self.env.remove(key);
        self
    }

    /// Runs the server under another program, which must `exec` it or keep its process id.
    pub(crate) fn wrapper(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    pub(crate) fn data_dir(mut self, path: &Path) -> Self {
        self.data_dir = Some(path.to_owned());
        self
    }

    /// Switches the SSH server on, with an RSA host key made beforehand: making one takes our server a while.
    pub(crate) fn ssh(mut self) -> Self {
        self.ssh = true;
        self
    }

    /// Says that the test makes the server fail inwardly, so lines of level ERROR are no surprise.
    pub(crate) fn expecting_errors(mut self) -> Self {
        self.expects_errors = true;
        self
    }

    pub(crate) fn start(self) -> Forge {
        let scratch = TempDir::with_prefix("atomicqms-it-").unwrap();
        let data_dir = self.data_dir.clone().unwrap_or_else(|| scratch.path().join("data"));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let shared = Shared { addr: Mutex::new(nowhere), secrets: Mutex::new(vec![ADMIN_PASSWORD.to_owned()]) };
        let mut forge = Forge {
            start: self,
            child: None,
            data_dir,
            scratch,
            shared: Arc::new(shared),
            personas: Mutex::new(BTreeMap::new()),
            starts: 0,
            finished: false,
        };
        if forge.start.ssh {
            super::ssh::place_host_key(&forge.data_dir);
        }
        forge.launch();
        forge
    }
}

/// A command of the binary with only this environment.
pub(crate) fn binary(args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command
}

impl Forge {
    /// A server with the settings that tests use, started and ready.
    pub(crate) fn start() -> Self {
        Self::with().start()
    }

    pub(crate) fn with() -> Start {
        let start =
            Start { env: BTreeMap::new(), wrapper: Vec::new(), data_dir: None, expects_errors: false, ssh: false };
        start
            .env("ATOMICQMS_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .setting("security", "argon2_memory_kib", 8192)
            .setting("security", "argon2_iterations", 1)
            .setting("git", "settle_ms", 20)
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.shared.addr()
    }

    /// Where the SSH server listens.
    pub(crate) fn ssh_addr(&self) -> SocketAddr {
        let text = std::fs::read_to_string(self.data_dir.join("run/ssh.addr")).expect("the SSH server is on");
        text.trim().parse().expect("an address")
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// Waits until the server has let in a push that is on its way and alone.
    pub(crate) fn await_push_under_way(&self) {
        const OPEN: &str = "atomicqms_gate_in_flight{gate=\"git receive open\"} ";
        until("the push to be under way", PATIENCE, || {
            let metrics = self.get("/metrics").expect(200).text();
            let open = metrics.lines().find_map(|line| line.strip_prefix(OPEN)).unwrap_or("none").to_owned();
            if open == "1" { Ok(()) } else { Err(format!("open pushes: {open}")) }
        });
    }

    /// The directory of a repository, once everything is in it that has been answered: files follow the database after `git.settle_ms`.
    pub(crate) fn repository_dir(&self, full_name: &str) -> PathBuf {
        if self.child.is_some() {
            let evidence = self.evidence();
            let known = evidence.repositories().into_iter().find(|row| row.full_name == full_name);
            if let Some(repository) = known {
                until("the directory of a repository to follow its rows", PATIENCE, || {
                    match evidence.lag(repository.id) {
                        None => Ok(()),
                        Some(lag) => Err(format!("{full_name}: {lag}")),
                    }
                });
            }
        }
        self.directory_as_it_is(full_name)
    }

    /// The directory of a repository, whatever it lacks.
    pub(crate) fn directory_as_it_is(&self, full_name: &str) -> PathBuf {
        self.data_dir.join("git/repositories").join(format!("{full_name}.git"))
    }

    /// Git working inside the server's own copy of a repository.
    pub(crate) fn server_git(&self, full_name: &str) -> Git {
        Git::new().at(self.repository_dir(full_name))
    }

    /// A read-only look into the database.
    pub(crate) fn evidence(&self) -> Evidence {
        Evidence::open(&self.data_dir)
    }

    fn log_path(&self, start: u32) -> PathBuf {
        self.scratch.path().join(format!("server-{start}.log"))
    }

    /// Everything the server printed, over all its starts.
    pub(crate) fn log(&self) -> String {
        (1..=self.starts)
            .map(|start| String::from_utf8_lossy(&std::fs::read(self.log_path(start)).unwrap_or_default()).into_owned())
            .collect()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let shorten = |line: &str| line.chars().take(400).collect::<String>();
        let is_bad = |line: &&str| ["ERROR", "WARN", "panicked"].iter().any(|word| line.contains(word));
        let bad: Vec<_> = log.lines().filter(is_bad).take(8).map(shorten).collect();
        let last: Vec<_> = log.lines().rev().take(6).map(shorten).collect();
        bad.into_iter().chain(last.into_iter().rev()).collect::<Vec<_>>().join("\n")
    }

    /// The command that serves this data directory.
    pub(crate) fn serve_command(&self) -> Command {
        let mut words = self.start.wrapper.clone();
        words.extend([BINARY, "serve", "--data-dir"].map(str::to_owned));
        words.push(self.data_dir.to_string_lossy().into_owned());
        let ssh = if self.start.ssh { "127.0.0.1:0" } else { "off" };
        words.extend(["--http", "127.0.0.1:0", "--ssh", ssh].map(str::to_owned));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(&self.start.env).stdin(Stdio::null());
        command
    }

    /// Starts the process and waits until it is ready.
    fn launch(&mut self) {
        self.starts += 1;
        let log = std::fs::File::create(self.log_path(self.starts)).unwrap();
        let address_file = self.data_dir.join("run/http.addr");
        let _ = std::fs::remove_file(&address_file);
        let child = self.serve_command().stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.child = Some(child);
        let start = std::time::Instant::now();
        let addr = until("the server to be ready", PATIENCE, || {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
                panic!("the server ended with {status} after {:?}:\n{}", start.elapsed(), self.log_tail());
            }
            let text = std::fs::read_to_string(&address_file)
                .map_err(|error| format!("{}: {error}; log:\n{}", address_file.display(), self.log_tail()))?;
            let addr: SocketAddr = text.trim().parse().map_err(|_| format!("http.addr holds {text:?}"))?;
            let ready = Call::new("GET", "/readyz").send(addr).map_err(|error| format!("/readyz: {error}"))?;
            if ready.status == 200 { Ok(addr) } else { Err(format!("/readyz: {} {}", ready.status, ready.text())) }
        });
        *self.shared.addr.lock().unwrap() = addr;
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("the server runs");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Waits until the process is gone and gives its exit status.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("the server runs");
        until("the server to end", PATIENCE, || match child.try_wait().unwrap() {
            Some(status) => Ok(status),
            None => Err("still running".to_owned()),
        })
    }

    /// Stops the server as an operator does and asserts that it ends well.
    pub(crate) fn stop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "SIGTERM: the server ended with {status}:\n{}", self.log_tail());
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        let status = self.wait();
        assert_eq!(status.signal(), Some(9), "the server had ended by itself: {status}\n{}", self.log_tail());
    }

    /// Starts again on the same data directory, after `stop` or `kill`.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.is_none(), "restart of a running server");
        self.launch();
    }

    /// Starts anew and opens every repository: what could not be removed when it should have been is removed then, such
    /// as the quarantine of a push whose repository was renamed under it.
    pub(crate) fn reopen_everything(&mut self) {
        self.stop();
        self.restart();
        for repository in self.evidence().repositories() {
            let opened = self.admin().info_refs(&repository.full_name, "git-upload-pack");
            assert_eq!(opened.status, 200, "{}: {}", repository.full_name, opened.text());
        }
    }

    /// How later starts are made.
    pub(crate) fn start_options(&mut self) -> &mut Start {
        &mut self.start
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        Call::new("GET", target).send(self.addr()).unwrap_or_else(|error| panic!("GET {target}: {error}"))
    }

    /// Fails the test unless the server answers as a healthy one.
    pub(crate) fn assert_alive(&self, after: &str) {
        let reply = Call::new("GET", "/readyz").send(self.addr());
        let reply = reply.unwrap_or_else(|error| panic!("after {after}: /readyz: {error}\n{}", self.log_tail()));
        assert_eq!(reply.status, 200, "after {after}: /readyz says {}\n{}", reply.text(), self.log_tail());
    }

    /// Resident memory of the server: now and at its peak, in bytes.
    pub(crate) fn memory_bytes(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// Processor time the server has used so far, all threads, in the kernel and outside. Units: milliseconds, counted in steps of ten.
    pub(crate) fn cpu_ms(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
    }

    pub(crate) fn anonymous(&self) -> Persona {
        Persona::new(self.shared(), "anonymous", Credential::None)
    }

    /// The site administrator, calling with a token.
    pub(crate) fn admin(&self) -> Persona {
        let mut personas = self.personas.lock().unwrap();
        let make = || Persona::with_password(self.shared(), "admin", ADMIN_PASSWORD).with_token("tests", &["all"]);
        personas.entry("admin".to_owned()).or_insert_with(make).clone()
    }

    /// An ordinary user, created at first mention, calling with a token.
    pub(crate) fn user(&self, login: &str) -> Persona {
        if let Some(persona) = self.personas.lock().unwrap().get(login) {
            return persona.clone();
        }
        let persona = self.new_user(login).with_token("tests", &["all"]);
        self.personas.lock().unwrap().insert(login.to_owned(), persona.clone());
        persona
    }

    /// Creates a user through the API and gives a persona that calls with the password.
    pub(crate) fn new_user(&self, login: &str) -> Persona {
        let password = format!("canary-password-of-{login}-Zx81");
        self.shared.guard_secret(&password);
        let body = serde_json::json!({
            "username": login, "email": format!("{login}@example.org"), "password": password,
            "must_change_password": false,
        });
        self.admin().post("/api/v1/admin/users", &body).expect(201);
        Persona::with_password(self.shared(), login, &password)
    }

    /// A command of the binary on this data directory, with the settings of the server.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = binary(args);
        command.arg("--data-dir").arg(&self.data_dir).envs(&self.start.env);
        command
    }

    /// `atomicqms audit verify` on the data directory: exit code and everything it printed.
    pub(crate) fn audit_verify(&self) -> (Option<i32>, String) {
        let data_dir = self.data_dir.to_string_lossy().into_owned();
        let output = binary(&["audit", "verify", "--data-dir", &data_dir]).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code(), text)
    }

    /// Asserts what must hold of the data directory whatever happened before.
    pub(crate) fn examine(&self) {
        let (code, text) = self.audit_verify();
        assert_eq!(code, Some(0), "atomicqms audit verify: {text}");
        let evidence = self.evidence();
        let repositories = evidence.repositories();
        for repository in &repositories {
            let name = &repository.full_name;
            let directory = self.repository_dir(name);
            assert!(directory.is_dir(), "{name} is in the database but not at {}", directory.display());
            let git = self.server_git(name);
            git.fsck();
            let on_disk = evidence::refs_on_disk(&git);
            assert_eq!(on_disk, evidence.refs(repository.id), "{name}: refs on disk and in the database differ");
            assert_eq!(evidence.replayed_journal(repository.id), on_disk, "{name}: the journal explains other refs");
            let leftovers = evidence::quarantines(&directory);
            assert!(leftovers.is_empty(), "{name}: quarantine left behind: {leftovers:?}");
        }
        let known: Vec<_> = repositories.iter().map(|repository| repository.full_name.clone()).collect();
        for found in evidence::repositories_on_disk(&self.data_dir) {
            assert!(known.contains(&found), "{found} is on disk but not in the database");
        }
        evidence.assert_every_ref_change_has_its_event();
        self.examine_log();
    }

    fn examine_log(&self) {
        let log = self.log();
        for secret in self.shared.secrets.lock().unwrap().iter() {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "a secret is in the log: {line:?}");
        }
        let panicked = log.lines().find(|line| line.contains("panicked at"));
        assert!(panicked.is_none(), "the server panicked: {panicked:?}");
        if !self.start.expects_errors {
            let is_error = |line: &&str| line.contains("\"level\":\"ERROR\"") || line.contains(" ERROR ");
            let error = log.lines().find(is_error);
            assert!(error.is_none(), "the server logged an error: {error:?}");
        }
    }

    /// Stops the server and examines everything it leaves behind.
    pub(crate) fn finish(mut self) {
        self.finished = true;
        if self.child.is_some() {
            self.stop();
        }
        self.examine();
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("---- server log ----\n{}", self.log_tail());
        } else {
            assert!(self.finished, "a test must end with forge.finish()");
        }
    }
}
