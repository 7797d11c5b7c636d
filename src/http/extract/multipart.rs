//! A form with files (`multipart/form-data`, RFC 7578), read as it arrives.
//!
//! Owns the grammar and its bounds: nothing but a boundary's length and one head of a part is held in memory. What a part means is the handler's.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::error::{Error, Kind, Result};

/// Longest head of a part. Units: bytes.
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// Most parts of a form.
const MAX_PARTS: usize = 32;
/// Longest boundary, as RFC 2046 has it. Units: bytes.
const MAX_BOUNDARY_BYTES: usize = 70;

/// What a part says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartHead {
    /// Name of the field.
    pub name: String,
    /// Name of the file, as the client has it; none: an ordinary field.
    pub file_name: Option<String>,
}

/// A form on its way in.
#[derive(Debug)]
pub struct Multipart {
    body: Body,
    /// Line break, two dashes, boundary.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    is_at_end: bool,
    parts: usize,
    /// Bytes that may still come.
    left: u64,
}

/// The boundary that a content type names; none: it is no form with files.
pub fn boundary(content_type: &str) -> Option<String> {
    let (essence, parameters) = content_type.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let found = parameters.split(';').filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    let is_one =
        (1..=MAX_BOUNDARY_BYTES).contains(&found.len()) && found.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_one.then_some(found)
}

impl Multipart {
    /// Begins to read a form of at most so many bytes, everything around its parts included.
    pub fn new(body: Body, boundary: &str, max_bytes: u64) -> Self {
        // The first delimiter needs no line break before it; given one, it is like the others.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Self { body, delimiter, buffer, is_at_end: false, parts: 0, left: max_bytes }
    }

    /// Goes to the next part, past what is left of the present one.
    ///
    /// Errors: `Malformed`, `TooLarge`.
    pub async fn next_part(&mut self) -> Result<Option<PartHead>> {
        if self.is_at_end {
            return Ok(None);
        }
        while self.chunk().await?.is_some() {}
        drop(self.buffer.split_to(self.delimiter.len()));
        self.fill(2).await?;
        if self.buffer.starts_with(b"--") {
            self.is_at_end = true;
            return Ok(None);
        }
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(malformed("the form has too many parts"));
        }
        let head = self.head().await?;
        Ok(Some(read_head(&head)))
    }

    /// The next bytes of the present part; none at its end.
    ///
    /// Errors: `Malformed` when the form breaks off, `TooLarge`.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(at) = find(&self.buffer, &self.delimiter) {
                return Ok((at > 0).then(|| self.buffer.split_to(at).freeze()));
            }
            // The end of what is there may be the start of a delimiter.
            let sure = (self.buffer.len() + 1).saturating_sub(self.delimiter.len());
            if sure > 0 {
                return Ok(Some(self.buffer.split_to(sure).freeze()));
            }
            self.read_more().await?;
        }
    }

    /// The lines between a delimiter and the content.
    async fn head(&mut self) -> Result<Bytes> {
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(at).freeze();
                drop(self.buffer.split_to(4));
                return Ok(head);
            }
            if self.buffer.len() > MAX_HEAD_BYTES {
                return Err(malformed("the head of a part is too long"));
            }
            self.read_more().await?;
        }
    }

    async fn fill(&mut self, count: usize) -> Result<()> {
        while self.buffer.len() < count {
            self.read_more().await?;
        }
        Ok(())
    }

    async fn read_more(&mut self) -> Result<()> {
        loop {
            let frame = self.body.frame().await.ok_or_else(|| malformed("the form does not end"))?;
            let frame = frame.map_err(|error| malformed("request body did not arrive whole").with_source(error))?;
            if let Ok(data) = frame.into_data() {
                let too_large = || Error::new(Kind::TooLarge, "the form is too long");
                self.left = self.left.checked_sub(data.len() as u64).ok_or_else(too_large)?;
                self.buffer.extend_from_slice(&data);
                return Ok(());
            }
        }
    }
}

fn malformed(what: &'static str) -> Error {
    Error::new(Kind::Malformed, what)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(|byte| *byte == first)?;
        if text.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}

fn read_head(head: &[u8]) -> PartHead {
    let text = String::from_utf8_lossy(head);
    let line = text.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut dispositions = line.filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"));
    let Some((_, value)) = dispositions.next() else { return PartHead::default() };
    PartHead { name: parameter(value, "name").unwrap_or_default(), file_name: parameter(value, "filename") }
}

/// A parameter of a header; quotes inside of it are written `%22` by browsers and `\"` by others.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value;
    while let Some((_, after)) = rest.split_once(';') {
        let (name, after) = after.split_once('=')?;
        let (found, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (plain, after) = after.split_at(end);
                (plain.trim().to_owned(), after)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(found.replace("%22", "\""));
        }
        rest = after;
    }
    None
}

fn unquote(text: &str) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((found, text.get(at + 1..)?)),
            // Only a quote: a backslash alone may be part of a path.
            '\\' if text.get(at + 1..)?.starts_with('"') => {
                characters.next();
                found.push('"');
            }
            other => found.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form in pieces of a length, as a connection may bring it.
    fn form(text: &str, piece: usize) -> Multipart {
        let (sender, mut waiting) = tokio::sync::mpsc::channel(1024);
        for bytes in text.as_bytes().chunks(piece) {
            sender.try_send(Bytes::copy_from_slice(bytes)).unwrap();
        }
        drop(sender);
        let mut whole = Vec::new();
        while let Ok(bytes) = waiting.try_recv() {
            whole.push(bytes);
        }
        Multipart::new(Body::new(Pieces(whole.into())), "xYz", 1 << 16)
    }

    struct Pieces(std::collections::VecDeque<Bytes>);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<std::result::Result<http_body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Ready(self.0.pop_front().map(|bytes| Ok(http_body::Frame::data(bytes))))
        }
    }

    async fn read(mut form: Multipart) -> Result<Vec<(String, Option<String>, String)>> {
        let mut parts = Vec::new();
        while let Some(head) = form.next_part().await? {
            let mut content = Vec::new();
            while let Some(bytes) = form.chunk().await? {
                assert!(!bytes.is_empty());
                content.extend_from_slice(&bytes);
            }
            parts.push((head.name, head.file_name, String::from_utf8_lossy(&content).into_owned()));
        }
        Ok(parts)
    }

    #[tokio::test]
    async fn parts_are_found_however_the_form_is_cut() {
        let text = "preamble\r\n--xYz\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nvalue\r\n--xYz\r\n\
             content-disposition: form-data; filename=\"a \\\"b\\\" %22c%22.txt\"; name=attachment\r\nContent-Type: text/plain\r\n\r\n\
             one\r\n--xY\r\n-two\r\n\r\n--xYz\r\nX: y\r\n\r\n\r\n--xYz--\r\nepilogue";
        for piece in 1..text.len() {
            let parts = read(form(text, piece)).await.unwrap();
            let expected = [
                ("name".to_owned(), None, "value".to_owned()),
                ("attachment".to_owned(), Some("a \"b\" \"c\".txt".to_owned()), "one\r\n--xY\r\n-two\r\n".to_owned()),
                (String::new(), None, String::new()),
            ];
            assert_eq!(parts, expected, "{piece}");
        }
    }

    #[tokio::test]
    async fn what_breaks_off_or_never_ends_is_refused() {
        let endless = format!("--xYz\r\n{}", "A: b\r\n".repeat(4000));
        let many = format!("{}--xYz--", "--xYz\r\nA: b\r\n\r\nx\r\n".repeat(100));
        for text in
            ["", "--xYz", "--xYz\r\n", "--xYz\r\n\r\n", "--xYz\r\nA: b\r\n\r\ncontent", "no form", &endless, &many]
        {
            assert_eq!(read(form(text, 100)).await.unwrap_err().kind(), Kind::Malformed, "{text:.40}");
        }
        assert!(read(form("--xYz--", 3)).await.unwrap().is_empty());
        // What stands before the first part and between parts counts, too.
        let long = format!("{}\r\n--xYz--", "x".repeat(1 << 16));
        assert_eq!(read(form(&long, 100)).await.unwrap_err().kind(), Kind::TooLarge);
    }

    #[test]
    fn boundaries_by_table() {
        let table = [
            ("multipart/form-data; boundary=xYz", Some("xYz")),
            ("Multipart/Form-Data; charset=x; Boundary=\"a b\"", Some("a b")),
            ("multipart/mixed; boundary=x", None),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("application/json", None),
        ];
        for (text, expected) in table {
            assert_eq!(boundary(text).as_deref(), expected, "{text}");
        }
        assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))), None);
    }
}
