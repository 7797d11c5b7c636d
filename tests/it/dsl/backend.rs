//! Stock git as an HTTP server: `git http-backend` behind the smallest possible gateway, for comparing what clients get from it and from us.
//!
//! Owns one listener and its threads; they end with the process. For tests only: no limits, one request a connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// A running gateway.
pub(crate) struct Backend {
    addr: SocketAddr,
}

impl Backend {
    /// Serves the bare repositories below `root`.
    pub(crate) fn start(root: &Path) -> Self {
        Self::listen(root, true)
    }

    /// The same as a server that does not look at the version of the protocol which clients ask for, as many do that pass nothing on to git.
    pub(crate) fn start_old(root: &Path) -> Self {
        Self::listen(root, false)
    }

    fn listen(root: &Path, passes_protocol: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let root: Arc<PathBuf> = Arc::new(root.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let root = Arc::clone(&root);
                // A client that leaves early is no concern of the test.
                std::thread::spawn(move || drop(answer(&stream, &root, passes_protocol)));
            }
        });
        Self { addr }
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address of a repository.
    pub(crate) fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}", self.addr)
    }
}

fn answer(stream: &TcpStream, root: &Path, passes_protocol: bool) -> io::Result<()> {
    let mut input = BufReader::new(stream);
    let mut line = String::new();
    input.read_line(&mut line)?;
    let (method, target) = line.split_once(' ').ok_or_else(|| io::Error::other("no request line"))?;
    let target = target.split(' ').next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut command = Command::new("git");
    command.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("PATH_INFO", path).env("QUERY_STRING", query).env("REQUEST_METHOD", method);
    command.env("REMOTE_USER", "ada").env("REMOTE_ADDR", "127.0.0.1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(io::Error::other)?,
            "transfer-encoding" => is_chunked = value == "chunked",
            "content-type" => drop(command.env("CONTENT_TYPE", value)),
            "content-encoding" => drop(command.env("HTTP_CONTENT_ENCODING", value)),
            "git-protocol" if passes_protocol => {
                command.env("GIT_PROTOCOL", value).env("HTTP_GIT_PROTOCOL", value);
            }
            "expect" => (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            _ => {}
        }
    }
    let mut body = Vec::new();
    if is_chunked {
        loop {
            let mut line = String::new();
            input.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            input.by_ref().take(size).read_to_end(&mut body)?;
            input.read_line(&mut String::new())?;
            if size == 0 {
                break;
            }
        }
    } else {
        input.take(length).read_to_end(&mut body)?;
    }
    command.env("CONTENT_LENGTH", body.len().to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&body)));
    let mut said = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut said)?;
    drop(feeder.join());
    child.wait()?;
    let status = said.strip_prefix(b"Status: ").map_or("200 OK".to_owned(), |rest| {
        String::from_utf8_lossy(rest.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned()
    });
    let mut out = stream;
    out.write_all(format!("HTTP/1.1 {status}\r\nconnection: close\r\n").as_bytes())?;
    out.write_all(&said)
}
