//! The command line: what can be asked of the program, and what it answers with.
//!
//! Owns parsing, exit codes and the one line an operator reads when something fails. Each command is one file. This
//! is the only part of the program that writes to standard output.

pub mod admin_key;
pub mod admin_token;
pub mod admin_user;
pub mod audit;
pub mod config;
pub mod doctor;
pub mod healthcheck;
pub mod maintain;
pub mod offline;
pub mod serve;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Sources, load};
use crate::server::Failure;

/// Threads for blocking work: more than all gates together admit, so that slow clones cannot keep sign-ins and pushes waiting.
const BLOCKING_THREADS: usize = 1024;
/// Longest wait for blocking work when a command ends.
const RUNTIME_STOP: Duration = Duration::from_secs(2);

/// Self-hosted quality management whose documents live in git.
#[derive(Debug, Parser)]
#[command(name = "atomicqms", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Flags every command takes.
#[derive(Debug, Clone, Args)]
struct Common {
    /// Directory that holds everything the server owns [default: ./data, or ATOMICQMS_DATA_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Flags),
    /// Manage users and tokens; works while the server runs
    #[command(subcommand)]
    Admin(Admin),
    /// Check the audit ledger
    #[command(subcommand)]
    Audit(audit::Command),
    /// Examine what is stored; works while the server runs
    #[command(subcommand)]
    Doctor(doctor::Command),
    /// Tidy one repository now; only while no server runs (a server does it by itself)
    Maintain(maintain::Flags),
    /// Print the effective settings, secrets masked
    Config(config::Flags),
    /// Ask the running server whether it is ready (exit code 0 or 1)
    Healthcheck(healthcheck::Flags),
    /// Print the version
    Version,
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Create, list and repair users
    #[command(subcommand)]
    User(admin_user::Command),
    /// Create access tokens
    #[command(subcommand)]
    Token(admin_token::Command),
    /// Manage the SSH keys of users
    #[command(subcommand)]
    Key(admin_key::Command),
}

/// Runs the command line to its end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(help) => {
            // Help goes to standard output and ends with 0, a mistake to standard error and ends with 2.
            let _ = help.print();
            return if help.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) => {
            complain(&failure.line());
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let settings = |flags: Vec<(&'static str, String)>| -> Result<Config, Failure> {
        let mut sources = Sources::from_process();
        sources.data_dir = cli.common.data_dir.clone();
        sources.flags = flags;
        Ok(load(sources)?)
    };
    match cli.command {
        Command::Serve(flags) => serve::run(settings(flags.settings())?),
        Command::Admin(Admin::User(command)) => block_on(admin_user::run(command, settings(Vec::new())?)),
        Command::Admin(Admin::Token(command)) => block_on(admin_token::run(command, settings(Vec::new())?)),
        Command::Admin(Admin::Key(command)) => block_on(admin_key::run(command, settings(Vec::new())?)),
        Command::Audit(command) => block_on(audit::run(command, settings(Vec::new())?)),
        Command::Doctor(command) => block_on(doctor::run(command, settings(Vec::new())?)),
        Command::Maintain(flags) => block_on(maintain::run(flags, settings(Vec::new())?)),
        Command::Config(flags) => config::run(flags, settings),
        Command::Healthcheck(flags) => healthcheck::run(flags, settings),
        Command::Version => {
            say(concat!("atomicqms ", env!("CARGO_PKG_VERSION")));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Writes one line to standard output; a reader that has left is not an error.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// Writes one line to standard error.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "atomicqms: {line}");
}

/// Makes the runtime of a command and runs it.
fn block_on(command: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|source| Failure::Directory { path: "the asynchronous runtime".into(), source })?;
    let outcome = runtime.block_on(command);
    // A blocking task that hangs must not keep the process.
    runtime.shutdown_timeout(RUNTIME_STOP);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_the_architecture_are_accepted() {
        let accepted: &[&[&str]] = &[
            &["serve"],
            &["serve", "--data-dir", "d", "--http", "127.0.0.1:0", "--ssh", "off"],
            &["admin", "user", "create", "--username", "u", "--password", "p", "--email", "e@x", "--admin"],
            &["admin", "user", "list", "--data-dir", "d"],
            &["admin", "user", "change-password", "--username", "u", "--password", "p"],
            &["admin", "token", "create", "--username", "u", "--name", "n", "--scopes", "all"],
            &["admin", "key", "add", "--username", "u", "--file", "id.pub"],
            &["admin", "key", "add", "--username", "u", "--title", "laptop"],
            &["audit", "verify"],
            &["doctor", "repo", "ada/sop", "--full"],
            &["doctor", "repo", "--all"],
            &["doctor", "mail"],
            &["doctor", "mail", "--to", "ada@example.org"],
            &["maintain", "ada/sop"],
            &["config"],
            &["version"],
            &["healthcheck", "--http", "127.0.0.1:1"],
        ];
        for arguments in accepted {
            let full = std::iter::once("atomicqms").chain(arguments.iter().copied());
            if let Err(error) = Cli::try_parse_from(full) {
                panic!("{arguments:?}: {error}");
            }
        }
        for refused in
            [&["serve", "--port", "1"][..], &["admin", "user", "create"], &["doctor", "repo"], &["nonsense"], &[]]
        {
            let full = std::iter::once("atomicqms").chain(refused.iter().copied());
            assert!(Cli::try_parse_from(full).is_err(), "{refused:?}");
        }
    }
}
