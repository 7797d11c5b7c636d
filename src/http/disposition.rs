//! `Content-Disposition` for a file name that somebody chose (RFC 6266, RFC 8187).
//!
//! Pure. Whatever the name holds, the header stays one header with one name in it.

use std::fmt::Write as _;

use axum::http::HeaderValue;

/// The header; `is_inline`: a browser may show the content in place.
pub(super) fn disposition(name: &str, is_inline: bool) -> HeaderValue {
    let kind = if is_inline { "inline" } else { "attachment" };
    // For those who do not know the second form: what could end the quotes, or is not ASCII, is an underscore.
    let is_plain = |character: char| matches!(character, ' '..='~') && !matches!(character, '"' | '\\' | '/' | '%');
    let plain: String = name.chars().map(|character| if is_plain(character) { character } else { '_' }).collect();
    let mut text = format!("{kind}; filename=\"{plain}\"");
    if plain != name {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
                // Writing to a String cannot fail.
                _ => drop(write!(text, "%{byte:02X}")),
            }
        }
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_their_quotes() {
        let table = [
            ("a.zip", "attachment; filename=\"a.zip\""),
            ("a b;c.zip", "attachment; filename=\"a b;c.zip\""),
            (
                "a\"; filename=\"b.exe",
                "attachment; filename=\"a_; filename=_b.exe\"; filename*=UTF-8''a%22%3B%20filename%3D%22b.exe",
            ),
            ("a\r\nX-Evil: 1", "attachment; filename=\"a__X-Evil: 1\"; filename*=UTF-8''a%0D%0AX-Evil%3A%201"),
            ("a/b", "attachment; filename=\"a_b\"; filename*=UTF-8''a%2Fb"),
            ("\u{202e}fdp", "attachment; filename=\"_fdp\"; filename*=UTF-8''%E2%80%AEfdp"),
            ("größe%41.txt", "attachment; filename=\"gr__e_41.txt\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%2541.txt"),
        ];
        for (name, expected) in table {
            assert_eq!(disposition(name, false), expected, "{name:?}");
        }
        assert_eq!(disposition("a.png", true), "inline; filename=\"a.png\"");
    }
}
