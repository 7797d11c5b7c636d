//! The real gpg binary with a home of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A key ring.
pub(super) struct Gpg {
    home: TempDir,
}

impl Gpg {
    /// An empty key ring; none where gpg is not installed, which is said, and which CI may not be.
    pub(super) async fn new() -> Option<Self> {
        let home = TempDir::with_prefix("gpg-").unwrap();
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        if output(&["--version"], None).await.is_none() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "CI may skip nothing, and gpg is missing");
            eprintln!("SKIPPED: gpg is not installed");
            return None;
        }
        Some(Self { home })
    }

    /// What git runs as gpg; with a time, at that time (`20230101T000000`).
    pub(super) fn program(&self, at: Option<&str>) -> PathBuf {
        let path = self.home.path().join(format!("gpg-{}", at.unwrap_or("now")));
        let time = at.map(|at| format!("--faked-system-time {at}!")).unwrap_or_default();
        let options = "--batch --no-tty --pinentry-mode loopback --passphrase ''";
        let text = format!("#!/bin/sh\nexec gpg --homedir '{}' {options} {time} \"$@\"\n", self.home.path().display());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// Runs gpg; it must succeed.
    pub(super) async fn run(&self, at: Option<&str>, args: &[&str], input: Option<&str>) -> String {
        let program = self.program(at);
        let found = run(&program, args, input).await.expect("gpg ran a moment ago");
        assert!(found.status.success(), "gpg {args:?}: {}", String::from_utf8_lossy(&found.stderr));
        String::from_utf8_lossy(&found.stdout).into_owned()
    }

    /// Makes a key; answers its fingerprint.
    pub(super) async fn make(&self, at: Option<&str>, user: &str, kind: &str, usage: &str, expire: &str) -> String {
        self.run(at, &["--yes", "--quick-generate-key", user, kind, usage, expire], None).await;
        self.last_fingerprint("fpr").await
    }

    /// Adds a subkey that signs; answers its fingerprint.
    pub(super) async fn add_signing_subkey(&self, key: &str) -> String {
        self.run(None, &["--quick-add-key", key, "ed25519", "sign", "never"], None).await;
        self.last_fingerprint("fpr").await
    }

    async fn last_fingerprint(&self, record: &str) -> String {
        let list = self.run(None, &["--list-keys", "--with-colons"], None).await;
        let line = list.lines().rev().find(|line| line.starts_with(record)).expect("a key was made");
        line.split(':').nth(9).unwrap().to_owned()
    }

    /// The public half in armor.
    pub(super) async fn export(&self, key: &str) -> String {
        self.run(None, &["--armor", "--export", key], None).await
    }

    /// A detached signature in armor.
    pub(super) async fn sign(&self, key: &str, text: &str) -> String {
        self.run(None, &["--armor", "--local-user", key, "--detach-sign"], Some(text)).await
    }

    /// Revokes a key for a reason of gpg's menu (0: none, 2: superseded).
    pub(super) async fn revoke(&self, key: &str, reason: &str) {
        let program = self.program(None);
        let ask = ["--no-batch", "--command-fd", "0", "--gen-revoke", key];
        let answers = format!("y\n{reason}\n\ny\n");
        let made = run(&program, &ask, Some(&answers)).await.unwrap();
        let certificate = String::from_utf8_lossy(&made.stdout).into_owned();
        assert!(certificate.contains("-----BEGIN"), "{}", String::from_utf8_lossy(&made.stderr));
        self.run(None, &["--import"], Some(&certificate)).await;
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "the agent that gpg started goes with its key ring")]
        let mut command = std::process::Command::new("gpgconf");
        command.arg("--homedir").arg(self.home.path()).args(["--kill", "all"]);
        let _ = command.output();
    }
}

async fn output(args: &[&str], input: Option<&str>) -> Option<std::process::Output> {
    run(Path::new("gpg"), args, input).await
}

async fn run(program: &Path, args: &[&str], input: Option<&str>) -> Option<std::process::Output> {
    use std::io::Write;
    use std::process::Stdio;
    #[expect(clippy::disallowed_methods, reason = "the sealed gpg of the API tests")]
    let mut command = std::process::Command::new(program);
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.unwrap_or_default().to_owned();
    let work = move || {
        let mut child = command.spawn().ok()?;
        // Whoever does not read it has ended.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        child.wait_with_output().ok()
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}
