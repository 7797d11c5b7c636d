//! Stock git for the tests of this crate, with nothing of the machine's configuration.
//!
//! Owns the one place that starts a process. Called by the unit tests alone.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Stock git on a temporary bare repository.
pub(crate) struct Git {
    dir: tempfile::TempDir,
}

impl Git {
    pub(crate) fn new() -> Self {
        let git = Self { dir: tempfile::tempdir().unwrap() };
        git.run(&["init", "--quiet", "--bare", "--initial-branch=main", "."]);
        git
    }

    pub(crate) fn run(&self, args: &[&str]) -> String {
        String::from_utf8(self.run_with_input(args, b"")).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "tests compare with stock git, and this is their only door to it")]
    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("git")
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_PROTOCOL", "version=2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A pipe's buffer may be smaller than the input, and git may answer before it has read all of it.
        let writer = std::thread::spawn({
            let input = input.to_vec();
            move || drop(stdin.write_all(&input))
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}
