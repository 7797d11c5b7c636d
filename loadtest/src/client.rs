//! One HTTP/1.1 connection that is kept open, with one request in flight: what a worker of the load drives.
//!
//! Owns connecting, reconnecting after the server closed, and one buffer that every answer is read into. It does not
//! retry a request that failed. It is no general client on purpose: the generator shares the machine with the server,
//! and a request costs it two system calls. Called by the scenarios.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::body::{Body, Piece};
use crate::http::encoding::Decoder;
use crate::http::head;
use crate::target::{Call, Target};

/// The longest body that is collected whole; packs are streamed instead.
const MAX_COLLECTED_BYTES: usize = 256 * 1024 * 1024;

/// What is read from the socket at once. More than a few packets, so that large packs cost few system calls.
const BUFFER_BYTES: usize = 128 * 1024;

/// One connection to the target.
pub(crate) struct Client {
    target: Arc<Target>,
    link: Option<Link>,
    /// The body collected last.
    whole: Vec<u8>,
}

/// A connected socket and the bytes read from it that are not yet taken: `buffer[start..end]`.
struct Link {
    stream: TcpStream,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

/// An answer whose head has arrived. Dropped before its end, it takes its connection along.
pub(crate) struct Answer<'a> {
    link: Link,
    home: &'a mut Option<Link>,
    whole: &'a mut Vec<u8>,
    body: Body,
    keep_alive: bool,
    decoder: Option<Decoder>,
    decoded: Vec<u8>,
    /// When the head arrived.
    pub(crate) head_at: Instant,
    /// Body bytes read so far, as they were on the wire.
    pub(crate) bytes: u64,
    /// When the first byte of the body arrived.
    pub(crate) first_byte_at: Option<Instant>,
}

/// A whole body.
pub(crate) struct Collected<'a> {
    /// Its bytes, decoded.
    pub(crate) body: &'a [u8],
    /// Its length on the wire.
    pub(crate) bytes: u64,
    /// When its first byte came, or the head of an empty one.
    pub(crate) first_byte_at: Instant,
}

/// Where the next data of an answer lies.
enum Found {
    Buffer(std::ops::Range<usize>),
    Decoded,
    End,
}

impl Client {
    /// Opens no connection yet.
    pub(crate) fn new(target: Arc<Target>) -> Self {
        Self { target, link: None, whole: Vec::new() }
    }

    /// Sends a request and waits for the head of a 200 answer.
    ///
    /// Errors: no connection, a broken one, another status (with the beginning of its body).
    pub(crate) async fn send(&mut self, call: &Call) -> Result<Answer<'_>, String> {
        let mut link = match self.link.take() {
            Some(link) if link.is_usable() => link,
            _ => Link::connect(&self.target).await?,
        };
        link.stream.write_all(&call.bytes).await.map_err(broke)?;
        let head = link.read_head().await?;
        let answer = Answer {
            link,
            home: &mut self.link,
            whole: &mut self.whole,
            body: head.body,
            keep_alive: head.keep_alive,
            decoder: Decoder::new(head.encoding),
            decoded: Vec::new(),
            head_at: Instant::now(),
            bytes: 0,
            first_byte_at: None,
        };
        if head.status == 200 {
            return Ok(answer);
        }
        let text = answer.collect().await.map(|collected| collected.body).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[..text.len().min(200)]).trim().to_owned();
        Err(format!("status {}: {text}", head.status))
    }

    /// Sends a request and collects the whole body of its 200 answer.
    ///
    /// Errors: as `send` and `Answer::collect`.
    pub(crate) async fn fetch(&mut self, call: &Call) -> Result<Collected<'_>, String> {
        self.send(call).await?.collect().await
    }

    /// Drops the connection: what was in flight on it cannot be told apart from what comes next.
    pub(crate) fn close(&mut self) {
        self.link = None;
    }
}

impl Link {
    async fn connect(target: &Target) -> Result<Self, String> {
        let stream = TcpStream::connect(&target.address).await;
        let stream = stream.map_err(|e| format!("cannot connect to {}: {e}", target.address))?;
        stream.set_nodelay(true).map_err(|e| format!("cannot set TCP_NODELAY: {e}"))?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES].into_boxed_slice(), start: 0, end: 0 })
    }

    /// Whether nothing came since the last answer: neither the server's close nor bytes that belong to no request.
    /// Costs no system call while the connection is quiet, because the runtime knows that nothing is there.
    fn is_usable(&self) -> bool {
        let quiet = self.stream.try_read(&mut [0]).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
        self.start == self.end && quiet
    }

    async fn read_head(&mut self) -> Result<head::Head, String> {
        (self.start, self.end) = (0, 0);
        loop {
            if let Some(end) = head::end(&self.buffer[..self.end]) {
                self.start = end;
                return head::parse(&self.buffer[..end]);
            }
            if self.end >= head::MAX_BYTES {
                return Err(format!("the head of the answer is longer than {} bytes", head::MAX_BYTES));
            }
            if self.read_more().await? == 0 {
                return Err("the connection was closed before the answer".into());
            }
        }
    }

    /// Reads once, behind what is there.
    async fn read_more(&mut self) -> Result<usize, String> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start > 0 {
            // What is left is a line between chunks that was cut: short.
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let read = self.stream.read(&mut self.buffer[self.end..]).await.map_err(broke)?;
        self.end += read;
        Ok(read)
    }
}

impl Answer<'_> {
    /// The next piece of the body, decoded; `None` at its proper end.
    ///
    /// Errors: the connection broke, the body ended early, its encoding is damaged.
    pub(crate) async fn next(&mut self) -> Result<Option<&[u8]>, String> {
        Ok(match self.find().await? {
            Found::Buffer(range) => Some(&self.link.buffer[range]),
            Found::Decoded => Some(&self.decoded),
            Found::End => None,
        })
    }

    async fn find(&mut self) -> Result<Found, String> {
        loop {
            match self.body.next(&self.link.buffer[self.link.start..self.link.end])? {
                Piece::Data(range) => {
                    let range = self.link.start + range.start..self.link.start + range.end;
                    self.first_byte_at.get_or_insert_with(Instant::now);
                    self.bytes += range.len() as u64;
                    self.link.start = range.end;
                    let Some(decoder) = &mut self.decoder else { return Ok(Found::Buffer(range)) };
                    decoder.feed(&self.link.buffer[range], &mut self.decoded)?;
                    if !self.decoded.is_empty() {
                        return Ok(Found::Decoded);
                    }
                }
                Piece::More(framing) => {
                    self.link.start += framing;
                    if self.link.read_more().await? == 0 {
                        if self.body != Body::UntilClose {
                            return Err("the body broke off".into());
                        }
                        self.body = Body::length(0);
                    }
                }
                Piece::End(framing) => {
                    self.link.start += framing;
                    self.body = Body::length(0);
                    if let Some(mut decoder) = self.decoder.take() {
                        decoder.finish(&mut self.decoded)?;
                        if !self.decoded.is_empty() {
                            return Ok(Found::Decoded);
                        }
                    }
                    return Ok(Found::End);
                }
            }
        }
    }

    /// Gives the connection back once `next` has given `None`; otherwise it is closed.
    pub(crate) fn finish(self) {
        if self.keep_alive && self.body == Body::length(0) {
            *self.home = Some(self.link);
        }
    }
}

impl<'a> Answer<'a> {
    /// The whole body, decoded, in memory that the next answer uses again.
    ///
    /// Errors: as `next`, or longer than is kept in memory.
    pub(crate) async fn collect(self) -> Result<Collected<'a>, String> {
        Ok(self.collect_unless(&[]).await?.1)
    }

    /// The same, but a body that begins as `known` does is compared as it comes, and not copied: says whether it is `known`, and if so collects nothing.
    ///
    /// Errors: as `collect`.
    pub(crate) async fn collect_unless(mut self, known: &[u8]) -> Result<(bool, Collected<'a>), String> {
        self.whole.clear();
        let mut equal = Some(0);
        loop {
            let piece = match self.find().await? {
                Found::Buffer(range) => &self.link.buffer[range],
                Found::Decoded => &self.decoded,
                Found::End => break,
            };
            if let Some(len) = equal {
                if known.get(len..len + piece.len()) == Some(piece) {
                    equal = Some(len + piece.len());
                    continue;
                }
                self.whole.extend_from_slice(&known[..len]);
                equal = None;
            }
            if self.whole.len() + piece.len() > MAX_COLLECTED_BYTES {
                return Err(format!("the body is longer than {MAX_COLLECTED_BYTES} bytes"));
            }
            self.whole.extend_from_slice(piece);
        }
        let is_known = equal == Some(known.len());
        if let Some(len) = equal.filter(|_| !is_known) {
            self.whole.extend_from_slice(&known[..len]);
        }
        if self.keep_alive {
            *self.home = Some(self.link);
        }
        let first_byte_at = self.first_byte_at.unwrap_or(self.head_at);
        Ok((is_known, Collected { body: self.whole, bytes: self.bytes, first_byte_at }))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn broke(error: std::io::Error) -> String {
    format!("the connection broke: {error}")
}

#[cfg(test)]
mod tests;
