//! The real OpenSSH client in a sealed environment: keys, `ssh` and git over it.
//!
//! Owns every `ssh` and `ssh-keygen` process of the tests: no configuration of the machine, no agent, one identity, host keys
//! accepted at first sight and held to afterwards.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};

use russh::client;
use russh::keys::PublicKeyOrCertificate;
use tempfile::TempDir;

use super::{Git, Persona};

/// A key pair.
#[derive(Clone)]
pub(crate) struct Identity {
    home: Arc<TempDir>,
}

/// A way of calling a server as somebody.
#[derive(Clone)]
pub(crate) struct Ssh {
    addr: SocketAddr,
    identity: Identity,
    options: Vec<String>,
}

/// Whether the tests that need OpenSSH can run; says so when not.
pub(crate) fn is_missing() -> bool {
    let found = Command::new("ssh").arg("-V").stderr(Stdio::null()).status().is_ok();
    assert!(found || std::env::var("CI").as_deref() != Ok("true"), "CI may skip nothing, and ssh is missing");
    if !found {
        eprintln!("SKIPPED: ssh is not installed");
    }
    !found
}

fn keygen(args: &[&str]) {
    let output = Command::new("ssh-keygen").args(args).stdin(Stdio::null()).output().expect("ssh-keygen is installed");
    assert!(output.status.success(), "ssh-keygen {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Puts an RSA host key, made once for all tests, where a server looks for its own.
pub(crate) fn place_host_key(data_dir: &Path) {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let home = TempDir::with_prefix("atomicqms-host-key-").unwrap();
        let path = home.path().join("key");
        keygen(&["-q", "-t", "rsa", "-b", "3072", "-N", "", "-f", &path.to_string_lossy()]);
        std::fs::read(path).unwrap()
    });
    let keys = data_dir.join("conf/keys");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&keys).unwrap();
    let path = keys.join("ssh_host_rsa_key");
    std::fs::write(&path, key).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

impl Identity {
    /// Makes an ed25519 pair.
    pub(crate) fn new() -> Self {
        Self::of_type(&["-t", "ed25519"])
    }

    /// Makes a pair of another type.
    pub(crate) fn of_type(options: &[&str]) -> Self {
        let home = Arc::new(TempDir::with_prefix("atomicqms-identity-").unwrap());
        let path = home.path().join("id");
        let mut args = options.to_vec();
        let text = path.to_string_lossy().into_owned();
        args.extend(["-q", "-N", "", "-C", "test", "-f", &text]);
        keygen(&args);
        Self { home }
    }

    pub(crate) fn private_path(&self) -> PathBuf {
        self.home.path().join("id")
    }

    /// The line of the `.pub` file.
    pub(crate) fn public(&self) -> String {
        std::fs::read_to_string(self.home.path().join("id.pub")).unwrap().trim().to_owned()
    }

    /// Registers the key for somebody; answers its id.
    pub(crate) fn register(&self, persona: &Persona, title: &str) -> i64 {
        let body = serde_json::json!({ "title": title, "key": self.public() });
        persona.post("/api/v1/user/keys", &body).expect(201).json()["id"].as_i64().unwrap()
    }

    /// Registers the key for one repository; answers its id.
    pub(crate) fn deploy(&self, persona: &Persona, repository: &str, title: &str, is_read_only: bool) -> i64 {
        let body = serde_json::json!({ "title": title, "key": self.public(), "read_only": is_read_only });
        let path = format!("/api/v1/repos/{repository}/keys");
        persona.post(&path, &body).expect(201).json()["id"].as_i64().unwrap()
    }

    pub(crate) fn at(&self, addr: SocketAddr) -> Ssh {
        Ssh { addr, identity: self.clone(), options: Vec::new() }
    }
}

impl Ssh {
    /// Adds options of `ssh`.
    pub(crate) fn with(&self, options: &[&str]) -> Self {
        let mut other = self.clone();
        other.options.extend(options.iter().map(|option| (*option).to_owned()));
        other
    }

    fn words(&self) -> Vec<String> {
        let home = self.identity.home.path();
        let mut words: Vec<String> =
            ["ssh", "-F", "none", "-T", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"].map(str::to_owned).to_vec();
        for option in [
            "IdentityAgent=none",
            "StrictHostKeyChecking=accept-new",
            "LogLevel=ERROR",
            "ConnectTimeout=20",
            "GlobalKnownHostsFile=/dev/null",
        ] {
            words.extend(["-o".to_owned(), option.to_owned()]);
        }
        words.extend(["-o".to_owned(), format!("UserKnownHostsFile={}", home.join("known_hosts").display())]);
        words.extend(["-i".to_owned(), self.identity.private_path().display().to_string()]);
        words.extend(self.options.iter().cloned());
        words
    }

    fn command(&self, command: &[&str]) -> Command {
        let words = self.words();
        let mut ssh = Command::new(&words[0]);
        ssh.args(&words[1..]).args(["-p", &self.addr.port().to_string(), &format!("git@{}", self.addr.ip())]);
        ssh.args(command).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        ssh.env("HOME", self.identity.home.path()).stdin(Stdio::null());
        ssh
    }

    /// Runs `ssh git@server COMMAND`; without words, asks for a shell.
    pub(crate) fn run(&self, command: &[&str]) -> Output {
        self.command(command).output().expect("ssh is installed")
    }

    /// The same with bytes that it sends, as far as the server takes them.
    pub(crate) fn run_sending(&self, command: &[&str], input: &[u8]) -> Output {
        let mut ssh = self.command(command);
        let mut child =
            ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("ssh is installed");
        let mut pipe = child.stdin.take().expect("it was asked for");
        std::thread::scope(|scope| {
            // A server that refuses closes the pipe.
            scope.spawn(move || drop(pipe.write_all(input)));
            child.wait_with_output().expect("ssh ends")
        })
    }

    /// Git that reaches servers this way.
    pub(crate) fn git(&self) -> Git {
        Git::new().env("GIT_SSH_COMMAND", &self.words().join(" ")).env("GIT_SSH_VARIANT", "ssh")
    }

    /// The address of a repository.
    pub(crate) fn url(&self, repository: &str) -> String {
        format!("ssh://git@{}/{repository}.git", self.addr)
    }
}

/// Everything a process said, for messages of failing tests.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A client of the library, for what OpenSSH would never do, that takes any host key.
pub(crate) struct AnyServer;

impl client::Handler for AnyServer {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// Opens a connection without signing in.
pub(crate) async fn connect(addr: SocketAddr) -> client::Handle<AnyServer> {
    client::connect(Arc::new(client::Config::default()), addr, AnyServer).await.unwrap()
}
