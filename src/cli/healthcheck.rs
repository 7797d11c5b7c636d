//! `atomicqms healthcheck`: asks the server on this machine whether it is ready, for containers without curl.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::say;
use crate::config::Config;
use crate::server::Failure;

/// Longest wait for each step of the question.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of the answer that are looked at.
const ANSWER_MAX_BYTES: u64 = 16 * 1024;

/// Flags of `healthcheck`.
#[derive(Debug, Args)]
pub struct Flags {
    /// Address and port to ask [default: where the server of this data directory listens]
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
}

/// Asks `/readyz`; exit code 0 means ready.
pub(super) fn run(
    flags: Flags,
    settings: impl FnOnce(Vec<(&'static str, String)>) -> Result<Config, Failure>,
) -> Result<ExitCode, Failure> {
    let was_given = flags.http.is_some();
    let config = settings(flags.http.map(|text| ("server.http_addr", text)).into_iter().collect())?;
    let mut address = config.server.http_addr;
    if !was_given
        && let Ok(text) = std::fs::read_to_string(config.run_dir().join("http.addr"))
        && let Ok(published) = text.trim().parse()
    {
        address = published;
    }
    match ask(local(address)) {
        Ok((200, body)) => {
            say(body.trim());
            Ok(ExitCode::SUCCESS)
        }
        Ok((status, body)) => {
            say(&format!("{status} {}", body.trim()));
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            say(&format!("no answer from {address}: {error}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn local(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    address
}

fn ask(address: SocketAddr) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_MAX_BYTES).read_to_string(&mut answer)?;
    let unreadable = || std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is not HTTP");
    let status = answer.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(unreadable)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    Ok((status, body))
}
