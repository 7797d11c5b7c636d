//! The real git binary in a sealed environment, for pushing to the server under test.

use std::path::Path;

/// Runs git in a directory; it must succeed. Answers its output without the last newline.
pub(super) async fn git(dir: &Path, args: &[&str]) -> String {
    git_at(dir, "1700000000 +0200", args).await
}

/// Runs git; what it said, if it failed.
pub(super) async fn try_git(dir: &Path, args: &[&str]) -> Result<(), String> {
    let output = run(dir, "1700000000 +0200", args).await;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// [`git`] at another author and committer date.
pub(super) async fn git_at(dir: &Path, date: &str, args: &[&str]) -> String {
    let output = run(dir, date, args).await;
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
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
