//! The framing of a body: by length, in chunks, or up to the end of the connection.
//!
//! Owns cutting a buffer into data and framing; it holds no bytes itself. Called by `client`.

use std::ops::Range;

/// The longest line between chunks, extensions included.
const MAX_LINE: usize = 256;

/// What is still to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// This many bytes.
    Length(u64),
    /// The size line of the next chunk.
    ChunkSize,
    /// This many bytes of a chunk.
    ChunkData(u64),
    /// The line end behind a chunk's data.
    ChunkEnd,
    /// Lines behind the last chunk, up to an empty one.
    Trailer,
    /// Everything up to the end of the connection.
    UntilClose,
}

/// What one look at the buffer gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Data at this place of the buffer; what is before it is framing. Take both away.
    Data(Range<usize>),
    /// Nothing without more input; so many bytes of framing can be taken away.
    More(usize),
    /// The body is complete after so many bytes of framing.
    End(usize),
}

impl Body {
    /// A body of `length` bytes.
    pub(crate) fn length(length: u64) -> Self {
        Self::Length(length)
    }

    /// A body in chunks.
    pub(crate) fn chunked() -> Self {
        Self::ChunkSize
    }

    /// Reads on in `input`, which begins where the last look ended.
    ///
    /// Errors: chunk framing that is malformed.
    pub(crate) fn next(&mut self, input: &[u8]) -> Result<Piece, String> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            match self {
                Self::Length(0) => return Ok(Piece::End(at)),
                Self::UntilClose if rest.is_empty() => return Ok(Piece::More(at)),
                Self::UntilClose => return Ok(Piece::Data(at..input.len())),
                Self::Length(left) | Self::ChunkData(left) => {
                    if rest.is_empty() {
                        return Ok(Piece::More(at));
                    }
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= take as u64;
                    if matches!(self, Self::ChunkData(0)) {
                        *self = Self::ChunkEnd;
                    }
                    return Ok(Piece::Data(at..at + take));
                }
                Self::ChunkSize | Self::ChunkEnd | Self::Trailer => {
                    let Some(line) = line(rest)? else { return Ok(Piece::More(at)) };
                    at += line.len() + 2;
                    *self = match self {
                        Self::ChunkSize => match chunk_size(line)? {
                            0 => Self::Trailer,
                            size => Self::ChunkData(size),
                        },
                        Self::ChunkEnd if line.is_empty() => Self::ChunkSize,
                        Self::Trailer if line.is_empty() => Self::Length(0),
                        Self::Trailer => Self::Trailer,
                        _ => return Err("a chunk is longer than its size".into()),
                    };
                }
            }
        }
    }
}

/// The next line without its end, when it is complete.
fn line(input: &[u8]) -> Result<Option<&[u8]>, String> {
    match input.iter().take(MAX_LINE).position(|byte| *byte == b'\n') {
        Some(at) => match input[..at].strip_suffix(b"\r") {
            Some(line) => Ok(Some(line)),
            None => Err("a line between chunks does not end in CR LF".into()),
        },
        None if input.len() >= MAX_LINE => Err("a line between chunks does not end".into()),
        None => Ok(None),
    }
}

fn chunk_size(line: &[u8]) -> Result<u64, String> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let digits = std::str::from_utf8(digits).ok().filter(|t| t.bytes().all(|byte| byte.is_ascii_hexdigit()));
    digits
        .and_then(|text| u64::from_str_radix(text, 16).ok())
        .ok_or_else(|| format!("`{}` is no chunk size", line.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` in steps as a connection would; gives the data and how much was left over.
    fn read(mut body: Body, input: &[u8], step: usize) -> Result<(Vec<u8>, usize), String> {
        let (mut data, mut start, mut end) = (Vec::new(), 0, 0);
        loop {
            match body.next(&input[start..end])? {
                Piece::Data(range) => {
                    data.extend_from_slice(&input[start..][range.clone()]);
                    start += range.end;
                }
                Piece::End(framing) => return Ok((data, input.len() - start - framing)),
                Piece::More(framing) => {
                    start += framing;
                    if end == input.len() {
                        return Err("cut".into());
                    }
                    end = input.len().min(end + step);
                }
            }
        }
    }

    #[test]
    fn chunks_give_the_same_data_however_they_arrive() {
        let input = b"4\r\nwiki\r\n0C;x=y\r\n in chunks.\n\r\n0\r\nTrailer: t\r\n\r\nnext";
        for step in 1..=input.len() {
            assert_eq!(read(Body::chunked(), input, step), Ok((b"wiki in chunks.\n".to_vec(), 4)), "steps of {step}");
        }
        for cut in 0..input.len() - 4 {
            assert!(read(Body::chunked(), &input[..cut], 5).is_err(), "cut at {cut} was accepted");
        }
    }

    #[test]
    fn a_length_ends_the_body_and_no_length_does_not() {
        assert_eq!(read(Body::length(3), b"abcdef", 2), Ok((b"abc".to_vec(), 3)));
        assert_eq!(read(Body::length(0), b"", 1), Ok((Vec::new(), 0)));
        assert!(read(Body::length(3), b"ab", 1).is_err());
        assert!(read(Body::UntilClose, b"ab", 1).is_err(), "the end of a connection is not in the bytes");
    }

    #[test]
    fn malformed_chunks_are_refused() {
        let endless = [b'1'; MAX_LINE];
        for bad in [
            &b"x\r\n"[..],
            b"\r\n",
            b"-1\r\na",
            b"+1\r\na",
            b"1\na",
            b"1\r\nab\r\n",
            b"11111111111111111\r\n",
            &endless,
        ] {
            let outcome = read(Body::chunked(), bad, 100);
            assert!(outcome.as_ref().is_err_and(|text| text != "cut"), "{}: {outcome:?}", bad.escape_ascii());
        }
    }
}
