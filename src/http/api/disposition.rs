//! `Content-Disposition`: under which name a browser saves an answer.
//!
//! Owns its escaping: whatever a file is called, the header stays one header. Source: RFC 6266, RFC 8187.

use std::fmt::Write as _;

use axum::http::HeaderValue;

/// Builds the header; `kind` is `inline` or `attachment`.
pub(super) fn content_disposition(kind: &'static str, name: &str) -> HeaderValue {
    let is_plain = |character: char| character.is_ascii_graphic() || character == ' ';
    let is_special = |character: char| matches!(character, '"' | '\\' | '/' | '%' | ';');
    // For old clients: what cannot stand in quotes is replaced.
    let ascii: String = name
        .chars()
        .map(|character| if is_plain(character) && !is_special(character) { character } else { '_' })
        .collect();
    let mut text = format!("{kind}; filename=\"{ascii}\"");
    if ascii != name {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
                // Writing to a String cannot fail.
                _ => drop(write!(text, "%{byte:02X}")),
            }
        }
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out() {
        let table = [
            ("a b.txt", "inline; filename=\"a b.txt\""),
            ("ü.md", "inline; filename=\"_.md\"; filename*=UTF-8''%C3%BC.md"),
            ("a\"; x=\"b", "inline; filename=\"a__ x=_b\"; filename*=UTF-8''a%22%3B%20x%3D%22b"),
            ("a\r\nset-cookie: x", "inline; filename=\"a__set-cookie: x\"; filename*=UTF-8''a%0D%0Aset-cookie%3A%20x"),
            ("\u{202e}fdp", "inline; filename=\"_fdp\"; filename*=UTF-8''%E2%80%AEfdp"),
        ];
        for (name, expected) in table {
            assert_eq!(content_disposition("inline", name), expected);
        }
    }
}
