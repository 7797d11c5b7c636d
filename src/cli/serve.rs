//! `atomicqms serve`: runs the server in this process until a signal.
//!
//! Owns signals, the lines on standard output and the exit. What a server does is in `server.rs`.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::{block_on, say};
use crate::config::Config;
use crate::server::bootstrap::FirstAdmin;
use crate::server::{Console, Failure, Listeners, directory, run as run_server};
use crate::telemetry::{access_lines, logs, process};

/// Exit code when a second signal asks to stop at once.
const EXIT_AT_ONCE: i32 = 130;

/// Flags of `serve`.
#[derive(Debug, Args)]
pub struct Flags {
    /// Address and port of the HTTP server [default: 127.0.0.1:3001, or ATOMICQMS_HTTP_ADDR]
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Address and port of the SSH server, or off [default: 127.0.0.1:2222, or ATOMICQMS_SSH_ADDR]
    #[arg(long, value_name = "ADDR|off")]
    ssh: Option<String>,
}

impl Flags {
    /// The settings these flags set.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let http = self.http.clone().map(|text| ("server.http_addr", text));
        let ssh = self.ssh.clone().map(|text| ("server.ssh_addr", text));
        http.into_iter().chain(ssh).collect()
    }
}

/// Tells the person at the terminal what happens.
struct Terminal;

impl Console for Terminal {
    fn first_admin(&mut self, admin: &FirstAdmin) {
        match &admin.password {
            Some(password) => say(&format!(
                "\n  First start: an administrator was created. This password is shown once and stored nowhere.\n\n      \
                 user:     {}\n      password: {}\n",
                admin.login,
                password.expose()
            )),
            None => say(&format!("first start: administrator {} was created with the given password", admin.login)),
        }
    }

    fn ssh_ready(&mut self, address: SocketAddr) {
        say(&format!("listening on ssh://{address}"));
    }

    fn ready(&mut self, address: SocketAddr, _root_url: &str) {
        say(&format!("listening on http://{address}"));
    }
}

/// Runs the server.
///
/// Errors: why it did not start, or which part died.
pub(super) fn run(config: Config) -> Result<ExitCode, Failure> {
    logs::install(&config.log);
    logs::log_panics();
    if let Some(limit) = process::raise_open_files_limit()
        && limit < (config.server.max_connections + config.ssh.max_connections) as u64 + 512
    {
        tracing::warn!(limit, "the limit on open files is low for server.max_connections; raise it (ulimit -n)");
    }
    let ended = block_on(async {
        let stop = on_signal()?;
        directory::prepare(&config)?;
        let lock = directory::lock(&config)?;
        let listeners = Listeners::bind(&config).await?;
        let shutdown = async {
            // A sender that vanished without a signal cannot be told from one; stopping is the safe reading.
            let _ = stop.await;
        };
        run_server(listeners, lock, config, shutdown, &mut Terminal).await?;
        Ok(ExitCode::SUCCESS)
    });
    access_lines::flush();
    ended
}

/// Resolves at the first SIGTERM or SIGINT; the second one ends the process at once.
fn on_signal() -> Result<oneshot::Receiver<()>, Failure> {
    let failed = |source| Failure::Directory { path: "signals".into(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (first, stopped) = oneshot::channel();
    tokio::spawn(async move {
        let mut next = async || tokio::select! { _ = terminate.recv() => "SIGTERM", _ = interrupt.recv() => "SIGINT" };
        let name = next().await;
        tracing::info!(signal = name, "stop was asked for");
        // A server that has ended already needs no telling.
        let _ = first.send(());
        let name = next().await;
        tracing::warn!(signal = name, "asked again: ending at once");
        exit_at_once();
    });
    Ok(stopped)
}

#[expect(clippy::disallowed_methods, reason = "the operator asked twice; waiting for tasks is what they do not want")]
fn exit_at_once() {
    std::process::exit(EXIT_AT_ONCE);
}
