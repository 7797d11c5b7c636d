//! The real git binary in a sealed environment.
//!
//! Owns every `git` process of the tests: no system or user configuration, no prompt, fixed author, clock and branch
//! name, no maintenance in the background. Knows nothing of the server; URLs carry the credentials.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

/// The wire protocols that git speaks over HTTP.
pub(crate) const PROTOCOLS: [u8; 3] = [0, 1, 2];

/// A place with its own home where git commands run.
#[derive(Clone)]
pub(crate) struct Git {
    home: Arc<TempDir>,
    dir: PathBuf,
    config: Vec<(String, String)>,
    env: Vec<(String, String)>,
}

/// What a git command did.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) command: String,
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Git {
    /// A fresh home whose working directory is empty.
    pub(crate) fn new() -> Self {
        let home = TempDir::with_prefix("atomicqms-git-").unwrap();
        let dir = home.path().join("work");
        std::fs::create_dir(&dir).unwrap();
        let config = [
            ("init.defaultBranch", "main"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("advice.detachedHead", "false"),
            ("push.default", "current"),
            ("pull.rebase", "false"),
            ("protocol.version", "2"),
            ("credential.helper", ""),
            ("safe.directory", "*"),
        ];
        let config = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { home: Arc::new(home), dir, config, env: Vec::new() }
    }

    /// The same home, another protocol version.
    pub(crate) fn protocol(&self, version: u8) -> Self {
        self.config("protocol.version", &version.to_string())
    }

    pub(crate) fn config(&self, key: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.config.push((key.to_owned(), value.to_owned()));
        other
    }

    pub(crate) fn env(&self, key: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.env.push((key.to_owned(), value.to_owned()));
        other
    }

    /// The same home, working in `path` (relative to the present directory, or absolute).
    pub(crate) fn at(&self, path: impl AsRef<Path>) -> Self {
        let mut other = self.clone();
        other.dir = self.dir.join(path);
        other
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(args).current_dir(&self.dir).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.home.path()).env("XDG_CONFIG_HOME", self.home.path().join("xdg"));
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "/bin/false").env("LC_ALL", "C").env("TZ", "UTC");
        command.env("GIT_AUTHOR_NAME", "Ada").env("GIT_AUTHOR_EMAIL", "ada@example.org");
        command.env("GIT_COMMITTER_NAME", "Ada").env("GIT_COMMITTER_EMAIL", "ada@example.org");
        command.env("GIT_AUTHOR_DATE", "1700000000 +0000").env("GIT_COMMITTER_DATE", "1700000000 +0000");
        command.env("GIT_CONFIG_COUNT", self.config.len().to_string());
        for (index, (key, value)) in self.config.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command.envs(self.env.iter().cloned());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).stdin(Stdio::null()).output().expect("git is installed");
        ran(args, &output)
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("git is installed");
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || {
                // A git that refuses its input early closes the pipe; its exit status tells.
                let _ = stdin.write_all(input);
            });
            child.wait_with_output().unwrap()
        });
        ran(args, &output)
    }

    /// Runs and gives the trimmed standard output; fails the test if git does.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        self.run(args).ok().stdout.trim_end().to_owned()
    }

    /// Runs a command that must fail; gives everything it printed.
    pub(crate) fn fails(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert!(!ran.success, "{} should have failed:\n{}{}", ran.command, ran.stdout, ran.stderr);
        ran.all()
    }

    /// Makes a repository with a working tree at `path`.
    pub(crate) fn init(&self, path: &str) -> Self {
        self.ok(&["init", "--quiet", path]);
        self.at(path)
    }

    /// Writes a file, commits it, and gives the commit's id.
    pub(crate) fn commit(&self, path: &str, content: &str) -> String {
        let file = self.dir.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content).unwrap();
        self.ok(&["add", "--", path]);
        self.ok(&["commit", "--quiet", "--message", &format!("Change {path}")]);
        self.ok(&["rev-parse", "HEAD"])
    }

    /// Every ref with its target, as `for-each-ref` prints it.
    pub(crate) fn refs(&self) -> String {
        self.ok(&["for-each-ref", "--format=%(objectname) %(objecttype) %(refname) %(*objectname)"])
    }

    /// Fails the test unless `git fsck --strict` finds nothing to complain of.
    pub(crate) fn fsck(&self) {
        let ran = self.run(&["fsck", "--strict", "--full", "--no-dangling", "--no-progress"]);
        let complaints: Vec<_> =
            ran.stdout.lines().chain(ran.stderr.lines()).filter(|line| !line.starts_with("notice: ")).collect();
        assert!(ran.success && complaints.is_empty(), "git fsck in {}: {complaints:#?}", self.dir.display());
    }
}

impl Ran {
    pub(crate) fn ok(self) -> Self {
        assert!(self.success, "{} failed:\n{}{}", self.command, self.stdout, self.stderr);
        self
    }

    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

fn ran(args: &[&str], output: &Output) -> Ran {
    Ran {
        command: format!("git {}", args.join(" ")),
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
