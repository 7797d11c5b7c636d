//! Servers that others make requests of: one that says what a test wants it to say, and a valve before another one.
//!
//! Owns listeners and threads; they end with the process. One request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::pack::pkt;
use super::wait::pause_for;

/// What is said to a request, given its first line and its body; written until the other side has enough.
pub(crate) type Script = dyn Fn(&str, &[u8], &mut TcpStream) -> std::io::Result<()> + Send + Sync;

/// A server with a script.
pub(crate) struct Remote {
    pub(crate) addr: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Remote {
    /// Listens on a loopback address, such as `127.0.0.2:0`.
    pub(crate) fn start(
        listen: &str,
        script: impl Fn(&str, &[u8], &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(listen).unwrap();
        let addr = listener.local_addr().unwrap();
        let (script, asked): (Arc<Script>, Arc<AtomicUsize>) = (Arc::new(script), Arc::default());
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let script = Arc::clone(&script);
                // Whoever leaves early has had enough, which is what some tests are about.
                std::thread::spawn(move || {
                    drop(read(&stream).and_then(|(line, body)| script(&line, &body, &mut stream)))
                });
            }
        });
        Self { addr, asked }
    }

    /// The address of a repository.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/repository.git", self.addr)
    }

    /// How many connections there were.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn read(stream: &TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut input = BufReader::new(stream);
    let mut first = String::new();
    input.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
    }
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body)?;
    Ok((first.trim().to_owned(), body))
}

/// A head without a length: the body ends with the connection.
pub(crate) fn head(status: &str, kind: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n").into_bytes()
}

/// A server of protocol v2 that lists these refs, and answers a fetch with these bytes of a pack.
pub(crate) fn v2(line: &str, body: &[u8], refs: &[(&str, &str)], pack: &[u8]) -> Vec<u8> {
    const KIND: &str = "application/x-git-upload-pack-result";
    if line.starts_with("GET") {
        let lines =
            [&b"version 2\n"[..], b"ls-refs=unborn\n", b"fetch=shallow\n", b"object-format=sha1\n"].map(pkt).concat();
        return [head("200 OK", "application/x-git-upload-pack-advertisement"), lines, b"0000".to_vec()].concat();
    }
    if body.windows(15).any(|part| part == b"command=ls-refs") {
        let lines: Vec<u8> = refs.iter().flat_map(|(id, name)| pkt(format!("{id} {name}\n").as_bytes())).collect();
        return [head("200 OK", KIND), lines, b"0000".to_vec()].concat();
    }
    let bands: Vec<u8> = pack.chunks(60_000).flat_map(|part| pkt(&[&[1], part].concat())).collect();
    [head("200 OK", KIND), pkt(b"packfile\n"), bands, b"0000".to_vec()].concat()
}

/// Stands before another server and, while it is shut, lets no more than the beginning of an answer to a fetch through.
pub(crate) struct Valve {
    pub(crate) addr: SocketAddr,
    is_shut: Arc<AtomicBool>,
    held: Arc<AtomicUsize>,
}

impl Valve {
    pub(crate) fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (is_shut, held) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (shut, count) = (Arc::clone(&is_shut), Arc::clone(&held));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shut, count) = (Arc::clone(&shut), Arc::clone(&count));
                std::thread::spawn(move || drop(pass(client, server, &shut, &count)));
            }
        });
        Self { addr, is_shut, held }
    }

    pub(crate) fn set_shut(&self, is_shut: bool) {
        self.is_shut.store(is_shut, Ordering::SeqCst);
    }

    /// How many answers were held back so far.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }
}

fn pass(mut client: TcpStream, server: SocketAddr, shut: &AtomicBool, held: &AtomicUsize) -> std::io::Result<()> {
    let mut upstream = TcpStream::connect(server)?;
    let (mut from, mut to) = (client.try_clone()?, upstream.try_clone()?);
    let is_fetch = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_fetch);
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if buffer[..count].windows(13).any(|part| part == b"command=fetch") {
                seen.store(true, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
    });
    let mut buffer = [0; 300];
    let mut is_first = true;
    while let Ok(count @ 1..) = upstream.read(&mut buffer) {
        client.write_all(&buffer[..count])?;
        if is_first && is_fetch.load(Ordering::SeqCst) && shut.load(Ordering::SeqCst) {
            held.fetch_add(1, Ordering::SeqCst);
            while shut.load(Ordering::SeqCst) {
                pause_for(Duration::from_millis(5));
            }
        }
        is_first = false;
    }
    // The other thread holds it open.
    client.shutdown(std::net::Shutdown::Both)
}
