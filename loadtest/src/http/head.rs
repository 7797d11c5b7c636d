//! The head of an answer: its status and what follows it.
//!
//! Owns the few headers that decide how to read on; all others are skipped. Called by `client`.

use crate::http::body::Body;
use crate::http::encoding::Encoding;

/// The longest head that is read.
pub(crate) const MAX_BYTES: usize = 16 * 1024;

/// What a head says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The status code.
    pub(crate) status: u16,
    /// How the body ends.
    pub(crate) body: Body,
    /// How the body is encoded.
    pub(crate) encoding: Encoding,
    /// Whether another request may follow on the connection.
    pub(crate) keep_alive: bool,
}

/// Where the head ends (behind its empty line), when it is complete.
pub(crate) fn end(buffer: &[u8]) -> Option<usize> {
    // Blocks of lines: only a line feed can end the head, and heads have few of them.
    let mut from = 0;
    while let Some(at) = buffer.get(from..)?.iter().position(|byte| *byte == b'\n') {
        let next = from + at + 1;
        if buffer.get(next..next + 2) == Some(b"\r\n") {
            return Some(next + 2);
        }
        from = next;
    }
    None
}

/// Reads a complete head, its empty line included.
///
/// Errors: no HTTP/1 answer, a malformed or folded line, a length that is unclear.
pub(crate) fn parse(head: &[u8]) -> Result<Head, String> {
    let mut lines = Lines(head);
    let status_line = lines.next().ok_or("an empty head")??;
    let (status, is_http_1_1) =
        status(status_line).ok_or_else(|| format!("`{}` is no HTTP/1 status line", status_line.escape_ascii()))?;
    let mut length = None;
    let mut chunked = false;
    let mut keep_alive = is_http_1_1;
    let mut encoding = Encoding::Plain;
    for line in lines {
        let line = line?;
        let bad = || format!("`{}` is no header", line.escape_ascii());
        let colon = line.iter().position(|byte| *byte == b':').ok_or_else(bad)?;
        let (name, value) = line.split_at(colon);
        if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) {
            return Err(bad());
        }
        let value = value[1..].trim_ascii();
        // The length first: most names are told apart by it alone.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let value = number(value).ok_or_else(bad)?;
                if length.is_some_and(|before| before != value) {
                    return Err("two lengths that differ".into());
                }
                length = Some(value);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(format!("transfer encoding `{}` is not known", value.escape_ascii()));
                }
                chunked = true;
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for word in value.split(|byte| *byte == b',') {
                    let word = word.trim_ascii();
                    if word.eq_ignore_ascii_case(b"close") {
                        keep_alive = false;
                    } else if word.eq_ignore_ascii_case(b"keep-alive") && !is_http_1_1 {
                        keep_alive = true;
                    }
                }
            }
            16 if name.eq_ignore_ascii_case(b"content-encoding") => encoding = Encoding::named(value)?,
            _ => {}
        }
    }
    let body = match (length, chunked) {
        (Some(_), true) => return Err("both a length and chunks".into()),
        _ if matches!(status, 204 | 304) => Body::length(0),
        (Some(length), false) => Body::length(length),
        (None, true) => Body::chunked(),
        (None, false) => {
            keep_alive = false;
            Body::UntilClose
        }
    };
    Ok(Head { status, body, encoding, keep_alive })
}

/// Lines up to the empty one, without their ends.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], String>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.0.iter().position(|byte| *byte == b'\n')?;
        let (line, rest) = self.0.split_at(at);
        self.0 = &rest[1..];
        match line.strip_suffix(b"\r") {
            Some(b"") => None,
            Some(line) => Some(Ok(line)),
            None => Some(Err("a line of the head does not end in CR LF".into())),
        }
    }
}

fn status(line: &[u8]) -> Option<(u16, bool)> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (&[minor @ (b'0' | b'1'), b' ', a, b, c], reason) = rest.split_first_chunk::<5>()? else { return None };
    if !reason.is_empty() && reason[0] != b' ' {
        return None;
    }
    let code = number(&[a, b, c])?;
    // An interim answer would need a request that asks for one.
    (200..600).contains(&code).then_some((u16::try_from(code).ok()?, minor == b'1'))
}

/// Decimal digits and nothing else.
fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Head, String> {
        parse(format!("HTTP/1.1 200 OK\r\n{text}\r\n").as_bytes())
    }

    #[test]
    fn finds_the_end_wherever_it_is_cut() {
        let whole = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\r\n\r\n";
        for cut in 0..=whole.len() {
            assert_eq!(end(&whole[..cut]), (cut >= 25).then_some(25), "cut at {cut}");
        }
    }

    #[test]
    fn reads_what_decides_the_body() {
        let plain = head("content-LENGTH:  12 \r\nX: y\r\n").unwrap();
        let expected = Head { status: 200, body: Body::length(12), encoding: Encoding::Plain, keep_alive: true };
        assert_eq!(plain, expected);
        let chunked = head("Transfer-Encoding: chunked\r\nConnection: Close\r\nContent-Encoding: gzip\r\n").unwrap();
        assert_eq!((chunked.body, chunked.keep_alive), (Body::chunked(), false));
        assert_eq!(chunked.encoding, Encoding::Gzip);
        let open = head("").unwrap();
        assert_eq!((open.body, open.keep_alive), (Body::UntilClose, false));
        let old = parse(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert_eq!((old.status, old.keep_alive), (404, false));
        assert_eq!(parse(b"HTTP/1.1 204\r\n\r\n").unwrap().body, Body::length(0));
    }

    #[test]
    fn refuses_what_can_be_read_in_two_ways() {
        for bad in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: +1\r\n",
            "Content-Length:\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Content-Encoding: br\r\n",
            "Name : value\r\n",
            " folded\r\n",
            "none\r\n",
            "A: b\nC: d\r\n",
        ] {
            assert!(head(bad).is_err(), "{bad:?} was accepted");
        }
        for bad in ["HTTP/2 200\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "SSH-2.0\r\n\r\n"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad:?} was accepted");
        }
    }
}
