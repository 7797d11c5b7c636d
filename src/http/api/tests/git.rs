//! The real git binary in a sealed environment, for pushing to the server under test.

use std::path::Path;

/// Runs git in a directory; it must succeed. Answers its output without the last newline.
pub(super) async fn git(dir: &Path, args: &[&str]) -> String {
    git_at(dir, "1700000000 +0200", args).await
}

/// Runs git in a directory; answers whether it failed.
pub(super) async fn fails(dir: &Path, args: &[&str]) -> bool {
    !run(dir, "1700000000 +0200", args).await.status.success()
}

/// [`git`] at another author and committer date.
pub(super) async fn git_at(dir: &Path, date: &str, args: &[&str]) -> String {
    let output = run(dir, date, args).await;
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Runs git; what it said, if it failed.
pub(super) async fn try_git(dir: &Path, args: &[&str]) -> Result<(), String> {
    let output = run(dir, "1700000000 +0200", args).await;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Runs git with one key of an SSH client that knows no other configuration; what it said, if it failed.
pub(super) async fn git_over_ssh(dir: &Path, key: &Path, args: &[&str]) -> Result<(), String> {
    let known = key.join("known_hosts");
    let ssh = format!(
        "core.sshCommand=ssh -F none -T -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=accept-new \
         -o UserKnownHostsFile={} -i {}",
        known.display(),
        key.join("id").display()
    );
    let args: Vec<&str> = ["-c", ssh.as_str()].into_iter().chain(args.iter().copied()).collect();
    try_git(dir, &args).await
}

/// Whether the tests that need OpenSSH can run; says so when not.
pub(super) fn ssh_is_missing() -> bool {
    let is_there = |program: &str| {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).any(|path| path.join(program).exists())
    };
    let is_found = is_there("ssh") && is_there("ssh-keygen");
    assert!(is_found || std::env::var("CI").as_deref() != Ok("true"), "CI may skip nothing, and ssh is missing");
    if !is_found {
        eprintln!("SKIPPED: ssh is not installed");
    }
    !is_found
}

/// Makes a key pair, `id` and `id.pub`, in a directory.
pub(super) async fn make_key(dir: &Path) {
    let path = dir.join("id");
    #[expect(clippy::disallowed_methods, reason = "the sealed ssh of the API tests")]
    let mut command = std::process::Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&output.stderr));
}

async fn run(dir: &Path, date: &str, args: &[&str]) -> std::process::Output {
    #[expect(clippy::disallowed_methods, reason = "the sealed git builder of the API tests")]
    let mut command = std::process::Command::new("git");
    command.args(["-c", "init.defaultBranch=main"]).args(args).current_dir(dir).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", dir);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Ada Lovelace").env(format!("GIT_{who}_EMAIL"), "ada@example.org");
        command.env(format!("GIT_{who}_DATE"), date);
    }
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}
