//! Owns the header lines of a mail: encoding what is not ASCII, quoting names, folding. Refuses the body. Called by [`super::write_mail`].

use super::wrap::wrap;
use crate::commit_text::Person;

/// Longest line of a header with plain words.
const WIDTH: usize = 78;
/// Longest line with encoded words (RFC 2047, section 2).
const ENCODED_WIDTH: usize = 76;
const OPEN: &str = "=?UTF-8?q?";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Subject,
    Address,
}

/// The `From:` line.
pub(super) fn from(author: &Person) -> Vec<u8> {
    let mut out = b"From: ".to_vec();
    let mut width = WIDTH;
    if needs_encoding(&author.name) {
        encode(&mut out, &author.name, Place::Address);
        width = ENCODED_WIDTH;
    } else if author.name.iter().any(|byte| b"()<>[]:;@,.\"\\".contains(byte)) {
        let mut quoted = vec![b'"'];
        for byte in &author.name {
            if matches!(byte, b'"' | b'\\') {
                quoted.push(b'\\');
            }
            quoted.push(*byte);
        }
        quoted.push(b'"');
        wrap(&mut out, &quoted, WIDTH);
    } else {
        wrap(&mut out, &author.name, WIDTH);
    }
    if width < last_line(&out) + author.mail.len() + 3 {
        out.push(b'\n');
    }
    [&out[..], b" <", &author.mail, b">\n"].concat()
}

/// The `Subject:` line.
pub(super) fn subject(subject: &[u8]) -> Vec<u8> {
    let mut out = b"Subject: [PATCH]".to_vec();
    if subject.is_empty() {
        out.push(b'\n');
        return out;
    }
    out.push(b' ');
    if needs_encoding(subject) {
        encode(&mut out, subject, Place::Subject);
    } else {
        wrap(&mut out, subject, WIDTH);
    }
    out.push(b'\n');
    out
}

/// Whether a text can stand in a mail as it is. The escape byte would switch character sets.
pub(super) fn is_ascii(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii() && *byte != 0x1b)
}

fn needs_encoding(text: &[u8]) -> bool {
    !is_ascii(text) || text.contains(&b'\n') || text.windows(2).any(|pair| pair == b"=?")
}

fn last_line(text: &[u8]) -> usize {
    text.len() - text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// Appends text as encoded words; no character is divided between two.
fn encode(out: &mut Vec<u8>, text: &[u8], place: Place) {
    let mut width = last_line(out) + OPEN.len();
    out.extend_from_slice(OPEN.as_bytes());
    let mut rest = text;
    while !rest.is_empty() {
        let (character, tail) = rest.split_at(character_len(rest));
        rest = tail;
        let encoded = match character {
            [byte] if !is_special(*byte, place) => vec![*byte],
            bytes => bytes.iter().flat_map(|byte| format!("={byte:02X}").into_bytes()).collect(),
        };
        if width + encoded.len() + 2 > ENCODED_WIDTH {
            out.extend_from_slice(b"?=\n ");
            out.extend_from_slice(OPEN.as_bytes());
            width = OPEN.len() + 1;
        }
        out.extend_from_slice(&encoded);
        width += encoded.len();
    }
    out.extend_from_slice(b"?=");
}

/// The length of the first character; one byte where the text is not UTF-8.
fn character_len(text: &[u8]) -> usize {
    let valid = |length: usize| text.get(..length).is_some_and(|bytes| std::str::from_utf8(bytes).is_ok());
    (1..=4).find(|length| valid(*length)).unwrap_or(1)
}

fn is_special(byte: u8, place: Place) -> bool {
    let is_plain = byte.is_ascii_graphic() && !matches!(byte, b'=' | b'?' | b'_');
    let is_word = byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'*' | b'+' | b'-' | b'/');
    !is_plain || (place == Place::Address && !is_word)
}
