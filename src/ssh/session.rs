//! One session channel: from its opening to its exit status.
//!
//! Owns the wait for a command, what is said to somebody who wants a shell, exit codes and the line in the log. Called by `connection`,
//! in a task of its own that reads the channel all the time, so that one session cannot hold up the connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use atomicqms_git::protocol::ProtocolVersion;
use bytes::Bytes;
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};

use super::command::{self, Command};
use super::socket::Line;
use super::{archive, fetch, push};
use crate::access::action::CloneRepository;
use crate::access::{Caller, Principal};
use crate::error::{Error, Kind};
use crate::forge::intake::Crowd;
use crate::http::App;

/// Exit status of a command that did its work.
const DONE: u32 = 0;
/// Exit status of one that was refused.
const REFUSED: u32 = 1;
/// Exit status git gives a command that broke off.
const BROKEN: u32 = 128;

/// Longest wait for a last word to be taken.
const GOODBYE_TIME: Duration = Duration::from_secs(5);

/// A channel that was just opened.
pub(super) struct Opened {
    pub(super) app: App,
    pub(super) caller: Arc<Caller>,
    pub(super) channel: Channel<Msg>,
    pub(super) line: Line,
}

/// Both halves of a channel, and what bounds the wait for them.
pub(super) struct Pipe {
    read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
    idle_timeout: Duration,
    stall_timeout: Duration,
    crowded_stall_timeout: Duration,
    /// Who waits for what this command holds.
    pub(super) crowd: Option<Crowd>,
    /// Bytes that came while something was sent.
    ahead: Vec<Bytes>,
    ahead_bytes: usize,
    max_ahead_bytes: usize,
    has_ended: bool,
}

/// What a client sent.
pub(super) enum Input {
    Data(Bytes),
    /// It will send nothing more.
    Eof,
}

/// Why a command did not reach its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// Refused or failed, in words.
    Error(Error),
    /// The client broke the protocol; it was told already.
    Told,
    /// The client left.
    Gone,
    /// The client did nothing that was waited for.
    Idle,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Error(error)
    }
}

impl Pipe {
    /// Waits for what the client sends.
    ///
    /// Errors: `Gone`, `Idle`.
    pub(super) async fn read(&mut self) -> Result<Input, Fault> {
        if !self.ahead.is_empty() {
            let data = self.ahead.remove(0);
            self.ahead_bytes = self.ahead_bytes.saturating_sub(data.len());
            return Ok(Input::Data(data));
        }
        if self.has_ended {
            return Ok(Input::Eof);
        }
        loop {
            match tokio::time::timeout(self.idle_timeout, self.read.wait()).await {
                Err(_) => return Err(Fault::Idle),
                Ok(Some(ChannelMsg::Data { data })) => return Ok(Input::Data(data)),
                Ok(Some(ChannelMsg::Eof)) => {
                    self.has_ended = true;
                    return Ok(Input::Eof);
                }
                Ok(None | Some(ChannelMsg::Close)) => return Err(Fault::Gone),
                Ok(Some(_)) => {}
            }
        }
    }

    /// Sends bytes as fast as the client's window takes them. What arrives meanwhile is kept, within bounds: a client that sends and
    /// never reads cannot hold up its own connection.
    ///
    /// Errors: `Gone`, `Idle`.
    pub(super) async fn send(&mut self, bytes: Bytes) -> Result<(), Fault> {
        if bytes.is_empty() {
            return Ok(());
        }
        let sending = self.write.data_bytes(bytes);
        tokio::pin!(sending);
        let begun = tokio::time::Instant::now();
        let mut look_again = begun + self.crowded_stall_timeout.min(self.stall_timeout);
        loop {
            tokio::select! {
                sent = &mut sending => return sent.map_err(|_| Fault::Gone),
                () = tokio::time::sleep_until(look_again) => {
                    let left = self.stall_timeout.saturating_sub(begun.elapsed());
                    if left.is_zero() || self.crowd.as_ref().is_some_and(Crowd::is_waiting) {
                        return Err(Fault::Idle);
                    }
                    look_again += left.min(self.crowded_stall_timeout);
                }
                message = self.read.wait(), if !self.has_ended => match message {
                    None | Some(ChannelMsg::Close) => return Err(Fault::Gone),
                    Some(ChannelMsg::Eof) => self.has_ended = true,
                    Some(ChannelMsg::Data { data }) => {
                        self.ahead_bytes = self.ahead_bytes.saturating_add(data.len());
                        if self.ahead_bytes > self.max_ahead_bytes {
                            return Err(Fault::Error(Error::new(Kind::Malformed, "too much was sent ahead")));
                        }
                        self.ahead.push(data);
                    }
                    Some(_) => {}
                }
            }
        }
    }

    /// Says something to the person at the other end.
    async fn say(&mut self, text: &str) {
        // Who has left or does not read is not told.
        let _ = tokio::time::timeout(GOODBYE_TIME, self.write.extended_data_bytes(1, text.to_owned())).await;
    }

    async fn finish(self, status: u32) {
        let goodbye = async {
            let _ = self.write.exit_status(status).await;
            let _ = self.write.eof().await;
            let _ = self.write.close().await;
        };
        // A client that has left needs no goodbye.
        let _ = tokio::time::timeout(GOODBYE_TIME, goodbye).await;
    }
}

/// What a client asked for.
enum Asked {
    Shell,
    Exec(Vec<u8>),
    Nothing,
}

/// Serves one channel to its end.
pub(super) async fn serve(opened: Opened) {
    let Opened { app, caller, channel, line } = opened;
    let settings = &app.config.ssh;
    let idle_timeout = Duration::from_secs(settings.idle_timeout_seconds);
    let (read, write) = channel.split();
    let mut pipe = Pipe {
        read,
        write,
        idle_timeout,
        stall_timeout: Duration::from_secs(app.config.server.stall_timeout_seconds),
        crowded_stall_timeout: Duration::from_secs(app.config.server.crowded_stall_timeout_seconds),
        crowd: None,
        ahead: Vec::new(),
        ahead_bytes: 0,
        max_ahead_bytes: app.config.git.max_request_bytes,
        has_ended: false,
    };
    let work = async move {
        let (asked, version) = wait_for_request(&mut pipe).await;
        let started = Instant::now();
        let (name, status, outcome) = match asked {
            Asked::Nothing => return pipe.finish(REFUSED).await,
            Asked::Shell => {
                pipe.say(&greeting(&caller)).await;
                ("shell", REFUSED, "refused")
            }
            Asked::Exec(line) => Box::pin(run(&app, &caller, &line, version, &mut pipe)).await,
        };
        pipe.finish(status).await;
        metrics::counter!("atomicqms_ssh_sessions_total", "command" => name, "outcome" => outcome).increment(1);
        let login = caller.stamp().actor.login;
        let duration_ms = started.elapsed().as_millis() as u64;
        tracing::info!(
            ssh.command = name,
            user.login = login,
            ssh.status = status,
            duration_ms,
            "ssh session {outcome}"
        );
    };
    tokio::select! {
        () = work => {}
        () = line.was_cut() => {}
    }
}

/// Reads the requests of a channel up to the one that starts something.
async fn wait_for_request(pipe: &mut Pipe) -> (Asked, ProtocolVersion) {
    let mut version = ProtocolVersion::V0;
    let deadline = tokio::time::Instant::now() + pipe.idle_timeout;
    loop {
        let message = match tokio::time::timeout_at(deadline, pipe.read.wait()).await {
            Ok(Some(message)) => message,
            Ok(None) | Err(_) => return (Asked::Nothing, version),
        };
        match message {
            ChannelMsg::SetEnv { variable_name, variable_value, .. } => {
                version = command::protocol_version(&variable_name, &variable_value).unwrap_or(version);
            }
            ChannelMsg::Exec { command, .. } => return (Asked::Exec(command), version),
            ChannelMsg::RequestShell { .. } => return (Asked::Shell, version),
            ChannelMsg::Eof | ChannelMsg::Close => return (Asked::Nothing, version),
            // Terminals, forwarding and subsystems were refused by the connection.
            _ => {}
        }
    }
}

/// Runs one command; answers its name, exit status and outcome.
async fn run(
    app: &App,
    caller: &Caller,
    line: &[u8],
    version: ProtocolVersion,
    pipe: &mut Pipe,
) -> (&'static str, u32, &'static str) {
    let command = match command::parse(line) {
        Ok(command) => command,
        Err(refusal) => {
            pipe.say(&format!("AtomicQMS: {refusal}\n")).await;
            return ("unknown", REFUSED, "refused");
        }
    };
    let name = command.name();
    let result = match command {
        Command::UploadPack(path) => fetch::run(app, caller, &path, version, pipe).await,
        Command::ReceivePack(path) => push::run(app, caller, &path, version, pipe).await,
        Command::UploadArchive(path) => match app.forge.authorize(caller, CloneRepository, &path).await {
            Ok(permit) => archive::run(app, caller, &permit.into_subject().repository, pipe).await,
            Err(error) => Err(error.into()),
        },
        Command::LfsAuthenticate => Err(Fault::Error(Error::forbidden("this server has no large file storage yet"))),
    };
    match result {
        Ok(()) => (name, DONE, "ok"),
        Err(Fault::Error(error)) => {
            log(&error);
            let text = if error.kind() == Kind::NotFound { "repository not found" } else { error.public() };
            pipe.say(&format!("AtomicQMS: {text}\n")).await;
            let outcome = if error.kind() == Kind::Internal { "failed" } else { "refused" };
            (name, REFUSED, outcome)
        }
        Err(Fault::Told) => (name, BROKEN, "refused"),
        Err(Fault::Gone) => (name, BROKEN, "abandoned"),
        Err(Fault::Idle) => {
            pipe.say("AtomicQMS: idle for too long\n").await;
            (name, BROKEN, "idle")
        }
    }
}

fn log(error: &Error) {
    let line = error.log_line();
    match error.kind().level() {
        tracing::Level::ERROR => tracing::error!(error.chain = line, "ssh session failed"),
        tracing::Level::WARN => tracing::warn!(error.chain = line, "ssh session refused"),
        tracing::Level::INFO => tracing::info!(error.chain = line, "ssh session refused"),
        _ => tracing::debug!(error.chain = line, "ssh session refused"),
    }
}

/// What somebody is told who signs in without a command.
fn greeting(caller: &Caller) -> String {
    let name = match caller.principal() {
        Principal::DeployKey(key) => key.title.as_str(),
        _ => caller.user().map_or("there", |user| user.name.as_str()),
    };
    format!("Hi {name}! You've successfully authenticated, but AtomicQMS does not provide shell access.\n")
}
