//! A blocking HTTP/1.1 client over a plain socket: exact control over every byte that reaches the server.
//!
//! Owns request writing and reply parsing. Knows nothing of users or of the forge; personas and hostile tests call it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a reply may take before the test fails.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// One parsed reply.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// What was asked, for messages.
    pub(crate) asked: String,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: body is not JSON ({error}): {}", self.asked, self.text()))
    }

    /// The reply, if it has this status; fails the test otherwise.
    pub(crate) fn expect(self, status: u16) -> Self {
        self.expect_one_of(&[status])
    }

    pub(crate) fn expect_one_of(self, statuses: &[u16]) -> Self {
        assert!(
            statuses.contains(&self.status),
            "{}: expected {statuses:?}, got {} {:?}\n{}",
            self.asked,
            self.status,
            self.headers,
            self.text().chars().take(2000).collect::<String>()
        );
        self
    }
}

/// One request to write.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", content_type)
    }

    /// The head as it goes over the wire; `Content-Length` and `Host` are added unless the caller framed the body.
    pub(crate) fn head(&self, addr: SocketAddr) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n", self.method, self.target);
        let has = |name: &str| self.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        if !has("Content-Length") && !has("Transfer-Encoding") && !matches!(self.method.as_str(), "GET" | "HEAD") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    pub(crate) fn send(&self, addr: SocketAddr) -> io::Result<Reply> {
        let mut wire = Wire::connect(addr)?;
        wire.write(&self.head(addr))?;
        // A server may answer and close before the body is through (413, 401): the reply still counts.
        let written = wire.write(&self.body);
        let mut reply = match wire.reply_to(&self.method) {
            Ok(reply) => reply,
            Err(error) => return Err(written.err().unwrap_or(error)),
        };
        reply.asked = format!("{} {}", self.method, self.target);
        Ok(reply)
    }
}

/// An open connection, for tests that break the rules of it.
pub(crate) struct Wire {
    stream: TcpStream,
    buffered: Vec<u8>,
}

impl Wire {
    pub(crate) fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        Ok(Self { stream, buffered: Vec::new() })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Writes as much as the peer takes in this time.
    pub(crate) fn write_within(&mut self, bytes: &[u8], time: Duration) -> io::Result<()> {
        self.stream.set_write_timeout(Some(time))?;
        self.stream.write_all(bytes)
    }

    pub(crate) fn write_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(format!("{:x}\r\n", bytes.len()).as_bytes())?;
        self.write(bytes)?;
        self.write(b"\r\n")
    }

    pub(crate) fn finish_chunks(&mut self) -> io::Result<()> {
        self.write(b"0\r\n\r\n")
    }

    pub(crate) fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    pub(crate) fn read_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(timeout))
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let count = self.stream.read(&mut chunk)?;
        self.buffered.extend_from_slice(&chunk[..count]);
        Ok(count)
    }

    /// Reads until the peer closes; a reset counts as closed. `Err` if it is still open after the read timeout.
    pub(crate) fn read_to_close(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.fill() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error),
            }
        }
        Ok(std::mem::take(&mut self.buffered))
    }

    /// Reads one head, 1xx included: status and headers.
    pub(crate) fn head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        let end = loop {
            if let Some(at) = self.buffered.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if self.fill()? == 0 {
                let seen = String::from_utf8_lossy(&self.buffered).into_owned();
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("closed before a reply: {seen:?}")));
            }
        };
        let head: Vec<u8> = self.buffered.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line in {head:?}")))?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        Ok((status, headers))
    }

    /// Reads the final reply to a request of this method.
    pub(crate) fn reply_to(&mut self, method: &str) -> io::Result<Reply> {
        let (status, headers) = loop {
            let (status, headers) = self.head()?;
            if status >= 200 {
                break (status, headers);
            }
        };
        let mut reply = Reply { asked: method.to_owned(), status, headers, body: Vec::new() };
        if method == "HEAD" || status == 204 || status == 304 {
            return Ok(reply);
        }
        let chunked = reply.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let length = reply.header("Content-Length").and_then(|value| value.parse::<usize>().ok());
        reply.body = match (chunked, length) {
            (true, _) => self.chunked_body()?,
            (false, Some(length)) => self.exactly(length)?,
            (false, None) => self.read_to_close()?,
        };
        Ok(reply)
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffered.len() < length {
            if self.fill()? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "reply body cut short"));
            }
        }
        Ok(self.buffered.drain(..length).collect())
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.buffered.windows(2).position(|window| window == b"\r\n") {
                let line: Vec<u8> = self.buffered.drain(..at + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            if self.fill()? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "reply body cut short inside a chunk"));
            }
        }
    }

    fn chunked_body(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or("").trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| io::Error::other(format!("bad chunk {line:?}")))?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.exactly(size)?);
            self.exactly(2)?;
        }
    }
}
